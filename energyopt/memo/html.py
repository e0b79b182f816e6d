"""The memo as one page: no network, light and dark, on a phone and on paper."""

from __future__ import annotations

from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from energyopt.memo.charts import (
    duration_chart,
    explorer_data,
    line_class,
    script_json,
    waterfall_chart,
)
from energyopt.memo.exhibits import Memo
from energyopt.memo.markdown import LOW
from energyopt.memo.running import duration_series
from energyopt.memo.sweep_charts import sweep_chart
from energyopt.memo.table import DOUBT

LONG = ("15", "22", "32", "33", "34")
"""Exhibits that are folded until asked for."""


def _template(name: str) -> str:
    place = files("energyopt.memo") / "templates" / name
    return place.read_text(encoding="utf-8")


def html(memo: Memo) -> str:
    """Return the page. Whatever a case says is escaped.

    Parameters
    ----------
    memo : Memo
        What is written.

    Returns
    -------
    str
        One HTML document, with its style and script.
    """
    made = Environment(
        loader=FunctionLoader(_template),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    run = memo.run
    of = {table.number: table for table in memo.tables}
    charts = {"11": waterfall_chart(of["11"]), "21": duration_chart(run)}
    charts |= {t.number: c for t in memo.tables if (c := sweep_chart(t)) is not None}
    return made.get_template("memo.html.j2").render(
        memo=memo,
        run=run,
        source=run.source(),
        first=memo.first_page,
        rest=[t for t in memo.tables if t not in memo.first_page],
        charts=charts,
        durations={name: line_class(name) for name in duration_series(run)},
        data=script_json(explorer_data(run)),
        style=Markup(_template("memo.css")),
        script=Markup(_template("memo.js")),
        long=LONG,
        low=LOW,
        mark=DOUBT,
    )
