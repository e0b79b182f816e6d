"""What the search by periods decides on the way, its parts stood in for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from energyopt.errors import InfeasibleError, NoSolutionError
from energyopt.solve.boxes import Boxes
from energyopt.solve.dispatch import Dispatch, NotFoundError
from energyopt.solve.finish import MOST_ANY, MOST_NEAR, Box, WholeUnits
from energyopt.solve.rounds import LEVEL, MOST_RAISES, RAISE, Journal, Relaxation
from energyopt.solve.subproblem import Answer, Cut

Z = np.zeros(1)
NONE = np.empty(0, dtype=np.intp)


def cut(period: int) -> Cut:
    return Cut(period, 0.0, NONE, np.empty(0))


def answer(slack: float = 0.0, worth: float = 0.0, leaning: Any = NONE) -> Answer:
    return Answer(100.0, worth, slack, np.asarray(leaning, dtype=np.intp), cut(0))


def relaxation(**more: Any) -> Any:
    found = Relaxation.__new__(Relaxation)
    found.journal, found.raises = Journal(60.0), 0
    found.weight = np.ones(2)
    for name, value in more.items():
        setattr(found, name, value)
    return found


def test_penalties_are_raised_where_no_cut_forbids_the_point():
    """Period 0 leans on rows of family 7 and has a cut; period 1 on family 8, without."""
    raised: list[Any] = []

    def program(*families: int) -> Any:
        return SimpleNamespace(
            penalty=np.ones(len(families)), set_penalty=lambda p: raised.append(p)
        )

    year = relaxation(
        programs=[program(7, 8), program(7, 8)],
        family=[np.array([7, 8]), np.array([7, 8])],
        _forbid=lambda z, answers: ([0, 1], [cut(0)]),
    )
    assert year._tighten(Z, [answer(0.1, 1.0, [0]), answer(0.1, 1.0, [1])])
    assert [p.tolist() for p in raised] == [[1.0, RAISE]] * 2
    raised.clear()
    year._forbid = lambda z, answers: ([0, 1], [cut(0), cut(1)])
    assert year._tighten(Z, [answer(0.1, 1.0, [0]), answer(0.1, 1.0, [1])])
    assert [p.tolist() for p in raised] == [[1.0, 1.0]] * 2
    assert (
        year.raises == 1
    )  # what is counted is raises: cuts come to an end by themselves
    year.raises = MOST_RAISES
    year._tighten(Z, [answer(0.1, 1.0, [0]), answer(0.1, 1.0, [1])])
    year._forbid = lambda z, answers: ([0, 1], [])
    with pytest.raises(NoSolutionError):
        year._tighten(Z, [answer(0.1, 1.0, [0]), answer(0.1, 1.0, [1])])


@pytest.mark.parametrize(
    ("slack", "worth", "is_clean"),
    [(0.0, 0.0, True), (0.04, 1.0, True), (0.06, 1.0, False), (0.04, 2.0, False)],
)
def test_slack_may_be_neither_worth_much_nor_much_of_a_row(slack, worth, is_clean):
    """Two periods, worth 1.5 each at most, and 5 % of a row."""
    year = relaxation()
    assert year._clean([answer(slack, worth)] * 2, 3.0, 0.05) == is_clean


def test_the_next_point_may_cost_no_more_than_is_of_interest():
    """Bound 100, the best point 10^9, and nothing above 110 is wanted: 3 above 100."""
    levels: list[float] = []

    def point(level: float) -> Any:
        levels.append(level)
        return Z

    bounds = iter([100.0, 100.0, 120.0])
    master = SimpleNamespace(
        bound=lambda: (next(bounds), Z), point=point, price=lambda: Z, cuts=[1]
    )
    year = relaxation(
        master=master,
        ask=lambda z: (1e9, [answer()]),
        programs=[None],
        border=SimpleNamespace(columns=1),
    )
    assert year.settle("box", 0.01, enough=110.0).bound == 120.0
    assert levels == [100.0 + LEVEL * 10.0] * 2


def units(choices: list[bool], left: int) -> Any:
    """Return a search in which choices can be run or not; ``left`` of them are near."""
    found = WholeUnits.__new__(WholeUnits)
    found.journal = Journal(60.0)
    found.columns = SimpleNamespace(sizes=NONE)
    found.year = SimpleNamespace(ask=lambda z: (0.0, []))
    found._locals = lambda low, high: np.array([0])
    asked: list[bool] = []

    def chosen(local: Any, low: Any, high: Any) -> Any:
        near = high[0] - low[0] <= 1.0
        return None if near and sum(asked) >= left else np.array([float(near)])

    def settled(local: Any, value: Any, *more: Any) -> Any:
        asked.append(bool(value[0]))
        if choices[min(len(asked), len(choices)) - 1]:
            return "runs"
        raise InfeasibleError("no")

    found._chosen, found._settled_with, found.asked = chosen, settled, asked
    return found


def test_whole_numbers_are_chosen_until_they_can_be_run():
    """Each time some period says no. A choice nearby first, then any; not for ever."""
    z, low, high = np.array([0.5]), np.array([0.0]), np.array([9.0])
    found = units([False] * 6 + [True], left=99)
    assert found._with_locals_whole(z, low, high) == "runs"
    assert found.asked == [True] * 7
    found = units([False, False, True], left=2)  # the third one is another
    assert found._with_locals_whole(z, low, high) == "runs"
    assert found.asked == [True, True, False]
    found = units([False], left=99)
    with pytest.raises(NotFoundError):
        found._with_locals_whole(z, low, high)
    assert found.asked == [True] * MOST_NEAR + [False] * MOST_ANY


@pytest.mark.parametrize(("extra", "tried"), [(10.0, True), (20.0, False)])
def test_whole_units_are_tried_once_in_a_box_that_may_be_cheaper(extra, tried):
    """A box of 100 and a plant of 110: they may cost 7 more, not 14; its parts are it."""
    found = Boxes.__new__(Boxes)
    found.units = SimpleNamespace(target=109.0, worth_trying=109.5, extra=extra, x=Z)
    found.stepped = set()
    tries: list[Any] = []
    found._try = lambda z, box, free: tries.append(box)
    part = Box(Z, Z, 101.0, 102.0, Z, [])
    found._contracted = lambda box, goal, sizes: part
    box = Box(Z, Z + 1, 99.0, 100.0, Z, [])
    [smaller] = found._further(box, NONE, 200.0)
    assert (len(tries), smaller.tried) == (int(tried), tried)
    found._further(smaller, NONE, 200.0)
    assert len(tries) == int(tried)


def test_years_that_keep_their_limits_are_left_alone():
    """Of two years the second misses its limit: the columns of the first are held."""
    found = Dispatch.__new__(Dispatch)
    found.x = np.zeros(5)
    found.border = SimpleNamespace(
        periods=[SimpleNamespace(columns=np.array(c)) for c in ([0, 1], [2, 3])]
    )
    found.uses_of = [
        sparse.csc_array(np.array(use)) for use in ([[1, 1], [0, 0]], [[0, 0], [1, 0]])
    ]
    found._over = lambda: np.array([0.0, 3.0])
    asked: list[Any] = []

    def settle(held: Any = None) -> bool:
        asked.append(None if held is None else held.tolist())
        return possible

    found.settle, possible = settle, True
    assert found._mend()
    assert asked == [[True, True, False, False, False]]
    asked.clear()
    possible = False
    assert not found._mend()
    assert asked[1:] == [None]  # then all of it
    asked.clear()
    found._over = lambda: np.array([1.0, 3.0])  # nothing is to be left alone
    assert not found._mend()
    assert asked == [None]
