"""Along a limit from none to the strictest, and plants that cost about the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plants
import pytest
from numpy.testing import assert_allclose
from sweeps import little
from typer.testing import CliRunner

from energyopt import __main__ as command
from energyopt.alternatives import extreme_sizes, least_value
from energyopt.case import Reliability
from energyopt.casefile import read_case
from energyopt.errors import CaseError, InfeasibleError
from energyopt.memo.swept import kept_plants
from energyopt.model import SIZES, build_model, hold_sizes
from energyopt.sweep.asked import asked_on_line
from energyopt.sweep.frontier import levels_in_nines, with_costs
from energyopt.sweep.keys import case_mark
from energyopt.sweep.questions import UPTIME
from energyopt.sweep.run import How, sweep, sweep_frontier
from energyopt.sweep.shown import terminal_lines
from energyopt.sweep.work import Task, solve_point
from energyopt.uptime.target import highest_frac

CO2 = "limits.co2_t_per_yr"
DIRTY = plants.GRID | {"max_mw": 10, "co2_t_per_mwh": 0.5}
CLEAN = plants.SOLAR | {"max_mw": 8, "capital_usd_per_kw": 0.876, "life_yr": 1}
HOURS = 2
FLAT = {"power_usd_per_mwh": 30, "solar__share_frac": 1.0}


def two(**changes: Any) -> Any:
    """Return 10 MW from a dirty grid at 30 $/MWh, or from a sun that always shines."""
    more = {"technologies": {"grid": DIRTY, "solar": CLEAN}} | changes
    return plants.case(**more)


# Worked out on paper


def test_the_costs_of_a_frontier_by_hand():
    """100 t for 1,000 $, 60 t for 1,200 $, 50 t for 1,400 $.

    Average: 200 / 40 = 5 and 400 / 50 = 8; from the point before: 5 and 200 / 10 = 20.
    The alternative in the last row is on no frontier.
    """
    table = pd.DataFrame(
        {
            "design": ["base", "frontier", "frontier", "frontier", "alternative"],
            "reoptimised.co2_t_per_yr": [100.0, 60.0, np.nan, 50.0, 70.0],
            "reoptimised.objective_usd_per_yr": [1000.0, 1200.0, np.nan, 1400.0, 9.0],
            f"reoptimised.shadow_price.{CO2}": [0.0, 7.0, np.nan, 30.0, 0.0],
        }
    )
    found = with_costs(table, CO2)
    nan = np.nan
    assert_allclose(found["frontier.average_cost_usd_per_t"], [nan, 5, nan, 8, nan])
    assert_allclose(found["frontier.step_cost_usd_per_t"], [nan, 5, nan, 20, nan])
    assert found["frontier.shadow_price_usd_per_t"][1] == 7


def test_a_share_costs_dollars_a_percent_point():
    """From 20 % to 25 % for 100 $ more: 20 $ a point."""
    table = pd.DataFrame(
        {
            "design": ["base", "frontier"],
            "reoptimised.renewable_share_frac": [0.20, 0.25],
            "reoptimised.objective_usd_per_yr": [1000.0, 1100.0],
        }
    )
    found = with_costs(table, "limits.renewable_share_frac")
    assert_allclose(found["frontier.step_cost_usd_per_point"][1], 20)


def test_the_least_of_a_limit_is_what_the_cleanest_plant_emits():
    """8 of 10 MW from the sun, 2 MW from the grid at 0.5 t/MWh, 2 h: 2 t.

    With the sun's limit forgotten it would be 0, with the grid's at 10 MW 10 t.
    """
    case = two(limits={"co2_t_per_yr": 0, "gpu_served_frac": 1})
    found = least_value(case, plants.inputs(case, HOURS, **FLAT), CO2)
    assert_allclose(found, 2.0, rtol=1e-6)
    share = two(limits={"renewable_share_frac": 1, "gpu_served_frac": 1})
    hours = plants.inputs(share, HOURS, **FLAT)
    found = least_value(share, hours, "limits.renewable_share_frac")
    assert_allclose(found, 0.8, rtol=1e-6)


def test_the_most_and_the_least_within_a_budget():
    """Grid: 10 MW for 2 h at 30 $: 600 $. A MW of sun costs 876 $ and saves 60 $.

    With 1,416 $ to spend, 816 $ more, the most sun is 816 / 816 = 1 MW.
    """
    case = two(limits={"gpu_served_frac": 1})
    hours = plants.inputs(case, HOURS, **FLAT)
    most = extreme_sizes(case, hours, "solar", most=True, budget_usd=1416)
    assert_allclose(most["solar"]["capacity_mw"], 1.0, rtol=1e-6)
    least = extreme_sizes(case, hours, "solar", most=False, budget_usd=1416)
    assert_allclose(least["solar"]["capacity_mw"], 0.0, atol=1e-6)


# Held sizes


def test_held_sizes_are_dispatched_anew():
    """3 MW of sun held: 7 MW from the grid, at any price of power."""
    case = two(limits={"gpu_served_frac": 1})
    plant = plants.built(case, HOURS, **FLAT)
    hold_sizes(plant, {"solar": {"capacity_mw": 3.0}, "grid": {"size_mw": 10.0}})
    plants.solve(plant)
    assert_allclose(plant.m.plant["solar"].capacity_mw.value, 3.0, rtol=2e-6)
    assert_allclose(plant.m.plant["grid"].import_mw[0].value, 7.0, rtol=2e-6)


@pytest.mark.parametrize(
    ("held", "told"),
    [
        (
            {"solar": {"capacity_mw": 9.0}},
            "solar.capacity_mw 9; the case allows at most 8",
        ),
        ({"wind": {"capacity_mw": 1.0}}, "has wind, which is not offered"),
    ],
)
def test_sizes_that_the_case_does_not_offer_cannot_be_held(held, told):
    with pytest.raises(InfeasibleError, match=told):
        hold_sizes(plants.built(two(), HOURS, **FLAT), held)


@pytest.mark.parametrize("kind", plants.EXAMPLES)
def test_every_size_of_a_technology_can_be_held(kind):
    """What is installed is named in SIZES; the rest of a block's single variables is not."""
    example = plants.EXAMPLES[kind]
    others = {"x": example, "gas": plants.GAS}
    plant = plants.built(plants.case(technologies=others, contingencies={}), 4)
    from pyomo.environ import Var

    block = plant.m.plant["x"]
    found = {
        var.local_name
        for var in block.component_objects(Var, descend_into=False)
        if not var.is_indexed() and not var.is_binary() and not var.fixed
    }
    assert found - set(SIZES) <= {"swing_mw"}


