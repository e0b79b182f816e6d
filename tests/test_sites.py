"""Candidate sites: what may be ranked with what, told by the data; faults; the command."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sweeps import little
from typer.testing import CliRunner

from energyopt import __main__ as command
from energyopt.casefile import packaged
from energyopt.errors import CaseError
from energyopt.inputs.tables import read_table
from energyopt.sweep.points import Points, points_of
from energyopt.sweep.provenance import kinds_of, sources_of
from energyopt.sweep.ranking import SAMPLED, plant_words, ranked, terminal_lines
from energyopt.sweep.sites import alike, read_sites
from energyopt.sweep.store import Store
from energyopt.sweep.work import Answer

SHIPPED = packaged("cases", "sites.yaml")
HEAD = "name: places\ncase: little.yaml\n"
TWO = """\
sites:
  west:
  east:
    site.utc_offset_h: -5
    weather.years: [{solar_table: builtin:dulles_tmy3}]
    prices.power: {from: power_flat_pjm}
    gas.hub_usd_per_mmbtu: 4
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    little(tmp_path)
    return tmp_path


def sites_file(folder: Path, text: str) -> Path:
    path = folder / "places.yaml"
    path.write_text(HEAD + text, encoding="utf-8")
    return path


def faults(folder: Path, text: str) -> list[str]:
    path = sites_file(folder, text)
    with pytest.raises(CaseError) as caught:
        points_of(read_sites(path))
    return str(caught.value).replace(str(path), "places.yaml").splitlines()


def kinds(points: Points) -> dict[str, list[str]]:
    """Return the sites of each kind of data."""
    found: dict[str, list[str]] = {}
    for row in points.rows:
        found.setdefault(kinds_of(row.point.casefile).text, []).append(row.point.label)
    return found


# Kinds


def test_shipped_sites_fall_apart_by_their_data():
    """ERCOT hours of a real year; a real year at a flat price; typical years, no wind."""
    found = kinds(points_of(read_sites(SHIPPED)))
    assert list(found.values()) == [
        ["pecos", "abilene"],
        ["amarillo"],
        ["phoenix", "dulles", "newark"],
    ]
    first, second, third = (text.split("; ")[:3] for text in found)
    hourly = "hourly power prices (year 2022, scaled by gas)"
    assert first == ["weather of real years", hourly, "wind offered"]
    assert second == ["weather of real years", "flat power price", "wind offered"]
    assert third == ["weather of typical years", "flat power price", "no wind offered"]


def test_alike_takes_the_weaker_kind_as_far_as_there_is_one():
    """Flat prices at each site's own mean and no wind anywhere; typical years stay apart.

    Pecos: the mean of the hourly prices that its case would have.
    """
    asked = read_sites(SHIPPED)
    before = {row.point.label: row.point.casefile for row in points_of(asked).rows}
    points = points_of(alike(asked, before))
    assert list(kinds(points).values()) == [
        ["pecos", "abilene", "amarillo"],
        ["phoenix", "dulles", "newark"],
    ]
    cases = {row.point.label: row.point.casefile for row in points.rows}
    assert all("wind" not in c.case.technologies for c in cases.values())
    power = read_table("builtin:ercot_da_2022", Path()).frame["lz_west_usd_per_mwh"]
    assert 25 < cases["pecos"].case.prices.power.flat_usd_per_mwh < power.mean()
    assert cases["amarillo"].case.prices.power.flat_usd_per_mwh == 47
    [told] = sources_of(cases["pecos"])["power"]
    assert told.source.startswith("--alike: mean of builtin:ercot_da_2022")


def test_nothing_is_weakened_where_all_are_alike():
    asked = read_sites(SHIPPED)
    texans = {row.point.label: row.point.casefile for row in points_of(asked).rows[:2]}
    same = alike(asked, texans)
    assert same.sites == {name: asked.sites[name] for name in texans}


def test_a_table_that_states_no_year_is_a_kind_of_its_own(folder: Path):
    table = read_table("builtin:pecos_2013_solar", Path()).frame
    table.to_csv(folder / "sun.csv", index=False)
    text = "sites:\n  a: {weather.years: [{solar_table: sun.csv}]}\n"
    [kind] = kinds(points_of(read_sites(sites_file(folder, text))))
    assert kind.startswith("weather of a kind that its tables do not state; ")


