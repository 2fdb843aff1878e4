"""What does the device see around it: neighbours that tell their names (LLDP, CDP), addresses and ports that it heard?

Read-only tables of LLDP-MIB (IEEE 802.1AB), CISCO-CDP-MIB, BRIDGE-MIB and Q-BRIDGE-MIB (RFC 4188, 4363) and IP-MIB
(RFC 4293), each bounded. A device that has none of them costs a handful of questions.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence

from probes.core.observation import Answer, Fact
from probes.core.text import clean
from probes.core.words import Words
from probes.snmp import ber
from probes.snmp.ber import Value, oid
from probes.snmp.collect import Collector, Column
from probes.snmp.engine import Asks, Peer
from probes.snmp.manners import Manners

ROWS = 1024
"""Rows that are read of a table."""
TOLD = 128
"""Neighbours by LLDP and CDP that are reported."""
SHOWN = 64
"""Addresses that are reported for one port: more are behind another switch, not at the port."""

SYS_NAME = oid("1.3.6.1.2.1.1.5.0")
CHASSIS = oid("1.0.8802.1.1.2.1.3.2.0")  # lldpLocChassisId
IF_NAME, IF_MAC = oid("1.3.6.1.2.1.31.1.1.1.1"), oid("1.3.6.1.2.1.2.2.1.6")
BASE_PORT = oid("1.3.6.1.2.1.17.1.4.1.2")  # dot1dBasePortIfIndex
BRIDGE = oid("1.3.6.1.2.1.17.4.3.1.2")  # dot1dTpFdbPort, by address
VLANS = oid("1.3.6.1.2.1.17.7.1.2.2.1.2")  # dot1qTpFdbPort, by VLAN and address
ARP = oid("1.3.6.1.2.1.4.22.1.2")  # ipNetToMediaPhysAddress, by interface and IPv4 address
LLDP = "1.0.8802.1.1.2.1"
LOCAL_PORT = oid(f"{LLDP}.3.7.1.3")  # lldpLocPortId
REMOTE = [oid(f"{LLDP}.4.1.1.{column}") for column in (4, 5, 7, 9, 10)]  # lldpRemTable
"""Kind of chassis id, chassis id, port id, system name, system description."""
MANAGEMENT = oid(f"{LLDP}.4.2.1.3")  # lldpRemManAddrIfSubtype; the address is in the index
CDP = [oid(f"1.3.6.1.4.1.9.9.23.1.2.1.1.{column}") for column in (4, 6, 7, 8)]  # cdpCacheTable
"""Address, device id, port, platform."""
_MAC, _NETWORK = 4, 5
"""LldpChassisIdSubtype."""

Index = tuple[int, ...]


class Neighbours:
    """Reads who is connected where, as one device sees it; asked by one task at a time."""

    def __init__(self, engine: Asks, peer: Peer, budget: int) -> None:
        """`budget`: requests that one reading may cost."""
        self.peer = peer
        self._manners = Manners(engine, budget)

    async def poll(self) -> Answer:
        """Return facts, whose subject is the device's own port where they have one.

        ``neighbours.name``: what the device calls itself. ``neighbours.own``: its own hardware addresses.
        ``neighbours.told``: protocol, name, hardware address, port, address and description of one neighbour, as that
        says. ``neighbours.behind``: hardware addresses heard at a port. ``neighbours.addresses``: IP and hardware
        address, as ``"192.0.2.7 00:00:5e:00:53:01"``. Raises `ProbeFailure`.
        """
        await self._manners.begin(self.peer)
        view = _View(Collector(self._manners, self.peer))
        await view.read()
        facts = tuple(view.facts())
        told = sum(fact.name == "neighbours.told" for fact in facts)
        ports = sum(fact.name == "neighbours.behind" for fact in facts)
        words = Words(
            f"{told} thiết bị kề bên qua LLDP/CDP, có địa chỉ MAC ở {ports} cổng",
            f"{told} neighbours told by LLDP or CDP, addresses heard at {ports} ports",
        )
        return Answer((), facts, words)


class _View:
    """The tables of one device."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self._told: list[Fact] = []

    async def read(self) -> None:
        """Ask for everything. Raises `ProbeFailure`."""
        self._itself = await self._collector.get((SYS_NAME, CHASSIS))
        self._names, self._macs = await self._tables([IF_NAME, IF_MAC])
        self._lldp_ports, self._remote_addresses = await self._tables([LOCAL_PORT, MANAGEMENT])
        self._remote = await self._tables(REMOTE)
        self._cdp = await self._tables(CDP)
        self._base, self._bridge, self._vlans, self._arp = await self._tables([BASE_PORT, BRIDGE, VLANS, ARP])

    async def _tables(self, columns: Sequence[bytes]) -> list[dict[Index, Value]]:
        return [_by_index(column) for column in await self._collector.walk(columns, ROWS)]

    def facts(self) -> Iterator[Fact]:
        """Yield what was read."""
        itself = [self._itself.get(at, (0, b""))[1] for at in (SYS_NAME, CHASSIS)]
        yield Fact("neighbours.name", _text(itself[0]))
        own = dict.fromkeys(filter(None, map(mac, (itself[1], *self._macs.values()))))
        yield Fact("neighbours.own", tuple(own)[:SHOWN])
        told = [*self._by_lldp(), *self._by_cdp()]
        yield from told[:TOLD]
        for port, addresses in self._heard().items():
            yield Fact("neighbours.behind", tuple(addresses)[:SHOWN], port)
        yield Fact("neighbours.addresses", tuple(self._addresses()))

    def _by_lldp(self) -> Iterator[Fact]:
        kinds, chassis, ports, names, descriptions = self._remote
        addresses = _management(self._remote_addresses)
        for index, identity in chassis.items():
            if len(index) != 3:
                continue
            kind = kinds.get(index)
            hardware = mac(identity) if kind == _MAC else ""
            address = addresses.get(index, "") or (_network(identity) if kind == _NETWORK else "")
            port = _text(ports.get(index))
            if isinstance(raw := ports.get(index), bytes) and len(raw) == 6 and not raw.isascii():
                port = mac(raw)
            value = ("LLDP", _text(names.get(index)), hardware, port, address, _text(descriptions.get(index)))
            yield Fact("neighbours.told", value, self._lldp_port(index[1]))

    def _lldp_port(self, number: int) -> str:
        raw = self._lldp_ports.get((number,))
        is_mac = isinstance(raw, bytes) and len(raw) == 6 and not raw.isascii()
        return (("" if is_mac else _text(raw)) or _text(self._names.get((number,))) or str(number))[:64]

    def _by_cdp(self) -> Iterator[Fact]:
        addresses, names, ports, platforms = self._cdp
        for index, name in names.items():
            if len(index) == 2:
                raw = addresses.get(index)
                address = str(ipaddress.IPv4Address(raw)) if isinstance(raw, bytes) and len(raw) == 4 else ""
                value = (
                    "CDP",
                    _text(name),
                    "",
                    _text(ports.get(index)),
                    address,
                    _text(platforms.get(index)),
                )
                yield Fact("neighbours.told", value, self._port(index[0]))

    def _heard(self) -> Mapping[str, Mapping[str, None]]:
        """Return the hardware addresses at each port, without repetition, in the agent's order."""
        ports: dict[str, dict[str, None]] = {}
        for index, number in (*self._bridge.items(), *self._vlans.items()):
            if isinstance(number, int) and number > 0 and (address := _mac_of(index[-6:])):
                interface = self._base.get((number,))
                port = self._port(interface if isinstance(interface, int) else number)
                ports.setdefault(port, {})[address] = None
        return ports

    def _addresses(self) -> Iterator[str]:
        for index, raw in self._arp.items():
            if len(index) == 5 and max(index[1:]) < 256 and (address := mac(raw)):
                yield f"{'.'.join(map(str, index[1:]))} {address}"

    def _port(self, interface: int) -> str:
        return _text(self._names.get((interface,)))[:64] or str(interface)


