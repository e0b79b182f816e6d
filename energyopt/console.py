"""What the command says: faults with their exit code, the log, tables."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from energyopt import __version__
from energyopt.errors import EnergyoptError

if TYPE_CHECKING:
    from rich.console import Console

    from energyopt.casefile import CaseFile
    from energyopt.pipeline import Outcome

TABLE_WIDTH = 100  # columns, where no terminal sets them


def note(text: str) -> None:
    """Print to stderr."""
    typer.echo(text, err=True)


# Faults --------------------------------------------------------------------------------


class Failed:
    """How a block under :func:`reported` ended."""

    exit_code = 0


@contextmanager
def reported(
    record: Callable[[dict[str, Any]], None] = lambda told: None,
) -> Iterator[Failed]:
    """Turn an error into its lines on stderr and its exit code; never a traceback."""
    failed = Failed()
    try:
        yield failed
    except (typer.Exit, typer.Abort, typer.BadParameter):
        raise
    except EnergyoptError as error:
        failed.exit_code = error.exit_code
        print_error(error)
        record(error_document(error))
    except KeyboardInterrupt:
        failed.exit_code = 130
        note("interrupted")
        record({"status": "interrupted", "exit_code": 130, "errors": []})
    except BrokenPipeError:  # the reader of our output went away: no fault of anyone
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    except MemoryError:
        failed.exit_code = 6
        note("out of memory; --quick needs much less")
    except Exception as error:
        failed.exit_code = 1
        path = _write_traceback(error)
        told = "\n".join(error_lines(error))
        note(f"a bug in energyopt, not in your case: {type(error).__name__}: {told}")
        note(f"the traceback is in {path}; please report it")
        record({"status": "bug", "exit_code": 1, "errors": error_lines(error)})


def error_lines(error: Exception) -> list[str]:
    """Return an error's message and what was noted on it, line by line."""
    return "\n".join([str(error), *getattr(error, "__notes__", [])]).splitlines()


def print_error(error: Exception) -> None:
    """Print an error to stderr."""
    note("\n".join(error_lines(error)))


def error_document(error: EnergyoptError) -> dict[str, Any]:
    """Return what ``--json`` says in place of a summary."""
    status = type(error).__name__.removesuffix("Error").lower()
    return {
        "status": status,
        "exit_code": error.exit_code,
        "errors": error_lines(error),
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


# The log -------------------------------------------------------------------------------


@contextmanager
def logged(quiet: bool, verbose: bool, log_file: Path | None) -> Iterator[None]:
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


# Results -------------------------------------------------------------------------------


def print_outcome(outcome: Outcome) -> None:
    """Print the table, where the run folder is, and what to try next."""
    if outcome.exit_code == 9:
        note("the check of the answer failed; it is not to be used:")
        for name, check in outcome.summary.get("checks", {}).items():
            if not check["passed"]:
                note(f"  {name}: worst {check['worst']:g}")
    else:
        _console(TABLE_WIDTH).print(outcome.table)
    typer.echo(f"Written to {outcome.folder}")
    if (outcome.folder / "memo.html").is_file():
        typer.echo(f"Memo: {outcome.folder / 'memo.html'}")
    if outcome.exit_code == 0:
        typer.echo(f"Next: {outcome.next_command}")


def _console(width: int) -> Console:
    """Return a console on stdout; without a terminal it has ``width`` columns."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else width)


def print_values(casefile: CaseFile) -> None:
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
        note(f"{low} values are of LOW CONFIDENCE")
    note("defaults are shown by --resolved")
