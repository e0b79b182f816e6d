"""The plant as one Pyomo model: what its technologies add, and what binds them.

Units inside: MW, MWh, t, kg, m3; the objective is in thousands of dollars a year, so
that no coefficient is smaller than 1e-6.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from pyomo.common.gc_manager import PauseGC
from pyomo.environ import (
    Binary,
    Block,
    ConcreteModel,
    Constraint,
    Expression,
    NonNegativeReals,
    Objective,
    Set,
    Var,
    minimize,
    quicksum,
    value,
)

from energyopt.case import Case, Finance
from energyopt.errors import InfeasibleError
from energyopt.finance import (
    capital_recovery_factor,
    interest_during_construction_frac,
    real_rate_frac,
)
from energyopt.inputs import Inputs
from energyopt.needs import Needs, add_needs
from energyopt.technologies import Horizon, Terms, by_hour
from energyopt.units import KG_PER_T, USD_PER_KUSD

ELASTIC = (
    "limits.co2_t_per_yr",
    "limits.nox_t_per_yr",
    "limits.water_m3_per_yr",
    "limits.land_km2",
    "limits.capital_usd",
    "limits.renewable_share_frac",
    "limits.gpu_served_frac",
    "reliability.n_plus",
    "contingencies",
)
"""What an infeasible case is asked to give way on, by the names in the case: a limit
in its own unit, and MW short of the installed margin or of reserve in any hour."""
YEARLY = (
    "limits.co2_t_per_yr",
    "limits.nox_t_per_yr",
    "limits.water_m3_per_yr",
    "limits.renewable_share_frac",
    "limits.gpu_served_frac",
)
"""Those that are sums over the hours of a year."""


SIZES = ("installed_units", "capacity_mw", "power_mw", "energy_mwh", "size_mw")
"""What a technology may call the sizes that it installs."""
HELD_FRAC = 1e-6
"""How closely held sizes are held: what only just carried the load still does."""


@dataclass(frozen=True)
class PlantModel:
    """A built model, and the pieces it was built from."""

    case: Case
    inputs: Inputs
    m: Any
    at: Horizon
    horizons: Mapping[str, Horizon]
    terms: Mapping[str, Terms]


def all_in_frac(finance: Finance) -> float:
    r"""Return what a dollar of direct cost becomes at start-up.

    :math:`(1 + owner + contingency)(1 + \text{interest during construction})`.
    """
    interest = interest_during_construction_frac(
        finance.wacc_nominal_frac, finance.construction_months
    )
    return (1 + finance.owners_cost_frac + finance.contingency_frac) * (1 + interest)


def annual_frac(finance: Finance, life_yr: float) -> float:
    """Return the yearly cost of a dollar of direct cost, in real dollars. [1/yr]

    Recovered over the life or the finance term, whichever is shorter.
    """
    rate = real_rate_frac(finance.wacc_nominal_frac, finance.inflation_frac)
    years = min(life_yr, finance.term_years)
    return all_in_frac(finance) * capital_recovery_factor(rate, years)


def lost_compute_usd_per_mwh(case: Case, inputs: Inputs) -> float:
    """Return the value of a MWh not served, above every price unless load is for sale.

    A MWh held back could be sold, or bought later through a battery: the guard is
    the year's dearest MWh, coincident-peak charge included where import is free,
    over an 80 % round trip. [USD/MWh]
    """
    stated = case.load.lost_compute_usd_per_mwh
    if case.load.for_sale:
        return stated
    dearest = max(
        (
            float(inputs.data[f"{name}/{series}"].max())
            for name in case.technologies
            for series in (
                "import_usd_per_mwh",
                "dearest_usd_per_mwh",
                "sale_usd_per_mwh",
            )
            if f"{name}/{series}" in inputs.data
        ),
        default=0.0,
    )
    return max(stated, 1.25 * dearest)


def horizons(case: Case, inputs: Inputs) -> dict[str, Horizon]:
    """Return each technology's view of the modelled hours."""
    lowest = np.zeros(inputs.data.sizes["time"])
    for name in case.technologies:
        if f"{name}/import_usd_per_mwh" in inputs.data:
            prices = inputs.data[f"{name}/import_usd_per_mwh"].values
            lowest = np.minimum(lowest, prices)
    held = case.contingencies
    found = {}
    for name in case.technologies:
        at = inputs.horizon(name)
        found[name] = replace(
            at,
            series={**at.series, "lowest_price_usd_per_mwh": lowest.tolist()},
            hold_h=held.hold_h if held else 0.25,
            against_online=bool(held and held.against == "online"),
        )
    return found


