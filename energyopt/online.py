"""What holding reserve against the units online costs the bound.

With ``contingencies.against: online`` a 0/1 number says in each hour whether a type is
online, and so whether its loss is to be met. The bound lets it be a fraction: 14 of 30
units are then less than half of a unit to lose.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from energyopt.model import PlantModel
from energyopt.solve import cost_of_keeping
from energyopt.units import USD_PER_KUSD

if TYPE_CHECKING:
    from energyopt.solve.compile import Problem

FLAG = "online_flag"
"""The variable of a technology that says whether one of its units is online."""


def bound_lost_usd_per_yr(plant: PlantModel, compiled: Problem) -> float | None:
    """Return what the bound loses since what is online is a fraction in it.

    At the sizes of the plant: the year's relaxed cost (no whole numbers in any hour) with
    each type online or not as in the plant, less that with fractions of it. So much of
    the distance from bound to plant is due to the option; it may be more than the gap,
    where the search's rows for whole units have won some of it back.

    Parameters
    ----------
    plant : PlantModel
        Solved.
    compiled : Problem
        Its matrix.

    Returns
    -------
    float or None
        ``None`` where reserve is held against what is installed, or if it was not found
        within its time. [USD/yr]
    """
    asked = plant.case.contingencies
    if asked is None or asked.against != "online":
        return None
    blocks = [plant.m.plant[name] for name in plant.terms]
    flags = [getattr(block, FLAG) for block in blocks if hasattr(block, FLAG)]
    lost = cost_of_keeping([v for flag in flags for v in flag.values()], compiled)
    return None if lost is None else lost * USD_PER_KUSD
