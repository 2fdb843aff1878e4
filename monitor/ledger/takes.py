"""Codes by which a receiver takes an incident on: good for one incident, and used once."""

from __future__ import annotations

import hashlib
import sqlite3
from datetime import datetime
from functools import partial

import msgspec

from alerts.telling.notification import Telling
from monitor.ledger.database import Database, from_ms, to_ms


class Take(msgspec.Struct, frozen=True):
    """What a code is good for."""

    incident: int
    channel: str
    name: str
    """Who got it: a person's name; ``""`` for everybody a channel reaches."""
    used_at: datetime | None
    """When it was used, aware UTC."""

    @property
    def who(self) -> str:
        """Who has taken it on when it is used."""
        return self.name or self.channel


class LedgerTakes:
    """The codes of messages. Methods raise `LedgerError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, code: str) -> Take | None:
        """Return what a code is good for, `None` for one that never was, or whose incident was forgotten."""
        return await self._database.read(partial(find, code=code))

    async def use(self, code: str, at: datetime) -> None:
        """Note that a code was used."""
        await self._database.write(partial(use, code=code, at=at))


def put(db: sqlite3.Connection, incident: int, telling: Telling) -> None:
    """Remember the codes of the messages."""
    rows = [
        (_digest(message.code), incident, message.channel, message.name)
        for chain in telling.chains
        for message in chain
        if message.code
    ]
    db.executemany(
        "INSERT INTO take_codes(digest, incident_id, channel, name) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        rows,
    )


def find(db: sqlite3.Connection, code: str) -> Take | None:
    """Return what a code is good for, `None` for one that never was, or whose incident was forgotten."""
    sql = "SELECT incident_id, channel, name, used_at FROM take_codes WHERE digest = ?"
    row = db.execute(sql, (_digest(code),)).fetchone()
    if row is None:
        return None
    incident, channel, name, used = row
    return Take(incident, channel, name, from_ms(used) if used is not None else None)


def use(db: sqlite3.Connection, code: str, at: datetime) -> None:
    """Note that a code was used."""
    db.execute("UPDATE take_codes SET used_at = ? WHERE digest = ?", (to_ms(at), _digest(code)))


def _digest(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()
