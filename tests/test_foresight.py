"""A rolling year without foresight, on a few hours worked out on paper."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import plants
import pytest
import xarray as xr
from numpy.testing import assert_allclose
from typer.testing import CliRunner

from energyopt import __main__ as command
from energyopt.errors import DataError
from energyopt.uptime.forecast import ERRORS, forecasts
from energyopt.uptime.foresight import Ask, foresight_of, foresight_of_run
from energyopt.uptime.saved import RunFiles

BATTERY = plants.BATTERY | {"min_mw": 10, "max_mw": 10, "min_hours_h": 1, "max_mwh": 10}
BUYER = {"grid": plants.GRID, "battery": BATTERY}
UNITS = plants.GAS | {"min_units": 2, "max_units": 2, "no_load_fuel_frac": 0.1}


def rolled(made, hours, truth, *believed, **ask):
    """Size a tiny plant on the truth, then dispatch it on what is believed, by day ahead."""
    sized = plants.solved(made, hours, **truth)
    told = [plants.inputs(made, hours, **day) for day in believed] or None
    asked = Ask(**({"window_h": hours, "step_h": hours} | ask))
    return foresight_of(made, sized.inputs, sized.arrays, asked, believed=told)


def price(found):
    return found.document["price_of_foresight"]


# Prices --------------------------------------------------------------------------------


def test_a_perfect_forecast_costs_what_perfect_foresight_costs():
    """Buy 10 MWh at 30 and use them at 100: 2,600 - 700 + 10 * 0.1 = 1,901."""
    made = plants.case(technologies=BUYER)
    truth = {"power_usd_per_mwh": [30, 60, 70, 100]}
    found = rolled(made, 4, truth, truth)
    for dispatch in found.document["dispatches"].values():
        assert_allclose(dispatch["usd_per_yr"], 1901, atol=1e-4)
    assert_allclose(price(found)["usd_per_yr"], 0, atol=1e-4)
    assert found.document["hours"]["as_planned"] == 4


def test_a_wrong_price_forecast_fills_the_battery_in_the_wrong_hour():
    """Hour 1 is believed to cost 10, so nothing is bought at 30 in hour 0. It costs 60:
    still worth it for hour 3. 10 MWh at 60, not at 30: 300 more; with foresight of
    hour 1 it would be 0, without buying at 60 it would be 699.
    """
    made = plants.case(technologies=BUYER)
    truth = {"power_usd_per_mwh": [30, 60, 70, 100]}
    believed = {"power_usd_per_mwh": [30, 10, 70, 100]}
    found = rolled(made, 4, truth, believed)
    assert_allclose(price(found)["usd_per_yr"], 300, atol=1e-4)
    assert_allclose(price(found)["usd_per_mwh"], 300 / 40, atol=1e-6)
    charged = found.realised.arrays["battery"]["charge_mw"]
    assert_allclose(charged, [0, 10, 0, 0], atol=1e-6)
    assert found.document["checks_failed"] == []
    assert "Price of foresight: 300 USD/yr, 7.500 USD/MWh" in found.text


def test_yesterday_as_the_forecast_of_today():
    """On day 2 hour 1 costs 8, so on day 1, which follows it, hour 1 is waited for.

    It costs 50, as all hours but the first, which was 40: 10 MWh bought at 50, 100 more.
    On day 2 the cheap hour is seen when it comes. Evenings cost 100.
    """
    made = plants.case(technologies=BUYER)
    prices = np.full(48, 50.0)
    prices[0], prices[25], prices[[20, 44]] = 40, 8, 100
    prices[24] = 50.05  # not to be taken for hour 25
    truth = {"power_usd_per_mwh": prices.tolist()}
    found = rolled(made, 48, truth, window_h=24, step_h=24)
    assert found.document["forecast"]["kind"] == "persistence"
    assert_allclose(price(found)["usd_per_yr"], 100, atol=1e-3)
    told = found.document["dispatches"]["windows_told_the_truth"]["usd_per_yr"]
    assert_allclose(
        told, found.document["dispatches"]["as_sized"]["usd_per_yr"], atol=1e-3
    )


def test_the_battery_is_not_drained_at_the_window_s_end():
    """Hour 0 of each day costs 100, the others 20: 5 MWh must be there when it comes.

    Bought at 20, used at 100, twice: 48 * 200 + 2 * 800 - 2 * 5 * 80 + 10 * 0.1. A
    battery that is empty after each window would cost 400 more.
    """
    half = BATTERY | {"min_hours_h": 0.5, "max_mwh": 5}
    made = plants.case(technologies={"grid": plants.GRID, "battery": half})
    prices = [100.0 if t % 24 == 0 else 20.0 for t in range(48)]
    ask = {"forecast": "perfect", "window_h": 24, "step_h": 24}
    found = rolled(made, 48, {"power_usd_per_mwh": prices}, **ask)
    expected = 48 * 200 + 2 * 800 - 800 + 1
    assert_allclose(
        found.document["dispatches"]["realised"]["usd_per_yr"], expected, atol=1e-3
    )


def test_the_second_day_is_believed_two_days_ahead():
    """Hour 24 costs 100, others 20. Two days ahead it is seen, one day ahead it is not.

    10 MWh are bought at 20 on day 1, at no loss; else they would be missed: 799 more.
    """
    made = plants.case(technologies=BUYER)
    prices = [100.0 if t == 24 else 20.0 for t in range(48)]
    truth, flat = {"power_usd_per_mwh": prices}, {"power_usd_per_mwh": 20.0}
    found = rolled(made, 48, truth, flat, truth, step_h=24)
    assert_allclose(price(found)["usd_per_yr"], 0, atol=1e-3)


# Units ---------------------------------------------------------------------------------


def test_a_slow_unit_that_was_not_committed_is_missed():
    """15 MW come where 10 were believed: 5 MWh are shed at 1,000, all load at 40 h.

    With foresight the second unit gives them: start 0.1, no-load fuel 10 MMBtu and 9 a
    MWh at 2 USD, 110.1 in all. The price is 5,000 - 110.1.
    """
    made = plants.case(technologies={"gas": UNITS | {"start_h": 2}})
    truth, believed = {"demand_mw": [10, 15, 10, 10]}, {"demand_mw": [10] * 4}
    found = rolled(made, 4, truth, believed)
    assert_allclose(price(found)["usd_per_yr"], 5000 - 110.1, atol=1e-4)
    assert_allclose(price(found)["unserved_mwh_per_yr"], 5, atol=1e-6)
    assert_allclose(price(found)["gpu_served_frac"], -5 / 45, atol=1e-6)
    assert_allclose(price(found)["full_hours_frac"], -1 / 4, atol=1e-6)
    assert found.document["hours"]["units_changed"] == 0


def test_a_quick_unit_starts_when_load_would_be_short():
    """The same with units that start in six minutes: no load is shed, at no price."""
    made = plants.case(technologies={"gas": UNITS | {"start_h": 0.1}})
    truth, believed = {"demand_mw": [10, 15, 10, 10]}, {"demand_mw": [10] * 4}
    found = rolled(made, 4, truth, believed)
    assert_allclose(price(found)["usd_per_yr"], 0, atol=1e-4)
    assert found.document["hours"]["units_changed"] == 1


def test_reserve_gives_way_before_load_and_is_counted():
    """Three slow units, two online: the loss of one leaves 10 MW for 15: 5 short."""
    slow = UNITS | {"start_h": 2, "min_units": 3, "max_units": 3}
    made = plants.case(technologies={"gas": slow}, contingencies={"grid": False})
    truth, believed = {"demand_mw": [10, 15, 10, 10]}, {"demand_mw": [10] * 4}
    found = rolled(made, 4, truth, believed)
    assert_allclose(price(found)["unserved_mwh_per_yr"], 0, atol=1e-6)
    told = {one["rule"]: one for one in found.document["rules_broken"]}
    assert set(told) == {"reserve at once", "reserve through a repair"}
    assert told["reserve at once"]["hours"] == 1
    assert_allclose(told["reserve at once"]["worst_mw"], 5, atol=1e-6)
    assert found.document["checks_failed"]


def test_a_quick_unit_starts_when_reserve_would_be_short():
    quick = UNITS | {"start_h": 0.1, "min_units": 3, "max_units": 3}
    made = plants.case(technologies={"gas": quick}, contingencies={"grid": False})
    truth, believed = {"demand_mw": [10, 15, 10, 10]}, {"demand_mw": [10] * 4}
    found = rolled(made, 4, truth, believed)
    assert found.document["rules_broken"] == []
    assert found.document["checks_failed"] == []
    assert found.document["hours"]["units_changed"] == 1


def test_a_slow_unit_that_is_too_much_is_stopped():
    """5 MW come where 15 were believed: two slow units give 8 at least, so one stops."""
    slow = UNITS | {"start_h": 2, "min_load_frac": 0.4}
    made = plants.case(technologies={"gas": slow})
    truth, believed = {"demand_mw": [15, 5, 15, 15]}, {"demand_mw": [15] * 4}
    found = rolled(made, 4, truth, believed)
    assert found.document["hours"]["slow_units_changed"] == 1
    assert_allclose(price(found)["unserved_mwh_per_yr"], 0, atol=1e-6)


# Limits of a year ----------------------------------------------------------------------


def test_no_more_of_a_yearly_limit_is_used_than_there_is():
    """25 t for gas at 1 t/MWh; the grid costs 30, 50, 40, 60 and gas 20 USD/MWh.

    Best: gas in hours 1 and 3 and half of hour 2, 1,000 USD saved of 1,800. Half of
    hour 2 is worth its price alone, so that a window may leave it: 100 USD.
    """
    gas = plants.GAS | {"co2_t_per_mmbtu": 0.1, "min_units": 2, "max_units": 2}
    made = plants.case(
        technologies={"gas": gas, "grid": plants.GRID}, limits={"co2_t_per_yr": 25}
    )
    truth = {"power_usd_per_mwh": [30, 50, 40, 60]}
    found = rolled(made, 4, truth, forecast="perfect", window_h=2, step_h=2)
    (limit,) = (
        one for one in found.document["yearly_limits"] if one["limit"] == "co2_t_per_yr"
    )
    assert not limit["exceeded"]
    assert limit["used"] <= 25 + 1e-6
    assert_allclose(limit["price_usd"], 20, atol=1e-6)
    realised = found.document["dispatches"]["realised"]["usd_per_yr"]
    best = found.document["dispatches"]["as_sized"]["usd_per_yr"]
    assert best - 1e-4 <= realised <= best + 100 + 1e-4


def test_a_yearly_limit_without_a_price_is_stopped_when_used_up():
    """Units that run full or not: of 25 t two unit-hours are used, and 5 t stay over.

    One t more is worth nothing, so its price is 0: the first window takes gas in both of
    its hours and the second has no 10 t left. 400 + 600 + 400 USD; with no stop, gas in
    every hour would cost 800 and emit 40 t.
    """
    gas = plants.GAS | {"co2_t_per_mmbtu": 0.1, "min_load_frac": 1.0}
    made = plants.case(
        technologies={"gas": gas, "grid": plants.GRID}, limits={"co2_t_per_yr": 25}
    )
    truth = {"power_usd_per_mwh": [30, 50, 60, 40]}
    found = rolled(made, 4, truth, forecast="perfect", window_h=2, step_h=2)
    realised = found.document["dispatches"]["realised"]["usd_per_yr"]
    assert_allclose(realised, 1400, atol=0.2)  # and 10 cents a start
    limits = {one["limit"]: one for one in found.document["yearly_limits"]}
    assert_allclose(limits["co2_t_per_yr"]["used"], 20, atol=1e-6)


# Forecasts -----------------------------------------------------------------------------


def test_persistence_is_the_same_hour_of_the_day_before():
    made = plants.case(technologies=BUYER)
    truth = plants.inputs(made, 72, power_usd_per_mwh=list(range(72)))
    one, two = forecasts("persistence", made, truth, 2, seed=1)
    believed = one.data["power_usd_per_mwh"].values
    assert believed[24:27].tolist() == [0, 1, 2]
    assert believed[:2].tolist() == [48, 49]  # the year goes round
    assert two.data["grid/import_usd_per_mwh"].values[48:50].tolist() == [0, 1]
    assert (one.data["weight_h"] == truth.data["weight_h"]).all()


def test_day_ahead_errors_have_the_stated_spread_and_seed():
    """Of 8,760 hours at 50 USD/MWh and 15 °C; further ahead a quarter wider."""
    made = plants.case(technologies=BUYER | {"wind": plants.WIND})
    truth = plants.inputs(made, 8760)
    one, two = forecasts("day-ahead", made, truth, 2, seed=3)
    (again,) = forecasts("day-ahead", made, truth, 1, seed=3)
    (other,) = forecasts("day-ahead", made, truth, 1, seed=4)
    factor = one.data["power_usd_per_mwh"].values / 50
    spread = ERRORS["power price"].sd
    assert_allclose(np.log(factor).std(), spread, rtol=0.05)
    assert_allclose(factor.mean(), 1, atol=0.05)
    hour_to_hour = np.corrcoef(np.log(factor[1:]), np.log(factor[:-1]))[0, 1]
    assert_allclose(hour_to_hour, ERRORS["power price"].per_hour, atol=0.03)
    assert_allclose(one.data["temp_air"].values.std(), 1.5, rtol=0.1)
    further = np.log(two.data["power_usd_per_mwh"].values / 50).std()
    assert_allclose(further, 1.25 * spread, rtol=0.05)
    assert_allclose(one.data["grid/import_usd_per_mwh"].values, 50 * factor)
    assert (again.data["power_usd_per_mwh"] == one.data["power_usd_per_mwh"]).all()
    assert (other.data["power_usd_per_mwh"] != one.data["power_usd_per_mwh"]).any()


def test_a_forecast_that_knows_is_the_truth():
    made = plants.case(technologies=BUYER)
    assert forecasts("perfect", made, plants.inputs(made, 24), 2, seed=1) == []


# The command ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return the folder of a draft of Pecos: two weeks, one type of unit, wind."""
    folder = tmp_path_factory.mktemp("draft") / "run"
    case = Path(__file__).parents[1] / "cases" / "quick.yaml"
    sets = ["horizon.weeks=1", "technologies.wind.min_mw=50"]
    sets += [f"technologies.{name}=null" for name in ("aero", "titan", "frame")]
    sets += ["technologies.combined=null", "technologies.solar=null"]
    options = [word for text in sets for word in ("--set", text)]
    arguments = [str(case), "-q", "--out", str(folder), *options]
    result = CliRunner().invoke(command.app, ["solve", *arguments])
    assert result.exit_code == 0, result.output
    return folder


