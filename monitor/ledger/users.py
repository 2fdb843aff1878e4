"""People who use the pages and the API. Every change of one is a line of the record."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import datetime

import msgspec

from inventory.secrets import Secret
from monitor.access.permission import Role
from monitor.access.scope import EVERYWHERE, Scope
from monitor.ledger import audit
from monitor.ledger.database import from_ms, to_ms

LOCAL = "local"


class NameTaken(Exception):
    """Another user has the name already."""


class User(msgspec.Struct, frozen=True):
    """Somebody; times are aware UTC."""

    id: int
    name: str
    """What they sign in with, lower case."""
    title: str
    """What people call them; may be empty."""
    role: Role
    scope: Scope
    source: str
    """``local`` with a password here, or who answers for them: ``ldap``, ``oidc``."""
    subject: str
    """What `source` calls them; empty for local users."""
    password: Secret
    """Digest of the password; empty where there is none."""
    must_change: bool
    """Whether the password was made by another and serves to choose an own one only."""
    disabled: bool
    created_at: datetime
    signed_in_at: datetime | None


def add(
    db: sqlite3.Connection,
    name: str,
    role: Role,
    at: datetime,
    who: str,
    *,
    scope: Scope = EVERYWHERE,
    title: str = "",
    password: str = "",
    source: str = LOCAL,
    subject: str = "",
) -> int:
    """Add somebody and return the number; `password` is a digest, to be changed at once. Raises `NameTaken`."""
    if db.execute("SELECT 1 FROM users WHERE name = ?", (name,)).fetchone():
        raise NameTaken(f"there is a user {name!r} already")
    row = (name, title, role, encoded(scope), source, subject, password, source == LOCAL, to_ms(at))
    number = db.execute(_INSERT, row).lastrowid
    audit.add(db, at, who, "user added", name, f"{role}, {scope}")
    return number or 0


def set_role(db: sqlite3.Connection, user: User, role: Role, scope: Scope, at: datetime, who: str) -> None:
    """Give somebody another role; their sessions end, for a new role begins with a new sign-in."""
    _update(db, user, {"role": role, "scope": encoded(scope)})
    end_sessions(db, user)
    audit.add(db, at, who, "user role changed", user.name, f"{role}, {scope}")


def set_password(
    db: sqlite3.Connection, user: User, digest: str, at: datetime, who: str, must_change: bool
) -> None:
    """Give somebody another password; their sessions end."""
    _update(db, user, {"password": digest, "must_change": must_change})
    end_sessions(db, user)
    audit.add(db, at, who, "password reset" if must_change else "password changed", user.name)


def set_disabled(db: sqlite3.Connection, user: User, disabled: bool, at: datetime, who: str) -> None:
    """Let somebody in no more, or again; their sessions end."""
    _update(db, user, {"disabled": disabled})
    end_sessions(db, user)
    audit.add(db, at, who, "user disabled" if disabled else "user enabled", user.name)


def rehash(db: sqlite3.Connection, user: User, digest: str) -> None:
    """Keep the same password by a digest of today's strength."""
    _update(db, user, {"password": digest})


def signed_in(db: sqlite3.Connection, user: User, at: datetime, detail: str) -> None:
    """Note a sign-in."""
    _update(db, user, {"signed_in_at": to_ms(at)})
    audit.add(db, at, user.name, "signed in", user.name, detail)


def end_sessions(db: sqlite3.Connection, user: User) -> None:
    """End every session of somebody, and forget the browsers they used."""
    db.execute("DELETE FROM sessions WHERE user = ?", (user.id,))


def load(db: sqlite3.Connection) -> dict[int, User]:
    """Return everybody by id, in the order of their names."""
    rows = db.execute(
        "SELECT id, name, title, role, scope, source, subject, password, must_change, disabled, created_at,"
        " signed_in_at FROM users ORDER BY name"
    )
    return {row[0]: _user(*row) for row in rows}


def decoded(text: str) -> Scope:
    """Return a scope as a table keeps it."""
    return msgspec.json.decode(text, type=Scope)


def encoded(scope: Scope) -> str:
    """Return a scope as a table keeps it."""
    return msgspec.json.encode(scope).decode()


_INSERT = (
    "INSERT INTO users(name, title, role, scope, source, subject, password, must_change, created_at)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


def _user(
    id: int,
    name: str,
    title: str,
    role: str,
    scope: str,
    source: str,
    subject: str,
    password: str,
    must_change: int,
    disabled: int,
    created: int,
    seen: int | None,
) -> User:
    flags = (bool(must_change), bool(disabled))
    times = (from_ms(created), None if seen is None else from_ms(seen))
    return User(
        id, name, title, Role(role), decoded(scope), source, subject, Secret(password), *flags, *times
    )


def _update(db: sqlite3.Connection, user: User, values: Mapping[str, object]) -> None:
    columns = ", ".join(f"{name} = ?" for name in values)
    db.execute(f"UPDATE users SET {columns} WHERE id = ?", (*values.values(), user.id))  # noqa: S608  names are ours
