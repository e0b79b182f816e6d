"""Fuel on the site: it costs money in the sizing, and bridges curtailments."""

from __future__ import annotations

import pytest
from numpy.testing import assert_allclose
from plants import FUEL_STORE, GAS, case, money, objective_usd, solved
from pydantic import ValidationError
from uptime_plans import fleet, plan, short

from energyopt.technologies import FuelStore, Horizon

TANK = FUEL_STORE | {
    "capital_usd_per_mmbtu": 30,
    "fuel_usd_per_mmbtu": 20,
    "om_fixed_usd_per_mmbtu_yr": 2,
}


def test_a_tank_costs_its_capital_its_filling_and_its_care():
    """100 MMBtu at 30 + 20 $ over 20 years without interest: 250 $; and 200 $ a year.

    Without the filling the capital would be 150 $ a year.
    """
    plain = solved(case(technologies={"gas": GAS}), 2)
    result = solved(case(technologies={"gas": GAS, "tank": TANK}), 2)
    assert_allclose(result.recounted.cost_usd["tank", "capital"], 250)
    assert_allclose(money(result)["om_fixed"], 200)
    assert_allclose(objective_usd(result) - objective_usd(plain), 450)


def test_a_tank_changes_nothing_that_runs():
    plain = solved(case(technologies={"gas": GAS}), 2)
    result = solved(case(technologies={"gas": GAS, "tank": TANK}), 2)
    assert_allclose(result.arrays["gas"]["output_mw"], plain.arrays["gas"]["output_mw"])


def test_a_second_fuel_adds_to_the_capital_of_its_units():
    """One unit of 10 MW at 40 $/kW: 0.4 M$ over 20 years; without dual_fuel nothing."""
    gas = GAS | {"min_units": 1, "max_units": 1, "dual_fuel_capital_usd_per_kw": 40}
    without = solved(case(technologies={"gas": gas}), 2)
    with_it = solved(case(technologies={"gas": gas | {"dual_fuel": True}}), 2)
    assert_allclose(objective_usd(with_it) - objective_usd(without), 20_000, rtol=1e-6)


def test_a_tank_bridges_a_curtailment():
    """100 MMBtu at 10 MMBtu/MWh are 10 MWh: half an hour of 20 MW."""
    tank = FuelStore.model_validate(TANK)
    at = Horizon(
        hours=range(4),
        weight=[1.0] * 4,
        chains=(range(4),),
        years=(range(4),),
        week_of=[0] * 4,
    )
    said = tank.in_operation({"tank_mmbtu": 100.0}, at)
    gas = fleet(4, 2, 2, dual_fuel=True)
    made = plan(4, 20, {"gas": gas, "tank": said})
    assert short(made, ("gas line", 1.0, 3.0)) == [(1.5, 1.5, 20.0)]


def test_a_tank_of_negative_size_is_refused():
    with pytest.raises(ValidationError, match="tank_mmbtu"):
        FuelStore.model_validate(TANK | {"tank_mmbtu": -1})
