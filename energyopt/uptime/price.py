"""The price of foresight: three dispatches of one plant, as a document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from energyopt.metrics import (
    cost_by_category,
    gpu_full_hours_frac,
    gpu_served_frac,
    served_mwh,
)
from energyopt.results import Result
from energyopt.solve.rolling import Rolled
from energyopt.uptime.forecast import GROWTH_PER_DAY, told_errors

SCHEMA_VERSION = "1.0"
BENT = {
    "at_once_reserve": "reserve at once",
    "sustained_reserve": "reserve through a repair",
    "synchronous_units": "synchronous units",
    "grid_forming_mw": "grid-forming power",
    "standby_only_for_maintenance": "standby import beyond maintenance",
}
APPROXIMATIONS = (
    "sizes, maintenance and all else without an hour are held as sized, so sizing still "
    "knew the year",
    "the hour itself is known when it comes: what is forecast is every later hour",
    "whole units are committed on the forecast; those that start within the hour start "
    "beyond the plan only where load or reserve would be short, and stop only where "
    "there is no other dispatch",
    "beyond the step, which the next plan decides, units need not be whole; a window's "
    "commitment is proven to 0.01 % of its share of the year's cost",
    "what is stored at a window's end is worth its mean over the days of the sized year, "
    "by hour of the day: a habit of that year, and nothing of the days to come",
    "yearly limits are kept by a price on their use, that of the sized year's dispatch, "
    "and no more is used of them than is left, unless load would be shed",
    "coincident peaks, where they are charged, are known in their own hour",
    "outages are not in it: energyopt uptime",
)
OF_FORECAST = {
    "persistence": "every series, gas price too, is believed to be as in the same hour "
    "of yesterday; the first day of the year as its last",
    "day-ahead": "gas prices and pressure are known; errors of sun, wind, temperature and "
    "price are independent of each other",
    "perfect": "forecasts are the truth: what is left is the end of each window",
}


def answer(
    *,
    ask: Mapping[str, Any],
    run_id: str,
    perfect: Result,
    told_the_truth: Result,
    realised: Result,
    rolled: Rolled,
    yearly: list[dict[str, Any]],
) -> dict[str, Any]:
    """Return the document of a foresight study.

    Parameters
    ----------
    ask : mapping
        Forecast, window, step and seed.
    perfect, told_the_truth, realised : Result
        The year as sized; the same windows with perfect forecasts; with those asked for.
    rolled : Rolled
        How the hours came true.
    yearly : list of dict
        Use of each yearly limit.

    Returns
    -------
    dict
        Plain data; units in the keys.
    """
    case = perfect.case
    dispatches = {
        "as_sized": _dispatch(perfect),
        "windows_told_the_truth": _dispatch(told_the_truth),
        "realised": _dispatch(realised),
    }
    knowing = min(
        ("as_sized", "windows_told_the_truth"),
        key=lambda name: dispatches[name]["usd_per_yr"],
    )
    forecast = {"kind": ask["forecast"], **{k: ask[k] for k in ("window_h", "step_h")}}
    if ask["forecast"] == "day-ahead":
        forecast |= {
            "seed": ask["seed"],
            "errors": told_errors(),
            "wider_per_day_frac": GROWTH_PER_DAY,
        }
    return {
        "schema_version": SCHEMA_VERSION,
        "case": case.name,
        "run_id": run_id,
        "draft": case.draft,
        "forecast": forecast,
        "dispatches": dispatches,
        "price_of_foresight": _price(
            {"as_sized": perfect, "windows_told_the_truth": told_the_truth}[knowing],
            realised,
            knowing,
        ),
        **_walk(realised, rolled),
        "yearly_limits": yearly,
        "notes": _notes(realised, ask["forecast"]),
        "approximations": [OF_FORECAST[ask["forecast"]], *APPROXIMATIONS],
    }


def _walk(realised: Result, rolled: Rolled) -> dict[str, Any]:
    """Return how the hours came true, and what was broken on the way."""
    return {
        "hours": {
            "as_planned": rolled.as_planned,
            "redispatched": rolled.redispatched,
            "units_changed": rolled.recommitted,
            "slow_units_changed": rolled.overridden,
        },
        "seconds": round(rolled.seconds, 1),
        "rules_broken": [
            {
                "rule": BENT.get(name, name),
                "hours": hours,
                "sum_mwh": total,
                "worst_mw": worst,
            }
            for name, (hours, total, worst) in rolled.bent.items()
        ],
        "checks_failed": [
            {"check": c.name, "worst": c.worst, "hour": c.hour}
            for c in realised.checks
            if not c.passed
        ],
        "contingencies": [
            {"element": t.element, "hours_shed": t.hours_shed, "worst_mwh": t.worst_mwh}
            for t in realised.trips
        ],
    }


def _dispatch(result: Result) -> dict[str, float]:
    """Return cost and uptime of one dispatched year."""
    found = result.recounted
    by = cost_by_category(found)
    usd, served = sum(by.values()), served_mwh(found)
    return {
        "usd_per_yr": usd,
        "usd_per_mwh": usd / served if served > 0 else 0.0,
        "lost_compute_usd_per_yr": by.get("lost_compute", 0.0),
        "served_mwh_per_yr": served,
        "unserved_mwh_per_yr": found.mean_year(found.unserved_mw),
        "gpu_served_frac": gpu_served_frac(found),
        "full_hours_frac": gpu_full_hours_frac(found),
    }


def _price(knowing: Result, realised: Result, against: str) -> dict[str, Any]:
    """Return what the realised year costs more, and gives less, than a known one."""
    before, after = _dispatch(knowing), _dispatch(realised)
    usd = after["usd_per_yr"] - before["usd_per_yr"]
    old, new = cost_by_category(knowing.recounted), cost_by_category(realised.recounted)
    parts = {k: new.get(k, 0.0) - old.get(k, 0.0) for k in sorted({*old, *new})}
    served = before["served_mwh_per_yr"]
    return {
        "against": against,
        "usd_per_yr": usd,
        "usd_per_mwh": usd / served if served > 0 else 0.0,
        "usd_per_yr_by_category": {k: v for k, v in parts.items() if abs(v) > 0.5},
        "unserved_mwh_per_yr": after["unserved_mwh_per_yr"]
        - before["unserved_mwh_per_yr"],
        "gpu_served_frac": after["gpu_served_frac"] - before["gpu_served_frac"],
        "full_hours_frac": after["full_hours_frac"] - before["full_hours_frac"],
    }


def _notes(realised: Result, forecast: str) -> list[str]:
    """Say what the reader must know of this very plant."""
    notes = []
    if realised.case.draft:
        notes.append(
            "DRAFT: each of a few weeks is rolled by itself and ends as it began; few "
            "days stand for the year"
        )
    if not any(r.store for r in realised.recounted.technologies.values()):
        notes.append("nothing is stored: forecasts matter for commitment alone")
    if forecast == "day-ahead":
        low = [n for n, e in told_errors().items() if e["confidence"] == "low"]
        notes.append(f"LOW CONFIDENCE: the spreads of {', '.join(low)} are assumed")
    return notes
