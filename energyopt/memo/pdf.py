"""The memo on paper, by typst (extra ``pdf``): figures, all exhibits, one page first."""

from __future__ import annotations

import importlib
import io
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import matplotlib as mpl

from energyopt.errors import DataError
from energyopt.memo.exhibits import Memo
from energyopt.memo.figures import Drawing, drawings, on_one_page, picture
from energyopt.memo.html import warnings_of
from energyopt.memo.markdown import LOW
from energyopt.memo.table import Table

LETTERS = 1050.0  # on a line of the sheet, were each a point tall
SIZES_PT = (8.5, 8.0, 7.5, 7.0, 6.6, 6.2)
"""The letters of a table: the first that fits on the line; else those of :data:`SHARED_PT`."""
SHARED_PT = 6.8
LONG = 40
"""A table of more rows may go on on the next sheet."""
PICTURE_IN = 4.4
"""Drawn wider than it is shown, so that its letters are small beside a table."""


def typst() -> Any:
    """Return the typesetter.

    Raises
    ------
    DataError
        If it is not installed.
    """
    try:
        return importlib.import_module("typst")
    except ImportError:
        raise DataError("PDF needs typst: pip install 'energyopt[pdf]'") from None


def write_pdf(memo: Memo, path: Path) -> Path:
    """Write the memo as a PDF.

    What a case says goes to typst as data: it is text wherever it is shown, and cannot
    be markup.

    Parameters
    ----------
    memo : Memo
        What is written.
    path : Path
        Of the file, which is replaced.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    DataError
        If typst is not installed.
    """
    compiler = typst()
    source = files("energyopt.memo") / "templates" / "memo.typ"
    sheets = {"main.typ": source.read_bytes()}
    figures = drawings(memo)
    for drawing in figures:
        sheets[f"{drawing.file}.svg"] = _svg(drawing)
    first = on_one_page(memo)
    for drawing in first:
        sheets[f"first_{drawing.file}.svg"] = _svg(drawing, PICTURE_IN)
    said = json.dumps(_content(memo, figures, first), allow_nan=False)
    fonts = Path(mpl.get_data_path()) / "fonts" / "ttf"
    made = compiler.compile(sheets, font_paths=[str(fonts)], sys_inputs={"memo": said})
    path.write_bytes(made)
    return path


def _svg(drawing: Drawing, wide_in: float | None = None) -> bytes:
    """Return a figure without its caption, which the sheet has."""
    with io.BytesIO() as file:
        if wide_in is None:
            picture(drawing, file, "svg", caption=False)
        else:
            picture(drawing, file, "svg", caption=False, wide_in=wide_in)
        return file.getvalue()


def _content(
    memo: Memo, figures: Sequence[Drawing], first: Sequence[Drawing]
) -> dict[str, Any]:
    """Return all that the sheet shows, as plain data."""
    run = memo.run
    load = f"{run.case.load.facility_mw:,.0f} MW facility."
    drawn = {drawing.table.number for drawing in first}
    whole = [t for t in memo.first_page if t.number not in drawn]
    files_of: dict[str, list[str]] = {}
    for drawing in figures:
        files_of.setdefault(drawing.table.number, []).append(f"{drawing.file}.svg")

    def exhibit(table: Table) -> dict[str, Any]:
        return _exhibit(table, files_of.get(table.number, []))

    return {
        "title": run.title,
        "case": run.case.name,
        "intro": f"{load} Money in {run.money}. {run.source()}",
        "source": run.source(),
        "warnings": warnings_of(run),
        "glance": exhibit(_without_run(whole[0])),
        "first": [exhibit(table) for table in whole[1:]],
        "pictures": [
            {
                "number": d.table.number,
                "title": d.title,
                "file": f"first_{d.file}.svg",
            }
            for d in first
        ],
        "exhibits": [exhibit(t) for t in memo.tables if t not in whole],
        "missing": [f"Exhibit {n}: {why}" for n, why in memo.not_covered.items()],
    }


def _without_run(table: Table) -> Table:
    """Return the first table without its last note: the run stands right above it."""
    return replace(table, footnotes=table.footnotes[:-1])


def _exhibit(table: Table, figures: Sequence[str]) -> dict[str, Any]:
    """Return one exhibit as plain data."""
    widths = _widths(table)
    size = next((pt for pt in SIZES_PT if sum(widths) <= LETTERS / pt), 0.0)
    fits = bool(size)
    return {
        "number": table.number,
        "title": table.title,
        "caption": table.caption,
        "columns": [
            {"head": c.head, "unit": c.unit, "at": i}
            for i, c in enumerate(table.columns)
        ],
        "numeric": table.numeric,
        "marked": table.doubtful,
        "widths": [0.0] * len(widths) if fits else _shared(table, widths),
        "size": size if fits else SHARED_PT,
        "whole": len(table.rows) <= LONG,
        "rows": [
            {"kind": row.kind, "texts": [_breakable(text) for text in row.texts()]}
            for row in table.rows
        ],
        "notes": [
            *map(_breakable, table.footnotes),
            *([LOW] if table.doubtful else []),
        ],
        "figures": list(figures),
    }


def _widths(table: Table) -> list[float]:
    """Return how many letters wide each column must be for no text to break."""
    found = []
    for i, column in enumerate(table.columns):
        head = max(map(len, (*column.head.split(), column.unit)))
        found.append(float(3 + max(head, *(len(row.texts()[i]) for row in table.rows))))
    return found


def _shared(table: Table, need: Sequence[float]) -> list[float]:
    """Return the columns of a table that is wider than the sheet, as shares of it.

    A column that needs little has what it needs; the others share the rest by the root
    of the mean length of their texts.
    """
    letters = LETTERS / SHARED_PT
    least = letters / len(need)
    rest = letters - sum(n for n in need if n <= least)
    roots = []
    for i, n in enumerate(need):
        mean = sum(len(row.texts()[i]) for row in table.rows) / len(table.rows)
        roots.append(0.0 if n <= least else max(mean, 4.0) ** 0.5)
    return [
        rest * root / sum(roots) if root else n
        for n, root in zip(need, roots, strict=True)
    ]


def _breakable(text: str) -> str:
    r"""Return a text whose long words may break: a path, an address, a hash.

    Examples
    --------
    >>> _breakable("a plain note"), _breakable("technologies.gas.capital_usd_per_kw")
    ('a plain note', 'technologies.\u200bgas.\u200bcapital_\u200busd_\u200bper_\u200bkw')
    """

    def broken(word: re.Match[str]) -> str:
        parts = re.sub(r"([/_.=,;:\-])(?=\w)", "\\1\u200b", word[0])
        return re.sub(r"([^\u200b]{20})(?=[^\u200b])", "\\1\u200b", parts)

    return re.sub(r"\S{17,}", broken, text)
