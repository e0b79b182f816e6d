"""The end of the search in one box: whole units in every hour, within yearly limits.

Whole numbers of a few periods, such as weeks of maintenance, are chosen by the cuts and
held; then every hour's units are made whole. Together they use a little more of a yearly
limit than was planned: the best sizes and hours with these whole numbers make up for it.
Where they cannot, room is left for it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from energyopt.errors import InfeasibleError, NoSolutionError
from energyopt.solve.compile import Problem
from energyopt.solve.dispatch import Dispatch, LimitMissedError, NotFoundError, Plan
from energyopt.solve.record import relative_gap
from energyopt.solve.rounds import (
    SHARP_TIGHTENINGS,
    SMALL_PENALTY,
    Relaxation,
    Settled,
)
from energyopt.solve.subproblem import Cut, Warm

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Flags = NDArray[np.bool_]

BOX_SHARE, DISPATCH_SHARE = 0.2, 0.15
"""Of the gap asked for: what a box, and the dispatch's small MIPs, may leave open."""
TARGET_SHARE = 0.999
"""Of the gap, so that rounding does not leave it open."""
MOST_NEAR, MOST_ANY = 12, 3
"""How often whole numbers of a few periods are chosen next to the relaxed ones, and how
often anywhere: each time, some period may say that it has no whole units then."""
LOCAL_SHARE = 0.1
"""Of the gap asked for, by how much that choice may be dearer than the best by the cuts."""
MOST_LEANING, MUCH_SLACK = 0.25, 0.05
"""Share of periods without whole units from which sizes are given up; the slack, as a
share of its row, from which a period has none whatever its edges and budgets."""
HOPELESS_SHARE = 0.3
"""Of the gap, by which pairs of periods do not bring a dispatch below the incumbent."""
IMPROVEMENTS, MARGINS, MOST_MARGIN_ROUNDS = 3, 5, 40
"""How often pairs of periods are solved together, while that helps; how often a
margin to missed limits is made wider."""


@dataclass(frozen=True)
class Columns:
    """The master's columns without an hour, by what they are.

    Parameters
    ----------
    whole : array of int
        Whole sizes: of most periods, or of none.
    flags : array of int
        Those of none.
    local : array of int
        Whole numbers that matter to a few periods only.
    sizes : array of int
        The other sizes.
    hourless : array of int
        All of these.
    tied : array of bool, shape (master columns,)
        Columns that some period depends on.
    """

    whole: Ints
    flags: Ints
    local: Ints
    sizes: Ints
    hourless: Ints
    tied: Flags


@dataclass(frozen=True)
class Box:
    """A part of the master's space, its bound and its best point. [k$]"""

    low: Floats
    high: Floats
    bound: float
    cost: float
    z: Floats
    cuts: list[Cut]  # that hold in it
    sharp: bool = False  # settled once more
    tried: bool = False  # whole units were dispatched in it, or in one around it
    warm: list[Warm | None] | None = None  # where periods may start in a smaller one


