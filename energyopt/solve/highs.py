"""A thin wrapper of HiGHS that checks what it is told and what it answers.

HiGHS ignores a misspelt option, answers ``unknown`` without raising, and refuses a
second instance with another number of threads in the same process. Here each of
these is an error, or is put right.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import highspy
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from energyopt.errors import NoSolutionError

Floats = NDArray[np.float64]
State = highspy.HighsModelStatus
OK = highspy.HighsStatus.kOk
WARNING = highspy.HighsStatus.kWarning
PRIMAL_SIMPLEX = 4
"""A value of HiGHS's option ``simplex_strategy``."""

_scheduler = threading.Lock()
_scheduler_threads: list[int] = []


def use_threads(threads: int) -> None:
    """Set HiGHS's one thread pool of this process to ``threads``.

    Call it before instances are made, and while none is running: an instance with
    another number than the pool's refuses to run.
    """
    with _scheduler:
        if _scheduler_threads != [threads]:
            highspy.Highs.resetGlobalScheduler(True)
            _scheduler_threads[:] = [threads]


def scheduler_threads() -> int:
    """Return the number of threads of HiGHS's pool; 1 if none was asked for yet."""
    if not _scheduler_threads:
        use_threads(1)
    return _scheduler_threads[0]


@lru_cache(maxsize=1)
def has_hipo() -> bool:
    """Return whether the interior-point solver HiPO is installed (``highspy[extras]``)."""
    if find_spec("highspy_extras") is None:
        return False
    h = _instance()
    h.setOptionValue("output_flag", False)
    return h.setOptionValue("solver", "hipo") == OK


def _instance() -> Any:
    return highspy.Highs()  # type: ignore[no-untyped-call]


def guessed_basis(column_status: Any, row_status: Any) -> Any:
    """Return a basis to start from, of statuses as numbers; it need not fit exactly."""
    named = {int(s): s for s in highspy.HighsBasisStatus.__members__.values()}
    basis = highspy.HighsBasis()
    basis.col_status = [named[s] for s in column_status.tolist()]
    basis.row_status = [named[s] for s in row_status.tolist()]
    basis.valid, basis.alien = True, True
    return basis


@dataclass(frozen=True)
class Outcome:
    """What one run of HiGHS ended with."""

    state: Any  # highspy.HighsModelStatus
    feasible: bool  # a point is there that meets every row
    objective: float
    bound: float  # of a MIP; of an LP, its objective when optimal

    @property
    def optimal(self) -> bool:
        """Whether HiGHS proved it, within the gap it was given."""
        return bool(self.state == State.kOptimal)

    @property
    def name(self) -> str:
        """The state in HiGHS's own word."""
        return str(self.state.name)[1:]


