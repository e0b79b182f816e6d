"""Whether the answer is true: every law worked out again in plain numpy.

Nothing here reads the Pyomo model. Each technology recounts its own quantities from
its solved variables; this module adds them up, holds them against the case, and then
trips each element of the plant in each hour of the year.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any

import numpy as np

from energyopt.case import Case
from energyopt.inputs import Inputs
from energyopt.model import (
    all_in_frac,
    annual_frac,
    horizons,
    lost_compute_usd_per_mwh,
)
from energyopt.technologies import Horizon, Recount
from energyopt.technologies.base import Floats
from energyopt.units import KG_PER_T, USD_PER_KUSD

TOLERANCE_MW = 1e-4
TOLERANCE_FRAC = 1e-6
BOTH_WAYS_MW = 1e-3


@dataclass(frozen=True)
class Check:
    """One law, the worst breach found, and the hour it was found in."""

    name: str
    worst: float
    tolerance: float
    hour: int | None = None

    @property
    def passed(self) -> bool:
        """Whether the worst breach is within tolerance; not a number never is."""
        return bool(self.worst <= self.tolerance)


@dataclass(frozen=True)
class Trips:
    """What the loss of one element in each hour of the year sheds."""

    element: str
    hours: int  # in which the element could be lost
    hours_shed: int
    worst_mwh: float
    worst_hour: int | None
    mean_mwh: float


@dataclass(frozen=True)
class Recounted:
    """The plant worked out again: plain arrays and sums."""

    case: Case
    at: Horizon
    technologies: Mapping[str, Recount]
    demand_mw: Floats
    it_mw: Floats
    pue: Floats
    unserved_mw: Floats
    gas_price: Floats
    capital_usd: Mapping[str, float]  # direct, by asset
    cost_usd: Mapping[tuple[str, str], float]  # by asset and category, a year

    def total(self, field: str) -> Floats:
        """Return the sum of a hourly quantity over the technologies, shape (hours,)."""
        parts = (getattr(r, field) for r in self.technologies.values())
        return np.zeros(len(self.demand_mw)) + sum(parts)

    def per_year(self, hourly: Floats) -> Floats:
        """Return the weighted sum over each weather year, shape (years,)."""
        yearly = self.at.weights / self.at.year_share * hourly
        return np.array([yearly[y.start : y.stop].sum() for y in self.at.years])

    def mean_year(self, hourly: Floats) -> float:
        """Return the weighted sum over the average year."""
        return float(self.at.weights @ hourly)


def recount(case: Case, inputs: Inputs, arrays: Mapping[str, Any]) -> Recounted:
    """Return the plant worked out again from the solved variables.

    Parameters
    ----------
    case : Case
        The case that was solved.
    inputs : Inputs
        Its hourly series.
    arrays : mapping
        Technology -> variable -> float or array, and ``"plant"``.

    Returns
    -------
    Recounted
        Every sum that the report prints.
    """
    own = horizons(case, inputs)
    at = inputs.horizon(None)
    found = {
        name: technology.recount(arrays[name], own[name])
        for name, technology in case.technologies.items()
    }
    data = {k: inputs.data[k].values for k in ("demand_mw", "it_mw", "pue")}
    unserved = np.asarray(arrays["plant"]["unserved_mw"], dtype=float)
    gas_price = np.asarray(inputs.data["gas_usd_per_mmbtu"].values, dtype=float)
    burns_gas = any(r.on_gas for r in found.values())
    finance = case.finance

    capital = {name: r.capital_usd for name, r in found.items()}
    capital |= case.site.fixed_capital_usd
    capital["gas_line"] = case.gas.lateral_usd * burns_gas
    cost: dict[tuple[str, str], float] = {
        ("site", "capital"): annual_frac(finance, finance.term_years)
        * sum(case.site.fixed_capital_usd.values()),
        ("gas_line", "capital"): annual_frac(finance, case.gas.lateral_life_yr)
        * capital["gas_line"],
        ("load", "lost_compute"): lost_compute_usd_per_mwh(case, inputs)
        * float(at.weights @ unserved),
    }
    for name, r in found.items():
        life = case.technologies[name].life_yr
        cost[name, "capital"] = annual_frac(finance, life) * r.capital_usd
        cost |= {(name, category): usd for category, usd in r.cost_usd.items()}
        for category, hourly, usd in (
            ("fuel", r.gas_mmbtu, gas_price),
            ("co2_price", r.co2_t, case.prices.co2_usd_per_t),
            ("nox_price", r.nox_kg, case.prices.nox_usd_per_t / KG_PER_T),
            ("water", r.water_m3, case.prices.water_usd_per_m3),
        ):
            if np.any(hourly) and np.any(usd):
                cost[name, category] = float(at.weights @ (hourly * usd))
    return Recounted(
        case=case,
        at=at,
        technologies=found,
        unserved_mw=unserved,
        gas_price=gas_price,
        capital_usd=capital,
        cost_usd=cost,
        **data,
    )


def checks(
    found: Recounted,
    *,
    objective_kusd: float,
    bound_kusd: float,
    cost_usd: Mapping[tuple[str, str], float],
) -> list[Check]:
    """Return every check of a solved plant but the contingency sweep.

    Parameters
    ----------
    found : Recounted
        The plant worked out again.
    objective_kusd, bound_kusd : float
        As the solver states them. [kUSD/yr]
    cost_usd : mapping
        The model's own costs by asset and category. [USD/yr]

    Returns
    -------
    list of Check
        In the order: laws of each technology, plant, limits, money.
    """
    return [
        *_laws(found),
        *_plant(found),
        *_reserve(found),
        *_installed_margin(found),
        *_limits(found),
        *_money(found, objective_kusd, bound_kusd, cost_usd),
    ]


def _worst(name: str, breach: Any, tolerance: float = TOLERANCE_MW) -> Check:
    """Return the check of an array of breaches, positive where a law is broken."""
    values = np.atleast_1d(np.asarray(breach, dtype=float))
    if not len(values):
        return Check(name, 0.0, tolerance)
    if np.isnan(values).any():
        return Check(name, float("nan"), tolerance, int(np.argmax(np.isnan(values))))
    hour = int(np.argmax(values))
    return Check(name, max(float(values[hour]), 0.0), tolerance, hour)


def _laws(found: Recounted) -> list[Check]:
    return [
        _worst(
            f"{name}.{law}",
            breach,
            BOTH_WAYS_MW if law == "both_ways_mw" else TOLERANCE_MW,
        )
        for name, r in found.technologies.items()
        for law, breach in r.broken.items()
    ]


def _plant(found: Recounted) -> list[Check]:
    unserved, demand = found.unserved_mw, found.demand_mw
    to_bus = found.total("net_mw")
    checked = [
        _worst("power_balance_mw", np.abs(to_bus + unserved - demand)),
        _worst("unserved_mw", np.maximum(-unserved, unserved - demand)),
        _worst(
            "standby_only_for_maintenance_mw",
            found.total("standby_import_mw") - found.total("maintenance_mw"),
        ),
    ]
    if not found.case.load.for_sale:
        shed_to_sell = np.minimum(unserved, found.total("export_mw"))
        checked.append(_worst("load_shed_to_export_mw", shed_to_sell))
    most = found.case.gas.lateral_mmbtu_per_h
    if most is not None:
        checked.append(_worst("gas_line_mmbtu", found.total("gas_mmbtu") - most))
    return checked


def _ready_mw(r: Recount, hold_h: float, previous: Any) -> Floats:
    """Return what a store can give at once and hold, shape (hours,). [MW]"""
    assert r.store is not None
    s = r.store
    usable = np.minimum(s.stored_mwh, s.stored_mwh[previous]) - s.floor_mwh
    return np.clip(usable * s.discharge_frac / hold_h, 0, s.power_mw)


def _reserve(found: Recounted) -> list[Check]:
    """Hold what is ready, less each loss, against the whole demand."""
    asked = found.case.contingencies
    if asked is None:
        return []
    at_once, sustained = found.total("at_once_mw"), found.total("sustained_mw")
    for r in found.technologies.values():
        if r.store is not None:
            at_once = at_once + _ready_mw(r, asked.hold_h, found.at.previous)
            sustained = sustained + r.net_mw
    checked = []
    for name, r in found.technologies.items():
        wanted = _counted(found, name)
        if not wanted or r.trip_possible is None:
            continue
        block = r.store.block_mw if r.store is not None else 0.0
        lost = np.broadcast_to(r.trip_at_once_mw + block, at_once.shape)
        hours = r.trip_possible.astype(bool)
        if asked.against == "installed" and (r.units or 0) > 0:
            hours = np.ones_like(hours)
        if not hours.any():
            continue
        short = np.where(hours, found.demand_mw + lost - at_once, 0)
        checked.append(_worst(f"reserve_at_once.{name}_mw", short))
        lost = np.broadcast_to(r.trip_sustained_mw + block, sustained.shape)
        later = np.where(hours, found.demand_mw + lost - sustained, 0)
        checked.append(_worst(f"reserve_sustained.{name}_mw", later))
    units = found.total("synchronous_units")
    checked.append(_worst("synchronous_units", asked.min_synchronous_units - units))
    forming = found.total("grid_forming_mw")
    checked.append(_worst("grid_forming_mw", asked.min_grid_forming_mw - forming))
    swing = sum(r.swing_mw for r in found.technologies.values())
    checked.append(_worst("battery_swing_mw", asked.battery_swing_mw - swing))
    return checked


def _counted(found: Recounted, name: str) -> bool:
    """Whether the case counts the loss of an element of this technology."""
    asked, r = found.case.contingencies, found.technologies[name]
    if asked is None:
        return False
    if r.store is not None:
        return asked.battery_block
    return asked.unit if r.units is not None else asked.grid


def _installed_margin(found: Recounted) -> list[Check]:
    """Take out every combination of whole units that N+k names, one by one."""
    rule = found.case.reliability
    if rule.n_plus is None:
        return []
    sizes = [
        r.unit_at_design_mw
        for r in found.technologies.values()
        if r.units is not None
        for _ in range(r.units)
        if r.unit_at_design_mw is not None
    ]
    firm = sum(sizes) + sum(r.firm_mw for r in found.technologies.values())
    count = min(rule.n_plus + rule.units_in_maintenance, len(sizes))
    largest = sum(sorted(sizes)[len(sizes) - count :])
    kinds = sorted(set(sizes))
    if len(kinds) ** count < 10_000:  # by enumeration where it is short
        most = {k: sizes.count(k) for k in kinds}
        largest = max(
            (
                sum(way)
                for way in combinations_with_replacement(kinds, count)
                if all(way.count(k) <= most[k] for k in set(way))
            ),
            default=0.0,
        )
    left = firm - largest
    return [_worst("installed_margin_mw", found.case.load.facility_mw - left)]


def _limits(found: Recounted) -> list[Check]:
    """Hold each limit against the sums, as a share of the limit."""
    limits = found.case.limits
    served = found.demand_mw - found.unserved_mw
    green = (
        found.total("renewable_mw")
        - found.total("export_mw")
        - found.total("storage_loss_mw")
    )
    short_it = found.unserved_mw / found.pue

    def yearly(hourly: Floats) -> Floats:
        if limits.mean_of_years:
            return np.array([found.mean_year(hourly)])
        return found.per_year(hourly)

    use: dict[str, Any] = {
        "co2_t_per_yr": yearly(found.total("co2_t")),
        "nox_t_per_yr": yearly(found.total("nox_kg")) / KG_PER_T,
        "water_m3_per_yr": yearly(found.total("water_m3")),
        "land_km2": sum(r.land_km2 for r in found.technologies.values()),
        "capital_usd": all_in_frac(found.case.finance)
        * sum(found.capital_usd.values()),
    }
    checked = []
    for name, used in use.items():
        most = getattr(limits, name)
        if most is not None:
            over = (used - most) / max(most, 1.0)
            checked.append(_worst(f"limits.{name}", over, TOLERANCE_FRAC))
    if limits.renewable_share_frac is not None:
        share = yearly(green) / yearly(served)
        short = limits.renewable_share_frac - share
        checked.append(_worst("limits.renewable_share_frac", short, TOLERANCE_FRAC))
    share = 1 - yearly(short_it) / yearly(found.it_mw)
    checked.append(
        _worst("limits.gpu_served_frac", limits.gpu_served_frac - share, TOLERANCE_FRAC)
    )
    return checked


def _money(
    found: Recounted,
    objective_kusd: float,
    bound_kusd: float,
    cost_usd: Mapping[tuple[str, str], float],
) -> list[Check]:
    """Every cost against the model's, their sum against the objective."""
    objective = objective_kusd * USD_PER_KUSD
    scale = max(abs(objective), 1.0)
    apart = [
        abs(found.cost_usd.get(key, 0.0) - cost_usd.get(key, 0.0)) / scale
        for key in {*found.cost_usd, *cost_usd}
    ]
    total = sum(found.cost_usd.values())
    return [
        _worst("cost_by_category", apart, TOLERANCE_FRAC),
        _worst("cost_sum_is_objective", abs(total - objective) / scale, TOLERANCE_FRAC),
        _worst(
            "bound_below_objective",
            (bound_kusd - objective_kusd) * USD_PER_KUSD / scale,
            TOLERANCE_FRAC,
        ),
    ]


