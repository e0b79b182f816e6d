"""Windows cut from a frame: the rows and columns of a few hours, the past known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from energyopt.solve.aligned import Figures, Frame
from energyopt.solve.compile import NO_HOUR
from energyopt.solve.terminal import DAY_H, Terminal

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Flags = NDArray[np.bool_]

LAW = 1e3
"""What breaking a law costs, times the dearest thing in the window, where nothing else
is left."""


@dataclass(frozen=True)
class Window:
    """Minimise ``cost @ y`` over rows and bounds of some hours.

    The first columns are those of ``span``, in order; then one slack a soft row.

    Parameters
    ----------
    first : int
        Its first hour.
    span : slice
        Its columns in the frame.
    integer : array of bool, shape (columns of the span,)
    slack_hour : array of int, shape (slacks,)
        Hours after the first.
    slack_name : list of str
        The component of each soft row.
    """

    first: int
    span: slice
    cost: Floats
    matrix: Any
    row_lower: Floats
    row_upper: Floats
    lower: Floats
    upper: Floats
    integer: Flags
    slack_hour: Ints
    slack_name: list[str]

    def slack_of(self, hour: int) -> Ints:
        """Return the places of the slacks of an hour, counted from the first."""
        count = self.span.stop - self.span.start
        return np.flatnonzero(self.slack_hour == hour) + count

    def slack_names(self, places: Ints) -> list[str]:
        """Return the components that slacks belong to."""
        count = self.span.stop - self.span.start
        return [self.slack_name[i - count] for i in places]

    def strict(self) -> Window:
        """Return the same without a breach of any soft row."""
        upper = self.upper.copy()
        upper[self.span.stop - self.span.start :] = 0.0
        return replace(self, upper=upper)

    def elastic(self) -> Window:
        """Return the same with every inequality to be broken at a high price."""
        loose = np.flatnonzero(self.row_lower != self.row_upper)
        price = LAW * (1 + np.abs(self.cost).max(initial=0.0))
        return _with_slack(self, loose, np.full(len(loose), price))


def _with_slack(w: Window, rows: Ints, price: Floats) -> Window:
    """Return a window in which some rows may be missed, each at a price."""
    sign = np.where(np.isfinite(w.row_lower[rows]), 1.0, -1.0)
    slack = sparse.csr_array(
        (sign, (rows, np.arange(len(rows)))), shape=(len(w.row_lower), len(rows))
    )
    return replace(
        w,
        cost=np.concatenate([w.cost, price]),
        matrix=sparse.csr_array(sparse.hstack([w.matrix, slack])),
        lower=np.concatenate([w.lower, np.zeros(len(rows))]),
        upper=np.concatenate([w.upper, np.full(len(rows), np.inf)]),
    )


class Windows:
    """The frame of a year, and how its hours came true so far.

    Parameters
    ----------
    frame : Frame
        Its first model is the truth, the next what is forecast of the 24 hours after a
        plan is made, the one after of the next 24; the last of all further ones.
    penalty : array, shape (rows,)
        What a unit of a row's breach costs; 0: it may not be broken. [k$]
    yearly_price : array, shape (yearly rows,)
        What a unit of a yearly limit's row costs. [k$]
    overdraft : float
        What a unit beyond the limit costs. [k$]
    terminal : Terminal, optional
        What the state at a window's end is worth.
    """

    def __init__(
        self,
        frame: Frame,
        penalty: Floats,
        yearly_price: Floats,
        overdraft: float,
        terminal: Terminal | None = None,
    ) -> None:
        self.frame, self.penalty, self.terminal = frame, penalty, terminal
        self.models = [
            replace(f, cost=f.cost + _priced(y, yearly_price))
            for f, y in zip(frame.models, frame.yearly, strict=True)
        ]
        self.x = frame.x.copy()
        self._spent = _only_grow(frame)
        self._overdraft = overdraft
        self._same = [_same_hours(frame, self.models[0], f) for f in self.models]
        coo = frame.models[0].matrix.tocoo()
        ahead = frame.column_hour[coo.col] > frame.row_hour[coo.row]
        self._wraps = np.unique(coo.row[ahead])

    def of_hours(self, first: int, end: int) -> slice:
        """Return the columns of some hours."""
        start = self.frame.column_start
        return slice(int(start[first]), int(start[end]))

    def as_forecast(self, t: int, planned_at: int) -> bool:
        """Whether the truth of an hour is what the plan was told of it."""
        return bool(self._same[self._model(t, planned_at, -1)][t])

    def _model(self, t: int, planned_at: int, true_until: int) -> int:
        """Return which model speaks for an hour."""
        if t < true_until:
            return 0
        return min(1 + (t - planned_at) // DAY_H, len(self.models) - 1)

    def cut(
        self, chain: range, first: int, end: int, planned_at: int, true_until: int = -1
    ) -> Window:
        """Return the window of hours ``first`` to ``end``.

        Parameters
        ----------
        chain : range
            The hours within which time goes on, and wraps.
        planned_at : int
            The hour at which the forecasts were made.
        true_until : int
            Hours before it are the truth's.

        Returns
        -------
        Window
        """
        of = [self._model(t, planned_at, true_until) for t in range(first, end)]
        cuts = [0, *(np.flatnonzero(np.diff(of)) + 1).tolist(), end - first]
        blocks = [
            (first + a, first + b, self.models[of[a]])
            for a, b in pairwise(cuts)
            if b > a
        ]
        start = self.frame.row_start
        parts = [_rows(f, np.arange(start[a], start[b])) for a, b, f in blocks]
        numbers = [np.arange(start[a], start[b]) for a, b, _ in blocks]
        if end == chain.stop and first > chain.start:
            wrap = self._wraps_of(chain, first)
            parts.append(_rows(self.models[0], wrap))
            numbers.append(wrap)
        columns = [(self.of_hours(a, b), f) for a, b, f in blocks]
        cost = np.concatenate([f.cost[c] for c, f in columns])
        if self.terminal is not None and end < chain.stop:
            cost = cost + self.terminal.worth(first, end)
        window = self._window(
            first,
            self.of_hours(first, end),
            _stacked(parts),
            np.concatenate(numbers),
            cost,
            np.concatenate([f.lower[c] for c, f in columns]),
            np.concatenate([f.upper[c] for c, f in columns]),
        )
        return self._within_what_is_left(window)

    def _within_what_is_left(self, w: Window) -> Window:
        """Add a soft row for each yearly limit: no more than was left of it so far."""
        if not len(self._spent):
            return w
        year = self.frame.yearly[0]
        matrix = year.matrix[self._spent]
        used = matrix[:, : w.span.start] @ self.x[: w.span.start]
        here = matrix[:, w.span]
        slacks = len(w.cost) - here.shape[1]
        more = sparse.hstack([here, sparse.csr_array((here.shape[0], slacks))])
        rows = np.arange(here.shape[0]) + w.matrix.shape[0]
        # What is overdrawn by rounding, or was by need, is gone: nothing more is used.
        left = np.maximum(year.row_upper[self._spent] - used, 0.0)
        larger = replace(
            w,
            matrix=sparse.csr_array(sparse.vstack([w.matrix, more])),
            row_lower=np.append(w.row_lower, np.full(len(rows), -np.inf)),
            row_upper=np.append(w.row_upper, left),
            slack_hour=np.append(w.slack_hour, np.full(len(rows), NO_HOUR)),
            slack_name=[
                *w.slack_name,
                *(self.frame.yearly_names[i][0] for i in self._spent),
            ],
        )
        return _with_slack(larger, rows, np.full(len(rows), self._overdraft))

    def _wraps_of(self, chain: range, first: int) -> Ints:
        """Return the chain's first rows that look back on its last hours."""
        hour = self.frame.row_hour[self._wraps]
        return self._wraps[(hour >= chain.start) & (hour < first)]

    def _window(
        self,
        first: int,
        span: slice,
        rows: Figures,
        numbers: Ints,
        cost: Floats,
        lower: Floats,
        upper: Floats,
    ) -> Window:
        """Move what is known to the right; let soft rows be missed."""
        matrix = rows.matrix
        inside = (matrix.indices >= span.start) & (matrix.indices < span.stop)
        row_of = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        known = np.where(inside, 0.0, matrix.data * self.x[matrix.indices])
        given = np.bincount(row_of, known, minlength=matrix.shape[0])
        own = np.bincount(row_of[inside], minlength=matrix.shape[0])
        kept = np.flatnonzero(own)
        small = sparse.csr_array(
            (
                matrix.data[inside],
                matrix.indices[inside] - span.start,
                np.append(0, np.cumsum(own[kept])),
            ),
            shape=(len(kept), span.stop - span.start),
        )
        penalty = self.penalty[numbers[kept]]
        soft = np.flatnonzero(penalty)
        frame = self.frame
        of = numbers[kept][soft]
        return _with_slack(
            Window(
                first=first,
                span=span,
                cost=cost,
                matrix=small,
                row_lower=(rows.row_lower - given)[kept],
                row_upper=(rows.row_upper - given)[kept],
                lower=lower,
                upper=upper,
                integer=frame.integer[span],
                slack_hour=frame.row_hour[of] - first,
                slack_name=[frame.row_names[f][0] for f in frame.row_family[of]],
            ),
            soft,
            penalty[soft],
        )


