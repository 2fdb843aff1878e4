"""SNMP traps and informs, turned into observations like any other.

The socket is ours, so that a flood costs little: what comes from no known device is counted and dropped, the
rest waits in a bounded queue and goes through `pysnmp`, which is thorough and slow, at a bounded pace (A32).
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import Counter, deque
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import msgspec

from inventory.secrets import Credential
from monitor.part import Part
from monitor.traps.decoder import Decoder
from monitor.traps.report import observation
from probes.core.observation import Observation
from probes.snmp.ber import Malformed
from probes.snmp.message import V3, version_of
from probes.snmp.usm import engine_id_of

log = logging.getLogger(__name__)

QUEUE = 1000
"""Datagrams that may wait in all, and `QUEUE_PER_DEVICE` of one device."""
QUEUE_PER_DEVICE = 100
PACE = 50.0
"""Datagrams a second that are decoded: pysnmp needs some milliseconds for each."""
BURST = 64
MAX_DATAGRAM = 8192
MAX_ENGINES = 4
"""Engine ids that one device may come with before the service starts anew."""
AUTH_PRIV = 3


class _Waiting(msgspec.Struct, frozen=True):
    datagram: bytes
    source: tuple[Any, ...]
    device: str


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
        self._engines: dict[str, set[bytes]] = {}
        self._wake = asyncio.Event()
        self._worker = Part("the reader of traps", self._work)
        self.unknown = 0
        """Datagrams from addresses of no device."""
        self.dropped = 0
        """Datagrams of known devices for which there was no room."""
        self.refused = 0
        """Datagrams that were garbage, or whose credential is not that of their device."""

    @property
    def problem(self) -> str:
        """Why no trap is read any more; empty while they are."""
        return self._worker.problem

    @property
    def port(self) -> int:
        """Port we listen at."""
        return int(self._socket.getsockname()[1])

    async def __aenter__(self) -> Self:
        """Begin to listen. Raises `OSError` when the port is taken or not allowed."""
        family = socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET
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
            else:
                self._of_device[device] += 1
                self._queue.append(_Waiting(datagram, source, device))
                self._wake.set()

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            while self._queue:
                waiting = self._queue.popleft()
                self._of_device -= Counter((waiting.device,))
                self._handle(waiting)
                await asyncio.sleep(1 / PACE)
            self._wake.clear()

    def _handle(self, waiting: _Waiting) -> None:
        credential = self._credential(waiting.device)
        if credential is None or len(waiting.datagram) > MAX_DATAGRAM:
            self.refused += 1
            return
        try:
            vouches = self._decoder.accept(credential, self._engine_id(waiting, credential))
        except Malformed:
            self.refused += 1
            return
        found = self._decoder.read(waiting.datagram, waiting.source)
        level = AUTH_PRIV if credential.kind == "snmp_v3" else 1
        good = [one for one in found if one.security == vouches and one.level >= level]
        self.refused += not good
        for one in good:
            self._deliver(observation(waiting.device, one, self._now()))

    def _engine_id(self, waiting: _Waiting, credential: Credential) -> bytes | None:
        """Return the sender's engine id for v3. Raises `Malformed`, also when it changes too often."""
        is_v3 = version_of(waiting.datagram)[0] == V3
        if is_v3 != (credential.kind == "snmp_v3"):
            raise Malformed("another version than the device's credential is for")
        engine_id = engine_id_of(waiting.datagram) if is_v3 else b""
        if not engine_id:
            return None
        known = self._engines.setdefault(waiting.device, set())
        if engine_id not in known and len(known) >= MAX_ENGINES:
            raise Malformed("one engine id too many")
        known.add(engine_id)
        return engine_id
