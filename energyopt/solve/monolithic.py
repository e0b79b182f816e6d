"""The whole problem as one HiGHS model."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from energyopt.errors import InfeasibleError, NoSolutionError
from energyopt.solve.bounds import finite_bounds
from energyopt.solve.compile import Problem
from energyopt.solve.fixed import ROUNDING, solve_fixed
from energyopt.solve.highs import (
    Highs,
    Outcome,
    State,
    has_hipo,
    use_threads,
)
from energyopt.solve.record import Progress, Status, relative_gap
from energyopt.solve.reuse import Kept

Floats = NDArray[np.float64]

SMALL_ROWS = 5_000
LP_GAP = 1e-7
"""Of an LP called optimal; HiGHS's tolerances promise no more."""


@dataclass
class Found:
    """A plant, what no plant can beat, and how the search ended."""

    status: Status
    x: Floats
    objective: float
    bound: float
    options: dict[str, Any]
    messages: list[str] = field(default_factory=list)
    path: list[Progress] = field(default_factory=list)
    kept: Kept | None = None  # for neighbouring problems


def solve_monolithic(
    problem: Problem,
    *,
    gap_frac: float,
    time_limit_s: float,
    threads: int,
    seed: int,
    log_path: Path | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Found:
    """Return the optimum of the whole problem, found by HiGHS in one piece.

    Raises
    ------
    InfeasibleError
        If HiGHS proves that there is no feasible point.
    NoSolutionError
        If it stopped without one, or the problem is unbounded.
    """
    start = time.monotonic()
    use_threads(threads)
    path: list[Progress] = []

    def logged(seconds: float, incumbent: float, bound: float) -> None:
        step = Progress(
            time.monotonic() - start,
            incumbent if abs(incumbent) < 1e30 else np.inf,
            bound if abs(bound) < 1e30 else -np.inf,
            "one model",
        )
        path.append(step)
        if on_progress is not None:
            on_progress(step)

    messages: list[str] = []
    for options in _attempts(problem, gap_frac, threads, seed):
        left_s = time_limit_s - (time.monotonic() - start)
        solver = Highs(options | {"time_limit": max(left_s, 0.01)}, log_path)
        solver.watch(stop, logged)
        _load(solver, problem)
        outcome = solver.run()
        if outcome.state == State.kUnboundedOrInfeasible:
            outcome = _told_apart(solver, problem)
        if outcome.state == State.kInfeasible:
            raise InfeasibleError("no plant meets every limit (proved by the solver)")
        if outcome.state == State.kUnbounded:
            raise NoSolutionError("the cost has no lower bound: a limit is missing")
        if outcome.feasible and not problem.integer.any():
            bound = dual_bound(problem, solver.row_duals())
            outcome = replace(outcome, bound=bound)
        stopped = outcome.state in (State.kTimeLimit, State.kInterrupt)
        proven = _proven(outcome, problem, gap_frac)
        whole_point = outcome.feasible and problem.integer.any()
        if stopped or proven or whole_point:
            break
        messages.append(
            f"HiGHS ended with {outcome.name} and a bound of {outcome.bound:.9g}; "
            "solved again by another method"
        )
    if not outcome.feasible:
        raise NoSolutionError(f"HiGHS ended with {outcome.name} and without a solution")

    x = _rounded(problem, solver.values(), messages)
    objective = problem.objective(x)
    bound = min(outcome.bound, objective)
    path.append(Progress(time.monotonic() - start, objective, bound, "one model"))
    status: Status = "limit"
    if proven or relative_gap(objective, bound) <= gap_frac:
        status = "optimal"
    elif outcome.state == State.kInterrupt:
        status = "interrupted"
    return Found(status, x, objective, bound, solver.options, messages, path)


def _proven(outcome: Outcome, problem: Problem, gap_frac: float) -> bool:
    """Return whether HiGHS says optimal and, of an LP, the duals say so too."""
    if problem.integer.any():
        return outcome.optimal
    gap = relative_gap(outcome.objective, outcome.bound)
    return outcome.optimal and gap <= max(gap_frac, LP_GAP)


def dual_bound(problem: Problem, duals: Floats) -> float:
    """Return the cost that no point of an LP can beat, by its row duals alone.

    For any ``y``: ``y @ b + sum(min(d * lower, d * upper))``, ``d = c - A'y``, with
    the side of each row that its dual's sign asks for. Nothing that the solver says
    of its own tolerances enters. Columns without a bound get the one that follows
    from the rows.

    Parameters
    ----------
    problem : Problem
        Its whole numbers are taken as continuous.
    duals : array, shape (rows,)
        As good as they are: worse ones give a lower bound. [k$ per unit of the row]

    Returns
    -------
    float
        ``-inf`` where a column that nothing bounds has a reduced cost. [k$/yr]
    """
    side = np.where(duals > 0, problem.row_lower, problem.row_upper)
    y = np.where(np.isfinite(side), duals, 0.0)
    reduced = problem.cost - problem.matrix.T @ y
    lower, upper, stand_in = finite_bounds(problem)
    # What cancels to nothing in double precision has no direction.
    rounding = 1e-12 * (np.abs(problem.cost) + abs(problem.matrix).T @ np.abs(y))
    own = np.where(reduced > 0, problem.lower, problem.upper)
    unbounded = stand_in & ~np.isfinite(own)
    if (np.abs(reduced[unbounded]) > rounding[unbounded] + 1e-12).any():
        return -np.inf
    reduced[unbounded] = 0.0
    nearest = np.where(reduced > 0, lower, upper)
    used = y != 0
    return float(y[used] @ side[used] + reduced @ nearest + problem.offset)


def _attempts(
    problem: Problem, gap_frac: float, threads: int, seed: int
) -> list[dict[str, Any]]:
    """Return option sets in the order in which they are tried."""
    common: dict[str, Any] = {"threads": threads, "random_seed": seed}
    large = len(problem.rows) > SMALL_ROWS and has_hipo()
    if problem.integer.any():
        common |= {
            "mip_rel_gap": gap_frac,
            "mip_abs_gap": 1e-6,
            "mip_min_logging_interval": 1.0,
        }
        first = {"mip_lp_solver": "hipo"} if large else {}
        return [common | first, common | {"presolve": "off"}]
    first = {"solver": "hipo"} if large else {"solver": "choose"}
    return [common | first, common | {"solver": "simplex"}]


def _load(solver: Highs, problem: Problem) -> None:
    solver.load(
        problem.cost,
        problem.matrix,
        problem.row_lower,
        problem.row_upper,
        problem.lower,
        problem.upper,
        problem.integer,
        problem.offset,
    )


def _told_apart(solver: Highs, problem: Problem) -> Outcome:
    """Return the outcome without a cost: infeasible, or else the cost is unbounded."""
    plain = Highs(solver.options)
    plain.load(
        0 * problem.cost,
        problem.matrix,
        problem.row_lower,
        problem.row_upper,
        problem.lower,
        problem.upper,
        problem.integer,
    )
    outcome = plain.run()
    if outcome.feasible:
        return Outcome(State.kUnbounded, False, -np.inf, -np.inf)
    return outcome


def _rounded(problem: Problem, x: Floats, messages: list[str]) -> Floats:
    """Return the point with exactly whole numbers, the rest solved again if need be."""
    x = np.clip(x, problem.lower, problem.upper)
    whole = problem.integer
    if not whole.any():
        return x
    exact = x.copy()
    exact[whole] = np.round(x[whole])
    if problem.broken(exact) <= max(ROUNDING, 1.01 * problem.broken(x)):
        return exact
    solved = solve_fixed(problem, exact)
    if solved is None:
        messages.append("whole numbers hold to the solver's tolerance only")
        return x
    return solved[0]
