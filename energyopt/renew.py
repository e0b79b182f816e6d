"""A built plant under other prices and limits: only what they enter is written anew.

Building a year and reading its matrix takes seconds; most neighbours in a sweep differ in
money or in a yearly limit alone. Money enters costs and nothing else, but for what a
technology says of itself (:meth:`Technology.rows_follow`), and a yearly limit is the
right side of its rows. What comes out is to the last bit what building anew would give.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from pyomo.common.gc_manager import PauseGC

from energyopt.case import Case
from energyopt.errors import InfeasibleError
from energyopt.inputs import Inputs
from energyopt.model import (
    PlantModel,
    add_cost,
    hold_sizes,
    horizons,
    size_variables,
)
from energyopt.solve import recompile_cost, with_bounds, with_upper
from energyopt.technologies import Terms
from energyopt.units import KG_PER_T

if TYPE_CHECKING:
    from energyopt.solve.compile import Problem

MONEY = "usd"
"""In the name of every amount of money, of inputs and of series."""
PRESENTATION = ("name", "title", "finance", "solve")
"""Sections that no row is made from; ``finance`` is money under other names."""
RIGHT_SIDES = {"co2_t_per_yr": 1.0, "nox_t_per_yr": KG_PER_T, "water_m3_per_yr": 1.0}
"""Limits that are the right side of their rows, and that side per unit of the limit."""


class _Standing:
    """A block that is built: its variables are found, and nothing is added to it."""

    def __init__(self, block: Any) -> None:
        self.__dict__["block"] = block

    def __getattr__(self, name: str) -> Any:
        found = self.__dict__[name] = getattr(self.__dict__["block"], name)
        return found

    def __setattr__(self, name: str, component: Any) -> None:
        getattr(self, name)  # is there already

    def Constraint(self, *sets: Any, **said: Any) -> Callable[[Any], None]:  # noqa: N802
        """Leave out a constraint: it is in the matrix."""
        return lambda rule: None

    Expression = Constraint


def renewed(
    plant: PlantModel, compiled: Problem, case: Case, inputs: Inputs
) -> tuple[PlantModel, Problem] | None:
    """Return a built plant, and its matrix, as they are in another case.

    Parameters
    ----------
    plant : PlantModel
        As built, with no needs and at no held sizes. Its model becomes that of the
        other case.
    compiled : Problem
        Its matrix; it stays as it is.
    case, inputs : Case, Inputs
        The other case.

    Returns
    -------
    tuple of PlantModel and Problem, or None
        ``None`` where more differs than money and the yearly limits of
        :data:`RIGHT_SIDES`. The plant is then to be built anew.
    """
    own = {
        name: replace(at, hours=plant.m.hours, weeks=plant.m.weeks)
        for name, at in horizons(case, inputs).items()
    }
    same_rows = (
        _rows_of(plant.case) == _rows_of(case)
        and case.limits.capital_usd is None
        and plant.case.limits.capital_usd is None
        and _same_hours(plant.inputs, inputs)
        and all(
            technology.rows_follow(plant.horizons[name])
            == technology.rows_follow(own[name])
            for name, technology in case.technologies.items()
        )
    )
    matrix = _with_limits(plant, compiled, case) if same_rows else None
    if matrix is None:
        return None
    m = plant.m
    with PauseGC():
        terms: dict[str, Terms] = {
            name: technology.build(_Standing(m.plant[name]), own[name])
            for name, technology in case.technologies.items()
        }
        m.del_component(m.cost)
        m.del_component(m.cost_usd)
        add_cost(m, case, inputs, terms, plant.at)
    found = PlantModel(case, inputs, m, plant.at, own, terms)
    recompiled = recompile_cost(matrix, m)
    return None if recompiled is None else (found, recompiled)


def held_at(
    plant: PlantModel, compiled: Problem, sizes: Mapping[str, Mapping[str, Any]]
) -> tuple[Problem, Callable[[], None]]:
    """Hold a plant at the sizes of another.

    Returns
    -------
    matrix : Problem
        With the narrowed bounds.
    let_go : callable
        Gives the plant its own bounds again.

    Raises
    ------
    InfeasibleError
        If the case does not offer what is to be held; the plant is then as it was.
    """
    before = [(var, var.lb, var.ub) for var in size_variables(plant).values()]

    def let_go() -> None:
        for var, low, high in before:
            var.setlb(low)
            var.setub(high)

    try:
        hold_sizes(plant, sizes)
    except InfeasibleError:
        let_go()
        raise
    return with_bounds(compiled, [var for var, *_ in before]), let_go


def _rows_of(case: Case) -> dict[str, Any]:
    """Return what rows may be made from in a case."""
    said = case.model_dump()
    for name in PRESENTATION:
        said.pop(name)
    for name in RIGHT_SIDES:
        said["limits"][name] = said["limits"][name] is not None
    found = _without_money(said)
    assert isinstance(found, dict)
    return found


def _without_money(said: Any) -> Any:
    if isinstance(said, dict):
        return {
            name: _without_money(each)
            for name, each in said.items()
            if MONEY not in str(name)
        }
    if isinstance(said, list | tuple):
        return [_without_money(each) for each in said]
    return said


def _same_hours(one: Inputs, other: Inputs) -> bool:
    """Whether two inputs differ in money alone."""
    if one is other:
        return True
    if (one.chains, one.years, one.week_of) != (
        other.chains,
        other.years,
        other.week_of,
    ):
        return False
    if _without_money(one.design) != _without_money(other.design):
        return False
    if list(one.data) != list(other.data):
        return False
    series = [name for name in one.data.variables if MONEY not in str(name)]
    return all(
        np.array_equal(one.data[name].values, other.data[name].values)
        for name in series
    )


def _with_limits(plant: PlantModel, compiled: Problem, case: Case) -> Problem | None:
    """Return the matrix with the yearly limits of a case."""
    moved = {}
    for name, unit in RIGHT_SIDES.items():
        old, new = getattr(plant.case.limits, name), getattr(case.limits, name)
        if old != new:
            row = getattr(plant.m, f"limit_{name}", None)
            if row is None:
                return None
            moved[row] = (old * unit, new * unit)
    return with_upper(compiled, moved) if moved else compiled
