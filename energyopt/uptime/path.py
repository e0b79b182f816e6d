"""The path to an uptime target: each round's plant, what it costs, how it did."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from energyopt.needs import Needs


@dataclass(frozen=True)
class Uptime:
    """GPU energy served in sampled years, with its interval."""

    frac: float
    low_frac: float
    high_frac: float
    years: int
    effective_years: float
    seed: int


@dataclass(frozen=True)
class Round:
    """One plant of the path, and what became of it."""

    number: int
    sizes: dict[str, float]  # "recip.installed_units" -> number
    objective_usd_per_yr: float
    bound_usd_per_yr: float
    lcoe_usd_per_mwh: float
    most_frac: float  # uptime that no operation of these sizes beats
    uptime: Uptime | None  # None: the bound already lies below the target
    held_out: Uptime | None
    met: bool
    lost_mwh_by_cause: dict[str, float]  # of the facility, a year
    asked: str  # of the next
    what: str = ""  # it is, if not the cheapest that meets what was asked


@dataclass
class Path:
    """The rounds so far."""

    target_frac: float
    confidence_frac: float
    common_causes: bool
    rounds: list[Round] = field(default_factory=list)
    smaller: list[dict[str, Any]] = field(default_factory=list)
    needs: Needs = field(default_factory=Needs)

    @property
    def met(self) -> bool:
        """Whether the last plant was shown to meet the target."""
        return bool(self.rounds) and self.rounds[-1].met

    def document(self) -> dict[str, Any]:
        """Return plain data for ``summary.json``."""
        return {
            "gpu_uptime_frac": self.target_frac,
            "confidence_frac": self.confidence_frac,
            "common_causes": self.common_causes,
            "met": self.met,
            "rounds": [asdict(one) for one in self.rounds],
            "smaller": self.smaller,
        }
