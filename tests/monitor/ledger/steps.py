"""Transitions and messages for the ledger's tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from alerts.incident import Incident, IncidentKey, Kind, Severity, Step, Transition, Words
from alerts.telling.notification import Message
from monitor.ledger import Ledger
from monitor.ledger.teller import Teller
from tests.alerts.tellers import Composed

T0 = datetime(2026, 11, 20, 8, 0, 0, 123456, tzinfo=UTC)
KEY = IncidentKey("device-down", "18073/router")
OTHER = IncidentKey("threshold", "18100/server", "ssh", "/var")


def step(
    what: Step,
    key: IncidentKey = KEY,
    *,
    minutes: float = 0,
    severity: Severity = Severity.CRITICAL,
    evidence: str = "",
    kind: Kind = Kind.INCIDENT,
) -> Transition:
    words = Words("Không có trả lời từ router", "No answer from the router")
    return Transition(key, what, T0 + timedelta(minutes=minutes), kind, severity, words, evidence)


def message(incident: Incident, transition: Transition, channel: str = "telegram") -> Message:
    key = f"{incident.id}:{transition.step}:{transition.at.isoformat()}"
    return Message(channel, key, f"{transition.step}", "text", transition.step, incident)


to_one = Composed(lambda incident, done: [message(incident, done)])
to_two = Composed(lambda incident, done: [message(incident, done), message(incident, done, "email")])
to_none = Composed(lambda incident, done: [])


async def acknowledge(
    ledger: Ledger, id: int, who: str, note: str, at: datetime, teller: Teller
) -> Incident | None:
    """Let somebody take one incident on; `None` when that is not possible."""
    taken = await ledger.incidents.by_hand([id], Step.ACKNOWLEDGED, who, note, at, teller)
    return taken[0] if taken else None
