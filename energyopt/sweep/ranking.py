"""Sites ranked by LCOE, those on data of one kind together: read from the store alone."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from energyopt.case import Case
from energyopt.sweep.points import Point, Points
from energyopt.sweep.provenance import Told, kinds_of, sources_of
from energyopt.sweep.store import SOLVED, Store, write_whole

SITES_CSV = "sites.csv"
SAMPLED = "of sampled years of outages"
DISPATCHED = "of the dispatched year, before outages"
SHOWN_MW = 0.1  # below it nothing is built worth a word
MEASURES = (
    "lcoe_usd_per_mwh",
    "gap_usd_per_mwh",
    "capital_usd",
    "renewable_share_frac",
    "gas_mmbtu_per_yr",
    "co2_t_per_yr",
    "nox_t_per_yr",
    "water_m3_per_yr",
)


@dataclass(frozen=True)
class Ranked:
    """The sites, and what the ranks are worth.

    Parameters
    ----------
    table : pd.DataFrame
        A row a site: groups in the order of the file, by LCOE within. ``rank`` begins
        at 1 in each group; none where there is no plant.
    notes : list of str
        What is not to be compared, and which ranks the gaps leave open.
    """

    table: pd.DataFrame
    notes: list[str]

    def groups(self) -> Iterator[tuple[str, pd.DataFrame]]:
        """Yield each kind of data and its sites."""
        for kinds in dict.fromkeys(self.table["kinds"]):
            yield str(kinds), self.table[self.table["kinds"] == kinds]


def ranked(points: Points, store: Store) -> Ranked:
    """Return the sites of a sweep, ranked apart where their data differ in kind."""
    rows = [_row(row.point, store) for row in points.rows]
    kinds = list(dict.fromkeys(str(row["kinds"]) for row in rows))
    ordered: list[dict[str, Any]] = []
    for group, kind in enumerate(kinds, start=1):
        own = [row | {"group": group} for row in rows if row["kinds"] == kind]
        solved = sorted(
            (r for r in own if "lcoe_usd_per_mwh" in r),
            key=lambda r: float(r["lcoe_usd_per_mwh"]),
        )
        ordered += [row | {"rank": n} for n, row in enumerate(solved, start=1)]
        ordered += [row | {"rank": None} for row in own if row not in solved]
    table = pd.DataFrame(ordered)
    first = ["group", "rank", "site", "title", "status", "reason"]
    rest = [str(c) for c in table.columns if c not in first]
    table = table[[*first, *rest]].astype({"rank": "Int64"})
    return Ranked(table, _notes(table, kinds))


def _row(point: Point, store: Store) -> dict[str, Any]:
    """Return what is told of one site."""
    record = store.record(point.key) or {
        "status": "missing",
        "reason": "not solved yet",
    }
    sources = sources_of(point.casefile)
    row: dict[str, Any] = {
        "site": point.label,
        "title": point.casefile.case.title,
        "status": record["status"],
        "reason": record["reason"],
        "kinds": kinds_of(point.casefile).text,
    }
    if record["status"] in SOLVED:
        folder = store.folder(point.key)
        summary = store.summary(point.key)
        row |= {name: summary[name] for name in MEASURES}
        row["served_mwh"] = summary["energy_mwh"]["served"]
        row["uptime_frac"], row["uptime_from"] = uptime_of(folder, summary)
        row["binds"] = "; ".join(binding(folder, summary, point.casefile.case))
        row["plant"] = plant_words(summary)
        row["run"] = folder.relative_to(store.home.parent).as_posix()
    whole = {name: "; ".join(t.whole for t in told) for name, told in sources.items()}
    return row | {f"{name}_data": text for name, text in whole.items()}


def uptime_of(folder: Path, summary: Mapping[str, Any]) -> tuple[float, str]:
    """Return the share of GPU energy served, and what it stands for.

    Of sampled years of outages where there are any (``energyopt uptime``, or a case
    with a target); else of the dispatched year, in which nothing fails.
    """
    try:
        text = (folder / "uptime.json").read_text(encoding="utf-8")
    except FileNotFoundError:
        text = ""
    if text:
        document = json.loads(text)
        found = document["uptime"]["base"]["with_common_causes"]["gpu_energy"]
        return float(found["frac"]), SAMPLED
    if target := summary.get("uptime_target"):
        last = target["rounds"][-1]["uptime"]
        if last is not None:
            return float(last["frac"]), SAMPLED
    return float(summary["gpu_uptime_frac"]), DISPATCHED


def binding(folder: Path, summary: Mapping[str, Any], case: Case) -> list[str]:
    """Return the limits that a plant meets with nothing to spare.

    N+k counts as such where a unit less would break it; a size that the case itself
    sets (its least is its most) does not.
    """
    table = pd.read_csv(folder / "tables" / "limits.csv", index_col="name")
    found = []
    for name, row in table.iterrows():
        if _is_set(str(name), case):
            continue
        if row["binds"] and row["value"]:
            found.append(f"{name} {row['value']:,.10g} {_unit(row['unit'])}".rstrip())
        elif name == "reliability.n_plus" and row["slack"] < _smallest_mw(summary):
            found.append(f"{name} ({row['slack']:,.1f} MW to spare, less than a unit)")
    return found


def _is_set(name: str, case: Case) -> bool:
    """Whether a limit on a size leaves no choice."""
    _, _, rest = name.partition("technologies.")
    technology, _, field = rest.partition(".")
    if not field.startswith("max_"):
        return False
    found = case.technologies[technology]
    least = getattr(found, field.replace("max_", "min_"), None)
    return least is not None and least == getattr(found, field)


def _unit(text: Any) -> str:
    return "" if text == "1" else str(text)


def _smallest_mw(summary: Mapping[str, Any]) -> float:
    """Return what the smallest unit there is gives at the design temperature."""
    sizes = [
        size["at_design_mw"] / size["units"]
        for size in summary["capacity"].values()
        if size["units"] and size["at_design_mw"]
    ]
    return min(sizes, default=0.0)


def plant_words(summary: Mapping[str, Any]) -> str:
    """Return what is built: ``17 recip (321 MW), battery 25 MW, 12.5 MWh``."""
    parts = []
    for name, size in summary["capacity"].items():
        mw, mwh = size["mw"] or 0.0, size["mwh"] or 0.0
        if size["units"]:
            parts.append(f"{size['units']:.0f} {name} ({mw:,.0f} MW)")
        elif mw >= SHOWN_MW:
            digits = 0 if mw >= 10 else 1
            energy = f", {mwh:,.1f} MWh" if size["mwh"] is not None else ""
            parts.append(f"{name} {mw:,.{digits}f} MW{energy}")
    return ", ".join(parts) or "nothing"


def _notes(table: pd.DataFrame, kinds: Sequence[str]) -> list[str]:
    """Say what the ranks do not say."""
    found = []
    if len(kinds) > 1:
        found.append(
            f"The {len(kinds)} groups are ranked apart: their data differ in kind, so a "
            "cost of one group is not to be held against one of another."
        )
    for row in _solved(table):
        if row["status"] != "optimal":
            why = row["reason"] or "the time limit was reached"
            gap = f"proven to ${row['gap_usd_per_mwh']:,.2f}/MWh"
            found.append(f"{row['site']}: {why}; {gap}.")
    for _, group in table.groupby("group", sort=True):
        for better, worse in itertools.pairwise(_solved(group)):
            least = worse["lcoe_usd_per_mwh"] - worse["gap_usd_per_mwh"]
            if least < better["lcoe_usd_per_mwh"]:
                found.append(
                    f"{better['site']} and {worse['site']} are nearer to each other than "
                    "the gap: their order is not proven."
                )
    return found


def write_sites(folder: Path, found: Ranked) -> Path:
    """Write ``sites.csv`` in one step; return its path."""
    text = found.table.to_csv(index=False, float_format="%.10g", lineterminator="\n")
    path = folder / SITES_CSV
    write_whole(path, text.encode())
    return path


# On a terminal -------------------------------------------------------------------------


def terminal_lines(found: Ranked, points: Points) -> list[str]:
    """Return the ranked groups, what binds, and where each site's data come from."""
    groups = list(found.groups())
    kinds = [text.split("; ") for text, _ in groups]
    common = [k for k in kinds[0] if all(k in others for others in kinds)]
    lines = [f"At every site: {', '.join(common)}", ""] if len(groups) > 1 else []
    for own, (_, group) in zip(kinds, groups, strict=True):
        head = own if len(groups) == 1 else [k for k in own if k not in common]
        lines += [", ".join(head)[:1].upper() + ", ".join(head)[1:]]
        lines += [*_aligned(group), ""]
    for row in _solved(found.table):
        lines.append(f"{row['site']}: {row['plant']}")
        lines.append(f"    binds: {row['binds'] or 'nothing'}")
    if any(row["uptime_from"] == DISPATCHED for row in _solved(found.table)):
        lines.append(f"d: {DISPATCHED}; for sampled outages: energyopt uptime RUN")
    return [
        *lines,
        "",
        *_data_lines(points),
        "",
        "Real dollars before tax: taxes and incentives of a state are not in it.",
        *found.notes,
    ]


