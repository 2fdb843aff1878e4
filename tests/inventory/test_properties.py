"""Whatever the bytes are, reading ends in a value or in a list of mistakes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inventory import yamltree
from inventory.document import Invalid, read
from inventory.loader import load_inventory
from inventory.problem import Problem
from tests.inventory.traits import PROBES

QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

SIGNS = st.text(alphabet=st.sampled_from("ab: -[]{},'\"\n#&*!|>%@`?\t0159.\\<~é\u202e\x1b"), max_size=60)
WORDS = st.sampled_from(
    [
        "sites",
        "credentials",
        "defaults",
        "roles",
        "provinces",
        "province",
        "42",
        "tags",
        "devices",
        "owner",
        "address",
        "role",
        "checks",
        "probe",
        "interval",
        "timeout",
        "enabled",
        "parent",
        "parents",
        "router",
        "server",
        "18073",
        "ttdl",
        "name",
        "kind",
        "snmp",
        "icmp",
        "tcp",
        "port",
        "192.0.2.1",
        "30s",
        "null",
        "true",
        "5",
        "title",
        "behind",
        "file",
        "location",
    ]
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), WORDS, st.text(max_size=20)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(WORDS, inner, max_size=5)),
    max_leaves=25,
)


def loads_or_says_why(path: Path) -> None:
    try:
        load_inventory(path, PROBES)
    except Invalid as refusal:
        assert refusal.problems
        assert all(problem.file.endswith("any.yaml") for problem in refusal.problems)
        str(refusal).encode()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "any.yaml"


@QUICK
@given(raw=st.binary(max_size=200))
def test_no_bytes_crash_the_loader(path: Path, raw: bytes) -> None:
    path.write_bytes(raw)
    loads_or_says_why(path)


@QUICK
@given(text=SIGNS)
def test_no_punctuation_crashes_the_loader(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", errors="replace")
    loads_or_says_why(path)


@QUICK
@given(value=VALUES)
def test_no_structure_crashes_the_loader(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")
    loads_or_says_why(path)


@QUICK
@given(sites=st.dictionaries(WORDS, st.dictionaries(WORDS, VALUES, max_size=6), max_size=4))
def test_no_entry_crashes_the_loader(path: Path, sites: Any) -> None:
    device = {"address": "192.0.2.1", "role": "router", "checks": sites}
    whole = {"sites": {"18073": {"owner": {"name": "A"}, "devices": {"a": device, "b": sites}}, **sites}}
    path.write_text(
        json.dumps(
            whole
            | {"roles": sites, "credentials": sites, "defaults": sites}
            | {"provinces": {**sites, "42": {"checks": sites}}}
        ),
        encoding="utf-8",
    )
    loads_or_says_why(path)


def tree(path: Path, text: str) -> tuple[Any, list[Problem]]:
    path.write_text(text, encoding="utf-8", errors="replace", newline="")
    problems: list[Problem] = []
    node = read(path, problems)
    return (None if node is None else yamltree.plain(node)), problems


@QUICK
@given(text=SIGNS)
def test_what_is_accepted_means_the_same_when_written_and_read_again(path: Path, text: str) -> None:
    value, problems = tree(path, text)
    if not problems:
        assert tree(path, json.dumps(value, ensure_ascii=False)) == (value, [])


@QUICK
@given(
    value=st.recursive(
        st.one_of(st.booleans(), st.integers(-(10**17), 10**17), st.text(alphabet="aé 1:#-'\"", max_size=9)),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", min_size=1), inner, max_size=3)
        ),
        max_leaves=12,
    )
)
def test_values_survive_being_written(path: Path, value: Any) -> None:
    assert tree(path, json.dumps(value, ensure_ascii=False)) == (value, [])


NAMES = st.from_regex(r"[a-z0-9][a-z0-9_.-]{0,8}", fullmatch=True)
SPANS = st.sampled_from(["500ms", "10s", "30s", "2.5m", "1h", "1d"])
LETTERS = "aAzZ09 -.,:#&*!é'\"ễĐ/@"
TEXTS = st.text(LETTERS, min_size=1, max_size=12)
CHECKS = st.fixed_dictionaries(
    {},
    optional={
        "icmp": st.fixed_dictionaries({}, optional={"interval": SPANS, "count": st.integers(1, 20)}),
        "telnet": st.fixed_dictionaries({"enabled": st.booleans()}, optional={"port": st.integers(1, 65535)}),
        "web": st.fixed_dictionaries(
            {"probe": st.just("http")}, optional={"path": TEXTS, "timeout": st.just("1s")}
        ),
        "ssh": st.fixed_dictionaries({"interval": SPANS}),
    },
)
DEVICES = st.fixed_dictionaries(
    {
        "address": st.ip_addresses(v=4, network="10.0.0.0/8").map(str),
        "role": st.sampled_from(["router", "server", "ups"]),
    },
    optional={
        "title": TEXTS,
        "checks": CHECKS,
        "tags": st.lists(NAMES, max_size=3),
        "owner": st.fixed_dictionaries({"name": TEXTS}, optional={"phone": st.integers(1, 10**9).map(str)}),
        "parents": st.just([]),
        "credentials": st.just({"snmp": "snmp-xa"}),
    },
)
PLACES = st.dictionaries(
    NAMES.filter(lambda name: not name.isdigit()),
    st.fixed_dictionaries(
        {"name": TEXTS, "devices": st.dictionaries(NAMES, DEVICES, max_size=5)},
        optional={
            "checks": st.fixed_dictionaries(
                {"icmp": st.fixed_dictionaries({}, optional={"interval": SPANS})}
            ),
            "tags": st.lists(NAMES, max_size=3),
            "province": st.sampled_from(["01", "42"]),
        },
    ),
    min_size=1,
    max_size=3,
)
CREDENTIALS = {
    "snmp-xa": {"kind": "snmp_v2c", "community": {"file": "a"}},
    "ssh-xa": {"kind": "ssh_key", "user": "m", "key": {"file": "b"}},
}


def meaning(path: Path, text: str) -> Any:
    path.write_text(text, encoding="utf-8")
    read = load_inventory(path, PROBES).inventory
    return dict(read.sites), dict(read.roles), dict(read.credentials)


def unquoted(value: Any, indent: int = 0) -> str:
    """Write `value` as block YAML, in quotes only what needs them: the way people write."""
    if isinstance(value, dict) and value:
        lines = (
            f"\n{' ' * indent}{json.dumps(key, ensure_ascii=False)}: {unquoted(entry, indent + 2)}"
            for key, entry in value.items()
        )
        return "".join(lines)
    if isinstance(value, str) and value.replace("-", "").replace(".", "").isascii() and value[0].isalnum():
        return (
            value
            if value.replace("-", "a").replace(".", "a").isalnum()
            else json.dumps(value, ensure_ascii=False)
        )
    return json.dumps(value, ensure_ascii=False)


@QUICK
@given(sites=PLACES)
def test_a_sound_inventory_means_the_same_in_every_way_of_writing_it(path: Path, sites: Any) -> None:
    whole = {"sites": sites, "credentials": CREDENTIALS, "defaults": {"credentials": {"ssh": "ssh-xa"}}}
    whole["provinces"] = {"42": {"tags": ["ha-tinh"], "checks": {"icmp": {"count": 5}}}}
    first = meaning(path, json.dumps(whole, ensure_ascii=False))
    assert {name: len(site.devices) for name, site in first[0].items()} == {
        name: len(site["devices"]) for name, site in sites.items()
    }
    assert meaning(path, unquoted(whole).lstrip("\n")) == first
    node = read(path, [])
    assert node is not None
    assert meaning(path, json.dumps(yamltree.plain(node), indent=1)) == first
