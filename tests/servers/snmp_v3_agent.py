"""An SNMPv3 agent in the test's own loop whose engine id, boots and time the test moves, and whose answers it twists.

async with v3_agent(linux()) as served:
    served.boots += 1; served.age = 0      # it restarted
    served.twist = replaying()             # it says again what it said before
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import cast

from monitor.demo.curve import DAY
from monitor.demo.layout import Place
from monitor.demo.mib import Moment
from monitor.demo.snmp_user import AUTH_PROTOCOL, PRIV_PROTOCOL, USER, Guard, Passwords
from probes.snmp import ber, message
from probes.snmp.keys import KeyRing
from probes.snmp.message import Message, Pdu
from probes.snmp.usm import User, parse
from tests.servers.snmp_agent import Agent, Mib, honest

PASSWORDS = Passwords("xac-thuc-dai", "bi-mat-dai")
Twist = Callable[[bytes, bytes], "list[bytes]"]
"""From the request and the right answer, both as they are on the wire, to the datagrams that are sent."""


class V3Agent(Agent):
    """Answers one user; changes at the test's will."""

    def __init__(self, mib: Mib) -> None:
        super().__init__(mib, (), honest, 1000)
        self.boots, self.age = 5, 1000
        self.reshape: Twist = straight
        self.asked: list[bytes] = []
        self._ring = KeyRing()
        self.become("1/first")

    def become(self, name: str) -> None:
        """Take the engine id of another box."""
        self._guard = Guard(Place(name, "router", "127.0.0.1"), PASSWORDS, self._ring)

    def restarting(self, request: bytes, reply: bytes) -> list[bytes]:
        """Answer, and begin anew each time."""
        self.boots, self.age = self.boots + 1, 0
        return [reply]

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        self.asked.append(data)
        moment = SimpleNamespace(started=self.boots * 30 * DAY, uptime=self.age)
        try:
            reply = self._guard.answer(data, cast(Moment, moment), self._reply)
        except ber.Malformed:
            return
        if reply is not None:
            asyncio.get_running_loop().call_later(self.delay, self._send, self.reshape(data, reply), address)

    def _reply(self, pdu: Pdu) -> Pdu:
        return self._respond(Message(message.V2C, b"", pdu))


@asynccontextmanager
async def v3_agent(mib: Mib) -> AsyncIterator[V3Agent]:
    """Run an agent on a free port of 127.0.0.1."""
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: V3Agent(mib), ("127.0.0.1", 0)
    )
    try:
        yield protocol
    finally:
        transport.close()
        await asyncio.sleep(0)


def its_user(clock: Callable[[], float], auth: str = PASSWORDS.auth, priv: str = PASSWORDS.priv) -> User:
    """Return the user that the agent knows."""
    return User(USER, (AUTH_PROTOCOL, auth), (PRIV_PROTOCOL, priv), KeyRing(), clock)


def straight(request: bytes, reply: bytes) -> list[bytes]:
    """Answer as one should."""
    return [reply]


def replaying() -> Twist:
    """Say again, to every question, what was answered to the first one that was answered under privacy."""
    kept: list[bytes] = []

    def twist(request: bytes, reply: bytes) -> list[bytes]:
        if parse(reply).flags & 2:
            kept.append(reply)
            return kept[:1]
        return [reply]

    return twist


def renumbered() -> Twist:
    """Say again the first answer, with the msgID of the new question written over it (a replay by one who listens)."""
    kept: list[bytes] = []

    def twist(request: bytes, reply: bytes) -> list[bytes]:
        if not parse(reply).flags & 2:
            return [reply]
        kept.append(reply)
        old = parse(kept[0]).key.to_bytes(4, "big")
        return [kept[0].replace(old, parse(request).key.to_bytes(4, "big"), 1)]

    return twist


def bent(request: bytes, reply: bytes) -> list[bytes]:
    """Change one bit of what is encrypted; the digest no longer fits."""
    return [reply[:-1] + bytes((reply[-1] ^ 1,))]


def stripped(request: bytes, reply: bytes) -> list[bytes]:
    """Take the authentication flag off the answer, as one would who cannot make a digest."""
    at = reply.index(b"\x04\x01\x03") + 2 if b"\x04\x01\x03" in reply else -1
    return [reply if at < 0 else reply[:at] + b"\x00" + reply[at + 1 :]]
