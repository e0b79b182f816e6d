"""The master problem: sizes, edges and budgets, and what the periods' cuts say.

Columns are those of the border, then one for the cost of each period. Two copies are
kept in HiGHS: one is solved for the bound by the dual simplex, the other for the next
point by an interior-point method that stops near the middle of all points within a
level of cost (no crossover), which keeps the points from jumping about.
"""

from __future__ import annotations

import threading
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from energyopt.errors import InfeasibleError, NoSolutionError
from energyopt.solve.highs import PRIMAL_SIMPLEX, Highs, State
from energyopt.solve.periods import Border
from energyopt.solve.subproblem import Cut

if TYPE_CHECKING:
    from energyopt.solve.rounds import Journal

Floats = NDArray[np.float64]

NEAR_CUTS = 8
"""Of each period, those that are tried alone at first where a proof is sought."""


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
        self._cut_rows = sparse.csr_array((0, len(self.cost)))
        self._cut_least = np.empty(0)
        self._one_reader = threading.Lock()
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

    def forget(self, first: int) -> None:
        """Take back the cuts from the ``first``-th on."""
        count = len(self.cuts) - first
        if not count:
            return
        del self.cuts[first:], self._feasibility[first:]
        self._cut_rows, self._cut_least = (
            self._cut_rows[:first],
            self._cut_least[:first],
        )
        for solver in (self.bounding, self.middle):
            rows = solver.h.getNumRow()
            gone = np.arange(rows - count, rows, dtype=np.int32)
            solver.h.deleteRows(count, gone)

    def ranges(
        self, columns: NDArray[np.intp], most: float, executor: Executor | None = None
    ) -> tuple[Floats, Floats]:
        """Return the least and most of columns among points that cost at most ``most``.

        Where nothing costs so little, they are the columns' own bounds.
        """
        low, high = self.lower[columns], self.upper[columns]
        if not self.bounding.run().optimal:
            return low, high
        lp, basis = self.bounding.h.getLp(), self.bounding.basis()

        def end(job: tuple[int, float]) -> float | None:
            column, sign = job
            solver = self.bounding.twin(lp)
            solver.start_from_basis(basis)
            n = len(self.cost)
            every = np.arange(n, dtype=np.int32)
            solver.h.addRow(-np.inf, most - self.offset, n, every, self.cost)
            # Another objective leaves the last point feasible, and no dual is.
            solver.set(simplex_strategy=PRIMAL_SIMPLEX)
            objective = np.zeros(n)
            objective[column] = sign
            solver.h.changeColsCost(n, every, objective)
            outcome = solver.run()
            found = outcome.optimal and outcome.feasible
            return sign * outcome.objective if found else None

        jobs = [(k, sign) for k in columns.tolist() for sign in (1.0, -1.0)]
        ends = list(executor.map(end, jobs) if executor else map(end, jobs))
        for i in range(len(columns)):
            least, greatest = ends[2 * i : 2 * i + 2]
            low[i] = low[i] if least is None else least
            high[i] = high[i] if greatest is None else greatest
        return low, high

    def fix(self, columns: NDArray[np.intp], lower: Floats, upper: Floats) -> None:
        """Give master columns other bounds."""
        self.lower[columns], self.upper[columns] = lower, upper
        for solver in (self.bounding, self.middle):
            solver.h.changeColsBounds(
                len(columns), columns.astype(np.int32), lower, upper
            )

    def hold(self, lower: Floats, upper: Floats) -> None:
        """Give all master columns other bounds."""
        self.fix(np.arange(self.size), lower, upper)

    def keep_back(self, margin: Floats) -> None:
        """Move the limits of shared rows inwards; below 0 for lower limits.

        The bound is then not one of the problem: a margin is for guidance, and 0
        takes it back.
        """
        first = self.matrix.shape[0] - len(margin)
        rows = np.arange(first, first + len(margin), dtype=np.int32)
        shift = np.zeros(self.matrix.shape[0])
        shift[rows] = margin
        self.row_lower = self.border.row_lower - shift
        self.row_upper = self.border.row_upper - shift
        for solver in (self.bounding, self.middle):
            for row in rows.tolist():
                low, high = self.row_lower[row], self.row_upper[row]
                solver.h.changeRowBounds(row, low, high)

    def bound(self) -> tuple[float, Floats]:
        """Return the least cost that the cuts allow, and a point that has it.

        Raises
        ------
        InfeasibleError
            If no master point meets the rows and cuts.
        """
        outcome = self.bounding.run()
        if not (outcome.optimal and outcome.feasible):
            self.bounding.h.clearSolver()
            outcome = self.bounding.run()
        if outcome.state in (State.kInfeasible, State.kUnboundedOrInfeasible):
            raise InfeasibleError(
                "no plant meets every limit (proved by the master problem)"
            )
        if outcome.state != State.kOptimal:
            raise NoSolutionError(f"the master problem ended with {outcome.name}")
        values, duals = self.bounding.values_and_duals()
        return self._proven(duals) + self.offset, values[: self.size]

    def price(self) -> Floats:
        """Return what a unit of each shared row was worth at the last bound. [k$]

        Shape (shared,); for upper and lower limits alike a positive number.
        """
        duals: Floats = self.bounding.values_and_duals()[1]
        own = self.matrix.shape[0]
        return np.abs(duals[own - len(self.border.shared) : own])

    def _proven(self, dual: Floats) -> float:
        """Return the bound that row duals prove, whatever their quality.

        ``y.b + sum(min(d l, d u))`` with ``d = c - A'y``. The cost of a period has no
        upper bound: where duals of its cuts add up to more than its weight, by
        rounding, they are scaled down to it.
        """
        matrix, row_lower, row_upper = self._all_rows()
        dual = np.where(
            np.isfinite(np.where(dual > 0, row_lower, row_upper)), dual, 0.0
        )
        first, size = self.matrix.shape[0], self.size
        period = np.array([cut.period for cut in self.cuts], dtype=np.intp)
        period[np.array(self._feasibility, dtype=bool)] = -1
        on_cost = np.flatnonzero(period >= 0)
        total = np.bincount(
            period[on_cost], dual[first + on_cost], minlength=self.periods
        )
        weight = self.cost[size:]
        scale = np.where(total > weight, weight / np.maximum(total, 1e-300), 1.0)
        dual[first + on_cost] *= scale[period[on_cost]]
        reduced = self.cost - matrix.T @ dual
        reduced[size:] = np.maximum(reduced[size:], 0.0)  # rounding of the scaling
        low, high = np.where(dual > 0, row_lower, 0.0), np.where(dual < 0, row_upper, 0)
        ends = np.where(reduced > 0, self.lower, np.where(reduced < 0, self.upper, 0.0))
        return float(dual @ (low + high) + reduced @ ends)

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

    def whole(
        self,
        columns: NDArray[np.intp],
        gap_frac: float,
        journal: Journal,
        *,
        apart: NDArray[np.intp] | None = None,
        tried: list[Floats] | None = None,
        most: float = np.inf,
        presolve: str = "choose",
        first: NDArray[np.intp] | None = None,
    ) -> tuple[float, Floats]:
        """Return the bound, and a best point, of the master with some columns whole.

        Parameters
        ----------
        columns : array of int
        apart, tried : array of int, list of array
            Whole columns, and their values that are not wanted again.
        most : float
            What the point may cost. [k$]
        presolve : str
            HiGHS's option.
        first : array of int, optional
            Cuts of which to try first whether they alone leave no point: few cuts are
            settled several times faster, and what they forbid all forbid.

        Raises
        ------
        InfeasibleError
            If no master point with whole numbers meets the rows and cuts.
        """
        for chosen in (first, None) if first is not None else (None,):
            solver = Highs(
                {
                    "threads": 1,
                    "random_seed": self.seed,
                    "mip_rel_gap": gap_frac if chosen is None else np.inf,
                    "presolve": presolve,
                    "time_limit": max(journal.left_s, 0.1),
                }
            )
            solver.watch(journal.stop)
            self._load_whole(solver, columns, apart, tried, most, chosen)
            outcome = solver.run()
            if outcome.state in (State.kInfeasible, State.kUnboundedOrInfeasible):
                raise InfeasibleError(
                    "no plant meets every limit (proved by the master problem)"
                )
        if not outcome.feasible:
            journal.check_time()
            raise NoSolutionError(f"the master problem ended with {outcome.name}")
        z = solver.values()[: self.size]
        z[columns] = np.round(z[columns])
        return outcome.bound, np.clip(z, self.border.lower, self.border.upper)

    def _load_whole(
        self,
        solver: Highs,
        columns: NDArray[np.intp],
        apart: NDArray[np.intp] | None,
        tried: list[Floats] | None,
        most: float,
        chosen: NDArray[np.intp] | None,
    ) -> None:
        """Give a solver the master with whole columns, and all cuts or those chosen."""
        integer = np.zeros(len(self.cost), dtype=bool)
        integer[columns] = True
        matrix, row_lower, row_upper = self._all_rows()
        if chosen is not None:
            own = self.matrix.shape[0]
            rows = np.append(np.arange(own), own + chosen)
            matrix, row_lower, row_upper = (
                matrix[rows],
                row_lower[rows],
                row_upper[rows],
            )
        if np.isfinite(most):
            matrix = sparse.vstack([matrix, self.cost.reshape(1, -1)])
            row_lower = np.append(row_lower, -np.inf)
            row_upper = np.append(row_upper, most - self.offset)
        extra = 0
        if apart is not None and tried:
            other, limit = self._other_than(apart, tried)
            extra = other.shape[1] - matrix.shape[1]
            none = sparse.csr_array((matrix.shape[0], extra))
            matrix = sparse.vstack([sparse.hstack([matrix, none]), other])
            row_lower = np.append(row_lower, np.full(len(limit), -np.inf))
            row_upper = np.append(row_upper, limit)
        solver.load(
            np.append(self.cost, np.zeros(extra)),
            matrix,
            row_lower,
            row_upper,
            np.append(self.lower, np.zeros(extra)),
            np.append(self.upper, np.ones(extra)),
            np.append(integer, np.ones(extra, dtype=bool)),
            self.offset,
        )

    def near_cuts(self, each: int = NEAR_CUTS) -> NDArray[np.intp]:
        """Return the cuts that are tightest where the cuts' own optimum lies.

        Parameters
        ----------
        each : int
            How many of each period, at most.
        """
        outcome = self.bounding.run()
        if not outcome.optimal:
            return np.arange(len(self.cuts))
        matrix, row_lower, _ = self._all_rows()
        own = self.matrix.shape[0]
        slack = (matrix @ self.bounding.values() - row_lower)[own:]
        period = np.array([cut.period for cut in self.cuts], dtype=np.intp)
        order = np.lexsort((slack, period))  # stable, by period and then by slack
        starts = np.flatnonzero(np.diff(period[order], prepend=-1))
        rank = np.arange(len(order)) - np.repeat(
            starts, np.diff(np.append(starts, len(order)))
        )
        return np.sort(order[rank < each])

    def _other_than(
        self, apart: NDArray[np.intp], tried: list[Floats]
    ) -> tuple[Any, Floats]:
        """Return rows ``matrix @ (columns, flags) <= limit``: some column differs.

        One flag for each column and direction; at least one of those of each tried
        choice is 1, and then the column is lower, or higher, by one or more.
        """
        lower, upper = self.lower[apart], self.upper[apart]
        rows, columns, values = [], [], []
        limit: list[float] = []
        flag = len(self.cost)
        for choice in tried:
            first = flag
            for k, at, low, high in zip(
                apart.tolist(), choice.tolist(), lower, upper, strict=True
            ):
                for sign, room, most in (
                    (1.0, high - at + 1, high),
                    (-1.0, at + 1 - low, -low),
                ):
                    if (at > low) if sign > 0 else (at < high):
                        rows += [len(limit)] * 2
                        columns += [k, flag]
                        values += [sign, room]
                        limit.append(most)
                        flag += 1
            rows += [len(limit)] * (flag - first)
            columns += range(first, flag)
            values += [-1.0] * (flag - first)
            limit.append(-1.0)
        shape = (len(limit), flag)
        return sparse.csr_array((values, (rows, columns)), shape=shape), np.array(limit)

    def implied(
        self, low: Floats, high: Floats, columns: NDArray[np.intp]
    ) -> tuple[Floats, Floats]:
        """Return bounds in which whole ``columns`` are as near as each row alone says.

        Parameters
        ----------
        low, high : array, shape (master columns,)
        columns : array of int
        """
        low, high = low.copy(), high.copy()
        n = self.border.matrix.shape[0]
        coo = self.matrix[:n, : self.size].tocoo()
        mine = np.zeros(self.size, dtype=bool)
        mine[columns] = True
        for _ in range(len(columns)):
            before = low[columns].sum() - high[columns].sum()
            for sign, limit in ((1.0, self.row_upper), (-1.0, -self.row_lower)):
                a = sign * coo.data
                least = np.where(a > 0, a * low[coo.col], a * high[coo.col])
                total = np.bincount(coo.row, least, n)
                use = mine[coo.col] & np.isfinite(limit[:n][coo.row])
                j, part = coo.col[use], a[use]
                room = (limit[:n] - total)[coo.row[use]] + least[use]
                up, down = part > 0, part < 0
                np.minimum.at(high, j[up], np.floor(room[up] / part[up] + 1e-6))
                np.maximum.at(low, j[down], np.ceil(room[down] / part[down] - 1e-6))
            if low[columns].sum() - high[columns].sum() == before:
                break
        return low, high

    def costs_since(self, first: int) -> list[Cut]:
        """Return the cuts on periods' costs from the ``first``-th on."""
        kinds = zip(self.cuts[first:], self._feasibility[first:], strict=True)
        return [cut for cut, feasibility in kinds if not feasibility]

    def _all_rows(self) -> tuple[Any, Floats, Floats]:
        """Return the rows of the master and its cuts."""
        with self._one_reader:  # two MIPs of the same cuts run side by side
            self._read_new_cuts()
        count = len(self.cuts)
        return (
            sparse.csr_array(sparse.vstack([self.matrix, self._cut_rows[:count]])),
            np.append(self.row_lower, self._cut_least[:count]),
            np.append(self.row_upper, np.full(count, np.inf)),
        )

    def _read_new_cuts(self) -> None:
        """Add the cuts that are not yet among the rows kept of them."""
        known = self._cut_rows.shape[0]
        if known < len(self.cuts):
            new = self.cuts[known:]
            kinds = self._feasibility[known:]
            index = [
                cut.index
                if feasibility
                else np.append(cut.index, self.size + cut.period)
                for cut, feasibility in zip(new, kinds, strict=True)
            ]
            value = [
                -cut.slope if feasibility else np.append(-cut.slope, 1.0)
                for cut, feasibility in zip(new, kinds, strict=True)
            ]
            starts = np.concatenate([[0], np.cumsum([len(part) for part in index])])
            added = sparse.csr_array(
                (np.concatenate(value), np.concatenate(index), starts),
                shape=(len(new), len(self.cost)),
            )
            self._cut_rows = sparse.csr_array(sparse.vstack([self._cut_rows, added]))
            self._cut_least = np.append(self._cut_least, [c.constant for c in new])
