"""Exhibits 28 to 31: carbon, water, land, gas and wires, and what binds."""

from __future__ import annotations

from typing import Any

import pandas as pd

from energyopt.memo.run import Run
from energyopt.memo.table import Cell, Row, Table, total
from energyopt.units import KG_PER_T, KM2_PER_ACRE, M3_PER_ACRE_FT

SERVED = "summary.json#energy_mwh/served"
DECIMALS = {"frac": 6, "units": 0}  # 0.9999 is not 1.00


def _emitters(run: Run, flow: str) -> list[str]:
    """Return the technologies that have a flow, in the case's order."""
    names = [n for n in run.case.technologies if f"{n}.{flow}" in run.hours]
    return [
        n for n in names if (run.stored(f"hourly.nc#{n}.{flow}/sum") or 0.0) >= 1e-3
    ]


def _limit_note(run: Run, name: str) -> str:
    """Return a limit, its use and its worth, in one sentence."""
    line = run.tables["limits"].loc[f"limits.{name}"]
    if pd.isna(line["value"]):
        return "The case sets no limit on it."
    text = (
        f"Limit {line['value']:,.0f} {line['unit']}, used {line['used']:,.0f}"
        f" ({'binds' if line['binds'] else 'does not bind'})"
    )
    if not pd.isna(line["shadow_price"]):
        text += (
            f"; shadow price {line['shadow_price']:,.2f} {line['shadow_price_unit']}"
        )
    return f"{text}."


def carbon(run: Run) -> Table:
    """Return exhibit 28: CO2 by scope and source."""
    rows = []
    for name in _emitters(run, "co2_t"):
        cite = f"hourly.nc#{name}.co2_t/sum"
        scope = "2" if f"{name}.import_mw" in run.hours else "1"
        each = run.cell(cite, KG_PER_T, over=SERVED, decimals=2)
        whole = run.cell(cite, decimals=0)
        rows.append(Row((name, scope, whole, each)))
    if rows:
        rows.append(total("Total", rows))
    columns = [
        ("source", "Source", ""),
        ("scope", "Scope", ""),
        ("co2_t_per_yr", "CO2", "t/yr"),
        ("co2_kg_per_mwh", "Per MWh served", "kg/MWh"),
    ]
    notes = (
        _limit_note(run, "co2_t_per_yr"),
        "Scope 2 is by location, at the mean rate of the grid. Upstream methane and "
        "other gases are not counted.",
    )
    return run.table("28", "carbon", "Carbon", columns, rows, notes=notes)


def water(run: Run) -> Table:
    """Return exhibit 29: water consumed by the power plant."""
    rows = []
    for name in _emitters(run, "water_m3"):
        cite = f"hourly.nc#{name}.water_m3/sum"
        cells = [
            run.cell(cite, 1e-3, decimals=3),
            run.cell(cite, 1 / M3_PER_ACRE_FT, decimals=3),
            run.cell(cite, over="hourly.nc#it_mw/sum", decimals=4),
        ]
        rows.append(Row((name, *cells)))
    if rows:
        rows.append(total("Total", rows))
    columns = [
        ("use", "Use", ""),
        ("water_ml_per_yr", "Consumed", "ML/yr"),
        ("water_acre_ft_per_yr", "Consumed", "acre-ft/yr"),
        ("wue_l_per_kwh", "Per kWh of IT", "L/kWh"),
    ]
    notes = (
        _limit_note(run, "water_m3_per_yr"),
        "Consumed, not withdrawn, and of the power plant alone: water for cooling the "
        "computers is not counted. Months are in exhibit 24.",
    )
    return run.table("29", "water", "Water", columns, rows, notes=notes)


def _limit_row(run: Run, label: str, name: str, factor: float, unit: str) -> Row | None:
    """Return need, what is there, and headroom, of a limit in the table."""
    if name not in run.tables["limits"].index:
        return None
    at = f"tables/limits.csv#{name}/"
    most = run.cell(f"{at}value", factor, decimals=1)
    room = Cell(None)
    if most.value:
        room = run.cell(f"{at}slack", 100.0, over=f"{at}value", decimals=1)
    return Row((label, run.cell(f"{at}used", factor, decimals=1), most, unit, room))


