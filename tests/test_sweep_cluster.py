"""A sweep on a Dask cluster: a real scheduler and two workers, one of them killed."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from sweeps import Inline, little

from energyopt.errors import DataError
from energyopt.sweep import executors
from energyopt.sweep.asked import asked_on_line
from energyopt.sweep.engine import Told
from energyopt.sweep.run import How, sweep
from energyopt.sweep.work import Answer

pytest.importorskip("distributed", reason="Dask is the extra 'cluster'")

GAS = "gas.hub_usd_per_mmbtu"
WACC = "finance.wacc_nominal_frac"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address=None,
    ) as made:
        yield made


def test_a_worker_killed_in_the_middle_loses_nothing(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same table as from processes of this machine, a worker gone half-way."""
    monkeypatch.chdir(tmp_path)
    asked = asked_on_line(
        little(tmp_path), (f"{GAS}=3,6", f"{WACC}=0.07,0.09"), ("reoptimised",)
    )
    here = sweep(asked, How(tmp_path / "here", workers=1))
    killed: list[int] = []

    def kill_one(told: Told) -> None:
        if told.done == 2 and not killed:
            pids = [w["pid"] for w in _workers(cluster)]
            killed.append(pids[0])
            os.kill(pids[0], signal.SIGKILL)

    there = sweep(
        asked,
        How(tmp_path / "there", scheduler=cluster.scheduler_address),
        on_progress=kill_one,
    )
    assert killed
    assert there.exit_code == here.exit_code == 0
    assert there.solved_now == 5
    texts = [(tmp_path / n / "table.csv").read_bytes() for n in ("here", "there")]
    assert texts[0] == texts[1]
    assert threading.active_count() < 50


def _workers(cluster: Any) -> list[dict[str, Any]]:
    from distributed import Client

    with Client(cluster, set_as_default=False) as client:
        found = client.run(os.getpid)
    return [{"pid": pid} for pid in found.values()]


def test_what_a_worker_cannot_do_is_a_failed_point(cluster: Any) -> None:
    with executors.cluster(cluster.scheduler_address) as workers:
        future = workers.submit(_raises, "no")
        assert isinstance(future.exception(60), ValueError)
        assert workers.submit(Answer, "optimal", "").result(60).status == "optimal"


def _raises(text: str) -> None:
    raise ValueError(text)


def test_nobody_at_the_address_is_told() -> None:
    with (
        pytest.raises(DataError, match=r"--scheduler tcp://127\.0\.0\.1:9: "),
        executors.cluster("tcp://127.0.0.1:9"),
    ):
        pass


# Named clusters


def stand_in(monkeypatch: pytest.MonkeyPatch, made: list[Any]) -> None:
    """Let ``slurm`` be workers of this machine, begun as its package would be."""
    from distributed import LocalCluster

    class SLURMCluster(LocalCluster):
        def __init__(self) -> None:  # no argument: all options are Dask's config's
            super().__init__(
                n_workers=0,
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                dashboard_address=None,
            )
            made.append(self)

        def adapt(self, **asked: Any) -> Any:
            made.append(asked)
            return super().adapt(**asked)

    module = SimpleNamespace(SLURMCluster=SLURMCluster)
    monkeypatch.setitem(sys.modules, "dask_jobqueue", module)
    monkeypatch.setattr(executors.shutil, "which", lambda name: f"/usr/bin/{name}")


def test_a_named_cluster_gives_the_same_table_and_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The base and two points; it grows to two workers, and none is left."""
    monkeypatch.chdir(tmp_path)
    made: list[Any] = []
    stand_in(monkeypatch, made)
    asked = asked_on_line(little(tmp_path), (f"{GAS}=3,6",), ("reoptimised",))
    there = sweep(asked, How(tmp_path / "there", workers=2, scheduler="slurm"))
    cluster, grown = made
    assert (there.exit_code, there.solved_now) == (0, 3)
    assert grown == {"minimum": 1, "maximum": 2}
    assert cluster.status.name == "closed"
    here = sweep(asked, How(tmp_path / "here", workers=1))
    assert here.exit_code == 0
    texts = [(tmp_path / n / "table.csv").read_bytes() for n in ("here", "there")]
    assert texts[0] == texts[1]


def test_without_a_number_it_grows_to_one_a_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, int]] = []

    @contextmanager
    def fake(where: str, most: int) -> Iterator[Any]:
        seen.append((where, most))
        yield Inline(lambda task: Answer("optimal", ""))

    monkeypatch.setattr("energyopt.sweep.run.cluster", fake)
    monkeypatch.setattr("energyopt.sweep.run._written", lambda *told: None)
    asked = asked_on_line(little(tmp_path), (f"{GAS}=3,6,7",), ("reoptimised",))
    sweep(asked, How(tmp_path / "out", scheduler="kubernetes"))
    assert seen == [("kubernetes", 4)]


@pytest.mark.parametrize(
    ("name", "module", "package"),
    [
        ("slurm", "dask_jobqueue", "dask-jobqueue"),
        ("kubernetes", "dask_kubernetes.operator", "dask-kubernetes"),
    ],
)
def test_a_package_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, module: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    told = rf"--scheduler {name} needs {package}: pip install 'energyopt\[cluster\]'"
    with pytest.raises(DataError, match=told), executors.cluster(name):
        pass


def test_slurm_without_sbatch_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dask would wait for workers that nobody can begin."""
    stand_in(monkeypatch, [])
    monkeypatch.setattr(executors.shutil, "which", lambda name: None)
    with (
        pytest.raises(DataError, match="--scheduler slurm: there is no sbatch here"),
        executors.cluster("slurm"),
    ):
        pass


def test_what_the_package_refuses_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """dask-jobqueue itself, without options: how much memory has a job?"""
    pytest.importorskip("dask_jobqueue")
    monkeypatch.setattr(executors.shutil, "which", lambda name: f"/usr/bin/{name}")
    with pytest.raises(DataError) as caught, executors.cluster("slurm"):
        pass
    told = str(caught.value)
    assert told.startswith("--scheduler slurm: You must specify how much cores")
    assert told.endswith("(its options stand in Dask's config under jobqueue.slurm)")
    assert "\n" not in told


def test_a_cluster_that_was_never_begun_is_not_ended_at_exit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """dask-kubernetes ends what it began when Python ends, half of one with a traceback."""

    class KubeCluster:
        _instances: ClassVar[list[Any]] = []
        shutdown_on_close = True

        def __init__(self) -> None:
            self._instances.append(self)
            raise ValueError("no credentials\nmore")

    module = SimpleNamespace(KubeCluster=KubeCluster)
    monkeypatch.setitem(sys.modules, "dask_kubernetes", module)
    monkeypatch.setitem(sys.modules, "dask_kubernetes.operator", module)
    told = r"--scheduler kubernetes: no credentials \(its options .* under kubernetes\)"
    with pytest.raises(DataError, match=told), executors.cluster("kubernetes"):
        pass
    assert not KubeCluster._instances[0].shutdown_on_close
