"""Grid connection: each line of the model against a sum on paper.

10 MW of load; buying costs 50 USD/MWh and selling earns 40, unless said otherwise.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from numpy.testing import assert_allclose
from plants import (
    GAS,
    GRID,
    SOLAR,
    built,
    case,
    connection,
    money,
    solve,
    solved,
    written,
)
from pydantic import ValidationError

from energyopt.errors import InfeasibleError
from energyopt.technologies import Grid

ALONE = {"grid": GRID}
# 0.01 USD a kW over 40 years, of which 20 count: 0.5 USD a MW.
PAID = GRID | {"capital_usd_per_kw": 0.01}
BACKUP = GRID | {"mode": "backup", "backup_mwh_per_yr": 1000}
ONE_UNIT = GAS | {"min_units": 1, "max_units": 1}
OUT_IN_WEEK_0 = ONE_UNIT | {
    "maintenance_weeks": 1,
    "maintenance_begins_units": {0: 1},
}


def grid_case(grid, **changes):
    return case(technologies={"grid": grid}, **changes)


# Modes


def test_no_connection_buys_nothing():
    """All 10 MW unserved; a connection of 100 MW was on offer."""
    result = solved(grid_case(GRID | {"mode": "none"}), 1)
    assert_allclose(result.arrays["plant"]["unserved_mw"], [10])
    assert_allclose(result.arrays["grid"]["size_mw"], 0)


def test_parallel_buys_when_the_market_is_cheaper():
    """Gas at 20 USD: bought at 10 USD, not at 30; nothing is sold at 40."""
    made = case(technologies={"gas": GAS, "grid": GRID})
    result = solved(made, 2, power_usd_per_mwh=[10, 30])
    assert_allclose(result.arrays["grid"]["import_mw"], [10, 0], atol=1e-6)
    assert_allclose(result.arrays["grid"]["export_mw"], [0, 0], atol=1e-6)


def test_export_sells_at_the_hub_price_less_the_basis():
    """Five units of 10 MW at 20 USD, sold at 40 - 5: 40 MW x 35 = 1,400 USD.

    Fuel 50 x 20 = 1,000. With a basis of 25 a sale earns 15 and none is made.
    """
    export = GRID | {"mode": "export", "export_basis_usd_per_mwh": 5}
    result = solved(case(technologies={"gas": GAS, "grid": export}), 1)
    assert_allclose(result.arrays["grid"]["export_mw"], [40])
    assert_allclose(money(result)["export_income"], -1400)
    assert_allclose(money(result)["fuel"], 1000)
    dear = export | {"export_basis_usd_per_mwh": 25}
    result = solved(case(technologies={"gas": GAS, "grid": dear}), 1)
    assert_allclose(result.arrays["grid"]["export_mw"], [0], atol=1e-6)


def test_backup_does_not_lean_on_the_market():
    """Power at 1 USD, gas at 20: gas runs, as no unit is out for maintenance."""
    made = case(technologies={"gas": GAS, "grid": BACKUP})
    result = solved(made, 1, power_usd_per_mwh=1)
    assert_allclose(result.arrays["gas"]["output_mw"], [10])


def test_backup_replaces_units_in_maintenance_and_no_more():
    """The one unit of 10 MW is out in week 0; 15 MW are asked: 10 bought, 5 unserved.

    In week 1 it runs, though power costs 1 USD.
    """
    made = case(technologies={"gas": OUT_IN_WEEK_0, "grid": BACKUP})
    result = solved(
        made, 2, demand_mw=[15, 10], weeks=[0, 1], power_usd_per_mwh=[50, 1]
    )
    assert_allclose(result.arrays["grid"]["import_mw"], [10, 0], atol=1e-6)
    assert_allclose(result.arrays["plant"]["unserved_mw"], [5, 0], atol=1e-6)


def test_backup_keeps_its_yearly_budget():
    """Two hours of 10 MW, each standing for two: 40 MWh wanted, 24 in the budget.

    16 MWh unserved. Without weights all 20 would be within it.
    """
    grid = BACKUP | {"backup_mwh_per_yr": 24}
    made = case(technologies={"gas": OUT_IN_WEEK_0, "grid": grid})
    result = solved(made, 3, weeks=[0, 0, 1], weight=[2, 2, 2])
    unserved = result.recounted.mean_year(result.recounted.unserved_mw)
    assert_allclose(unserved, 16)


def test_each_weather_year_has_its_own_budget():
    """Two years at half weight, the unit out in the first hour of each: 6 of 10 MWh.

    Counted at half weight against a full budget, 10 MWh would be bought in each;
    one budget for both would leave 6 in all.
    """
    grid = BACKUP | {"backup_mwh_per_yr": 6}
    gas = ONE_UNIT | {
        "maintenance_weeks": 1,
        "maintenance_begins_units": {0: 1, 2: 1},
    }
    result = solved(
        case(technologies={"gas": gas, "grid": grid}),
        4,
        years=2,
        weeks=[0, 1, 2, 3],
        weight=[0.5] * 4,
    )
    assert_allclose(result.arrays["grid"]["import_mw"], [6, 0, 6, 0], atol=1e-6)


def test_backup_needs_a_budget_and_none_cannot_be_forced():
    with pytest.raises(ValidationError, match="backup_mwh_per_yr"):
        grid_case(GRID | {"mode": "backup"})
    with pytest.raises(ValidationError, match="min_mw"):
        grid_case(GRID | {"mode": "none", "min_mw": 1})


# Size


def test_only_what_is_available_can_be_bought():
    """10 MW through a connection of which 80 % counts: 12.5 MW of size."""
    result = solved(grid_case(PAID | {"availability_frac": 0.8}), 1)
    assert_allclose(result.arrays["grid"]["size_mw"], 12.5)


def test_only_what_is_available_can_be_sold():
    """40 MW of spare gas sold through 80 %: 50 MW of size, earning 20 USD a MWh."""
    grid = PAID | {"mode": "export", "availability_frac": 0.8}
    result = solved(case(technologies={"gas": GAS, "grid": grid}), 1)
    assert_allclose(result.arrays["grid"]["export_mw"], [40])
    assert_allclose(result.arrays["grid"]["size_mw"], 50)


def test_size_is_within_what_is_offered():
    """At most 6 MW: 4 unserved. At least 30 MW: installed though 10 would do."""
    small = solved(grid_case(PAID | {"max_mw": 6}), 1)
    assert_allclose(small.arrays["plant"]["unserved_mw"], [4])
    large = solved(grid_case(PAID | {"min_mw": 30}), 1)
    assert_allclose(large.arrays["grid"]["size_mw"], 30)


# What it costs


def test_delivery_is_paid_on_every_mwh_and_standby_in_backup_only():
    """50 + 7: 570 USD for 10 MWh; in backup 50 + 7 + 30: 870 USD."""
    adders = {"delivery_usd_per_mwh": 7, "standby_usd_per_mwh": 30}
    parallel = solved(grid_case(GRID | adders), 1)
    assert_allclose(money(parallel)["grid_energy"], 570)
    made = case(technologies={"gas": OUT_IN_WEEK_0, "grid": BACKUP | adders})
    backup = solved(made, 2, demand_mw=[10, 0], weeks=[0, 1])
    assert_allclose(money(backup)["grid_energy"], 870)


def test_connection_is_paid_once_and_by_size():
    """100 USD of station once, 0.1 USD/kW on 10,000 kW, over 10 years: 110 USD/yr.

    Yearly charge 0.02 x 10,000 = 200 USD.
    """
    grid = GRID | {
        "capital_usd": 100,
        "capital_usd_per_kw": 0.1,
        "life_yr": 10,
        "connection_usd_per_kw_yr": 0.02,
    }
    result = solved(grid_case(grid), 2)
    assert_allclose(money(result)["capital"], 110)
    assert_allclose(money(result)["grid_charges"], 200)


def test_no_connection_no_station():
    """Gas at 20 USD is cheaper: the station's 100,000 USD are not spent."""
    grid = GRID | {"capital_usd": 100_000}
    result = solved(case(technologies={"gas": GAS, "grid": grid}), 1)
    assert_allclose(money(result)["capital"], 0, atol=1e-9)
    assert_allclose(result.arrays["grid"]["size_mw"], 0, atol=1e-9)


