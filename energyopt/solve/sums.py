"""The rows of a Pyomo model, read into flat arrays.

Nearly every row of a plant is a sum of numbers times variables, and most are like the
rows of the hours beside them: those are read together (:mod:`energyopt.solve.alike`).
Any other such sum is read in one loop, without Pyomo's visitor, which dispatches on
each node of it; whatever else turns up is left to that visitor. The rows that come out
are those of Pyomo's ``LinearStandardFormCompiler``, which keeps a dictionary of every
row until the last one is read: 0.4 GB for a year of hours with five types of gas units.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import chain, compress
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyomo.core.base import Constraint, Objective
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
from energyopt.solve.columns import FIXED, ORDER, Columns

Floats = NDArray[np.float64]

_MANY = 64
"""Terms of a sum that is read by groups."""


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
        constant = np.zeros(len(terms))
        for places, sums in read_alike(terms, partial(Sums.of, factor=factor)):
            if sums is None:
                constant[places] = self._add_up(terms[places[0]], factor, linear)
                continue
            if any(FIXED in column for column in self.var_recorder.of(sums)):
                raise NotPlainError
            constant[places] = sums.constant
            ids = [map(id, variables) for variables in sums.variables]
            keys = chain.from_iterable(zip(*ids, strict=True))
            coefs = np.transpose(sums.coefs).ravel().tolist()
            for key, coef in zip(keys, coefs, strict=True):
                linear[key] = linear[key] + coef if key in linear else coef
        return float(np.cumsum(constant)[-1])  # in turn, as a short sum


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
    columns = Columns()
    visitor = _SumVisitor({}, var_recorder=columns)
    paid = _read_objective(visitor, m)
    entries = _Entries()
    constraints: list[Any] = []
    for component in m.component_objects(Constraint, active=True, sort=ORDER):
        members = [con for con in component.values(ORDER) if con.active]
        if members:
            _read_component(members, visitor, columns, entries)
            constraints += members

    width = len(columns.var_map)
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
    columns = Columns()
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
        self._row = [np.empty(0, dtype=np.int32)]
        self._column = [np.empty(0, dtype=np.int32)]
        self._coef = [np.empty(0)]

    def put(self, row: Any, column: Any, coef: Any) -> None:
        """Add entries to the rows that come next, counted from 0."""
        self._row.append(np.asarray(row, dtype=np.int32) + np.int32(self.rows))
        self._column.append(np.asarray(column, dtype=np.int32))
        self._coef.append(np.asarray(coef, dtype=float))

    def add_rows(self, bounds: Floats) -> None:
        """Add the rows themselves, by lower and upper bound, shape (2, rows)."""
        self._bounds.append(bounds)
        self.rows += bounds.shape[1]

    def arrays(self, width: int) -> tuple[Any, Floats]:
        """Return the matrix, without zeros, and the bounds, shape (2, rows)."""
        row, column = np.concatenate(self._row), np.concatenate(self._column)
        matrix = sparse.coo_array(
            (np.concatenate(self._coef), (row, column)), shape=(self.rows, width)
        ).tocsr()  # adds up what a row says of the same column
        matrix.eliminate_zeros()
        return matrix, np.concatenate(self._bounds, axis=1)


def _read_component(
    members: list[Any], visitor: _SumVisitor, columns: Columns, entries: _Entries
) -> None:
    """Read the rows of one component."""
    bounds = np.empty((2, len(members)))
    for places, rows in read_alike([con.expr for con in members], Rows.of):
        if rows is None:
            con = members[places[0]]
            found, *bounds[:, places[0]] = _read_row(visitor, con)
            if found.nonlinear is not None:
                raise ValueError(f"{con.name} is not linear")
            named = [columns.place[key] for key in found.linear]
            entries.put(places * len(named), named, list(found.linear.values()))
            continue
        row = np.array(places)
        bounds[:, row] = rows.lower, rows.upper
        sums = rows.sums
        for coef, variables, column in zip(
            sums.coefs, sums.variables, columns.of(sums), strict=True
        ):
            free = column != FIXED
            entries.put(row[free], column[free], coef[free])
            held = [v.value for v in compress(variables, ~free)]
            bounds[:, row[~free]] -= coef[~free] * held
    entries.add_rows(bounds)


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
