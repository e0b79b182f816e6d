"""The unit that a name ends in, and the few conversion factors."""

from __future__ import annotations

from typing import Final

KW_PER_MW: Final = 1000.0
USD_PER_KUSD: Final = 1000.0
KG_PER_T: Final = 1000.0
BTU_PER_KWH_PER_MMBTU_PER_MWH: Final = 1000.0  # 1 MMBtu/MWh = 1000 Btu/kWh
LB_PER_T: Final = 2204.622622
LB_PER_SHORT_TON: Final = 2000.0
M3_PER_ACRE_FT: Final = 1233.48184
M3_PER_GAL: Final = 0.003785411784
KM2_PER_ACRE: Final = 0.0040468564224
HOURS_PER_YEAR: Final = 8760
CELSIUS_ZERO_K: Final = 273.15

# Longest ending first, so that `_usd_per_mwh` is not read as `_mwh`.
_UNITS: Final = {
    "_usd_per_mwh_per_yr": "USD/MWh/yr",
    "_usd_per_kwh_yr": "USD/kWh/yr",
    "_usd_per_kw_yr": "USD/kW/yr",
    "_usd_per_mmbtu_yr": "USD/MMBtu/yr",
    "_usd_per_mmbtu": "USD/MMBtu",
    "_usd_per_start": "USD/start",
    "_usd_per_mwh": "USD/MWh",
    "_usd_per_kwh": "USD/kWh",
    "_usd_per_kw": "USD/kW",
    "_usd_per_gpu_h": "USD/GPU-h",
    "_usd_per_yr": "USD/yr",
    "_usd_per_m3": "USD/m3",
    "_usd_per_t": "USD/t",
    "_mmbtu_per_mwh": "MMBtu/MWh",
    "_mmbtu_per_start": "MMBtu/start",
    "_mmbtu_per_yr": "MMBtu/yr",
    "_mmbtu_per_h": "MMBtu/h",
    "_t_per_mmbtu": "t/MMBtu",
    "_t_per_mwh": "t/MWh",
    "_t_per_yr": "t/yr",
    "_lb_per_mmbtu": "lb/MMBtu",
    "_kg_per_mmbtu": "kg/MMBtu",
    "_kg_per_start": "kg/start",
    "_m3_per_mwh_per_c": "m3/MWh/degC",
    "_usd_per_mw": "USD/MW",
    "_mmbtu_per_mw": "MMBtu/MW",
    "_kg_per_mw": "kg/MW",
    "_km2_per_mwh": "km2/MWh",
    "_m3_per_mwh": "m3/MWh",
    "_m3_per_yr": "m3/yr",
    "_mwh_per_yr": "MWh/yr",
    "_h_per_yr": "h/yr",
    "_d_per_yr": "d/yr",
    "_km2_per_mmbtu": "km2/MMBtu",
    "_km2_per_mw": "km2/MW",
    "_frac_per_c": "1/degC",
    "_frac_per_yr": "1/yr",
    "_frac_per_h": "1/h",
    "_frac": "1",
    "_mmbtu": "MMBtu",
    "_units": "1",
    "_flag": "1",
    "_mwh": "MWh",
    "_mw": "MW",
    "_per_yr": "1/yr",
    "_usd": "USD",
    "_km2": "km2",
    "_km": "km",
    "_deg": "degree",
    "_m3": "m3",
    "_kg": "kg",
    "_pa": "Pa",
    "_yr": "yr",
    "_months": "month",
    "_weeks": "week",
    "_min": "min",
    "_t": "t",
    "_c": "degC",
    "_h": "h",
    "_s": "s",
    "_m": "m",
}
# pvlib's names for weather carry no ending; these are their units.
_WEATHER: Final = {
    "ghi": "W/m2",
    "dni": "W/m2",
    "dhi": "W/m2",
    "temp_air": "degC",
    "temp_dew": "degC",
    "temp_wet_bulb": "degC",
    "relative_humidity": "percent",
    "pressure": "Pa",
    "wind_speed": "m/s",
    "pue": "1",
}


def unit_of(name: str) -> str:
    """Return the unit that a name ends in.

    Parameters
    ----------
    name : str
        A variable, column or field; a path such as ``aero/output_mw`` is read
        by its last part.

    Returns
    -------
    str
        The unit, ``"1"`` for a pure number.

    Raises
    ------
    KeyError
        If the name ends in no known unit.

    Examples
    --------
    >>> unit_of("aero/output_mw"), unit_of("om_variable_usd_per_mwh"), unit_of("ghi")
    ('MW', 'USD/MWh', 'W/m2')
    """
    last = name.rsplit("/", 1)[-1]
    if last in _WEATHER:
        return _WEATHER[last]
    if last.startswith("wind_speed_"):
        return _WEATHER["wind_speed"]
    for end, unit in _UNITS.items():
        if last.endswith(end):
            return unit
    raise KeyError(f"{name!r} ends in no known unit")
