"""Which inputs enter which result: what carries the mark of low confidence, and why.

A number rests on the inputs that it is worked out from, given the plant and its
dispatch. What is sized and how it runs rests on all of them, and is not marked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

OWN = r"technologies\.{t}\."
"""Of the technology that a result is of; of a total, of each that is built."""

# Groups of inputs, as patterns of their paths --------------------------------------------

LOAD = (r"load\.(facility_mw|pue_by_temp_c|utilization_frac)",)
UNIT = (OWN + "unit_mw_iso",)
BUY = (
    *UNIT,
    OWN + r"\w*capital_usd\w*",
    r"site\.fixed_capital_usd\.\w+",
    r"gas\.lateral_usd",
    r"finance\.(owners_cost_frac|contingency_frac)",
    r"finance\.(wacc_nominal_frac|construction_months)",  # interest in construction
)
LIFE = (
    OWN + "life_yr",
    r"gas\.lateral_life_yr",
    r"finance\.(wacc_nominal_frac|inflation_frac|term_years)",
)
RECOVERY = (*BUY, *LIFE)
BURN = (
    OWN + r"(degradation_)?heat_rate\w+",
    OWN + "(no_load_fuel_frac|start_fuel_mmbtu_per_mw|auxiliary_frac)",
)
GAS_PRICE = (r"gas\.(hub|basis|transport)_usd_per_mmbtu", r"gas\.fuel_loss_frac")
STORED_FUEL = (OWN + "fuel_usd_per_mmbtu",)
FUEL = (*BURN, *GAS_PRICE, *STORED_FUEL)
CO2 = (*BURN, OWN + r"co2_t_per_\w+")
NOX = (*BURN, OWN + r"nox_\w+")
WATER = (OWN + r"\w*water_m3\w*",)
LAND = (*UNIT, OWN + r"land_km2_per_\w+")
POWER_PRICE = (r"prices\.power\.\w+", *GAS_PRICE)
TARIFF = (*POWER_PRICE, OWN + "(delivery|standby)_usd_per_mwh")
CONNECTION = (OWN + "(connection|four_cp)_usd_per_kw_yr",)
EXPORT = (*POWER_PRICE, OWN + "export_basis_usd_per_mwh")
FIXED = (*UNIT, OWN + "om_fixed_usd_per_kw_yr")
VARIABLE = (OWN + "om_variable_usd_per_mwh",)
STARTS = (*UNIT, OWN + "start_cost_usd_per_mw")
CELLS = (OWN + "augmentation_usd_per_kwh_yr",)
FEES = (r"prices\.(co2|nox)_usd_per_t", r"prices\.water_usd_per_m3", *CO2, *NOX, *WATER)
COST = (
    *RECOVERY,
    *FIXED,
    *VARIABLE,
    *STARTS,
    *FUEL,
    *TARIFF,
    *CONNECTION,
    *CELLS,
)
RESOURCE = (
    OWN + r"\w*loss(es)?_frac\w*",
    OWN + "(dc_ac_ratio|ground_coverage_frac|max_tilt_deg|albedo_frac|rear_gain_frac)",
    OWN + "(inverter_frac|degradation_frac_per_yr|hub_height_m)",
    r"weather\.wind_speed_scale",
)
HOT = (
    *UNIT,
    OWN + "(derate|degradation_output|evaporative_effectiveness)_frac\\w*",
    OWN + r"(derate_from_c|auxiliary_frac|pressure_derate|chiller_auxiliary\w+)",
    OWN + "(inverter_frac|firm_credit_frac|availability_frac)",
    r"site\.(elevation_m|design_\w+)",
)
REPAIR = (OWN + "(repair_h|start_h|switch_h|block_mw)", r"contingencies\.hold_h")
OUTAGES = (
    *REPAIR,
    OWN + r"(forced_outage_frac|start_failure_frac|outages_per_yr|derated_\w+)",
    r"outages\.\w+",
    r"load\.restart_h",
)
NOTHING: tuple[str, ...] = ()

SWITCHED = {
    "dual_fuel_": ("dual_fuel", (True,)),
    "evaporative_": ("inlet", ("evaporative",)),
    "chiller_": ("inlet", ("chiller",)),
    "standby_": ("mode", ("backup",)),
    "export_basis_": ("mode", ("export",)),
}
"""Inputs whose names begin so are read only where a field has one of these values."""

# Results, by the end of their name: the first that fits ----------------------------------

_T = r"(?P<t>[^/#]+)/"
RULES: tuple[tuple[str, tuple[str, ...]], ...] = (
    # a limit in use, by what it limits; its worth rests on every cost
    (r"limits\.csv#.*/shadow_price", COST),
    (r"limits\.csv#(?P<own>[^#]+)/value", NOTHING),
    (r"limits\.csv#limits\.co2_t_per_yr/\w+", CO2),
    (r"limits\.csv#limits\.nox_t_per_yr/\w+", NOX),
    (r"limits\.csv#limits\.water_m3_per_yr/\w+", WATER),
    (r"limits\.csv#limits\.land_km2/\w+", LAND),
    (r"limits\.csv#limits\.capital_usd/\w+", BUY),
    (r"limits\.csv#limits\.renewable_share_frac/\w+", (*RESOURCE, *LOAD)),
    (r"limits\.csv#limits\.gpu_served_frac/\w+", NOTHING),
    (r"limits\.csv#reliability\.n_plus/\w+", HOT),
    (r"limits\.csv#gas\.lateral_mmbtu_per_h/\w+", BURN),
    (r"limits\.csv#technologies\.(?P<t>\w+)\.max_mw/\w+", UNIT),
    (r"limits\.csv#technologies\.\w+\.\w+/\w+", NOTHING),
    # a plant's parts
    (rf"capacity\.csv#{_T}(rated_mw|energy_mwh)", UNIT),
    (rf"capacity\.csv#{_T}at_design_mw", HOT),
    (rf"capacity\.csv#{_T}land_km2", LAND),
    (rf"capacity\.csv#{_T}lead_time_months", (OWN + "lead_time_months",)),
    (rf"capacity\.csv#{_T}capacity_factor_frac", RESOURCE),
    (rf"capacity\.csv#{_T}(installed_units|duration_h)", NOTHING),
    (rf"units\.csv#{_T}(gas_mmbtu|heat_rate_mmbtu_per_mwh)", BURN),
    (rf"units\.csv#{_T}\w+", NOTHING),
    (r"contingencies\.csv#.*/(worst_mwh|with_shed_load_h)", REPAIR),
    (r"contingencies\.csv#.*/\w+", NOTHING),
    # what is spent
    (r"capital\.csv#(?P<part>[^/#]+)/\w+", BUY),
    (r"cost\.csv#(?P<part>[^/#]+)/capital_usd_per_yr", RECOVERY),
    (rf"cost\.csv#{_T}om_fixed_usd_per_yr", FIXED),
    (rf"cost\.csv#{_T}om_variable_usd_per_yr", VARIABLE),
    (rf"cost\.csv#{_T}starts_usd_per_yr", STARTS),
    (rf"cost\.csv#{_T}fuel_usd_per_yr", FUEL),
    (rf"cost\.csv#{_T}augmentation_usd_per_yr", CELLS),
    (rf"cost\.csv#{_T}grid_charges_usd_per_yr", CONNECTION),
    (rf"cost\.csv#{_T}grid_energy_usd_per_yr", TARIFF),
    (rf"cost\.csv#{_T}export_income_usd_per_yr", EXPORT),
    (rf"cost\.csv#{_T}\w+_usd_per_yr", FEES),
    (r"cost_(usd_per_yr/)?capital(_usd_per_yr)?", RECOVERY),
    (r"cost_(usd_per_yr/)?om_fixed(_usd_per_yr)?", FIXED),
    (r"cost_(usd_per_yr/)?om_variable(_usd_per_yr)?", VARIABLE),
    (r"cost_(usd_per_yr/)?starts(_usd_per_yr)?", STARTS),
    (r"cost_(usd_per_yr/)?fuel(_usd_per_yr)?", FUEL),
    (r"cost_(usd_per_yr/)?augmentation(_usd_per_yr)?", CELLS),
    (r"cost_(usd_per_yr/)?grid_charges(_usd_per_yr)?", CONNECTION),
    (r"cost_(usd_per_yr/)?grid_energy(_usd_per_yr)?", TARIFF),
    (r"cost_usd_per_yr/\w+", FEES),
    # totals of a plant, in its summary and in the table of a sweep
    (r"capital_usd", BUY),
    (r"lcoe_after_export_usd_per_mwh", (*COST, *EXPORT, *LOAD)),
    (r"lcoe_usd_per_mwh(_it)?", (*COST, *LOAD)),
    (r"(objective_usd|yearly_usd)(_per_yr)?", (*COST, *EXPORT)),
    (r"(average|step)_cost_usd_per_\w+", (*COST, *CO2, *NOX, *WATER)),
    (r"shadow_price\w*(\.[\w.]+)?", COST),
    (r"(gpu_energy|full_hours|uptime|held_out)/\w*(frac|nines)", OUTAGES),
    (r"sampled_uptime_(low_|high_)?frac", OUTAGES),
    (r"unserved_mwh_per_yr/\w+|uptime\.json#contingencies/.*", OUTAGES),
    (r"uptime_target/.*/years", NOTHING),
    (r"gas_mmbtu_per_yr", BURN),
    (r"co2_t_per_yr", CO2),
    (r"nox_t_per_yr", NOX),
    (r"water_m3_per_yr", WATER),
    (r"land_km2", LAND),
    (r"renewable_share_frac", (*RESOURCE, *LOAD)),
    # by month and by hour
    (r"monthly\.csv#\d+/co2_t", CO2),
    (r"monthly\.csv#\d+/nox_kg", NOX),
    (r"monthly\.csv#\d+/water_m3", WATER),
    (r"monthly\.csv#\d+/gas_mmbtu", BURN),
    (r"monthly\.csv#\d+/(demand|served)_mwh", LOAD),
    (r"monthly\.csv#\d+/\w+_mwh", NOTHING),
    (r"hourly\.nc#(?P<t>\w+)\.co2_t/.*", CO2),
    (r"hourly\.nc#(?P<t>\w+)\.nox_kg/.*", NOX),
    (r"hourly\.nc#(?P<t>\w+)\.water_m3/.*", WATER),
    (r"hourly\.nc#(?P<t>\w+)\.share_frac/.*", RESOURCE),
    (r"hourly\.nc#\w+\.\w+_mw/.*", NOTHING),
    (r"hourly\.nc#(demand_mw|it_mw|pue)/.*", LOAD),
    (r"hourly\.nc#gas_usd_per_mmbtu/.*", GAS_PRICE),
    (r"hourly\.nc#power_usd_per_mwh/.*", POWER_PRICE),
    (r"hourly\.nc#(ghi|temp_air|wind_speed_100m)/.*", NOTHING),
    # what is decided, and what the solver says of itself
    (r"peak_demand_mw|energy_mwh/served", LOAD),
    (r"energy_mwh/\w+|unserved_mwh|gpu_uptime_frac|gap_frac|time_s/total", NOTHING),
    (r"bound_lost_to_online_usd_per_yr", NOTHING),
    (r"table\.csv#\w+/(reoptimised|fixed)\.\w+_(mw|mwh|units)", NOTHING),
)
"""A result's place (or its end, after ``/``, ``#`` or ``.``) -> the inputs it rests on."""
_RULES = [(re.compile(rf"(?:.*[/#.])?(?:{end})"), inputs) for end, inputs in RULES]

