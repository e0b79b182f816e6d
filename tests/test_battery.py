"""Battery: each line of the model against a sum on paper.

A plant of free sun in hour 0 and a battery, unless said otherwise; 10 MW of load.
"""

from __future__ import annotations

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
    solve,
    solved,
    store,
    written,
)
from pydantic import ValidationError

from energyopt.errors import InfeasibleError

# 0.01 USD per kW and kWh over 20 years: 0.5 USD a MW or MWh, small beside lost compute.
PAID = BATTERY | {"capital_usd_per_kw": 0.01, "capital_usd_per_kwh": 0.01}
ONE_UNIT = GAS | {"min_units": 1, "max_units": 1}
# Lasts through a repair, does not help at once, is not used otherwise.
STANDBY = GRID | {"mode": "backup", "backup_mwh_per_yr": 0, "max_mw": 20}
HOLD = {"hold_h": 0.25}


def sun_first(battery, hours=2, **changes):
    """Return the plant of sun in hour 0 and a battery."""
    demand = changes.pop("demand_mw", 10)
    technologies = {"solar": SOLAR, "battery": battery} | changes.pop("more", {})
    made = case(technologies=technologies, **changes)
    share = [1.0] + [0.0] * (hours - 1)
    return solved(made, hours, demand_mw=demand, solar__share_frac=share)


def test_battery_pays_both_efficiencies():
    """Sun in hour 0 only, 10 MW in both: charge 10 / 0.8 / 0.9 = 13.89 MW.

    With charging lossless it would be 12.50, with discharging lossless 11.11.
    Starting with a free charge, 0. Lost: 0.1 x 13.89, and a quarter of 10.
    """
    result = sun_first(BATTERY | {"charge_frac": 0.9, "discharge_frac": 0.8})
    battery = result.arrays["battery"]
    assert_allclose(battery["charge_mw"], [10 / 0.8 / 0.9, 0], atol=1e-6)
    assert_allclose(battery["discharge_mw"], [0, 10], atol=1e-6)
    lost = result.recounted.technologies["battery"].storage_loss_mw
    assert_allclose(lost, [1 / 0.8 / 0.9, 2.5], atol=1e-6)


def test_stored_energy_goes_round():
    """Dark hours 0 and 1, sun in 2: the 20 MWh of hours 0 and 1 come from hour 2."""
    made = case(technologies={"solar": SOLAR, "battery": PAID})
    result = solved(made, 3, solar__share_frac=[0, 0, 1])
    assert_allclose(result.arrays["battery"]["stored_mwh"], [10, 0, 20], atol=1e-6)
    assert_allclose(result.arrays["battery"]["energy_mwh"], 20)


def test_power_is_sized_by_the_larger_of_in_and_out():
    """13.89 MW in, 10 out: 13.89 MW of converter; 10 if only discharge counted."""
    result = sun_first(PAID | {"charge_frac": 0.9, "discharge_frac": 0.8})
    assert_allclose(result.arrays["battery"]["power_mw"], 10 / 0.8 / 0.9)


def test_energy_is_sized_above_its_floor():
    """12.5 MWh stored for 10 out at 0.8; a tenth is never used: 12.5 / 0.9 = 13.89."""
    result = sun_first(PAID | {"discharge_frac": 0.8, "floor_frac": 0.1})
    battery = result.arrays["battery"]
    assert_allclose(battery["energy_mwh"], 12.5 / 0.9)
    assert_allclose(battery["stored_mwh"], [12.5 / 0.9, 1.25 / 0.9])


def test_least_hours_set_the_energy():
    """10 MW with at least four hours: 40 MWh, though 10 would do."""
    result = sun_first(PAID | {"min_hours_h": 4})
    assert_allclose(result.arrays["battery"]["energy_mwh"], 40)


