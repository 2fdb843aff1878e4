"""BER as SNMP uses it: bytes to values and back, by hand because this is the hottest code of the service.

An object identifier stays what it is on the wire, its BER content as ``bytes`` (`oid` and `dotted` convert):
it is compared and looked up millions of times, and read by people seldom.
Sources: X.690, RFC 3416 §3, RFC 3417 §8.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from functools import lru_cache

INTEGER = 0x02
OCTETS = 0x04
NULL = 0x05
OID = 0x06
SEQUENCE = 0x30
IP_ADDRESS = 0x40
COUNTER32 = 0x41
GAUGE32 = 0x42
TIMETICKS = 0x43
OPAQUE = 0x44
NSAP = 0x45
COUNTER64 = 0x46
UINTEGER32 = 0x47
NO_SUCH_OBJECT = 0x80
NO_SUCH_INSTANCE = 0x81
END_OF_MIB = 0x82

Value = int | float | bytes | None
MAX_ARCS = 128
_UNSIGNED = frozenset({COUNTER32, GAUGE32, TIMETICKS, COUNTER64, UINTEGER32})
_ABSENT = frozenset({NULL, NO_SUCH_OBJECT, NO_SUCH_INSTANCE, END_OF_MIB})
_NULL = b"\x05\x00"


class Malformed(ValueError):
    """Bytes that are no BER, or none that SNMP allows."""


VarBind = tuple[bytes, int, Value]
"""One variable: its OID as BER content, the tag of its type, its value.

The value is an int for INTEGER, counters, gauges and ticks; bytes for OCTET STRING, IpAddress, an OID content
and unknown Opaque; float for Opaque float and double; None for NULL, noSuch* and endOfMibView.
"""


def tlv(tag: int, content: bytes) -> bytes:
    """Return `content` with its tag and definite length before it."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    width = (size.bit_length() + 7) // 8
    return bytes((tag, 0x80 | width)) + size.to_bytes(width, "big") + content


def integer(number: int, tag: int = INTEGER) -> bytes:
    """Return an integer in the fewest two's complement bytes."""
    size = (number if number >= 0 else ~number).bit_length() // 8 + 1
    return tlv(tag, number.to_bytes(size, "big", signed=True))


@lru_cache(maxsize=65536)
def oid(text: str) -> bytes:
    """Return the BER content of a dotted OID such as ``"1.3.6.1.2.1.1.3.0"``. Raises `Malformed`."""
    try:
        return join_arcs(int(arc) for arc in text.lstrip(".").split("."))
    except ValueError as error:
        raise Malformed(f"{text!r} is no object identifier") from error


def join_arcs(numbers: Iterable[int]) -> bytes:
    """Return the BER content of an OID given as numbers. Raises `Malformed`."""
    arcs = list(numbers)
    if not 2 <= len(arcs) <= MAX_ARCS or arcs[0] > 2 or (arcs[0] < 2 and arcs[1] > 39):
        raise Malformed("an object identifier has 2 to 128 numbers and begins with 0, 1 or 2")
    return index_bytes((arcs[0] * 40 + arcs[1], *arcs[2:]))


def index_bytes(numbers: Iterable[int]) -> bytes:
    """Return the BER content of the tail of an OID, such as a table row's index. Raises `Malformed`."""
    out = bytearray()
    for number in numbers:
        if not 0 <= number < 1 << 33:
            raise Malformed(f"{number} cannot be part of an object identifier")
        if number < 0x80:
            out.append(number)
            continue
        shift = (number.bit_length() - 1) // 7 * 7
        while shift:
            out.append(0x80 | (number >> shift & 0x7F))
            shift -= 7
        out.append(number & 0x7F)
    return bytes(out)


def encode_value(tag: int, value: Value) -> bytes:
    """Return a value with its tag and length. Raises `Malformed` when value and tag do not fit."""
    if value is None:
        return bytes((tag, 0))
    if isinstance(value, bytes):
        return tlv(tag, value)
    if isinstance(value, int):
        return integer(value, tag)
    return tlv(OPAQUE, _float(value))


def _float(value: float) -> bytes:
    """Return an Opaque-wrapped float, or double where a float would not say the same."""
    try:
        short = struct.pack(">f", value)
    except OverflowError:
        short = b""
    if value != value or (short and struct.unpack(">f", short)[0] == value):
        return b"\x9f\x78\x04" + short
    return b"\x9f\x79\x08" + struct.pack(">d", value)


def varbind(name: bytes, tag: int = NULL, value: Value = None) -> bytes:
    """Return one encoded variable; without a value it is the NULL of a request."""
    return tlv(SEQUENCE, tlv(OID, name) + (_NULL if tag == NULL else encode_value(tag, value)))


def header(buffer: bytes, at: int) -> tuple[int, int, int]:
    """Return ``(tag, start, end)`` of the element at `at`. Raises `Malformed` when it does not fit."""
    try:
        tag, length = buffer[at], buffer[at + 1]
    except IndexError:
        raise Malformed("an element ends early") from None
    start = at + 2
    if length >= 0x80:
        width = length & 0x7F
        if not 1 <= width <= 4:
            raise Malformed("a length SNMP does not use")
        start += width
        length = int.from_bytes(buffer[at + 2 : start], "big")
    if start + length > len(buffer):
        raise Malformed("an element is longer than its datagram")
    return tag, start, start + length


