"""The search of one plant's other sizes, box by box.

The sizes lie in a box outside of which the cuts alone prove that nothing is cheap enough.
In it the periods get rounded rows, so that their cost is nearly that of whole units; whole
numbers of a few periods are settled, and whole units dispatched. Where bound and dispatch
do not meet, a box is cut down to what may be below the target, or split at its best point,
where the rounded rows of both halves are sharp.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from energyopt.errors import InfeasibleError
from energyopt.solve.finish import BOX_SHARE, Box, WholeUnits
from energyopt.solve.reuse import KeptBox, proofs_of
from energyopt.solve.rounds import GUIDE_SLACK
from energyopt.solve.subproblem import Cut, Warm

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

STEP_SHARE = 0.04
"""A size at which so many of the hours want a unit less is an end of two boxes."""
NEAR_END = 0.03
"""How near to an end of a box, as a share of it, a size counts as there."""
MOST_BOXES, MOST_STEPS = 1000, 3
SHARP_SHARE = 0.1
"""Of what a box may leave open, what is left open where more rounds may close it."""
RANGE_SPARE, RANGE_HAIR = 2e-3, 1e-8
"""By how much of the range it is cut from, or of the size, a size's range is made wider."""
WORTH_CONTRACTING = 0.7
"""A box is cut down where no more than this share of it may be below the target."""
TRY_SHARE = 0.7
"""Of what whole units cost more than a box says, as seen last in another one, to count on."""
SIZES_FREE, FREE_AT_LEAST = 0.05, 0.1
"""How far sizes may move, as a share of their box, to keep the limits; how narrow a box
counts for that, as a share of all that a size may be."""