def test_size_is_within_what_is_offered():
    """6 MW at most against 10: 4 MW unserved in hour 1; 5 MWh at most: 5 unserved."""
    small = sun_first(BATTERY | {"max_mw": 6})
    assert_allclose(small.arrays["plant"]["unserved_mw"], [0, 4], atol=1e-6)
    short = sun_first(BATTERY | {"max_mwh": 5})
    assert_allclose(short.arrays["plant"]["unserved_mw"], [0, 5], atol=1e-6)


def test_least_power_is_installed_even_if_idle():
    """7 MW wanted, none needed."""
    made = case(technologies={"gas": GAS, "battery": PAID | {"min_mw": 7}})
    assert_allclose(solved(made, 1).arrays["battery"]["power_mw"], 7)


def test_a_battery_is_at_least_one_block():
    """2 MW would do, blocks are of 5: 5 MW."""
    result = sun_first(PAID | {"block_mw": 5}, demand_mw=[2, 2])
    assert_allclose(result.arrays["battery"]["power_mw"], 5)


def test_a_block_larger_than_the_battery_is_refused():
    with pytest.raises(ValidationError, match="block_mw is larger"):
        case(technologies={"battery": BATTERY | {"max_mw": 4, "block_mw": 5}})


@pytest.mark.parametrize(
    ("fixed", "value"), [("power_mw", 5), ("energy_mwh", 5), ("swing_mw", 5)]
)
def test_without_a_block_there_is_nothing(fixed, value):
    """No power, no energy and no swing without a block."""
    plant = built(case(technologies={"gas": GAS, "battery": BATTERY}), 1)
    plant.m.plant["battery"].any_block.fix(0)
    plant.m.plant["battery"].component(fixed).fix(value)
    with pytest.raises(InfeasibleError):
        solve(plant)


def test_swing_is_within_the_power():
    """5 MW kept for swings from a battery of 4 MW: no plant."""
    plant = built(case(technologies={"gas": GAS, "battery": BATTERY}), 1)
    plant.m.plant["battery"].power_mw.fix(4)
    plant.m.plant["battery"].swing_mw.fix(5)
    with pytest.raises(InfeasibleError):
        solve(plant)


def test_every_cost_is_counted_once():
    """10 MW and 40 MWh over 10 years.

    Capital (100 x 10,000 + 200 x 40,000) / 10 = 900,000; fixed 5 x 10,000;
    augmentation 3 x 40,000; variable 2 x 10 MWh out, not 20 for in and out.
    Land 0.01 x 40 km2.
    """
    paid = BATTERY | {
        "min_mw": 10,
        "max_mw": 10,
        "min_hours_h": 4,
        "max_mwh": 40,
        "capital_usd_per_kw": 100,
        "capital_usd_per_kwh": 200,
        "om_fixed_usd_per_kw_yr": 5,
        "augmentation_usd_per_kwh_yr": 3,
        "om_variable_usd_per_mwh": 2,
        "life_yr": 10,
        "land_km2_per_mwh": 0.01,
    }
    result = sun_first(paid)
    assert_allclose(
        [
            result.recounted.cost_usd["battery", category]
            for category in ("capital", "om_fixed", "augmentation", "om_variable")
        ],
        [900_000, 50_000, 120_000, 20],
    )
    assert_allclose(result.recounted.technologies["battery"].land_km2, 0.4)
    assert_allclose(result.record.objective, 1070.020)


# Power with a negative price


def burning(prices, demand, grid=GRID, hours=None):
    """Return a lossy battery beside a grid: what it would pay to burn shows."""
    battery = BATTERY | {"charge_frac": 0.5, "discharge_frac": 0.5, "max_mwh": 10}
    made = case(technologies={"battery": battery, "grid": grid})
    return solved(
        made, hours or len(prices), demand_mw=demand, power_usd_per_mwh=prices
    )


def test_power_is_not_burnt_for_a_negative_price():
    """-50 USD, one hour: 10 MW bought. Charging while discharging would burn 75 more.

    (100 MW of battery: 100 in, a quarter of it back.)
    """
    result = burning([-50], 10)
    assert_allclose(result.arrays["grid"]["import_mw"], [10], atol=1e-6)


