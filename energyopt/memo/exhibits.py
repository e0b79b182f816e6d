"""The exhibits of a memo in their order, and what no exhibit covers yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from energyopt.memo.deal import at_a_glance, design
from energyopt.memo.heat import by_hour_of_day
from energyopt.memo.money import capital, operating, waterfall
from energyopt.memo.options import options
from energyopt.memo.permits import carbon, land_gas_wires, water, what_binds
from energyopt.memo.reliability import contingencies, nines
from energyopt.memo.run import Run
from energyopt.memo.running import (
    dispatch_weeks,
    durations,
    energy_balance,
    monthly,
    site,
    unit_operation,
)
from energyopt.memo.table import Table
from energyopt.memo.trust import assumptions, checks, record

ONE_PAGE = ("1", "11", "20", "25")
"""Of the one-page version those that can be made from a saved run."""
LATER = {
    "3, 14, 15": "frontier, tornado and two-way maps: of sweeps, not of one run",
    "5, 8, 9": "phasing, sources and uses, draw schedule",
    "12, 13": "pro forma, returns and debt; with them nominal LCOE, NPV, IRR, DSCR, "
    "tax and credits",
    "16, 17, 18": "weather years as a spread, regret, risk register",
    "27": "air permits: potential to emit and thresholds; modelled NOx is in exhibit 1",
}


@dataclass(frozen=True)
class Memo:
    """What is written: the exhibits, and what is not covered."""

    run: Run
    tables: tuple[Table, ...]
    not_covered: dict[str, str]

    @property
    def first_page(self) -> list[Table]:
        """The exhibits of the one-page version."""
        return [table for table in self.tables if table.number in ONE_PAGE]


def memo(run: Run, others: Sequence[Run] = ()) -> Memo:
    """Return the memo of a saved run.

    Parameters
    ----------
    run : Run
        The plant that is recommended.
    others : sequence of Run
        What it is compared with; the first is the base case.

    Returns
    -------
    Memo
    """
    found: list[Table | None] = [
        at_a_glance(run, others[0] if others else None),
        options([*others, run]) if others else None,
        *(make(run) for make in (design, site, capital, operating, waterfall)),
        *(make(run) for make in (energy_balance, dispatch_weeks, durations)),
        *(make(run) for make in (by_hour_of_day, unit_operation, monthly)),
        nines(run),
        contingencies(run),
        *(make(run) for make in (carbon, water, land_gas_wires, what_binds)),
        *(make(run) for make in (assumptions, checks, record)),
    ]
    tables = tuple(table for table in found if table is not None)
    missing = dict(LATER)
    if not others:
        missing["2"] = "options compared: give more than one run"
    if not any(table.number == "25" for table in tables):
        missing["25"] = "the nines: run energyopt uptime on this folder first"
    ordered = sorted(missing.items(), key=lambda item: int(item[0].split(",")[0]))
    return Memo(run, tables, dict(ordered))
