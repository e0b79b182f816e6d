"""The search for the plant: which whole sizes, in which box of the other sizes.

A *plant* is one choice of the whole sizes. Within it the other sizes lie in a box outside
of which the cuts alone prove that nothing is cheap enough. In the box the periods get
rounded rows, so that their cost is nearly that of whole units; whole numbers of a few
periods are settled, and whole units dispatched. Where bound and dispatch do not meet, the
box is split at its best point, where the rounded rows of both halves are sharp.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from energyopt.errors import InfeasibleError, NoSolutionError
from energyopt.solve.compile import Problem
from energyopt.solve.dispatch import Dispatch, LimitMissedError, NotFoundError, Plan
from energyopt.solve.record import relative_gap
from energyopt.solve.reuse import KeptBox, proofs_of
from energyopt.solve.rounds import Relaxation, Settled
from energyopt.solve.subproblem import Cut

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Flags = NDArray[np.bool_]

HELD_SHARE, BOX_SHARE, MASTER_SHARE, DISPATCH_SHARE = 0.5, 0.2, 0.1, 0.15
"""Of the gap asked for: what held whole sizes, a box, a MIP of the master and the
dispatch's small MIPs may each leave open."""
TARGET_SHARE = 0.999
"""Of the gap, so that rounding does not leave it open."""
OUTSIDE = 2.0
"""How much more than the bound of held sizes, in gaps, what lies outside the first box
costs; a wider one follows where that was too little."""
STEP_SHARE = 0.04
"""A size at which so many of the hours want a unit less is an end of two boxes."""
NEAR_END = 0.03
"""How near to an end of a box, as a share of it, a size counts as there."""
MOST_PLANTS, MOST_WIDENINGS, MOST_BOXES, MOST_STEPS, MOST_CHOICES = 30, 4, 40, 3, 4
MOST_NEAR = 3
SIZES_FREE = 0.05
"""How far sizes may move, as a share of their box, to keep the limits."""
MOST_LEANING, MUCH_SLACK = 0.25, 0.05
"""Share of periods without whole units from which sizes are given up; the slack, as a
share of its row, from which a period has none whatever its edges and budgets."""
FIRST_MARGIN, CHEAP_MARGIN, DEAR_SHARE = 8e-4, 0.02, 1e-3
"""Whole units use a little more of a limit than planned: room left in it where it is
worth more than a share of the cost, and in those worth less."""
CLOSED_FRAC, SPARE_SHARE, MOST_MARGIN = 2e-3, 0.5, 3e-3
"""A gap that bound and dispatch leave open by themselves; of what a larger one leaves,
so much may be spent on room in a dear limit, up to so much of the limit."""
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


