"""Recordings of SNMP agents (``.snmprec``), served from memory on loopback: one socket, the community picks one."""

from __future__ import annotations

import asyncio
import bisect
from collections.abc import Mapping
from copy import copy
from pathlib import Path
from typing import cast

from probes.snmp import ber, message
from probes.snmp.ber import Malformed
from probes.snmp.collect import MAX_BINDS

Row = tuple[bytes, int, bytes]
"""Name, tag and content."""
MAX_BYTES = 8000
"""Of an answer to GETBULK, as agents cut it."""
_INTEGERS = {2: ber.INTEGER, 65: ber.COUNTER32, 66: ber.GAUGE32, 67: ber.TIMETICKS, 70: ber.COUNTER64}


class Recording:
    """What one agent said, in the order of its names. Lines that are no SNMP are left out."""

    def __init__(self, path: Path) -> None:
        rows: dict[bytes, Row] = {}
        for line in path.read_text("utf-8", "surrogateescape").splitlines():
            try:
                row = _row(line)
            except (ValueError, Malformed):
                continue
            rows[row[0]] = row
        self.rows = rows
        self._sort()

    def _sort(self) -> None:
        self._sorted = sorted(self.rows.values(), key=lambda row: ber.arcs(row[0]))
        self._keys = [ber.arcs(row[0]) for row in self._sorted]

    def changed(self, *rows: Row) -> Recording:
        """Return the same recording with some rows put in or changed."""
        other = copy(self)
        other.rows = self.rows | {row[0]: row for row in rows}
        other._sort()
        return other

    def after(self, name: bytes, count: int) -> list[Row]:
        """Return up to `count` rows after `name`, the end of the MIB for what is not there."""
        start = bisect.bisect_right(self._keys, ber.arcs(name))
        rows = self._sorted[start : start + count]
        last = rows[-1][0] if rows else name
        return rows + [(last, ber.END_OF_MIB, b"")] * (count - len(rows))


def _row(line: str) -> Row:
    name, tag, text = line.split("|", 2)
    kind = tag.rstrip("xe")
    content = bytes.fromhex(text) if tag.endswith("x") else text.encode("utf-8", "surrogateescape")
    if tag.endswith("e"):
        content = content.decode("unicode_escape").encode("latin-1")
    number = int(kind)
    if number in _INTEGERS:
        value = int(content)
        if number != 2:
            value %= 1 << (64 if number == 70 else 32)
        return ber.oid(name), _INTEGERS[number], ber.integer(value)[2:]
    if number == 6:
        content = ber.oid(text) if text.strip(".") else b""
    if number == 64 and not tag.endswith("x"):
        content = bytes(int(part) for part in text.split("."))
    return ber.oid(name), number, content


class Agents(asyncio.DatagramProtocol):
    """Answers GET, GETNEXT and GETBULK of v2c for every recording; a community without one meets silence."""

    def __init__(self, recordings: Mapping[str, Recording]) -> None:
        self._recordings = recordings
        self._transport: asyncio.DatagramTransport | None = None
        self.requests = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to answer."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer one request."""
        self.requests += 1
        answer = self._answer(data)
        if answer is not None and self._transport is not None:
            self._transport.sendto(answer, addr)

    def _answer(self, data: bytes) -> bytes | None:
        _, at, end = ber.header(data, 0)
        parts = []
        while at < end:
            tag, start, at = ber.header(data, at)
            parts.append((tag, start, at))
        community = data[parts[1][1] : parts[1][2]]
        recording = self._recordings.get(community.decode("utf-8", "replace"))
        if recording is None:
            return None
        kind, at, end = parts[2]
        fields = []
        for _ in range(3):
            _, start, at = ber.header(data, at)
            fields.append(data[start:at])
        _, start, end = ber.header(data, at)
        names = [bind[0] for bind in ber.read_varbinds(data, start, end)]
        skip, repeat = (int.from_bytes(field, signed=True) for field in fields[1:])
        binds = rows_of(recording, kind, names, skip, repeat)
        body = b"".join(
            ber.tlv(ber.SEQUENCE, ber.tlv(ber.OID, name) + ber.tlv(tag, content))
            for name, tag, content in binds
        )
        head = ber.tlv(ber.INTEGER, fields[0]) + ber.integer(0) + ber.integer(0)
        pdu = ber.tlv(message.RESPONSE, head + ber.tlv(ber.SEQUENCE, body))
        return ber.tlv(ber.SEQUENCE, ber.integer(message.V2C) + ber.tlv(ber.OCTETS, community) + pdu)


def rows_of(recording: Recording, kind: int, names: list[bytes], skip: int, repeat: int) -> list[Row]:
    """Return what a request of `kind` is answered with."""
    if kind == message.GET:
        return [recording.rows.get(name, (name, ber.NO_SUCH_OBJECT, b"")) for name in names]
    if kind == message.GET_NEXT:
        return [recording.after(name, 1)[0] for name in names]
    rows = [recording.after(name, 1)[0] for name in names[:skip]]
    repeat = min(repeat, MAX_BINDS)
    columns = [recording.after(name, repeat) for name in names[skip:]]
    whole = [*rows, *(row for rank in zip(*columns, strict=True) for row in rank)]
    size = 0
    for count, (name, _, content) in enumerate(whole):
        size += len(name) + len(content) + 10
        if size > MAX_BYTES and count:
            return whole[:count]
    return whole
