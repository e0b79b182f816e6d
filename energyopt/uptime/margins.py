"""What a common cause asks of stores, sun and wind: rows that hold for every plant.

The least energy that a gas line or a cold spell takes (:mod:`energyopt.uptime.least`)
is a convex function of all sizes that are not whole machines. A tangent of it lies
below it everywhere, so a plant that the tangent holds above the target's allowance
misses the target, however it is run.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from energyopt.needs import Key, Margin
from energyopt.technologies import Operation
from energyopt.uptime.least import Least, Slope, least_lost
from energyopt.uptime.site import Site

_STEPS = 8  # along an axis
_NEAR = 1e-3  # of the allowance


def least_at(site: Site, sizes: Mapping[Key, float], common: bool = True) -> Least:
    """Return the least loss of stores' causes with every machine installed."""
    machines = {key: size.most for key, size in site.sizes.items() if size.whole}
    plans = site.idle({**sizes, **machines})
    if not common:
        plans = [plan.without_common_causes() for plan in plans]
    return least_lost(plans, units=False)


def tangent(
    site: Site, sizes: Mapping[Key, float], least: Least, room_mwh: float
) -> Margin | None:
    r"""Return the row that the least loss at these sizes asks for.

    With slopes :math:`g`, loss :math:`f` at :math:`x_0` and room :math:`r`,
    :math:`f - g (x - x_0) \le r`, that is :math:`g x \ge f + g x_0 - r`.

    Parameters
    ----------
    site : Site
        The case.
    sizes : mapping
        The point :math:`x_0`.
    least : Least
        Of that point.
    room_mwh : float
        What stores' causes may take. [MWh/yr]

    Returns
    -------
    Margin or None
        None if it asks for nothing, or if no size helps.
    """
    worth = {
        key: _worth(site, site.given(key), least.slopes)
        for key, size in site.sizes.items()
        if not size.whole
    }
    at_point = sum(g * sizes[key] for key, g in worth.items())
    right = least.of_stores_mwh + at_point - room_mwh
    if right <= 0 or not any(g > 0 for g in worth.values()):
        return None
    return Margin({key: g / right for key, g in worth.items() if g > 0})


def _worth(site: Site, gives: Operation, slopes: tuple[Slope, ...]) -> float:
    """Return what a unit of a size saves, by the slopes. [MWh/yr]"""
    at, found = site.plant.at, 0.0
    for year, slope in zip(at.years, slopes, strict=True):
        share = float(at.year_share[year.start])
        one = 0.0
        if gives.available_mw is not None:
            one += float(slope.power @ gives.available_mw[year.start : year.stop])
        if gives.link is not None:  # at most: a cold spell may take a share of it
            one += gives.link.size_mw * float(slope.power.sum())
        if gives.bank is not None:
            store = gives.bank.store
            usable = (store.energy_mwh - store.floor_mwh) * store.discharge_frac
            one += usable * slope.stored + store.power_mw * slope.rate
        if gives.stock is not None:
            one += gives.stock.full_mwh * slope.stored
        found += share * one
    return found


def first_margins(
    site: Site, room_mwh: float, common: bool = True
) -> tuple[Margin, ...]:
    """Return tangents where each size by itself would just do, or at its most.

    Along an axis each tangent leads to where it meets the room, which lies on the near
    side of where the loss does: a few steps come close.
    """
    found: list[Margin] = []
    none = {key: float(size.least) for key, size in site.sizes.items()}
    for key, size in site.sizes.items():
        if size.whole:
            continue
        at, best = float(size.least), None
        for _ in range(_STEPS):
            sizes = {**none, key: at}
            least = least_at(site, sizes, common)
            margin = tangent(site, sizes, least, room_mwh)
            if margin is None:
                break
            best = margin
            weight = margin.weight.get(key, 0.0)
            others = sum(w * none[k] for k, w in margin.weight.items() if k != key)
            reach = (1 - others) / weight if weight > 0 else np.inf
            if least.of_stores_mwh - room_mwh < _NEAR * room_mwh or at >= size.most:
                break
            at = min(reach, float(size.most))
        if best is not None and best not in found:
            found.append(best)
    return tuple(found)