def test_coincident_peaks_are_charged_on_mean_import():
    """Import 10 MW in one of the four peak hours: a quarter of 10,000 kW x 0.4 USD.

    1,000 USD; on the whole import 4,000. Not shed by gas, for there is none.
    """
    result = solved(
        grid_case(GRID | {"four_cp_usd_per_kw_yr": 0.4}),
        3,
        grid__import_usd_per_mwh=50,
        grid__sale_usd_per_mwh=40,
        grid__four_cp_frac=[0, 0.25, 0],
    )
    assert_allclose(money(result)["grid_charges"], 1000)


def test_the_peak_hour_is_avoided_with_gas():
    """In the peak hour 10 MW would cost 50 x 10 + 1,000: gas at 200 USD/MWh does."""
    made = case(
        technologies={"gas": GAS, "grid": GRID | {"four_cp_usd_per_kw_yr": 0.4}},
        gas={"hub_usd_per_mmbtu": 14},
    )
    result = solved(
        made,
        3,
        grid__import_usd_per_mwh=50,
        grid__sale_usd_per_mwh=40,
        grid__four_cp_frac=[0, 0.25, 0],
    )
    assert_allclose(result.arrays["grid"]["import_mw"], [10, 0, 10], atol=1e-6)


def test_coincident_peaks_of_two_years_are_averaged():
    """Years that weigh 1 and 3, import in the peak hour 10 and 20 MW.

    A quarter of each: 0.4 x (0.25 x 2,500 + 0.75 x 5,000) = 1,750 USD; unweighted
    1,500, added up 3,000.
    """
    result = solved(
        grid_case(GRID | {"four_cp_usd_per_kw_yr": 0.4}),
        2,
        years=2,
        weight=[1, 3],
        demand_mw=[10, 20],
        grid__import_usd_per_mwh=50,
        grid__sale_usd_per_mwh=40,
        grid__four_cp_frac=0.25,
    )
    assert_allclose(money(result)["grid_charges"], 1750)


