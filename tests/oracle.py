"""The plant a second time: plain matrices, written from its equations and not its code.

Nothing of energyopt is used but the parameter values of a :class:`Case`. Columns and
rows are numpy index arrays that go straight to HiGHS. Where there is a choice, the
form differs from the package's: units are counted one by one, output is what lies
above minimum load, stored energy stands at the *start* of an hour, the loss of the
largest units is a threshold instead of a list of ways.

Costs are in thousands of dollars a year; one weather year.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import highspy
import numpy as np
from scipy import sparse

from energyopt.case import Case

INF = highspy.kHighsInf
PLAIN = (
    "demand_mw",
    "pue",
    "gas_usd_per_mmbtu",
    "power_usd_per_mwh",
    "export_usd_per_mwh",
    "temp_air",
    "temp_wet_bulb",
    "pressure",
    "weight_h",
)
Form = list[tuple[Any, Any]]
"""A linear form, one for each hour or one in all: pairs of factors and columns."""


@dataclass
class Series:
    """The hours: arrays of one length."""

    demand_mw: Any
    pue: Any
    gas_usd_per_mmbtu: Any
    power_usd_per_mwh: Any
    export_usd_per_mwh: Any
    temp_air: Any
    temp_wet_bulb: Any
    pressure: Any
    design_pressure: float
    month: Any  # local, 1 to 12
    week: Any  # 0, 1, ...
    weight_h: Any
    share_frac: dict[str, Any]  # of sun and wind, per MW


@dataclass
class Answer:
    """An optimal plant: dollars and bound a year, sizes, energy by name."""

    usd: float
    bound_usd: float
    units: dict[str, int] = field(default_factory=dict)
    mw: dict[str, float] = field(default_factory=dict)
    mwh: dict[str, float] = field(default_factory=dict)
    energy_mwh: dict[str, float] = field(default_factory=dict)
    used: dict[str, float] = field(default_factory=dict)  # of what the case may limit


class Matrix:
    """Columns and rows, collected and then handed over."""

    def __init__(self) -> None:
        self.lower: list[Any] = []
        self.upper: list[Any] = []
        self.whole: list[Any] = []
        self.count = 0
        self.height = 0
        self.cost: list[tuple[Any, Any]] = []
        self.entries: list[tuple[Any, Any, Any]] = []
        self.limits: list[tuple[Any, Any]] = []

    def columns(self, size: int, upper: Any, lower: Any = 0.0, *, whole=False) -> Any:
        """Return the numbers of new columns; of a single one, as a plain number."""
        found = np.arange(self.count, self.count + size)
        self.count += size
        self.lower.append(np.broadcast_to(np.asarray(lower, float), (size,)))
        self.upper.append(np.broadcast_to(np.asarray(upper, float), (size,)))
        self.whole.append(np.full(size, whole))
        return found if size > 1 else int(found[0])

    def rows(self, lower: Any, form: Form, upper: Any, size: int) -> None:
        """Add ``size`` rows; columns with more axes than one are added up."""
        number = np.arange(self.height, self.height + size)
        for factor, column in form:
            columns = np.asarray(column)
            shape = np.broadcast_shapes(columns.shape, np.shape(factor), (size,))
            self.entries.append(
                (
                    np.broadcast_to(number, shape).ravel(),
                    np.broadcast_to(columns, shape).ravel(),
                    np.broadcast_to(np.asarray(factor, float), shape).ravel(),
                )
            )
        self.limits.append(
            (
                np.broadcast_to(np.asarray(lower, float), (size,)),
                np.broadcast_to(np.asarray(upper, float), (size,)),
            )
        )
        self.height += size

    def row(self, lower: float, form: Form, upper: float) -> None:
        """Add one row in which everything is added up."""
        tall = [
            tuple(x[..., None] for x in np.broadcast_arrays(factor, column))
            for factor, column in form
        ]
        self.rows(lower, [(f, c) for f, c in tall], upper, 1)

    def pay(self, form: Form, factor: Any = 1.0) -> None:
        """Add dollars to the cost."""
        for own, column in form:
            usd, columns = np.broadcast_arrays(np.asarray(factor) * own / 1000, column)
            self.cost.append((columns.ravel(), usd.ravel()))

    def solve(self, fixed_usd: float, gap_frac: float, *, relaxed=False) -> Any:
        """Return the cheapest point, its dollars, and the proven bound."""
        cost = np.zeros(self.count)
        for column, kusd in self.cost:
            np.add.at(cost, column, kusd)
        row, column, factor = (
            np.concatenate(part) for part in zip(*self.entries, strict=True)
        )
        by_column = sparse.csc_array(
            (factor, (row, column)), shape=(self.height, self.count)
        )
        by_column.data[np.abs(by_column.data) < 1e-12] = 0  # what has cancelled out
        by_column.eliminate_zeros()
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_, lp.offset_ = self.count, self.height, fixed_usd / 1000
        lp.col_cost_ = cost
        lp.col_lower_ = np.concatenate(self.lower)
        lp.col_upper_ = np.concatenate(self.upper)
        lp.row_lower_ = np.concatenate([low for low, _ in self.limits])
        lp.row_upper_ = np.concatenate([high for _, high in self.limits])
        lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        lp.a_matrix_.start_ = by_column.indptr
        lp.a_matrix_.index_ = by_column.indices
        lp.a_matrix_.value_ = by_column.data
        whole = np.concatenate(self.whole)
        if whole.any() and not relaxed:
            kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
            lp.integrality_ = [kinds[int(w)] for w in whole]
        highs = highspy.Highs()
        highs.setOptionValue("output_flag", False)
        highs.setOptionValue("mip_rel_gap", gap_frac)
        highs.setOptionValue("mip_abs_gap", 1e-6)
        if not whole.any():
            highs.setOptionValue("solver", "hipo")  # as it was, where not installed
        assert highs.passModel(lp) == highspy.HighsStatus.kOk
        highs.run()
        assert highs.getModelStatus() == highspy.HighsModelStatus.kOptimal
        info = highs.getInfo()
        usd = 1000 * info.objective_function_value
        is_mip = whole.any() and not relaxed
        bound = 1000 * info.mip_dual_bound if is_mip else usd
        return np.array(highs.getSolution().col_value), usd, bound


def scaled(form: Form, factor: Any) -> Form:
    """Return a form times a number, or times one number for each hour."""
    return [(np.asarray(factor) * own, column) for own, column in form]


def before(columns: Any) -> Any:
    """Return the columns one hour (or week) earlier, the last before the first."""
    return np.roll(columns, 1)


def window(columns: Any, steps: int) -> Any:
    """Return each hour's column and those of the ``steps - 1`` before it."""
    return np.stack([np.roll(columns, k) for k in range(steps)])


