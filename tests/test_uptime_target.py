"""Plants sized for an uptime, whose answers the exact table or a sum gives."""

from __future__ import annotations

import json
from io import StringIO
from math import comb
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from plants import BATTERY, CASE, GAS, SOLAR, case, inputs, merged
from rich.console import Console

import energyopt.inputs
from energyopt import pipeline
from energyopt.case import Case, Reliability
from energyopt.casefile import read_case
from energyopt.doctor import examine_case
from energyopt.errors import InfeasibleError, NoSolutionError, UnreachableError
from energyopt.inputs import Inputs
from energyopt.model import build_model
from energyopt.needs import Margin, Needs
from energyopt.results import Result, read_result
from energyopt.solve import solve_model
from energyopt.uptime import closing
from energyopt.uptime.beyond import steps_beyond
from energyopt.uptime.least import least_lost
from energyopt.uptime.margins import first_margins, least_at, tangent
from energyopt.uptime.path import Path
from energyopt.uptime.path_text import path_lines
from energyopt.uptime.sample import Sampler
from energyopt.uptime.site import Site
from energyopt.uptime.target import Loop, Sizing, reach

HOURS = 336
UNIT = GAS | {
    "max_units": 12,
    "unit_mw_iso": 100,
    "capital_usd_per_kw": 1000,
    "forced_outage_frac": 0.05,
    "repair_h": 50,
    "start_h": 0.0,
}
SURE = GAS | {"unit_mw_iso": 100, "max_units": 1, "capital_usd_per_kw": 1000}
TANK = {
    "kind": "fuel_store",
    "tank_mmbtu": 10_000,
    "min_tank_mmbtu": 0,
    "heat_rate_hhv_mmbtu_per_mwh": 10,
    "capital_usd_per_mmbtu": 10,
    "fuel_usd_per_mmbtu": 10,
    "life_yr": 20,
}


def sizing(made: Case, given: Inputs) -> Sizing:
    def size(needs: Needs, built: Any) -> Result:
        plant = build_model(made, given, needs=needs)
        built(plant)
        record = solve_model(plant.m, method="monolithic", gap_frac=1e-9, threads=1)
        return read_result(plant, record)

    return size


def plant(hours: int = HOURS, mw: float = 500.0, **changes: Any) -> tuple[Case, Inputs]:
    made = case(load={"facility_mw": mw}, limits={"gpu_served_frac": 1}, **changes)
    return made, inputs(made, hours, demand_mw=mw, pue=1.0)


def reached(hours: int = HOURS, mw: float = 500.0, **changes: Any) -> tuple[Any, Path]:
    made, given = plant(hours, mw, **changes)
    return reach(Loop(made, sizing(made, given)))


def goal(frac: float, years: int = 400, **more: Any) -> dict[str, Any]:
    return {"gpu_uptime_frac": frac, "uptime_years": years, **more}


def served_frac(units: int, needed: int = 5, out: float = 0.05) -> float:
    """Share of energy that units of one size serve: the binomial sum."""
    lost = sum(
        comb(units, up) * (1 - out) ** up * out ** (units - up) * (needed - up) / needed
        for up in range(needed)
    )
    return 1 - lost


# The loop ------------------------------------------------------------------------------


def test_as_many_units_as_the_exact_table_asks_for():
    """Of 100 MW units out 5 % of the time: 6 serve 99.30 % of 500 MW, 7 99.92 %.

    8 serve 99.99 %. For 99.8 % seven are enough and six are not.
    """
    assert served_frac(6) < 0.998 < served_frac(7)
    found, path = reached(technologies={"gas": UNIT}, reliability=goal(0.998, 4000))
    assert path.met
    assert round(found.arrays["gas"]["installed_units"]) == 7
    assert_allclose(path.rounds[-1].most_frac, served_frac(7), atol=1e-9)
    last = path.rounds[-1]
    assert last.uptime is not None
    assert last.held_out is not None
    assert abs(last.uptime.frac - served_frac(7)) < 3e-4  # starts take their time


