"""Who carries the load between two moments in which nothing changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from energyopt.uptime.elements import Plan
from energyopt.uptime.state import State

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_NOTHING_MWH = 1e-9


@dataclass(frozen=True)
class Flows:
    """What happened in n years over a span of an hour; arrays of shape (n,)."""

    span_h: Floats
    short_mw: Floats
    units_mw: Floats  # that could be given by units with their fuel
    link_mw: Floats
    stock_mw: Floats
    discharge_mw: Floats
    charge_mw: Floats
    battery_mw: Floats  # that could be discharged


def unit_power(
    plan: Plan, hour: int, units: Floats, cold: Ints, gas_out: Ints
) -> tuple[Floats, Floats]:
    """Return what units can give with the gas that comes, and more from a stock.

    Parameters
    ----------
    plan : Plan
        The plant.
    hour : int
        The hour.
    units : array, shape (n, T)
        Units online of each type, less those parts of them that are derated.
    cold, gas_out : array of int, shape (n,)
        Cold spells and curtailments under way.

    Returns
    -------
    array, array, shape (n,)
        Power from gas (and from units that burn none); further power of dual-fuel
        units, were there a stock. [MW]
    """
    m, o = plan.machines, plan.outages
    each = m.unit_mw[hour] * units
    total: Floats = each.sum(axis=1)
    more = np.zeros(len(total))
    struck = np.flatnonzero((cold > 0) | (gas_out > 0))
    if len(struck):
        is_cold = cold[struck] > 0
        each = each[struck] * np.where(
            is_cold[:, None] & m.on_gas, 1 - o.cold_spell_units_frac, 1.0
        )
        left = np.where(is_cold, 1 - o.cold_spell_gas_frac, 1.0)
        left = np.where(gas_out[struck] > 0, 0.0, left)
        gas_mw = (each * m.on_gas).sum(axis=1)
        limit = np.where(left < 1, left * plan.gas_most_mw, np.inf)
        burnt = np.minimum(gas_mw, limit)
        total[struck] = each.sum(axis=1) - gas_mw + burnt
        dual = (each * (m.on_gas & m.dual_fuel)).sum(axis=1)
        more[struck] = np.minimum(dual, gas_mw - burnt)
    return total, more


def link_power(plan: Plan, out: Ints, cold: Ints) -> Floats:
    """Return what the connection could carry if it were switched in, (n,). [MW]"""
    if plan.link is None:
        return np.zeros(len(out))
    left = np.where(cold > 0, 1 - plan.outages.cold_spell_grid_frac, 1.0)
    return np.where(out > 0, 0.0, plan.link.size_mw * left)


def run(state: State, hour: int, rows: Ints, now_h: Floats, until_h: Floats) -> Flows:
    """Run years up to the next change, or until a battery or a stock is empty.

    Units online at full load and what sun and wind give carry the load first, then the
    grid where it is switched in, then stored fuel, then batteries within their power
    and energy; the rest is short. From what is left over, batteries go back to where
    the plan has them, never beyond.

    Parameters
    ----------
    state : State
        Stored energy in it moves on.
    hour : int
        The hour.
    rows : array of int, shape (n,)
        Years.
    now_h, until_h : array, shape (n,)
        From, and at most until. [h]

    Returns
    -------
    Flows
        Their span ends earlier where something ran empty.
    """
    p, s = state.plan, state
    load = p.load_mw[hour]
    units = np.maximum(s.online[rows] - s.derated[rows], 0)
    from_gas, more = unit_power(p, hour, units, s.cold[rows], s.gas_out[rows])
    need = load - from_gas - p.sun_wind_mw[hour]
    size = link_power(p, s.link_out[rows], s.cold[rows])
    if p.link is not None:
        there = now_h >= s.link_from_h[rows]
        size = np.where(there, size, np.minimum(size, p.link.at_once_mw))
    link = np.clip(need, 0, size)
    left = np.maximum(need - link, 0)
    yard = s.yard_out[rows] > 0
    span = until_h - now_h
    stock, span = _from_stock(
        state, rows, np.where(yard, 0, np.minimum(more, left)), span
    )
    left = left - stock
    gives = []
    for b, battery in enumerate(p.batteries):
        part = 1 - s.blocks_out[rows, b] / battery.blocks
        usable = (s.stored_mwh[rows, b] - battery.floor_mwh) * part
        power = np.where(usable > _NOTHING_MWH, battery.power_mw * part, 0.0)
        give = np.where(yard, 0, np.minimum(power, left))
        left = left - give
        lasts = usable * battery.discharge_frac / np.maximum(give, 1e-12)
        span = np.where(give > 0, np.minimum(span, lasts), span)
        gives.append((give, power, part))
    short = np.where(yard, load, np.where(left > 1e-9, left, 0.0))
    over = np.where(short + yard > 0, 0.0, np.maximum(-need, 0) + size - link)
    over = np.where(stock > 0, 0.0, over)
    discharge, charge, able = (np.zeros(len(rows)) for _ in range(3))
    for b, (give, power, part) in enumerate(gives):
        out, into = _back_to_plan(state, hour, rows, b, give, part, over, now_h, span)
        out = np.where(yard, 0.0, out)
        over = over - into
        discharge, charge, able = discharge + out, charge + into, able + power
    if p.stock is not None:
        filled = s.stock_mwh[rows] + (p.stock.refill_mw - stock) * span
        s.stock_mwh[rows] = np.clip(filled, 0, p.stock.full_mwh)
    link = np.where(yard, 0, np.minimum(link + _from_link(need, charge), size))
    return Flows(span, short, from_gas, link, stock, discharge, charge, able)


def _from_link(need: Floats, charge: Floats) -> Floats:
    """Return the charging that units, sun and wind have nothing left over for."""
    return np.maximum(charge - np.maximum(-need, 0), 0)


def _from_stock(
    state: State, rows: Ints, want: Floats, span: Floats
) -> tuple[Floats, Floats]:
    """Burn stored fuel; return its power and the span for which it lasts."""
    stock = state.plan.stock
    if stock is None or not want.any():
        return np.zeros(len(rows)), span
    held = state.stock_mwh[rows]
    give = np.where(held > _NOTHING_MWH, want, np.minimum(want, stock.refill_mw))
    drain = give - stock.refill_mw
    lasts = held / np.maximum(drain, 1e-12)
    ends = (drain > 1e-9) & (held > _NOTHING_MWH)
    return give, np.where(ends, np.minimum(span, lasts), span)


def _back_to_plan(
    state: State,
    hour: int,
    rows: Ints,
    b: int,
    give: Floats,
    part: Floats,
    over: Floats,
    now_h: Floats,
    span: Floats,
) -> tuple[Floats, Floats]:
    """Move a battery's stored energy; return discharge and charge. [MW]"""
    battery = state.plan.batteries[b]
    begin, end = battery.before_mwh[hour], battery.stored_mwh[hour]
    aim = begin + (end - begin) * np.minimum(now_h + span - hour, 1.0)
    stored = state.stored_mwh[rows, b]
    hours = np.maximum(span, 1e-12)
    most = battery.power_mw * part
    idle = (give <= 0) & (state.yard_out[rows] == 0)
    lack = np.maximum(aim - stored, 0) / battery.charge_frac / hours
    into = np.where(idle, np.minimum(np.minimum(over, most), lack), 0.0)
    excess = np.maximum(stored - aim, 0) * battery.discharge_frac / hours
    load = state.plan.load_mw[hour]
    eased = np.where(idle, np.minimum(np.minimum(excess, most), load), 0.0)
    out = give + eased
    moved = into * battery.charge_frac - out / battery.discharge_frac
    state.stored_mwh[rows, b] = stored + moved * span
    return out, into
