"""Many plants, one table: grids, tornados, samples, scenarios and frontiers.

What is asked (:mod:`~energyopt.sweep.asked`) becomes points
(:mod:`~energyopt.sweep.points`), each a case and the point whose cuts it starts from;
the engine (:mod:`~energyopt.sweep.engine`) has workers solve those that are not in the
store yet, and the table (:mod:`~energyopt.sweep.table`) is read from the store alone.
"""
