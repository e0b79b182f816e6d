"""Weather years made from one real year, by a block bootstrap of its days."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from energyopt.case import Case
from energyopt.inputs import Inputs
from energyopt.inputs.hours import every_hour

HOURS_PER_DAY = 24
YEARS = (2013, 2014, 2015, 2017, 2018, 2019, 2021, 2022, 2023, 2025)  # of 365 days
BLOCK_DAYS = 5
"""About as long as a spell of weather lasts."""


def season_of(day: Any) -> Any:
    """Return 0 to 3 for days of the year: winter begins on the 335th, 1 December."""
    return np.searchsorted([59, 151, 243, 334], day, side="right") % 4


def bootstrap_days(rng: np.random.Generator) -> Any:
    """Return for each of 365 days the day of the real year that it repeats.

    Runs of up to five days in a row, each drawn from the season that it stands in.
    """
    season = season_of(np.arange(365))
    days: list[int] = []
    while len(days) < 365:
        here = season[len(days)]
        ends = np.flatnonzero(season[len(days) :] != here)
        left = int(ends[0]) if ends.size else 365 - len(days)
        length = min(BLOCK_DAYS, left)
        own = np.flatnonzero(season == here)
        # A run may not leave its season; winter's days lie at both ends of the year.
        fits = own[[season[(d + length - 1) % 365] == here for d in own]]
        first = int(rng.choice(fits))
        days += [(first + k) % 365 for k in range(length)]
    return np.array(days)


def several_years(case: Case, one: Inputs, count: int, seed: int) -> Inputs:
    """Return a year's inputs followed by ``count - 1`` years made from its days.

    Everything hourly of a day stays together: sun, wind, temperature, load and prices,
    and what the technologies make of them. Peaks of a year are looked for anew.

    Parameters
    ----------
    case : Case
        With the technologies of the inputs.
    one : Inputs
        One year of 8,760 h.
    count : int
        How many years in all, of equal weight; 1 gives the year back.
    seed : int
        Of the draw.
    """
    if count == 1:
        return one
    rng = np.random.default_rng(seed)
    day = [np.arange(365)] + [bootstrap_days(rng) for _ in range(count - 1)]
    hour = np.concatenate(
        [(d[:, None] * HOURS_PER_DAY + np.arange(HOURS_PER_DAY)).ravel() for d in day]
    )
    hours = every_hour([1.0] * count)
    data = one.data.isel(time=hour)
    offset = pd.Timedelta(hours=float(one.data.attrs["utc_offset_h"]))
    local = pd.DatetimeIndex(
        np.concatenate(
            [
                pd.date_range(f"{year}-01-01", periods=8760, freq="h").values
                for year in YEARS[:count]
            ]
        )
    )
    data = data.assign_coords(
        time=("time", local - offset),
        local_time=("time", local),
        year_index=("time", np.repeat(np.arange(count), 8760)),
        week_index=("time", hours.week_of),
    )
    data["weight_h"] = ("time", hours.weight_h)
    for name, technology in case.technologies.items():
        if technology.kind == "grid":
            for key, values in technology.series(data).items():
                data[f"{name}/{key}"] = ("time", values)
    return replace(
        one,
        data=data,
        chains=hours.chains,
        years=hours.years,
        week_of=hours.week_of.tolist(),
    )
