"""Exhibit 22: what each flow is through the day; the page draws it for every day."""

from __future__ import annotations

import numpy as np

from energyopt.memo.run import Run
from energyopt.memo.table import Cell, Row, Table

FLOWS = {
    "output_mw": "",
    "discharge_mw": " discharge",
    "charge_mw": " charge",
    "import_mw": " import",
    "export_mw": " export",
}


def flows(run: Run) -> dict[str, str]:
    """Return what flows to and from the bus: words -> name of the hourly series."""
    found = {"load": "demand_mw"}
    for name in run.built:
        for flow, words in FLOWS.items():
            key = f"{name}.{flow}"
            if key in run.hours and np.abs(run.series(key)).max() >= 0.05:
                found[name + words] = key
    return found


def by_hour_of_day(run: Run) -> Table:
    """Return exhibit 22 as a table: the mean of each flow in each hour of the day."""
    weight, hour = run.series("weight_h"), run.local.hour
    kept = flows(run)
    rows = []
    for h in range(24):
        at = np.asarray(hour == h)
        cells = [
            Cell(float(np.average(run.series(key)[at], weights=weight[at])), 1)
            for key in kept.values()
        ]
        rows.append(Row((f"{h:02d}:00", *cells)))
    columns = [("hour", "Hour begins, local standard time", "")]
    columns += [
        (f"{key.replace('.', '_')}", words, "MW") for words, key in kept.items()
    ]
    notes = ("Means of hourly.nc over the days of the average year.",)
    title = "Heat maps and hours of the day"
    return run.table("22", "hours_of_day", title, columns, rows, notes=notes)
