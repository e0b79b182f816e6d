"""By periods and in one piece, the same answer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyomo.environ as pyo
import pytest
from numpy.testing import assert_allclose
from toy_plants import AERO, COMBINED, ENGINE, FRAME, SMALL, Gas, Toy

from energyopt.errors import InfeasibleError
from energyopt.solve.compile import Problem, compile_problem
from energyopt.solve.decomposed import solve_decomposed
from energyopt.solve.monolithic import Found, solve_monolithic

GAP = 2e-3


def by_periods(problem: Problem, period_h: int = 24, **options: object) -> Found:
    settings = {"gap_frac": GAP, "time_limit_s": 60.0, "threads": 2, "seed": 0} | options
    return solve_decomposed(problem, period_h=period_h, **settings)


def in_one_piece(problem: Problem) -> Found:
    return solve_monolithic(problem, gap_frac=GAP, time_limit_s=60.0, threads=1, seed=0)


def random_toy(seed: int) -> Toy:
    """A small plant with random technologies and limits; some cannot be built."""
    rng = np.random.default_rng(seed)
    kinds = [AERO, ENGINE, FRAME, SMALL, COMBINED]
    gas = tuple(kinds[i] for i in rng.permutation(5)[: rng.integers(0, 3)])
    pick = lambda *options: options[rng.integers(len(options))]  # noqa: E731
    return Toy(
        hours=int(pick(48, 72, 96, 120)),
        seed=seed,
        gas=gas,
        solar_most_mw=float(pick(0, 800)),
        wind_most_mw=float(pick(0, 600)),
        battery_most_mw=float(pick(0, 400)),
        grid_mw=float(pick(0, 100, 300)),
        grid_budget_frac=float(pick(0.02, 0.3, 1.0)),
        unserved_frac=pick(None, 1e-3, 0.05),
        co2_t_per_mwh=pick(None, None, 0.05, 0.3),
        renewable_frac=pick(None, None, 0.3),
        reserve=bool(pick(True, False)),
        n_plus=pick(None, 1),
        maintenance=bool(pick(True, False)),
        cross_h=int(pick(0, 0, 6)),
    )
