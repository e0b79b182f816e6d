"""How far beyond a plant that missed its target the next one has to go.

Assumed: a plant with more of any size, and less of none, never serves less. So if a
plant with several sizes larger still misses, all plants between do too, and the next
one must reach beyond it in one size at least. Steps are tried on the worst of the very
years that the plant was sampled in; the years left out count as if nothing were short.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
FACTOR = 2.0  # tried at once
_WORST_YEARS = 100
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
    missing = _largest_missing(site, sizes, misses)
    steps: dict[Key, float] = {}
    for key, size in site.sizes.items():
        if missing[key] >= size.most * (1 - 1e-9):
            continue
        if size.whole:
            steps[key] = missing[key] + 1
        elif missing[key] > sizes[key] * (1 + 1e-9):
            steps[key] = missing[key]
        else:
            steps[key] = min(_larger(site, sizes, key, 1 + STEP_FRAC), size.most)
    return steps


def _largest_missing(
    site: Site, sizes: Mapping[Key, float], misses: Callable[[Sizes], bool]
) -> dict[Key, float]:
    """Return a plant, as large as a few trials find one, that still misses.

    First each technology by itself goes to its most, kept there if it does not help,
    all machines together; then as many machines more of every type as do not help;
    then twice as much of the others.
    """
    missing = dict(sizes)
    machines = [key for key, size in site.sizes.items() if size.whole]
    others: dict[str, list[Key]] = {}
    for key, size in site.sizes.items():
        if not size.whole:
            others.setdefault(key[0], []).append(key)

    def tried(keys: list[Key], larger: Callable[[Key], float]) -> bool:
        trial = {**missing, **{key: larger(key) for key in keys}}
        if trial == missing or not misses(trial):
            return False
        missing.update(trial)
        return True

    def most(key: Key) -> float:
        return float(site.sizes[key].most)

    helping = [
        keys for keys in ([machines] if machines else []) if not tried(keys, most)
    ]
    helping += [keys for keys in others.values() if not tried(keys, most)]
    if machines in helping:
        few, many = 0, _MOST_UNITS + 1
        while many - few > 1:
            more = (few + many) // 2
            if tried(machines, lambda key, n=more: min(sizes[key] + n, most(key))):  # type: ignore[misc]
                few = more
            else:
                many = more
    for keys in helping:
        if keys is not machines:
            tried(keys, lambda key: _larger(site, sizes, key, FACTOR))
    return missing


def _larger(site: Site, sizes: Mapping[Key, float], key: Key, factor: float) -> float:
    most = float(site.sizes[key].most)
    at_least = sizes[key] + (factor - 1) * LEAST_STEP_FRAC / STEP_FRAC * most
    return min(max(factor * sizes[key], at_least), most)
