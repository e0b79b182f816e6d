"""Reading a case: positions, base, catalogue, ``--set``, faults, the editor's schema."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, model_validator

from energyopt.case import Case
from energyopt.casefile import (
    CaseFile,
    origin_text,
    packaged,
    read_case,
    read_catalogue,
    resolved_yaml,
    values,
)
from energyopt.catalogue import packaged_cases
from energyopt.editor import SCHEMA_FILE, json_schema
from energyopt.errors import CaseError, DataError


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Load(Section):
    facility_mw: float = Field(gt=0)
    for_sale: bool = False
    pue_by_temp_c: list[tuple[float, float]] = []
    price: Literal["flat", "hourly"] | None = None

    @model_validator(mode="after")
    def _rising(self) -> Load:
        if self.pue_by_temp_c != sorted(self.pue_by_temp_c):
            raise ValueError("temperatures, hot ones last, must rise")
        return self


class Year(Section):
    solar_table: str
    weight: float = 1.0


class Engine(Section):
    kind: Literal["engine"] = "engine"
    max_units: int = Field(ge=0)
    capital_usd_per_kw: float = Field(ge=0)
    begins_units: dict[int, int] | None = None
    dual: float | Literal["gas", "diesel"] = "gas"


class Battery(Section):
    kind: Literal["battery"] = "battery"
    max_mw: float


class Little(Section):
    """A small schema with everything in it that a case has."""

    name: str
    title: str = ""
    load: Load
    years: list[Year] = []
    technologies: dict[str, Annotated[Engine | Battery, Field(discriminator="kind")]]
    fixed_capital_usd: dict[str, float] = {}
    limits: Load | None = None


CATALOGUE = """\
name,field,value,low,high,unit,price_year,source,confidence,note
recip,kind,engine,,,,,,,
recip,capital_usd_per_kw,1400,1100,1900,USD/kW,2024,Quote 12,low,"gross, with SCR"
recip,max_units,12,,,1,,Datasheet,high,
hall,pue_by_temp_c,"[[10, 1.1], [40, 1.3]]",,,1,,Vendor,medium,
hall,for_sale,false,,,,,,,
odd,horsepower,3,,,,,Nowhere,low,
odd,max_mw,3,,,,,Nowhere,low,
"""
SOUND = """\
name: little
load:
  facility_mw: 250
technologies:
  recip:
    kind: engine
    max_units: 10
    capital_usd_per_kw: 1.4e3
  battery: {kind: battery, max_mw: 100}
"""


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Write a case to case.yaml in an empty directory and read it."""
    monkeypatch.chdir(tmp_path)
    Path("catalogue.csv").write_text(CATALOGUE, encoding="utf-8")

    def reading(text: str | bytes, *sets: str) -> CaseFile:
        raw = text if isinstance(text, bytes) else text.encode()
        Path("case.yaml").write_bytes(raw)
        catalogue = read_catalogue(Path("catalogue.csv"))
        return read_case("case.yaml", sets, model=Little, catalogue=catalogue)

    return reading


def faults(read: Any, text: str | bytes, *sets: str) -> list[str]:
    with pytest.raises(CaseError) as caught:
        read(text, *sets)
    assert caught.value.exit_code == 3
    return str(caught.value).splitlines()


# What YAML says


def test_numbers_are_those_of_yaml_1_2(read: Any) -> None:
    """1e1 is ten units, 1.4e3 USD/kW is 1,400; YAML 1.1 would read 1e1 as text."""
    text = SOUND.replace("max_units: 10", "max_units: 1e1")
    engine = read(text).case.technologies["recip"]
    assert engine.max_units == 10
    assert isinstance(engine.max_units, int)
    assert engine.capital_usd_per_kw == 1400.0
    assert read(SOUND.replace("250", "1e6")).case.load.facility_mw == 1e6


def test_on_is_a_word_and_so_an_unknown_key(read: Any) -> None:
    """In YAML 1.1 the key would become True."""
    assert faults(read, SOUND + "on: 3\n") == ["case.yaml:10:1: on: unknown key"]


