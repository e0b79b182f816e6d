"""The catalogue of costs and machines, and the files that come with energyopt.

``from: ENTRY`` in a section of a case takes what the section does not say from an entry
of ``data/catalogue.csv``, each figure with its source, range and confidence.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

from energyopt.errors import DataError
from energyopt.yamltree import (
    Confidence,
    Entry,
    Faults,
    Origin,
    Place,
    as_entry,
    joined,
    nearest,
    shown,
)

_COLUMNS = {
    *("name", "field", "value", "low", "high", "unit"),
    *("price_year", "source", "confidence", "note"),
}


@dataclass(frozen=True)
class Figure:
    """One value of a catalogue entry."""

    value: Any
    origin: Origin


Catalogue = Mapping[str, Mapping[str, Figure]]
"""Entry name to field to figure."""


def packaged(folder: Literal["data", "cases"], name: str = "") -> Path:
    """Return the path of a file that comes with energyopt; it need not exist.

    An installed package carries ``data`` and ``cases`` inside, a checkout beside itself.
    """
    package = Path(__file__).resolve().parent
    inside = package / folder
    return (inside if inside.is_dir() else package.parent / folder) / name


def packaged_cases() -> list[Path]:
    """Return the cases that come with energyopt.

    ``*_sweep.yaml`` and ``sites.yaml`` are sweeps and candidate sites of them.
    """
    found = packaged("cases").glob("*.yaml")
    return sorted(p for p in found if not p.stem.endswith(("_sweep", "sites")))


def read_catalogue(path: Path | None = None) -> Catalogue:
    """Return the catalogue of costs and machines.

    Parameters
    ----------
    path : Path, optional
        A CSV with the columns name, field, value, low, high, unit, price_year, source,
        confidence and note. The packaged one by default. A value is a number, ``true``,
        ``false``, ``null``, a JSON list, or else text.

    Raises
    ------
    DataError
        If it is missing or a row cannot be read.
    """
    path = path or packaged("data", "catalogue.csv")
    found: dict[str, dict[str, Figure]] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file)
            if missing := _COLUMNS - set(rows.fieldnames or ()):
                raise DataError(f"{path}:1: no column {', '.join(sorted(missing))}")
            for row in rows:
                entry = found.setdefault(row["name"], {})
                if row["field"] in entry:
                    what = f"{row['name']}.{row['field']} is there twice"
                    raise DataError(f"{path}:{rows.line_num}: {what}")
                try:
                    entry[row["field"]] = _figure(row)
                except ValueError as error:
                    raise DataError(f"{path}:{rows.line_num}: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from None
    return found


def _figure(row: Mapping[str, str]) -> Figure:
    """Read one row of the catalogue."""
    confidence = row["confidence"] or None
    if confidence not in (None, *get_args(Confidence)):
        raise ValueError(f"confidence is low, medium or high (got '{confidence}')")

    def number(column: str) -> float | None:
        return float(row[column]) if row[column] else None

    origin = Origin(
        kind="catalogue",
        text=row["source"],
        confidence=cast("Confidence | None", confidence),
        low=number("low"),
        high=number("high"),
        unit=row["unit"] or None,
        price_year=int(row["price_year"]) if row["price_year"] else None,
        note=row["note"],
    )
    try:
        value = json.loads(row["value"])
    except ValueError:
        value = row["value"]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"a figure must be finite (got {value})")
    return Figure(value, origin)


def fill(
    entry: Entry, catalogue: Callable[[], Catalogue], faults: Faults, path: str = ""
) -> None:
    """Fill every section that has ``from`` with the fields of its catalogue entry.

    Parameters
    ----------
    entry : Entry
        The tree; it is changed. A section whose ``from`` is wrong is marked so.
    catalogue : callable
        Gives the catalogue; called only where something asks for it.
    faults : Faults
        Takes what is wrong.
    path : str
        Where the tree stands in the case.
    """
    if isinstance(entry.value, list):
        for i, item in enumerate(entry.value):
            fill(item, catalogue, faults, joined(path, i))
    if not isinstance(entry.value, dict):
        return
    for key, child in entry.value.items():
        fill(child, catalogue, faults, joined(path, key))
    if (named := entry.value.pop("from", None)) is None:
        return
    figures = catalogue().get(named.value) if isinstance(named.value, str) else None
    here, kind, meant = joined(path, "from"), entry.value.get("kind"), None
    if figures is None:
        meant = nearest(str(named.value), list(catalogue()))
        what = f"no such entry in the catalogue (got {shown(named.value)})"
    elif kind and "kind" in figures and figures["kind"].value != kind.value:
        what = f"'{named.value}' is of kind {figures['kind'].value}, not {kind.value}"
    else:
        for name, figure in figures.items():
            _fill_in(entry, name, figure, named.place)
        return
    faults.add(named.place, here, what, meant)
    entry.filled = False


def _fill_in(entry: Entry, name: str, figure: Figure, place: Place) -> None:
    """Put one figure into a section, unless it says its own; ``a.b`` is b in a."""
    *sections, last = name.split(".")
    for section in sections:
        blank = Entry({}, place, figure.origin)
        entry = entry.value.setdefault(section, blank)
        if not isinstance(entry.value, dict):
            return
    entry.value.setdefault(last, as_entry(figure.value, place, figure.origin))
