"""An exhibit as plain data: what is shown, in which unit, and where it is stored."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

DOUBT = "†"
"""Marks a number that rests on an input of low confidence."""


@dataclass(frozen=True)
class Cell:
    """One number of an exhibit.

    ``value`` is ``factor`` times the stored number at ``cite``, over the one at ``over``
    where there is one, less the number ``less``. A number without ``cite`` is the sum of
    those above it.
    """

    value: float | None
    decimals: int | None = None  # None: three significant digits
    cite: str = ""
    over: str = ""
    factor: float = 1.0
    doubtful: bool = False
    home: Path | None = None  # the folder that it is stored in
    less: Cell | None = None

    def minus(self, other: Cell | str) -> Cell:
        """Return how much more this is than another, where both are numbers."""
        if isinstance(other, str) or self.value is None or other.value is None:
            return Cell(None)
        doubt = self.doubtful or other.doubtful
        more = self.value - other.value
        return replace(self, value=more, less=other, doubtful=doubt)

    @property
    def text(self) -> str:
        """The number as it is printed, with its mark."""
        shown = number(self.value, self.decimals)
        marked = self.doubtful and self.value is not None
        return f"{shown} {DOUBT}" if marked else shown


@dataclass(frozen=True)
class Column:
    """One column: its name in files, its head on a page, its unit."""

    key: str  # ends in the unit where every row has the same
    head: str
    unit: str = ""

    @property
    def title(self) -> str:
        """Head and unit."""
        return f"{self.head}, {self.unit}" if self.unit else self.head


Kind = Literal["plain", "total", "part"]


@dataclass(frozen=True)
class Row:
    """One row; a ``total`` is the sum of the plain rows above it, a ``part`` a heading."""

    cells: tuple[Cell | str, ...]
    kind: Kind = "plain"

    def texts(self) -> list[str]:
        """Return what is printed, one text a column."""
        return [c.text if isinstance(c, Cell) else c for c in self.cells]


@dataclass(frozen=True)
class Table:
    """One exhibit. The caption says price year, and real or nominal."""

    number: str
    name: str  # of its file and sheet
    title: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    footnotes: tuple[str, ...] = ()

    @property
    def place(self) -> tuple[int, str]:
        """Its place among the exhibits: number, and letter where it has one."""
        plain = self.number.rstrip("abcdefghijklmnopqrstuvwxyz")
        return int(plain), self.number[len(plain) :]

    @property
    def doubtful(self) -> bool:
        """Whether any number carries the mark of low confidence."""
        cells = (cell for row in self.rows for cell in row.cells)
        return any(DOUBT in (c.text if isinstance(c, Cell) else c) for c in cells)

    @cached_property
    def numeric(self) -> list[bool]:
        """Which columns hold numbers, but for a text or a heading here and there."""
        filled = [[r.cells[i] for r in self.rows] for i in range(len(self.columns))]
        return [
            2 * sum(isinstance(c, Cell) for c in cells) > sum(c != "" for c in cells)
            for cells in filled
        ]


def with_unit(shown: str, unit: str) -> str:
    """Return a printed number with its unit, and then its mark if it has one.

    Examples
    --------
    >>> with_unit("52.59 †", "%"), with_unit("1,200", "MWh")
    ('52.59 % †', '1,200 MWh')
    """
    plain = shown.removesuffix(f" {DOUBT}")
    return f"{plain} {unit}{shown[len(plain) :]}"


def number(value: float | None, decimals: int | None = None) -> str:
    """Return a number with thousands separators; an en dash where there is none.

    Examples
    --------
    >>> number(781536.2), number(0.17123), number(-1234.5, 1), number(None)
    ('781,536', '0.171', '-1,234.5', '–')
    >>> number(-0.0001, 2), number(3e-12)
    ('0.00', '0')
    """
    if value is None or not math.isfinite(value):
        return "–"
    if decimals is None:
        if abs(value) < 1e-9:
            return "0"
        decimals = min(max(2 - math.floor(math.log10(abs(value))), 0), 9)
    text = f"{value:,.{decimals}f}"
    return text.removeprefix("-") if not text.strip("-0.,") else text


def decimals_of_share(frac: float) -> int:
    """Return the decimals of a percentage that show two digits after its nines.

    Two at least and six at most; none where all is served.

    Examples
    --------
    >>> decimals_of_share(0.99991234), decimals_of_share(0.85), decimals_of_share(1.0)
    (4, 2, 0)
    """
    if 1 - frac < 1e-9:
        return 0
    return min(max(2, 1 - math.floor(math.log10(100 * (1 - frac)))), 6)


def percent(frac: float | None) -> str:
    """Return a share near one with as many nines as it has, never rounded up to 100 %.

    Examples
    --------
    >>> percent(0.99991234), percent(1.0), percent(0.8512)
    ('99.9912 %', '100 %', '85.12 %')
    """
    if frac is None or not math.isfinite(frac):
        return "–"
    if not (places := decimals_of_share(frac)):
        return "100 %"
    return f"{math.floor(frac * 100 * 10**places + 1e-6) / 10**places:.{places}f} %"


def total(label: str, rows: Sequence[Row], skip: Sequence[int] = ()) -> Row:
    """Return the sum of the plain rows, column by column.

    Columns of text stay empty, and so do numbers that no sum is of: those to ``skip``,
    as MW of unlike machines, and those without a fixed number of decimals.
    """
    plain = [row for row in rows if row.kind == "plain"]
    cells: list[Cell | str] = [label]
    for i in range(1, len(plain[0].cells) if plain else 1):
        found = [row.cells[i] for row in plain]
        numbers = [c for c in found if isinstance(c, Cell) and c.value is not None]
        if i in skip or not numbers or any(c.decimals is None for c in numbers):
            cells.append("")
            continue
        value = math.fsum(c.value for c in numbers if c.value is not None)
        doubt = any(c.doubtful for c in numbers)
        cells.append(Cell(value, numbers[0].decimals, doubtful=doubt))
    return Row(tuple(cells), "total")


def in_turn(first: list[str], *others: list[str]) -> list[str]:
    """Return every label once; one that is new stands behind its own neighbour.

    Examples
    --------
    >>> in_turn(["gas", "LCOE"], ["gas", "solar", "LCOE"])
    ['gas', 'solar', 'LCOE']
    """
    labels = list(first)
    for other in others:
        at = 0
        for label in other:
            if label in labels:
                at = labels.index(label) + 1
            else:
                labels.insert(at, label)
                at += 1
    return labels
