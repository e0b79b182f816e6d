"""The command: ``python -m energyopt CASE``, or ``energyopt`` once installed.

Results go to standard output, everything else to standard error. The libraries behind a
solve take seconds to import, so each command imports what it uses itself.
"""

from __future__ import annotations

import gc
import json
import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from energyopt import __version__
from energyopt.arguments import AsJson, Quiet
from energyopt.commands import (
    INTERRUPTED,
    Finish,
    add_memo,
    foresight_of_plant,
    memo_of,
    nines_of,
    options_beside,
    read_all,
    solve_one,
    uptime_of_plant,
    uptime_of_system,
    validate_one,
)
from energyopt.console import logged, note, print_outcome, print_values, reported
from energyopt.sites_command import sites
from energyopt.sweep_command import sweep

EXIT_CODES = """Exit codes:
0 done within the gap
1 a bug in energyopt (the traceback is in a file)
2 wrong usage
3 the case, or a --set, is wrong or missing
4 infeasible: no plant meets every limit
5 a limit of time was reached; the plant found so far was written
6 a limit was reached without a plant, or the solver failed
7 data missing or out of range
8 a sweep is done; some points failed or are infeasible
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


class Forecast(StrEnum):
    """What ``foresight`` believes of the hours to come."""

    persistence = "persistence"
    day_ahead = "day-ahead"
    perfect = "perfect"


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

app.command(epilog=EXIT_CODES)(sweep)
app.command(epilog=EXIT_CODES)(sites)


@app.command(epilog=EXIT_CODES)
def solve(
    cases: Cases,
    sets: Sets = None,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick", help="A DRAFT: 4 representative weeks, gap 1 %, at most 60 s."
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Write exactly there, not to results/CASE/RUN."),
    ] = None,
    reuse: Annotated[
        Path | None,
        typer.Option(
            "--reuse", help="Start from the cuts and plant of a run's folder: faster."
        ),
    ] = None,
    options: Annotated[
        bool,
        typer.Option(
            "--options",
            help="Solve what the plant is compared with too: grid only, gas only, gas "
            "and battery, and so on; the memo shows them.",
        ),
    ] = False,
    base: Annotated[
        str | None,
        typer.Option(
            "--base",
            metavar="OPTION",
            help="With --options: the base case. By default grid_only, or gas_only, or "
            "the first that has a plant.",
        ),
    ] = None,
    no_memo: Annotated[
        bool, typer.Option("--no-memo", help="Leave the memo out of the folder.")
    ] = False,
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
    if no_memo and options:
        raise typer.BadParameter(
            "--options are solved for the memo", param_hint="--no-memo"
        )
    if base is not None and not options:
        raise typer.BadParameter("goes with --options", param_hint="--base")
    documents: list[dict[str, Any]] = []
    code = 0
    with reported(lambda told: documents.append(told) if as_json else None) as failed:
        for casefile in read_all(cases, sets or (), quick):
            with logged(quiet, verbose, log_file):
                finish: Finish | None = None if no_memo else add_memo
                if (
                    options
                    and (finish := options_beside(casefile, out, quiet, base)) is None
                ):
                    documents.append(INTERRUPTED)
                    code = 130
                    break
                ended = solve_one(casefile, out, quiet, reuse, finish=finish)
            documents.append(ended.document)
            if ended.outcome is not None and not as_json:
                print_outcome(ended.outcome)
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
    with reported() as failed:
        for casefile in read_all(cases, sets or ()):
            code = code or validate_one(casefile, quiet)
    raise typer.Exit(failed.exit_code or code)


@app.command(epilog=EXIT_CODES)
def uptime(
    run: Annotated[
        Path | None,
        typer.Argument(metavar="[RUN]", help="Run folder of a sized plant."),
    ] = None,
    units: Annotated[
        str | None,
        typer.Option(
            "--units",
            metavar="UNITS.csv",
            help="Instead of RUN, a system of units that are always on: unit_mw, count, "
            "forced_outage_frac; optional mttf_h, mttr_h, start_failure_frac, "
            "derated_mw, derated_frac_of_time.",
        ),
    ] = None,
    load: Annotated[
        str | None,
        typer.Option(
            "--load", metavar="LOAD.csv", help="Its load_mw: hourly, whole days."
        ),
    ] = None,
    years: Annotated[
        int | None,
        typer.Option(
            "--years",
            min=1,
            help="Years to sample. A RUN: 2000; --units: the exact answer alone.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", min=0, help="Same seed, same years.")
    ] = 1,
    workers: Annotated[
        int,
        typer.Option(
            "--workers", min=1, help="Processes; the answer does not depend on it."
        ),
    ] = 1,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Say how often the power is short, by how much, and how sure that is."""
    if (run is None) == (units is None and load is None):
        raise typer.BadParameter("give either RUN, or --units with --load")
    if run is None and (units is None or load is None):
        raise typer.BadParameter("--units and --load go together")
    told_errors: list[dict[str, Any]] = []
    with reported(told_errors.append) as failed:
        if run is not None:
            told = uptime_of_plant(run, years or 2000, seed, workers, quiet)
        else:
            told = uptime_of_system(
                units or "", load or "", years or 0, seed, workers, quiet
            )
        _show(told, as_json)
    if as_json and told_errors:
        typer.echo(json.dumps(told_errors[0], indent=2))
    raise typer.Exit(failed.exit_code)


