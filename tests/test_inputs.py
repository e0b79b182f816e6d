"""From a case's tables to hourly series: sums on paper, and what is refused."""

import gzip

import numpy as np
import pandas as pd
import pytest

from energyopt.case import Case, Power
from energyopt.errors import DataError
from energyopt.inputs import build_inputs
from energyopt.inputs.hours import every_hour, representative_weeks

HOURS = 8760
CASE = {
    "name": "small",
    "site": {
        "latitude_deg": 31.0,
        "longitude_deg": -102.0,
        "elevation_m": 915,
        "utc_offset_h": -6,
        "design_temp_c": 40,
        "design_wet_bulb_c": 20,
    },
    "weather": {"years": [{"solar_table": "weather.csv"}]},
    "prices": {
        "year": 2025,
        "power": {
            "table": "prices.csv",
            "column": "zone_usd_per_mwh",
            "export_column": "hub_usd_per_mwh",
            "gas_table": "gas.csv",
        },
    },
    "gas": {
        "hub_usd_per_mmbtu": 3.5,
        "basis_usd_per_mmbtu": -1.5,
        "transport_usd_per_mmbtu": 0.5,
        "fuel_loss_frac": 0.02,
    },
    "load": {
        "facility_mw": 240,
        "pue_by_temp_c": [(20, 1.1), (40, 1.2)],
        "lost_compute_usd_per_mwh": 1000,
    },
    "technologies": {
        "solar": {
            "kind": "solar",
            "max_mw": 100,
            "capital_usd_per_kw": 1000,
            "om_fixed_usd_per_kw_yr": 20,
            "life_yr": 30,
            "dc_ac_ratio": 1.3,
            "ground_coverage_frac": 0.4,
            "losses_frac": 0.1,
        }
    },
    "finance": {"wacc_nominal_frac": 0.08, "inflation_frac": 0.02},
}
HEADER = (
    "# latitude_deg: 31.0\n# longitude_deg: -102.0\n# elevation_m: 645\n# year: 2013\n"
)


def utc(year, offset_h=6, hours=HOURS):
    return pd.date_range(f"{year}-01-01", periods=hours, freq="h") + pd.Timedelta(
        hours=offset_h
    )


def weather(year=2013, hours=HOURS, **columns):
    """A flat year, 25 C at the cell, with some columns as asked."""
    flat = {
        "ghi": 500.0,
        "dni": 500.0,
        "dhi": 100.0,
        "temp_air": 25.0,
        "temp_dew": 10.0,
        "pressure": 94_000.0,
        "wind_speed_100m": 7.0,
    }
    return pd.DataFrame(flat | columns, index=utc(year, hours=hours).rename("time"))


def prices(year=2022, **columns):
    flat = {"zone_usd_per_mwh": 60.0, "hub_usd_per_mwh": 50.0}
    return pd.DataFrame(flat | columns, index=utc(year).rename("time"))


def put(folder, name, frame, header=HEADER):
    text = header + frame.to_csv(date_format="%Y-%m-%dT%H:%MZ")
    if name.endswith(".gz"):
        (folder / name).write_bytes(gzip.compress(text.encode()))
    else:
        (folder / name).write_text(text)


@pytest.fixture
def folder(tmp_path):
    put(tmp_path, "weather.csv", weather())
    put(tmp_path, "prices.csv", prices())
    days = pd.date_range("2021-12-30", "2022-12-31", name="date")
    daily = pd.DataFrame({"henry_hub_usd_per_mmbtu": 6.0}, index=days)
    (tmp_path / "gas.csv").write_text(daily.to_csv())
    return tmp_path


def build(folder, changes=None):
    """Inputs of the small case with some keys changed, ``a.b`` for nested ones."""
    from copy import deepcopy

    spec = deepcopy(CASE)
    for path, new in (changes or {}).items():
        *above, last = path.split(".")
        at = spec
        for key in above:
            at = at.setdefault(key, {})
        at[last] = new
    return build_inputs(Case(**spec), folder)


def ramp(first, step=0.0):
    """first, first + step, ... one per hour."""
    return first + step * np.arange(HOURS)


# Weather -------------------------------------------------------------------------------


