"""Why no plant meets a case: each rule's least value, by hand and by solving again."""

from __future__ import annotations

import re

import pytest
from numpy.testing import assert_allclose
from plants import BATTERY, GAS, GRID, SOLAR, built, case, inputs, merged, solve

from energyopt.case import HorizonSpec
from energyopt.errors import InfeasibleError
from energyopt.explain import active_rules, drafted, least_values, shortfall
from energyopt.solve import solve_model

EMITTING = GAS | {
    "co2_t_per_mmbtu": 0.05,  # 5 t an hour at 10 MW
    "nox_lb_per_mmbtu": 2.204622622,  # 1 kg/MMBtu: 0.1 t an hour
    "water_m3_per_mwh": 1,  # 10 m3 an hour
    "land_km2_per_mw": 0.1,  # 1 km2 a unit
    "capital_usd_per_kw": 1000,  # 10 M USD a unit
}
FORCED = EMITTING | {"min_units": 1, "min_load_frac": 1}
SERVED = {"gpu_served_frac": 1}

# Two hours of 10 MW from one unit at full load: what is asked, and the least by hand.
LEAST = {
    "co2_t_per_yr": (9, 10),
    "nox_t_per_yr": (0.15, 0.2),
    "water_m3_per_yr": (4, 20),
    "land_km2": (0.25, 1),
    "capital_usd": (4e6, 10e6),
}
WORDS = {
    "co2_t_per_yr": "CO2 at most 9.000 t a year cannot be met: the least is 10.000",
    "nox_t_per_yr": "NOx at most 0.150 t a year cannot be met: the least is 0.200",
    "water_m3_per_yr": "Water at most 4.000 m3 a year cannot be met: the least is 20.0",
    "land_km2": "Land at most 0.250 km2 cannot be met: the least is 1.000 km2",
    "capital_usd": "Capital at most 4,000,000 USD cannot be met: the least is 10,000,000",
}


def explained(made, hours=2, **series):
    """Return the least values; the case must have no plant."""
    with pytest.raises(InfeasibleError):
        solve(built(made, hours, **series))
    return least_values(made, inputs(made, hours, **series))


def holds(made, hours=2, **series):
    """Return whether a plant meets the case."""
    try:
        solve(built(made, hours, **series))
    except InfeasibleError:
        return False
    return True


@pytest.mark.parametrize("limit", LEAST)
def test_the_least_value_of_a_limit(limit):
    """A plant exists at the least value, and none a ten-thousandth below it."""
    asked, least = LEAST[limit]
    changes = {"technologies": {"gas": EMITTING}}
    made = case(**changes, limits=SERVED | {limit: asked})
    found = explained(made)
    assert_allclose(found.values["alone"][f"limits.{limit}"], least, rtol=1e-6)
    assert any(s.startswith(WORDS[limit]) for s in found.sentences), found.sentences
    either = "Any one of these, by itself, makes room for a plant" in found.sentences
    assert either == (len(found.values["alone"]) > 1)
    for value, feasible in ((least, True), (least * (1 - 1e-4), False)):
        again = case(**changes, limits=SERVED | {limit: value})
        assert holds(again) is feasible


def test_the_least_value_of_a_limit_of_zero():
    """No CO2 at all is asked: 10 t are the least, though no share of 0 is 10."""
    made = case(technologies={"gas": EMITTING}, limits=SERVED | {"co2_t_per_yr": 0})
    found = explained(made)
    assert_allclose(found.values["alone"]["limits.co2_t_per_yr"], 10, rtol=1e-6)


