"""Shadow prices, given the units built, against sums on paper."""

from __future__ import annotations

from dataclasses import replace

from numpy.testing import assert_allclose
from plants import GAS, GRID, SOLAR, built, case, solve

from energyopt.marginal import marginal_prices, power_price_statistics
from energyopt.solve import at_point, compile_model

EMITTING = GAS | {
    "co2_t_per_mmbtu": 0.05,
    "nox_lb_per_mmbtu": 2.204622622,
    "water_m3_per_mwh": 1,
}


def prices(made, hours, **series):
    """Return the worth of limits and of power in a solved plant."""
    plant = built(made, hours, **series)
    solve(plant)
    return marginal_prices(plant)


def test_power_is_worth_what_one_more_mwh_costs():
    """Gas at 20 in hour 0; in hour 1 both units are full and power costs 50 USD.

    An hour that stands for three is worth the same per MWh, not three times.
    """
    gas = GAS | {"min_units": 2, "max_units": 2}
    made = case(technologies={"gas": gas, "grid": GRID})
    _, power = prices(made, 2, demand_mw=[15, 25], weight=[1, 3])
    assert_allclose(power, [20, 50])


def test_a_limit_that_does_not_bind_is_worth_nothing():
    limits, _ = prices(case(limits={"land_km2": 100, "co2_t_per_yr": 1e6}), 1)
    assert_allclose([limits["limits.land_km2"], limits["limits.co2_t_per_yr"]], 0)


def test_a_tonne_of_co2_is_worth_the_fuel_it_replaces():
    """0.5 t/MWh of gas at 20 against import at 50: 2 MWh a tonne, 60 USD."""
    made = case(
        technologies={"gas": EMITTING, "grid": GRID}, limits={"co2_t_per_yr": 8}
    )
    limits, _ = prices(made, 2)
    assert_allclose(limits["limits.co2_t_per_yr"], 60)


def test_nox_and_water_are_priced_in_the_units_of_the_case():
    """10 kg and 1 m3 a MWh: 100 MWh a tonne of NOx, 3,000 USD; 30 USD a m3."""
    for limit, most, usd in (("nox_t_per_yr", 0.15, 3000), ("water_m3_per_yr", 15, 30)):
        made = case(technologies={"gas": EMITTING, "grid": GRID}, limits={limit: most})
        limits, _ = prices(made, 2)
        assert_allclose(limits[f"limits.{limit}"], usd)


def test_capital_is_priced_by_the_dollar():
    """A dollar at 1 USD/kW of sun is 1 W, worth 20 USD/MWh over two hours of sun.

    1e-3 MW... 1,000 USD a MW: 40 USD of fuel saved by 1,000 USD, less a twentieth.
    """
    made = case(
        technologies={"gas": GAS, "solar": SOLAR | {"capital_usd_per_kw": 0.1}},
        limits={"capital_usd": 500},
    )
    limits, _ = prices(made, 2, solar__share_frac=1)
    # 100 USD a MW: saves 2 h x 20 USD of fuel and costs 5 USD a year
    assert_allclose(limits["limits.capital_usd"], (40 - 5) / 100)


def test_a_percent_point_of_renewable_share():
    """A point of 20 MWh is 0.2 MWh of sun, 0.2 MW of the hour's: 50 - 20 USD a MWh."""
    made = case(
        technologies={"gas": GAS, "solar": SOLAR | {"capital_usd_per_kw": 1}},
        limits={"renewable_share_frac": 0.3},
    )
    limits, _ = prices(made, 2, solar__share_frac=[1, 0])
    assert_allclose(limits["limits.renewable_share_frac"], 0.2 * (50 - 20))


def test_a_percent_point_of_served_energy():
    """Compute worth 1 USD against 20 of fuel; a point of 16 MWh of IT, PUE 1.25.

    0.16 MWh of IT are 0.2 MWh of facility: 0.2 x 19 USD.
    """
    made = case(load={"lost_compute_usd_per_mwh": 1}, limits={"gpu_served_frac": 0.5})
    limits, _ = prices(made, 2)
    assert_allclose(limits["limits.gpu_served_frac"], 0.2 * 19)


def test_two_weather_years_give_way_together():
    """Each year may emit a tonne more: 60 USD in each, half of each in the mean year."""
    made = case(
        technologies={"gas": EMITTING, "grid": GRID}, limits={"co2_t_per_yr": 4}
    )
    limits, _ = prices(made, 2, years=2, weight=[0.5, 0.5])
    assert_allclose(limits["limits.co2_t_per_yr"], 60)


def test_power_price_statistics():
    found = power_price_statistics([10, 20, 60])
    assert found == {
        "mean_usd_per_mwh": 30,
        "least_usd_per_mwh": 10,
        "greatest_usd_per_mwh": 60,
    }


def test_a_plant_takes_the_sizes_that_its_prices_belong_to():
    """15 MW wanted in one hour, sun at 1 USD/kW over 20 years or power at 50 USD/MWh.

    All of it is sun: 15 MW, 15,000 USD, 750 USD/yr, though the plant stood at 5 MW
    and bought the rest. Without being asked, it is left as it is.
    """
    sun = SOLAR | {"capital_usd_per_kw": 1}
    grid = GRID | {"max_mw": 20}
    made = case(technologies={"sun": sun, "grid": grid})
    plant = built(made, 1, demand_mw=[15], sun__share_frac=[1], weight=[100])
    record = solve(plant)
    compiled = compile_model(plant.m)
    block = plant.m.plant["sun"]
    best = block.capacity_mw.value
    assert_allclose(best, 15)
    block.capacity_mw.set_value(5.0)
    marginal_prices(plant, compiled)
    assert block.capacity_mw.value == 5
    marginal_prices(plant, compiled, keep_point=True)
    assert_allclose(block.capacity_mw.value, 15)
    worse = replace(record, objective=record.objective + 9, bound=record.bound - 1)
    again = at_point(worse, compiled)
    assert_allclose(again.objective, 0.75)
    assert_allclose(again.gap_frac, 1 / 0.75, rtol=1e-6)