def _data_lines(points: Points) -> list[str]:
    """Return what each site's data are, their sources as footnotes."""
    numbers: dict[str, int] = {}

    def cited(told: Told) -> str:
        if not told.source:
            return told.text
        low = " †" if told.confidence == "low" else ""
        number = numbers.setdefault(told.source, len(numbers) + 1)
        return f"{told.text} [{number}]{low}"

    lines = []
    for row in points.rows:
        sources = sources_of(row.point.casefile)
        lines.append(f"{row.point.label}")
        for name, told in sources.items():
            lines.append(f"    {name:<7}  {'; '.join(map(cited, told))}")
    lines += [f"[{number}] {source}" for source, number in numbers.items()]
    if any("†" in line for line in lines):
        lines.append("† of low confidence, or an assumption")
    return lines


_COLUMNS = {
    "LCOE $/MWh": ("lcoe_usd_per_mwh", 1.0, 1),
    "capital M$": ("capital_usd", 1e-6, 0),
    "GWh/yr": ("served_mwh", 1e-3, 0),
    "sun+wind %": ("renewable_share_frac", 100.0, 1),
    "CO2 kt/yr": ("co2_t_per_yr", 1e-3, 0),
    "water m3/yr": ("water_m3_per_yr", 1.0, 0),
}


def _aligned(group: pd.DataFrame) -> list[str]:
    """Return a group as lines; sites without a plant come last, with their reason."""
    rows = _solved(group)
    cells = [["", "site", *_COLUMNS, "uptime %"]]
    for row in rows:
        uptime = f"{100 * row['uptime_frac']:.4f}"
        mark = " d" if row["uptime_from"] == DISPATCHED else "  "
        numbers = [f"{row[n] * k:,.{d}f}" for n, k, d in _COLUMNS.values()]
        cells.append([str(row["rank"]), row["site"], *numbers, uptime + mark])
    wide = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    lines = []
    if rows:
        for cell in cells:
            padded = [
                c.ljust(w) if i == 1 else c.rjust(w)
                for i, (c, w) in enumerate(zip(cell, wide, strict=True))
            ]
            lines.append("  ".join(padded).rstrip())
    for row in _records(group[group["rank"].isna()]):
        lines.append(f"-  {row['site']}: {row['status']}: {row['reason']}")
    return lines


def _solved(table: pd.DataFrame) -> list[dict[str, Any]]:
    return _records(table[table["rank"].notna()])


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a table's rows as plain dicts."""
    return [dict(row) for _, row in table.iterrows()]
