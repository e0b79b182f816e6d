r"""What the state at a window's end is worth to the hours after it.

Of a plan of the whole year, a row's dual :math:`\lambda_r` says what its right-hand side
costs, and so each column before hour ``e`` is worth :math:`-\sum_r \lambda_r a_{rc}` over the
rows from ``e`` on. The mean of it over all days, by hour of the day, is what a window's
end is given: a habit of the year, and nothing of the days that follow.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from energyopt.errors import NoSolutionError
from energyopt.solve.aligned import Frame
from energyopt.solve.highs import Highs, has_hipo

Floats = NDArray[np.float64]
DAY_H = 24


def duals(frame: Frame) -> tuple[Floats, Floats]:
    """Return the duals of the plan, its whole numbers kept.

    Parameters
    ----------
    frame : Frame

    Returns
    -------
    rows : array, shape (rows,)
        Of the truth's hourly rows. [k$ per unit]
    yearly : array, shape (yearly rows,)
        Of the limits of a year. [k$ per unit]

    Raises
    ------
    NoSolutionError
        If the plan does not fit the truth.
    """
    truth, year = frame.models[0], frame.yearly[0]
    lower, upper = truth.lower.copy(), truth.upper.copy()
    whole = frame.integer
    lower[whole] = upper[whole] = np.round(frame.x[whole])
    matrix = sparse.csr_array(sparse.vstack([truth.matrix, year.matrix]))
    attempts: list[dict[str, Any]] = [
        {"solver": "simplex", "time_limit": 120.0},
        {"solver": "hipo" if has_hipo() else "ipx"},
    ]
    for options in attempts:
        solver = Highs(options | {"threads": 1})
        solver.load(
            truth.cost,
            matrix,
            np.concatenate([truth.row_lower, year.row_lower]),
            np.concatenate([truth.row_upper, year.row_upper]),
            lower,
            upper,
        )
        if solver.run().optimal:
            found = solver.row_duals()
            return found[: len(truth.row_lower)], found[len(truth.row_lower) :]
    raise NoSolutionError("the saved plan does not fit the model of its own case")


class Terminal:
    """Worth of the columns before a window's end, by hour of the day.

    Parameters
    ----------
    frame : Frame
    row_duals : array, shape (rows,)
        Of :func:`duals`.
    """

    def __init__(self, frame: Frame, row_duals: Floats) -> None:
        self.frame = frame
        coo = frame.models[0].matrix.tocoo()
        reach = frame.row_hour[coo.row] - frame.column_hour[coo.col]
        back = (reach > 0) & (reach < max(frame.hours // 2, 1))
        value = -row_duals[coo.row[back]] * coo.data[back]
        family = frame.column_family[coo.col[back]]
        hour, reach = frame.column_hour[coo.col[back]], reach[back]
        self.most = int(reach.max(initial=0))
        count = len(frame.column_names)
        self.table = np.zeros((self.most + 1, DAY_H, count))
        for k in range(1, self.most + 1):  # the end is k hours after the column's
            here = reach >= k
            np.add.at(
                self.table[k], ((hour[here] + k) % DAY_H, family[here]), value[here]
            )
        ends = np.bincount(np.unique(hour + 1) % DAY_H, minlength=DAY_H)
        self.table /= np.maximum(ends, 1)[:, None]

    def worth(self, first: int, end: int) -> Floats:
        """Return what to add to the cost of a window's columns, shape (columns,). [k$]"""
        start = self.frame.column_start
        found = np.zeros(int(start[end] - start[first]))
        for k in range(1, min(self.most, end - first) + 1):
            at = slice(int(start[end - k]), int(start[end - k + 1]))
            inside = slice(at.start - int(start[first]), at.stop - int(start[first]))
            found[inside] = self.table[k, end % DAY_H][self.frame.column_family[at]]
        return found
