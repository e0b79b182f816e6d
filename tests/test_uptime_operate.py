"""The plant in operation: scripted outages, a few hours, sums worked out on paper."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from uptime_plans import battery, fleet, grid, plan, ran, script, short, stock, sun

from energyopt.errors import CaseError
from energyopt.uptime.causes import Cause
from energyopt.uptime.elements import Effect, failures_per_yr
from energyopt.uptime.operate import operate

COLD = {
    "cold_spells_per_yr": 1.0,
    "cold_spell_units_frac": 0.5,
    "cold_spell_grid_frac": 1.0,
}


def causes(made, *outages):
    """Return energy short by cause. [MWh]"""
    found, _ = ran(made, *outages)
    return {
        Cause(c): round(float(found.short_mwh[found.cause == c].sum()), 9)
        for c in np.unique(found.cause)
    }


# A trip, and what is there at once


def test_a_trip_is_short_until_the_standby_unit_is_there():
    """10 MW for 0.1 h: 1 MWh. Met at once by the standby it would be 0; hourly 10."""
    made = plan(4, 20, {"gas": fleet(4, 3, 2)})
    assert short(made, ("gas 1", 1.25, 3.5)) == [(1.25, 0.1, 10.0)]
    assert causes(made, ("gas 1", 1.25, 3.5)) == {Cause.TRIP: 1.0}


def test_the_standby_unit_may_arrive_in_the_next_hour():
    """Ordered at 1.95 with 0.1 h to start: short 0.05 h in each of two hours."""
    made = plan(4, 20, {"gas": fleet(4, 3, 2)})
    assert short(made, ("gas 1", 1.95, 3.5)) == [(1.95, 0.1, 10.0)]


def test_a_slow_unit_is_hours_away():
    made = plan(6, 20, {"gas": fleet(6, 3, 2, start_h=2.5)})
    assert short(made, ("gas 1", 1.25, 5.5)) == [(1.25, 2.5, 10.0)]


def test_units_that_start_sooner_come_first():
    """Two types stand by; waiting for the slow one would take 2 h."""
    parts = {
        "slow": fleet(4, 1, 0, start_h=2.0),
        "base": fleet(4, 1, 1, start_h=2.0),
        "quick": fleet(4, 1, 0, start_h=0.2),
    }
    assert short(plan(4, 10, parts), ("base 1", 1.0, 3.9)) == [(1.0, 0.2, 10.0)]


def test_headroom_of_the_units_online_carries_a_trip():
    """Three of 10 MW share 20: two are enough."""
    made = plan(4, 20, {"gas": fleet(4, 3, 3)})
    assert short(made, ("gas 1", 1.25, 3.5)) == []


def test_the_unit_that_trips_is_no_reserve_against_its_own_trip():
    """One of 10 MW at 6 MW has 4 of headroom; they go with it. Counted, 2 are short."""
    made = plan(3, 6, {"gas": fleet(3, 1, 1, start_h=0)})
    assert short(made, ("gas 1", 1.5, 2.5)) == [(1.5, 1.0, 6.0)]


def test_what_is_shed_is_no_reserve():
    """What is short is counted to the end of the repair: 10 MWh, not 5."""
    found, totals = ran(
        plan(3, 20, {"gas": fleet(3, 2, 2, start_h=0)}), ("gas 1", 0.5, 1.5)
    )
    assert_allclose(found.short_mwh.sum(), 10)
    assert_allclose(totals.short, 10)


def test_a_shortage_is_not_capped_at_one_units_size():
    """Three of three out: 30 MW short; capped at one unit's size it would be 10."""
    made = plan(3, 30, {"gas": fleet(3, 3, 3, start_h=0)})
    outages = [(f"gas {j}", 1.0, 2.0) for j in (1, 2, 3)]
    assert short(made, *outages) == [(1.0, 1.0, 30.0)]


def test_a_standby_unit_that_fails_trips_nothing():
    made = plan(3, 20, {"gas": fleet(3, 3, 2)})
    assert short(made, ("gas 3", 1.2, 2.8)) == []


