"""The options that a plant is compared with: the case with some kinds left out.

Each is the case as it stands, with technologies removed; nothing else is changed. They
are points of a sweep: kept by their content, and not solved again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from energyopt.case import Case
from energyopt.casefile import CaseFile
from energyopt.overlay import Setting, read_set
from energyopt.sweep.asked import Asked
from energyopt.sweep.engine import Engine, Told
from energyopt.sweep.executors import default_workers, processes
from energyopt.sweep.points import Point, points_of
from energyopt.sweep.store import SOLVED, Store
from energyopt.yamltree import DEFAULT, Faults, Place, as_entry

GAS = frozenset({"gas_turbine", "fuel_store"})
ORDER: tuple[tuple[str, str, frozenset[str]], ...] = (
    ("grid_only", "Grid only", frozenset({"grid"})),
    ("gas_only", "Gas only", GAS),
    ("gas_battery", "Gas and battery", GAS | {"battery"}),
    ("gas_solar_battery", "Gas, solar and battery", GAS | {"battery", "solar"}),
    (
        "gas_solar_wind_battery",
        "Gas, solar, wind and battery",
        GAS | {"battery", "solar", "wind"},
    ),
    ("no_gas", "No gas", frozenset({"grid", "battery", "solar", "wind"})),
)
"""Name, label and kinds of each option, the base cases first."""
NEEDS = {
    "grid_only": (frozenset({"grid"}), "no grid"),
    "gas_only": (frozenset({"gas_turbine"}), "no gas"),
    "no_gas": (frozenset({"grid", "solar", "wind"}), "no other source of energy"),
}
"""Kinds of which a case must offer one for an option to be one, and what it lacks."""
BASES = ("grid_only", "gas_only")
"""The base case is the first of these that has a plant."""


@dataclass(frozen=True)
class Choice:
    """An option: which of the case's technologies it has."""

    name: str
    label: str
    kept: tuple[str, ...]  # none: the case does not offer it


@dataclass(frozen=True)
class Option:
    """How an option ended.

    Parameters
    ----------
    name, label : str
        Of the option.
    status : str
        ``optimal`` or ``limit``, ``infeasible``, ``failed``, or ``not offered``.
    reason : str
        Why there is no plant; empty where there is one.
    folder : Path, optional
        Its run folder, where there is one.
    """

    name: str
    label: str
    status: str
    reason: str = ""
    folder: Path | None = None


def choices(case: Case) -> list[Choice]:
    """Return the options of a case, those that are the same once.

    A grid that is a backup stays beside gas, since it carries outages and no more; one
    that sells energy in any hour does not. The case itself is none of them.
    """
    technologies = case.in_time().technologies
    kind_of = {
        name: "" if getattr(tech, "mode", "") == "none" else tech.kind
        for name, tech in technologies.items()
    }
    backup = {
        name
        for name, tech in technologies.items()
        if tech.kind == "grid" and getattr(tech, "mode", "") == "backup"
    }
    found: list[Choice] = []
    seen = [tuple(technologies)]
    for name, label, kinds in ORDER:
        own = {n for n, kind in kind_of.items() if kind in kinds}
        needs, _ = NEEDS.get(name, (kinds, ""))
        if name in NEEDS and not needs & {kind_of[n] for n in own}:
            found.append(Choice(name, label, ()))
            continue
        kept = tuple(n for n in technologies if n in own | backup)
        if not kept or kept in seen:
            continue
        seen.append(kept)
        stays = backup and kinds >= GAS
        found.append(Choice(name, f"{label}, grid as backup" if stays else label, kept))
    return found


def asked_of(casefile: CaseFile, found: Sequence[Choice]) -> Asked:
    """Return the sweep of a case's options."""
    faults = Faults()  # the case was read with the same, so there is none
    read = [read_set(text, i, faults) for i, text in enumerate(casefile.sets)]
    everything = casefile.case.technologies
    return Asked(
        name=casefile.case.name,
        case=casefile.path,
        changes=tuple(setting for setting in read if setting is not None),
        scenarios={
            choice.name: tuple(_without(everything, choice.kept))
            for choice in found
            if choice.kept
        },
    )


def _without(names: Mapping[str, Any], kept: Sequence[str]) -> Iterator[Setting]:
    """Yield the settings that remove every other technology."""
    for name in names:
        if name not in kept:
            path = f"technologies.{name}"
            yield Setting(path, as_entry(None, Place(f"--options {path}"), DEFAULT))


def solve_options(
    casefile: CaseFile,
    folder: Path,
    *,
    refuse: Callable[[Case], str | None] = lambda case: None,
    workers: int = 0,
    on_progress: Callable[[Told], None] = lambda told: None,
    stop: Callable[[], bool] = lambda: False,
) -> list[Option]:
    """Solve the options of a case that are not in a folder yet.

    Parameters
    ----------
    casefile : CaseFile
        The case; it is not solved itself.
    folder : Path
        Where options are kept, as points of a sweep are.
    refuse : callable
        Says of a case, without a solve, why no plant can meet it.
    workers : int
        Processes; 0: one a core.
    on_progress, stop : callable
        As of :func:`energyopt.sweep.run.sweep`.

    Returns
    -------
    list of Option
        What ``stop`` left undone is ``missing``.
    """
    found = choices(casefile.case)
    points = points_of(asked_of(casefile, found))
    by_name = {row.point.label: row.point for row in points.rows[1:]}
    vain = {n: why for n, p in by_name.items() if (why := refuse(p.casefile.case))}
    runs = {p.key: p for name, p in by_name.items() if name not in vain}
    store = Store.open(folder)
    engine = Engine(runs, store, on_progress, stop)
    on_progress(engine.told())
    if engine.waiting:
        with processes(min(workers or default_workers(), engine.waiting)) as executor:
            engine.run(executor)
    return [_ended(choice, by_name.get(choice.name), vain, store) for choice in found]


def _ended(
    choice: Choice, point: Point | None, vain: Mapping[str, str], store: Store
) -> Option:
    """Return how an option ended."""
    if point is None:
        why = f"the case offers {NEEDS[choice.name][1]}"
        return Option(choice.name, choice.label, "not offered", why)
    if why := vain.get(choice.name, ""):
        return Option(choice.name, choice.label, "infeasible", why)
    record = store.record(point.key)
    if record is None:
        return Option(choice.name, choice.label, "missing", "not solved yet")
    solved = record["status"] in SOLVED
    folder = store.folder(point.key) if solved else None
    why = "" if solved else record["reason"]
    return Option(choice.name, choice.label, record["status"], why, folder)


def base_of(options: Sequence[Option], wanted: str | None = None) -> str | None:
    """Return the name of the base case.

    The one that is wanted; else grid only, else gas only, else the first with a plant.
    """
    there = [option.name for option in options if option.folder is not None]
    if wanted is not None:
        return wanted if wanted in there else None
    return next((name for name in (*BASES, *there) if name in there), None)
