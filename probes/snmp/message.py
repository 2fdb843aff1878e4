"""SNMP messages of the versions with a community: v1 and v2c (RFC 1157, RFC 1901, RFC 3416)."""

from __future__ import annotations

import msgspec

from probes.snmp import ber
from probes.snmp.ber import Malformed, VarBind
from probes.snmp.form import Read

GET = 0xA0
GET_NEXT = 0xA1
RESPONSE = 0xA2
SET = 0xA3
TRAP_V1 = 0xA4
GET_BULK = 0xA5
INFORM = 0xA6
TRAP = 0xA7
REPORT = 0xA8

V1 = 0
V2C = 1
V3 = 3

NO_ERROR = 0
TOO_BIG = 1
NO_SUCH_NAME = 2
GEN_ERR = 5
ERROR_NAMES = (
    "noError",
    "tooBig",
    "noSuchName",
    "badValue",
    "readOnly",
    "genErr",
    "noAccess",
    "wrongType",
    "wrongLength",
    "wrongEncoding",
    "wrongValue",
    "noCreation",
    "inconsistentValue",
    "resourceUnavailable",
    "commitFailed",
    "undoFailed",
    "authorizationError",
    "notWritable",
    "inconsistentName",
)


class Pdu(msgspec.Struct, frozen=True, gc=False):
    """A protocol data unit.

    In a GETBULK, `error_status` is the number of non-repeaters and `error_index` that of max-repetitions.
    """

    tag: int
    request_id: int
    error_status: int
    error_index: int
    varbinds: list[VarBind]


class Message(msgspec.Struct, frozen=True, gc=False):
    """A v1 or v2c message: ``version`` is `V1` or `V2C`."""

    version: int
    community: bytes
    pdu: Pdu


def error_name(status: int) -> str:
    """Return the name of an error-status (RFC 3416 §3)."""
    return ERROR_NAMES[status] if 0 <= status < len(ERROR_NAMES) else f"error {status}"


def encode_pdu(pdu: Pdu) -> bytes:
    """Return an encoded PDU."""
    body = b"".join(ber.varbind(*bind) for bind in pdu.varbinds)
    numbers = ber.integer(pdu.request_id) + ber.integer(pdu.error_status) + ber.integer(pdu.error_index)
    return ber.tlv(pdu.tag, numbers + ber.tlv(ber.SEQUENCE, body))


def encode(message: Message) -> bytes:
    """Return an encoded v1 or v2c message."""
    head = ber.integer(message.version) + ber.tlv(ber.OCTETS, message.community)
    return ber.tlv(ber.SEQUENCE, head + encode_pdu(message.pdu))


def decode_pdu(buffer: bytes, at: int, read: Read = ber.read_varbinds) -> Pdu:
    """Read the PDU at `at`, its variables by `read`. Raises `Malformed`."""
    tag, at, end = ber.header(buffer, at)
    if not GET <= tag <= REPORT or tag == TRAP_V1:
        raise Malformed(f"tag {tag:#04x} is no PDU")
    request_id, at = ber.read_integer(buffer, at)
    status, at = ber.read_integer(buffer, at)
    index, at = ber.read_integer(buffer, at)
    at, stop = ber.expect(buffer, at, ber.SEQUENCE)
    if stop > end:
        raise Malformed("a PDU longer than its frame")
    return Pdu(tag, request_id, status, index, read(buffer, at, stop))


def version_of(buffer: bytes) -> tuple[int, int]:
    """Return a message's version and the position after it. Raises `Malformed`."""
    at, _ = ber.expect(buffer, 0, ber.SEQUENCE)
    return ber.read_integer(buffer, at)


def decode(buffer: bytes, read: Read = ber.read_varbinds) -> Message:
    """Read a v1 or v2c message, its variables by `read`. Raises `Malformed`."""
    version, at = version_of(buffer)
    if version not in (V1, V2C):
        raise Malformed(f"version field {version} is neither v1 nor v2c")
    community, at = ber.read_octets(buffer, at)
    return Message(version, community, decode_pdu(buffer, at, read))


def key_of(buffer: bytes) -> int:
    """Return what matches an answer with its question: the request id, v3: the msgID. Raises `Malformed`."""
    version, at = version_of(buffer)
    if version == V3:
        at, _ = ber.expect(buffer, at, ber.SEQUENCE)
        return ber.read_integer(buffer, at)[0]
    _, _, at = ber.header(buffer, at)
    _, at, _ = ber.header(buffer, at)
    return ber.read_integer(buffer, at)[0]
