"""Where devices are knocked at: the usual ports, and those that the inventory's own devices are asked at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec
from yarl import URL

from inventory.model import CheckSpec, Inventory

MAX_OWN = 8
"""Ports of the inventory that are added for one protocol."""

Speaks = Literal["", "ssh", "http", "https"]


class Door(msgspec.Struct, frozen=True):
    """One TCP port."""

    port: int
    speaks: Speaks = ""
    """What is asked there when it is open; nothing is sent to other ports: a printer would print it."""
    early: bool = False
    """Whether to knock although nothing was heard of the address yet."""


class Doors(msgspec.Struct, frozen=True):
    """Every port of one sweep."""

    tcp: tuple[Door, ...]
    snmp: tuple[int, ...]
    sip: tuple[int, ...]


USUAL = Doors(
    tcp=(
        Door(443, "https", early=True),
        Door(80, "http", early=True),
        Door(22, "ssh", early=True),
        Door(23),  # Telnet
        Door(445),  # Windows file sharing
        Door(554),  # RTSP: cameras and recorders
        Door(1720),  # H.323
        Door(3389),  # Remote Desktop
        Door(8291),  # MikroTik's Winbox
        Door(9100),  # printers
    ),
    snmp=(161,),
    sip=(5060,),
)


def doors(inventory: Inventory) -> Doors:
    """Return the usual doors with those where the devices of `inventory` are asked."""
    tcp = {door.port: door for door in USUAL.tcp}
    udp: dict[str, dict[int, None]] = {"snmp": dict.fromkeys(USUAL.snmp), "sip": dict.fromkeys(USUAL.sip)}
    distinct = {id(c.params): c for device in inventory.devices.values() for c in device.checks}
    for check in distinct.values():
        for door in _own(check):
            if len(tcp) < len(USUAL.tcp) + MAX_OWN:
                tcp.setdefault(door.port, door)
        port = getattr(check.params, "port", None)
        if isinstance(port, int) and len(ports := udp.get(check.probe, {})) <= MAX_OWN:
            ports[port] = None
    return Doors(tuple(tcp.values()), tuple(udp["snmp"]), tuple(udp["sip"]))


def _own(check: CheckSpec) -> Iterator[Door]:
    """Yield the TCP port that a check asks, with what is spoken there."""
    if check.probe == "ssh":
        yield Door(int(getattr(check.params, "port", 22)), "ssh", early=True)
    url = str(getattr(check.params, "url", ""))
    if check.probe == "http" and "{address}" in url:
        parsed = URL(url.replace("{address}", "192.0.2.1"))
        if parsed.port:
            yield Door(parsed.port, "https" if parsed.scheme == "https" else "http", early=True)
