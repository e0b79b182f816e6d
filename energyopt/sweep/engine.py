"""Solve the points that are not in the store, each after the one it starts from."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from energyopt.report import tables_from
from energyopt.sweep.points import Point
from energyopt.sweep.store import SOLVED, Store
from energyopt.sweep.work import Answer, Task, solve_point

LOOK_EVERY_S = 0.5


class Told(NamedTuple):
    """What the engine has to say: how far it is, and what just ended."""

    done: int
    failed: int
    total: int
    elapsed_s: float
    left_s: float | None
    point: Point | None
    record: dict[str, Any] | None


@dataclass
class Engine:
    """One pass over the runs of a sweep.

    Parameters
    ----------
    runs : dict of str to Point
        By key; those that others start from come before them.
    store : Store
        What is there is not done again.
    on_progress : callable
        Called with :class:`Told` when a run ends.
    stop : callable
        Once true, nothing more is begun, and what is not done is given up.
    """

    runs: dict[str, Point]
    store: Store
    on_progress: Callable[[Told], None] = lambda told: None
    stop: Callable[[], bool] = lambda: False
    retry: bool = False  # whether what failed is done again; infeasible stays so
    explain: bool = True  # whether what is infeasible says what would have to give way
    at_once: int = 64  # tasks on their way; enough for any cluster, and few to pickle
    began: float = field(default_factory=time.monotonic)
    ended: dict[str, dict[str, Any]] = field(default_factory=dict)
    begun: set[str] = field(default_factory=set)
    solved_now: int = 0

    def __post_init__(self) -> None:
        """Note who starts from whom, and what is there already.

        A point whose cuts were not kept, since none started from it then, is done
        again where one does now: the plant will be the same.
        """
        self.followers: dict[str, list[str]] = {}
        for key, run in self.runs.items():
            for other in {run.starts_from, run.held}:
                if other is not None and other in self.runs:
                    self.followers.setdefault(other, []).append(key)
        self.order = {key: place for place, key in enumerate(self.runs)}
        undone: set[str] = set()
        for key in reversed(self.runs):  # those that start from it first
            record = self.store.record(key)
            again = self.retry and record and record["status"] == "failed"
            if record and not again and not self._lacks_cuts(key, record, undone):
                self.ended[key] = record
            else:
                undone.add(key)

    def _lacks_cuts(self, key: str, record: dict[str, Any], undone: set[str]) -> bool:
        """Whether what is to be solved starts from a point that kept no cuts."""
        starts = any(
            self.runs[other].starts_from == key
            for other in self.followers.get(key, ())
            if other in undone
        )
        return starts and record["cuts"] and not self.store.has_cuts(key)

    @property
    def waiting(self) -> int:
        """How many are still to be solved."""
        return len(self.runs) - len(self.ended)

    def run(self, executor: Executor) -> bool:
        """Solve what is left; return whether all of it was."""
        ready: list[tuple[int, str]] = []
        for key in self.runs:
            if key not in self.ended and self._may_begin(key):
                heapq.heappush(ready, (self.order[key], key))
        running: dict[Future[Answer], str] = {}
        while (ready or running) and not self.stop():
            while ready and len(running) < self.at_once:
                _, key = heapq.heappop(ready)
                if (task := self._task(key)) is not None:
                    running[executor.submit(solve_point, task)] = key
                else:
                    self._follow(key, ready)
            done, _ = wait(running, LOOK_EVERY_S, return_when=FIRST_COMPLETED)
            for future in done:
                key = running.pop(future)
                self._keep(key, _answer_of(future))
                self._follow(key, ready)
        return not ready and not running

    def _may_begin(self, key: str) -> bool:
        run = self.runs[key]
        before = {run.starts_from, run.held} - {None}
        return all(k in self.ended or k not in self.runs for k in before)

    def _follow(self, key: str, ready: list[tuple[int, str]]) -> None:
        for other in self.followers.get(key, ()):
            new = other not in self.begun and other not in self.ended
            if new and self._may_begin(other):
                self.begun.add(other)
                heapq.heappush(ready, (self.order[other], other))

    def _task(self, key: str) -> Task | None:
        """Return what a worker needs; ``None`` where it is known to be in vain."""
        run = self.runs[key]
        held, cost_usd = None, None
        if run.held is not None:
            if self.ended[run.held]["status"] not in SOLVED:
                self._keep(key, Answer("failed", "the base point has no plant to hold"))
                return None
            held = self.store.sizes(run.held)
            cost_usd = self.store.summary(run.held)["objective_usd_per_yr"]
        folder = self.store.folder(key)
        case = run.casefile
        moved = tables_from(case.resolved, case.base_dir, folder)
        return Task(
            key,
            replace(case, resolved=moved, base_dir=Path(), path=Path(case.path.name)),
            run.tables,
            self._cuts_for(run),
            held,
            run.ask,
            cost_usd,
            self.explain,
        )

    def _cuts_for(self, run: Point) -> bytes | None:
        """Return the cuts of the nearest point behind this one that was solved."""
        start = run.starts_from
        while start is not None:
            if start in self.ended and self.ended[start]["status"] in SOLVED:
                return self.store.kept(start)
            start = self.runs[start].starts_from if start in self.runs else None
        return None

    def _keep(self, key: str, answer: Answer) -> None:
        run = self.runs[key]
        about = {
            "design": run.design,
            "label": run.label,
            "starts_from": run.starts_from,
            "held": run.held,
        }
        self.store.write(key, answer, about, keep=bool(self.followers.get(key)))
        self.ended[key] = self.store.record(key) or {}
        self.solved_now += 1
        self.on_progress(self.told(run, self.ended[key]))

    def told(
        self, run: Point | None = None, record: dict[str, Any] | None = None
    ) -> Told:
        """Return how far it is."""
        elapsed_s = time.monotonic() - self.began
        left_s = elapsed_s / self.solved_now * self.waiting if self.solved_now else None
        failed = sum(r["status"] not in SOLVED for r in self.ended.values())
        return Told(
            len(self.ended), failed, len(self.runs), elapsed_s, left_s, run, record
        )


def _answer_of(future: Future[Answer]) -> Answer:
    error = future.exception()
    if error is None:
        return future.result()
    return Answer("failed", " ".join(f"{error}".split()) or type(error).__name__)
