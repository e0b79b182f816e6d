"""What a memo's charts draw, on the page and in figures: plain numbers, no picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from energyopt.memo.run import Run
from energyopt.memo.running import Week, duration_series, weeks
from energyopt.memo.table import Cell, Row, Table

COLORS = {"gas_turbine": "gas", "fuel_store": "gas"}
"""A kind of technology -> the name of its colour; others are named as their kind."""
KNOWN = ("gas", "solar", "wind", "battery", "grid")
STACK = ("gas_turbine", "fuel_store", "wind", "solar", "battery", "grid")
"""Kinds from the bottom of a stack up; others lie on top."""
INFLOWS = {"output_mw": "", "discharge_mw": " discharge", "import_mw": " import"}
OUTFLOWS = {"charge_mw": " charge", "export_mw": " export"}
SHOWN_MW = 0.05


def color_of(run: Run, name: str) -> str:
    """Return the name of a technology's colour, ``other`` where its kind has none."""
    kind = str(run.tables["capacity"].at[name, "kind"])
    found = COLORS.get(kind, kind)
    return found if found in KNOWN else "other"


def in_stack(run: Run) -> list[str]:
    """Return what is built, from the bottom of a stack up."""
    order = {kind: i for i, kind in enumerate(STACK)}
    kind_of = run.tables["capacity"]["kind"]
    return sorted(run.built, key=lambda n: order.get(str(kind_of[n]), len(order)))


def explorer_data(run: Run) -> dict[str, Any]:
    """Return the hours that the page's explorer draws, rounded to 0.1 MW.

    Returns
    -------
    dict
        ``stack``: what feeds the bus, from the bottom up; ``below``: what draws beside
        the load; ``load``, ``price`` and ``stored``; the ``weeks`` that have a name.
    """
    stack: list[Any] = []
    below: list[Any] = []
    stored: list[Any] = []
    for name in in_stack(run):
        for flow, words in INFLOWS.items():
            _append(run, stack, name, flow, words)
        for flow, words in OUTFLOWS.items():
            _append(run, below, name, flow, words)
        _append(run, stored, name, "stored_mwh", "")
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


def _append(run: Run, to: list[Any], name: str, flow: str, words: str) -> None:
    key = f"{name}.{flow}"
    if key not in run.hours or np.abs(run.series(key)).max() < SHOWN_MW:
        return
    values = _rounded(run.series(key))
    to.append({"name": name + words, "color": color_of(run, name), "values": values})


def _hourly_steps(run: Run) -> bool:
    """Return whether every hour follows the one before it."""
    steps = np.diff(run.local.values.astype("datetime64[h]").astype(int))
    return bool((steps == 1).all())


def _rounded(values: Any) -> list[float]:
    """Return short numbers: whole ones without a point."""
    return [int(v) if v == int(v) else v for v in np.round(values, 1).tolist()]


def opacities(colors: Sequence[str]) -> list[float]:
    """Return how full each colour of a stack is: a second of one kind is paler.

    Examples
    --------
    >>> opacities(["gas", "gas", "wind"])
    [1.0, 0.7, 1.0]
    """
    before = [list(colors[:i]).count(color) for i, color in enumerate(colors)]
    return [round(max(1 - 0.3 * many, 0.3), 2) for many in before]


def chosen_weeks(run: Run) -> list[Week]:
    """Return the named weeks, each once; one that two rules name bears both names."""
    found: dict[int, Week] = {}
    for week in weeks(run):
        old = found.get(week.hours.start)
        name = week.name if old is None else f"{old.name}, {week.name}"
        found[week.hours.start] = Week(name, week.hours)
    return list(found.values())


@dataclass(frozen=True)
class Bar:
    """One step of a waterfall: from where it starts, by how much, in which colour."""

    label: str
    value: float
    start: float
    color: str  # "whole" for the sum


def waterfall_bars(table: Table) -> list[Bar]:
    """Return the steps of exhibit 11, those under half a cent left out."""
    bars: list[Bar] = []
    reached = 0.0
    for row in table.rows:
        label, cell = str(row.cells[0]), row.cells[1]
        value = cell.value or 0.0 if isinstance(cell, Cell) else 0.0
        if row.kind == "total":
            bars.append(Bar(label, value, 0.0, "whole"))
        else:
            if abs(value) >= 0.005:
                bars.append(Bar(label, value, reached, _cost_color(label)))
            reached += value
    return bars


