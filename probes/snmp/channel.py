"""One UDP socket that carries the questions to many agents and matches their answers.

An answer counts when its id, unpredictable, is one we wait for, and it comes from the address we asked:
anything else is dropped and counted by its reason (abuse case A29). An agent that answers from another of its
addresses is therefore silent to us; the id it carries proves that it is the one, so the failure names that address.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import struct
from collections import Counter, deque
from enum import StrEnum

import msgspec

from probes.core.network import words_of
from probes.core.observation import Outcome
from probes.core.probe import ProbeFailure
from probes.core.words import NOTHING, Words
from probes.snmp.ber import Malformed, read_varbinds
from probes.snmp.form import Read
from probes.snmp.message import Pdu, key_of
from probes.snmp.security import Security
from probes.snmp.template import Template

Address = tuple[str, int] | tuple[str, int, int, int]

TICK = 0.1
"""Seconds between two turns of the timeout wheel."""
SLOTS = 256
"""The longest wait for one datagram is ``TICK * (SLOTS - 1)``."""
BURST = 64
RECEIVE_BYTES = 4 << 20
DATAGRAM_COST = 2304
"""Bytes of socket buffer the kernel charges for one answer of ordinary size (skb truesize)."""
SO_RCVBUFFORCE = 33
_ERROR_QUEUE = {socket.AF_INET: (socket.IPPROTO_IP, 11), socket.AF_INET6: (socket.IPPROTO_IPV6, 25)}
"""Level and number of IP_RECVERR and IPV6_RECVERR (Linux ip(7)); Python does not name them."""
BURST_TICKS = 3
"""Turns of the wheel after which an answer that has not come no longer counts as part of a burst."""
_UNREACHABLE = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN})
_NOT_ALLOWED = frozenset({errno.EACCES, errno.EPERM})


class Drop(StrEnum):
    """Why a datagram was dropped."""

    GARBAGE = "garbage"
    """No SNMP message at all."""
    UNASKED = "unasked"
    """An id that nobody waits for: late, repeated, or made up."""
    ANOTHER_ADDRESS = "another_address"
    """The answer to our question, from an address that was not asked."""
    NOT_VALID = "not_valid"
    """Our id, and a content that the credential does not vouch for or the protocol does not allow."""


class Silence(msgspec.Struct, frozen=True):
    """No answer came in time; `hint` says, for people, what came instead, empty when nothing did."""

    hint: Words = NOTHING


class RequestIds:
    """Unpredictable ids of 31 bits that always take four bytes; the kernel is asked once for many."""

    def __init__(self) -> None:
        self._pool: list[int] = []

    def take(self) -> int:
        """Return one id, 0x800000 to 0x7fffffff."""
        if not self._pool:
            numbers = struct.unpack(">512I", os.urandom(2048))
            self._pool = [number & 0x7FFF_FFFF | 0x0080_0000 for number in numbers]
        return self._pool.pop()


class Waiting:
    """A question on its way."""

    __slots__ = ("address", "answer", "crowds", "datagram", "due", "hint", "read", "security")

    def __init__(
        self,
        address: Address,
        security: Security,
        datagram: bytes,
        answer: asyncio.Future[Pdu | Silence],
        read: Read,
        due: int,
    ) -> None:
        self.crowds = True
        """Whether its answer may still come in a burst, for which the socket's buffer must have room."""
        self.due = due
        self.hint = NOTHING
        self.address = address
        self.security = security
        self.datagram = datagram
        self.answer = answer
        self.read = read


