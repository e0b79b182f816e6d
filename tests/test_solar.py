"""Solar trackers: the sun's path, light, heat, clipping, equations."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from pydantic import ValidationError
from pyomo.environ import Block, ConcreteModel, value

from energyopt.technologies.base import Horizon
from energyopt.technologies.solar import Solar

SOLAR = {
    "max_mw": 100,
    "capital_usd_per_kw": 1300,
    "om_fixed_usd_per_kw_yr": 20,
    "life_yr": 30,
    "dc_ac_ratio": 1.0,
    "ground_coverage_frac": 0.4,
    "losses_frac": 0.0,
}
PLAIN = SOLAR | {"inverter_frac": 1, "temperature_loss_frac_per_c": 0}


def equator(start, ghi, dni, dhi, temp_c=20.0, wind=1.0, **attrs):
    """One hour on the equator; at equinox the sun passes straight overhead."""
    one = {"ghi": ghi, "dni": dni, "dhi": dhi, "temp_air": temp_c, "wind_speed": wind}
    place = {"latitude_deg": 0.0, "longitude_deg": 0.0, "elevation_m": 0.0}
    return xr.Dataset(
        {name: ("time", [float(v)]) for name, v in one.items()},
        coords={"time": pd.DatetimeIndex([start])},
        attrs=place | attrs,
    )


def share(fields, shared):
    """The one hour's output per MW-AC."""
    return float(Solar(**fields).series(shared)["share_frac"][0])


def inverter(load):
    """PVWatts 5: the part-load curve over its value at full load, times the load."""
    return load * (-0.0162 * load - 0.0059 / load + 0.9858) / 0.9637


def test_noon_by_hand():
    """Sun overhead, tracker flat: light 800 + 100 = 900 W/m2.

    Cell 20 + 900 / (25 + 6.84) = 48.27 C; DC 0.9 * (1 - 0.0035 * 23.27) * 0.9 =
    0.7440; inverter 0.96: 0.7143 of full load, AC 0.7160. With a cold cell 0.779;
    without DC losses 0.794.
    """
    noon = equator("2013-03-20T12:00", 900, 800, 100, longitude_deg=-5.6)
    fields = SOLAR | {"losses_frac": 0.1, "inverter_frac": 0.96}
    assert share(fields, noon) == pytest.approx(0.7160, abs=1e-3)


def test_tracker_faces_the_afternoon_sun():
    """Sun 45 degrees west: beam 800 in full, ground 0.2 * 566 * (1 - cos 45) / 2 = 17.

    817 W/m2. A level field would have 566.
    """
    at_45 = equator("2013-03-20T14:37", 566, 800, 0)  # half past is 3 h after noon
    assert share(PLAIN, at_45) == pytest.approx(inverter(0.8166), abs=2e-3)
    level = share(PLAIN | {"max_tilt_deg": 0.001}, at_45)
    assert level == pytest.approx(inverter(0.566), abs=2e-2)


def test_sky_light_round_the_sun_is_tracked_too():
    """Hay and Davies, sun 45 degrees west, no beam on the ground term (albedo 0).

    DHI 200, anisotropy 800 / 1376 = 0.581: round the sun 200 * 0.581 / cos 45 = 164,
    the rest 200 * 0.419 * (1 + cos 45) / 2 = 71.5; with 800 of beam 1036 W/m2. An
    even sky would give 800 + 171 = 971.
    """
    hour = equator("2013-03-20T14:37", 766, 800, 200)
    found = share(PLAIN | {"albedo_frac": 0, "dc_ac_ratio": 0.8}, hour)
    assert found == pytest.approx(inverter(0.8 * 1.036), abs=3e-3)


def test_glass_reflects_the_low_sun():
    """Sun 70 degrees from straight on (level modules): glass of index 1.526, Fresnel.

    Refracted to 38.0 degrees it lets through 0.8159, straight on 0.9490: 0.8597 of the
    beam's 800 * cos 70 = 273.6 W/m2.
    """
    low = equator("2013-03-20T16:17", 0, 800, 0)
    level = PLAIN | {"max_tilt_deg": 0.001, "albedo_frac": 0}
    assert share(level, low) == pytest.approx(inverter(0.2736 * 0.8597), abs=4e-3)


def test_sun_stands_where_it_is_at_half_past():
    """06:00 UTC: the sun rises at 06:04 and stands 5.6 degrees high at half past.

    Placed at the full hour it would be below the horizon, and its beam lost.
    """
    dawn = equator("2013-03-20T06:00", 60, 500, 10)
    assert share(PLAIN | {"backtracking": False}, dawn) > 0.2


