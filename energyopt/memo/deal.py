"""Exhibits 1 and 4: the plant at a glance, and in detail."""

from __future__ import annotations

from collections.abc import Sequence

from energyopt.memo.run import BUILT_MW, Run
from energyopt.memo.table import Cell, Row, Table, in_turn, percent
from energyopt.units import KG_PER_T, KM2_PER_ACRE, M3_PER_ACRE_FT

M = 1e-6
PCT = 100.0
SERVED = "summary.json#energy_mwh/served"
INSTALLED = ("Installed ", "… storage of ")
KINDS = {"gas_turbine": "gas unit", "fuel_store": "fuel store"}
UNITS = {"gas_turbine": "gas", "fuel_store": "fuel in store"}


def at_a_glance(run: Run, base: Run | None = None) -> Table:
    """Return exhibit 1: what is bought and what it gives, beside a base case."""
    runs = [run] if base is None else [run, base]
    told = [_glance(each) for each in runs]
    labels = in_turn(*(list(rows) for rows in told))
    rows = []
    for label in labels:
        unit = next(rows[label][1] for rows in told if label in rows)
        absent = Cell(0.0, 1) if label.startswith(INSTALLED) else Cell(None)
        cells = [rows[label][0] if label in rows else absent for rows in told]
        rows.append(Row((label, unit, *cells, *_delta(cells))))
    heads = [("metric", "Metric", ""), ("unit", "Unit", "")]
    heads.append(("recommended", "This run", ""))
    if base is not None:
        heads += [("base", "Base case", ""), ("delta", "Difference", "")]
    return run.table(
        "1",
        "glance",
        "Deal at a glance",
        heads,
        rows,
        caption=f"Money in {run.money}. Yearly figures are of the average weather year.",
        notes=(
            *(() if base is None else (f"Base case: {base.source()}",)),
            *(f"{each.other_uptime}." for each in runs if each.other_uptime),
            "Served and unserved energy are of the dispatched year; outages of machines "
            "are in exhibit 25 where they were sampled.",
        ),
    )


def _delta(cells: Sequence[Cell | str]) -> list[Cell | str]:
    """Return recommended less base, where both are numbers."""
    if len(cells) < 2:
        return []
    first, base = cells
    return [""] if isinstance(first, str) else [first.minus(base)]


def _glance(run: Run) -> dict[str, tuple[Cell | str, str]]:
    """Return the rows of one plant: label -> number and unit."""
    s, cell = "summary.json#", run.cell
    checks = run.summary["checks"].values()
    rows: dict[str, tuple[Cell | str, str]] = {
        "IT load, peak": (cell("hourly.nc#it_mw/max", decimals=1), "MW"),
        "Facility load, peak": (cell(f"{s}peak_demand_mw", decimals=1), "MW"),
        "PUE, mean": (cell("hourly.nc#pue/mean", decimals=3), "–"),
    }
    for name in run.built:
        kind = run.tables["capacity"].at[name, "kind"]
        shown = name if name == kind else f"{name} ({UNITS.get(str(kind), kind)})"
        place = f"tables/capacity.csv#{name}/"
        if (run.stored(f"{place}rated_mw") or 0.0) >= BUILT_MW:
            rows[f"Installed {shown}"] = (cell(f"{place}rated_mw", decimals=1), "MW")
        if run.stored(f"{place}energy_mwh") is not None:
            rows[f"… storage of {name}"] = (
                cell(f"{place}energy_mwh", decimals=1),
                "MWh",
            )
    slowest = slowest_of(run)
    if slowest is not None:
        lead = f"tables/capacity.csv#{slowest}/lead_time_months"
        rows[f"All in service ({slowest} comes last)"] = (
            cell(lead, decimals=0),
            "months from order",
        )
    rows |= _prices(run) | _service(run) | _footprint(run)
    gap = run.summary["gap_frac"]
    rows["Solver gap"] = (
        cell(f"{s}gap_frac", PCT, decimals=3) if gap is not None else "none proven",
        "%",
    )
    if run.summary.get("bound_lost_to_online_usd_per_yr") is not None:
        rows["… bound lost to reserve against what is online"] = (
            cell(f"{s}bound_lost_to_online_usd_per_yr", M, decimals=2),
            "$M/yr",
        )
    passed = sum(line["passed"] for line in checks)
    rows["Checks passed"] = (f"{passed} of {len(run.summary['checks'])}", "–")
    return rows


def _prices(run: Run) -> dict[str, tuple[Cell | str, str]]:
    """Return capital, yearly cost and LCOE."""
    s, cell = "summary.json#", run.cell
    load = run.case.load.facility_mw
    return {
        "Capital, all-in": (
            cell(f"{s}capital_usd", M, decimals=1),
            "$M",
        ),
        "… per kW of load": (
            cell(f"{s}capital_usd", 1 / (load * 1000), decimals=0),
            "$/kW",
        ),
        "Yearly cost": (
            cell(f"{s}objective_usd_per_yr", M, decimals=1),
            "$M/yr",
        ),
        "LCOE, real, energy to the facility": (
            cell(f"{s}lcoe_usd_per_mwh", decimals=2),
            "$/MWh",
        ),
        "LCOE, real, after export income": (
            cell(f"{s}lcoe_after_export_usd_per_mwh", decimals=2),
            "$/MWh",
        ),
        "LCOE, real, energy to IT": (
            cell(f"{s}lcoe_usd_per_mwh_it", decimals=2),
            "$/MWh",
        ),
    }


