"""The inventory's files as they were each time they were taken in: who changed what, and a way back."""

from __future__ import annotations

import hashlib
import sqlite3
import zlib
from collections.abc import Mapping
from datetime import datetime
from functools import partial

import msgspec

from monitor.ledger import audit
from monitor.ledger.database import Database, from_ms, to_ms

_NOW = """
SELECT path, digest FROM (
    SELECT path, digest, row_number() OVER (PARTITION BY path ORDER BY revision DESC) AS newest
    FROM inventory_changes WHERE revision <= ?
) WHERE newest = 1 AND digest IS NOT NULL ORDER BY path
"""
_CHANGE = "INSERT INTO inventory_changes(revision, path, step, digest) VALUES (?, ?, ?, ?)"


class Revision(msgspec.Struct, frozen=True):
    """One time the files were taken in."""

    id: int
    at: datetime
    author: str
    """Who saved it on a page; ``""`` when the files were edited where they lie."""
    note: str
    added: tuple[str, ...] = ()
    """Names of files from the inventory's folder; ``""`` when the inventory is one file."""
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


class LedgerRevisions:
    """The inventory's files as they were. Methods raise `LedgerError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self, files: Mapping[str, bytes], at: datetime, author: str = "", note: str = ""
    ) -> Revision:
        """Remember the inventory's files; the newest revision there is when they are the same."""
        return await self._database.write(partial(add, files=files, at=at, author=author, note=note))

    async def newest(self, limit: int = 100, before_id: int | None = None) -> list[Revision]:
        """Return at most `limit` (1..1000) revisions, newest first; `before_id` pages on."""
        limit = min(max(limit, 1), 1000)
        return await self._database.read(partial(load, limit=limit, before=before_id))

    async def files(self, id: int) -> dict[str, bytes]:
        """Return every file as it was at a revision, by its name; empty for a revision that is not there."""
        return await self._database.read(partial(files, number=id))


def add(db: sqlite3.Connection, files: Mapping[str, bytes], at: datetime, author: str, note: str) -> Revision:
    """Remember `files` as the newest revision; the newest there is when they are the same."""
    newest = db.execute("SELECT coalesce(max(id), 0) FROM inventory_revisions").fetchone()[0]
    known = dict(db.execute(_NOW, (newest,)).fetchall())
    digests = {path: hashlib.sha256(raw).hexdigest() for path, raw in files.items()}
    if newest and known == digests:
        return load(db, 1, newest + 1)[0]
    row = (to_ms(at), author, note)
    number = db.execute("INSERT INTO inventory_revisions(at, author, note) VALUES (?, ?, ?)", row).lastrowid
    for path in sorted(known.keys() | digests.keys()):
        digest = digests.get(path)
        if known.get(path) != digest:
            _keep(db, digest, files.get(path, b""))
            step = "removed" if digest is None else "changed" if path in known else "added"
            db.execute(_CHANGE, (number, path, step, digest))
    made = load(db, 1)[0]
    if author:
        names = ", ".join((*made.added, *made.changed, *made.removed))
        audit.add(db, at, author, "inventory changed", f"revision {made.id}", names[:300])
    return made


def _keep(db: sqlite3.Connection, digest: str | None, raw: bytes) -> None:
    if digest is not None:
        row = (digest, zlib.compress(raw))
        db.execute("INSERT OR IGNORE INTO inventory_contents(digest, body) VALUES (?, ?)", row)


def load(db: sqlite3.Connection, limit: int, before: int | None = None) -> list[Revision]:
    """Return revisions, newest first; `before` (an id) pages on."""
    rows = db.execute(
        "SELECT id, at, author, note FROM inventory_revisions WHERE ? IS NULL OR id < ? ORDER BY id DESC LIMIT ?",
        (before, before, limit),
    ).fetchall()
    return [_revision(db, *row) for row in rows]


def _revision(db: sqlite3.Connection, number: int, at: int, author: str, note: str) -> Revision:
    paths: dict[str, list[str]] = {"added": [], "changed": [], "removed": []}
    for path, step in db.execute(
        "SELECT path, step FROM inventory_changes WHERE revision = ? ORDER BY path", (number,)
    ):
        paths[step].append(path)
    steps = {step: tuple(found) for step, found in paths.items()}
    return Revision(number, from_ms(at), author, note, **steps)


def files(db: sqlite3.Connection, number: int) -> dict[str, bytes]:
    """Return every file as it was at a revision, by its name; empty for a revision that is not there."""
    found = db.execute(_NOW, (number,)).fetchall()
    bodies = "SELECT body FROM inventory_contents WHERE digest = ?"
    return {path: zlib.decompress(db.execute(bodies, (digest,)).fetchone()[0]) for path, digest in found}
