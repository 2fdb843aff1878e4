"""What the inventory has already of what was found: at its address, or at another one it moved to."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

import msgspec

from inventory.model import Inventory
from monitor.discovery.sweep import Found
from monitor.ledger.identities import NAME, SERIAL, Traits
from probes.core.network import Network
from probes.core.probe import ProbeFailure

MAX_NAMES = 500
"""Host names of the inventory that are resolved, to tell whether what was found is one of them."""
_COMMON_NAMES = frozenset({"", "localhost", "router", "switch", "hp", "none", "default"})
"""Names that say nothing: devices have them from the factory."""


class Note(msgspec.Struct, frozen=True):
    """How a found address relates to the inventory."""

    device: str = ""
    """The device it is, "" for one that is not in the inventory."""
    moved: bool = False
    """Whether the inventory has that device at another address."""
    words: str = ""
    """For people: ``"is 18073/router"``."""


class Known:
    """The devices of the inventory by what identifies them.

    `addresses` are their IP addresses, names resolved; `seen` is what a service observed of each.
    """

    def __init__(self, inventory: Inventory, addresses: Mapping[str, str], seen: Traits) -> None:
        self._addresses = {address: device for device, address in addresses.items()}
        self._written = {id: device.address for id, device in inventory.devices.items()}
        expected = {id: device.expect.serial for id, device in inventory.devices.items() if device.expect}
        self._serials = _unique(expected | _last(seen, SERIAL))
        names = _last(seen, NAME)
        self._names = _unique({id: name for id, name in names.items() if name.lower() not in _COMMON_NAMES})

    def note(self, found: Found) -> Note:
        """Return what the inventory has of it."""
        device = self._addresses.get(found.address)
        if device is not None:
            return Note(device, words=f"is {device}")
        for what, known, fact in (("serial", self._serials, SERIAL), ("sysName", self._names, NAME)):
            value = found.facts.get(fact, "")
            device = known.get(value) if value else None
            if device is not None:
                words = f"has the {what} of {device}, which the inventory has at {self._written[device]}"
                return Note(device, moved=True, words=words)
        return Note()


async def addresses_of(inventory: Inventory, network: Network) -> dict[str, str]:
    """Return the IP address of each device; of those written as names the first `MAX_NAMES` are resolved."""
    devices = inventory.devices
    names = dict.fromkeys(device.address for device in devices.values() if not _is_address(device.address))
    resolved = {name: await _resolved(network, name) for name in list(names)[:MAX_NAMES]}
    return {id: resolved.get(device.address, device.address) for id, device in devices.items()}


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


async def _resolved(network: Network, name: str) -> str:
    try:
        return await network.resolve(name)
    except ProbeFailure:
        return name


def _last(seen: Traits, fact: str) -> dict[str, str]:
    return {device: traits[fact].value for device, traits in seen.items() if fact in traits}


def _unique(values: Mapping[str, str]) -> dict[str, str]:
    """Return devices by value; a value that two of them have identifies none."""
    devices: dict[str, str] = {}
    shared: set[str] = set()
    for device, value in values.items():
        if devices.setdefault(value, device) != device:
            shared.add(value)
    return {value: device for value, device in devices.items() if value and value not in shared}
