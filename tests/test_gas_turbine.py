"""Gas units: each line of the model against a sum on paper.

Unless said otherwise a unit gives 10 MW at 10 MMBtu/MWh, gas costs 2 USD/MMBtu, so a
MWh costs 20 USD and an hour at full load burns 100 MMBtu; an hour counts once.
"""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_allclose
from plants import (
    GAS,
    SOLAR,
    built,
    case,
    inputs,
    machine,
    money,
    solve,
    solved,
    written,
)

from energyopt.errors import InfeasibleError
from energyopt.technologies import GasTurbine

ONE = GAS | {"min_units": 1, "max_units": 1}
PAID = GAS | {"om_fixed_usd_per_kw_yr": 0.001}  # 10 USD a unit, whatever the horizon


def gas_case(gas, **changes):
    return case(technologies={"gas": gas}, **changes)


def one_hour(unit=None, temp=15.0, wet=15.0, pressure=101_325.0):
    """Return the unit's series in one hour of weather, as floats."""
    shared = xr.Dataset(
        {
            "temp_air": ("time", [temp]),
            "temp_wet_bulb": ("time", [wet]),
            "pressure": ("time", [pressure]),
        }
    )
    made = GasTurbine.model_validate(GAS | (unit or {})).series(shared)
    return {name: float(values[0]) for name, values in made.items()}


# Weather


def test_hot_air_takes_output_from_its_own_threshold():
    """35 °C, 1 % per degree above 15: 10 x (1 - 0.20) = 8 MW; above 25: 9 MW."""
    assert_allclose(one_hour({"derate_frac_per_c": 0.01}, temp=35)["unit_mw"], 8)
    later = {"derate_frac_per_c": 0.01, "derate_from_c": 25}
    assert_allclose(one_hour(later, temp=35)["unit_mw"], 9)


def test_cold_or_dense_air_gives_no_more_than_the_rating():
    """5 °C would give 11 MW and 2 % more pressure 10.2 MW; the generator gives 10."""
    cold = one_hour({"derate_frac_per_c": 0.01}, temp=5)
    dense = one_hour(pressure=1.02 * 101_325)
    assert_allclose([cold["unit_mw"], dense["unit_mw"]], [10, 10])
    assert_allclose([cold["unit_mmbtu"], dense["unit_mmbtu"]], [100, 100])


def test_thin_air_takes_output_and_fuel_in_proportion():
    """At 0.9 of sea-level pressure: 9 MW and 90 MMBtu; a turbocharged engine keeps 10."""
    thin = one_hour(pressure=0.9 * 101_325)
    assert_allclose([thin["unit_mw"], thin["unit_mmbtu"]], [9, 90])
    engine = one_hour({"pressure_derate": False}, pressure=0.9 * 101_325)
    assert_allclose(engine["unit_mw"], 10)


def test_heat_and_thin_air_multiply():
    """35 °C and 0.9 of the pressure: 10 x 0.8 x 0.9 = 7.2 MW; added, 7.0."""
    both = one_hour({"derate_frac_per_c": 0.01}, temp=35, pressure=0.9 * 101_325)
    assert_allclose(both["unit_mw"], 7.2)


def test_heat_rate_rises_in_hot_air_and_not_below_15_degrees():
    """25 °C, 0.2 % per degree: 10 x 1.02 x 10 MW = 102 MMBtu; at 5 °C 100, not 98."""
    warm = {"heat_rate_frac_per_c": 0.002}
    assert_allclose(one_hour(warm, temp=25)["unit_mmbtu"], 102)
    assert_allclose(one_hour(warm, temp=5)["unit_mmbtu"], 100)


def test_ageing_is_taken_at_mid_life():
    """0.5 %/yr of output over 20 years: 5 % at mid-life, 9.5 MW (end of life: 9.0).

    0.2 %/yr of heat rate: 2 %. Fuel 9.5 x 10 x 1.02 = 96.9 MMBtu.
    """
    aged = one_hour(
        {
            "degradation_output_frac_per_yr": 0.005,
            "degradation_heat_rate_frac_per_yr": 0.002,
        }
    )
    assert_allclose([aged["unit_mw"], aged["unit_mmbtu"]], [9.5, 96.9])


def test_auxiliaries_take_power_but_no_fuel():
    """2 % of 10 MW: 9.8 MW net; fuel is that of the gross 10 MW, 100 MMBtu, not 98."""
    found = one_hour({"auxiliary_frac": 0.02})
    assert_allclose([found["unit_mw"], found["unit_mmbtu"]], [9.8, 100])


