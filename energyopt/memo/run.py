"""A saved run, and the stored number that a cell of an exhibit cites."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from energyopt.case import Case
from energyopt.casefile import read_case
from energyopt.errors import DataError
from energyopt.latest import run_folder
from energyopt.memo.doubt import is_used, rests_on
from energyopt.memo.table import Cell, Column, Row, Table

BUILT_MW = 0.1
"""A smaller size is the solver's remainder within the gap; the files hold it."""
NEEDED = ("summary.json", "manifest.json", "case.resolved.yaml", "case.origins.json")


@dataclass(frozen=True)
class Run:
    """Everything that a run folder holds. Nothing is computed again."""

    folder: Path
    case: Case
    summary: Mapping[str, Any]
    manifest: Mapping[str, Any]
    origins: Mapping[str, Mapping[str, Any]]
    tables: Mapping[str, pd.DataFrame]
    hours: xr.Dataset
    uptime: Mapping[str, Any] | None
    other_uptime: str = ""  # why an uptime.json that is there is not of this run

    @property
    def run_id(self) -> str:
        """The run's id."""
        return str(self.manifest["run_id"])

    @property
    def title(self) -> str:
        """The case's title, or its name."""
        return self.case.title or self.case.name

    @property
    def money(self) -> str:
        """What every dollar is."""
        return f"real {self.summary['price_year']} dollars, before tax"

    @cached_property
    def built(self) -> list[str]:
        """The technologies that are there, in the case's order."""
        size = self.tables["capacity"]
        power = size["rated_mw"].fillna(0) >= BUILT_MW
        energy = size["energy_mwh"].fillna(0) >= BUILT_MW
        return [str(name) for name in size.index[power | energy]]

    def source(self) -> str:
        """Return the footnote of every table: case, run and gap."""
        gap = self.summary["gap_frac"]
        proven = "no gap proven" if gap is None else f"gap {100 * gap:.2f} %"
        draft = "; DRAFT, not a basis for a decision" if self.summary["draft"] else ""
        return f"Case {self.case.name}, run {self.run_id}, {proven}{draft}."

    @cached_property
    def low_confidence(self) -> list[str]:
        """The inputs of low confidence that are read, as the case is set up."""
        low = [p for p, o in self.origins.items() if o["confidence"] == "low"]
        return [path for path in low if is_used(path, self.case.technologies)]

    def rests_on_low(self, *cites: str) -> bool:
        """Return whether a stored number rests on an input of low confidence."""
        told = [cite for cite in cites if cite]
        if self.uptime and any(c.startswith("uptime.json#") for c in told):
            return bool(self.uptime["low_confidence"])  # the sampler's own list
        return any(rests_on(c, self.low_confidence, self.built) for c in told)

    def cell(
        self,
        cite: str,
        factor: float = 1.0,
        *,
        over: str = "",
        decimals: int | None = None,
    ) -> Cell:
        """Return a stored number in the unit of its column; see :class:`Cell`."""
        value = self.stored(cite)
        if value is not None and over:
            below = self.stored(over)
            value = value / below if below else None
        shown = None if value is None else value * factor
        low = self.rests_on_low(cite, over)
        return Cell(shown, decimals, cite, over, factor, low, self.folder)

    def stored(self, cite: str) -> float | None:
        """Return a stored number.

        Parameters
        ----------
        cite : str
            ``summary.json#energy_mwh/served``, ``tables/cost.csv#recip/fuel_usd_per_yr``,
            or ``hourly.nc#demand_mw/sum`` (``mean``, ``max``; of a month:
            ``demand_mw/max/7``), each hour counted as often as it stands for.
        """
        file, _, place = cite.partition("#")
        found: Any
        if file == "hourly.nc":
            return self._hourly(*place.split("/"))
        if file.startswith("tables/"):
            row, column = place.rsplit("/", 1)
            table = self.tables[file.removeprefix("tables/").removesuffix(".csv")]
            found = table.at[int(row) if row.isdigit() else row, column]
        else:
            found = {"summary.json": self.summary, "uptime.json": self.uptime}[file]
            for key in place.split("/"):
                found = found[int(key)] if isinstance(found, list) else found[key]
        return None if found is None or pd.isna(found) else float(found)

    def _hourly(self, name: str, how: str, month: str = "") -> float:
        values = self.series(name)
        weight = self.series("weight_h")
        if month:
            here = self.month == int(month)
            values, weight = values[here], weight[here]
        if how == "max":
            return float(values.max())
        if how == "mean":
            return float((values * weight).sum() / weight.sum())
        return math.fsum(values * weight)

    def series(self, name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Return an hourly series."""
        return np.asarray(self.hours[name].values, dtype=float)

    @cached_property
    def local(self) -> pd.DatetimeIndex:
        """Local standard time of each hour."""
        return pd.DatetimeIndex(self.hours["local_time"].values)

    @cached_property
    def month(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Local month of each hour."""
        return np.asarray(self.local.month, dtype=np.int64)

    def table(
        self,
        number: str,
        name: str,
        title: str,
        columns: list[tuple[str, str, str]],
        rows: list[Row],
        *,
        caption: str = "",
        notes: tuple[str, ...] = (),
    ) -> Table:
        """Return an exhibit with the footnote of this run."""
        made = tuple(Column(*c) for c in columns)
        said = (*notes, self.source())
        return Table(number, name, title, caption, made, tuple(rows), said)


def read_run(run: Path) -> Run:
    """Return a saved run.

    Parameters
    ----------
    run : Path
        Its folder, or the file ``latest`` that names it.

    Raises
    ------
    DataError
        If it is no folder of a solved run.
    """
    folder = run_folder(run)
    if (folder / "infeasible.json").is_file():
        raise DataError(f"{run}: no plant meets every limit of this case")
    for name in (*NEEDED, "hourly.nc", "tables"):
        if not (folder / name).exists():
            raise DataError(f"{run}: no {name} there; give the folder of a solved run")
    try:
        with xr.open_dataset(folder / "hourly.nc", engine="h5netcdf") as data:
            hours = data.load()
        found = {
            path.stem: pd.read_csv(path, index_col=0, keep_default_na=True)
            for path in sorted((folder / "tables").glob("*.csv"))
        }
        manifest = _json(folder / "manifest.json")
        uptime, other = _uptime(folder / "uptime.json", str(manifest["run_id"]))
        return Run(
            folder=folder,
            case=read_case(folder / "case.resolved.yaml").case.in_time(),
            summary=_json(folder / "summary.json"),
            manifest=manifest,
            origins=_json(folder / "case.origins.json"),
            tables=found,
            hours=hours,
            uptime=uptime,
            other_uptime=other,
        )
    except (OSError, ValueError) as error:
        raise DataError(f"{run}: cannot be read ({error})") from None


def _uptime(path: Path, run_id: str) -> tuple[Mapping[str, Any] | None, str]:
    """Return the sampled years of a run; or why those that are there are not its own."""
    if not path.is_file():
        return None, ""
    found = _json(path)
    of = found.get("run_id")
    if of == run_id:
        return found, ""
    told = f"of run {of}" if of else "of a run without a name"
    return None, f"{path.name} is {told}, not of {run_id}: LEFT OUT"


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
