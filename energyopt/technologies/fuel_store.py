"""Fuel on the site: a stock that dual-fuel units burn when the gas line gives none."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pydantic import Field, model_validator
from pyomo.environ import NonNegativeReals, Var

from energyopt.technologies.base import (
    Found,
    Horizon,
    Operation,
    PerHour,
    Recount,
    Size,
    Stock,
    Technology,
    Terms,
    zeros,
)


class FuelStore(Technology):
    """Diesel or LNG in tanks.

    In the dispatched year the line always gives gas: the stock costs money and does
    nothing. In the sampled years units with ``dual_fuel`` burn it through
    curtailments. Emissions of those hours are not counted.
    """

    kind: Literal["fuel_store"] = "fuel_store"
    tank_mmbtu: float = Field(ge=0)
    """Fuel that the tanks hold, higher heating value."""
    min_tank_mmbtu: float | None = Field(default=None, ge=0)
    """If given, the tanks are sized, from this to ``tank_mmbtu``: an uptime target asks
    for as much as it needs. Without it they are of ``tank_mmbtu``."""
    refill_mmbtu_per_h: float = Field(default=0, ge=0)
    """Mean rate of deliveries while the stock is not full."""
    heat_rate_hhv_mmbtu_per_mwh: float = Field(gt=3.4, lt=30)
    """Of the units that burn it, net, on this fuel."""

    capital_usd_per_mmbtu: float = Field(ge=0)
    """Tanks, pumps and their berm."""
    fuel_usd_per_mmbtu: float = Field(ge=0)
    """Of the first filling, which is capital too."""
    om_fixed_usd_per_mmbtu_yr: float = Field(default=0, ge=0)
    """Care of tanks and fuel; fuel burnt in curtailments is not in it."""
    life_yr: float = Field(gt=0)
    land_km2_per_mmbtu: float = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _bounds_in_order(self) -> FuelStore:
        if self._least_mmbtu > self.tank_mmbtu:
            raise ValueError("min_tank_mmbtu is larger than tank_mmbtu")
        return self

    @property
    def _least_mmbtu(self) -> float:
        sized = self.min_tank_mmbtu is not None
        return self.min_tank_mmbtu or 0.0 if sized else self.tank_mmbtu

    def rows_follow(self, at: Horizon) -> object:
        """Return nothing: prices are in its costs alone."""
        return ()

    def build(self, b: Any, at: Horizon) -> Terms:
        """Pay for the stock; it gives nothing while the line gives gas."""
        least, most = self._least_mmbtu, self.tank_mmbtu
        b.tank_mmbtu = Var(
            domain=NonNegativeReals,
            bounds=(least, most),
            doc="Fuel that the tanks hold.",
        )
        if least == most:
            b.tank_mmbtu.fix(most)
        tank_mmbtu = most if least == most else b.tank_mmbtu
        paid_usd_per_mmbtu = self.capital_usd_per_mmbtu + self.fuel_usd_per_mmbtu

        @PerHour
        def net_mw(t):
            return 0.0

        return Terms(
            net_mw=net_mw,
            capital_usd=paid_usd_per_mmbtu * tank_mmbtu,
            life_yr=self.life_yr,
            cost_usd={"om_fixed": self.om_fixed_usd_per_mmbtu_yr * tank_mmbtu},
            co2_t=None,
            nox_kg=None,
            water_m3=None,
            land_km2=self.land_km2_per_mmbtu * tank_mmbtu,
            sizes=(Size(name="tank_mmbtu", least=least, most=most),),
        )

    def recount(self, found: Found, at: Horizon) -> Recount:
        """Add the stock's costs up again."""
        tank = float(found["tank_mmbtu"])
        paid = self.capital_usd_per_mmbtu + self.fuel_usd_per_mmbtu
        return Recount(
            broken={
                "tank_mmbtu": np.array(
                    [tank - self.tank_mmbtu, self._least_mmbtu - tank]
                )
            },
            mw=0.0,
            mwh=tank / self.heat_rate_hhv_mmbtu_per_mwh,
            net_mw=zeros(at),
            capital_usd=paid * tank,
            cost_usd={"om_fixed": self.om_fixed_usd_per_mmbtu_yr * tank},
            land_km2=self.land_km2_per_mmbtu * tank,
        )

    def in_operation(self, found: Found, at: Horizon) -> Operation:
        """Give what the tanks hold, as power of the units that burn it."""
        per_mwh = self.heat_rate_hhv_mmbtu_per_mwh
        return Operation(
            stock=Stock(
                full_mwh=float(found["tank_mmbtu"]) / per_mwh,
                refill_mw=self.refill_mmbtu_per_h / per_mwh,
            )
        )
