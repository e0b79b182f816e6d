"""``energyopt uptime --units --load``: exact and sampled answers, files, faults."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import rts79
from numpy.testing import assert_allclose, assert_array_equal
from typer.testing import CliRunner, Result

from energyopt import __main__ as command
from energyopt.errors import DataError
from energyopt.uptime import machines, textbook
from energyopt.uptime.estimate import estimate
from energyopt.uptime.histories import Histories
from energyopt.uptime.machines import (
    Machine,
    derated_frac_of_time,
    groups,
    out_frac,
    repair_h,
    sample,
    sample_batch,
)
from energyopt.uptime.systems import System, UnitRow, read_system
from energyopt.uptime.table import adequacy

RTS = ("builtin:rts79_units", "builtin:rts79_load")
UNITS = "unit_mw,count,forced_outage_frac\n10,3,0.1\n"
LOAD = "load_mw\n" + "15\n" * 24


def row(unit_mw: float, count: int, out: float, **more: float) -> UnitRow:
    return UnitRow(2, unit_mw, count, out, **more)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run ``uptime`` in an empty directory with units.csv and load.csv in it."""
    monkeypatch.chdir(tmp_path)
    Path("units.csv").write_text(UNITS, encoding="utf-8")
    Path("load.csv").write_text(LOAD, encoding="utf-8")

    def running(*args: str) -> Result:
        given = args or ("--units", "units.csv", "--load", "load.csv")
        return CliRunner().invoke(command.app, ["uptime", *given])

    return running


# Exact ---------------------------------------------------------------------------------


def test_the_packaged_tables_are_the_published_system():
    found = read_system(*RTS)
    assert [(u.unit_mw, u.count, u.forced_outage_frac) for u in found.units] == [
        (float(mw), count, out) for mw, count, out in rts79.RTS_UNITS
    ]
    assert_allclose(found.load_mw, rts79.load_mw(2850), rtol=1e-12)
    assert found.notes == ()


def test_the_command_gives_rts79_to_all_printed_digits(run):
    said = json.loads(run("--units", RTS[0], "--load", RTS[1], "--json").stdout)
    assert f"{said['lolh_h_per_yr']:.5f}" == "9.39418"
    assert f"{said['lole_d_per_yr']:.5f}" == "1.36886"
    assert f"{said['eue_mwh_per_yr']:.1f}" == "1176.3"
    assert said["hours"] == 8736
    assert said["notes"] == []  # 52 weeks are a year
    assert "sampled" not in said
    plain = run("--units", RTS[0], "--load", RTS[1]).stdout
    for text in ("9.39418", "1.36886", "1,176.3"):
        assert text in plain


def test_the_command_gives_a_hand_calculated_day(run):
    """Three of 10 MW, out 10 %, load 15 MW: 24 h x 0.028 = 0.672 h; 24 x 0.15 MWh."""
    said = json.loads(
        run("--units", "units.csv", "--load", "load.csv", "--json").stdout
    )
    assert_allclose(said["lolh_h_per_yr"], 0.672)
    assert_allclose(said["lole_d_per_yr"], 0.028)
    assert_allclose(said["eue_mwh_per_yr"], 3.6)
    assert_allclose(said["available_hours_frac"], 0.972)
    assert_allclose(said["available_energy_frac"], 0.99)
    assert_allclose(said["energy_nines"], 2)
    assert "not scaled to 8,760" in said["notes"][0]


def test_what_is_never_short_has_no_count_of_nines(run):
    Path("units.csv").write_text(UNITS.replace("0.1", "0"), encoding="utf-8")
    said = json.loads(
        run("--units", "units.csv", "--load", "load.csv", "--json").stdout
    )
    assert said["lolh_h_per_yr"] == 0
    assert said["energy_nines"] is None


