"""How a solve ended, and how it got there."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf, isfinite
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from energyopt.solve.reuse import Kept

Status = Literal["optimal", "limit", "interrupted", "infeasible"]
Method = Literal["auto", "decomposed", "monolithic"]


@dataclass(frozen=True)
class Progress:
    """One step on the way: the best plant so far and what no plant can beat.

    Parameters
    ----------
    elapsed_s : float
        Since the solve began. [s]
    incumbent, bound : float
        In the model's units; infinite while there is none. [k$/yr]
    stage : str
        What is being done, in a few words.
    """

    elapsed_s: float
    incumbent: float
    bound: float
    stage: str = ""

    @property
    def gap_frac(self) -> float:
        """Incumbent less bound, over the incumbent. [1]."""
        return relative_gap(self.incumbent, self.bound)


@dataclass(frozen=True)
class SolveRecord:
    """How a solve ended; the plant itself is in the Pyomo variables.

    Parameters
    ----------
    status : str
        ``optimal``: within the gap that was asked for. ``limit`` and
        ``interrupted``: stopped early, with the best plant found.
    objective, bound : float
        Cost of the plant, and what no plant can beat. [k$/yr]
    gap_frac : float
        Objective less bound, over the objective. [1]
    method : str
        ``decomposed`` or ``monolithic``, as it was really done.
    seconds : float
        Of the solve, and of compiling the model where that was not done before. [s]
    rows, columns, integers, nonzeros : int
        Size of the whole problem.
    coefficient_range : tuple of float
        Smallest and largest absolute coefficient in the constraints.
    options : dict
        What HiGHS was told, as it accepted it.
    threads : int
        Threads in use.
    messages : list of str
        What the user should know: a method that failed, a bound that was widened.
    path : list of Progress
        Incumbent and bound over time.
    kept : Kept, optional
        Cuts and plant, for neighbouring cases, where they were asked for.
    """

    status: Status
    objective: float
    bound: float
    gap_frac: float
    method: str
    seconds: float
    rows: int
    columns: int
    integers: int
    nonzeros: int
    coefficient_range: tuple[float, float]
    options: dict[str, Any] = field(default_factory=dict)
    threads: int = 1
    messages: list[str] = field(default_factory=list)
    path: list[Progress] = field(default_factory=list)
    kept: Kept | None = None


def relative_gap(incumbent: float, bound: float) -> float:
    """Return how much cheaper a better plant could be, as a share of this one's cost.

    Parameters
    ----------
    incumbent, bound : float
        Cost of the plant found, and what no plant can beat. [any]

    Returns
    -------
    float
        Infinite while either is missing; 0 where the bound passes the incumbent
        by rounding. [1]

    Examples
    --------
    >>> relative_gap(200.0, 199.0), relative_gap(float("inf"), 199.0)
    (0.005, inf)
    """
    if not (isfinite(incumbent) and isfinite(bound)):
        return inf
    return max(0.0, incumbent - bound) / max(abs(incumbent), 1e-9)
