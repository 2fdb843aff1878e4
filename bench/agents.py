"""A fleet of simulated SNMP agents on loopback: ``python -m bench.agents --count N --port P``.

It prints "ready". Agent number i answers at 127.(64 + i >> 16).(i >> 8 & 255).(i & 255), all on one socket.
Each is a Linux with net-snmp: the system group, CPU, memory, and 8 interfaces with growing counters. A reply
is encoded once for each form of a request; after that only its id and its counters are patched, so that the
fleet costs little beside what it measures. Each also has an SNMPv3 engine with one user (authPriv); some may be
dead, lose datagrams, or answer late.
"""

from __future__ import annotations

import argparse
import bisect
import ipaddress
import random
import select
import socket
import time
from collections import deque
from types import SimpleNamespace
from typing import cast

import msgspec

from monitor.demo.curve import DAY
from monitor.demo.layout import Place
from monitor.demo.mib import Moment
from monitor.demo.snmp_user import Guard, Passwords
from probes.snmp import ber, message
from probes.snmp.ber import oid
from probes.snmp.keys import KeyRing

COMMUNITY = b"public"
INTERFACES = 8
IP_PKTINFO = 8
PASSWORDS = Passwords("mat-khau-dai", "mat-khau-dai")
"""Of the v3 user, `monitor.demo.snmp_user.USER`."""


class Growing(msgspec.Struct, frozen=True):
    """A number that is `base` at the start and grows by `rate` a second, always `width` bytes long."""

    tag: int
    base: int
    rate: int
    width: int

    def encoded(self, age: float) -> bytes:
        """Return the content bytes after `age` seconds."""
        return (self.base + int(self.rate * age)).to_bytes(self.width, "big")


class Fixed(msgspec.Struct, frozen=True):
    """A value that stays."""

    tag: int
    value: ber.Value


Row = Growing | Fixed


def mib(interfaces: int = INTERFACES) -> dict[bytes, Row]:
    """Return everything one agent knows."""
    seconds = Growing(ber.TIMETICKS, 0x0200_0000, 100, 4)
    rows: dict[str, Row] = {
        "1.3.6.1.2.1.1.1.0": Fixed(ber.OCTETS, b"Linux bench 6.1.0 #1 SMP x86_64"),
        "1.3.6.1.2.1.1.2.0": Fixed(ber.OID, oid("1.3.6.1.4.1.8072.3.2.10")),
        "1.3.6.1.2.1.1.3.0": seconds,
        "1.3.6.1.2.1.1.4.0": Fixed(ber.OCTETS, b"noc"),
        "1.3.6.1.2.1.1.5.0": Fixed(ber.OCTETS, b"bench-agent"),
        "1.3.6.1.2.1.1.6.0": Fixed(ber.OCTETS, b"loopback"),
        "1.3.6.1.2.1.2.1.0": Fixed(ber.INTEGER, interfaces),
        "1.3.6.1.2.1.25.1.1.0": seconds,
        "1.3.6.1.2.1.31.1.5.0": Fixed(ber.TIMETICKS, 1234),
    }
    for number, value in ((5, 4_000_000), (6, 800_000), (14, 100_000), (15, 1_500_000)):
        rows[f"1.3.6.1.4.1.2021.4.{number}.0"] = Fixed(ber.INTEGER, value)
    for number, value in ((1, 42), (2, 37), (3, 30)):
        rows[f"1.3.6.1.4.1.2021.10.1.5.{number}"] = Fixed(ber.INTEGER, value)
    for number, rate in ((50, 20), (51, 1), (52, 10), (53, 165), (54, 4)):
        rows[f"1.3.6.1.4.1.2021.11.{number}.0"] = Growing(ber.COUNTER32, 0x1000_0000, rate, 4)
    for index in range(1, interfaces + 1):
        rows |= _interface(index)
    return {oid(text): row for text, row in rows.items()}


def _interface(index: int) -> dict[str, Row]:
    table, extended = "1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1"
    return {
        f"{table}.2.{index}": Fixed(ber.OCTETS, b"GigabitEthernet0/%d" % index),
        f"{table}.3.{index}": Fixed(ber.INTEGER, 6),
        f"{table}.5.{index}": Fixed(ber.GAUGE32, 1_000_000_000),
        f"{table}.7.{index}": Fixed(ber.INTEGER, 1),
        f"{table}.8.{index}": Fixed(ber.INTEGER, 1),
        f"{table}.10.{index}": Growing(ber.COUNTER32, 0x1000_0000, 10_000 * index, 4),
        f"{table}.14.{index}": Growing(ber.COUNTER32, 0x1000_0000, 0, 4),
        f"{table}.16.{index}": Growing(ber.COUNTER32, 0x1000_0000, 7_000 * index, 4),
        f"{table}.20.{index}": Growing(ber.COUNTER32, 0x1000_0000, 0, 4),
        f"{extended}.1.{index}": Fixed(ber.OCTETS, b"Gi0/%d" % index),
        f"{extended}.6.{index}": Growing(ber.COUNTER64, 1 << 50, 1_000_000 * index, 7),
        f"{extended}.10.{index}": Growing(ber.COUNTER64, 1 << 50, 700_000 * index, 7),
        f"{extended}.15.{index}": Fixed(ber.GAUGE32, 1000),
    }


