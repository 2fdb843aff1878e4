"""How each channel does: since when it works or fails, what waits for it, how much it was told lately; and digests."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime

import msgspec

from alerts.telling.notification import Message, Pending
from monitor.ledger.database import Database, from_ms, to_ms

_WORKS = """
INSERT INTO channels(channel, works, since, delivered_at) SELECT channel, 1, :at, :at FROM outbox WHERE id = :id
ON CONFLICT(channel) DO UPDATE SET since = iif(works, since, :at), works = 1, delivered_at = :at
"""
_FAILS = """
INSERT INTO channels(channel, works, since, error, error_at)
    SELECT channel, 0, :at, :error, :at FROM outbox WHERE id = :id
ON CONFLICT(channel) DO UPDATE SET since = iif(works, :at, since), works = 0, error = :error, error_at = :at
"""
_HEALTH = """
SELECT name, works, since, coalesce(error, ''), error_at, delivered_at,
       (SELECT count(*) FROM outbox WHERE state = 'waiting' AND outbox.channel = name AND digest IS NOT outbox.id
          AND NOT (place > 0 AND tries = 0))  -- a way that is tried only if another one fails
FROM (SELECT channel AS name FROM channels UNION SELECT channel FROM outbox WHERE state = 'waiting')
LEFT JOIN channels ON channels.channel = name ORDER BY name
"""
_MERGED = """
UPDATE outbox SET digest = :digest, leased_until = 0
WHERE id IN (SELECT value FROM json_each(:rows)) AND state = 'waiting' AND digest IS NULL
"""
_INSERT = """
INSERT INTO outbox(incident_id, channel, recipient, key, state, created_at, due_at, leased_until, body)
VALUES (?, ?, ?, ?, 'waiting', ?, ?, ?, ?)
"""


class ChannelHealth(msgspec.Struct, frozen=True):
    """What the outbox knows of one channel; times are aware UTC."""

    channel: str
    works: bool | None = None
    """Whether the last attempt succeeded; `None` when there was none."""
    since: datetime | None = None
    """Since when it works, or fails."""
    error: str = ""
    """Why an attempt failed last."""
    error_at: datetime | None = None
    delivered_at: datetime | None = None
    """When it took a message last."""
    waiting: int = 0
    """Messages not told yet."""


class LedgerChannels:
    """How channels do. Methods raise `LedgerError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def health(self) -> list[ChannelHealth]:
        """Return how every channel does that was ever used, by name."""
        return await self._database.read(health)


def works(db: sqlite3.Connection, number: int, at: datetime) -> None:
    """The channel of message `number` took it."""
    db.execute(_WORKS, {"at": to_ms(at), "id": number})


def fails(db: sqlite3.Connection, number: int, at: datetime, error: str) -> None:
    """The channel of message `number` could not be told."""
    db.execute(_FAILS, {"at": to_ms(at), "error": error, "id": number})


def health(db: sqlite3.Connection) -> list[ChannelHealth]:
    """Return every channel that was ever used, by name."""
    return [
        ChannelHealth(
            name, None if ok is None else bool(ok), _time(since), error, _time(bad), _time(good), waiting
        )
        for name, ok, since, error, bad, good, waiting in db.execute(_HEALTH).fetchall()
    ]


def told_since(db: sqlite3.Connection, channel: str, since: datetime) -> list[datetime]:
    """Return when `channel` took each message since then; a digest is one."""
    rows = db.execute(
        "SELECT done_at FROM outbox WHERE channel = ? AND done_at >= ? AND state = 'delivered'"
        " AND coalesce(digest, id) = id ORDER BY done_at",
        (channel, to_ms(since)),
    ).fetchall()
    return [from_ms(done) for (done,) in rows]


def merge(
    db: sqlite3.Connection, numbers: Sequence[int], digest: Message, at: datetime, leased_until: datetime
) -> Pending:
    """Let one message tell what several waiting ones would: they are settled when it is."""
    now = to_ms(at)
    body = msgspec.json.encode(digest).decode()
    times = (now, now, to_ms(leased_until))
    row = (digest.incident.id, digest.channel, digest.to, digest.key, *times, body)
    number = db.execute(_INSERT, row).lastrowid or 0
    db.execute("UPDATE outbox SET digest = id WHERE id = ?", (number,))
    db.execute(_MERGED, {"digest": number, "rows": msgspec.json.encode(numbers).decode()})
    return Pending(number, digest, 0, at)


def _time(milliseconds: int | None) -> datetime | None:
    return from_ms(milliseconds) if milliseconds is not None else None
