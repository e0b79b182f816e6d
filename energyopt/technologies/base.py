"""What every technology is given, and what it gives back.

A technology reads a :class:`Horizon`, puts variables and constraints on a Pyomo
block of its own, and returns :class:`Terms`: what it adds to the plant-wide
equations. After the solve it reads its own variables as plain numpy arrays and
returns a :class:`Recount`: the same quantities worked out again without Pyomo,
and by how much each of its own laws is broken.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

Floats = NDArray[np.float64]
Hourly = Any
"""What gives an expression per hour: :func:`by_hour`, or a :class:`PerHour`."""
Found = Mapping[str, Any]
"""A technology's solved variables: floats, hourly arrays and weekly arrays."""


def by_hour(variable: Any) -> list[Any]:
    """Return an hourly variable's members: a list is read in a tenth of the time.

    The equations of a year read a million of them.
    """
    return list(variable.values())


class PerHour:
    """An hourly term that is written out where it is read, and kept nowhere.

    A stored Pyomo ``Expression`` takes about a kilobyte in each hour, and most terms
    are read once or, where no limit asks for them, never.

    Examples
    --------
    >>> @PerHour
    ... def doubled_mw(t):
    ...     return 2.0 * t
    >>> doubled_mw[3]
    6.0
    """

    def __init__(self, rule: Callable[[int], Any]) -> None:
        self._rule = rule

    def __getitem__(self, t: int) -> Any:
        return self._rule(t)


@dataclass(frozen=True)
class Horizon:
    """The modelled hours, and the series that a technology may read in them.

    While a model is built ``hours`` and ``weeks`` are the model's own index sets,
    so that the solver can tell an hour from any other index.

    Parameters
    ----------
    hours : sequence of int
        0, 1, ... one per modelled hour.
    weight : sequence of float
        How many hours of an average year each stands for; they add up to 8,760
        in a year. [h]
    chains : tuple of range
        Runs of hours within which time goes on; each wraps onto itself.
    years : tuple of range
        The hours of each weather year.
    week_of : sequence of int
        The week that each hour lies in, 0, 1, ...
    series : mapping of str to sequence of float
        Plain floats, one per hour.
    design : mapping of str to float
        The technology's own series in the one hour of the design temperature.
    weeks : sequence of int
        0, 1, ... one per modelled week.
    hold_h : float
        How long what is ready at once must last; what starts within it counts
        for the repair that follows. [h]
    against_online : bool
        Reserve is held against the types online in the hour, not all installed.
    """

    hours: Sequence[int]
    weight: Sequence[float]
    chains: tuple[range, ...]
    years: tuple[range, ...]
    week_of: Sequence[int]
    series: Mapping[str, Sequence[float]] = field(default_factory=dict)
    design: Mapping[str, float] = field(default_factory=dict)
    weeks: Sequence[int] = ()
    hold_h: float = 0.25
    against_online: bool = False

    def before(self, t: int) -> int:
        """Return the hour before ``t``; at the start of a chain, where its time wraps."""
        return self._before[t]

    def back(self, t: int, steps: int) -> list[int]:
        """Return ``t`` and the hours before it, ``steps`` in all, each once."""
        found = [t]
        while len(found) < steps and (earlier := self.before(found[-1])) != t:
            found.append(earlier)
        return found

    @cached_property
    def _before(self) -> list[int]:
        return [int(t) for t in self.previous]

    @cached_property
    def previous(self) -> NDArray[np.intp]:
        """The hour before each hour, as an array to index with, shape (hours,)."""
        before = np.empty(len(self.weight), dtype=np.intp)
        for chain in self.chains:
            before[chain.start : chain.stop] = np.arange(chain.start, chain.stop) - 1
            before[chain.start] = chain.stop - 1
        return before

    @cached_property
    def year_share(self) -> Floats:
        """Weight of each hour's weather year, one in all, shape (hours,)."""
        share = np.empty(len(self.weight))
        for year in self.years:
            share[year.start : year.stop] = self.weights[year.start : year.stop].sum()
        return share / self.weights.sum()

    @cached_property
    def weights(self) -> Floats:
        """``weight`` as an array, shape (hours,). [h]"""
        return np.asarray(self.weight, dtype=float)

    @cached_property
    def week_index(self) -> NDArray[np.intp]:
        """``week_of`` as an array, shape (hours,)."""
        return np.asarray(self.week_of, dtype=np.intp)

    @cached_property
    def chronological(self) -> bool:
        """Whether each weather year is one unbroken chain of hours."""
        return self.chains == self.years

    def weeks_of_year(self, year: int) -> list[int]:
        """Return the weeks of a weather year, in order."""
        return self._weeks_of_years[year]

    @cached_property
    def _weeks_of_years(self) -> list[list[int]]:
        return [
            list(dict.fromkeys(self.week_of[t] for t in year)) for year in self.years
        ]

    def weeks_stood_for(self, week: int) -> float:
        """Return how many weeks of its weather year a modelled week stands for."""
        if self.chronological:
            return 1.0
        hours = np.flatnonzero(self.week_index == week)
        return float(self.weights[hours].sum() / 168 / self.year_share[hours[0]])

    def array(self, name: str) -> Floats:
        """Return a series as an array, shape (hours,)."""
        return np.asarray(self.series[name], dtype=float)