def test_each_round_has_its_plant_cost_uptime_and_a_fresh_seed():
    """The plant of load alone, 5 units, is left behind without a sample."""
    _, path = reached(technologies={"gas": UNIT}, reliability=goal(0.998, 400))
    told = path.document()
    first, *later = told["rounds"]
    assert first["sizes"] == {"gas.installed_units": 5.0}
    assert first["uptime"] is None
    assert_allclose(first["most_frac"], 0.95, atol=1e-9)
    assert "gas.installed_units 7" in first["asked"]
    costs = [one["objective_usd_per_yr"] for one in told["rounds"]]
    assert costs == sorted(costs)
    seeds = [
        part["seed"]
        for one in later
        for part in (one["uptime"], one["held_out"])
        if part
    ]
    assert len(set(seeds)) == len(seeds) >= 2
    assert "99.800000 %" in next(path_lines(told))


def test_a_plant_one_unit_smaller_misses():
    _, path = reached(technologies={"gas": UNIT}, reliability=goal(0.998, 4000))
    [smaller] = path.smaller
    assert smaller["what"] == "one unit of gas less"
    assert smaller["refuted"]
    assert smaller["how"] == "proof"  # 6 units: 99.30 % however they are run
    assert "99.298" in smaller["verdict"]


def test_a_held_out_sample_confirms_the_target():
    """With another seed the lower end lies above the target too."""
    found, path = reached(technologies={"gas": UNIT}, reliability=goal(0.998, 4000))
    made, given = plant(technologies={"gas": UNIT}, reliability=goal(0.998, 4000))
    loop = Loop(made, sizing(made, given))
    loop.site = Site.of(build_model(made, given))
    told, _ = loop.sampled(loop.known.dispatched(found.arrays), seed=987_654)
    assert path.met
    assert told.low_frac >= 0.998


def test_two_types_take_the_cheaper_step():
    """500 MW for 99.8 %: the third type of margin is the one that costs less."""
    dear = UNIT | {"capital_usd_per_kw": 2000, "max_units": 12}
    found, path = reached(
        technologies={"gas": UNIT, "dear": dear}, reliability=goal(0.998, 4000)
    )
    assert path.met
    assert round(found.arrays["gas"]["installed_units"]) == 7
    assert round(found.arrays["dear"]["installed_units"]) == 0


# What cannot be reached ----------------------------------------------------------------

YARD = {"switchyard_events_per_yr": 0.1, "switchyard_h": 8}


def test_a_switchyard_that_breaks_the_target_is_named():
    """0.1 times 8 hours a year: 0.8 / 8760.8 = 9.13e-5 is lost, whatever is built."""
    with pytest.raises(UnreachableError) as error:
        reached(technologies={"gas": UNIT}, reliability=goal(0.99995), outages=YARD)
    text = str(error.value)
    assert "switchyard" in text
    assert "99.990868%" in text
    assert "common_causes: false" in text


def test_common_causes_may_be_left_out():
    found, path = reached(
        technologies={"gas": UNIT},
        reliability=goal(0.998, 4000, common_causes=False),
        outages={"switchyard_events_per_yr": 10, "switchyard_h": 100},
    )
    assert path.met
    assert round(found.arrays["gas"]["installed_units"]) == 7


def test_a_gas_line_without_fuel_on_the_site_is_named():
    """0.3 times 24 hours: 7.2 / 8767.2 = 8.2e-4; the bound counts whole hours only."""
    with pytest.raises(UnreachableError) as error:
        reached(
            technologies={"gas": SURE},
            mw=100,
            reliability=goal(0.9995),
            outages={"gas_line_events_per_yr": 0.3, "gas_line_h": 24},
        )
    assert "gas line" in str(error.value)
    assert "fuel on the site" in str(error.value)


def test_too_few_units_are_named():
    few = UNIT | {"max_units": 6}
    with pytest.raises(UnreachableError, match="units and grid"):
        reached(technologies={"gas": few}, reliability=goal(0.998))


def test_a_target_of_all_hours_is_refused():
    with pytest.raises(ValueError, match="less than 1"):
        Reliability(gpu_uptime_frac=1.0)


def findings(**changes: Any) -> dict[str, tuple[int, str]]:
    made, given = plant(**changes)
    return {f.text: (f.exit_code, f.name) for f in examine_case(made, given)}


