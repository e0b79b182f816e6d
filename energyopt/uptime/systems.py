"""A textbook system on disk: a table of units and a table of hourly loads.

Every fault of both files is told at once, one line each: file, line and column, the
name of the column, what is wrong and what may have been meant.
"""

from __future__ import annotations

import gzip
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from energyopt.catalogue import packaged
from energyopt.errors import DataError
from energyopt.uptime.table import HOURS_PER_DAY, Floats
from energyopt.yamltree import nearest

BUILTIN = "builtin:"
REQUIRED = ("unit_mw", "count", "forced_outage_frac")
DERATED = ("derated_mw", "derated_frac_of_time")
UNIT_COLUMNS = (*REQUIRED, "mttf_h", "mttr_h", "start_failure_frac", *DERATED)
LOAD_COLUMN = "load_mw"
ROUNDED_FRAC = 0.0005  # an outage share printed to three digits is right to this,
RELATIVE = 0.01  # or to 1 %
_MOST_TOLD = 20
_CELL = re.compile(r'(?:^|(?<=,))[ \t]*("(?:[^"]|"")*"|[^,]*)')


@dataclass(frozen=True)
class UnitRow:
    """One row of a table of units: machines of one kind."""

    line: int
    unit_mw: float
    count: int
    forced_outage_frac: float
    mttf_h: float | None = None
    mttr_h: float | None = None
    start_failure_frac: float = 0.0
    derated_mw: float | None = None
    derated_frac_of_time: float = 0.0


@dataclass(frozen=True)
class System:
    """Units that are always on, and the load that they serve."""

    units: tuple[UnitRow, ...]
    load_mw: Floats
    """Whole days; shape (hours,). [MW]"""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Cell:
    """A value and where it stands."""

    text: str
    line: int
    column: int


