"""The exact table: published answers, binomial cases, hourly capacities, known errors."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
import rts79
from numpy.testing import assert_allclose

from energyopt.errors import DataError
from energyopt.uptime.table import Adequacy, Units, adequacy, capacity_table, peak_hours

RTS = rts79.groups(rts79.RTS_UNITS)
YEAR = 8760


def flat(mw: float, hours: int = YEAR) -> np.ndarray:
    return np.full(hours, float(mw))


def by_hand(machines: list[tuple[np.ndarray, float]], load_mw: np.ndarray) -> Adequacy:
    """Return the answer by going through every state of every machine."""
    chance, missing = np.zeros(len(load_mw)), np.zeros(len(load_mw))
    for up in itertools.product([True, False], repeat=len(machines)):
        weight, capacity_mw = 1.0, np.zeros(len(load_mw))
        for works, (mw, out) in zip(up, machines, strict=True):
            weight *= 1 - out if works else out
            capacity_mw = capacity_mw + (mw if works else 0)
        short_mw = np.maximum(load_mw - capacity_mw, 0)
        chance += weight * (short_mw > 1e-9)
        missing += weight * short_mw
    return Adequacy(load_mw, chance, missing)


# Published answers ---------------------------------------------------------------------


def test_rts79_to_all_printed_digits():
    """Allan, Billinton & Abdel-Gawad 1986, exact. Hourly loads rounded: 9.3681 h."""
    found = adequacy(RTS, rts79.load_mw(2850))
    assert f"{found.lolh_h:.5f}" == "9.39418"
    assert f"{found.lole_d:.5f}" == "1.36886"
    assert f"{found.eue_mwh:.1f}" == "1176.3"
    assert f"{found.load_mw.sum():.0f}" == "15297075"
    assert f"{found.load_mw.mean() / 2850:.4f}" == "0.6144"
    rounded = adequacy(RTS, rts79.load_mw(2850).round())
    assert_allclose(rounded.lolh_h, 9.3681, atol=5e-4)  # ties fall either way


@pytest.mark.parametrize(
    ("out_mw", "probability"),
    [
        (100, "0.54760114"),
        (200, "0.38132810"),
        (400, "0.26187343"),
        (600, "0.06211286"),
        (1000, "0.00434087"),
        (1500, "0.00004044"),
    ],
)
def test_rts79_outage_probabilities(out_mw, probability):
    assert f"{capacity_table(RTS).out_at_least(out_mw):.8f}" == probability


def test_rts79_table_has_every_digit_of_its_ends():
    """All in service 0.23639512; 1,500 MW or more out 4.0435077e-5."""
    table = capacity_table(RTS)
    assert table.capacity_mw[-1] == 3405
    assert f"{table.probability[-1]:.8f}" == "0.23639512"
    assert f"{table.out_at_least(1500):.7e}" == "4.0435077e-05"
    assert f"{table.out_at_least(1000):.10f}" == "0.0043408742"
    assert f"{table.out_at_least(600):.9f}" == "0.062112861"
    assert_allclose(table.probability.sum(), 1, rtol=1e-12)


@pytest.mark.parametrize(
    ("sd_frac", "lole", "lolh", "eue"),
    [
        (0.02, "1.4511", "10.0196", "1271"),
        (0.05, "1.9113", "13.5523", "1842"),
    ],
)
def test_rts79_with_an_uncertain_load(sd_frac, lole, lolh, eue):
    """Seven steps of the normal distribution; the continuous one gives 1.4473 and 1.8787."""
    found = adequacy(RTS, rts79.load_mw(2850), load_sd_frac=sd_frac)
    assert f"{found.lole_d:.4f}" == lole
    assert f"{found.lolh_h:.4f}" == lolh
    assert f"{found.eue_mwh:.0f}" == eue


def test_rts79_with_a_load_of_fifteen_percent_doubt():
    """Preston's program: 8.2058 d (the paper prints 9.50630, which the steps do not give)."""
    found = adequacy(RTS, rts79.load_mw(2850), load_sd_frac=0.15)
    assert f"{found.lole_d:.4f}" == "8.2058"


def test_two_areas_with_an_unlimited_tie_are_one():
    """Two RTS-79, peaks together: 0.16789 d, 0.78466 h, 121 MWh in both areas together."""
    both = rts79.groups(rts79.RTS_UNITS, times=2)
    found = adequacy(both, 2 * rts79.load_mw(2850))
    assert f"{found.lole_d:.5f}" == "0.16789"
    assert f"{found.lolh_h:.5f}" == "0.78466"
    assert f"{found.eue_mwh:.0f}" == "121"


