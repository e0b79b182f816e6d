"""Read a case file: its tree, its base, ``--set``, the catalogue, and the check.

The file becomes a tree (:mod:`energyopt.yamltree`), laid over that of its ``base``; the
``--set`` are put in (:mod:`energyopt.overlay`), every ``from`` is filled from the
catalogue (:mod:`energyopt.catalogue`), and pydantic checks the plain values; what it
refuses is traced back to a line and column (:mod:`energyopt.refusals`). All faults are
collected and raised together.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.representer import RoundTripRepresenter

from energyopt.case import Case
from energyopt.catalogue import (
    Catalogue,
    fill,
    packaged,
    packaged_cases,
    read_catalogue,
)
from energyopt.overlay import Setting, merged, put, read_set
from energyopt.refusals import explain
from energyopt.yamltree import (
    DEFAULT,
    Entry,
    Faults,
    Origin,
    Place,
    Reading,
    holds,
    joined,
    nearest,
    plain,
)

__all__ = [
    "QUICK",
    "CaseFile",
    "Origin",
    "origin_text",
    "packaged",
    "read_case",
    "read_catalogue",
    "read_checked",
    "resolved_yaml",
    "values",
]

QUICK = (
    "horizon.kind=weeks",
    "horizon.weeks=4",
    "solve.gap_frac=0.01",
    "solve.time_limit_s=60",
)
"""What ``--quick`` sets, before the user's own ``--set``; as in ``cases/quick.yaml``."""


Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class CaseFile:
    """A case that was read and checked.

    Parameters
    ----------
    case : Case
        The checked case.
    path : Path
        The file.
    base_dir : Path
        Relative tables are found from here.
    resolved : dict
        Every value, defaults included, as plain data; itself a valid case.
    origins : dict of str to Origin
        By path (``weather.years[0].solar_table``), one for each value in ``resolved``.
    sets : tuple of str
        The ``--set`` that were applied.
    """

    case: Case
    path: Path
    base_dir: Path
    resolved: dict[str, Any]
    origins: dict[str, Origin]
    sets: tuple[str, ...] = ()


@dataclass
class _Files:
    """Reads a case file and the bases under it into one tree."""

    model: type[BaseModel]
    faults: Faults
    bases: bool = True  # whether ``base`` at the top names one
    count: int = 0

    def tree(self, path: Path, above: tuple[Path, ...] = ()) -> Entry | None:
        """Return the tree of a file, laid over that of its base.

        ``above`` has the files that name this one as base.
        """
        number = self.count
        self.count += 1

        def place(line: int, column: int) -> Place:
            text = f"{path}:{line + 1}:{column + 1}"
            return Place(text, (number, line, column))

        def source(line: int) -> Origin:
            return Origin(kind="case", text=f"{path.name}:{line}")

        text = self.text(path, Place(str(path), (number, 0, 0)), place)
        if text is None:
            return None
        before = len(self.faults.found)
        root = Reading(place, source, self.faults).tree(text)
        if root is None or not isinstance(root.value, dict):
            if len(self.faults.found) == before:
                what = "is empty" if root is None else "must be a mapping (key: value)"
                self.faults.add(place(0, 0), "", what)
            return None
        if self.model is Case and "case" in root.value and "base" not in root.value:
            command = "sites" if "sites" in root.value else "sweep"
            what = f"is no case; for such a file: energyopt {command} {path}"
            self.faults.add(place(0, 0), "", what)
            return None
        if not self.bases or (base := root.value.pop("base", None)) is None:
            return root
        return self.over_base(root, base, path, (*above, path.resolve()))

    def text(
        self, path: Path, nowhere: Place, place: Callable[[int, int], Place]
    ) -> str | None:
        """Return what a file says, ``None`` if it is no text of YAML 1.2."""
        try:
            raw = path.read_bytes()
        except FileNotFoundError:
            near = sorted(p.name for p in path.parent.glob("*.y*ml"))
            meant = nearest(path.name, near, 0.75)
            self.faults.add(nowhere, "", "no such file", meant)
            return None
        except OSError as error:
            self.faults.add(nowhere, "", f"cannot be read: {error.strerror}")
            return None
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            before = raw[: error.start]
            column = len(before) - before.rfind(b"\n") - 1
            what = f"not UTF-8 (byte 0x{raw[error.start]:02x})"
            self.faults.add(place(before.count(b"\n"), column), "", what)
            return None
        if directive := re.match(r"(?:\s*#.*\n|\s*\n)*%YAML +(?!1\.2)(\S+)", text):
            line = text[: directive.start(1)].count("\n")
            what = f"case files are YAML 1.2 (got {directive[1]})"
            self.faults.add(place(line, 0), "", what)
            return None
        return text

    def over_base(
        self, root: Entry, base: Entry, path: Path, chain: tuple[Path, ...]
    ) -> Entry | None:
        """Return a sensitivity's tree laid over that of the case it names as base."""
        other = self.base_path(base, path)
        if other is None:
            return None
        if other.resolve() in chain:
            what = f"leads back to itself (got '{base.value}')"
            self.faults.add(base.place, "base", what)
            return None
        under = self.tree(other, chain)
        if under is None:
            return None
        for own in ("name", "title"):  # a sensitivity has its own
            under.value.pop(own, None)
        if other.parent.resolve() != path.parent.resolve():
            _move_tables(under, other.parent, path.parent)
        return merged(under, root, self.model, self.faults)

    def base_path(self, base: Entry, path: Path) -> Path | None:
        """Return the file that a case names as base, if it is there."""
        if not isinstance(base.value, str) or not base.value:
            what = "names a case file, or builtin:NAME"
            self.faults.add(base.place, "base", what)
            return None
        if base.value.startswith("builtin:"):
            name = base.value.removeprefix("builtin:")
            other = packaged("cases", f"{name}.yaml")
            near = nearest(name, [p.stem for p in packaged_cases()])
            what, meant = "no such packaged case", f"builtin:{near}" if near else None
        else:
            other = path.parent / base.value
            near = nearest(other.name, [p.name for p in other.parent.glob("*.y*ml")])
            what, meant = "no such file", near
        if other.is_file():
            return other
        self.faults.add(base.place, "base", f"{what} (got '{base.value}')", meant)
        return None


