"""The short way through sums gives what Pyomo's own compiler gives."""

from __future__ import annotations

import numpy as np
import pyomo.environ as pyo
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from plants import BATTERY, GAS, GRID, SOLAR, WIND, built, case
from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler

from energyopt.errors import InfeasibleError
from energyopt.solve.alike import FEW, Rows, read_alike
from energyopt.solve.compile import compile_problem
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
    assert own.matrix.data.all()
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


HOURS = 3 * FEW * 4
SUN = [0.25 * t + 2 if t % 3 else 0.0 for t in range(HOURS)]


def yearly():
    """Rules of which some rows have another shape than those beside them."""
    m = pyo.ConcreteModel()
    m.hours = pyo.Set(initialize=range(HOURS))
    m.size = pyo.Var(bounds=(0, 9))
    m.any = pyo.Var(domain=pyo.Binary)
    m.x, m.y = pyo.Var(m.hours, bounds=(0, 5)), pyo.Var(m.hours)
    m.both = pyo.Expression(m.hours, rule=lambda m, t: m.x[t] - 2 * m.y[t] + 1)
    m.price = pyo.Param(initialize=4, mutable=True)
    return m


def add(m, rule, *sets):
    name = f"rule_{len(list(m.component_objects(pyo.Constraint)))}"
    m.add_component(name, pyo.Constraint(*(sets or (m.hours,)), rule=rule))


def before(t):
    return t - 1 if t else HOURS - 1


def test_rows_read_together_are_those_of_the_compiler():
    """Nights without a term, two lengths, odd rows, a variable thrice, names, signs."""
    m = yearly()
    m.cost = pyo.Objective(
        expr=pyo.quicksum(3 * (m.x[t] - m.y[before(t)] + 2) for t in m.hours)
        + 5 * pyo.quicksum(m.both[t] / 4 for t in m.hours if t != 7)
    )
    add(m, lambda m, t: m.x[t] <= SUN[t] * m.size)
    add(m, lambda m, t: m.y[t] >= m.y[before(t)] - 0.5 * m.x[t] - SUN[t])
    add(m, lambda m, t: sum(m.x[s] for s in range(t % 3 + 1)) == 2 * m.any + 7)
    add(m, lambda m, t: 3 * (m.both[t] - m.y[t]) + m.both[t] / 8 >= -m.x[before(t)])
    add(m, lambda m, t: -(m.x[t] + m.size) >= -4 if t != 5 else m.y[t] == m.any)
    add(m, lambda m, t: pyo.Constraint.Skip if t == 9 else m.x[t] * m.price <= 8)
    add(m, lambda m, t: pyo.inequality(1, m.x[t] + m.y[t], t + 2))
    add(m, lambda m, k, t: m.x[t] + k * m.y[t] <= SUN[t] + k, [0, 2], m.hours)
    add(m, lambda m, t: (m.x[t] if t % 2 else m.y[t]) + 2 * m.any <= 3)
    m.rule_1[4].deactivate()
    assert_same(m)


def test_rows_are_read_in_groups_and_few_alone():
    """A third of the rows are nights; row 5 has a shape of its own."""
    m = yearly()

    def rule(m, t):
        if t == 5:
            return m.x[t] == m.y[t]
        return m.x[t] <= (SUN[t] * m.size if SUN[t] else 0)

    add(m, rule)
    groups = read_alike([row.expr for row in m.rule_0.values()], Rows.of)
    nights = list(range(0, HOURS, 3))
    days = [t for t in range(HOURS) if t % 3 and t != 5]
    assert [places for places, _ in groups] == [nights, days, [5]]
    assert [rows is None for _, rows in groups] == [False, False, True]
    rows = groups[1][1]
    assert_array_equal(rows.sums.coefs[1], [-SUN[t] for t in days])
    assert_array_equal(rows.upper, np.zeros(len(days)))


@pytest.mark.parametrize("held", [[0], range(0, HOURS, 2), range(HOURS)])
def test_fixed_members_of_a_component_are_numbers(held):
    """``x + 2 y <= 8`` with y held at 3 is ``x <= 2``, whether or not others are free."""
    m = yearly()
    for t in held:
        m.y[t].fix(3)
    m.cost = pyo.Objective(expr=pyo.quicksum(m.x[t] + m.y[t] for t in m.hours))
    add(m, lambda m, t: m.x[t] + 2 * m.y[t] <= 8)
    m.one = pyo.Constraint(expr=m.x[0] + m.y[0] >= 1)
    form = linear_form(m)
    at = [2 if t in held else 8 for t in m.hours]
    assert_array_equal(form.upper[:-1], at)
    assert form.lower[-1] == -2
    assert form.offset == 3 * len(held)
    assert not [v for v in form.variables if v.fixed]
    assert_same(m)


def test_a_long_sum_adds_up_what_it_names_twice():
    """Every x is in two terms, 1 and -3; the one in each hour of y cancels out."""
    m = yearly()
    total = pyo.quicksum(m.x[t] - 3 * m.x[before(t)] + m.y[t] + 1 for t in m.hours)
    m.cost = pyo.Objective(expr=m.size)
    m.all = pyo.Constraint(expr=total - pyo.quicksum(m.y.values()) <= 0)
    form = linear_form(m)
    assert [v.name for v in form.variables[1:]] == [f"x[{t}]" for t in m.hours]
    assert_array_equal(form.matrix.todense(), [[0] + [-2] * HOURS])
    assert_array_equal(form.upper, [-HOURS])


def test_hours_and_bounds_where_members_are_missing():
    """Hours 2 and 3 have no row, hours 0 and 1 no column; a bound may be a parameter."""
    m = yearly()
    m.z = pyo.Var(m.hours, domain=pyo.NonNegativeReals, bounds=(-1, m.price))
    m.z[8].domain, m.z[9].domain = pyo.Binary, pyo.NonNegativeIntegers
    m.cost = pyo.Objective(expr=m.size)
    add(m, lambda m, t: pyo.Constraint.Skip if t in (2, 3) else m.z[max(t, 4)] >= 1)
    p = compile_problem(m)
    assert p.row_hour.tolist() == [t for t in m.hours if t not in (2, 3)]
    assert p.column_hour.tolist() == [-1, *range(4, HOURS)]
    assert p.lower.tolist() == [0.0] * (HOURS - 3)
    high = [9.0 if i == 0 else 1.0 if i == 5 else 4.0 for i in range(HOURS - 3)]
    assert p.upper.tolist() == high
    assert np.flatnonzero(p.integer).tolist() == [5, 6]
    assert {v.name for v in p.unused} >= {"z[0]", "z[3]", "any", "y[0]"}
