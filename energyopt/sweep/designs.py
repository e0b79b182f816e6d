"""From what is asked to drafts of points: grid, tornado, sample, scenarios."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from energyopt.casefile import CaseFile
from energyopt.overlay import Setting
from energyopt.sweep.asked import Asked, Ends, Spread, ends_of
from energyopt.sweep.questions import Near
from energyopt.yamltree import Faults, as_entry

BASE = 0
"""Place of the base point, which has the case as it is."""


@dataclass(frozen=True)
class Draft:
    """A point before its case is read."""

    design: str  # base, grid, tornado, sample, scenario, site, ...
    label: str
    settings: tuple[Setting, ...]
    starts_from: int | None  # place of another point
    source: str = ""  # of a tornado's range
    ask: Near | None = None


def drafts(asked: Asked, base: CaseFile) -> list[Draft]:
    """Return every point that a sweep asks for; the base is the first.

    A point of a grid starts from its neighbour: the last of its places that is not
    the first of an axis, set to the first. All else starts from the base. So what a
    point starts from is told by the sweep alone, whatever is solved when. Sites have
    hours of their own: there is no base, and each starts from nothing.

    Raises
    ------
    CaseError
        If a range is none, or the catalogue has none.
    """
    if asked.sites:
        return [
            Draft("site", name, settings, None)
            for name, settings in asked.sites.items()
        ]
    faults = Faults()
    found = [Draft("base", "base", (), None)]
    found += _grid(asked)
    for spread in asked.tornado:
        if ends := ends_of(spread, base, faults):
            found += _tornado(spread, ends)
    found += _samples(asked, base, faults)
    found += [
        Draft("scenario", name, settings, BASE)
        for name, settings in asked.scenarios.items()
    ]
    faults.stop()
    return [*found, *_frontier(asked), *_near(asked, base)]


def _frontier(asked: Asked) -> Iterator[Draft]:
    """Yield the points of a frontier, the loosest first.

    Each starts from the one before it whose number has its last binary one taken
    away: near ones, and never a long chain.
    """
    for n, setting in enumerate(asked.frontier.values if asked.frontier else ()):
        start = BASE + 1 + (n - (n & -n)) if n else BASE
        yield Draft("frontier", setting.text, (setting,), start)


def _near(asked: Asked, base: CaseFile) -> Iterator[Draft]:
    """Yield the least and the most of each technology that has a size."""
    if asked.near_frac is None:
        return
    for name, technology in base.case.in_time().technologies.items():
        for most in (False, True) if technology.kind != "fuel_store" else ():
            ask = Near(name, most, asked.near_frac)
            yield Draft("alternative", ask.label, (), BASE, ask=ask)


def _grid(asked: Asked) -> Iterator[Draft]:
    """Yield the grid, the last axis fastest."""
    if not asked.grid:
        return
    places = list(itertools.product(*(range(len(a.values)) for a in asked.grid)))
    number = {place: 1 + i for i, place in enumerate(places)}
    for place in places:
        moved = [k for k, p in enumerate(place) if p]
        if not moved:
            start = BASE
        else:
            before = tuple(0 if k == moved[-1] else p for k, p in enumerate(place))
            start = number[before]
        settings = [a.values[p] for a, p in zip(asked.grid, place, strict=True)]
        label = ", ".join(s.text for s in settings)
        yield Draft("grid", label, tuple(settings), start)


def _tornado(spread: Spread, ends: Ends) -> Iterator[Draft]:
    for name, number in (("low", ends.low), ("high", ends.high)):
        label = f"{spread.path} {name}"
        yield Draft(
            "tornado", label, (_setting(spread, number),), BASE, source=ends.source
        )


def _samples(asked: Asked, base: CaseFile, faults: Faults) -> list[Draft]:
    """Return the points of a Latin hypercube or a Sobol sequence."""
    ranges = [ends_of(spread, base, faults) for spread in asked.over]
    found = [ends for ends in ranges if ends is not None]
    if asked.sample is None or len(found) < len(ranges):
        return []
    from scipy.stats import qmc

    sample = asked.sample
    if sample.method == "sobol":
        engine = qmc.Sobol(len(found), rng=sample.seed)
        power = (sample.points - 1).bit_length()  # balanced only in powers of two
        unit = engine.random_base2(power)[: sample.points]
    else:
        unit = qmc.LatinHypercube(len(found), rng=sample.seed).random(sample.points)
    drafts_ = []
    for number, places in enumerate(unit.tolist()):
        settings = [
            _setting(spread, float(f"{e.low + u * (e.high - e.low):.12g}"))
            for spread, e, u in zip(asked.over, found, places, strict=True)
        ]
        label = f"{sample.method} {number}"
        drafts_.append(Draft("sample", label, tuple(settings), BASE))
    return drafts_


def _setting(spread: Spread, number: float) -> Setting:
    """Return a value that stands where its range was written."""
    return Setting(spread.path, as_entry(number, spread.at.place, spread.at.origin))
