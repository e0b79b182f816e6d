"""What each figure shows, on a matplotlib figure that is given."""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path
from matplotlib.ticker import FuncFormatter, StrMethodFormatter

from energyopt.memo.run import Run
from energyopt.memo.running import Week
from energyopt.memo.sankey import Band, Flow, diagram
from energyopt.memo.series import (
    SHOWN_MW,
    Bar,
    Cause,
    Interval,
    Stack,
    duration_color,
    opacities,
)
from energyopt.memo.svg import short

PALETTE = {
    "gas": "#b4632f",
    "solar": "#e0a800",
    "wind": "#2f8f83",
    "battery": "#7a55b5",
    "grid": "#64748b",
    "other": "#4b77be",
    "load": "#111111",
    "price": "#b1123c",
    "capital": "#0b5c8a",
    "running": "#4f93bd",
    "whole": "#1c2126",
}
"""The colours of the page in light, told apart with any common colour blindness."""
SOFT = "#58626c"
COMMA = StrMethodFormatter("{x:,.0f}")


def legend(fig: Any, ax: Any) -> None:
    """Put the key above a plot, in as many columns as its width holds."""
    said = [len(text) + 6 for text in ax.get_legend_handles_labels()[1]]
    room = 16 * fig.get_size_inches()[0]

    def wide(columns: int) -> int:
        tall = -(-len(said) // columns)
        return sum(max(said[i : i + tall]) for i in range(0, len(said), tall))

    columns = next((n for n in range(len(said), 1, -1) if wide(n) <= room), 1)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, borderpad=0.2)


def waterfall(fig: Any, bars: Sequence[Bar]) -> None:
    """Draw exhibit 11: one row a component, climbing to the LCOE."""
    ax = fig.subplots()
    for i, b in enumerate(bars):
        ax.barh(i, b.value, left=b.start, height=0.62, color=PALETTE[b.color])
        end = max(b.start, b.start + b.value)
        weight = "bold" if b.color == "whole" else "normal"
        ax.annotate(
            f"{b.value:,.2f}",
            (end, i),
            (3, 0),
            textcoords="offset points",
            va="center",
            weight=weight,
        )
        if i + 1 < len(bars) and b.color != "whole":
            at = b.start + b.value
            ax.plot([at, at], [i + 0.31, i + 0.69], color=SOFT, lw=0.5)
    ax.set_yticks(range(len(bars)), [short(b.label, 44) for b in bars])
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x", visible=True)
    ax.invert_yaxis()
    ax.margins(x=0.08)
    ax.set_xlabel("LCOE, real, $/MWh served")


def sankey(fig: Any, sources: Sequence[Flow], uses: Sequence[Flow]) -> None:
    """Draw exhibit 19: bands as wide as their energy, around the bus."""
    ax = fig.subplots()
    made = diagram(sources, uses, bus=220, slot=40)
    ax.set(xlim=(0, 760), ylim=(made.tall + 6, -16))
    ax.axis("off")
    for bands, rim, sign in ((made.sources, 190, 1), (made.uses, 570, -1)):
        for band in bands:
            color = PALETTE[band.flow.color]
            inner, tall = rim + 8 * sign, max(band.rim[1] - band.rim[0], 0.8)
            if band.flow.curtailed:
                stub = (inner, band.rim[0])
                ax.add_patch(Rectangle(stub, 30, tall, color=color, alpha=0.3, lw=0))
            else:
                path = _band(band, inner, 380 - 4 * sign)
                ax.add_patch(PathPatch(path, color=color, alpha=0.45, lw=0))
            left = min(rim, inner)
            ax.add_patch(Rectangle((left, band.rim[0]), 8, tall, color=color, lw=0))
            side = "right" if sign > 0 else "left"
            share = f" · {band.flow.share}" if band.flow.share else ""
            at = rim - 6 * sign
            name = short(band.flow.name, 32)
            ax.text(at, band.label - 2, name, ha=side, va="bottom")
            energy = f"{band.flow.shown}{share}"
            ax.text(at, band.label + 1, energy, ha=side, va="top", color=SOFT)
    high, low = made.bus
    ax.add_patch(Rectangle((376, high), 8, low - high, color=PALETTE["whole"], lw=0))
    ax.text(380, high - 4, "bus", ha="center", va="bottom", color=SOFT)