class Plants:
    """The search; :meth:`run` ends when the gap is closed.

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
        self.apart = columns.whole[columns.tied[columns.whole]]  # tell plants apart
        self.tried: list[Floats] = []  # what these were
        self.untried = -1, -np.inf  # how many were tried, and the bound on all others
        self.settled_bound = np.inf  # of all tried
        self.x: Floats | None = None
        self.best_z = np.empty(0)
        self.near = np.empty(0)  # where to begin
        self.warm = False  # whether a neighbour's solution says where
        self.known: list[KeptBox] = []  # of a neighbour, and of this search

    def use(self, x: Floats, boxes: list[KeptBox]) -> None:
        """Begin with a neighbour's plant, and its boxes where they still hold.

        The plant is the incumbent if it keeps this problem's rules.
        """
        self.warm, self.known = True, list(boxes)
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
    def _worth_a_dispatch(self) -> float:
        """Below which bound whole units may be enough cheaper than the incumbent. [k$]"""
        incumbent = self.journal.incumbent
        if not np.isfinite(incumbent):
            return np.inf
        return incumbent - DISPATCH_SHARE * self.gap_frac * abs(incumbent)

    def run(self, z: Floats) -> None:
        """Search from a first point until bound and incumbent meet."""
        journal, self.near, self.best_z = self.journal, z, z
        if self.warm:  # a neighbour's sizes are as good a guess as any
            rest = journal.bound
        else:
            rest, z = self._best_untried(z)
        for _ in range(MOST_PLANTS):
            journal.bound = max(journal.bound, min(rest, self.settled_bound))
            if rest >= self.target:
                break
            self._plant(z)
            rest, z = self._best_untried(z)
        if self.x is None and min(rest, self.settled_bound) == np.inf:
            raise InfeasibleError(
                "no plant meets every limit (proved by the master problem)"
            )
        journal.bound = max(journal.bound, min(rest, self.settled_bound))
        journal.tell("bound")

    # -- which whole sizes ------------------------------------------------------------

    def _best_untried(self, z: Floats) -> tuple[float, Floats]:
        """Return a bound on all plants not tried, and the most promising point."""
        if not len(self.apart):
            return (np.inf if self.tried else -np.inf), z
        if self.untried[0] == len(self.tried) and self.untried[1] >= self.target:
            return self.untried[1], z  # known since, and nothing was better
        self.journal.check_time()
        # With presolve and, as it has had bugs, without: the lower bound counts.
        few = self.master.near_cuts() if np.isfinite(self.target) else None
        ask = self.year.executor.submit
        other = ask(self._mip, "off", few) if self.tried else None
        bound, found = self._mip("choose", few)
        if other is not None:
            second, point = other.result()
            bound, found = min(bound, second), point if found is None else found
        self.journal.log(f"other whole sizes: bound {bound:.7g}")
        self.untried = len(self.tried), bound
        return bound, z if found is None else found

    def _tell_bound(self, boxes: list[Box], outside: float) -> None:
        """Report the bound while one plant is searched box by box."""
        if not np.isfinite(self.target):
            return
        if self.untried[0] != len(self.tried):
            self._hold(self.border.lower, self.border.upper)
            self._best_untried(self.best_z)
        here = min(outside, *(box.bound for box in boxes))
        bound = min(here, self.untried[1], self.settled_bound)
        if bound > self.journal.bound:
            self.journal.bound = bound
            self.journal.tell("boxes")

    def _mip(self, presolve: str, few: Ints | None) -> tuple[float, Floats | None]:
        """Solve the master with whole sizes, without those tried, below the target.

        With a target, a few cuts are tried first.

        Returns
        -------
        tuple
            A bound, and the best point; no point where nothing is below the target.
        """
        try:
            return self.master.whole(
                self.columns.whole,
                MASTER_SHARE * self.gap_frac,
                self.journal,
                apart=self.apart,
                tried=self.tried,
                most=self.target,
                presolve=presolve,
                first=few,
            )
        except InfeasibleError:
            if not self.tried:
                raise
            return self.target, None

    # -- one choice of whole sizes ----------------------------------------------------

    def _plant(self, z: Floats) -> None:
        """Prove a bound on one choice of whole sizes, or find it as good as any."""
        low, high = self.border.lower.copy(), self.border.upper.copy()
        low[self.apart] = high[self.apart] = z[self.apart]
        # What no period depends on (a flag of a size, say) is not held but implied.
        low, high = self.master.implied(low, high, self.columns.flags)
        self.tried.append(z[self.apart])
        if (low > high).any():  # of the MIP's, within its tolerance only
            return
        self._hold(low, high)
        try:
            if self._closed_by_known(low, high):
                self.settled_bound = min(self.settled_bound, self.target)
                return
            held = self.year.settle(
                "held sizes",
                HELD_SHARE * self.gap_frac,
                start=np.clip(self.near, low, high) if self.warm else None,
                strict=False,
                enough=self.target,
            )
            bound = held.bound
            if bound < self.target:
                bound = max(bound, self._in_boxes(held, low, high))
        except InfeasibleError:
            self.journal.log("these whole sizes are infeasible: next")
            bound = np.inf
        finally:
            self._hold(self.border.lower, self.border.upper)
        self.settled_bound = min(self.settled_bound, bound)

    def _closed_by_known(self, low: Floats, high: Floats) -> bool:
        """Return whether cuts of known boxes prove one plant to be no better.

        Where they do not, the sizes stay held to what may be below the target.
        """
        if not self.known or not np.isfinite(self.target):
            return False
        low, high = low.copy(), high.copy()
        first = len(self.master.cuts)
        try:
            if self.master.bound()[0] >= self.target:  # by what holds everywhere
                return True
            for k in self.columns.sizes.tolist():
                if any(
                    box.low[k] > low[k] or box.high[k] < high[k] for box in self.known
                ):
                    low[k], high[k] = self.master.range_of(k, self.target)
            self._hold(low, high)
            cuts = self._cuts_known(low, high)
            self.master.add(cuts)
            bound = self.master.bound()[0]
        except InfeasibleError:
            return True
        finally:  # they hold in their box only
            self.master.forget(first)
        self.journal.log(f"{len(cuts)} cuts of a known box: bound {bound:.7g}")
        return bound >= self.target

    def _cuts_known(self, low: Floats, high: Floats) -> list[Cut]:
        """Return the cuts of known boxes that hold in a box within them."""
        programs = self.year.programs
        return [
            programs[proof.period].again(proof)
            for box in self.known
            if ((box.low <= low + 1e-9) & (high <= box.high + 1e-9)).all()
            for proof in box.proofs
        ]

    def _hold(self, low: Floats, high: Floats) -> None:
        """Give the master's columns other bounds."""
        self.master.fix(np.arange(self.border.columns), low, high)

    def _in_boxes(self, held: Settled, low: Floats, high: Floats) -> float:
        """Return the bound of one plant, box by box; keep what dispatch finds."""
        if not self.hours_are_whole:
            self._locals_and_dispatch(Box(low, high, held.bound, held.cost, held.z, []))
            return held.bound
        outside = held.bound
        best = self.master.bound()[1]
        for widening in range(1, MOST_WIDENINGS + 1):
            if np.isfinite(self.target):
                outside = self.target
            else:
                outside += widening * OUTSIDE * self.gap_frac * abs(held.bound)
            # A neighbour's point is near if its plant can be run here.
            z = self.near if self.warm and self.x is not None else held.z
            boxes = self._within_box(z, best, low.copy(), high.copy(), outside)
            inside = min((box.bound for box in boxes), default=np.inf)
            if inside < min(self.target, outside):
                return inside
            if outside >= self.target:
                return self.target
        return outside

    def _within_box(
        self, z: Floats, best: Floats, low: Floats, high: Floats, outside: float
    ) -> list[Box]:
        """Search what costs less than ``outside`` by the cuts alone, box by box.

        Parameters
        ----------
        z : array, shape (master columns,)
            A point to begin near to.
        best : array, shape (master columns,)
            The cheapest point without rounded rows: the first sizes to dispatch.
        low, high : array, shape (master columns,)
            Bounds around all of it; narrowed here.
        """
        self._hold(low, high)
        sizes = self.columns.sizes
        # At a bound of theirs rounded rows are sharp anyway.
        sizes = sizes[(best > low + 1e-6)[sizes] & (best < high - 1e-6)[sizes]]
        for k in sizes.tolist():
            low[k], high[k] = self.master.range_of(k, min(outside, self.target))
        self._hold(low, high)
        with self.year.within(low, high, []) as local:
            self.year.ask(np.clip(z, low, high))
            steps = {k: self.year.steps(k, z) for k in sizes.tolist()}
            cuts = local()
        sizes = np.array([k for k, at in steps.items() if len(at)], dtype=np.intp)
        self._log_box(sizes, low, high, outside)
        todo = [(low, high)]
        for k in sizes.tolist():
            for at in _large_steps(steps[k], STEP_SHARE * self.problem.hours):
                todo = [half for ends in todo for half in _halves(*ends, k, at)]
        todo.sort(key=lambda ends: not _holds(ends[0], ends[1], best, sizes))
        boxes: list[Box] = []
        for ends in todo:
            least = min((box.cost for box in boxes), default=np.inf)
            boxes.append(self._box(*ends, cuts, z, min(least, self.target)))
            if self.x is None:  # then less is left to prove of the others
                self._first_try(best, boxes[-1], sizes)
        for _ in range(MOST_BOXES):
            boxes.sort(key=lambda box: box.bound)
            worst = boxes[0]
            goal = min(self.target, outside)
            self._tell_bound(boxes, goal)
            if worst.bound >= goal:
                break
            if worst.cost >= goal and not worst.sharp:  # more rounds will do
                again = self._box(
                    worst.low, worst.high, worst.cuts, worst.z, goal, 0.1 * BOX_SHARE
                )
                boxes[0] = replace(again, sharp=True)
                continue
            self._try(_near_end(worst, sizes), [worst], SIZES_FREE)
            halves = self._split(worst, sizes)
            if not halves:
                break
            self.journal.log(f"{len(boxes)} boxes: bound {worst.bound:.7g}, split")
            boxes[:1] = [
                self._box(*ends, worst.cuts, worst.z, self.target) for ends in halves
            ]
        return boxes

    def _first_try(self, best: Floats, box: Box, sizes: Ints) -> None:
        """Dispatch in the first box that may hold whole units.

        At an end of the box the cheapest point without rounded rows is one with them:
        whole units exist there. In its midst they want more of a size.
        """
        ends = np.minimum(best - box.low, box.high - best)[sizes]
        if (ends < 1e-6).all():
            self._try(best, [box], 0.0)
        elif np.isfinite(box.cost):
            self._try(_near_end(box, sizes), [box], SIZES_FREE)

    def _try(self, z: Floats, boxes: list[Box], free: float) -> None:
        """Dispatch the sizes of a point, in the box that holds it, if it is worth it.

        They may move by a share ``free`` of the box, as limits may want; those at an
        end of it stay there.
        """
        sizes = self.columns.sizes
        for box in boxes:
            if (
                not _holds(box.low, box.high, z, sizes)
                or box.cost >= self._worth_a_dispatch
            ):
                continue
            low, high = box.low.copy(), box.high.copy()
            at, width = z[sizes], free * (high - low)[sizes]
            held = (at <= low[sizes]) | (at >= high[sizes])
            width = np.where(held, 0.0, width)
            low[sizes] = np.maximum(at - width, low[sizes])
            high[sizes] = np.minimum(at + width, high[sizes])
            self._locals_and_dispatch(replace(box, low=low, high=high))
            return

    def _log_box(self, sizes: Ints, low: Floats, high: Floats, outside: float) -> None:
        spans = ", ".join(
            f"{self.problem.columns[self.border.links[k]]} {low[k]:.4g} to {high[k]:.4g}"
            for k in sizes.tolist()
        )
        self.journal.log(f"cheaper than {outside:.7g}: {spans}")

    def _box(
        self,
        low: Floats,
        high: Floats,
        cuts: list[Cut],
        start: Floats,
        goal: float,
        share: float = BOX_SHARE,
    ) -> Box:
        """Return the bound and best point of a box.

        Parameters
        ----------
        cuts : list of Cut
            Those that hold in a box around it.
        start : array, shape (master columns,)
            A point near to which the first one is sought.
        goal : float
            The bound with which it is of no interest. [k$]
        share : float
            Of the gap asked for, what may be left open.
        """
        self._hold(low, high)
        with self.year.within(low, high, cuts) as local:
            try:
                settled = self.year.settle(
                    "box",
                    share * self.gap_frac,
                    start=np.clip(start, low, high),
                    strict=False,
                    enough=goal,
                )
            except InfeasibleError:
                return Box(low, high, np.inf, np.inf, start, [])
            found = local()
        if self.year.programs[0].keep_proofs:
            self.known.append(KeptBox(low, high, proofs_of(found)))
        return Box(low, high, settled.bound, settled.cost, settled.z, found)

    def _split(self, box: Box, sizes: Ints) -> list[tuple[Floats, Floats]]:
        """Return two halves of a box, cut near its best point; none if too small."""
        width = (box.high - box.low)[sizes]
        if not len(width) or width.max() < 1e-3:
            return []
        k = int(sizes[int(width.argmax())])
        margin = 0.2 * (box.high[k] - box.low[k])
        at = np.clip(box.z[k], box.low[k] + margin, box.high[k] - margin)
        return _halves(box.low, box.high, k, float(at))

    # -- whole units ------------------------------------------------------------------

    def _locals_and_dispatch(self, box: Box) -> None:
        """Make whole what matters to few periods, then every hour; keep the plant.

        Whole units may not exist there: then nothing is kept.
        """
        low, high = box.low.copy(), box.high.copy()
        self._hold(low, high)
        try:
            with self.year.within(low, high, box.cuts):
                settled = self._with_locals_whole(box.z, low, high)
                if settled.bound < self._worth_a_dispatch:
                    self._dispatch_within_limits(settled)
        except (InfeasibleError, NoSolutionError) as err:
            self.journal.log(f"no whole units here: {err}")

    def _with_locals_whole(self, z: Floats, low: Floats, high: Floats) -> Settled:
        """Settle with what matters to few periods chosen by the cuts, and held.

        Choices that some period has no whole units for are forbidden, one by one.
        """
        flags = self.columns.flags
        local = np.append(self.columns.local, flags[low[flags] < high[flags]])
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
        for attempt in range(MOST_CHOICES if len(local) else 0):
            if attempt == 0:
                self._hold(*near)
            try:
                _, chosen = self.master.whole(local, self.gap_frac, self.journal)
            except InfeasibleError:
                if attempt >= MOST_NEAR:
                    raise
                self._hold(low, high)
                continue
            if attempt == MOST_NEAR:
                self._hold(low, high)
            start[local] = chosen[local]
            if not self.year.forbid(start, MUCH_SLACK):
                break
            self.journal.log("no whole units with these weeks: others")
        low[local] = high[local] = start[local]
        self._hold(low, high)
        return self.year.settle(
            "whole units",
            BOX_SHARE * self.gap_frac,
            start=start,
            strict=False,
            enough=self._worth_a_dispatch,
        )

    def _dispatch_within_limits(self, settled: Settled) -> None:
        """Find whole units; where they miss a yearly limit, plan with a margin to it."""
        first = self._first_margin(settled)
        none = np.zeros(len(first))  # where there is no room for a margin
        for margin in [first, none] if first.any() else [none]:
            plan = self._with_margins(settled, margin)
            for attempt in range(MARGINS):
                if plan is None:
                    break
                try:
                    self._dispatch(plan)
                    return
                except LimitMissedError as err:
                    margin = margin + 1.5 * (attempt + 1) * err.over
                plan = self._with_margins(settled, margin)
        raise NotFoundError("a yearly limit could not be kept with whole units")

    def _first_margin(self, settled: Settled) -> Floats:
        """Return room for whole units, where a limit costs much, with the limits' sign.

        Other limits get more then: periods that save on one use more of another.
        """
        border, n = self.border, len(self.border.links)
        shared = border.shared
        low, high = self.problem.row_lower[shared], self.problem.row_upper[shared]
        sign = np.where(np.isfinite(high), 1.0, -1.0)
        limit = np.abs(np.where(np.isfinite(high), high, low))
        slope = settled.slope[border.budget_period, n + np.arange(len(settled.z) - n)]
        price = np.zeros(len(shared))
        for r in range(len(shared)):
            mine = np.abs(slope[border.budget_shared == r])
            price[r] = mine.mean() if mine.size else 0.0
        dear = price * limit > DEAR_SHARE * abs(settled.cost)
        if not dear.any():
            return np.zeros(len(shared))
        worth = np.where(dear, price * limit, np.inf)
        spare = max(self.gap_frac - CLOSED_FRAC, 0.0) * abs(settled.cost) / worth
        dear_room = np.clip(SPARE_SHARE * spare, FIRST_MARGIN, MOST_MARGIN)
        room = np.where(dear, dear_room, CHEAP_MARGIN)
        return room * sign * limit

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
                strict=False,
                rounds=MOST_MARGIN_ROUNDS,
            )
        except (InfeasibleError, NoSolutionError):
            return None
        finally:
            self.master.keep_back(0 * margin)

    def _dispatch(self, settled: Settled) -> None:
        """Find whole units at a master point; keep the plant if it is the best."""
        journal, gap = self.journal, self.gap_frac
        room = DISPATCH_SHARE * gap * abs(settled.cost) / len(self.border.periods)
        search = Dispatch(
            self.problem,
            self.border,
            self.lower,
            self.upper,
            Plan(settled.z, settled.slope),
            max(room, 1e-6),
            self.seed,
            time.monotonic() + journal.left_s,
            journal.stop,
        )
        x = search.run(self.year.executor)
        for _ in range(IMPROVEMENTS):
            cost = self.problem.objective(x)
            hopeless = cost > journal.incumbent + HOPELESS_SHARE * gap * abs(cost)
            if relative_gap(cost, settled.cost) <= 0.5 * gap or hopeless:
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

    def _check(self, x: Floats) -> None:
        """Refuse a plant that breaks a row, or leans on a bound that is not one."""
        broken = self.problem.broken(x)
        if broken > 1e-5:
            raise NotFoundError(f"the whole-unit dispatch breaks a row by {broken:.2g}")
        at_low, at_high = x <= self.lower + 1.0, x >= self.upper - 1.0
        own = np.where(at_low, self.problem.lower, self.problem.upper)
        if (self.stand_in & (at_low | at_high) & ~np.isfinite(own)).any():
            raise NotFoundError("a column without a bound runs away")


