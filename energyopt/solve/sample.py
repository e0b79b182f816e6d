"""A few periods that stand for all: a start for the whole year.

Each sampled period closes on itself (its last hour comes before its first) and counts
for those around it. Sizes found so are a guess; the duals, applied hour by hour to the
data of every other period, are cuts of the true problem.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from energyopt.solve.compile import NO_HOUR, Problem
from energyopt.solve.periods import Border, Period, Use, activity
from energyopt.solve.subproblem import Cut, PeriodProgram

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

AT_LOWER, BASIC = 0, 1
"""HiGHS's numbers for the status of a variable."""


def chosen_periods(border: Border, hours: int, count: int) -> tuple[Ints, Ints, Floats]:
    """Return periods spread over the year, who each period follows, and weights.

    Returns
    -------
    tuple of array
        Chosen periods; for each period the place of its stand-in among them; how many
        periods of its length each stands for.
    """
    lengths = np.diff(np.append(border.start, hours))
    full = np.flatnonzero(lengths == lengths.max())
    chosen = full[
        np.unique(np.linspace(0, len(full), count, endpoint=False).astype(int))
    ]
    follows = np.abs(np.arange(len(lengths))[:, None] - chosen).argmin(axis=1)
    weight = np.bincount(follows, lengths, len(chosen)) / lengths[chosen]
    return chosen, follows, weight


@dataclass(frozen=True)
class _Closed:
    """A sampled period that closes on itself, without what it uses of shared rows.

    Parameters
    ----------
    columns : array of int
        Its own columns of the problem, and the linking ones of its hours.
    extra : array of int
        Rows of the master that its own hours alone have to do with.
    own : sparse.csr_array, shape (rows + extra, columns)
    tie : sparse.csr_array, shape (rows + extra, links without an hour)
    """

    period: Period
    columns: Ints
    extra: Ints
    own: Any
    tie: Any


def sample_border(
    problem: Problem,
    border: Border,
    lower: Floats,
    upper: Floats,
    chosen: Ints,
    weight: Floats,
) -> Border:
    """Return the border of the sampled problem.

    Master columns are the links without an hour and the budgets of the chosen periods.
    """
    count, alone = len(border.links), border.matrix.shape[0] - len(border.shared)
    hourly = problem.column_hour[border.links] != NO_HOUR
    fixed = np.flatnonzero(~hourly)
    rows_part = border.matrix[:alone, :count]
    with_edge = (abs(rows_part) @ hourly.astype(float)) > 0
    closed = [
        _closed(problem, border, int(r), rows_part, with_edge) for r in chosen.tolist()
    ]
    by_shared = problem.matrix[border.shared]
    uses = [Use.of(by_shared[:, one.columns]) for one in closed]
    ends = [
        activity(use.matrix, lower[one.columns], upper[one.columns])
        for use, one in zip(uses, closed, strict=True)
    ]
    number = np.array([len(use.shared) for use in uses], dtype=np.intp)
    first = np.cumsum(number) - number
    budget_period = np.repeat(np.arange(len(chosen)), number)
    budget_shared = np.concatenate([use.shared for use in uses])
    kept = np.flatnonzero(~with_edge)
    which = np.append(kept, np.arange(alone, border.matrix.shape[0]))
    none = np.zeros(len(budget_shared))
    return Border(
        links=border.links[fixed],
        budget_period=budget_period,
        budget_shared=budget_shared,
        matrix=_master_matrix(
            border, kept, fixed, budget_shared, weight[budget_period]
        ),
        row_lower=border.row_lower[which],
        row_upper=border.row_upper[which],
        cost=np.concatenate([border.cost[fixed], none]),
        lower=np.concatenate([border.lower[fixed], *(least for least, _ in ends)]),
        upper=np.concatenate([border.upper[fixed], *(most for _, most in ends)]),
        integer=np.concatenate([border.integer[fixed], none.astype(bool)]),
        shared=border.shared,
        relaxed=border.relaxed,
        periods=[
            _with_budgets(problem, border, one, use, int(k), len(none))
            for one, use, k in zip(closed, uses, first, strict=True)
        ],
        start=border.start[chosen],
    )