def summer(years=1):
    """Return flat prices of whole years with one dear hour in each month."""
    local = pd.DatetimeIndex(
        np.concatenate(
            [
                pd.date_range(f"{2013 + y}-01-01", periods=8760, freq="h")
                for y in range(years)
            ]
        )
    )
    price = np.full(len(local), 30.0)
    price[(local.day == 10) & (local.hour == 17)] = (
        500 + local.month[(local.day == 10) & (local.hour == 17)]
    )
    return xr.Dataset(
        {
            "power_usd_per_mwh": ("time", price),
            "export_usd_per_mwh": ("time", price - 1),
            "weight_h": ("time", np.full(len(local), 1 / years)),
        },
        coords={
            "local_time": ("time", local),
            "year_index": ("time", np.repeat(np.arange(years), 8760)),
        },
    ), local


@pytest.mark.parametrize("years", [1, 2])
def test_four_peaks_a_year_are_the_dearest_hours_of_june_to_september(years):
    """10 June to 10 September at 17:00 local, a quarter each; no other month."""
    shared, local = summer(years)
    made = Grid.model_validate(
        GRID
        | {
            "mode": "export",
            "delivery_usd_per_mwh": 7,
            "export_basis_usd_per_mwh": 5,
            "standby_usd_per_mwh": 30,
        }
    ).series(shared)
    peaks = np.flatnonzero(made["four_cp_frac"])
    assert sorted(set(local.month[peaks])) == [6, 7, 8, 9]
    assert len(peaks) == 4 * years
    assert set(local.day[peaks]) == {10}
    assert set(local.hour[peaks]) == {17}
    assert_allclose(made["four_cp_frac"].sum(), years)
    assert_allclose(
        [made["import_usd_per_mwh"][0], made["sale_usd_per_mwh"][0]], [37, 24]
    )


def test_an_hour_counts_with_its_weight():
    """One hour that stands for three: 3 x 10 x 50 = 1,500 USD; sold 3 x 40 x 40."""
    bought = solved(grid_case(GRID), 1, weight=[3])
    assert_allclose(money(bought)["grid_energy"], 1500)
    made = case(technologies={"gas": GAS, "grid": GRID | {"mode": "export"}})
    sold = solved(made, 1, weight=[3])
    assert_allclose(money(sold)["export_income"], -4800)


# Buying to sell


def test_power_is_not_bought_to_be_sold_at_once():
    """Hub at 60, zone at 50: 10 MW bought for the load, none sold.

    Both ways at once would earn 10 USD on 100 - 10 MW that never flow.
    """
    made = grid_case(GRID | {"mode": "export"})
    result = solved(made, 1, power_usd_per_mwh=50, export_usd_per_mwh=60)
    assert_allclose(result.arrays["grid"]["import_mw"], [10])
    assert_allclose(result.arrays["grid"]["export_mw"], [0], atol=1e-6)


def test_selling_is_free_where_the_hub_pays_more():
    """Gas at 20, hub at 60, zone at 50: 40 MW sold; at 50 and 40 in hour 1 as well.

    Either way the connection carries them: 4 x (60 + 40) x 10 = 4,000 USD.
    """
    made = case(technologies={"gas": GAS, "grid": GRID | {"mode": "export"}})
    result = solved(made, 2, power_usd_per_mwh=50, export_usd_per_mwh=[60, 40])
    assert_allclose(result.arrays["grid"]["export_mw"], [40, 40])
    assert_allclose(money(result)["export_income"], -4000)


