"""The best point with given whole numbers: an LP of the whole year.

Sizes tie all hours together, and so do yearly limits once sizes are free: with them
held at a good plant presolve takes nearly all away, and few steps of the primal
simplex are left once they are free. Ten times faster where a limit binds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from energyopt.solve.compile import NO_HOUR, Problem
from energyopt.solve.highs import (
    PRIMAL_SIMPLEX,
    Highs,
    State,
    has_hipo,
    scheduler_threads,
)

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Flags = NDArray[np.bool_]

ROUNDING = 1e-6
"""A point whose whole numbers were rounded may break rows by this much, no more."""
SIMPLEX_S = 60.0
"""After this long an interior point solves the LP instead."""
SIZE_HAIR, SIZE_STEP = 1e-6, 0.02
"""How closely sizes are held at first, so that what only just carries the load does; how
far they may then move, before they may go anywhere."""


@dataclass(frozen=True)
class _Rest:
    """What whole numbers leave open: an LP whose first columns are the problem's."""

    cost: Floats
    matrix: Any
    row_lower: Floats
    row_upper: Floats
    lower: Floats
    upper: Floats

    def solver(self, options: dict[str, Any]) -> Highs:
        """Return a solver that has it."""
        solver = Highs(options | {"threads": scheduler_threads()})
        solver.load(
            self.cost,
            self.matrix,
            self.row_lower,
            self.row_upper,
            self.lower,
            self.upper,
        )
        return solver

    def with_leeway(self, rows: Ints, price: Floats) -> _Rest:
        """Return the LP with a column for each of some rows that takes what is too much."""
        count = len(rows)
        sign = np.where(np.isfinite(self.row_upper[rows]), -1.0, 1.0)
        slack = sparse.csr_array(
            (sign, (rows, np.arange(count))), shape=(self.matrix.shape[0], count)
        )
        return replace(
            self,
            cost=np.append(self.cost, price),
            matrix=sparse.csr_array(sparse.hstack([self.matrix, slack])),
            lower=np.append(self.lower, np.zeros(count)),
            upper=np.append(self.upper, np.full(count, np.inf)),
        )


def solve_fixed(
    problem: Problem,
    x: Floats,
    rows: Sequence[int] = (),
    leeway: Floats | None = None,
    held: Flags | None = None,
) -> tuple[Floats, Floats] | None:
    """Return the best point, and row duals, with the whole numbers of ``x`` kept.

    Parameters
    ----------
    x : array, shape (columns,)
        Its whole numbers are kept; its sizes are where the search starts.
    rows : sequence of int
        The rows whose duals are wanted.
    leeway : array, shape (rows,), optional
        ``x`` may break ``rows``: what each unit of that is worth on the way, more than
        the row's dual. At the end every row holds. [k$ per unit of the row]
    held : array of bool, shape (columns,), optional
        Further columns of ``x`` that are kept.

    Returns
    -------
    tuple of array, or None
        Point, shape (columns,), and duals of ``rows`` [k$ per unit of the row];
        ``None`` if there is no such point.
    """
    lower, upper = problem.lower.copy(), problem.upper.copy()
    whole = problem.integer
    lower[whole] = upper[whole] = np.round(x[whole])
    if held is not None:
        kept_too = held & ~whole
        lower[kept_too] = upper[kept_too] = x[kept_too]
    free = lower < upper
    point = np.where(free, 0.0, lower)
    given = problem.matrix @ point
    row_lower, row_upper = problem.row_lower, problem.row_upper
    if held is not None:  # what is held cannot mend what rounding broke
        row_lower, row_upper = _as_far_as_kept(problem, x)
    row_lower, row_upper = row_lower - given, row_upper - given
    matrix = problem.matrix[:, free]
    least, most = lower[free], upper[free]

    # Without its whole numbers a row mostly has one column left, or none: a bound.
    left = np.diff(matrix.indptr)
    kept = left > 1
    kept[list(rows)] = True
    single = ~kept & (left == 1)
    entry = matrix.indptr[:-1][single]
    column, factor = matrix.indices[entry], matrix.data[entry]
    ends = np.sort([row_lower[single] / factor, row_upper[single] / factor], axis=0)
    np.maximum.at(least, column, ends[0])
    np.minimum.at(most, column, ends[1])
    none = left == 0
    short = np.concatenate([row_lower[none], -row_upper[none], least - most])
    if short.size and short.max() > ROUNDING * (1 + np.abs(given).max(initial=0.0)):
        return None
    if not free.any():
        return point, np.zeros(len(rows))

    rest = _Rest(
        problem.cost[free],
        matrix[kept],
        row_lower[kept],
        row_upper[kept],
        least,
        np.maximum(least, most),
    )
    sizes = np.flatnonzero(problem.column_hour[free] == NO_HOUR)
    near = x[free][sizes]
    if leeway is not None:
        rest = rest.with_leeway((np.cumsum(kept) - 1)[list(rows)], leeway)
    found = _from_sizes(rest, sizes, near) or _in_one(rest)
    if found is None:
        return None
    count = int(free.sum())
    if found[0][count:].max(initial=0.0) > ROUNDING:
        return None  # some leeway is left
    point[free] = found[0][:count]
    duals = np.zeros(len(kept))
    duals[kept] = found[1]
    return np.clip(point, lower, upper), duals[list(rows)]


