"""The plant: balance, security, installed margin, limits and money, against sums on paper.

Unless said otherwise: 10 MW of load, gas units of 10 MW at 20 USD/MWh, an idle unit
burns nothing, hours count once, money costs nothing and is recovered in 20 years.
"""

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
    built,
    case,
    inputs,
    money,
    objective_usd,
    solve,
    solved,
)

from energyopt.errors import InfeasibleError
from energyopt.model import annual_frac, build_model
from energyopt.technologies import Grid

PAID = GAS | {"om_fixed_usd_per_kw_yr": 0.001}  # 10 USD a unit
IDLING = GAS | {"no_load_fuel_frac": 0.5}  # 100 USD an hour and unit online
# 0.5 USD a MW or MWh.
PAID_BATTERY = BATTERY | {"capital_usd_per_kw": 0.01, "capital_usd_per_kwh": 0.01}
PAID_GRID = GRID | {"capital_usd_per_kw": 0.01}
STANDBY = GRID | {"mode": "backup", "backup_mwh_per_yr": 0, "max_mw": 100}


def units(count, gas=GAS):
    """Return a type of which exactly so many units are installed."""
    return gas | {"min_units": count, "max_units": count}


def online(result, name="gas"):
    return result.arrays[name]["online_units"]


def unserved(result):
    return result.arrays["plant"]["unserved_mw"]


# Balance and load


def test_power_to_the_bus_is_what_is_asked():
    """Gas 10 + 4 of sun + 6 of import = 20 MW: fuel 200 USD, import 180 USD.

    If one source did not reach the bus, another would have to give more.
    """
    made = case(
        technologies={
            "gas": units(1),
            "solar": SOLAR | {"max_mw": 4},
            "grid": GRID,
        }
    )
    result = solved(made, 1, demand_mw=20, power_usd_per_mwh=30, solar__share_frac=[1])
    assert_allclose(money(result)["fuel"], 200)
    assert_allclose(money(result)["grid_energy"], 180)


def test_unserved_load_has_its_value():
    """One unit against 12 MW: 2 MWh x 1,000 USD."""
    result = solved(case(technologies={"gas": units(1)}), 1, demand_mw=12)
    assert_allclose(unserved(result), [2])
    assert_allclose(money(result)["lost_compute"], 2000)


def test_no_more_than_the_load_goes_unserved():
    """For sale at 2,000 USD against 1,000: all 10 MW are sold, not more.

    Without the bound the connection would be filled with 100 MW of "unserved" load.
    """
    made = case(
        technologies={"gas": units(1), "grid": GRID | {"mode": "export"}},
        load={"for_sale": True},
    )
    result = solved(made, 1, power_usd_per_mwh=3000, export_usd_per_mwh=2000)
    assert_allclose(unserved(result), [10])
    assert_allclose(result.arrays["grid"]["export_mw"], [10])


def test_load_is_not_sold_unless_the_case_says_so():
    """Sales at 2,000 USD raise lost compute to 1.25 x 2,000 = 2,500 USD: none is shed.

    12 MW asked, 10 given: 2 MWh short cost 5,000 USD. The dearest of two hours counts.
    """
    made = case(technologies={"gas": units(1), "grid": GRID | {"mode": "export"}})
    result = solved(
        made,
        2,
        demand_mw=[12, 10],
        power_usd_per_mwh=3000,
        export_usd_per_mwh=[100, 2000],
        grid__import_usd_per_mwh=[1, 1],
        grid__sale_usd_per_mwh=[100, 2000],
        grid__four_cp_frac=0,
    )
    assert_allclose(unserved(result), 0, atol=1e-6)
    short = solved(
        case(technologies={"gas": units(1), "grid": GRID | {"mode": "none"}}),
        1,
        demand_mw=12,
        export_usd_per_mwh=2000,
    )
    assert_allclose(money(short)["lost_compute"], 5000)


def test_a_dear_hour_is_not_dodged():
    """Power at 3,000 USD in hour 1: bought, as lost compute becomes 3,750 USD."""
    result = solved(case(technologies={"grid": GRID}), 2, power_usd_per_mwh=[50, 3000])
    assert_allclose(unserved(result), 0, atol=1e-6)
    shed = solved(
        case(technologies={"grid": GRID}, load={"for_sale": True}),
        2,
        power_usd_per_mwh=[50, 3000],
    )
    assert_allclose(unserved(shed), [0, 10], atol=1e-6)


# Gas line


def test_the_gas_line_is_paid_once_if_anything_burns_gas():
    """Two types burn, one lateral of 200 USD over 20 of its 40 years: 10 USD/yr."""
    made = case(
        technologies={"gas": units(1), "more": units(1)}, gas={"lateral_usd": 200}
    )
    result = solved(made, 1, demand_mw=20)
    assert_allclose(result.recounted.cost_usd["gas_line", "capital"], 10)
    assert_allclose(result.arrays["plant"]["gas_line"], 1)


