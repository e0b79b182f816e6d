"""What a run leaves behind: a folder of files, and one table on the terminal.

A run folder is filled under a hidden name beside its place and renamed in one step, so
that it is either there and whole or not there at all.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import math
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, is_dataclass, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

import energyopt
from energyopt.casefile import resolved_yaml, values
from energyopt.errors import CaseError, DataError
from energyopt.exhibits import known_unit, tables
from energyopt.inputs.tables import find_table
from energyopt.results import decisions, hourly
from energyopt.terminal import DRAFT, terminal_table

if TYPE_CHECKING:
    from energyopt.casefile import CaseFile
    from energyopt.explain import Relaxed
    from energyopt.results import Result

__all__ = ["RunFolder", "SummaryContract", "terminal_table"]

MANIFEST_VERSION = "1.0"
DECISIONS = "decisions.json"
"""In a run folder: sizes and weekly decisions, which are not in ``hourly.nc``."""
ORIGINS = "case.origins.json"
"""In a run folder: source, range and confidence of each value of the case."""
VERSIONS_OF = (
    "pyomo",
    "highspy",
    "highspy-extras",
    "numpy",
    "scipy",
    "pandas",
    "xarray",
    "h5netcdf",
    "pvlib",
    "pydantic",
)


# The contract of summary.json ----------------------------------------------------------


class _Part(BaseModel):
    """Part of the contract: these keys are there; others may join them."""

    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True)


class Installed(_Part):
    """What is installed of one technology."""

    kind: str
    units: int | None
    """Whole machines; ``null`` where size is not counted in them."""
    mw: float
    """Rated power; of gas units gross at ISO conditions, of solar AC. [MW]"""
    mwh: float | None
    """Energy of a store, ``null`` otherwise. [MWh]"""


class CheckLine(_Part):
    """How one check ended."""

    passed: bool
    worst: float | None
    """The worst breach found, in the unit of the law; ``null``: not a number."""


class StageTimes(_Part):
    """Wall-clock time by stage, in seconds."""

    inputs: float
    build: float
    solve: float
    verify: float
    prices: float = 0.0  # that shadow prices took longer than the checks beside them
    total: float


class SummaryContract(_Part):
    """The keys of ``summary.json`` that keep their name, meaning and unit.

    Money is in real dollars of the case's price year, before tax. Yearly figures are
    of the average weather year. ``null`` stands for a number that is not finite.
    """

    schema_version: str
    case: str
    status: Literal["optimal", "limit", "interrupted", "verification_failed"]
    """``optimal``: within the gap asked for. ``limit``, ``interrupted``: stopped early
    with the best plant found. ``verification_failed``: not to be used."""
    gap_frac: float | None
    """Objective less bound, over the objective. [1]"""
    objective_usd_per_yr: float
    """Yearly cost of the plant, as minimised. [USD/yr]"""
    bound_usd_per_yr: float | None
    """What no plant can beat. [USD/yr]"""
    bound_lost_to_online_usd_per_yr: float | None = None
    """With ``contingencies.against: online``: at the plant's sizes, the relaxed year's
    cost with each type online or not as in the plant, less that with fractions of it.
    [USD/yr]"""
    time_s: StageTimes
    capacity: dict[str, Installed]
    """By technology."""
    energy_mwh: dict[str, float]
    """By technology and use. [MWh/yr]"""
    cost_usd_per_yr: dict[str, float]
    """By category; the sum is the objective. [USD/yr]"""
    lcoe_usd_per_mwh: float | None
    """Yearly cost less lost compute and before export income, over the energy served
    to the facility. [USD/MWh]"""
    gpu_uptime_frac: float | None
    """Share of GPU energy served in the dispatched year, before outages. [1]"""
    unserved_mwh: float
    """Facility load not served. [MWh/yr]"""
    co2_t_per_yr: float
    nox_t_per_yr: float
    water_m3_per_yr: float
    gas_mmbtu_per_yr: float
    """Higher heating value. [MMBtu/yr]"""
    capital_usd: float
    """All-in: owner's cost, contingency and interest included. [USD]"""
    checks: dict[str, CheckLine]
    uptime_target: dict[str, Any] | None = None
    """With ``reliability.gpu_uptime_frac``: whether it is ``met``, the ``rounds`` (each
    plant, its cost, its sampled uptime, interval and seed) and the ``smaller`` plants."""


# The run folder ------------------------------------------------------------------------


