"""Run folders -> files of a memo, or a comparison; what the command calls."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from energyopt.errors import CaseError, EnergyoptError
from energyopt.memo.exhibits import Memo, memo
from energyopt.memo.markdown import markdown, markdown_table, write_csv
from energyopt.memo.options import options
from energyopt.memo.run import Run, read_run, run_folder

FORMATS = ("html", "md", "csv", "xlsx", "png", "svg", "pdf")


def write_memo(
    runs: Sequence[Path], formats: Sequence[str], out: Path | None = None
) -> list[Path]:
    """Write the memo of the first run, beside the others; return what was written.

    Parameters
    ----------
    runs : sequence of Path
        Run folders. The first is the plant that is recommended, the second the base
        case.
    formats : sequence of str
        Of :data:`FORMATS`.
    out : Path, optional
        Folder of the files; by default the first run's.

    Returns
    -------
    list of Path
        The files, and of tables and figures their folder.

    Raises
    ------
    DataError
        If a folder holds no solved run, or a PDF is asked for without typst.
    CaseError
        If nothing can be written there.
    """
    if "pdf" in formats:
        from energyopt.memo.pdf import typst

        typst()  # before anything is written
    first, *others = (read_run(path) for path in runs)
    made = memo(first, others)
    place = out or run_folder(runs[0])
    try:
        place.mkdir(parents=True, exist_ok=True)
        return list(dict.fromkeys(_written(made, kind, place) for kind in formats))
    except OSError as error:
        raise CaseError(f"{place}: cannot write there: {error.strerror}") from None


def _written(made: Memo, kind: str, place: Path) -> Path:
    """Write one format."""
    if kind == "csv":
        write_csv(made, place / "exhibits")
        return place / "exhibits"
    if kind == "xlsx":
        from energyopt.memo.workbook import write_workbook

        return write_workbook(made, place / "memo.xlsx")
    if kind in ("png", "svg"):
        from energyopt.memo.figures import write_figures

        write_figures(made, place / "figures", kind)
        return place / "figures"
    if kind == "pdf":
        from energyopt.memo.pdf import write_pdf

        return write_pdf(made, place / "memo.pdf")
    path = place / f"memo.{kind}"
    if kind == "html":
        from energyopt.memo.html import html

        path.write_text(html(made), encoding="utf-8")
    else:
        path.write_text(markdown(made), encoding="utf-8")
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
