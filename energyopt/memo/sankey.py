"""Exhibit 19 as a Sankey diagram: where its bands lie, whoever draws them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from energyopt.memo.run import Run
from energyopt.memo.series import color_of, rows_by_part
from energyopt.memo.table import Cell, Table, with_unit

SHORTENED = ("_discharge", "_import", "_charge", "_export")


@dataclass(frozen=True)
class Flow:
    """Energy to or from the bus, or energy that was there and not taken."""

    name: str
    mwh: float
    shown: str  # as the table prints it, with unit
    color: str
    share: str = ""  # of energy served, with its %
    curtailed: bool = False


@dataclass(frozen=True)
class Band:
    """A flow in a diagram: its edge at the rim, at the bus, and where its label is."""

    flow: Flow
    rim: tuple[float, float]  # from, to, downwards
    bus: tuple[float, float]  # the same where it was curtailed
    label: float


@dataclass(frozen=True)
class Diagram:
    """Two sides of bands around a bus."""

    sources: tuple[Band, ...]
    uses: tuple[Band, ...]
    bus: tuple[float, float]
    tall: float


def energy_flows(run: Run, table: Table) -> tuple[list[Flow], list[Flow]]:
    """Return the sources and the uses of exhibit 19, with what was curtailed.

    Parameters
    ----------
    run : Run
        Of the plant; what it curtailed is in the table's notes.
    table : Table
        Exhibit 19.

    Returns
    -------
    sources, uses : list of Flow
        In the table's order. [MWh/yr]
    """
    parts = rows_by_part(table)
    known = {
        f"{n}{end}".replace("_", " "): n for n in run.built for end in ("", *SHORTENED)
    }

    def flows(part: str) -> list[Flow]:
        found = []
        for row in parts.get(part, []):
            name, cell = str(row.cells[0]), row.cells[1]
            if isinstance(cell, Cell) and cell.value:
                color = color_of(run, known[name]) if name in known else "load"
                shown, share = (text.lstrip("-") for text in row.texts()[1:3])
                shown, share = with_unit(shown, "MWh"), share and with_unit(share, "%")
                found.append(Flow(name, abs(cell.value), shown, color, share))
        return found

    sources = flows("Sources")
    for key, mwh in run.summary["energy_mwh"].items():
        name = key.removesuffix("_curtailed")
        if key != name and name in run.built and mwh >= 0.5:
            words = f"{name.replace('_', ' ')}, curtailed"
            color = color_of(run, name)
            sources.append(Flow(words, mwh, f"{mwh:,.0f} MWh", color, curtailed=True))
    return sources, flows("Uses")


def diagram(
    sources: Sequence[Flow], uses: Sequence[Flow], bus: float, slot: float
) -> Diagram:
    """Return where each band lies, each label with a slot of its own.

    Parameters
    ----------
    sources, uses : sequence of Flow
        What feeds the bus and what it feeds.
    bus : float
        Height of the bus in the units of the drawing.
    slot : float
        Least height that a label needs.

    Examples
    --------
    >>> gas, sun = Flow("gas", 3, "3", "gas"), Flow("sun", 1, "1", "solar")
    >>> made = diagram([gas, sun], [Flow("load", 4, "4", "load")], bus=100, slot=40)
    >>> [band.bus for band in made.sources], made.tall
    ([(7.5, 82.5), (82.5, 107.5)], 115.0)
    >>> made.sources[1].rim
    (82.5, 107.5)
    """
    whole = max(sum(f.mwh for f in side if not f.curtailed) for side in (sources, uses))
    scale = bus / whole if whole else 0.0
    tall = max(sum(max(f.mwh * scale, slot) for f in side) for side in (sources, uses))
    tall = max(tall, bus)
    top = (tall - bus) / 2

    def bands(side: Sequence[Flow]) -> tuple[Band, ...]:
        found, at = [], (tall - sum(max(f.mwh * scale, slot) for f in side)) / 2
        reached = top
        for flow in side:
            high = flow.mwh * scale
            room = max(high, slot)
            rim = (at + (room - high) / 2, at + (room + high) / 2)
            here = rim if flow.curtailed else (reached, reached + high)
            found.append(Band(flow, rim, here, at + room / 2))
            at, reached = at + room, reached + (0 if flow.curtailed else high)
        return tuple(found)

    return Diagram(bands(sources), bands(uses), (top, top + bus), tall)
