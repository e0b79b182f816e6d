"""Air at the plant's elevation, against tables and sums on paper."""

import numpy as np
import pytest

from energyopt import air


def test_pressure_falls_as_in_the_standard_atmosphere():
    """ICAO table: 101 325 Pa at 0 m, 95 461 at 500, 89 875 at 1000, 79 495 at 2000.

    With no lapse rate (an isothermal column at 15 C) 2000 m would give 79 927.
    """
    for height_m, table_pa in (
        (0, 101_325),
        (500, 95_461),
        (1000, 89_875),
        (2000, 79_495),
    ):
        assert air.standard_pressure_pa(height_m) == pytest.approx(table_pa, abs=2)


def test_pressure_is_carried_from_the_cell_to_the_plant():
    """271 m up at 30 C: 94 000 (1 - 0.0065 * 271 / 303.15)^5.2558 = 91 163 Pa.

    At 15 C the air is denser and the same climb costs more: 91 017 Pa.
    """
    assert air.pressure_at(94_000.0, 30.0, 271.0) == pytest.approx(91_163, abs=3)
    assert air.pressure_at(94_000.0, 15.0, 271.0) == pytest.approx(91_017, abs=3)


def test_up_and_down_again_is_where_we_began():
    there_pa = air.pressure_at(94_000.0, 20.0, 300.0)
    there_c = air.temp_at(20.0, 300.0)
    assert there_c == pytest.approx(20 - 1.95)
    assert air.pressure_at(there_pa, there_c, -300.0) == pytest.approx(94_000)


def test_density_by_the_gas_law():
    """90 000 / (287.05 * 298.15) = 1.0516 kg/m3; at 15 C and sea level 1.2250."""
    assert air.density_kg_per_m3(90_000.0, 25.0) == pytest.approx(1.0516, abs=1e-4)
    assert air.density_kg_per_m3(101_325.0, 15.0) == pytest.approx(1.2250, abs=1e-4)


def test_wet_bulb_of_half_humid_air():
    """Chart at sea level, 30 C and 50 %: humidity ratio 13.3 g/kg, wet bulb 22.0 C."""
    sea_pa = np.array([101_325.0])
    water = air.humidity_ratio(np.array([18.44]), sea_pa)  # its dew point
    assert water == pytest.approx([0.01333], abs=5e-5)
    assert air.wet_bulb_c(np.array([30.0]), water, sea_pa) == pytest.approx(
        [22.0], abs=0.1
    )


def test_fog_has_the_wet_bulb_of_its_dry_bulb():
    """Water beyond saturation (14.7 g/kg at 20 C) does not raise the wet bulb."""
    found = air.wet_bulb_c(np.array([20.0]), np.array([0.02]), np.array([101_325.0]))
    assert found.tolist() == [20.0]


def test_very_dry_frost_is_not_refused():
    """A dew point of -60 C holds less water than psychrolib's floor of 1e-7."""
    water = air.humidity_ratio(np.array([-75.0]), np.array([94_000.0]))
    assert water == pytest.approx([1e-7], rel=10)
    found = air.wet_bulb_c(np.array([-5.0]), water, np.array([94_000.0]))
    assert -10 < found[0] < -5
