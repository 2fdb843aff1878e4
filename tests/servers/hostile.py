"""Servers that misbehave: silent, refusing, garbage, slow, endless, resetting, over TCP and UDP on loopback.

    async with tcp(garbage) as server:      # also: udp(mute), refusing_tcp(), refusing_udp(), filtered_tcp()
        await probe.ask(..., port=server.port)

A TCP behaviour is a coroutine function of (reader, writer); a UDP behaviour is a function from the datagram
received to the datagrams to answer. Parameterised ones are made by a call: ``tcp(drip(b"220 hello\\r\\n"))``.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import cast

LOOPBACK = "127.0.0.1"
GARBAGE = random.Random(20250701).randbytes(4096)  # the same every time; holds newlines and NUL bytes

TcpBehaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
UdpBehaviour = Callable[[bytes], Iterable[bytes]]


@dataclass
class Listener:
    """A server that listens: where, and what it saw."""

    host: str
    port: int
    connections: int = 0
    """TCP: connections accepted. UDP: datagrams received."""
    received: list[bytes] = field(default_factory=list)
    """UDP only: the last 100 datagrams received."""


# -- TCP ---------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def tcp(
    behaviour: TcpBehaviour, *, host: str = LOOPBACK, port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Listener]:
    """Serve `behaviour` to every connection; leaving the block cuts all of them."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            await behaviour(reader, writer)
        writer.close()
        with contextlib.suppress(OSError, ssl.SSLError):
            await writer.wait_closed()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        listener.connections += 1
        task = asyncio.get_running_loop().create_task(serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(lambda _: writer.transport.abort())

    server = await asyncio.start_server(accept, host, port, ssl=tls)
    listener = Listener(host, server.sockets[0].getsockname()[1])
    try:
        yield listener
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # aborted transports close their sockets in the next turn of the loop


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accept, read and never say a word, until the client leaves."""
    while await reader.read(65536):
        pass


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accept and close at once, politely (FIN)."""


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accept and reset the connection (RST)."""
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def reset_on_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Wait for the first bytes of the client, then reset."""
    await reader.read(1)
    await reset(reader, writer)


async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send 4 KiB of random bytes, end the sending side, read what comes."""
    writer.write(GARBAGE)
    await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
        await silent(reader, writer)


async def huge_line(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send 4 MiB without a newline, end the sending side, read what comes."""
    for _ in range(64):
        writer.write(b"A" * 65536)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
        await silent(reader, writer)


def drip(payload: bytes, *, pause: float = 1.0) -> TcpBehaviour:
    """Send `payload` over and over, one byte every `pause` seconds."""

    async def behaviour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            for byte in payload:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(pause)

    return behaviour


def endless(start: bytes = b"", chunk: bytes = b"X" * 65536) -> TcpBehaviour:
    """Send `start` and then `chunk` for ever, as fast as the client reads."""

    async def behaviour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while True:
            writer.write(chunk)
            await writer.drain()
            await asyncio.sleep(0)

    return behaviour


def says(payload: bytes, *, after: float = 0.0, wait: bool = False) -> TcpBehaviour:
    """Send `payload` once after `after` seconds (with `wait`: of the first bytes received); stay open."""

    async def behaviour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if wait:
            await reader.read(65536)
        await asyncio.sleep(after)
        writer.write(payload)
        await writer.drain()
        await silent(reader, writer)

    return behaviour


@contextlib.contextmanager
def refusing_tcp(host: str = LOOPBACK, port: int = 0) -> Iterator[Listener]:
    """A port where nobody listens: bound, so that nobody else gets it, but it refuses every connection."""
    with _bound(socket.SOCK_STREAM, host, port) as closed:
        yield Listener(host, closed.getsockname()[1])


@contextlib.contextmanager
def filtered_tcp(host: str = LOOPBACK) -> Iterator[Listener]:
    """A port that answers no SYN, as behind a firewall that drops: its accept queue is full for ever."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(_bound(socket.SOCK_STREAM, host))
        server.listen(0)
        address = server.getsockname()
        for _ in range(4):  # the first is accepted by the kernel, the others fill its queue and wait
            client = stack.enter_context(socket.socket(server.family, socket.SOCK_STREAM))
            client.setblocking(False)
            client.connect_ex(address)
        yield Listener(host, address[1])


# -- UDP ---------------------------------------------------------------------------------------------------


class _Responder(asyncio.DatagramProtocol):
    def __init__(self, behaviour: UdpBehaviour, listener: Listener) -> None:
        self.behaviour = behaviour
        self.listener = listener

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.listener.connections += 1
        self.listener.received.append(data)
        del self.listener.received[:-100]
        for answer in self.behaviour(data):
            self.transport.sendto(answer, addr)


@contextlib.asynccontextmanager
async def udp(behaviour: UdpBehaviour, *, host: str = LOOPBACK, port: int = 0) -> AsyncIterator[Listener]:
    """Answer every datagram with what `behaviour` returns for it."""
    loop = asyncio.get_running_loop()
    listener = Listener(host, port)
    transport, _ = await loop.create_datagram_endpoint(
        lambda: _Responder(behaviour, listener), local_addr=(host, port)
    )
    listener.port = transport.get_extra_info("sockname")[1]
    try:
        yield listener
    finally:
        transport.close()
        await asyncio.sleep(0)


def mute(datagram: bytes) -> Iterable[bytes]:
    """Answer nothing."""
    return ()


def noise(datagram: bytes) -> Iterable[bytes]:
    """Answer random bytes, an empty datagram, the question itself and the largest datagram there is."""
    return (GARBAGE[:64], b"", datagram, GARBAGE[:1400], (GARBAGE * 16)[:65507])


@contextlib.contextmanager
def refusing_udp(host: str = LOOPBACK, port: int = 0) -> Iterator[Listener]:
    """A port that answers ICMP port unreachable; it stays reserved.

    A connected UDP socket takes datagrams of its peer only; for all others the kernel has no listener there.
    """
    with _bound(socket.SOCK_DGRAM, host, port) as closed, _bound(socket.SOCK_DGRAM, host) as peer:
        closed.connect(peer.getsockname())
        yield Listener(host, closed.getsockname()[1])


def _bound(kind: socket.SocketKind, host: str, port: int = 0) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, kind)
    bound.bind((host, port))
    return bound
