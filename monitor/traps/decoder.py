"""Reads traps and informs by `pysnmp`, which is thorough and slow: one datagram at a time, only known senders."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import msgspec
from pysnmp.carrier.asyncio.dgram.udp import DOMAIN_NAME, UdpTransportAddress
from pysnmp.carrier.asyncio.dgram.udp6 import DOMAIN_NAME as DOMAIN_NAME_6
from pysnmp.carrier.asyncio.dgram.udp6 import Udp6TransportAddress
from pysnmp.carrier.base import AbstractTransport, AbstractTransportDispatcher
from pysnmp.entity import config
from pysnmp.entity.engine import SnmpEngine
from pysnmp.entity.rfc3413.ntfrcv import NotificationReceiver
from pysnmp.proto import rfc1902

from inventory.secrets import Credential
from probes.snmp import ber
from probes.snmp.ber import Malformed
from probes.snmp.keys import KeyRing, Keys
from probes.snmp.reference import AUTH, PRIV
from probes.snmp.usm import parse

log = logging.getLogger(__name__)

MAX_VALUES = 16
"""Values of one notification that are kept, besides the time and the name that stand in front of them."""


class _User(msgspec.Struct, frozen=True):
    credential: Credential
    keys: Keys
    which: int | None
    """Which of the possible privacy keys fits, when a message has told."""


class Notification(msgspec.Struct, frozen=True):
    """A trap as its sender meant it: who vouches for it, and its values by dotted OID, in order."""

    security: str
    level: int
    values: tuple[tuple[str, Any], ...]


class _Door(AbstractTransport):  # type: ignore[misc]  # pysnmp has no types
    """What pysnmp takes for its transport: datagrams are put in, answers to informs go out by `send`."""

    PROTO_TRANSPORT_DISPATCHER = AbstractTransportDispatcher

    def __init__(self, send: Callable[[bytes, tuple[Any, ...]], None], address_type: type[Any]) -> None:
        self._send = send
        self.ADDRESS_TYPE = address_type

    def put_in(self, datagram: bytes, source: tuple[Any, ...]) -> None:
        """Let pysnmp read one datagram."""
        self._callback_function(self, self.ADDRESS_TYPE(source), datagram)

    def send_message(self, outgoingMessage: bytes, transportAddress: Any) -> None:
        """Send what pysnmp answers."""
        self._send(outgoingMessage, tuple(transportAddress))


class Decoder:
    """pysnmp with our communities and users; reads one datagram at a time."""

    def __init__(self, send: Callable[[bytes, tuple[Any, ...]], None], ipv6: bool) -> None:
        self._engine = SnmpEngine()
        dispatcher = AbstractTransportDispatcher()
        self._door = _Door(send, Udp6TransportAddress if ipv6 else UdpTransportAddress)
        dispatcher.register_transport(DOMAIN_NAME_6 if ipv6 else DOMAIN_NAME, self._door)
        self._engine.register_transport_dispatcher(dispatcher)
        self._receiver = NotificationReceiver(self._engine, self._take)
        self._engine.observer.register_observer(self._note, "rfc3412.receiveMessage:request")
        self._ring = KeyRing()
        self._communities: dict[str, str] = {}
        self._users: dict[tuple[str, bytes], _User] = {}
        """By name and engine id."""
        self._security = ("", 0)
        self._found: list[Notification] = []

    def close(self) -> None:
        """Let go of what pysnmp holds."""
        self._receiver.close(self._engine)
        self._engine.unregister_transport_dispatcher()

    def accept(self, credential: Credential, engine_id: bytes | None, datagram: bytes) -> str:
        """Make notifications with this credential readable; return the name that vouches for them.

        `engine_id` is the sender's, for v3 traps.
        """
        if credential.kind != "snmp_v3":
            return self._accept_community(credential.secrets["community"].reveal())
        self._accept_user(credential, b"", datagram)  # informs: we are the authoritative engine
        if engine_id:
            self._accept_user(credential, engine_id, datagram)
        return credential.user

    def _accept_community(self, community: str) -> str:
        if community not in self._communities:
            name = self._communities[community] = f"community-{len(self._communities)}"
            config.add_v1_system(self._engine, name, community)
        return self._communities[community]

    def _accept_user(self, credential: Credential, engine_id: bytes, datagram: bytes) -> None:
        owner = engine_id or bytes(self._engine.snmpEngineID)
        name = credential.user, owner
        known = self._users.get(name)
        if known is None or known.credential is not credential:
            known = _User(credential, self._keys(credential, owner), None)
        which = _fitting(known.keys, datagram, owner)
        if name in self._users:
            if which in (None, known.which):
                return
            config.delete_v3_user(self._engine, credential.user, rfc1902.OctetString(owner))
        self._users[name] = _User(credential, known.keys, which)
        self._add_user(credential, owner, known.keys, which or 0)

    def _keys(self, credential: Credential, owner: bytes) -> Keys:
        settings, secrets = credential.settings, credential.secrets
        return self._ring.keys(
            (settings["auth_protocol"], secrets["auth_password"].reveal()),
            (settings["priv_protocol"], secrets["priv_password"].reveal()),
            owner,
        )

    def _add_user(self, credential: Credential, owner: bytes, keys: Keys, which: int) -> None:
        config.add_v3_user(
            self._engine,
            credential.user,
            AUTH[credential.settings["auth_protocol"]],
            rfc1902.OctetString(keys.authentication),
            PRIV[credential.settings["priv_protocol"]][0],
            rfc1902.OctetString(keys.privacy[which]),
            securityEngineId=rfc1902.OctetString(owner),
            authKeyType=config.USM_KEY_TYPE_LOCALIZED,
            privKeyType=config.USM_KEY_TYPE_LOCALIZED,
        )

    def read(self, datagram: bytes, source: tuple[Any, ...]) -> list[Notification]:
        """Return the notifications in `datagram`: one, or none when it is garbage or not vouched for."""
        self._found = []
        try:
            self._door.put_in(datagram, source)
        except Exception as error:  # pysnmp raises many kinds for what strangers send
            log.debug("a notification that pysnmp cannot read", exc_info=error)
        return self._found

    def _note(self, _engine: object, _point: str, variables: dict[str, Any], _context: object) -> None:
        self._security = str(variables["securityName"]), int(variables["securityLevel"])

    def _take(
        self,
        _engine: object,
        _reference: object,
        _context_engine: object,
        _context_name: object,
        binds: list[tuple[Any, Any]],
        _context: object,
    ) -> None:
        values = tuple((str(name), _plain(value)) for name, value in binds[: MAX_VALUES + 2])
        self._found.append(Notification(*self._security, values))


def _fitting(keys: Keys, datagram: bytes, engine_id: bytes) -> int | None:
    """Return which privacy key decrypts a message to something; `None` when there is nothing to tell it by."""
    try:
        parsed = parse(datagram)
        if parsed.engine_id != engine_id or len(parsed.salt) != 8:
            return None
        secret, _ = ber.read_octets(datagram, parsed.scoped_at)
    except Malformed:
        return None
    for which in range(len(keys.privacy)):
        plain = keys.decrypt(which, secret, parsed.boots, parsed.time, parsed.salt)
        try:
            at, _ = ber.expect(plain, 0, ber.SEQUENCE)
            ber.read_octets(plain, ber.read_octets(plain, at)[1])
        except Malformed:
            continue
        return which
    return None


def _plain(value: Any) -> Any:
    """Return a pysnmp value as int, bytes or text."""
    if isinstance(value, rfc1902.ObjectName):
        return str(value)
    if value.isSameTypeWith(rfc1902.OctetString()) or isinstance(value, rfc1902.OctetString):
        return bytes(value)[:512]
    try:
        return int(value)
    except (TypeError, ValueError):
        return str(value)[:512]
