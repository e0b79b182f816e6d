"""Why no plant meets a case: how far each rule would have to give way.

Each rule is relaxed alone, and all together, by the least that makes room for a plant.
The answer is in the case's own units. :func:`shortfall` is the short answer of a sweep's
point: one or two loose solves on a few weeks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from energyopt.case import Case, HorizonSpec
from energyopt.errors import InfeasibleError, NoSolutionError
from energyopt.inputs import Inputs
from energyopt.model import ELASTIC, build_model, excess_found, excess_scale
from energyopt.solve import solve_model

SHORT_GAP_FRAC = 0.05
SHORT_S = 60.0
"""Of the short answer: how loose, and how long at most."""
PROVEN_FRAC = 1e-6
"""A wider gap than this is said beside the least values."""


_NOTHING_HELPS = (
    "No relaxation of the limits makes room for a plant: the technologies offered cannot "
    "serve the load (max_units, max_mw, maintenance), or what must stay online "
    "(min_synchronous_units, min_grid_forming_mw, battery_swing_mw)."
)


@dataclass(frozen=True)
class Relaxed:
    """The least by which rules give way so that a plant exists."""

    sentences: list[str]
    values: dict[str, dict[str, float]]  # "alone"/"together" -> rule -> value


def active_rules(case: Case) -> list[str]:
    """Return the rules of a case that an infeasible case may be asked to relax."""
    found = []
    for name in ELASTIC:
        section, _, key = name.partition(".")
        part = getattr(case, section)
        if part is not None and (not key or getattr(part, key) is not None):
            found.append(name)
    return found


def least_values(
    case: Case, inputs: Inputs, stop: Callable[[], bool] = lambda: False
) -> Relaxed:
    """Return the least value each rule could take, alone and together.

    Parameters
    ----------
    case : Case
        Proven infeasible.
    inputs : Inputs
        Its hourly series.
    stop : callable
        Once true, what is found so far is returned.

    Returns
    -------
    Relaxed
        A rule that no relaxation of its own can save is not in ``values["alone"]``.
    """
    rules = active_rules(case)
    alone: dict[str, float] = {}
    gaps: list[float] = []
    for name in rules:
        if stop():
            break
        excess = _least_excess(case, inputs, [name], gaps)
        if excess is not None and excess[name] > _nothing(case, name):
            alone[name] = excess[name]
    together = _least_excess(case, inputs, rules, gaps) or {}
    together = {n: e for n, e in together.items() if e > _nothing(case, n)}
    sentences = [_sentence(case, name, excess) for name, excess in alone.items()]
    if len(alone) > 1:
        sentences.append("Any one of these, by itself, makes room for a plant")
    if not alone and together:
        parts = "; ".join(_sentence(case, n, e) for n, e in together.items())
        sentences = [f"No rule alone makes room. Together: {parts}"]
    elif len(together) > 1:
        parts = "; ".join(_sentence(case, n, e) for n, e in together.items())
        sentences.append(f"Or all at once: {parts}")
    if not together:
        sentences = [_NOTHING_HELPS]
    if max(gaps, default=0.0) > PROVEN_FRAC:
        sentences.append(f"Excesses are proven to within {max(gaps):.2%}.")
    return Relaxed(
        sentences,
        {
            "alone": {n: _least(case, n, e) for n, e in alone.items()},
            "together": {n: _least(case, n, e) for n, e in together.items()},
        },
    )


def drafted(case: Case) -> Case:
    """Return a case on a few representative weeks, to be looked at and not sized."""
    if case.draft:
        return case
    return case.model_copy(update={"horizon": HorizonSpec(kind="weeks", weeks=4)})


def shortfall(case: Case, inputs: Inputs) -> Relaxed:
    """Return, in short, what an infeasible case cannot meet.

    The yearly limits give way together; if that makes no room, so do all rules. Each is
    one solve to a gap of 5 %, so the values are those of a plant that was found, and
    need not be the least.

    Parameters
    ----------
    case : Case
        Of :func:`drafted`.
    inputs : Inputs
        Its hourly series.

    Returns
    -------
    Relaxed
        One sentence.
    """
    solve = {"gap_frac": SHORT_GAP_FRAC, "time_limit_s": SHORT_S}
    loose = case.model_copy(update={"solve": case.solve.model_copy(update=solve)})
    rules = active_rules(case)
    yearly = [name for name in rules if name in _WORDS or name.endswith("share_frac")]
    stands_on = (
        f"{case.horizon.weeks + 1} weeks of the year" if case.draft else "its hours"
    )
    for names in (yearly, rules):
        found = _least_excess(loose, inputs, names, []) if names else None
        if found is None:
            continue
        short = {n: e for n, e in found.items() if e > _nothing(case, n)}
        if not short:
            said = f"In short: {stands_on} can be met; the rest of the year stands in the way"
        else:
            met = "; ".join(
                _sentence(case, n, e, "one plant has") for n, e in short.items()
            )
            said = f"In short, by {stands_on}: {met}"
        together = {n: _least(case, n, e) for n, e in short.items()}
        return Relaxed([said], {"together": together})
    return Relaxed([_NOTHING_HELPS], {})


def least_value(case: Case, inputs: Inputs, name: str) -> float | None:
    """Return the least that a limit of a case could be; of a share, the most.

    Parameters
    ----------
    case : Case
        With the limit at what no plant can beat: 0, or a share of 1.
    inputs : Inputs
        Its hourly series.
    name : str
        ``limits.NAME``.

    Returns
    -------
    float or None
        In the limit's unit; a plant was found that meets it. ``None``: there is none,
        whatever the limit.
    """
    excess = _least_excess(case, inputs, [name], [])
    return None if excess is None else _least(case, name, excess[name])


def _nothing(case: Case, name: str) -> float:
    return 1e-6 * excess_scale(case, name)


def _least_excess(
    case: Case, inputs: Inputs, names: list[str], gaps: list[float]
) -> dict[str, float] | None:
    """Return the least excesses that make room for a plant, or ``None``.

    The gap to which they are proven is added to ``gaps``.
    """
    plant = build_model(case, inputs, elastic=names)
    try:
        record = solve_model(
            plant.m,
            method=case.solve.method,
            gap_frac=case.solve.gap_frac,
            time_limit_s=case.solve.time_limit_s,
            threads=case.solve.threads,
            seed=case.solve.seed,
        )
    except (InfeasibleError, NoSolutionError):
        return None
    gaps.append(record.gap_frac)
    return {name: excess_found(plant, name) for name in names}


def _least(case: Case, name: str, excess: float) -> float:
    """Return the value that the rule would have to take, in the case's unit."""
    if name == "contingencies":
        return excess
    if name == "reliability.n_plus":
        return case.load.facility_mw - excess
    limit = float(getattr(case.limits, name.removeprefix("limits.")))
    if name.endswith("_frac"):  # the gap may leave an excess above the whole
        return max(limit - excess, 0.0)
    return limit + excess