def test_evaporative_cooler_works_on_the_wet_bulb_depression():
    """35 °C dry, 20 wet, 80 %: cooled by 12 to 23 °C, so 8 % off: 9.2 MW.

    All the depression would give 9.5; none 8.0. Water 0.0054 x 12 = 0.0648 m3/MWh.
    """
    found = one_hour(
        {
            "derate_frac_per_c": 0.01,
            "inlet": "evaporative",
            "evaporative_effectiveness_frac": 0.8,
        },
        temp=35,
        wet=20,
    )
    assert_allclose(found["unit_mw"], 9.2)
    assert_allclose(found["inlet_water_m3_per_mwh"], 0.0648)


def test_evaporative_cooler_is_off_in_cool_air():
    """10 °C dry, 5 wet: nothing to gain, no water; on, it would use 0.023 m3/MWh."""
    found = one_hour({"inlet": "evaporative"}, temp=10, wet=5)
    assert found["inlet_water_m3_per_mwh"] == 0


def test_a_wet_bulb_above_the_dry_bulb_does_not_heat_the_inlet():
    """35 °C dry and, by rounding, 36 wet: 8 MW as without a cooler, and no water."""
    found = one_hour(
        {"derate_frac_per_c": 0.01, "inlet": "evaporative"}, temp=35, wet=36
    )
    assert_allclose([found["unit_mw"], found["inlet_water_m3_per_mwh"]], [8, 0])


def test_chiller_holds_its_temperature_and_takes_power():
    """35 °C to 12: no derate; 0.0008 x 23 = 1.84 % of 10 MW for the chiller: 9.816.

    Fuel stays that of 10 MW. At 10 °C it is off.
    """
    chilled = {"derate_frac_per_c": 0.01, "inlet": "chiller"}
    hot = one_hour(chilled, temp=35)
    assert_allclose([hot["unit_mw"], hot["unit_mmbtu"]], [9.816, 100])
    assert hot["inlet_water_m3_per_mwh"] == 0
    assert_allclose(one_hour(chilled, temp=10)["unit_mw"], 10)


@pytest.mark.parametrize(
    ("inlet", "usd_per_kw"), [("none", 500), ("evaporative", 520), ("chiller", 650)]
)
def test_inlet_cooling_is_paid_per_iso_kw(inlet, usd_per_kw):
    """500 USD/kW plus 0, 20 or 150 on 10,000 kW."""
    result = solved(gas_case(ONE | {"capital_usd_per_kw": 500, "inlet": inlet}), 1)
    direct = result.recounted.technologies["gas"].capital_usd
    assert_allclose(direct, usd_per_kw * 10_000)
    assert_allclose(money(result)["capital"], usd_per_kw * 10_000 / 20)


def test_model_uses_each_hours_weather():
    """15 and 35 °C at 1 % per degree, 16 MW asked: two units at 8 MW just do it.

    In the second hour they burn 2 x 8 MW x 10 = 160 MMBtu at full load, and in the
    first 16 of 20 MW with a no-load share of 0.5: 2 x 50 + 0.5 x 10 x 16 = 180.
    """
    unit = PAID | {"derate_frac_per_c": 0.01, "no_load_fuel_frac": 0.5}
    result = solved(gas_case(unit), 2, demand_mw=16, temp_air=[15, 35])
    assert_allclose(result.arrays["gas"]["installed_units"], 2)
    assert_allclose(result.recounted.technologies["gas"].gas_mmbtu, [180, 160])


# Dispatch


def test_output_needs_units_online_and_units_online_need_installed_ones():
    """25 MW: three units of 10 MW at 10 USD of fixed O&M each, fuel 2 h x 500 USD.

    If output did not need online units, or they no installed ones, none were bought.
    """
    result = solved(gas_case(PAID), 2, demand_mw=25)
    gas = result.arrays["gas"]
    assert_allclose(gas["installed_units"], 3)
    assert_allclose(gas["online_units"], [3, 3])
    assert_allclose(money(result)["om_fixed"], 30)
    assert_allclose(money(result)["fuel"], 1000)


def test_units_come_whole():
    """21 MW need three units of 10, for 30 USD; 2.1 of them would cost 21."""
    result = solved(gas_case(PAID), 1, demand_mw=21)
    assert_allclose(money(result)["om_fixed"], 30)


