"""When each element of a plant is out, in each of many sampled years.

An element fails at a constant rate while it is in service and is back after an
exponential repair: the alternating process of the textbooks [1]_. A year begins in the
stationary state. Nothing here knows what an outage does to the plant.

References
----------
.. [1] R. Billinton, R. N. Allan, "Reliability Evaluation of Power Systems", 2nd ed.,
   ch. 12 (sequential simulation of two-state units).
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from energyopt.units import HOURS_PER_YEAR

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_CYCLES = 31  # outages in one block of random numbers; more blocks follow where needed
_BLOCK = 2 * _CYCLES + 2  # one number for the start, one unused, two for each outage
_PHILOX_WORDS = 4  # numbers that one step of Philox's counter gives
_SMALLEST = 2.0**-54  # in place of a uniform number that came out as 0


@dataclass(frozen=True)
class Element:
    """One independent thing that can be out: a machine, a line, a cold spell."""

    name: str
    """Its random numbers follow from it: the same in another plant, the same outages."""
    rate_per_yr: float
    """Failures per year in service (8,760 h): 8760 / MTTF. [1/yr]"""
    repair_h: float
    """Mean time out, exponential. [h]"""
    derated_frac: float = 1.0
    """Share of its capacity that an outage takes. [1]"""
    importance: float = 1.0
    """Its failure rate in the biased half of the sample is multiplied by this. [1]"""

    def unavailability_frac(self, biased: bool = False) -> float:
        r"""Return the share of time out, :math:`\lambda r / (1 + \lambda r)`.

        Parameters
        ----------
        biased : bool
            With the failure rate of the biased half.

        Returns
        -------
        float
            [1]

        Examples
        --------
        >>> Element("unit", rate_per_yr=8760 / 950, repair_h=50).unavailability_frac()
        0.05
        """
        odds = self.failures_per_h(biased) * self.repair_h
        return odds / (1 + odds)

    def failures_per_h(self, biased: bool = False) -> float:
        """Return the failure rate per hour in service.

        Parameters
        ----------
        biased : bool
            With the failure rate of the biased half.

        Returns
        -------
        float
            [1/h]
        """
        rate_per_h = self.rate_per_yr / HOURS_PER_YEAR
        return rate_per_h * self.importance if biased else rate_per_h


@dataclass(frozen=True)
class Histories:
    """The outages of a batch of sampled years, all years together, sorted by start.

    One element's outages in a year do not overlap. One that is on at the start of the
    year has ``start_h`` 0; one that outlasts it ends with it.
    """

    year: Ints
    """Row in the batch, 0 to years - 1; shape (outages,)."""
    element: Ints
    """Index into the elements; shape (outages,)."""
    start_h: Floats
    """Real-valued, inside the hour; shape (outages,). [h]"""
    end_h: Floats
    """At most the length of the year; shape (outages,). [h]"""
    log_weight: Floats
    """Log of nominal density / density sampled from; shape (years,). At most log 2."""


def sample_histories(
    elements: Sequence[Element],
    hours: float,
    years: range,
    seed: int,
    *,
    antithetic: bool = True,
) -> Histories:
    r"""Return when each element is out in each of the years.

    A year is a function of the seed and its own number: a batch is any range of years,
    and batches join to the same sample however it is cut. The random numbers of an
    element are a function of the seed, its name and the year; so a plant with one unit
    more has the same outages of all the others. Years :math:`2i` and :math:`2i + 1` are
    antithetic partners: :math:`u` and :math:`1 - u`.

    Where any element has an ``importance``, the sample is a defensive mixture [1]_:
    pairs :math:`i` alternate between nominal rates :math:`p` (even) and biased rates
    :math:`q` (odd), and each year weighs :math:`p / (p/2 + q/2) \le 2`, with

    .. math:: \ln(q/p) = \sum_{elements} \ln\frac{q(s)}{p(s)}
              + n \ln\frac{\lambda'}{\lambda} - (\lambda' - \lambda) T

    over the state at the start :math:`s`, the failures :math:`n` and the time in service
    :math:`T`. The mean of weight times value is unbiased when the years are a multiple
    of four.

    Parameters
    ----------
    elements : sequence of Element
        With different names.
    hours : float
        Length of a year. [h]
    years : range
        Numbers of the years of this batch, step 1.
    seed : int
        Not negative.
    antithetic : bool
        Whether two years share one stream of random numbers. If not, years alternate
        between the halves of the mixture.

    Returns
    -------
    Histories
        The outages, sorted by start.

    Raises
    ------
    ValueError
        If two elements have one name, or a rate, a repair or an importance is no
        positive number where it must be.

    References
    ----------
    .. [1] T. Hesterberg, "Weighted average importance sampling and defensive mixture
       distributions", Technometrics 37(2), 1995; the weight with a fixed number of
       years from each half is the balance heuristic of E. Veach, L. Guibas,
       "Optimally combining sampling techniques", SIGGRAPH 1995.
    """
    _check(elements, hours, years)
    numbers = np.arange(years.start, years.stop)
    streams = numbers // 2 if antithetic else numbers
    mirrored = numbers % 2 == 1 if antithetic else np.zeros(len(numbers), dtype=bool)
    mixture = any(element.importance != 1 for element in elements)
    biased = (streams % 2 == 1) & mixture
    found: list[tuple[Ints, Ints, Floats, Floats]] = []
    log_ratio = np.zeros(len(numbers))
    for index, element in enumerate(elements):
        if element.rate_per_yr == 0 or not len(numbers):
            continue
        year, start_h, end_h = _outages(element, hours, seed, streams, mirrored, biased)
        found.append((year, np.full(len(year), index), start_h, end_h))
        if element.importance != 1:
            log_ratio += _log_ratio(element, hours, year, start_h, end_h, len(numbers))
    weight = np.log(2) - np.logaddexp(0, log_ratio) if mixture else log_ratio
    if not found:
        none = np.zeros(0, dtype=np.int64)
        return Histories(none, none, np.zeros(0), np.zeros(0), weight)
    year, which, start_h, end_h = (
        np.concatenate(part) for part in zip(*found, strict=True)
    )
    order = np.lexsort((which, year, start_h))
    return Histories(year[order], which[order], start_h[order], end_h[order], weight)


def _check(elements: Sequence[Element], hours: float, years: range) -> None:
    names = [element.name for element in elements]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"two elements are called {twice!r}: they would fail as one")
    for e in elements:
        if not (0 <= e.rate_per_yr < np.inf and 0 < e.repair_h < np.inf):
            raise ValueError(f"{e.name}: rate {e.rate_per_yr}, repair {e.repair_h} h")
        if not 0 < e.importance < np.inf:
            raise ValueError(f"{e.name}: importance {e.importance} is not above 0")
    if not hours > 0 or years.step != 1 or years.start < 0:
        raise ValueError(f"{hours} hours, {years}: no year to sample")


def _outages(
    element: Element,
    hours: float,
    seed: int,
    streams: Ints,
    mirrored: Bools,
    biased: Bools,
) -> tuple[Ints, Floats, Floats]:
    """Return row, start and end of one element's outages, by year and in order."""
    up_h = 1 / np.where(biased, element.failures_per_h(True), element.failures_per_h())
    out_frac = np.where(
        biased, element.unavailability_frac(True), element.unavailability_frac()
    )
    now_h = np.zeros(len(streams))
    parts = []
    block = 0
    while (now_h < hours).any():
        u = _uniform(element.name, seed, streams, block)
        v = np.where(mirrored[:, None], 1 - u, u)
        waits = _exponential(u[:, 2:], mirrored).reshape(len(streams), _CYCLES, 2)
        waits = (
            waits
            * np.stack([up_h, np.full(len(up_h), element.repair_h)], axis=1)[:, None]
        )
        if block == 0:
            waits[v[:, 0] < out_frac, 0, 0] = 0.0  # out already: it fails at once
        times = now_h[:, None] + waits.reshape(len(streams), -1).cumsum(axis=1)
        start_h, end_h = times[:, 0::2], times[:, 1::2]
        row, cycle = np.nonzero(start_h < hours)
        parts.append((row, start_h[row, cycle], end_h[row, cycle]))
        now_h = times[:, -1]
        block += 1
    year, start, end = (np.concatenate(part) for part in zip(*parts, strict=True))
    order = np.argsort(year, kind="stable")  # blocks follow each other in time
    return year[order], start[order], np.minimum(end[order], hours)


