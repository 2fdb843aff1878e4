"""SNMPv3 with the user-based security model, authPriv (RFC 3412, RFC 3414): one user at one agent."""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable

import msgspec

from inventory.secrets import Credential
from probes.core.observation import Outcome
from probes.core.probe import ProbeFailure
from probes.core.words import Words
from probes.snmp import ber, message
from probes.snmp.ber import Malformed
from probes.snmp.form import Read
from probes.snmp.keys import BLOCKS, KeyRing, Keys
from probes.snmp.message import Head, Pdu, head_at
from probes.snmp.template import Template

AUTH, PRIV, REPORTABLE = 1, 2, 4
WINDOW = 150
"""Seconds by which an authentic message may be late (RFC 3414 §2.2.3)."""
MAX_BOOTS = 0x7FFF_FFFF
MAX_HEADS = 16
"""Lengths of answers whose heads are remembered for one device."""
_MAX_SIZE = ber.integer(65507)
_MODEL = ber.integer(3)
_STATS = ber.oid("1.3.6.1.6.3.15.1.1")
UNSUPPORTED_LEVEL, NOT_IN_WINDOW, UNKNOWN_USER, UNKNOWN_ENGINE, WRONG_DIGEST, DECRYPTION = range(1, 7)
_REFUSALS = {
    UNSUPPORTED_LEVEL: Words(
        "thiết bị không cho tài khoản này dùng xác thực kèm mã hóa (authPriv)",
        "the agent does not offer this user authentication with privacy",
    ),
    UNKNOWN_USER: Words("thiết bị không có tài khoản SNMPv3 này", "the agent does not know this user"),
    WRONG_DIGEST: Words(
        "sai mật khẩu hoặc thuật toán xác thực (auth) SNMPv3",
        "the agent says the digest is wrong: authentication password or protocol",
    ),
    DECRYPTION: Words(
        "thiết bị không giải mã được: sai mật khẩu hoặc thuật toán mã hóa (priv) SNMPv3",
        "the agent cannot decrypt: privacy password or protocol",
    ),
}
_NO_ANSWER_TO_USER = Words(
    "thiết bị nói SNMPv3 nhưng không trả lời tài khoản này: sai mật khẩu mã hóa (priv)?",
    "the agent speaks v3 but does not answer this user: privacy password?",
)
_SILENT = Words("không trả lời SNMP: bị chặn hoặc thiết bị ngừng hoạt động", "no answer: blocked, or away")
_NOTHING = Template.get(())


class EngineState(msgspec.Struct, frozen=True):
    """What we know of an agent's engine: its id, its boots, and our clock minus its time, in seconds."""

    id: bytes
    boots: int
    offset: float


class Parsed(msgspec.Struct, frozen=True, gc=False):
    """A v3 message taken apart; its digest stands at `digest_at`, its scoped PDU at `scoped_at`."""

    key: int
    flags: int
    engine_id: bytes
    boots: int
    time: int
    user: bytes
    digest: bytes
    digest_at: int
    salt: bytes
    scoped_at: int


