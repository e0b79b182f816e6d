"""The exhibits of a memo in their order, and what no exhibit covers yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

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
from energyopt.memo.sweep_exhibits import of_sweep
from energyopt.memo.swept import SavedSweep
from energyopt.memo.table import Table
from energyopt.memo.trust import assumptions, checks, record

ONE_PAGE = ("1", "11", "20", "25")
"""Of the one-page version those that can be made from a saved run."""
LATER = {
    "5, 8, 9": "phasing, sources and uses, draw schedule",
    "12, 13": "pro forma, returns and debt; with them nominal LCOE, NPV, IRR, DSCR, "
    "tax and credits",
    "16, 17, 18": "weather years as a spread, regret, risk register",
    "27": "air permits: potential to emit and thresholds; modelled NOx is in exhibit 1",
}


OF_SWEEPS = {
    "3": "frontier: give the folder of energyopt sweep CASE --frontier LIMIT",
    "14": "tornado: give the folder of a sweep with a tornado",
    "15": "two-way maps: give the folder of a sweep over two values or more",
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


def memo(
    run: Run, others: Sequence[Run] = (), sweeps: Sequence[SavedSweep] = ()
) -> Memo:
    """Return the memo of a saved run.

    Parameters
    ----------
    run : Run
        The plant that is recommended.
    others : sequence of Run
        What it is compared with; the first is the base case.
    sweeps : sequence of SavedSweep
        Of which exhibits 3, 14 and 15 are made; a second one of a number gets a letter.

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
    found += _lettered([t for sweep in sweeps for t in of_sweep(sweep, run)])
    tables = sorted((t for t in found if t is not None), key=lambda t: t.place)
    there = {table.place[0] for table in tables}
    missing = LATER | {n: why for n, why in OF_SWEEPS.items() if int(n) not in there}
    if not others:
        missing["2"] = "options compared: give more than one run"
    if 25 not in there:
        first = f"{run.other_uptime}; " if run.other_uptime else ""
        missing["25"] = f"the nines: {first}run energyopt uptime on this folder"
    ordered = sorted(missing.items(), key=lambda item: int(item[0].split(",")[0]))
    return Memo(run, tuple(tables), dict(ordered))


def _lettered(tables: Sequence[Table]) -> list[Table]:
    """Return exhibits of which no two have the same number: 3, 3b, 3c.

    Examples
    --------
    >>> tables = [Table("3", "frontier", "", "", (), ()) for _ in range(2)]
    >>> [(t.number, t.name) for t in _lettered(tables)]
    [('3', 'frontier'), ('3b', 'frontier_b')]
    """
    seen: dict[str, int] = {}
    found = []
    for table in tables:
        n = seen[table.number] = seen.get(table.number, 0) + 1
        letter = "" if n == 1 else chr(ord("a") + n - 1)
        name = f"{table.name}_{letter}" if letter else table.name
        found.append(replace(table, number=table.number + letter, name=name))
    return found
