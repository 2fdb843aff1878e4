"""Who did what, append-only: each line carries the digest of all before it, so that a change is found (case A61)."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from functools import partial

import msgspec

from monitor.ledger.database import Database, from_ms, to_ms

_ROWS = (
    "SELECT CAST(id AS INTEGER), at, CAST(who AS BLOB), CAST(what AS BLOB), CAST(subject AS BLOB),"
    " CAST(detail AS BLOB), CAST(digest AS BLOB) FROM audit"
)
"""Texts as bytes: what somebody else wrote need not be UTF-8, and must not hide what follows."""
_YEAR_9000 = 221_845_392_000_000
"""In ms since 1970."""


class AuditEntry(msgspec.Struct, frozen=True):
    """One thing that somebody did."""

    id: int
    at: datetime | None
    """`None` when what the file says is no time; that line was not written by us."""
    who: str
    what: str
    """``"secret set"``, ``"credentials confirmed"``: few, fixed texts."""
    subject: str
    """What it was done to: a device, the name of a secret."""
    detail: str = ""


class Seal(msgspec.Struct, frozen=True):
    """The last line and its digest: whoever noted it elsewhere sees that lines were cut off or all written anew."""

    id: int = 0
    """0 of a record without lines."""
    digest: str = ""

    def __str__(self) -> str:
        return f"{self.id}:{self.digest}"


class Verified(msgspec.Struct, frozen=True):
    """What a look at the whole record found."""

    broken_at: int | None
    """The first line that is not as it was written, or is missing; `None` when all are as they were."""
    seal: Seal
    """Of the last line that is."""


class LedgerAudit:
    """The record. Methods raise `LedgerError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, at: datetime, who: str, what: str, subject: str, detail: str = "") -> None:
        """Append a line."""
        await self._database.write(partial(add, at=at, who=who, what=what, subject=subject, detail=detail))

    async def newest(self, limit: int = 100, before_id: int | None = None) -> list[AuditEntry]:
        """Return the newest lines, newest first."""
        return await self._database.read(partial(load, limit=limit, before=before_id))

    async def verify(self, noted: Seal | None = None) -> Verified:
        """Return whether the record is as it was written, and holds a seal that was noted before."""
        return await self._database.read(partial(verify, noted=noted))


def add(db: sqlite3.Connection, at: datetime, who: str, what: str, subject: str, detail: str = "") -> None:
    """Append a line."""
    last = db.execute("SELECT CAST(digest AS BLOB) FROM audit ORDER BY id DESC LIMIT 1").fetchone()
    row = (to_ms(at), who, what, subject, detail)
    db.execute(
        "INSERT INTO audit(at, who, what, subject, detail, digest) VALUES (?, ?, ?, ?, ?, ?)",
        (*row, _digest(_shown(last[0]) if last else "", row)),
    )


def load(db: sqlite3.Connection, limit: int, before: int | None = None) -> list[AuditEntry]:
    """Return the newest lines, newest first; `before` (an id) pages on."""
    sql = f"{_ROWS} WHERE ? IS NULL OR id < ? ORDER BY id DESC LIMIT ?"
    rows = db.execute(sql, (before, before, limit)).fetchall()
    return [AuditEntry(number, _time(at), *map(_shown, rest)) for number, at, *rest, _ in rows]


def verify(db: sqlite3.Connection, noted: Seal | None = None) -> Verified:
    """Look at every line: about 2 microseconds each. `noted` is a seal that the record must still hold.

    Without one a cut off end is seen only while the file's own count of lines was left alone.
    """
    seal, sealed = Seal(), noted is None or not noted.id
    for number, *row, digest in _written(db):
        if digest != _digest(seal.digest, tuple(row)):
            return Verified(number, seal)
        seal = Seal(number, str(digest))
        if noted is not None and noted.id == number:
            sealed = noted.digest == digest
            if not sealed:
                return Verified(number, seal)
    (counted,) = db.execute("SELECT max(seq) FROM sqlite_sequence WHERE name = 'audit'").fetchone()
    return Verified(None if sealed and (counted or 0) <= seal.id else seal.id + 1, seal)


def _written(db: sqlite3.Connection) -> Iterator[tuple[int, object, object, object, object, object, object]]:
    """Yield the lines as `add` got them; what is no text stays bytes, and has no digest of ours."""
    for number, at, *texts in db.execute(f"{_ROWS} ORDER BY id"):
        who, what, subject, detail, digest = map(_read, texts)
        yield int(number), at, who, what, subject, detail, digest


def _digest(before: str, row: tuple[object, ...]) -> str:
    return hashlib.sha256(msgspec.json.encode((before, *row))).hexdigest()


def _read(raw: object) -> object:
    try:
        return raw.decode() if isinstance(raw, bytes) else raw
    except UnicodeDecodeError:
        return raw


def _shown(raw: object) -> str:
    return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else ""


def _time(raw: object) -> datetime | None:
    return from_ms(raw) if isinstance(raw, int) and 0 <= raw < _YEAR_9000 else None
