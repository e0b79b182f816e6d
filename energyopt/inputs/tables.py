"""Tables on disk: CSV under a header of ``# key: value`` lines.

``builtin:NAME`` is a table that comes with the package; any other name is a path,
relative to the case file. ``.csv`` and ``.csv.gz`` are read alike.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.resources
import io
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.resources.abc import Traversable
from pathlib import Path

import pandas as pd

from energyopt.errors import DataError

BUILTIN = "builtin:"
ENDINGS = (".csv", ".csv.gz")


@dataclass(frozen=True)
class TableUsed:
    """A table that an answer stands on, for its manifest."""

    name: str
    path: str
    sha256: str
    source: str
    licence: str
    year: str


@dataclass(frozen=True)
class Table:
    """One table: its rows, what its header says, and where it came from."""

    frame: pd.DataFrame
    about: Mapping[str, str]
    used: TableUsed

    @property
    def name(self) -> str:
        """The name that the case gives it."""
        return self.used.name

    def number(self, key: str) -> float | None:
        """Return a number of the header, ``None`` where it is not said."""
        text = self.about.get(key)
        if text is None:
            return None
        try:
            return float(text)
        except ValueError:
            raise DataError(f"{self.name}: '# {key}: {text}' is not a number") from None


def builtin_folder() -> Traversable:
    """Return the folder of packaged tables; in a plain checkout, the repository's."""
    try:
        return importlib.resources.files("energyopt.data")
    except ModuleNotFoundError:
        return Path(__file__).parents[2] / "data"


def find_table(name: str, base_dir: Path) -> Traversable:
    """Return the file that a case means.

    Parameters
    ----------
    name : str
        ``builtin:NAME``, or a path relative to ``base_dir``.
    base_dir : Path
        Folder of the case file.

    Returns
    -------
    file
        To be opened.

    Raises
    ------
    DataError
        If there is no such file.
    """
    if not name.startswith(BUILTIN):
        path = base_dir / name
        if not path.is_file():
            raise DataError(f"{name}: no such table in {base_dir}")
        return path
    short = name.removeprefix(BUILTIN)
    there = {file.name: file for file in builtin_folder().iterdir()}
    for ending in ("", *ENDINGS):
        if (found := there.get(short + ending)) and short + ending != short:
            return found
    known = sorted(
        {n.removesuffix(".gz").removesuffix(".csv") for n in there if ".csv" in n}
    )
    near = get_close_matches(short, known, n=1)
    hint = f"did you mean {BUILTIN}{near[0]}?" if near else "there are: "
    raise DataError(
        f"{name}: no such packaged table; {hint}{'' if near else ', '.join(known)}"
    )


def read_table(name: str, base_dir: Path) -> Table:
    """Return a table and what its header says.

    Parameters
    ----------
    name : str
        ``builtin:NAME``, or a path relative to ``base_dir``.
    base_dir : Path
        Folder of the case file.

    Returns
    -------
    Table
        Columns as in the file; nothing is checked yet.

    Raises
    ------
    DataError
        If it is missing or is no CSV.
    """
    file = find_table(name, base_dir)
    packed = file.read_bytes()
    try:
        plain = gzip.decompress(packed) if file.name.endswith(".gz") else packed
        text = plain.decode("utf-8-sig")
        frame = pd.read_csv(io.StringIO(text), comment="#", skip_blank_lines=True)
    except (OSError, UnicodeDecodeError, pd.errors.ParserError) as err:
        raise DataError(f"{name}: cannot be read as CSV: {err}") from err
    except pd.errors.EmptyDataError:
        raise DataError(f"{name}: the table is empty") from None
    about = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        key, colon, value = line.lstrip("# ").partition(":")
        if colon:
            about[key.strip()] = value.strip()
    return Table(
        frame=frame,
        about=about,
        used=TableUsed(
            name=name,
            path=str(file) if isinstance(file, Path) else file.name,
            sha256=hashlib.sha256(packed).hexdigest(),
            source=about.get("source", "not stated"),
            licence=about.get("licence", "not stated"),
            year=about.get("year", "not stated"),
        ),
    )
