"""The search for the plant: which whole sizes, in which box of the other sizes.

A *plant* is one choice of the whole sizes. Within it the other sizes lie in a box outside
of which the cuts alone prove that nothing is cheap enough. In the box the periods get
rounded rows, so that their cost is nearly that of whole units; whole numbers of a few
periods are settled, and whole units dispatched. Where bound and dispatch do not meet, the
box is split at its best point, where the rounded rows of both halves are sharp.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from energyopt.errors import InfeasibleError
from energyopt.solve.finish import BOX_SHARE, Box, WholeUnits
from energyopt.solve.reuse import KeptBox, proofs_of
from energyopt.solve.rounds import Settled
from energyopt.solve.subproblem import Cut

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Flags = NDArray[np.bool_]

HELD_SHARE, MASTER_SHARE = 0.5, 0.1
"""Of the gap asked for: what held whole sizes, and a MIP of the master, may leave open."""
TARGET_SHARE = 0.999
"""Of the gap, so that rounding does not leave it open."""
OUTSIDE = 2.0
"""How much more than the bound of held sizes, in gaps, what lies outside the first box
costs; a wider one follows where that was too little."""
STEP_SHARE = 0.04
"""A size at which so many of the hours want a unit less is an end of two boxes."""
NEAR_END = 0.03
"""How near to an end of a box, as a share of it, a size counts as there."""
MOST_PLANTS, MOST_WIDENINGS, MOST_BOXES, MOST_STEPS = 30, 4, 40, 3
RANGE_SPARE = 1e-3
"""By how much of itself a size's range is made wider, either way."""
WORTH_CONTRACTING = 0.7
"""Share of a box that may be below the target, from which on it is not looked at again."""
TRY_SHARE = 0.9
"""Of what whole units cost more than a box says, as seen last, to count on."""
SIZES_FREE = 0.05
"""How far sizes may move, as a share of their box, to keep the limits."""


