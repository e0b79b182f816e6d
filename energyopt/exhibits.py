"""The tables of a run folder, with the unit at the end of each column's name."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from energyopt import metrics
from energyopt.casefile import values
from energyopt.model import all_in_frac
from energyopt.units import KG_PER_T, unit_of

if TYPE_CHECKING:
    from energyopt.casefile import CaseFile
    from energyopt.results import Result
    from energyopt.technologies.base import Floats
    from energyopt.verify import Recounted


def tables(
    result: Result, summary: Mapping[str, Any], casefile: CaseFile
) -> dict[str, pd.DataFrame]:
    """Return the tables of a run folder by file name; units end the column names.

    Parameters
    ----------
    result : Result
        The solved plant.
    summary : mapping
        Its summary.
    casefile : CaseFile
        The case, with the origin of each value.

    Returns
    -------
    dict of str to DataFrame
    """
    found = result.recounted
    path = summary.get("uptime_target")
    return {
        **({} if path is None else {"uptime_path": path_table(path)}),
        "capacity": capacity_table(result),
        "cost": metrics.cost_table(found),
        "capital": metrics.capital_table(result),
        "units": metrics.unit_table(found, result.arrays),
        "energy": energy_table(summary),
        "monthly": monthly_table(result),
        "limits": limit_table(result),
        "contingencies": contingency_table(result),
        "checks": check_table(result),
        "assumptions": assumption_table(casefile),
    }


def path_table(path: Mapping[str, Any]) -> pd.DataFrame:
    """Return one row for each plant on the way to an uptime target."""
    rows = []
    for one in path["rounds"]:
        row = {key: one[key] for key in one if not isinstance(one[key], dict)}
        for part in ("uptime", "held_out"):
            row |= {f"{part}.{k}": v for k, v in (one[part] or {}).items()}
        rows.append(row | one["sizes"])
    return pd.DataFrame(rows).set_index("number")


def capacity_table(result: Result) -> pd.DataFrame:
    """Return what is installed, one row a technology, those not built included."""
    rows, found = {}, result.recounted
    for name, r in found.technologies.items():
        technology = result.case.technologies[name]
        mean_mw = found.mean_year(np.maximum(r.net_mw, 0)) / found.at.weights.sum()
        rows[name] = {
            "kind": technology.kind,
            "installed_units": r.units,
            "rated_mw": r.mw,
            "at_design_mw": None
            if r.units is None or r.unit_at_design_mw is None
            else r.units * r.unit_at_design_mw,
            "energy_mwh": r.mwh,
            "duration_h": r.mwh / r.mw if r.mwh is not None and r.mw > 1e-6 else None,
            "capacity_factor_frac": mean_mw / r.mw if r.mw > 1e-6 else None,
            "land_km2": r.land_km2,
            "lead_time_months": technology.lead_time_months,
        }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("technology")
    return table.astype({"installed_units": "Int64"})


def energy_table(summary: Mapping[str, Any]) -> pd.DataFrame:
    """Return the yearly energy by technology and use."""
    energy = dict(summary["energy_mwh"]) | {"unserved": summary["unserved_mwh"]}
    served = energy.get("served") or math.nan
    return (
        pd.DataFrame(
            {
                "energy_mwh": energy,
                "of_served_frac": {name: mwh / served for name, mwh in energy.items()},
            }
        )
        .round(6)
        .rename_axis("flow")
    )


def _flows_mw(found: Recounted) -> dict[str, Floats]:
    """Return each technology's hourly flows in MW, named as in ``metrics.energy_mwh``."""
    flows: dict[str, Floats] = {}
    for name, r in found.technologies.items():
        if r.store is not None:
            flows[f"{name}_discharge"] = np.maximum(r.net_mw, 0)
            flows[f"{name}_charge"] = np.maximum(-r.net_mw, 0)
        elif np.ndim(r.import_mw):
            flows[f"{name}_import"] = np.asarray(r.import_mw)
            flows[f"{name}_export"] = np.asarray(r.export_mw)
        else:
            flows[name] = r.net_mw
        if r.available_mw is not None:
            flows[f"{name}_curtailed"] = r.available_mw - r.net_mw
    return flows


