"""The timeline of all incidents together, in the order in which it was written: for whoever follows what happens."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import partial

import msgspec

from alerts.incident import Transition
from monitor.ledger.database import Database
from monitor.ledger.leader import LedgerLeader

MOST = 500
"""Steps of one read."""
_AFTER = "SELECT id, incident_id, body FROM timeline WHERE id > ? AND incident_id > 0 ORDER BY id LIMIT ?"


class Written(msgspec.Struct, frozen=True):
    """A step as it stands in the ledger."""

    id: int
    """Grows with every step; never used twice."""
    incident: int
    step: Transition


class LedgerSteps:
    """The steps of all incidents. Methods raise `LedgerError`."""

    def __init__(self, database: Database, leader: LedgerLeader) -> None:
        self._database = database
        self._leader = leader

    async def after(self, number: int) -> list[Written]:
        """Return at most `MOST` steps after the one with this number, oldest first."""
        return await self._database.read(partial(after, number=number))

    def visible(self, found: Sequence[Written]) -> Sequence[Written]:
        """Return those of `found` that the reader may see: here all of them."""
        return found

    async def newest(self) -> int:
        """Return the number of the newest step, 0 before the first."""
        return await self._database.read(newest)

    async def follow(self, name: str) -> int:
        """Return the number of the last step that a follower was told; a new one begins with the next."""
        return await self._leader.write(partial(follow, name=name))

    async def followed(self, name: str, position: int) -> None:
        """Note that a follower was told every step up to this one."""
        await self._leader.write(partial(followed, name=name, position=position))


def after(db: sqlite3.Connection, number: int) -> list[Written]:
    """Return the steps after one, oldest first."""
    rows = db.execute(_AFTER, (number, MOST)).fetchall()
    return [Written(id, incident, msgspec.json.decode(body, type=Transition)) for id, incident, body in rows]


def newest(db: sqlite3.Connection) -> int:
    """Return the number of the newest step."""
    (number,) = db.execute("SELECT coalesce(max(id), 0) FROM timeline").fetchone()
    return int(number)


def follow(db: sqlite3.Connection, name: str) -> int:
    """Return the number of the last step a follower was told; a new one begins with the next."""
    db.execute(
        "INSERT INTO followers(name, position) VALUES (?, ?) ON CONFLICT DO NOTHING", (name, newest(db))
    )
    (position,) = db.execute("SELECT position FROM followers WHERE name = ?", (name,)).fetchone()
    return int(position)


def followed(db: sqlite3.Connection, name: str, position: int) -> None:
    """Note that a follower was told every step up to this one."""
    db.execute(
        "UPDATE followers SET position = ? WHERE name = ? AND position < ?", (position, name, position)
    )
