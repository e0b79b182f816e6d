"""The live sheets of a workbook: named inputs, LCOE, and its sensitivity.

Every formula is written with its value as well: previews and phones show that value
and recompute nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from energyopt.memo.costing import Asset, Costing
from energyopt.memo.money import CATEGORIES

if TYPE_CHECKING:
    from energyopt.memo.workbook import Formats

FIXED_DESIGN = (
    "Fixed design: the plant and its dispatch stay. One that is sized again at another "
    "price costs at most this."
)


LARGE = 1000
"""From here on a number is shown without decimals."""


def safe(name: str) -> str:
    """Return a name that a workbook can define, and that is no cell's.

    Examples
    --------
    >>> safe("gas line"), safe("r1c1")
    ('gas_line', 'r1c1')
    """
    return re.sub(r"\W", "_", name, flags=re.ASCII)


class Sheet:
    """A sheet that is filled from the top, each line with a name where it has one."""

    def __init__(self, book: Any, looks: Formats, name: str, title: str) -> None:
        self.book, self.looks, self.name = book, looks, name
        self.at = book.add_worksheet(name)
        self.at.set_paper(9)
        self.at.set_landscape()
        self.at.fit_to_pages(1, 0)
        self.at.set_column(0, 0, 44)
        self.at.set_column(1, 6, 17)
        self.at.write_string(0, 0, title, looks.title)
        self.row = 2

    def heads(self, *texts: str) -> None:
        """Write a line of heads."""
        for i, text in enumerate(texts):
            numeric = i > 0 and text != "Unit"
            look = self.looks.number_head if numeric else self.looks.head
            self.at.write_string(self.row, i, text, look)
        self.row += 1

    def input(self, label: str, name: str, value: float, unit: str) -> None:
        """Write a named input."""
        self.at.write_string(self.row, 0, label)
        large = abs(value) >= LARGE
        look = self.looks.large_input if large else self.looks.input
        self.at.write_number(self.row, 1, value, look)
        self.at.write_string(self.row, 2, unit)
        self.define(name, 1)
        self.row += 1

    def define(self, name: str, column: int) -> None:
        """Give a cell of this line a name."""
        place = f"'{self.name}'!${chr(ord('A') + column)}${self.row + 1}"
        self.book.define_name(name, f"={place}")

    def line(
        self, label: str, *formulas: tuple[str, float], bold: bool = False
    ) -> None:
        """Write formulas beside a label, each with its value."""
        fine = self.looks.total if bold else self.looks.live
        whole = self.looks.large_total if bold else self.looks.large_live
        self.at.write_string(self.row, 0, label, self.looks.bold if bold else None)
        for i, (formula, value) in enumerate(formulas, start=1):
            look = whole if abs(value) >= LARGE else fine
            self.at.write_formula(self.row, i, formula, look, value)

    def note(self, text: str) -> None:
        """Write a note."""
        self.at.write_string(self.row, 0, text, self.looks.note)
        self.row += 1


def write_live(book: Any, looks: Formats, c: Costing, source: str) -> None:
    """Write the sheets Inputs, LCOE and Sensitivity.

    Parameters
    ----------
    book : xlsxwriter.Workbook
        To write to.
    looks : Formats
        Of its cells.
    c : Costing
        The inputs.
    source : str
        Case, run and gap.
    """
    _inputs(Sheet(book, looks, "Inputs", "Inputs: blue cells may be changed"), c)
    _lcoe(Sheet(book, looks, "LCOE", "LCOE, real, before tax"), c, source)
    title = "Sensitivity of LCOE"
    _sensitivity(Sheet(book, looks, "Sensitivity", title), c, source)


def _inputs(sheet: Sheet, c: Costing) -> None:
    sheet.heads("Input", "Value", "Unit")
    low, high = c.wacc_range
    gas_low, gas_high = c.gas_range_usd_per_mmbtu
    for label, name, value, unit in (
        ("Cost of capital, nominal", "wacc_nominal", c.wacc_frac, "1/yr"),
        ("… low", "wacc_low", low, f"1/yr ({c.wacc_range_from})"),
        ("… high", "wacc_high", high, f"1/yr ({c.wacc_range_from})"),
        ("Inflation", "inflation", c.inflation_frac, "1/yr"),
        ("Owner's cost", "owners_cost", c.owners_frac, "of direct cost"),
        ("Contingency", "contingency", c.contingency_frac, "of direct cost"),
        ("Construction", "construction_months", c.construction_months, "months"),
        ("Energy served", "served_mwh", c.served_mwh, "MWh/yr"),
        ("Gas burnt, HHV", "gas_mmbtu", c.gas_mmbtu, "MMBtu/yr"),
        ("Gas, mean price", "gas_price", c.gas_usd_per_mmbtu, "$/MMBtu"),
        ("… low", "gas_price_low", gas_low, f"$/MMBtu ({c.gas_range_from})"),
        ("… high", "gas_price_high", gas_high, f"$/MMBtu ({c.gas_range_from})"),
    ):
        sheet.input(label, name, value, unit)
    for asset in c.assets:
        of = safe(asset.name)
        unit = f"$/{asset.size_unit}" if asset.size_unit != "whole" else "$"
        sheet.input(f"{asset.name}, size", f"size_{of}", asset.size, asset.size_unit)
        sheet.input(
            f"{asset.name}, direct cost", f"unit_cost_{of}", asset.unit_cost_usd, unit
        )
        told = f"of it ({asset.range_from})"
        sheet.input("… low", f"cost_low_{of}", asset.low_frac, told)
        sheet.input("… high", f"cost_high_{of}", asset.high_frac, told)
        years = asset.recovery_yr
        sheet.input(f"{asset.name}, recovered in", f"years_{of}", years, "yr")
    for category, usd in c.other_usd.items():
        label = f"{_words(category)}, as dispatched"
        sheet.input(label, f"cost_{safe(category)}", usd, "$/yr")


def _words(category: str) -> str:
    """Return a category of cost as exhibit 11 calls it."""
    return CATEGORIES.get(category, category.replace("_", " "))


def _capital(asset: Asset, rate: str) -> str:
    """Return the formula of an asset's yearly capital recovery, at a named rate."""
    of = safe(asset.name)
    real = f"((1+{rate})/(1+inflation)-1)"
    all_in = f"(1+owners_cost+contingency)*(1+{rate}*construction_months/24)"
    factor = f"IF({real}=0,1/years_{of},{real}/(1-(1+{real})^-years_{of}))"
    return f"=size_{of}*unit_cost_{of}*{all_in}*{factor}"


