"""A dispatched plant as those see it who run it: plain arrays, and what can be out.

Made from what each technology says of itself (``Technology.in_operation``), so that
nothing here knows a technology by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from energyopt.case import Case, Outages
from energyopt.errors import CaseError
from energyopt.technologies import Bank, Fleet, Horizon, Link, Operation, Stock
from energyopt.units import HOURS_PER_YEAR
from energyopt.uptime.histories import Element

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_SEEN_PER_YR = 0.5  # rare elements are sampled this often in the biased half
_MOST_IMPORTANT = 25.0


class Effect(IntEnum):
    """What an outage of an element takes."""

    UNIT = 0
    DERATE = 1
    BLOCK = 2
    LINK = 3
    GAS = 4
    YARD = 5
    COLD = 6


COMMON = (Effect.GAS, Effect.YARD, Effect.COLD)
"""Effects of common causes."""


@dataclass(frozen=True)
class Machines:
    """All types of units side by side; T types, H hours."""

    names: tuple[str, ...]
    units: Ints  # (T,)
    unit_mw: Floats  # (H, T)
    online: Ints  # (H, T), as planned
    out: Ints  # (H, T), for maintenance
    start_h: Floats  # (T,)
    start_failure_frac: Floats  # (T,)
    repair_h: Floats  # (T,)
    derated_loss_frac: Floats  # (T,)
    on_gas: Bools  # (T,)
    dual_fuel: Bools  # (T,)

    @property
    def first(self) -> Ints:
        """Column of each type's first unit among all units, shape (T + 1,)."""
        return np.concatenate([[0], np.cumsum(self.units)]).astype(np.int64)


@dataclass(frozen=True)
class Battery:
    """A battery of equal blocks."""

    name: str
    power_mw: float
    full_mwh: float
    floor_mwh: float
    charge_frac: float
    discharge_frac: float
    blocks: int
    stored_mwh: Floats  # (H,), at the end of each hour, as planned
    before_mwh: Floats  # (H,), at the start of each hour

    @property
    def planned_mw(self) -> Floats:
        """Planned net discharge in each hour, shape (H,). [MW]"""
        lost = self.before_mwh - self.stored_mwh
        return np.where(lost > 0, lost * self.discharge_frac, lost / self.charge_frac)


@dataclass(frozen=True)
class Plan:
    """One weather year of the dispatched plant, H hours; the plan that is run.

    Parameters
    ----------
    weight : array, shape (H,)
        Hours of a year that each modelled hour stands for. [h]
    load_mw : array, shape (H,)
        Demand less what the plan itself leaves unserved. [MW]
    planned_short_mw : array, shape (H,)
        What the plan itself leaves unserved. [MW]
    gas_most_mw : float
        Most power from gas that the plan makes in an hour: what a partial
        curtailment is a share of. [MW]
    hold_h : float
        How long what is ready at once must last. [h]
    restart : array of bool, shape (H,)
        Hours at which a run of hours begins and stored energy is the plan's again.
    elements, effect, of, place
        What can be out; of which type or battery; which unit of it.
    cold_hours : array of int
        Hours in which a cold spell may begin.
    """

    machines: Machines
    batteries: tuple[Battery, ...]
    link: Link | None
    stock: Stock | None
    sun_wind_mw: Floats
    load_mw: Floats
    planned_short_mw: Floats
    pue: Floats
    weight: Floats
    restart: Bools
    gas_most_mw: float
    hold_h: float
    outages: Outages
    elements: tuple[Element, ...]
    effect: Ints
    of: Ints
    place: Ints
    cold_hours: Ints
    first_hour: int = 0
    year_share: float = 1.0

    @property
    def hours(self) -> int:
        """Modelled hours."""
        return len(self.load_mw)

    def without_common_causes(self) -> Plan:
        """Return the plan with those elements never out that take several at once."""
        rare = np.isin(self.effect, COMMON)
        kept = tuple(
            replace(e, rate_per_yr=0.0, importance=1.0) if r else e
            for e, r in zip(self.elements, rare, strict=True)
        )
        return replace(self, elements=kept)


