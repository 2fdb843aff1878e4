"""The hot database: one DuckDB table of raw samples for every UTC hour that is still open."""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from pathlib import Path
from secrets import token_hex

import duckdb
import numpy as np

from monitor.store import StoreBroken
from monitor.store.intake import Columns
from monitor.store.parts import Sources, Table

HOUR = 3_600_000
"""Milliseconds."""

_NEWEST = "SELECT max(ts) AS ts, sid, arg_max(v, ts) AS v FROM {} GROUP BY sid"
_NAME = re.compile(r"h_(\d{1,9})_[0-9a-f]{12}")

log = logging.getLogger(__name__)


class Hot:
    """Writes batches into hour tables. `write` belongs to the writer thread, others take a `cursor`."""

    def __init__(self, folder: Path, *, memory: str = "512MB", threads: int = 2) -> None:
        self.path = folder / "hot.duckdb"
        self._config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": memory,
            "threads": threads,
            "temp_directory": str(folder / "tmp"),
            "preserve_insertion_order": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        self._open: dict[int, str] = {}
        self._routing = threading.Lock()
        self._db = self._connect()

    def _connect(self) -> duckdb.DuckDBPyConnection:
        try:
            return duckdb.connect(str(self.path), config=self._config)
        except duckdb.Error as error:
            if not os.access(self.path, os.R_OK | os.W_OK):
                raise StoreBroken(f"the hot database {self.path} may not be read and written") from error
            self._put_aside(error)
            return duckdb.connect(str(self.path), config=self._config)

    def _put_aside(self, error: duckdb.Error) -> None:
        # At most an hour of samples is in this file; not starting would lose all that come.
        aside = self.path.with_name(f"hot.broken-{int(time.time())}.duckdb")
        log.error(
            "the hot database cannot be opened and was put aside", extra={"aside": aside, "error": error}
        )
        self.path.rename(aside)
        wal = self.path.with_name("hot.duckdb.wal")
        if wal.exists():
            wal.rename(aside.with_name(f"{aside.name}.wal"))

    def reopen(self) -> None:
        """Connect anew after a fatal error of DuckDB, which refuses all work until then."""
        with self._routing:
            self._db.close()
            self._db = duckdb.connect(str(self.path), config=self._config)

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Return a connection for the calling thread."""
        return self._db.cursor()

    def tables(self) -> list[Table]:
        """Return every hour table in the file."""
        rows = self._db.execute("SELECT table_name FROM duckdb_tables()").fetchall()
        matches = (_NAME.fullmatch(name) for (name,) in rows)
        return [Table(match[0], int(match[1])) for match in matches if match]

    def adopt(self, table: Table) -> None:
        """Go on writing into a table found at start."""
        self._open[table.hour] = table.name

    def close_hours(self, before: int) -> None:
        """Stop writing into the tables of hours before `before`; no write into them is under way after."""
        with self._routing:
            for hour in [hour for hour in self._open if hour < before]:
                del self._open[hour]

    def write(self, rows: Columns, sources: Sources) -> None:
        """Insert `rows` into the tables of their hours in one durable transaction. Raises `duckdb.Error`."""
        hours = rows.ts // HOUR
        with self._routing:
            new: dict[int, str] = {}
            self._db.execute("BEGIN")
            try:
                for hour in np.unique(hours).tolist():
                    name = self._open.get(hour) or new.setdefault(hour, self._create(hour))
                    self._insert(name, rows.where(hours == hour))
                self._db.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise
            self._open.update(new)
            sources.replace([Table(name, hour) for hour, name in new.items()], [])

    def _create(self, hour: int) -> str:
        # Random, so that no name ever comes back: recovery tells tables and files apart by name.
        name = f"h_{hour}_{token_hex(6)}"
        self._db.execute(f"CREATE TABLE {name}(ts BIGINT NOT NULL, sid UINTEGER NOT NULL, v DOUBLE NOT NULL)")
        return name

    def _insert(self, name: str, rows: Columns) -> None:
        batch = {"ts": rows.ts, "sid": rows.sid, "v": rows.value}
        self._db.register("batch", batch)
        self._db.execute(f"INSERT INTO {name} SELECT ts, sid, v FROM batch")  # noqa: S608 — name is made here

    def _roll_back(self) -> None:
        try:
            self._db.execute("ROLLBACK")
        except duckdb.Error:
            log.debug("the transaction had already ended")

    def save_newest(self, rows: Columns) -> None:
        """Keep the newest value of every series across a restart. Raises `duckdb.Error`."""
        with self.cursor() as db:
            db.register("batch", {"ts": rows.ts, "sid": rows.sid, "v": rows.value})
            db.execute("CREATE OR REPLACE TABLE newest AS SELECT ts, sid, v FROM batch")

    def load_newest(self) -> Columns:
        """Return the newest value of every series as far as this file knows."""
        queries = [_NEWEST.format(table.name) for table in self.tables()]
        if self._db.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'newest'").fetchall():
            queries.append("SELECT ts, sid, v FROM newest")
        if not queries:
            return Columns.empty()
        rows = self._db.execute(" UNION ALL ".join(queries)).fetchnumpy()
        return Columns(rows["ts"], rows["sid"], rows["v"])

    def drop(self, name: str) -> None:
        """Remove a table. Raises `duckdb.Error`."""
        with self._routing:
            self._db.execute(f"DROP TABLE IF EXISTS {name}")

    def close(self) -> None:
        """Close the database."""
        self._db.close()
