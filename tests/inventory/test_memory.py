"""What is read with a memory is what is read afresh, whatever was edited in between."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.document import Invalid
from inventory.loader import load_tree
from inventory.memory import Memory
from inventory.tree import Tree
from tests.inventory.traits import PROBES

COMMON = [
    "",
    "credentials: {snmp: {kind: snmp_v2c, community: {file: a}}}\n",
    "defaults: {tags: [x], checks: {icmp: {interval: 5m}}}\n",
    "roles: {router: {behind: [switch]}}\n",
    "defaults: {checks: {nothing: {}}}\n",
    "roles: {kiosk: {}}\n",
    "sites: {18073: {}}\n",
]
DEVICE = [
    "router: {address: 192.0.2.1, role: router}",
    "server: {address: 192.0.2.1, role: server, parent: router}",
    "server: {address: 192.0.2.2, role: server, parent: 18100/router}",
    "router: {address: 192.0.2.3, role: router, parent: 18073/server}",
    "a: {adress: x, role: ruoter}",
    "b: {address: 192.0.2.4, role: kiosk, formerly: [18100/router]}",
]
SITES = st.dictionaries(
    st.sampled_from(["18073", "18100", "18118"]),
    st.lists(st.sampled_from(DEVICE), max_size=3, unique_by=lambda text: text[0]),
    max_size=3,
)
STEP = st.tuples(st.sampled_from(COMMON), SITES)


def tree(common: str, sites: dict[str, list[str]]) -> Tree:
    files = {"common.yaml": common.encode()} if common else {}
    for code, devices in sites.items():
        lines = "".join(f"      {device}\n" for device in devices)
        files[f"{code}.yaml"] = (
            f"sites:\n  {code}:\n    owner: {{name: An}}\n    devices:\n{lines or '      {}'}\n".encode()
        )
    return Tree(Path("inventory"), files)


def outcome(one: Tree, memory: Memory | None) -> object:
    try:
        loaded = load_tree(one, PROBES, None, memory)
    except Invalid as error:
        return error.problems
    return tuple(loaded.inventory.sites.values()), loaded.warnings, dict(loaded.inventory.credentials)


@settings(max_examples=60, deadline=None)
@given(st.lists(STEP, min_size=1, max_size=6))
def test_a_memory_changes_nothing_but_the_time(steps: list[tuple[str, dict[str, list[str]]]]) -> None:
    memory = Memory()
    for common, sites in steps:
        one = tree(common, sites)
        assert outcome(one, memory) == outcome(one, None)


def test_what_was_not_edited_is_the_same_object() -> None:
    memory = Memory()
    first = load_tree(tree("", {"18073": DEVICE[:1], "18100": DEVICE[:1]}), PROBES, None, memory).inventory
    second = load_tree(tree("", {"18073": DEVICE[:2], "18100": DEVICE[:1]}), PROBES, None, memory).inventory
    assert second.sites["18100"] is first.sites["18100"]
    assert second.sites["18073"] is not first.sites["18073"]