def slowest_of(run: Run) -> str | None:
    """Return what is built and comes last."""
    months = run.tables["capacity"].loc[run.built, "lead_time_months"]
    return str(months.idxmax()) if len(months) else None


def _service(run: Run) -> dict[str, tuple[Cell | str, str]]:
    """Return uptime and unserved energy, planned and, if sampled, with outages."""
    rows: dict[str, tuple[Cell | str, str]] = {
        "GPU energy served, dispatched year": (
            percent(run.summary["gpu_uptime_frac"]).removesuffix(" %"),
            "%",
        ),
        "Unserved, dispatched year": (
            run.cell("summary.json#unserved_mwh", decimals=1),
            "MWh/yr",
        ),
    }
    if run.uptime is not None:
        place = "uptime.json#uptime/base/with_common_causes/gpu_energy/frac"
        rows["GPU energy served, with outages"] = (
            run.cell(place, PCT, decimals=4),
            "%",
        )
        place = "uptime.json#unserved_mwh_per_yr/mean"
        rows["Unserved, with outages"] = (
            run.cell(place, decimals=1),
            "MWh/yr",
        )
    elif target := run.summary.get("uptime_target"):
        last = len(target["rounds"]) - 1
        place = f"summary.json#uptime_target/rounds/{last}/uptime/frac"
        rows["GPU energy served, with outages"] = (
            run.cell(place, PCT, decimals=4),
            "%",
        )
    return rows


def _footprint(run: Run) -> dict[str, tuple[Cell | str, str]]:
    """Return emissions, water, land and gas."""
    s, cell = "summary.json#", run.cell
    return {
        "CO2": (cell(f"{s}co2_t_per_yr", decimals=0), "t/yr"),
        "CO2 per MWh served": (
            cell(f"{s}co2_t_per_yr", KG_PER_T, over=SERVED, decimals=1),
            "kg/MWh",
        ),
        "NOx": (
            cell(f"{s}nox_t_per_yr", decimals=1),
            "t/yr",
        ),
        "Renewable share, yearly": (
            cell(f"{s}renewable_share_frac", PCT, decimals=1),
            "%",
        ),
        "Water consumed": (
            cell(f"{s}water_m3_per_yr", 1e-3, decimals=2),
            "ML/yr",
        ),
        "… in acre-feet": (
            cell(f"{s}water_m3_per_yr", 1 / M3_PER_ACRE_FT, decimals=2),
            "acre-ft/yr",
        ),
        "Land of the plant": (
            cell(f"{s}land_km2", 1 / KM2_PER_ACRE),
            "acres",
        ),
        "Gas, mean day": (
            cell(f"{s}gas_mmbtu_per_yr", 1 / 365, decimals=0),
            "MMBtu/d, HHV",
        ),
    }


def design(run: Run) -> Table:
    """Return exhibit 4: what is installed, and what it gives on the hottest day."""
    rows = []
    size = run.tables["capacity"]
    for name in run.built:
        at = f"tables/capacity.csv#{name}/"
        whole = run.stored(f"{at}installed_units") is not None
        rows.append(
            Row(
                (
                    name,
                    KINDS.get(str(size.at[name, "kind"]), str(size.at[name, "kind"])),
                    run.cell(f"{at}installed_units", decimals=0),
                    run.cell(f"{at}rated_mw", over=f"{at}installed_units", decimals=2)
                    if whole
                    else Cell(None),
                    run.cell(f"{at}rated_mw", decimals=1),
                    run.cell(f"{at}at_design_mw", decimals=1),
                    run.cell(f"{at}energy_mwh", decimals=1),
                    run.cell(f"{at}duration_h", decimals=2),
                    run.cell(f"{at}capacity_factor_frac", PCT, decimals=1),
                    run.cell(f"{at}land_km2", 1 / KM2_PER_ACRE, decimals=1),
                    run.cell(f"{at}lead_time_months", decimals=0),
                )
            )
        )
    absent = [str(n) for n in size.index if n not in run.built]
    site = run.case.site
    notes = [
        f"At design: net, at {site.design_temp_c:g} °C ({site.design_temp_c * 1.8 + 32:.0f}"
        f" °F) and {site.elevation_m:,.0f} m ({site.elevation_m / 0.3048:,.0f} ft)."
    ]
    limits = run.tables["limits"]
    if "reliability.n_plus" in limits.index:
        firm = limits.loc["reliability.n_plus"]
        rule = run.case.reliability
        notes.append(
            f"Firm after {rule.n_plus} units lost and {rule.units_in_maintenance} in "
            f"maintenance: {firm['used']:,.1f} MW; {firm['value']:,.1f} MW are needed."
        )
    if absent:
        notes.append(f"Offered and not built: {', '.join(absent)}.")
    columns = [
        ("asset", "Asset", ""),
        ("kind", "Kind", ""),
        ("units", "Units", ""),
        ("unit_mw", "Each", "MW"),
        ("rated_mw", "Rated", "MW-AC"),
        ("at_design_mw", "At design", "MW"),
        ("energy_mwh", "Energy", "MWh"),
        ("duration_h", "Duration", "h"),
        ("capacity_factor_percent", "Capacity factor", "%"),
        ("land_acres", "Land", "acres"),
        ("lead_time_months", "Lead time", "months"),
    ]
    return run.table(
        "4", "design", "Recommended design", columns, rows, notes=tuple(notes)
    )
