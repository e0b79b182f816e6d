"""The search for the plant: which whole sizes.

A *plant* is one choice of the whole sizes. Each is held while the other sizes are searched
box by box (:mod:`energyopt.solve.boxes`), until none is left that could be cheap enough.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from energyopt.errors import InfeasibleError
from energyopt.solve.boxes import Boxes
from energyopt.solve.finish import Box, WholeUnits
from energyopt.solve.reuse import KeptBox
from energyopt.solve.rounds import GUIDE_SLACK, Settled
from energyopt.solve.subproblem import Cut

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Flags = NDArray[np.bool_]

HELD_SHARE, MASTER_SHARE = 0.5, 0.1
"""Of the gap asked for: what held whole sizes, and a MIP of the master, may leave open."""
OUTSIDE = 2.0
"""How much more than the bound of held sizes, in gaps, what lies outside the first box
costs; a wider one follows where that was too little."""
MOST_PLANTS, MOST_WIDENINGS = 30, 4


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
        self.boxes = Boxes(units, self.known, self._tell_bound)

    def use(self, x: Floats, boxes: list[KeptBox]) -> None:
        """Begin with a neighbour's plant, and its boxes where they still hold.

        The plant is the incumbent if it keeps this problem's rules.
        """
        self.warm = True
        self.known += boxes
        self.units.use(x)

    @property
    def target(self) -> float:
        """What nothing may be proven to undercut. [k$]"""
        return self.units.target

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
        beyond = np.inf
        try:
            if self._closed_by_known(low, high):
                self.settled_bound = min(self.settled_bound, self.target)
                return
            beyond = self.target if self.known else np.inf  # what these left out
            held = self.year.settle(
                "held sizes",
                HELD_SHARE * self.gap_frac,
                start=np.clip(self.near, low, high) if self.warm else None,
                slack_frac=GUIDE_SLACK * HELD_SHARE * self.gap_frac,
                enough=self.target,
            )
            bound = held.bound
            if bound < self.target:
                bound = max(bound, self._in_boxes(held, low, high))
            bound = min(bound, beyond)
        except InfeasibleError:
            self.journal.log("these whole sizes are infeasible: next")
            bound = beyond
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
                k = self.columns.sizes
                k = k[[any(_cuts_off(b, low, high, i) for b in unused) for i in k]]
                low[k], high[k] = self.master.ranges(k, self.target, self.year.executor)
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
        outside = proven = held.bound
        best = self.master.bound()[1]
        for widening in range(1, MOST_WIDENINGS + 1):
            if np.isfinite(self.target):
                outside = self.target
            else:
                outside += widening * OUTSIDE * self.gap_frac * abs(held.bound)
            # A neighbour's point is near if its plant can be run here.
            z = self.near if self.warm and self.units.x is not None else held.z
            boxes = self.boxes.search(z, best, low.copy(), high.copy(), outside)
            if outside < self.target < np.inf:
                continue  # a plant was found, and more may be below its target
            inside = min((box.bound for box in boxes), default=np.inf)
            if inside < min(self.target, outside):
                return inside
            if outside >= self.target:
                return self.target
            proven = outside
        return proven


def _cuts_off(box: KeptBox, low: Floats, high: Floats, column: int) -> bool:
    """Return whether bounds of a column reach beyond a box."""
    return bool(box.low[column] > low[column] or box.high[column] < high[column])


def _within(low: Floats, high: Floats, box: KeptBox) -> bool:
    """Return whether bounds lie in a box."""
    return bool(((box.low <= low + 1e-9) & (high <= box.high + 1e-9)).all())
