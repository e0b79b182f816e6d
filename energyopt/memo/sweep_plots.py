"""Figures of exhibits 3, 14 and 15, on a matplotlib figure that is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from energyopt.memo.plots import COMMA, PALETTE, SOFT, legend
from energyopt.memo.series import COLORS
from energyopt.memo.svg import short
from energyopt.memo.swept import KINDS, WORDS
from energyopt.memo.table import Cell, Row, Table, number

LCOE = "lcoe_usd_per_mwh"
MOST_MAPS = 12
"""Of one exhibit; the table holds every point."""


def _at(table: Table, key: str) -> int:
    return [column.key for column in table.columns].index(key)


def _values(table: Table, key: str) -> list[float]:
    """Return a column of numbers; where there is none, not a number."""
    cells = [row.cells[_at(table, key)] for row in table.rows]
    return [_value(cell) for cell in cells]


def _value(cell: Cell | str) -> float:
    found = cell.value if isinstance(cell, Cell) else None
    return np.nan if found is None else found


def frontier(fig: Any, table: Table) -> None:
    """Draw exhibit 3: LCOE along a limit, and what is built at each point."""
    above, below = fig.subplots(2, 1, sharex=True, height_ratios=[3, 2])
    used, lcoe = (np.array(_values(table, key)) for key in ("used", LCOE))
    there = np.isfinite(used) & np.isfinite(lcoe)
    order = np.argsort(used[there])
    x, y = used[there][order], lcoe[there][order]
    above.plot(x, y, "o-", color=PALETTE["capital"], ms=4, lw=1.2)
    for place, value in zip(x, y, strict=True):
        said = f"{value:,.1f}"
        above.annotate(
            said, (place, value), (0, 5), textcoords="offset points", ha="center"
        )
    above.set_ylabel("LCOE, $/MWh")
    above.margins(y=0.15)
    gaps = np.diff(x)
    wide = 0.7 * gaps[gaps > 0].min() if (gaps > 0).any() else 1.0
    reached = np.zeros(len(x))
    keys = {column.key for column in table.columns}
    for kind in (kind for kind in KINDS if f"{kind}_mw" in keys):
        mw = np.nan_to_num(np.array(_values(table, f"{kind}_mw"))[there][order])
        color = PALETTE[COLORS.get(kind, kind)]
        below.bar(
            x,
            mw,
            min(wide, np.ptp(x) / 12 or 1.0),
            reached,
            color=color,
            label=KINDS[kind],
        )
        reached = reached + mw
    below.set_ylabel("Installed, MW")
    limit, unit = (
        table.columns[_at(table, "limit")],
        table.columns[_at(table, "used")].unit,
    )
    below.set_xlabel(f"{limit.head}, as the plant uses it, {unit}")
    for ax in (above, below):
        ax.yaxis.set_major_formatter(COMMA)
    below.xaxis.set_major_formatter(COMMA)
    legend(fig, below)


def tornado(fig: Any, table: Table) -> None:
    """Draw exhibit 14: LCOE at the ends of each range, around the base."""
    ax = fig.subplots()
    keys = {column.key for column in table.columns}
    kinds = [kind for kind in WORDS if f"{kind}_low_{LCOE}" in keys]
    base = _values(table, LCOE)[0]
    tall = 0.8 / len(kinds)
    at = np.arange(len(table.rows))
    for j, kind in enumerate(kinds):
        ends = [
            np.array(_values(table, f"{kind}_{end}_{LCOE}")) for end in ("low", "high")
        ]
        y = at + (j - (len(kinds) - 1) / 2) * tall
        low, high = (np.where(np.isnan(end), base, end) for end in ends)
        color = PALETTE["capital" if kind == "reoptimised" else "grid"]
        ax.barh(y, high - low, 0.9 * tall, low, color=color, label=WORDS[kind])
        for end, drawn, other in ((ends[0], low, high), (ends[1], high, low)):
            _ends(ax, y, end, drawn, other)
    ax.axvline(base, color=PALETTE["load"], lw=1)
    names = [
        short(str(row.cells[0]).removeprefix("technologies."), 40) for row in table.rows
    ]
    ranges = [
        " to ".join(row.texts()[_at(table, end)] for end in ("low", "high"))
        + f" {row.texts()[_at(table, 'unit')]}"
        for row in table.rows
    ]
    ax.set_yticks(at, [f"{n}\n{r.strip()}" for n, r in zip(names, ranges, strict=True)])
    ax.tick_params(axis="y", length=0)
    ax.invert_yaxis()
    ax.use_sticky_edges = False  # room for the numbers at the ends
    ax.margins(x=0.12)
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x", visible=True)
    ax.set_xlabel(f"LCOE, $/MWh; base {base:,.2f}")
    legend(fig, ax)


def _ends(ax: Any, y: Any, end: Any, drawn: Any, other: Any) -> None:
    """Write the LCOE at one end of each bar; an end without a plant says so."""
    for place, value, x, across in zip(y, end, drawn, other, strict=True):
        left = x < across
        said = "no plant" if np.isnan(value) else f"{value:,.1f}"
        ax.annotate(
            said,
            (x, place),
            (-3 if left else 3, 0),
            textcoords="offset points",
            ha="right" if left else "left",
            va="center",
            fontsize=6.5,
            color=SOFT,
        )


@dataclass(frozen=True)
class Map:
    """The points at one value of the axes beyond the first two."""

    said: str
    cells: Mapping[tuple[str, str], Row]


def maps_of(table: Table) -> list[Map]:
    """Return the maps of exhibit 15, at most twelve."""
    axes = table.columns[: _at(table, LCOE)]

    def others(row: Row) -> tuple[str, ...]:
        return tuple(str(cell) for cell in row.cells[2 : len(axes)])

    found = []
    for where, rows in groupby(table.rows, key=others):
        said = ", ".join(
            f"{axis.head} = {value} {axis.unit}".strip()
            for axis, value in zip(axes[2:], where, strict=True)
        )
        cells = {(str(row.cells[0]), str(row.cells[1])): row for row in rows}
        found.append(Map(said, cells))
    return found[:MOST_MAPS]


def maps(fig: Any, table: Table) -> None:
    """Draw exhibit 15: LCOE and gas over two values, a line where the mix switches."""
    shown = [("LCOE, $/MWh", LCOE, "capital")]
    if "gas_turbine_mw" in {column.key for column in table.columns}:
        shown.append(("Gas, MW", "gas_turbine_mw", "gas"))
    made = maps_of(table)
    axes = fig.subplots(len(made), len(shown), squeeze=False)
    across, up = table.columns[:2]
    for ax in axes[-1]:
        ax.set_xlabel(f"{across.head}, {across.unit}")
    fig.supylabel(f"{up.head}, {up.unit}", fontsize=7.5)
    for line, one in zip(axes, made, strict=True):
        for ax, (what, key, color) in zip(line, shown, strict=True):
            known = [v for v in _values(table, key) if np.isfinite(v)] or [0.0]
            _map(ax, table, one, key, (min(known), max(known)), PALETTE[color])
            ax.set_title(
                ", ".join(t for t in (what, one.said) if t), fontsize=7, loc="left"
            )


def _map(
    ax: Any,
    table: Table,
    one: Map,
    key: str,
    ends: tuple[float, float],
    color: str,
) -> None:
    """Draw one map: a shaded cell a point, its number, and where the mix switches."""
    xs, ys = ([*dict.fromkeys(place[i] for place in one.cells)] for i in (0, 1))
    column, mix = _at(table, key), _at(table, "mix")
    grid = np.full((len(ys), len(xs)), np.nan)
    mixes = np.full((len(ys), len(xs)), "", dtype=object)
    for (x, y), row in one.cells.items():
        place = ys.index(y), xs.index(x)
        grid[place], mixes[place] = _value(row.cells[column]), row.texts()[mix]
    pale = LinearSegmentedColormap.from_list("", ["#f4f6f8", color])
    span = ends[1] - ends[0] or 1.0
    ax.imshow(
        grid,
        cmap=pale,
        origin="lower",
        aspect="auto",
        vmin=ends[0],
        vmax=ends[1] + 0.6 * span,
    )
    for (j, i), value in np.ndenumerate(grid):
        said = "none" if np.isnan(value) else number(value, 0 if value >= 1000 else 1)
        ax.text(i, j, said, ha="center", va="center", fontsize=6.5)
        _edges(ax, mixes, i, j)
    ax.set_xticks(range(len(xs)), xs)
    ax.set_yticks(range(len(ys)), ys)
    ax.grid(visible=False)


def _edges(ax: Any, mixes: Any, i: int, j: int) -> None:
    """Draw a line to the right of and above a point where the mix is another."""
    here = mixes[j, i]
    if i + 1 < mixes.shape[1] and here and mixes[j, i + 1] not in ("", here):
        ax.plot([i + 0.5, i + 0.5], [j - 0.5, j + 0.5], color=PALETTE["load"], lw=2)
    if j + 1 < mixes.shape[0] and here and mixes[j + 1, i] not in ("", here):
        ax.plot([i - 0.5, i + 0.5], [j + 0.5, j + 0.5], color=PALETTE["load"], lw=2)


def plots_of(table: Table) -> tuple[Any, float] | None:
    """Return what draws an exhibit of a sweep, and how tall; ``None`` of others. [in]"""
    kind = table.name.partition("_")[0]
    if not table.rows:
        return None
    if kind == "frontier":
        return frontier, 4.2
    if kind == "tornado":
        return tornado, 0.9 + 0.38 * len(table.rows)
    if kind == "maps":
        made = maps_of(table)
        rows = len({place[1] for place in made[0].cells})
        return maps, 0.4 + max(len(made) * (0.5 + 0.22 * rows), 1.6)
    return None
