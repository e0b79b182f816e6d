"""Wind: turbines rated in MW, on a power curve of IEC class III."""

from __future__ import annotations

import re
from typing import Any, Literal

import numpy as np
import xarray as xr
from pydantic import Field, model_validator

from energyopt.air import density_kg_per_m3, pressure_at, temp_at
from energyopt.errors import DataError
from energyopt.technologies.base import (
    Floats,
    Found,
    Horizon,
    Operation,
    Recount,
    Technology,
    Terms,
)
from energyopt.technologies.weather_driven import (
    build_weather_driven,
    recount_weather_driven,
)

CURVE_DENSITY_KG_PER_M3 = 1.225
CALM_M_PER_S = 0.1  # below it a ratio of two speeds says nothing

# Share of rated power at 3.0, 3.5, ... 25.0 m/s and 1.225 kg/m3; nothing outside.
# Normalised industry composite for IEC class III sites (low winds, large rotors,
# full power at 12 m/s): NREL, PyPI "turbine-models" 0.2.2 (BSD-3-Clause), file
# Onshore/IEC_Class3_Normalized_Industry_Composite.csv, rounded to four places.
CURVE_M_PER_S: Floats = np.arange(3.0, 25.01, 0.5)
# fmt: off
CURVE_FRAC: Floats = np.array([
    0.0118, 0.0360, 0.0669, 0.1063, 0.1511, 0.2055, 0.2686, 0.3458, 0.4337, 0.5346,
    0.6414, 0.7430, 0.8347, 0.9000, 0.9489, 0.9772, 0.9928, 0.9987, 0.9999, 1.0000,
    1.0000, 1.0000, 0.9995, 0.9984, 0.9967, 0.9945, 0.9926, 0.9911, 0.9904, 0.9900,
    0.9900, 0.9527, 0.9154, 0.8781, 0.8407, 0.8034, 0.7661, 0.7287, 0.6915, 0.6542,
    0.6169, 0.5796, 0.5422, 0.5049, 0.4676,
])
# fmt: on


def curve_frac(speed_m_per_s: Floats) -> Floats:
    """Return the share of rated power at a hub-height wind of standard density.

    Parameters
    ----------
    speed_m_per_s : array
        Hourly mean wind. [m/s]

    Returns
    -------
    array
        Share of rated power, straight lines between the curve's points. [1]

    Examples
    --------
    >>> curve_frac(np.array([2.9, 7.5, 12.5, 25.1])).round(4).tolist()
    [0.0, 0.5346, 1.0, 0.0]
    """
    return np.interp(speed_m_per_s, CURVE_M_PER_S, CURVE_FRAC, left=0, right=0)


def hub_speed(shared: xr.Dataset, hub_height_m: float) -> Floats:
    r"""Return the wind at the hub, by the power law between the two nearest heights.

    :math:`v_1 (h/h_1)^\alpha` with :math:`\alpha = \ln(v_2/v_1) / \ln(h_2/h_1)`, hour
    by hour; beyond the table's heights the two at the end go on.

    Parameters
    ----------
    shared : xr.Dataset
        Two or more ``wind_speed_<height>m``. [m/s]
    hub_height_m : float
        Height of the hub. [m]

    Returns
    -------
    array, shape (time,)
        Wind at the hub. [m/s]

    Raises
    ------
    DataError
        If fewer than two heights are given.
    """
    names = [re.fullmatch(r"wind_speed_(\d+)m", str(name)) for name in shared.data_vars]
    heights = np.array(sorted(int(found[1]) for found in names if found))
    if len(heights) < 2:
        raise DataError(
            "wind needs wind_speed_<height>m at two or more heights; "
            "weather.years.0.wind_table gives none"
        )
    above = int(np.clip(np.searchsorted(heights, hub_height_m), 1, len(heights) - 1))
    low_m, high_m = heights[above - 1], heights[above]
    low = np.asarray(shared[f"wind_speed_{low_m}m"].values, dtype=float)
    high = np.asarray(shared[f"wind_speed_{high_m}m"].values, dtype=float)
    ratio = np.maximum(high, CALM_M_PER_S) / np.maximum(low, CALM_M_PER_S)
    steps = np.log(hub_height_m / low_m) / np.log(high_m / low_m)
    return low * ratio**steps


class Wind(Technology):
    """Wind turbines with one hub height and one power curve."""

    kind: Literal["wind"] = "wind"
    max_mw: float = Field(ge=0)
    min_mw: float = Field(default=0, ge=0)

    capital_usd_per_kw: float = Field(ge=0)
    """Overnight."""
    om_fixed_usd_per_kw_yr: float = Field(ge=0)
    om_variable_usd_per_mwh: float = Field(default=0, ge=0)
    life_yr: float = Field(gt=0)

    hub_height_m: float = Field(ge=30, le=200)
    wake_loss_frac: float = Field(ge=0, lt=1)
    other_losses_frac: float = Field(default=0, ge=0, lt=1)
    """Cables, transformers, blade soiling and ageing, curve not met."""
    availability_frac: float = Field(default=1, gt=0, le=1)

    firm_credit_frac: float = Field(default=0, ge=0, le=1)
    """Of rated MW, towards installed N+k."""
    land_km2_per_mw: float = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Wind:
        if self.min_mw > self.max_mw:
            raise ValueError("min_mw is larger than max_mw")
        return self

    def series(self, shared: xr.Dataset) -> dict[str, Any]:
        r"""Return output per rated MW in each hour.

        In thin air the curve is read at :math:`v (\rho/\rho_0)^{1/3}` [1]_, with the
        density at the hub, over the plant's elevation.

        Parameters
        ----------
        shared : xr.Dataset
            ``wind_speed_<height>m`` [m/s] at two or more heights; ``temp_air`` [°C]
            and ``pressure`` [Pa] at the plant.

        Returns
        -------
        dict
            ``share_frac``: output at the bus over rated MW, losses taken off.

        References
        ----------
        .. [1] IEC 61400-12-1, "Power performance measurements of electricity
           producing wind turbines", normalisation for turbines with active control.
        """
        ground_c = np.asarray(shared["temp_air"].values, dtype=float)
        ground_pa = np.asarray(shared["pressure"].values, dtype=float)
        density = density_kg_per_m3(
            pressure_at(ground_pa, ground_c, self.hub_height_m),
            temp_at(ground_c, self.hub_height_m),
        )
        thin_frac = (density / CURVE_DENSITY_KG_PER_M3) ** (1 / 3)
        speed = hub_speed(shared, self.hub_height_m) * thin_frac
        kept_frac = (
            (1 - self.wake_loss_frac)
            * (1 - self.other_losses_frac)
            * self.availability_frac
        )
        return {"share_frac": curve_frac(speed) * kept_frac}

    def rows_follow(self, at: Horizon) -> object:
        """Return nothing: prices are in its costs alone."""
        return ()

    def build(self, b: Any, at: Horizon) -> Terms:
        """Give what the wind gives, or less: ``output <= share * capacity``."""
        return build_weather_driven(self, b, at)

    def recount(self, found: Found, at: Horizon) -> Recount:
        """Hold the output against the wind again, and add up."""
        return recount_weather_driven(self, found, at)

    def in_operation(self, found: Found, at: Horizon) -> Operation:
        """Give what the weather gave; its outages stand in its availability."""
        return Operation(
            available_mw=at.array("share_frac") * float(found["capacity_mw"])
        )
