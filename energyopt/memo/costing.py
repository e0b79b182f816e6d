"""The yearly cost of a saved plant as a few inputs and formulas, for a workbook.

The plant and its dispatch stay as they were saved: what changes is what they cost.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from energyopt.finance import (
    capital_recovery_factor,
    interest_during_construction_frac,
    real_rate_frac,
)
from energyopt.memo.run import Run
from energyopt.units import KW_PER_MW

NOT_SUPPLY = ("lost_compute", "export_income")


@dataclass(frozen=True)
class Asset:
    """What is bought: a size times a unit cost, recovered over so many years."""

    name: str
    size: float
    size_unit: str
    unit_cost_usd: float  # direct, for each of size_unit
    recovery_yr: float
    low_frac: float  # of the unit cost
    high_frac: float
    range_from: str


@dataclass(frozen=True)
class Costing:
    """Everything that the live sheets start from."""

    wacc_frac: float
    inflation_frac: float
    owners_frac: float
    contingency_frac: float
    construction_months: float
    served_mwh: float
    gas_mmbtu: float
    gas_usd_per_mmbtu: float
    assets: tuple[Asset, ...]
    other_usd: Mapping[str, float]  # category -> yearly cost, as saved
    wacc_range: tuple[float, float]
    wacc_range_from: str
    gas_range_usd_per_mmbtu: tuple[float, float]
    gas_range_from: str

    def all_in_frac(self, wacc_frac: float) -> float:
        """Return what a dollar of direct cost becomes at start-up."""
        idc = interest_during_construction_frac(wacc_frac, self.construction_months)
        return (1 + self.owners_frac + self.contingency_frac) * (1 + idc)

    def capital_usd(self, asset: Asset, wacc_frac: float) -> float:
        """Return an asset's yearly capital recovery. [USD/yr]"""
        rate = real_rate_frac(wacc_frac, self.inflation_frac)
        yearly = capital_recovery_factor(rate, asset.recovery_yr)
        direct = asset.size * asset.unit_cost_usd
        return direct * self.all_in_frac(wacc_frac) * yearly

    def lcoe_usd_per_mwh(self, wacc_frac: float | None = None) -> float:
        """Return the LCOE, before export income, real. [USD/MWh]"""
        at = self.wacc_frac if wacc_frac is None else wacc_frac
        capital = sum(self.capital_usd(asset, at) for asset in self.assets)
        fuel = self.gas_mmbtu * self.gas_usd_per_mmbtu
        return (capital + fuel + sum(self.other_usd.values())) / self.served_mwh


def costing(run: Run) -> Costing:
    """Return the costing of a saved run; it gives the run's LCOE again.

    Parameters
    ----------
    run : Run
        A saved plant.

    Returns
    -------
    Costing
    """
    finance, cost = run.case.finance, run.tables["cost"]
    gas = float(run.summary["gas_mmbtu_per_yr"])
    by = run.summary["cost_usd_per_yr"]
    fuel = float(by.get("fuel", 0.0))
    other = {
        category: float(usd)
        for category, usd in by.items()
        if category not in (*NOT_SUPPLY, "capital", "fuel")
    }
    if not gas:
        other["fuel"] = fuel
    wacc = finance.wacc_nominal_frac
    origin = run.origins.get("finance.wacc_nominal_frac", {})
    ends = (wacc - 0.01, wacc + 0.01)
    told = "one point, chosen here"
    if origin.get("low") is not None and origin.get("high") is not None:
        ends, told = (float(origin["low"]), float(origin["high"])), "assumption book"
    names = cost.index[cost["capital_usd_per_yr"] > 0.5]
    price = fuel / gas if gas else 0.0
    gas_ends, gas_told = _gas_range(run, price)
    return Costing(
        wacc_frac=wacc,
        inflation_frac=finance.inflation_frac,
        owners_frac=finance.owners_cost_frac,
        contingency_frac=finance.contingency_frac,
        construction_months=finance.construction_months,
        served_mwh=float(run.summary["energy_mwh"]["served"]),
        gas_mmbtu=gas,
        gas_usd_per_mmbtu=price,
        assets=tuple(_asset(run, str(name)) for name in names),
        other_usd=other,
        wacc_range=ends,
        wacc_range_from=told,
        gas_range_usd_per_mmbtu=gas_ends,
        gas_range_from=gas_told,
    )


def _gas_range(run: Run, price: float) -> tuple[tuple[float, float], str]:
    """Return the mean price of gas with its hub at either end of its range."""
    path = "gas.hub_usd_per_mmbtu"
    origin = run.origins.get(path, {})
    if origin.get("low") is None or origin.get("high") is None:
        return (0.75 * price, 1.25 * price), "25 %, chosen here"
    hub = float(str(run.tables["assumptions"].at[path, "value"]))
    low, high = price + float(origin["low"]) - hub, price + float(origin["high"]) - hub
    return (low, high), "hub price, assumption book"


def _asset(run: Run, name: str) -> Asset:
    """Return an asset, its years of recovery read back from its yearly cost."""
    capital, cost = run.tables["capital"], run.tables["cost"]
    parts = [n for n in capital.index if n not in cost.index]
    rows = [name] if name in capital.index else parts  # the site's parts are one
    direct = float(capital.loc[rows, "direct_usd"].sum())
    finance = run.case.finance
    rate = real_rate_frac(finance.wacc_nominal_frac, finance.inflation_frac)
    all_in = float(capital.loc[rows, "total_usd"].sum())
    yearly = run.stored(f"tables/cost.csv#{name}/capital_usd_per_yr") or 0.0
    years = _years(yearly / all_in, rate)
    size, unit = 1.0, "whole"
    if name in run.built and (mw := run.stored(f"tables/capacity.csv#{name}/rated_mw")):
        size, unit = KW_PER_MW * mw, "kW"
    low, high, told = 0.8, 1.2, "20 %, chosen here"
    path = f"technologies.{name}.capital_usd_per_kw"
    origin = run.origins.get(path, {})
    alone = f"{path}h" not in run.origins  # a battery is bought by kW and by kWh
    if alone and origin.get("low") is not None and origin.get("high") is not None:
        base = float(str(run.tables["assumptions"].at[path, "value"]))
        low, high = origin["low"] / base, origin["high"] / base
        told = "assumption book, $/kW"
    return Asset(name, size, unit, direct / size, years, low, high, told)


def _years(recovery: float, rate: float) -> float:
    """Return the years that a recovery factor is of; whole ones without a remainder.

    Examples
    --------
    >>> round(_years(0.0951, 0.0), 6), round(_years(0.08024258719, 0.05), 6)
    (10.515247, 20.0)
    """
    found = (
        1 / recovery if rate == 0 else -math.log1p(-rate / recovery) / math.log1p(rate)
    )
    return float(round(found)) if abs(found - round(found)) < 1e-6 else found
