"""What names a point's folder: its case, its data, the code, and what it starts from."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import energyopt
from energyopt.casefile import CaseFile, values
from energyopt.inputs.tables import BUILTIN, find_table

_NOT_IN_AN_ANSWER = {
    "__main__",
    "commands",
    "console",
    "doctor",
    "editor",
    "exhibits",
    "memo",
    "progress",
    "sites_command",
    "sweep",
    "sweep_command",
    "terminal",
    "uptime",
}
"""Modules that may change without a point being solved again."""


def table_names(casefile: CaseFile) -> list[str]:
    """Return the tables of a case that do not come with the package."""
    return sorted(
        {
            value
            for path, value in values(casefile).items()
            if is_table(path, value) and not value.startswith(BUILTIN)
        }
    )


def is_table(path: str, value: Any) -> bool:
    """Whether a value of a case names a table."""
    last = path.rsplit(".", 1)[-1]
    return isinstance(value, str) and (last == "table" or last.endswith("_table"))


def contents(names: Sequence[str], base_dir: Path) -> dict[str, bytes]:
    """Return what tables hold, so that a point carries its data."""
    return {name: find_table(name, base_dir).read_bytes() for name in names}


def with_tables(value: Any, names: Mapping[str, str], key: str = "") -> Any:
    """Return a case's values with tables named otherwise."""
    if isinstance(value, dict):
        return {k: with_tables(v, names, k) for k, v in value.items()}
    if isinstance(value, list):
        return [with_tables(item, names) for item in value]
    return names.get(value, value) if is_table(key, value) else value


def case_mark(casefile: CaseFile, tables: Mapping[str, bytes]) -> str:
    """Return a mark of a case and its data: tables count by what they hold.

    With an uptime target the answer stands on the code of sampled outages too.
    """
    marks = {name: _sha256(content) for name, content in tables.items()}
    for path, value in values(casefile).items():
        if is_table(path, value) and value.startswith(BUILTIN):
            marks[value] = _builtin_mark(value)
    marked = with_tables(casefile.resolved, marks)
    if casefile.case.reliability.gpu_uptime_frac is not None:
        marked = [marked, _uptime_mark()]
    return _sha256(_canonical(marked))


@lru_cache(maxsize=64)
def _builtin_mark(name: str) -> str:
    return _sha256(find_table(name, Path()).read_bytes())


@lru_cache(maxsize=1)
def _uptime_mark() -> str:
    """Return a mark of the code that samples outages."""
    folder = Path(energyopt.__file__).parent / "uptime"
    files = sorted(folder.glob("*.py"))
    return _sha256(_canonical([[f.name, _sha256(f.read_bytes())] for f in files]))


def key_of(
    case: str, starts_from: str | None, held: str | None, ask: Any = None
) -> str:
    """Return the name of a run's folder.

    Parameters
    ----------
    case : str
        Mark of the case and its data.
    starts_from, held : str, optional
        Key of the run whose cuts it starts from, and of the one whose sizes it keeps.
    ask : dataclass, optional
        What it is asked for instead of the least-cost plant.
    """
    asked = None if ask is None else [type(ask).__name__, vars(ask)]
    known = [case, code_mark(), starts_from, held, asked]
    return _sha256(_canonical(known))[:16]


@lru_cache(maxsize=1)
def code_mark() -> str:
    """Return a mark of the code and the solver that an answer stands on."""
    root = Path(energyopt.__file__).parent
    parts = [energyopt.__version__, importlib.metadata.version("highspy")]
    for path in sorted(root.rglob("*.py")):
        place = path.relative_to(root)
        if place.parts[0].removesuffix(".py") not in _NOT_IN_AN_ANSWER:
            parts += [place.as_posix(), _sha256(path.read_bytes())]
    return _sha256(_canonical(parts))


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