def test_air_is_carried_to_the_plant(folder):
    """270 m up: 25 - 0.0065 * 270 = 23.245 C; 94 000 (1 - 1.755/298.15)^5.256 = 91 128.

    The dew point of 10 C at 94 000 Pa is 8.23 g/kg, and 8.23 g/kg there too: wet bulb
    14.8 C. Uncorrected it would be 25 C, 94 000 Pa and 15.7 C.
    """
    data = build(folder).data
    assert float(data["temp_air"][0]) == pytest.approx(23.245)
    assert float(data["pressure"][0]) == pytest.approx(91_128, abs=3)
    assert float(data["temp_wet_bulb"][0]) == pytest.approx(14.8, abs=0.1)
    assert float(data["ghi"][0]) == 500


def test_relative_humidity_serves_where_there_is_no_dew_point(folder):
    """At 25 C and 94 000 Pa a dew point of 10 C is 1228 / 3169 Pa = 38.7 %."""
    wet_bulb = build(folder).data["temp_wet_bulb"][0]
    put(
        folder, "weather.csv", weather(relative_humidity=38.74).drop(columns="temp_dew")
    )
    again = build(folder).data["temp_wet_bulb"][0]
    assert float(again) == pytest.approx(float(wet_bulb), abs=0.03)


def test_time_is_utc_and_days_are_local(folder):
    """The year begins at local midnight, 06 UTC."""
    data = build(folder).data
    assert data["time"].values[0] == np.datetime64("2013-01-01T06:00")
    assert data["local_time"].values[0] == np.datetime64("2013-01-01T00:00")
    assert data["local_time"].values[-1] == np.datetime64("2013-12-31T23:00")


def test_a_year_from_00_utc_is_rolled_and_said(folder):
    """Hour n holds n: local midnight is its hour 6, and hours 0-5 close the year."""
    frame = weather(temp_air=20.0, ghi=ramp(0, 0.1)).set_axis(
        utc(2013, 0).rename("time")
    )
    put(folder, "weather.csv", frame)
    found = build(folder)
    ghi = found.data["ghi"].values
    assert ghi[0] == pytest.approx(0.6)
    assert ghi[-6:].tolist() == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5])
    assert any("6 hours at one end" in note for note in found.notes)


def test_29_february_is_left_out_and_said(folder):
    """2012 has 8,784 h: the hour after 28 February 23 h is 1 March 0 h."""
    put(folder, "weather.csv", weather(2012, hours=8784, ghi=np.arange(8784) / 10))
    found = build(folder)
    local = pd.DatetimeIndex(found.data["local_time"].values)
    assert len(local) == HOURS
    assert not ((local.month == 2) & (local.day == 29)).any()
    assert found.data["ghi"].values[59 * 24] == pytest.approx(60 * 24 / 10)
    assert any("29 February 2012" in note for note in found.notes)


def test_wind_comes_from_its_own_table_and_is_scaled(folder):
    """8 m/s at 120 m times 1.1 = 8.8; so are the others, and the notes say so."""
    put(folder, "wind.csv", weather(wind_speed_120m=8.0)[["wind_speed_120m"]])
    found = build(
        folder,
        {
            "weather.years": [{"solar_table": "weather.csv", "wind_table": "wind.csv"}],
            "weather.wind_speed_scale": 1.1,
        },
    )
    assert float(found.data["wind_speed_120m"][5]) == pytest.approx(8.8)
    assert float(found.data["wind_speed_100m"][5]) == pytest.approx(7.7)
    assert any("multiplied by 1.1" in note for note in found.notes)
    assert [t.name for t in found.tables] == [
        "weather.csv", "wind.csv", "prices.csv", "gas.csv",
    ]  # fmt: skip


