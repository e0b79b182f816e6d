"""The money that needs no plant, against sums on paper."""

from __future__ import annotations

import pytest
from numpy.testing import assert_allclose

from energyopt.finance import (
    capital_recovery_factor,
    interest_during_construction_frac,
    real_rate_frac,
)


def test_real_rate_divides_inflation_out():
    """1.10 / 1.04 - 1 = 5.769 %; subtracted it would be 6 %."""
    assert_allclose(real_rate_frac(0.10, 0.04), 0.06 / 1.04)
    assert_allclose(real_rate_frac(0.05, 0), 0.05)


def test_level_payments_pay_a_loan_back():
    """1 USD at 10 % over two years: 1 / (1/1.1 + 1/1.21) = 0.57619; straight 0.5."""
    assert_allclose(capital_recovery_factor(0.10, 2), 1.21 / 2.1)
    payment = capital_recovery_factor(0.07, 20)
    worth = sum(payment / 1.07**year for year in range(1, 21))
    assert_allclose(worth, 1)


def test_without_interest_a_loan_is_paid_in_equal_parts():
    assert_allclose(capital_recovery_factor(0, 20), 0.05)
    assert_allclose(capital_recovery_factor(1e-9, 20), 0.05, rtol=1e-6)


@pytest.mark.parametrize("years", [0, -1])
def test_a_loan_without_years_is_refused(years):
    with pytest.raises(ValueError, match="years must be positive"):
        capital_recovery_factor(0.07, years)


def test_interest_while_building_is_half_the_time():
    """18 months at 8 %: half of 1.5 years, 6 %; on the whole time 12 %."""
    assert_allclose(interest_during_construction_frac(0.08, 18), 0.06)
    assert interest_during_construction_frac(0.08, 0) == 0
