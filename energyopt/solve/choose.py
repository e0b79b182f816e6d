"""Which method solves a model, and what goes back into it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from energyopt.errors import NoSolutionError
from energyopt.solve.compile import NO_HOUR, Problem, compile_problem, write_back
from energyopt.solve.decomposed import solve_decomposed
from energyopt.solve.fixed import solve_fixed
from energyopt.solve.monolithic import Found, solve_monolithic
from energyopt.solve.record import Method, Progress, SolveRecord, relative_gap
from energyopt.solve.relaxed import cost_of_keeping
from energyopt.solve.reuse import Kept

Floats = NDArray[np.float64]

LARGE_ROWS = 30_000
"""From here on, ``auto`` solves an hourly model by periods."""


def solve(
    m: Any,
    compiled: Problem | None,
    method: Method,
    gap_frac: float,
    time_limit_s: float,
    threads: int,
    seed: int,
    log_path: Path | None,
    on_progress: Callable[[Progress], None] | None,
    stop: Callable[[], bool] | None,
    before: Kept | None,
    keep: bool,
) -> SolveRecord:
    """Compile, solve, write back; see :func:`energyopt.solve.solve_model`."""
    start = time.monotonic()
    threads = threads or os.cpu_count() or 1
    problem = compile_problem(m) if compiled is None else compiled
    common: dict[str, Any] = {
        "gap_frac": gap_frac,
        "threads": threads,
        "seed": seed,
        "log_path": log_path,
        "on_progress": on_progress,
        "stop": stop,
    }

    def left_s() -> float:
        return max(time_limit_s - (time.monotonic() - start), 0.01)

    used = _method(problem, method)
    messages: list[str] = []
    found: Found | None = None
    if used == "decomposed":
        try:
            found = solve_decomposed(
                problem, time_limit_s=left_s(), before=before, keep=keep, **common
            )
        except NoSolutionError as err:
            if left_s() < 1.0 or (stop is not None and stop()):
                raise
            messages.append(f"solved as one model: by periods it failed ({err})")
            _log(log_path, messages[-1])
            used = "monolithic"
    if found is None:
        found = solve_monolithic(problem, time_limit_s=left_s(), **common)
    elif found.status == "limit" and len(problem.rows) < LARGE_ROWS and left_s() > 1.0:
        gap = relative_gap(found.objective, found.bound)
        messages.append(f"by periods the gap ended at {gap:.2%}; gone on as one model")
        _log(log_path, messages[-1])
        found = _better(found, problem, left_s(), common)
    found.messages[:0] = messages
    write_back(problem, found.x)
    seconds = time.monotonic() - start
    record = _record(problem, found, used, threads, seconds)
    _log(
        log_path,
        f"{record.method} {record.status}: objective {record.objective:.6g}, bound "
        f"{record.bound:.6g}, gap {record.gap_frac:.3%}, {seconds:.1f} s",
    )
    return record


def _better(
    found: Found, problem: Problem, time_limit_s: float, common: dict[str, Any]
) -> Found:
    """Return the better plant and bound of two methods."""
    try:
        other = solve_monolithic(problem, time_limit_s=time_limit_s, **common)
    except NoSolutionError:
        return found
    best = other if other.objective <= found.objective else found
    bound = min(max(found.bound, other.bound), best.objective)
    status = other.status
    if relative_gap(best.objective, bound) <= common["gap_frac"]:
        status = "optimal"
    return replace(best, bound=bound, status=status)


def _method(problem: Problem, method: Method) -> str:
    if method != "auto":
        return method
    hourly = bool((problem.column_hour != NO_HOUR).any())
    return "decomposed" if hourly and len(problem.rows) >= LARGE_ROWS else "monolithic"


def _record(
    problem: Problem, found: Found, method: str, threads: int, seconds: float
) -> SolveRecord:
    return SolveRecord(
        status=found.status,
        objective=found.objective,
        bound=found.bound,
        gap_frac=relative_gap(found.objective, found.bound),
        method=method,
        seconds=seconds,
        rows=len(problem.rows),
        columns=len(problem.columns),
        integers=int(problem.integer.sum()),
        nonzeros=int(problem.matrix.nnz),
        coefficient_range=problem.coefficient_range,
        options=found.options,
        threads=threads,
        messages=found.messages,
        path=found.path,
        kept=found.kept,
    )


def at_point(record: SolveRecord, problem: Problem) -> SolveRecord:
    """Return a record of what the variables hold now; see :mod:`energyopt.solve`."""
    x = _point(problem)
    objective = problem.objective(x)
    return replace(
        record,
        objective=objective,
        bound=min(record.bound, objective),
        gap_frac=relative_gap(objective, record.bound),
        kept=replace(record.kept, x=x) if record.kept is not None else None,
    )


def _point(problem: Problem) -> Floats:
    """Return what the variables hold, shape (columns,)."""
    return np.array([v.value for v in problem.columns], dtype=float)


def kept_cost(variables: Iterable[Any], problem: Problem) -> float | None:
    """Return what keeping some costs; see :func:`energyopt.solve.cost_of_keeping`."""
    wanted = {id(v) for v in variables}
    kept = np.array([id(v) in wanted for v in problem.columns], dtype=bool)
    return cost_of_keeping(problem, _point(problem), kept)


def _log(log_path: Path | None, line: str) -> None:
    if log_path is not None:
        with log_path.open("a", encoding="utf-8") as out:
            out.write(line + "\n")


def fixed_duals(
    m: Any, compiled: Problem | None, constraints: Iterable[Any], keep_point: bool
) -> dict[Any, float]:
    """Solve with whole numbers kept; see :func:`energyopt.solve.solve_fixed_lp`."""
    problem = compile_problem(m) if compiled is None else compiled
    members: list[Any] = []
    for con in constraints:
        members.extend(con.values() if con.is_indexed() else [con])
    wanted = {id(con) for con in members}
    row = {id(con): i for i, con in enumerate(problem.rows) if id(con) in wanted}
    x = _point(problem)
    solved = solve_fixed(problem, x, list(row.values()))
    if solved is None:
        raise NoSolutionError("the LP with the units as built could not be solved")
    if keep_point:
        write_back(problem, solved[0])
    # A row that the compiler left out (no variables in it) costs nothing to move.
    duals = dict(zip(row, solved[1].tolist(), strict=True))
    return {con: duals.get(id(con), 0.0) for con in members}
