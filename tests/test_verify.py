"""The checks: a good answer passes, a spoiled one is refused, and trips by hand.

Most plants here are not solved: their arrays are written down, so that the checks
stand alone against a sum on paper.
"""

from __future__ import annotations

import copy
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

from energyopt.verify import (
    Check,
    Trips,
    checks,
    contingency_sweep,
    recount,
)

# A solved plant, spoiled


@pytest.fixture(scope="module")
def good():
    """Return a solved plant with everything on: eight hours, two weeks."""
    gas = GAS | {
        "capital_usd_per_kw": 0.1,
        "no_load_fuel_frac": 0.2,
        "min_load_frac": 0.5,
        "min_up_h": 2,
        "min_down_h": 2,
        "ramp_frac_per_h": 0.6,
        "start_cost_usd_per_mw": 1,
        "maintenance_weeks": 1,
        "co2_t_per_mmbtu": 0.05,
        "nox_lb_per_mmbtu": 0.1,
        "water_m3_per_mwh": 0.1,
        "land_km2_per_mw": 0.01,
    }
    battery = BATTERY | {
        "capital_usd_per_kw": 0.01,
        "capital_usd_per_kwh": 0.01,
        "charge_frac": 0.9,
        "discharge_frac": 0.9,
        "floor_frac": 0.1,
        "max_mw": 20,
        "min_mw": 5,
    }
    grid = GRID | {"mode": "export", "max_mw": 20, "min_mw": 1}
    made = case(
        technologies={
            "gas": gas,
            "battery": battery,
            "grid": grid,
            "solar": SOLAR | {"max_mw": 20},
        },
        contingencies={},
        reliability={"n_plus": 1},
        gas={"lateral_mmbtu_per_h": 1000, "lateral_usd": 10},
        site={"fixed_capital_usd": {"substation": 20}},
    )
    return solved(
        made,
        8,
        demand_mw=[10, 20, 15, 12, 10, 8, 9, 10],
        weeks=[0] * 4 + [1] * 4,
        solar__share_frac=[0, 0.5, 1, 0.2, 0, 0, 0.3, 0.4],
        power_usd_per_mwh=[10, 80, 90, 10, 60, 10, 70, 80],
        export_usd_per_mwh=[5, 60, 60, 5, 60, 5, 60, 60],
    )


def failed(result, arrays=None, **money):
    """Return the names of the checks that a result with these arrays fails."""
    found = recount(result.case, result.inputs, arrays or result.arrays)
    money = {
        "objective_kusd": result.record.objective,
        "bound_kusd": result.record.bound,
        "cost_usd": result.recounted.cost_usd,
    } | money
    return {c.name for c in checks(found, **money) if not c.passed}


def spoiled(result, technology, variable, change):
    """Return the arrays with one of them changed by a function."""
    arrays = copy.deepcopy({k: dict(v) for k, v in result.arrays.items()})
    arrays[technology][variable] = change(arrays[technology][variable])
    return arrays


def test_a_good_answer_passes(good):
    assert failed(good) == set()


def at(hour, change):
    """Return a function that changes one entry of an array."""

    def changed(values):
        values[hour] = change(values[hour])
        return values

    return changed


