"""One period as a linear program that is solved again and again.

Only right-hand sides change, with the master's point, so the dual simplex starts from
the last basis. Rows that could not be met at every point have slack at a penalty: the
program always has a solution, and its dual gives the master a cut.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from energyopt.errors import NoSolutionError
from energyopt.solve.highs import Highs, State, guessed_basis
from energyopt.solve.periods import Border, small_indices
from energyopt.solve.rounding import BoxedRounding, Rounding

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

SLACK = 1e-6
"""Slack below this, relative to the row's right-hand side, is rounding."""


@dataclass(frozen=True)
class Extra:
    """Rounded rows of a period: ``own @ y + tie @ z >= least``, with slack in ``own``."""

    own: Any
    tie: Any
    least: Floats

    @cached_property
    def by_column(self) -> Any:
        """``own`` the other way round."""
        return sparse.csr_array(self.own.T)


@dataclass(frozen=True)
class Warm:
    """Rounded rows that bind in a box, and a basis with them: a start in a smaller box."""

    extra: Extra
    basis: Any


@dataclass(frozen=True)
class Proof:
    """The duals behind a cut, in half the precision: valid whatever their quality.

    Parameters
    ----------
    dual : array of float32, shape (rows of the period,)
    extra_dual : array of float32
        Of the rounded rows in ``extra``.
    """

    period: int
    dual: NDArray[np.float32]
    extra_dual: NDArray[np.float32]
    extra: Extra | None


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
    proof: Proof | None = None

    def at(self, z: Floats) -> float:
        """Return the bound that the cut gives at ``z``. [k$]"""
        return self.constant + float(self.slope @ z[self.index])


@dataclass(frozen=True)
class Answer:
    """What a period costs at a master point."""

    cost: float  # without penalties
    penalty: float
    slack: float  # largest, relative to its row
    leaning: Ints  # rows of the period that lean on slack
    cut: Cut

    @property
    def total(self) -> float:
        """Cost with penalties."""
        return self.cost + self.penalty


class _Moving:
    """Rows with one column of the period each, used as bounds of that column.

    Parameters
    ----------
    row, column : array of int
    a : array
        The row's factor of its column.
    sign : float
        1 for upper bounds, -1 for lower ones.
    """

    def __init__(self, row: Ints, column: Ints, a: Floats, sign: float) -> None:
        order = np.argsort(column, kind="stable")
        self.row, self.a, self.sign = row[order], a[order], sign
        self.column, self.first = np.unique(column[order], return_index=True)
        self.group = np.repeat(
            np.arange(len(self.column)), np.diff(np.append(self.first, len(row)))
        )
        self.positive = self.a > 0

    def bound(self, row_lower: Floats, row_upper: Floats) -> Floats:
        """Return each row's bound, times ``sign``: the least binds."""
        ends = (row_upper, row_lower) if self.sign > 0 else (row_lower, row_upper)
        limit = np.where(self.positive, ends[0][self.row], ends[1][self.row])
        return self.sign * limit / self.a

    def tightest(self, bound: Floats) -> tuple[Floats, Ints]:
        """Return the least of each column's bounds, and which row it is."""
        least = np.minimum.reduceat(bound, self.first) if len(bound) else bound
        at = np.flatnonzero(bound == least[self.group])
        group = self.group[at]
        new = np.append(True, group[1:] != group[:-1]) if len(at) else at
        return least, at[new]


class Seat:
    """An instance of HiGHS, and the program that it holds.

    Parameters
    ----------
    seed : int
    """

    shared = False

    def __init__(self, seed: int) -> None:
        self.solver = Highs({"threads": 1, "random_seed": seed, "solver": "simplex"})
        self.holder: PeriodProgram | None = None


class SharedSeat(threading.local, Seat):
    """One seat in each thread, for programs that sit down one after the other.

    A run leaves 6 to 13 MB in an instance: too much to keep one for each of hundreds
    of periods. To load a program with its last basis costs about as much as half a run.
    """

    shared = True


