"""What the outage of an element takes, and what its end gives back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from energyopt.uptime.elements import Effect
from energyopt.uptime.state import State

Ints = NDArray[np.int64]


def take(
    state: State, hour: int, rows: Ints, element: Ints, out: bool, trips: bool
) -> None:
    """Take elements out, or give them back, one in each row.

    Parameters
    ----------
    state : State
        Which changes.
    hour : int
        The hour.
    rows, element : array of int, shape (n,)
        Rows of the batch, each once; indices of the plan's elements.
    out : bool
        Whether their outage begins, or ends.
    trips : bool
        Units that were online are lost; not as the year begins, when others have
        long taken their place.
    """
    plan, sign = state.plan, 1 if out else -1
    effect, of = plan.effect[element], plan.of[element]
    for what, counted in (
        (Effect.LINK, state.link_out),
        (Effect.GAS, state.gas_out),
        (Effect.YARD, state.yard_out),
        (Effect.COLD, state.cold),
    ):
        counted[rows[effect == what]] += sign
    block = effect == Effect.BLOCK
    state.blocks_out[rows[block], of[block]] += sign
    derate = effect == Effect.DERATE
    if derate.any():
        k, place = of[derate], plan.place[element[derate]]
        _derate(state, hour, rows[derate], k, place, out)
    unit = effect == Effect.UNIT
    if unit.any():
        place = plan.place[element[unit]]
        _take_units(state, hour, rows[unit], of[unit], place, out, trips)


def _derate(
    state: State, hour: int, rows: Ints, k: Ints, place: Ints, out: bool
) -> None:
    """Units lose a part of their power, or have it again; it counts while they serve."""
    m = state.plan.machines
    column = m.first[k] + place
    part = m.derated_loss_frac[k] if out else np.zeros(len(rows))
    change = part - state.part[rows, column]
    state.part[rows, column] = part
    serves = (place < m.units[k] - m.out[hour, k]) & state.up[rows, column]
    np.add.at(state.derated, (rows[serves], k[serves]), change[serves])
    near = np.abs(state.derated[rows]) < 1e-9
    state.derated[rows] = np.where(near, 0.0, state.derated[rows])


def _take_units(
    state: State, hour: int, rows: Ints, k: Ints, place: Ints, out: bool, trips: bool
) -> None:
    """Units serve in their order: the first that are up are those online."""
    m = state.plan.machines
    column = m.first[k] + place
    serves = place < m.units[k] - m.out[hour, k]
    state.up[rows, column] = not out
    np.add.at(state.serving, (rows[serves], k[serves]), -1 if out else 1)
    part = state.part[rows, column] * (-1 if out else 1)
    np.add.at(state.derated, (rows[serves], k[serves]), part[serves])
    if not out or not trips:
        return
    columns = np.arange(state.up.shape[1])
    earlier = (columns >= m.first[k][:, None]) & (columns < column[:, None])
    rank = (state.up[rows] & earlier).sum(axis=1)
    runs = serves & (rank < state.online[rows, k])
    state.online[rows[runs], k[runs]] -= 1
    free = state.available(rows)
    state.online[rows] = np.minimum(state.online[rows], free)
    state.coming[rows] = np.minimum(state.coming[rows], free - state.online[rows])
