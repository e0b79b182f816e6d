"""Charts of exhibits 3 and 14, drawn from their tables alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

from markupsafe import Markup, escape

from energyopt.memo.series import COLORS
from energyopt.memo.svg import Frame, both, short, svg, text
from energyopt.memo.sweep_maps import map_charts
from energyopt.memo.sweep_svg import (
    LCOE,
    Scale,
    line,
    number_of,
    place_of,
    rect,
    said,
    with_title,
)
from energyopt.memo.swept import KINDS, WORDS
from energyopt.memo.table import Row, Table

UPTIME = "gpu_uptime_frac"
BARS = {"fixed": "var(--grid)", "reoptimised": "var(--accent)"}
BASE_LINE = 'stroke="var(--ink)" stroke-width="2"'


def sweep_chart(table: Table) -> Markup | None:
    """Return the chart of an exhibit that is made from a sweep; ``None`` of others."""
    draw: dict[str, Callable[[Table], Markup]] = {
        "frontier": frontier_chart,
        "tornado": tornado_chart,
        "maps": map_charts,
    }
    made = draw.get(table.name.partition("_")[0])
    return made(table) if made and table.rows else None


# Exhibit 3 -----------------------------------------------------------------------------


Point = tuple[float, float, Row]
"""Of a frontier: how much of the limit is used, LCOE, and the row."""


def frontier_chart(table: Table) -> Markup:
    """Return LCOE along a limit, and beneath each point what is built there."""
    used, lcoe = place_of(table, "used"), place_of(table, LCOE)
    name = table.columns[place_of(table, "limit")].head
    in_nines = name.endswith(UPTIME)
    unit = "nines" if in_nines else table.columns[used].unit
    points: list[Point] = [
        (_nines(x) if in_nines else x, y, row)
        for row in table.rows
        if (x := number_of(row, used)) is not None
        and (y := number_of(row, lcoe)) is not None
    ]
    if not points:
        return Markup("")

    def draw(at: Frame) -> Markup:
        across = Scale(
            [x for x, _, _ in points],
            at.left + 30,
            at.wide - 30,
            steps=3 if at.phone else 5,
        )
        up = Scale([y for _, y, _ in points], 200, 34)
        parts = [text(0, 12, "LCOE, $/MWh", "axis"), *_levels(at, up)]
        path = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y, _ in points)
        parts.append(f'<polyline class="line" stroke="var(--accent)" points="{path}"/>')
        for x, y, row in points:
            place = f'cx="{across(x):.1f}" cy="{up(y):.1f}"'
            dot = f'<circle fill="var(--accent)" {place} r="4"/>'
            parts.append(with_title(said(table, row), dot))
            parts.append(text(across(x), up(y) - 9, f"{y:,.1f}", "label mid"))
        parts += _mixes(table, points, across, at)
        for value in across.ticks:
            parts.append(text(across(value), 392, across.shown(value), "axis mid"))
        below = f"{name}, as it turns out, {unit}".rstrip(", ")
        parts.append(text(at.wide - at.right, 408, below, "axis end"))
        return svg(at, f"{table.title}: LCOE along {name}", parts, 412)

    return both(draw) + _key({KINDS[k]: _color(k) for k in _kinds(table)})


def _nines(frac: float) -> float:
    """Return how many nines a share has.

    Examples
    --------
    >>> round(_nines(0.999), 6)
    3.0
    """
    return -math.log10(max(1 - frac, 1e-9))


def _levels(at: Frame, up: Scale) -> list[str]:
    """Return the lines of a vertical axis."""
    parts = []
    for value in up.ticks:
        y = up(value)
        parts.append(line(at.left, y, at.wide - at.right, y, 'class="grid"'))
        parts.append(text(at.left - 6, y + 4, up.shown(value), "axis end"))
    return parts


def _kinds(table: Table) -> list[str]:
    keys = [column.key.removesuffix("_mw") for column in table.columns]
    return [kind for kind in KINDS if kind in keys]


def _color(kind: str) -> str:
    return f"var(--{COLORS.get(kind, kind)})"


def _mixes(
    table: Table, points: Sequence[Point], across: Scale, at: Frame
) -> list[str]:
    """Return a stack of megawatts under each point."""
    kinds = _kinds(table)
    stacks = [
        [number_of(row, place_of(table, f"{kind}_mw")) or 0.0 for kind in kinds]
        for _, _, row in points
    ]
    up = Scale([sum(stack) for stack in stacks], 374, 236, zero=True)
    parts = [text(0, 226, "Installed, MW", "axis"), *_levels(at, up)]
    places = sorted(across(x) for x, _, _ in points)
    gaps = [b - a for a, b in pairwise(places)]
    wide = max(min([48.0, *(0.7 * gap for gap in gaps)]), 3.0)
    for (x, _, _), stack in zip(points, stacks, strict=True):
        reached = 0.0
        for kind, mw in zip(kinds, stack, strict=True):
            top, tall = up(reached + mw), up(reached) - up(reached + mw)
            style = f'fill="{_color(kind)}"'
            parts.append(rect(across(x) - wide / 2, top, wide, tall, style))
            reached += mw
    return parts


def _key(colors: dict[str, str]) -> Markup:
    """Return what colours mean."""
    one = '<span><i style="background:{}"></i>{}</span>'
    spans = [one.format(color, escape(name)) for name, color in colors.items()]
    return Markup(f'<p class="key">{"".join(spans)}</p>')


# Exhibit 14 ----------------------------------------------------------------------------

BAR = 15.0


def tornado_chart(table: Table) -> Markup:
    """Return bars from the LCOE at the low end of each range to that at the high."""
    keys = {column.key for column in table.columns}
    kinds = [k for k in WORDS if f"{k}_low_{LCOE}" in keys]
    base = number_of(table.rows[0], place_of(table, LCOE)) or 0.0
    ends = {
        kind: [place_of(table, f"{kind}_{end}_{LCOE}") for end in ("low", "high")]
        for kind in kinds
    }
    found = [
        value
        for row in table.rows
        for place in [p for pair in ends.values() for p in pair]
        if (value := number_of(row, place)) is not None
    ]

    def draw(at: Frame) -> Markup:
        names = 0.0 if at.phone else 232.0
        over = 34.0 if at.phone else 6.0  # above the bars of a phone stand the names
        across = Scale(
            [base, *found], names + 44, at.wide - 52, steps=3 if at.phone else 5
        )
        tall = BAR * len(kinds) + over + 12
        bottom = 22 + tall * len(table.rows)
        what = f"LCOE, $/MWh; base {base:,.2f}"
        parts = [text(at.wide - at.right, 12, what, "axis end")]
        for value in across.ticks:
            x = across(value)
            parts.append(line(x, 20, x, bottom, 'class="grid"'))
            parts.append(text(x, bottom + 16, across.shown(value), "axis mid"))
        for i, row in enumerate(table.rows):
            top = 22 + tall * i
            parts += _names(table, row, top, names)
            for j, kind in enumerate(kinds):
                pair = [number_of(row, place) for place in ends[kind]]
                parts += _bar(pair, base, across, top + over + BAR * j, kind)
        parts.append(line(across(base), 20, across(base), bottom, BASE_LINE))
        label = "LCOE at the ends of each range, $/MWh"
        return svg(replace(at, tall=bottom + 22), label, parts)

    return both(draw) + _key({WORDS[k]: BARS[k] for k in kinds})


def _names(table: Table, row: Row, top: float, wide: float) -> list[str]:
    """Return a parameter and its range, beside its bars or, on a phone, above."""
    path, low, high, unit = (
        row.texts()[place_of(table, key)]
        for key in ("parameter", "low", "high", "unit")
    )
    name = short(path.removeprefix("technologies."), 38)
    end = " end" if wide else ""
    return [
        text(wide, top + 16, name, f"label{end}"),
        text(wide, top + 30, f"{low} to {high} {unit}", f"axis{end}"),
    ]


def _bar(
    pair: Sequence[float | None], base: float, across: Scale, top: float, kind: str
) -> list[str]:
    """Return one bar with the LCOE at each end; an end without a plant says so."""
    known = [base if value is None else value for value in pair]
    left, right = sorted(across(value) for value in known)
    parts = [rect(left, top, right - left, BAR - 3, f'fill="{BARS[kind]}"')]
    for name, value, place in zip(("low", "high"), pair, known, strict=True):
        other = known[1 if name == "low" else 0]
        leftward = place < other or (place == other and name == "low")
        x = across(place) + (-5 if leftward else 5)
        shown = f"{name}: no plant" if value is None else f"{value:,.1f}"
        parts.append(text(x, top + 10, shown, f"axis{' end' if leftward else ''}"))
    return parts
