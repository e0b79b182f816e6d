"""The reduced year in PyPSA: the same plant as a PyPSA user would write it.

PyPSA has no storage whose converter and energy are sized apart and whose two ways
share one converter, so the battery is a ``Store`` with two ``Link``s, tied together
in ``extra_functionality``; so are the two ways of the grid connection, and the energy
that may be left unserved.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import oracle
import pandas as pd

from energyopt.case import Case


def network(case: Case, s: oracle.Series) -> Any:
    """Return the PyPSA network of a case; costs in thousands of dollars a year."""
    import pypsa

    gas, grid = case.technologies["gas"], case.technologies["grid"]
    battery = case.technologies["battery"]
    co2 = case.prices.co2_usd_per_t
    unit_mw, unit_mmbtu, _ = oracle.at_full_load(
        gas, s.temp_air, s.temp_wet_bulb, s.pressure
    )

    hours = pd.RangeIndex(len(s.demand_mw), name="snapshot")
    n = pypsa.Network()
    n.set_snapshots(hours)
    n.snapshot_weightings.loc[:, :] = np.repeat(s.weight_h[:, None], 3, axis=1)
    # The hours follow each other one by one whatever each weighs in the year's cost.
    n.snapshot_weightings["stores"] = 1.0
    n.add("Bus", ["bus", "battery"])
    n.add("Load", "demand", bus="bus", p_set=pd.Series(s.demand_mw, hours))

    def hourly(values: Any) -> Any:
        return pd.Series(np.broadcast_to(values, len(hours)), hours)

    # One MW of p_nom is one MW of name plate at ISO conditions.
    iso_mw = gas.unit_mw_iso
    rate = unit_mmbtu / unit_mw
    burnt = s.gas_usd_per_mmbtu + co2 * gas.co2_t_per_mmbtu
    by_kw = oracle.yearly_frac(case, gas.life_yr) * gas.capital_usd_per_kw
    n.add(
        "Generator",
        "gas",
        bus="bus",
        p_nom_extendable=True,
        p_nom_min=gas.min_units * iso_mw,
        p_nom_max=gas.max_units * iso_mw,
        p_max_pu=hourly(unit_mw / iso_mw),
        capital_cost=by_kw + gas.om_fixed_usd_per_kw_yr,
        marginal_cost=hourly((gas.om_variable_usd_per_mwh + rate * burnt) / 1000),
    )
    for name in ("solar", "wind"):
        made = case.technologies[name]
        by_kw = oracle.yearly_frac(case, made.life_yr) * made.capital_usd_per_kw
        n.add(
            "Generator",
            name,
            bus="bus",
            p_nom_extendable=True,
            p_nom_max=made.max_mw,
            p_max_pu=hourly(s.share_frac[name]),
            capital_cost=by_kw + made.om_fixed_usd_per_kw_yr,
            marginal_cost=made.om_variable_usd_per_mwh / 1000,
        )
    by_kw = oracle.yearly_frac(case, grid.life_yr) * grid.capital_usd_per_kw
    peaks = oracle.four_peaks(s.power_usd_per_mwh, s.month)
    bought = s.power_usd_per_mwh + grid.delivery_usd_per_mwh + co2 * grid.co2_t_per_mwh
    n.add(
        "Generator",
        "import",
        bus="bus",
        p_nom_extendable=True,
        p_nom_max=grid.max_mw,
        p_max_pu=grid.availability_frac,
        capital_cost=by_kw + grid.connection_usd_per_kw_yr,
        marginal_cost=hourly(
            bought / 1000 + grid.four_cp_usd_per_kw_yr * peaks / s.weight_h
        ),
    )
    n.add(
        "Generator",
        "export",
        bus="bus",
        sign=-1,
        p_nom_extendable=True,
        p_nom_max=grid.max_mw,
        p_max_pu=grid.availability_frac,
        marginal_cost=hourly(
            (grid.export_basis_usd_per_mwh - s.export_usd_per_mwh) / 1000
        ),
    )
    n.add(
        "Generator",
        "unserved",
        bus="bus",
        p_nom=float(s.demand_mw.max()),
        p_max_pu=hourly(s.demand_mw / s.demand_mw.max()),
        marginal_cost=case.load.lost_compute_usd_per_mwh / 1000,
    )
    owed = oracle.yearly_frac(case, battery.life_yr)
    by_kw = owed * battery.capital_usd_per_kw + battery.om_fixed_usd_per_kw_yr
    by_kwh = owed * battery.capital_usd_per_kwh + battery.augmentation_usd_per_kwh_yr
    n.add(
        "Store",
        "battery",
        bus="battery",
        e_nom_extendable=True,
        e_nom_max=battery.max_mwh,
        e_min_pu=battery.floor_frac,
        e_cyclic=True,
        capital_cost=by_kwh,
    )
    n.add(
        "Link",
        "charge",
        bus0="bus",
        bus1="battery",
        p_nom_extendable=True,
        p_nom_max=battery.max_mw,
        efficiency=battery.charge_frac,
        capital_cost=by_kw,
    )
    # Sized with the other way, by ``one_converter``; ``p`` is what leaves the battery.
    n.add(
        "Link",
        "discharge",
        bus0="battery",
        bus1="bus",
        p_nom=battery.max_mw / battery.discharge_frac,
        efficiency=battery.discharge_frac,
        marginal_cost=battery.om_variable_usd_per_mwh * battery.discharge_frac / 1000,
    )
    return n


def tied(case: Case, s: oracle.Series) -> Any:
    """Return PyPSA's ``extra_functionality``: what its components cannot say."""
    battery = case.technologies["battery"]

    def add(n: Any, snapshots: Any) -> None:
        m = n.model
        size, flow = m["Link-p_nom"], m["Link-p"]
        made = m["Generator-p_nom"]
        one_way = battery.discharge_frac * flow.sel(name="discharge")
        one_way += flow.sel(name="charge") - size.sel(name="charge")
        m.add_constraints(one_way <= 0, name="one_converter")
        m.add_constraints(
            made.sel(name="import") == made.sel(name="export"), name="one_connection"
        )
        energy = m["Store-e_nom"].sel(name="battery")
        m.add_constraints(
            energy >= battery.min_hours_h * size.sel(name="charge"), name="least_energy"
        )
        per_it = (s.weight_h / s.pue) * m["Generator-p"].sel(name="unserved")
        lost_it = s.weight_h @ (s.demand_mw / s.pue) * (1 - case.limits.gpu_served_frac)
        m.add_constraints(per_it.sum() <= lost_it, name="served")

    return add


def solve(n: Any, case: Case, s: oracle.Series, options: dict[str, Any]) -> float:
    """Return the optimum [k$/yr]; the results are read back into the network."""
    ended = n.optimize(
        solver_name="highs",
        extra_functionality=tied(case, s),
        include_objective_constant=False,
        log_to_console=False,
        **options,
    )
    assert ended == ("ok", "optimal"), ended
    return float(n.objective)
