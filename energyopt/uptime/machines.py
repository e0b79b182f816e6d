r"""A textbook system's machines: what the table takes of them, and how they are sampled.

- Units are always committed. The exact answer and the sampled one share the same
  unavailability.
- ``forced_outage_frac`` :math:`F` is MTTR / (MTTF + MTTR). A repaired unit that fails to
  start, with chance :math:`p` (``start_failure_frac``), goes back to repair; a geometric
  number of exponential repairs is one exponential repair of mean
  :math:`\mathrm{MTTR}/(1-p)`, so the odds of being out rise to
  :math:`\frac{F}{1-F} \frac{1}{1-p}`.
- The sampler is continuous in time: a shortage counts as long as it lasts. A day counts
  by the share of its peak hour that is short, whose mean is the exact LOLE.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

import numpy as np

from energyopt.units import HOURS_PER_YEAR
from energyopt.uptime.histories import Element, Histories, sample_histories
from energyopt.uptime.systems import System, UnitRow
from energyopt.uptime.table import (
    TINY_MW,
    Floats,
    Ints,
    Units,
    peak_hours,
)

DEFAULT_REPAIR_H = 50.0  # mean of gas units: recommended range "ct_aero mttr_base"
_ROWS_AT_ONCE = 5000
BATCH_YEARS = 200  # fixed: a year must not depend on how the work is shared


def out_frac(unit: UnitRow) -> float:
    r"""Return the share of time fully out, failed starts included.

    Parameters
    ----------
    unit : UnitRow
        With F and p: odds :math:`\frac{F}{1-F} \frac{1}{1-p}`.

    Returns
    -------
    float
        [1]

    Examples
    --------
    >>> out_frac(UnitRow(1, 10, 1, 0.2, start_failure_frac=0.5))  # odds 1/4 -> 1/2
    0.333...
    """
    if unit.forced_outage_frac == 0:
        return 0.0
    in_service = (1 - unit.forced_outage_frac) * (1 - unit.start_failure_frac)
    return unit.forced_outage_frac / (unit.forced_outage_frac + in_service)


def derated_frac_of_time(unit: UnitRow) -> float:
    """Return the share of time derated; failed starts shorten it with all service.

    Parameters
    ----------
    unit : UnitRow
        One row.

    Returns
    -------
    float
        [1]
    """
    if unit.derated_frac_of_time == 0:
        return 0.0
    in_service = 1 - unit.forced_outage_frac
    return unit.derated_frac_of_time * (1 - out_frac(unit)) / in_service


def groups(system: System) -> list[Units]:
    """Return the units as the exact table takes them.

    Parameters
    ----------
    system : System
        As read.

    Returns
    -------
    list of Units
        One for each row.
    """
    return [
        Units(
            unit_mw=unit.unit_mw,
            count=unit.count,
            out_frac=out_frac(unit),
            derated_frac=(unit.derated_mw or 0.0) / unit.unit_mw,
            derated_time_frac=derated_frac_of_time(unit),
        )
        for unit in system.units
    ]


# Sampled -------------------------------------------------------------------------------


def repair_h(unit: UnitRow) -> float:
    """Return the mean time to repair, starts not counted.

    Parameters
    ----------
    unit : UnitRow
        One row: its ``mttr_h``, else from ``mttf_h`` and the outage share, else 50 h.

    Returns
    -------
    float
        [h]
    """
    if unit.mttr_h is not None:
        return unit.mttr_h
    if unit.mttf_h is not None:
        odds = unit.forced_outage_frac / (1 - unit.forced_outage_frac)
        return unit.mttf_h * odds
    return DEFAULT_REPAIR_H


class Machine(NamedTuple):
    """One machine of the sampler: what it gives in full order, and what outages take."""

    unit_mw: float
    derated_mw: float
    outage: int  # index of its element; -1: never out
    derating: int  # likewise


def machines(system: System) -> tuple[list[Element], list[Machine]]:
    """Return the elements that can fail and the machines they belong to.

    A derating is an element of its own, on for the share of time in service that the
    unit is derated; it takes nothing while the unit is out.

    Parameters
    ----------
    system : System
        As read.

    Returns
    -------
    elements : list of Element
        Names are row and number: ``"3.2"``, ``"3.2 derated"``.
    machines : list of Machine
        Units that are always out are left out.
    """
    elements: list[Element] = []
    found: list[Machine] = []

    def add(name: str, share: float, mean_h: float) -> int:
        if share == 0:
            return -1
        rate_per_yr = HOURS_PER_YEAR * share / (1 - share) / mean_h
        elements.append(Element(name, rate_per_yr, mean_h))
        return len(elements) - 1

    for row, unit in enumerate(system.units, 1):
        out, derated = out_frac(unit), derated_frac_of_time(unit)
        if out == 1:
            continue
        mean_h = repair_h(unit) / (1 - unit.start_failure_frac if out else 1.0)
        in_derated = derated / (1 - out)
        if in_derated > 1 - 1e-12:  # never in full order
            full_mw, in_derated = unit.derated_mw or 0.0, 0.0
        else:
            full_mw = unit.unit_mw
        for number in range(1, unit.count + 1):
            name = f"{row}.{number}"
            outage = add(name, out, mean_h)
            derating = add(f"{name} derated", in_derated, repair_h(unit))
            found.append(Machine(full_mw, unit.derated_mw or 0.0, outage, derating))
    return elements, found


class YearlySums(NamedTuple):
    """What each sampled year adds up to; each of shape (years,)."""

    lolh_h: Floats
    lole_d: Floats
    eue_mwh: Floats


def sample_batch(system: System, years: range, seed: int) -> YearlySums:
    """Return the shortages of a batch of sampled years.

    Parameters
    ----------
    system : System
        As read.
    years : range
        Numbers of the years.
    seed : int
        Not negative.

    Returns
    -------
    YearlySums
        By year.
    """
    elements, plant = machines(system)
    histories = sample_histories(elements, len(system.load_mw), years, seed)
    return _shortages(_changes(histories, plant), plant, system.load_mw, len(years))


class _Changes(NamedTuple):
    """Steps of the plant's capacity."""

    year: Ints
    at_h: Floats
    step_mw: Floats


