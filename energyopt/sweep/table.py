"""The table of a sweep: a row a point, read from the store alone.

Names end in their units; what was sized anew begins with ``reoptimised.``, the base
plant dispatched anew with ``fixed.``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from energyopt.casefile import values
from energyopt.sweep.points import Point, Points
from energyopt.sweep.store import SOLVED, Store, write_whole
from energyopt.units import unit_of

MEASURES = (
    "lcoe_usd_per_mwh",
    "objective_usd_per_yr",
    "capital_usd",
    "co2_t_per_yr",
    "nox_t_per_yr",
    "water_m3_per_yr",
    "land_km2",
    "gas_mmbtu_per_yr",
    "renewable_share_frac",
    "gpu_uptime_frac",
    "unserved_mwh",
    "gap_frac",
)
PLANT_OF_START = "reoptimised.plant_of_start_flag"
"""1: the plant is that of the point it started from, which no other beats by the gap."""
_UNIT_OF_SIZE = {"units": "_units", "mw": "_mw", "mwh": "_mwh"}


def table_of(points: Points, store: Store) -> pd.DataFrame:
    """Return one row for each point, in the sweep's order.

    A point that is not solved yet has status ``missing``.
    """
    rows = []
    for row in points.rows:
        point = row.point
        line: dict[str, Any] = {
            "point": point.key,
            "design": point.design,
            "label": point.label,
        }
        said = values(point.casefile)
        line |= {path: _plain(_at(point, said, path)) for path in points.paths}
        if any(r.point.source for r in points.rows):
            line["range_source"] = point.source
        for name, run in (("reoptimised", point), ("fixed", row.fixed or point)):
            is_base = point.key == points.rows[0].point.key
            if name in points.designs or (name == "reoptimised" and is_base):
                line |= _told(store, run.key, name)
        if point.starts_from is not None and f"reoptimised.{MEASURES[0]}" in line:
            same = _sizes_of(store, point.key) == _sizes_of(store, point.starts_from)
            line[PLANT_OF_START] = int(same)
        rows.append(line)
    return pd.DataFrame(rows)[_columns(rows)]


def _sizes_of(store: Store, key: str) -> dict[tuple[str, str], Any] | None:
    """Return what is installed at a point, if it was solved."""
    record = store.record(key)
    if record is None or record["status"] not in SOLVED:
        return None
    return {
        (name, word): size.get(word)
        for name, size in store.summary(key)["capacity"].items()
        for word in _UNIT_OF_SIZE
    }


def failures(table: pd.DataFrame) -> list[str]:
    """Return a line for each run that has no answer: which, how it ended, and why."""
    found = []
    for kind in ("reoptimised", "fixed"):
        if f"{kind}.status" not in table:
            continue
        for _, row in table.iterrows():
            status = row[f"{kind}.status"]
            if isinstance(status, str) and status not in SOLVED:
                why = row[f"{kind}.reason"] or "not solved yet"
                found.append(f"{row['label']} ({kind}): {status}: {why}")
    return found


def write_table(folder: Path, table: pd.DataFrame, about: Mapping[str, str]) -> None:
    """Write ``table.csv`` and ``table.nc``, each in one step."""
    text = table.to_csv(index=False, float_format="%.10g", lineterminator="\n")
    write_whole(folder / "table.csv", text.encode())
    write_whole(folder / "table.nc", netcdf(table, about))


def netcdf(table: pd.DataFrame, about: Mapping[str, str]) -> bytes:
    """Return the table as a netCDF file, with the unit of each column."""
    import tempfile

    data = table.set_index("point", drop=True).to_xarray()
    for key, column in data.variables.items():
        if column.dtype.kind == "O":
            texts = ["" if _is_missing(v) else str(v) for v in column.values.tolist()]
            data[key] = (column.dims, np.array(texts, dtype=object))
        else:
            data[key].attrs["units"] = unit_or_one(str(key))
        data[key].attrs["long_name"] = str(key).replace("_", " ")
    data.attrs = dict(about)
    with tempfile.TemporaryDirectory(prefix="energyopt-") as name:
        path = Path(name) / "table.nc"
        data.to_netcdf(path, engine="h5netcdf")
        return path.read_bytes()


def unit_or_one(name: str) -> str:
    """Return the unit that a column's name ends in; ``1`` where it has none."""
    try:
        return unit_of(name.rsplit(".", 1)[-1])
    except KeyError:
        return "1"


def _at(point: Point, said: Mapping[str, Any], path: str) -> Any:
    """Return a point's value; of a section, what remains of it."""
    if path in said:
        return said[path]
    found: Any = point.casefile.resolved
    for step in path.replace("[", ".[").split("."):
        key: Any = int(step[1:-1]) if step.startswith("[") else step
        try:
            found = found[key]
        except (KeyError, IndexError, TypeError):
            return None
    return found


def _plain(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict | list) else value


def _told(store: Store, key: str, kind: str) -> dict[str, Any]:
    """Return the columns of one run."""
    record = store.record(key)
    if record is None:
        return {f"{kind}.status": "missing", f"{kind}.reason": ""}
    line = {f"{kind}.status": record["status"], f"{kind}.reason": record["reason"]}
    if record["status"] not in SOLVED:
        return line
    summary = store.summary(key)
    line |= {f"{kind}.{name}": summary.get(name) for name in MEASURES}
    if target := summary.get("uptime_target"):
        line |= {f"{kind}.{name}": v for name, v in _uptime_of(target).items()}
    for name, size in summary["capacity"].items():
        for word, end in _UNIT_OF_SIZE.items():
            if size.get(word) is not None:
                line[f"{kind}.{name}{end}"] = size[word]
    for category, usd in summary["cost_usd_per_yr"].items():
        line[f"{kind}.cost_{category}_usd_per_yr"] = usd
    for limit, usd in summary["shadow_prices"].items():
        line[f"{kind}.shadow_price.{limit}"] = usd
    return line


def _uptime_of(target: Mapping[str, Any]) -> dict[str, Any]:
    """Return the share of GPU energy served in sampled years of outages."""
    uptime = target["rounds"][-1]["uptime"] or {}
    ends = {"": "frac", "low_": "low_frac", "high_": "high_frac"}
    found = {f"sampled_uptime_{e}frac": uptime.get(key) for e, key in ends.items()}
    return found | {"uptime_met_flag": int(target["met"])}


def _columns(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return every column once, each kind of run together, in the order first seen."""
    names = list(dict.fromkeys(name for row in rows for name in row))

    def place(name: str) -> int:
        start = name.partition(".")[0]
        return {"reoptimised": 1, "fixed": 2}.get(start, 0)

    return sorted(names, key=place)


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and np.isnan(value))
