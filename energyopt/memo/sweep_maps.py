"""Maps of exhibit 15, drawn from its table alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from markupsafe import Markup

from energyopt.memo.svg import Frame, both, svg, text
from energyopt.memo.sweep_svg import (
    LCOE,
    line,
    number_of,
    place_of,
    rect,
    said,
    with_title,
)
from energyopt.memo.table import Row, Table, number

MOST_MAPS = 12
"""Of one exhibit; the table holds every point."""
TALL, TOP = 26.0, 36.0
EDGE = 'class="edge"'
Shade = Callable[[float], str]


@dataclass(frozen=True)
class Drawn:
    """What a map shows: a column, and how its numbers are shaded."""

    what: str
    place: int
    shade: Shade


@dataclass(frozen=True)
class Grid:
    """The points of one map: by the values of its two axes."""

    table: Table
    rows: Sequence[Row]

    @property
    def axes(self) -> tuple[list[str], list[str]]:
        """The values of either axis, rising."""
        xs, ys = ([*dict.fromkeys(str(r.cells[i]) for r in self.rows)] for i in (0, 1))
        return xs, ys

    def at(self, i: int, j: int) -> Row | None:
        """Return the point in a place, where there is one."""
        xs, ys = self.axes
        if i >= len(xs) or j >= len(ys):
            return None
        wanted = (xs[i], ys[j])
        return next((r for r in self.rows if (r.cells[0], r.cells[1]) == wanted), None)


def map_charts(table: Table) -> Markup:
    """Return a pair of maps, LCOE and gas, for each value of the other axes."""
    over = place_of(table, LCOE)
    drawn = [_drawn(table, "LCOE, $/MWh", LCOE, "var(--accent)")]
    if "gas_turbine_mw" in {column.key for column in table.columns}:
        drawn.append(_drawn(table, "Gas, MW", "gas_turbine_mw", "var(--gas)"))
    made: list[Markup] = []

    def others(row: Row) -> tuple[str, ...]:
        return tuple(str(row.cells[i]) for i in range(2, over))

    for where, rows in groupby(table.rows, key=others):
        if len(made) == MOST_MAPS:
            made.append(Markup("<p>More maps are in the table.</p>"))
            break
        columns = table.columns[2:over]
        at = ", ".join(
            f"{column.head} = {value} {column.unit}".strip()
            for column, value in zip(columns, where, strict=True)
        )
        made.append(_maps(Grid(table, list(rows)), drawn, at))
    return Markup("").join(made)


def _drawn(table: Table, what: str, key: str, color: str) -> Drawn:
    """Return what gives a number its shade, the same over all maps of an exhibit."""
    place = place_of(table, key)
    found = [v for row in table.rows if (v := number_of(row, place)) is not None]
    low, high = (min(found), max(found)) if found else (0.0, 0.0)

    def shade(value: float) -> str:
        share = (value - low) / (high - low) if high > low else 0.5
        return f'fill="{color}" fill-opacity="{0.08 + 0.55 * share:.2f}"'

    return Drawn(what, place, shade)


def _maps(grid: Grid, drawn: Sequence[Drawn], where: str) -> Markup:
    """Return the maps at one value of the other axes: side by side, or in a column."""
    tall = TOP + TALL * len(grid.axes[1]) + 52
    head = 18.0 if where else 0.0

    def draw(at: Frame) -> Markup:
        wide = at.wide if at.phone else at.wide / len(drawn)
        parts = [text(0, 12, where, "label")] if where else []
        for i, one in enumerate(drawn):
            left, top = (0.0, head + tall * i) if at.phone else (wide * i, head)
            inner = "".join(_map(grid, one, replace(at, wide=wide)))
            parts.append(f'<g transform="translate({left:.1f} {top:.1f})">{inner}</g>')
        whole = head + tall * (len(drawn) if at.phone else 1)
        return svg(at, f"Maps of LCOE and gas {where}".strip(), parts, whole)

    return both(draw)


def _map(grid: Grid, one: Drawn, at: Frame) -> list[str]:
    """Return one map: a shaded cell a point, and lines where the mix switches."""
    xs, ys = grid.axes
    wide, mix = (at.wide - at.left - at.right) / len(xs), place_of(grid.table, "mix")
    parts, borders = [text(at.left, 26, one.what, "axis")], []
    for i in range(len(xs)):
        for j in range(len(ys)):
            x, y = at.left + wide * i, TOP + TALL * (len(ys) - 1 - j)
            row = grid.at(i, j)
            parts.append(_cell(grid.table, row, one, (x, y, wide)))
            if _switches(row, grid.at(i + 1, j), mix):
                borders.append(line(x + wide, y, x + wide, y + TALL, EDGE))
            if _switches(row, grid.at(i, j + 1), mix):
                borders.append(line(x, y, x + wide, y, EDGE))
    below = TOP + TALL * len(ys)
    for i, shown in enumerate(xs):
        parts.append(text(at.left + wide * (i + 0.5), below + 14, shown, "axis mid"))
    for j, shown in enumerate(ys):
        y = TOP + TALL * (len(ys) - 1 - j) + 17
        parts.append(text(at.left - 6, y, shown, "axis end"))
    across, up = (_named(column.head, column.unit) for column in grid.table.columns[:2])
    parts.append(text(at.left, below + 29, f"across: {across}", "axis"))
    parts.append(text(at.left, below + 43, f"up: {up}", "axis"))
    return [*parts, *borders]


def _named(path: str, unit: str) -> str:
    """Return an axis in words.

    Examples
    --------
    >>> _named("technologies.battery.capital_usd_per_kwh", "$/kWh"), _named("mode", "")
    ('battery.capital_usd_per_kwh, $/kWh', 'mode')
    """
    return f"{path.removeprefix('technologies.')}, {unit}".rstrip(", ")


def _cell(
    table: Table, row: Row | None, one: Drawn, place: tuple[float, float, float]
) -> str:
    """Return one point of a map; a gap says why it is one."""
    x, y, wide = place
    value = None if row is None else number_of(row, one.place)
    look = 'class="gap"' if value is None else one.shade(value)
    places = 0 if wide < 40 or (value or 0) >= 1000 else 1
    shown = _gap(row) if value is None else number(value, places)
    box = rect(x + 1, y + 1, wide - 2, TALL - 2, look)
    told = "not asked for" if row is None else said(table, row)
    return with_title(told, box + text(x + wide / 2, y + 17, shown, "label mid"))


def _gap(row: Row | None) -> str:
    """Return what stands in a cell without a plant."""
    why = "" if row is None else str(row.cells[-1])
    ends = {"infeasible": "none", "failed": "failed"}
    return ends.get(why.partition(":")[0], "…")


def _switches(a: Row | None, b: Row | None, mix: int) -> bool:
    """Whether two neighbours are built of other kinds; a gap is no kind of plant."""
    if a is None or b is None or not a.cells[mix] or not b.cells[mix]:
        return False
    return a.cells[mix] != b.cells[mix]
