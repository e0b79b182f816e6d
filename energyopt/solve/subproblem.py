"""One period as a linear program that is solved again and again.

Only right-hand sides change, with the master's point, so the dual simplex starts from
the last basis. Rows that could not be met at every point have slack at a penalty: the
program always has a solution, and its dual gives the master a cut.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from energyopt.errors import NoSolutionError
from energyopt.solve.highs import Highs, State
from energyopt.solve.periods import Border

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

SLACK = 1e-6
"""Slack below this, relative to the row's right-hand side, is rounding."""


@dataclass(frozen=True)
class Cut:
    """``cost of the period >= constant + slope @ z``, for every master point ``z``.

    Parameters
    ----------
    index, slope : array
        Master columns with a slope, and the slope. [k$ per unit of the column]
    """

    period: int
    constant: float
    index: Ints
    slope: Floats

    def at(self, z: Floats) -> float:
        """Return the bound that the cut gives at ``z``. [k$]"""
        return self.constant + float(self.slope @ z[self.index])


@dataclass(frozen=True)
class Answer:
    """What a period costs at a master point."""

    cost: float  # without penalties
    penalty: float
    slack: float  # largest, relative to its row
    cut: Cut

    @property
    def total(self) -> float:
        """Cost with penalties."""
        return self.cost + self.penalty


