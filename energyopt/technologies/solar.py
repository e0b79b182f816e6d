"""Solar: photovoltaics on single-axis trackers, rated in MW-AC."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr
from pydantic import Field, model_validator

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

FULL_SUN_W_PER_M2 = 1000.0  # standard test conditions: 1000 W/m2, cell at 25 °C
TEST_CELL_TEMP_C = 25.0
LOWEST_SUN_DEG = 2.0  # beam on the plane is not trusted below this elevation


class Solar(Technology):
    """Photovoltaic trackers with north-south axes, tilting east to west."""

    kind: Literal["solar"] = "solar"
    max_mw: float = Field(ge=0)
    """AC, at the inverters."""
    min_mw: float = Field(default=0, ge=0)

    capital_usd_per_kw: float = Field(ge=0)
    """Overnight, per kW-AC."""
    om_fixed_usd_per_kw_yr: float = Field(ge=0)
    om_variable_usd_per_mwh: float = Field(default=0, ge=0)
    life_yr: float = Field(gt=0)

    dc_ac_ratio: float = Field(gt=0.5, lt=3)
    """Modules' power in full sun over the inverters'."""
    ground_coverage_frac: float = Field(gt=0, le=1)
    """Width of a module row over the distance between rows."""
    max_tilt_deg: float = Field(default=60, gt=0, le=90)
    backtracking: bool = True
    """Whether rows turn back so as not to shade each other."""
    albedo_frac: float = Field(default=0.2, ge=0, le=1)
    rear_gain_frac: float = Field(default=0, ge=0, lt=0.3)
    """Of two-sided modules, on top of the light in front."""
    temperature_loss_frac_per_c: float = Field(default=0.0035, ge=0, lt=0.01)
    """Power lost per degree of the cell above 25 °C."""
    losses_frac: float = Field(ge=0, lt=1)
    """DC: soiling, mismatch, wiring, connections, first light. Not availability."""
    inverter_frac: float = Field(default=0.96, gt=0, le=1)
    """AC over DC, at full load."""
    ac_losses_frac: float = Field(default=0, ge=0, lt=1)
    """Transformers and cables to the bus."""
    availability_frac: float = Field(default=1, gt=0, le=1)
    degradation_frac_per_yr: float = Field(default=0, ge=0, lt=0.03)
    """Of the modules; taken at mid-life, for every year alike."""

    firm_credit_frac: float = Field(default=0, ge=0, le=1)
    """Of MW-AC, towards installed N+k."""
    land_km2_per_mw: float = Field(default=0, ge=0)
    water_m3_per_mwh: float = Field(default=0, ge=0)
    """Washing of the modules."""

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Solar:
        if self.min_mw > self.max_mw:
            raise ValueError("min_mw is larger than max_mw")
        return self

    def series(self, shared: xr.Dataset) -> dict[str, Any]:
        r"""Return AC output per MW-AC in each hour.

        The sun stands where it is at half past. Light on the tracker (Hay and
        Davies) heats the cell (Faiman) and gives DC power as in PVWatts [1]_:
        :math:`r\,(G/1000)\,(1 - \gamma (T_{cell} - 25))(1 - \text{losses})(1 - dL/2)`,
        which the inverter turns into AC and cuts at its rating.

        Parameters
        ----------
        shared : xr.Dataset
            ``time`` (UTC, start of the hour); ``ghi``, ``dni``, ``dhi`` [W/m2];
            ``temp_air`` [°C]; ``wind_speed`` near the ground [m/s] where known; and
            ``latitude_deg``, ``longitude_deg``, ``elevation_m`` in ``attrs``.

        Returns
        -------
        dict
            ``share_frac``: output at the bus over rated MW-AC.

        References
        ----------
        .. [1] A. Dobos, "PVWatts Version 5 Manual", NREL/TP-6A20-62641, 2014.
        """
        light, temp_cell_c = self._light_and_cell(shared)
        return {"share_frac": self.output_frac(light, temp_cell_c)}

    def output_frac(self, light_w_per_m2: Floats, temp_cell_c: Floats) -> Floats:
        """Return AC output at the bus per MW-AC.

        Parameters
        ----------
        light_w_per_m2, temp_cell_c : array
            On the modules, and of their cells. [W/m2], [°C]

        Returns
        -------
        array
            Share of rated MW-AC. [1]

        Notes
        -----
        The inverter's part-load curve is that of PVWatts 5, scaled so that full
        DC input, ``1 / inverter_frac`` of the AC rating, gives the rating.
        """
        warm_frac = 1 - self.temperature_loss_frac_per_c * (
            temp_cell_c - TEST_CELL_TEMP_C
        )
        aged_frac = 1 - self.degradation_frac_per_yr * self.life_yr / 2
        dc_frac = (
            self.dc_ac_ratio
            * light_w_per_m2
            / FULL_SUN_W_PER_M2
            * warm_frac
            * (1 - self.losses_frac)
            * aged_frac
        )
        load = np.maximum(dc_frac * self.inverter_frac, 1e-9)  # of full DC input
        part_load = (-0.0162 * load - 0.0059 / load + 0.9858) / 0.9637
        ac_frac = np.clip(part_load * load, 0, 1)
        return ac_frac * (1 - self.ac_losses_frac) * self.availability_frac

    def _light_and_cell(self, shared: xr.Dataset) -> tuple[Floats, Floats]:
        """Light on the modules [W/m2] and their cells' temperature [°C]."""
        from pvlib import iam, irradiance, solarposition, temperature, tracking

        half_past = pd.DatetimeIndex(shared["time"].values).tz_localize("UTC")
        half_past = half_past + pd.Timedelta(minutes=30)
        place = shared.attrs
        sun = solarposition.get_solarposition(
            half_past,
            # The light belongs to the sun over its own cell, minutes off the plant's.
            place.get("cell_latitude_deg", place["latitude_deg"]),
            place.get("cell_longitude_deg", place["longitude_deg"]),
            altitude=place["elevation_m"],
        )
        zenith = sun["apparent_zenith"].to_numpy()
        azimuth = sun["azimuth"].to_numpy()
        with np.errstate(invalid="ignore"):  # backtracking below the horizon
            plane = tracking.singleaxis(
                zenith,
                azimuth,
                axis_tilt=0,
                axis_azimuth=180,
                max_angle=self.max_tilt_deg,
                backtrack=self.backtracking,
                gcr=self.ground_coverage_frac,
            )
        up = zenith < 90 - LOWEST_SUN_DEG
        tilt = np.nan_to_num(plane["surface_tilt"])
        tilt_azimuth = np.nan_to_num(plane["surface_azimuth"])
        incidence = np.where(up, np.nan_to_num(plane["aoi"], nan=90.0), 90.0)
        parts = irradiance.get_total_irradiance(
            tilt,
            tilt_azimuth,
            np.minimum(zenith, 90 - LOWEST_SUN_DEG),
            azimuth,
            np.where(up, shared["dni"].values, 0.0),
            shared["ghi"].values,
            shared["dhi"].values,
            dni_extra=irradiance.get_extra_radiation(half_past).to_numpy(),
            albedo=self.albedo_frac,
            model="haydavies",
        )
        front = parts["poa_direct"] * iam.physical(incidence) + parts["poa_diffuse"]
        light = np.nan_to_num(np.maximum(front, 0)) * (1 + self.rear_gain_frac)
        wind = shared["wind_speed"].values if "wind_speed" in shared else 1.0
        cell = temperature.faiman(light, shared["temp_air"].values, wind)
        return np.asarray(light, dtype=float), np.asarray(cell, dtype=float)

    def rows_follow(self, at: Horizon) -> object:
        """Return nothing: prices are in its costs alone."""
        return ()

    def build(self, b: Any, at: Horizon) -> Terms:
        """Give what the sun gives, or less: ``output <= share * capacity``."""
        return build_weather_driven(self, b, at, water_m3_per_mwh=self.water_m3_per_mwh)

    def recount(self, found: Found, at: Horizon) -> Recount:
        """Hold the output against the sun again, and add up."""
        return recount_weather_driven(
            self, found, at, water_m3_per_mwh=self.water_m3_per_mwh
        )

    def in_operation(self, found: Found, at: Horizon) -> Operation:
        """Give what the weather gave; its outages stand in its availability."""
        return Operation(
            available_mw=at.array("share_frac") * float(found["capacity_mw"])
        )