def _closed(
    problem: Problem, border: Border, r: int, rows_part: Any, with_edge: Any
) -> _Closed:
    """Return a period whose first hour comes after its last.

    Parameters
    ----------
    rows_part : sparse.csr_array, shape (rows, links)
        The master's own rows.
    with_edge : array of bool, shape (rows,)
        Those of them that have to do with some hour.
    """
    period, links, count = border.periods[r], border.links, len(border.links)
    ends = np.append(border.start, problem.hours)
    first, end = int(ends[r]), int(ends[r + 1])
    hour = problem.column_hour[links]
    hourly = hour != NO_HOUR
    inside = (hour >= first) & (hour < end)
    columns = np.concatenate([period.columns, links[inside]])

    extra = np.flatnonzero(with_edge)
    size = abs(rows_part[extra])
    outside = hourly & ~inside
    extra = extra[
        ((size @ inside.astype(float)) > 0) & ((size @ outside.astype(float)) == 0)
    ]
    n_rows = len(period.rows)
    # Which problem rows the master's rows are does not matter here.
    tie = sparse.vstack([period.tie[:n_rows, :count], rows_part[extra]]).tocoo()
    own = period.own[:n_rows].tocoo()
    target = _homes(problem, links, columns, np.unique(tie.col), first, end)
    moved = hourly[tie.col] & (target[tie.col] >= 0)
    own_all = sparse.csr_array(
        (
            np.concatenate([own.data, tie.data[moved]]),
            (
                np.concatenate([own.row, tie.row[moved]]),
                np.concatenate([own.col, target[tie.col[moved]]]),
            ),
        ),
        shape=(n_rows + len(extra), len(columns)),
    )
    fixed = np.flatnonzero(~hourly)
    return _Closed(period, columns, extra, own_all, sparse.csr_array(tie)[:, fixed])


def _homes(
    problem: Problem, links: Ints, columns: Ints, used: Ints, first: int, end: int
) -> Ints:
    """Return where hourly links go in a period that closes on itself, shape (links,).

    To the same variable, in the hour of the period that is whole periods away; -1 where
    there is none, and for links without an hour.
    """
    family, hour = problem.column_family, problem.column_hour
    home = {(int(family[j]), int(hour[j])): k for k, j in enumerate(columns.tolist())}
    target = np.full(len(links), -1)
    for k in used[hour[links[used]] != NO_HOUR].tolist():
        h = first + (int(hour[links[k]]) - first) % (end - first)
        target[k] = home.get((int(family[links[k]]), h), -1)
    return target


def _with_budgets(
    problem: Problem, border: Border, one: _Closed, use: Use, first: int, budgets: int
) -> Period:
    """Return a sampled period with its budgets, ``first`` of all ``budgets``."""
    n, rows = len(use.shared), one.own.shape[0]
    tie = sparse.hstack([one.tie, sparse.csr_array((rows, budgets))])
    if n:
        at = (np.arange(n), first + np.arange(n))
        none = sparse.csr_array((n, one.tie.shape[1]))
        own_budgets = sparse.csr_array((-np.ones(n), at), (n, budgets))
        tie = sparse.vstack([tie, sparse.hstack([none, own_budgets])])
    low, high = use.ends(problem, border.shared)
    period, n_rows = one.period, len(one.period.rows)
    return Period(
        rows=np.concatenate([period.rows, np.full(len(one.extra), -1)]),
        columns=one.columns,
        own=sparse.csr_array(sparse.vstack([one.own, use.matrix])),
        tie=sparse.csr_array(tie),
        row_lower=np.concatenate(
            [period.row_lower[:n_rows], border.row_lower[one.extra], low]
        ),
        row_upper=np.concatenate(
            [period.row_upper[:n_rows], border.row_upper[one.extra], high]
        ),
        shared=use.shared,
    )


