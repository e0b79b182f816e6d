"""The command: ``python -m energyopt CASE``, or ``energyopt`` once installed.

Results go to standard output, everything else to standard error. The libraries behind a
solve take seconds to import, so each command imports what it uses itself.
"""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TextIO

import typer
from typer.core import TyperGroup

from energyopt import __version__
from energyopt.errors import CaseError, EnergyoptError, NoSolutionError

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import Console
    from rich.live import Live

    from energyopt.casefile import CaseFile
    from energyopt.pipeline import Outcome, Stage

SCHEMA_FILE = "energyopt.schema.json"
SCHEMA_LINE = f"# yaml-language-server: $schema={SCHEMA_FILE}"
QUICK = ("horizon.kind=weeks", "solve.gap_frac=0.01")
TABLE_WIDTH = 100  # columns, where no terminal sets them
LINE_EVERY_S = 10.0

EXIT_CODES = """Exit codes:
0 done within the gap
1 a bug in energyopt (the traceback is in a file)
2 wrong usage
3 the case, or a --set, is wrong or missing
4 infeasible: no plant meets every limit
5 a limit of time was reached; the plant found so far was written
6 a limit was reached without a plant, or the solver failed
7 data missing or out of range
9 the check of the answer failed: do not use it
130 interrupted; Ctrl-C once keeps the best plant so far, twice ends at once
"""


class DefaultsToSolve(TyperGroup):
    """Commands of which ``solve`` may be left out: ``energyopt cases/pecos.yaml``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put ``solve`` in front of a case file, or of an option that is solve's."""
        own = {name for param in self.get_params(ctx) for name in param.opts}
        if args and args[0] not in self.commands:
            first = args[0]
            case = first.endswith((".yaml", ".yml")) or Path(first).exists()
            option = first.startswith("-") and first.partition("=")[0] not in own
            if case or option:
                args = ["solve", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=DefaultsToSolve,
    help="Size the power plant of an AI data center against every hour of a real year.\n\n"
    "`energyopt CASE` is short for `energyopt solve CASE`.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

Cases = Annotated[
    list[Path],
    typer.Argument(metavar="CASE", help="Case files.", show_default=False),
]
OneCase = Annotated[
    Path, typer.Argument(metavar="CASE", help="Case file.", show_default=False)
]
Sets = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="Change a value of the case, as YAML; repeatable. "
        "technologies.wind=null removes a technology.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="No progress.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Say more on stderr.")]


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"energyopt {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_version),
    ] = False,
) -> None:
    pass


# Commands ------------------------------------------------------------------------------


@app.command(epilog=EXIT_CODES)
def solve(
    cases: Cases,
    sets: Sets = None,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="A DRAFT: a few representative weeks, gap 1 %."),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Write exactly there, not to results/CASE/RUN."),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    log_file: Annotated[
        Path | None, typer.Option("--log-file", help="Append the full log to a file.")
    ] = None,
) -> None:
    """Size the plant of each case, print it and write its run folder."""
    if out is not None and len(cases) > 1:
        raise typer.BadParameter("--out takes one case", param_hint="--out")
    documents: list[dict[str, Any]] = []
    code = 0
    with _reported(lambda told: documents.append(told) if as_json else None) as failed:
        changes = [*(QUICK if quick else ()), *(sets or ())]
        for casefile in _read_all(cases, changes):
            with _logging(quiet, verbose, log_file):
                ended = _solve_one(casefile, out, quiet)
            documents.append(ended.document)
            if ended.outcome is not None and not as_json:
                _print_outcome(ended.outcome)
            code = code or ended.exit_code
            if ended.interrupted:
                break
    if as_json:
        document = documents[0] if len(cases) == 1 and documents else documents
        typer.echo(json.dumps(document, indent=2, allow_nan=False))
    raise typer.Exit(failed.exit_code or code)


@app.command()
def validate(cases: Cases, sets: Sets = None, quiet: Quiet = False) -> None:
    """Check each case, its data, and that it can be met at all, without a solve."""
    code = 0
    with _reported() as failed:
        for casefile in _read_all(cases, sets or ()):
            code = code or _validate_one(casefile, quiet)
    raise typer.Exit(failed.exit_code or code)


