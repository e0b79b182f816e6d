"""Exhibits 3, 14 and 15 from saved sweeps: frontier, tornado, two-way maps."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import pandas as pd

from energyopt.memo.run import Run
from energyopt.memo.swept import (
    KINDS,
    WORDS,
    SavedSweep,
    differences,
    shown,
    unit_of_path,
)
from energyopt.memo.table import Cell, Column, Row, Table

LCOE = "lcoe_usd_per_mwh"
MIX_NOTE = "Mix: kinds with at least 5 % of facility load."
KILO = {"limits.co2_t_per_yr": "kt/yr"}
"""Limits that are shown in thousands."""
USED = {"reliability.gpu_uptime_frac": "sampled_uptime_frac"}
"""Limits whose use has a name of its own."""
PER = {"point": "percentage point"}


def of_sweep(sweep: SavedSweep, run: Run) -> list[Table]:
    """Return the exhibits that a sweep has points for.

    Parameters
    ----------
    sweep : SavedSweep
        Any of a frontier, a tornado and a grid over two values or more.
    run : Run
        The plant of the memo; where the sweep's base is another, the footnotes say so.

    Returns
    -------
    list of Table
        Of numbers 3, 14 and 15, those that there are.
    """
    made = (frontier(sweep, run), tornado(sweep, run), maps(sweep, run))
    return [table for table in made if table is not None]


def _table(
    sweep: SavedSweep,
    run: Run,
    head: tuple[str, str, str],
    columns: Sequence[tuple[str, str, str]],
    rows: Sequence[Row],
    notes: Sequence[str],
) -> Table:
    """Return an exhibit with the footnotes of its sweep."""
    number, name, title = head
    said = [*notes, *sweep.kept_plants, *_other_base(sweep, run), sweep.source()]
    made = tuple(Column(*c) for c in columns)
    caption = f"LCOE in {sweep.base.money}. Average weather year, before outages."
    return Table(number, name, title, caption, made, tuple(rows), tuple(said))


def _other_base(sweep: SavedSweep, run: Run) -> list[str]:
    """Return a sentence where the sweep's base is not the plant of the memo."""
    apart = differences(run, sweep.base)
    if not apart:
        return []
    more = f" and {len(apart) - 4:,} more" if len(apart) > 4 else ""
    here, there = (float(r.summary[LCOE]) for r in (run, sweep.base))
    return [
        f"The base of the sweep is another case than this memo's: LCOE {there:,.2f} "
        f"against {here:,.2f} $/MWh; other values of {', '.join(apart[:4])}{more}."
    ]


def _sizes(sweep: SavedSweep) -> list[tuple[str, str, str]]:
    """Return a column of megawatts for each kind that is built somewhere."""
    return [(f"{k}_mw", KINDS.get(k, k), "MW") for k in sweep.kinds]


def _sized(sweep: SavedSweep, point: Any) -> list[Cell]:
    return [sweep.cell(point, c, decimals=1) for c in sweep.kinds.values()]


# Exhibit 3 -----------------------------------------------------------------------------


def frontier(sweep: SavedSweep, run: Run) -> Table | None:
    """Return exhibit 3: along a limit, what each step costs and what is built."""
    costs = [c for c in sweep.table.columns if str(c).startswith("frontier.")]
    points = sweep.of_design("base", "frontier")
    if not costs or len(points) < 2:
        return None
    limit = sweep.paths[0]
    factor = 1e-3 if limit in KILO else 1.0
    places = 1 if factor < 1 else 6 if limit.endswith("_frac") else None
    unit = KILO.get(limit, unit_of_path(limit))
    used = f"reoptimised.{USED.get(limit, limit.rpartition('.')[2])}"
    rows = []
    for _, point in points.iterrows():
        bought = [sweep.cell(point, c, decimals=2) for c in costs]
        cells: list[Cell | str] = [
            "no limit"
            if pd.isna(point[limit])
            else sweep.cell(point, limit, factor, decimals=places),
            sweep.cell(point, used, factor, decimals=places),
            sweep.cell(point, f"reoptimised.{LCOE}", decimals=2),
            sweep.cell(point, "reoptimised.renewable_share_frac", 100.0, decimals=1),
            *bought,
            *_sized(sweep, point),
            sweep.mix(point) or sweep.reason(point),
        ]
        rows.append(Row(tuple(cells)))
    columns = [
        ("limit", limit.removeprefix("limits."), unit),
        ("used", "Used", unit),
        (LCOE, "LCOE", "$/MWh"),
        ("renewable_percent", "Renewable", "%"),
        *(_cost_column(str(c)) for c in costs),
        *_sizes(sweep),
        ("mix", "Mix", ""),
    ]
    carbon = limit == "limits.co2_t_per_yr"
    title = "Cost-carbon frontier" if carbon else f"Frontier along {limit}"
    notes = [
        "Average cost is against the plant without the limit, step cost against the "
        "row above, both by what the plants really use; the shadow price is of the "
        "next unit, given the units built.",
        MIX_NOTE,
        *sweep.failures(points),
    ]
    return _table(sweep, run, ("3", "frontier", title), columns, rows, notes)


def _cost_column(name: str) -> tuple[str, str, str]:
    """Return the head of what going along a limit costs.

    Examples
    --------
    >>> _cost_column("frontier.step_cost_usd_per_t")
    ('step_cost_usd_per_t', 'Step cost', '$/t')
    """
    key = name.removeprefix("frontier.")
    words, _, per = key.partition("_usd_per_")
    head = words.replace("_", " ").capitalize()
    return key, head, f"$/{PER.get(per, per)}"