@dataclass
class _Sheet:
    """One CSV file while it is read, and its faults."""

    name: str
    header: dict[str, _Cell] = field(default_factory=dict)
    rows: list[dict[str, _Cell]] = field(default_factory=list)
    faults: list[tuple[int, int, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def fault(
        self, at: _Cell, column: str, what: str, meant: str | None = None
    ) -> None:
        """Note a fault; ``meant`` is what may have been intended."""
        hint = f" - did you mean {meant}?" if meant else ""
        self.faults.append((at.line, at.column, f"{column}: {what}{hint}"))

    def told(self) -> list[str]:
        """Return the faults as lines, in the order of the file."""
        lines = [f"{self.name}:{n}:{c}: {what}" for n, c, what in sorted(self.faults)]
        if len(lines) > _MOST_TOLD:
            more = f"{self.name}: and {len(lines) - _MOST_TOLD:,} faults more"
            lines = [*lines[:_MOST_TOLD], more]
        return lines


def read_system(units: str, load: str) -> System:
    """Return the system of two CSV files.

    Parameters
    ----------
    units : str
        Path, or ``builtin:NAME``: columns ``unit_mw, count, forced_outage_frac``;
        optional ``mttf_h, mttr_h, start_failure_frac, derated_mw,
        derated_frac_of_time``.
    load : str
        Likewise: column ``load_mw``, hourly, whole days.

    Returns
    -------
    System
        Checked.

    Raises
    ------
    DataError
        With every fault of both files, a line each.
    """
    lines: list[str] = []
    sheets: list[_Sheet] = []
    rows: list[UnitRow] = []
    load_mw = np.zeros(0)
    for name in (units, load):
        try:
            sheets.append(
                _read(name, UNIT_COLUMNS if name is units else (LOAD_COLUMN,))
            )
        except DataError as error:
            lines.append(str(error))
            continue
        sheet = sheets[-1]
        if name is units:
            _note_missing(sheet, REQUIRED)
            rows = list(_unit_rows(sheet))
        elif _note_missing(sheet, (LOAD_COLUMN,)) and sheet.rows:
            load_mw = _load(sheet)
        lines += sheet.told()
    if lines:
        raise DataError("\n".join(lines))
    notes = [note for sheet in sheets for note in sheet.notes]
    return System(tuple(rows), load_mw, tuple(notes))


# Text to cells -------------------------------------------------------------------------


def _path(name: str) -> Path:
    """Return the file that is meant."""
    if not name.startswith(BUILTIN):
        return Path(name)
    short = name.removeprefix(BUILTIN)
    path = packaged("data", f"{short}.csv")
    if path.is_file():
        return path
    known = sorted(p.stem for p in packaged("data").glob("*.csv"))
    near = nearest(short, known)
    hint = f" - did you mean {BUILTIN}{near}?" if near else ""
    raise DataError(f"{name}: no such packaged table{hint}")


def _read(name: str, known: Sequence[str]) -> _Sheet:
    """Return the cells of a CSV; lines that are empty or begin with # are left out."""
    path = _path(name)
    try:
        packed = path.read_bytes()
        plain = gzip.decompress(packed) if path.name.endswith(".gz") else packed
        text = plain.decode("utf-8-sig")
    except FileNotFoundError:
        near = nearest(path.name, [p.name for p in _siblings(path)], cutoff=0.75)
        hint = f" - did you mean {path.with_name(near)}?" if near else ""
        raise DataError(f"{name}: no such file{hint}") from None
    except (OSError, EOFError, UnicodeDecodeError) as error:
        told = getattr(error, "strerror", None) or "not text in UTF-8"
        raise DataError(f"{name}: cannot be read: {told}") from None
    sheet = _Sheet(name)
    lines = [
        (number, line)
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not lines:
        raise DataError(f"{name}:1:1: {known[0]}: the table is empty")
    _take_header(sheet, *lines[0], known)
    names = list(sheet.header)
    for number, line in lines[1:]:
        cells = list(_cells(number, line))
        if len(cells) > len(names):
            what = f"{len(cells)} cells under {len(names)} columns, a comma too many"
            sheet.fault(cells[len(names)], names[-1], what)
        else:
            sheet.rows.append(dict(zip(names, cells, strict=False)))
    if len(lines) == 1:
        sheet.fault(_Cell("", lines[0][0], 1), known[0], "no rows under the header")
    return sheet


def _siblings(path: Path) -> list[Path]:
    """Return the files beside a path."""
    return list(path.parent.iterdir()) if path.parent.is_dir() else []


def _cells(number: int, line: str) -> Iterator[_Cell]:
    for match in _CELL.finditer(line):
        text = match[1].strip()
        if text.startswith('"'):
            text = text[1:-1].replace('""', '"').strip()
        yield _Cell(text, number, match.start(1) + 1)


def _take_header(sheet: _Sheet, number: int, line: str, known: Sequence[str]) -> None:
    """Read the names of the columns; a near miss of a known one is a fault."""
    if "," not in line and (mark := next((m for m in ";\t" if m in line), None)):
        at = f"{sheet.name}:{number}:{line.index(mark) + 1}"
        what = f"columns are separated by commas, got {mark!r}"
        raise DataError(f"{at}: {known[0]}: {what} - did you mean ','?")
    cells = list(_cells(number, line))
    there = {cell.text for cell in cells}
    for cell in cells:
        missing = [name for name in known if name not in there]
        if cell.text in sheet.header:
            sheet.fault(cell, cell.text, "a second column of this name")
        elif cell.text not in known:
            near = nearest(cell.text, missing, cutoff=0.75)
            if near:
                sheet.fault(cell, cell.text, "no such column", f"'{near}'")
            elif not sheet.faults and cell.text:
                sheet.notes.append(f"{sheet.name}: column '{cell.text}' is not read")
        twice = cell.text in sheet.header or not cell.text
        sheet.header[f"column {cell.column}" if twice else cell.text] = cell


def _note_missing(sheet: _Sheet, required: Sequence[str]) -> bool:
    """Note the columns that are missing; return whether there are none."""
    first = next(iter(sheet.header.values()))
    named = " ".join(what for _, _, what in sheet.faults)
    for name in required:
        if name not in sheet.header and f"'{name}'" not in named:
            there = ", ".join(sheet.header)
            sheet.fault(_Cell("", first.line, 1), name, f"missing column, got {there}")
    return all(name in sheet.header for name in required)


BOUNDS: dict[str, dict[str, Any]] = {
    "unit_mw": {"above": True},
    "count": {"whole": True},
    "forced_outage_frac": {"most": 1},
    "mttf_h": {"above": True},
    "mttr_h": {"above": True},
    "start_failure_frac": {"most": 1},
    "derated_frac_of_time": {"most": 1},
}
"""What a column's numbers must keep; the others must not be negative."""


# Cells to numbers ----------------------------------------------------------------------


def _number(
    sheet: _Sheet,
    row: dict[str, _Cell],
    column: str,
    *,
    least: float = 0.0,
    most: float = math.inf,
    above: bool = False,
    whole: bool = False,
) -> float | None:
    """Return a cell's number within its bounds; None where it is empty or at fault."""
    cell = row.get(column)
    if cell is None or not cell.text:
        if column in (*REQUIRED, LOAD_COLUMN):
            first = next(iter(row.values()))
            sheet.fault(
                cell or _Cell("", first.line, 1), column, "missing, got nothing"
            )
        return None
    try:
        value = float(cell.text)
    except ValueError:
        value = math.nan
    if "_" in cell.text or not math.isfinite(value):
        what = f"not a number, got '{cell.text}'"
        sheet.fault(cell, column, what, _meant(cell.text, most))
        return None
    if value > most:
        percent = f"{value / 100:g}" if most == 1 and value <= 100 else None
        sheet.fault(cell, column, f"above {most:g}, got {cell.text}", percent)
        return None
    if value < least or (above and value == least):
        bound = "not above" if above else "below"
        sheet.fault(cell, column, f"{bound} {least:g}, got {cell.text}")
        return None
    if whole and value % 1:
        sheet.fault(cell, column, f"not a whole number, got {cell.text}")
        return None
    return value


def _meant(text: str, most: float) -> str | None:
    """Return the number that may have been meant."""
    if text.endswith("%"):
        plain, factor = text[:-1], 0.01 if most == 1 else 1.0
    else:
        plain, factor = text, 1.0
    thousands = re.fullmatch(r"\d{1,3}([, _]\d{3})+(\.\d+)?", plain)
    plain = re.sub("[, _]", "", plain) if thousands else plain.replace(",", ".")
    found = re.match(r"[-+]?\d*\.?\d+", plain.strip())
    return f"{float(found[0]) * factor:g}" if found else None


def _unit_rows(sheet: _Sheet) -> Iterator[UnitRow]:
    """Yield the rows of units; those at fault are left out.

    Where a column is missing none can be made, but the others are looked at.
    """
    complete = all(name in sheet.header for name in REQUIRED)
    for row in sheet.rows:
        before = len(sheet.faults)
        get = {
            name: _number(sheet, row, name, **BOUNDS.get(name, {}))
            for name in UNIT_COLUMNS
            if name in sheet.header
        }
        if len(sheet.faults) > before or not complete:
            continue
        values = {name: value for name, value in get.items() if value is not None}
        count = int(values.pop("count"))
        unit = UnitRow(line=row["count"].line, count=count, **values)
        _check_unit(sheet, row, unit)
        yield unit


def _check_unit(sheet: _Sheet, row: dict[str, _Cell], unit: UnitRow) -> None:
    """Note what contradicts itself in a row."""
    out, mttf, mttr = unit.forced_outage_frac, unit.mttf_h, unit.mttr_h
    at = row["forced_outage_frac"]
    if mttf is not None and mttr is not None:
        told = mttr / (mttf + mttr)
        if abs(out - told) > max(ROUNDED_FRAC, RELATIVE * out):
            what = f"contradicts mttf_h {mttf:g} and mttr_h {mttr:g}, got {at.text}"
            sheet.fault(at, "forced_outage_frac", what, f"{told:.4g}")
    elif mttf is not None and out in (0, 1):
        never = "never out has no" if out == 0 else "always out has no"
        what = f"a unit that is {never} mttf_h, got {row['mttf_h'].text}"
        sheet.fault(row["mttf_h"], "mttf_h", what)
    share = unit.derated_frac_of_time
    if (unit.derated_mw is None) != (share == 0) and (share or unit.derated_mw):
        lacks = DERATED[0] if unit.derated_mw is None else DERATED[1]
        sheet.fault(at, lacks, f"missing beside {DERATED[lacks == DERATED[0]]}")
    if unit.derated_mw is not None and unit.derated_mw > unit.unit_mw:
        what = f"above unit_mw {unit.unit_mw:g}, got {row['derated_mw'].text}"
        sheet.fault(row["derated_mw"], "derated_mw", what)
    if out + share > 1 + 1e-12:
        what = f"out and derated are {out + share:g} of the time, got {share:g}"
        sheet.fault(row["derated_frac_of_time"], "derated_frac_of_time", what)


def _load(sheet: _Sheet) -> Floats:
    """Return the hourly loads; whole days."""
    values = [_number(sheet, row, LOAD_COLUMN) for row in sheet.rows]
    load_mw = np.array([0.0 if v is None else v for v in values])
    days, over = divmod(len(values), HOURS_PER_DAY)
    if over:
        last = sheet.rows[-1].get(LOAD_COLUMN) or next(iter(sheet.rows[-1].values()))
        what = f"not whole days, got {len(values):,} hours: {days} days and {over} h"
        sheet.fault(last, LOAD_COLUMN, what)
    elif not sheet.faults and not load_mw.any():
        first = sheet.rows[0][LOAD_COLUMN]
        sheet.fault(first, LOAD_COLUMN, "no load in any hour, got zeros only")
    return load_mw
