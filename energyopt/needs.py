"""Rows on sizes alone: what an uptime target asks of the next plant.

Sampled outages cannot stand in the model: they are a year of hours for each sampled
year. What they taught about the plants so far can, as rows on sizes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pyomo.environ import Binary, Var, quicksum

from energyopt.technologies import Size, Terms

Key = tuple[str, str]
"""A technology and one of its sizes."""

MARGINS = 24
"""Margins kept room for; what is further asked takes the place of the oldest."""
_SMALLEST = 1e-6  # of the largest coefficient of a margin


@dataclass(frozen=True)
class Margin:
    """A weighted sum of sizes that is to reach a least value.

    ``weight`` is in shares of ``least`` per unit of the size (MW, MWh, ...), so that
    the row is ``sum(weight * size) >= 1``.
    """

    weight: Mapping[Key, float]


@dataclass(frozen=True)
class Needs:
    """What is asked of sizes.

    Parameters
    ----------
    rounds : int
        Plants that may be left behind: there is room for so many in every model of
        the loop, so that all are of one structure and share their cuts.
    beyond : tuple of mapping
        For each plant left behind, the least size that is more than it, by size; one
        of them, at least, is to be reached. A size without one does not help.
    margins : tuple of Margin
        All are to be met.
    fixed : mapping
        Sizes that are given: a plant to be looked at.
    """

    rounds: int = 0
    beyond: tuple[Mapping[Key, float], ...] = ()
    margins: tuple[Margin, ...] = ()
    fixed: Mapping[Key, float] = field(default_factory=dict)

    def left_behind(self, steps: Mapping[Key, float]) -> Needs:
        """Return the same, and that one of these steps be reached."""
        return replace(self, beyond=(*self.beyond, dict(steps)))

    def with_margins(self, margins: tuple[Margin, ...]) -> Needs:
        """Return the same with further margins."""
        return replace(self, margins=(*self.margins, *margins)[-MARGINS:])

    def met_by(self, sizes: Mapping[Key, float], share: float = 1e-6) -> bool:
        """Return whether a plant of these sizes meets all that is asked."""
        one = all(
            any(sizes[key] >= step * (1 - share) for key, step in steps.items())
            for steps in self.beyond
        )
        return one and all(
            sum(w * sizes[key] for key, w in m.weight.items()) >= 1 - share
            for m in self.margins
        )


def sizes_of(terms: Mapping[str, Terms]) -> dict[Key, Size]:
    """Return every size of the plant that is not given, whole numbers first."""
    every = {
        (name, size.name): size
        for name, term in terms.items()
        for size in term.sizes
        if size.most > size.least
    }
    return dict(sorted(every.items(), key=lambda item: not item[1].whole))


def add_needs(m: Any, terms: Mapping[str, Terms], needs: Needs | None) -> None:
    """Write what is asked of sizes: one step beyond each plant left behind, margins.

    ``size - least >= (step - least) * reached``, and one at least is reached. Rows that
    ask for nothing yet have the same entries as those that do.
    """
    if needs is None:
        return
    sizes = sizes_of(terms)
    keys, places = list(sizes), range(needs.rounds)
    m.reached = Var(
        places,
        range(len(keys)),
        domain=Binary,
        doc="Whether the size is beyond that of the plant left behind.",
    )
    asked = [dict(steps) for steps in needs.beyond[-needs.rounds :]]

    def variable(key: Key) -> Any:
        return getattr(m.plant[key[0]], key[1])

    @m.Constraint(places, range(len(keys)))
    def step_reached(m, r, k):
        size = sizes[keys[k]]
        step = asked[r].get(keys[k]) if r < len(asked) else size.most
        if step is None or step > size.most * (1 + 1e-9):
            m.reached[r, k].setub(0)
            step = size.most
        rise = max(step - size.least, _SMALLEST * (size.most - size.least))
        return variable(keys[k]) - rise * m.reached[r, k] >= size.least

    @m.Constraint(places)
    def beyond_left_behind(m, r):
        least = 1 if r < len(asked) else 0
        return quicksum(m.reached[r, k] for k in range(len(keys))) >= least

    for key, size in needs.fixed.items():
        variable(key).setlb(size)
        variable(key).setub(size)

    flows = [key for key in keys if not sizes[key].whole]

    @m.Constraint(range(MARGINS if flows and needs.rounds else 0))
    def margin(m, i):
        asks = i < len(needs.margins)
        weight = needs.margins[i].weight if asks else dict.fromkeys(flows, 1.0)
        largest = max(weight.values())
        share = {k: max(weight.get(k, 0.0) / largest, _SMALLEST) for k in flows}
        total = quicksum(share[k] * variable(k) for k in flows)
        return total >= (1 / largest if asks else 0.0)
