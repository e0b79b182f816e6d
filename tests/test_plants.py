"""Which bound the search of one plant may report."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from energyopt.solve.finish import Box
from energyopt.solve.plants import MOST_WIDENINGS, OUTSIDE, Plants
from energyopt.solve.rounds import Settled

Z = np.zeros(1)
GAP = 0.01


def settled(bound: float) -> Settled:
    return Settled(Z, bound, bound, np.zeros((1, 1)), np.empty(0))


def plants(target: float, **more: Any) -> Any:
    """Return a search whose parts are stand-ins, with nothing tried yet."""
    found = Plants.__new__(Plants)
    found.units = SimpleNamespace(hours_are_whole=True, target=target, x=None)
    found.gap_frac, found.warm, found.near = GAP, False, Z
    found.known, found.tried, found.settled_bound = [], [], np.inf
    for name, value in more.items():
        setattr(found, name, value)
    return found


@pytest.mark.parametrize(
    ("target", "asked", "bound"),
    [
        (101.0, [102.0], 101.0),  # all below the target was searched already
        (103.0, [102.0, 103.0], 103.0),  # once more, as far as the target
    ],
)
def test_boxes_reach_as_far_as_what_a_plant_leaves_open(
    target: float, asked: list[float], bound: float
):
    """The first ones reach 2 gaps, 2 k$, above a bound of 100."""
    assert OUTSIDE * GAP * 100 == 2.0
    reached: list[float] = []

    def search(z: Any, best: Any, low: Any, high: Any, outside: float) -> list[Box]:
        reached.append(outside)
        p.units.target = target  # a plant was found
        return [Box(Z, Z, min(target, outside), 110.0, Z, [])]

    p = plants(
        np.inf,
        master=SimpleNamespace(bound=lambda: (100.0, Z)),
        boxes=SimpleNamespace(search=search),
    )
    assert p._in_boxes(settled(100.0), Z, Z) == bound
    assert reached == asked


def test_a_search_that_was_broken_off_proves_no_more_than_the_one_before():
    """Boxes up to 102, 106 and 112 hold no plant; the one up to 120 ends with a plant."""
    reached: list[float] = []

    def search(z: Any, best: Any, low: Any, high: Any, outside: float) -> list[Box]:
        reached.append(outside)
        p.units.target = 130.0 if len(reached) == MOST_WIDENINGS else np.inf
        return [Box(Z, Z, outside, np.inf, Z, [])]

    p = plants(
        np.inf,
        master=SimpleNamespace(bound=lambda: (100.0, Z)),
        boxes=SimpleNamespace(search=search),
    )
    assert p._in_boxes(settled(100.0), Z, Z) == 112.0
    assert reached == [102.0, 106.0, 112.0, 120.0]


def test_what_known_boxes_left_out_is_proven_to_the_target_only():
    """The cuts say 200 where it was looked; elsewhere no more than 103 is known."""
    year = SimpleNamespace(settle=lambda *a, **k: settled(200.0))
    master = SimpleNamespace(
        implied=lambda low, high, flags: (low, high), hold=lambda low, high: None
    )
    p = plants(
        103.0,
        year=year,
        master=master,
        apart=np.empty(0, dtype=np.intp),
        columns=SimpleNamespace(flags=np.empty(0, dtype=np.intp)),
        border=SimpleNamespace(lower=Z, upper=Z),
        known=[object()],
        _closed_by_known=lambda low, high: False,
    )
    p._plant(Z)
    assert p.settled_bound == 103.0
    p.known = []
    p.settled_bound = np.inf
    p._plant(Z)
    assert p.settled_bound == 200.0
