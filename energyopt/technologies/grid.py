"""The grid connection: what may be bought and sold, and what it carries in need."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr
from pydantic import Field, model_validator
from pyomo.environ import Binary, Constraint, NonNegativeReals, Var, quicksum

from energyopt.technologies.base import (
    Found,
    Horizon,
    Link,
    Operation,
    PerHour,
    Recount,
    Size,
    Technology,
    Terms,
    Trip,
    by_hour,
)
from energyopt.units import KW_PER_MW

SUMMER_MONTHS = (6, 7, 8, 9)  # ERCOT's four coincident peaks: one a month


class Grid(Technology):
    """A connection to the transmission grid."""

    kind: Literal["grid"] = "grid"
    mode: Literal["none", "backup", "parallel", "export"]
    """``none``: no connection. ``backup``: it carries contingencies, outages and
    maintenance at standby rates; planned import only replaces units that are out for
    maintenance, within ``backup_mwh_per_yr``, and it does not count at once.
    ``parallel``: import in any hour at the market price. ``export``: that, and sales
    at the hub price less ``export_basis_usd_per_mwh``."""
    max_mw: float = Field(ge=0)
    min_mw: float = Field(default=0, ge=0)

    capital_usd: float = Field(default=0, ge=0)
    """Station and line: paid once if there is any connection."""
    capital_usd_per_kw: float = Field(default=0, ge=0)
    life_yr: float = Field(default=40, gt=0)
    connection_usd_per_kw_yr: float = Field(default=0, ge=0)
    """Yearly charge on the connection's size."""
    four_cp_usd_per_kw_yr: float = Field(default=0, ge=0)
    """On mean import in the four coincident-peak hours, here the dearest hour of
    each of June to September: an assumption, since the peaks of a coming year are
    not known."""
    delivery_usd_per_mwh: float = Field(default=0, ge=0)
    """Delivery, ancillary services and retail margin, on every MWh bought."""
    standby_usd_per_mwh: float = Field(default=0, ge=0)
    """On top, in ``backup`` mode."""
    export_basis_usd_per_mwh: float = Field(default=0, ge=0)
    backup_mwh_per_yr: float | None = Field(default=None, ge=0)
    availability_frac: float = Field(default=1.0, ge=0, le=1)
    """Share of its size that may be counted on."""
    at_once_frac: float | None = Field(default=None, ge=0, le=1)
    """Share that carries the load the moment a unit trips. By default 0 in backup
    (it has to be switched in), 1 in parallel and export."""
    firm_credit_frac: float = Field(default=0, ge=0, le=1)
    repair_h: float = Field(default=4, gt=0)
    """Mean length of an outage of the grid."""
    outages_per_yr: float = Field(default=0, ge=0)
    """Only in the sampled years, in which the whole connection is there or not."""
    switch_h: float = Field(default=0.25, ge=0)
    """Until import that does not carry the load at once carries it."""
    co2_t_per_mwh: float = Field(ge=0)
    """Of imports; exports earn no credit."""

    @model_validator(mode="after")
    def _fits_its_mode(self) -> Grid:
        if self.mode == "backup" and self.backup_mwh_per_yr is None:
            raise ValueError("mode backup needs backup_mwh_per_yr")
        if self.mode == "none" and self.min_mw > 0:
            raise ValueError("mode none cannot have min_mw")
        if self.min_mw > self.max_mw:
            raise ValueError("min_mw is larger than max_mw")
        return self

    @property
    def _most_mw(self) -> float:
        return 0.0 if self.mode == "none" else self.max_mw

    @property
    def _at_once_frac(self) -> float:
        if self.at_once_frac is not None:
            return self.at_once_frac
        return 0.0 if self.mode == "backup" else 1.0

    @property
    def _adders_usd_per_mwh(self) -> float:
        standby = self.standby_usd_per_mwh if self.mode == "backup" else 0.0
        return self.delivery_usd_per_mwh + standby

    def series(self, shared: xr.Dataset) -> dict[str, Any]:
        """Return the prices at the meter and the coincident-peak hours.

        Parameters
        ----------
        shared : xr.Dataset
            ``power_usd_per_mwh``, ``export_usd_per_mwh`` and ``local_time``.

        Returns
        -------
        dict
            ``import_usd_per_mwh`` with adders; ``sale_usd_per_mwh``;
            ``four_cp_frac``: a quarter in each of a year's four peak hours;
            ``dearest_usd_per_mwh``: what a MWh bought freely costs in the hour, its
            share of the coincident-peak charge included.
        """
        price = np.asarray(shared["power_usd_per_mwh"].values, dtype=float)
        sale = np.asarray(shared["export_usd_per_mwh"].values, dtype=float)
        local = pd.DatetimeIndex(shared["local_time"].values)
        year = np.asarray(shared["year_index"].values)
        peak = np.zeros(len(price))
        for y in np.unique(year):
            for month in SUMMER_MONTHS:
                hours = np.flatnonzero((local.month == month) & (year == y))
                if len(hours):
                    peak[hours[np.argmax(price[hours])]] = 1 / len(SUMMER_MONTHS)
        bought = price + self._adders_usd_per_mwh
        free = self.mode in ("parallel", "export")
        weight = np.asarray(shared["weight_h"].values, dtype=float)
        totals = {y: weight[year == y].sum() for y in np.unique(year)}
        of_year = np.array([totals[y] for y in year]) / weight.sum()
        peak_usd = KW_PER_MW * self.four_cp_usd_per_kw_yr * peak * of_year / weight
        return {
            "dearest_usd_per_mwh": bought + free * peak_usd,
            "import_usd_per_mwh": bought,
            "sale_usd_per_mwh": sale - self.export_basis_usd_per_mwh,
            "four_cp_frac": peak,
        }

    def rows_follow(self, at: Horizon) -> object:
        """Return the hours in which buying to sell would pay."""
        return self._pays_to_resell(at)

    def _pays_to_resell(self, at: Horizon) -> set[int]:
        if self.mode != "export":
            return set()
        price, sale = at.series["import_usd_per_mwh"], at.series["sale_usd_per_mwh"]
        return {t for t in range(len(at.weight)) if sale[t] >= price[t]}

    def build(self, b: Any, at: Horizon) -> Terms:
        """Buy and sell within the connection: ``import <= available * size``."""
        price, sale = at.series["import_usd_per_mwh"], at.series["sale_usd_per_mwh"]
        b.size_mw = Var(
            domain=NonNegativeReals,
            bounds=(self.min_mw, self._most_mw),
            doc="Size of the connection.",
        )
        b.connected = Var(domain=Binary, doc="Whether there is a connection.")
        power = {"domain": NonNegativeReals, "bounds": (0, self._most_mw)}
        b.import_mw = Var(at.hours, **power, doc="Bought, at the plant's meter.")
        exports = self.mode == "export"
        b.export_mw = Var(
            at.hours,
            domain=NonNegativeReals,
            bounds=(0, self._most_mw if exports else 0),
            doc="Sold, at the plant's meter.",
        )

        @b.Constraint()
        def none_if_not_connected(b):
            return b.size_mw <= self._most_mw * b.connected

        import_mw, export_mw = by_hour(b.import_mw), by_hour(b.export_mw)

        @b.Constraint(at.hours)
        def import_limit(b, t):
            return import_mw[t] <= self.availability_frac * b.size_mw

        if exports:

            @b.Constraint(at.hours)
            def export_limit(b, t):
                return export_mw[t] <= self.availability_frac * b.size_mw

        self._build_one_way(b, at)

        if self.mode == "backup":

            @b.Constraint(range(len(at.years)))
            def backup_budget(b, y):
                bought = quicksum(
                    at.weight[t] / at.year_share[t] * import_mw[t] for t in at.years[y]
                )
                return bought <= self.backup_mwh_per_yr

        @PerHour
        def net_mw(t):
            return import_mw[t] - export_mw[t]

        @PerHour
        def co2_t(t):
            return self.co2_t_per_mwh * import_mw[t]

        @PerHour
        def at_once_mw(t):
            return self._at_once_frac * self.availability_frac * b.size_mw

        @PerHour
        def sustained_mw(t):
            return self.availability_frac * b.size_mw

        peak_share = [
            float(f * s)
            for f, s in zip(at.series["four_cp_frac"], at.year_share, strict=True)
        ]
        return Terms(
            net_mw=net_mw,
            capital_usd=self._capital_usd(b.connected, b.size_mw),
            life_yr=self.life_yr,
            cost_usd={
                "grid_charges": KW_PER_MW
                * (
                    self.connection_usd_per_kw_yr * b.size_mw
                    + self.four_cp_usd_per_kw_yr
                    * quicksum(
                        peak_share[t] * import_mw[t] for t in at.hours if peak_share[t]
                    )
                ),
                "grid_energy": quicksum(
                    at.weight[t] * price[t] * import_mw[t] for t in at.hours
                ),
                "export_income": -quicksum(
                    at.weight[t] * sale[t] * export_mw[t] for t in at.hours if exports
                ),
            },
            co2_t=co2_t,
            nox_kg=None,
            water_m3=None,
            land_km2=None,
            import_mw=import_mw,
            export_mw=export_mw,
            at_once_mw=at_once_mw,
            sustained_mw=sustained_mw,
            trips=(
                Trip(
                    name="grid",
                    at_once_mw=at_once_mw,
                    sustained_mw=sustained_mw,
                ),
            ),
            firm_mw=self.firm_credit_frac * b.size_mw,
            standby_import_mw=import_mw if self.mode == "backup" else None,
            sizes=(Size(name="size_mw", least=self.min_mw, most=self._most_mw),),
        )

    def _build_one_way(self, b, at) -> None:
        """Buy or sell, not both, in hours in which buying to sell would pay."""
        paid = self._pays_to_resell(at)
        if not paid:
            return
        b.buying = Var(at.hours, domain=Binary, doc="Whether it may buy, else sell.")
        for t in set(at.hours) - paid:
            b.buying[t].fix(0)  # unused there

        @b.Constraint(at.hours)
        def import_only(b, t):
            if t not in paid:
                return Constraint.Skip
            return b.import_mw[t] <= self.max_mw * b.buying[t]

        @b.Constraint(at.hours)
        def export_only(b, t):
            if t not in paid:
                return Constraint.Skip
            return b.export_mw[t] <= self.max_mw * (1 - b.buying[t])

    def _capital_usd(self, connected: Any, size_mw: Any) -> Any:
        return (
            self.capital_usd * connected + self.capital_usd_per_kw * KW_PER_MW * size_mw
        )

    def recount(self, found: Found, at: Horizon) -> Recount:
        """Add the bill up again from what was bought and sold in each hour."""
        size = float(found["size_mw"])
        bought, sold = found["import_mw"], found["export_mw"]
        connected = float(size > 1e-6)
        available = self.availability_frac * size
        peak = at.array("four_cp_frac") * at.year_share
        broken = {
            "import_mw": bought - available,
            "export_mw": sold - (available if self.mode == "export" else 0),
            "not_negative_mw": -np.minimum(bought, sold),
            "both_ways_mw": np.minimum(bought, sold),
            "bounds_mw": np.array([size - self._most_mw, self.min_mw - size]),
        }
        if self.mode == "backup":
            assert self.backup_mwh_per_yr is not None
            yearly = at.weights / at.year_share * bought
            broken["backup_budget_mwh"] = np.array(
                [
                    yearly[y.start : y.stop].sum() - self.backup_mwh_per_yr
                    for y in at.years
                ]
            )
        each = np.ones(len(bought))
        return Recount(
            broken=broken,
            mw=size,
            net_mw=bought - sold,
            capital_usd=float(self._capital_usd(connected, size)),
            cost_usd={
                "grid_charges": KW_PER_MW
                * (
                    self.connection_usd_per_kw_yr * size
                    + self.four_cp_usd_per_kw_yr * float(peak @ bought)
                ),
                "grid_energy": float(
                    (at.weights * at.array("import_usd_per_mwh")) @ bought
                ),
                "export_income": -float(
                    (at.weights * at.array("sale_usd_per_mwh")) @ sold
                ),
            },
            firm_mw=self.firm_credit_frac * size,
            co2_t=self.co2_t_per_mwh * bought,
            import_mw=bought,
            export_mw=sold,
            standby_import_mw=bought if self.mode == "backup" else 0.0,
            at_once_mw=self._at_once_frac * available * each,
            sustained_mw=available * each,
            trip_name="import",
            trip_possible=np.full(len(bought), size > 1e-6),
            trip_at_once_mw=self._at_once_frac * available * each,
            trip_sustained_mw=available * each,
            repair_h=self.repair_h,
        )

    def in_operation(self, found: Found, at: Horizon) -> Operation:
        """Import what is missing; its outages are long or short, not a share lost."""
        size = float(found["size_mw"])
        return Operation(
            link=Link(
                size_mw=size,
                at_once_mw=self._at_once_frac * size,
                switch_h=self.switch_h,
                import_mw=found["import_mw"],
                outages_per_yr=self.outages_per_yr,
                repair_h=self.repair_h,
            )
        )
