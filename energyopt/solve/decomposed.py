"""The year by its periods: a bound from cuts, then whole units.

Three phases, each with its part of the gap:

1. *Relaxed*: nothing is whole. The master proposes sizes, edges and budgets, each period
   answers with its cost and a cut, until the cuts' bound and the best point meet.
2. *Whole sizes*: the master becomes a MIP. What it chooses is held while edges and
   budgets settle again; repeated until bound and best point meet.
3. *Whole dispatch*: every hour's units are whole. Its cost is the incumbent.

The bound of the whole problem is that of the master MIP: cuts are valid for any plant.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from energyopt.errors import EnergyoptError, InfeasibleError, NoSolutionError
from energyopt.solve.bounds import finite_bounds
from energyopt.solve.compile import Problem
from energyopt.solve.dispatch import Dispatch, Plan
from energyopt.solve.highs import use_threads
from energyopt.solve.master import Master
from energyopt.solve.monolithic import Found
from energyopt.solve.periods import find_border, period_starts
from energyopt.solve.record import Progress, Status, relative_gap
from energyopt.solve.subproblem import SLACK, Answer, PeriodProgram

Floats = NDArray[np.float64]

PERIOD_H = 168
RELAXED_SHARE = 0.3
"""Of the gap asked for, what the relaxed phase may leave open."""
WHOLE_SHARE = 0.5
"""What the relaxed phase and whole sizes together may leave open."""
LEVEL = 0.3
"""How far above the bound, between bound and best, the next point may cost."""
MOST_ROUNDS = 400
RAISE = 5.0
MOST_RAISES = 8


class Stopped(EnergyoptError):
    """Time is up, or the user asked to stop."""


class Interrupted(Stopped):
    """The user asked to stop."""


class Decomposition:
    """The search; :func:`solve_decomposed` runs it."""

    def __init__(
        self,
        problem: Problem,
        *,
        gap_frac: float,
        time_limit_s: float,
        threads: int,
        seed: int,
        period_h: int,
        link_all: bool,
        log_path: Path | None,
        on_progress: Callable[[Progress], None] | None,
        stop: Callable[[], bool] | None,
    ) -> None:
        self.begin = time.monotonic()
        self.until = self.begin + time_limit_s
        self.problem, self.gap_frac, self.seed = problem, gap_frac, seed
        self.log_path, self.on_progress, self.stop = log_path, on_progress, stop
        self.path: list[Progress] = []
        self.messages: list[str] = []
        self.incumbent, self.best_bound = np.inf, -np.inf
        self.x: Floats | None = None
        use_threads(1)
        self.executor = ThreadPoolExecutor(max_workers=threads)
        self.lower, self.upper, self.stand_in = finite_bounds(problem)
        starts = period_starts(problem, period_h)
        self.border = find_border(problem, self.lower, self.upper, starts, link_all)
        self.log(
            f"{len(starts)} periods of up to {period_h} h, {self.border.columns} master columns, "
            f"{len(self.border.shared)} shared rows, {len(self.border.relaxed)} rows across edges "
            "left out of the bound"
        )
        self.programs = self._programs()
        floor = [
            float(np.minimum(q.cost * q.lower, q.cost * q.upper).sum())
            for q in self.programs
        ]
        self.master = Master(self.border, np.array(floor), problem.offset, seed)
        self.slope = np.zeros((len(self.programs), self.border.columns))
        self.raises = 0

    # -- set-up -----------------------------------------------------------------------

    def _programs(self) -> list[PeriodProgram]:
        ratio = self._ratios()
        programs = []
        for p, period in enumerate(self.border.periods):
            columns = period.columns
            penalty = np.concatenate(
                [ratio[period.rows], ratio[self.border.shared[period.shared]]]
            )
            programs.append(
                PeriodProgram(
                    p,
                    self.border,
                    self.problem.cost[columns],
                    self.lower[columns],
                    self.upper[columns],
                    penalty,
                    self.seed,
                )
            )
        return programs

    def _ratios(self) -> Floats:
        """Return a first penalty per unit of each row: well above what columns cost."""
        coo = self.problem.matrix.tocoo()
        ratio = np.zeros(len(self.problem.rows))
        hourly = self.problem.column_hour[coo.col] >= 0
        per_unit = np.abs(self.problem.cost[coo.col] / coo.data) * hourly
        np.maximum.at(ratio, coo.row, per_unit)
        return np.maximum(2.0 * ratio, 0.2 * ratio.max(initial=1.0))

    # -- talking ----------------------------------------------------------------------

    def log(self, line: str) -> None:
        if self.log_path is not None:
            with self.log_path.open("a", encoding="utf-8") as out:
                out.write(f"{time.monotonic() - self.begin:8.2f} s  {line}\n")

    def tell(self, stage: str) -> None:
        step = Progress(
            time.monotonic() - self.begin, self.incumbent, self.best_bound, stage
        )
        self.path.append(step)
        if self.on_progress is not None:
            self.on_progress(step)

    def check_time(self) -> None:
        if self.stop is not None and self.stop():
            raise Interrupted("stopped")
        if time.monotonic() > self.until:
            raise Stopped("the time limit was reached")

    # -- rounds -----------------------------------------------------------------------

    def ask(self, z: Floats) -> tuple[float, float, list[Answer]]:
        """Return cost with penalties and worst slack at a point; its cuts go in."""
        answers = list(self.executor.map(lambda q: q.solve(z), self.programs))
        self.master.add([a.cut for a in answers])
        total = (
            self.problem.offset
            + float(self.border.cost @ z)
            + sum(a.total for a in answers)
        )
        return total, max(a.slack for a in answers), answers

    def settle(
        self, stage: str, gap_frac: float, floor: float | None = None
    ) -> tuple[float, Floats]:
        """Return the best cost and point that the master's present columns allow.

        Rounds go on until the best point is within ``gap_frac`` of the cuts' bound (or
        of ``floor``, a cost that is good enough).
        """
        best, best_z, best_slack = np.inf, None, np.inf
        best_answers: list[Answer] = []
        for round_ in range(MOST_ROUNDS):
            self.check_time()
            bound, corner = self.master.bound()
            if stage == "relaxed":
                self.best_bound = max(self.best_bound, bound)
            closed = relative_gap(best, bound) <= gap_frac
            if best_z is not None and (closed or (floor is not None and best <= floor)):
                if best_slack <= SLACK:
                    self.tell(stage)
                    self.log(
                        f"{stage}: {bound:.6g} to {best:.6g} after {round_} rounds"
                    )
                    self.remember(best_answers)
                    return best, best_z
                self.tighten(best_z)
                best, best_z = np.inf, None
                continue
            z = None
            if best < np.inf:
                z = self.master.point(bound + LEVEL * (best - bound))
            elif round_ == 0:
                z = self.master.point(1e3 * abs(bound) + 1e6)
            if z is None:
                z = corner
            total, slack, answers = self.ask(z)
            if total < best:
                best, best_z, best_slack, best_answers = total, z, slack, answers
            self.tell(stage)
            self.log(
                f"{stage} {round_:3d}: bound {bound:.7g}, best {best:.7g}, here {total:.7g}, slack {slack:.2g}"
            )
        raise NoSolutionError(
            f"the {stage} phase did not close in {MOST_ROUNDS} rounds"
        )

    def remember(self, answers: list[Answer]) -> None:
        """Keep the slopes of the best point's cuts."""
        self.slope[:] = 0.0
        for p, answer in enumerate(answers):
            self.slope[p, answer.cut.index] = answer.cut.slope

    def tighten(self, z: Floats) -> None:
        """Where the best point leans on slack: forbid it there, and make slack dearer."""
        self.raises += 1
        if self.raises > MOST_RAISES:
            raise NoSolutionError(
                "some rows are met with slack only, whatever it costs"
            )
        cuts = [cut for q in self.programs for cut in q.feasibility(z)]
        self.master.add(cuts, feasibility=True)
        self.log(
            f"slack at the best point: {len(cuts)} feasibility cuts, penalties raised"
        )
        for q in self.programs:
            q.set_penalty(q.penalty * RAISE)

    # -- phases -----------------------------------------------------------------------

    def run(self) -> Status:
        """Return how the search ended; the plant is in ``x``."""
        try:
            self.phases()
        except Interrupted:
            return self._ended("interrupted")
        except Stopped:
            return self._ended("limit")
        finally:
            self.executor.shutdown(wait=True, cancel_futures=True)
        gap = relative_gap(self.incumbent, self.best_bound)
        return "optimal" if gap <= self.gap_frac else "limit"

    def _ended(self, status: Status) -> Status:
        if self.x is None:
            raise NoSolutionError(
                f"stopped ({status}) after {time.monotonic() - self.begin:.0f} s, before a plant was found"
            )
        return status

    def phases(self) -> None:
        """Relaxed, whole sizes, whole dispatch."""
        self.settle("relaxed", RELAXED_SHARE * self.gap_frac)
        whole = np.flatnonzero(self.border.integer & (self._hourless()))
        held_best = np.inf
        for _ in range(20):
            self.check_time()
            share = 0.1 * self.gap_frac
            bound, z = self.master.whole(
                whole, share, self.until - time.monotonic(), self.stop
            )
            self.best_bound = max(self.best_bound, bound)
            self.log(f"whole sizes: bound {bound:.7g}")
            if len(whole):
                self.master.fix(whole, z[whole], z[whole])
            goal = (
                self.best_bound * (1 + RELAXED_SHARE * self.gap_frac)
                if self.best_bound > 0
                else None
            )
            try:
                held, held_z = self.settle("whole sizes", 0.15 * self.gap_frac, goal)
            except InfeasibleError:
                self.log("these whole sizes are infeasible: next")
                self._free(whole)
                continue
            self._free(whole)
            held_best = min(held_best, held)
            if relative_gap(held, self.best_bound) <= WHOLE_SHARE * self.gap_frac:
                break
        held_z[whole] = np.round(held_z[whole])
        self.dispatch(held_z)
        bound = self.master.verified(
            whole, 0.1 * self.gap_frac, self.until - time.monotonic(), self.stop
        )
        self.best_bound = (
            min(max(self.best_bound, bound), bound)
            if np.isfinite(bound)
            else self.best_bound
        )
        self.tell("whole dispatch")

    def _hourless(self) -> NDArray[np.bool_]:
        hourless = np.zeros(self.border.columns, dtype=bool)
        links = self.border.links
        hourless[: len(links)] = self.problem.column_hour[links] < 0
        return hourless

    def _free(self, whole: NDArray[np.intp]) -> None:
        if len(whole):
            self.master.fix(whole, self.border.lower[whole], self.border.upper[whole])

    def dispatch(self, z: Floats) -> None:
        """Find whole units at a master point; keep the plant if it is the best."""
        room = 0.25 * self.gap_frac * abs(self.best_bound) / max(len(self.programs), 1)
        search = Dispatch(
            self.problem,
            self.border,
            self.lower,
            self.upper,
            Plan(z, self.slope.copy()),
            max(room, 1e-6),
            self.seed,
            self.until,
            self.stop,
        )
        x = search.run(self.executor)
        broken = self.problem.broken(x)
        if broken > 1e-5:
            raise NoSolutionError(
                f"the whole-unit dispatch breaks a row by {broken:.2g}"
            )
        cost = self.problem.objective(x)
        self.log(f"whole dispatch: {cost:.7g}, rows hold to {broken:.1g}")
        if cost < self.incumbent:
            self.incumbent, self.x = cost, x
        self.tell("whole dispatch")


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
    search = Decomposition(
        problem,
        gap_frac=gap_frac,
        time_limit_s=time_limit_s,
        threads=threads,
        seed=seed,
        period_h=period_h,
        link_all=link_all,
        log_path=log_path,
        on_progress=on_progress,
        stop=stop,
    )
    status = search.run()
    assert search.x is not None
    return Found(
        status=status,
        x=search.x,
        objective=search.incumbent,
        bound=min(search.best_bound, search.incumbent),
        options={"period_h": period_h, "random_seed": seed, "threads": 1},
        messages=search.messages,
        path=search.path,
    )