def test_no_gas_no_line():
    """Sun alone serves the load: the lateral is not built, though gas is on offer."""
    made = case(technologies={"gas": GAS, "solar": SOLAR}, gas={"lateral_usd": 200})
    result = solved(made, 1, solar__share_frac=[1])
    assert_allclose(money(result)["capital"], 0, atol=1e-9)
    nothing_burns = case(technologies={"solar": SOLAR}, gas={"lateral_usd": 200})
    result = solved(nothing_burns, 1, solar__share_frac=[1])
    assert_allclose(result.arrays["plant"]["gas_line"], 0)


def test_the_line_carries_so_much_an_hour():
    """60 MMBtu/h make 6 MW: 4 MW unserved in each hour; a mean of 60 would allow 10."""
    made = case(gas={"lateral_mmbtu_per_h": 60})
    result = solved(made, 2, demand_mw=[10, 2])
    assert_allclose(unserved(result), [4, 0], atol=1e-6)


# Reserve at once


def test_the_tripped_unit_is_no_reserve():
    """10 MW: two units online, so that one is left; counting the lost one, one would do.

    Its 100 USD of idling an hour are paid.
    """
    made = case(technologies={"gas": IDLING}, contingencies={})
    result = solved(made, 2)
    assert_allclose(online(result), [2, 2])
    assert_allclose(money(result)["fuel"], 2 * (2 * 100 + 100))


def test_unserved_load_is_no_reserve():
    """Compute worth 1 USD is not run for 20; two units stand ready all the same.

    The whole 10 MW have to be carried after a trip; counting what is shed, none.
    """
    made = case(
        technologies={"gas": IDLING},
        contingencies={},
        load={"lost_compute_usd_per_mwh": 1},
    )
    result = solved(made, 1)
    assert_allclose(unserved(result), [10])
    assert_allclose(online(result), [2])


def test_sun_counts_at_once_even_curtailed():
    """30 MW of sun, 10 used: it carries the load after any trip, so no gas is online."""
    made = case(
        technologies={
            "gas": units(1, IDLING),
            "solar": SOLAR | {"min_mw": 30, "max_mw": 30},
        },
        contingencies={},
    )
    result = solved(made, 1, solar__share_frac=[1])
    assert_allclose(online(result), [0])
    assert_allclose(result.arrays["plant"]["at_once_mw"], [30])


@pytest.mark.parametrize(("hold_h", "gas_online"), [(0.25, 1), (0.5, 2)])
def test_a_battery_counts_with_the_energy_it_can_hold(hold_h, gas_online):
    """10 MW and 2.5 MWh: 10 MW for a quarter of an hour, 5 for half of one.

    With the battery ready one unit online does, two without (idling costs 100 USD).
    """
    battery = BATTERY | {"min_mw": 10, "max_mw": 10, "max_mwh": 2.5, "block_mw": 1}
    made = case(
        technologies={"gas": units(2, IDLING), "battery": battery},
        contingencies={"hold_h": hold_h},
    )
    assert_allclose(online(solved(made, 1)), [gas_online])


@pytest.mark.parametrize(("power", "gas_online"), [(10, 1), (9, 2)])
def test_a_battery_counts_with_its_power(power, gas_online):
    """9 MW of battery do not carry the 10 MW of a lost unit, whatever their energy."""
    battery = BATTERY | {"min_mw": power, "max_mw": power}
    made = case(
        technologies={"gas": units(2, IDLING), "battery": battery},
        contingencies={},
    )
    assert_allclose(online(solved(made, 1)), [gas_online])


@pytest.mark.parametrize(("against", "small_online"), [("installed", 3), ("online", 2)])
def test_reserve_is_held_against_types_installed_or_online(against, small_online):
    """A 20 MW unit stands still; 10 MW of load from units of 10 MW.

    Against every installed type 10 + 20 MW are online, three units; against those
    online 10 + 10, two.
    """
    big = units(1, IDLING | {"unit_mw_iso": 20, "no_load_fuel_frac": 0.9})
    made = case(
        technologies={"small": units(5, IDLING), "big": big},
        contingencies={"against": against},
    )
    result = solved(made, 1)
    assert_allclose(online(result, "big"), [0])
    assert_allclose(online(result, "small"), [small_online])


def test_a_type_that_is_online_counts_against_online_ones():
    """The 20 MW unit runs at 8 USD/MWh for 10 MW of load: a small one backs its loss.

    Were a type that is online not counted, none would; it idles for 100 USD.
    """
    big = units(1, GAS | {"unit_mw_iso": 20, "heat_rate_hhv_mmbtu_per_mwh": 4})
    made = case(
        technologies={"small": units(5, IDLING), "big": big},
        contingencies={"against": "online"},
    )
    result = solved(made, 1)
    assert_allclose([online(result, "big"), online(result, "small")], [[1], [1]])
    assert_allclose(result.arrays["big"]["output_mw"], [10])


