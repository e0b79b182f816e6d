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


def two_machines(co2_most_t: float) -> Problem:
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
    m.co2 = pyo.Constraint(
        expr=sum(10 * m.dirty_units[t] + 2 * m.clean_units[t] for t in m.hours)
        <= co2_most_t
    )
    m.cost = pyo.Objective(
        expr=sum(10 * m.dirty_units[t] + 30 * m.clean_units[t] for t in m.hours)
    )
    return compile_problem(m)


def dispatched(problem: Problem, budget_t: float) -> np.ndarray:
    """Dispatch four periods of two hours, each planned with the same budget, no price."""
    use_threads(1)
    lower, upper, _ = finite_bounds(problem)
    border = find_border(problem, lower, upper, np.array([0, 2, 4, 6]), False)
    assert len(border.shared) == 1
    z = np.full(border.columns, budget_t)
    plan = Plan(z, np.zeros((len(border.periods), border.columns)))
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


def test_a_limit_that_no_dispatch_keeps_is_told_with_what_is_missed():
    """All clean is 16 t: 2 t above the limit."""
    with pytest.raises(LimitMissedError) as missed:
        dispatched(two_machines(14), 3.5)
    assert missed.value.over == pytest.approx([2])