class PeriodProgram:
    """The linear program of one period.

    Parameters
    ----------
    number : int
        Of the period.
    cost, lower, upper : array, shape (columns of the period,)
        Finite bounds.
    penalty : array, shape (rows of the period,)
        Cost of one unit of slack. [k$ per unit of the row]
    seed : int
    """

    def __init__(
        self,
        number: int,
        border: Border,
        cost: Floats,
        lower: Floats,
        upper: Floats,
        penalty: Floats,
        seed: int,
    ) -> None:
        self.number = number
        period = border.periods[number]
        self.period = period
        self.cost, self.lower, self.upper = cost, lower, upper
        self.box_low, self.box_high = border.lower, border.upper
        self.tie_by_column = sparse.csr_array(period.tie.T)
        self.own_by_column = sparse.csr_array(period.own.T)
        self._find_moving_bounds(border)
        self._find_elastic()
        self.penalty = penalty
        rows = len(period.row_lower)
        kept = self.kept
        n_slack = len(self.slack_row)
        self.solver = Highs({"threads": 1, "random_seed": seed, "solver": "simplex"})
        place = np.full(rows, -1)
        place[kept] = np.arange(len(kept))
        slack = sparse.csr_array(
            (self.slack_sign, (place[self.slack_row], np.arange(n_slack))),
            shape=(len(kept), n_slack),
        )
        matrix = sparse.csr_array(sparse.hstack([period.own[kept], slack]))
        self.solver.load(
            np.concatenate([cost, penalty[self.slack_row]]),
            matrix,
            period.row_lower[kept],
            period.row_upper[kept],
            np.concatenate([lower, np.zeros(n_slack)]),
            np.concatenate([upper, np.full(n_slack, np.inf)]),
        )
        self.kept_index = np.arange(len(kept), dtype=np.int32)

    def _find_moving_bounds(self, border: Border) -> None:
        """Turn rows like ``output <= share * size`` into bounds that move with ``z``.

        Only upper limits of columns that may be 0 at every master point.
        """
        period = self.period
        rows = len(period.row_lower)
        lengths = np.diff(period.own.indptr)
        candidates = np.flatnonzero(
            (lengths == 1)
            & np.isfinite(period.row_upper)
            & ~np.isfinite(period.row_lower)
        )
        column = period.own.indices[period.own.indptr[candidates]]
        a = period.own.data[period.own.indptr[candidates]]
        good = (a > 0) & (self.lower[column] == 0)
        candidates, column, a = candidates[good], column[good], a[good]
        least = period.row_upper[candidates] - self._most_tie()[candidates]
        good = least >= 0
        candidates, column, a = candidates[good], column[good], a[good]
        _, first = np.unique(column, return_index=True)
        self.moving_row = candidates[first]
        self.moving_column = column[first].astype(np.int32)
        self.moving_a = a[first]
        keep = np.ones(rows, dtype=bool)
        keep[self.moving_row] = False
        self.kept = np.flatnonzero(keep)

    def _most_tie(self) -> Floats:
        tie = self.period.tie
        return tie.maximum(0) @ self.box_high + tie.minimum(0) @ self.box_low

    def _find_elastic(self) -> None:
        """Give slack to the rows that all-zero columns may break at some ``z``."""
        tie, own = self.period.tie, self.period.own
        at_rest = np.clip(0.0, self.lower, self.upper)
        rest = own @ at_rest
        most = rest + self._most_tie()
        least = rest + tie.maximum(0) @ self.box_low + tie.minimum(0) @ self.box_high
        keep = np.zeros(len(rest), dtype=bool)
        keep[self.kept] = True
        below = np.flatnonzero(keep & (least < self.period.row_lower - 1e-9))
        above = np.flatnonzero(keep & (most > self.period.row_upper + 1e-9))
        self.slack_row = np.concatenate([below, above])
        self.slack_sign = np.concatenate([np.ones(len(below)), -np.ones(len(above))])

    def set_penalty(self, penalty: Floats) -> None:
        """Change what slack costs, row by row."""
        self.penalty = penalty
        first = len(self.cost)
        self.solver.h.changeColsCost(
            len(self.slack_row),
            np.arange(first, first + len(self.slack_row), dtype=np.int32),
            penalty[self.slack_row],
        )

    def solve(self, z: Floats) -> Answer:
        """Return the cost at a master point, and the cut there."""
        row_lower, row_upper, moving = self._move(z)
        h = self.solver.h
        h.changeRowsBounds(
            len(self.kept), self.kept_index, row_lower[self.kept], row_upper[self.kept]
        )
        if len(self.moving_column):
            h.changeColsBounds(
                len(self.moving_column),
                self.moving_column,
                self.lower[self.moving_column],
                moving,
            )
        self._run()
        y = self.solver.values()
        n = len(self.cost)
        dual = np.zeros(len(row_lower))
        dual[self.kept] = self.solver.row_duals()
        own_cost = float(self.cost @ y[:n])
        slack = y[n:]
        penalty = float(self.penalty[self.slack_row] @ slack)
        size = 1.0 + np.abs(
            np.where(
                self.slack_sign > 0,
                row_lower[self.slack_row],
                row_upper[self.slack_row],
            )
        )
        worst = float((slack / size).max(initial=0.0))
        return Answer(own_cost, penalty, worst, self.cut(self._complete(dual, moving)))

    def feasibility(self, z: Floats) -> list[Cut]:
        """Return a cut that a master point must meet for slack to be 0; none if it is.

        The least slack, each row measured by its own size, with all other costs 0:
        its dual gives ``0 >= constant + slope @ z``.
        """
        n, h = len(self.cost), self.solver.h
        columns = np.arange(n + len(self.slack_row), dtype=np.int32)
        h.changeColsCost(
            len(columns), columns, np.append(np.zeros(n), self._slack_weight(z))
        )
        cost, penalty = self.cost, self.penalty
        self.cost = np.zeros(n)
        try:
            answer = self.solve(z)
        finally:
            self.cost = cost
            h.changeColsCost(
                len(columns), columns, np.append(cost, penalty[self.slack_row])
            )
        cut = answer.cut
        if answer.slack <= SLACK or cut.at(z) <= 0:
            return []
        return [cut]

    def _slack_weight(self, z: Floats) -> Floats:
        row_lower, row_upper, _ = self._move(z)
        row = self.slack_row
        size = np.abs(np.where(self.slack_sign > 0, row_lower[row], row_upper[row]))
        return 1.0 / (1.0 + np.where(np.isfinite(size), size, 0.0))

    def _move(self, z: Floats) -> tuple[Floats, Floats, Floats]:
        tied = self.period.tie @ z
        row_lower = self.period.row_lower - tied
        row_upper = self.period.row_upper - tied
        moving = np.maximum(row_upper[self.moving_row] / self.moving_a, 0.0)
        return row_lower, row_upper, np.minimum(moving, self.upper[self.moving_column])

    def _run(self) -> None:
        outcome = self.solver.run()
        if outcome.state == State.kOptimal:
            return
        for method in ("simplex", "ipx"):
            self.solver.h.clearSolver()
            self.solver.set(solver=method)
            outcome = self.solver.run()
            self.solver.set(solver="simplex")
            if outcome.state == State.kOptimal:
                return
        raise NoSolutionError(f"period {self.number}: HiGHS ended with {outcome.name}")

    def _complete(self, dual: Floats, moving: Floats) -> Floats:
        """Return the duals with those of the moving bounds filled in."""
        if len(self.moving_row):
            reduced = self.cost - self.own_by_column @ dual
            at = reduced[self.moving_column]
            binds = (at < 0) & (moving < self.upper[self.moving_column])
            dual[self.moving_row] = np.where(binds, at / self.moving_a, 0.0)
        return dual

    def cut(self, dual: Floats) -> Cut:
        """Return the cut of any dual vector, valid whatever its quality.

        ``y.b + sum(min(d l, d u))`` with ``d = c - A'y``: a dual of the wrong sign is
        taken as 0, and reduced costs are paid for within the columns' bounds.
        """
        period = self.period
        dual = np.where(
            dual > 0, np.where(np.isfinite(period.row_lower), dual, 0.0), dual
        )
        dual = np.where(
            dual < 0, np.where(np.isfinite(period.row_upper), dual, 0.0), dual
        )
        reduced = self.cost - self.own_by_column @ dual
        positive, negative = dual > 0, dual < 0
        constant = (
            float(dual[positive] @ period.row_lower[positive])
            + float(dual[negative] @ period.row_upper[negative])
            + float(
                np.where(reduced > 0, reduced * self.lower, reduced * self.upper).sum()
            )
        )
        slope = -(self.tie_by_column @ dual)
        return small_moved(self.number, constant, slope, self.box_low, self.box_high)


def small_moved(
    number: int, constant: float, slope: Floats, low: Floats, high: Floats
) -> Cut:
    """Return a cut in which slopes too small for a solver went into the constant.

    Each is replaced by the least that it can contribute within the column's bounds.
    """
    worth = np.abs(slope) * np.maximum(high - low, 1e-12)
    scale = 1e-9 * max(1.0, abs(constant))
    small = (slope != 0) & ((np.abs(slope) < 1e-8) | (worth < scale))
    constant += float(
        np.minimum(slope[small] * low[small], slope[small] * high[small]).sum()
    )
    index = np.flatnonzero((slope != 0) & ~small)
    return Cut(number, constant, index, slope[index])