@pytest.mark.parametrize(
    ("technology", "variable", "change", "check"),
    [
        ("gas", "output_mw", at(0, lambda v: v + 60), "gas.full_load_mw"),
        ("gas", "output_mw", at(0, lambda v: v + 1), "power_balance_mw"),
        ("gas", "output_mw", at(0, lambda v: v - 1), "power_balance_mw"),
        ("gas", "output_mw", lambda v: 0 * v, "gas.minimum_load_mw"),
        ("gas", "output_mw", at(3, lambda v: v + 60), "gas.ramp_up_mw"),
        ("gas", "output_mw", at(3, lambda v: v + 60), "gas.ramp_down_mw"),
        ("gas", "output_mw", at(3, lambda v: v + 200), "gas_line_mmbtu"),
        ("gas", "online_units", at(0, lambda v: v + 0.5), "gas.whole_units"),
        ("gas", "online_units", lambda v: v + 5, "gas.in_service_units"),
        ("gas", "online_units", lambda v: v - 5, "gas.not_negative_units"),
        ("gas", "starts_units", lambda v: 0 * v, "gas.starts_units"),
        ("gas", "starts_units", lambda v: v + 5, "gas.minimum_up_units"),
        ("gas", "starts_units", lambda v: v + 5, "gas.minimum_down_units"),
        ("gas", "starts_units", lambda v: v - 1, "gas.starts_units"),
        ("gas", "installed_units", lambda v: v + 6, "gas.bounds_units"),
        ("gas", "installed_units", lambda v: 2.0, "installed_margin_mw"),
        ("gas", "installed_units", lambda v: v + 0.5, "gas.whole_units"),
        ("gas", "begins_units", lambda v: 0 * v, "gas.maintenance_units"),
        ("gas", "begins_units", at(0, lambda v: -1), "gas.not_negative_units"),
        (
            "battery",
            "stored_mwh",
            at(0, lambda v: v + 1),
            "battery.storage_balance_mwh",
        ),
        ("battery", "stored_mwh", lambda v: v + 1000, "battery.full_mwh"),
        ("battery", "stored_mwh", lambda v: 0 * v, "battery.floor_mwh"),
        ("battery", "charge_mw", lambda v: v + 20, "battery.converter_mw"),
        ("battery", "discharge_mw", lambda v: v + 20, "battery.converter_mw"),
        ("battery", "discharge_mw", lambda v: v - 20, "battery.not_negative_mw"),
        ("battery", "ready_mw", lambda v: v + 21, "battery.ready_power_mw"),
        ("battery", "ready_mw", lambda v: v + 2000, "battery.ready_energy_mwh"),
        ("battery", "power_mw", lambda v: 30.0, "battery.bounds_mw"),
        ("battery", "power_mw", lambda v: 0.5, "battery.bounds_mw"),
        ("battery", "energy_mwh", lambda v: 2000.0, "battery.bounds_mw"),
        ("battery", "swing_mw", lambda v: v + 20, "battery.converter_mw"),
        ("grid", "import_mw", lambda v: v + 20, "grid.import_mw"),
        ("grid", "export_mw", lambda v: v + 20, "grid.export_mw"),
        ("grid", "import_mw", lambda v: v - 20, "grid.not_negative_mw"),
        ("grid", "size_mw", lambda v: 21.0, "grid.bounds_mw"),
        ("grid", "size_mw", lambda v: 0.5, "grid.bounds_mw"),
        ("solar", "output_mw", lambda v: v + 1, "solar.available_mw"),
        ("solar", "output_mw", lambda v: v - 1, "solar.not_negative_mw"),
        ("solar", "capacity_mw", lambda v: 21.0, "solar.bounds_mw"),
        ("plant", "unserved_mw", lambda v: v - 1, "unserved_mw"),
        ("plant", "unserved_mw", lambda v: v + 100, "unserved_mw"),
        ("plant", "unserved_mw", lambda v: v + 1, "limits.gpu_served_frac"),
    ],
)
def test_a_spoiled_array_is_refused(good, technology, variable, change, check):
    found = good
    if check == "limits.gpu_served_frac":
        limits = good.case.limits.model_copy(update={"gpu_served_frac": 0.999})
        found = replace(good, case=good.case.model_copy(update={"limits": limits}))
    assert check in failed(found, spoiled(good, technology, variable, change))


def test_both_ways_at_once_is_refused(good):
    """1 MW more in and 0.81 more out changes nothing stored; it is found all the same."""
    arrays = spoiled(good, "battery", "charge_mw", lambda v: v + 1)
    arrays["battery"]["discharge_mw"] = arrays["battery"]["discharge_mw"] + 0.81
    assert "battery.both_ways_mw" in failed(good, arrays)
    arrays = spoiled(good, "grid", "import_mw", lambda v: v + 1)
    arrays["grid"]["export_mw"] = arrays["grid"]["export_mw"] + 1
    assert "grid.both_ways_mw" in failed(good, arrays)


def test_not_a_number_is_refused_wherever_it_stands(good):
    for technology, variables in good.arrays.items():
        for variable, values in variables.items():
            if technology == "plant" and variable != "unserved_mw":
                continue  # what carries the load is worked out again, not read
            if variable in {"any_units", "any_block", "connected", "buying"}:
                continue  # flags are worked out again from the sizes
            if np.ndim(values) == 0:
                arrays = spoiled(good, technology, variable, lambda v: float("nan"))
            else:
                arrays = spoiled(good, technology, variable, at(0, lambda v: np.nan))
            with np.errstate(invalid="ignore"):
                try:
                    assert failed(good, arrays), f"{technology}/{variable}"
                except ValueError:
                    assert variable == "installed_units"  # no whole number of units


def test_not_a_number_never_passes():
    assert not Check("any", float("nan"), 1.0).passed
    assert Check("any", 1.0, 1.0).passed
    assert not Check("any", 1.1, 1.0).passed


def test_money_in_another_category_is_refused(good):
    """100 USD of fuel booked as O&M: the sum holds, the categories do not."""
    shifted = dict(good.recounted.cost_usd)
    shifted["gas", "fuel"] -= 100
    shifted["gas", "om_variable"] += 100
    assert failed(good, cost_usd=shifted) == {"cost_by_category"}


def test_a_cost_that_only_the_model_knows_is_refused(good):
    more = dict(good.recounted.cost_usd) | {("gas", "unheard_of"): 100.0}
    assert failed(good, cost_usd=more) == {"cost_by_category"}


def test_an_objective_that_is_not_the_sum_of_costs_is_refused(good):
    off = good.record.objective + 1
    assert failed(good, objective_kusd=off) == {"cost_sum_is_objective"}


def test_a_bound_above_the_objective_is_refused(good):
    bound = good.record.objective + 1
    assert failed(good, bound_kusd=bound) == {"bound_below_objective"}


def test_both_ways_is_allowed_half_a_kilowatt_and_no_other_law(good):
    """0.0005 MW in and out at once is a solver's rounding; of unserved load it is not."""
    arrays = spoiled(good, "grid", "import_mw", lambda v: v + 5e-4)
    arrays["grid"]["export_mw"] = arrays["grid"]["export_mw"] + 5e-4
    assert "grid.both_ways_mw" not in failed(good, arrays)
    arrays = spoiled(good, "solar", "output_mw", lambda v: v + 5e-4)
    assert "solar.available_mw" in failed(good, arrays)


