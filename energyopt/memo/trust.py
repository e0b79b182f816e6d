"""Exhibits 32 to 34: every input, every check, and how the run was made."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

import pandas as pd

from energyopt.memo.run import Run
from energyopt.memo.table import DOUBT, Cell, Row, Table


def _text(value: Any) -> str:
    """Return a stored value as text; empty where there is none.

    Examples
    --------
    >>> _text(2025.0), _text(0.07), _text(None), _text("flat")
    ('2025', '0.07', '', 'flat')
    """
    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return ""
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def assumptions(run: Run) -> Table:
    """Return exhibit 32: each input with unit, range, source and confidence."""
    rows = []
    for path, line in run.tables["assumptions"].iterrows():
        low = line["confidence"] == "low"
        unit = "" if line["unit"] == "1" else _text(line["unit"])
        rows.append(
            Row(
                (
                    f"{path} {DOUBT}" if low else str(path),
                    _text(line["value"]),
                    unit,
                    _text(line["low"]),
                    _text(line["high"]),
                    _text(line["confidence"]),
                    _text(line["price_year"]),
                    _text(line["source"]),
                )
            )
        )
    columns = [
        ("input", "Input", ""),
        ("value", "Value", ""),
        ("unit", "Unit", ""),
        ("low", "Low", ""),
        ("high", "High", ""),
        ("confidence", "Confidence", ""),
        ("price_year", "Price year", ""),
        ("source", "Source", ""),
    ]
    title = "Assumption book"
    notes = (
        f"{DOUBT} after a number: an input that it is worked out from, given the plant and "
        "its dispatch, is of low confidence. What is built and how it runs rests on all.",
    )
    return run.table("32", "assumptions", title, columns, rows, notes=notes)


def checks(run: Run) -> Table:
    """Return exhibit 33: each check, what it allows and the worst that was found."""
    rows = []
    for name, line in run.summary["checks"].items():
        worst = (
            "not a number" if line["worst"] is None else f"{line['worst'] + 0.0:.1e}"
        )
        allowed = f"{line['tolerance']:.1e}"
        rows.append(Row((name, worst, allowed, "yes" if line["passed"] else "NO")))
    rows.sort(key=lambda row: row.cells[-1] == "yes")
    columns = [
        ("check", "Check", ""),
        ("worst", "Worst found", ""),
        ("tolerance", "Allowed", ""),
        ("passed", "Passed", ""),
    ]
    notes = ("Each is made from the arrays, in plain numpy, without the model.",)
    return run.table("33", "checks", "Checks", columns, rows, notes=notes)


def record(run: Run) -> Table:
    """Return exhibit 34: what made this run, and how to make it again."""
    m = run.manifest
    git = m.get("git") or {}
    dirty = " with changes not committed" if git.get("dirty") else ""
    said: dict[str, str | Cell] = {
        "Run": run.run_id,
        "Status": str(run.summary["status"]),
        "Started, UTC": str(m["started_utc"]),
        "Took, in seconds": run.cell("summary.json#time_s/total", decimals=1),
        "energyopt": f"{m['energyopt']} {git.get('commit', '')[:12]}{dirty}",
        "Python": str(m["python"]),
        **{name: str(version) for name, version in m["versions"].items() if version},
        "Method": f"{m['method']}, {m['threads']} threads",
        "Rows, columns, integers": ", ".join(
            f"{m['model'][key]:,}" for key in ("rows", "columns", "integers")
        ),
        "Solver options": ", ".join(f"{k}={v}" for k, v in m["options"].items()),
        "Case, SHA-256": str(m["resolved_case_sha256"]),
    }
    rows = [Row((key, value)) for key, value in said.items()]
    for table in m["inputs"]["tables"]:
        used = f"{table['source']}; {table['licence']}; SHA-256 {table['sha256']}"
        rows.append(Row((f"Table {table['name']}", used)))
    sets = " ".join(f"--set {one}" for one in m["sets"])
    case = PurePath(m["case_file"])
    typed = case.name if case.is_absolute() else case.as_posix()  # no one's own folders
    again = f"energyopt solve {typed} {sets}".strip()
    rows.append(Row(("Again", again)))
    columns = [("item", "Item", ""), ("value", "Value", "")]
    return run.table("34", "record", "Run record", columns, rows)
