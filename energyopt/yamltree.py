"""A YAML text as a tree of values that know where they stand, and the faults found.

YAML is read as 1.2: ``on`` is a word, ``1e6`` a number. Nothing is raised while a tree
is read; :class:`Faults` collects what is wrong, to be told all at once.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from io import StringIO
from typing import Any, Literal

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from energyopt.errors import CaseError

Confidence = Literal["low", "medium", "high"]
_CORE_TAGS = {f"tag:yaml.org,2002:{t}" for t in ("null", "bool", "int", "float", "str")}
_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_MERGE = "tag:yaml.org,2002:merge"
_EXACT_INT = 2**53


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
class Place:
    """Where a fault is shown: ``pecos.yaml:14:3``, or the ``--set`` as typed."""

    text: str
    order: tuple[int, int, int] = (0, 0, 0)  # file or --set, line, column


@dataclass
class Entry:
    """A value of the tree: a scalar, a list of entries or a mapping to entries."""

    value: Any
    place: Place  # of its key; in a list, of the item
    origin: Origin
    filled: bool = True  # not where its `from` failed: what is missing is no news


# Faults --------------------------------------------------------------------------------


@dataclass
class Faults:
    """What is wrong with a case, as far as it was read."""

    found: list[tuple[Place, str]] = field(default_factory=list)

    def add(self, at: Place, path: str, what: str, meant: str | None = None) -> None:
        """Note a fault; ``meant`` is what may have been intended."""
        hint = f" - did you mean '{meant}'" if meant else ""
        said = at.text.startswith(f"--set {path}=")  # the place names it already
        where = f"{path}: " if path and not said else ""
        self.found.append((at, f"{where}{what}{hint}"))

    def stop(self) -> None:
        """Raise the faults, if there are any, in the order of the files' lines."""
        if self.found:
            told = sorted(self.found, key=lambda fault: fault[0].order)
            lines = [f"{place.text}: {text}" for place, text in told]
            raise CaseError("\n".join(dict.fromkeys(lines)))


def nearest(word: str, known: Sequence[str], cutoff: float = 0.6) -> str | None:
    """Return the known word closest to a misspelt one, or the only one it begins.

    Examples
    --------
    >>> nearest("hub", ["hub_usd_per_mmbtu", "basis_usd_per_mmbtu"])
    'hub_usd_per_mmbtu'
    >>> nearest("co2", ["co2_t_per_yr_a", "co2_t_per_yr_b"]) is None
    True
    """
    lower = {k.lower(): k for k in known}
    close = get_close_matches(word.lower(), lower, n=1, cutoff=cutoff)
    if not close:  # `hub` for hub_usd_per_mmbtu: the unit was left out
        close = [k for k in lower if word and k.startswith(f"{word.lower()}_")]
    return lower[close[0]] if len(close) == 1 else None


# Text to tree --------------------------------------------------------------------------