def _as_far_as_kept(problem: Problem, x: Floats) -> tuple[Floats, Floats]:
    """Return the rows' bounds, wider where ``x`` breaks them by rounding only."""
    low, high, at = problem.row_lower, problem.row_upper, problem.matrix @ x
    return (
        np.where(at > low - ROUNDING, np.minimum(low, at), low),
        np.where(at < high + ROUNDING, np.maximum(high, at), high),
    )


def _from_sizes(rest: _Rest, sizes: Ints, near: Floats) -> tuple[Floats, Floats] | None:
    """Return point and row duals of an LP, solved with its sizes held first.

    Parameters
    ----------
    sizes : array of int
        The columns to hold.
    near : array, shape (sizes,)
        Where.
    """

    def around(share: float) -> tuple[Floats, Floats]:
        room = share * (1 + np.abs(near))
        low, high = rest.lower[sizes], rest.upper[sizes]
        return np.clip(near - room, low, high), np.clip(near + room, low, high)

    lower, upper = rest.lower.copy(), rest.upper.copy()
    lower[sizes], upper[sizes] = around(SIZE_HAIR)
    held = replace(rest, lower=lower, upper=upper)
    solver = held.solver({"solver": "simplex", "time_limit": SIMPLEX_S})
    if not solver.run().optimal:
        return None
    solver.set(
        simplex_strategy=PRIMAL_SIMPLEX,
        # Perturbed bounds make each of a few hundred steps touch the whole year.
        primal_simplex_bound_perturbation_multiplier=0.0,
        time_limit=2 * SIMPLEX_S,
    )
    # Free at once, sizes go far astray first: several times as many steps.
    for low, high in (around(SIZE_STEP), (rest.lower[sizes], rest.upper[sizes])):
        solver.change_bounds(sizes, low, high)
        if not solver.run().optimal:
            return None
        at = solver.values()[sizes]
        hair = SIZE_HAIR * (1 + np.abs(at))
        low_binds = (at < low + hair) & (low > rest.lower[sizes])
        high_binds = (at > high - hair) & (high < rest.upper[sizes])
        if not (low_binds | high_binds).any():
            break
    return solver.values_and_duals()


def _in_one(rest: _Rest) -> tuple[Floats, Floats] | None:
    """Return point and row duals of an LP, or ``None`` if there is none."""
    # Presolve takes half of it away, and the dual simplex finds the vertex several
    # times faster than an interior point and its crossover.
    attempts: list[dict[str, Any]] = [
        {"solver": "simplex", "time_limit": SIMPLEX_S},
        {"solver": "hipo" if has_hipo() else "ipx"},
    ]
    for options in attempts:
        solver = rest.solver(options)
        outcome = solver.run()
        if outcome.optimal:
            return solver.values_and_duals()
        if outcome.state == State.kInfeasible:
            return None
    return None