def test_a_failed_start_goes_back_to_repair():
    """F 0.2, p 0.5: odds 1/4 x 2, out a third of the time; with p = 0, a fifth."""
    assert_allclose(out_frac(row(10, 1, 0.2, start_failure_frac=0.5)), 1 / 3)
    assert_allclose(out_frac(row(10, 1, 0.2)), 0.2)
    assert out_frac(row(10, 1, 0.0, start_failure_frac=0.5)) == 0
    assert out_frac(row(10, 1, 0.2, start_failure_frac=1.0)) == 1
    assert out_frac(row(10, 1, 1.0)) == 1


def test_failed_starts_shorten_derated_time_with_all_service():
    """In service 0.8 -> 2/3 of the time, so derated 0.2 -> 1/6."""
    unit = row(
        10, 1, 0.2, start_failure_frac=0.5, derated_mw=5, derated_frac_of_time=0.2
    )
    assert_allclose(derated_frac_of_time(unit), 1 / 6)


def test_a_repair_time_follows_from_what_is_given():
    """Given; from MTTF 950 h and 5 %: 50 h; else the stated 50 h."""
    assert repair_h(row(1, 1, 0.1, mttr_h=7)) == 7
    assert_allclose(repair_h(row(1, 1, 0.05, mttf_h=950)), 50)
    assert repair_h(row(1, 1, 0.1)) == 50


# Sampled -------------------------------------------------------------------------------


def test_a_shortage_lasts_as_long_as_its_outages():
    """Two of 10 MW, load 12 MW; out 1.25-3.5 h and 3-4.75 h: short 3.5 h, by 2 or 12 MW.

    In all 2 x 3 + 12 x 0.5 = 12 MWh. Hour 3, the peak with 13 MW, is short all along:
    one day, and 1 MWh more. Whole hours would make it 4 h.
    """
    load_mw = np.full(24, 12.0)
    load_mw[3] = 13
    plant = [Machine(10, 0, 0, -1), Machine(10, 0, 1, -1)]
    found = Histories(
        year=np.array([1, 1]),
        element=np.array([0, 1]),
        start_h=np.array([1.25, 3.0]),
        end_h=np.array([3.5, 4.75]),
        log_weight=np.zeros(2),
    )
    sums = machines._shortages(machines._changes(found, plant), plant, load_mw, 2)
    assert_allclose(sums.lolh_h, [0, 3.5])
    assert_allclose(sums.eue_mwh, [0, 13])
    assert_allclose(sums.lole_d, [0, 1])


def test_a_derating_takes_nothing_while_the_unit_is_out():
    """10 MW, out 2-4 h, at 6 MW 3-6 h, load 8 MW: 2 h x 8 + 2 h x 2 = 20 MWh.

    With both taken from the capacity hour 3-4 would miss 12 MW.
    """
    plant = [Machine(10, 6, 0, 1)]
    found = Histories(
        year=np.array([0, 0]),
        element=np.array([0, 1]),
        start_h=np.array([2.0, 3.0]),
        end_h=np.array([4.0, 6.0]),
        log_weight=np.zeros(1),
    )
    changes = machines._changes(found, plant)
    sums = machines._shortages(changes, plant, np.full(24, 8.0), 1)
    assert_allclose(sums.lolh_h, 4)
    assert_allclose(sums.eue_mwh, 20)


def random_system(seed: int) -> System:
    """Return a small system of two to five rows, with starts and deratings in some."""
    rng = np.random.default_rng(seed)
    units = []
    for _ in range(rng.integers(2, 6)):
        more: dict[str, float] = {"mttr_h": float(rng.uniform(5, 60))}
        if rng.random() < 0.5:
            more["start_failure_frac"] = float(rng.uniform(0, 0.3))
        size = float(rng.uniform(5, 40))
        if rng.random() < 0.5:
            more["derated_mw"] = size * float(rng.uniform(0.3, 0.9))
            more["derated_frac_of_time"] = float(rng.uniform(0.01, 0.1))
        out = float(rng.uniform(0.02, 0.12))
        units.append(row(size, int(rng.integers(1, 5)), out, **more))
    installed_mw = sum(u.unit_mw * u.count for u in units)
    swing = 0.8 + 0.2 * np.sin(np.arange(672) * 2 * np.pi / 24)
    load_mw = installed_mw * rng.uniform(0.6, 0.8) * swing * rng.uniform(0.95, 1, 672)
    return System(tuple(units), load_mw)


