"""Sessions of browsers: a digest of what the cookie holds, whose it is, since when and from where."""

from __future__ import annotations

import sqlite3
from datetime import datetime

import msgspec

from monitor.ledger.database import from_ms, to_ms
from monitor.ledger.users import User

MAX_SESSIONS = 20
"""Sessions of one user; the oldest ends when another begins."""
MAX_BROWSERS = 20


class Session(msgspec.Struct, frozen=True):
    """A browser that is signed in; times are aware UTC."""

    id: int
    digest: str
    user: int
    method: str
    """How they proved who they are: ``password``, ``oidc`` …"""
    address: str
    agent: str
    created_at: datetime
    seen_at: datetime


def add(
    db: sqlite3.Connection, digest: str, user: User, method: str, address: str, agent: str, at: datetime
) -> None:
    """Begin a session."""
    row = (digest, user.id, method, address, agent, to_ms(at), to_ms(at))
    db.execute(
        "INSERT INTO sessions(digest, user, method, address, agent, created_at, seen_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        row,
    )
    db.execute(
        "DELETE FROM sessions WHERE user = ?1 AND id NOT IN"
        " (SELECT id FROM sessions WHERE user = ?1 ORDER BY id DESC LIMIT ?2)",
        (user.id, MAX_SESSIONS),
    )


def end(db: sqlite3.Connection, number: int) -> None:
    """End a session."""
    db.execute("DELETE FROM sessions WHERE id = ?", (number,))


def seen(db: sqlite3.Connection, number: int, at: datetime) -> None:
    """Note that a session is used."""
    db.execute("UPDATE sessions SET seen_at = ? WHERE id = ?", (to_ms(at), number))


def prune(db: sqlite3.Connection, created: datetime, used: datetime) -> None:
    """Delete sessions begun before `created` or last used before `used`."""
    db.execute("DELETE FROM sessions WHERE created_at < ? OR seen_at < ?", (to_ms(created), to_ms(used)))


def load(db: sqlite3.Connection) -> dict[str, Session]:
    """Return every session by its digest, the newest first."""
    rows = db.execute(
        "SELECT id, digest, user, method, address, agent, created_at, seen_at FROM sessions ORDER BY id DESC"
    )
    return {row[1]: _session(*row) for row in rows}


def _session(
    id: int, digest: str, user: int, method: str, address: str, agent: str, created: int, seen: int
) -> Session:
    return Session(id, digest, user, method, address, agent, from_ms(created), from_ms(seen))


def add_browser(db: sqlite3.Connection, digest: str, user: User, at: datetime) -> None:
    """Remember a browser in which somebody signed in."""
    db.execute("INSERT INTO browsers VALUES (?, ?, ?)", (digest, user.id, to_ms(at)))
    db.execute(
        "DELETE FROM browsers WHERE user = ?1 AND digest NOT IN"
        " (SELECT digest FROM browsers WHERE user = ?1 ORDER BY created_at DESC LIMIT ?2)",
        (user.id, MAX_BROWSERS),
    )


def browsers(db: sqlite3.Connection) -> dict[str, int]:
    """Return whose each remembered browser is."""
    return dict(db.execute("SELECT digest, user FROM browsers"))
