"""What a sweep varies, as its file or the command line says it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from energyopt.case import Section
from energyopt.casefile import CaseFile, packaged, read_checked, values
from energyopt.catalogue import packaged_cases
from energyopt.overlay import Setting, read_set
from energyopt.yamltree import Entry, Faults, Place, as_entry, nearest, shown

MOST_POINTS = 100_000
_RANGE = re.compile(r"range\(([^,()]+),([^,()]+),([^,()]+)\)")

Design = Literal["reoptimised", "fixed"]


class Ends(Section):
    """Low and high of one value, and who says so."""

    low: float
    high: float
    source: str = Field(min_length=1)
    """Where the range comes from; stands in the table."""


class Sample(Section):
    """Points spread evenly over ranges."""

    method: Literal["latin_hypercube", "sobol"] = "latin_hypercube"
    points: int = Field(ge=1, le=MOST_POINTS)
    seed: int = Field(default=0, ge=0)
    over: dict[str, Ends | None] = Field(min_length=1)
    """Path -> range; ``null`` takes the catalogue's."""


class SweepFile(Section):
    """A sweep: one case, and what is varied in it."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=64)
    title: str = ""
    case: str
    """A case file, relative to this one, or ``builtin:NAME``."""
    changes: dict[str, Any] = Field(default_factory=dict)
    """Path -> value, in every point, the base too; a point's own value wins."""
    grid: dict[str, list[Any] | str] = Field(default_factory=dict)
    """Path -> values, or ``range(low, high, step)`` with both ends in it. The first
    value of each is where the others start from: make it the easiest."""
    tornado: dict[str, Ends | None] = Field(default_factory=dict)
    """Path -> range, one at a time; ``null`` takes the catalogue's."""
    sample: Sample | None = None
    scenarios: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Name -> path -> value."""
    designs: list[Design] = Field(default=["reoptimised"], min_length=1)
    """``reoptimised``: every point sized anew. ``fixed``: the base plant, its sizes
    held, dispatched in every point. Both: both in the table."""


@dataclass(frozen=True)
class Axis:
    """A path and the values it takes."""

    path: str
    values: tuple[Setting, ...]


@dataclass(frozen=True)
class Spread:
    """A path and its range; without one, the catalogue's."""

    path: str
    at: Entry
    ends: Ends | None


@dataclass(frozen=True)
class Asked:
    """What a sweep varies.

    Parameters
    ----------
    name : str
        Of the sweep.
    case : Path
        The case file.
    changes : tuple of Setting
        In every point.
    grid : tuple of Axis
    tornado : tuple of Spread
    sample : Sample, optional
    over : tuple of Spread
        What the sample is spread over.
    scenarios : dict of str to tuple of Setting
    sites : dict of str to tuple of Setting
        Places, none of which starts from another; instead of all else.
    designs : tuple of str
    frontier : Axis, optional
        A limit, and the values it takes; in the base it is not set.
    near_frac : float, optional
        How much dearer than the optimum alternatives may be. [1]
    """

    name: str
    case: Path
    changes: tuple[Setting, ...] = ()
    grid: tuple[Axis, ...] = ()
    tornado: tuple[Spread, ...] = ()
    sample: Sample | None = None
    over: tuple[Spread, ...] = ()
    scenarios: dict[str, tuple[Setting, ...]] = field(default_factory=dict)
    sites: dict[str, tuple[Setting, ...]] = field(default_factory=dict)
    designs: tuple[Design, ...] = ("reoptimised",)
    frontier: Axis | None = None
    near_frac: float | None = None

    @property
    def paths(self) -> list[str]:
        """Everything that differs between points, in the order it was said."""
        found = [self.frontier.path] if self.frontier else []
        found += [axis.path for axis in self.grid]
        found += [spread.path for spread in (*self.tornado, *self.over)]
        for settings in (*self.scenarios.values(), *self.sites.values()):
            found += [s.path for s in settings]
        return list(dict.fromkeys(found))


# The command line ----------------------------------------------------------------------


def asked_on_line(case: Path, sets: Sequence[str], designs: Sequence[Design]) -> Asked:
    """Return the sweep of ``--set`` with several values; one value is for all points.

    Raises
    ------
    CaseError
        If a ``--set`` cannot be read, or sets a path again.
    """
    faults = Faults()
    changes: list[Setting] = []
    grid: list[Axis] = []
    seen: dict[str, str] = {}
    for number, text in enumerate(sets):
        path, equals, told = text.partition("=")
        path = path.strip()
        at = Place(f"--set {text}", (10**6 + number, 0, 0))
        if path in seen:
            faults.add(at, "", f"{path} is set twice, first by --set {seen[path]}")
            continue
        seen[path] = text
        words = _expanded(told, at, faults) if equals else [told]
        each = [f"{path}={word}" for word in words] if equals else [text]
        read = [read_set(one, number, faults) for one in each]
        values = tuple(value for value in read if value is not None)
        if len(each) == 1:
            changes += values
        else:
            grid.append(Axis(path, values))
    faults.stop()
    return Asked(
        name=case.stem,
        case=case,
        changes=tuple(changes),
        grid=tuple(grid),
        designs=tuple(designs),
    )


def _expanded(told: str, at: Place, faults: Faults) -> list[str]:
    """Return the values that ``1,2,3`` or ``range(1,3,1)`` stands for."""
    found: list[str] = []
    for word in split_at_commas(told):
        if word.strip().startswith("range("):
            found += [f"{v:.12g}" for v in numbers_of_range(word, at, faults)]
        else:
            found.append(word.strip())
    return found


