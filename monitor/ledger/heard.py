"""What people answered on each channel, and which message they answered."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from monitor.ledger.database import Database, to_ms

KEPT = 1000
"""Answers remembered for each channel: more than any channel repeats."""


class LedgerHeard:
    """The part of the ledger that a listener uses."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def first_time(self, channel: str, name: str, at: datetime) -> bool:
        """Remember an answer; `False` when it was heard before."""
        return await self._database.write(lambda db: _note(db, channel, name, at))

    async def incident_of(self, channel: str, receipt: str) -> int | None:
        """Return the incident that a message is about, by what the channel calls it; `None` for a digest."""
        return await self._database.read(lambda db: _incident(db, channel, receipt))

    async def was_told(self, channel: str, incident: int) -> bool:
        """Whether the channel was told of an incident, or is about to be."""
        return await self._database.read(lambda db: _told(db, channel, incident))


def _note(db: sqlite3.Connection, channel: str, name: str, at: datetime) -> bool:
    sql = "INSERT INTO heard(channel, name, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
    fresh = db.execute(sql, (channel, name, to_ms(at))).rowcount == 1
    db.execute(
        "DELETE FROM heard WHERE channel = :channel AND id <="
        " (SELECT id FROM heard WHERE channel = :channel ORDER BY id DESC LIMIT 1 OFFSET :kept)",
        {"channel": channel, "kept": KEPT},
    )
    return fresh


def _incident(db: sqlite3.Connection, channel: str, receipt: str) -> int | None:
    sql = (
        "SELECT incident_id FROM outbox WHERE channel = ? AND receipt = ? AND receipt <> '' AND digest IS NULL"
        " ORDER BY id DESC LIMIT 1"
    )
    row = db.execute(sql, (channel, receipt)).fetchone()
    return int(row[0]) if row else None


def _told(db: sqlite3.Connection, channel: str, incident: int) -> bool:
    sql = "SELECT 1 FROM outbox WHERE incident_id = ? AND channel = ? LIMIT 1"
    return db.execute(sql, (incident, channel)).fetchone() is not None
