"""Who leads: the one service that may judge and tell. A service that was replaced while it slept is refused."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta

import msgspec

from monitor.ledger import outbox
from monitor.ledger.database import LedgerError, from_ms, to_ms

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
        outbox.wait_longer(db, now - before.seen_at, before.seen_at)
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
