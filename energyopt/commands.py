"""What commands do: with cases, and ``uptime`` and ``foresight`` with a sized plant."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import typer

from energyopt.console import error_document, error_lines, note, print_error
from energyopt.errors import CaseError, EnergyoptError, NoSolutionError
from energyopt.progress import LINE_EVERY_S, Interrupt, Progress

if TYPE_CHECKING:
    from energyopt.case import Case
    from energyopt.casefile import CaseFile
    from energyopt.inputs import Inputs
    from energyopt.pipeline import Outcome
    from energyopt.sweep.options import Option

Finish = Callable[[Path], None]
"""What is added to a run's folder before it is shown."""
INTERRUPTED = {"status": "interrupted", "exit_code": 130, "errors": []}
"""What ``--json`` says of a case that was not begun."""


def read_all(
    paths: Sequence[Path], sets: Sequence[str], quick: bool = False
) -> list[CaseFile]:
    """Return every case, read before the first solve, so that all faults come at once.

    What ``--quick`` sets comes first, so that a ``--set`` wins over it.
    """
    from energyopt.casefile import QUICK, read_case

    found, faults = [], []
    for path in paths:
        try:
            found.append(read_case(path, [*(QUICK if quick else ()), *sets]))
        except CaseError as error:
            faults += error_lines(error)
    if faults:
        raise CaseError("\n".join(dict.fromkeys(faults)))
    return found


class Ended(NamedTuple):
    """How the run of one case ended."""

    exit_code: int
    document: dict[str, Any]  # for --json: the summary, or what went wrong
    outcome: Outcome | None
    interrupted: bool


def solve_one(
    casefile: CaseFile,
    out: Path | None,
    quiet: bool,
    reuse: Path | None = None,
    *,
    finish: Finish | None = None,
) -> Ended:
    """Run one case, its progress shown and Ctrl-C heard.

    ``finish`` adds to its folder before that is shown.
    """
    from energyopt.pipeline import run

    if casefile.case.draft and not quiet:
        note("DRAFT: a few representative weeks stand for the year")
    with Progress(quiet) as progress, Interrupt(progress) as stop:
        try:
            with redirect_stdout(sys.stderr):  # stdout is for results alone
                outcome = run(
                    casefile,
                    out=out,
                    on_progress=progress,
                    stop=stop,
                    reuse=reuse,
                    say=(lambda line: None) if quiet else progress.say,
                    finish=finish,
                )
        except EnergyoptError as error:
            progress.stop()
            print_error(error)
            document = error_document(error) | {"case": casefile.case.name}
            if stop() and error.exit_code == NoSolutionError.exit_code:
                document["exit_code"] = 130
            return Ended(document["exit_code"], document, None, stop())
        code = 130 if stop() and outcome.exit_code == 5 else outcome.exit_code
        return Ended(code, outcome.summary, outcome, stop())


def nines_of(
    case: Path,
    targets: Sequence[float],
    sets: Sequence[str],
    quick: bool,
    out: Path | None,
    quiet: bool,
) -> dict[str, Any]:
    """Size a case for each uptime, one run folder each; return the cost of a nine."""
    from energyopt.nines import Solved, cost_of_nines
    from energyopt.pipeline import KEPT

    def solve(target: float, before: Path | None) -> Solved:
        goal = f"reliability.gpu_uptime_frac={target!r}"
        [casefile] = read_all([case], [*sets, goal], quick)
        folder = None if out is None else out / f"{100 * target:g}"
        reuse = before if before and (before / KEPT).is_file() else None
        ended = solve_one(casefile, folder, quiet, reuse)
        written = ended.outcome.folder if ended.outcome else None
        return Solved(ended.exit_code, ended.document, written)

    return cost_of_nines(targets, solve)


def validate_one(casefile: CaseFile, quiet: bool) -> int:
    """Read a case's inputs, look for what cannot be; return the exit code."""
    from energyopt.doctor import examine_case
    from energyopt.inputs import build_inputs

    with redirect_stdout(sys.stderr):
        inputs = build_inputs(casefile.case, casefile.base_dir)
    code = 0
    for found in examine_case(casefile.case, inputs):
        if found.exit_code or not quiet:
            mark = "" if found.exit_code else "note: "
            note(f"{casefile.path}: {mark}{found.name}: {found.text}")
        code = code or found.exit_code
    if not code:
        names = ", ".join(casefile.case.technologies)
        hours = f"{inputs.data.sizes['time']:,} hours"
        typer.echo(f"{casefile.path}: valid; {hours}; {names}")
        for text in () if quiet else inputs.notes:
            note(f"{casefile.path}: note: {text}")
    return code


def add_memo(
    folder: Path,
    *,
    wanted: bool = True,
    options: tuple[Sequence[Option], str | None] | None = None,
) -> None:
    """Write the memo into the folder of a run or a sweep; what goes wrong is told.

    A memo can be made again from the folder: it is never a reason to lose one. Where
    none is ``wanted``, one that is there, of a sweep as it was before, is removed.
    ``options`` are what the plant is compared with, and the name of the base case.
    """
    from energyopt.memo.write import USUAL, remove_memo, write_memo, write_options

    if not wanted:
        remove_memo(folder)
        return
    try:
        if options is not None:
            write_options(folder, [vars(option) for option in options[0]], options[1])
        write_memo([folder], USUAL)
    except EnergyoptError as error:  # such as a sweep whose base has no plant
        remove_memo(folder)
        note(f"no memo was written: {error_lines(error)[0]}")
    except Exception as error:  # whatever it is, the run is there
        remove_memo(folder)
        told = error_lines(error)[0] if str(error) else type(error).__name__
        note(f"no memo was written: {told}; energyopt report makes it again")


