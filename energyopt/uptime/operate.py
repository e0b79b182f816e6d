"""The plant run through sampled years: no foresight of outages, a batch side by side.

Approximations, stated where results are shown: the plan of the sizing is followed
where nothing is missing, and planned starts are ready in time; sun, wind and load are
those of the plan; units online can give full load at once and their minimum load,
minimum times and costs bind nobody in an emergency; a repaired unit is ready to run;
gas comes back to all units at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from energyopt.uptime import balance, commit
from energyopt.uptime.causes import Cause, cause_of
from energyopt.uptime.elements import Effect, Plan
from energyopt.uptime.histories import Histories
from energyopt.uptime.state import Hourly, State
from energyopt.uptime.take import take

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_AT_ONCE_H = 1e-9


@dataclass(frozen=True)
class Shortages:
    """Spans in which load was short, in order of time; each array has shape (spans,)."""

    year: Ints  # number of the sampled year
    start_h: Floats
    span_h: Floats
    short_mw: Floats
    rise_mw: Floats  # more than a moment before
    cause: Ints  # of Cause

    @property
    def hour(self) -> Ints:
        """Hour of the plan."""
        return np.floor(self.start_h + _AT_ONCE_H).astype(np.int64)

    @property
    def short_mwh(self) -> Floats:
        """Energy short in each span. [MWh]"""
        return self.short_mw * self.span_h


@dataclass
class Totals:
    """Energy of each year while it was off plan, shape (rows,). [MWh]"""

    load: Floats
    units: Floats
    sun_wind: Floats
    link: Floats
    stock: Floats
    discharge: Floats
    charge: Floats
    short: Floats
    hours: Floats  # for which it was off plan [h]

    @classmethod
    def zero(cls, rows: int) -> Totals:
        """Return nothing yet."""
        return cls(*(np.zeros(rows) for _ in range(9)))

    def add(
        self, plan: Plan, hour: int, rows: Ints, f: balance.Flows, yard: Bools
    ) -> None:
        """Add a span; units give what is left to give, sun and wind first."""
        served = plan.load_mw[hour] - f.short_mw
        made = served + f.charge_mw - f.discharge_mw - f.link_mw - f.stock_mw
        made = np.where(yard, 0.0, made)
        sun = np.minimum(made, plan.sun_wind_mw[hour])
        for name, mw in (
            ("load", np.full(len(rows), plan.load_mw[hour])),
            ("units", made - sun),
            ("sun_wind", sun),
            ("link", f.link_mw),
            ("stock", f.stock_mw),
            ("discharge", f.discharge_mw),
            ("charge", f.charge_mw),
            ("short", f.short_mw),
            ("hours", np.ones(len(rows))),
        ):
            getattr(self, name)[rows] += mw * f.span_h


@dataclass
class _Batch:
    """A batch of years on its way through the hours."""

    plan: Plan
    state: State
    ready: Hourly
    years: Ints
    seed: int
    totals: Totals
    found: list[tuple[Ints, Floats, Floats, Floats, Floats, Ints]] = field(
        default_factory=list
    )


@dataclass(frozen=True)
class _Events:
    """Starts and ends of outages, by hour, year and time."""

    row: Ints
    time_h: Floats
    element: Ints
    starts: Bools
    of_hour: Ints  # (hours + 1,), where each hour's events begin


def operate(
    plan: Plan, histories: Histories, years: range, seed: int, *, skip: bool = True
) -> tuple[Shortages, Totals]:
    """Return when load was short in each year of a batch.

    Parameters
    ----------
    plan : Plan
        One weather year of the plant.
    histories : Histories
        Outages of its elements in these years.
    years : range
        Numbers of the sampled years; failed starts are drawn by them.
    seed : int
        Of the sample.
    skip : bool
        Pass over years while they are on plan. Without it the answer is the same,
        and ``Totals`` has every hour.

    Returns
    -------
    Shortages, Totals
        What the plan itself leaves unserved is in neither.
    """
    state = State(plan, len(years))
    batch = _Batch(
        plan=plan,
        state=state,
        ready=Hourly(plan),
        years=np.arange(years.start, years.stop),
        seed=seed,
        totals=Totals.zero(len(years)),
    )
    events = _events(plan, histories)
    every = np.arange(len(years))
    state.count_serving(0)
    m = plan.machines
    state.leave_plan(every, 0, np.zeros(len(every)), m.online[-1])
    first = np.flatnonzero((events.time_h <= 0) & events.starts)
    for j in first:  # out since before the year: nothing trips
        take(state, 0, events.row[j : j + 1], events.element[j : j + 1], True, False)
    for hour in range(plan.hours):
        if hour and (m.out[hour] != m.out[hour - 1]).any():
            state.count_serving(hour)
        _begin(batch, hour, skip)
        _through(batch, hour, events, len(first) if hour == 0 else 0)
    return _joined(batch), batch.totals


def _events(plan: Plan, histories: Histories) -> _Events:
    """Put outages on the plan's hours: cold spells into the months of the case."""
    start, end = histories.start_h.copy(), histories.end_h.copy()
    cold = plan.effect[histories.element] == Effect.COLD
    if len(plan.cold_hours) and cold.any():
        place = start[cold] / plan.hours * len(plan.cold_hours)
        hour = np.minimum(place.astype(np.int64), len(plan.cold_hours) - 1)
        moved = plan.cold_hours[hour] + place - np.floor(place)
        end[cold] = np.minimum(end[cold] - start[cold] + moved, plan.hours)
        start[cold] = moved
    ends = end < plan.hours
    row = np.concatenate([histories.year, histories.year[ends]])
    time = np.concatenate([start, end[ends]])
    element = np.concatenate([histories.element, histories.element[ends]])
    starts = np.concatenate([np.ones(len(start), bool), np.zeros(ends.sum(), bool)])
    hour = np.minimum(time.astype(np.int64), plan.hours - 1)
    hour[(time <= 0) & starts] = 0
    early = ~((time <= 0) & starts)  # what is out from the beginning comes first
    order = np.lexsort((element, starts, time, row, early, hour))
    return _Events(
        row[order],
        time[order],
        element[order],
        starts[order],
        np.searchsorted(hour[order], np.arange(plan.hours + 1)),
    )


