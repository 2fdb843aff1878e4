"""The ledger's file: one thread, every change one durable transaction, the schema kept up to date."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from importlib import resources
from pathlib import Path
from typing import TypeVar

from monitor.thread import Thread

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

BUSY_SECONDS = 5.0


class LedgerError(Exception):
    """The ledger cannot be opened, read or written; the text names the file and says why."""


class Database:
    """One connection in one thread. Another process, such as the command line, may have the file open too."""

    def __init__(self, path: Path, busy: float = BUSY_SECONDS) -> None:
        """Wait at most `busy` seconds for another process that is writing."""
        self.path = path
        self._busy = busy
        self._thread = Thread("ledger")

    async def open(self) -> None:
        """Open or create the file and bring its schema up to date. Raises `LedgerError`."""
        try:
            await self._thread.run(self._open)
        except BaseException:
            self._thread.close()
            raise

    def _open(self) -> None:
        with self._explained():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(
                self.path, timeout=self._busy, isolation_level=None, check_same_thread=False
            )
            try:
                self._db.execute("PRAGMA journal_mode=WAL")
                self._db.execute("PRAGMA synchronous=FULL")
                self._db.execute("PRAGMA foreign_keys=ON")
                migrate(self._db)
            except BaseException:
                self._db.close()
                raise

    async def write(self, work: Work[T]) -> T:
        """Return what `work` returns, all its changes durable, or none of them. Raises `LedgerError`."""
        return await self._thread.run(partial(self._write, work))

    async def read(self, work: Work[T]) -> T:
        """Return what `work` reads. Raises `LedgerError`."""
        return await self._thread.run(partial(self._read, work))

    def soon(self, work: Work[None], failed: Callable[[LedgerError], None]) -> None:
        """Do `work` as `write` does, some time, without waiting for it."""
        self._thread.submit(partial(self._soon, work, failed))

    def _soon(self, work: Work[None], failed: Callable[[LedgerError], None]) -> None:
        try:
            self._write(work)
        except LedgerError as error:
            failed(error)

    def _write(self, work: Work[T]) -> T:
        with self._explained(), transaction(self._db):
            return work(self._db)

    def _read(self, work: Work[T]) -> T:
        with self._explained():
            return work(self._db)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.IntegrityError:
            raise  # a bug of ours, not the file's fault
        except sqlite3.OperationalError as error:
            raise LedgerError(f"the ledger {self.path} cannot be used now: {error}") from error
        except sqlite3.DatabaseError as error:
            raise LedgerError(f"the ledger {self.path} is damaged: {error}") from error
        except OSError as error:
            raise LedgerError(f"the ledger {self.path} cannot be opened: {error.strerror}") from error

    async def close(self) -> None:
        """Finish what is queued and close."""
        await self._thread.run(self._db.close)
        self._thread.close()


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All of the block or nothing; the write lock is taken at the start."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def migrate(db: sqlite3.Connection) -> None:
    """Apply the schema files that are newer than the file. Raises `LedgerError` when it is newer than we."""
    scripts = _scripts()
    with transaction(db):
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version > len(scripts):
            raise LedgerError(f"the ledger has schema {version} and we know {len(scripts)}: upgrade first")
        for number, script in enumerate(scripts[version:], version + 1):
            for statement in _statements(script):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {number}")


def _scripts() -> list[str]:
    folder = resources.files("monitor.ledger")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [folder.joinpath(name).read_text("utf-8") for name in names]


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def to_ms(time: datetime) -> int:
    """Return an aware time as ms since 1970 UTC."""
    return round(time.timestamp() * 1000)


def from_ms(milliseconds: int) -> datetime:
    """Return ms since 1970 as aware UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
