"""Charts of the page as SVG; what they draw comes from :mod:`energyopt.memo.series`."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup, escape

from energyopt.memo import series
from energyopt.memo.exhibits import Memo
from energyopt.memo.run import Run
from energyopt.memo.running import Week
from energyopt.memo.sankey import Band, Flow, diagram, energy_flows
from energyopt.memo.svg import (
    DESK,
    HALF,
    Frame,
    axis,
    bar,
    both,
    points,
    short,
    steps,
    svg,
    text,
)
from energyopt.memo.table import Table

LINE = 15.0  # between two lines of text


def charts(memo: Memo) -> dict[str, Markup]:
    """Return the drawing of each exhibit that has one.

    Parameters
    ----------
    memo : Memo
        What is written.

    Returns
    -------
    dict of str to Markup
        Number of the exhibit -> SVG for a desk and for a phone.
    """
    of = {table.number: table for table in memo.tables}
    run = memo.run
    found = {
        "11": waterfall(series.waterfall_bars(of["11"])),
        "19": sankey(*energy_flows(run, of["19"])),
        "21": durations(run),
        "24": months(run, of["24"]),
    }
    if run.uptime is not None and "25" in of:
        found["25"] = nines(series.intervals(of["25"])) + unserved(series.causes(run))
    return found


def pictures(memo: Memo) -> dict[str, Markup]:
    """Return what the one-page version draws; of the nines those with every cause."""
    of = {table.number: table for table in memo.tables}
    run = memo.run
    found = {
        "11": waterfall(series.waterfall_bars(of["11"]), HALF),
        "20": week(run, series.chosen_weeks(run)[0], HALF),
    }
    if run.uptime is not None and "25" in of:
        sampled = [r for r in series.intervals(of["25"]) if not r.alone]
        found["25"] = nines(sampled, HALF) + unserved(series.causes(run), HALF)
    return found


def key(entries: Sequence[tuple[str, str, float]], line: Sequence[str] = ()) -> Markup:
    """Return what each colour means; a name of ``line`` is drawn as a stroke."""
    parts = []
    for name, color, full in entries:
        look = ' class="stroke"' if name in line else ""
        style = f"background:var(--{color});opacity:{full:g}"
        parts.append(f'<span><i{look} style="{style}"></i>{escape(name)}</span>')
    return Markup(f'<p class="key">{"".join(parts)}</p>')


def waterfall(bars: Sequence[series.Bar], desk: Frame = DESK) -> Markup:
    """Return exhibit 11 as bars that climb to the LCOE, one row a component."""
    most = max(b.start + max(b.value, 0.0) for b in bars) or 1.0

    def draw(at: Frame) -> Markup:
        names, row = (138.0, 22.0) if at.phone else (178.0, 22.0)
        wide = at.wide - names - (54 if at.phone else 104)
        parts = []
        for i, b in enumerate(bars):
            y, last = 4 + row * i, b.color == "whole"
            x = names + wide * min(b.start, b.start + b.value) / most
            long = max(wide * abs(b.value) / most, 1.0)
            shown = f"{b.value:,.2f}{' $/MWh' if last and not at.phone else ''}"
            look = "label strong" if last else "label"
            name = b.label.replace(" recovery,", ",") if at.phone else b.label
            parts.append(text(names - 8, y + 15, short(name, 26), f"{look} end"))
            parts.append(bar(x, y + 4, long, row - 8, b.color))
            if not last:
                end = names + wide * (b.start + b.value) / most
                parts.append(
                    f'<line class="link" x1="{end:.1f}" x2="{end:.1f}" '
                    f'y1="{y + row - 4:.1f}" y2="{y + row + 4:.1f}"/>'
                )
            parts.append(text(x + long + 5, y + 15, shown, look))
        label = "LCOE by component, $/MWh; its numbers are in the table"
        return svg(at, label, parts, 8 + row * len(bars))

    return both(draw, desk)


def durations(run: Run) -> Markup:
    """Return exhibit 21: sorted power over the hours of the year, as lines."""
    lines = series.duration_points(run)
    whole = max(float(hours[-1]) for hours, _ in lines.values())
    low = min(0.0, *(float(mw.min()) for _, mw in lines.values()))
    high = max(float(mw.max()) for _, mw in lines.values())
    color = {name: series.duration_color(name) for name in lines}

    def draw(at: Frame) -> Markup:
        parts, y = axis(at, low, high, "MW")
        every = 4000 if at.phone else 2000
        for hour in range(0, int(whole) - every // 2, every):
            parts.append(text(at.x(hour / whole), at.tall - 8, f"{hour:,}", "axis mid"))
        parts.append(text(at.x(1.0), at.tall - 8, f"{whole:,.0f} h/yr", "axis end"))
        for name, (hours, mw) in lines.items():
            place = points([at.x(h / whole) for h in hours], [y(v) for v in mw])
            parts.append(
                f'<polyline class="line" style="stroke:var(--{color[name]})" '
                f'points="{place}"/>'
            )
        return svg(at, "Duration curves, MW over hours a year", parts)

    entries = [(name, color[name], 1.0) for name in lines]
    return both(draw) + key(entries, line=list(lines))


def week(run: Run, chosen: Week, desk: Frame = DESK) -> Markup:
    """Return a week of exhibit 20 as a still picture: what feeds the load."""
    data = series.explorer_data(run)
    span = slice(chosen.hours.start, chosen.hours.stop)
    load = data["load"][span]
    full = series.opacities([s["color"] for s in data["stack"]])
    shown = [
        (s["name"], s["color"], o, np.maximum(s["values"][span], 0))
        for s, o in zip(data["stack"], full, strict=True)
    ]
    shown = [s for s in shown if s[3].max() >= series.SHOWN_MW]
    high = max(float(sum(s[3] for s in shown).max()) if shown else 0.0, max(load))

    def draw(at: Frame) -> Markup:
        parts, y = axis(at, 0.0, high, "MW")
        below = np.zeros(len(load))
        for _, color, opacity, values in shown:
            above = below + values
            up = steps(at, [y(v) for v in above])
            down = " ".join(reversed(steps(at, [y(v) for v in below]).split(" ")))
            parts.append(
                f'<polygon points="{up} {down}" style="fill:var(--{color})" '
                f'fill-opacity="{opacity:g}"/>'
            )
            below = above
        parts.append(
            '<polyline class="line" style="stroke:var(--load)" '
            f'points="{steps(at, [y(v) for v in load])}"/>'
        )
        for h in range(0, len(load), 24):
            day = run.local[chosen.hours.start + h]
            said = str(day.day) if at.phone else f"{day:%a} {day.day} {day:%b}"
            parts.append(text(at.x(h / len(load)) + 2, at.tall - 8, said, "axis"))
        return svg(at, f"Dispatch in the week of {chosen.name}, MW by hour", parts)

    entries = [(name, color, opacity) for name, color, opacity, _ in shown]
    return both(draw, desk) + key([*entries, ("load", "load", 1.0)], line=["load"])


def months(run: Run, table: Table) -> Markup:
    """Return exhibit 24 as stacked bars beside the month's demand."""
    names, stacks, demand = series.month_stacks(run, table)
    fed = np.sum([s.values for s in stacks], axis=0) if stacks else np.zeros(1)
    high = max(float(fed.max()), *demand) / 1000
    full = series.opacities([s.color for s in stacks])

    def draw(at: Frame) -> Markup:
        parts, y = axis(at, 0.0, high, "GWh")
        each = (at.wide - at.left - at.right) / len(names)
        for i, name in enumerate(names):
            x, below = at.left + each * i + 0.15 * each, 0.0
            for stack, opacity in zip(stacks, full, strict=True):
                above = below + stack.values[i] / 1000
                tall = y(below) - y(above)
                parts.append(bar(x, y(above), 0.7 * each, tall, stack.color, opacity))
                below = above
            at_load = y(demand[i] / 1000)
            parts.append(
                f'<line style="stroke:var(--load);stroke-width:2" x1="{x - 2:.1f}" '
                f'x2="{x + 0.7 * each + 2:.1f}" y1="{at_load:.1f}" y2="{at_load:.1f}"/>'
            )
            said = name[0] if at.phone else name
            parts.append(text(x + 0.35 * each, at.tall - 8, said, "axis mid"))
        return svg(at, "Energy to the bus by month, GWh", parts)

    entries = [(s.name, s.color, o) for s, o in zip(stacks, full, strict=True)]
    return both(draw) + key([*entries, ("demand", "load", 1.0)], line=["demand"])


