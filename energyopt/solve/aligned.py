"""Models of the same plant on other data, side by side: one frame for all of them.

A year is built and compiled once with each set of data. Rows and columns are matched by
their family (a Pyomo component, and its index without the hour) and their hour, since
other data may leave a row or a variable out. What has no hour is held at known values;
what then follows from single rows is taken out, so that little is left of a window.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from energyopt.solve.compile import NO_HOUR, Problem
from energyopt.solve.periods import small_indices

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Flags = NDArray[np.bool_]
Name = tuple[str, Any]
"""Of a family: its Pyomo component's full name, and the index without the hour."""

PASSES = 4
SAME = 1e-9


@dataclass(frozen=True)
class Named:
    """A compiled model, and the names of its families; no Pyomo object is needed."""

    problem: Problem
    row_names: list[Name]
    column_names: list[Name]


@dataclass(frozen=True)
class Figures:
    """One model's numbers in the frame; arrays as in :class:`Problem`."""

    matrix: Any
    row_lower: Floats
    row_upper: Floats
    lower: Floats
    upper: Floats
    cost: Floats


@dataclass(frozen=True)
class Frame:
    """The hourly rows and columns of all models, sorted by hour.

    Parameters
    ----------
    models : tuple of Figures
        The first is the truth.
    integer : array of bool, shape (columns,)
    row_hour, column_hour : array of int
    row_family, column_family : array of int
        Places in ``row_names`` and ``column_names``.
    row_start, column_start : array of int, shape (hours + 1,)
        Where the rows (columns) of each hour begin.
    x : array, shape (columns,)
        The known plan.
    place : array of int, shape (columns of the truth's problem,)
        Where each column of the truth is in the frame; -1 where it is held.
    yearly : tuple of Figures
        Rows without an hour that add hours up, one a limit and year, in each model.
    yearly_names : list of Name
    """

    models: tuple[Figures, ...]
    integer: Flags
    row_hour: Ints
    column_hour: Ints
    row_family: Ints
    column_family: Ints
    row_names: list[Name]
    column_names: list[Name]
    row_start: Ints
    column_start: Ints
    x: Floats
    place: Ints
    yearly: tuple[Figures, ...]
    yearly_names: list[Name]

    @property
    def hours(self) -> int:
        """How many there are."""
        return len(self.row_start) - 1


def named(problem: Problem) -> Named:
    """Return a compiled model with the names of its families.

    Parameters
    ----------
    problem : Problem
        With its Pyomo rows; they may be dropped afterwards.

    Returns
    -------
    Named
    """

    def names(members: list[Any], family: Ints, hour: Ints) -> list[Name]:
        found: list[Name] = []
        for first in np.unique(family, return_index=True)[1]:
            index = members[first].index()
            if hour[first] != NO_HOUR:
                index = index[:-1] if isinstance(index, tuple) else ()
            found.append((members[first].parent_component().name, index))
        return found

    p = problem
    return Named(
        p,
        names(p.rows, p.row_family, p.row_hour),
        names(p.columns, p.column_family, p.column_hour),
    )


class _Axis:
    """Rows, or columns, of all models: sorted by hour, those without one first."""

    def __init__(
        self,
        names: Sequence[list[Name]],
        families: Sequence[Ints],
        hours: Sequence[Ints],
    ) -> None:
        known: dict[Name, int] = {}
        ids = [
            np.array([known.setdefault(n, len(known)) for n in own], dtype=np.intp)
            for own in names
        ]
        self.names = list(known)
        count = max(len(known), 1)
        keys = [
            (hour + 1) * count + own[family]
            for own, family, hour in zip(ids, families, hours, strict=True)
        ]
        union = np.unique(np.concatenate(keys))
        self.hour, self.family = union // count - 1, union % count
        self.places = [np.searchsorted(union, key) for key in keys]
        self.size = len(union)

    def spread(self, model: int, values: Any, absent: float) -> Any:
        """Return a model's values on the axis, and ``absent`` where it has none."""
        found = np.full(self.size, absent)
        found[self.places[model]] = values
        return found