class WholeUnits:
    """Finds whole units in a box, and keeps the best plant of all.

    Parameters
    ----------
    problem : Problem
    year : Relaxation
        All periods, with cuts that hold everywhere.
    columns : Columns
    bounds : tuple
        Finite bounds of the problem's columns, and which are stand-ins.
    gap_frac : float
    """

    def __init__(
        self,
        problem: Problem,
        year: Relaxation,
        columns: Columns,
        bounds: tuple[Floats, Floats, Flags],
        gap_frac: float,
        seed: int,
    ) -> None:
        self.problem, self.year, self.columns = problem, year, columns
        self.journal, self.master, self.border = year.journal, year.master, year.border
        self.lower, self.upper, self.stand_in = bounds
        self.gap_frac, self.seed = gap_frac, seed
        self.hours_are_whole = any(q.whole.any() for q in year.programs)
        self.x: Floats | None = None
        self.best_z = np.empty(0)
        self.extra = 0.0  # what whole units cost more than their box, where last seen

    def use(self, x: Floats) -> None:
        """Keep a known plant if it keeps this problem's rules."""
        if self.problem.broken(x) <= 1e-6:
            self.journal.incumbent, self.x = self.problem.objective(x), x

    @property
    def target(self) -> float:
        """What nothing may be proven to undercut. [k$]"""
        incumbent = self.journal.incumbent
        if not np.isfinite(incumbent):
            return np.inf
        return incumbent - TARGET_SHARE * self.gap_frac * abs(incumbent)

    @property
    def worth_trying(self) -> float:
        """Below which bound whole units may be enough cheaper than the best. [k$]"""
        incumbent = self.journal.incumbent
        if not np.isfinite(incumbent):
            return np.inf
        return incumbent - DISPATCH_SHARE * self.gap_frac * abs(incumbent)

    def dispatch_in(self, box: Box) -> None:
        """Make whole what matters to few periods, then every hour; keep the plant.

        Whole units may not exist there: then nothing is kept.
        """
        low, high = box.low.copy(), box.high.copy()
        self.master.hold(low, high)
        try:
            with self.year.within(low, high, box.cuts, SHARP_TIGHTENINGS, box.warm):
                settled = self._with_locals_whole(box.z, low, high)
                if settled.bound < self.worth_trying:
                    self.extra = self._dispatch_within_limits(settled) - box.cost
        except (InfeasibleError, NoSolutionError) as err:
            self.journal.log(f"no whole units here: {err}")

    def _locals(self, low: Floats, high: Floats) -> Ints:
        """Return the whole columns that matter to few periods, and flags not implied."""
        flags = self.columns.flags
        return np.append(self.columns.local, flags[low[flags] < high[flags]])

    def _with_locals_whole(self, z: Floats, low: Floats, high: Floats) -> Settled:
        """Settle with what matters to few periods chosen by the cuts, and held.

        Choices that some period has no whole units for are forbidden, one by one.
        """
        local = self._locals(low, high)
        start = np.clip(z, low, high)
        _, answers = self.year.ask(start)
        leaning = sum(answer.slack > MUCH_SLACK for answer in answers)
        sizes = self.columns.sizes
        held = (low == high)[sizes].all()
        if held and leaning > MOST_LEANING * len(answers):
            raise NotFoundError(f"{leaning} periods have no whole units at these sizes")
        # A whole number next to the relaxed one, which no period has much against.
        near = low.copy(), high.copy()
        near[0][local], near[1][local] = np.floor(z[local]), np.ceil(z[local])
        for bounds, times in ((near, MOST_NEAR), ((low, high), MOST_ANY)):
            for _ in range(times if len(local) else 1):
                chosen = self._chosen(local, *bounds)
                if chosen is None:
                    break  # no such choice is left
                try:
                    return self._settled_with(local, chosen, start, low, high)
                except InfeasibleError as err:  # its proof forbids the choice
                    self.journal.log(f"no whole units with these weeks: {err}")
        raise NotFoundError("no choice of what matters to few periods can be run")

    def _chosen(self, local: Ints, low: Floats, high: Floats) -> Floats | None:
        """Return the cuts' choice of some whole numbers in a box, if there is one."""
        if not len(local):
            return np.empty(0)
        self.master.hold(low, high)
        try:
            _, z = self.master.whole(local, LOCAL_SHARE * self.gap_frac, self.journal)
        except InfeasibleError:
            return None
        return z[local]

    def _settled_with(
        self, local: Ints, chosen: Floats, start: Floats, low: Floats, high: Floats
    ) -> Settled:
        """Settle in a box with some whole numbers held.

        Raises
        ------
        InfeasibleError
            If they have no whole units.
        """
        low, high, start = low.copy(), high.copy(), start.copy()
        low[local] = high[local] = start[local] = chosen
        self.master.hold(low, high)
        return self.year.settle(
            "whole units",
            BOX_SHARE * self.gap_frac,
            start=start,
            slack_frac=SMALL_PENALTY,
            most_slack=MUCH_SLACK,
            enough=self.worth_trying,
        )

    def _dispatch_within_limits(self, settled: Settled) -> float:
        """Find whole units; where they miss a yearly limit, plan with a margin to it.

        Returns
        -------
        float
            What they cost. [k$]
        """
        margin = np.zeros(len(self.border.shared))
        plan: Settled | None = settled
        for attempt in range(MARGINS):
            if plan is None:
                break
            try:
                return self._dispatch(plan)
            except LimitMissedError as err:
                margin = margin + 1.5 * (attempt + 1) * err.over
            plan = self._with_margins(settled, margin)
        raise NotFoundError("a yearly limit could not be kept with whole units")

    def _with_margins(self, settled: Settled, margin: Floats) -> Settled | None:
        """Settle anew with the limits moved inwards, if that can be."""
        if not margin.any():
            return settled
        self.journal.log(f"margins to limits: {margin.round(4).tolist()}")
        self.master.keep_back(margin)
        try:
            return self.year.settle(
                "with margins",
                BOX_SHARE * self.gap_frac,
                slack_frac=SMALL_PENALTY,
                most_slack=MUCH_SLACK,
                rounds=MOST_MARGIN_ROUNDS,
            )
        except (InfeasibleError, NoSolutionError):
            return None
        finally:
            self.master.keep_back(0 * margin)

    def _dispatch(self, settled: Settled) -> float:
        """Find whole units at a master point; keep the plant if it is the best.

        Returns
        -------
        float
            What it costs. [k$]
        """
        journal, gap = self.journal, self.gap_frac
        room = DISPATCH_SHARE * gap * abs(settled.cost) / len(self.border.periods)
        search = Dispatch(
            self.problem,
            self.border,
            self.lower,
            self.upper,
            Plan(settled.z, settled.slope, settled.price),
            max(room, 1e-6),
            self.seed,
            time.monotonic() + journal.left_s,
            journal.stop,
        )
        x = search.run(self.year.executor)
        if relative_gap(self.problem.objective(x), settled.cost) > 0.5 * gap:
            search.settle()
        for _ in range(IMPROVEMENTS):
            cost = self.problem.objective(x)
            hopeless = cost > journal.incumbent + HOPELESS_SHARE * gap * abs(cost)
            if relative_gap(cost, settled.cost) <= gap or hopeless:
                break
            journal.log(f"whole dispatch: {cost:.7g}, now by pairs of periods")
            search.improve(self.year.executor)
            if self.problem.objective(x) > cost - 0.05 * gap * abs(cost):
                break
        self._check(x)
        cost = self.problem.objective(x)
        journal.log(f"whole dispatch: {cost:.7g}")
        if cost < journal.incumbent:
            journal.incumbent, self.x, self.best_z = cost, x, settled.z
        journal.tell("whole dispatch")
        return cost

    def _check(self, x: Floats) -> None:
        """Refuse a plant that breaks a row, or leans on a bound that is not one."""
        broken = self.problem.broken(x)
        if broken > 1e-5:
            raise NotFoundError(f"the whole-unit dispatch breaks a row by {broken:.2g}")
        at_low, at_high = x <= self.lower + 1.0, x >= self.upper - 1.0
        own = np.where(at_low, self.problem.lower, self.problem.upper)
        if (self.stand_in & (at_low | at_high) & ~np.isfinite(own)).any():
            raise NotFoundError("a column without a bound runs away")