def mac(raw: Value) -> str:
    """Return a hardware address as ``00:00:5e:00:53:01``; "" for what is none of one device."""
    if not isinstance(raw, bytes) or len(raw) != 6 or not any(raw) or raw[0] & 1:
        return ""
    return raw.hex(":")


def _mac_of(arcs: Index) -> str:
    return mac(bytes(arcs)) if len(arcs) == 6 and max(arcs) < 256 else ""


def _by_index(column: Column) -> dict[Index, Value]:
    return {ber.split_index(index): value for index, (_, value) in column.items()}


def _text(value: Value) -> str:
    return clean(value, 120) if isinstance(value, bytes) else ""


def _network(raw: Value) -> str:
    """Return a chassis id that is a network address: its family (IANA), then its bytes."""
    if not isinstance(raw, bytes) or (raw[:1], len(raw)) not in ((b"\1", 5), (b"\2", 17)):
        return ""
    return str(ipaddress.ip_address(raw[1:]))


def _management(table: Mapping[Index, Value]) -> dict[Index, str]:
    """Return the first management address of each neighbour; it is written into the index, after family and length."""
    found: dict[Index, str] = {}
    for index in table:
        neighbour, family, octets = index[:3], index[3:4], index[5:]
        if (family, len(octets)) in (((1,), 4), ((2,), 16)) and max(octets) < 256:
            found.setdefault(neighbour, str(ipaddress.ip_address(bytes(octets))))
    return found
