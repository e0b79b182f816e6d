"""Read a case file: YAML with positions, its base, the catalogue, ``--set``, the schema.

The file becomes a tree of :class:`Entry`, each of which knows where it stands. The tree
is laid over that of its ``base``, the ``--set`` are put in, every ``from`` is filled
from the catalogue, and pydantic checks the plain values; what it refuses is traced back
to a line and column. All faults are collected and raised together.
"""

from __future__ import annotations

import csv
import json
import math
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from io import StringIO
from pathlib import Path
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.representer import RoundTripRepresenter

from energyopt.case import Case
from energyopt.errors import CaseError, DataError
from energyopt.units import unit_of

Confidence = Literal["low", "medium", "high"]
_CORE_TAGS = {f"tag:yaml.org,2002:{t}" for t in ("null", "bool", "int", "float", "str")}
_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_MERGE = "tag:yaml.org,2002:merge"
_SET_PATH = re.compile(r"[^.\[\]\s]+(\[\d+\])*(\.[^.\[\]\s]+(\[\d+\])*)*")
_EXACT_INT = 2**53
_CATALOGUE_COLUMNS = {
    *("name", "field", "value", "low", "high", "unit"),
    *("price_year", "source", "confidence", "note"),
}


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a value comes from.

    Parameters
    ----------
    kind : str
        The case file (or its base), a ``--set``, the catalogue, or a default.
    text : str
        ``"pecos.yaml:14"``, the ``--set`` as typed, or the catalogue's source.
    confidence, low, high, unit, price_year, note
        What the catalogue says of the figure; ``low`` and ``high`` in ``unit``.
    """

    kind: Literal["case", "set", "catalogue", "default"]
    text: str
    confidence: Confidence | None = None
    low: float | None = None
    high: float | None = None
    unit: str | None = None
    price_year: int | None = None
    note: str = ""


DEFAULT = Origin(kind="default", text="default")


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


@dataclass(frozen=True)
class Place:
    """Where a fault is shown: ``pecos.yaml:14:3``, or the ``--set`` as typed."""

    text: str
    order: tuple[int, int, int] = (0, 0, 0)


@dataclass
class Entry:
    """A value of the tree: a scalar, a list of entries or a mapping to entries."""

    value: Any
    place: Place  # of its key; in a list, of the item
    origin: Origin


# Catalogue -----------------------------------------------------------------------------


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
            if missing := _CATALOGUE_COLUMNS - set(rows.fieldnames or ()):
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


# What the schema allows at a place -----------------------------------------------------


def _branches(annotation: Any) -> list[Any]:
    """Return what may stand here: the members of a union, without ``None``."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _branches(get_args(annotation)[0])
    if origin is Union or type(annotation).__name__ == "UnionType":
        return [b for a in get_args(annotation) for b in _branches(a)]
    return [] if annotation is type(None) else [annotation]


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _kinds(model: Any) -> tuple[str, ...]:
    """Return the values of a model's ``kind``, if it has one."""
    has = _is_model(model) and "kind" in model.model_fields
    return get_args(model.model_fields["kind"].annotation) if has else ()


def _fitting(annotation: Any, entry: Entry | None) -> list[Any]:
    """Return the branches that a value's ``kind`` leaves."""
    found = _branches(annotation)
    if entry is not None and isinstance(entry.value, dict) and "kind" in entry.value:
        kind = entry.value["kind"].value
        return [b for b in found if kind in _kinds(b)] or found
    return found


def _child(annotation: Any, key: str | int, entry: Entry | None = None) -> Any:
    """Return the annotation of a field, value or item; ``None`` where there is none."""
    for branch in _fitting(annotation, entry):
        if _is_model(branch) and key in branch.model_fields:
            return branch.model_fields[key].annotation
        if get_origin(branch) is dict:
            return get_args(branch)[1]
        if get_origin(branch) is list and isinstance(key, int):
            return get_args(branch)[0]
    return None


def _fields(annotation: Any, entry: Entry | None = None) -> list[str]:
    """Return the fields that a section may have here."""
    models = [b for b in _fitting(annotation, entry) if _is_model(b)]
    return list(dict.fromkeys(name for m in models for name in m.model_fields))


def _is_open(annotation: Any) -> bool:
    """Whether the keys here are the user's own, so that ``null`` removes one."""
    return any(get_origin(branch) is dict for branch in _branches(annotation))


