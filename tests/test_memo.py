"""The memo of a saved run: each number is the stored one, and sums add up."""

from __future__ import annotations

import csv
import json
import re
import shutil
import warnings
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import plants
import pytest
from memos import CHANGES, GAS, HOURS, SCRIPT, cells_of, cited, saved
from numpy.testing import assert_allclose
from typer.testing import CliRunner

from energyopt.__main__ import app
from energyopt.errors import DataError
from energyopt.memo.beside import COMPARED
from energyopt.memo.costing import costing
from energyopt.memo.deal import at_a_glance
from energyopt.memo.doubt import UnknownResultError, inputs_of, is_used, rests_on
from energyopt.memo.exhibits import Memo, memo
from energyopt.memo.html import html
from energyopt.memo.markdown import markdown, write_csv
from energyopt.memo.options import Option, of_run, options
from energyopt.memo.permits import what_binds
from energyopt.memo.run import Run, read_run
from energyopt.memo.series import explorer_data
from energyopt.memo.svg import script_json
from energyopt.memo.table import Cell, number
from energyopt.memo.workbook import write_workbook
from energyopt.memo.write import write_options

SAMPLED = {"frac": 0.9995, "low_frac": 0.999, "high_frac": 0.9999, "nines": 3.3}
BOTH = {
    which: {"gpu_energy": SAMPLED, "full_hours": SAMPLED}
    for which in ("with_common_causes", "without_common_causes")
}
UPTIME = {
    "years": 100,
    "seed": 1,
    "uptime": {"low": BOTH, "base": BOTH, "high": BOTH},
    "unserved_mwh_per_yr": {"mean": 12.5, "low": 10.0, "high": 15.0},
    "contingencies": [
        {
            "elements": ["a unit of gas", "the grid"],
            "trips": 20,
            "trips_short": 3,
            "worst_mwh": 7.5,
            "cause": "own units",
        }
    ],
    "worst_event": "in year 7",
    "low_confidence": ["technologies.gas.forced_outage_frac"],
    "notes": ["a note"],
    "approximations": ["one"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = saved(tmp_path_factory.mktemp("memo") / "case")
    run_id = json.loads((made / "manifest.json").read_text())["run_id"]
    (made / "uptime.json").write_text(json.dumps(UPTIME | {"run_id": run_id}))
    return made


@pytest.fixture(scope="module")
def run(folder: Path) -> Run:
    return read_run(folder)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A plant without sun, to stand beside the other."""
    without = {k: v for k, v in CHANGES["technologies"].items() if k != "solar"}
    made = saved(tmp_path_factory.mktemp("base") / "case", technologies=without)
    return read_run(made)


@pytest.fixture(scope="module")
def whole(run: Run, base: Run) -> Memo:
    return memo(run, [of_run(base)])


def test_each_number_is_the_stored_one_that_it_cites(whole):
    seen = 0
    for told, cell in cells_of(whole.tables):
        assert_allclose(cell.value, cited(cell), rtol=1e-9, atol=1e-9, err_msg=told)
        seen += 1
    assert seen > 150


def test_what_is_printed_is_within_half_a_digit_of_the_number(whole):
    for table in whole.tables:
        for row in table.rows:
            for cell in row.cells:
                if isinstance(cell, Cell) and cell.value is not None:
                    shown = float(cell.text.split(" ")[0].replace(",", ""))
                    places = cell.decimals
                    near = 0.5 * 10.0**-places if places is not None else 0.0
                    room = max(near * 1.001, 0.006 * abs(cell.value), 1e-9)
                    assert abs(shown - cell.value) <= room, (table.number, cell)


def test_printed_totals_add_up_but_for_rounding(whole):
    """Half a digit for each part and one for the sum."""
    seen = set()
    for table in whole.tables:
        totals = [row for row in table.rows if row.kind == "total"]
        plain = [row for row in table.rows if row.kind == "plain"]
        for row in totals:
            for i, cell in enumerate(row.cells):
                if not isinstance(cell, Cell) or cell.value is None:
                    continue
                parts = [r.cells[i] for r in plain]
                shown = [p.text.split(" ")[0].replace(",", "") for p in parts]
                printed = sum(float(p) for p in shown if p != "–")
                of = float(cell.text.split(" ")[0].replace(",", ""))
                room = 0.5 * 10.0 ** -(cell.decimals or 0) * (len(parts) + 1)
                assert abs(printed - of) <= room + 1e-9, (table.number, i)
                seen.add(table.number)
    assert seen == {"7", "10", "11", "19", "24", "28", "29"}


def test_totals_are_the_totals_of_the_summary(whole, run):
    """Capital, operating cost, LCOE, CO2 and water are each counted in two ways."""
    of = {t.number: t for t in whole.tables}

    def last(number: str, key: str) -> float:
        keys = [c.key for c in of[number].columns]
        cell = of[number].rows[-1].cells[keys.index(key)]
        assert isinstance(cell, Cell)
        assert cell.value is not None
        return cell.value

    s = run.summary
    cost = s["cost_usd_per_yr"]
    assert_allclose(last("7", "total_musd") * 1e6, s["capital_usd"], rtol=1e-8)
    running = s["yearly_usd"] - cost["capital"] - cost["lost_compute"]
    assert_allclose(last("10", "cost_musd_per_yr") * 1e6, running, rtol=1e-6)
    parts = [r.cells[1] for r in of["11"].rows[:-1]]
    added = sum(c.value for c in parts if isinstance(c, Cell) and c.value)
    assert_allclose(added, s["lcoe_usd_per_mwh"], rtol=1e-6)
    assert_allclose(last("28", "co2_t_per_yr"), s["co2_t_per_yr"], rtol=1e-8)
    assert abs(last("19", "energy_mwh")) < 1.0
    assert_allclose(last("24", "served_mwh"), s["energy_mwh"]["served"], rtol=1e-8)


def test_the_exhibits_stand_in_order_and_the_rest_is_said_to_be_missing(whole, run):
    numbers = [int(t.number) for t in whole.tables]
    assert numbers == sorted(numbers)
    missing = {n for key in whole.not_covered for n in key.split(", ")}
    assert set(map(str, range(1, 35))) == {*map(str, numbers), *missing}
    alone = memo(replace(run, uptime=None))
    assert {"2", "25"} <= set(alone.not_covered)


def test_every_table_names_case_run_and_gap_and_money_its_year(whole, run):
    for table in whole.tables:
        notes = " ".join(table.footnotes)
        assert run.run_id in notes
        assert "gap" in notes
        units = [c.unit + str(c.key) for c in table.columns]
        if any("$" in unit or "usd" in unit for unit in units):
            assert f"real {run.summary['price_year']} dollars" in table.caption, (
                table.number
            )


def test_low_confidence_is_marked_and_explained(whole):
    book = next(t for t in whole.tables if t.number == "25")
    assert book.doubtful
    assert "† rests on" in markdown(whole)


def test_it_is_said_of_every_number_what_it_rests_on(whole):
    """Of one that no rule is about, every input would count: a mark too many."""
    for _, cell in cells_of(whole.tables):
        for cite in [*cell.cite.split(" + "), *([cell.over] if cell.over else [])]:
            inputs_of(cite)
    with pytest.raises(UnknownResultError):
        inputs_of("summary.json#something_new")
    assert rests_on("summary.json#something_new", ["load.for_sale"], []) == [
        "load.for_sale"
    ]


def low_in(run: Run, *paths: str) -> Run:
    """Return a run with inputs of low confidence."""
    low = {path: run.origins.get(path, {}) | {"confidence": "low"} for path in paths}
    sure = {path: dict(o) | {"confidence": None} for path, o in run.origins.items()}
    return replace(run, origins=sure | low, uptime=None)


def marked(run: Run, number: str) -> set[tuple[str, str]]:
    """Return row and column of each number of an exhibit that carries the mark."""
    table = next(t for t in memo(run).tables if t.number == number)
    return {
        (str(row.cells[0]), column.key)
        for row in table.rows
        for column, cell in zip(table.columns, row.cells, strict=True)
        if isinstance(cell, Cell) and cell.doubtful
    }


def test_marks_follow_what_a_number_is_worked_out_from(run):
    """Land of gas units: their area in exhibits 1, 4 and 30, and nothing else."""
    land = low_in(run, "technologies.gas.land_km2_per_mw")
    assert marked(land, "4") == {("gas", "land_acres")}
    assert marked(land, "30") == {("Land", "need")}
    assert marked(land, "1") == {("Land of the plant", "recommended")}
    assert not marked(land, "11")


def test_the_price_of_a_machine_marks_its_own_capital_and_every_total(run):
    dear = low_in(run, "technologies.gas.capital_usd_per_kw")
    rows = {row for row, _ in marked(dear, "7")}
    assert rows == {"gas", "Total"}
    assert {row for row, _ in marked(dear, "11")} == {
        "capital recovery, gas",
        "LCOE, real",
    }


def test_an_input_that_is_not_read_marks_nothing(run):
    """There is no second fuel, and what is offered is not all built."""
    off = ["technologies.gas.dual_fuel_capital_usd_per_kw"]
    assert not marked(low_in(run, *off), "7")
    assert is_used("technologies.gas.capital_usd_per_kw", run.case.technologies)
    dual = {"gas": run.case.technologies["gas"].model_copy(update={"dual_fuel": True})}
    assert is_used(off[0], dual)


def test_sampled_years_of_another_run_are_left_out_and_said_to_be(folder, tmp_path):
    other = tmp_path / "run"
    shutil.copytree(folder, other)
    (other / "uptime.json").write_text(json.dumps(UPTIME | {"run_id": "another"}))
    found = read_run(other)
    made = memo(found)
    assert found.uptime is None
    assert "uptime.json is of run another" in made.not_covered["25"]
    assert any("LEFT OUT" in note for note in made.tables[0].footnotes)
    assert not any("with outages" in str(row.cells[0]) for row in made.tables[0].rows)


def test_the_base_case_stands_beside_the_plant(whole, run, base):
    """The plant has 3 MW of sun that the base has not; capital is that much more."""
    of = {table.number: table for table in whole.tables}
    for one in COMPARED:
        assert any(c.key.startswith("base_") for c in of[one].columns), one
    keys = [column.key for column in of["7"].columns]
    total = of["7"].rows[-1].cells
    there, less = (total[keys.index(f"{k}base_total_musd")] for k in ("", "less_"))
    assert isinstance(there, Cell)
    assert isinstance(less, Cell)
    both = [each.summary["capital_usd"] / 1e6 for each in (run, base)]
    assert_allclose([there.value, less.value], [both[1], both[0] - both[1]], rtol=1e-8)
    keys = [column.key for column in of["4"].columns]
    sun = next(row for row in of["4"].rows if row.cells[0] == "solar")
    assert sun.texts()[keys.index("base_rated_mw")] == "0.0"
    assert sun.texts()[keys.index("less_base_rated_mw")] == "3.0"


def test_a_row_that_only_the_base_has_counts_as_nothing_of_the_plant(run, base):
    made = {t.number: t for t in memo(base, [of_run(run)]).tables}
    keys = [column.key for column in made["4"].columns]
    sun = next(row for row in made["4"].rows if row.cells[0] == "solar")
    assert sun.texts()[keys.index("rated_mw")] == "–"
    assert sun.texts()[keys.index("base_rated_mw")] == "3.0"
    assert sun.texts()[keys.index("less_base_rated_mw")] == "-3.0"


def test_options_of_a_run_are_found_again_with_their_base(folder, base, tmp_path):
    """The first option has no plant, the second is gone; the third is the base."""
    run_ = tmp_path / "run"
    shutil.copytree(folder, run_)
    rows = [
        {"name": "grid_only", "status": "infeasible", "reason": "too little"},
        {"name": "gas_only", "status": "optimal", "folder": tmp_path / "gone"},
        {"name": "gas_battery", "status": "optimal", "folder": base.folder},
    ]
    lines = [{"reason": "", "folder": None, "label": row["name"]} | row for row in rows]
    write_options(run_, lines, "gas_battery")
    out = tmp_path / "memo"
    told = CliRunner().invoke(
        app, ["report", str(run_), "--one-page", "--out", str(out)]
    )
    assert told.exit_code == 0, told.output
    text = (out / "one_page.md").read_text()
    assert "infeasible: too little" in text
    assert "its run folder is gone" in text
    assert "Base case: gas_battery." in text
    assert "Base case, " not in text or base.run_id in text
    told = CliRunner().invoke(app, ["report", str(run_), "--base", "grid_only"])
    assert told.exit_code == 3
    assert "with a plant are gas_battery" in told.output


def test_one_page_has_its_exhibits_and_no_more(whole):
    numbers = [table.number for table in whole.first_page]
    assert numbers == ["1", "2", "11", "20", "25"]
    text = markdown(replace(whole, tables=tuple(whole.first_page), short=True))
    assert "## Exhibits" not in text


def test_markdown_keeps_what_a_case_says_as_text(whole):
    text = markdown(whole)
    assert SCRIPT not in text
    assert "&lt;script&gt;" in text
    for table in re.findall(r"(?:^\|.*\n)+", text, flags=re.M):
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(widths) == 1


def test_csv_files_hold_the_numbers_unrounded(whole, tmp_path):
    paths = write_csv(whole, tmp_path / "csv")
    assert len(paths) == len(whole.tables)
    with (tmp_path / "csv" / "exhibit_07_capital.csv").open(encoding="utf-8") as file:
        rows = list(csv.reader(file))
    table = next(t for t in whole.tables if t.number == "7")
    total = table.rows[-1].cells[7]
    assert isinstance(total, Cell)
    assert float(rows[-1][7]) == total.value
    assert rows[0][7] == "total_musd [$M]"


def test_options_tell_of_the_run_that_has_no_plant(run):
    none = Option("no_gas", "No gas", None, "infeasible: no plant meets every limit")
    table = options([of_run(run), none])
    assert table.rows[-1].cells[-1] == "no plant: infeasible"
    assert "No gas: infeasible: no plant meets every limit" in table.footnotes
    assert table.rows[-1].texts()[1] == "–"


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"no summary\.json"):
        read_run(tmp_path)


def test_numbers_have_sensible_digits():
    assert number(0.0) == "0"
    assert number(float("nan")) == "–"
    assert number(123456.7) == "123,457"
    assert number(-0.04, 1) == "0.0"


# The page


@pytest.fixture(scope="module")
def page(whole: Memo) -> str:
    return html(whole)


class Seen(HTMLParser):
    """Tags, links and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text: list[str] = []
        self.ids: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for key, value in attrs:
            if key in ("href", "src", "action", "srcset", "data"):
                self.links.append(value or "")
            if key == "id":
                self.ids.append(value or "")

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_a_title_that_is_a_script_stays_text(page):
    seen = Seen(page)
    assert SCRIPT not in page
    assert seen.tags.count("script") == 2
    assert any(SCRIPT in text for text in seen.text)


def test_a_name_cannot_end_the_data_of_the_page():
    text = script_json({"name": "</script><script>alert(1)</script>"})
    assert "<" not in text
    assert json.loads(text) == {"name": "</script><script>alert(1)</script>"}


def test_the_page_asks_nothing_of_a_network(page):
    """A data table may name its source, but no link, import or style opens one."""
    seen = Seen(page)
    assert seen.links
    assert all(link.startswith("#") for link in seen.links)
    assert {link[1:] for link in seen.links} <= set(seen.ids)
    assert len(seen.ids) == len(set(seen.ids))
    assert not re.search(r"@import|url\(|fetch\(|XMLHttp|https?://", page)
    assert "default-src 'none'" in page
    assert len(page.encode()) < 8e6


def test_a_year_of_hours_keeps_the_page_under_8_mb(run):
    """40 series of 8,760 hours, six characters each, are 2.1 MB."""
    data = explorer_data(run)
    series = 3 + sum(len(data[k]) for k in ("stack", "below", "stored"))
    for_a_year = len(script_json(data)) / HOURS / series * 8760 * 40
    assert for_a_year < 4e6


def test_the_explorer_draws_the_stored_hours(run):
    data = explorer_data(run)
    stacked = np.sum([s["values"] for s in data["stack"]], axis=0)
    drawn = np.sum([s["values"] for s in data["below"]] or [[0.0] * HOURS], axis=0)
    short = run.series("plant.unserved_mw")
    assert_allclose(stacked - drawn, np.array(data["load"]) - short, atol=0.5)
    assert_allclose(data["price"], run.series("power_usd_per_mwh"), atol=0.05)
    for week in data["weeks"]:
        assert 0 <= week["start"] < HOURS


def test_every_table_of_the_memo_is_on_the_page(page, whole):
    seen = Seen(page)
    text = set(map(str.strip, seen.text))
    for table in whole.tables:
        assert f"exhibit-{table.number}" in seen.ids
        for row in table.rows:
            for shown in row.texts():
                assert not shown or " ".join(shown.split()) in {
                    " ".join(t.split()) for t in text
                }, (table.number, shown)


def test_the_waterfall_ends_at_the_lcoe(page, run):
    assert f">{run.summary['lcoe_usd_per_mwh']:,.2f}</text>" in page


# The command


def test_report_writes_the_formats_asked_for(folder, tmp_path, capsys):
    out = tmp_path / "memo"
    told = CliRunner().invoke(
        app, ["report", str(folder), "--format", "html,md,csv", "--out", str(out)]
    )
    assert told.exit_code == 0, told.output
    assert {p.name for p in out.iterdir()} == {"memo.html", "memo.md", "exhibits"}


def test_report_refuses_an_unknown_format(folder):
    told = CliRunner().invoke(app, ["report", str(folder), "--format", "docx"])
    assert told.exit_code == 2


def test_compare_shows_each_run_and_why_another_has_no_plant(folder, tmp_path):
    none = tmp_path / "no_gas"
    none.mkdir()
    (none / "infeasible.json").write_text("{}")
    told = CliRunner().invoke(app, ["compare", str(folder), str(none)])
    assert told.exit_code == 0, told.output
    assert "no plant meets every limit" in told.output
    assert "no\\_gas" in told.output or "no_gas" in told.output


def test_compare_of_a_folder_that_is_no_run_is_refused(tmp_path):
    told = CliRunner().invoke(app, ["compare", str(tmp_path)])
    assert told.exit_code == 7


# The workbook


@pytest.fixture(scope="module")
def workbook(whole: Memo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("workbook") / "memo.xlsx"
    return write_workbook(whole, path)


def test_costing_gives_the_lcoe_and_capital_of_the_model(run):
    c = costing(run)
    assert_allclose(c.lcoe_usd_per_mwh(), run.summary["lcoe_usd_per_mwh"], rtol=1e-8)
    yearly = sum(c.capital_usd(asset, c.wacc_frac) for asset in c.assets)
    assert_allclose(yearly, run.summary["cost_usd_per_yr"]["capital"], rtol=1e-8)


def test_the_workbook_has_a_sheet_for_each_table(workbook, whole):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.load_workbook(workbook, data_only=True)
    live = ["Read me", "Inputs", "LCOE", "Sensitivity"]
    assert book.sheetnames == [*live, *(f"{t.number} {t.name}" for t in whole.tables)]
    for table in whole.tables:
        sheet = book[f"{table.number} {table.name}"]
        for j, row in enumerate(table.rows, start=5):
            for i, cell in enumerate(row.cells, start=1):
                wanted = cell.value if isinstance(cell, Cell) else cell or None
                found = sheet.cell(j, i).value
                if isinstance(wanted, float):
                    assert_allclose(found, wanted, rtol=1e-12, atol=1e-15)
                else:
                    assert (found or "") == (wanted or "")


def test_cached_values_of_the_workbook_are_the_models(workbook, run):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.load_workbook(workbook, data_only=True)
    lines = {row[0].value: row for row in book["LCOE"].iter_rows(min_row=4)}
    assert_allclose(lines["Total"][2].value, run.summary["lcoe_usd_per_mwh"], rtol=1e-8)


def recomputed(path: Path) -> dict[str, Any]:
    """Return every cell of a workbook as another engine computes it."""
    formulas = pytest.importorskip("formulas")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = formulas.ExcelModel().loads(str(path)).finish()
        solution = model.calculate()
    found = {}
    for key, ranges in solution.items():
        place = re.match(r"'\[[^\]]*\]([^']+)'!([A-Z]+\d+)$", str(key))
        if place:
            found[f"{place[1].upper()}!{place[2]}"] = ranges.value[0, 0]
    return found


def test_another_engine_recomputes_the_workbook(workbook, run):
    """Every live cell, to a millionth; `formulas` is of the test extra."""
    openpyxl = pytest.importorskip("openpyxl")
    found = recomputed(workbook)
    cached = openpyxl.load_workbook(workbook, data_only=True)
    written = openpyxl.load_workbook(workbook)
    seen = 0
    for name in ("LCOE", "Sensitivity"):
        for row in written[name].iter_rows():
            for cell in row:
                if cell.data_type != "f":
                    continue
                shown = cached[name][cell.coordinate].value
                other = float(found[f"{name.upper()}!{cell.coordinate}"])
                assert_allclose(other, shown, rtol=1e-6, err_msg=cell.coordinate)
                seen += 1
    assert seen > 30


def test_a_dearer_gas_moves_the_live_lcoe_as_the_model_would(run):
    """LCOE is linear in the price of gas: a dollar more costs its MMBtu per MWh."""
    c = costing(run)
    dearer = replace(c, gas_usd_per_mmbtu=c.gas_usd_per_mmbtu + 1)
    step = dearer.lcoe_usd_per_mwh() - c.lcoe_usd_per_mwh()
    assert_allclose(step, c.gas_mmbtu / c.served_mwh, rtol=1e-9)


def test_a_title_that_looks_like_a_formula_stays_text(run, tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    case = run.case.model_copy(update={"title": "=1+1"})
    path = write_workbook(memo(replace(run, case=case)), tmp_path / "memo.xlsx")
    cell = openpyxl.load_workbook(path)["Read me"]["A1"]
    assert cell.value == "=1+1"
    assert cell.data_type == "s"


def test_a_backup_budget_is_no_limit_on_a_grid_that_is_no_backup(tmp_path):
    """A parallel grid keeps the key of its catalogue entry, and buys what it likes."""
    grid = plants.GRID | {"mode": "parallel", "backup_mwh_per_yr": 0.001}
    grid |= {"max_mw": 5, "min_mw": 5}
    made = read_run(
        saved(tmp_path / "parallel", technologies={"gas": GAS, "grid": grid})
    )
    assert not [n for n in made.tables["limits"].index if "backup" in str(n)]


def test_a_share_just_below_one_is_not_shown_as_one(whole):
    table = next(t for t in whole.tables if t.number == "31")
    line = next(r for r in table.rows if "gpu_served_frac" in str(r.cells[0]))
    assert line.texts()[1] == "0.900000"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"draft": True}, "Not a basis for a decision"),
        ({"status": "verification_failed"}, "are not to be used"),
        ({"status": "limit"}, "Stopped early (limit)"),
    ],
)
def test_what_a_reader_must_know_first_stands_on_top(run, changes, told):
    page = html(memo(replace(run, summary={**run.summary, **changes})))
    assert told in page[: page.index("<nav")]


