"""The embedded store: DuckDB hour tables, closed hours as Parquet sorted by series, rollups for long ranges.

A sample becomes durable with the next flush (5 seconds). See docs/decisions for why and what was measured.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, ExitStack, suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Literal, Self, TypeVar

import duckdb

from monitor.store import Bucket, Latest, SeriesKey, StoreHealth
from monitor.store.catalogue import SERIES_PER_DEVICE, Catalogue
from monitor.store.compaction import Compaction
from monitor.store.hot import Hot
from monitor.store.intake import Columns, Intake, Period
from monitor.store.lock import FolderLock
from monitor.store.newest import Newest
from monitor.store.parts import Manifest, Sources
from monitor.store.query import Rows, slices, top
from monitor.store.readers import Readers
from monitor.store.retention import RAW, Retention
from monitor.store.slices import Window, as_time
from monitor.thread import Thread
from probes.core.observation import Observation
from probes.core.words import NOTHING, Words

WAITING = 1_000_000
"""Samples kept in memory (20 bytes each) while the disk refuses them."""

COMPACT_EVERY = 30.0

Trouble = (duckdb.Error, sqlite3.Error, OSError)
"""What a full, read-only or broken disk raises."""

Invalidated = (duckdb.FatalException, duckdb.InternalException, duckdb.ConnectionException)
"""After these DuckDB refuses all work until the database is opened again."""

log = logging.getLogger(__name__)

T = TypeVar("T")
Question = Callable[[duckdb.DuckDBPyConnection, Rows], list[T]]

_WRITING = Words("không ghi được số liệu", "writing failed")
_CLOSING = Words("không gom được số liệu theo giờ", "closing an hour failed")


class DuckDBStore:
    """A `Store` in `folder`. Entering raises `StoreInUse` and `StoreBroken`."""

    def __init__(
        self,
        folder: Path,
        *,
        flush_every: float = 5.0,
        retention: Retention | None = None,
        per_device: int = SERIES_PER_DEVICE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._flush_every = flush_every
        self._retention = retention or Retention()
        self._clock = clock
        self._catalogue = Catalogue(folder / "series.sqlite", per_device=per_device)
        self._intake = Intake(self._catalogue, Period(clock, self._retention.seconds(RAW)), WAITING)
        self._sources = Sources()
        self._newest = Newest()
        self._kept: Columns | None = None
        self._written = 0
        self._write_problem = self._compact_problem = NOTHING
        self._flushing = asyncio.Lock()
        self._stopping = asyncio.Event()
        self._files = ExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            stack.callback(FolderLock(self._folder).release)
            self._writer, self._keeper = Thread("store-writer"), Thread("store-keeper")
            stack.callback(self._keeper.close)
            stack.callback(self._writer.close)
            stack.push_async_callback(self._writer.run, self._files.close)
            await self._writer.run(self._open)
            self._readers = Readers(self._hot)
            stack.callback(self._readers.close)
            stack.push_async_callback(self._finish)
            tasks = await stack.enter_async_context(asyncio.TaskGroup())
            tasks.create_task(self._every(self._flush_every, self.flush))
            tasks.create_task(self._every(COMPACT_EVERY, self.compact))
            stack.callback(self._stopping.set)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._stack.aclose()

    def _open(self) -> None:
        self._catalogue.load()
        manifest = Manifest(self._folder / "parts.sqlite")
        self._files.callback(manifest.close)
        self._hot = Hot(self._folder)
        self._files.callback(self._hot.close)
        self._compaction = Compaction(self._folder, self._hot, manifest, self._sources, self._retention)
        self._compaction.recover()
        self._newest.update(self._hot.load_newest())

    async def _finish(self) -> None:
        await self.flush()
        if left := self.health().waiting:
            log.error("samples are lost: the last write failed", extra={"samples": left})
        with suppress(*Trouble):
            await self._keeper.run(lambda: self._hot.save_newest(self._newest.all()))

    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), seconds)
                return
            await work()

    def append(self, observation: Observation) -> None:
        """See `Store.append`. Well under a microsecond a sample."""
        self._intake.add(observation)

    async def flush(self) -> None:
        """See `Store.flush`. A write that fails is tried again by the next flush; `health` says why."""
        async with self._flushing:
            while rows := self._kept or self._intake.take():
                self._kept = rows
                await self._writer.run(partial(self._write, rows))
                if self._kept is not None:
                    return

    def _write(self, rows: Columns) -> None:
        try:
            self._catalogue.save()
            self._hot.write(rows, self._sources)
        except Trouble as error:
            self._write_problem = self._tell(self._write_problem, _WRITING, error)
            if isinstance(error, Invalidated):
                self._reopen()
            return
        self._kept = None
        self._written += len(rows)
        self._write_problem = NOTHING
        self._newest.update(rows)

    def _reopen(self) -> None:
        try:
            self._hot.reopen()
        except duckdb.Error as error:
            log.warning("the hot database cannot be opened again yet", extra={"error": str(error)})

    def _tell(self, before: Words, doing: Words, error: Exception) -> Words:
        why = (str(error) or type(error).__name__).splitlines()[0][:300]
        problem = Words(f"{doing.vi}: {why}", f"{doing.en}: {why}")
        if not before:
            log.error("the store has a problem", extra={"problem": problem.en})
        return problem

    async def compact(self) -> None:
        """Do the hourly and daily work that is due. The store itself calls it, and tests do."""
        now = self._clock()
        await self._keeper.run(partial(self._compact, now))
        gone = self._newest.older_than(int(now - self._retention.longest - 2 * 86400) * 1000)
        self._newest.forget(gone)
        self._catalogue.forget(gone)

    def _compact(self, now: float) -> None:
        try:
            if self._compaction.work(now):
                self._hot.save_newest(self._newest.all())
            self._compact_problem = NOTHING
        except Trouble as error:
            self._compact_problem = self._tell(self._compact_problem, _CLOSING, error)

    async def latest(self, device: str, metric: str | None = None) -> list[Latest]:
        """See `Store.latest`. From memory; a sample is seen once it is durable."""
        found = self._newest.get(self._catalogue.of_device(device, metric))
        rows = [
            Latest(self._catalogue.key(sid), self._catalogue.unit(sid), as_time(ts), value)
            for sid, ts, value in found
        ]
        return sorted(rows, key=lambda row: (row.key.metric, row.key.labels))

    async def range(self, key: SeriesKey, start: datetime, end: datetime, buckets: int) -> list[Bucket]:
        """See `Store.range`. Slices of five minutes and more are aligned to five minutes."""
        window = Window.of(start, end, buckets)
        sid = self._catalogue.find(key)
        if sid is None:
            return []
        level = self._retention.level(window.start / 1000, self._clock(), window.width / 1000)
        window = window.aligned(level * 1000)
        found = await self._ask([sid], level, window, partial(slices, window=window))
        return [Bucket(as_time(ts), n, low, total / n, high) for ts, n, low, total, high in found]

    async def top(
        self,
        metric: str,
        start: datetime,
        end: datetime,
        count: int = 10,
        by: Literal["mean", "max"] = "mean",
    ) -> Sequence[tuple[SeriesKey, float]]:
        """See `Store.top`. Beyond an hour it reads five-minute rollups, beyond two days hourly ones."""
        window = Window.of(start, end, 1)
        sids = self._catalogue.of_metric(metric)
        if not sids:
            return []
        level = self._retention.level(window.start / 1000, self._clock(), window.width / 48_000)
        window = window.aligned(level * 1000)
        found = await self._ask(sids, level, window, partial(top, sids=sids, count=count, by=by))
        return [(self._catalogue.key(sid), value) for sid, value in found]

    async def _ask(self, sids: Sequence[int], level: int, window: Window, question: Question[T]) -> list[T]:
        def read(db: duckdb.DuckDBPyConnection) -> list[T]:
            with self._sources.pinned() as sources:
                return question(db, Rows(self._folder, sources, level, window, sids))

        return await self._readers.ask(read)

    def health(self) -> StoreHealth:
        """See `Store.health`."""
        kept = self._kept
        waiting = self._intake.waiting + (0 if kept is None else len(kept))
        problem = self._write_problem or self._compact_problem
        return StoreHealth("duckdb", self._written, waiting, self._intake.dropped, problem)
