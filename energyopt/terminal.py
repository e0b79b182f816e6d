"""The table that a run ends with."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from energyopt.casefile import values
from energyopt.exhibits import known_unit, worth_per
from energyopt.units import (
    HOURS_PER_YEAR,
    KG_PER_T,
    KW_PER_MW,
    LB_PER_SHORT_TON,
    LB_PER_T,
    M3_PER_ACRE_FT,
)
from energyopt.uptime.path_text import path_lines, percent

if TYPE_CHECKING:
    from energyopt.casefile import CaseFile

DRAFT = "DRAFT: a few weeks stand for the year. Not a basis for a decision."

_COST_PARTS = {
    "capital": "capital",
    "fuel": "fuel",
    "om_fixed": "O&M",
    "om_variable": "O&M",
    "starts": "O&M",
    "augmentation": "augmentation",
    "grid_charges": "grid",
    "grid_energy": "grid",
    "co2_price": "emission prices",
    "nox_price": "emission prices",
}
BUILT_MW = 0.1
"""A smaller size is the solver's remainder within the gap; the files hold it."""


def terminal_table(
    summary: Mapping[str, Any], casefile: CaseFile, folder: Path
) -> RenderableType:
    """Return the table that a run ends with.

    Parameters
    ----------
    summary : mapping
        The summary of the run; ``summary["unconstrained"]``, where there is one, is
        that of the plant without lead times and gets a second column.
    casefile : CaseFile
        The case, with the origin of each value.
    folder : Path
        Where the run was written.

    Returns
    -------
    rich renderable
        Plain enough for 80 columns without colour.
    """
    columns = {"": summary}
    if other := summary.get("unconstrained"):
        months = casefile.case.site.power_by_months
        columns = {f"power in {months:g} months": summary, "no lead-time limit": other}
    table = Table(
        box=box.SIMPLE_HEAD,
        show_header=len(columns) > 1,
        pad_edge=False,
        padding=(0, 2, 0, 0),
    )
    table.add_column(no_wrap=True)
    for head in columns:
        table.add_column(head, overflow="fold")
    told = [_cells(each, casefile) for each in columns.values()]
    low = _low_confidence(casefile)
    order = [*casefile.case.technologies, *(label for cells in told for label in cells)]
    for label in dict.fromkeys(order):
        if not any(label in cells for cells in told):
            continue
        doubtful = any(path.startswith(f"technologies.{label}.") for path in low)
        mark = " †" if low and (doubtful or label == "LCOE") else ""
        table.add_row(label + mark, *(cells.get(label, "-") for cells in told))
    parts: list[RenderableType] = [*_heading(summary, casefile), table]
    parts += [Text(line) for line in _binding(summary, casefile)]
    if target := summary.get("uptime_target"):
        parts += [Text(line) for line in path_lines(target)]
    notes = Table.grid(padding=(0, 1, 0, 0))
    for mark, note in _footnotes(summary, casefile, low):
        notes.add_row(mark, Text(note, overflow="fold"))
    sources = folder / "tables" / "assumptions.csv"
    notes.add_row("*", Text(f"every input and its source: {sources}", overflow="fold"))
    parts.append(notes)
    return Group(*parts)


def _heading(summary: Mapping[str, Any], casefile: CaseFile) -> list[Text]:
    """Return the lines above the table: what was sized, and any loud warning."""
    case = casefile.case
    found = [Text(f"{case.name}: {case.title}" if case.title else case.name, "bold")]
    found.append(
        Text(
            f"{case.load.facility_mw:,.0f} MW facility, gross. All money in real "
            f"{summary['price_year']} dollars, before tax."
        )
    )
    loud = []
    if summary["status"] == "verification_failed":
        loud.append("VERIFICATION FAILED: this answer is not to be used.")
    if summary["draft"]:
        loud.append(DRAFT)
    if summary["status"] == "limit":
        loud.append("STOPPED AT A LIMIT: the best plant found, see the gap.")
    if summary["status"] == "interrupted":
        loud.append("INTERRUPTED: the best plant found, see the gap.")
    return found + [Text(f"*** {line} ***", "bold red") for line in loud]