def build_model(
    case: Case,
    inputs: Inputs,
    *,
    elastic: Collection[str] = (),
    needs: Needs | None = None,
) -> PlantModel:
    """Return the Pyomo model of a case.

    Parameters
    ----------
    case : Case
        The plant to size.
    inputs : Inputs
        Its hourly series.
    elastic : collection of str
        Rules (names in :data:`ELASTIC`) that may be broken. The objective is then
        the sum of their excesses, each as a share of its limit, and not cost.
    needs : Needs, optional
        What an uptime target asks of the sizes.

    Returns
    -------
    PlantModel
        Variables sit on ``m`` (plant-wide) and on ``m.plant[name]``.
    """
    with PauseGC():
        m = ConcreteModel(name=case.name)
        own = horizons(case, inputs)
        plain = inputs.horizon(None)
        m.hours = Set(initialize=range(len(plain.weight)))
        m.weeks = Set(initialize=range(max(plain.week_of) - min(plain.week_of) + 1))
        own = {
            name: replace(at, hours=m.hours, weeks=m.weeks) for name, at in own.items()
        }
        at = replace(plain, hours=m.hours, weeks=m.weeks)

        m.plant = Block(list(case.technologies))
        terms = {
            name: technology.build(m.plant[name], own[name])
            for name, technology in case.technologies.items()
        }
        add_excess(m, case, elastic)
        add_load(m, case, inputs)
        add_balance(m, terms)
        add_gas_line(m, case, terms)
        add_contingencies(m, case, terms)
        add_backup(m, terms)
        add_installed_margin(m, case, terms)
        add_limits(m, case, terms, at)
        add_needs(m, terms, needs)
        add_cost(m, case, inputs, terms, at)
        if elastic:
            m.cost.deactivate()
            m.total_excess = Objective(
                expr=quicksum(m.given_way.values()), sense=minimize
            )
    return PlantModel(case, inputs, m, at, own, terms)


def hold_sizes(plant: PlantModel, sizes: Mapping[str, Mapping[str, Any]]) -> None:
    """Hold a plant at the sizes of another, so that only its dispatch is decided.

    Parameters
    ----------
    plant : PlantModel
        Its bounds are narrowed.
    sizes : mapping
        Technology -> variable -> value, as in ``decisions.json``. A technology that is
        not in it is held at nothing.

    Raises
    ------
    InfeasibleError
        If the case does not offer what is to be held.
    """
    for name, held in sizes.items():
        built = {key: held[key] for key in SIZES if held.get(key, 0.0) > HELD_FRAC}
        if name not in plant.terms and built:
            raise InfeasibleError(f"the plant held has {name}, which is not offered")
    for (name, key), var in size_variables(plant).items():
        _hold(var, float(sizes.get(name, {}).get(key, 0.0)), f"{name}.{key}")


def size_variables(plant: PlantModel) -> dict[tuple[str, str], Any]:
    """Return the sizes that are decided: (technology, size) -> Pyomo variable."""
    return {
        (name, key): var
        for name in plant.terms
        for key in SIZES
        if (var := getattr(plant.m.plant[name], key, None)) is not None
        and not var.fixed
    }


