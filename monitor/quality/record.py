"""What the ledger holds about past incidents, read row by row in a connection of its own: nobody waits for it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

import msgspec

from monitor.ledger import LedgerError
from monitor.ledger.database import from_ms, to_ms
from monitor.ledger.morning import text

MOST = 200_000
"""Incidents looked at, the newest first."""

_INCIDENTS = """
SELECT incidents.id, rule, device, check_name, body, false_alarms.incident_id IS NOT NULL,
  (SELECT min(json_extract(timeline.body, '$.at')) FROM timeline
   WHERE timeline.incident_id = incidents.id AND json_extract(timeline.body, '$.step') = 'acknowledged'),
  (SELECT count(*) FROM timeline
   WHERE timeline.incident_id = incidents.id AND json_extract(timeline.body, '$.who') <> 'commune-monitor')
FROM incidents LEFT JOIN false_alarms ON false_alarms.incident_id = incidents.id
WHERE incidents.id > 0 AND kind = 'incident'
  AND json_extract(incidents.body, '$.opened_at') >= ? AND json_extract(incidents.body, '$.opened_at') < ?
ORDER BY incidents.id DESC LIMIT ?
"""
_MESSAGES = """
SELECT channel, state, outbox.created_at, outbox.done_at, false_alarms.incident_id IS NOT NULL
FROM outbox LEFT JOIN false_alarms ON false_alarms.incident_id = outbox.incident_id
WHERE outbox.incident_id > 0 AND outbox.created_at >= ? AND outbox.created_at < ?
  AND (state <> 'spared')
"""


class _Body(msgspec.Struct, frozen=True):
    opened_at: datetime
    severity: str
    resolved_at: datetime | None = None
    since: datetime | None = None
    sites: tuple[str, ...] = ()


class Past(msgspec.Struct, frozen=True):
    """One incident."""

    id: int
    rule: str
    device: str
    check: str
    severity: str
    opened_at: datetime
    resolved_at: datetime | None
    since: datetime | None
    """When the first attempt failed that led to it; `None` where that was not recorded."""
    acknowledged_at: datetime | None
    touched: bool
    """Whether anybody did anything about it."""
    false: bool
    """Whether an operator says that there was nothing."""
    sites: tuple[str, ...]


class Sent(msgspec.Struct, frozen=True):
    """One message."""

    channel: str
    state: str
    delay: float | None
    """Seconds until the channel had it."""
    false: bool


class Record:
    """The rows of a time."""

    def __init__(self, db: sqlite3.Connection, start: datetime, end: datetime) -> None:
        self._db = db
        self.start = start
        self.end = end

    def incidents(self) -> Iterator[Past]:
        """Yield what opened in the time, the newest first."""
        span = (text(self.start), text(self.end), MOST)
        for number, rule, device, check, raw, false, taken, touches in self._db.execute(_INCIDENTS, span):
            body = msgspec.json.decode(raw, type=_Body)
            acknowledged = msgspec.convert(taken, datetime) if taken else None
            yield Past(
                number, rule, device, check, body.severity, body.opened_at, body.resolved_at, body.since,
                acknowledged, bool(touches), bool(false), body.sites,
            )  # fmt: skip

    def messages(self) -> Iterator[Sent]:
        """Yield what was told, or was to be, in the time."""
        span = (to_ms(self.start), to_ms(self.end))
        for channel, state, created, done, false in self._db.execute(_MESSAGES, span):
            told = state == "delivered" and done is not None
            delay = (from_ms(done) - from_ms(created)).total_seconds() if told else None
            yield Sent(channel, state, delay, bool(false))


@contextmanager
def reading(ledger: Path, start: datetime, end: datetime) -> Iterator[Record]:
    """Read a ledger file while the context is open; it is not changed. Raises `LedgerError`."""
    try:
        with closing(
            sqlite3.connect(
                f"{ledger.absolute().as_uri()}?mode=ro", uri=True, timeout=5, check_same_thread=False
            )
        ) as db:
            yield Record(db, start, end)
    except sqlite3.Error as error:
        raise LedgerError(f"the ledger {ledger} cannot be read: {error}") from error