def test_what_is_out_as_the_year_begins_did_not_trip_in_it():
    made = plan(3, 20, {"gas": fleet(3, 3, 2)})
    assert short(made, ("gas 1", 0.0, 2.5)) == []


def test_two_trips_in_one_hour_are_met_one_after_the_other():
    """Standby ordered at 1.2 is there at 1.3; nothing is left for the trip at 1.6.

    The second is back at 2.0 and starts in 0.1 h.
    """
    made = plan(3, 20, {"gas": fleet(3, 3, 2)})
    outages = [("gas 1", 1.2, 2.9), ("gas 2", 1.6, 2.0)]
    assert short(made, *outages) == [(1.2, 0.1, 10.0), (1.6, 0.5, 10.0)]


def test_a_repaired_unit_starts_before_it_carries_load():
    """Back at 2.0 with nothing else left: 0.1 h to start, as ordered then."""
    made = plan(4, 20, {"gas": fleet(4, 2, 2)})
    found = short(made, ("gas 1", 1.0, 2.25))
    assert found == [(1.0, 1.35, 10.0)]


def test_a_derated_unit_gives_less():
    """40 % of 10 MW are missing until the third unit is there."""
    gas = fleet(3, 3, 2, derated_loss_frac=0.4, derated_time_frac=0.1)
    made = plan(3, 20, {"gas": gas})
    assert short(made, ("gas 1 derated", 1.0, 1.5)) == [(1.0, 0.5, 4.0)]


# Batteries


def test_a_battery_bridges_until_the_standby_unit_is_there():
    """It gives 10 MW for 0.1 h: 1 MWh, and is filled up again by the plan's hour."""
    parts = {"gas": fleet(4, 3, 2), "bat": battery(4, 10, 50)}
    found, totals = ran(plan(4, 20, parts), ("gas 1", 1.25, 3.5))
    assert len(found.year) == 0
    assert_allclose(totals.discharge, 1)


def test_a_battery_bridges_only_within_its_power():
    parts = {"gas": fleet(4, 3, 2), "bat": battery(4, 4, 50)}
    assert short(plan(4, 20, parts), ("gas 1", 1.25, 3.5)) == [(1.25, 0.1, 6.0)]


def test_a_battery_bridges_only_within_its_energy():
    """0.5 MWh at 80 % give 10 MW for 0.04 h; then 0.06 h are short.

    Lossless it would be 0.05 h and 0.05 h.
    """
    bat = battery(4, 10, 0.5, discharge_frac=0.8)
    made = plan(4, 20, {"gas": fleet(4, 3, 2), "bat": bat})
    assert short(made, ("gas 1", 1.25, 3.5)) == [(1.29, 0.06, 10.0)]


def test_a_batterys_floor_is_never_used():
    bat = battery(4, 10, 50, floor_mwh=49.5)
    made = plan(4, 20, {"gas": fleet(4, 3, 2), "bat": bat})
    assert short(made, ("gas 1", 1.25, 3.5)) == [(1.3, 0.05, 10.0)]


def test_an_empty_battery_has_no_initial_charge_for_nothing():
    """The plan begins with what it ends with, nothing: the whole trip is short."""
    parts = {"gas": fleet(4, 3, 2), "bat": battery(4, 10, 0)}
    assert short(plan(4, 20, parts), ("gas 1", 0.25, 3.5)) == [(0.25, 0.1, 10.0)]


def test_a_block_out_takes_its_share():
    """One of two blocks: 5 of 10 MW are there."""
    bat = battery(4, 10, 50, blocks=2)
    made = plan(4, 20, {"gas": fleet(4, 3, 2), "bat": bat})
    outages = [("bat block 1", 0.5, 3.9), ("gas 1", 1.25, 3.5)]
    # The spare unit was started when the block went: it carries the trip.
    assert short(made, *outages) == []
    made = plan(4, 20, {"gas": fleet(4, 2, 2), "bat": bat})
    assert short(made, *outages) == [(1.25, 2.35, 5.0)]