def test_validate_finds_what_cannot_be_of_a_target():
    """0.8 hours a year without a switchyard; nothing that fails; N+2 beside it."""
    name = "reliability.gpu_uptime_frac"
    yard = findings(technologies={"gas": UNIT}, reliability=goal(0.99995), outages=YARD)
    [text] = [t for t, found in yard.items() if found == (4, name)]
    assert "switchyard" in text
    sure = findings(
        technologies={"gas": GAS | {"max_units": 99}}, reliability=goal(0.9)
    )
    assert any("nothing in this case can be out" in t for t in sure)
    both = findings(technologies={"gas": UNIT}, reliability=goal(0.9, n_plus=2))
    assert any("n_plus 2 holds beside the target" in t for t in both)


# The tank ------------------------------------------------------------------------------


def test_a_tank_is_sized_until_the_gas_line_does_not_matter():
    """Lost beyond a tank of H hours: about exp(-H / 24) of 8.2e-4; 99.97 %: 24 h.

    100 MW at 10 MMBtu/MWh: 1,000 MMBtu an hour.
    """
    dual = SURE | {"dual_fuel": True}
    gas_line = {"gas_line_events_per_yr": 0.3, "gas_line_h": 24}
    found, path = reached(
        hours=2184,
        mw=100,
        technologies={"gas": dual, "tank": TANK | {"tank_mmbtu": 200_000}},
        reliability=goal(0.9997, 1200),
        outages=gas_line,
    )
    hours = found.arrays["tank"]["tank_mmbtu"] / 1000
    assert path.met
    assert 22 < hours < 45
    assert all(one["refuted"] for one in path.smaller)
    assert "10% of tank less" in [one["what"] for one in path.smaller]


# The parts -----------------------------------------------------------------------------


def site(**changes: Any) -> Site:
    made, given = plant(**changes)
    return Site.of(build_model(made, given))


def test_slopes_are_those_of_a_small_change():
    """Sun, battery and tank against a gas line: the loss with a little more or less."""
    sun = (np.arange(HOURS) % 24 >= 8) & (np.arange(HOURS) % 24 < 18)
    made = case(
        load={"facility_mw": 100},
        technologies={
            "gas": SURE | {"dual_fuel": True},
            "sun": SOLAR,
            "battery": BATTERY | {"discharge_frac": 0.9},
            "tank": TANK,
        },
        outages={"gas_line_events_per_yr": 0.3, "gas_line_h": 24},
    )
    given = inputs(made, HOURS, demand_mw=100.0, pue=1.0, sun__share_frac=sun * 0.8)
    s = Site.of(build_model(made, given))
    sizes = dict.fromkeys(s.sizes, 0.0) | {
        ("sun", "capacity_mw"): 77.0,
        ("battery", "power_mw"): 31.0,
        ("battery", "energy_mwh"): 93.0,
        ("tank", "tank_mmbtu"): 2030.0,
    }
    least = least_at(s, sizes)
    room = 0.5 * least.of_stores_mwh
    margin = tangent(s, sizes, least, room)
    assert margin is not None
    at_point = sum(w * sizes[k] for k, w in margin.weight.items())
    right = (least.of_stores_mwh - room) / (1 - at_point)
    for key, weight in margin.weight.items():
        step = 1e-3 * sizes[key]
        less = least_at(s, sizes | {key: sizes[key] - step}).of_stores_mwh
        more = least_at(s, sizes | {key: sizes[key] + step}).of_stores_mwh
        slope = weight * right
        assert (least.of_stores_mwh - more) / step <= slope * (1 + 1e-6) + 1e-12
        assert slope <= (less - least.of_stores_mwh) / step * (1 + 1e-6) + 1e-12


def test_no_plant_that_a_margin_cuts_off_would_have_met_the_bound():
    """Sizes drawn at random: whoever is within the room meets every tangent."""
    made, given = plant(
        mw=100,
        technologies={
            "gas": SURE | {"dual_fuel": True},
            "battery": BATTERY,
            "tank": TANK | {"tank_mmbtu": 60_000},
        },
        outages={"gas_line_events_per_yr": 0.3, "gas_line_h": 24},
    )
    s = Site.of(build_model(made, given))
    room = 5.0  # of 27 MWh without any store
    needs = Needs(margins=first_margins(s, room))
    assert needs.margins
    random = np.random.default_rng(3)
    inside = 0
    for _ in range(60):
        sizes = {k: random.uniform(0, size.most) for k, size in s.sizes.items()}
        if least_at(s, sizes).of_stores_mwh <= room:
            inside += 1
            assert needs.met_by(sizes)
    assert inside > 5