class RunFolder:
    """The folder of one run, hidden until it is whole; see :meth:`open`."""

    def __init__(self, casefile: CaseFile, out: Path | None) -> None:
        self.casefile = casefile
        self.started = datetime.now(UTC)
        self._out = _usable(out) if out is not None else None
        stem = (
            f"{self.started:%Y%m%dT%H%M%SZ}-{_run_hash(casefile)}"
            f"{'-DRAFT' if casefile.case.draft else ''}"
        )
        self._home = self._out or Path("results") / casefile.case.name
        beside = self._out.parent if self._out else self._home
        try:
            beside.mkdir(parents=True, exist_ok=True)
            self.run_id, self._hidden = self._reserved(beside, stem)
        except OSError as error:
            raise CaseError(f"{beside}: cannot write there: {error.strerror}") from None
        self.path = self._out or self._home / self.run_id
        self.log = self._hidden / "solver.log"
        self._published = False

    @classmethod
    @contextmanager
    def open(cls, casefile: CaseFile, out: Path | None = None) -> Iterator[RunFolder]:
        """Keep a place for a run; nothing shows under its name until it is whole.

        Parameters
        ----------
        casefile : CaseFile
            The case that is run.
        out : Path, optional
            The folder to make, which must be new or empty. Without it,
            ``results/<case>/<run id>`` under the current directory.

        Yields
        ------
        RunFolder
            With ``log``, the solver log to append to, and ``run_id``.

        Raises
        ------
        CaseError
            If ``out`` is taken or cannot be written.
        """
        folder = cls(casefile, out)
        try:
            yield folder
        except BaseException as error:
            folder._keep_log(error)
            raise
        finally:
            if not folder._published:
                shutil.rmtree(folder._hidden, ignore_errors=True)

    def write(
        self,
        result: Result,
        summary: Mapping[str, Any],
        finish: Callable[[Path], None] = lambda folder: None,
    ) -> Path:
        """Write every file of a solved run, then show the folder.

        Parameters
        ----------
        result : Result
            The solved plant.
        summary : mapping
            What ``summary.json`` keeps; it must meet :class:`SummaryContract`.
        finish : callable
            Called with the folder while it is hidden, to add to it what is made from it.

        Returns
        -------
        Path
            The folder.
        """
        told = finite(summary)
        SummaryContract.model_validate(told)
        self._write_case()
        write_json(self._hidden / "summary.json", told)
        (self._hidden / "tables").mkdir()
        for name, table in tables(result, told, self.casefile).items():
            place = self._hidden / "tables" / f"{name}.csv"
            table.to_csv(place, float_format="%.10g", encoding="utf-8")
        write_hourly(self._hidden / "hourly.nc", result, self.run_id)
        write_json(self._hidden / DECISIONS, decisions(result))
        self._write_manifest(result.inputs.tables, solved_part(result, told))
        finish(self._hidden)
        return self._publish(pointed_at=result.verified)

    def write_infeasible(self, found: Relaxed) -> Path:
        """Write the record of a case that no plant meets, then show the folder.

        Parameters
        ----------
        found : Relaxed
            A sentence for each limit that cannot hold, and the least values.

        Returns
        -------
        Path
            The folder; ``latest`` goes on naming the last plant.
        """
        told = {
            "schema_version": MANIFEST_VERSION,
            "case": self.casefile.case.name,
            "status": "infeasible",
            "sentences": found.sentences,
            "least_values": found.values,
        }
        self._write_case()
        write_json(self._hidden / "infeasible.json", told)
        self._write_manifest(_named_tables(self.casefile), {"status": "infeasible"})
        return self._publish(pointed_at=False)

    def _reserved(self, beside: Path, stem: str) -> tuple[str, Path]:
        """Return the first run id that nobody has, and the hidden folder that keeps it."""
        for n in count(1):
            run_id = stem if n == 1 else f"{stem}-{n}"
            name = f"{self._out.name}.{run_id}" if self._out else run_id
            hidden = beside / f".{name}.running"
            try:
                hidden.mkdir()
            except FileExistsError:
                continue
            taken = (self._home / run_id, self._home / f"failed-{run_id}")
            if not any(path.exists() for path in taken):
                return run_id, hidden
            hidden.rmdir()
        raise AssertionError  # count() does not end

    def _write_case(self) -> None:
        """Write the complete case; its relative tables are found from the run folder."""
        case = self.casefile
        moved = replace(
            case, resolved=tables_from(case.resolved, case.base_dir, self.path)
        )
        head = f"# Run {self.run_id} of {case.path.name}, every value written out.\n"
        if case.case.draft:
            head += f"# {DRAFT}\n"
            (self._hidden / "DRAFT.txt").write_text(DRAFT + "\n", encoding="utf-8")
        text = head + resolved_yaml(moved)
        (self._hidden / "case.resolved.yaml").write_text(text, encoding="utf-8")
        write_json(
            self._hidden / ORIGINS,
            {path: vars(origin) for path, origin in case.origins.items()},
        )

    def _write_manifest(self, used: Sequence[Any], more: Mapping[str, Any]) -> None:
        told = {
            "schema_version": MANIFEST_VERSION,
            "run_id": self.run_id,
            "case": self.casefile.case.name,
            "case_file": str(self.casefile.path),
            "draft": self.casefile.case.draft,
            "started_utc": self.started.isoformat(timespec="seconds"),
            "ended_utc": datetime.now(UTC).isoformat(timespec="seconds"),
            "command": sys.argv,
            "sets": list(self.casefile.sets),
            **_software(),
            **_machine(),
            "resolved_case_sha256": _sha256(_canonical(self.casefile.resolved)),
            "inputs": {
                "tables": [asdict(t) if is_dataclass(t) else dict(t) for t in used]  # type: ignore[arg-type]
            },
            **more,
        }
        write_json(self._hidden / "manifest.json", told)

    def _publish(self, *, pointed_at: bool) -> Path:
        """Give the hidden folder its name, and let ``latest`` name it."""
        if self._out and self._out.is_dir():
            _usable(self._out)
            for old in self._out.iterdir():  # logs of failed runs stay
                old.rename(self._hidden / old.name)
            self._out.rmdir()
        self._hidden.rename(self.path)
        self._published = True
        if pointed_at and not self._out:
            pointer = self._home / f".latest.{self.run_id}"
            pointer.write_text(self.run_id + "\n", encoding="utf-8")
            pointer.replace(self._home / "latest")
        return self.path

    def _keep_log(self, error: BaseException) -> None:
        """Keep the solver log of a failed run, and tell where in a note."""
        if self._published or not self.log.is_file() or not self.log.stat().st_size:
            return
        kept = self._home / f"failed-{self.run_id}"
        with suppress(OSError):
            kept.mkdir(parents=True, exist_ok=True)
            self.log.rename(kept / "solver.log")
            error.add_note(f"The solver's log: {kept / 'solver.log'}")


