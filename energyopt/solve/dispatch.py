"""Whole units, hour by hour, once the sizes are chosen.

The master's point fixes what has no hour. Periods are solved as small MIPs in chains,
each from where the one before ended, to an end at the price that the next one's cut puts
on it. A row is enforced by the last period that decides one of its columns, so every row
of the problem is, also those that the bound left out.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from energyopt.errors import NoSolutionError
from energyopt.solve.compile import Problem
from energyopt.solve.fixed import solve_fixed
from energyopt.solve.periods import Border, entries
from energyopt.solve.whole import WholeProgram

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Flags = NDArray[np.bool_]

LEEWAY = 4.0
"""What a yearly limit's breach costs, over the limit's price, while it is mended."""
OVER, UNDER = 1.05, 0.95
"""What a yearly limit's use beyond a period's budget costs, and what use below it
earns, times the limit's price."""
REPAIRS = 6
HOPELESS = 0.8
"""Share of what a limit is missed by that, if left, says that trying on is in vain."""
CHAINS = 4
"""Runs of periods solved side by side, whatever the number of threads."""
FEW = 8
"""Periods up to which it is no great matter to solve them two by two."""
SIDE_BY_SIDE = 4
"""Periods that save on a yearly limit at once, whatever the number of threads."""
ENOUGH = 20.0
"""How many times its gap a period may cost more than relaxed, without a longer search:
the relaxation itself is not exact."""


class NotFoundError(NoSolutionError):
    """No whole units were found at these sizes."""


class LimitMissedError(NoSolutionError):
    """Whole units need more of a yearly limit than there is.

    Parameters
    ----------
    over : array, shape (shared,)
        Use beyond an upper limit; negative where a lower one is missed.
    """

    def __init__(self, over: Floats) -> None:
        super().__init__("a yearly limit could not be kept with whole units")
        self.over = over


