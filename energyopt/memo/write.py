"""Run folders -> files of a memo, or a comparison; what the command calls."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from energyopt.errors import CaseError, EnergyoptError
from energyopt.latest import run_folder
from energyopt.memo.exhibits import Memo, memo
from energyopt.memo.markdown import markdown, markdown_table, write_csv
from energyopt.memo.options import NAME as OPTIONS
from energyopt.memo.options import Option, of_run, options, read_options
from energyopt.memo.run import read_run
from energyopt.memo.swept import is_sweep, read_sweep

FORMATS = ("html", "md", "csv", "xlsx", "png", "svg", "pdf")
USUAL = ("html", "md", "csv", "xlsx")
"""What is written where no format is asked for; figures and paper take longer."""
EXHIBITS, FIGURES = "exhibits", "figures"
"""Folders of the CSV files and of the figures."""


def write_memo(
    runs: Sequence[Path],
    formats: Sequence[str],
    out: Path | None = None,
    base: str | None = None,
    one_page: bool = False,
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
    base : str, optional
        Name of the option that is the base case, of those solved for the first run.
    one_page : bool
        Only the one-page version: ``one_page.md``.

    Returns
    -------
    list of Path
        The files, and of tables and figures their folder.

    Raises
    ------
    DataError
        If a folder holds no solved run, and no sweep whose base has a plant; or a PDF
        is asked for without typst.
    CaseError
        If nothing can be written there, or ``base`` is no option with a plant.
    """
    if "pdf" in formats:
        from energyopt.memo.pdf import typst

        typst()  # before anything is written
    sweeps = [read_sweep(path) for path in runs if is_sweep(path)]
    found = [read_run(path) for path in runs if not is_sweep(path)]
    first, *given = found or [sweeps[0].base]
    solved, chosen = read_options(first.folder)
    if base is not None and base not in (names := [o.name for o in solved if o.run]):
        told = f"the options of this run with a plant are {', '.join(names) or 'none'}"
        raise CaseError(f"--base {base}: {told}")
    others = [*map(of_run, given), *solved]
    named = base or (given[0].run_id if given else chosen)
    made = memo(first, others, sweeps, named)
    if one_page:
        made = replace(made, tables=tuple(made.first_page), not_covered={}, short=True)
    place = out or run_folder(runs[0])
    try:
        place.mkdir(parents=True, exist_ok=True)
        return list(dict.fromkeys(_written(made, kind, place) for kind in formats))
    except OSError as error:
        raise CaseError(f"{place}: cannot write there: {error.strerror}") from None


def write_options(
    folder: Path, options: Sequence[Mapping[str, Any]], base: str | None
) -> None:
    """Note in a run folder what it is compared with, for this memo and later ones.

    Parameters
    ----------
    folder : Path
        Of the run.
    options : sequence of mapping
        ``name``, ``label``, ``status``, ``reason`` and ``folder`` of each.
    base : str, optional
        Name of the base case.
    """
    lines = []
    for option in options:
        place = option["folder"]
        if place is not None:
            place = Path(os.path.relpath(place.resolve(), folder.resolve())).as_posix()
        lines.append({**option, "folder": place})
    told = {"schema_version": "1.0", "base": base, "options": lines}
    text = json.dumps(told, indent=2, ensure_ascii=False) + "\n"
    (folder / OPTIONS).write_text(text, encoding="utf-8")


def remove_memo(place: Path) -> None:
    """Remove what there is of a memo from a folder."""
    for folder in (EXHIBITS, FIGURES):
        shutil.rmtree(place / folder, ignore_errors=True)
    for kind in FORMATS:
        (place / f"memo.{kind}").unlink(missing_ok=True)


def _written(made: Memo, kind: str, place: Path) -> Path:
    """Write one format; its file is there whole, or as it was."""
    if kind == "csv":
        return write_csv(made, place / EXHIBITS)[0].parent
    if kind in ("png", "svg"):
        from energyopt.memo.figures import write_figures

        return write_figures(made, place / FIGURES, kind)[0].parent
    path = place / f"{made.file}.{kind}"
    hidden = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        _write(made, kind, hidden)
        hidden.replace(path)
    finally:
        hidden.unlink(missing_ok=True)
    return path


def _write(made: Memo, kind: str, path: Path) -> None:
    """Write one file of a memo."""
    if kind == "xlsx":
        from energyopt.memo.workbook import write_workbook

        write_workbook(made, path)
    elif kind == "pdf":
        from energyopt.memo.pdf import write_pdf

        write_pdf(made, path)
    elif kind == "html":
        from energyopt.memo.html import html

        path.write_text(html(made), encoding="utf-8")
    else:
        path.write_text(markdown(made), encoding="utf-8")


def compared(runs: Sequence[Path]) -> str:
    """Return exhibit 2 of saved runs in Markdown; a run without a plant says why."""
    found: list[Option] = []
    for path in runs:
        try:
            found.append(of_run(read_run(path)))
        except EnergyoptError as error:
            if not (run_folder(path) / "infeasible.json").is_file():
                raise
            why = str(error).rpartition(": ")[2]
            found.append(Option(path.name, path.name, None, why))
    if not any(option.run for option in found):
        raise CaseError("none of these runs has a plant: there is nothing to compare")
    return markdown_table(options(found))
