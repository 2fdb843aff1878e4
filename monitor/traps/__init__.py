"""SNMP traps and informs, turned into observations like any other.

The socket is ours, so that a flood costs little: what comes from no known device, or does not claim that device's
credential, is counted and dropped; the rest waits in a bounded queue and goes through `pysnmp`, which is thorough and
slow, at a bounded pace (A32). A device that sends more than can be read is itself an event.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import Counter, deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

import msgspec

from inventory.secrets import Credential
from monitor.part import Part
from monitor.traps.decoder import Decoder, Notification
from monitor.traps.door import Door
from monitor.traps.repeats import Repeats
from monitor.traps.report import TRAP_OID, flood, observation
from probes.core.observation import Observation
from probes.core.words import Said
from probes.snmp.ber import Malformed
from probes.snmp.mib import Mib

log = logging.getLogger(__name__)

QUEUE = 1000
"""Datagrams that may wait in all, and `QUEUE_PER_DEVICE` of one device."""
QUEUE_PER_DEVICE = 100
PACE = 50.0
"""Datagrams a second that are decoded: pysnmp needs some milliseconds for each."""
BURST = 64
MAX_DATAGRAM = 8192
FLOOD_EVERY = timedelta(minutes=1)
"""How often a device that sends more than can be read is told of."""
AUTH_PRIV = 3


class _Waiting(msgspec.Struct, frozen=True):
    datagram: bytes
    source: tuple[Any, ...]
    device: str
    credential: Credential
    engine_id: bytes | None


class TrapReceiver:
    """Listens for traps and informs; use as an async context manager.

    `resolve` names the device at a source address, `credential` gives what that device's notifications must
    be made with, `deliver` gets an observation of the check ``trap`` for each. Port 0 takes any free one.
    """

    def __init__(
        self,
        host: str,
        port: int,
        resolve: Callable[[str], str | None],
        credential: Callable[[str], Credential | None],
        deliver: Callable[[Observation], None],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._address = host, port
        self._resolve = resolve
        self._credential = credential
        self._deliver = deliver
        self._now = now
        self._queue: deque[_Waiting] = deque()
        self._of_device: Counter[str] = Counter()
        self._door = Door()
        self._repeats = Repeats()
        self._floods: Counter[str] = Counter()
        self._told: datetime | None = None
        self._wake = asyncio.Event()
        self._worker = Part("the reader of traps", self._work)
        self.unknown = 0
        """Datagrams from addresses of no device."""
        self.dropped = 0
        """Datagrams of known devices for which there was no room."""
        self.refused = 0
        """Datagrams that were garbage, or whose credential is not that of their device."""
        self.repeated = 0
        """Notifications that said again what was said of the same thing seconds before."""

    @property
    def problem(self) -> Said:
        """Why no trap is read any more; empty while they are."""
        return self._worker.problem

    @property
    def port(self) -> int:
        """Port we listen at."""
        return int(self._socket.getsockname()[1])

    async def __aenter__(self) -> Self:
        """Begin to listen. Raises `OSError` when the port is taken or not allowed."""
        family = socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET
        self._mib = await asyncio.to_thread(Mib.load)
        self._decoder = await asyncio.to_thread(Decoder, self._send, family == socket.AF_INET6)
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)
            self._socket.bind(self._address)
        except OSError:
            self._socket.close()
            raise
        asyncio.get_running_loop().add_reader(self._socket, self._readable)
        await self._worker.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening; what waits is dropped."""
        asyncio.get_running_loop().remove_reader(self._socket)
        await self._worker.__aexit__(kind, error, trace)
        self._socket.close()
        self._decoder.close()

    def _send(self, datagram: bytes, source: tuple[Any, ...]) -> None:
        try:
            self._socket.sendto(datagram, source)
        except OSError as error:
            log.debug("an inform could not be answered", exc_info=error)

    def _readable(self) -> None:
        for _ in range(BURST):
            try:
                datagram, source = self._socket.recvfrom(MAX_DATAGRAM + 1)
            except OSError:
                return
            device = self._resolve(source[0].removeprefix("::ffff:"))
            if device is None:
                self.unknown += 1
            elif len(self._queue) >= QUEUE or self._of_device[device] >= QUEUE_PER_DEVICE:
                self.dropped += 1
                self._floods[device] += 1
            else:
                self._admit(datagram, source, device)

    def _admit(self, datagram: bytes, source: tuple[Any, ...], device: str) -> None:
        credential = self._credential(device)
        try:
            if credential is None or len(datagram) > MAX_DATAGRAM:
                raise Malformed("too long, or of a device without an SNMP credential")
            engine_id = self._door.engine_id(device, datagram, credential)
        except Malformed:
            self.refused += 1
            return
        self._of_device[device] += 1
        self._queue.append(_Waiting(datagram, source, device, credential, engine_id))
        self._wake.set()

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            while self._queue:
                waiting = self._queue.popleft()
                self._of_device[waiting.device] -= 1
                self._handle(waiting)
                self._tell_floods()
                await asyncio.sleep(1 / PACE)
            self._wake.clear()

    def _handle(self, waiting: _Waiting) -> None:
        credential = waiting.credential
        vouches = self._decoder.accept(credential, waiting.engine_id, waiting.datagram)
        found = self._decoder.read(waiting.datagram, waiting.source)
        level = AUTH_PRIV if credential.kind == "snmp_v3" else 1
        good = [one for one in found if one.security == vouches and one.level >= level]
        self.refused += not good
        for one in good:
            self._told_once(waiting.device, one)

    def _told_once(self, device: str, one: Notification) -> None:
        now = self._now()
        trap = next((str(value) for oid, value in one.values if oid == TRAP_OID), "")
        if self._repeats.is_repeated(device, trap, one.values, now):
            self.repeated += 1
        else:
            self._deliver(observation(device, one, now, self._mib))

    def _tell_floods(self) -> None:
        """A flood ends with an empty queue: what was dropped is told while it is worked off."""
        now = self._now()
        if not self._floods or (self._told is not None and now - self._told < FLOOD_EVERY):
            return
        self._told = now
        floods, self._floods = self._floods, Counter()
        for device, dropped in floods.items():
            self._deliver(flood(device, dropped, now))
