"""Rows that whole units imply and fractional ones break.

A reserve row asks for so many MW that are made of whole units: where 13.4 units would
do, 14 must run. The relaxed problem would run 13.4, and its bound would be low by the
no-load fuel of 0.6 units in each hour. Mixed-integer rounding says so in one row.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from energyopt.solve.compile import NO_HOUR, Problem

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

LEAST_PART = 0.02
"""A fraction nearer than this to a whole number is not worth a row."""


def tightened(problem: Problem) -> Problem:
    r"""Return the problem with rounding rows added; its whole-number points are the same.

    Taken are rows of an hour such as :math:`\sum_j a_j n_j + s \ge b + a_k u` with
    whole :math:`n_j` of that hour and an hourless whole :math:`u` of the size of one
    of them: what one unit's loss must leave. Divided by :math:`\delta = a_k`, with
    :math:`f` the fraction of :math:`b / \delta` and :math:`f_j` that of
    :math:`a_j / \delta` [1]_:

    .. math:: \sum_j (\lfloor a_j/\delta \rfloor + \min(1, f_j / f)) n_j
              + s / (\delta f) \ge \lceil b / \delta \rceil

    References
    ----------
    .. [1] H. Marchand and L. A. Wolsey, "Aggregation and mixed integer rounding to
       solve MIPs", Operations Research 49 (2001).
    """
    rows, matrix, least = _unit_rows(problem)
    if not len(rows):
        return problem
    added, lower, kept = _rounded(problem, matrix, least)
    rows = rows[kept]
    family = problem.row_family[rows] + problem.row_family.max() + 1
    return replace(
        problem,
        matrix=sparse.csr_array(sparse.vstack([problem.matrix, added])),
        row_lower=np.append(problem.row_lower, lower),
        row_upper=np.append(problem.row_upper, np.full(len(rows), np.inf)),
        row_hour=np.append(problem.row_hour, problem.row_hour[rows]),
        row_family=np.append(problem.row_family, family),
        rows=[*problem.rows, *(problem.rows[i] for i in rows)],
    )


def _unit_rows(problem: Problem) -> tuple[Ints, Any, Floats]:
    """Return rows ``matrix @ x >= least`` of an hour that may have units to round.

    A continuous column that one equality with whole columns defines is replaced by
    its definition.
    """
    hourless_whole = problem.integer & (problem.column_hour == NO_HOUR)
    has = (abs(problem.matrix) @ hourless_whole.astype(float)) > 0
    one_sided = np.isfinite(problem.row_lower) != np.isfinite(problem.row_upper)
    rows = np.flatnonzero(has & one_sided & (problem.row_hour != NO_HOUR))
    sign = np.where(np.isfinite(problem.row_lower[rows]), 1.0, -1.0)
    matrix = sparse.csr_array(problem.matrix[rows] * sign[:, None])
    least = np.where(sign > 0, problem.row_lower[rows], -problem.row_upper[rows])

    equal = np.flatnonzero(
        (problem.row_lower == problem.row_upper) & (problem.row_hour != NO_HOUR)
    )
    whole_in = (abs(problem.matrix[equal]) @ problem.integer.astype(float)) > 0
    equal = equal[whole_in]
    laws = problem.matrix[equal]
    by_column = sparse.csc_array(laws)
    once = np.diff(by_column.indptr) == 1
    defined = once & ~problem.integer & (problem.column_hour != NO_HOUR)
    law = np.full(len(problem.columns), -1)
    pivot = np.ones(len(problem.columns))
    law[once] = by_column.indices[by_column.indptr[:-1][once]]
    pivot[once] = by_column.data[by_column.indptr[:-1][once]]
    coo = matrix.tocoo()
    use = defined[coo.col]
    swap = sparse.csr_array(
        (coo.data[use] / pivot[coo.col[use]], (coo.row[use], law[coo.col[use]])),
        shape=(len(rows), len(equal)),
    )
    matrix = sparse.csr_array(matrix - swap @ laws)
    matrix.data[np.abs(matrix.data) < 1e-12] = 0.0
    matrix.eliminate_zeros()
    return rows, matrix, least - swap @ problem.row_lower[equal]


def _rounded(problem: Problem, matrix: Any, least: Floats) -> tuple[Any, Floats, Ints]:
    """Return the rounding rows, their lower limits, and which rows they come from."""
    coo = matrix.tocoo()
    row, column, a = coo.row, coo.col, coo.data
    whole = problem.integer[column]
    hourly = problem.column_hour[column] != NO_HOUR
    # The size of one unit: of the only hourless whole column that adds to the demand.
    lost = whole & ~hourly & (a < 0)
    count = np.bincount(row, lost, len(least))
    delta = np.bincount(row, np.where(lost, -a, 0.0), len(least))
    delta[count != 1] = np.nan
    same = whole & hourly & (np.abs(a - delta[row]) <= 1e-9 * np.abs(a))
    shift = np.where(np.isfinite(problem.lower[column]), problem.lower[column], np.nan)
    moved = np.bincount(row, a * shift, len(least))
    ratio = (least - moved) / delta
    part = ratio - np.floor(ratio)
    good = (
        (np.bincount(row, same, len(least)) > 0)
        & np.isfinite(ratio)
        & (part > LEAST_PART)
        & (part < 1 - 1e-6)
    )
    kept = np.flatnonzero(good)
    entry = good[row]
    row, column, a, whole = row[entry], column[entry], a[entry], whole[entry]
    scaled, f = a / delta[row], part[row]
    floor = np.floor(scaled + 1e-9)
    rest = np.maximum(scaled - floor, 0.0)
    # A hair below a whole number counts as that number: the larger coefficient is valid.
    coefficient = np.where(
        whole, floor + np.minimum(1.0, rest / f), np.maximum(scaled, 0.0) / f
    )
    place = np.full(len(least), -1)
    place[kept] = np.arange(len(kept))
    added = sparse.csr_array(
        (coefficient, (place[row], column)), shape=(len(kept), len(problem.columns))
    )
    added.eliminate_zeros()
    lower = np.ceil(ratio[kept]) + added @ np.where(
        np.isfinite(problem.lower), problem.lower, 0.0
    )
    return added, lower, kept