def align(
    models: Sequence[Named], x: Floats, soft: Callable[[str], float] = lambda name: 0.0
) -> Frame:
    """Return the common frame of models of one plant.

    Parameters
    ----------
    models : sequence of Named
        The truth, then the same plant on other data.
    x : array, shape (columns of the truth,)
        A known plan: what has no hour is held at it.
    soft : callable
        What breaking rows of a component costs; those with 0 are laws.

    Returns
    -------
    Frame
    """
    ps = [m.problem for m in models]
    rows = _Axis(
        [m.row_names for m in models],
        [p.row_family for p in ps],
        [p.row_hour for p in ps],
    )
    columns = _Axis(
        [m.column_names for m in models],
        [p.column_family for p in ps],
        [p.column_hour for p in ps],
    )
    figures = [_on_axes(p, k, rows, columns) for k, p in enumerate(ps)]
    integer = np.zeros(columns.size, dtype=bool)
    for p, place in zip(ps, columns.places, strict=True):
        integer[place] |= p.integer
    known = columns.spread(0, x, 0.0)
    held = columns.hour == NO_HOUR
    figures = [_held(f, held, known) for f in figures]
    hourly = rows.hour != NO_HOUR
    adds_up = ~hourly & (np.diff(figures[0].matrix.indptr) > 0)
    law = np.array([soft(name) == 0 for name, _ in rows.names])[rows.family]
    figures, kept_rows, kept = _reduced(figures, hourly & law, known, held)
    kept_rows &= hourly
    place = np.full(columns.size, -1, dtype=np.intp)
    place[kept] = np.arange(int(kept.sum()))
    hours = np.arange(ps[0].hours + 1)
    return Frame(
        models=tuple(_columns_of(_rows_of(f, kept_rows), kept) for f in figures),
        integer=integer[kept],
        row_hour=rows.hour[kept_rows],
        column_hour=columns.hour[kept],
        row_family=rows.family[kept_rows],
        column_family=columns.family[kept],
        row_names=rows.names,
        column_names=columns.names,
        row_start=np.searchsorted(rows.hour[kept_rows], hours),
        column_start=np.searchsorted(columns.hour[kept], hours),
        x=known[kept],
        place=place[columns.places[0]],
        yearly=tuple(_columns_of(_rows_of(f, adds_up), kept) for f in figures),
        yearly_names=[rows.names[f] for f in rows.family[adds_up]],
    )


def _reduced(
    figures: list[Figures], laws: Flags, known: Floats, held: Flags
) -> tuple[list[Figures], Flags, Flags]:
    """Turn single rows into bounds and hold what they fix, a few times over.

    ``known`` gets the values of what is held. The last two are the rows and columns
    that are left.
    """
    kept_rows, kept = np.ones(len(laws), dtype=bool), ~held
    for _ in range(PASSES):
        figures, said = _bounds_of_single_rows(figures, laws & kept_rows)
        kept_rows &= ~said
        fixed, values = _fixed(figures, kept)
        if not fixed.any():
            break
        known[fixed] = values[fixed]
        figures = [_held(f, fixed, known) for f in figures]
        kept &= ~fixed
    return figures, kept_rows, kept


def _on_axes(p: Problem, k: int, rows: _Axis, columns: _Axis) -> Figures:
    """Return a model's numbers on the axes; what it does not have says nothing."""
    coo = p.matrix.tocoo()
    matrix = sparse.csr_array(
        (coo.data, (rows.places[k][coo.row], columns.places[k][coo.col])),
        shape=(rows.size, columns.size),
    )
    matrix.eliminate_zeros()
    return Figures(
        matrix=small_indices(matrix),
        row_lower=rows.spread(k, p.row_lower, -np.inf),
        row_upper=rows.spread(k, p.row_upper, np.inf),
        lower=columns.spread(k, p.lower, 0.0),
        upper=columns.spread(k, p.upper, 0.0),
        cost=columns.spread(k, p.cost, 0.0),
    )


def _held(f: Figures, held: Flags, known: Floats) -> Figures:
    """Put held columns into the rows' right-hand sides; the columns become empty."""
    given = f.matrix @ np.where(held, known, 0.0)
    matrix = f.matrix.copy()
    matrix.data[held[matrix.indices]] = 0.0
    matrix.eliminate_zeros()
    return replace(
        f,
        matrix=matrix,
        row_lower=f.row_lower - given,
        row_upper=f.row_upper - given,
    )


def _bounds_of_single_rows(
    figures: list[Figures], hard: Flags
) -> tuple[list[Figures], Flags]:
    """Turn rows with one column left, in whatever model, into bounds of it."""
    count = np.max([np.diff(f.matrix.indptr) for f in figures], axis=0)
    said = hard & (count <= 1)
    found = []
    for f in figures:
        single = said & (np.diff(f.matrix.indptr) == 1)
        entry = f.matrix.indptr[:-1][single]
        column, factor = f.matrix.indices[entry], f.matrix.data[entry]
        ends = np.sort([f.row_lower[single] / factor, f.row_upper[single] / factor], 0)
        lower, upper = f.lower.copy(), f.upper.copy()
        np.maximum.at(lower, column, ends[0])
        np.minimum.at(upper, column, ends[1])
        close = (lower > upper) & (lower - upper <= 1e-6 * (1 + np.abs(upper)))
        lower[close] = upper[close]
        found.append(replace(f, lower=lower, upper=upper))
    return found, said


def _fixed(figures: list[Figures], kept: Flags) -> tuple[Flags, Floats]:
    """Return the columns that no model leaves a choice about, and their values."""
    values = figures[0].lower
    fixed = kept.copy()
    for f in figures:
        fixed &= (f.upper - f.lower <= SAME) & (np.abs(f.lower - values) <= SAME)
    return fixed, values


def _rows_of(f: Figures, kept: Flags) -> Figures:
    return replace(
        f,
        matrix=small_indices(f.matrix[np.flatnonzero(kept)]),
        row_lower=f.row_lower[kept],
        row_upper=f.row_upper[kept],
    )


def _columns_of(f: Figures, kept: Flags) -> Figures:
    return replace(
        f,
        matrix=small_indices(f.matrix[:, np.flatnonzero(kept)]),
        lower=f.lower[kept],
        upper=f.upper[kept],
        cost=f.cost[kept],
    )