def _begin(batch: _Batch, hour: int, skip: bool) -> None:
    """Follow the plan into the hour; see who leaves it and who is back on it."""
    plan, state, m = batch.plan, batch.state, batch.plan.machines
    commit.repaired(state, hour, batch.years, batch.seed)
    before = m.online[hour - 1]
    leaves = (state.available(slice(None)) < m.online[hour]).any(axis=1)
    rows = np.flatnonzero(leaves & ~state.off)
    if len(rows):
        state.leave_plan(rows, hour, np.zeros(len(rows)), before)
    planned = np.maximum(m.online[hour] - before, 0)
    risky = np.flatnonzero((planned > 0) & (m.start_failure_frac > 0))
    on = np.flatnonzero(~state.off)
    if len(risky) and len(on):
        online = np.tile(m.online[hour], (len(on), 1))
        starts = np.tile(planned, (len(on), 1))
        now = np.full(len(on), float(hour))
        stuck = state.stuck[on].sum(axis=1)
        commit.started(state, on, online, starts, batch.years[on], now, batch.seed)
        failed = on[state.stuck[on].sum(axis=1) > stuck]
        kept = state.online[failed].copy()
        state.leave_plan(failed, hour, np.zeros(len(failed)), before)
        state.online[failed] = kept
    off = np.flatnonzero(state.off)
    if len(risky):
        off = off[~np.isin(off, on)]
    if plan.restart[hour] and hour:  # another run of hours: the plan's stored energy
        for b, battery in enumerate(plan.batteries):
            jump = battery.before_mwh[hour] - battery.stored_mwh[hour - 1]
            moved = state.stored_mwh[off, b] + jump
            state.stored_mwh[off, b] = np.clip(
                moved, battery.floor_mwh, battery.full_mwh
            )
    if len(off):
        years = batch.years[off]
        commit.new_hour(state, batch.ready, hour, off, years, batch.seed)
        if skip:
            state.off[off[state.back_on_plan(off, hour)]] = False