# The real thing


def test_a_limit_that_is_none_is_told(tmp_path: Path):
    asked = asked_on_line(little(tmp_path), (), ("reoptimised",))
    with pytest.raises(CaseError, match=r"did you mean 'limits\.co2_t_per_yr'"):
        sweep_frontier(asked, "limits.co2_t_per_y", 3, How(tmp_path / "out"))


def test_a_frontier_is_convex_and_its_alternatives_cost_about_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Two weeks of grid, sun and battery: a linear plant, whose prices only rise."""
    monkeypatch.chdir(tmp_path)
    asked = asked_on_line(little(tmp_path), (), ("reoptimised",))
    asked = replace(asked, near_frac=0.02)
    done = sweep_frontier(asked, CO2, 4, How(tmp_path / "out", workers=2))
    assert done.exit_code == 0
    table = done.table
    line = table[table["design"].isin(["base", "frontier"])]
    caps = line[CO2].astype(float).to_numpy()[1:]
    use = line["reoptimised.co2_t_per_yr"].to_numpy()
    assert_allclose(use[1:], caps, rtol=1e-5)
    assert_allclose(np.diff(use), np.diff(use)[0], rtol=1e-4)
    step = line["frontier.step_cost_usd_per_t"].to_numpy()[1:]
    shadow = line["frontier.shadow_price_usd_per_t"].to_numpy()[1:]
    assert (np.diff(step) > 0).all()
    assert (shadow[:-1] >= step[:-1] * 0.95).all()
    assert (shadow[:-1] <= step[1:] * 1.05).all()
    near = table[table["design"] == "alternative"].set_index("label")
    best = table["reoptimised.objective_usd_per_yr"][0]
    assert (near["reoptimised.objective_usd_per_yr"] <= 1.0201 * best).all()
    for name in ("solar", "battery", "grid"):
        size = near[f"reoptimised.{name}_mw"]
        low, high = (size[f"{end} {name} within 2 %"] for end in ("least", "most"))
        assert low <= table[f"reoptimised.{name}_mw"][0] + 1e-3 <= high + 2e-3
    again = sweep_frontier(asked, CO2, 4, How(tmp_path / "out", workers=1))
    assert again.solved_now == 0


# Uptime


def test_a_nine_costs_dollars_by_hand():
    """99 % for 1,000 $, 99.9 % for 1,100 $, 99.99 % for 1,400 $: 100 and 300 a nine.

    On average from the first one on: 100, and 400 / 2 = 200. The base is not sampled.
    """
    table = pd.DataFrame(
        {
            "design": ["base", "frontier", "frontier", "frontier"],
            "reoptimised.sampled_uptime_frac": [np.nan, 0.99, 0.999, 0.9999],
            "reoptimised.objective_usd_per_yr": [900.0, 1000.0, 1100.0, 1400.0],
        }
    )
    found = with_costs(table, UPTIME)
    nan = np.nan
    step = found["frontier.step_cost_usd_per_nine"]
    assert_allclose(step, [nan, nan, 100, 300], rtol=1e-9)
    average = found["frontier.average_cost_usd_per_nine"]
    assert_allclose(average, [nan, nan, 100, 200], rtol=1e-9)


def test_no_sampled_uptime_costs_nothing_and_breaks_nothing():
    """Every level infeasible: the column is not there."""
    table = pd.DataFrame(
        {
            "design": ["base", "frontier"],
            "reoptimised.objective_usd_per_yr": [900.0, np.nan],
        }
    )
    assert with_costs(table, UPTIME)["frontier.step_cost_usd_per_nine"].isna().all()


def test_levels_are_equally_spaced_in_nines():
    """A bound of five nines: 2, 2.9, 3.8 and 4.7, three tenths short of it."""
    levels = levels_in_nines(0.99999, 4)
    assert_allclose(-np.log10(1 - np.array(levels)), [2, 2.9, 3.8, 4.7], atol=2e-3)
    assert levels_in_nines(1.0, 2)[-1] < 1 - 1e-6  # nothing fails: six nines at most
    assert_allclose(levels_in_nines(0.95, 2), [0.9, 0.9], atol=1e-9)  # 1.3 nines: 1


def test_the_highest_uptime_is_what_the_switchyard_leaves():
    """One failure in 999 h in order, of 1 h: 0.999 of the time; units never fail.

    A sample could be above or below; the bound is the sum itself.
    """
    yard = {"switchyard_events_per_yr": 8760 / 999, "switchyard_h": 1.0}
    made = plants.case(
        technologies={"gas": plants.GAS},
        contingencies=None,
        reliability={"gpu_uptime_frac": 0.5},
        outages=yard,
    )
    given = plants.inputs(made, HOURS)
    assert_allclose(highest_frac(made, plants.built(made, HOURS)), 0.999, rtol=1e-9)
    none = {"gpu_uptime_frac": 0.5, "common_causes": False}
    sure = made.model_copy(update={"reliability": Reliability(**none)})
    assert highest_frac(sure, build_model(sure, given)) == 1.0


@pytest.mark.parametrize("text", ["0.99,0.9x", "0.99,,0.999"])
def test_levels_that_are_no_numbers_are_told(tmp_path: Path, text: str):
    case = little(tmp_path)
    line = ["sweep", str(case), "--frontier", UPTIME, "--at", text]
    result = CliRunner().invoke(command.app, line)
    assert result.exit_code == 2
    assert "--at takes numbers" in " ".join(result.stderr.split())


def test_a_level_that_is_no_uptime_is_told_before_the_first_solve(tmp_path: Path):
    asked = asked_on_line(little(tmp_path), (), ("reoptimised",))
    with pytest.raises(CaseError, match=r"--frontier .*less than 1 \(got 1\.5\)"):
        sweep_frontier(asked, UPTIME, 3, How(tmp_path / "out"), levels=[1.5])
    assert not list((tmp_path / "out" / "points").glob("*"))


def test_an_uptime_is_another_point_when_the_sampling_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Its plant stands on code that a plant without a target does not."""
    path = little(tmp_path)
    plain, target = read_case(path), read_case(path, [f"{UPTIME}=0.99"])
    before = case_mark(plain, {}), case_mark(target, {})
    monkeypatch.setattr("energyopt.sweep.keys._uptime_mark", lambda: "another")
    assert case_mark(plain, {}) == before[0]
    assert case_mark(target, {}) != before[1]


