"""Rounds between a master problem and its periods, until bound and best point meet."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from energyopt.errors import NoSolutionError
from energyopt.solve.compile import Problem
from energyopt.solve.master import Master
from energyopt.solve.periods import Border
from energyopt.solve.record import Progress, relative_gap
from energyopt.solve.subproblem import (
    SLACK,
    Answer,
    Cut,
    PeriodProgram,
    Seat,
    SharedSeat,
    Warm,
)

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

LEVEL = 0.3
"""How far above the bound, between bound and best, the next point may cost."""
WORTH_GOING_ON, TO_THE_END = 0.3, 0.1
"""Of what is open between bound and best, what more rounds are counted on to close; of
the gap asked for, where these end as well."""
MOST_ROUNDS = 300
RAISE = 5.0
MOST_RAISES = 25
TIGHTENINGS, SHARP_TIGHTENINGS = 2, 8
"""How often rounded rows are added to a period at one point; where the point is to be
run with whole units, and what they cost there must not come as a surprise."""
MOST_SEATS = 120
"""Periods up to which each keeps an instance of HiGHS, with all that is warm in it."""
SMALL_PENALTY, GUIDE_SLACK = 1e-5, 0.25
"""Share of the cost that slack may still be worth where a point is to be run; share of
what may be left open, where it is only a guide."""


class StoppedError(Exception):
    """Time is up, or the user asked to stop."""

    status = "limit"


class InterruptedByUserError(StoppedError):
    """The user asked to stop."""

    status = "interrupted"


@dataclass
class Journal:
    """Time, log and progress of one solve."""

    time_limit_s: float
    log_path: Path | None = None
    on_progress: Callable[[Progress], None] | None = None
    stop: Callable[[], bool] | None = None
    begin: float = field(default_factory=time.monotonic)
    path: list[Progress] = field(default_factory=list)
    incumbent: float = np.inf
    bound: float = -np.inf

    @property
    def left_s(self) -> float:
        """Seconds until the time limit."""
        return self.begin + self.time_limit_s - time.monotonic()

    def log(self, line: str) -> None:
        """Append a line, with the seconds so far."""
        if self.log_path is not None:
            with self.log_path.open("a", encoding="utf-8") as out:
                out.write(f"{time.monotonic() - self.begin:8.2f} s  {line}\n")

    def tell(self, stage: str) -> None:
        """Report incumbent and bound."""
        step = Progress(
            time.monotonic() - self.begin, self.incumbent, self.bound, stage
        )
        self.path.append(step)
        if self.on_progress is not None:
            self.on_progress(step)

    def check_time(self) -> None:
        """Raise if the search must end now."""
        if self.stop is not None and self.stop():
            raise InterruptedByUserError
        if self.left_s <= 0:
            raise StoppedError


@dataclass(frozen=True)
class Settled:
    """The end of a run of rounds: a point, its cost, and what periods said there."""

    z: Floats
    cost: float
    bound: float
    slope: Floats  # of each period's cut, shape (periods, master columns)
    price: Floats  # of a unit of each shared row, in the cuts' optimum, shape (shared,)


class Relaxation:
    """A border, the programs of its periods, and the master that learns from them.

    Parameters
    ----------
    problem : Problem
    border : Border
    lower, upper : array, shape (columns of the problem,)
        Finite bounds.
    weight : array, shape (periods,)
        How often each period counts.
    penalty : array, shape (rows of the problem,)
        First cost of slack. [k$ per unit of the row]
    """

    def __init__(
        self,
        problem: Problem,
        border: Border,
        lower: Floats,
        upper: Floats,
        weight: Floats,
        penalty: Floats,
        seed: int,
        executor: Executor,
        journal: Journal,
        keep_proofs: bool = False,
    ) -> None:
        self.problem, self.border, self.weight = problem, border, weight
        self.executor, self.journal = executor, journal
        self.raises = 0
        self.tightenings = TIGHTENINGS
        # Families of rows, per period; rows of the master that moved in have none.
        self.family = [
            np.where(
                np.append(p.rows, border.shared[p.shared]) >= 0,
                problem.row_family[np.append(p.rows, border.shared[p.shared])],
                -1,
            )
            for p in border.periods
        ]
        worst = float(penalty.max(initial=1.0))
        shared = SharedSeat(seed) if len(border.periods) > MOST_SEATS else None
        self.programs = [
            PeriodProgram(
                number,
                border,
                problem.cost[p.columns],
                lower[p.columns],
                upper[p.columns],
                problem.integer[p.columns],
                np.where(
                    self.family[number] >= 0,
                    penalty[np.append(p.rows, border.shared[p.shared])],
                    worst,
                ),
                shared or Seat(seed),
            )
            for number, p in enumerate(border.periods)
        ]
        for program in self.programs:
            program.keep_proofs = keep_proofs
        matrix, most = zip(*(q.implied() for q in self.programs), strict=True)
        border = _with_rows(
            border, sparse.csr_array(sparse.vstack(matrix)), np.concatenate(most)
        )
        self.border = border
        floor = [
            np.minimum(q.cost * q.lower, q.cost * q.upper).sum() for q in self.programs
        ]
        self.master = Master(border, np.array(floor), weight, problem.offset, seed)

    def ask(self, z: Floats) -> tuple[float, list[Answer]]:
        """Return cost with penalties at a point, and the answers; their cuts go in."""
        answers = list(self.executor.map(lambda q: self._answer(q, z), self.programs))
        self.master.add([a.cut for a in answers])
        periods = sum(w * a.total for w, a in zip(self.weight, answers, strict=True))
        return self.problem.offset + float(self.border.cost @ z) + float(
            periods
        ), answers

    @contextmanager
    def within(
        self,
        low: Floats,
        high: Floats,
        cuts: list[Cut],
        tightenings: int = TIGHTENINGS,
        warm: list[Warm | None] | None = None,
    ) -> Iterator[Callable[[], list[Cut]]]:
        """Use rounded rows of a box of master points, and cuts that hold there.

        Afterwards its rows and cuts are gone. Yields a function that returns the
        cuts so far.
        """
        master = self.master
        self.tightenings = tightenings
        first = len(master.cuts)
        master.add(cuts)
        rows = warm or [None] * len(self.programs)
        enter = self.executor.map(
            lambda q, w: q.enter(low, high, w), self.programs, rows
        )
        list(enter)
        try:
            yield lambda: master.costs_since(first)
        finally:
            self.tightenings = TIGHTENINGS
            for program in self.programs:
                program.loosen()
            master.forget(first)

    def leave(self) -> list[Warm | None]:
        """Return what a smaller box can start from, after the last point asked."""
        return list(self.executor.map(lambda q: q.leave(), self.programs))

    def steps(self, column: int, z: Floats) -> Floats:
        """Return where in the present box fewer units are needed in some hour."""
        return np.concatenate([q.steps(column, z) for q in self.programs])

    def _answer(self, program: PeriodProgram, z: Floats) -> Answer:
        """Return a period's cost; within a box, with the rounded rows that it breaks."""
        answer = program.solve(z)
        for _ in range(self.tightenings):
            if not program.tighten(z):
                break
            answer = program.solve(z)
        program.rest()
        return answer

    def settle(
        self,
        stage: str,
        gap_frac: float,
        *,
        start: Floats | None = None,
        good_enough: float = -np.inf,
        enough: float = np.inf,
        slack_frac: float = 0.0,
        most_slack: float = np.inf,
        clean: bool = True,
        is_bound: bool = False,
        rounds: int = MOST_ROUNDS,
        after: Callable[[list[Answer]], None] | None = None,
    ) -> Settled:
        """Return the best point that the master's present column bounds allow.

        Parameters
        ----------
        gap_frac : float
            Rounds go on until the best point is this near to the cuts' bound.
        start : array, optional
            First point to ask; else one between bound and a guess.
        good_enough : float
            A cost at which rounds may end as well. [k$]
        enough : float
            A bound at which rounds end, as nothing here is wanted. [k$]
        slack_frac : float
            Of the cost, what slack may still be worth, where the point is a guide.
        most_slack : float
            As a share of its row, what slack may still be, whatever it is worth.
        clean : bool
            Whether slack matters at all.
        is_bound : bool
            Whether the master's bound here is one of the whole problem.
        rounds : int
            After so many it is given up.
        after : callable, optional
            Called with the answers of each round.
        """
        journal, master = self.journal, self.master
        best, best_z = np.inf, start
        answers: list[Answer] = []
        ask_again = start is not None
        if ask_again and np.isfinite(enough):
            bound, corner = master.bound()  # the cuts there are may do
            if bound >= enough:
                return self._not_below(stage, corner, best, bound, answers)
        for round_ in range(rounds):
            journal.check_time()
            if ask_again and best_z is not None:
                z = best_z
                bound = -np.inf
            else:
                bound, corner = master.bound()
                if is_bound:
                    journal.bound = max(journal.bound, bound)
                if bound >= enough:
                    return self._not_below(stage, corner, best, bound, answers)
                gap = relative_gap(best, bound)
                # Where a few more rounds reach what is enough, they are worth it.
                reached = bound + WORTH_GOING_ON * (best - bound) >= enough
                near = gap <= (TO_THE_END * gap_frac if reached else gap_frac)
                if near or best <= good_enough:
                    worth = slack_frac * abs(best)
                    if not clean or self._clean(answers, worth, most_slack):
                        journal.tell(stage)
                        journal.log(
                            f"{stage}: {bound:.7g} to {best:.7g}, {round_} rounds"
                        )
                        assert best_z is not None
                        return Settled(
                            best_z, best, bound, self._slopes(answers), master.price()
                        )
                    assert best_z is not None
                    if self._tighten(best_z, answers):
                        best, best_z = np.inf, None  # it is cut off
                    else:
                        ask_again = True
                    continue
                if min(best, enough) < np.inf:  # what costs more is of no interest
                    level = bound + LEVEL * (min(best, enough) - bound)
                else:
                    level = (
                        bound + max(0.005 * abs(bound), 1e-6) if master.cuts else np.inf
                    )
                point = master.point(level)
                z = corner if point is None else point
            total, new = self.ask(z)
            if after is not None:
                after(new)
            if total < best or ask_again:
                best, best_z, answers = total, z, new
            ask_again = False
            journal.tell(stage)
            journal.log(
                f"{stage} {round_:3d}: bound {bound:.7g}, best {best:.7g}, here {total:.7g}, "
                f"slack {max(a.slack for a in new):.2g}"
            )
        raise NoSolutionError(f"the {stage} phase did not close in {rounds} rounds")

    def _not_below(
        self, stage: str, z: Floats, best: float, bound: float, answers: list[Answer]
    ) -> Settled:
        """Return the end of rounds whose bound says that nothing here is wanted."""
        self.journal.log(f"{stage}: not below {bound:.7g}")
        return Settled(z, best, bound, self._slopes(answers), self.master.price())

    def _clean(self, answers: list[Answer], worth: float, most: float) -> bool:
        """Return whether the best point needs no slack, or none worth or as much as this."""
        largest = max(a.slack for a in answers)
        if largest <= SLACK:
            return True
        return largest <= most and worth >= sum(
            w * a.penalty for w, a in zip(self.weight, answers, strict=True)
        )

    def _slopes(self, answers: list[Answer]) -> Floats:
        slope = np.zeros((len(self.programs), self.border.columns))
        for p, answer in enumerate(answers):
            slope[p, answer.cut.index] = answer.cut.slope
        return slope

    def _tighten(self, z: Floats, answers: list[Answer]) -> bool:
        """Where the best point leans on slack: forbid it there, and make slack dearer.

        Return whether the point itself is now forbidden.
        """
        leaning, cuts = self._forbid(z, answers)
        # Where a cut forbids the point, a penalty need not: as it only ever grows, it
        # would in the end drown the costs.
        cut_off = {cut.period for cut in cuts}
        families = {
            int(family)
            for p in leaning
            if p not in cut_off
            for family in self.family[p][answers[p].leaning]
        }
        self.raises += bool(families)
        if self.raises > MOST_RAISES:
            raise NoSolutionError(
                "some rows are met with slack only, whatever it costs"
            )
        for q, family in zip(self.programs, self.family, strict=True):
            q.set_penalty(
                np.where(np.isin(family, list(families)), RAISE * q.penalty, q.penalty)
            )
        self.journal.log(
            f"{len(leaning)} periods lean on slack: {len(cuts)} feasibility cuts, "
            f"penalty raised on {len(families)} kinds of rows"
        )
        return bool(cuts)

    def _forbid(self, z: Floats, answers: list[Answer]) -> tuple[list[int], list[Cut]]:
        """Add feasibility cuts of the periods that lean on slack; return both."""
        leaning = [p for p, a in enumerate(answers) if a.slack > SLACK]
        found = self.executor.map(lambda p: self.programs[p].feasibility(z), leaning)
        cuts = [cut for some in found for cut in some]
        self.master.add(cuts, feasibility=True)
        return leaning, cuts

    def dual_size(self, families: int) -> Floats:
        """Return the largest dual of each family of rows at the last point, weighted."""
        size = np.zeros(families)
        for q, family, weight in zip(
            self.programs, self.family, self.weight, strict=True
        ):
            known = family >= 0
            stands_for = np.full(len(family), weight)
            stands_for[len(q.period.rows) :] = 1.0  # a unit of the year's limit is one
            np.maximum.at(size, family[known], (stands_for * np.abs(q.dual))[known])
        return size


def _with_rows(border: Border, matrix: sparse.csr_array, most: Floats) -> Border:
    """Return the border with rows ``matrix @ z <= most`` before the shared ones."""
    from dataclasses import replace

    n = border.matrix.shape[0] - len(border.shared)
    return replace(
        border,
        matrix=sparse.csr_array(
            sparse.vstack([border.matrix[:n], matrix, border.matrix[n:]])
        ),
        row_lower=np.concatenate(
            [border.row_lower[:n], np.full(len(most), -np.inf), border.row_lower[n:]]
        ),
        row_upper=np.concatenate([border.row_upper[:n], most, border.row_upper[n:]]),
    )
