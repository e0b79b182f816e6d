"""The memo as a workbook: one sheet an exhibit, and LCOE as live formulas."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import xlsxwriter

from energyopt.memo.costing import costing
from energyopt.memo.exhibits import Memo
from energyopt.memo.live import write_live
from energyopt.memo.markdown import LOW
from energyopt.memo.table import DOUBT, Cell, Row, Table

READ_ME = (
    "Sheets Inputs, LCOE and Sensitivity are live: change a blue cell of Inputs.",
    "Changing a price here does not size or dispatch the plant again: plant, energy and "
    "fuel stay as they were solved. For another plant change the case and solve it.",
    "The other sheets are the exhibits of the memo, as values.",
    f"{DOUBT} rests on an input of low confidence, see the assumption book.",
)


LINE_PT = 15
WIDEST = 56
"""Of a column; a longer text breaks into lines. [letters]"""


class Formats:
    """The looks of cells: inputs blue, formulas black."""

    def __init__(self, book: Any) -> None:
        self.title = book.add_format({"bold": True, "font_size": 14})
        head = {"bold": True, "bottom": 1, "text_wrap": True, "valign": "bottom"}
        self.head = book.add_format(head)
        self.number_head = book.add_format({**head, "align": "right"})
        self.right = book.add_format({"align": "right"})
        text = {"text_wrap": True, "valign": "top"}
        behind = {"align": "left", "indent": 1}  # a number
        self.first = book.add_format(text)
        self.text = book.add_format({**text, **behind})
        self.text_head = book.add_format({**head, **behind})
        note = {"italic": True, "font_color": "#555555"}
        self.note = book.add_format(note)
        self.long_note = book.add_format({**note, **text})
        self.bold = book.add_format({"bold": True})
        blue, total = {"font_color": "#0000FF"}, {"bold": True, "top": 1}
        fine, whole = {"num_format": "#,##0.00"}, {"num_format": "#,##0"}
        self.input = book.add_format({**blue, "num_format": "0.####"})
        self.large_input = book.add_format({**blue, **whole})
        self.live, self.large_live = book.add_format(fine), book.add_format(whole)
        self.total = book.add_format({**total, **fine})
        self.large_total = book.add_format({**total, **whole})
        self._book = book
        self._numbers: dict[tuple[int, bool, bool], Any] = {}

    def number(self, cell: Cell, bold: bool) -> Any:
        """Return the format of a number: its decimals, its mark."""
        places = len(cell.text.split(" ")[0].partition(".")[2])  # as the page shows it
        key = (places, cell.doubtful, bold)
        if key not in self._numbers:
            code = "#,##0" + "." * (places > 0) + "0" * places
            code += f'" {DOUBT}"' if cell.doubtful else ""
            look = {"num_format": code, "bold": bold, "top": int(bold)}
            look["valign"] = "top"
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
        on_paper(sheet)
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


def on_paper(sheet: Any) -> None:
    """Make a sheet as wide as its paper, A4 on its side."""
    sheet.set_paper(9)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.set_footer("&L&A&R&P / &N")


def _write_table(book: Any, looks: Formats, table: Table) -> None:
    """Write one exhibit on a sheet of its own."""
    sheet = book.add_worksheet(f"{table.number} {table.name}"[:31])
    on_paper(sheet)
    sheet.write_string(0, 0, f"Exhibit {table.number}. {table.title}", looks.title)
    sheet.write_string(1, 0, table.caption, looks.note)
    top, wide = 3, _widths(table)
    for i, column in enumerate(table.columns):
        look = looks.number_head if table.numeric[i] else looks.text_head
        sheet.write_string(top, i, column.title, look if i else looks.head)
        sheet.set_column(i, i, wide[i])
    sheet.set_row(top, LINE_PT * 3)
    for j, row in enumerate(table.rows, start=top + 1):
        _write_row(sheet, looks, j, row, table.numeric)
    sheet.freeze_panes(top + 1, 1)
    sheet.repeat_rows(top)
    notes = [*table.footnotes, *([LOW] if table.doubtful else [])]
    for j, text in enumerate(notes, start=top + 2 + len(table.rows)):
        lines = math.ceil(len(text) / sum(wide))
        if lines > 1:
            sheet.merge_range(j, 0, j, len(wide) - 1, "", looks.long_note)
            sheet.set_row(j, LINE_PT * lines)
        sheet.write_string(j, 0, text, looks.long_note if lines > 1 else looks.note)


def _widths(table: Table) -> list[int]:
    """Return how wide each column is. [letters]"""
    found = []
    for i, numeric in enumerate(table.numeric):
        longest = max((len(row.texts()[i]) for row in table.rows), default=0)
        found.append(14 if numeric else min(max(longest + 2, 12), WIDEST))
    return found


def _write_row(
    sheet: Any, looks: Formats, j: int, row: Row, numeric: Sequence[bool]
) -> None:
    """Write one row of an exhibit; a long text breaks into lines."""
    bold = row.kind != "plain"
    longest = max(len(cell) if isinstance(cell, str) else 0 for cell in row.cells)
    if longest > WIDEST:
        sheet.set_row(j, LINE_PT * math.ceil(longest / (WIDEST - 2)))
    for i, cell in enumerate(row.cells):
        if isinstance(cell, Cell):
            if cell.value is not None:
                sheet.write_number(j, i, cell.value, looks.number(cell, bold))
            continue
        look = looks.right if numeric[i] else looks.text if i else looks.first
        sheet.write_string(j, i, cell, looks.bold if bold else look)