# Plants written down


def check(found, name):
    """Return one check of a written plant."""
    made = checks(found, objective_kusd=0, bound_kusd=0, cost_usd={})
    return next(c for c in made if c.name == name)


def test_reserve_at_once_is_worked_out_again():
    """Two units of 10 MW online for 12 MW: one left, short by 2 MW."""
    found = written(1, {"gas": GAS}, {"gas": machine(1, 2, 2, 12)}, demand_mw=12)
    assert_allclose(check(found, "reserve_at_once.gas_mw").worst, 2)


def test_reserve_at_once_names_its_worst_hour():
    """12, 15, 11 MW: short by 5 MW in hour 1."""
    found = written(3, {"gas": GAS}, {"gas": machine(3, 2, 2)}, demand_mw=[12, 15, 11])
    found_check = check(found, "reserve_at_once.gas_mw")
    assert found_check.hour == 1
    assert_allclose(found_check.worst, 5)


def test_a_battery_counts_by_the_energy_it_holds_in_the_check():
    """1 MWh above the floor at 0.8 for a quarter of an hour: 3.2 of 10 MW.

    One unit of 10 MW carries nothing after its loss: 10 - 3.2 = 6.8 MW short.
    """
    battery = BATTERY | {"discharge_frac": 0.8, "floor_frac": 0.1}
    found = written(
        1,
        {"gas": GAS, "battery": battery},
        {"gas": machine(1), "battery": store(1, energy=10, stored=2)},
    )
    assert_allclose(check(found, "reserve_at_once.gas_mw").worst, 6.8)


@pytest.mark.parametrize("stored", [[3.0, 1.0], [1.0, 3.0]])
def test_a_battery_counts_by_the_lesser_of_before_and_after(stored):
    """10 MW in hour 0 only, 1 MWh before or after it: 4 of 10 MW, 6 short.

    By the 3 MWh on its other side it would carry all 10.
    """
    found = written(
        2,
        {"gas": GAS, "battery": BATTERY},
        {
            "gas": machine(2),
            "battery": store(2, energy=10) | {"stored_mwh": np.array(stored)},
        },
        demand_mw=[10, 0],
    )
    assert_allclose(check(found, "reserve_at_once.gas_mw").worst, 6)


def test_a_battery_counts_by_its_power_in_the_check():
    """4 MW less 1 for swings, however much is stored: 10 - 3 = 7 MW short."""
    found = written(
        1,
        {"gas": GAS, "battery": BATTERY},
        {
            "gas": machine(1),
            "battery": store(1, power=4, swing=1, energy=99, stored=99),
        },
    )
    assert_allclose(check(found, "reserve_at_once.gas_mw").worst, 7)


def test_a_lost_block_is_short_at_once_and_later():
    """10 MW out of a battery of 12 in blocks of 4: 8 left at once, 2 MW short.

    Later the plan of 10 MW less a block is 6: 4 MW short.
    """
    found = written(
        1,
        {"battery": BATTERY | {"block_mw": 4}},
        {"battery": store(1, power=12, energy=99, stored=50, discharge=10)},
    )
    assert_allclose(check(found, "reserve_at_once.battery_mw").worst, 2)
    assert_allclose(check(found, "reserve_sustained.battery_mw").worst, 4)


@pytest.mark.parametrize("objective", [400, -400])
def test_money_is_held_against_the_size_of_the_objective(objective):
    """200 USD of fuel; the model says 100, an objective of 400 USD or -400, bound + 100.

    Fuel 100 / 400 off; the sum 200 / 400 or 600 / 400; the bound 100 / 400.
    """
    found = written(1, {"gas": GAS}, {"gas": machine(1)})
    made = {
        c.name: c.worst
        for c in checks(
            found,
            objective_kusd=objective / 1000,
            bound_kusd=(objective + 100) / 1000,
            cost_usd={("gas", "fuel"): 100.0},
        )
    }
    assert_allclose(made["cost_by_category"], 0.25)
    assert_allclose(made["cost_sum_is_objective"], abs(200 - objective) / 400)
    assert_allclose(made["bound_below_objective"], 0.25)


@pytest.mark.parametrize(("start_h", "short"), [(0.25, 0), (0.5, 10)])
def test_reserve_through_a_repair_is_worked_out_again(start_h, short):
    """The second unit stands still: there in time, or 10 MW short."""
    gas = GAS | {"start_h": start_h}
    found = written(1, {"gas": gas}, {"gas": machine(1, 2, 1)})
    assert_allclose(check(found, "reserve_sustained.gas_mw").worst, short)


@pytest.mark.parametrize(("against", "short"), [("installed", 10), ("online", 0)])
def test_a_unit_that_stands_still_is_lost_or_not(against, short):
    """Sun carries the 10 MW exactly; an idle unit of 10 MW is installed."""
    found = written(
        1,
        {"gas": GAS, "solar": SOLAR},
        {
            "gas": machine(1, 1, 0, 0),
            "solar": {"capacity_mw": 10.0, "output_mw": np.array([10.0])},
        },
        changes={"contingencies": {"against": against}},
        solar__share_frac=[1],
    )
    made = {
        c.name: c for c in checks(found, objective_kusd=0, bound_kusd=0, cost_usd={})
    }
    name = "reserve_at_once.gas_mw"
    assert_allclose(made[name].worst if name in made else 0, short)


