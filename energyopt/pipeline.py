"""From a case file to a run folder: every stage in order, each timed."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from energyopt.errors import (
    DataError,
    EnergyoptError,
    InfeasibleError,
    UnreachableError,
)
from energyopt.latest import run_folder
from energyopt.units import USD_PER_KUSD

if TYPE_CHECKING:
    from energyopt.case import Case
    from energyopt.casefile import CaseFile
    from energyopt.explain import Relaxed
    from energyopt.inputs import Inputs
    from energyopt.model import PlantModel
    from energyopt.needs import Needs
    from energyopt.results import Result
    from energyopt.solve import Progress
    from energyopt.solve.compile import Problem
    from energyopt.solve.reuse import Kept
    from energyopt.uptime.path import Path as Reached

Sizes = Mapping[str, Mapping[str, Any]]
KEPT = "cuts.npz"
"""In a run folder: what ``--reuse`` reads."""


@dataclass(frozen=True)
class Stage:
    """Where the work is, for a progress line."""

    name: str
    elapsed_s: float
    incumbent_usd: float | None = None
    bound_usd: float | None = None
    gap_frac: float | None = None


@dataclass(frozen=True)
class Outcome:
    """What a run leaves behind."""

    summary: dict[str, Any]
    folder: Path
    table: Any
    exit_code: int
    next_command: str


REUSED_BETWEEN_COLLECTIONS = 8
"""Each leaves some tens of megabytes, which are not found otherwise."""


@dataclass
class Built:
    """The plant that was built last, for a next one that differs in money or limits."""

    plant: PlantModel | None = None
    compiled: Problem | None = None
    made: int = 0
    let_go: Callable[[], None] = lambda: None  # of sizes that were held

    def make(
        self,
        case: Case,
        inputs: Inputs,
        held: Sizes | None,
        needs: Needs | None = None,
    ) -> tuple[PlantModel, Problem]:
        """Return a case's model and its matrix, from the last ones if they fit."""
        from energyopt.renew import held_at

        self.let_go()
        self.let_go = lambda: None
        plant, compiled = self._free(case, inputs, needs)
        if held is not None:
            compiled, self.let_go = held_at(plant, compiled, held)
        return plant, compiled

    def _free(
        self, case: Case, inputs: Inputs, needs: Needs | None
    ) -> tuple[PlantModel, Problem]:
        """Return it at no held sizes."""
        from energyopt.marginal import priced_constraints
        from energyopt.model import build_model
        from energyopt.renew import renewed
        from energyopt.solve import compile_model

        last, matrix = self.plant, self.compiled
        self.plant = self.compiled = None
        self.made += 1
        if self.made % REUSED_BETWEEN_COLLECTIONS == 0:
            gc.collect()
        if last is not None and matrix is not None and needs is None:
            anew = renewed(last, matrix, case, inputs)
            if anew is not None:
                self.plant, self.compiled = anew
                return anew
        del last, matrix
        if self.made > 1:  # a year's model is a gigabyte of cycles: one at a time
            gc.collect()
        plant = build_model(case, inputs, needs=needs)
        compiled = compile_model(plant.m, keep=priced_constraints(plant))
        if needs is None:
            self.plant, self.compiled = plant, compiled
        return plant, compiled


@dataclass
class _Clock:
    """Seconds by stage, and the progress line of each."""

    on_progress: Callable[[Stage], None]
    started: float = field(default_factory=time.perf_counter)
    seconds: dict[str, float] = field(default_factory=dict)
    stage: str | None = None
    since: float = 0.0

    @property
    def elapsed_s(self) -> float:
        """Seconds since the run began."""
        return time.perf_counter() - self.started

    def enter(self, name: str) -> None:
        """Begin a stage; the one before it ends."""
        self.leave()
        self.stage, self.since = name, time.perf_counter()
        self.on_progress(Stage(name, self.elapsed_s))

    def leave(self) -> None:
        """End the stage, if there is one."""
        if self.stage is not None:
            spent = time.perf_counter() - self.since
            self.seconds[self.stage] = self.seconds.get(self.stage, 0.0) + spent
            self.stage = None

    def solving(self, p: Progress) -> None:
        """Pass on the solver's progress, in dollars."""
        best = p.incumbent * USD_PER_KUSD if isfinite(p.incumbent) else None
        bound = p.bound * USD_PER_KUSD if isfinite(p.bound) else None
        gap = abs(best - bound) / abs(best) if best and bound is not None else None
        self.on_progress(Stage("solve", self.elapsed_s, best, bound, gap))

    def report(self) -> dict[str, float]:
        """Return seconds by stage, and in all."""
        self.leave()
        stages = ("inputs", "build", "solve", "verify", "prices")
        return {s: round(self.seconds.get(s, 0.0), 3) for s in stages} | {
            "total": round(self.elapsed_s, 3)
        }


