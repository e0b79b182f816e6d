"""A solved and verified plant: arrays with units, and how the solve ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr
from pyomo.environ import Var, value

from energyopt.case import Case
from energyopt.inputs import Inputs
from energyopt.model import PlantModel, found_arrays
from energyopt.solve import SolveRecord
from energyopt.units import unit_of
from energyopt.verify import (
    Check,
    Recounted,
    Trips,
    checks,
    contingency_sweep,
    recount,
)


@dataclass(frozen=True)
class Result:
    """Everything that a report is made from."""

    case: Case
    inputs: Inputs
    record: SolveRecord
    arrays: Mapping[str, Mapping[str, Any]]
    meanings: Mapping[str, str]  # "aero/output_mw" -> a sentence
    recounted: Recounted
    checks: list[Check]
    trips: list[Trips]
    shadow_prices: Mapping[str, float] = field(default_factory=dict)
    power_price_usd_per_mwh: Any = None  # marginal, given the units built
    bound_lost_to_online_usd_per_yr: float | None = None  # see energyopt.online

    @property
    def verified(self) -> bool:
        """Whether every check passed and no contingency sheds beyond the allowance."""
        return all(c.passed for c in self.checks) and not self.shed_beyond_allowance

    @property
    def shed_beyond_allowance(self) -> list[Trips]:
        """The elements whose loss sheds more than the case allows."""
        asked = self.case.contingencies
        allowed = asked.shed_allowance_mwh if asked else 0.0
        return [t for t in self.trips if t.worst_mwh > allowed + 1e-3]


def read_result(
    plant: PlantModel,
    record: SolveRecord,
    *,
    shadow_prices: Mapping[str, float] | None = None,
    power_price_usd_per_mwh: Any = None,
) -> Result:
    """Return the result of a solved model, checked in plain numpy.

    Parameters
    ----------
    plant : PlantModel
        With the solution in its variables.
    record : SolveRecord
        How the solve ended.
    shadow_prices : mapping, optional
        Limit -> USD a year per unit of the limit.
    power_price_usd_per_mwh : array, shape (hours,), optional
        Marginal price of power. [USD/MWh]

    Returns
    -------
    Result
        Whether the checks passed is for the caller to ask.
    """
    arrays = found_arrays(plant)
    case, inputs = plant.case, plant.inputs
    recounted = recount(case, inputs, arrays)
    model_cost = {key: float(value(e)) for key, e in plant.m.cost_usd.items()}
    return Result(
        case=case,
        inputs=inputs,
        record=record,
        arrays=arrays,
        meanings=_meanings(plant),
        recounted=recounted,
        checks=checks(
            recounted,
            objective_kusd=record.objective,
            bound_kusd=record.bound,
            cost_usd=model_cost,
        ),
        trips=contingency_sweep(recounted),
        shadow_prices=shadow_prices or {},
        power_price_usd_per_mwh=power_price_usd_per_mwh,
    )


def _meanings(plant: PlantModel) -> dict[str, str]:
    """Return each variable's own sentence, by its path in the results."""
    found = {}
    blocks = {name: plant.m.plant[name] for name in plant.terms} | {"plant": plant.m}
    for name, block in blocks.items():
        for var in block.component_objects(Var, descend_into=False):
            found[f"{name}/{var.local_name}"] = str(var.doc or "")
    return found


_FLOWS = {
    "gas_mmbtu": "Gas burnt, HHV.",
    "co2_t": "CO2 emitted.",
    "nox_kg": "NOx emitted.",
    "water_m3": "Water consumed.",
    "available_mw": "Power available before curtailment.",
    "maintenance_mw": "Power of the units out for maintenance.",
}


def hourly(result: Result) -> xr.Dataset:
    """Return every hourly array of a result, with units and a sentence each.

    Parameters
    ----------
    result : Result
        A solved plant.

    Returns
    -------
    xr.Dataset, dims ("time",)
        Inputs, decisions (``aero/output_mw``) and flows (``aero/gas_mmbtu``).
    """
    data = result.inputs.data
    hours = data.sizes["time"]
    found = data.copy()
    for name, variables in result.arrays.items():
        for variable, values in variables.items():
            if np.shape(values) == (hours,):
                path = f"{name}/{variable}"
                found[path] = _described(values, path, result.meanings.get(path, ""))
    for name, r in result.recounted.technologies.items():
        for flow, meaning in _FLOWS.items():
            values = getattr(r, flow)
            if np.shape(values) == (hours,):
                path = f"{name}/{flow}"
                found[path] = _described(values, path, meaning)
    if result.power_price_usd_per_mwh is not None:
        found["plant/power_price_usd_per_mwh"] = _described(
            result.power_price_usd_per_mwh,
            "power_price_usd_per_mwh",
            "Marginal price of power, given the units built.",
        )
    return found


def decisions(result: Result) -> dict[str, dict[str, Any]]:
    """Return what was decided, but for the hourly arrays: sizes, units, weekly visits.

    With :func:`hourly` it is the whole plan.

    Parameters
    ----------
    result : Result
        A solved plant.

    Returns
    -------
    dict
        Technology -> variable -> number, or list of numbers, one a week.
    """
    hours = result.inputs.data.sizes["time"]
    return {
        name: {
            variable: np.asarray(values, dtype=float).tolist()
            for variable, values in variables.items()
            if np.shape(values) != (hours,)
        }
        for name, variables in result.arrays.items()
    }


def _described(values: Any, path: str, meaning: str) -> xr.DataArray:
    return xr.DataArray(
        np.asarray(values, dtype=float),
        dims="time",
        attrs={"units": unit_of(path), "long_name": meaning or path},
    )
