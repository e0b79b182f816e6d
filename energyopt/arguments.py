"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="No progress.")]
Workers = Annotated[
    int, typer.Option("--workers", min=0, help="Processes; 0: one a core.")
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        "--scheduler",
        metavar="tcp://HOST:PORT|slurm|kubernetes",
        help="Workers of a Dask cluster instead (extra 'cluster').",
    ),
]
RetryFailed = Annotated[
    bool,
    typer.Option("--retry-failed", help="Do what failed again; infeasible stays."),
]
