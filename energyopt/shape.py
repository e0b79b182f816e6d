"""What the schema, a pydantic class, allows at a place of a case.

An annotation is what a field's type hint says: a class, ``dict[str, Engine | Battery]``,
``list[Year]``, with or without ``None``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from energyopt.yamltree import Entry, joined


def branches(annotation: Any) -> list[Any]:
    """Return what may stand here: the members of a union, without ``None``."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return branches(get_args(annotation)[0])
    if origin is Union or type(annotation).__name__ == "UnionType":
        return [b for a in get_args(annotation) for b in branches(a)]
    return [] if annotation is type(None) else [annotation]


def kinds(model: Any) -> tuple[str, ...]:
    """Return the values of a model's ``kind``, if it has one."""
    has = _is_model(model) and "kind" in model.model_fields
    return get_args(model.model_fields["kind"].annotation) if has else ()


def child(annotation: Any, key: str | int, entry: Entry | None = None) -> Any:
    """Return the annotation of a field, value or item; ``None`` where there is none."""
    for branch in _fitting(annotation, entry):
        if _is_model(branch) and key in branch.model_fields:
            return branch.model_fields[key].annotation
        if get_origin(branch) is dict:
            return get_args(branch)[1]
        if get_origin(branch) is list and isinstance(key, int):
            return get_args(branch)[0]
    return None


def fields(annotation: Any, entry: Entry | None = None) -> list[str]:
    """Return the fields that a section may have here."""
    models = [b for b in _fitting(annotation, entry) if _is_model(b)]
    return list(dict.fromkeys(name for m in models for name in m.model_fields))


def is_open(annotation: Any) -> bool:
    """Whether the keys here are the user's own, so that ``null`` removes one."""
    return any(get_origin(branch) is dict for branch in branches(annotation))


def known_paths(annotation: Any, entry: Entry | None, path: str = "") -> Iterator[str]:
    """Yield the path of every field of the schema, for keys that the case has."""
    value = entry.value if entry is not None else None
    keys = fields(annotation, entry)
    if is_open(annotation) and isinstance(value, dict):
        keys += value
    for key in keys:
        below = value.get(key) if isinstance(value, dict) else None
        here = joined(path, key)
        yield here
        yield from known_paths(child(annotation, key, entry), below, here)


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _fitting(annotation: Any, entry: Entry | None) -> list[Any]:
    """Return the branches that a value's ``kind`` leaves."""
    found = branches(annotation)
    if entry is not None and isinstance(entry.value, dict) and "kind" in entry.value:
        kind = entry.value["kind"].value
        return [b for b in found if kind in kinds(b)] or found
    return found