def yearly_frac(case: Case, life_yr: float) -> float:
    """Return the yearly payment on a dollar of direct cost, by adding up a loan."""
    money = case.finance
    real = (1 + money.wacc_nominal_frac) / (1 + money.inflation_frac) - 1
    years = int(min(life_yr, money.term_years))
    worth = sum((1 + real) ** -k for k in range(1, years + 1))
    return all_in(case) / worth


def all_in(case: Case) -> float:
    """Return dollars at start-up per dollar of direct cost."""
    money = case.finance
    soft = 1 + money.owners_cost_frac + money.contingency_frac
    return soft * (1 + money.wacc_nominal_frac * money.construction_months / 24)


def at_full_load(unit: Any, temp_c: Any, wet_c: Any, pressure_pa: Any) -> Any:
    """Return one unit's net MW, its MMBtu/h, and its inlet's m3 of water per MWh."""
    colder, chiller, water = 0.0 * temp_c, 0.0, 0.0 * temp_c
    if unit.inlet == "evaporative":
        reach = unit.evaporative_effectiveness_frac * np.maximum(temp_c - wet_c, 0)
        colder = np.where(temp_c > 15, reach, 0)
        water = unit.evaporative_water_m3_per_mwh_per_c * colder
    if unit.inlet == "chiller":
        colder = temp_c - np.minimum(temp_c, unit.chiller_inlet_c)
        chiller = unit.chiller_auxiliary_frac_per_c * colder
    inlet_c = temp_c - colder
    thin = np.minimum(pressure_pa / 101_325, 1) if unit.pressure_derate else 1.0
    half_life = unit.life_yr / 2
    gross = unit.unit_mw_iso * thin * np.ones_like(temp_c)
    gross -= (
        gross * unit.derate_frac_per_c * np.clip(inlet_c - unit.derate_from_c, 0, None)
    )
    gross *= 1 - half_life * unit.degradation_output_frac_per_yr
    rate = unit.heat_rate_hhv_mmbtu_per_mwh * (
        1 + unit.heat_rate_frac_per_c * np.clip(inlet_c - 15, 0, None)
    )
    rate *= 1 + half_life * unit.degradation_heat_rate_frac_per_yr
    return gross - gross * (unit.auxiliary_frac + chiller), gross * rate, water


def four_peaks(price: Any, month: Any) -> Any:
    """Return a quarter in the dearest hour of each of June to September."""
    share = np.zeros(len(price))
    for summer_month in (6, 7, 8, 9):
        hours = np.flatnonzero(month == summer_month)
        if hours.size:
            share[hours[np.argmax(price[hours])]] = 0.25
    return share


