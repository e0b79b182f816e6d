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
from energyopt.solve.owners import owners_of

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Flags = NDArray[np.bool_]


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


@dataclass(frozen=True)
class Use:
    """What the columns of a period use of rows that periods share.

    Parameters
    ----------
    matrix : sparse.csr_array, shape (budgets, columns of the period)
    shared : array of int
        For each of these rows, its place in ``Border.shared``.
    """

    matrix: Any
    shared: Ints

    @classmethod
    def of(cls, part: Any) -> Use:
        """Return the rows of shared ones, by the columns of a period, that it uses."""
        csr = sparse.csr_array(part)
        used = np.flatnonzero(np.diff(csr.indptr))
        return cls(csr[used], used)

    def ends(self, problem: Problem, shared: Ints) -> tuple[Floats, Floats]:
        """Return row bounds: used <= budget, used >= budget, or both for an equality."""
        which = shared[self.shared]
        has_low = np.isfinite(problem.row_lower[which])
        has_high = np.isfinite(problem.row_upper[which])
        return np.where(has_low, 0.0, -np.inf), np.where(has_high, 0.0, np.inf)


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
    owners = owners_of(problem, starts, link_all)
    links, shared = np.flatnonzero(owners.linking), np.flatnonzero(owners.is_shared)
    rows_of = _groups(np.where(owners.in_period, owners.row_period, -1), count)
    columns_of = _groups(np.where(owners.linking, -1, owners.column_period), count)
    by_column = sparse.csc_array(problem.matrix[shared])
    uses = [Use.of(by_column[:, columns]) for columns in columns_of]
    ends = [
        activity(use.matrix, lower[columns], upper[columns])
        for use, columns in zip(uses, columns_of, strict=True)
    ]
    place = np.empty(len(problem.columns), dtype=np.int32)  # in master or period
    for columns in (links, *columns_of):
        place[columns] = np.arange(len(columns))

    periods: list[Period] = []
    first = len(links)
    size = first + sum(len(use.shared) for use in uses)
    for rows, columns, use in zip(rows_of, columns_of, uses, strict=True):
        periods.append(
            _period(
                problem, rows, columns, place, owners.linking, use, shared, first, size
            )
        )
        first += len(use.shared)

    number = np.array([len(use.shared) for use in uses], dtype=np.intp)
    budget_shared = np.concatenate([use.shared for use in uses])
    master_rows = np.flatnonzero(owners.in_master)
    which = np.concatenate([master_rows, shared])
    none = np.zeros(len(budget_shared))
    return Border(
        links=links,
        budget_period=np.repeat(np.arange(count), number),
        budget_shared=budget_shared,
        matrix=_master_matrix(
            problem.matrix, master_rows, shared, links, budget_shared
        ),
        row_lower=problem.row_lower[which],
        row_upper=problem.row_upper[which],
        cost=np.concatenate([problem.cost[links], none]),
        lower=np.concatenate([lower[links], *(least for least, _ in ends)]),
        upper=np.concatenate([upper[links], *(most for _, most in ends)]),
        integer=np.concatenate([problem.integer[links], none.astype(bool)]),
        shared=shared,
        relaxed=owners.relaxed,
        periods=periods,
        start=starts,
    )


def _period(
    problem: Problem,
    rows: Ints,
    columns: Ints,
    place: Any,
    linking: Flags,
    use: Use,
    shared: Ints,
    first: int,
    size: int,
) -> Period:
    """Return a period: its rows, then one for each budget.

    Parameters
    ----------
    place : array of int, shape (columns of the problem,)
        Of each column in its period, or in the master.
    first, size : int
        The master column of its first budget, and how many master columns there are.
    """
    part, n = problem.matrix[rows], len(use.shared)
    to_master = linking[part.indices]
    own = entries(part, ~to_master, place, len(columns))
    tie = entries(part, to_master, place, size)
    budget_tie = sparse.csr_array(
        (-np.ones(n), (np.arange(n), first + np.arange(n))), shape=(n, size)
    )
    low, high = use.ends(problem, shared)
    return Period(
        rows=rows,
        columns=columns,
        own=small_indices(sparse.vstack([own, use.matrix])),
        tie=small_indices(sparse.vstack([tie, budget_tie])),
        row_lower=np.concatenate([problem.row_lower[rows], low]),
        row_upper=np.concatenate([problem.row_upper[rows], high]),
        shared=use.shared,
    )


def _master_matrix(
    csr: Any, master_rows: Ints, shared: Ints, links: Ints, budget_shared: Ints
) -> Any:
    """Return the master's rows: those of its own, and the sums of budgets."""
    n = len(budget_shared)
    budgets = sparse.csr_array(
        (np.ones(n), (budget_shared, np.arange(n))), shape=(len(shared), n)
    )
    alone = sparse.csr_array((len(master_rows), n))
    return sparse.csr_array(
        sparse.vstack(
            [
                sparse.hstack([csr[master_rows][:, links], alone]),
                sparse.hstack([csr[shared][:, links], budgets]),
            ]
        )
    )


def activity(matrix: Any, lower: Floats, upper: Floats) -> tuple[Floats, Floats]:
    """Return the least and most that each row can add up to."""
    positive, negative = matrix.maximum(0), matrix.minimum(0)
    return positive @ lower + negative @ upper, positive @ upper + negative @ lower
