"""One measurement, in a process of its own: ``python job.py NAME JSON``.

The last line printed is the answer, as JSON: seconds by stage, CPU seconds, peak memory
and what the job itself found. A process of its own has its own peak of memory and its
own thread pool of HiGHS.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


class Clock:
    """Wall and CPU seconds of each stage."""

    def __init__(self) -> None:
        self.wall_s: dict[str, float] = {}
        self.cpu_s: dict[str, float] = {}
        self._at = time.perf_counter(), time.process_time()

    def lap(self, stage: str) -> None:
        """End the stage that ran until now."""
        now = time.perf_counter(), time.process_time()
        self.wall_s[stage] = now[0] - self._at[0]
        self.cpu_s[stage] = now[1] - self._at[1]
        self._at = now

    def report(self) -> dict[str, Any]:
        """Return what was measured."""
        return {
            "wall_s": self.wall_s,
            "cpu_s": self.cpu_s,
            "total_s": sum(self.wall_s.values()),
            "total_cpu_s": sum(self.cpu_s.values()),
        }


def _case_and_inputs(spec: dict[str, Any]) -> tuple[Any, Any]:
    """Return the case that a job names, its limits set, and its hours."""
    from weather_years import several_years

    from energyopt.casefile import read_case
    from energyopt.inputs import build_inputs

    file = read_case(ROOT / spec["case"], spec.get("sets", []))
    case = file.case.in_time()
    inputs = build_inputs(case, file.base_dir)
    share = spec.get("co2_t_per_mwh")
    if share is not None:
        load_mwh = float((inputs.data["demand_mw"] * inputs.data["weight_h"]).sum())
        limits = case.limits.model_copy(update={"co2_t_per_yr": share * load_mwh})
        case = case.model_copy(update={"limits": limits})
    return case, several_years(case, inputs, spec.get("years", 1), spec.get("seed", 0))


def _record(record: Any, gap_frac: float) -> dict[str, Any]:
    """Return how a solve ended, and when it came within a gap."""
    within = [p.elapsed_s for p in record.path if p.gap_frac <= gap_frac]
    return {
        "status": record.status,
        "method": record.method,
        "options": record.options,
        "rows": record.rows,
        "objective": record.objective,
        "bound": record.bound,
        "gap_frac": record.gap_frac,
        "gap_reached_s": min(within, default=None),
        "messages": record.messages,
    }


def _steps_to(path: str | None) -> Callable[[Any], None] | None:
    """Return what writes each step of a solve to a file, which outlives this process."""
    if path is None:
        return None

    def step(p: Any) -> None:
        told = {
            "elapsed_s": p.elapsed_s,
            "objective": p.incumbent,
            "bound": p.bound,
            "gap_frac": p.gap_frac,
        }
        with Path(path).open("a", encoding="utf-8") as out:
            out.write(json.dumps(told) + "\n")

    return step


def plant(spec: dict[str, Any]) -> dict[str, Any]:
    """Case -> inputs -> model -> solution -> read back and verified."""
    from energyopt.errors import EnergyoptError
    from energyopt.model import build_model
    from energyopt.results import read_result
    from energyopt.solve import Progress, compile_model, solve_model

    clock = Clock()
    case, inputs = _case_and_inputs(spec)
    clock.lap("inputs")
    model = build_model(case, inputs)
    clock.lap("build")
    compiled = compile_model(model.m, keep=[])
    clock.lap("compile")
    on_progress = _steps_to(spec.get("steps"))
    if on_progress is not None:
        on_progress(Progress(0.0, inf, -inf))  # the solve begins
    try:
        record = solve_model(
            model.m,
            compiled=compiled,
            on_progress=on_progress,
            method=spec.get("method", "auto"),
            gap_frac=spec["gap_frac"],
            time_limit_s=spec["time_limit_s"],
            threads=spec["threads"],
            seed=spec.get("seed", 0),
        )
    except EnergyoptError as error:
        clock.lap("solve")
        return clock.report() | {"status": type(error).__name__, "why": str(error)}
    clock.lap("solve")
    found = _record(record, spec.get("mark_gap_frac", spec["gap_frac"]))
    if not spec.get("verify", True):
        return clock.report() | found
    result = read_result(model, record)
    clock.lap("verify")
    failed = [f"{c.name}: {c.worst:.3g}" for c in result.checks if not c.passed]
    failed += [f"{t.element}: sheds" for t in result.shed_beyond_allowance]
    return clock.report() | found | {"failed": failed}


def neighbours(spec: dict[str, Any]) -> dict[str, Any]:
    """Solve a case, then its neighbours cold and from its cuts; seconds of the solves."""
    from energyopt.model import build_model
    from energyopt.solve import compile_model, solve_model

    options = spec["options"]

    def solved(sets: list[str], **more: Any) -> tuple[Any, float]:
        case, inputs = _case_and_inputs(spec | {"sets": spec.get("sets", []) + sets})
        plant = build_model(case, inputs)
        compiled = compile_model(plant.m)
        clock = Clock()
        record = solve_model(plant.m, compiled=compiled, **options, **more)
        clock.lap("solve")
        return record, clock.wall_s["solve"]

    first, seconds = solved([], keep=True)
    found = [{"change": "none", "cold_s": seconds, "cold": _record(first, 0.0)}]
    for change in spec["changes"]:
        cold, cold_s = solved([change])
        warm, warm_s = solved([change], before=first.kept)
        found.append(
            {
                "change": change,
                "cold_s": cold_s,
                "warm_s": warm_s,
                "cold": _record(cold, 0.0),
                "warm": _record(warm, 0.0),
            }
        )
    return {"neighbours": found}


def hand_over(spec: dict[str, Any]) -> dict[str, Any]:
    """Time from a Pyomo model to the moment when HiGHS has it."""
    from energyopt.model import build_model

    case, inputs = _case_and_inputs(spec)
    m = build_model(case, inputs).m
    clock = Clock()
    _HAND_OVERS[spec["way"]](m)
    clock.lap("hand-over")
    return clock.report()


def _ours(m: Any) -> None:
    from energyopt.solve.compile import compile_problem
    from energyopt.solve.highs import Highs

    p = compile_problem(m)
    Highs({}).load(
        p.cost, p.matrix, p.row_lower, p.row_upper, p.lower, p.upper, p.integer
    )


def _appsi(m: Any) -> None:
    from pyomo.contrib.appsi.solvers import Highs

    Highs().set_instance(m)


def _contrib(m: Any) -> None:
    from pyomo.contrib.solver.solvers.highs import Highs

    solver = Highs()
    solver._active_config = solver.config  # as its own solve() does first
    solver.set_instance(m)


_HAND_OVERS = {"energyopt": _ours, "appsi_highs": _appsi, "contrib.solver": _contrib}


def reduced(spec: dict[str, Any]) -> dict[str, Any]:
    """Hours of the reduced plant -> model -> solution -> read back and verified."""
    from pyomo.environ import TransformationFactory
    from reduced_plant import reduced_case, reduced_inputs

    from energyopt.model import build_model
    from energyopt.results import read_result
    from energyopt.solve import solve_model

    case = reduced_case()
    inputs = reduced_inputs(case, spec["hours"])
    clock = Clock()
    model = build_model(case, inputs)
    TransformationFactory("core.relax_integer_vars").apply_to(model.m)
    clock.lap("build")
    record = solve_model(
        model.m,
        method=spec["method"],
        gap_frac=spec["gap_frac"],
        time_limit_s=spec["time_limit_s"],
        threads=spec["threads"],
    )
    clock.lap("solve")
    result = read_result(model, record)
    clock.lap("read back, verify")
    whole = "whole_units"  # let go on purpose
    failed = [c.name for c in result.checks if not c.passed and whole not in c.name]
    return clock.report() | _record(record, spec["gap_frac"]) | {"failed": failed}


def pypsa(spec: dict[str, Any]) -> dict[str, Any]:
    """Hours of the reduced plant -> PyPSA network -> solution -> read back."""
    import logging
    import warnings

    warnings.filterwarnings("ignore")
    logging.disable(logging.INFO)
    import reduced_pypsa
    from pypsa import __version__
    from reduced_plant import (
        DESIGN_PRESSURE_PA,
        as_arrays,
        reduced_case,
        reduced_inputs,
    )

    case = reduced_case()
    inputs = reduced_inputs(case, spec["hours"])
    series = as_arrays(case, inputs, DESIGN_PRESSURE_PA)
    clock = Clock()
    network = reduced_pypsa.network(case, series)
    clock.lap("build")
    objective = reduced_pypsa.solve(network, case, series, spec["options"])
    clock.lap("solve, read back")
    return clock.report() | {"objective": objective, "version": __version__}


def run(spec: dict[str, Any]) -> dict[str, Any]:
    """Run the command's whole pipeline: a case in, a run folder out."""
    from energyopt.casefile import read_case
    from energyopt.pipeline import run as run_case

    clock = Clock()
    file = read_case(ROOT / spec["case"], spec.get("sets", []))
    with tempfile.TemporaryDirectory() as folder:
        done = run_case(file, out=Path(folder) / "run")
    clock.lap("run")
    kept = ("status", "gap_frac", "time_s")
    return clock.report() | {k: done.summary[k] for k in kept}


JOBS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    job.__name__: job for job in (plant, hand_over, neighbours, reduced, pypsa, run)
}


def main() -> None:
    """Run the job that the command line names."""
    name, spec = sys.argv[1], json.loads(sys.argv[2])
    found = JOBS[name](spec)
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found["peak_gb"] = peak_kb / (1e9 if sys.platform == "darwin" else 1e6)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