def _cells(summary: Mapping[str, Any], casefile: CaseFile) -> dict[str, str]:
    """Return the rows of one plant, by label."""
    if "capacity" not in summary:
        return {"No plant": str(summary.get("message", summary.get("status")))}
    case = casefile.case
    served = summary["energy_mwh"].get("served") or math.nan
    cells = _sizes(summary, casefile)
    cells["LCOE"] = _lcoe(summary)
    cells["of which"] = _parts(summary["lcoe_parts_usd_per_mwh"])
    cells["Capital"] = (
        f"${_digits(summary['capital_usd'] / 1e6)} M, all-in"
        f" (${_digits(_per_kw(summary, case.load.facility_mw))}/kW of load)"
    )
    cells["Yearly cost"] = f"${_digits(summary['objective_usd_per_yr'] / 1e6)} M/yr"
    cells["GPU uptime"] = (
        f"{_percent(summary['gpu_uptime_frac'])} of GPU energy, dispatched year\n"
        "(outages are not in this number: energyopt uptime)"
    )
    if target := summary.get("uptime_target"):
        cells["with outages"] = _sampled(target)
    if any(t.kind in ("solar", "wind") for t in case.technologies.values()):
        share = summary["renewable_share_frac"]
        cells["Sun and wind"] = f"{100 * share:.1f} % of energy served"
    co2_t, nox_t = summary["co2_t_per_yr"], summary["nox_t_per_yr"]
    cells["CO2"] = (
        f"{_digits(co2_t)} t/yr ({_digits(co2_t * KG_PER_T / served)} kg/MWh served)"
    )
    short_tons = nox_t * LB_PER_T / LB_PER_SHORT_TON
    cells["NOx"] = f"{_digits(nox_t)} t/yr ({_digits(short_tons)} short tons)"
    water = summary["water_m3_per_yr"]
    cells["Water"] = (
        f"{_digits(water)} m3/yr ({_digits(water / M3_PER_ACRE_FT)} acre-ft)"
    )
    days = HOURS_PER_YEAR / 24
    cells["Gas"] = f"{_digits(summary['gas_mmbtu_per_yr'] / days)} MMBtu/d, mean, HHV"
    cells["Gap"] = _gap(summary)
    cells["Contingencies"] = _contingencies(summary)
    cells["Checks"] = _checks(summary["checks"])
    return cells


def _sampled(target: Mapping[str, Any]) -> str:
    """Return the sampled uptime of the last plant, and how its target ended."""
    last = target["rounds"][-1]
    goal = percent(target["gpu_uptime_frac"])
    counted = "" if target["common_causes"] else ", without common causes"
    end = "met" if target["met"] else "NOT SHOWN TO BE MET"
    lines = [f"target {goal}{counted}: {end} at {target['confidence_frac']:.0%}"]
    for told in (last["uptime"], last["held_out"]):
        if told is not None:
            lines.append(
                f"{percent(told['frac'])}, {100 * told['low_frac']:.5f} to "
                f"{100 * told['high_frac']:.5f} ({told['years']:,} years, "
                f"seed {told['seed']})"
            )
    return "\n".join(lines)


def _sizes(summary: Mapping[str, Any], casefile: CaseFile) -> dict[str, str]:
    """Return what is installed, one row a technology, and what is not."""
    cells, absent = {}, []
    for name, size in summary["capacity"].items():
        if size["mw"] == 0 and (size["mwh"] or 0) > 0:  # fuel
            cells[name] = f"{_digits(size['mwh'])} MWh of power in store"
            continue
        if not (size["mw"] or 0) >= BUILT_MW:
            absent.append(name)
            continue
        text = f"{_digits(size['mw'])} MW"
        if size["units"]:
            text = (
                f"{size['units']} × {_digits(size['mw'] / size['units'])} MW = {text}"
            )
            if (design_mw := size.get("at_design_mw")) is not None:
                hot = f"{casefile.case.site.design_temp_c:g} °C"
                text += f" ({_digits(design_mw)} net at {hot})"
        if size["mwh"] is not None:
            text += f", {_digits(size['mwh'])} MWh"
        if size["kind"] == "grid":
            technology: Any = casefile.case.technologies.get(name)
            text += f" connection, {getattr(technology, 'mode', 'grid')}"
        cells[name] = text
    if absent:
        cells["not built"] = f"{', '.join(absent)} (below {BUILT_MW:g} MW)"
    late = [n for n in casefile.case.technologies if n not in summary["capacity"]]
    if late:
        cells["too late"] = ", ".join(late)
    return cells


def _lcoe(summary: Mapping[str, Any]) -> str:
    """Return LCOE over each kind of energy, with and without export income."""
    lines = [
        f"${_money(summary['lcoe_usd_per_mwh'])}/MWh served to the facility",
        f"${_money(summary['lcoe_usd_per_mwh_it'])}/MWh of IT; "
        f"${_digits(summary['lcoe_usd_per_gpu_h'])} per GPU-hour",
    ]
    if abs(summary["cost_usd_per_yr"].get("export_income", 0.0)) >= 1:
        after = _money(summary["lcoe_after_export_usd_per_mwh"])
        lines.append(f"${after}/MWh after export income")
    return "\n".join(lines)


