"""The Pyomo model as one sparse matrix, with the hour of each row and column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter
from types import NoneType
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Flags = NDArray[np.bool_]

NO_HOUR = -1


@dataclass(frozen=True)
class Problem:
    """Minimise ``cost @ x + offset`` over ``row_lower <= A x <= row_upper`` and bounds.

    Parameters
    ----------
    matrix : sparse.csr_array, shape (rows, columns)
        The constraint coefficients.
    integer : array of bool, shape (columns,)
        Columns that take whole numbers.
    row_hour, column_hour : array of int
        The hour that a row or column belongs to; ``NO_HOUR`` if to none.
    row_family, column_family : array of int
        Rows (columns) that come from one Pyomo component and differ only in their
        hour have the same number.
    hours : int
        How many there are; 0 where the model has no hours.
    rows, columns : list
        The Pyomo constraints (``None`` where :func:`drop_constraints` took one away)
        and variables.
    unused : list
        Variables that appear in no row and no cost.
    """

    cost: Floats
    offset: float
    matrix: Any
    row_lower: Floats
    row_upper: Floats
    lower: Floats
    upper: Floats
    integer: Flags
    row_hour: Ints
    column_hour: Ints
    row_family: Ints
    column_family: Ints
    hours: int
    rows: list[Any]
    columns: list[Any]
    unused: list[Any]

    @property
    def coefficient_range(self) -> tuple[float, float]:
        """Smallest and largest absolute coefficient in the constraints."""
        size = np.abs(self.matrix.data)
        size = size[size > 0]
        return (float(size.min()), float(size.max())) if size.size else (0.0, 0.0)

    def objective(self, x: Floats) -> float:
        """Return the cost of a point."""
        return float(self.cost @ x) + self.offset

    def broken(self, x: Floats) -> float:
        """Return by how much the worst row or bound is broken at a point.

        Rows are measured against ``1 + |bound|``, as a solver's tolerance is.
        """
        activity = self.matrix @ x
        over_rows = _over(activity, self.row_lower, self.row_upper)
        return max(over_rows, _over(x, self.lower, self.upper), 0.0)


def _over(value: Floats, lower: Floats, upper: Floats) -> float:
    if not value.size:
        return 0.0
    below = (lower - value) / (1 + np.abs(np.where(np.isfinite(lower), lower, 0)))
    above = (value - upper) / (1 + np.abs(np.where(np.isfinite(upper), upper, 0)))
    return float(max(below.max(), above.max()))


def compile_problem(m: Any) -> Problem:
    """Return the matrix form of a linear Pyomo model that minimises.

    Constants are in the right-hand sides, fixed variables too. Variables without a row or a cost are not
    in the matrix; they are kept aside so that they get a value.

    Parameters
    ----------
    m : pyomo.environ.ConcreteModel
        ``m.hours``, where it exists, is the set of hours.

    Returns
    -------
    Problem

    Raises
    ------
    InfeasibleError
        If a constraint without variables does not hold.
    ValueError
        If the model does not have exactly one active objective to minimise.
    """
    import pyomo.environ as pyo
    from pyomo.common.gc_manager import PauseGC

    from energyopt.solve.sums import linear_form

    objectives = list(m.component_data_objects(pyo.Objective, active=True))
    if len(objectives) != 1 or objectives[0].sense != pyo.minimize:
        raise ValueError("the model needs exactly one active objective, to minimise")
    with PauseGC():
        form = linear_form(m)
        rows, columns = form.constraints, form.variables
        column_lower, column_upper, integer = _bounds(columns)
        hours = getattr(m, "hours", None)
        row_hour, row_family = _hours_of(rows, hours)
        column_hour, column_family = _hours_of(columns, hours)
        known = set(map(id, columns))
        unused = [
            v
            for component in m.component_objects(pyo.Var, active=True)
            for v in component.values()
            if id(v) not in known and not v.fixed
        ]
        return Problem(
            cost=form.cost,
            offset=form.offset,
            matrix=form.matrix,
            row_lower=form.lower,
            row_upper=form.upper,
            lower=column_lower,
            upper=column_upper,
            integer=integer,
            row_hour=row_hour,
            column_hour=column_hour,
            row_family=row_family,
            column_family=column_family,
            hours=len(hours) if hours is not None else 0,
            rows=rows,
            columns=columns,
            unused=unused,
        )


def with_new_cost(problem: Problem, m: Any) -> Problem | None:
    """Return a compiled problem whose model was given another objective since.

    It is to the last bit what compiling the whole model again would give. ``None``
    where that would put its columns in another order: then it has to be done.
    """
    from pyomo.common.gc_manager import PauseGC

    from energyopt.solve.sums import cost_form

    with PauseGC():
        met, costs, offset = cost_form(m)
    place = {id(v): i for i, v in enumerate(problem.columns)}
    order = [place[id(v)] for v in met if id(v) in place]
    if order != list(range(len(order))) or any(
        cost and key not in place for key, cost in costs.items()
    ):
        return None
    cost = np.zeros(len(problem.columns))
    for key, coefficient in costs.items():
        if key in place:
            cost[place[key]] = coefficient
    used = (cost != 0) | (np.diff(problem.matrix.tocsc().indptr) > 0)
    return replace(problem, cost=cost, offset=offset) if used.all() else None


def with_new_upper(
    problem: Problem, moved: Mapping[Any, tuple[float, float]]
) -> Problem | None:
    """Return a compiled problem whose rows of some constraints have another upper end.

    Parameters
    ----------
    problem : Problem
        Its list of rows still has those constraints.
    moved : mapping
        Indexed Pyomo constraint -> right side until now, and from now on.

    Returns
    -------
    Problem or None
        ``None`` where a row is not as its old right side says, so that it has more
        constants than that, or was left out.
    """
    place = {id(row): i for i, row in enumerate(problem.rows) if row is not None}
    upper = problem.row_upper.copy()
    for constraint, (old, new) in moved.items():
        for member in constraint.values():
            i = place.get(id(member))
            if i is None or upper[i] != old:
                return None
            upper[i] = new
    return replace(problem, row_upper=upper)


def with_new_bounds(problem: Problem, variables: Iterable[Any]) -> Problem:
    """Return a compiled problem with the bounds that some variables have by now."""
    wanted = {id(v): v for v in variables}
    found = [i for i, v in enumerate(problem.columns) if id(v) in wanted]
    lower, upper = problem.lower.copy(), problem.upper.copy()
    lower[found], upper[found], _ = _bounds([problem.columns[i] for i in found])
    return replace(problem, lower=lower, upper=upper)


def _runs(members: list[Any]) -> Iterator[tuple[Any, slice]]:
    """Yield each component, and where its members stand: side by side, each once."""
    start = 0
    while start < len(members):
        component = members[start].parent_component()
        stop = min(start + len(component), len(members))
        if members[stop - 1].parent_component() is not component:  # not all are there
            stop = next(
                i
                for i in range(start + 1, stop)
                if members[i].parent_component() is not component
            )
        yield component, slice(start, stop)
        start = stop


def _bounds(columns: list[Any]) -> tuple[Floats, Floats, Flags]:
    """Return lower and upper bounds (the domain's included) and which are integer."""
    lower, upper = np.empty(len(columns)), np.empty(len(columns))
    integer = np.zeros(len(columns), dtype=bool)
    start = 0
    for domain, members in groupby(columns, key=attrgetter("domain")):
        alike = list(members)
        v, run = alike[0], slice(start, start + len(alike))
        if not v.is_continuous():
            if not v.is_integer():
                raise ValueError(f"{v.name}: neither continuous nor whole numbers")
            integer[run] = True
        low, high = domain.bounds()
        lower[run] = _numbers([v._lb for v in alike], low, -np.inf, np.maximum)
        upper[run] = _numbers([v._ub for v in alike], high, np.inf, np.minimum)
        start = run.stop
    # A bound like 2.9999999 on a whole number means 3.
    lower[integer] = np.ceil(lower[integer] - 1e-6)
    upper[integer] = np.floor(upper[integer] + 1e-6)
    return lower, upper, integer


def _numbers(
    bounds: list[Any], of_domain: float | None, none: float, tighter: Any
) -> Any:
    """Return the tighter one of each bound and that of the domain."""
    if not set(map(type, bounds)) <= {int, float, NoneType}:  # expressions
        from pyomo.environ import value

        bounds = [bound if bound is None else float(value(bound)) for bound in bounds]
    given = np.array([none if bound is None else bound for bound in bounds])
    return given if of_domain is None else tighter(given, of_domain)


def _hours_of(members: list[Any], hours: Any) -> tuple[Ints, Ints]:
    """Return the hour and the family of each Pyomo variable or constraint."""
    from pyomo.core.base import SortComponents

    hour = np.full(len(members), NO_HOUR, dtype=np.intp)
    family = np.zeros(len(members), dtype=np.intp)
    families: dict[tuple[Any, ...], int] = {}
    first = 0 if hours is None or not len(hours) else hours.first()
    for component, run in _runs(members):
        of: list[tuple[Any, ...]]
        if run.stop - run.start == len(component):
            indices = list(component.keys(SortComponents.deterministic))
        else:
            indices = [member.index() for member in members[run]]
        if hours is None or not _is_hourly(component, hours):
            of = [(id(component), index, None) for index in indices]
        elif isinstance(indices[0], tuple):
            hour[run] = [index[-1] - first for index in indices]
            of = [(id(component), index[:-1]) for index in indices]
        else:
            hour[run] = np.array(indices) - first
            family[run] = families.setdefault((id(component), ()), len(families))
            continue
        family[run] = [families.setdefault(one, len(families)) for one in of]
    return hour, family


def _is_hourly(component: Any, hours: Any) -> bool:
    """Return whether the last member of a component's index set is the set of hours."""
    if not component.is_indexed():
        return False
    return list(component.index_set().subsets())[-1] is hours


def drop_constraints(problem: Problem, m: Any, keep: Iterable[Any]) -> None:
    """Take the constraints of a compiled model out of it, all but a few.

    The matrix says the same, and they are two thirds of the model's memory. The model
    can then be neither compiled nor solved again from its own rows.

    Parameters
    ----------
    problem : Problem
        Of this model; its list of rows keeps those of ``keep`` and has ``None``
        elsewhere.
    m : pyomo.environ.ConcreteModel
        The model.
    keep : iterable
        Pyomo constraints, indexed or not.
    """
    from pyomo.environ import Constraint

    kept = {id(con) for con in keep}
    for component, run in list(_runs(problem.rows)):
        if id(component) not in kept:
            problem.rows[run] = [None] * (run.stop - run.start)
    for con in list(m.component_objects(Constraint)):
        if id(con) not in kept:
            con.parent_block().del_component(con)


def write_back(problem: Problem, x: Floats) -> None:
    """Put a point into the Pyomo variables; whole numbers become exactly whole.

    Variables in no row and no cost get the value within their bounds nearest to 0.
    """
    x = np.clip(x, problem.lower, problem.upper)
    x[problem.integer] = np.round(x[problem.integer])
    x += 0.0  # no negative zeros
    for v, value in zip(problem.columns, x.tolist(), strict=True):
        v.set_value(value, skip_validation=True)
        v.stale = False
    for v in problem.unused:
        low, high = v.bounds
        value = min(
            max(0.0, -np.inf if low is None else low), np.inf if high is None else high
        )
        v.set_value(
            round(value) if not v.is_continuous() else float(value),
            skip_validation=True,
        )
        v.stale = False