class Boxes:
    """The search; :meth:`search` goes through the boxes around one choice of whole sizes.

    Parameters
    ----------
    units : WholeUnits
        Ends it in each box, and keeps the best plant.
    known : list of KeptBox
        Where boxes are put, with their proofs, if these are to be kept.
    tell : callable
        Told the boxes, and a bound on what lies outside, whenever these change.
    """

    def __init__(
        self,
        units: WholeUnits,
        known: list[KeptBox],
        tell: Callable[[list[Box], float], None],
    ) -> None:
        self.units, self.known, self.tell = units, known, tell
        self.gap_frac, self.problem = units.gap_frac, units.problem
        self.columns, self.border = units.columns, units.border
        self.year, self.journal, self.master = units.year, units.journal, units.master
        self.stepped: set[int] = set()  # sizes with steps at which many hours want less

    def search(
        self, z: Floats, best: Floats, low: Floats, high: Floats, outside: float
    ) -> list[Box]:
        """Search what costs less than ``outside`` by the cuts alone, box by box.

        It ends once a plant is found that leaves more than this to be searched.

        Parameters
        ----------
        z : array, shape (master columns,)
            A point to begin near to.
        best : array, shape (master columns,)
            The cheapest point without rounded rows: the first sizes to dispatch.
        low, high : array, shape (master columns,)
            Bounds around all of it; narrowed here.
        """
        sizes = self._narrowed(best, low, high, min(outside, self.units.target))
        with self.year.within(low, high, []) as local:
            self.year.ask(np.clip(z, low, high))
            steps = {k: self.year.steps(k, z) for k in sizes.tolist()}
            cuts = local()
        sizes = np.array([k for k, at in steps.items() if len(at)], dtype=np.intp)
        self._log_box(sizes, low, high, outside)
        todo, self.stepped = [(low, high)], set()
        for k in sizes.tolist():
            for at in _large_steps(steps[k], STEP_SHARE * self.problem.hours):
                todo = [half for ends in todo for half in _halves(*ends, k, at)]
                self.stepped.add(k)
        todo.sort(key=lambda ends: not _holds(ends[0], ends[1], best, sizes))
        boxes: list[Box] = []
        for ends in todo:
            least = min((box.cost for box in boxes), default=np.inf)
            boxes.append(self._box(*ends, cuts, z, min(least, self.units.target)))
            if self.units.x is None:  # then less is left to prove of the others
                self._first_try(best, boxes[-1], sizes)
                boxes[-1] = replace(boxes[-1], tried=self.units.x is not None)
                if outside < self.units.target < np.inf:
                    break
        for _ in range(MOST_BOXES):
            if outside < self.units.target < np.inf:
                break
            boxes.sort(key=lambda box: box.bound)
            goal = min(self.units.target, outside)
            self.tell(boxes, goal)
            if boxes[0].bound >= goal:
                break
            instead = self._further(boxes[0], sizes, outside)
            if not instead:
                break
            boxes[:1] = instead
        return boxes

    def _narrowed(self, best: Floats, low: Floats, high: Floats, goal: float) -> Ints:
        """Narrow bounds to what the cuts leave below a goal; return the free sizes."""
        self.master.hold(low, high)
        sizes = self._wide(low, high)
        if not np.isfinite(self.units.target):
            # Whole units may need more of a size than the cuts alone say.
            sizes = sizes[(best > low + 1e-6)[sizes] & (best < high - 1e-6)[sizes]]
        ends = self.master.ranges(sizes, goal, self.year.executor)
        for k, least, most in zip(sizes.tolist(), *ends, strict=True):
            # A little wider, so that a neighbour whose cuts differ in rounding lies
            # within; a hair where the best is, as that end is one of the size itself.
            more = RANGE_SPARE * (most - least)
            hair = RANGE_HAIR * (1 + max(abs(least), abs(most)))
            below = more if best[k] > least + more else hair
            above = more if best[k] < most - more else hair
            low[k] = max(least - below, low[k])
            high[k] = min(most + above, high[k])
        self.master.hold(low, high)
        return sizes

    def _further(self, box: Box, sizes: Ints, outside: float) -> list[Box]:
        """Return one or two boxes in place of one whose bound is too low; none if too small.

        Whole units are dispatched in it if they may be cheaper than the best plant.
        """
        goal = min(self.units.target, outside)
        no_better = box.cost >= goal
        if not no_better and (not np.isfinite(goal) or self._promising(box)):
            self._try(_near_end(box, self._with_steps()), box, SIZES_FREE)
            goal = min(self.units.target, outside)
            box = replace(box, tried=self.units.x is not None)
        parts = self._parts(box, goal, sizes, no_better)
        return [replace(part, tried=box.tried) for part in parts]

    def _parts(self, box: Box, goal: float, sizes: Ints, no_better: bool) -> list[Box]:
        """Return a box cut down, settled once more, or split; none if too small.

        Parameters
        ----------
        no_better : bool
            Whether its best point was of no interest: more rounds may prove that.
        """
        smaller = self._contracted(box, goal, sizes)
        if smaller is not None:
            return [smaller]
        if no_better and not box.sharp:
            share = SHARP_SHARE * BOX_SHARE
            again = self._box(box.low, box.high, box.cuts, box.z, goal, share, box.warm)
            return [replace(again, sharp=True)]
        halves = self._split(box, sizes)
        if halves:
            self.journal.log(f"box of {box.bound:.7g} split")
        return [
            self._box(*ends, box.cuts, None, self.units.target, warm=box.warm)
            for ends in halves
        ]

    def _promising(self, box: Box) -> bool:
        """Return whether whole units in a box may be cheaper than the best plant."""
        return (
            not box.tried
            and box.cost + TRY_SHARE * self.units.extra < self.units.worth_trying
        )

    def _contracted(self, box: Box, goal: float, sizes: Ints) -> Box | None:
        """Return what of a box may cost less than a goal, settled anew.

        In a smaller box rounded rows are sharper, and prove more. ``None`` where the
        box is hardly larger than what is left of it.
        """
        if np.isfinite(self.units.target):
            sizes = self._wide(box.low, box.high)
        if not np.isfinite(goal) or not len(sizes):
            return None
        low, high = box.low.copy(), box.high.copy()
        width = (high - low)[sizes]
        self.master.hold(low, high)
        first = len(self.master.cuts)
        self.master.add(box.cuts)
        try:
            least, most = self.master.ranges(sizes, goal, self.year.executor)
        finally:
            self.master.forget(first)
        # A little wider, as above, however small it is: a neighbour's cuts differ in
        # rounding.
        more = RANGE_SPARE * width + RANGE_HAIR * (1 + np.abs(most))
        low[sizes] = np.maximum(low[sizes], least - more)
        high[sizes] = np.minimum(high[sizes], most + more)
        wide = width > 1e-6
        left = float(np.prod((high - low)[sizes][wide] / width[wide]))
        self.journal.log(
            f"box of {box.bound:.7g}: {left:.1%} of it may be below {goal:.7g}"
        )
        if left > WORTH_CONTRACTING:
            return None
        return self._box(low, high, box.cuts, None, goal, warm=box.warm)

    def _first_try(self, best: Floats, box: Box, sizes: Ints) -> None:
        """Dispatch in the first box that may hold whole units.

        At an end of the box the cheapest point without rounded rows is one with them:
        whole units exist there. In its midst they want more of a size.
        """
        ends = np.minimum(best - box.low, box.high - best)[sizes]
        if (ends < 1e-6).all():
            self._try(best, box, 0.0)
        elif np.isfinite(box.cost):
            self._try(_near_end(box, self._with_steps()), box, SIZES_FREE)

    def _try(self, z: Floats, box: Box, free: float) -> None:
        """Dispatch the sizes of a point, if the box holds it and is worth it.

        They may move by a share ``free`` of the box, as limits may want; those at a
        large step stay there.
        """
        sizes = self.columns.sizes
        inside = _holds(box.low, box.high, z, sizes)
        if not inside or box.cost >= self.units.worth_trying:
            return
        low, high = box.low.copy(), box.high.copy()
        least = FREE_AT_LEAST * (self.border.upper - self.border.lower)[sizes]
        at, width = z[sizes], (high - low)[sizes]
        stepped = np.isin(sizes, self._with_steps())
        width = free * np.where(stepped, width, np.maximum(width, least))
        held = (at <= low[sizes]) | (at >= high[sizes])
        width = np.where(held & stepped, 0.0, width)
        low[sizes] = np.maximum(at - width, low[sizes])
        high[sizes] = np.minimum(at + width, high[sizes])
        self.units.dispatch_in(replace(box, low=low, high=high))

    def _wide(self, low: Floats, high: Floats) -> Ints:
        """Return the sizes that bounds leave open."""
        sizes = self.columns.sizes
        return sizes[(high > low + 1e-6)[sizes]]

    def _with_steps(self) -> Ints:
        return np.array(sorted(self.stepped), dtype=np.intp)

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
        start: Floats | None,
        goal: float,
        share: float = BOX_SHARE,
        warm: list[Warm | None] | None = None,
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
        with self.year.within(low, high, cuts, warm=warm) as local:
            try:
                settled = self.year.settle(
                    "box",
                    share * self.gap_frac,
                    start=None if start is None else np.clip(start, low, high),
                    slack_frac=GUIDE_SLACK * share * self.gap_frac,
                    enough=goal,
                )
            except InfeasibleError:
                return Box(low, high, np.inf, np.inf, low, [])
            found, left = local(), self.year.leave()
        if self.year.programs[0].keep_proofs:
            self.known.append(KeptBox(low, high, proofs_of(found)))
        return Box(low, high, settled.bound, settled.cost, settled.z, found, warm=left)

    def _split(self, box: Box, sizes: Ints) -> list[tuple[Floats, Floats]]:
        """Return two halves of a box, cut near its best point; none if too small."""
        width = (box.high - box.low)[sizes]
        if not len(width) or width.max() < 1e-3:
            return []
        k = int(sizes[int(width.argmax())])
        margin = 0.2 * (box.high[k] - box.low[k])
        at = np.clip(box.z[k], box.low[k] + margin, box.high[k] - margin)
        return _halves(box.low, box.high, k, float(at))


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
