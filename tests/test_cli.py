"""The command: what goes to stdout and stderr, exit codes, progress, Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from energyopt import __main__ as command
from energyopt import __version__, progress
from energyopt.casefile import packaged, read_case
from energyopt.doctor import examine_case
from energyopt.editor import SCHEMA_FILE
from energyopt.errors import (
    CaseError,
    DataError,
    EnergyoptError,
    InfeasibleError,
    NoSolutionError,
    VerificationError,
)
from energyopt.pipeline import Outcome, Stage, _next_command

CASE = """\
name: little
site:
  latitude_deg: 31
  longitude_deg: -103
  elevation_m: 900
  utc_offset_h: -6
  design_temp_c: 40
  design_wet_bulb_c: 20
weather:
  years: [{solar_table: sun.csv}]
prices:
  year: 2025
  power: {table: price.csv, column: lz, basis: flat, flat_usd_per_mwh: 40}
gas: {hub_usd_per_mmbtu: 3, basis_usd_per_mmbtu: -1}
load:
  facility_mw: 100
  pue_by_temp_c: [[20, 1.1], [40, 1.2]]
  lost_compute_usd_per_mwh: 1000
technologies:
  grid: {kind: grid, mode: parallel, max_mw: 150, co2_t_per_mwh: 0.4}
  battery:
    kind: battery
    max_mw: 50
    max_mwh: 200
    capital_usd_per_kw: 200
    capital_usd_per_kwh: 150
    om_fixed_usd_per_kw_yr: 5
    augmentation_usd_per_kwh_yr: 2
    charge_frac: 0.95
    discharge_frac: 0.95
    block_mw: 10
    life_yr: 15
finance: {wacc_nominal_frac: 0.09, inflation_frac: 0.02}
"""
SUMMARY = {"schema_version": 1, "case": "little", "status": "optimal"}


def outcome(exit_code: int = 0, **more: Any) -> Outcome:
    return Outcome(
        summary=SUMMARY | more,
        folder=Path("results/little/1"),
        table="LCOE 61.2 USD/MWh",
        exit_code=exit_code,
        next_command="energyopt little.yaml --set load.facility_mw=110",
    )


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run the command in an empty directory with little.yaml in it."""
    monkeypatch.chdir(tmp_path)
    Path("little.yaml").write_text(CASE, encoding="utf-8")
    runner = CliRunner()

    def running(*args: str) -> Result:
        return runner.invoke(command.app, list(args))

    return running


@pytest.fixture
def solves(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Any]]:
    """Put in place of the pipeline one that gives, or raises, what it is told."""

    def become(*ends: Any) -> list[Any]:
        calls: list[Any] = []

        def fake(casefile: Any, **more: Any) -> Any:
            end = ends[min(len(calls), len(ends) - 1)]
            calls.append(SimpleNamespace(casefile=casefile, **more))
            if isinstance(end, BaseException):
                raise end
            return end(**more) if callable(end) else end

        monkeypatch.setattr("energyopt.pipeline.run", fake)
        return calls

    return become


# Results and streams


def test_solve_prints_table_folder_and_next_command(run: Any, solves: Any) -> None:
    solves(outcome())
    result = run("solve", "little.yaml")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "LCOE 61.2 USD/MWh",
        f"Written to {Path('results/little/1')}",
        "Next: energyopt little.yaml --set load.facility_mw=110",
    ]


@pytest.mark.parametrize(
    "args",
    [["little.yaml"], ["-q", "little.yaml"], ["--set", "title=x", "little.yaml"]],
)
def test_solve_may_be_left_out(run: Any, solves: Any, args: list[str]) -> None:
    calls = solves(outcome())
    assert run(*args).exit_code == 0
    assert calls[0].casefile.case.name == "little"


def test_options_reach_the_pipeline(run: Any, solves: Any) -> None:
    calls = solves(outcome())
    sets = ["--set", "load.facility_mw=90", "--quick", "--out", "there"]
    run("little.yaml", *sets, "--reuse", "before")
    case = calls[0].casefile.case
    assert case.load.facility_mw == 90
    assert (case.horizon.kind, case.solve.gap_frac, case.draft) == ("weeks", 0.01, True)
    assert calls[0].out == Path("there")
    assert calls[0].reuse == Path("before")


