"""The unit that a name ends in, and the conversion factors."""

from __future__ import annotations

import pytest
from numpy.testing import assert_allclose

from energyopt import units
from energyopt.units import unit_of


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("aero/output_mw", "MW"),
        ("stored_mwh", "MWh"),
        ("om_variable_usd_per_mwh", "USD/MWh"),  # not "_mwh"
        ("om_fixed_usd_per_kw_yr", "USD/kW/yr"),  # not "_yr"
        ("augmentation_usd_per_kwh_yr", "USD/kWh/yr"),
        ("capital_usd_per_kw", "USD/kW"),
        ("capital_usd", "USD"),
        ("derate_frac_per_c", "1/degC"),
        ("share_frac", "1"),
        ("min_up_h", "h"),
        ("lolh_h_per_yr", "h/yr"),  # not "_yr"
        ("lole_d_per_yr", "d/yr"),
        ("eue_mwh_per_yr", "MWh/yr"),  # not "_h_per_yr"
        ("gas_mmbtu", "MMBtu"),
        ("lateral_mmbtu_per_h", "MMBtu/h"),
        ("land_km2", "km2"),
        ("online_units", "1"),
        ("co2_t_per_yr", "t/yr"),
        ("lcoe_usd_per_gpu_h", "USD/GPU-h"),
        ("ghi", "W/m2"),
        ("temp_air", "degC"),
        ("wind_speed_100m", "m/s"),
    ],
)
def test_a_name_says_its_unit(name, unit):
    assert unit_of(name) == unit


@pytest.mark.parametrize("name", ["output", "capacity", "mw", "aero/price"])
def test_a_name_without_a_unit_is_refused(name):
    with pytest.raises(KeyError, match="ends in no known unit"):
        unit_of(name)


def test_longer_endings_come_first():
    """``_usd_per_mwh`` before ``_mwh``: no ending hides a longer one behind it."""
    endings = list(units._UNITS)
    for i, end in enumerate(endings):
        assert not [later for later in endings[i + 1 :] if later.endswith(end)]


def test_conversion_factors():
    """A pound is 0.45359237 kg; an acre 4,046.8564224 m2; a gallon 231 cubic inches."""
    assert_allclose(1000 / units.LB_PER_T, 0.45359237)
    assert_allclose(units.KM2_PER_ACRE, 4046.8564224e-6)
    assert_allclose(units.M3_PER_GAL, 231 * 0.0254**3)
    assert units.HOURS_PER_YEAR == 365 * 24