@dataclass(frozen=True, kw_only=True)
class Trip:
    """The loss of one element, hour by hour, counted in whole units.

    Parameters
    ----------
    name : str
        In words: ``"one unit of aero"``.
    at_once_mw : hourly
        What the trip takes from the power that carries the load at once. [MW]
    sustained_mw : hourly
        What it takes from the power that carries the load through the repair. [MW]
    """

    name: str
    at_once_mw: Hourly
    sustained_mw: Hourly


@dataclass(frozen=True, kw_only=True)
class FirmUnits:
    """Whole units that count towards the installed N+k."""

    unit_mw: float  # one unit at the design temperature, net
    installed: Any  # integer variable: how many
    most: int  # its upper bound


@dataclass(frozen=True, kw_only=True)
class Size:
    """A size that is decided; a plant with more of it never serves less."""

    name: str  # of the variable on the technology's block
    least: float
    most: float
    whole: bool = False  # counted in machines


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What one technology adds to the plant-wide equations.

    Hourly terms are indexed by hour; ``None`` means nothing. Those without a
    default must be said, so that nobody forgets them.
    """

    net_mw: Hourly  # to the bus; negative where it draws
    capital_usd: Any  # direct (overnight) cost
    life_yr: float
    cost_usd: dict[str, Any]  # yearly, by category, capital apart
    co2_t: Hourly | None
    nox_kg: Hourly | None
    water_m3: Hourly | None
    land_km2: Any | None

    gas_mmbtu: Hourly | None = None
    renewable_mw: Hourly | None = None
    storage_loss_mw: Hourly | None = None  # counted against the renewable share
    import_mw: Hourly | None = None
    export_mw: Hourly | None = None

    # Security: what carries the load when an element of the plant is lost.
    at_once_mw: Hourly | None = None  # online machines, sun, wind, battery
    sustained_mw: Hourly | None = None  # those that last through a repair
    trips: tuple[Trip, ...] = ()
    firm_units: FirmUnits | None = None
    firm_mw: Any | None = None  # credited towards N+k at the design temperature
    synchronous_units: Hourly | None = None
    grid_forming_mw: Hourly | None = None
    swing_mw: Any | None = None  # battery power kept out of everything else
    on_gas: Any | None = None  # 0/1: whether it needs the gas line
    sizes: tuple[Size, ...] = ()  # what an uptime target may ask for more of

    # Backup: what is out for maintenance, and the import allowed to replace it.
    maintenance_mw: Hourly | None = None
    standby_import_mw: Hourly | None = None


@dataclass(frozen=True, kw_only=True)
class Store:
    """A battery as the contingency sweep sees it: plain numbers."""

    power_mw: float
    energy_mwh: float
    floor_mwh: float
    charge_frac: float
    discharge_frac: float
    stored_mwh: Floats  # at the end of each hour
    block_mw: float


@dataclass(frozen=True, kw_only=True)
class Recount:
    """A technology's quantities worked out again in plain numpy.

    Parameters
    ----------
    broken : mapping of str to array
        By how much each law is broken, positive where it is; unit of the law.
    mw, mwh, units : float, float or None, int or None
        What is installed.
    net_mw : array, shape (hours,)
        Power to the bus. [MW]
    capital_usd : float
        Direct cost. [USD]
    cost_usd : mapping of str to float
        Yearly cost by category, capital apart. [USD/yr]
    """

    broken: Mapping[str, Floats]
    mw: float
    net_mw: Floats
    capital_usd: float
    cost_usd: Mapping[str, float]
    mwh: float | None = None
    units: int | None = None
    unit_at_design_mw: float | None = None
    on_gas: bool = False
    firm_mw: float = 0.0
    land_km2: float = 0.0
    co2_t: Floats | float = 0.0
    nox_kg: Floats | float = 0.0
    water_m3: Floats | float = 0.0
    gas_mmbtu: Floats | float = 0.0
    renewable_mw: Floats | float = 0.0
    available_mw: Floats | None = None  # of sun and wind, before curtailment
    storage_loss_mw: Floats | float = 0.0
    import_mw: Floats | float = 0.0
    export_mw: Floats | float = 0.0
    maintenance_mw: Floats | float = 0.0
    standby_import_mw: Floats | float = 0.0
    synchronous_units: Floats | float = 0.0
    grid_forming_mw: Floats | float = 0.0
    swing_mw: float = 0.0
    # Security. Each array has shape (hours,).
    at_once_mw: Floats | float = 0.0  # without stores
    sustained_mw: Floats | float = 0.0
    trip_name: str | None = None  # of the element, where one can be lost
    trip_possible: Floats | None = None  # 1 in hours when it can
    trip_at_once_mw: Floats | float = 0.0
    trip_sustained_mw: Floats | float = 0.0
    repair_h: float = 24.0
    store: Store | None = None


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """Identical machines that start, stop and fail. Hourly arrays have shape (hours,).

    A unit may also be derated: up, but without ``derated_loss_frac`` of its power.
    """

    units: int
    unit_mw: Floats  # full load, net
    online_units: Floats  # as planned
    out_units: Floats  # out for planned maintenance
    start_h: float  # from order to full load
    start_failure_frac: float = 0.0  # of starts
    forced_outage_frac: float = 0.0  # of the hours out of maintenance
    repair_h: float = 24.0
    derated_time_frac: float = 0.0
    derated_loss_frac: float = 0.0
    on_gas: bool = False
    dual_fuel: bool = False  # may burn what a stock holds instead


@dataclass(frozen=True, kw_only=True)
class Bank:
    """A battery in equal blocks, each of which can be out."""

    store: Store
    blocks: int = 1
    forced_outage_frac: float = 0.0  # of each block
    repair_h: float = 24.0


@dataclass(frozen=True, kw_only=True)
class Link:
    """A connection to a grid. Hourly arrays have shape (hours,)."""

    size_mw: float
    at_once_mw: float  # carries the load the moment that it is missed
    switch_h: float  # after which the whole size carries it
    import_mw: Floats  # as planned
    outages_per_yr: float = 0.0
    repair_h: float = 4.0


@dataclass(frozen=True, kw_only=True)
class Stock:
    """Fuel on the site that dual-fuel machines burn when gas is short."""

    full_mwh: float  # of power that a full stock gives
    refill_mw: float  # mean rate at which deliveries fill it up


@dataclass(frozen=True, kw_only=True)
class Operation:
    """What a technology is to those who run the plant and do not know its outages."""

    fleet: Fleet | None = None
    bank: Bank | None = None
    link: Link | None = None
    stock: Stock | None = None
    available_mw: Floats | None = None  # of sun and wind, before curtailment


class Technology(BaseModel, ABC):
    """Parameters of one technology, and its equations."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False
    )

    lead_time_months: float = Field(default=0, ge=0)
    """Order to first power; later than ``site.power_by_months`` is left out."""
    life_yr: float = Field(gt=0)

    def series(self, shared: xr.Dataset) -> dict[str, Any]:
        """Return what this technology makes of the site's weather, hour by hour.

        Parameters
        ----------
        shared : xr.Dataset, dims ("time",)
            Weather and prices; site facts in ``attrs``.

        Returns
        -------
        dict of str to array, shape (time,)
            Named with units; they come back in ``Horizon.series`` and, for the
            one hour at the design temperature, in ``Horizon.design``.
        """
        return {}

    def rows_follow(self, at: Horizon) -> object:
        """Return what of the series of money this technology's rows are made from.

        Rows are made anew where it changes. To be narrowed by a technology that reads
        prices in costs alone, or only asks of them whether they are negative, say.
        """
        return {name: each for name, each in at.series.items() if "usd" in name}

    @abstractmethod
    def build(self, b: Any, at: Horizon) -> Terms:
        """Put variables and constraints on block ``b``; return what they add."""

    @abstractmethod
    def recount(self, found: Found, at: Horizon) -> Recount:
        """Work the same out again from the solved variables, in plain numpy."""

    @abstractmethod
    def in_operation(self, found: Found, at: Horizon) -> Operation:
        """Say how it runs and how it fails, for the sampled outages.

        Parameters
        ----------
        found : mapping
            Its solved variables.
        at : Horizon
            The hours that they were solved for.

        Returns
        -------
        Operation
            Plain numbers and hourly arrays of the plan.
        """


def zeros(at: Horizon) -> Floats:
    """Return one zero per hour, shape (hours,)."""
    return np.zeros(len(at.weight))