@pytest.mark.parametrize(
    ("asked", "name", "short"),
    [
        ({"min_synchronous_units": 3}, "synchronous_units", 2),
        ({"min_grid_forming_mw": 12}, "grid_forming_mw", 2),
        ({"battery_swing_mw": 3}, "battery_swing_mw", 3),
    ],
)
def test_other_security_is_worked_out_again(asked, name, short):
    """One unit of 10 MW online and no battery."""
    found = written(
        1, {"gas": GAS}, {"gas": machine(1)}, changes={"contingencies": asked}
    )
    assert_allclose(check(found, name).worst, short)


def test_the_installed_margin_is_worked_out_again():
    """30 and three of 5 MW for 20; without the 30 and a 5 there are 10: 10 MW short."""
    found = written(
        1,
        {
            "big": GAS | {"unit_mw_iso": 30},
            "small": GAS | {"unit_mw_iso": 5},
            "grid": GRID | {"firm_credit_frac": 0},
        },
        {"big": machine(1), "small": machine(1, 3, 0, 0), "grid": connection(1)},
        changes={"reliability": {"n_plus": 1}, "load": {"facility_mw": 20}},
    )
    assert_allclose(check(found, "installed_margin_mw").worst, 10)


def test_the_installed_margin_where_all_units_are_missing():
    """Two lost of one: nothing is left of 10 MW, 10 are short."""
    found = written(
        1, {"gas": GAS}, {"gas": machine(1)}, changes={"reliability": {"n_plus": 1}}
    )
    assert_allclose(check(found, "installed_margin_mw").worst, 10)


def test_the_installed_margin_of_many_types_and_losses():
    """Two each of 1, 2, 3 and 4 MW, seven lost: 1 of 20 MW is left, 9 short of 10."""
    sizes = (1, 2, 3, 4)
    found = written(
        1,
        {f"gas_{mw}": GAS | {"unit_mw_iso": mw} for mw in sizes},
        {f"gas_{mw}": machine(1, 2, 0, 0) for mw in sizes},
        changes={"reliability": {"n_plus": 5, "units_in_maintenance": 2}},
    )
    assert_allclose(check(found, "installed_margin_mw").worst, 9)


def test_the_installed_margin_counts_what_is_credited():
    """The same with 40 % of a connection of 10 MW: 6 MW short."""
    found = written(
        1,
        {
            "big": GAS | {"unit_mw_iso": 30},
            "small": GAS | {"unit_mw_iso": 5},
            "grid": GRID | {"firm_credit_frac": 0.4},
        },
        {"big": machine(1), "small": machine(1, 3, 0, 0), "grid": connection(1)},
        changes={"reliability": {"n_plus": 1}, "load": {"facility_mw": 20}},
    )
    assert_allclose(check(found, "installed_margin_mw").worst, 6)


EMITTING = GAS | {
    "co2_t_per_mmbtu": 0.05,
    "nox_lb_per_mmbtu": 2.204622622,
    "water_m3_per_mwh": 1,
    "land_km2_per_mw": 0.1,
    "capital_usd_per_kw": 1000,
}


@pytest.mark.parametrize(
    ("limit", "value", "over"),
    [
        ("co2_t_per_yr", 8, (10 - 8) / 8),
        ("nox_t_per_yr", 0.1, 0.2 - 0.1),
        ("water_m3_per_yr", 16, (20 - 16) / 16),
        ("land_km2", 0.5, 1 - 0.5),
        ("capital_usd", 8e6, (12e6 - 8e6) / 8e6),
        ("renewable_share_frac", 0.3, 0.3),
        ("gpu_served_frac", 0.95, 0.05),
    ],
)
def test_a_limit_that_is_broken_is_found(limit, value, over):
    """20 MWh of gas: 10 t, 200 kg, 20 m3, 1 km2, no sun.

    Capital 10 M USD, and a fifth for the owner. 1 of 10 MW is unserved: 0.9 served.
    """
    found = written(
        2,
        {"gas": EMITTING},
        {"gas": machine(2)},
        unserved=1,
        demand_mw=10,
        changes={"limits": {limit: value}, "finance": {"owners_cost_frac": 0.2}},
    )
    assert_allclose(check(found, f"limits.{limit}").worst, over)


def test_limits_count_hours_with_their_weight():
    """Years that weigh one and three, of an hour of 2 and one of 6: 8 h a year each.

    5 and 10 t an hour are 40 and 80 t a year; unweighted 5 and 10, against 64 t.
    """
    arrays = machine(2)
    arrays["output_mw"] = np.array([10.0, 20.0])
    arrays["online_units"] = np.array([1.0, 2.0])
    found = written(
        2,
        {"gas": EMITTING},
        {"gas": arrays},
        demand_mw=[10, 20],
        changes={"limits": {"co2_t_per_yr": 64}},
        years=2,
        weight=[2, 6],
    )
    assert_allclose(check(found, "limits.co2_t_per_yr").worst, (80 - 64) / 64)


