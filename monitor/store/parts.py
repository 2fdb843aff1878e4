"""Which closed files and open tables hold the data, and how one is replaced by another under running queries.

The manifest (SQLite) is the truth about files: a file counts when its row says ``live``. Its order of work
makes every crash harmless: write a file, sync it, name it in the manifest, then drop what it replaces.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from monitor.store import StoreBroken

_SCHEMA = """
CREATE TABLE IF NOT EXISTS parts(
    path TEXT PRIMARY KEY,     -- relative to the store's folder
    level INTEGER NOT NULL,    -- seconds of a rollup slice, 0 for raw samples
    t0 INTEGER NOT NULL,       -- ms UTC, inclusive
    t1 INTEGER NOT NULL,       -- ms UTC, exclusive
    s0 INTEGER NOT NULL,       -- first sid
    s1 INTEGER NOT NULL,       -- last sid
    rows INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('live', 'dead'))
) STRICT
"""


class Part(msgspec.Struct, frozen=True):
    """One Parquet file, sorted by (sid, time); times in ms UTC, ``t1`` exclusive, ``s1`` inclusive."""

    path: str
    level: int
    t0: int
    t1: int
    s0: int
    s1: int
    rows: int
    bytes: int


class Table(msgspec.Struct, frozen=True):
    """One table of raw samples of one UTC hour in the hot database."""

    name: str
    hour: int


Source = Part | Table


class Manifest:
    """The rows about files. Used by one thread at a time; every call blocks."""

    def __init__(self, path: Path) -> None:
        """Open or create. Raises `StoreBroken`."""
        try:
            self._db = sqlite3.connect(path, timeout=5, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute(_SCHEMA)
        except sqlite3.DatabaseError as error:
            raise StoreBroken(f"the list of parts {path} cannot be read: {error}") from error

    def live(self) -> list[Part]:
        """Files that hold data."""
        with closing(self._db.cursor()) as cursor:
            cursor.execute("SELECT path, level, t0, t1, s0, s1, rows, bytes FROM parts WHERE state = 'live'")
            return [Part(*row) for row in cursor]

    def dead(self) -> list[str]:
        """Paths of files that were replaced or have expired and may still be there."""
        with closing(self._db.cursor()) as cursor:
            return [path for (path,) in cursor.execute("SELECT path FROM parts WHERE state = 'dead'")]

    def replace(self, new: Iterable[Part], old: Iterable[str]) -> None:
        """In one transaction: `new` hold data from now on and `old` no longer do."""
        with self._db:
            self._db.executemany("UPDATE parts SET state = 'dead' WHERE path = ?", [(path,) for path in old])
            self._db.executemany(
                "INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'live')",
                [msgspec.structs.astuple(part) for part in new],
            )

    def forget(self, path: str) -> None:
        """Remove the row of a file that is gone."""
        with self._db:
            self._db.execute("DELETE FROM parts WHERE path = ?", (path,))

    def close(self) -> None:
        """Close the database."""
        self._db.close()


class Sources:
    """Everything that may be read now, in memory; a reader pins what it reads until it is done."""

    def __init__(self, sources: Iterable[Source] = ()) -> None:
        self._lock = threading.Lock()
        self._live: dict[str, Source] = {_name(source): source for source in sources}
        self._retired: dict[str, Source] = {}
        self._pinned: list[frozenset[str]] = []

    @contextmanager
    def pinned(self) -> Iterator[tuple[Source, ...]]:
        """Yield what is live; none of it is discarded inside the block."""
        with self._lock:
            live = tuple(self._live.values())
            names = frozenset(self._live)
            self._pinned.append(names)
        try:
            yield live
        finally:
            with self._lock:
                self._pinned.remove(names)

    def replace(self, new: Iterable[Source], old: Iterable[Source]) -> None:
        """Readers that start from now on see `new` instead of `old`, never both and never neither."""
        with self._lock:
            for source in old:
                self._retired[_name(source)] = self._live.pop(_name(source))
            self._live.update({_name(source): source for source in new})

    def live(self) -> tuple[Source, ...]:
        """What is live now, unpinned: for whoever alone discards."""
        with self._lock:
            return tuple(self._live.values())

    def discardable(self) -> list[Source]:
        """Take out what was replaced and no reader uses any more."""
        with self._lock:
            used = frozenset[str]().union(*self._pinned)
            free = [name for name in self._retired if name not in used]
            return [self._retired.pop(name) for name in free]


def _name(source: Source) -> str:
    return source.path if isinstance(source, Part) else source.name


def quoted(path: Path) -> str:
    """Return `path` as an SQL string literal."""
    return "'" + str(path).replace("'", "''") + "'"