def _parts(by_category: Mapping[str, float]) -> str:
    """Return LCOE's parts, largest first."""
    joined: dict[str, float] = {}
    for category, usd in by_category.items():
        part = _COST_PARTS.get(category, category.replace("_", " "))
        joined[part] = joined.get(part, 0.0) + usd
    ordered = sorted(joined.items(), key=lambda item: -abs(item[1]))
    return ", ".join(f"{p} {_money(usd)}" for p, usd in ordered if abs(usd) >= 0.05)


def _per_kw(summary: Mapping[str, Any], facility_mw: float) -> float:
    return float(summary["capital_usd"]) / (facility_mw * KW_PER_MW)


def _gap(summary: Mapping[str, Any]) -> str:
    gap = summary["gap_frac"]
    if gap is None or not math.isfinite(gap):
        return "none proven"
    usd = gap * abs(summary["objective_usd_per_yr"])
    told = (
        f"{_digits(100 * gap, 2)} % = ${_digits(usd / 1e6, 2)} M/yr"
        f" = ${_digits(summary['gap_usd_per_mwh'], 2)}/MWh"
    )
    lost = summary.get("bound_lost_to_online_usd_per_yr")
    if lost is None:
        return told
    usd = _digits(lost / 1e6, 2)
    return f"{told}\n(${usd} M/yr of bound lost to contingencies.against: online)"


def _contingencies(summary: Mapping[str, Any]) -> str:
    """Return how the sweep over every element and hour ended."""
    trips = summary["contingencies"]
    if not trips:
        return "none asked for"
    hours = max(t["hours"] for t in trips)
    every = "each" if all(t["hours"] == hours for t in trips) else "each possible one"
    what = trips[0]["element"] if len(trips) == 1 else f"{len(trips)} elements, each"
    every = f"every hour it can be (up to {hours:,})"
    if all(t["hours"] == hours for t in trips):
        every = f"each of {hours:,} hours"
    text = f"{what} lost in {every}: "
    shed = [t for t in trips if t["hours_shed"]]
    if not shed:
        return text + "0 MWh shed"
    worst = max(shed, key=lambda t: t["worst_mwh"])
    return (
        text + f"load shed in {sum(t['hours_shed'] for t in shed):,} of them, at worst "
        f"{_digits(worst['worst_mwh'])} MWh ({worst['element']})"
    )


def _checks(checks: Mapping[str, Mapping[str, Any]]) -> str:
    """Return how many checks passed, and the one nearest to its tolerance."""
    failed = [name for name, line in checks.items() if not line["passed"]]
    text = f"{len(checks) - len(failed)} of {len(checks)} passed"
    if failed:
        more = ", ..." if len(failed) > 3 else ""
        return f"{text}; FAILED: {', '.join(failed[:3])}{more}"
    measured = {
        name: line["worst"] / line["tolerance"]
        for name, line in checks.items()
        if line["worst"] is not None and line.get("tolerance")
    }
    worst = max(measured, key=lambda name: measured[name], default="")
    if not worst or measured[worst] <= 0:
        return text
    breach, allowed = checks[worst]["worst"], checks[worst]["tolerance"]
    return f"{text}; worst: {worst}, off by {breach:.0e} of {allowed:.0e} allowed"


def _binding(summary: Mapping[str, Any], casefile: CaseFile) -> list[str]:
    """Return a line for each limit that binds, with what one more unit is worth."""
    case = casefile.case
    lines = []
    for name, usd in summary.get("shadow_prices", {}).items():
        limit = getattr(case.limits, name.removeprefix("limits."), None)
        if usd is None or limit is None or abs(usd) < 1e-4:
            continue
        shown = f"{100 * limit:g} %" if name.endswith("_frac") else _digits(limit)
        unit = "" if name.endswith("_frac") else f" {known_unit(name)}"
        lines.append(
            f"Binds: {name} {shown}{unit}; giving way by one {worth_per(name)} saves "
            f"${_digits(usd)} a year (marginal, given the units built)"
        )
    for name, size in summary["capacity"].items():
        technology: Any = case.technologies.get(name)
        if technology is None:
            continue
        for key, field in (
            ("units", "max_units"),
            ("mw", "max_mw"),
            ("mwh", "max_mwh"),
        ):
            most, held = getattr(technology, field, None), size[key]
            chosen = getattr(technology, field.replace("max", "min"), 0) != most
            if most and chosen and held is not None and held >= most * (1 - 1e-6):
                unit = "units" if key == "units" else key.replace("mw", "MW")
                lines.append(f"Binds: technologies.{name}.{field} {most:,g} {unit}")
    return lines


