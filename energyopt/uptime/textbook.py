"""Uptime of a textbook system: exact from the table, and sampled beside it.

The hours of the load are the year: 8,736 hours give the answer of those hours, nothing
is scaled to 8,760. Which shortages a battery, a start or an operator could have met is
not asked: units are always on, and what they give is all there is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from energyopt.uptime.estimate import Estimate, effective_years, estimate, nines
from energyopt.uptime.machines import DEFAULT_REPAIR_H, groups, repair_h, sample
from energyopt.uptime.systems import System
from energyopt.uptime.table import HOURS_PER_DAY, Adequacy, adequacy

SCHEMA_VERSION = 1
_WHOLE_YEARS_H = range(8736, 8785)  # 52 weeks to a leap year
_FEWEST_YEARS = 4  # two pairs: an interval needs a spread
_FEW_YEARS = 100
_ROWS = (  # key, unit, words, decimals
    ("lolh_h_per_yr", "h/yr", "LOLH, hours short", 5),
    ("lole_d_per_yr", "d/yr", "LOLE, days with a short peak", 5),
    ("eue_mwh_per_yr", "MWh/yr", "EUE, energy not served", 1),
)


def answer(
    system: System,
    *,
    years: int = 0,
    seed: int = 0,
    workers: int = 1,
    on_progress: Callable[[int], None] = lambda done: None,
) -> dict[str, Any]:
    """Return what ``energyopt uptime --units --load`` says.

    Parameters
    ----------
    system : System
        As read.
    years : int
        To sample; rounded up to pairs, four at least. 0: none.
    seed : int
        Of the sample.
    workers : int
        Processes; the answer does not depend on it.
    on_progress : callable
        Told the number of years done.

    Returns
    -------
    dict
        Plain numbers, ready for JSON: ``lolh_h_per_yr``, ``lole_d_per_yr``,
        ``eue_mwh_per_yr``, availabilities and nines, ``sampled`` if asked for, ``notes``.
    """
    found = adequacy(groups(system), system.load_mw)
    notes = [*system.notes, *_notes(system, years)]
    document: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "method": "exact: capacity outage probability table",
        "hours": len(system.load_mw),
        "units": sum(unit.count for unit in system.units),
        "installed_mw": sum(unit.count * unit.unit_mw for unit in system.units),
        "peak_load_mw": float(system.load_mw.max()),
        "load_mwh": float(system.load_mw.sum()),
        **_exact(found),
        "notes": notes,
    }
    if years:
        drawn = max(_FEWEST_YEARS, years + years % 2)
        document["sampled"] = _sampled(system, drawn, seed, workers, on_progress)
    return document


def _exact(found: Adequacy) -> dict[str, Any]:
    served, hours = found.available_energy_frac, found.available_hours_frac
    return {
        "lolh_h_per_yr": found.lolh_h,
        "lole_d_per_yr": found.lole_d,
        "eue_mwh_per_yr": found.eue_mwh,
        "available_energy_frac": served,
        "available_hours_frac": hours,
        "energy_nines": _finite(nines(served)),
        "hours_nines": _finite(nines(hours)),
    }


def _finite(value: float) -> float | None:
    """Return a number that JSON has; none for infinitely many nines."""
    return value if math.isfinite(value) else None


def _notes(system: System, years: int) -> list[str]:
    """Return what a reader must know of the conventions, where they matter."""
    notes = []
    hours = len(system.load_mw)
    if hours not in _WHOLE_YEARS_H:
        notes.append(
            f"the load has {hours:,} hours: the answer is of those hours, taken as the "
            "year, not scaled to 8,760"
        )
    if any(unit.start_failure_frac for unit in system.units):
        notes.append(
            "start_failure_frac: a repaired unit that fails to start goes back to "
            "repair, which raises its unavailability; exact and sampled alike"
        )
    if years and any(
        unit.mttr_h is None and unit.mttf_h is None and unit.count
        for unit in system.units
    ):
        notes.append(
            f"no mttr_h: repairs of {DEFAULT_REPAIR_H:g} h are sampled; means do not "
            "depend on it, intervals do"
        )
    if years and years != max(_FEWEST_YEARS, years + years % 2):
        notes.append("years are sampled in pairs, four at least")
    if 0 < years < _FEW_YEARS:
        notes.append(
            f"fewer than {_FEW_YEARS} sampled years: do not trust the intervals"
        )
    return notes


def _sampled(
    system: System,
    years: int,
    seed: int,
    workers: int,
    on_progress: Callable[[int], None],
) -> dict[str, Any]:
    """Return the sampled means with their intervals."""
    sums = sample(system, years, seed, workers, on_progress)
    longest_h = min(
        max((repair_h(u) for u in system.units if u.forced_outage_frac), default=0.0),
        float(len(system.load_mw)),
    )
    peak_mw = float(system.load_mw.max())
    hours = estimate(sums.lolh_h, unseen=longest_h)
    days = estimate(sums.lole_d, unseen=1 + longest_h // HOURS_PER_DAY)
    energy = estimate(sums.eue_mwh, unseen=longest_h * peak_mw)
    load_mwh = float(system.load_mw.sum())
    return {
        "years": years,
        "seed": seed,
        "confidence_frac": 0.95,
        "effective_years": effective_years(np.zeros(years)),
        "years_with_a_shortage": hours.seen_years,
        "lolh_h_per_yr": _interval(hours),
        "lole_d_per_yr": _interval(days),
        "eue_mwh_per_yr": _interval(energy),
        "available_energy_frac": _interval(energy.share_left(load_mwh)),
        "available_hours_frac": _interval(hours.share_left(len(system.load_mw))),
    }


def _interval(told: Estimate) -> dict[str, float]:
    return {"mean": told.mean, "low": told.low, "high": told.high}


# Words ---------------------------------------------------------------------------------


def text(document: Mapping[str, Any]) -> str:
    """Return the answer as lines for a terminal.

    Parameters
    ----------
    document : mapping
        Of :func:`answer`.

    Returns
    -------
    str
        Without a line end.
    """
    drawn = document.get("sampled")
    lines = [
        f"{document['units']:,} units, {document['installed_mw']:,.6g} MW; load of "
        f"{document['hours']:,} h, peak {document['peak_load_mw']:,.6g} MW, "
        f"{document['load_mwh']:,.0f} MWh",
        "",
        f"{'':<30}{'exact':>16}"
        + (f"   {drawn['years']:,} sampled years (95 % interval)" if drawn else ""),
    ]
    for key, unit, words, decimals in _ROWS:
        line = f"{words:<30}{document[key]:>9,.{decimals}f} {unit:<6}"
        if drawn:
            line += "   " + _words(drawn[key], 1.0, max(decimals - 2, 1))
        lines.append(line.rstrip())
    for key, words in (
        ("available_energy_frac", "energy served"),
        ("available_hours_frac", "hours fully served"),
    ):
        line = f"{words:<30}{100 * document[key]:>9.5f} %     "
        if drawn:
            line += "   " + _words(drawn[key], 100.0, 5)
        lines.append(line.rstrip())
    counts = (document["energy_nines"], document["hours_nines"])
    energy, hours = ("all" if n is None else f"{n:.2f}" for n in counts)
    lines.append(f"{'nines of energy, of hours':<30}{energy:>9}, {hours}")
    if drawn:
        lines += [
            "",
            f"seed {drawn['seed']}, worth {drawn['effective_years']:,.0f} years; "
            f"a shortage in {drawn['years_with_a_shortage']:,} of them",
        ]
    return "\n".join(lines)


def _words(told: Mapping[str, float], factor: float, decimals: int) -> str:
    mean, low, high = (
        f"{factor * told[key]:,.{decimals}f}" for key in ("mean", "low", "high")
    )
    return f"{mean} ({low} to {high})"
