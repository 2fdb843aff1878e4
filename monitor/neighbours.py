"""Who is connected to whom as the devices see it, beside what the inventory says: proposals, never changes.

Pure functions of the inventory and of the facts that the probe `snmp` tells when it reads neighbours.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

import msgspec

from inventory.model import Inventory
from probes.core.observation import Fact

AT_A_PORT = 4
"""Hardware addresses heard at a port at which a device itself may be plugged in; with more, a switch is between."""
MARK = "neighbours.name"
"""The fact that every reading of neighbours has."""

Facts = Mapping[str, Sequence[Fact]]
"""By device."""


class Link(msgspec.Struct, frozen=True):
    """Two devices of the inventory that are connected, as one of them says."""

    device: str
    port: str
    other: str
    how: str
    """``"LLDP"``, ``"CDP"``, or ``"heard"`` at a port."""


class Proposal(msgspec.Struct, frozen=True):
    """Other parents than the inventory names."""

    device: str
    parents: tuple[str, ...]
    """Those it is seen behind, and those of the inventory that were not asked."""
    named: tuple[str, ...]
    """Those of the inventory."""
    links: tuple[Link, ...]
    """The evidence."""


class Stranger(msgspec.Struct, frozen=True):
    """Something that is connected and is not in the inventory."""

    name: str
    address: str
    hardware: str
    description: str
    seen_by: str
    port: str
    how: str
    """``"LLDP"``, ``"CDP"`` or ``"ARP"``: an address that a router has spoken with."""


class Neighbourhood(msgspec.Struct, frozen=True):
    """Everything that was seen around the devices."""

    links: tuple[Link, ...]
    proposals: tuple[Proposal, ...]
    strangers: tuple[Stranger, ...]


def neighbourhood(inventory: Inventory, seen: Facts, names: Mapping[str, str]) -> Neighbourhood:
    """Return what `seen` says of the devices of `inventory`, in the order of the inventory.

    `names`: what devices call themselves, by id; those in `seen` say it there.
    """
    known = _Known(inventory, seen, names)
    links = tuple(dict.fromkeys(_links(inventory, seen, known)))
    return Neighbourhood(
        links, tuple(_proposals(inventory, links, seen)), tuple(_distinct(_strangers(seen, known)))
    )


class _Known:
    """Which device something is, by IP address, hardware address, or the name it calls itself."""

    def __init__(self, inventory: Inventory, seen: Facts, names: Mapping[str, str]) -> None:
        devices = inventory.devices
        self.addresses = {device.address: device.id for device in devices.values()}
        self.hardware: dict[str, str] = {}
        called = dict(names)
        for device, facts in seen.items():
            for fact in facts:
                if fact.name == "neighbours.own":
                    self.hardware |= {address: device for address in _texts(fact)}
                elif fact.name == MARK and isinstance(fact.value, str):
                    called[device] = fact.value
        self._names: dict[str, str] = {}
        for device, name in called.items():
            if name and device in devices:  # two of one name are none
                self._names[name.casefold()] = "" if name.casefold() in self._names else device
        for address, hardware in _spoken_with(seen):
            if address in self.addresses:
                self.hardware.setdefault(hardware, self.addresses[address])

    def device(self, name: str, hardware: str, address: str) -> str:
        """Return the id of a device, "" for one that is not known."""
        by_name = self._names.get(name.casefold(), "")
        return self.addresses.get(address) or self.hardware.get(hardware) or by_name


def _links(inventory: Inventory, seen: Facts, known: _Known) -> Iterator[Link]:
    told: set[tuple[str, str]] = set()
    for device, facts in seen.items():
        for fact in _told(facts):
            protocol, name, hardware, _, address, _ = _texts(fact)
            other = known.device(name, hardware, address)
            told.add((device, fact.subject))
            if other and other != device:
                yield Link(device, fact.subject, other, protocol)
    for other, (device, port) in _plugged_in(seen, known, told).items():
        yield Link(device, port, other, "heard")


def _plugged_in(seen: Facts, known: _Known, told: set[tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """Return at which port each device was heard that tells nothing by itself: the one with the fewest beside it."""
    found: dict[str, tuple[int, str, str]] = {}
    for device, facts in seen.items():
        for fact in facts:
            if fact.name != "neighbours.behind" or (device, fact.subject) in told:
                continue
            heard = _texts(fact)
            for other in {known.hardware.get(address, "") for address in heard} - {"", device}:
                place = len(heard), device, fact.subject
                if len(heard) <= AT_A_PORT and other not in seen:
                    found[other] = min(place, found.get(other, place))
    return {other: (device, port) for other, (_, device, port) in found.items()}


def _proposals(inventory: Inventory, links: Sequence[Link], asked: Container[str]) -> Iterator[Proposal]:
    """Yield the devices that are seen behind others than the inventory says.

    A parent that the inventory names and that was asked stays one only when the two see each other; one that was not
    asked may well be right.
    """
    above = _above(inventory, links)
    for device, seen in above.items():
        named = inventory.devices[device].parents
        kept = [parent for parent in named if parent in seen or parent not in asked]
        parents = tuple(dict.fromkeys((*kept, *seen)))
        if set(parents) != set(named):
            yield Proposal(device, parents, named, tuple(seen.values()))


def _above(inventory: Inventory, links: Sequence[Link]) -> dict[str, dict[str, Link]]:
    """Return of each device the linked ones that are nearer to the top, in the order of the inventory."""
    distance = _distances(inventory, links)
    above: dict[str, dict[str, Link]] = {device: {} for device in inventory.devices}
    for link in links:
        nearer, device = sorted((link.device, link.other), key=lambda one: distance.get(one, len(distance)))
        if distance.get(nearer) != distance.get(device):  # else nothing says which of the two is nearer
            above[device].setdefault(nearer, link)
    return {device: seen for device, seen in above.items() if seen}


def _distances(inventory: Inventory, links: Sequence[Link]) -> dict[str, int]:
    """Return how many links each device is away from one without a parent, as the devices see it."""
    around: dict[str, list[str]] = {}
    for link in links:
        around.setdefault(link.device, []).append(link.other)
        around.setdefault(link.other, []).append(link.device)
    waiting = deque(device.id for device in inventory.devices.values() if not device.parents)
    distance = dict.fromkeys(waiting, 0)
    while waiting:
        one = waiting.popleft()
        for other in around.get(one, ()):
            if other not in distance:
                distance[other] = distance[one] + 1
                waiting.append(other)
    return distance


def _strangers(seen: Facts, known: _Known) -> Iterator[Stranger]:
    for device, facts in seen.items():
        for fact in _told(facts):
            protocol, name, hardware, _, address, description = _texts(fact)
            if not known.device(name, hardware, address):
                yield Stranger(name, address, hardware, description, device, fact.subject, protocol)
    ports = {
        address: (device, fact.subject)
        for device, facts in seen.items()
        for fact in facts
        if fact.name == "neighbours.behind" and len(_texts(fact)) <= AT_A_PORT
        for address in _texts(fact)
    }
    for device in seen:
        for address, hardware in _spoken_with({device: seen[device]}):
            if address not in known.addresses and hardware not in known.hardware:
                place, port = ports.get(hardware, (device, ""))
                yield Stranger("", address, hardware, "", place, port, "ARP")


def _distinct(strangers: Iterable[Stranger]) -> Iterator[Stranger]:
    """Yield each once: what tells its name comes first, and its address need not be told again."""
    met: set[str] = set()
    for one in strangers:
        marks = {mark for mark in (one.hardware, one.address) if mark} or {one.name or one.description}
        if not marks & met:
            yield one
        met |= marks


def _told(facts: Iterable[Fact]) -> Iterator[Fact]:
    return (fact for fact in facts if fact.name == "neighbours.told" and len(_texts(fact)) == 6)


def _spoken_with(seen: Facts) -> Iterator[tuple[str, str]]:
    """Yield IP address and hardware address of everything a device has spoken with."""
    for facts in seen.values():
        for fact in facts:
            if fact.name == "neighbours.addresses":
                for text in _texts(fact):
                    address, _, hardware = text.partition(" ")
                    yield address, hardware


def _texts(fact: Fact) -> tuple[str, ...]:
    return fact.value if isinstance(fact.value, tuple) else ()
