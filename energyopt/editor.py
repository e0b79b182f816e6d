"""For editors and new cases: the JSON Schema of case files, and a case to begin with."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from energyopt.case import Case
from energyopt.catalogue import packaged, read_catalogue
from energyopt.units import unit_of

SCHEMA_FILE = "energyopt.schema.json"
SCHEMA_LINE = f"# yaml-language-server: $schema={SCHEMA_FILE}"


def write_schema(path: Path) -> None:
    """Write the JSON Schema, whole or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(json.dumps(json_schema(), indent=2) + "\n", encoding="utf-8")
    partial.replace(path)


def copy_case(source: str, path: Path) -> None:
    """Copy a packaged case under the name of its new file, the schema beside it.

    Nothing is overwritten; a schema that is there already stays.

    Raises
    ------
    FileExistsError
        If there is such a file.
    """
    text = packaged("cases", f"{source}.yaml").read_text(encoding="utf-8")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("x", encoding="utf-8") as file:
        file.write(_renamed(text, path.stem))
    schema_path = path.parent / SCHEMA_FILE
    if not schema_path.exists():
        write_schema(schema_path)


def _renamed(text: str, name: str) -> str:
    """Return a packaged case under another name, with the editor's schema line."""
    lines = text.splitlines(keepends=True)
    if lines and lines[0].startswith("# yaml-language-server:"):
        del lines[0]
    text = "".join([f"{SCHEMA_LINE}\n", *lines])
    text = re.sub(r"(?m)^name:.*$", f"name: {name}", text, count=1)
    return re.sub(r"(?m)^base: *([\w.-]+)\.yaml", r"base: builtin:\1", text, count=1)


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
