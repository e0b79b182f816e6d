"""The capacity outage probability table, and what it says of a year of hourly loads.

Exact for units that fail independently and are always on: convolution unit by unit,
sizes as they are, never rounded to a step [1]_.

References
----------
.. [1] R. Billinton, R. N. Allan, "Reliability Evaluation of Power Systems", 2nd ed.,
   ch. 2.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from energyopt.errors import DataError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

HOURS_PER_DAY = 24
TINY_MW = 1e-9  # sums closer than this are one capacity; a shortage is larger
_DIGITS = 9
# Seven steps of a normal load forecast: classes one deviation wide (Billinton & Allan).
SEVEN_STEPS = tuple(
    zip(range(-3, 4), (0.006, 0.061, 0.242, 0.382, 0.242, 0.061, 0.006), strict=True)
)
_MOST_STATES = 20_000_000  # of one table: half a gigabyte
_MOST_LOOKUPS = 3_000_000_000  # minutes
_LOOKUPS_AT_ONCE = 2_000_000


@dataclass(frozen=True)
class Units:
    """Identical, independent machines with two states, or three."""

    unit_mw: float | Floats
    """Of one machine in full order; by hour where temperature changes it. [MW]"""
    count: int | Ints
    """Machines; by hour where planned maintenance takes some."""
    out_frac: float
    """Share of time fully out, forced. [1]"""
    derated_frac: float = 1.0
    """Share of its power that a derated machine still gives. [1]"""
    derated_time_frac: float = 0.0
    """Share of time in the derated state. [1]"""

    def states(self) -> list[tuple[float, float]]:
        """Return what one machine gives and how often.

        Returns
        -------
        list of (share of power, probability)
            Out, derated, full; those that never are left out.
        """
        full = 1 - self.out_frac - self.derated_time_frac
        if not (0 <= self.out_frac <= 1 and self.derated_time_frac >= 0):
            raise ValueError(f"{self.out_frac}, {self.derated_time_frac}: no chances")
        if full < -1e-12:
            raise ValueError("the states of a unit are more than all the time")
        every = [
            (0.0, self.out_frac),
            (self.derated_frac, self.derated_time_frac),
            (1.0, max(full, 0.0)),
        ]
        return [(share, chance) for share, chance in every if chance > 0]


@dataclass(frozen=True)
class CapacityTable:
    """Every capacity that can be available, rising, and its probability."""

    capacity_mw: Floats
    probability: Floats

    @cached_property
    def _chance_to(self) -> Floats:
        """Probability of the lowest k capacities, k from 0."""
        return np.concatenate([[0.0], np.cumsum(self.probability)])

    @cached_property
    def _mw_to(self) -> Floats:
        """Sum of capacity times probability of the lowest k capacities."""
        return np.concatenate([[0.0], np.cumsum(self.probability * self.capacity_mw)])

    def out_at_least(self, out_mw: float) -> float:
        """Return the probability that this much or more is out.

        Parameters
        ----------
        out_mw : float
            [MW]

        Returns
        -------
        float
            [1]
        """
        left_mw = self.capacity_mw[-1] - out_mw + TINY_MW
        return float(self._chance_to[np.searchsorted(self.capacity_mw, left_mw)])

    def short(self, load_mw: Floats) -> tuple[Floats, Floats]:
        r"""Return the chance and the expected size of a shortage.

        :math:`P(C < L)` and :math:`\sum_{C<L} P(C) (L - C)`: each state counts with its
        whole shortage.

        Parameters
        ----------
        load_mw : array
            Any shape. [MW]

        Returns
        -------
        chance : array
            [1]
        expected_mw : array
            Over all states, with and without a shortage. [MW]
        """
        below = np.searchsorted(self.capacity_mw, load_mw - TINY_MW)
        chance = self._chance_to[below]
        return chance, np.maximum(load_mw * chance - self._mw_to[below], 0.0)


@dataclass(frozen=True)
class Adequacy:
    """How often a load is not met, hour by hour, and what is missing."""

    load_mw: Floats
    short_frac: Floats
    """Chance of a shortage in each hour; shape (hours,). [1]"""
    unserved_mwh: Floats
    """Expected energy not served in each hour; shape (hours,). [MWh]"""

    @property
    def lolh_h(self) -> float:
        """Expected hours of shortage over all hours. [h]"""
        return float(self.short_frac.sum())

    @property
    def lole_d(self) -> float:
        """Expected days whose peak load is not met. [d]"""
        return float(self.short_frac[peak_hours(self.load_mw)].sum())

    @property
    def eue_mwh(self) -> float:
        """Expected energy not served over all hours. [MWh]"""
        return float(self.unserved_mwh.sum())

    @property
    def available_energy_frac(self) -> float:
        """Share of the energy asked for that is served. [1]"""
        return 1 - self.eue_mwh / float(self.load_mw.sum())

    @property
    def available_hours_frac(self) -> float:
        """Share of hours fully served. [1]"""
        return 1 - self.lolh_h / len(self.load_mw)


def peak_hours(load_mw: Floats) -> Ints:
    """Return the first hour of highest load of each day.

    Parameters
    ----------
    load_mw : array, shape (hours,)
        Whole days, from their first hour. [MW]

    Returns
    -------
    array, shape (days,)
        Hours.
    """
    by_day = load_mw.reshape(-1, HOURS_PER_DAY)
    return np.arange(len(by_day)) * HOURS_PER_DAY + by_day.argmax(axis=1)


def capacity_table(groups: Iterable[Units]) -> CapacityTable:
    """Return the table of units whose power and number do not change.

    Parameters
    ----------
    groups : iterable of Units
        With plain numbers, not hourly ones.

    Returns
    -------
    CapacityTable
        Equal sums (to 1e-9 MW) are one row.

    Raises
    ------
    DataError
        If there are too many different sums to hold.

    Examples
    --------
    Two of 3 MW and one of 5 MW, each out 2 % of the time:

    >>> table = capacity_table([Units(3, 2, 0.02), Units(5, 1, 0.02)])
    >>> table.capacity_mw.tolist(), table.probability.round(6).tolist()
    ([0.0, 3.0, 5.0, 6.0, 8.0, 11.0], [8e-06, 0.000784, 0.000392, 0.019208, 0.038416, 0.941192])
    """
    capacity_mw, probability = np.zeros(1), np.ones(1)
    for group in groups:
        share, chance = (np.array(x) for x in zip(*group.states(), strict=True))
        for _ in range(int(group.count)):
            if len(capacity_mw) * len(share) > _MOST_STATES:
                raise DataError(
                    "too many different capacities for an exact table: give units of "
                    "one size in one row, or sizes with fewer digits"
                )
            sums = np.add.outer(capacity_mw, share * group.unit_mw).ravel()
            chances = np.multiply.outer(probability, chance).ravel()
            capacity_mw, where = np.unique(np.round(sums, _DIGITS), return_inverse=True)
            probability = np.bincount(where, chances).astype(np.float64)
    return CapacityTable(capacity_mw, probability)


def adequacy(
    groups: Sequence[Units], load_mw: Floats, *, load_sd_frac: float = 0.0
) -> Adequacy:
    """Return how often, and by how much, units fall short of each hour's load.

    Groups whose hourly powers are in proportion share one table, which the hour only
    rescales; hours with the same machines in maintenance share it too.

    Parameters
    ----------
    groups : sequence of Units
        Powers and numbers plain or by hour.
    load_mw : array, shape (hours,)
        [MW]
    load_sd_frac : float
        Standard deviation of the load forecast, the same error in every hour, in seven
        steps of the normal distribution. [1]

    Returns
    -------
    Adequacy
        By hour.

    Raises
    ------
    ValueError
        If an hourly array has another length than the load.
    DataError
        If the groups have too many different sizes, or temperature curves.
    """
    load_mw = np.asarray(load_mw, dtype=float)
    if load_sd_frac:
        chance, unserved = np.zeros(len(load_mw)), np.zeros(len(load_mw))
        for deviations, weight in SEVEN_STEPS:
            found = adequacy(groups, load_mw * (1 + deviations * load_sd_frac))
            chance += weight * found.short_frac
            unserved += weight * found.unserved_mwh
        return Adequacy(load_mw, chance, unserved)
    hours = len(load_mw)
    counts = np.stack([np.broadcast_to(np.asarray(g.count), hours) for g in groups])
    shapes = _shapes(groups, hours)
    chance, unserved = np.empty(hours), np.empty(hours)
    in_service, which = np.unique(counts, axis=1, return_inverse=True)
    for number, present in enumerate(in_service.T):
        at = np.flatnonzero(which.ravel() == number)
        tables = [
            capacity_table(
                Units(
                    peak_mw,
                    int(present[i]),
                    g.out_frac,
                    g.derated_frac,
                    g.derated_time_frac,
                )
                for i, peak_mw in members
                for g in [groups[i]]
            )
            for _, members in shapes
        ]
        scales = [scale if scale.ndim == 0 else scale[at] for scale, _ in shapes]
        chance[at], unserved[at] = _short(tables, scales, load_mw[at])
    return Adequacy(load_mw, chance, unserved)


_Shape = tuple[Floats, list[tuple[int, float]]]  # scale by hour, (group, its peak MW)


def _shapes(groups: Sequence[Units], hours: int) -> list[_Shape]:
    """Return the different curves of power by hour, and the groups that follow each."""
    found: dict[bytes, _Shape] = {}
    for i, group in enumerate(groups):
        mw = np.asarray(group.unit_mw, dtype=float)
        if mw.ndim and mw.shape != (hours,):
            raise ValueError(f"power of {mw.shape} hours for a load of {hours}")
        peak_mw = float(mw.max())
        scale = mw / peak_mw if peak_mw > 0 else np.ones_like(mw)
        if np.ptp(scale) == 0:
            scale = np.ones(())
        key = np.round(scale, 12).tobytes()
        found.setdefault(key, (scale, []))[1].append((i, peak_mw))
    return list(found.values())


def _short(
    tables: Sequence[CapacityTable], scales: Sequence[Floats], load_mw: Floats
) -> tuple[Floats, Floats]:
    """Return chance and expected size of a shortage, of the sum of scaled tables.

    The states of all tables but the longest are gone through one by one.
    """
    longest = max(range(len(tables)), key=lambda k: len(tables[k].capacity_mw))
    others = [k for k in range(len(tables)) if k != longest]
    sizes = [len(tables[k].capacity_mw) for k in others]
    states = math.prod(sizes)
    if states * len(load_mw) > _MOST_LOOKUPS:
        raise DataError(
            f"{len(tables)} different temperature curves make {states:,} states an "
            "hour: let units of one kind share a curve"
        )
    chance, unserved = np.zeros(len(load_mw)), np.zeros(len(load_mw))
    step = max(1, _LOOKUPS_AT_ONCE // max(len(load_mw), 1))
    for first in range(0, states, step):
        part = np.arange(first, min(first + step, states))
        left_mw = np.broadcast_to(load_mw, (len(part), len(load_mw))).copy()
        weight = np.ones(len(part))
        for k, state in zip(others, np.unravel_index(part, sizes or [1]), strict=False):
            left_mw -= tables[k].capacity_mw[state][:, None] * scales[k]
            weight *= tables[k].probability[state]
        found, missing = _short_scaled(tables[longest], scales[longest], left_mw)
        chance += weight @ found
        unserved += weight @ missing
    return chance, unserved


def _short_scaled(
    table: CapacityTable, scale: Floats, load_mw: Floats
) -> tuple[Floats, Floats]:
    """Return chance and size of a shortage when every capacity is times ``scale``."""
    if scale.ndim == 0:
        return table.short(load_mw)
    none = scale * table.capacity_mw[-1] <= TINY_MW
    factor = np.where(none, 1.0, scale)
    chance, missing = table.short(load_mw / factor)
    short = load_mw > TINY_MW
    return (
        np.where(none, short, chance),
        np.where(none, np.where(short, load_mw, 0.0), missing * factor),
    )