def test_a_site_without_a_grid_has_no_price_to_compare(folder: Path):
    text = "sites:\n  a: {technologies.grid.mode: none}\n  b:\n"
    asked = read_sites(sites_file(folder, text))
    kind = [kinds_of(row.point.casefile) for row in points_of(asked).rows]
    assert (kind[0].power, kind[0].hourly, kind[0].flat) == ("no grid", False, False)
    assert kind[1].hourly


def test_every_assumption_has_its_source_and_confidence():
    rows = {row.point.label: row.point for row in points_of(read_sites(SHIPPED)).rows}
    told = sources_of(rows["amarillo"].casefile)
    assert told["power"][0].confidence == "low"
    assert told["power"][0].whole.endswith("price of 2025 (low confidence)")
    assert [t.text for t in told["gas"]] == [
        "$3.67/MMBtu at the plant",
        "hub 3.66",
        "basis -0.42",
        "transport 0.375",
    ]
    assert all(t.confidence for t in told["gas"][1:])
    assert told["weather"][0].text == "builtin:amarillo_2012_solar, 2012, 10 km away"
    assert told["weather"][1].text.startswith("builtin:amarillo_2012_wind, 2012")
    assert len(sources_of(rows["newark"].casefile)["weather"]) == 1


# Reading


def test_sites_start_from_nothing_and_quick_and_set_reach_each(folder: Path):
    path = sites_file(folder, f"changes: {{gas.basis_usd_per_mmbtu: -1}}\n{TWO}")
    points = points_of(read_sites(path, ["gas.hub_usd_per_mmbtu=5"], quick=True))
    assert [row.point.label for row in points.rows] == ["west", "east"]
    assert all(row.point.starts_from is None for row in points.rows)
    for row in points.rows:
        case = row.point.casefile.case
        assert case.name == row.point.label
        assert case.gas.hub_usd_per_mmbtu == 5  # wins over the site's own
        assert case.gas.basis_usd_per_mmbtu == -1
        assert (case.horizon.kind, case.horizon.weeks) == ("weeks", 4)
        assert case.solve.gap_frac == 0.01


def test_tables_are_found_from_the_folder_of_the_file(tmp_path: Path):
    """The case comes with the package; the table stands beside the file of sites."""
    shutil.copy(packaged("data", "phoenix_tmy3.csv.gz"), tmp_path / "sun.csv.gz")
    path = tmp_path / "mine.yaml"
    path.write_text(
        "name: mine\ncase: builtin:quick\nsites:\n"
        "  a: {site.utc_offset_h: -7, weather.years: [{solar_table: sun.csv.gz}]}\n",
        encoding="utf-8",
    )
    [row] = points_of(read_sites(path)).rows
    [content] = row.point.tables.values()
    assert content == (tmp_path / "sun.csv.gz").read_bytes()


def test_every_fault_is_told_at_its_place(folder: Path):
    found = faults(
        folder,
        "sites:\n"
        "  a: {site.latitud_deg: 31}\n"
        "  b: {technologies.solr.max_mw: 5}\n"
        "  c:\n"
        "    site.latitude_deg: 95\n"
        "    gas.from: gas_wahha\n",
    )
    assert found == [
        "places.yaml:4:7: site.latitud_deg: unknown key - did you mean 'latitude_deg'",
        "places.yaml:5:7: there is no technologies.solr - did you mean "
        "'technologies.solar'",
        "places.yaml:7:5: site.latitude_deg: Input should be less than or equal to 66 "
        "(got 95)",
        "places.yaml:8:5: gas.from: no such entry in the catalogue (got 'gas_wahha') - "
        "did you mean 'gas_waha'",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "places.yaml:1:1: sites: missing"),
        ("sites: {}\n", "places.yaml:3:1: sites: "),
        ("site: {a: {}}\n", "unknown key - did you mean 'sites'"),
        ("sites: {a b: {}}\n", "String should match pattern"),
        ("sites: {a: 5}\n", "places.yaml:3:9: sites.a: "),
        (
            "sites:\n  a: {weather.years: [{solar_table: builtin:newark_tmy}]}\n",
            "places.yaml:4:24: solar_table: builtin:newark_tmy: no such packaged table; "
            "did you mean builtin:newark_tmy3?",
        ),
        (
            "sites:\n  a: {prices.power.gas_table: gas.csv}\n",
            "places.yaml:4:7: gas_table: gas.csv: no such table in ",
        ),
    ],
)
def test_a_bad_file_is_told(folder: Path, text: str, told: str):
    assert any(told in line for line in faults(folder, text)), faults(folder, text)