def test_a_limit_is_checked_in_each_year_or_on_the_mean():
    """Years of 5 and 10 t: 8 t are broken by a quarter in the second, not on the mean."""
    arrays = machine(2)
    arrays["output_mw"] = np.array([10.0, 20.0])
    arrays["online_units"] = np.array([1.0, 2.0])
    for mean, over in ((False, 2 / 8), (True, 0)):
        found = written(
            2,
            {"gas": EMITTING},
            {"gas": arrays},
            demand_mw=[10, 20],
            changes={"limits": {"co2_t_per_yr": 8, "mean_of_years": mean}},
            years=2,
            weight=[0.5, 0.5],
        )
        assert_allclose(check(found, "limits.co2_t_per_yr").worst, over)


def test_served_energy_is_checked_in_each_year():
    """Years of 10 and 20 MW with 2 MW shed: 0.8 and 0.9 served, 0.1 under 0.9."""
    found = written(
        2,
        {"gas": GAS},
        {"gas": machine(2)},
        unserved=2,
        demand_mw=[10, 20],
        changes={"limits": {"gpu_served_frac": 0.9}},
        years=2,
    )
    assert_allclose(check(found, "limits.gpu_served_frac").worst, 0.1)


def test_renewable_share_takes_exports_and_losses_off():
    """10 MWh of sun, 2 sold, 1 lost of 4 charged at 0.75; 8 served: 7 / 8, not 10 / 8."""
    found = written(
        1,
        {
            "solar": SOLAR,
            "grid": GRID | {"mode": "export"},
            "battery": BATTERY | {"charge_frac": 0.75},
        },
        {
            "solar": {"capacity_mw": 10.0, "output_mw": np.array([10.0])},
            "grid": connection(1, sold=2),
            "battery": store(1, charge=4),
        },
        demand_mw=8,
        changes={"limits": {"renewable_share_frac": 1}},
        solar__share_frac=[1],
    )
    assert_allclose(check(found, "limits.renewable_share_frac").worst, 1 / 8)


def test_the_gas_line_is_checked_by_the_hour():
    """100 MMBtu/h through a line for 60."""
    found = written(
        1,
        {"gas": GAS},
        {"gas": machine(1)},
        changes={"gas": {"lateral_mmbtu_per_h": 60}},
    )
    assert_allclose(check(found, "gas_line_mmbtu").worst, 40)


def test_standby_is_for_maintenance_only():
    """6 MW bought in backup, one unit of 4 MW out: 2 MW too many."""
    gas = GAS | {"unit_mw_iso": 4, "maintenance_weeks": 1}
    found = written(
        1,
        {"gas": gas, "grid": GRID | {"mode": "backup", "backup_mwh_per_yr": 5}},
        {
            "gas": machine(1, 1, 0, 0, begins=1),
            "grid": connection(1, bought=6),
        },
        demand_mw=6,
    )
    assert_allclose(check(found, "standby_only_for_maintenance_mw").worst, 2)
    assert_allclose(check(found, "grid.backup_budget_mwh").worst, 1)


@pytest.mark.parametrize(("for_sale", "worst"), [(False, 2), (True, None)])
def test_load_shed_to_export_is_found(for_sale, worst):
    """3 MW sold while 2 go unserved."""
    found = written(
        1,
        {"gas": GAS, "grid": GRID | {"mode": "export"}},
        {"gas": machine(1, output=11), "grid": connection(1, sold=3)},
        unserved=2,
        changes={"load": {"for_sale": for_sale}},
    )
    made = {
        c.name: c for c in checks(found, objective_kusd=0, bound_kusd=0, cost_usd={})
    }
    if worst is None:
        assert "load_shed_to_export_mw" not in made
    else:
        assert_allclose(made["load_shed_to_export_mw"].worst, worst)


# Trips


def trip(found, element="one unit of gas") -> Trips:
    """Return the sweep's line about one element."""
    return next(t for t in contingency_sweep(found) if t.element == element)


LONG = GAS | {"start_h": 2, "repair_h": 3}
QUICK = LONG | {"start_h": 0.1}


def test_a_trip_with_a_unit_to_spare_sheds_nothing():
    """Two online for 10 MW."""
    found = written(2, {"gas": LONG}, {"gas": machine(2, 2, 2)})
    t = trip(found)
    assert (t.hours, t.hours_shed, t.worst_mwh, t.worst_hour) == (2, 0, 0, None)


def test_a_trip_without_reserve_sheds_the_whole_repair():
    """The only unit, three hours of repair: 30 MWh from each of two hours."""
    t = trip(written(2, {"gas": LONG}, {"gas": machine(2)}))
    assert (t.hours, t.hours_shed) == (2, 2)
    assert_allclose([t.worst_mwh, t.mean_mwh], [30, 30])


@pytest.mark.parametrize("repair_h", [0.5, 1, 2.5])
def test_a_broken_hour_of_repair_counts_in_part(repair_h):
    """10 MW for as long as it takes: 5, 10 and 25 MWh."""
    gas = LONG | {"repair_h": repair_h}
    found = trip(written(2, {"gas": gas}, {"gas": machine(2)}))
    assert_allclose(found.worst_mwh, 10 * repair_h)


