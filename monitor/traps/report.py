"""What a notification says, as an observation like any other."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from monitor.traps.decoder import MAX_VALUES, Notification
from probes.core.observation import Fact, Observation, Outcome, Sample
from probes.core.text import clean

TRAP_OID = "1.3.6.1.6.3.1.1.4.1.0"
STANDARD = "1.3.6.1.6.3.1.1.5."
NAMES = {
    "1": "coldStart",
    "2": "warmStart",
    "3": "linkDown",
    "4": "linkUp",
    "5": "authenticationFailure",
    "6": "egpNeighborLoss",
}
IF_INDEX = "1.3.6.1.2.1.2.2.1.1."
IF_DESCR = "1.3.6.1.2.1.2.2.1.2."
IF_ADMIN = "1.3.6.1.2.1.2.2.1.7."
IF_NAME = "1.3.6.1.2.1.31.1.1.1.1."


def observation(device: str, notification: Notification, time: datetime) -> Observation:
    """Return what a notification says, as an observation."""
    values = dict(notification.values)
    trap = str(values.pop(TRAP_OID, ""))
    name = NAMES.get(trap.removeprefix(STANDARD), trap) if trap.startswith(STANDARD) else trap
    shown = tuple(clean(f"{oid} = {_shown(value)}", 120) for oid, value in list(values.items())[:MAX_VALUES])
    facts = (Fact("snmp.trap", clean(name)), Fact("snmp.trap_values", shown))
    label = _interface(values)
    samples = _link(name, label, values)
    detail = f"{name}: {label}" if label else name
    return Observation(device, "trap", "trap", time, 0.0, Outcome.OK, clean(detail, 300), samples, facts)


def _link(name: str, label: str, values: dict[str, Any]) -> tuple[Sample, ...]:
    """Return the state of a link; none for a port that someone switched off."""
    off = _first(values, IF_ADMIN) == 2
    if name not in ("linkUp", "linkDown") or not label or off:
        return ()
    return (Sample("hw.network.up", float(name == "linkUp"), "1", (("interface", label),)),)


def _interface(values: dict[str, Any]) -> str:
    named = _first(values, IF_NAME) or _first(values, IF_DESCR)
    index = _first(values, IF_INDEX)
    return clean(named, 64) if isinstance(named, bytes) else "" if index is None else clean(str(index), 64)


def _first(values: dict[str, Any], column: str) -> Any:
    return next((value for oid, value in values.items() if oid.startswith(column)), None)


def _shown(value: Any) -> str:
    return clean(value, 80) if isinstance(value, bytes) else str(value)
