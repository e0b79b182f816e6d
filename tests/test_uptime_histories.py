"""Sampled outages: rates, repairs, the stationary start, weights, batches."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from energyopt.uptime.estimate import effective_years, estimate
from energyopt.uptime.histories import Element, Histories, sample_histories

UNIT = Element("unit", rate_per_yr=8760 / 950, repair_h=50)
RARE = Element("grid", rate_per_yr=0.3, repair_h=24)
FLICKER = Element("flicker", rate_per_yr=876, repair_h=1)


def out_h(found: Histories, elements: int) -> np.ndarray:
    """Return hours out, shape (years, elements)."""
    hours = np.zeros((len(found.log_weight), elements))
    np.add.at(hours, (found.year, found.element), found.end_h - found.start_h)
    return hours


def of_element(found: Histories, element: int) -> tuple[np.ndarray, ...]:
    mine = found.element == element
    return found.year[mine], found.start_h[mine], found.end_h[mine]


def test_an_element_is_out_with_its_unavailability():
    """50 h of every 1,000 h, so 438 h a year; a start in service would give 436.

    (50 h x 5 % x 95 % fewer.) The interval is wide enough to fail once in 20,000 seeds.
    """
    found = sample_histories([UNIT], 8760, range(4000), seed=3)
    told = estimate(out_h(found, 1)[:, 0], confidence_frac=1 - 5e-5)
    assert told.low < 438 < told.high
    assert told.high - told.low < 20


def test_a_year_begins_in_the_stationary_state():
    """In the first hour 5 % of 8,000 years are out: 400, deviation below 19.5.

    Antithetic partners are never both out, so the deviation is smaller; 5 x 19.5 = 97.
    """
    found = sample_histories([UNIT], 8760, range(8000), seed=4)
    assert abs(np.count_nonzero(found.start_h == 0) - 400) < 97


def test_repairs_have_their_mean_and_are_exponential():
    """Mean and standard deviation 1 h of some 800,000 repairs (error 0.0011 h each)."""
    found = sample_histories([FLICKER], 8760, range(1000), seed=5)
    inside = (found.start_h > 0) & (found.end_h < 8760)
    repair_h = (found.end_h - found.start_h)[inside]
    assert_allclose([repair_h.mean(), repair_h.std()], 1, atol=0.01)


def test_many_outages_follow_each_other_without_overlap_or_gap():
    """876 a year in service, 91 % in service: 796 a year, some 26 blocks of numbers."""
    found = sample_histories([FLICKER], 8760, range(200), seed=6)
    assert_allclose(len(found.year) / 200, 876 / 1.1, rtol=0.01)
    year, start_h, end_h = of_element(found, 0)
    order = np.lexsort((start_h, year))
    same = np.diff(year[order]) == 0
    assert (start_h[order][1:] > end_h[order][:-1])[same].all()
    last_h = np.zeros(200)
    np.maximum.at(last_h, year, start_h)
    assert last_h.min() > 8600  # outages to the end of the year, in every year


def test_outages_lie_in_the_year_sorted_by_start():
    found = sample_histories([UNIT, FLICKER], 720, range(50), seed=7)
    assert (np.diff(found.start_h) >= 0).all()
    assert found.start_h.min() >= 0
    assert found.end_h.max() == 720
    assert (found.end_h > found.start_h).all()


@pytest.mark.parametrize("cuts", [(0, 7, 40), (0, 1, 2, 40), (0, 20, 40)])
def test_batches_of_any_size_join_to_the_same_sample(cuts):
    elements = [UNIT, dataclasses.replace(RARE, importance=4), FLICKER]
    whole = sample_histories(elements, 8760, range(40), seed=8)
    parts = [
        (first, sample_histories(elements, 8760, range(first, last), seed=8))
        for first, last in itertools.pairwise(cuts)
    ]
    assert_array_equal(
        np.concatenate([p.log_weight for _, p in parts]), whole.log_weight
    )
    rows = [
        np.stack([p.year + first, p.element, p.start_h, p.end_h]) for first, p in parts
    ]
    joined = np.concatenate(rows, axis=1)
    order = np.lexsort((joined[1], joined[0], joined[2]))
    assert_array_equal(
        joined[:, order],
        np.stack([whole.year, whole.element, whole.start_h, whole.end_h]),
    )


def test_a_late_batch_needs_no_earlier_one():
    """Year 10**9 costs what year 0 does."""
    found = sample_histories([UNIT], 8760, range(10**9, 10**9 + 2), seed=8)
    assert found.log_weight.shape == (2,)


def test_another_seed_is_another_sample():
    one, other = (sample_histories([UNIT], 8760, range(2), seed=s) for s in (1, 2))
    assert not np.intersect1d(one.start_h, other.start_h).size


def test_an_element_fails_the_same_in_a_larger_plant():
    """So that what one more unit buys is not lost in the noise of other outages."""
    alone = sample_histories([UNIT], 8760, range(20), seed=9)
    more = sample_histories([RARE, UNIT], 8760, range(20), seed=9)
    for a, b in zip(of_element(alone, 0), of_element(more, 1), strict=True):
        assert_array_equal(a, b)


def test_partners_are_antithetic():
    """Partners' hours out are negatively correlated; independent years are not."""
    hours = out_h(sample_histories([UNIT], 8760, range(4000), seed=10), 1)[:, 0]
    assert np.corrcoef(hours[0::2], hours[1::2])[0, 1] < -0.4
    plain = sample_histories([UNIT], 8760, range(4000), seed=10, antithetic=False)
    hours = out_h(plain, 1)[:, 0]
    assert abs(np.corrcoef(hours[0::2], hours[1::2])[0, 1]) < 0.12  # 5 deviations


