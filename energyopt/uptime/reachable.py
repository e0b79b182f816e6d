"""Why a target cannot be reached: what stands in the way, and what would help."""

from __future__ import annotations

from energyopt.uptime.elements import Effect
from energyopt.uptime.estimate import nines
from energyopt.uptime.least import UNITS, WORDS, Least
from energyopt.uptime.site import Site

_HELP = {
    WORDS[Effect.YARD]: "a second busbar or feed to the load (outages.switchyard_*)",
    WORDS[Effect.GAS]: "fuel on the site (fuel_store with dual_fuel units), a grid "
    "connection, or a second gas line (outages.gas_line_*)",
    WORDS[Effect.COLD]: "fuel on the site (fuel_store with dual_fuel units), firm gas "
    "and winterised units (outages.cold_spell_*)",
    UNITS: "larger sizes (max_units, max_mw), or a grid connection",
}


def why_not(site: Site, least: Least, allowed_mwh: float) -> str:
    """Return why no plant of a case reaches its target: names the causes.

    Parameters
    ----------
    site : Site
        The case.
    least : Least
        With every size at its most.
    allowed_mwh : float
        GPU energy that may be lost. [MWh/yr]

    Returns
    -------
    str
        Lines.
    """
    rule = site.plant.case.reliability
    assert rule.gpu_uptime_frac is not None
    demand = allowed_mwh / (1 - rule.gpu_uptime_frac)
    by = sorted(least.lost_mwh.items(), key=lambda item: -item[1])
    alone = [name for name, lost in by if lost > allowed_mwh]
    named = alone or [name for name, lost in by if lost > 0.1 * least.total_mwh]
    best = 1 - least.total_mwh / demand
    lines = [
        f"reliability.gpu_uptime_frac {rule.gpu_uptime_frac:.7g} cannot be reached on this "
        f"site: with every size at its most, all else in order and stores full, no plant "
        f"is above {best:.6%} ({nines(best):.2f} nines); a bound, not a sample"
    ]
    for name, lost in by:
        if name in named:
            held = 1 - lost / demand
            lines.append(
                f"  {name}: {lost:,.1f} of {allowed_mwh:,.1f} MWh a year that may be lost; "
                f"alone it holds uptime at {held:.6%}; what would help: {_HELP[name]}"
            )
    if rule.common_causes and any(name != UNITS for name in named):
        lines.append(
            "  or leave what takes several at once out of the target: "
            "reliability.common_causes: false"
        )
    return "\n".join(lines)