def _large_steps(steps: Floats, least: float) -> list[float]:
    """Return the values, a hair up, that many steps share, at most a few."""
    values, count = np.unique(np.round(steps, 6), return_counts=True)
    order = np.argsort(-count, kind="stable")[:MOST_STEPS]
    return [float(values[i]) + 2e-6 for i in order if count[i] >= least]


def _halves(
    low: Floats, high: Floats, column: int, at: float
) -> list[tuple[Floats, Floats]]:
    """Return a box cut in two; or the box, if the cut does not pass through it."""
    if not low[column] + 1e-6 < at < high[column] - 1e-6:
        return [(low, high)]
    left, right = high.copy(), low.copy()
    left[column] = right[column] = at
    return [(low, left), (right, high)]


def _near_end(box: Box, sizes: Ints) -> Floats:
    """Return a box's best point, with sizes at an end of the box if they are near it.

    There, rounded rows are sharp, and a hair less size would want a unit more in many
    hours.
    """
    z = box.z.copy()
    low, high = box.low[sizes], box.high[sizes]
    width = NEAR_END * (high - low)
    at = np.where(z[sizes] > high - width, high, z[sizes])
    z[sizes] = np.where(at < low + width, low, at)
    return z


def _holds(low: Floats, high: Floats, z: Floats, columns: Ints) -> bool:
    """Return whether a point's columns lie in a box."""
    inside = (z >= low - 1e-9) & (z <= high + 1e-9)
    return bool(inside[columns].all())