def test_the_greatest_share_of_energy_served():
    """One unit of 10 MW for 10 and 20 MW: 20 of 30 MWh, two thirds."""
    changes = {"technologies": {"gas": GAS | {"max_units": 1}}}
    found = explained(case(**changes, limits=SERVED), demand_mw=[10, 20])
    assert_allclose(found.values["alone"]["limits.gpu_served_frac"], 2 / 3)
    assert found.sentences == [
        "GPU energy served of at least 100.0000% cannot be met: the most is 66.6667%"
    ]
    for share, feasible in ((2 / 3 - 1e-9, True), (2 / 3 + 1e-4, False)):
        again = case(**changes, limits={"gpu_served_frac": share})
        assert holds(again, demand_mw=[10, 20]) is feasible


def test_the_greatest_renewable_share():
    """5 MW of sun in one of two hours: 5 of 20 MWh, a quarter."""
    changes = {"technologies": {"gas": GAS, "solar": SOLAR | {"max_mw": 5}}}
    sun = {"solar__share_frac": [1, 0]}
    asked = SERVED | {"renewable_share_frac": 0.9}
    found = explained(case(**changes, limits=asked), **sun)
    assert_allclose(found.values["alone"]["limits.renewable_share_frac"], 0.25)
    assert (
        "A renewable share of at least 90.0000% cannot be met: the most is 25.0000%"
        in found.sentences
    )
    for share, feasible in ((0.25 - 1e-9, True), (0.25 + 1e-4, False)):
        again = case(**changes, limits=SERVED | {"renewable_share_frac": share})
        assert holds(again, **sun) is feasible


def test_the_greatest_installed_margin():
    """Five units of 10 MW less three: 20 MW stay firm of the 30 that are asked."""

    def margin(facility_mw):
        return case(
            technologies={"gas": GAS},
            load={"facility_mw": facility_mw},
            reliability={"n_plus": 2, "units_in_maintenance": 1},
        )

    found = explained(margin(30), demand_mw=10)
    assert_allclose(found.values["alone"]["reliability.n_plus"], 20)
    assert found.sentences == [
        "N+2 with 1 in maintenance cannot be met for 30 MW: the most that stays firm "
        "is 20.0 MW"
    ]
    assert holds(margin(20), demand_mw=10)
    assert not holds(margin(20.01), demand_mw=10)


def test_the_least_shortage_of_reserve():
    """One unit of 10 MW, lost: 12 MW short for the 12 that are asked in the worst hour.

    With that much carried by a connection there is a plant, with less there is none.
    """
    alone = GAS | {"max_units": 1, "min_units": 1}
    made = case(technologies={"gas": alone}, contingencies={})
    found = explained(made, demand_mw=[10, 12])
    assert_allclose(found.values["alone"]["contingencies"], 12)
    assert found.sentences == [
        "Reserve against every contingency cannot be met: it is short by 12.0 MW in "
        "the worst hour"
    ]
    for size, feasible in ((12, True), (11.99, False)):
        grid = GRID | {"min_mw": size, "max_mw": size}
        again = case(
            technologies={"gas": alone, "grid": grid}, contingencies={"grid": False}
        )
        assert holds(again, demand_mw=[10, 12]) is feasible


def test_rules_that_only_give_way_together_are_named_together():
    """A unit that must be built: 1 km2 and 10 M USD, of which a half is allowed each."""
    limits = {"land_km2": 0.5, "capital_usd": 5e6}
    found = explained(case(technologies={"gas": FORCED}, limits=limits))
    assert found.values["alone"] == {}
    together = found.values["together"]
    assert_allclose(together["limits.land_km2"], 1, rtol=1e-6)
    assert_allclose(together["limits.capital_usd"], 10e6, rtol=1e-6)
    (sentence,) = found.sentences
    assert sentence.startswith("No rule alone makes room. Together: ")
    assert "the least is 1.000 km2" in sentence
    assert "the least is 10,000,000 USD" in sentence
    enough = {"land_km2": 1, "capital_usd": 10e6}
    assert holds(case(technologies={"gas": FORCED}, limits=enough))
    for limit, value in enough.items():
        short = enough | {limit: value * (1 - 1e-4)}
        assert not holds(case(technologies={"gas": FORCED}, limits=short))