def test_no_more_units_than_are_offered():
    """60 MW against five units of 10: 10 MW go unserved."""
    result = solved(case(), 1, demand_mw=60)
    assert_allclose(result.arrays["plant"]["unserved_mw"], [10])


def test_least_number_of_units_is_installed_even_if_idle():
    """1 MW is asked, two units are wanted: 2 x 10,000 kW x 1 USD."""
    unit = GAS | {"min_units": 2, "om_fixed_usd_per_kw_yr": 1}
    result = solved(gas_case(unit), 1, demand_mw=1)
    assert_allclose(result.arrays["gas"]["installed_units"], 2)
    assert_allclose(money(result)["om_fixed"], 20_000)


def test_a_unit_runs_at_minimum_load_or_not_at_all():
    """One unit of 10 MW with a minimum of 6: 10 MW served, 5 MW not, as it must stop.

    Without the minimum nothing would go unserved.
    """
    result = solved(gas_case(ONE | {"min_load_frac": 0.6}), 2, demand_mw=[10, 5])
    assert_allclose(result.arrays["gas"]["output_mw"], [10, 0], atol=1e-6)
    assert_allclose(result.arrays["plant"]["unserved_mw"], [0, 5], atol=1e-6)


def test_minimum_load_follows_the_number_of_units_online():
    """12 MW from two units with a minimum of 7: one gives 10, 2 MW go unserved."""
    unit = GAS | {"max_units": 2, "min_load_frac": 0.7}
    result = solved(gas_case(unit), 1, demand_mw=12)
    assert_allclose(result.arrays["plant"]["unserved_mw"], [2])
    assert_allclose(result.arrays["gas"]["online_units"], [1])


def test_part_load_follows_the_line_from_no_load_fuel():
    """A fifth at no load: 5 MW burn 20 + 0.8 x 50 = 60 MMBtu; in proportion 50."""
    result = solved(gas_case(ONE | {"no_load_fuel_frac": 0.2}), 1, demand_mw=5)
    assert_allclose(result.recounted.technologies["gas"].gas_mmbtu, [60])
    assert_allclose(money(result)["fuel"], 120)


def test_full_load_fuel_is_the_stated_heat_rate():
    """Whatever the no-load share, 10 MW burn 100 MMBtu."""
    result = solved(gas_case(ONE | {"no_load_fuel_frac": 0.3}), 1, demand_mw=10)
    assert_allclose(money(result)["fuel"], 200)


IDLE = ONE | {"no_load_fuel_frac": 0.2}


def test_a_cheap_start_is_made_and_paid():
    """Demand 5, 0, 5, 0 and a start for 30 USD: off while idle, two starts 60 USD.

    Fuel 2 x 60 MMBtu x 2 = 240 USD. With starts for nothing 240; idling 320.
    """
    unit = IDLE | {"start_cost_usd_per_mw": 3}
    result = solved(gas_case(unit), 4, demand_mw=[5, 0, 5, 0])
    gas = result.arrays["gas"]
    assert_allclose(gas["online_units"], [1, 0, 1, 0], atol=1e-6)
    assert_allclose(gas["starts_units"], [1, 0, 1, 0], atol=1e-6)
    assert_allclose(money(result)["starts"], 60)
    assert_allclose(result.record.objective, 0.300)


def test_a_dear_start_is_avoided_by_idling():
    """A start for 100 USD against 40 USD of idling: on all four hours, 320 USD."""
    unit = IDLE | {"start_cost_usd_per_mw": 10}
    result = solved(gas_case(unit), 4, demand_mw=[5, 0, 5, 0])
    assert_allclose(result.arrays["gas"]["online_units"], [1, 1, 1, 1])
    assert_allclose(result.record.objective, 0.320)


def test_the_first_hour_follows_the_last():
    """On in hours 0 and 2 of three: hour 0 follows hour 2, so one start, not two."""
    unit = IDLE | {"start_cost_usd_per_mw": 3}
    result = solved(gas_case(unit), 3, demand_mw=[5, 0, 5])
    assert_allclose(result.arrays["gas"]["starts_units"], [0, 0, 1], atol=1e-6)