# Ranks


def made(folder: Path, results: dict[str, Any]) -> tuple[Points, Store]:
    """Return sites of one kind, with answers that are made up."""
    names = "".join(f"  {name}:\n" for name in results)
    points = points_of(read_sites(sites_file(folder, f"sites:\n{names}")))
    store = Store.open(folder / "out")
    for row in points.rows:
        lcoe = results[row.point.label]
        told = (
            Answer("infeasible", "no room") if lcoe is None else Answer("optimal", "")
        )
        store.write(row.point.key, told, {}, keep=False)
        if lcoe is not None:
            write_run(store.folder(row.point.key), *lcoe)
    return points, store


def write_run(run: Path, lcoe: float, gap: float, slack_mw: float = 3.0) -> None:
    """Write what a ranking reads of a run folder: 3 units of 10 MW, and a battery."""
    size = {"units": None, "mw": 0.0, "mwh": None, "at_design_mw": None}
    summary = {
        "lcoe_usd_per_mwh": lcoe,
        "gap_usd_per_mwh": gap,
        "capital_usd": 2e8,
        "renewable_share_frac": 0.25,
        "gas_mmbtu_per_yr": 1e6,
        "co2_t_per_yr": 5e4,
        "nox_t_per_yr": 4.0,
        "water_m3_per_yr": 1500.0,
        "energy_mwh": {"served": 2e6},
        "gpu_uptime_frac": 0.9999,
        "capacity": {
            "recip": size | {"units": 3, "mw": 33.0, "at_design_mw": 30.0},
            "battery": size | {"mw": 25.0, "mwh": 50.0},
            "solar": size | {"mw": 0.04},
        },
    }
    (run / "summary.json").write_text(json.dumps(summary))
    (run / "tables").mkdir()
    (run / "tables" / "limits.csv").write_text(
        "name,value,slack,unit,binds\n"
        "limits.co2_t_per_yr,50000,0,t/yr,True\n"
        "limits.land_km2,4,1,km2,False\n"
        f"reliability.n_plus,250,{slack_mw},MW,False\n"
        "technologies.grid.max_mw,300,0,MW,True\n"
        "technologies.battery.max_mw,0,0,MW,True\n"
    )


def test_sites_are_ranked_by_cost_and_an_open_order_is_told(folder: Path):
    """c is proven dearer than a; b at 80.5 may be 79.9, cheaper than a at 80."""
    points, store = made(
        folder, {"b": (80.5, 0.6), "x": None, "c": (82, 0.5), "a": (80, 0.1)}
    )
    found = ranked(points, store)
    assert found.table["site"].tolist() == ["a", "b", "c", "x"]
    assert found.table["rank"].tolist()[:3] == [1, 2, 3]
    assert pd.isna(found.table["rank"][3])
    assert found.table["reason"][3] == "no room"
    [note] = found.notes
    assert note.startswith("a and b are nearer to each other than the gap")
    lines = terminal_lines(found, points)
    assert "-  x: infeasible: no room" in lines
    assert not any(line.startswith("At every site") for line in lines)


def test_a_site_that_met_a_limit_of_time_says_so(folder: Path):
    points, store = made(folder, {"a": (80, 0.1), "b": (85, 0.25)})
    run = store.folder(points.rows[1].point.key)
    record = json.loads((run / "point.json").read_text()) | {"status": "limit"}
    (run / "point.json").write_text(json.dumps(record))
    assert ranked(points, store).notes == [
        "b: the time limit was reached; proven to $0.25/MWh."
    ]


