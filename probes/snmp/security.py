"""How a request is sealed and an answer opened; the community of v1 and v2c is the simple way."""

from __future__ import annotations

from typing import Protocol

from inventory.secrets import Credential
from probes.core.observation import Outcome
from probes.core.probe import ProbeFailure
from probes.core.words import Words
from probes.snmp import ber, message
from probes.snmp.ber import Malformed
from probes.snmp.form import Read
from probes.snmp.message import Head, Pdu, head_of
from probes.snmp.template import Template

MAX_HEADS = 2048
"""Lengths of answers whose heads are remembered for one community."""


class Security(Protocol):
    """What a credential does to the messages of one device."""

    bulk: bool
    """Whether the version knows GETBULK."""

    def seal(self, template: Template, key: int) -> bytes:
        """Return the datagram that asks `template` under the message key (request id or msgID) `key`."""
        ...

    def open(self, datagram: bytes, key: int, read: Read = ber.read_varbinds) -> Pdu:
        """Return the answer in `datagram`, its variables read by `read`.

        A Report PDU asks for another try after something was learnt.

        Raises `Malformed` for what must be ignored, `ProbeFailure` for a credential that is not accepted.
        """
        ...

    def silent(self) -> None:
        """Take note that one try was not answered."""
        ...

    def unanswered(self) -> ProbeFailure:
        """Return what the silence after the last try means."""
        ...

    def take_news(self) -> tuple[str, ...]:
        """Return what changed at the agent's engine since the last call, for a rule to judge."""
        ...


_SILENT = Words(
    "không trả lời SNMP: sai community, bị chặn hoặc thiết bị ngừng hoạt động",
    "no answer: wrong community, blocked, or away",
)


class Community:
    """SNMP v1 and v2c. A wrong community is answered by silence. One serves all devices that share it."""

    def __init__(self, community: str, version: int = message.V2C) -> None:
        self.version = version
        self._heads: dict[int, Head] = {}
        """By length: most answers differ from one before them in nothing else before their variables."""
        self._community = community.encode()
        self.bulk = version != message.V1

    @classmethod
    def of(cls, credential: Credential) -> Community:
        """Return the community that a credential of the kind ``snmp_v1`` or ``snmp_v2c`` holds."""
        version = message.V1 if credential.kind == "snmp_v1" else message.V2C
        return cls(credential.secrets["community"].reveal(), version)

    @property
    def community(self) -> str:
        """The community, which is a secret."""
        return self._community.decode()

    def silent(self) -> None:
        """Nothing to learn from it."""

    def take_news(self) -> tuple[str, ...]:
        """Nothing: a community tells nothing of the agent's engine."""
        return ()

    def unanswered(self) -> ProbeFailure:
        """Return a timeout: an agent never says that a community is wrong."""
        return ProbeFailure(Outcome.TIMEOUT, _SILENT)

    def seal(self, template: Template, key: int) -> bytes:
        """Patch the id into the message, which is written once."""
        wire = template.wire.get((self.version, self._community)) or self._write(template)
        return wire[0] + key.to_bytes(4, "big") + wire[1]

    def _write(self, template: Template) -> tuple[bytes, bytes]:
        head = ber.integer(self.version) + ber.tlv(ber.OCTETS, self._community)
        whole = ber.tlv(ber.SEQUENCE, head + template.pdu(0))
        cut = len(whole) - len(template.tail)
        template.wire[self.version, self._community] = wire = whole[: cut - 4], whole[cut:]
        return wire

    def open(self, datagram: bytes, key: int, read: Read = ber.read_varbinds) -> Pdu:
        """Read the answer; another version or community than ours is not for us."""
        head = self._heads.get(len(datagram))
        if head is not None and head.fits(datagram):
            return Pdu(message.RESPONSE, key, 0, 0, read(datagram, head.binds_at, len(datagram)))
        answer = message.decode(datagram, read)
        if answer.community != self._community or answer.version != self.version:
            raise Malformed("another community or version than asked with")
        if answer.pdu.tag != message.RESPONSE:
            raise Malformed("not a response")
        if head is not None or len(self._heads) < MAX_HEADS:
            self._remember(datagram)
        return answer.pdu

    def _remember(self, datagram: bytes) -> None:
        head = head_of(datagram)
        if head is not None:
            self._heads[len(datagram)] = head
