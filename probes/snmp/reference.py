"""`pysnmp` behind the engine's interface: a second opinion, forty times as dear, never in the poll loop.

The tests ask both engines the same questions. An operator asks it by ``commune-monitor walk --reference`` when a
device and our engine do not understand each other, to see whose fault it is.
"""

from __future__ import annotations

import asyncio
import struct
from typing import Any

from pysnmp.entity.engine import SnmpEngine
from pysnmp.entity.rfc3413 import cmdgen
from pysnmp.hlapi.v3arch.asyncio import auth as their
from pysnmp.hlapi.v3arch.asyncio.lcd import CommandGeneratorLcdConfigurator
from pysnmp.hlapi.v3arch.asyncio.transport import Udp6TransportTarget, UdpTransportTarget
from pysnmp.proto import errind, rfc1902

from probes.core.observation import Outcome
from probes.core.probe import ProbeFailure
from probes.core.words import Words, same
from probes.snmp import ber, message
from probes.snmp.ber import Value, VarBind
from probes.snmp.engine import Peer
from probes.snmp.form import Read
from probes.snmp.message import Pdu
from probes.snmp.security import Community
from probes.snmp.template import Template
from probes.snmp.usm import User

AUTH = {
    "MD5": their.USM_AUTH_HMAC96_MD5,
    "SHA1": their.USM_AUTH_HMAC96_SHA,
    "SHA224": their.USM_AUTH_HMAC128_SHA224,
    "SHA256": their.USM_AUTH_HMAC192_SHA256,
    "SHA384": their.USM_AUTH_HMAC256_SHA384,
    "SHA512": their.USM_AUTH_HMAC384_SHA512,
}
PRIV = {
    "DES": (their.USM_PRIV_CBC56_DES,) * 2,
    "3DES": (their.USM_PRIV_CBC168_3DES,) * 2,
    "AES128": (their.USM_PRIV_CFB128_AES,) * 2,
    "AES192": (their.USM_PRIV_CFB192_AES_BLUMENTHAL, their.USM_PRIV_CFB192_AES),
    "AES256": (their.USM_PRIV_CFB256_AES_BLUMENTHAL, their.USM_PRIV_CFB256_AES),
}
"""By our name: the protocol with the key stretched in Blumenthal's way, and in Reeder's."""
_REFUSALS = (
    errind.AuthenticationError,
    errind.AuthenticationFailure,
    errind.DecryptionError,
    errind.UnknownUserName,
    errind.UnknownSecurityName,
    errind.UnsupportedSecurityLevel,
    errind.WrongDigest,
)


class Reference:
    """Asks agents by pysnmp. Use as an async context manager."""

    def __init__(self, *, reeder: bool = False) -> None:
        """`reeder`: stretch short digests to long keys in Reeder's way, as Cisco does; pysnmp does not try both."""
        self._engine = SnmpEngine()
        self._configured = CommandGeneratorLcdConfigurator()
        self._reeder = reeder

    async def __aenter__(self) -> Reference:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._engine.close_dispatcher()
        await asyncio.sleep(0)  # asyncio closes the socket one turn later

    async def request(self, peer: Peer, template: Template, read: Read = ber.read_varbinds) -> Pdu:
        """Return the response to `template`; pysnmp reads the variables, `read` is ours and left out.

        Raises `ProbeFailure`: timeout, auth_failed, protocol_error.
        """
        family = Udp6TransportTarget if len(peer.address) == 4 else UdpTransportTarget
        target = await family.create(peer.address[:2], timeout=peer.wait, retries=peer.tries - 1)
        name, _ = self._configured.configure(self._engine, self._auth(peer), target, b"")
        answer: asyncio.Future[Pdu] = asyncio.get_running_loop().create_future()

        def take(_engine: Any, _handle: Any, wrong: Any, status: Any, index: Any, binds: Any, _: Any) -> None:
            if answer.done():
                return
            try:
                answer.set_result(_pdu(wrong, status, index, binds))
            except Exception as error:  # noqa: BLE001  belongs to the one who asked
                answer.set_exception(error)

        self._send(name, template, take)
        return await answer

    def _send(self, name: str, template: Template, take: Any) -> None:
        binds = [(rfc1902.ObjectName(ber.arcs(oid)), rfc1902.univ.Null("")) for oid in template.oids]
        where = self._engine, name, None, b""
        if template.tag == message.GET:
            cmdgen.GetCommandGenerator().send_varbinds(*where, binds, take)
        elif template.tag == message.GET_NEXT:
            cmdgen.NextCommandGeneratorSingleRun().send_varbinds(*where, binds, take)
        else:
            repeats = template.first, template.second
            cmdgen.BulkCommandGeneratorSingleRun().send_varbinds(*where, *repeats, binds, take)

    def _auth(self, peer: Peer) -> Any:
        security = peer.security
        if isinstance(security, Community):
            return their.CommunityData(security.community, mpModel=security.version)
        if not isinstance(security, User):
            raise ProbeFailure(
                Outcome.NOT_READY,
                Words("pysnmp không dùng được tài khoản này", "pysnmp cannot use this credential"),
            )
        return their.UsmUserData(
            security.name,
            security.auth[1],
            security.priv[1],
            AUTH[security.auth[0]],
            PRIV[security.priv[0]][self._reeder],
        )


def _pdu(wrong: Any, status: Any, index: Any, binds: Any) -> Pdu:
    """Return what pysnmp's callback was given. Raises `ProbeFailure`."""
    if isinstance(wrong, errind.RequestTimedOut):
        raise ProbeFailure(Outcome.TIMEOUT, Words("pysnmp: không trả lời", "pysnmp: no answer"))
    if isinstance(wrong, _REFUSALS):
        raise ProbeFailure(Outcome.AUTH_FAILED, same(f"pysnmp: {wrong}"))
    if wrong:
        raise ProbeFailure(Outcome.PROTOCOL_ERROR, same(f"pysnmp: {wrong}"))
    return Pdu(message.RESPONSE, 0, int(status), int(index), [_bind(*bind) for bind in binds])


def _bind(name: Any, value: Any) -> VarBind:
    tag = value.tagSet[-1]
    number = tag.tagClass | tag.tagFormat | tag.tagId
    return ber.join_arcs(tuple(name)), number, _value(number, value)


def _value(tag: int, value: Any) -> Value:
    if tag == ber.OID:
        return ber.join_arcs(tuple(value))
    if tag == ber.OPAQUE:
        return _opaque(bytes(value))
    if tag in (ber.OCTETS, ber.IP_ADDRESS):
        return bytes(value)
    if tag in (ber.NULL, ber.NO_SUCH_OBJECT, ber.NO_SUCH_INSTANCE, ber.END_OF_MIB):
        return None
    return int(value)


def _opaque(content: bytes) -> float | bytes:
    """pysnmp leaves what is wrapped in an Opaque to its caller."""
    for head, form in ((b"\x9f\x78\x04", ">f"), (b"\x9f\x79\x08", ">d")):
        if content.startswith(head) and len(content) == 3 + struct.calcsize(form):
            return float(struct.unpack(form, content[3:])[0])
    return content