def _cost_color(label: str) -> str:
    """Return the colour of a cost: capital, running, fuel or grid."""
    first = label.split(",")[0].split(" ")[0]
    return {"capital": "capital", "fuel": "gas", "grid": "grid"}.get(first, "running")


def duration_points(
    run: Run, most: int = 400
) -> dict[str, tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]:
    """Return exhibit 21 as lines: name -> hours a year, and MW reached in them."""
    weight = run.series("weight_h")
    found = {}
    for name, values in duration_series(run).items():
        order = np.argsort(-values)
        kept = np.unique(np.linspace(0, len(order) - 1, most).astype(int))
        hours = np.concatenate([[0.0], np.cumsum(weight[order])[kept]])
        reached = values[order][kept]
        found[name] = (hours, np.concatenate([reached[:1], reached]))
    return found


def duration_color(name: str) -> str:
    """Return the name of the colour of a line of exhibit 21."""
    known = {"load": "load", "net load": "capital", "gas": "gas"}
    return known.get(name) or "grid"


@dataclass(frozen=True)
class Stack:
    """One layer of stacked bars, a value a month."""

    name: str
    color: str
    values: list[float]


def month_stacks(run: Run, table: Table) -> tuple[list[str], list[Stack], list[float]]:
    """Return exhibit 24 as stacked bars: months, what fed the bus, and demand. [MWh]"""
    months = [row for row in table.rows if row.kind == "plain"]
    keys = [column.key for column in table.columns]

    def column(key: str) -> list[float]:
        cells = [row.cells[keys.index(key)] for row in months]
        return [c.value or 0.0 if isinstance(c, Cell) else 0.0 for c in cells]

    stacks = [
        Stack(name + words, color_of(run, name), column(key))
        for name in in_stack(run)
        for words in INFLOWS.values()
        if (key := f"{name}{words.replace(' ', '_')}_mwh") in keys
    ]
    return [str(row.cells[0]) for row in months], stacks, column("demand_mwh")


@dataclass(frozen=True)
class Interval:
    """A sampled share and its 95 % interval, as nines."""

    label: str
    shown: str  # as the table prints it
    nines: float
    low: float
    high: float

    @property
    def alone(self) -> bool:
        """Whether outages of machines are counted alone, without common causes."""
        return self.label.endswith("no common causes")


MOST_NINES = 8.0


def nines_of(percent: float) -> float:
    """Return the nines of a share, at most eight.

    Examples
    --------
    >>> round(nines_of(99.9), 6), nines_of(100.0)
    (3.0, 8.0)
    """
    short = 1 - percent / 100
    return MOST_NINES if short < 10**-MOST_NINES else -math.log10(short)


def intervals(table: Table) -> list[Interval]:
    """Return the sampled rows of exhibit 25, references and way to a target left out."""
    keys = [column.key for column in table.columns]
    at = [keys.index(f"{name}_percent") for name in ("share", "low", "high")]
    found = []
    for row in table.rows:
        cells = [row.cells[i] for i in at]
        values = [c.value for c in cells if isinstance(c, Cell) and c.value is not None]
        if len(values) == 3:
            shown = f"{row.texts()[at[0]].split(' ')[0]} %"
            found.append(Interval(str(row.cells[0]), shown, *map(nines_of, values)))
    return found


@dataclass(frozen=True)
class Cause:
    """Energy not served for one cause, with its 95 % interval. [MWh/yr]"""

    name: str
    mean: float
    low: float
    high: float

    @property
    def shown(self) -> str:
        """The mean, in sensible digits."""
        small = f"{self.mean:.2f}" if self.mean >= 0.005 else "under 0.01"
        return f"{self.mean:,.0f}" if self.mean >= 10 else small


def causes(run: Run) -> list[Cause]:
    """Return the energy not served by cause, at base rates, the most first."""
    found = (run.uptime or {}).get("unserved_mwh_per_yr_by_cause", {})
    made = [
        Cause(str(name), *(float(v[key]) for key in ("mean", "low", "high")))
        for name, v in found.items()
    ]
    return sorted((c for c in made if c.mean > 0), key=lambda c: -c.mean)


def rows_by_part(table: Table) -> dict[str, list[Row]]:
    """Return the plain rows of a table under each of its headings."""
    found: dict[str, list[Row]] = {}
    part = ""
    for row in table.rows:
        if row.kind == "part":
            part = str(row.cells[0])
        elif row.kind == "plain":
            found.setdefault(part, []).append(row)
    return found
