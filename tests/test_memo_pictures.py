"""What the memo draws: charts and figures hold the numbers of their tables."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from memos import saved
from numpy.testing import assert_allclose
from test_memo import UPTIME
from typer.testing import CliRunner

from energyopt.__main__ import app
from energyopt.memo import series
from energyopt.memo.charts import charts, nines, pictures, unserved, waterfall
from energyopt.memo.exhibits import Memo, memo
from energyopt.memo.options import of_run, options
from energyopt.memo.run import Run, read_run
from energyopt.memo.running import monthly
from energyopt.memo.sankey import Flow, diagram, energy_flows
from energyopt.memo.table import Cell, Column, Row, Table, with_unit

CAUSES = {
    "cold spell": {"mean": 12.0, "low": 9.0, "high": 15.0},
    "battery": {"mean": 0.0, "low": 0.0, "high": 0.0},
    "switchyard": {"mean": 40.0, "low": 30.0, "high": 52.0},
}
HOSTILE = '#panic("no") *a* $x_1$ `c` <b> @d \\ // /* 5 % ] } "'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = saved(tmp_path_factory.mktemp("pictures") / "case")
    run_id = json.loads((made / "manifest.json").read_text())["run_id"]
    sampled = UPTIME | {"run_id": run_id, "unserved_mwh_per_yr_by_cause": CAUSES}
    (made / "uptime.json").write_text(json.dumps(sampled))
    return made


@pytest.fixture(scope="module")
def run(folder: Path) -> Run:
    return read_run(folder)


@pytest.fixture(scope="module")
def whole(run: Run) -> Memo:
    return memo(run)


@pytest.fixture(scope="module")
def of(whole: Memo) -> dict[str, Table]:
    return {table.number: table for table in whole.tables}


# What is drawn


def lcoe(*parts: tuple[str, float]) -> Table:
    rows = [Row((name, Cell(value, 2))) for name, value in parts]
    whole = Row(("LCOE", Cell(sum(v for _, v in parts), 2)), "total")
    columns = (Column("component", "Component"), Column("cost", "Cost"))
    return Table("11", "lcoe", "LCOE", "", columns, (*rows, whole))


def test_a_waterfall_climbs_and_falls_to_its_sum():
    """50 + 30 - 20 + 5 = 65; what is left out for its size still moves what follows."""
    table = lcoe(
        ("capital recovery, gas", 50.0),
        ("starts", 0.004),
        ("fuel, gas", 30.0),
        ("grid energy", -20.0),
        ("fixed O&M", 5.0),
    )
    bars = series.waterfall_bars(table)
    assert [(b.label, b.color) for b in bars] == [
        ("capital recovery, gas", "capital"),
        ("fuel, gas", "gas"),
        ("grid energy", "grid"),
        ("fixed O&M", "running"),
        ("LCOE", "whole"),
    ]
    assert_allclose([b.start for b in bars], [0, 50.004, 80.004, 60.004, 0])
    assert_allclose([b.value for b in bars], [50, 30, -20, 5, 65.004])


def test_a_falling_step_lies_below_what_was_reached():
    """80 falls by 20: its bar goes from 60 to 80, on a chart whose highest is 80."""
    drawn = waterfall(
        series.waterfall_bars(lcoe(("fuel", 80.0), ("grid energy", -20.0)))
    )
    rects = re.findall(r'<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', drawn)
    (fuel_x, fuel_wide), (grid_x, grid_wide), (_, sum_wide) = (
        tuple(map(float, r)) for r in rects[:3]
    )
    assert_allclose(grid_x + grid_wide, fuel_x + fuel_wide, atol=0.2)
    assert_allclose(
        [grid_wide / fuel_wide, sum_wide / fuel_wide], [0.25, 0.75], atol=0.01
    )


def test_the_waterfall_ends_at_the_lcoe(run, of):
    bars = series.waterfall_bars(of["11"])
    last, before = bars[-1], bars[-2]
    assert_allclose(last.value, run.summary["lcoe_usd_per_mwh"], rtol=1e-9)
    assert abs(before.start + before.value - last.value) < 0.005 * len(of["11"].rows)


def test_the_sankey_shows_each_row_of_the_balance_and_what_was_curtailed(run, of):
    energy = run.summary["energy_mwh"] | {"solar_curtailed": 123.4}
    sunny = replace(run, summary={**run.summary, "energy_mwh": energy})
    sources, uses = energy_flows(sunny, of["19"])
    plain = [row for row in of["19"].rows if row.kind == "plain"]
    shown = [flow for flow in (*sources, *uses) if not flow.curtailed]
    assert [f.name for f in shown] == [str(row.cells[0]) for row in plain]
    texts = [row.texts()[1].lstrip("-") for row in plain]
    assert [f.shown for f in shown] == [with_unit(text, "MWh") for text in texts]
    fed = sum(f.mwh for f in sources if not f.curtailed)
    assert_allclose(fed, sum(f.mwh for f in uses), atol=1.0)
    left = {f.name: f.shown for f in sources if f.curtailed}
    assert left == {"solar, curtailed": "123 MWh"}


def test_the_mark_of_a_doubtful_number_stands_behind_its_unit(run, of):
    def doubted(row):
        cells = [
            replace(c, doubtful=True) if isinstance(c, Cell) else c for c in row.cells
        ]
        return replace(row, cells=tuple(cells))

    table = replace(of["19"], rows=tuple(map(doubted, of["19"].rows)))
    flows = energy_flows(run, table)[1]
    assert flows
    assert all(f.shown.endswith(" MWh †") for f in flows)
    assert all(f.share.endswith(" % †") for f in flows if f.share)
    assert any(f.share for f in flows)


def test_bands_of_a_sankey_are_as_wide_as_their_energy_and_fill_the_bus():
    """3, 1 and 0.1 of 4.1 on a bus of 82: 60, 20 and 2; the curtailed one passes by."""
    sources = [
        Flow("gas", 3.0, "3", "gas"),
        Flow("sun", 1.0, "1", "solar"),
        Flow("wind", 0.1, "0", "wind"),
        Flow("wind, curtailed", 2.0, "2", "wind", curtailed=True),
    ]
    made = diagram(sources, [Flow("load", 4.1, "4", "load")], bus=82, slot=30)
    wide = [band.rim[1] - band.rim[0] for band in made.sources]
    assert_allclose(wide, [60, 20, 2, 40])
    on_bus = [band.bus for band in made.sources if not band.flow.curtailed]
    assert_allclose(on_bus[0][0], made.bus[0])
    assert_allclose([b[0] for b in on_bus[1:]], [a[1] for a in on_bus[:-1]])
    assert_allclose(on_bus[-1][1], made.bus[1])
    labels = [band.label for band in made.sources]
    assert min(np.diff(labels)) >= 30
    assert made.tall >= 60 + 30 + 30 + 40


def test_months_stack_up_to_what_fed_the_bus(run):
    """Fed less charged and sold is served, in each month."""
    found = run.tables["monthly"].copy()
    for flow, mwh in (("grid_import", 50), ("battery_discharge", 20), ("served", 70)):
        found[f"{flow}_mwh"] += mwh
    fed_more = replace(run, tables={**run.tables, "monthly": found})
    names, stacks, demand = series.month_stacks(fed_more, monthly(fed_more))
    assert len(names) == len(demand) == len(stacks[0].values)
    assert {"grid import", "battery discharge"} <= {s.name for s in stacks}
    fed = np.sum([s.values for s in stacks], axis=0)
    charged = found["battery_charge_mwh"] + found["grid_export_mwh"]
    assert_allclose(fed, found["served_mwh"] + charged, atol=1.0)


def test_duration_lines_cover_the_year_and_fall(run):
    for hours, mw in series.duration_points(run).values():
        assert hours[0] == 0
        assert_allclose(hours[-1], run.series("weight_h").sum())
        assert (np.diff(mw) <= 1e-9).all()


def test_sampled_shares_are_drawn_with_their_intervals(of):
    rows = series.intervals(of["25"])
    assert len(rows) == 12
    assert sum(row.alone for row in rows) == 6
    assert_allclose(rows[0].nines, -np.log10(1 - 0.9995))
    assert rows[0].low < rows[0].nines < rows[0].high
    assert rows[0].shown == "99.950 %"


def test_causes_stand_in_order_and_those_without_any_are_left_out(run):
    found = series.causes(run)
    assert [c.name for c in found] == ["switchyard", "cold spell"]
    assert [c.shown for c in found] == ["40", "12"]
    assert series.Cause("grid", 0.001, 0.0, 0.01).shown == "under 0.01"
    assert unserved([]) == ""


def test_the_nines_are_drawn_on_a_scale_of_nines():
    """99.99 % lies half-way from 99.9 % to 99.999 %."""
    rows = [
        series.Interval(name, "", nines, nines, nines)
        for name, nines in (("a", 3.0), ("b", 4.0), ("c", 5.0))
    ]
    x = [float(v) for v in re.findall(r'cx="([\d.]+)"', nines(rows))[:3]]
    assert_allclose(x[1] - x[0], x[2] - x[1], atol=0.2)


def test_a_week_that_two_rules_name_is_drawn_once(run):
    starts = [w.hours.start for w in series.chosen_weeks(run)]
    assert len(starts) == len(set(starts))


def test_every_chart_is_drawn_for_a_desk_and_for_a_phone(whole):
    found = charts(whole)
    assert set(found) == {"11", "19", "21", "24", "25"}
    assert set(pictures(whole)) == {"11", "20", "25"}
    for drawn in (*found.values(), *pictures(whole).values()):
        assert drawn.count('class="desk"') == drawn.count('class="phone"') > 0
        assert "NaN" not in drawn
        assert 'role="img" aria-label="' in drawn


def test_without_sampled_years_there_is_no_chart_of_nines(run):
    assert "25" not in charts(memo(replace(run, uptime=None)))


def test_a_name_in_a_chart_stays_text():
    drawn = waterfall(series.waterfall_bars(lcoe(("<b>&", 1.0))))
    assert "<b>" not in drawn
    assert "&lt;b&gt;&amp;" in drawn


# Colours


def light(css: str) -> dict[str, str]:
    first = css[css.index("{") : css.index("}")]
    return dict(re.findall(r"--(\w+): (#\w{6})", first))


def test_figures_have_the_colours_of_the_page():
    from energyopt.memo.plots import PALETTE

    css = (files("energyopt.memo") / "templates/memo.css").read_text()
    page = light(css)
    assert {name: page[name] for name in PALETTE} == PALETTE


DEFICIENT = {  # Machado, Oliveira and Fernandes 2009, severity 1, linear RGB
    "normal": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}  # fmt: skip


def lab(color: str, eye: Any) -> np.ndarray[Any, Any]:
    """Return a colour as an eye sees it, in CIE Lab."""
    rgb = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.array(eye) @ linear, 0, 1)
    to_xyz = [
        [0.4124, 0.3576, 0.1805],
        [0.2126, 0.7152, 0.0722],
        [0.0193, 0.1192, 0.9505],
    ]
    xyz = np.array(to_xyz) @ seen / [0.9505, 1.0, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("eye", DEFICIENT)
def test_colours_of_a_stack_are_told_apart_by_every_eye(eye):
    """Two colours less than about 10 apart in Lab look alike side by side."""
    from energyopt.memo.plots import PALETTE

    stack = [PALETTE[name] for name in ("gas", "wind", "solar", "battery", "grid")]
    seen = [lab(color, DEFICIENT[eye]) for color in stack]
    apart = [np.linalg.norm(a - b) for i, a in enumerate(seen) for b in seen[:i]]
    assert min(apart) > 10


# Figures


def test_figures_are_written_as_png_and_svg(folder, tmp_path):
    out = tmp_path / "memo"
    wanted = ["report", str(folder), "--format", "png,svg", "--out", str(out)]
    told = CliRunner().invoke(app, wanted)
    assert told.exit_code == 0, told.output
    assert told.output.count("Written to") == 1
    names = {p.name for p in (out / "figures").iterdir()}
    kinds = {name.rpartition(".")[0] for name in names}
    assert {f"{kind}.{end}" for kind in kinds for end in ("png", "svg")} == names
    starts = {name.split("_")[1] for name in kinds}
    assert starts == {"11", "19", "20", "21", "22", "24", "25"}
    for path in (out / "figures").glob("*.png"):
        head = path.read_bytes()
        assert head.startswith(b"\x89PNG")
        assert b"pHYs" in head
        dots_per_m = int.from_bytes(head[head.index(b"pHYs") + 4 :][:4], "big")
        assert dots_per_m == round(300 / 0.0254)


def test_a_figure_is_the_same_file_for_the_same_numbers(whole, tmp_path):
    from energyopt.memo.figures import drawings, picture

    drawing = drawings(whole)[0]
    for name in ("a.svg", "b.svg"):
        picture(drawing, tmp_path / name, "svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_axes_carry_units_and_captions_their_exhibit_and_money_its_year(whole, run):
    from matplotlib.figure import Figure

    from energyopt.memo.figures import drawings

    units = ("MW", "GWh", "$/MWh", "Hour", "Share of the year")
    for drawing in drawings(whole):
        assert drawing.caption.startswith(f"Exhibit {drawing.table.number}. ")
        assert run.run_id in drawing.caption
        fig = Figure()
        drawing.draw(fig)
        labels = [ax.get_xlabel() + ax.get_ylabel() for ax in fig.axes if ax.axison]
        shown = [ax for ax in fig.axes if ax.axison and ax.get_visible()]
        for ax in shown:
            told = ax.get_xlabel() + ax.get_ylabel()
            scaled = bool(ax.images)  # a map's unit stands on its scale
            assert scaled or any(unit in told for unit in units), drawing.file
        if any("$" in label for label in labels):
            assert f"real {run.summary['price_year']} dollars" in drawing.caption


def test_a_name_with_dollars_is_drawn_as_it_is_written(run, tmp_path):
    """Between two dollars matplotlib would read mathematics, and stop at \\frac."""
    from energyopt.memo.figures import drawings, picture

    case = run.case.model_copy(update={"name": r"$\frac{$ 中"})
    picture(drawings(memo(replace(run, case=case)))[0], tmp_path / "a.png", "png")
    assert (tmp_path / "a.png").stat().st_size > 10_000


def test_writing_a_page_does_not_load_matplotlib(folder, tmp_path):
    """It takes a second that the page does not need."""
    code = (
        "import sys; from pathlib import Path; from energyopt.memo.write import write_memo;"
        f"write_memo([Path({str(folder)!r})], ['html', 'md'], Path({str(tmp_path)!r}));"
        "sys.exit('matplotlib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Paper


@pytest.fixture(scope="module")
def hostile(run: Run) -> Memo:
    case = run.case.model_copy(update={"title": HOSTILE, "name": HOSTILE})
    capital = run.tables["capital"].rename(index={"gas": HOSTILE})
    named = replace(run, case=case, tables={**run.tables, "capital": capital})
    return memo(named)


def test_a_pdf_holds_every_exhibit_and_leaves_names_as_text(hostile, tmp_path):
    """Markup in a name would stop typst: #panic is a fault, and no file is there."""
    pytest.importorskip("typst", reason="no typst: pip install '.[pdf]'")
    from energyopt.memo.pdf import write_pdf

    path = write_pdf(hostile, tmp_path / "memo.pdf")
    assert path.read_bytes().startswith(b"%PDF")
    if shutil.which("pdftotext") is None:
        return
    text = subprocess.run(
        ["pdftotext", "-layout", str(path), "-"], capture_output=True, check=True
    ).stdout.decode()
    pages = text.split("\f")
    assert pages[1].split()[0] == "Exhibits"  # so that the one page is one
    flat = " ".join(text.replace("\u200b", "").split())
    assert HOSTILE in flat
    assert f"Investment memo · {HOSTILE}" in flat
    for table in hostile.tables:
        assert f"{table.number} {table.title}" in flat, table.number
    for why in hostile.not_covered.values():
        assert why[:30] in flat