def _only_grow(frame: Frame) -> Ints:
    """Return the yearly limits from above whose use never gets less with time."""
    year = frame.yearly[0]
    falls = np.zeros(len(year.row_upper), dtype=bool)
    coo = year.matrix.tocoo()
    falls[coo.row[coo.data * frame.models[0].upper[coo.col] < 0]] = True
    falls[coo.row[coo.data * frame.models[0].lower[coo.col] < 0]] = True
    return np.flatnonzero(~falls & np.isfinite(year.row_upper))


def _priced(yearly: Figures, price: Floats) -> Floats:
    """Return the cost of using yearly limits, by column."""
    return np.asarray(yearly.matrix.T @ price)


def _rows(f: Figures, rows: Ints) -> Figures:
    """Return some rows of a model; its columns are left out of it."""
    return replace(
        f,
        matrix=f.matrix[rows],
        row_lower=f.row_lower[rows],
        row_upper=f.row_upper[rows],
    )


def _stacked(parts: Sequence[Figures]) -> Figures:
    """Put rows of several models, one after the other, into one."""
    if len(parts) == 1:
        return parts[0]
    ends = np.cumsum([0, *(p.matrix.nnz for p in parts)])
    indptr = [p.matrix.indptr[1:] + e for p, e in zip(parts, ends[:-1], strict=True)]
    matrix = sparse.csr_array(
        (
            np.concatenate([p.matrix.data for p in parts]),
            np.concatenate([p.matrix.indices for p in parts]),
            np.concatenate([[0], *indptr]),
        ),
        shape=(sum(p.matrix.shape[0] for p in parts), parts[0].matrix.shape[1]),
    )
    return replace(
        parts[0],
        matrix=matrix,
        row_lower=np.concatenate([p.row_lower for p in parts]),
        row_upper=np.concatenate([p.row_upper for p in parts]),
    )


def _same_hours(frame: Frame, truth: Figures, forecast: Figures) -> Flags:
    """Return the hours in which truth and forecast are the same."""
    differs = np.zeros(frame.hours, dtype=bool)
    coo = sparse.csr_array(truth.matrix - forecast.matrix).tocoo()
    differs[frame.row_hour[coo.row[coo.data != 0]]] = True
    for name, hour in (
        ("row_lower", frame.row_hour),
        ("row_upper", frame.row_hour),
        ("lower", frame.column_hour),
        ("upper", frame.column_hour),
        ("cost", frame.column_hour),
    ):
        apart = getattr(truth, name) != getattr(forecast, name)
        differs[hour[apart]] = True
    return ~differs
