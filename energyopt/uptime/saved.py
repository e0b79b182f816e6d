"""The plan of a run folder: what was decided, hour by hour, without a new solve."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import xarray as xr

from energyopt.case import Case
from energyopt.casefile import CaseFile, read_case
from energyopt.errors import DataError
from energyopt.latest import run_folder
from energyopt.technologies import Horizon, Operation
from energyopt.uptime.elements import Plan, operations, plans_of

Rates = Literal["low", "base", "high"]
RATES: tuple[Rates, ...] = ("low", "base", "high")
_RATE_FIELDS = (
    "forced_outage_frac",
    "start_failure_frac",
    "derated_time_frac",
    "outages_per_yr",
)
"""Of technologies; and every ``_per_yr`` of the case's outages."""


@dataclass(frozen=True)
class Saved:
    """A dispatched plant, read from its run folder."""

    case: Case
    at: Horizon
    horizons: Mapping[str, Horizon]
    found: Mapping[str, Mapping[str, Any]]
    shared: Mapping[str, Any]
    ranges: Mapping[str, Mapping[str, Any]]  # origin of each value, by its path
    run_id: str

    def rated(self, rates: Rates) -> tuple[Case, list[str]]:
        """Return the case with outage rates at one end of the catalogue's ranges.

        Durations stay. The second are the fields that have no range, as when the
        case itself gives them: they are the same at every rate.
        """
        fixed: list[str] = []

        def at(path: str, value: float) -> float:
            end = self.ranges.get(path, {}).get(rates)
            if rates == "base" or end is None:
                if value and rates != "base":
                    fixed.append(path)
                return value
            return float(end)

        changed = {}
        for name, tech in self.case.technologies.items():
            new = {
                field: at(f"technologies.{name}.{field}", getattr(tech, field))
                for field in _RATE_FIELDS
                if field in type(tech).model_fields
            }
            changed[name] = tech.model_copy(update=new)
        common = self.case.outages
        often = {
            field: at(f"outages.{field}", getattr(common, field))
            for field in type(common).model_fields
            if field.endswith("_per_yr")
        }
        update = {
            "technologies": changed,
            "outages": common.model_copy(update=often),
        }
        return self.case.model_copy(update=update), fixed

    def said(self, case: Case) -> dict[str, Operation]:
        """Return what the technologies of a case say of this plan."""
        return operations(case, self.horizons, self.found)

    def plans(
        self, rates: Rates = "base", more: Mapping[str, Operation] | None = None
    ) -> list[Plan]:
        """Return the plan of each weather year, at low, base or high outage rates.

        ``more`` takes the place of what technologies say: a unit more, say.
        """
        case, _ = self.rated(rates)
        return plans_of(case, self.said(case) | dict(more or {}), self.at, self.shared)

    def one_more(self) -> dict[str, tuple[str, Operation]]:
        """Return, in words, what could be added, and what its owner would then say.

        One standby unit more of each type; or a battery a tenth larger, the addition
        kept full: the plan of the others stays as it is.
        """
        found = {}
        for name, op in self.said(self.case).items():
            if op.fleet is not None and op.fleet.units:
                fleet = replace(op.fleet, units=op.fleet.units + 1)
                found[f"one more unit of {name}"] = name, replace(op, fleet=fleet)
            if op.bank is not None and op.bank.store.power_mw > 0:
                s = op.bank.store
                larger = replace(
                    s,
                    power_mw=1.1 * s.power_mw,
                    energy_mwh=1.1 * s.energy_mwh,
                    stored_mwh=s.stored_mwh + 0.1 * s.energy_mwh,
                )
                bank = replace(op.bank, store=larger)
                found[f"10 % more of {name}"] = name, replace(op, bank=bank)
        return found


