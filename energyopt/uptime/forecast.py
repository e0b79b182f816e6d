"""What an operator believes of the next hours: forecasts made of the truth.

``persistence``: the same hour of yesterday, for every series. ``day-ahead``: the truth
with errors of stated spread that last for hours; seeded. ``perfect``: the truth.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.signal import lfilter

from energyopt.case import Case
from energyopt.inputs import Inputs
from energyopt.inputs.load import load_series

Floats = NDArray[np.float64]
Kind = Literal["persistence", "day-ahead", "perfect"]
KINDS: tuple[Kind, ...] = ("persistence", "day-ahead", "perfect")

DAY_H = 24
CALENDAR = ("weight_h",)
"""Series that are no matter of forecast."""
GROWTH_PER_DAY = 0.25
"""By how much errors are wider with each day further ahead: an assumption."""


@dataclass(frozen=True)
class Error:
    """How far a day-ahead forecast is off.

    Parameters
    ----------
    sd : float
        Standard deviation: of what is added [°C], or of the logarithm of the factor.
    per_hour : float
        Correlation of the errors of two neighbouring hours. [1]
    added : bool
        Whether the error is added; else it multiplies, with a mean of one.
    """

    series: tuple[str, ...]
    sd: float
    per_hour: float
    added: bool
    source: str
    confidence: str


ASSUMED = "an assumption: no measured figure at hand"
ERRORS: dict[str, Error] = {
    "temperature": Error(("temp_air", "temp_wet_bulb"), 1.5, 0.9, True, ASSUMED, "low"),
    "sun": Error(("ghi", "dni", "dhi"), 0.2, 0.9, False, ASSUMED, "low"),
    "wind speed": Error(("wind_speed",), 0.2, 0.9, False, ASSUMED, "low"),
    "power price": Error(
        ("power_usd_per_mwh", "export_usd_per_mwh"),
        0.44,
        0.78,
        False,
        "ERCOT day-ahead over real-time hourly prices of LZ_WEST, January 2024 to March "
        "2026, above 1 $/MWh: quartiles of the logarithm, and its correlation hour to "
        "hour; the tails are heavier",
        "medium",
    ),
}
"""One error a thing: series whose name begins so are off together."""


def told_errors() -> dict[str, dict[str, Any]]:
    """Return the spreads of ``day-ahead`` as plain data."""
    return {name: asdict(e) | {"series": list(e.series)} for name, e in ERRORS.items()}


def forecasts(
    kind: Kind, case: Case, inputs: Inputs, days: int, seed: int
) -> list[Inputs]:
    """Return what is believed of each hour one day ahead, two days ahead, and so on.

    Parameters
    ----------
    kind : str
        ``persistence``, ``day-ahead`` or ``perfect``.
    case : Case
        The plant: technologies make their own series of the weather.
    inputs : Inputs
        The truth.
    days : int
        How many days ahead.
    seed : int
        Of the errors of ``day-ahead``; each day ahead and thing has a stream of its own.

    Returns
    -------
    list of Inputs
        None for ``perfect``.
    """
    if kind == "perfect":
        return []
    if kind == "persistence":
        return [_of_yesterday(inputs, day) for day in range(1, days + 1)]
    return [_with_errors(case, inputs, day, seed) for day in range(1, days + 1)]


def _of_yesterday(inputs: Inputs, day: int) -> Inputs:
    """Return each hour as it was ``day`` days before, within its chain of hours."""
    source = np.arange(inputs.data.sizes["time"])
    for chain in inputs.chains:
        own = source[chain.start : chain.stop]
        source[chain.start : chain.stop] = np.roll(own, DAY_H * day)
    moved = {
        str(name): ("time", series.values[source])
        for name, series in inputs.data.data_vars.items()
        if name not in CALENDAR
    }
    return replace(inputs, data=inputs.data.assign(moved))


def _with_errors(case: Case, inputs: Inputs, day: int, seed: int) -> Inputs:
    """Return the truth with the errors of a forecast ``day`` days ahead."""
    data = inputs.data
    hours = data.sizes["time"]
    changed: dict[str, Any] = {}
    for number, error in enumerate(ERRORS.values()):
        rng = np.random.default_rng(np.random.SeedSequence([seed, day, number]))
        wide = error.sd * (1 + GROWTH_PER_DAY * (day - 1))
        off = wide * lasting(rng.standard_normal(hours), error.per_hour)
        for name in map(str, data.data_vars):
            if "/" in name or not name.startswith(error.series):
                continue
            true = data[name].values
            factor = np.exp(off - wide**2 / 2)
            changed[name] = true + off if error.added else true * factor
    if "temp_air" in changed:
        air = changed["temp_air"]
        changed |= load_series(case.load, air, case.site.design_temp_c)
    return replace(inputs, data=_of_technologies(case, data, changed))


def lasting(shocks: Floats, per_hour: float) -> Floats:
    r"""Return errors that last: :math:`e_t = \phi e_{t-1} + \sqrt{1 - \phi^2} s_t`.

    Parameters
    ----------
    shocks : array, shape (hours,)
        Independent, of variance one.
    per_hour : float
        Correlation of neighbouring hours, :math:`\phi`. [1]

    Returns
    -------
    array, shape (hours,)
        Of variance one from the first hour on.

    Examples
    --------
    >>> lasting(np.array([1.0, 0.0, 0.0]), 0.5).tolist()
    [1.0, 0.5, 0.25]
    """
    scaled = shocks * np.sqrt(1 - per_hour**2)
    scaled[:1] = shocks[:1]
    return np.asarray(lfilter([1.0], [1.0, -per_hour], scaled))


def _of_technologies(
    case: Case, data: xr.Dataset, changed: dict[str, Any]
) -> xr.Dataset:
    """Return the data with changed shared series, and what technologies make of them."""
    found = data.assign({name: ("time", v) for name, v in changed.items()})
    own = {
        f"{name}/{key}": ("time", np.asarray(values, dtype=float))
        for name, technology in case.technologies.items()
        for key, values in technology.series(found).items()
    }
    return found.assign(own)
