"""Run folders -> files of a memo, or a comparison; what the command calls."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from energyopt.errors import CaseError, EnergyoptError
from energyopt.memo.exhibits import Memo, memo
from energyopt.memo.markdown import markdown, markdown_table, write_csv
from energyopt.memo.options import options
from energyopt.memo.run import Run, read_run, run_folder
from energyopt.memo.swept import is_sweep, read_sweep

FORMATS = ("html", "md", "csv", "xlsx")
EXHIBITS = "exhibits"
"""Folder of the CSV files."""


def write_memo(
    runs: Sequence[Path], formats: Sequence[str], out: Path | None = None
) -> list[Path]:
    """Write the memo of the first run, beside the others; return what was written.

    Parameters
    ----------
    runs : sequence of Path
        Folders of runs and of sweeps. The first run is the plant that is recommended,
        the second the base case; without a run the base of the first sweep is the plant.
    formats : sequence of str
        Of :data:`FORMATS`.
    out : Path, optional
        Folder of the files; by default the first one given.

    Returns
    -------
    list of Path
        The files, and for ``csv`` their folder.

    Raises
    ------
    DataError
        If a folder holds no solved run, and no sweep whose base has a plant.
    CaseError
        If nothing can be written there.
    """
    sweeps = [read_sweep(path) for path in runs if is_sweep(path)]
    found = [read_run(path) for path in runs if not is_sweep(path)]
    first, *others = found or [sweeps[0].base]
    made = memo(first, others, sweeps)
    place = out or run_folder(runs[0])
    try:
        place.mkdir(parents=True, exist_ok=True)
        return [_written(made, kind, place) for kind in formats]
    except OSError as error:
        raise CaseError(f"{place}: cannot write there: {error.strerror}") from None


def remove_memo(place: Path) -> None:
    """Remove what there is of a memo from a folder."""
    shutil.rmtree(place / EXHIBITS, ignore_errors=True)
    for kind in FORMATS:
        (place / f"memo.{kind}").unlink(missing_ok=True)


def _written(made: Memo, kind: str, place: Path) -> Path:
    """Write one format; its file is there whole, or as it was."""
    if kind == "csv":
        write_csv(made, place / EXHIBITS)
        return place / EXHIBITS
    path = place / f"memo.{kind}"
    hidden = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        if kind == "xlsx":
            from energyopt.memo.workbook import write_workbook

            write_workbook(made, hidden)
        elif kind == "html":
            from energyopt.memo.html import html

            hidden.write_text(html(made), encoding="utf-8")
        else:
            hidden.write_text(markdown(made), encoding="utf-8")
        hidden.replace(path)
    finally:
        hidden.unlink(missing_ok=True)
    return path


def compared(runs: Sequence[Path]) -> str:
    """Return exhibit 2 of saved runs in Markdown; a run without a plant says why."""
    found: list[Run] = []
    failed: list[tuple[str, str]] = []
    for path in runs:
        try:
            found.append(read_run(path))
        except EnergyoptError as error:
            if not (run_folder(path) / "infeasible.json").is_file():
                raise
            failed.append((path.name, str(error).rpartition(": ")[2]))
    if not found:
        raise CaseError("none of these runs has a plant: there is nothing to compare")
    return markdown_table(options(found, failed))
