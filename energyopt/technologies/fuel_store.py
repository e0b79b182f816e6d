"""Fuel on the site: a stock that dual-fuel units burn when the gas line gives none."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pydantic import Field
from pyomo.environ import NonNegativeReals, Var

from energyopt.technologies.base import (
    Found,
    Horizon,
    Operation,
    PerHour,
    Recount,
    Stock,
    Technology,
    Terms,
    zeros,
)


class FuelStore(Technology):
    """Diesel or LNG in tanks of a size that the case chooses.

    In the dispatched year the line always gives gas: the stock costs money and does
    nothing. In the sampled years units with ``dual_fuel`` burn it through
    curtailments. Emissions of those hours are not counted.
    """

    kind: Literal["fuel_store"] = "fuel_store"
    tank_mmbtu: float = Field(ge=0)
    """Fuel that the tanks hold, higher heating value."""
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

    @property
    def _capital_usd(self) -> float:
        return self.tank_mmbtu * (self.capital_usd_per_mmbtu + self.fuel_usd_per_mmbtu)

    def build(self, b: Any, at: Horizon) -> Terms:
        """Pay for the stock; it gives nothing while the line gives gas."""
        b.tank_mmbtu = Var(domain=NonNegativeReals, doc="Fuel that the tanks hold.")
        b.tank_mmbtu.fix(self.tank_mmbtu)

        @PerHour
        def net_mw(t):
            return 0.0

        return Terms(
            net_mw=net_mw,
            capital_usd=self._capital_usd,
            life_yr=self.life_yr,
            cost_usd={"om_fixed": self.om_fixed_usd_per_mmbtu_yr * self.tank_mmbtu},
            co2_t=None,
            nox_kg=None,
            water_m3=None,
            land_km2=self.land_km2_per_mmbtu * self.tank_mmbtu,
        )

    def recount(self, found: Found, at: Horizon) -> Recount:
        """Add the stock's costs up again."""
        tank = float(found["tank_mmbtu"])
        paid = self.capital_usd_per_mmbtu + self.fuel_usd_per_mmbtu
        return Recount(
            broken={"tank_mmbtu": np.abs(np.array([tank - self.tank_mmbtu]))},
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