@pytest.mark.parametrize(("counted", "gas_online"), [(True, 1), (False, 0)])
def test_losing_the_grid_import_is_a_contingency(counted, gas_online):
    """Import at 5 USD serves the load; a unit of gas idles for its loss, or not.

    The 100 MW connection carries the loss of a unit, not its own.
    """
    made = case(
        technologies={"gas": units(1, IDLING), "grid": GRID},
        contingencies={"grid": counted, "unit": False},
    )
    result = solved(made, 1, power_usd_per_mwh=5)
    assert_allclose(online(result), [gas_online])


def test_grid_backs_a_unit_in_parallel_but_not_at_once_in_backup():
    """Parallel: one unit and the connection. Backup: a second unit for the first hour."""
    for grid, expected in ((GRID, 1), (STANDBY, 2)):
        made = case(
            technologies={"gas": units(2, IDLING), "grid": grid},
            contingencies={"grid": True},
        )
        result = solved(made, 1)
        assert_allclose(online(result), [expected])


@pytest.mark.parametrize(("counted", "gas_online"), [(True, 1), (False, 0)])
def test_losing_a_block_is_a_contingency(counted, gas_online):
    """8 MW of sun for 8 MW; a block of 4 MW, empty, is taken off what carries them.

    8 - 4 is too little, so a unit of gas idles; if block losses are left out, none.
    """
    made = case(
        technologies={
            "solar": SOLAR | {"min_mw": 8, "max_mw": 8},
            "gas": units(1, IDLING),
            "battery": BATTERY | {"min_mw": 4, "max_mwh": 0, "block_mw": 4},
        },
        contingencies={"unit": False, "battery_block": counted},
    )
    result = solved(made, 1, demand_mw=8, solar__share_frac=[1])
    assert_allclose(online(result), [gas_online], atol=1e-6)


def test_without_contingencies_nothing_is_held():
    """10 MW from one unit of two; no reserve is asked."""
    made = case(technologies={"gas": units(2, IDLING)})
    assert_allclose(online(solved(made, 1)), [1])


def test_unit_losses_can_be_left_out():
    """Only the grid counts, and there is none."""
    made = case(technologies={"gas": units(2, IDLING)}, contingencies={"unit": False})
    assert_allclose(online(solved(made, 1)), [1])


# Reserve through a repair


@pytest.mark.parametrize(("start_h", "gas_online"), [(0.25, 1), (0.5, 2)])
def test_units_that_start_within_the_hold_last_through_a_repair(start_h, gas_online):
    """A battery carries the first quarter of an hour; then a second unit is there.

    Started in time it may stand still; a slower one has to be online.
    """
    battery = BATTERY | {"min_mw": 10, "max_mw": 10}
    made = case(
        technologies={
            "gas": units(2, IDLING | {"start_h": start_h}),
            "battery": battery,
        },
        contingencies={"hold_h": 0.25},
    )
    assert_allclose(online(solved(made, 2)), [gas_online] * 2)


def test_the_tripped_unit_is_not_started_again():
    """Quick starters, a battery for the hold: two units are bought for 10 MW.

    One, if the unit that tripped could start again.
    """
    battery = BATTERY | {"min_mw": 10, "max_mw": 10}
    made = case(technologies={"gas": PAID, "battery": battery}, contingencies={})
    assert_allclose(solved(made, 1).arrays["gas"]["installed_units"], 2)


def test_units_in_maintenance_do_not_last_through_a_repair():
    """Two weeks of one hour, one unit out in each: 10 MW and a spare need three units.

    Of two, one would be left in the week of a visit; counting it, two would do.
    """
    gas = PAID | {"maintenance_weeks": 1}
    battery = BATTERY | {"min_mw": 10, "max_mw": 10}
    made = case(technologies={"gas": gas, "battery": battery}, contingencies={})
    result = solved(made, 3, weeks=[0, 1, 2])
    assert_allclose(result.arrays["gas"]["installed_units"], 3)


def test_standby_grid_lasts_through_a_repair():
    """A battery for the hold, then a connection: 10 MW of it and one slow unit."""
    battery = BATTERY | {"min_mw": 10, "max_mw": 10}
    grid = STANDBY | {"capital_usd_per_kw": 0.01}
    made = case(
        technologies={
            "gas": units(1, GAS | {"start_h": 2}),
            "battery": battery,
            "grid": grid,
        },
        contingencies={"battery_block": False},
    )
    result = solved(made, 1)
    assert_allclose(result.arrays["grid"]["size_mw"], 10)


# Further security