def test_the_weight_is_the_ratio_of_densities():
    """One element, hand: 2 failures in 10 h, up 7 h, rate 0.1 -> 0.3 per hour, out 1 h.

    Unavailability 1/11 -> 3/13. ln q/p = ln (10/13 / (10/11)) + 2 ln 3 - 0.2 x 7 when
    the year began in service, else ln (3/13 / (1/11)) in the first term; with the
    failure that ends before hour 0 not counted.
    """
    element = Element("e", rate_per_yr=876, repair_h=1, importance=3)
    found = sample_histories([element], 10, range(400), seed=11)
    for year in range(400):
        mine = found.year == year
        up_h = 10 - (found.end_h - found.start_h)[mine].sum()
        began_out = (found.start_h[mine] == 0).any()
        failures = np.count_nonzero(found.start_h[mine] > 0)
        first = np.log(33 / 13) if began_out else np.log(11 / 13)
        ratio = np.exp(first + failures * np.log(3) - 0.2 * up_h)
        assert_allclose(np.exp(found.log_weight[year]), 2 / (1 + ratio))


def test_weights_are_one_in_the_mean_and_never_above_two():
    """And the weighted mean hours out are those of the nominal rate, 0.3 x 24 / 1.0008.

    Unweighted they would be some three times as many.
    """
    boosted = dataclasses.replace(RARE, importance=5)
    found = sample_histories([boosted, UNIT], 8760, range(8000), seed=12)
    weight = np.exp(found.log_weight)
    assert weight.max() <= 2
    assert abs(weight.mean() - 1) < 5 * weight.std() / np.sqrt(8000)
    hours = out_h(found, 2)
    true_h = 8760 * RARE.unavailability_frac()
    told = estimate(hours[:, 0], found.log_weight, confidence_frac=1 - 5e-5)
    assert told.low < true_h < told.high
    assert hours[:, 0].mean() > 2 * true_h
    assert 4000 < effective_years(found.log_weight) < 8000


def test_importance_narrows_the_interval_of_what_is_rare():
    rare = dataclasses.replace(RARE, rate_per_yr=0.02)  # 40 outages in 2,000 years
    plain = sample_histories([rare], 8760, range(2000), seed=13)
    boosted = dataclasses.replace(rare, importance=30)
    biased = sample_histories([boosted], 8760, range(2000), seed=13)
    wide, narrow = (estimate(out_h(f, 1)[:, 0], f.log_weight) for f in (plain, biased))
    assert narrow.high - narrow.low < 0.5 * (wide.high - wide.low)


def test_what_never_fails_is_never_out():
    found = sample_histories([Element("rock", 0, 50)], 8760, range(4), seed=1)
    assert found.year.size == 0
    assert_array_equal(found.log_weight, np.zeros(4))


@pytest.mark.parametrize(
    ("elements", "said"),
    [
        ([UNIT, UNIT], "two elements are called 'unit'"),
        ([Element("a", -1, 5)], "a: rate -1"),
        ([Element("a", float("nan"), 5)], "a: rate nan"),
        ([Element("a", 1, 0)], "repair 0 h"),
        ([Element("a", 1, 5, importance=0)], "importance 0"),
    ],
)
def test_elements_that_cannot_be_are_refused(elements, said):
    with pytest.raises(ValueError, match=said):
        sample_histories(elements, 8760, range(2), seed=1)
