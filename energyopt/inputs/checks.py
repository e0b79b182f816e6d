"""Checks of hourly and daily series; each fault is one :class:`DataError`."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from energyopt.errors import DataError
from energyopt.inputs.tables import Table
from energyopt.units import HOURS_PER_YEAR

# What air, sun and markets on earth can do; beyond it a file is wrong.
RANGES: Final = {
    "ghi": (0, 1600),  # clouds' edges reflect: above the 1361 outside the air
    "dni": (0, 1300),
    "dhi": (0, 1000),
    "temp_air": (-60, 60),
    "temp_dew": (-80, 40),
    "relative_humidity": (0, 105),
    "pressure": (50_000, 110_000),
    "wind_speed": (0, 60),
    "usd_per_mwh": (-2_000, 20_000),
    "usd_per_mmbtu": (-50, 500),
}


def range_of(column: str) -> tuple[float, float]:
    """Return what a column's values may be.

    Examples
    --------
    >>> range_of("wind_speed_100m"), range_of("lz_west_usd_per_mwh")
    ((0, 60), (-2000, 20000))
    """
    for name, limits in RANGES.items():
        if column == name or column.startswith(name + "_") or column.endswith(name):
            return limits
    return (-np.inf, np.inf)


def local_year(year: int, utc_offset_h: int) -> pd.DatetimeIndex:
    """Return the 8,760 hours from local standard midnight, in UTC; no 29 February.

    Parameters
    ----------
    year : int
        Calendar year.
    utc_offset_h : int
        Local standard time less UTC. [h]

    Returns
    -------
    pd.DatetimeIndex, shape (8760,)
        Starts of the hours.

    Examples
    --------
    >>> hours = local_year(2012, -6)
    >>> len(hours), str(hours[0]), str(hours[-1])
    (8760, '2012-01-01 06:00:00', '2013-01-01 05:00:00')
    """
    local = pd.date_range(f"{year}-01-01", f"{year}-12-31 23:00", freq="h")
    local = local[~((local.month == 2) & (local.day == 29))]
    return pd.DatetimeIndex(local - pd.Timedelta(hours=utc_offset_h), name="time")


def hourly_year(table: Table, utc_offset_h: int) -> tuple[pd.DataFrame, list[str]]:
    """Return the table's one local year, hour by hour, and notes on what was moved.

    A year that begins at 00 UTC is rolled: the few hours it lacks at one end are
    taken from its own other end.

    Parameters
    ----------
    table : Table
        With a column ``time``: UTC, start of the hour.
    utc_offset_h : int
        Local standard time less UTC. [h]

    Returns
    -------
    frame : pd.DataFrame, 8,760 rows
        Indexed by UTC.
    notes : list of str
        In words.

    Raises
    ------
    DataError
        If hours are missing, or stand there twice.
    """
    if "time" not in table.frame:
        raise DataError(f"{table.name}: no column 'time' (UTC, start of the hour)")
    try:
        stamps = pd.to_datetime(table.frame["time"], utc=True, format="ISO8601")
    except ValueError as err:
        raise DataError(f"{table.name}: column time: {err}") from None
    rows = table.frame.drop(columns="time")
    rows.index = pd.DatetimeIndex(stamps.dt.tz_localize(None), name="time")
    if rows.index.hasnans or rows.empty:
        raise DataError(f"{table.name}: rows without a time")
    if (again := rows.index.duplicated()).any():
        raise DataError(
            f"{table.name}: {again.sum()} hours stand there twice, first "
            f"{_when(rows.index[again][0])}"
        )
    middle = rows.index[len(rows) // 2] + pd.Timedelta(hours=utc_offset_h)
    wanted = local_year(int(middle.year), utc_offset_h)
    notes = []
    if (middle.is_leap_year) and len(rows) > HOURS_PER_YEAR:
        notes.append(f"{table.name}: 29 February {middle.year} is left out")
    year = pd.Timedelta(days=366 if middle.is_leap_year else 365)
    lacking = wanted[~wanted.isin(rows.index)]
    if 0 < len(lacking) <= 24:
        for shift in (year, -year):
            spare = lacking[(lacking + shift).isin(rows.index)]
            if len(spare):
                copies = rows.loc[spare + shift].set_axis(spare)
                rows = pd.concat([rows, copies])
                notes.append(
                    f"{table.name}: its year does not begin at local midnight; "
                    f"{len(spare)} hours at one end come from its other end"
                )
    lacking = wanted[~wanted.isin(rows.index)]
    if len(lacking):
        raise DataError(
            f"{table.name}: {len(lacking)} of {HOURS_PER_YEAR} hours of "
            f"{middle.year} are missing, first {_when(lacking[0])}"
        )
    return rows.loc[wanted], notes


def check_series(table: Table, values: pd.Series) -> None:
    """Check that a series is whole and possible.

    Parameters
    ----------
    table : Table
        Where it comes from, for the message.
    values : pd.Series
        Indexed by time, named after its column.

    Raises
    ------
    DataError
        With the file, the column, how many values are wrong and the first of them.
    """
    column = str(values.name)
    if not pd.api.types.is_numeric_dtype(values):
        raise DataError(f"{table.name}: {column} holds text where numbers belong")
    missing = values.isna()
    if missing.any():
        raise DataError(
            f"{table.name}: {column} is missing in {int(missing.sum())} of "
            f"{len(values)} rows, first {_when(values.index[missing][0])}"
        )
    low, high = range_of(column)
    wrong = (values < low) | (values > high)
    if wrong.any():
        first = values[wrong].iloc[0]
        raise DataError(
            f"{table.name}: {column} is outside {low:g} to {high:g} in "
            f"{int(wrong.sum())} of {len(values)} rows, first "
            f"{_when(values.index[wrong][0])}: {first:g}"
        )


def column_of(table: Table, frame: pd.DataFrame, column: str) -> pd.Series:
    """Return a checked column.

    Raises
    ------
    DataError
        If it is not there, or :func:`check_series` refuses it.
    """
    if column not in frame:
        there = ", ".join(str(c) for c in frame.columns)
        raise DataError(f"{table.name}: no column {column}; it has {there}")
    values = frame[column]
    check_series(table, values)
    return values


def _when(stamp: pd.Timestamp) -> str:
    """``14 Feb 2013 06h UTC``; a day without its hour."""
    return f"{stamp:%d %b %Y}" + (f" {stamp:%H}h UTC" if stamp.hour else " 00h UTC")