def test_two_years_share_the_weight_and_repeat_the_prices(folder):
    """Weights 1 and 3: 8760/4 h and 8760 * 3/4 h; 17,520 hours, two chains."""
    put(folder, "weather2.csv", weather(2014, temp_air=30.0))
    put(folder, "prices.csv", prices(zone_usd_per_mwh=ramp(60, 0.001)))
    found = build(
        folder,
        {
            "weather.years": [
                {"solar_table": "weather.csv", "weight": 1},
                {"solar_table": "weather2.csv", "weight": 3},
            ]
        },
    )
    data = found.data
    assert data.sizes["time"] == 17_520
    assert float(data["weight_h"].sum()) == pytest.approx(8760)
    assert float(data["weight_h"][:HOURS].sum()) == pytest.approx(2190)
    power = data["power_usd_per_mwh"].values
    assert (power[:HOURS] == power[HOURS:]).all()
    assert found.chains == (range(0, 8760), range(8760, 17_520)) == found.years
    assert found.week_of[0] == 0
    assert found.week_of[8759:8761] == [51, 52]
    assert np.unique(data["year_index"].values).tolist() == [0, 1]
    assert len(data["solar/share_frac"]) == 17_520


def test_years_at_two_places_are_refused(folder):
    elsewhere = HEADER.replace("-102.0", "-97.0")
    put(folder, "weather2.csv", weather(2014), elsewhere)
    years = [{"solar_table": "weather.csv"}, {"solar_table": "weather2.csv"}]
    with pytest.raises(DataError, match="different places"):
        build(folder, {"weather.years": years})
    put(folder, "weather2.csv", weather(2014).drop(columns="wind_speed_100m"))
    with pytest.raises(DataError, match="only some have wind_speed_100m"):
        build(folder, {"weather.years": years})


def test_wind_of_another_year_is_refused(folder):
    put(folder, "wind.csv", weather(2014)[["wind_speed_100m"]])
    years = [{"solar_table": "weather.csv", "wind_table": "wind.csv"}]
    with pytest.raises(DataError, match=r"wind\.csv: its year is not that of weather"):
        build(folder, {"weather.years": years})


def test_gzipped_table_reads_the_same(folder):
    put(folder, "weather.csv.gz", weather())
    plain = build(folder).data
    packed = build(folder, {"weather.years": [{"solar_table": "weather.csv.gz"}]}).data
    assert packed.equals(plain)


# Tables that are refused ---------------------------------------------------------------


def refused(folder, frame, header=HEADER):
    put(folder, "weather.csv", frame, header)
    with pytest.raises(DataError) as fault:
        build(folder)
    return str(fault.value)


def test_missing_hours_are_counted_and_the_first_is_named(folder):
    """Rows 1000 to 1002 are gone: 1000 h after 06 UTC on 1 January is 11 Feb 22 h."""
    frame = weather().drop(weather().index[1000:1003])
    assert refused(folder, frame) == (
        "weather.csv: 3 of 8760 hours of 2013 are missing, first 11 Feb 2013 22h UTC"
    )


def test_gaps_in_a_column_are_counted_and_the_first_is_named(folder):
    dni = ramp(500.0)
    dni[[1000, 1001]] = np.nan
    assert refused(folder, weather(dni=dni)) == (
        "weather.csv: dni is missing in 2 of 8760 rows, first 11 Feb 2013 22h UTC"
    )


def test_impossible_values_are_named(folder):
    """100 m/s is how the WIND Toolkit's 80 m column marks single bad hours."""
    wind = ramp(7.0)
    wind[1000] = 100.0
    assert refused(folder, weather(wind_speed_100m=wind)) == (
        "weather.csv: wind_speed_100m is outside 0 to 60 in 1 of 8760 rows, "
        "first 11 Feb 2013 22h UTC: 100"
    )
    assert "pressure is outside" in refused(folder, weather(pressure=944.0))  # in mbar


def test_other_faults_of_a_table(folder):
    text = weather().astype({"ghi": object})
    text.iloc[3, 0] = "sunny"
    assert "ghi holds text" in refused(folder, text)
    twice = weather()
    twice = twice.set_axis(
        twice.index.where(twice.index != twice.index[5], twice.index[4])
    )
    assert "1 hours stand there twice, first 01 Jan 2013 10h UTC" in refused(
        folder, twice
    )
    assert "no column dhi; it has ghi" in refused(folder, weather().drop(columns="dhi"))
    stamped = weather().rename_axis("when")
    assert "no column 'time'" in refused(folder, stamped)
    header = HEADER.replace("645", "high")
    assert "'# elevation_m: high' is not a number" in refused(folder, weather(), header)
    (folder / "weather.csv").write_text("")
    with pytest.raises(DataError, match=r"weather\.csv: the table is empty"):
        build(folder)
    (folder / "weather.csv").write_text("time,ghi\nyesterday,5\n")
    with pytest.raises(DataError, match=r"weather\.csv: column time"):
        build(folder)
    (folder / "weather.csv").unlink()
    with pytest.raises(DataError, match=r"weather\.csv: no such table in"):
        build(folder)
    (folder / "weather.csv.gz").write_bytes(b"no gzip")
    with pytest.raises(DataError, match="cannot be read as CSV"):
        build(folder, {"weather.years": [{"solar_table": "weather.csv.gz"}]})


