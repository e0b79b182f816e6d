"""Parts of the charts of sweeps: numbers of a table, a scale, a few shapes."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import escape

from energyopt.memo.svg import nice_step
from energyopt.memo.table import Cell, Row, Table, number

LCOE = "lcoe_usd_per_mwh"


def place_of(table: Table, key: str) -> int:
    """Return where a column stands."""
    return [column.key for column in table.columns].index(key)


def number_of(row: Row, place: int) -> float | None:
    """Return the number of a row in a column, where there is one."""
    cell = row.cells[place]
    return cell.value if isinstance(cell, Cell) else None


def said(table: Table, row: Row) -> str:
    """Return a row in words: every column with its number."""
    pairs = zip(table.columns, row.texts(), strict=True)
    return "; ".join(f"{column.title} {text}" for column, text in pairs if text)


def line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    """Return a straight line."""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" {style}/>'


def rect(x: float, y: float, wide: float, tall: float, style: str) -> str:
    """Return a rectangle."""
    size = f'x="{x:.1f}" y="{y:.1f}" width="{max(wide, 0):.1f}" height="{tall:.1f}"'
    return f"<rect {size} {style}/>"


def with_title(told: str, shape: str) -> str:
    """Return a shape that says more when it is pointed at."""
    return f"<g><title>{escape(told)}</title>{shape}</g>"


class Scale:
    """A straight scale with round ends, from numbers to places on the page.

    Parameters
    ----------
    values : sequence of float
        What must fit.
    start, end : float
        Places of the ends.
    zero : bool
        Whether it begins at zero.
    steps : int
        About so many.
    """

    def __init__(
        self,
        values: Sequence[float],
        start: float,
        end: float,
        *,
        zero: bool = False,
        steps: int = 5,
    ) -> None:
        low, high = min(values), max(values)
        low = min(low, 0.0) if zero else low
        step = nice_step(high - low or abs(high) or 1.0, steps)
        self.low, self.high = step * (low // step), step * -(-high // step)
        if self.low == self.high:
            self.high += step
        self.step, self.start, self.end = step, start, end

    def __call__(self, value: float) -> float:
        """Return the place of a number."""
        share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    @property
    def ticks(self) -> list[float]:
        """The round numbers from end to end."""
        count = round((self.high - self.low) / self.step)
        return [self.low + i * self.step for i in range(count + 1)]

    def shown(self, value: float) -> str:
        """Return a tick's number."""
        return number(value, 0 if self.step >= 1 else 1 if self.step >= 0.1 else 2)
