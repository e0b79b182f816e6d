"""What ``doctor`` finds out about this machine, and ``validate`` about a case."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from energyopt.units import HOURS_PER_YEAR

if TYPE_CHECKING:
    from energyopt.case import Case
    from energyopt.inputs import Inputs

LIBRARIES = (
    "highspy",
    "pyomo",
    "numpy",
    "scipy",
    "pandas",
    "xarray",
    "pvlib",
    "pydantic",
)
NEEDED_GB = 2.0


@dataclass(frozen=True)
class Finding:
    """One line of ``doctor`` or ``validate``.

    Parameters
    ----------
    name : str
        What was looked at.
    text : str
        What was found, and what to do about it.
    exit_code : int
        0 if it is well, or only worth knowing.
    warning : bool
        Whether it deserves attention all the same.
    """

    name: str
    text: str
    exit_code: int = 0
    warning: bool = False


def examine_machine() -> Iterator[Finding]:
    """Yield what there is to know of this installation, the solver's test last."""
    import energyopt

    python = f"{platform.python_version()} on {platform.platform(terse=True)}"
    yield Finding("energyopt", f"{energyopt.__version__} in {Path(__file__).parent}")
    yield Finding("python", python)
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in LIBRARIES)
    yield Finding("libraries", versions)
    yield Finding("cores", str(cores()))
    yield _memory()
    if util.find_spec("highspy_extras") is None:
        text = (
            "not installed: pip install 'highspy[extras]'; without it simplex is used"
        )
        yield Finding("HiPO", text, warning=True)
    else:
        yield Finding("HiPO", f"highspy-extras {metadata.version('highspy-extras')}")
    yield from _examine_data()
    yield _examine_solver()


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory() -> Finding:
    """Return how much memory there is, the container's limit counted."""
    try:
        pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return Finding("memory", "unknown")
    limit = Path("/sys/fs/cgroup/memory.max")
    held = limit.read_text().strip() if limit.is_file() else "max"
    gigabytes = min(pages, int(held) if held.isdigit() else pages) / 1e9
    if gigabytes < NEEDED_GB:
        text = f"{gigabytes:.1f} GB; a full year wants {NEEDED_GB:.0f} GB"
        return Finding("memory", text, warning=True)
    return Finding("memory", f"{gigabytes:.1f} GB")


def _examine_data() -> Iterator[Finding]:
    """Yield whether the packaged tables and cases can be read."""
    from energyopt.casefile import read_case
    from energyopt.catalogue import packaged, packaged_cases, read_catalogue
    from energyopt.errors import EnergyoptError

    tables = [*packaged("data").glob("*.csv*")]
    try:
        for table in tables:
            with table.open("rb") as file:
                file.read(1)
        entries = len(read_catalogue())
        yield Finding("data", f"{len(tables)} tables, {entries} catalogue entries")
    except (OSError, EnergyoptError) as error:
        yield Finding("data", f"{error}; install energyopt anew", exit_code=7)
        return
    cases = packaged_cases()
    for path in cases:
        try:
            read_case(path)
        except EnergyoptError as error:
            yield Finding("cases", str(error), exit_code=error.exit_code)
    yield Finding("cases", ", ".join(path.stem for path in cases) or "none")


def _examine_solver() -> Finding:
    """Solve the problems that some HiGHS releases got wrong."""
    from energyopt.solve import self_test

    if faults := self_test():
        return Finding("solver", "; ".join(faults), exit_code=6)
    return Finding("solver", "finds the known optima, presolve on and off")


def examine_case(case: Case, inputs: Inputs) -> Iterator[Finding]:
    """Yield what can be said of a case without a solve.

    A fault here is certain: even with everything installed that the case allows, the
    plant cannot do what is asked. What is well yields nothing.

    Parameters
    ----------
    case : Case
        With every technology, late ones too.
    inputs : Inputs
        Its hourly series, and each technology's in the hour of the design temperature.
    """
    in_time = case.in_time()
    late = [name for name in case.technologies if name not in in_time.technologies]
    if late:
        months = case.site.power_by_months
        text = f"left out, since not there within {months:g} months: {', '.join(late)}"
        yield Finding("lead time", text, warning=True)
    most_mw = {
        name: _most_mw(tech, inputs.design.get(name, {}))
        for name, tech in in_time.technologies.items()
    }
    if not any(most_mw.values()):
        text = "there is nothing to build: every technology is late or of size 0"
        yield Finding("technologies", text, exit_code=4)
        return
    units_mw = sorted(
        (
            inputs.design[name]["unit_mw"]
            for name, tech in in_time.technologies.items()
            for _ in range(getattr(tech, "max_units", 0))
        ),
        reverse=True,
    )
    yield from _examine_margin(in_time, units_mw, most_mw)
    yield from _examine_swing(in_time, most_mw)
    yield from _examine_target(in_time)
    demand_mw = case.load.facility_mw
    total_mw = sum(most_mw.values())
    if total_mw < demand_mw and case.limits.gpu_served_frac >= 1:
        text = (
            f"everything at its largest gives {total_mw:,.1f} MW of the "
            f"{demand_mw:,.1f} MW asked for"
        )
        yield Finding("load.facility_mw", text, exit_code=4)
    elif sum(units_mw) < demand_mw:
        text = (
            f"gas units give at most {sum(units_mw):,.1f} MW of {demand_mw:,.1f} MW at "
            f"{case.site.design_temp_c:g} degC; sun, wind, battery and grid must do the rest"
        )
        yield Finding("load.facility_mw", text, warning=True)


