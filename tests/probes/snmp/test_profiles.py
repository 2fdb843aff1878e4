"""Profiles as files: what is wrong is said with its place, what is inherited is there, what is hostile is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import inventory.profiles
from inventory.expression import _CALLS, Expression
from inventory.problem import Invalid
from inventory.profile import Extra, Match, Profile, Source, extras, load_profiles, recognise
from inventory.readings import Kind, Metric, Reading, Table, Thresholds
from inventory.sensors import QUANTITIES, Limit, Sensor, State

GENERIC = """
name: generic
read:
  uptime: {oid: 1.3.6.1.2.1.1.3.0, kind: ticks}
metrics:
  uptime: {metric: system.uptime, value: uptime, unit: s}
"""


def folder(tmp_path: Path, **files: str) -> Path:
    for name, text in files.items():
        (tmp_path / f"{name}.yaml").write_text(text.lstrip("\n"))
    return tmp_path


def mistakes(path: Path) -> list[str]:
    with pytest.raises(Invalid) as caught:
        load_profiles(path)
    return [str(problem).removeprefix(f"{path}/") for problem in caught.value.problems]


def test_the_profiles_of_the_product_are_valid() -> None:
    profiles = load_profiles(Path(inventory.profiles.__path__[0]))
    assert {"generic", "net-snmp-linux"} <= profiles.keys()
    assert profiles["generic"].facts["device.serial"][0].where == {"1.3.6.1.2.1.47.1.1.1.1.5": ("3", "11")}
    for profile in profiles.values():
        metrics = [(m.metric, str(m.labels), "") for m in profile.metrics.values()]
        for table in profile.tables.values():
            metrics += [(m.metric, str(m.labels), str(m.keep)) for m in table.metrics.values()]
        assert len(set(metrics)) == len(metrics), f"{profile.name} reports one metric twice"


def test_a_family_inherits_overrides_and_drops(tmp_path: Path) -> None:
    child = """
name: child
extends: generic
without: [uptime]
match: [{sys_object_id: 1.3.6.1.4.1.9.1}]
read:
  load: {oid: 1.3.6.1.4.1.9.2.0}
"""
    profiles = load_profiles(folder(tmp_path, generic=GENERIC, child=child))
    assert set(profiles["child"].read) == {"load"}
    assert profiles["child"].metrics == {}
    assert set(profiles["generic"].metrics) == {"uptime"}


def test_the_longest_object_id_wins_and_a_description_decides(tmp_path: Path) -> None:
    def family(name: str, match: str) -> str:
        return f"name: {name}\nextends: generic\nmatch: [{match}]\n"

    profiles = load_profiles(
        folder(
            tmp_path,
            generic=GENERIC,
            wide=family("wide", "{sys_object_id: 1.3.6.1.4.1.9}"),
            narrow=family("narrow", "{sys_object_id: 1.3.6.1.4.1.9.1}"),
            worded=family("worded", '{sys_object_id: 1.3.6.1.4.1.9.1, sys_descr: "(?i)nx-os"}'),
        )
    )

    def found(object_id: str, descr: str = "") -> str | None:
        profile = recognise(profiles, object_id, descr)
        return profile.name if profile else None

    assert found("1.3.6.1.4.1.9.12") == "wide"
    assert found("1.3.6.1.4.1.9.1.5") == "narrow"
    assert found("1.3.6.1.4.1.9.1", "Cisco NX-OS") == "worded"
    assert found("1.3.6.1.4.1.99") is None
    assert found("") is None


def test_every_mistake_is_said_with_its_place(tmp_path: Path) -> None:
    wrong = """
name: wrong
read:
  load: {oid: 1.3.6.x, kind: gouge}
metrics:
  load: {metric: Load, value: "load +", unit: "1"}
tables:
  port:
    columns: {up: {oid: 1.3.6.1}}
    labels: {port: name}
"""
    said = mistakes(folder(tmp_path, generic=GENERIC, wrong=wrong))
    places = [line.split(" ")[0] for line in said]
    assert places == [
        "wrong.yaml:3:15:",
        "wrong.yaml:3:30:",
        "wrong.yaml:5:18:",
        "wrong.yaml:5:31:",
        "wrong.yaml:8:5:",
    ]
    assert "is no expression" in said[3]
    assert "unknown column 'name'" in said[4]


def test_names_that_no_reading_has_are_said(tmp_path: Path) -> None:
    child = GENERIC.replace("generic", "child").replace("value: uptime", "value: uptine")
    (said,) = mistakes(folder(tmp_path, child=child))
    assert said.startswith("child.yaml:5:42: metrics.uptime: unknown reading 'uptine'")
    assert "uptime" in said


@pytest.mark.parametrize(
    ("base", "words"), [("no-such", "unknown profile 'no-such'"), ("child", "leads in a circle")]
)
def test_an_impossible_base_is_said(tmp_path: Path, base: str, words: str) -> None:
    (said,) = mistakes(folder(tmp_path, generic=GENERIC, child=f"name: child\nextends: {base}\n"))
    assert said.startswith("child.yaml:2:10: extends: ")
    assert words in said


def test_a_profile_is_named_like_its_file(tmp_path: Path) -> None:
    (said,) = mistakes(folder(tmp_path, other=GENERIC))
    assert said.startswith("other.yaml:1:7: name: ")


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|b)*", "a*b*c*", "(x)\\1", "["])
def test_patterns_that_could_take_long_are_refused(tmp_path: Path, pattern: str) -> None:
    text = GENERIC + f"match: [{{sys_object_id: 1.3.6.1, sys_descr: '{pattern}'}}]\n"
    (said,) = mistakes(folder(tmp_path, generic=text))
    assert "sys_descr" in said


def test_everything_that_can_be_written_is_documented() -> None:
    text = Path("docs/profiles.md").read_text()
    models = (Profile, Match, Extra, Source, Table, Metric, Reading, Sensor, Limit, Thresholds)
    keys = {key for model in models for key in model.model_fields}
    words = {*keys, *map(str, Kind), *map(str, State), *QUANTITIES, *_CALLS}
    assert sorted(words - {*re.findall(r"\w+", text)}) == []


def test_facts_states_includes_and_sensors(tmp_path: Path) -> None:
    block = """
