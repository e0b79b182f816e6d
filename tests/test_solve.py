"""The hand-over to HiGHS and back; the answers are worked out by hand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyomo.environ as pyo
import pytest
from numpy.testing import assert_allclose
from toy_plants import AERO, ENGINE, FRAME, Toy

from energyopt.errors import InfeasibleError, NoSolutionError
from energyopt.solve import compile_model, self_test, solve_fixed_lp, solve_model
from energyopt.solve.compile import NO_HOUR, compile_problem
from energyopt.solve.fixed import solve_fixed
from energyopt.solve.highs import Highs
from energyopt.solve.monolithic import dual_bound


def shop() -> pyo.ConcreteModel:
    """Two machines and a rented one; see each test for the sum."""
    m = pyo.ConcreteModel()
    m.machines = pyo.Var(domain=pyo.NonNegativeIntegers, bounds=(0, 5))
    m.rented = pyo.Var(bounds=(0, 10))
    m.made = pyo.Var(domain=pyo.NonNegativeReals)
    m.made_by_machines = pyo.Constraint(expr=m.made <= 4 * m.machines)
    m.wanted = pyo.Constraint(expr=m.made + m.rented == 10)
    m.cost = pyo.Objective(expr=3 * m.machines + 2 * m.rented + 7)
    return m


def test_whole_machines_come_back_exactly_whole():
    """3, 2 or 1 machines cost 9, 6+2*2=10, 3+2*6=15, plus 7: three make all 10.

    With fractional machines: 2.5 of them, 14.5.
    """
    m = shop()
    record = solve_model(m, gap_frac=0.0)
    assert m.machines.value == 3.0
    assert_allclose([record.objective, record.bound], 16.0)
    assert record.status == "optimal"
    assert (record.rows, record.columns, record.integers) == (2, 3, 1)
    assert record.coefficient_range == (1.0, 4.0)


def test_ranges_fixed_variables_bounds_and_constants_are_not_lost():
    """x in [2, 3] by the range, y fixed at 4, z in [-5, -1] by its bounds.

    min x - z + y + 10 = 2 + 1 + 4 + 10 = 17; the range's upper end, asked for by
    -x, gives -3 + 1 + 4 + 10 = 12; a lost lower end would give 15 in the first.
    """
    m = pyo.ConcreteModel()
    m.x, m.y = pyo.Var(), pyo.Var(domain=pyo.NonNegativeReals)
    m.z = pyo.Var(domain=pyo.NegativeReals, bounds=(-5, -1))
    m.unused = pyo.Var(bounds=(3, 8))
    m.y.fix(4)
    m.span = pyo.Constraint(expr=(6, m.x + m.y, 7))
    m.sign = pyo.Param(initialize=1, mutable=True)
    m.cost = pyo.Objective(expr=m.sign * m.x - m.z + m.y + 10)
    assert_allclose(solve_model(m).objective, 17)
    assert (m.x.value, m.y.value, m.z.value, m.unused.value) == (2, 4, -1, 3)
    m.sign.set_value(-1)
    assert_allclose(solve_model(m).objective, 12)


def test_hours_are_found_by_the_index_set():
    m = pyo.ConcreteModel()
    m.hours = pyo.RangeSet(0, 23)
    m.weeks = pyo.RangeSet(0, 23)  # the same numbers, not the hours
    m.kinds = pyo.Set(initialize=["a", "b"])
    m.size = pyo.Var()
    m.weekly = pyo.Var(m.weeks)
    m.plant = pyo.Block()
    m.plant.hourly = pyo.Var(m.kinds, m.hours)
    m.all = pyo.Constraint(
        expr=m.size
        + sum(m.weekly[w] for w in m.weeks)
        + sum(m.plant.hourly[k, 3] for k in m.kinds)
        >= 1
    )
    m.each = pyo.Constraint(m.hours, rule=lambda m, t: m.plant.hourly["b", t] >= t)
    m.cost = pyo.Objective(expr=m.size)
    problem = compile_problem(m)
    hour = {
        v.name: int(h)
        for v, h in zip(problem.columns, problem.column_hour, strict=True)
    }
    assert hour["size"] == hour["weekly[3]"] == NO_HOUR
    assert hour["plant.hourly[a,3]"] == 3
    assert hour["plant.hourly[b,17]"] == 17
    assert [int(h) for h in problem.row_hour] == [NO_HOUR, *range(24)]


def test_no_feasible_point_is_an_error_of_its_own():
    m = shop()
    m.wanted_more = pyo.Constraint(expr=m.made >= 21)
    with pytest.raises(InfeasibleError):
        solve_model(m)


def test_a_constant_that_cannot_hold_is_named():
    m = shop()
    m.rented.fix(3)
    m.rent_ban = pyo.Constraint(expr=m.rented <= 2)
    with pytest.raises(InfeasibleError, match="rent_ban"):
        solve_model(m)


def test_a_cost_without_a_floor_is_no_solution():
    m = shop()
    m.free = pyo.Var()
    m.cost.set_value(m.cost.expr - m.free)
    with pytest.raises(NoSolutionError, match="limit is missing"):
        solve_model(m)


def test_only_minimising_models_are_taken():
    m = shop()
    m.cost.sense = pyo.maximize
    with pytest.raises(ValueError, match="minimise"):
        solve_model(m)


def test_an_unknown_option_is_refused():
    with pytest.raises(ValueError, match="mip_relgap"):
        Highs({"mip_relgap": 0.1})
    with pytest.raises(ValueError, match="presolve"):
        Highs({"presolve": "perhaps"})


def test_time_limit_without_a_plant_raises():
    m = Toy(hours=336, gas=(AERO, ENGINE, FRAME)).build()
    with pytest.raises(NoSolutionError, match="TimeLimit"):
        solve_model(m, method="monolithic", time_limit_s=0.01)


def test_interruption_keeps_the_best_plant():
    """Stop as soon as there is a plant: it meets every constraint, the gap is open."""
    m = Toy(hours=96, gas=(AERO, ENGINE, FRAME)).build()
    best = [np.inf]
    record = solve_model(
        m,
        method="monolithic",
        gap_frac=1e-9,
        threads=1,
        on_progress=lambda p: best.__setitem__(0, p.incumbent),
        stop=lambda: best[0] < np.inf,
    )
    assert record.status == "interrupted"
    assert record.bound < record.objective
    assert_allclose(pyo.value(m.cost), record.objective, rtol=1e-9)
    for con in m.component_data_objects(pyo.Constraint):
        assert con.slack() > -1e-5
    assert record.path[-1].incumbent == record.objective


def test_written_values_meet_rows_and_give_the_objective():
    m = Toy(hours=48, gas=(AERO,), solar_most_mw=0).build()
    record = solve_model(m, method="monolithic", threads=1)
    assert_allclose(pyo.value(m.cost), record.objective, rtol=1e-9)
    for v in m.component_data_objects(pyo.Var):
        assert v.value is not None
        if v.is_integer():
            assert v.value == round(v.value)
    assert min(c.slack() for c in m.component_data_objects(pyo.Constraint)) > -1e-6
    assert m.solar_mw.value == 0


def test_fixed_lp_prices_what_binds():
    """With three machines the last unit wanted is made by them, at no cost of its own:
    a price of 0; with two, it is rented, at 2. A limit on rent that does not bind: 0.
    """
    m = shop()
    m.most_rented = pyo.Constraint(expr=m.rented <= 9)
    solve_model(m, gap_frac=0.0)
    assert_allclose(
        list(solve_fixed_lp(m, [m.wanted, m.most_rented]).values()), [0, 0], atol=1e-9
    )
    m.machines.set_value(2)
    duals = solve_fixed_lp(m, [m.wanted, m.made_by_machines, m.most_rented])
    assert_allclose([duals[m.wanted], duals[m.made_by_machines]], [2, -2])
    assert m.machines.value == 2


def kept(machines: int):
    """Two ways to make ten: by machines at 2, at most 4 each; at 3, at most 5 in all."""
    m = pyo.ConcreteModel()
    m.machines = pyo.Var(domain=pyo.NonNegativeIntegers, bounds=(0, 5))
    m.made = pyo.Var(domain=pyo.NonNegativeReals)
    m.bought = pyo.Var(domain=pyo.NonNegativeReals)
    m.wanted = pyo.Constraint(expr=m.made + m.bought >= 10)
    m.by_machines = pyo.Constraint(expr=4 * m.machines - m.made >= 0)
    m.at_most = pyo.Constraint(expr=2 * m.bought <= 10)
    m.few = pyo.Constraint(expr=m.machines <= 4)
    m.cost = pyo.Objective(expr=2 * m.made + 3 * m.bought + m.machines)
    problem = compile_model(m)
    found = np.array([float(machines)] * len(problem.columns))
    names = [row.local_name for row in problem.rows]
    return problem, found, names


@pytest.mark.parametrize("wanted", [["wanted"], ["wanted", "by_machines", "at_most"]])
def test_rows_of_one_column_hold_whether_their_duals_are_wanted_or_not(wanted):
    """Two machines make 8 and 2 are bought: 2 x 8 + 3 x 2 + 2 = 24.

    One more costs 3; one that the machines keep back is bought, and costs 1 more.
    """
    problem, found, names = kept(2)
    point, duals = solve_fixed(problem, found, [names.index(n) for n in wanted])
    assert_allclose(problem.objective(point), 24)
    assert_allclose(duals, [3, 1, 0][: len(wanted)], atol=1e-9)


@pytest.mark.parametrize("machines", [1, 5])
def test_whole_numbers_that_break_a_row_have_no_point(machines):
    """One machine and 5 bought are 9 of 10; five machines are more than the four."""
    problem, found, _ = kept(machines)
    assert solve_fixed(problem, found) is None


def test_log_lines_are_appended(tmp_path: Path):
    log = tmp_path / "solver.log"
    log.write_text("before\n", encoding="utf-8")
    solve_model(shop(), log_path=log)
    text = log.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert "HiGHS 1" in text
    assert text.rstrip().splitlines()[-1].startswith("monolithic optimal: objective 16")


def test_installed_highs_knows_the_known_optima():
    assert self_test() == []


def test_importing_costs_no_solver():
    code = "import sys, energyopt.solve; print([n for n in ('pyomo', 'highspy') if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_an_lp_is_bounded_by_its_duals_and_not_by_its_own_word():
    """min 3x + 2y, x + y >= 4, x >= y, y <= 10: x = y = 2 at 10; duals 2.5 and 0.5.

    With the duals (2, 0): d = (1, 0), bound 2 * 4 + 1 * 0 = 8, below 10. A dual of 3
    on the first row leaves y at -1 each: 12 - 10 = 2. One of the wrong sign on a row
    without that side counts as 0. y's own duals of 2.5, 0.5 give 10 exactly.
    """
    m = pyo.ConcreteModel()
    m.x = pyo.Var(domain=pyo.NonNegativeReals)
    m.y = pyo.Var(bounds=(0, 10))
    m.wanted = pyo.Constraint(expr=m.x + m.y >= 4)
    m.order = pyo.Constraint(expr=m.x - m.y >= 0)
    m.cost = pyo.Objective(expr=3 * m.x + 2 * m.y)
    problem = compile_problem(m)
    found = [
        dual_bound(problem, np.array(y))
        for y in ([2.5, 0.5], [2.0, 0.0], [3.0, 0.0], [2.0, -0.5])
    ]
    assert_allclose(found, [10, 8, 2, 8])
    assert dual_bound(problem, np.array([4.0, 0.0])) == -np.inf  # x has no upper bound
    record = solve_model(m, method="monolithic")
    assert_allclose([record.objective, record.bound], 10)


def test_a_compiled_model_does_without_its_constraints():
    """min x, x >= 2, x + y >= 5 and y <= 1: x = 4; its price is that of the second.

    The first row does not bind; the model keeps the second alone.
    """
    m = pyo.ConcreteModel()
    m.part = pyo.Block()
    m.x, m.part.y = pyo.Var(bounds=(0, 9)), pyo.Var(bounds=(0, 1))
    m.part.least = pyo.Constraint(expr=m.x >= 2)
    m.sum = pyo.Constraint(expr=m.x + m.part.y >= 5)
    m.cost = pyo.Objective(expr=m.x)
    compiled = compile_model(m, keep=[m.sum])
    assert list(m.component_data_objects(pyo.Constraint)) == [m.sum]
    assert compiled.rows == [m.sum, None]
    assert solve_model(m, compiled=compiled).objective == 4
    assert (m.x.value, m.part.y.value) == (4, 1)
    assert solve_fixed_lp(m, [m.sum], compiled=compiled) == {m.sum: 1.0}


def test_the_search_from_sizes_ends_where_the_search_at_large_does() -> None:
    """Sun or purchases under a limit: whatever the first size, the same prices.

    Each hour takes 4. Purchases cost 2 and are at most 6 in both hours, so that sun of
    1 a hour, at 5 for both, is to be built: a purchase more would save 2.5 - 2.
    """
    m = pyo.ConcreteModel()
    m.hours = pyo.RangeSet(0, 1)
    m.sun = pyo.Var(bounds=(0, 10))
    m.bought = pyo.Var(m.hours, bounds=(0, 10))
    m.enough = pyo.Constraint(m.hours, rule=lambda m, t: m.sun + m.bought[t] == 4)
    m.most = pyo.Constraint(expr=m.bought[0] + m.bought[1] <= 6)
    m.cost = pyo.Objective(expr=5 * m.sun + 2 * (m.bought[0] + m.bought[1]))
    problem = compile_model(m)
    names = [row.local_name for row in problem.rows]
    names_of_columns = [v.local_name for v in problem.columns]
    most = [names.index("most")]
    for sun in (0.0, 1.0, 3.5, 99.0):  # beyond the limit, at it, too much, no such size
        near = np.zeros(len(problem.columns))
        near[names_of_columns.index("sun")] = sun
        point, duals = solve_fixed(problem, near, most)
        assert_allclose(problem.objective(point), 5 + 2 * 6)
        assert_allclose(duals, [-0.5])
        # Held at too little sun the limit cannot hold: free, it does, if that pays.
        point, duals = solve_fixed(problem, near, most, leeway=np.array([0.6]))
        assert_allclose(problem.objective(point), 5 + 2 * 6)
        assert_allclose(duals, [-0.5])
    near[names_of_columns.index("sun")] = 0.0
    assert solve_fixed(problem, near, most, leeway=np.array([0.4])) is None


def test_what_is_held_stays_and_what_rounding_broke_does_not_matter() -> None:
    """Two years of an hour; 4 are wanted in each, by sun at 5 or purchases at 2.

    At most 6 may be bought, 8 are. With the second year's 4 held the first may buy 2,
    and 2 of sun are built: 5 x 2 + 2 x 6. With both held there is no such point. Of
    4 wanted from stores of at most 1 each and a held 2 - 5e-7, a hair is missing.
    """
    m = pyo.ConcreteModel()
    m.years = pyo.RangeSet(0, 1)
    m.sun = pyo.Var(bounds=(0, 10))
    m.bought = pyo.Var(m.years, bounds=(0, 10))
    m.store = pyo.Var(m.years, bounds=(0, 1))
    m.held = pyo.Var(bounds=(0, 10))
    m.enough = pyo.Constraint(m.years, rule=lambda m, t: m.sun + m.bought[t] >= 4)
    m.most = pyo.Constraint(expr=m.bought[0] + m.bought[1] <= 6)
    m.stored = pyo.Constraint(expr=m.store[0] + m.store[1] + m.held >= 4)
    m.cost = pyo.Objective(expr=5 * m.sun + 2 * (m.bought[0] + m.bought[1]))
    problem = compile_model(m)
    rows = [row.local_name for row in problem.rows]
    columns = [v.local_name for v in problem.columns]
    start = {"bought[0]": 4.0, "bought[1]": 4.0, "held": 2 - 5e-7}
    x = np.array([start.get(name, 1.0 if "store" in name else 0.0) for name in columns])
    most, leeway = [rows.index("most")], np.array([50.0])
    kept = np.isin(columns, ["bought[1]", "held"])
    found = solve_fixed(problem, x, most, leeway, kept)
    assert found is not None
    point = dict(zip(columns, found[0].tolist(), strict=True))
    assert_allclose([point["sun"], point["bought[0]"], point["bought[1]"]], [2, 2, 4])
    kept = np.isin(columns, ["bought[0]", "bought[1]", "held"])
    assert solve_fixed(problem, x, most, leeway, kept) is None