def test_a_start_burns_and_emits():
    """1.5 MMBtu/MW: 15 MMBtu a start on top of 60; NOx 0.3 kg/MW: 3 kg a start.

    NOx of the fuel: 0.02204622622 lb/MMBtu = 0.01 kg/MMBtu, 75 MMBtu, 0.75 kg.
    CO2 at 0.05 t/MMBtu: 3.75 t, 3.00 if the start's fuel were forgotten.
    """
    unit = IDLE | {
        "start_fuel_mmbtu_per_mw": 1.5,
        "nox_start_kg_per_mw": 0.3,
        "nox_lb_per_mmbtu": 0.02204622622,
        "co2_t_per_mmbtu": 0.05,
    }
    result = solved(gas_case(unit), 2, demand_mw=[5, 0])
    gas = result.recounted.technologies["gas"]
    assert_allclose(gas.gas_mmbtu, [75, 0], atol=1e-6)
    assert_allclose(gas.nox_kg, [3.75, 0], atol=1e-6)
    assert_allclose(gas.co2_t, [3.75, 0], atol=1e-6)
    assert_allclose(money(result)["fuel"], 150)


def test_variable_cost_and_water_follow_output():
    """10 MWh x 3 USD = 30; water (0.1 + 0.0648) x 10 = 1.648 m3."""
    unit = ONE | {
        "om_variable_usd_per_mwh": 3,
        "water_m3_per_mwh": 0.1,
        "inlet": "evaporative",
        "evaporative_effectiveness_frac": 0.8,
    }
    result = solved(gas_case(unit), 1, demand_mw=10, temp_air=35, temp_wet_bulb=20)
    assert_allclose(money(result)["om_variable"], 30)
    assert_allclose(result.recounted.technologies["gas"].water_m3, [1.648])


def test_an_hour_counts_with_its_weight():
    """Two hours that stand for 3 and 5: fuel 8 x 200, variable 8 x 30, starts 3 x 30."""
    unit = IDLE | {"om_variable_usd_per_mwh": 3, "start_cost_usd_per_mw": 3}
    result = solved(gas_case(unit), 2, demand_mw=[10, 0], weight=[3, 5])
    assert_allclose(money(result)["fuel"], 3 * 200)
    assert_allclose(money(result)["om_variable"], 3 * 30)
    assert_allclose(money(result)["starts"], 3 * 30)


# Minimum up and down times


@pytest.mark.parametrize(("up_h", "hours_online"), [(1, 1), (2.5, 3), (3, 3)])
def test_minimum_up_time_keeps_a_unit_on(up_h, hours_online):
    """Asked for one hour of six, with 40 USD of idling an hour, it stays up_h hours.

    2.5 h are three whole hours. Cost 80 USD of output, 40 an hour online, 0.10 a start.
    """
    result = solved(
        gas_case(IDLE | {"min_up_h": up_h}), 6, demand_mw=[0, 0, 5, 0, 0, 0]
    )
    assert_allclose(result.arrays["gas"]["online_units"].sum(), hours_online)
    assert_allclose(result.record.objective * 1000, 80 + 40 * hours_online + 0.1)


@pytest.mark.parametrize(("down_h", "hours_online"), [(1, 2), (1.5, 3), (3, 3), (4, 6)])
def test_minimum_down_time_keeps_a_unit_off(down_h, hours_online):
    """Demand 5, 0, 5, 0, 0, 0: a gap of one hour is idled through if down_h is more.

    With four hours down, the gap of three has to be idled through as well.
    """
    result = solved(
        gas_case(IDLE | {"min_down_h": down_h}), 6, demand_mw=[5, 0, 5, 0, 0, 0]
    )
    assert_allclose(result.arrays["gas"]["online_units"].sum(), hours_online)


def test_minimum_down_time_leaves_other_units_free():
    """Two units, 10 MW after 10: the one that stopped rests, the other may start.

    Demand 5, 0, 5, 0 with two hours down: both take turns, two hours online in all.
    """
    unit = GAS | {"max_units": 2, "no_load_fuel_frac": 0.2, "min_down_h": 2}
    result = solved(gas_case(unit), 4, demand_mw=[5, 0, 5, 0])
    assert_allclose(result.arrays["gas"]["online_units"].sum(), 2)


# Ramps


def test_output_rises_no_faster_than_the_ramp():
    """3 MW/h, demand 4, 10, 8, 6: 4 + 3 = 7 in hour 1, so 3 MW unserved.

    The steps down (2, 2, 2) are within the ramp.
    """
    result = solved(
        gas_case(ONE | {"ramp_frac_per_h": 0.3}), 4, demand_mw=[4, 10, 8, 6]
    )
    assert_allclose(result.arrays["gas"]["output_mw"], [4, 7, 8, 6], atol=1e-6)
    assert_allclose(result.arrays["plant"]["unserved_mw"].sum(), 3)


