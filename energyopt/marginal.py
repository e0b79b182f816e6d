"""Shadow prices: what one more unit of a limit, or of power, is worth.

From the LP of the solved plant with every whole number kept: marginal given the units
built, committed and maintained as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from energyopt.model import PlantModel
from energyopt.solve import solve_fixed_lp
from energyopt.technologies.base import Floats
from energyopt.units import KG_PER_T, USD_PER_KUSD

if TYPE_CHECKING:
    from energyopt.solve.compile import Problem

_PER_UNIT = {"nox_t_per_yr": KG_PER_T, "capital_usd": 1e-6}
"""Units of a limit's row per unit of the limit in the case, where it is not one."""


def marginal_prices(
    plant: PlantModel, compiled: Problem | None = None, *, keep_point: bool = False
) -> tuple[dict[str, float], Floats]:
    """Return the worth of each limit and of power in each hour.

    Parameters
    ----------
    plant : PlantModel
        Solved.
    compiled : Problem, optional
        The matrix that was solved; without it, it is made again.
    keep_point : bool
        Whether the plant takes the sizes and dispatch that these prices belong to:
        the best with its whole numbers.

    Returns
    -------
    limits : dict of str to float
        ``limits.NAME`` -> yearly dollars saved if the limit gave way by one unit of
        the case; zero where it does not bind. A fraction's unit is one percent point.
    power : array, shape (hours,)
        What one more MWh of demand costs in each hour. [USD/MWh]
    """
    m, rows = plant.m, _limit_rows(plant)
    dual = solve_fixed_lp(
        m, priced_constraints(plant), compiled=compiled, keep_point=keep_point
    )
    power = np.array(
        [dual[m.power_balance[t]] * USD_PER_KUSD / plant.at.weight[t] for t in m.hours]
    )
    worth = {
        f"limits.{name}": -USD_PER_KUSD
        * _row_units(plant, name)
        * sum(dual[row] for row in constraint.values())
        for name, constraint in rows.items()
    }
    return worth, power


def priced_constraints(plant: PlantModel) -> list[Any]:
    """Return the Pyomo constraints that have a price: the balance and the limits."""
    return [plant.m.power_balance, *_limit_rows(plant).values()]


def _limit_rows(plant: PlantModel) -> dict[str, Any]:
    return {
        name.removeprefix("limit_"): constraint
        for name, constraint in plant.m.component_map().items()
        if name.startswith("limit_")
    }


def _row_units(plant: PlantModel, name: str) -> float:
    """Return by how much a row's right side moves per unit of the limit."""
    if name == "gpu_served_frac":
        return 0.01 * float(np.dot(plant.at.weight, plant.m.it_mw))
    if name == "renewable_share_frac":
        return 0.01 * float(np.dot(plant.at.weight, plant.m.demand_mw))
    return _PER_UNIT.get(name, 1.0)


def power_price_statistics(power: Any) -> dict[str, float]:
    """Return mean, least and greatest marginal price of power. [USD/MWh]"""
    return {
        "mean_usd_per_mwh": float(np.mean(power)),
        "least_usd_per_mwh": float(np.min(power)),
        "greatest_usd_per_mwh": float(np.max(power)),
    }
