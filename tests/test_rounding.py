"""Rows that whole numbers give: by hand, and never cutting off a whole-number point.

The small period: load of 25 MW from units of 10 MW (``output <= 10 n``) and a battery
whose output ``y`` its size ``z``, a column of the master, bounds. Columns: output, y, n,
then z.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse

from energyopt.solve.rounding import BoxedRounding, Rounding

OUTPUT, Y, N, Z = range(4)


def candidates(load_mw: float = 25.0, unit_mw: float = 10.0) -> Rounding:
    rows = sparse.csr_array(
        np.array(
            [
                [1.0, 1.0, 0.0, 0.0],  # output + y = load
                [1.0, 0.0, -unit_mw, 0.0],  # output <= unit * n
                [0.0, 1.0, 0.0, -1.0],  # y <= z
            ]
        )
    )
    return Rounding(
        rows,
        np.array([load_mw, -np.inf, -np.inf]),
        np.array([load_mw, 0.0, 0.0]),
        whole=np.array([False, False, True, False]),
        is_size=np.array([False, False, False, True]),
        own_columns=3,
        single=np.array([2]),
    )


def least_units(rows, y_mw: float, z_mw: float) -> float:
    """Return the fewest units that the rows ask for, not rounded."""
    found = 0.0
    for row, least in zip(rows.matrix.toarray(), rows.least, strict=True):
        rest = row[Y] * y_mw + row[Z] * z_mw + row[OUTPUT] * 0
        if row[N] > 0:
            found = max(found, (least - rest) / row[N])
    return found


def violated(low_mw: float, high_mw: float, point: list[float]):
    boxed = candidates().within(
        np.array([0.0, 0.0, 0.0, low_mw]), np.array([100.0, 100.0, 10.0, high_mw])
    )
    return boxed.violated(np.array(point))


def test_an_output_of_2_units_and_a_half_is_rounded_with_the_battery():
    """10 n + y >= 25: f = 0.5, so n + y / 5 >= 3. At y = 1 that is 2.8 units, not 2.4."""
    rows = violated(0.0, 100.0, [24.0, 1.0, 2.4, 1.0])
    assert_allclose(least_units(rows, 1.0, 1.0), 2.8)


@pytest.mark.parametrize(("z", "units"), [(2.0, 3.0), (3.0, 3.0), (4.0, 3.0)])
def test_in_a_small_box_of_battery_sizes_three_units_must_run(z, units):
    """With z of 2 to 4 MW the units carry 21 to 23 MW: three of them, wherever z lies.

    By hand from z = 2: 10 n + (z - 2) >= 23, f = 0.3, n + (z - 2) / 3 >= 3; from the
    other end: 10 n >= 21, n >= 3.
    """
    rows = violated(2.0, 4.0, [25.0 - z, z, (25.0 - z) / 10, z])
    assert_allclose(least_units(rows, z, z), units)


def test_between_two_steps_the_row_is_the_line_between_them():
    """z of 0 to 100 MW: at 5 MW two units do, and the row from (0, 3) goes through it."""
    rows = violated(0.0, 100.0, [22.5, 2.5, 2.25, 2.5])
    assert_allclose(least_units(rows, 2.5, 2.5), 2.5)
    assert len(violated(0.0, 100.0, [20.0, 5.0, 2.0, 5.0]).least) == 0


def test_steps_are_the_sizes_at_which_a_unit_less_is_needed():
    """25 - z over 10: at 5 and 15 MW."""
    boxed = candidates().within(np.zeros(4), np.array([100.0, 100.0, 10.0, 20.0]))
    steps = boxed.steps(Z, np.array([25.0, 0.0, 2.5, 1.0]))
    assert_allclose(np.unique(np.round(steps, 9)), [5.0, 15.0])


def test_a_wide_size_is_not_measured_from_its_far_end():
    """From z = 100 the row would say 10 n >= -75, nothing; it is not used."""
    boxed = candidates().within(np.zeros(4), np.array([100.0, 100.0, 10.0, 100.0]))
    assert (boxed.least > 0).all()


@pytest.mark.parametrize(
    ("point", "row", "least"),
    [([1.3, 0.0], [1, 1], 2), ([0.0, 3.25], [3, 1], 4)],
)
def test_a_row_is_divided_by_the_unit_that_is_online(point, row, least):
    """10 a + 4 b >= 13. Over 10, f = 0.3: a + b >= 2. Over 4, f = 0.25: 3 a + b >= 4."""
    boxed = BoxedRounding(
        sparse.csr_array(np.array([[10.0, 4.0]])),
        np.array([13.0]),
        whole=np.array([True, True]),
        is_size=np.array([False, False]),
        lower=np.zeros(2),
        upper=np.full(2, 9.0),
    )
    rows = boxed.violated(np.array(point))
    assert_allclose(rows.matrix.toarray(), [row])
    assert_allclose(rows.least, [least])


@pytest.mark.parametrize("seed", range(20))
def test_no_point_with_whole_units_is_cut_off(seed):
    """Random loads, units and boxes; every whole n that can carry the load with some y."""
    rng = np.random.default_rng(seed)
    load, unit = rng.uniform(5, 60), rng.uniform(3, 20)
    low = rng.uniform(0, 10)
    high = low + rng.choice([0.0, 2.0, 30.0])
    boxed = candidates(load, unit).within(
        np.array([0.0, 0.0, 0.0, low]), np.array([100.0, 100.0, 30.0, high])
    )
    for _ in range(50):
        z = rng.uniform(low, high)
        y = rng.uniform(0, min(z, load))
        n = np.ceil((load - y) / unit - 1e-12) + rng.integers(0, 3)
        rows = boxed.violated(np.array([load - y, y, n, z]))
        assert len(rows.least) == 0
        # Rows found at a broken point hold at this one too.
        rows = boxed.violated(np.array([load - y, y, (load - y) / unit, z]))
        point = np.array([load - y, y, n, z])
        assert (rows.matrix @ point >= rows.least - 1e-9).all()