def expect(buffer: bytes, at: int, tag: int) -> tuple[int, int]:
    """Return ``(start, end)`` of the element at `at`, which must have `tag`. Raises `Malformed`."""
    found, start, end = header(buffer, at)
    if found != tag:
        raise Malformed(f"tag {found:#04x} where {tag:#04x} belongs")
    return start, end


def read_integer(buffer: bytes, at: int) -> tuple[int, int]:
    """Return the INTEGER at `at` and the position after it. Raises `Malformed`."""
    start, end = expect(buffer, at, INTEGER)
    if not 1 <= end - start <= 8:
        raise Malformed("an integer of impossible size")
    return int.from_bytes(buffer[start:end], "big", signed=True), end


def read_octets(buffer: bytes, at: int) -> tuple[bytes, int]:
    """Return the OCTET STRING at `at` and the position after it. Raises `Malformed`."""
    start, end = expect(buffer, at, OCTETS)
    return buffer[start:end], end


def read_varbinds(buffer: bytes, at: int, end: int) -> list[VarBind]:
    """Return the variables between two positions. Raises `Malformed`."""
    out: list[VarBind] = []
    from_bytes = int.from_bytes
    try:
        while at < end:
            # Short forms are read in place: three calls of `header` would double the cost of a poll.
            size = buffer[at + 1]
            if buffer[at] != SEQUENCE or size >= 0x80:
                at, stop = expect(buffer, at, SEQUENCE)
            else:
                at += 2
                stop = at + size
            size = buffer[at + 1]
            if buffer[at] != OID or size >= 0x80:
                at, name_end = expect(buffer, at, OID)
            else:
                at += 2
                name_end = at + size
            name = buffer[at:name_end]
            tag = buffer[name_end]
            size = buffer[name_end + 1]
            if size >= 0x80:
                _, at, value_end = header(buffer, name_end)
            else:
                at = name_end + 2
                value_end = at + size
            if value_end != stop or stop > end:
                raise Malformed("a variable whose parts do not fill it")
            if (tag in _UNSIGNED and 0 < size <= 4) or (tag == COUNTER64 and 0 < size <= 8):
                out.append((name, tag, from_bytes(buffer[at:stop], "big")))
            elif tag == INTEGER and 0 < size <= 8:
                out.append((name, tag, from_bytes(buffer[at:stop], "big", signed=True)))
            elif tag == OCTETS:
                out.append((name, tag, buffer[at:stop]))
            else:
                out.append((name, tag, _other(tag, buffer[at:stop])))
            at = stop
    except IndexError:
        raise Malformed("a variable ends early") from None
    return out


def _unsigned(tag: int, content: bytes) -> int:
    """Some agents leave out the leading zero byte, some sign-extend: the low bits are right in both cases."""
    if not 1 <= len(content) <= 9:
        raise Malformed("a number of impossible size")
    return int.from_bytes(content, "big") & (0xFFFF_FFFF_FFFF_FFFF if tag == COUNTER64 else 0xFFFF_FFFF)


def _other(tag: int, content: bytes) -> Value:
    if tag in _UNSIGNED:
        return _unsigned(tag, content)
    if tag in (OCTETS, OID, NSAP) or (tag == IP_ADDRESS and len(content) == 4):
        return content
    if tag in _ABSENT and not content:
        return None
    if tag == OPAQUE:
        return _opaque(content)
    raise Malformed(f"a value of tag {tag:#04x} and {len(content)} bytes")


def _opaque(content: bytes) -> float | bytes:
    """Opaque-wrapped floats (draft-perkins-float-00, used by net-snmp and many UPS)."""
    if content[:3] == b"\x9f\x78\x04" and len(content) == 7:
        return float(struct.unpack(">f", content[3:])[0])
    if content[:3] == b"\x9f\x79\x08" and len(content) == 11:
        return float(struct.unpack(">d", content[3:])[0])
    return content


def split_index(content: bytes) -> tuple[int, ...]:
    """Return the numbers of an OID's tail (no joined first pair). Raises `Malformed`."""
    numbers, number = [], 0
    for byte in content:
        number = number << 7 | byte & 0x7F
        if number >= 1 << 33:
            raise Malformed("a number too large for an object identifier")
        if byte < 0x80:
            numbers.append(number)
            number = 0
    if (content and content[-1] >= 0x80) or len(numbers) > MAX_ARCS:
        raise Malformed("an object identifier ends early or is too long")
    return tuple(numbers)


def arcs(content: bytes) -> tuple[int, ...]:
    """Return an OID's numbers, which order as SNMP orders OIDs; its bytes do not. Raises `Malformed`."""
    first, *rest = split_index(content) or (0,)
    top = min(first // 40, 2)
    return (top, first - top * 40, *rest)


def dotted(content: bytes) -> str:
    """Return an OID for people: ``"1.3.6.1.2.1.1.3.0"``. Raises `Malformed`."""
    return ".".join(map(str, arcs(content)))