def _usable(out: Path) -> Path:
    """Return ``out`` if it is new, empty, or holds only logs of failed runs."""
    out = out.resolve()
    if out.is_mount() or out == Path.cwd():
        raise CaseError(f"--out {out}: name a new folder in it")
    if out.exists() and not out.is_dir():
        raise CaseError(f"--out {out}: is a file")
    if out.is_dir() and any(not p.name.startswith("failed-") for p in out.iterdir()):
        raise CaseError(f"--out {out}: is not empty; nothing is overwritten")
    return out


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _run_hash(casefile: CaseFile) -> str:
    """Return eight digits that stand for the case, its tables and this version."""
    tables_used = [table["sha256"] for table in _named_tables(casefile)]
    known = [casefile.resolved, tables_used, energyopt.__version__]
    return _sha256(_canonical(known))[:8]


def _is_table(path: str, value: Any) -> bool:
    key = path.rsplit(".", 1)[-1]
    return isinstance(value, str) and (key == "table" or key.endswith("_table"))


def _named_tables(casefile: CaseFile) -> list[dict[str, str]]:
    """Return name and SHA-256 of each table that the case names and that is there."""
    named = {v for path, v in values(casefile).items() if _is_table(path, v)}
    found = []
    for name in sorted(named):
        with suppress(DataError, OSError):  # for the inputs to say
            content = find_table(name, casefile.base_dir).read_bytes()
            found.append({"name": name, "sha256": _sha256(content)})
    return found


def tables_from(value: Any, old: Path, new: Path, key: str = "") -> Any:
    """Return a case's values with relative tables named from another folder."""
    if old == new:  # they are named from there already
        return value
    if isinstance(value, dict):
        return {k: tables_from(v, old, new, k) for k, v in value.items()}
    if isinstance(value, list):
        return [tables_from(item, old, new) for item in value]
    if not _is_table(key, value) or ":" in value or Path(value).is_absolute():
        return value
    place = old.resolve() / value
    try:
        return Path(os.path.relpath(place, new.resolve())).as_posix()
    except ValueError:  # another drive
        return str(place)


# The manifest --------------------------------------------------------------------------


def _software() -> dict[str, Any]:
    versions: dict[str, str | None] = {}
    for name in VERSIONS_OF:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = None
    return {
        "energyopt": energyopt.__version__,
        "git": _checkout(),
        "python": platform.python_version(),
        "versions": versions,
    }