def test_reuse_of_a_folder_without_cuts_is_a_fault_of_the_data(run: Any) -> None:
    """Nothing there, and a file that is no archive: one line each, and no run folder."""
    result = run("little.yaml", "--reuse", "nowhere")
    assert result.exit_code == DataError.exit_code
    assert "nowhere: no cuts.npz there" in result.stderr
    Path("broken").mkdir()
    Path("broken/cuts.npz").write_text("not an archive", encoding="utf-8")
    result = run("little.yaml", "--reuse", "broken")
    assert result.exit_code == DataError.exit_code
    assert "cuts.npz: cannot be read" in result.stderr
    Path("latest").write_text("a-run-that-went\n", encoding="utf-8")
    result = run("little.yaml", "--reuse", "latest")
    assert "a-run-that-went: no cuts.npz there" in result.stderr
    for words in ("uptime", "foresight", "report", "solve little.yaml --reuse"):
        result = run(*words.split(), "little.yaml")
        assert result.exit_code == DataError.exit_code, result.stderr
        assert (
            "little.yaml: is a file; give the folder of a solved run" in result.stderr
        )
    assert not Path("results").exists()


def test_quick_says_draft_and_a_set_wins_over_it(run: Any, solves: Any) -> None:
    calls = solves(outcome())
    result = run("little.yaml", "--quick", "--set", "solve.gap_frac=0.05")
    assert calls[0].casefile.case.solve.gap_frac == 0.05
    assert "DRAFT" in result.stderr


def test_quick_is_what_the_quick_case_says(run: Any, solves: Any) -> None:
    calls = solves(outcome())
    run(str(packaged("cases", "pecos.yaml")), "--quick")
    quick = read_case(packaged("cases", "quick.yaml")).case
    case = calls[0].casefile.case
    assert (case.horizon, case.solve) == (quick.horizon, quick.solve)


@pytest.mark.parametrize(
    ("args", "kept"),
    [
        ([], []),
        (["--quick"], ["--quick"]),
        (["--set", "title=a b"], ["--set", "title=a b"]),
        (["--set", "gas.hub_usd_per_mmbtu=3"], []),
        (
            [
                "--quick",
                "--set",
                "horizon.weeks=2",
                "--set",
                "load.pue_by_temp_c[0]=[20, 1]",
            ],
            [
                "--quick",
                "--set",
                "horizon.weeks=2",
                "--set",
                "load.pue_by_temp_c[0]=[20, 1]",
            ],
        ),
    ],
)
def test_the_next_command_asks_again_with_gas_a_dollar_dearer(
    run: Any, solves: Any, args: list[str], kept: list[str]
) -> None:
    """Gas is at 3; a --set of it gives way to the one at 4. A shell reads it back."""
    calls = solves(outcome())
    run("little.yaml", *args)
    told = shlex.split(_next_command(calls[0].casefile), comments=True)
    assert told[:4] == ["python", "-m", "energyopt", "little.yaml"]
    assert told[4:] == [*kept, "--set", "gas.hub_usd_per_mmbtu=4"]


def test_json_is_one_document_and_nothing_else_on_stdout(run: Any, solves: Any) -> None:
    """Even when a library prints while it works."""

    def chatty(**more: Any) -> Outcome:
        print("a library says hello")
        more["on_progress"](Stage("solve", 1.0))
        return outcome()

    solves(chatty)
    result = run("little.yaml", "--json")
    assert json.loads(result.stdout) == SUMMARY
    assert "a library says hello" in result.stderr


def test_json_of_several_cases_is_a_list(run: Any, solves: Any) -> None:
    solves(outcome(), outcome(case="b"))
    result = run("little.yaml", "little.yaml", "--json")
    assert [told["case"] for told in json.loads(result.stdout)] == ["little", "b"]


