"""A case for tests of sweeps: the real pipeline on two weeks, a second a point."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

CASE = """\
base: builtin:quick
name: little
horizon: {weeks: 1}
technologies:
  aero: null
  titan: null
  recip: null
  frame: null
  combined: null
  wind: null
  solar: {max_mw: 3000}
  battery: {max_mw: 1000, max_mwh: 6000}
  grid: {mode: parallel, min_mw: 0, max_mw: 300, backup_mwh_per_yr: 0}
contingencies: null
reliability: {n_plus: null}
limits: {co2_t_per_yr: 2.0e6, gpu_served_frac: 0.99}
solve: {method: decomposed, gap_frac: 0.002}
"""


def little(folder: Path, more: str = "") -> Path:
    """Write the case, with more sections after it, and return its path."""
    path = folder / "little.yaml"
    path.write_text(CASE + more, encoding="utf-8")
    return path


class Inline(Executor):
    """Does each task here and now, in the order given."""

    def __init__(self, instead: Callable[[Any], Any] | None = None) -> None:
        self.instead = instead
        self.tasks: list[Any] = []

    def submit(
        self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any
    ) -> Future[Any]:
        future: Future[Any] = Future()
        self.tasks += args
        try:
            future.set_result((self.instead or fn)(*args))
        except Exception as error:
            future.set_exception(error)
        return future
