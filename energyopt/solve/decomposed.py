"""The year by its periods: a bound from cuts, then whole units.

1. *Sample*: a few periods stand for all; gives sizes to start from, and first cuts.
2. *Relaxed*: nothing is whole. The master proposes sizes, edges and budgets, each period
   answers with its cost and a cut, until the cuts' bound and the best point are near.
3. *Whole sizes*: the master as a MIP chooses whole sizes. These are held while the rest
   settles in boxes of the other sizes (:mod:`energyopt.solve.boxes`), with rows in the
   periods that only whole units give (:mod:`energyopt.solve.rounding`).
4. *Whole dispatch* (:mod:`energyopt.solve.finish`): every hour's units are whole. Its
   cost is the incumbent.
5. Steps 3 and 4 again for other whole sizes, and smaller boxes, until none is left that
   could cost less than the incumbent by more than the gap.

The bound of the whole problem is the least of those of all boxes and of what lies outside.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from energyopt.errors import NoSolutionError
from energyopt.solve.bounds import finite_bounds
from energyopt.solve.compile import NO_HOUR, Problem
from energyopt.solve.finish import Columns, WholeUnits
from energyopt.solve.highs import use_threads
from energyopt.solve.last import last_resort
from energyopt.solve.monolithic import Found
from energyopt.solve.periods import find_border, period_starts
from energyopt.solve.plants import Plants
from energyopt.solve.record import Progress, Status, relative_gap
from energyopt.solve.reuse import Kept, proofs_of, rounding_of, structure_of
from energyopt.solve.rounds import Journal, Relaxation, StoppedError
from energyopt.solve.sample import (
    carried,
    carried_basis,
    chosen_periods,
    sample_border,
)
from energyopt.solve.subproblem import Answer, Cut

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

PERIOD_H = 168
SAMPLED = 7
"""Periods of the sample; with fewer than three times as many there is none."""
SAMPLE_GAP = 0.005
REMEMBERED = 4
"""Rounds of the sample whose duals become cuts of the year."""
RELAXED_GAP = 0.2
"""Where the relaxed phase may end: its sizes are not whole, and only a first guide."""
SHARED_PENALTY = 4.0
"""Of a row that periods share, over what its columns usually cost per unit of it."""
SURE = 0.1
"""Share of that from which the year starts, once a sample has told the row's price."""
FEW_PERIODS = 0.25
"""Whole numbers of the master that matter to no more periods than this share are
settled last: a week of maintenance, not a size."""


