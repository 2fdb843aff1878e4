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
    try:
        at = _usual_place(buffer)
    except IndexError:
        at = 0
    if at and at + 4 <= len(buffer) and buffer[at] < 0x80 and buffer[at - 2 : at] == b"\x02\x04":
        return int.from_bytes(buffer[at : at + 4], "big")
    return _key_of(buffer)


def _usual_place(buffer: bytes) -> int:
    """Return where the id stands when everything before it is as agents write it, 0 when something is not.

    Steps over lengths without a look at whether they fit: that is for those who read the whole message.
    """
    size = buffer[1]
    at = 2 if size < 0x80 else (size & 0x7F) + 2
    if buffer[0] != ber.SEQUENCE or buffer[at] != ber.INTEGER or buffer[at + 1] != 1:
        return 0
    if buffer[at + 2] == V3:
        return at + 7 if buffer[at + 3] == ber.SEQUENCE and buffer[at + 4] < 0x80 else 0
    size = buffer[at + 4]
    if buffer[at + 3] != ber.OCTETS or size >= 0x80:
        return 0
    at += 5 + size
    size = buffer[at + 1]
    return at + 4 if size < 0x80 else at + 4 + (size & 0x7F)


def _key_of(buffer: bytes) -> int:
    version, at = version_of(buffer)
    if version == V3:
        at, _ = ber.expect(buffer, at, ber.SEQUENCE)
        return ber.read_integer(buffer, at)[0]
    _, _, at = ber.header(buffer, at)
    _, at, _ = ber.header(buffer, at)
    return ber.read_integer(buffer, at)[0]


class Head(msgspec.Struct, frozen=True, gc=False):
    """What stands around the id of every good response of one length, and where its variables begin."""

    before: bytes
    after: bytes
    id_at: int
    binds_at: int

    def fits(self, whole: bytes) -> bool:
        """Whether `whole`, of our length, has this head: then its lengths are right and its status is noError."""
        return whole.startswith(self.before) and whole.startswith(self.after, self.id_at + 4)


def head_of(datagram: bytes) -> Head | None:
    """Return the head of a v1 or v2c response, `None` when it cannot be known again. Raises `Malformed`."""
    _, at = version_of(datagram)
    _, _, at = ber.header(datagram, at)
    return head_at(datagram, at, ber.header(datagram, 0)[2])


def head_at(whole: bytes, pdu_at: int, end: int) -> Head | None:
    """Return the head of the response PDU at `pdu_at` in a frame that ends at `end`, as `head_of` does."""
    tag, at, pdu_end = ber.header(whole, pdu_at)
    id_at, at = ber.expect(whole, at, ber.INTEGER)
    status, after = ber.read_integer(whole, at)
    index, after = ber.read_integer(whole, after)
    binds_at, binds_end = ber.expect(whole, after, ber.SEQUENCE)
    if tag != RESPONSE or status or index or at - id_at != 4 or {end, pdu_end, binds_end} != {len(whole)}:
        return None
    return Head(whole[:id_at], whole[at:binds_at], id_at, binds_at)
