"""What a notification says, as an observation like any other, in the words of its MIB."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from monitor.traps.decoder import MAX_VALUES, Notification
from probes.core.observation import Fact, Observation, Outcome, Sample
from probes.core.text import clean
from probes.core.words import Said, Words, cleaned
from probes.snmp.mib import Mib

TRAP_OID = "1.3.6.1.6.3.1.1.4.1.0"
IF_INDEX = "1.3.6.1.2.1.2.2.1.1."
IF_DESCR = "1.3.6.1.2.1.2.2.1.2."
IF_ADMIN = "1.3.6.1.2.1.2.2.1.7."
IF_NAME = "1.3.6.1.2.1.31.1.1.1.1."
FLOOD = "trapFlood"
"""Name of our own event: a device sends more than can be read."""


def observation(device: str, notification: Notification, time: datetime, mib: Mib) -> Observation:
    """Return what a notification says, as an observation.

    Facts: ``snmp.trap`` its name, ``snmp.trap_severity`` the severity its vendor wrote into the MIB,
    ``snmp.trap_state`` what its enumerations say (``ifOperStatus=down``), ``snmp.trap_values`` everything.
    """
    values = dict(notification.values)
    trap = str(values.pop(TRAP_OID, ""))
    known = mib.notification(trap)
    name = known.name if known else clean(trap, 120)
    label = _interface(values)
    facts = [Fact("snmp.trap", name, label)]
    if known and known.severity:
        facts.append(Fact("snmp.trap_severity", known.severity, label))
    states = _states(values, mib)
    if states:
        facts.append(Fact("snmp.trap_state", states, label))
    shown = [
        f"{mib.short(oid)} = {_value(mib, oid, value)}" for oid, value in list(values.items())[:MAX_VALUES]
    ]
    facts.append(Fact("snmp.trap_values", tuple(clean(text, 160) for text in shown)))
    return _told(device, time, f"{name}: {label}" if label else name, facts, _link(name, label, values))


def flood(device: str, dropped: int, time: datetime) -> Observation:
    """Return that a device sends so much that `dropped` notifications could not be read."""
    words = Words(f"{FLOOD}: bỏ {dropped} bản tin không đọc kịp", f"{FLOOD}: {dropped} notifications dropped")
    return _told(device, time, words, [Fact("snmp.trap", FLOOD)])


def _told(
    device: str, time: datetime, detail: Said, facts: list[Fact], samples: tuple[Sample, ...] = ()
) -> Observation:
    return Observation(
        device, "trap", "trap", time, 0.0, Outcome.OK, cleaned(detail, 300), samples, tuple(facts)
    )


def _states(values: Mapping[str, Any], mib: Mib) -> tuple[str, ...]:
    """Return ``column=word`` for every value that an enumeration or the name of another OID explains."""
    found = []
    for oid, value in values.items():
        column, _ = mib.find(oid)
        word = column.words.get(str(value), "") if column and isinstance(value, int) else _named(mib, value)
        if column and word:
            found.append(f"{column.name}={word}")
    return tuple(found[:MAX_VALUES])


def _named(mib: Mib, value: object) -> str:
    """Return the name of an OID that is a value, such as ``upsAlarmOnBattery``; empty for anything else."""
    if not isinstance(value, str) or not value.startswith("1."):
        return ""
    name, row = mib.find(value)
    return name.name if name and not row else ""


def _value(mib: Mib, oid: str, value: object) -> str:
    return _named(mib, value) or mib.value(oid, value)


def _link(name: str, label: str, values: Mapping[str, Any]) -> tuple[Sample, ...]:
    """Return the state of a link; none for a port that someone switched off."""
    off = _first(values, IF_ADMIN) == 2
    if name not in ("linkUp", "linkDown") or not label or off:
        return ()
    return (Sample("hw.network.up", float(name == "linkUp"), "1", (("interface", label),)),)


def _interface(values: Mapping[str, Any]) -> str:
    named = _first(values, IF_NAME) or _first(values, IF_DESCR)
    index = _first(values, IF_INDEX)
    return clean(named, 64) if isinstance(named, bytes) else "" if index is None else clean(str(index), 64)


def _first(values: Mapping[str, Any], column: str) -> Any:
    return next((value for oid, value in values.items() if oid.startswith(column)), None)