def sankey(sources: Sequence[Flow], uses: Sequence[Flow]) -> Markup:
    """Return exhibit 19 as bands from what feeds the bus to what it feeds."""

    def draw(at: Frame) -> Markup:
        side, node, top = (122.0 if at.phone else 190.0), 8.0, 22.0
        drawn = diagram(sources, uses, 200 if at.phone else 220, 2 * LINE + 8)
        bus = at.wide / 2
        parts = []
        for bands, rim, sign in (
            (drawn.sources, side, 1),
            (drawn.uses, at.wide - side, -1),
        ):
            inner = rim + sign * node
            for b in bands:
                tall = max(b.rim[1] - b.rim[0], 1.0)
                if b.flow.curtailed:
                    parts.append(
                        bar(inner, top + b.rim[0], 30, tall, b.flow.color, 0.3)
                    )
                else:
                    parts.append(_band(b, top, inner, bus - sign * node / 2))
                left = min(rim, inner)
                parts.append(bar(left, top + b.rim[0], node, tall, b.flow.color))
                parts += _label(
                    at, b, top, rim - sign * 6, "end" if sign > 0 else "start"
                )
        high, low = drawn.bus
        parts.append(bar(bus - node / 2, top + high, node, low - high, "ink"))
        parts.append(text(bus, top + high - 8, "bus", "axis mid"))
        told = ", ".join(f"{f.name} {f.shown}" for f in (*sources, *uses))
        return svg(at, f"Energy balance: {told}", parts, drawn.tall + top + 6)

    return both(draw)