def _changes(found: Histories, plant: list[Machine]) -> _Changes:
    """Return every step of capacity; over a year they add up to zero."""
    takes_mw = np.zeros(max((max(m[2:]) for m in plant), default=-1) + 1)
    parts = []
    for machine in plant:
        if machine.outage >= 0:
            takes_mw[machine.outage] = machine.unit_mw
        if machine.derating >= 0:
            takes_mw[machine.derating] = machine.unit_mw - machine.derated_mw
            both = _together(found, machine.outage, machine.derating)
            parts.append((*both, np.full(len(both[0]), -takes_mw[machine.derating])))
    parts.append((found.year, found.start_h, found.end_h, takes_mw[found.element]))
    year, start_h, end_h, mw = (np.concatenate(p) for p in zip(*parts, strict=True))
    return _Changes(
        np.concatenate([year, year]),
        np.concatenate([start_h, end_h]),
        np.concatenate([-mw, mw]),
    )


def _together(found: Histories, one: int, other: int) -> tuple[Ints, Floats, Floats]:
    """Return year, start and end of the times when two elements are both out."""
    a, b = (np.flatnonzero(found.element == which) for which in (one, other))
    i, j = np.nonzero(
        (found.year[a][:, None] == found.year[b])
        & (found.start_h[a][:, None] < found.end_h[b])
        & (found.start_h[b] < found.end_h[a][:, None])
    )
    start_h = np.maximum(found.start_h[a][i], found.start_h[b][j])
    return found.year[a][i], start_h, np.minimum(found.end_h[a][i], found.end_h[b][j])


def _shortages(
    changes: _Changes, plant: list[Machine], load_mw: Floats, years: int
) -> YearlySums:
    """Return the sums of each year from the steps of its capacity."""
    hours = len(load_mw)
    every = np.arange(years)
    year = np.concatenate([every, changes.year])
    at_h = np.concatenate([np.zeros(years), changes.at_h])
    step_mw = np.concatenate([np.zeros(years), changes.step_mw])
    order = np.lexsort((at_h, year))
    year, at_h = year[order], at_h[order]
    installed_mw = sum(machine.unit_mw for machine in plant)
    capacity_mw = np.round(installed_mw + step_mw[order].cumsum(), 9)
    until_h = np.append(at_h[1:], hours)
    until_h[np.append(np.diff(year) != 0, True)] = hours
    low = (capacity_mw < load_mw.max() - TINY_MW) & (until_h > at_h)
    is_peak = np.zeros(hours)
    is_peak[peak_hours(load_mw)] = 1.0
    sums = np.zeros((3, years))
    for part in _parts(np.flatnonzero(low)):
        start_h, end_h = at_h[part], until_h[part]
        first = start_h.astype(np.int64)
        count = np.ceil(end_h).astype(np.int64) - first
        piece = np.repeat(np.arange(len(part)), count)
        hour = np.arange(len(piece)) - np.repeat(count.cumsum() - count - first, count)
        lasting_h = np.minimum(end_h[piece], hour + 1) - np.maximum(
            start_h[piece], hour
        )
        missing_mw = load_mw[hour] - capacity_mw[part][piece]
        lasting_h[missing_mw <= TINY_MW] = 0.0
        row = year[part][piece]
        for k, value in enumerate((1.0, is_peak[hour], missing_mw)):
            sums[k] += np.bincount(row, lasting_h * value, minlength=years)
    return YearlySums(*sums)


def _parts(rows: Ints) -> list[Ints]:
    """Return the rows a few thousand at a time, to bound the memory."""
    return [rows[k : k + _ROWS_AT_ONCE] for k in range(0, len(rows), _ROWS_AT_ONCE)]


def sample(
    system: System,
    years: int,
    seed: int,
    workers: int = 1,
    on_progress: Callable[[int], None] = lambda done: None,
) -> YearlySums:
    """Return the shortages of many sampled years, the same for any number of workers.

    Parameters
    ----------
    system : System
        As read.
    years : int
        Even.
    seed : int
        Not negative.
    workers : int
        Processes.
    on_progress : callable
        Told the number of years done.

    Returns
    -------
    YearlySums
        Of all years, in their order.
    """
    batches = [
        range(first, min(first + BATCH_YEARS, years))
        for first in range(0, years, BATCH_YEARS)
    ]
    found: list[YearlySums] = []
    if workers == 1 or len(batches) == 1:
        for batch in batches:
            found.append(sample_batch(system, batch, seed))
            on_progress(batch.stop)
    else:
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(min(workers, len(batches)), mp_context=spawn) as pool:
            waiting = [pool.submit(sample_batch, system, b, seed) for b in batches]
            try:
                for batch, job in zip(batches, waiting, strict=True):
                    found.append(job.result())
                    on_progress(batch.stop)
            except BaseException:  # Ctrl-C: what waits is not begun
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    return YearlySums(*(np.concatenate(part) for part in zip(*found, strict=True)))