def test_words_and_quoted_numbers_are_no_numbers(read: Any) -> None:
    found = faults(
        read,
        SOUND.replace("250", "'250'").replace("max_mw: 100", "max_mw: true"),
    )
    assert found == [
        "case.yaml:3:3: load.facility_mw: Input should be a valid number (got '250')",
        "case.yaml:9:28: technologies.battery.max_mw: Input should be a valid number "
        "(got true)",
    ]


def test_yes_is_refused_with_what_to_write(read: Any) -> None:
    text = SOUND.replace("  facility_mw: 250", "  facility_mw: 250\n  for_sale: yes")
    assert faults(read, text) == [
        "case.yaml:4:3: load.for_sale: Input should be a valid boolean (got 'yes') - "
        "did you mean 'true'"
    ]


@pytest.mark.parametrize("written", [".inf", "-.inf", ".nan", "1e999"])
def test_numbers_that_are_not_finite_are_refused_once(read: Any, written: str) -> None:
    assert faults(read, SOUND.replace("250", written)) == [
        f"case.yaml:3:3: load.facility_mw: must be a finite number (got {written})"
    ]


def test_a_date_stays_text(read: Any) -> None:
    assert read(SOUND + "title: 2025-01-01\n").case.title == "2025-01-01"


def test_anchors_are_followed(read: Any) -> None:
    text = SOUND.replace("250", "&size 250").replace("max_mw: 100", "max_mw: *size")
    assert read(text).case.technologies["battery"].max_mw == 250


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "1:1: is empty"),
        ("# only a comment\n", "1:1: is empty"),
        ("- a\n- b\n", "1:1: must be a mapping (key: value)"),
        ("250\n", "1:1: must be a mapping (key: value)"),
        ("a:\n\tb: 1\n", "2:1: not valid YAML: tabs cannot indent; use spaces"),
        ("a: b: c\n", "1:5: not valid YAML: mapping values are not allowed here"),
        ("a: 1\n---\nb: 2\n", "2:1: not valid YAML: expected a single document in the"),
        ("a: *nowhere\n", "1:4: not valid YAML: found undefined alias 'nowhere'"),
        ("ab: \x01\n", "1:5: not valid YAML: unacceptable character #x0001"),
        (b"a: 1\nbc: \xff\n", "2:5: not UTF-8 (byte 0xff)"),
        ("%YAML 1.1\n---\na: on\n", "1:1: case files are YAML 1.2 (got 1.1)"),
        ("[" * 700 + "]" * 700, "1:1: not valid YAML: nested too deeply"),
    ],
)
def test_a_text_that_is_no_case_gives_one_line_with_its_place(
    read: Any, text: str | bytes, fault: str
) -> None:
    (found,) = faults(read, text)
    assert found.startswith(f"case.yaml:{fault}")


def test_a_missing_file_names_one_that_is_there(read: Any) -> None:
    read(SOUND)
    with pytest.raises(CaseError) as caught:
        read_case("csae.yaml", model=Little, catalogue={})
    assert str(caught.value) == "csae.yaml: no such file - did you mean 'case.yaml'"


def test_a_directory_is_no_case(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="cannot be read: Is a directory"):
        read_case(tmp_path, model=Little, catalogue={})


def test_duplicate_keys_are_refused_and_name_the_first(read: Any) -> None:
    text = SOUND + "  recip: {kind: battery, max_mw: 1}\nname: again\n"
    assert faults(read, text) == [
        "case.yaml:10:3: technologies.recip: duplicate key, first at case.yaml:5:3",
        "case.yaml:11:1: name: duplicate key, first at case.yaml:1:1",
    ]


def test_tags_merge_keys_and_self_reference_are_refused(read: Any) -> None:
    text = SOUND + "title: !python x\nlimits: {<<: {facility_mw: 1}, facility_mw: 2}\n"
    text += "fixed_capital_usd: &me {a: *me}\n"
    found = faults(read, text)
    assert found[0] == "case.yaml:10:1: title: tags are not allowed (got !python)"
    assert found[1].startswith(
        "case.yaml:11:10: limits.<<: merge keys are not YAML 1.2"
    )
    assert found[2] == "case.yaml:12:25: fixed_capital_usd.a: holds itself"
    assert len(found) == 3


# Faults