def _move_tables(entry: Entry, old: Path, new: Path) -> None:
    """Make relative tables of a base in another folder relative to the case's folder."""
    children = entry.value.items() if isinstance(entry.value, dict) else ()
    for item in entry.value if isinstance(entry.value, list) else ():
        _move_tables(item, old, new)
    for key, child in children:
        named = key == "table" or key.endswith("_table")
        if named and isinstance(child.value, str) and ":" not in child.value:
            moved = os.path.relpath(old.resolve() / child.value, new.resolve())
            child.value = Path(moved).as_posix()
        else:
            _move_tables(child, old, new)


def read_case(
    path: str | Path,
    sets: Sequence[str | Setting] = (),
    *,
    model: type[BaseModel] = Case,
    catalogue: Catalogue | None = None,
) -> CaseFile:
    """Return the case in a file, checked.

    Parameters
    ----------
    path : str or Path
        YAML 1.2. ``base: other.yaml`` (or ``builtin:NAME``) at its top takes everything
        but name and title from another case. ``from: ENTRY`` in a mapping takes the
        fields that the mapping does not have from the catalogue.
    sets : sequence of str or Setting
        ``path=value``, each laid over the file in turn; ``technologies.wind=null``
        removes a technology.
    model : type, optional
        The schema.
    catalogue : mapping, optional
        Read from the packaged table, when first asked for, by default.

    Raises
    ------
    CaseError
        If anything is wrong: one line per fault, all at once, as ``file:line:col: path:
        what``. A file that does not exist is such a fault too.
    """
    path = Path(path)
    read: list[Catalogue] = [] if catalogue is None else [catalogue]

    def known() -> Catalogue:
        if not read:
            read.append(read_catalogue())
        return read[0]

    faults = Faults()
    root = _Files(model, faults).tree(path)
    if root is None:
        faults.stop()
    root = cast("Entry", root)
    for number, given in enumerate(sets):
        setting = read_set(given, number, faults) if isinstance(given, str) else given
        if setting is not None:
            put(root, setting, model, faults)
    fill(root, known, faults)
    case = _checked(root, model, faults)
    faults.stop()
    case = cast("Case", case)
    resolved = case.model_dump(mode="json")
    return CaseFile(
        case=case,
        path=path,
        base_dir=path.parent,
        resolved=resolved,
        origins=dict(_origins(resolved, root, "")),
        sets=tuple(s if isinstance(s, str) else s.text for s in sets),
    )


