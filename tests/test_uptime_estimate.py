"""Means, intervals and the effective sample size."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from energyopt.uptime.estimate import effective_years, estimate, nines


def test_the_mean_is_weighted():
    """Weights 2, 1, 1, 0.5, ... of values 4, 0, ...: (2 x 4 + 0.5 x 2) / 8 = 1.125."""
    values = np.array([4.0, 0, 0, 2, 0, 0, 0, 0])
    weight = np.array([2, 1, 1, 0.5, 1, 1, 1, 0.5])
    assert_allclose(estimate(values, np.log(weight)).mean, 1.125)


def test_the_effective_size_is_kish():
    """Weights 1, 1, 2: 16 / 6."""
    assert_allclose(effective_years(np.log([1.0, 1, 2])), 16 / 6)


def test_one_rare_event_has_the_exact_poisson_interval():
    """One event of 1 in 10,000 years: Garwood's 0.0253 to 5.572 events.

    A normal interval would begin at -0.96 events and end at 2.96.
    """
    values = np.zeros(10_000)
    values[17] = 1
    told = estimate(values, antithetic=False)
    assert_allclose(told.low * 10_000, 0.0253, rtol=2e-3)
    assert_allclose(told.high * 10_000, 5.572, rtol=2e-3)
    assert told.seen_years == 1


def test_many_years_have_the_normal_interval():
    values = np.random.default_rng(1).normal(100, 10, 20_000)
    told = estimate(values, antithetic=False)
    half = 1.96 * values.std() / np.sqrt(20_000)
    assert_allclose([told.mean - told.low, told.high - told.mean], half, rtol=0.05)


def test_without_any_shortage_the_bound_is_the_rule_of_three():
    """2.996 x 5 h / 2,000 years = 0.00749 h/yr, never zero."""
    told = estimate(np.zeros(2000), unseen=5)
    assert told.mean == told.low == 0
    assert_allclose(told.high, -math.log(0.05) * 5 / 2000)
    assert told.seen_years == 0


def test_without_any_shortage_in_a_mixture_the_bound_is_twice_that():
    """A year may weigh 2."""
    log_weight = np.log(np.tile([1.2, 1.2, 0.8, 0.8], 500))
    told = estimate(np.zeros(2000), log_weight, unseen=5)
    assert_allclose(told.high, 2 * -math.log(0.05) * 5 / 2000)


def test_pairs_are_averaged_before_the_variance_is_taken():
    """Partners that mirror each other exactly leave no doubt: 1, 3, 1, 3 is 2."""
    values = np.tile([1.0, 3.0], 5000)
    assert estimate(values).low == pytest.approx(2)
    assert estimate(values, antithetic=False).low < 1.981


def test_halves_of_a_mixture_have_each_their_own_variance():
    """Pairs of 2 and of 0 by turns: no doubt within a half. Taken as one, 1 +- 0.06."""
    values = np.tile([2.0, 2, 0, 0], 250)
    log_weight = np.full(1000, 1e-12)
    assert estimate(values, log_weight).low == pytest.approx(1)
    assert estimate(values).low < 0.96


def test_the_interval_holds_the_mean_as_often_as_it_says():
    """2,000 samples of 200 years with a 5 % chance of an exponential shortage.

    95 % of intervals should hold 0.05; a normal one holds it in some 88 %. At 95 % the
    count of misses is below 100 + 4 x 9.7.
    """
    rng = np.random.default_rng(2)
    size = (2000, 200)
    samples = rng.exponential(1, size) * (rng.random(size) < 0.05)
    told = [estimate(row, antithetic=False, unseen=1) for row in samples]
    misses = sum(not t.low <= 0.05 <= t.high for t in told)
    assert misses < 139


def test_an_availability_turns_the_interval_round():
    """87.6 h of 8,760 h is 99 %; its best case comes from the fewest hours."""
    told = estimate(np.array([87.6, 0, 87.6, 175.2]), antithetic=True)
    share = told.share_left(8760)
    assert_allclose(share.mean, 0.99)
    assert_allclose(share.low, 1 - told.high / 8760)
    assert share.low < share.mean < share.high


def test_nines():
    assert nines(0.99999) == pytest.approx(5)
    assert nines(1.0) == math.inf
    assert nines(0.0) == 0


def test_what_no_interval_can_be_made_of_is_refused():
    with pytest.raises(ValueError, match="3 years are not whole groups of 2"):
        estimate(np.ones(3))
    with pytest.raises(ValueError, match="2 years are not whole groups of 2"):
        estimate(np.ones(2))
    with pytest.raises(ValueError, match="negative"):
        estimate(np.array([1.0, -1, 1, 1]))