def reduced_year(case: Case, s: Series) -> Answer:
    """Return the plant without commitment: gas, sun, wind, battery, grid, load shed.

    Technologies are called ``gas``, ``solar``, ``wind``, ``battery`` and ``grid``;
    units of gas need not be whole.
    """
    hours, w = len(s.demand_mw), s.weight_h
    gas, grid = case.technologies["gas"], case.technologies["grid"]
    battery = case.technologies["battery"]
    mx = Matrix()
    unit_mw, unit_mmbtu, _ = at_full_load(gas, s.temp_air, s.temp_wet_bulb, s.pressure)

    # Power to the bus, one family of columns a source.
    size = {
        "gas": mx.columns(1, gas.max_units, gas.min_units),  # units
        "solar": mx.columns(1, case.technologies["solar"].max_mw),
        "wind": mx.columns(1, case.technologies["wind"].max_mw),
        "battery": mx.columns(1, battery.max_mw),
        "grid": mx.columns(1, grid.max_mw),
    }
    energy = mx.columns(1, battery.max_mwh)
    give = {name: mx.columns(hours, INF) for name in size}
    take = {name: mx.columns(hours, INF) for name in ("battery", "grid")}
    stored = mx.columns(hours, INF)  # above the floor, at the start of the hour
    short = mx.columns(hours, s.demand_mw)

    supply = [(1, give[name]) for name in give]
    demand = [(-1, take[name]) for name in take]
    mx.rows(s.demand_mw, [*supply, *demand, (1, short)], s.demand_mw, hours)

    rated = {name: s.share_frac[name] for name in ("solar", "wind")}
    rated |= {"gas": unit_mw, "grid": grid.availability_frac}
    for name, share in rated.items():
        mx.rows(-INF, [(1, give[name]), (-share, size[name])], 0, hours)
    mx.rows(-INF, [(1, take["grid"]), (-rated["grid"], size["grid"])], 0, hours)
    both = [(1, give["battery"]), (1, take["battery"]), (-1, size["battery"])]
    mx.rows(-INF, both, 0, hours)

    end = np.roll(stored, -1)
    kept = [(1, end), (-1, stored), (-battery.charge_frac, take["battery"])]
    mx.rows(0, [*kept, (1 / battery.discharge_frac, give["battery"])], 0, hours)
    mx.rows(-INF, [(1, stored), (battery.floor_frac - 1, energy)], 0, hours)
    mx.row(0, [(1, energy), (-battery.min_hours_h, size["battery"])], INF)

    lost_it = w @ (s.demand_mw / s.pue) * (1 - case.limits.gpu_served_frac)
    mx.row(-INF, [(w / s.pue, short)], lost_it)

    per_unit = gas.unit_mw_iso * 1000
    mx.pay([(per_unit * gas.om_fixed_usd_per_kw_yr, size["gas"])])
    owed = yearly_frac(case, gas.life_yr)
    mx.pay([(per_unit * gas.capital_usd_per_kw, size["gas"])], owed)
    rate = unit_mmbtu / unit_mw
    mx.pay([(w * (gas.om_variable_usd_per_mwh), give["gas"])])
    mx.pay([(w * s.gas_usd_per_mmbtu * rate, give["gas"])])
    co2 = case.prices.co2_usd_per_t
    mx.pay([(w * co2 * gas.co2_t_per_mmbtu * rate, give["gas"])])
    for name in ("solar", "wind"):
        made = case.technologies[name]
        owed = yearly_frac(case, made.life_yr)
        mx.pay([(1000 * owed * made.capital_usd_per_kw, size[name])])
        mx.pay([(1000 * made.om_fixed_usd_per_kw_yr, size[name])])
        mx.pay([(w * made.om_variable_usd_per_mwh, give[name])])
    owed = yearly_frac(case, battery.life_yr)
    by_kw = owed * battery.capital_usd_per_kw + battery.om_fixed_usd_per_kw_yr
    by_kwh = owed * battery.capital_usd_per_kwh + battery.augmentation_usd_per_kwh_yr
    mx.pay([(1000 * by_kw, size["battery"]), (1000 * by_kwh, energy)])
    mx.pay([(w * battery.om_variable_usd_per_mwh, give["battery"])])
    by_kw = yearly_frac(case, grid.life_yr) * grid.capital_usd_per_kw
    mx.pay([(1000 * (by_kw + grid.connection_usd_per_kw_yr), size["grid"])])
    peaks = four_peaks(s.power_usd_per_mwh, s.month)
    mx.pay([(1000 * grid.four_cp_usd_per_kw_yr * peaks, give["grid"])])
    bought = s.power_usd_per_mwh + grid.delivery_usd_per_mwh
    mx.pay([(w * (bought + co2 * grid.co2_t_per_mwh), give["grid"])])
    sold = s.export_usd_per_mwh - grid.export_basis_usd_per_mwh
    mx.pay([(-w * sold, take["grid"])])
    mx.pay([(w * case.load.lost_compute_usd_per_mwh, short)])

    x, usd, bound = mx.solve(0.0, 0.0)
    sums = {name: float(w @ x[give[name]]) for name in give}
    sums["export"] = float(w @ x[take["grid"]])
    sums["unserved"] = float(w @ x[short])
    return Answer(
        usd,
        bound,
        mw={name: float(x[column]) for name, column in size.items()},
        mwh={"battery": float(x[energy])},
        energy_mwh=sums,
    )


