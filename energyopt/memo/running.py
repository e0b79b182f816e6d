"""Exhibits 6 and 19 to 24: the site, and how the plant runs in it."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from typing import Any

import numpy as np

from energyopt.memo.run import Run
from energyopt.memo.table import Cell, Row, Table, total

SERVED = "summary.json#energy_mwh/served"
WEEK_H = 168


def site(run: Run) -> Table:
    """Return exhibit 6: load, air, sun, wind and prices by month."""
    wanted = [
        ("load_mean_mw", "Load, mean", "MW", "demand_mw", "mean", 1.0, 1),
        ("load_peak_mw", "Load, peak", "MW", "demand_mw", "max", 1.0, 1),
        ("temp_mean_c", "Dry bulb, mean", "°C", "temp_air", "mean", 1.0, 1),
        ("temp_max_c", "Dry bulb, highest", "°C", "temp_air", "max", 1.0, 1),
        ("ghi_kwh_per_m2", "Sun on the level", "kWh/m²", "ghi", "sum", 1e-3, 0),
        ("wind_m_per_s", "Wind at 100 m", "m/s", "wind_speed_100m", "mean", 1.0, 1),
    ]
    for name in run.case.technologies:
        if f"{name}.share_frac" in run.hours:
            head = f"{name}, available"
            series = f"{name}.share_frac"
            key = f"{name}_available_percent"
            wanted.append((key, head, "%", series, "mean", 100.0, 1))
    wanted += [
        ("gas_usd_per_mmbtu", "Gas", "$/MMBtu", "gas_usd_per_mmbtu", "mean", 1.0, 2),
        ("power_usd_per_mwh", "Power", "$/MWh", "power_usd_per_mwh", "mean", 1.0, 2),
    ]
    wanted = [w for w in wanted if w[3] in run.hours]
    rows = []
    for month in sorted(set(run.month.tolist())):
        cells = [
            run.cell(f"hourly.nc#{series}/{how}/{month}", factor, decimals=places)
            for _, _, _, series, how, factor, places in wanted
        ]
        rows.append(Row((calendar.month_abbr[month], *cells)))
    columns = [("month", "Month", ""), *((k, h, u) for k, h, u, *_ in wanted)]
    return run.table(
        "6",
        "site",
        "Site and resource",
        columns,
        rows,
        caption=f"By month of local standard time. Prices in {run.money}.",
        notes=tuple(str(text) for text in run.summary["notes"]),
    )


def energy_balance(run: Run) -> Table:
    """Return exhibit 19: each MWh of the average year, from where and to where."""
    energy = run.summary["energy_mwh"]
    uses = ("_charge", "_export", "_curtailed")
    sources = [f for f in energy if f != "served" and not f.endswith(uses)]
    out = [f for f in energy if f.endswith(("_charge", "_export"))]

    def row(flow: str, label: str, sign: float = 1.0) -> Row:
        cite = f"summary.json#energy_mwh/{flow}"
        share = run.cell(cite, 100 * sign, over=SERVED, decimals=2)
        return Row((label, run.cell(cite, sign, decimals=0), share))

    def shown(flow: str) -> bool:
        return abs(energy[flow]) >= 0.5

    rows = [Row(("Sources", "", ""), "part")]
    rows += [row(f, f.replace("_", " ")) for f in sources if shown(f)]
    rows.append(Row(("Uses", "", ""), "part"))
    rows.append(row("served", "served to the facility", -1.0))
    rows += [row(f, f.replace("_", " "), -1.0) for f in out if shown(f)]
    rest = total("Residual (0: the balance closes)", rows)
    rows.append(rest)
    notes = ["Sources count positive, uses negative."]
    pairs = [(f, energy[f]) for f in energy if f.endswith("_curtailed") and shown(f)]
    for flow, mwh in pairs:
        name = flow.removesuffix("_curtailed")
        could = mwh + energy[name]
        notes.append(
            f"Curtailed of {name}: {mwh:,.0f} MWh, {100 * mwh / could:.1f} % of what was there."
        )
    notes.append(f"Not served: {run.summary['unserved_mwh']:,.1f} MWh.")
    columns = [
        ("flow", "Flow", ""),
        ("energy_mwh", "Energy", "MWh/yr"),
        ("of_served_percent", "Of energy served", "%"),
    ]
    title = "Energy balance of the average year"
    return run.table("19", "energy", title, columns, rows, notes=tuple(notes))


@dataclass(frozen=True)
class Week:
    """A week of dispatch, chosen by a rule."""

    name: str
    hours: range


def renewable_mw(run: Run) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the power of sun and wind to the bus, hour by hour."""
    found = np.zeros(run.hours.sizes["time"])
    for name in run.built:
        if f"{name}.available_mw" in run.hours:
            found += run.series(f"{name}.output_mw")
    return found


