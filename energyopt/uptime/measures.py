"""What shortages amount to in each sampled year."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from energyopt.uptime.causes import Cause
from energyopt.uptime.elements import Plan
from energyopt.uptime.operate import Shortages

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SAME_EVENT_H = 1.0  # shortages less than this apart are one event


@dataclass(frozen=True)
class Sampled:
    """The sampled years of one plant, in the order of their numbers.

    ``plans`` has one plan a weather year, ``blocks`` the numbers of the years that are
    sampled of each.
    """

    plans: Sequence[Plan]
    blocks: Sequence[range]
    shortages: Shortages
    log_weight: Floats  # (years,)

    @property
    def years(self) -> int:
        """Sampled years."""
        return len(self.log_weight)

    def scale(self) -> Floats:
        """Return what makes the plain mean that of the weather years, (years,)."""
        found = np.zeros(self.years)
        for plan, block in zip(self.plans, self.blocks, strict=True):
            found[block.start : block.stop] = plan.year_share * self.years / len(block)
        return found

    def _of_hour(self, name: str) -> Floats:
        """Return a quantity of the plan in the hour of each span, shape (spans,)."""
        s = self.shortages
        found = np.zeros(len(s.year))
        for plan, block in zip(self.plans, self.blocks, strict=True):
            here = (s.year >= block.start) & (s.year < block.stop)
            found[here] = getattr(plan, name)[s.hour[here]]
        return found

    def _planned(self, values: list[float]) -> Floats:
        """Return the same in all sampled years of a weather year, (years,)."""
        found = np.zeros(self.years)
        for value, block in zip(values, self.blocks, strict=True):
            found[block.start : block.stop] = value
        return found

    def _sum(self, of_span: Floats) -> Floats:
        """Return the weighted sum over each year's spans, shape (years,)."""
        weighted = of_span * self._of_hour("weight")
        return self.scale() * np.bincount(
            self.shortages.year, weights=weighted, minlength=self.years
        )

    def unserved_mwh(self, cause: Cause | None = None) -> Floats:
        """Return energy not served to the facility, by one cause or in all. [MWh/yr]"""
        s = self.shortages
        if cause == Cause.PLAN:
            return self.scale() * self._planned(
                [float(p.weight @ p.planned_short_mw) for p in self.plans]
            )
        if cause is not None:
            return self._sum(np.where(s.cause == cause, s.short_mwh, 0.0))
        return self._sum(s.short_mwh) + self.unserved_mwh(Cause.PLAN)

    def gpu_mwh(self) -> Floats:
        """Return energy not served to the GPUs. [MWh/yr]"""
        s = self.shortages
        planned = [float(p.weight @ (p.planned_short_mw / p.pue)) for p in self.plans]
        return self._sum(s.short_mwh / self._of_hour("pue")) + (
            self.scale() * self._planned(planned)
        )

    def short_h(self, above_frac: float = 0.0) -> Floats:
        """Return the time in which more than a share of the load is short. [h/yr]

        An hour that the plan itself leaves short counts whole where that is so.
        """
        s = self.shortages
        planned_mw = self._of_hour("planned_short_mw")
        load = self._of_hour("load_mw") + planned_mw
        planned = planned_mw > above_frac * load
        over = (s.short_mw + planned_mw > above_frac * load) & ~planned
        whole = [
            float(p.weight @ _over(p.planned_short_mw, p.load_mw, above_frac))
            for p in self.plans
        ]
        return self._sum(np.where(over, s.span_h, 0.0)) + (
            self.scale() * self._planned(whole)
        )

    def _short_frac(self) -> Floats:
        """Return the share of the load that is short in each span, (spans,)."""
        planned = self._of_hour("planned_short_mw")
        total = self._of_hour("load_mw") + planned
        return (self.shortages.short_mw + planned) / total

    def restart_mwh(self, restart_h: float) -> Floats:
        """Return energy's worth of work lost as jobs start again. [MWh/yr]

        Every rise of the power that is shed stops the jobs that ran on it.
        """
        return self._sum(self.shortages.rise_mw * restart_h)

    def events(self) -> Events:
        """Return the events, shortages less than an hour apart taken together."""
        s = self.shortages
        if not len(s.year):
            none = np.zeros(0)
            whole = np.zeros(0, dtype=np.int64)
            return Events(whole, none, none, none, none, none, whole)
        end = s.start_h + s.span_h
        new = np.ones(len(s.year), dtype=bool)
        new[1:] = (s.year[1:] != s.year[:-1]) | (
            s.start_h[1:] - end[:-1] > SAME_EVENT_H
        )
        first = np.flatnonzero(new)
        cause_mwh = np.zeros((len(first), len(Cause)))
        np.add.at(cause_mwh, (np.cumsum(new) - 1, s.cause), s.short_mwh)
        return Events(
            year=s.year[first],
            start_h=s.start_h[first],
            length_h=np.maximum.reduceat(end, first) - s.start_h[first],
            short_mwh=np.add.reduceat(s.short_mwh, first),
            most_mw=np.maximum.reduceat(s.short_mw, first),
            most_frac=np.maximum.reduceat(self._short_frac(), first),
            cause=np.argmax(cause_mwh, axis=1),
        )

    def event_weight(self) -> Floats:
        """Return how many events in an average year each stands for, (events,)."""
        events = self.events()
        hour = np.floor(events.start_h + 1e-9).astype(np.int64)
        weight = np.zeros(len(hour))
        for plan, block in zip(self.plans, self.blocks, strict=True):
            here = (events.year >= block.start) & (events.year < block.stop)
            weight[here] = plan.weight[hour[here]]
        return weight * self.scale()[events.year]

    def events_per_yr(self) -> Floats:
        """Return the events that begin in each year, shape (years,)."""
        found: Floats = np.bincount(
            self.events().year, weights=self.event_weight(), minlength=self.years
        ).astype(float)
        return found


@dataclass(frozen=True)
class Events:
    """Events of all sampled years; each array has shape (events,)."""

    year: Ints
    start_h: Floats
    length_h: Floats  # from the first to the last moment short
    short_mwh: Floats
    most_mw: Floats
    most_frac: Floats  # of the load
    cause: Ints  # of Cause: that of most of its energy


def _over(short: Floats, load: Floats, frac: float) -> Floats:
    return (short > frac * (load + short)).astype(float)
