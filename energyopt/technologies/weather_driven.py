"""What sun and wind have in common: output up to what the hour's weather gives."""

from __future__ import annotations

from typing import Any

import numpy as np
from pyomo.environ import NonNegativeReals, Var, quicksum

from energyopt.technologies.base import (
    Found,
    Horizon,
    PerHour,
    Recount,
    Size,
    Terms,
    by_hour,
)
from energyopt.units import KW_PER_MW


def build_weather_driven(
    tech: Any, b: Any, at: Horizon, *, water_m3_per_mwh: float = 0.0
) -> Terms:
    """Give what the weather gives, or less: ``output <= share * capacity``.

    Parameters
    ----------
    tech : Solar or Wind
        Its bounds and costs.
    b : pyomo.environ.Block
        Where the variables go.
    at : Horizon
        With ``share_frac``, output per installed MW in each hour.
    water_m3_per_mwh : float
        Water consumed. [m3/MWh]

    Returns
    -------
    Terms
        Curtailed power counts as ready: it comes back at once.
    """
    share = at.series["share_frac"]
    b.capacity_mw = Var(
        domain=NonNegativeReals,
        bounds=(tech.min_mw, tech.max_mw),
        doc="Installed power, AC.",
    )
    b.output_mw = Var(
        at.hours,
        domain=NonNegativeReals,
        bounds=(0, tech.max_mw),
        doc="Power to the bus.",
    )

    output_mw = by_hour(b.output_mw)

    @PerHour
    def available_mw(t):
        return share[t] * b.capacity_mw

    @b.Constraint(at.hours)
    def available(b, t):
        return output_mw[t] <= available_mw[t]

    @PerHour
    def water_m3(t):
        return water_m3_per_mwh * output_mw[t]

    return Terms(
        net_mw=output_mw,
        capital_usd=tech.capital_usd_per_kw * KW_PER_MW * b.capacity_mw,
        life_yr=tech.life_yr,
        cost_usd={
            "om_fixed": tech.om_fixed_usd_per_kw_yr * KW_PER_MW * b.capacity_mw,
            "om_variable": tech.om_variable_usd_per_mwh
            * quicksum(at.weight[t] * output_mw[t] for t in at.hours),
        },
        co2_t=None,
        nox_kg=None,
        water_m3=water_m3 if water_m3_per_mwh else None,
        land_km2=tech.land_km2_per_mw * b.capacity_mw,
        renewable_mw=output_mw,
        at_once_mw=available_mw,  # curtailed power comes back at once
        sustained_mw=available_mw,
        firm_mw=tech.firm_credit_frac * b.capacity_mw,
        sizes=(Size(name="capacity_mw", least=tech.min_mw, most=tech.max_mw),),
    )


def recount_weather_driven(
    tech: Any, found: Found, at: Horizon, *, water_m3_per_mwh: float = 0.0
) -> Recount:
    """Hold the output against the weather again, and add up; as the build's arguments."""
    capacity, output = float(found["capacity_mw"]), found["output_mw"]
    available = at.array("share_frac") * capacity
    return Recount(
        broken={
            "available_mw": output - available,
            "not_negative_mw": -output,
            "bounds_mw": np.array([capacity - tech.max_mw, tech.min_mw - capacity]),
        },
        mw=capacity,
        net_mw=output,
        capital_usd=tech.capital_usd_per_kw * KW_PER_MW * capacity,
        cost_usd={
            "om_fixed": tech.om_fixed_usd_per_kw_yr * KW_PER_MW * capacity,
            "om_variable": tech.om_variable_usd_per_mwh * float(at.weights @ output),
        },
        firm_mw=tech.firm_credit_frac * capacity,
        land_km2=tech.land_km2_per_mw * capacity,
        water_m3=water_m3_per_mwh * output,
        renewable_mw=output,
        available_mw=available,
        at_once_mw=available,
        sustained_mw=available,
    )
