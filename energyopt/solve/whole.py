"""A small mixed-integer program: the whole units of a few periods.

The relaxation with rounded rows leaves few whole numbers open, and those between two
neighbours: the search is there first, and elsewhere where that is not enough.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from energyopt.solve.highs import Highs, State
from energyopt.solve.rounding import Rounding

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

TIGHTENINGS = 8
"""How often rounded rows are added to the relaxation."""
NEAR_NODES, MOST_NODES = 10, 30
"""Nodes of the search: between neighbouring whole numbers, and among all."""


@dataclass(frozen=True, kw_only=True)
class WholeProgram:
    """The least of ``cost @ x`` within rows and bounds, some columns whole.

    Parameters
    ----------
    cost, lower, upper : array, shape (columns,)
    matrix : sparse.csr_array, shape (rows, columns)
    row_lower, row_upper : array, shape (rows,)
    whole : array of bool, shape (columns,)
    seed : int
    until : float
        Of the monotonic clock: when the search must end. [s]
    stop : callable, optional
        Whether it must end now.
    """

    cost: Floats
    matrix: Any
    row_lower: Floats
    row_upper: Floats
    lower: Floats
    upper: Floats
    whole: Flags
    seed: int
    until: float
    stop: Callable[[], bool] | None

    def solve(self, gap_abs: float, enough: float) -> Floats | None:
        """Return a point as good as any, or nearly, with its whole numbers exact.

        Parameters
        ----------
        gap_abs : float
            How much dearer than the best it may be. [k$]
        enough : float
            How many gaps it may cost more than relaxed, when found between neighbours.
        """
        if not self.whole.any():
            return self._exact(np.zeros(len(self.cost)), None)
        relaxed = self._relaxed()
        if relaxed is None:
            return None
        bound, x, solver = relaxed
        low, high = self.lower.copy(), self.upper.copy()
        at = self.whole
        low[at] = np.maximum(low[at], np.floor(x[at] + 1e-6))
        high[at] = np.minimum(high[at], np.ceil(x[at] - 1e-6))
        if (low == high)[at].all():
            return self._exact(low, solver)
        near = self._mip((low, high), gap_abs, NEAR_NODES)
        if near is not None and self.cost @ near - bound <= enough * gap_abs:
            return self._exact(near, solver)
        found = self._mip((self.lower, self.upper), gap_abs, MOST_NODES, near)
        found = near if found is None else found
        return None if found is None else self._exact(found, solver)

    def _relaxed(self) -> tuple[float, Floats, Highs] | None:
        """Return cost, point and solver of the relaxation with rounded rows."""
        rows, bounds = (self.row_lower, self.row_upper), (self.lower, self.upper)
        solver = Highs({"threads": 1, "random_seed": self.seed, "solver": "simplex"})
        solver.load(self.cost, self.matrix, *rows, *bounds)
        outcome = solver.run()
        if outcome.state != State.kOptimal:
            return None
        x = solver.values()
        matrix = sparse.csr_array(self.matrix, copy=True)
        matrix.eliminate_zeros()
        single = np.flatnonzero(np.diff(matrix.indptr) == 1)
        no_size = np.zeros(len(x), dtype=bool)
        rounding = Rounding(matrix, *rows, self.whole, no_size, len(x), single)
        boxed = rounding.within(*bounds)
        for _ in range(TIGHTENINGS):
            rounded = boxed.violated(x)
            count = len(rounded.least)
            if not count:
                break
            solver.h.addRows(
                count,
                rounded.least,
                np.full(count, np.inf),
                rounded.matrix.nnz,
                rounded.matrix.indptr[:-1].astype(np.int32),
                rounded.matrix.indices.astype(np.int32),
                rounded.matrix.data,
            )
            tighter = solver.run()
            if tighter.state == State.kInfeasible:
                return None
            if tighter.state != State.kOptimal:
                break
            outcome, x = tighter, solver.values()
        return outcome.objective, x, solver

    def _mip(
        self,
        bounds: tuple[Floats, Floats],
        gap_abs: float,
        nodes: int,
        start: Floats | None = None,
    ) -> Floats | None:
        """Return the best point found in so many nodes."""
        solver = Highs(
            {
                "threads": 1,
                "random_seed": self.seed,
                "mip_rel_gap": 0.0,
                "mip_abs_gap": gap_abs,
                "mip_max_nodes": nodes,
                "time_limit": max(self.until - time.monotonic(), 0.1),
            }
        )
        solver.watch(self.stop)
        rows = self.row_lower, self.row_upper
        solver.load(self.cost, self.matrix, *rows, *bounds, self.whole)
        if start is not None:
            solver.start_from(start)
        return solver.values() if solver.run().feasible else None

    def _exact(self, values: Floats, relaxed: Highs | None) -> Floats | None:
        """Return the best point with the whole numbers of another, exactly.

        The relaxation, whose rounded rows hold for them, is near to it if there is one.
        """
        at = np.flatnonzero(self.whole).astype(np.int32)
        lower, upper = self.lower.copy(), self.upper.copy()
        lower[at] = upper[at] = np.round(values[at])
        if relaxed is not None:
            relaxed.h.changeColsBounds(len(at), at, lower[at], lower[at])
            if relaxed.run().optimal:
                return np.clip(relaxed.values(), lower, upper)
        solver = Highs({"threads": 1, "random_seed": self.seed})
        solver.load(
            self.cost, self.matrix, self.row_lower, self.row_upper, lower, upper
        )
        if solver.run().state != State.kOptimal:
            return None
        return np.clip(solver.values(), lower, upper)
