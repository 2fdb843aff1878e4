"""A small SIP user agent on loopback that answers OPTIONS as a test wants."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable

from tests.servers.hostile import TcpBehaviour, UdpBehaviour, silent

_COPIED = re.compile(rb"(?im)^(via|from|to|call-id|cseq):[^\r\n]*\r?\n")

Answerer = Callable[[bytes], bytes]


def answer(status: str, *more: str, without: str = "", to_tag: str = "x1") -> Answerer:
    """Return what makes a response to a request: `status` is ``"200 OK"``, `more` are header lines."""

    def respond(request: bytes) -> bytes:
        copied = [match[0] for match in _COPIED.finditer(request) if match[1].decode().lower() != without]
        copied = [
            line.rstrip() + f";tag={to_tag}".encode() if line[:3] == b"To:" else line.rstrip()
            for line in copied
        ]
        lines = [
            f"SIP/2.0 {status}".encode(),
            *copied,
            *(line.encode() for line in more),
            b"Content-Length: 0",
        ]
        return b"\r\n".join(lines) + b"\r\n\r\n"

    return respond


def replying(*answerers: Answerer) -> UdpBehaviour:
    """Answer every datagram with every response, in order."""

    def behaviour(datagram: bytes) -> Iterable[bytes]:
        return [respond(datagram) for respond in answerers]

    return behaviour


def deaf(times: int, respond: Answerer) -> UdpBehaviour:
    """Lose the first `times` datagrams, answer the later ones."""
    heard = 0

    def behaviour(datagram: bytes) -> Iterable[bytes]:
        nonlocal heard
        heard += 1
        return [respond(datagram)] if heard > times else ()

    return behaviour


def serving(*answerers: Answerer, before: bytes = b"") -> TcpBehaviour:
    """Over TCP or TLS: say `before`, read one request, send every response, stay open."""

    async def behaviour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(before)
        request = await reader.readuntil(b"\r\n\r\n")
        for respond in answerers:
            writer.write(respond(request))
        await writer.drain()
        await silent(reader, writer)

    return behaviour