def test_json_of_an_error_is_a_document_too(run: Any, solves: Any) -> None:
    solves(InfeasibleError("no plant meets every limit\nCO2 at most 1 t: least is 7 t"))
    result = run("little.yaml", "--json")
    assert json.loads(result.stdout) == {
        "status": "infeasible",
        "exit_code": 4,
        "errors": ["no plant meets every limit", "CO2 at most 1 t: least is 7 t"],
        "case": "little",
    }
    result = run("little.yaml", "--json", "--set", "lod=1")
    assert json.loads(result.stdout)["status"] == "case"
    assert result.exit_code == 3


def test_two_cases_cannot_be_written_to_one_folder(run: Any, solves: Any) -> None:
    calls = solves(outcome())
    assert run("little.yaml", "little.yaml", "--out", "x").exit_code == 2
    assert not calls


def test_log_file_gets_the_log_and_quiet_no_progress(run: Any, solves: Any) -> None:
    def logged(**more: Any) -> Outcome:
        import logging

        logging.getLogger("energyopt.inputs").debug("3 hours were filled")
        logging.getLogger("energyopt.inputs").info("gas is at 3.21")
        more["on_progress"](Stage("solve", 1.0))
        return outcome()

    solves(logged)
    assert run("little.yaml", "-q", "--log-file", "log.txt").stderr == ""
    assert "3 hours were filled" in Path("log.txt").read_text(encoding="utf-8")
    loud = run("little.yaml", "-v").stderr
    assert "INFO: gas is at 3.21" in loud
    assert "filled" not in loud
    assert run("little.yaml", "--log-file", "no/such/dir").exit_code == 2


# Exit codes


@pytest.mark.parametrize(
    ("end", "code"),
    [
        (outcome(5), 5),
        (outcome(9, checks={"balance": {"passed": False, "worst": 3.0}}), 9),
        (outcome(130), 130),
        (InfeasibleError("infeasible"), 4),
        (NoSolutionError("no plant"), 6),
        (DataError("no table"), 7),
        (VerificationError("balance is open"), 9),
        (MemoryError(), 6),
        (KeyboardInterrupt(), 130),
    ],
)
def test_exit_codes(run: Any, solves: Any, end: Any, code: int) -> None:
    solves(end)
    result = run("little.yaml")
    assert result.exit_code == code
    assert "Traceback" not in result.output
    if isinstance(end, EnergyoptError):
        assert str(end) in result.stderr.splitlines()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (DataError("no table"), "no table"),
        (KeyError("aero"), "a bug in energyopt, not in your case: KeyError: 'aero'"),
    ],
)
def test_notes_on_an_error_are_shown_below_it(
    run: Any, solves: Any, error: Exception, said: str
) -> None:
    error.add_note("in the year 2013")
    error.add_note("in the hour 7")
    solves(error)
    result = run("little.yaml", "--json")
    lines = result.stderr.splitlines()
    assert lines[:3] == [said, "in the year 2013", "in the hour 7"]
    assert json.loads(result.stdout)["errors"][1:] == lines[1:3]


def test_notes_on_a_fault_of_a_case_are_shown_too(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any) -> None:
        error = CaseError("little.yaml:1:1: wrong")
        error.add_note("read at noon")
        raise error

    monkeypatch.setattr("energyopt.casefile.read_case", refuse)
    for args in (["little.yaml"], ["show", "little.yaml"]):
        assert run(*args).stderr == "little.yaml:1:1: wrong\nread at noon\n"


def test_a_failed_check_shows_no_numbers(run: Any, solves: Any) -> None:
    solves(outcome(9, checks={"balance": {"passed": False, "worst": 3.0}}))
    result = run("little.yaml")
    assert "LCOE" not in result.stdout
    assert "balance: worst 3" in result.stderr


def test_every_case_is_tried_and_the_first_failure_is_the_code(
    run: Any, solves: Any
) -> None:
    calls = solves(InfeasibleError("none"), outcome(5), outcome())
    assert run("little.yaml", "little.yaml", "little.yaml").exit_code == 4
    assert len(calls) == 3


