"""Figures for print, by matplotlib: the same numbers as the page's charts draw."""

from __future__ import annotations

import re
import textwrap
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from energyopt.memo import plots, sweep_plots
from energyopt.memo.exhibits import Memo
from energyopt.memo.running import Week
from energyopt.memo.sankey import energy_flows
from energyopt.memo.series import (
    Interval,
    causes,
    chosen_weeks,
    duration_points,
    explorer_data,
    intervals,
    month_stacks,
    waterfall_bars,
)
from energyopt.memo.table import Table

WIDE_IN = 6.85  # what a sheet of A4 has between its margins
DOTS_PER_INCH = 300
LOOK: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "font.size": 7.5,
    "text.parse_math": False,  # a dollar is a dollar, whatever a case says
    "svg.hashsalt": "energyopt",  # the same file for the same numbers
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": "#d6dce1",
    "grid.linewidth": 0.5,
    "legend.frameon": False,
    "legend.fontsize": 7.5,
    "legend.handlelength": 1.3,
    "legend.columnspacing": 1.2,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "figure.constrained_layout.use": True,
}


@dataclass(frozen=True)
class Drawing:
    """One figure: of which exhibit, what is drawn, how tall, and what it says."""

    table: Table
    name: str
    title: str
    tall_in: float
    draw: Callable[[Any], None]  # takes a matplotlib figure
    source: str

    @property
    def file(self) -> str:
        """The name of its file, without an ending."""
        number, letter = self.table.place
        return f"exhibit_{number:02d}{letter}_{self.name}"

    @property
    def caption(self) -> str:
        """What stands below it: exhibit, price year where it shows money, case, run."""
        head = f"Exhibit {self.table.number}. {self.title}."
        return " ".join(
            part for part in (head, self.table.caption, self.source) if part
        )


def drawings(memo: Memo) -> list[Drawing]:
    """Return every figure of a memo, in the order of its exhibits.

    Parameters
    ----------
    memo : Memo
        What is written.

    Returns
    -------
    list of Drawing
    """
    run, of = memo.run, {table.number: table for table in memo.tables}
    data = explorer_data(run)
    maps = len(data["stack"]) + len(data["below"]) + len(data["stored"])
    found = [
        _lcoe(memo, of["11"]),
        _made(
            memo, of["19"], "energy", 3.1, plots.sankey, *energy_flows(run, of["19"])
        ),
        *(_week(memo, of["20"], data, week) for week in chosen_weeks(run)),
        _made(memo, of["21"], "durations", 2.6, plots.durations, duration_points(run)),
    ]
    if maps:
        tall = 0.3 + 1.15 * -(-maps // 2)
        found.append(
            _made(memo, of["22"], "heat_maps", tall, plots.heat_maps, run, data)
        )
    stacks = month_stacks(run, of["24"])
    found.append(_made(memo, of["24"], "months", 2.6, plots.months, *stacks))
    if run.uptime is not None and "25" in of:
        found.append(_nines(memo, of["25"], intervals(of["25"])))
    found += [made for table in memo.tables if (made := _swept(memo, table))]
    return sorted(found, key=lambda drawing: drawing.table.place)


def on_one_page(memo: Memo) -> list[Drawing]:
    """Return the figures of the one-page version; of the nines those with every cause."""
    of = {table.number: table for table in memo.tables}
    worst = chosen_weeks(memo.run)[0]
    data = explorer_data(memo.run)
    found = [_lcoe(memo, of["11"]), _week(memo, of["20"], data, worst, brief=True)]
    if memo.run.uptime is not None and "25" in of:
        rows = [row for row in intervals(of["25"]) if not row.alone]
        found.append(_nines(memo, of["25"], rows))
    if "14" in of and (tornado := _swept(memo, of["14"])):
        found.append(tornado)
    return found


def _swept(memo: Memo, table: Table) -> Drawing | None:
    """Return the figure of an exhibit that is made from a sweep."""
    found = sweep_plots.plots_of(table)
    if found is None:
        return None
    draw, tall = found
    made = _made(memo, table, table.name, tall, draw, table)
    return replace(made, source=table.footnotes[-1])  # its points, its base and its gap


def _made(
    memo: Memo, table: Table, name: str, tall: float, draw: Any, *given: Any
) -> Drawing:
    """Return the figure that an exhibit has."""

    def drawn(fig: Any) -> None:
        draw(fig, *given)

    return Drawing(table, name, table.title, tall, drawn, memo.run.source())


def _lcoe(memo: Memo, table: Table) -> Drawing:
    bars = waterfall_bars(table)
    return _made(memo, table, "lcoe", 0.55 + 0.17 * len(bars), plots.waterfall, bars)


def _week(
    memo: Memo, table: Table, data: dict[str, Any], week: Week, brief: bool = False
) -> Drawing:
    name, tall = re.sub(r"[^a-z]+", "_", week.name), 2.2 if brief else 3.4
    made = _made(memo, table, name, tall, plots.week, memo.run, data, week, brief)
    return replace(made, title=f"Week of {week.name}")


def _nines(memo: Memo, table: Table, rows: list[Interval]) -> Drawing:
    why = causes(memo.run)
    tall = 0.7 + 0.17 * (len(rows) + len(why)) + (0.4 if why else 0)
    return _made(memo, table, "nines", tall, plots.nines, rows, why)


def picture(
    drawing: Drawing,
    path: Path | Any,
    kind: str,
    *,
    caption: bool = True,
    wide_in: float = WIDE_IN,
) -> None:
    """Write one figure.

    Parameters
    ----------
    drawing : Drawing
        What is drawn.
    path : Path or file
        Where to; a file is replaced.
    kind : {"png", "svg"}
        Of the file; PNG has 300 dots per inch.
    caption : bool
        Whether it bears its caption, as a figure that stands alone must.
    wide_in : float
        Its width. [in]
    """
    with mpl.rc_context(LOOK), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a name in any script
        lines = textwrap.wrap(drawing.caption, 135) if caption else []
        tall = drawing.tall_in + 0.14 * len(lines)
        fig = Figure(figsize=(wide_in, tall))
        if lines:
            fig.text(0, 0, "\n".join(lines), fontsize=6.5, color="#58626c", va="bottom")
            below = (0.14 * len(lines) + 0.08) / tall
            layout: Any = fig.get_layout_engine()
            layout.set(rect=(0, below, 1, 1 - below))
        drawing.draw(fig)
        told: dict[str, Any] = {"Title": drawing.title}
        if kind == "svg":
            told["Date"] = None  # the same file for the same numbers
        fig.savefig(path, format=kind, dpi=DOTS_PER_INCH, metadata=told)


def write_figures(memo: Memo, folder: Path, kind: str) -> list[Path]:
    """Write every figure into a folder; those of a former memo give way.

    Parameters
    ----------
    memo : Memo
        What is written.
    folder : Path
        Made where it is not there.
    kind : {"png", "svg"}
        Of the files.

    Returns
    -------
    list of Path
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(f"exhibit_*.{kind}"):
        old.unlink()
    found = []
    for drawing in drawings(memo):
        path = folder / f"{drawing.file}.{kind}"
        picture(drawing, path, kind)
        found.append(path)
    return found
