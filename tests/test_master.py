"""The master problem: what it proves, and which plants it still offers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse

from energyopt.errors import InfeasibleError
from energyopt.solve.highs import use_threads
from energyopt.solve.master import Master
from energyopt.solve.periods import Border
from energyopt.solve.rounds import Journal
from energyopt.solve.subproblem import Cut


def master() -> Master:
    """Units n (0 to 5, 10 k$ each) and a flag that n >= 3 needs; two periods.

    Each period costs at least 30 - 8 n and at least 4: the sum of both is least at
    n = 3, where the cuts give 2 x 6, and 42 in all; n = 4 costs 48.
    """
    use_threads(1)
    none = np.empty(0, dtype=np.intp)
    border = Border(
        links=np.array([0, 1]),
        budget_period=none,
        budget_shared=none,
        matrix=sparse.csr_array(np.array([[1.0, -3.0]])),  # n <= 2 + 3 flag
        row_lower=np.array([-np.inf]),
        row_upper=np.array([2.0]),
        cost=np.array([10.0, 0.0]),
        lower=np.zeros(2),
        upper=np.array([5.0, 1.0]),
        integer=np.array([True, True]),
        shared=none,
        relaxed=none,
        periods=[],
        start=none,
    )
    found = Master(border, np.zeros(2), np.ones(2), 0.0, 0)
    for period in (0, 1):
        slope = Cut(period, 30.0, np.array([0]), np.array([-8.0]))
        floor = Cut(period, 4.0, none, np.empty(0))
        found.add([slope, floor])
    return found


def test_the_bound_is_that_of_the_cuts():
    """n = 3.25 makes both cuts 4: 32.5 + 8."""
    bound, z = master().bound()
    assert_allclose(bound, 40.5)
    assert_allclose(z[0], 3.25)


@pytest.mark.parametrize("seed", range(10))
def test_no_duals_prove_more_than_the_optimum(seed):
    """Right ones prove it, disturbed ones less, wrong signs and all."""
    m = master()
    m.bound()
    duals = m.bounding.row_duals()
    assert_allclose(m._proven(duals), 40.5)
    rng = np.random.default_rng(seed)
    for size in (1e-9, 1e-3, 1.0):
        assert m._proven(duals + size * rng.normal(size=len(duals))) <= 40.5 + 1e-9


def test_a_plant_that_was_tried_is_not_offered_again():
    """3 units, then 4 (48 k$), then 2 (20 + 28), then nothing below 45."""
    m, journal = master(), Journal(60.0)
    apart, tried = np.array([0]), []
    costs = []
    for _ in range(3):
        bound, z = m.whole(np.array([0, 1]), 0.0, journal, apart=apart, tried=tried)
        costs.append(bound)
        tried.append(z[apart])
    assert sorted(int(t[0]) for t in tried) == [2, 3, 4]
    assert_allclose(costs, [42.0, 48.0, 48.0])
    with pytest.raises(InfeasibleError):
        m.whole(np.array([0, 1]), 0.0, journal, apart=apart, tried=tried[:1], most=45.0)


def test_a_flag_follows_from_the_size_it_stands_for():
    """n = 4 needs the flag; n = 1 leaves it open."""
    m = master()
    flag = np.array([1])
    low, high = m.implied(np.array([4.0, 0.0]), np.array([4.0, 1.0]), flag)
    assert (low[1], high[1]) == (1.0, 1.0)
    low, high = m.implied(np.array([1.0, 0.0]), np.array([1.0, 1.0]), flag)
    assert (low[1], high[1]) == (0.0, 1.0)


def test_the_range_of_a_size_below_a_cost():
    """Below 44 k$: 10 n + 2 (30 - 8 n) <= 44 from 2.67, 10 n + 8 <= 44 up to 3.6."""
    m = master()
    low, high = m.ranges(np.array([0]), 44.0)
    assert_allclose((low[0], high[0]), (16 / 6, 3.6), rtol=1e-6)
    assert_allclose(m.bound()[0], 40.5)  # nothing of it stays behind


def test_cuts_that_were_taken_back_are_gone():
    m = master()
    first = len(m.cuts)
    m.add([Cut(0, 50.0, np.empty(0, dtype=np.intp), np.empty(0))])
    assert_allclose(m.bound()[0], 80.0)  # no unit: 50 and 30
    m.forget(first)
    assert_allclose(m.bound()[0], 40.5)


def test_a_margin_to_a_limit_moves_the_bound_while_it_is_kept():
    """With a shared limit n <= 3.25, half a unit back: 2.75 units, 27.5 + 2 x 8."""
    plain = master().border
    border = replace(
        plain,
        matrix=sparse.csr_array(np.array([[1.0, -3.0], [1.0, 0.0]])),
        row_lower=np.array([-np.inf, -np.inf]),
        row_upper=np.array([2.0, 3.25]),
        shared=np.array([7]),
    )
    m = Master(border, np.zeros(2), np.ones(2), 0.0, 0)
    for period in (0, 1):
        m.add([Cut(period, 30.0, np.array([0]), np.array([-8.0]))])
        m.add([Cut(period, 4.0, np.empty(0, dtype=np.intp), np.empty(0))])
    assert_allclose(m.bound()[0], 40.5)
    m.keep_back(np.array([0.5]))
    assert_allclose(m.bound()[0], 43.5)
    m.keep_back(np.array([0.0]))
    assert_allclose(m.bound()[0], 40.5)


def test_few_cuts_forbid_what_all_forbid_and_allow_no_more_than_all():
    """At n = 3.25 both kinds of cuts are tight; those of 20 - 8 n never are.

    With the floors alone, 4 + 4, no unit at all costs 8; with every cut nothing is
    below 42.
    """
    m, journal = master(), Journal(60.0)
    m.add([Cut(p, 20.0, np.array([0]), np.array([-8.0])) for p in (0, 1)])
    assert m.near_cuts(2).tolist() == [0, 1, 2, 3]
    whole, none = np.array([0, 1]), []
    for few in (np.array([1, 3]), m.near_cuts(2)):
        bound, z = m.whole(whole, 0.0, journal, tried=none, most=42.5, first=few)
        assert_allclose((bound, z[0]), (42.0, 3.0))
        with pytest.raises(InfeasibleError):
            m.whole(whole, 0.0, journal, tried=none, most=41.5, first=few)