def read_checked(path: Path, model: type[Model], faults: Faults) -> tuple[Entry, Model]:
    """Return the tree of another file of ours, such as a sweep, and what it says.

    Raises
    ------
    CaseError
        As of :func:`read_case`; with every fault noted before.
    """
    root = _Files(model, faults, bases=False).tree(path)
    found = None if root is None else _checked(root, model, faults)
    faults.stop()
    return cast("Entry", root), cast("Model", found)


def _checked(root: Entry, model: type[BaseModel], faults: Faults) -> BaseModel | None:
    """Return the checked case, or note what pydantic refuses and return ``None``."""
    try:
        # Strict, so that '250' and true are no numbers; as JSON, so that a list may
        # become a tuple.
        return model.model_validate_json(json.dumps(plain(root)), strict=True)
    except ValidationError as error:
        explain(error, root, model, faults)
    return None


def _is_leaf(value: Any) -> bool:
    """Whether a value is shown as one: a scalar, or a list without mappings."""
    if isinstance(value, list):
        return not any(isinstance(item, dict) for item in value)
    return not isinstance(value, dict) or not value


def _origins(
    value: Any, entry: Entry | None, path: str
) -> Iterator[tuple[str, Origin]]:
    """Yield the origin of each value."""
    if _is_leaf(value):
        yield path, entry.origin if entry is not None else DEFAULT
        return
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, child in items:
        held = entry is not None and holds(entry.value, key)
        below = entry.value[key] if entry is not None and held else None
        yield from _origins(child, below, joined(path, key))


# Showing -------------------------------------------------------------------------------


def values(casefile: CaseFile) -> dict[str, Any]:
    """Return every value by its path, in the order of the schema."""

    def walk(value: Any, path: str) -> Iterator[tuple[str, Any]]:
        if _is_leaf(value):
            yield path, value
            return
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, child in items:
            yield from walk(child, joined(path, key))

    return dict(walk(casefile.resolved, ""))


def origin_text(origin: Origin) -> str:
    """Return an origin in one line: source, range, price year, confidence, note."""
    parts = [origin.text or origin.kind]
    if origin.low is not None and origin.high is not None:
        unit = f" {origin.unit}" if origin.unit not in (None, "1") else ""
        parts.append(f"range {origin.low:,.10g} to {origin.high:,.10g}{unit}")
    if origin.price_year is not None:
        parts.append(f"{origin.price_year} dollars")
    if origin.confidence == "low":
        parts.append("LOW CONFIDENCE")
    elif origin.confidence is not None:
        parts.append(f"{origin.confidence} confidence")
    if origin.note:
        parts.append(origin.note)
    return " ".join("; ".join(parts).split())


class _ShowsNull(RoundTripRepresenter):
    """Writes ``null`` as a word, not as nothing."""

    def represent_none(self, data: None) -> Any:
        return self.represent_scalar("tag:yaml.org,2002:null", "null")


_ShowsNull.add_representer(type(None), _ShowsNull.represent_none)


def resolved_yaml(casefile: CaseFile) -> str:
    """Return the complete case as YAML, the origin of each value beside it.

    The text is itself a valid case, without base, catalogue or ``--set``.
    """

    def commented(value: Any, path: str) -> Any:
        if _is_leaf(value):
            if not isinstance(value, list):
                return value
            flow = CommentedSeq(
                commented(item, "") if isinstance(item, list) else item
                for item in value
            )
            flow.fa.set_flow_style()
            return flow
        pairs = list(value.items() if isinstance(value, dict) else enumerate(value))
        made: Any = CommentedMap() if isinstance(value, dict) else CommentedSeq()
        for key, child in pairs:
            below = commented(child, joined(path, key))
            made.append(below) if isinstance(value, list) else made.update({key: below})
        for key, child in pairs:
            if _is_leaf(child):
                text = origin_text(casefile.origins[joined(path, key)])
                made.yaml_add_eol_comment(text, key, column=0)
        return made

    yaml = YAML()
    yaml.Representer = _ShowsNull
    yaml.width = 10**6
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = StringIO()
    yaml.dump(commented(casefile.resolved, ""), out)
    return out.getvalue()
