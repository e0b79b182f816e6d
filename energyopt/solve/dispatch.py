"""Whole units, hour by hour, once the sizes are chosen.

The master's point fixes what has no hour. Periods are solved as small MIPs in turns
such that neighbours are never solved at once: those of the first turn may move their
edges a little, at the price that the neighbour's cut puts on them; later ones find
their edges decided. A row is enforced by the last period that decides one of its
columns, so every row of the problem is, also those that the bound left out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from energyopt.errors import NoSolutionError
from energyopt.solve.compile import Problem
from energyopt.solve.highs import Highs, State
from energyopt.solve.periods import Border

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Flags = NDArray[np.bool_]

EDGE_REACH = 0.1
"""How far a continuous edge may move, as a share of its range."""
OVER, UNDER = 1.25, 0.8
"""What a yearly limit's use beyond a period's budget costs, and what use below it
earns, times the limit's price."""
REPAIRS = 6


@dataclass(frozen=True)
class Plan:
    """What the relaxed problem found, as a guide for whole units.

    Parameters
    ----------
    z : array, shape (master columns,)
        Whole where it must be whole, edges excepted.
    slope : array, shape (periods, master columns)
        Of each period's last cut. [k$ per unit of the column]
    """

    z: Floats
    slope: Floats


class Dispatch:
    """The search for a plant with whole units at a master point.

    Parameters
    ----------
    problem : Problem
    border : Border
    lower, upper : array, shape (columns,)
        Finite bounds.
    plan : Plan
    gap_abs : float
        How much dearer than its optimum each period may end. [k$]
    """

    def __init__(
        self,
        problem: Problem,
        border: Border,
        lower: Floats,
        upper: Floats,
        plan: Plan,
        gap_abs: float,
        seed: int,
        until: float,
        stop: Callable[[], bool] | None,
    ) -> None:
        self.problem, self.border, self.plan = problem, border, plan
        self.lower, self.upper = lower, upper
        self.gap_abs, self.seed, self.until, self.stop = gap_abs, seed, until, stop
        self.by_row = problem.matrix
        self.by_column = sparse.csc_array(problem.matrix)
        self.row_lengths = np.diff(self.by_row.indptr)
        self.is_shared = np.zeros(len(problem.rows), dtype=bool)
        self.is_shared[border.shared] = True
        self.x = np.zeros(len(problem.columns))
        self.known = np.zeros(len(problem.columns), dtype=bool)
        links = border.links
        self.is_edge = np.zeros(len(problem.columns), dtype=bool)
        self.is_edge[links] = problem.column_hour[links] >= 0
        fixed = links[~self.is_edge[links]]
        self.x[links] = plan.z[: len(links)]
        self.known[fixed] = True
        whole = fixed[problem.integer[fixed]]
        self.x[whole] = np.round(self.x[whole])
        self.place = np.full(len(problem.columns), -1)
        self.place[links] = np.arange(len(links))
        self.edges = [self._edges_of(p) for p in range(len(border.periods))]
        used = np.unique(np.concatenate([*self.edges, np.empty(0, dtype=np.intp)]))
        self.known[np.setdiff1d(links, used)] = True
        self.budget = self._budgets()
        self.price = self._prices()

    def _edges_of(self, p: int) -> Ints:
        """Return the edges that period ``p`` has a say in."""
        used = np.unique(self.border.periods[p].tie.indices)
        used = self.border.links[used[used < len(self.border.links)]]
        return used[self.is_edge[used]]

    def _budgets(self) -> Floats:
        """Return what each period may use of each shared row, shape (periods, shared)."""
        found = np.zeros((len(self.border.periods), len(self.border.shared)))
        first = len(self.border.links)
        found[self.border.budget_period, self.border.budget_shared] = self.plan.z[
            first:
        ]
        return found

    def _prices(self) -> Floats:
        """Return what a unit of each shared row is worth, shape (shared,). [k$]"""
        found = np.zeros(len(self.border.shared))
        first = len(self.border.links)
        n = len(self.border.budget_period)
        slope = self.plan.slope[self.border.budget_period, first + np.arange(n)]
        for r in range(len(found)):
            mine = slope[self.border.budget_shared == r]
            found[r] = np.median(mine) if mine.size else 0.0
        return found

    # -- turns ------------------------------------------------------------------------

    def turns(self) -> list[list[int]]:
        """Return periods in groups that have no edge in common."""
        owners: dict[int, list[int]] = {}
        for p, edges in enumerate(self.edges):
            for j in edges.tolist():
                owners.setdefault(j, []).append(p)
        near: list[set[int]] = [set() for _ in self.edges]
        for group in owners.values():
            for p in group:
                near[p].update(group)
        colour: list[int] = []
        for p in range(len(self.edges)):
            taken = {colour[q] for q in near[p] if q < p}
            colour.append(next(c for c in range(len(taken) + 1) if c not in taken))
        return [
            [p for p in range(len(colour)) if colour[p] == c]
            for c in range(max(colour) + 1)
        ]

    def run(self, executor: Executor) -> Floats:
        """Return a feasible point of the whole problem, shape (columns,).

        Raises
        ------
        NoSolutionError
            If some periods find no whole units even together with their neighbours,
            or a yearly limit cannot be kept.
        """
        leftover = np.zeros(len(self.border.shared))
        turns = self.turns()
        waiting = len(self.edges)
        for turn in turns:
            extra = leftover / waiting
            jobs = [([p], self.budget[[p]].sum(axis=0) + extra) for p in turn]
            done = list(executor.map(lambda job: self._solve(*job, soft=True), jobs))
            waiting -= len(turn)
            for (periods, _), found in zip(jobs, done, strict=True):
                if found is None:
                    found = self._with_neighbours(periods[0])
                self._keep(found)
            solved = [
                p
                for p in range(len(self.edges))
                if self.known[self.border.periods[p].columns].all()
            ]
            leftover = self.budget[solved].sum(axis=0) - self._used(solved)
            waiting = max(len(self.edges) - len(solved), 1)
        self._keep_limits(executor)
        return self.x

    def _keep(self, found: tuple[Ints, Floats]) -> None:
        columns, values = found
        self.x[columns] = values
        self.known[columns] = True

    def _with_neighbours(self, p: int) -> tuple[Ints, Floats]:
        """Solve a period again together with more and more of those around it."""
        count = len(self.edges)
        for reach in (1, 2, 4):
            group = sorted({(p + k) % count for k in range(-reach, reach + 1)})
            self._forget(group)
            found = self._solve(
                group, self.budget[group].sum(axis=0), soft=True, wide=True
            )
            if found is not None:
                return found
            if len(group) == count:
                break
        raise NoSolutionError(f"no whole-unit dispatch was found around period {p}")

    def _forget(self, group: Iterable[int]) -> None:
        """Take back the columns of periods, and the edges between them."""
        group = list(group)
        inside: dict[int, int] = {}
        for p in group:
            self.known[self.border.periods[p].columns] = False
            for j in self.edges[p].tolist():
                inside[j] = inside.get(j, 0) + 1
        users: dict[int, int] = {}
        for edges in self.edges:
            for j in edges.tolist():
                users[j] = users.get(j, 0) + 1
        for j, n in inside.items():
            if n == users[j]:
                self.known[j] = False

    def _used(self, periods: list[int]) -> Floats:
        """Return what periods use of each shared row, shape (shared,)."""
        total = np.zeros(len(self.border.shared))
        for p in periods:
            columns = self.border.periods[p].columns
            total += self.by_row[self.border.shared][:, columns] @ self.x[columns]
        return total

    def _keep_limits(self, executor: Executor) -> None:
        """Solve periods again, with hard budgets, until every shared row holds."""
        border, count = self.border, len(self.edges)
        shared = self.by_row[border.shared]
        low, high = (
            self.problem.row_lower[border.shared],
            self.problem.row_upper[border.shared],
        )
        for attempt in range(REPAIRS):
            activity = shared @ self.x
            size = 1e-7 * (1 + np.abs(activity))
            over = np.where(activity > high + size, activity - high, 0.0)
            over = np.where(activity < low - size, activity - low, over)
            if not over.any():
                return
            tight = over * (1.02 + 0.2 * attempt)
            step = max(1, 4 - attempt)
            group = list(range(attempt % step, count, step))
            usage = {p: self._used([p]) for p in group}
            weight = np.array([np.abs(usage[p]) for p in group]) + 1e-9
            weight /= weight.sum(axis=0)
            for k, p in enumerate(group):
                # One after the other: each may take over what the one before could not.
                allowed = usage[p] - tight * weight[k]
                columns = border.periods[p].columns
                self.known[columns] = False
                found = self._solve([p], allowed, soft=False)
                if found is None:
                    found = self._solve([p], allowed, soft=True, steep=20.0)
                if found is None:
                    self.known[columns] = True
                else:
                    self._keep(found)
        raise NoSolutionError("a yearly limit could not be kept with whole units")

    # -- one MIP ----------------------------------------------------------------------

    def _solve(
        self,
        group: list[int],
        allowed: Floats,
        *,
        soft: bool,
        wide: bool = False,
        steep: float = 1.0,
    ) -> tuple[Ints, Floats] | None:
        """Return the columns that a group of periods decides, and their values."""
        problem, border = self.problem, self.border
        own = np.concatenate([border.periods[p].columns for p in group])
        edges = np.unique(np.concatenate([self.edges[p] for p in group]))
        edges = edges[~self.known[edges]]
        columns = np.concatenate([own, edges])
        inside = np.zeros(len(self.x), dtype=bool)
        inside[columns] = True
        rows = np.unique(self.by_column[:, columns].indices)
        rows = rows[~self.is_shared[rows]]
        part = self.by_row[rows]
        settled = inside | self.known
        complete = abs(part) @ (~settled).astype(float) == 0
        rows, part = rows[complete], part[complete]
        around = part @ np.where(inside, 0.0, self.x)

        lower, upper, cost = (
            self.lower[columns],
            self.upper[columns],
            problem.cost[columns],
        )
        if len(edges) and not wide:
            at = slice(len(own), None)
            lower[at], upper[at], cost[at] = self._edge_terms(group, edges)
        matrix, row_lower, row_upper, slack_cost = self._with_budgets(
            part[:, columns],
            problem.row_lower[rows] - around,
            problem.row_upper[rows] - around,
            own,
            columns,
            allowed,
            soft,
            steep,
        )
        extra = len(slack_cost)
        cost = np.concatenate([cost, slack_cost])
        solver = Highs(
            {
                "threads": 1,
                "random_seed": self.seed,
                "mip_rel_gap": 0.0,
                "mip_abs_gap": self.gap_abs * len(group),
                "time_limit": max(min(self.until - time.monotonic(), 20.0), 0.1),
            }
        )
        solver.watch(self.stop)
        whole = np.concatenate([problem.integer[columns], np.zeros(extra, dtype=bool)])
        bounds_low = np.concatenate([lower, np.zeros(extra)])
        bounds_high = np.concatenate([upper, np.full(extra, np.inf)])
        solver.load(cost, matrix, row_lower, row_upper, bounds_low, bounds_high, whole)
        outcome = solver.run()
        if not outcome.feasible:
            return None
        values = solver.values()
        values[whole] = np.round(values[whole])
        exact = self._exact(
            cost, matrix, row_lower, row_upper, bounds_low, bounds_high, whole, values
        )
        if exact is None:
            return None
        return columns, exact[: len(columns)]

    def _exact(
        self,
        cost: Floats,
        matrix: Any,
        row_lower: Floats,
        row_upper: Floats,
        lower: Floats,
        upper: Floats,
        whole: Flags,
        values: Floats,
    ) -> Floats | None:
        """Return the best point with these whole numbers, exactly."""
        lower, upper = lower.copy(), upper.copy()
        lower[whole] = upper[whole] = values[whole]
        solver = Highs({"threads": 1, "random_seed": self.seed})
        solver.load(cost, matrix, row_lower, row_upper, lower, upper)
        outcome = solver.run()
        if outcome.state != State.kOptimal:
            return None
        return np.clip(solver.values(), lower, upper)

    def _edge_terms(
        self, group: list[int], edges: Ints
    ) -> tuple[Floats, Floats, Floats]:
        """Return bounds of free edges, and their cost with the neighbours' price."""
        z = self.x[edges]
        reach = EDGE_REACH * (self.upper[edges] - self.lower[edges])
        whole = self.problem.integer[edges]
        low = np.where(whole, np.floor(z + 1e-6), z - reach)
        high = np.where(whole, np.ceil(z - 1e-6), z + reach)
        others = [p for p in range(len(self.edges)) if p not in group]
        price = self.plan.slope[others][:, self.place[edges]].sum(axis=0)
        return (
            np.maximum(low, self.lower[edges]),
            np.minimum(high, self.upper[edges]),
            self.problem.cost[edges] + price,
        )

    def _with_budgets(
        self,
        part: Any,
        row_lower: Floats,
        row_upper: Floats,
        own: Ints,
        columns: Ints,
        allowed: Floats,
        soft: bool,
        steep: float,
    ) -> tuple[Any, Floats, Floats, Floats]:
        """Add a row for the use of each shared row, with use over and under if soft.

        Returns
        -------
        tuple
            Matrix, row bounds, and the cost of the columns for use over and under.
        """
        border = self.border
        n = len(border.shared)
        if not n:
            return part, row_lower, row_upper, np.empty(0)
        inside = np.zeros(len(self.x))
        inside[own] = 1.0
        use = self.by_row[border.shared][:, columns] * inside[columns]
        has_low = np.isfinite(self.problem.row_lower[border.shared])
        has_high = np.isfinite(self.problem.row_upper[border.shared])
        if not soft:
            matrix = sparse.csr_array(sparse.vstack([part, use]))
            low = np.append(row_lower, np.where(has_low, allowed, -np.inf))
            return (
                matrix,
                low,
                np.append(row_upper, np.where(has_high, allowed, np.inf)),
                np.empty(0),
            )
        # use - over + under = allowed for "<="; use + over - under for ">=".
        sign = np.where(has_high, 1.0, -1.0)
        slack = sparse.hstack([sparse.diags_array(-sign), sparse.diags_array(sign)])
        matrix = sparse.csr_array(sparse.block_array([[part, None], [use, slack]]))
        price = np.abs(self.price)
        least = 1e-3 * self.gap_abs / np.maximum(np.abs(allowed), 1.0)
        over = np.maximum(OVER * steep * price, least)
        under = np.where(has_low & has_high, over, -UNDER * price)
        return (
            matrix,
            np.append(row_lower, allowed),
            np.append(row_upper, allowed),
            np.concatenate([over, under]),
        )
