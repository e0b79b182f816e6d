"""The memo as one page: no network, light and dark, on a phone and on paper."""

from __future__ import annotations

from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from energyopt.memo.charts import charts, pictures
from energyopt.memo.exhibits import ONE_PAGE, Memo
from energyopt.memo.markdown import LOW
from energyopt.memo.run import Run
from energyopt.memo.series import chosen_weeks, explorer_data
from energyopt.memo.svg import script_json
from energyopt.memo.sweep_charts import sweep_chart
from energyopt.memo.table import DOUBT

LONG = ("15", "22", "32", "33", "34")
"""Exhibits that are folded until asked for."""


def _template(name: str) -> str:
    place = files("energyopt.memo") / "templates" / name
    return place.read_text(encoding="utf-8")


def warnings_of(run: Run) -> list[str]:
    """Return what a reader must know before any number."""
    told = []
    if run.summary["draft"]:
        told.append(
            "DRAFT. A few weeks stand for the year. Not a basis for a decision."
        )
    status = run.summary["status"]
    if status == "verification_failed":
        told.append("Verification failed. These numbers are not to be used.")
    elif status != "optimal":
        told.append(
            f"Stopped early ({status}). This is the best plant found; see the gap."
        )
    return told


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
    swept = {t.number: c for t in memo.tables if (c := sweep_chart(t)) is not None}
    wanted = {number: c for number, c in swept.items() if number in ONE_PAGE}
    run, drawn = memo.run, pictures(memo) | wanted
    first = [t for t in memo.first_page if t.number not in drawn]
    return made.get_template("memo.html.j2").render(
        memo=memo,
        run=run,
        source=run.source(),
        warnings=warnings_of(run),
        first=first,
        drawn=[t for t in memo.first_page if t.number in drawn],
        pictures=drawn,
        rest=[t for t in memo.tables if t not in first],
        charts=charts(memo) | swept,
        week=chosen_weeks(run)[0],
        data=script_json(explorer_data(run)),
        style=Markup(_template("memo.css")),
        script=Markup(_template("memo.js")),
        long=LONG,
        low=LOW,
        mark=DOUBT,
    )
