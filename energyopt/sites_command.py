"""``energyopt sites``: its arguments, and what it prints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from energyopt.arguments import AsJson, Quiet, RetryFailed, Scheduler, Workers
from energyopt.console import reported
from energyopt.progress import Interrupt, Progress

if TYPE_CHECKING:
    from energyopt.sweep.asked import Asked
    from energyopt.sweep.ranking import Ranked
    from energyopt.sweep.run import How, Swept


def sites(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="SITES", help="File of candidate sites.", show_default=False
        ),
    ],
    sets: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="PATH=VALUE", help="Change a value, at every site."
        ),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="DRAFTS: 4 representative weeks each.")
    ] = False,
    alike: Annotated[
        bool,
        typer.Option(
            "--alike",
            help="Bring all to the weaker kind of data: flat prices where some are "
            "flat, no wind where some have none.",
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Its folder, instead of results/NAME/sites."),
    ] = None,
    workers: Workers = 0,
    scheduler: Scheduler = None,
    retry_failed: RetryFailed = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Size the same data center at each of several sites, and rank them by LCOE.

    Sites whose data differ in kind (real or typical weather, hourly or flat prices,
    wind offered or not) are ranked apart. What is done is not done again.
    """
    code = 0
    told: list[dict[str, Any]] = []
    with reported(told.append) as failed:
        from energyopt.sweep.ranking import ranked, write_sites
        from energyopt.sweep.run import How
        from energyopt.sweep.sites import read_sites
        from energyopt.sweep.store import Store

        asked = read_sites(file, sets or (), quick)
        _look_at_data(asked)
        if alike:
            asked = _alike(asked)
        folder = out or Path("results") / asked.name / "sites"
        done = _swept(asked, How(folder, workers, scheduler, retry_failed), quiet)
        found = ranked(done.points, Store.open(folder))
        path = write_sites(folder, found)
        code = done.exit_code
        told.append(_document(done, found))
        if not as_json:
            _print(done, found, path)
    if as_json and told:
        typer.echo(json.dumps(told[0], indent=2, allow_nan=False))
    raise typer.Exit(failed.exit_code or code)


def _look_at_data(asked: Asked) -> None:
    """Read the head of every table before the first solve."""
    from energyopt.sweep.points import points_of
    from energyopt.sweep.provenance import kinds_of, sources_of

    for row in points_of(asked).rows:
        kinds_of(row.point.casefile)
        sources_of(row.point.casefile)


def _alike(asked: Asked) -> Asked:
    """Return the same sites on the weaker kind of data."""
    from energyopt.sweep.points import points_of
    from energyopt.sweep.sites import alike

    rows = points_of(asked).rows
    return alike(asked, {row.point.label: row.point.casefile for row in rows})


def _swept(asked: Asked, how: How, quiet: bool) -> Swept:
    """Size every site that is not in the folder yet; Ctrl-C is heard."""
    from energyopt.sweep.run import sweep
    from energyopt.sweep.told import Board

    keeps = "stopping; what is done is kept"
    with Progress(quiet) as progress, Interrupt(progress, keeps) as stop:
        return sweep(asked, how, on_progress=Board(progress), stop=stop)


def _document(done: Swept, found: Ranked) -> dict[str, Any]:
    """Return the ranked sites for ``--json``."""
    from energyopt.report import finite

    groups = []
    for kinds, group in found.groups():
        plain = group.astype(object).where(group.notna(), None)
        groups.append(
            {"kinds": kinds, "sites": finite(plain.to_dict(orient="records"))}
        )
    return {
        "status": {0: "done", 8: "some_failed", 130: "interrupted"}[done.exit_code],
        "exit_code": done.exit_code,
        "folder": done.folder.as_posix(),
        "solved_now": done.solved_now,
        "failures": done.failures,
        "groups": groups,
        "notes": found.notes,
    }


def _print(done: Swept, found: Ranked, path: Path) -> None:
    """Print the ranked groups, and where the whole of it is."""
    from energyopt.sweep.ranking import terminal_lines

    for line in terminal_lines(found, done.points):
        typer.echo(line)
    there = len(done.points.runs)
    typer.echo(f"{there:,} sites, {done.solved_now:,} of them solved now")
    typer.echo(f"Written to {path}; the run folder of each site is in its column run")
