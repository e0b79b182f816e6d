from __future__ import annotations

import csv
import json
import math
from contextlib import suppress
from dataclasses import replace
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import plants
import pytest
import xarray as xr
from numpy.testing import assert_allclose
from pydantic import ValidationError
from rich.console import Console

from energyopt import exhibits, metrics, report, terminal
from energyopt.case import Case
from energyopt.casefile import CaseFile, Origin, read_case
from energyopt.errors import CaseError
from energyopt.report import RunFolder, SummaryContract, terminal_table
from energyopt.results import Result
from energyopt.units import unit_of

HOURS = 48
TIMES = {"inputs": 1.0, "build": 0.5, "solve": 2.0, "verify": 0.25, "total": 3.75}
GAS = plants.GAS | {"capital_usd_per_kw": 1000, "co2_t_per_mmbtu": 0.05}
CHANGES: dict[str, Any] = {
    "title": "A tiny plant",
    "technologies": {
        "gas": GAS,
        "battery": plants.BATTERY | {"min_mw": 1},
        "grid": plants.GRID | {"max_mw": 5, "min_mw": 5},
        "solar": plants.SOLAR | {"max_mw": 3},
    },
    "limits": {"gpu_served_frac": 0.9, "co2_t_per_yr": 100.0},
    "contingencies": {},
    "reliability": {"n_plus": 0, "units_in_maintenance": 1},
}


