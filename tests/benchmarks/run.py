"""Ratios from one run: ``python tests/benchmarks/run.py [a b c d e f] [--quick]``.

    a  the default method against HiGHS on the whole problem, killed at N times its time
    b  hand-over to HiGHS against Pyomo's own interfaces
    c  the reduced year against the same plant in PyPSA (``pip install -e .[bench]``)
    d  1, 2, 5 and 10 weather years
    e  ten neighbouring cases, cold and from the cuts of the first
    f  a whole run of the command, with its peak of memory

Nothing is asserted, and pytest does not collect it: seconds depend on the machine and on
what else runs on it, so only the ratios of one run mean much. Every solve is cold: no
start, cut or size of an earlier one is used. Each measurement is a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from math import inf, isfinite
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PECOS, OFFGRID = "cases/pecos.yaml", "cases/pecos_offgrid.yaml"
LOW_CARBON = {
    "case": PECOS,
    "co2_t_per_mwh": 0.1,
    "sets": [
        "technologies.solar.max_mw=2500",
        "technologies.wind.max_mw=1500",
        "technologies.battery.max_mw=1500",
        "technologies.battery.max_mwh=15000",
    ],
}
CASES: dict[str, dict[str, Any]] = {
    "pecos": {"case": PECOS},
    "0.1 t/MWh": LOW_CARBON,
    "off-grid": {"case": OFFGRID},
}
SHORT = ["horizon.kind=weeks", "horizon.weeks=4"]
LP_GAP = 1e-6
PYPSA_METHODS = {
    "simplex": {"solver": "simplex"},
    "ipx": {"solver": "ipx", "run_crossover": "off"},
    "hipo": {"solver": "hipo", "run_crossover": "off"},
}

Row = tuple[str, ...]
Table = tuple[Row, list[Row]]


def job(name: str, *, kill_after_s: float = inf, **spec: Any) -> dict[str, Any]:
    """Return what a measurement found, made in a process of its own.

    With ``kill_after_s`` its process is killed so long after its solve has begun: HiGHS
    does not look at its own time limit while it solves a root by an interior point. The
    answer is then what its log had shown.
    """
    env = os.environ | {
        "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "tests", HERE)))
    }
    print(f"    {name} {json.dumps(spec)}", file=sys.stderr, flush=True)
    with TemporaryDirectory() as folder:
        out, err, steps = (Path(folder) / n for n in ("out", "err", "steps"))
        if isfinite(kill_after_s):
            spec["steps"] = str(steps)
        with out.open("w") as stdout, err.open("w") as stderr:
            process = subprocess.Popen(
                [sys.executable, str(HERE / "job.py"), name, json.dumps(spec)],
                env=env,
                cwd=ROOT,
                stdout=stdout,
                stderr=stderr,
            )
            killed = _killed(process, steps, kill_after_s)
        found: dict[str, Any]
        if killed:
            mark = spec.get("mark_gap_frac", spec["gap_frac"])
            found = _shown(steps, mark) | {"status": f"killed at {kill_after_s:.0f} s"}
        elif process.returncode:
            last = (err.read_text().strip().splitlines() or ["no message"])[-1]
            return {"status": f"failed: {last}"}
        else:
            found = json.loads(out.read_text().strip().splitlines()[-1])
    print(f"        {json.dumps(found)}", file=sys.stderr, flush=True)
    return found


def _killed(process: subprocess.Popen[bytes], steps: Path, after_s: float) -> bool:
    """Wait for a process; return whether its solve went on for so long and was killed."""
    begun: float | None = None
    while True:
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.1)
            return False
        if begun is None and steps.exists():
            begun = time.monotonic()
        if begun is not None and time.monotonic() - begun > after_s:
            process.kill()
            process.wait()
            return True


def _shown(steps: Path, mark_gap_frac: float) -> dict[str, Any]:
    """Return the last plant and bound of a log of steps, and when a gap was reached."""
    lines = [json.loads(line) for line in steps.read_text().splitlines()]
    within = [x["elapsed_s"] for x in lines if x["gap_frac"] <= mark_gap_frac]
    return lines[-1] | {"gap_reached_s": min(within, default=None)}


def share(value: Any) -> str:
    """Return a gap in percent, or a dash."""
    known = isinstance(value, float) and value < 10
    return f"{100 * value:.2g} %" if known else "none"


def cost(value: Any) -> str:
    """Return a yearly cost in millions, or a dash."""
    known = isinstance(value, float) and isfinite(value)
    return f"{value / 1000:,.2f}" if known else "none"


def seconds(value: Any) -> str:
    """Return seconds with two or three digits, or a dash."""
    return f"{value:.3g} s" if isinstance(value, float) else "–"


def against_monolithic(args: argparse.Namespace) -> Table:
    """(a) Gap and time of the default, and of the whole problem given N times more."""
    head = (
        "case",
        "rows",
        "default: solve",
        "gap",
        "status",
        f"one HiGHS model, {args.times:g} x the time: bound, M$/yr",
        "plant, M$/yr",
        "gap",
        "within our gap after",
        "ratio",
    )
    rows = []
    for name in args.cases:
        spec = CASES[name]
        spec = spec | {"sets": [*spec.get("sets", []), *(SHORT if args.quick else [])]}
        common = {"gap_frac": args.gap, "threads": args.threads, "seed": args.seed}
        ours = job("plant", **spec, **common, time_limit_s=args.limit_s)
        spent = ours.get("wall_s", {}).get("solve")
        if "gap_frac" not in ours:
            whole = ": ".join(ours[k] for k in ("status", "why") if k in ours)
            rows.append((name, "–", seconds(spent), "none", whole, *["–"] * 5))
            continue
        limit_s = args.times * spent
        other = job(
            "plant",
            **spec,
            **common,
            method="monolithic",
            time_limit_s=limit_s,
            kill_after_s=limit_s,
            mark_gap_frac=max(args.gap, ours["gap_frac"]),
            verify=False,
        )
        reached = other.get("gap_reached_s")
        rows.append(
            (
                name,
                f"{ours['rows']:,}",
                seconds(spent),
                share(ours["gap_frac"]),
                ours["status"] + ", fails a check" * bool(ours.get("failed")),
                cost(other.get("bound")),
                cost(other.get("objective")),
                share(other.get("gap_frac")),
                seconds(reached)
                if reached
                else f"not reached in {args.times:g} times ({other['status']})",
                f"{reached / spent:.1f}" if reached else f"> {args.times:g}",
            )
        )
    return head, rows


def hand_over(args: argparse.Namespace) -> Table:
    """(b) Seconds until HiGHS has the model."""
    spec: dict[str, Any] = {"case": PECOS, "sets": SHORT if args.quick else []}
    rows: list[Row] = []
    first: float | None = None
    for way in ("energyopt", "appsi_highs", "contrib.solver"):
        found = job("hand_over", **spec, way=way)
        if "total_s" not in found:
            rows.append((way, found["status"], "–", "–", "–"))
            continue
        first = first or found["total_cpu_s"]
        rows.append(
            (
                way,
                seconds(found["total_s"]),
                seconds(found["total_cpu_s"]),
                f"{found['total_cpu_s'] / first:.1f}",
                f"{found['peak_gb']:.2f} GB",
            )
        )
    return ("way", "wall", "CPU", "times ours", "peak"), rows


def against_pypsa(args: argparse.Namespace) -> Table:
    """(c) The reduced year, from arrays to a solution read back."""
    head = (
        "tool",
        "HiGHS method",
        "wall",
        "CPU",
        "times ours",
        "objective, k$/yr",
        "Δ",
    )
    hours = 8 * 168 if args.quick else 8760
    ours = job(
        "reduced",
        hours=hours,
        method="auto",
        gap_frac=LP_GAP,
        time_limit_s=args.limit_s,
        threads=args.threads,
    )
    if "objective" not in ours:
        return head, [("energyopt", ours["status"], *["–"] * 5)]

    def row(tool: str, method: str, found: dict[str, Any]) -> Row:
        if "objective" not in found:
            return (tool, method, found["status"], *["–"] * 4)
        return (
            tool,
            method,
            seconds(found["total_s"]),
            seconds(found["total_cpu_s"]),
            f"{found['total_s'] / ours['total_s']:.1f}",
            f"{found['objective']:,.4f}",
            f"{found['objective'] / ours['objective'] - 1:.1e}",
        )

    failed = ", fails a check" * bool(ours["failed"])
    how = f"{ours['method']}, proven gap {ours['gap_frac']:.1e}{failed}"
    rows = [row("energyopt", how, ours)]
    if args.whole:
        whole = job(
            "reduced",
            hours=hours,
            method="monolithic",
            gap_frac=LP_GAP,
            time_limit_s=600.0,
            threads=args.threads,
        )
        rows.append(row("energyopt", "one model", whole))
    if find_spec("pypsa") is None:
        return head, [
            *rows,
            ("PyPSA", "not installed: pip install -e .[bench]", *"–" * 5),
        ]
    for method, options in PYPSA_METHODS.items():
        if method == "hipo" and find_spec("highspy_extras") is None:
            continue
        options = options | {"io_api": "direct", "threads": args.threads}
        found = job("pypsa", hours=hours, options=options)
        rows.append(row(f"PyPSA {found.get('version', '')}", method, found))
    return head, rows


def weather_years(args: argparse.Namespace) -> Table:
    """(d) Time and memory against one year, all stages."""
    head = (
        "years",
        "rows",
        "build, compile",
        "solve",
        "gap",
        "wall",
        "times one year",
        "CPU",
        "times one year",
        "peak",
    )
    rows: list[Row] = []
    one: dict[str, Any] | None = None
    for years in args.years:
        found = job(
            "plant",
            case=PECOS,
            years=years,
            gap_frac=args.gap,
            time_limit_s=args.limit_s * years,
            threads=args.threads,
            seed=args.seed,
        )
        if "gap_frac" not in found:
            rows.append((str(years), found["status"], *["–"] * 8))
            continue
        one = one or found
        rows.append(
            (
                str(years),
                f"{found['rows']:,}",
                seconds(found["wall_s"]["build"] + found["wall_s"]["compile"]),
                seconds(found["wall_s"]["solve"]),
                share(found["gap_frac"]) + ", fails a check" * bool(found["failed"]),
                seconds(found["total_s"]),
                f"{found['total_s'] / one['total_s']:.1f}",
                seconds(found["total_cpu_s"]),
                f"{found['total_cpu_s'] / one['total_cpu_s']:.1f}",
                f"{found['peak_gb']:.2f} GB",
            )
        )
    return head, rows


CHANGES = [
    "finance.wacc_nominal_frac=0.075",
    "finance.wacc_nominal_frac=0.085",
    "technologies.recip.capital_usd_per_kw=2000",
    "technologies.battery.capital_usd_per_kwh=150",
    "limits.co2_t_per_yr=950000",
    "limits.co2_t_per_yr=900000",
    "gas.hub_usd_per_mmbtu=3.76",
    "gas.hub_usd_per_mmbtu=4.03",
    "gas.hub_usd_per_mmbtu=4.66",
    "prices.co2_usd_per_t=10",
]


def neighbouring_cases(args: argparse.Namespace) -> Table:
    """(e) Seconds of the solve of neighbouring cases: cold, and from the first's cuts."""
    found = job(
        "neighbours",
        case=PECOS,
        sets=SHORT if args.quick else [],
        changes=CHANGES,
        options={
            "method": "decomposed",
            "gap_frac": args.gap,
            "time_limit_s": args.limit_s,
            "threads": args.threads,
            "seed": args.seed,
        },
    )
    head = ("change", "cold", "warm", "times", "gap cold", "gap warm", "LCOE apart")
    rows: list[Row] = []
    for one in found["neighbours"]:
        cold, warm = one["cold"], one.get("warm")
        if warm is None:
            continue
        rows.append(
            (
                f"`{one['change']}`",
                seconds(one["cold_s"]),
                seconds(one["warm_s"]),
                f"{one['cold_s'] / one['warm_s']:.1f}",
                share(cold["gap_frac"]),
                share(warm["gap_frac"]),
                share(warm["objective"] / cold["objective"] - 1),
            )
        )
    return head, rows


