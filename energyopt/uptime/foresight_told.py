"""A foresight study in words and columns, for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

WIDTH = 30
DISPATCHES = {
    "as_sized": "As sized, the year known",
    "windows_told_the_truth": "Windows that know the truth",
    "realised": "Realised on forecasts",
}


def text(document: Mapping[str, Any]) -> str:
    """Return what people read of a foresight document.

    Parameters
    ----------
    document : mapping
        Of :func:`energyopt.uptime.price.answer`.

    Returns
    -------
    str
        Lines of at most a hundred columns, but for sentences.
    """
    return "\n".join(
        [*_head(document), *_table(document), *_price(document), *_end(document)]
    )


def _head(d: Mapping[str, Any]) -> Iterator[str]:
    f = d["forecast"]
    draft = "DRAFT " if d["draft"] else ""
    seed = f", seed {f['seed']}" if "seed" in f else ""
    yield f"{draft}Price of foresight of {d['case']} {d['run_id']}".rstrip()
    yield (
        f"{f['kind']} forecasts{seed}: windows of {f['window_h']} h planned every "
        f"{f['step_h']} h, then each hour on the truth"
    )
    for name, e in f.get("errors", {}).items():
        how = f"{e['sd']:g} °C added" if e["added"] else f"factor, log sd {e['sd']:g}"
        yield (
            f"  {name:<14}{how}; {e['per_hour']:g} correlated hour to hour "
            f"({e['confidence']} confidence)"
        )


def _table(d: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield (
        f"{'':<{WIDTH}}{'M USD/yr':>10}{'USD/MWh':>9}{'unserved MWh':>14}"
        f"{'GPU energy':>13}{'full hours':>13}"
    )
    for key, words in DISPATCHES.items():
        one = d["dispatches"][key]
        yield (
            f"{words:<{WIDTH}}{one['usd_per_yr'] / 1e6:>10,.3f}"
            f"{one['usd_per_mwh']:>9,.2f}{one['unserved_mwh_per_yr']:>14,.2f}"
            f"{100 * one['gpu_served_frac']:>11.5f} %"
            f"{100 * one['full_hours_frac']:>11.4f} %"
        )


def _price(d: Mapping[str, Any]) -> Iterator[str]:
    p = d["price_of_foresight"]
    yield ""
    yield (
        f"Price of foresight: {p['usd_per_yr']:,.0f} USD/yr, {p['usd_per_mwh']:,.3f} "
        f"USD/MWh; {p['unserved_mwh_per_yr']:+,.2f} MWh unserved, "
        f"{100 * p['gpu_served_frac']:+.5f} % of GPU energy, "
        f"{100 * p['full_hours_frac']:+.4f} % of hours"
    )
    yield (
        f"  against '{DISPATCHES[p['against']]}', the cheaper of the two that know; its "
        "own optimum may be"
    )
    yield "  cheaper still, within the gap of the sizing"
    parts = sorted(p["usd_per_yr_by_category"].items(), key=lambda kv: -abs(kv[1]))
    if parts:
        told = ", ".join(f"{name} {usd:+,.0f}" for name, usd in parts)
        yield f"  of which USD/yr: {told}"


def _end(d: Mapping[str, Any]) -> Iterator[str]:
    h = d["hours"]
    yield ""
    yield (
        f"Hours: {h['as_planned']:,} as planned, {h['redispatched']:,} dispatched anew, "
        f"{h['units_changed']:,} with units started or stopped beyond the plan, "
        f"{h['slow_units_changed']:,} with slow units too"
    )
    for one in d["rules_broken"]:
        yield (
            f"Short of {one['rule']}: {one['hours']:,} hours, {one['sum_mwh']:,.1f} MWh, "
            f"at worst {one['worst_mw']:,.2f} MW"
        )
    for one in d["contingencies"]:
        if one["hours_shed"]:
            yield (
                f"Loss of {one['element']}: would shed load in {one['hours_shed']:,} "
                f"hours, at worst {one['worst_mwh']:,.2f} MWh"
            )
    for one in d["yearly_limits"]:
        if one["exceeded"]:
            yield (
                f"EXCEEDED: {one['limit']}: {one['used']:,.4g} used of {one['most']:,.4g}"
                f" (as sized {one['used_in_the_sized_year']:,.4g})"
            )
    if d["checks_failed"]:
        names = ", ".join(c["check"] for c in d["checks_failed"])
        yield f"Checks that the realised year does not pass: {names}"
    yield ""
    for told in d["notes"]:
        yield f"Note: {told}"
    yield "Approximations: " + "; ".join(d["approximations"])