class Highs:
    """One HiGHS instance with one problem.

    Parameters
    ----------
    options : dict
        Names and values of HiGHS's options; one that HiGHS does not accept raises.
    log_path : Path, optional
        HiGHS appends its log there; nothing is ever printed.
    """

    def __init__(self, options: dict[str, Any], log_path: Path | None = None) -> None:
        self.options = dict(options)
        self._mip = False
        self.h = _instance()
        self.h.setOptionValue("log_to_console", False)
        if log_path is None:
            self.h.setOptionValue("output_flag", False)
        else:
            self.h.setOptionValue("log_file", str(log_path))
        self.set(**options)

    def set(self, **options: Any) -> None:
        """Set options by name.

        Raises
        ------
        ValueError
            If HiGHS does not know the name or does not accept the value.
        """
        for name, value in options.items():
            if self.h.setOptionValue(name, value) != OK:
                raise ValueError(f"HiGHS refuses the option {name}={value!r}")

    def load(
        self,
        cost: Floats,
        matrix: Any,
        row_lower: Floats,
        row_upper: Floats,
        lower: Floats,
        upper: Floats,
        integer: NDArray[np.bool_] | None = None,
        offset: float = 0.0,
    ) -> None:
        """Pass a whole problem: minimise ``cost @ x + offset``."""
        csr = sparse.csr_array(matrix)
        kind = np.zeros(len(cost), dtype=np.int32)
        if integer is not None:
            kind[integer] = 1
        self._mip = integer is not None and bool(integer.any())
        self._check(
            self.h.passModel(
                len(cost),
                csr.shape[0],
                csr.nnz,
                2,  # rows, one after the other
                1,  # minimise
                float(offset),
                np.ascontiguousarray(cost, dtype=float),
                np.ascontiguousarray(lower, dtype=float),
                np.ascontiguousarray(upper, dtype=float),
                np.ascontiguousarray(row_lower, dtype=float),
                np.ascontiguousarray(row_upper, dtype=float),
                csr.indptr[:-1].astype(np.int32),
                csr.indices.astype(np.int32),
                np.ascontiguousarray(csr.data, dtype=float),
                kind,
            ),
            "passModel",
        )

    def twin(self, lp: Any) -> Highs:
        """Return another instance with the same options, and a linear program.

        Parameters
        ----------
        lp : highspy.HighsLp
            As HiGHS's own ``getLp`` gives it.
        """
        other = Highs(self.options)
        self._check(other.h.passModel(lp), "passModel")
        return other

    def watch(
        self,
        stop: Callable[[], bool] | None,
        logged: Callable[[float, float, float], None] | None = None,
    ) -> None:
        """Have HiGHS ask ``stop`` now and then, and report seconds, incumbent, bound."""
        if stop is not None:

            def ask(event: Any) -> None:
                if stop():
                    event.interrupt()

            for callback in ("cbMipInterrupt", "cbSimplexInterrupt", "cbIpmInterrupt"):
                handler = getattr(self.h, callback)
                handler += ask
        if logged is not None:

            def tell(event: Any) -> None:
                out = event.data_out
                logged(out.running_time, out.mip_primal_bound, out.mip_dual_bound)

            for callback in ("cbMipLogging", "cbMipImprovingSolution"):
                handler = getattr(self.h, callback)
                handler += tell

    def start_from(self, values: Floats) -> None:
        """Give a MIP a feasible point to begin with."""
        solution = highspy.HighsSolution()
        solution.col_value = values.tolist()
        self._check(self.h.setSolution(solution), "setSolution")

    def run(self) -> Outcome:
        """Solve, and return how it ended."""
        self.h.run()  # its status is worth less than the model's, read below
        state = self.h.getModelStatus()
        info = self.h.getInfo()
        feasible = bool(info.valid) and info.primal_solution_status == 2
        objective = float(info.objective_function_value) if feasible else np.inf
        if self._mip:
            bound = float(info.mip_dual_bound) if info.valid else -np.inf
            if not np.isfinite(bound):
                bound = -np.inf
        else:
            bound = objective if state == State.kOptimal else -np.inf
        return Outcome(state, feasible, objective, bound)

    def basis(self) -> Any:
        """Return a copy of the basis of the last LP run: a byte a row and column."""
        return self.h.getBasis()

    def start_from_basis(self, basis: Any) -> None:
        """Start the next LP run from a basis of this problem."""
        self._check(self.h.setBasis(basis), "setBasis")

    def change_bounds(
        self, columns: NDArray[np.intp], lower: Floats, upper: Floats
    ) -> None:
        """Give some columns other bounds; the next run goes on from where it is."""
        self._check(
            self.h.changeColsBounds(
                len(columns),
                columns.astype(np.int32),
                np.ascontiguousarray(lower, dtype=float),
                np.ascontiguousarray(upper, dtype=float),
            ),
            "changeColsBounds",
        )

    def values(self) -> Floats:
        """Return the point of the last run, shape (columns,)."""
        return np.array(self.h.getSolution().col_value, dtype=float)

    def values_and_duals(self) -> tuple[Floats, Floats]:
        """Return point and row duals of the last LP run, read out once."""
        solution = self.h.getSolution()
        return (
            np.array(solution.col_value, dtype=float),
            np.array(solution.row_dual, dtype=float),
        )

    def row_duals(self) -> Floats:
        """Return the duals of the last LP run, shape (rows,)."""
        return np.array(self.h.getSolution().row_dual, dtype=float)

    @staticmethod
    def _check(status: Any, call: str) -> None:
        if status not in (OK, WARNING):
            raise NoSolutionError(f"HiGHS failed in {call}")
