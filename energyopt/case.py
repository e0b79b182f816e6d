"""The case: what a YAML file may say, with bounds; no equations.

Reading the file, with its line numbers, is :mod:`energyopt.casefile`'s.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from energyopt.technologies import AnyTechnology

Fraction = Annotated[float, Field(ge=0, le=1)]
Amount = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(gt=0)]


class Section(BaseModel):
    """One part of a case; unknown keys are refused."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False
    )


class Site(Section):
    """Where the plant stands."""

    latitude_deg: float = Field(ge=-66, le=66)
    longitude_deg: float = Field(ge=-180, le=180)
    elevation_m: float = Field(ge=-100, le=4500)
    """Of the plant; weather is corrected from its own cell's elevation to this."""
    utc_offset_h: int = Field(ge=-12, le=14)
    """Local standard time less UTC, without daylight saving."""
    design_temp_c: float = Field(ge=-20, le=60)
    """Dry bulb at which the facility's gross demand and N+k are stated."""
    design_wet_bulb_c: float = Field(ge=-20, le=40)
    """Wet bulb that goes with the design temperature."""
    power_by_months: float | None = Field(default=None, gt=0)
    """Leaves out what cannot arrive by then; ``null`` leaves out nothing."""
    fixed_capital_usd: dict[str, Amount] = Field(default_factory=dict)
    """Direct cost of what every plant on this site needs, by name (substation, ...)."""


class WeatherYear(Section):
    """One year of hourly weather."""

    solar_table: str
    """``builtin:NAME`` or a CSV path relative to the case file."""
    wind_table: str | None = None
    """Hub-height winds, where they come from another table."""
    weight: Share = 1.0
    """Relative weight among the years."""


class Weather(Section):
    """The weather years, sized together."""

    years: list[WeatherYear] = Field(min_length=1)
    wind_speed_scale: float = Field(default=1.0, gt=0.5, lt=2)
    """Multiplies every wind speed: an assumption, shown wherever wind is."""


class Power(Section):
    """Hourly power prices; a flat one needs no table."""

    table: str | None = None
    column: str | None = None
    """The settlement point at which the load buys."""
    export_column: str | None = None
    """The hub at which exports are sold; without it, ``column``."""
    basis: Literal["implied_heat_rate", "historical", "flat"] = "implied_heat_rate"
    """``implied_heat_rate``: the year's price over that day's gas, times the planning
    gas price. ``historical``: as they were, with that year's own daily gas (plus
    basis and transport). ``flat``: ``flat_usd_per_mwh`` in each hour."""
    gas_table: str | None = None
    """Daily gas of the same year, for the first two."""
    flat_usd_per_mwh: float | None = None

    @model_validator(mode="after")
    def _complete(self) -> Power:
        if self.basis == "flat" and self.flat_usd_per_mwh is None:
            raise ValueError("a flat price needs flat_usd_per_mwh")
        if self.basis != "flat":
            for name in ("table", "column", "gas_table"):
                if getattr(self, name) is None:
                    raise ValueError(f"basis {self.basis} needs {name}")
        return self


class Prices(Section):
    """What is bought and sold at a price."""

    year: int = Field(ge=2000, le=2100)
    """All money is in real dollars of this year."""
    power: Power
    co2_usd_per_t: Amount = 0.0
    nox_usd_per_t: Amount = 0.0
    water_usd_per_m3: Amount = 0.0


class GasSupply(Section):
    """The gas line: price at the plant, and what the lateral costs and carries."""

    hub_usd_per_mmbtu: float = Field(ge=0, le=50)
    basis_usd_per_mmbtu: float = Field(ge=-10, le=10)
    """Local hub less Henry Hub."""
    transport_usd_per_mmbtu: float = Field(default=0, ge=0, le=5)
    fuel_loss_frac: Annotated[float, Field(ge=0, le=0.2)] = 0.0
    """Gas kept by the pipeline; the plant pays for it."""
    lateral_usd: Amount = 0.0
    lateral_life_yr: Share = 40.0
    lateral_mmbtu_per_h: Share | None = None
    """What the lateral can carry; ``null``: more than any plant here burns."""


class Load(Section):
    """The data center."""

    facility_mw: Share
    """Gross demand at the design temperature, IT and cooling together."""
    pue_by_temp_c: list[tuple[float, Annotated[float, Field(ge=1, le=3)]]] = Field(
        min_length=1
    )
    """Pairs of dry bulb and PUE; straight lines between, the ends go on level."""
    utilization_frac: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Mean IT power over what the facility's gross demand leaves for IT."""
    lost_compute_usd_per_mwh: Share
    """Value of a MWh (facility) that the GPUs do not get."""
    for_sale: bool = False
    """Whether load may be shed for a price. Otherwise lost compute is valued above
    every price in the year, so that it never is."""
    kw_per_gpu: Share = 2.4
    """Facility power per GPU, for figures per GPU-hour."""
    restart_h: Amount = 0.0
    """Until jobs that lost their power are where they were; only in sampled outages."""

    @model_validator(mode="after")
    def _rising(self) -> Load:
        temps = [t for t, _ in self.pue_by_temp_c]
        if temps != sorted(set(temps)):
            raise ValueError("pue_by_temp_c: temperatures must rise")
        return self


class HorizonSpec(Section):
    """Which hours are modelled."""

    kind: Literal["year", "weeks"] = "year"
    """``weeks``: a few representative weeks. A DRAFT, marked so everywhere."""
    weeks: int = Field(default=4, ge=1, le=26)
    """How many, besides the hottest one."""


