"""Many sampled years of a dispatched plant: batches, workers, and what comes of them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, fields
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from energyopt.latest import run_folder
from energyopt.uptime.answer import answer
from energyopt.uptime.contingencies import contingencies
from energyopt.uptime.elements import Plan
from energyopt.uptime.histories import sample_histories
from energyopt.uptime.measures import Sampled
from energyopt.uptime.operate import Shortages, operate
from energyopt.uptime.saved import RATES, Saved, read_saved
from energyopt.uptime.told import text, tidy

Floats = NDArray[np.float64]

GROUP = 4  # an antithetic pair of each half of the mixture
BATCH = 2000  # years side by side


@dataclass(frozen=True)
class UptimeResult:
    """What ``energyopt uptime RUN`` found: a document for machines, a text for people."""

    document: dict[str, Any]
    text: str
    table: pd.DataFrame


def blocks_of(plans: Sequence[Plan], years: int) -> list[range]:
    """Share sampled years among weather years, by weight, in whole groups of four.

    Parameters
    ----------
    plans : sequence of Plan
        One a weather year.
    years : int
        At least this many are sampled: what is missing to whole groups is added.

    Returns
    -------
    list of range
        Numbers of the years of each weather year, at least two groups each.
    """
    found, start = [], 0
    for plan in plans:
        count = max(2, round(years * plan.year_share / GROUP)) * GROUP
        found.append(range(start, start + count))
        start += count
    return found


def _batch(plan: Plan, years: range, seed: int) -> tuple[Shortages, Floats]:
    """Sample and run one batch; what a worker does."""
    histories = sample_histories(plan.elements, plan.hours, years, seed)
    shortages, _ = operate(plan, histories, years, seed)
    return shortages, histories.log_weight


class Sampler:
    """Samples plants, here or in worker processes; the same for any number of them."""

    def __init__(
        self,
        seed: int,
        pool: ProcessPoolExecutor | None = None,
        *,
        batch: int = BATCH,
        on_years: Callable[[int], None] = lambda years: None,
    ) -> None:
        self.seed, self.pool, self.batch, self.on_years = seed, pool, batch, on_years

    def begin(self, plans: Sequence[Plan], years: int) -> Callable[[], Sampled]:
        """Start on the years of a plant; call what comes back to wait for them."""
        blocks = blocks_of(plans, years)
        work = [
            (plan, range(first, min(first + self.batch, block.stop)))
            for plan, block in zip(plans, blocks, strict=True)
            for first in range(block.start, block.stop, self.batch)
        ]
        if self.pool is None:
            waiting: list[Any] = [None] * len(work)
        else:
            waiting = [self.pool.submit(_batch, p, y, self.seed) for p, y in work]

        def wait() -> Sampled:
            found = []
            for (plan, span), future in zip(work, waiting, strict=True):
                done = future is not None
                found.append(_of(future) if done else _batch(plan, span, self.seed))
                self.on_years(len(span))
            return Sampled(
                plans,
                blocks,
                joined([s for s, _ in found]),
                np.concatenate([w for _, w in found]),
            )

        return wait


def _of(future: Future[tuple[Shortages, Floats]]) -> tuple[Shortages, Floats]:
    return future.result()


def joined(parts: Sequence[Shortages]) -> Shortages:
    """Put the shortages of batches, in the order of their years, one after another."""
    return Shortages(
        **{
            f.name: np.concatenate([getattr(part, f.name) for part in parts])
            for f in fields(Shortages)
        }
    )


@contextmanager
def worker_pool(count: int) -> Iterator[ProcessPoolExecutor | None]:
    """Give worker processes, none for one worker."""
    if count <= 1:
        yield None
        return
    pool = ProcessPoolExecutor(count, mp_context=get_context("spawn"))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def uptime_of_run(
    run: Path,
    years: int,
    seed: int,
    workers: int,
    on_progress: Callable[[int], None] = lambda years: None,
) -> UptimeResult:
    """Sample the outages of a solved run; write ``uptime.json`` and ``uptime.csv``.

    Parameters
    ----------
    run : Path
        Its folder, or the file ``latest`` beside it.
    years : int
        Sampled years of each plant that is compared.
    seed : int
        Same seed, same years.
    workers : int
        Processes; the answer does not depend on it.
    on_progress : callable
        Called with the years sampled so far, as a part of ``years``.

    Returns
    -------
    UptimeResult
        What was written, and a text of it.

    Raises
    ------
    DataError
        If the folder is not one of a solved run.
    """
    run = run_folder(run)
    saved = read_saved(run)
    with worker_pool(workers) as pool:
        result = uptime_of(saved, years, seed, pool, on_progress)
    _write(run / "uptime.json", json.dumps(result.document, indent=2) + "\n")
    _write(run / "uptime.csv", result.table.to_csv(index=False, float_format="%.10g"))
    return result


def uptime_of(
    saved: Saved,
    years: int,
    seed: int,
    pool: ProcessPoolExecutor | None = None,
    on_progress: Callable[[int], None] = lambda years: None,
    *,
    batch: int = BATCH,
) -> UptimeResult:
    """Return the uptime of a plan; as :func:`uptime_of_run`, nothing is written."""
    variants: dict[str, list[Plan]] = {}
    for rates in RATES:
        plans = saved.plans(rates)
        variants[rates] = plans
        variants[f"{rates}, no common causes"] = [
            p.without_common_causes() for p in plans
        ]
    for words, (name, operation) in saved.one_more().items():
        variants[words] = saved.plans("base", {name: operation})
    done = [0]

    def count(more: int) -> None:
        done[0] += more
        on_progress(done[0] // len(variants))

    if pool is not None:  # a batch for each worker at least
        workers = getattr(pool, "_max_workers", 1)
        batch = min(batch, max(GROUP, -(-years // workers // GROUP) * GROUP))
    sampler = Sampler(seed, pool, batch=batch, on_years=count)
    waits = {name: sampler.begin(plans, years) for name, plans in variants.items()}
    losing = pool.submit(contingencies, variants["base"][0]) if pool else None
    sampled = {name: wait() for name, wait in waits.items()}
    lost = losing.result() if losing else contingencies(variants["base"][0])
    document = answer(saved, sampled, lost, seed)
    return UptimeResult(document, text(document), tidy(document))


def _write(path: Path, content: str) -> None:
    """Write a file whole or not at all."""
    hidden = path.with_name(f".{path.name}.{os.getpid()}")
    hidden.write_text(content, encoding="utf-8")
    hidden.replace(path)


__all__ = ["Sampler", "UptimeResult", "uptime_of", "uptime_of_run"]