# Thirty intervals, each missed with chance 1 % / 30 by a right sampler: together they
# call it wrong for at most 1 % of seeds (Bonferroni; the three of a system go together).
FALSE_ALARM = 0.01
MISS_FRAC = FALSE_ALARM / 30
SYSTEMS = range(10)


def sampled_and_exact(system: System) -> list[tuple[float, float, float]]:
    """Return low, exact, high of LOLH, LOLE and EUE in 4,000 years."""
    sums = sample(system, 4000, seed=2026)
    exact = adequacy(groups(system), system.load_mw)
    rows = []
    for values, true in zip(
        sums, (exact.lolh_h, exact.lole_d, exact.eue_mwh), strict=True
    ):
        told = estimate(values, confidence_frac=1 - MISS_FRAC)
        rows.append((told.low, true, told.high))
    return rows


@pytest.mark.parametrize("seed", SYSTEMS)
def test_the_sampler_agrees_with_the_exact_table(seed):
    for low, exact, high in sampled_and_exact(random_system(seed)):
        assert low < exact < high


def test_a_wrong_sampler_would_be_caught():
    """Outage shares a quarter too high leave the interval in most of the ten systems."""
    caught = 0
    for seed in SYSTEMS:
        system = random_system(seed)
        worse = System(
            tuple(
                dataclasses.replace(u, forced_outage_frac=1.25 * u.forced_outage_frac)
                for u in system.units
            ),
            system.load_mw,
        )
        sums = sample(worse, 4000, seed=2026)
        true = adequacy(groups(system), system.load_mw).lolh_h
        told = estimate(sums.lolh_h, confidence_frac=1 - MISS_FRAC)
        caught += not told.low < true < told.high
    assert caught >= 7


def test_rts79_sampled_holds_the_published_answer():
    """4,000 years, at 1 % false alarm over the three."""
    sums = sample(read_system(*RTS), 4000, seed=79)
    for values, true in zip(sums, (9.39418, 1.36886, 1176.3), strict=True):
        told = estimate(values, confidence_frac=1 - FALSE_ALARM / 3)
        assert told.low < true < told.high


def test_any_batch_and_any_number_of_workers_give_the_same_years():
    system = random_system(1)
    one = sample(system, 600, seed=5)
    two = sample(system, 600, seed=5, workers=2)
    assert_array_equal(one, two)
    late = sample_batch(system, range(402, 410), seed=5)
    assert_allclose(np.array(late), np.array(one)[:, 402:410], rtol=1e-9)


def test_a_unit_that_is_always_out_gives_nothing():
    system = System((row(10, 1, 1.0), row(10, 1, 0.0)), np.full(24, 15.0))
    assert_allclose(sample(system, 4, seed=1).lolh_h, 24)
    assert_allclose(adequacy(groups(system), system.load_mw).lolh_h, 24)


def test_sampled_energy_never_exceeds_what_the_units_give():
    """Half of 272 MW in the mean: at most 68 % of 200 MW served, sampled too."""
    system = System((row(68, 4, 0.5, mttr_h=10),), np.full(672, 200.0))
    told = estimate(sample(system, 1000, seed=3).eue_mwh).share_left(200 * 672)
    assert told.low < 0.68


def test_the_command_samples_with_intervals(run):
    args = ("--units", "units.csv", "--load", "load.csv", "--years", "401")
    ended = run(*args, "--seed", "3", "--json")
    said = json.loads(ended.stdout)
    drawn = said["sampled"]
    assert (drawn["years"], drawn["seed"]) == (402, 3)
    assert drawn["effective_years"] == 402
    for key in ("lolh_h_per_yr", "lole_d_per_yr", "eue_mwh_per_yr"):
        assert drawn[key]["low"] <= drawn[key]["mean"] <= drawn[key]["high"]
        assert drawn[key]["low"] < said[key] < drawn[key]["high"]
    shares = drawn["available_energy_frac"]
    assert shares["low"] <= shares["mean"] <= shares["high"] <= 1
    assert any("no mttr_h: repairs of 50 h" in told for told in said["notes"])
    assert "note: no mttr_h" in ended.stderr
    assert run(*args, "--seed", "3", "--json", "--workers", "2").stdout == ended.stdout


