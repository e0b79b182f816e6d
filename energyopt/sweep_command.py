"""``energyopt sweep``: its arguments, and what it prints."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from energyopt.arguments import AsJson, Quiet, RetryFailed, Scheduler, Workers
from energyopt.commands import add_memo
from energyopt.console import note, reported
from energyopt.progress import Interrupt, Progress

if TYPE_CHECKING:
    from energyopt.sweep.asked import Asked
    from energyopt.sweep.run import How, Swept

SHOWN = 12  # failures told on stderr at the end; all are in the table


def sweep(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="CASE|SWEEP", help="Case file, or sweep file.", show_default=False
        ),
    ],
    sets: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="PATH=V1,V2,...",
            help="Values of the case to try: a=1,2,3 or b=range(2,6,0.5), both ends in "
            "it; all combinations. One value: for all points.",
        ),
    ] = None,
    fixed_design: Annotated[
        bool,
        typer.Option(
            "--fixed-design",
            help="Beside each point sized anew, the base plant dispatched in it.",
        ),
    ] = False,
    frontier: Annotated[
        str | None,
        typer.Option(
            "--frontier",
            metavar="LIMIT",
            help="Go along limits.co2_t_per_yr (or water_m3_per_yr, "
            "renewable_share_frac, ...) from none to the strictest possible; "
            "reliability.gpu_uptime_frac in equal steps of nines.",
        ),
    ] = None,
    levels: Annotated[
        str | None,
        typer.Option(
            "--at", metavar="V1,V2,...", help="Of the frontier, instead of equal steps."
        ),
    ] = None,
    number: Annotated[
        int, typer.Option("--points", min=2, max=1000, help="Of the frontier.")
    ] = 6,
    alternatives: Annotated[
        float | None,
        typer.Option(
            "--alternatives",
            metavar="PERCENT",
            min=0,
            help="The least and the most of each technology, so much dearer at most.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Its folder, instead of results/NAME/sweep."),
    ] = None,
    workers: Workers = 0,
    scheduler: Scheduler = None,
    retry_failed: RetryFailed = False,
    no_memo: Annotated[
        bool, typer.Option("--no-memo", help="Leave the memo out of the folder.")
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Solve a case at many points; what is done is not done again.

    Points that fail or are infeasible are listed with their reason; the others go on.
    Ctrl-C, or any other end, loses only the points that were being solved.
    """
    code = 0
    told: list[dict[str, Any]] = []
    with reported(told.append) as failed:
        from energyopt.sweep.run import How

        asked = _asked(file, sets or [], fixed_design)
        if alternatives is not None:
            asked = replace(asked, near_frac=alternatives / 100)
        if frontier is not None and asked.paths:
            raise typer.BadParameter("--frontier goes with single values of --set")
        if levels is not None and frontier is None:
            raise typer.BadParameter("--at goes with --frontier")
        how = How(out, workers, scheduler, retry_failed)
        along = Line(frontier, number, _levels(levels)) if frontier else None
        done = _swept(asked, how, quiet, along)
        code = done.exit_code
        told.append(_document(done))
        for line in done.failures[:SHOWN]:
            note(line)
        if len(done.failures) > SHOWN:
            note(f"and {len(done.failures) - SHOWN:,} more, in the table")
        add_memo(done.folder, wanted=done.complete and not no_memo)
        if not as_json:
            _print(done)
    if as_json and told:
        typer.echo(json.dumps(told[0], indent=2, allow_nan=False))
    raise typer.Exit(failed.exit_code or code)


def _asked(file: Path, sets: list[str], fixed_design: bool) -> Asked:
    """Return what the file, or the command line, asks for."""
    from energyopt.sweep.asked import asked_in_file, asked_on_line, is_sweep

    if not is_sweep(file):
        designs = ("reoptimised", "fixed") if fixed_design else ("reoptimised",)
        return asked_on_line(file, sets, designs)  # type: ignore[arg-type]
    if sets or fixed_design:
        raise typer.BadParameter(
            f"{file} says itself what is varied; --set and --fixed-design go with a case"
        )
    return asked_in_file(file)


def _levels(text: str | None) -> list[float]:
    """Return the numbers of ``--at``."""
    from energyopt.sweep.asked import split_at_commas

    try:
        return [float(word) for word in split_at_commas(text)] if text else []
    except ValueError:
        raise typer.BadParameter(
            f"--at takes numbers with commas between (got '{text}')"
        ) from None


class Line(NamedTuple):
    """The line of a frontier."""

    limit: str
    number: int
    levels: list[float]


def _swept(asked: Asked, how: How, quiet: bool, line: Line | None) -> Swept:
    """Run a sweep, its progress shown and Ctrl-C heard."""
    from energyopt.sweep.run import sweep, sweep_frontier
    from energyopt.sweep.told import Board

    keeps = "stopping; what is done is kept"
    with Progress(quiet) as progress, Interrupt(progress, keeps) as stop:
        board = Board(progress)
        if line is None:
            return sweep(asked, how, on_progress=board, stop=stop)
        return sweep_frontier(
            asked,
            line.limit,
            line.number,
            how,
            levels=line.levels,
            on_progress=board,
            stop=stop,
        )


def _document(done: Swept) -> dict[str, Any]:
    """Return the table for ``--json``."""
    from energyopt.report import finite

    return {
        "status": {0: "done", 8: "some_failed", 130: "interrupted"}[done.exit_code],
        "exit_code": done.exit_code,
        "folder": done.folder.as_posix(),
        "solved_now": done.solved_now,
        "failures": done.failures,
        "points": finite(done.table.to_dict(orient="records")),
    }


def _print(done: Swept) -> None:
    """Print the table's first columns, and where the whole of it is."""
    from energyopt.memo.swept import kept_plants
    from energyopt.sweep.shown import terminal_lines

    for line in terminal_lines(done.table, done.points):
        typer.echo(line)
    if kept := kept_plants(done.table):
        typer.echo(kept)
    there = len(done.points.runs)
    typer.echo(f"{there:,} runs, {done.solved_now:,} of them solved now")
    typer.echo(f"Written to {done.folder / 'table.csv'} and table.nc")
    if (done.folder / "memo.html").is_file():
        typer.echo(f"Memo: {done.folder / 'memo.html'}")
