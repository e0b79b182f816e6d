"""What else costs about the same, and how far a limit could go: other objectives.

The same model as of the least-cost plant, asked for something else.
"""

from __future__ import annotations

from typing import Any

from energyopt.case import Case
from energyopt.explain import least_value
from energyopt.inputs import Inputs
from energyopt.model import SIZES, aim_at_size, build_model, found_arrays
from energyopt.solve import solve_model

__all__ = ["extreme_sizes", "least_value"]


def extreme_sizes(
    case: Case, inputs: Inputs, name: str, *, most: bool, budget_usd: float
) -> dict[str, dict[str, Any]]:
    """Return a plant with the least, or the most, of a technology within a budget.

    Parameters
    ----------
    case : Case
        Its limits hold here too.
    inputs : Inputs
        Its hourly series.
    name : str
        The technology.
    most : bool
        The most of it, else the least.
    budget_usd : float
        Yearly cost that may not be passed. [USD/yr]

    Returns
    -------
    dict
        Technology -> size variable -> value, to be held and dispatched at least cost.
    """
    plant = build_model(case, inputs)
    aim_at_size(plant, name, most=most, budget_usd=budget_usd)
    spec = case.solve
    solve_model(
        plant.m,
        method=spec.method,
        gap_frac=spec.gap_frac,
        time_limit_s=spec.time_limit_s,
        threads=spec.threads,
        seed=spec.seed,
    )
    arrays = found_arrays(plant)
    return {
        name: {key: found[key] for key in SIZES if key in found}
        for name, found in arrays.items()
        if name in plant.terms
    }
