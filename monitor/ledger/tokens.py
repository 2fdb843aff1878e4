"""Tokens with which programs use the API: whose, for what, where and until when; of the token itself a digest."""

from __future__ import annotations

import sqlite3
from datetime import datetime

import msgspec

from monitor.access.permission import Role
from monitor.access.scope import Scope
from monitor.ledger import audit
from monitor.ledger.database import from_ms, to_ms
from monitor.ledger.users import User, decoded, encoded


class Token(msgspec.Struct, frozen=True):
    """A token; times are aware UTC."""

    id: int
    digest: str
    user: int
    title: str
    """What it is for."""
    role: Role
    scope: Scope
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None


def add(
    db: sqlite3.Connection,
    digest: str,
    user: User,
    title: str,
    role: Role,
    scope: Scope,
    at: datetime,
    until: datetime,
    who: str,
) -> None:
    """Add a token of `user`."""
    row = (digest, user.id, title, role, encoded(scope), to_ms(at), to_ms(until))
    db.execute(
        "INSERT INTO tokens(digest, user, title, role, scope, created_at, expires_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        row,
    )
    detail = f"{title}: {role}, {scope}, until {until:%Y-%m-%d}"
    audit.add(db, at, who, "token added", user.name, detail)


def end(db: sqlite3.Connection, token: Token, user: User, at: datetime, who: str) -> None:
    """End a token."""
    db.execute("DELETE FROM tokens WHERE id = ?", (token.id,))
    audit.add(db, at, who, "token ended", user.name, token.title)


def used(db: sqlite3.Connection, number: int, at: datetime) -> None:
    """Note that a token is used."""
    db.execute("UPDATE tokens SET used_at = ? WHERE id = ?", (to_ms(at), number))


def load(db: sqlite3.Connection) -> dict[str, Token]:
    """Return every token by its digest, the newest first."""
    rows = db.execute(
        "SELECT id, digest, user, title, role, scope, created_at, expires_at, used_at"
        " FROM tokens ORDER BY id DESC"
    )
    return {row[1]: _token(*row) for row in rows}


def _token(
    id: int,
    digest: str,
    user: int,
    title: str,
    role: str,
    scope: str,
    created: int,
    expires: int,
    used: int | None,
) -> Token:
    last = None if used is None else from_ms(used)
    return Token(
        id, digest, user, title, Role(role), decoded(scope), from_ms(created), from_ms(expires), last
    )