class Plants:
    """The search; :meth:`run` ends when the gap is closed.

    Parameters
    ----------
    units : WholeUnits
        Ends it in each box, and keeps the best plant.
    """

    def __init__(self, units: WholeUnits) -> None:
        self.units, self.gap_frac = units, units.gap_frac
        self.problem, self.columns = units.problem, units.columns
        self.year, self.journal = units.year, units.journal
        self.master, self.border = units.master, units.border
        columns = self.columns
        self.apart = columns.whole[columns.tied[columns.whole]]  # tell plants apart
        self.tried: list[Floats] = []  # what these were
        self.untried = -1, -np.inf  # how many were tried, and the bound on all others
        self.settled_bound = np.inf  # of all tried
        self.near = np.empty(0)  # where to begin
        self.warm = False  # whether a neighbour's solution says where
        self.known: list[KeptBox] = []  # of a neighbour, and of this search

    def use(self, x: Floats, boxes: list[KeptBox]) -> None:
        """Begin with a neighbour's plant, and its boxes where they still hold.

        The plant is the incumbent if it keeps this problem's rules.
        """
        self.warm, self.known = True, list(boxes)
        self.units.use(x)

    @property
    def target(self) -> float:
        """What nothing may be proven to undercut. [k$]"""
        incumbent = self.journal.incumbent
        if not np.isfinite(incumbent):
            return np.inf
        return incumbent - TARGET_SHARE * self.gap_frac * abs(incumbent)

    def run(self, z: Floats) -> None:
        """Search from a first point until bound and incumbent meet."""
        journal, self.near, self.units.best_z = self.journal, z, z
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
        if self.units.x is None and min(rest, self.settled_bound) == np.inf:
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
            self.master.hold(self.border.lower, self.border.upper)
            self._best_untried(self.units.best_z)
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
        self.master.hold(low, high)
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
            self.master.hold(self.border.lower, self.border.upper)
        self.settled_bound = min(self.settled_bound, bound)

    def _closed_by_known(self, low: Floats, high: Floats) -> bool:
        """Return whether cuts of known boxes prove one plant to be no better.

        Where they do not, the sizes stay held to what may be below the target.
        """
        if not self.known or not np.isfinite(self.target):
            return False
        low, high = low.copy(), high.copy()
        first, unused = len(self.master.cuts), list(self.known)
        try:
            bound = self.master.bound()[0]  # by what holds everywhere
            while bound < self.target:
                for k in self.columns.sizes.tolist():
                    if any(b.low[k] > low[k] or b.high[k] < high[k] for b in unused):
                        low[k], high[k] = self.master.range_of(k, self.target)
                self.master.hold(low, high)
                around = [box for box in unused if _within(low, high, box)]
                if not around:
                    break
                unused = [box for box in unused if not _within(low, high, box)]
                self.master.add(self._cuts_known(around))
                bound = self.master.bound()[0]
        except InfeasibleError:
            return True
        finally:  # they hold in their box only
            self.master.forget(first)
        self.journal.log(f"cuts of known boxes: bound {bound:.7g}")
        return bound >= self.target

    def _cuts_known(self, boxes: list[KeptBox]) -> list[Cut]:
        """Return the cuts of known boxes, made anew."""
        programs = self.year.programs
        return [
            programs[proof.period].again(proof) for box in boxes for proof in box.proofs
        ]

    def _in_boxes(self, held: Settled, low: Floats, high: Floats) -> float:
        """Return the bound of one plant, box by box; keep what dispatch finds."""
        if not self.units.hours_are_whole:
            self.units.dispatch_in(Box(low, high, held.bound, held.cost, held.z, []))
            return held.bound
        outside = held.bound
        best = self.master.bound()[1]
        for widening in range(1, MOST_WIDENINGS + 1):
            if np.isfinite(self.target):
                outside = self.target
            else:
                outside += widening * OUTSIDE * self.gap_frac * abs(held.bound)
            # A neighbour's point is near if its plant can be run here.
            z = self.near if self.warm and self.units.x is not None else held.z
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
        self.master.hold(low, high)
        sizes = self.columns.sizes
        # At a bound of theirs rounded rows are sharp anyway.
        sizes = sizes[(best > low + 1e-6)[sizes] & (best < high - 1e-6)[sizes]]
        for k in sizes.tolist():
            ends = self.master.range_of(k, min(outside, self.target))
            # A little wider, so that a neighbour whose cuts differ in rounding lies
            # within; not where the best is, as that end is one of the size itself.
            more = RANGE_SPARE * (ends[1] - ends[0])
            if best[k] > ends[0] + more:
                low[k] = max(ends[0] - more, low[k])
            else:
                low[k] = ends[0]
            if best[k] < ends[1] - more:
                high[k] = min(ends[1] + more, high[k])
            else:
                high[k] = ends[1]
        self.master.hold(low, high)
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
        for low, high in todo:
            least = min((box.cost for box in boxes), default=np.inf)
            boxes.append(self._box(low, high, cuts, z, min(least, self.target)))
            if self.units.x is None:  # then less is left to prove of the others
                self._first_try(best, boxes[-1], sizes)
        for _ in range(MOST_BOXES):
            boxes.sort(key=lambda box: box.bound)
            worst = boxes[0]
            goal = min(self.target, outside)
            self._tell_bound(boxes, goal)
            if worst.bound >= goal:
                break
            no_better = worst.cost >= goal
            if not no_better and (not np.isfinite(goal) or self._promising(worst)):
                self._try(_near_end(worst, sizes), [worst], SIZES_FREE)
                goal = min(self.target, outside)
            smaller = self._contracted(worst, goal, sizes)
            if smaller is not None:
                boxes[0] = smaller
                continue
            if no_better and not worst.sharp:  # more rounds will do
                again = self._box(
                    worst.low, worst.high, worst.cuts, worst.z, goal, 0.1 * BOX_SHARE
                )
                boxes[0] = replace(again, sharp=True)
                continue
            halves = self._split(worst, sizes)
            if not halves:
                break
            self.journal.log(f"{len(boxes)} boxes: bound {worst.bound:.7g}, split")
            boxes[:1] = [
                self._box(*ends, worst.cuts, worst.z, self.target) for ends in halves
            ]
        return boxes

    def _promising(self, box: Box) -> bool:
        """Return whether whole units in a box may be cheaper than the best plant."""
        return box.cost + TRY_SHARE * self.units.extra < self.units.worth_trying

    def _contracted(self, box: Box, goal: float, sizes: Ints) -> Box | None:
        """Return what of a box may cost less than a goal, settled anew.

        In a smaller box rounded rows are sharper, and prove more. ``None`` where the
        box is hardly larger than what is left of it.
        """
        if not np.isfinite(goal) or not len(sizes):
            return None
        low, high = box.low.copy(), box.high.copy()
        width = (high - low)[sizes]
        self.master.hold(low, high)
        first = len(self.master.cuts)
        self.master.add(box.cuts)
        try:
            for k in sizes.tolist():
                low[k], high[k] = self.master.range_of(k, goal)
                self.master.fix(np.array([k]), low[[k]], high[[k]])
        finally:
            self.master.forget(first)
        wide = width > 1e-6
        left = float(np.prod((high - low)[sizes][wide] / width[wide]))
        self.journal.log(
            f"box of {box.bound:.7g}: {left:.1%} of it may be below {goal:.7g}"
        )
        if left > WORTH_CONTRACTING:
            return None
        return self._box(low, high, box.cuts, box.z, goal)

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
                or box.cost >= self.units.worth_trying
            ):
                continue
            low, high = box.low.copy(), box.high.copy()
            at, width = z[sizes], free * (high - low)[sizes]
            held = (at <= low[sizes]) | (at >= high[sizes])
            width = np.where(held, 0.0, width)
            low[sizes] = np.maximum(at - width, low[sizes])
            high[sizes] = np.minimum(at + width, high[sizes])
            self.units.dispatch_in(replace(box, low=low, high=high))
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
        self.master.hold(low, high)
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


def _within(low: Floats, high: Floats, box: KeptBox) -> bool:
    """Return whether bounds lie in a box."""
    return bool(((box.low <= low + 1e-9) & (high <= box.high + 1e-9)).all())


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
