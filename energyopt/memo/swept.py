"""A saved sweep: its table, what it varies, and the run that is its base."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from energyopt.errors import DataError
from energyopt.exhibits import known_unit
from energyopt.memo.run import BUILT_MW, Run, read_run
from energyopt.memo.table import Cell, number

SOLVED = ("optimal", "limit")
KINDS = {
    "gas_turbine": "gas",
    "solar": "solar",
    "wind": "wind",
    "battery": "battery",
    "grid": "grid",
}
"""Of technologies -> the word for it in a mix, from the bottom of a stack up."""
MIX_FRAC = 0.05
"""Of facility load: what is smaller is no part of a mix."""
WORDS = {"fixed": "same plant", "reoptimised": "sized anew"}


@dataclass(frozen=True)
class SavedSweep:
    """A sweep folder as it was left; nothing in it is solved again.

    Parameters
    ----------
    folder : Path
        With ``sweep.json``, ``table.csv`` and ``points/KEY``.
    about : mapping
        ``sweep.json``.
    table : pd.DataFrame
        ``table.csv``, a row a point, the base first.
    base : Run
        The base point's run.
    """

    folder: Path
    about: Mapping[str, Any]
    table: pd.DataFrame
    base: Run

    @property
    def paths(self) -> list[str]:
        """What is varied, in the order it was said."""
        return [str(path) for path in self.about["paths"]]

    @property
    def draft(self) -> bool:
        """Whether a few weeks stand for the year."""
        return bool(self.base.summary["draft"])

    def source(self) -> str:
        """Return the footnote of the exhibits made of it."""
        count = len(self.table)
        return f"Sweep {self.about['sweep']}, {count:,} points. {self.base.source()}"

    def of_design(self, *designs: str) -> pd.DataFrame:
        """Return the points that parts of the sweep asked for."""
        return self.table[self.table["design"].isin(designs)]

    def cell(
        self,
        point: Any,
        columns: str | Sequence[str],
        factor: float = 1.0,
        *,
        decimals: int | None = None,
    ) -> Cell:
        """Return a number of a point, the sum where there are several columns."""
        names = [columns] if isinstance(columns, str) else list(columns)
        found = [point[name] for name in names if name in self.table]
        if not found or all(pd.isna(value) for value in found):
            return Cell(None, decimals)
        there = [name for name in names if pd.notna(point.get(name))]
        cite = " + ".join(f"table.csv#{point['point']}/{name}" for name in there)
        value = factor * math.fsum(float(point[name]) for name in there)
        low = self.base.rests_on_low(cite)
        return Cell(value, decimals, cite, "", factor, low, self.folder)

    @property
    def kept_plants(self) -> list[str]:
        """A sentence on the plants that were not sized anew, where there are any."""
        told = kept_plants(self.table)
        return [told] if told else []

    @cached_property
    def kinds(self) -> dict[str, list[str]]:
        """The columns of megawatts of each kind that some point has built."""
        found: dict[str, list[str]] = {}
        technologies = self.base.case.technologies
        for name, technology in technologies.items():
            column = f"reoptimised.{name}_mw"
            if column in self.table and self.table[column].max() >= BUILT_MW:
                found.setdefault(technology.kind, []).append(column)
        return {k: found[k] for k in [*KINDS, *found] if k in found}

    def mix(self, point: Any) -> str:
        """Return the kinds that make a plant, those of some size."""
        least = MIX_FRAC * self.base.case.load.facility_mw
        size = {
            kind: math.fsum(v for c in columns if pd.notna(v := point[c]))
            for kind, columns in self.kinds.items()
        }
        return " + ".join(KINDS.get(k, k) for k, mw in size.items() if mw >= least)

    def reason(self, point: Any, kind: str = "reoptimised") -> str:
        """Return why a point has no plant; empty where it has one."""
        status = point.get(f"{kind}.status")
        if not isinstance(status, str) or status in SOLVED:
            return ""
        why = point.get(f"{kind}.reason")
        return f"{status}: {why if isinstance(why, str) and why else 'not solved yet'}"

    def failures(self, points: pd.DataFrame, most: int = 6) -> list[str]:
        """Return a line for each of these points without a plant, not too many."""
        lines = [
            f"No plant at {point['label']} ({WORDS[kind]}): {why}"
            for kind in WORDS
            for _, point in points.iterrows()
            if (why := self.reason(point, kind))
        ]
        more = len(lines) - most
        told = [f"and {more:,} points more without a plant"] if more > 0 else []
        return [*lines[:most], *told]


def kept_plants(table: pd.DataFrame) -> str:
    """Return a sentence on the points that kept a neighbour's plant; empty if none did.

    Parameters
    ----------
    table : DataFrame
        Of a sweep; ``reoptimised.plant_of_start_flag`` is 1 at such a point.
    """
    flag = "reoptimised.plant_of_start_flag"
    count = int(table[flag].fillna(0).sum()) if flag in table else 0
    if not count:
        return ""
    gap = 100 * float(table.loc[table[flag] == 1, "reoptimised.gap_frac"].max())
    return (
        f"At {count:,} of {len(table):,} points the plant is that of the point it "
        f"started from, proven to cost at most {gap:.2f} % more than any other: what "
        "sizes do within that is not resolved. A smaller solve.gap_frac resolves it."
    )


def unit_of_path(path: str) -> str:
    """Return the unit of a path, as an exhibit's head says it.

    Examples
    --------
    >>> unit_of_path("gas.hub_usd_per_mmbtu"), unit_of_path("solar.max_mw")
    ('$/MMBtu', 'MW')
    >>> unit_of_path("finance.wacc_nominal_frac"), unit_of_path("grid.mode")
    ('', '')
    """
    unit = known_unit(path) or ""
    return "" if unit == "1" else unit.replace("USD", "$")


def shown(value: Any) -> str:
    """Return a value that is varied, in all its digits; ``none`` where there is none.

    Examples
    --------
    >>> shown(1e6), shown(2.5), shown(0.07), shown(float("nan")), shown("backup")
    ('1,000,000', '2.5', '0.07', 'none', 'backup')
    """
    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return "none"
    if isinstance(value, str | bool):
        return str(value)
    plain = f"{float(value):.7g}"
    if "e" in plain:
        return number(float(value), 0 if abs(value) >= 1 else None)
    whole, dot, part = plain.partition(".")
    return f"{int(whole):,}{dot}{part}" if not whole.startswith("-") else plain


def is_sweep(folder: Path) -> bool:
    """Whether a folder holds a sweep and not a run."""
    return (folder / "sweep.json").is_file()


def read_sweep(folder: Path) -> SavedSweep:
    """Return a saved sweep.

    Parameters
    ----------
    folder : Path
        Of the sweep: ``results/NAME/sweep``.

    Raises
    ------
    DataError
        If it cannot be read, or its base has no plant.
    """
    try:
        about = json.loads((folder / "sweep.json").read_text(encoding="utf-8"))
        text = {"point": str, "design": str, "label": str}
        table = pd.read_csv(folder / "table.csv", dtype=text)
        first = table.iloc[0]
        key, status = first["point"], first["reoptimised.status"]
    except FileNotFoundError as error:
        raise DataError(f"{folder}: no {Path(error.filename).name} there") from None
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise DataError(f"{folder}: cannot be read ({error})") from None
    if status not in SOLVED:
        why = first.get("reoptimised.reason")
        told = why if isinstance(why, str) else "not solved yet"
        raise DataError(f"{folder}: the base point has no plant: {told}")
    return SavedSweep(folder, about, table, read_run(folder / "points" / key))


def differences(first: Run, other: Run) -> list[str]:
    """Return the paths in which the cases of two runs differ, but for their solve."""
    a, b = (_flat(run.case.model_dump(mode="json")) for run in (first, other))
    skip = ("solve", "name", "title")
    return [
        path
        for path in dict.fromkeys([*a, *b])
        if path.split(".")[0] not in skip and a.get(path) != b.get(path)
    ]


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    """Return path -> value of nested sections."""
    if not isinstance(value, dict):
        return {path: value}
    join: Callable[[str], str] = lambda key: f"{path}.{key}" if path else key  # noqa: E731
    return {k: v for key in value for k, v in _flat(value[key], join(key)).items()}
