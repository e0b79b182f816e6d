"""An outage ridden through: answers of REopt's tests, hand arithmetic, energy balance."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from energyopt.uptime.survival import (
    NO_BATTERY,
    Battery,
    Generators,
    survival_frac,
    unserved_mwh,
)


def test_two_generators_and_a_battery_of_reopt():
    """REopt.jl test/runtests.jl: 1, 0.8704, 0.557056.

    Hour 2 fails with no generator (0.04 now, or 0.32 x 0.2 later): 0.64 x 0.96 + 0.32 x
    0.8. Hour 3 needs 1 kWh above the floor: 0.4096 x 0.96 + 0.2048 x 0.8.
    """
    found = survival_frac(
        [Generators(unit_mw=1, count=2, mttf_h=5)],
        np.array([1.0, 2, 2, 1]),
        hours=3,
        battery=Battery(power_mw=1, energy_mwh=4, start_frac=0.75, min_frac=0.5),
    )
    assert_allclose(found, [1, 0.64 * 0.96 + 0.32 * 0.8, 0.557056], rtol=1e-12)
    assert_allclose(found[1], 0.8704, rtol=1e-12)


def test_one_generator_that_may_not_start():
    """0.98 x 0.9 x 0.99^20: it must run 20 h, the battery has the last four."""
    found = survival_frac(
        [Generators(100, 1, 100, available_frac=0.98, start_failure_frac=0.1)],
        np.full(24, 100.0),
        battery=Battery(power_mw=100, energy_mwh=400),
    )
    assert_allclose(found[-1], 0.98 * 0.9 * 0.99**20, rtol=1e-12)
    assert f"{found[-1]:.6f}" == "0.721394"
    assert_allclose(found[:4], 1)


def test_dispatch_of_two_outages_of_reopt():
    """5 kW missing for 10 h; 40 of 50 kWh above the floor: 2 x (50 - 40 x 0.9479) = 24.16."""
    discharge_frac = 0.96 * math.sqrt(0.975)
    assert f"{discharge_frac:.4f}" == "0.9479"
    battery = Battery(20, 50, min_frac=0.2, discharge_frac=discharge_frac)
    one = unserved_mwh(np.full(10, 205.0), np.full(10, 200.0), battery).sum()
    assert_allclose(2 * one, 2 * (50 - 40 * discharge_frac), rtol=1e-12)
    assert abs(2 * one - 24.16) < 0.01


def test_without_a_battery_the_chance_is_that_of_running():
    """Three of 50 MW for 100 MW: two of three run, each with 0.9^k after k hours."""
    found = survival_frac([Generators(50, 3, 10)], np.full(5, 100.0))
    run = 0.9 ** np.arange(1, 6)
    # two down at once, or one after another: short for good, as nothing is repaired
    assert_allclose(found, run**3 + 3 * run**2 * (1 - run))


def test_repair_brings_a_generator_back():
    """One of one, MTTF 2 h, MTTR 1 h, a battery for one hour: two hours in a row down fail.

    With MTTR 1 h it is back after each failure: always one hour down. Starts certain:
    hour 1 down 0.5; the battery (1 h, not recharged at full load) bears one such hour.
    P(at most one failure in 3 h) = runs 0.5^3, one failure at 1, 2 or 3: 1/4 + 1/4 + 1/8
    (after a failure the next hour is certain), minus 1-and-3: 0.5 x 1 x 0.5 of the first.
    """
    found = survival_frac(
        [Generators(1, 1, 2, mttr_h=1)], np.ones(3), battery=Battery(1, 1)
    )
    assert_allclose(found[-1], 1 / 8 + (0.5 * 1 * 0.5) + 0.5 * 0.5 * 1 + 1 / 8)


def test_a_repaired_generator_has_to_start():
    """As above, but it starts with 0.5 only: down again in the hour after a failure."""
    found = survival_frac(
        [Generators(1, 1, 2, start_failure_frac=0.0, mttr_h=1)],
        np.ones(2),
        battery=Battery(1, 1),
    )
    assert_allclose(found[-1], 1)
    found = survival_frac(
        [Generators(1, 1, 2, start_failure_frac=0.5, mttr_h=1)],
        np.ones(2),
        battery=Battery(1, 1),
    )
    # starts 1/2, runs hour 1 1/2: up 0.25 + (not started 1/2, back and starts 1/4) = 0.5
    # up, up or down: 0.5; down (0.5) then up 0.5: 0.25
    assert_allclose(found[-1], 0.75)


def test_two_kinds_of_generators():
    """Load 3: a 2 and a 1 both needed, 0.9 x 0.8 each hour."""
    found = survival_frac([Generators(2, 1, 10), Generators(1, 1, 5)], np.full(2, 3.0))
    assert_allclose(found, [0.72, 0.72**2])


def test_an_outage_begins_where_it_is_said_and_goes_round():
    load_mw = np.array([5.0, 1, 1, 1])
    found = survival_frac([Generators(1, 1, 10)], load_mw, start_hour=2, hours=3)
    assert_allclose(found, [0.9, 0.81, 0])


def test_efficiencies_are_paid_both_ways():
    """Surplus 1 MW stores 0.8 MWh, of which 0.72 come back: load 0.72 lasts, 0.73 not."""
    battery = Battery(1, 10, start_frac=0, charge_frac=0.8, discharge_frac=0.9)
    for load, missing in ((0.72, 0.0), (0.73, 0.01)):
        found = unserved_mwh(np.array([0.0, load]), np.array([1.0, 0.0]), battery)
        assert_allclose(found, [0, missing], atol=1e-12)


def test_a_sure_generator_is_the_deterministic_dispatch():
    rng = np.random.default_rng(1)
    load_mw = rng.uniform(80, 125, 48)
    battery = Battery(20, 60, 0.5, 0.1, 0.95, 0.9)
    missing = unserved_mwh(load_mw, np.full(48, 100.0), battery)
    found = survival_frac([Generators(50, 2, 1e300)], load_mw, battery=battery)
    assert_allclose(found, np.cumsum(missing) <= 1e-9)
    assert missing.any()


# Errors published by others ------------------------------------------------------------


def test_the_charge_of_a_battery_is_no_free_energy():
    """What is served beyond generation comes out of the start charge and what was stored."""
    rng = np.random.default_rng(2)
    for _ in range(50):
        load_mw, gen_mw = rng.uniform(0, 100, (2, 72))
        battery = Battery(
            *rng.uniform([5, 10, 0.3, 0, 0.7, 0.7], [60, 200, 1, 0.3, 1, 1])
        )
        missing = unserved_mwh(load_mw, gen_mw, battery)
        lifted = np.maximum(load_mw - gen_mw, 0) - missing
        stored = battery.charge_frac * np.maximum(gen_mw - load_mw, 0).sum()
        begun = (battery.start_frac - battery.min_frac) * battery.energy_mwh
        assert lifted.sum() / battery.discharge_frac <= begun + stored + 1e-9
        assert (lifted <= battery.power_mw + 1e-9).all()
        assert (missing >= -1e-12).all()


def test_an_empty_battery_gives_nothing():
    battery = Battery(10, 100, start_frac=0.2, min_frac=0.2)
    assert_allclose(unserved_mwh(np.ones(3), np.zeros(3), battery), 1)


def test_the_tripped_generator_is_no_reserve_against_its_own_trip():
    """One of 100 MW for 100 MW: its first failure is the end, 0.99 after an hour."""
    found = survival_frac([Generators(100, 1, 100)], np.full(2, 100.0))
    assert_allclose(found, [0.99, 0.99**2])


@pytest.mark.parametrize(
    ("generators", "battery", "said"),
    [
        (Generators(1, 1, 0.5), NO_BATTERY, "mean times"),
        (Generators(1, 1, 5, available_frac=1.2), NO_BATTERY, "not between 0 and 1"),
        (Generators(1, 1, math.nan), NO_BATTERY, "mean times"),
        (Generators(1, 1, 5), Battery(1, 1, discharge_frac=0), "efficiencies"),
        (Generators(1, 1, 5), Battery(1, 1, start_frac=1.2), "states of charge"),
    ],
)
def test_what_cannot_be_is_refused(generators, battery, said):
    with pytest.raises(ValueError, match=said):
        survival_frac([generators], np.ones(2), battery=battery)
