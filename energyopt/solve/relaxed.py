"""The hours of a plant that is built, with nothing whole in them: two costs compared."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from energyopt.solve.compile import NO_HOUR, Problem
from energyopt.solve.fixed import SIMPLEX_S, SIZE_HAIR
from energyopt.solve.highs import Highs, scheduler_threads

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def cost_of_keeping(problem: Problem, x: Floats, kept: Flags) -> float | None:
    """Return by how much the relaxed hours are dearer with some columns as they are.

    What belongs to no hour is held where it is; the rest of the hours is free and takes
    fractions of whole numbers.

    Parameters
    ----------
    problem : Problem
        The whole problem.
    x : array, shape (columns,)
        A plant.
    kept : array of bool, shape (columns,)
        The columns that keep their values in the second of the two costs.

    Returns
    -------
    float or None
        At least 0; ``None`` where one of the two was not found. [k$/yr]
    """
    sizes = problem.column_hour == NO_HOUR
    # Held to the last digit, what only just carries the load might not.
    hair = np.where(sizes & ~problem.integer, SIZE_HAIR * (1 + np.abs(x)), 0.0)
    free = _relaxed_cost(problem, x, sizes, hair)
    held = _relaxed_cost(problem, x, sizes | kept, hair)
    return None if free is None or held is None else max(held - free, 0.0)


def _relaxed_cost(
    problem: Problem, x: Floats, held: Flags, hair: Floats
) -> float | None:
    """Return the least cost with some columns held and nothing whole."""
    lower = np.where(held, np.maximum(problem.lower, x - hair), problem.lower)
    upper = np.where(held, np.minimum(problem.upper, x + hair), problem.upper)
    solver = Highs(
        {
            "solver": "simplex",
            "threads": scheduler_threads(),
            "time_limit": SIMPLEX_S,
        }
    )
    solver.load(
        problem.cost,
        problem.matrix,
        problem.row_lower,
        problem.row_upper,
        lower,
        upper,
        offset=problem.offset,
    )
    outcome = solver.run()
    return outcome.objective if outcome.optimal else None