def test_a_wrong_case_is_told_before_any_solve(run: Any, solves: Any) -> None:
    calls = solves(outcome())
    text = CASE.replace("facility_mw", "faclity_mw").replace("max_mw: 50", "max_mw: x")
    Path("wrong.yaml").write_text(text, encoding="utf-8")
    result = run("little.yaml", "wrong.yaml", "missing.yaml")
    assert result.exit_code == 3
    assert not calls
    assert result.stderr.splitlines() == [
        "wrong.yaml:16:3: load.faclity_mw: unknown key - did you mean 'facility_mw'",
        "wrong.yaml:23:5: technologies.battery.max_mw: Input should be a valid number "
        "(got 'x')",
        "missing.yaml: no such file",
    ]
    assert result.stdout == ""


def test_a_file_of_a_sweep_or_of_sites_given_to_solve_names_its_command(
    run: Any,
) -> None:
    Path("many.yaml").write_text("case: little.yaml\ngrid: {load.facility_mw: [3]}\n")
    Path("places.yaml").write_text("case: little.yaml\nsites: {a: {}}\n")
    result = run("many.yaml", "places.yaml")
    assert result.exit_code == 3
    assert result.stderr.splitlines() == [
        "many.yaml:1:1: is no case; for such a file: energyopt sweep many.yaml",
        "places.yaml:1:1: is no case; for such a file: energyopt sites places.yaml",
    ]


def test_a_wrong_set_path_is_3_and_a_wrong_option_is_2(run: Any, solves: Any) -> None:
    solves(outcome())
    result = run("little.yaml", "--set", "load.facility=1")
    assert result.exit_code == 3
    assert result.stderr.splitlines() == [
        "--set load.facility=1: unknown key - did you mean 'facility_mw'"
    ]
    assert run("little.yaml", "--sett", "x").exit_code == 2
    assert run("sovle", "little.yaml").exit_code == 2
    assert "No such command" in run("sovle", "little.yaml").stderr


def test_a_bug_leaves_a_file_and_two_lines(run: Any, solves: Any) -> None:
    solves(KeyError("aero"))
    result = run("little.yaml")
    assert result.exit_code == 1
    lines = result.stderr.splitlines()
    assert lines[0] == "a bug in energyopt, not in your case: KeyError: 'aero'"
    (path,) = Path().glob("energyopt-bug-*.txt")
    assert lines[1] == f"the traceback is in {path}; please report it"
    assert len(lines) == 2
    assert "Traceback" not in result.output
    assert "Traceback" in path.read_text(encoding="utf-8")


def test_help_documents_every_exit_code() -> None:
    result = CliRunner().invoke(command.app, ["solve", "--help"])
    codes = re.findall(r"(?m)^ *(\d+) ", result.stdout)
    assert codes == ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "130"]


def test_version(run: Any) -> None:
    assert run("--version").stdout == f"energyopt {__version__}\n"


# Other commands


def test_show_names_every_origin(run: Any) -> None:
    result = run("show", "little.yaml", "--set", "load.facility_mw=90")
    lines = {line.split()[0]: line for line in result.stdout.splitlines()}
    assert lines["load.facility_mw"].split()[1:] == [
        "90.0",
        "--set",
        "load.facility_mw=90",
    ]
    assert lines["technologies.battery.max_mw"].endswith("little.yaml:23")
    assert "load.for_sale" not in lines


def test_show_resolved_is_a_complete_case(run: Any) -> None:
    result = run("show", "little.yaml", "--resolved")
    Path("again.yaml").write_text(result.stdout, encoding="utf-8")
    assert read_case("again.yaml").case == read_case("little.yaml").case
    assert re.search(r"(?m)^  for_sale: false +# default$", result.stdout)


def test_show_marks_low_confidence(run: Any) -> None:
    result = run("show", str(packaged("cases", "pecos.yaml")))
    assert result.stdout.count("LOW CONFIDENCE") > 0
    assert f"{result.stdout.count('LOW CONFIDENCE')} values are of LOW" in result.stderr


