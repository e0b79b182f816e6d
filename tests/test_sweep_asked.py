"""What a sweep asks for: grids by hand, ranges, files, and every fault at its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from numpy.testing import assert_allclose
from sweeps import little

from energyopt.casefile import packaged, values
from energyopt.errors import CaseError
from energyopt.sweep.asked import Asked, asked_in_file, asked_on_line, split_at_commas
from energyopt.sweep.points import Points, points_of

GAS = "gas.hub_usd_per_mmbtu"
WACC = "finance.wacc_nominal_frac"
CO2 = "limits.co2_t_per_yr"


@pytest.fixture
def case(tmp_path: Path) -> Path:
    return little(tmp_path)


def line(case: Path, *sets: str, fixed: bool = False) -> Asked:
    return asked_on_line(
        case, sets, ("reoptimised", "fixed") if fixed else ("reoptimised",)
    )


def at(points: Points, *paths: str) -> list[tuple[object, ...]]:
    """Return what each point's case says at some paths."""
    said = [values(row.point.casefile) for row in points.rows]
    return [tuple(case[path] for path in paths) for case in said]


def faults(case: Path, *sets: str) -> list[str]:
    with pytest.raises(CaseError) as caught:
        points_of(line(case, *sets))
    return str(caught.value).splitlines()


def sweep_file(case: Path, text: str) -> Path:
    path = case.parent / "many.yaml"
    path.write_text(f"name: many\ncase: little.yaml\n{text}", encoding="utf-8")
    return path


def file_faults(case: Path, text: str) -> list[str]:
    path = sweep_file(case, text)
    with pytest.raises(CaseError) as caught:
        points_of(asked_in_file(path))
    return [
        found.replace(str(path), "many.yaml") for found in f"{caught.value}".split("\n")
    ]


# Grids


def test_a_grid_has_every_combination_and_the_base_first(case):
    """2 x 3 values: the base, and (3, .07) (3, .08) (3, .09) (6, .07) ..."""
    points = points_of(line(case, f"{GAS}=3,6", f"{WACC}=range(0.07,0.09,0.01)"))
    assert points.paths == [GAS, WACC]
    assert at(points, GAS, WACC) == [
        (3.66, 0.08), (3, 0.07), (3, 0.08), (3, 0.09), (6, 0.07), (6, 0.08), (6, 0.09)
    ]  # fmt: skip


def test_a_range_has_both_ends_and_round_numbers(case):
    """0.1 + 0.2 is 0.30000000000000004 in floats; 0.3 is what was meant."""
    points = points_of(line(case, "site.elevation_m=range(0.1,0.5,0.1)"))
    assert [x for (x,) in at(points, "site.elevation_m")[1:]] == [
        0.1,
        0.2,
        0.3,
        0.4,
        0.5,
    ]
    down = points_of(line(case, f"{CO2}=range(900,500,-200),range(1,2,3)"))
    assert [x for (x,) in at(down, CO2)[1:]] == [900, 700, 500, 1]


def test_lists_and_texts_with_commas_are_one_value():
    assert split_at_commas("[1, 2],'a,b',null") == ["[1, 2]", "'a,b'", "null"]


def test_one_value_is_for_every_point_and_no_axis(case):
    points = points_of(line(case, "load.facility_mw=300", f"{GAS}=3,6"))
    assert points.paths == [GAS]
    assert at(points, "load.facility_mw") == [(300,)] * 3


def test_a_point_starts_from_its_neighbour_nearer_the_first(case):
    """The last axis that moved goes back to its first value: (1, 2) from (1, 0)."""
    points = points_of(line(case, f"{GAS}=3,6", f"{WACC}=0.07,0.075,0.09"))
    keys = [row.point.key for row in points.rows]
    starts = [row.point.starts_from for row in points.rows]
    base, *grid = keys
    assert starts == [None, base, grid[0], grid[0], grid[0], grid[3], grid[3]]