def monthly_table(result: Result) -> pd.DataFrame:
    """Return the average year by month of local standard time; months add up to it."""
    found = result.recounted
    hourly_sums = {f"{name}_mwh": mw for name, mw in _flows_mw(found).items()} | {
        "demand_mwh": found.demand_mw,
        "served_mwh": found.demand_mw - found.unserved_mw,
        "unserved_mwh": found.unserved_mw,
        "gas_mmbtu": found.total("gas_mmbtu"),
        "co2_t": found.total("co2_t"),
        "nox_kg": found.total("nox_kg"),
        "water_m3": found.total("water_m3"),
    }
    local = pd.DatetimeIndex(result.inputs.data["local_time"].values)
    weighted = {name: found.at.weights * each for name, each in hourly_sums.items()}
    months = pd.DataFrame(weighted).groupby(local.month).sum().round(6)
    return months.rename_axis("month")


def limit_table(result: Result) -> pd.DataFrame:
    """Return every limit with its use, slack and shadow price; what binds is marked.

    Of a limit that holds in each weather year, the use of the worst year.
    """
    case, found = result.case, result.recounted
    limits = case.limits

    def yearly(values_: Floats) -> Floats:
        if limits.mean_of_years:
            return np.array([found.mean_year(values_)])
        return found.per_year(values_)

    served = yearly(found.demand_mw - found.unserved_mw)
    green = (
        found.total("renewable_mw")
        - found.total("export_mw")
        - found.total("storage_loss_mw")
    )
    short_it = yearly(found.unserved_mw / found.pue)
    used: dict[str, float] = {
        "co2_t_per_yr": float(yearly(found.total("co2_t")).max()),
        "nox_t_per_yr": float(yearly(found.total("nox_kg")).max()) / KG_PER_T,
        "water_m3_per_yr": float(yearly(found.total("water_m3")).max()),
        "land_km2": sum(r.land_km2 for r in found.technologies.values()),
        "capital_usd": all_in_frac(case.finance) * sum(found.capital_usd.values()),
        "renewable_share_frac": float((yearly(green) / served).min()),
        "gpu_served_frac": float((1 - short_it / yearly(found.it_mw)).min()),
    }
    rows: dict[str, dict[str, Any]] = {}

    def add(
        name: str,
        value: float | None,
        use: float,
        *,
        least: bool = False,
        unit: str = "1",
    ) -> None:
        slack = None if value is None else (use - value if least else value - use)
        price = result.shadow_prices.get(name)
        rows[name] = {
            "limit": "at least" if least else "at most",
            "value": value,
            "used": use,
            "slack": slack,
            "unit": known_unit(name) or unit,
            "binds": slack is not None and slack <= 1e-6 * max(abs(value or 0.0), 1e-3),
            "shadow_price": None if price is None else price + 0.0,  # no minus zero
            "shadow_price_unit": None
            if price is None
            else f"USD/yr per {worth_per(name)}",
        }

    for name, use in used.items():
        value = getattr(limits, name)
        add(f"limits.{name}", value, use, least=name.endswith("_frac"))
    if case.reliability.n_plus is not None:
        firm_mw = _firm_after_losses_mw(result)
        most = case.load.facility_mw
        add("reliability.n_plus", most, firm_mw, least=True, unit="MW")
    if case.gas.lateral_mmbtu_per_h is not None:
        most = float(found.total("gas_mmbtu").max())
        add("gas.lateral_mmbtu_per_h", case.gas.lateral_mmbtu_per_h, most)
    for name, r in found.technologies.items():
        technology: Any = case.technologies[name]
        place = f"technologies.{name}"
        for size, built in (("units", r.units), ("mw", r.mw), ("mwh", r.mwh)):
            field = f"max_{size}"
            if built is not None and hasattr(technology, field):
                add(f"{place}.{field}", getattr(technology, field), built)
        budget = getattr(technology, "backup_mwh_per_yr", None)
        if getattr(technology, "mode", "") == "backup" and budget is not None:
            bought = float(found.per_year(np.asarray(r.import_mw)).max())
            add(f"{place}.backup_mwh_per_yr", budget, bought)
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("name")


