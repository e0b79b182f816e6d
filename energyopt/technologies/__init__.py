"""The registry: a new technology is one file, and one word here."""

from typing import Annotated

from pydantic import Field

from energyopt.technologies.base import (
    Bank,
    FirmUnits,
    Fleet,
    Found,
    Horizon,
    Link,
    Operation,
    Recount,
    Size,
    Stock,
    Store,
    Technology,
    Terms,
    Trip,
    by_hour,
)
from energyopt.technologies.battery import Battery
from energyopt.technologies.fuel_store import FuelStore
from energyopt.technologies.gas_turbine import GasTurbine
from energyopt.technologies.grid import Grid
from energyopt.technologies.solar import Solar
from energyopt.technologies.wind import Wind

AnyTechnology = Annotated[
    Battery | FuelStore | GasTurbine | Grid | Solar | Wind, Field(discriminator="kind")
]

__all__ = [
    "AnyTechnology",
    "Bank",
    "Battery",
    "FirmUnits",
    "Fleet",
    "Found",
    "FuelStore",
    "GasTurbine",
    "Grid",
    "Horizon",
    "Link",
    "Operation",
    "Recount",
    "Size",
    "Solar",
    "Stock",
    "Store",
    "Technology",
    "Terms",
    "Trip",
    "Wind",
    "by_hour",
]
