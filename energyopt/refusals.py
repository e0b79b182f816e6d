"""What pydantic refuses, in our words and at the line of the case it is about."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from energyopt.shape import branches, child, fields, kinds, known_paths
from energyopt.yamltree import Entry, Faults, Place, holds, joined, nearest, shown


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


def explain(
    refused: ValidationError, root: Entry, model: type[BaseModel], faults: Faults
) -> None:
    """Note each of pydantic's errors at the place it is about.

    Left out is what follows from another fault: a value that could not be read, the
    fields of a section whose ``from`` failed, a field that stands there misspelt.
    """
    known = {place.text for place, _ in faults.found}
    named: set[str] = set()  # fields that a misspelt key was meant for
    missing: list[_Spot] = []
    choices: dict[str, tuple[_Spot, list[str]]] = {}  # of an untagged union
    for error in refused.errors(include_url=False):
        spot = _spot(error["loc"], root, model)
        kind = error["type"]
        if spot.entry.value is None and spot.place.text in known:
            continue
        if kind == "missing":
            missing += [spot] if spot.entry.filled else []
        elif kind == "extra_forbidden":
            named |= _unknown_key(spot, root, model, faults)
        elif kind in ("union_tag_invalid", "union_tag_not_found"):
            if spot.entry.filled:
                _wrong_kind(spot, faults)
        elif spot.chosen:
            choices.setdefault(spot.path, (spot, []))[1].append(error["msg"])
        else:
            what, meant = _reworded(error, spot.entry.value)
            faults.add(spot.place, spot.path, what, meant)
    for spot, told in choices.values():
        what = "; or ".join(dict.fromkeys(told))
        got = f"(got {shown(spot.entry.value)})"
        faults.add(spot.place, spot.path, f"{what} {got}")
    for spot in missing:
        if spot.path not in named:
            faults.add(spot.place, spot.path, "missing")


def _spot(loc: Sequence[str | int], root: Entry, model: type[BaseModel]) -> _Spot:
    """Return what an error is about: pydantic's ``loc`` without its union labels."""
    found = _Spot(root, None, model, "", "", False)
    for key in loc:
        options = branches(found.annotation)
        if len(options) > 1:  # pydantic puts the branch's label here
            label = [b for b in options if key in (*kinds(b), _label(b))]
            found.annotation = label[0] if label else Any
            found.chosen = not any(kinds(b) for b in options)
            continue
        if key == "[key]":
            continue
        value = found.entry.value
        held = value[key] if holds(value, key) else None
        found = _Spot(
            held if held is not None else found.entry,
            found.annotation,
            child(found.annotation, key),
            joined(found.path, key),
            str(key),
            found.chosen,
        )
    return found


def _label(branch: Any) -> str:
    """Return what pydantic calls an untagged branch of a union."""
    return getattr(branch, "__name__", "")


def _unknown_key(
    spot: _Spot, root: Entry, model: type[BaseModel], faults: Faults
) -> set[str]:
    """Note an unknown key; return the path beside it that was meant, if one was."""
    meant = _meant(spot, root, model)
    catalogue = spot.entry.origin.kind == "catalogue"
    tail = " (from the catalogue)" if catalogue else ""
    if spot.key == "base":
        tail = "; base stands at the top of a case file"
    faults.add(spot.place, spot.path, f"unknown key{tail}", meant)
    if not meant or "." in meant:
        return set()
    return {spot.path.removesuffix(spot.key) + meant}


def _meant(spot: _Spot, root: Entry, model: type[BaseModel]) -> str | None:
    """Return the field that an unknown key may have been meant for."""
    if near := nearest(spot.key, [*fields(spot.within), "from"]):
        return near
    paths = [
        path
        for path in known_paths(model, root)
        if not spot.path.startswith(f"{path}.")
    ]
    last = {path.rsplit(".", 1)[-1]: path for path in reversed(paths)}
    elsewhere = nearest(spot.key, list(last), cutoff=0.75)
    return last[elsewhere] if elsewhere else None


def _wrong_kind(spot: _Spot, faults: Faults) -> None:
    """Note that a technology has no ``kind``, or one that does not exist."""
    allowed = [kind for b in branches(spot.annotation) for kind in kinds(b)]
    path, what = joined(spot.path, "kind"), f"one of {', '.join(allowed)}"
    given = spot.entry.value.get("kind")
    if given is None:
        faults.add(spot.place, path, f"missing; {what}")
        return
    meant = nearest(str(given.value), allowed)
    faults.add(given.place, path, f"{what} (got {shown(given.value)})", meant)


def _reworded(error: Mapping[str, Any], value: Any) -> tuple[str, str | None]:
    """Return pydantic's message in our words, and what may have been meant."""
    kind, what, meant = error["type"], str(error["msg"]), None
    if kind == "literal_error":
        if isinstance(value, str):
            allowed = re.findall(r"'([^']*)'", error["ctx"]["expected"])
            meant = nearest(value, allowed)
        return f"{what} (got {shown(value)})", meant
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
    return f"{what} (got {shown(value)})", meant