def test_output_falls_no_faster_than_the_ramp():
    """3 MW/h, demand 10, 4, 6, 8: at most 4 + 3 = 7 in hour 0, so 3 MW unserved."""
    result = solved(
        gas_case(ONE | {"ramp_frac_per_h": 0.3}), 4, demand_mw=[10, 4, 6, 8]
    )
    assert_allclose(result.arrays["gas"]["output_mw"], [7, 4, 6, 8], atol=1e-6)


def test_a_full_ramp_within_the_hour_never_binds():
    """Ramp 1.0: 0 to 10 MW and back is no limit."""
    result = solved(gas_case(ONE | {"ramp_frac_per_h": 1}), 2, demand_mw=[0, 10])
    assert_allclose(result.arrays["plant"]["unserved_mw"], 0, atol=1e-6)


SLOW = ONE | {"ramp_frac_per_h": 0.2, "min_load_frac": 0.5}


@pytest.mark.parametrize(
    ("demand", "unserved"),
    [
        ([0, 5, 7, 5], [0, 0, 0, 0]),
        ([0, 8, 7, 5], [0, 3, 0, 0]),
        ([0, 5, 7, 8], [0, 0, 0, 3]),
    ],
)
def test_a_unit_comes_on_and_goes_off_at_minimum_load(demand, unserved):
    """Minimum 5 MW, ramp 2 MW/h: it starts at 5 and stops from 5.

    With the ramp alone it could never start; without a limit nothing is unserved.
    """
    result = solved(gas_case(SLOW), 4, demand_mw=demand)
    assert_allclose(result.arrays["plant"]["unserved_mw"], unserved, atol=1e-6)


def held(unit, online, starts, output):
    """Return a model with the units online, the starts and the output fixed."""
    plant = built(gas_case(unit), len(online), demand_mw=20)
    for name, values in (
        ("online_units", online),
        ("starts_units", starts),
        ("output_mw", output),
    ):
        for t, value in enumerate(values):
            plant.m.plant["gas"].component(name)[t].fix(value)
    return plant


def test_a_stopping_unit_does_not_hand_its_output_to_another():
    """Two units at 5 MW, ramp 2: when one stops, the other gives at most 5 + 2 = 7.

    With the stopped unit's 5 MW counted as room to rise, 12 MW would do.
    """
    unit = SLOW | {"min_units": 2, "max_units": 2}
    path = {"online": [2, 1, 2], "starts": [0, 0, 1]}
    solve(held(unit, **path, output=[10, 7, 11]))
    with pytest.raises(InfeasibleError):
        solve(held(unit, **path, output=[10, 7.1, 11]))


def test_a_starting_unit_does_not_help_another_to_ramp_down():
    """One unit at 10 MW, ramp 2: an hour later it gives 8, and a starting one 5 more.

    If the starting unit counted as able to fall, 11 MW would do; if its 5 MW were
    forgotten, 8 would.
    """
    unit = SLOW | {"max_units": 2}
    path = {"online": [1, 2, 2], "starts": [0, 1, 0]}
    solve(held(unit, **path, output=[10, 13, 14]))
    with pytest.raises(InfeasibleError):
        solve(held(unit, **path, output=[10, 12.9, 14]))


# Maintenance: weeks of one or two hours, so that a visit can be followed by eye


def test_every_unit_is_out_for_its_week():
    """Two weeks, 20 MW then 10: with two units one week lacks one, so three are bought.

    Week 0 can spare one of three, week 1 two. Without maintenance two would do.
    """
    unit = PAID | {"maintenance_weeks": 1}
    result = solved(gas_case(unit), 4, demand_mw=[20, 20, 10, 10], weeks=[0, 0, 1, 1])
    gas = result.arrays["gas"]
    assert_allclose(gas["installed_units"], 3)
    assert_allclose(gas["begins_units"], [1, 2])
    maintained = result.recounted.technologies["gas"].maintenance_mw
    assert_allclose(maintained, [10, 10, 20, 20])
    assert_allclose(result.arrays["plant"]["unserved_mw"], 0, atol=1e-6)


def test_given_weeks_are_kept():
    """Two of three visits in week 0, given: one unit is left for 20 MW, 10 unserved."""
    unit = GAS | {
        "min_units": 3,
        "max_units": 3,
        "maintenance_weeks": 1,
        "maintenance_begins_units": {0: 2, 1: 1},
    }
    result = solved(gas_case(unit), 4, demand_mw=[20, 20, 10, 10], weeks=[0, 0, 1, 1])
    assert_allclose(result.arrays["gas"]["begins_units"], [2, 1])
    assert_allclose(result.arrays["plant"]["unserved_mw"], [10, 10, 0, 0], atol=1e-6)