def test_a_battery_goes_back_to_its_plan_from_what_is_left_over():
    """Two of four trip at 30 MW: 10 MW for 0.15 h, until both have started again.

    The 1.5 MWh come back from 10 MW of surplus, and no more than that.
    """
    parts = {"gas": fleet(4, 4, 4), "bat": battery(4, 20, 50)}
    outages = [("gas 1", 1.25, 1.3), ("gas 2", 1.25, 1.3)]
    _, totals = ran(plan(4, 30, parts), *outages, skip=False)
    assert_allclose(totals.discharge, 1.5)
    assert_allclose(totals.charge, 1.5)


# Grid


def test_a_backup_grid_is_short_until_it_is_switched_in():
    """10 MW for 0.25 h; a parallel connection carries at once."""
    made = plan(4, 10, {"gas": fleet(4, 1, 1), "net": grid(4, 10)})
    assert short(made, ("gas 1", 1.25, 3.5)) == [(1.25, 0.25, 10.0)]
    assert causes(made, ("gas 1", 1.25, 3.5)) == {Cause.TRIP: 2.5}
    at_once = plan(4, 10, {"gas": fleet(4, 1, 1), "net": grid(4, 10, once=10)})
    assert short(at_once, ("gas 1", 1.25, 3.5)) == []


def test_a_grid_that_is_out_does_not_help():
    """Short from the trip to 2.0, when the grid is back, and 0.25 h to switch."""
    made = plan(4, 10, {"gas": fleet(4, 1, 1), "net": grid(4, 10)})
    outages = [("gas 1", 1.25, 3.5), ("grid", 1.0, 2.0)]
    assert short(made, *outages) == [(1.25, 1.0, 10.0)]
    assert causes(made, *outages) == {Cause.GRID: 7.5, Cause.TRIP: 2.5}


def test_lost_import_starts_a_unit():
    """The plan buys 10 of 20 MW; a unit stands by."""
    net = grid(4, 10, once=10, import_mw=10)
    made = plan(4, 20, {"gas": fleet(4, 2, 1), "net": net})
    assert short(made, ("grid", 1.25, 3.5)) == [(1.25, 0.1, 10.0)]


def test_a_backup_grid_is_switched_in_once_no_reserve_is_left():
    """After the first trip two of 10 MW are left for 20, and none stands by.

    The grid is called then, so that the second trip finds it there.
    """
    made = plan(6, 20, {"gas": fleet(6, 3, 3), "net": grid(6, 30)})
    outages = [("gas 1", 1.0, 5.9), ("gas 2", 3.0, 5.0)]
    assert short(made, *outages) == []
    near = [("gas 1", 1.0, 5.9), ("gas 2", 1.2, 5.0)]  # 0.05 h before it is there
    assert short(made, *near) == [(1.2, 0.05, 10.0)]


def test_two_grids_are_refused():
    parts = {"gas": fleet(2, 1, 1), "a": grid(2, 1), "b": grid(2, 1)}
    with pytest.raises(CaseError, match="one link"):
        plan(2, 10, parts)


# Fuel and common causes


def test_without_gas_no_unit_on_gas_runs():
    made = plan(4, 20, {"gas": fleet(4, 3, 2), "sun": sun(4, 5)})
    assert short(made, ("gas line", 1.25, 2.5)) == [(1.25, 1.25, 15.0)]
    assert causes(made, ("gas line", 1.25, 2.5)) == {Cause.FUEL: 18.75}


def test_stored_fuel_lasts_as_long_as_it_holds():
    """15 MWh at 10 MW last 1.5 h; a refill of 5 MW would make it 3 h."""
    gas = fleet(6, 1, 1, dual_fuel=True)
    made = plan(6, 10, {"gas": gas, "tank": stock(15)})
    assert short(made, ("gas line", 1.0, 5.0)) == [(2.5, 2.5, 10.0)]
    made = plan(6, 10, {"gas": gas, "tank": stock(15, 5)})
    assert short(made, ("gas line", 1.0, 5.0)) == [(4.0, 1.0, 5.0)]
    alone = plan(6, 10, {"gas": fleet(6, 1, 1), "tank": stock(15)})
    assert short(alone, ("gas line", 1.0, 5.0)) == [(1.0, 4.0, 10.0)]


