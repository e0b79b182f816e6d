"""Power and gas, hour by hour, in the order of the price year."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from energyopt.case import GasSupply, Power
from energyopt.errors import DataError
from energyopt.inputs.checks import check_series, column_of, hourly_year
from energyopt.inputs.tables import Table, TableUsed, read_table
from energyopt.units import HOURS_PER_YEAR

Floats = NDArray[np.float64]
LEAST_HUB_USD_PER_MMBTU = 0.1  # an implied heat rate over less says nothing


@dataclass(frozen=True)
class PriceYear:
    """One year of prices, each array of shape (8760,)."""

    power_usd_per_mwh: Floats
    export_usd_per_mwh: Floats
    gas_usd_per_mmbtu: Floats
    year: int | None
    notes: list[str]
    used: list[TableUsed]


def delivered_usd_per_mmbtu(hub_usd_per_mmbtu: Floats, gas: GasSupply) -> Floats:
    """Return the price at the plant: hub, basis and transport, and gas lost on the way.

    The sum is floored at zero: what the plant is paid to burn is left out.

    Parameters
    ----------
    hub_usd_per_mmbtu : array
        Henry Hub. [USD/MMBtu]
    gas : GasSupply
        Basis, transport and loss.

    Returns
    -------
    array
        Per MMBtu burnt. [USD/MMBtu]

    Examples
    --------
    >>> waha = GasSupply(
    ...     hub_usd_per_mmbtu=3, basis_usd_per_mmbtu=-2, transport_usd_per_mmbtu=0.5,
    ...     fuel_loss_frac=0.02,
    ... )
    >>> delivered_usd_per_mmbtu(np.array([3.48, 1.0]), waha).round(3).tolist()
    [2.02, 0.0]
    """
    return _at_plant(hub_usd_per_mmbtu, gas) / (1 - gas.fuel_loss_frac)


def _at_plant(hub_usd_per_mmbtu: Floats, gas: GasSupply) -> Floats:
    """Hub, basis and transport, floored at zero; loss not yet in."""
    return np.maximum(
        hub_usd_per_mmbtu + gas.basis_usd_per_mmbtu + gas.transport_usd_per_mmbtu, 0.0
    )


def price_year(
    power: Power, gas: GasSupply, utc_offset_h: int, base_dir: Path
) -> PriceYear:
    """Return a year of power, export and gas prices.

    Parameters
    ----------
    power : Power
        Table, columns and basis.
    gas : GasSupply
        Planning price of gas at the plant.
    utc_offset_h : int
        Local standard time less UTC. [h]
    base_dir : Path
        Folder of the case file.

    Returns
    -------
    PriceYear
        The export price is never above the price of buying in the same hour.

    Raises
    ------
    DataError
        If a table is missing, has gaps or impossible values.
    """
    planning = delivered_usd_per_mmbtu(np.array([gas.hub_usd_per_mmbtu]), gas)[0]
    flat_gas = np.full(HOURS_PER_YEAR, planning)
    if power.basis == "flat":
        assert power.flat_usd_per_mwh is not None  # the case checks it
        flat = np.full(HOURS_PER_YEAR, power.flat_usd_per_mwh)
        note = f"power costs ${power.flat_usd_per_mwh:g}/MWh in every hour"
        return PriceYear(flat, flat, flat_gas, None, [note], [])

    assert power.table is not None  # the case checks these three
    assert power.column is not None
    assert power.gas_table is not None
    table = read_table(power.table, base_dir)
    rows, notes = hourly_year(table, utc_offset_h)
    local = pd.DatetimeIndex(rows.index) + pd.Timedelta(hours=utc_offset_h)
    year = int(local[0].year)
    buy = column_of(table, rows, power.column).to_numpy(float)
    hub_column = power.export_column or power.column
    sell = column_of(table, rows, hub_column).to_numpy(float)

    gas_table = read_table(power.gas_table, base_dir)
    hub, gas_notes = daily_hub(gas_table, local)
    notes += gas_notes
    if power.basis == "historical":
        fuel = delivered_usd_per_mmbtu(hub, gas)
        notes.append(
            f"power and gas are those of {year}, in dollars of {year}, not inflated"
        )
    else:
        if hub.min() < LEAST_HUB_USD_PER_MMBTU:
            raise DataError(
                f"{gas_table.name}: a hub price of {hub.min():g} $/MMBtu gives no "
                f"implied heat rate; it must be {LEAST_HUB_USD_PER_MMBTU:g} or more"
            )
        at_plant = _at_plant(np.array([gas.hub_usd_per_mmbtu]), gas)[0]
        buy, sell = buy / hub * at_plant, sell / hub * at_plant
        fuel = flat_gas
        notes.append(
            f"power prices are those of {year} ({power.column}) over that day's Henry "
            f"Hub, times ${at_plant:.2f}/MMBtu (the case's hub, basis and transport, "
            f"before the line's own loss: ${planning:.2f} as burnt): mean "
            f"${buy.mean():.1f}/MWh"
        )
    above = int((sell > buy).sum())
    if above:
        sell = np.minimum(sell, buy)
        notes.append(
            f"the export price ({hub_column}) was cut to the import price in {above} "
            f"of {HOURS_PER_YEAR} hours: the meter nets, so neither can be traded "
            "against the other"
        )
    return PriceYear(buy, sell, fuel, year, notes, [table.used, gas_table.used])


def daily_hub(table: Table, local: pd.DatetimeIndex) -> tuple[Floats, list[str]]:
    """Return the day's hub price in each hour; days without one take the last before.

    Parameters
    ----------
    table : Table
        With a column ``date`` and one of prices.
    local : pd.DatetimeIndex
        Hours, in local standard time.

    Returns
    -------
    price : array, shape (hours,)
        [USD/MMBtu]
    notes : list of str
        Where the table ends before the year does.

    Raises
    ------
    DataError
        If there is no price on or before the first day, or values are impossible.
    """
    prices = [c for c in table.frame.columns if str(c).endswith("_usd_per_mmbtu")]
    if "date" not in table.frame or len(prices) != 1:
        raise DataError(
            f"{table.name}: needs a column date and one that ends in _usd_per_mmbtu"
        )
    try:
        dates = pd.DatetimeIndex(pd.to_datetime(table.frame["date"]))
    except ValueError as err:
        raise DataError(f"{table.name}: column date: {err}") from None
    daily = pd.Series(table.frame[prices[0]].to_numpy(), index=dates, name=prices[0])
    daily = daily.sort_index()
    check_series(table, daily)
    if daily.index.has_duplicates:
        raise DataError(f"{table.name}: a day stands there twice")
    days = pd.date_range(local[0].normalize(), local[-1].normalize(), freq="D")
    filled = daily.reindex(daily.index.union(days)).ffill().loc[days]
    if filled.isna().any():
        raise DataError(
            f"{table.name}: begins on {daily.index[0]:%d %b %Y}, after "
            f"{days[0]:%d %b %Y}"
        )
    notes = []
    last = daily.index[-1]
    beyond = int((days > last).sum())
    if beyond > 4:  # more than a long weekend
        notes.append(
            f"{table.name} ends on {last:%d %b %Y}: its last price, "
            f"${daily.iloc[-1]:.2f}/MMBtu, stands for the {beyond} days after it"
        )
    return filled.reindex(local.normalize()).to_numpy(float), notes
