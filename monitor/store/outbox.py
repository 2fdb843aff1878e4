"""Batches that wait on disk until InfluxDB has them: SQLite, a row a batch, oldest first, bounded."""

from __future__ import annotations

import logging
import sqlite3
import time
import zlib
from collections.abc import Iterable
from pathlib import Path

import msgspec

log = logging.getLogger(__name__)

QUARANTINED = 200
"""Batches kept that the server refused for good, for a person to look at."""

_SCHEMA = """
PRAGMA auto_vacuum=INCREMENTAL;
PRAGMA journal_mode=WAL;
PRAGMA synchronous=FULL;
CREATE TABLE IF NOT EXISTS waiting(
    id INTEGER PRIMARY KEY AUTOINCREMENT, samples INTEGER NOT NULL, payload BLOB NOT NULL -- zlib
) STRICT;
CREATE TABLE IF NOT EXISTS refused(
    id INTEGER PRIMARY KEY, samples INTEGER NOT NULL, payload BLOB NOT NULL, reason TEXT NOT NULL
) STRICT;
"""


class Batch(msgspec.Struct, frozen=True):
    """Lines that are sent together. ``id`` is 0 before the outbox has given one."""

    samples: int
    payload: bytes
    """Line protocol, times in ms."""
    id: int = 0


class Outbox:
    """Used by one thread at a time; every call blocks and raises `sqlite3.Error` when the disk refuses."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._db = self._open()
        self.dropped = 0
        """Samples lost since start: the outbox was full, or the server refused them."""
        self.delivered_samples = 0
        """Samples the server took since start."""
        found = self._db.execute(
            "SELECT coalesce(sum(samples), 0), coalesce(sum(length(payload)), 0) FROM waiting"
        )
        self.samples, self._bytes = found.fetchone()

    def _open(self) -> sqlite3.Connection:
        try:
            return self._connect()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
            aside = self._path.with_name(f"outbox.broken-{int(time.time())}.sqlite")
            log.error(
                "the outbox is broken and was put aside", extra={"aside": str(aside), "error": str(error)}
            )
            self._path.rename(aside)
            return self._connect()

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, timeout=5, check_same_thread=False)
        try:
            db.executescript(_SCHEMA)
        except sqlite3.Error:
            db.close()
            raise
        return db

    def put(self, batches: Iterable[Batch]) -> None:
        """Make `batches` durable; the oldest are dropped and counted when there is no room."""
        rows = [(batch.samples, zlib.compress(batch.payload, 1)) for batch in batches]
        with self._db:
            self._db.executemany("INSERT INTO waiting(samples, payload) VALUES (?, ?)", rows)
        self.samples += sum(samples for samples, _ in rows)
        self._bytes += sum(len(payload) for _, payload in rows)
        while self._bytes > self._max_bytes:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        oldest = (
            "DELETE FROM waiting WHERE id = (SELECT min(id) FROM waiting) RETURNING samples, length(payload)"
        )
        with self._db:
            (gone,) = self._db.execute(oldest).fetchall()
        self.dropped += gone[0]
        self._count_out(gone)

    def oldest(self) -> Batch | None:
        """Return the batch to send next, `None` when nothing waits."""
        row = self._db.execute("SELECT samples, payload, id FROM waiting ORDER BY id LIMIT 1").fetchone()
        return Batch(row[0], zlib.decompress(row[1]), row[2]) if row else None

    def delivered(self, batch: Batch) -> None:
        """The server has it: remove it."""
        with self._db:
            gone = self._remove(batch)
        self.delivered_samples += batch.samples
        self._count_out(gone)

    def split(self, batch: Batch) -> bool:
        """Put two halves at the end in its place; `False` when it is a single line."""
        lines = batch.payload.split(b"\n")
        if len(lines) < 2:
            return False
        half = len(lines) // 2
        values = [line.count(b"=") for line in lines]
        first = batch.samples * sum(values[:half]) // max(1, sum(values))
        self.put(
            [
                Batch(first, b"\n".join(lines[:half])),
                Batch(batch.samples - first, b"\n".join(lines[half:])),
            ]
        )
        with self._db:
            gone = self._remove(batch)
        self._count_out(gone)
        return True

    def refuse(self, batch: Batch, reason: str, lost: int) -> None:
        """The server will never take it: keep it aside, the newest few hundred, and never send it again."""
        row = (batch.id, batch.samples, zlib.compress(batch.payload, 1), reason)
        with self._db:
            gone = self._remove(batch)
            self._db.execute("INSERT OR REPLACE INTO refused VALUES (?, ?, ?, ?)", row)
            self._db.execute("DELETE FROM refused WHERE id <= ?", (batch.id - QUARANTINED,))
        self.dropped += lost
        self.delivered_samples += batch.samples - lost
        self._count_out(gone)

    def refused(self) -> list[tuple[int, str]]:
        """Return (samples, reason) of what was refused."""
        return self._db.execute("SELECT samples, reason FROM refused ORDER BY id").fetchall()

    def _remove(self, batch: Batch) -> tuple[int, int]:
        query = "DELETE FROM waiting WHERE id = ? RETURNING samples, length(payload)"
        found = self._db.execute(query, (batch.id,)).fetchall()
        return found[0] if found else (0, 0)  # (0, 0): dropped meanwhile, the outbox was full

    def _count_out(self, gone: tuple[int, int]) -> None:
        # Last, so that whoever sees an empty outbox also sees what became of its samples.
        samples, size = gone
        self._bytes -= size
        self.samples -= samples
        if not self.samples:
            self._db.execute("PRAGMA incremental_vacuum").fetchall()

    def close(self) -> None:
        """Close the file."""
        self._db.close()