def test_levels_of_uptime_in_order_one_out_of_reach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Two weeks of grid, sun and battery: 97 %, 98 %, and what the switchyard forbids.

    The base plant, grid alone, serves 99.87 % in sampled years: it is that of both, and
    a nine more costs nothing that could be told.
    """
    monkeypatch.chdir(tmp_path)
    path = little(tmp_path)
    text = path.read_text().replace("n_plus: null", "n_plus: null, uptime_years: 300")
    path.write_text(text)
    asked = asked_on_line(path, (), ("reoptimised",))
    how = How(tmp_path / "out", workers=2)
    done = sweep_frontier(asked, UPTIME, 9, how, levels=[0.98, 0.9999999, 0.97])
    assert done.exit_code == 8
    table = done.table
    assert table[UPTIME].tolist()[1:] == [0.97, 0.98, 0.9999999]
    assert table["reoptimised.status"].tolist()[1:] == ["optimal"] * 2 + ["infeasible"]
    assert "switchyard" in table["reoptimised.reason"][3]
    low = table["reoptimised.sampled_uptime_low_frac"]
    assert (low[1:3] >= table[UPTIME].astype(float)[1:3]).all()
    assert table["reoptimised.uptime_met_flag"].tolist()[1:3] == [1, 1]
    assert_allclose(table["reoptimised.grid_mw"][1:3], table["reoptimised.grid_mw"][0])
    assert table["frontier.step_cost_usd_per_nine"].isna().all()
    lines = terminal_lines(table, done.points)
    assert "uptime %" in lines[0]
    again = sweep_frontier(asked, UPTIME, 9, how, levels=[0.97, 0.98, 0.9999999])
    assert again.solved_now == 0


def test_a_plant_that_misses_its_target_is_marked(tmp_path: Path):
    """99.9 % is more than a grid connection alone gives, and one round is not enough."""
    path = little(tmp_path)
    target = [f"{UPTIME}=0.9993", "reliability.uptime_rounds=1"]
    casefile = read_case(path, [*target, "reliability.uptime_years=100"])
    answer = solve_point(Task("key", casefile, {}, None, None))
    assert answer.status == "limit"
    assert answer.reason == "the uptime target is not shown to be met (rounds: 1)"


def test_a_plant_that_was_kept_is_told(tmp_path: Path):
    """Compute worth a little more changes no size; cheaper sun does."""
    out = tmp_path / "out"
    sets = ["load.lost_compute_usd_per_mwh=5000,5001"]
    done = sweep(asked_on_line(little(tmp_path), sets, ("reoptimised",)), How(out, 1))
    flags = done.table["reoptimised.plant_of_start_flag"].dropna().tolist()
    assert flags[-1] == 1
    assert "points the plant is that of the point it started from" in kept_plants(
        done.table
    )
    dear = ["technologies.solar.capital_usd_per_kw=1200,300"]
    done = sweep(asked_on_line(little(tmp_path), dear, ("reoptimised",)), How(out, 1))
    assert done.table["reoptimised.plant_of_start_flag"].tolist()[-1] == 0
    assert kept_plants(done.table.drop(columns="reoptimised.plant_of_start_flag")) == ""
