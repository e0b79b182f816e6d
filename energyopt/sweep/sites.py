"""Candidate sites of one data center: the file that lists them, and what makes them alike."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from energyopt.case import Section
from energyopt.casefile import QUICK, CaseFile, read_checked
from energyopt.errors import DataError
from energyopt.inputs.prices import price_year
from energyopt.inputs.tables import BUILTIN, find_table
from energyopt.overlay import Setting, read_set
from energyopt.sweep.asked import Asked, case_of, settings_of
from energyopt.sweep.keys import is_table
from energyopt.sweep.provenance import NO_WIND, kinds_of
from energyopt.yamltree import Entry, Faults, Origin, Place, as_entry

_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"
SiteName = Annotated[str, Field(pattern=_NAME, max_length=64)]


class SitesFile(Section):
    """The same data center at each of several sites."""

    name: str = Field(pattern=_NAME, max_length=64)
    title: str = ""
    case: str
    """A case file, relative to this one, or ``builtin:NAME``."""
    changes: dict[str, Any] = Field(default_factory=dict)
    """Path -> value, at every site; a site's own value wins."""
    sites: dict[SiteName, dict[str, Any] | None] = Field(min_length=1)
    """Name -> path -> value: place, weather, prices, gas, what is offered. A section
    given whole (``prices.power: {from: power_flat_us}``) takes the place of the base's.
    Tables are found from this file's folder."""


def read_sites(path: Path, sets: Sequence[str] = (), quick: bool = False) -> Asked:
    """Return what a file of sites asks for.

    Parameters
    ----------
    path : Path
        The file.
    sets : sequence of str
        ``--set path=value``, for every site; they win over the file.
    quick : bool
        Whether each site is sized on a few representative weeks.

    Raises
    ------
    CaseError
        If anything in it is wrong: a line per fault, as of a case file.
    """
    faults = Faults()
    root, said = read_checked(path, SitesFile, faults)
    tree: dict[str, Entry] = root.value
    case = case_of(said.case, tree["case"], path, faults)
    last = [read_set(text, n, faults) for n, text in enumerate(sets)]
    drafts = [read_set(text, 0, faults) for text in QUICK if quick]
    faults.stop()
    own = tuple(setting for setting in last if setting is not None)

    def here(entry: Entry | None) -> tuple[Setting, ...]:
        return tuple(_moved(s, path, case, faults) for s in settings_of(entry))

    changes = (*here(tree.get("changes")), *filter(None, drafts))
    sites = {}
    for name, entry in tree["sites"].value.items():
        named = Setting("name", as_entry(name, entry.place, entry.origin))
        sites[name] = (named, *here(entry), *own)
    faults.stop()
    return Asked(name=said.name, case=case, changes=changes, sites=sites)


def _moved(setting: Setting, path: Path, case: Path, faults: Faults) -> Setting:
    """Return a setting whose tables are named as from the case's folder.

    One that is not there is a fault at its own place in the file.
    """

    def moved(entry: Entry, key: str) -> Entry:
        value = entry.value
        if isinstance(value, dict):
            return replace(entry, value={k: moved(e, k) for k, e in value.items()})
        if isinstance(value, list):
            return replace(entry, value=[moved(e, "") for e in value])
        if not is_table(key, value):
            return entry
        try:
            find_table(value, path.parent)
        except DataError as error:
            faults.add(entry.place, key, str(error))
            return entry
        if value.startswith(BUILTIN):
            return entry
        away = os.path.relpath(path.parent.resolve() / value, case.parent.resolve())
        return replace(entry, value=Path(away).as_posix())

    return Setting(setting.path, moved(setting.value, setting.path.split(".")[-1]))


# The weaker kind -----------------------------------------------------------------------


def alike(asked: Asked, sites: dict[str, CaseFile]) -> Asked:
    """Return the same sites on the weaker kind of data, as far as there is one.

    Where some have flat prices, hourly ones become flat at their own mean; where some
    have no wind, none is offered. A real year cannot become a typical one.

    Parameters
    ----------
    asked : Asked
        Of :func:`read_sites`.
    sites : dict of str to CaseFile
        Its cases, by site.

    Raises
    ------
    DataError
        If a price table cannot be read.
    """
    kinds = {name: kinds_of(casefile) for name, casefile in sites.items()}
    some_flat = any(kind.flat for kind in kinds.values())
    no_wind = any(kind.wind == NO_WIND for kind in kinds.values())
    found = {}
    for name, casefile in sites.items():
        more = list(_flat(casefile)) if some_flat and kinds[name].hourly else []
        if no_wind:
            more += _without_wind(casefile)
        found[name] = (*asked.sites[name], *more)
    return replace(asked, sites=found)


def _flat(casefile: CaseFile) -> tuple[Setting, Setting]:
    """Return a flat price at the mean of a site's hourly ones."""
    case = casefile.case
    year = price_year(
        case.prices.power, case.gas, case.site.utc_offset_h, casefile.base_dir
    )
    mean = round(float(year.power_usd_per_mwh.mean()), 3)
    told = f"--alike: mean of {case.prices.power.table} {case.prices.power.column}"
    return (
        _setting("prices.power.basis", "flat", told),
        _setting("prices.power.flat_usd_per_mwh", mean, told),
    )


def _without_wind(casefile: CaseFile) -> list[Setting]:
    return [
        _setting(f"technologies.{name}", None, "--alike: no wind at other sites")
        for name, technology in casefile.case.technologies.items()
        if technology.kind == "wind"
    ]


def _setting(path: str, value: Any, told: str) -> Setting:
    origin = Origin(kind="set", text=told)
    return Setting(path, as_entry(value, Place("--alike"), origin))