def test_sun_is_that_of_the_weather_cell():
    """Half an hour further east the same light comes with the sun on another side."""
    plain = equator("2013-03-20T17:00", 200, 600, 50)
    moved = equator(
        "2013-03-20T17:00", 200, 600, 50, longitude_deg=40.0,
        cell_latitude_deg=0.0, cell_longitude_deg=0.0,
    )  # fmt: skip
    assert share(PLAIN, moved) == pytest.approx(share(PLAIN, plain))
    north = equator("2013-03-20T17:00", 200, 600, 50, latitude_deg=40.0)
    assert share(PLAIN, north) != pytest.approx(share(PLAIN, plain), rel=0.02)
    brought = equator(
        "2013-03-20T17:00", 200, 600, 50, latitude_deg=40.0,
        cell_latitude_deg=0.0, cell_longitude_deg=0.0,
    )  # fmt: skip
    assert share(PLAIN, brought) == pytest.approx(share(PLAIN, plain))
    at_40 = equator("2013-03-20T17:00", 200, 600, 50, longitude_deg=40.0)
    assert share(PLAIN, at_40) != pytest.approx(share(PLAIN, plain), rel=0.05)


def test_rows_turn_back_at_dusk():
    """Sun 16 degrees high, rows 0.4 of the ground: facing it they shade each other.

    Turned back, the angle of incidence is acos(cos(74) / 0.4)= 46.5 degrees.
    """
    dusk = equator("2013-03-20T16:34", 200, 600, 0)
    facing = share(PLAIN | {"backtracking": False, "max_tilt_deg": 90}, dusk)
    back = share(PLAIN | {"max_tilt_deg": 90}, dusk)
    assert back / facing == pytest.approx(np.cos(np.radians(46.5)), abs=0.03)


def test_no_light_no_power():
    assert share(SOLAR, equator("2013-03-20T00:00", 0, 0, 0)) == 0


def test_beam_below_two_degrees_is_not_trusted():
    """Sun at half past 1 degree high: a DNI of 300 would give 300 on the tracker."""
    edge = equator("2013-03-20T05:42", 5, 300, 5)
    assert share(PLAIN | {"backtracking": False, "max_tilt_deg": 90}, edge) < 0.02


def test_wind_cools_the_cell():
    """900 W/m2: 48.27 C in 1 m/s, 20 + 900 / (25 + 34.2) = 35.2 C in 5 m/s.

    13.07 degrees at 0.35 % are 4.6 %; without a wind column 1 m/s is taken.
    """
    calm = equator("2013-03-20T12:00", 900, 800, 100, longitude_deg=-5.6)
    windy = equator("2013-03-20T12:00", 900, 800, 100, wind=5, longitude_deg=-5.6)
    ratio = share(SOLAR, windy) / share(SOLAR, calm)
    assert ratio == pytest.approx((1 - 0.0035 * 10.2) / (1 - 0.0035 * 23.27), abs=2e-3)
    assert share(SOLAR, calm.drop_vars("wind_speed")) == pytest.approx(
        share(SOLAR, calm)
    )


def test_inverter_cuts_at_its_rating_before_losses_on_the_way():
    """1.4 * 1.0 DC on 1 MW of inverters: 1 * (1 - 0.02) * 0.98, and no more."""
    field = Solar(
        **SOLAR
        | {"dc_ac_ratio": 1.4, "ac_losses_frac": 0.02, "availability_frac": 0.98}
    )
    found = field.output_frac(np.array([1000.0]), np.array([25.0]))
    assert found == pytest.approx([0.9604])


def test_full_dc_input_gives_the_rating():
    """DC of 1 / 0.96 per MW-AC is full load, where the inverter has 0.96."""
    field = Solar(**SOLAR | {"dc_ac_ratio": 1 / 0.96, "inverter_frac": 0.96})
    found = field.output_frac(np.array([1000.0]), np.array([25.0]))
    assert found == pytest.approx([1.0])


def test_modules_age_to_mid_life():
    """1 % a year over 20 years: 10 % at mid-life, of DC, so clipped hours keep all."""
    young = Solar(**PLAIN | {"life_yr": 20})
    old = Solar(**PLAIN | {"life_yr": 20, "degradation_frac_per_yr": 0.01})
    light, cell = np.array([500.0]), np.array([25.0])
    assert young.output_frac(light, cell) == pytest.approx([inverter(0.5)])
    assert old.output_frac(light, cell) == pytest.approx([inverter(0.45)])
    clipped = old.model_copy(update={"dc_ac_ratio": 1.5})
    assert clipped.output_frac(light * 2, cell) == pytest.approx([1.0])


