"""What a device is, by SNMP: its vendor, its profile, and which MIBs it answers."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from probes.core.words import Words
from probes.snmp import ber, message
from probes.snmp.ber import oid
from probes.snmp.collect import Collector
from probes.snmp.engine import Asks, Peer
from probes.snmp.mib import ENTERPRISES, Mib
from probes.snmp.session import Session
from probes.snmp.study import Study
from probes.snmp.template import Template

MIBS = {
    "SNMPv2-MIB": "1.3.6.1.2.1.1",
    "IF-MIB": "1.3.6.1.2.1.2.2",
    "IF-MIB, 64 bit": "1.3.6.1.2.1.31.1.1",
    "IP-MIB": "1.3.6.1.2.1.4",
    "TCP-MIB": "1.3.6.1.2.1.6",
    "BRIDGE-MIB": "1.3.6.1.2.1.17",
    "Q-BRIDGE-MIB": "1.3.6.1.2.1.17.7",
    "HOST-RESOURCES-MIB": "1.3.6.1.2.1.25",
    "UPS-MIB": "1.3.6.1.2.1.33",
    "Printer-MIB": "1.3.6.1.2.1.43",
    "ENTITY-MIB": "1.3.6.1.2.1.47",
    "ENTITY-SENSOR-MIB": "1.3.6.1.2.1.99",
    "POWER-ETHERNET-MIB": "1.3.6.1.2.1.105",
    "LLDP-MIB": "1.0.8802.1.1.2",
    "UCD-SNMP-MIB": "1.3.6.1.4.1.2021",
    "CISCO-CDP-MIB": "1.3.6.1.4.1.9.9.23",
}
"""Where each MIB begins; the enterprise of the device's own sysObjectID is asked for besides."""


class Identity(msgspec.Struct, frozen=True):
    """What a device says of itself. ``facts`` are those of its profile, by name."""

    vendor: str
    profile: str
    facts: dict[str, object]
    mibs: tuple[str, ...]
    """MIBs of which the device has something."""
    samples: int
    """Numbers that a poll by its profile gives."""
    detail: Words


async def identify(engine: Asks, peer: Peer, make_study: Callable[[Collector], Study], mib: Mib) -> Identity:
    """Ask a device who it is. Raises `ProbeFailure`."""
    answer = await Session(engine, peer, make_study).poll()
    facts: dict[str, object] = {fact.name: fact.value for fact in answer.facts}
    number = str(facts.get("snmp.sys_object_id", ""))
    mibs = await answered(engine, peer, MIBS | _own(number, mib))
    vendor = str(facts.get("device.vendor") or mib.vendor(number))
    return Identity(
        vendor, str(facts.get("snmp.profile", "")), facts, mibs, len(answer.samples), answer.detail
    )


def _own(number: str, mib: Mib) -> dict[str, str]:
    if not number.startswith(ENTERPRISES):
        return {}
    root = ENTERPRISES + number[len(ENTERPRISES) :].partition(".")[0]
    return {f"{mib.vendor(number) or 'vendor'} ({root})": root}


async def answered(engine: Asks, peer: Peer, mibs: dict[str, str]) -> tuple[str, ...]:
    """Return those of `mibs` (beginning by name) under which the agent has something. Raises `ProbeFailure`."""
    return tuple([name for name, root in mibs.items() if await _has(engine, peer, oid(root))])


async def _has(engine: Asks, peer: Peer, root: bytes) -> bool:
    answer = await engine.request(peer, Template.get_next((root,)))
    return any(
        name.startswith(root) and tag != ber.END_OF_MIB
        for name, tag, _ in answer.varbinds
        if answer.error_status == message.NO_ERROR
    )