@dataclass(frozen=True)
class Reading:
    """One YAML text on its way to a tree.

    Parameters
    ----------
    place : callable
        Turns a line and column, counted from 0, into a place.
    source : callable
        Turns a line, counted from 1, into the origin of the values on it.
    faults : Faults
        Takes what is wrong.
    """

    place: Callable[[int, int], Place]
    source: Callable[[int], Origin]
    faults: Faults
    yaml: YAML = field(  # pure: YAML 1.2, so `on` is a word
        default_factory=lambda: YAML(typ="safe", pure=True)
    )

    def tree(self, text: str) -> Entry | None:
        """Return the tree of a text, ``None`` if it is empty or no YAML."""
        try:
            node = self.yaml.compose(StringIO(text))
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            what = " ".join(filter(None, [error.context, error.problem]))
            if "'\\t'" in what:
                what = "tabs cannot indent; use spaces"
            at = self.place(mark.line, mark.column) if mark else self.place(0, 0)
            self.faults.add(at, "", f"not valid YAML: {what}")
            return None
        except (YAMLError, RecursionError, ValueError) as error:
            deep = isinstance(error, RecursionError)
            what = "nested too deeply" if deep else str(error).partition("\n")[0]
            position = getattr(error, "position", 0)
            before = text[: position if isinstance(position, int) else 0]
            at = self.place(before.count("\n"), len(before) - before.rfind("\n") - 1)
            self.faults.add(at, "", f"not valid YAML: {what}")
            return None
        if node is None:
            return None
        return self._entry(node, self._begins(node), "", ())

    def _begins(self, node: Node) -> Place:
        return self.place(node.start_mark.line, node.start_mark.column)

    def _entry(self, node: Node, at: Place, path: str, above: tuple[int, ...]) -> Entry:
        """Return the tree below a node; ``above`` has the ids of those it stands in."""
        source = self.source(node.start_mark.line + 1)
        if id(node) in above:
            self.faults.add(at, path, "holds itself")
            return Entry(None, at, source)
        within = (*above, id(node))
        if isinstance(node, MappingNode):
            return Entry(self._mapping(node, path, within), at, source)
        if isinstance(node, SequenceNode):
            items = [
                self._entry(item, self._begins(item), joined(path, i), within)
                for i, item in enumerate(node.value)
            ]
            return Entry(items, at, source)
        return Entry(self._scalar(node, at, path), at, source)

    def _mapping(
        self, node: MappingNode, path: str, above: tuple[int, ...]
    ) -> dict[str, Entry]:
        """Return the entries of a mapping; a key stands there once."""
        found: dict[str, Entry] = {}
        for key_node, value_node in node.value:
            at = self._begins(key_node)
            if not isinstance(key_node, ScalarNode):
                self.faults.add(at, path, "a key must be a word")
                continue
            key = str(key_node.value)
            here = joined(path, key)
            if key_node.tag == _MERGE:
                what = "merge keys are not YAML 1.2; use base: or from:"
                self.faults.add(at, here, what)
            elif key in found:
                first = found[key].place.text
                self.faults.add(at, here, f"duplicate key, first at {first}")
            else:
                found[key] = self._entry(value_node, at, here, above)
        return found

    def _scalar(self, node: Node, at: Place, path: str) -> Any:
        """Return a scalar of YAML's core schema; a date stays text."""
        if node.tag == _TIMESTAMP:
            return node.value
        if node.tag not in _CORE_TAGS:
            self.faults.add(at, path, f"tags are not allowed (got {node.tag})")
            return None
        try:
            value = self.yaml.constructor.construct_object(node)
        except (YAMLError, ValueError):
            self.faults.add(at, path, f"cannot be read (got {node.value})")
            return None
        if isinstance(value, float) and not math.isfinite(value):
            self.faults.add(at, path, f"must be a finite number (got {node.value})")
            return None
        return value


# Small things said of trees and paths --------------------------------------------------


def joined(path: str, key: str | int) -> str:
    """Return a path one step longer: ``load.facility_mw``, ``weather.years[0]``."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key


def holds(value: Any, key: str | int) -> bool:
    """Whether a mapping has a key, or a list an item."""
    if isinstance(value, dict):
        return key in value
    return isinstance(value, list) and isinstance(key, int) and key < len(value)


def plain(entry: Entry) -> Any:
    """Return a tree's values; 1e6 becomes a whole number, so that it may be a count."""
    value = entry.value
    if isinstance(value, dict):
        return {key: plain(child) for key, child in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT_INT:
        return int(value)
    return value


def as_entry(value: Any, place: Place, origin: Origin) -> Entry:
    """Return plain data as a tree that all stands at one place."""
    if isinstance(value, dict):
        below = {key: as_entry(child, place, origin) for key, child in value.items()}
        return Entry(below, place, origin)
    if isinstance(value, list):
        return Entry([as_entry(item, place, origin) for item in value], place, origin)
    return Entry(value, place, origin)


def shown(value: Any) -> str:
    """Return an entry's value as a user would have written it, shortened."""
    if isinstance(value, str):
        return repr(value)
    if isinstance(value, list | dict):
        value = plain(Entry(value, Place(""), DEFAULT))
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."
