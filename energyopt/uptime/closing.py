"""The closing checks: is a plant a little smaller as good, and cheaper?

A smaller plant that meets all that the rounds asked for costs at least the bound of
the solve, which is the proof that it is not cheaper. Any other is looked at by itself:
it misses, in the bound or in the years that the plant was sampled in; or it is
dispatched anew and costs more, or as much within the gap that the case asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from energyopt.errors import InfeasibleError, NoSolutionError
from energyopt.needs import Key, Needs
from energyopt.results import Result
from energyopt.units import USD_PER_KUSD
from energyopt.uptime.beyond import LEAST_STEP_FRAC
from energyopt.uptime.least import least_lost

if TYPE_CHECKING:
    from energyopt.uptime.path import Round
    from energyopt.uptime.site import Site
    from energyopt.uptime.target import Loop

LESS_FRAC = 0.1
SECONDS = 60.0
"""For the dispatch of a smaller plant."""


@dataclass(frozen=True)
class Smaller:
    """A smaller plant, and why it is not the answer."""

    what: str
    verdict: str
    refuted: bool | None
    """Whether it misses, breaks a rule or costs more; otherwise it is better, or, where
    ``None``, it is not settled."""
    how: str  # "proof", "sample" or "solve"


def smaller_plants(
    site: Site, sizes: Mapping[Key, float]
) -> Iterator[tuple[str, dict[Key, float]]]:
    """Yield each plant that is one unit, or a tenth of another size, smaller.

    A battery's power and energy shrink together. What is there within the gap only,
    below a hundredth of its most, is left alone, as are sizes at their least.
    """
    flows: dict[str, dict[Key, float]] = {}
    for key, size in site.sizes.items():
        if size.whole and sizes[key] >= size.least + 1:
            yield f"one unit of {key[0]} less", {**sizes, key: sizes[key] - 1}
        elif not size.whole and sizes[key] > LEAST_STEP_FRAC * size.most:
            less = max((1 - LESS_FRAC) * sizes[key], float(size.least))
            if less < sizes[key]:
                flows.setdefault(key[0], {})[key] = less
    for name, less_of in flows.items():
        yield f"{LESS_FRAC:.0%} of {name} less", {**sizes, **less_of}


def close(
    loop: Loop, result: Result, done: Round
) -> tuple[list[Smaller], tuple[str, Result, Round] | None]:
    """Look at each smaller plant; stop at the first that is better.

    Parameters
    ----------
    loop : Loop
        Which ended with a plant that meets the target.
    result, done : Result, Round
        That plant.

    Returns
    -------
    list of Smaller, and what it is, Result and Round of a better plant or None
    """
    site, told = loop.known, []
    for what, sizes in smaller_plants(site, site.found(result.arrays)):
        if loop.stop():
            break
        found, better = _look(loop, result, done, what, sizes)
        told.append(found)
        if better is not None:
            return told, (what, *better)
    return told, None


def _look(
    loop: Loop, result: Result, done: Round, what: str, sizes: dict[Key, float]
) -> tuple[Smaller, tuple[Result, Round] | None]:
    """Judge one smaller plant."""
    bound_usd = done.bound_usd_per_yr
    if loop.needs.met_by(sizes):
        verdict = (
            "breaks a rule of the case or costs no less, within the gap: no plant that "
            f"meets what the rounds asked for is below ${bound_usd / 1e6:,.2f} M/yr"
        )
        return Smaller(what, verdict, True, "proof"), None
    least = least_lost(loop.counted(loop.known.idle(sizes)))
    if least.total_mwh > loop.allowed_mwh:
        most = 1 - least.total_mwh / loop.demand_mwh
        return Smaller(
            what, f"misses however it is run: at most {most:.6%}", True, "proof"
        ), None
    plans = loop.counted(loop.known.changed(result.arrays, sizes))
    as_planned, _ = loop.sampled(plans, loop.first_seed + done.number)
    if as_planned.low_frac < loop.target:
        verdict = (
            f"misses, run as the plant is: {as_planned.frac:.6%}, at least "
            f"{as_planned.low_frac:.6%}"
        )
        return Smaller(what, verdict, True, "sample"), None
    try:
        other = _dispatched(loop, sizes)
    except InfeasibleError:
        verdict = "breaks a rule of the case: no dispatch meets its limits"
        return Smaller(what, verdict, True, "solve"), None
    except NoSolutionError:
        verdict = f"not settled: no dispatch found in {SECONDS:g} s"
        return Smaller(what, verdict, None, "solve"), None
    usd = other.record.objective * USD_PER_KUSD
    gap = loop.case.solve.gap_frac
    if usd >= done.objective_usd_per_yr * (1 - gap):
        least_usd = other.record.bound * USD_PER_KUSD
        verdict = f"costs more: at least ${least_usd / 1e6:,.2f} M/yr"
        if least_usd < done.objective_usd_per_yr and other.record.status != "optimal":
            verdict = f"not settled: stopped at a gap of {other.record.gap_frac:.2%}"
            return Smaller(what, verdict, None, "solve"), None
        if least_usd < done.objective_usd_per_yr:
            verdict = (
                f"costs as much, within the gap of {gap:.2%}: ${usd / 1e6:,.2f} M/yr"
            )
        return Smaller(what, verdict, True, "solve"), None
    one = loop.judged(done.number + 1, other)
    assert one.uptime is not None
    shown = f"{one.uptime.frac:.6%}, at least {one.uptime.low_frac:.6%}"
    if not one.met:
        if one.held_out is not None:
            shown += f"; held out at least {one.held_out.low_frac:.6%}"
        return Smaller(what, f"misses: {shown}", True, "sample"), None
    verdict = f"meets it too ({shown}) and costs less"
    return Smaller(what, verdict, False, "sample"), (other, one)


def _dispatched(loop: Loop, sizes: dict[Key, float]) -> Result:
    """Return the cheapest operation of a plant."""
    fixed = replace(Needs(rounds=loop.needs.rounds), fixed=sizes)
    built: Callable[[object], None] = lambda plant: None  # noqa: E731
    return loop.size(fixed, built)
