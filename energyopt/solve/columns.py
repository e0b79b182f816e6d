"""The columns of a matrix, given to Pyomo variables as they are met."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyomo.core.base import SortComponents

from energyopt.solve.alike import Sums

Ints = NDArray[np.int32]

ORDER = SortComponents.deterministic
FIXED = -1
"""In place of the column of a variable that is fixed."""


class Columns:
    """The variables met so far, in the order of their columns; fixed ones have none.

    All members of a component are met together. Pyomo's visitor knows this as its
    recorder.

    Attributes
    ----------
    var_map : dict of int to variable
        The variables with a column, by their ``id``.
    place : dict of int to int
        Their columns; :data:`FIXED` for those without one.
    """

    def __init__(self) -> None:
        self.var_map: dict[int, Any] = {}
        self.place: dict[int, int] = {}
        self._by_component: dict[int, tuple[NDArray[np.intp], Ints]] = {}

    def add(self, variable: Any) -> None:
        """Give a column to a variable and to all others of its component."""
        component = variable.parent_component()
        every = list(component.values(ORDER))
        free = [v for v in every if not v.fixed]
        ids = _ids(free)
        columns = np.arange(len(free), dtype=np.int32) + len(self.var_map)
        if free:
            order = np.argsort(ids)
            self._by_component[id(component)] = ids[order], columns[order]
        self.place.update(zip(map(id, every), repeat(FIXED)))  # the free ones anew
        self.place.update(zip(ids.tolist(), columns.tolist(), strict=True))
        self.var_map.update(zip(ids.tolist(), free, strict=True))

    def of(self, sums: Sums) -> list[Ints]:
        """Return the column of each variable: for each term an array, shape (sums,).

        New variables get theirs in the order in which the sums name them.
        """
        found = [_NONE] * len(sums.variables)
        waiting = list(range(len(found)))
        while waiting:
            new = []
            for k in waiting:
                columns = self._find(sums.variables[k])
                if isinstance(columns, int):
                    new.append((columns, k))
                else:
                    found[k] = columns
            if new:
                i, k = min(new)
                self.add(sums.variables[k][i])
            waiting = [k for _, k in new]
        return found

    def _find(self, variables: Sequence[Any]) -> Ints | int:
        """Return the columns of variables, or the place of the first that is new."""
        of_one = self._by_component.get(id(variables[0].parent_component()))
        if of_one is not None:  # nearly always they are all of one component
            ids, (known, columns) = _ids(variables), of_one
            at = np.searchsorted(known[:-1], ids)  # the last one is what is left
            if np.array_equal(known[at], ids):
                return columns[at]
        each = list(map(self.place.get, map(id, variables)))
        return each.index(None) if None in each else np.array(each, dtype=np.int32)


_NONE = np.empty(0, dtype=np.int32)


def _ids(variables: Sequence[Any]) -> NDArray[np.intp]:
    return np.fromiter(map(id, variables), dtype=np.intp, count=len(variables))