def test_no_plant_does_better_than_the_bound():
    """A sampled year loses at least what is proven: units, gas line and switchyard."""
    made, given = plant(
        hours=8760,
        technologies={"gas": UNIT | {"max_units": 7, "min_units": 7}},
        outages=YARD | {"gas_line_events_per_yr": 2, "gas_line_h": 24},
    )
    result = sizing(made, given)(Needs(), lambda built: None)
    s = Site.of(build_model(made, given))
    plans = s.dispatched(result.arrays)
    least = least_lost(s.idle({("gas", "installed_units"): 7.0}))
    sampled = Sampler(5).begin(plans, 200)()
    lost = float((np.exp(sampled.log_weight) * sampled.gpu_mwh()).mean())
    assert 0.8 * lost < least.total_mwh < 1.1 * lost


def test_steps_go_beyond_every_plant_known_to_miss():
    """All plants up to 9 units and any battery miss: 10 units, and no battery helps."""
    s = site(technologies={"gas": UNIT, "battery": BATTERY})
    sizes = {
        ("gas", "installed_units"): 6.0,
        ("battery", "power_mw"): 10.0,
        ("battery", "energy_mwh"): 20.0,
    }
    steps = steps_beyond(s, sizes, lambda p: p["gas", "installed_units"] <= 9)
    assert steps == {("gas", "installed_units"): 10.0}


def test_without_more_knowledge_a_step_is_one_unit_or_a_tenth():
    s = site(technologies={"gas": UNIT, "battery": BATTERY})
    sizes = {
        ("gas", "installed_units"): 6.0,
        ("battery", "power_mw"): 50.0,
        ("battery", "energy_mwh"): 500.0,
    }
    steps = steps_beyond(s, sizes, lambda p: False)
    assert steps == {
        ("gas", "installed_units"): 7.0,
        ("battery", "power_mw"): pytest.approx(55.0),
        ("battery", "energy_mwh"): pytest.approx(550.0),
    }


def test_rows_on_sizes_hold_in_the_model():
    """One step of two, and a margin: the cheaper step is taken, the margin met."""
    made, given = plant(technologies={"gas": UNIT, "battery": BATTERY})
    size = sizing(made, given)
    energy = ("battery", "energy_mwh")
    needs = Needs(
        rounds=2,
        beyond=({("gas", "installed_units"): 6.0, energy: 900.0},),
        margins=(Margin({energy: 1 / 200}),),
    )
    found = size(needs, lambda plant: None)
    assert round(found.arrays["gas"]["installed_units"]) == 5
    assert found.arrays["battery"]["energy_mwh"] >= 900 - 1e-6
    fixed = Needs(rounds=2, fixed={energy: 123.0})
    again = size(fixed, lambda plant: None)
    assert_allclose(again.arrays["battery"]["energy_mwh"], 123.0)


def test_the_path_is_told_round_by_round():
    """A line with the goal, one for each round, one for each smaller plant."""
    _, path = reached(technologies={"gas": UNIT}, reliability=goal(0.998, 400))
    told = list(path_lines(path.document()))
    assert len(told) == 1 + len(path.rounds) + len(path.smaller)
    assert "met" in told[0]
    assert "round 1: 5 gas" in told[1]
    assert "misses without a sample: at most 95.000000 %" in told[1]
    assert "seed" in told[2]


def test_the_rounds_that_are_left_are_no_target_met():
    _, path = reached(
        technologies={"gas": UNIT}, reliability=goal(0.998, 400, uptime_rounds=1)
    )
    assert not path.met
    assert "NOT SHOWN" in next(path_lines(path.document()))


def test_limits_that_leave_no_room_for_the_target_are_told_apart():
    """99.97 % asks for a tank of a day; land for one of an hour is all there is."""
    tank = TANK | {"tank_mmbtu": 200_000, "land_km2_per_mmbtu": 0.001}
    made, given = plant(
        mw=100,
        technologies={"gas": SURE | {"dual_fuel": True}, "tank": tank},
        reliability=goal(0.9997, 400),
        outages={"gas_line_events_per_yr": 0.3, "gas_line_h": 24},
    )
    land = made.limits.model_copy(update={"land_km2": 1.0})
    made = made.model_copy(update={"limits": land})
    with pytest.raises(UnreachableError, match="without the target there is a plant"):
        reach(Loop(made, sizing(made, given)))