# Exhibit 14 ----------------------------------------------------------------------------


def tornado(sweep: SavedSweep, run: Run) -> Table | None:
    """Return exhibit 14: LCOE at either end of each range, the widest first."""
    points = sweep.of_design("tornado")
    if points.empty:
        return None
    base = sweep.table.iloc[0]
    kinds = [k for k in WORDS if k in sweep.about["designs"]]
    rows = []
    for path in sweep.paths:
        ends = [points[points["label"] == f"{path} {end}"] for end in ("low", "high")]
        if any(end.empty for end in ends):
            continue
        low, high = (end.iloc[0] for end in ends)
        cells: list[Cell | str] = [path]
        cells += [sweep.cell(p, path) for p in (low, base, high)]
        cells.append(unit_of_path(path))
        for kind in kinds:
            at = [sweep.cell(p, f"{kind}.{LCOE}", decimals=2) for p in (low, high)]
            cells += [*at, at[1].minus(at[0])]
        cells += [sweep.cell(base, f"reoptimised.{LCOE}", decimals=2)]
        source = low["range_source"]
        cells.append(source if isinstance(source, str) else "")
        rows.append(Row(tuple(cells)))
    rows.sort(key=_span, reverse=True)
    columns = [
        ("parameter", "Parameter", ""),
        ("low", "Low", ""),
        ("base", "Base", ""),
        ("high", "High", ""),
        ("unit", "Unit", ""),
    ]
    for kind in kinds:
        columns += [
            (f"{kind}_low_{LCOE}", f"LCOE at low, {WORDS[kind]}", "$/MWh"),
            (f"{kind}_high_{LCOE}", f"at high, {WORDS[kind]}", "$/MWh"),
            (f"{kind}_delta_usd_per_mwh", f"high less low, {WORDS[kind]}", "$/MWh"),
        ]
    columns += [(LCOE, "LCOE at base", "$/MWh"), ("source", "Range from", "")]
    notes = [
        "One value at a time. Same plant: the base plant is dispatched again; sized "
        "anew: another plant is chosen. Equity returns need the pro forma.",
        *sweep.failures(points),
    ]
    return _table(
        sweep, run, ("14", "tornado", "What moves the LCOE"), columns, rows, notes
    )


def _span(row: Row) -> float:
    """Return the widest distance of a row's LCOEs from each other and the base."""
    numbers = [c.value for c in row.cells[5:] if isinstance(c, Cell) and c.less is None]
    found = [value for value in numbers if value is not None]
    return max(found) - min(found) if found else 0.0


# Exhibit 15 ----------------------------------------------------------------------------


def axes(sweep: SavedSweep) -> list[str]:
    """Return the values that a grid is over, prices before limits.

    The first two make a map; of the others each combination is a map of its own.
    """
    grid = sweep.of_design("grid")
    varied = [p for p in sweep.paths if grid[p].nunique(dropna=False) > 1]
    return sorted(varied, key=lambda path: path.startswith("limits."))


def in_order(values: pd.Series) -> list[Any]:
    """Return the values of an axis once each: numbers rising, then ``none``.

    Examples
    --------
    >>> in_order(pd.Series([3.0, float("nan"), 2.5, 3.0]))
    [2.5, 3.0, None]
    >>> in_order(pd.Series(["parallel", "backup"]))
    ['parallel', 'backup']
    """
    found = list(dict.fromkeys(values.dropna().tolist()))
    ranked = found if any(isinstance(v, str) for v in found) else sorted(found)
    return [*ranked, None] if values.isna().any() else ranked


def maps(sweep: SavedSweep, run: Run) -> Table | None:
    """Return exhibit 15: LCOE and what is built over two values and more."""
    over = axes(sweep) if not sweep.of_design("grid").empty else []
    if len(over) < 2:
        return None
    grid = sweep.of_design("grid")
    kind = "reoptimised" if "reoptimised" in sweep.about["designs"] else "fixed"
    places = {
        tuple(None if pd.isna(v) else v for v in (point[p] for p in over)): point
        for _, point in grid.iterrows()
    }
    ranked = [in_order(grid[p]) for p in over]
    rows = []
    for place in product(*ranked[2:], *ranked[:2]):
        values = (*place[-2:], *place[:-2])
        point = places.get(values)
        if point is None:
            continue
        cells: list[Cell | str] = [shown(v) for v in values]
        cells.append(sweep.cell(point, f"{kind}.{LCOE}", decimals=2))
        cells += _sized(sweep, point) if kind == "reoptimised" else []
        cells.append(sweep.mix(point) if kind == "reoptimised" else "same plant")
        cells.append(sweep.reason(point, kind))
        rows.append(Row(tuple(cells)))
    columns = [(p, p, unit_of_path(p)) for p in over]
    columns.append((LCOE, f"LCOE, {WORDS[kind]}", "$/MWh"))
    columns += _sizes(sweep) if kind == "reoptimised" else []
    columns += [("mix", "Mix", ""), ("reason", "Why there is no plant", "")]
    notes = [MIX_NOTE, "Heavy lines on a map: the mix is another on the other side."]
    title = "Maps of LCOE and gas"
    return _table(sweep, run, ("15", "maps", title), columns, rows, notes)
