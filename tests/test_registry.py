"""Every technology keeps the form: an example, units, a recount that agrees."""

from __future__ import annotations

import typing
from dataclasses import fields
from functools import cache

import numpy as np
import pytest
from numpy.testing import assert_allclose
from plants import EXAMPLES, built, case, solve
from pydantic import ValidationError
from pyomo.environ import Var, value

from energyopt.model import found_arrays
from energyopt.technologies import AnyTechnology, Recount, Technology, Terms
from energyopt.units import unit_of

REGISTRY = typing.get_args(typing.get_args(AnyTechnology)[0])
KINDS = {kind.model_fields["kind"].default: kind for kind in REGISTRY}

# Each example with every parameter on that adds a term, so that none is zero alike.
FULL = {
    "gas_turbine": {
        "min_units": 2,
        "max_units": 3,
        "capital_usd_per_kw": 7,
        "om_fixed_usd_per_kw_yr": 2,
        "om_variable_usd_per_mwh": 3,
        "no_load_fuel_frac": 0.2,
        "min_load_frac": 0.3,
        "start_fuel_mmbtu_per_mw": 0.4,
        "co2_t_per_mmbtu": 0.05,
        "nox_lb_per_mmbtu": 0.1,
        "nox_start_kg_per_mw": 0.6,
        "water_m3_per_mwh": 0.7,
        "land_km2_per_mw": 0.08,
        "maintenance_weeks": 1,
        "inlet": "evaporative",
        "derate_frac_per_c": 0.01,
        "auxiliary_frac": 0.02,
    },
    "battery": {
        "min_mw": 4,
        "max_mw": 8,
        "min_hours_h": 2,
        "capital_usd_per_kw": 7,
        "capital_usd_per_kwh": 5,
        "om_fixed_usd_per_kw_yr": 2,
        "augmentation_usd_per_kwh_yr": 3,
        "om_variable_usd_per_mwh": 0.2,
        "charge_frac": 0.9,
        "discharge_frac": 0.8,
        "firm_credit_frac": 0.3,
        "land_km2_per_mwh": 0.01,
    },
    "fuel_store": {
        "refill_mmbtu_per_h": 1,
        "capital_usd_per_mmbtu": 7,
        "fuel_usd_per_mmbtu": 5,
        "om_fixed_usd_per_mmbtu_yr": 0.3,
        "land_km2_per_mmbtu": 0.001,
    },
    "grid": {
        "mode": "export",
        "min_mw": 6,
        "max_mw": 9,
        "capital_usd": 700,
        "capital_usd_per_kw": 5,
        "connection_usd_per_kw_yr": 2,
        "four_cp_usd_per_kw_yr": 0.3,
        "delivery_usd_per_mwh": 4,
        "export_basis_usd_per_mwh": 5,
        "availability_frac": 0.9,
        "at_once_frac": 0.5,
        "firm_credit_frac": 0.4,
        "co2_t_per_mwh": 0.4,
    },
    "solar": {
        "min_mw": 9,
        "max_mw": 9,
        "capital_usd_per_kw": 7,
        "om_fixed_usd_per_kw_yr": 2,
        "om_variable_usd_per_mwh": 0.3,
        "firm_credit_frac": 0.2,
        "land_km2_per_mw": 0.02,
        "water_m3_per_mwh": 0.03,
    },
    "wind": {
        "min_mw": 8,
        "max_mw": 8,
        "capital_usd_per_kw": 7,
        "om_fixed_usd_per_kw_yr": 2,
        "om_variable_usd_per_mwh": 0.3,
        "firm_credit_frac": 0.2,
        "land_km2_per_mw": 0.02,
    },
}


@cache
def plant():
    """Return one solved plant of every kind: six hours in two years and four weeks."""
    technologies = {kind: EXAMPLES[kind] | FULL[kind] for kind in EXAMPLES}
    technologies["standby"] = EXAMPLES["grid"] | {
        "mode": "backup",
        "backup_mwh_per_yr": 40,
        "standby_usd_per_mwh": 1,
        "min_mw": 3,
        "max_mw": 5,
    }
    made = case(
        technologies=technologies,
        contingencies={"battery_swing_mw": 1},
        reliability={"n_plus": 0},
    )
    model = built(
        made,
        6,
        demand_mw=[6, 9, 3, 5, 10, 7],
        years=2,
        weeks=[0, 0, 1, 2, 2, 3],
        weight=[2, 2, 2, 3, 3, 3],
        temp_air=[20, 30, 35, 25, 15, 10],
        temp_wet_bulb=[15, 20, 22, 20, 10, 8],
        power_usd_per_mwh=[10, 90, 30, 60, 95, 12],
        export_usd_per_mwh=[8, 80, 25, 50, 85, 10],
        grid__import_usd_per_mwh=[14, 94, 34, 64, 99, 16],
        grid__sale_usd_per_mwh=[3, 75, 20, 45, 80, 5],
        grid__four_cp_frac=[0, 0.25, 0, 0, 0.25, 0.25],
        solar__share_frac=[0, 0.5, 1, 0.3, 0, 0],
        wind__share_frac=[0.3, 0, 0.8, 0.4, 0.1, 0.6],
    )
    solve(model)
    return model


def recounted(name) -> Recount:
    model = plant()
    return model.case.technologies[name].recount(
        found_arrays(model)[name], model.horizons[name]
    )


def hourly(term):
    """Return an hourly Pyomo term as an array; zeros where there is none."""
    hours = plant().m.hours
    if term is None:
        return np.zeros(len(hours))
    return np.array([value(term[t]) for t in hours])