def aim_at_size(plant: PlantModel, name: str, *, most: bool, budget_usd: float) -> None:
    """Ask for the least or the most of a technology, at no more than a yearly cost."""
    m = plant.m
    spent = quicksum(m.cost_usd.values()) / USD_PER_KUSD
    m.cost_budget = Constraint(expr=spent <= budget_usd / USD_PER_KUSD)
    block = m.plant[name]
    size = next(getattr(block, key) for key in SIZES if hasattr(block, key))
    m.cost.deactivate()
    m.size_aimed_at = Objective(expr=-size if most else size, sense=minimize)


def _hold(var: Any, size: float, name: str) -> None:
    """Narrow a variable's bounds to a size, which they must allow."""
    slack = 0.0 if var.is_integer() else HELD_FRAC * max(1.0, size)
    size = float(round(size)) if var.is_integer() else size
    low, high = var.lb or 0.0, var.ub
    if size + slack < low or (high is not None and size - slack > high):
        allowed = f"at least {low:g}" if size < low else f"at most {high:g}"
        raise InfeasibleError(
            f"the plant held has {name} {size:g}; the case allows {allowed}"
        )
    var.setlb(max(low, size - slack))
    var.setub(size + slack if high is None else min(high, size + slack))


def add_load(m: Any, case: Case, inputs: Inputs) -> None:
    """Let GPU load go unserved, in facility MW, up to all of it."""
    demand = inputs.data["demand_mw"].values.tolist()
    m.demand_mw = demand
    m.pue = inputs.data["pue"].values.tolist()
    m.it_mw = inputs.data["it_mw"].values.tolist()
    m.unserved_mw = Var(
        m.hours,
        domain=NonNegativeReals,
        bounds=lambda m, t: (0, demand[t]),
        doc="Facility load not served.",
    )


def add_balance(m: Any, terms: Mapping[str, Terms]) -> None:
    """Power to the bus and load not served add up to demand, in every hour."""
    net_mw = [term.net_mw for term in terms.values()]

    @m.Constraint(m.hours)
    def power_balance(m, t):
        to_bus = quicksum(part[t] for part in net_mw)
        return to_bus + m.unserved_mw[t] == m.demand_mw[t]


def add_gas_line(m: Any, case: Case, terms: Mapping[str, Terms]) -> None:
    """Build the lateral if anything burns gas, and burn no more than it carries."""
    burning = [term for term in terms.values() if term.gas_mmbtu is not None]
    m.gas_line = Var(domain=Binary, doc="Whether the gas lateral is built.")
    if not burning:
        m.gas_line.fix(0)

    connected = [term for term in burning if term.on_gas is not None]

    @m.Constraint(range(len(connected)))
    def gas_needs_line(m, i):
        return connected[i].on_gas <= m.gas_line

    most = case.gas.lateral_mmbtu_per_h
    if most is not None and burning:

        @m.Constraint(m.hours)
        def gas_line_capacity(m, t):
            burnt = (flow[t] for term in burning if (flow := term.gas_mmbtu))
            return quicksum(burnt) <= most


def add_contingencies(m: Any, case: Case, terms: Mapping[str, Terms]) -> None:
    """After the loss of any one element the rest carries all of the load.

    At once: ``ready - lost >= demand``; through the repair the same with what lasts.
    Demand is the whole demand: load already shed does not count as reserve, nor does
    the element that is lost.
    """
    asked = case.contingencies
    if asked is None:
        return
    wanted = {
        "unit": asked.unit,
        "grid": asked.grid,
        "battery_block": asked.battery_block,
    }
    trips = {
        name: trip
        for name, term in terms.items()
        for trip in term.trips
        if wanted[trip.name]
    }
    if trips:
        m.trips = list(trips)
        most_mw = 10 * max(m.demand_mw) + 1e4
        for label, field in (("at_once", "at_once_mw"), ("sustained", "sustained_mw")):
            _add_reserve(m, terms, trips, label, field, most_mw)

    def total(field: str, t: int) -> Any:
        parts = (getattr(term, field) for term in terms.values())
        return quicksum(part[t] for part in parts if part is not None)

    if asked.min_synchronous_units:

        @m.Constraint(m.hours)
        def synchronous_units(m, t):
            return total("synchronous_units", t) >= asked.min_synchronous_units

    if asked.min_grid_forming_mw:

        @m.Constraint(m.hours)
        def grid_forming_mw(m, t):
            return total("grid_forming_mw", t) >= asked.min_grid_forming_mw

    if asked.battery_swing_mw:

        @m.Constraint()
        def battery_swing(m):
            held = (t.swing_mw for t in terms.values() if t.swing_mw is not None)
            return quicksum(held) >= asked.battery_swing_mw


