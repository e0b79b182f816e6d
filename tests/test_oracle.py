"""The same plant from two formulations that share nothing but its parameters."""

from __future__ import annotations

from ast import literal_eval
from functools import cache
from typing import Any

import numpy as np
import oracle
import pandas as pd
import plants
import pytest
from numpy.testing import assert_allclose
from pyomo.environ import TransformationFactory
from reduced_plant import (
    BATTERY,
    DESIGN_PRESSURE_PA,
    SOLAR,
    WIND,
    as_arrays,
    reduced_case,
    reduced_inputs,
)

from energyopt.case import Case
from energyopt.inputs import Inputs
from energyopt.model import build_model
from energyopt.results import Result, read_result
from energyopt.solve import solve_model


@pytest.mark.slow
def test_a_year_without_commitment_agrees_with_plain_matrices():
    """Gas, sun, wind, battery, import, export and shedding over 8,760 real hours.

    Whole numbers are let go in both. Compute worth 200 USD/MWh is for sale, so that
    the floor on energy served binds. By periods, as so large a model is solved unless
    told otherwise, the gap proven is 1e-6 too.
    """
    made = reduced_case()
    given = reduced_inputs(made)
    plant = build_model(made, given)
    TransformationFactory("core.relax_integer_vars").apply_to(plant.m)
    record = solve_model(plant.m, method="monolithic", threads=1)
    second = oracle.reduced_year(made, as_arrays(made, given, DESIGN_PRESSURE_PA))

    assert_allclose(1000 * record.objective, second.usd, rtol=1e-6)
    assert_allclose(record.bound, record.objective, rtol=1e-7)
    found = plant.m.plant
    sizes = {
        "gas": found["gas"].installed_units,
        "solar": found["solar"].capacity_mw,
        "wind": found["wind"].capacity_mw,
        "battery": found["battery"].power_mw,
        "grid": found["grid"].size_mw,
    }
    for name, size in sizes.items():
        assert_allclose(size.value, second.mw[name], rtol=1e-3)
    assert_allclose(found["battery"].energy_mwh.value, second.mwh["battery"], rtol=1e-3)
    unserved_mwh = sum(v.value for v in plant.m.unserved_mw.values())
    assert_allclose(unserved_mwh, second.energy_mwh["unserved"], rtol=1e-3)
    floor_mwh = 0.005 * float(given.data["demand_mw"].sum())
    assert_allclose(unserved_mwh, floor_mwh, rtol=0.1)  # in hot hours: more per IT MWh

    by_periods = solve_model(plant.m, gap_frac=1e-6, threads=1)
    assert by_periods.method == "decomposed"
    assert by_periods.gap_frac <= 1e-6
    assert_allclose(1000 * by_periods.objective, second.usd, rtol=1e-6)
    assert 1000 * by_periods.bound <= second.usd * (1 + 1e-8)


AERO = plants.GAS | {
    "unit_mw_iso": 17,
    "max_units": 3,
    "min_units": 1,
    "capital_usd_per_kw": 2_600,
    "om_fixed_usd_per_kw_yr": 18,
    "om_variable_usd_per_mwh": 8,
    "life_yr": 25,
    "heat_rate_hhv_mmbtu_per_mwh": 8.8,
    "heat_rate_frac_per_c": 0.002,
    "no_load_fuel_frac": 0.2,
    "min_load_frac": 0.5,
    "start_cost_usd_per_mw": 25,
    "start_fuel_mmbtu_per_mw": 0.8,
    "start_h": 0.1,
    "min_up_h": 3,
    "min_down_h": 2,
    "derate_frac_per_c": 0.007,
    "auxiliary_frac": 0.02,
    "degradation_output_frac_per_yr": 0.002,
    "degradation_heat_rate_frac_per_yr": 0.001,
    "inlet": "evaporative",
    "maintenance_weeks": 1,
    "co2_t_per_mmbtu": 0.0531,
    "nox_lb_per_mmbtu": 0.009,
    "nox_start_kg_per_mw": 0.05,
    "water_m3_per_mwh": 0.03,
    "land_km2_per_mw": 0.0001,
}
RECIP = AERO | {
    "unit_mw_iso": 9,
    "max_units": 4,
    "min_units": 3,
    "om_fixed_usd_per_kw_yr": 12,
    "om_variable_usd_per_mwh": 7,
    "life_yr": 20,
    "heat_rate_hhv_mmbtu_per_mwh": 8.3,
    "heat_rate_frac_per_c": 0,
    "no_load_fuel_frac": 0,
    "min_load_frac": 0,
    "start_cost_usd_per_mw": 6,
    "start_fuel_mmbtu_per_mw": 0.2,
    "min_up_h": 1,
    "min_down_h": 1,
    "derate_from_c": 30,
    "pressure_derate": False,
    "inlet": "none",
    "maintenance_weeks": 0,
    "nox_lb_per_mmbtu": 0.02,
}
COMBINED = AERO | {
    "unit_mw_iso": 31,
    "min_units": 2,
    "capital_usd_per_kw": 2_500,
    "om_variable_usd_per_mwh": 2,
    "life_yr": 30,
    "heat_rate_hhv_mmbtu_per_mwh": 7.6,
    "no_load_fuel_frac": 0.1,
    "min_load_frac": 0.3,
    "ramp_frac_per_h": 0.2,
    "start_cost_usd_per_mw": 150,
    "start_fuel_mmbtu_per_mw": 2,
    "start_h": 0.6,
    "min_up_h": 6,
    "min_down_h": 5,
    "inlet": "chiller",
}


