"""Where the year falls apart: periods, and what ties them together.

A column without an hour, or used by the rows of two periods, is *linking*: it belongs
to the master problem. A row over several periods (a yearly limit) is *shared*: each
period gets a budget of it, a further master column, and the master adds the budgets up.
What is left of a period's rows depends on the master through their right-hand sides
only. All of this is read from the matrix and the hour of each row and column.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from energyopt.solve.compile import NO_HOUR, Problem

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Flags = NDArray[np.bool_]

FEW_LINKS = 8
"""Columns per edge that rows looking back several hours may add to the master."""


@dataclass(frozen=True)
class Period:
    """The rows and columns of a run of hours.

    ``row_lower <= own @ y + tie @ z <= row_upper`` with the period's columns ``y``
    and the master's ``z``. Its own rows come first, then one for each budget.

    Parameters
    ----------
    rows : array of int
        Rows of the problem, in order; without the budgets'.
    columns : array of int
        Columns of the problem that are ``y``.
    own : sparse.csr_array, shape (rows + budgets, columns)
    tie : sparse.csr_array, shape (rows + budgets, master columns)
    shared : array of int
        For each budget, its place in ``Border.shared``.
    """

    rows: Ints
    columns: Ints
    own: Any
    tie: Any
    row_lower: Floats
    row_upper: Floats
    shared: Ints

    @property
    def budgets(self) -> int:
        """How many rows at the end are budgets."""
        return len(self.shared)


@dataclass(frozen=True)
class Border:
    """The master's part of the problem, and the periods.

    Master columns are the linking columns of the problem, in order, then one for each
    budget.

    Parameters
    ----------
    links : array of int
        Linking columns of the problem.
    budget_period, budget_shared : array of int
        Period and shared row of each budget.
    matrix : sparse.csr_array, shape (rows, master columns)
        Rows among master columns alone, and the sums of budgets.
    cost, lower, upper, integer : array, shape (master columns,)
    shared : array of int
        Rows of the problem that tie periods together.
    relaxed : array of int
        Rows across an edge that are left out of the bound; the dispatch keeps them.
    implied : sparse.csr_array and array
        Rows that follow for the master from single rows of the periods.
    """

    links: Ints
    budget_period: Ints
    budget_shared: Ints
    matrix: Any
    row_lower: Floats
    row_upper: Floats
    cost: Floats
    lower: Floats
    upper: Floats
    integer: Flags
    shared: Ints
    relaxed: Ints
    periods: list[Period]
    start: Ints  # first hour of each period

    @property
    def columns(self) -> int:
        """How many master columns there are."""
        return len(self.cost)

    def within_limits(self, z: Floats) -> Floats:
        """Return a point with budgets that add up to no more than their limits.

        What is too much, or too little of a lower limit, is taken off each period's
        budget in proportion. Shape (master columns,).
        """
        n, first = len(self.links), self.matrix.shape[0] - len(self.shared)
        use = self.matrix[first:] @ z
        over = np.maximum(use - self.row_upper[first:], 0.0)
        over -= np.maximum(self.row_lower[first:] - use, 0.0)
        size = np.abs(z[n:]) + 1e-9
        total = np.bincount(self.budget_shared, size, minlength=len(self.shared))
        shares = size / total[self.budget_shared]
        found = z.copy()
        found[n:] -= over[self.budget_shared] * shares
        return np.clip(found, self.lower, self.upper)


def small_indices(matrix: Any) -> Any:
    """Return a matrix by rows, its indices in 4 bytes: sums and stacks make them 8."""
    csr = sparse.csr_array(matrix)
    csr.indices, csr.indptr = csr.indices.astype(np.int32), csr.indptr.astype(np.int32)
    return csr


def entries(matrix: Any, keep: Flags, place: Any, columns: int) -> Any:
    """Return some entries of a matrix by rows, their columns numbered anew by ``place``.

    Without it they keep their number.
    """
    starts = np.append(0, np.cumsum(keep))[matrix.indptr]
    index = matrix.indices[keep]
    found = sparse.csr_array(
        (
            matrix.data[keep],
            index if place is None else place[index],
            starts.astype(np.int32),
        ),
        shape=(matrix.shape[0], columns),
    )
    found.sort_indices()
    return found


def period_starts(problem: Problem, length: int) -> Ints:
    """Return the first hour of each period, of at most ``length`` hours.

    Where no row ties an hour to those before it, time does not go on (another year,
    another representative week): a chain of hours ends. Chains are cut into periods,
    short ones put together; a rest of less than an eighth stays with its neighbour.
    """
    starts: list[int] = []
    filled = length
    breaks = _breaks(problem)
    for first, end in zip(breaks, [*breaks[1:], problem.hours], strict=True):
        if end - first <= length - filled:
            filled += end - first
            continue
        inside = list(range(first, end, length))
        if len(inside) > 1 and end - inside[-1] < length / 8:
            inside.pop()
        starts += inside
        filled = end - inside[-1]
    return np.array(starts, dtype=np.intp)


def _groups(group: Ints, count: int) -> list[Ints]:
    """Return the places of each group's members, in order; those of group -1 in none."""
    order = np.argsort(group, kind="stable")
    return np.split(order, np.searchsorted(group[order], np.arange(count + 1)))[1:-1]


