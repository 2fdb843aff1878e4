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
from probes.snmp.keys import KeyRing

log = logging.getLogger(__name__)

MAX_VALUES = 16
"""Values of one notification that are kept, besides the time and the name that stand in front of them."""

_AUTH = {
    "MD5": config.USM_AUTH_HMAC96_MD5,
    "SHA1": config.USM_AUTH_HMAC96_SHA,
    "SHA224": config.USM_AUTH_HMAC128_SHA224,
    "SHA256": config.USM_AUTH_HMAC192_SHA256,
    "SHA384": config.USM_AUTH_HMAC256_SHA384,
    "SHA512": config.USM_AUTH_HMAC384_SHA512,
}
_PRIV = {
    "DES": config.USM_PRIV_CBC56_DES,
    "AES128": config.USM_PRIV_CFB128_AES,
    "AES192": config.USM_PRIV_CFB192_AES_BLUMENTHAL,
    "AES256": config.USM_PRIV_CFB256_AES_BLUMENTHAL,
}


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
        self._users: set[tuple[str, bytes]] = set()
        self._security = ("", 0)
        self._found: list[Notification] = []

    def close(self) -> None:
        """Let go of what pysnmp holds."""
        self._receiver.close(self._engine)
        self._engine.unregister_transport_dispatcher()

    def accept(self, credential: Credential, engine_id: bytes | None) -> str:
        """Make notifications with this credential readable; return the name that vouches for them.

        `engine_id` is the sender's, for v3 traps.
        """
        if credential.kind != "snmp_v3":
            return self._accept_community(credential.secrets["community"].reveal())
        self._accept_user(credential, b"")  # informs: we are the authoritative engine
        if engine_id:
            self._accept_user(credential, engine_id)
        return credential.user

    def _accept_community(self, community: str) -> str:
        if community not in self._communities:
            name = self._communities[community] = f"community-{len(self._communities)}"
            config.add_v1_system(self._engine, name, community)
        return self._communities[community]

    def _accept_user(self, credential: Credential, engine_id: bytes) -> None:
        known = credential.user, engine_id
        if known in self._users:
            return
        self._users.add(known)
        settings, secrets = credential.settings, credential.secrets
        owner = engine_id or bytes(self._engine.snmpEngineID)
        keys = self._ring.keys(
            (settings["auth_protocol"], secrets["auth_password"].reveal()),
            (settings["priv_protocol"], secrets["priv_password"].reveal()),
            owner,
        )
        config.add_v3_user(
            self._engine,
            credential.user,
            _AUTH[settings["auth_protocol"]],
            rfc1902.OctetString(keys.authentication),
            _PRIV[settings["priv_protocol"]],
            rfc1902.OctetString(keys.privacy[0]),
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
