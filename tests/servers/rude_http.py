"""HTTP servers that take a request whole and then behave badly, on loopback.

async with hostile.tcp(too_many("7")) as server: ...
"""

from __future__ import annotations

import asyncio
import re
import zlib
from functools import cache

from tests.servers import hostile
from tests.servers.hostile import TcpBehaviour

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


async def request(reader: asyncio.StreamReader) -> bytes:
    """Read one whole request."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"content-length: *([0-9]+)", head, re.IGNORECASE)
    return head + (await reader.readexactly(int(length[1])) if length else b"")


def answers(payload: bytes) -> TcpBehaviour:
    """Answer each connection once."""

    async def behaviour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(payload)
        await writer.drain()

    return behaviour


def too_many(retry_after: str) -> TcpBehaviour:
    """Answer 429 and say when to come back."""
    said = b'{"ok": false, "error_code": 429, "status": 429}'
    head = (
        f"HTTP/1.1 429 Too Many Requests\r\nRetry-After: {retry_after}\r\nContent-Length: {len(said)}\r\n\r\n"
    )
    return answers(head.encode("latin-1") + said)


def redirects(url: str) -> TcpBehaviour:
    """Send whoever asks to another address, with the method and the body kept."""
    return answers(f"HTTP/1.1 307 Elsewhere\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n".encode())


async def taken_and_cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take the request, and reset the connection without a word."""
    await request(reader)
    await hostile.reset(reader, writer)


async def answered_and_cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take the request, begin to say that all is well, and reset the connection."""
    await request(reader)
    writer.write(OK + b'Content-Length: 1000\r\n\r\n{"ok": tr')
    await writer.drain()
    await asyncio.sleep(0.05)
    await hostile.reset(reader, writer)


class Slowly:
    """Answer 200 with ten gigabytes, some kilobytes at a time; counts what was sent."""

    def __init__(self) -> None:
        self.sent = 0

    async def behaviour(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(OK + b"Content-Length: 10000000000\r\n\r\n[")
        while True:
            writer.write(b"[" * 16384)
            await writer.drain()
            self.sent += 16384
            await asyncio.sleep(0.005)


@cache
def bomb() -> bytes:
    """A quarter of a gigabyte of zeros, packed: an answer of a quarter of a megabyte."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    packed = b"".join(packer.compress(bytes(1024 * 1024)) for _ in range(256)) + packer.flush()
    return OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed
