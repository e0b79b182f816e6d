"""Sampled years of a dispatched plant: against the exact table, workers, the answer."""

from __future__ import annotations

import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import plants
import pytest
from numpy.testing import assert_allclose
from test_uptime_operate import long_plan
from uptime_plans import battery, fleet, plan, script

from energyopt import metrics
from energyopt.case import Case
from energyopt.casefile import read_case
from energyopt.errors import DataError
from energyopt.report import RunFolder
from energyopt.technologies import Horizon
from energyopt.uptime.answer import availability, worst_event
from energyopt.uptime.causes import WORDS, Cause
from energyopt.uptime.contingencies import contingencies
from energyopt.uptime.elements import plans_of
from energyopt.uptime.estimate import estimate
from energyopt.uptime.measures import Sampled
from energyopt.uptime.operate import operate
from energyopt.uptime.sample import Sampler, blocks_of, uptime_of_run
from energyopt.uptime.saved import read_saved
from energyopt.uptime.table import Units, adequacy
from energyopt.uptime.told import tidy

HOURS = 240


def bare(units: int = 5, **changes: Any):
    """Return units that are always on and replaced by nothing, under a moving load."""
    load = 2 * units * (3 + 1.5 * np.sin(np.arange(HOURS) / 4))
    given = {"start_h": 0.0, "forced_outage_frac": 0.1, "repair_h": 15} | changes
    return plan(HOURS, load, {"gas": fleet(HOURS, units, units, **given)})


def sampled_of(made, years: int, seed: int = 1, batch: int = 1000) -> Sampled:
    return Sampler(seed, batch=batch).begin([made], years)()


# The sampler against what is exact


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_agrees_with_the_exact_table_where_nothing_but_units_counts(seed):
    """Six intervals of 95 % each at fixed seeds; 99.9 % ones would be 1.7 as wide.

    By chance alone one of the six misses in a quarter of all choices of seeds, so the
    intervals are taken at 99.9 %: a false alarm in 170.
    """
    made = bare()
    exact = adequacy([Units(10.0, 5, 0.1)], made.load_mw)
    found = sampled_of(made, 2000, seed)
    for values, expected in (
        (found.short_h(), exact.lolh_h),
        (found.unserved_mwh(), exact.eue_mwh),
    ):
        told = estimate(values, found.log_weight, confidence_frac=0.999)
        assert told.low < expected < told.high
        assert told.high - told.low < 0.35 * expected


def test_derated_units_agree_with_the_exact_table():
    made = bare(derated_time_frac=0.2, derated_loss_frac=0.5)
    # Up and derated: 0.9 x 0.2 of the time half of the power, out 0.1.
    group = Units(10.0, 5, 0.1, derated_frac=0.5, derated_time_frac=0.18)
    exact = adequacy([group], made.load_mw)
    found = sampled_of(made, 2000)
    told = estimate(found.unserved_mwh(), found.log_weight, confidence_frac=0.999)
    assert told.low < exact.eue_mwh < told.high


def test_importance_sampling_is_unbiased():
    """Units that are rarely out: the same mean, from far more years with a shortage."""
    rare = bare(3, forced_outage_frac=0.002, repair_h=10)
    biased = replace(
        rare, elements=tuple(replace(e, importance=4.0) for e in rare.elements)
    )
    plain, mixed = sampled_of(rare, 6000), sampled_of(biased, 6000)
    exact = adequacy([Units(10.0, 3, 0.002)], rare.load_mw).eue_mwh
    for found in (plain, mixed):
        told = estimate(found.unserved_mwh(), found.log_weight, confidence_frac=0.999)
        assert told.low < exact < told.high
    seen = [np.count_nonzero(f.unserved_mwh()) for f in (plain, mixed)]
    assert seen[1] > 1.8 * seen[0]
    assert_allclose(np.exp(mixed.log_weight).mean(), 1, atol=0.05)


# Batches and workers


def same(one: Sampled, other: Sampled) -> None:
    for field in ("year", "start_h", "span_h", "short_mw", "cause", "rise_mw"):
        assert_allclose(
            getattr(one.shortages, field), getattr(other.shortages, field), rtol=0
        )
    assert_allclose(one.log_weight, other.log_weight, rtol=0)


def test_the_answer_does_not_depend_on_the_batches():
    made = long_plan(150)
    whole = sampled_of(made, 48)
    assert len(whole.shortages.year) > 50
    same(whole, sampled_of(made, 48, batch=4))
    same(whole, sampled_of(made, 48, batch=20))


def test_the_answer_does_not_depend_on_the_workers():
    made = long_plan(100)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        there = Sampler(1, pool, batch=8).begin([made], 16)()
    assert len(there.shortages.year) > 5
    same(sampled_of(made, 16), there)


def test_a_seed_gives_its_own_years():
    made = long_plan(100)
    one, other = sampled_of(made, 16, 1), sampled_of(made, 16, 2)
    assert one.shortages.short_mwh.sum() != other.shortages.short_mwh.sum()


def test_weather_years_share_the_sample_in_groups_of_four():
    plans = [replace(bare(), year_share=s) for s in (0.75, 0.25)]
    assert blocks_of(plans, 101) == [range(0, 76), range(76, 100)]
    found = Sampler(1).begin(plans, 101)()
    assert found.years == 100
    assert_allclose(found.scale().mean(), 1.0)


def test_a_unit_more_meets_the_same_outages():
    """Common random numbers: what it takes away is never less than nothing."""
    more = bare(6)
    more = replace(more, load_mw=bare(5).load_mw)
    five, six = sampled_of(bare(5), 200), sampled_of(more, 200)
    less = five.unserved_mwh() - six.unserved_mwh()
    assert (less >= -1e-9).all()
    assert less.sum() > 0


# What shortages amount to


def measured(made, *outages: tuple[str, float, float], years: int = 8) -> Sampled:
    found, _ = operate(made, script(made, *outages, years=years), range(years), 0)
    return Sampled([made], [range(years)], found, np.zeros(years))


def test_measures_of_two_shortages_by_hand():
    """10 of 20 MW for 0.5 h, and from 3.0 for 0.25 h: 7.5 MWh, 0.75 h, 2 events.

    PUE 1.25: 6 MWh of the GPUs. Each time 10 MW rise: at 2 h a restart 40 MWh.
    """
    gas = fleet(5, 2, 2, start_h=0)
    found = measured(
        plan(5, 20, {"gas": gas}), ("gas 1", 1.0, 1.5), ("gas 1", 3.0, 3.25)
    )
    assert_allclose(found.unserved_mwh(), 7.5)
    assert_allclose(found.gpu_mwh(), 6)
    assert_allclose(found.short_h(), 0.75)
    assert_allclose(found.short_h(0.49), 0.75)
    assert_allclose(found.short_h(0.51), 0)
    assert_allclose(found.restart_mwh(2.0), 40)
    assert_allclose(found.events_per_yr(), 2)
    assert_allclose(found.events().length_h[:2], [0.5, 0.25])
    by = sum(found.unserved_mwh(cause) for cause in Cause)
    assert_allclose(by, found.unserved_mwh())


def test_shortages_less_than_an_hour_apart_are_one_event():
    gas = fleet(5, 2, 2, start_h=0)
    found = measured(
        plan(5, 20, {"gas": gas}), ("gas 1", 1.0, 1.5), ("gas 1", 2.0, 2.25)
    )
    assert_allclose(found.events_per_yr(), 1)
    assert_allclose(found.events().length_h[0], 1.25)


def test_what_the_plan_leaves_short_counts_under_its_own_cause():
    """5 of 25 MW in each of 4 hours: 20 MWh, 4 h of which none is 30 % short."""
    gas = fleet(4, 2, 2, start_h=0)
    made = plan(4, 25, {"gas": gas}, unserved=5)
    found = measured(made)
    assert_allclose(found.unserved_mwh(), 20)
    assert_allclose(found.unserved_mwh(Cause.PLAN), 20)
    assert_allclose(found.short_h(), 4)
    assert_allclose(found.short_h(0.3), 0)
    again = measured(made, ("gas 1", 1.0, 1.5))  # 15 of 25 MW then
    assert_allclose(again.short_h(), 4)
    assert_allclose(again.short_h(0.3), 0.5)


def test_no_shortage_seen_is_no_certainty():
    """Nothing in 8 years: up to 3 / 8 years with an hour of full load could be."""
    found = availability(measured(plan(4, 10, {"gas": fleet(4, 2, 2)})))
    assert found["gpu_energy"]["frac"] == 1
    assert found["gpu_energy"]["low_frac"] < 1
    assert found["gpu_energy"]["nines"] is None
    assert found["years_short"] == 0
    assert worst_event(measured(plan(4, 10, {"gas": fleet(4, 2, 2)}))).startswith(
        "none"
    )


def test_the_worst_event_in_words():
    gas = fleet(5, 2, 2, start_h=0)
    found = measured(plan(5, 20, {"gas": gas}), ("gas 1", 1.0, 3.5))
    told = worst_event(found)
    assert "25 MWh in 2.5 h, at most 10 MW (50% of the load), by units out" in told


# Contingencies


def test_one_loss_is_carried_and_two_are_not():
    """3 of 10 MW for 20 MW: any one may go; of two the first hour is 10 MW short.

    They are back after 5 h: 10 MW for 5 h and 0.1 h to start.
    """
    hours = 200
    gas = fleet(hours, 3, 3, forced_outage_frac=0.1, repair_h=5)
    one, two = contingencies(plan(hours, 20, {"gas": gas}))
    assert (one.elements, one.trips_short, one.worst_mwh) == (("gas 1",), 0, 0)
    assert one.cause is None
    assert two.elements == ("gas 1", "gas 2")
    assert two.trips == 200
    assert_allclose(two.worst_mwh, 51)
    assert_allclose(two.worst_mw, 10)


def test_common_causes_stand_in_the_table_if_the_case_has_them():
    hours = 100
    parts = {"gas": fleet(hours, 2, 2), "bat": battery(hours, 20, 50)}
    made = plan(
        hours, 10, parts, outages={"gas_line_events_per_yr": 1, "gas_line_h": 4}
    )
    found = {one.elements: one for one in contingencies(made)}
    assert ("switchyard",) not in found
    assert_allclose(found["gas line",].worst_mwh, 0)
    assert {"gas 1", "bat block 1"} in map(set, found)


# A run folder


TINY = {
    "technologies": {
        "gas": plants.GAS
        | {"min_units": 3, "max_units": 3, "forced_outage_frac": 0.05, "repair_h": 8},
        "battery": plants.BATTERY
        | {"min_mw": 2, "max_mw": 2, "max_mwh": 4, "min_hours_h": 2, "block_mw": 1},
        "grid": plants.GRID | {"max_mw": 2, "min_mw": 2, "outages_per_yr": 9},
    },
    "load": {"facility_mw": 20, "kw_per_gpu": 2, "restart_h": 1},
    "outages": {"gas_line_events_per_yr": 300, "gas_line_h": 3},
    "limits": {"gpu_served_frac": 0.5},
    "contingencies": {},
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a solved run of 48 hours."""
    here = tmp_path_factory.mktemp("run")
    made = Case.model_validate(plants.merged(plants.CASE, TINY))
    result = plants.solved(made, 48)
    path = here / "tiny.yaml"
    path.write_text(json.dumps(plants.merged(plants.CASE, TINY)))
    times = {"inputs": 0.0, "build": 0.0, "solve": 0.0, "verify": 0.0, "total": 0.0}
    with RunFolder.open(read_case(path), here / "out") as folder:
        return folder.write(result, metrics.summary(result, times))


def test_the_plan_is_read_back_as_it_was_solved(run: Path):
    (made,) = read_saved(run).plans()
    assert made.hours == 48
    assert made.machines.units.tolist() == [3]
    assert made.batteries[0].blocks == 2
    assert_allclose(made.load_mw, 20)
    assert made.link is not None
    assert_allclose(made.link.size_mw, 2)
    carried = made.machines.online * made.machines.unit_mw
    assert (carried.sum(axis=1) + made.link.size_mw + 2 >= 20).all()


def test_uptime_of_a_run_writes_what_it_found(run: Path):
    found = uptime_of_run(run, 40, 1, 1)
    told = json.loads((run / "uptime.json").read_text())
    assert told == json.loads(json.dumps(found.document, allow_nan=False))
    assert told["years"] == 40
    base = told["uptime"]["base"]
    for s in (base["with_common_causes"], base["without_common_causes"]):
        for what in ("gpu_energy", "full_hours"):
            assert s[what]["low_frac"] <= s[what]["frac"] <= s[what]["high_frac"]
    assert (
        base["with_common_causes"]["gpu_energy"]["frac"]
        < base["without_common_causes"]["gpu_energy"]["frac"]
    )
    by = told["unserved_mwh_per_yr_by_cause"]
    assert set(by) == set(WORDS.values())
    assert_allclose(
        sum(e["mean"] for e in by.values()), told["unserved_mwh_per_yr"]["mean"]
    )
    assert [one["what"] for one in told["one_more"]] == [
        "one more unit of gas",
        "10 % more of battery",
    ]
    assert (run / "uptime.csv").read_text().startswith("quantity,rates,common_causes")
    assert len(tidy(told)) == len(found.table)
    assert not list(run.glob(".uptime*"))
    for words in (
        "GPU energy served",
        "fuel",
        "one more unit of gas",
        "Approximations",
    ):
        assert words in found.text


def test_rates_without_a_range_stay_and_are_named(run: Path):
    """The tiny case writes its own: low, base and high are one."""
    found = uptime_of_run(run, 16, 1, 1).document
    assert "technologies.gas.forced_outage_frac" in found["fixed_rates"]
    assert found["uptime"]["low"] == found["uptime"]["high"]


def test_rates_follow_the_ranges_of_the_catalogue(run: Path):
    saved = read_saved(run)
    path = "technologies.gas.forced_outage_frac"
    saved = replace(saved, ranges={path: {"low": 0.02, "high": 0.08}})
    rates = [saved.rated(r)[0].technologies["gas"] for r in ("low", "base", "high")]
    assert [t.forced_outage_frac for t in rates] == [0.02, 0.05, 0.08]


def test_a_folder_of_another_kind_is_refused(tmp_path: Path, run: Path):
    with pytest.raises(DataError, match=r"no case\.resolved\.yaml there"):
        read_saved(tmp_path)
    old = tmp_path / "old"
    old.mkdir()
    (old / "case.resolved.yaml").write_text((run / "case.resolved.yaml").read_text())
    with pytest.raises(DataError, match=r"no decisions\.json there"):
        read_saved(old)


def test_two_weather_years_are_sampled_each_by_its_weight():
    """The second is 20 MW of 30 and short by 10 for ever: it counts a quarter.

    Weights 3 and 1 of two years of two hours: 1.5 and 0.5 h an hour, 4 h in all. In
    the average year 0.25 x 4 h x 10 MW = 10 MWh, which plain means would make 20.
    """
    at = Horizon(
        hours=range(4),
        weight=[1.5, 1.5, 0.5, 0.5],
        chains=(range(2), range(2, 4)),
        years=(range(2), range(2, 4)),
        week_of=[0, 0, 1, 1],
    )
    shared: dict[str, Any] = {
        "demand_mw": [20.0] * 2 + [30.0] * 2,
        "unserved_mw": [0.0] * 2 + [10.0] * 2,
        "pue": [1.0] * 4,
        "month": [1] * 4,
        "chain_start": [True, False, True, False],
    }
    bat = battery(4, 5, [3, 3, 7, 7])
    said = {"gas": fleet(4, 2, 2), "bat": bat}
    plans = plans_of(plants.case(contingencies={}), said, at, shared)
    assert [p.hours for p in plans] == [2, 2]
    assert [p.first_hour for p in plans] == [0, 2]
    assert_allclose([p.batteries[0].before_mwh[0] for p in plans], [3, 7])
    assert_allclose([p.weight.sum() for p in plans], [4, 4])
    found = Sampler(1).begin(plans, 64)()
    assert [len(b) for b in found.blocks] == [48, 16]
    assert_allclose(found.unserved_mwh().mean(), 10)
    assert_allclose(found.short_h().mean(), 1)
