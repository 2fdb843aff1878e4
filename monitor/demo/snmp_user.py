"""The agent's side of SNMPv3: one user with authentication and privacy (RFC 3412, RFC 3414)."""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable
from functools import cached_property
from typing import NamedTuple

from monitor.demo.curve import DAY
from monitor.demo.layout import Place
from monitor.demo.mib import Moment
from probes.snmp import ber, message
from probes.snmp.keys import KeyRing, Keys
from probes.snmp.usm import Parsed, parse

USER = "giamsat"
AUTH_PROTOCOL = "SHA256"
PRIV_PROTOCOL = "AES128"
AUTH, PRIV = 1, 2
WINDOW = 150
"""Seconds by which a request may be late (RFC 3414 §3.2)."""
_STATS = "1.3.6.1.6.3.15.1.1"
UNSUPPORTED_LEVEL, NOT_IN_WINDOW, UNKNOWN_USER, UNKNOWN_ENGINE, WRONG_DIGEST, DECRYPTION = range(1, 7)
_LARGEST = 65507
_SALT = 8
Respond = Callable[[message.Pdu], message.Pdu | None]


class Passwords(NamedTuple):
    """What the user proves itself with."""

    auth: str
    priv: str


class Guard:
    """Opens requests and seals answers for one agent, and says by a Report what is wrong with a request."""

    def __init__(self, place: Place, passwords: Passwords, ring: KeyRing) -> None:
        self.engine = (0x80000000 | 32473).to_bytes(4, "big") + b"\x05" + place.seed.to_bytes(4, "big")
        self._passwords = passwords
        self._ring = ring

    def answer(self, datagram: bytes, moment: Moment, respond: Respond) -> bytes | None:
        """Return the reply, `None` where an agent is silent. Raises `ber.Malformed`."""
        request = parse(datagram)
        if request.flags & PRIV and len(request.salt) != _SALT:
            raise ber.Malformed("a salt of impossible size")
        clock = int(moment.started // (30 * DAY)), int(moment.uptime)
        cause = self._refusal(datagram, request, clock)
        if cause:
            level = AUTH if cause == NOT_IN_WINDOW else 0
            return self._sealed(_report(cause), request, clock, level)
        secret, _ = ber.read_octets(datagram, request.scoped_at)
        plain = self._keys.decrypt(0, secret, request.boots, request.time, request.salt)
        try:
            reply = respond(_read_scoped(plain))
        except ber.Malformed:
            return self._sealed(_report(DECRYPTION), request, clock, 0)
        return None if reply is None else self._sealed(reply, request, clock, AUTH | PRIV)

    @cached_property
    def _keys(self) -> Keys:
        auth, priv = (AUTH_PROTOCOL, self._passwords.auth), (PRIV_PROTOCOL, self._passwords.priv)
        return self._ring.keys(auth, priv, self.engine)

    def _refusal(self, datagram: bytes, request: Parsed, clock: tuple[int, int]) -> int:
        """Return which counter of usmStats the request raises, 0 when it is sound."""
        if request.engine_id != self.engine:
            return UNKNOWN_ENGINE
        if request.user != USER.encode():
            return UNKNOWN_USER
        if request.flags & (AUTH | PRIV) != AUTH | PRIV:
            return UNSUPPORTED_LEVEL
        size, at = self._keys.digest_bytes, request.digest_at
        blank = datagram[:at] + bytes(size) + datagram[at + size :]
        if len(request.digest) != size or not hmac.compare_digest(self._keys.sign(blank), request.digest):
            return WRONG_DIGEST
        boots, now = clock
        return 0 if request.boots == boots and abs(request.time - now) <= WINDOW else NOT_IN_WINDOW

    def _sealed(self, pdu: message.Pdu, request: Parsed, clock: tuple[int, int], level: int) -> bytes:
        octets, sequence = ber.OCTETS, ber.SEQUENCE
        boots, now = clock
        salt = os.urandom(_SALT) if level & PRIV else b""
        scoped = ber.tlv(
            sequence, ber.tlv(octets, self.engine) + ber.tlv(octets, b"") + message.encode_pdu(pdu)
        )
        if level & PRIV:
            scoped = ber.tlv(octets, self._keys.encrypt(0, scoped, boots, now, salt))
        blank = bytes(self._keys.digest_bytes) if level & AUTH else b""
        head = ber.integer(request.key) + ber.integer(_LARGEST) + ber.tlv(octets, bytes((level,)))
        security = ber.tlv(octets, self.engine) + ber.integer(boots) + ber.integer(now)
        security += ber.tlv(octets, request.user) + ber.tlv(octets, blank) + ber.tlv(octets, salt)
        whole = ber.integer(message.V3) + ber.tlv(sequence, head + ber.integer(3))
        whole = ber.tlv(sequence, whole + ber.tlv(octets, ber.tlv(sequence, security)) + scoped)
        at = len(whole) - len(scoped) - len(ber.tlv(octets, salt)) - len(blank)
        return whole[:at] + self._keys.sign(whole) + whole[at + len(blank) :] if blank else whole


def _report(cause: int) -> message.Pdu:
    counter = (ber.oid(f"{_STATS}.{cause}.0"), ber.COUNTER32, 1)
    return message.Pdu(message.REPORT, 0, message.NO_ERROR, 0, [counter])


def _read_scoped(plain: bytes) -> message.Pdu:
    at, _ = ber.expect(plain, 0, ber.SEQUENCE)
    _, at = ber.read_octets(plain, at)
    _, at = ber.read_octets(plain, at)
    return message.decode_pdu(plain, at)
