"""What is read off a solved plant, against sums on paper."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from plants import (
    BATTERY,
    GAS,
    GRID,
    SOLAR,
    case,
    connection,
    machine,
    solved,
    store,
    written,
)

from energyopt import metrics
from energyopt.results import hourly
from energyopt.verify import Check, Trips

EXPORT = GRID | {"mode": "export", "export_basis_usd_per_mwh": 5}


@pytest.fixture(scope="module")
def exporting():
    """Return 50 MW of gas at 20 USD: 10 MW served, 40 sold at 35."""
    return solved(case(technologies={"gas": GAS, "grid": EXPORT}), 1)


def told(result):
    return metrics.summary(result, {"total": 1.0})


def test_lcoe_is_before_and_after_export_income(exporting):
    """1,000 USD of fuel over 10 MWh served: 100; after 1,400 of sales -40 USD/MWh.

    Over all 50 MWh made it would be 20 and -8.
    """
    found = told(exporting)
    assert_allclose(found["lcoe_usd_per_mwh"], 100)
    assert_allclose(found["lcoe_after_export_usd_per_mwh"], -40)
    assert_allclose(found["objective_usd_per_yr"], -400)
    assert_allclose(found["yearly_usd"], -400)


def test_lcoe_leaves_lost_compute_out():
    """200 USD for the 10 MWh served; with 2 MWh x 1,000 USD lost it would be 220.

    Behind a PUE of 1.25 that is 25 USD for each of 8 MWh of IT, of 9.6 asked.
    """
    gas = GAS | {"max_units": 1, "min_units": 1}
    found = told(solved(case(technologies={"gas": gas}), 1, demand_mw=12))
    assert_allclose(found["lcoe_usd_per_mwh"], 20)
    assert_allclose(found["lcoe_usd_per_mwh_it"], 25)
    assert_allclose(found["cost_usd_per_yr"]["lost_compute"], 2000)
    assert_allclose(found["unserved_mwh"], 2)


def test_lcoe_behind_the_pue_and_per_gpu_hour():
    """200 USD for 10 MWh of facility: 8 MWh of IT, 25 USD; 5,000 GPU-hours, 0.04 USD.

    A GPU takes 2 kW of facility power; taken as IT power it would be 0.05.
    """
    found = told(solved(case(), 1))
    assert_allclose(found["lcoe_usd_per_mwh_it"], 25)
    assert_allclose(found["lcoe_usd_per_gpu_h"], 0.04)


def test_lcoe_parts_add_up(exporting):
    """Lost compute and export income are not among them."""
    found = told(exporting)
    assert_allclose(
        sum(found["lcoe_parts_usd_per_mwh"].values()), found["lcoe_usd_per_mwh"]
    )
    assert not {"lost_compute", "export_income"} & set(found["lcoe_parts_usd_per_mwh"])


def test_nothing_served_costs_without_end():
    assert metrics.lcoe_usd_per_mwh(100, 0) == float("inf")


def test_uptime_counts_energy_not_hours():
    """1 MW short in one of four hours of 10: 97.5 % of energy, 75 % of full hours."""
    found = written(
        4, {"gas": GAS}, {"gas": machine(4)}, unserved=np.array([1, 0, 0, 0])
    )
    assert_allclose(metrics.gpu_served_frac(found), 0.975)
    assert_allclose(metrics.gpu_full_hours_frac(found), 0.75)
    assert_allclose(metrics.served_mwh(found), 39)


def test_a_solvers_rounding_leaves_an_hour_full():
    """10.5 W short of 10 MW is rounding, 20 W is not: half of the hours are full."""
    short = np.array([1.05e-5, 2e-5])
    found = written(2, {"gas": GAS}, {"gas": machine(2)}, unserved=short)
    assert_allclose(metrics.gpu_full_hours_frac(found), 0.5)


def test_uptime_counts_energy_behind_the_pue():
    """PUE 2 and 1, 10 MW: IT 5 and 10 MW. 5 MW short in hour 0: 2.5 of 15 MWh."""
    found = written(
        2, {"gas": GAS}, {"gas": machine(2)}, unserved=np.array([5, 0]), pue=[2, 1]
    )
    assert_allclose(metrics.gpu_served_frac(found), 1 - 2.5 / 15)


def test_hours_count_with_their_weight():
    """The short hour stands for three of four: 1 - 3 x 1 / 40, and a quarter full."""
    found = written(
        2,
        {"gas": GAS},
        {"gas": machine(2)},
        unserved=np.array([1, 0]),
        weight=[3, 1],
    )
    assert_allclose(metrics.gpu_served_frac(found), 1 - 3 / 40)
    assert_allclose(metrics.gpu_full_hours_frac(found), 0.25)


def mixed():
    """Return 5 MW of gas, 12 of 15 MW of sun, 4 charged, 1 out, 3 bought, 2 sold."""
    return written(
        1,
        {
            "gas": GAS,
            "solar": SOLAR,
            "battery": BATTERY | {"charge_frac": 0.75},
            "grid": EXPORT,
        },
        {
            "gas": machine(1, output=5),
            "solar": {"capacity_mw": 15.0, "output_mw": np.array([12.0])},
            "battery": store(1, charge=4),
            "grid": connection(1, bought=3, sold=2),
        },
        demand_mw=14,
        solar__share_frac=[1],
        weight=[2],
    )


def test_energy_by_use_closes():
    """2 h: gas 10, sun 24 and 6 curtailed, charged 8, bought 6, sold 4, served 28 MWh."""
    energy = metrics.energy_mwh(mixed())
    assert energy == {
        "gas": 10,
        "solar": 24,
        "solar_curtailed": 6,
        "battery_discharge": 0,
        "battery_charge": 8,
        "grid_import": 6,
        "grid_export": 4,
        "served": 28,
    }
    assert energy["served"] == 10 + 24 + 0 + 6 - 8 - 4


def test_energy_in_and_out_of_a_battery_is_told_apart():
    """4 MWh in and 3 out, not 1 net."""
    arrays = store(2) | {
        "charge_mw": np.array([4.0, 0.0]),
        "discharge_mw": np.array([0.0, 3.0]),
    }
    found = written(2, {"battery": BATTERY}, {"battery": arrays})
    energy = metrics.energy_mwh(found)
    assert_allclose([energy["battery_charge"], energy["battery_discharge"]], [4, 3])


def test_renewable_share_takes_exports_and_losses_off():
    """12 of sun - 2 sold - 1 lost of 4 charged = 9 of 14 MWh served."""
    assert_allclose(metrics.renewable_share_frac(mixed()), 9 / 14)


def test_renewable_share_is_never_negative():
    """No sun, 2 MW sold: 0, not -2 / 8."""
    found = written(
        1,
        {"gas": GAS, "grid": EXPORT},
        {"gas": machine(1), "grid": connection(1, sold=2)},
        demand_mw=8,
    )
    assert metrics.renewable_share_frac(found) == 0


def test_costs_by_category_and_asset_add_up():
    """Fuel of 5 MW for 2 h: 200 USD; 3 bought at 50: 300; 2 sold at 35: -140."""
    found = mixed()
    by = metrics.cost_by_category(found)
    assert_allclose(
        [by["fuel"], by["grid_energy"], by["export_income"]], [200, 300, -140]
    )
    table = metrics.cost_table(found)
    assert_allclose(table.to_numpy().sum(), sum(by.values()))
    assert_allclose(table.loc["gas", "fuel_usd_per_yr"], 200)
    assert_allclose(metrics.supply_cost_usd(found), 500)


def test_capital_table_splits_what_is_all_in():
    """10 M USD: owner 1, contingency 2, interest 10 % of 13 = 1.3: 14.3 M USD.

    For 10 MW of load 1,430 USD/kW.
    """
    gas = GAS | {"capital_usd_per_kw": 1000, "min_units": 1, "max_units": 1}
    made = case(
        technologies={"gas": gas},
        finance={
            "wacc_nominal_frac": 0.1,
            "owners_cost_frac": 0.1,
            "contingency_frac": 0.2,
            "construction_months": 24,
        },
    )
    result = solved(made, 1)
    row = metrics.capital_table(result).loc["gas"]
    assert_allclose(
        row[["direct_usd", "owners_usd", "contingency_usd", "interest_usd"]].to_list(),
        [10e6, 1e6, 2e6, 1.3e6],
    )
    assert_allclose(row["total_usd"], 14.3e6)
    assert_allclose(row["total_load_usd_per_kw"], 1430)
    found = told(result)
    assert_allclose([found["capital_usd"], found["capital_direct_usd"]], [14.3e6, 10e6])


def test_unit_table_says_how_a_type_ran():
    """Two hours of weight 2, one and two online, 5 and 20 MW: 6 unit-hours, 50 MWh.

    Mean load 50 / 60; one start of weight 2; a tenth of fuel at no load.
    Fuel 2 x (10 + 45) + 2 x (20 + 180) = 510 MMBtu, 10.2 a MWh.
    """
    arrays = machine(2, 2)
    arrays["online_units"] = np.array([1.0, 2.0])
    arrays["output_mw"] = np.array([5.0, 20.0])
    arrays["starts_units"] = np.array([0.0, 1.0])
    found = written(
        2,
        {"gas": GAS | {"no_load_fuel_frac": 0.1}, "grid": EXPORT},
        {"gas": arrays, "grid": connection(2)},
        weight=[2, 2],
    )
    table = metrics.unit_table(found, {"gas": arrays})
    assert list(table.index) == ["gas"]
    row = table.loc["gas"]
    assert_allclose(
        row[["units", "run_h", "starts_units", "output_mwh"]].to_list(), [2, 6, 2, 50]
    )
    assert_allclose(row["mean_load_frac"], 50 / 60)
    assert_allclose([row["gas_mmbtu"], row["heat_rate_mmbtu_per_mwh"]], [510, 10.2])


def test_unit_table_of_a_type_that_stands_still():
    arrays = machine(1, 1, 0, 0)
    found = written(1, {"gas": GAS}, {"gas": arrays})
    row = metrics.unit_table(found, {"gas": arrays}).loc["gas"]
    assert row["mean_load_frac"] == 0
    assert row["heat_rate_mmbtu_per_mwh"] == 0


def test_summary_states_emissions_water_and_fuel():
    """One hour of 10 MW from two units: 100 MMBtu, 5 t, 100 kg, 10 m3, on 2 km2."""
    gas = GAS | {
        "min_units": 2,
        "max_units": 2,
        "co2_t_per_mmbtu": 0.05,
        "nox_lb_per_mmbtu": 2.204622622,
        "water_m3_per_mwh": 1,
        "land_km2_per_mw": 0.1,
    }
    found = told(solved(case(technologies={"gas": gas}), 1))
    assert_allclose(
        [
            found[key]
            for key in (
                "gas_mmbtu_per_yr",
                "co2_t_per_yr",
                "nox_t_per_yr",
                "water_m3_per_yr",
                "land_km2",
                "peak_demand_mw",
            )
        ],
        [100, 5, 0.1, 10, 2, 10],
    )
    unit = {"kind": "gas_turbine", "units": 2, "mw": 20, "mwh": None}
    assert found["capacity"]["gas"] == unit | {"at_design_mw": 20}


def test_summary_of_an_answer_that_fails_says_so(exporting):
    """A failed check, or a trip that sheds, and the status is no longer optimal."""
    assert told(exporting)["status"] == exporting.record.status
    broken = replace(exporting, checks=[Check("any", 1.0, 0.5)])
    found = told(broken)
    assert found["status"] == "verification_failed"
    assert found["checks"] == {"any": {"passed": False, "worst": 1.0, "tolerance": 0.5}}
    shed = replace(exporting, trips=[Trips("one unit of gas", 1, 1, 5.0, 0, 5.0)])
    found = told(shed)
    assert found["status"] == "verification_failed"
    assert found["checks"]["contingency.one unit of gas"]["passed"] is False
    assert found["contingencies"][0]["worst_mwh"] == 5.0


def test_the_gap_is_told_in_money_per_mwh(exporting):
    """2 kUSD between plant and bound over 10 MWh: 200 USD/MWh."""
    record = replace(exporting.record, bound=exporting.record.objective - 2)
    found = told(replace(exporting, record=record))
    assert_allclose(found["gap_usd_per_mwh"], 200)
    assert_allclose(found["objective_usd_per_yr"] - found["bound_usd_per_yr"], 2000)


def test_every_hourly_array_has_a_unit_and_a_sentence(exporting):
    found = hourly(exporting)
    assert {"gas/output_mw", "gas/gas_mmbtu", "grid/export_mw"} <= set(found)
    assert_allclose(found["grid/export_mw"], [40])
    assert found["grid/export_mw"].attrs == {
        "units": "MW",
        "long_name": "Sold, at the plant's meter.",
    }
    own = [n for n in found.data_vars if n not in exporting.inputs.data]
    assert own
    assert all(found[n].attrs["units"] and found[n].attrs["long_name"] for n in own)


def test_the_marginal_price_is_among_the_hourly_arrays(exporting):
    priced = replace(exporting, power_price_usd_per_mwh=np.array([20.0]))
    found = hourly(priced)["plant/power_price_usd_per_mwh"]
    assert_allclose(found, [20])
    assert found.attrs["units"] == "USD/MWh"