def test_alternatives_are_named_beside_each_rule_alone():
    """2 km2 wanted of 1, and 20 m3 of 12: serving less would do, or both give way."""
    limits = SERVED | {"land_km2": 0.5, "water_m3_per_yr": 12}
    made = case(technologies={"gas": EMITTING}, limits=limits)
    found = explained(made)
    assert set(found.values["alone"]) == {"limits.gpu_served_frac"}
    # At half a square kilometre no unit stands, so nothing at all is served.
    assert_allclose(found.values["alone"]["limits.gpu_served_frac"], 0, atol=1e-9)


def test_a_case_that_nothing_saves_says_so():
    """One visit given for two units: no rule has to do with it."""
    gas = GAS | {
        "min_units": 2,
        "maintenance_weeks": 1,
        "maintenance_begins_units": {0: 1},
    }
    found = explained(case(technologies={"gas": gas}))
    assert found.values == {"alone": {}, "together": {}}
    assert "No relaxation of the limits makes room" in found.sentences[0]
    assert "max_units" in found.sentences[0]


def test_a_budget_far_too_small_is_told_the_least():
    """100 USD, where some 10^7 were meant: what a plant takes, not that none is."""
    gas = GAS | {"min_units": 1, "capital_usd_per_kw": 1000}
    made = case(technologies={"gas": gas}, limits=SERVED | {"capital_usd": 100})
    found = explained(made)
    least = found.values["alone"]["limits.capital_usd"]
    assert least >= 10e6  # 10 MW at 1,000 USD/kW: a ten-thousandfold and more
    again = case(
        technologies={"gas": gas}, limits=SERVED | {"capital_usd": least * 1.0001}
    )
    assert holds(again)


def test_machines_that_must_stay_online_are_no_limit():
    """Six synchronous units of five on offer: the sentence names the setting."""
    made = case(technologies={"gas": GAS}, contingencies={"min_synchronous_units": 6})
    found = explained(made)
    assert "min_synchronous_units" in found.sentences[0]


@pytest.mark.parametrize("limit", ["co2_t_per_yr", "capital_usd"])
def test_least_values_are_exact_at_full_size(limit):
    """Five units of 50 MW for a year: 250 MW x 8,760 h x 0.5 t = 1,095,000 t.

    Capital 5 x 50,000 kW x 1,000 USD = 250 M USD. Both to a thousandth of a percent.
    """
    asked, least = {"co2_t_per_yr": (1000, 1_095_000), "capital_usd": (1e8, 2.5e8)}[
        limit
    ]
    made = case(
        technologies={"gas": EMITTING | {"unit_mw_iso": 50}},
        load={"facility_mw": 250},
        limits=SERVED | {limit: asked},
    )
    found = explained(made, weight=[4380, 4380])
    assert_allclose(found.values["alone"][f"limits.{limit}"], least, rtol=1e-5)


def test_the_stated_least_value_is_never_too_small():
    """10,000.0005 t is printed as 10,001, so that typing it in gives a plant."""
    made = case(
        technologies={"gas": EMITTING},
        load={"facility_mw": 10},
        limits=SERVED | {"co2_t_per_yr": 1},
    )
    found = explained(made, weight=[1000, 1000.0001])
    (sentence,) = [s for s in found.sentences if s.startswith("CO2")]
    number = re.search(r"the least is ([\d,.]+) t a year", sentence)
    assert number is not None
    assert float(number[1].replace(",", "")) >= 5 * 2000.0001


def test_only_rules_of_the_case_are_asked():
    """Served energy has a floor in every case; the others where they are stated."""
    assert active_rules(case()) == ["limits.gpu_served_frac"]
    more = case(
        **merged(
            {"limits": {"land_km2": 1}},
            {"contingencies": {}, "reliability": {"n_plus": 1}},
        )
    )
    assert active_rules(more) == [
        "limits.land_km2",
        "limits.gpu_served_frac",
        "reliability.n_plus",
        "contingencies",
    ]