def test_without_a_sampled_shortage_the_interval_is_not_empty():
    """Three of 10 MW out 0.1 % of the time, load 5 MW: nothing seen, something possible."""
    system = System((row(10, 3, 0.001),), np.full(24, 5.0))
    drawn = textbook.answer(system, years=100)["sampled"]
    assert drawn["lolh_h_per_yr"]["mean"] == 0
    assert drawn["years_with_a_shortage"] == 0
    assert_allclose(drawn["lolh_h_per_yr"]["high"], -np.log(0.05) * 24 / 100)
    assert drawn["available_hours_frac"]["low"] < 1


# Faults --------------------------------------------------------------------------------


HEAD = "unit_mw,count,forced_outage_frac,mttf_h,mttr_h\n"
MORE = "unit_mw,count,forced_outage_frac,start_failure_frac,derated_mw,derated_frac_of_time\n"


@pytest.mark.parametrize(
    ("units", "said"),
    [
        ("", "units.csv:1:1: unit_mw: the table is empty"),
        ("# only a remark\n\n", "units.csv:1:1: unit_mw: the table is empty"),
        (HEAD, "units.csv:1:1: unit_mw: no rows under the header"),
        (
            "unit_mw,count\n10,2\n",
            "units.csv:1:1: forced_outage_frac: missing column, got unit_mw, count",
        ),
        (
            "unit_mw,count,forced_outage_rate\n10,2,0.1\n",
            "units.csv:1:15: forced_outage_rate: no such column - did you mean 'forced_outage_frac'?",
        ),
        (
            "unit_mw,count,forced_outage_frac,mtr_h\n10,2,0.1,5\n",
            "units.csv:1:34: mtr_h: no such column - did you mean 'mttr_h'?",
        ),
        (
            "unit_mw;count;forced_outage_frac\n10;2;0.1\n",
            "units.csv:1:8: unit_mw: columns are separated by commas, got ';' - did you mean ','?",
        ),
        (
            "unit_mw,count,count,forced_outage_frac\n10,2,2,0.1\n",
            "units.csv:1:15: count: a second column of this name",
        ),
        (
            HEAD + "ten,2,0.1,,\n",
            "units.csv:2:1: unit_mw: not a number, got 'ten'",
        ),
        (
            HEAD + '"1,000",2,0.1,,\n',
            "units.csv:2:1: unit_mw: not a number, got '1,000' - did you mean 1000?",
        ),
        (HEAD + "-10,2,0.1,,\n", "units.csv:2:1: unit_mw: not above 0, got -10"),
        (HEAD + "0,2,0.1,,\n", "units.csv:2:1: unit_mw: not above 0, got 0"),
        (HEAD + "10,,0.1,,\n", "units.csv:2:4: count: missing, got nothing"),
        (HEAD + "10,2.5,0.1,,\n", "units.csv:2:4: count: not a whole number, got 2.5"),
        (HEAD + "10,-2,0.1,,\n", "units.csv:2:4: count: below 0, got -2"),
        (
            HEAD + "10,2,5,,\n",
            "units.csv:2:6: forced_outage_frac: above 1, got 5 - did you mean 0.05?",
        ),
        (
            HEAD + "10,2,5%,,\n",
            "units.csv:2:6: forced_outage_frac: not a number, got '5%' - did you mean 0.05?",
        ),
        (
            HEAD + "10,2,nan,,\n",
            "units.csv:2:6: forced_outage_frac: not a number, got 'nan'",
        ),
        (
            HEAD + "10,2,inf,,\n",
            "units.csv:2:6: forced_outage_frac: not a number, got 'inf'",
        ),
        (
            HEAD + "10,2,0,05,100,5\n",
            "units.csv:2:15: mttr_h: 6 cells under 5 columns, a comma too many",
        ),
        (
            HEAD + "10,2,0.05,950,100\n",
            "units.csv:2:6: forced_outage_frac: contradicts mttf_h 950 and mttr_h 100, got 0.05 - did you mean 0.09524?",
        ),
        (
            HEAD + "10,2,0,950,\n",
            "units.csv:2:8: mttf_h: a unit that is never out has no mttf_h, got 950",
        ),
        (HEAD + "10,2,0.1,0,\n", "units.csv:2:10: mttf_h: not above 0, got 0"),
        (
            MORE + "10,2,0.1,1.5,,\n",
            "units.csv:2:10: start_failure_frac: above 1, got 1.5 - did you mean 0.015?",
        ),
        (
            MORE + "10,2,0.1,,5,\n",
            "units.csv:2:6: derated_frac_of_time: missing beside derated_mw",
        ),
        (
            MORE + "10,2,0.1,,12,0.1\n",
            "units.csv:2:11: derated_mw: above unit_mw 10, got 12",
        ),
        (
            MORE + "10,2,0.5,,5,0.6\n",
            "units.csv:2:13: derated_frac_of_time: out and derated are 1.1 of the time, got 0.6",
        ),
    ],
)
def test_a_fault_in_the_units_is_one_line(run, units, said):
    Path("units.csv").write_text(units, encoding="utf-8")
    ended = run()
    assert ended.exit_code == DataError.exit_code
    assert ended.stderr.splitlines() == [said]
    assert ended.stdout == ""


