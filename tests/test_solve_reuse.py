"""Cuts of one problem used for another: never above its optimum, and saved exactly."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from test_solve_periods import GAP, by_periods, in_one_piece, random_toy
from toy_plants import AERO, ENGINE, Toy

from energyopt.solve.compile import NO_HOUR, Problem, compile_problem
from energyopt.solve.reuse import Kept


def plant(**changes: object) -> Problem:
    """Five days of engines, sun and battery under a CO2 limit, in five periods."""
    base = Toy(
        hours=120, seed=4, gas=(AERO, ENGINE), wind_most_mw=0, grid_mw=100,
        grid_budget_frac=0.3, unserved_frac=0.01, co2_t_per_mwh=0.3, reserve=True,
    )  # fmt: skip
    return compile_problem(replace(base, **changes).build())  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def first() -> tuple[Problem, Kept]:
    problem = plant()
    found = by_periods(problem, keep=True)
    assert found.status == "optimal"
    return problem, found.kept


def dearer_sizes(p: Problem) -> Problem:
    """Capital and fixed costs up by a third: only the master changes."""
    return replace(p, cost=np.where(p.column_hour == NO_HOUR, 1.33 * p.cost, p.cost))


def dearer_hours(p: Problem) -> Problem:
    """Fuel, power and running costs up by a fifth."""
    return replace(p, cost=np.where(p.column_hour == NO_HOUR, p.cost, 1.2 * p.cost))


def cheaper_hours(p: Problem) -> Problem:
    """The same down by a quarter: an old dual may claim too much."""
    return replace(p, cost=np.where(p.column_hour == NO_HOUR, p.cost, 0.75 * p.cost))


def looser_limits(p: Problem) -> Problem:
    """Rows without an hour, such as yearly limits, wider by a tenth of their size."""
    free = p.row_hour == NO_HOUR
    upper = np.where(free, p.row_upper + 0.1 * np.abs(p.row_upper), p.row_upper)
    return replace(p, row_upper=np.where(np.isfinite(upper), upper, p.row_upper))


def tighter_limits(p: Problem) -> Problem:
    """Yearly limits smaller by 2 %: the old plant may break them."""
    upper = p.row_upper.copy()
    shared = _border_of(p).shared
    upper[shared] -= 0.02 * np.abs(upper[shared])
    return replace(p, row_upper=np.where(np.isfinite(upper), upper, p.row_upper))


def less_load(p: Problem) -> Problem:
    """Hourly right-hand sides, such as load, smaller by 3 %."""
    hourly = p.row_hour != NO_HOUR
    scale = np.where(hourly, 0.97, 1.0)
    return replace(p, row_lower=p.row_lower * scale, row_upper=p.row_upper * scale)


def more_sun(p: Problem) -> Problem:
    """Another day's weather in the factors of sizes in hourly rows."""
    matrix = p.matrix.copy()
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    sizes = (p.column_hour[matrix.indices] == NO_HOUR) & (p.row_hour[row] != NO_HOUR)
    fraction = sizes & (np.abs(matrix.data) < 1.0)
    matrix.data = np.where(fraction, 1.1 * matrix.data, matrix.data)
    return replace(p, matrix=matrix)


CHANGES = [
    dearer_sizes,
    dearer_hours,
    cheaper_hours,
    looser_limits,
    tighter_limits,
    less_load,
    more_sun,
]


@pytest.mark.parametrize("change", CHANGES)
def test_no_reused_bound_is_above_a_fresh_optimum(first, change):
    """The bound that reused cuts give, and the plant in the end, against one HiGHS model."""
    problem = change(first[0])
    fresh = in_one_piece(problem)
    again = by_periods(problem, before=first[1])
    small = 1e-6 * abs(fresh.objective)
    assert again.path[0].bound <= fresh.objective + small
    assert again.bound <= fresh.objective + small
    assert fresh.bound <= again.objective + small
    assert problem.broken(again.x) < 1e-6
    if again.status == "optimal":
        assert again.objective - again.bound <= GAP * again.objective + small