def test_a_unit_that_would_be_off_later_is_not_missed_then():
    """One unit in hour 0, 10 MW of sun in hour 1: the repair's second hour sheds nothing.

    Taking the lost 10 MW off the sun's would shed 10 MWh more.
    """
    arrays = machine(2) | {
        "online_units": np.array([1.0, 0.0]),
        "output_mw": np.array([10.0, 0.0]),
    }
    found = written(
        2,
        {"gas": LONG | {"repair_h": 2}, "solar": SOLAR},
        {
            "gas": arrays,
            "solar": {"capacity_mw": 10.0, "output_mw": np.array([0.0, 10.0])},
        },
        solar__share_frac=[0, 1],
    )
    assert_allclose(trip(found).worst_mwh, 10)


def test_a_unit_that_starts_within_the_hold_ends_the_shortage():
    """A quick second unit: 10 MW for a quarter of an hour; a slow one: 30 MWh."""
    arrays = {"gas": machine(2, 2, 1)}
    assert_allclose(trip(written(2, {"gas": QUICK}, arrays)).worst_mwh, 2.5)
    assert_allclose(trip(written(2, {"gas": LONG}, arrays)).worst_mwh, 30)


def test_a_battery_bridges_until_a_unit_starts():
    """2.5 MWh are asked; 3.125 stored at 0.8 give them, 1.0 gives 0.8: 1.7 shed."""
    for stored, shed in ((3.125, 0), (1, 1.7)):
        found = written(
            2,
            {"gas": QUICK, "battery": BATTERY | {"discharge_frac": 0.8}},
            {"gas": machine(2, 2, 1), "battery": store(2, energy=9, stored=stored)},
        )
        assert_allclose(trip(found).worst_mwh, shed, atol=1e-9)


def test_a_battery_bridges_within_its_power_and_above_its_floor():
    """6 of 10 MW: 4 x 0.25 = 1 MWh shed. 2 of 3 MWh below the floor: 2.5 - 1 = 1.5."""
    for battery, arrays, shed in (
        (BATTERY, store(2, power=6, energy=9, stored=9), 1),
        (BATTERY | {"floor_frac": 0.5}, store(2, energy=4, stored=3), 1.5),
    ):
        found = written(
            2,
            {"gas": QUICK, "battery": battery},
            {"gas": machine(2, 2, 1), "battery": arrays},
        )
        assert_allclose(trip(found).worst_mwh, shed)


def test_power_for_swings_is_not_used_in_a_trip():
    """10 MW less 4 for swings: 4 MW x 0.25 h shed."""
    found = written(
        2,
        {"gas": QUICK, "battery": BATTERY},
        {"gas": machine(2, 2, 1), "battery": store(2, energy=9, stored=9, swing=4)},
    )
    assert_allclose(trip(found).worst_mwh, 1)


def test_a_battery_is_empty_before_a_long_repair_ends():
    """10 MW for four hours against 25 MWh: 15 shed; at 0.8 against 20: 20 shed."""
    for discharge_frac, shed in ((1, 15), (0.8, 20)):
        battery = BATTERY | {"discharge_frac": discharge_frac}
        found = written(
            3,
            {"gas": LONG | {"repair_h": 4}, "battery": battery},
            {"gas": machine(3), "battery": store(3, energy=25, stored=25)},
        )
        assert_allclose(trip(found).worst_mwh, shed)


def test_a_battery_recharges_from_what_is_left_over():
    """10, 4, 10, 4 MW, 6 MW left after the trip, 5 MWh charged at one half.

    From hour 0: 4 out, 2 in x 0.5, 4 wanted of 2: 2 shed; lossless 1; without
    charging 3. From hour 1 the battery is full, then 4 out: none. Hours 2, 3 alike.
    """
    found = written(
        4,
        {
            "gas": LONG,
            "other": GAS | {"unit_mw_iso": 6},
            "battery": BATTERY | {"charge_frac": 0.5},
        },
        {
            "gas": machine(4),
            "other": machine(4, output=0),
            "battery": store(4, energy=5, stored=5),
        },
        demand_mw=[10, 4, 10, 4],
    )
    t = trip(found)
    assert (t.hours, t.hours_shed, t.worst_hour) == (4, 2, 0)
    assert_allclose([t.worst_mwh, t.mean_mwh], [2, 1])
    assert trip(found, "one unit of other").hours_shed == 0


def test_a_battery_recharges_until_it_is_full():
    """3.5 of 4 MWh stored, 2 and 10 MW asked, 6 left after the trip, one half lost.

    From hour 0: 4 MW x 0.25 h fill it, then 4 MWh go out: none shed. From hour 1: 3.5
    of 4 MWh. Filled too slowly, some would be short from hour 0 as well.
    """
    found = written(
        2,
        {
            "gas": LONG | {"repair_h": 2},
            "other": GAS | {"unit_mw_iso": 6},
            "battery": BATTERY | {"charge_frac": 0.5},
        },
        {
            "gas": machine(2),
            "other": machine(2, output=0),
            "battery": store(2, energy=4, stored=3.5),
        },
        demand_mw=[2, 10],
    )
    t = trip(found)
    assert (t.hours_shed, t.worst_hour) == (1, 1)
    assert_allclose([t.worst_mwh, t.mean_mwh], [0.5, 0.25])