def test_the_base_found_in_the_grid_is_the_same_run(case):
    points = points_of(line(case, f"{GAS}=3,3.66"))
    assert points.rows[2].point.key == points.rows[0].point.key
    assert len(points.runs) == 2


def test_held_points_are_runs_of_their_own_but_the_base(case):
    points = points_of(line(case, f"{GAS}=3,6", fixed=True))
    base = points.rows[0].point
    assert points.rows[0].fixed is None
    assert len(points.runs) == 1 + 2 + 2
    for row in points.rows[1:]:
        assert row.fixed.held == row.fixed.starts_from == base.key
        assert row.fixed.key != row.point.key


# Keys


def test_a_key_changes_with_case_and_data_and_not_with_place(tmp_path):
    """A table counts by what it holds: a digit more is another point."""
    table = "weather: {years: [{solar_table: sun.csv}]}\n"
    keys = []
    for folder, content in (("a", "1"), ("b", "1"), ("c", "2")):
        (tmp_path / folder).mkdir()
        path = little(tmp_path / folder, table)
        (tmp_path / folder / "sun.csv").write_text(f"ghi\n{content}\n")
        points = points_of(line(path, f"{GAS}=3,6"))
        keys.append([row.point.key for row in points.rows])
    assert keys[0] == keys[1]
    assert not set(keys[0]) & set(keys[2])
    other = points_of(line(tmp_path / "a" / "little.yaml", f"{GAS}=3,7"))
    found = [row.point.key for row in other.rows]
    assert found[:2] == keys[0][:2]
    assert found[2] != keys[0][2]


# Faults on the command line


def test_a_misspelt_path_is_told_before_anything_is_solved(case):
    told = faults(case, "gas.hub_usd_per_mmbt=3,6", f"{WACC}=a,0.08")
    assert told == [
        "--set gas.hub_usd_per_mmbt=3: unknown key - did you mean 'hub_usd_per_mmbtu'",
        "--set gas.hub_usd_per_mmbt=6: unknown key - did you mean 'hub_usd_per_mmbtu'",
        f"--set {WACC}=a: Input should be a valid number (got 'a')",
    ]


def test_a_path_set_twice_is_a_fault(case):
    assert faults(case, f"{GAS}=3,6", f"{GAS}=4") == [
        f"--set {GAS}=4: {GAS} is set twice, first by --set {GAS}=3,6"
    ]


@pytest.mark.parametrize(
    "told", ["range(1,2)", "range(a,2,1)", "range(1,2,0)", "range(1,2,-1)"]
)
def test_a_range_that_is_none_is_a_fault(case, told):
    (found,) = faults(case, f"{GAS}={told}")
    assert found.startswith(f"--set {GAS}={told}: ")
    assert found.endswith(f"(got '{told}')")


# Sweep files


def test_a_file_has_all_four_designs(case):
    path = sweep_file(
        case,
        f"""\
changes: {{load.facility_mw: 200}}
grid:
  {GAS}: [3, 6]
tornado:
  gas.transport_usd_per_mmbtu: null
  {WACC}: {{low: 0.07, high: 0.1, source: the bank}}
sample:
  method: sobol
  points: 4
  seed: 7
  over: {{{GAS}: {{low: 2, high: 6, source: a guess}}}}
scenarios:
  dear and clean: {{{GAS}: 6, {CO2}: 500000}}
designs: [reoptimised, fixed]
""",
    )
    asked = asked_in_file(path)
    points = points_of(asked)
    found = [(row.point.design, row.point.label) for row in points.rows]
    assert found[:7] == [
        ("base", "base"),
        ("grid", f"{GAS}=3"),
        ("grid", f"{GAS}=6"),
        ("tornado", "gas.transport_usd_per_mmbtu low"),
        ("tornado", "gas.transport_usd_per_mmbtu high"),
        ("tornado", f"{WACC} low"),
        ("tornado", f"{WACC} high"),
    ]
    assert found[-1] == ("scenario", "dear and clean")
    assert len(found) == 7 + 4 + 1
    # the catalogue's range and its source; the file's own beside it
    transport = points.rows[3].point
    assert values(transport.casefile)["gas.transport_usd_per_mmbtu"] == 0.1
    assert len(transport.source) > 10
    assert points.rows[5].point.source == "the bank"
    assert at(points, "load.facility_mw") == [(200,)] * 12
    assert asked.designs == ("reoptimised", "fixed")