def contingency_sweep(found: Recounted) -> list[Trips]:
    """Trip each element in each hour and redispatch the rest through its repair.

    In the hour of the trip the load is carried for the hold time by what is ready
    (online units at full load, sun and wind as they are, the battery within its power
    and stored energy), then by units that can start, and so on for the whole repair.
    The battery recharges from what is left over. Planned unserved load is not
    counted again; fuel and yearly budgets are not held against a contingency.

    Parameters
    ----------
    found : Recounted
        A verified plant.

    Returns
    -------
    list of Trips
        One for each element that the case counts and the plant has.
    """
    asked = found.case.contingencies
    if asked is None:
        return []
    return [
        _trip_everywhere(found, name, r, asked.hold_h)
        for name, r in found.technologies.items()
        if _counted(found, name)
        and r.trip_possible is not None
        and r.trip_possible.any()
    ]


def _trip_everywhere(
    found: Recounted, name: str, tripped: Recount, hold_h: float
) -> Trips:
    """Step through the repair with all 8,760 trips side by side."""
    load = found.demand_mw - found.unserved_mw
    own_now = np.broadcast_to(tripped.at_once_mw, load.shape)
    own_later = np.broadcast_to(tripped.sustained_mw, load.shape)
    now = found.total("at_once_mw") - np.minimum(tripped.trip_at_once_mw, own_now)
    later = found.total("sustained_mw") - np.minimum(
        tripped.trip_sustained_mw, own_later
    )
    stores = _Stores(found, name)
    following = np.empty(len(load), dtype=np.intp)
    following[found.at.previous] = np.arange(len(load))

    hour = np.arange(len(load))
    shed = np.zeros(len(load))
    left_h = tripped.repair_h
    shed += stores.carry(load - now, hold_h)
    span = min(1.0, left_h) - hold_h
    while True:
        if span > 0:
            shed += stores.carry((load - later)[hour], span)
        left_h -= 1
        if left_h <= 0:
            break
        hour = following[hour]
        span = min(1.0, left_h)
    assert tripped.trip_possible is not None
    possible = tripped.trip_possible.astype(bool)
    shed = np.where(possible, shed, 0.0)
    lost = shed > TOLERANCE_MW
    worst = int(np.argmax(shed))
    return Trips(
        element=f"{tripped.trip_name} of {name}",
        hours=int(possible.sum()),
        hours_shed=int(lost.sum()),
        worst_mwh=float(shed[worst]),
        worst_hour=worst if lost.any() else None,
        mean_mwh=float(shed[possible].mean()),
    )


