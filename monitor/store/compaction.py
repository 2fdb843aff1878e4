"""The work after an hour: its table becomes sorted Parquet and rollups; days are merged, old files go.

Runs in one thread of its own. Whatever step a crash interrupts is done again, or undone, at the next start.
"""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path
from secrets import token_hex

import duckdb

from monitor.store.hot import HOUR, Hot
from monitor.store.parts import Manifest, Part, Source, Sources, Table, quoted
from monitor.store.retention import LEVELS, RAW, Retention

DAY = 24 * HOUR
ROWS_PER_SLICE = 5_000_000
"""A day is merged in slices of series of about this many rows: bounds the memory of the sort."""

GRACE = 60
"""Seconds after an hour in which its last flushes arrive."""

_RAW = "SELECT sid, ts, v FROM {source} ORDER BY sid, ts"
_ROLLUP = (
    "SELECT sid, ts // {ms} * {ms} AS k, count(*)::UINTEGER AS n, min(v) AS mn, max(v) AS mx, sum(v) AS sm"
    " FROM {source} GROUP BY ALL ORDER BY sid, k"
)
_MERGE = "SELECT * FROM read_parquet({paths}) WHERE sid BETWEEN {s0} AND {s1} ORDER BY sid, {time}"
_COPY = "COPY ({query}) TO {path} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 100000)"
_SUMMARY = "SELECT min(sid), max(sid), count(*) FROM read_parquet(?)"


class Compaction:
    """Keeps `sources` and `manifest` in step with the files of `folder`."""

    def __init__(
        self, folder: Path, hot: Hot, manifest: Manifest, sources: Sources, retention: Retention
    ) -> None:
        self._folder = folder
        self._hot = hot
        self._manifest = manifest
        self._sources = sources
        self._retention = retention
        self._done_hour = 0
        for level in LEVELS:
            (folder / _level_folder(level)).mkdir(parents=True, exist_ok=True)

    def recover(self) -> None:
        """Finish what a crash interrupted: drop tables that are files already, unlink replaced files."""
        parts = self._manifest.live()
        closed = {Path(part.path).stem for part in parts} | {
            Path(path).stem for path in self._manifest.dead()
        }
        for path in self._manifest.dead():
            self._unlink(path)
        for stale in self._folder.glob("*/*.tmp"):
            stale.unlink(missing_ok=True)
        tables = [table for table in self._hot.tables() if not self._drop_if(table, closed)]
        for table in tables:
            self._hot.adopt(table)
        self._sources.replace([*parts, *tables], [])

    def _drop_if(self, table: Table, closed: set[str]) -> bool:
        if table.name in closed:
            self._hot.drop(table.name)
        return table.name in closed

    def work(self, now: float) -> bool:
        """Do what is due at `now` (seconds UTC) and return whether anything was.

        Raises `duckdb.Error`, `OSError`, `sqlite3.Error`; what was not finished is due again.
        """
        self.discard()
        hour = int(now - GRACE) // 3600
        if hour == self._done_hour:
            return False
        self.close_hours(now - GRACE)
        if hour // 24 != self._done_hour // 24:
            self.merge_days(now - GRACE)
            self.expire(now)
        self._done_hour = hour
        self.discard()
        return True

    def close_hours(self, now: float) -> None:
        """Turn every table of an hour before that of `now` (seconds UTC) into files."""
        current = int(now * 1000) // HOUR
        self._hot.close_hours(current)
        for source in self._sources.live():
            if isinstance(source, Table) and source.hour < current:
                self._close(source)

    def _close(self, table: Table) -> None:
        with self._hot.cursor() as db:
            parts = [part for level in LEVELS if (part := self._write_hour(db, table, level))]
        self._manifest.replace(parts, [])
        self._sources.replace(parts, [table])

    def _write_hour(self, db: duckdb.DuckDBPyConnection, table: Table, level: int) -> Part | None:
        template = _RAW if level == RAW else _ROLLUP
        query = template.format(source=table.name, ms=level * 1000)
        path = f"{_level_folder(level)}/{table.name}.parquet"
        return self._write(db, query, path, level, (table.hour * HOUR, (table.hour + 1) * HOUR))

    def merge_days(self, now: float) -> None:
        """Make one set of files of every finished day that has several."""
        days: defaultdict[tuple[int, int], list[Part]] = defaultdict(list)
        for source in self._sources.live():
            if isinstance(source, Part) and source.t0 // DAY < int(now * 1000) // DAY:
                days[source.level, source.t0 // DAY].append(source)
        for (level, day), parts in sorted(days.items()):
            if any(part.t1 - part.t0 < DAY for part in parts):
                self._merge(level, day, parts)

    def _merge(self, level: int, day: int, parts: list[Part]) -> None:
        paths = "[" + ", ".join(quoted(self._folder / part.path) for part in parts) + "]"
        first, last = min(part.s0 for part in parts), max(part.s1 for part in parts)
        slices = 1 + sum(part.rows for part in parts) // ROWS_PER_SLICE
        step = (last - first) // slices + 1
        stem = f"{_level_folder(level)}/d_{day}_{token_hex(6)}"
        period = (day * DAY, (day + 1) * DAY)
        merged = []
        with self._hot.cursor() as db:
            for s0 in range(first, last + 1, step):
                query = _MERGE.format(
                    paths=paths, s0=s0, s1=s0 + step - 1, time="ts" if level == RAW else "k"
                )
                merged.append(self._write(db, query, f"{stem}_{s0}.parquet", level, period))
        new = [part for part in merged if part]
        self._manifest.replace(new, [part.path for part in parts])
        self._sources.replace(new, parts)

    def _write(
        self, db: duckdb.DuckDBPyConnection, query: str, path: str, level: int, period: tuple[int, int]
    ) -> Part | None:
        final = self._folder / path
        temporary = final.with_suffix(".tmp")
        try:
            db.execute(_COPY.format(query=query, path=quoted(temporary)))
            s0, s1, rows = db.execute(_SUMMARY, [str(temporary)]).fetchall()[0]
            if not rows:
                return None
            _sync(temporary)
            temporary.replace(final)
            _sync(final.parent)
        finally:
            temporary.unlink(missing_ok=True)
        return Part(path, level, *period, s0, s1, rows, final.stat().st_size)

    def expire(self, now: float) -> None:
        """Stop reading files whose level is not kept that long."""
        old = [
            source
            for source in self._sources.live()
            if isinstance(source, Part) and source.t1 / 1000 < now - self._retention.seconds(source.level)
        ]
        self._manifest.replace([], [part.path for part in old])
        self._sources.replace([], old)

    def discard(self) -> None:
        """Delete what was replaced or has expired and no reader uses."""
        for source in self._sources.discardable():
            self._discard(source)

    def _discard(self, source: Source) -> None:
        if isinstance(source, Table):
            self._hot.drop(source.name)
        else:
            self._unlink(source.path)

    def _unlink(self, path: str) -> None:
        (self._folder / path).unlink(missing_ok=True)
        self._manifest.forget(path)


def _level_folder(level: int) -> str:
    return "raw" if level == RAW else f"r{level}"


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
