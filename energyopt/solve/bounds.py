"""Finite bounds for every column, from the rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from energyopt.solve.compile import Problem

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

PASSES = 8


def finite_bounds(problem: Problem) -> tuple[Floats, Floats, Flags]:
    """Return lower and upper bounds of which every one is finite.

    A missing bound follows from a row in which all else is bounded:
    ``a_j x_j <= b - min(rest)``. Where no row gives one, a large number stands in,
    and the column is flagged: an optimum that leans on it must not be believed.

    Parameters
    ----------
    problem : Problem

    Returns
    -------
    tuple of array, shape (columns,)
        Lower bounds, upper bounds, and which columns have a stand-in.
    """
    lower, upper = problem.lower.copy(), problem.upper.copy()
    coo = problem.matrix.tocoo()
    row, column, a = coo.row, coo.col, coo.data
    for _ in range(PASSES):
        open_low, open_high = ~np.isfinite(lower), ~np.isfinite(upper)
        if not (open_low | open_high).any():
            break
        before = open_low.sum() + open_high.sum()
        # Only rows that hold an unbounded column can help.
        touched = np.zeros(problem.matrix.shape[0], dtype=bool)
        touched[row[(open_low | open_high)[column]]] = True
        keep = touched[row]
        _tighten(row[keep], column[keep], a[keep], problem, lower, upper)
        if before == (~np.isfinite(lower)).sum() + (~np.isfinite(upper)).sum():
            break
    stand_in = ~np.isfinite(lower) | ~np.isfinite(upper)
    large = _large(problem, lower, upper)
    lower[~np.isfinite(lower)] = -large
    upper[~np.isfinite(upper)] = large
    return lower, upper, stand_in


def _tighten(
    row: NDArray[np.intp],
    column: NDArray[np.intp],
    a: Floats,
    problem: Problem,
    lower: Floats,
    upper: Floats,
) -> None:
    """Give infinite bounds the value that follows from each row alone."""
    rows = problem.matrix.shape[0]
    for limit, sign in ((problem.row_upper, 1.0), (problem.row_lower, -1.0)):
        # sign * (a x) <= sign * limit
        s = sign * a
        least = np.where(s > 0, s * lower[column], s * upper[column])
        infinite = ~np.isfinite(least)
        part = np.where(infinite, 0.0, least)
        total = np.bincount(row, part, rows)
        missing = np.bincount(row, infinite, rows)
        known = np.isfinite(limit[row]) & (
            (missing[row] == 0) | (infinite & (missing[row] == 1))
        )
        rest = total[row] - part
        implied = (sign * limit[row] - rest) / s
        for side, positive in ((upper, True), (lower, False)):
            use = known & ((s > 0) == positive) & ~np.isfinite(side[column])
            if not use.any():
                continue
            if positive:
                best = np.full(len(upper), np.inf)
                np.minimum.at(best, column[use], implied[use])
                np.minimum(upper, best, out=upper)
            else:
                best = np.full(len(lower), -np.inf)
                np.maximum.at(best, column[use], implied[use])
                np.maximum(lower, best, out=lower)


def _large(problem: Problem, lower: Floats, upper: Floats) -> float:
    """Return a number well beyond every finite one in the problem."""
    largest = 1.0
    for numbers in (lower, upper, problem.row_lower, problem.row_upper):
        finite = np.abs(numbers[np.isfinite(numbers)])
        if finite.size:
            largest = max(largest, float(finite.max()))
    return 100.0 * largest
