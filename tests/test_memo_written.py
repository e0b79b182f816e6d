"""solve and sweep write the memo: in the folder, never at its cost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sweeps import little
from typer.testing import CliRunner

from energyopt.__main__ import app
from energyopt.memo import write

WRITTEN = {"memo.html", "memo.md", "memo.xlsx", "exhibits"}
WACC = "finance.wacc_nominal_frac"


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return little(tmp_path)


def run(*words: str) -> Any:
    return CliRunner().invoke(app, [*words, "-q"])


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_solve_writes_the_memo_into_the_run_folder(case):
    told = run("solve", str(case), "--out", "run")
    assert told.exit_code == 0, told.output
    assert names(Path("run")) >= WRITTEN
    assert "Memo: " in told.output
    assert not [p for p in Path("run").iterdir() if p.name.startswith(".")]
    text = (Path("run") / "memo.md").read_text()
    manifest = json.loads((Path("run") / "manifest.json").read_text())
    assert manifest["run_id"] in text
    stages = json.loads((Path("run") / "summary.json").read_text())["time_s"]
    assert set(stages) == {"inputs", "build", "solve", "verify", "prices", "total"}


def test_no_memo_leaves_it_out(case):
    assert run("solve", str(case), "--out", "run", "--no-memo").exit_code == 0
    assert not names(Path("run")) & WRITTEN


def test_a_memo_that_fails_does_not_lose_the_run(case, monkeypatch):
    """The page is written, the workbook fails: the run is whole, without either."""

    def broken(*args: Any) -> None:
        raise ValueError("no more paper")

    monkeypatch.setattr("energyopt.memo.workbook.write_workbook", broken)
    told = run("solve", str(case), "--out", "run")
    assert told.exit_code == 0, told.output
    assert "no memo was written: no more paper" in told.output
    assert "hourly.nc" in names(Path("run"))
    assert not names(Path("run")) & WRITTEN


def test_the_memo_is_made_before_the_folder_shows(case, monkeypatch):
    """A run folder is there whole, memo and all, or not there."""
    seen = []
    made = write.write_memo

    def look(runs: list[Path], formats: Any) -> Any:
        seen.append((Path("run").exists(), runs[0].name))
        return made(runs, formats)

    monkeypatch.setattr(write, "write_memo", look)
    assert run("solve", str(case), "--out", "run").exit_code == 0
    [(there, hidden)] = seen
    assert not there
    assert hidden.startswith(".run.")


def test_sweep_writes_one_memo_and_none_for_a_point(case):
    told = run("sweep", str(case), "--set", f"{WACC}=0.07,0.09", "--out", "out")
    assert told.exit_code == 0, told.output
    assert names(Path("out")) >= WRITTEN
    for folder in (Path("out") / "points").iterdir():
        assert not names(folder) & WRITTEN
    told = run(
        "sweep", str(case), "--set", f"{WACC}=0.07,0.09", "--out", "out", "--no-memo"
    )
    assert told.exit_code == 0, told.output
    assert not names(Path("out")) & WRITTEN


@pytest.mark.parametrize(
    ("more", "what"),
    [
        (["--options", "--no-memo"], "--options are solved for the memo"),
        (["--base", "gas_only"], "goes with --options"),
    ],
)
def test_options_that_contradict_each_other_are_refused(case, more, what):
    told = run("solve", str(case), *more)
    assert told.exit_code == 2
    assert what in " ".join(told.output.split())


def test_a_base_that_is_no_option_is_refused_before_a_solve(case):
    told = run("solve", str(case), "--options", "--base", "coal_only")
    assert told.exit_code == 3
    assert "--base coal_only: the options of this case: " in told.output
