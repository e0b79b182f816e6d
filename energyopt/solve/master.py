"""The master problem: sizes, edges and budgets, and what the periods' cuts say.

Columns are those of the border, then one for the cost of each period. Two copies are
kept in HiGHS: one is solved for the bound by the dual simplex, the other for the next
point by an interior-point method that stops near the middle of all points within a
level of cost (no crossover), which keeps the points from jumping about.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from energyopt.errors import InfeasibleError, NoSolutionError
from energyopt.solve.highs import Highs, State
from energyopt.solve.periods import Border
from energyopt.solve.subproblem import Cut

Floats = NDArray[np.float64]


class Master:
    """Rows among master columns, and the cuts so far.

    Parameters
    ----------
    border : Border
    floor : array, shape (periods,)
        A cost that no period can go below. [k$]
    weight : array, shape (periods,)
        How often each period counts.
    offset : float
        Constant of the objective. [k$]
    seed : int
    """

    def __init__(
        self, border: Border, floor: Floats, weight: Floats, offset: float, seed: int
    ) -> None:
        self.border = border
        self.offset = offset
        self.seed = seed
        self.periods = len(floor)
        self.size = border.columns
        self.cost = np.concatenate([border.cost, weight])
        self.lower = np.concatenate([border.lower, floor])
        self.upper = np.concatenate([border.upper, np.full(self.periods, np.inf)])
        self.matrix = sparse.csr_array(
            sparse.hstack(
                [
                    border.matrix,
                    sparse.csr_array((border.matrix.shape[0], self.periods)),
                ]
            )
        )
        self.row_lower, self.row_upper = border.row_lower, border.row_upper
        self.cuts: list[Cut] = []
        self._feasibility: list[bool] = []
        self.bounding = Highs({"threads": 1, "random_seed": seed, "solver": "simplex"})
        self.bounding.load(
            self.cost,
            self.matrix,
            self.row_lower,
            self.row_upper,
            self.lower,
            self.upper,
        )
        self.middle = Highs(
            {
                "threads": 1,
                "random_seed": seed,
                "solver": "ipx",
                "run_crossover": "off",
                "ipm_optimality_tolerance": 1e-3,
            }
        )
        n = len(self.cost)
        level_row = sparse.csr_array(self.cost.reshape(1, -1))
        self.level_row = self.matrix.shape[0]
        self.middle.load(
            np.zeros(n),
            sparse.vstack([self.matrix, level_row]),
            np.append(self.row_lower, -np.inf),
            np.append(self.row_upper, np.inf),
            self.lower,
            self.upper,
        )

    def add(self, cuts: list[Cut], *, feasibility: bool = False) -> None:
        """Add cuts: on the cost of their periods, or on the master's point alone."""
        if not cuts:
            return
        starts: list[int] = []
        index: list[int] = []
        value: list[float] = []
        constant: list[float] = []
        for cut in cuts:
            starts.append(len(index))
            if not feasibility:
                index.append(self.size + cut.period)
                value.append(1.0)
            index.extend(cut.index.tolist())
            value.extend((-cut.slope).tolist())
            constant.append(cut.constant)
        self.cuts += cuts
        self._feasibility += [feasibility] * len(cuts)
        for solver in (self.bounding, self.middle):
            solver.h.addRows(
                len(cuts),
                np.array(constant),
                np.full(len(cuts), np.inf),
                len(index),
                np.array(starts, dtype=np.int32),
                np.array(index, dtype=np.int32),
                np.array(value),
            )

    def fix(self, columns: NDArray[np.intp], lower: Floats, upper: Floats) -> None:
        """Give master columns other bounds."""
        self.lower[columns], self.upper[columns] = lower, upper
        for solver in (self.bounding, self.middle):
            solver.h.changeColsBounds(
                len(columns), columns.astype(np.int32), lower, upper
            )

    def keep_back(self, margin: Floats) -> None:
        """Move the limits of shared rows inwards; below 0 for lower limits.

        The bound is then not one of the problem: a margin is for guidance, and 0
        takes it back.
        """
        first = self.matrix.shape[0] - len(margin)
        for solver in (self.bounding, self.middle):
            for r, part in enumerate(margin.tolist()):
                row = first + r
                low, high = self.row_lower[row] - part, self.row_upper[row] - part
                solver.h.changeRowBounds(row, low, high)

    def bound(self) -> tuple[float, Floats]:
        """Return the least cost that the cuts allow, and a point that has it.

        Raises
        ------
        InfeasibleError
            If no master point meets the rows and cuts.
        """
        outcome = self.bounding.run()
        if outcome.state != State.kOptimal:
            self.bounding.h.clearSolver()
            outcome = self.bounding.run()
        if outcome.state in (State.kInfeasible, State.kUnboundedOrInfeasible):
            raise InfeasibleError(
                "no plant meets every limit (proved by the master problem)"
            )
        if outcome.state != State.kOptimal:
            raise NoSolutionError(f"the master problem ended with {outcome.name}")
        return outcome.objective + self.offset, self.bounding.values()[: self.size]

    def point(self, level: float) -> Floats | None:
        """Return a point in the middle of those that cost at most ``level``.

        ``None`` where the interior-point method found none.
        """
        self.middle.h.changeRowBounds(
            self.level_row,
            -np.inf,
            level - self.offset if np.isfinite(level) else np.inf,
        )
        self.middle.h.clearSolver()
        outcome = self.middle.run()
        if outcome.state not in (State.kOptimal, State.kUnknown):
            return None
        values = self.middle.values()
        if not len(values) or not np.isfinite(values).all():
            return None
        return np.clip(values[: self.size], self.border.lower, self.border.upper)

    def as_mip(
        self,
        columns: NDArray[np.intp],
        gap_frac: float,
        time_limit_s: float,
        stop: Callable[[], bool] | None = None,
        presolve: str = "choose",
    ) -> Highs:
        """Return the master with its present rows, bounds and cuts, some columns whole."""
        integer = np.zeros(len(self.cost), dtype=bool)
        integer[columns] = True
        solver = Highs(
            {
                "threads": 1,
                "random_seed": self.seed,
                "mip_rel_gap": gap_frac,
                "presolve": presolve,
                "time_limit": max(time_limit_s, 0.1),
            }
        )
        solver.watch(stop)
        matrix, row_lower, row_upper = self._all_rows()
        solver.load(
            self.cost,
            matrix,
            row_lower,
            row_upper,
            self.lower,
            self.upper,
            integer,
            self.offset,
        )
        return solver

    def whole(self, columns: NDArray[np.intp], solver: Highs) -> tuple[float, Floats]:
        """Return the bound, and a best point, of the master as a MIP.

        Raises
        ------
        InfeasibleError
            If no master point with whole numbers meets the rows and cuts.
        """
        outcome = solver.run()
        if outcome.state in (State.kInfeasible, State.kUnboundedOrInfeasible):
            raise InfeasibleError(
                "no plant meets every limit (proved by the master problem)"
            )
        if not outcome.feasible:
            raise NoSolutionError(f"the master problem ended with {outcome.name}")
        z = solver.values()[: self.size]
        z[columns] = np.round(z[columns])
        return outcome.bound, np.clip(z, self.border.lower, self.border.upper)

    def _all_rows(self) -> tuple[Any, Floats, Floats]:
        """Return the rows of the master and its cuts."""
        starts = [0]
        index: list[Any] = []
        value: list[Any] = []
        for cut, feasibility in zip(self.cuts, self._feasibility, strict=True):
            if not feasibility:
                index.append(np.array([self.size + cut.period]))
                value.append(np.array([1.0]))
            index.append(cut.index)
            value.append(-cut.slope)
            starts.append(starts[-1] + len(cut.index) + (not feasibility))
        if not self.cuts:
            return self.matrix, self.row_lower, self.row_upper
        cuts = sparse.csr_array(
            (np.concatenate(value), np.concatenate(index), np.array(starts)),
            shape=(len(self.cuts), len(self.cost)),
        )
        return (
            sparse.vstack([self.matrix, cuts]),
            np.append(self.row_lower, [cut.constant for cut in self.cuts]),
            np.append(self.row_upper, np.full(len(self.cuts), np.inf)),
        )
