"""An outage of the supply ridden through with generators and a battery, exactly.

The chance that every hour of an outage is served: all states of the generators and the
battery are carried from hour to hour with their probability, nothing is sampled [1]_.
Hourly steps, as in REopt's reliability model: at the start of the outage each generator
is in working order with its availability and starts unless it fails to; then, before
each hour, the first too, each running generator fails with chance 1/MTTF and each
failed one is back with chance 1/MTTR. A generator on in an hour runs all of it.

References
----------
.. [1] J. Marqusee, D. Jenket, "Reliability of emergency and standby diesel generators:
   Impact on energy resiliency solutions", Applied Energy 268, 114918, 2020.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TINY_MW = 1e-9
_DIGITS = 9  # of a stored energy: closer ones are one state
_MOST_STATES = 5_000_000


@dataclass(frozen=True)
class Generators:
    """Identical generators of an outage."""

    unit_mw: float
    """[MW]"""
    count: int
    mttf_h: float
    """Mean time to failure while running; at least one hour. [h]"""
    available_frac: float = 1.0
    """Chance that one is in working order when the outage begins. [1]"""
    start_failure_frac: float = 0.0
    """Chance that one in working order does not start. [1]"""
    mttr_h: float = math.inf
    """Mean time to repair; infinite: none during the outage. [h]"""


@dataclass(frozen=True)
class Battery:
    """A battery at the bus that the outage leaves alone."""

    power_mw: float
    """Of charge and of discharge, at the bus. [MW]"""
    energy_mwh: float
    """[MWh]"""
    start_frac: float = 1.0
    """State of charge when the outage begins. [1]"""
    min_frac: float = 0.0
    """State of charge below which it gives nothing. [1]"""
    charge_frac: float = 1.0
    """Stored per energy taken from the bus. [1]"""
    discharge_frac: float = 1.0
    """Given to the bus per energy taken from the store. [1]"""

    def step(self, stored_mwh: Floats, surplus_mw: Floats) -> tuple[Floats, Floats]:
        """Return what is stored, and what is not served, after an hour.

        Parameters
        ----------
        stored_mwh : array
            At the start of the hour. [MWh]
        surplus_mw : array
            Generation less load; negative calls on the battery. [MW]

        Returns
        -------
        stored_mwh : array
            At the end. A state of charge below the floor stays where it is. [MWh]
        unserved_mwh : array
            [MWh]
        """
        floor_mwh = self.min_frac * self.energy_mwh
        room_mwh = np.maximum(self.energy_mwh - stored_mwh, 0)
        spare_mwh = np.maximum(stored_mwh - floor_mwh, 0)
        charge_mw = np.clip(surplus_mw, 0, self.power_mw)
        charge_mw = np.minimum(charge_mw, room_mwh / self.charge_frac)
        needed_mw = np.maximum(-surplus_mw, 0)
        given_mw = np.minimum(needed_mw, self.power_mw)
        given_mw = np.minimum(given_mw, spare_mwh * self.discharge_frac)
        after_mwh = (
            stored_mwh + charge_mw * self.charge_frac - given_mw / self.discharge_frac
        )
        return after_mwh, needed_mw - given_mw


NO_BATTERY = Battery(power_mw=0, energy_mwh=0)


def unserved_mwh(
    load_mw: Floats, generation_mw: Floats, battery: Battery = NO_BATTERY
) -> Floats:
    """Return what is not served in each hour of an outage, all generators certain.

    The battery gives what it can, as soon as it is called on.

    Parameters
    ----------
    load_mw : array, shape (hours,)
        Of the hours of the outage. [MW]
    generation_mw : array, shape (hours,)
        Available in them. [MW]
    battery : Battery
        Charged to ``start_frac`` when the outage begins.

    Returns
    -------
    array, shape (hours,)
        [MWh]

    Examples
    --------
    3 MW missing, a battery of 2 MW and 3 MWh:

    >>> unserved_mwh(np.full(2, 5.0), np.full(2, 2.0), Battery(2, 3)).tolist()
    [1.0, 2.0]
    """
    surplus_mw = np.broadcast_to(generation_mw, np.shape(load_mw)) - load_mw
    stored_mwh = np.asarray(battery.start_frac * battery.energy_mwh)
    missing = []
    for surplus in surplus_mw:
        stored_mwh, unserved = battery.step(stored_mwh, surplus)
        missing.append(float(unserved))
    return np.array(missing)


def survival_frac(
    groups: Sequence[Generators],
    load_mw: Floats,
    *,
    start_hour: int = 0,
    hours: int | None = None,
    battery: Battery = NO_BATTERY,
) -> Floats:
    """Return the chance that an outage is served in full up to each of its hours.

    Parameters
    ----------
    groups : sequence of Generators
        May be empty.
    load_mw : array, shape (hours,)
        Net of must-run sources; a negative load charges the battery. [MW]
    start_hour : int
        Hour of the load in which the outage begins; the load goes round at its end.
    hours : int, optional
        Length of the outage; the rest of the load if not given.
    battery : Battery
        None by default.

    Returns
    -------
    array, shape (hours,)
        Chance that hours 1 to k of the outage had no shortage at all. [1]

    Raises
    ------
    ValueError
        If a chance or a mean time cannot be, or the states become too many to hold.
    """
    _check(groups, battery)
    load_mw = np.asarray(load_mw, dtype=float)
    hours = len(load_mw) - start_hour if hours is None else hours
    running = list(itertools.product(*(range(g.count + 1) for g in groups)))
    output_mw = [
        sum(n * g.unit_mw for n, g in zip(r, groups, strict=True)) for r in running
    ]
    move = _joint([_hourly(g) for g in groups])
    begin = _joint_row([_at_start(g) for g in groups])
    states = {
        k: (np.array([battery.start_frac * battery.energy_mwh]), np.array([chance]))
        for k, chance in enumerate(begin)
        if chance > 0
    }
    survived = []
    for hour in range(start_hour, start_hour + hours):
        load = float(load_mw[hour % len(load_mw)])
        surplus_mw = [output - load for output in output_mw]
        states = _served(_moved(states, move), surplus_mw, battery)
        survived.append(sum(float(chance.sum()) for _, chance in states.values()))
    return np.array(survived)


def _check(groups: Sequence[Generators], battery: Battery) -> None:
    for g in groups:
        chances = (g.available_frac, g.start_failure_frac)
        if not all(0 <= chance <= 1 for chance in chances):
            raise ValueError(f"chances {chances} are not between 0 and 1")
        if not (g.mttf_h >= 1 and g.mttr_h >= 1 and g.count >= 0):
            raise ValueError(f"{g}: mean times below one hourly step")
    b = battery
    if not (0 < b.charge_frac <= 1 and 0 < b.discharge_frac <= 1):
        raise ValueError("battery efficiencies are not above 0 and up to 1")
    if not (0 <= b.min_frac <= 1 and 0 <= b.start_frac <= 1 and b.power_mw >= 0):
        raise ValueError("battery states of charge are not between 0 and 1")


def _binomial(count: int, chance: float) -> Floats:
    """Return the probability of 0..count of ``count``."""
    return np.array(
        [
            math.comb(count, k) * chance**k * (1 - chance) ** (count - k)
            for k in range(count + 1)
        ]
    )


def _at_start(g: Generators) -> Floats:
    """Return the probability that 0..count generators have started."""
    return _binomial(g.count, g.available_frac * (1 - g.start_failure_frac))


def _hourly(g: Generators) -> Floats:
    """Return the probability of n' running in the next hour, row n running now.

    A repaired generator has to start; one that fails to goes back to repair.
    """
    stays = 1 - 1 / g.mttf_h
    returns = (1 - g.start_failure_frac) / g.mttr_h
    return np.stack(
        [
            np.convolve(_binomial(n, stays), _binomial(g.count - n, returns))
            for n in range(g.count + 1)
        ]
    )


def _joint(matrices: Sequence[Floats]) -> Floats:
    joint: Floats = np.ones((1, 1))
    for matrix in matrices:
        joint = np.kron(joint, matrix).astype(np.float64)
    return joint


def _joint_row(rows: Sequence[Floats]) -> Floats:
    return _joint([row[None, :] for row in rows])[0]


# Joint number running -> stored energies and their probabilities.
_States = dict[int, tuple[Floats, Floats]]


def _moved(states: _States, move: Floats) -> _States:
    """Return the states after failures and repairs."""
    arriving: dict[int, list[tuple[Floats, Floats]]] = {}
    for k, (stored_mwh, chance) in states.items():
        for after in np.flatnonzero(move[k]):
            arriving.setdefault(int(after), []).append(
                (stored_mwh, chance * move[k, after])
            )
    moved: _States = {}
    for k, found in arriving.items():
        stored, chances = zip(*found, strict=True)
        moved[k] = _merged(np.concatenate(stored), np.concatenate(chances))
    return moved


def _merged(stored_mwh: Floats, chance: Floats) -> tuple[Floats, Floats]:
    """Return equal stored energies as one state."""
    energies, where = np.unique(np.round(stored_mwh, _DIGITS), return_inverse=True)
    return energies, np.bincount(where, chance).astype(np.float64)


def _served(states: _States, surplus_mw: Sequence[float], battery: Battery) -> _States:
    """Return the states that served the hour, after it."""
    after: _States = {}
    for k, (stored_mwh, chance) in states.items():
        left_mwh, unserved = battery.step(stored_mwh, np.asarray(surplus_mw[k]))
        served = unserved <= TINY_MW
        if served.any():
            after[k] = _merged(left_mwh[served], chance[served])
    if sum(len(stored) for stored, _ in after.values()) > _MOST_STATES:
        raise ValueError("too many states of charge: shorten the outage")
    return after
