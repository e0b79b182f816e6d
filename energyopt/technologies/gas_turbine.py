"""Gas units of one type: turbines, engines or small combined cycles.

Clustered commitment: the identical units of a type share one whole number of units
online, one of starts and one output.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import xarray as xr
from pydantic import Field, model_validator
from pyomo.environ import (
    Binary,
    NonNegativeIntegers,
    NonNegativeReals,
    Var,
    quicksum,
)

from energyopt.technologies.base import (
    FirmUnits,
    Fleet,
    Found,
    Horizon,
    Operation,
    PerHour,
    Recount,
    Size,
    Technology,
    Terms,
    Trip,
    by_hour,
    zeros,
)
from energyopt.units import KG_PER_T, KW_PER_MW, LB_PER_T

ISO_TEMP_C = 15.0
ISO_PRESSURE_PA = 101_325.0


class GasTurbine(Technology):
    """Identical gas-fired units, each a whole machine."""

    kind: Literal["gas_turbine"] = "gas_turbine"
    max_units: int = Field(ge=0, le=100)
    min_units: int = Field(default=0, ge=0, le=100)
    unit_mw_iso: float = Field(gt=0)
    """Gross at 15 °C and sea level, new and clean. [MW]"""

    capital_usd_per_kw: float = Field(ge=0)
    """Overnight, per gross ISO kW, SCR included."""
    om_fixed_usd_per_kw_yr: float = Field(ge=0)
    om_variable_usd_per_mwh: float = Field(ge=0)
    life_yr: float = Field(gt=0)

    heat_rate_hhv_mmbtu_per_mwh: float = Field(gt=3.4, lt=30)
    """Full load, gross, ISO, new and clean."""
    no_load_fuel_frac: float = Field(ge=0, lt=1)
    """Fuel at no load over fuel at full load: the foot of the part-load line."""
    min_load_frac: float = Field(ge=0, le=1)
    ramp_frac_per_h: float = Field(gt=0)
    """At 1 or more it cannot bind within an hour and no row is written."""
    start_cost_usd_per_mw: float = Field(gt=0)
    """Wear of a start, per ISO MW; not counted again in the variable O&M. Never zero,
    so that no start is reported that did not happen."""
    start_fuel_mmbtu_per_mw: float = Field(ge=0)
    start_h: float = Field(ge=0)
    """From order to full load, cold."""
    min_up_h: float = Field(default=1, ge=0)
    min_down_h: float = Field(default=1, ge=0)

    derate_frac_per_c: float = Field(ge=0, lt=0.05)
    """ISO output lost per degree above ``derate_from_c``."""
    derate_from_c: float = ISO_TEMP_C
    heat_rate_frac_per_c: float = Field(default=0, ge=0, lt=0.05)
    """Heat rate gained per degree above 15 °C."""
    pressure_derate: bool = True
    """Whether output follows air pressure; turbocharged engines hold it."""
    auxiliary_frac: float = Field(ge=0, lt=0.3)
    degradation_output_frac_per_yr: float = Field(default=0, ge=0, lt=0.02)
    degradation_heat_rate_frac_per_yr: float = Field(default=0, ge=0, lt=0.02)
    """Both are taken at mid-life, for every year alike."""

    inlet: Literal["none", "evaporative", "chiller"] = "none"
    evaporative_effectiveness_frac: float = Field(default=0.85, ge=0, le=1)
    evaporative_capital_usd_per_kw: float = Field(default=20, ge=0)
    evaporative_water_m3_per_mwh_per_c: float = Field(default=0.0054, ge=0)
    """Water per MWh and degree of cooling: 2.9 kg/s of air per MW, 1.006 kJ/kg/K over
    2,430 kJ/kg of evaporation, a quarter on top for blow-down."""
    chiller_inlet_c: float = 12.0
    chiller_capital_usd_per_kw: float = Field(default=150, ge=0)
    chiller_auxiliary_frac_per_c: float = Field(default=0.0008, ge=0, lt=0.01)
    """Output spent per degree of cooling: 2.9 kW of heat per MW and degree, a fifth
    on top for moisture, at a COP of 4.4."""

    maintenance_weeks: int = Field(ge=0, le=26)
    """Whole weeks in a row that each unit is out, every year."""
    maintenance_begins_units: dict[int, int] | None = None
    """Week (0, 1, ...) -> units whose visit begins; without it the model places them."""
    forced_outage_frac: float = Field(default=0, ge=0, lt=1)
    """Share of the time that a unit is out by failure; not in the dispatched year, but
    in the sampled ones."""
    repair_h: float = Field(default=48, gt=0)
    """Mean time from a failure until the unit is ready to run again."""
    start_failure_frac: float = Field(default=0, ge=0, lt=1)
    """Of starts; the unit is then out for a repair. Only in the sampled years."""
    derated_time_frac: float = Field(default=0, ge=0, lt=1)
    """Share of the time that a unit runs without ``derated_loss_frac`` of its power.
    Only in the sampled years."""
    derated_loss_frac: float = Field(default=0.3, ge=0, le=1)
    synchronous: bool = True
    dual_fuel: bool = False
    """Whether it may burn what a ``fuel_store`` holds, when gas is curtailed. Only in
    the sampled years."""
    dual_fuel_capital_usd_per_kw: float = Field(default=0, ge=0)
    """On top, if ``dual_fuel``: burners, forwarding and treatment of a second fuel."""

    co2_t_per_mmbtu: float = Field(ge=0)
    nox_lb_per_mmbtu: float = Field(ge=0)
    nox_start_kg_per_mw: float = Field(default=0, ge=0)
    water_m3_per_mwh: float = Field(default=0, ge=0)
    """Washing, injection and SCR; inlet cooling apart."""
    land_km2_per_mw: float = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _bounds_in_order(self) -> GasTurbine:
        if self.min_units > self.max_units:
            raise ValueError("min_units is larger than max_units")
        return self

    def series(self, shared: xr.Dataset) -> dict[str, Any]:
        r"""Return what one unit gives and burns at full load in each hour's weather.

        Gross output is :math:`P_{ISO}\,(p/p_0)\,(1 - s\max(0, T - T_0))\,(1 - d L/2)`
        with :math:`T` the inlet temperature after any cooling; it is not let above
        the rating in cold air. Net output is less auxiliaries and chiller.

        Parameters
        ----------
        shared : xr.Dataset
            ``temp_air``, ``temp_wet_bulb`` [°C] and ``pressure`` [Pa] at the plant.

        Returns
        -------
        dict
            ``unit_mw``: net output of one unit [MW]; ``unit_mmbtu``: its fuel in an
            hour at that output, HHV [MMBtu]; ``inlet_water_m3_per_mwh``.
        """
        outside_c = np.asarray(shared["temp_air"].values, dtype=float)
        pressure_pa = np.asarray(shared["pressure"].values, dtype=float)
        cooled_c = np.zeros_like(outside_c)
        water = np.zeros_like(outside_c)
        chiller_frac = np.zeros_like(outside_c)
        if self.inlet == "evaporative":
            depression_c = outside_c - np.asarray(shared["temp_wet_bulb"].values)
            cooled_c = np.where(
                outside_c > ISO_TEMP_C,
                self.evaporative_effectiveness_frac * np.maximum(depression_c, 0),
                0.0,
            )
            water = self.evaporative_water_m3_per_mwh_per_c * cooled_c
        elif self.inlet == "chiller":
            cooled_c = np.maximum(outside_c - self.chiller_inlet_c, 0)
            chiller_frac = self.chiller_auxiliary_frac_per_c * cooled_c
        inlet_c = outside_c - cooled_c
        pressure_frac = (
            pressure_pa / ISO_PRESSURE_PA if self.pressure_derate else 1.0
        ) * np.ones_like(outside_c)
        derate_frac = 1 - self.derate_frac_per_c * np.maximum(
            inlet_c - self.derate_from_c, 0
        )
        aged_frac = 1 - self.degradation_output_frac_per_yr * self.life_yr / 2
        gross_mw = (
            self.unit_mw_iso * np.minimum(pressure_frac, 1) * derate_frac * aged_frac
        )
        heat_rate = (
            self.heat_rate_hhv_mmbtu_per_mwh
            * (1 + self.heat_rate_frac_per_c * np.maximum(inlet_c - ISO_TEMP_C, 0))
            * (1 + self.degradation_heat_rate_frac_per_yr * self.life_yr / 2)
        )
        return {
            "unit_mw": gross_mw * (1 - self.auxiliary_frac - chiller_frac),
            "unit_mmbtu": gross_mw * heat_rate,
            "inlet_water_m3_per_mwh": water,
        }

    @property
    def _capital_usd_per_unit(self) -> float:
        inlet_usd_per_kw = {
            "none": 0.0,
            "evaporative": self.evaporative_capital_usd_per_kw,
            "chiller": self.chiller_capital_usd_per_kw,
        }[self.inlet]
        fuel_usd_per_kw = self.dual_fuel_capital_usd_per_kw if self.dual_fuel else 0.0
        usd_per_kw = self.capital_usd_per_kw + inlet_usd_per_kw + fuel_usd_per_kw
        return usd_per_kw * self.unit_mw_iso * KW_PER_MW

    @property
    def _nox_kg_per_mmbtu(self) -> float:
        return self.nox_lb_per_mmbtu / LB_PER_T * KG_PER_T

    def rows_follow(self, at: Horizon) -> object:
        """Return nothing: prices are in its costs alone."""
        return ()

    def build(self, b: Any, at: Horizon) -> Terms:
        """Commit whole units: ``min_load * online <= output <= online``, per unit_mw."""
        most = self.max_units
        unit_mw = at.series["unit_mw"]
        no_load = [self.no_load_fuel_frac * f for f in at.series["unit_mmbtu"]]
        per_mwh = [
            (1 - self.no_load_fuel_frac) * f / p
            for f, p in zip(at.series["unit_mmbtu"], unit_mw, strict=True)
        ]
        water = [self.water_m3_per_mwh + w for w in at.series["inlet_water_m3_per_mwh"]]

        b.installed_units = Var(
            domain=NonNegativeIntegers,
            bounds=(self.min_units, most),
            doc="Units installed.",
        )
        b.any_units = Var(domain=Binary, doc="Whether any unit is installed.")
        b.online_units = Var(
            at.hours,
            domain=NonNegativeIntegers,
            bounds=(0, most),
            doc="Units online.",
        )
        b.starts_units = Var(
            at.hours, domain=NonNegativeReals, bounds=(0, most), doc="Units started."
        )
        b.output_mw = Var(
            at.hours,
            domain=NonNegativeReals,
            bounds=(0, most * max(unit_mw)),
            doc="Net power to the bus.",
        )

        @b.Constraint()
        def any_if_installed(b):
            return b.installed_units <= most * b.any_units

        @b.Constraint()
        def none_if_not_installed(b):
            return b.any_units <= b.installed_units

        self._build_maintenance(b, at)
        online_units, starts_units = by_hour(b.online_units), by_hour(b.starts_units)
        output_mw = by_hour(b.output_mw)
        in_service_units = [b.installed_units - b.out_units[w] for w in at.weeks]

        @b.Constraint(at.hours)
        def in_service(b, t):
            return online_units[t] <= in_service_units[at.week_of[t]]

        @b.Constraint(at.hours)
        def full_load(b, t):
            return output_mw[t] <= unit_mw[t] * online_units[t]

        @b.Constraint(at.hours)
        def minimum_load(b, t):
            return output_mw[t] >= self.min_load_frac * unit_mw[t] * online_units[t]

        @PerHour
        def stops_units(t):
            return online_units[at.before(t)] + starts_units[t] - online_units[t]

        @b.Constraint(at.hours)
        def stops_not_negative(b, t):
            return stops_units[t] >= 0

        self._build_times_and_ramps(b, at, unit_mw, stops_units)

        start_mmbtu = self.start_fuel_mmbtu_per_mw * self.unit_mw_iso

        @PerHour
        def gas_mmbtu(t):
            return (
                no_load[t] * online_units[t]
                + per_mwh[t] * output_mw[t]
                + start_mmbtu * starts_units[t]
            )

        @PerHour
        def co2_t(t):
            return self.co2_t_per_mmbtu * gas_mmbtu[t]

        start_nox_kg = self.nox_start_kg_per_mw * self.unit_mw_iso

        @PerHour
        def nox_kg(t):
            return (
                self._nox_kg_per_mmbtu * gas_mmbtu[t] + start_nox_kg * starts_units[t]
            )

        @PerHour
        def water_m3(t):
            return water[t] * output_mw[t]

        @PerHour
        def at_once_mw(t):
            return unit_mw[t] * online_units[t]

        @PerHour
        def maintenance_mw(t):
            return unit_mw[t] * b.out_units[at.week_of[t]]

        @PerHour
        def sustained_mw(t):
            if self.start_h > at.hold_h:
                return unit_mw[t] * online_units[t]
            return unit_mw[t] * in_service_units[at.week_of[t]]

        trip_mw = self._build_trip(b, at, unit_mw)
        iso_mw = self.unit_mw_iso * b.installed_units
        weight = at.weight
        return Terms(
            net_mw=output_mw,
            capital_usd=self._capital_usd_per_unit * b.installed_units,
            life_yr=self.life_yr,
            cost_usd={
                "om_fixed": self.om_fixed_usd_per_kw_yr * KW_PER_MW * iso_mw,
                "om_variable": self.om_variable_usd_per_mwh
                * quicksum(weight[t] * output_mw[t] for t in at.hours),
                "starts": self.start_cost_usd_per_mw
                * self.unit_mw_iso
                * quicksum(weight[t] * starts_units[t] for t in at.hours),
            },
            co2_t=co2_t,
            nox_kg=nox_kg,
            water_m3=water_m3,
            land_km2=self.land_km2_per_mw * iso_mw,
            gas_mmbtu=gas_mmbtu,
            at_once_mw=at_once_mw,
            sustained_mw=sustained_mw,
            trips=(Trip(name="unit", at_once_mw=trip_mw, sustained_mw=trip_mw),),
            firm_units=FirmUnits(
                unit_mw=at.design["unit_mw"], installed=b.installed_units, most=most
            ),
            synchronous_units=online_units if self.synchronous else None,
            grid_forming_mw=at_once_mw if self.synchronous else None,
            maintenance_mw=maintenance_mw,
            on_gas=b.any_units,
            sizes=(
                Size(
                    name="installed_units", least=self.min_units, most=most, whole=True
                ),
            ),
        )

    def _build_maintenance(self, b, at) -> None:
        """Take each unit out for whole weeks in a row, once in every weather year."""
        b.begins_units = Var(
            at.weeks,
            domain=NonNegativeIntegers,
            bounds=(0, self.max_units if self.maintenance_weeks else 0),
            doc="Units whose maintenance begins in the week.",
        )

        @b.Expression(at.weeks)
        def out_units(b, w):
            return quicksum(b.begins_units[v] for v in self._out_since(at, w))

        if not self.maintenance_weeks:
            return
        if self.maintenance_begins_units is not None:
            for w in at.weeks:
                b.begins_units[w].fix(self.maintenance_begins_units.get(w, 0))

        @b.Constraint(range(len(at.years)))
        def every_unit_is_maintained(b, y):
            visits = quicksum(
                self._visits(at, w) * b.begins_units[w] for w in at.weeks_of_year(y)
            )
            if at.chronological:
                return visits == b.installed_units
            return visits >= b.installed_units

    def _out_since(self, at: Horizon, week: int) -> list[int]:
        """Return the weeks in which a visit that covers ``week`` can begin."""
        if not self.maintenance_weeks:
            return []
        if not at.chronological:
            return [week]
        year = next(
            weeks
            for weeks in map(at.weeks_of_year, range(len(at.years)))
            if week in weeks
        )
        place = year.index(week)
        length = min(self.maintenance_weeks, len(year))
        return [year[(place - k) % len(year)] for k in range(length)]

    def _visits(self, at: Horizon, week: int) -> float:
        """Return how many units one visit begun in a modelled week maintains."""
        if at.chronological:
            return 1.0
        return at.weeks_stood_for(week) / self.maintenance_weeks

    def _build_times_and_ramps(self, b, at, unit_mw, stops_units) -> None:
        """Write minimum up and down times and ramps where an hour can feel them."""
        online_units, starts_units = by_hour(b.online_units), by_hour(b.starts_units)
        output_mw = by_hour(b.output_mw)
        up_h, down_h = math.ceil(self.min_up_h), math.ceil(self.min_down_h)
        if up_h > 1:

            @b.Constraint(at.hours)
            def minimum_up(b, t):
                since = at.back(t, up_h)
                return quicksum(starts_units[s] for s in since) <= online_units[t]

        if down_h > 1:

            @b.Constraint(at.hours)
            def minimum_down(b, t):
                # Stops of these hours and units online now add up to all that were
                # online before them or started in them.
                since = at.back(t, down_h)
                started = quicksum(starts_units[s] for s in since)
                was_online = online_units[at.before(since[-1])]
                return was_online + started <= b.installed_units

        if self.ramp_frac_per_h < 1:
            ramp, least = self.ramp_frac_per_h, self.min_load_frac
            edge = max(ramp, least)  # the most at which a unit comes on or goes off

            @PerHour
            def stayed_units(t):
                return online_units[t] - starts_units[t]

            @b.Constraint(at.hours)
            def ramp_up(b, t):
                before = at.before(t)
                return output_mw[t] - output_mw[before] <= (
                    unit_mw[t] * (ramp * stayed_units[t] + edge * starts_units[t])
                    - unit_mw[before] * least * stops_units[t]
                )

            @b.Constraint(at.hours)
            def ramp_down(b, t):
                before = at.before(t)
                return output_mw[before] - output_mw[t] <= (
                    unit_mw[before] * (ramp * stayed_units[t] + edge * stops_units[t])
                    - unit_mw[t] * least * starts_units[t]
                )

    def _build_trip(self, b, at, unit_mw):
        """Return the power that the loss of one unit takes, hour by hour."""
        if not at.against_online:
            return PerHour(lambda t: unit_mw[t] * b.any_units)
        b.online_flag = Var(at.hours, domain=Binary, doc="Whether a unit is online.")

        @b.Constraint(at.hours)
        def any_online_if_online(b, t):
            return b.online_units[t] <= self.max_units * b.online_flag[t]

        return PerHour(lambda t: unit_mw[t] * b.online_flag[t])

    def recount(self, found: Found, at: Horizon) -> Recount:
        """Work the unit's sums out again, hour by hour, from the four variables."""
        unit_mw, unit_mmbtu = at.array("unit_mw"), at.array("unit_mmbtu")
        installed = float(found["installed_units"])
        online, output = found["online_units"], found["output_mw"]
        starts, begins = found["starts_units"], found["begins_units"]
        out = self._out_by_hour(begins, at)
        online_before, output_before = online[at.previous], output[at.previous]
        stops = online_before + starts - online

        gas = (
            self.no_load_fuel_frac * unit_mmbtu * online
            + (1 - self.no_load_fuel_frac) * unit_mmbtu * output / unit_mw
            + self.start_fuel_mmbtu_per_mw * self.unit_mw_iso * starts
        )
        whole = np.concatenate([online, begins, [installed]])
        broken = {
            "full_load_mw": output - unit_mw * online,
            "minimum_load_mw": self.min_load_frac * unit_mw * online - output,
            "in_service_units": online + out - installed,
            "starts_units": np.maximum(online - online_before, 0) - starts,
            "whole_units": np.abs(whole - np.round(whole)),
            "not_negative_units": -whole,
            "bounds_units": np.array(
                [self.min_units - installed, installed - self.max_units]
            ),
            "maintenance_units": self._maintenance_missing(begins, installed, at),
        }
        if (up := math.ceil(self.min_up_h)) > 1:
            broken["minimum_up_units"] = _over_window(starts, at, up) - online
        if (down := math.ceil(self.min_down_h)) > 1:
            broken["minimum_down_units"] = (
                _over_window(stops, at, down) + online - installed
            )
        if self.ramp_frac_per_h < 1:
            ramp, least = self.ramp_frac_per_h, self.min_load_frac
            edge, unit_before = max(ramp, least), unit_mw[at.previous]
            stayed = online - starts
            broken["ramp_up_mw"] = (
                (output - output_before)
                - unit_mw * (ramp * stayed + edge * starts)
                + unit_before * least * stops
            )
            broken["ramp_down_mw"] = (
                (output_before - output)
                - unit_before * (ramp * stayed + edge * stops)
                + unit_mw * least * starts
            )
        quick = self.start_h <= at.hold_h
        iso_mw = self.unit_mw_iso * installed
        weight = at.weights
        return Recount(
            broken=broken,
            mw=iso_mw,
            units=round(installed),
            unit_at_design_mw=at.design["unit_mw"],
            on_gas=installed > 0.5,
            net_mw=output,
            capital_usd=self._capital_usd_per_unit * installed,
            cost_usd={
                "om_fixed": self.om_fixed_usd_per_kw_yr * KW_PER_MW * iso_mw,
                "om_variable": self.om_variable_usd_per_mwh * float(weight @ output),
                "starts": self.start_cost_usd_per_mw
                * self.unit_mw_iso
                * float(weight @ starts),
            },
            land_km2=self.land_km2_per_mw * iso_mw,
            gas_mmbtu=gas,
            co2_t=self.co2_t_per_mmbtu * gas,
            nox_kg=self._nox_kg_per_mmbtu * gas
            + self.nox_start_kg_per_mw * self.unit_mw_iso * starts,
            water_m3=(self.water_m3_per_mwh + at.array("inlet_water_m3_per_mwh"))
            * output,
            maintenance_mw=unit_mw * out,
            synchronous_units=online if self.synchronous else zeros(at),
            grid_forming_mw=unit_mw * online if self.synchronous else zeros(at),
            at_once_mw=unit_mw * online,
            sustained_mw=unit_mw * (installed - out if quick else online),
            trip_name="one unit",
            trip_possible=online > 0.5,
            trip_at_once_mw=unit_mw,
            trip_sustained_mw=unit_mw,
            repair_h=self.repair_h,
        )

    def _out_by_hour(self, begins, at):
        """Return units out for maintenance, shape (hours,)."""
        by_week = np.array(
            [sum(begins[v] for v in self._out_since(at, w)) for w in range(len(begins))]
        )
        return by_week[at.week_index]

    def in_operation(self, found: Found, at: Horizon) -> Operation:
        """Run whole units, which fail by themselves and sometimes do not start."""
        return Operation(
            fleet=Fleet(
                units=round(float(found["installed_units"])),
                unit_mw=at.array("unit_mw"),
                online_units=np.asarray(found["online_units"], dtype=float).round(),
                out_units=np.round(self._out_by_hour(found["begins_units"], at)),
                start_h=self.start_h,
                start_failure_frac=self.start_failure_frac,
                forced_outage_frac=self.forced_outage_frac,
                repair_h=self.repair_h,
                derated_time_frac=self.derated_time_frac,
                derated_loss_frac=self.derated_loss_frac,
                on_gas=True,
                dual_fuel=self.dual_fuel,
            )
        )

    def _maintenance_missing(self, begins, installed, at):
        """Return units without their yearly visit, one entry a weather year."""
        if not self.maintenance_weeks:
            return np.zeros(1)
        missing = [
            installed
            - sum(self._visits(at, w) * begins[w] for w in at.weeks_of_year(y))
            for y in range(len(at.years))
        ]
        return np.abs(missing) if at.chronological else np.array(missing)


def _over_window(values, at: Horizon, hours: int):
    """Return the sum of ``values`` over each hour and those before it, each once."""
    total, own = np.array(values, dtype=float), np.arange(len(values))
    earlier, once = own, np.ones(len(values), dtype=bool)
    for _ in range(hours - 1):
        earlier = at.previous[earlier]
        once &= earlier != own  # a chain may be shorter than the window
        total += np.where(once, values[earlier], 0.0)
    return total
