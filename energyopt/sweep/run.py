"""A sweep from what is asked to its folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

import energyopt
from energyopt.sweep.asked import Asked
from energyopt.sweep.engine import Engine, Told
from energyopt.sweep.executors import (
    check_scheduler,
    cluster,
    default_workers,
    processes,
)
from energyopt.sweep.frontier import (
    along,
    at_levels,
    check_frontier,
    ends,
    unlimited,
    with_costs,
)
from energyopt.sweep.points import Point, Points, points_of
from energyopt.sweep.store import Store, write_whole
from energyopt.sweep.table import failures, table_of, write_table


@dataclass(frozen=True)
class How:
    """How a sweep is worked through; the answers do not depend on it.

    Parameters
    ----------
    folder : Path, optional
        Where it is kept; ``results/<name>/sweep`` without it.
    workers : int
        Processes; 0: one a core.
    scheduler : str, optional
        Address of a Dask scheduler, ``slurm`` or ``kubernetes``, instead of processes;
        a named one grows to ``workers``, or to one a point.
    retry : bool
        Whether what failed is done again.
    """

    folder: Path | None = None
    workers: int = 0
    scheduler: str | None = None
    retry: bool = False


@dataclass(frozen=True)
class Swept:
    """What a sweep leaves behind."""

    folder: Path
    table: pd.DataFrame
    points: Points
    solved_now: int
    failures: list[str]
    complete: bool

    @property
    def exit_code(self) -> int:
        """130 where it was interrupted, 8 where some points have no answer."""
        if not self.complete:
            return 130
        return 8 if self.failures else 0


def sweep(
    asked: Asked,
    how: How = How(),
    *,
    on_progress: Callable[[Told], None] = lambda told: None,
    stop: Callable[[], bool] = lambda: False,
) -> Swept:
    """Solve every point that is not in the folder yet, and write the table.

    Parameters
    ----------
    asked : Asked
        What is varied.
    how : How
        By whom it is solved, and where it is kept.
    on_progress : callable
        Called with :class:`Told` as points end.
    stop : callable
        Once true, what is not done is given up; a later run goes on from there.

    Raises
    ------
    CaseError
        If any point is no case, before the first is solved.
    """
    points = points_of(asked)
    folder = how.folder or Path("results") / asked.name / "sweep"
    pass_ = _Pass(Store.open(folder), how, on_progress, stop)
    pass_.over(points.runs)
    return _written(asked, points, pass_, folder)


def sweep_frontier(
    asked: Asked,
    limit: str,
    number: int,
    how: How = How(),
    *,
    levels: Sequence[float] = (),
    on_progress: Callable[[Told], None] = lambda told: None,
    stop: Callable[[], bool] = lambda: False,
) -> Swept:
    """Go along a limit in ``number`` points; otherwise as :func:`sweep`.

    With ``levels``, the plant without the limit and those at these values instead.
    """
    check_frontier(limit)
    free = unlimited(asked, limit)
    runs = {} if levels else ends(free, limit)
    folder = how.folder or Path("results") / asked.name / "frontier"
    store = Store.open(folder)
    pass_ = _Pass(store, how, on_progress, stop)
    if levels:
        free = at_levels(free, limit, levels)
        points_of(free)  # a level that is none is told before the first solve
    pass_.over(runs)
    if pass_.complete and not levels:
        free = along(free, limit, number, runs, store)
    points = points_of(free)
    points.runs.update({key: run for key, run in runs.items() if run.ask})
    if pass_.complete:
        pass_.over(points.runs)
    return _written(free, points, pass_, folder, limit)


@dataclass
class _Pass:
    """One visit to a sweep's folder."""

    store: Store
    how: How
    on_progress: Callable[[Told], None]
    stop: Callable[[], bool]
    solved_now: int = 0
    complete: bool = True

    def __post_init__(self) -> None:
        """Refuse a scheduler that is none, even where nothing is left to do."""
        check_scheduler(self.how.scheduler)

    def over(self, runs: dict[str, Point]) -> None:
        """Solve those runs that are not there."""
        how = self.how
        engine = Engine(runs, self.store, self.on_progress, self.stop, how.retry)
        self.on_progress(engine.told())
        if engine.waiting:
            number = min(how.workers or default_workers(), engine.waiting)
            if how.scheduler:
                work = cluster(how.scheduler, how.workers or engine.waiting)
            else:
                work = processes(number)
            with work as executor:
                self.complete = engine.run(executor)
        self.solved_now += engine.solved_now


def _written(
    asked: Asked, points: Points, pass_: _Pass, folder: Path, limit: str | None = None
) -> Swept:
    """Write the table of what is in the store."""
    table = table_of(points, pass_.store)
    if limit is not None and pass_.complete:
        table = with_costs(table, limit)
    about = _about(asked, points)
    write_table(folder, table, {k: v for k, v in about.items() if isinstance(v, str)})
    text = json.dumps(about, indent=2, ensure_ascii=False) + "\n"
    write_whole(folder / "sweep.json", text.encode())
    told = failures(table) if pass_.complete else []
    return Swept(folder, table, points, pass_.solved_now, told, pass_.complete)


def _about(asked: Asked, points: Points) -> dict[str, Any]:
    """Return what the folder says of the sweep."""
    base = points.rows[0].point.casefile.case
    return {
        "schema_version": "1.0",
        "sweep": asked.name,
        "case": base.name,
        "title": f"DRAFT - {base.title}" if base.draft else base.title,
        "energyopt": energyopt.__version__,
        "money": f"real {base.prices.year} USD, before tax",
        "paths": points.paths,
        "designs": list(points.designs),
        "points": len(points.rows),
        "folders": {row.point.key: row.point.label for row in points.rows},
    }