def test_rbts():
    """240 MW, peak 185 MW: LOLE 0.1469 d, LOLH 1.0916 h, 9.86 MWh (Billinton et al.)."""
    units = rts79.groups(rts79.RBTS_UNITS)
    assert capacity_table(units).capacity_mw[-1] == 240
    found = adequacy(units, rts79.load_mw(185))
    assert f"{found.lole_d:.4f}" == "0.1469"
    assert f"{found.lolh_h:.4f}" == "1.0916"
    assert f"{found.eue_mwh:.2f}" == "9.86"


# Binomial arithmetic -------------------------------------------------------------------


def test_two_of_3_mw_and_one_of_5_mw():
    """Billinton & Allan ch. 2: out 0, 3, 5, 6, 8, 11 MW."""
    table = capacity_table([Units(3, 2, 0.02), Units(5, 1, 0.02)])
    assert (11 - table.capacity_mw[::-1]).tolist() == [0, 3, 5, 6, 8, 11]
    assert_allclose(
        table.probability[::-1],
        [0.941192, 0.038416, 0.019208, 0.000392, 0.000784, 8e-6],
        rtol=1e-12,
    )


@pytest.mark.parametrize(
    ("out_mw", "probability"),
    [(0, 1), (25, 0.058808), (50, 0.020392), (75, 0.000792), (100, 8e-6)],
)
def test_two_of_25_mw_and_one_of_50_mw(out_mw, probability):
    table = capacity_table([Units(25, 2, 0.02), Units(50, 1, 0.02)])
    assert_allclose(table.out_at_least(out_mw), probability, rtol=1e-12)


@pytest.mark.parametrize(
    ("unit_mw", "count", "out", "lolh", "eue"),
    [
        (31.7, 11, 0.03, "1.976", "58.3"),
        (31.7, 8, 0.03, "1894.4", "59826"),
        (31.7, 10, 0.03, "24.2", "723"),
        (31.7, 12, 0.05, "1.61", "48.5"),
        (45, 10, 0.03, "0.047", "1.24"),
        (10, 29, 0.03, "13.8", "157"),
        (2.5, 112, 0.03, "0.296", "0.94"),
        (2.5, 124, 0.08, "0.132", "0.49"),
    ],
)
def test_n_plus_k_for_250_mw(unit_mw, count, out, lolh, eue):
    """Sums of binomial terms to all printed digits; 3 % to 5 % is sevenfold."""
    found = adequacy([Units(unit_mw, count, out)], flat(250))
    for value, text in ((found.lolh_h, lolh), (found.eue_mwh, eue)):
        assert f"{value:.{len(text.partition('.')[2])}f}" == text


def test_a_hand_calculated_hour():
    """Three of 10 MW, out 10 %, load 15 MW: two out 0.027 short 5, three 0.001 short 15."""
    found = adequacy([Units(10, 3, 0.1)], flat(15, 24))
    assert_allclose(found.short_frac, 0.028)
    assert_allclose(found.unserved_mwh, 0.027 * 5 + 0.001 * 15)
    assert_allclose(found.lole_d, 0.028)
    assert_allclose(found.available_energy_frac, 1 - 0.15 / 15)
    assert_allclose(found.available_hours_frac, 0.972)


def test_a_derated_state():
    """10 MW, 10 % out, 20 % at 6 MW: load 8 short 0.3 of the time, by 0.1 x 8 + 0.2 x 2."""
    unit = Units(10, 1, 0.1, derated_frac=0.6, derated_time_frac=0.2)
    found = adequacy([unit], flat(8, 24))
    assert_allclose(found.short_frac, 0.3)
    assert_allclose(found.unserved_mwh, 1.2)


def test_a_capacity_that_just_meets_the_load_is_no_shortage():
    """0.1 + 0.2 is not 0.3 in floating point."""
    found = adequacy([Units(0.1, 1, 0.5), Units(0.2, 1, 0.5)], flat(0.3, 24))
    assert_allclose(found.short_frac, 0.75)


def test_days_count_by_their_first_highest_hour():
    load_mw = np.concatenate([np.arange(24), np.full(24, 5)]).astype(float)
    assert peak_hours(load_mw).tolist() == [23, 24]


# Hourly capacities ---------------------------------------------------------------------


def test_powers_that_follow_the_temperature_are_as_by_hand():
    """Two curves and a constant size, one machine in maintenance, every state gone through."""
    rng = np.random.default_rng(1)
    hours = 48
    load_mw = rng.uniform(20, 60, hours)
    hot, warm = rng.uniform(0.7, 1, hours), rng.uniform(0.8, 1, hours)
    hot[5] = 0.0
    absent = np.where(np.arange(hours) < 20, 1, 0)
    found = adequacy(
        [Units(20 * hot, 2, 0.1), Units(15 * warm, 2 - absent, 0.05), Units(9, 1, 0.2)],
        load_mw,
    )
    hand = by_hand(
        [
            (20 * hot, 0.1),
            (20 * hot, 0.1),
            (15 * warm, 0.05),
            (15 * warm * (1 - absent), 0.05),
            (flat(9, hours), 0.2),
        ],
        load_mw,
    )
    assert_allclose(found.short_frac, hand.short_frac, rtol=1e-12)
    assert_allclose(found.unserved_mwh, hand.unserved_mwh, rtol=1e-9)  # sums to 1e-9 MW


