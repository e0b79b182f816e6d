"""A built plant under other money and limits, against the plant that is built anew."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import plants
import pytest
from numpy.testing import assert_array_equal

from energyopt.case import Case
from energyopt.errors import InfeasibleError
from energyopt.inputs import Inputs
from energyopt.marginal import marginal_prices
from energyopt.pipeline import Built
from energyopt.solve import solve_model
from energyopt.solve.compile import Problem

HOURS = 30
ARRAYS = (
    "cost",
    "row_lower",
    "row_upper",
    "lower",
    "upper",
    "integer",
    "row_hour",
    "column_hour",
    "row_family",
    "column_family",
)
ONE_OF_EACH: dict[str, Any] = {
    **plants.EXAMPLES,
    "gas_turbine": plants.GAS
    | {
        "dual_fuel": True,
        "inlet": "chiller",
        "co2_t_per_mmbtu": 0.05,
        "nox_lb_per_mmbtu": 0.1,
        "water_m3_per_mwh": 1,
    },
    "grid": plants.GRID | {"co2_t_per_mwh": 0.4},
    "fuel_store": plants.FUEL_STORE | {"min_tank_mmbtu": 10},
}
MONEY_OF_THE_CASE = {
    "finance.wacc_nominal_frac": 0.11,
    "finance.construction_months": 24,
    "gas.hub_usd_per_mmbtu": 4.5,
    "gas.lateral_usd": 1e6,
    "load.lost_compute_usd_per_mwh": 777,
    "prices.co2_usd_per_t": 12,
    "prices.nox_usd_per_t": 400,
    "prices.water_usd_per_m3": 2,
    "site.fixed_capital_usd": {"road": 5e5},
}
LIMITS = {"co2_t_per_yr": 900.0, "nox_t_per_yr": 5.0, "water_m3_per_yr": 700.0}


def every(**changes: Any) -> Case:
    """A plant of one technology of each kind, under three yearly limits."""
    start: dict[str, Any] = {
        "technologies": ONE_OF_EACH,
        "contingencies": {},
        "limits": LIMITS | {"gpu_served_frac": 0},
        "finance": {"wacc_nominal_frac": 0.08, "inflation_frac": 0.02},
    }
    return plants.case(**plants.merged(start, changes))


def hours_of(case: Case, **series: Any) -> Inputs:
    day = 10 + 5 * np.sin(np.arange(HOURS) / 4)
    shares = {"solar__share_frac": 0.3, "wind__share_frac": 0.4}
    return plants.inputs(case, HOURS, **(shares | {"demand_mw": day} | series))


def changed(path: str, value: Any) -> dict[str, Any]:
    section, _, name = path.partition(".")
    return {section: {name: value}}


def technology(kind: str, name: str, value: Any) -> dict[str, Any]:
    return {"technologies": ONE_OF_EACH | {kind: ONE_OF_EACH[kind] | {name: value}}}


def money_of_technologies() -> Iterator[tuple[str, str]]:
    """Yield every amount of money that any technology has."""
    for kind, made in every().technologies.items():
        for name in type(made).model_fields:
            if "usd" in name:
                yield kind, name


def assert_same(one: Problem, other: Problem) -> None:
    for name in ARRAYS:
        assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert one.offset == other.offset
    assert (one.matrix != other.matrix).nnz == 0
    assert_array_equal(one.matrix.indices, other.matrix.indices)


def renewed(first: Case, then: Case, **series: Any) -> tuple[Problem, bool]:
    """Return the second matrix after the first, and whether the model was kept."""
    built = Built()
    before, old = built.make(first, hours_of(first, **series), None)
    untouched = old.cost.copy(), old.row_upper.copy()
    after, again = built.make(then, hours_of(then, **series), None)
    assert_array_equal(untouched[0], old.cost)
    assert_array_equal(untouched[1], old.row_upper)
    return again, after.m is before.m


def fresh(case: Case, **series: Any) -> Problem:
    return Built().make(case, hours_of(case, **series), None)[1]


@pytest.mark.parametrize(("kind", "name"), list(money_of_technologies()))
def test_money_of_a_technology_is_in_costs_alone(kind: str, name: str) -> None:
    """Whatever it is: written anew it is what building anew gives, to the last bit."""
    then = every(**technology(kind, name, 3.25))
    again, kept = renewed(every(**technology(kind, name, 1.5)), then)
    assert kept
    assert_same(again, fresh(then))


@pytest.mark.parametrize("path", MONEY_OF_THE_CASE)
def test_money_of_the_case_is_in_costs_alone(path: str) -> None:
    """A first value that is not zero, so that the columns of the matrix are the same."""
    value = MONEY_OF_THE_CASE[path]
    less = (
        {"road": 1e5}
        if isinstance(value, dict)
        else value // 2
        if path.endswith("months")
        else value / 2
    )
    then = every(**changed(path, value))
    again, kept = renewed(every(**changed(path, less)), then)
    assert kept
    assert_same(again, fresh(then))


@pytest.mark.parametrize("name", LIMITS)
def test_a_yearly_limit_is_a_right_side(name: str) -> None:
    then = every(limits={name: LIMITS[name] * 0.7})
    again, kept = renewed(every(), then)
    assert kept
    assert_same(again, fresh(then))
    lost = every(limits={name: None})
    again, kept = renewed(every(), lost)
    assert not kept
    assert_same(again, fresh(lost))


def test_money_that_limits_the_plant_is_in_rows() -> None:
    """With a limit on capital, unit costs are coefficients of a row."""
    cap = {"limits": {"capital_usd": 1e9}}
    dear = technology("solar", "capital_usd_per_kw", 900)
    again, kept = renewed(every(**cap), every(**cap, **dear))
    assert not kept
    assert_same(again, fresh(every(**cap, **dear)))


@pytest.mark.parametrize(
    "changes",
    [
        {"limits": {"gpu_served_frac": 0.5}},
        technology("gas_turbine", "min_load_frac", 0.5),
        technology("battery", "max_mw", 50),
        {"reliability": {"n_plus": 1}},
        {"load": {"facility_mw": 11}},
    ],
)
def test_anything_else_is_built_anew(changes: dict[str, Any]) -> None:
    then = every(**changes)
    again, kept = renewed(every(), then)
    assert not kept
    assert_same(again, fresh(then))


@pytest.mark.parametrize(
    ("power", "export", "kept"),
    [
        (60.0, 45.0, True),
        (-5.0, -20.0, False),  # the battery would be paid to burn power
        (30.0, 30.0, False),  # buying to sell would pay
    ],
)
def test_prices_are_in_rows_where_their_sign_or_order_is(
    power: float, export: float, kept: bool
) -> None:
    case = every(technologies=ONE_OF_EACH | {"grid": plants.GRID | {"mode": "export"}})
    built = Built()
    first = built.make(case, hours_of(case), None)[0].m
    other = hours_of(case, power_usd_per_mwh=power, export_usd_per_mwh=export)
    plant, again = built.make(case, other, None)
    assert (plant.m is first) == kept
    assert_same(again, Built().make(case, other, None)[1])


def test_other_hours_are_built_anew() -> None:
    built = Built()
    case = every()
    first = built.make(case, hours_of(case), None)[0].m
    assert built.make(case, hours_of(case, temp_air=20.0), None)[0].m is not first


def test_held_sizes_are_let_go_again() -> None:
    """A plant held on the model of a free one, and the free one again after it."""
    case, dear = every(), every(gas={"hub_usd_per_mmbtu": 6})
    held = {
        "gas_turbine": {"installed_units": 2.0},
        "solar": {"capacity_mw": 3.0},
        "grid": {"size_mw": 12.0},
    }
    built = Built()
    first, free = built.make(case, hours_of(case), None)
    plant, narrow = built.make(dear, hours_of(dear), held)
    assert plant.m is first.m
    assert_same(narrow, Built().make(dear, hours_of(dear), held)[1])
    solve_model(plant.m, compiled=narrow, method="monolithic", gap_frac=1e-6)
    assert plant.m.plant["gas_turbine"].installed_units.value == 2
    assert plant.m.plant["battery"].power_mw.value < 1e-5
    with pytest.raises(InfeasibleError, match="the case allows at most 100"):
        built.make(dear, hours_of(dear), held | {"wind": {"capacity_mw": 101.0}})
    assert_same(built.make(case, hours_of(case), None)[1], free)


def test_what_is_renewed_prices_what_binds() -> None:
    """Half of the CO2 of 10 MW over 30 hours at 0.5 t/MWh may be had.

    One more tonne is two MWh served, worth 777 dollars each, for 20 of fuel.
    """
    gas = plants.GAS | {"co2_t_per_mmbtu": 0.05}
    money = {"lost_compute_usd_per_mwh": 777}

    def limited(tonnes: float) -> Case:
        return plants.case(
            technologies={"gas": gas}, limits={"co2_t_per_yr": tonnes}, load=money
        )

    built = Built()
    first = built.make(limited(900), plants.inputs(limited(900), HOURS), None)[0].m
    tight = limited(75)
    plant, matrix = built.make(tight, plants.inputs(tight, HOURS), None)
    assert plant.m is first
    solve_model(plant.m, compiled=matrix, method="monolithic", gap_frac=1e-9)
    worth, _ = marginal_prices(plant, matrix)
    assert worth["limits.co2_t_per_yr"] == pytest.approx(2 * (777 - 20), rel=1e-6)