# From the case file to the run folder --------------------------------------------------


def run(folder: Any, monkeypatch: pytest.MonkeyPatch, frac: float) -> Any:
    changes = {
        "technologies": {"gas": UNIT},
        "load": {"facility_mw": 500},
        "limits": {"gpu_served_frac": 1},
        "reliability": goal(frac, 400),
        "outages": YARD,
        "solve": {"threads": 1, "method": "monolithic", "gap_frac": 1e-9},
    }
    path = folder / "tiny.yaml"
    path.write_text(json.dumps(merged(CASE, changes)))
    monkeypatch.setattr(
        energyopt.inputs,
        "build_inputs",
        lambda made, base: inputs(made, HOURS, demand_mw=500.0, pue=1.0),
    )
    said: list[str] = []
    return pipeline.run(read_case(path), out=folder / "out", say=said.append), said


def test_a_run_writes_its_path(tmp_path, monkeypatch):
    outcome, said = run(tmp_path, monkeypatch, 0.99)
    assert outcome.exit_code == 0
    told = json.loads((tmp_path / "out" / "summary.json").read_text())["uptime_target"]
    assert told["met"]
    assert len(said) == len(told["rounds"])
    table = (tmp_path / "out" / "tables" / "uptime_path.csv").read_text()
    assert "gas.installed_units" in table.splitlines()[0]
    assert len(table.splitlines()) == 1 + len(told["rounds"])
    text = StringIO()
    Console(file=text, width=200).print(outcome.table)
    assert "target 99.000000 % (2.00 nines): met at 95%" in text.getvalue()
    assert "smaller: one unit of gas less" in text.getvalue()


def test_a_proof_that_no_plant_does_it_is_written_too(tmp_path, monkeypatch):
    with pytest.raises(UnreachableError, match="switchyard") as error:
        run(tmp_path, monkeypatch, 0.99995)
    assert error.value.exit_code == 4
    told = json.loads((tmp_path / "out" / "infeasible.json").read_text())
    assert any("switchyard" in line for line in told["sentences"])


@pytest.mark.parametrize(
    ("end", "refuted", "said"),
    [
        (NoSolutionError("time"), None, "not settled"),
        (InfeasibleError("none"), True, "breaks a rule"),
        (0.0005, None, "not settled: stopped at a gap of 75.00%"),  # 2 USD, done: 1
        (0.0015, True, "costs more: at least"),
    ],
)
def test_a_smaller_plant_without_a_dispatch_in_time_is_not_settled(
    monkeypatch, end, refuted, said
):
    """It may yet be better: only a proof, or a bound above the plant's cost, refutes it."""

    def size(needs: Any, built: Any) -> Any:
        if isinstance(end, Exception):
            raise end
        gap = 1 - end / 0.002
        record = SimpleNamespace(
            status="limit", objective=0.002, bound=end, gap_frac=gap
        )
        return SimpleNamespace(record=record)

    known = SimpleNamespace(idle=lambda sizes: None, changed=lambda arrays, sizes: None)
    loop = SimpleNamespace(
        needs=Needs(rounds=1), known=known, counted=lambda plan: None,
        case=SimpleNamespace(solve=SimpleNamespace(gap_frac=0.001)),
        allowed_mwh=1.0, demand_mwh=100.0, target=0.99, first_seed=1, size=size,
        sampled=lambda plans, seed: (SimpleNamespace(low_frac=1.0, frac=1.0), None),
    )  # fmt: skip
    monkeypatch.setattr(Needs, "met_by", lambda self, sizes: False)
    monkeypatch.setattr(
        closing, "least_lost", lambda plan: SimpleNamespace(total_mwh=0.0)
    )
    result = SimpleNamespace(arrays={})
    done = SimpleNamespace(bound_usd_per_yr=0.0, number=1, objective_usd_per_yr=1.0)
    told, better = closing._look(loop, result, done, "less", {})
    assert (told.refuted, better) == (refuted, None)
    assert said in told.verdict