def test_show_json_has_value_and_origin(run: Any) -> None:
    told = json.loads(run("show", "little.yaml", "--json").stdout)
    assert told["gas.hub_usd_per_mmbtu"]["value"] == 3.0
    assert told["gas.hub_usd_per_mmbtu"]["text"] == "little.yaml:14"


def test_new_copies_a_case_and_overwrites_nothing(run: Any) -> None:
    assert run("new", "mine").exit_code == 0
    text = Path("mine.yaml").read_text(encoding="utf-8")
    first = text.splitlines()[0]
    assert first == f"# yaml-language-server: $schema={SCHEMA_FILE}"
    assert text.count("yaml-language-server") == 1
    assert read_case("mine.yaml").case.name == "mine"
    assert json.loads(Path(SCHEMA_FILE).read_text(encoding="utf-8"))
    Path("mine.yaml").write_text("kept", encoding="utf-8")
    Path(SCHEMA_FILE).write_text("kept too", encoding="utf-8")
    result = run("new", "mine")
    assert result.exit_code == 2
    assert "exists" in result.stderr
    assert run("new", "yours").exit_code == 0
    assert Path("mine.yaml").read_text(encoding="utf-8") == "kept"
    assert Path(SCHEMA_FILE).read_text(encoding="utf-8") == "kept too"


def test_new_from_a_sensitivity_keeps_its_base(run: Any) -> None:
    assert run("new", "dark", "--from", "pecos_offgrid").exit_code == 0
    case = read_case("dark.yaml").case
    assert case.name == "dark"
    assert "grid" not in case.technologies


def test_new_refuses_what_it_cannot_name_or_find(run: Any) -> None:
    assert run("new", "my case").exit_code == 2
    result = run("new", "mine", "--from", "waco")
    assert result.exit_code == 2
    assert "pecos" in result.stderr
    assert not Path("mine.yaml").exists()


def test_schema_goes_to_stdout_or_to_a_directory(run: Any) -> None:
    printed = json.loads(run("schema").stdout)
    assert run("schema", "--write", "here/there").exit_code == 0
    written = Path("here/there", SCHEMA_FILE).read_text(encoding="utf-8")
    assert json.loads(written) == printed
    assert [path.name for path in Path("here/there").iterdir()] == [SCHEMA_FILE]


@pytest.mark.parametrize("faults", [[], ["HiGHS gets issue 3073 wrong"]])
def test_doctor_tests_the_solver(
    run: Any, monkeypatch: pytest.MonkeyPatch, faults: list[str]
) -> None:
    monkeypatch.setattr("energyopt.solve.self_test", lambda: faults)
    result = run("doctor")
    assert result.exit_code == (6 if faults else 0)
    last = result.stdout.splitlines()[-1]
    assert last.startswith("FAULT" if faults else "ok")
    for name in ("python", "libraries", "cores", "memory", "HiPO", "data"):
        assert re.search(rf"(?m)^\w+ +{name} ", result.stdout)


