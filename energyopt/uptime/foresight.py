"""What not knowing the next day costs: a sized year dispatched on forecasts.

Sizes and maintenance are those of a saved run. The year is planned in windows of
forecast hours and realised hour by hour (:mod:`energyopt.solve.rolling`); the realised
year is recounted and checked as any result is. Beside it the same windows, told the
truth: what they cost more or less than the year as it was sized is no matter of forecasts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
from numpy.typing import NDArray

from energyopt.case import Case
from energyopt.errors import DataError
from energyopt.inputs import Inputs, build_inputs
from energyopt.model import (
    PlantModel,
    build_model,
    lost_compute_usd_per_mwh,
    put_arrays,
)
from energyopt.results import Result, read_result
from energyopt.solve import SolveRecord, compile_model
from energyopt.solve.aligned import Frame, Named, align, named
from energyopt.solve.compile import write_back
from energyopt.solve.highs import use_threads
from energyopt.solve.rolling import Rolled, Rolling, Rules
from energyopt.solve.terminal import Terminal, duals
from energyopt.solve.windows import Windows
from energyopt.units import USD_PER_KUSD
from energyopt.uptime.forecast import DAY_H, Kind, forecasts
from energyopt.uptime.foresight_told import text
from energyopt.uptime.price import answer
from energyopt.uptime.saved import read_run

Floats = NDArray[np.float64]

SOFT: Mapping[str, float] = {
    "at_once_reserve": 0.5,
    "sustained_reserve": 0.5,
    "synchronous_units": 0.5,
    "grid_forming_mw": 0.5,
    "standby_only_for_maintenance": 0.75,
}
"""Rules of the model that an hour may break where nothing else is left, before load is
shed: a MW of each for an hour, as a share of the value of lost compute."""
OVERDRAFT = 0.75
"""The same of a unit of a yearly limit (MWh, t, kg, m3) beyond what there is."""
LAST_RESORT = "unserved_mw"
GAP_FRAC = 1e-4
"""Of the cost of a year, the window's share: gap at which its commitment is taken."""
QUICK_H = 1.0
"""Units that need no longer from order to full load may start within the hour."""
FITS = 1e-3
"""By how much the saved plan may break a row, in its unit, from rounding."""


@dataclass(frozen=True)
class Ask:
    """What is asked of a foresight study."""

    forecast: Kind = "persistence"
    window_h: int = 48
    step_h: int = 24
    seed: int = 1


@dataclass(frozen=True)
class ForesightResult:
    """What was found: a document for machines, a text for people."""

    document: dict[str, Any]
    text: str
    realised: Result


@dataclass(frozen=True)
class _Year:
    """The truth's model, with the saved plan in it."""

    plant: PlantModel
    truth: Named
    x: Floats
    perfect: Result


@dataclass(frozen=True)
class _Worth:
    """What the walk is told of money: see :class:`Windows`."""

    penalty: Floats
    yearly: Floats
    overdraft: float
    terminal: Terminal


def foresight_of_run(
    run: Path, ask: Ask, on_hours: Callable[[int, int], None] = lambda done, of: None
) -> ForesightResult:
    """Dispatch a saved plant on forecasts; write ``foresight.json`` in its folder.

    Parameters
    ----------
    run : Path
        The folder, or the file ``latest`` that names it.
    ask : Ask
        Forecast, window, step and seed.
    on_hours : callable
        Called with the hours dispatched so far, and how many there are.

    Returns
    -------
    ForesightResult

    Raises
    ------
    DataError
        If the folder is not one of a solved run, or its plan is of other inputs.
    NoSolutionError
        If an hour has no dispatch.
    """
    files = read_run(run)
    case = files.casefile.case.in_time()
    inputs = build_inputs(files.casefile.case, files.casefile.base_dir)
    arrays = files.arrays(inputs.data.sizes["time"])
    found = foresight_of(case, inputs, arrays, ask, on_hours, run_id=files.run_id)
    path = files.folder / "foresight.json"
    hidden = path.with_name(f".{path.name}.part")
    hidden.write_text(json.dumps(found.document, indent=2) + "\n", encoding="utf-8")
    hidden.replace(path)
    return found


