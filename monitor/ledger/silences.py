"""Silences and maintenances that people made: created, extended, ended, each step in the record of who did what."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

import msgspec

from alerts.calendar import VIETNAM
from alerts.quiet.silence import Silence, must_be_in_reach
from inventory.selector import Selector
from monitor.ledger import audit
from monitor.ledger.database import Database, from_ms, to_ms
from probes.core.text import clean

MOST_OPEN = 1000
"""Silences that are not over; a script that makes more has gone wrong."""
REMEMBERED = 2000
"""Silences in memory: all that are not over, and those that were over last."""


class TooMany(ValueError):
    """There are as many silences as there may be."""


class LedgerSilences:
    """The silences in memory, at most a second behind another process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.known: tuple[Silence, ...] = ()
        """All that are not over and the last of those that are, the newest first."""
        self.changed: Callable[[], None] = lambda: None
        """Called when they are others than before, whoever changed them."""

    def learn(self, known: tuple[Silence, ...]) -> None:
        """Replace what is known by what the ledger holds."""
        before, self.known = self.known, known
        if before != known:
            self.changed()

    async def add(self, silence: Silence) -> Silence:
        """Store a new one and return it with its number. Raises `TooMany`."""
        made, known = await self._database.write(partial(_add, silence=silence))
        self.learn(known)
        return made

    async def extend(self, number: int, until: datetime, who: str, at: datetime) -> Silence | None:
        """Let one last until another time; `None` when there is none that is not over. Raises `ValueError`."""
        return await self._change(partial(_extend, number=number, until=until, who=who, at=at))

    async def end(self, number: int, who: str, at: datetime) -> Silence | None:
        """Let one be over now; `None` when there is none that is not over."""
        return await self._change(partial(_end, number=number, who=who, at=at))

    async def _change(self, work: Callable[[sqlite3.Connection], Silence | None]) -> Silence | None:
        def both(db: sqlite3.Connection) -> tuple[Silence | None, tuple[Silence, ...]]:
            return work(db), load(db)

        changed, known = await self._database.write(both)
        self.learn(known)
        return changed


def load(db: sqlite3.Connection) -> tuple[Silence, ...]:
    """Return all that are not over, and the last of those that are, the newest first."""
    rows = db.execute(
        "SELECT id, start_at, until_at, body FROM silences ORDER BY until_at DESC LIMIT ?", (REMEMBERED,)
    )
    return tuple(sorted((_silence(*row) for row in rows), key=lambda one: -one.id))


def prune(db: sqlite3.Connection, before: datetime) -> None:
    """Delete what was over before a time."""
    db.execute("DELETE FROM silences WHERE until_at < ?", (to_ms(before),))


def _add(db: sqlite3.Connection, silence: Silence) -> tuple[Silence, tuple[Silence, ...]]:
    (many,) = db.execute(
        "SELECT count(*) FROM silences WHERE until_at > ?", (to_ms(silence.made_at),)
    ).fetchone()
    if many >= MOST_OPEN:
        raise TooMany(
            f"there are {many} silences already that are not over; end some, or use one selector for many"
        )
    row = (to_ms(silence.start), to_ms(silence.until), _json(silence))
    number = db.execute("INSERT INTO silences(start_at, until_at, body) VALUES (?, ?, ?)", row).lastrowid
    made = _of(db, number or 0)
    assert made is not None  # noqa: S101  it was stored a line above
    _note(db, silence.made_at, silence.who, f"{silence.kind} made", made)
    return made, load(db)


def _extend(db: sqlite3.Connection, number: int, until: datetime, who: str, at: datetime) -> Silence | None:
    known = _open(db, number, at)
    if known is None:
        return None
    must_be_in_reach(max(known.start, at), until, at)
    return _store(db, msgspec.structs.replace(known, until=until), at, who, f"{known.kind} extended")


def _end(db: sqlite3.Connection, number: int, who: str, at: datetime) -> Silence | None:
    known = _open(db, number, at)
    if known is None:
        return None
    over = msgspec.structs.replace(known, start=min(known.start, at), until=at, ended_by=who)
    return _store(db, over, at, who, f"{known.kind} ended")


def _open(db: sqlite3.Connection, number: int, at: datetime) -> Silence | None:
    known = _of(db, number)
    return known if known is not None and known.until > at else None


def _store(db: sqlite3.Connection, silence: Silence, at: datetime, who: str, what: str) -> Silence:
    row = (to_ms(silence.start), to_ms(silence.until), _json(silence), silence.id)
    db.execute("UPDATE silences SET start_at = ?, until_at = ?, body = ? WHERE id = ?", row)
    _note(db, at, who, what, silence)
    return silence


def _note(db: sqlite3.Connection, at: datetime, who: str, what: str, silence: Silence) -> None:
    start, until = (
        one.astimezone(VIETNAM).strftime("%d/%m/%Y %H:%M") for one in (silence.start, silence.until)
    )
    where = silence.where.model_dump(exclude_defaults=True) | (
        {"rules": silence.rules} if silence.rules else {}
    )
    about = "; ".join(f"{key}: {', '.join(names)}" for key, names in where.items())
    audit.add(
        db, at, who, what, f"#{silence.id}", clean(f"{start} - {until}; {about}; {silence.reason}", 1000)
    )


def _of(db: sqlite3.Connection, number: int) -> Silence | None:
    row = db.execute("SELECT id, start_at, until_at, body FROM silences WHERE id = ?", (number,)).fetchone()
    return _silence(*row) if row else None


def _json(silence: Silence) -> str:
    return msgspec.json.encode(silence, enc_hook=_plain).decode()


def _plain(value: Any) -> Any:
    return value.model_dump(exclude_defaults=True) if isinstance(value, Selector) else str(value)


def _silence(number: int, start: int, until: int, body: str) -> Silence:
    found = msgspec.json.decode(body, type=Silence, dec_hook=_selector)
    return msgspec.structs.replace(found, id=number, start=from_ms(start), until=from_ms(until))


def _selector(kind: type, value: Any) -> Any:
    return Selector.model_validate(value)
