"""Tiny plants for tests: dicts to change, a few hours, round numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from energyopt.case import Case
from energyopt.inputs import Inputs
from energyopt.metrics import cost_by_category
from energyopt.model import PlantModel, build_model
from energyopt.results import Result, read_result
from energyopt.solve import SolveRecord, solve_model
from energyopt.verify import Recounted, recount

GAS = {
    "kind": "gas_turbine",
    "max_units": 5,
    "unit_mw_iso": 10,
    "capital_usd_per_kw": 0,
    "om_fixed_usd_per_kw_yr": 0,
    "om_variable_usd_per_mwh": 0,
    "life_yr": 20,
    "heat_rate_hhv_mmbtu_per_mwh": 10,
    "no_load_fuel_frac": 0,
    "min_load_frac": 0,
    "ramp_frac_per_h": 10,
    "start_cost_usd_per_mw": 0.01,  # a start of 10 MW: 10 cents
    "start_fuel_mmbtu_per_mw": 0,
    "start_h": 0.1,
    "derate_frac_per_c": 0,
    "auxiliary_frac": 0,
    "maintenance_weeks": 0,
    "co2_t_per_mmbtu": 0,
    "nox_lb_per_mmbtu": 0,
}
BATTERY = {
    "kind": "battery",
    "max_mw": 100,
    "max_mwh": 1000,
    "min_hours_h": 0,
    "capital_usd_per_kw": 0,
    "capital_usd_per_kwh": 0,
    "om_fixed_usd_per_kw_yr": 0,
    "augmentation_usd_per_kwh_yr": 0,
    "life_yr": 20,
    "charge_frac": 1,
    "discharge_frac": 1,
    "floor_frac": 0,
    "block_mw": 1,
}
GRID = {
    "kind": "grid",
    "mode": "parallel",
    "max_mw": 100,
    "co2_t_per_mwh": 0,
}
SOLAR = {
    "kind": "solar",
    "max_mw": 100,
    "capital_usd_per_kw": 0,
    "om_fixed_usd_per_kw_yr": 0,
    "life_yr": 20,
    "dc_ac_ratio": 1.3,
    "ground_coverage_frac": 0.35,
    "losses_frac": 0.14,
}
WIND = {
    "kind": "wind",
    "max_mw": 100,
    "capital_usd_per_kw": 0,
    "om_fixed_usd_per_kw_yr": 0,
    "life_yr": 20,
    "hub_height_m": 100,
    "wake_loss_frac": 0,
}
FUEL_STORE = {
    "kind": "fuel_store",
    "tank_mmbtu": 100,
    "heat_rate_hhv_mmbtu_per_mwh": 10,
    "capital_usd_per_mmbtu": 0,
    "fuel_usd_per_mmbtu": 0,
    "life_yr": 20,
}
EXAMPLES = {
    example["kind"]: example
    for example in (GAS, BATTERY, FUEL_STORE, GRID, SOLAR, WIND)
}
"""One of each kind: a new technology needs its own here."""
CASE: dict[str, Any] = {
    "name": "tiny",
    "site": {
        "latitude_deg": 30,
        "longitude_deg": -100,
        "elevation_m": 0,
        "utc_offset_h": -6,
        "design_temp_c": 15,
        "design_wet_bulb_c": 15,
    },
    "weather": {"years": [{"solar_table": "none"}]},
    "prices": {
        "year": 2025,
        "power": {
            "table": "none",
            "column": "none",
            "basis": "flat",
            "flat_usd_per_mwh": 50,
        },
    },
    "gas": {"hub_usd_per_mmbtu": 2, "basis_usd_per_mmbtu": 0},
    "load": {
        "facility_mw": 10,
        "pue_by_temp_c": [[15, 1.25]],
        "lost_compute_usd_per_mwh": 1000,
        "kw_per_gpu": 2,
    },
    "technologies": {"gas": GAS},
    "finance": {"wacc_nominal_frac": 0, "inflation_frac": 0, "term_years": 20},
    "contingencies": None,
    "limits": {"gpu_served_frac": 0},
    "solve": {"method": "monolithic", "gap_frac": 1e-9},
}


def merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of ``base`` with nested changes; lists are replaced."""
    found = dict(base)
    for key, change in changes.items():
        inner = found.get(key)
        whole = key == "technologies" or not isinstance(inner, dict)
        found[key] = (
            change if whole or not isinstance(change, dict) else merged(inner, change)
        )
    return found


def case(**changes: Any) -> Case:
    """Return the tiny case with changes by section."""
    return Case.model_validate(merged(CASE, changes))