@dataclass
class Parts:
    """What the pieces of the whole plant add to the rows that they share."""

    net_mw: Form = field(default_factory=list)
    ready_mw: Form = field(default_factory=list)  # at once
    lasting_mw: Form = field(default_factory=list)  # through the repair
    lost: list[tuple[Form, Form]] = field(default_factory=list)  # the same two, tripped
    firm: list[tuple[float, Any]] = field(default_factory=list)  # unit MW, columns
    credit_mw: Form = field(default_factory=list)
    gas_mmbtu: Form = field(default_factory=list)
    co2_t: Form = field(default_factory=list)
    nox_kg: Form = field(default_factory=list)
    water_m3: Form = field(default_factory=list)
    green_mw: Form = field(default_factory=list)
    out_mw: Form = field(default_factory=list)
    standby_mw: Form = field(default_factory=list)
    turning_units: Form = field(default_factory=list)
    forming_mw: Form = field(default_factory=list)
    swing_mw: Form = field(default_factory=list)
    capital_usd: Form = field(default_factory=list)
    land_km2: Form = field(default_factory=list)


def whole_plant(case: Case, s: Series, *, gap_frac: float = 1e-7) -> Answer:
    """Return the plant with everything on: whole units, reserve, N+k, limits."""
    hours, w = len(s.demand_mw), s.weight_h
    mx, p = Matrix(), Parts()
    line = mx.columns(1, 1, whole=True)
    short = mx.columns(hours, s.demand_mw)
    adders = {"backup": ("delivery", "standby")}
    prices = [np.zeros(hours)]
    lowest = np.zeros(hours)
    for t in case.technologies.values():
        if t.kind == "grid":
            names = adders.get(t.mode, ("delivery",))
            meter = sum(getattr(t, f"{n}_usd_per_mwh") for n in names)
            # A MWh in a peak hour that is bought freely costs its share of the charge.
            charge = 1000 * t.four_cp_usd_per_kw_yr * (t.mode in ("parallel", "export"))
            peaks = four_peaks(s.power_usd_per_mwh, s.month)
            prices.append(s.power_usd_per_mwh + meter + charge * peaks / w)
            prices.append(s.export_usd_per_mwh - t.export_basis_usd_per_mwh)
            lowest = s.power_usd_per_mwh + meter

    found: dict[str, dict[str, Any]] = {}
    for name, t in case.technologies.items():
        if t.kind == "gas_turbine":
            found[name] = gas_units(mx, p, case, s, t, line)
        elif t.kind == "battery":
            found[name] = battery_blocks(mx, p, case, s, t, lowest < 0)
        elif t.kind == "grid":
            found[name] = connection(mx, p, case, s, t)
        else:
            found[name] = sun_or_wind(mx, p, case, s, t, s.share_frac[name])

    mx.rows(s.demand_mw, [*p.net_mw, (1, short)], s.demand_mw, hours)
    if case.gas.lateral_mmbtu_per_h is not None:
        mx.rows(-INF, p.gas_mmbtu, case.gas.lateral_mmbtu_per_h, hours)
    if p.standby_mw:
        mx.rows(-INF, p.standby_mw + scaled(p.out_mw, -1), 0, hours)
    stand_through_losses(mx, p, case, s)
    stand_at_design(mx, p, case)
    keep_limits(mx, p, case, s, short, line)

    fixed = sum(case.site.fixed_capital_usd.values())
    lost_usd = case.load.lost_compute_usd_per_mwh
    if not case.load.for_sale:
        lost_usd = max(lost_usd, 1.25 * max(float(v.max()) for v in prices))
    mx.pay([(w * lost_usd, short)])
    mx.pay([(case.gas.lateral_usd, line)], yearly_frac(case, case.gas.lateral_life_yr))
    mx.pay(p.gas_mmbtu, w * s.gas_usd_per_mmbtu)
    mx.pay(p.co2_t, w * case.prices.co2_usd_per_t)
    mx.pay(p.nox_kg, w * case.prices.nox_usd_per_t / 1000)
    mx.pay(p.water_m3, w * case.prices.water_usd_per_m3)
    x, usd, bound = mx.solve(fixed * yearly_frac(case, 1e9), gap_frac)
    answer = Answer(usd, bound)
    for name, columns in found.items():
        if "units" in columns:
            answer.units[name] = round(x[columns["units"]].sum())
        if "mw" in columns:
            answer.mw[name] = float(x[columns["mw"]])
        if "mwh" in columns:
            answer.mwh[name] = float(x[columns["mwh"]])
        for label, form in columns["energy"].items():
            path = f"{name}.{label}" if label else name
            answer.energy_mwh[path] = sum(float(w @ (f * x[c])) for f, c in form)
    answer.energy_mwh["unserved"] = float(w @ x[short])

    def total(form: Form, factor: Any = 1.0) -> float:
        return sum(float(np.sum(factor * f * x[c])) for f, c in form)

    direct = total(p.capital_usd) + fixed + case.gas.lateral_usd * float(x[line])
    served_mwh = float(w @ s.demand_mw) - answer.energy_mwh["unserved"]
    answer.used = {
        "co2_t_per_yr": total(p.co2_t, w),
        "nox_t_per_yr": total(p.nox_kg, w) / 1000,
        "water_m3_per_yr": total(p.water_m3, w),
        "land_km2": total(p.land_km2),
        "capital_usd": all_in(case) * direct,
        "renewable_share_frac": total(p.green_mw, w) / served_mwh,
    }
    return answer


