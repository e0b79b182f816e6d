"""A year dispatched without foresight: windows planned on forecasts, hours on the truth.

At each step whole units are committed on the forecast, as a small MIP of a window of
hours; beyond the step, which the next plan decides, units need not be whole. Then each hour of the step comes true: its rows, bounds and costs are the truth's, those
of the rest of the window the forecast's, and the window is solved again with the units
as committed. Where that leaves load or a soft row short, or has no solution, units that
are quick enough may start or stop from that hour on. The past is never changed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from energyopt.errors import NoSolutionError
from energyopt.solve.aligned import Frame
from energyopt.solve.compile import NO_HOUR
from energyopt.solve.highs import Highs
from energyopt.solve.windows import Window, Windows

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

SHORT = 1e-5
"""Breach of a soft row, or use of a last resort beyond the plan, that calls for units."""
WINDOW_S = 20.0
"""Seconds after which the best commitment of a window so far is taken."""


@dataclass
class Rolled:
    """How the hours came true.

    Parameters
    ----------
    x : array, shape (columns of the frame,)
        The realised year.
    as_planned, redispatched, recommitted, overridden : int
        Hours taken over from the plan; dispatched anew with the units of the plan; with
        quick units started or stopped; with slow units stopped or started too.
    bent : dict
        Component of a soft row -> (hours, sum of breaches, worst breach).
    """

    x: Floats
    as_planned: int = 0
    redispatched: int = 0
    recommitted: int = 0
    overridden: int = 0
    bent: dict[str, tuple[int, float, float]] = field(default_factory=dict)
    windows: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Rules:
    """What the operator may do, by the names of Pyomo components.

    Parameters
    ----------
    quick : callable
        Whether an integer column can change within the hour.
    last_resort : callable
        Whether use of a column beyond the plan calls for quick units: lost load.
    window_h, step_h : int
        Hours planned, and hours realised before the next plan. [h]
    gap_abs : float
        Proven gap at which a window's commitment is taken. [k$]
    """

    quick: Callable[[str], bool]
    last_resort: Callable[[str], bool]
    window_h: int = 48
    step_h: int = 24
    gap_abs: float = 0.0


class Rolling:
    """The walk through the hours of a frame.

    Parameters
    ----------
    windows : Windows
        The frame, cut where it is asked.
    rules : Rules
    on_hours : callable
        Called with the hours done so far.
    """

    def __init__(
        self,
        windows: Windows,
        rules: Rules,
        on_hours: Callable[[int], None] = lambda hours: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self.windows, self.rules = windows, rules
        self.on_hours, self.stop = on_hours, stop
        frame: Frame = windows.frame
        names = [name for name, _ in frame.column_names]
        family = frame.column_family
        self.quick = np.array([rules.quick(n) for n in names])[family] & frame.integer
        self.last_resort = np.array([rules.last_resort(n) for n in names])[family]
        self.frame = frame
        self.planned = windows.x.copy()
        self.found = Rolled(windows.x)

    def run(self, chains: Sequence[range]) -> Rolled:
        """Walk through each chain of hours from its first to its last.

        Raises
        ------
        NoSolutionError
            If not even with every rule bent an hour has a solution.
        """
        begun = time.perf_counter()
        for chain in chains:
            for first in range(chain.start, chain.stop, self.rules.step_h):
                if self.stop():
                    raise NoSolutionError("interrupted before the year was dispatched")
                self._step(chain, first)
                self.on_hours(min(first + self.rules.step_h, chain.stop))
        self.found.seconds = time.perf_counter() - begun
        return self.found

    def _step(self, chain: range, first: int) -> None:
        """Plan a window, and let the hours of one step come true."""
        end = min(first + self.rules.window_h, chain.stop)
        last = min(first + self.rules.step_h, chain.stop)
        window = self.windows.cut(chain, first, end, planned_at=first)
        whole = self._whole(window, last)
        values = self._first_of((window.strict(), window), whole)
        if values is None:
            values = self._forced(window, whole)
        self.found.windows += 1
        self.planned[window.span] = values[: len(window.integer)]
        on_plan = True
        for t in range(first, last):
            hour = self.windows.of_hours(t, t + 1)
            on_plan = on_plan and self.windows.as_forecast(t, first)
            if on_plan:
                self.windows.x[hour] = self.planned[hour]
                self.found.as_planned += 1
                self._note_bent(window, values, t)
            else:
                self._realise(chain, t, last, end, first)

    def _whole(self, window: Window, last: int) -> Flags:
        """Return the columns that must be whole: those of the step, none beyond it."""
        return window.integer & (self.frame.column_hour[window.span] < last)

    def _realise(
        self, chain: range, t: int, last: int, end: int, planned_at: int
    ) -> None:
        """Let one hour come true; the later ones are planned again around it."""
        window = self.windows.cut(chain, t, end, planned_at, true_until=t + 1)
        whole = self._whole(window, last)
        values = self._solve(window, self._none(window), held=whole)
        hour = self.windows.of_hours(t, t + 1)
        inside = slice(0, hour.stop - hour.start)
        if values is not None and not self._short(window, values, inside):
            self.found.redispatched += 1
        else:
            quick = self.quick[window.span] & whole
            better = None
            if quick.any():
                both = (window.strict(), window)
                better = self._first_of(both, quick, held=whole & ~quick)
            if better is not None:
                values = better
                own = values[inside][whole[inside]]
                moved = own != self.planned[hour][whole[inside]]
                self.found.recommitted += int(moved.any())
                self.found.redispatched += int(not moved.any())
            elif values is None:
                self.found.overridden += 1
                values = self._forced(window, whole)
            else:
                self.found.redispatched += 1
            self.planned[window.span] = values[: len(whole)]
        self.windows.x[hour] = values[inside]
        self._note_bent(window, values, t)

    @staticmethod
    def _none(window: Window) -> Flags:
        return np.zeros(len(window.integer), dtype=bool)

    def _short(self, window: Window, values: Floats, inside: slice) -> bool:
        """Return whether the hour breaks a soft row, or sheds load beyond the plan.

        A yearly limit that the rest of the window would overdraw counts too.
        """
        resort = self.last_resort[window.span][inside]
        more = (values[inside] - self.planned[window.span][inside])[resort]
        bent = values[np.append(window.slack_of(0), window.slack_of(NO_HOUR))]
        return bool((more > SHORT).any() or (bent > SHORT).any())

    def _first_of(
        self, windows: Sequence[Window], integer: Flags, held: Flags | None = None
    ) -> Floats | None:
        """Return the best point of the first window that has one."""
        for window in windows:
            values = self._solve(window, integer, held)
            if values is not None:
                return values
        return None

    def _solve(
        self, window: Window, integer: Flags, held: Flags | None = None
    ) -> Floats | None:
        """Return the best point of a window, or none; some columns are held as planned."""
        lower, upper = window.lower.copy(), window.upper.copy()
        if held is not None:
            at = np.flatnonzero(held)
            kept = np.clip(self.planned[window.span][at], lower[at], upper[at])
            lower[at] = upper[at] = np.round(kept)
        integer = self._padded(window, integer)
        options: dict[str, Any] = {"threads": 1, "time_limit": WINDOW_S}
        if integer.any():
            options |= {"mip_abs_gap": self.rules.gap_abs, "mip_rel_gap": 0.0}
        else:
            options |= {"solver": "simplex", "presolve": "off"}  # small: half the time
        solver = Highs(options)
        solver.load(
            window.cost,
            window.matrix,
            window.row_lower,
            window.row_upper,
            lower,
            upper,
            integer,
        )
        if not solver.run().feasible:
            return None
        values = np.clip(solver.values(), lower, upper)
        values[integer] = np.round(values[integer])
        return values

    @staticmethod
    def _padded(window: Window, flags: Flags) -> Flags:
        """Return flags of the window's own columns, none of its slacks."""
        found = np.zeros(len(window.cost), dtype=bool)
        found[: len(flags)] = flags
        return found

    def _forced(self, window: Window, integer: Flags) -> Floats:
        """Return a point with slow units free too; at last with laws broken."""
        values = self._first_of((window.strict(), window, window.elastic()), integer)
        if values is not None:
            return values[: len(window.cost)]
        raise NoSolutionError("an hour of the rolling year has no dispatch")

    def _note_bent(self, window: Window, values: Floats, t: int) -> None:
        """Add up what soft rows of a hour are broken by."""
        slack = window.slack_of(t - window.first)
        for name, over in zip(window.slack_names(slack), values[slack], strict=True):
            if over > SHORT:
                hours, total, worst = self.found.bent.get(name, (0, 0.0, 0.0))
                self.found.bent[name] = hours + 1, total + over, max(worst, over)
