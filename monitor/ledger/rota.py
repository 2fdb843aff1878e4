"""Changes of whose turn it is, and what one shift tells the next."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import datetime
from functools import partial

import msgspec

from alerts.duty.rota import Override
from monitor.ledger import audit
from monitor.ledger.database import Database, from_ms, to_ms


class Handover(msgspec.Struct, frozen=True):
    """A note of one shift for the next."""

    id: int
    rota: str
    at: datetime
    who: str
    text: str


def load(db: sqlite3.Connection) -> list[Override]:
    """Return every override that was not taken back, oldest first."""
    rows = db.execute("SELECT id, body FROM rota_overrides ORDER BY id").fetchall()
    return [
        msgspec.structs.replace(msgspec.json.decode(body, type=Override), id=number) for number, body in rows
    ]


def add(db: sqlite3.Connection, override: Override, at: datetime) -> Override:
    """Store an override under a number of its own; what ended a year ago is forgotten."""
    db.execute("DELETE FROM rota_overrides WHERE until_at < ?", (to_ms(at) - 365 * 86_400_000,))
    row = (override.rota, to_ms(override.until), msgspec.json.encode(override).decode())
    number = db.execute("INSERT INTO rota_overrides(rota, until_at, body) VALUES (?, ?, ?)", row).lastrowid
    stored = msgspec.structs.replace(override, id=number or 0)
    audit.add(db, at, override.who, "rota changed", override.rota, _said(stored))
    return stored


def remove(db: sqlite3.Connection, number: int, who: str, at: datetime) -> bool:
    """Take an override back; whether there was one."""
    found = [one for one in load(db) if one.id == number]
    for one in found:
        db.execute("DELETE FROM rota_overrides WHERE id = ?", (number,))
        audit.add(db, at, who, "rota change taken back", one.rota, _said(one))
    return bool(found)


def hand_over(db: sqlite3.Connection, rota: str, who: str, text: str, at: datetime) -> None:
    """Store a note for the next shift."""
    db.execute("INSERT INTO handovers(rota, at, who, text) VALUES (?, ?, ?, ?)", (rota, to_ms(at), who, text))
    audit.add(db, at, who, "note for the next shift", rota, text[:300])


def handovers(db: sqlite3.Connection, rota: str, limit: int) -> list[Handover]:
    """Return the newest notes of a rota, newest first."""
    sql = "SELECT id, rota, at, who, text FROM handovers WHERE rota = ? ORDER BY id DESC LIMIT ?"
    return [
        Handover(number, name, from_ms(at), who, text)
        for number, name, at, who, text in db.execute(sql, (rota, limit))
    ]


def _said(one: Override) -> str:
    return f"{one.id}: {', '.join(one.people)} {one.start:%Y-%m-%dT%H:%MZ} to {one.until:%Y-%m-%dT%H:%MZ} {one.note}"


class LedgerRota:
    """The overrides, in memory for whoever asks in a hurry; at most a second behind another process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.overrides: tuple[Override, ...] = ()

    def learn(self, overrides: Iterable[Override]) -> None:
        """Take in what is stored."""
        self.overrides = tuple(overrides)

    async def add(self, override: Override, at: datetime) -> Override:
        """Store an override, in the audit log too."""
        stored = await self._database.write(partial(add, override=override, at=at))
        self.learn(await self._database.read(load))
        return stored

    async def remove(self, number: int, who: str, at: datetime) -> bool:
        """Take one back; whether there was one."""
        found = await self._database.write(partial(remove, number=number, who=who, at=at))
        self.learn(await self._database.read(load))
        return found

    async def hand_over(self, rota: str, who: str, text: str, at: datetime) -> None:
        """Store a note for the next shift."""
        await self._database.write(partial(hand_over, rota=rota, who=who, text=text, at=at))

    async def handovers(self, rota: str, limit: int = 20) -> list[Handover]:
        """Return the newest notes, newest first."""
        return await self._database.read(partial(handovers, rota=rota, limit=limit))
