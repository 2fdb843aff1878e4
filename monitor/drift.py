"""Where devices are not what the inventory says: model, firmware, serial number, and at which address they answer.

Reported, never written: the files are the people's. Pure functions of the inventory and of what was observed.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum

import msgspec

from inventory.model import Device, Inventory
from monitor.ledger.identities import FIRMWARE, MODEL, SERIAL, Trait, Traits


class What(StrEnum):
    """What differs."""

    MODEL = "model"
    FIRMWARE = "firmware"
    SERIAL = "serial"
    ADDRESS = "address"


FACTS = {What.MODEL: MODEL, What.FIRMWARE: FIRMWARE, What.SERIAL: SERIAL}


class Drift(msgspec.Struct, frozen=True):
    """One difference."""

    device: str
    what: What
    expected: str
    observed: str
    since: datetime
    """When the observed was first seen, aware UTC."""
    by_inventory: bool = True
    """Whether the inventory expects it; else it is what was seen at first."""
    other: str = ""
    """The device that answers as this one should."""


def drift(inventory: Inventory, seen: Traits) -> Iterator[Drift]:
    """Yield every difference, in the order of the inventory. A device that said nothing yet differs in nothing.

    What the inventory expects (``expect:``) is compared with what was seen last. A serial number that is not expected
    there is compared with the first one seen: it changes only with the machine.
    """
    holders = _holders(inventory, seen)
    for device in inventory.devices.values():
        traits = seen.get(device.id, {})
        differing = [*_differing(device, traits)]
        yield from differing
        serial = _serial(device, traits)
        holder = holders.get(serial, device.id)
        if serial and holder != device.id:
            since = seen[holder][SERIAL].since
            there = inventory.devices[holder].address
            yield Drift(device.id, What.ADDRESS, device.address, there, since, other=holder)


def _differing(device: Device, traits: Mapping[str, Trait]) -> Iterator[Drift]:
    for what, fact in FACTS.items():
        trait, expected = traits.get(fact), _expected(device, what)
        if trait is None:
            continue
        if expected and not fits(expected, trait.value):
            yield Drift(device.id, what, expected, trait.value, trait.since)
        elif not expected and what is What.SERIAL and not fits(trait.first, trait.value):
            yield Drift(device.id, what, trait.first, trait.value, trait.since, by_inventory=False)


def _expected(device: Device, what: What) -> str:
    return str(getattr(device.expect, what, "")) if device.expect else ""


def _serial(device: Device, traits: Mapping[str, Trait]) -> str:
    """Return the serial number this device should have, "" when nothing says so, or only a pattern."""
    expected = _expected(device, What.SERIAL)
    known = expected or (traits[SERIAL].first if SERIAL in traits else "")
    return "" if "*" in known else _plain(known)


def _holders(inventory: Inventory, seen: Traits) -> dict[str, str]:
    """Return which device shows which serial number now; one that several show identifies none."""
    holders: dict[str, str] = {}
    shared: set[str] = set()
    for device in inventory.devices:
        trait = seen.get(device, {}).get(SERIAL)
        if trait is not None and holders.setdefault(_plain(trait.value), device) != device:
            shared.add(_plain(trait.value))
    return {serial: device for serial, device in holders.items() if serial not in shared}


def fits(expected: str, observed: str) -> bool:
    """Whether what was observed is what is expected: case and spaces do not matter, ``*`` stands for anything."""
    wanted, found = _plain(expected), _plain(observed)
    if "*" not in wanted:
        return wanted == found
    return fnmatch.fnmatchcase(found, wanted.replace("[", "[[]").replace("?", "[?]"))


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
