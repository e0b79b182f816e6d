"""The memo on paper, by typst (extra ``pdf``): figures, all exhibits, one page first."""

from __future__ import annotations

import importlib
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import matplotlib as mpl

from energyopt.errors import DataError
from energyopt.memo.exhibits import Memo
from energyopt.memo.figures import Drawing, drawings, on_one_page, picture
from energyopt.memo.html import warnings_of
from energyopt.memo.markdown import LOW
from energyopt.memo.table import Cell, Row, Table

LETTERS = 1050.0  # on a line of the sheet, were each a point tall
SIZES_PT = (8.5, 8.0, 7.5, 7.0, 6.6, 6.2)
"""The letters of a table whose texts need not break: the first that fits the line."""
SMALL_PT = (6.8, 6.2, 5.6, 5.0)
"""Of one whose texts do."""
TURNED = 1.5
"""How much longer the line of a sheet on its side is."""
TEXT = 18.0
"""A column of text need not be wider. [letters]"""
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
        "glance": _exhibit(_without_run(whole[0]), [], turned=False),
        "first": [_exhibit(table, [], turned=False) for table in whole[1:]],
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


def _exhibit(
    table: Table, figures: Sequence[str], turned: bool = True
) -> dict[str, Any]:
    """Return one exhibit as plain data; it may be ``turned`` where it is too wide."""
    setting = _setting(table, turned)
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
        "widths": setting.widths,
        "size": setting.size_pt,
        "turned": setting.turned,
        "whole": len(table.rows) <= LONG,
        "rows": [
            {"kind": row.kind, "texts": [_breakable(text) for text in _unbroken(row)]}
            for row in table.rows
        ],
        "notes": [
            *map(_breakable, table.footnotes),
            *([LOW] if table.doubtful else []),
        ],
        "figures": list(figures),
    }


@dataclass(frozen=True)
class Setting:
    """How a table is set: its letters, its columns, and on which side of the sheet."""

    size_pt: float
    widths: list[float]  # shares of the line; all 0 where each column is as its texts
    turned: bool


def _setting(table: Table, turned: bool = True) -> Setting:
    """Return the largest letters with which a table fits, numbers never broken.

    A table of which no text need break is not shared out. Else its long texts break; and
    if its numbers alone are too wide, the sheet is turned on its side.
    """
    need = _widths(table)
    for pt in SIZES_PT:
        if sum(need) <= LETTERS / pt:
            return Setting(pt, [0.0] * len(need), False)
    fixed = [n for n, f in zip(need, _fixed(table, need), strict=True) if f]
    least = sum(fixed) + TEXT * (len(need) - len(fixed))
    for side in (False, True) if turned else (False,):
        for pt in SMALL_PT:
            letters = LETTERS * (TURNED if side else 1.0) / pt
            if least <= letters:
                return Setting(pt, _shared(table, need, letters), side)
    letters = LETTERS * (TURNED if turned else 1.0) / SMALL_PT[-1]
    return Setting(SMALL_PT[-1], _shared(table, need, letters), turned)


def _widths(table: Table) -> list[float]:
    """Return how many letters wide each column must be for no text to break."""
    found = []
    for i, column in enumerate(table.columns):
        head = max(map(len, (*column.head.split(), column.unit)))
        found.append(float(3 + max(head, *(len(row.texts()[i]) for row in table.rows))))
    return found


def _fixed(table: Table, need: Sequence[float]) -> list[bool]:
    """Return which columns have what they need: numbers, and short texts."""
    return [
        numeric or n <= TEXT for n, numeric in zip(need, table.numeric, strict=True)
    ]


def _shared(table: Table, need: Sequence[float], letters: float) -> list[float]:
    """Return the columns of a table that is wider than the line, as shares of it.

    Long texts share what numbers and short texts leave, by the root of their mean length.
    """
    fixed = _fixed(table, need)
    used = sum(n for n, f in zip(need, fixed, strict=True) if f)
    rest = max(letters - used, TEXT)
    roots = []
    for i, f in enumerate(fixed):
        mean = sum(len(row.texts()[i]) for row in table.rows) / len(table.rows)
        roots.append(0.0 if f else max(mean, 4.0) ** 0.5)
    return [
        n if f else rest * root / sum(roots)
        for n, f, root in zip(need, fixed, roots, strict=True)
    ]


def _unbroken(row: Row) -> list[str]:
    """Return the texts of a row, no number parted from its mark."""
    return [
        text.replace(" ", "\u00a0") if isinstance(cell, Cell) else text
        for cell, text in zip(row.cells, row.texts(), strict=True)
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
