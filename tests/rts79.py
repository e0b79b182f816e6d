"""IEEE Reliability Test Systems: published data, as printed.

RTS-79: IEEE Reliability Test System Task Force, IEEE Trans. PAS-98(6), 1979, tables 1-3, 5.
RBTS: R. Billinton et al., IEEE Trans. Power Syst. 4(3), 1989.
"""

from __future__ import annotations

import numpy as np

from energyopt.uptime.table import Units

# MW, number, forced outage rate
RTS_UNITS = [
    (12, 5, 0.02),
    (20, 4, 0.1),
    (50, 6, 0.01),
    (76, 4, 0.02),
    (100, 3, 0.04),
    (155, 4, 0.04),
    (197, 3, 0.05),
    (350, 1, 0.08),
    (400, 2, 0.12),
]
RBTS_UNITS = [
    (5, 2, 0.01),
    (10, 1, 0.02),
    (20, 4, 0.015),
    (20, 1, 0.025),
    (40, 1, 0.02),
    (40, 2, 0.03),
]
# Weekly peaks, percent of the annual peak; daily peaks, percent of the weekly peak.
# fmt: off
WEEKS = [86.2, 90.0, 87.8, 83.4, 88.0, 84.1, 83.2, 80.6, 74.0, 73.7, 71.5, 72.7, 70.4, 75.0,
    72.1, 80.0, 75.4, 83.7, 87.0, 88.0, 85.6, 81.1, 90.0, 88.7, 89.6, 86.1, 75.5,
    81.6, 80.1, 88.0, 72.2, 77.6, 80.0, 72.9, 72.6, 70.5, 78.0, 69.5, 72.4, 72.4,
    74.3, 74.4, 80.0, 88.1, 88.5, 90.9, 94.0, 89.0, 94.2, 97.0, 100.0, 95.2]
DAYS = [93, 100, 98, 96, 94, 77, 75]
# Hours 0 to 23, percent of the daily peak.
HOURS = {
    ("winter", "weekday"): [67, 63, 60, 59, 59, 60, 74, 86, 95, 96, 96, 95, 95, 95, 93, 94, 99,
        100, 100, 96, 91, 83, 73, 63],
    ("winter", "weekend"): [78, 72, 68, 66, 64, 65, 66, 70, 80, 88, 90, 91, 90, 88, 87, 87, 91,
        100, 99, 97, 94, 92, 87, 81],
    ("summer", "weekday"): [64, 60, 58, 56, 56, 58, 64, 76, 87, 95, 99, 100, 99, 100, 100, 97,
        96, 96, 93, 92, 92, 93, 87, 72],
    ("summer", "weekend"): [74, 70, 66, 65, 64, 62, 62, 66, 81, 86, 91, 93, 93, 92, 91, 91, 92,
        94, 95, 95, 100, 93, 88, 80],
    ("spring_fall", "weekday"): [63, 62, 60, 58, 59, 65, 72, 85, 95, 99, 100, 99, 93, 92, 90, 88, 90,
        92, 96, 98, 96, 90, 80, 70],
    ("spring_fall", "weekend"): [75, 73, 69, 66, 65, 65, 68, 74, 83, 89, 92, 94, 91, 90, 90, 86, 85,
        88, 92, 100, 97, 95, 90, 85],
}
# fmt: on


def season(week: int) -> str:
    if week <= 8 or week >= 44:
        return "winter"
    return "summer" if 18 <= week <= 30 else "spring_fall"


def load_mw(peak_mw: float) -> np.ndarray:
    """Return the 8,736 hourly loads, not rounded."""
    percents = [
        weekly * daily * hourly
        for week, weekly in enumerate(WEEKS, 1)
        for day, daily in enumerate(DAYS)
        for hourly in HOURS[season(week), "weekday" if day < 5 else "weekend"]
    ]
    return peak_mw * np.array(percents) / 1e6


def groups(units: list[tuple[int, int, float]], times: int = 1) -> list[Units]:
    return [Units(mw, times * count, out) for mw, count, out in units]