class Decomposition:
    """The search; :func:`solve_decomposed` runs it."""

    def __init__(
        self,
        problem: Problem,
        journal: Journal,
        *,
        gap_frac: float,
        threads: int,
        seed: int,
        period_h: int,
        link_all: bool,
        before: Kept | None = None,
        keep: bool = False,
    ) -> None:
        self.problem, self.journal = problem, journal
        self.keep = keep
        self.kept: Kept | None = None
        self.gap_frac, self.seed = gap_frac, seed
        use_threads(1)
        self.executor = ThreadPoolExecutor(max_workers=threads)
        self.lower, self.upper, self.stand_in = finite_bounds(problem)
        starts = period_starts(problem, period_h)
        self.border = find_border(problem, self.lower, self.upper, starts, link_all)
        self.penalty = _first_penalty(problem, self.border.shared)
        self.before = before if before and before.fits(problem, self.border) else None
        journal.log(
            f"{len(starts)} periods of up to {period_h} h, {self.border.columns} master "
            f"columns, {len(self.border.shared)} shared rows, {len(self.border.relaxed)} rows "
            "across edges left out of the bound"
        )

    def run(self) -> tuple[Status, Floats]:
        """Return how the search ended, and the plant."""
        plants: Plants | None = None
        try:
            self.year = self._relaxation()
            plants = self._plants()
            if self.before is not None:
                plants.run(self._start_from(self.before, plants))
            else:
                self._sample()
                relaxed = self.year.settle(
                    "relaxed",
                    max(RELAXED_GAP, self.gap_frac),
                    clean=False,
                    is_bound=True,
                )
                plants.run(relaxed.z)
        except StoppedError as err:
            if plants is not None and plants.units.x is None:
                last_resort(plants)
            if plants is None or plants.units.x is None:
                raise NoSolutionError(
                    f"stopped ({err.status}) before a plant was found"
                ) from None
            if err.status == "interrupted":
                return "interrupted", plants.units.x
        finally:
            self.executor.shutdown(wait=True, cancel_futures=True)
        if plants.units.x is None:
            raise NoSolutionError("no whole sizes were found that can be run")
        gap = relative_gap(self.journal.incumbent, self.journal.bound)
        if self.keep:
            self.kept = self._to_keep(plants)
        return "optimal" if gap <= self.gap_frac else "limit", plants.units.x

    def _start_from(self, before: Kept, plants: Plants) -> Floats:
        """Use a neighbour's plant and proofs; return its point.

        Each cut is made anew from its duals and the present data.
        """
        journal, year = self.journal, self.year
        programs = year.programs
        year.master.add(
            list(
                self.executor.map(lambda p: programs[p.period].again(p), before.proofs)
            )
        )
        largest = [np.zeros(len(q.penalty)) for q in programs]
        for proof in before.proofs:
            at = largest[proof.period]
            np.maximum(at, np.abs(proof.dual), out=at)
        for q, most in zip(programs, largest, strict=True):
            q.set_penalty(np.maximum(q.penalty, 2.0 * most))
        journal.bound = year.master.bound()[0]
        boxes = before.boxes_for(self.problem, self.border)
        plants.use(before.x, boxes)
        journal.log(
            f"used again: {len(before.proofs)} cuts, {sum(len(b.proofs) for b in boxes)} "
            f"in {len(boxes)} boxes; bound {journal.bound:.7g}, the plant costs "
            f"{journal.incumbent:.7g}"
        )
        journal.tell("used again")
        return self.border.within_limits(
            np.clip(before.z, self.border.lower, self.border.upper)
        )

    def _to_keep(self, plants: Plants) -> Kept:
        """Return what a neighbouring problem can use."""
        assert plants.units.x is not None
        return Kept(
            structure_of(self.problem),
            rounding_of(self.problem, self.border),
            plants.units.x,
            plants.units.best_z,
            proofs_of(self.year.master.costs_since(0)),
            plants.known,
        )

    def _plants(self) -> Plants:
        """Return the search for whole units, with the columns that it decides."""
        border = self.border
        whole = border.integer & self._hourless()
        ties = np.zeros(border.columns)
        for period in border.periods:
            ties[np.unique(period.tie.indices)] += 1
        few = (ties > 0) & (ties <= FEW_PERIODS * len(border.periods))
        units = WholeUnits(
            self.problem,
            self.year,
            Columns(
                whole=np.flatnonzero(whole & ~few),
                flags=np.flatnonzero(whole & (ties == 0)),
                local=np.flatnonzero(whole & few),
                sizes=np.flatnonzero(~border.integer & self._hourless()),
                hourless=np.flatnonzero(self._hourless()),
                tied=ties > 0,
            ),
            (self.lower, self.upper, self.stand_in),
            self.gap_frac,
            self.seed,
        )
        return Plants(units)

    def _relaxation(self) -> Relaxation:
        return Relaxation(
            self.problem,
            self.border,
            self.lower,
            self.upper,
            np.ones(len(self.border.periods)),
            self.penalty,
            self.seed,
            self.executor,
            self.journal,
            keep_proofs=self.keep,
        )

    def _sample(self) -> None:
        """Give the year its first cuts, and penalties that fit."""
        problem, border, year = self.problem, self.border, self.year
        if len(border.periods) < 3 * SAMPLED:
            return
        chosen, follows, weight = chosen_periods(border, problem.hours, SAMPLED)
        small_border = sample_border(
            problem, border, self.lower, self.upper, chosen, weight
        )
        small = Relaxation(
            problem,
            small_border,
            self.lower,
            self.upper,
            weight,
            self.penalty,
            self.seed,
            self.executor,
            self.journal,
        )
        duals: list[list[Floats]] = []

        def keep(answers: list[Answer]) -> None:
            duals.append([q.dual for q in small.programs])
            del duals[:-REMEMBERED]

        settled = small.settle("sample", SAMPLE_GAP, clean=False, after=keep)
        z = 0.5 * (border.lower + border.upper)
        links = len(border.links)
        z[:links][self._hourless()[:links]] = settled.z[: len(small_border.links)]

        def cuts_of(p: int) -> list[Cut]:
            k = int(follows[p])
            pair = (
                year.programs[p],
                int(border.start[p]),
                small.programs[k],
                int(border.start[chosen[k]]),
            )
            year.programs[p].begin_with(*carried_basis(problem, *pair))
            return carried(problem, *pair, [round_[k] for round_ in duals], z)

        for cuts in self.executor.map(cuts_of, range(len(border.periods))):
            year.master.add(cuts)
        size = small.dual_size(int(problem.row_family.max(initial=0)) + 1)
        for q, family in zip(year.programs, year.family, strict=True):
            least = q.penalty.copy()
            least[len(q.period.rows) :] *= SURE
            q.set_penalty(np.maximum(least, 2.0 * size[family]))

    def _hourless(self) -> NDArray[np.bool_]:
        hourless = np.zeros(self.border.columns, dtype=bool)
        links = self.border.links
        hourless[: len(links)] = self.problem.column_hour[links] == NO_HOUR
        return hourless