@contextmanager
def _long_lived() -> Iterator[None]:
    """Keep the garbage collector away from what is made here, while the run lasts.

    The model of a year is millions of objects that live as long as the run; to look
    through them for garbage takes seconds, each time that the collector does.
    """
    if gc.get_freeze_count():  # the plant before this one makes room
        gc.unfreeze()
        gc.collect()
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if enabled:
            gc.enable()


@contextmanager
def _the_run() -> Iterator[None]:
    """Give what was long-lived back to the garbage collector at the end.

    What the solve left in cycles, up to a gigabyte of HiGHS's, is found first: with the
    model out of the way that takes no time.
    """
    try:
        yield
    finally:
        gc.collect()
        gc.unfreeze()


def run(
    casefile: CaseFile,
    *,
    out: Path | None = None,
    on_progress: Callable[[Stage], None] = lambda stage: None,
    stop: Callable[[], bool] = lambda: False,
    reuse: Path | None = None,
    say: Callable[[str], None] = lambda line: None,
    held: Sizes | None = None,
    read_inputs: Callable[[Case, Path], Inputs] | None = None,
    built: Built | None = None,
    why: Callable[[Case], Relaxed] | None = None,
    finish: Callable[[Path], None] | None = None,
) -> Outcome:
    """Size the plant of a case and write its run folder.

    Parameters
    ----------
    casefile : CaseFile
        A case that was read and checked.
    out : Path, optional
        Write exactly there; without it, ``results/<case>/<run id>``.
    on_progress : callable
        Called at each stage and as the solver moves.
    stop : callable
        Once true, the best plant so far is taken.
    reuse : Path, optional
        The folder of a neighbouring run, or the file ``latest`` that names it, whose
        cuts and plant are a start.
    say : callable
        Called with a line for each round of a case with an uptime target.
    held : mapping, optional
        Technology -> variable -> value, as in ``decisions.json``: sizes that are held,
        so that only dispatch is decided. An infeasible one is not explained.
    read_inputs : callable, optional
        Instead of :func:`energyopt.inputs.build_inputs`.
    built : Built, optional
        Keeps the model from one run to the next. The answer does not depend on it.
    why : callable, optional
        Says of an infeasible case what cannot be met, instead of
        :func:`energyopt.explain.least_values`, which takes a solve for each rule.
    finish : callable, optional
        Called with the run's folder before it is shown, to add what is made from it.
        Its time is in no stage of the summary.

    Returns
    -------
    Outcome
        Exit code 0, 5 (a limit was reached), 9 (a check failed) or 130.

    Raises
    ------
    EnergyoptError
        With the exit code that the command ends in.
    """
    from energyopt.explain import Relaxed
    from energyopt.inputs import build_inputs
    from energyopt.metrics import summary
    from energyopt.report import RunFolder, finite, terminal_table

    clock = _Clock(on_progress)
    case = casefile.case
    before = _kept(reuse)
    with _the_run(), RunFolder.open(casefile, out) as folder:
        clock.enter("inputs")
        inputs = (read_inputs or build_inputs)(case, casefile.base_dir)
        path = None
        try:
            if case.reliability.gpu_uptime_frac is None or held is not None:
                result = _solve(
                    case.in_time(), inputs, clock, stop, folder.log, before, held, built
                )
            else:
                result, path = _reach(
                    case.in_time(), inputs, clock, stop, folder.log, before, say
                )
        except UnreachableError as error:
            folder.write_infeasible(Relaxed(str(error).splitlines(), {}))
            raise
        except InfeasibleError as error:
            if held is not None:
                raise
            clock.enter("explain")
            from energyopt.explain import least_values

            found = why(case) if why else least_values(case.in_time(), inputs, stop)
            folder.write_infeasible(found)
            raise InfeasibleError("\n".join([str(error), *found.sentences])) from None
        told = summary(result, clock.report())
        if path is not None:
            told["uptime_target"] = path.document()
        if case.in_time().technologies != case.technologies and held is None:
            told["unconstrained"] = _unconstrained(
                case, inputs, clock, stop, folder.log
            )
        told["time_s"] = clock.report()
        if result.record.kept is not None and folder.log is not None:
            result.record.kept.save(folder.log.parent / KEPT)
        if finish is not None and not stop():
            on_progress(Stage("memo", clock.elapsed_s))
            written = folder.write(result, told, finish)
        else:
            written = folder.write(result, told)
        missed = path is not None and not path.met
        return Outcome(
            summary=finite(told),
            folder=written,
            table=terminal_table(told, casefile, written),
            exit_code=_exit_code(result) or (5 if missed else 0),
            next_command=_next_command(casefile),
        )


def _kept(folder: Path | None) -> Kept | None:
    """Return what a run kept for its neighbours."""
    from zipfile import BadZipFile

    from energyopt.solve.reuse import Kept

    if folder is None:
        return None
    try:
        folder = run_folder(folder)
        return Kept.load(folder / KEPT)
    except FileNotFoundError:
        raise DataError(
            f"{folder}: no {KEPT} there; a run that was solved by periods has one"
        ) from None
    except (OSError, KeyError, ValueError, BadZipFile) as error:
        raise DataError(f"{folder / KEPT}: cannot be read ({error})") from None


