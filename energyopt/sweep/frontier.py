"""Frontiers: what it costs to go along a limit, from none to the strictest possible."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from energyopt.casefile import read_case
from energyopt.errors import CaseError, InfeasibleError, NoSolutionError
from energyopt.overlay import Setting
from energyopt.sweep.asked import Asked, Axis
from energyopt.sweep.keys import case_mark, key_of
from energyopt.sweep.points import Point, points_of
from energyopt.sweep.questions import FLOORS, MEASURE_OF, UPTIME, LeastOf
from energyopt.sweep.store import SOLVED, Store
from energyopt.uptime.estimate import nines
from energyopt.yamltree import DEFAULT, Place, as_entry, nearest

ROOM_FRAC = 1e-3
"""How far, as a share of the range, the last point stays from the very strictest."""
_PER = {
    "limits.co2_t_per_yr": "usd_per_t",
    "limits.nox_t_per_yr": "usd_per_t",
    "limits.water_m3_per_yr": "usd_per_m3",
    "limits.renewable_share_frac": "usd_per_point",
    UPTIME: "usd_per_nine",
}
FIRST_NINES = 2.0
"""Where a frontier of uptime begins: 99 %."""
MOST_NINES = 6.0
ROOM_NINES = 0.3
"""How far at least it ends short of what no plant is above."""


def check_frontier(limit: str) -> None:
    """Refuse a path that a frontier cannot go along.

    Raises
    ------
    CaseError
        If it is none of the limits.
    """
    if limit not in MEASURE_OF:
        meant = nearest(limit, list(MEASURE_OF))
        hint = f" - did you mean '{meant}'" if meant else ""
        raise CaseError(f"--frontier {limit}: goes along {', '.join(MEASURE_OF)}{hint}")


def unlimited(asked: Asked, limit: str) -> Asked:
    """Return a sweep whose base is without a limit."""
    return replace(asked, changes=(*asked.changes, _setting(limit, None)))


def ends(asked: Asked, limit: str) -> dict[str, Point]:
    """Return the two runs that tell where a frontier begins and ends.

    ``asked`` is without the limit already.
    """
    base = points_of(asked).rows[0].point
    ask = LeastOf(limit)
    strict = _setting(limit, ask.strictest)
    threads = _setting("solve.threads", 1)
    casefile = read_case(asked.case, [*asked.changes, strict, threads])
    key = key_of(case_mark(casefile, base.tables), None, None, ask)
    label = f"the {'most' if limit in FLOORS else 'least'} of {limit}"
    least = Point("frontier", label, "", casefile, base.tables, key, None, ask=ask)
    return {base.key: base, key: least}


def along(
    asked: Asked, limit: str, number: int, runs: dict[str, Point], store: Store
) -> Asked:
    """Return the sweep along a limit, its two ends being known.

    ``number`` points, equally spaced: the first is the plant without the limit, the
    last as near to the strictest as plants can be told from none.

    Raises
    ------
    InfeasibleError, NoSolutionError
        If one of the ends has no answer.
    """
    for key, run in runs.items():
        record = store.record(key) or {"status": "missing", "reason": "not solved"}
        if record["status"] not in SOLVED:
            kind = record["status"] == "infeasible"
            error = InfeasibleError if kind else NoSolutionError
            raise error(f"{run.label}: {record['reason']}")
    free, strict = runs
    if limit == UPTIME:
        levels = levels_in_nines(store.least(strict), number - 1)
        return at_levels(asked, limit, levels)
    begin = float(store.summary(free)[MEASURE_OF[limit]])
    end = store.least(strict) + ROOM_FRAC * (begin - store.least(strict))
    steps = max(number - 1, 1)
    values = [
        float(f"{begin + (end - begin) * i / steps:.7g}") for i in range(1, number)
    ]
    if abs(begin - end) <= 1e-6 * max(abs(begin), 1e-9):
        values = []  # the cheapest plant is the strictest
    return at_levels(asked, limit, values)


def at_levels(asked: Asked, limit: str, levels: Sequence[float]) -> Asked:
    """Return the sweep along a limit at these values, the loosest first."""
    ordered = sorted(set(levels), reverse=limit not in FLOORS)
    settings = tuple(_setting(limit, value) for value in ordered)
    return replace(asked, frontier=Axis(limit, settings))


def levels_in_nines(highest_frac: float, number: int) -> list[float]:
    """Return uptimes at equal steps in nines, from 99 % to what may be reached.

    Parameters
    ----------
    highest_frac : float
        What no plant is above; the last level lies three tenths of a nine or more below.
    number : int
        How many.

    Examples
    --------
    >>> levels_in_nines(0.999982, 3)  # 4.74 nines: 2, 3.2 and 4.4
    [0.99, 0.999369, 0.9999602]
    """
    most = min(nines(highest_frac), MOST_NINES)
    last = math.floor(10 * (most - ROOM_NINES) + 1e-6) / 10
    first = min(FIRST_NINES, last)
    steps = max(number - 1, 1)
    exact = [last - (last - first) * i / steps for i in reversed(range(number))]
    return [round(1 - float(f"{10**-n:.3g}"), 12) for n in exact]


def with_costs(table: pd.DataFrame, limit: str) -> pd.DataFrame:
    """Return the table with what each step along a limit costs.

    ``average_cost`` is against the plant without the limit, ``step_cost`` against the
    point before: dollars a year for each unit that the plant really uses less (of a
    share: for each percent point more; of uptime: for each nine more, as sampled).
    ``shadow_price``: what the next unit would cost, given the units built.
    """
    kind = "reoptimised"
    use = _use(table, limit)
    cost = table[f"{kind}.objective_usd_per_yr"].astype(float)
    on_it = (table["design"] == "frontier") | (table["design"] == "base")
    found = table.copy()
    unit = _PER.get(limit, "usd_per_unit")
    average, step = [], []
    before = first = None
    for here, used, usd in zip(on_it, use, cost, strict=True):
        both = here and pd.notna(used)
        average.append(_slope(first, (used, usd)) if both else None)
        step.append(_slope(before, (used, usd)) if both else None)
        if both:
            first = first or (used, usd)
            before = used, usd
    found[f"frontier.average_cost_{unit}"] = pd.Series(average, dtype=float)
    found[f"frontier.step_cost_{unit}"] = pd.Series(step, dtype=float)
    price = f"{kind}.shadow_price.{limit}"
    if price in found:
        found[f"frontier.shadow_price_{unit}"] = found[price]
    return found


def _use(table: pd.DataFrame, limit: str) -> pd.Series:
    """Return what each point uses of a limit; of a floor, less is more."""
    name = f"reoptimised.{MEASURE_OF[limit]}"
    if name not in table:
        return pd.Series(np.nan, index=table.index)
    use = table[name].astype(float)
    if limit == UPTIME:
        return -use.map(nines, na_action="ignore")
    return -100.0 * use if limit in FLOORS else use


def _slope(
    start: tuple[float, float] | None, here: tuple[float, float]
) -> float | None:
    """Return dollars more for each unit less, ``None`` where nothing moved."""
    if start is None or abs(start[0] - here[0]) <= 1e-9 * max(abs(start[0]), 1.0):
        return None
    return (here[1] - start[1]) / (start[0] - here[0])


def _setting(path: str, value: float | int | None) -> Setting:
    return Setting(path, as_entry(value, Place(f"--frontier {path}"), DEFAULT))
