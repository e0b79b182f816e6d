"""The table of a sweep as a terminal shows it: what is varied, and what comes of it."""

from __future__ import annotations

from typing import Any

import pandas as pd

from energyopt.sweep.points import Points

ROWS = 40
_SHOWN = {
    "reoptimised.lcoe_usd_per_mwh": "LCOE $/MWh",
    "fixed.lcoe_usd_per_mwh": "same plant",
    "reoptimised.capital_usd": "capital M$",
    "reoptimised.co2_t_per_yr": "CO2 kt/yr",
    "reoptimised.renewable_share_frac": "renewable %",
    "reoptimised.sampled_uptime_frac": "uptime %",
}
_DIGITS = {"reoptimised.sampled_uptime_frac": 5}
_SCALE = {
    "reoptimised.capital_usd": 1e-6,
    "reoptimised.co2_t_per_yr": 1e-3,
    "reoptimised.renewable_share_frac": 100.0,
    "reoptimised.sampled_uptime_frac": 100.0,
}


def terminal_lines(table: pd.DataFrame, points: Points) -> list[str]:
    """Return a few columns of the table, aligned; the whole is in the files."""
    labelled = any(r.point.design not in ("base", "grid") for r in points.rows)
    columns: dict[str, list[str]] = {}
    if labelled:
        columns["point"] = [str(v) for v in table["label"]]
    for path in [] if labelled else points.paths:
        columns[path] = [_cell(v) for v in table[path]]
    names = [str(name) for name in table.columns]
    sizes = [c for c in names if c.startswith("reoptimised.") and c.endswith("_mw")]
    built = [c for c in sizes if table[c].max() > 0.1]
    for name in [*_SHOWN, *built]:
        if name not in table:
            continue
        head = _SHOWN.get(name) or name.split(".")[-1].removesuffix("_mw") + " MW"
        numbers = pd.to_numeric(table[name]) * _SCALE.get(name, 1.0)
        digits = _DIGITS.get(name, 1)
        columns[head] = ["" if pd.isna(v) else f"{v:,.{digits}f}" for v in numbers]
    states = [c for c in ("reoptimised.status", "fixed.status") if c in table]
    for name in states:
        told = [str(v) if isinstance(v, str) else "" for v in table[name]]
        if any(word not in ("optimal", "") for word in told):
            columns[name.replace(".", " ")] = told
    return _aligned(columns)


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return "-"
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _aligned(columns: dict[str, list[str]]) -> list[str]:
    """Return the lines of columns, texts to the left and numbers to the right."""
    if not columns:
        return []
    padded = []
    for head, cells in columns.items():
        wide = max(map(len, [head, *cells]))
        left = head == "point"
        padded.append(
            [c.ljust(wide) if left else c.rjust(wide) for c in [head, *cells[:ROWS]]]
        )
    lines = ["  ".join(cells).rstrip() for cells in zip(*padded, strict=True)]
    rows = len(next(iter(columns.values())))
    return lines if rows <= ROWS else [*lines, f"... and {rows - ROWS:,} rows more"]
