"""The first flight of a TLS handshake as bytes: our ClientHello, the server's answer (RFC 5246, 8446, 6101).

Written by hand because no library still offers SSL 3.0, RC4 or export suites, which is what has to be found.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from typing import Final

import msgspec

SSL_2, SSL_3, TLS_1_0, TLS_1_1, TLS_1_2, TLS_1_3 = 0x0002, 0x0300, 0x0301, 0x0302, 0x0303, 0x0304
NAMES: Final = {
    SSL_2: "SSLv2",
    SSL_3: "SSLv3",
    TLS_1_0: "TLS1.0",
    TLS_1_1: "TLS1.1",
    TLS_1_2: "TLS1.2",
    TLS_1_3: "TLS1.3",
}
MAX_HANDSHAKE: Final = 64 * 1024
"""Bytes of one server's answer (abuse case A60)."""
_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
"""Random of a HelloRetryRequest (RFC 8446 §4.1.3): the version is accepted all the same."""
_SIGNATURES = bytes.fromhex(
    "040305030603080708080809080a080b080408050806040105010601030302030301020103020202040205020602"
)
_GROUPS = bytes.fromhex("001d00170018001900 1e0100010101020103 0104".replace(" ", ""))


class Malformed(Exception):
    """The answer is not TLS; the text says how."""


class Alert(msgspec.Struct, frozen=True):
    """The server refused: `description` is the alert's number (RFC 8446 §6)."""

    description: int


class ServerHello(msgspec.Struct, frozen=True):
    """What the server chose, and what it sent in the clear after it."""

    version: int
    suite: int
    compression: bool
    secure_renegotiation: bool
    """RFC 5746; always true for TLS 1.3, which cannot renegotiate."""
    chain: tuple[bytes, ...] = ()
    """DER certificates, the server's own first; empty for TLS 1.3, where they are encrypted."""
    dh_bits: int | None = None
    """Length of the prime of a finite-field key exchange."""


def client_hello(version: int, suites: Sequence[int], server_name: str = "") -> bytes:
    """Return one record offering exactly `version` and `suites`."""
    legacy = min(version, TLS_1_2)
    body = legacy.to_bytes(2, "big") + os.urandom(32)
    body += _vector(os.urandom(32) if version == TLS_1_3 else b"", 1)
    body += _vector(
        b"".join(suite.to_bytes(2, "big") for suite in (*suites, 0x00FF)), 2
    )  # 00FF: RFC 5746 §3.3
    body += (
        b"\x01\x00" if version == TLS_1_3 else b"\x02\x01\x00"
    )  # deflate is offered to see whether it is taken
    if version > SSL_3:
        body += _vector(_extensions(version, server_name), 2)
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16" + min(legacy, TLS_1_0).to_bytes(2, "big") + _vector(message, 2)


def ssl2_client_hello() -> bytes:
    """Return the CLIENT-HELLO of SSL 2.0 with its seven cipher kinds."""
    kinds = bytes.fromhex("0100800200800300800400800500800600400700c0")
    body = b"\x01\x00\x02" + len(kinds).to_bytes(2, "big") + b"\x00\x00\x00\x10" + kinds + os.urandom(16)
    return (0x8000 | len(body)).to_bytes(2, "big") + body


def _extensions(version: int, server_name: str) -> bytes:
    found = _extension(10, _vector(_GROUPS, 2)) + _extension(11, b"\x01\x00")
    if version >= TLS_1_2:
        found += _extension(13, _vector(_SIGNATURES, 2))
    if version == TLS_1_3:
        key = _vector(os.urandom(32), 2)  # 32 random bytes are an x25519 key; we never need the shared secret
        found += _extension(43, _vector(version.to_bytes(2, "big"), 1)) + _extension(45, b"\x01\x01")
        found += _extension(51, _vector(b"\x00\x1d" + key, 2))
    name = _host_name(server_name)
    return found + (_extension(0, _vector(b"\x00" + _vector(name, 2), 2)) if name else b"")