def _first_penalty(problem: Problem, shared: Ints) -> Floats:
    """Return a cost of slack for each row: above what its hourly columns cost.

    A row that periods share is met by the year as a whole. A period whose budget is
    too small should cost about what it would take to save as much elsewhere: a few
    times what is usual for the row's columns. It is raised where that is too little.
    """
    coo = problem.matrix.tocoo()
    ratio = np.zeros(len(problem.rows))
    hourly = problem.column_hour[coo.col] != NO_HOUR
    per_unit = np.abs(problem.cost[coo.col] / coo.data) * hourly
    np.maximum.at(ratio, coo.row, per_unit)
    penalty = np.maximum(2.0 * ratio, 0.2 * ratio.max(initial=1.0))
    for row in shared.tolist():
        usual = per_unit[(coo.row == row) & (per_unit > 0)]
        if len(usual):
            penalty[row] = SHARED_PENALTY * float(np.median(usual))
    return penalty


def solve_decomposed(
    problem: Problem,
    *,
    gap_frac: float,
    time_limit_s: float,
    threads: int,
    seed: int,
    period_h: int = PERIOD_H,
    link_all: bool = False,
    before: Kept | None = None,
    keep: bool = False,
    log_path: Path | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Found:
    """Return a plant and a bound, found by periods.

    Parameters
    ----------
    before : Kept, optional
        What the solve of a neighbouring problem left; of another structure, it is
        not used.
    keep : bool
        Whether to leave the same for others.

    Raises
    ------
    InfeasibleError
        If the master problem proves that there is no plant.
    NoSolutionError
        If a limit, or a part that could not be solved, ended the search without one,
        and none was found in the little time that it then gets.
    """
    journal = Journal(time_limit_s, log_path, on_progress, stop)
    search = Decomposition(
        problem,
        journal,
        gap_frac=gap_frac,
        threads=threads,
        seed=seed,
        period_h=period_h,
        link_all=link_all,
        before=before,
        keep=keep,
    )
    status, x = search.run()
    return Found(
        status=status,
        x=x,
        objective=journal.incumbent,
        bound=min(journal.bound, journal.incumbent),
        options={"period_h": period_h, "random_seed": seed, "threads": 1},
        path=journal.path,
        kept=search.kept,
    )