def _band(band: Band, x0: float, x1: float) -> Path:
    """Return the outline of a flow between the rim and the bus."""
    half = (x0 + x1) / 2
    (a0, a1), (b0, b1) = band.rim, band.bus
    a1, b1 = max(a1, a0 + 0.8), max(b1, b0 + 0.8)
    points = [(x0, a0), (half, a0), (half, b0), (x1, b0)]
    points += [(x1, b1), (half, b1), (half, a1), (x0, a1), (x0, a0)]
    curve = [Path.CURVE4] * 3
    codes = [Path.MOVETO, *curve, Path.LINETO, *curve, Path.CLOSEPOLY]
    return Path(points, codes)


def week(
    fig: Any, run: Run, data: Mapping[str, Any], chosen: Week, brief: bool = False
) -> None:
    """Draw a week of exhibit 20: stacked power and load; unless brief, price and store."""
    span = slice(chosen.hours.start, chosen.hours.stop)
    hours = np.arange(len(chosen.hours) + 1)
    stored = [] if brief else data["stored"]
    ratios = [3.4, *([] if brief else [1]), *([1] if stored else [])]
    grid = fig.subplots(
        len(ratios), 1, sharex=True, squeeze=False, height_ratios=ratios
    )
    axes = grid[:, 0]
    ax = axes[0]
    full = opacities([s["color"] for s in data["stack"]])
    below = np.zeros(len(hours))
    for s, opacity in zip(data["stack"], full, strict=True):
        values = np.maximum(_held(s["values"][span]), 0)
        if values.max() < SHOWN_MW:
            continue
        look = {"color": PALETTE[s["color"]], "alpha": opacity, "lw": 0}
        ax.fill_between(
            hours, below, below + values, step="post", label=s["name"], **look
        )
        below = below + values
    drawn = np.zeros(len(hours))
    for s in data["below"]:
        values = np.maximum(_held(s["values"][span]), 0)
        if values.max() < SHOWN_MW:
            continue
        look = {"color": PALETTE[s["color"]], "alpha": 0.5, "lw": 0}
        label = f"{s['name']} (below 0)"
        ax.fill_between(
            hours, -drawn, -drawn - values, step="post", label=label, **look
        )
        drawn = drawn + values
    load = _held(data["load"][span])
    ax.step(hours, load, where="post", color=PALETTE["load"], lw=1, label="load")
    ax.set_ylabel("MW")
    legend(fig, ax)
    if not brief:
        price = _held(data["price"][span])
        axes[1].step(hours, price, where="post", color=PALETTE["price"], lw=0.9)
        axes[1].set_ylabel("Power price\n$/MWh")
    for s in stored:
        values = _held(s["values"][span])
        axes[2].step(hours, values, where="post", color=PALETTE[s["color"]], lw=0.9)
        axes[2].set_ylabel("Stored\nMWh")
        axes[2].set_ylim(0)
    first = run.local[chosen.hours.start]
    days = [first + pd.Timedelta(hours=int(h)) for h in hours[:-1:24]]
    said = [f"{d.day} {d:%b}" if brief else f"{d:%a} {d.day} {d:%b}" for d in days]
    axes[-1].set_xticks(hours[:-1:24], said, ha="left")
    if not brief:
        axes[-1].set_xlabel(f"Week of {chosen.name}, local standard time")
    for each in axes:
        each.set_xlim(0, hours[-1])
        each.yaxis.set_major_formatter(COMMA)
        each.grid(axis="x", visible=True)


def _held(values: Sequence[float]) -> np.ndarray[Any, Any]:
    """Return values whose last stands twice, so that the last hour is drawn."""
    return np.append(values, values[-1:])


def durations(fig: Any, lines: Mapping[str, tuple[Any, Any]]) -> None:
    """Draw exhibit 21: power over the hours of the year that reach it."""
    ax = fig.subplots()
    for (name, (hours, mw)), dash in zip(
        lines.items(), ("-", "-", "--", ":") * 9, strict=False
    ):
        color = PALETTE[duration_color(name)]
        ax.plot(hours, mw, dash, color=color, lw=1.3, label=name)
    ends = [float(hours[-1]) for hours, _ in lines.values()]
    ax.set(xlabel="Hours a year", ylabel="MW", xlim=(0, max(ends)))
    ax.xaxis.set_major_formatter(COMMA)
    legend(fig, ax)