def test_so_many_synchronous_units_stay_online():
    """Sun serves the load; two machines turn beside it; engines behind inverters not."""
    technologies = {
        "solar": SOLAR,
        "gas": units(3, IDLING),
        "other": units(3, GAS | {"synchronous": False}),
    }
    made = case(
        technologies=technologies,
        contingencies={"min_synchronous_units": 2, "unit": False},
    )
    result = solved(made, 1, solar__share_frac=[1])
    assert_allclose(online(result), [2])


def test_so_much_grid_forming_stays_online():
    """15 MW of grid forming beside the sun: two units of 10 MW."""
    made = case(
        technologies={"solar": SOLAR, "gas": units(3, IDLING)},
        contingencies={"min_grid_forming_mw": 15, "unit": False},
    )
    result = solved(made, 1, solar__share_frac=[1])
    assert_allclose(online(result), [2])


def test_battery_power_is_kept_for_swings():
    """6 MW for swings: 6 MW of battery, used for nothing else."""
    made = case(
        technologies={"gas": units(1), "battery": PAID_BATTERY},
        contingencies={"battery_swing_mw": 6, "unit": False, "battery_block": False},
    )
    result = solved(made, 1)
    assert_allclose(result.arrays["battery"]["power_mw"], 6)
    assert_allclose(result.arrays["battery"]["swing_mw"], 6)


# Installed margin


@pytest.mark.parametrize(
    ("n_plus", "in_maintenance", "installed"), [(0, 0, 1), (1, 0, 2), (2, 1, 4)]
)
def test_units_beyond_the_load(n_plus, in_maintenance, installed):
    """10 MW from units of 10: one, and one more for each that may be missing."""
    made = case(
        technologies={"gas": PAID},
        reliability={"n_plus": n_plus, "units_in_maintenance": in_maintenance},
    )
    result = solved(made, 1)
    assert_allclose(result.arrays["gas"]["installed_units"], installed)


def test_no_margin_is_asked_without_the_rule():
    made = case(technologies={"gas": PAID}, reliability={"n_plus": None})
    assert_allclose(solved(made, 1).arrays["gas"]["installed_units"], 1)


def mixed(small, **reliability):
    """Return one unit of 30 MW, and small ones of 5, for 30 MW of load."""
    technologies = {
        "big": units(1, GAS | {"unit_mw_iso": 30}),
        "small": small | {"unit_mw_iso": 5, "max_units": 20},
    }
    return case(
        technologies=technologies, load={"facility_mw": 30}, reliability=reliability
    )


def test_the_margin_is_exact_where_sizes_are_mixed():
    """Two missing of one big and n small: 30 + 5 n - (30 + 5) >= 30, so n = 7.

    Two of the largest type would take 60 MW: n = 12. Two small: n = 2.
    """
    made = mixed(PAID, n_plus=1, units_in_maintenance=1)
    result = solved(made, 1, demand_mw=30)
    assert_allclose(result.arrays["small"]["installed_units"], 7)


def test_the_margin_counts_only_units_that_there_are():
    """Three missing, one type that is not installed: it takes nothing away.

    A unit of 50 MW is on offer and left: five units of 10 less three leave 20 MW.
    """
    technologies = {
        "gas": units(5),
        "huge": PAID | {"unit_mw_iso": 50, "max_units": 1},
    }
    made = case(
        technologies=technologies,
        load={"facility_mw": 20},
        reliability={"n_plus": 2, "units_in_maintenance": 1},
    )
    result = solved(made, 1)
    assert_allclose(result.arrays["huge"]["installed_units"], 0, atol=1e-6)


def test_all_units_may_be_missing():
    """Two lost of one: nothing is left, and nothing is asked of what is not there."""
    made = case(
        technologies={
            "gas": units(1),
            "grid": PAID_GRID | {"firm_credit_frac": 0.5},
        },
        reliability={"n_plus": 1, "units_in_maintenance": 1},
    )
    result = solved(made, 1)
    assert_allclose(result.arrays["grid"]["size_mw"], 20)  # half of 20 is the 10 MW


@pytest.mark.parametrize("kind", ["grid", "solar", "battery"])
def test_sun_battery_and_grid_count_nothing_unless_credited(kind):
    """10 MW firm with one missing: two units of 10, or one and a tenth of 100 MW."""
    offered = {"grid": PAID_GRID, "solar": SOLAR, "battery": PAID_BATTERY}[kind]
    series = {"solar__share_frac": 0} if kind == "solar" else {}
    for credit, installed in ((0, 2), (0.1, 1)):
        made = case(
            technologies={
                "gas": GAS | {"min_units": 1, "om_fixed_usd_per_kw_yr": 0.1},
                kind: offered | {"firm_credit_frac": credit},
            },
            reliability={"n_plus": 1, "units_in_maintenance": 0},
        )
        result = solved(made, 1, demand_mw=1, **series)
        assert_allclose(result.arrays["gas"]["installed_units"], installed)


