"""Where a request comes from: the connection says it, or a proxy that the settings trust."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

import msgspec
from aiohttp import web

from inventory.network_policy import IpNetwork, parsed


class Peer(msgspec.Struct, frozen=True):
    """The other end."""

    address: str
    secure: bool
    """Whether the browser speaks TLS, to us or to the proxy."""


class Peers:
    """Reads ``X-Forwarded-For`` and ``X-Forwarded-Proto`` of trusted proxies, and of nobody else."""

    def __init__(self, proxies: Iterable[str]) -> None:
        self._proxies = parsed(proxies)

    def of(self, request: web.Request) -> Peer:
        """Return who is at the other end."""
        address = _plain(request.remote or "")
        if not self._trusts(address):
            return Peer(address, request.secure)
        proto = request.headers.get("X-Forwarded-Proto", "").rpartition(",")[2].strip().lower()
        return Peer(self._before(address, request), proto == "https" or (not proto and request.secure))

    def _before(self, address: str, request: web.Request) -> str:
        """Return the last address that no trusted proxy has: what stands before it, anybody may have written."""
        said = ",".join(request.headers.getall("X-Forwarded-For", ()))[-2000:]
        for hop in reversed(said.split(",")):
            hop = _plain(hop.strip())
            if not _is_address(hop):
                return address
            address = hop
            if not self._trusts(hop):
                return address
        return address

    def _trusts(self, address: str) -> bool:
        return _is_address(address) and any(_holds(network, address) for network in self._proxies)


def _plain(text: str) -> str:
    """Return an IPv4 address that is written as IPv6 (``::ffff:192.0.2.1``) as itself: else all were one network."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return text
    mapped = found.ipv4_mapped if found.version == 6 else None
    return str(mapped) if mapped else text


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _holds(network: IpNetwork, address: str) -> bool:
    return ipaddress.ip_address(address) in network