def gas_units(mx: Matrix, p: Parts, case: Case, s: Series, t: Any, line: int) -> Any:
    """Add the units of one type; the j-th exists only if the one before it does."""
    hours, w, most = len(s.demand_mw), s.weight_h, t.max_units
    unit_mw, unit_mmbtu, inlet_m3 = at_full_load(
        t, s.temp_air, s.temp_wet_bulb, s.pressure
    )
    place = np.arange(most)
    exists = np.atleast_1d(mx.columns(most, 1, place < t.min_units, whole=True))
    if most > 1:
        mx.rows(0, [(1, exists[:-1]), (-1, exists[1:])], INF, most - 1)
    mx.row(-INF, [(1, exists[0]), (-1, line)], 0)
    every = mx.columns(1, most)
    mx.row(0, [(1, every), (-1, exists)], 0)

    on = mx.columns(hours, most, whole=True)
    up, down = mx.columns(hours, most), mx.columns(hours, most)
    above = mx.columns(hours, INF)  # MW beyond minimum load
    least = t.min_load_frac * unit_mw
    output: Form = [(least, on), (1, above)]
    mx.rows(-INF, [(1, above), (least - unit_mw, on)], 0, hours)
    mx.rows(0, [(1, on), (-1, before(on)), (-1, up), (1, down)], 0, hours)
    mx.rows(-INF, [(1, up), (-1, on)], 0, hours)  # who started is on
    mx.rows(-INF, [(1, down), (-1, before(on))], 0, hours)  # who stopped was on
    up_h, down_h = (max(1, int(np.ceil(h))) for h in (t.min_up_h, t.min_down_h))
    mx.rows(0, [(1, on), (-1, window(up, up_h))], INF, hours)
    resting: Form = [(1, every), (-1, on), (-1, window(down, down_h))]
    mx.rows(0, resting, INF, hours)

    # Ramps: those that stay on move by the ramp; one that starts (stops) comes from
    # (goes to) nothing and is at minimum load or more on the other side of the step.
    if t.ramp_frac_per_h < 1:
        step = t.ramp_frac_per_h * unit_mw
        edge = np.maximum(step, least)
        stay: Form = [(1, before(on)), (-1, down)]
        then = np.roll(least, 1)
        rise = [*output, (-then, before(on)), (-1, before(above))]
        limit = [*scaled(stay, step), (edge, up), (-then, down)]
        mx.rows(-INF, rise + scaled(limit, -1), 0, hours)
        # Backwards in time a fall is a rise.
        limit = [*scaled(stay, np.roll(step, 1)), (np.roll(edge, 1), down)]
        limit += [(-least, up)]
        mx.rows(-INF, scaled(rise, -1) + scaled(limit, -1), 0, hours)

    # Maintenance: each unit is away once for a run of whole weeks.
    weeks = int(s.week.max()) + 1
    away: Any = None
    if t.maintenance_weeks:
        leaves = mx.columns(weeks, most, whole=True)
        mx.row(0, [(1, leaves), (-1, exists)], 0)
        away = window(leaves, min(t.maintenance_weeks, weeks))[:, s.week]
    gone: Form = [] if away is None else [(1, away)]
    mx.rows(0, [(1, every), (-1, on), *scaled(gone, -1)], INF, hours)

    slope = (1 - t.no_load_fuel_frac) * unit_mmbtu / unit_mw
    fuel = [*scaled(output, slope), (t.no_load_fuel_frac * unit_mmbtu, on)]
    fuel += [(t.start_fuel_mmbtu_per_mw * t.unit_mw_iso, up)]
    per_mmbtu_kg = t.nox_lb_per_mmbtu * 0.45359237
    p.gas_mmbtu += fuel
    p.co2_t += scaled(fuel, t.co2_t_per_mmbtu)
    p.nox_kg += scaled(fuel, per_mmbtu_kg)
    p.nox_kg += [(t.nox_start_kg_per_mw * t.unit_mw_iso, up)]
    p.water_m3 += scaled(output, t.water_m3_per_mwh + inlet_m3)
    p.net_mw += output
    p.out_mw += scaled(gone, unit_mw)

    online = [(unit_mw, on)]
    p.ready_mw += online
    hold_h = case.contingencies.hold_h if case.contingencies else 0.25
    if t.start_h <= hold_h:  # every unit that is not away can be there in time
        p.lasting_mw += [(unit_mw, every), *scaled(gone, -unit_mw)]
    else:
        p.lasting_mw += online
    if case.contingencies and case.contingencies.unit:
        if case.contingencies.against == "online":
            some = mx.columns(hours, 1, whole=True)
            mx.rows(0, [(most, some), (-1, on)], INF, hours)
            p.lost.append(([(unit_mw, some)], [(unit_mw, some)]))
        else:
            p.lost.append(([(unit_mw, exists[0])], [(unit_mw, exists[0])]))
    if t.synchronous:
        p.turning_units += [(1, on)]
        p.forming_mw += online
    design = (
        np.array([v])
        for v in (
            case.site.design_temp_c,
            case.site.design_wet_bulb_c,
            s.design_pressure,
        )
    )
    p.firm.append((float(at_full_load(t, *design)[0][0]), exists))

    inlet = {
        "none": 0,
        "evaporative": t.evaporative_capital_usd_per_kw,
        "chiller": t.chiller_capital_usd_per_kw,
    }[t.inlet]
    kw = 1000 * t.unit_mw_iso
    direct: Form = [(kw * (t.capital_usd_per_kw + inlet), exists)]
    p.capital_usd += direct
    p.land_km2 += [(t.land_km2_per_mw * t.unit_mw_iso, exists)]
    mx.pay(direct, yearly_frac(case, t.life_yr))
    mx.pay([(kw * t.om_fixed_usd_per_kw_yr, exists)])
    mx.pay(output, w * t.om_variable_usd_per_mwh)
    mx.pay([(w * t.start_cost_usd_per_mw * t.unit_mw_iso, up)])
    energy = {"": output, "starts": [(np.ones(hours), up)]}
    if away is not None:
        energy["away"] = [(np.ones(hours), column) for column in away]
    return {"units": exists, "energy": energy}


