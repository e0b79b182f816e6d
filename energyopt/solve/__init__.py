"""Solve a Pyomo model with HiGHS: whole, or by the structure of its hours.

The only package that knows HiGHS; it knows nothing of technologies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from energyopt.solve.record import Method, Progress, SolveRecord

if TYPE_CHECKING:
    from energyopt.solve.compile import Problem
    from energyopt.solve.reuse import Kept

__all__ = [
    "Progress",
    "SolveRecord",
    "at_point",
    "compile_model",
    "cost_of_keeping",
    "recompile_cost",
    "self_test",
    "solve_fixed_lp",
    "solve_model",
    "with_bounds",
    "with_upper",
]


def compile_model(m: Any, *, keep: Iterable[Any] | None = None) -> Problem:
    """Return a model as the matrix that HiGHS is given.

    It takes seconds for a year of hours: hand it to :func:`solve_model` and
    :func:`solve_fixed_lp` to have it done once. It is the model's as long as nothing
    in it is changed or fixed; the values of its variables may change.

    Parameters
    ----------
    m : pyomo.environ.ConcreteModel
        Linear, with one objective to minimise.
    keep : iterable, optional
        Pyomo constraints. All others are then taken out of the model, and with them
        two thirds of its memory: the matrix says the same. By default all stay.

    Returns
    -------
    Problem

    Raises
    ------
    InfeasibleError
        If a constraint without variables does not hold.
    """
    from energyopt.solve.compile import compile_problem, drop_constraints

    problem = compile_problem(m)
    if keep is not None:
        drop_constraints(problem, m, keep)
    return problem


def recompile_cost(problem: Problem, m: Any) -> Problem | None:
    """Return a compiled model that was given another objective since, and no more.

    ``None`` where the whole has to be compiled again.
    """
    from energyopt.solve.compile import with_new_cost

    return with_new_cost(problem, m)


def with_upper(
    problem: Problem, moved: Mapping[Any, tuple[float, float]]
) -> Problem | None:
    """Return a compiled model with other right sides of some constraints.

    Parameters
    ----------
    problem : Problem
        Of a model in which those constraints were kept.
    moved : mapping
        Indexed Pyomo constraint of the form ``sum <= number`` -> that number until now,
        and from now on.

    Returns
    -------
    Problem or None
        ``None`` where the whole has to be compiled again.
    """
    from energyopt.solve.compile import with_new_upper

    return with_new_upper(problem, moved)


def with_bounds(problem: Problem, variables: Iterable[Any]) -> Problem:
    """Return a compiled model with the bounds that some variables have by now."""
    from energyopt.solve.compile import with_new_bounds

    return with_new_bounds(problem, variables)


def solve_model(
    m: Any,
    *,
    compiled: Problem | None = None,
    method: Method = "auto",
    gap_frac: float = 1e-3,
    time_limit_s: float = 600.0,
    threads: int = 0,
    seed: int = 0,
    log_path: Path | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    stop: Callable[[], bool] | None = None,
    before: Kept | None = None,
    keep: bool = False,
) -> SolveRecord:
    """Minimise the model's cost and put the plant into its variables.

    Parameters
    ----------
    m : pyomo.environ.ConcreteModel
        Linear, with one objective to minimise. What is indexed by ``m.hours``, or
        by a product of sets that ends with it, belongs to that hour.
    compiled : Problem, optional
        What :func:`compile_model` made of it; without it, that is done here.
    method : str
        ``monolithic``: one HiGHS model. ``decomposed``: by periods of hours.
        ``auto``: the second for large hourly models.
    gap_frac : float
        Proven gap at which to stop. [1]
    time_limit_s : float
        After it the best plant so far is taken; where the search by periods has none
        yet, 15 s more (or a quarter of the time it had) go into finding any. [s]
    threads : int
        0: as many as there are cores.
    seed : int
        HiGHS's random seed.
    log_path : Path, optional
        Log lines are appended there.
    on_progress : callable, optional
        Called with each :class:`Progress`.
    stop : callable, optional
        Asked now and then; once true, it is as if time were up.
    before : Kept, optional
        What a neighbouring case's solve left; it is used where the model is of the
        same structure and solved by periods.
    keep : bool
        Whether the record is to carry the same for others.

    Returns
    -------
    SolveRecord

    Raises
    ------
    InfeasibleError
        If no point meets every constraint.
    NoSolutionError
        If a limit or a failure ended the search before a plant was found.
    """
    from energyopt.solve.choose import solve

    return solve(
        m,
        compiled,
        method,
        gap_frac,
        time_limit_s,
        threads,
        seed,
        log_path,
        on_progress,
        stop,
        before,
        keep,
    )


def at_point(record: SolveRecord, compiled: Problem) -> SolveRecord:
    """Return the record of a solve as it is for what the variables hold now.

    Parameters
    ----------
    record : SolveRecord
        Its bound stays as it was proven.
    compiled : Problem
        Of the model, whose variables hold a plant that is no dearer.
    """
    from energyopt.solve.choose import at_point

    return at_point(record, compiled)


def solve_fixed_lp(
    m: Any,
    constraints: Iterable[Any],
    *,
    compiled: Problem | None = None,
    keep_point: bool = False,
) -> dict[Any, float]:
    """Return the duals of constraints with every whole number kept as it is.

    Parameters
    ----------
    m : pyomo.environ.ConcreteModel
        Solved: its variables have values.
    constraints : iterable
        Pyomo constraints, indexed or not, or members of them.
    compiled : Problem, optional
        What :func:`compile_model` made of it; without it, that is done here.
    keep_point : bool
        Whether the LP's own point, which is no dearer, takes the place of the values
        of the variables. Without it they are left as they are.

    Returns
    -------
    dict
        Constraint member -> change of the yearly cost per unit of its right-hand
        side; at most 0 where a ``<=`` binds. [k$ per unit]

    Raises
    ------
    NoSolutionError
        If the LP with these whole numbers could not be solved.
    """
    from energyopt.solve.choose import fixed_duals

    return fixed_duals(m, compiled, constraints, keep_point)


def cost_of_keeping(variables: Iterable[Any], compiled: Problem) -> float | None:
    """Return by how much the relaxed hours of a plant are dearer with some as they are.

    Sizes, and all else that belongs to no hour, stay as they are. The hours are settled
    twice with nothing whole in them: with everything free, and with ``variables`` kept.

    Parameters
    ----------
    variables : iterable
        Members of Pyomo variables of the hours, of a solved model.
    compiled : Problem
        Of that model.

    Returns
    -------
    float or None
        ``None`` if it was not found within its time. [k$/yr]
    """
    from energyopt.solve.choose import kept_cost

    return kept_cost(variables, compiled)


def self_test() -> list[str]:
    """Return what is wrong with the installed HiGHS; empty if nothing is."""
    from energyopt.solve.known import faults

    return faults()