def _host_name(name: str) -> bytes:
    """RFC 6066 §3: a DNS name in ASCII, never an address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        try:
            return name.encode("idna")
        except UnicodeError:
            return b""
    return b""


def _extension(kind: int, content: bytes) -> bytes:
    return kind.to_bytes(2, "big") + _vector(content, 2)


def _vector(content: bytes, width: int) -> bytes:
    return len(content).to_bytes(width, "big") + content


class Reader:
    """Takes the server's bytes as they come and says when the answer is complete."""

    def __init__(self) -> None:
        self._records = b""
        self._messages = b""
        self._size = 0
        self._hello: ServerHello | None = None
        self._chain: tuple[bytes, ...] = ()
        self._bits: int | None = None

    def feed(self, data: bytes) -> Alert | ServerHello | None:
        """Add `data`; return the answer once it is complete, `None` before. Raises `Malformed`."""
        self._size += len(data)
        if self._size > MAX_HANDSHAKE:
            raise Malformed(f"the handshake is longer than {MAX_HANDSHAKE} bytes")
        self._records += data
        while (record := self._next_record()) is not None:
            kind, content = record
            if kind == 21 and len(content) >= 2:
                # a warning (level 1) such as unrecognized_name may come before the hello
                if content[0] != 1:
                    return self.so_far or Alert(content[1])
            elif kind == 22:
                self._messages += content
                if self._read_messages():
                    return self.so_far
            elif self._hello is not None:
                return self.so_far  # TLS 1.3: what follows is encrypted
            else:
                raise Malformed(f"record type {kind} before the server's hello")
        return None

    @property
    def so_far(self) -> ServerHello | None:
        """The server's choice with what came after it until now; `None` before it came."""
        if self._hello is None:
            return None
        return msgspec.structs.replace(self._hello, chain=self._chain, dh_bits=self._bits)

    def _next_record(self) -> tuple[int, bytes] | None:
        if len(self._records) >= 1 and self._records[0] not in (20, 21, 22, 23):
            raise Malformed("the answer is no TLS record")
        if len(self._records) < 5:
            return None
        length = int.from_bytes(self._records[3:5], "big")
        if self._records[1] != 3 or length > 0x4800:
            raise Malformed("the answer is no TLS record")
        if len(self._records) < 5 + length:
            return None
        kind, content = self._records[0], self._records[5 : 5 + length]
        self._records = self._records[5 + length :]
        return kind, content

    def _read_messages(self) -> bool:
        """Consume whole handshake messages; true when nothing more is wanted."""
        while len(self._messages) >= 4:
            length = int.from_bytes(self._messages[1:4], "big")
            if length > MAX_HANDSHAKE:
                raise Malformed(f"a handshake message of {length} bytes")
            if len(self._messages) < 4 + length:
                return False
            kind, body = self._messages[0], self._messages[4 : 4 + length]
            self._messages = self._messages[4 + length :]
            if self._take(kind, body):
                return True
        return False

    def _take(self, kind: int, body: bytes) -> bool:
        if self._hello is None:
            if kind != 2:
                raise Malformed(f"handshake message {kind} instead of the server's hello")
            self._hello = _server_hello(body)
            return self._hello.version == TLS_1_3
        if kind == 11:
            self._chain = _certificates(body)
        elif kind == 12 and self._hello.suite in _FINITE_FIELD:
            self._bits = _prime_bits(body)
        return kind == 14


def _server_hello(body: bytes) -> ServerHello:
    if len(body) < 38 or len(body) < 38 + body[34]:
        raise Malformed("a cut ServerHello")
    at = 35 + body[34]
    extensions = dict(_parse_extensions(body[at + 5 : at + 5 + int.from_bytes(body[at + 3 : at + 5], "big")]))
    selected = extensions.get(43, body[:2])
    version = int.from_bytes(selected[:2], "big")
    retry = body[2:34] == _RETRY
    return ServerHello(
        version=TLS_1_3 if retry else version,
        suite=int.from_bytes(body[at : at + 2], "big"),
        compression=body[at + 2] != 0,
        secure_renegotiation=version >= TLS_1_3 or 0xFF01 in extensions,
    )


def _parse_extensions(block: bytes) -> list[tuple[int, bytes]]:
    found: list[tuple[int, bytes]] = []
    at = 0
    while at + 4 <= len(block):
        size = int.from_bytes(block[at + 2 : at + 4], "big")
        found.append((int.from_bytes(block[at : at + 2], "big"), block[at + 4 : at + 4 + size]))
        at += 4 + size
    return found


def _certificates(body: bytes) -> tuple[bytes, ...]:
    found: list[bytes] = []
    at = 3
    while at + 3 <= len(body) and len(found) < 10:
        size = int.from_bytes(body[at : at + 3], "big")
        if size == 0 or at + 3 + size > len(body):
            break
        found.append(body[at + 3 : at + 3 + size])
        at += 3 + size
    return tuple(found)


_FINITE_FIELD = frozenset(
    (
        0x009E,
        0x009F,
        0x0033,
        0x0039,
        0x0067,
        0x006B,
        0x0016,
        0x0045,
        0x0088,
        0x0032,
        0x0038,
        0xCCAA,
        0x0011,
        0x0014,
    )
)


def _prime_bits(body: bytes) -> int | None:
    """ServerDHParams (RFC 5246 §7.4.3) begins with the prime."""
    size = int.from_bytes(body[:2], "big")
    prime = body[2 : 2 + size]
    return int.from_bytes(prime, "big").bit_length() if size and len(prime) == size else None


def is_ssl2_server_hello(data: bytes) -> bool:
    """Whether `data` starts with an SSL 2.0 SERVER-HELLO: two bytes of length, message 4, version 2."""
    return len(data) >= 7 and bool(data[0] & 0x80) and data[2] == 4 and data[5:7] == b"\x00\x02"
