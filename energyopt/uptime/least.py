"""The least energy that outages leave unserved, whatever the operation: no sampling.

Elements by themselves: hours in which one common cause is out and no other. Then all
else is taken to be in order, stores full and without a loss when it begins, and every
unit able to run; so no plant of these sizes, however run, loses less on average in the
sampled years. Beside it, hours without any common cause, in which units and the grid
are out independently: the exact table, with the batteries' power always there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from energyopt.units import HOURS_PER_YEAR
from energyopt.uptime.elements import COMMON, Effect, Plan
from energyopt.uptime.histories import Element
from energyopt.uptime.table import Units, adequacy

Floats = NDArray[np.float64]

UNITS = "units and grid"
WORDS = {
    Effect.YARD: "switchyard",
    Effect.GAS: "gas line",
    Effect.COLD: "cold spell",
}
_LONGEST = 10  # mean lengths, after which an outage is taken to have ended
_MOST_STATES = 20_000  # of a table whose units follow their own temperature curves


@dataclass(frozen=True)
class Slope:
    """What a little more would save, of GPU energy lost. One weather year, by hour."""

    power: Floats  # of a MW in the hour [MWh/yr]
    stored: float  # of a MWh in store [MWh/yr]
    rate: float  # of a MW of the stores' power [MWh/yr]


@dataclass(frozen=True)
class Least:
    """Least GPU energy lost by cause, and the slope of its convex part.

    ``lost_mwh`` has the switchyard, gas line, cold spells and units with the grid, each
    in the hours in which no other common cause is out. [MWh/yr]
    """

    lost_mwh: Mapping[str, float]
    slopes: tuple[Slope, ...]  # of gas line and cold spells, one a weather year

    @property
    def total_mwh(self) -> float:
        """Least GPU energy lost. [MWh/yr]"""
        return sum(self.lost_mwh.values())

    @property
    def of_stores_mwh(self) -> float:
        """The part that the slopes belong to. [MWh/yr]"""
        return self.lost_mwh[WORDS[Effect.GAS]] + self.lost_mwh[WORDS[Effect.COLD]]


def least_lost(plans: Sequence[Plan], *, units: bool = True) -> Least:
    """Return what outages take at least from a plant.

    Parameters
    ----------
    plans : sequence of Plan
        One a weather year; only sizes, weather and load of them are read.
    units : bool
        Whether outages of units and the grid are counted too.

    Returns
    -------
    Least
    """
    lost = dict.fromkeys([*WORDS.values(), UNITS], 0.0)
    slopes = []
    for plan in plans:
        common = {
            Effect(int(x)): e
            for e, x in zip(plan.elements, plan.effect, strict=True)
            if x in COMMON and e.rate_per_yr > 0
        }
        up = {x: 1 - e.unavailability_frac() for x, e in common.items()}
        alone = {x: float(np.prod([u for y, u in up.items() if y != x])) for x in up}
        slope = Slope(np.zeros(plan.hours), 0.0, 0.0)
        for x, element in common.items():
            if x == Effect.YARD:
                part = element.unavailability_frac() * _demand(plan)
            else:
                part, own = _by_event(plan, x, element)
                slope = Slope(
                    slope.power + alone[x] * own.power,
                    slope.stored + alone[x] * own.stored,
                    slope.rate + alone[x] * own.rate,
                )
            lost[WORDS[x]] += plan.year_share * alone[x] * part
        slopes.append(slope)
        if units:
            every = float(np.prod(list(up.values())))
            lost[UNITS] += plan.year_share * every * _by_units(plan)
    return Least(lost, tuple(slopes))


def _demand(plan: Plan) -> float:
    """Return GPU energy asked for. [MWh/yr]"""
    return float(plan.weight @ (plan.load_mw / plan.pue))


def _reach(plan: Plan, x: Effect) -> tuple[Floats, float, float, float]:
    """Return what is missing in each hour of an outage, and what stores hold against it.

    The second is the stores' energy and the third their power, the fourth what
    deliveries bring in an hour. [MW], [MWh], [MW], [MW]
    """
    m, o = plan.machines, plan.outages
    cold = x == Effect.COLD
    most = (
        m.unit_mw * m.units * np.where(m.on_gas & cold, 1 - o.cold_spell_units_frac, 1)
    )
    gas = (most * m.on_gas).sum(axis=1)
    peak = float(plan.load_mw.max())  # no plan makes more power from gas
    left = (
        (1 - o.cold_spell_gas_frac) * peak if cold and o.cold_spell_gas_frac else np.inf
    )
    gas = np.minimum(gas, left) if cold else np.zeros(plan.hours)
    link_mw = 0.0
    if plan.link is not None:
        link_mw = plan.link.size_mw * (1 - o.cold_spell_grid_frac * cold)
    other = (most * ~m.on_gas).sum(axis=1) + plan.sun_wind_mw + link_mw
    held = sum((b.full_mwh - b.floor_mwh) * b.discharge_frac for b in plan.batteries)
    power = sum(b.power_mw for b in plan.batteries)
    refill = 0.0
    if plan.stock is not None and m.dual_fuel.any():
        held += plan.stock.full_mwh
        power += float((most * m.dual_fuel).sum(axis=1).max())
        refill = plan.stock.refill_mw
    return plan.load_mw - gas - other, held, power, refill


@dataclass(frozen=True)
class _Step:
    """One hour of all paths."""

    hour: NDArray[np.int64]
    chance: Floats  # times its weight, over PUE
    short: NDArray[np.bool_]
    starved: NDArray[np.bool_]  # short for want of stored energy
    spills: NDArray[np.bool_]


def _by_event(plan: Plan, x: Effect, element: Element) -> tuple[float, Slope]:
    """Follow an outage from each hour in which it may begin, store by store.

    An outage that begins in hour s takes the hours s + 1, s + 2, ... whole, as long as
    it lasts to their end. Stores serve what they can as early as they can: that loses
    least, since a later hour is less likely to be reached. What is left over refills
    them.
    """
    missing, held, power, refill = _reach(plan, x)
    start, begun = _starts(plan, x, element)
    steps = int(min(_LONGEST * element.repair_h, plan.hours)) + 1
    first, last = int(start[0]) + 1, min(int(start[-1]) + steps, plan.hours)
    weight = plan.weight / float(plan.pue[first:last].max())
    stored = np.full(len(start), held)
    path, lost = [], 0.0
    for k in range(1, steps):
        inside = start + k < plan.hours
        hour = np.where(inside, start + k, 0)
        chance = begun * np.exp(-(k + 1) / element.repair_h) * inside * weight[hour]
        stored = np.where(plan.restart[hour], held, stored)
        lack = np.maximum(missing[hour], 0)
        asked = np.minimum(lack, power)
        give = np.minimum(asked, stored + refill)
        after = stored - give + np.maximum(-missing[hour], 0) + refill
        lost += float(chance @ (lack - give))
        short = lack - give > 1e-9
        path.append(_Step(hour, chance, short, asked - give > 1e-9, after > held))
        stored = np.minimum(after, held)
    return lost, _worth(plan, path)


def _starts(
    plan: Plan, x: Effect, element: Element
) -> tuple[NDArray[np.int64], Floats]:
    """Return hours in which an outage may begin, and how often it does, a year.

    The first stands for a year that begins with it out: it begins the hour before.
    """
    start = plan.cold_hours if x == Effect.COLD else np.arange(plan.hours)
    if not len(start):  # months that the plan has not: as the sampler takes them
        start = np.arange(plan.hours)
    out_frac = element.unavailability_frac()
    often = element.rate_per_yr / HOURS_PER_YEAR * (1 - out_frac) * plan.hours
    begun = np.full(len(start) + 1, often / len(start))
    begun[0] = out_frac
    return np.concatenate([[start[0] - 1], start]), begun


def _worth(plan: Plan, path: list[_Step]) -> Slope:
    """Go back along the paths of :func:`_by_event`: what a little more would save.

    A MWh more is worth the first shortage for want of energy that it reaches; nothing
    if the stores overflow before, when larger ones would have kept it.
    """
    by_hour, stored, rate = np.zeros(plan.hours), 0.0, 0.0
    later = np.zeros(len(path[0].chance) if path else 0)
    for step in reversed(path):
        larger = step.spills & ~step.short
        stored += float(later[larger].sum())
        later = np.where(larger, 0.0, later)
        held_up = step.short & ~step.starved
        rate += float(np.maximum(step.chance - later, 0.0)[held_up].sum())
        now = np.where(step.short, step.chance, later)
        by_hour += np.bincount(step.hour, weights=now, minlength=plan.hours)
        later = np.where(step.starved, step.chance, later)
        fresh = plan.restart[step.hour]
        stored += float(later[fresh].sum())
        later = np.where(fresh, 0.0, later)
    return Slope(by_hour, stored + float(later.sum()), rate)


def _by_units(plan: Plan) -> float:
    """Return GPU energy lost where units and grid are out independently. [MWh/yr]"""
    m = plan.machines
    link = plan.link
    battery_mw = sum(b.power_mw for b in plan.batteries)
    load = np.maximum(plan.load_mw - plan.sun_wind_mw - battery_mw, 0.0)
    unit_mw = m.unit_mw
    if np.prod(m.units + 1.0) > _MOST_STATES:  # at its best all year long
        unit_mw = np.broadcast_to(m.unit_mw.max(axis=0), m.unit_mw.shape)
    groups = []
    for k, name in enumerate(m.names):
        out = _unavailable(plan, f"{name} 1")
        loss = float(m.derated_loss_frac[k])
        derated = _unavailable(plan, f"{name} 1 derated")
        groups.append(
            Units(unit_mw[:, k], int(m.units[k]), out, 1 - loss, derated * (1 - out))
        )
    if link is not None:
        groups.append(Units(link.size_mw, 1, _unavailable(plan, "grid")))
    if not groups:
        return float(plan.weight @ (load / plan.pue))
    return float(plan.weight @ (adequacy(groups, load).unserved_mwh / plan.pue))


def _unavailable(plan: Plan, name: str) -> float:
    """Return the share of time that an element is out, if there is one."""
    for element in plan.elements:
        if element.name == name and element.rate_per_yr > 0:
            return element.unavailability_frac()
    return 0.0