def battery_blocks(
    mx: Matrix, p: Parts, case: Case, s: Series, t: Any, paid: Any
) -> Any:
    """Add a battery; in the hours ``paid`` burning power would earn money."""
    hours, w = len(s.demand_mw), s.weight_h
    power = mx.columns(1, t.max_mw, t.min_mw)
    energy = mx.columns(1, t.max_mwh)
    swing = mx.columns(1, t.max_mw)
    built = mx.columns(1, 1, whole=True)
    into, out = mx.columns(hours, INF), mx.columns(hours, INF)
    stored = mx.columns(hours, INF)  # at the start of the hour
    ready = mx.columns(hours, INF)
    mx.row(-INF, [(1, power), (-t.max_mw, built)], 0)
    mx.row(0, [(1, power), (-t.block_mw, built)], INF)
    mx.row(-INF, [(1, energy), (-t.max_mwh, built)], 0)
    mx.row(0, [(1, energy), (-t.min_hours_h, power)], INF)
    mx.row(0, [(1, power), (-1, swing)], INF)
    free: Form = [(1, power), (-1, swing)]
    mx.rows(0, [*free, (-1, into), (-1, out)], INF, hours)
    mx.rows(0, [*free, (-1, ready)], INF, hours)
    end = np.roll(stored, -1)
    moved = [(-t.charge_frac, into), (1 / t.discharge_frac, out)]
    mx.rows(0, [(1, end), (-1, stored), *moved], 0, hours)
    mx.rows(-INF, [(1, stored), (-1, energy)], 0, hours)
    mx.rows(0, [(1, stored), (-t.floor_frac, energy)], INF, hours)
    hold_h = case.contingencies.hold_h if case.contingencies else 0.25
    held = [(-hold_h / t.discharge_frac, ready), (-t.floor_frac, energy)]
    mx.rows(0, [(1, stored), *held], INF, hours)
    mx.rows(0, [(1, end), *held], INF, hours)
    if paid.any():
        which = np.flatnonzero(paid)
        one_way = mx.columns(hours, paid.astype(float), whole=True)[which]
        size = len(which)
        mx.rows(0, [(t.max_mw, one_way), (-1, into[which])], INF, size)
        mx.rows(-INF, [(t.max_mw, one_way), (1, out[which])], t.max_mw, size)

    p.net_mw += [(1, out), (-1, into)]
    p.ready_mw += [(1, ready)]
    p.lasting_mw += [(1, out), (-1, into)]  # its plan goes on: later hours rest on it
    if case.contingencies and case.contingencies.battery_block:
        # At most a block's power of what is ready; of a plan that goes on in
        # proportion to the blocks left, no more than that either.
        block: Form = [(t.block_mw, built)]
        p.lost.append((block, block))
    if t.grid_forming:
        p.forming_mw += [(1, ready)]
    p.swing_mw += [(1, swing)]
    p.credit_mw += [(t.firm_credit_frac, power)]
    p.green_mw += [(t.charge_frac - 1, into), (1 - 1 / t.discharge_frac, out)]
    p.land_km2 += [(t.land_km2_per_mwh, energy)]
    direct: Form = [(1000 * t.capital_usd_per_kw, power)]
    direct += [(1000 * t.capital_usd_per_kwh, energy)]
    p.capital_usd += direct
    mx.pay(direct, yearly_frac(case, t.life_yr))
    mx.pay([(1000 * t.om_fixed_usd_per_kw_yr, power)])
    mx.pay([(1000 * t.augmentation_usd_per_kwh_yr, energy)])
    mx.pay([(w * t.om_variable_usd_per_mwh, out)])
    return {"mw": power, "mwh": energy, "energy": {"": [(np.ones(hours), out)]}}


