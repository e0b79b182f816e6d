"""The data center's demand: constant computing, cooling that follows the weather."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from energyopt.case import Load

Floats = NDArray[np.float64]


def pue_at(temp_air_c: Floats, pue_by_temp_c: list[tuple[float, float]]) -> Floats:
    """Return facility power over IT power, straight lines between the pairs.

    Parameters
    ----------
    temp_air_c : array
        Dry bulb at the plant. [°C]
    pue_by_temp_c : list of (°C, PUE)
        Rising temperatures; the ends go on level.

    Returns
    -------
    array
        PUE. [1]

    Examples
    --------
    >>> pue_at(np.array([0.0, 25.0, 50.0]), [(20, 1.1), (30, 1.2)]).round(3).tolist()
    [1.1, 1.15, 1.2]
    """
    temps, pues = zip(*pue_by_temp_c, strict=True)
    return np.interp(temp_air_c, temps, pues)


def load_series(
    load: Load, temp_air_c: Floats, design_temp_c: float
) -> dict[str, Floats]:
    r"""Return IT power, PUE and what the facility asks for.

    The facility's gross demand at the design temperature leaves
    :math:`P_{IT} = u\,P / \mathrm{PUE}(T_d)` for IT; the demand is
    :math:`P_{IT}\,\mathrm{PUE}(T)`.

    Parameters
    ----------
    load : Load
        Facility, PUE and utilisation.
    temp_air_c : array, shape (hours,)
        Dry bulb at the plant. [°C]
    design_temp_c : float
        Temperature at which ``facility_mw`` is stated. [°C]

    Returns
    -------
    dict
        ``pue`` [1], ``it_mw``, ``demand_mw`` [MW].

    Examples
    --------
    >>> plain = Load(
    ...     facility_mw=240,
    ...     pue_by_temp_c=[(20, 1.0), (40, 1.2)],
    ...     lost_compute_usd_per_mwh=1000,
    ... )
    >>> load_series(plain, np.array([30.0]), 40.0)["demand_mw"].round(6).tolist()
    [220.0]
    """
    pairs = list(load.pue_by_temp_c)
    design_pue = float(pue_at(np.array([design_temp_c]), pairs)[0])
    it_mw = load.utilization_frac * load.facility_mw / design_pue
    pue = pue_at(temp_air_c, pairs)
    return {"pue": pue, "it_mw": np.full(len(pue), it_mw), "demand_mw": it_mw * pue}