def _add_reserve(
    m: Any,
    terms: Mapping[str, Terms],
    trips: Mapping[str, Any],
    label: str,
    field: str,
    most_mw: float,
) -> None:
    """Write one condition: what carries the load, less each loss, covers demand."""
    variable = Var(
        m.hours,
        domain=NonNegativeReals,
        bounds=(0, most_mw),
        doc=f"Power that can carry the load {label.replace('_', ' ')}.",
    )
    m.add_component(f"{label}_mw", variable)
    carry = by_hour(variable)

    short_mw = _excess(m, "contingencies")
    spare = [at_hour + short_mw for at_hour in carry]
    lost = {name: getattr(trip, field) for name, trip in trips.items()}
    parts = [getattr(term, field) for term in terms.values()]
    parts = [part for part in parts if part is not None]

    def added_up(m, t):
        return carry[t] == quicksum(part[t] for part in parts)

    def covers(m, name, t):
        return spare[t] - lost[name][t] >= m.demand_mw[t]

    m.add_component(f"{label}_total", Constraint(m.hours, rule=added_up))
    m.add_component(f"{label}_reserve", Constraint(m.trips, m.hours, rule=covers))


def add_backup(m: Any, terms: Mapping[str, Terms]) -> None:
    """Planned standby import replaces units in maintenance, and nothing else."""
    standby = [t.standby_import_mw for t in terms.values() if t.standby_import_mw]
    out = [t.maintenance_mw for t in terms.values() if t.maintenance_mw]
    if not standby:
        return

    @m.Constraint(m.hours)
    def standby_only_for_maintenance(m, t):
        return quicksum(s[t] for s in standby) <= quicksum(o[t] for o in out)


def add_installed_margin(m: Any, case: Case, terms: Mapping[str, Terms]) -> None:
    """Installed N+k: without the k largest units and those in maintenance.

    For every way of losing ``k + maintenance`` whole units, what is left carries the
    gross demand at the design temperature. Each loss is a 0/1 variable that says
    whether there is a first, second, ... unit of a type to lose.
    """
    extra = case.reliability.n_plus
    if extra is None:
        return
    lost = extra + case.reliability.units_in_maintenance
    units = {n: t.firm_units for n, t in terms.items() if t.firm_units is not None}
    places = [(n, j) for n, u in units.items() for j in range(1, min(lost, u.most) + 1)]
    m.unit_exists = Var(places, domain=Binary, doc="Whether there is a j-th unit.")

    @m.Constraint(places)
    def unit_exists_if_installed(m, name, j):
        u = units[name]
        return u.installed <= (j - 1) + (u.most - j + 1) * m.unit_exists[name, j]

    credited = quicksum(t.firm_mw for t in terms.values() if t.firm_mw is not None)
    firm = credited + quicksum(u.unit_mw * u.installed for u in units.values())
    ways = list(_losses([min(lost, u.most) for u in units.values()], lost))

    short_mw = _excess(m, "reliability.n_plus")

    @m.Constraint(range(len(ways)))
    def installed_margin(m, i):
        gone = quicksum(
            units[name].unit_mw * m.unit_exists[name, j]
            for name, count in zip(units, ways[i], strict=True)
            for j in range(1, count + 1)
        )
        return firm - gone + short_mw >= case.load.facility_mw