def two_weeks(made: Case, hours: int = 336) -> Inputs:
    """Return hours over the end of June, of uneven weight, and dear at times.

    Fewer than 336 make two short weeks.
    """
    rng = np.random.default_rng(2013)
    hour, week = np.arange(hours), hours // 2
    day = np.sin((hour - 9) / 24 * 2 * np.pi)
    temp = 30 + 8 * day + rng.normal(0, 1.5, hours)
    pue = 1.15 + 0.006 * np.maximum(temp - 15, 0)
    load = 0.88 + 0.1 * np.sin((hour - 15) / 24 * 2 * np.pi)
    load += 0.02 * rng.uniform(-1, 1, hours)
    power = 45 + 25 * day + rng.normal(0, 8, hours)
    power[[week - 4, week - 3, hours - 9]] = [900, 1_400, 1_100]
    power[[3, 4, 5, hours - 3, hours - 2]] = [-30, -45, -38, -60, -25]
    cloud = np.repeat(rng.uniform(0.4, 1, hours // 8), 8)
    gust = np.convolve(rng.normal(0, 1, hours + 11), np.ones(12) / 12, "valid")
    given = plants.inputs(
        made,
        hours,
        weeks=[0] * week + [1] * week,
        weight=[0.4 * 8760 / week] * week + [0.6 * 8760 / week] * week,
        temp_air=temp,
        temp_wet_bulb=temp - 9 - 4 * day,
        pressure=91_000 + 200 * np.cos(hour / 40),
        pue=pue,
        demand_mw=made.load.facility_mw / 1.291 * pue * load,
        gas_usd_per_mmbtu=2.5 + (hour >= week) * 0.8,
        power_usd_per_mwh=power,
        export_usd_per_mwh=power - 1 - rng.uniform(0, 2, hours),
        solar__share_frac=np.clip(day * 1.2, 0, 0.97) * cloud,
        wind__share_frac=np.clip(0.35 + 0.7 * gust, 0, 0.95),
    )
    data = given.data
    local = pd.date_range("2013-07-01", periods=hours, freq="h")
    local -= pd.Timedelta(hours=week)
    data.coords["local_time"] = ("time", local)
    for name, values in made.technologies["grid"].series(data).items():
        data[f"grid/{name}"] = ("time", values)
    return given


def everything(
    mode: str, own: dict[str, dict[str, Any]] | None = None, **changes: Any
) -> Case:
    """Return a plant of 60 MW with every rule and limit, some of them changed."""
    grid = plants.GRID | {
        "mode": mode,
        "max_mw": 30,
        "min_mw": 5,
        "capital_usd": 1e6,
        "capital_usd_per_kw": 80,
        "connection_usd_per_kw_yr": 10,
        "four_cp_usd_per_kw_yr": 50,
        "delivery_usd_per_mwh": 7,
        "standby_usd_per_mwh": 15,
        "export_basis_usd_per_mwh": 3,
        "backup_mwh_per_yr": 15_000,
        "firm_credit_frac": 0.5,
        "availability_frac": 0.98,
        "co2_t_per_mwh": 0.4,
    }
    technologies = {
        "aero": AERO,
        "recip": RECIP,
        "combined": COMBINED,
        "solar": SOLAR | {"max_mw": 150},
        "wind": WIND | {"max_mw": 100},
        "battery": BATTERY
        | {
            "max_mw": 60,
            "max_mwh": 300,
            "block_mw": 4,
            "firm_credit_frac": 0.25,
            "land_km2_per_mwh": 0.0001,
        },
        "grid": grid,
    }
    own = own or {}
    base: dict[str, Any] = {
        "technologies": {n: t | own.get(n, {}) for n, t in technologies.items()},
        "site": {
            "design_temp_c": 38.5,
            "design_wet_bulb_c": 20,
            "fixed_capital_usd": {"substation": 9e6, "controls": 1e6},
        },
        "prices": {
            "co2_usd_per_t": 12,
            "nox_usd_per_t": 5_000,
            "water_usd_per_m3": 2,
        },
        "gas": {
            "lateral_usd": 15e6,
            "lateral_life_yr": 40,
            "lateral_mmbtu_per_h": 560,
        },
        "load": {"facility_mw": 60, "lost_compute_usd_per_mwh": 300},
        "finance": {
            "wacc_nominal_frac": 0.08,
            "inflation_frac": 0.025,
            "term_years": 22,
            "owners_cost_frac": 0.08,
            "contingency_frac": 0.07,
            "construction_months": 18,
        },
        "contingencies": {
            "hold_h": 0.25,
            "min_synchronous_units": 1,
            "min_grid_forming_mw": 15,
            "battery_swing_mw": 2,
        },
        "reliability": {"n_plus": 1, "units_in_maintenance": 1},
        "limits": {
            "co2_t_per_yr": 150_000,
            "nox_t_per_yr": 30,
            "water_m3_per_yr": 100_000,
            "land_km2": 30,
            "capital_usd": 900e6,
            "renewable_share_frac": 0.3,
            "gpu_served_frac": 0.999,
        },
    }
    return plants.case(**plants.merged(base, changes))


EXPORT: dict[str, Any] = {"mode": "export"}
BACKUP: dict[str, Any] = {"mode": "backup", "reliability": {"n_plus": None}}
ONE_COMBINED = plants.merged(
    BACKUP, {"own": {"combined": {"min_units": 1, "max_units": 1}}}
)
GRID_ONLY = {
    "mode": "parallel",
    "reliability": {"n_plus": None},
    "contingencies": {"unit": False, "battery_block": False},
}
BLOCK_ONLY = plants.merged(BACKUP, {"contingencies": {"unit": False, "grid": False}})
SHORT_OF_GAS = plants.merged(
    BACKUP,
    {
        "gas": {"lateral_mmbtu_per_h": 320},
        "own": {"solar": {"max_mw": 20}, "wind": {"max_mw": 0}},
        "limits": {"gpu_served_frac": 0.5, "renewable_share_frac": None},
    },
)
RULES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "co2": (EXPORT, {"limits": {"co2_t_per_yr": 120_000}}),
    "nox": (EXPORT, {"limits": {"nox_t_per_yr": 10}}),
    "water": (EXPORT, {"limits": {"water_m3_per_yr": 25_000}}),
    "land": (EXPORT, {"limits": {"land_km2": 1.5}}),
    "capital": (EXPORT, {"limits": {"capital_usd": 495e6}}),
    "renewable share": (EXPORT, {"limits": {"renewable_share_frac": 0.4}}),
    "floor on energy served": (
        EXPORT | {"load": {"lost_compute_usd_per_mwh": 40, "for_sale": True}},
        {"limits": {"gpu_served_frac": 0.9}},
    ),
    "load not for sale": (
        EXPORT | {"limits": {"gpu_served_frac": 0}},
        {"load": {"lost_compute_usd_per_mwh": 40, "for_sale": True}},
    ),
    "value of lost compute": (
        SHORT_OF_GAS | {"load": {"for_sale": True}},
        {"load": {"for_sale": False}},
    ),
    "co2 price": (EXPORT, {"prices": {"co2_usd_per_t": 60}}),
    "nox price": (EXPORT, {"prices": {"nox_usd_per_t": 50_000}}),
    "water price": (EXPORT, {"prices": {"water_usd_per_m3": 0}}),
    "gas line": (EXPORT, {"gas": {"lateral_mmbtu_per_h": 420}}),
    "finance term": (EXPORT, {"finance": {"term_years": 15}}),
    "construction": (EXPORT, {"finance": {"construction_months": 36}}),
    "standby budget": (BACKUP, {"own": {"grid": {"backup_mwh_per_yr": 5_000}}}),
    "coincident peaks": (
        plants.merged(
            SHORT_OF_GAS,
            {
                "mode": "parallel",
                "own": {"battery": {"max_mwh": 20}},
                "limits": {"co2_t_per_yr": None},
                "gas": {"lateral_mmbtu_per_h": 200},
                "load": {"lost_compute_usd_per_mwh": 20_000},
            },
        ),
        {"own": {"grid": {"four_cp_usd_per_kw_yr": 0}}},
    ),
    "N+2": (EXPORT, {"reliability": {"n_plus": 2}}),
    "one in maintenance": (EXPORT, {"reliability": {"units_in_maintenance": 0}}),
    "credit of the battery": (EXPORT, {"own": {"battery": {"firm_credit_frac": 0.5}}}),
    "loss of a unit": (BACKUP, {"contingencies": {"unit": False}}),
    "loss of the grid": (GRID_ONLY, {"contingencies": {"grid": False}}),
    "loss of a block": (BLOCK_ONLY, {"contingencies": {"battery_block": False}}),
    "of what is online": (ONE_COMBINED, {"contingencies": {"against": "online"}}),
    "hold time": (BACKUP, {"contingencies": {"hold_h": 0.6}}),
    "slow starts": (BACKUP, {"contingencies": {"hold_h": 0.05}}),
    "units turning": (BACKUP, {"contingencies": {"min_synchronous_units": 5}}),
    "grid-forming": (EXPORT, {"contingencies": {"min_grid_forming_mw": 75}}),
    "swing": (BACKUP, {"contingencies": {"battery_swing_mw": 6}}),
    "ramps": (EXPORT, {"own": {"combined": {"ramp_frac_per_h": 1}}}),
    "minimum up": (ONE_COMBINED, {"own": {"aero": {"min_up_h": 6}}}),
    "minimum down": (ONE_COMBINED, {"own": {"combined": {"min_down_h": 14}}}),
    "minimum load": (
        plants.merged(BACKUP, {"contingencies": {"min_synchronous_units": 4}}),
        {"own": {"recip": {"min_load_frac": 0.7}}},
    ),
    "no-load fuel": (ONE_COMBINED, {"own": {"combined": {"no_load_fuel_frac": 0.3}}}),
    "start fuel": (
        ONE_COMBINED,
        {"own": {"combined": {"start_fuel_mmbtu_per_mw": 20}}},
    ),
    "inlet cooling": (ONE_COMBINED, {"own": {"aero": {"inlet": "none"}}}),
    "maintenance": (ONE_COMBINED, {"own": {"combined": {"maintenance_weeks": 0}}}),
}


def both(
    made: Case, hours: int, *, gap_frac: float = 1e-8
) -> tuple[Result, oracle.Answer]:
    """Return the plant of the package, checked, and that of the plain matrices."""
    given = two_weeks(made, hours)
    plant = build_model(made, given)
    record = solve_model(plant.m, method="monolithic", gap_frac=gap_frac, threads=1)
    series = as_arrays(made, given, DESIGN_PRESSURE_PA)
    second = oracle.whole_plant(made, series, gap_frac=gap_frac)
    return read_result(plant, record), second


def assert_same_plant(first: Result, second: oracle.Answer) -> None:
    """Objectives to 1e-6; units, sizes, energy and limits where there is one answer."""
    usd = 1000 * first.record.objective
    assert_allclose(usd, second.usd, rtol=1e-6)
    assert first.record.gap_frac <= 1e-7
    assert_allclose(second.bound_usd, second.usd, rtol=1e-7)
    failed = [check for check in first.checks if not check.passed]
    assert not failed, failed
    again = first.recounted.technologies
    for name, units in second.units.items():
        assert again[name].units == units
    for name, mw in second.mw.items():
        assert_allclose(again[name].mw, mw, rtol=1e-4, atol=1e-3)
    for name, mwh in second.mwh.items():
        assert_allclose(again[name].mwh, mwh, rtol=1e-4, atol=1e-3)


@cache
def usual_usd(start: str) -> float:
    """Return the optimum before a rule is changed, by the plain matrices."""
    made = everything(**literal_eval(start))
    series = as_arrays(made, two_weeks(made, 24), DESIGN_PRESSURE_PA)
    return oracle.whole_plant(made, series).usd


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_binds_and_means_the_same_in_both(rule: str):
    """24 hours: the change moves the optimum, and in both to the same dollar."""
    start, change = RULES[rule]
    first, second = both(everything(**plants.merged(start, change)), 24)
    assert_same_plant(first, second)
    assert abs(second.usd / usual_usd(repr(start)) - 1) > 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["backup", "export"])
def test_two_weeks_with_everything_on_agree_with_plain_matrices(mode: str):
    """336 hours: commitment, weeks of maintenance, reserve, N+1, limits, prices."""
    first, second = both(everything(mode), 336)
    assert_same_plant(first, second)
    assert second.energy_mwh["combined.away"] == pytest.approx(8760)  # one, then one
    for name in ("aero", "recip", "combined"):
        starts = first.arrays[name]["starts_units"] @ first.inputs.data.weight_h.values
        assert_allclose(starts, second.energy_mwh[f"{name}.starts"], atol=1e-3)
        made_mwh = first.arrays[name]["output_mw"] @ first.inputs.data.weight_h.values
        assert_allclose(made_mwh, second.energy_mwh[name], rtol=1e-4, atol=1)
