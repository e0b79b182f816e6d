"""Plants of one case at any sizes, as those see them who run them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from energyopt.model import PlantModel, horizons, idle_arrays
from energyopt.needs import Key, sizes_of
from energyopt.technologies import Bank, Fleet, Horizon, Link, Operation, Size
from energyopt.uptime.elements import Plan, operations, plans_of

Arrays = Mapping[str, Mapping[str, Any]]
Sizes = Mapping[Key, float]


@dataclass(frozen=True)
class Site:
    """A case, its hours, and what can be sized in it."""

    plant: PlantModel
    horizons: Mapping[str, Horizon]
    sizes: Mapping[Key, Size]

    @classmethod
    def of(cls, plant: PlantModel) -> Site:
        """Return the site of a built model."""
        return cls(plant, horizons(plant.case, plant.inputs), sizes_of(plant.terms))

    @property
    def largest(self) -> dict[Key, float]:
        """Every size at its most."""
        return {key: float(size.most) for key, size in self.sizes.items()}

    def found(self, arrays: Arrays) -> dict[Key, float]:
        """Return the sizes of a solved plant, machines as whole numbers."""
        return {
            key: float(round(float(arrays[key[0]][key[1]])))
            if size.whole
            else float(arrays[key[0]][key[1]])
            for key, size in self.sizes.items()
        }

    def dispatched(self, arrays: Arrays) -> list[Plan]:
        """Return the plan of each weather year of a solved plant."""
        said = operations(self.plant.case, self.horizons, arrays)
        return self._plans(said, arrays["plant"]["unserved_mw"])

    def idle(self, sizes: Sizes) -> list[Plan]:
        """Return a plant of these sizes in order and ready, stores full."""
        said = operations(
            self.plant.case, self.horizons, idle_arrays(self.plant, sizes)
        )
        return self._plans(said, np.zeros(len(self.plant.at.weight)))

    def changed(self, arrays: Arrays, sizes: Sizes) -> list[Plan]:
        """Return a solved plant's plan with other sizes: what is added stands by.

        Units and the grid's size are added or taken away; a battery's addition is kept
        full; sun and wind give what they would.
        """
        case = self.plant.case
        planned = operations(case, self.horizons, arrays)
        other = operations(case, self.horizons, idle_arrays(self.plant, sizes))
        said = {name: _changed(planned[name], other[name]) for name in planned}
        return self._plans(said, arrays["plant"]["unserved_mw"])

    def given(self, key: Key) -> Operation:
        """Return what one unit of a size gives."""
        name = key[0]
        one = idle_arrays(self.plant, {k: float(k == key) for k in self.sizes})
        return self.plant.case.technologies[name].in_operation(
            one[name], self.horizons[name]
        )

    def _plans(self, said: Mapping[str, Operation], unserved_mw: Any) -> list[Plan]:
        data, at = self.plant.inputs.data, self.plant.at
        start = np.zeros(len(at.weight), dtype=bool)
        start[[chain.start for chain in at.chains]] = True
        month = data["local_time"].values.astype("datetime64[M]").astype(int) % 12 + 1
        shared = {
            "demand_mw": data["demand_mw"].values,
            "unserved_mw": unserved_mw,
            "pue": data["pue"].values,
            "month": month,
            "chain_start": start,
        }
        return plans_of(self.plant.case, said, at, shared)


def _changed(planned: Operation, other: Operation) -> Operation:
    """Return the operation of a plan with the sizes of another."""
    fleet, bank, link = planned.fleet, planned.bank, planned.link
    if isinstance(fleet, Fleet) and isinstance(other.fleet, Fleet):
        units = other.fleet.units
        fleet = replace(
            fleet,
            units=units,
            online_units=np.minimum(fleet.online_units, units),
            out_units=np.minimum(fleet.out_units, units),
        )
    if isinstance(bank, Bank) and isinstance(other.bank, Bank):
        new, old = other.bank.store, bank.store
        stored = old.stored_mwh + new.energy_mwh - old.energy_mwh
        kept = np.clip(stored, new.floor_mwh, new.energy_mwh)
        bank = replace(other.bank, store=replace(new, stored_mwh=kept))
    if isinstance(link, Link) and isinstance(other.link, Link):
        bought = np.minimum(link.import_mw, other.link.size_mw)
        link = replace(other.link, import_mw=bought)
    return replace(other, fleet=fleet, bank=bank, link=link)