def connection(mx: Matrix, p: Parts, case: Case, s: Series, t: Any) -> Any:
    """Add the grid: planned import and export, and what it carries in need."""
    hours, w = len(s.demand_mw), s.weight_h
    size, built = mx.columns(1, t.max_mw, t.min_mw), mx.columns(1, 1, whole=True)
    bought = mx.columns(hours, INF)
    sold = mx.columns(hours, INF if t.mode == "export" else 0)
    there = t.availability_frac
    mx.row(-INF, [(1, size), (-t.max_mw, built)], 0)
    mx.rows(-INF, [(1, bought), (-there, size)], 0, hours)
    mx.rows(-INF, [(1, sold), (-there, size)], 0, hours)
    price = s.power_usd_per_mwh + t.delivery_usd_per_mwh
    at_once = 1.0
    if t.mode == "backup":
        mx.row(-INF, [(w, bought)], t.backup_mwh_per_yr)
        p.standby_mw += [(1, bought)]
        price = price + t.standby_usd_per_mwh
        at_once = 0.0  # it has to be switched in
    if t.at_once_frac is not None:
        at_once = t.at_once_frac
    p.net_mw += [(1, bought), (-1, sold)]
    p.green_mw += [(-1, sold)]
    p.co2_t += [(t.co2_t_per_mwh, bought)]
    now: Form = [(at_once * there, size)]
    later: Form = [(there, size)]
    p.ready_mw += now
    p.lasting_mw += later
    if case.contingencies and case.contingencies.grid:
        p.lost.append((now, later))
    p.credit_mw += [(t.firm_credit_frac, size)]
    direct: Form = [(t.capital_usd, built), (1000 * t.capital_usd_per_kw, size)]
    p.capital_usd += direct
    mx.pay(direct, yearly_frac(case, t.life_yr))
    mx.pay([(1000 * t.connection_usd_per_kw_yr, size)])
    peaks = four_peaks(s.power_usd_per_mwh, s.month)
    mx.pay([(1000 * t.four_cp_usd_per_kw_yr * peaks, bought)])
    mx.pay([(w * price, bought)])
    mx.pay([(-w * (s.export_usd_per_mwh - t.export_basis_usd_per_mwh), sold)])
    one = np.ones(hours)
    return {"mw": size, "energy": {"": [(one, bought)], "export": [(one, sold)]}}