def options_beside(
    casefile: CaseFile, out: Path | None, quiet: bool, base: str | None
) -> Finish | None:
    """Solve what a case is compared with; return what adds that to its run folder.

    ``None`` where Ctrl-C was pressed: what is solved is kept, and found again.
    """
    from energyopt.inputs import build_inputs
    from energyopt.sweep.options import base_of, choices, solve_options
    from energyopt.sweep.told import Board

    names = [choice.name for choice in choices(casefile.case) if choice.kept]
    if base is not None and base not in names:
        raise CaseError(f"--base {base}: the options of this case: {', '.join(names)}")
    home = Path("results") / casefile.case.name / "options"
    folder = home if out is None else out.with_name(f"{out.name}.options")
    with redirect_stdout(sys.stderr):
        inputs = build_inputs(casefile.case, casefile.base_dir)
    keeps = "stopping; options that are solved are kept"
    with Progress(quiet) as progress, Interrupt(progress, keeps) as stop:
        found = solve_options(
            casefile,
            folder,
            refuse=lambda case: _certain_fault(case, inputs),
            on_progress=Board(progress),
            stop=stop,
        )
        if stop():
            return None
    for option in found:
        if option.folder is None and not quiet:
            note(f"{option.label}: {option.status}: {option.reason}")
    named = base_of(found, base)
    if base is not None and named is None:
        note(f"--base {base} has no plant; {base_of(found)} stands in its place")
    return lambda run: add_memo(run, options=(found, named or base_of(found)))


def _certain_fault(case: Case, inputs: Inputs) -> str | None:
    """Return why no plant can meet a case, where that is certain without a solve."""
    from energyopt.doctor import examine_case

    faults = [f for f in examine_case(case, inputs) if f.exit_code]
    return "; ".join(f"{fault.name}: {fault.text}" for fault in faults) or None


def memo_of(
    runs: Sequence[Path],
    formats: str,
    out: Path | None,
    base: str | None = None,
    one_page: bool = False,
) -> list[Path]:
    """Write the memo of saved runs in each of the formats named, with commas."""
    from energyopt.memo.write import FORMATS, write_memo

    wanted = ["md"] if one_page else [name.strip() for name in formats.split(",")]
    for name in wanted:
        if name not in FORMATS:
            raise typer.BadParameter(
                f"'{name}' is none of {', '.join(FORMATS)}", param_hint="--format"
            )
    return write_memo(runs, wanted, out, base=base, one_page=one_page)


# Uptime --------------------------------------------------------------------------------


class Told(NamedTuple):
    """An answer, as JSON and as text."""

    document: dict[str, Any]
    text: str


def uptime_of_system(
    units: str, load: str, years: int, seed: int, workers: int, quiet: bool
) -> Told:
    """Return the uptime of a textbook system, its notes told on stderr."""
    from energyopt.uptime.systems import read_system
    from energyopt.uptime.textbook import answer, text

    document = answer(
        read_system(units, load),
        years=years,
        seed=seed,
        workers=workers,
        on_progress=_years_done(years, quiet),
    )
    for told in () if quiet else document["notes"]:
        note(f"note: {told}")
    return Told(document, text(document))


def uptime_of_plant(
    run: Path, years: int, seed: int, workers: int, quiet: bool
) -> Told:
    """Return the uptime of a sized plant from its run folder.

    The sampler's answer has a ``document`` for ``--json`` and a ``text``.
    """
    sample = importlib.import_module("energyopt.uptime.sample")
    found = sample.uptime_of_run(run, years, seed, workers, _years_done(years, quiet))
    return Told(found.document, found.text)


def foresight_of_plant(
    run: Path, forecast: str, window_h: int, step_h: int, seed: int, quiet: bool
) -> Told:
    """Return what a sized plant costs more when the next day is not known."""
    foresight = importlib.import_module("energyopt.uptime.foresight")
    ask = foresight.Ask(forecast, window_h, step_h, seed)
    found = foresight.foresight_of_run(run, ask, _hours_done(quiet))
    return Told(found.document, found.text)


def _hours_done(quiet: bool) -> Callable[[int, int], None]:
    """Return what says, every ten seconds, how many hours are dispatched."""
    begun = [time.monotonic()]

    def say(done: int, of: int) -> None:
        if not quiet and time.monotonic() - begun[0] > LINE_EVERY_S and done < of:
            begun[0] = time.monotonic()
            note(f"{done:,} of {of:,} hours dispatched")

    return say


def _years_done(years: int, quiet: bool) -> Callable[[int], None]:
    """Return what says, every ten seconds, how many years are sampled."""
    begun = [time.monotonic()]

    def say(done: int) -> None:
        if not quiet and time.monotonic() - begun[0] > LINE_EVERY_S and done < years:
            begun[0] = time.monotonic()
            note(f"{done:,} of {years:,} years sampled")

    return say
