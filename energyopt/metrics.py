"""What an engineer and an investor read off a solved plant. No solver, no model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from energyopt.model import all_in_frac
from energyopt.results import Result
from energyopt.units import KG_PER_T, KW_PER_MW, USD_PER_KUSD
from energyopt.verify import Recounted

SCHEMA_VERSION = "1.0"


def lcoe_usd_per_mwh(yearly_usd: float, served_mwh: float) -> float:
    """Return cost per MWh served; infinite where nothing is served.

    Real and before tax: a level yearly cost in dollars of the price year over the
    energy of one year. [USD/MWh]

    Examples
    --------
    >>> lcoe_usd_per_mwh(160e6, 2e6)
    80.0
    """
    return yearly_usd / served_mwh if served_mwh > 0 else float("inf")


def cost_by_category(found: Recounted) -> dict[str, float]:
    """Return the yearly cost by category; the sum is the objective. [USD/yr]"""
    total: dict[str, float] = {}
    for (_, category), usd in found.cost_usd.items():
        total[category] = total.get(category, 0.0) + usd
    return total


def supply_cost_usd(found: Recounted) -> float:
    """Return yearly cost less lost compute and before export income. [USD/yr]"""
    by = cost_by_category(found)
    return sum(by.values()) - by.get("lost_compute", 0) - by.get("export_income", 0)


def served_mwh(found: Recounted) -> float:
    """Return energy served to the facility in the average year. [MWh/yr]"""
    return found.mean_year(found.demand_mw - found.unserved_mw)


def gpu_served_frac(found: Recounted) -> float:
    """Return the share of GPU energy served, before outages. [1]"""
    short = found.mean_year(found.unserved_mw / found.pue)
    return 1 - short / found.mean_year(found.it_mw)


def gpu_full_hours_frac(found: Recounted) -> float:
    """Return the share of hours in which the GPUs want for nothing. [1]"""
    full = (found.unserved_mw <= 1e-6 * found.demand_mw + 1e-6).astype(float)
    return found.mean_year(full) / found.at.weights.sum()


def energy_mwh(found: Recounted) -> dict[str, float]:
    """Return yearly energy by technology and use; the balance closes. [MWh/yr]"""
    energy: dict[str, float] = {}
    for name, r in found.technologies.items():
        if r.store is not None:
            energy[f"{name}_discharge"] = found.mean_year(np.maximum(r.net_mw, 0))
            energy[f"{name}_charge"] = found.mean_year(np.maximum(-r.net_mw, 0))
        elif np.ndim(r.import_mw):
            energy[f"{name}_import"] = found.mean_year(np.asarray(r.import_mw))
            energy[f"{name}_export"] = found.mean_year(np.asarray(r.export_mw))
        else:
            energy[name] = found.mean_year(r.net_mw)
        if r.available_mw is not None:
            energy[f"{name}_curtailed"] = found.mean_year(r.available_mw - r.net_mw)
    energy["served"] = served_mwh(found)
    return energy


def summary(result: Result, time_s: dict[str, float]) -> dict[str, Any]:
    """Return the contract that ``summary.json`` keeps.

    Parameters
    ----------
    result : Result
        A solved plant.
    time_s : dict of str to float
        Seconds by stage: inputs, build, solve, verify, total.

    Returns
    -------
    dict
        Plain numbers, strings, lists and dicts; units in the keys.
    """
    found, case, record = result.recounted, result.case, result.record
    by_category = cost_by_category(found)
    yearly_usd = sum(by_category.values())
    supply_usd = supply_cost_usd(found)
    export_usd = by_category.get("export_income", 0.0)
    served = served_mwh(found)
    it_served = found.mean_year(found.it_mw - found.unserved_mw / found.pue)
    gpu_h = served * KW_PER_MW / case.load.kw_per_gpu
    lcoe = lcoe_usd_per_mwh(supply_usd, served)
    direct_usd = sum(found.capital_usd.values())
    return {
        "schema_version": SCHEMA_VERSION,
        "case": case.name,
        "title": case.title,
        "draft": case.draft,
        "status": record.status if result.verified else "verification_failed",
        "gap_frac": record.gap_frac,
        "objective_usd_per_yr": record.objective * USD_PER_KUSD,
        "bound_usd_per_yr": record.bound * USD_PER_KUSD,
        "gap_usd_per_mwh": (record.objective - record.bound) * USD_PER_KUSD / served,
        "bound_lost_to_online_usd_per_yr": result.bound_lost_to_online_usd_per_yr,
        "price_year": case.prices.year,
        "time_s": time_s,
        "capacity": {
            name: {
                "kind": case.technologies[name].kind,
                "units": r.units,
                "mw": r.mw,
                "mwh": r.mwh,
                "at_design_mw": None
                if r.units is None
                else r.units * (r.unit_at_design_mw or 0.0),
            }
            for name, r in found.technologies.items()
        },
        "energy_mwh": energy_mwh(found),
        "cost_usd_per_yr": by_category,
        "lcoe_usd_per_mwh": lcoe,
        "lcoe_after_export_usd_per_mwh": lcoe_usd_per_mwh(
            supply_usd + export_usd, served
        ),
        "lcoe_usd_per_mwh_it": lcoe_usd_per_mwh(supply_usd, it_served),
        "lcoe_usd_per_gpu_h": supply_usd / gpu_h if gpu_h else float("inf"),
        "lcoe_parts_usd_per_mwh": {
            category: usd / served
            for category, usd in by_category.items()
            if category not in {"lost_compute", "export_income"}
        },
        "yearly_usd": yearly_usd,
        "gpu_uptime_frac": gpu_served_frac(found),
        "gpu_full_hours_frac": gpu_full_hours_frac(found),
        "unserved_mwh": found.mean_year(found.unserved_mw),
        "peak_demand_mw": float(found.demand_mw.max()),
        "co2_t_per_yr": found.mean_year(found.total("co2_t")),
        "nox_t_per_yr": found.mean_year(found.total("nox_kg")) / KG_PER_T,
        "water_m3_per_yr": found.mean_year(found.total("water_m3")),
        "land_km2": float(sum(r.land_km2 for r in found.technologies.values())),
        "gas_mmbtu_per_yr": found.mean_year(found.total("gas_mmbtu")),
        "renewable_share_frac": renewable_share_frac(found),
        "capital_usd": all_in_frac(case.finance) * direct_usd,
        "capital_direct_usd": direct_usd,
        "shadow_prices": dict(result.shadow_prices),
        "contingencies": [
            {
                "element": t.element,
                "hours": t.hours,
                "hours_shed": t.hours_shed,
                "worst_mwh": t.worst_mwh,
            }
            for t in result.trips
        ],
        "checks": {
            c.name: {"passed": c.passed, "worst": c.worst, "tolerance": c.tolerance}
            for c in result.checks
        }
        | {
            f"contingency.{t.element}": {
                "passed": t not in result.shed_beyond_allowance,
                "worst": t.worst_mwh,
                "tolerance": case.contingencies.shed_allowance_mwh
                if case.contingencies
                else 0.0,
            }
            for t in result.trips
        },
        "notes": list(result.inputs.notes),
    }


def renewable_share_frac(found: Recounted) -> float:
    """Return sun and wind less exports and storage losses, over energy served. [1]"""
    green = (
        found.total("renewable_mw")
        - found.total("export_mw")
        - found.total("storage_loss_mw")
    )
    served = served_mwh(found)
    return max(found.mean_year(green), 0.0) / served if served > 0 else 0.0


def cost_table(found: Recounted) -> pd.DataFrame:
    """Return yearly cost, one row an asset and one column a category. [USD/yr]"""
    table = pd.Series(found.cost_usd).unstack().fillna(0.0)
    table.columns = [f"{c}_usd_per_yr" for c in table.columns]
    return table.rename_axis("asset")


def capital_table(result: Result) -> pd.DataFrame:
    """Return direct and all-in capital by asset. [USD]"""
    found, finance = result.recounted, result.case.finance
    direct = pd.Series(found.capital_usd, dtype=float)
    owners = direct * finance.owners_cost_frac
    spare = direct * finance.contingency_frac
    total = direct * all_in_frac(finance)
    return pd.DataFrame(
        {
            "direct_usd": direct,
            "owners_usd": owners,
            "contingency_usd": spare,
            "interest_usd": total - direct - owners - spare,
            "total_usd": total,
            "total_load_usd_per_kw": total / (result.case.load.facility_mw * KW_PER_MW),
        }
    ).rename_axis("asset")


def unit_table(found: Recounted, arrays: Any) -> pd.DataFrame:
    """Return how each type of unit ran in the average year."""
    rows = {}
    for name, r in found.technologies.items():
        if r.units is None:
            continue
        online = np.asarray(arrays[name]["online_units"])
        starts = np.asarray(arrays[name]["starts_units"])
        run_h = found.mean_year(online)
        mwh = found.mean_year(r.net_mw)
        gas = found.mean_year(np.asarray(r.gas_mmbtu))
        rows[name] = {
            "units": r.units,
            "run_h": run_h,
            "starts_units": found.mean_year(starts),
            "output_mwh": mwh,
            "mean_load_frac": mwh / found.mean_year(np.asarray(r.at_once_mw))
            if run_h
            else 0.0,
            "gas_mmbtu": gas,
            "heat_rate_mmbtu_per_mwh": gas / mwh if mwh else 0.0,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("technology")