# Prices --------------------------------------------------------------------------------


def test_implied_heat_rate_joins_power_to_planning_gas(folder):
    """60 $/MWh over 6 $/MMBtu is 10 MMBtu/MWh; times 3.5 - 1.5 + 0.5 = 2.5: 25 $/MWh.

    Export 50 / 6 * 2.5 = 20.83; gas burnt 2.5 / 0.98 = 2.551 $/MMBtu.
    """
    found = build(folder)
    data = found.data
    said = (
        "times $2.50/MMBtu (the case's hub, basis and transport, before the line's own"
    )
    assert any(f"{said} loss: $2.55 as burnt)" in note for note in found.notes)
    assert data["power_usd_per_mwh"].values == pytest.approx(25.0)
    assert data["export_usd_per_mwh"].values == pytest.approx(20.8333, abs=1e-4)
    assert data["gas_usd_per_mmbtu"].values == pytest.approx(2.55102, abs=1e-5)


def test_each_day_has_its_own_hub_price(folder):
    """5 on 3 January, 6 before and after: 60/5 * 2.5 = 30 in its 24 local hours only."""
    days = pd.date_range("2021-12-30", "2022-12-31", name="date")
    daily = pd.DataFrame({"henry_hub_usd_per_mmbtu": 6.0}, index=days)
    daily.loc["2022-01-03"] = 5.0
    (folder / "gas.csv").write_text(daily.to_csv())
    power = build(folder).data["power_usd_per_mwh"].values
    assert power[48:72] == pytest.approx(30.0)
    assert power[[47, 72]] == pytest.approx([25.0, 25.0])


def test_historical_prices_come_with_their_own_gas(folder):
    """60 $/MWh as it was; gas (6 - 1.5 + 0.5) / 0.98 = 5.102."""
    found = build(folder, {"prices.power.basis": "historical"})
    assert found.data["power_usd_per_mwh"].values == pytest.approx(60.0)
    assert found.data["export_usd_per_mwh"].values == pytest.approx(50.0)
    assert found.data["gas_usd_per_mmbtu"].values == pytest.approx(5.10204, abs=1e-5)
    assert any("dollars of 2022" in note for note in found.notes)


@pytest.mark.parametrize("lacking", ["table", "column", "gas_table"])
def test_hourly_prices_need_their_tables(lacking):
    said = {"table": "a.csv", "column": "lz", "gas_table": "g.csv"}
    with pytest.raises(ValueError, match=f"implied_heat_rate needs {lacking}"):
        Power(**{key: value for key, value in said.items() if key != lacking})
    assert Power(basis="flat", flat_usd_per_mwh=40).table is None


def test_flat_price_needs_no_table(folder):
    (folder / "prices.csv").unlink()
    found = build(
        folder, {"prices.power.basis": "flat", "prices.power.flat_usd_per_mwh": 44}
    )
    assert found.data["power_usd_per_mwh"].values == pytest.approx(44.0)
    assert found.data["export_usd_per_mwh"].values == pytest.approx(44.0)
    assert not any("prices of" in note for note in found.notes)


def test_gas_is_never_below_nothing(folder):
    """3.5 - 5 + 0.5 = -1: nothing is paid to burn, and power by heat rate is free."""
    data = build(folder, {"gas.basis_usd_per_mmbtu": -5}).data
    assert data["gas_usd_per_mmbtu"].values == pytest.approx(0.0)
    assert data["power_usd_per_mwh"].values == pytest.approx(0.0)


