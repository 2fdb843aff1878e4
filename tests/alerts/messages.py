"""A message to send in tests of the channels."""

from __future__ import annotations

from datetime import UTC, datetime

from alerts.incident import Incident, IncidentKey, Kind, Severity, Status, Step, Words
from alerts.telling.notification import Message, Pending

AT = datetime(2026, 11, 23, 1, 12, tzinfo=UTC)


def message(
    channel: str = "duty", number: int = 1, title: str = "[SỰ CỐ] Xã Thạch Hà: mất kết nối"
) -> Message:
    """A message about an incident that has just opened."""
    incident = Incident(
        number,
        IncidentKey("device-down", "18562/router"),
        Kind.INCIDENT,
        Severity.CRITICAL,
        Status.OPEN,
        Words("mất kết nối", "down"),
        "icmp: timeout",
        opened_at=AT,
        changed_at=AT,
    )
    return Message(
        channel, f"{number}:opened:{channel}", title, "Nơi: Xã Thạch Hà\nĐầu mối: A", Step.OPENED, incident
    )


def pending(number: int, channel: str = "duty", created_at: datetime = AT) -> Pending:
    """The same in the outbox."""
    return Pending(number, message(channel, number), 0, created_at)
