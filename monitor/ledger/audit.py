"""Who did what, append-only: each line carries the digest of all before it, so that a change is found (case A61)."""

from __future__ import annotations

import hashlib
import sqlite3
from datetime import datetime

import msgspec

from monitor.ledger.database import from_ms, to_ms

_ROWS = "SELECT id, at, who, what, subject, detail, digest FROM audit"


class AuditEntry(msgspec.Struct, frozen=True):
    """One thing that somebody did."""

    id: int
    at: datetime
    who: str
    what: str
    """``"secret set"``, ``"credentials confirmed"``: few, fixed texts."""
    subject: str
    """What it was done to: a device, the name of a secret."""
    detail: str = ""


def add(db: sqlite3.Connection, at: datetime, who: str, what: str, subject: str, detail: str = "") -> None:
    """Append a line."""
    last = db.execute("SELECT digest FROM audit ORDER BY id DESC LIMIT 1").fetchone()
    row = (to_ms(at), who, what, subject, detail)
    db.execute(
        "INSERT INTO audit(at, who, what, subject, detail, digest) VALUES (?, ?, ?, ?, ?, ?)",
        (*row, _digest(last[0] if last else "", row)),
    )


def load(db: sqlite3.Connection, limit: int) -> list[AuditEntry]:
    """Return the newest lines, newest first."""
    rows = db.execute(f"{_ROWS} ORDER BY id DESC LIMIT ?", (limit,)).fetchall()
    return [AuditEntry(number, from_ms(at), *rest) for number, at, *rest, _ in rows]


def broken_at(db: sqlite3.Connection) -> int | None:
    """Return the first line that is not as it was written, `None` when all are. A cut off end is not seen."""
    before = ""
    for number, *row, digest in db.execute(f"{_ROWS} ORDER BY id"):
        if digest != _digest(before, tuple(row)):
            return int(number)
        before = digest
    return None


def _digest(before: str, row: tuple[int, str, str, str, str]) -> str:
    return hashlib.sha256(msgspec.json.encode((before, *row))).hexdigest()
