"""What a plant is compared with: which options a case has, solved once and kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import plants
from sweeps import little
from typer.testing import CliRunner

from energyopt.__main__ import app
from energyopt.case import Case
from energyopt.casefile import read_case
from energyopt.sweep.options import Option, base_of, choices, solve_options
from energyopt.sweep.store import RECORD

ALL: dict[str, Any] = {
    "gas": plants.GAS,
    "tank": plants.FUEL_STORE,
    "sun": plants.SOLAR,
    "wind": plants.WIND,
    "battery": plants.BATTERY,
    "grid": plants.GRID,
}
BACKUP = plants.GRID | {"mode": "backup", "backup_mwh_per_yr": 10}


def offered(technologies: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    case = Case.model_validate(plants.CASE | {"technologies": technologies})
    return {choice.name: choice.kept for choice in choices(case)}


def test_options_leave_out_kinds_of_technology():
    """A grid that sells in any hour is part of grid only, and of no gas."""
    assert offered(ALL) == {
        "grid_only": ("grid",),
        "gas_only": ("gas", "tank"),
        "gas_battery": ("gas", "tank", "battery"),
        "gas_solar_battery": ("gas", "tank", "sun", "battery"),
        "gas_solar_wind_battery": ("gas", "tank", "sun", "wind", "battery"),
        "no_gas": ("sun", "wind", "battery", "grid"),
    }


def test_a_backup_stays_beside_gas_and_the_whole_case_is_no_option():
    found = offered(ALL | {"grid": BACKUP})
    assert found["gas_only"] == ("gas", "tank", "grid")
    assert "gas_solar_wind_battery" not in found  # it is the case itself


def test_options_that_are_the_same_are_one():
    """Without sun and wind, gas and battery is the case; nothing else makes power."""
    assert offered({"gas": plants.GAS, "battery": plants.BATTERY}) == {
        "grid_only": (),
        "gas_only": ("gas",),
        "no_gas": (),
    }


def test_the_base_case_is_grid_only_then_gas_only_then_what_there_is(tmp_path):
    def option(name: str, there: bool = True) -> Option:
        return Option(name, name, "optimal", "", tmp_path if there else None)

    found = [option("grid_only", False), option("gas_battery"), option("gas_only")]
    assert base_of(found) == "gas_only"
    assert base_of(found[:2]) == "gas_battery"
    assert base_of(found[:1]) is None
    assert base_of(found, "gas_battery") == "gas_battery"
    assert base_of(found, "grid_only") is None


def test_an_option_in_vain_is_not_solved_and_says_why(tmp_path):
    """What is refused without a solve has its reason; no worker is begun."""
    casefile = read_case(little(tmp_path))
    found = solve_options(
        casefile, tmp_path / "options", refuse=lambda case: "it cannot be"
    )
    assert {option.reason for option in found if option.status == "infeasible"} == {
        "it cannot be"
    }
    assert not list((tmp_path / "options" / "points").iterdir())


def test_solve_options_shows_the_base_beside_the_plant(tmp_path, monkeypatch):
    """Gas units of one type and a grid: two options, solved once and found again."""
    monkeypatch.chdir(tmp_path)
    case = little(tmp_path)
    text = case.read_text().replace("  recip: null\n", "")
    text = text.replace("solar: {max_mw: 3000}", "solar: null")
    case.write_text(
        text.replace("battery: {max_mw: 1000, max_mwh: 6000}", "battery: null")
    )
    for n, name in enumerate(("one", "two")):
        told = CliRunner().invoke(
            app,
            ["solve", str(case), "--options", "--base", "gas_only", "--out", name],
        )
        assert told.exit_code == 0, told.output
        kept = sorted((tmp_path / f"{name}.options" / "points").glob(f"*/{RECORD}"))
        if n == 0:
            ages = [path.stat().st_mtime_ns for path in kept]
            Path("one.options").rename("two.options")
        else:
            assert [path.stat().st_mtime_ns for path in kept] == ages
    text = (tmp_path / "two" / "memo.md").read_text()
    said = json.loads((tmp_path / "two" / "options.json").read_text())
    assert said["base"] == "gas_only"
    assert "Base case: Gas only." in text
    assert "| Base case: " in text
    assert {o["name"]: o["status"] for o in said["options"]} == {
        "grid_only": "optimal",
        "gas_only": "optimal",
    }
    places = [o["folder"] for o in said["options"] if o["folder"]]
    assert all(place.startswith("../two.options/points/") for place in places)
