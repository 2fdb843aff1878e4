"""The TCP connection below asyncssh: what the server says first is read on the connection that then logs in.

asyncssh keeps the peer's KEXINIT to itself, and asking a second time would cost a connection that OpenSSH 9.8
and later counts against us (PerSourcePenalties).
"""

from __future__ import annotations

import asyncio

from asyncssh import SSHClientConnection

from probes.core.network import Network, at_port, failure
from probes.core.observation import Outcome
from probes.core.probe import ProbeFailure
from probes.core.words import Words
from probes.ssh.offer import MAX_PACKET, MAX_PREFACE, Malformed, Offer, preface, read

_MAX_START = MAX_PREFACE + 4 * MAX_PACKET
_PATIENCE = 3.0
"""Seconds from a server's first word to its complete offer; one that speaks and does not come to it is no SSH
server, which is more than a timeout says."""


class Overture(asyncio.Protocol):
    """Reads the server's offer as it passes, then steps aside; what is not SSH ends the connection."""

    def __init__(self, connection: SSHClientConnection) -> None:
        self.offer: Offer | None = None
        self.malformed: Malformed | None = None
        self._start = b""
        self._connection = connection
        self._transport: asyncio.Transport | None = None
        self._limit: asyncio.TimerHandle | None = None

    @property
    def heard(self) -> str:
        """The first line the server said, cleaned; ``""`` before it said anything."""
        return preface(self._start)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hand the transport to asyncssh."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  (what create_connection promises)
        self._transport = transport
        self._connection.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Read along until the offer is complete."""
        if not self._start:
            self._limit = asyncio.get_running_loop().call_later(_PATIENCE, self._give_up)
        self._start += data
        try:
            self.offer = read(self._start)
            if self.offer is None and len(self._start) > _MAX_START:
                raise Malformed("no KEXINIT")
        except Malformed as error:
            self._end(error)
            return
        if self.offer is not None and self._transport is not None:
            self._cancel_limit()
            self._transport.set_protocol(self._connection)
        self._connection.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass it on."""
        self._connection.eof_received()
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass it on."""
        self._cancel_limit()
        self._connection.connection_lost(exc)

    def pause_writing(self) -> None:
        """Pass it on."""
        self._connection.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        self._connection.resume_writing()

    def _give_up(self) -> None:
        self._end(Malformed(f"the device said {self.heard!r} and then nothing"))

    def _end(self, error: Malformed) -> None:
        self.malformed = error
        if self._transport is not None:
            self._transport.abort()

    def _cancel_limit(self) -> None:
        if self._limit is not None:
            self._limit.cancel()


class Wire:
    """One connection to the IP `address` and `port`, in the shape of asyncssh's tunnels."""

    def __init__(self, network: Network, address: str, port: int) -> None:
        self._network = network
        self.address = address
        self.port = port
        self.overture: Overture | None = None

    async def create_connection(
        self, factory: type[SSHClientConnection], host: str, port: int
    ) -> tuple[asyncio.Transport, SSHClientConnection]:
        """Connect, for asyncssh. Raises `ProbeFailure` when that is not possible."""
        connection = factory()  # type: ignore[call-arg]  # asyncssh gives a function without parameters
        overture = self.overture = Overture(connection)
        try:
            ours = await self._network.connect(self.address, self.port)
            transport, _ = await asyncio.get_running_loop().create_connection(lambda: overture, sock=ours)
        except OSError as error:
            raise failure(error, at_port("SSH", self.port)) from error
        return transport, connection


async def greeting(network: Network, address: str, port: int) -> None:
    """Return when the server still greets a newcomer; raises `ProbeFailure`.

    A kept connection outlives its server: only a new one tells whether anybody else could log in now.
    """
    try:
        ours = await network.connect(address, port)
        reader, writer = await asyncio.open_connection(sock=ours, limit=MAX_PREFACE)
    except OSError as error:
        raise failure(error, at_port("SSH", port)) from error
    try:
        said = await reader.read(4)
    except OSError as error:
        raise failure(error, at_port("SSH", port)) from error
    finally:
        writer.transport.abort()
    if not said:
        name = at_port("SSH", port)
        text = Words(f"{name.vi} ngắt ngay kết nối mới", f"{name.en} hangs up on a new connection")
        raise ProbeFailure(Outcome.PROTOCOL_ERROR, text)