_WORDS = {
    "limits.co2_t_per_yr": ("CO2", "t a year"),
    "limits.nox_t_per_yr": ("NOx", "t a year"),
    "limits.water_m3_per_yr": ("Water", "m3 a year"),
    "limits.land_km2": ("Land", "km2"),
    "limits.capital_usd": ("Capital", "USD"),
}


def _sentence(case: Case, name: str, excess: float, by: str = "the least is") -> str:
    """Return one sentence for a rule that cannot hold.

    ``by`` says what the value is that stands beside it: the least (of a share, the
    most), or what one plant has.
    """
    most = by.replace("the least", "the most")
    least = _least(case, name, excess)
    if name == "contingencies":
        return (
            "Reserve against every contingency cannot be met: it is short by "
            f"{least:,.1f} MW in the worst hour"
        )
    if name == "reliability.n_plus":
        rule = case.reliability
        firm = "the most that stays firm is" if most == "the most is" else by
        return (
            f"N+{rule.n_plus} with {rule.units_in_maintenance} in maintenance cannot be "
            f"met for {case.load.facility_mw:,.0f} MW: {firm} "
            f"{least:,.1f} MW"
        )
    limit = float(getattr(case.limits, name.removeprefix("limits.")))
    if name == "limits.renewable_share_frac":
        return (
            f"A renewable share of at least {limit:.4%} cannot be met: {most} "
            f"{least:.4%}"
        )
    if name == "limits.gpu_served_frac":
        return (
            f"GPU energy served of at least {limit:.4%} cannot be met: {most} "
            f"{least:.4%}"
        )
    what, unit = _WORDS[name]
    return (
        f"{what} at most {_digits(limit)} {unit} cannot be met: {by} "
        f"{_digits(least, up=True)} {unit}"
    )


def _digits(number: float, *, up: bool = False) -> str:
    """Return a number with separators; a least value is rounded up, never down."""
    step = 1.0 if abs(number) >= 1000 else 0.001
    noise = 1e-9 * number  # of the solver
    shown = -(-(number - noise) // step) * step if up else number
    return f"{shown:,.0f}" if step == 1.0 else f"{shown:,.3f}"
