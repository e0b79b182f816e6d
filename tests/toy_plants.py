"""Made-up plants with the shape of real ones, for the tests of the solver alone.

Money in k$, power in MW. The numbers are round and mean nothing beyond their order of
magnitude; what counts is the structure: whole units, commitment that looks back some
hours, storage, weekly maintenance, a security margin and yearly limits.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyomo.environ as pyo
from pyomo.common.gc_manager import PauseGC


@dataclass(frozen=True)
class Gas:
    unit_mw: float = 48.0
    min_frac: float = 0.5
    heat_rate: float = 9.0  # mmbtu/mwh, marginal
    no_load: float = 40.0  # mmbtu/h and unit
    start_kusd: float = 4.0
    min_up_h: int = 3
    min_down_h: int = 2
    ramp_frac: float | None = None
    annual_kusd: float = 4000.0  # per unit
    most: int = 10
    maintenance_weeks: int = 1


AERO = Gas()
SMALL = Gas(
    unit_mw=30, heat_rate=10, no_load=30, start_kusd=2, annual_kusd=2300, most=14
)
ENGINE = Gas(
    unit_mw=18, min_frac=0.4, heat_rate=7.9, no_load=8, start_kusd=0.3, min_up_h=1,
    min_down_h=1, annual_kusd=1900, most=20,
)  # fmt: skip
FRAME = Gas(
    unit_mw=80, heat_rate=9.6, no_load=110, start_kusd=9, min_up_h=4, min_down_h=4,
    annual_kusd=5200, most=7,
)  # fmt: skip
COMBINED = Gas(
    unit_mw=150, heat_rate=6.2, no_load=110, start_kusd=30, min_up_h=8, min_down_h=6,
    ramp_frac=0.4, annual_kusd=17000, most=4, maintenance_weeks=2,
)  # fmt: skip
FIVE = (AERO, SMALL, ENGINE, FRAME, COMBINED)


@dataclass(frozen=True)
class Toy:
    """One made-up plant; ``build`` makes its Pyomo model."""

    hours: int = 168
    seed: int = 0
    gas: tuple[Gas, ...] = (AERO, ENGINE)
    demand_mw: float = 250.0
    gas_kusd_per_mmbtu: float = 0.003
    solar_most_mw: float = 800.0
    wind_most_mw: float = 600.0
    battery_most_mw: float = 400.0
    grid_mw: float = 100.0
    grid_budget_frac: float = 0.02  # of the load's energy
    unserved_frac: float | None = 1e-4
    co2_t_per_mwh: float | None = None
    renewable_frac: float | None = None
    reserve: bool = True
    n_plus: int | None = 2
    maintenance: bool = True
    lost_kusd_per_mwh: float = 5.0
    cross_h: int = 0  # an invented rule that looks back this many hours
    series: dict[str, list[float]] = field(default_factory=dict)

    def build(self) -> pyo.ConcreteModel:
        with PauseGC():
            return _build(self)


def _series(toy: Toy) -> dict[str, list[float]]:
    rng = np.random.default_rng(toy.seed)
    t = np.arange(toy.hours)
    days = toy.hours // 24 + 2
    clear = np.repeat(rng.uniform(0.4, 1.0, days), 24)[: toy.hours]
    season = np.cos(2 * np.pi * (t / max(toy.hours, 24) - 0.55))
    solar = np.clip(np.sin(2 * np.pi * (t % 24 - 6) / 24), 0, None) * clear
    walk = np.zeros(toy.hours)
    for i in range(1, toy.hours):
        walk[i] = 0.97 * walk[i - 1] + 0.24 * rng.normal()
    wind = 1 / (1 + np.exp(-1.3 * walk + 0.3))
    temp = (
        18
        + 12 * season
        + 7 * np.sin(2 * np.pi * (t % 24 - 9) / 24)
        + rng.normal(0, 1, toy.hours)
    )
    demand = toy.demand_mw * (0.9 + 0.1 * (temp - temp.min()) / np.ptp(temp))
    derate = 1 - 0.006 * np.clip(temp - 15, 0, None)
    power = (
        0.035
        + 0.02 * np.sin(2 * np.pi * (t % 24 - 12) / 24)
        + 0.01 * rng.normal(size=toy.hours)
    )
    found = {
        "solar": np.round(solar, 4), "wind": np.round(wind, 4), "demand": demand,
        "derate": derate, "power": power,
    }  # fmt: skip
    return {k: v.tolist() for k, v in found.items()} | toy.series


def _build(toy: Toy) -> pyo.ConcreteModel:
    s = _series(toy)
    hours, year = toy.hours, 8760 / toy.hours
    m = pyo.ConcreteModel()
    m.hours = pyo.RangeSet(0, hours - 1)
    weeks = max(1, -(-hours // 168))
    m.weeks = pyo.RangeSet(0, weeks - 1)
    m.types = pyo.RangeSet(0, len(toy.gas) - 1) if toy.gas else pyo.Set(initialize=[])
    week = [t // 168 for t in range(hours)]
    before = [(t - 1) % hours for t in range(hours)]
    demand, derate = s["demand"], s["derate"]
    g_of = toy.gas

    # Gas units
    m.units = pyo.Var(
        m.types, domain=pyo.NonNegativeIntegers, bounds=lambda m, g: (0, g_of[g].most)
    )
    m.has = pyo.Var(m.types, domain=pyo.Binary)
    m.out = pyo.Var(
        m.types, m.weeks, domain=pyo.NonNegativeIntegers, bounds=lambda m, g, w: (0, 2)
    )
    m.online = pyo.Var(
        m.types,
        m.hours,
        domain=pyo.NonNegativeIntegers,
        bounds=lambda m, g, t: (0, g_of[g].most),
    )
    m.start = pyo.Var(m.types, m.hours, domain=pyo.NonNegativeIntegers)
    m.stop = pyo.Var(m.types, m.hours, domain=pyo.NonNegativeIntegers)
    m.output = pyo.Var(m.types, m.hours, domain=pyo.NonNegativeReals)

    @m.Constraint(m.types)
    def present(m, g):
        return m.units[g] <= g_of[g].most * m.has[g]

    @m.Constraint(m.types)
    def maintained(m, g):
        if not toy.maintenance:
            return sum(m.out[g, w] for w in m.weeks) == 0
        scale = min(1.0, weeks / 52)
        return (
            sum(m.out[g, w] for w in m.weeks)
            >= scale * g_of[g].maintenance_weeks * m.units[g]
        )

    @m.Constraint(m.types, m.hours)
    def available(m, g, t):
        return m.online[g, t] <= m.units[g] - m.out[g, week[t]]

    @m.Constraint(m.types, m.hours)
    def commitment(m, g, t):
        return m.online[g, t] - m.online[g, before[t]] == m.start[g, t] - m.stop[g, t]

    def window(t, length):
        return [(t - k) % hours for k in range(min(length, hours))]

    @m.Constraint(m.types, m.hours)
    def min_up(m, g, t):
        return sum(m.start[g, k] for k in window(t, g_of[g].min_up_h)) <= m.online[g, t]

    @m.Constraint(m.types, m.hours)
    def min_down(m, g, t):
        stops = sum(m.stop[g, k] for k in window(t, g_of[g].min_down_h))
        return stops <= m.units[g] - m.online[g, t]

    @m.Constraint(m.types, m.hours)
    def most_output(m, g, t):
        return m.output[g, t] <= g_of[g].unit_mw * derate[t] * m.online[g, t]

    @m.Constraint(m.types, m.hours)
    def least_output(m, g, t):
        return (
            m.output[g, t]
            >= g_of[g].min_frac * g_of[g].unit_mw * derate[t] * m.online[g, t]
        )

    @m.Constraint(m.types, m.hours)
    def ramp(m, g, t):
        gas = g_of[g]
        if gas.ramp_frac is None:
            return pyo.Constraint.Skip
        step = m.output[g, t] - m.output[g, before[t]]
        return step <= gas.unit_mw * (
            gas.ramp_frac * m.online[g, t] + gas.min_frac * m.start[g, t]
        )

    # Sun, wind, battery, grid, lost load
    m.solar_mw = pyo.Var(bounds=(0, toy.solar_most_mw))
    m.wind_mw = pyo.Var(bounds=(0, toy.wind_most_mw))
    m.battery_mw = pyo.Var(bounds=(0, toy.battery_most_mw))
    m.battery_mwh = pyo.Var(bounds=(0, 6 * toy.battery_most_mw))
    m.grid_mw = pyo.Var(bounds=(0, toy.grid_mw))
    m.solar = pyo.Var(m.hours, domain=pyo.NonNegativeReals)
    m.wind = pyo.Var(m.hours, domain=pyo.NonNegativeReals)
    m.charge = pyo.Var(m.hours, domain=pyo.NonNegativeReals)
    m.discharge = pyo.Var(m.hours, domain=pyo.NonNegativeReals)
    m.stored = pyo.Var(m.hours, domain=pyo.NonNegativeReals)
    m.bought = pyo.Var(m.hours, domain=pyo.NonNegativeReals)
    m.unserved = pyo.Var(
        m.hours, domain=pyo.NonNegativeReals, bounds=lambda m, t: (0, demand[t])
    )
    m.rated_solar = pyo.Constraint(
        m.hours, rule=lambda m, t: m.solar[t] <= s["solar"][t] * m.solar_mw
    )
    m.rated_wind = pyo.Constraint(
        m.hours, rule=lambda m, t: m.wind[t] <= s["wind"][t] * m.wind_mw
    )
    m.rated_charge = pyo.Constraint(
        m.hours, rule=lambda m, t: m.charge[t] + m.discharge[t] <= m.battery_mw
    )
    m.rated_stored = pyo.Constraint(
        m.hours, rule=lambda m, t: m.stored[t] <= m.battery_mwh
    )
    m.rated_grid = pyo.Constraint(m.hours, rule=lambda m, t: m.bought[t] <= m.grid_mw)

    @m.Constraint(m.hours)
    def storage_balance(m, t):
        return (
            m.stored[t]
            == m.stored[before[t]] + 0.93 * m.charge[t] - m.discharge[t] / 0.93
        )

    @m.Constraint(m.hours)
    def balance(m, t):
        gas = sum(m.output[g, t] for g in m.types)
        supply = (
            gas + m.solar[t] + m.wind[t] + m.discharge[t] - m.charge[t] + m.bought[t]
        )
        return supply + m.unserved[t] == demand[t]

    # Security: without one unit of any type that is built, the rest carries the load.
    if toy.reserve and toy.gas:
        m.shield = pyo.Var(m.hours, domain=pyo.NonNegativeReals)
        m.shield_power = pyo.Constraint(
            m.hours, rule=lambda m, t: m.shield[t] <= m.battery_mw
        )
        m.shield_energy = pyo.Constraint(
            m.hours, rule=lambda m, t: 0.25 * m.shield[t] <= 0.93 * m.stored[before[t]]
        )

        @m.Constraint(m.types, m.hours)
        def secure(m, g, t):
            ready = sum(g_of[k].unit_mw * derate[t] * m.online[k, t] for k in m.types)
            lost = g_of[g].unit_mw * derate[t] * m.has[g]
            return (
                ready + m.solar[t] + m.wind[t] + m.shield[t] - lost
                >= demand[t] - toy.grid_mw / 2
            )

    if toy.n_plus is not None and toy.gas:

        @m.Constraint(m.types)
        def margin(m, g):
            hot = min(derate)
            firm = sum(g_of[k].unit_mw * hot * m.units[k] for k in m.types)
            return (
                firm - toy.n_plus * g_of[g].unit_mw * hot * m.has[g]
                >= max(demand) - toy.grid_mw
            )

    # Yearly limits
    load = sum(demand)
    fuel = {
        t: sum(
            g_of[g].heat_rate * m.output[g, t] + g_of[g].no_load * m.online[g, t]
            for g in m.types
        )
        for t in m.hours
    }
    m.grid_budget = pyo.Constraint(
        expr=pyo.quicksum(m.bought[t] for t in m.hours) <= toy.grid_budget_frac * load
    )
    if toy.unserved_frac is not None:
        m.served = pyo.Constraint(
            expr=pyo.quicksum(m.unserved[t] for t in m.hours)
            <= toy.unserved_frac * load
        )
    if toy.co2_t_per_mwh is not None:
        m.co2 = pyo.Constraint(
            expr=pyo.quicksum(0.053 * fuel[t] + 0.4 * m.bought[t] for t in m.hours)
            <= toy.co2_t_per_mwh * load
        )
    if toy.renewable_frac is not None:
        m.renewable = pyo.Constraint(
            expr=pyo.quicksum(
                m.solar[t] + m.wind[t] - (m.charge[t] - m.discharge[t]) for t in m.hours
            )
            >= toy.renewable_frac
            * pyo.quicksum(demand[t] - m.unserved[t] for t in m.hours)
        )
    if toy.cross_h:

        @m.Constraint(m.hours)
        def rest(m, t):
            run = sum(m.bought[(t - k) % hours] for k in range(toy.cross_h))
            return run <= 0.25 * toy.cross_h * m.grid_mw

    yearly = (
        sum(g_of[g].annual_kusd * m.units[g] for g in m.types)
        + 85 * m.solar_mw + 130 * m.wind_mw + 30 * m.battery_mw + 24 * m.battery_mwh + 12 * m.grid_mw
    )  # fmt: skip
    hourly = pyo.quicksum(
        toy.gas_kusd_per_mmbtu * fuel[t]
        + sum(g_of[g].start_kusd * m.start[g, t] for g in m.types)
        + (s["power"][t] + 0.01) * m.bought[t]
        + toy.lost_kusd_per_mwh * m.unserved[t]
        + 0.0002 * m.discharge[t]
        for t in m.hours
    )
    m.cost = pyo.Objective(expr=yearly + year * hourly)
    return m
