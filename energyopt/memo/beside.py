"""The base case beside the recommended plant, in every table that compares them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from energyopt.memo.table import Cell, Column, Row, Table, in_turn

COMPARED = {
    "4": ("rated_mw", "at_design_mw", "energy_mwh"),
    "7": ("total_musd",),
    "10": ("cost_musd_per_yr", "cost_usd_per_mwh"),
    "11": ("cost_usd_per_mwh",),
    "19": ("energy_mwh",),
    "23": ("output_mwh", "capacity_factor_percent"),
    "24": ("gas_mmbtu", "co2_t", "nox_kg", "water_m3"),
    "26": ("worst_mwh",),
    "28": ("co2_t_per_yr", "co2_kg_per_mwh"),
    "29": ("water_ml_per_yr", "wue_l_per_kwh"),
    "30": ("need",),
    "31": ("used", "shadow_price"),
}
"""Exhibit -> columns that are shown of the base case too. Exhibits 1 and 2 have it by
themselves; weather, prices, hours, inputs, checks and the record are of one plant."""

FROM_NOTHING = ("4", "7", "10", "11", "19", "23", "28", "29")
"""Exhibits in which a row that is not there is a number of zero."""


def beside(table: Table, base: Table | None, source: str) -> Table:
    """Return an exhibit with the base case's numbers to the right of its own.

    Parameters
    ----------
    table : Table
        Of the recommended plant.
    base : Table, optional
        The same exhibit of the base case, where it has one.
    source : str
        Case, run and gap of the base case.

    Returns
    -------
    Table
        A row that only the base case has shows none of the recommended plant.
    """
    keys = [column.key for column in table.columns]
    if base is None or base.name != table.name:
        return table
    theirs = {column.key: i for i, column in enumerate(base.columns)}
    wanted = [k for k in COMPARED.get(table.number, ()) if k in keys and k in theirs]
    if not wanted:
        return table
    ours = {str(row.cells[0]): row for row in table.rows}
    other = {str(row.cells[0]): row for row in base.rows}
    rows = []
    for label in in_turn(list(ours), list(other)):
        row = ours.get(label) or _blank(other[label], table.columns)
        cells: list[Cell | str] = []
        for key in wanted:
            base_row = other.get(label)
            here, there = keys.index(key), theirs[key]
            if base_row is None or label not in ours:
                cells += _alone(row, base_row, here, there, table.number)
            else:
                cells += _pair(row.cells[here], base_row.cells[there])
        rows.append(replace(row, cells=(*row.cells, *cells)))
    added: list[Column] = []
    for key in wanted:
        column = table.columns[keys.index(key)]
        added += [
            Column(f"base_{key}", f"Base case: {column.head}", column.unit),
            Column(f"less_base_{key}", f"Less base case: {column.head}", column.unit),
        ]
    notes = (*table.footnotes, f"Base case: {source}")
    columns = (*table.columns, *added)
    return replace(table, columns=columns, rows=tuple(rows), footnotes=notes)


def _pair(ours: Cell | str, base: Cell | str) -> list[Cell | str]:
    """Return the base case's number, and how much more ours is."""
    if isinstance(ours, str) or isinstance(base, str):
        return ["", ""]
    return [base, ours.minus(base)]


def _alone(
    row: Row, base_row: Row | None, here: int, there: int, number: str
) -> list[Cell | str]:
    """Return the same where only one of the two has the row."""
    if row.kind == "part":
        return ["", ""]
    one = row.cells[here] if base_row is None else base_row.cells[there]
    if isinstance(one, str):
        return ["", ""]
    nothing = Cell(0.0 if number in FROM_NOTHING else None, one.decimals)
    return _pair(one, nothing) if base_row is None else _pair(nothing, one)


def _blank(row: Row, columns: Sequence[Column]) -> Row:
    """Return a row of the base case without its numbers, in our columns."""
    cells = [Cell(None) if isinstance(c, Cell) else "" for c in row.cells]
    cells += [Cell(None)] * (len(columns) - len(cells))
    return replace(row, cells=(row.cells[0], *cells[1 : len(columns)]))
