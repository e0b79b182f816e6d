"""Exhibit 2: saved runs beside each other."""

from __future__ import annotations

from collections.abc import Sequence

from energyopt.memo.deal import PCT, UNITS, M, slowest_of
from energyopt.memo.run import Run
from energyopt.memo.table import Cell, Column, Row, Table
from energyopt.units import M3_PER_ACRE_FT


def options(runs: Sequence[Run], failed: Sequence[tuple[str, str]] = ()) -> Table:
    """Return exhibit 2: one row a saved run, the base case first.

    Parameters
    ----------
    runs : sequence of Run
        In the order to be shown.
    failed : sequence of (str, str)
        Name and reason of the runs that have no plant.

    Returns
    -------
    Table
    """
    kinds = ["gas_turbine", "solar", "wind", "battery", "grid"]
    rows = [_option(run, kinds) for run in runs]
    columns = [("option", "Option", "")]
    columns += [(f"{k}_mw", UNITS.get(k, k), "MW") for k in kinds]
    columns += [
        ("battery_mwh", "battery", "MWh"),
        ("capital_musd", "Capital", "$M"),
        ("lcoe_usd_per_mwh", "LCOE", "$/MWh"),
        ("lcoe_after_export_usd_per_mwh", "LCOE after export", "$/MWh"),
        ("co2_kt_per_yr", "CO2", "kt/yr"),
        ("water_acre_ft_per_yr", "Water", "acre-ft/yr"),
        ("served_percent", "GPU energy served", "%"),
        ("in_service_months", "All in service", "months"),
        ("gap_percent", "Gap", "%"),
        ("binds", "What binds", ""),
    ]
    blank = len(columns) - 2
    for name, why in failed:
        rows.append(Row((name, *[Cell(None)] * blank, why)))
    notes = tuple(f"{each.title}: {each.source()}" for each in runs)
    years = sorted({str(r.summary["price_year"]) for r in runs})
    money = f"real {' and '.join(years)} dollars, before tax"
    if len(years) > 1:
        money += " - PRICE YEARS DIFFER, money is not comparable"
    made = tuple(Column(*c) for c in columns)
    title = "Options compared"
    caption = f"Money in {money}. Average weather year, before outages."
    return Table("2", "options", title, caption, made, tuple(rows), notes)


def _option(run: Run, kinds: Sequence[str]) -> Row:
    size = run.tables["capacity"]
    s, cell = "summary.json#", run.cell

    def mw(kind: str, column: str = "rated_mw") -> Cell:
        found = size.loc[size["kind"] == kind, column].fillna(0.0)
        cite = " + ".join(
            f"tables/capacity.csv#{name}/{column}" for name in found.index
        )
        return Cell(float(found.sum()), 1, cite, home=run.folder)

    limits = run.tables["limits"]
    binds = [str(n).removeprefix("limits.") for n in limits.index[limits["binds"]]]
    slowest = slowest_of(run)
    lead = f"tables/capacity.csv#{slowest}/lead_time_months"
    said = run.manifest["sets"]
    sets = "; ".join(one for one in said if not one.startswith("title="))
    return Row(
        (
            f"{run.title} ({sets})" if sets else run.title,
            *(mw(kind) for kind in kinds),
            mw("battery", "energy_mwh"),
            cell(f"{s}capital_usd", M, decimals=1),
            cell(f"{s}lcoe_usd_per_mwh", decimals=2),
            cell(f"{s}lcoe_after_export_usd_per_mwh", decimals=2),
            cell(f"{s}co2_t_per_yr", 1e-3, decimals=1),
            cell(f"{s}water_m3_per_yr", 1 / M3_PER_ACRE_FT, decimals=1),
            cell(f"{s}gpu_uptime_frac", PCT, decimals=4),
            cell(lead, decimals=0) if slowest is not None else Cell(None),
            cell(f"{s}gap_frac", PCT, decimals=2),
            ", ".join(binds) or "nothing",
        )
    )