class Channel:
    """One socket with its waiting questions. Use it inside a running loop; `close` it in the end."""

    def __init__(self, family: socket.AddressFamily, in_flight: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._enlarge(family)
        self._room = min(in_flight, self._capacity())
        self._short = self._room // 2
        """Below so much room, places are taken back from questions that wait for long."""
        self._queue: deque[asyncio.Future[None]] = deque()
        self._ids = RequestIds()
        self._waiting: dict[int, Waiting] = {}
        self._wheel: list[list[int]] = [[] for _ in range(SLOTS)]
        self._tick = 0
        self._timer: asyncio.TimerHandle | None = None
        self.drops: Counter[Drop] = Counter()
        """Datagrams that were not taken for an answer."""
        self._loop.add_reader(self._socket, self._readable)

    @property
    def waiting(self) -> int:
        """Questions on their way."""
        return len(self._waiting)

    def close(self) -> None:
        """Stop listening. Questions still on their way end when their tasks do."""
        self._loop.remove_reader(self._socket)
        self._socket.close()
        if self._timer:
            self._timer.cancel()

    async def ask(
        self,
        address: Address,
        security: Security,
        template: Template,
        wait: float,
        read: Read = read_varbinds,
    ) -> Pdu | Silence:
        """Send `template` once and return what came back within `wait` seconds.

        Raises `ProbeFailure`: refused, unreachable, auth_failed.
        """
        if self._room > 0:
            self._room -= 1
        else:
            await self._queued()
        key = self._ids.take()
        waiting = None
        try:
            datagram = security.seal(template, key)
            answer: asyncio.Future[Pdu | Silence] = self._loop.create_future()
            due = self._tick + max(1, min(SLOTS - 1, round(wait / TICK)))
            waiting = self._waiting[key] = Waiting(address, security, datagram, answer, read, due)
            self._wheel[due % SLOTS].append(key)
            if self._room < self._short and due > self._tick + BURST_TICKS:
                self._wheel[(self._tick + BURST_TICKS) % SLOTS].append(key)
            if self._timer is None:
                self._timer = self._loop.call_later(TICK, self._turn)
            self._send(datagram, address)
            return await answer
        finally:
            self._waiting.pop(key, None)
            if waiting is None or waiting.crowds:
                self._leave()

    # -- a bounded number on their way, so that the answers fit in the socket's buffer

    async def _queued(self) -> None:
        turn = self._loop.create_future()
        self._queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave()
            raise

    def _leave(self) -> None:
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._room += 1

    def _enlarge(self, family: socket.AddressFamily) -> None:
        level, number = _ERROR_QUEUE[family]
        self._socket.setsockopt(level, number, 1)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BYTES)
        except PermissionError:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)

    def _capacity(self) -> int:
        size = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        return max(32, size // DATAGRAM_COST)

    # -- time

    def _turn(self) -> None:
        self._tick += 1
        slot = self._tick % SLOTS
        late, self._wheel[slot] = self._wheel[slot], []
        for key in late:
            waiting = self._waiting.get(key)
            if waiting is None or waiting.answer.done():
                continue
            if waiting.due <= self._tick:
                waiting.answer.set_result(Silence(waiting.hint))
            elif waiting.crowds:  # dead agents must not keep the places of those that answer
                waiting.crowds = False
                self._leave()
        self._timer = self._loop.call_later(TICK, self._turn) if self._waiting else None
        if self._timer is None:
            self._wheel = [[] for _ in range(SLOTS)]

    # -- the wire

    def _send(self, datagram: bytes, address: Address) -> None:
        try:
            self._socket.sendto(datagram, address)
        except BlockingIOError:
            return  # as good as lost on the way: the retry will send it again
        except OSError:
            # The kernel may report here what an earlier datagram met (udp(7)): collect that, then send again.
            self._collect_errors()
            self._send_again(datagram, address)

    def _send_again(self, datagram: bytes, address: Address) -> None:
        try:
            self._socket.sendto(datagram, address)
        except BlockingIOError:
            return
        except OSError as error:
            outcome = Outcome.NOT_READY if error.errno in _NOT_ALLOWED else Outcome.UNREACHABLE
            why = words_of(error)
            text = Words(f"không gửi được: {why.vi}", f"cannot send: {why.en}")
            raise ProbeFailure(outcome, text) from error

    def _readable(self) -> None:
        receive = self._socket.recvfrom
        for turn in range(BURST):
            try:
                datagram, address = receive(65535)
            except BlockingIOError:
                if turn == 0:
                    self._collect_errors()
                return
            except OSError:
                self._collect_errors()
                continue
            self._take(datagram, address)

    def _take(self, datagram: bytes, address: Address) -> None:
        try:
            key = key_of(datagram)
        except Malformed:
            self.drops[Drop.GARBAGE] += 1
            return
        waiting = self._waiting.get(key)
        if waiting is None or waiting.answer.done():
            self.drops[Drop.UNASKED] += 1
            return
        if waiting.address != address:
            self.drops[Drop.ANOTHER_ADDRESS] += 1
            waiting.hint = _elsewhere(address, waiting.address)
            return
        try:
            waiting.answer.set_result(waiting.security.open(datagram, key, waiting.read))
        except Malformed as error:
            self.drops[Drop.NOT_VALID] += 1
            waiting.hint = Words(f"trả lời sai: {error}", f"it sends what is no valid answer: {error}")
        except Exception as error:  # noqa: BLE001  a failure, or a bug of ours, belongs to the one who asked
            waiting.answer.set_exception(error)

    def _collect_errors(self) -> None:
        for _ in range(BURST):
            try:
                quoted, control, _flags, address = self._socket.recvmsg(512, 512, socket.MSG_ERRQUEUE)
            except OSError:
                return
            for _level, _kind, content in control:
                self._blame(quoted, address, struct.unpack_from("I", content)[0])

    def _blame(self, quoted: bytes, address: Address, number: int) -> None:
        """An ICMP error quotes the beginning of what we sent: end exactly those questions."""
        failure = _failure(number)
        if failure is None or not quoted:
            return
        for waiting in list(self._waiting.values()):
            if waiting.address == address and waiting.datagram.startswith(quoted[: len(waiting.datagram)]):
                if not waiting.answer.done():
                    waiting.answer.set_exception(failure)
                return


def _elsewhere(found: Address, asked: Address) -> Words:
    """Return where an answer came from, in as much as it differs from where the question went."""
    if found[0] == asked[0]:
        vi, en = f"cổng {found[1]}", f"port {found[1]}"
    else:
        vi, en = f"địa chỉ {found[0]}", f"the address {found[0]}"
    return Words(f"trả lời từ {vi}, không phải nơi được hỏi", f"it answers from {en}, which was not asked")


_NO_AGENT = Words("địa chỉ này không có dịch vụ SNMP", "the address says that no SNMP agent listens there")


def _failure(number: int) -> ProbeFailure | None:
    if number == errno.ECONNREFUSED:
        return ProbeFailure(Outcome.REFUSED, _NO_AGENT)
    if number in _UNREACHABLE:
        why = words_of(OSError(number, os.strerror(number)))
        return ProbeFailure(Outcome.UNREACHABLE, Words(f"mạng báo: {why.vi}", f"the network says: {why.en}"))
    return None