def _known_paths(annotation: Any, entry: Entry | None, path: str = "") -> Iterator[str]:
    """Yield the path of every field of the schema, for keys that the case has."""
    value = entry.value if entry is not None else None
    keys = _fields(annotation, entry)
    if _is_open(annotation) and isinstance(value, dict):
        keys += value
    for key in keys:
        child = value.get(key) if isinstance(value, dict) else None
        here = _joined(path, key)
        yield here
        yield from _known_paths(_child(annotation, key, entry), child, here)


def _joined(path: str, key: str | int) -> str:
    """Return a path one step longer: ``load.facility_mw``, ``weather.years[0]``."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key


def _nearest(word: str, known: Sequence[str], cutoff: float = 0.6) -> str | None:
    """Return the known word closest to a misspelt one."""
    lower = {k.lower(): k for k in known}
    close = get_close_matches(word.lower(), lower, n=1, cutoff=cutoff)
    return lower[close[0]] if close else None


# Reading -------------------------------------------------------------------------------


@dataclass
class _Reader:
    """The state of one reading: the schema, the catalogue, and the faults so far."""

    model: type[BaseModel]
    catalogue: Callable[[], Catalogue]
    faults: list[tuple[Place, str]] = field(default_factory=list)
    files: int = 0
    unfilled: set[int] = field(
        default_factory=set
    )  # ids of entries whose `from` failed

    def fault(
        self, place: Place, path: str, what: str, meant: str | None = None
    ) -> None:
        """Note a fault."""
        hint = f" - did you mean '{meant}'" if meant else ""
        said = place.text.startswith(f"--set {path}=")  # the place names it already
        where = f"{path}: " if path and not said else ""
        self.faults.append((place, f"{where}{what}{hint}"))

    def stop(self) -> None:
        """Raise the faults, if there are any, in the order of the files' lines."""
        if self.faults:
            told = sorted(self.faults, key=lambda fault: fault[0].order)
            lines = [f"{place.text}: {text}" for place, text in told]
            raise CaseError("\n".join(dict.fromkeys(lines)))

    # Text to tree

    def parse(self, text: str, place: Callable[[int, int], Place], origin: str) -> Any:
        """Return the tree of a YAML text, ``None`` if it is empty.

        ``place`` turns a line and column, counted from 0, into a :class:`Place`;
        ``origin`` says where values come from, with ``{line}`` for the line.
        """
        yaml = YAML(typ="safe", pure=True)  # pure: YAML 1.2, so `on` is a word
        try:
            node = yaml.compose(StringIO(text))
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            what = " ".join(filter(None, [error.context, error.problem]))
            if "'\\t'" in what:
                what = "tabs cannot indent; use spaces"
            where = place(mark.line, mark.column) if mark else place(0, 0)
            self.fault(where, "", f"not valid YAML: {what}")
            return None
        except (YAMLError, RecursionError, ValueError) as error:
            deep = isinstance(error, RecursionError)
            what = "nested too deeply" if deep else str(error).partition("\n")[0]
            at = getattr(error, "position", 0)
            before = text[: at if isinstance(at, int) else 0]
            where = place(before.count("\n"), len(before) - before.rfind("\n") - 1)
            self.fault(where, "", f"not valid YAML: {what}")
            return None
        if node is None:
            return None

        def entry(node: Any, at: Place, path: str, above: tuple[int, ...]) -> Entry:
            line = node.start_mark.line + 1
            kind: Literal["case", "set"] = "case" if "{line}" in origin else "set"
            source = Origin(kind=kind, text=origin.replace("{line}", str(line)))
            if id(node) in above:
                self.fault(at, path, "holds itself")
                return Entry(None, at, source)
            within = (*above, id(node))
            if isinstance(node, MappingNode):
                return Entry(mapping(node, path, within), at, source)
            if isinstance(node, SequenceNode):
                marks = [item.start_mark for item in node.value]
                items = [
                    entry(item, place(m.line, m.column), _joined(path, i), within)
                    for i, (item, m) in enumerate(zip(node.value, marks, strict=True))
                ]
                return Entry(items, at, source)
            return Entry(self.scalar(yaml, node, at, path), at, source)

        def mapping(node: Any, path: str, above: tuple[int, ...]) -> dict[str, Entry]:
            found: dict[str, Entry] = {}
            for key_node, value_node in node.value:
                mark = key_node.start_mark
                at = place(mark.line, mark.column)
                if not isinstance(key_node, ScalarNode):
                    self.fault(at, path, "a key must be a word")
                    continue
                key = str(key_node.value)
                here = _joined(path, key)
                if key_node.tag == _MERGE:
                    self.fault(
                        at, here, "merge keys are not YAML 1.2; use base: or from:"
                    )
                elif key in found:
                    first = found[key].place.text
                    self.fault(at, here, f"duplicate key, first at {first}")
                else:
                    found[key] = entry(value_node, at, here, above)
            return found

        mark = node.start_mark
        return entry(node, place(mark.line, mark.column), "", ())

    def scalar(self, yaml: YAML, node: Any, at: Place, path: str) -> Any:
        """Return a scalar of YAML's core schema; a date stays text."""
        if node.tag == _TIMESTAMP:
            return node.value
        if node.tag not in _CORE_TAGS:
            self.fault(at, path, f"tags are not allowed (got {node.tag})")
            return None
        try:
            value = yaml.constructor.construct_object(node)
        except (YAMLError, ValueError):
            self.fault(at, path, f"cannot be read (got {node.value})")
            return None
        if isinstance(value, float) and not math.isfinite(value):
            self.fault(at, path, f"must be a finite number (got {node.value})")
            return None
        return value

    def file(self, path: Path, above: tuple[Path, ...] = ()) -> Entry | None:
        """Return the tree of a file, laid over that of its base."""
        number = self.files
        self.files += 1

        def place(line: int, column: int) -> Place:
            text = f"{path}:{line + 1}:{column + 1}"
            return Place(text, (number, line, column))

        nowhere = Place(str(path), (number, 0, 0))
        try:
            raw = path.read_bytes()
        except FileNotFoundError:
            near = sorted(p.name for p in path.parent.glob("*.y*ml"))
            self.fault(nowhere, "", "no such file", _nearest(path.name, near, 0.75))
            return None
        except OSError as error:
            self.fault(nowhere, "", f"cannot be read: {error.strerror}")
            return None
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            before = raw[: error.start]
            column = len(before) - before.rfind(b"\n") - 1
            what = f"not UTF-8 (byte 0x{raw[error.start]:02x})"
            self.fault(place(before.count(b"\n"), column), "", what)
            return None
        if directive := re.match(r"(?:\s*#.*\n|\s*\n)*%YAML +(?!1\.2)(\S+)", text):
            line = text[: directive.start(1)].count("\n")
            what = f"case files are YAML 1.2 (got {directive[1]})"
            self.fault(place(line, 0), "", what)
            return None
        sound = len(self.faults)
        root = self.parse(text, place, f"{path.name}:{{line}}")
        if root is None or not isinstance(root.value, dict):
            if len(self.faults) == sound:
                what = "is empty" if root is None else "must be a mapping (key: value)"
                self.fault(place(0, 0), "", what)
            return None
        if (base := root.value.pop("base", None)) is None:
            return cast("Entry", root)
        return self.over_base(root, base, path, above)

    def over_base(
        self, root: Entry, base: Entry, path: Path, above: tuple[Path, ...]
    ) -> Entry | None:
        """Return a sensitivity's tree laid over that of the case it names as base."""
        if not isinstance(base.value, str) or not base.value:
            self.fault(base.place, "base", "names a case file, or builtin:NAME")
            return None
        if base.value.startswith("builtin:"):
            name = base.value.removeprefix("builtin:")
            other = packaged("cases", f"{name}.yaml")
            if not other.is_file():
                names = [p.stem for p in packaged("cases").glob("*.yaml")]
                near = _nearest(name, names)
                meant = f"builtin:{near}" if near else None
                what = f"no such packaged case (got '{base.value}')"
                self.fault(base.place, "base", what, meant)
                return None
        else:
            other = path.parent / base.value
            if not other.is_file():
                near = _nearest(
                    other.name, [p.name for p in other.parent.glob("*.y*ml")]
                )
                what = f"no such file (got '{base.value}')"
                self.fault(base.place, "base", what, near)
                return None
        chain = (*above, path.resolve())
        if other.resolve() in chain:
            self.fault(base.place, "base", f"leads back to itself (got '{base.value}')")
            return None
        under = self.file(other, chain)
        if under is None:
            return None
        for own in ("name", "title"):  # a sensitivity has its own
            under.value.pop(own, None)
        if other.parent.resolve() != path.parent.resolve():
            _move_tables(under, other.parent, path.parent)
        return self.merged(under, root, self.model, "")

    def merged(self, under: Entry, over: Entry, annotation: Any, path: str) -> Entry:
        """Return ``over`` laid over ``under``: mappings key by key, the rest as a whole.

        ``null`` removes a technology (any key that is the user's own). A technology of
        another ``kind`` replaces the whole.
        """
        if not (isinstance(under.value, dict) and isinstance(over.value, dict)):
            return over
        kinds = [e.value["kind"].value for e in (under, over) if "kind" in e.value]
        if len(set(kinds)) > 1:
            return over
        found = dict(under.value)
        for key, entry in over.value.items():
            here = _joined(path, key)
            if entry.value is None and _is_open(annotation):
                if key not in found:
                    what = "is not in the base, so it cannot be removed"
                    self.fault(entry.place, here, what, _nearest(key, list(found)))
                found.pop(key, None)
            elif key in found:
                child = _child(annotation, key, under)
                found[key] = self.merged(found[key], entry, child, here)
            else:
                found[key] = entry
        return Entry(found, over.place, over.origin)

    # --set

    def put(self, root: Entry, text: str, number: int) -> None:
        """Put the value of one ``--set`` into the tree."""
        at = Place(f"--set {text}", (10**6 + number, 0, 0))
        path, equals, value_text = text.partition("=")
        path = path.strip()
        if not equals or not _SET_PATH.fullmatch(path):
            self.fault(at, "", "must be path=value, such as load.facility_mw=300")
            return
        sound = len(self.faults)
        origin = f"--set {text}".replace("{line}", "")
        value = self.parse(value_text, lambda line, column: at, origin)
        if len(self.faults) > sound:
            return
        if value is None:
            value = Entry(None, at, Origin(kind="set", text=origin))
        *inner, last = [
            int(step[1:-1]) if step.startswith("[") else step
            for step in re.findall(r"\[\d+\]|[^.\[\]]+", path)
        ]
        entry, annotation, here = root, cast("Any", self.model), ""
        for n, key in enumerate(inner):
            if not self.can_hold(entry, key, here, at):
                return
            if isinstance(key, str) and key not in entry.value:
                begins = n == len(inner) - 1 and last in ("kind", "from")
                if _is_open(annotation) and not begins:
                    known = [_joined(here, k) for k in entry.value]
                    wrong = _joined(here, key)
                    self.fault(at, "", f"there is no {wrong}", _nearest(wrong, known))
                    return
                entry.value[key] = Entry({}, at, value.origin)
            annotation = _child(annotation, key, entry)
            entry, here = entry.value[key], _joined(here, key)
        if not self.can_hold(entry, last, here, at):
            return
        if value.value is None and _is_open(annotation):
            if last not in entry.value:
                known = [_joined(here, k) for k in entry.value]
                wrong = _joined(here, last)
                what = f"there is no {wrong} to remove"
                self.fault(at, "", what, _nearest(wrong, known))
            entry.value.pop(last, None)
        else:
            entry.value[last] = value

    def can_hold(self, entry: Entry, key: str | int, path: str, at: Place) -> bool:
        """Whether a ``--set`` can step to ``key``; makes a section of ``null``."""
        if isinstance(key, int):
            length = len(entry.value) if isinstance(entry.value, list) else None
            if length is None:
                self.fault(at, "", f"{path} is not a list in the case; set it whole")
            elif key >= length:
                self.fault(at, "", f"{path} ends at [{length - 1}]")
            return length is not None and key < length
        if entry.value is None:
            entry.value = {}
        if not isinstance(entry.value, dict):
            self.fault(at, "", f"{path} is not a section")
            return False
        return True

    # from

    def fill(self, entry: Entry, path: str = "") -> None:
        """Fill every mapping that has ``from`` with the fields of its catalogue entry."""
        if isinstance(entry.value, list):
            for i, item in enumerate(entry.value):
                self.fill(item, _joined(path, i))
        if not isinstance(entry.value, dict):
            return
        for key, child in entry.value.items():
            self.fill(child, _joined(path, key))
        if (named := entry.value.pop("from", None)) is None:
            return
        here = _joined(path, "from")
        catalogue = self.catalogue()
        if not isinstance(named.value, str) or named.value not in catalogue:
            near = _nearest(str(named.value), list(catalogue))
            what = f"no such entry in the catalogue (got {_shown(named.value)})"
            self.fault(named.place, here, what, near)
            self.unfilled.add(id(entry))
            return
        figures = catalogue[named.value]
        kind = entry.value.get("kind")
        if kind and "kind" in figures and figures["kind"].value != kind.value:
            what = (
                f"'{named.value}' is of kind {figures['kind'].value}, not {kind.value}"
            )
            self.fault(named.place, here, what)
            self.unfilled.add(id(entry))
            return
        for name, figure in figures.items():
            value = _as_entry(figure.value, named.place, figure.origin)
            into = entry
            *sections, last = name.split(".")
            for section in sections:
                blank = Entry({}, named.place, figure.origin)
                into = into.value.setdefault(section, blank)
                if not isinstance(into.value, dict):
                    break
            else:
                into.value.setdefault(last, value)

    # Checking

    def check(self, root: Entry) -> BaseModel | None:
        """Return the checked case, or note what pydantic refuses and return ``None``."""
        try:
            # Strict, so that '250' and true are no numbers; as JSON, so that a list
            # may become a tuple.
            text = json.dumps(_plain(root))
            return self.model.model_validate_json(text, strict=True)
        except ValidationError as error:
            self.explain(root, [dict(e) for e in error.errors(include_url=False)])
        return None

    def explain(self, root: Entry, errors: list[dict[str, Any]]) -> None:
        """Note each of pydantic's errors at the place it is about."""
        known = {place.text for place, _ in self.faults}
        named: set[str] = set()  # fields that a misspelt key was meant for
        missing: list[tuple[Place, str]] = []
        choices: dict[str, tuple[Place, list[str], Any]] = {}  # of an untagged union
        for error in errors:
            spot = self.spot(error["loc"], root)
            kind, at, path, key = error["type"], spot.place, spot.path, spot.key
            meant = None
            if spot.entry.value is None and at.text in known:
                continue  # the value could not be read, and that was said
            if kind == "missing":
                if id(spot.entry) not in self.unfilled:
                    missing.append((at, path))
            elif kind == "extra_forbidden":
                meant = self.meant(spot, root)
                if meant and "." not in meant:
                    named.add(path[: len(path) - len(key)] + meant)
                source = spot.entry.origin
                tail = " (from the catalogue)" if source.kind == "catalogue" else ""
                if key == "base":
                    tail = "; base stands at the top of a case file"
                self.fault(at, path, f"unknown key{tail}", meant)
            elif kind in ("union_tag_invalid", "union_tag_not_found"):
                if id(spot.entry) in self.unfilled:
                    continue
                allowed = [k for b in _branches(spot.annotation) for k in _kinds(b)]
                value = spot.entry.value.get("kind")
                what = f"one of {', '.join(allowed)}"
                if value is not None:
                    meant = _nearest(str(value.value), allowed)
                    what = f"{what} (got {_shown(value.value)})"
                    at = value.place
                else:
                    what = f"missing; {what}"
                self.fault(at, _joined(path, "kind"), what, meant)
            elif spot.chosen:
                _, told, _ = choices.setdefault(path, (at, [], spot.entry.value))
                told.append(error["msg"])
            elif kind == "literal_error":
                allowed = re.findall(r"'([^']*)'", error["ctx"]["expected"])
                if isinstance(spot.entry.value, str):
                    meant = _nearest(spot.entry.value, allowed)
                what = f"{error['msg']} (got {_shown(spot.entry.value)})"
                self.fault(at, path, what, meant)
            else:
                self.fault(at, path, *_reworded(error, spot.entry.value))
        for path, (at, told, value) in choices.items():
            what = "; or ".join(dict.fromkeys(told))
            self.fault(at, path, f"{what} (got {_shown(value)})")
        for at, path in missing:
            if path not in named:
                self.fault(at, path, "missing")

    def spot(self, loc: Sequence[str | int], root: Entry) -> _Spot:
        """Return what an error is about: pydantic's ``loc`` without its union labels."""
        found = _Spot(root, None, self.model, "", "", False)
        for key in loc:
            branches = _branches(found.annotation)
            if len(branches) > 1:  # pydantic puts the branch's label here
                label = [b for b in branches if key in (*_kinds(b), _label(b))]
                found.annotation = label[0] if label else Any
                found.chosen = not any(_kinds(b) for b in branches)
                continue
            if key == "[key]":
                continue
            value = found.entry.value
            held = value[key] if _holds(value, key) else None
            found = _Spot(
                held if held is not None else found.entry,
                found.annotation,
                _child(found.annotation, key),
                _joined(found.path, key),
                str(key),
                found.chosen,
            )
        return found

    def meant(self, spot: _Spot, root: Entry) -> str | None:
        """Return the field that an unknown key may have been meant for."""
        fields = [*_fields(spot.within), "from"]
        if near := _nearest(spot.key, fields):
            return near
        paths = [
            path
            for path in _known_paths(self.model, root)
            if not spot.path.startswith(f"{path}.")
        ]
        last = {p.rsplit(".", 1)[-1]: p for p in reversed(paths)}
        elsewhere = _nearest(spot.key, list(last), cutoff=0.75)
        return last[elsewhere] if elsewhere else None


