"""Exhibits 25 and 26: the nines, and what the loss of each element sheds."""

from __future__ import annotations

import math

from energyopt.memo.run import Run
from energyopt.memo.table import Cell, Row, Table

REFERENCES = {"99.9 %": 0.999, "99.99 %": 0.9999, "99.999 %": 0.99999}
HOURS = 8760.0
MEASURES = {"gpu_energy": "GPU energy served", "full_hours": "hours fully served"}


def nines(run: Run) -> Table | None:
    """Return exhibit 25 from the sampled years; ``None`` where none were sampled.

    Of a plant sized for an uptime it is the way to that target, until
    ``energyopt uptime`` has looked at the plant.
    """
    if run.uptime is None:
        return _way_to_target(run) if run.summary.get("uptime_target") else None
    rows = []
    for rates, both in run.uptime["uptime"].items():
        for which in both:
            for what in MEASURES:
                at = f"uptime.json#uptime/{rates}/{which}/{what}/"
                label = f"{MEASURES[what]}, {rates} rates"
                if which == "without_common_causes":
                    label += ", no common causes"
                frac = run.stored(f"{at}frac") or 0.0
                share = [
                    run.cell(f"{at}{key}", 100.0, decimals=_places(frac))
                    for key in ("frac", "low_frac", "high_frac")
                ]
                nines_ = run.cell(f"{at}nines", decimals=2)
                short = Cell((1 - frac) * HOURS, None, doubtful=share[0].doubtful)
                rows.append(Row((label, *share, nines_, short)))
    for words, frac in REFERENCES.items():
        nines_of = words.split(" ")[0].count("9")
        count = Cell(float(nines_of), 2)
        blank = [Cell(None)] * 2
        short = Cell((1 - frac) * HOURS, None)
        rows.append(
            Row(
                (
                    f"for reference: {words}",
                    Cell(100 * frac, nines_of - 2),
                    *blank,
                    count,
                    short,
                )
            )
        )
    columns = [
        ("measure", "Measure", ""),
        ("share_percent", "Share", "%"),
        ("low_percent", "95 % interval, from", "%"),
        ("high_percent", "to", "%"),
        ("nines", "Nines", ""),
        ("short_h_per_yr", "As hours a year", "h/yr"),
    ]
    years, seed = run.uptime["years"], run.uptime["seed"]
    return run.table(
        "25",
        "nines",
        "The nines",
        columns,
        rows,
        caption=f"{years:,} sampled years, seed {seed}; outages of machines and of the site.",
        notes=(
            f"Worst event sampled: {run.uptime['worst_event']}",
            *(str(text) for text in run.uptime["notes"]),
            "Approximations: " + "; ".join(run.uptime["approximations"]),
        ),
    )


def _places(frac: float) -> int:
    """Return the decimals of a percentage that show two digits after its nines.

    Examples
    --------
    >>> _places(0.9995612), _places(0.99999984), _places(0.5), _places(1.0)
    (3, 6, 1, 7)
    """
    if frac >= 1:
        return 7
    return min(max(1 - math.floor(math.log10(100 * (1 - frac))), 1), 7)


def _way_to_target(run: Run) -> Table:
    """Return exhibit 25 from the rounds in which the plant was sized for its target."""
    target = run.summary["uptime_target"]
    rows = []
    for i, one in enumerate(target["rounds"]):
        for part, words in (("uptime", "first"), ("held_out", "second")):
            if one[part] is None:
                continue
            at = f"summary.json#uptime_target/rounds/{i}/"
            share = [
                run.cell(f"{at}{part}/{key}", 100.0, decimals=5)
                for key in ("frac", "low_frac", "high_frac")
            ]
            years = run.cell(f"{at}{part}/years", decimals=0)
            lcoe = run.cell(f"{at}lcoe_usd_per_mwh", decimals=2)
            label = f"plant {one['number']}, {words} sample"
            rows.append(Row((label, *share, years, lcoe)))
    columns = [
        ("plant", "Plant", ""),
        ("share_percent", "GPU energy served", "%"),
        ("low_percent", "95 % interval, from", "%"),
        ("high_percent", "to", "%"),
        ("years", "Sampled", "yr"),
        ("lcoe_usd_per_mwh", "LCOE", "$/MWh"),
    ]
    end = "met" if target["met"] else "NOT SHOWN TO BE MET"
    causes = "" if target["common_causes"] else ", without common causes"
    goal = f"{100 * target['gpu_uptime_frac']:g} % of GPU energy{causes}"
    return run.table(
        "25",
        "nines",
        "The nines: the way to the target",
        columns,
        rows,
        caption=f"Base outage rates. Money in {run.money}.",
        notes=(
            f"Target {goal}: {end} at {target['confidence_frac']:.0%} confidence.",
            "The last plant is that of this memo. For low and high outage rates run "
            "energyopt uptime on its folder.",
        ),
    )


def contingencies(run: Run) -> Table | None:
    """Return exhibit 26: what is shed when an element is lost, in each hour."""
    found = run.tables["contingencies"]
    rows = []
    for name in found.index:
        at = f"tables/contingencies.csv#{name}/"
        rows.append(
            Row(
                (
                    f"{name}, held until others start",
                    run.cell(f"{at}tripped_h", decimals=0),
                    run.cell(f"{at}with_shed_load_h", decimals=0),
                    run.cell(f"{at}worst_mwh", decimals=2),
                    "yes" if found.at[name, "passed"] else "NO",
                )
            )
        )
    for i, one in enumerate((run.uptime or {}).get("contingencies", [])):
        at = f"uptime.json#contingencies/{i}/"
        rows.append(
            Row(
                (
                    f"{' and '.join(one['elements'])}, for a mean repair",
                    run.cell(f"{at}trips", decimals=0),
                    run.cell(f"{at}trips_short", decimals=0),
                    run.cell(f"{at}worst_mwh", decimals=2),
                    one["cause"] or "",
                )
            )
        )
    if not rows:
        return None
    columns = [
        ("event", "Lost", ""),
        ("tried", "Tried", "times"),
        ("short", "Short of power", "times"),
        ("worst_mwh", "Worst, not served", "MWh"),
        ("outcome", "Within allowance, or cause", ""),
    ]
    return run.table("26", "contingencies", "Contingencies", columns, rows)