def _examine_target(case: Case) -> Iterator[Finding]:
    """Yield what cannot be, or is doubtful, of an uptime target."""
    rule, outages = case.reliability, case.outages
    if rule.gpu_uptime_frac is None:
        return
    name = "reliability.gpu_uptime_frac"
    if case.limits.gpu_served_frac < rule.gpu_uptime_frac:
        text = (
            f"limits.gpu_served_frac {case.limits.gpu_served_frac:g} lets the plan itself "
            f"lose more than the target {rule.gpu_uptime_frac:.7g} of sampled years does"
        )
        yield Finding(name, text, warning=True)
    rates = [
        getattr(tech, field, 0.0)
        for tech in case.technologies.values()
        for field in ("forced_outage_frac", "outages_per_yr", "start_failure_frac")
    ]
    common = [v for k, v in outages if k.endswith("_per_yr") and rule.common_causes]
    if not any([*rates, *common]):
        text = "nothing in this case can be out: every plant meets the target"
        yield Finding(name, text, warning=True)
    out_h = outages.switchyard_events_per_yr * outages.switchyard_h
    if rule.common_causes and out_h / (HOURS_PER_YEAR + out_h) > (
        1 - rule.gpu_uptime_frac
    ):
        text = (
            f"the switchyard alone is out {out_h:.3g} hours a year: no plant reaches "
            f"{rule.gpu_uptime_frac:.7g}; reliability.common_causes: false leaves it out"
        )
        yield Finding(name, text, exit_code=4)
    if rule.n_plus is not None and rule.n_plus > 0:
        text = (
            f"n_plus {rule.n_plus} holds beside the target: units that the target does "
            "not ask for; reliability.n_plus=0 lets the target decide"
        )
        yield Finding("reliability.n_plus", text, warning=True)


def _examine_margin(
    case: Case, units_mw: list[float], most_mw: dict[str, float]
) -> Iterator[Finding]:
    """Yield whether the installed N+k could not be met with all that may be installed."""
    extra = case.reliability.n_plus
    if extra is None:
        return
    out = case.reliability.units_in_maintenance
    credited_mw = sum(
        getattr(tech, "firm_credit_frac", 0.0) * most_mw[name]
        for name, tech in case.technologies.items()
    )
    left_mw = sum(units_mw[extra + out :]) + credited_mw
    if left_mw < case.load.facility_mw:
        text = (
            f"N+{extra} with {out} in maintenance cannot be met: with every unit that the "
            f"case allows installed and {extra + out} out, {left_mw:,.1f} MW are left of "
            f"{case.load.facility_mw:,.1f} MW at {case.site.design_temp_c:g} degC; raise "
            "max_units or lower reliability.n_plus"
        )
        yield Finding("reliability.n_plus", text, exit_code=4)


def _examine_swing(case: Case, most_mw: dict[str, float]) -> Iterator[Finding]:
    """Yield whether no battery is large enough for the swings it is to carry."""
    swing_mw = case.contingencies.battery_swing_mw if case.contingencies else 0.0
    there_mw = sum(
        most_mw[name]
        for name, tech in case.technologies.items()
        if tech.kind == "battery"
    )
    if there_mw < swing_mw:
        text = (
            f"a battery is to carry swings of {swing_mw:,.1f} MW; the case offers "
            f"{there_mw:,.1f} MW of them"
        )
        yield Finding("contingencies.battery_swing_mw", text, exit_code=4)


def _most_mw(tech: Any, design: dict[str, float]) -> float:
    """Return the most power that a technology can have installed."""
    if hasattr(tech, "max_units"):
        return float(tech.max_units * design["unit_mw"])
    if getattr(tech, "mode", "") == "none":
        return 0.0
    return float(getattr(tech, "max_mw", 0.0))
