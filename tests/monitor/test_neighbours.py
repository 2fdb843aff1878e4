"""What devices see around them becomes proposals for the inventory, and nothing is proposed that nobody saw."""

from __future__ import annotations

from pathlib import Path

import pytest

from inventory.loader import load_inventory
from inventory.model import Inventory
from monitor.neighbours import Facts, Stranger, neighbourhood
from probes.core.observation import Fact
from tests.inventory.traits import PROBES

OFFICE = """
sites:
  18073:
    devices:
      router: {address: 192.0.2.1, role: router}
      switch: {address: 192.0.2.2, role: switch}
      switch-2: {address: 192.0.2.3, role: switch}
      server: {address: 192.0.2.10, role: server}
"""
SERVER = "00:00:5e:00:53:10"
GUEST = "00:00:5e:00:53:99"


@pytest.fixture
def office(tmp_path: Path) -> Inventory:
    (tmp_path / "office.yaml").write_text(OFFICE, encoding="utf-8")
    return load_inventory(tmp_path, PROBES).inventory


def told(port: str, name: str = "", hardware: str = "", address: str = "", how: str = "LLDP") -> Fact:
    return Fact("neighbours.told", (how, name, hardware, "gi1", address, "a switch"), port)


def heard(hardware: str, address: str) -> Fact:
    return Fact("neighbours.addresses", (f"{address} {hardware}",))


def called(name: str, *own: str) -> list[Fact]:
    return [Fact("neighbours.name", name), Fact("neighbours.own", own)]


def proposed(office: Inventory, seen: Facts) -> list[tuple[str, str, str]]:
    return [
        (one.device, ",".join(one.parents), one.links[0].how)
        for one in neighbourhood(office, seen, {}).proposals
    ]


def test_a_link_that_the_inventory_has_is_no_proposal(office: Inventory) -> None:
    seen = {"18073/router": [*called("r"), told("ether2", address="192.0.2.2")]}
    found = neighbourhood(office, seen, {})
    assert [(link.device, link.other) for link in found.links] == [("18073/router", "18073/switch")]
    assert not found.proposals and not found.strangers


@pytest.mark.parametrize("how", ["name", "hardware", "address"])
def test_a_switch_behind_a_switch_is_proposed_whichever_of_the_two_says_so(
    office: Inventory, how: str
) -> None:
    known = {"name": "SW2", "hardware": "00:00:5e:00:53:03", "address": "192.0.2.3"}
    seen: Facts = {
        "18073/router": [*called("r"), told("ether2", address="192.0.2.2")],
        "18073/switch": [*called("sw1"), told("gi24", **{how: known[how]}, how="CDP")],
        "18073/switch-2": called("sw2", "00:00:5e:00:53:03"),
    }
    assert proposed(office, seen) == [("18073/switch-2", "18073/switch", "CDP")]
    backwards: Facts = {
        "18073/router": seen["18073/router"],
        "18073/switch-2": [*called("sw2"), told("gi1", address="192.0.2.2")],
    }
    assert proposed(office, backwards) == [("18073/switch-2", "18073/switch", "LLDP")]


def test_nothing_says_which_is_nearer_so_nothing_is_proposed(office: Inventory) -> None:
    assert proposed(office, {"18073/switch": [*called("sw1"), told("gi24", address="192.0.2.3")]}) == []


def test_a_silent_device_is_behind_the_port_at_which_it_is_heard_with_fewest_others(
    office: Inventory,
) -> None:
    crowd = tuple(f"00:00:5e:00:53:{n:02x}" for n in range(0x40, 0x50))
    seen: Facts = {
        "18073/router": [
            *called("r"),
            Fact("neighbours.addresses", (f"192.0.2.10 {SERVER}",)),
            told("e2", "sw1"),
        ],
        "18073/switch": [
            *called("sw1"),
            told("gi24", "sw2"),
            Fact("neighbours.behind", (SERVER, *crowd), "gi24"),
        ],
        "18073/switch-2": [*called("sw2"), Fact("neighbours.behind", (SERVER,), "gi3")],
    }
    found = neighbourhood(office, seen, {})
    server = next(one for one in found.proposals if one.device == "18073/server")
    assert (server.parents, server.named) == (("18073/switch-2",), ("18073/switch", "18073/switch-2"))
    assert [(link.port, link.how) for link in server.links] == [("gi3", "heard")]


def test_a_parent_that_was_not_asked_stays(office: Inventory) -> None:
    seen: Facts = {
        "18073/router": [*called("r"), told("e2", address="192.0.2.3")],
        "18073/switch-2": [
            *called("sw2"),
            Fact("neighbours.behind", (SERVER,), "gi3"),
            heard(SERVER, "192.0.2.10"),
        ],
    }
    assert proposed(office, seen) == [], "nothing was heard of the other switch that may be one too"


def test_what_is_not_in_the_inventory_is_told_once_with_its_port(office: Inventory) -> None:
    seen: Facts = {
        "18073/router": [
            *called("r"),
            Fact("neighbours.addresses", (f"192.0.2.77 {GUEST}", f"192.0.2.10 {SERVER}")),
        ],
        "18073/switch": [
            *called("sw1"),
            Fact("neighbours.behind", (GUEST,), "gi7"),
            told("gi8", "ap-2", "00:00:5e:00:53:88", "192.0.2.88"),
            told("gi8", "ap-2", "00:00:5e:00:53:88", "192.0.2.88", how="CDP"),
        ],
    }
    assert neighbourhood(office, seen, {}).strangers == (
        Stranger("ap-2", "192.0.2.88", "00:00:5e:00:53:88", "a switch", "18073/switch", "gi8", "LLDP"),
        Stranger("", "192.0.2.77", GUEST, "", "18073/switch", "gi7", "ARP"),
    )


def test_two_devices_of_one_name_are_not_told_apart_by_it(office: Inventory) -> None:
    seen: Facts = {
        "18073/switch": called("SWITCH"),
        "18073/switch-2": called("switch"),
        "18073/router": [*called("r"), told("e2", "switch")],
    }
    assert neighbourhood(office, seen, {}).links == ()


def test_a_device_that_lies_about_its_facts_breaks_nothing(office: Inventory) -> None:
    seen: Facts = {
        "18073/router": [Fact("neighbours.told", ("LLDP",), "x"), Fact("neighbours.addresses", "none")]
    }
    assert neighbourhood(office, seen, {}).strangers == ()


def test_a_device_that_is_not_asked_is_known_by_the_name_it_told_elsewhere(office: Inventory) -> None:
    seen: Facts = {"18073/switch": [*called("sw1"), told("gi3", "MAY-CHU")]}
    (link,) = neighbourhood(office, seen, {"18073/server": "may-chu", "gone/server": "sw1"}).links
    assert link.other == "18073/server"