def test_a_draft_is_rolled_week_by_week_and_says_so(run):
    arguments = ["foresight", str(run), "--forecast", "day-ahead", "--json"]
    result = CliRunner().invoke(command.app, [*arguments, "-q"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told == json.loads((run / "foresight.json").read_text())
    assert not list(run.glob(".foresight*"))
    assert told["draft"]
    assert told["notes"][0].startswith("DRAFT: each of a few weeks is rolled by itself")
    assert sum(told["hours"].values()) == 2 * 168
    assert told["price_of_foresight"]["usd_per_yr"] > 0
    sized = told["dispatches"]["as_sized"]["usd_per_yr"]
    summary = json.loads((run / "summary.json").read_text())
    assert_allclose(sized, summary["objective_usd_per_yr"], rtol=1e-9)
    allowed = ("reserve_", "grid.backup")  # what an hour may break, and is told
    assert all(c["check"].startswith(allowed) for c in told["checks_failed"])
    again = CliRunner().invoke(command.app, [*arguments, "-q"])
    assert json.loads(again.stdout) | {"seconds": 0} == told | {"seconds": 0}


# Bad input -----------------------------------------------------------------------------


def test_a_folder_without_a_plan_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"no case\.resolved\.yaml there"):
        foresight_of_run(tmp_path, Ask())


@pytest.mark.parametrize(
    "options",
    [
        ["--step-h", "60"],
        ["--window-h", "0"],
        ["--forecast", "crystal-ball"],
        ["--seed", "-1"],
    ],
)
def test_a_wrong_option_is_wrong_usage(tmp_path, options):
    result = CliRunner().invoke(command.app, ["foresight", str(tmp_path), *options])
    assert result.exit_code == 2


def test_a_folder_without_a_run_is_exit_7_and_a_document(tmp_path):
    result = CliRunner().invoke(command.app, ["foresight", str(tmp_path), "--json"])
    assert result.exit_code == 7
    assert json.loads(result.stdout)["exit_code"] == 7


def test_a_plan_of_another_length_is_refused():
    made = plants.case(technologies=BUYER)
    short = plants.solved(made, 4)
    with pytest.raises(DataError, match="not of this case"):
        foresight_of(made, plants.inputs(made, 5), short.arrays, Ask())


def test_a_saved_plan_of_fewer_hours_than_the_case_is_refused(tmp_path):
    hours = xr.Dataset({"grid.import_mw": ("time", np.zeros(4))})
    files = RunFiles(tmp_path, None, hours, {"grid": {}}, {})
    assert files.arrays(4)["grid"]["import_mw"].tolist() == [0, 0, 0, 0]
    with pytest.raises(DataError, match="has 4 hours, its case now 5"):
        files.arrays(5)


def test_a_plan_that_the_data_no_longer_fit_is_refused():
    made = plants.case(technologies=BUYER)
    sized = plants.solved(made, 4)
    with pytest.raises(DataError, match="its tables have changed"):
        foresight_of(made, plants.inputs(made, 4, demand_mw=9.0), sized.arrays, Ask())