def test_validate_reads_the_inputs(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = SimpleNamespace(
        data=SimpleNamespace(sizes={"time": 8760}), design={}, notes=["weather of 2013"]
    )
    monkeypatch.setattr("energyopt.inputs.build_inputs", lambda case, base_dir: inputs)
    result = run("validate", "little.yaml", "--set", "reliability.n_plus=null")
    assert result.exit_code == 0
    assert result.stdout == "little.yaml: valid; 8,760 hours; grid, battery\n"
    assert "little.yaml: note: weather of 2013" in result.stderr
    result = run("validate", "little.yaml", "--set", "reliability.n_plus=1")
    assert result.exit_code == 4
    assert result.stdout == ""


def test_validate_finds_that_a_table_is_missing(run: Any) -> None:
    result = run("validate", "little.yaml")
    assert result.exit_code == 7
    assert "sun.csv" in result.stderr


# What can be said of a case without a solve


def findings(run: Any, *sets: str) -> dict[str, int]:
    """Names and exit codes; each aero gives 40 MW at the design temperature."""
    case = read_case("little.yaml", sets).case
    inputs: Any = SimpleNamespace(design={"aero": {"unit_mw": 40.0}})
    return {f.name: f.exit_code for f in examine_case(case, inputs)}


def aero(units: int) -> str:
    path = packaged("cases", "pecos.yaml")
    given = read_case(path).resolved["technologies"]["aero"] | {"max_units": units}
    return f"technologies.aero={json.dumps(given)}"


def test_installed_margin_is_checked_with_everything_installed(run: Any) -> None:
    """100 MW, N+1 and one in maintenance: 5 x 40 MW leave 120, 4 x 40 MW leave 80.

    A battery credited with half of its 50 MW brings the 80 to 105.
    """
    margin = "reliability.n_plus=1"
    assert findings(run, margin, aero(5)) == {}
    assert findings(run, margin, aero(4))["reliability.n_plus"] == 4
    credit = "technologies.battery.firm_credit_frac=0.5"
    assert findings(run, margin, aero(4), credit) == {}


def test_a_plant_of_nothing_is_found(run: Any) -> None:
    sets = ["technologies.battery=null", "technologies.grid.mode=none"]
    assert findings(run, *sets) == {"technologies": 4}
    late = ["site.power_by_months=1", "technologies.grid.lead_time_months=2"]
    late += ["technologies.battery.lead_time_months=2"]
    assert findings(run, *late) == {"lead time": 0, "technologies": 4}


def test_too_little_for_the_load_is_found(run: Any) -> None:
    """50 MW of battery and 40 of grid are short of 100 MW; 150 of grid only lean."""
    small = ["technologies.grid.max_mw=40", "limits.gpu_served_frac=1"]
    assert findings(run, *small) == {"load.facility_mw": 4}
    assert findings(run) == {"load.facility_mw": 0}


def test_swings_for_a_battery_that_is_not_there_are_found(run: Any) -> None:
    """The 50 MW battery carries swings of 50 MW; not of 60, and none carries none."""
    rule = "contingencies={{battery_swing_mw: {}}}"
    assert findings(run, aero(9), rule.format(50)) == {}
    name = "contingencies.battery_swing_mw"
    assert findings(run, aero(9), rule.format(60))[name] == 4
    gone = "technologies.battery=null"
    assert findings(run, aero(9), rule.format(1), gone)[name] == 4
    assert findings(run, aero(9), "contingencies=null", gone) == {}


# Progress and Ctrl-C


def test_progress_without_a_terminal_is_plain_lines(
    run: Any, solves: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.05)
    printed = threading.Event()

    def slow(*, on_progress: Any, **more: Any) -> Outcome:
        on_progress(Stage("inputs", 0.0))
        on_progress(Stage("solve", 1.0))
        on_progress(Stage("solve", 2.0, 162.5e6, 161.25e6, 0.0077))
        printed.wait(0.3)
        return outcome()

    solves(slow)
    stderr = run("little.yaml").stderr
    lines = [re.sub(r" +\d+ s", "", line) for line in stderr.splitlines()]
    last = "solve  best 162.50 M$/yr  bound 161.25 M$/yr  gap 0.77%"
    assert lines[:2] == ["inputs", "solve"]
    assert set(lines[2:]) == {last}
    assert "\x1b" not in stderr


# The case is not read: that takes Pyomo, and seconds in each process.
SCRIPT = """
import os, sys, time
from pathlib import Path
from types import ModuleType, SimpleNamespace
from energyopt import __main__, pipeline
from energyopt.pipeline import Outcome, Stage

def fake(casefile, *, out, on_progress, stop, reuse, say, finish):
    end = Outcome({{"case": "little"}}, Path("there"), "TABLE", {code}, "next")
    on_progress(Stage("inputs", 0.0))
{body}
    return end

case = SimpleNamespace(name="little", draft=False)
casefile = ModuleType("energyopt.casefile")
casefile.QUICK = ()
casefile.read_case = lambda path, sets: SimpleNamespace(case=case, path=path)
sys.modules["energyopt.casefile"] = casefile
pipeline.run = fake
sys.argv = ["energyopt", "little.yaml", "--json"]
__main__.main()
"""


def start(tmp_path: Path, body: str, code: int = 0, **more: Any) -> Any:
    script = SCRIPT.format(body=body, code=code)
    root = str(Path(command.__file__).resolve().parents[1])
    return subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=more.pop("stderr", subprocess.PIPE),
        env=os.environ | {"PYTHONPATH": root, "NO_COLOR": "1", "TERM": "xterm"},
        text=True,
        **more,
    )


