"""Who leads: the one service that may judge and tell. A service that was replaced while it slept is refused."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import msgspec

from monitor.ledger.database import Database, LedgerError, Work, from_ms, to_ms

T = TypeVar("T")

_WAIT_LONGER = """
UPDATE outbox SET due_at = due_at + :absence
WHERE state = 'waiting' AND place > 0 AND tries = 0 AND due_at > :since
"""
"""Of a way that is tried only if the one before it fails: meanwhile nobody could try that one."""

LEAST_ABSENCE = timedelta(minutes=1)
"""A shorter time without a service is a restart."""


class Deposed(LedgerError):
    """Another service took the ledger over while this one was not heard of."""


class Leader(msgspec.Struct, frozen=True):
    """The service that leads, and when it was last heard of."""

    epoch: int
    """1 for the first that ever led, one more for each after it."""
    holder: str
    """Machine and process."""
    since: datetime
    seen_at: datetime


class Absence(msgspec.Struct, frozen=True):
    """A time in which no service ran."""

    gone_at: datetime
    back_at: datetime


class LedgerLeader:
    """Who leads, and writing that is refused once another does."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.held: Leader | None = None
        """Since we lead; `None` for a reader."""

    async def lead(self, holder: str, now: datetime) -> Leader:
        """Take over from whoever led before; from now on what we write is refused once another has done so."""
        self.held = await self._database.write(partial(lead, holder=holder, now=now))
        return self.held

    async def renew(self, now: datetime) -> None:
        """Be heard of. Raises `Deposed`."""
        if self.held is not None:
            await self._database.write(partial(renew, epoch=self.held.epoch, now=now))

    async def write(self, work: Work[T]) -> T:
        """Return what `work` returns; nothing is written, and `Deposed` raised, once another leads."""
        return await self._database.write(self._fenced(work))

    async def read(self, work: Work[T]) -> T:
        """Return what `work` reads. Raises `Deposed` once another leads."""
        return await self._database.read(self._fenced(work))

    def _fenced(self, work: Work[T]) -> Work[T]:
        def fenced(db: sqlite3.Connection) -> T:
            if self.held is not None:
                confirm(db, self.held.epoch)
            return work(db)

        return fenced


def lead(db: sqlite3.Connection, holder: str, now: datetime) -> Leader:
    """Take over: whoever led before is refused from now on. What it had in hand may be claimed at once.

    The time since it was last heard of is remembered when nobody watched then. In it nobody could be reached by a first
    way, so the next ones wait as much longer.
    """
    before = current(db)
    if before is not None and now - before.seen_at >= LEAST_ABSENCE:
        away = (to_ms(before.seen_at), to_ms(now))
        db.execute("INSERT INTO absences(gone_at, back_at) VALUES (?, ?)", away)
    if before is not None and now > before.seen_at:
        absence = (now - before.seen_at) // timedelta(milliseconds=1)
        db.execute(_WAIT_LONGER, {"absence": absence, "since": to_ms(before.seen_at)})
    leader = Leader(before.epoch + 1 if before else 1, holder, now, now)
    row = (leader.epoch, holder, to_ms(now), to_ms(now))
    db.execute("INSERT OR REPLACE INTO leader VALUES (1, ?, ?, ?, ?)", row)
    db.execute("UPDATE outbox SET leased_until = 0 WHERE state = 'waiting'")
    return leader


def renew(db: sqlite3.Connection, epoch: int, now: datetime) -> None:
    """Be heard of. Raises `Deposed`."""
    confirm(db, epoch)
    db.execute("UPDATE leader SET seen_at = ?", (to_ms(now),))


def confirm(db: sqlite3.Connection, epoch: int) -> None:
    """Raise `Deposed` unless the service of this epoch still leads."""
    leader = current(db)
    if leader is None or leader.epoch != epoch:
        holder = leader.holder if leader else "nobody"
        raise Deposed(f"{holder} has taken the ledger over: this service may no longer tell anybody")


def current(db: sqlite3.Connection) -> Leader | None:
    """Return who leads, `None` when nobody ever did."""
    row = db.execute("SELECT epoch, holder, since, seen_at FROM leader").fetchone()
    return Leader(row[0], row[1], from_ms(row[2]), from_ms(row[3])) if row else None


def absences(db: sqlite3.Connection, start: datetime, end: datetime) -> list[Absence]:
    """Return the times without a service between two times, oldest first."""
    rows = db.execute(
        "SELECT gone_at, back_at FROM absences WHERE back_at > ? AND gone_at < ? ORDER BY gone_at",
        (to_ms(start), to_ms(end)),
    )
    return [Absence(from_ms(gone), from_ms(back)) for gone, back in rows]
