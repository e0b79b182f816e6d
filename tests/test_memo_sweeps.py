"""The memo of saved sweeps: frontier, tornado and maps, and what has no plant."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from memos import cells_of, cited, saved
from numpy.testing import assert_allclose
from typer.testing import CliRunner

from energyopt.__main__ import app
from energyopt.errors import DataError
from energyopt.memo.exhibits import memo
from energyopt.memo.html import html
from energyopt.memo.markdown import write_csv
from energyopt.memo.sweep_charts import sweep_chart
from energyopt.memo.sweep_exhibits import frontier, maps, of_sweep, tornado
from energyopt.memo.swept import SavedSweep, read_sweep
from energyopt.memo.table import Cell, Table

BASE = "0123456789012345"  # all digits, as a key may be
CO2 = "limits.co2_t_per_yr"
GAS = "gas.hub_usd_per_mmbtu"
WACC = "finance.wacc_nominal_frac"
BESS = "technologies.battery.capital_usd_per_kwh"
NONE = {"reoptimised.status": "infeasible", "reoptimised.reason": "<b>no room</b>"}


def point(key: str, design: str, lcoe: float | None, **more: Any) -> dict[str, Any]:
    """Return a row of a table: 10 MW of gas, and a battery of 2 MW."""
    line = {"point": key, "design": design, "label": more.pop("label", design)}
    told: dict[str, Any] = {"reoptimised.status": "optimal", "reoptimised.reason": ""}
    if lcoe is not None:
        told |= {
            "reoptimised.lcoe_usd_per_mwh": lcoe,
            "reoptimised.gas_mw": 10.0,
            "reoptimised.battery_mw": 2.0,
        }
    else:
        told |= NONE
    return line | told | more


def sweep_folder(folder: Path, paths: list[str], rows: list[dict[str, Any]]) -> Path:
    """Write a sweep of the tiny plant with a table made up by hand."""
    folder.mkdir(parents=True)
    made = saved(folder / "case")
    (folder / "points").mkdir()
    made.rename(folder / "points" / BASE)
    designs = ["reoptimised"]
    if any("fixed.status" in row for row in rows):
        designs.append("fixed")
    about = {"sweep": "tiny_sweep", "paths": paths, "designs": designs}
    (folder / "sweep.json").write_text(json.dumps(about))
    pd.DataFrame(rows).to_csv(folder / "table.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sweeps")


@pytest.fixture(scope="module")
def along(places: Path) -> SavedSweep:
    """80 $/MWh at 1,000 t; 90 at 600 t; nothing at 200 t."""
    step = "frontier.step_cost_usd_per_t"
    used = "reoptimised.co2_t_per_yr"
    rows = [
        point(BASE, "base", 80.0, **{CO2: None, used: 1000.0}),
        point("b", "frontier", 90.0, **{CO2: 600.0, used: 590.0, step: 50.0}),
        point("c", "frontier", None, label=f"{CO2}=200", **{CO2: 200.0}),
    ]
    return read_sweep(sweep_folder(places / "frontier", [CO2], rows))


@pytest.fixture(scope="module")
def ends(places: Path) -> SavedSweep:
    """Gas moves LCOE from 70 to 95, WACC from 78; its high end has no plant."""

    def end(path: str, name: str, value: float, lcoe: float | None, same: float) -> Any:
        base = {GAS: 3.0, WACC: 0.08, path: value, "range_source": f"of {path}"}
        fixed = {"fixed.status": "optimal", "fixed.lcoe_usd_per_mwh": same}
        label = f"{path} {name}"
        return point(
            f"{name}{len(path)}", "tornado", lcoe, label=label, **base, **fixed
        )

    rows = [
        point(BASE, "base", 80.0, **{GAS: 3.0, WACC: 0.08, "range_source": None}),
        end(WACC, "low", 0.07, 78.0, 78.5),
        end(WACC, "high", 0.10, None, 84.0),
        end(GAS, "low", 2.0, 70.0, 71.0),
        end(GAS, "high", 5.0, 95.0, 97.0),
    ]
    return read_sweep(sweep_folder(places / "tornado", [WACC, GAS], rows))


@pytest.fixture(scope="module")
def grid(places: Path) -> SavedSweep:
    """Two gas prices, two battery prices, CO2 free or capped; solar where gas is dear."""
    rows = [point(BASE, "base", 80.0, **{CO2: None, GAS: 3.0, BESS: 200.0})]
    for i, (cap, gas, bess) in enumerate(
        (c, g, b) for c in (None, 500.0) for g in (5.0, 2.5) for b in (200.0, 100.0)
    ):
        lcoe = None if (cap, gas, bess) == (500.0, 5.0, 200.0) else 70.0 + gas
        sun = {"reoptimised.solar_mw": 3.0 if gas == 5 else 0.0} if lcoe else {}
        varied = {CO2: cap, GAS: gas, BESS: bess}
        rows.append(point(f"k{i}", "grid", lcoe, **varied, **sun))
    return read_sweep(sweep_folder(places / "grid", [CO2, GAS, BESS], rows))


def texts(table: Table | None) -> list[list[str]]:
    assert table is not None
    return [row.texts() for row in table.rows]


def on_page(table: Table | None, which: str = "desk") -> str:
    """Return what a chart draws on a desk's screen, or on a phone's."""
    assert table is not None
    chart = str(sweep_chart(table))
    return "".join(re.findall(rf'<div class="{which}">(.*?)</div>', chart, re.S))


def test_each_number_of_a_sweep_is_the_stored_one_that_it_cites(along, ends, grid):
    seen = 0
    tables = [t for s in (along, ends, grid) for t in of_sweep(s, s.base)]
    assert [t.number for t in tables] == ["3", "14", "15"]
    for told, cell in cells_of(tables):
        assert_allclose(cell.value, cited(cell), rtol=1e-9, err_msg=told)
        seen += 1
    assert seen > 50


def test_a_frontier_shows_caps_costs_and_what_is_built(along):
    """From 1,000 t to 590 t; in kt that is 1.0 and 0.6."""
    rows = texts(frontier(along, along.base))
    assert [row[0] for row in rows] == ["no limit", "0.6", "0.2"]
    assert [row[1].split(" ")[0] for row in rows] == ["1.0", "0.6", "–"]
    assert [row[2].split(" ")[0] for row in rows] == ["80.00", "90.00", "–"]
    assert [row[4].split(" ")[0] for row in rows] == ["–", "50.00", "–"]
    assert rows[0][-1] == "gas + battery"
    assert rows[2][-1] == "infeasible: <b>no room</b>"


def test_a_tornado_is_sorted_by_span_and_has_both_designs(ends):
    """Gas spans 25 (and 26 with the same plant), WACC 2 at most, as one end is none."""
    table = tornado(ends, ends.base)
    rows = texts(table)
    assert [row[0] for row in rows] == [GAS, WACC]
    assert rows[0][1:5] == ["2.00", "3.00", "5.00", "$/MMBtu"]
    assert rows[0][5:11] == ["71.00", "97.00", "26.00", "70.00", "95.00", "25.00"]
    assert rows[1][8:11] == ["78.00", "–", "–"]
    assert rows[1][-1] == f"of {WACC}"
    assert table is not None
    why = f"No plant at {WACC} high (sized anew): infeasible: <b>no room</b>"
    assert why in table.footnotes


def test_bars_of_a_tornado_begin_and_end_at_its_numbers(ends):
    """Gas is the widest bar; the end without a plant says so and has no length."""
    table = tornado(ends, ends.base)
    assert table is not None
    chart = on_page(table)
    wide = [
        float(w) for w in re.findall(r'width="([\d.]+)" height="12.0"', chart)
    ]  # same plant and anew of gas, then of WACC
    assert_allclose(wide[0] / wide[1], 26 / 25, rtol=0.01)
    assert_allclose(wide[3] / wide[1], 2 / 25, rtol=0.05)
    assert chart.count("high: no plant") == 1


def test_maps_have_a_cell_a_point_a_gap_and_a_line_where_the_mix_switches(grid):
    """Prices make the map, the limit is the panel; one point of eight has no plant."""
    table = maps(grid, grid.base)
    assert table is not None
    rows = texts(table)
    assert [c.key for c in table.columns[:3]] == [GAS, BESS, CO2]
    assert rows[0][:3] == ["2.5", "100", "500"]
    assert rows[-1][:3] == ["5", "200", "none"]
    assert [row[-1] for row in rows].count("infeasible: <b>no room</b>") == 1
    mixes = {row[0]: row[-2] for row in rows if row[-2]}
    assert mixes == {"2.5": "gas + battery", "5": "gas + solar + battery"}
    chart = on_page(table)
    assert chart.count("<svg") == 2  # a pair of maps for each limit
    assert chart.count('class="gap"') == 2  # in the map of LCOE and in its twin
    assert "&lt;b&gt;no room" in chart
    lines = chart.count('class="edge"')
    assert lines == 2 * (2 + 1)  # each of two maps: both rows, and the one whole row


def test_a_map_shades_the_same_number_alike(grid):
    table = maps(grid, grid.base)
    assert table is not None
    found = re.findall(
        r'fill="var\(--accent\)" fill-opacity="([\d.]+)"/><text[^>]*>([\d.]+)',
        on_page(table),
    )
    assert {(shade, number) for shade, number in found} == {
        ("0.08", "72.5"),
        ("0.63", "75.0"),
    }


def test_a_grid_over_one_value_is_no_map(grid):
    table = grid.table[(grid.table[BESS] != 100) & grid.table[CO2].isna()]
    assert maps(replace(grid, table=table), grid.base) is None


def test_a_sweep_of_another_case_is_said_to_be_one(grid, tmp_path):
    table = maps(grid, grid.base)
    assert table is not None
    assert not any("another case" in note for note in table.footnotes)
    gas = grid.base.case.gas.model_copy(update={"hub_usd_per_mmbtu": 9.0})
    other = replace(grid.base, case=grid.base.case.model_copy(update={"gas": gas}))
    told = maps(grid, other)
    assert told is not None
    note = next(note for note in told.footnotes if "another case" in note)
    assert "gas.hub_usd_per_mmbtu" in note


def test_two_sweeps_of_a_kind_have_letters(along, tmp_path):
    made = memo(along.base, sweeps=[along, along])
    numbers = [t.number for t in made.tables if t.name.startswith("frontier")]
    assert numbers == ["3", "3b"]
    names = {path.name for path in write_csv(made, tmp_path)}
    assert {"exhibit_03_frontier.csv", "exhibit_03b_frontier_b.csv"} <= names
    page = html(made)
    assert 'id="exhibit-3b"' in page
    assert "3" not in made.not_covered
    assert {"14", "15"} <= set(made.not_covered)


def test_what_a_sweep_says_stays_text_on_the_page(along, ends, grid):
    page = html(memo(along.base, sweeps=[along, ends, grid]))
    assert "<b>no room" not in page
    for number in ("3", "14", "15"):
        start = page.index(f'id="exhibit-{number}"')
        assert "<svg" in page[start : page.index("</section>", start)]


def test_report_of_a_sweep_alone_is_of_its_base(grid, tmp_path):
    out = tmp_path / "memo"
    told = CliRunner().invoke(
        app, ["report", str(grid.folder), "--format", "md", "--out", str(out)]
    )
    assert told.exit_code == 0, told.output
    text = (out / "memo.md").read_text()
    assert grid.base.run_id in text
    assert "### Exhibit 15." in text


def test_a_sweep_whose_base_has_no_plant_has_no_memo(tmp_path):
    rows = [point(BASE, "base", None, **{GAS: 3.0})]
    folder = sweep_folder(tmp_path / "none", [GAS], rows)
    with pytest.raises(DataError, match="base point has no plant: <b>no room</b>"):
        read_sweep(folder)
    told = CliRunner().invoke(app, ["report", str(folder)])
    assert told.exit_code == 7


def test_a_sweep_without_its_table_is_refused(tmp_path):
    (tmp_path / "sweep.json").write_text("{}")
    with pytest.raises(DataError, match=r"no table\.csv there"):
        read_sweep(tmp_path)


def test_a_number_of_a_sweep_is_marked_as_that_of_a_run(along):
    origins = {"load.utilization_frac": {"confidence": "low"}}
    base = replace(along.base, origins=origins)
    table = frontier(replace(along, base=base), base)
    assert table is not None
    lcoe = table.rows[0].cells[2]
    assert isinstance(lcoe, Cell)
    assert lcoe.doubtful


# Figures


def test_a_phone_draws_the_same_numbers_in_its_own_width(along, ends, grid):
    """What is shaded, drawn as bars, or written at a point is the same on either."""
    for table in [t for s in (along, ends, grid) for t in of_sweep(s, s.base)]:
        desk, phone = (on_page(table, which) for which in ("desk", "phone"))
        assert set(re.findall(r'viewBox="0 0 (\d+)', phone)) == {"356"}
        shapes = [sorted(re.findall(r"<title>(.*?)</title>", d)) for d in (desk, phone)]
        assert shapes[0] == shapes[1]
        said = [
            sorted(re.findall(r'"label mid"[^>]*>([\d.]+)<', d)) for d in (desk, phone)
        ]
        assert said[0] == said[1]
        for x in re.findall(r' x="([-\d.]+)"', phone):
            assert -1 <= float(x) <= 357


def drawn(table: Table | None) -> Any:
    """Return the axes of a figure of a sweep."""
    from matplotlib.figure import Figure

    from energyopt.memo.sweep_plots import plots_of

    assert table is not None
    found = plots_of(table)
    assert found is not None
    fig = Figure()
    found[0](fig, table)
    return fig.axes


def test_a_frontier_is_drawn_through_its_points_over_what_is_built(along):
    above, below = drawn(frontier(along, along.base))
    line = above.lines[0]
    assert_allclose(line.get_ydata(), [90.0, 80.0])
    assert line.get_xdata()[0] < line.get_xdata()[1]
    tops = [bar.get_y() + bar.get_height() for bar in below.patches]
    assert_allclose(max(tops), 12.0)  # 10 MW of gas and 2 of battery


def test_bars_of_a_drawn_tornado_span_its_ends(ends):
    """Gas 70 to 95, anew; cost of capital 78 to the base: its high end has no plant."""
    (ax,) = drawn(tornado(ends, ends.base))
    spans = {
        tuple(sorted((bar.get_x(), bar.get_x() + bar.get_width())))
        for bar in ax.patches
    }
    assert {(70.0, 95.0), (71.0, 97.0), (78.5, 84.0), (78.0, 80.0)} == spans
    assert "no plant" in [text.get_text() for text in ax.texts]


def test_drawn_maps_hold_each_point_and_a_line_where_the_mix_switches(grid):
    axes = drawn(maps(grid, grid.base))
    assert len(axes) == 4  # LCOE and gas, with and without a cap
    shown = [text.get_text() for ax in axes[::2] for text in ax.texts]
    assert shown.count("none") == 1
    assert shown.count("72.5") == 4
    assert shown.count("75.0") == 3
    assert any(ax.lines for ax in axes)


def test_sweeps_are_among_the_figures_and_say_so(along, ends, grid, tmp_path):
    from energyopt.memo.figures import drawings, write_figures

    made = memo(along.base, sweeps=[along, ends, grid])
    names = {drawing.file for drawing in drawings(made)}
    assert {"exhibit_03_frontier", "exhibit_14_tornado", "exhibit_15_maps"} <= names
    swept = [d for d in drawings(made) if d.table.number in ("3", "14", "15")]
    assert all("Sweep tiny_sweep" in d.caption for d in swept)
    assert {p.stem for p in write_figures(made, tmp_path, "svg")} == names