def test_all_faults_come_at_once_one_line_each_in_order(read: Any) -> None:
    """Pydantic's tag of the union (engine) stands in no path and no place."""
    text = """\
name: little
load:
  faclity_mw: 250
  pue_by_temp_c: [[10, 1.1], [40, hot]]
  price: falt
years:
  - solar_table: a.csv
  - wieght: 2
technologies:
  recip:
    kind: engine
    max_units: 2.5
    capital_usd_per_kw: -1
  store: {kind: batery}
  none:
  bare: {max_mw: 3}
"""
    assert faults(read, text) == [
        "case.yaml:3:3: load.faclity_mw: unknown key - did you mean 'facility_mw'",
        "case.yaml:4:35: load.pue_by_temp_c[1][1]: Input should be a valid number "
        "(got 'hot')",
        "case.yaml:5:3: load.price: Input should be 'flat' or 'hourly' (got 'falt') - "
        "did you mean 'flat'",
        "case.yaml:8:5: years[1].wieght: unknown key - did you mean 'weight'",
        "case.yaml:8:5: years[1].solar_table: missing",
        "case.yaml:12:5: technologies.recip.max_units: Input should be a valid integer "
        "(got 2.5)",
        "case.yaml:13:5: technologies.recip.capital_usd_per_kw: Input should be greater "
        "than or equal to 0 (got -1)",
        "case.yaml:14:11: technologies.store.kind: one of engine, battery "
        "(got 'batery') - did you mean 'battery'",
        "case.yaml:15:3: technologies.none: must be a section (key: value) (got null)",
        "case.yaml:16:3: technologies.bare.kind: missing; one of engine, battery",
    ]


def test_a_key_of_another_section_is_named_with_its_path(read: Any) -> None:
    (found,) = faults(read, SOUND + "facility_mw: 3\n")
    assert found == "case.yaml:10:1: facility_mw: unknown key - did you mean " + (
        "'load.facility_mw'"
    )


def test_a_technology_named_like_its_kind_is_placed_exactly(read: Any) -> None:
    """The first 'battery' is the user's name, pydantic's second one is the kind."""
    text = SOUND.replace("max_mw: 100", "max_mw: 100, battery: 3")
    assert faults(read, text) == [
        "case.yaml:9:41: technologies.battery.battery: unknown key"
    ]


def test_the_branches_of_a_plain_union_are_one_fault(read: Any) -> None:
    text = SOUND.replace("max_units: 10", "max_units: 10\n    dual: [1]")
    (found,) = faults(read, text)
    assert found.startswith("case.yaml:8:5: technologies.recip.dual: Input should be")
    assert "; or " in found
    assert found.endswith("(got [1])")


def test_a_rule_across_fields_keeps_its_whole_sentence(read: Any) -> None:
    text = SOUND.replace("250", "250\n  pue_by_temp_c: [[40, 1.3], [10, 1.1]]")
    assert faults(read, text) == [
        "case.yaml:2:1: load: temperatures, hot ones last, must rise"
    ]


def test_a_section_missing_at_the_top_is_shown_at_the_top(read: Any) -> None:
    assert faults(read, "name: little\ntechnologies: {}\n") == [
        "case.yaml:1:1: load: missing"
    ]


def test_integer_keys_are_read(read: Any) -> None:
    text = SOUND.replace("max_units: 10", "max_units: 10\n    begins_units: {3: 1}")
    casefile = read(text)
    assert casefile.case.technologies["recip"].begins_units == {3: 1}
    assert casefile.origins["technologies.recip.begins_units.3"].text == "case.yaml:8"


# --set


def test_set_changes_a_value_and_is_its_origin(read: Any) -> None:
    casefile = read(SOUND, "load.facility_mw=3e2", "limits.facility_mw=1", "title=a=b")
    assert casefile.case.load.facility_mw == 300
    assert casefile.case.limits.facility_mw == 1
    assert casefile.case.title == "a=b"
    assert casefile.origins["load.facility_mw"].kind == "set"
    assert casefile.origins["load.facility_mw"].text == "--set load.facility_mw=3e2"
    assert casefile.sets[0] == "load.facility_mw=3e2"