def _through(batch: _Batch, hour: int, events: _Events, passed: int) -> None:
    """Run the years that are off plan, or leave it, to the end of the hour."""
    state, m = batch.state, batch.plan.machines
    low, high = events.of_hour[hour] + passed, events.of_hour[hour + 1]
    row = events.row[low:high]
    struck = np.unique(row[~state.off[row]])
    begin = low + np.searchsorted(row, struck)
    rows = np.concatenate([np.flatnonzero(state.off), struck])
    now = np.concatenate(
        [np.full(len(rows) - len(struck), float(hour)), events.time_h[begin]]
    )
    if len(struck):
        state.leave_plan(struck, hour, events.time_h[begin] - hour, m.online[hour])
    at = low + np.searchsorted(row, rows)
    last = low + np.searchsorted(row, rows, side="right")
    fresh = len(rows) - len(struck)
    commit.order(state, batch.ready, hour, rows[:fresh], now[:fresh])
    while len(rows):
        until = np.full(len(rows), hour + 1.0)
        more = at < last
        until[more] = np.minimum(until[more], events.time_h[at[more]])
        until = np.minimum(until, state.arrive_h[rows].min(axis=1, initial=np.inf))
        link = state.link_from_h[rows]
        until = np.where(link > now, np.minimum(until, link), until)
        now = _span(batch, hour, rows, now, np.maximum(until, now))
        _arrivals(batch, hour, rows, now)
        due = np.flatnonzero(more)
        due = due[events.time_h[at[due]] <= now[due]]
        if len(due):
            which = events.element[at[due]]
            starts = events.starts[at[due]]
            for on in (True, False):
                part = starts == on
                take(state, hour, rows[due[part]], which[part], on, True)
            at[due] += 1
        again = np.flatnonzero(now < hour + 1)
        if len(again):
            commit.order(state, batch.ready, hour, rows[again], now[again])
        rows, now, at, last = rows[again], now[again], at[again], last[again]


def _span(batch: _Batch, hour: int, rows: Ints, now: Floats, until: Floats) -> Floats:
    """Run to the next change; write down what is short; return the time reached."""
    state = batch.state
    f = balance.run(state, hour, rows, now, until)
    batch.totals.add(batch.plan, hour, rows, f, state.yard_out[rows] > 0)
    short = np.flatnonzero((f.short_mw > 1e-6) & (f.span_h > _AT_ONCE_H))
    if len(short):
        here = rows[short]
        rise = np.maximum(f.short_mw[short] - state.shed_mw[here], 0)
        cause = cause_of(state, hour, here, f.battery_mw[short])
        batch.found.append(
            (
                batch.years[here],
                now[short],
                f.span_h[short],
                f.short_mw[short],
                rise,
                cause,
            )
        )
    passed = f.span_h > _AT_ONCE_H
    state.shed_mw[rows[passed]] = f.short_mw[passed]
    ended = f.span_h >= until - now
    return np.where(ended, until, now + f.span_h)


def _arrivals(batch: _Batch, hour: int, rows: Ints, now: Floats) -> None:
    """Put units online that were ordered and whose time has come."""
    state = batch.state
    come = state.arrive_h[rows] <= now[:, None]
    got = np.flatnonzero(come.any(axis=1))
    if not len(got):
        return
    here, come = rows[got], come[got]
    starts = np.where(come, state.coming[here], 0)
    state.coming[here] -= starts
    state.arrive_h[here] = np.where(come, np.inf, state.arrive_h[here])
    online = state.online[here] + starts
    commit.started(state, here, online, starts, batch.years[here], now[got], batch.seed)


def _joined(batch: _Batch) -> Shortages:
    """Return all spans, by year and time."""
    if not batch.found:
        none = np.zeros(0)
        count = np.zeros(0, dtype=np.int64)
        return Shortages(count, none, none, none, none, count)
    parts = [np.concatenate(part) for part in zip(*batch.found, strict=True)]
    order = np.lexsort((parts[1], parts[0]))
    year, start, span, short, rise, cause = (part[order] for part in parts)
    return Shortages(year, start, span, short, rise, cause)


__all__ = ["Cause", "Shortages", "Totals", "operate"]
