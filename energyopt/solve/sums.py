"""Pyomo's standard-form compiler with a shorter way through sums.

Nearly every row of a plant is a sum of numbers times variables. Pyomo's visitor
dispatches on each node of it; here such a sum is read in one loop, and whatever else
turns up is left to Pyomo's own visitor. The rows that come out are the same.
"""

from __future__ import annotations

from typing import Any

from pyomo.core.base.expression import ExpressionData, ScalarExpression
from pyomo.core.base.var import ScalarVar, VarData
from pyomo.core.expr.numeric_expr import (
    LinearExpression,
    MonomialTermExpression,
    NegationExpression,
    ProductExpression,
    SumExpression,
)
from pyomo.repn.linear import LinearRepnVisitor
from pyomo.repn.plugins.standard_form import (
    LinearStandardFormCompiler,
    _LinearStandardFormCompiler_impl,
)

_NUMBERS: frozenset[Any] = frozenset((int, float))
_VARIABLES = frozenset((VarData, ScalarVar))
_SUMS = frozenset((LinearExpression, SumExpression))
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
        elif kind is NegationExpression:
            return self._add_up(node._args_[0], -factor, linear)
        elif kind in _NAMED:
            return self._add_up(node.expr, factor, linear)
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


class _Compiler(_LinearStandardFormCompiler_impl):  # type: ignore[misc]
    _get_visitor = _SumVisitor


def standard_form(m: Any) -> Any:
    """Return a linear model as Pyomo's ``LinearStandardFormInfo``, in mixed form."""
    return _Compiler(LinearStandardFormCompiler.CONFIG({"mixed_form": True})).write(m)