def _solve(
    case: Case,
    inputs: Inputs,
    clock: _Clock,
    stop: Callable[[], bool],
    log: Path | None,
    before: Kept | None = None,
    held: Sizes | None = None,
    built: Built | None = None,
    needs: Needs | None = None,
    seen: Callable[[PlantModel], None] = lambda plant: None,
) -> Result:
    """Build, solve, price and verify one plant; ``seen`` gets it before the solve."""
    from energyopt.marginal import marginal_prices
    from energyopt.online import bound_lost_usd_per_yr
    from energyopt.results import read_result
    from energyopt.solve import at_point, solve_model

    clock.enter("build")
    with _long_lived():
        plant, compiled = (built or Built()).make(case, inputs, held, needs)
        seen(plant)
    clock.enter("solve")
    record = solve_model(
        plant.m,
        compiled=compiled,
        method=case.solve.method,
        gap_frac=case.solve.gap_frac,
        time_limit_s=case.solve.time_limit_s,
        threads=case.solve.threads,
        seed=case.solve.seed,
        log_path=log,
        on_progress=clock.solving,
        stop=stop,
        before=before,
        keep=True,
    )
    if before is not None and needs is None:
        # A neighbour's plant may do; its sizes are settled anew at these prices.
        clock.enter("prices")
        shadow, power = marginal_prices(plant, compiled, keep_point=True)
        clock.enter("verify")
        result = read_result(plant, at_point(record, compiled))
        lost = bound_lost_usd_per_yr(plant, compiled)
    else:
        clock.enter("verify")
        with ThreadPoolExecutor(max_workers=1) as beside:
            prices = beside.submit(marginal_prices, plant, compiled)
            behind = beside.submit(bound_lost_usd_per_yr, plant, compiled)
            result = read_result(plant, record)
            clock.enter("prices")
            shadow, power = prices.result()
            lost = behind.result()
    clock.leave()
    return replace(
        result,
        shadow_prices=shadow,
        power_price_usd_per_mwh=power,
        bound_lost_to_online_usd_per_yr=lost,
    )


def _reach(
    case: Case,
    inputs: Inputs,
    clock: _Clock,
    stop: Callable[[], bool],
    log: Path | None,
    before: Kept | None,
    say: Callable[[str], None],
) -> tuple[Result, Reached]:
    """Size, sample and size again until the uptime target is met."""
    from energyopt.uptime.closing import SECONDS
    from energyopt.uptime.path_text import round_line
    from energyopt.uptime.sample import worker_pool
    from energyopt.uptime.target import Loop, reach

    kept = [before]

    def size(needs: Needs, seen: Callable[[PlantModel], None]) -> Result:
        asked = case
        if needs.fixed:  # a plant to be looked at, not to be sized
            limit = {"time_limit_s": min(case.solve.time_limit_s, SECONDS)}
            asked = case.model_copy(
                update={"solve": case.solve.model_copy(update=limit)}
            )
        result = _solve(
            asked, inputs, clock, stop, log, kept[0], needs=needs, seen=seen
        )
        if not needs.fixed:
            kept[0] = result.record.kept or kept[0]
        return replace(result, case=case)

    with worker_pool(case.solve.threads or os.cpu_count() or 1) as pool:
        loop = Loop(
            case,
            size,
            pool,
            on_stage=clock.enter,
            on_round=lambda done: say(round_line(done)),
            stop=stop,
        )
        return reach(loop)


def _unconstrained(
    case: Case,
    inputs: Inputs,
    clock: _Clock,
    stop: Callable[[], bool],
    log: Path | None,
) -> dict[str, Any]:
    """Return the plant without lead times, to be shown beside the one in time."""
    from energyopt.metrics import summary

    try:
        return summary(_solve(case, inputs, clock, stop, log), clock.report())
    except EnergyoptError as error:
        return {"status": type(error).__name__, "message": str(error)}


def _exit_code(result: Result) -> int:
    if not result.verified:
        return 9
    return {"optimal": 0, "limit": 5, "interrupted": 130}[result.record.status]


def _next_command(casefile: CaseFile) -> str:
    """Return the same command again, --quick and every --set in it, with dearer gas."""
    import shlex

    from energyopt.casefile import QUICK

    dearer, sets = "gas.hub_usd_per_mmbtu", casefile.sets
    quick = sets[: len(QUICK)] == QUICK
    own = sets[len(QUICK) :] if quick else sets
    kept = [text for text in own if text.partition("=")[0].strip() != dearer]
    gas = casefile.case.gas.hub_usd_per_mmbtu
    words = [casefile.path.as_posix(), *(["--quick"] if quick else [])]
    for text in [*kept, f"{dearer}={gas + 1:g}"]:
        words += ["--set", text]
    return f"python -m energyopt {shlex.join(words)}   # a dollar more for gas"