def _losses(most: list[int], total: int) -> Iterator[tuple[int, ...]]:
    """Yield every way to lose up to ``most`` of each type, ``total`` in all."""
    total = min(total, sum(most))
    for way in product(*(range(n + 1) for n in most)):
        if sum(way) == total:
            yield way


def add_excess(m: Any, case: Case, elastic: Collection[str]) -> None:
    """Make room for the rules that may be broken, each in shares of its limit.

    A yearly rule gives way hour by hour, so that each hour can be solved by itself;
    the others by one number.
    """
    yearly = [name for name in elastic if name in YEARLY]
    rest = [name for name in elastic if name not in YEARLY]
    m.excess_scale = {name: excess_scale(case, name) for name in elastic}
    m.excess = Var(
        rest,
        domain=NonNegativeReals,
        bounds=(0, 1e4),
        doc="Rule broken by, as a share of its limit.",
    )
    m.hourly_excess = Var(
        yearly,
        m.hours,
        domain=NonNegativeReals,
        bounds=lambda m, name, t: (0, 10 * _most_per_hour(case, name)),
        doc="Rule broken by in the hour, in the unit of its row.",
    )
    m.given_way = {name: m.excess[name] for name in rest}  # yearly ones follow


def _excess(m: Any, name: str) -> Any:
    """Return by how much a rule may be broken, in its own unit, or zero."""
    return m.excess_scale[name] * m.excess[name] if name in m.excess else 0.0


def excess_scale(case: Case, name: str) -> float:
    """Return what the excess of a rule is measured against, in the rule's unit."""
    if not name.startswith("limits."):
        return case.load.facility_mw
    limit = float(getattr(case.limits, name.removeprefix("limits.")))
    if name == "limits.capital_usd":  # a budget in millions is a usual slip
        limit = max(limit, 1e4 * case.load.facility_mw)
    return 1.0 if name.endswith("_frac") else max(limit, 1.0)


def _most_per_hour(case: Case, name: str) -> float:
    """Return what no plant worth naming adds to a yearly row in an hour."""
    per_mwh = {"limits.nox_t_per_yr": 10.0, "limits.water_m3_per_yr": 10.0}
    return per_mwh.get(name, 2.0) * case.load.facility_mw


def add_limits(m: Any, case: Case, terms: Mapping[str, Terms], at: Horizon) -> None:
    """Write each yearly limit the case names, per weather year or on their mean."""
    limits = case.limits

    def total(field: str, t: int) -> Any:
        parts = (getattr(term, field) for term in terms.values())
        return quicksum(part[t] for part in parts if part is not None)

    def yearly(
        name: str, left: Callable[[int], Any], right: float, unit: float
    ) -> None:
        """Write a limit; its row's right side moves by ``unit`` per unit of it."""
        mean = limits.mean_of_years
        _add_yearly(m, name, left, right, at, mean=mean, row_per_unit=unit)

    if (most := limits.co2_t_per_yr) is not None:
        yearly("co2_t_per_yr", lambda t: total("co2_t", t), most, 1.0)
    if (most := limits.nox_t_per_yr) is not None:
        kg = most * KG_PER_T
        yearly("nox_t_per_yr", lambda t: total("nox_kg", t), kg, KG_PER_T)
    if (most := limits.water_m3_per_yr) is not None:
        yearly("water_m3_per_yr", lambda t: total("water_m3", t), most, 1.0)
    if (share := limits.renewable_share_frac) is not None:

        def missing(t: int) -> Any:
            green = (
                total("renewable_mw", t)
                - total("export_mw", t)
                - total("storage_loss_mw", t)
            )
            return share * (m.demand_mw[t] - m.unserved_mw[t]) - green

        yearly("renewable_share_frac", missing, 0.0, _mean_year(at, m.demand_mw))
    if limits.land_km2 is not None:
        parts = (t.land_km2 for t in terms.values() if t.land_km2 is not None)
        land = limits.land_km2 + _excess(m, "limits.land_km2")
        m.limit_land_km2 = Constraint(expr=quicksum(parts) <= land)
    if limits.capital_usd is not None:
        usd = limits.capital_usd + _excess(m, "limits.capital_usd")
        m.limit_capital_usd = Constraint(
            expr=all_in_capital_usd(m, case, terms) / 1e6 <= usd / 1e6
        )
    unserved = 1 - limits.gpu_served_frac
    yearly(
        "gpu_served_frac",
        lambda t: m.unserved_mw[t] / m.pue[t] - unserved * m.it_mw[t],
        0.0,
        _mean_year(at, m.it_mw),
    )