@pytest.mark.parametrize(
    ("load", "said"),
    [
        ("", "load.csv:1:1: load_mw: the table is empty"),
        (
            "load_mw\n" + "1\n" * 25,
            "load.csv:26:1: load_mw: not whole days, got 25 hours: 1 days and 1 h",
        ),
        (
            "loadmw\n" + "1\n" * 24,
            "load.csv:1:1: loadmw: no such column - did you mean 'load_mw'?",
        ),
        ("mw\n" + "1\n" * 24, "load.csv:1:1: load_mw: missing column, got mw"),
        (
            "load_mw\n" + "1\n" * 23 + "-1\n",
            "load.csv:25:1: load_mw: below 0, got -1",
        ),
        (
            "hour,load_mw\n" + "0,1\n" * 23 + "23,1.2.3\n",
            "load.csv:25:4: load_mw: not a number, got '1.2.3' - did you mean 1.2?",
        ),
        (
            "hour,load_mw\n" + "0,1\n" * 23 + "23,\n",
            "load.csv:25:4: load_mw: missing, got nothing",
        ),
        (
            "load_mw\n" + "0\n" * 24,
            "load.csv:2:1: load_mw: no load in any hour, got zeros only",
        ),
    ],
)
def test_a_fault_in_the_load_is_one_line(run, load, said):
    Path("load.csv").write_text(load, encoding="utf-8")
    ended = run()
    assert ended.exit_code == DataError.exit_code
    assert ended.stderr.splitlines() == [said]


def test_faults_of_both_files_are_told_at_once(run):
    Path("units.csv").write_text(HEAD + "x,2,0.1,,\n10,y,2,,\n", encoding="utf-8")
    Path("load.csv").write_text("load_mw\n1\n", encoding="utf-8")
    assert run().stderr.splitlines() == [
        "units.csv:2:1: unit_mw: not a number, got 'x'",
        "units.csv:3:4: count: not a number, got 'y'",
        "units.csv:3:6: forced_outage_frac: above 1, got 2 - did you mean 0.02?",
        "load.csv:2:1: load_mw: not whole days, got 1 hours: 0 days and 1 h",
    ]


def test_a_thousand_faults_are_twenty_lines_and_a_count(run):
    Path("load.csv").write_text("load_mw\n" + "x\n" * 1008, encoding="utf-8")
    lines = run().stderr.splitlines()
    assert len(lines) == 21
    assert lines[-1] == "load.csv: and 988 faults more"