name: block
facts: {device.serial: 1.3.6.1.4.1.9.1.0}
sensors:
  fan: {oid: 1.3.6.1.4.1.9.2.1.3, name: 1.3.6.1.4.1.9.2.1.2, states: {1: ok, 2: critical}}
  inlet: {what: temperature, oid: 1.3.6.1.4.1.9.3.0, scale: 0.1, missing: [-1]}
  ram: {what: memory, used: 1.3.6.1.4.1.9.4.0, free: 1.3.6.1.4.1.9.5.0}
"""
    child = """
name: child
extends: generic
include: [block]
match: [{has: {oid: 1.3.6.1.4.1.9.2, like: "^x"}}]
facts: {device.serial: {oid: 1.3.6.1.2.1.1.1.0, find: "SN ([0-9]+)"}}
"""
    profiles = load_profiles(folder(tmp_path, generic=GENERIC, block=block, child=child))
    whole = profiles["child"]
    assert [source.oid for source in whole.facts["device.serial"]] == [
        "1.3.6.1.2.1.1.1.0",
        "1.3.6.1.4.1.9.1.0",
    ]
    assert whole.facts["device.serial"][0].part("a SN 12 b") == "12"
    assert whole.tables["fan"].metrics["value"].metric == "hw.status"
    assert whole.metrics["inlet"].value == "when(inlet_value != (0 - 1), inlet_value * 0.1)"
    assert whole.metrics["ram"].value == "ratio(ram_used, ram_used + ram_free)"
    assert extras(profiles, "", "") == ["1.3.6.1.4.1.9.2"]
    assert recognise(profiles, "", "", {"1.3.6.1.4.1.9.2": "xy"}) is whole
    assert recognise(profiles, "", "", {"1.3.6.1.4.1.9.2": "y"}) is None


@pytest.mark.parametrize(
    ("line", "place", "words"),
    [
        ("sensors: {a: {what: heat, oid: 1.3.6.1.0}}", "6:", "unknown quantity 'heat'"),
        ("sensors: {a: {oid: 1.3.6.1.0}}", "6:", "states"),
        ("sensors: {a: {what: memory, used: 1.3.6.1.0}}", "6:", "two of `used`, `free` and `total`"),
        ("sensors: {a: {oid: 1.3.6.1.0, states: {1: good}}}", "6:", "ok, warning, critical"),
        ("facts: {device.model: {find: x}}", "6:", "wants one of `oid`, `column` and `text`"),
        ("match: [{}]", "6:", "sys_object_id"),
        ("include: [nothing]", "6:", "unknown profile 'nothing'"),
    ],
)
def test_a_mistake_in_the_short_forms_is_said_with_its_place(
    tmp_path: Path, line: str, place: str, words: str
) -> None:
    (said, *_) = mistakes(folder(tmp_path, generic=GENERIC + line + "\n"))
    assert said.startswith(f"generic.yaml:{place}")
    assert words in said


NO_EXPRESSIONS = """
__import__('os')
a.b
a[0]
lambda: 1
a if b else c
'x'
a ** b
max(1)
x()
1 < a < 2
True
[a]
f(a, b)
max(*a)
ratio(a, b, c)
""".splitlines()


@pytest.mark.parametrize("text", [*NO_EXPRESSIONS, "-" * 400 + "1", "(" * 90 + "1" + ")" * 90 + "+"])
def test_only_arithmetic_is_an_expression(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Expression(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a + b * 2 - 1", 6.0),
        ("a / b", 1 / 3),
        ("a / zero", None),
        ("a + missing", None),
        ("first(missing, b)", 3.0),
        ("first(missing, missing)", None),
        ("sum(a, missing, b)", 4.0),
        ("max(missing, a, b)", 3.0),
        ("min(a, b)", 1.0),
        ("when(a == 1, b)", 3.0),
        ("when(a == 2, b)", None),
        ("when(missing == 2, b)", None),
        ("a == 1", 1.0),
        ("a > b", 0.0),
        ("ratio(a, b)", 1 / 3),
        ("ratio(b, a)", 1.0),
        ("ratio(a, zero)", None),
        ("a * 10000000000000000000000 / zero", None),
    ],
)
def test_expressions_compute_and_what_is_missing_stays_missing(text: str, expected: float | None) -> None:
    values = {"a": 1.0, "b": 3.0, "zero": 0.0}
    value = Expression(text)(values)
    assert value == (None if expected is None else pytest.approx(expected))