def _show(told: Any, as_json: bool) -> None:
    """Print an answer: its text, or its document."""
    if as_json:
        typer.echo(json.dumps(told.document, indent=2, allow_nan=False))
    else:
        typer.echo(told.text)


@app.command(epilog=EXIT_CODES)
def nines(
    case: OneCase,
    at: Annotated[
        list[float] | None,
        typer.Option(
            "--at",
            metavar="FRAC",
            help="Share of GPU energy to size for; repeatable. "
            "By default 0.99, 0.999, 0.9999 and 0.99999.",
            show_default=False,
        ),
    ] = None,
    sets: Sets = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="DRAFTS: 4 representative weeks.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder of the run folders.")
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Size a case for each uptime: what another nine of uptime costs."""
    code = 0
    told_errors: list[dict[str, Any]] = []
    with reported(told_errors.append) as failed:
        from energyopt.nines import TARGETS, lines

        with logged(quiet, False, None):
            found = nines_of(case, at or TARGETS, sets or (), quick, out, quiet)
        code = found["exit_code"]
        shown = json.dumps(found, indent=2) if as_json else "\n".join(lines(found))
        typer.echo(shown)
    if as_json and told_errors:
        typer.echo(json.dumps(told_errors[0], indent=2))
    raise typer.Exit(failed.exit_code or code)


@app.command(epilog=EXIT_CODES)
def foresight(
    run: Annotated[
        Path,
        typer.Argument(
            metavar="RUN", help="Run folder of a sized plant.", show_default=False
        ),
    ],
    forecast: Annotated[
        Forecast,
        typer.Option(
            "--forecast",
            help="What is believed of the hours to come: as yesterday, the truth with "
            "errors, or the truth.",
        ),
    ] = Forecast.persistence,
    window_h: Annotated[
        int,
        typer.Option("--window-h", min=1, max=336, help="Hours planned at a time."),
    ] = 48,
    step_h: Annotated[
        int, typer.Option("--step-h", min=1, max=168, help="Hours between plans.")
    ] = 24,
    seed: Annotated[
        int, typer.Option("--seed", min=0, help="Of the errors of day-ahead.")
    ] = 1,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Say what it costs that tomorrow's weather and prices are not known."""
    if step_h > window_h:
        raise typer.BadParameter("--step-h is longer than --window-h")
    told_errors: list[dict[str, Any]] = []
    with reported(told_errors.append) as failed:
        told = foresight_of_plant(run, forecast.value, window_h, step_h, seed, quiet)
        _show(told, as_json)
    if as_json and told_errors:
        typer.echo(json.dumps(told_errors[0], indent=2))
    raise typer.Exit(failed.exit_code)