def test_a_stop_ends_the_search_early():
    """Stopped at once, no rule is tried alone; what all need together is still told."""
    made = case(technologies={"gas": EMITTING}, limits=SERVED | {"co2_t_per_yr": 9})
    found = least_values(made, inputs(made, 2), stop=lambda: True)
    assert found.values["alone"] == {}


def test_storage_does_not_change_what_is_least():
    """A battery moves energy but makes none: 10 t of CO2 stay the least."""
    made = case(
        technologies={"gas": EMITTING, "battery": BATTERY},
        limits=SERVED | {"co2_t_per_yr": 9},
    )
    found = explained(made)
    assert_allclose(found.values["alone"]["limits.co2_t_per_yr"], 10, rtol=1e-6)


# The short answer


def test_the_short_answer_takes_one_solve_and_names_the_limit(monkeypatch):
    """9 t and 4 MUSD asked of a unit that emits 10 t and costs 10 MUSD: both, in one solve.

    The full search would take one for each of three rules, and one for all.
    """
    solves = counted(monkeypatch)
    limits = SERVED | {"co2_t_per_yr": 9, "capital_usd": 4e6}
    made = case(technologies={"gas": FORCED}, contingencies=None, limits=limits)
    found = shortfall(made, inputs(made, 2))
    assert len(solves) == 1
    assert solves[0]["gap_frac"] == 0.05
    assert solves[0]["time_limit_s"] == 60
    [told] = found.sentences
    assert "CO2 at most 9.000 t a year cannot be met: one plant has 10.000 t" in told
    assert (
        "Capital at most 4,000,000 USD cannot be met: one plant has 10,000,000" in told
    )
    assert_allclose(found.values["together"]["limits.co2_t_per_yr"], 10, rtol=1e-4)


def test_service_gives_way_only_where_limits_do_not_help(monkeypatch):
    """10 MW asked of a 4 MW grid: no limit on CO2 makes room, 40 % of the energy does."""
    solves = counted(monkeypatch)
    grid = GRID | {"max_mw": 4, "co2_t_per_mwh": 0.5}
    limits = SERVED | {"co2_t_per_yr": 1e6}
    made = case(technologies={"grid": grid}, contingencies=None, limits=limits)
    [told] = shortfall(made, inputs(made, 2, power_usd_per_mwh=30)).sentences
    assert len(solves) == 2
    assert (
        "GPU energy served of at least 100.0000% cannot be met: one plant has" in told
    )
    assert told.endswith("40.0000%")


def test_a_case_that_its_weeks_can_meet_says_so():
    """Shown a case that has a plant: what stands in the way is not in these hours."""
    made = case(
        technologies={"gas": EMITTING}, limits=SERVED | {"co2_t_per_yr": 99},
        contingencies=None,
    )  # fmt: skip
    [told] = shortfall(made, inputs(made, 2)).sentences
    assert told.endswith("can be met; the rest of the year stands in the way")


def test_what_nothing_saves_is_told_in_short_too():
    made = case(technologies={"gas": GAS}, contingencies={"min_synchronous_units": 6})
    [told] = shortfall(made, inputs(made, 2)).sentences
    assert "No relaxation of the limits" in told


def test_the_short_answer_stands_on_weeks():
    made = case(technologies={"gas": GAS})
    assert drafted(made).horizon == HorizonSpec(kind="weeks", weeks=4)
    few = made.model_copy(update={"horizon": HorizonSpec(kind="weeks", weeks=2)})
    assert drafted(few) is few


def counted(monkeypatch):
    """Return what each solve of an explanation was asked."""
    solves = []

    def spy(m, **asked):
        solves.append(asked)
        return solve_model(m, **asked)

    monkeypatch.setattr("energyopt.explain.solve_model", spy)
    return solves
