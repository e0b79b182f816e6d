"""Size, sample, and size again until an uptime target is shown to be met.

Each round's plant is the cheapest of those that meet what the rounds before it asked
for (:mod:`energyopt.needs`); it is sampled with a fresh seed. A plant whose interval
lies above the target is sampled once more, with another seed, before it is taken.

What is asked for is of three kinds, in falling order of certainty:

- margins that hold for every plant (:mod:`energyopt.uptime.margins`);
- steps beyond a plant that missed (:mod:`energyopt.uptime.beyond`), if more never
  serves less;
- the same margins with less room: what the sample found beside the least loss (other
  causes, the width of the interval) is taken to be as much for the plants nearby. The
  closing checks look at smaller plants one by one for that reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace

import numpy as np

from energyopt.case import Case
from energyopt.errors import InfeasibleError, UnreachableError
from energyopt.metrics import lcoe_usd_per_mwh, served_mwh, supply_cost_usd
from energyopt.model import PlantModel
from energyopt.needs import Key, Margin, Needs
from energyopt.results import Result
from energyopt.units import HOURS_PER_YEAR, USD_PER_KUSD
from energyopt.uptime.beyond import Missed, steps_beyond
from energyopt.uptime.causes import WORDS, Cause
from energyopt.uptime.closing import close
from energyopt.uptime.elements import Plan
from energyopt.uptime.estimate import Estimate, estimate
from energyopt.uptime.least import Least, least_lost
from energyopt.uptime.margins import first_margins, least_at, tangent
from energyopt.uptime.measures import Sampled
from energyopt.uptime.path import Path, Round, Uptime
from energyopt.uptime.reachable import why_not
from energyopt.uptime.sample import Sampler
from energyopt.uptime.site import Site

Sizes = Mapping[Key, float]
Sizing = Callable[[Needs, Callable[[PlantModel], None]], Result]
"""Sizes a plant; the second argument is called with the model before it is solved."""

_HELD_OUT = 500  # added to a round's seed
_DESCENTS = 2  # smaller plants that are taken one after another
_WORTHWHILE = 0.2  # of what a plant loses: stores' causes get margins from here on


@dataclass
class Loop:
    """The loop of one case; see :func:`reach`."""

    case: Case
    size: Sizing
    pool: ProcessPoolExecutor | None = None
    on_stage: Callable[[str], None] = lambda name: None
    on_round: Callable[[Round], None] = lambda done: None
    stop: Callable[[], bool] = lambda: False
    site: Site | None = None
    first_seed: int = 0

    def __post_init__(self) -> None:
        rule = self.case.reliability
        assert rule.gpu_uptime_frac is not None
        self.rule, self.target = rule, rule.gpu_uptime_frac
        self.path = Path(self.target, rule.confidence_frac, rule.common_causes)
        self.needs = Needs(rounds=rule.uptime_rounds)
        self.first_seed = 1000 * (self.case.solve.seed + 1)

    # What a plant may lose -------------------------------------------------------------

    def counted(self, plans: list[Plan]) -> list[Plan]:
        """Return plans without common causes, where the target leaves them out."""
        if self.rule.common_causes:
            return plans
        return [plan.without_common_causes() for plan in plans]

    @property
    def known(self) -> Site:
        """The site, once a model was built."""
        assert self.site is not None
        return self.site

    @property
    def demand_mwh(self) -> float:
        """GPU energy asked for. [MWh/yr]"""
        data, weight = self.known.plant.inputs.data, self.known.plant.at.weights
        return float(weight @ (data["demand_mw"].values / data["pue"].values))

    @property
    def allowed_mwh(self) -> float:
        """GPU energy that may be lost. [MWh/yr]"""
        return (1 - self.target) * self.demand_mwh

    def room_mwh(self, least: Least) -> float:
        """Return what is left of that for gas line and cold spells."""
        return self.allowed_mwh - (least.total_mwh - least.of_stores_mwh)

    # Stages ----------------------------------------------------------------------------

    def begin(self, plant: PlantModel) -> None:
        """Look at the case before its first solve: can it be met, what does it need?

        Raises
        ------
        InfeasibleError
            If no plant of the case reaches the target, however it is run.
        """
        if self.site is not None:
            return
        self.on_stage("bound")
        self.site = Site.of(plant)
        most = self.largest()
        if most.total_mwh > self.allowed_mwh:
            raise UnreachableError(why_not(self.site, most, self.allowed_mwh))
        room = self.room_mwh(most)
        margins = first_margins(self.site, room, self.rule.common_causes)
        self.needs = self.needs.with_margins(margins)
        if margins:  # the model at hand was built without them
            raise _AgainError

    def largest(self) -> Least:
        """Return what is lost at least with every size at its most."""
        return least_lost(self.counted(self.known.idle(self.known.largest)))

    def sampled(self, plans: list[Plan], seed: int) -> tuple[Uptime, Sampled]:
        """Sample a plant's years; return the share of GPU energy served."""
        found = Sampler(seed, self.pool).begin(plans, self.rule.uptime_years)()
        lost = self.estimate(found)
        left = lost.share_left(self.demand_mwh)
        told = Uptime(
            frac=left.mean,
            low_frac=max(left.low, 0.0),
            high_frac=min(left.high, 1.0),
            years=found.years,
            effective_years=left.effective_years,
            seed=seed,
        )
        return told, found

    def estimate(self, found: Sampled) -> Estimate:
        """Return GPU energy lost a year, with the case's confidence. [MWh/yr]"""
        return estimate(
            found.gpu_mwh(),
            found.log_weight,
            unseen=self.demand_mwh / HOURS_PER_YEAR,
            confidence_frac=self.rule.confidence_frac,
        )

    def judged(self, number: int, result: Result, *, ask: bool = False) -> Round:
        """Judge a plant; if it misses and it is to be asked, ask for more."""
        site, seed = self.known, self.first_seed + number
        sizes = site.found(result.arrays)
        plans = self.counted(site.dispatched(result.arrays))
        least = least_lost(self.counted(site.idle(sizes)))
        uptime = held_out = found = None
        if least.total_mwh <= self.allowed_mwh:
            self.on_stage("sample")
            uptime, found = self.sampled(plans, seed)
            if uptime.low_frac >= self.target:
                held_out, again = self.sampled(plans, seed + _HELD_OUT)
                if held_out.low_frac < self.target:  # the one that missed is asked of
                    found, seed = again, seed + _HELD_OUT
        met = held_out is not None and held_out.low_frac >= self.target
        more = ask and not met
        asked = self.ask(result, sizes, least, found, seed) if more else ""
        supply = supply_cost_usd(result.recounted)
        return Round(
            number=number,
            sizes={".".join(key): value for key, value in sizes.items()},
            objective_usd_per_yr=result.record.objective * USD_PER_KUSD,
            bound_usd_per_yr=result.record.bound * USD_PER_KUSD,
            lcoe_usd_per_mwh=lcoe_usd_per_mwh(supply, served_mwh(result.recounted)),
            most_frac=1 - least.total_mwh / self.demand_mwh,
            uptime=uptime,
            held_out=held_out,
            met=met,
            lost_mwh_by_cause=_by_cause(found),
            asked=asked,
        )

    # What is asked of the next plant ---------------------------------------------------

    def ask(
        self,
        result: Result,
        sizes: Sizes,
        least: Least,
        found: Sampled | None,
        seed: int,
    ) -> str:
        """Add what the next plant must meet; return it in words."""
        self.on_stage("learn")
        told = []
        rest = least_at(self.known, sizes, self.rule.common_causes)
        room = self.room_mwh(rest)
        seen = 0.0
        if found is not None:
            lost = self.estimate(found)
            seen = max(lost.high - least.total_mwh, 0.0)
            if least.of_stores_mwh < _WORTHWHILE * lost.mean:
                seen = room  # other causes decide: no margin of stores helps
        margin = tangent(self.known, sizes, rest, room - seen) if room > seen else None
        if margin is not None:
            self.needs = self.needs.with_margins((margin,))
            told.append(_margin_words(margin))
        if margin is None:
            steps = self.steps(result, sizes, found, seed)
        else:  # it leads further than steps do
            steps = steps_beyond(self.known, sizes, lambda larger: False)
        self.needs = self.needs.left_behind(steps)
        told.append("more of one size" if margin else _step_words(steps))
        return "; ".join(told)

    def steps(
        self, result: Result, sizes: Sizes, found: Sampled | None, seed: int
    ) -> dict[Key, float]:
        """Return the steps beyond a plant that missed."""

        def by_bound(trial: Sizes) -> bool:
            plans = self.counted(self.known.idle(trial))
            return least_lost(plans).total_mwh > self.allowed_mwh

        if found is None:
            return steps_beyond(self.known, sizes, by_bound)
        missed = Missed(
            self.known,
            result.arrays,
            found,
            seed,
            self.allowed_mwh,
            self.rule.confidence_frac,
            self.rule.common_causes,
        )
        return steps_beyond(self.known, sizes, missed.misses)


