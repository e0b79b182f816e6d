"""Exhibits 7, 10 and 11: what is spent once, each year, and for each MWh."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from energyopt.memo.run import Run
from energyopt.memo.table import Cell, Row, Table, total

M = 1e-6
SERVED = "summary.json#energy_mwh/served"
NOT_SUPPLY = ("lost_compute", "export_income")
CATEGORIES = {
    "capital": "capital recovery",
    "augmentation": "replacement of cells",
    "om_fixed": "fixed O&M",
    "om_variable": "variable O&M",
    "starts": "starts",
    "fuel": "fuel",
    "grid_energy": "grid energy",
    "grid_charges": "grid charges",
    "co2_price": "CO2 price",
    "nox_price": "NOx price",
}
"""Of yearly cost, in the order of a waterfall; others follow under their own name."""
ROUNDED = "Numbers are rounded one by one; sums are of the numbers before rounding."


def capital(run: Run) -> Table:
    """Return exhibit 7: capital by component, as bought and all-in."""
    found = run.tables["capital"]
    rows = []
    for asset in found.index[found["total_usd"].abs() > 0.5]:
        at = f"tables/capital.csv#{asset}/"
        size, unit_cost = Cell(None), Cell(None)
        if asset in run.tables["capacity"].index:
            kw = f"tables/capacity.csv#{asset}/rated_mw"
            size = run.cell(kw, decimals=1)
            unit_cost = run.cell(f"{at}direct_usd", 1e-3, over=kw)
        parts = [
            run.cell(f"{at}{part}_usd", M, decimals=2)
            for part in ("direct", "owners", "contingency", "interest", "total")
        ]
        per_kw = run.cell(f"{at}total_load_usd_per_kw", decimals=1)
        text = str(asset).replace("_", " ")
        rows.append(Row((text, size, unit_cost, *parts, per_kw)))
    columns = [
        ("component", "Component", ""),
        ("size_mw", "Size", "MW"),
        ("unit_cost_usd_per_kw", "Direct, each", "$/kW"),
        ("direct_musd", "Direct", "$M"),
        ("owners_musd", "Owner's", "$M"),
        ("contingency_musd", "Contingency", "$M"),
        ("interest_musd", "Interest in construction", "$M"),
        ("total_musd", "Total", "$M"),
        ("total_load_usd_per_kw", "Total per kW of load", "$/kW"),
    ]
    if rows:
        rows.append(total("Total", rows, skip=(1, 2)))
    caption = f"Money in {run.money}, at start-up."
    sources = {
        str(a): _source(run, str(a)) for a in found.index[found["total_usd"] > 0.5]
    }
    notes = (
        "A battery's $/kW holds its power and its energy.",
        ROUNDED,
        *(
            f"Price of {a.replace('_', ' ')}: {text}."
            for a, text in sources.items()
            if text
        ),
    )
    return run.table(
        "7", "capital", "Capital cost", columns, rows, caption=caption, notes=notes
    )


def _source(run: Run, asset: str) -> str:
    """Return where a component's price comes from."""
    for ending in ("capital_usd_per_kw", "capital_usd_per_kwh", "capital_usd"):
        for path, origin in run.origins.items():
            own = path == f"technologies.{asset}.{ending}"
            if own and origin["kind"] != "default":
                return _told(origin)
    for path, origin in run.origins.items():
        if path.endswith((f"fixed_capital_usd.{asset}", f"{asset}_usd")):
            return _told(origin)
    if asset == "gas_line" and (line := run.origins.get("gas.lateral_usd")):
        return _told(line)
    return ""


def _told(origin: Mapping[str, Any]) -> str:
    """Return a source and the price year of its figure."""
    year = origin.get("price_year")
    return f"{origin['text']}{f' ({year})' if year else ''}"


def _drivers(run: Run, asset: str, category: str) -> tuple[str, str]:
    """Return what an operating cost is paid for, and where that is stored."""
    size, used = f"tables/capacity.csv#{asset}/", f"tables/units.csv#{asset}/"
    energy = run.summary["energy_mwh"]
    units = asset in run.tables["units"].index
    flow = next(
        (f for f in (asset, f"{asset}_discharge", f"{asset}_import") if f in energy), ""
    )
    if category == "fuel" and units:
        return "MMBtu", f"{used}gas_mmbtu"
    if category == "starts" and units:
        return "starts", f"{used}starts_units"
    if category in ("om_fixed", "grid_charges") and asset in run.built:
        return "MW", f"{size}rated_mw"
    if category == "augmentation" and asset in run.built:
        return "MWh installed", f"{size}energy_mwh"
    if category in ("om_variable", "grid_energy") and flow:
        return "MWh", f"summary.json#energy_mwh/{flow}"
    return "", ""


