"""The memo as a workbook: one sheet an exhibit, and LCOE as live formulas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import xlsxwriter

from energyopt.memo.costing import costing
from energyopt.memo.exhibits import Memo
from energyopt.memo.live import write_live
from energyopt.memo.markdown import LOW
from energyopt.memo.table import DOUBT, Cell, Table

READ_ME = (
    "Sheets Inputs, LCOE and Sensitivity are live: change a blue cell of Inputs.",
    "Changing a price here does not size or dispatch the plant again: plant, energy and "
    "fuel stay as they were solved. For another plant change the case and solve it.",
    "The other sheets are the exhibits of the memo, as values.",
    f"{DOUBT} rests on an input of low confidence, see the assumption book.",
)


class Formats:
    """The looks of cells: inputs blue, formulas black."""

    def __init__(self, book: Any) -> None:
        self.title = book.add_format({"bold": True, "font_size": 14})
        self.head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True})
        self.note = book.add_format({"italic": True, "font_color": "#555555"})
        self.bold = book.add_format({"bold": True})
        self.input = book.add_format(
            {"font_color": "#0000FF", "num_format": "#,##0.####"}
        )
        self.live = book.add_format({"num_format": "#,##0.00"})
        self.total = book.add_format({"num_format": "#,##0.00", "bold": True, "top": 1})
        self._book = book
        self._numbers: dict[tuple[int | None, bool, bool], Any] = {}

    def number(self, cell: Cell, bold: bool) -> Any:
        """Return the format of a number: its decimals, its mark."""
        key = (cell.decimals, cell.doubtful, bold)
        if key not in self._numbers:
            places = cell.decimals
            code = "#,##0.####" if places is None else "#,##0" + "." * (places > 0)
            code += "0" * (places or 0) + (f'" {DOUBT}"' if cell.doubtful else "")
            look = {"num_format": code, "bold": bold, "top": int(bold)}
            self._numbers[key] = self._book.add_format(look)
        return self._numbers[key]


def write_workbook(memo: Memo, path: Path) -> Path:
    """Write the workbook; what a case says is never taken for a formula or a link.

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
    """
    run = memo.run
    with xlsxwriter.Workbook(str(path)) as book:
        looks = Formats(book)
        sheet = book.add_worksheet("Read me")
        sheet.set_column(0, 0, 110)
        sheet.write_string(0, 0, run.title, looks.title)
        sheet.write_string(1, 0, f"Money in {run.money}. {run.source()}")
        missing = [f"Not covered: {n}: {why}" for n, why in memo.not_covered.items()]
        for i, text in enumerate([*READ_ME, *missing]):
            sheet.write_string(3 + i, 0, text)
        write_live(book, looks, costing(run), run.source())
        for table in memo.tables:
            _write_table(book, looks, table)
    return path


def _write_table(book: Any, looks: Formats, table: Table) -> None:
    """Write one exhibit on a sheet of its own."""
    sheet = book.add_worksheet(f"{table.number} {table.name}"[:31])
    sheet.write_string(0, 0, f"Exhibit {table.number}. {table.title}", looks.title)
    sheet.write_string(1, 0, table.caption, looks.note)
    top = 3
    for i, column in enumerate(table.columns):
        sheet.write_string(top, i, column.title, looks.head)
        sheet.set_column(i, i, 36 if i == 0 else 16)
    for j, row in enumerate(table.rows, start=top + 1):
        bold = row.kind != "plain"
        for i, cell in enumerate(row.cells):
            if isinstance(cell, str):
                sheet.write_string(j, i, cell, looks.bold if bold else None)
            elif cell.value is not None:
                sheet.write_number(j, i, cell.value, looks.number(cell, bold))
    sheet.freeze_panes(top + 1, 1)
    notes = [*table.footnotes, *([LOW] if table.doubtful else [])]
    for j, text in enumerate(notes, start=top + 2 + len(table.rows)):
        sheet.write_string(j, 0, text, looks.note)
