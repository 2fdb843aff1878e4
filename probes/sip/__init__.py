"""Does the conference unit's SIP stack answer OPTIONS, with what, and how fast?

Any final response proves a living stack (RFC 3261 §11): also 401, 404, 405, 486 or 501. 408 says that the
unit behind a proxy is silent; another 5xx that the stack lives and cannot serve.
"""

from __future__ import annotations

import re
import ssl
from functools import cached_property
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from probes.core import probe
from probes.core.observation import Answer, Fact, Outcome, Sample
from probes.core.probe import ProbeFailure, Target
from probes.core.text import clean
from probes.core.words import Words, milliseconds
from probes.sip.message import Message
from probes.sip.transaction import Address, Reply, over_stream, over_udp

REQUEST_TIMEOUT = 408
NOT_IMPLEMENTED = 501
MAX_METHODS = 32
_METHOD = re.compile(r"[A-Z]{1,20}")


class Params(probe.Params):
    """How the unit speaks SIP."""

    port: Annotated[int, Field(ge=1, le=65535)] = 5060
    """UDP or TCP port; usually 5061 with TLS."""
    transport: Literal["udp", "tcp", "tls"] = "udp"
    """With `tls` the certificate is not verified: no secret is sent, and the probe `tls` tells its faults."""
    user: Annotated[str, Field(pattern=r"^[A-Za-z0-9._+-]{0,64}$")] = ""
    """User part of the address asked for; empty asks the stack itself."""
    wait: Annotated[float, Field(ge=0.5, le=32)] = 8.0
    """Seconds to wait for the final response; over UDP the request is repeated after 0.5, 1, 2 and 4 s."""


class Probe(probe.Probe[Params]):
    """SIP OPTIONS over UDP, TCP or TLS."""

    params: ClassVar[type[Params]] = Params

    async def ask(self, target: Target, params: Params) -> Answer:
        """Ask once. 408 and silence are TIMEOUT, 5xx but 501 PROTOCOL_ERROR, other final responses OK."""
        network = self.environment.network
        address = Address(await network.resolve(target.address), params.port)
        user = f"{params.user}@" if params.user else ""
        uri = f"sip:{user}{address.host}"
        if params.transport == "udp":
            reply = await over_udp(network, address, uri, params.wait)
        else:
            tls = self._tls if params.transport == "tls" else None
            uri = f"{uri};transport={params.transport}"
            reply = await over_stream(network, address, uri, params.wait, tls)
        return _judged(reply)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """TLS with whatever the unit offers, old firmware included: the question here is whether it lives."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.set_ciphers("ALL:@SECLEVEL=0")
        return context


def _judged(reply: Reply) -> Answer:
    status = reply.message.status
    said = f"{status} {clean(reply.message.reason, 80)}".strip()
    took = milliseconds(reply.rtt)
    answer = Answer(_samples(reply), _facts(reply, said), Words(f"{said}, {took.vi}", f"{said}, {took.en}"))
    failed = Words(f"thiết bị trả lời {said}", f"answered {said}")
    if status == REQUEST_TIMEOUT:
        raise ProbeFailure(Outcome.TIMEOUT, failed, answer)
    if 500 <= status < 600 and status != NOT_IMPLEMENTED:
        raise ProbeFailure(Outcome.PROTOCOL_ERROR, failed, answer)
    return answer


def _samples(reply: Reply) -> tuple[Sample, ...]:
    samples = [
        Sample("sip.rtt", reply.rtt, "s"),
        Sample("sip.response.status_code", float(reply.message.status)),
        Sample("sip.retransmissions", float(reply.retransmissions), "{request}"),
    ]
    if reply.connect is not None:
        samples.append(Sample("sip.connect.duration", reply.connect, "s"))
    return tuple(samples)


def _facts(reply: Reply, said: str) -> tuple[Fact, ...]:
    facts = (
        Fact("sip.status", said),
        Fact("sip.server", clean(reply.message.first("server"))),
        Fact("sip.user_agent", clean(reply.message.first("user-agent"))),
        Fact("sip.tls_version", reply.tls_version),
        Fact("sip.allow", _methods(reply.message)),
    )
    return tuple(fact for fact in facts if fact.value)


def _methods(message: Message) -> tuple[str, ...]:
    names = {name.strip().upper() for allow in message.all("allow") for name in allow.split(",")}
    return tuple(sorted(name for name in names if _METHOD.fullmatch(name))[:MAX_METHODS])