def strict(text: str) -> Any:
    """Return JSON, refusing NaN and Infinity."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(folder: Path, **changes: Any) -> CaseFile:
    path = folder / "tiny.yaml"
    path.write_text(json.dumps(plants.merged(plants.CASE, CHANGES | changes)))
    return read_case(path)


@pytest.fixture
def casefile(here: Path) -> CaseFile:
    return written(here)


@pytest.fixture(scope="module")
def result() -> Result:
    case = Case.model_validate(plants.merged(plants.CASE, CHANGES))
    price = [30.0] * 24 + [60.0] * 24
    made = plants.solved(
        case, HOURS, power_usd_per_mwh=price, solar__share_frac=[0.5] * HOURS
    )
    return replace(made, shadow_prices={"limits.co2_t_per_yr": 35.0})


@pytest.fixture(scope="module")
def summary(result: Result) -> dict[str, Any]:
    return metrics.summary(result, TIMES)


@pytest.fixture
def folder(casefile: CaseFile, result: Result, summary: dict[str, Any]) -> Path:
    with RunFolder.open(casefile) as made:
        made.log.write_text("the solver's words\n")
        return made.write(result, summary)


def everything(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


# The folder


def test_a_run_leaves_every_file_under_its_id_and_latest_names_it(
    here: Path, folder: Path
) -> None:
    tables = ["capacity", "cost", "capital", "units", "energy", "monthly"]
    tables += ["limits", "contingencies", "checks", "assumptions"]
    assert everything(folder) == {
        "case.origins.json",
        "case.resolved.yaml",
        "decisions.json",
        "manifest.json",
        "summary.json",
        "hourly.nc",
        "solver.log",
        *(f"tables/{name}.csv" for name in tables),
    }
    assert (here / folder).parent == here / "results" / "tiny"
    assert (here / "results/tiny/latest").read_text() == f"{folder.name}\n"
    assert sorted(p.name for p in (here / "results/tiny").iterdir()) == sorted(
        ["latest", folder.name]
    )


def test_nothing_shows_under_the_final_name_before_the_end(
    here: Path,
    casefile: CaseFile,
    result: Result,
    summary: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def shown() -> list[str]:
        return [p.name for p in (here / "results/tiny").iterdir()]

    seen: list[list[str]] = []
    last = report.solved_part  # of the manifest, the last file

    def spy(*arguments: Any) -> Any:
        seen.append(shown())
        return last(*arguments)

    monkeypatch.setattr(report, "solved_part", spy)
    with RunFolder.open(casefile) as made:
        made.log.write_text("begun")
        seen.append(shown())
        made.write(result, summary)
    assert seen == [[f".{made.run_id}.running"]] * 2
    assert made.run_id in shown()


@pytest.mark.parametrize("broken", ["write_hourly", "tables", "solved_part"])
def test_a_failure_in_the_middle_of_writing_leaves_only_the_log(
    here: Path,
    casefile: CaseFile,
    result: Result,
    summary: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    broken: str,
) -> None:
    def fail(*arguments: Any) -> None:
        raise RuntimeError("disk on fire")

    def run() -> None:
        with RunFolder.open(casefile) as made:
            made.log.write_text("so far\n")
            made.write(result, summary)

    monkeypatch.setattr(report, broken, fail)
    with pytest.raises(RuntimeError, match="on fire") as raised:
        run()
    (kept,) = (here / "results/tiny").iterdir()  # nothing hidden beside it
    assert kept.name.startswith("failed-")
    log = f"results/tiny/{kept.name}/solver.log"
    assert everything(here) == {"tiny.yaml", log}
    assert (here / log).read_text() == "so far\n"
    assert log in Path(raised.value.__notes__[0]).as_posix()


def test_a_failure_before_the_solver_spoke_leaves_nothing(
    here: Path, casefile: CaseFile
) -> None:
    with suppress(KeyboardInterrupt), RunFolder.open(casefile):
        raise KeyboardInterrupt
    assert everything(here) == {"tiny.yaml"}
    assert list((here / "results/tiny").iterdir()) == []


def test_an_earlier_run_is_never_overwritten(
    here: Path,
    casefile: CaseFile,
    result: Result,
    summary: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Frozen(report.datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return cls(2026, 1, 2, 3, 4, 5, tzinfo=tz)

    monkeypatch.setattr(report, "datetime", Frozen)
    paths = []
    for _ in range(3):  # all in the same second
        with RunFolder.open(casefile) as made:
            paths.append(made.write(result, summary))
    first = paths[0].name
    assert first.startswith("20260102T030405Z-")
    assert [p.name for p in paths] == [first, f"{first}-2", f"{first}-3"]
    ids = [strict((p / "manifest.json").read_text())["run_id"] for p in paths]
    assert ids == [p.name for p in paths]
    with RunFolder.open(casefile) as one, RunFolder.open(casefile) as other:
        assert one.run_id != other.run_id  # two at once


def test_the_run_id_follows_case_and_tables(here: Path) -> None:
    (here / "sun.csv").write_text("a")
    changed: dict[str, Any] = {"weather": {"years": [{"solar_table": "sun.csv"}]}}
    first = report._run_hash(written(here, **changed))
    assert report._run_hash(written(here, **changed)) == first
    (here / "sun.csv").write_text("b")
    second = report._run_hash(written(here, **changed))
    third = report._run_hash(written(here, title="another", **changed))
    assert len({first, second, third}) == 3


def test_out_is_written_exactly_there(
    here: Path, casefile: CaseFile, result: Result, summary: dict[str, Any]
) -> None:
    for name in ("new/place", "empty"):
        out = here / name
        if name == "empty":
            out.mkdir()
        with RunFolder.open(casefile, out) as made:
            assert made.write(result, summary) == out
        assert (out / "summary.json").is_file()
    assert {p.name for p in here.iterdir()} == {"tiny.yaml", "new", "empty"}
    assert [p.name for p in (here / "new").iterdir()] == ["place"]


def test_out_that_is_taken_is_refused_and_left_alone(
    here: Path, casefile: CaseFile
) -> None:
    (here / "taken").mkdir()
    (here / "taken/note.txt").write_text("mine")
    for out in ("taken", "tiny.yaml", "."):
        opened = RunFolder.open(casefile, Path(out))
        with pytest.raises(CaseError, match=r"--out") as raised:
            opened.__enter__()
        assert "\n" not in str(raised.value)
    assert everything(here) == {"tiny.yaml", "taken/note.txt"}


def test_a_failed_log_under_out_does_not_stand_in_the_way(
    here: Path, casefile: CaseFile, result: Result, summary: dict[str, Any]
) -> None:
    out = here / "out"
    with suppress(RuntimeError), RunFolder.open(casefile, out) as failed:
        failed.log.write_text("no plant")
        raise RuntimeError
    log = f"failed-{failed.run_id}/solver.log"
    assert everything(out) == {log}
    with RunFolder.open(casefile, out) as made:
        made.write(result, summary)
    assert {log, "summary.json"} <= everything(out)


def test_a_plant_that_failed_verification_is_not_the_latest(
    here: Path, casefile: CaseFile, result: Result, summary: dict[str, Any]
) -> None:
    bad = replace(result, checks=[replace(result.checks[0], worst=1.0)])
    with RunFolder.open(casefile) as made:
        path = made.write(bad, summary | {"status": "verification_failed"})
    assert path.is_dir()
    assert not (here / "results/tiny/latest").exists()


def test_an_infeasible_case_leaves_its_record(here: Path, casefile: CaseFile) -> None:
    found: Any = SimpleNamespace(
        sentences=["CO2 at most 1 t a year cannot be met: the least is 2 t a year"],
        values={"alone": {"limits.co2_t_per_yr": 2.0}, "together": {}},
    )
    with RunFolder.open(casefile) as made:
        path = made.write_infeasible(found)
    assert everything(path) == {
        "infeasible.json",
        "case.origins.json",
        "case.resolved.yaml",
        "manifest.json",
    }
    told = strict((path / "infeasible.json").read_text())
    assert told["status"] == "infeasible"
    assert told["sentences"] == found.sentences
    assert told["least_values"]["alone"]["limits.co2_t_per_yr"] == 2.0
    assert not (here / "results/tiny/latest").exists()


def test_the_resolved_case_is_the_case_again(here: Path) -> None:
    (here / "data").mkdir()
    (here / "data/sun.csv").write_text("")
    years = [{"solar_table": "data/sun.csv", "wind_table": "builtin:pecos_2013_wind"}]
    case = written(here, weather={"years": years})
    with RunFolder.open(case) as made:
        path = made.write_infeasible(SimpleNamespace(sentences=[], values={}))  # type: ignore[arg-type]
    again = read_case(path / "case.resolved.yaml")
    year = again.case.weather.years[0]
    assert (again.base_dir / year.solar_table).samefile(here / "data/sun.csv")
    assert year.wind_table == "builtin:pecos_2013_wind"
    unmoved = {"weather": case.case.weather, "prices": case.case.prices}
    assert again.case.model_copy(update=unmoved) == case.case


# The files


def test_the_manifest_says_what_was_run_and_how(
    folder: Path, result: Result, casefile: CaseFile
) -> None:
    told = strict((folder / "manifest.json").read_text())
    assert told["run_id"] == folder.name
    assert told["started_utc"] <= told["ended_utc"]
    assert told["started_utc"].endswith("+00:00")
    assert set(report.VERSIONS_OF) <= set(told["versions"])
    assert told["versions"]["numpy"] == np.__version__
    assert told["model"]["rows"] == result.record.rows
    assert told["options"] == result.record.options
    assert told["objective_usd_per_yr"] == 1000 * result.record.objective
    made = len(strict((folder / "summary.json").read_text())["checks"])
    assert told["checks"] == {"passed": made, "made": made}
    assert len(told["resolved_case_sha256"]) == 64
    assert told["draft"] is False
    assert told["time_s"]["solve"] == 2.0
    assert told["peak_memory_mb"] is None or told["peak_memory_mb"] > 10


def test_json_is_strict_and_keeps_what_is_not_finite_as_null(
    casefile: CaseFile, result: Result, summary: dict[str, Any]
) -> None:
    odd = summary | {
        "gap_frac": math.inf,
        "lcoe_usd_per_mwh": math.nan,
        "extra": [np.float64(2.5), np.int64(3), (-math.inf,), Path("a")],
    }
    with RunFolder.open(casefile) as made:
        path = made.write(result, odd)
    told = strict((path / "summary.json").read_text())
    assert told["gap_frac"] is None
    assert told["lcoe_usd_per_mwh"] is None
    assert told["extra"] == [2.5, 3, [None], "a"]


def test_sizes_and_weekly_decisions_are_kept_beside_the_hours(folder: Path) -> None:
    told = strict((folder / "decisions.json").read_text())
    assert told["gas"]["installed_units"] == 2
    assert len(told["gas"]["begins_units"]) == 1
    assert "output_mw" not in told["gas"]
    origins = strict((folder / "case.origins.json").read_text())
    assert origins["load.restart_h"]["kind"] == "default"


def test_the_summary_keeps_its_contract(
    folder: Path, summary: dict[str, Any], casefile: CaseFile, result: Result
) -> None:
    told = strict((folder / "summary.json").read_text())
    SummaryContract.model_validate(told, strict=True)
    assert set(SummaryContract.model_fields) == {
        "schema_version",
        "case",
        "status",
        "gap_frac",
        "objective_usd_per_yr",
        "bound_usd_per_yr",
        "bound_lost_to_online_usd_per_yr",  # only with reserve against what is online
        "time_s",
        "capacity",
        "energy_mwh",
        "cost_usd_per_yr",
        "lcoe_usd_per_mwh",
        "gpu_uptime_frac",
        "unserved_mwh",
        "co2_t_per_yr",
        "nox_t_per_yr",
        "water_m3_per_yr",
        "gas_mmbtu_per_yr",
        "capital_usd",
        "checks",
        "uptime_target",  # only with a target
    }
    assert set(told["capacity"]["battery"]) >= {"kind", "units", "mw", "mwh"}
    assert told["capacity"]["gas"]["units"] == 2
    assert told["checks"]["power_balance_mw"]["passed"] is True
    total = sum(told["cost_usd_per_yr"].values())
    assert_allclose(total, told["objective_usd_per_yr"], rtol=1e-6)


@pytest.mark.parametrize("lost", ["status", "lcoe_usd_per_mwh", "checks"])
def test_a_summary_without_a_promised_key_is_not_written(
    here: Path,
    casefile: CaseFile,
    result: Result,
    summary: dict[str, Any],
    lost: str,
) -> None:
    short = {key: value for key, value in summary.items() if key != lost}
    with pytest.raises(ValidationError, match=lost), RunFolder.open(casefile) as made:
        made.write(result, short)
    assert everything(here) == {"tiny.yaml"}


def test_every_hourly_array_has_a_unit_and_a_long_name(
    folder: Path, result: Result
) -> None:
    with xr.open_dataset(folder / "hourly.nc", decode_times=False) as data:
        for name, array in data.variables.items():
            assert array.attrs["units"], name
            assert len(array.attrs["long_name"]) > 2, name
        assert data["gas.output_mw"].attrs["units"] == "MW"
        assert data["gas.gas_mmbtu"].attrs["units"] == "MMBtu"
        assert data["gas.output_mw"].encoding["zlib"]
        assert data.attrs["case"] == "tiny"
        assert data.attrs["run_id"] == folder.name
        assert data.attrs["draft"] == "no"
    with xr.open_dataset(folder / "hourly.nc") as data:
        assert_allclose(data["gas.output_mw"], result.arrays["gas"]["output_mw"])
        behind = data["time"].values - data["local_time"].values
        assert (behind == np.timedelta64(6, "h")).all()


# Text, flags and counts, which have no unit; and numbers whose row says the unit.
PLAIN = {"technology", "kind", "limit", "name", "element", "check", "flow", "path", "asset", "month", "unit", "binds", "passed", "position", "units", "worst_local_time", "origin", "source", "confidence", "price_year", "note", "value", "used", "slack", "shadow_price", "shadow_price_unit", "worst", "tolerance", "low", "high"}  # fmt: skip


def test_every_column_of_every_table_says_its_unit(folder: Path) -> None:
    seen = 0
    for path in sorted((folder / "tables").glob("*.csv")):
        with path.open(newline="") as file:
            head = next(csv.reader(file))
        for column in head:
            name = column.removesuffix("_load")  # USD per kW of load
            assert name in PLAIN or unit_of(name), (path.name, column)
            seen += 1
    assert seen > 60


def test_tables_tell_limits_used_and_what_binds(result: Result) -> None:
    table = exhibits.limit_table(result)
    co2 = table.loc["limits.co2_t_per_yr"]
    # 10 MWh of gas a MWh, 0.05 t a MMBtu: 100 t in 200 MWh of the 480 MWh.
    assert_allclose([co2["value"], co2["used"], co2["slack"]], [100, 100, 0], atol=1e-6)
    assert co2["binds"]
    assert co2["shadow_price"] == 35.0
    assert co2["shadow_price_unit"] == "USD/yr per t/yr"
    served = table.loc["limits.gpu_served_frac"]
    assert_allclose([served["used"], served["slack"]], [1.0, 0.1], atol=1e-9)
    assert not served["binds"]
    # Two units of 10 MW, one of them in maintenance: 10 MW against 10 MW.
    firm = table.loc["reliability.n_plus"]
    assert_allclose([firm["value"], firm["used"], firm["slack"]], [10, 10, 0])
    assert firm["binds"]
    assert firm["unit"] == "MW"


def test_months_are_of_local_time_and_add_up_to_the_year(
    result: Result, summary: dict[str, Any]
) -> None:
    local = pd.date_range("2013-01-31T00:00", periods=HOURS, freq="h")
    data = result.inputs.data.assign_coords(local_time=("time", local))
    moved = replace(result, inputs=replace(result.inputs, data=data))
    table = exhibits.monthly_table(moved)
    assert table.index.tolist() == [1, 2]
    assert_allclose(table["demand_mwh"], [240, 240])
    assert_allclose(table["solar_mwh"] + table["solar_curtailed_mwh"], [36, 36])
    for name, mwh in summary["energy_mwh"].items():
        assert_allclose(table[f"{name}_mwh"].sum(), mwh, atol=1e-9)
    assert_allclose(table["co2_t"].sum(), summary["co2_t_per_yr"])
    to_bus = table[["gas_mwh", "battery_discharge_mwh", "grid_import_mwh", "solar_mwh"]]
    out = table[["battery_charge_mwh", "grid_export_mwh"]]
    balance = to_bus.sum(axis=1) - out.sum(axis=1)
    assert_allclose(balance, table["served_mwh"], atol=1e-3)


def test_assumptions_have_unit_origin_and_range(casefile: CaseFile) -> None:
    path = "technologies.gas.capital_usd_per_kw"
    guess = Origin(
        kind="catalogue",
        text="a vendor's talk",
        confidence="low",
        low=800,
        high=1500,
        unit="USD/kW",
        price_year=2024,
    )
    changed = replace(casefile, origins=casefile.origins | {path: guess})
    row = exhibits.assumption_table(changed).loc[path]
    assert row[["value", "unit", "origin", "source"]].tolist() == [
        1000.0,
        "USD/kW",
        "catalogue",
        "a vendor's talk",
    ]
    assert row[["confidence", "low", "high", "price_year"]].tolist() == [
        "low",
        800,
        1500,
        2024,
    ]
    table = exhibits.assumption_table(casefile)
    assert table.loc["load.facility_mw", "unit"] == "MW"
    assert table.loc["load.facility_mw", "source"] == "tiny.yaml:1"
    assert table.loc["solve.seed", "origin"] == "default"


def test_a_case_without_contingencies_or_units_still_has_its_tables(
    result: Result,
) -> None:
    bare = replace(result, trips=[], checks=[])
    assert len(exhibits.contingency_table(bare)) == 0
    assert "worst_mwh" in exhibits.contingency_table(bare)


# The terminal


def summary_by_hand() -> dict[str, Any]:
    """Return a plant whose every figure is easy to follow."""
    return {
        "schema_version": "1.0",
        "case": "tiny",
        "title": "A tiny plant",
        "draft": False,
        "status": "optimal",
        "gap_frac": 0.001,
        "objective_usd_per_yr": 160e6,
        "bound_usd_per_yr": 159.84e6,
        "gap_usd_per_mwh": 0.08,
        "price_year": 2025,
        "time_s": TIMES,
        "capacity": {
            "gas": {
                "kind": "gas_turbine",
                "units": 4,
                "mw": 192.0,
                "mwh": None,
                "at_design_mw": 156.0,
            },
            "solar": {"kind": "solar", "units": None, "mw": 0.0, "mwh": None},
            "battery": {"kind": "battery", "units": None, "mw": 120.4, "mwh": 481.6},
            "grid": {"kind": "grid", "units": None, "mw": 5.0, "mwh": None},
        },
        "energy_mwh": {"gas": 2e6, "served": 2e6},
        "cost_usd_per_yr": {"capital": 60e6, "fuel": 102e6, "export_income": -2e6},
        "lcoe_usd_per_mwh": 81.0,
        "lcoe_after_export_usd_per_mwh": 80.0,
        "lcoe_usd_per_mwh_it": 97.23,
        "lcoe_usd_per_gpu_h": 0.1944,
        "lcoe_parts_usd_per_mwh": {
            "capital": 30.0,
            "fuel": 45.25,
            "om_fixed": 3.0,
            "om_variable": 2.5,
            "starts": 0.25,
            "water": 0.001,
        },
        "gpu_uptime_frac": 0.99991234,
        "unserved_mwh": 175.3,
        "renewable_share_frac": 0.0,
        "co2_t_per_yr": 800_000.4,
        "nox_t_per_yr": 45.359237,
        "water_m3_per_yr": 123_348.184,
        "gas_mmbtu_per_yr": 36.5e6,
        "capital_usd": 512e6,
        "capital_direct_usd": 400e6,
        "shadow_prices": {"limits.co2_t_per_yr": 35.4, "limits.gpu_served_frac": 0.0},
        "contingencies": [
            {"element": "one unit of gas", "hours": 8760, "hours_shed": 0, "worst_mwh": 0.0},
            {"element": "import of grid", "hours": 8760, "hours_shed": 0, "worst_mwh": 0.0},
        ],
        "checks": {
            "power_balance_mw": {"passed": True, "worst": 2e-6, "tolerance": 1e-4},
            "cost_sum": {"passed": True, "worst": 1e-12, "tolerance": 1e-6},
        },
        "notes": ["weather is of 2013, prices of 2022"],
    }  # fmt: skip


def printed(summary: dict[str, Any], casefile: CaseFile, width: int = 120) -> str:
    text = StringIO()
    console = Console(file=text, width=width, no_color=True)
    console.print(terminal_table(summary, casefile, Path("results/tiny/now")))
    return text.getvalue()


def test_the_table_says_the_numbers(casefile: CaseFile) -> None:
    text = printed(summary_by_hand(), casefile)
    for line in (
        "gas             4 × 48.0 MW = 192 MW (156 net at 15 °C)",
        "battery         120 MW, 482 MWh",
        "grid            5.00 MW connection, parallel",
        "not built       solar",
        "$81.0/MWh served to the facility",
        "$97.2/MWh of IT; $0.194 per GPU-hour",
        "$80.0/MWh after export income",
        "fuel 45.2, capital 30.0, O&M 5.8",  # 3 + 2.5 + 0.25; half to even
        "$512 M, all-in ($51,200/kW of load)",  # over 10 MW
        "$160 M/yr",
        "99.9912 % of GPU energy",
        "not in this number",
        "800,000 t/yr (400 kg/MWh served)",
        "45.4 t/yr (50.0 short tons)",
        "123,348 m3/yr (100 acre-ft)",
        "100,000 MMBtu/d",  # 36.5 million over 365 days
        "0.10 % = $0.16 M/yr = $0.080/MWh",
        "2 elements, each lost in each of 8,760 hours: 0 MWh shed",
        "2 of 2 passed; worst: power_balance_mw, off by 2e-06 of 1e-04 allowed",
        "real 2025 dollars, before tax",
        "Binds: limits.co2_t_per_yr 100 t/yr; giving way by one t/yr saves $35.4",
        "marginal, given the units built",
        "* weather is of 2013, prices of 2022",
        "results/tiny/now/tables/assumptions.csv",
    ):
        assert line in text.replace("100.0 t/yr;", "100 t/yr;"), line
    assert "gpu_served_frac" not in text  # does not bind
    assert "†" not in text
    assert "DRAFT" not in text


def test_beside_the_gap_stands_what_the_bound_lost(casefile: CaseFile) -> None:
    told = summary_by_hand()
    assert "of bound lost" not in printed(told, casefile, 80)
    text = printed(told | {"bound_lost_to_online_usd_per_yr": 75_000.0}, casefile, 80)
    assert "($0.075 M/yr of bound lost to contingencies.against: online)" in text


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_fits_its_width_and_loses_nothing(
    casefile: CaseFile, width: int
) -> None:
    both = summary_by_hand() | {"unconstrained": summary_by_hand()}
    site = casefile.case.site.model_copy(update={"power_by_months": 24})
    case = casefile.case.model_copy(update={"site": site})
    text = printed(both, replace(casefile, case=case), width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    assert "\x1b" not in text
    assert "power in 24 months" in text
    assert "no lead-time limit" in text
    assert text.count("99.9912 %") == 2


def test_loud_words_stand_above_the_table(casefile: CaseFile) -> None:
    for change, words in (
        ({"draft": True}, "*** DRAFT"),
        ({"status": "verification_failed"}, "*** VERIFICATION FAILED"),
        ({"status": "limit"}, "*** STOPPED AT A LIMIT"),
        ({"status": "interrupted"}, "*** INTERRUPTED"),
    ):
        text = printed(summary_by_hand() | change, casefile, 80)
        assert words in text
        assert text.index(words) < text.index("LCOE")


def test_failed_checks_and_shed_load_are_named(casefile: CaseFile) -> None:
    bad = summary_by_hand()
    bad["checks"]["power_balance_mw"] = {"passed": False, "worst": None, "tolerance": 1}
    bad["contingencies"][0] |= {"hours_shed": 12, "worst_mwh": 3.21, "hours": 8000}
    text = printed(bad, casefile)
    assert "1 of 2 passed; FAILED: power_balance_mw" in text
    flat = " ".join(text.split())
    assert "each lost in every hour it can be (up to 8,760)" in flat
    assert "load shed in 12 of them, at worst 3.21 MWh (one unit of gas)" in flat


def test_doubtful_inputs_are_counted_and_marked(casefile: CaseFile) -> None:
    def low(low: float, high: float) -> Origin:
        return Origin(
            kind="catalogue",
            text="a guess",
            confidence="low",
            low=low,
            high=high,
            unit="USD/kW",
        )

    doubtful = {
        "technologies.gas.om_fixed_usd_per_kw_yr": low(0, 10),
        "technologies.gas.capital_usd_per_kw": low(500, 2000),
        "technologies.gas.life_yr": low(1, 100),  # no price
        "technologies.solar.capital_usd_per_kw": low(1, 9000),  # not built
    }
    text = printed(
        summary_by_hand(), replace(casefile, origins=casefile.origins | doubtful)
    )
    flat = " ".join(text.split())
    assert "gas † " in text
    assert "LCOE † " in text
    assert "battery † " not in text
    # $1,500/kW of 192 MW at $60 M a year for $400 M; $10/kW of 192 MW.
    assert (
        "† 4 inputs are of low confidence; those that move most money: "
        "gas.capital_usd_per_kw 1,000 (500 to 2,000 USD/kW: about $43 M/yr); "
        "gas.om_fixed_usd_per_kw_yr 0 (0 to 10 USD/kW: about $1.9 M/yr) *"
    ) in flat


def test_a_plant_that_cannot_be_found_without_lead_times_is_said(
    casefile: CaseFile,
) -> None:
    lost = {"status": "NoSolutionError", "message": "no plant within the time limit"}
    site = casefile.case.site.model_copy(update={"power_by_months": 24})
    case = casefile.case.model_copy(update={"site": site})
    text = printed(
        summary_by_hand() | {"unconstrained": lost}, replace(casefile, case=case), 120
    )
    assert "no plant within the time limit" in text


def test_what_cannot_arrive_is_named_and_stands_in_its_place_in_the_other_column(
    casefile: CaseFile,
) -> None:
    early = summary_by_hand() | {"unconstrained": summary_by_hand()}
    del early["capacity"]["battery"]
    site = casefile.case.site.model_copy(update={"power_by_months": 24})
    case = casefile.case.model_copy(update={"site": site})
    text = printed(early, replace(casefile, case=case))
    assert "too late        battery" in text
    assert "battery         -" in text
    assert text.index("battery         -") < text.index("grid   ")


def test_numbers_keep_sensible_digits() -> None:
    assert terminal._digits(math.inf) == "n/a"
    assert terminal._digits(None) == "n/a"
    assert terminal._digits(-1234.5) == "-1,234"
    assert terminal._percent(0.99999999999) == "100 %"
    assert terminal._percent(0.9995) == "99.950 %"