def test_export_never_pays_more_than_import_costs(folder):
    """Hub 70 over zone 60 in 3 hours: 60 there; negative prices stay as they are."""
    hub = ramp(50.0)
    hub[[10, 20, 30]] = 70
    zone = ramp(60.0)
    zone[40], hub[40] = -5, -8
    put(folder, "prices.csv", prices(zone_usd_per_mwh=zone, hub_usd_per_mwh=hub))
    found = build(folder, {"prices.power.basis": "historical"})
    export = found.data["export_usd_per_mwh"].values
    assert export[[9, 10, 20, 30, 40]].tolist() == [50, 60, 60, 60, -8]
    assert float(found.data["power_usd_per_mwh"][40]) == -5
    assert any("in 3 of 8760 hours" in note for note in found.notes)


def test_without_an_export_column_the_zone_serves(folder):
    found = build(folder, {"prices.power.export_column": None})
    assert found.data["export_usd_per_mwh"].values == pytest.approx(25.0)


def gas_days(folder, days, price):
    daily = pd.DataFrame({"hub_usd_per_mmbtu": price}, index=days.rename("date"))
    (folder / "gas.csv").write_text(daily.to_csv())


def test_weekends_and_the_end_take_the_last_price(folder):
    """Prices 6 until 13 December and 8 on that day: 18 days at 8, and a note."""
    days = pd.bdate_range("2021-12-28", "2022-12-13")
    gas_days(folder, days, [6.0] * (len(days) - 1) + [8.0])
    found = build(folder)
    power = found.data["power_usd_per_mwh"].values
    assert power[: 346 * 24] == pytest.approx(25.0)
    assert power[346 * 24 :] == pytest.approx(60 / 8 * 2.5)
    assert any(
        "gas.csv ends on 13 Dec 2022: its last price, $8.00/MMBtu, stands for the 18 "
        "days after it" in note
        for note in found.notes
    )


def test_gas_that_begins_too_late_or_is_free_is_refused(folder):
    gas_days(folder, pd.date_range("2022-01-05", "2022-12-31"), 6.0)
    with pytest.raises(DataError, match="begins on 05 Jan 2022, after 01 Jan 2022"):
        build(folder)
    gas_days(folder, pd.date_range("2022-01-01", "2022-12-31"), 0.05)
    with pytest.raises(DataError, match="gives no implied heat rate"):
        build(folder)
    twice = pd.DatetimeIndex(["2022-01-01", "2022-01-01"])
    gas_days(folder, twice, 6.0)
    with pytest.raises(DataError, match="a day stands there twice"):
        build(folder)
    (folder / "gas.csv").write_text("date,price\n2022-01-01,6\n")
    with pytest.raises(DataError, match="needs a column date and one that ends in"):
        build(folder)


def test_a_mistyped_column_is_refused(folder):
    with pytest.raises(DataError, match="no column north; it has zone_usd_per_mwh"):
        build(folder, {"prices.power.column": "north"})


# Load ----------------------------------------------------------------------------------


def test_cooling_moves_the_demand(folder):
    """240 MW at 40 C, PUE 1.2: 200 MW of IT. At 23.245 C PUE 1.116225: 223.245 MW."""
    data = build(folder).data
    assert data["it_mw"].values == pytest.approx(200.0)
    assert data["pue"].values == pytest.approx(1.116225)
    assert data["demand_mw"].values == pytest.approx(223.245)


def test_utilization_scales_computing(folder):
    """0.9 * 200 = 180 MW of IT."""
    data = build(folder, {"load.utilization_frac": 0.9}).data
    assert data["it_mw"].values == pytest.approx(180.0)
    assert data["demand_mw"].values == pytest.approx(0.9 * 223.245)


# The hours -----------------------------------------------------------------------------


def test_full_year_is_one_chain_of_52_weeks(folder):
    """51 weeks of 168 h and one of 192 h; each hour stands for itself."""
    found = build(folder)
    assert found.chains == (range(0, HOURS),)
    assert np.bincount(found.week_of).tolist() == [168] * 51 + [192]
    assert (found.data["weight_h"] == 1).all()
    at = found.horizon(None)
    assert list(at.weeks) == list(range(52))
    assert at.chronological
    assert at.before(0) == HOURS - 1


def test_weights_of_years_are_relative():
    assert every_hour([2, 2]).weight_h.sum() == pytest.approx(8760)