def _checkout() -> dict[str, Any] | None:
    """Return commit and dirty flag of the package's own checkout, if it is in one."""
    root = Path(energyopt.__file__).resolve().parents[1]
    if not (root / ".git").exists():
        return None

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(root), *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=10, check=True
        )
        return done.stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no")
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(changed)}
    except (OSError, subprocess.SubprocessError):
        return None


def _machine() -> dict[str, Any]:
    return {
        "platform": platform.platform(),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "peak_memory_mb": _peak_memory_mb(),
    }


def _cpu() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _peak_memory_mb() -> float | None:
    """Return the most memory that this process has held, in MB."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    per_mb = 1e6 if sys.platform == "darwin" else 1e3  # bytes there, kilobytes here
    return round(peak / per_mb, 1)


def solved_part(result: Result, summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the manifest says of a solved model.

    Parameters
    ----------
    result : Result
        The solved plant.
    summary : mapping
        The summary that goes beside it.

    Returns
    -------
    dict
        Size, options as accepted, how the solve ended, times, checks and notes.
    """
    record = result.record
    small, large = record.coefficient_range
    same = (
        "status",
        "objective_usd_per_yr",
        "bound_usd_per_yr",
        "gap_frac",
        "time_s",
        "notes",
    )
    lines = summary["checks"].values()
    return {
        "model": {
            "rows": record.rows,
            "columns": record.columns,
            "integers": record.integers,
            "nonzeros": record.nonzeros,
            "smallest_coefficient": small,
            "largest_coefficient": large,
        },
        "method": record.method,
        "threads": record.threads,
        "options": record.options,
        **{key: summary.get(key) for key in same},
        "warnings": list(record.messages),
        "checks": {
            "passed": sum(line["passed"] for line in lines),
            "made": len(lines),
        },
        "progress": [
            {
                "elapsed_s": p.elapsed_s,
                "incumbent_usd_per_yr": p.incumbent * 1000,
                "bound_usd_per_yr": p.bound * 1000,
                "stage": p.stage,
            }
            for p in record.path
        ],
    }


# Files ---------------------------------------------------------------------------------


def finite(value: Any) -> Any:
    """Return plain data for strict JSON: what is not a finite number becomes ``None``.

    Examples
    --------
    >>> finite({"gap_frac": float("inf"), "mw": (1, np.float64(2.5))})
    {'gap_frac': None, 'mw': [1, 2.5]}
    """
    if isinstance(value, Mapping):
        return {str(key): finite(child) for key, child in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [finite(child) for child in value]
    if isinstance(value, np.ndarray):
        return finite(value.tolist())
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value


def write_json(path: Path, value: Any) -> None:
    """Write strict JSON in UTF-8."""
    text = json.dumps(finite(value), indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def write_hourly(path: Path, result: Result, run_id: str) -> None:
    """Write every hourly array, compressed, with units and a long name each.

    A technology's arrays are named ``aero.output_mw``: netCDF keeps the slash for
    groups, and one flat file opens with ``xarray.open_dataset(path)``.

    Parameters
    ----------
    path : Path
        A new file; netCDF 4 by h5netcdf.
    result : Result
        The solved plant.
    run_id : str
        Written into the file.
    """
    case = result.case
    data = hourly(result)
    data = data.rename({n: n.replace("/", ".") for n in map(str, data) if "/" in n})
    encoding: dict[str, dict[str, Any]] = {}
    for key, variable in data.variables.items():
        name, attrs = str(key), variable.attrs
        if variable.dtype.kind == "M":
            attrs.pop("units", None)  # the encoding says them
            encoding[name] = {"units": "hours since 1970-01-01", "dtype": "int64"}
        else:
            attrs.setdefault("units", known_unit(name) or "1")
            encoding[name] = {"zlib": True, "complevel": 4, "shuffle": True}
        attrs.setdefault("long_name", _LONG_NAMES.get(name, name.replace("_", " ")))
    kept = {k: v for k, v in data.attrs.items() if isinstance(v, str | int | float)}
    title = case.title or case.name
    data.attrs = kept | {
        "title": f"DRAFT - {title}" if case.draft else title,
        "case": case.name,
        "run_id": run_id,
        "draft": DRAFT if case.draft else "no",
        "energyopt_version": energyopt.__version__,
        "price_year": case.prices.year,
        "note": "Hourly means; time is UTC at the start of the hour.",
    }
    data.to_netcdf(path, engine="h5netcdf", encoding=encoding)


_LONG_NAMES = {
    "time": "Start of the hour, UTC.",
    "local_time": "Start of the hour, local standard time.",
    "year_index": "Which weather year, from 0.",
    "week_index": "Which modelled week, from 0.",
    "weight_h": "Hours of an average year that the hour stands for.",
}
