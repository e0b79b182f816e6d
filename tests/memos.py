"""Saved runs for tests of the memo, and a second reader of what a number cites."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import plants
import xarray as xr

from energyopt import metrics
from energyopt.case import Case
from energyopt.casefile import read_case
from energyopt.memo.table import Cell, Table
from energyopt.report import RunFolder

HOURS = 240
SCRIPT = "<script>alert(1)</script>"
TIMES = {"inputs": 1.0, "build": 0.5, "solve": 2.0, "verify": 0.25, "total": 3.75}
GAS = plants.GAS | {
    "capital_usd_per_kw": 1000,
    "co2_t_per_mmbtu": 0.05,
    "water_m3_per_mwh": 0.1,
}
CHANGES: dict[str, Any] = {
    "title": SCRIPT,
    "technologies": {
        "gas": GAS,
        "battery": plants.BATTERY | {"min_mw": 1, "capital_usd_per_kwh": 200},
        "grid": plants.GRID | {"max_mw": 5, "min_mw": 5},
        "solar": plants.SOLAR | {"max_mw": 3, "min_mw": 3},
    },
    "limits": {"gpu_served_frac": 0.9, "co2_t_per_yr": 1e6},
    "contingencies": {},
}


def saved(folder: Path, **changes: Any) -> Path:
    folder.mkdir()
    path = folder / "tiny.yaml"
    wanted = plants.merged(plants.CASE, CHANGES | changes)
    path.write_text(json.dumps(wanted))
    casefile = read_case(path)
    price = [30.0] * (HOURS // 2) + [60.0] * (HOURS // 2)
    sun = [0.0, 0.5, 0.9, 0.2] * (HOURS // 4)
    case = Case.model_validate(wanted)
    made = plants.solved(case, HOURS, power_usd_per_mwh=price, solar__share_frac=sun)
    made = replace(made, shadow_prices={"limits.co2_t_per_yr": 35.0})
    with RunFolder.open(casefile, folder / "run") as run:
        run.log.write_text("the solver's words\n")
        return run.write(made, metrics.summary(made, TIMES))


def stored(folder: Path, cite: str) -> float:
    """Read a cited number again, by other means than the memo's."""
    file, _, place = cite.partition("#")
    if file.endswith(".json"):
        found = json.loads((folder / file).read_text())
        for key in place.split("/"):
            found = found[int(key) if isinstance(found, list) else key]
        return float(found)
    if file.endswith(".csv"):
        row, column = place.rsplit("/", 1)
        with (folder / file).open() as text:
            lines = {line[0]: line for line in csv.reader(text)}
            head = next(iter(lines.values()))
        return float(lines[row][head.index(column)] or "nan")
    name, how, *month = place.split("/")
    with xr.open_dataset(folder / file, engine="h5netcdf") as data:
        local = data["local_time"].values.astype("datetime64[M]").astype(int) % 12 + 1
        kept = local == int(month[0]) if month else np.ones(len(local), dtype=bool)
        values, weight = data[name].values[kept], data["weight_h"].values[kept]
    if how == "max":
        return float(values.max())
    return float(values @ weight) / (1.0 if how == "sum" else float(weight.sum()))


def cited(cell: Cell) -> float:
    """Return a cell's number from the files that it cites; of a zero or sum, its own."""
    if cell.home is None:
        assert not cell.cite
        return cell.value or 0.0
    there = sum(stored(cell.home, one) for one in cell.cite.split(" + "))
    over = stored(cell.home, cell.over) if cell.over else 1.0
    return there / over * cell.factor - (cited(cell.less) if cell.less else 0.0)


def cells_of(tables: Sequence[Table]) -> Iterator[tuple[str, Cell]]:
    """Yield every number that cites where it is stored, and where it is shown."""
    for table in tables:
        for row in table.rows:
            for cell in row.cells:
                if isinstance(cell, Cell) and cell.cite and cell.value is not None:
                    yield f"exhibit {table.number}, {row.cells[0]}: {cell.cite}", cell