class Reply:
    """A reply encoded once, with the places of its id and of what grows."""

    __slots__ = ("buffer", "growing", "id_at")

    def __init__(self, binds: list[tuple[bytes, int, bytes, Growing | None]]) -> None:
        body, places = bytearray(), []
        for name, tag, content, growing in binds:
            body += ber.tlv(ber.SEQUENCE, ber.tlv(ber.OID, name) + ber.tlv(tag, content))
            if growing:
                places.append((len(body) - growing.width, growing))
        tail = ber.integer(0) + ber.integer(0) + ber.tlv(ber.SEQUENCE, bytes(body))
        pdu = ber.tlv(message.RESPONSE, b"\x02\x04\0\0\0\0" + tail)
        head = ber.integer(message.V2C) + ber.tlv(ber.OCTETS, COMMUNITY)
        whole = ber.tlv(ber.SEQUENCE, head + pdu)
        self.buffer = bytearray(whole)
        self.id_at = len(whole) - len(tail) - 4
        self.growing = [(len(whole) - len(body) + at, at + row.width, row) for at, row in places]
        self.growing = [(at, at + row.width, row) for at, _, row in self.growing]

    def patched(self, request_id: bytes, age: float) -> bytearray:
        """Return the reply to one request, good until the next call."""
        buffer = self.buffer
        buffer[self.id_at : self.id_at + 4] = request_id
        for start, end, row in self.growing:
            buffer[start:end] = row.encoded(age)
        return buffer


class Fleet:
    """Answers requests; every agent is alike."""

    def __init__(self, interfaces: int = INTERFACES) -> None:
        self._rows = mib(interfaces)
        self._order = sorted(self._rows, key=ber.arcs)
        self._keys = [ber.arcs(name) for name in self._order]
        self._replies: dict[bytes, Reply] = {}

    def answer(self, request: bytes, age: float) -> bytearray:
        """Return the reply to a v2c request, `age` seconds after the start. Raises `ber.Malformed`."""
        at = _id_place(request)
        form = request[:at] + request[at + 4 :]
        reply = self._replies.get(form)
        if reply is None:
            reply = self._replies[form] = self._make(message.decode(request).pdu)
        return reply.patched(request[at : at + 4], age)

    def respond(self, pdu: message.Pdu, age: float) -> message.Pdu:
        """Return the answer to a v3 request, `age` seconds after the start."""
        binds: list[ber.VarBind] = []
        for name, tag, content, growing in self._binds(pdu):
            content = growing.encoded(age) if growing else content
            whole = ber.tlv(ber.SEQUENCE, ber.tlv(ber.OID, name) + ber.tlv(tag, content))
            binds += ber.read_varbinds(whole, 0, len(whole))
        return message.Pdu(message.RESPONSE, pdu.request_id, 0, 0, binds)

    def _make(self, pdu: message.Pdu) -> Reply:
        return Reply(self._binds(pdu))

    def _binds(self, pdu: message.Pdu) -> list[tuple[bytes, int, bytes, Growing | None]]:
        names = [bind[0] for bind in pdu.varbinds]
        if pdu.tag == message.GET:
            return [self._bind(name) for name in names]
        binds = []
        for _ in range(pdu.error_index if pdu.tag == message.GET_BULK else 1):
            names = [self._after(name) or name for name in names]
            binds += [self._bind(name, ended=name not in self._rows) for name in names]
        return binds

    def _after(self, name: bytes) -> bytes | None:
        place = bisect.bisect_right(self._keys, ber.arcs(name))
        return self._order[place] if place < len(self._order) else None

    def _bind(self, name: bytes, ended: bool = False) -> tuple[bytes, int, bytes, Growing | None]:
        row = self._rows.get(name)
        if isinstance(row, Growing):
            return name, row.tag, row.encoded(0), row
        if row is None or ended:
            return name, ber.END_OF_MIB if ended else ber.NO_SUCH_INSTANCE, b"", None
        _, start, end = ber.header(ber.encode_value(row.tag, row.value), 0)
        return name, row.tag, ber.encode_value(row.tag, row.value)[start:end], None


