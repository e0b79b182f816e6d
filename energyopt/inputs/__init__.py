"""A case's tables, on one hourly axis: :func:`build_inputs` -> :class:`Inputs`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from energyopt import air
from energyopt.case import Case, Site
from energyopt.errors import DataError
from energyopt.inputs.hours import Hours, every_hour, representative_weeks
from energyopt.inputs.load import load_series
from energyopt.inputs.prices import PriceYear, price_year
from energyopt.inputs.tables import TableUsed
from energyopt.inputs.weather import weather_year
from energyopt.technologies.base import Horizon
from energyopt.units import HOURS_PER_YEAR, unit_of

__all__ = ["Inputs", "TableUsed", "build_inputs"]

CELL_TOLERANCE_DEG = 0.5
WORDS = {
    "ghi": "Light on the level",
    "dni": "Light from the sun's disc, across the beam",
    "dhi": "Light from the sky, on the level",
    "temp_air": "Dry bulb at the plant",
    "temp_wet_bulb": "Wet bulb at the plant",
    "pressure": "Air pressure at the plant",
    "wind_speed": "Wind near the ground",
    "pue": "Facility power over IT power",
    "it_mw": "Power that the GPUs ask for",
    "demand_mw": "Power that GPUs and cooling ask for",
    "gas_usd_per_mmbtu": "Gas at the plant",
    "power_usd_per_mwh": "Power at the load zone",
    "export_usd_per_mwh": "Power at the hub",
    "weight_h": "Hours of an average year that the hour stands for",
}


@dataclass(frozen=True)
class Inputs:
    """Everything hourly that the model reads.

    Parameters
    ----------
    data : xr.Dataset, dims ("time",)
        ``time`` is UTC, start of the hour. Shared series, and those of each
        technology as ``<technology>/<series>``; ``units`` and ``long_name`` on each.
    design : dict of dict of float
        Technology -> its series in the one hour at the design temperature.
    chains, years : tuple of range
        Runs of hours within which time goes on; the hours of each weather year.
    week_of : list of int
        0, 1, ... for each hour.
    notes : list of str
        Approximations, to be printed.
    tables : list of TableUsed
        For the manifest.
    """

    data: xr.Dataset
    design: dict[str, dict[str, float]]
    chains: tuple[range, ...]
    years: tuple[range, ...]
    week_of: list[int]
    notes: list[str]
    tables: list[TableUsed]

    def horizon(self, name: str | None) -> Horizon:
        """Return the hours as a technology sees them: plain floats.

        Parameters
        ----------
        name : str or None
            The technology; ``None`` gives the shared series.

        Returns
        -------
        Horizon
            With the technology's own series, or the shared ones.
        """
        start = "" if name is None else f"{name}/"
        series = {
            str(key).removeprefix(start): values.values.tolist()
            for key, values in self.data.data_vars.items()
            if (str(key).startswith(start) if start else "/" not in str(key))
        }
        return Horizon(
            hours=range(self.data.sizes["time"]),
            weight=self.data["weight_h"].values.tolist(),
            chains=self.chains,
            years=self.years,
            week_of=self.week_of,
            series=series,
            design={} if name is None else self.design[name],
            weeks=range(max(self.week_of) + 1),
        )


def build_inputs(case: Case, base_dir: Path) -> Inputs:
    """Read a case's tables and work out every hourly series.

    Parameters
    ----------
    case : Case
        The plant.
    base_dir : Path
        Folder of the case file; tables are found from here.

    Returns
    -------
    Inputs
        Checked and complete.

    Raises
    ------
    DataError
        If a table is missing, incomplete or out of range.
    """
    site, weather = case.site, case.weather
    notes: list[str] = []
    tables: list[TableUsed] = []
    parts = []
    for spec in weather.years:
        part, part_notes, used = weather_year(
            spec, site, weather.wind_speed_scale, base_dir
        )
        parts.append(part)
        notes += part_notes
        tables += used
    prices = price_year(case.prices.power, case.gas, site.utc_offset_h, base_dir)
    notes += prices.notes
    tables += prices.used

    data = _on_one_axis(case, parts, prices)
    year_weights = [spec.weight for spec in weather.years]
    hours = _hours(case, data, year_weights)
    data = data.isel(time=hours.picked)
    data["weight_h"] = ("time", hours.weight_h)
    data = data.assign_coords(week_index=("time", hours.week_of))
    notes += _notes(case, parts, prices)

    design_hour = _design_hour(case, data)
    design: dict[str, dict[str, float]] = {}
    for name, technology in case.technologies.items():
        own = technology.series(data)
        design[name] = {
            key: float(values[0])
            for key, values in technology.series(design_hour).items()
        }
        _check_own(name, own, len(hours.picked))
        data = data.assign({f"{name}/{k}": ("time", v) for k, v in own.items()})
    _label(data)
    return Inputs(
        data=data,
        design=design,
        chains=hours.chains,
        years=hours.years,
        week_of=hours.week_of.tolist(),
        notes=list(dict.fromkeys(notes)),
        tables=list(dict.fromkeys(tables)),
    )


def _on_one_axis(case: Case, parts: list[xr.Dataset], prices: PriceYear) -> xr.Dataset:
    """All weather years one after the other, prices repeated, load worked out."""
    first = parts[0]
    for part in parts[1:]:
        for place in ("cell_latitude_deg", "cell_longitude_deg"):
            if abs(part.attrs[place] - first.attrs[place]) > CELL_TOLERANCE_DEG:
                raise DataError("weather.years: the years lie at different places")
        lacking = set(map(str, first.data_vars)) ^ set(map(str, part.data_vars))
        if lacking:
            raise DataError(
                "weather.years: every year needs the same columns; only some have "
                + ", ".join(sorted(lacking))
            )
    data = xr.concat(parts, dim="time", combine_attrs="override")
    for name, values in (
        ("gas_usd_per_mmbtu", prices.gas_usd_per_mmbtu),
        ("power_usd_per_mwh", prices.power_usd_per_mwh),
        ("export_usd_per_mwh", prices.export_usd_per_mwh),
    ):
        data[name] = ("time", np.tile(values, len(parts)))
    demand = load_series(case.load, data["temp_air"].values, case.site.design_temp_c)
    data = data.assign({name: ("time", values) for name, values in demand.items()})
    local = pd.DatetimeIndex(data["time"].values) + pd.Timedelta(
        hours=case.site.utc_offset_h
    )
    data = data.assign_coords(
        local_time=("time", local),
        year_index=("time", np.repeat(np.arange(len(parts)), HOURS_PER_YEAR)),
    )
    data.attrs |= _site_attrs(case.site)
    return data


def _site_attrs(site: Site) -> dict[str, float]:
    return {
        "latitude_deg": site.latitude_deg,
        "longitude_deg": site.longitude_deg,
        "elevation_m": site.elevation_m,
        "utc_offset_h": site.utc_offset_h,
        "design_temp_c": site.design_temp_c,
        "design_wet_bulb_c": site.design_wet_bulb_c,
    }


def _hours(case: Case, data: xr.Dataset, year_weights: list[float]) -> Hours:
    """Pick the hours that the case asks for."""
    if case.horizon.kind == "year":
        return every_hour(year_weights)
    compared = ["temp_air", "ghi", "power_usd_per_mwh"]
    compared += [n for n in ("wind_speed_100m",) if n in data]
    features = np.stack([data[name].values for name in compared], axis=1)
    return representative_weeks(
        year_weights, case.horizon.weeks, features, data["temp_air"].values
    )


def _design_hour(case: Case, data: xr.Dataset) -> xr.Dataset:
    """One hour of the design temperature: no sun, no wind, the standard's pressure."""
    site = case.site
    hour: dict[str, Any] = {str(name): 0.0 for name in data.data_vars}
    for name in ("gas_usd_per_mmbtu", "power_usd_per_mwh", "export_usd_per_mwh"):
        hour[name] = float(np.average(data[name].values, weights=data["weight_h"]))
    demand = load_series(case.load, np.array([site.design_temp_c]), site.design_temp_c)
    hour |= {name: float(values[0]) for name, values in demand.items()}
    hour |= {
        "temp_air": site.design_temp_c,
        "temp_wet_bulb": site.design_wet_bulb_c,
        "pressure": air.standard_pressure_pa(site.elevation_m),
        "weight_h": 1.0,
    }
    year = int(pd.DatetimeIndex(data["local_time"].values)[0].year)
    local = pd.DatetimeIndex([pd.Timestamp(year, 7, 15, 15)])
    return xr.Dataset(
        {name: ("time", [value]) for name, value in hour.items()},
        coords={
            "time": local - pd.Timedelta(hours=site.utc_offset_h),
            "local_time": ("time", local),
            "year_index": ("time", [0]),
            "week_index": ("time", [0]),
        },
        attrs=data.attrs,
    )