def test_every_kind_has_an_example():
    """A new technology is one file, one word in the registry, one example here."""
    assert set(EXAMPLES) == set(KINDS)
    assert set(FULL) == set(KINDS)
    for kind, example in EXAMPLES.items():
        assert KINDS[kind].model_validate(example | FULL[kind]).kind == kind


@pytest.mark.parametrize("kind", KINDS)
def test_every_parameter_says_its_unit(kind):
    """A number ends in its unit, or is a plain count, ratio or yes and no."""
    plain = {"dc_ac_ratio", "unit_mw_iso"}
    for name, field in KINDS[kind].model_fields.items():
        is_number = field.annotation in (float, float | None)
        if is_number and name not in plain:
            assert unit_of(name), name


@pytest.mark.parametrize("name", [*EXAMPLES, "standby"])
def test_every_variable_has_a_sentence_and_a_unit(name):
    """Flags, which are pure numbers, need no unit."""
    variables = list(plant().m.plant[name].component_objects(Var))
    assert variables
    for var in variables:
        assert var.doc.endswith("."), f"{name}/{var.local_name}"
        members = list(var.values())
        if not all(v.is_binary() for v in members):
            assert unit_of(var.local_name)


def test_every_plant_wide_variable_has_a_sentence_and_a_unit():
    for var in plant().m.component_objects(Var, descend_into=False):
        assert var.doc.endswith("."), var.local_name
        if "excess" not in var.local_name and not all(
            v.is_binary() for v in var.values()
        ):
            assert unit_of(var.local_name)


NAMES = [*EXAMPLES, "standby"]
SUMS = ("land_km2", "firm_mw", "swing_mw", "capital_usd")
HOURLY = (
    "net_mw",
    "co2_t",
    "nox_kg",
    "water_m3",
    "gas_mmbtu",
    "renewable_mw",
    "storage_loss_mw",
    "import_mw",
    "export_mw",
    "maintenance_mw",
    "standby_import_mw",
    "synchronous_units",
    "grid_forming_mw",
)


@pytest.mark.parametrize("name", NAMES)
def test_the_recount_agrees_with_the_model(name):
    """Every term, evaluated at the solution, is what plain numpy makes of it."""
    term, found = plant().terms[name], recounted(name)
    for field in HOURLY:
        assert_allclose(
            hourly(getattr(term, field)) + np.zeros(6),
            np.zeros(6) + getattr(found, field),
            atol=1e-6,
            err_msg=field,
        )
    for field in SUMS:
        told = getattr(term, field)
        told = 0.0 if told is None else value(told)
        assert_allclose(told, getattr(found, field), atol=1e-6, err_msg=field)
    assert set(term.cost_usd) == set(found.cost_usd)
    for category, usd in term.cost_usd.items():
        assert_allclose(
            value(usd), found.cost_usd[category], atol=1e-5, err_msg=category
        )
    assert term.life_yr == plant().case.technologies[name].life_yr
    assert max(np.max(b) for b in found.broken.values()) < 1e-6


@pytest.mark.parametrize("name", NAMES)
def test_security_terms_agree_with_the_model(name):
    """What carries the load and what a trip takes; stores apart, which hold energy."""
    term, found = plant().terms[name], recounted(name)
    zeros = np.zeros(6)
    if found.store is None:
        assert_allclose(hourly(term.at_once_mw), zeros + found.at_once_mw, atol=1e-6)
        assert_allclose(
            hourly(term.sustained_mw), zeros + found.sustained_mw, atol=1e-6
        )
    else:
        assert_allclose(hourly(term.sustained_mw), found.net_mw, atol=1e-6)
    assert len(term.trips) == (0 if found.trip_name is None else 1)
    for trip in term.trips:
        block = found.store.block_mw if found.store is not None else 0.0
        for field in ("at_once_mw", "sustained_mw"):
            assert_allclose(
                hourly(getattr(trip, field)),
                zeros + getattr(found, f"trip_{field}") + block,
                atol=1e-6,
                err_msg=field,
            )
    if term.firm_units is not None:
        assert value(term.firm_units.installed) == found.units
        assert term.firm_units.unit_mw == found.unit_at_design_mw
    if term.on_gas is not None:
        assert bool(value(term.on_gas) > 0.5) is found.on_gas


def test_the_plant_of_these_tests_uses_every_term():
    """Each term is something other than zero for some technology."""
    for field in HOURLY:
        used = [np.any(np.asarray(getattr(recounted(n), field))) for n in NAMES]
        assert any(used), field
    for field in SUMS:
        assert any(getattr(recounted(n), field) for n in NAMES), field
    categories = {c for n in NAMES for c, usd in recounted(n).cost_usd.items() if usd}
    assert categories == {
        "om_fixed",
        "om_variable",
        "starts",
        "augmentation",
        "grid_charges",
        "grid_energy",
        "export_income",
    }


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"fuel_store"}))
def test_a_least_size_above_the_greatest_is_refused(kind):
    size = "units" if "max_units" in KINDS[kind].model_fields else "mw"
    spoiled = {f"min_{size}": 6, f"max_{size}": 5}
    with pytest.raises(ValidationError, match=f"min_{size} is larger than max_{size}"):
        KINDS[kind].model_validate(EXAMPLES[kind] | spoiled)


def test_terms_that_must_be_said_have_no_default():
    """CO2, NOx, water and land, so that nobody forgets to say so."""
    required = {f.name for f in fields(Terms) if f.default is not None}
    assert {"net_mw", "capital_usd", "co2_t", "nox_kg", "water_m3", "land_km2"} <= (
        required
    )


def test_every_kind_is_a_frozen_technology():
    for kind in REGISTRY:
        assert issubclass(kind, Technology)
        assert kind.model_config["frozen"] is True
        assert kind.model_config["extra"] == "forbid"