def test_the_grid_spares_stored_fuel_once_it_is_there():
    """Fuel for 0.5 h bridges the 0.25 h until the grid; nothing is short for 4 h."""
    gas = fleet(6, 1, 1, dual_fuel=True)
    made = plan(6, 10, {"gas": gas, "tank": stock(5), "net": grid(6, 10)})
    assert short(made, ("gas line", 1.0, 5.0)) == []


def test_nothing_passes_a_switchyard_that_is_out():
    parts = {"gas": fleet(4, 3, 2), "bat": battery(4, 50, 50)}
    made = plan(4, 20, parts)
    assert short(made, ("switchyard", 1.5, 2.0)) == [(1.5, 0.5, 20.0)]
    assert causes(made, ("switchyard", 1.5, 2.0)) == {Cause.SWITCHYARD: 10}


def test_a_cold_spell_takes_units_and_grid_together():
    """Half of 30 MW and the whole grid: 5 of 20 MW are short, once the third is on."""
    parts = {"gas": fleet(4, 3, 3), "net": grid(4, 50, once=50)}
    made = plan(4, 20, parts, outages=COLD)
    assert short(made, ("cold spell", 1.0, 2.0)) == [(1.0, 1.0, 5.0)]
    assert causes(made, ("cold spell", 1.0, 2.0)) == {Cause.COLD: 5}


def test_a_cold_spell_takes_part_of_the_gas():
    """80 % less of the 20 MW that the plan makes of gas: 4 MW are left."""
    outages = {"cold_spells_per_yr": 1.0, "cold_spell_gas_frac": 0.8}
    made = plan(4, 20, {"gas": fleet(4, 3, 2)}, outages=outages)
    assert short(made, ("cold spell", 1.0, 2.0)) == [(1.0, 1.0, 16.0)]


def test_cold_spells_begin_in_the_months_of_the_case():
    """Drawn in the first quarter of 8 h, moved to the first of the two cold hours."""
    months = [7, 7, 7, 7, 7, 1, 1, 7]
    parts = {"gas": fleet(8, 2, 2)}
    made = plan(8, 20, parts, outages=COLD, months=months)
    assert short(made, ("cold spell", 1.0, 1.5)) == [(5.25, 0.5, 10.0)]


def test_without_common_causes_their_rates_are_zero():
    outages = COLD | {"gas_line_events_per_yr": 1, "switchyard_events_per_yr": 1}
    made = plan(2, 20, {"gas": fleet(2, 2, 2, forced_outage_frac=0.1)}, outages=outages)
    kept = made.without_common_causes()
    rates = {e.name: e.rate_per_yr for e in kept.elements if e.rate_per_yr}
    assert set(rates) == {"gas 1", "gas 2"}
    assert len(kept.elements) == len(made.elements) == 5


# Causes


def test_a_unit_that_only_maintenance_keeps_away_is_the_cause():
    """Third unit in maintenance. Failed units back would do as well; order decides."""
    made = plan(4, 20, {"gas": fleet(4, 3, 2, out_units=1, start_h=0)})
    assert causes(made, ("gas 1", 1.0, 2.0)) == {Cause.MAINTENANCE: 10}


def test_units_in_maintenance_do_not_fail():
    made = plan(4, 20, {"gas": fleet(4, 3, 2, out_units=1)})
    assert short(made, ("gas 3", 1.0, 2.0)) == []


def test_maintenance_that_begins_beside_a_repair_leaves_one_less():
    """From hour 2 one of the two units left is in maintenance."""
    gas = fleet(4, 3, [2, 2, 2, 2], out_units=[0, 0, 1, 1])
    made = plan(4, 20, {"gas": gas})
    assert short(made, ("gas 1", 0.0, 3.9)) == [(2.0, 2.0, 10.0)]


def test_causes_of_an_outage_that_has_two():
    """Grid and unit out for good: the grid alone would do, and comes first."""
    parts = {"gas": fleet(6, 1, 1, start_h=0), "net": grid(6, 10)}
    made = plan(6, 10, parts)
    outages = [("grid", 0.0, 6.0), ("gas 1", 2.0, 4.0)]
    assert causes(made, *outages) == {Cause.GRID: 20}
    small = {"gas": fleet(6, 2, 2, start_h=0), "net": grid(6, 5)}
    outages = [("gas line", 2.0, 4.0), ("switchyard", 2.0, 4.0)]
    assert causes(plan(6, 20, small), *outages) == {Cause.SEVERAL: 40}


