"""The cost of a nine: the cheapest plant of a case for each of several uptimes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from energyopt.uptime.path_text import percent, plant_words

TARGETS = (0.99, 0.999, 0.9999, 0.99999)


class Solved(NamedTuple):
    """How a case with one target ended."""

    exit_code: int
    document: Mapping[str, Any]  # the summary, or what went wrong
    folder: Path | None


def cost_of_nines(
    targets: Sequence[float], solve: Callable[[float, Path | None], Solved]
) -> dict[str, Any]:
    """Return a row for each target, from the lowest.

    A plant whose samples both lie above a higher target is the cheapest for that one
    too: it is the cheapest of more plants. It is not solved for again.

    Parameters
    ----------
    targets : sequence of float
        Shares of GPU energy. [1]
    solve : callable
        Sizes the case for a target, from the folder of the run before.

    Returns
    -------
    dict
        ``rows``; ``exit_code``, the first that is neither 0 nor 4.
    """
    rows: list[dict[str, Any]] = []
    code, before, last = 0, None, None
    for target in sorted(targets):
        if last is not None and _shown(last.document) >= target:
            rows.append(_row(target, last, same=True))
            continue
        solved = solve(target, before)
        rows.append(_row(target, solved, same=False))
        before = solved.folder or before
        if solved.exit_code not in (0, 4):
            code = code or solved.exit_code
        last = solved if solved.exit_code == 0 else None
        if solved.exit_code in (6, 130):
            break
    return {"rows": rows, "exit_code": code}


def _shown(summary: Mapping[str, Any]) -> float:
    """Return the uptime that both samples of a plant show."""
    last = summary["uptime_target"]["rounds"][-1]
    return float(min(last["uptime"]["low_frac"], last["held_out"]["low_frac"]))


def _row(target: float, solved: Solved, same: bool) -> dict[str, Any]:
    told = solved.document.get("uptime_target")
    if told is None:
        return {
            "gpu_uptime_frac": target,
            "met": False,
            "why_not": list(solved.document.get("errors", [])),
        }
    last = told["rounds"][-1]
    return {
        "gpu_uptime_frac": target,
        "met": bool(told["met"]),
        "same_plant": same,
        "sizes": last["sizes"],
        "lcoe_usd_per_mwh": last["lcoe_usd_per_mwh"],
        "objective_usd_per_yr": last["objective_usd_per_yr"],
        "gap_frac": solved.document["gap_frac"],
        "uptime": last["uptime"],
        "held_out": last["held_out"],
        "rounds": len(told["rounds"]),
        "folder": str(solved.folder),
    }


def lines(document: Mapping[str, Any]) -> list[str]:
    """Return the table of :func:`cost_of_nines` in words, one line a target."""
    found, before = [], None
    for row in document["rows"]:
        head = f"{100 * row['gpu_uptime_frac']:g} %"
        if "sizes" not in row:
            found.append(f"{head:<10} not reached: " + "; ".join(row["why_not"]))
            continue
        lcoe = row["lcoe_usd_per_mwh"]
        more = "" if before is None else f" (+{lcoe - before:,.2f})"
        before = lcoe
        met = "" if row["met"] else " NOT SHOWN TO BE MET;"
        sampled = row["held_out"] or row["uptime"]
        shown = f"; {percent(sampled['frac'])}" if sampled else ""
        plant = "the same plant" if row["same_plant"] else plant_words(row["sizes"])
        found.append(f"{head:<10}{met} ${lcoe:,.2f}/MWh{more}; {plant}{shown}")
    return found
