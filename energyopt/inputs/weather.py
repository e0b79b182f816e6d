"""Weather of one year, carried from its cell's elevation to the plant's."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from energyopt import air
from energyopt.case import Site, WeatherYear
from energyopt.errors import DataError
from energyopt.inputs.checks import column_of, hourly_year
from energyopt.inputs.tables import Table, TableUsed, read_table

LIGHT = ("ghi", "dni", "dhi")
KM_PER_DEGREE = 111.2


def weather_year(
    spec: WeatherYear, site: Site, wind_speed_scale: float, base_dir: Path
) -> tuple[xr.Dataset, list[str], list[TableUsed]]:
    """Return one weather year at the plant.

    Pressure and temperature are carried to the plant's elevation; the humidity ratio
    stays, and the wet bulb follows. Light and wind are taken as they are.

    Parameters
    ----------
    spec : WeatherYear
        Its tables.
    site : Site
        The plant's place and elevation.
    wind_speed_scale : float
        Multiplies every wind speed. [1]
    base_dir : Path
        Folder of the case file.

    Returns
    -------
    data : xr.Dataset, dims ("time",), 8,760 hours
        ``ghi``, ``dni``, ``dhi`` [W/m2]; ``temp_air``, ``temp_wet_bulb`` [°C];
        ``pressure`` [Pa]; ``wind_speed...`` [m/s]. The cell's place in ``attrs``.
    notes : list of str
        In words.
    used : list of TableUsed
        For the manifest.

    Raises
    ------
    DataError
        If a table is missing, has gaps or impossible values.
    """
    table = read_table(spec.solar_table, base_dir)
    rows, notes = hourly_year(table, site.utc_offset_h)
    used = [table.used]
    series = {name: column_of(table, rows, name).to_numpy(float) for name in LIGHT}
    cell_m = table.number("elevation_m")
    if cell_m is None:
        cell_m = site.elevation_m
        notes.append(f"{table.name}: its elevation is not stated; the plant's is used")
    series |= _air_at_plant(table, rows, cell_m, site.elevation_m)
    winds = _winds(table, rows)

    if spec.wind_table is not None:
        wind_table = read_table(spec.wind_table, base_dir)
        wind_rows, wind_notes = hourly_year(wind_table, site.utc_offset_h)
        if not wind_rows.index.equals(rows.index):
            raise DataError(
                f"{wind_table.name}: its year is not that of {table.name}: it begins "
                f"{wind_rows.index[0]:%d %b %Y %H}h UTC, not "
                f"{rows.index[0]:%d %b %Y %H}h"
            )
        winds |= _winds(wind_table, wind_rows)
        notes += wind_notes
        used.append(wind_table.used)
    series |= {name: speed * wind_speed_scale for name, speed in winds.items()}

    latitude = table.number("latitude_deg")
    longitude = table.number("longitude_deg")
    latitude = site.latitude_deg if latitude is None else latitude
    longitude = site.longitude_deg if longitude is None else longitude
    away_km = distance_km(latitude, longitude, site)
    if away_km > 1 or abs(cell_m - site.elevation_m) > 1:
        notes.append(
            f"{table.name}: its cell lies {away_km:.0f} km from the plant at "
            f"{cell_m:.0f} m; air is carried to the plant's {site.elevation_m:.0f} m, "
            "sun and wind are taken as they are"
        )
    if is_typical(table):
        notes.append(
            f"{table.name} is a typical year: its months come from different years, "
            "and its extremes are milder than a real year's"
        )
    data = xr.Dataset(
        {name: ("time", values) for name, values in series.items()},
        coords={"time": rows.index},
        attrs={
            "cell_latitude_deg": latitude,
            "cell_longitude_deg": longitude,
            "typical_flag": int(is_typical(table)),
        },
    )
    return data, notes, used


def is_typical(table: Table) -> bool:
    """Return whether a table's year is a typical one, put together from several."""
    return "tmy" in table.about.get("year", "").lower()


def _air_at_plant(
    table: Table, rows: pd.DataFrame, cell_m: float, plant_m: float
) -> dict[str, air.Floats]:
    """Temperature, wet bulb and pressure at the plant's elevation."""
    temp_c = column_of(table, rows, "temp_air").to_numpy(float)
    pressure_pa = column_of(table, rows, "pressure").to_numpy(float)
    if "temp_dew" in rows:
        dew_c = column_of(table, rows, "temp_dew").to_numpy(float)
        water = air.humidity_ratio(dew_c, pressure_pa)
    else:
        humid = column_of(table, rows, "relative_humidity").to_numpy(float) / 100
        full = air.humidity_ratio(temp_c, pressure_pa)
        vapour = np.clip(humid, 0, 1) * full / (0.622 + full)  # over total pressure
        water = np.maximum(0.622 * vapour / (1 - vapour), air.LEAST_HUMIDITY_RATIO)
    rise_m = plant_m - cell_m
    at_plant_c = air.temp_at(temp_c, rise_m)
    at_plant_pa = air.pressure_at(pressure_pa, temp_c, rise_m)
    return {
        "temp_air": at_plant_c,
        "temp_wet_bulb": air.wet_bulb_c(at_plant_c, water, at_plant_pa),
        "pressure": at_plant_pa,
    }


def _winds(table: Table, rows: pd.DataFrame) -> dict[str, air.Floats]:
    """Every wind speed that a table has."""
    names = [str(c) for c in rows.columns if str(c).startswith("wind_speed")]
    return {name: column_of(table, rows, name).to_numpy(float) for name in names}


def distance_km(latitude_deg: float, longitude_deg: float, site: Site) -> float:
    """Distance on a flat map, good to a percent within a few hundred km."""
    north = latitude_deg - site.latitude_deg
    east = (longitude_deg - site.longitude_deg) * math.cos(
        math.radians(site.latitude_deg)
    )
    return KM_PER_DEGREE * math.hypot(north, east)