def test_the_margin_is_held_at_the_design_temperature():
    """At 35 °C a unit gives 8 MW: three for 10 MW with one missing; at 15 °C two."""
    made = case(
        technologies={"gas": PAID | {"derate_frac_per_c": 0.01}},
        site={"design_temp_c": 35},
        reliability={"n_plus": 1, "units_in_maintenance": 0},
    )
    assert_allclose(solved(made, 1).arrays["gas"]["installed_units"], 3)


# Limits: a plant of 20 MWh, gas at 0.5 t/MWh and 20 USD, import at 0.4 t and 50 USD

EMITTING = GAS | {"co2_t_per_mmbtu": 0.05}
DIRTY_GRID = GRID | {"co2_t_per_mwh": 0.4}


def test_co2_is_limited_imports_counted():
    """0.5 (20 - x) + 0.4 x = 9: 10 MWh bought; if imports were clean 2 would do."""
    made = case(
        technologies={"gas": EMITTING, "grid": DIRTY_GRID},
        limits={"co2_t_per_yr": 9},
    )
    result = solved(made, 2)
    assert_allclose(result.arrays["grid"]["import_mw"].sum(), 10)


def test_exports_earn_no_co2():
    """20 t allow 40 MWh of gas in one hour: 10 for the load, 30 sold.

    With a credit of 0.4 t for a MWh sold all 50 MW would run.
    """
    made = case(
        technologies={"gas": EMITTING, "grid": DIRTY_GRID | {"mode": "export"}},
        limits={"co2_t_per_yr": 20},
    )
    result = solved(made, 1)
    assert_allclose(result.arrays["grid"]["export_mw"], [30])


@pytest.mark.parametrize(("mean", "bought"), [(False, [0, 5]), (True, [0, 0])])
def test_a_limit_holds_in_each_weather_year_or_on_their_mean(mean, bought):
    """Years of 10 and 20 MWh, gas 5 and 10 t, clean import; 7.5 t allowed.

    In each year: 5 of the second's 20 MWh are bought, 7.5 t stay. The mean of 5 and
    10 t is 7.5 t, so nothing is.
    """
    made = case(
        technologies={"gas": EMITTING, "grid": GRID},
        limits={"co2_t_per_yr": 7.5, "mean_of_years": mean},
    )
    result = solved(made, 2, years=2, weight=[0.5, 0.5], demand_mw=[10, 20])
    assert_allclose(result.arrays["grid"]["import_mw"], bought, atol=1e-6)


def test_years_count_by_weight_on_their_mean():
    """Years that weigh 3 and 1: mean of 5 and 10 t is 6.25 t.

    6 t allowed: 0.25 t less on the mean, 0.5 MWh of the average year bought.
    """
    made = case(
        technologies={"gas": EMITTING, "grid": GRID},
        limits={"co2_t_per_yr": 6, "mean_of_years": True},
    )
    result = solved(made, 2, years=2, weight=[0.75, 0.25], demand_mw=[10, 20])
    found = result.recounted
    assert_allclose(found.mean_year(found.total("import_mw")), 0.5)


def test_nox_counts_starts():
    """100 kg a MW, 1 t a start; half a tonne allowed: the unit idles on, two hours.

    Without starts in the sum it would stop in hour 1 (idling costs 100 USD).
    """
    gas = units(1, IDLING | {"nox_start_kg_per_mw": 100})
    result = solved(
        case(technologies={"gas": gas}, limits={"nox_t_per_yr": 0.5}),
        2,
        demand_mw=[10, 0],
    )
    assert_allclose(online(result), [1, 1])


def test_nox_of_fuel_is_limited_in_tonnes():
    """2.204622622 lb/MMBtu = 1 kg: 100 kg an hour; 0.15 t allow 15 of 20 MWh."""
    gas = GAS | {"nox_lb_per_mmbtu": 2.204622622}
    made = case(technologies={"gas": gas, "grid": GRID}, limits={"nox_t_per_yr": 0.15})
    result = solved(made, 2)
    assert_allclose(result.arrays["grid"]["import_mw"].sum(), 5)


def test_water_is_limited():
    """1 m3/MWh: 15 m3 allow 15 of 20 MWh."""
    gas = GAS | {"water_m3_per_mwh": 1}
    made = case(technologies={"gas": gas, "grid": GRID}, limits={"water_m3_per_yr": 15})
    result = solved(made, 2)
    assert_allclose(result.arrays["grid"]["import_mw"].sum(), 5)


def test_land_is_limited():
    """1 km2 a unit of gas and 0.1 a MWh of battery: 2.5 km2 hold two units, not three."""
    technologies = {
        "gas": GAS | {"land_km2_per_mw": 0.1},
        "battery": BATTERY | {"min_mw": 5, "min_hours_h": 1, "land_km2_per_mwh": 0.1},
    }
    made = case(technologies=technologies, limits={"land_km2": 2.5})
    result = solved(made, 1, demand_mw=30)
    assert_allclose(result.arrays["gas"]["installed_units"], 2)
    assert_allclose(unserved(result), [10], atol=1e-6)


