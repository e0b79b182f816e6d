"""The exhibits of a memo in their order, and what no exhibit covers yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from energyopt.memo.beside import beside
from energyopt.memo.deal import at_a_glance, design
from energyopt.memo.heat import by_hour_of_day
from energyopt.memo.money import capital, operating, waterfall
from energyopt.memo.options import Option, of_run, options
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

ONE_PAGE = ("1", "2", "11", "14", "20", "25")
"""Of the one-page version those that can be made from saved runs and sweeps."""
LATER = {
    "5, 8, 9": "phasing, sources and uses, draw schedule",
    "12, 13": "pro forma, returns and debt; with them nominal LCOE, NPV, IRR, DSCR, "
    "tax and credits",
    "16, 17, 18": "weather years as a spread, regret, risk register",
    "27": "air permits: potential to emit and thresholds; modelled NOx is in exhibit 1",
}


OF_PLANT: tuple[Callable[[Run], Table | None], ...] = (
    *(design, site, capital, operating, waterfall),
    *(energy_balance, dispatch_weeks, durations, by_hour_of_day),
    *(unit_operation, monthly, nines, contingencies),
    *(carbon, water, land_gas_wires, what_binds),
    *(assumptions, checks, record),
)
"""What makes an exhibit of one plant."""
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
    short: bool = False  # the one-page version alone

    @property
    def file(self) -> str:
        """Name of its files."""
        return "one_page" if self.short else "memo"

    @property
    def first_page(self) -> list[Table]:
        """The exhibits of the one-page version."""
        return [table for table in self.tables if table.number in ONE_PAGE]


def memo(
    run: Run,
    others: Sequence[Option] = (),
    sweeps: Sequence[SavedSweep] = (),
    base: str | None = None,
) -> Memo:
    """Return the memo of a saved run.

    Parameters
    ----------
    run : Run
        The plant that is recommended.
    others : sequence of Option
        What it is compared with.
    sweeps : sequence of SavedSweep
        Of which exhibits 3, 14 and 15 are made; a second one of a number gets a letter.
    base : str, optional
        Name of the other that is the base case, shown beside the plant; without it,
        the first with a plant.

    Returns
    -------
    Memo
    """
    there = [option for option in others if option.run is not None]
    chosen = next((o for o in there if o.name == base), there[0] if there else None)
    beside_it = chosen.run if chosen else None
    found: list[Table | None] = [at_a_glance(run, beside_it)]
    if others:
        own = replace(of_run(run), label=f"Recommended: {run.title}")
        found.append(options([*others, own], chosen.name if chosen else None))
    found += _of_plant(run, beside_it)
    found += _lettered([t for sweep in sweeps for t in of_sweep(sweep, run)])
    tables = sorted((t for t in found if t is not None), key=lambda t: t.place)
    numbers = {table.place[0] for table in tables}
    later = {n: why for n, why in OF_SWEEPS.items() if int(n) not in numbers}
    missing = LATER | later
    if not others:
        missing["2"] = (
            "options compared: energyopt solve CASE --options, or give more runs"
        )
    if 25 not in numbers:
        first = f"{run.other_uptime}; " if run.other_uptime else ""
        missing["25"] = f"the nines: {first}run energyopt uptime on this folder"
    ordered = sorted(missing.items(), key=lambda item: int(item[0].split(",")[0]))
    return Memo(run, tuple(tables), dict(ordered))


def _of_plant(run: Run, base: Run | None) -> list[Table | None]:
    """Return the exhibits of one plant, the base case's numbers beside its own."""
    made = [make(run) for make in OF_PLANT]
    if base is None:
        return made
    theirs = [make(base) for make in OF_PLANT]
    return [
        None if table is None else beside(table, other, base.source())
        for table, other in zip(made, theirs, strict=True)
    ]


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