def seasons_and_heat():
    """Four flat seasons of 13 weeks, and one odd week with the hottest hour."""
    level = np.repeat([0.0, 10.0, 20.0, 5.0], 13 * 168)
    level = np.concatenate([level, np.full(24, 5.0)])
    level[30 * 168 : 31 * 168] += 7
    temp = level.copy()
    temp[30 * 168 + 15] = 44
    return level, temp


def test_hottest_week_stands_for_itself_and_seasons_for_the_rest():
    """13 * 168 = 2184 h; summer less the hottest week 2016, autumn and a day 2208."""
    level, temp = seasons_and_heat()
    hours = representative_weeks([1.0], 4, level[:, None], temp)
    begins = hours.picked[::168] // 168
    stands_for = [float(hours.weight_h[c.start] * 168) for c in hours.chains]
    assert stands_for == pytest.approx([2184, 2184, 2016, 168, 2208])
    assert begins[3] == 30
    assert 26 <= begins[2] < 39
    assert begins[2] != 30
    assert hours.weight_h.sum() == pytest.approx(8760)
    assert hours.years == (range(0, 5 * 168),)
    assert hours.week_of.tolist() == np.repeat(range(5), 168).tolist()


def test_the_typical_week_is_nearest_its_season():
    """Weeks 0 to 12 of winter at 0, 1, ... 12: the mean is 6, week 6 or a neighbour.

    Beside three flat seasons the year's mean asks for exactly 6.
    """
    level, temp = seasons_and_heat()
    level[: 13 * 168] = np.repeat(np.arange(13.0), 168)
    hours = representative_weeks([1.0], 4, level[:, None], temp)
    assert hours.picked[0] == 6 * 168


def test_typical_weeks_together_come_nearest_the_year():
    """Weeks of 0, 0, 0, 1 by turns: means 0.25 and a spread; never 1 in every season.

    Taking each season's nearest alone gives a year of 0; the second nearest is as near
    as 0 once only 0s are candidates, so the year stays at 0, not at 1.
    """
    rng = np.random.default_rng(1)
    weekly = rng.normal(size=52)
    level = np.concatenate([np.repeat(weekly, 168), np.full(24, weekly[-1])])
    temp = np.zeros(HOURS)
    temp[10 * 168] = 1
    hours = representative_weeks([1.0], 6, level[:, None], temp)
    mean = (level[hours.picked] * hours.weight_h).sum() / 8760
    alone = []
    for season in np.array_split(np.arange(52), 6):
        others = season[season != 10]
        away = np.abs(weekly[others] - weekly[others].mean())
        alone += [weekly[others[np.argmin(away)]]] * len(others)
    by_itself = (sum(alone) + weekly[10]) / 52
    assert abs(mean - weekly.mean()) <= abs(by_itself - weekly.mean()) + 1e-3
    assert abs(mean - weekly.mean()) < 0.02


def test_two_years_each_have_their_weeks():
    """Weights 1 and 3: a quarter of 8760 h in the first year's five weeks."""
    level, temp = seasons_and_heat()
    both = np.concatenate([level, level])
    hours = representative_weeks([1, 3], 4, both[:, None], np.concatenate([temp, temp]))
    assert len(hours.chains) == 10
    assert hours.years == (range(0, 840), range(840, 1680))
    assert hours.weight_h[:840].sum() == pytest.approx(2190)
    assert hours.picked[840:].min() >= HOURS


def test_heat_on_the_last_day_belongs_to_the_last_week():
    level, temp = seasons_and_heat()
    temp[-1] = 60
    hours = representative_weeks([1.0], 4, level[:, None], temp)
    assert hours.picked[-168] == 51 * 168
    assert hours.weight_h[-1] == pytest.approx(1)


def test_weeks_of_a_case(folder):
    """Two seasons and the hottest: three chains of 168 h, 8,760 h in all, marked DRAFT."""
    temp = 25 + 5 * np.sin(2 * np.pi * np.arange(HOURS) / HOURS)
    put(folder, "weather.csv", weather(temp_air=temp))
    found = build(folder, {"horizon.kind": "weeks", "horizon.weeks": 2})
    assert found.data.sizes["time"] == 3 * 168
    assert float(found.data["weight_h"].sum()) == pytest.approx(8760)
    assert float(found.data["temp_air"].max()) == pytest.approx(30 - 1.755, abs=1e-3)
    at = found.horizon("solar")
    assert at.before(168) == 335
    assert not at.chronological
    assert [at.weeks_stood_for(w) for w in range(3)] == pytest.approx(
        [25, 1, 26 + 1 / 7]
    )
    assert any(note.startswith("DRAFT") for note in found.notes)