def _band(b: Band, top: float, x0: float, x1: float) -> str:
    """Return a flow as a curved band between the rim and the bus."""
    half, color = (x0 + x1) / 2, b.flow.color
    (a0, a1), (b0, b1) = ((top + v for v in pair) for pair in (b.rim, b.bus))
    a1, b1 = max(a1, a0 + 0.8), max(b1, b0 + 0.8)
    return (
        f'<path style="fill:var(--{color})" fill-opacity="0.45" '
        f'd="M{x0:.1f} {a0:.1f}C{half:.1f} {a0:.1f} {half:.1f} {b0:.1f} {x1:.1f} {b0:.1f}'
        f'V{b1:.1f}C{half:.1f} {b1:.1f} {half:.1f} {a1:.1f} {x0:.1f} {a1:.1f}Z"/>'
    )


def _label(at: Frame, b: Band, top: float, x: float, look: str) -> list[str]:
    """Return a flow's name and, below it, its energy as the table prints it."""
    y = top + b.label
    name = b.flow.name.replace(" to the facility", "") if at.phone else b.flow.name
    share = "" if at.phone or not b.flow.share else f" · {b.flow.share}"
    return [
        text(x, y - 2, short(name, 18 if at.phone else 28), f"label {look}"),
        text(x, y + LINE - 2, f"{b.flow.shown}{share}", f"axis {look}"),
    ]


def nines(rows: Sequence[series.Interval], desk: Frame = DESK) -> Markup:
    """Return exhibit 25 as points with their 95 % intervals on a scale of nines."""
    low = math.floor(min((r.low for r in rows), default=2.0))
    high = max(math.ceil(max((r.high for r in rows), default=4.0)), low + 1)

    def draw(at: Frame) -> Markup:
        names = 0.0 if at.phone else 12.0 + 6.4 * max(len(r.label) for r in rows)
        row, top, right = (36.0 if at.phone else 22.0), 24.0, 86.0
        tall = top + row * len(rows) + 6

        def x(value: float) -> float:
            share = (min(value, high) - low) / (high - low)
            return names + 22 + (at.wide - names - 22 - right) * share

        parts = []
        every = math.ceil(66 / (x(low + 1) - x(low)))
        for tick in range(low, high + 1, every):
            said = f"{100 * (1 - 10.0**-tick):.{max(tick - 2, 0)}f} %"
            parts.append(text(x(tick), 12, said, "axis mid"))
            parts.append(
                f'<line class="grid" x1="{x(tick):.1f}" x2="{x(tick):.1f}" '
                f'y1="{top - 6:.0f}" y2="{tall:.0f}"/>'
            )
        for i, r in enumerate(rows):
            y = top + row * i + (26 if at.phone else 11)
            color = "running" if r.alone else "capital"
            if at.phone:
                parts.append(text(0, y - 11, short(r.label, 54), "label"))
            else:
                parts.append(text(names, y + 4, short(r.label, 60), "label end"))
            parts.append(
                f'<line style="stroke:var(--{color});stroke-width:3" y1="{y:.1f}" '
                f'y2="{y:.1f}" x1="{x(r.low):.1f}" x2="{x(r.high):.1f}"/>'
                f'<circle style="fill:var(--{color})" cx="{x(r.nines):.1f}" '
                f'cy="{y:.1f}" r="4.5"/>'
            )
            parts.append(text(x(r.high) + 9, y + 4, r.shown, "label"))
        label = "Sampled shares with 95 % intervals; the numbers are in the table"
        return svg(at, label, parts, tall)

    return both(draw, desk)


def unserved(rows: Sequence[series.Cause], desk: Frame = DESK) -> Markup:
    """Return the unserved energy by cause, with 95 % intervals. [MWh/yr]"""
    if not rows:
        return Markup("")
    most = max(r.high for r in rows)

    def draw(at: Frame) -> Markup:
        names, row, top = (104.0 if at.phone else 178.0), 22.0, 34.0
        wide = at.wide - names - 60
        parts = [
            text(0, 18, "Energy not served by cause, base rates, MWh a year", "label")
        ]
        for i, r in enumerate(rows):
            y = top + row * i
            a, b = (names + wide * v / most for v in (r.low, r.high))
            parts.append(text(names - 8, y + 13, short(r.name, 18), "label end"))
            parts.append(
                bar(names, y + 3, max(wide * r.mean / most, 1.0), 12, "running")
            )
            parts.append(
                f'<line style="stroke:var(--ink);stroke-width:1.5" x1="{a:.1f}" '
                f'x2="{b:.1f}" y1="{y + 9:.1f}" y2="{y + 9:.1f}"/>'
            )
            parts.append(text(b + 6, y + 13, r.shown, "label"))
        label = ", ".join(f"{r.name} {r.shown}" for r in rows)
        tall = top + row * len(rows) + 4
        return svg(at, f"Energy not served by cause, MWh a year: {label}", parts, tall)

    return both(draw, desk)
