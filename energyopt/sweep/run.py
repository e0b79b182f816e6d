"""A sweep from what is asked to its folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

import energyopt
from energyopt.sweep.asked import Asked
from energyopt.sweep.engine import Engine, Told
from energyopt.sweep.executors import cluster, default_workers, processes
from energyopt.sweep.points import Points, points_of
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
        Address of a Dask scheduler, instead of processes.
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
    store = Store.open(folder)
    engine = Engine(points.runs, store, on_progress, stop, how.retry)
    on_progress(engine.told())
    complete = True
    if engine.waiting:
        number = min(how.workers or default_workers(), engine.waiting)
        work = cluster(how.scheduler) if how.scheduler else processes(number)
        with work as executor:
            complete = engine.run(executor)
    table = table_of(points, store)
    about = _about(asked, points)
    write_table(folder, table, {k: v for k, v in about.items() if isinstance(v, str)})
    text = json.dumps(about, indent=2, ensure_ascii=False) + "\n"
    write_whole(folder / "sweep.json", text.encode())
    return Swept(folder, table, points, engine.solved_now, failures(table), complete)


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
