"""The path to an uptime target in words: a line a round, and what the end rests on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, is_dataclass
from typing import Any

from energyopt.uptime.estimate import nines

BUILT = 0.05  # a smaller size is not told


def round_line(done: Any) -> str:
    """Return one line of a round: its plant, cost, uptime, and what is asked next.

    Parameters
    ----------
    done : Round or mapping
        Of :mod:`energyopt.uptime.target`, or its part of ``summary.json``.
    """
    one: Mapping[str, Any] = done if isinstance(done, Mapping) else _plain(done)
    cost = one["objective_usd_per_yr"] / 1e6
    which = f", {one['what']}" if one["what"] else ""
    head = (
        f"round {one['number']}{which}: {plant_words(one['sizes'])}; ${cost:,.2f} M/yr, "
        f"${one['lcoe_usd_per_mwh']:,.1f}/MWh; "
    )
    told = one["uptime"]
    if told is None:
        return (
            f"{head}misses without a sample: at most {percent(one['most_frac'])}; "
            f"next: {one['asked']}"
        )
    line = head + uptime_words(told)
    if one["held_out"] is not None:
        line += f"; held out: {uptime_words(one['held_out'])}"
    return f"{line}; met" if one["met"] else f"{line}; missed; next: {one['asked']}"


def _plain(done: Any) -> Mapping[str, Any]:
    assert is_dataclass(done)
    assert not isinstance(done, type)
    return asdict(done)


def plant_words(sizes: Mapping[str, float]) -> str:
    """Return the sizes of a plant that it has.

    Examples
    --------
    >>> plant_words({"recip.installed_units": 17.0, "wind.capacity_mw": 0.0})
    '17 recip'
    """
    found = []
    for path, value in sizes.items():
        name, _, size = path.partition(".")
        if value < BUILT:
            continue
        if size.endswith("_units"):
            found.append(f"{value:.0f} {name}")
        else:
            unit = size.rsplit("_", 1)[-1].replace("mwh", "MWh").replace("mw", "MW")
            unit = unit.replace("mmbtu", "MMBtu")
            found.append(f"{name} {value:,.4g} {unit}")
    return ", ".join(found) or "nothing"


def percent(frac: float) -> str:
    """Return a share near one with its nines: 0.9999 is 99.990000 % (4.00 nines)."""
    count = nines(frac)
    told = "" if count == float("inf") else f" ({count:.2f} nines)"
    return f"{100 * frac:.6f} %{told}"


def uptime_words(told: Mapping[str, Any]) -> str:
    """Return a sampled uptime with its interval, years and seed."""
    return (
        f"uptime {percent(told['frac'])}, {100 * told['low_frac']:.6f} to "
        f"{100 * told['high_frac']:.6f}, {told['years']:,} years, seed {told['seed']}"
    )


def path_lines(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a reader must know of the path to a target.

    Parameters
    ----------
    document : mapping
        ``uptime_target`` of a summary.
    """
    counted = "with" if document["common_causes"] else "without"
    yield (
        f"Uptime target {percent(document['gpu_uptime_frac'])} of GPU energy, {counted} "
        f"common causes, at {document['confidence_frac']:.0%} confidence: "
        + ("met" if document["met"] else "NOT SHOWN TO BE MET")
    )
    for one in document["rounds"]:
        yield f"  {round_line(one)}"
    for one in document["smaller"]:
        yield f"  smaller: {one['what']}: {one['verdict']}"
