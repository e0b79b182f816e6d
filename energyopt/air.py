"""Air at the plant: pressure, temperature, density and wet bulb at its elevation.

Weather is known at the elevation of its own cell; a plant a few hundred metres
higher has thinner and cooler air. All functions take arrays or floats.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from energyopt.units import CELSIUS_ZERO_K

LAPSE_C_PER_M: Final = 0.0065  # ICAO standard atmosphere
GRAVITY_M_PER_S2: Final = 9.80665
GAS_CONSTANT_J_PER_KG_K: Final = 287.05  # dry air
SEA_LEVEL_PRESSURE_PA: Final = 101_325.0
SEA_LEVEL_TEMP_C: Final = 15.0
BAROMETRIC_POWER: Final = GRAVITY_M_PER_S2 / (GAS_CONSTANT_J_PER_KG_K * LAPSE_C_PER_M)
LEAST_HUMIDITY_RATIO: Final = 1e-7  # psychrolib's own floor

Floats = NDArray[np.float64]


def temp_at(temp_air_c: Any, rise_m: float) -> Any:
    """Return the temperature ``rise_m`` higher up, 6.5 K colder per km.

    Parameters
    ----------
    temp_air_c : float or array
        Air temperature below. [°C]
    rise_m : float
        Elevation gained, negative downhill. [m]

    Returns
    -------
    float or array
        Air temperature above. [°C]

    Examples
    --------
    >>> temp_at(40.0, 1000.0)
    33.5
    """
    return temp_air_c - LAPSE_C_PER_M * rise_m


def pressure_at(pressure_pa: Any, temp_air_c: Any, rise_m: float) -> Any:
    r"""Return the pressure ``rise_m`` higher up, by the barometric formula.

    :math:`p\,(1 - L h / T)^{g / R L}` with the lapse rate :math:`L` of
    :func:`temp_at` and the absolute temperature :math:`T` below [1]_.

    Parameters
    ----------
    pressure_pa, temp_air_c : float or array
        Pressure and temperature below. [Pa], [°C]
    rise_m : float
        Elevation gained, negative downhill. [m]

    Returns
    -------
    float or array
        Pressure above. [Pa]

    References
    ----------
    .. [1] ICAO Doc 7488, "Manual of the ICAO Standard Atmosphere."

    Examples
    --------
    >>> round(pressure_at(101_325.0, 15.0, 1000.0))  # table: 89 875 Pa
    89874
    """
    temp_k = temp_air_c + CELSIUS_ZERO_K
    return pressure_pa * (1 - LAPSE_C_PER_M * rise_m / temp_k) ** BAROMETRIC_POWER


def standard_pressure_pa(elevation_m: float) -> float:
    """Return the pressure of the standard atmosphere. [Pa].

    Examples
    --------
    >>> round(standard_pressure_pa(915.0))  # Fort Stockton: 0.896 of sea level
    90805
    """
    return float(pressure_at(SEA_LEVEL_PRESSURE_PA, SEA_LEVEL_TEMP_C, elevation_m))


def density_kg_per_m3(pressure_pa: Any, temp_air_c: Any) -> Any:
    """Return the density of dry air, ``p / (R T)``; moisture takes off under 1 %.

    Parameters
    ----------
    pressure_pa, temp_air_c : float or array
        Pressure and temperature. [Pa], [°C]

    Returns
    -------
    float or array
        Density. [kg/m3]

    Examples
    --------
    >>> round(density_kg_per_m3(101_325.0, 15.0), 4)
    1.225
    """
    return pressure_pa / (GAS_CONSTANT_J_PER_KG_K * (temp_air_c + CELSIUS_ZERO_K))


def humidity_ratio(temp_dew_c: Floats, pressure_pa: Floats) -> Floats:
    """Return the mass of water per mass of dry air.

    It is what stays the same when air is carried to another elevation.

    Parameters
    ----------
    temp_dew_c, pressure_pa : array, shape (hours,)
        Dew point and pressure. [°C], [Pa]

    Returns
    -------
    array, shape (hours,)
        Humidity ratio, by psychrolib (ASHRAE Handbook, Fundamentals). [1]

    Examples
    --------
    >>> float(humidity_ratio(np.array([10.0]), np.array([101_325.0])).round(5)[0])
    0.00763
    """
    import psychrolib

    psychrolib.SetUnitSystem(psychrolib.SI)
    return np.array(
        [
            max(psychrolib.GetHumRatioFromTDewPoint(d, p), LEAST_HUMIDITY_RATIO)
            for d, p in zip(temp_dew_c.tolist(), pressure_pa.tolist(), strict=True)
        ]
    )


def wet_bulb_c(temp_air_c: Floats, humidity: Floats, pressure_pa: Floats) -> Floats:
    """Return the wet bulb; that of saturated air where ``humidity`` is beyond it.

    Parameters
    ----------
    temp_air_c, humidity, pressure_pa : array, shape (hours,)
        Dry bulb, humidity ratio and pressure. [°C], [1], [Pa]

    Returns
    -------
    array, shape (hours,)
        Wet bulb, by psychrolib (ASHRAE Handbook, Fundamentals). [°C]

    Examples
    --------
    >>> sea_level = np.array([101_325.0])
    >>> dry = np.array([30.0])
    >>> float(wet_bulb_c(dry, np.array([0.0133]), sea_level).round(1)[0])  # half humid
    22.0
    """
    import psychrolib

    psychrolib.SetUnitSystem(psychrolib.SI)
    found = np.empty(len(temp_air_c))
    hours = zip(
        temp_air_c.tolist(), humidity.tolist(), pressure_pa.tolist(), strict=True
    )
    for i, (dry, water, pressure) in enumerate(hours):
        full = psychrolib.GetSatHumRatio(dry, pressure)
        if water < full:
            found[i] = psychrolib.GetTWetBulbFromHumRatio(dry, water, pressure)
        else:
            found[i] = dry
    return found