def _notes(case: Case, parts: list[xr.Dataset], prices: PriceYear) -> list[str]:
    """Say what the reader should know of the years, the wind and the hours."""
    notes = []
    offset = pd.Timedelta(hours=case.site.utc_offset_h)
    years = sorted(
        {
            "a typical year"
            if p.attrs["typical_flag"]
            else str(pd.Timestamp(p["time"].values[0] + offset).year)
            for p in parts
        }
    )
    if prices.year is not None and years != [str(prices.year)]:
        named = ", ".join(years)
        notes.append(
            f"weather is of {named}, prices of {prices.year}: a heat wave or a storm "
            "in one does not move the other"
        )
    if case.weather.wind_speed_scale != 1:
        notes.append(
            f"every wind speed is multiplied by {case.weather.wind_speed_scale:g}: an "
            "assumption"
        )
    if case.draft:
        notes.append(
            f"DRAFT: {case.horizon.weeks} typical weeks and the hottest one stand for "
            "each weather year"
        )
    return notes


def _check_own(name: str, own: Mapping[str, Any], hours: int) -> None:
    """Refuse a technology's series with a gap."""
    for key, values in own.items():
        array = np.asarray(values, dtype=float)
        if array.shape != (hours,) or not np.isfinite(array).all():
            raise DataError(f"technologies.{name}: {key} is not a number in every hour")


def _label(data: xr.Dataset) -> None:
    """Give every series its unit and a name in words."""
    for key, values in data.data_vars.items():
        name = str(key)
        values.attrs["units"] = unit_of(name)
        plain = name.replace("/", ": ").replace("_", " ")
        values.attrs["long_name"] = WORDS.get(name, plain)