@pytest.mark.parametrize(("buying", "flow"), [(0, "import_mw"), (1, "export_mw")])
def test_one_direction_at_a_time(buying, flow):
    """Where buying to sell would pay, the other direction is shut."""
    made = case(technologies={"gas": GAS, "grid": GRID | {"mode": "export"}})
    plant = built(made, 1, power_usd_per_mwh=50, export_usd_per_mwh=60)
    plant.m.plant["grid"].buying[0].fix(buying)
    plant.m.plant["grid"].component(flow)[0].fix(1)
    with pytest.raises(InfeasibleError):
        solve(plant)


# CO2 and security terms


def test_imports_emit_and_exports_earn_no_credit():
    """0.4 t/MWh: 4 t for 10 MWh bought; 40 MWh sold are 0 t, not -16."""
    dirty = GRID | {"co2_t_per_mwh": 0.4, "mode": "export"}
    bought = solved(grid_case(dirty), 1)
    assert_allclose(bought.recounted.technologies["grid"].co2_t, [4])
    sold = solved(case(technologies={"gas": GAS, "grid": dirty}), 1)
    assert_allclose(sold.recounted.technologies["grid"].co2_t, [0], atol=1e-6)
    assert_allclose(sold.arrays["grid"]["export_mw"], [40])


@pytest.mark.parametrize(
    ("mode", "stated", "at_once"),
    [
        ("backup", None, 0),
        ("parallel", None, 16),
        ("export", None, 16),
        ("backup", 0.5, 8),
        ("parallel", 0.5, 8),
    ],
)
def test_what_carries_the_load_at_once_depends_on_the_mode(mode, stated, at_once):
    """20 MW of which 80 % is available: 16 MW last through a repair in any mode.

    At once: nothing in backup, all of it in parallel, or the share that is stated.
    """
    grid = GRID | {
        "mode": mode,
        "at_once_frac": stated,
        "availability_frac": 0.8,
        "min_mw": 20,
        "max_mw": 20,
        "backup_mwh_per_yr": 0,
    }
    made = case(
        technologies={"solar": SOLAR | {"min_mw": 100}, "grid": grid},
        contingencies={},
    )
    result = solved(made, 1, solar__share_frac=[1])
    assert_allclose(result.arrays["plant"]["at_once_mw"], [100 + at_once])
    assert_allclose(result.arrays["plant"]["sustained_mw"], [116])
    assert_allclose(result.recounted.technologies["grid"].at_once_mw, [at_once])


# The laws again in numpy: by how much arrays that were written down break them


def broken(law, grid=GRID, *, size=10.0, bought=(0, 0), sold=(0, 0), **series):
    """Return by how much a law is broken in two hours."""
    own = connection(2, size=size) | {
        "import_mw": np.array(bought, dtype=float),
        "export_mw": np.array(sold, dtype=float),
    }
    found = written(2, {"grid": grid}, {"grid": own}, **series)
    return found.technologies["grid"].broken[law]


def test_rechecked_flows():
    """80 % of 10 MW: 9 bought is one too many; sold 9 too, and all of it in parallel."""
    part = GRID | {"availability_frac": 0.8}
    assert_allclose(broken("import_mw", part, bought=[9, 7]), [1, -1])
    export = part | {"mode": "export"}
    assert_allclose(broken("export_mw", export, sold=[9, 7]), [1, -1])
    assert_allclose(broken("export_mw", part, sold=[9, 7]), [9, 7])
    assert_allclose(broken("both_ways_mw", bought=[3, 2], sold=[1, 4]), [1, 2])
    assert_allclose(broken("not_negative_mw", bought=[-3, 2]), [3, 0])
    assert_allclose(broken("not_negative_mw", sold=[-3, 2]), [3, 0])


def test_rechecked_size():
    """Offered 4 to 8 MW: 10 are 2 too many; without a connection none is offered."""
    assert_allclose(broken("bounds_mw", GRID | {"min_mw": 4, "max_mw": 8}), [2, -6])
    assert_allclose(broken("bounds_mw", GRID | {"mode": "none"}), [10, -10])


def test_rechecked_budget():
    """Hours of 2 and 6 in years that weigh a quarter and three: 8 h in each year.

    1 and 2 MW: 8 and 16 MWh against 10.
    """
    grid = BACKUP | {"backup_mwh_per_yr": 10}
    found = broken("backup_budget_mwh", grid, bought=[1, 2], years=2, weight=[2, 6])
    assert_allclose(found, [-2, 6])