@pytest.mark.parametrize("method", ["sobol", "latin_hypercube"])
def test_a_sample_has_one_point_in_each_quarter_and_the_same_for_a_seed(case, method):
    """Four points between 2 and 6: one in each of 2-3, 3-4, 4-5, 5-6."""
    text = f"sample: {{method: {method}, points: 4, seed: 3, over: {{"
    text += f"{GAS}: {{low: 2, high: 6, source: x}}, {WACC}: null}}}}\n"
    found = [at(points_of(asked_in_file(sweep_file(case, text))), GAS) for _ in "ab"]
    assert found[0] == found[1]
    quarters = sorted(int(x - 2) for (x,) in found[0][1:])
    assert_allclose(quarters, [0, 1, 2, 3])


FAULTY = [
    ("grid: {gas.hub_usd_per_mmbt: [3]}\n",
     "many.yaml:3:31: gas.hub_usd_per_mmbt: unknown key - did you mean 'hub_usd_per_mmbtu'"),
    (f"grid:\n  {GAS}: [3]\n  {GAS}: [4]\n",
     f"many.yaml:5:3: grid.{GAS}: duplicate key, first at many.yaml:4:3"),
    ("gird: {}\n", "many.yaml:3:1: gird: unknown key - did you mean 'grid'"),
    (f"grid: {{{GAS}: 'range(1,2)'}}\n",
     f"many.yaml:3:8: {GAS}: must be range(low, high, step), three numbers "
     "(got 'range(1,2)')"),
    ("tornado: {load.facility_mw: null}\n",
     "many.yaml:3:11: load.facility_mw: the catalogue has no range; give low and high"),
    ("tornado: {gas.hub: null}\n", "many.yaml:3:11: gas.hub: there is no such value - did you mean 'gas.hub_usd_per_mmbtu'"),
    (f"tornado: {{{GAS}: {{low: 4, high: 5, source: x}}}}\n",
     f"many.yaml:3:11: {GAS}: the base value 3.66 is not in 4 to 5"),
    ("scenarios: {cold: {site.elevation_m: high}}\n",
     "many.yaml:3:20: site.elevation_m: Input should be a valid number (got 'high')"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "told"), FAULTY, ids=range(len(FAULTY)))
def test_a_fault_of_a_sweep_file_is_told_at_its_line(case, text, told):
    found = file_faults(case, text)
    assert [f.replace(str(case.parent) + "/", "") for f in found] == [told]


def test_a_case_that_is_not_there_is_told(case):
    path = case.parent / "many.yaml"
    path.write_text("name: many\ncase: litle.yaml\n", encoding="utf-8")
    with pytest.raises(
        CaseError, match=r"many\.yaml:2:1: case: no such file .*'little.yaml'"
    ):
        asked_in_file(path)


def test_the_shipped_sweep_is_a_grid_of_120_points():
    """4 CO2 limits x 6 gas prices x 5 battery costs, and the base."""
    asked = asked_in_file(packaged("cases", "pecos_sweep.yaml"))
    points = points_of(asked)
    assert len(points.rows) == 1 + 4 * 6 * 5
    assert len(points.runs) == 121
    assert [len(axis.values) for axis in asked.grid] == [4, 6, 5]
    base = values(points.rows[0].point.casefile)
    assert base[CO2] == 2.0e6  # of changes; a point's own value wins
    assert at(points, CO2, GAS)[1] == (1.0e6, 2.5)