COSTLY = {
    "wacc_nominal_frac": 0.1,
    "owners_cost_frac": 0.1,
    "contingency_frac": 0.1,
    "construction_months": 24,
}


@pytest.mark.parametrize(
    ("limit_musd", "installed"), [(13.3, 1), (13.1, 0), (26.3, 1), (26.5, 2)]
)
def test_capital_is_limited_all_in(limit_musd, installed):
    """10 M USD a unit, 10 % owner, 10 % contingency, a year's interest of 10 % a half.

    1.2 x (1 + 0.1 x 24 / 12 / 2) = 1.32: 13.2 M USD a unit, where 10 are direct.
    """
    made = case(
        technologies={"gas": GAS | {"capital_usd_per_kw": 1000}},
        load={"lost_compute_usd_per_mwh": 1e7},
        finance=COSTLY,
        limits={"capital_usd": limit_musd * 1e6},
    )
    result = solved(made, 1, demand_mw=20)
    assert_allclose(result.arrays["gas"]["installed_units"], installed, atol=1e-6)


def test_line_and_site_count_towards_capital():
    """10 M USD of unit, 3 of lateral, 2 of substation: 15 are too many for 14.9."""
    changes = {
        "technologies": {"gas": GAS | {"capital_usd_per_kw": 1000}},
        "gas": {"lateral_usd": 3e6},
        "site": {"fixed_capital_usd": {"substation": 2e6}},
        "load": {"lost_compute_usd_per_mwh": 1e7},
    }
    fits = solved(case(**changes, limits={"capital_usd": 15e6}), 1)
    assert_allclose(fits.arrays["gas"]["installed_units"], 1)
    too_little = solved(case(**changes, limits={"capital_usd": 14.9e6}), 1)
    assert_allclose(too_little.arrays["gas"]["installed_units"], 0, atol=1e-6)


def test_a_line_that_is_not_built_does_not_count_towards_capital():
    """10 MW of sun for 10 M USD fit into 10; with a lateral of 3 they would not."""
    made = case(
        technologies={
            "gas": GAS | {"capital_usd_per_kw": 1000},
            "solar": SOLAR | {"capital_usd_per_kw": 1000},
        },
        gas={"lateral_usd": 3e6},
        load={"lost_compute_usd_per_mwh": 1e7},
        limits={"capital_usd": 10e6},
    )
    result = solved(made, 1, solar__share_frac=[1])
    assert_allclose(result.arrays["solar"]["capacity_mw"], 10)


PAID_SUN = SOLAR | {"capital_usd_per_kw": 1}  # 50 USD a MW


def test_renewable_share_is_of_energy_served():
    """5 MW of sun at a share of one half: 5 MW of gas beside it, 10 of 20 MW served.

    Half of what is asked would be 10 MW, of which there are 5: no plant. Without the
    limit gas would give 15.
    """
    made = case(
        technologies={"gas": GAS, "solar": SOLAR | {"max_mw": 5}},
        limits={"renewable_share_frac": 0.5},
    )
    result = solved(made, 1, demand_mw=20, solar__share_frac=[1])
    assert_allclose(unserved(result), [10])


def test_sun_is_bought_for_its_share():
    """Half of 20 MWh from hour 0 alone: 10 MW, for 500 USD where 200 of gas would do."""
    made = case(
        technologies={"gas": GAS, "solar": PAID_SUN},
        limits={"renewable_share_frac": 0.5},
    )
    result = solved(made, 2, solar__share_frac=[1, 0])
    assert_allclose(result.arrays["solar"]["capacity_mw"], 10)


def test_storage_losses_are_not_renewable():
    """Three quarters of 20 MWh, sun in hour 0 only, half lost on charging.

    10 MWh direct and 5 through the battery, of 10 put in: 20 MW of sun less 5 lost
    = 15. With the losses counted as served, 15 MW of sun would do.
    """
    made = case(
        technologies={
            "gas": GAS,
            "solar": PAID_SUN,
            "battery": BATTERY | {"charge_frac": 0.5},
        },
        limits={"renewable_share_frac": 0.75},
    )
    result = solved(made, 2, solar__share_frac=[1, 0])
    assert_allclose(result.arrays["solar"]["capacity_mw"], 20)


def test_exports_are_not_renewable_energy_served():
    """10 MW of sun and gas sold at 30 USD: at a share of 1 nothing may be sold.

    Not taken off, 50 MW of gas would be.
    """
    made = case(
        technologies={
            "gas": GAS,
            "solar": SOLAR | {"max_mw": 10},
            "grid": GRID | {"mode": "export"},
        },
        limits={"renewable_share_frac": 1},
    )
    result = solved(made, 1, solar__share_frac=[1], export_usd_per_mwh=30)
    assert_allclose(result.arrays["grid"]["export_mw"], [0], atol=1e-6)