def whole_run(args: argparse.Namespace) -> Table:
    """(f) The command on the shipped case, folder written."""
    head = ("case", "all", "inputs", "build", "solve", "verify", "gap", "peak")
    sets = SHORT if args.quick else []
    found = job("run", case=PECOS, sets=[*sets, f"solve.gap_frac={args.gap}"])
    if "time_s" not in found:
        return head, [("pecos", found["status"], *["–"] * 6)]
    stages = [
        seconds(found["time_s"][s]) for s in ("inputs", "build", "solve", "verify")
    ]
    return head, [
        (
            "pecos",
            seconds(found["total_s"]),
            *stages,
            share(found["gap_frac"]),
            f"{found['peak_gb']:.2f} GB",
        )
    ]


BENCHMARKS: dict[str, Callable[[argparse.Namespace], Table]] = {
    "a": against_monolithic,
    "b": hand_over,
    "c": against_pypsa,
    "d": weather_years,
    "e": neighbouring_cases,
    "f": whole_run,
}


def machine() -> str:
    """Return the date, the machine and the versions that were measured."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [x for x in info.read_text().splitlines() if x.startswith("model name")]
        cpu = names[0].partition(":")[2].strip() if names else cpu
    found = [f"Python {platform.python_version()}"]
    for package in (
        "energyopt",
        "pyomo",
        "highspy",
        "highspy-extras",
        "pypsa",
        "linopy",
    ):
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    cores = os.cpu_count()
    return (
        f"{date.today()}, {cpu}, {cores} cores, {platform.system()}; {', '.join(found)}"
    )


def plain(table: Table) -> Iterator[str]:
    """Yield the lines of a table for a terminal."""
    head, rows = table
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows):
        yield "  ".join(x.ljust(w) for x, w in zip(row, widths, strict=True)).rstrip()


def markdown(table: Table) -> Iterator[str]:
    """Yield the lines of a table for a README."""
    head, rows = table
    for row in (head, ("---",) * len(head), *rows):
        yield f"| {' | '.join(row)} |"


def main() -> None:
    """Run the benchmarks that the command line names and print their tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="a b c d e f", help="default: all")
    parser.add_argument("--quick", action="store_true", help="few hours, to try it out")
    parser.add_argument("--gap", type=float, default=1e-3, help="proven gap asked for")
    parser.add_argument(
        "--times",
        type=float,
        help="(a) time of the whole model over ours: 30, or 3 if quick",
    )
    parser.add_argument(
        "--limit-s",
        type=float,
        help="of each solve of ours: 300, or 30 if quick",
    )
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--years", type=int, nargs="+", help="(d) 1 2 5 10, or 1 2 if quick"
    )
    parser.add_argument(
        "--cases", nargs="+", choices=list(CASES), default=list(CASES), help="of (a)"
    )
    parser.add_argument(
        "--whole", action="store_true", help="(c) our problem as one model too"
    )
    args = parser.parse_args()
    args.times = args.times or (3 if args.quick else 30)
    args.limit_s = args.limit_s or (30 if args.quick else 300)
    args.years = args.years or ([1, 2] if args.quick else [1, 2, 5, 10])
    unknown = set(args.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    print(machine(), flush=True)
    for name, benchmark in BENCHMARKS.items():
        if args.names and name not in args.names:
            continue
        table = benchmark(args)
        title = (benchmark.__doc__ or "").strip()
        print("", title, *plain(table), "", *markdown(table), sep="\n", flush=True)


if __name__ == "__main__":
    main()