def weeks(run: Run) -> list[Week]:
    """Return the weeks worth looking at, each named after its rule.

    Median and worst net load (load less sun and wind) by the mean of the week; the
    highest hour of load; the least sun and wind, where there is any.
    """
    hours = run.hours.sizes["time"]
    starts = range(0, max(hours - WEEK_H, 0) + 1, WEEK_H)
    spans = [slice(a, min(a + WEEK_H, hours)) for a in starts]
    load, green = run.series("demand_mw"), renewable_mw(run)
    net = [float((load - green)[s].mean()) for s in spans]
    chosen = {
        "worst net load": int(np.argmax(net)),
        "peak load": int(np.argmax([load[s].max() for s in spans])),
        "median net load": int(np.argsort(net)[len(net) // 2]),
    }
    if green.max() > 0:
        least = [green[s].mean() for s in spans]
        chosen["least sun and wind"] = int(np.argmin(least))
    return [
        Week(name, range(spans[i].start, spans[i].stop)) for name, i in chosen.items()
    ]


def dispatch_weeks(run: Run) -> Table:
    """Return exhibit 20 as a table: the chosen weeks and their means."""
    load, green = run.series("demand_mw"), renewable_mw(run)
    price, gas = run.series("power_usd_per_mwh"), _gas_mw(run)
    rows = []
    for week in weeks(run):
        at = list(week.hours)
        cells = [
            Cell(float(values[at].mean()), 1)
            for values in (load, load - green, green, gas, price)
        ]
        peak = Cell(float(load[at].max()), 1)
        first = run.local[week.hours.start]
        rows.append(Row((week.name, f"{first.day} {first:%b, %H:%M}", peak, *cells)))
    columns = [
        ("week", "Week", ""),
        ("begins", "Begins", ""),
        ("load_peak_mw", "Load, peak", "MW"),
        ("load_mean_mw", "Load, mean", "MW"),
        ("net_load_mean_mw", "Net load, mean", "MW"),
        ("renewable_mean_mw", "Sun and wind, mean", "MW"),
        ("gas_mean_mw", "Gas, mean", "MW"),
        ("power_mean_usd_per_mwh", "Power price, mean", "$/MWh"),
    ]
    return run.table(
        "20",
        "weeks",
        "Dispatch in chosen weeks",
        columns,
        rows,
        caption=f"Prices in {run.money}.",
        notes=("Means and peaks of hourly.nc over 168 hours of local standard time.",),
    )


def _gas_mw(run: Run) -> np.ndarray[Any, np.dtype[np.float64]]:
    found = np.zeros(run.hours.sizes["time"])
    for name in run.built:
        if f"{name}.gas_mmbtu" in run.hours:
            found += run.series(f"{name}.output_mw")
    return found


def duration_series(run: Run) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
    """Return what exhibit 21 sorts: load, net load, gas, and grid import."""
    load = run.series("demand_mw")
    found = {"load": load}
    if (green := renewable_mw(run)).max() > 0:
        found["net load"] = load - green
    if (gas := _gas_mw(run)).max() > 0:
        found["gas"] = gas
    for name in run.built:
        if f"{name}.import_mw" in run.hours:
            found[f"{name} import"] = run.series(f"{name}.import_mw")
    return found


def durations(run: Run) -> Table:
    """Return exhibit 21 as a table: power reached in so many hours of the year."""
    steps = [1, 10, 100, 500, 1000, 2000, 4000, 6000, 8000]
    weight = run.series("weight_h")
    rows = []
    for name, values in duration_series(run).items():
        order = np.argsort(-values)
        hours = np.cumsum(weight[order])
        last = len(hours) - 1
        at = [min(int(np.searchsorted(hours, h)), last) for h in steps]
        cells = [Cell(float(values[order][i]), 1) for i in at]
        rows.append(Row((name, *cells)))
    columns = [("series", "Series", "")]
    columns += [(f"hour_{h}_mw", f"{h:,} h", "MW") for h in steps]
    caption = "Power that is reached in at least so many hours a year."
    return run.table(
        "21", "durations", "Duration curves", columns, rows, caption=caption
    )


def unit_operation(run: Run) -> Table:
    """Return exhibit 23: how machines and batteries were run."""
    rows = []
    for name in run.built:
        used, size = f"tables/units.csv#{name}/", f"tables/capacity.csv#{name}/"
        factor = run.cell(f"{size}capacity_factor_frac", 100.0, decimals=1)
        if name in run.tables["units"].index:
            cells = [
                run.cell(f"{used}units", decimals=0),
                run.cell(f"{used}run_h", over=f"{used}units", decimals=0),
                run.cell(f"{used}starts_units", over=f"{used}units", decimals=1),
                run.cell(f"{used}output_mwh", decimals=0),
                factor,
                run.cell(f"{used}mean_load_frac", 100.0, decimals=1),
                run.cell(f"{used}heat_rate_mmbtu_per_mwh", 1000.0, decimals=0),
                run.cell(f"{used}gas_mmbtu", decimals=0),
                Cell(None),
            ]
        elif f"{name}_discharge" in run.summary["energy_mwh"]:
            out = f"summary.json#energy_mwh/{name}_discharge"
            cells = [Cell(None)] * 3 + [run.cell(out, decimals=0), factor]
            cells += [Cell(None)] * 3
            cells.append(run.cell(out, over=f"{size}energy_mwh", decimals=1))
        else:
            flow = name if name in run.summary["energy_mwh"] else f"{name}_import"
            given = run.cell(f"summary.json#energy_mwh/{flow}", decimals=0)
            cells = [*[Cell(None)] * 3, given, factor, *[Cell(None)] * 4]
        rows.append(Row((name, *cells)))
    columns = [
        ("asset", "Asset", ""),
        ("units", "Units", ""),
        ("run_unit_h", "Run, each unit", "h/yr"),
        ("starts_each", "Starts, each unit", "1/yr"),
        ("output_mwh", "To the bus", "MWh/yr"),
        ("capacity_factor_percent", "Capacity factor", "%"),
        ("mean_load_percent", "Load when running", "%"),
        ("heat_rate_btu_per_kwh", "Heat rate, HHV", "Btu/kWh"),
        ("gas_mmbtu", "Gas, HHV", "MMBtu/yr"),
        ("cycles_per_yr", "Full cycles", "1/yr"),
    ]
    return run.table("23", "units", "Unit operation", columns, rows)


def monthly(run: Run) -> Table:
    """Return exhibit 24: energy, gas, emissions and water by month."""
    found = run.tables["monthly"]
    kept = [c for c in found.columns if found[c].abs().sum() >= 0.5]
    heads = {"mwh": "MWh", "mmbtu": "MMBtu", "t": "t", "kg": "kg", "m3": "m³"}
    columns = [("month", "Month", "")]
    for name in kept:
        label, _, unit = str(name).rpartition("_")
        label = {"co2": "CO2", "nox": "NOx"}.get(label, label)
        columns.append((str(name), label.replace("_", " "), heads.get(unit, unit)))
    rows = [
        Row(
            (
                calendar.month_abbr[int(month)],
                *(
                    run.cell(f"tables/monthly.csv#{month}/{c}", decimals=0)
                    for c in kept
                ),
            )
        )
        for month in found.index
    ]
    rows.append(total("Year", rows))
    notes = ["Months of local standard time; flows of zero are left out."]
    if run.summary["draft"]:
        notes.append("A few weeks stand for the year: months without one are missing.")
    title = "The average year by month"
    return run.table("24", "monthly", title, columns, rows, notes=tuple(notes))