def highest_frac(case: Case, plant: PlantModel) -> float:
    """Return the uptime that no plant of a case is above: a bound, not a sample. [1]

    Parameters
    ----------
    case : Case
        With a target, whatever it is.
    plant : PlantModel
        Its model, not solved.
    """
    loop = Loop(case, _no_sizing, site=Site.of(plant))
    return max(1 - loop.largest().total_mwh / loop.demand_mwh, 0.0)


def _no_sizing(needs: Needs, seen: Callable[[PlantModel], None]) -> Result:
    raise NotImplementedError


class _AgainError(Exception):
    """The model has to be built again before it is solved."""


def reach(loop: Loop) -> tuple[Result, Path]:
    """Return the cheapest plant that is shown to meet the target, and the path to it.

    Parameters
    ----------
    loop : Loop
        The case, and how it is sized.

    Returns
    -------
    Result, Path
        If the rounds end, or it is stopped, before the target is met: the last plant,
        and a path that says so.

    Raises
    ------
    InfeasibleError
        If no plant of the case reaches the target.
    """
    result: Result | None = None
    for number in range(1, loop.rule.uptime_rounds + 1):
        try:
            try:
                result = loop.size(loop.needs, loop.begin)
            except _AgainError:
                result = loop.size(loop.needs, loop.begin)
        except UnreachableError:
            raise
        except InfeasibleError as error:
            if not loop.path.rounds:
                # Without the target it may be infeasible too, which has its own answer.
                loop.size(Needs(rounds=loop.needs.rounds), lambda plant: None)
            raise UnreachableError(_none_left(loop, error)) from None
        done = loop.judged(number, result, ask=True)
        loop.path.rounds.append(done)
        loop.path.needs = loop.needs
        loop.on_round(done)
        if done.met or loop.stop() or result.record.status != "optimal":
            break
    assert result is not None
    if loop.path.met and not loop.stop():
        result = _closed(loop, result)
    return result, loop.path