@app.command()
def show(
    case: OneCase,
    sets: Sets = None,
    resolved: Annotated[
        bool,
        typer.Option(
            "--resolved", help="The complete case as YAML, defaults included."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show a case's values and where each comes from; low confidence is marked."""
    with _reported() as failed:
        from energyopt import casefile as reading

        casefile = reading.read_case(case, sets or ())
        if as_json:
            shown = {
                path: {"value": value} | vars(casefile.origins[path])
                for path, value in reading.values(casefile).items()
            }
            typer.echo(json.dumps(shown, indent=2))
        elif resolved:
            typer.echo(reading.resolved_yaml(casefile), nl=False)
        else:
            _print_values(casefile)
    raise typer.Exit(failed.exit_code)


@app.command()
def new(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Of the case; NAME.yaml is written.")
    ],
    source: Annotated[
        str, typer.Option("--from", metavar="CASE", help="Packaged case to start from.")
    ] = "pecos",
) -> None:
    """Copy a commented case to NAME.yaml, to be changed; nothing is overwritten."""
    with _reported() as failed:
        from energyopt.casefile import packaged

        path = Path(name if name.endswith((".yaml", ".yml")) else f"{name}.yaml")
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", path.stem):
            raise typer.BadParameter("a name is letters, digits, '_', '-' and '.'")
        known = sorted(found.stem for found in packaged("cases").glob("*.yaml"))
        if source not in known:
            raise typer.BadParameter(
                f"no case '{source}' is packaged; there are {', '.join(known)}"
            )
        original = packaged("cases", f"{source}.yaml").read_text(encoding="utf-8")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(_renamed(original, path.stem))
        except FileExistsError:
            raise typer.BadParameter(f"{path} exists; it is left as it is") from None
        schema_path = path.parent / SCHEMA_FILE
        if not schema_path.exists():
            _write_schema(schema_path)
        typer.echo(f"Written to {path}")
        typer.echo(f"Next: energyopt validate {path}")
    raise typer.Exit(failed.exit_code)


@app.command()
def schema(
    write: Annotated[
        Path | None,
        typer.Option(
            "--write", metavar="DIR", help=f"Write DIR/{SCHEMA_FILE} instead."
        ),
    ] = None,
) -> None:
    """Print the JSON Schema of case files, for completion and hints in editors."""
    with _reported() as failed:
        from energyopt.casefile import json_schema

        if write is None:
            typer.echo(json.dumps(json_schema(), indent=2))
        else:
            write.mkdir(parents=True, exist_ok=True)
            _write_schema(write / SCHEMA_FILE)
            typer.echo(f"Written to {write / SCHEMA_FILE}")
            _note(f"Put this first in a case beside it: {SCHEMA_LINE}")
    raise typer.Exit(failed.exit_code)


@app.command()
def doctor() -> None:
    """Look at this installation: versions, solver, cores, memory, data."""
    code = 0
    with _reported() as failed:
        from energyopt.doctor import examine_machine

        for found in examine_machine():
            mark = "FAULT" if found.exit_code else "look " if found.warning else "ok   "
            typer.echo(f"{mark} {found.name:<10} {found.text}")
            code = code or found.exit_code
    raise typer.Exit(failed.exit_code or code)


# Behind them ---------------------------------------------------------------------------


class _Failed:
    """How a block under :func:`_reported` ended."""

    exit_code = 0


@contextmanager
def _reported(
    record: Callable[[dict[str, Any]], None] = lambda told: None,
) -> Iterator[_Failed]:
    """Turn an error into its lines on stderr and its exit code; never a traceback."""
    failed = _Failed()
    try:
        yield failed
    except (typer.Exit, typer.Abort, typer.BadParameter):
        raise
    except EnergyoptError as error:
        failed.exit_code = error.exit_code
        _note(str(error))
        record(_error_document(error))
    except KeyboardInterrupt:
        failed.exit_code = 130
        _note("interrupted")
        record({"status": "interrupted", "exit_code": 130, "errors": []})
    except BrokenPipeError:  # the reader of our output went away: no fault of anyone
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    except MemoryError:
        failed.exit_code = 6
        _note("out of memory; --quick needs much less")
    except Exception as error:
        failed.exit_code = 1
        path = _write_traceback(error)
        _note(f"a bug in energyopt, not in your case: {type(error).__name__}: {error}")
        _note(f"the traceback is in {path}; please report it")
        record({"status": "bug", "exit_code": 1, "errors": [str(error)]})


def _error_document(error: EnergyoptError) -> dict[str, Any]:
    """Return what ``--json`` says in place of a summary."""
    status = type(error).__name__.removesuffix("Error").lower()
    return {
        "status": status,
        "exit_code": error.exit_code,
        "errors": str(error).splitlines(),
    }


def _write_traceback(error: Exception) -> Path:
    """Write a traceback to a file here, or where temporary files go."""
    import tempfile
    import traceback

    text = f"energyopt {__version__}: {' '.join(sys.argv)}\n"
    text += "".join(traceback.format_exception(error))
    name = f"energyopt-bug-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    path = Path(name)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError:
        path = Path(tempfile.gettempdir()) / name
        path.write_text(text, encoding="utf-8")
    return path


def _note(text: str) -> None:
    """Print to stderr."""
    typer.echo(text, err=True)


def _read_all(paths: list[Path], sets: Any) -> list[CaseFile]:
    """Read every case before the first solve, so that all faults come at once."""
    from energyopt.casefile import read_case

    found, faults = [], []
    for path in paths:
        try:
            found.append(read_case(path, sets))
        except CaseError as error:
            faults.append(str(error))
    if faults:
        raise CaseError("\n".join(dict.fromkeys("\n".join(faults).splitlines())))
    return found


class _Ended(NamedTuple):
    """How the run of one case ended."""

    exit_code: int
    document: dict[str, Any]  # for --json: the summary, or what went wrong
    outcome: Outcome | None
    interrupted: bool


def _solve_one(casefile: CaseFile, out: Path | None, quiet: bool) -> _Ended:
    """Run one case, its progress shown and Ctrl-C heard."""
    from energyopt.pipeline import run

    if casefile.case.draft and not quiet:
        _note("DRAFT: a few representative weeks stand for the year")
    with _Progress(quiet) as progress, _Interrupt(progress) as stop:
        try:
            with redirect_stdout(sys.stderr):  # stdout is for results alone
                outcome = run(casefile, out=out, on_progress=progress, stop=stop)
        except EnergyoptError as error:
            progress.stop()
            _note(str(error))
            document = _error_document(error) | {"case": casefile.case.name}
            if stop() and error.exit_code == NoSolutionError.exit_code:
                document["exit_code"] = 130
            return _Ended(document["exit_code"], document, None, stop())
        code = 130 if stop() and outcome.exit_code == 5 else outcome.exit_code
        return _Ended(code, outcome.summary, outcome, stop())


def _print_outcome(outcome: Outcome) -> None:
    """Print the table, where the run folder is, and what to try next."""
    if outcome.exit_code == 9:
        _note("the check of the answer failed; it is not to be used:")
        for name, check in outcome.summary.get("checks", {}).items():
            if not check["passed"]:
                _note(f"  {name}: worst {check['worst']:g}")
    else:
        _console(TABLE_WIDTH).print(outcome.table)
    typer.echo(f"Written to {outcome.folder}")
    if outcome.exit_code == 0:
        typer.echo(f"Next: {outcome.next_command}")


def _console(width: int) -> Console:
    """Return a console on stdout; without a terminal it has ``width`` columns."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else width)


def _validate_one(casefile: CaseFile, quiet: bool) -> int:
    """Read a case's inputs, look for what cannot be; return the exit code."""
    from energyopt.doctor import examine_case
    from energyopt.inputs import build_inputs

    with redirect_stdout(sys.stderr):
        inputs = build_inputs(casefile.case, casefile.base_dir)
    code = 0
    for found in examine_case(casefile.case, inputs):
        if found.exit_code or not quiet:
            mark = "" if found.exit_code else "note: "
            _note(f"{casefile.path}: {mark}{found.name}: {found.text}")
        code = code or found.exit_code
    if not code:
        names = ", ".join(casefile.case.technologies)
        hours = f"{inputs.data.sizes['time']:,} hours"
        typer.echo(f"{casefile.path}: valid; {hours}; {names}")
        for text in () if quiet else inputs.notes:
            _note(f"{casefile.path}: note: {text}")
    return code


def _print_values(casefile: CaseFile) -> None:
    """Print what the case says, without defaults, and where each value comes from."""
    from rich.text import Text

    from energyopt.casefile import origin_text, values

    said = {
        path: value if isinstance(value, str) else json.dumps(value)
        for path, value in values(casefile).items()
        if casefile.origins[path].kind != "default"
    }
    wide = max(map(len, said))
    console = _console(TABLE_WIDTH)
    low = 0
    for path, value in said.items():
        origin = casefile.origins[path]
        doubtful = origin.confidence == "low"
        low += doubtful
        line = Text(f"{path:<{wide}}  {value:<24}  ")
        line.append(origin_text(origin), style="yellow" if doubtful else "")
        console.print(line, soft_wrap=True)
    if low:
        _note(f"{low} values are of LOW CONFIDENCE")
    _note("defaults are shown by --resolved")


def _renamed(text: str, name: str) -> str:
    """Return a packaged case under another name, with the editor's schema line."""
    lines = text.splitlines(keepends=True)
    if lines and lines[0].startswith("# yaml-language-server:"):
        del lines[0]
    text = "".join([f"{SCHEMA_LINE}\n", *lines])
    text = re.sub(r"(?m)^name:.*$", f"name: {name}", text, count=1)
    return re.sub(r"(?m)^base: *([\w.-]+)\.yaml", r"base: builtin:\1", text, count=1)


def _write_schema(path: Path) -> None:
    """Write the JSON Schema, whole or not at all."""
    from energyopt.casefile import json_schema

    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(json.dumps(json_schema(), indent=2) + "\n", encoding="utf-8")
    partial.replace(path)


@contextmanager
def _logging(quiet: bool, verbose: bool, log_file: Path | None) -> Iterator[None]:
    """Log to stderr, and to a file where one is asked for."""
    logger = logging.getLogger("energyopt")
    before = logger.level
    to_stderr = logging.StreamHandler()
    to_stderr.setLevel(
        logging.ERROR if quiet else logging.INFO if verbose else logging.WARNING
    )
    to_stderr.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    handlers: list[logging.Handler] = [to_stderr]
    if log_file is not None:
        try:
            to_file = logging.FileHandler(log_file, encoding="utf-8")
        except OSError as error:
            raise typer.BadParameter(f"{log_file}: {error.strerror}") from None
        to_file.setFormatter(logging.Formatter("%(asctime)s %(name)s %(message)s"))
        handlers.append(to_file)
    logger.setLevel(logging.DEBUG)
    for handler in handlers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        logger.setLevel(before)
        for handler in handlers:
            logger.removeHandler(handler)
            handler.close()


class _Progress:
    """What the solve is doing: a live line on a terminal, else a line every 10 s.

    It writes to a copy of stderr made beforehand, since file descriptors 1 and 2 are
    captured while HiGHS works.
    """

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self.stage: Stage | None = None
        self.began = time.monotonic()
        self.ended = threading.Event()
        self.live: Live | None = None
        self.file: TextIO = sys.stderr
        self.owned = False

    def __enter__(self) -> _Progress:
        with suppress(OSError, ValueError):  # no descriptor behind it, as under a test
            self.file = os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding="utf-8")
            self.owned = True
        if self.quiet:
            return self
        if self.file.isatty() and os.environ.get("TERM") != "dumb":
            from rich.console import Console
            from rich.live import Live
            from rich.text import Text

            self.live = Live(
                console=Console(file=self.file),
                get_renderable=lambda: Text(self.line(), no_wrap=True),
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self.live.start()
        else:
            threading.Thread(target=self._tick, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        if self.owned:
            self.file.close()

    def __call__(self, stage: Stage) -> None:
        """Take note of where the work is; a new stage gets a line at once."""
        begins = self.stage is None or stage.name != self.stage.name
        self.stage = stage
        if begins and self.live is None and not self.quiet:
            self.say(self.line())

    def line(self) -> str:
        """Return one line: stage, time, best plant, bound and gap."""
        stage = self.stage
        if stage is None:
            return ""
        parts = [f"{stage.name:<8}{time.monotonic() - self.began:6.0f} s"]
        if stage.incumbent_usd is not None:
            parts.append(f"best {stage.incumbent_usd / 1e6:,.2f} M$/yr")
        if stage.bound_usd is not None:
            parts.append(f"bound {stage.bound_usd / 1e6:,.2f} M$/yr")
        if stage.gap_frac is not None:
            parts.append(f"gap {stage.gap_frac:.2%}")
        return "  ".join(parts)

    def say(self, text: str) -> None:
        """Print a line, above the live one if there is one."""
        if self.live is not None:
            self.live.console.print(text, markup=False, highlight=False)
        else:
            print(text, file=self.file, flush=True)

    def stop(self) -> None:
        """Clear the live line and give the cursor back."""
        self.ended.set()
        if self.live is not None:
            self.live.stop()

    def _tick(self) -> None:
        while not self.ended.wait(LINE_EVERY_S):
            if self.stage is not None:
                self.say(self.line())


class _Interrupt:
    """Ctrl-C once makes ``stop()`` true; twice ends the process at once, with 130.

    A thread reads the signals: while HiGHS works the main one runs no Python.
    """

    def __init__(self, progress: _Progress) -> None:
        self.progress = progress
        self.asked = False
        self.active = threading.current_thread() is threading.main_thread()

    def __call__(self) -> bool:
        """Whether to stop and keep the best plant so far."""
        return self.asked

    def __enter__(self) -> _Interrupt:
        if self.active:
            self.reads, self.writes = socket.socketpair()
            self.writes.setblocking(False)
            self.handler = signal.signal(signal.SIGINT, lambda *_: None)
            self.wakeup = signal.set_wakeup_fd(
                self.writes.fileno(), warn_on_full_buffer=False
            )
            self.thread = threading.Thread(target=self._watch, daemon=True)
            self.thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.active:
            signal.set_wakeup_fd(self.wakeup)
            signal.signal(signal.SIGINT, self.handler)
            self.writes.close()
            self.thread.join()
            self.reads.close()

    def _watch(self) -> None:
        while number := self.reads.recv(1):
            if number[0] != signal.SIGINT:
                continue
            if self.asked:
                self.progress.stop()
                self.progress.say("ended at once; nothing was kept")
                os._exit(130)
            self.asked = True
            self.progress.say(
                "stopping with the best plant so far; Ctrl-C again: at once"
            )


def main() -> None:
    """Run the command."""
    app()


if __name__ == "__main__":
    main()
