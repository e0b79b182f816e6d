"""Why load was short: which one thing, given back, would have ended it."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from energyopt.uptime.balance import link_power, unit_power
from energyopt.uptime.state import State

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Cause(IntEnum):
    """In the order in which they are tried."""

    SWITCHYARD = 0
    COLD = 1
    FUEL = 2
    GRID = 3
    TRIP = 4
    MAINTENANCE = 5
    UNITS = 6
    BATTERY = 7
    SEVERAL = 8
    PLAN = 9


WORDS = {
    Cause.SWITCHYARD: "switchyard",
    Cause.COLD: "cold spell",
    Cause.FUEL: "fuel",
    Cause.GRID: "grid",
    Cause.TRIP: "unit trip",
    Cause.MAINTENANCE: "maintenance",
    Cause.UNITS: "units out",
    Cause.BATTERY: "battery",
    Cause.SEVERAL: "several at once",
    Cause.PLAN: "plan",
}
"""``unit trip``: short only until what was ordered is there. ``maintenance``: would not
be short with the units back that are in maintenance. ``units out``: nor with failed
units back. ``plan``: left unserved by the plan itself."""


def cause_of(state: State, hour: int, rows: Ints, battery_mw: Floats) -> Ints:
    """Return the cause of a shortage: the first whose end alone would end it.

    The balance of the moment is worked out again with one thing restored at a time and
    batteries at the power that they can give. If no single one ends the shortage, it
    is of several at once.

    Parameters
    ----------
    state : State
        With the moment's outages.
    hour : int
        The hour.
    rows : array of int, shape (n,)
        Years that are short.
    battery_mw : array, shape (n,)
        What batteries could give. [MW]

    Returns
    -------
    array of int, shape (n,)
        Of :class:`Cause`.
    """
    p, s, m = state.plan, state, state.plan.machines
    none = np.zeros(len(rows), dtype=np.int64)
    online = np.maximum(s.online[rows] - s.derated[rows], 0)
    cold, gas, out = s.cold[rows], s.gas_out[rows], s.link_out[rows]
    yard = s.yard_out[rows] > 0
    switched = s.link_from_h[rows] < np.inf
    stocked = np.zeros(len(rows), dtype=bool)
    if p.stock is not None:
        stocked = s.stock_mwh[rows] > 0

    def ends(
        units: Floats = online,
        cold: Ints = cold,
        gas: Ints = gas,
        out: Ints = out,
        yard: NDArray[np.bool_] = yard,
        here: NDArray[np.bool_] | bool = False,
        battery: Floats = battery_mw,
    ) -> NDArray[np.bool_]:
        given, more = unit_power(p, hour, units, cold, gas)
        link = link_power(p, out, cold)
        if p.link is not None:
            waits = ~(switched | here)
            link = np.where(waits, np.minimum(link, p.link.at_once_mw), link)
        left = p.load_mw[hour] - p.sun_wind_mw[hour] - given - link - battery
        return (left - np.where(stocked, more, 0) <= 1e-6) & ~yard

    free = s.available(rows)
    every = free + m.out[hour]
    whole = np.maximum(m.units - m.out[hour], 0)
    banks = np.sum([none, *(b.power_mw + none for b in p.batteries)], axis=0)
    tried = {
        Cause.SWITCHYARD: (s.yard_out[rows] > 0) & ends(yard=np.zeros_like(yard)),
        Cause.COLD: (cold > 0) & ends(cold=none),
        Cause.FUEL: (gas > 0) & ends(gas=none),
        Cause.GRID: (out > 0) & ends(out=none, here=True),
        Cause.TRIP: ends(units=online + s.coming[rows], here=True),
        Cause.MAINTENANCE: (m.out[hour] > 0).any() & ends(every, here=True),
        Cause.UNITS: ends(whole.astype(float) + np.zeros_like(online), here=True),
        Cause.BATTERY: (s.blocks_out[rows] > 0).any(axis=1) & ends(battery=banks),
    }
    found = np.full(len(rows), int(Cause.SEVERAL))
    for what in reversed(tried):
        found[tried[what]] = int(what)
    return found