def _closed(loop: Loop, result: Result) -> Result:
    """Try smaller plants; take what is better, and try again, a few times."""
    for left in reversed(range(_DESCENTS + 1)):
        loop.on_stage("smaller")
        told, better = close(loop, result, loop.path.rounds[-1])
        loop.path.smaller = [asdict(one) for one in told]
        if better is None or not left:  # told as it is: refuted: false
            break
        what, result, done = better
        done = replace(done, asked="", what=f"{what} than round {done.number - 1}")
        loop.path.rounds.append(done)
        loop.on_round(done)
    return result


def _none_left(loop: Loop, error: InfeasibleError) -> str:
    """Say that every plant of the case lies within those that missed."""
    if not loop.path.rounds:
        asked = "; ".join(_margin_words(margin) for margin in loop.needs.margins)
        return (
            f"reliability.gpu_uptime_frac {loop.target:.7g} cannot be reached within the "
            f"limits of the case: gas line and cold spells ask for {asked}; without the "
            "target there is a plant"
        )
    last = loop.path.rounds[-1]
    if not last.lost_mwh_by_cause:
        return (
            f"reliability.gpu_uptime_frac {loop.target:.7g} cannot be reached: plants that "
            f"meet the case's limits are at most at {last.most_frac:.5%}"
        )
    cause = max(last.lost_mwh_by_cause, key=last.lost_mwh_by_cause.__getitem__)
    best = last.uptime.frac if last.uptime else last.most_frac
    return (
        f"reliability.gpu_uptime_frac {loop.target:.7g} is not reached: no plant that the "
        f"case allows lies beyond the {len(loop.path.rounds)} that missed it, as sampled. "
        f"The last one: {best:.5%}, most of its loss by {cause}. Larger sizes "
        "(max_units, max_mw, max_mwh), fuel on the site or a grid connection would give "
        f"room ({error})"
    )


def _by_cause(found: Sampled | None) -> dict[str, float]:
    if found is None:
        return {}
    weight = np.exp(found.log_weight)
    return {
        WORDS[cause]: float((weight * found.unserved_mwh(cause)).mean())
        for cause in Cause
    }


def _margin_words(margin: Margin) -> str:
    parts = (f"{'.'.join(key)} {1 / w:,.4g}" for key, w in margin.weight.items())
    return f"at least {' or '.join(parts)}, or a mixture"


def _step_words(steps: Mapping[Key, float]) -> str:
    parts = (f"{'.'.join(key)} {step:,.4g}" for key, step in steps.items())
    return f"one of {', '.join(parts)}" if steps else "nothing is left to add"