@pytest.mark.parametrize(
    ("energy", "stored", "peak_mw", "sheds"),
    [
        (4, 4, 12, (2, 2)),  # full: 6 wanted in hour 1, 4 there, whatever is left over
        (100, 0, 10, (2, 4)),  # empty: 4 MW for an hour are 2 MWh, 4 wanted
    ],
)
def test_a_battery_recharges_no_more_than_there_is(energy, stored, peak_mw, sheds):
    """2 MW in hour 0, a peak in hour 1, 6 MW left after the trip, one half lost.

    ``sheds``: MWh from hour 0 and from hour 1.
    """
    found = written(
        2,
        {
            "gas": LONG | {"repair_h": 2},
            "other": GAS | {"unit_mw_iso": 6},
            "battery": BATTERY | {"charge_frac": 0.5},
        },
        {
            "gas": machine(2),
            "other": machine(2, output=0),
            "battery": store(2, energy=energy, stored=stored),
        },
        demand_mw=[2, peak_mw],
    )
    t = trip(found)
    assert_allclose([t.worst_mwh, t.mean_mwh], [max(sheds), sum(sheds) / 2])


def test_two_batteries_share_what_is_left_over():
    """4 MWh left over in hour 0 fill one battery, not both: 6 of 10 MWh are shed.

    From hour 1 both are empty: 10 MWh.
    """
    found = written(
        2,
        {
            "gas": LONG | {"repair_h": 2},
            "other": GAS | {"unit_mw_iso": 6},
            "first": BATTERY,
            "second": BATTERY,
        },
        {
            "gas": machine(2),
            "other": machine(2, output=0),
            "first": store(2, energy=100),
            "second": store(2, energy=100),
        },
        demand_mw=[2, 16],
    )
    t = trip(found)
    assert_allclose([t.worst_mwh, t.mean_mwh], [10, 8])


def test_two_batteries_share_what_is_short():
    """10 MW for an hour: 3 MWh of one and 4 of the other, 3 are shed."""
    found = written(
        1,
        {"gas": LONG | {"repair_h": 1}, "first": BATTERY, "second": BATTERY},
        {
            "gas": machine(1),
            "first": store(1, energy=9, stored=3),
            "second": store(1, energy=9, stored=4),
        },
    )
    assert_allclose(trip(found).worst_mwh, 3)


def test_a_battery_recharges_within_its_power():
    """Power of 4 MW, 16 left over in hour 1: 4 MWh in, 4 of 4 wanted in hour 2.

    20 and 16 MW: starting with 4 MWh, 4 out, 4 in, 4 out: none shed; at 3 MW: 1 + 1.
    """
    for power, shed in ((4, 0), (3, 2)):
        found = written(
            4,
            {"gas": LONG, "other": GAS | {"unit_mw_iso": 16}, "battery": BATTERY},
            {
                "gas": machine(4),
                "other": machine(4, output=10),
                "battery": store(4, power=power, energy=4, stored=4),
            },
            demand_mw=[20, 0, 20, 0],
        )
        assert_allclose(trip(found).worst_mwh, shed, atol=1e-9)


def test_the_worst_hour_is_named():
    """8, 10, 9 MW with an hour's repair: 10 MWh from hour 1."""
    found = written(
        3,
        {"gas": LONG | {"repair_h": 1}},
        {"gas": machine(3)},
        demand_mw=[8, 10, 9],
    )
    t = trip(found)
    assert t.worst_hour == 1
    assert_allclose([t.worst_mwh, t.mean_mwh], [10, 9])


def test_a_repair_goes_on_where_its_chain_wraps():
    """Chains of two hours, 8 and 10, 1 and 3 MW; two hours of repair: 18 and 4 MWh."""
    found = written(
        4,
        {"gas": LONG | {"repair_h": 2}},
        {"gas": machine(4, weeks=2)},
        demand_mw=[8, 10, 1, 3],
        chains=(range(2), range(2, 4)),
        weeks=[0, 0, 1, 1],
    )
    t = trip(found)
    assert_allclose([t.worst_mwh, t.mean_mwh], [18, (18 + 18 + 4 + 4) / 4])


def test_a_unit_that_is_not_online_cannot_trip():
    """Online in hour 0 of two: one hour counts; it sheds that hour's 10 MW alone."""
    arrays = machine(2)
    arrays["online_units"] = np.array([1.0, 0.0])
    arrays["output_mw"] = np.array([10.0, 0.0])
    found = written(
        2, {"gas": LONG | {"repair_h": 1}}, {"gas": arrays}, demand_mw=[10, 0]
    )
    t = trip(found)
    assert t.hours == 1
    assert_allclose([t.worst_mwh, t.mean_mwh], [10, 10])


def test_load_that_the_plan_sheds_is_not_shed_again():
    """12 MW with 2 unserved: losing the unit sheds 10 MW for an hour."""
    found = written(
        1,
        {"gas": LONG | {"repair_h": 1}},
        {"gas": machine(1)},
        demand_mw=12,
        unserved=2,
    )
    assert_allclose(trip(found).worst_mwh, 10)


def test_losing_the_import_sheds_what_no_machine_carries():
    """10 MW bought, 6 MW of gas online: 4 MW for the four hours of repair, 16 MWh."""
    found = written(
        2,
        {"gas": LONG | {"unit_mw_iso": 6}, "grid": GRID},
        {"gas": machine(2, output=0), "grid": connection(2, bought=10)},
    )
    assert_allclose(trip(found, "import of grid").worst_mwh, 16)


