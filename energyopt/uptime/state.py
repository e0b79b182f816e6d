"""Where each sampled year of a batch stands: who runs, what is stored, what is out."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from energyopt.uptime.elements import Plan

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Hourly:
    """What the plan keeps ready, hour by hour; each array has shape (hours,). [MW]"""

    plan: Plan

    @cached_property
    def units_mw(self) -> Floats:
        """Full load of the units that the plan has online."""
        m = self.plan.machines
        return (m.unit_mw * m.online).sum(axis=1)

    @cached_property
    def import_mw(self) -> Floats:
        """Planned import."""
        link = self.plan.link
        return np.zeros(self.plan.hours) if link is None else link.import_mw

    @cached_property
    def battery_mw(self) -> Floats:
        """Planned discharge of all batteries, where they discharge."""
        parts = [np.maximum(b.planned_mw, 0) for b in self.plan.batteries]
        return np.sum([np.zeros(self.plan.hours), *parts], axis=0)

    @cached_property
    def ready_mw(self) -> Floats:
        """What must be ready at once when the plan is no longer what runs.

        As much as the plan keeps, but no more than load and the largest unit online.
        """
        p, m = self.plan, self.plan.machines
        largest = np.where(m.online > 0, m.unit_mw, 0).max(axis=1, initial=0)
        ready = [
            np.minimum(
                b.power_mw,
                (np.minimum(b.stored_mwh, b.before_mwh) - b.floor_mwh)
                * b.discharge_frac
                / p.hold_h,
            )
            for b in p.batteries
        ]
        once = 0.0 if p.link is None else p.link.at_once_mw
        kept = self.units_mw + p.sun_wind_mw + once + np.sum(ready, axis=0)
        return np.minimum(kept, p.load_mw + largest)


@dataclass
class State:
    """R sampled years, T types, U units, B batteries."""

    plan: Plan
    rows: int
    up: Bools = field(init=False)  # (R, U)
    serving: Ints = field(init=False)  # (R, T), up and not in maintenance
    stuck: Ints = field(init=False)  # (R, T), out because they did not start
    online: Ints = field(init=False)  # (R, T)
    coming: Ints = field(init=False)  # (R, T), ordered
    arrive_h: Floats = field(init=False)  # (R, T), when those ordered are there
    part: Floats = field(init=False)  # (R, U), of a unit's power that it is derated by
    derated: Floats = field(init=False)  # (R, T), in units, of those that serve
    stored_mwh: Floats = field(init=False)  # (R, B)
    blocks_out: Ints = field(init=False)  # (R, B)
    stock_mwh: Floats = field(init=False)  # (R,)
    link_out: Ints = field(init=False)  # (R,)
    link_from_h: Floats = field(init=False)  # (R,), when import is there
    gas_out: Ints = field(init=False)  # (R,)
    yard_out: Ints = field(init=False)  # (R,)
    cold: Ints = field(init=False)  # (R,)
    shed_mw: Floats = field(init=False)  # (R,), as last seen
    off: Bools = field(init=False)  # (R,), not on plan

    def __post_init__(self) -> None:
        p, rows = self.plan, self.rows
        types, batteries = len(p.machines.units), len(p.batteries)
        self.up = np.ones((rows, int(p.machines.units.sum())), dtype=bool)
        self.part = np.zeros(self.up.shape)
        self.online = np.zeros((rows, types), dtype=np.int64)
        self.stuck, self.coming = self.online.copy(), self.online.copy()
        self.arrive_h = np.full((rows, types), np.inf)
        self.derated = np.zeros((rows, types))
        self.stored_mwh = np.zeros((rows, batteries))
        self.blocks_out = np.zeros((rows, batteries), dtype=np.int64)
        full = p.stock.full_mwh if p.stock is not None else 0.0
        self.stock_mwh = np.full(rows, full)
        self.link_from_h = np.full(rows, np.inf)
        self.link_out = np.zeros(rows, dtype=np.int64)
        self.gas_out, self.yard_out, self.cold = (self.link_out.copy() for _ in "123")
        self.shed_mw = np.zeros(rows)
        self.off = np.zeros(rows, dtype=bool)
        self.serving = self.online.copy()

    def count_serving(self, hour: int) -> None:
        """Count the units that are up and not in maintenance, anew.

        The last units of a type are those in maintenance; failures of theirs then
        take nothing.
        """
        m = self.plan.machines
        for k, first in enumerate(m.first[:-1]):
            last = first + max(m.units[k] - m.out[hour, k], 0)
            up = self.up[:, first:last]
            self.serving[:, k] = up.sum(axis=1)
            self.derated[:, k] = (up * self.part[:, first:last]).sum(axis=1)

    def available(self, rows: Ints | slice) -> Ints:
        """Return the units of each type that could run, shape (rows, T)."""
        return np.maximum(self.serving[rows] - self.stuck[rows], 0)

    def leave_plan(self, rows: Ints, hour: int, passed_h: Floats, online: Ints) -> None:
        """Write down where the plan stands in years that now leave it.

        Parameters
        ----------
        rows : array of int
            Years that were on plan.
        hour : int
            The hour.
        passed_h : array, shape (len(rows),)
            How much of it has passed. [h]
        online : array, shape (T,)
            Units that the plan has had online until now.
        """
        self.online[rows] = online
        self.coming[rows] = 0
        self.arrive_h[rows] = np.inf
        for b, battery in enumerate(self.plan.batteries):
            begin, end = battery.before_mwh[hour], battery.stored_mwh[hour]
            self.stored_mwh[rows, b] = begin + (end - begin) * passed_h
        link = self.plan.link
        imports = link is not None and link.import_mw[hour] > 1e-6
        self.link_from_h[rows] = -np.inf if imports else np.inf
        self.shed_mw[rows] = 0.0
        self.off[rows] = True

    def back_on_plan(self, rows: Ints, hour: int) -> Bools:
        """Return which years stand again where the plan does as the hour begins."""
        p = self.plan
        planned = p.machines.online[hour]
        same = (self.online[rows] == planned).all(axis=1)
        same &= (self.coming[rows] == 0).all(axis=1)
        same &= (self.stuck[rows] == 0).all(axis=1)
        same &= (self.derated[rows] == 0).all(axis=1)
        same &= (self.blocks_out[rows] == 0).all(axis=1)
        for b, battery in enumerate(p.batteries):
            away = self.stored_mwh[rows, b] - battery.before_mwh[hour]
            same &= np.abs(away) < 1e-6
        same &= self.link_out[rows] + self.gas_out[rows] == 0
        same &= self.yard_out[rows] + self.cold[rows] == 0
        if p.stock is not None:
            same &= self.stock_mwh[rows] >= p.stock.full_mwh - 1e-6
        return same


_STEP, _ADD = np.uint64(0x9E3779B97F4A7C15), np.uint64(0x632BE59BD9B4E019)
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


def chance(year: Ints, when_h: Floats, what: int, seed: int) -> Floats:
    """Return a number in (0, 1) that is a function of its arguments alone.

    It does not depend on what was drawn before, so neither on the batch nor on the
    worker. The mixing is that of SplitMix64 [1]_.

    Parameters
    ----------
    year : array of int, shape (n,)
        Numbers of the sampled years.
    when_h : array, shape (n,)
        Time in the year. [h]
    what : int
        What is drawn.
    seed : int
        Of the sample.

    Returns
    -------
    array, shape (n,)
        [1]

    References
    ----------
    .. [1] G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom number
       generators", OOPSLA 2014.
    """
    x = np.ascontiguousarray(when_h, dtype=float).view(np.uint64).copy()
    for word in (year.astype(np.uint64), np.uint64(what), np.uint64(seed)):
        x = x ^ (np.atleast_1d(word) * _STEP + _ADD)
        x = (x ^ (x >> np.uint64(30))) * _MIX[0]
        x = (x ^ (x >> np.uint64(27))) * _MIX[1]
        x = x ^ (x >> np.uint64(31))
    return ((x >> np.uint64(11)).astype(float) + 0.5) / 2.0**53
