"""What reserve against the units online costs the bound, against sums on paper.

Gas units of 10 MW at 10 USD/MWh, and 100 USD an hour for each that is online; five are
installed.
"""

from __future__ import annotations

import pytest
from numpy.testing import assert_allclose
from plants import GAS, GRID, built, case, solve

from energyopt.online import bound_lost_usd_per_yr
from energyopt.solve import compile_model

IDLING = GAS | {"no_load_fuel_frac": 0.5, "min_units": 5}


def lost(demand_mw, technologies, **contingencies):
    """Return what the bound loses in a solved plant of one hour."""
    made = case(technologies=technologies, contingencies=contingencies or None)
    plant = built(made, 1, demand_mw=demand_mw)
    compiled = compile_model(plant.m)
    solve(plant)
    return bound_lost_usd_per_yr(plant, compiled)


def test_a_fifth_of_a_unit_is_what_is_lost_for_each_online():
    """Of n units online, n / 5 of one can be lost: 10 n - 2 n >= 10, n = 1.25, 225 USD.

    With the type online, whole: 10 n - 10 >= 10, n = 2, 300 USD.
    """
    assert_allclose(lost(10, {"gas": IDLING}, against="online"), 75, rtol=1e-9)


def test_nothing_is_lost_where_reserve_does_not_bind():
    """The grid covers any loss: 1.5 units online for 15 MW, with whole flags or without.

    The two whole units of the plant are 50 USD dearer, which is not the option's doing.
    """
    both = {"gas": IDLING, "grid": GRID}
    assert_allclose(lost(15, both, against="online", grid=False), 0, atol=1e-6)


@pytest.mark.parametrize("asked", [{"against": "installed"}, {}])
def test_it_is_no_question_without_the_option(asked):
    assert lost(10, {"gas": IDLING}, **asked) is None
