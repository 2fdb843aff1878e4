"""SIP messages as far as OPTIONS needs them (RFC 3261 §7, §20, §25): our request, and any answer to it."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field

MAX_HEAD = 16 * 1024
"""Bytes of a start line with its header fields that we read."""
MAX_FIELDS = 128
_STATUS_LINE = re.compile(r"SIP/2\.0 ([1-6][0-9]{2})(?: (.*))?", re.IGNORECASE)
_FIELD_NAME = re.compile(r"[A-Za-z0-9.!%*_+`'~-]{1,64}")
_BRANCH = re.compile(r";\s*branch\s*=\s*([^;,\s]{1,200})", re.IGNORECASE)
_COMPACT = {"v": "via", "i": "call-id", "f": "from", "t": "to", "m": "contact", "l": "content-length"}


class Malformed(ValueError):
    """Bytes that are no SIP message."""


@dataclass(frozen=True, slots=True)
class Message:
    """A start line and header fields, names in lower case and written out; texts as received, not cleaned."""

    start: str
    fields: tuple[tuple[str, str], ...]

    def first(self, name: str) -> str:
        """Return the first field of this (lower case) name, ``""`` when there is none."""
        return next((value for known, value in self.fields if known == name), "")

    def all(self, name: str) -> tuple[str, ...]:
        """Return every field of this (lower case) name."""
        return tuple(value for known, value in self.fields if known == name)

    @property
    def status(self) -> int:
        """Status code 100..699; 0 when this is a request."""
        match = _STATUS_LINE.fullmatch(self.start)
        return int(match[1]) if match else 0

    @property
    def reason(self) -> str:
        """Reason phrase, as received."""
        match = _STATUS_LINE.fullmatch(self.start)
        return (match[2] or "") if match else ""

    @property
    def content_length(self) -> int:
        """Bytes of body that follow, 0 when not said. Raises `Malformed`."""
        said = self.first("content-length").strip() or "0"
        if not (said.isascii() and said.isdigit() and len(said) <= 6):
            raise Malformed("the content length is no number")
        return int(said)


def parse(raw: bytes) -> Message:
    """Read a start line and header fields from `raw`; a body after the empty line is left out.

    Lines may end in a bare newline and be folded (RFC 3261 §7.3.1). Raises `Malformed`, also for too much.
    """
    head, end, _ = raw[:MAX_HEAD].lstrip(b"\r\n").replace(b"\r\n", b"\n").partition(b"\n\n")
    if not end and len(raw) > MAX_HEAD:
        raise Malformed("the head is too large")
    start, *lines = head.decode("utf-8", "replace").rstrip("\n").split("\n")
    if "SIP/2.0" not in start.upper():
        raise Malformed("the first line is not SIP/2.0")
    return Message(start, tuple(_field(line) for line in _unfolded(lines)))


def _unfolded(lines: list[str]) -> list[str]:
    whole: list[str] = []
    for line in lines:
        if line[:1] in (" ", "\t") and whole:
            whole[-1] += " " + line.strip()
        else:
            whole.append(line)
    if len(whole) > MAX_FIELDS:
        raise Malformed("too many header fields")
    return whole


def _field(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    name = name.strip().lower()
    if not colon or not _FIELD_NAME.fullmatch(name):
        raise Malformed("a header field has no name")
    return _COMPACT.get(name, name), value.strip()


@dataclass(frozen=True, slots=True)
class Options:
    """One OPTIONS request (RFC 3261 §11). Every instance has its own branch, Call-ID and tag."""

    uri: str
    """Request-URI: ``"sip:192.0.2.7:5060"``."""
    transport: str
    """``"UDP"``, ``"TCP"`` or ``"TLS"``."""
    local: str
    """Our address and port as a SIP URI's host: ``"192.0.2.1:40000"``, ``"[::1]:40000"``."""
    branch: str = field(default_factory=lambda: "z9hG4bK" + secrets.token_hex(12))
    call_id: str = field(default_factory=lambda: secrets.token_hex(16))
    tag: str = field(default_factory=lambda: secrets.token_hex(8))

    def encode(self) -> bytes:
        """Return the request as sent; a retransmission is the same bytes."""
        return (
            f"OPTIONS {self.uri} SIP/2.0\r\n"
            f"Via: SIP/2.0/{self.transport} {self.local};branch={self.branch};rport\r\n"
            "Max-Forwards: 70\r\n"
            f"From: <sip:monitor@{self.local}>;tag={self.tag}\r\n"
            f"To: <{self.uri}>\r\n"
            f"Call-ID: {self.call_id}\r\n"
            "CSeq: 1 OPTIONS\r\n"
            f"Contact: <sip:monitor@{self.local}>\r\n"
            "Accept: application/sdp\r\n"
            "User-Agent: Commune-Monitor\r\n"
            "Content-Length: 0\r\n"
            "\r\n"
        ).encode("ascii")

    def is_answered_by(self, message: Message) -> bool:
        """Whether `message` responds to this: branch, method (RFC 3261 §17.1.3) and Call-ID are ours."""
        branch = _BRANCH.search(message.first("via"))
        return (
            message.status > 0
            and branch is not None
            and branch[1] == self.branch
            and message.first("call-id") == self.call_id
            and message.first("cseq").split() == ["1", "OPTIONS"]
        )
