"""One plant for a search that is told to stop before it has any.

It need not be good: the gap says how good it is proven to be. But its rules all hold, and
it takes a bounded time, on top of what was allowed.
"""

from __future__ import annotations

import time

import numpy as np

from energyopt.errors import InfeasibleError, NoSolutionError
from energyopt.solve.finish import Box
from energyopt.solve.plants import Plants
from energyopt.solve.rounds import SMALL_PENALTY, StoppedError

SECONDS, SHARE = 15.0, 0.25
"""How long it may take: so long, or such a share of the time there was, if that is longer."""
GAP_FRAC = 0.05
"""What bound and plant may leave open: little of that is then spent on either."""
CHOICES = 3
"""How many whole sizes are tried."""


def last_resort(plants: Plants) -> None:
    """Look for any plant, within the time for it; ``plants.units`` keeps what is found.

    Parameters
    ----------
    plants : Plants
        A search that was stopped, wherever it was.
    """
    units, year, journal = plants.units, plants.year, plants.journal
    spent_s = time.monotonic() - journal.begin
    more_s = max(SECONDS, SHARE * spent_s)
    journal.log(f"stopped without a plant: {more_s:.0f} s more for any")
    journal.time_limit_s, journal.stop = spent_s + more_s, None
    units.gap_frac = max(units.gap_frac, GAP_FRAC)
    border, master = plants.border, plants.master
    tried: list[np.ndarray] = []
    try:
        master.hold(border.lower, border.upper)
        if not master.cuts:
            year.ask(0.5 * (border.lower + border.upper))
        while units.x is None and len(tried) < CHOICES:
            _, z = master.whole(
                plants.columns.whole, GAP_FRAC, journal, apart=plants.apart, tried=tried
            )
            tried.append(z[plants.apart])
            _run_these(plants, z)
            master.hold(border.lower, border.upper)
            journal.bound = max(journal.bound, master.bound()[0])
    except (InfeasibleError, NoSolutionError, StoppedError) as err:
        journal.log(f"no plant: {err or 'no time left'}")


def _run_these(plants: Plants, z: np.ndarray) -> None:
    """Find whole units for the whole sizes of a master point, if there are any."""
    border, master = plants.border, plants.master
    low, high = border.lower.copy(), border.upper.copy()
    low[plants.apart] = high[plants.apart] = z[plants.apart]
    low, high = master.implied(low, high, plants.columns.flags)
    if (low > high).any():
        return
    master.hold(low, high)
    try:
        held = plants.year.settle(
            "any plant", GAP_FRAC, start=z, slack_frac=SMALL_PENALTY
        )
    except InfeasibleError:
        return
    plants.units.dispatch_in(Box(low, high, held.bound, held.cost, held.z, []))