def test_what_binds_leaves_out_what_the_case_sets(folder: Path):
    """N+k binds with 3 MW to spare, since a unit gives 10; with 12 it does not.

    A size whose least is its most, and one that may only be nothing, are no limits.
    """
    path = folder / "little.yaml"
    text = path.read_text().replace(
        "min_mw: 0, max_mw: 300", "min_mw: 300, max_mw: 300"
    )
    path.write_text(text)
    points, store = made(folder, {"a": (80, 0.1), "b": (81, 0.1, 12.0)})
    binds = ranked(points, store).table["binds"].tolist()
    assert binds == [
        "limits.co2_t_per_yr 50,000 t/yr; "
        "reliability.n_plus (3.0 MW to spare, less than a unit)",
        "limits.co2_t_per_yr 50,000 t/yr",
    ]


def test_sampled_uptime_goes_before_that_of_the_dispatched_year(folder: Path):
    points, store = made(folder, {"a": (80, 0.1), "b": (81, 0.1)})
    run = store.folder(points.rows[0].point.key)
    energy = {"gpu_energy": {"frac": 0.9987}}
    document = {"uptime": {"base": {"with_common_causes": energy}}}
    (run / "uptime.json").write_text(json.dumps(document))
    found = ranked(points, store)
    assert found.table["uptime_frac"].tolist() == [0.9987, 0.9999]
    assert found.table["uptime_from"].tolist()[0] == SAMPLED
    lines = terminal_lines(found, points)
    assert next(line for line in lines if line.startswith("1 ")).endswith("99.8700")
    assert next(line for line in lines if line.startswith("2 ")).endswith("99.9900 d")


def test_the_plant_is_told_in_words(folder: Path):
    points, store = made(folder, {"a": (80, 0.1)})
    summary = store.summary(points.rows[0].point.key)
    assert plant_words(summary) == "3 recip (33 MW), battery 25 MW, 50.0 MWh"
    assert plant_words({"capacity": {}}) == "nothing"


# The command, on two weeks


def run(*args: str) -> Any:
    return CliRunner().invoke(command.app, ["sites", *args])


def test_the_command_ranks_apart_and_does_nothing_twice(folder: Path):
    """Two sites, a typical year at a flat price and a real one at hourly prices."""
    path = sites_file(folder, TWO)
    first = run(str(path), "--workers", "2", "-q")
    assert first.exit_code == 0, first.output
    text = first.stdout
    assert "Weather of real years, hourly power prices" in text
    assert "Weather of typical years, flat power price" in text
    assert "ranked apart" in text
    assert "2 sites, 2 of them solved now" in text
    again = run(str(path), "--json", "-q")
    document = json.loads(again.stdout)
    assert (document["solved_now"], document["status"]) == (0, "done")
    assert [[s["site"] for s in g["sites"]] for g in document["groups"]] == [
        ["west"],
        ["east"],
    ]
    with (folder / "results/places/sites/sites.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["rank"] for row in rows] == ["1", "1"]
    for row, group in zip(rows, document["groups"], strict=True):
        summary = json.loads(
            (folder / "results/places/sites" / row["run"] / "summary.json").read_text()
        )
        assert summary["draft"]
        [site] = group["sites"]
        for name in ("lcoe_usd_per_mwh", "co2_t_per_yr", "water_m3_per_yr"):
            assert_allclose(float(row[name]), summary[name], rtol=1e-9)
            assert site[name] == summary[name]


def test_a_site_without_a_plant_is_listed_and_the_rest_are_ranked(folder: Path):
    path = sites_file(folder, "sites:\n  a:\n  b: {load.facility_mw: 900}\n")
    result = run(str(path), "-q")
    assert result.exit_code == 8
    assert "-  b: infeasible: " in result.stdout
    assert "\n1  a " in result.stdout
    assert "Traceback" not in result.output


def test_a_fault_ends_before_the_first_solve(folder: Path):
    result = run(str(sites_file(folder, "sites: {a: {gas.hub: 3}}\n")))
    assert result.exit_code == CaseError.exit_code
    assert "places.yaml:3:13: gas.hub: unknown key" in result.stderr
    assert not (folder / "results").exists()
