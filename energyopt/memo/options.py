"""Exhibit 2: saved runs beside each other."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from energyopt.errors import DataError
from energyopt.memo.deal import PCT, UNITS, M, slowest_of
from energyopt.memo.run import Run, read_run
from energyopt.memo.table import Cell, Column, Row, Table, decimals_of_share
from energyopt.units import M3_PER_ACRE_FT

NAME = "options.json"
"""In a run folder: the options that were solved for its memo, and how they ended."""


@dataclass(frozen=True)
class Option:
    """A row of exhibit 2: a saved run, or why there is no plant."""

    name: str
    label: str
    run: Run | None
    reason: str = ""


def read_options(folder: Path) -> tuple[list[Option], str | None]:
    """Return the options solved for a run, and which of them is the base case.

    Parameters
    ----------
    folder : Path
        Of the run; without ``options.json`` there are none.

    Raises
    ------
    DataError
        If the file cannot be read.
    """
    try:
        said = json.loads((folder / NAME).read_text(encoding="utf-8"))
        lines, base = said["options"], said["base"]
    except FileNotFoundError:
        return [], None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{folder / NAME}: cannot be read ({error})") from None
    return [_read(folder, line) for line in lines], base


def _read(folder: Path, line: Mapping[str, Any]) -> Option:
    """Return one option; a run that is gone is no option, and says so."""
    name, label = str(line["name"]), str(line["label"])
    if not line["folder"]:
        return Option(name, label, None, f"{line['status']}: {line['reason']}")
    try:
        return Option(name, label, read_run(folder / line["folder"]))
    except DataError:
        return Option(name, label, None, f"its run folder is gone: {line['folder']}")


def of_run(run: Run) -> Option:
    """Return the row of a run that was given by its folder."""
    said = run.manifest["sets"]
    sets = "; ".join(one for one in said if not one.startswith("title="))
    return Option(run.run_id, f"{run.title} ({sets})" if sets else run.title, run)


def options(rows_: Sequence[Option], base: str | None = None) -> Table:
    """Return exhibit 2: one row an option.

    Parameters
    ----------
    rows_ : sequence of Option
        In the order to be shown.
    base : str, optional
        Name of the base case; without it, the first with a plant.

    Returns
    -------
    Table
    """
    kinds = ["gas_turbine", "solar", "wind", "battery", "grid"]
    runs = [option.run for option in rows_ if option.run is not None]
    named = next((o.run for o in rows_ if o.run and o.name == base), runs[0])
    columns = [("option", "Option", "")]
    columns += [(f"{k}_mw", UNITS.get(k, k), "MW") for k in kinds]
    columns += [
        ("battery_mwh", "battery", "MWh"),
        ("capital_musd", "Capital", "$M"),
        ("lcoe_usd_per_mwh", "LCOE", "$/MWh"),
        ("lcoe_less_base_usd_per_mwh", "Less base case", "$/MWh"),
        ("lcoe_after_export_usd_per_mwh", "LCOE after export", "$/MWh"),
        ("co2_kt_per_yr", "CO2", "kt/yr"),
        ("water_acre_ft_per_yr", "Water", "acre-ft/yr"),
        ("served_percent", "GPU energy served", "%"),
        ("in_service_months", "All in service", "months"),
        ("gap_percent", "Gap", "%"),
        ("binds", "What binds", ""),
    ]
    blank = [Cell(None)] * (len(columns) - 2)
    rows = [
        Row((option.label, *blank, f"no plant: {option.reason.partition(':')[0]}"))
        if option.run is None
        else _option(option.label, option.run, kinds, named)
        for option in rows_
    ]
    notes = [f"{o.label}: {o.run.source() if o.run else o.reason}" for o in rows_]
    told = next(o.label for o in rows_ if o.run is named)
    notes.insert(0, f"Base case: {told}.")
    years = sorted({str(r.summary["price_year"]) for r in runs})
    money = f"real {' and '.join(years)} dollars, before tax"
    if len(years) > 1:
        money += " - PRICE YEARS DIFFER, money is not comparable"
    made = tuple(Column(*c) for c in columns)
    title = "Options compared"
    caption = f"Money in {money}. Average weather year, before outages."
    return Table("2", "options", title, caption, made, tuple(rows), tuple(notes))


def _option(label: str, run: Run, kinds: Sequence[str], base: Run) -> Row:
    size = run.tables["capacity"]
    s, cell = "summary.json#", run.cell

    def mw(kind: str, column: str = "rated_mw") -> Cell:
        found = size.loc[size["kind"] == kind, column].fillna(0.0)
        there = [
            f"tables/capacity.csv#{name}/{column}" for name in found.index[found > 0]
        ]
        cite = " + ".join(there)
        low = run.rests_on_low(cite)
        return Cell(float(found.sum()), 1, cite, doubtful=low, home=run.folder)

    limits = run.tables["limits"]
    names = [str(name) for name in limits.index[limits["binds"]]]
    binds = [n.removeprefix("limits.").removeprefix("technologies.") for n in names]
    slowest = slowest_of(run)
    lead = f"tables/capacity.csv#{slowest}/lead_time_months"
    served = float(run.summary["gpu_uptime_frac"])
    lcoe = f"{s}lcoe_usd_per_mwh"
    less = cell(lcoe, decimals=2).minus(base.cell(lcoe, decimals=2))
    return Row(
        (
            label,
            *(mw(kind) for kind in kinds),
            mw("battery", "energy_mwh"),
            cell(f"{s}capital_usd", M, decimals=1),
            cell(lcoe, decimals=2),
            less,
            cell(f"{s}lcoe_after_export_usd_per_mwh", decimals=2),
            cell(f"{s}co2_t_per_yr", 1e-3, decimals=1),
            cell(f"{s}water_m3_per_yr", 1 / M3_PER_ACRE_FT, decimals=1),
            cell(f"{s}gpu_uptime_frac", PCT, decimals=decimals_of_share(served)),
            cell(lead, decimals=0) if slowest is not None else Cell(None),
            cell(f"{s}gap_frac", PCT, decimals=2),
            ", ".join(binds) or "nothing",
        )
    )