def test_a_missing_file_and_a_near_name(run):
    ended = run("--units", "unit.csv", "--load", "builtin:rts79_loads")
    assert ended.exit_code == DataError.exit_code
    assert ended.stderr.splitlines() == [
        "unit.csv: no such file - did you mean units.csv?",
        "builtin:rts79_loads: no such packaged table - did you mean builtin:rts79_load?",
    ]


def test_files_that_are_no_text(run):
    Path("units.csv").write_bytes(b"unit_mw\xff\xfe\n")
    ended = run("--units", "units.csv", "--load", ".")
    assert ended.exit_code == DataError.exit_code
    assert "units.csv: cannot be read: not text in UTF-8" in ended.stderr
    assert ".: cannot be read" in ended.stderr


def test_a_fault_as_json(run):
    ended = run("--units", "none.csv", "--load", "load.csv", "--json")
    said = json.loads(ended.stdout)
    assert said["exit_code"] == ended.exit_code == 7
    assert said["errors"] == ["none.csv: no such file"]


@pytest.mark.parametrize(
    "args",
    [
        ["--units", "units.csv"],
        ["--load", "load.csv"],
        ["folder", "--units", "units.csv", "--load", "load.csv"],
        ["--units", "units.csv", "--load", "load.csv", "--years", "0"],
        ["--units", "units.csv", "--load", "load.csv", "--seed", "-1"],
    ],
)
def test_wrong_usage_is_exit_code_2(run, args):
    assert run(*args).exit_code == 2


def test_nothing_given_is_wrong_usage():
    assert CliRunner().invoke(command.app, ["uptime"]).exit_code == 2


def test_files_as_spreadsheets_write_them(run):
    """A byte order mark, CRLF, blank lines, spaces, other columns, quotes."""
    text = (
        '\ufeffname, unit_mw ,count,forced_outage_frac\r\n\r\n"a, b", 10 ,"3",0.1\r\n'
    )
    Path("units.csv").write_bytes(text.encode("utf-8"))
    ended = run("--units", "units.csv", "--load", "load.csv", "--json")
    assert_allclose(json.loads(ended.stdout)["lolh_h_per_yr"], 0.672)
    assert "column 'name' is not read" in ended.stderr


def test_rounded_times_do_not_contradict(run):
    """RBTS: 6 failures and 194 repairs a year are 0.03; 1,460 and 45.15 h, 0.029997."""
    Path("units.csv").write_text(HEAD + "40,1,0.03,1460,45.15\n", encoding="utf-8")
    assert run().exit_code == 0


def test_a_run_is_asked_of_the_plants_sampler(run, monkeypatch):
    """With RUN the plant's own sampler answers; 2,000 years unless said otherwise."""
    asked = []

    def uptime_of_run(run, years, seed, workers, on_progress):
        asked.append((run, years, seed, workers))
        on_progress(years)
        return SimpleNamespace(document={"answer": 1}, text="words")

    fake = SimpleNamespace(uptime_of_run=uptime_of_run)
    monkeypatch.setattr("energyopt.commands.importlib.import_module", lambda name: fake)
    assert run("results/pecos/1", "--seed", "7").stdout == "words\n"
    ended = run("results/pecos/1", "--years", "50", "--workers", "2", "--json")
    assert json.loads(ended.stdout) == {"answer": 1}
    assert asked == [
        (Path("results/pecos/1"), 2000, 7, 1),
        (Path("results/pecos/1"), 50, 1, 2),
    ]


def test_the_help_needs_no_arrays():
    """``--help`` imports neither numpy nor scipy."""
    code = (
        "import sys; from energyopt.__main__ import app\n"
        "try: app(['uptime', '--help'])\n"
        "except SystemExit: pass\n"
        "print([m for m in ('numpy', 'scipy', 'pandas') if m in sys.modules])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert ended.stdout.splitlines()[-1] == "[]"
