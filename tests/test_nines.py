"""The table of the cost of a nine, from runs that are made up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from energyopt.nines import Solved, cost_of_nines, lines


def summary(low: float, usd: float) -> dict[str, Any]:
    told = {"frac": low + 1e-6, "low_frac": low, "high_frac": low + 2e-6}
    last = {
        "sizes": {"gas.installed_units": 7.0},
        "lcoe_usd_per_mwh": usd,
        "objective_usd_per_yr": 1e6 * usd,
        "uptime": told,
        "held_out": told,
    }
    return {"gap_frac": 0.001, "uptime_target": {"met": True, "rounds": [last]}}


def test_a_plant_that_shows_the_next_nine_is_not_solved_for_again():
    """The plant for 99 % shows 99.95 %: it is the answer for 99.9 % too."""
    asked = []

    def solve(target: float, before: Path | None) -> Solved:
        asked.append((target, before))
        found = {0.99: (0.9995, 80.0), 0.9999: (0.99991, 84.5)}[target]
        return Solved(0, summary(*found), Path(f"run{target}"))

    told = cost_of_nines([0.9999, 0.99, 0.999], solve)
    assert asked == [(0.99, None), (0.9999, Path("run0.99"))]
    assert [row["same_plant"] for row in told["rows"]] == [False, True, False]
    assert told["exit_code"] == 0
    text = lines(told)
    assert "the same plant" in text[1]
    assert "$84.50/MWh (+4.50)" in text[2]


def test_a_nine_that_cannot_be_reached_says_why_and_the_others_stay():
    def solve(target: float, before: Path | None) -> Solved:
        if target > 0.999:
            return Solved(4, {"errors": ["the switchyard"]}, None)
        return Solved(0, summary(0.9991, 80.0), Path("run"))

    told = cost_of_nines([0.999, 0.99999], solve)
    assert told["exit_code"] == 0
    assert "not reached: the switchyard" in lines(told)[1]


def test_a_run_that_ends_at_a_limit_gives_its_exit_code():
    def solve(target: float, before: Path | None) -> Solved:
        return Solved(5, summary(0.98, 80.0), Path("run"))

    assert cost_of_nines([0.99], solve)["exit_code"] == 5