def test_sizes_are_not_rounded_to_a_step():
    """Five sizes with three digits: 32 sums; a 1-MW step would call 100.2 MW met."""
    sizes = [20.123, 17.456, 23.789, 19.012, 20.02]
    found = adequacy([Units(s, 1, 0.1) for s in sizes], flat(100.2, 24))
    hand = by_hand([(flat(s, 24), 0.1) for s in sizes], flat(100.2, 24))
    assert_allclose(found.short_frac, hand.short_frac)
    assert_allclose(found.unserved_mwh, hand.unserved_mwh)


def test_a_year_of_20_units_in_hot_air_takes_under_a_second():
    """Four curves of five machines; 0.27 s on the machine it was written on."""
    temp_c = 20 + 15 * np.sin(np.arange(YEAR) * 2 * np.pi / YEAR)
    units = [
        Units(17 * (1 - (0.004 + 0.001 * k) * np.maximum(0, temp_c - 15)), 5, 0.03)
        for k in range(4)
    ]
    took_s = []
    for _ in range(3):
        begun = time.perf_counter()
        found = adequacy(units, flat(250))
        took_s.append(time.perf_counter() - begun)
    assert 0 < found.lolh_h < 100
    assert min(took_s) < 1


def test_too_many_different_sizes_are_refused_in_words():
    units = [Units(10 + 0.001 * 2**k, 1, 0.1) for k in range(26)]
    with pytest.raises(DataError, match="units of one size in one row"):
        adequacy(units, flat(100, 24))


def test_too_many_curves_are_refused_in_words():
    rng = np.random.default_rng(1)
    units = [Units(rng.uniform(5, 10, 240), 3, 0.1) for _ in range(14)]
    with pytest.raises(DataError, match="14 different temperature curves"):
        adequacy(units, flat(100, 240))


def test_states_of_more_than_all_the_time_are_refused():
    with pytest.raises(ValueError, match="more than all the time"):
        capacity_table([Units(10, 1, 0.6, 0.5, 0.5)])
    with pytest.raises(ValueError, match="no chances"):
        capacity_table([Units(10, 1, 1.1)])


# Errors published by others ------------------------------------------------------------


def test_a_shortfall_counts_whole_not_up_to_one_unit():
    """Eight of 31.7 MW, out 5 %, 190.2 MW (six units): with each state's shortage capped
    at one unit the energy not served is 6 % or more too small.
    """
    found = adequacy([Units(31.7, 8, 0.05)], flat(190.2))
    table = capacity_table([Units(31.7, 8, 0.05)])
    missing_mw = np.maximum(190.2 - table.capacity_mw, 0)
    whole = YEAR * float(table.probability @ missing_mw)
    capped = YEAR * float(table.probability @ np.minimum(missing_mw, 31.7))
    assert_allclose(found.eue_mwh, whole, rtol=1e-9)
    assert capped < 0.94 * found.eue_mwh


def test_no_uptime_without_the_energy_for_it():
    """136 MW of mean generation serve at most 68 % of 200 MW, however it is spread."""
    for count, size in ((1, 272.0), (4, 68.0), (40, 6.8)):
        found = adequacy([Units(size, count, 0.5)], flat(200))
        assert found.available_energy_frac <= 136 / 200 + 1e-12


def test_energy_served_and_capacity_balance():
    """Served energy is the mean of the lesser of load and capacity, state by state."""
    table = capacity_table(RTS)
    load_mw = rts79.load_mw(2850)[:240]
    found = adequacy(RTS, load_mw)
    served = np.minimum.outer(table.capacity_mw, load_mw)
    assert_allclose(load_mw - found.unserved_mwh, table.probability @ served)


def test_a_unit_is_no_reserve_against_its_own_outage():
    """One of 100 MW for 100 MW is short as often as it is out; so are two of 50 MW."""
    assert_allclose(adequacy([Units(100, 1, 0.03)], flat(100)).short_frac, 0.03)
    two = adequacy([Units(50, 2, 0.03)], flat(100))
    assert_allclose(two.short_frac, 1 - 0.97**2)
    spare = adequacy([Units(50, 3, 0.03)], flat(100))
    assert_allclose(spare.short_frac, 3 * 0.03**2 * 0.97 + 0.03**3)


def test_shed_load_is_a_shortage_not_reserve():
    """1 kW short of 100 MW is an hour short, though 99.999 % of the energy is served."""
    found = adequacy([Units(99.999, 1, 0.0)], flat(100, 24))
    assert found.lolh_h == 24
    assert found.lole_d == 1
    assert_allclose(found.available_energy_frac, 0.99999)