def inputs(
    made: Case,
    hours: int,
    *,
    weeks: list[int] | None = None,
    years: int = 1,
    chains: tuple[range, ...] | None = None,
    weight: list[float] | None = None,
    **series: Any,
) -> Inputs:
    """Return inputs of a few hours; a series is a number or a list.

    ``demand_mw`` (the whole facility) and ``pue`` stand for the load; a technology's
    own series are given as ``solar__share_frac=[...]``, or made by the technology.
    """
    plain = {
        "temp_air": 15.0,
        "temp_wet_bulb": 15.0,
        "pressure": 101_325.0,
        "ghi": 0.0,
        "dni": 0.0,
        "dhi": 0.0,
        "wind_speed_100m": 0.0,
        "wind_speed_120m": 0.0,
        "demand_mw": made.load.facility_mw,
        "pue": 1.25,
        "gas_usd_per_mmbtu": made.gas.hub_usd_per_mmbtu,
        "power_usd_per_mwh": 50.0,
        "export_usd_per_mwh": 40.0,
    }
    given = {k: v for k, v in series.items() if "__" not in k}
    shared = _weather(made, plain | given, hours, years, weeks or [0] * hours)
    shared["weight_h"] = ("time", _hourly(weight or 1.0, hours))
    at_design = {
        "temp_air": made.site.design_temp_c,
        "temp_wet_bulb": made.site.design_wet_bulb_c,
    }
    design_hour = _weather(made, plain | at_design, 1, 1, [0])
    design_hour["weight_h"] = ("time", [1.0])
    design, found = {}, {}
    own = {k.replace("__", "/"): v for k, v in series.items() if "__" in k}
    for name, technology in made.technologies.items():
        mine = {k: v for k, v in own.items() if k.startswith(f"{name}/")}
        design[name] = {}
        if not mine:
            mine = {f"{name}/{k}": v for k, v in technology.series(shared).items()}
            at_design = technology.series(design_hour)
            design[name] = {k: float(np.ravel(v)[0]) for k, v in at_design.items()}
        found |= {path: ("time", _hourly(v, hours)) for path, v in mine.items()}
    shared = shared.assign(found)
    length = hours // years
    spans = tuple(range(y * length, (y + 1) * length) for y in range(years))
    return Inputs(
        data=shared,
        design=design,
        chains=chains or spans,
        years=spans,
        week_of=list(weeks or [0] * hours),
        notes=[],
        tables=[],
    )


def _weather(
    made: Case, series: dict[str, Any], hours: int, years: int, weeks: list[int]
) -> xr.Dataset:
    """Return the shared series, each a number or a list."""
    data = {name: ("time", _hourly(v, hours)) for name, v in series.items()}
    data["it_mw"] = ("time", data["demand_mw"][1] / data["pue"][1])
    time = pd.date_range("2013-01-01T06:00", periods=hours, freq="h")
    return xr.Dataset(
        data,
        coords={
            "time": time,
            "local_time": ("time", time - pd.Timedelta(hours=6)),
            "year_index": ("time", np.repeat(np.arange(years), hours // years)),
            "week_index": ("time", np.asarray(weeks)),
        },
        attrs={"latitude_deg": 30.0, "longitude_deg": -100.0, "elevation_m": 0.0},
    )


def _hourly(values: Any, hours: int) -> Any:
    return np.broadcast_to(np.asarray(values, dtype=float), (hours,)).copy()


def built(made: Case, hours: int, **series: Any) -> PlantModel:
    """Return the model of a tiny case, not yet solved."""
    return build_model(made, inputs(made, hours, **series))


def solve(plant: PlantModel) -> SolveRecord:
    """Solve a built model to the end, on one thread."""
    spec = plant.case.solve
    return solve_model(plant.m, method=spec.method, gap_frac=spec.gap_frac, threads=1)


def solved(made: Case, hours: int, **series: Any) -> Result:
    """Return the solved and recounted plant; every check must have passed."""
    plant = built(made, hours, **series)
    result = read_result(plant, solve(plant))
    failed = [c for c in result.checks if not c.passed]
    assert not failed, failed
    return result


def machine(
    hours: int,
    installed: float = 1,
    online: float = 1,
    output: float = 10.0,
    *,
    starts: float = 0.0,
    begins: float = 0.0,
    weeks: int = 1,
) -> dict[str, Any]:
    """Return arrays of gas units as they would be read from a solved model."""
    each = np.ones(hours)
    return {
        "installed_units": float(installed),
        "online_units": each * online,
        "starts_units": each * starts,
        "output_mw": each * output,
        "begins_units": np.ones(weeks) * begins,
    }


def store(
    hours: int,
    *,
    power: float = 10.0,
    energy: float = 0.0,
    stored: float = 0.0,
    charge: float = 0.0,
    discharge: float = 0.0,
    swing: float = 0.0,
) -> dict[str, Any]:
    """Return arrays of a battery as they would be read from a solved model."""
    each = np.ones(hours)
    return {
        "power_mw": power,
        "energy_mwh": energy,
        "swing_mw": swing,
        "charge_mw": each * charge,
        "discharge_mw": each * discharge,
        "ready_mw": each * 0,
        "stored_mwh": each * stored,
    }


def connection(
    hours: int, *, size: float = 10.0, bought: float = 0.0, sold: float = 0.0
) -> dict[str, Any]:
    """Return arrays of a grid connection as they would be read."""
    each = np.ones(hours)
    return {"size_mw": size, "import_mw": each * bought, "export_mw": each * sold}


def written(
    hours: int,
    technologies: dict[str, Any],
    arrays: dict[str, Any],
    *,
    unserved: Any = 0.0,
    changes: dict[str, Any] | None = None,
    **series: Any,
) -> Recounted:
    """Return the recount of a plant whose arrays are written down, not solved."""
    made = case(
        **merged({"technologies": technologies, "contingencies": {}}, changes or {})
    )
    plant = {"unserved_mw": np.ones(hours) * unserved}
    return recount(made, inputs(made, hours, **series), {**arrays, "plant": plant})


def money(result: Result) -> dict[str, float]:
    """Return the yearly cost by category. [USD/yr]"""
    return cost_by_category(result.recounted)


def objective_usd(result: Result) -> float:
    """Return the objective. [USD/yr]"""
    return 1000 * result.record.objective