def worth_per(name: str) -> str:
    """Return what a shadow price of a limit is per."""
    return (
        "percentage point" if name.endswith("_frac") else (known_unit(name) or "unit")
    )


def _firm_after_losses_mw(result: Result) -> float:
    """Return firm MW at the design temperature without the units of N+k."""
    rule, found = result.case.reliability, result.recounted.technologies.values()
    sizes = sorted(
        r.unit_at_design_mw
        for r in found
        if r.units is not None and r.unit_at_design_mw is not None
        for _ in range(r.units)
    )
    lost = min((rule.n_plus or 0) + rule.units_in_maintenance, len(sizes))
    kept = sizes[: len(sizes) - lost]
    return float(sum(kept) + sum(r.firm_mw for r in found))


def contingency_table(result: Result) -> pd.DataFrame:
    """Return what the loss of each element in each hour sheds."""
    asked = result.case.contingencies
    allowed = asked.shed_allowance_mwh if asked else 0.0
    local = pd.DatetimeIndex(result.inputs.data["local_time"].values)
    columns = ["tripped_h", "with_shed_load_h", "worst_mwh", "mean_mwh"]
    rows = {
        t.element: {
            "tripped_h": t.hours,
            "with_shed_load_h": t.hours_shed,
            "worst_mwh": t.worst_mwh,
            "mean_mwh": t.mean_mwh,
            "allowance_mwh": allowed,
            "worst_local_time": None
            if t.worst_hour is None
            else local[t.worst_hour].isoformat(),
            "passed": t not in result.shed_beyond_allowance,
        }
        for t in result.trips
    }
    columns += ["allowance_mwh", "worst_local_time", "passed"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    return table.rename_axis("element")


def check_table(result: Result) -> pd.DataFrame:
    """Return every check: worst breach, tolerance, and where it was found."""
    shares = ("limits.", "cost_", "bound_")  # checked as shares of the whole
    rows = {
        c.name: {
            "passed": c.passed,
            "worst": c.worst,
            "tolerance": c.tolerance,
            "unit": "1" if c.name.startswith(shares) else known_unit(c.name) or "1",
            "position": c.hour,
        }
        for c in result.checks
    }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("check")
    return table.astype({"position": "Int64"})


def assumption_table(casefile: CaseFile) -> pd.DataFrame:
    """Return every input with its unit, where it comes from and how sure it is."""
    rows = {}
    for path, value in values(casefile).items():
        origin = casefile.origins[path]
        plain = value if isinstance(value, str | int | float) else json.dumps(value)
        rows[path] = {
            "value": "" if value is None else plain,
            "unit": _input_unit(path, value, origin.unit),
            "origin": origin.kind,
            "source": origin.text,
            "confidence": origin.confidence,
            "low": origin.low,
            "high": origin.high,
            "price_year": origin.price_year,
            "note": origin.note,
        }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("path")
    return table.astype({"price_year": "Int64"})


def _input_unit(path: str, value: Any, stated: str | None) -> str | None:
    """Return the unit of an input, by its name or that of the section it is in."""
    if isinstance(value, bool | str):
        return None
    names = path.split("[")[0].split(".")[::-1]
    return next((unit for name in names[:2] if (unit := known_unit(name))), stated)


def known_unit(name: str) -> str | None:
    """Return the unit that a name ends in, ``None`` where it ends in none.

    Examples
    --------
    >>> known_unit("technologies.aero.capital_usd_per_kw"), known_unit("passed")
    ('USD/kW', None)
    """
    try:
        return unit_of(name.rsplit(".", 1)[-1])
    except KeyError:
        return None