@dataclass
class _Spot:
    """What one of pydantic's errors is about."""

    entry: Entry  # the value; where a key is missing, the mapping that lacks it
    within: Any  # annotation of the mapping or list that holds it
    annotation: Any
    path: str
    key: str
    chosen: bool  # whether a branch of an untagged union was tried

    @property
    def place(self) -> Place:
        return self.entry.place


def _holds(value: Any, key: str | int) -> bool:
    """Whether a mapping has a key, or a list an item."""
    if isinstance(value, dict):
        return key in value
    return isinstance(value, list) and isinstance(key, int) and key < len(value)


def _label(branch: Any) -> str:
    """Return what pydantic calls an untagged branch of a union."""
    return getattr(branch, "__name__", "")


def _reworded(error: Mapping[str, Any], value: Any) -> tuple[str, str | None]:
    """Return pydantic's message in our words, and what may have been meant."""
    kind, what, meant = error["type"], str(error["msg"]), None
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        what = "must be a section (key: value)"
    elif kind in ("value_error", "assertion_error"):
        what = what.partition(", ")[2]
    elif kind.startswith("bool") and isinstance(value, str):
        yes, no = ("yes", "on", "y", "true"), ("no", "off", "n", "false")
        lower = value.lower()
        meant = "true" if lower in yes else "false" if lower in no else None
    if isinstance(value, dict):
        return what, meant
    return f"{what} (got {_shown(value)})", meant


