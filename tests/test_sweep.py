"""Sweeps are whole at any moment: killed, run again, with any number of workers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import xarray as xr
from numpy.testing import assert_allclose
from sweeps import Inline, little

from energyopt.errors import CaseError
from energyopt.pipeline import KEPT
from energyopt.sweep import executors
from energyopt.sweep.asked import asked_on_line
from energyopt.sweep.engine import Engine
from energyopt.sweep.executors import Processes, WorkerLost
from energyopt.sweep.points import points_of
from energyopt.sweep.run import How, sweep
from energyopt.sweep.store import RECORD, Store
from energyopt.sweep.work import Answer, Task, give_back_memory

GAS = "gas.hub_usd_per_mmbtu"
WACC = "finance.wacc_nominal_frac"
LOAD = "load.facility_mw"
POINTS = ["--set", f"{GAS}=3,6", "--set", f"{WACC}=0.07,0.09"]


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return little(tmp_path)


def asked(case: Path, *sets: str, fixed: bool = False) -> Any:
    designs = ("reoptimised", "fixed") if fixed else ("reoptimised",)
    return asked_on_line(case, sets, designs)


def command(case: Path, out: Path, *more: str) -> list[str]:
    python = [sys.executable, "-m", "energyopt", "sweep", str(case), "--out", str(out)]
    return [*python, *more]


def solved(task: Task) -> Answer:
    """Say that a task is solved, without solving it."""
    return Answer("optimal", "")


# The engine, with answers that are made up


def test_a_point_waits_for_the_one_it_starts_from(case):
    points = points_of(asked(case, f"{GAS}=3,6", f"{WACC}=0.07,0.09", fixed=True))
    made = Inline(solved)
    store = Store.open(case.parent / "out")
    store_sizes(store)
    assert Engine(points.runs, store).run(made)
    order = [task.key for task in made.tasks]
    assert sorted(order) == sorted(points.runs)
    for key, run in points.runs.items():
        for before in {run.starts_from, run.held} - {None}:
            assert order.index(before) < order.index(key)


def store_sizes(store: Store) -> None:
    """Let every point that is made up have the same sizes and cost."""
    found = {"objective_usd_per_yr": 1.0}
    object.__setattr__(store, "summary", lambda key: found)
    object.__setattr__(store, "sizes", lambda key: {"grid": {"size_mw": 1.0}})


def test_what_is_done_is_not_done_again(case):
    points = points_of(asked(case, f"{GAS}=3,6"))
    store = Store.open(case.parent / "out")
    for tasks in (3, 0):
        made = Inline(solved)
        Engine(points.runs, store).run(made)
        assert len(made.tasks) == tasks


def test_failed_points_have_a_reason_and_the_rest_go_on(case):
    """The parent of the whole row is infeasible, one point raises: the others end."""
    points = points_of(asked(case, f"{GAS}=3,6,7", f"{WACC}=0.07,0.09"))
    bad = points.rows[1].point.key
    worse = points.rows[4].point.key

    def answer(task: Task) -> Answer:
        if task.key == worse:
            raise WorkerLost("the worker died")
        return Answer("infeasible", "no room") if task.key == bad else solved(task)

    store = Store.open(case.parent / "out")
    engine = Engine(points.runs, store)
    assert engine.run(Inline(answer))
    assert (len(engine.ended), engine.told().failed) == (7, 2)
    assert store.record(bad)["reason"] == "no room"
    assert store.record(worse)["status"] == "failed"
    for retry, tasks in ((False, 0), (True, 1)):
        made = Inline(solved)
        Engine(points.runs, store, retry=retry).run(made)
        assert len(made.tasks) == tasks


def test_a_parent_without_cuts_is_done_again_for_a_new_child(case):
    """3 alone keeps no cuts; 3 and 6 need those of 3, so that nothing depends on when."""

    def with_cuts(task: Task) -> Answer:
        import io
        import tarfile

        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as tar:
            tar.addfile(tarfile.TarInfo(KEPT))
        return Answer("optimal", "", out.getvalue())

    store = Store.open(case.parent / "out")
    counts = []
    for sets in (f"{GAS}=3,4", f"{GAS}=3,4,5"), (f"{GAS}=4,3",):
        for one in sets:
            points = points_of(asked(case, one))
            made = Inline(with_cuts)
            Engine(points.runs, store).run(made)
            counts.append(len(made.tasks))
    # base, 3, 4; then 5 alone; then 4 from the base is new, and 3 from it
    assert counts == [3, 1, 2]
    kept = [p.name for p in store.home.iterdir() if (p / KEPT).is_file()]
    assert len(kept) == 3  # the base and what others start from
    one = points_of(asked(case, f"{GAS}=4"))
    two = points_of(asked(case, f"{GAS}=3,4"))
    last = two.rows[2].point.key
    assert not store.has_cuts(last)
    assert one.rows[0].point.key not in two.runs


def test_a_folder_left_in_the_middle_is_cleared(case):
    home = case.parent / "out" / "points"
    left = home / ".writing-0123-999999999"
    left.mkdir(parents=True)
    (left / RECORD).write_text("{}")
    store = Store.open(case.parent / "out")
    assert list(store.home.iterdir()) == []


# Workers


def _double(number: int) -> int:
    return 2 * number


def _die(mark: str) -> str:
    """Die the first time; a file remembers it."""
    if not Path(mark).exists():
        Path(mark).touch()
        os._exit(1)
    return "alive"


def _always_die(mark: str) -> None:
    os._exit(1)


def _blas_threads(name: str) -> str | None:
    return os.environ.get(name)


def test_a_worker_that_dies_takes_nothing_with_it(tmp_path):
    with Processes(2) as workers:
        futures = [workers.submit(_double, n) for n in range(5)]
        once = workers.submit(_die, str(tmp_path / "mark"))
        always = workers.submit(_always_die, "")
        fine = workers.submit(_double, 21)
        threads = workers.submit(_blas_threads, "OMP_NUM_THREADS")
        assert [f.result(60) for f in futures] == [0, 2, 4, 6, 8]
        assert once.result(60) == "alive"
        assert isinstance(always.exception(60), WorkerLost)
        assert fine.result(60) == 42
        assert threads.result(60) == "1"
        with pytest.raises(Exception, match="pickle"):
            workers.submit(lambda x: x, 1).result(60)


def test_a_cluster_without_dask_is_told(monkeypatch):
    from energyopt.errors import DataError

    monkeypatch.setattr(executors.importlib, "import_module", _no_such_module)
    for where in ("tcp://127.0.0.1:1", "slurm", "kubernetes"):
        told = pytest.raises(DataError, match=rf"{where} needs Dask: .*\[cluster\]")
        with told, executors.cluster(where):
            pass


def test_a_scheduler_that_is_none_is_told_before_anything_is_done(case, tmp_path):
    for told in ("slrum", "here"):
        how = How(tmp_path / "out", scheduler=told)
        with pytest.raises(
            CaseError, match=f"--scheduler {told}: an address"
        ) as caught:
            sweep(asked(case, f"{GAS}=3,6"), how)
        assert str(caught.value).endswith("mean 'slurm'") == (told == "slrum")
    assert not list((tmp_path / "out" / "points").glob("*"))
    for good in (None, "slurm", "kubernetes", "tcp://a:1", "10.0.0.5:8786"):
        executors.check_scheduler(good)


def _no_such_module(name: str) -> None:
    raise ImportError(name)


# The real thing, on two weeks


def test_any_number_of_workers_gives_the_same_table(case, tmp_path):
    """One worker and three; the base plant held, and one load that no plant serves.

    Done again, nothing is solved, and the table is the same to the byte.
    """
    many = asked(case, f"{LOAD}=200,900", f"{GAS}=3,6", fixed=True)
    texts = []
    for number in (1, 3):
        folder = tmp_path / f"{number}"
        first = sweep(many, How(folder, workers=number))
        assert (first.solved_now, first.exit_code) == (1 + 4 + 4, 8)
        texts.append((folder / "table.csv").read_bytes())
        again = sweep(many, How(folder, workers=number))
        assert (again.solved_now, again.exit_code) == (0, 8)
        assert (folder / "table.csv").read_bytes() == texts[-1]
    assert texts[0] == texts[1]
    look_at(first.table, tmp_path / "3")


def look_at(table: pd.DataFrame, folder: Path) -> None:
    """200 MW has an answer at both prices; 900 MW has none, of either kind, and why."""
    states = ["optimal"] * 3 + ["infeasible"] * 2
    for kind in ("reoptimised", "fixed"):
        assert table[f"{kind}.status"].tolist() == states
    assert "In short, by 2 weeks of the year: " in table["reoptimised.reason"][3]
    assert "cannot be met" in table["reoptimised.reason"][3]
    assert table[LOAD].tolist() == [250, 200, 200, 900, 900]
    held, free = table["fixed.grid_mw"], table["reoptimised.grid_mw"]
    assert_allclose(held[1:3], free[0], rtol=1e-5)
    assert (free[1:3] < free[0] - 1).all()
    cost = "objective_usd_per_yr"
    assert (table[f"fixed.{cost}"][1:3] > table[f"reoptimised.{cost}"][1:3]).all()
    costs = table.filter(regex=r"^fixed\.cost_.*_usd_per_yr$").sum(axis=1)
    assert_allclose(costs[:3], table[f"fixed.{cost}"][:3])
    with xr.open_dataset(folder / "table.nc", engine="h5netcdf") as data:
        assert data[LOAD].attrs["units"] == "MW"
        assert data["fixed.lcoe_usd_per_mwh"].attrs["units"] == "USD/MWh"
        assert_allclose(data["fixed.grid_mw"], held)
    files = {p.name for p in (folder / "points" / table["point"][1]).iterdir()}
    assert {"case.resolved.yaml", "summary.json", "hourly.nc", RECORD} <= files


def test_killed_at_any_moment_it_goes_on_to_the_same_table(case, tmp_path):
    """SIGKILL after one point, after two, and while the table is due; no worker stays."""
    whole = tmp_path / "whole"
    subprocess.run(command(case, whole, *POINTS), check=True, capture_output=True)
    broken = tmp_path / "broken"
    for there in (1, 2, 4):
        killed_after(case, broken, there)
    done = subprocess.run(
        command(case, broken, *POINTS, "--json"), check=True, capture_output=True
    )
    assert json.loads(done.stdout)["solved_now"] <= 5
    assert (broken / "table.csv").read_bytes() == (whole / "table.csv").read_bytes()
    assert not [p.name for p in (broken / "points").iterdir() if p.name[0] == "."]


def killed_after(case: Path, out: Path, there: int) -> None:
    """Start a sweep and kill it when so many points are there."""
    run = subprocess.Popen(
        command(case, out, *POINTS),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 120
    while len(list(out.glob(f"points/*/{RECORD}"))) < there and run.poll() is None:
        assert time.monotonic() < until
        time.sleep(0.01)
    children = _children(run.pid)
    run.send_signal(signal.SIGKILL)
    run.wait()
    while any(Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < until, "a worker outlived the sweep"
        time.sleep(0.05)


def _children(pid: int) -> list[str]:
    """Return the processes that a process began, where that can be asked."""
    tasks = Path(f"/proc/{pid}/task")
    found = []
    for task in tasks.iterdir() if tasks.exists() else ():
        found += (task / "children").read_text().split()
    return found


# The command


def test_the_command_ends_in_8_and_says_why_on_stderr(case, tmp_path):
    """A load that no plant serves: the table on stdout, the reason on stderr."""
    out = tmp_path / "out"
    done = subprocess.run(
        command(case, out, "--set", f"{LOAD}=900,250"), capture_output=True, text=True
    )
    assert done.returncode == 8
    assert f"{LOAD}=900 (reoptimised): infeasible: no plant meets" in done.stderr
    assert "2 of 2 solved  1 without an answer" in done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split()[:2] == [LOAD, "LCOE"]
    assert [line.split()[0] for line in lines[1:4]] == ["250", "900", "250"]
    assert lines[-3:] == [
        "2 runs, 2 of them solved now",
        f"Written to {out / 'table.csv'} and table.nc",
        f"Memo: {out / 'memo.html'}",
    ]


def test_a_misspelt_path_ends_in_3_before_any_folder_is_made(case, tmp_path):
    out = tmp_path / "out"
    done = subprocess.run(
        command(case, out, "--set", "gas.hub=3,4"), capture_output=True, text=True
    )
    assert done.returncode == 3
    assert done.stderr.startswith(
        "--set gas.hub=3: unknown key - did you mean 'hub_usd_per_mmbtu'"
    )
    assert "Traceback" not in done.stderr
    assert not out.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="glibc alone can be told to")
def test_a_worker_gives_free_memory_back():
    """200 MB in blocks under one that stays: glibc keeps them until it is told."""

    def resident_mb() -> float:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    blocks = [bytearray(1000) for _ in range(200_000)]
    kept = bytearray(1000)
    blocks.clear()
    before = resident_mb()
    give_back_memory()
    assert before - resident_mb() > 100
    assert kept