def test_two_sided_modules_gain_on_all_light():
    """5 % more light at noon: 0.9 -> 0.945 of DC."""
    noon = equator("2013-03-20T12:00", 900, 800, 100, longitude_deg=-5.6)
    found = share(PLAIN | {"rear_gain_frac": 0.05}, noon)
    assert found == pytest.approx(inverter(0.945), abs=1e-3)


AT = Horizon(
    hours=range(2),
    weight=[4000.0, 4760.0],
    chains=(range(2),),
    years=(range(2),),
    week_of=[0, 0],
    series={"share_frac": [0.25, 0.5]},
)
EXTRA = {
    "om_variable_usd_per_mwh": 2,
    "land_km2_per_mw": 0.02,
    "water_m3_per_mwh": 0.1,
    "firm_credit_frac": 0.05,
}


def built(**fields):
    """Solar of 40 MW that gives 8 and 20 MW of its 10 and 20."""
    m = ConcreteModel()
    m.plant = Block()
    field = Solar(**SOLAR | fields)
    terms = field.build(m.plant, AT)
    m.plant.capacity_mw.set_value(40)
    m.plant.output_mw[0].set_value(8)
    m.plant.output_mw[1].set_value(20)
    return field, m.plant, terms


def test_output_is_at_most_what_the_sun_gives():
    """0.25 * 40 = 10 MW; 8 of them are taken."""
    _, b, terms = built()
    assert b.available[0].uslack() == pytest.approx(2)
    assert b.available[1].uslack() == pytest.approx(0)
    assert [value(terms.at_once_mw[t]) for t in (0, 1)] == [10, 20]
    assert [value(terms.sustained_mw[t]) for t in (0, 1)] == [10, 20]
    assert (b.capacity_mw.lb, b.capacity_mw.ub) == (0, 100)


def test_terms_by_hand():
    """40 MW: $52 million, O&M 20 * 40 000 = $0.8 million, 2 $/MWh on 127,200 MWh."""
    _, _, terms = built(**EXTRA)
    assert value(terms.capital_usd) == pytest.approx(52e6)
    assert value(terms.cost_usd["om_fixed"]) == pytest.approx(0.8e6)
    assert value(terms.cost_usd["om_variable"]) == pytest.approx(254_400)
    assert value(terms.land_km2) == pytest.approx(0.8)
    assert value(terms.firm_mw) == pytest.approx(2)
    assert [value(terms.water_m3[t]) for t in (0, 1)] == pytest.approx([0.8, 2])
    assert [value(terms.renewable_mw[t]) for t in (0, 1)] == [8, 20]
    assert terms.co2_t is None


def test_recount_agrees_with_the_model_and_finds_what_is_broken():
    field, _, terms = built(**EXTRA)
    good = field.recount({"capacity_mw": 40.0, "output_mw": np.array([8.0, 20.0])}, AT)
    assert max(float(np.max(b)) for b in good.broken.values()) <= 0
    assert good.capital_usd == pytest.approx(value(terms.capital_usd))
    assert good.cost_usd == pytest.approx(
        {k: value(v) for k, v in terms.cost_usd.items()}
    )
    assert good.land_km2 == pytest.approx(value(terms.land_km2))
    assert good.firm_mw == pytest.approx(value(terms.firm_mw))
    assert good.water_m3 == pytest.approx([0.8, 2])
    assert good.available_mw.tolist() == [10, 20]
    assert (good.mw, list(good.net_mw)) == (40, [8, 20])
    for wrong, law in (
        ({"capacity_mw": 40.0, "output_mw": np.array([11.0, 20.0])}, "available_mw"),
        ({"capacity_mw": 40.0, "output_mw": np.array([-1.0, 20.0])}, "not_negative_mw"),
        ({"capacity_mw": 101.0, "output_mw": np.array([8.0, 20.0])}, "bounds_mw"),
    ):
        assert field.recount(wrong, AT).broken[law].max() == pytest.approx(1)


def test_bounds_in_order():
    _, b, _ = built(min_mw=3)
    assert b.capacity_mw.lb == 3
    with pytest.raises(ValidationError, match="min_mw is larger"):
        Solar(**SOLAR | {"min_mw": 101})