def _uniform(name: str, seed: int, streams: Ints, block: int) -> Floats:
    """Return a block of numbers in (0, 1) for each stream, shape (streams, _BLOCK).

    Counter-based: the place of a stream's numbers in the element's own sequence is
    known without drawing those before it.
    """
    words = [seed, zlib.crc32(name.encode()), len(name)]
    key = np.random.SeedSequence(words).generate_state(2, np.uint64)
    first, last = int(streams[0]), int(streams[-1])
    bits = np.random.Philox(key=key, counter=np.array([0, 0, 0, block], np.uint64))
    bits.advance(first * _BLOCK // _PHILOX_WORDS)
    drawn = np.random.Generator(bits).random((last - first + 1, _BLOCK))
    return np.maximum(drawn, _SMALLEST)[streams - first]


def _exponential(u: Floats, mirrored: Bools) -> Floats:
    """Return exponential waits of mean 1; a mirrored year takes 1 - u for u."""
    return -np.where(mirrored[:, None], np.log(u), np.log1p(-u))


def _log_ratio(
    element: Element,
    hours: float,
    year: Ints,
    start_h: Floats,
    end_h: Floats,
    years: int,
) -> Floats:
    """Return log of biased over nominal density of one element's outages, by year."""
    began_out = np.zeros(years, dtype=bool)
    began_out[year[start_h == 0]] = True
    failures = np.bincount(year[start_h > 0], minlength=years)
    up_h = hours - np.bincount(year, weights=end_h - start_h, minlength=years)
    nominal, biased = element.unavailability_frac(), element.unavailability_frac(True)
    begin = np.where(
        began_out, np.log(biased / nominal), np.log((1 - biased) / (1 - nominal))
    )
    more_per_h = element.failures_per_h(True) - element.failures_per_h()
    return begin + failures * np.log(element.importance) - more_per_h * up_h
