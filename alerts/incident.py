"""The record of what is broken (incident) or misconfigured (finding): same engine, different policy.

The tracker emits a `Transition`; the ledger stores it, and only then is anyone told.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from probes.core.words import Said
from probes.core.words import Words as Words  # also for those who read incidents


class State(StrEnum):
    """A judgement about one subject, made only by rules."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"
    UNKNOWN = "unknown"


class DeviceState(StrEnum):
    """What is known about a device. Never guess one from another."""

    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"
    UNREACHABLE = "unreachable"
    """Silent while every parent is down: the fault is elsewhere."""
    NO_DATA = "no_data"
    """Nothing fresh is known: not asked yet, or our own fault."""


class Kind(StrEnum):
    """Policy of an entry."""

    INCIDENT = "incident"
    FINDING = "finding"


class Severity(StrEnum):
    """How bad, apart from state.

    Incidents use low (for the record), warning, critical; findings low, medium, high, critical.
    """

    LOW = "low"
    MEDIUM = "medium"
    WARNING = "warning"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Order: 0 low … 4 critical."""
        return _RANKS[self]


_RANKS = {severity: rank for rank, severity in enumerate(Severity)}


class Status(StrEnum):
    """Where an incident stands."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class Step(StrEnum):
    """What happened to an incident at one moment of its timeline."""

    OPENED = "opened"
    CHANGED = "changed"
    """Severity or evidence became worse or better while it stays open."""
    ACKNOWLEDGED = "acknowledged"
    RELEASED = "released"
    """Nobody has it any more: given back, or the time for which it was taken on is over."""
    NOTED = "noted"
    ESCALATED = "escalated"
    """Nobody has taken it on, and so others were told, or the same again."""
    RESOLVED = "resolved"
    REOPENED = "reopened"
    """The same problem came back soon after it was resolved. People are told as of one that opened."""


class IncidentKey(msgspec.Struct, frozen=True):
    """What an incident is about. At most one incident with a key is not resolved at any time."""

    rule: str
    device: str
    """Id of the device, or of a site as a whole; ``"@…"`` for something larger."""
    check: str = ""
    """Name of the check, ``""`` for rules about the device as a whole."""
    subject: str = ""
    """Tells apart several of one check: a file system, an interface, a port."""

    @property
    def at_large(self) -> bool:
        """Whether it is about no single site: several of them, or the monitor."""
        return self.device.startswith("@")

    def of(self, device: str) -> IncidentKey:
        """Return the key of the same about another device."""
        return msgspec.structs.replace(self, device=device)


class Transition(msgspec.Struct, frozen=True):
    """One stored step of an incident."""

    key: IncidentKey
    step: Step
    at: datetime
    """Aware UTC."""
    kind: Kind
    severity: Severity
    summary: Words
    """What is wrong, one line: ``"Không có trả lời từ router (10.42.1.1) trong 3 lần hỏi"``."""
    evidence: Said = ""
    """What was seen, as it was seen (cleaned)."""
    who: str = "commune-monitor"
    note: Said = ""
    """What there is to say of the step: ours in both languages, a person's as it was typed."""
    before: Severity | None = None
    """Severity before a CHANGED step, the worst it ever had at a RESOLVED one; `None` otherwise."""
    sites: tuple[str, ...] = ()
    """Ids of the sites it hits, when it is about no single device."""
    cause: Words | None = None
    """What is probably broken, and what says so."""
    until: datetime | None = None
    """Until when an ACKNOWLEDGED step holds; `None` is until the incident is resolved."""
    since: datetime | None = None
    """When the first attempt failed that led to an OPENED step, of several sites the first of any; `None` where that
    was not recorded."""


class Incident(msgspec.Struct, frozen=True):
    """An incident or finding as the ledger holds it now."""

    id: int
    key: IncidentKey
    kind: Kind
    severity: Severity
    status: Status
    summary: Words
    evidence: Said
    opened_at: datetime
    changed_at: datetime
    resolved_at: datetime | None = None
    acknowledged_by: str = ""
    """Who has it, ``""`` while nobody does."""
    sites: tuple[str, ...] = ()
    cause: Words | None = None
    acknowledged_until: datetime | None = None
    """When it is open again though not resolved; `None` when whoever has it has it until then."""
    reopened: int = 0
    """How often the problem came back soon after it was resolved."""
    since: datetime | None = None
    """When the first attempt failed that led to it, of several sites the first of any; `None` where not recorded."""
