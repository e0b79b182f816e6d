"""The year by its periods: a bound from cuts, then whole units.

Phases, each with its part of the gap:

1. *Sample*: a few periods stand for all; gives sizes to start from, and first cuts.
2. *Relaxed*: nothing is whole. The master proposes sizes, edges and budgets, each period
   answers with its cost and a cut, until the cuts' bound and the best point meet.
3. *Whole sizes*: the master becomes a MIP. What it chooses is held while edges and
   budgets settle again; repeated until bound and best point meet.
4. *Whole dispatch*: every hour's units are whole. Its cost is the incumbent.

The bound of the whole problem is that of the master MIP: cuts are valid for any plant.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from energyopt.errors import InfeasibleError, NoSolutionError
from energyopt.solve.bounds import finite_bounds
from energyopt.solve.compile import NO_HOUR, Problem
from energyopt.solve.dispatch import Dispatch, LimitMissedError, Plan
from energyopt.solve.highs import Highs, use_threads
from energyopt.solve.monolithic import Found
from energyopt.solve.periods import find_border, period_starts
from energyopt.solve.record import Progress, Status, relative_gap
from energyopt.solve.rounds import Journal, Relaxation, Settled, StoppedError
from energyopt.solve.sample import carried, chosen_periods, sample_border
from energyopt.solve.subproblem import Answer, Cut

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

PERIOD_H = 168
SAMPLED = 7
"""Periods of the sample; with fewer than three times as many there is none."""
SAMPLE_GAP = 0.005
REMEMBERED = 8
"""Rounds of the sample whose duals become cuts of the year."""
RELAXED_SHARE, WHOLE_SHARE, DISPATCH_SHARE = 0.3, 0.8, 0.2
"""Of the gap asked for: what the relaxed phase may leave open, that and whole sizes
together, and the gap of the dispatch's small MIPs."""
MOST_SIZES = 12
IMPROVEMENTS, MARGINS = 3, 5
"""How often pairs of periods are solved together, while that helps; how often a
margin to missed limits is made wider."""


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
    ) -> None:
        self.problem, self.journal = problem, journal
        self.gap_frac, self.seed = gap_frac, seed
        self.x: Floats | None = None
        self.proven = np.empty(
            0, dtype=np.intp
        )  # columns that the bound takes as whole
        use_threads(1)
        self.executor = ThreadPoolExecutor(max_workers=threads)
        self.lower, self.upper, self.stand_in = finite_bounds(problem)
        starts = period_starts(problem, period_h)
        self.border = find_border(problem, self.lower, self.upper, starts, link_all)
        self.whole = np.flatnonzero(self.border.integer & self._hourless())
        self.penalty = _first_penalty(problem)
        journal.log(
            f"{len(starts)} periods of up to {period_h} h, {self.border.columns} master "
            f"columns, {len(self.border.shared)} shared rows, {len(self.border.relaxed)} rows "
            "across edges left out of the bound"
        )

    def run(self) -> Status:
        """Return how the search ended; the plant is in ``x``."""
        try:
            self._phases()
        except StoppedError as err:
            if self.x is None:
                raise NoSolutionError(
                    f"stopped ({err.status}) before a plant was found"
                ) from None
            return "interrupted" if err.status == "interrupted" else "limit"
        finally:
            self.executor.shutdown(wait=True, cancel_futures=True)
        gap = relative_gap(self.journal.incumbent, self.journal.bound)
        return "optimal" if gap <= self.gap_frac else "limit"

    def _phases(self) -> None:
        self.year = self._relaxation()
        self._sample()
        settled = self.year.settle(
            "relaxed", RELAXED_SHARE * self.gap_frac, strict=False, is_bound=True
        )
        settled = self._whole_sizes(settled)
        with ThreadPoolExecutor(max_workers=1) as beside:
            # Without presolve, which has had bugs; meanwhile the hours are dispatched.
            check = self._mip(presolve="off")
            bound = beside.submit(lambda: self.year.master.whole(self.whole, check)[0])
            self._dispatch_within_limits(settled)
            self.journal.bound = min(self.journal.bound, bound.result())
        self.journal.tell("verified bound")

    def _mip(self, presolve: str = "choose") -> Highs:
        return self.year.master.as_mip(
            self.whole,
            0.1 * self.gap_frac,
            self.journal.left_s,
            self.journal.stop,
            presolve,
        )

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

        settled = small.settle("sample", SAMPLE_GAP, strict=False, after=keep)
        z = 0.5 * (border.lower + border.upper)
        links = len(border.links)
        z[:links][self._hourless()[:links]] = settled.z[: len(small_border.links)]

        def cuts_of(p: int) -> list[Cut]:
            k = int(follows[p])
            start = int(border.start[p]), int(border.start[chosen[k]])
            source = [round_[k] for round_ in duals]
            return carried(
                problem,
                year.programs[p],
                start[0],
                small.programs[k],
                start[1],
                source,
                z,
            )

        for cuts in self.executor.map(cuts_of, range(len(border.periods))):
            year.master.add(cuts)
        size = small.dual_size(int(problem.row_family.max(initial=0)) + 1)
        for q, family in zip(year.programs, year.family, strict=True):
            q.set_penalty(np.maximum(q.penalty, 2.0 * size[family]))

    def _hourless(self) -> NDArray[np.bool_]:
        hourless = np.zeros(self.border.columns, dtype=bool)
        links = self.border.links
        hourless[: len(links)] = self.problem.column_hour[links] == NO_HOUR
        return hourless

    def _whole_sizes(self, settled: Settled) -> Settled:
        """Return the best point with whole sizes, proven near the master's bound.

        The master MIP chooses; edges and budgets settle with its choice held; again
        until the bound agrees.
        """
        whole, share = self.whole, self.gap_frac
        if not len(whole):
            return self.year.settle("whole sizes", WHOLE_SHARE * share, start=settled.z)
        journal, master, border = self.journal, self.year.master, self.border
        best: Settled | None = None
        for _ in range(MOST_SIZES):
            journal.check_time()
            bound, z = master.whole(whole, self._mip())
            journal.bound = max(journal.bound, bound)
            journal.log(f"whole sizes: bound {bound:.7g}")
            if (
                best is not None
                and relative_gap(best.cost, journal.bound) <= WHOLE_SHARE * share
            ):
                break
            master.fix(whole, z[whole], z[whole])
            good = bound + RELAXED_SHARE * share * abs(bound)
            try:
                held = self.year.settle("held sizes", 0.15 * share, good_enough=good)
            except InfeasibleError:
                journal.log("these whole sizes are infeasible: next")
                continue
            finally:
                master.fix(whole, border.lower[whole], border.upper[whole])
            held.z[whole] = z[whole]
            if best is None or held.cost < best.cost:
                best = held
            if relative_gap(best.cost, journal.bound) <= WHOLE_SHARE * share:
                break
        if best is None:
            raise NoSolutionError("no whole sizes were found that can be run")
        return best

    def _dispatch_within_limits(self, settled: Settled) -> None:
        """Find whole units; where they miss a yearly limit, plan with a margin to it."""
        journal, master, whole = self.journal, self.year.master, self.whole
        margin = np.zeros(len(self.border.shared))
        for attempt in range(MARGINS + 1):
            try:
                self._dispatch(settled)
                return
            except LimitMissedError as err:
                if attempt == MARGINS:
                    raise
                margin += 1.5 * (attempt + 1) * err.over
                journal.log(
                    f"whole units miss a yearly limit: margins {margin.round(4).tolist()}"
                )
            master.fix(whole, settled.z[whole], settled.z[whole])
            master.keep_back(margin)
            try:
                held = self.year.settle(
                    "held sizes, with margins", 0.15 * self.gap_frac
                )
            except InfeasibleError:
                raise NoSolutionError(
                    "a yearly limit could not be kept with whole units"
                ) from None
            finally:
                master.keep_back(0 * margin)
                master.fix(whole, self.border.lower[whole], self.border.upper[whole])
            held.z[whole] = settled.z[whole]
            settled = held

    def _dispatch(self, settled: Settled) -> None:
        """Find whole units at a master point; keep the plant if it is the best."""
        journal = self.journal
        room = (
            DISPATCH_SHARE
            * self.gap_frac
            * abs(settled.cost)
            / len(self.border.periods)
        )
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
        x = search.run(self.executor)
        for _ in range(IMPROVEMENTS):
            cost = self.problem.objective(x)
            if relative_gap(cost, journal.bound) <= self.gap_frac:
                break
            journal.log(f"whole dispatch: {cost:.7g}, now by pairs of periods")
            search.improve(self.executor)
            if self.problem.objective(x) > cost - 0.05 * self.gap_frac * abs(cost):
                break
        broken = self.problem.broken(x)
        if broken > 1e-5:
            raise NoSolutionError(
                f"the whole-unit dispatch breaks a row by {broken:.2g}"
            )
        far = self.stand_in & ((x <= self.lower + 1.0) | (x >= self.upper - 1.0))
        if (
            far
            & ~np.isfinite(
                np.where(x <= self.lower + 1.0, self.problem.lower, self.problem.upper)
            )
        ).any():
            raise NoSolutionError("a column without a bound runs away")
        cost = self.problem.objective(x)
        journal.log(f"whole dispatch: {cost:.7g}, rows hold to {broken:.1g}")
        if cost < journal.incumbent:
            journal.incumbent, self.x = cost, x
        journal.tell("whole dispatch")


def _first_penalty(problem: Problem) -> Floats:
    """Return a cost of slack for each row: above what its hourly columns cost."""
    coo = problem.matrix.tocoo()
    ratio = np.zeros(len(problem.rows))
    hourly = problem.column_hour[coo.col] != NO_HOUR
    per_unit = np.abs(problem.cost[coo.col] / coo.data) * hourly
    np.maximum.at(ratio, coo.row, per_unit)
    return np.maximum(2.0 * ratio, 0.2 * ratio.max(initial=1.0))


def solve_decomposed(
    problem: Problem,
    *,
    gap_frac: float,
    time_limit_s: float,
    threads: int,
    seed: int,
    period_h: int = PERIOD_H,
    link_all: bool = False,
    log_path: Path | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Found:
    """Return a plant and a bound, found by periods.

    Raises
    ------
    InfeasibleError
        If the master problem proves that there is no plant.
    NoSolutionError
        If a limit, or a part that could not be solved, ended the search without one.
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
    )
    status = search.run()
    assert search.x is not None
    return Found(
        status=status,
        x=search.x,
        objective=journal.incumbent,
        bound=min(journal.bound, journal.incumbent),
        options={"period_h": period_h, "random_seed": seed, "threads": 1},
        path=journal.path,
    )
