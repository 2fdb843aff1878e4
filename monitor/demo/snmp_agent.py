"""Simulated SNMP agents, read only: one UDP port per machine, all in one loop."""

from __future__ import annotations

from monitor.demo import faults
from monitor.demo.layout import SNMP_PORT
from monitor.demo.machine import Machine
from monitor.demo.mib import Mib, Moment
from monitor.demo.snmp_user import Guard
from monitor.demo.udp_port import UdpPort
from probes.snmp import ber, message

DEFAULT_COMMUNITY = b"public"
MAX_VARIABLES = 400


class Agent(UdpPort):
    """Answers for one machine what its kind of device tells, to `credential`: a v2c community or v3."""

    def __init__(self, machine: Machine, mib: Mib, credential: bytes | Guard) -> None:
        super().__init__(machine, SNMP_PORT)
        self._mib = mib
        self._credential = credential

    def answer(self, request: bytes) -> bytes | None:
        """Return the reply to a datagram, `None` where an agent is silent: garbage, or a wrong community."""
        moment = Moment(self._machine)
        try:
            version, _ = message.version_of(request)
            if version != message.V3:
                return self._answer_community(request, moment)
            if isinstance(self._credential, Guard):
                return self._credential.answer(request, moment, lambda pdu: self._respond(pdu, moment))
        except ber.Malformed:
            pass  # an agent says nothing to what it cannot read
        return None

    def _answer_community(self, request: bytes, moment: Moment) -> bytes | None:
        asked = message.decode(request)
        pdu = self._respond(asked.pdu, moment) if self._admits(asked.community) else None
        if pdu is None:
            return None
        return message.encode(message.Message(asked.version, asked.community, pdu))

    def _admits(self, community: bytes) -> bool:
        weak = community == DEFAULT_COMMUNITY and self._machine.has(faults.DEFAULT_COMMUNITY)
        return weak or community == self._credential

    def _respond(self, pdu: message.Pdu, moment: Moment) -> message.Pdu | None:
        if pdu.tag == message.GET:
            found = [self._get(name, moment) for name, _, _ in pdu.varbinds]
        elif pdu.tag == message.GET_NEXT:
            found = [self._next(name, moment) for name, _, _ in pdu.varbinds]
        elif pdu.tag == message.GET_BULK:
            found = self._bulk(pdu, moment)
        else:
            return None
        return message.Pdu(message.RESPONSE, pdu.request_id, message.NO_ERROR, 0, found[:MAX_VARIABLES])

    def _get(self, name: bytes, moment: Moment) -> ber.VarBind:
        found = self._mib.at(name)
        return found.bind(moment) if found else (name, ber.NO_SUCH_INSTANCE, None)

    def _next(self, name: bytes, moment: Moment) -> ber.VarBind:
        found = self._mib.after(name)
        return found.bind(moment) if found else (name, ber.END_OF_MIB, None)

    def _bulk(self, pdu: message.Pdu, moment: Moment) -> list[ber.VarBind]:
        """Answer a GETBULK: its two numbers are non-repeaters and max-repetitions (RFC 3416 §4.2.3)."""
        single, repeated = pdu.varbinds[: pdu.error_status], pdu.varbinds[pdu.error_status :]
        found = [self._next(name, moment) for name, _, _ in single]
        names = [name for name, _, _ in repeated]
        for _ in range(pdu.error_index if names else 0):
            row = [self._next(name, moment) for name in names]
            found += row
            names = [name for name, _, _ in row]
            if len(found) >= MAX_VARIABLES or all(tag == ber.END_OF_MIB for _, tag, _ in row):
                break
        return found
