"""The rows of a Pyomo model, read one after the other into flat arrays.

Nearly every row of a plant is a sum of numbers times variables. Pyomo's visitor
dispatches on each node of it; here such a sum is read in one loop, and whatever else
turns up is left to Pyomo's own visitor. The rows that come out are those of Pyomo's
``LinearStandardFormCompiler``, which keeps a dictionary of every row until the last
one is read: 0.4 GB for a year of hours with five types of gas units.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyomo.core.base import Constraint, Objective, SortComponents
from pyomo.core.base.expression import ExpressionData, ScalarExpression
from pyomo.core.base.var import ScalarVar, VarData
from pyomo.core.expr.numeric_expr import (
    DivisionExpression,
    LinearExpression,
    MonomialTermExpression,
    NegationExpression,
    ProductExpression,
    SumExpression,
)
from pyomo.core.expr.numvalue import NumericConstant, value
from pyomo.core.expr.relational_expr import EqualityExpression, InequalityExpression
from pyomo.repn.linear import LinearRepnVisitor
from pyomo.repn.util import TemplateVarRecorder
from scipy import sparse

from energyopt.errors import InfeasibleError

Floats = NDArray[np.float64]

_NUMBERS: frozenset[Any] = frozenset((int, float))
_VARIABLES = frozenset((VarData, ScalarVar))
_SUMS = frozenset((LinearExpression, SumExpression))
_RELATIONS = frozenset((EqualityExpression, InequalityExpression))
_NAMED = frozenset((ExpressionData, ScalarExpression))


class _NotPlainError(Exception):
    """An expression that is not made of sums, numbers and variables alone."""


class _SumVisitor(LinearRepnVisitor):  # type: ignore[misc]  # Pyomo has no types
    def walk_expression(self, expr: Any) -> Any:
        """Return the linear form of an expression."""
        found = self.Result()
        try:
            found.constant = self._add_up(expr, 1, found.linear)
        except _NotPlainError:
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
        except _NotPlainError:
            return super().walk_expression(left - right)
        if not all(found.linear.values()):
            found.linear = {key: coef for key, coef in found.linear.items() if coef}
        return found

    def _add_up(self, node: Any, factor: float, linear: dict[int, float]) -> float:
        """Add ``factor * node`` to the coefficients; return its constant part."""
        kind: Any = node.__class__
        coef: Any
        if kind in _SUMS:
            terms = node.args
        elif kind is ProductExpression:
            first, second = node._args_
            if first.__class__ not in _NUMBERS:
                raise _NotPlainError
            return self._add_up(second, factor * first, linear)
        elif kind is DivisionExpression:
            first, second = node._args_
            if second.__class__ not in _NUMBERS:
                raise _NotPlainError
            return self._add_up(first, factor / second, linear)
        elif kind is NegationExpression:
            return self._add_up(node._args_[0], -factor, linear)
        elif kind in _NAMED:
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
                if coef.__class__ not in _NUMBERS:
                    raise _NotPlainError
                coef = factor * coef
            elif kind in _VARIABLES:
                coef, variable = factor, term
            elif kind in _NUMBERS:
                constant += factor * term
                continue
            elif terms.__class__ is tuple:  # a single term of another kind
                raise _NotPlainError
            else:
                constant += self._add_up(term, factor, linear)
                continue
            key = id(variable)
            if key not in columns:
                if variable.fixed:
                    raise _NotPlainError
                self.var_recorder.add(variable)
            if key in linear:
                linear[key] += coef
            else:
                linear[key] = coef
        return constant


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
    variables: dict[int, Any] = {}
    recorder = TemplateVarRecorder(variables, SortComponents.deterministic)
    visitor = _SumVisitor({}, var_recorder=recorder)
    place = recorder.var_order

    (objective,) = m.component_data_objects(Objective, active=True)
    paid = visitor.walk_expression(objective.expr)
    if paid.nonlinear is not None:
        raise ValueError(f"{objective.name} is not linear")

    coefs, index, starts = array("d"), array("i"), array("i", [0])
    lower, upper = array("d"), array("d")
    constraints = []
    for con in m.component_data_objects(
        Constraint, active=True, sort=SortComponents.deterministic
    ):
        found, least, most = _read_row(visitor, con)
        if found.nonlinear is not None:
            raise ValueError(f"{con.name} is not linear")
        if not found.linear:
            if least <= 0 <= most:
                continue
            raise InfeasibleError(
                f"model contains a trivially infeasible constraint, '{con.name}'"
            )
        coefs.extend(found.linear.values())
        index.extend(map(place.__getitem__, found.linear))
        starts.append(len(index))
        lower.append(least)
        upper.append(most)
        constraints.append(con)

    width = len(variables)
    cost = np.zeros(width)
    cost[[place[key] for key in paid.linear]] = list(paid.linear.values())
    matrix = sparse.csr_array(
        (
            np.frombuffer(coefs, dtype=float),
            np.frombuffer(index, dtype=np.int32),
            np.frombuffer(starts, dtype=np.int32),
        ),
        shape=(len(constraints), width),
    )
    used = cost != 0
    used[matrix.indices] = True
    return LinearForm(
        cost[used],
        float(paid.constant),
        _sorted(matrix, used),
        np.frombuffer(lower, dtype=float),
        np.frombuffer(upper, dtype=float),
        constraints,
        [v for v, kept in zip(variables.values(), used.tolist(), strict=True) if kept],
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
    variables: dict[int, Any] = {}
    recorder = TemplateVarRecorder(variables, SortComponents.deterministic)
    visitor = _SumVisitor({}, var_recorder=recorder)
    (objective,) = m.component_data_objects(Objective, active=True)
    paid = visitor.walk_expression(objective.expr)
    if paid.nonlinear is not None:
        raise ValueError(f"{objective.name} is not linear")
    return list(variables.values()), dict(paid.linear), float(paid.constant)


def _read_row(visitor: _SumVisitor, con: Any) -> tuple[Any, float, float]:
    """Return the linear form of a row without its constant, and its two bounds."""
    relation = con.expr
    kind: Any = relation.__class__
    if kind in _RELATIONS and not getattr(relation, "_strict", False):
        left, right = relation._args_
        if left.__class__ not in _NUMBERS and right.__class__ not in _NUMBERS:
            found = visitor.difference(left, right)
            right_side = 0.0 - found.constant
            equal = kind is EqualityExpression
            return found, right_side if equal else -np.inf, right_side
    low, body, high = con.to_bounded_expression()
    found = visitor.walk_expression(body)
    least = -np.inf if low is None else value(low) - found.constant
    most = np.inf if high is None else value(high) - found.constant
    return found, least, most


def _sorted(matrix: Any, used: NDArray[np.bool_]) -> Any:
    """Return the matrix of the used columns, each row in their order."""
    number = (np.cumsum(used) - 1).astype(np.int32)
    found = sparse.csr_array(
        (matrix.data, number[matrix.indices], matrix.indptr),
        shape=(matrix.shape[0], int(used.sum())),
    )
    found.sort_indices()
    return found
