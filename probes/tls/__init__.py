"""Which TLS versions and weak ciphers does a server accept, and what is wrong with its certificate?

Asked by our own ClientHello (`probes.tls.hello`), because no library offers what has to be found any more.
About a dozen short connections with a pause between them; no handshake is completed but one or two that look
at trust. What could not be tested is left out: a missing fact is unknown, never good. Works for any port that
speaks TLS from the first byte: HTTPS 443, SIP 5061.

References: RFC 8446, 5246, 8996, 7465, 9325; security baseline TLS-01 to TLS-18.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import Field

from probes.core.certificate import Certificate, Unreadable
from probes.core.observation import Answer, Fact, Outcome
from probes.core.probe import Params, ProbeFailure, Target
from probes.core.probe import Probe as BaseProbe
from probes.core.words import Words, same
from probes.tls.survey import Findings, Survey
from probes.tls.trust import Trust


class TlsParams(Params):
    """What to ask a TLS server."""

    port: Annotated[int, Field(ge=1, le=65535)] = 443
    """TCP port."""
    server_name: Annotated[str, Field(max_length=253)] = ""
    """Name to ask for (SNI) and to compare with the certificate; by default the address, if it is a name."""
    ca_file: str | None = None
    """Further certificate authorities to trust, a PEM file."""
    pause: Annotated[float, Field(ge=0, le=10)] = 0.1
    """Seconds between two connections."""


class Probe(BaseProbe[TlsParams]):
    """Surveys a TLS server from outside."""

    params = TlsParams
    interval = 6 * 3600.0
    timeout = 20.0

    async def ask(self, target: Target, params: TlsParams) -> Answer:
        """Ask versions and ciphers, then look at the certificate."""
        network = self.environment.network
        host = await network.resolve(target.address)
        name = params.server_name or ("" if host == target.address else target.address)
        trust = Trust(network, host, params.port, name, params.ca_file)
        survey = Survey(network, host, params.port, name, pause=params.pause, patience=2.0)
        findings = await survey.run()
        subject = str(params.port)
        facts = findings.facts(subject)
        chain = await _chain(findings, trust)
        if not chain:
            return Answer(
                facts=facts, detail=same(_summary(findings))
            )  # anonymous, or of a kind we cannot complete
        try:
            certificate = Certificate(chain)
        except Unreadable as error:
            text = Words("không đọc được chứng chỉ", str(error))
            raise ProbeFailure(Outcome.PROTOCOL_ERROR, text, Answer(facts=facts)) from error
        now = datetime.now(UTC)
        facts += certificate.facts(now, subject, name or host)
        untrusted = await trust.is_missing()
        if untrusted is not None and not (untrusted and certificate.self_signed):
            # of a self-signed certificate that is another finding already
            facts += (Fact("tls.certificate.untrusted", untrusted, subject),)
        days, seen = (certificate.not_after - now).days, _summary(findings)
        left = Words(f"{seen}, chứng chỉ còn {days} ngày", f"{seen}, certificate {days} d left")
        return Answer(certificate.samples(now, subject), facts, left)


async def _chain(findings: Findings, trust: Trust) -> tuple[bytes, ...]:
    if findings.best is not None and findings.best.chain:
        return findings.best.chain
    leaf = await trust.leaf()
    return (leaf,) if leaf else ()


def _summary(findings: Findings) -> str:
    names = next((fact.value for fact in findings.facts("") if fact.name == "tls.versions"), ())
    return " ".join(names) if isinstance(names, tuple) and names else "TLS"