@app.command(epilog=EXIT_CODES)
def report(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN|SWEEP...",
            help="Folders of runs: the recommended plant; then the base case; then "
            "others. Folders of sweeps beside them, or alone.",
            show_default=False,
        ),
    ],
    formats: Annotated[
        str,
        typer.Option(
            "--format", help="Of html, md, csv, xlsx, png, svg and pdf, with commas."
        ),
    ] = "html,md,csv,xlsx",
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder of the files; by default the first given."),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(
            "--base",
            metavar="OPTION",
            help="The base case, of the options that were solved with the first RUN.",
        ),
    ] = None,
    one_page: Annotated[
        bool,
        typer.Option("--one-page", help="Only the one-page version, one_page.md."),
    ] = False,
) -> None:
    """Write the memo of saved runs and sweeps: page, workbook, figures, PDF."""
    with reported() as failed:
        for path in memo_of(runs, formats, out, base, one_page):
            typer.echo(f"Written to {path}")
    raise typer.Exit(failed.exit_code)


@app.command(epilog=EXIT_CODES)
def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN RUN...",
            help="Run folders, base case first.",
            show_default=False,
        ),
    ],
) -> None:
    """Show saved runs beside each other, one row a run, as Markdown."""
    with reported() as failed:
        from energyopt.memo.write import compared

        typer.echo(compared(runs))
    raise typer.Exit(failed.exit_code)


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
    with reported() as failed:
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
            print_values(casefile)
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
    with reported() as failed:
        from energyopt.catalogue import packaged_cases
        from energyopt.editor import copy_case

        path = Path(name if name.endswith((".yaml", ".yml")) else f"{name}.yaml")
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", path.stem):
            raise typer.BadParameter("a name is letters, digits, '_', '-' and '.'")
        known = [found.stem for found in packaged_cases()]
        if source not in known:
            raise typer.BadParameter(
                f"no case '{source}' is packaged; there are {', '.join(known)}"
            )
        try:
            copy_case(source, path)
        except FileExistsError:
            raise typer.BadParameter(f"{path} exists; it is left as it is") from None
        typer.echo(f"Written to {path}")
        typer.echo(f"Next: energyopt validate {path}")
    raise typer.Exit(failed.exit_code)


@app.command()
def schema(
    write: Annotated[
        Path | None,
        typer.Option(
            "--write",
            metavar="DIR",
            help="Write DIR/energyopt.schema.json instead.",
        ),
    ] = None,
) -> None:
    """Print the JSON Schema of case files, for completion and hints in editors."""
    with reported() as failed:
        from energyopt.editor import SCHEMA_FILE, SCHEMA_LINE, json_schema, write_schema

        if write is None:
            typer.echo(json.dumps(json_schema(), indent=2))
        else:
            write.mkdir(parents=True, exist_ok=True)
            write_schema(write / SCHEMA_FILE)
            typer.echo(f"Written to {write / SCHEMA_FILE}")
            note(f"Put this first in a case beside it: {SCHEMA_LINE}")
    raise typer.Exit(failed.exit_code)


@app.command()
def doctor() -> None:
    """Look at this installation: versions, solver, cores, memory, data."""
    code = 0
    with reported() as failed:
        from energyopt.doctor import examine_machine

        for found in examine_machine():
            mark = "FAULT" if found.exit_code else "look " if found.warning else "ok   "
            typer.echo(f"{mark} {found.name:<10} {found.text}")
            code = code or found.exit_code
    raise typer.Exit(failed.exit_code or code)


def main() -> None:
    """Run the command."""
    try:
        app()
    finally:
        gc.freeze()  # to look for garbage once more at the end takes seconds


if __name__ == "__main__":
    main()
