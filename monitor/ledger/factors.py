"""Second factors of users: one-time codes, recovery codes, passkeys."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import datetime

import msgspec

from monitor.ledger import audit
from monitor.ledger.database import from_ms, to_ms
from monitor.ledger.users import User


class Passkey(msgspec.Struct, frozen=True):
    """A key that lives in a device of the user."""

    id: str
    """Credential id, base64url."""
    user: int
    title: str
    public_key: bytes
    """COSE."""
    sign_count: int
    created_at: datetime
    used_at: datetime | None


class Factors(msgspec.Struct, frozen=True):
    """All second factors."""

    totp: dict[int, str]
    """The sealed key of one-time codes by user."""
    codes: dict[int, int]
    """How many recovery codes are left, by user."""
    passkeys: dict[str, Passkey]
    """By credential id."""


def set_totp(db: sqlite3.Connection, user: User, sealed: str, codes: Iterable[str], at: datetime) -> None:
    """Want one-time codes of `user` from now on; `codes` are digests of recovery codes."""
    remove_totp(db, user)
    db.execute("INSERT INTO totp(user, sealed, created_at) VALUES (?, ?, ?)", (user.id, sealed, to_ms(at)))
    db.executemany("INSERT INTO recovery_codes VALUES (?, ?)", [(user.id, code) for code in codes])
    audit.add(db, at, user.name, "one-time codes switched on", user.name)


def remove_totp(db: sqlite3.Connection, user: User) -> None:
    """Forget the key of one-time codes, and the recovery codes."""
    db.execute("DELETE FROM totp WHERE user = ?", (user.id,))
    db.execute("DELETE FROM recovery_codes WHERE user = ?", (user.id,))


def remove_all(db: sqlite3.Connection, user: User, at: datetime, who: str) -> None:
    """Forget every second factor of `user`."""
    remove_totp(db, user)
    db.execute("DELETE FROM passkeys WHERE user = ?", (user.id,))
    audit.add(db, at, who, "second factors removed", user.name)


def use_step(db: sqlite3.Connection, user: User, step: int) -> bool:
    """Use up the code of a time step; return whether neither it nor a later one was used before."""
    changed = db.execute(
        "UPDATE totp SET last_step = ? WHERE user = ? AND last_step < ?", (step, user.id, step)
    )
    return changed.rowcount == 1


def use_code(db: sqlite3.Connection, user: User, digest: str, at: datetime) -> bool:
    """Use up a recovery code; return whether there was one."""
    gone = db.execute("DELETE FROM recovery_codes WHERE user = ? AND digest = ?", (user.id, digest))
    if gone.rowcount:
        audit.add(db, at, user.name, "recovery code used", user.name)
    return gone.rowcount == 1


def add_passkey(
    db: sqlite3.Connection, id: str, user: User, title: str, key: bytes, count: int, at: datetime
) -> None:
    """Add a passkey of `user`."""
    db.execute(
        "INSERT INTO passkeys(id, user, title, public_key, sign_count, created_at) VALUES (?, ?, ?, ?, ?, ?)",
        (id, user.id, title, key, count, to_ms(at)),
    )
    audit.add(db, at, user.name, "passkey added", user.name, title)


def use_passkey(db: sqlite3.Connection, id: str, count: int, at: datetime) -> None:
    """Note the use of a passkey, and how often it says it was used."""
    db.execute("UPDATE passkeys SET sign_count = ?, used_at = ? WHERE id = ?", (count, to_ms(at), id))


def remove_passkey(db: sqlite3.Connection, passkey: Passkey, user: User, at: datetime) -> None:
    """Forget a passkey."""
    db.execute("DELETE FROM passkeys WHERE id = ?", (passkey.id,))
    audit.add(db, at, user.name, "passkey removed", user.name, passkey.title)


def load(db: sqlite3.Connection) -> Factors:
    """Return every second factor."""
    passkeys = db.execute(
        "SELECT id, user, title, public_key, sign_count, created_at, used_at FROM passkeys ORDER BY created_at"
    )
    return Factors(
        dict(db.execute("SELECT user, sealed FROM totp")),
        dict(db.execute("SELECT user, count(*) FROM recovery_codes GROUP BY user")),
        {row[0]: _passkey(*row) for row in passkeys},
    )


def _passkey(
    id: str, user: int, title: str, key: bytes, count: int, created: int, used: int | None
) -> Passkey:
    return Passkey(id, user, title, key, count, from_ms(created), None if used is None else from_ms(used))