def _mean_year(at: Horizon, hourly: list[float]) -> float:
    """Return the weighted sum of a series over the average year."""
    return sum(w * x for w, x in zip(at.weight, hourly, strict=True))


def _add_yearly(
    m: Any,
    name: str,
    left: Callable[[int], Any],
    right: float,
    at: Horizon,
    *,
    mean: bool,
    row_per_unit: float,
) -> None:
    """Write ``sum of weight * left <= right`` for each weather year, or their mean."""
    spans = [range(len(at.weight))] if mean else list(at.years)
    share = [1.0] * len(at.weight) if mean else at.year_share.tolist()
    rule_name = f"limits.{name}"
    scale = m.excess_scale.get(rule_name)
    if scale is not None and len(m.excess_scale) == 1 and len(spans) == 1:
        # Alone, its own sum is what there is to minimise: no row ties the hours.
        summed = quicksum(at.weight[t] / share[t] * left(t) for t in spans[0])
        m.given_way[rule_name] = (summed - right) / (row_per_unit * scale)
        return

    def net(t: int) -> Any:
        return left(t) if scale is None else left(t) - m.hourly_excess[rule_name, t]

    def rule(m, y):
        summed = quicksum(at.weight[t] / share[t] * net(t) for t in spans[y])
        return summed <= right

    m.add_component(f"limit_{name}", Constraint(range(len(spans)), rule=rule))
    if scale is not None:
        m.given_way[rule_name] = quicksum(
            at.weight[t] / (row_per_unit * scale) * m.hourly_excess[rule_name, t]
            for t in m.hours
        )


def all_in_capital_usd(m: Any, case: Case, terms: Mapping[str, Terms]) -> Any:
    """Return the cost of the whole plant at start-up, an expression. [USD]"""
    direct = quicksum(t.capital_usd for t in terms.values())
    fixed = sum(case.site.fixed_capital_usd.values())
    line = case.gas.lateral_usd * m.gas_line
    return all_in_frac(case.finance) * (direct + fixed + line)


def add_cost(
    m: Any, case: Case, inputs: Inputs, terms: Mapping[str, Terms], at: Horizon
) -> None:
    """Add up the yearly cost by asset and category; the objective is their sum."""
    weight, finance, prices = at.weight, case.finance, case.prices
    gas_price = inputs.data["gas_usd_per_mmbtu"].values.tolist()
    fixed_usd = sum(case.site.fixed_capital_usd.values())
    costs: dict[tuple[str, str], Any] = {
        ("site", "capital"): annual_frac(finance, finance.term_years) * fixed_usd,
        ("gas_line", "capital"): annual_frac(finance, case.gas.lateral_life_yr)
        * case.gas.lateral_usd
        * m.gas_line,
        ("load", "lost_compute"): lost_compute_usd_per_mwh(case, inputs)
        * quicksum(weight[t] * m.unserved_mw[t] for t in m.hours),
    }
    for name, term in terms.items():
        costs[name, "capital"] = annual_frac(finance, term.life_yr) * term.capital_usd
        for category, usd in term.cost_usd.items():
            costs[name, category] = usd
        if term.gas_mmbtu is not None:
            costs[name, "fuel"] = quicksum(
                weight[t] * gas_price[t] * term.gas_mmbtu[t] for t in m.hours
            )
        for category, flow, usd_per_unit in (
            ("co2_price", term.co2_t, prices.co2_usd_per_t),
            ("nox_price", term.nox_kg, prices.nox_usd_per_t / KG_PER_T),
            ("water", term.water_m3, prices.water_usd_per_m3),
        ):
            if flow is not None and usd_per_unit:
                costs[name, category] = usd_per_unit * quicksum(
                    weight[t] * flow[t] for t in m.hours
                )
    m.cost_usd = Expression(list(costs), rule=lambda m, *key: costs[key])
    m.cost = Objective(
        expr=quicksum(m.cost_usd[key] for key in costs) / USD_PER_KUSD, sense=minimize
    )