def test_progress_is_seen_while_descriptor_2_is_captured(tmp_path: Path) -> None:
    """HiGHS's log goes to the capture, our line past it."""
    process = start(
        tmp_path,
        """
    kept = os.dup(2)
    os.dup2(os.open("captured.txt", os.O_WRONLY | os.O_CREAT), 2)
    os.write(2, b"a log of HiGHS")
    on_progress(Stage("solve", 1.0, 5e6))
    os.dup2(kept, 2)
""",
    )
    stdout, stderr = process.communicate(timeout=60)
    assert json.loads(stdout) == {"case": "little"}
    assert "best 5.00 M$/yr" in stderr
    assert "HiGHS" not in stderr
    assert (tmp_path / "captured.txt").read_text() == "a log of HiGHS"


@pytest.mark.skipif(sys.platform == "win32", reason="signals as a terminal sends them")
def test_ctrl_c_once_keeps_the_best_plant(tmp_path: Path) -> None:
    process = start(
        tmp_path,
        """
    on_progress(Stage("solve", 1.0))
    while not stop():
        time.sleep(0.02)
""",
        code=130,
    )
    while "solve" not in process.stderr.readline():
        pass
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert json.loads(stdout) == {"case": "little"}
    assert "stopping with the best plant so far" in stderr
    assert "Traceback" not in stderr


@pytest.mark.skipif(sys.platform == "win32", reason="signals as a terminal sends them")
def test_ctrl_c_twice_ends_at_once(tmp_path: Path) -> None:
    """The main thread sits in one long call, as in HiGHS, and runs no Python."""
    process = start(
        tmp_path,
        """
    on_progress(Stage("solve", 1.0))
    time.sleep(50)
""",
    )
    while "solve" not in process.stderr.readline():
        pass
    process.send_signal(signal.SIGINT)
    assert "stopping" in process.stderr.readline()
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert time.monotonic() - begun < 10


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_progress_on_a_terminal_is_one_live_line(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    body = """
    on_progress(Stage("solve", 1.0, 5e6))
    time.sleep(0.6)
"""
    process = start(tmp_path, body, stderr=theirs)
    stdout, _ = process.communicate(timeout=60)
    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert json.loads(stdout) == {"case": "little"}
    assert "best 5.00 M$/yr" in shown
    assert "\x1b[?25h" in shown, "the cursor is given back"


# Start-up


def test_help_imports_none_of_the_heavy_libraries() -> None:
    """Pandas, Pyomo and pvlib take seconds; --help must not. (Typer needs pydantic.)"""
    script = (
        "import sys\n"
        "from energyopt.__main__ import app\n"
        "try: app(['solve', '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = 'numpy pandas pyomo pvlib xarray scipy highspy ruamel rich.live'\n"
        "print([m for m in heavy.split() if m in sys.modules], file=sys.stderr)\n"
    )
    root = str(Path(command.__file__).resolve().parents[1])
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": root},
    )
    assert done.stderr == "[]\n"


def test_the_module_runs_as_a_command_and_shows_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "twice.yaml").write_text("name: a\nname: b\n", encoding="utf-8")
    root = str(Path(command.__file__).resolve().parents[1])
    done = subprocess.run(
        [sys.executable, "-m", "energyopt", "twice.yaml", "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": root},
    )
    assert done.returncode == 3
    lines = done.stderr.splitlines()
    assert "twice.yaml:2:1: name: duplicate key, first at twice.yaml:1:1" in lines
    assert "Traceback" not in done.stderr
    assert json.loads(done.stdout)["exit_code"] == 3
    assert os.listdir(tmp_path) == ["twice.yaml"]  # noqa: PTH208
