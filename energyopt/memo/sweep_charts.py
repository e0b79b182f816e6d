"""Charts of exhibits 3, 14 and 15, drawn from their tables alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import groupby, pairwise
from typing import Any

from markupsafe import Markup, escape

from energyopt.memo.series import COLORS as PALETTE
from energyopt.memo.svg import nice_step
from energyopt.memo.swept import KINDS, WORDS
from energyopt.memo.table import Cell, Row, Table, number

LCOE = "lcoe_usd_per_mwh"
WIDTH, LEFT, RIGHT = 760, 64, 24
LABEL = 232
"""Width of the names beside the bars of a tornado."""
UPTIME = "gpu_uptime_frac"
BARS = {"fixed": "var(--grid)", "reoptimised": "var(--accent)"}
BASE_LINE = 'stroke="var(--ink)" stroke-width="2"'
MOST_MAPS = 12
"""Of one exhibit; the table holds every point."""


def sweep_chart(table: Table) -> Markup | None:
    """Return the chart of an exhibit that is made from a sweep; ``None`` of others."""
    draw: dict[str, Callable[[Table], Markup]] = {
        "frontier": frontier_chart,
        "tornado": tornado_chart,
        "maps": map_charts,
    }
    made = draw.get(table.name.partition("_")[0])
    return made(table) if made and table.rows else None


def _column(table: Table, key: str) -> int:
    return [column.key for column in table.columns].index(key)


def _number(row: Row, place: int) -> float | None:
    cell = row.cells[place]
    return cell.value if isinstance(cell, Cell) else None


def _svg(label: str, tall: float, parts: Sequence[str]) -> Markup:
    return Markup(
        f'<svg viewBox="0 0 {WIDTH} {tall:.0f}" role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )


def _text(x: float, y: float, text: str, kind: str = "axis") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" {style}/>'


def _rect(x: float, y: float, wide: float, tall: float, style: str) -> str:
    size = f'x="{x:.1f}" y="{y:.1f}" width="{max(wide, 0):.1f}" height="{tall:.1f}"'
    return f"<rect {size} {style}/>"


class Scale:
    """A straight scale with round ends, from numbers to places on the page."""

    def __init__(
        self, values: Sequence[float], start: float, end: float, *, zero: bool = False
    ) -> None:
        low, high = min(values), max(values)
        low = min(low, 0.0) if zero else low
        step = nice_step(high - low or abs(high) or 1.0)
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


# Exhibit 3 -----------------------------------------------------------------------------


def frontier_chart(table: Table) -> Markup:
    """Return LCOE along a limit, and beneath each point what is built there."""
    used, lcoe = _column(table, "used"), _column(table, LCOE)
    name = table.columns[_column(table, "limit")].head
    unit = table.columns[used].unit
    in_nines = name.endswith(UPTIME)
    points = [
        (_nines(x) if in_nines else x, y, row)
        for row in table.rows
        if (x := _number(row, used)) is not None
        and (y := _number(row, lcoe)) is not None
    ]
    if not points:
        return Markup("")
    across = Scale([x for x, _, _ in points], LEFT + 30, WIDTH - RIGHT - 30)
    up = Scale([y for _, y, _ in points], 200, 34)
    parts = [_text(4, 12, "LCOE, $/MWh")]
    for value in up.ticks:
        y = up(value)
        parts.append(_line(LEFT, y, WIDTH - RIGHT, y, 'class="grid"'))
        parts.append(_text(LEFT - 6, y + 4, up.shown(value), "axis end"))
    path = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y, _ in points)
    parts.append(f'<polyline class="line" stroke="var(--accent)" points="{path}"/>')
    for x, y, row in points:
        dot = f'<circle fill="var(--accent)" cx="{across(x):.1f}" cy="{up(y):.1f}" r="4"/>'
        parts.append(f"<g><title>{escape(_said(table, row))}</title>{dot}</g>")
        parts.append(_text(across(x), up(y) - 9, f"{y:,.1f}", "label mid"))
    parts += _mixes(table, points, across)
    for value in across.ticks:
        parts.append(_text(across(value), 392, across.shown(value), "axis mid"))
    below = f"{name}, as it turns out, {'nines' if in_nines else unit}".rstrip(", ")
    parts.append(_text(WIDTH - RIGHT, 408, below, "axis end"))
    return _svg(f"{table.title}: LCOE along {name}", 412, parts) + _key(table)


def _nines(frac: float) -> float:
    """Return how many nines a share has.

    Examples
    --------
    >>> round(_nines(0.999), 6)
    3.0
    """
    return -math.log10(max(1 - frac, 1e-9))


def _said(table: Table, row: Row) -> str:
    """Return what a point is, in words: every column with its number."""
    pairs = zip(table.columns, row.texts(), strict=True)
    return "; ".join(f"{column.title} {text}" for column, text in pairs if text)


def _kinds(table: Table) -> list[str]:
    keys = [column.key.removesuffix("_mw") for column in table.columns]
    return [kind for kind in KINDS if kind in keys]


def _mixes(
    table: Table, points: Sequence[tuple[float, float, Row]], across: Scale
) -> list[str]:
    """Return a stack of megawatts under each point."""
    kinds = _kinds(table)
    stacks = [
        [_number(row, _column(table, f"{kind}_mw")) or 0.0 for kind in kinds]
        for _, _, row in points
    ]
    up = Scale([sum(stack) for stack in stacks], 374, 236, zero=True)
    parts = [_text(4, 226, "Installed, MW")]
    for value in up.ticks:
        y = up(value)
        parts.append(_line(LEFT, y, WIDTH - RIGHT, y, 'class="grid"'))
        parts.append(_text(LEFT - 6, y + 4, up.shown(value), "axis end"))
    places = sorted(across(x) for x, _, _ in points)
    gaps = [b - a for a, b in pairwise(places)]
    wide = max(min([48.0, *(0.7 * gap for gap in gaps)]), 3.0)
    for (x, _, _), stack in zip(points, stacks, strict=True):
        reached = 0.0
        for kind, mw in zip(kinds, stack, strict=True):
            top, tall = up(reached + mw), up(reached) - up(reached + mw)
            style = f'fill="var(--{PALETTE.get(kind, kind)})"'
            parts.append(_rect(across(x) - wide / 2, top, wide, tall, style))
            reached += mw
    return parts


def _key(table: Table) -> Markup:
    """Return what the colours of the stacks are."""
    one = '<span><i style="background:var(--{})"></i>{}</span>'
    spans = [one.format(PALETTE.get(k, k), escape(KINDS[k])) for k in _kinds(table)]
    return Markup(f'<div class="key">{"".join(spans)}</div>')


# Exhibit 14 ----------------------------------------------------------------------------


def tornado_chart(table: Table) -> Markup:
    """Return bars from the LCOE at the low end of each range to that at the high."""
    kinds = [k for k in WORDS if f"{k}_low_{LCOE}" in {c.key for c in table.columns}]
    base = _number(table.rows[0], _column(table, LCOE)) or 0.0
    ends = {
        kind: [_column(table, f"{kind}_{end}_{LCOE}") for end in ("low", "high")]
        for kind in kinds
    }
    found = [
        value
        for row in table.rows
        for place in [p for pair in ends.values() for p in pair]
        if (value := _number(row, place)) is not None
    ]
    across = Scale([base, *found], LABEL + 44, WIDTH - RIGHT - 44)
    bar = 15
    tall = bar * len(kinds) + 22
    bottom = 22 + tall * len(table.rows)
    parts = [_text(WIDTH - RIGHT, 12, f"LCOE, $/MWh; base {base:,.2f}", "axis end")]
    for value in across.ticks:
        x = across(value)
        parts.append(_line(x, 20, x, bottom, 'class="grid"'))
        parts.append(_text(x, bottom + 16, across.shown(value), "axis mid"))
    for i, row in enumerate(table.rows):
        top = 26 + tall * i
        parts += _names(table, row, top)
        for j, kind in enumerate(kinds):
            pair = [_number(row, place) for place in ends[kind]]
            parts += _bar(pair, base, across, top + bar * j, kind, bar)
    parts.append(_line(across(base), 20, across(base), bottom, BASE_LINE))
    one = '<span><i style="background:{}"></i>{}</span>'
    spans = [one.format(BARS[k], WORDS[k]) for k in kinds]
    key = Markup(f'<div class="key">{"".join(spans)}</div>')
    return _svg("LCOE at the ends of each range, $/MWh", bottom + 22, parts) + key


def _names(table: Table, row: Row, top: float) -> list[str]:
    """Return a parameter and its range, beside its bars."""
    path, low, high, unit = (
        row.texts()[_column(table, key)] for key in ("parameter", "low", "high", "unit")
    )
    name = path.removeprefix("technologies.")
    name = name if len(name) <= 38 else f"…{name[-37:]}"
    return [
        _text(LABEL, top + 12, name, "label end"),
        _text(LABEL, top + 26, f"{low} to {high} {unit}", "axis end"),
    ]


def _bar(
    pair: Sequence[float | None],
    base: float,
    across: Scale,
    top: float,
    kind: str,
    bar: float,
) -> list[str]:
    """Return one bar with the LCOE at each end; an end without a plant says so."""
    known = [base if value is None else value for value in pair]
    left, right = sorted(across(value) for value in known)
    parts = [_rect(left, top, right - left, bar - 3, f'fill="{BARS[kind]}"')]
    for name, value, place in zip(("low", "high"), pair, known, strict=True):
        other = known[1 if name == "low" else 0]
        leftward = place < other or (place == other and name == "low")
        x = across(place) + (-5 if leftward else 5)
        text = f"{name}: no plant" if value is None else f"{value:,.1f}"
        parts.append(_text(x, top + 10, text, f"axis{' end' if leftward else ''}"))
    return parts


# Exhibit 15 ----------------------------------------------------------------------------


def map_charts(table: Table) -> Markup:
    """Return a pair of maps, LCOE and gas, for each value of the other axes."""
    axes = [c.key for c in table.columns[: _column(table, LCOE)]]
    others = range(2, len(axes))
    drawn = [("LCOE, $/MWh", _column(table, LCOE), "var(--accent)")]
    if "gas_turbine_mw" in {c.key for c in table.columns}:
        drawn.append(("Gas, MW", _column(table, "gas_turbine_mw"), "var(--gas)"))
    made: list[Markup] = []

    def place(row: Row) -> tuple[str, ...]:
        return tuple(str(row.cells[i]) for i in others)

    for where, rows in groupby(table.rows, key=place):
        if len(made) == MOST_MAPS:
            made.append(Markup("<p>More maps are in the table.</p>"))
            break
        said = ", ".join(
            f"{axes[i]} = {text} {table.columns[i].unit}".strip()
            for i, text in zip(others, where, strict=True)
        )
        made.append(_pair_of_maps(table, list(rows), drawn, said))
    return Markup("").join(made)


def _pair_of_maps(
    table: Table,
    rows: Sequence[Row],
    drawn: Sequence[tuple[str, int, str]],
    said: str,
) -> Markup:
    """Return the maps at one value of the other axes, side by side."""
    xs, ys = ([*dict.fromkeys(str(r.cells[i]) for r in rows)] for i in (0, 1))
    cells = {(str(r.cells[0]), str(r.cells[1])): r for r in rows}
    wide, tall = WIDTH / len(drawn), 34 + 26 * len(ys)
    parts = [_text(4, 12, said, "label")] if said else []
    for i, (what, place, color) in enumerate(drawn):
        found = [v for r in table.rows if (v := _number(r, place)) is not None]
        ends = (min(found), max(found)) if found else (0.0, 1.0)
        parts += _map(
            table, cells, (xs, ys), place, _shade(*ends, color), i * wide, wide
        )
        parts.append(_text(i * wide + LEFT, 30, what, "axis"))
    axes_at = tall + 30
    for i in range(len(drawn)):
        x_name, y_name = (table.columns[k] for k in (0, 1))
        below = f"{_short(x_name.head)}, {x_name.unit}"
        parts.append(_text(i * wide + LEFT, axes_at, below, "axis"))
        beside = f"up: {_short(y_name.head)}, {y_name.unit}"
        parts.append(_text(i * wide + LEFT, axes_at + 15, beside, "axis"))
    return _svg(f"Maps of LCOE and gas {said}".strip(), axes_at + 24, parts)


def _short(path: str) -> str:
    """Return a path without the section it is in.

    Examples
    --------
    >>> _short("technologies.battery.capital_usd_per_kwh"), _short("gas.hub")
    ('battery.capital_usd_per_kwh', 'gas.hub')
    """
    return path.removeprefix("technologies.")


def _shade(low: float, high: float, color: str) -> Callable[[float], str]:
    """Return what gives a number its shade, the same over all maps of an exhibit."""

    def style(value: float) -> str:
        share = (value - low) / (high - low) if high > low else 0.5
        return f'fill="{color}" fill-opacity="{0.08 + 0.55 * share:.2f}"'

    return style


def _map(
    table: Table,
    cells: dict[tuple[str, str], Row],
    axes: tuple[list[str], list[str]],
    place: int,
    style: Callable[[float], str],
    left: float,
    wide: float,
) -> list[str]:
    """Return one map: a shaded cell a point, and lines where the mix switches."""
    xs, ys = axes
    across, tall, mix = (wide - LEFT - 10) / len(xs), 26.0, _column(table, "mix")
    parts, borders = [], []

    def corner(i: int, j: int) -> tuple[float, float]:
        return left + LEFT + across * i, 36 + tall * (len(ys) - 1 - j)

    for (i, x), (j, y) in ((a, b) for a in enumerate(xs) for b in enumerate(ys)):
        row, (cx, cy) = cells.get((x, y)), corner(i, j)
        value = None if row is None else _number(row, place)
        look = 'class="gap"' if value is None else style(value)
        box = _rect(cx + 1, cy + 1, across - 2, tall - 2, look)
        told = "not asked for" if row is None else _said(table, row)
        places = 0 if across < 40 or (value or 0) >= 1000 else 1
        text = _gap(row) if value is None else number(value, places)
        middle = _text(cx + across / 2, cy + 17, text, "label mid")
        parts.append(f"<g><title>{escape(told)}</title>{box}{middle}</g>")
        right, above = (cells.get(k) for k in _next(xs, ys, i, j))
        if _switches(row, right, mix):
            borders.append(_line(cx + across, cy, cx + across, cy + tall, EDGE))
        if _switches(row, above, mix):
            borders.append(_line(cx, cy, cx + across, cy, EDGE))
    parts += [
        _text(corner(i, 0)[0] + across / 2, 36 + tall * len(ys) + 14, x, "axis mid")
        for i, x in enumerate(xs)
    ]
    parts += [
        _text(left + LEFT - 6, corner(0, j)[1] + 17, y, "axis end")
        for j, y in enumerate(ys)
    ]
    return [*parts, *borders]


def _gap(row: Row | None) -> str:
    """Return what stands in a cell without a plant."""
    why = "" if row is None else str(row.cells[-1])
    ends = {"infeasible": "none", "failed": "failed"}
    return ends.get(why.partition(":")[0], "…")


EDGE = 'class="edge"'


def _next(xs: list[str], ys: list[str], i: int, j: int) -> list[Any]:
    """Return the places to the right and above."""
    right = (xs[i + 1], ys[j]) if i + 1 < len(xs) else None
    return [right, (xs[i], ys[j + 1]) if j + 1 < len(ys) else None]


def _switches(a: Row | None, b: Row | None, mix: int) -> bool:
    """Whether two neighbours are built of other kinds; a gap is no kind of plant."""
    if a is None or b is None or not a.cells[mix] or not b.cells[mix]:
        return False
    return a.cells[mix] != b.cells[mix]
