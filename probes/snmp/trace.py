"""Questions and answers in words, for people who look on; no secret is ever shown."""

from __future__ import annotations

from collections.abc import Iterator

from probes.core.probe import ProbeFailure
from probes.snmp import ber, message
from probes.snmp.ber import Malformed, VarBind
from probes.snmp.channel import Silence
from probes.snmp.engine import Exchange
from probes.snmp.message import Pdu
from probes.snmp.mib import Mib
from probes.snmp.template import Template

_ASKED = {message.GET: "GET", message.GET_NEXT: "GETNEXT", message.GET_BULK: "GETBULK"}
_ABSENT = {
    ber.NULL: "null",
    ber.NO_SUCH_OBJECT: "(no such object)",
    ber.NO_SUCH_INSTANCE: "(no such instance)",
    ber.END_OF_MIB: "(end of MIB)",
}


def lines(exchange: Exchange, mib: Mib) -> Iterator[str]:
    """Yield the question, and under it the answer, its values or what came instead."""
    took = f"{exchange.seconds * 1000:.1f} ms"
    yield f"> {asked(exchange.template, mib)}"
    result = exchange.result
    if isinstance(result, Silence):
        yield f"< nothing within {took}" + (f": {result.hint.en}" if result.hint else "")
    elif isinstance(result, ProbeFailure):
        yield f"< {result.outcome} after {took}: {result.detail.en}"
    else:
        yield f"< {_answer(result)} after {took}"
        yield from (f"    {shown(bind, mib)}" for bind in result.varbinds)


def asked(template: Template, mib: Mib) -> str:
    """Return a request in words: ``GETBULK x8 ifHCInOctets ifHCOutOctets``."""
    if not template.oids:
        return "GET nothing: who are you?"
    times = f" x{template.second}" if template.tag == message.GET_BULK else ""
    return f"{_ASKED[template.tag]}{times} {' '.join(mib.short(_dotted(oid)) for oid in template.oids)}"


def shown(bind: VarBind, mib: Mib) -> str:
    """Return one variable in words: ``ifOperStatus.7 = up(1)``."""
    name, tag, value = bind
    return (
        f"{mib.short(_dotted(name))} = {value_of(bind, mib) if value is not None else _ABSENT.get(tag, '')}"
    )


def value_of(bind: VarBind, mib: Mib) -> str:
    """Return a value in words, addresses and OIDs dotted."""
    name, tag, value = bind
    dotted = _dotted(name)
    if isinstance(value, bytes) and tag == ber.OID:
        return mib.value(dotted, mib.name(_dotted(value)))
    if isinstance(value, bytes) and tag == ber.IP_ADDRESS:
        return mib.value(dotted, ".".join(map(str, value)))
    return mib.value(dotted, value)


def _answer(pdu: Pdu) -> str:
    if pdu.tag == message.REPORT:
        return "a report (SNMPv3 engine or time learnt)"
    if pdu.error_status:
        return f"{message.error_name(pdu.error_status)}({pdu.error_status}) at {pdu.error_index}"
    return f"{len(pdu.varbinds)} values"


def _dotted(oid: bytes) -> str:
    try:
        return ber.dotted(oid)
    except Malformed:
        return oid.hex()
