"""Small plants for the sampled operation: what runs is written down, not solved."""

from __future__ import annotations

from typing import Any

import numpy as np
import plants

from energyopt.technologies import Bank, Fleet, Horizon, Link, Operation, Stock, Store
from energyopt.uptime.elements import Plan, plans_of
from energyopt.uptime.histories import Histories
from energyopt.uptime.operate import Shortages, Totals, operate


def hourly(value: Any, hours: int) -> Any:
    return np.broadcast_to(np.asarray(value, dtype=float), (hours,)).copy()


def fleet(hours: int, units: int, online: Any, **changes: Any) -> Operation:
    """Return units of 10 MW that start in 0.1 h and never fail by themselves."""
    given: dict[str, Any] = {"unit_mw": 10.0, "out_units": 0.0, "start_h": 0.1}
    given |= changes | {"online_units": online}
    for name in ("unit_mw", "out_units", "online_units"):
        given[name] = hourly(given[name], hours)
    return Operation(fleet=Fleet(units=units, on_gas=True, **given))


def battery(
    hours: int, power: float, stored: Any, *, full: float = 100.0, **changes: Any
) -> Operation:
    """Return a lossless battery without floor, as full as the plan has it."""
    bank = {k: changes.pop(k) for k in ("blocks", "forced_outage_frac") if k in changes}
    store: dict[str, Any] = {"charge_frac": 1.0, "discharge_frac": 1.0}
    store |= {"floor_mwh": 0.0, "block_mw": power} | changes
    made = Store(
        power_mw=power, energy_mwh=full, stored_mwh=hourly(stored, hours), **store
    )
    return Operation(bank=Bank(store=made, **bank))


def grid(hours: int, size: float, *, once: float = 0.0, **changes: Any) -> Operation:
    """Return a connection that is switched in after a quarter of an hour."""
    bought = hourly(changes.pop("import_mw", 0.0), hours)
    given = {"switch_h": 0.25} | changes
    link = Link(size_mw=size, at_once_mw=once, import_mw=bought, **given)
    return Operation(link=link)


def sun(hours: int, available: Any) -> Operation:
    return Operation(available_mw=hourly(available, hours))


def stock(full: float, refill: float = 0.0) -> Operation:
    return Operation(stock=Stock(full_mwh=full, refill_mw=refill))


def plan(
    hours: int,
    load: Any,
    parts: dict[str, Operation],
    *,
    unserved: Any = 0.0,
    months: Any = 1,
    pue: float = 1.25,
    **changes: Any,
) -> Plan:
    """Return the plan of a few hours; changes are those of the case."""
    made = plants.case(**({"contingencies": {}} | changes))
    at = Horizon(
        hours=range(hours),
        weight=[1.0] * hours,
        chains=(range(hours),),
        years=(range(hours),),
        week_of=[0] * hours,
    )
    start = np.zeros(hours, dtype=bool)
    start[0] = True
    shared = {
        "demand_mw": hourly(load, hours),
        "unserved_mw": hourly(unserved, hours),
        "pue": hourly(pue, hours),
        "month": hourly(months, hours).astype(int),
        "chain_start": start,
    }
    (found,) = plans_of(made, parts, at, shared)
    return found


def script(made: Plan, *outages: tuple[str, float, float], years: int = 1) -> Histories:
    """Return histories in which the named elements are out, the same in each year."""
    names = [e.name for e in made.elements]
    rows = [
        (y, names.index(name), start, end)
        for name, start, end in outages
        for y in range(years)
    ]
    rows.sort(key=lambda row: (row[2], row[0]))
    columns = [np.array(c) for c in zip(*rows, strict=True)] or [np.zeros(0)] * 4
    return Histories(
        columns[0].astype(np.int64),
        columns[1].astype(np.int64),
        columns[2].astype(float),
        columns[3].astype(float),
        np.zeros(years),
    )


def ran(
    made: Plan, *outages: tuple[str, float, float], years: int = 1, **options: Any
) -> tuple[Shortages, Totals]:
    """Run a script through a plan."""
    scripted = script(made, *outages, years=years)
    return operate(made, scripted, range(years), 0, **options)


def short(made: Plan, *outages: tuple[str, float, float]) -> list[tuple[float, ...]]:
    """Return what is short as (start, hours, MW), neighbours of one size joined."""
    found, _ = ran(made, *outages)
    spans: list[tuple[float, float, float]] = []
    for start, span, mw in zip(
        found.start_h, found.span_h, found.short_mw, strict=True
    ):
        if spans and np.isclose(sum(spans[-1][:2]), start) and spans[-1][2] == mw:
            spans[-1] = (spans[-1][0], spans[-1][1] + span, mw)
        else:
            spans.append((start, span, mw))
    return [tuple(round(float(v), 9) for v in span) for span in spans]
