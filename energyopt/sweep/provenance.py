"""What kind of data a case stands on, told by the data: what may be ranked with what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple, dataclass

import numpy as np

from energyopt.case import Case
from energyopt.casefile import CaseFile
from energyopt.inputs.prices import delivered_usd_per_mmbtu
from energyopt.inputs.tables import Table, read_table
from energyopt.inputs.weather import distance_km, is_typical
from energyopt.yamltree import Origin

WIND, NO_WIND = "wind offered", "no wind offered"
NO_GRID = "no grid"
FLAT = "flat power price"


@dataclass(frozen=True)
class Kinds:
    """Of what kind a site's data are. Sites of equal kinds may be ranked together."""

    weather: str
    power: str
    wind: str
    hours: str
    load: str
    money: str

    @property
    def flat(self) -> bool:
        """Whether power costs the same in every hour."""
        return self.power == FLAT

    @property
    def hourly(self) -> bool:
        """Whether power has a price of its own in each hour."""
        return self.power not in (FLAT, NO_GRID)

    @property
    def text(self) -> str:
        """In words."""
        return "; ".join(astuple(self))


def kinds_of(casefile: CaseFile) -> Kinds:
    """Return the kinds of a case's data, from its tables' headers and its own words.

    Raises
    ------
    DataError
        If a table of weather or prices is missing.
    """
    case = casefile.case
    draft = f"a DRAFT on {case.horizon.weeks} typical weeks and the hottest one"
    return Kinds(
        weather=_weather(weather_tables(casefile)),
        power=_power(casefile),
        wind=WIND if _offers(case, "wind") else NO_WIND,
        hours=draft if case.draft else "every hour",
        load=f"{case.load.facility_mw:g} MW",
        money=f"dollars of {case.prices.year}",
    )


def weather_tables(casefile: CaseFile) -> list[Table]:
    """Return the tables of sun and air, and of wind where it is offered."""
    names = []
    for year in casefile.case.weather.years:
        names.append(year.solar_table)
        if year.wind_table is not None and _offers(casefile.case, "wind"):
            names.append(year.wind_table)
    return [read_table(name, casefile.base_dir) for name in dict.fromkeys(names)]


def _weather(tables: list[Table]) -> str:
    """Return the kind of some weather years; one of an unknown kind spoils all."""
    kinds = {
        "typical" if is_typical(t) else "real" if _calendar(t) else "unstated"
        for t in tables
    }
    if "unstated" in kinds:
        return "weather of a kind that its tables do not state"
    if len(kinds) > 1:
        return "weather of real and typical years"
    return f"weather of {kinds.pop()} years"


def _calendar(table: Table) -> bool:
    """Whether a table says of which calendar year it is."""
    return table.about.get("year", "").strip().isdigit()


def _power(casefile: CaseFile) -> str:
    case = casefile.case
    grids = [t for t in case.technologies.values() if t.kind == "grid"]
    if all(grid.mode == "none" for grid in grids):
        return NO_GRID
    power = case.prices.power
    if power.basis == "flat":
        return FLAT
    year = read_table(power.table or "", casefile.base_dir).used.year
    scaled = ", scaled by gas" if power.basis == "implied_heat_rate" else ""
    return f"hourly power prices (year {year}{scaled})"


def _offers(case: Case, kind: str) -> bool:
    return any(technology.kind == kind for technology in case.technologies.values())


# Where each came from ------------------------------------------------------------------


@dataclass(frozen=True)
class Told:
    """Something that a site's data say, and who says it."""

    text: str
    source: str = ""
    confidence: str | None = None

    @property
    def whole(self) -> str:
        """In one line, with source and confidence."""
        sure = f" ({self.confidence} confidence)" if self.confidence else ""
        return f"{self.text}: {self.source}{sure}" if self.source else self.text


def sources_of(casefile: CaseFile) -> dict[str, list[Told]]:
    """Return where a site's weather, power and gas come from.

    Raises
    ------
    DataError
        If a table is missing.
    """
    return {
        "weather": list(_weather_told(casefile)),
        "power": [_power_told(casefile)],
        "gas": list(_gas_told(casefile)),
    }


def _weather_told(casefile: CaseFile) -> Iterator[Told]:
    site = casefile.case.site
    for table in weather_tables(casefile):
        words = [table.name, table.about.get("year", "year not stated")]
        latitude, longitude = (
            table.number("latitude_deg"),
            table.number("longitude_deg"),
        )
        if latitude is not None and longitude is not None:
            words.append(f"{distance_km(latitude, longitude, site):.0f} km away")
        yield Told(", ".join(words), _short(table))


def _power_told(casefile: CaseFile) -> Told:
    power = casefile.case.prices.power
    if _power(casefile) == NO_GRID:
        return Told("none is bought")
    if power.basis == "flat":
        text = f"${power.flat_usd_per_mwh:g}/MWh in every hour"
        return _by(text, casefile.origins["prices.power.flat_usd_per_mwh"])
    table = read_table(power.table or "", casefile.base_dir)
    column = (power.column or "").removesuffix("_usd_per_mwh")
    return Told(f"{table.name} {column}, {table.used.year}", _short(table))


def _gas_told(casefile: CaseFile) -> Iterator[Told]:
    gas = casefile.case.gas
    delivered = delivered_usd_per_mmbtu(np.array([gas.hub_usd_per_mmbtu]), gas)[0]
    yield Told(f"${delivered:.2f}/MMBtu at the plant")
    for part in ("hub", "basis", "transport"):
        name = f"{part}_usd_per_mmbtu"
        if value := getattr(gas, name):
            yield _by(f"{part} {value:g}", casefile.origins[f"gas.{name}"])


def _short(table: Table) -> str:
    """Return who made a table, without the file it was taken from."""
    return table.used.source.partition(";")[0].partition(" in PyPI")[0]


def _by(text: str, origin: Origin) -> Told:
    return Told(text, origin.text, origin.confidence)