def test_the_sheet_is_given_text_and_asks_for_no_package():
    source = (files("energyopt.memo") / "templates/memo.typ").read_text()
    assert "@" not in source
    assert "eval(" not in source


def test_columns_of_a_wide_table_share_the_sheet():
    """Ten letters, and two texts of 400 and 100: the short keeps what it needs."""
    from energyopt.memo.pdf import _shared, _widths

    columns = tuple(Column(name, name) for name in "abc")
    table = Table("1", "t", "T", "", columns, (Row(("x" * 10, "y" * 400, "z" * 100)),))
    need = _widths(table)
    assert need == [13.0, 403.0, 103.0]
    found = _shared(table, need, 163.0)
    assert_allclose(found, [13.0, 100.0, 50.0])


def test_a_table_of_many_numbers_is_turned_and_none_of_them_breaks():
    """Thirty columns of 7 letters and 3 between are 300: more than a sheet is wide."""
    from energyopt.memo.pdf import LETTERS, TURNED, _setting

    columns = tuple(Column(f"c{i}", "Head", "MWh") for i in range(30))
    row = Row(tuple(Cell(12345.6, 0) for _ in columns))
    few = replace(Table("24", "t", "T", "", columns, (row,)), columns=columns[:9])
    few = replace(few, rows=(Row(row.cells[:9]),))
    assert not _setting(few).turned
    made = _setting(Table("24", "t", "T", "", columns, (row,)))
    assert made.turned
    assert sum(made.widths) * made.size_pt <= LETTERS * TURNED
    assert min(made.widths) >= 9


def test_without_typst_one_line_says_what_to_install(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "typst", None)
    out = tmp_path / "none"
    wanted = ["report", str(folder), "--format", "html,pdf", "--out", str(out)]
    told = CliRunner().invoke(app, wanted)
    assert told.exit_code == 7
    assert told.stderr.strip() == "PDF needs typst: pip install 'energyopt[pdf]'"
    assert not out.exists()


def test_sampled_years_are_of_the_run_and_not_of_its_folder(folder, run):
    """A folder may have any name (``--out``); the memo asks for the run's own id."""
    from energyopt.uptime import saved as plan

    assert folder.name != run.run_id
    assert plan.read_run(folder).run_id == run.run_id


def test_a_share_just_below_one_is_not_shown_as_one_among_options(run):
    short = replace(run, summary={**run.summary, "gpu_uptime_frac": 0.99999993})
    table = options([of_run(short), of_run(run)])
    heads = [column.head for column in table.columns]
    place = next(i for i, head in enumerate(heads) if head.startswith("GPU"))
    assert table.rows[0].texts()[place].startswith("99.999993")