CHEAP_COMPUTE = {"lost_compute_usd_per_mwh": 1}


def test_gpu_energy_is_counted_behind_the_pue():
    """PUE 2 and 1: 10 MW are 5 and 10 MW of IT, 15 in all; two thirds must be served.

    5 MWh of IT may go: all of hour 0, 10 MW of facility. As facility energy a third
    of 20 would be 6.67.
    """
    made = case(load=CHEAP_COMPUTE, limits={"gpu_served_frac": 2 / 3})
    result = solved(made, 2, pue=[2, 1])
    assert_allclose(unserved(result), [10, 0], atol=1e-6)


def test_served_energy_has_a_floor_in_every_year_of_its_own():
    """Years of 10 and 20 MW, half to be served in each: 5 and 10 MW unserved.

    Half of the years' mean of 15 would be 7.5 in each.
    """
    made = case(load=CHEAP_COMPUTE, limits={"gpu_served_frac": 0.5})
    result = solved(made, 2, years=2, weight=[0.5, 0.5], demand_mw=[10, 20])
    assert_allclose(unserved(result), [5, 10], atol=1e-6)


def test_shedding_never_pays_for_a_missing_turbine():
    """A second unit for one hot hour costs 500,000 USD; the floor of 1 wants it."""
    made = case(
        technologies={"gas": GAS | {"capital_usd_per_kw": 1000}},
        limits={"gpu_served_frac": 1},
    )
    result = solved(made, 2, demand_mw=[10, 11])
    assert_allclose(result.arrays["gas"]["installed_units"], 2)


# Money


def test_emissions_and_water_have_a_price():
    """100 MMBtu: 5 t x 30 = 150 USD, 100 kg x 2 = 200 USD, 10 m3 x 4 = 40 USD.

    The hour stands for three: all of it three times.
    """
    gas = EMITTING | {"nox_lb_per_mmbtu": 2.204622622, "water_m3_per_mwh": 1}
    made = case(
        technologies={"gas": gas},
        prices={"co2_usd_per_t": 30, "nox_usd_per_t": 2000, "water_usd_per_m3": 4},
    )
    result = solved(made, 1, weight=[3])
    paid = money(result)
    assert_allclose(
        [paid["co2_price"], paid["nox_price"], paid["water"]], [450, 600, 120]
    )
    assert_allclose(objective_usd(result), 3 * (200 + 390), atol=0.2)


def test_capital_is_recovered_over_the_shorter_of_life_and_term():
    """No interest: over 10 of 30 years of life a tenth, over 5 of 5 a fifth."""
    finance = case(finance={"term_years": 10}).finance
    assert_allclose([annual_frac(finance, 30), annual_frac(finance, 5)], [0.1, 0.2])


def test_a_dollar_of_capital_becomes_a_yearly_cost():
    """1.32 all-in, and 10 % over one year: x 1.1 = 1.452 USD a year.

    With inflation of 10 % the real rate is 0: 1.32. Interest while building stays.
    """
    finance = case(finance=COSTLY | {"term_years": 1}).finance
    assert_allclose(annual_frac(finance, 20), 1.452)
    real = case(finance=COSTLY | {"term_years": 1, "inflation_frac": 0.1}).finance
    assert_allclose(annual_frac(real, 20), 1.32)


def test_every_asset_pays_its_own_capital():
    """Unit over its 5 years 10,000 / 5 = 2,000; lateral 40 / 20 = 2.

    Substation and water 100 / 20 = 5. In all 2,007 and 200 of fuel.
    """
    gas = units(1, GAS | {"capital_usd_per_kw": 1, "life_yr": 5})
    made = case(
        technologies={"gas": gas},
        gas={"lateral_usd": 40, "lateral_life_yr": 50},
        site={"fixed_capital_usd": {"substation": 60, "water": 40}},
    )
    result = solved(made, 1)
    found = result.recounted.cost_usd
    assert_allclose(
        [found[a, "capital"] for a in ("gas", "gas_line", "site")], [2000, 2, 5]
    )
    assert_allclose(objective_usd(result), 2007 + 200, atol=0.2)


def test_gas_is_paid_by_the_hour():
    """2 and 3 USD/MMBtu on 100 MMBtu each: 500 USD."""
    result = solved(case(), 2, gas_usd_per_mmbtu=[2, 3])
    assert_allclose(money(result)["fuel"], 500)