def test_failed_units_are_the_cause_where_nothing_was_in_maintenance():
    made = plan(4, 20, {"gas": fleet(4, 2, 2)})
    assert causes(made, ("gas 1", 1.0, 1.5)) == {Cause.UNITS: 5, Cause.TRIP: 1}


# The plan


def test_a_unit_that_the_plan_starts_is_there_in_time():
    made = plan(4, [10, 20, 20, 10], {"gas": fleet(4, 2, [1, 2, 2, 1])})
    assert short(made) == []


def test_a_spare_unit_covers_a_planned_start():
    """The first fails in hour 0; the third is started for hour 1 beside the second."""
    made = plan(4, [10, 20, 20, 10], {"gas": fleet(4, 3, [1, 2, 2, 1])})
    assert short(made, ("gas 1", 0.5, 3.9)) == [(0.5, 0.1, 10.0)]


def test_what_the_plan_leaves_short_is_not_counted_twice():
    made = plan(4, 25, {"gas": fleet(4, 2, 2)}, unserved=5)
    assert short(made) == []
    assert_allclose(made.load_mw, 20)
    assert_allclose(made.planned_short_mw, 5)


def test_a_start_that_fails_is_made_good_by_the_next_unit():
    """Failing for certain, each start costs 0.1 h and a unit."""
    gas = fleet(4, 4, 2, start_failure_frac=1 - 1e-12, repair_h=1e9)
    made = plan(4, 20, {"gas": gas})
    assert short(made, ("gas 1", 1.25, 9.0)) == [(1.25, 2.75, 10.0)]
    sure = plan(4, 20, {"gas": fleet(4, 4, 2, start_failure_frac=1e-12)})
    assert short(sure, ("gas 1", 1.25, 9.0)) == [(1.25, 0.1, 10.0)]


def test_starts_fail_as_often_as_they_should():
    """4,000 years with one start each at 20 %: 800 fail, give or take 3.3 x 25."""
    gas = fleet(3, 2, 1, start_failure_frac=0.2, repair_h=1e9)
    made = plan(3, 10, {"gas": gas})
    found, _ = ran(made, ("gas 1", 1.0, 3.0), years=4000)
    failed = np.bincount(found.year, found.span_h, minlength=4000) > 1.5
    assert abs(failed.sum() - 800) < 83


# No foresight, energy, batches


def test_later_outages_change_nothing_before_them():
    """The same until hour 30, another hour 30 to 48: the same shortages until then."""
    rng = np.random.default_rng(5)
    hours = 48
    parts = {
        "gas": fleet(hours, 5, rng.integers(2, 4, hours), start_failure_frac=0.2),
        "bat": battery(hours, 4, 3 + rng.random(hours)),
        "net": grid(hours, 6),
    }
    made = plan(hours, 26 + 4 * rng.random(hours), parts)
    early = [
        ("gas 1", 3.3, 40),
        ("gas 2", 9.6, 29),
        ("grid", 9.1, 20),
        ("gas 4", 9.9, 13),
    ]
    one, _ = ran(made, *early, ("gas 3", 33.3, 47), ("gas line", 35.2, 36))
    other, _ = ran(made, *early, ("gas 5", 30.01, 47), ("switchyard", 31.2, 41))
    before = [f.start_h < 30 for f in (one, other)]
    assert before[0].sum() > 3
    for field in ("start_h", "short_mw", "cause", "rise_mw"):
        assert_allclose(
            getattr(one, field)[before[0]], getattr(other, field)[before[1]]
        )
    assert len(one.year) != before[0].sum()