def _shown(value: Any) -> str:
    """Return a value as a user would have written it, shortened."""
    if isinstance(value, str):
        return repr(value)
    if isinstance(value, list | dict):
        value = _plain(Entry(value, Place(""), DEFAULT))
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _plain(entry: Entry) -> Any:
    """Return a tree's values; 1e6 becomes a whole number, so that it may be a count."""
    value = entry.value
    if isinstance(value, dict):
        return {key: _plain(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT_INT:
        return int(value)
    return value


def _as_entry(value: Any, place: Place, origin: Origin) -> Entry:
    """Return plain data as a tree that all stands at one place."""
    if isinstance(value, dict):
        return Entry(
            {k: _as_entry(v, place, origin) for k, v in value.items()}, place, origin
        )
    if isinstance(value, list):
        return Entry([_as_entry(v, place, origin) for v in value], place, origin)
    return Entry(value, place, origin)


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
    sets: Sequence[str] = (),
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
    sets : sequence of str
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

    reader = _Reader(model, known)
    root = reader.file(path)
    if root is None:
        reader.stop()
    root = cast("Entry", root)
    for number, text in enumerate(sets):
        reader.put(root, text, number)
    reader.fill(root)
    case = reader.check(root)
    reader.stop()
    case = cast("Case", case)
    resolved = case.model_dump(mode="json")
    return CaseFile(
        case=case,
        path=path,
        base_dir=path.parent,
        resolved=resolved,
        origins=dict(_origins(resolved, root, "")),
        sets=tuple(sets),
    )


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
        held = entry is not None and _holds(entry.value, key)
        below = entry.value[key] if entry is not None and held else None
        yield from _origins(child, below, _joined(path, key))


# Showing -------------------------------------------------------------------------------


def values(casefile: CaseFile) -> dict[str, Any]:
    """Return every value by its path, in the order of the schema."""

    def walk(value: Any, path: str) -> Iterator[tuple[str, Any]]:
        if _is_leaf(value):
            yield path, value
            return
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, child in items:
            yield from walk(child, _joined(path, key))

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
            below = commented(child, _joined(path, key))
            made.append(below) if isinstance(value, list) else made.update({key: below})
        for key, child in pairs:
            if _is_leaf(child):
                text = origin_text(casefile.origins[_joined(path, key)])
                made.yaml_add_eol_comment(text, key, column=0)
        return made

    yaml = YAML()
    yaml.Representer = _ShowsNull
    yaml.width = 10**6
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = StringIO()
    yaml.dump(commented(casefile.resolved, ""), out)
    return out.getvalue()


# Editors -------------------------------------------------------------------------------


def json_schema(
    model: type[BaseModel] = Case, entries: Sequence[str] | None = None
) -> dict[str, Any]:
    """Return the JSON Schema (draft 7) of case files, for editors.

    Every section may say ``from``, and then needs no field; a file with ``base`` needs
    only what it overrides, and may remove a technology by ``null``. Descriptions name
    the unit.

    Parameters
    ----------
    model : type, optional
        The schema.
    entries : sequence of str, optional
        Names in the catalogue, offered after ``from``; those of the packaged one by
        default.
    """
    if entries is None:
        entries = sorted(read_catalogue())
    whole = model.model_json_schema()
    shapes = whole.pop("$defs", {})
    shapes[model.__name__] = whole
    from_entry: dict[str, Any] = {
        "description": "Take the fields that are not given here from this entry of the "
        "catalogue.",
        "type": "string",
    }
    if entries:
        from_entry["enum"] = list(entries)
    base = {
        "description": "Case that this one overrides: a path relative to this file, or "
        "builtin:NAME.",
        "type": "string",
    }
    definitions: dict[str, Any] = {}
    for name, shape in shapes.items():
        for partial in (False, True):
            made = _draft_7(shape, partial)
            if "properties" in shape:
                made["properties"]["from"] = from_entry
                needed = made.pop("required", [])
                if "const" in shape["properties"].get("kind", {}):
                    needed = ["kind", *needed]
                if needed and not partial:
                    made["anyOf"] = [{"required": ["from"]}, {"required": needed}]
            definitions[name + ("_override" if partial else "")] = made
    name = model.__name__
    for which in (name, f"{name}_override"):
        definitions[which]["properties"]["base"] = base
    definitions[f"{name}_override"]["required"] = ["base", "name"]
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "energyopt case",
        "definitions": definitions,
        "if": {"required": ["base"]},
        "then": {"$ref": f"#/definitions/{name}_override"},
        "else": {"$ref": f"#/definitions/{name}"},
    }


def _draft_7(shape: Any, partial: bool, name: str = "") -> Any:
    """Return a shape in the words of draft 7; without required parts if ``partial``."""
    if isinstance(shape, list):
        return [_draft_7(item, partial) for item in shape]
    if not isinstance(shape, dict):
        return shape
    made = {
        key: _draft_7(value, partial)
        for key, value in shape.items()
        if key not in ("properties", "discriminator", "title")
    }
    if "properties" in shape:
        made["properties"] = {
            key: _draft_7(value, partial, key)
            for key, value in shape["properties"].items()
        }
    if reference := made.pop("$ref", None):
        target = reference.replace("#/$defs/", "#/definitions/")
        link = {"$ref": target + ("_override" if partial else "")}
        made = {**made, "allOf": [link]} if made else link
    if "prefixItems" in made:
        made["items"] = made.pop("prefixItems")
        made["additionalItems"] = False
    if "oneOf" in made:  # kind may come from the catalogue: more than one may fit
        made["anyOf"] = made.pop("oneOf")
    if partial and isinstance(made.get("additionalProperties"), dict):
        open_to = made.pop("additionalProperties")
        made["additionalProperties"] = {"anyOf": [open_to, {"type": "null"}]}
    if partial and isinstance(made.get("patternProperties"), dict):
        made["patternProperties"] = {
            pattern: {"anyOf": [open_to, {"type": "null"}]}
            for pattern, open_to in made["patternProperties"].items()
        }
    if partial:
        made.pop("required", None)
        made.pop("minProperties", None)
    if name and (unit := _unit(name)):
        made["description"] = f"{made.get('description', '')} [{unit}]".strip()
    return made


def _unit(name: str) -> str | None:
    """Return the unit that a field's name ends in, if it does."""
    try:
        return unit_of(name)
    except KeyError:
        return None
