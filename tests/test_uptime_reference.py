"""The batch against a plain loop: one year, one type of unit, event by event."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.testing import assert_allclose
from uptime_plans import fleet, plan, ran

UNIT_MW = 10.0
Outage = tuple[int, float, float]  # unit, from, to


@dataclass
class Year:
    """One year of units that start in ``start_h`` to replace one another."""

    online: list[int]
    load_mw: list[float]
    start_h: float
    outages: list[Outage]
    units: int
    running: int = 0
    coming: int = 0
    arrive_h: float = math.inf

    def __post_init__(self) -> None:
        out = {unit for unit, begin, _ in self.outages if begin == 0}
        self.up = [unit not in out for unit in range(self.units)]
        self.running = min(self.online[-1], sum(self.up))

    def wanted(self, hour: int) -> int:
        """Units that carry the plan's power, which also carries the load."""
        return math.ceil(max(self.online[hour], self.load_mw[hour] / UNIT_MW) - 1e-9)

    def begin(self, hour: int) -> None:
        more = max(self.online[hour] - self.online[hour - 1], 0)
        planned = min(sum(self.up), self.online[hour], self.running + more)
        self.running = max(planned, min(self.running, self.wanted(hour)))
        self.coming = min(self.coming, sum(self.up) - self.running)

    def change(self, now: float) -> None:
        for unit, begin, end in self.outages:
            if begin == now > 0:
                self.running -= sum(self.up[:unit]) < self.running
                self.up[unit] = False
                self.running = min(self.running, sum(self.up))
                self.coming = min(self.coming, sum(self.up) - self.running)
            if end == now:
                self.up[unit] = True

    def order(self, now: float) -> None:
        if not self.coming:
            missing = self.wanted(int(now)) - self.running
            self.coming = min(max(missing, 0), sum(self.up) - self.running)
            self.arrive_h = now + self.start_h

    def short_mwh(self) -> float:
        hours = len(self.online)
        times = {t for _, a, b in self.outages for t in (a, b)} | set(range(hours + 1))
        now, short = 0.0, 0.0
        self.begin(0)
        self.order(0.0)
        while True:
            later = min(t for t in times if t > now)
            if self.coming:
                later = min(later, self.arrive_h)
            lacking = self.load_mw[int(now)] - UNIT_MW * self.running
            short += max(lacking, 0.0) * (later - now)
            now = float(later)
            if now >= hours:
                return short
            if self.coming and self.arrive_h <= now:
                self.running, self.coming = self.running + self.coming, 0
            self.change(now)
            if now == int(now):
                self.begin(int(now))
            self.order(now)


def test_a_batch_is_what_a_plain_loop_makes_of_each_year():
    """Two hundred plants at random: plans, loads, start times and outages."""
    rng = np.random.default_rng(7)
    hours, units, seen = 60, 5, 0
    for _ in range(200):
        online = rng.integers(1, 5, hours)
        load = np.maximum(UNIT_MW * online - 12 * rng.random(hours), 1)
        start_h = float(rng.choice([0.13, 0.45, 1.7]))
        outages: list[Outage] = []
        for unit in range(units):
            begin = 0.0 if rng.random() < 0.2 else rng.exponential(20)
            while begin < hours:
                end = begin + rng.exponential(9)
                outages.append((unit, float(begin), float(min(end, hours))))
                begin = end + rng.exponential(20)
        made = plan(hours, load, {"gas": fleet(hours, units, online, start_h=start_h)})
        found, _ = ran(made, *((f"gas {u + 1}", a, b) for u, a, b in outages))
        year = Year(online.tolist(), load.tolist(), start_h, outages, units)
        assert_allclose(found.short_mwh.sum(), year.short_mwh(), atol=1e-9)
        seen += bool(len(found.year))
    assert seen > 100