def excess_found(plant: PlantModel, name: str) -> float:
    """Return by how much a solved elastic model breaks a rule, in the rule's unit.

    Of a yearly rule that holds in each weather year it is the worst year's.
    """
    m, at = plant.m, plant.at
    if name not in YEARLY:
        return float(value(m.excess[name])) * m.excess_scale[name]
    per_year = max(value(m.given_way[name]), 0.0) * m.excess_scale[name]
    if plant.case.limits.mean_of_years or len(at.years) == 1:
        return float(per_year)
    mean = sum(at.weight[t] * m.hourly_excess[name, t].value for t in m.hours)
    if mean == 0:
        return 0.0
    worst = max(
        sum(at.weight[t] * m.hourly_excess[name, t].value for t in year)
        / float(at.year_share[year.start])
        for year in at.years
    )
    return float(per_year * worst / mean)


def found_arrays(plant: PlantModel) -> dict[str, dict[str, Any]]:
    """Return each technology's solved variables as floats and arrays.

    Returns
    -------
    dict of str to dict
        Technology -> variable -> float or array; ``"plant"`` holds the plant-wide
        hourly variables.
    """

    def read(block: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for var in block.component_objects(Var, descend_into=False):
            if not var.is_indexed():
                found[var.local_name] = float(value(var))
            elif var.index_set() in (plant.m.hours, plant.m.weeks):
                found[var.local_name] = np.array(
                    [v.value for v in var.values()], dtype=float
                )
        return found

    arrays = {name: read(plant.m.plant[name]) for name in plant.terms}
    arrays["plant"] = read(plant.m)
    return arrays


def idle_arrays(
    plant: PlantModel, sizes: Mapping[tuple[str, str], float]
) -> dict[str, dict[str, Any]]:
    """Return what a plant of these sizes that does nothing would be read as.

    As :func:`found_arrays`, but every variable is zero that is no size; a size that is
    given by the case has its value.
    """
    found: dict[str, dict[str, Any]] = {}
    for name, term in plant.terms.items():
        found[name] = {}
        for var in plant.m.plant[name].component_objects(Var, descend_into=False):
            if not var.is_indexed():
                found[name][var.local_name] = 0.0
            elif var.index_set() in (plant.m.hours, plant.m.weeks):
                found[name][var.local_name] = np.zeros(len(var))
        for size in term.sizes:
            found[name][size.name] = sizes.get((name, size.name), size.most)
    return found


def put_arrays(plant: PlantModel, arrays: Mapping[str, Mapping[str, Any]]) -> None:
    """Give a model's variables the values that :func:`found_arrays` read.

    Parameters
    ----------
    plant : PlantModel
        Fixed variables keep their value.
    arrays : mapping
        Technology, or ``"plant"``, -> variable -> float or array; what a variable is
        not given, it does not get.

    Raises
    ------
    ValueError
        If an array has another length than its variable.
    """
    blocks = {name: plant.m.plant[name] for name in plant.terms} | {"plant": plant.m}
    for name, block in blocks.items():
        for var in block.component_objects(Var, descend_into=False):
            given = arrays[name].get(var.local_name)
            if given is None:
                continue
            values = np.atleast_1d(np.asarray(given, dtype=float)).tolist()
            for member, x in zip(var.values(), values, strict=True):
                if not member.fixed:
                    member.set_value(x, skip_validation=True)