@dataclass
class _Part:
    """One battery after a trip; ``usable_mwh`` moves with the hours."""

    power_mw: float
    room_mwh: float
    usable_mwh: Floats
    charge_frac: float
    discharge_frac: float

    def carry(self, short_mw: Floats, hours: float) -> Floats:
        """Cover a shortage or charge from a surplus; return what is left of it. [MW]"""
        give = np.minimum(self.power_mw, self.usable_mwh * self.discharge_frac / hours)
        given = np.clip(short_mw, 0, np.maximum(give, 0))
        room = self.room_mwh - self.usable_mwh
        take = np.minimum(self.power_mw, room / self.charge_frac / hours)
        taken = np.clip(-short_mw, 0, np.maximum(take, 0))
        self.usable_mwh = (
            self.usable_mwh
            - given * hours / self.discharge_frac
            + taken * hours * self.charge_frac
        )
        return short_mw - given + taken


class _Stores:
    """All batteries after a trip, for every starting hour at once."""

    def __init__(self, found: Recounted, tripped: str) -> None:
        self.parts = []
        for name, r in found.technologies.items():
            if r.store is None or r.store.power_mw <= 0:
                continue
            s = r.store
            kept = 1 - s.block_mw / s.power_mw if name == tripped else 1.0
            usable = s.stored_mwh[found.at.previous] - s.floor_mwh
            self.parts.append(
                _Part(
                    power_mw=s.power_mw * kept,
                    room_mwh=(s.energy_mwh - s.floor_mwh) * kept,
                    usable_mwh=usable * kept,
                    charge_frac=s.charge_frac,
                    discharge_frac=s.discharge_frac,
                )
            )

    def carry(self, short_mw: Floats, hours: float) -> Floats:
        """Cover a shortage, or charge from a surplus; return what is shed. [MWh]"""
        for part in self.parts:
            short_mw = part.carry(short_mw, hours)
        return np.maximum(short_mw, 0) * hours
