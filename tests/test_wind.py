"""Wind turbines: curve, hub height, thin air, losses, equations."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from pydantic import ValidationError
from pyomo.environ import Block, ConcreteModel, value

from energyopt.errors import DataError
from energyopt.technologies.base import Horizon
from energyopt.technologies.wind import CURVE_M_PER_S, Wind, curve_frac, hub_speed

WIND = {
    "max_mw": 100,
    "capital_usd_per_kw": 1500,
    "om_fixed_usd_per_kw_yr": 30,
    "life_yr": 30,
    "hub_height_m": 100,
    "wake_loss_frac": 0,
}


def weather(temp_c=15.0, pressure_pa=101_325.0, **speeds):
    """Air and winds, as the model has them at the plant."""
    hours = len(next(iter(speeds.values())))
    data = {name: ("time", np.array(v, dtype=float)) for name, v in speeds.items()}
    data["temp_air"] = ("time", np.full(hours, temp_c))
    data["pressure"] = ("time", np.full(hours, pressure_pa))
    return xr.Dataset(data)


def test_curve_at_its_points_and_between():
    """6 m/s 0.2686, 6.5 m/s 0.3458, so 6.25 m/s 0.3072; rated from 12.5 to 13.5."""
    found = curve_frac(np.array([6.0, 6.25, 6.5, 13.0]))
    assert found == pytest.approx([0.2686, 0.3072, 0.3458, 1.0])


def test_turbine_stands_still_in_calm_and_storm():
    assert curve_frac(np.array([0.0, 2.99, 25.01, 40.0])).tolist() == [0, 0, 0, 0]


def test_power_coefficient_of_the_curve_stays_below_betz():
    """At 230 W/m2 of rotor, Cp = share * 230 / (0.5 * 1.225 v^3), at most 0.593."""
    cp = curve_frac(CURVE_M_PER_S) * 230 / (0.5 * 1.225 * CURVE_M_PER_S**3)
    assert 0.4 < cp.max() < 0.593


def test_hub_wind_follows_the_power_law_of_its_own_hour():
    """8.0 at 100 m, 8.5 at 120 m: alpha = ln(8.5/8)/ln(1.2) = 0.3325, 8 * 1.1^0.3325.

    = 8.2576 at 110 m; a straight line would give 8.25, a fixed 1/7 8.11.
    """
    shared = weather(
        wind_speed_100m=[8.0], wind_speed_120m=[8.5], wind_speed_140m=[9.5]
    )
    assert hub_speed(shared, 110) == pytest.approx([8.2576], abs=1e-4)
    assert hub_speed(shared, 100) == pytest.approx([8.0])
    assert hub_speed(shared, 120) == pytest.approx([8.5])


def test_hub_above_and_below_the_table_goes_on_by_its_nearest_two():
    """120-140 m: alpha = ln(9.5/8.5)/ln(140/120) = 0.7215; 160 m 10.461.

    Below 100 m the pair 100-120 m holds: 8 * 0.8^0.3325 = 7.428 at 80 m.
    """
    shared = weather(
        wind_speed_100m=[8.0], wind_speed_120m=[8.5], wind_speed_140m=[9.5]
    )
    assert hub_speed(shared, 160) == pytest.approx([10.461], abs=1e-3)
    assert hub_speed(shared, 80) == pytest.approx([7.428], abs=1e-3)


def test_calm_hours_do_not_blow_up():
    """0 at one height and 0.05 at the other: a ratio of 1, not infinity."""
    shared = weather(wind_speed_100m=[0.0, 0.05], wind_speed_120m=[0.05, 0.0])
    assert hub_speed(shared, 200) == pytest.approx([0.0, 0.05])


def test_one_height_is_refused():
    with pytest.raises(DataError, match="two or more heights"):
        Wind(**WIND).series(weather(wind_speed_100m=[8.0]))


def test_thin_air_slows_the_wind_that_the_curve_sees():
    """At 91 000 Pa and 25 C on the ground the hub, 100 m up, has 89 966 Pa and 24.35 C.

    Density 1.0535, (1.0535/1.225)^(1/3) = 0.95097: 8 m/s counts as 7.608, share
    0.5346 + 0.216 * 0.1068 = 0.5576. Without the correction 0.6414; with density
    taken straight as a factor on power 0.5516.
    """
    shared = weather(25.0, 91_000.0, wind_speed_100m=[8.0], wind_speed_120m=[8.5])
    found = Wind(**WIND).series(shared)["share_frac"]
    assert found == pytest.approx([0.5576], abs=2e-4)


def test_every_loss_is_taken_off_once():
    """Rated wind: (1 - 0.08)(1 - 0.05) 0.97 = 0.84778."""
    shared = weather(wind_speed_100m=[13.2], wind_speed_120m=[13.3])
    turbine = Wind(
        **WIND
        | {"wake_loss_frac": 0.08, "other_losses_frac": 0.05, "availability_frac": 0.97}
    )
    assert turbine.series(shared)["share_frac"] == pytest.approx([0.84778], abs=1e-5)


AT = Horizon(
    hours=range(2),
    weight=[4000.0, 4760.0],
    chains=(range(2),),
    years=(range(2),),
    week_of=[0, 0],
    series={"share_frac": [0.25, 0.5]},
)


def built(**fields):
    """Wind of 40 MW that gives 8 and 20 MW of its 10 and 20."""
    m = ConcreteModel()
    m.plant = Block()
    turbine = Wind(**WIND | fields)
    terms = turbine.build(m.plant, AT)
    m.plant.capacity_mw.set_value(40)
    m.plant.output_mw[0].set_value(8)
    m.plant.output_mw[1].set_value(20)
    return turbine, m.plant, terms


def test_output_is_at_most_what_the_wind_gives():
    """0.25 * 40 = 10 MW; 8 of them are taken."""
    _, b, terms = built()
    assert b.available[0].uslack() == pytest.approx(2)
    assert b.available[1].uslack() == pytest.approx(0)
    assert [value(terms.at_once_mw[t]) for t in (0, 1)] == [10, 20]
    assert [value(terms.sustained_mw[t]) for t in (0, 1)] == [10, 20]
    assert (b.capacity_mw.lb, b.capacity_mw.ub) == (0, 100)


def test_terms_by_hand():
    """40 MW: $60 million; O&M 30 * 40 000 = $1.2 million, 2 $/MWh on 127,200 MWh."""
    _, _, terms = built(
        om_variable_usd_per_mwh=2, land_km2_per_mw=0.1, firm_credit_frac=0.05
    )
    assert value(terms.capital_usd) == pytest.approx(60e6)
    assert value(terms.cost_usd["om_fixed"]) == pytest.approx(1.2e6)
    assert value(terms.cost_usd["om_variable"]) == pytest.approx(254_400)
    assert value(terms.land_km2) == pytest.approx(4)
    assert value(terms.firm_mw) == pytest.approx(2)
    assert [value(terms.renewable_mw[t]) for t in (0, 1)] == [8, 20]
    assert terms.co2_t is None


def test_recount_agrees_with_the_model_and_finds_what_is_broken():
    turbine, _, terms = built(
        om_variable_usd_per_mwh=2, land_km2_per_mw=0.1, firm_credit_frac=0.05
    )
    good = turbine.recount(
        {"capacity_mw": 40.0, "output_mw": np.array([8.0, 20.0])}, AT
    )
    assert max(float(np.max(b)) for b in good.broken.values()) <= 0
    assert good.capital_usd == pytest.approx(value(terms.capital_usd))
    assert good.cost_usd == pytest.approx(
        {k: value(v) for k, v in terms.cost_usd.items()}
    )
    assert good.land_km2 == pytest.approx(value(terms.land_km2))
    assert good.firm_mw == pytest.approx(value(terms.firm_mw))
    assert good.available_mw.tolist() == [10, 20]
    assert (good.mw, list(good.net_mw)) == (40, [8, 20])
    for wrong, law in (
        ({"capacity_mw": 40.0, "output_mw": np.array([11.0, 20.0])}, "available_mw"),
        ({"capacity_mw": 40.0, "output_mw": np.array([-1.0, 20.0])}, "not_negative_mw"),
        ({"capacity_mw": 101.0, "output_mw": np.array([8.0, 20.0])}, "bounds_mw"),
    ):
        assert turbine.recount(wrong, AT).broken[law].max() == pytest.approx(1)


def test_least_size_is_checked_twice():
    turbine, b, _ = built(min_mw=41)
    assert b.capacity_mw.lb == 41
    found = {"capacity_mw": 40.0, "output_mw": np.zeros(2)}
    at = replace(AT)
    assert turbine.recount(found, at).broken["bounds_mw"].max() == pytest.approx(1)
    with pytest.raises(ValidationError, match="min_mw is larger"):
        Wind(**WIND | {"min_mw": 101})