_VARIED = re.compile(r"table\.csv#\w+/(?!reoptimised\.|fixed\.|frontier\.).*")
"""In the table of a sweep: what is varied, which is no result."""


class UnknownResultError(LookupError):
    """A result of which it is not said what it rests on."""


@lru_cache(maxsize=4096)
def inputs_of(place: str) -> tuple[str, ...]:
    r"""Return patterns of the inputs that a stored result rests on.

    Parameters
    ----------
    place : str
        As a cell of an exhibit cites it: one place, no sum.

    Raises
    ------
    UnknownResultError
        If no rule is about it: a new result needs one.

    Examples
    --------
    >>> inputs_of("summary.json#land_km2")[1]
    'technologies\\.{t}\\.land_km2_per_\\w+'
    >>> inputs_of("tables/capacity.csv#recip/lead_time_months")
    ('technologies\\.recip\\.lead_time_months',)
    >>> inputs_of("table.csv#0a1b/gas.hub_usd_per_mmbtu")
    ()
    """
    if _VARIED.fullmatch(place):
        return ()
    for pattern, inputs in _RULES:
        found = pattern.fullmatch(place)
        if found is None:
            continue
        named = found.groupdict()
        if own := named.get("own"):
            return (re.escape(own),)
        if part := named.get("part"):
            return tuple(_of_part(part, inputs))
        own_name = named.get("t")
        return tuple(i.replace("{t}", own_name) if own_name else i for i in inputs)
    raise UnknownResultError(place)