class PeriodProgram:
    """The linear program of one period.

    Parameters
    ----------
    number : int
        Of the period.
    cost, lower, upper : array, shape (columns of the period,)
        Finite bounds.
    whole : array of bool, shape (columns of the period,)
    penalty : array, shape (rows of the period,)
        Cost of one unit of slack. [k$ per unit of the row]
    seat : Seat
        Where it is solved: its own, or one that it shares with other periods.
    """

    def __init__(
        self,
        number: int,
        border: Border,
        cost: Floats,
        lower: Floats,
        upper: Floats,
        whole: NDArray[np.bool_],
        penalty: Floats,
        seat: Seat,
    ) -> None:
        self.number = number
        period = border.periods[number]
        self.period = period
        self.cost, self.lower, self.upper, self.whole = cost, lower, upper, whole
        self.box_low, self.box_high = border.lower, border.upper
        self.box_whole = border.integer
        self.tie_by_column, self.own_by_column = period.tie.T, period.own.T
        self._find_moving_bounds()
        self.moving_column = np.unique(
            np.concatenate([self.up.column, self.down.column])
        )
        self.moving_column = self.moving_column.astype(np.int32)
        self._find_elastic()
        self.penalty = penalty
        rows = len(period.row_lower)
        kept = self.kept
        n_slack = len(self.slack_row)
        self.seat = seat
        self._loaded: Highs | None = None
        self._warm: Warm | None = None  # what the present box began with
        self.asked_at: Floats | None = None  # the last point, since it was entered
        self._basis: Any = None  # after the last run
        self._plain_basis: Any = None  # after the last run without rounded rows
        place = np.full(rows, -1)
        place[kept] = np.arange(len(kept))
        slack = sparse.csr_array(
            (self.slack_sign, (place[self.slack_row], np.arange(n_slack))),
            shape=(len(kept), n_slack),
        )
        self.matrix = small_indices(sparse.hstack([period.own[kept], slack]))
        tied = np.flatnonzero(np.diff(period.tie.indptr)[kept])
        self.tied_row, self.tied_index = kept[tied], tied.astype(np.int32)
        self.has_lower = np.isfinite(period.row_lower)
        self.has_upper = np.isfinite(period.row_upper)
        self.keep_proofs = False
        self.rounding: Rounding | None = None
        self.loosen()

    def _find_moving_bounds(self) -> None:
        """Turn rows with one column of the period into bounds that move with ``z``.

        Such as ``output <= share * size``, or ``ready >= demand + unit * built``. Only
        where the bound cannot pass the column's other bound: at any master point that
        meets ``implied``, which follows from these rows.
        """
        period = self.period
        single = np.flatnonzero(np.diff(period.own.indptr) == 1)
        single = single[single < len(period.rows)]
        column = period.own.indices[period.own.indptr[single]]
        a = period.own.data[period.own.indptr[single]]
        least_tie, most_tie = self._tie_range()
        # As upper bounds: a y <= row_upper with a > 0, or a y >= row_lower with a < 0.
        as_upper = np.where(a > 0, period.row_upper[single], period.row_lower[single])
        as_lower = np.where(a > 0, period.row_lower[single], period.row_upper[single])
        one_sided = np.isfinite(as_upper) != np.isfinite(as_lower)
        is_upper = one_sided & np.isfinite(as_upper) & (self.lower[column] == 0)
        # As lower bounds: where no upper bound moves, and the highest still fits.
        highest = (
            np.where(a > 0, as_lower - least_tie[single], as_lower - most_tie[single])
            / a
        )
        is_lower = one_sided & np.isfinite(as_lower) & (highest <= self.upper[column])
        is_lower &= ~np.isin(column, column[is_upper])
        self.up = _Moving(single[is_upper], column[is_upper], a[is_upper], 1.0)
        self.down = _Moving(single[is_lower], column[is_lower], a[is_lower], -1.0)
        self.highest = self.lower.copy()
        np.maximum.at(self.highest, column[is_lower], highest[is_lower])
        keep = np.ones(len(period.row_lower), dtype=bool)
        keep[self.up.row] = keep[self.down.row] = False
        self.kept = np.flatnonzero(keep)

    def implied(self) -> tuple[Any, Floats]:
        """Return rows ``matrix @ z <= most`` that keep the moving bounds above 0."""
        row, sign = self.up.row, np.sign(self.up.a)
        most = np.where(
            sign > 0, self.period.row_upper[row], -self.period.row_lower[row]
        )
        matrix = sparse.csr_array(self.period.tie[row] * sign[:, None])
        highest = matrix.maximum(0) @ self.box_high + matrix.minimum(0) @ self.box_low
        binding = np.flatnonzero(highest > most + 1e-9)
        found: dict[Any, int] = {}
        for i in binding.tolist():
            at = slice(matrix.indptr[i], matrix.indptr[i + 1])
            key = (matrix.indices[at].tobytes(), matrix.data[at].tobytes())
            if key not in found or most[i] < most[found[key]]:
                found[key] = i
        rows = list(found.values())
        return matrix[rows], most[rows]

    def _tie_range(self) -> tuple[Floats, Floats]:
        """Return the least and most that ``tie @ z`` can be, row by row."""
        positive, negative = self.period.tie.maximum(0), self.period.tie.minimum(0)
        return (
            positive @ self.box_low + negative @ self.box_high,
            positive @ self.box_high + negative @ self.box_low,
        )

    def _find_elastic(self) -> None:
        """Give slack to the rows that columns at rest may break at some ``z``.

        And to those that periods share: a small budget should cost what the row is
        worth in other periods, not what it takes to do without.
        """
        own = self.period.own
        least_tie, most_tie = self._tie_range()
        low = np.clip(0.0, self.lower, self.upper)
        high = np.maximum(low, self.highest)
        positive, negative = own.maximum(0), own.minimum(0)
        least = positive @ low + negative @ high + least_tie
        most = positive @ high + negative @ low + most_tie
        keep = np.zeros(len(least), dtype=bool)
        keep[self.kept] = True
        below = least < self.period.row_lower - 1e-9
        above = most > self.period.row_upper + 1e-9
        own_rows = len(self.period.rows)
        below[own_rows:] = above[own_rows:] = True
        below = np.flatnonzero(keep & below & np.isfinite(self.period.row_lower))
        above = np.flatnonzero(keep & above & np.isfinite(self.period.row_upper))
        self.slack_row = np.concatenate([below, above])
        self.slack_sign = np.concatenate([np.ones(len(below)), -np.ones(len(above))])

    def set_penalty(self, penalty: Floats) -> None:
        """Change what slack costs, row by row."""
        self.penalty = penalty
        if self._is_loaded:
            first = len(self.cost)
            self.seat.solver.h.changeColsCost(
                len(self.slack_row),
                np.arange(first, first + len(self.slack_row), dtype=np.int32),
                penalty[self.slack_row],
            )

    def solve(self, z: Floats) -> Answer:
        """Return the cost at a master point, and the cut there."""
        self.asked_at = z
        row_lower, row_upper = self.at(z)
        if not self._is_loaded:
            self._load()
        h = self.seat.solver.h
        tied = self.tied_row
        h.changeRowsBounds(len(tied), self.tied_index, row_lower[tied], row_upper[tied])
        if extra := len(self.extra.least):
            h.changeRowsBounds(
                extra,
                np.arange(len(self.kept), len(self.kept) + extra, dtype=np.int32),
                self.extra.least - self.extra.tie @ z,
                np.full(extra, np.inf),
            )
        lower, upper = self._moved(row_lower, row_upper)
        if len(self.moving_column):
            at = self.moving_column
            h.changeColsBounds(len(at), at, lower[at], upper[at])
        self._run()
        y, row_duals = self.seat.solver.values_and_duals()
        n = len(self.cost)
        self.y, self.point = y[:n], y
        dual = np.zeros(len(row_lower))
        dual[self.kept] = row_duals[: len(self.kept)]
        extra_dual = np.maximum(row_duals[len(self.kept) :], 0.0)
        self.extra_reduced = (self.extra.by_column @ extra_dual)[:n]
        self.dual = self.complete(dual, row_lower, row_upper)
        slack = y[n:]
        row = self.slack_row
        size = 1.0 + np.abs(
            np.where(self.slack_sign > 0, row_lower[row], row_upper[row])
        )
        relative = slack / size
        return Answer(
            cost=float(self.cost @ self.y),
            penalty=float(self.penalty[row] @ slack),
            slack=float(relative.max(initial=0.0)),
            leaning=row[relative > SLACK],
            cut=self._with_proof(self.dual, extra_dual),
        )

    def _with_proof(self, dual: Floats, extra_dual: Floats) -> Cut:
        """Return the cut of the last duals; with them, where they are to be kept."""
        cut = self.cut(dual, extra_dual, self.extra)
        if not self.keep_proofs:
            return cut
        proof = Proof(
            self.number,
            dual.astype(np.float32),
            extra_dual.astype(np.float32),
            self.extra if len(extra_dual) else None,
        )
        return replace(cut, proof=proof)

    def again(self, proof: Proof) -> Cut:
        """Return the cut that kept duals give with the present data."""
        cut = self.cut(
            proof.dual.astype(float), proof.extra_dual.astype(float), proof.extra
        )
        return replace(cut, proof=proof) if self.keep_proofs else cut

    def loosen(self) -> None:
        """Take all rounded rows away."""
        self.boxed: BoxedRounding | None = None
        if self._is_loaded:
            h, kept = self.seat.solver.h, len(self.kept)
            rows = h.getNumRow()
            if rows > kept:
                gone = np.arange(kept, rows, dtype=np.int32)
                h.deleteRows(len(gone), gone)
        self._basis = self._plain_basis
        own = len(self.cost) + len(self.slack_row)
        self.extra = Extra(
            sparse.csr_array((0, own)),
            sparse.csr_array((0, len(self.box_low))),
            np.empty(0),
        )
        self.extra_reduced = np.zeros(len(self.cost))

    def enter(self, low: Floats, high: Floats, warm: Warm | None = None) -> None:
        """Let rounded rows hold in a box of master points; those of others go.

        Parameters
        ----------
        low, high : array, shape (master columns,)
        warm : Warm, optional
            Rows of a box around it, which hold here as well.
        """
        self.loosen()
        self._warm, self.asked_at = warm, None
        if warm is not None:
            self._begin_warm(warm)
        if self.rounding is None:
            self.rounding = self._rounding()
        n_slack = len(self.slack_row)
        self.boxed = self.rounding.within(
            np.concatenate([self.lower, np.zeros(n_slack), low]),
            np.concatenate([self.upper, np.full(n_slack, np.inf), high]),
        )

    def _begin_warm(self, warm: Warm) -> None:
        """Take over rounded rows, and the basis with them."""
        self.extra, self._basis = warm.extra, warm.basis
        if self._is_loaded:
            self._add_rows(warm.extra.own, warm.extra.least)
            self.seat.solver.start_from_basis(warm.basis)

    def _add_rows(self, own: Any, least: Floats) -> None:
        """Give HiGHS rows ``own @ y >= least``."""
        self.seat.solver.h.addRows(
            len(least),
            least,
            np.full(len(least), np.inf),
            own.nnz,
            own.indptr[:-1].astype(np.int32),
            own.indices.astype(np.int32),
            own.data,
        )

    def leave(self) -> Warm | None:
        """Return the rounded rows that bind at the last point asked, and the basis.

        Where nothing was asked here, or the seat is shared, it is what was given.
        """
        if self.asked_at is None or not self._is_loaded:
            return self._warm
        old, h = self.extra, self.seat.solver.h
        spare = old.own @ self.point + old.tie @ self.asked_at - old.least
        gone = np.flatnonzero(spare > SLACK)  # these are basic: the basis stays one
        h.deleteRows(len(gone), (gone + len(self.kept)).astype(np.int32))
        kept = np.flatnonzero(spare <= SLACK)
        self.extra = Extra(old.own[kept], old.tie[kept], old.least[kept])
        return Warm(self.extra, self.seat.solver.basis())

    def tighten(self, z: Floats) -> int:
        """Add rounded rows that the last solution, at ``z``, breaks; return how many."""
        if self.boxed is None:
            return 0
        rows = self.boxed.violated(np.concatenate([self.point, z]))
        count = len(rows.least)
        if not count:
            return 0
        own = len(self.cost) + len(self.slack_row)
        added = sparse.csr_array(rows.matrix[:, :own])
        tie = sparse.csr_array(rows.matrix[:, own:])
        old = self.extra
        self.extra = Extra(
            sparse.csr_array(sparse.vstack([old.own, added])),
            sparse.csr_array(sparse.vstack([old.tie, tie])),
            np.append(old.least, rows.least),
        )
        if self._is_loaded:
            self._add_rows(added, rows.least - tie @ z)
        return count

    @property
    def _is_loaded(self) -> bool:
        """Whether the seat has this program, as it now is, and its last basis."""
        solver = self.seat.solver
        return self.seat.holder is self and self._loaded is solver

    def _load(self) -> None:
        """Take the seat, with the rows, the costs and the basis of the last time."""
        period, kept, n_slack = self.period, self.kept, len(self.slack_row)
        extra = len(self.extra.least)
        solver = self.seat.solver
        solver.load(
            np.concatenate([self.cost, self.penalty[self.slack_row]]),
            sparse.vstack([self.matrix, self.extra.own]) if extra else self.matrix,
            np.append(period.row_lower[kept], self.extra.least),
            np.append(period.row_upper[kept], np.full(extra, np.inf)),
            np.concatenate([self.lower, np.zeros(n_slack)]),
            np.concatenate([self.upper, np.full(n_slack, np.inf)]),
        )
        if self._basis is not None:
            solver.start_from_basis(self._basis)
        self.seat.holder, self._loaded = self, solver

    def rest(self) -> None:
        """Make room for others where the seat is shared; what was found is kept."""
        if self.seat.shared and self._is_loaded:
            self._basis = self.seat.solver.basis()
            if not len(self.extra.least):
                self._plain_basis = self._basis
            self.seat.holder = None

    def basis_status(self) -> tuple[Ints, Ints]:
        """Return HiGHS's status of columns and rows after the last run, as numbers."""
        basis = self.seat.solver.basis() if self._is_loaded else self._basis
        count = len(self.cost)
        return (
            np.array([int(s) for s in basis.col_status[:count]], dtype=np.intp),
            np.array([int(s) for s in basis.row_status[: len(self.kept)]], np.intp),
        )

    def begin_with(self, column_status: Ints, row_status: Ints) -> None:
        """Let the first run start from a guess of the basis."""
        self._basis = self._plain_basis = guessed_basis(column_status, row_status)

    def steps(self, column: int, z: Floats) -> Floats:
        """Return where in the present box of a size fewer units are needed."""
        if self.boxed is None:
            return np.empty(0)
        own = len(self.cost) + len(self.slack_row)
        point = np.concatenate([self.point, z])
        return self.boxed.steps(own + column, point)

    def _rounding(self) -> Rounding:
        """Return the candidates for rounding, of all rows with their slack."""
        period, n_slack = self.period, len(self.slack_row)
        slack = sparse.csr_array(
            (self.slack_sign, (self.slack_row, np.arange(n_slack))),
            shape=(len(period.row_lower), n_slack),
        )
        none = np.zeros(n_slack, dtype=bool)
        return Rounding(
            sparse.csr_array(sparse.hstack([period.own, slack, period.tie])),
            period.row_lower,
            period.row_upper,
            np.concatenate([self.whole, none, self.box_whole]),
            np.concatenate([np.zeros(len(self.cost), bool), none, ~self.box_whole]),
            len(self.cost),
            np.concatenate([self.up.row, self.down.row]),
        )

    def feasibility(self, z: Floats) -> list[Cut]:
        """Return a cut that a master point must meet for slack to be 0; none if it is.

        The least slack, each row measured by its own size, with all other costs 0:
        its dual gives ``0 >= constant + slope @ z``.
        """
        if not self._is_loaded:
            self._load()
        n, h = len(self.cost), self.seat.solver.h
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
            self.rest()
        cut = answer.cut
        if answer.slack <= SLACK or cut.at(z) <= 0:
            return []
        return [cut]

    def _slack_weight(self, z: Floats) -> Floats:
        row_lower, row_upper = self.at(z)
        row = self.slack_row
        size = np.abs(np.where(self.slack_sign > 0, row_lower[row], row_upper[row]))
        return 1.0 / (1.0 + np.where(np.isfinite(size), size, 0.0))

    def at(self, z: Floats) -> tuple[Floats, Floats]:
        """Return the rows' bounds at a master point."""
        tied = self.period.tie @ z
        return self.period.row_lower - tied, self.period.row_upper - tied

    def _moved(self, row_lower: Floats, row_upper: Floats) -> tuple[Floats, Floats]:
        """Return the columns' bounds at a master point."""
        lower, upper = self.lower.copy(), self.upper.copy()
        up, down = self.up, self.down
        if len(up.row):
            least, _ = up.tightest(up.bound(row_lower, row_upper))
            upper[up.column] = np.minimum(upper[up.column], least)
        if len(down.row):
            least, _ = down.tightest(down.bound(row_lower, row_upper))
            lower[down.column] = np.maximum(lower[down.column], -least)
        # A point may break `implied` by rounding.
        return lower, np.maximum(upper, lower)

    def _run(self) -> None:
        solver = self.seat.solver
        outcome = solver.run()
        if outcome.state == State.kOptimal:
            return
        for method in ("simplex", "ipx"):
            solver.h.clearSolver()
            solver.set(solver=method)
            outcome = solver.run()
            solver.set(solver="simplex")
            if outcome.state == State.kOptimal:
                return
        raise NoSolutionError(f"period {self.number}: HiGHS ended with {outcome.name}")

    def complete(self, dual: Floats, row_lower: Floats, row_upper: Floats) -> Floats:
        """Return the duals with those of the moving bounds filled in.

        A reduced cost belongs to the tightest bound, unless that is the column's own.
        """
        reduced = self.cost - self.own_by_column @ dual - self.extra_reduced
        for moving, own in ((self.up, self.upper), (self.down, -self.lower)):
            if not len(moving.row):
                continue
            bound, first = moving.tightest(moving.bound(row_lower, row_upper))
            column = moving.column
            binds = (moving.sign * reduced[column] < 0) & (bound < own[column])
            first = first[binds]
            dual[moving.row[first]] = reduced[column[binds]] / moving.a[first]
        return dual

    def cut(
        self,
        dual: Floats,
        extra_dual: Floats | None = None,
        extra: Extra | None = None,
    ) -> Cut:
        """Return the cut of any dual vector, valid whatever its quality.

        ``y.b + sum(min(d l, d u))`` with ``d = c - A'y``: a dual of the wrong sign is
        taken as 0, and reduced costs are paid for within the columns' bounds. With
        duals of rounded rows it holds in their box only.
        """
        period = self.period
        dual = np.where(np.where(dual > 0, self.has_lower, self.has_upper), dual, 0.0)
        reduced = self.cost - self.own_by_column @ dual
        slope = -(self.tie_by_column @ dual)
        more = 0.0
        if extra is not None and extra_dual is not None and len(extra_dual):
            extra_dual = np.maximum(extra_dual, 0.0)
            reduced = reduced - (extra.by_column @ extra_dual)[: len(self.cost)]
            slope = slope - extra.tie.T @ extra_dual
            more = float(extra_dual @ extra.least)
        positive, negative = dual > 0, dual < 0
        constant = more + (
            float(dual[positive] @ period.row_lower[positive])
            + float(dual[negative] @ period.row_upper[negative])
            + float(
                np.where(reduced > 0, reduced * self.lower, reduced * self.upper).sum()
            )
        )
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