class Contingencies(Section):
    """Which losses the plant rides through without shedding load."""

    unit: bool = True
    """Loss of one online unit, of every type."""
    grid: bool = True
    """Loss of the grid import."""
    battery_block: bool = True
    """Loss of one battery block."""
    against: Literal["installed", "online"] = "installed"
    """Reserve for one unit of each type installed (default), or only of the types
    online in the hour: cheaper, slower to prove."""
    hold_h: float = Field(default=0.25, gt=0, le=1)
    """How long the at-once resources carry the load; units that start within it
    count for the rest of the repair."""
    shed_allowance_mwh: Amount = 0.0
    """Load that one contingency may shed before the answer fails verification."""
    min_synchronous_units: int = Field(default=0, ge=0)
    min_grid_forming_mw: Amount = 0.0
    battery_swing_mw: Amount = 0.0
    """Battery power kept for load swings, outside the reserve and the dispatch."""


class Reliability(Section):
    """Installed margin, and the uptime that sampled outages must leave."""

    n_plus: int | None = Field(default=None, ge=0, le=5)
    """Largest units lost at the design temperature; ``null``: no such rule."""
    units_in_maintenance: int = Field(default=1, ge=0, le=2)
    """Further units out at the same time."""
    gpu_uptime_frac: float | None = Field(default=None, gt=0, lt=1)
    """Least share of GPU energy served in sampled years of outages; the plant is sized,
    sampled and sized again until that is shown. ``null``: no such target."""
    common_causes: bool = True
    """Whether the target counts what takes several elements at once (``outages``)."""
    confidence_frac: float = Field(default=0.95, ge=0.5, le=0.999)
    """Of the interval whose lower end must reach the target."""
    uptime_years: int = Field(default=2000, ge=100, le=1_000_000)
    """Years that each round samples."""
    uptime_rounds: int = Field(default=8, ge=1, le=30)
    """At most so many plants are sampled."""


class Outages(Section):
    """What takes several elements of the plant at once; only in the sampled years.

    Each is as likely in any hour, but for cold spells, and lasts exponentially.
    """

    gas_line_events_per_yr: Amount = 0.0
    """Curtailments of the gas line: every unit on gas is without it."""
    gas_line_h: Share = 24.0
    """Mean length of one."""
    switchyard_events_per_yr: Amount = 0.0
    """Failures through which nothing reaches the load."""
    switchyard_h: Share = 8.0
    """Mean length of one."""
    cold_spells_per_yr: Amount = 0.0
    """Spells that take units, gas and grid together."""
    cold_spell_h: Share = 72.0
    """Mean length of one."""
    cold_spell_months: list[Annotated[int, Field(ge=1, le=12)]] = Field(
        default=[12, 1, 2], min_length=1
    )
    """Months of local time in which a spell may begin."""
    cold_spell_units_frac: Fraction = 0.0
    """Power of every type of unit that freezes."""
    cold_spell_gas_frac: Fraction = 0.0
    """Gas that does not come, of the most that the plan burns in an hour."""
    cold_spell_grid_frac: Fraction = 0.0
    """Size of the connection that may not be used."""


class Limits(Section):
    """Yearly limits; ``null`` is none.

    Each holds in every weather year, or on their mean with ``mean_of_years``.
    """

    co2_t_per_yr: Amount | None = None
    nox_t_per_yr: Amount | None = None
    water_m3_per_yr: Amount | None = None
    land_km2: Amount | None = None
    capital_usd: Amount | None = None
    """All-in: owner's cost, contingency and interest included."""
    renewable_share_frac: Fraction | None = None
    """Sun and wind less exports and storage losses, over energy served."""
    gpu_served_frac: Annotated[float, Field(ge=0, le=1)] = 0.999
    """Floor on GPU energy served in the dispatched year, before outages."""
    mean_of_years: bool = False


class Finance(Section):
    """The cost of money and the costs that follow capital."""

    wacc_nominal_frac: float = Field(ge=0, le=0.5)
    inflation_frac: float = Field(ge=-0.05, le=0.5)
    term_years: Share = 20.0
    """No capital is recovered over longer than this."""
    owners_cost_frac: Fraction = 0.0
    contingency_frac: Fraction = 0.0
    construction_months: Amount = 0.0
    """Money is spent evenly over it; interest at the nominal rate."""


class Solve(Section):
    """How the model is solved."""

    method: Literal["auto", "decomposed", "monolithic"] = "auto"
    gap_frac: Annotated[float, Field(gt=0, lt=1)] = 1e-3
    time_limit_s: Share = 600.0
    threads: int = Field(default=0, ge=0, le=256)
    """0: as many as there are cores."""
    seed: int = Field(default=0, ge=0)


class Case(Section):
    """One plant to size."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=64)
    title: str = ""
    site: Site
    weather: Weather
    prices: Prices
    gas: GasSupply
    load: Load
    technologies: dict[
        Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], AnyTechnology
    ] = Field(min_length=1)
    finance: Finance
    horizon: HorizonSpec = HorizonSpec()
    contingencies: Contingencies | None = Contingencies()
    reliability: Reliability = Reliability()
    outages: Outages = Outages()
    limits: Limits = Limits()
    solve: Solve = Solve()

    @property
    def draft(self) -> bool:
        """Whether the answer stands on a few weeks instead of every hour."""
        return self.horizon.kind != "year"

    def in_time(self) -> Case:
        """Return the case without the technologies that arrive after ``power_by_months``."""
        by = self.site.power_by_months
        if by is None:
            return self
        kept: dict[str, Any] = {
            name: tech
            for name, tech in self.technologies.items()
            if tech.lead_time_months <= by
        }
        return self.model_copy(update={"technologies": kept})