def test_charging_is_free_to_happen_beside_negative_prices():
    """Prices 20, 100, -5; the connection of 10 MW is full in hour 2, so hour 0 charges.

    Demand 0, 2.5, 10: 2.5 MW out of hour 1 need 10 MW in, 200 USD; from the grid
    250. In hour 2 the price is negative, in the others charging is not limited.
    """
    result = burning([20, 100, -5], [0, 2.5, 10], grid=GRID | {"max_mw": 10})
    assert_allclose(result.arrays["grid"]["import_mw"], [10, 0, 10], atol=1e-6)
    assert_allclose(result.arrays["battery"]["discharge_mw"], [0, 2.5, 0], atol=1e-6)


@pytest.mark.parametrize("prices", [[-5, 50], [50, -5]])
def test_a_negative_price_does_not_limit_one_direction(prices):
    """A connection of 10 MW, 0 and 20 MW asked: 10 MW in, then 10 out, at any price."""
    grid = GRID | {"max_mw": 10}
    made = case(technologies={"battery": BATTERY, "grid": grid})
    result = solved(made, 2, demand_mw=[0, 20], power_usd_per_mwh=prices)
    battery = result.arrays["battery"]
    assert_allclose(battery["charge_mw"], [10, 0], atol=1e-6)
    assert_allclose(battery["discharge_mw"], [0, 10], atol=1e-6)


def test_a_negative_price_at_any_connection_counts():
    """-50 USD at the first of two connections, 50 at the second: 10 MW, not more."""
    battery = BATTERY | {"charge_frac": 0.5, "discharge_frac": 0.5}
    made = case(technologies={"battery": battery, "west": GRID, "hub": GRID})
    prices = {}
    for name, usd in (("west", -50), ("hub", 50)):
        prices |= {
            f"{name}__import_usd_per_mwh": usd,
            f"{name}__sale_usd_per_mwh": usd,
            f"{name}__four_cp_frac": 0,
        }
    result = solved(made, 1, **prices)
    assert_allclose(result.arrays["west"]["import_mw"], [10], atol=1e-6)


# Ready for a contingency


def ready(battery, demand, hold=HOLD, gas=ONE_UNIT):
    """Return one gas unit, a battery and a standby connection that is slow."""
    made = case(
        technologies={"gas": gas, "battery": battery, "grid": STANDBY},
        contingencies=hold,
    )
    return solved(made, len(demand), demand_mw=demand)


def test_ready_power_needs_converter_and_energy_for_the_hold():
    """10 MW for a quarter of an hour: 2.5 MWh out, 2.5 / 0.8 in, a tenth kept.

    2.5 / 0.8 / 0.9 = 3.472 MWh and 10 MW. With no energy asked 0, for a whole hour
    13.89; with no power asked one block, 1 MW.
    """
    battery = PAID | {"discharge_frac": 0.8, "floor_frac": 0.1}
    found = ready(battery, [10, 10]).arrays["battery"]
    assert_allclose([found["power_mw"], found["energy_mwh"]], [10, 2.5 / 0.8 / 0.9])


def test_twice_the_hold_time_needs_twice_the_energy():
    """Half an hour: 6.944 MWh."""
    battery = PAID | {"discharge_frac": 0.8, "floor_frac": 0.1}
    found = ready(battery, [10, 10], hold={"hold_h": 0.5}).arrays["battery"]
    assert_allclose(found["energy_mwh"], 5 / 0.8 / 0.9)


# Half of an hour's reserve is easily hidden by the next hour's: these two are bound in
# one hour, and by one of the two rows.
FLOOR = PAID | {"discharge_frac": 0.8, "floor_frac": 0.2}