def operations(
    case: Case,
    horizons: Mapping[str, Horizon],
    found: Mapping[str, Mapping[str, Any]],
) -> dict[str, Operation]:
    """Return what each technology says of how it runs and fails."""
    return {
        name: tech.in_operation(found[name], horizons[name])
        for name, tech in case.technologies.items()
    }


def plans_of(
    case: Case, said: Mapping[str, Operation], at: Horizon, shared: Mapping[str, Any]
) -> list[Plan]:
    """Return the plan of each weather year.

    Parameters
    ----------
    case : Case
        The case that was solved.
    said : mapping
        Of :func:`operations`; a unit more, say, may have been put in.
    at : Horizon
        The hours.
    shared : mapping
        ``demand_mw``, ``unserved_mw``, ``pue``, ``month`` and ``chain_start``, hourly.

    Raises
    ------
    CaseError
        If the plant has more than one grid connection or fuel stock.
    """
    return [_plan(case, said, at, shared, year) for year in at.years]


def _plan(
    case: Case,
    said: Mapping[str, Operation],
    at: Horizon,
    shared: Mapping[str, Any],
    year: range,
) -> Plan:
    """Cut one weather year out of what the technologies say."""
    cut = slice(year.start, year.stop)
    fleets = {n: s.fleet for n, s in said.items() if s.fleet and s.fleet.units}
    banks = {n: s.bank for n, s in said.items() if s.bank and s.bank.store.power_mw > 0}
    link = _only(said, "link")
    if link is not None and link.size_mw <= 0:
        link = None
    if link is not None:
        link = replace(link, import_mw=link.import_mw[cut])
    short = np.clip(np.asarray(shared["unserved_mw"], dtype=float), 0, None)
    short = np.where(short > 1e-6, short, 0.0)[cut]
    demand = np.asarray(shared["demand_mw"], dtype=float)[cut]
    sun_wind = [
        s.available_mw[cut] for s in said.values() if s.available_mw is not None
    ]
    machines = _machines(list(fleets.items()), cut, len(demand))
    weight = (at.weights / at.year_share)[cut]
    batteries = tuple(_battery(n, b, at, cut) for n, b in banks.items())
    elements = _elements(fleets, banks, batteries, link, case.outages)
    months = np.asarray(shared["month"])[cut]
    cold = np.flatnonzero(np.isin(months, case.outages.cold_spell_months))
    on_gas = machines.unit_mw * machines.online * machines.on_gas
    return Plan(
        machines=machines,
        batteries=batteries,
        link=link,
        stock=_only(said, "stock"),
        sun_wind_mw=np.sum([np.zeros(len(demand)), *sun_wind], axis=0),
        load_mw=demand - short,
        planned_short_mw=short,
        pue=np.asarray(shared["pue"], dtype=float)[cut],
        weight=weight,
        restart=np.asarray(shared["chain_start"], dtype=bool)[cut],
        gas_most_mw=float(np.minimum(on_gas.sum(axis=1), demand).max(initial=0.0)),
        hold_h=case.contingencies.hold_h if case.contingencies else 0.25,
        outages=case.outages,
        elements=tuple(e for e, *_ in elements),
        effect=np.array([x for _, x, _, _ in elements], dtype=np.int64),
        of=np.array([k for _, _, k, _ in elements], dtype=np.int64),
        place=np.array([j for _, _, _, j in elements], dtype=np.int64),
        cold_hours=cold,
        first_hour=year.start,
        year_share=float(at.year_share[year.start]),
    )


def _only(said: Mapping[str, Operation], part: str) -> Any:
    """Return the one link or stock of the plant, if it has one."""
    having = {n: v for n, s in said.items() if (v := getattr(s, part)) is not None}
    if len(having) > 1:
        raise CaseError(f"sampled outages take one {part}; there are {list(having)}")
    return next(iter(having.values()), None)