def _id_place(request: bytes) -> int:
    """Return where the four bytes of the request id stand. Raises `ber.Malformed`."""
    _, at, _ = ber.header(request, 0)
    _, _, at = ber.header(request, at)
    _, _, at = ber.header(request, at)
    _, at, _ = ber.header(request, at)
    _, start, end = ber.header(request, at)
    if end - start != 4:
        raise ber.Malformed("an id of another length than the engine uses")
    return start


def address(number: int) -> str:
    """Return the address of agent `number`."""
    return f"127.{64 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


class Users:
    """The fleet's side of SNMPv3: an engine for each agent."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._ring = KeyRing()
        self._guards: dict[bytes, Guard] = {}

    def answer(self, request: bytes, asked: bytes, age: float) -> bytes | None:
        """Return the reply of the agent at the address `asked`. Raises `ber.Malformed`."""
        guard = self._guards.get(asked)
        if guard is None:
            guard = self._guards[asked] = Guard(Place(f"1/{asked.hex()}", "agent", ""), PASSWORDS, self._ring)
        moment = SimpleNamespace(started=30 * DAY, uptime=1000 + age)
        return guard.answer(request, cast(Moment, moment), lambda pdu: self._fleet.respond(pdu, age))


class Trouble(msgspec.Struct, frozen=True):
    """What goes wrong: percent of agents that are dead, percent of replies that are lost, seconds of delay."""

    dead: int = 0
    loss: int = 0
    latency: float = 0.0


def is_dead(number: int, percent: int) -> bool:
    """Return whether agent `number` is one of the dead."""
    return number * 7919 % 100 < percent


class Server:
    """Answers for the whole fleet on one socket."""

    def __init__(self, sock: socket.socket, count: int, interfaces: int, trouble: Trouble) -> None:
        self._socket = sock
        self._first, self._last = (int(ipaddress.ip_address(address(n))) for n in (0, count - 1))
        self._fleet = Fleet(interfaces)
        self._users = Users(self._fleet)
        self._trouble = trouble
        self._dice = random.Random(1)
        self._late: deque[tuple[float, bytes, bytes, tuple[str, int]]] = deque()
        self._began = time.monotonic()

    def run(self) -> None:
        """Answer until killed."""
        while True:
            if self._trouble.latency:
                self._send_late()
            request, control, _, source = self._socket.recvmsg(4096, 64)
            asked = control[0][2][8:12] if control else b""
            number = int.from_bytes(asked, "big") - self._first
            if not 0 <= number <= self._last - self._first or is_dead(number, self._trouble.dead):
                continue
            if self._trouble.loss and self._dice.random() * 100 < self._trouble.loss:
                continue
            reply = self._reply(request, asked)
            if reply is None:
                continue
            if self._trouble.latency:
                self._late.append((time.monotonic() + self._trouble.latency, bytes(reply), asked, source))
            else:
                self._send(reply, asked, source)

    def _reply(self, request: bytes, asked: bytes) -> bytes | bytearray | None:
        age = time.monotonic() - self._began
        try:
            if message.version_of(request)[0] == message.V3:
                return self._users.answer(request, asked, age)
            return self._fleet.answer(request, age)
        except ber.Malformed:
            return None

    def _send(self, reply: bytes | bytearray, asked: bytes, source: tuple[str, int]) -> None:
        # ipi_spec_dst is the address the reply leaves from
        out = [(socket.IPPROTO_IP, IP_PKTINFO, bytes(4) + asked + bytes(4))]
        self._socket.sendmsg([reply], out, 0, source)

    def _send_late(self) -> None:
        """Send what is due, and wait for a request no longer than until the next is."""
        readable: list[socket.socket] = []
        while not readable:
            now = time.monotonic()
            while self._late and self._late[0][0] <= now:
                self._send(*self._late.popleft()[1:])
            wait = max(0.0, self._late[0][0] - now) if self._late else None
            readable, _, _ = select.select([self._socket], [], [], wait)


def serve(count: int, port: int, interfaces: int, trouble: Trouble) -> None:
    """Answer for `count` agents until killed."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
        sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        sock.bind(("0.0.0.0", port))
        print("ready", flush=True)
        Server(sock, count, interfaces, trouble).run()


def main() -> None:
    """Run the fleet."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--port", type=int, default=21161)
    parser.add_argument("--ports", type=int, default=INTERFACES, help="Interfaces of each agent.")
    parser.add_argument("--dead", type=int, default=0, help="Percent of agents that never answer.")
    parser.add_argument("--loss", type=int, default=0, help="Percent of replies that are lost.")
    parser.add_argument("--latency", type=int, default=0, help="Milliseconds until a reply leaves.")
    options = parser.parse_args()
    trouble = Trouble(options.dead, options.loss, options.latency / 1000)
    try:
        serve(options.count, options.port, options.ports, trouble)
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()