def test_ready_energy_is_there_after_the_hours_own_discharge():
    """An 8 MW unit, 10 MW in hour 0: 2 MW are 2.5 MWh out of store.

    After it 10 MW x 0.25 h / 0.8 = 3.125 are left above a fifth of E, so E - 2.5 =
    3.125 + 0.2 E and E = 7.031 MWh. Counting what was there before, 3.906.
    """
    found = ready(FLOOR, [10, 0], gas=ONE_UNIT | {"unit_mw_iso": 8}).arrays["battery"]
    assert_allclose(found["energy_mwh"], 5.625 / 0.8)
    assert_allclose(found["stored_mwh"], [5.625 / 0.8 - 2.5, 5.625 / 0.8])


def test_ready_energy_is_there_before_the_hours_own_charge():
    """A unit of 10 MW or nothing, 8 MW in hour 0: 2 MWh go in, 1.6 out in hour 1.

    8 MW x 0.25 h / 0.8 = 2.5 MWh are there before them, above a fifth of E: E - 2 =
    2.5 + 0.2 E and E = 5.625 MWh. Counting what is there after, 3.125 would do.
    """
    found = ready(
        FLOOR,
        [8, 1.6],
        hold=HOLD | {"against": "online"},
        gas=ONE_UNIT | {"min_load_frac": 1},
    ).arrays["battery"]
    assert_allclose(found["energy_mwh"], 5.625)
    assert_allclose(found["stored_mwh"], [5.625, 3.625])


def test_a_battery_that_is_not_built_cannot_be_lost():
    """10 MW of sun for 10 MW: nothing is built and no block is a loss to ride through."""
    made = case(
        technologies={"solar": SOLAR | {"max_mw": 10}, "battery": PAID},
        contingencies=HOLD,
    )
    result = solved(made, 1, solar__share_frac=[1])
    assert_allclose(result.arrays["battery"]["power_mw"], 0, atol=1e-9)


def test_swing_is_kept_out_of_dispatch_and_reserve():
    """10 MW out and 3 for swings: 13 MW of converter, 10 if they overlapped.

    As reserve: 10 MW ready and 3 for swings, 13 as well.
    """
    swing = {"battery_swing_mw": 3, "unit": False, "battery_block": False}
    dispatched = sun_first(PAID, contingencies=swing)
    assert_allclose(dispatched.arrays["battery"]["power_mw"], 13)
    held = ready(PAID, [10, 10], hold=HOLD | {"battery_swing_mw": 3})
    assert_allclose(held.arrays["battery"]["power_mw"], 13)


def test_losing_a_block_leaves_the_others_to_carry_at_once():
    """10 MW out in hour 1, blocks of 2: 12 MW, so that 10 are left without one."""
    result = sun_first(
        PAID | {"block_mw": 2}, more={"grid": STANDBY}, contingencies=HOLD
    )
    assert_allclose(result.arrays["battery"]["power_mw"], 12)


def test_a_lost_block_takes_its_energy_through_the_repair():
    """A block of 2 of 12 MW takes a sixth of the energy: something else gives 2 MW.

    The connection is sized for it: 2 MW; 0 if the block's energy stayed.
    """
    grid = STANDBY | {"capital_usd_per_kw": 0.01}
    result = sun_first(PAID | {"block_mw": 2}, more={"grid": grid}, contingencies=HOLD)
    assert_allclose(result.arrays["grid"]["size_mw"], 2)
    assert [t.worst_mwh for t in result.trips] == [0, 0]


def test_through_a_repair_the_battery_goes_on_as_planned():
    """10 MW into the battery in hour 0 and 10 out in hour 1.

    What lasts: 30 of sun - 10 + 20 of standby, then 10 + 20. Counting a charging
    battery as nothing, 50 in hour 0: its energy for hour 1 would not be there.
    """
    made = case(
        technologies={
            "solar": SOLAR | {"min_mw": 30, "max_mw": 30},
            "battery": BATTERY,
            "grid": STANDBY | {"min_mw": 20},
        },
        contingencies=HOLD,
    )
    result = solved(made, 2, solar__share_frac=[1, 0])
    assert_allclose(result.arrays["plant"]["sustained_mw"], [40, 30])


