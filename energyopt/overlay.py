"""One tree laid over another: a sensitivity over its base, a ``--set`` over a case."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, cast

from pydantic import BaseModel

from energyopt.shape import child, is_open
from energyopt.yamltree import (
    Entry,
    Faults,
    Origin,
    Place,
    Reading,
    joined,
    nearest,
    plain,
)

_SET_PATH = re.compile(r"[^.\[\]\s]+(\[\d+\])*(\.[^.\[\]\s]+(\[\d+\])*)*")
_AFTER_FILES = 10**6  # faults of a --set come after those of every file


def merged(
    under: Entry, over: Entry, annotation: Any, faults: Faults, path: str = ""
) -> Entry:
    """Return ``over`` laid over ``under``: mappings key by key, the rest as a whole.

    ``null`` removes a technology (any key that is the user's own). A technology of
    another ``kind`` replaces the whole.
    """
    if not (isinstance(under.value, dict) and isinstance(over.value, dict)):
        return over
    told = [e.value["kind"].value for e in (under, over) if "kind" in e.value]
    if told[1:] and told[0] != told[1]:
        return over
    found = dict(under.value)
    for key, entry in over.value.items():
        here = joined(path, key)
        if entry.value is None and is_open(annotation):
            if key not in found:
                what = "is not in the base, so it cannot be removed"
                faults.add(entry.place, here, what, nearest(key, list(found)))
            found.pop(key, None)
        elif key in found:
            below = child(annotation, key, under)
            found[key] = merged(found[key], entry, below, faults, here)
        else:
            found[key] = entry
    return Entry(found, over.place, over.origin)


@dataclass(frozen=True)
class Setting:
    """A value for one place of a case, and where that was written."""

    path: str
    value: Entry

    @property
    def text(self) -> str:
        """As it would be typed: ``load.facility_mw=300``."""
        return f"{self.path}={json.dumps(plain(self.value))}"


def read_set(text: str, number: int, faults: Faults) -> Setting | None:
    """Return what the ``number``-th ``--set``, ``path=value``, says."""
    at = Place(f"--set {text}", (_AFTER_FILES + number, 0, 0))
    path, equals, value_text = text.partition("=")
    path = path.strip()
    if not equals or not _SET_PATH.fullmatch(path):
        faults.add(at, "", "must be path=value, such as load.facility_mw=300")
        return None
    before = len(faults.found)
    origin = Origin(kind="set", text=f"--set {text}")
    read = Reading(lambda line, column: at, lambda line: origin, faults)
    value = read.tree(value_text) or Entry(None, at, origin)
    return None if len(faults.found) > before else Setting(path, value)


def put(root: Entry, setting: Setting, model: type[BaseModel], faults: Faults) -> None:
    """Put a value into a tree; faults are noted where the value was written."""
    value = deepcopy(setting.value)  # the tree is changed later on, in place
    if not _SET_PATH.fullmatch(setting.path):
        what = f"must be a path of the case (got '{setting.path}')"
        faults.add(value.place, "", what)
        return
    steps = [
        int(step[1:-1]) if step.startswith("[") else step
        for step in re.findall(r"\[\d+\]|[^.\[\]]+", setting.path)
    ]
    _Walk(value.place, value.origin, faults).put(root, steps, value, model)


@dataclass(frozen=True)
class _Walk:
    """The way of one ``--set`` down the tree."""

    at: Place
    origin: Origin
    faults: Faults

    def put(
        self, root: Entry, steps: list[str | int], value: Entry, model: type[BaseModel]
    ) -> None:
        """Put a value at the end of the steps; ``null`` removes a key of the user's own."""
        *inner, last = steps
        entry, annotation, path = root, cast("Any", model), ""
        for n, key in enumerate(inner):
            begins = n == len(inner) - 1 and last in ("kind", "from")
            if not self.steps_into(entry, key, annotation, path, begins):
                return
            annotation = child(annotation, key, entry)
            entry, path = entry.value[key], joined(path, key)
        if not self.can_hold(entry, last, path):
            return
        removes = value.value is None and isinstance(last, str) and is_open(annotation)
        if not removes:
            entry.value[last] = value
        elif last in entry.value:
            del entry.value[last]
        else:
            self.not_there(entry, last, path, " to remove")

    def steps_into(
        self, entry: Entry, key: str | int, annotation: Any, path: str, begins: bool
    ) -> bool:
        """Whether ``key`` can be stepped into; makes the section if it may.

        Where keys are the user's own, only ``kind`` or ``from`` begins a new one.
        """
        if not self.can_hold(entry, key, path):
            return False
        if isinstance(key, str) and key not in entry.value:
            if is_open(annotation) and not begins:
                self.not_there(entry, key, path)
                return False
            entry.value[key] = Entry({}, self.at, self.origin)
        return True

    def can_hold(self, entry: Entry, key: str | int, path: str) -> bool:
        """Whether an entry has room for ``key``; makes a section of ``null``."""
        if isinstance(key, int):
            length = len(entry.value) if isinstance(entry.value, list) else None
            if length is None:
                what = f"{path} is not a list in the case; set it whole"
                self.faults.add(self.at, "", what)
            elif key >= length:
                self.faults.add(self.at, "", f"{path} ends at [{length - 1}]")
            return length is not None and key < length
        if entry.value is None:
            entry.value = {}
        if not isinstance(entry.value, dict):
            self.faults.add(self.at, "", f"{path} is not a section")
            return False
        return True

    def not_there(
        self, entry: Entry, key: str | int, path: str, purpose: str = ""
    ) -> None:
        """Note that a key of the user's own does not exist."""
        wrong, known = joined(path, key), [joined(path, k) for k in entry.value]
        what = f"there is no {wrong}{purpose}"
        self.faults.add(self.at, "", what, nearest(wrong, known))
