"""Does the agent answer to a default community?

Asked is only what changes nothing: sysUpTime, by v1 and v2c. Silence proves that a community is not accepted only
when the device is known to be alive in the same attempt: something else answered, the device said that nobody
listens, or its own SNMP credential (which this probe may be given) was answered. Without such proof the attempt
is a timeout and says nothing, so that a finding is never closed because a device is away.
"""

from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import Annotated

from pydantic import Field

from probes.core import probe as core
from probes.core.observation import Answer, Fact, Outcome
from probes.core.probe import Environment, ProbeFailure, Target
from probes.core.words import Words
from probes.snmp import message
from probes.snmp.ber import oid
from probes.snmp.channel import Address
from probes.snmp.credentials import KINDS, security_of
from probes.snmp.engine import Engine, Peer, socket_address
from probes.snmp.keys import KeyRing
from probes.snmp.message import Pdu
from probes.snmp.security import Community, Security
from probes.snmp.template import Template

COMMUNITIES = ("public", "private")
VERSIONS = (("v1", message.V1), ("v2c", message.V2C))
AUTHORIZATION_ERROR = 16
SYS_UPTIME = oid("1.3.6.1.2.1.1.3.0")


class Params(core.Params):
    """Parameters of the probe `snmp_community`."""

    port: Annotated[int, Field(ge=1, le=65535)] = 161
    """UDP port of the agent."""
    wait: Annotated[float, Field(gt=0, le=4)] = 1.5
    """Seconds to wait for one answer; each question is asked at most twice, all communities at once."""


class Probe(core.Probe[Params]):
    """Tries the communities that vendors ship."""

    params = Params
    credential_kinds = KINDS
    interval = 6 * 3600.0
    timeout = 15.0

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.engine = Engine(shards=1)
        self._ring = KeyRing()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the sockets."""
        await self.engine.__aexit__(kind, error, trace)

    async def ask(self, target: Target, params: Params) -> Answer:
        """Return the fact ``snmp.default_community``: the default communities that are accepted, perhaps none.

        Raises `ProbeFailure`: timeout when nothing proves that the device is alive, refused when it says
        that no agent listens, unreachable, not_ready.
        """
        found = await self.environment.network.resolve(target.address)
        address = socket_address(found, params.port)
        tried = [(name, version, number) for name in COMMUNITIES for version, number in VERSIONS]
        outcomes = await asyncio.gather(
            *(self._try(address, Community(name, number), params) for name, _, number in tried)
        )
        accepted = [
            (name, version)
            for (name, version, _), outcome in zip(tried, outcomes, strict=True)
            if outcome is Outcome.OK
        ]
        if set(outcomes) == {Outcome.REFUSED}:
            raise ProbeFailure(Outcome.REFUSED, _NO_AGENT, _answer([]))
        if not any(outcome.is_answer for outcome in outcomes):
            await self._prove_life(address, target, params, outcomes[0])
        return _answer(accepted)

    async def _try(self, address: Address, security: Security, params: Params) -> Outcome:
        """Return how one question ended; an answer that denies access is a protocol_error."""
        peer = Peer(address, security, params.wait)
        try:
            answer = await self.engine.request(peer, Template.get((SYS_UPTIME,)))
        except ProbeFailure as failure:
            return failure.outcome
        return Outcome.OK if _is_accepted(answer) else Outcome.PROTOCOL_ERROR

    async def _prove_life(self, address: Address, target: Target, params: Params, silence: Outcome) -> None:
        """Raise `ProbeFailure` unless the device answers to its own credential."""
        credential = target.credential
        if credential is None:
            raise ProbeFailure(silence, _SAFE_OR_ABSENT)
        security = security_of(credential, self._ring, time.monotonic)
        outcome = await self._try(address, security, params)
        if not outcome.is_answer:
            raise ProbeFailure(outcome, _SILENT)


_NO_AGENT = Words("không có dịch vụ SNMP ở địa chỉ này", "no SNMP agent listens there")
_SAFE_OR_ABSENT = Words(
    "không trả lời, và không có tài khoản SNMP để biết thiết bị an toàn hay đã ngừng hoạt động",
    "silent, and no SNMP credential to tell a safe device from an absent one",
)
_SILENT = Words(
    "không trả lời community mặc định lẫn tài khoản riêng: thiết bị ngừng hoạt động hoặc bị chặn",
    "silent to default communities and to its own credential: away or blocked",
)
_SAFE = Words("không trả lời community mặc định nào", "answers to no default community")


def _is_accepted(answer: Pdu) -> bool:
    return answer.error_status != AUTHORIZATION_ERROR


def _answer(accepted: list[tuple[str, str]]) -> Answer:
    names = tuple(dict.fromkeys(name for name, _ in accepted))
    ways = tuple(f"{name} by {version}" for name, version in accepted)
    listed = ", ".join(f"{name} ({version})" for name, version in accepted)
    detail = Words(f"trả lời community {listed}", f"answers to {', '.join(ways)}") if ways else _SAFE
    return Answer(
        (), (Fact("snmp.default_community", names), Fact("snmp.default_community_ways", ways)), detail
    )
