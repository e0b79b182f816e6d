"""The rows of a Pyomo model, read into flat arrays.

Nearly every row of a plant is a sum of numbers times variables, and most are like the
rows of the hours beside them: those are read together (:mod:`energyopt.solve.alike`).
Any other such sum is read in one loop, without Pyomo's visitor, which dispatches on
each node of it; whatever else turns up is left to that visitor. The rows that come out
are those of Pyomo's ``LinearStandardFormCompiler``, which keeps a dictionary of every
row until the last one is read: 0.4 GB for a year of hours with five types of gas units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, compress, repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyomo.core.base import Constraint, Objective, SortComponents
from pyomo.core.expr.numeric_expr import (
    DivisionExpression,
    MonomialTermExpression,
    NegationExpression,
    ProductExpression,
)
from pyomo.core.expr.numvalue import NumericConstant, value
from pyomo.core.expr.relational_expr import EqualityExpression
from pyomo.repn.linear import LinearRepnVisitor
from scipy import sparse

from energyopt.errors import InfeasibleError
from energyopt.solve.alike import (
    NAMED,
    NUMBERS,
    RELATIONS,
    SUMS,
    VARIABLES,
    NotPlainError,
    Rows,
    Sums,
    read_alike,
)

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

Ints = NDArray[np.int32]

_ORDER = SortComponents.deterministic
_FIXED = -1
_MANY = 64
"""Terms of a sum that is read by groups."""
_NONE = np.empty(0, dtype=np.int32)


class _Columns:
    """The variables met so far, in the order of their columns; fixed ones have none.

    Pyomo's visitor knows it as a recorder.
    """

    def __init__(self) -> None:
        self.var_map: dict[int, Any] = {}  # by ``id``
        self.place: dict[int, int] = {}
        self._of_one: dict[int, tuple[NDArray[np.intp], Ints]] = {}

    def add(self, variable: Any) -> None:
        """Give a column to a variable and to all others of its component."""
        component = variable.parent_component()
        every = list(component.values(_ORDER))
        free = [v for v in every if not v.fixed]
        ids = np.fromiter(map(id, free), dtype=np.intp, count=len(free))
        columns = np.arange(len(ids), dtype=np.int32) + len(self.var_map)
        order = np.argsort(ids)
        if free:
            self._of_one[id(component)] = ids[order], columns[order]
        self.place.update(zip(map(id, every), repeat(_FIXED)))
        self.place.update(zip(ids.tolist(), columns.tolist(), strict=True))
        self.var_map.update(zip(ids.tolist(), free, strict=True))

    def of(self, groups: list[tuple[list[int], Sums]]) -> list[list[Ints]]:
        """Return the columns of each group's terms, ``_FIXED`` where there is none.

        New variables get theirs in the order in which the sums name them.
        """
        found = [[_NONE] * len(sums.variables) for _, sums in groups]
        waiting = [(g, k) for g, terms in enumerate(found) for k in range(len(terms))]
        while waiting:
            new = []
            for g, k in waiting:
                members, sums = groups[g]
                columns = self._find(sums.variables[k])
                if isinstance(columns, int):
                    new.append((members[columns], k, g, sums.variables[k][columns]))
                else:
                    found[g][k] = columns
            if new:
                self.add(min(new)[-1])
            waiting = [(g, k) for _, k, g, _ in new]
        return found

    def _find(self, variables: Sequence[Any]) -> Ints | int:
        """Return the columns of variables, or the place of the first that is new."""
        component = variables[0].parent_component()
        if id(component) in self._of_one:  # nearly always they are all of one
            ids = np.fromiter(map(id, variables), dtype=np.intp, count=len(variables))
            known, columns = self._of_one[id(component)]
            at = np.searchsorted(known[:-1], ids)
            if (known[at] == ids).all():
                return columns[at]
        each = list(map(self.place.get, map(id, variables)))
        return each.index(None) if None in each else np.array(each, dtype=np.int32)


class _SumVisitor(LinearRepnVisitor):  # type: ignore[misc]  # Pyomo has no types
    def walk_expression(self, expr: Any) -> Any:
        """Return the linear form of an expression."""
        found = self.Result()
        try:
            found.constant = self._add_up(expr, 1, found.linear)
        except NotPlainError:
            return super().walk_expression(expr)
        if not all(found.linear.values()):  # terms that have cancelled out
            found.linear = {key: coef for key, coef in found.linear.items() if coef}
        return found

    def difference(self, left: Any, right: Any) -> Any:
        """Return the linear form of ``left - right``, without writing that down."""
        found = self.Result()
        try:
            found.constant = self._add_up(left, 1, found.linear)
            found.constant += self._add_up(right, -1, found.linear)
        except NotPlainError:
            return super().walk_expression(left - right)
        if not all(found.linear.values()):
            found.linear = {key: coef for key, coef in found.linear.items() if coef}
        return found

    def _add_up(self, node: Any, factor: float, linear: dict[int, float]) -> float:
        """Add ``factor * node`` to the coefficients; return its constant part."""
        kind: Any = node.__class__
        coef: Any
        if kind in SUMS:
            terms = node.args
            if len(terms) > _MANY:
                return self._add_many(terms, factor, linear)
        elif kind is ProductExpression:
            first, second = node._args_
            if first.__class__ not in NUMBERS:
                raise NotPlainError
            return self._add_up(second, factor * first, linear)
        elif kind is DivisionExpression:
            first, second = node._args_
            if second.__class__ not in NUMBERS:
                raise NotPlainError
            return self._add_up(first, factor / second, linear)
        elif kind is NegationExpression:
            return self._add_up(node._args_[0], -factor, linear)
        elif kind in NAMED:
            return self._add_up(node.expr, factor, linear)
        elif kind is NumericConstant:
            return factor * node.value
        else:
            terms = (node,)
        constant = 0.0
        columns = self.var_map
        for term in terms:
            kind = term.__class__
            if kind is MonomialTermExpression:
                coef, variable = term._args_
                if coef.__class__ not in NUMBERS:
                    raise NotPlainError
                coef = factor * coef
            elif kind in VARIABLES:
                coef, variable = factor, term
            elif kind in NUMBERS:
                constant += factor * term
                continue
            elif terms.__class__ is tuple:  # a single term of another kind
                raise NotPlainError
            else:
                constant += self._add_up(term, factor, linear)
                continue
            key = id(variable)
            if key not in columns:
                if variable.fixed:
                    raise NotPlainError
                self.var_recorder.add(variable)
            if key in linear:
                linear[key] += coef
            else:
                linear[key] = coef
        return constant

    def _add_many(
        self, terms: list[Any], factor: float, linear: dict[int, float]
    ) -> float:
        """Add the terms of a long sum, most of which are alike."""

        def read(nodes: Sequence[Any]) -> Sums:
            sums = Sums()
            sums.add(nodes, factor)
            return sums

        constant = np.zeros(len(terms))
        groups, alone = read_alike(terms, read)
        for (members, sums), places in zip(
            groups, self.var_recorder.of(groups), strict=True
        ):
            if any((column == _FIXED).any() for column in places):
                raise NotPlainError
            constant[members] = sums.constant
            keys = chain.from_iterable(
                zip(*(map(id, v) for v in sums.variables), strict=True)
            )
            coefs = np.array(sums.coefs).T.ravel().tolist()
            for key, coef in zip(keys, coefs, strict=True):
                linear[key] = linear[key] + coef if key in linear else coef
        for i in alone:
            constant[i] = self._add_up(terms[i], factor, linear)
        return float(constant.cumsum()[-1])  # one after the other, as in a short sum


@dataclass(frozen=True)
class LinearForm:
    """Minimise ``cost @ x + offset`` over ``lower <= A x <= upper``.

    Parameters
    ----------
    matrix : sparse.csr_array, shape (rows, columns)
        Without zeros.
    constraints, variables : list
        Of each row and column; a variable without a coefficient has no column.
    """

    cost: Floats
    offset: float
    matrix: Any
    lower: Floats
    upper: Floats
    constraints: list[Any]
    variables: list[Any]


def linear_form(m: Any) -> LinearForm:
    """Return a linear model with one active objective as arrays.

    Constants and fixed variables are in the bounds of the rows.

    Raises
    ------
    InfeasibleError
        If a constraint without variables does not hold.
    ValueError
        If an expression is not linear.
    """
    columns = _Columns()
    visitor = _SumVisitor({}, var_recorder=columns)
    paid = _read_objective(visitor, m)
    entries = _Entries()
    constraints: list[Any] = []
    for component in m.component_objects(Constraint, active=True, sort=_ORDER):
        members = [con for con in component.values(_ORDER) if con.active]
        if members:
            _read_component(members, visitor, columns, entries)
            constraints += members

    width = len(columns.place)
    cost = np.zeros(width)
    cost[[columns.place[key] for key in paid.linear]] = list(paid.linear.values())
    matrix, (lower, upper) = entries.arrays(width)
    used = cost != 0
    used[matrix.indices] = True
    if not used.all():
        matrix = matrix[:, used]
    full = np.diff(matrix.indptr) > 0
    if not full.all():
        for i in np.flatnonzero(~full & ((lower > 0) | (upper < 0))):
            raise InfeasibleError(
                "model contains a trivially infeasible constraint, "
                f"'{constraints[i].name}'"
            )
        matrix, lower, upper = matrix[full], lower[full], upper[full]
        constraints = list(compress(constraints, full))
    return LinearForm(
        cost[used],
        float(paid.constant),
        matrix,
        lower,
        upper,
        constraints,
        list(compress(columns.var_map.values(), used)),
    )


def cost_form(m: Any) -> tuple[list[Any], dict[int, float], float]:
    """Return what the objective alone says, as :func:`linear_form` reads it.

    Returns
    -------
    variables : list
        In the order in which they are met.
    costs : dict of int to float
        By the ``id`` of a variable.
    offset : float
    """
    columns = _Columns()
    paid = _read_objective(_SumVisitor({}, var_recorder=columns), m)
    return list(columns.var_map.values()), dict(paid.linear), float(paid.constant)


def _read_objective(visitor: _SumVisitor, m: Any) -> Any:
    """Return the linear form of the objective."""
    (objective,) = m.component_data_objects(Objective, active=True)
    found = visitor.walk_expression(objective.expr)
    if found.nonlinear is not None:
        raise ValueError(f"{objective.name} is not linear")
    return found


class _Entries:
    """Rows as they are read: their bounds, and their entries in any order."""

    def __init__(self) -> None:
        self.rows = 0
        self._bounds = [np.empty((2, 0))]
        self._entries = [np.empty(0, np.int32)], [np.empty(0, np.int32)], [np.empty(0)]

    def put(self, *entries: Any) -> None:
        """Add entries, (row, column, coefficient), each an array or a list."""
        for kept, more in zip(self._entries, entries, strict=True):
            kept.append(np.asarray(more, dtype=kept[0].dtype))

    def bound(self, bounds: Floats) -> None:
        """Add rows, by their lower and upper bounds, shape (2, rows)."""
        self._bounds.append(bounds)
        self.rows += bounds.shape[1]

    def arrays(self, width: int) -> tuple[Any, Floats]:
        """Return the matrix, without zeros, and the bounds, shape (2, rows)."""
        row, column, coef = map(np.concatenate, self._entries)
        shape = (self.rows, width)
        matrix = sparse.coo_array((coef, (row, column)), shape=shape).tocsr()
        matrix.eliminate_zeros()
        return matrix, np.concatenate(self._bounds, axis=1)


def _read_component(
    members: list[Any], visitor: _SumVisitor, columns: _Columns, entries: _Entries
) -> None:
    """Read the rows of one component."""
    bounds = np.empty((2, len(members)))
    groups, alone = read_alike([con.expr for con in members], Rows.of)
    named = columns.of([(which, group.sums) for which, group in groups])
    for (which, group), places in zip(groups, named, strict=True):
        row = np.array(which, dtype=np.int32)
        bounds[:, row] = group.lower, group.upper
        terms = zip(group.sums.coefs, group.sums.variables, places, strict=True)
        for coef, variables, column in terms:
            free = column != _FIXED
            if not free.all():
                held = np.array([v.value for v in compress(variables, ~free)])
                bounds[:, row[~free]] -= coef[~free] * held
            entries.put(entries.rows + row[free], column[free], coef[free])
    for i in alone:
        found, *bounds[:, i] = _read_row(visitor, members[i])
        if found.nonlinear is not None:
            raise ValueError(f"{members[i].name} is not linear")
        column = [columns.place[key] for key in found.linear]
        entries.put(
            [entries.rows + i] * len(column), column, list(found.linear.values())
        )
    entries.bound(bounds)


def _read_row(visitor: _SumVisitor, con: Any) -> tuple[Any, float, float]:
    """Return the linear form of a row without its constant, and its two bounds."""
    relation = con.expr
    kind: Any = relation.__class__
    if kind in RELATIONS and not getattr(relation, "_strict", False):
        left, right = relation._args_
        if left.__class__ not in NUMBERS and right.__class__ not in NUMBERS:
            found = visitor.difference(left, right)
            right_side = 0.0 - found.constant
            equal = kind is EqualityExpression
            return found, right_side if equal else -np.inf, right_side
    low, body, high = con.to_bounded_expression()
    found = visitor.walk_expression(body)
    least = -np.inf if low is None else value(low) - found.constant
    most = np.inf if high is None else value(high) - found.constant
    return found, least, most