def test_an_unchanged_problem_needs_no_rounds(first, tmp_path: Path):
    """The plant is known and its box proves it: no period is solved again."""
    log = tmp_path / "log"
    again = by_periods(first[0], before=first[1], log_path=log)
    assert again.status == "optimal"
    text = log.read_text()
    assert "used again" in text
    assert "held sizes   0" not in text


def test_rounded_rows_are_used_again_only_where_they_hold(first):
    """Other costs leave them as they are; another load does not."""
    problem, kept = first
    border = _border_of(problem)
    assert len(kept.boxes) >= 1
    assert kept.boxes_for(dearer_hours(problem), border)
    assert kept.boxes_for(dearer_sizes(problem), border)
    assert not kept.boxes_for(less_load(problem), border)
    assert not kept.boxes_for(more_sun(problem), border)


def test_a_tighter_limit_is_shared_out_before_the_first_round(first):
    """Budgets of the old plant add up to the new limit, each less in proportion.

    As they were, their cost would be below the bound of the tighter problem.
    """
    problem, kept = first
    border = _border_of(tighter_limits(problem))
    z = np.clip(kept.z, border.lower, border.upper)
    fitted = border.within_limits(z)
    n, rows = len(border.links), slice(-len(border.shared), None)
    use, most = border.matrix[rows] @ fitted, border.row_upper[rows]
    assert (use <= most + 1e-6 * np.abs(most)).all()
    assert (border.matrix[rows] @ z > most + 1e-6 * np.abs(most)).any()
    for r in range(len(border.shared)):
        mine = n + np.flatnonzero((border.budget_shared == r) & (z[n:] > 1e-3))
        assert_allclose(fitted[mine] / z[mine], (fitted[mine] / z[mine])[:1].sum())


def test_another_structure_is_not_used(first):
    """One technology less is another matrix: the solve starts afresh."""
    other = plant(gas=(ENGINE,))
    assert not first[1].fits(other, _border_of(other))
    again = by_periods(other, before=first[1])
    fresh = in_one_piece(other)
    assert again.bound <= fresh.objective * (1 + 1e-6)


def test_saved_and_read_again_it_is_the_same(first, tmp_path: Path):
    """Every array comes back to the last bit."""
    kept = first[1]
    kept.save(tmp_path / "cuts.npz")
    read = Kept.load(tmp_path / "cuts.npz")
    assert (read.structure, read.rounding) == (kept.structure, kept.rounding)
    assert_array_equal(read.x, kept.x)
    assert_array_equal(read.z, kept.z)
    assert len(read.proofs) == len(kept.proofs)
    assert len(read.boxes) == len(kept.boxes)
    pairs = [(kept.proofs, read.proofs)]
    pairs += [(a.proofs, b.proofs) for a, b in zip(kept.boxes, read.boxes, strict=True)]
    for ours, theirs in pairs:
        for a, b in zip(ours, theirs, strict=True):
            assert a.period == b.period
            assert_array_equal(a.dual, b.dual)
            assert_array_equal(a.extra_dual, b.extra_dual)
            if a.extra is not None:
                assert_array_equal(a.extra.own.toarray(), b.extra.own.toarray())
                assert_array_equal(a.extra.tie.toarray(), b.extra.tie.toarray())
                assert_array_equal(a.extra.least, b.extra.least)


def test_random_plants_agree_when_warm():
    """A tenth more for every cost: warm and cold within their gaps of each other."""
    for seed in (0, 5, 8, 12):
        problem = compile_problem(random_toy(seed).build())
        try:
            kept = by_periods(problem, keep=True).kept
        except Exception:
            continue
        other = replace(problem, cost=1.1 * problem.cost)
        warm, cold = by_periods(other, before=kept), by_periods(other)
        assert_allclose(warm.objective, cold.objective, rtol=2 * GAP)
        assert warm.bound <= cold.objective * (1 + 1e-6)


def _border_of(problem: Problem):
    from energyopt.solve.bounds import finite_bounds
    from energyopt.solve.periods import find_border, period_starts

    lower, upper, _ = finite_bounds(problem)
    return find_border(problem, lower, upper, period_starts(problem, 24), False)