@pytest.mark.parametrize(("forming", "online"), [(True, 0), (False, 1)])
def test_a_battery_forms_the_grid_if_it_can(forming, online):
    """Sun serves the load; 5 MW of grid forming come from the battery or a gas unit."""
    made = case(
        technologies={
            "solar": SOLAR,
            "gas": ONE_UNIT | {"no_load_fuel_frac": 0.5},
            "battery": PAID | {"grid_forming": forming},
        },
        contingencies={
            "min_grid_forming_mw": 5,
            "unit": False,
            "battery_block": False,
        },
    )
    result = solved(made, 1, solar__share_frac=[1])
    assert_allclose(result.arrays["gas"]["online_units"], [online], atol=1e-6)
    assert_allclose(
        result.arrays["battery"]["ready_mw"] >= 5 - 1e-6, np.array([forming])
    )


# The laws again in numpy: by how much arrays that were written down break them

LOSSY = BATTERY | {"charge_frac": 0.5, "discharge_frac": 0.5, "floor_frac": 0.25}


def broken(law, battery=LOSSY, **arrays):
    """Return by how much a law is broken in two hours, of 4 MW and 6 MWh."""
    own = store(2, power=4, energy=6, stored=3) | {
        name: np.array(values, dtype=float) if np.ndim(values) else float(values)
        for name, values in arrays.items()
    }
    found = written(2, {"battery": battery}, {"battery": own})
    return found.technologies["battery"].broken[law]


def test_rechecked_stored_energy():
    """2.5 + 4 x 0.5 - 5 = -0.5 and 5 - 1 / 0.5 - 2.5 = 0.5: half a MWh off in both."""
    arrays = {"stored_mwh": [5, 2.5], "charge_mw": [4, 0], "discharge_mw": [0, 1]}
    assert_allclose(broken("storage_balance_mwh", **arrays), [0.5, 0.5])
    assert_allclose(broken("full_mwh", stored_mwh=[7, 2]), [1, -4])
    assert_allclose(broken("floor_mwh", stored_mwh=[7, 1]), [-5.5, 0.5])


def test_rechecked_converter():
    """4 MW: 3 in, 1 out and 1 for swings are one too many."""
    arrays = {"charge_mw": [3, 0], "discharge_mw": [1, 1], "swing_mw": 1}
    assert_allclose(broken("converter_mw", **arrays), [1, -2])
    assert_allclose(broken("both_ways_mw", **arrays), [1, 0])


def test_rechecked_ready_power_and_energy():
    """5 MW ready beside 1 for swings: 2 too many.

    A quarter of an hour of 2 and 5 MW takes 1 and 2.5 MWh at 0.5; 2.5 - 1.5 = 1 MWh
    is there before and after: 0 and 1.5 too few.
    """
    arrays = {"ready_mw": [2, 5], "swing_mw": 1, "stored_mwh": [5, 2.5]}
    assert_allclose(broken("ready_power_mw", **arrays), [-1, 2])
    assert_allclose(broken("ready_energy_mwh", **arrays), [0, 1.5])


@pytest.mark.parametrize("variable", ["charge_mw", "discharge_mw", "ready_mw"])
def test_rechecked_signs(variable):
    """-2 MW is 2 off."""
    assert_allclose(broken("not_negative_mw", **{variable: [-2, 0]}), [2, 0])


def test_rechecked_sizes():
    """Offered 5 to 8 MW and 10 MWh, blocks of 6, at least two hours; built 9 and 12.

    9 - 8, 5 - 9, 6 - 9, 18 - 12, 12 - 10. Nothing built needs no block.
    """
    offered = LOSSY | {
        "min_mw": 5,
        "max_mw": 8,
        "max_mwh": 10,
        "block_mw": 6,
        "min_hours_h": 2,
    }
    found = broken("bounds_mw", offered, power_mw=9, energy_mwh=12)
    assert_allclose(found, [1, -4, -3, 6, 2])
    none = broken("bounds_mw", offered | {"min_mw": 0}, power_mw=0, energy_mwh=0)
    assert_allclose(none, [-8, 0, 0, 0, -10])
