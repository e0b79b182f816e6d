"""Which hours are modelled, what each stands for, and how time goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from energyopt.units import HOURS_PER_YEAR

Floats = NDArray[np.float64]
HOURS_PER_WEEK = 168
WEEKS = 52  # the last has 8 days
CANDIDATES = 3  # typical weeks of a season to choose from


@dataclass(frozen=True)
class Hours:
    """The modelled hours.

    Parameters
    ----------
    picked : array of int, shape (hours,)
        Positions in the weather years, one after the other.
    weight_h : array, shape (hours,)
        Hours of an average year that each stands for; 8,760 in all. [h]
    chains : tuple of range
        Runs of modelled hours within which time goes on.
    years : tuple of range
        The modelled hours of each weather year.
    week_of : array of int, shape (hours,)
        0, 1, ... over all years.
    """

    picked: NDArray[np.intp]
    weight_h: Floats
    chains: tuple[range, ...]
    years: tuple[range, ...]
    week_of: NDArray[np.intp]


def every_hour(year_weights: Sequence[float]) -> Hours:
    """Return all hours of all weather years, each year one chain of 52 weeks.

    Parameters
    ----------
    year_weights : sequence of float
        Relative weights of the years.

    Returns
    -------
    Hours
        The 52nd week has 192 h.

    Examples
    --------
    >>> two = every_hour([1, 3])
    >>> two.chains, float(two.weight_h[0]), float(two.weight_h.sum())
    ((range(0, 8760), range(8760, 17520)), 0.25, 8760.0)
    """
    count = len(year_weights)
    share = np.asarray(year_weights, dtype=float) / sum(year_weights)
    years = tuple(
        range(y * HOURS_PER_YEAR, (y + 1) * HOURS_PER_YEAR) for y in range(count)
    )
    week = np.minimum(np.arange(HOURS_PER_YEAR) // HOURS_PER_WEEK, WEEKS - 1)
    return Hours(
        picked=np.arange(count * HOURS_PER_YEAR),
        weight_h=np.repeat(share, HOURS_PER_YEAR),
        chains=years,
        years=years,
        week_of=np.concatenate([week + y * WEEKS for y in range(count)]),
    )


def representative_weeks(
    year_weights: Sequence[float], seasons: int, features: Floats, temp_air_c: Floats
) -> Hours:
    """Return a typical week of each season, and the week of the hottest hour.

    The year is cut into seasons of whole weeks. In each, the three weeks are found
    whose means are nearest the season's (in standard deviations of all weekly means);
    of these, one per season is taken so that together they come nearest the year's
    means. It stands for its season's hours; the hottest week for itself alone.

    Parameters
    ----------
    year_weights : sequence of float
        Relative weights of the years.
    seasons : int
        How many, 1 to 26.
    features : array, shape (years * 8760, features)
        What weeks are compared by: temperature, sun, wind, price.
    temp_air_c : array, shape (years * 8760,)
        Dry bulb. [°C]

    Returns
    -------
    Hours
        Each week its own chain, of 168 h.
    """
    share = np.asarray(year_weights, dtype=float) / sum(year_weights)
    begins: list[int] = []
    stands_for_h: list[float] = []
    years = []
    for y in range(len(share)):
        first = y * HOURS_PER_YEAR
        hottest, typical = _weeks_of_year(
            seasons,
            features[first : first + HOURS_PER_YEAR],
            temp_air_c[first : first + HOURS_PER_YEAR],
        )
        chosen = typical | {hottest: float(HOURS_PER_WEEK)}
        started = len(begins) * HOURS_PER_WEEK
        for week in sorted(chosen):
            begins.append(first + week * HOURS_PER_WEEK)
            stands_for_h.append(share[y] * chosen[week])
        years.append(range(started, len(begins) * HOURS_PER_WEEK))
    in_week = np.arange(HOURS_PER_WEEK)
    return Hours(
        picked=np.concatenate([begin + in_week for begin in begins]),
        weight_h=np.repeat(np.array(stands_for_h) / HOURS_PER_WEEK, HOURS_PER_WEEK),
        chains=tuple(
            range(i * HOURS_PER_WEEK, (i + 1) * HOURS_PER_WEEK)
            for i in range(len(begins))
        ),
        years=tuple(years),
        week_of=np.repeat(np.arange(len(begins)), HOURS_PER_WEEK),
    )


def _weeks_of_year(
    seasons: int, features: Floats, temp_air_c: Floats
) -> tuple[int, dict[int, float]]:
    """Pick the hottest week, and the typical ones with the hours each stands for."""
    whole = features[: WEEKS * HOURS_PER_WEEK].reshape(WEEKS, HOURS_PER_WEEK, -1)
    means = whole.mean(axis=1)
    spread = means.std(axis=0)
    means = means / np.where(spread > 0, spread, 1.0)
    hottest = min(int(np.argmax(temp_air_c)) // HOURS_PER_WEEK, WEEKS - 1)
    nearest, stands_for = [], []
    for season in np.array_split(np.arange(WEEKS), seasons):
        others = season[season != hottest]
        away = np.linalg.norm(means[others] - means[others].mean(axis=0), axis=1)
        nearest.append(others[np.argsort(away, kind="stable")[:CANDIDATES]])
        stands_for.append(len(others))
    picked = _nearest_year(
        nearest,
        np.array(stands_for, dtype=float),
        means,
        (means.sum(axis=0) - means[hottest]),
    )
    hours = [float(count * HOURS_PER_WEEK) for count in stands_for]
    hours[-1] += HOURS_PER_YEAR - WEEKS * HOURS_PER_WEEK  # the year's last day
    return hottest, dict(zip(picked, hours, strict=True))


def _nearest_year(
    nearest: list[NDArray[np.intp]], counts: Floats, means: Floats, total: Floats
) -> list[int]:
    """Pick one candidate per season so that together they come nearest the total."""
    picked = [int(weeks[0]) for weeks in nearest]

    def away(trial: list[int]) -> float:
        return float(np.linalg.norm(counts @ means[trial] - total))

    better = True
    while better:
        better = False
        for season, weeks in enumerate(nearest):
            for week in weeks.tolist():
                trial = [*picked[:season], week, *picked[season + 1 :]]
                if away(trial) < away(picked) - 1e-9:
                    picked, better = trial, True
    return picked