def heat_maps(fig: Any, run: Run, data: Mapping[str, Any]) -> None:
    """Draw exhibit 22: each flow in each hour of each day."""
    shown = [(s, "MW", "") for s in (*data["stack"], *data["below"])]
    shown += [(s, "MWh", ", stored") for s in data["stored"]]
    rows = -(-len(shown) // 2)
    axes = np.atleast_2d(fig.subplots(rows, 2, sharex=True, sharey=True))
    days = (run.local.normalize() - run.local[0].normalize()).days
    day = np.unique(np.asarray(days), return_inverse=True)[1]  # a draft has gaps
    whole = int(day[-1]) + 1
    starts = np.flatnonzero(np.diff(run.month, prepend=-1))
    for ax, (s, unit, words) in zip(axes.flat, shown, strict=False):
        grid = np.full((24, whole), np.nan)
        grid[np.asarray(run.local.hour), day] = np.maximum(s["values"], 0)
        shades = LinearSegmentedColormap.from_list("", ["#ffffff", PALETTE[s["color"]]])
        image = ax.imshow(
            grid, aspect="auto", cmap=shades, interpolation="nearest", vmin=0
        )
        ax.set_title(s["name"] + words, fontsize=7.5, loc="left", pad=3)
        bar = fig.colorbar(image, ax=ax, pad=0.015, aspect=12)
        bar.set_label(unit)
        bar.outline.set_linewidth(0.4)
        ax.set_yticks([0, 6, 12, 18, 23])
        months = [calendar.month_abbr[int(run.month[i])] for i in starts]
        ax.set_xticks(day[starts][::2], months[::2])
        ax.grid(visible=False)
        for spine in ax.spines.values():
            spine.set_visible(True)
    for ax in axes.flat[len(shown) :]:
        ax.set_visible(False)
    for ax in axes[:, 0]:
        ax.set_ylabel("Hour of day")


def months(
    fig: Any, names: Sequence[str], stacks: Sequence[Stack], demand: Sequence[float]
) -> None:
    """Draw exhibit 24: what fed the bus in each month, beside demand."""
    ax = fig.subplots()
    below = np.zeros(len(names))
    for stack, opacity in zip(
        stacks, opacities([s.color for s in stacks]), strict=True
    ):
        values = np.array(stack.values) / 1000
        look = {"color": PALETTE[stack.color], "alpha": opacity, "width": 0.7}
        ax.bar(names, values, bottom=below, label=stack.name, **look)
        below = below + values
    at = np.arange(len(names))
    load = np.array(demand) / 1000
    ax.hlines(load, at - 0.42, at + 0.42, color=PALETTE["load"], lw=1.5, label="demand")
    ax.set_ylabel("GWh")
    legend(fig, ax)


def nines(fig: Any, rows: Sequence[Interval], why: Sequence[Cause]) -> None:
    """Draw exhibit 25: sampled shares with 95 % intervals, and what was not served."""
    parts = (
        fig.subplots(2, 1, height_ratios=[len(rows), len(why) + 1])
        if why
        else [fig.subplots()]
    )
    ax = parts[0]
    for i, r in enumerate(rows):
        color = PALETTE["running" if r.alone else "capital"]
        ax.plot([r.low, r.high], [i, i], color=color, lw=2)
        ax.plot([r.nines], [i], "o", color=color, ms=3.5)
        ax.annotate(
            r.shown, (r.high, i), (5, 0), textcoords="offset points", va="center"
        )
    ax.set_yticks(range(len(rows)), [r.label for r in rows])
    low, high = ax.get_xlim()
    low, high = np.floor(low), np.ceil(high)
    ax.set_xlim(low, high + 0.6)
    ax.set_xticks(np.arange(low, high + 1, np.ceil((high - low) / 4)))
    ax.xaxis.set_major_formatter(
        FuncFormatter(lambda v, _: f"{100 * (1 - 10.0**-v):.{max(int(v) - 2, 0)}f} %")
    )
    ax.invert_yaxis()
    ax.set_xlabel("Share of the year, 95 % intervals")
    if why:
        at = range(len(why))
        below = parts[1]
        means = [c.mean for c in why]
        spread = [[c.mean - c.low for c in why], [c.high - c.mean for c in why]]
        below.barh(
            at,
            means,
            xerr=spread,
            height=0.6,
            color=PALETTE["running"],
            ecolor="#111111",
            error_kw={"lw": 0.9},
        )
        for i, c in enumerate(why):
            below.annotate(
                c.shown, (c.high, i), (4, 0), textcoords="offset points", va="center"
            )
        below.set_yticks(at, [c.name for c in why])
        below.invert_yaxis()
        below.margins(x=0.08)
        below.set_xlabel("Not served by cause, base rates, MWh/yr")
    for each in parts:
        each.tick_params(axis="y", length=0)
        each.grid(axis="y", visible=False)
        each.grid(axis="x", visible=True)