def _machines(fleets: list[tuple[str, Fleet]], cut: slice, hours: int) -> Machines:
    """Put the fleets side by side."""

    def each(field: str, kind: Any = float) -> Any:
        return np.array([getattr(f, field) for _, f in fleets], dtype=kind)

    def hourly(field: str, kind: Any = float) -> Any:
        columns = [np.asarray(getattr(f, field))[cut] for _, f in fleets]
        empty = np.zeros((hours, 0), dtype=kind)
        return np.stack(columns, axis=1).astype(kind) if columns else empty

    return Machines(
        names=tuple(name for name, _ in fleets),
        units=each("units", np.int64),
        unit_mw=hourly("unit_mw"),
        online=hourly("online_units", np.int64),
        out=hourly("out_units", np.int64),
        start_h=each("start_h"),
        start_failure_frac=each("start_failure_frac"),
        repair_h=each("repair_h"),
        derated_loss_frac=each("derated_loss_frac"),
        on_gas=each("on_gas", bool),
        dual_fuel=each("dual_fuel", bool),
    )


def _battery(name: str, bank: Bank, at: Horizon, cut: slice) -> Battery:
    s = bank.store
    return Battery(
        name=name,
        power_mw=s.power_mw,
        full_mwh=s.energy_mwh,
        floor_mwh=s.floor_mwh,
        charge_frac=s.charge_frac,
        discharge_frac=s.discharge_frac,
        blocks=bank.blocks,
        stored_mwh=np.asarray(s.stored_mwh)[cut],
        before_mwh=np.asarray(s.stored_mwh)[at.previous][cut],
    )


def failures_per_yr(out_frac: float, repair_h: float) -> float:
    r"""Return failures per year in service of an element that is out a share of time.

    :math:`8760 / MTTF` with :math:`MTTF = r (1 - q) / q`.

    Examples
    --------
    >>> round(failures_per_yr(0.05, 50), 3)
    9.221
    """
    return HOURS_PER_YEAR * out_frac / (repair_h * (1 - out_frac))


def _elements(
    fleets: Mapping[str, Fleet],
    banks: Mapping[str, Bank],
    batteries: tuple[Battery, ...],
    link: Link | None,
    outages: Outages,
) -> list[tuple[Element, Effect, int, int]]:
    """List what can be out: units type by type, then the rest, common causes last."""
    made: list[tuple[Element, Effect, int, int]] = []
    for k, (name, f) in enumerate(fleets.items()):
        rate = failures_per_yr(f.forced_outage_frac, f.repair_h)
        for j in range(f.units):
            unit = Element(f"{name} {j + 1}", rate, f.repair_h)
            made.append((unit, Effect.UNIT, k, j))
    for k, (name, f) in enumerate(fleets.items()):
        rate = failures_per_yr(f.derated_time_frac, f.repair_h)
        for j in range(f.units if rate else 0):
            title = f"{name} {j + 1} derated"
            part = Element(title, rate, f.repair_h, f.derated_loss_frac)
            made.append((part, Effect.DERATE, k, j))
    for k, (name, bank) in enumerate(banks.items()):
        rate = failures_per_yr(bank.forced_outage_frac, bank.repair_h)
        for j in range(batteries[k].blocks):
            block = Element(f"{name} block {j + 1}", rate, bank.repair_h)
            made.append((block, Effect.BLOCK, k, j))
    if link is not None:
        grid = Element("grid", link.outages_per_yr, link.repair_h)
        made.append((_important(grid), Effect.LINK, 0, 0))
    if any(f.on_gas for f in fleets.values()):
        line = Element("gas line", outages.gas_line_events_per_yr, outages.gas_line_h)
        made.append((_important(line), Effect.GAS, 0, 0))
    yard = Element("switchyard", outages.switchyard_events_per_yr, outages.switchyard_h)
    made.append((_important(yard), Effect.YARD, 0, 0))
    cold = Element("cold spell", outages.cold_spells_per_yr, outages.cold_spell_h)
    made.append((_important(cold), Effect.COLD, 0, 0))
    return made


def _important(element: Element) -> Element:
    """Let a rare element be out more often in the biased half of the sample."""
    if element.rate_per_yr <= 0:
        return element
    times = np.clip(_SEEN_PER_YR / element.rate_per_yr, 1.0, _MOST_IMPORTANT)
    return replace(element, importance=float(times))
