"""A few periods that stand for all: a start for the whole year.

Each sampled period closes on itself (its last hour comes before its first) and counts
for those around it. Sizes found so are a guess; the duals, applied hour by hour to the
data of every other period, are cuts of the true problem.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from energyopt.solve.compile import NO_HOUR, Problem
from energyopt.solve.periods import Border, Period
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
    links, count = border.links, len(border.links)
    hour = problem.column_hour[links]
    fixed = np.flatnonzero(hour == NO_HOUR)
    ends = np.append(border.start, problem.hours)
    rows_part = border.matrix[: border.matrix.shape[0] - len(border.shared), :count]
    with_edge = (abs(rows_part) @ (hour != NO_HOUR).astype(float)) > 0
    # Which problem rows the master's rows are does not matter here: number them anew.
    periods, parts = [], []
    place = np.full(len(problem.columns), -1)
    for r in chosen.tolist():
        period = border.periods[r]
        first, end = int(ends[r]), int(ends[r + 1])
        edges = np.flatnonzero((hour >= first) & (hour < end))
        columns = np.concatenate([period.columns, links[edges]])
        place[:] = -1
        place[columns] = np.arange(len(columns))
        home = {
            (int(problem.column_family[j]), int(problem.column_hour[j])): k
            for k, j in enumerate(columns.tolist())
        }
        extra = np.flatnonzero(with_edge)
        inside = np.zeros(count)
        inside[edges] = 1.0
        outside = (hour != NO_HOUR) & (inside == 0)
        extra = extra[
            ((abs(rows_part[extra]) @ inside) > 0)
            & ((abs(rows_part[extra]) @ outside.astype(float)) == 0)
        ]
        n_rows = len(period.rows)
        tie = sparse.vstack([period.tie[:n_rows, :count], rows_part[extra]]).tocoo()
        own = period.own[:n_rows].tocoo()
        target = np.full(count, -1)
        for k in np.unique(tie.col[hour[tie.col] != NO_HOUR]).tolist():
            h = first + (int(hour[k]) - first) % (end - first)
            target[k] = home.get((int(problem.column_family[links[k]]), h), -1)
        moved = (hour[tie.col] != NO_HOUR) & (target[tie.col] >= 0)
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
        tie_fixed = sparse.csr_array(tie)[:, fixed]
        budget = sparse.csr_array(problem.matrix[border.shared][:, columns])
        used = np.flatnonzero(np.diff(budget.indptr))
        parts.append((columns, own_all, tie_fixed, budget[used], used, period, extra))

    n_budgets = sum(len(part[4]) for part in parts)
    k = 0
    low, high = np.empty(n_budgets), np.empty(n_budgets)
    budget_period, budget_shared, budget_weight = [], [], []
    for i, (columns, own_all, tie_fixed, budget, used, period, extra) in enumerate(
        parts
    ):
        n = len(used)
        which = border.shared[used]
        has_low = np.isfinite(problem.row_lower[which])
        has_high = np.isfinite(problem.row_upper[which])
        positive, negative = budget.maximum(0), budget.minimum(0)
        low[k : k + n] = positive @ lower[columns] + negative @ upper[columns]
        high[k : k + n] = positive @ upper[columns] + negative @ lower[columns]
        n_rows = own_all.shape[0]
        tie = (
            sparse.block_array(
                [
                    [tie_fixed, sparse.csr_array((n_rows, n_budgets))],
                    [
                        sparse.csr_array((n, len(fixed))),
                        sparse.csr_array(
                            (-np.ones(n), (np.arange(n), k + np.arange(n))),
                            (n, n_budgets),
                        ),
                    ],
                ]
            )
            if n
            else sparse.hstack([tie_fixed, sparse.csr_array((n_rows, n_budgets))])
        )
        n_old = len(period.rows)
        periods.append(
            Period(
                rows=np.concatenate([period.rows, np.full(len(extra), -1)]),
                columns=columns,
                own=sparse.csr_array(sparse.vstack([own_all, budget])),
                tie=sparse.csr_array(tie),
                row_lower=np.concatenate(
                    [
                        period.row_lower[:n_old],
                        border.row_lower[extra],
                        np.where(has_low, 0.0, -np.inf),
                    ]
                ),
                row_upper=np.concatenate(
                    [
                        period.row_upper[:n_old],
                        border.row_upper[extra],
                        np.where(has_high, 0.0, np.inf),
                    ]
                ),
                shared=used,
            )
        )
        budget_period += [i] * n
        budget_shared += used.tolist()
        budget_weight += [float(weight[i])] * n
        k += n
    kept = np.flatnonzero(~with_edge)
    shared_fixed = border.matrix[border.matrix.shape[0] - len(border.shared) :][
        :, fixed
    ]
    sums = sparse.csr_array(
        (budget_weight, (budget_shared, np.arange(n_budgets))),
        shape=(len(border.shared), n_budgets),
    )
    matrix = sparse.vstack(
        [
            sparse.hstack(
                [rows_part[kept][:, fixed], sparse.csr_array((len(kept), n_budgets))]
            ),
            sparse.hstack([shared_fixed, sums]),
        ]
    )
    shared_at = np.arange(
        border.matrix.shape[0] - len(border.shared), border.matrix.shape[0]
    )
    which = np.concatenate([kept, shared_at])
    none = np.zeros(n_budgets)
    return Border(
        links=links[fixed],
        budget_period=np.array(budget_period, dtype=np.intp),
        budget_shared=np.array(budget_shared, dtype=np.intp),
        matrix=sparse.csr_array(matrix),
        row_lower=border.row_lower[which],
        row_upper=border.row_upper[which],
        cost=np.concatenate([border.cost[fixed], none]),
        lower=np.concatenate([border.lower[fixed], low]),
        upper=np.concatenate([border.upper[fixed], high]),
        integer=np.concatenate([border.integer[fixed], none.astype(bool)]),
        shared=border.shared,
        relaxed=border.relaxed,
        periods=periods,
        start=border.start[chosen],
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
