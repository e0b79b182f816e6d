"""Sampled years -> the document that ``uptime.json`` keeps, and the tidy table of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from energyopt.units import HOURS_PER_YEAR, KW_PER_MW
from energyopt.uptime.causes import WORDS, Cause
from energyopt.uptime.contingencies import Lost
from energyopt.uptime.estimate import Estimate, estimate, nines
from energyopt.uptime.measures import Sampled
from energyopt.uptime.saved import RATES, Saved

Floats = NDArray[np.float64]

SCHEMA_VERSION = "1.0"
NO_COMMON = "no common causes"
COMPUTE_FRACS = (0.96, 0.94)  # of compute
LENGTHS_H = (0.25, 1.0, 4.0, 12.0, 24.0, 72.0)
NORMAL_95 = 1.959964
APPROXIMATIONS = (
    "the plan of the sizing is followed where nothing is missing: its weather, load and "
    "starts are known a day ahead, outages are not",
    "sun and wind are those of the plan, so that weather is no cause of its own",
    "online units can give full load at once; minimum load, minimum up and down times "
    "and budgets bind nobody in an emergency",
    "standby units start in the order of their start times until the plan's online "
    "power, or load and the largest unit, is there again; a second order of a type "
    "waits for its first; then a backup grid is switched in",
    "a repair ends with the unit ready to run, and gas comes back to all units at once",
    "units fail at one rate whether they run or stand by, except for failed starts",
    "every rise of the power that is shed costs the restart of the jobs on it",
    "shortages less than an hour apart are one event",
    "low and high are rates of failure; how long things are out stays at its base value",
    "losses of one and of two elements are tried in the first weather year",
)


def answer(
    saved: Saved, sampled: Mapping[str, Sampled], lost: list[Lost], seed: int
) -> dict[str, Any]:
    """Return the document of an uptime study.

    Parameters
    ----------
    saved : Saved
        The plan.
    sampled : mapping
        By variant: ``"base"``, ``"base, no common causes"``, the same of low and high
        outage rates, and what could be added.
    lost : list of Lost
        The contingency tables.
    seed : int
        Of the sample.

    Returns
    -------
    dict
        Plain data; units in the keys.
    """
    base = sampled["base"]
    demand = _demand(base)
    uptime = {
        rates: {
            "with_common_causes": availability(sampled[rates]),
            "without_common_causes": availability(sampled[f"{rates}, {NO_COMMON}"]),
        }
        for rates in RATES
    }
    further = [
        _gain(saved, words, base, other)
        for words, other in sampled.items()
        if words.partition(",")[0] not in RATES
    ]
    planned = float(base.unserved_mwh(Cause.PLAN).mean())
    return {
        "schema_version": SCHEMA_VERSION,
        "case": saved.case.name,
        "run_id": saved.run_id,
        "draft": saved.case.draft,
        "years": base.years,
        "seed": seed,
        "uptime": uptime,
        "demand_mwh_per_yr": demand["facility"],
        **shortage(saved, base),
        "planned_unserved_mwh_per_yr": planned,
        "contingencies": [asdict(one) for one in lost],
        "one_more": further,
        "what_stands_in_the_way": _in_the_way(base),
        "fixed_rates": saved.rated("high")[1],
        "low_confidence": _low_confidence(saved),
        "notes": _notes(saved, base, planned),
        "approximations": list(APPROXIMATIONS),
    }


def _demand(sampled: Sampled) -> dict[str, float]:
    """Return the demand of the average year, of the facility and the GPUs. [MWh]"""
    found = {"facility": 0.0, "gpu": 0.0}
    for p in sampled.plans:
        asked = p.load_mw + p.planned_short_mw
        found["facility"] += p.year_share * float(p.weight @ asked)
        found["gpu"] += p.year_share * float(p.weight @ (asked / p.pue))
    return found


def _share(sampled: Sampled, lost: Floats, total: float, unseen: float) -> Any:
    """Return the share left, its nines and interval."""
    found = estimate(lost, sampled.log_weight, unseen=unseen).share_left(total)
    low, high = max(found.low, 0.0), min(found.high, 1.0)
    return {
        "frac": found.mean,
        "low_frac": low,
        "high_frac": high,
        "nines": _told(nines(found.mean)),
        "low_nines": _told(nines(low)),
        "high_nines": _told(nines(high)),
    }


def _told(value: float) -> float | None:
    """Return a number, or nothing where it is not finite: no shortage was seen."""
    return float(value) if np.isfinite(value) else None


def availability(sampled: Sampled) -> dict[str, Any]:
    """Return GPU energy served and hours fully served, with their intervals.

    A year in which nothing was short is taken to hide an hour of full load at most
    where no year was short at all.
    """
    gpu = _demand(sampled)["gpu"]
    lost = sampled.gpu_mwh()
    seen = estimate(lost, sampled.log_weight)
    return {
        "gpu_energy": _share(sampled, lost, gpu, gpu / HOURS_PER_YEAR),
        "full_hours": _share(sampled, sampled.short_h(), HOURS_PER_YEAR, 1.0),
        "effective_years": seen.effective_years,
        "years_short": seen.seen_years,
    }


def shortage(saved: Saved, sampled: Sampled) -> dict[str, Any]:
    """Return what is unserved, why, how often, how long, and what it costs."""
    load = saved.case.load
    mwh = sampled.unserved_mwh()
    restart = sampled.restart_mwh(load.restart_h)

    def mean(values: Floats) -> dict[str, float]:
        return interval(estimate(values, sampled.log_weight))

    lost_gpu_h = (mwh + restart) * KW_PER_MW / load.kw_per_gpu
    events = sampled.events()
    return {
        "unserved_mwh_per_yr": mean(mwh),
        "unserved_mwh_per_yr_by_cause": {
            WORDS[cause]: mean(sampled.unserved_mwh(cause)) for cause in Cause
        },
        "events_per_yr": mean(sampled.events_per_yr()),
        "event_length": lengths(sampled),
        "longest_event_h": float(events.length_h.max(initial=0.0)),
        "worst_event": worst_event(sampled),
        "below_compute_h_per_yr": {
            f"{frac:g}": mean(sampled.short_h(1 - frac + 1e-9))
            for frac in COMPUTE_FRACS
        },
        "restart_h": load.restart_h,
        "lost_gpu_h_per_yr": mean(lost_gpu_h),
        "lost_gpu_h_per_yr_by_restarts": mean(restart * KW_PER_MW / load.kw_per_gpu),
        "lost_usd_per_yr": mean((mwh + restart) * load.lost_compute_usd_per_mwh),
    }


def interval(found: Estimate) -> dict[str, float]:
    """Return mean, low and high of an estimate."""
    return {"mean": found.mean, "low": found.low, "high": found.high}


def lengths(sampled: Sampled) -> list[dict[str, Any]]:
    """Return events per year by their length, from the first moment short to the last."""
    events = sampled.events()
    weight = np.exp(sampled.log_weight)[events.year] * sampled.event_weight()
    weight = weight / sampled.years
    bounds = [0.0, *LENGTHS_H, np.inf]
    found = []
    for low, high in pairwise(bounds):
        here = (events.length_h > low) & (events.length_h <= high)
        found.append(
            {
                "above_h": low,
                "up_to_h": _told(high),
                "events_per_yr": float(weight[here].sum()),
                "unserved_mwh_per_yr": float(weight[here] @ events.short_mwh[here]),
            }
        )
    return found


def worst_event(sampled: Sampled) -> str:
    """Return in words the event that left most energy unserved."""
    events = sampled.events()
    if not len(events.year):
        return f"none in {sampled.years:,} sampled years"
    k = int(np.argmax(events.short_mwh))
    hour = int(events.start_h[k])
    return (
        f"sampled year {events.year[k]:,}, hour {hour:,} of the plan: "
        f"{events.short_mwh[k]:,.0f} MWh in {events.length_h[k]:,.1f} h, at most "
        f"{events.most_mw[k]:,.0f} MW ({events.most_frac[k]:.0%} of the load), by "
        f"{WORDS[Cause(int(events.cause[k]))]}"
    )


def _gain(saved: Saved, words: str, base: Sampled, other: Sampled) -> dict[str, Any]:
    """Return what an addition would buy, in the very same sampled years."""
    weight = np.exp(base.log_weight)
    less = (
        weight * base.unserved_mwh() - np.exp(other.log_weight) * other.unserved_mwh()
    )
    pairs = less.reshape(-1, 2).mean(axis=1)
    error = float(pairs.std(ddof=1) / np.sqrt(len(pairs))) * NORMAL_95
    now, then = availability(base), availability(other)
    gained = float(pairs.mean())
    return {
        "what": words,
        "less_unserved_mwh_per_yr": {
            "mean": gained,
            "low": gained - error,
            "high": gained + error,
        },
        "gpu_energy_frac": then["gpu_energy"]["frac"],
        "full_hours_frac": then["full_hours"]["frac"],
        "gpu_energy_nines": then["gpu_energy"]["nines"],
        "gpu_energy_nines_now": now["gpu_energy"]["nines"],
        "less_lost_usd_per_yr": gained * saved.case.load.lost_compute_usd_per_mwh,
    }


def _in_the_way(sampled: Sampled) -> dict[str, Any]:
    """Return the cause of most unserved energy, and the nines without it."""
    by = {
        c: float((np.exp(sampled.log_weight) * sampled.unserved_mwh(c)).mean())
        for c in Cause
    }
    worst = max(by, key=lambda c: by[c])
    total = sum(by.values())
    if total <= 0:
        return {"cause": None}
    facility = _demand(sampled)["facility"]
    left = max(total - by[worst], 0.0) / facility
    return {
        "cause": WORDS[worst],
        "share_of_unserved_frac": by[worst] / total,
        "nines_if_only_it": _told(nines(1 - by[worst] / facility)),
        "nines_without_it": _told(nines(1 - left)),
    }


def _low_confidence(saved: Saved) -> list[str]:
    """Return the outage figures that the catalogue is not sure of."""
    words = ("outage", "start_failure", "repair_h", "restart_h", "switch_h")
    return [
        path
        for path, origin in saved.ranges.items()
        if origin.get("confidence") == "low" and any(word in path for word in words)
    ]


def _notes(saved: Saved, base: Sampled, planned: float) -> list[str]:
    """Say what the reader must know of this very plant."""
    notes = []
    if saved.case.draft:
        notes.append("DRAFT: a few weeks stand for the year; so do their outages")
    if planned > 1e-6:
        notes.append(
            f"the plan itself leaves {planned:,.1f} MWh a year unserved, before any "
            "outage; it is counted here under 'plan'"
        )
    plan = base.plans[0]
    if plan.stock is not None and not plan.machines.dual_fuel.any():
        notes.append("no unit burns the stored fuel: none says dual_fuel")
    if not any(e.rate_per_yr for e in plan.elements):
        notes.append("nothing in this case can be out: no outage rate is above zero")
    if not any(v for k, v in saved.case.outages if k.endswith("_per_yr")):
        notes.append("the case names no common causes (section outages)")
    notes.append("no load of the case is flexible: what is short is shed as it comes")
    return notes