def _master_matrix(
    border: Border, kept: Ints, fixed: Ints, budget_shared: Ints, weight: Floats
) -> Any:
    """Return the rows of the master: those without an hour, and the sums of budgets."""
    alone, n = border.matrix.shape[0] - len(border.shared), len(budget_shared)
    sums = sparse.csr_array(
        (weight, (budget_shared, np.arange(n))), shape=(len(border.shared), n)
    )
    none = sparse.csr_array((len(kept), n))
    return sparse.csr_array(
        sparse.vstack(
            [
                sparse.hstack([border.matrix[kept][:, fixed], none]),
                sparse.hstack([border.matrix[alone:][:, fixed], sums]),
            ]
        )
    )


def carried(
    problem: Problem,
    target: PeriodProgram,
    target_start: int,
    source: PeriodProgram,
    source_start: int,
    duals: list[Floats],
    z: Floats,
) -> list[Cut]:
    """Return cuts of one period from duals of another, hour by hour."""
    rows = target.period.rows
    match, good = _same_rows(problem, rows, target_start, source, source_start)
    n, from_n = len(rows), len(source.period.rows)
    at = {int(s): from_n + k for k, s in enumerate(source.period.shared)}
    budget_at = [at.get(int(s), -1) for s in target.period.shared]
    bounds = target.at(z)
    cuts = []
    for dual in duals:
        own = np.zeros(n + len(budget_at))
        own[:n] = np.where(good, dual[match], 0.0)
        own[n:] = [dual[k] if k >= 0 else 0.0 for k in budget_at]
        own[target.up.row] = own[target.down.row] = 0.0
        cuts.append(target.cut(target.complete(own, *bounds)))
    return cuts


def carried_basis(
    problem: Problem,
    target: PeriodProgram,
    target_start: int,
    source: PeriodProgram,
    source_start: int,
) -> tuple[Ints, Ints]:
    """Return a first basis of one period from that of another, hour by hour.

    Returns
    -------
    tuple of array
        HiGHS's status of each column, and of each row. What has no counterpart is at
        its lower bound, or basic.
    """
    column_status, row_status = source.basis_status()
    columns, from_columns = target.period.columns, source.period.columns
    match, good = _same(
        _key(
            problem, problem.column_family, problem.column_hour, columns, target_start
        ),
        _key(
            problem,
            problem.column_family,
            problem.column_hour,
            from_columns,
            source_start,
        ),
    )
    column = np.where(good, column_status[match], AT_LOWER)
    slack = np.full(len(target.slack_row), AT_LOWER)
    kept = target.kept[target.kept < len(target.period.rows)]
    match, good = _same_rows(
        problem, target.period.rows[kept], target_start, source, source_start
    )
    status = np.full(len(source.period.row_lower), BASIC)
    status[source.kept] = row_status
    row = np.full(len(target.kept), BASIC)
    row[: len(kept)] = np.where(good, status[match], BASIC)
    return np.append(column, slack), row


def _same_rows(
    problem: Problem,
    rows: Ints,
    start: int,
    source: PeriodProgram,
    source_start: int,
) -> tuple[Ints, NDArray[np.bool_]]:
    """Return for each row its counterpart in another period, and whether there is one."""
    from_rows = source.period.rows
    from_rows = from_rows[from_rows >= 0]
    family, hour = problem.row_family, problem.row_hour
    return _same(
        _key(problem, family, hour, rows, start),
        _key(problem, family, hour, from_rows, source_start),
    )


def _key(problem: Problem, family: Ints, hour: Ints, which: Ints, start: int) -> Ints:
    """Return a number for each row or column: what it is, and when in the period."""
    return family[which] * (problem.hours + 1) + hour[which] - start


def _same(key: Ints, from_key: Ints) -> tuple[Ints, NDArray[np.bool_]]:
    """Return where each key is among others, and whether it is."""
    order = np.argsort(from_key)
    place = np.minimum(np.searchsorted(from_key, key, sorter=order), len(order) - 1)
    match = order[place]
    return match, from_key[match] == key
