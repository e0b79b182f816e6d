"""To whom each row and column of the problem belongs: a period, the master, or several.

Read from the matrix and the hour of each row and column.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from energyopt.solve.compile import NO_HOUR, Problem

Ints = NDArray[np.intp]
Flags = NDArray[np.bool_]

FEW_LINKS = 8
"""Columns per edge that rows looking back several hours may add to the master."""


@dataclass(frozen=True)
class Owners:
    """To whom each row and column of the problem belongs.

    Parameters
    ----------
    row_period, column_period : array of int
        The period of each row and column; -1 where there is none.
    linking : array of bool, shape (columns,)
        Columns of the master.
    in_period, is_shared, in_master : array of bool, shape (rows,)
        Rows of one period, rows over several, rows of the master alone.
    relaxed : array of int
        Rows across an edge that are left out.
    """

    row_period: Ints
    column_period: Ints
    linking: Flags
    in_period: Flags
    is_shared: Flags
    in_master: Flags
    relaxed: Ints


def owners_of(problem: Problem, starts: Ints, link_all: bool) -> Owners:
    """Return to whom rows and columns belong: a period, the master, or several."""
    count = len(starts)
    period_of_hour = np.searchsorted(starts, np.arange(problem.hours), side="right") - 1
    column_period = np.where(
        problem.column_hour == NO_HOUR, -1, period_of_hour[problem.column_hour]
    )
    row_period = np.where(
        problem.row_hour == NO_HOUR, -1, period_of_hour[problem.row_hour]
    )
    coo = problem.matrix.tocoo()
    row, column = coo.row, coo.col

    # Rows without an hour: of the master, of one period, or shared.
    free = (row_period[row] == -1) & (column_period[column] != -1)
    pairs = np.unique(row[free].astype(np.int64) * count + column_period[column[free]])
    touched, periods_touched = np.unique(pairs // count, return_counts=True)
    is_shared = np.zeros(len(problem.rows), dtype=bool)
    is_shared[touched[periods_touched > 1]] = True
    single = pairs[np.isin(pairs // count, touched[periods_touched == 1])]
    row_period[single // count] = single % count

    # Rows with a period that reach into another.
    foreign = (
        (row_period[row] != -1)
        & (column_period[column] != -1)
        & (row_period[row] != column_period[column])
    )
    linking = column_period == -1
    relaxed = _link(problem, row[foreign], column[foreign], linking, count, link_all)

    in_period = (row_period != -1) & ~is_shared
    in_period[relaxed] = False
    has_own = np.zeros(len(problem.rows), dtype=bool)
    has_own[row[~linking[column]]] = True
    in_period &= has_own
    in_master = ~in_period & ~is_shared
    in_master[relaxed] = False
    return Owners(
        row_period=row_period,
        column_period=column_period,
        linking=linking,
        in_period=in_period,
        is_shared=is_shared,
        in_master=in_master,
        relaxed=relaxed,
    )


def _link(
    problem: Problem,
    row: Ints,
    column: Ints,
    linking: Flags,
    count: int,
    link_all: bool,
) -> Ints:
    """Mark the columns that rows across edges link; return the rows left out instead.

    ``row`` and ``column`` are the entries that reach into another period.
    """
    same = problem.row_lower == problem.row_upper
    span = np.abs(problem.row_hour[row] - problem.column_hour[column])
    span = np.minimum(span, problem.hours - span)
    reach = np.zeros(len(problem.rows), dtype=np.intp)
    np.maximum.at(reach, row, np.where(problem.row_hour[row] == NO_HOUR, 1, span))
    family_reach = np.zeros(int(problem.row_family.max(initial=0)) + 1, dtype=np.intp)
    np.maximum.at(family_reach, problem.row_family[row], reach[row])
    far = (family_reach[problem.row_family[row]] > 1) & ~same[row]
    linking[column[~far]] = True
    new = np.unique(column[far])
    new = new[~linking[new]]
    if link_all or len(new) <= FEW_LINKS * count:
        linking[new] = True
    return np.unique(row[~linking[column]])