def test_costs_by_category_add_up_to_the_objective():
    """Everything on at once: the categories, and the recount, sum to the objective."""
    made = case(
        technologies={
            "gas": EMITTING
            | {"capital_usd_per_kw": 1, "om_variable_usd_per_mwh": 3, "unit_mw_iso": 7},
            "battery": PAID_BATTERY | {"charge_frac": 0.9},
            "grid": GRID | {"mode": "export", "connection_usd_per_kw_yr": 0.01},
            "solar": PAID_SUN,
        },
        prices={"co2_usd_per_t": 30},
        gas={"lateral_usd": 40},
    )
    result = solved(
        made,
        4,
        demand_mw=[10, 12, 8, 11],
        solar__share_frac=[0, 0.5, 1, 0.2],
        power_usd_per_mwh=[70, 20, 10, 90],
        export_usd_per_mwh=[60, 10, 5, 80],
    )
    assert_allclose(sum(money(result).values()), objective_usd(result))
    assert len(money(result)) >= 8


# Time


def test_representative_weeks_wrap_onto_themselves():
    """Sun in the first chain only: a battery there cannot serve the second.

    Chain 2 buys its 2 x 10 MWh at 50 USD, weight 3: 3,000 USD. One chain of four
    hours would move them.
    """
    made = case(technologies={"solar": SOLAR, "battery": BATTERY, "grid": GRID})
    result = solved(
        made,
        4,
        solar__share_frac=[1, 0, 0, 0],
        chains=(range(2), range(2, 4)),
        weeks=[0, 0, 1, 1],
        weight=[1, 1, 3, 3],
    )
    assert_allclose(money(result)["grid_energy"], 3000)
    assert_allclose(result.arrays["grid"]["import_mw"], [0, 0, 10, 10], atol=1e-6)


def test_weather_years_do_not_share_a_battery():
    """Two years of two hours, sun in the first hour of the first year only."""
    made = case(technologies={"solar": SOLAR, "battery": BATTERY, "grid": GRID})
    result = solved(made, 4, years=2, solar__share_frac=[1, 0, 0, 0])
    assert_allclose(result.arrays["grid"]["import_mw"], [0, 0, 10, 10], atol=1e-6)


# Rules that give way


def test_an_elastic_model_minimises_what_is_given_way():
    """9 of 10 t: an excess of 1 t, a ninth of the limit, is the objective."""
    made = case(technologies={"gas": EMITTING}, limits={"co2_t_per_yr": 9})
    made = made.model_copy(
        update={"limits": made.limits.model_copy(update={"gpu_served_frac": 1.0})}
    )
    plant = build_model(made, inputs(made, 2), elastic=["limits.co2_t_per_yr"])
    assert_allclose(solve(plant).objective, 1 / 9)


@pytest.mark.parametrize("years", [1, 2])
def test_rules_that_give_way_together_are_weighed_by_their_limits(years):
    """10 MW in hours of 3 and 1: 40 MWh, 20 t of CO2, 40 m3, 0.4 t of NOx.

    4 of 16 t are a quarter, 20 of 20 m3 one, 0.2 t count as they are, for a limit
    under 1: 1.45. As two years that weigh 3 and 1 each has its 40 MWh: the same.
    """
    gas = EMITTING | {"water_m3_per_mwh": 1, "nox_lb_per_mmbtu": 2.204622622}
    limits = {"co2_t_per_yr": 16, "water_m3_per_yr": 20, "nox_t_per_yr": 0.2}
    made = case(technologies={"gas": gas}, limits=limits | {"gpu_served_frac": 1})
    plant = build_model(
        made,
        inputs(made, 2, weight=[3, 1], years=years),
        elastic=[f"limits.{name}" for name in limits],
    )
    assert_allclose(solve(plant).objective, 0.25 + 1 + 0.2)


def test_without_an_excess_the_limit_is_hard():
    made = case(
        technologies={"gas": EMITTING},
        limits={"co2_t_per_yr": 9, "gpu_served_frac": 1},
    )
    with pytest.raises(InfeasibleError):
        solve(built(made, 2))


def test_load_is_not_shed_to_dodge_a_coincident_peak():
    """One hour of June is a peak: 60 USD/kW-yr x 1/4 is 15,000 USD/MWh there.

    Lost compute is stated at 1,000 USD/MWh; taken as it is, all 10 MW would be shed.
    """
    grid = GRID | {"four_cp_usd_per_kw_yr": 60}
    made = case(technologies={"grid": grid})
    given = inputs(made, 1)
    june = given.data.assign_coords(local_time=("time", [np.datetime64("2013-06-01")]))
    own = Grid.model_validate(grid).series(june)
    june = june.assign({f"grid/{name}": ("time", v) for name, v in own.items()})
    assert_allclose(own["dearest_usd_per_mwh"], 50 + 15_000)
    plant = build_model(made, replace(given, data=june))
    solve(plant)
    assert_allclose(plant.m.unserved_mw[0].value, 0, atol=1e-6)
