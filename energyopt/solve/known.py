"""Small whole-number problems that some HiGHS releases got wrong.

Each comes from a report in HiGHS's own tracker (github.com/ERGO-Code/HiGHS/issues);
the optimum can be seen by hand. 1.14.0 gets all of them wrong with its presolve on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from energyopt.solve.highs import Highs, use_threads

INF = np.inf


@dataclass(frozen=True)
class Known:
    """Minimise ``cost @ x`` over rows and bounds; ``optimum`` is known by hand."""

    issue: int
    optimum: float
    cost: list[float]
    rows: list[list[float]]
    row_lower: list[float]
    row_upper: list[float]
    lower: list[float]
    upper: list[float]
    integer: list[bool]


KNOWN = (
    # min 100 gap + 0.01 t: gap + x = 3, t >= |x|, 0.45 <= x <= 3, x whole -> x = t = 3
    Known(
        issue=3073,
        optimum=0.03,
        cost=[100, 0.01, 0],
        rows=[[1, 0, 1], [0, -1, 1], [0, -1, -1], [0, 0, 1], [0, 0, -1]],
        row_lower=[3, -INF, -INF, -INF, -INF],
        row_upper=[3, 0, 0, 3, -0.45],
        lower=[0, -INF, 0],
        upper=[INF, INF, INF],
        integer=[False, False, True],
    ),
    # min 2 x + 3 z: x + z >= 4.5, z whole -> x = 4.5
    Known(
        issue=3043,
        optimum=9.0,
        cost=[2, 3],
        rows=[[1, 1]],
        row_lower=[4.5],
        row_upper=[INF],
        lower=[0, 0],
        upper=[10, 10],
        integer=[False, True],
    ),
    # min 10 d0 + 8 d1: z <= 1000 x, z + d = 1000, only one x -> serve the dearer side
    Known(
        issue=3094,
        optimum=8000.0,
        cost=[0, 0, 10, 8, 0, 0],
        rows=[
            [1, 0, 0, 0, -1000, 0],
            [0, 1, 0, 0, 0, -1000],
            [1, 0, 1, 0, 0, 0],
            [0, 1, 0, 1, 0, 0],
            [0, 0, 0, 0, 1, 1],
        ],
        row_lower=[-INF, -INF, 1000, 1000, -INF],
        row_upper=[0, 0, 1000, 1000, 1],
        lower=[0, 0, 0, 0, 0, 0],
        upper=[1000, 1000, 1000, 1000, 1, 1],
        integer=[False, False, False, False, True, True],
    ),
)


def faults() -> list[str]:
    """Solve each known problem, presolve on and off; return what is wrong, in words."""
    use_threads(1)
    found = []
    for known in KNOWN:
        for presolve in ("on", "off"):
            solver = Highs({"presolve": presolve, "threads": 1, "mip_rel_gap": 0.0})
            solver.load(
                np.array(known.cost, float),
                np.array(known.rows, float),
                np.array(known.row_lower, float),
                np.array(known.row_upper, float),
                np.array(known.lower, float),
                np.array(known.upper, float),
                np.array(known.integer, bool),
            )
            outcome = solver.run()
            if not outcome.optimal or abs(outcome.objective - known.optimum) > 1e-6:
                found.append(
                    f"HiGHS gets the problem of its issue {known.issue} wrong with presolve "
                    f"{presolve}: {outcome.objective:g} ({outcome.name}) instead of "
                    f"{known.optimum:g}; install highspy 1.15.1 or newer"
                )
    return found