# What comes out ------------------------------------------------------------------------


def test_horizon_gives_a_technology_its_own_series(folder):
    found = build(folder)
    assert set(found.horizon("solar").series) == {"share_frac"}
    assert isinstance(found.horizon("solar").series["share_frac"], list)
    assert "demand_mw" in found.horizon(None).series
    assert not any("/" in name for name in found.horizon(None).series)


def test_every_series_has_a_unit_and_a_name(folder):
    for values in build(folder).data.data_vars.values():
        assert values.attrs["units"]
        assert values.attrs["long_name"]


def test_design_hour_is_hot_and_still(folder):
    """Design 40 C and 915 m: a turbine of 1 MW per degree would see exactly these."""
    gas = {
        "kind": "gas_turbine",
        "max_units": 2,
        "unit_mw_iso": 50,
        "capital_usd_per_kw": 2000,
        "om_fixed_usd_per_kw_yr": 15,
        "om_variable_usd_per_mwh": 5,
        "life_yr": 20,
        "heat_rate_hhv_mmbtu_per_mwh": 9.2,
        "no_load_fuel_frac": 0.1,
        "min_load_frac": 0.5,
        "ramp_frac_per_h": 10,
        "start_cost_usd_per_mw": 50,
        "start_fuel_mmbtu_per_mw": 1,
        "start_h": 0.2,
        "derate_frac_per_c": 0.01,
        "auxiliary_frac": 0,
        "maintenance_weeks": 1,
        "co2_t_per_mmbtu": 0.053,
        "nox_lb_per_mmbtu": 0.01,
    }
    found = build(folder, {"technologies.aero": gas})
    # 50 MW * 0.8962 (pressure at 915 m) * (1 - 0.01 * 25) = 33.61 MW
    assert found.design["aero"]["unit_mw"] == pytest.approx(33.61, abs=0.01)
    assert found.design["solar"]["share_frac"] == 0
    # Wet bulb 20 C: cooled by 0.85 * 20 to 23 C, 50 * 0.8962 * (1 - 0.01 * 8) = 41.22 MW
    cooled = build(folder, {"technologies.aero": gas | {"inlet": "evaporative"}})
    assert cooled.design["aero"]["unit_mw"] == pytest.approx(41.22, abs=0.01)
    assert found.horizon("aero").design == found.design["aero"]


def test_broken_link_between_weather_and_prices_is_said(folder):
    notes = build(folder).notes
    assert any("weather is of 2013, prices of 2022" in note for note in notes)
    assert any("270 m" in n or "645 m" in n for n in notes)
    put(folder, "prices.csv", prices(2013))
    gas_days(folder, pd.date_range("2013-01-01", "2013-12-31"), 6.0)
    notes = build(folder).notes
    assert not any("weather is of" in note for note in notes)


def test_typical_years_and_unknown_places_are_said(folder):
    header = "# year: TMY3 1991-2005\n"
    put(folder, "weather.csv", weather(), header)
    notes = build(folder).notes
    assert any("is a typical year" in note for note in notes)
    assert any("weather is of a typical year, prices of 2022" in note for note in notes)
    assert any("elevation is not stated" in note for note in notes)


def test_tables_used_are_known_by_their_hash(folder):
    import hashlib

    used = build(folder).tables[0]
    assert used.name == "weather.csv"
    assert (
        used.sha256 == hashlib.sha256((folder / "weather.csv").read_bytes()).hexdigest()
    )
    assert used.year == "2013"
    assert used.source == "not stated"


def test_a_technology_with_a_gap_is_refused(folder, monkeypatch):
    from energyopt.technologies.solar import Solar

    def broken(self, shared):
        return {"share_frac": np.full(shared.sizes["time"], np.nan)}

    monkeypatch.setattr(Solar, "series", broken)
    with pytest.raises(DataError, match=r"technologies\.solar: share_frac"):
        build(folder)