def foresight_of(
    case: Case,
    inputs: Inputs,
    arrays: Mapping[str, Mapping[str, Any]],
    ask: Ask,
    on_hours: Callable[[int, int], None] = lambda done, of: None,
    *,
    believed: list[Inputs] | None = None,
    run_id: str = "",
) -> ForesightResult:
    """Dispatch a plan's sizes on forecasts; as :func:`foresight_of_run`, nothing is written.

    Parameters
    ----------
    case, inputs : Case, Inputs
        The plant and the truth.
    arrays : mapping
        Technology, or ``"plant"``, -> variable -> float or array: the saved plan.
    believed : list of Inputs, optional
        Forecasts one day ahead, two days, ...; by default those that ``ask`` names.
    """
    year = _year(case, inputs, arrays)
    if believed is None:
        days = -(-ask.window_h // DAY_H)
        believed = forecasts(ask.forecast, case, inputs, days, ask.seed)
    frame = align(
        [year.truth, *(_bare(case, forecast) for forecast in believed)],
        year.x,
        lambda name: SOFT.get(name, 0.0),
    )
    use_threads(1)
    row_duals, yearly = duals(frame)
    lost = lost_compute_usd_per_mwh(case, inputs) / USD_PER_KUSD
    soft = np.array([SOFT.get(name, 0.0) for name, _ in frame.row_names])
    weight = np.asarray(inputs.data["weight_h"].values, dtype=float)
    worth = _Worth(
        penalty=lost * soft[frame.row_family] * weight[frame.row_hour],
        yearly=-yearly,
        overdraft=OVERDRAFT * lost,
        terminal=Terminal(frame, row_duals),
    )
    rules = _rules(case, year, ask)
    rolls = _rolls(frame, worth, rules, inputs.chains, bool(believed), on_hours)
    results = {name: _result(year, frame, rolled) for name, rolled in rolls.items()}
    document = answer(
        ask=vars(ask),
        run_id=run_id,
        perfect=year.perfect,
        told_the_truth=results["told_the_truth"],
        realised=results["realised"],
        rolled=rolls["realised"],
        yearly=_yearly(frame, rolls["realised"].x, worth.yearly),
    )
    return ForesightResult(document, text(document), results["realised"])


def _bare(case: Case, believed: Inputs) -> Named:
    """Return the model of a forecast as figures alone; its Pyomo model can go."""
    one = _named(build_model(case, believed))
    return replace(one, problem=replace(one.problem, rows=[], columns=[], unused=[]))


def _rolls(
    frame: Frame,
    worth: _Worth,
    rules: Rules,
    chains: Sequence[range],
    blind: bool,
    on_hours: Callable[[int, int], None],
) -> dict[str, Rolled]:
    """Walk through the year with the truth and with forecasts, side by side."""
    told = replace(frame, models=frame.models[:1], yearly=frame.yearly[:1])
    stopped = Event()

    def roll(own: Frame, done: Callable[[int], None]) -> Rolled:
        windows = Windows(
            own, worth.penalty, worth.yearly, worth.overdraft, worth.terminal
        )
        return Rolling(windows, rules, done, stopped.is_set).run(chains)

    with ThreadPoolExecutor(max_workers=2) as side_by_side:
        knows = side_by_side.submit(roll, told, lambda done: None)
        believes = knows
        if blind:
            count = partial(_count, on_hours, frame.hours)
            believes = side_by_side.submit(roll, frame, count)
        try:
            return {"told_the_truth": knows.result(), "realised": believes.result()}
        except BaseException:  # Ctrl-C too: the pool waits for its threads
            stopped.set()
            raise


def _count(on_hours: Callable[[int, int], None], of: int, done: int) -> None:
    on_hours(done, of)


def _named(plant: PlantModel) -> Named:
    """Return a model as named figures."""
    return named(compile_model(plant.m))


def _year(case: Case, inputs: Inputs, arrays: Mapping[str, Mapping[str, Any]]) -> _Year:
    """Build the truth's model and put the saved plan into it."""
    plant = build_model(case, inputs)
    try:
        put_arrays(plant, arrays)
    except (KeyError, ValueError) as error:
        raise DataError(f"the saved plan is not of this case: {error}") from None
    truth = _named(plant)
    problem = truth.problem
    x = np.array([v.value or 0.0 for v in problem.columns], dtype=float)
    hourly = problem.row_hour >= 0
    activity = problem.matrix @ x
    over = np.maximum(problem.row_lower - activity, activity - problem.row_upper)
    if over[hourly].max(initial=0.0) > FITS:
        raise DataError(
            "the saved plan does not fit its own case any more (by "
            f"{over[hourly].max():.3g}): its tables have changed; size it again"
        )
    return _Year(plant, truth, x, _recounted(plant, problem.objective(x)))


def _recounted(plant: PlantModel, objective: float) -> Result:
    """Return the result of what is in a model's variables."""
    record = SolveRecord(
        status="optimal",
        objective=objective,
        bound=objective,
        gap_frac=0.0,
        method="rolling",
        seconds=0.0,
        rows=0,
        columns=0,
        integers=0,
        nonzeros=0,
        coefficient_range=(0.0, 0.0),
    )
    return read_result(plant, record)


def _result(year: _Year, frame: Frame, rolled: Rolled) -> Result:
    """Recount and check a realised year."""
    x = year.x.copy()
    inside = frame.place >= 0
    x[inside] = rolled.x[frame.place[inside]]
    problem = year.truth.problem
    write_back(problem, x)
    return _recounted(year.plant, problem.objective(x))


def _rules(case: Case, year: _Year, ask: Ask) -> Rules:
    """Return what may be changed within the hour: what its technology says is quick."""
    slow = set()
    for name, technology in case.technologies.items():
        said = technology.in_operation(
            year.perfect.arrays[name], year.plant.horizons[name]
        )
        if said.fleet is not None and said.fleet.start_h > QUICK_H:
            slow.add(f"plant[{name}]")
    hourly_kusd = abs(year.perfect.record.objective) / year.truth.problem.hours
    return Rules(
        quick=lambda column: column.rpartition(".")[0] not in slow,
        last_resort=lambda column: column == LAST_RESORT,
        window_h=ask.window_h,
        step_h=ask.step_h,
        gap_abs=GAP_FRAC * hourly_kusd * ask.window_h,
    )


def _yearly(frame: Frame, x: Floats, price: Floats) -> list[dict[str, Any]]:
    """Return how far each yearly limit was used, and what its use was priced at.

    Amounts are in the unit of the limit's row, from what sizes alone leave of it.
    """
    year = frame.yearly[0]
    used = year.matrix @ x
    planned = year.matrix @ frame.x
    found = []
    for i, (name, index) in enumerate(frame.yearly_names):
        upper = np.isfinite(year.row_upper[i])
        limit = year.row_upper[i] if upper else year.row_lower[i]
        over = used[i] - limit if upper else limit - used[i]
        found.append(
            {
                "limit": name.removeprefix("limit_"),
                "year": int(index) if isinstance(index, int) else 0,
                "most": float(limit),
                "used": float(used[i]),
                "used_in_the_sized_year": float(planned[i]),
                "price_usd": float(price[i]) * USD_PER_KUSD,
                "exceeded": bool(over > 1e-6 * (1 + abs(limit))),
            }
        )
    return found


__all__ = ["Ask", "ForesightResult", "foresight_of", "foresight_of_run"]