@dataclass(frozen=True)
class Plan:
    """What the relaxed problem found, as a guide for whole units.

    Parameters
    ----------
    z : array, shape (master columns,)
        Whole where it must be whole, edges excepted.
    slope : array, shape (periods, master columns)
        Of each period's last cut. [k$ per unit of the column]
    price : array, shape (shared,)
        What a unit of each shared row is worth. [k$]
    """

    z: Floats
    slope: Floats
    price: Floats


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
        self.is_shared = np.zeros(len(problem.rows), dtype=bool)
        self.is_shared[border.shared] = True
        self.uses = sparse.csc_array(problem.matrix[border.shared])
        self.uses_of = [self.uses[:, p.columns] for p in border.periods]
        self.x = np.zeros(len(problem.columns))
        self.known = np.zeros(len(problem.columns), dtype=bool)
        links = border.links
        self.hourly = problem.column_hour >= 0
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
        used, users = np.unique(np.concatenate(self.edges), return_counts=True)
        self.hour_owner = (
            np.searchsorted(border.start, np.arange(problem.hours), side="right") - 1
        )
        self.users = np.zeros(len(problem.columns), dtype=np.intp)
        self.users[used] = users
        self.known[np.setdiff1d(links, used)] = True
        self.budget = self._budgets()

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

    def _sizes(self) -> Floats:
        """Return what counts as a little of each shared row, shape (shared,).

        A thousandth of its limit; of a limit of 0, a millionth of what there could be.
        """
        shared = self.border.shared
        low, high = self.problem.row_lower[shared], self.problem.row_upper[shared]
        limit = np.abs(np.where(np.isfinite(high), high, low))
        most = np.maximum(np.abs(self.lower), np.abs(self.upper))
        return np.maximum(1e-3 * limit, 1e-6 * (abs(self.uses) @ most) + 1e-9)

    # -- the year -----------------------------------------------------------------------

    def run(self, executor: Executor) -> Floats:
        """Return a feasible point of the whole problem, shape (columns,).

        Chains of periods are solved side by side, each from its first to its last.

        Raises
        ------
        NoSolutionError
            If some periods find no whole units even together with their neighbours,
            or a yearly limit cannot be kept.
        """
        count = len(self.edges)
        chains = np.array_split(np.arange(count), max(1, min(CHAINS, count // 3)))
        list(executor.map(lambda chain: self._chain(chain[:1].tolist()), chains))
        list(executor.map(lambda chain: self._chain(chain[1:].tolist()), chains))
        for p in range(count):
            if not self.known[self.border.periods[p].columns].all():
                self._keep(self._with_neighbours(p))
        if self._over().any() and not self._mend():
            self._keep_limits(executor)
        return self.x

    def _mend(self) -> bool:
        """Keep yearly limits that are missed, with the present whole numbers, if possible.

        Of several years only those that miss one are settled again, if that will do.
        """
        missed = np.flatnonzero(self._over())
        others = np.zeros(len(self.x), dtype=bool)
        for period, use in zip(self.border.periods, self.uses_of, strict=True):
            others[period.columns] = not np.isin(use.indices, missed).any()
        return (others.any() and self.settle(others)) or self.settle()

    def settle(self, held: Flags | None = None) -> bool:
        """Take the best point with the present whole numbers, whatever its sizes.

        Whole units use a little more of a yearly limit than was planned: a little more
        of a size, or another mix of the hours, makes up for it. Return whether there
        is such a point.

        Parameters
        ----------
        held : array of bool, shape (columns,), optional
            Columns that stay as they are.
        """
        shared = self.border.shared
        usual = 1e-3 * abs(self.problem.objective(self.x)) / self._sizes()
        leeway = LEEWAY * self.plan.price + usual
        found = solve_fixed(self.problem, self.x, shared.tolist(), leeway, held)
        if found is None:
            return False
        self.x[:] = found[0]
        return True

    def _chain(self, chain: list[int]) -> None:
        """Solve periods one after the other; what cannot be solved is left out."""
        known = self.known.copy()  # what other chains decide meanwhile does not count
        leftover = np.zeros(len(self.border.shared))
        for k, p in enumerate(chain):
            allowed = self.budget[p] + leftover / (len(chain) - k)
            found = self._first([p], allowed, known)
            for back in (1, 2):
                if found is not None or k < back:
                    break
                group = chain[k - back : k + 1]
                known[self._inner(group)] = False
                found = self._solve(group, self.budget[group].sum(axis=0), known=known)
            if found is None:
                continue
            self._keep(found)
            known[found[0]] = True
            done = [
                q for q in chain[: k + 1] if known[self.border.periods[q].columns].all()
            ]
            leftover = self.budget[done].sum(axis=0) - self._used(done)

    def improve(self, executor: Executor) -> None:
        """Solve neighbours together, two by two, and keep what is cheaper.

        Outer edges stay; what yearly limits leave unused is shared out.
        """
        count = len(self.edges)
        if count < 2:
            return
        for first in (0, 1):
            groups = [[p, (p + 1) % count] for p in range(first, count - 1 + first, 2)]
            spare = self._spare() / len(groups)
            jobs = [(group, self._used(group) + spare) for group in groups]
            for found in list(executor.map(lambda job: self._better(*job), jobs)):
                if found is not None:
                    self._keep(found)

    def _better(self, group: list[int], allowed: Floats) -> tuple[Ints, Floats] | None:
        """Return a cheaper solution of some periods together, if there is one."""
        known = self.known.copy()
        known[self._inner(group)] = False
        found = self._solve(
            group, allowed, soft=False, wide=True, enough=0.0, known=known, again=True
        )
        if found is None:
            return None
        columns, values = found
        cost = self.problem.cost[columns]
        return found if cost @ values < cost @ self.x[columns] - 1e-9 else None

    def _keep(self, found: tuple[Ints, Floats]) -> None:
        columns, values = found
        self.x[columns] = values
        self.known[columns] = True

    def _first(
        self, group: list[int], allowed: Floats, known: Flags
    ) -> tuple[Ints, Floats] | None:
        """Return a first solution; without whole numbers the relaxed one is it."""
        columns = np.concatenate([self.border.periods[p].columns for p in group])
        soft = bool(self.problem.integer[columns].any())
        found = self._solve(group, allowed, soft=soft, known=known)
        if found is None:
            found = self._solve(group, allowed, wide=True, known=known)
        return found

    def _with_neighbours(self, p: int) -> tuple[Ints, Floats]:
        """Solve a period again together with more and more of those around it."""
        count = len(self.edges)
        for reach in (1, 2, 4):
            group = sorted({(p + k) % count for k in range(-reach, reach + 1)})
            self.known[self._inner(group)] = False
            found = self._solve(group, self.budget[group].sum(axis=0), wide=True)
            if found is not None:
                return found
            if len(group) == count:
                break
        raise NotFoundError(f"no whole-unit dispatch was found around period {p}")

    def _inner(self, group: list[int]) -> Ints:
        """Return the columns of periods, and the edges that only they use."""
        found, times = np.unique(
            np.concatenate([self.edges[p] for p in group]), return_counts=True
        )
        own = [self.border.periods[p].columns for p in group]
        return np.concatenate([*own, found[times == self.users[found]]])

    def _used(self, periods: list[int]) -> Floats:
        """Return what periods use of each shared row, shape (shared,)."""
        total = np.zeros(len(self.border.shared))
        for p in periods:
            total += self.uses_of[p] @ self.x[self.border.periods[p].columns]
        return total

    def _spare(self) -> Floats:
        """Return how far the use of each shared row is from its limit, with sign."""
        shared = self.border.shared
        activity = self.uses @ self.x
        low, high = self.problem.row_lower[shared], self.problem.row_upper[shared]
        nearest = np.where(np.isfinite(high), high - activity, low - activity)
        both = np.isfinite(high) & np.isfinite(low)
        return np.where(both & (nearest > 0) & (low < activity), 0.0, nearest)

    def _over(self) -> Floats:
        """Return use beyond each shared row's limit; negative below a lower one."""
        shared = self.border.shared
        low, high = self.problem.row_lower[shared], self.problem.row_upper[shared]
        activity = self.uses @ self.x
        rounding = 1e-7 * (1 + np.abs(activity))
        over = np.where(activity > high + rounding, activity - high, 0.0)
        return np.where(activity < low - rounding, activity - low, over)

    def _keep_limits(self, executor: Executor) -> None:
        """Solve periods again, at ever higher prices, until every shared row holds.

        A few at a time, some of the year first: each is asked for its share of what is
        still to be saved, so that it takes over what those before it could not. Those
        solved side by side are no neighbours: no other row has to do with both.
        """
        count = len(self.edges)
        for attempt in range(REPAIRS):
            at_first = self._over()
            step = max(1, 4 - attempt)
            group = [[p] for p in range(attempt % step, count, step)]
            rounds = -(-len(group) // SIDE_BY_SIDE)
            while count > 1 and (count - 1) % (rounds * step) == 0:
                rounds += 1  # the year's last period is the first one's neighbour
            if self._save_all(group, rounds, attempt, executor):
                return
            over = self._over()
            if attempt and (np.abs(over) > HOPELESS * np.abs(at_first)).any():
                break  # at these sizes; a plan with a margin costs less than more tries
        if count <= FEW or not self.problem.integer[self.hourly].any():
            # Two by two, where that is no long search: an edge may stand in the way.
            pairs = [[p, (p + 1) % count] for p in range(count if count > 1 else 0)]
            if self._save_all(pairs, len(pairs), REPAIRS, executor):
                return
        raise LimitMissedError(self._over())

    def _save_all(
        self,
        groups: list[list[int]],
        rounds: int,
        attempt: int,
        executor: Executor,
    ) -> bool:
        """Ask groups of periods for their share of what is missed; return if it is done."""
        sizes, whole_gap = self._sizes(), self.gap_abs * len(self.edges)
        usage = np.array([self._used_within(group) for group in groups])
        weight = np.abs(usage) + 1e-9
        left = np.ones(len(groups), dtype=bool)
        for first in range(min(rounds, len(groups))):
            over = self._over()
            if not over.any():
                return True
            # A little more than needed; of limits that hold, a share of what is left.
            missed = over != 0
            save = np.where(missed, (1.02 + 0.2 * attempt) * over, -self._spare())
            # All that is missed is worth at least what the dispatch may be off.
            least = np.where(missed, whole_gap / np.maximum(np.abs(over), sizes), 0.0)
            least = np.maximum(least, whole_gap / (10 * sizes)) * 2.0**attempt
            share = weight / weight[left].sum(axis=0)
            now = list(range(first, len(groups), rounds))
            allowed = [self._used_within(groups[k]) - save * share[k] for k in now]
            self._save([groups[k] for k in now], allowed, least, 2.0**attempt, executor)
            left[now] = False
        return not self._over().any()

    def _used_within(self, group: list[int]) -> Floats:
        """Return what periods and the edges between them use of each shared row."""
        columns = self._inner(group)
        return self.uses[:, columns] @ self.x[columns]

    def _save(
        self,
        groups: list[list[int]],
        allowed: list[Floats],
        least: Floats,
        steep: float,
        executor: Executor,
    ) -> None:
        """Solve groups of periods again with other prices of limits; keep the better."""
        sign = np.where(
            np.isfinite(self.problem.row_upper[self.border.shared]), 1.0, -1.0
        )
        columns = [self._inner(group) for group in groups]
        prices = [self._worth(group, least, steep) for group in groups]

        def merit(k: int) -> float:
            beyond = sign * (self.uses[:, columns[k]] @ self.x[columns[k]] - allowed[k])
            price = np.where(beyond > 0, *prices[k])
            return float(
                self.problem.cost[columns[k]] @ self.x[columns[k]] + price @ beyond
            )

        def again(k: int) -> tuple[Ints, Floats] | None:
            known = self.known.copy()
            known[columns[k]] = False
            edges = columns[k][self.is_edge[columns[k]]]
            return self._solve(
                groups[k],
                allowed[k] - self.uses[:, edges] @ self.x[edges],
                prices=prices[k],
                wide=True,
                enough=np.inf,
                known=known,
                again=True,
            )

        for k, found in enumerate(list(executor.map(again, range(len(groups))))):
            before, old = merit(k), self.x[columns[k]]
            if found is not None:
                self._keep(found)
                if merit(k) > before:
                    self.x[columns[k]] = old

    # -- one MIP ----------------------------------------------------------------------

    def _solve(
        self,
        group: list[int],
        allowed: Floats,
        *,
        soft: bool = True,
        wide: bool = False,
        prices: tuple[Floats, Floats] | None = None,
        enough: float = ENOUGH,
        known: Flags | None = None,
        again: bool = False,
    ) -> tuple[Ints, Floats] | None:
        """Return the columns that a group of periods decides, and their values.

        Parameters
        ----------
        allowed : array, shape (shared,)
            What they may use of each shared row, free edges apart; ``soft``: at a
            price, more or less.
        prices : tuple of array, shape (shared,)
            What more costs and less earns, where not as planned. [k$ per unit]
        wide : bool
            Whether undecided edges are free altogether.
        known : array of bool, optional
            Which columns are decided, where that is not what the search says.
        again : bool
            Whether the edges were decided before; else they use what was planned.
        """
        problem, border = self.problem, self.border
        known = self.known if known is None else known
        own = np.concatenate([border.periods[p].columns for p in group])
        edges = np.unique(np.concatenate([self.edges[p] for p in group]))
        edges = edges[~known[edges]]
        columns = np.concatenate([own, edges])
        before = self.x[edges] if again else self.plan.z[self.place[edges]]
        allowed = allowed + self.uses[:, edges] @ before
        inside = np.zeros(len(self.x), dtype=bool)
        inside[columns] = True
        rows = np.unique(self.by_column[:, columns].indices)
        rows = rows[~self.is_shared[rows]]
        part = self.by_row[rows]
        undecided = ~(inside[part.indices] | known[part.indices])
        complete = np.diff(np.append(0, np.cumsum(undecided))[part.indptr]) == 0
        rows, part = rows[complete], part[complete]
        ours = inside[part.indices]
        around = entries(part, ~ours, None, len(self.x)) @ self.x
        place = np.zeros(len(self.x), dtype=np.int32)
        place[columns] = np.arange(len(columns))
        lower, upper, cost = (
            self.lower[columns],
            self.upper[columns],
            problem.cost[columns],
        )
        if len(edges) and not wide:
            at = slice(len(own), None)
            lower[at], upper[at], cost[at] = self._edge_terms(group, edges)
        matrix, row_lower, row_upper, slack_cost = self._with_budgets(
            entries(part, ours, place, len(columns)),
            problem.row_lower[rows] - around,
            problem.row_upper[rows] - around,
            group,
            self.uses[:, columns],
            allowed,
            soft,
            prices,
        )
        extra = len(slack_cost)
        program = WholeProgram(
            cost=np.concatenate([cost, slack_cost]),
            matrix=matrix,
            row_lower=row_lower,
            row_upper=row_upper,
            lower=np.concatenate([lower, np.zeros(extra)]),
            upper=np.concatenate([upper, np.full(extra, np.inf)]),
            whole=np.concatenate(
                [problem.integer[columns], np.zeros(extra, dtype=bool)]
            ),
            seed=self.seed,
            until=self.until,
            stop=self.stop,
        )
        exact = program.solve(self.gap_abs * len(group), enough)
        return None if exact is None else (columns, exact[: len(columns)])

    def _edge_terms(
        self, group: list[int], edges: Ints
    ) -> tuple[Floats, Floats, Floats]:
        """Return bounds of free edges, and their cost with the neighbours' price.

        Whole numbers of these hours may go to either side, those of others (whose rows
        are not all seen here) go up; other edges stay where they were.
        """
        z = self.plan.z[self.place[edges]]
        whole = self.problem.integer[edges]
        ours = np.isin(self.hour_owner[self.problem.column_hour[edges]], group)
        low = np.where(whole, np.where(ours, np.floor(z + 1e-6), np.ceil(z - 1e-6)), z)
        high = np.where(whole, np.ceil(z - 1e-6), z)
        others = np.setdiff1d(np.arange(len(self.edges)), group)
        price = self.plan.slope[np.ix_(others, self.place[edges])].sum(axis=0)
        return (
            np.clip(low, self.lower[edges], self.upper[edges]),
            np.clip(high, self.lower[edges], self.upper[edges]),
            self.problem.cost[edges] + price,
        )

    def _with_budgets(
        self,
        part: Any,
        row_lower: Floats,
        row_upper: Floats,
        group: list[int],
        use: Any,
        allowed: Floats,
        soft: bool,
        prices: tuple[Floats, Floats] | None,
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
        use = sparse.csr_array(use)
        has_low = np.isfinite(self.problem.row_lower[border.shared])
        has_high = np.isfinite(self.problem.row_upper[border.shared])
        if not soft:
            room = 1e-9 * (1 + np.abs(allowed))
            return (
                sparse.csr_array(sparse.vstack([part, use])),
                np.append(row_lower, np.where(has_low, allowed - room, -np.inf)),
                np.append(row_upper, np.where(has_high, allowed + room, np.inf)),
                np.empty(0),
            )
        # use - over + under = allowed for "<="; use + over - under for ">=".
        sign = np.where(has_high, 1.0, -1.0)
        slack = sparse.hstack([sparse.diags_array(-sign), sparse.diags_array(sign)])
        if prices is None:
            least = 1e-3 * self.gap_abs / np.maximum(np.abs(allowed), 1.0)
            prices = self._worth(group, least)
        over, earned = prices
        return (
            sparse.csr_array(sparse.block_array([[part, None], [use, slack]])),
            np.append(row_lower, allowed),
            np.append(row_upper, allowed),
            np.concatenate([over, np.where(has_low & has_high, over, -earned)]),
        )

    def _worth(
        self, group: list[int], least: Floats, steep: float = 1.0
    ) -> tuple[Floats, Floats]:
        """Return what use beyond a budget costs, and what use below it earns. [k$]"""
        over = np.maximum(OVER * steep * self.plan.price, least)
        return over, UNDER * self.plan.price
