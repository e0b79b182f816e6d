"""Rows that are written alike, read together: one term of all of them at a time.

The rows of an indexed constraint come from one rule, and nearly always they are the
same sum with other numbers and other variables in it. What kind of expression stands
at a place of that sum is then asked once for a year of rows, and its numbers and
variables are taken out of all of them in one go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
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
from pyomo.core.expr.numvalue import NumericConstant
from pyomo.core.expr.relational_expr import EqualityExpression, InequalityExpression

Floats = NDArray[np.float64]
Read = TypeVar("Read")

NUMBERS: frozenset[Any] = frozenset((int, float))
VARIABLES = frozenset((VarData, ScalarVar))
SUMS = frozenset((LinearExpression, SumExpression))
RELATIONS = frozenset((EqualityExpression, InequalityExpression))
NAMED = frozenset((ExpressionData, ScalarExpression))

FEW = 8
"""Rows that are not worth reading together."""


class NotPlainError(Exception):
    """An expression that is not made of sums, numbers and variables alone."""


class _UnlikeError(Exception):
    """Expressions that are not alike; ``marks`` are equal where they may be."""

    def __init__(self, marks: Sequence[Any]) -> None:
        self.marks = marks


@dataclass
class Sums:
    """Sums ``constant + coefs[0] * variables[0] + coefs[1] * variables[1] + ...``.

    Parameters
    ----------
    constant : float or array of shape (sums,)
        What is in them without a variable.
    coefs : list of array, each of shape (sums,)
        One array per term.
    variables : list of sequence, each of length ``sums``
        The Pyomo variables of each term; two terms may have the same.
    """

    constant: Any = 0.0
    coefs: list[Floats] = field(default_factory=list)
    variables: list[Sequence[Any]] = field(default_factory=list)

    @classmethod
    def of(cls, nodes: Sequence[Any], factor: float = 1.0) -> Sums:
        """Return ``factor * node``, of nodes that are alike."""
        sums = cls()
        sums.add(nodes, factor)
        return sums

    def add(self, nodes: Sequence[Any], factor: float) -> None:
        """Add ``factor * node`` to each of the sums."""
        self.constant = self.constant + self._add(nodes, factor)

    def _add(self, nodes: Sequence[Any], factor: Any) -> Any:
        """Add the variables of ``factor * node``; return its constant part."""
        kind = _kind(nodes)
        if kind in NUMBERS:
            return factor * np.array(nodes, dtype=float)
        if kind in VARIABLES:
            return self._add_term(factor * np.ones(len(nodes)), nodes)
        if kind is MonomialTermExpression:
            coefs, variables = _both(nodes)
            return self._add_term(factor * _numbers(coefs), variables)
        if kind in SUMS:
            return self._add_sums([node.args for node in nodes], factor)
        if kind is ProductExpression:
            first, second = _both(nodes)
            return self._add(second, factor * _numbers(first))
        if kind is DivisionExpression:
            first, second = _both(nodes)
            return self._add(first, factor / _numbers(second))
        if kind is NegationExpression:
            return self._add([node.arg(0) for node in nodes], -factor)
        if kind in NAMED:
            return self._add([node.expr for node in nodes], factor)
        if kind is NumericConstant:
            return self._add([node.value for node in nodes], factor)
        raise NotPlainError

    def _add_sums(self, sums: Sequence[Sequence[Any]], factor: Any) -> Any:
        lengths = list(map(len, sums))
        if len(set(lengths)) > 1:
            raise _UnlikeError(lengths)
        constant = 0.0
        for terms in zip(*sums, strict=True):
            constant = constant + self._add(terms, factor)
        return constant

    def _add_term(self, coefs: Floats, variables: Sequence[Any]) -> float:
        if _kind(variables) not in VARIABLES:
            raise NotPlainError
        self.coefs.append(coefs)
        self.variables.append(variables)
        return 0.0


@dataclass
class Rows:
    """Rows ``lower <= sums <= upper``; the sums' constants are in the bounds."""

    sums: Sums
    lower: Floats
    upper: Floats

    @classmethod
    def of(cls, relations: Sequence[Any]) -> Rows:
        """Return the rows that Pyomo's relations say."""
        kind = _kind(relations)
        if kind not in RELATIONS:
            raise NotPlainError
        left, right = _both(relations)
        at_least, at_most = kind is EqualityExpression, True
        if _kind(right) in NUMBERS:
            sums, bound = Sums.of(left), np.array(right, dtype=float)
        elif _kind(left) in NUMBERS:
            sums, bound = Sums.of(right), np.array(left, dtype=float)
            at_least, at_most = at_most, at_least
        else:
            sums, bound = Sums.of(left), np.zeros(len(relations))
            sums.add(right, -1.0)
        bound = bound - sums.constant
        none = np.full(len(relations), np.inf)
        return cls(sums, bound if at_least else -none, bound if at_most else none)


def read_alike(
    items: Sequence[Any], read: Callable[[Sequence[Any]], Read]
) -> list[tuple[list[int], Read | None]]:
    """Read expressions in groups that are written alike.

    Parameters
    ----------
    items : sequence
        Pyomo expressions.
    read : callable
        Reads some of them, by :class:`Sums`.

    Returns
    -------
    list of tuple
        Places of the items of a group, and what was read of them. One that is alone,
        of a shape of its own or not plain, is left to be read: it has ``None``.
    """
    groups: list[tuple[list[int], Read | None]] = []
    waiting = [list(range(len(items)))]
    while waiting:
        places = waiting.pop()
        try:
            if len(places) < FEW:
                raise NotPlainError
            groups.append((places, read([items[i] for i in places])))
        except _UnlikeError as unlike:
            waiting += _split(places, unlike.marks)
        except NotPlainError:
            groups += [([i], None) for i in places]
    return sorted(groups, key=lambda group: group[0][0])


def _split(places: list[int], marks: Sequence[Any]) -> list[list[int]]:
    """Return places apart, by their marks."""
    parts: dict[Any, list[int]] = {}
    for place, mark in zip(places, marks, strict=True):
        parts.setdefault(mark, []).append(place)
    return list(parts.values())


def _kind(nodes: Sequence[Any]) -> Any:
    """Return what kind of expression all of these are."""
    kinds = set(map(type, nodes))
    if len(kinds) > 1 and not (kinds <= NUMBERS or kinds <= VARIABLES):
        raise _UnlikeError([type(node) for node in nodes])
    return kinds.pop()


def _both(nodes: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
    """Return the two arguments of each expression."""
    first, second = zip(*[node._args_ for node in nodes], strict=True)
    return first, second


def _numbers(nodes: Sequence[Any]) -> Floats:
    if not set(map(type, nodes)) <= NUMBERS:
        raise NotPlainError
    return np.array(nodes, dtype=float)
