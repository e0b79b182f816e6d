"""Battery: power and energy sized apart, one round of stored energy a year."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pydantic import Field, model_validator
from pyomo.environ import Binary, Constraint, NonNegativeReals, Var, quicksum

from energyopt.technologies.base import (
    Bank,
    Found,
    Horizon,
    Operation,
    PerHour,
    Recount,
    Size,
    Store,
    Technology,
    Terms,
    Trip,
    by_hour,
    zeros,
)
from energyopt.units import KW_PER_MW


class Battery(Technology):
    """A battery whose capacity is kept up by yearly augmentation.

    Augmentation is the whole cost of ageing: the modelled energy is the nameplate,
    in every year, and no fade is taken from it a second time.
    """

    kind: Literal["battery"] = "battery"
    max_mw: float = Field(ge=0)
    max_mwh: float = Field(ge=0)
    min_mw: float = Field(default=0, ge=0)
    min_hours_h: float = Field(default=0.5, ge=0)
    """Least energy over power."""

    capital_usd_per_kw: float = Field(ge=0)
    capital_usd_per_kwh: float = Field(ge=0)
    om_fixed_usd_per_kw_yr: float = Field(ge=0)
    augmentation_usd_per_kwh_yr: float = Field(ge=0)
    om_variable_usd_per_mwh: float = Field(default=0.1, gt=0)
    """Per MWh discharged. Never zero, so that cycling in place is never free."""
    life_yr: float = Field(gt=0)

    charge_frac: float = Field(gt=0, le=1)
    discharge_frac: float = Field(gt=0, le=1)
    floor_frac: float = Field(default=0.05, ge=0, lt=1)
    """Share of the energy that is never used."""
    block_mw: float = Field(gt=0)
    """Power of one block, the part that is lost at a time."""
    repair_h: float = Field(default=24, gt=0)
    forced_outage_frac: float = Field(default=0, ge=0, lt=1)
    """Share of the time that a block is out; only in the sampled years."""
    grid_forming: bool = True
    firm_credit_frac: float = Field(default=0, ge=0, le=1)
    """Of its power, towards installed N+k."""
    land_km2_per_mwh: float = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Battery:
        if self.min_mw > self.max_mw:
            raise ValueError("min_mw is larger than max_mw")
        return self

    @model_validator(mode="after")
    def _one_block_fits(self) -> Battery:
        if 0 < self.max_mw < self.block_mw:
            raise ValueError("block_mw is larger than max_mw")
        return self

    def _paid_to_burn(self, at: Horizon, t: int) -> bool:
        """Whether power may have a negative price in hour ``t``.

        Only then does it pay to charge and discharge at once, so only then a 0/1
        variable is spent on forbidding it.
        """
        return at.series["lowest_price_usd_per_mwh"][t] < 0

    def rows_follow(self, at: Horizon) -> object:
        """Return the hours in which it would be paid to burn power."""
        return [t for t in range(len(at.weight)) if self._paid_to_burn(at, t)]

    def build(self, b: Any, at: Horizon) -> Terms:
        """Store energy: ``stored = before + charge * in - out / discharge``."""
        b.power_mw = Var(
            domain=NonNegativeReals,
            bounds=(self.min_mw, self.max_mw),
            doc="Installed power.",
        )
        b.energy_mwh = Var(
            domain=NonNegativeReals, bounds=(0, self.max_mwh), doc="Installed energy."
        )
        b.any_block = Var(domain=Binary, doc="Whether a battery is installed.")
        b.swing_mw = Var(
            domain=NonNegativeReals,
            bounds=(0, self.max_mw),
            doc="Power kept for load swings.",
        )
        power = {"domain": NonNegativeReals, "bounds": (0, self.max_mw)}
        b.charge_mw = Var(at.hours, **power, doc="Power from the bus.")
        b.discharge_mw = Var(at.hours, **power, doc="Power to the bus.")
        b.ready_mw = Var(
            at.hours, **power, doc="Discharge that can be called at once and held."
        )
        b.stored_mwh = Var(
            at.hours,
            domain=NonNegativeReals,
            bounds=(0, self.max_mwh),
            doc="Stored energy at the end of the hour.",
        )

        @b.Constraint()
        def none_if_not_installed(b):
            return b.power_mw <= self.max_mw * b.any_block

        @b.Constraint()
        def whole_block(b):
            return b.power_mw >= self.block_mw * b.any_block

        @b.Constraint()
        def least_energy(b):
            return b.energy_mwh >= self.min_hours_h * b.power_mw

        @b.Constraint()
        def energy_needs_power(b):
            return b.energy_mwh <= self.max_mwh * b.any_block

        @b.Constraint()
        def swing_within_power(b):
            return b.swing_mw <= b.power_mw

        charge_mw, discharge_mw = by_hour(b.charge_mw), by_hour(b.discharge_mw)
        ready_mw, stored_mwh = by_hour(b.ready_mw), by_hour(b.stored_mwh)

        @b.Constraint(at.hours)
        def storage_balance(b, t):
            gained = self.charge_frac * charge_mw[t]
            spent = discharge_mw[t] / self.discharge_frac
            return stored_mwh[t] == stored_mwh[at.before(t)] + gained - spent

        @b.Constraint(at.hours)
        def full(b, t):
            return stored_mwh[t] <= b.energy_mwh

        @b.Constraint(at.hours)
        def floor(b, t):
            return stored_mwh[t] >= self.floor_frac * b.energy_mwh

        @b.Constraint(at.hours)
        def converter(b, t):
            return charge_mw[t] + discharge_mw[t] <= b.power_mw - b.swing_mw

        @b.Constraint(at.hours)
        def ready_power(b, t):
            return ready_mw[t] <= b.power_mw - b.swing_mw

        @b.Constraint(at.hours)
        def ready_energy_before(b, t):
            usable = stored_mwh[at.before(t)] - self.floor_frac * b.energy_mwh
            return at.hold_h * ready_mw[t] <= self.discharge_frac * usable

        @b.Constraint(at.hours)
        def ready_energy_after(b, t):
            usable = stored_mwh[t] - self.floor_frac * b.energy_mwh
            return at.hold_h * ready_mw[t] <= self.discharge_frac * usable

        self._build_one_way(b, at)

        @PerHour
        def net_mw(t):
            return discharge_mw[t] - charge_mw[t]

        @PerHour
        def loss_mw(t):
            return (1 - self.charge_frac) * charge_mw[t] + (
                1 / self.discharge_frac - 1
            ) * discharge_mw[t]

        @PerHour
        def block_mw(t):
            return self.block_mw * b.any_block

        return Terms(
            net_mw=net_mw,
            capital_usd=self._capital_usd(b.power_mw, b.energy_mwh),
            life_yr=self.life_yr,
            cost_usd={
                "om_fixed": self.om_fixed_usd_per_kw_yr * KW_PER_MW * b.power_mw,
                "augmentation": self.augmentation_usd_per_kwh_yr
                * KW_PER_MW
                * b.energy_mwh,
                "om_variable": self.om_variable_usd_per_mwh
                * quicksum(at.weight[t] * discharge_mw[t] for t in at.hours),
            },
            co2_t=None,
            nox_kg=None,
            water_m3=None,
            land_km2=self.land_km2_per_mwh * b.energy_mwh,
            storage_loss_mw=loss_mw,
            at_once_mw=ready_mw,
            sustained_mw=net_mw,  # as planned: its energy is already there
            trips=(
                Trip(
                    name="battery_block",
                    at_once_mw=block_mw,
                    # A block takes its share of the stored energy with it: the plan
                    # goes on scaled down, by no more than the block's power.
                    sustained_mw=block_mw,
                ),
            ),
            firm_mw=self.firm_credit_frac * b.power_mw,
            grid_forming_mw=ready_mw if self.grid_forming else None,
            swing_mw=b.swing_mw,
            sizes=(
                Size(name="power_mw", least=self.min_mw, most=self.max_mw),
                Size(name="energy_mwh", least=0.0, most=self.max_mwh),
            ),
        )

    def _build_one_way(self, b, at) -> None:
        """Charge or discharge, not both, in hours that pay for burning power."""
        paid = [t for t in at.hours if self._paid_to_burn(at, t)]
        if not paid:
            return
        b.charging_flag = Var(
            at.hours, domain=Binary, doc="Whether it may charge, else discharge."
        )
        for t in set(at.hours) - set(paid):
            b.charging_flag[t].fix(0)  # unused there

        @b.Constraint(at.hours)
        def charge_only(b, t):
            if not self._paid_to_burn(at, t):
                return Constraint.Skip
            return b.charge_mw[t] <= self.max_mw * b.charging_flag[t]

        @b.Constraint(at.hours)
        def discharge_only(b, t):
            if not self._paid_to_burn(at, t):
                return Constraint.Skip
            return b.discharge_mw[t] <= self.max_mw * (1 - b.charging_flag[t])

    def _capital_usd(self, power_mw: Any, energy_mwh: Any) -> Any:
        return KW_PER_MW * (
            self.capital_usd_per_kw * power_mw + self.capital_usd_per_kwh * energy_mwh
        )

    def recount(self, found: Found, at: Horizon) -> Recount:
        """Follow the stored energy once round the year, and the rest beside it."""
        power, energy = float(found["power_mw"]), float(found["energy_mwh"])
        swing = float(found["swing_mw"])
        charge, discharge = found["charge_mw"], found["discharge_mw"]
        ready, stored = found["ready_mw"], found["stored_mwh"]
        before, floor = stored[at.previous], self.floor_frac * energy
        held = at.hold_h * ready / self.discharge_frac
        any_block = float(power > 1e-6)
        loss = (1 - self.charge_frac) * charge + (
            1 / self.discharge_frac - 1
        ) * discharge
        return Recount(
            broken={
                "storage_balance_mwh": np.abs(
                    before
                    + self.charge_frac * charge
                    - discharge / self.discharge_frac
                    - stored
                ),
                "full_mwh": stored - energy,
                "floor_mwh": floor - stored,
                "converter_mw": charge + discharge + swing - power,
                "ready_power_mw": ready + swing - power,
                "ready_energy_mwh": held - (np.minimum(before, stored) - floor),
                "not_negative_mw": -np.minimum(np.minimum(charge, discharge), ready),
                "both_ways_mw": np.minimum(charge, discharge),
                "bounds_mw": np.array(
                    [
                        power - self.max_mw,
                        self.min_mw - power,
                        self.block_mw * any_block - power,
                        self.min_hours_h * power - energy,
                        energy - self.max_mwh,
                    ]
                ),
            },
            mw=power,
            mwh=energy,
            net_mw=discharge - charge,
            capital_usd=float(self._capital_usd(power, energy)),
            cost_usd={
                "om_fixed": self.om_fixed_usd_per_kw_yr * KW_PER_MW * power,
                "augmentation": self.augmentation_usd_per_kwh_yr * KW_PER_MW * energy,
                "om_variable": self.om_variable_usd_per_mwh
                * float(at.weights @ discharge),
            },
            firm_mw=self.firm_credit_frac * power,
            land_km2=self.land_km2_per_mwh * energy,
            storage_loss_mw=loss,
            grid_forming_mw=ready if self.grid_forming else zeros(at),
            swing_mw=swing,
            trip_name="one block",
            trip_possible=np.full(len(stored), power > 1e-6),
            repair_h=self.repair_h,
            store=self._store(found),
        )

    def _store(self, found: Found) -> Store:
        """Return the battery as plain numbers, power for load swings left out."""
        power, energy = float(found["power_mw"]), float(found["energy_mwh"])
        return Store(
            power_mw=power - float(found["swing_mw"]),
            energy_mwh=energy,
            floor_mwh=self.floor_frac * energy,
            charge_frac=self.charge_frac,
            discharge_frac=self.discharge_frac,
            stored_mwh=found["stored_mwh"],
            block_mw=min(self.block_mw, power),
        )

    def in_operation(self, found: Found, at: Horizon) -> Operation:
        """Charge and discharge in blocks that fail by themselves."""
        return Operation(
            bank=Bank(
                store=self._store(found),
                blocks=max(1, round(float(found["power_mw"]) / self.block_mw)),
                forced_outage_frac=self.forced_outage_frac,
                repair_h=self.repair_h,
            )
        )
