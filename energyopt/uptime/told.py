"""An uptime study in words and columns, for a terminal and for a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

WIDTH = 24


def text(document: Mapping[str, Any]) -> str:
    """Return what people read of an uptime document.

    Parameters
    ----------
    document : mapping
        Of :func:`energyopt.uptime.answer.answer`.

    Returns
    -------
    str
        Lines of at most a hundred columns, but for sentences.
    """
    return "\n".join(
        [
            *_head(document),
            *_availability(document),
            *_causes(document),
            *_events(document),
            *_contingencies(document),
            *_one_more(document),
            *_notes(document),
        ]
    )


def _head(d: Mapping[str, Any]) -> Iterator[str]:
    draft = "DRAFT " if d["draft"] else ""
    yield f"{draft}Uptime of {d['case']} {d['run_id']}".rstrip()
    base = d["uptime"]["base"]["with_common_causes"]
    yield (
        f"{d['years']:,} sampled years, worth {base['effective_years']:,.0f} of equal "
        f"weight; {base['years_short']:,} with a shortage; seed {d['seed']}"
    )


def _frac(s: Mapping[str, Any]) -> str:
    """Return an availability: per cent, nines, interval."""
    count = "no shortage" if s["nines"] is None else f"{s['nines']:.2f} nines"
    return (
        f"{100 * s['frac']:.6f} % ({count})  "
        f"{100 * s['low_frac']:.6f} to {100 * s['high_frac']:.6f}"
    )


def _availability(d: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield "Outage rates            GPU energy served, 95 % interval"
    yield "                        hours fully served"
    for which, words in (
        ("with_common_causes", ""),
        ("without_common_causes", ", no common causes"),
    ):
        for rates in d["uptime"]:
            found = d["uptime"][rates][which]
            yield f"{(rates + words):<{WIDTH}}{_frac(found['gpu_energy'])}"
            yield f"{'':<{WIDTH}}{_frac(found['full_hours'])}"
    if d["fixed_rates"]:
        yield f"  the same at each rate: {', '.join(d['fixed_rates'])}"


def _span(e: Mapping[str, float], digits: int = 2) -> str:
    return (
        f"{e['mean']:>12,.{digits}f}   ({e['low']:,.{digits}f} to "
        f"{e['high']:,.{digits}f})"
    )


def _causes(d: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield f"{'Unserved, MWh/yr':<{WIDTH}}{_span(d['unserved_mwh_per_yr'])}"
    for cause, e in d["unserved_mwh_per_yr_by_cause"].items():
        if e["mean"] > 0:
            yield f"  {cause:<{WIDTH - 2}}{_span(e)}"
    way = d["what_stands_in_the_way"]
    if way["cause"] is not None and way["nines_without_it"] is not None:
        yield (
            f"  Most is by {way['cause']}: alone it holds energy at "
            f"{way['nines_if_only_it']:.2f} nines; without it there would be "
            f"{way['nines_without_it']:.2f}"
        )


def _events(d: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield f"{'Events a year':<{WIDTH}}{_span(d['events_per_yr'], 3)}"
    for part in d["event_length"]:
        if part["events_per_yr"] > 0:
            most = part["up_to_h"]
            words = f"above {part['above_h']:g} h" + (
                f", up to {most:g} h" if most is not None else ""
            )
            yield f"  {words:<{WIDTH - 2}}{part['events_per_yr']:>12,.4f}"
    yield f"Worst: {d['worst_event']}"
    for frac, e in d["below_compute_h_per_yr"].items():
        words = f"h/yr below {float(frac):.0%} of compute"
        yield f"{words:<{WIDTH + 8}}{_span(e, 3)}"
    yield f"{'Lost GPU-hours a year':<{WIDTH + 8}}{_span(d['lost_gpu_h_per_yr'], 0)}"
    words = f"  of these by restarts ({d['restart_h']:g} h each)"
    yield f"{words:<{WIDTH + 8}}{_span(d['lost_gpu_h_per_yr_by_restarts'], 0)}"
    yield f"{'Lost compute, USD a year':<{WIDTH + 8}}{_span(d['lost_usd_per_yr'], 0)}"


def _contingencies(d: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield "Lost at once, for a mean repair        trips   short   worst MWh  worst MW  cause"
    for one in d["contingencies"]:
        words = " and ".join(one["elements"])
        yield (
            f"  {words:<34}{one['trips']:>8,}{one['trips_short']:>8,}"
            f"{one['worst_mwh']:>12,.1f}{one['worst_mw']:>10,.1f}  {one['cause'] or ''}"
        )


def _one_more(d: Mapping[str, Any]) -> Iterator[str]:
    if not d["one_more"]:
        return
    yield ""
    yield "What would be bought, in the same sampled years (MWh/yr less unserved)"
    for one in d["one_more"]:
        count = one["gpu_energy_nines"]
        told = "no shortage" if count is None else f"{count:.2f} nines"
        yield (
            f"  {one['what']:<{WIDTH + 6}}{_span(one['less_unserved_mwh_per_yr'])}  "
            f"{told}, {one['less_lost_usd_per_yr']:,.0f} USD/yr"
        )


def _notes(d: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    for told in d["notes"]:
        yield f"Note: {told}"
    if d["low_confidence"]:
        yield f"LOW CONFIDENCE: {len(d['low_confidence'])} outage figures, in uptime.json"
    yield "Approximations: " + "; ".join(d["approximations"])


def tidy(document: Mapping[str, Any]) -> pd.DataFrame:
    """Return the numbers of a document, one a row.

    Returns
    -------
    pd.DataFrame
        quantity, rates, common_causes, item, value, low, high, unit.
    """
    rows: list[tuple[Any, ...]] = []
    for rates, both in document["uptime"].items():
        for which, found in both.items():
            common = which == "with_common_causes"
            for what in ("gpu_energy", "full_hours"):
                s = found[what]
                rows.append(
                    (
                        what,
                        rates,
                        common,
                        "",
                        s["frac"],
                        s["low_frac"],
                        s["high_frac"],
                        "1",
                    )
                )
            rows.append(
                (
                    "effective_years",
                    rates,
                    common,
                    "",
                    found["effective_years"],
                    None,
                    None,
                    "yr",
                )
            )

    def add(quantity: str, item: str, e: Mapping[str, Any], unit: str) -> None:
        rows.append(
            (quantity, "base", True, item, e["mean"], e["low"], e["high"], unit)
        )

    add("unserved", "", document["unserved_mwh_per_yr"], "MWh/yr")
    for cause, e in document["unserved_mwh_per_yr_by_cause"].items():
        add("unserved", cause, e, "MWh/yr")
    add("events", "", document["events_per_yr"], "1/yr")
    for frac, e in document["below_compute_h_per_yr"].items():
        add("below_compute", frac, e, "h/yr")
    add("lost_gpu_h", "", document["lost_gpu_h_per_yr"], "GPU-h/yr")
    add("lost_usd", "", document["lost_usd_per_yr"], "USD/yr")
    for part in document["event_length"]:
        item = f"above {part['above_h']:g} h"
        value = part["events_per_yr"]
        rows.append(("events", "base", True, item, value, None, None, "1/yr"))
    for one in document["one_more"]:
        add("less_unserved", one["what"], one["less_unserved_mwh_per_yr"], "MWh/yr")
    for one in document["contingencies"]:
        item = " and ".join(one["elements"])
        rows.append(
            ("worst_loss", "base", True, item, one["worst_mwh"], None, None, "MWh")
        )
    columns = [
        *("quantity", "rates", "common_causes", "item"),
        *("value", "low", "high", "unit"),
    ]
    return pd.DataFrame(rows, columns=columns)