def test_losing_a_block_takes_its_power_and_its_energy():
    """10 MW out of a battery of 10 in blocks of 4, 20 MWh stored, two hours of repair.

    Six tenths are left: 6 MW and 12 MWh, so 4 MW x 2 h = 8 MWh shed. With 10 MWh
    stored 6 are left: 20 - 6 = 14. With 100 it is the 6 MW that count: 8.
    """
    for stored, shed in ((20, 8), (10, 14), (100, 8)):
        found = written(
            2,
            {"battery": BATTERY | {"block_mw": 4, "repair_h": 2}},
            {"battery": store(2, energy=100, stored=stored, discharge=10)},
        )
        assert_allclose(trip(found, "one block of battery").worst_mwh, shed)


def test_what_is_left_of_a_battery_recharges_no_further():
    """Half of 8 MWh is lost, a quarter of the rest never used: 3 MWh, full.

    5 MW are left over in hour 0, 5 short in hour 1: 2 MWh shed from either hour.
    """
    found = written(
        2,
        {
            "other": GAS,
            "battery": BATTERY | {"block_mw": 5, "repair_h": 2, "floor_frac": 0.25},
        },
        {"other": machine(2), "battery": store(2, energy=8, stored=8)},
        demand_mw=[5, 15],
    )
    t = trip(found, "one block of battery")
    assert_allclose([t.worst_mwh, t.mean_mwh], [2, 2])


def test_only_the_contingencies_of_the_case_are_tripped():
    """Unit losses left out: grid and block remain. No contingencies: no trips."""
    technologies = {"gas": GAS, "grid": GRID, "battery": BATTERY}
    arrays = {"gas": machine(1), "grid": connection(1), "battery": store(1)}
    elements = {
        None: [],
        "unit": ["import of grid", "one block of battery"],
        "grid": ["one unit of gas", "one block of battery"],
        "battery_block": ["one unit of gas", "import of grid"],
    }
    for left_out, expected in elements.items():
        changes = {"contingencies": {left_out: False} if left_out else None}
        found = written(1, technologies, arrays, changes=changes)
        assert [t.element for t in contingency_sweep(found)] == expected


def test_what_is_not_built_cannot_trip():
    """No unit, no connection, no battery: no lines."""
    found = written(
        1,
        {"gas": GAS, "grid": GRID, "battery": BATTERY, "solar": SOLAR},
        {
            "gas": machine(1, 0, 0, 0),
            "grid": connection(1, size=0),
            "battery": store(1, power=0),
            "solar": {"capacity_mw": 10.0, "output_mw": np.array([10.0])},
        },
        solar__share_frac=[1],
    )
    assert contingency_sweep(found) == []


def test_an_allowance_lets_a_little_be_shed(good):
    """5 MWh shed: refused with none allowed, accepted with 5, refused with 4."""
    one = Trips("one unit of gas", 8, 1, 5.0, 3, 0.6)
    for allowed, verified in ((0, False), (4, False), (5, True)):
        asked = good.case.contingencies.model_copy(
            update={"shed_allowance_mwh": allowed}
        )
        made = good.case.model_copy(update={"contingencies": asked})
        assert replace(good, case=made, trips=[one]).verified is verified


def test_a_result_with_a_failed_check_is_not_verified(good):
    assert good.verified
    assert not replace(good, checks=[Check("any", 1.0, 0.5)]).verified


# The model's reserve is enough for the sweep


@pytest.mark.parametrize("seed", range(8))
def test_a_plant_with_reserve_sheds_nothing_in_any_trip(seed):
    """Plants sized at random with slow and quick units, a lossy battery and a grid."""
    random = np.random.default_rng(seed)
    gas = GAS | {
        "no_load_fuel_frac": 0.2,
        "min_load_frac": 0.5,
        "start_cost_usd_per_mw": 1,
        "start_h": float(random.choice([0.1, 2])),
        "repair_h": 6,
        "capital_usd_per_kw": 0.5,
    }
    battery = BATTERY | {
        "capital_usd_per_kw": float(random.choice([0.01, 1])),
        "capital_usd_per_kwh": float(random.choice([0.01, 1])),
        "block_mw": 2,
        "charge_frac": 0.9,
        "discharge_frac": 0.95,
        "floor_frac": 0.05,
        "repair_h": 6,
    }
    grid = GRID | {
        "mode": str(random.choice(["none", "backup", "parallel", "export"])),
        "backup_mwh_per_yr": 100,
        "max_mw": 15,
        "availability_frac": 0.9,
    }
    made = case(
        technologies={
            "gas": gas,
            "small": gas | {"unit_mw_iso": 3, "start_h": 0.1},
            "battery": battery,
            "grid": grid,
            "solar": SOLAR | {"capital_usd_per_kw": 0.1},
        },
        contingencies={
            "against": str(random.choice(["installed", "online"])),
            "battery_swing_mw": float(random.choice([0, 1])),
        },
        gas={"hub_usd_per_mmbtu": float(random.choice([2, 20]))},
    )
    result = solved(
        made,
        8,
        demand_mw=random.uniform(5, 15, 8).round(1),
        solar__share_frac=[0, 0, 0.4, 0.9, 1, 0.5, 0, 0],
        power_usd_per_mwh=random.uniform(-20, 300, 8).round(),
        export_usd_per_mwh=random.uniform(-20, 300, 8).round(),
    )
    assert [t for t in result.trips if t.worst_mwh > 1e-3] == []