def test_given_visits_must_be_one_for_each_unit():
    """One visit for two units: no such plant."""
    unit = GAS | {
        "min_units": 2,
        "maintenance_weeks": 1,
        "maintenance_begins_units": {0: 1},
    }
    with pytest.raises(InfeasibleError):
        solved(gas_case(unit), 2, weeks=[0, 1])


def test_a_long_visit_wraps_round_the_year():
    """Two weeks from the last of four: out in weeks 3 and 0, 10 MW unserved in each."""
    unit = ONE | {"maintenance_weeks": 2, "maintenance_begins_units": {3: 1}}
    result = solved(gas_case(unit), 4, weeks=[0, 1, 2, 3])
    assert_allclose(result.arrays["plant"]["unserved_mw"], [10, 0, 0, 10], atol=1e-6)


def test_a_long_visit_is_in_one_piece():
    """Demand in weeks 0 and 2 only: two weeks in a row hit one of them, 10 MW unserved.

    Two single weeks, 1 and 3, would leave nothing unserved.
    """
    result = solved(
        gas_case(ONE | {"maintenance_weeks": 2}),
        4,
        demand_mw=[10, 0, 10, 0],
        weeks=[0, 1, 2, 3],
    )
    assert_allclose(result.arrays["plant"]["unserved_mw"].sum(), 10)


def test_every_weather_year_has_its_visits():
    """Two years of two weeks, idle in weeks 1 and 2: a visit in each, nothing lost.

    One visit for both years would leave one of the two weeks with begins = 0.
    """
    result = solved(
        gas_case(ONE | {"maintenance_weeks": 1}),
        4,
        demand_mw=[10, 0, 0, 10],
        weeks=[0, 1, 2, 3],
        years=2,
    )
    assert_allclose(result.arrays["gas"]["begins_units"], [0, 1, 1, 0])
    assert_allclose(result.arrays["plant"]["unserved_mw"], 0, atol=1e-6)


def test_a_long_visit_stays_within_its_weather_year():
    """Two weeks from week 1 of a two-week year: weeks 1 and 0, not 2 of the next."""
    unit = ONE | {"maintenance_weeks": 2, "maintenance_begins_units": {1: 1, 2: 1}}
    result = solved(gas_case(unit), 6, weeks=[0, 1, 1, 2, 3, 4], years=2)
    out = result.recounted.technologies["gas"].maintenance_mw
    assert_allclose(out, [10, 10, 10, 10, 10, 0])


def test_a_visit_is_no_longer_than_the_year():
    """Two weeks out of a year of one: one unit is out, not the same one twice."""
    result = solved(gas_case(ONE | {"maintenance_weeks": 2}), 2, weeks=[0, 0])
    assert_allclose(result.recounted.technologies["gas"].maintenance_mw, [10, 10])
    assert_allclose(result.arrays["plant"]["unserved_mw"], [10, 10])


def representative(gas, demand):
    """Return two chains of two hours, week 0 for three weeks and week 1 for one."""
    return solved(
        gas_case(gas),
        4,
        demand_mw=demand,
        weeks=[0, 0, 1, 1],
        weight=[252, 252, 84, 84],
        chains=(range(2), range(2, 4)),
    )


def test_representative_weeks_give_as_many_unit_weeks_of_maintenance():
    """Week 1 stands for one week: a one-week visit there maintains the one unit."""
    result = representative(ONE | {"maintenance_weeks": 1}, [10, 10, 0, 0])
    assert_allclose(result.arrays["gas"]["begins_units"], [0, 1])


def test_a_representative_week_that_is_too_short_cannot_hold_the_visit():
    """Two weeks out do not fit into the one week that week 1 stands for.

    The unit is out in week 0: 2 h x 10 MW x 252 = 5,040 MWh unserved, against none.
    """
    result = representative(ONE | {"maintenance_weeks": 2}, [10, 10, 0, 0])
    unserved = result.recounted.mean_year(result.recounted.unserved_mw)
    assert_allclose(unserved, 5040)


# Flags and security terms


