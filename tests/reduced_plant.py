"""A year of real hours without commitment: the plant that other tools can solve too.

Gas, sun, wind, battery, import, export and shedding over 8,760 hours of Pecos;
:mod:`oracle` states it a second time, the benchmarks a third time in PyPSA.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import oracle
import pandas as pd
import plants

from energyopt.case import Case
from energyopt.inputs import Inputs

DESIGN_PRESSURE_PA = 101_325.0  # of the hour for which ``plants`` states the design
DATA = Path(__file__).parent.parent / "data"
WIND = {
    "kind": "wind",
    "max_mw": 800,
    "capital_usd_per_kw": 1_500,
    "om_fixed_usd_per_kw_yr": 30,
    "life_yr": 25,
    "om_variable_usd_per_mwh": 2,
    "hub_height_m": 110,
    "wake_loss_frac": 0.08,
    "land_km2_per_mw": 0.3,
}
SOLAR = plants.SOLAR | {
    "max_mw": 800,
    "capital_usd_per_kw": 1_100,
    "om_fixed_usd_per_kw_yr": 18,
    "life_yr": 25,
    "land_km2_per_mw": 0.02,
    "water_m3_per_mwh": 0.1,
}
BATTERY = plants.BATTERY | {
    "max_mw": 500,
    "max_mwh": 3_000,
    "min_hours_h": 0.5,
    "capital_usd_per_kw": 250,
    "capital_usd_per_kwh": 150,
    "om_fixed_usd_per_kw_yr": 6,
    "augmentation_usd_per_kwh_yr": 3,
    "charge_frac": 0.94,
    "discharge_frac": 0.95,
    "floor_frac": 0.05,
}


def table(name: str) -> pd.DataFrame:
    return pd.read_csv(DATA / f"{name}.csv", comment="#").iloc[:8760]


def as_arrays(made: Case, given: Inputs, design_pressure: float) -> oracle.Series:
    """Return the inputs that both formulations read, as plain arrays."""
    data = given.data
    plain = {name: data[name].values for name in oracle.PLAIN}
    return oracle.Series(
        **plain,
        design_pressure=design_pressure,
        month=pd.DatetimeIndex(data["local_time"].values).month.to_numpy(),
        week=np.asarray(given.week_of),
        share_frac={
            name: data[f"{name}/share_frac"].values
            for name, t in made.technologies.items()
            if t.kind in ("solar", "wind")
        },
    )


def reduced_case() -> Case:
    """Return the plant; gas starts for next to nothing and has no least load."""
    return plants.case(
        technologies={
            "gas": plants.GAS
            | {
                "unit_mw_iso": 40,
                "max_units": 20,
                "capital_usd_per_kw": 1_200,
                "om_fixed_usd_per_kw_yr": 15,
                "om_variable_usd_per_mwh": 4,
                "heat_rate_hhv_mmbtu_per_mwh": 9.2,
                "heat_rate_frac_per_c": 0.002,
                "derate_frac_per_c": 0.007,
                "auxiliary_frac": 0.02,
                "co2_t_per_mmbtu": 0.0531,
                "degradation_output_frac_per_yr": 0.002,
            },
            "solar": SOLAR,
            "wind": WIND,
            "battery": BATTERY,
            "grid": plants.GRID
            | {
                "mode": "export",
                "max_mw": 300,
                "capital_usd_per_kw": 150,
                "connection_usd_per_kw_yr": 45,
                "four_cp_usd_per_kw_yr": 60,
                "delivery_usd_per_mwh": 6,
                "export_basis_usd_per_mwh": 12,
                "availability_frac": 0.99,
                "co2_t_per_mwh": 0.4,
            },
        },
        site={"design_temp_c": 38.5},
        load={
            "facility_mw": 250,
            "lost_compute_usd_per_mwh": 200,
            "for_sale": True,
        },
        prices={"co2_usd_per_t": 40},
        finance={
            "wacc_nominal_frac": 0.08,
            "inflation_frac": 0.025,
            "owners_cost_frac": 0.08,
            "contingency_frac": 0.07,
            "construction_months": 18,
        },
        limits={"gpu_served_frac": 0.995},
    )


def reduced_inputs(made: Case, hours: int = 8760) -> Inputs:
    """Return the year's real hours (or the first ones), as both formulations read them."""
    names = ("pecos_2013_solar", "pecos_2013_wind", "ercot_da_2022")
    sun, wind, power = (table(name).iloc[:hours] for name in names)
    pue = 1.15 + 0.006 * np.maximum(sun["temp_air"].to_numpy() - 15, 0)
    # A price below zero asks the battery for a whole number: not in this test.
    zone, hub = (
        np.maximum(power[f"{name}_usd_per_mwh"].to_numpy(), 0)
        for name in ("lz_west", "hb_west")
    )
    columns = ("ghi", "dni", "dhi", "temp_air", "pressure", "wind_speed")
    return plants.inputs(
        made,
        hours,
        **{name: sun[name].to_numpy() for name in columns},
        **{
            name: wind[name].to_numpy()
            for name in ("wind_speed_100m", "wind_speed_120m")
        },
        pue=pue,
        demand_mw=250 / 1.291 * pue,
        gas_usd_per_mmbtu=3 + np.sin(np.arange(hours) / 8760 * 2 * np.pi),
        power_usd_per_mwh=zone,
        export_usd_per_mwh=np.minimum(hub, zone),
    )