class User:
    """A user at one agent.

    Replays (abuse case A31): every answer must carry our unpredictable msgID under the agent's digest, so it
    is fresh by construction, and its boots and time can be learnt even when the agent lost its boots.
    """

    bulk = True

    def __init__(
        self,
        name: str,
        auth: tuple[str, str],
        priv: tuple[str, str],
        ring: KeyRing,
        clock: Callable[[], float],
    ) -> None:
        self.name = name
        self.auth = auth
        """Protocol and password."""
        self.priv = priv
        """Protocol and password."""
        self._name = name.encode()
        self._ring = ring
        self._clock = clock
        self._keys: Keys | None = None
        self._which = 0
        self._confirmed = False
        self._heard = False
        self._salt = int.from_bytes(os.urandom(8), "big")
        self._news: list[str] = []
        self._heads: dict[int, Head] = {}
        """By length of what was decrypted."""
        self._around: tuple[EngineState, bytes, bytes] | None = None
        """What stands before the time and after it in our messages, for one state of the engine."""
        self.state: EngineState | None = None

    @classmethod
    def of(cls, credential: Credential, ring: KeyRing, clock: Callable[[], float]) -> User:
        """Return the user that a credential of the kind ``snmp_v3`` names."""
        settings, secrets = credential.settings, credential.secrets
        auth = settings["auth_protocol"], secrets["auth_password"].reveal()
        priv = settings["priv_protocol"], secrets["priv_password"].reveal()
        return cls(credential.user, auth, priv, ring, clock)

    def recall(self, state: EngineState) -> None:
        """Begin with what an earlier run learnt."""
        self.state = state
        self._keys = self._ring.keys(self.auth, self.priv, state.id)

    def seal(self, template: Template, key: int) -> bytes:
        """Ask, or discover the engine first when it is unknown."""
        state, keys = self.state, self._keys
        if state is None or keys is None:
            return _discovery(key)
        time = max(0, min(MAX_BOOTS, int(self._clock() - state.offset)))
        self._salt = (self._salt + 1) & 0xFFFF_FFFF_FFFF_FFFF
        salt = self._fresh_salt(state)
        secret = keys.encrypt(self._which, _scoped(state.id, template, key), state.boots, time, salt)
        before, after = self._surroundings(state, keys)
        security = before + ber.integer(time) + after + salt
        sealed = ber.tlv(ber.OCTETS, secret)
        whole = _enveloped(key, AUTH | PRIV | REPORTABLE, security, sealed)
        at = len(whole) - len(sealed) - 10 - keys.digest_bytes
        return whole[:at] + keys.sign(whole) + whole[at + keys.digest_bytes :]

    def _surroundings(self, state: EngineState, keys: Keys) -> tuple[bytes, bytes]:
        """Return the security parameters before the time, and those after it up to the salt's content."""
        if self._around is None or self._around[0] is not state:
            octets = ber.OCTETS
            before = ber.tlv(octets, state.id) + ber.integer(state.boots)
            after = ber.tlv(octets, self._name) + ber.tlv(octets, bytes(keys.digest_bytes)) + b"\x04\x08"
            self._around = state, before, after
        return self._around[1:]

    def _fresh_salt(self, state: EngineState) -> bytes:
        if self.priv[0] in BLOCKS:  # RFC 3414 §8.1.1.1: boots, then a counter
            return state.boots.to_bytes(4, "big") + (self._salt & 0xFFFF_FFFF).to_bytes(4, "big")
        return self._salt.to_bytes(8, "big")

    def open(self, datagram: bytes, key: int, read: Read = ber.read_varbinds) -> Pdu:
        """Return the response, or a Report after which another try is worth it."""
        parsed = parse(datagram)
        if not parsed.flags & AUTH:
            return self._unauthentic(datagram, parsed)
        keys, state = self._keys, self.state
        if keys is None or state is None or parsed.engine_id != state.id or parsed.user != self._name:
            raise Malformed("a message of another engine or user")
        self._verify(datagram, parsed, keys)
        encrypted = parsed.flags & PRIV
        pdu = self._decrypt(datagram, parsed, keys, read) if encrypted else _scoped_pdu(datagram, parsed)
        if pdu.tag == message.REPORT:
            return self._report(pdu, parsed)
        if pdu.tag != message.RESPONSE or not encrypted:
            raise Malformed("not an encrypted response")
        self._learn(parsed)
        self._confirmed = True
        return pdu

    def unanswered(self) -> ProbeFailure:
        """Return what the silence after all tries means."""
        if self._heard and not self._confirmed:
            self._forget()
            return ProbeFailure(Outcome.AUTH_FAILED, _NO_ANSWER_TO_USER)
        if not self._confirmed:
            self._forget()
        return ProbeFailure(Outcome.TIMEOUT, _SILENT)

    def silent(self) -> None:
        """One try was not answered: an unconfirmed key may have been stretched in the other way."""
        if self._keys is not None and not self._confirmed:
            self._which = (self._which + 1) % len(self._keys.privacy)

    def _forget(self) -> None:
        self.state = self._keys = None
        self._heard = False

    def _unauthentic(self, datagram: bytes, parsed: Parsed) -> Pdu:
        if parsed.flags & PRIV:
            raise Malformed("encrypted without a digest")
        pdu = _scoped_pdu(datagram, parsed)
        if pdu.tag != message.REPORT:
            raise Malformed("an answer without a digest")
        return self._report(pdu, parsed)

    def _report(self, pdu: Pdu, parsed: Parsed) -> Pdu:
        cause = _cause(pdu)
        authentic = bool(parsed.flags & AUTH)
        self._heard = True
        if cause == UNKNOWN_ENGINE:
            self._meet(parsed)
        elif cause == NOT_IN_WINDOW and authentic:
            self._learn(parsed)
        elif cause == DECRYPTION and not self._confirmed and self._another_key():
            return pdu
        elif cause in _REFUSALS:
            self._forget()
            self._confirmed = False
            raise ProbeFailure(Outcome.AUTH_FAILED, _REFUSALS[cause])
        else:
            raise Malformed("a report that says nothing to us")
        return pdu

    def _another_key(self) -> bool:
        self._which += 1
        if self._keys is None or self._which >= len(self._keys.privacy):
            self._which = 0
            return False
        return True

    def _meet(self, parsed: Parsed) -> None:
        if not 5 <= len(parsed.engine_id) <= 32:
            raise Malformed("an engine id of impossible size")
        if self.state is None or self.state.id != parsed.engine_id:
            self._keys = self._ring.keys(self.auth, self.priv, parsed.engine_id)
            self._confirmed = False
        self._learn(parsed)

    def take_news(self) -> tuple[str, ...]:
        """Return what an operator should know of the agent's engine, once: ``engine_id_changed``, ``boots_fell``."""
        news, self._news = tuple(self._news), []
        return news

    def _learn(self, parsed: Parsed) -> None:
        before = self.state
        if before is not None and before.id != parsed.engine_id:
            self._news = ["engine_id_changed"]
        elif before is not None and before.boots > parsed.boots:
            self._news = ["boots_fell"]
        self.state = EngineState(parsed.engine_id, parsed.boots, self._clock() - parsed.time)

    def _remember(self, plain: bytes) -> None:
        """Know the next answer of this length by its head; what a cipher padded is not known again."""
        at, end = ber.expect(plain, 0, ber.SEQUENCE)
        _, at = ber.read_octets(plain, at)
        _, at = ber.read_octets(plain, at)
        head = head_at(plain, at, end)
        if head is not None and len(self._heads) < MAX_HEADS:
            self._heads[len(plain)] = head

    def _verify(self, datagram: bytes, parsed: Parsed, keys: Keys) -> None:
        size, at = keys.digest_bytes, parsed.digest_at
        blank = datagram[:at] + bytes(size) + datagram[at + size :]
        if len(parsed.digest) != size or not hmac.compare_digest(keys.sign(blank), parsed.digest):
            raise Malformed("a wrong digest")

    def _decrypt(self, datagram: bytes, parsed: Parsed, keys: Keys, read: Read) -> Pdu:
        secret, _ = ber.read_octets(datagram, parsed.scoped_at)
        if len(parsed.salt) != 8 or (keys.cipher in BLOCKS and (len(secret) % 8 or not secret)):
            raise Malformed("a message that cannot be decrypted")
        for turn in range(len(keys.privacy)):
            which = (self._which + turn) % len(keys.privacy)
            plain = keys.decrypt(which, secret, parsed.boots, parsed.time, parsed.salt)
            head = self._heads.get(len(plain))
            if head is not None and head.fits(plain):
                self._which = which
                return Pdu(message.RESPONSE, parsed.key, 0, 0, read(plain, head.binds_at, len(plain)))
            try:
                pdu = _read_scoped(plain, 0, read)
            except Malformed:
                if self._confirmed:
                    raise
                continue
            self._which = which
            self._remember(plain)
            return pdu
        raise Malformed("a message that decrypts to nothing")