def _breaks(problem: Problem) -> list[int]:
    """Return hour 0 and each hour that no row ties to an hour before it.

    A row that uses a much later hour is where a chain wraps, not a tie.
    """
    coo = problem.matrix.tocoo()
    row_hour, column_hour = problem.row_hour[coo.row], problem.column_hour[coo.col]
    both = (row_hour != NO_HOUR) & (column_hour != NO_HOUR)
    pairs = column_hour[both].astype(np.int64) * problem.hours + row_hour[both]
    early, late = np.divmod(np.unique(pairs), max(problem.hours, 1))
    ties = np.zeros(problem.hours + 1, dtype=np.intp)
    ahead = early - late == 1  # a row that looks one hour ahead
    early, late = np.where(ahead, late, early), np.where(ahead, early, late)
    tie = late > early
    np.add.at(ties, early[tie] + 1, 1)
    np.add.at(ties, late[tie] + 1, -1)
    open_ties = np.cumsum(ties)
    return [0, *(t for t in range(1, problem.hours) if open_ties[t] == 0)]


def find_border(
    problem: Problem, lower: Floats, upper: Floats, starts: Ints, link_all: bool
) -> Border:
    """Return the master's part and the periods.

    Parameters
    ----------
    lower, upper : array, shape (columns,)
        Finite bounds.
    starts : array of int
        First hour of each period.
    link_all : bool
        Whether rows that look back several hours are kept at the edges too, however
        many columns that links; else they are left out of the bound where they would
        link more than a few.
    """
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

    links = np.flatnonzero(linking)
    shared = np.flatnonzero(is_shared)
    csr = problem.matrix
    shared_part = csr[shared]
    shared_by_column = sparse.csc_array(shared_part)
    rows_of = _groups(np.where(in_period, row_period, -1), count)
    columns_of = _groups(np.where(linking, -1, column_period), count)
    place = np.empty(len(problem.columns), dtype=np.int32)  # in master or period
    place[links] = np.arange(len(links))
    parts = []
    budget_period: list[int] = []
    budget_shared: list[int] = []
    for p in range(count):
        rows, columns = rows_of[p], columns_of[p]
        place[columns] = np.arange(len(columns))
        budget_part = sparse.csr_array(shared_by_column[:, columns])
        used = np.flatnonzero(np.diff(budget_part.indptr))
        budget_period += [p] * len(used)
        budget_shared += used.tolist()
        parts.append((rows, columns, budget_part[used], used))

    size = len(links) + len(budget_period)
    periods = []
    first = len(links)
    low_budget, high_budget = np.empty(len(budget_period)), np.empty(len(budget_period))
    for rows, columns, budget_part, used in parts:
        n = len(used)
        part = csr[rows]
        to_master = linking[part.indices]
        own = entries(part, ~to_master, place, len(columns))
        tie = entries(part, to_master, place, size)
        budget_tie = sparse.csr_array(
            (-np.ones(n), (np.arange(n), first + np.arange(n))), shape=(n, size)
        )
        which = shared[used]
        # used <= budget, used >= budget, or both for an equality or a range
        has_low = np.isfinite(problem.row_lower[which])
        has_high = np.isfinite(problem.row_upper[which])
        least, most = _activity(budget_part, lower[columns], upper[columns])
        at = slice(first - len(links), first - len(links) + n)
        low_budget[at], high_budget[at] = least, most
        periods.append(
            Period(
                rows=rows,
                columns=columns,
                own=small_indices(sparse.vstack([own, budget_part])),
                tie=small_indices(sparse.vstack([tie, budget_tie])),
                row_lower=np.concatenate(
                    [problem.row_lower[rows], np.where(has_low, 0.0, -np.inf)]
                ),
                row_upper=np.concatenate(
                    [problem.row_upper[rows], np.where(has_high, 0.0, np.inf)]
                ),
                shared=used,
            )
        )
        first += n

    master_rows = np.flatnonzero(in_master)
    budgets = sparse.csr_array(
        (
            np.ones(len(budget_period)),
            (np.array(budget_shared, dtype=int), np.arange(len(budget_period))),
        ),
        shape=(len(shared), len(budget_period)),
    )
    matrix = sparse.vstack(
        [
            sparse.hstack(
                [
                    csr[master_rows][:, links],
                    sparse.csr_array((len(master_rows), len(budget_period))),
                ]
            ),
            sparse.hstack([shared_part[:, links], budgets]),
        ]
    )
    which = np.concatenate([master_rows, shared])
    return Border(
        links=links,
        budget_period=np.array(budget_period, dtype=np.intp),
        budget_shared=np.array(budget_shared, dtype=np.intp),
        matrix=sparse.csr_array(matrix),
        row_lower=problem.row_lower[which],
        row_upper=problem.row_upper[which],
        cost=np.concatenate([problem.cost[links], np.zeros(len(budget_period))]),
        lower=np.concatenate([lower[links], low_budget]),
        upper=np.concatenate([upper[links], high_budget]),
        integer=np.concatenate(
            [problem.integer[links], np.zeros(len(budget_period), dtype=bool)]
        ),
        shared=shared,
        relaxed=relaxed,
        periods=periods,
        start=starts,
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


def _activity(matrix: Any, lower: Floats, upper: Floats) -> tuple[Floats, Floats]:
    """Return the least and most that each row can add up to."""
    positive, negative = matrix.maximum(0), matrix.minimum(0)
    return positive @ lower + negative @ upper, positive @ upper + negative @ lower