def split_at_commas(text: str) -> list[str]:
    """Return what stands between commas that are in no bracket and no quotes.

    Examples
    --------
    >>> split_at_commas("1, [2, 3], 'a,b', range(1,3,1)")
    ['1', ' [2, 3]', " 'a,b'", ' range(1,3,1)']
    """
    parts, depth, quote, start = [], 0, "", 0
    for i, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter in "[{(":
            depth += 1
        elif letter in "]})":
            depth -= 1
        elif letter == "," and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    return [*parts, text[start:]]


def numbers_of_range(
    text: str, at: Place, faults: Faults, path: str = ""
) -> list[float]:
    """Return the numbers of ``range(low, high, step)``; a step that ends there has both ends."""
    match = _RANGE.fullmatch(text.strip())
    try:
        low, high, step = map(float, match.groups() if match else ("", "", ""))
    except ValueError:
        what = f"must be range(low, high, step), three numbers (got '{text.strip()}')"
        faults.add(at, path, what)
        return []
    count = math.floor((high - low) / step + 1e-9) + 1 if step else 0
    if not math.isfinite(low + high + step) or not 1 <= count <= MOST_POINTS:
        faults.add(at, path, f"has no numbers, or too many (got '{text.strip()}')")
        return []
    return [float(f"{low + i * step:.12g}") for i in range(count)]


# The sweep file ------------------------------------------------------------------------


def asked_in_file(path: Path) -> Asked:
    """Return the sweep that a file describes.

    Raises
    ------
    CaseError
        If anything in it is wrong: a line per fault, as of a case file.
    """
    faults = Faults()
    root, said = read_checked(path, SweepFile, faults)
    tree: dict[str, Entry] = root.value
    case = case_of(said.case, tree["case"], path, faults)
    grid = tuple(_axes(tree.get("grid"), faults))
    changes = settings_of(tree.get("changes"))
    scenarios = {
        name: settings_of(entry)
        for name, entry in (tree["scenarios"].value if said.scenarios else {}).items()
    }
    over = tree["sample"].value["over"] if said.sample else None
    faults.stop()
    return Asked(
        name=said.name,
        case=case,
        changes=changes,
        grid=grid,
        tornado=_spreads(tree.get("tornado"), said.tornado),
        sample=said.sample,
        over=_spreads(over, said.sample.over if said.sample else {}),
        scenarios=scenarios,
        designs=tuple(dict.fromkeys(said.designs)),
    )


def is_sweep(path: Path) -> bool:
    """Whether a file describes a sweep, not a case: it names a ``case``."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    return re.search(r"^case:", text, re.MULTILINE) is not None


def case_of(name: str, at: Entry, path: Path, faults: Faults) -> Path:
    """Return the case file that a sweep, or a file of sites, names."""
    if name.startswith("builtin:"):
        found = packaged("cases", f"{name.removeprefix('builtin:')}.yaml")
        known = [f"builtin:{p.stem}" for p in packaged_cases()]
    else:
        found = path.parent / name
        known = [p.name for p in found.parent.glob("*.y*ml") if p != path]
    if not found.is_file():
        meant = nearest(name, known)
        faults.add(at.place, "case", f"no such file (got '{name}')", meant)
    return found


def settings_of(entry: Entry | None) -> tuple[Setting, ...]:
    """Return the settings of a mapping of paths; of none, none."""
    told = entry.value if entry is not None and entry.value else {}
    return tuple(Setting(path, value) for path, value in told.items())


def _axes(entry: Entry | None, faults: Faults) -> Iterator[Axis]:
    """Yield the axes of a grid; a range is written out."""
    for path, told in (entry.value if entry is not None else {}).items():
        values = told.value
        if isinstance(values, str):
            numbers = numbers_of_range(values, told.place, faults, path)
            values = [as_entry(v, told.place, told.origin) for v in numbers]
        elif not values:
            faults.add(told.place, path, "needs a value or more")
        yield Axis(path, tuple(Setting(path, value) for value in values))


def _spreads(entry: Entry | None, said: dict[str, Ends | None]) -> tuple[Spread, ...]:
    told = entry.value if entry is not None and entry.value else {}
    return tuple(Spread(path, told[path], ends) for path, ends in said.items())


def ends_of(spread: Spread, base: CaseFile, faults: Faults) -> Ends | None:
    """Return a range, the catalogue's where the sweep gives none.

    What the catalogue does not know, or knows of another value than the case's, is a
    fault.
    """
    value, origin = values(base).get(spread.path), base.origins.get(spread.path)
    at = spread.at.place
    if origin is None or isinstance(value, bool) or not isinstance(value, int | float):
        meant = nearest(spread.path, list(base.origins))
        what = "is no number of the case" if origin else "there is no such value"
        got = f" (got {shown(value)})" if origin else ""
        faults.add(at, spread.path, f"{what}{got}", None if origin else meant)
        return None
    ends = spread.ends
    if ends is None:
        if origin.low is None or origin.high is None:
            faults.add(at, spread.path, "the catalogue has no range; give low and high")
            return None
        ends = Ends(low=origin.low, high=origin.high, source=origin.text or "catalogue")
    if not ends.low <= value <= ends.high:
        what = f"the base value {value:g} is not in {ends.low:g} to {ends.high:g}"
        faults.add(at, spread.path, what)
        return None
    return ends