def _footnotes(
    summary: Mapping[str, Any], casefile: CaseFile, low: Sequence[str]
) -> list[tuple[str, str]]:
    """Return what a reader must know to use the numbers, each with its mark."""
    notes = [("*", str(note)) for note in summary.get("notes", [])]
    if not low:
        return notes
    every = values(casefile)
    moved = {path: _swing_usd_per_yr(path, summary, casefile) for path in low}
    told = []
    for path in sorted(low, key=lambda p: -moved[p])[:3]:
        if moved[path] > 0:
            origin = casefile.origins[path]
            told.append(
                f"{path.removeprefix('technologies.')} {every[path]:,.8g} "
                f"({origin.low:,.8g} to {origin.high:,.8g} {origin.unit or ''}: about "
                f"${_digits(moved[path] / 1e6, 2)} M/yr)"
            )
    count = f"{len(low)} inputs are of low confidence"
    if len(low) == 1:
        count = "1 input is of low confidence"
    most = f"; those that move most money: {'; '.join(told)}" if told else ""
    return [*notes, ("†", count + most)]


def _low_confidence(casefile: CaseFile) -> list[str]:
    """Return the paths of the inputs of low confidence."""
    return [p for p, origin in casefile.origins.items() if origin.confidence == "low"]


def _swing_usd_per_yr(
    path: str, summary: Mapping[str, Any], casefile: CaseFile
) -> float:
    """Return roughly what an input's range moves the yearly cost of this plant by.

    Range times what the input is paid for: kW, kWh, MWh or MMBtu. Zero where it is no
    price, or has no range.
    """
    origin = casefile.origins[path]
    if origin.low is None or origin.high is None:
        return 0.0
    cost, gas = summary["cost_usd_per_yr"], summary["gas_mmbtu_per_yr"]
    direct = summary.get("capital_direct_usd") or summary["capital_usd"]
    annual = cost.get("capital", 0.0) / direct if direct else 0.0
    names = path.split(".")
    size = summary["capacity"].get(names[1], {}) if len(names) > 2 else {}
    energy = summary["energy_mwh"]
    flows = ("", "_import", "_discharge")
    mwh = sum(energy.get(names[-2] + flow, 0.0) for flow in flows)
    kw = KW_PER_MW * (size.get("mw") or 0.0)
    kwh = KW_PER_MW * (size.get("mwh") or 0.0)
    paid_for = {
        "hub_usd_per_mmbtu": gas,
        "basis_usd_per_mmbtu": gas,
        "transport_usd_per_mmbtu": gas,
        "lateral_usd": annual if gas else 0.0,
        "capital_usd": annual if kw else 0.0,
        "capital_usd_per_kw": annual * kw,
        "capital_usd_per_kwh": annual * kwh,
        "om_fixed_usd_per_kw_yr": kw,
        "connection_usd_per_kw_yr": kw,
        "augmentation_usd_per_kwh_yr": kwh,
        "om_variable_usd_per_mwh": mwh,
        "delivery_usd_per_mwh": mwh,
        "standby_usd_per_mwh": mwh,
        "heat_rate_hhv_mmbtu_per_mwh": mwh * cost.get("fuel", 0.0) / gas if gas else 0,
    }
    return (origin.high - origin.low) * paid_for.get(names[-1], 0.0)


def _digits(number: float | None, significant: int = 3) -> str:
    """Return a number with thousands separators and as few decimals as it needs.

    Examples
    --------
    >>> _digits(781536.2), _digits(48.04), _digits(0.17123), _digits(0.0)
    ('781,536', '48.0', '0.171', '0')
    """
    if number is None or not math.isfinite(number):
        return "n/a"
    if abs(number) < 1e-9:
        return "0"
    places = significant - 1 - math.floor(math.log10(abs(number)))
    return f"{number:,.{min(max(places, 0), 9)}f}"


def _money(usd: float | None) -> str:
    """Return dollars per MWh with one decimal."""
    return "n/a" if usd is None or not math.isfinite(usd) else f"{usd:,.1f}"


def _percent(share: float | None) -> str:
    """Return a share near one with as many nines as it has, never rounded up to 100 %.

    Examples
    --------
    >>> _percent(0.99991234), _percent(1.0), _percent(0.8512), _percent(0.9999999)
    ('99.9912 %', '100 %', '85.12 %', '99.99999 %')
    """
    if share is None or not math.isfinite(share):
        return "n/a"
    missing = 1 - share
    if missing < 1e-9:
        return "100 %"
    places = min(max(2, 1 - math.floor(math.log10(100 * missing))), 5)
    shown = math.floor(share * 100 * 10**places + 1e-6) / 10**places
    return f"{shown:.{places}f} %"