def _discovery(key: int) -> bytes:
    """Return the question to an engine nothing is known of (RFC 3414 §4)."""
    return _enveloped(
        key, REPORTABLE, b"\x04\x00\x02\x01\x00\x02\x01\x00" + b"\x04\x00" * 3, _scoped(b"", _NOTHING, key)
    )


def _enveloped(key: int, flags: int, security: bytes, scoped: bytes) -> bytes:
    """Return a message around its security parameters and its scoped PDU, plain or sealed."""
    head = b"\x02\x04" + key.to_bytes(4, "big") + _MAX_SIZE + bytes((ber.OCTETS, 1, flags)) + _MODEL
    parameters = ber.tlv(ber.OCTETS, ber.tlv(ber.SEQUENCE, security))
    return ber.tlv(ber.SEQUENCE, b"\x02\x01\x03" + ber.tlv(ber.SEQUENCE, head) + parameters + scoped)


def _scoped(engine_id: bytes, template: Template, key: int) -> bytes:
    return ber.tlv(ber.SEQUENCE, ber.tlv(ber.OCTETS, engine_id) + b"\x04\x00" + template.pdu(key))


def parse(datagram: bytes) -> Parsed:
    """Take a v3 message apart (RFC 3412 §6, RFC 3414 §2.4). Raises `Malformed`."""
    _, at = message.version_of(datagram)
    at, scoped_at = ber.expect(datagram, at, ber.SEQUENCE)
    key, at = ber.read_integer(datagram, at)
    _, at = ber.read_integer(datagram, at)
    flags, at = ber.read_octets(datagram, at)
    model, _ = ber.read_integer(datagram, at)
    at, scoped_at = ber.expect(datagram, scoped_at, ber.OCTETS)
    at, _ = ber.expect(datagram, at, ber.SEQUENCE)
    engine_id, at = ber.read_octets(datagram, at)
    boots, at = ber.read_integer(datagram, at)
    time, at = ber.read_integer(datagram, at)
    user, at = ber.read_octets(datagram, at)
    digest_at, end = ber.expect(datagram, at, ber.OCTETS)
    salt, _ = ber.read_octets(datagram, end)
    if len(flags) != 1 or model != 3 or not (0 <= boots <= MAX_BOOTS and 0 <= time <= MAX_BOOTS):
        raise Malformed("security parameters out of range")
    digest = datagram[digest_at:end]
    return Parsed(key, flags[0], engine_id, boots, time, user, digest, digest_at, salt, scoped_at)


def _scoped_pdu(datagram: bytes, parsed: Parsed) -> Pdu:
    return _read_scoped(datagram, parsed.scoped_at)


def _read_scoped(buffer: bytes, at: int, read: Read = ber.read_varbinds) -> Pdu:
    at, _ = ber.expect(buffer, at, ber.SEQUENCE)
    _, at = ber.read_octets(buffer, at)
    _, at = ber.read_octets(buffer, at)
    return message.decode_pdu(buffer, at, read)


def _cause(report: Pdu) -> int:
    """Return which usmStats counter a Report carries: the last number but one, 0 when none of ours."""
    if len(report.varbinds) != 1:
        return 0
    oid = report.varbinds[0][0]
    return oid[len(_STATS)] if oid.startswith(_STATS) and len(oid) == len(_STATS) + 2 else 0