def test_the_last_set_wins(read: Any) -> None:
    assert read(SOUND, "load.facility_mw=1", "load.facility_mw=2").case.load == Load(
        facility_mw=2
    )


def test_set_reaches_into_lists_and_takes_mappings(read: Any) -> None:
    text = SOUND + "years:\n  - solar_table: a.csv\n"
    casefile = read(
        text,
        "years[0].weight=2",
        "technologies.small={kind: battery, max_mw: 1}",
        "technologies.large.kind=battery",
        "technologies.large.max_mw=9",
        "fixed_capital_usd.road=1e6",
    )
    assert casefile.case.years[0] == Year(solar_table="a.csv", weight=2)
    assert casefile.case.technologies["small"].max_mw == 1
    assert casefile.case.technologies["large"].max_mw == 9
    assert casefile.case.fixed_capital_usd == {"road": 1e6}


def test_set_to_null_removes_a_technology_but_is_a_value_elsewhere(read: Any) -> None:
    casefile = read(
        SOUND + "limits: {facility_mw: 1}\n", "technologies.battery=null", "limits=null"
    )
    assert list(casefile.case.technologies) == ["recip"]
    assert casefile.case.limits is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("load.facility_mw", "must be path=value, such as load.facility_mw=300"),
        ("=3", "must be path=value, such as load.facility_mw=300"),
        ("load..x=3", "must be path=value, such as load.facility_mw=300"),
        ("lod.facility_mw=3", "lod: unknown key - did you mean 'load'"),
        ("load.facility=3", "unknown key - did you mean 'facility_mw'"),
        ("load.fac=3", "unknown key"),
        ("facility_mw=3", "unknown key - did you mean 'load.facility_mw'"),
        ("load.facility_mw=-3", "Input should be greater than 0 (got -3)"),
        ("load.facility_mw=.inf", "must be a finite number (got .inf)"),
        ("load.facility_mw.x=3", "load.facility_mw is not a section"),
        ("load.facility_mw[0]=3", "load.facility_mw is not a list in the case; set it"),
        ("years[1].weight=3", "years ends at [0]"),
        ("years[0]=null", "must be a section (key: value) (got null)"),
        (
            "technologies.recpi.max_units=3",
            "there is no technologies.recpi - did you mean 'technologies.recip'",
        ),
        (
            "technologies.batery=null",
            "there is no technologies.batery to remove - did you mean "
            "'technologies.battery'",
        ),
        ("load=[1", "not valid YAML: while parsing a flow sequence expected"),
        ("load={a: 1, a: 2}", "a: duplicate key"),
        ("base=other.yaml", "unknown key; base stands at the top of a case file"),
    ],
)
def test_a_wrong_set_is_one_line_that_says_what_was_meant(
    read: Any, text: str, fault: str
) -> None:
    sound = SOUND + "years:\n  - solar_table: a.csv\n"
    (found,) = faults(read, sound, text)
    assert found.startswith(f"--set {text}: {fault}")


def test_null_puts_no_item_of_a_list_away(read: Any) -> None:
    text = "name: little\nload: {facility_mw: 1}\ntechnologies: [a]\n"
    assert faults(read, text, "technologies[0]=null") == [
        "case.yaml:3:1: technologies: must be a section (key: value) (got [null])"
    ]


def test_faults_of_the_file_come_before_those_of_sets(read: Any) -> None:
    found = faults(read, SOUND.replace("250", "x"), "lod=3", "years={}")
    assert [line.split(": ")[0] for line in found] == [
        "case.yaml:3:3",
        "--set lod=3",
        "--set years={}",
    ]


# The catalogue

FROM = """\
name: little
load:
  from: hall
  facility_mw: 250
technologies:
  recip:
    from: recip
    max_units: 4
"""