@pytest.mark.parametrize(("installed", "flag"), [(0, 1), (1, 0)])
def test_the_flag_says_whether_a_unit_is_installed(installed, flag):
    """Neither a flag without a unit nor a unit without the flag is a plant."""
    plant = built(gas_case(GAS), 1)
    plant.m.plant["gas"].installed_units.fix(installed)
    plant.m.plant["gas"].any_units.fix(flag)
    with pytest.raises(InfeasibleError):
        solve(plant)


def test_stops_are_never_negative():
    """On after off without a start is no plant."""
    with pytest.raises(InfeasibleError):
        solve(held(ONE, online=[0, 1], starts=[0, 0], output=[0, 10]))


def test_land_and_fixed_cost_follow_iso_power():
    """Two units of 10 MW ISO at 0.03 km2 and 1 USD/kW: 0.6 km2, 20,000 USD.

    By the 8 MW they give at 35 °C it would be 0.48 km2 and 16,000.
    """
    unit = GAS | {
        "min_units": 2,
        "max_units": 2,
        "land_km2_per_mw": 0.03,
        "om_fixed_usd_per_kw_yr": 1,
        "derate_frac_per_c": 0.01,
    }
    result = solved(gas_case(unit), 1, temp_air=35)
    assert_allclose(result.recounted.technologies["gas"].land_km2, 0.6)
    assert_allclose(money(result)["om_fixed"], 20_000)


def test_two_types_share_the_load_by_cost():
    """A 4 MW unit at 8 MMBtu/MWh takes 4 of 10 MW, the other type 6.

    Fuel (32 + 60) MMBtu x 2 = 184 USD; all on the first type 200.
    """
    small = GAS | {
        "unit_mw_iso": 4,
        "max_units": 1,
        "heat_rate_hhv_mmbtu_per_mwh": 8,
    }
    made = case(technologies={"gas": GAS, "small": small})
    result = solved(made, 1)
    assert_allclose(result.arrays["small"]["output_mw"], [4])
    assert_allclose(money(result)["fuel"], 184)


def test_sun_is_used_before_fuel():
    """Half of 8 MW of sun against 10 MW: gas 6 MW, 120 USD."""
    made = case(technologies={"gas": GAS, "solar": SOLAR | {"max_mw": 8}})
    result = solved(made, 1, solar__share_frac=[0.5])
    assert_allclose(money(result)["fuel"], 120)


def test_design_hour_sizes_a_unit():
    """At a design temperature of 35 °C one unit counts 8 MW, whatever the hours say."""
    made = gas_case(GAS | {"derate_frac_per_c": 0.01}, site={"design_temp_c": 35})
    design = inputs(made, 1, temp_air=15.0).design["gas"]
    assert_allclose(np.array(design["unit_mw"]), 8)


def test_a_type_that_is_not_installed_cannot_be_lost():
    """12 MW of sun for 10 MW; a unit of 50 MW on offer is not a loss to ride through."""
    made = case(
        technologies={
            "solar": SOLAR | {"max_mw": 12},
            "gas": PAID | {"unit_mw_iso": 50},
        },
        contingencies={},
    )
    result = solved(made, 1, solar__share_frac=[1])
    assert_allclose(result.arrays["gas"]["installed_units"], 0, atol=1e-6)


# The laws again in numpy: by how much arrays that were written down break them


def broken(unit, law, arrays, **series):
    """Return by how much a law is broken, hour by hour."""
    hours = len(arrays["online_units"])
    found = written(hours, {"gas": unit}, {"gas": machine(hours) | arrays}, **series)
    return found.technologies["gas"].broken[law]


def floats(**arrays):
    return {name: np.array(values, dtype=float) for name, values in arrays.items()}


def test_rechecked_output():
    """12 MW of one unit: 2 too many; 10 MW of two with a minimum of 6: 2 too few."""
    arrays = floats(online_units=[1, 2], output_mw=[12, 18])
    assert_allclose(broken(GAS, "full_load_mw", arrays), [2, -2])
    arrays = floats(online_units=[2, 1], output_mw=[10, 9])
    unit = GAS | {"min_load_frac": 0.6}
    assert_allclose(broken(unit, "minimum_load_mw", arrays), [2, -3])


def test_rechecked_units_in_service():
    """Two units, one of them out in week 0: two online are one too many."""
    arrays = floats(online_units=[2, 2], begins_units=[1, 0])
    arrays["installed_units"] = 2.0
    unit = GAS | {"maintenance_weeks": 1}
    assert_allclose(broken(unit, "in_service_units", arrays, weeks=[0, 1]), [1, 0])