def _lcoe(sheet: Sheet, c: Costing, source: str) -> None:
    """Write each part of the yearly cost at three costs of capital, and their sum."""
    sheet.heads("Component", "$/yr", "$/MWh", "$/yr, low WACC", "$/yr, high WACC")
    first = sheet.row
    rates = {"wacc_nominal": c.wacc_frac}
    rates |= {"wacc_low": c.wacc_range[0], "wacc_high": c.wacc_range[1]}

    def add(label: str, name: str, made: list[tuple[str, float]]) -> None:
        each = (f"=B{sheet.row + 1}/served_mwh", made[0][1] / c.served_mwh)
        sheet.line(label, made[0], each, *made[1:])
        sheet.define(name, 1)
        sheet.row += 1

    for asset in c.assets:
        made = [
            (_capital(asset, r), c.capital_usd(asset, at)) for r, at in rates.items()
        ]
        label = f"capital recovery, {asset.name.replace('_', ' ')}"
        add(label, f"capital_{safe(asset.name)}", made)
    fuel = c.gas_mmbtu * c.gas_usd_per_mmbtu
    add("fuel: gas", "fuel_cost", [("=gas_mmbtu*gas_price", fuel)] * 3)
    for category, usd in c.other_usd.items():
        name = safe(category)
        add(_words(category), f"yearly_{name}", [(f"=cost_{name}", usd)] * 3)
    last = sheet.row
    sums = [
        (f"=SUM({col}{first + 1}:{col}{last})", c.lcoe_usd_per_mwh(at) * c.served_mwh)
        for col, at in zip("BDE", rates.values(), strict=True)
    ]
    each = (f"=SUM(C{first + 1}:C{last})", c.lcoe_usd_per_mwh())
    sheet.line("Total", sums[0], each, *sums[1:], bold=True)
    for name, column in (("lcoe", 2), ("yearly_low", 3), ("yearly_high", 4)):
        sheet.define(name, column)
    sheet.row += 2
    sheet.note("LCOE is before export income and without the value of lost compute.")
    sheet.note(FIXED_DESIGN)
    sheet.note(source)


def _sensitivity(sheet: Sheet, c: Costing, source: str) -> None:
    """Write what LCOE becomes at the low and the high end of each input."""
    sheet.heads(
        "Input", "LCOE at low, $/MWh", "LCOE at high, $/MWh", "Difference, $/MWh"
    )
    base = c.lcoe_usd_per_mwh()

    def add(label: str, low: tuple[str, float], high: tuple[str, float]) -> None:
        at = sheet.row + 1
        sheet.line(label, low, high, (f"=C{at}-B{at}", high[1] - low[1]))
        sheet.row += 1

    def moved(price: float) -> float:
        return base + (price - c.gas_usd_per_mmbtu) * c.gas_mmbtu / c.served_mwh

    gas = "=lcoe+({}-gas_price)*gas_mmbtu/served_mwh"
    add(
        "Gas price",
        (gas.format("gas_price_low"), moved(c.gas_range_usd_per_mmbtu[0])),
        (gas.format("gas_price_high"), moved(c.gas_range_usd_per_mmbtu[1])),
    )
    add(
        "Cost of capital",
        ("=yearly_low/served_mwh", c.lcoe_usd_per_mwh(c.wacc_range[0])),
        ("=yearly_high/served_mwh", c.lcoe_usd_per_mwh(c.wacc_range[1])),
    )
    for asset in c.assets:
        of = safe(asset.name)
        yearly = c.capital_usd(asset, c.wacc_frac) / c.served_mwh
        ends = [
            (
                f"=lcoe+(cost_{end}_{of}-1)*capital_{of}/served_mwh",
                base + (frac - 1) * yearly,
            )
            for end, frac in (("low", asset.low_frac), ("high", asset.high_frac))
        ]
        add(f"Unit cost, {asset.name.replace('_', ' ')}", ends[0], ends[1])
    sheet.row += 1
    sheet.note(FIXED_DESIGN)
    sheet.note(source)