def test_from_takes_what_the_case_does_not_say(read: Any) -> None:
    """4 units as written; the catalogue's 12 would be a key that did not win."""
    casefile = read(FROM)
    engine = casefile.case.technologies["recip"]
    assert (engine.max_units, engine.capital_usd_per_kw) == (4, 1400)
    assert casefile.case.load.pue_by_temp_c == [(10, 1.1), (40, 1.3)]
    origin = casefile.origins["technologies.recip.capital_usd_per_kw"]
    assert (origin.kind, origin.text, origin.confidence) == (
        "catalogue",
        "Quote 12",
        "low",
    )
    assert (origin.low, origin.high, origin.unit) == (1100, 1900, "USD/kW")
    assert origin.price_year == 2024
    assert origin_text(origin) == (
        "Quote 12; range 1,100 to 1,900 USD/kW; 2024 dollars; LOW CONFIDENCE; "
        "gross, with SCR"
    )
    assert casefile.origins["technologies.recip.max_units"].text == "case.yaml:8"
    assert casefile.origins["technologies.recip.dual"].kind == "default"


def test_set_may_change_from_and_wins_over_it(read: Any) -> None:
    capital = "technologies.recip.capital_usd_per_kw=900"
    casefile = read(FROM, "technologies.more.from=recip", capital)
    assert casefile.case.technologies["more"].max_units == 12
    assert casefile.case.technologies["recip"].capital_usd_per_kw == 900


def test_an_unknown_entry_is_one_fault_with_its_place(read: Any) -> None:
    """Not one for each field that it would have given."""
    assert faults(read, FROM.replace("from: recip", "from: recpi")) == [
        "case.yaml:7:5: technologies.recip.from: no such entry in the catalogue "
        "(got 'recpi') - did you mean 'recip'"
    ]


