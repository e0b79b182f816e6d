"""Which units run: what operators decide who do not know the outages to come."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from energyopt.uptime.balance import link_power, unit_power
from energyopt.uptime.state import Hourly, State, chance

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_FEW = 1e-6  # MW


def wanted_mw(state: State, ready: Hourly, hour: int, rows: Ints) -> Floats:
    """Return the unit power that should be online, shape (n,). [MW]

    The plan's; more where batteries or the grid have less ready at once than planned,
    or than the load needs beside what they give by plan.
    """
    p, s = state.plan, state
    once = np.zeros(len(rows))
    if p.link is not None:
        carried = link_power(p, s.link_out[rows], s.cold[rows])
        once = np.minimum(carried, p.link.at_once_mw)
    for b, battery in enumerate(p.batteries):
        part = 1 - s.blocks_out[rows, b] / battery.blocks
        usable = np.maximum(s.stored_mwh[rows, b] - battery.floor_mwh, 0) * part
        held = usable * battery.discharge_frac / p.hold_h
        once = once + np.minimum(battery.power_mw * part, held)
    sun_wind = p.sun_wind_mw[hour]
    lasting = p.load_mw[hour] - sun_wind - ready.battery_mw[hour]
    return np.maximum(
        np.maximum(ready.units_mw[hour], lasting - ready.import_mw[hour]),
        ready.ready_mw[hour] - sun_wind - once,
    )


def new_hour(
    state: State, ready: Hourly, hour: int, rows: Ints, years: Ints, seed: int
) -> None:
    """Follow the plan into an hour, in years that are off it.

    Units that the plan starts come on where they are available; who takes the place of
    a failed unit is ordered and waited for. Units that ran beside the plan's go off,
    slowest starter first, where they are no longer wanted.
    """
    p, s = state.plan, state
    m = p.machines
    free = s.available(rows)
    ran = np.minimum(s.online[rows], free)
    more = np.maximum(m.online[hour] - m.online[hour - 1], 0)
    planned = np.minimum(np.minimum(free, m.online[hour]), ran + more)
    online = np.maximum(planned, ran)
    spare = (online * m.unit_mw[hour]).sum(axis=1)
    spare = spare - wanted_mw(state, ready, hour, rows)
    for k in np.argsort(-m.start_h, kind="stable"):
        size = m.unit_mw[hour, k]
        stops = np.clip(np.floor(spare / size + 1e-9), 0, online[:, k] - planned[:, k])
        online[:, k] -= stops.astype(np.int64)
        spare = spare - stops * size
    s.coming[rows] = np.minimum(s.coming[rows], free - np.minimum(online, free))
    now = np.full(len(rows), float(hour))
    started(state, rows, online, np.maximum(online - ran, 0), years, now, seed)


def started(
    state: State,
    rows: Ints,
    online: Ints,
    starts: Ints,
    years: Ints,
    now_h: Floats,
    seed: int,
) -> None:
    """Put units online, but for those of the starts that fail.

    Parameters
    ----------
    state : State
        Whose ``online`` and ``stuck`` change.
    rows : array of int, shape (n,)
        Rows of the batch.
    online, starts : array of int, shape (n, T)
        Units online if every start succeeds; how many of them are starting.
    years : array of int, shape (n,)
        Numbers of the sampled years.
    now_h : array, shape (n,)
        Time. [h]
    seed : int
        Of the sample.
    """
    m = state.plan.machines
    for k in np.flatnonzero(m.start_failure_frac > 0):
        tried = np.flatnonzero(starts[:, k] > 0)
        if not len(tried):
            continue
        n = starts[tried, k]
        u = chance(years[tried], now_h[tried], 16 + int(k), seed)
        failed = failures(u, n, float(m.start_failure_frac[k]))
        online[tried, k] -= failed
        state.stuck[rows[tried], k] += failed
    state.online[rows] = online


def failures(u: Floats, tries: Ints, frac: float) -> Ints:
    """Return how many of ``tries`` fail, by the binomial law turned round at ``u``.

    Examples
    --------
    >>> failures(np.array([0.5, 0.95, 0.995]), np.array([2, 2, 2]), 0.1).tolist()
    [0, 1, 2]
    """
    found = np.zeros(len(u), dtype=np.int64)
    none = (1 - frac) ** tries
    term, total = none.copy(), none.copy()
    for j in range(int(tries.max(initial=0))):
        found += u > total
        term = term * (tries - j) / (j + 1) * frac / (1 - frac)
        total = total + term
    return np.minimum(found, tries)


def repaired(state: State, hour: int, years: Ints, seed: int) -> None:
    """Give units back that did not start, as their repairs end: exponentially."""
    if not state.stuck.any():
        return
    m = state.plan.machines
    for k in np.flatnonzero(state.stuck.any(axis=0)):
        rows = np.flatnonzero(state.stuck[:, k])
        u = chance(years[rows], np.full(len(rows), float(hour)), 64 + int(k), seed)
        stay = np.exp(-state.stuck[rows, k] / m.repair_h[k])
        state.stuck[rows, k] -= u > stay


def order(state: State, ready: Hourly, hour: int, rows: Ints, now_h: Floats) -> None:
    """Order what is missing: standby units, those that start first before others.

    A backup connection is called when units, sun and wind no longer carry the load, or
    when no unit is left to bring back what should be ready at once; and let go when
    neither is so.

    Parameters
    ----------
    state : State
        Whose ``coming``, ``arrive_h`` and ``link_from_h`` change.
    ready : Hourly
        What the plan keeps ready.
    hour : int
        The hour.
    rows : array of int, shape (n,)
        Rows of the batch.
    now_h : array, shape (n,)
        Time. [h]
    """
    p, s = state.plan, state
    m = p.machines
    online = s.online[rows]
    free = s.available(rows) - online
    usable = np.ones(free.shape, dtype=bool)
    without = (s.gas_out[rows] > 0)[:, None] & m.on_gas
    if p.stock is not None:
        without = without & ~(m.dual_fuel & (s.stock_mwh[rows] > 0)[:, None])
    usable &= ~without & (s.yard_out[rows] == 0)[:, None]
    coming = np.where(usable, np.clip(s.coming[rows], 0, np.maximum(free, 0)), 0)
    missing = wanted_mw(state, ready, hour, rows)
    missing = missing - ((online + coming) * m.unit_mw[hour]).sum(axis=1)
    arrive = np.where(coming > 0, s.arrive_h[rows], np.inf)
    if (missing > _FEW).any():
        for k in np.argsort(m.start_h, kind="stable"):
            size = m.unit_mw[hour, k]
            can = np.where(usable[:, k] & (coming[:, k] == 0), free[:, k], 0)
            asked = np.clip(np.ceil(missing / size - 1e-9), 0, np.maximum(can, 0))
            coming[:, k] += asked.astype(np.int64)
            arrive[:, k] = np.where(asked > 0, now_h + m.start_h[k], arrive[:, k])
            missing = missing - asked * size
    s.coming[rows], s.arrive_h[rows] = coming, arrive
    if p.link is not None:
        units = np.maximum(online - s.derated[rows], 0)
        given, _ = unit_power(p, hour, units, s.cold[rows], s.gas_out[rows])
        short = p.load_mw[hour] - p.sun_wind_mw[hour] - given > _FEW
        kept = short | (missing > _FEW) | (p.link.import_mw[hour] > _FEW)
        called = np.minimum(s.link_from_h[rows], now_h + p.link.switch_h)
        called = np.where(p.link.import_mw[hour] > _FEW, -np.inf, called)
        called = np.where(kept & (s.link_out[rows] == 0), called, np.inf)
        s.link_from_h[rows] = called
