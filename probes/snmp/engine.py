"""The SNMP engine: one question to one agent, over a few shared sockets.

`Engine.request` is the whole interface, so that another core can take its place.
"""

from __future__ import annotations

import socket

from probes.snmp.ber import read_varbinds
from probes.snmp.channel import Address, Channel
from probes.snmp.form import Read
from probes.snmp.message import REPORT, Pdu
from probes.snmp.security import Security
from probes.snmp.template import Template

SHARDS = 4
"""Sockets per address family: Debian allows each only 208 KiB of received answers without privilege."""
IN_FLIGHT = 1024
LESSONS = 3
"""How many v3 Reports one question may cost: engine id, time window, and one for a restart in between."""


class Peer:
    """One agent: where it is and how its messages are sealed.

    ``wait`` is in seconds, for one datagram; ``tries`` is how often a question may meet silence.
    """

    __slots__ = ("address", "family", "security", "tries", "wait")

    def __init__(self, address: Address, security: Security, wait: float = 2.0, tries: int = 2) -> None:
        self.address = address
        self.family = socket.AF_INET6 if len(address) == 4 else socket.AF_INET
        self.security = security
        self.wait = wait
        self.tries = tries


class Engine:
    """Asks agents. Use as an async context manager; sockets open at the first question of their family."""

    def __init__(self, shards: int = SHARDS, in_flight: int = IN_FLIGHT) -> None:
        """`in_flight`: most questions on their way at each socket; fewer where its buffer is small."""
        self._shards = shards
        self._in_flight = in_flight
        self._channels: dict[tuple[socket.AddressFamily, int], Channel] = {}

    async def __aenter__(self) -> Engine:
        return self

    async def __aexit__(self, *_: object) -> None:
        for channel in self._channels.values():
            channel.close()
        self._channels.clear()

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Sockets that are open."""
        return tuple(self._channels.values())

    @property
    def dropped(self) -> int:
        """Datagrams so far that answered no question of ours."""
        return sum(channel.dropped for channel in self.channels)

    async def request(self, peer: Peer, template: Template, read: Read = read_varbinds) -> Pdu:
        """Ask, and ask again with a fresh id after silence. Returns the response, whatever its error-status.

        Raises `ProbeFailure`: timeout, refused, unreachable, auth_failed, not_ready.
        """
        channel = self._channel(peer)
        silences = lessons = 0
        while silences < peer.tries and lessons <= LESSONS:
            answer = await channel.ask(peer.address, peer.security, template, peer.wait, read)
            if answer is None:
                silences += 1
                peer.security.silent()
            elif answer.tag == REPORT:
                lessons += 1
            else:
                return answer
        raise peer.security.unanswered()

    def _channel(self, peer: Peer) -> Channel:
        key = peer.family, hash(peer.address) % self._shards
        channel = self._channels.get(key)
        if channel is None:
            channel = self._channels[key] = Channel(peer.family, self._in_flight)
        return channel


def socket_address(address: str, port: int) -> Address:
    """Return an IP address with a port as sockets name it."""
    return (address, port, 0, 0) if ":" in address else (address, port)
