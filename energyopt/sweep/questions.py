"""What a run may be asked for instead of the least-cost plant of its case."""

from __future__ import annotations

from dataclasses import dataclass

UPTIME = "reliability.gpu_uptime_frac"
MEASURE_OF = {
    "limits.co2_t_per_yr": "co2_t_per_yr",
    "limits.nox_t_per_yr": "nox_t_per_yr",
    "limits.water_m3_per_yr": "water_m3_per_yr",
    "limits.land_km2": "land_km2",
    "limits.capital_usd": "capital_usd",
    "limits.renewable_share_frac": "renewable_share_frac",
    UPTIME: "sampled_uptime_frac",
}
"""Limits that a frontier may go along, and what the table calls their use."""
FLOORS = ("limits.renewable_share_frac", UPTIME)
"""Those of which more is asked, not less."""


@dataclass(frozen=True)
class LeastOf:
    """The least that a limit could be; of a share, the most."""

    limit: str

    @property
    def strictest(self) -> float:
        """The value of the limit that no plant could beat."""
        if self.limit == UPTIME:
            return 1 - 1e-9  # 1 itself is no uptime
        return 1.0 if self.limit in FLOORS else 0.0


@dataclass(frozen=True)
class Near:
    """A plant with the least or the most of a technology, not much dearer."""

    technology: str
    most: bool
    extra_frac: float

    @property
    def label(self) -> str:
        """In words: ``least solar within 2 %``."""
        end = "most" if self.most else "least"
        return f"{end} {self.technology} within {100 * self.extra_frac:g} %"


Ask = LeastOf | Near