def sun_or_wind(mx: Matrix, p: Parts, case: Case, s: Series, t: Any, share: Any) -> Any:
    """Add a source that gives what the weather gives, or less."""
    hours, w = len(s.demand_mw), s.weight_h
    size = mx.columns(1, t.max_mw, t.min_mw)
    spilled = mx.columns(hours, INF)  # what is not taken
    mx.rows(0, [(share, size), (-1, spilled)], INF, hours)
    could: Form = [(share, size)]
    output = [*could, (-1, spilled)]
    p.net_mw += output
    p.green_mw += output
    p.ready_mw += could
    p.lasting_mw += could
    p.credit_mw += [(t.firm_credit_frac, size)]
    if t.kind == "solar":
        p.water_m3 += scaled(output, t.water_m3_per_mwh)
    p.land_km2 += [(t.land_km2_per_mw, size)]
    direct: Form = [(1000 * t.capital_usd_per_kw, size)]
    p.capital_usd += direct
    mx.pay(direct, yearly_frac(case, t.life_yr))
    mx.pay([(1000 * t.om_fixed_usd_per_kw_yr, size)])
    mx.pay(output, w * t.om_variable_usd_per_mwh)
    return {"mw": size, "energy": {"": [(f * np.ones(hours), c) for f, c in output]}}


def stand_through_losses(mx: Matrix, p: Parts, case: Case, s: Series) -> None:
    """What is left after each loss carries the whole demand, at once and later."""
    asked, hours = case.contingencies, len(s.demand_mw)
    if asked is None:
        return
    for now, later in p.lost:
        mx.rows(s.demand_mw, p.ready_mw + scaled(now, -1), INF, hours)
        mx.rows(s.demand_mw, p.lasting_mw + scaled(later, -1), INF, hours)
    if asked.min_synchronous_units:
        mx.rows(asked.min_synchronous_units, p.turning_units, INF, hours)
    if asked.min_grid_forming_mw:
        mx.rows(asked.min_grid_forming_mw, p.forming_mw, INF, hours)
    if asked.battery_swing_mw:
        mx.row(asked.battery_swing_mw, p.swing_mw, INF)


def stand_at_design(mx: Matrix, p: Parts, case: Case) -> None:
    r"""Without its ``L`` largest units the plant carries the load at design.

    The sum of the largest ``L`` is the least of :math:`L z + \sum (u - z)^+` over all
    ``z``, found at zero or at the size of a unit. So one such ``z`` must exist with
    :math:`\sum \min(u, z) - L z + \text{credits} \ge \text{load}`.
    """
    if case.reliability.n_plus is None:
        return
    lost = case.reliability.n_plus + case.reliability.units_in_maintenance
    marks = [0.0, *sorted({mw for mw, _ in p.firm})]
    chosen = np.atleast_1d(mx.columns(len(marks), 1, whole=True))
    mx.row(1, [(1, chosen)], 1)
    for z, pick in zip(marks, chosen, strict=True):
        left = [(min(mw, z), units) for mw, units in p.firm]
        asked_mw = case.load.facility_mw + lost * z
        mx.row(0, [*left, *p.credit_mw, (-asked_mw, pick)], INF)


def keep_limits(
    mx: Matrix, p: Parts, case: Case, s: Series, short: Any, line: int
) -> None:
    """Hold each limit over the weighted year."""
    limits, w = case.limits, s.weight_h
    for most, form, unit in (
        (limits.co2_t_per_yr, p.co2_t, 1),
        (limits.nox_t_per_yr, p.nox_kg, 1000),
        (limits.water_m3_per_yr, p.water_m3, 1),
    ):
        if most is not None:
            mx.row(-INF, scaled(form, w / unit), most)
    if limits.land_km2 is not None:
        mx.row(-INF, p.land_km2, limits.land_km2)
    if limits.capital_usd is not None:
        fixed = sum(case.site.fixed_capital_usd.values())
        most = limits.capital_usd / all_in(case) - fixed
        direct = [*p.capital_usd, (case.gas.lateral_usd, line)]
        mx.row(-INF, scaled(direct, 1e-6), most / 1e6)
    if limits.renewable_share_frac is not None:
        share = limits.renewable_share_frac
        form = [*scaled(p.green_mw, w), (share * w, short)]
        mx.row(share * float(w @ s.demand_mw), form, INF)
    it_mwh = float(w @ (s.demand_mw / s.pue))
    lost_mwh = (1 - limits.gpu_served_frac) * it_mwh
    mx.row(-INF, [(w / s.pue, short)], lost_mwh)