@dataclass(frozen=True)
class RunFiles:
    """What a run folder holds of a plan."""

    folder: Path
    casefile: CaseFile
    hours: xr.Dataset
    decisions: Mapping[str, Mapping[str, Any]]
    origins: Mapping[str, Mapping[str, Any]]

    @property
    def run_id(self) -> str:
        """The run's own id, as its manifest has it; the folder may have another name."""
        manifest = self.folder / "manifest.json"
        if not manifest.is_file():
            return self.folder.resolve().name
        return str(json.loads(manifest.read_text(encoding="utf-8"))["run_id"])

    def arrays(self, hours: int) -> dict[str, dict[str, Any]]:
        """Return every variable of the plan, by technology and for the ``"plant"``.

        Parameters
        ----------
        hours : int
            How many the case's inputs have now.

        Raises
        ------
        DataError
            If the plan has another number.
        """
        if self.hours.sizes["time"] != hours:
            raise DataError(
                f"{self.folder}: the plan has {self.hours.sizes['time']:,} hours, its "
                f"case now {hours:,}; size it again"
            )
        found = {name: dict(own) for name, own in self.decisions.items()}
        for key, values in self.hours.data_vars.items():
            owner, _, variable = str(key).rpartition(".")
            if owner in found:
                found[owner][variable] = np.asarray(values.values, dtype=float)
        return found


def read_run(run: Path) -> RunFiles:
    """Return the files of a run folder that hold its plan.

    Parameters
    ----------
    run : Path
        The folder, or the file ``latest`` that names it.

    Raises
    ------
    DataError
        If it is no folder of a solved run, or one of an older version.
    """
    run = run_folder(run)
    for name in ("case.resolved.yaml", "decisions.json", "case.origins.json"):
        if not (run / name).is_file():
            raise DataError(
                f"{run}: no {name} there; give the folder of a solved run, made by "
                "this version"
            )
    casefile = read_case(run / "case.resolved.yaml")
    try:
        kept = json.loads((run / "decisions.json").read_text(encoding="utf-8"))
        ranges = json.loads((run / "case.origins.json").read_text(encoding="utf-8"))
        with xr.open_dataset(run / "hourly.nc", engine="h5netcdf") as data:
            hours = data.load()
    except (OSError, ValueError) as error:
        raise DataError(f"{run}: cannot be read ({error})") from None
    return RunFiles(run, casefile, hours, kept, ranges)


def read_saved(run: Path) -> Saved:
    """Return the plan of a run folder; as :func:`read_run`."""
    files = read_run(run)
    return saved_of(
        files.casefile.case.in_time(),
        files.hours,
        files.decisions,
        files.origins,
        files.run_id,
    )


def saved_of(
    case: Case,
    hours: xr.Dataset,
    kept: Mapping[str, Mapping[str, Any]],
    ranges: Mapping[str, Mapping[str, Any]],
    run_id: str = "",
) -> Saved:
    """Return a plan from hourly arrays (``aero.output_mw``) and other decisions."""
    arrays: dict[str, dict[str, Any]] = {name: {} for name in (*case.technologies, "")}
    for key, values in hours.data_vars.items():
        owner, _, name = str(key).rpartition(".")
        if owner in arrays:
            arrays[owner][name] = np.asarray(values.values, dtype=float)
    year_index = np.asarray(hours["year_index"].values, dtype=int)
    week_index = np.asarray(hours["week_index"].values, dtype=int)
    years = _runs(year_index)
    chains = years if case.horizon.kind == "year" else _runs(week_index)
    horizons = {
        name: Horizon(
            hours=range(len(year_index)),
            weight=arrays[""]["weight_h"].tolist(),
            chains=chains,
            years=years,
            week_of=week_index.tolist(),
            series={k: v.tolist() for k, v in arrays[name].items()},
            weeks=range(int(week_index.max()) + 1),
        )
        for name in case.technologies
    }
    start = np.zeros(len(year_index), dtype=bool)
    start[[chain.start for chain in chains]] = True
    month = (hours["local_time"].values.astype("datetime64[M]").astype(int)) % 12 + 1
    return Saved(
        case=case,
        at=next(iter(horizons.values())),
        horizons=horizons,
        found={
            name: arrays[name] | {k: _plain(v) for k, v in kept[name].items()}
            for name in case.technologies
        },
        shared={
            "demand_mw": arrays[""]["demand_mw"],
            "pue": arrays[""]["pue"],
            "unserved_mw": np.asarray(hours["plant.unserved_mw"].values, dtype=float),
            "month": month,
            "chain_start": start,
        },
        ranges=ranges,
        run_id=run_id,
    )


def _runs(index: Any) -> tuple[range, ...]:
    """Return the runs of one and the same index."""
    ends = [*(np.flatnonzero(np.diff(index)) + 1).tolist(), len(index)]
    return tuple(range(a, b) for a, b in zip([0, *ends[:-1]], ends, strict=True))


def _plain(value: Any) -> Any:
    return np.asarray(value, dtype=float) if isinstance(value, list) else value
