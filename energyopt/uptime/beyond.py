"""How far beyond a plant that missed its target the next one has to go.

Assumed: a plant with more of any size, and less of none, never serves less. So if a
plant with several sizes larger still misses, all plants between do too, and the next
one must reach beyond it in one size at least. Steps are tried on the worst of the very
years that the plant was sampled in; the years left out count as if nothing were short.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from energyopt.needs import Key
from energyopt.uptime.elements import Plan
from energyopt.uptime.estimate import Estimate, estimate
from energyopt.uptime.histories import Histories, sample_histories
from energyopt.uptime.least import least_lost
from energyopt.uptime.measures import Sampled
from energyopt.uptime.operate import operate
from energyopt.uptime.sample import joined
from energyopt.uptime.site import Arrays, Site, Sizes

STEP_FRAC = 0.1  # of a size that is not counted in machines
LEAST_STEP_FRAC = 0.01  # of its most, where there is little or nothing of it
FACTORS = (1.0 + STEP_FRAC, 1.5, 2.0, 4.0)
_WORST_YEARS = 200
_MOST_UNITS = 8


@dataclass(frozen=True)
class Missed:
    """A plant that missed, the years it was sampled in, and what it may lose."""

    site: Site
    arrays: Arrays
    sampled: Sampled
    seed: int
    allowed_mwh: float
    confidence_frac: float
    common: bool

    def plans(self, sizes: Sizes) -> list[Plan]:
        """Return this plant's plan with other sizes."""
        return self.counted(self.site.changed(self.arrays, sizes))

    def counted(self, plans: list[Plan]) -> list[Plan]:
        """Return plans without common causes, where the target leaves them out."""
        return plans if self.common else [p.without_common_causes() for p in plans]

    def misses(self, sizes: Sizes) -> bool:
        """Return whether a larger plant misses too: proven, or clear in the sample."""
        least = least_lost(self.counted(self.site.idle(sizes)))
        if least.total_mwh > self.allowed_mwh:
            return True
        return self._lost(sizes).low > self.allowed_mwh

    def _lost(self, sizes: Sizes) -> Estimate:
        """Return GPU energy lost, only the worst years counted. [MWh/yr]"""
        before = self.sampled.gpu_mwh() * np.exp(self.sampled.log_weight)
        worst = np.argsort(-before, kind="stable")[:_WORST_YEARS]
        worst = np.sort(worst[before[worst] > 0])
        plans = self.plans(sizes)
        parts = []
        for plan, block in zip(plans, self.sampled.blocks, strict=True):
            years = worst[(worst >= block.start) & (worst < block.stop)]
            histories = only(plan, block, self.seed, years)
            parts.append(operate(plan, histories, years, self.seed)[0])
        found = Sampled(
            plans, self.sampled.blocks, joined(parts), self.sampled.log_weight
        )
        lost = np.zeros(found.years)
        lost[worst] = found.gpu_mwh()[worst]
        return estimate(
            lost, self.sampled.log_weight, confidence_frac=self.confidence_frac
        )


def only(plan: Plan, block: range, seed: int, years: NDArray[np.int64]) -> Histories:
    """Return the outages of some of a block's years, as a batch of their own."""
    every = sample_histories(plan.elements, plan.hours, block, seed)
    row = np.full(len(block), -1)
    row[years - block.start] = np.arange(len(years))
    kept = row[every.year] >= 0
    return Histories(
        row[every.year[kept]],
        every.element[kept],
        every.start_h[kept],
        every.end_h[kept],
        every.log_weight[years - block.start],
    )


def steps_beyond(
    site: Site, sizes: Mapping[Key, float], misses: Callable[[Sizes], bool]
) -> dict[Key, float]:
    """Return for each size the least that lies beyond all plants known to miss.

    Parameters
    ----------
    site : Site
        The case.
    sizes : mapping
        Of the plant that missed.
    misses : callable
        Whether a larger plant misses too.

    Returns
    -------
    dict
        Steps; a size at its most whose largest value is known to miss has none.
    """
    flows = _largest_missing(_flows(site, sizes), {**sizes}, misses)
    units = _largest_missing(_units(site, sizes), {**flows}, misses)
    steps: dict[Key, float] = {}
    for key, size in site.sizes.items():
        if units[key] >= size.most * (1 - 1e-9):
            continue
        if size.whole:
            steps[key] = units[key] + 1
        elif units[key] > sizes[key] * (1 + 1e-9):
            steps[key] = units[key]
        else:
            steps[key] = min(_larger(site, sizes, key, FACTORS[0]), size.most)
    return steps


def _largest_missing(
    larger: Iterator[dict[Key, float]],
    missing: dict[Key, float],
    misses: Callable[[Sizes], bool],
) -> dict[Key, float]:
    """Return the last of ever larger plants that still misses."""
    for changes in larger:
        trial = {**missing, **changes}
        if not misses(trial):
            break
        missing = trial
    return missing


def _flows(site: Site, sizes: Mapping[Key, float]) -> Iterator[dict[Key, float]]:
    """Yield ever larger sizes that are not machines, the last at their most."""
    keys = [key for key, size in site.sizes.items() if not size.whole]
    for factor in FACTORS[1:] if keys else ():
        yield {key: _larger(site, sizes, key, factor) for key in keys}
    if keys:
        yield {key: float(site.sizes[key].most) for key in keys}


def _units(site: Site, sizes: Mapping[Key, float]) -> Iterator[dict[Key, float]]:
    """Yield one machine more of every type, then two, ..."""
    keys = [key for key, size in site.sizes.items() if size.whole]
    for more in range(1, _MOST_UNITS + 1) if keys else ():
        yield {key: min(sizes[key] + more, float(site.sizes[key].most)) for key in keys}


def _larger(site: Site, sizes: Mapping[Key, float], key: Key, factor: float) -> float:
    most = float(site.sizes[key].most)
    at_least = sizes[key] + (factor - 1) * LEAST_STEP_FRAC / STEP_FRAC * most
    return min(max(factor * sizes[key], at_least), most)
