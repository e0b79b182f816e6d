"""Whole-unit dispatch where a yearly limit binds."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyomo.environ as pyo
import pytest

from energyopt.solve.bounds import finite_bounds
from energyopt.solve.compile import Problem, compile_problem
from energyopt.solve.dispatch import Dispatch, LimitMissedError, Plan
from energyopt.solve.highs import use_threads
from energyopt.solve.periods import find_border


def two_machines(
    co2_most_t: float, change_kusd: float = 0, offset_kusd: float = 0
) -> Problem:
    """Units of 10 MW, dirty (10 k$, 10 t an hour) or clean (30 k$, 2 t), for 8 x 9 MW.

    Hours have nothing to do with each other but the limit on CO2.
    """
    m = pyo.ConcreteModel()
    m.hours = pyo.RangeSet(0, 7)
    m.dirty_units = pyo.Var(m.hours, domain=pyo.Binary)
    m.clean_units = pyo.Var(m.hours, domain=pyo.Binary)
    m.balance = pyo.Constraint(
        m.hours, rule=lambda m, t: 10 * m.dirty_units[t] + 10 * m.clean_units[t] >= 9
    )
    m.offset_t = pyo.Var(bounds=(0, 100 if offset_kusd else 0))
    m.co2 = pyo.Constraint(
        expr=sum(10 * m.dirty_units[t] + 2 * m.clean_units[t] for t in m.hours)
        <= co2_most_t + m.offset_t
    )
    cost = sum(10 * m.dirty_units[t] + 30 * m.clean_units[t] for t in m.hours)
    if offset_kusd:
        cost += offset_kusd * m.offset_t
    if change_kusd:
        m.starts = pyo.Var(m.hours, bounds=(0, 1))
        m.start = pyo.Constraint(
            m.hours,
            rule=lambda m, t: (
                m.starts[t] >= m.dirty_units[t] - m.dirty_units[(t - 1) % 8]
            ),
        )
        m.start_clean = pyo.Constraint(
            m.hours,
            rule=lambda m, t: (
                m.starts[t] >= m.clean_units[t] - m.clean_units[(t - 1) % 8]
            ),
        )
        cost += change_kusd * sum(m.starts[t] for t in m.hours)
    m.cost = pyo.Objective(expr=cost)
    return compile_problem(m)


def dispatched(problem: Problem, budget_t: float, price: float = 0.0) -> np.ndarray:
    """Dispatch four periods of two hours, each planned with the same budget."""
    use_threads(1)
    lower, upper, _ = finite_bounds(problem)
    border = find_border(problem, lower, upper, np.array([0, 2, 4, 6]), False)
    assert len(border.shared) == 1
    z = np.full(border.columns, budget_t)
    z[: len(border.links)] = 0.0
    plan = Plan(
        z,
        np.zeros((len(border.periods), border.columns)),
        np.full(len(border.shared), price),
    )
    search = Dispatch(
        problem, border, lower, upper, plan, 1.0, 1, time.monotonic() + 60, None
    )
    with ThreadPoolExecutor(2) as executor:
        return search.run(executor)


def test_a_binding_limit_is_kept_though_the_plan_puts_no_price_on_it():
    """8 hours, 50 t: n clean ones give 80 - 8 n <= 50, so 4 of them, 4 x 30 + 4 x 10.

    Without repairs all would be dirty: 80 k$, and 80 t.
    """
    problem = two_machines(50)
    x = dispatched(problem, 12.5)
    assert problem.broken(x) <= 1e-9
    assert problem.objective(x) == pytest.approx(160)


def test_a_limit_that_whole_units_miss_is_kept_by_a_little_more_of_a_size():
    """All dirty is 80 t: 30 t of offset at 0.1 k$ cost 3 k$, and clean hours 2.5 k$/t.

    The plan foresaw 30 t less use and none of the offset.
    """
    problem = two_machines(50, offset_kusd=0.1)
    x = dispatched(problem, 12.5, price=0.1)
    assert problem.broken(x) <= 1e-9
    assert problem.objective(x) == pytest.approx(80 + 3)


def test_a_limit_that_no_dispatch_keeps_is_told_with_what_is_missed():
    """All clean is 16 t: 2 t above the limit."""
    with pytest.raises(LimitMissedError) as missed:
        dispatched(two_machines(14), 3.5)
    assert missed.value.over == pytest.approx([2])


def test_pairs_of_periods_keep_a_limit_that_their_common_edge_uses():
    """As above, and changing over costs 1 k$: a machine's last hour is an edge.

    Used at edges alone, CO2 was not counted when pairs were solved again: 4 of the 8
    hours are edges, and all of these would turn dirty.
    """
    problem = two_machines(50, change_kusd=1)
    use_threads(1)
    lower, upper, _ = finite_bounds(problem)
    border = find_border(problem, lower, upper, np.array([0, 2, 4, 6]), False)
    z = np.zeros(border.columns)
    clean = [str(problem.columns[k]).startswith("clean") for k in border.links]
    z[: len(border.links)][clean] = 1.0
    z[len(border.links) :] = 2.0  # an hour of each period is its own
    plan = Plan(
        z,
        np.zeros((len(border.periods), border.columns)),
        np.zeros(len(border.shared)),
    )
    search = Dispatch(
        problem, border, lower, upper, plan, 1e-3, 1, time.monotonic() + 60, None
    )
    with ThreadPoolExecutor(2) as executor:
        before = problem.objective(search.run(executor))
        for _ in range(3):
            search.improve(executor)
    assert problem.broken(search.x) <= 1e-9
    assert problem.objective(search.x) < before