def land_gas_wires(run: Run) -> Table:
    """Return exhibit 30: what the site must give, and what it has."""
    lines = [
        _limit_row(run, "Land", "limits.land_km2", 1 / KM2_PER_ACRE, "acres"),
        _limit_row(
            run, "Gas, peak hour, HHV", "gas.lateral_mmbtu_per_h", 1.0, "MMBtu/h"
        ),
    ]
    rows = [line for line in lines if line is not None]
    gas = [n for n in run.built if f"{n}.gas_mmbtu" in run.hours]
    if gas and len(rows) < 2:
        peak = sum(run.series(f"{n}.gas_mmbtu") for n in gas)
        most = Cell(float(pd.Series(peak).max()), 1)
        rows.append(
            Row(("Gas, peak hour, HHV", most, Cell(None), "MMBtu/h", Cell(None)))
        )
    for name in run.built:
        if f"{name}.import_mw" not in run.hours:
            continue
        size = f"tables/capacity.csv#{name}/rated_mw"
        for flow in ("import", "export"):
            used = run.cell(f"hourly.nc#{name}.{flow}_mw/max", decimals=1)
            held = run.cell(size, decimals=1)
            left = (held.value or 0.0) - (used.value or 0.0)
            room = Cell(100 * left / held.value if held.value else None, 1)
            rows.append(Row((f"{name}, {flow}", used, held, "MW", room)))
    columns = [
        ("item", "Item", ""),
        ("need", "Need, peak", ""),
        ("available", "There, or limit", ""),
        ("unit", "Unit", ""),
        ("headroom_percent", "Headroom", "%"),
    ]
    return run.table("30", "site_needs", "Land, gas and wires", columns, rows)


def what_binds(run: Run) -> Table:
    """Return exhibit 31: every limit that is set, its use and its worth."""
    found = run.tables["limits"]
    rows = []
    for name, line in found[found["value"].notna()].iterrows():
        at = f"tables/limits.csv#{name}/"
        places = DECIMALS.get(str(name).rsplit("_", 1)[-1])
        cells = [
            run.cell(f"{at}{key}", decimals=places)
            for key in ("value", "used", "slack")
        ]
        unit = "–" if line["unit"] == "1" else str(line["unit"])
        unit = "units" if str(name).endswith("_units") else unit
        price = run.cell(f"{at}shadow_price")
        rows.append(Row((str(name), *cells, unit, price, _in_words(line))))
    rows.sort(key=lambda row: row.cells[-1] == "does not bind")
    columns = [
        ("limit", "Limit", ""),
        ("value", "Set at", ""),
        ("used", "Used", ""),
        ("slack", "Slack", ""),
        ("unit", "Unit", ""),
        ("shadow_price", "Shadow price", "$/yr per unit"),
        ("words", "In words", ""),
    ]
    return run.table(
        "31",
        "binds",
        "What binds",
        columns,
        rows,
        caption=f"Money in {run.money}.",
        notes=(
            "Shadow prices are marginal, given the units built: a dash where the limit "
            "is on a size, of which no price is kept.",
        ),
    )


def _in_words(line: Any) -> str:
    if line["slack"] < -1e-4 * max(abs(line["value"]), 1.0):
        return "EXCEEDED"
    priced = not pd.isna(line["shadow_price"]) and abs(line["shadow_price"]) >= 1e-4
    if not line["binds"] and not priced:
        return "does not bind"
    if not priced:
        return "binds: all that is allowed is used"
    per = str(line["shadow_price_unit"]).removeprefix("USD/yr per ")
    how = "binds" if line["binds"] else "binds but for the solver's gap"
    return f"{how}: giving way by one {per} saves ${line['shadow_price']:,.0f} a year"
