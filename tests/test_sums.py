"""The short way through sums gives what Pyomo's own compiler gives."""

from __future__ import annotations

import numpy as np
import pyomo.environ as pyo
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from plants import BATTERY, GAS, GRID, SOLAR, WIND, built, case
from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler

from energyopt.errors import InfeasibleError
from energyopt.solve.sums import linear_form


def assert_same(m):
    """Rows, columns, coefficients and right sides; a quotient's last bit may differ."""
    own = linear_form(m)
    theirs = LinearStandardFormCompiler().write(m, mixed_form=True)
    assert [v.name for v in own.variables] == [v.name for v in theirs.columns]
    rows = {con.name: i for i, con in enumerate(own.constraints)}
    names = [row.constraint.name for row in theirs.rows]
    assert list(rows) == list(dict.fromkeys(names))
    # Pyomo gives an equality as one row, of kind 0, and a range as two, 1 and -1.
    place = [rows[name] for name in names]
    low, high = np.full(len(rows), -np.inf), np.full(len(rows), np.inf)
    for i, row, right in zip(place, theirs.rows, theirs.rhs, strict=True):
        if row.bound_type <= 0:
            low[i] = right
        if row.bound_type >= 0:
            high[i] = right
    assert_allclose(own.matrix.todense()[place], theirs.A.todense(), rtol=4e-16)
    assert_array_equal(own.lower, low)
    assert_array_equal(own.upper, high)
    assert_allclose(own.cost, theirs.c.todense()[0], rtol=4e-16)
    assert_allclose(own.offset, theirs.c_offset[0], rtol=4e-16)


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


def test_rows_without_variables_hold_or_are_named():
    """2 - 2 <= 1 is left out, 2 <= 1 is an error; so is a product of variables."""
    m = pyo.ConcreteModel()
    m.x = pyo.Var(bounds=(0, 1))
    m.no = pyo.Var()
    m.no.fix(2)
    m.cost = pyo.Objective(expr=m.x)
    m.fine = pyo.Constraint(expr=m.no - 2 <= 1)
    assert linear_form(m).constraints == []
    m.broken = pyo.Constraint(expr=m.no <= 1)
    with pytest.raises(InfeasibleError, match="broken"):
        linear_form(m)
    del m.broken
    m.bent = pyo.Constraint(expr=m.x * m.x <= 1)
    with pytest.raises(ValueError, match="bent is not linear"):
        linear_form(m)