def test_a_plant_sized_for_an_uptime_shows_the_way_to_its_target(run):
    sampled = {"frac": 0.99951, "low_frac": 0.9991, "high_frac": 0.9998, "years": 100}
    one = {"number": 1, "lcoe_usd_per_mwh": 80.0, "uptime": sampled, "held_out": None}
    target = {
        "gpu_uptime_frac": 0.999,
        "met": True,
        "common_causes": True,
        "confidence_frac": 0.95,
        "rounds": [one],
    }
    summary = {**run.summary, "uptime_target": target}
    made = memo(replace(run, uptime=None, summary=summary))
    table = next(t for t in made.tables if t.number == "25")
    assert table.rows[0].texts()[1] == "99.95100"
    assert "Target 99.9 % of GPU energy: met at 95% confidence." in table.footnotes
    assert "25" not in made.not_covered


def test_under_the_gap_stands_what_the_bound_lost(run):
    summary = {**run.summary, "bound_lost_to_online_usd_per_yr": 80_000.0}
    rows = [r.texts() for r in at_a_glance(replace(run, summary=summary)).rows]
    gap = next(i for i, row in enumerate(rows) if row[0] == "Solver gap")
    lost = "… bound lost to reserve against what is online"
    assert rows[gap + 1] == [lost, "$M/yr", "0.08"]


def test_a_limit_that_is_exceeded_is_not_said_to_bind(run):
    limits = run.tables["limits"].copy()
    limits.loc["limits.co2_t_per_yr", ["value", "used", "slack"]] = [10.0, 12.0, -2.0]
    table = what_binds(replace(run, tables={**run.tables, "limits": limits}))
    line = next(r for r in table.rows if r.cells[0] == "limits.co2_t_per_yr")
    assert line.cells[-1] == "EXCEEDED"
