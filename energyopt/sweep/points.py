"""The points of a sweep: each a checked case, where it starts from, and its key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from energyopt.casefile import CaseFile, read_case, read_catalogue
from energyopt.errors import CaseError
from energyopt.overlay import Setting
from energyopt.sweep.asked import Asked
from energyopt.sweep.designs import BASE, Draft, drafts
from energyopt.sweep.keys import case_mark, contents, key_of, table_names
from energyopt.sweep.questions import Ask
from energyopt.yamltree import DEFAULT, Place, as_entry


@dataclass(frozen=True)
class Point:
    """One case of the sweep.

    Parameters
    ----------
    design, label, source : str
        Which part of the sweep asks for it, its name there, and who gives the range.
    casefile : CaseFile
        Solved with one thread, so that answers do not depend on the machine's cores.
    tables : dict of str to bytes
        What its tables hold, but for packaged ones.
    key : str
        Names its folder: case, data, code, and what it starts from.
    starts_from : str, optional
        Key of the run whose cuts it starts from.
    held : str, optional
        Key of the run whose sizes it is held at, or may cost little more than.
    ask : LeastOf or Near, optional
        What it is asked for instead of the least-cost plant.
    """

    design: str
    label: str
    source: str
    casefile: CaseFile
    tables: Mapping[str, bytes]
    key: str
    starts_from: str | None
    held: str | None = None
    ask: Ask | None = None


@dataclass(frozen=True)
class Row:
    """A line of the table: a point, sized anew, or at the base's sizes, or both."""

    point: Point
    fixed: Point | None


@dataclass(frozen=True)
class Points:
    """All points of a sweep."""

    rows: list[Row]
    paths: list[str]  # what is varied
    designs: tuple[str, ...]
    runs: dict[str, Point] = field(default_factory=dict)  # by key; parents first


def read_base(asked: Asked) -> CaseFile:
    """Return the case of a sweep, with what is changed in every point."""
    return read_case(asked.case, [*asked.changes, _one_thread()])


def points_of(asked: Asked) -> Points:
    """Return every point of a sweep, checked, before the first is solved.

    Raises
    ------
    CaseError
        With every fault of every point, each told once.
    """
    faults: list[str] = []
    catalogue = read_catalogue()
    base = _read(asked, (), catalogue, faults)
    _each_alone(asked, catalogue, faults)
    if base is None or faults:
        raise CaseError("\n".join(dict.fromkeys(faults)))
    made = drafts(asked, base)
    read = [_read(asked, draft.settings, catalogue, faults) for draft in made]
    if faults:
        raise CaseError("\n".join(dict.fromkeys(faults)))
    casefiles = [casefile for casefile in read if casefile is not None]
    return _joined(made, casefiles, asked)


def _read(
    asked: Asked, settings: Sequence[Setting], catalogue: Any, faults: list[str]
) -> CaseFile | None:
    every = [*asked.changes, *settings, _one_thread()]
    try:
        return read_case(asked.case, every, catalogue=catalogue)
    except CaseError as error:
        faults += str(error).splitlines()
        return None


def _each_alone(asked: Asked, catalogue: Any, faults: list[str]) -> None:
    """Try each value of the grid and each scenario by itself."""
    for axis in asked.grid:
        for setting in axis.values:
            _read(asked, [setting], catalogue, faults)
    for settings in (*asked.scenarios.values(), *asked.sites.values()):
        _read(asked, settings, catalogue, faults)


def _one_thread() -> Setting:
    nowhere = as_entry(1, Place("sweep"), DEFAULT)
    return Setting("solve.threads", nowhere)


def _joined(made: list[Draft], casefiles: list[CaseFile], asked: Asked) -> Points:
    """Return the points with their keys; a case that is asked for twice is one point."""
    paths = asked.paths
    found = Points([], paths, asked.designs)
    first: dict[Any, Point] = {}  # by case, and what is asked for
    by_place: list[Point] = []
    tables: dict[tuple[str, ...], dict[str, bytes]] = {}
    for draft, casefile in zip(made, casefiles, strict=True):
        names = tuple(table_names(casefile))
        if names not in tables:
            tables[names] = contents(names, casefile.base_dir)
        case = case_mark(casefile, tables[names])
        start = None if draft.starts_from is None else by_place[draft.starts_from].key
        same = first.get((case, draft.ask))
        held = start if draft.ask is not None else None
        point = Point(
            draft.design,
            draft.label,
            draft.source,
            casefile,
            tables[names],
            same.key if same else key_of(case, start, held, draft.ask),
            same.starts_from if same else start,
            held,
            draft.ask,
        )
        first.setdefault((case, draft.ask), point)
        by_place.append(point)
        fixed = (
            _fixed(point, by_place[BASE], case) if "fixed" in asked.designs else None
        )
        found.rows.append(Row(point, fixed))
        wanted = "reoptimised" in asked.designs or len(by_place) == 1 or draft.ask
        for run in ([point] if wanted else []) + ([fixed] if fixed else []):
            found.runs.setdefault(run.key, run)
    return found


def _fixed(point: Point, base: Point, case: str) -> Point | None:
    """Return a point at the sizes of the base; the base itself is at them already."""
    if point.key == base.key or point.ask is not None:
        return None
    return Point(
        point.design,
        point.label,
        point.source,
        point.casefile,
        point.tables,
        key_of(case, base.key, base.key),
        base.key,
        held=base.key,
    )