def operating(run: Run) -> Table:
    """Return exhibit 10: the cost of a year in operation, by item."""
    cost = run.tables["cost"]
    items = [c for c in _in_order(cost) if c != "capital" and c != "lost_compute"]
    rows = []
    for category in items:
        column = f"{category}_usd_per_yr"
        words = CATEGORIES.get(category, category.replace("_", " "))
        for asset in cost.index[cost[column].abs() > 0.5]:
            cite = f"tables/cost.csv#{asset}/{column}"
            unit, driver = _drivers(run, str(asset), category)
            price, quantity = Cell(None), Cell(None)
            if driver and run.stored(driver):
                price = run.cell(cite, over=driver)
                quantity = run.cell(driver)
            rows.append(
                Row(
                    (
                        f"{words}, {asset}",
                        price,
                        quantity,
                        unit,
                        run.cell(cite, M, decimals=3),
                        run.cell(cite, over=SERVED, decimals=3),
                    )
                )
            )
    if rows:
        rows.append(total("Total", rows))
    columns = [
        ("item", "Item", ""),
        ("unit_price_usd", "Unit price", "$ per driver"),
        ("quantity", "Quantity a year", ""),
        ("driver", "Driver", ""),
        ("cost_musd_per_yr", "Cost", "$M/yr"),
        ("cost_usd_per_mwh", "Per MWh served", "$/MWh"),
    ]
    return run.table(
        "10",
        "operating",
        "Operating cost of the average year",
        columns,
        rows,
        caption=f"Money in {run.money}; capital and lost compute are not in it.",
        notes=("Unit prices are the year's mean, fees within.", ROUNDED),
    )


def _in_order(cost: pd.DataFrame) -> list[str]:
    """Return the categories of a cost table in the order of a waterfall."""
    there = [str(c).removesuffix("_usd_per_yr") for c in cost.columns]
    first = [c for c in CATEGORIES if c in there]
    return [*first, *(c for c in there if c not in first)]


def waterfall(run: Run) -> Table:
    """Return exhibit 11: LCOE by component; the parts add up to it."""
    cost = run.tables["cost"]
    rows: list[Row] = []
    for category in _in_order(cost):
        if category in NOT_SUPPLY:
            continue
        column = f"{category}_usd_per_yr"
        words = CATEGORIES.get(category, category.replace("_", " "))
        if category in ("capital", "fuel"):
            for asset in cost.index[cost[column].abs() > 0.5]:
                label = f"{words}, {str(asset).replace('_', ' ')}"
                cite = f"tables/cost.csv#{asset}/{column}"
                rows.append(_part(run, label, cite))
        elif abs(cost[column].sum()) > 0.5:
            cite = f"summary.json#cost_usd_per_yr/{category}"
            rows.append(_part(run, words, cite))
    whole = "summary.json#lcoe_usd_per_mwh"
    rows.append(
        Row(
            (
                "LCOE, real",
                run.cell(whole, decimals=2),
                Cell(100.0, 1),
            ),
            "total",
        )
    )
    notes = [
        "Capital is recovered at the real cost of capital over each asset's life.",
        "Taxes, credits and nominal prices need the pro forma and are not in it.",
        ROUNDED,
    ]
    income = run.summary["cost_usd_per_yr"].get("export_income", 0.0)
    if abs(income) > 0.5:
        after = run.summary["lcoe_after_export_usd_per_mwh"]
        notes.insert(0, f"After export income: ${after:,.2f}/MWh.")
    columns = [
        ("component", "Component", ""),
        ("cost_usd_per_mwh", "Per MWh served", "$/MWh"),
        ("share_percent", "Share", "%"),
    ]
    return run.table(
        "11",
        "lcoe",
        "LCOE by component",
        columns,
        rows,
        caption=f"In {run.money}, for each MWh served to the facility.",
        notes=tuple(notes),
    )


def _part(run: Run, label: str, cite: str) -> Row:
    each = run.cell(cite, over=SERVED, decimals=2)
    lcoe = run.summary["lcoe_usd_per_mwh"]
    share = run.cell(cite, 100 / lcoe, over=SERVED, decimals=1)
    return Row((label, each, share))
