"""What a worker does: one point, from its own data to the bytes of its run folder.

A worker needs the package and the task, and no file of the machine that sends it.
"""

from __future__ import annotations

import ctypes
import io
import json
import sys
import tarfile
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from energyopt.casefile import CaseFile
from energyopt.errors import EnergyoptError, InfeasibleError
from energyopt.pipeline import KEPT, Built, Sizes, run
from energyopt.report import write_json
from energyopt.sweep.keys import with_tables
from energyopt.sweep.questions import UPTIME, Ask, LeastOf, Near

if TYPE_CHECKING:
    from energyopt.case import Case
    from energyopt.explain import Relaxed
    from energyopt.inputs import Inputs

LEAST = "least.json"
"""In the folder of a run that was asked for the least of a limit."""
READ_BY_INPUTS = ("site", "weather", "prices", "gas", "load", "horizon", "technologies")
"""Sections of a case that its hourly series are made from."""
NOT_READ = {"name": "any", "finance": {"wacc_nominal_frac": 0, "inflation_frac": 0}}
"""What else a case must have."""


@dataclass(frozen=True)
class Task:
    """One run, with everything that it needs.

    Parameters
    ----------
    key : str
        Of the run.
    casefile : CaseFile
        Its tables are named as in ``resolved``, from the folder the run will stand in.
    tables : dict of str to bytes
        By the name in ``casefile.case``.
    kept : bytes, optional
        Cuts and plant to start from.
    held : mapping, optional
        Sizes to hold.
    ask : LeastOf or Near, optional
        What is asked for instead of the least-cost plant.
    cost_usd : float, optional
        Of the plant that an alternative may cost little more than. [USD/yr]
    """

    key: str
    casefile: CaseFile
    tables: Mapping[str, bytes]
    kept: bytes | None
    held: Sizes | None
    ask: Ask | None = None
    cost_usd: float | None = None


@dataclass(frozen=True)
class Answer:
    """How a run ended.

    Parameters
    ----------
    status : str
        ``optimal`` or ``limit``, as of the solve; ``infeasible``; ``failed``.
    reason : str
        Of the last two: one line.
    folder : bytes
        The run folder as a tar; empty where nothing is to be kept.
    """

    status: str
    reason: str
    folder: bytes = b""


def solve_point(task: Task) -> Answer:
    """Return a solved run; what goes wrong with it is an answer too."""
    with tempfile.TemporaryDirectory(
        prefix="energyopt-", ignore_cleanup_errors=True
    ) as name:
        try:
            return _solved(task, Path(name).resolve())
        except InfeasibleError as error:
            return Answer("infeasible", _one_line(error))
        except EnergyoptError as error:
            return Answer("failed", _one_line(error))
        except MemoryError:
            return Answer("failed", "out of memory")
        except Exception as error:
            told = f"a bug in energyopt: {type(error).__name__}: {_one_line(error)}"
            return Answer("failed", told)
        finally:
            give_back_memory()


def give_back_memory() -> None:
    """Give memory that is free back to the system, where glibc would keep it.

    After a year with a binding limit that is up to a gigabyte, in 0.1 s.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL("libc.so.6").malloc_trim(0)


def _solved(task: Task, scratch: Path) -> Answer:
    reuse = None
    if task.kept is not None:
        reuse = scratch / "before"
        reuse.mkdir()
        (reuse / KEPT).write_bytes(task.kept)
    out = scratch / "run"
    held = task.held
    if isinstance(task.ask, LeastOf):
        return _least(task, out)
    if isinstance(task.ask, Near):
        held = _near(task, task.ask)
    outcome = run(
        replace(task.casefile, base_dir=out),
        out=out,
        reuse=reuse,
        held=held,
        read_inputs=lambda case, _: inputs_of(case, task.tables),
        built=_built(threading.get_ident()),
        why=lambda case: _short_answer(case, task.tables),
    )
    summary = outcome.summary
    if outcome.exit_code == 9:
        failed = [n for n, c in summary["checks"].items() if not c["passed"]]
        told = f"the check of the answer failed: {', '.join(failed)}"
        return Answer("failed", told, packed(outcome.folder))
    status, told = str(summary["status"]), ""
    target = summary.get("uptime_target")
    if target is not None and not target["met"]:
        status = "limit"
        told = f"the uptime target is not shown to be met (rounds: {len(target['rounds'])})"
    return Answer(status, told, packed(outcome.folder))


def _short_answer(case: Case, tables: Mapping[str, bytes]) -> Relaxed:
    """Return what an infeasible point cannot meet, from a few of its weeks."""
    from energyopt.explain import drafted, shortfall

    weeks = drafted(case)
    return shortfall(weeks.in_time(), inputs_of(weeks, tables))


def _least(task: Task, out: Path) -> Answer:
    """Return the least that a limit could be, in a folder of one file."""
    from energyopt.alternatives import least_value

    limit = task.ask.limit if isinstance(task.ask, LeastOf) else ""
    case = task.casefile.case.in_time()
    inputs = inputs_of(task.casefile.case, task.tables)
    if limit == UPTIME:
        from energyopt.model import build_model
        from energyopt.uptime.target import highest_frac

        least: float | None = highest_frac(case, build_model(case, inputs))
    else:
        least = least_value(case, inputs, limit)
    if least is None:
        return Answer("infeasible", f"no plant, whatever {limit} is")
    out.mkdir()
    write_json(out / LEAST, {"limit": limit, "least": least})
    return Answer("optimal", "", packed(out))


def _near(task: Task, ask: Near) -> Sizes:
    """Return the sizes of a plant that costs little more than the best."""
    from energyopt.alternatives import extreme_sizes

    return extreme_sizes(
        task.casefile.case.in_time(),
        inputs_of(task.casefile.case, task.tables),
        ask.technology,
        most=ask.most,
        budget_usd=(1 + ask.extra_frac) * (task.cost_usd or 0.0),
    )


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def packed(folder: Path) -> bytes:
    """Return a folder as an uncompressed tar; its files are compressed already."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for path in sorted(folder.rglob("*")):
            tar.add(path, path.relative_to(folder).as_posix(), recursive=False)
    return out.getvalue()


@lru_cache(maxsize=8)
def _built(thread: int) -> Built:
    """Return what keeps the last model of a thread."""
    return Built()


def inputs_of(case: Case, tables: Mapping[str, bytes]) -> Inputs:
    """Return the hourly series of a case; a worker keeps those of its last points."""
    full = case.model_dump(mode="json")
    said = NOT_READ | {name: full[name] for name in READ_BY_INPUTS}
    return _inputs(json.dumps(said, sort_keys=True), tuple(sorted(tables.items())))


@lru_cache(maxsize=2)
def _inputs(said: str, tables: tuple[tuple[str, bytes], ...]) -> Inputs:
    """Return the hourly series that a case and its tables make."""
    from energyopt.case import Case
    from energyopt.inputs import build_inputs

    with tempfile.TemporaryDirectory(prefix="energyopt-") as name:
        names = {}
        for number, (table, content) in enumerate(tables):
            ending = ".csv.gz" if table.endswith(".gz") else ".csv"
            names[table] = f"{number}{ending}"
            (Path(name) / names[table]).write_bytes(content)
        moved = json.dumps(with_tables(json.loads(said), names))
        case = Case.model_validate_json(moved, strict=True)
        return build_inputs(case, Path(name))
