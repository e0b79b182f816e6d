r"""Rows that only whole numbers give: mixed-integer rounding of a period's rows.

With whole units online, ``p n + y >= b`` and ``y >= 0`` give
``n + y / (p f) >= ceil(b / p)`` with ``f`` the fraction of ``b / p``: a plant cannot
have 13.3 units online. Where a size is free between two bounds only, the row is sharp
at both ends, so that a small box of sizes gives a relaxed year that costs nearly what
whole units cost. Rows are found from the matrix: outputs are replaced by what their
units online allow, and reserve by what its size allows, before they are rounded.

H. Marchand, L. A. Wolsey, Aggregation and mixed integer rounding to solve MIPs,
Operations Research 49 (2001).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from energyopt.solve.periods import small_indices

Floats = NDArray[np.float64]
Ints = NDArray[np.integer[Any]]
Flags = NDArray[np.bool_]

LEAST_FRACTION, MOST_FRACTION = 0.01, 0.999
"""Of a right-hand side, between which rounding is worth a row and numerically safe."""
LEAST_VIOLATION = 1e-3
MOST_STEPS = 4
"""Steps of one candidate that are looked at within a box."""


@dataclass(frozen=True)
class Rows:
    """Rows ``matrix @ (y, slack, z) >= least``, valid within a box of ``z``."""

    matrix: Any
    least: Floats


class Rounding:
    """Candidate rows of one period, and their rounding within a box.

    Parameters
    ----------
    matrix : sparse.csr_array, shape (rows, columns)
        The period's rows over its own columns, its slack and the master's.
    row_lower, row_upper : array, shape (rows,)
    whole, is_size : array of bool, shape (columns,)
        Columns that are whole numbers; continuous columns of the master.
    own_columns : int
        The first of the columns: those of the period, without slack.
    single : array of int
        Rows with one column of the period each, that never have slack: bounds that
        move with the master's point.
    """

    def __init__(
        self,
        matrix: Any,
        row_lower: Floats,
        row_upper: Floats,
        whole: Flags,
        is_size: Flags,
        own_columns: int,
        single: Ints,
    ) -> None:
        self.whole, self.is_size, self.own_columns = whole, is_size, own_columns
        self.matrix = small_indices(matrix)
        self.row_lower, self.row_upper = row_lower, row_upper
        self._find_variable_bounds()
        base, least = self._base(single)
        base, least = self._with_moving_bounds(base, least, single)
        self.base, self.least = self._outputs_replaced(base), least
        keep = np.flatnonzero(
            (abs(self.base) @ whole.astype(float) > 0) & np.isfinite(least)
        )
        self.base, self.least = small_indices(self.base[keep]), least[keep]
        del self.matrix, self.row_lower, self.row_upper, self.share, self.of

    def _find_variable_bounds(self) -> None:
        """Find columns ``x <= share * n`` with ``n`` whole, in rows of two entries."""
        size = self.matrix.shape[1]
        self.share, self.of = np.zeros(size), np.full(size, -1)
        two = np.flatnonzero(np.diff(self.matrix.indptr) == 2)
        at = self.matrix.indptr[two][:, None] + np.arange(2)
        column, a = self.matrix.indices[at], self.matrix.data[at]
        for sign, bound in ((1.0, self.row_upper), (-1.0, self.row_lower)):
            for x, n in ((0, 1), (1, 0)):
                found = (
                    (bound[two] == 0)
                    & ~self.whole[column[:, x]]
                    & self.whole[column[:, n]]
                    & (sign * a[:, x] > 0)
                    & (sign * a[:, n] < 0)
                )
                self.share[column[found, x]] = -a[found, n] / a[found, x]
                self.of[column[found, x]] = column[found, n]

    def _base(self, single: Ints) -> tuple[Any, Floats]:
        """Return equalities both ways, and single rows through the equality behind."""
        same = np.flatnonzero(self.row_lower == self.row_upper)
        equal = self.matrix[same]
        useful = (abs(equal) @ (self.whole | (self.of >= 0)).astype(float)) > 0
        parts = [equal[useful], -equal[useful]]
        least = [self.row_lower[same][useful], -self.row_lower[same][useful]]
        by_column = sparse.csc_array(equal)
        uses = np.diff(by_column.indptr)
        column, a = self._single_entry(single)
        for sign, bound in ((1.0, self.row_lower), (-1.0, self.row_upper)):
            ok = np.isfinite(bound[single]) & (uses[column] == 1)
            ok &= ~self.whole[column] & (self.of[column] < 0)
            row, j = single[ok], column[ok]
            behind = by_column.indices[by_column.indptr[j]]
            factor = sign * a[ok] / by_column.data[by_column.indptr[j]]
            parts.append(
                self.matrix[row] * sign - sparse.diags_array(factor) @ equal[behind]
            )
            least.append(sign * bound[row] - factor * self.row_lower[same][behind])
        return sparse.csr_array(sparse.vstack(parts)), np.concatenate(least)

    def _single_entry(self, single: Ints) -> tuple[Ints, Floats]:
        """Return the one column of the period, and its factor, in each single row."""
        own = sparse.csr_array(self.matrix[single][:, : self.own_columns])
        return own.indices, own.data

    def _with_moving_bounds(
        self, base: Any, least: Floats, single: Ints
    ) -> tuple[Any, Floats]:
        """Add candidates in which columns are replaced by their moving upper bound."""
        column, a = self._single_entry(single)
        size = self.matrix.shape[1]
        above, factor = np.full(size, -1), np.ones(size)
        limit = np.full(size, np.inf)
        for sign, bound in ((1.0, self.row_upper), (-1.0, self.row_lower)):
            ok = np.isfinite(bound[single]) & (sign * a > 0)
            above[column[ok]], factor[column[ok]] = single[ok], a[ok]
            limit[column[ok]] = bound[single[ok]]
        coo = base.tocoo()
        use = (above[coo.col] >= 0) & (coo.data > 0) & ~self.whole[coo.col]
        use &= self.of[coo.col] < 0
        row, j = coo.row[use], coo.col[use]
        times = coo.data[use] / factor[j]
        mix = sparse.csr_array(
            (times, (row, np.arange(len(row)))), shape=(base.shape[0], len(row))
        )
        changed = np.unique(row)
        other = sparse.csr_array(base - mix @ self.matrix[above[j]])[changed]
        other.data[np.abs(other.data) < 1e-9] = 0.0
        other.eliminate_zeros()
        return (
            sparse.csr_array(sparse.vstack([base, other])),
            np.append(least, (least - mix @ limit[j])[changed]),
        )

    def _outputs_replaced(self, base: Any) -> Any:
        """Return the candidates with outputs replaced by what units online allow."""
        coo = base.tocoo()
        use = (self.of[coo.col] >= 0) & (coo.data > 0)
        value = np.where(use, coo.data * self.share[coo.col], coo.data)
        column = np.where(use, self.of[coo.col], coo.col)
        found = sparse.csr_array(
            sparse.coo_array((value, (coo.row, column)), shape=base.shape)
        )
        found.sum_duplicates()
        return found

    def within(self, lower: Floats, upper: Floats) -> BoxedRounding:
        """Return what is left of the candidates in a box.

        Parameters
        ----------
        lower, upper : array, shape (columns,)
            Bounds of own columns, slack and master columns in which rows are to hold.
        """
        coo = self.base.tocoo()
        row, column, value = coo.row, coo.col, coo.data
        whole, free = self.whole[column], upper[column] > lower[column]
        # Measured from the lower bounds; what then counts against a row is left out.
        kept = free & (whole | (value > 0))
        least = self.least - np.bincount(row, value * lower[column], len(self.least))
        unit = np.zeros(len(self.least))
        np.maximum.at(unit, row, np.where(whole & kept, np.abs(value), 0.0))
        width = upper[column] - lower[column]
        sized = kept & ~whole & self.is_size[column] & (value * width < unit[row])
        width = np.where(sized, width, 0.0)
        far = least - np.bincount(row, value * width, len(least))
        # The same again from the other end of the box: sizes that cannot make up for a
        # whole unit within it at their upper bound.
        both = sparse.vstack(
            [_part(self.base, coo, kept), _part(self.base, coo, kept & ~sized)]
        )
        matrix, least = small_indices(both), np.concatenate([least, far])
        keep = _strongest(matrix, least)
        return BoxedRounding(
            matrix[keep], least[keep], self.whole, self.is_size, lower, upper
        )


class BoxedRounding:
    """Candidates ``matrix @ (x - lower) >= least`` of one box, to be rounded."""

    def __init__(
        self,
        matrix: Any,
        least: Floats,
        whole: Flags,
        is_size: Flags,
        lower: Floats,
        upper: Floats,
    ) -> None:
        self.matrix, self.least = matrix, least
        self.whole, self.is_size, self.lower, self.upper = whole, is_size, lower, upper
        coo = matrix.tocoo()
        use = whole[coo.col]
        self.pair_column = coo.col[use]
        key, by = coo.row[use], np.round(np.abs(coo.data[use]), 9)
        # np.unique with an axis takes seven times as long.
        order = np.lexsort((by, key))
        key, by = key[order], by[order]
        new = np.append(True, (np.diff(key) != 0) | (np.diff(by) != 0))[: len(key)]
        self.pair = np.empty(len(key), dtype=np.int32)
        self.pair[order] = np.cumsum(new) - 1
        self.key, self.by = key[new].astype(np.int32), by[new]

    def violated(self, point: Floats) -> Rows:
        """Return rounded rows that a point breaks, at most one for each candidate.

        Each is divided by the factors of what is online there.

        Parameters
        ----------
        point : array, shape (columns,)
            Own columns, slack, and the master's point.
        """
        key, by = self._divided(point > self.lower + 1e-6)
        ratio = self.least[key] / by
        fraction = ratio - np.floor(ratio)
        good = (fraction > LEAST_FRACTION) & (fraction < MOST_FRACTION) & (ratio > 0)
        key, by, ratio, fraction = key[good], by[good], ratio[good], fraction[good]
        part = self.matrix[key].tocoo()
        row, column = part.row, part.col
        value = part.data / by[row]
        down = np.floor(value + 1e-9)
        rest = np.maximum(value - down, 0.0)
        share = fraction[row]
        value = np.where(
            self.whole[column], down + np.minimum(rest / share, 1.0), value / share
        )
        shape = (len(key), self.matrix.shape[1])
        rounded = sparse.csr_array(
            sparse.coo_array((value, (row, column)), shape=shape)
        )
        least = np.ceil(ratio) + rounded @ self.lower
        size = np.sqrt(np.bincount(row, value**2, len(key))) + 1e-12
        breach = (least - rounded @ point) / size
        broken = np.flatnonzero(breach > LEAST_VIOLATION)
        order = broken[np.lexsort((-breach[broken], key[broken]))]
        first = order[np.unique(key[order], return_index=True)[1]]
        return Rows(rounded[first], least[first])

    def _divided(self, used: Flags) -> tuple[Ints, Floats]:
        """Return candidates and the factors of used whole columns to divide them by."""
        at = np.zeros(len(self.key), dtype=bool)
        at[self.pair[used[self.pair_column]]] = True
        return self.key[at], self.by[at]

    def steps(self, column: int, point: Floats) -> Floats:
        """Return where in the box of one size a unit less is needed, candidate by candidate.

        Whole numbers that a candidate asks for fall by one as the size grows past each
        of these values.
        """
        coo = self.matrix.tocoo()
        mine = (coo.col == column) & (coo.data > 0)
        factor = np.zeros(len(self.least))
        factor[coo.row[mine]] = coo.data[mine]
        key, by = self._divided(point > self.lower + 1e-6)
        key, by = key[factor[key] > 0], by[factor[key] > 0]
        ratio = self.least[key] / by
        first = (ratio - np.floor(ratio)) * by / factor[key]
        found = [first + k * by / factor[key] for k in range(MOST_STEPS)]
        value = self.lower[column] + np.concatenate(found)
        return value[(value > self.lower[column]) & (value < self.upper[column])]


def _part(matrix: Any, coo: Any, keep: Flags) -> Any:
    """Return a matrix with some of its entries."""
    return sparse.csr_array(
        sparse.coo_array(
            (coo.data[keep], (coo.row[keep], coo.col[keep])), shape=matrix.shape
        )
    )


def _strongest(matrix: Any, least: Floats) -> Ints:
    """Return, of rows that are the same on the left, the one with the most on the right."""
    mark = np.random.default_rng(0).random(matrix.shape[1])
    left = np.round(matrix @ mark, 9)
    some = np.flatnonzero((np.diff(matrix.indptr) > 0) & (least > 0))
    order = some[np.lexsort((-least[some], left[some]))]
    return np.sort(order[np.unique(left[order], return_index=True)[1]])
