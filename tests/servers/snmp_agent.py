"""An SNMP v1/v2c agent in the test's own loop: well behaved, or twisted in one way.

    async with agent(linux()) as served:            # answers
    async with agent(linux(), twist=silent) as ...   # does not

A twist takes the answer on its way out and returns the datagrams to send instead, perhaps from another socket.
"""

from __future__ import annotations

import asyncio
import bisect
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

import msgspec

from probes.snmp import ber, message
from probes.snmp.ber import Value, VarBind, oid
from probes.snmp.message import Message, Pdu

Mib = dict[str, tuple[int, Value]]
Twist = Callable[[Message, Message], "list[bytes]"]
"""From the request and the right answer to the datagrams that are sent."""


class Agent(asyncio.DatagramProtocol):
    """Answers GET, GETNEXT and GETBULK from `mib`, which may be changed while it runs."""

    def __init__(self, mib: Mib, communities: tuple[str, ...], twist: Twist, most: int) -> None:
        self.mib = mib
        self.twist = twist
        self.requests: list[Message] = []
        self._communities = {community.encode() for community in communities}
        self._most = most
        self._order: list[tuple[tuple[int, ...], str]] = []
        self.transport: asyncio.DatagramTransport | None = None
        self.port = 0
        self.delay = 0.0
        self.stranger: asyncio.DatagramTransport | None = None
        """Another address to answer from, when set."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        try:
            request = message.decode(data)
        except ber.Malformed:
            return
        if request.community not in self._communities:
            return
        self.requests.append(request)
        out = self.twist(request, Message(request.version, request.community, self._respond(request)))
        asyncio.get_running_loop().call_later(self.delay, self._send, out, address)

    def _send(self, datagrams: list[bytes], address: tuple[str, int]) -> None:
        transport = self.stranger or self.transport
        if transport is not None and not transport.is_closing():
            for datagram in datagrams:
                transport.sendto(datagram, address)

    def _respond(self, request: Message) -> Pdu:
        asked, names = request.pdu, [ber.dotted(bind[0]) for bind in request.pdu.varbinds]
        self._order = sorted((ber.arcs(oid(name)), name) for name in self.mib)
        if asked.tag == message.GET:
            binds = [self._exact(name) for name in names]
        elif asked.tag == message.GET_NEXT:
            binds = [self._next(name) for name in names]
        else:
            binds = []
            for _ in range(asked.error_index):
                row = [self._next(name) for name in names]
                binds += row
                names = [ber.dotted(bind[0]) for bind in row]
        missing = next((at for at, bind in enumerate(binds, 1) if bind[1] >= ber.NO_SUCH_OBJECT), 0)
        if request.version == message.V1 and missing:
            status, binds = message.NO_SUCH_NAME, list(asked.varbinds)
            return Pdu(message.RESPONSE, asked.request_id, status, missing, binds)
        if len(binds) > self._most:
            return Pdu(message.RESPONSE, asked.request_id, message.TOO_BIG, 0, [])
        return Pdu(message.RESPONSE, asked.request_id, 0, 0, binds)

    def _exact(self, name: str) -> VarBind:
        return (oid(name), *self.mib.get(name, (ber.NO_SUCH_INSTANCE, None)))

    def _next(self, name: str) -> VarBind:
        place = bisect.bisect_right(self._order, (ber.arcs(oid(name)), "~"))
        if place == len(self._order):
            return oid(name), ber.END_OF_MIB, None
        following = self._order[place][1]
        return (oid(following), *self.mib[following])


@asynccontextmanager
async def agent(
    mib: Mib, *, communities: tuple[str, ...] = ("public",), twist: Twist | None = None, most: int = 1000
) -> AsyncIterator[Agent]:
    """Run an agent on a free port of 127.0.0.1; answers of more than `most` variables are tooBig."""
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(
        lambda: Agent(mib, communities, twist or honest, most), ("127.0.0.1", 0)
    )
    other, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, ("127.0.0.1", 0))
    try:
        if twist is from_another_address:
            protocol.stranger = other
        yield protocol
    finally:
        transport.close()
        other.close()
        await asyncio.sleep(0)


def honest(request: Message, answer: Message) -> list[bytes]:
    """Answer as one should."""
    return [message.encode(answer)]


def from_another_address(request: Message, answer: Message) -> list[bytes]:
    """Give the right answer; `agent` sends it from a port nobody asked."""
    return [message.encode(answer)]


def silent(request: Message, answer: Message) -> list[bytes]:
    """Say nothing."""
    return []


def wrong_id(request: Message, answer: Message) -> list[bytes]:
    """Answer a question nobody asked."""
    return [message.encode(_changed(answer, request_id=answer.pdu.request_id ^ 1))]


def garbage_first(request: Message, answer: Message) -> list[bytes]:
    """Send noise, then the right answer."""
    noise = random.Random(request.pdu.request_id)
    return [b"\x30", noise.randbytes(40), message.encode(answer)[:-3], message.encode(answer)]


def another_community(request: Message, answer: Message) -> list[bytes]:
    """Answer under another community."""
    return [message.encode(Message(answer.version, b"other", answer.pdu))]


def circle(request: Message, answer: Message) -> list[bytes]:
    """Answer every GETBULK and GETNEXT with one and the same variable (abuse case A28)."""
    if request.pdu.tag == message.GET:
        return [message.encode(answer)]
    binds: list[VarBind] = [(bind[0] + b"\x05", ber.INTEGER, 1) for bind in request.pdu.varbinds[:1]]
    if binds[0][0].endswith(b"\x05\x05"):
        binds = [(request.pdu.varbinds[0][0], ber.INTEGER, 1)]
    return [message.encode(_changed(answer, varbinds=binds * 20))]


def backwards(request: Message, answer: Message) -> list[bytes]:
    """Answer every GETBULK and GETNEXT with rows in the wrong order."""
    if request.pdu.tag == message.GET:
        return [message.encode(answer)]
    start = request.pdu.varbinds[0][0]
    binds: list[VarBind] = [(start + bytes((at,)), ber.INTEGER, 1) for at in (9, 7, 5)]
    return [message.encode(_changed(answer, varbinds=binds))]


def endless(request: Message, answer: Message) -> list[bytes]:
    """Answer every GETBULK and GETNEXT with more rows of the same table."""
    if request.pdu.tag == message.GET:
        return [message.encode(answer)]
    whole = ber.arcs(request.pdu.varbinds[0][0])
    table, last = (whole[:-1], whole[-1]) if len(whole) > 10 else (whole, 0)
    rows = range(last + 1, last + 1 + max(1, request.pdu.error_index))
    binds: list[VarBind] = [(ber.join_arcs((*table, row)), ber.INTEGER, 1) for row in rows]
    return [message.encode(_changed(answer, varbinds=binds))]


def broken_content(request: Message, answer: Message) -> list[bytes]:
    """Answer with the right id and a variable that claims to be longer than it is."""
    last = ber.varbind(*answer.pdu.varbinds[-1])
    return [message.encode(answer).replace(last, bytes((last[0], last[1] - 1)) + last[2:])]


def failing(status: int) -> Twist:
    """Answer every question with this error-status."""

    def twist(request: Message, answer: Message) -> list[bytes]:
        changed = _changed(answer, error_status=status, varbinds=list(request.pdu.varbinds))
        return [message.encode(changed)]

    return twist


def gen_err_at(name: str) -> Twist:
    """Answer genErr whenever `name` is asked for, pointing at it."""

    def twist(request: Message, answer: Message) -> list[bytes]:
        names = [bind[0] for bind in request.pdu.varbinds]
        if oid(name) not in names:
            return [message.encode(answer)]
        index = names.index(oid(name)) + 1
        return [message.encode(_changed(answer, error_status=message.GEN_ERR, error_index=index))]

    return twist


def _changed(answer: Message, **changes: object) -> Message:
    pdu = msgspec.structs.replace(answer.pdu, **changes)
    return Message(answer.version, answer.community, pdu)


def linux(interfaces: int = 3, uptime: int = 1_000_000, first: int = 1) -> Mib:
    """Return what a Linux with net-snmp knows, in brief."""
    mib: Mib = {
        "1.3.6.1.2.1.1.1.0": (ber.OCTETS, b"Linux test"),
        "1.3.6.1.2.1.1.2.0": (ber.OID, oid("1.3.6.1.4.1.8072.3.2.10")),
        "1.3.6.1.2.1.1.3.0": (ber.TIMETICKS, uptime),
        "1.3.6.1.2.1.1.5.0": (ber.OCTETS, b"may-chu"),
        "1.3.6.1.2.1.2.1.0": (ber.INTEGER, interfaces),
        "1.3.6.1.4.1.2021.4.5.0": (ber.INTEGER, 1000),
        "1.3.6.1.4.1.2021.4.27.0": (ber.INTEGER, 250),
    }
    for number, ticks in ((50, 100), (51, 0), (52, 100), (53, 800), (54, 0)):
        mib[f"1.3.6.1.4.1.2021.11.{number}.0"] = (ber.COUNTER32, ticks)
    for index in range(first, first + interfaces):
        mib |= interface(index)
    return mib


def interface(index: int, received: int = 0, sent: int = 0, oper: int = 1, admin: int = 1) -> Mib:
    """Return one interface's rows."""
    table, extended = "1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1"
    return {
        f"{table}.2.{index}": (ber.OCTETS, b"GigabitEthernet0/%d" % index),
        f"{table}.3.{index}": (ber.INTEGER, 6),
        f"{table}.5.{index}": (ber.GAUGE32, 1_000_000_000),
        f"{table}.7.{index}": (ber.INTEGER, admin),
        f"{table}.8.{index}": (ber.INTEGER, oper),
        f"{table}.10.{index}": (ber.COUNTER32, received % 2**32),
        f"{table}.16.{index}": (ber.COUNTER32, sent % 2**32),
        f"{extended}.1.{index}": (ber.OCTETS, b"Gi0/%d" % index),
        f"{extended}.6.{index}": (ber.COUNTER64, received),
        f"{extended}.10.{index}": (ber.COUNTER64, sent),
        f"{extended}.15.{index}": (ber.GAUGE32, 1000),
    }