def test_rechecked_starts():
    """0, 1, 3 units online with starts 0, 1, 1: one start is missing in hour 2."""
    arrays = floats(online_units=[0, 1, 3], starts_units=[0, 1, 1])
    assert_allclose(broken(GAS, "starts_units", arrays), [0, 0, 1])


def test_rechecked_whole_units_and_bounds():
    """6 units where 2 to 5 are offered; 1.4 online is 0.4 off; -1 online is 1 off."""
    arrays = floats(online_units=[1.4, -1, 2])
    arrays["installed_units"] = 6.0
    unit = GAS | {"min_units": 2}
    assert_allclose(broken(unit, "bounds_units", arrays), [-4, 1])
    whole = broken(unit, "whole_units", arrays)
    assert_allclose(whole[:3], [0.4, 0, 0])
    assert_allclose(broken(unit, "not_negative_units", arrays).max(), 1)


def test_rechecked_minimum_up_time():
    """Two started in hour 0, one left in hour 1: one is off too early."""
    arrays = floats(online_units=[2, 1, 0], starts_units=[2, 0, 0])
    unit = GAS | {"min_up_h": 2}
    assert_allclose(broken(unit, "minimum_up_units", arrays), [0, 1, 0])


def test_rechecked_minimum_up_time_longer_than_the_year():
    """Three hours round and round, five up: each start counts once in each hour."""
    arrays = floats(online_units=[2, 1, 0], starts_units=[2, 0, 0])
    unit = GAS | {"min_up_h": 5}
    assert_allclose(broken(unit, "minimum_up_units", arrays), [0, 1, 2])


def test_rechecked_minimum_down_time():
    """Three units, two stopped in hour 1, two online in hour 2: one is on too early."""
    arrays = floats(online_units=[2, 0, 2], starts_units=[0, 0, 2])
    arrays["installed_units"] = 3.0
    unit = GAS | {"min_down_h": 2}
    assert_allclose(broken(unit, "minimum_down_units", arrays), [-1, -1, 1])


@pytest.mark.parametrize(
    ("ramp", "least", "up", "down"),
    [
        # h 0: 10 - 16 - 10 x 2 r + 8 m; h 1: 16 - 10 - 8 (2 r + e). Down the other
        # way round: h 0: 16 - 10 - 8 (2 r + e); h 1: 10 - 16 - 10 x 2 r + 8 m.
        (0.2, 0.5, [-6, -1.2], [-1.2, -6]),
        (0.4, 0.2, [-12.4, -3.6], [-3.6, -12.4]),
        (0.05, 0.5, [-3, 1.2], [1.2, -3]),
    ],
)
def test_rechecked_ramps(ramp, least, up, down):
    """10 MW of two units, 16 of three an hour later, when a unit gives 8 MW (35 °C).

    r is the ramp, m the minimum load, e the larger: what a unit comes on or goes off
    with. Two stay; one starts, with at most e of 8 MW, or stops, from at least m of 8.
    """
    arrays = floats(online_units=[2, 3], starts_units=[0, 1], output_mw=[10, 16])
    unit = GAS | {
        "ramp_frac_per_h": ramp,
        "min_load_frac": least,
        "derate_frac_per_c": 0.01,
    }
    series = {"temp_air": [15, 35]}
    assert_allclose(broken(unit, "ramp_up_mw", arrays, **series), up)
    assert_allclose(broken(unit, "ramp_down_mw", arrays, **series), down)


def test_rechecked_maintenance():
    """Two units, one visit: one is missing; a third visit is one too many as well."""
    unit = GAS | {"maintenance_weeks": 1}
    for begins, missing in (([1, 0], 1), ([1, 1], 0), ([2, 1], 1)):
        arrays = floats(online_units=[0, 0], begins_units=begins)
        arrays["installed_units"] = 2.0
        found = broken(unit, "maintenance_units", arrays, weeks=[0, 1])
        assert_allclose(found, [missing])


def test_rechecked_maintenance_in_representative_weeks():
    """A week that stands for three, two weeks a visit: 1.5 units for one begun."""
    unit = GAS | {"maintenance_weeks": 2}
    arrays = floats(online_units=[0, 0, 0, 0], begins_units=[1, 0])
    arrays["installed_units"] = 2.0
    found = broken(
        unit,
        "maintenance_units",
        arrays,
        weeks=[0, 0, 1, 1],
        weight=[252, 252, 84, 84],
        chains=(range(2), range(2, 4)),
    )
    assert_allclose(found, [0.5])
