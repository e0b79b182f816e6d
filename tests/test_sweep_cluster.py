"""A sweep on a Dask cluster: a real scheduler and two workers, one of them killed."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sweeps import little

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