def long_plan(hours=400, seed=3, **changes):
    """A plant with something of everything, its plan feasible and not."""
    rng = np.random.default_rng(seed)
    online = rng.integers(3, 6, hours)
    wave = 20 + 12 * np.sin(np.arange(hours) / 5)
    gas = {"forced_outage_frac": 0.15, "repair_h": 12, "start_failure_frac": 0.1}
    gas |= {"derated_time_frac": 0.05, "derated_loss_frac": 0.4, "dual_fuel": True}
    parts = {
        "gas": fleet(hours, 7, online, out_units=np.arange(hours) // 50 % 2, **gas),
        "slow": fleet(hours, 2, 1, unit_mw=15.0, start_h=3.0, forced_outage_frac=0.1),
        "bat": battery(
            hours, 15, wave, floor_mwh=2, charge_frac=0.9, discharge_frac=0.8,
            blocks=3, forced_outage_frac=0.05,
        ),
        "net": grid(hours, 12, outages_per_yr=80),
        "sun": sun(hours, 20 * np.clip(np.sin(np.arange(hours) / 4), 0, None)),
        "tank": stock(60, 1),
    }  # fmt: skip
    outages = COLD | {"gas_line_events_per_yr": 40, "switchyard_events_per_yr": 20}
    outages |= {"cold_spells_per_yr": 30, "cold_spell_gas_frac": 0.5}
    outages |= {"cold_spell_h": 20, "gas_line_h": 10}
    load = np.minimum(15 + 10 * online, 40 + 5 * rng.random(hours))
    return plan(hours, load, parts, outages=outages | changes)


def sampled(made, years=60, seed=1, **options):
    from energyopt.uptime.histories import sample_histories

    histories = sample_histories(made.elements, made.hours, range(years), seed)
    return operate(made, histories, range(years), seed, **options)


def test_energy_balances_over_sampled_years():
    """Made, bought and discharged is served and charged; stored energy is followed."""
    made = long_plan()
    found, t = sampled(made, skip=False)
    assert found.short_mwh.sum() > 100
    assert_allclose(t.hours, made.hours)
    assert_allclose(t.load, made.load_mw.sum())
    given = t.units + t.sun_wind + t.link + t.stock + t.discharge
    assert_allclose(given, t.load - t.short + t.charge)
    assert (t.units >= -1e-9).all()
    assert (t.link <= 12 * made.hours).all()
    # Of what went in 0.9 is stored; what came out took 1 / 0.8. It began as planned.
    begin, full = made.batteries[0].before_mwh[0], made.batteries[0].full_mwh
    end = begin + 0.9 * t.charge - t.discharge / 0.8
    assert (end >= 2 - 1e-6).all()
    assert (end <= full + 1e-6).all()
    assert (t.stock <= 60 + made.hours).all()


def test_years_on_plan_are_passed_over_without_changing_the_answer():
    """What is short is the same; most hours were not looked at."""
    made = long_plan()
    whole, every = sampled(made, skip=False)
    some, few = sampled(made)
    assert few.hours.sum() < 0.95 * every.hours.sum()
    assert_allclose(some.short_mwh.sum(), whole.short_mwh.sum(), rtol=1e-9)
    assert_allclose(some.start_h, whole.start_h)
    assert (some.cause == whole.cause).all()


def test_units_never_give_more_than_those_online_can():
    made = long_plan()
    _, t = sampled(made, skip=False)
    most = (made.machines.unit_mw * made.machines.units).sum()
    assert (t.units <= most).all()


def test_failures_per_year_follow_from_the_share_of_time():
    """5 % at 50 h: 950 h between failures, 9.22 a year in service."""
    assert_allclose(failures_per_yr(0.05, 50), 8760 / 950)


def test_every_element_is_listed_once_and_in_order():
    made = long_plan()
    effects = [Effect(e) for e in made.effect]
    assert effects == sorted(effects)
    assert effects.count(Effect.UNIT) == 9
    assert effects.count(Effect.DERATE) == 7
    assert effects.count(Effect.BLOCK) == 3
    assert len({e.name for e in made.elements}) == len(made.elements)


def test_a_script_of_nothing_is_a_year_without_shortage():
    made = plan(4, 20, {"gas": fleet(4, 3, 2)})
    found, _ = operate(made, script(made), range(1), 0)
    assert len(found.year) == 0
    assert replace(made, hold_h=0.5).hours == 4
