"""Charts of a memo: SVG that takes its colours from the page, and hourly data for it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from markupsafe import Markup, escape

from energyopt.memo.run import Run
from energyopt.memo.running import duration_series, weeks
from energyopt.memo.table import Cell, Table, number

WIDTH, HEIGHT = 760, 320
LEFT, BOTTOM, TOP = 64, 40, 16
PALETTE = {"gas_turbine": "gas", "fuel_store": "gas", "grid": "grid"}
STACK = ("gas_turbine", "fuel_store", "wind", "solar", "battery", "grid")
"""Kinds from the bottom of a stack up; others lie on top."""


def nice_step(span: float, steps: int = 5) -> float:
    """Return a round step that divides a span into about so many.

    Examples
    --------
    >>> nice_step(93.0), nice_step(250.0)
    (20.0, 50.0)
    """
    if span <= 0:
        return 1.0
    raw = span / steps
    size = 10.0 ** np.floor(np.log10(raw))
    return float(next(m for m in (1, 2, 5, 10) if m * size >= raw) * size)


def _grid(low: float, high: float, unit: str) -> tuple[list[str], Any]:
    """Return the lines of a vertical axis, and what gives a value's height."""
    step = nice_step(high - low)
    low, high = np.floor(low / step) * step, np.ceil(high / step) * step
    tall = HEIGHT - TOP - BOTTOM

    def y(value: float) -> float:
        return float(TOP + tall * (high - value) / (high - low))

    lines = [f'<text class="axis" x="4" y="11">{escape(unit)}</text>']
    for value in np.arange(low, high + step / 2, step):
        at = y(value)
        lines.append(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH}" y1="{at:.1f}" y2="{at:.1f}"/>'
            f'<text class="axis end" x="{LEFT - 6}" y="{at + 4:.1f}">'
            f"{number(float(value), 0 if step >= 1 else 1)}</text>"
        )
    return lines, y


def _svg(label: str, parts: list[str]) -> Markup:
    return Markup(
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )


def line_class(name: str) -> str:
    """Return the class that colours a line of exhibit 21."""
    known = {"load": "s0", "net load": "s1", "gas": "s2"}
    return known.get(name, "s3")


def duration_chart(run: Run) -> Markup:
    """Return exhibit 21: sorted power over the hours of the year, as lines."""
    series = duration_series(run)
    weight = run.series("weight_h")
    low = min(0.0, *(float(v.min()) for v in series.values()))
    parts, y = _grid(low, max(float(v.max()) for v in series.values()), "MW")
    wide, whole = WIDTH - LEFT - 8, float(weight.sum())
    for hour in range(0, int(whole) + 1, 2000):
        x = LEFT + wide * hour / whole
        parts.append(
            f'<text class="axis mid" x="{x:.1f}" y="{HEIGHT - 22}">{hour:,}</text>'
        )
    parts.append(
        f'<text class="axis end" x="{WIDTH - 8}" y="{HEIGHT - 4}">hours a year</text>'
    )
    for name, values in series.items():
        order = np.argsort(-values)
        hours = np.cumsum(weight[order]) / whole
        kept = np.unique(np.linspace(0, len(order) - 1, 400).astype(int))
        points = " ".join(
            f"{LEFT + wide * hours[k]:.1f},{y(values[order][k]):.1f}" for k in kept
        )
        parts.append(f'<polyline class="line {line_class(name)}" points="{points}"/>')
    return _svg("Duration curves, MW over hours a year", parts)


def waterfall_chart(table: Table) -> Markup:
    """Return exhibit 11 as bars that climb to the LCOE, one row a component."""
    rows = [(str(r.cells[0]), r.cells[1], r.kind == "total") for r in table.rows]
    values = [(n, c.value or 0.0, t) for n, c, t in rows if isinstance(c, Cell)]
    values = [v for v in values if v[2] or abs(v[1]) >= 0.005]
    most = max(value for _, value, last in values if last) or 1.0
    label_wide, bar = 230, 24
    wide, tall = WIDTH - label_wide - 70, bar * len(values) + 8
    parts, reached = [], 0.0
    for i, (name, value, last) in enumerate(values):
        start = 0.0 if last else min(reached, reached + value)
        x = label_wide + wide * start / most
        long = max(wide * abs(value) / most, 1.0)
        at = 4 + bar * i
        kind = "whole" if last else "fall" if value < 0 else "rise"
        parts.append(
            f'<text class="label end" x="{label_wide - 8}" y="{at + 15}">{escape(name)}'
            f'</text><rect class="{kind}" x="{x:.1f}" y="{at + 2}" width="{long:.1f}" '
            f'height="{bar - 6}"/><text class="label" x="{x + long + 5:.1f}" '
            f'y="{at + 15}">{value:,.2f}</text>'
        )
        reached += 0.0 if last else value
    return Markup(
        f'<svg viewBox="0 0 {WIDTH} {tall}" role="img" aria-label="LCOE by component, '
        f'USD per MWh">{"".join(parts)}</svg>'
    )


def explorer_data(run: Run) -> dict[str, Any]:
    """Return the hours that the page's explorer draws, rounded to 0.1 MW.

    Returns
    -------
    dict
        ``stack``: what feeds the bus, from the bottom up; ``below``: what draws beside
        the load; ``load``, ``price`` and ``stored``; the ``weeks`` that have a name.
    """
    order = {kind: i for i, kind in enumerate(STACK)}
    kind_of = {n: str(run.tables["capacity"].at[n, "kind"]) for n in run.built}
    stack: list[Any] = []
    below: list[Any] = []
    stored: list[Any] = []
    for name in sorted(run.built, key=lambda n: order.get(kind_of[n], len(order))):
        color = PALETTE.get(kind_of[name], kind_of[name])
        for flow in ("output_mw", "discharge_mw", "import_mw"):
            _append(run, stack, name, flow, color)
        for flow in ("charge_mw", "export_mw"):
            _append(run, below, name, flow, color)
        _append(run, stored, name, "stored_mwh", color)
    return {
        "hours": run.hours.sizes["time"],
        "begin": run.local[0].isoformat(),
        "times": None
        if _hourly_steps(run)
        else [f"{t:%Y-%m-%dT%H:00}" for t in run.local],
        "load": _rounded(run.series("demand_mw")),
        "price": _rounded(run.series("power_usd_per_mwh")),
        "stack": stack,
        "below": below,
        "stored": stored,
        "weeks": [{"name": w.name, "start": w.hours.start} for w in weeks(run)],
    }


def _append(run: Run, to: list[Any], name: str, flow: str, color: str) -> None:
    key = f"{name}.{flow}"
    if key not in run.hours or np.abs(run.series(key)).max() < 0.05:
        return
    what = {"discharge_mw": " discharge", "charge_mw": " charge"}.get(flow, "")
    what = {"import_mw": " import", "export_mw": " export"}.get(flow, what)
    values = _rounded(run.series(key))
    to.append({"name": name + what, "color": color, "values": values})


def _hourly_steps(run: Run) -> bool:
    """Return whether every hour follows the one before it."""
    steps = np.diff(run.local.values.astype("datetime64[h]").astype(int))
    return bool((steps == 1).all())


def _rounded(values: Any) -> list[float]:
    """Return short numbers: whole ones without a point."""
    return [int(v) if v == int(v) else v for v in np.round(values, 1).tolist()]


def script_json(data: Any) -> Markup:
    r"""Return JSON that is safe inside a ``<script>``: no angle bracket in it.

    Examples
    --------
    >>> script_json("</script>")
    Markup('"\\u003c/script\\u003e"')
    """
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)
