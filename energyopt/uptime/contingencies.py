"""The loss of one or two elements in the hours of the year, without chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from energyopt.uptime.causes import WORDS, Cause
from energyopt.uptime.elements import Effect, Plan
from energyopt.uptime.histories import Histories
from energyopt.uptime.operate import operate

_MOST_ROWS = 500
_RECOVERY_H = 24  # after a repair, for batteries to be full again


@dataclass(frozen=True)
class Lost:
    """What the loss of some elements at the same moment sheds, over many hours."""

    elements: tuple[str, ...]
    trips: int
    trips_short: int
    mean_mwh: float
    worst_mwh: float
    worst_mw: float
    worst_hour: int | None
    cause: str | None  # of the worst


def contingencies(plan: Plan) -> list[Lost]:
    """Return the N-1 and N-2 tables of a plan.

    Each element, and each two of them, are lost in the middle of an hour and are back
    after their mean repair; units that are ordered start. Trips are spread over the
    year so far apart that batteries are back on plan between them, and cover every
    hour, or one in a few where there are too many. One unit of a type stands for all.

    Parameters
    ----------
    plan : Plan
        One weather year.

    Returns
    -------
    list of Lost
        First the single losses.
    """
    sure = replace(
        plan.machines,
        start_failure_frac=np.zeros_like(plan.machines.start_failure_frac),
    )
    plan = replace(plan, machines=sure)
    singles = _singles(plan)
    own = [s for s in singles if plan.effect[s] not in (Effect.YARD, Effect.COLD)]
    pairs = [*combinations(own, 2), *_twins(plan, own)]
    return _lost(plan, [(s,) for s in singles]) + _lost(plan, pairs)


def _singles(plan: Plan) -> list[int]:
    """Return an element of each type, and those common causes that the case has."""
    found, seen = [], set()
    for j, element in enumerate(plan.elements):
        what = (int(plan.effect[j]), int(plan.of[j]))
        common = plan.effect[j] in (Effect.GAS, Effect.YARD, Effect.COLD)
        if what in seen or plan.effect[j] == Effect.DERATE:
            continue
        if common and not element.rate_per_yr:
            continue
        seen.add(what)
        found.append(j)
    return found


def _twins(plan: Plan, singles: Sequence[int]) -> list[tuple[int, int]]:
    """Return pairs of two elements of one type."""
    found = []
    for j in singles:
        same = (plan.effect == plan.effect[j]) & (plan.of == plan.of[j])
        others = np.flatnonzero(same & (plan.place == 1))
        found += [(j, int(other)) for other in others]
    return found


def _lost(plan: Plan, sets: Sequence[tuple[int, ...]]) -> list[Lost]:
    """Trip sets of elements, each in its own rows of one batch."""
    if not sets:
        return []
    longest = max(e.repair_h for e in plan.elements)
    apart = math.ceil(longest) + _RECOVERY_H
    every = max(1, math.ceil(apart * len(sets) / _MOST_ROWS))
    offsets = np.arange(0, min(apart, plan.hours), every)
    rows: list[np.ndarray] = []
    which, start, end = [], [], []
    for n, elements in enumerate(sets):
        for k, offset in enumerate(offsets):
            hours = np.arange(offset, plan.hours, apart) + 0.5
            for j in elements:
                rows.append(np.full(len(hours), n * len(offsets) + k))
                which.append(np.full(len(hours), j))
                start.append(hours)
                last = hours + plan.elements[j].repair_h
                end.append(np.minimum(last, plan.hours))
    count = len(sets) * len(offsets)
    year, element = np.concatenate(rows), np.concatenate(which)
    begins, ends = np.concatenate(start), np.concatenate(end)
    order = np.lexsort((element, year, begins))
    scripted = Histories(
        year[order], element[order], begins[order], ends[order], np.zeros(count)
    )
    every_hour = replace(plan, cold_hours=np.arange(plan.hours))
    shed, _ = operate(every_hour, scripted, range(count), 0)
    trip = (shed.hour - offsets[shed.year % len(offsets)]) // apart
    found = []
    for n, elements in enumerate(sets):
        here = shed.year // len(offsets) == n
        tries = int(sum(len(np.arange(o, plan.hours, apart)) for o in offsets))
        key = shed.year[here] * (plan.hours + 1) + trip[here]
        trips, place = np.unique(key, return_inverse=True)
        mwh = np.bincount(place, weights=shed.short_mwh[here])
        worst = int(np.argmax(mwh)) if len(trips) else None
        inside = np.flatnonzero(here)[place == worst] if worst is not None else []
        found.append(
            Lost(
                elements=tuple(plan.elements[j].name for j in elements),
                trips=tries,
                trips_short=len(trips),
                mean_mwh=float(mwh.sum()) / tries,
                worst_mwh=float(mwh[worst]) if worst is not None else 0.0,
                worst_mw=float(shed.short_mw[inside].max()) if len(inside) else 0.0,
                worst_hour=int(shed.hour[inside[0]]) if len(inside) else None,
                cause=WORDS[Cause(int(shed.cause[inside[0]]))] if len(inside) else None,
            )
        )
    return found