def test_an_entry_of_another_kind_or_shape_is_refused(read: Any) -> None:
    text = FROM.replace("    max_units: 4", "    kind: battery")
    assert faults(read, text) == [
        "case.yaml:7:5: technologies.recip.from: 'recip' is of kind engine, not battery"
    ]
    text = FROM.replace("from: recip\n    max_units: 4", "from: odd\n    kind: battery")
    assert faults(read, text) == [
        "case.yaml:7:5: technologies.recip.horsepower: unknown key (from the catalogue)"
    ]


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("x,a,1,,,,,,sure,", "confidence is low, medium or high (got 'sure')"),
        ("x,a,1e999,,,,,,,", "a figure must be finite (got inf)"),
        ("x,a,1,lots,,,,,,", "could not convert string to float: 'lots'"),
        ("recip,kind,engine,,,,,,,", "recip.kind is there twice"),
    ],
)
def test_a_wrong_row_of_the_catalogue_is_named(
    tmp_path: Path, row: str, fault: str
) -> None:
    path = tmp_path / "catalogue.csv"
    path.write_text(f"{CATALOGUE}{row}\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_catalogue(path)
    assert str(caught.value) == f"{path}:9: {fault}"


def test_a_catalogue_without_a_column_or_a_file_is_a_data_error(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.csv"
    with pytest.raises(DataError, match="cannot be read"):
        read_catalogue(path)
    path.write_text("name,field,value\n", encoding="utf-8")
    with pytest.raises(DataError, match="no column confidence, high"):
        read_catalogue(path)


# Base


def test_a_sensitivity_says_only_what_differs(read: Any) -> None:
    Path("base.yaml").write_text(SOUND + "title: Of the base\n", encoding="utf-8")
    casefile = read(
        """\
base: base.yaml
name: other
technologies:
  recip: {max_units: 3}
  battery: null
"""
    )
    case = casefile.case
    assert (case.name, case.title) == ("other", "")
    assert list(case.technologies) == ["recip"]
    assert case.technologies["recip"] == Engine(max_units=3, capital_usd_per_kw=1400)
    assert casefile.origins["load.facility_mw"].text == "base.yaml:3"
    assert casefile.origins["technologies.recip.max_units"].text == "case.yaml:4"


def test_a_sensitivity_may_have_a_base_with_a_base(read: Any) -> None:
    Path("one.yaml").write_text(SOUND, encoding="utf-8")
    Path("two.yaml").write_text("base: one.yaml\nname: b\nload: {facility_mw: 2}\n")
    assert read("base: two.yaml\nname: c\n").case.load.facility_mw == 2


def test_a_sensitivity_needs_a_name_of_its_own(read: Any) -> None:
    Path("base.yaml").write_text(SOUND, encoding="utf-8")
    assert faults(read, "base: base.yaml\n") == ["case.yaml:1:1: name: missing"]


def test_another_kind_replaces_the_whole_technology(read: Any) -> None:
    """Laid key by key over the engine, the battery would have max_units left in it."""
    Path("base.yaml").write_text(SOUND, encoding="utf-8")
    text = (
        "base: base.yaml\nname: b\ntechnologies: {recip: {kind: battery, max_mw: 5}}\n"
    )
    assert read(text).case.technologies["recip"] == Battery(max_mw=5)


def test_a_kind_that_is_no_word_is_a_fault_over_a_base_too(read: Any) -> None:
    Path("base.yaml").write_text(SOUND, encoding="utf-8")
    text = "base: base.yaml\nname: b\ntechnologies: {recip: {kind: {a: 1}}}\n"
    (found,) = faults(read, text)
    assert found.startswith("case.yaml:3:24: technologies.recip.kind: one of engine")


def test_faults_of_base_and_case_name_their_files(read: Any) -> None:
    Path("base.yaml").write_text(SOUND.replace("250", "x"), encoding="utf-8")
    text = "base: base.yaml\nname: b\ntechnologies: {batery: null}\ntitel: x\n"
    assert faults(read, text) == [
        "case.yaml:3:16: technologies.batery: is not in the base, so it cannot be "
        "removed - did you mean 'battery'",
        "case.yaml:4:1: titel: unknown key - did you mean 'title'",
        "base.yaml:3:3: load.facility_mw: Input should be a valid number (got 'x')",
    ]


@pytest.mark.parametrize(
    ("base", "fault"),
    [
        ("bsae.yaml", "no such file (got 'bsae.yaml') - did you mean 'base.yaml'"),
        ("case.yaml", "leads back to itself (got 'case.yaml')"),
        (
            "builtin:nothing-alike",
            "no such packaged case (got 'builtin:nothing-alike')",
        ),
        ("3", "names a case file, or builtin:NAME"),
    ],
)
def test_a_wrong_base_is_one_line(read: Any, base: str, fault: str) -> None:
    Path("base.yaml").write_text(SOUND, encoding="utf-8")
    assert faults(read, f"name: b\nbase: {base}\n") == [f"case.yaml:2:1: base: {fault}"]


def test_tables_of_a_base_elsewhere_are_found_from_the_case(read: Any) -> None:
    years = "years: [{solar_table: sun.csv}, {solar_table: 'builtin:sun'}]\n"
    Path("lib").mkdir()
    Path("lib/base.yaml").write_text(SOUND + years, encoding="utf-8")
    casefile = read("base: lib/base.yaml\nname: b\n")
    tables = [year.solar_table for year in casefile.case.years]
    assert tables == ["lib/sun.csv", "builtin:sun"]


# What comes out


def test_resolved_yaml_reads_back_as_the_same_case(read: Any) -> None:
    text = FROM + "years: [{solar_table: 'on'}, {solar_table: '12:30', weight: 1e-7}]\n"
    casefile = read(text, "title='# no: comment'")
    shown = resolved_yaml(casefile)
    again = read(shown)
    assert again.case == casefile.case
    assert again.resolved == casefile.resolved
    (line,) = [text for text in shown.splitlines() if "capital_usd_per_kw" in text]
    assert re.fullmatch(r" +capital_usd_per_kw: 1400.0 +# Quote 12; .*", line)
    assert "LOW CONFIDENCE" in line
    assert re.search(r"(?m)^ +weight: 1.0 +# default$", shown)
    assert re.search(r"(?m)^limits: null +# default$", shown)


def test_every_value_has_an_origin(read: Any) -> None:
    casefile = read(FROM + "years: [{solar_table: a}]\n")
    assert values(casefile).keys() == casefile.origins.keys()
    assert values(casefile)["years[0].weight"] == 1.0
    assert json.loads(json.dumps(casefile.resolved)) == casefile.resolved


# The editor's schema


def fits(value: Any, shape: Any, root: Any) -> bool:
    """Whether a value is valid, in the few words of draft 7 that the schema uses."""
    if shape is True or shape == {}:
        return True
    if "$ref" in shape:
        assert shape.keys() == {"$ref"}, "draft 7 ignores what stands beside $ref"
        name = shape["$ref"].removeprefix("#/definitions/")
        return fits(value, root["definitions"][name], root)
    types = {
        "object": dict,
        "array": list,
        "string": str,
        "number": (int, float),
        "integer": int,
        "boolean": bool,
        "null": type(None),
    }
    good = isinstance(value, types[shape["type"]]) if "type" in shape else True
    good &= value == shape.get("const", value) and value in shape.get("enum", [value])
    if "if" in shape:
        then = "then" if fits(value, shape["if"], root) else "else"
        good &= fits(value, shape[then], root)
    if "anyOf" in shape:
        good &= any(fits(value, s, root) for s in shape["anyOf"])
    good &= all(fits(value, s, root) for s in shape.get("allOf", []))
    if isinstance(value, int | float) and not isinstance(value, bool):
        good &= value >= shape.get("minimum", value)
        good &= value <= shape.get("maximum", value)
    if isinstance(value, dict):
        good &= set(shape.get("required", [])) <= value.keys()
        more = shape.get("additionalProperties", True)
        patterns = shape.get("patternProperties", {})
        for key, child in value.items():
            matching = [s for p, s in patterns.items() if re.search(p, key)]
            known = (
                [shape["properties"][key]] if key in shape.get("properties", {}) else []
            )
            shapes = known + matching or [more]
            good &= all(s is not False and fits(child, s, root) for s in shapes)
    if isinstance(value, list):
        items = shape.get("items", True)
        each = items if isinstance(items, list) else [items] * len(value)
        good &= len(value) == len(each)
        good &= all(fits(v, s, root) for v, s in zip(value, each, strict=False))
    return good


def plain(text: str) -> Any:
    from ruamel.yaml import YAML

    return YAML(typ="safe", pure=True).load(text)


def test_the_schema_takes_what_the_reader_takes_and_refuses_the_rest() -> None:
    shape = json_schema(Little, ["recip", "hall"])
    override = (
        "base: a.yaml\nname: b\ntechnologies: {recip: {max_units: 3}, battery: null}\n"
    )
    for good in (SOUND, FROM, override):
        assert fits(plain(good), shape, shape), good
    for bad in (
        SOUND.replace("facility_mw", "faclity_mw"),
        SOUND.replace("kind: engine\n", "kind: engin\n"),
        SOUND.replace("    kind: engine\n", ""),
        SOUND.replace("  facility_mw: 250", "  for_sale: true"),
        SOUND.replace("250", "lots"),
        FROM.replace("from: recip", "from: recpi"),
        override.replace("name: b\n", ""),
        override.replace("max_units", "max_unit"),
        override.replace("base: a.yaml\n", ""),
    ):
        assert not fits(plain(bad), shape, shape), bad


def test_the_schema_is_draft_7_and_names_units() -> None:
    text = json.dumps(json_schema(Case, []))
    assert json.loads(text)["$schema"] == "http://json-schema.org/draft-07/schema#"
    for newer in ("$defs", "prefixItems", "unevaluatedProperties", "discriminator"):
        assert f'"{newer}"' not in text
    site = json_schema(Case, [])["definitions"]["Site"]["properties"]
    assert site["elevation_m"]["description"].endswith("[m]")
    assert site["design_temp_c"]["description"].endswith("[degC]")


@pytest.fixture(scope="module")
def shape() -> Any:
    return json_schema()


def test_the_committed_schema_is_the_one_that_the_code_makes(shape: Any) -> None:
    """If not: energyopt schema --write cases."""
    path = packaged("cases", SCHEMA_FILE)
    assert path.read_text(encoding="utf-8") == json.dumps(shape, indent=2) + "\n"


@pytest.mark.parametrize("path", packaged_cases(), ids=lambda path: path.stem)
def test_shipped_cases_are_valid_here_and_in_an_editor(path: Path, shape: Any) -> None:
    casefile = read_case(path)
    assert fits(plain(path.read_text(encoding="utf-8")), shape, shape)
    unnamed = [
        path
        for path, origin in casefile.origins.items()
        if origin.kind == "catalogue" and not origin.text
    ]
    assert not unnamed, "every figure of the catalogue names its source"