def _of_part(part: str, inputs: Iterable[str]) -> Iterator[str]:
    """Yield what a part of capital rests on: a technology, the site, or the gas line."""
    for pattern in inputs:
        if pattern.startswith(r"site\.fixed_capital"):
            name = r"\w+" if part == "site" else re.escape(part)
            yield rf"site\.fixed_capital_usd\.{name}"
        elif pattern.startswith(r"gas\.lateral"):
            if part == "gas_line":
                yield pattern
        else:
            yield pattern.replace("{t}", part)


def is_used(path: str, technologies: Mapping[str, Any]) -> bool:
    """Return whether an input of a technology is read at all, as it is set up.

    Parameters
    ----------
    path : str
        Of an input.
    technologies : mapping
        The case's, by name.
    """
    section, name, *field = [*path.split("."), "", ""]
    technology = technologies.get(name) if section == "technologies" else None
    for start, (switch, wanted) in SWITCHED.items():
        if technology is not None and field[0].startswith(start):
            return getattr(technology, switch, wanted[0]) in wanted
    return True


def rests_on(place: str, paths: Iterable[str], built: Iterable[str]) -> list[str]:
    """Return those of some input paths that a stored result rests on.

    Parameters
    ----------
    place : str
        One or more places with `` + `` between.
    paths : iterable of str
        Of inputs: those of low confidence.
    built : iterable of str
        The technologies that a total is of.

    Returns
    -------
    list of str
    """
    any_built = f"(?:{'|'.join(map(re.escape, built)) or '$^'})"
    found: list[str] = []
    for one in place.split(" + "):
        try:
            patterns = [p.replace("{t}", any_built) for p in inputs_of(one)]
        except UnknownResultError:  # a mark too many is better than one too few
            patterns = [".*"]
        found += [p for p in paths if any(re.fullmatch(x, p) for x in patterns)]
    return list(dict.fromkeys(found))
