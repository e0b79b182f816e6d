"""The short way through sums gives what Pyomo's own compiler gives."""

from __future__ import annotations

import pyomo.environ as pyo
from numpy.testing import assert_array_equal
from plants import BATTERY, GAS, GRID, SOLAR, WIND, built, case
from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler

from energyopt.solve.sums import standard_form


def assert_same(m):
    """Rows, columns, coefficients and right sides, to the last bit."""
    own = standard_form(m)
    theirs = LinearStandardFormCompiler().write(m, mixed_form=True)
    assert [v.name for v in own.columns] == [v.name for v in theirs.columns]
    assert [(r.constraint.name, r.bound_type) for r in own.rows] == [
        (r.constraint.name, r.bound_type) for r in theirs.rows
    ]
    assert_array_equal(own.A.todense(), theirs.A.todense())
    assert_array_equal(own.c.todense(), theirs.c.todense())
    assert_array_equal(own.rhs, theirs.rhs)
    assert_array_equal(own.c_offset, theirs.c_offset)


def test_a_plant_of_every_kind():
    technologies = {
        "gas": GAS | {"maintenance_weeks": 1, "min_up_h": 3, "min_down_h": 2},
        "solar": SOLAR,
        "wind": WIND,
        "battery": BATTERY,
        "grid": GRID,
    }
    limits = {"co2_t_per_yr": 1e5, "renewable_share_frac": 0.1}
    assert_same(built(case(technologies=technologies, limits=limits), 5).m)


def test_whatever_can_be_said_in_pyomo():
    """Products, quotients, signs, names, parameters, fixed and cancelled terms."""
    m = pyo.ConcreteModel()
    m.x = pyo.Var(range(3), bounds=(0, 9))
    m.y = pyo.Var()
    m.fixed = pyo.Var(initialize=4)
    m.fixed.fix()
    m.rate = pyo.Param(mutable=True, initialize=3)
    m.named = pyo.Expression(expr=2 * m.x[0] + m.y + 1)
    m.each = pyo.Expression(range(2), rule=lambda m, i: m.x[i] - 5)
    m.cost = pyo.Objective(expr=3 * (m.x[0] - 2 * (m.x[1] + 4)) + m.named)
    m.rows = pyo.ConstraintList()
    for row in (
        m.x[0] + 2 * m.x[1] <= 3,
        -(m.x[0] + m.x[2]) >= -7,
        (m.x[0] + m.y) / 4 == 2 * m.each[1],
        m.rate * m.x[0] + m.rate <= m.y,
        2 * (m.rate * (m.y + m.x[2])) <= 1,
        m.fixed * m.x[0] + m.fixed + m.y >= m.fixed,
        m.fixed + m.x[1] <= 8,
        m.x[0] - m.x[0] + m.x[1] >= 1,
        (m.x[0] + m.x[1]) * 2 <= m.named,
        0 * m.x[0] + m.x[2] <= 5,
        pyo.inequality(1, m.x[0] + m.y, 6),
        m.x[1] >= 2,
        m.x[0] * (1 + m.rate) <= 9,
    ):
        m.rows.add(row)
    assert_same(m)
