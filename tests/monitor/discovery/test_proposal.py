"""The proposal is what the loader accepts, whatever a device says of itself (abuse cases A33 to A36)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.communes import Communes
from inventory.loader import load_tree
from inventory.model import Device, Inventory, Site
from inventory.tree import Tree
from monitor.configuration import profiles_of_the_product
from monitor.discovery.doors import USUAL, doors
from monitor.discovery.guess import Guess
from monitor.discovery.known import Known, Note
from monitor.discovery.proposal import Sighting, proposal
from monitor.discovery.sweep import Found, _texts
from monitor.ledger.identities import Trait
from monitor.plan import traits
from probes.core.discovery import discover
from probes.core.observation import Fact
from tests.monitor.discovery.found import AT, found

COMMUNES = Communes.load()
PROBES = traits(discover())
HOSTILE = [
    "<script>",
    "*x* [a](javascript:1)",
    "a\n✅ RESOLVED",
    "\x1b]0;x\x07\u202ename\x00",
    "'; DROP TABLE",
    '"}: x',
    "a: b # c",
    "\\",
]


def said(serial: str, name: str) -> dict[str, Trait]:
    facts = {"device.serial": serial, "snmp.sys_name": name}
    return {fact: Trait(value, AT, value, AT) for fact, value in facts.items()}


def loaded(*texts: str) -> Inventory:
    files = {f"{number}.yaml": text.encode() for number, text in enumerate(texts)}
    return load_tree(Tree(Path("inventory"), files), PROBES, profiles_of_the_product()).inventory


def proposed(sightings: Sequence[Sighting], *, site: str = "18073", existing: Site | None = None) -> str:
    return proposal(site, sightings, "usual", existing, COMMUNES)


def test_a_proposal_is_an_inventory() -> None:
    text = proposed(
        [
            Sighting(
                found("10.20.1.1", snmp__sys_name="core-1", snmp__profile="net-snmp-linux"),
                Guess("router"),
                Note(),
            ),
            Sighting(found("10.20.1.2"), Guess("switch", ("TCP 23 is open",)), Note()),
            Sighting(found("10.20.1.3"), Guess("switch"), Note()),
            Sighting(found("10.20.1.4"), Guess("switch"), Note("18562/switch", words="is 18562/switch")),
            Sighting(
                found("10.20.1.5"),
                Guess("server"),
                Note("18562/server", moved=True, words="has the serial of 18562/server"),
            ),
            Sighting(found("10.20.1.6"), Guess(), Note()),
            Sighting(found("2001:db8::7"), Guess("access_point"), Note()),
        ]
    )
    devices = loaded(text).devices
    assert {device.name: device.address for device in devices.values()} == {
        "router": "10.20.1.1",
        "switch": "10.20.1.2",
        "switch-2": "10.20.1.3",
        "access-point": "2001:db8::7",
    }
    assert (devices["18073/router"].title, devices["18073/router"].profile) == ("core-1", "net-snmp-linux")
    assert "# 10.20.1.5: has the serial of 18562/server" in text
    assert "# 10.20.1.6: ping" in text
    assert "# ping; TCP 23 is open" in text


def test_another_place_gets_a_name_and_names_that_are_taken_are_left_alone() -> None:
    one = Sighting(found(credential="other"), Guess("router"), Note())
    assert "credentials: {snmp: other}" in proposed([one])
    assert (
        loaded(proposed([Sighting(found(), Guess("router"), Note())], site="kho-1")).sites["kho-1"].name
        == "kho-1"
    )
    taken = Device(
        id="18073/router", name="router", site="18073", title="R", address="10.1.1.1", role="router"
    )
    there = Site(id="18073", name="X", kind="commune", devices=(taken,))
    text = proposed([one], existing=there)
    assert "router-2:" in text
    assert "18073 is in the inventory already" in text


@pytest.mark.parametrize("said", HOSTILE)
def test_hostile_names_stay_one_harmless_text(said: str) -> None:
    facts = _texts([Fact("snmp.sys_name", said), Fact("snmp.sys_descr", said), Fact("http.title", said)])
    text = proposed(
        [Sighting(Found("10.20.1.1", AT, facts=facts), Guess("router", (f"sysDescr {said[:1]!r}",)), Note())]
    )
    (device,) = loaded(text).devices.values()
    assert device.address == "10.20.1.1"
    assert all(line.isprintable() for line in text.splitlines())


@settings(deadline=None)
@given(st.text(max_size=300), st.text(max_size=300))
def test_no_text_of_a_device_changes_what_is_proposed(name: str, descr: str) -> None:
    facts = _texts([Fact("snmp.sys_name", name), Fact("snmp.sys_descr", descr)])
    (device,) = loaded(
        proposed([Sighting(Found("10.20.1.1", AT, facts=facts), Guess("ups"), Note())])
    ).devices.values()
    assert (device.address, device.role, device.id) == ("10.20.1.1", "ups", "18073/ups")


def test_what_the_inventory_has_is_known_by_address_serial_and_name() -> None:
    inventory = loaded(
        "sites:\n  18073:\n    devices:\n"
        "      router: {address: 10.20.1.1, role: router}\n"
        "      server: {address: may-chu.example, role: server}\n"
        "      ups: {address: 10.20.1.3, role: ups}\n"
        "      nvr: {address: 10.20.1.4, role: nvr}\n"
    )
    addresses = {id: device.address for id, device in inventory.devices.items()} | {
        "18073/server": "10.20.1.2"
    }
    seen = {
        "18073/ups": said("AS123", "ups-tang-1"),
        "18073/nvr": said("0", "nvr"),
        "18073/router": said("0", "localhost"),
    }
    known = Known(inventory, addresses, seen)
    assert known.note(found("10.20.1.2")) == Note("18073/server", words="is 18073/server")
    assert known.note(found("10.20.9.9")) == Note()
    moved = known.note(found("10.20.9.9", device__serial="AS123"))
    assert (moved.device, moved.moved) == ("18073/ups", True)
    assert moved.words == "has the serial of 18073/ups, which the inventory has at 10.20.1.3"
    assert known.note(found("10.20.9.9", snmp__sys_name="ups-tang-1")).moved
    assert known.note(found("10.20.9.9", device__serial="0")) == Note()


def test_the_ports_at_which_the_inventory_asks_are_knocked_at_too() -> None:
    inventory = loaded(
        "roles: {kiosk: {title: {vi: A, en: B}, checks: {ssh: {port: 2222}, sip: {port: 5070},"
        ' http: {url: "https://{address}:8443/"}, elsewhere: {probe: http, url: "http://10.9.9.9:81/"}}}}\n'
        "sites: {18073: {devices: {a: {address: 10.20.1.1, role: kiosk}}}}"
    )
    found_doors = doors(inventory)
    more = {door.port: door.speaks for door in found_doors.tcp if door not in USUAL.tcp}
    assert more == {2222: "ssh", 8443: "https"}
    assert found_doors.sip == (5060, 5070)
