"""The store in InfluxDB: an outbox on disk, writes by influxdb-client, reads by InfluxQL.

A sample is durable when it is in the outbox (every 5 seconds). `health` counts as written what
the server took.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack, ExitStack, suppress
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Literal, Self

import aiohttp
import msgspec
from influxdb_client.client.influxdb_client_async import InfluxDBClientAsync

from inventory.secrets import Secret, SecretMissing
from monitor.store import Bucket, Latest, SeriesKey, StoreHealth, influxql
from monitor.store.catalogue import SERIES_PER_DEVICE, Catalogue
from monitor.store.influxql import InfluxQL, Series
from monitor.store.intake import Period
from monitor.store.lines import Lines, Wire
from monitor.store.lock import FolderLock
from monitor.store.outbox import Batch, Outbox
from monitor.store.sender import Sender, Writer
from monitor.store.slices import Window, as_time
from monitor.thread import Thread
from probes.core.observation import Labels, Observation
from probes.core.words import Said, Words

WAITING = 500_000
"""Samples in memory before the outbox."""

LINES_PER_BATCH = 5000
PAST = 366 * 86400
"""Seconds back; older times are a broken clock's."""

log = logging.getLogger(__name__)


class Access(msgspec.Struct, frozen=True):
    """Where the server is and how it knows us."""

    url: str
    bucket: str
    org: str = "-"
    token: Secret | None = None
    user: str = ""
    password: Secret | None = None

    @property
    def bearer(self) -> str | None:
        """The token, or ``user:password`` as 1.8 takes it in its place. Raises `SecretMissing`."""
        if self.token:
            return _in_a_header(self.token)
        return f"{self.user}:{_in_a_header(self.password)}" if self.password else None

    def headers(self) -> dict[str, str]:
        """Headers of a query. Raises `SecretMissing`."""
        if self.token:
            return {"Authorization": f"Token {_in_a_header(self.token)}"}
        if self.password:
            return {"Authorization": aiohttp.encode_basic_auth(self.user, self.password.reveal(), "utf-8")}
        return {}


def _in_a_header(secret: Secret) -> str:
    """Return the value. Raises `SecretMissing` when no header may hold it."""
    if not secret.reveal().isprintable():
        raise SecretMissing("the token or password of InfluxDB has characters that no header may hold")
    return secret.reveal()


class InfluxDBStore:
    """A `Store` in InfluxDB 1.8, 2.x or 3.x; catalogue and outbox are in `folder`.

    Entering raises `StoreInUse` and `StoreBroken`.
    """

    def __init__(
        self,
        folder: Path,
        access: Callable[[], Access],
        *,
        flush_every: float = 5.0,
        outbox_bytes: int = 512 * 1024 * 1024,
        timeout: float = 10.0,
        backoff: float = 1.0,
        linger: float = 3.0,
        per_device: int = SERIES_PER_DEVICE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`access` is asked for each write and query, in a thread, and raises `SecretMissing`."""
        self._folder = folder
        self._access = access
        self._flush_every = flush_every
        self._outbox_bytes = outbox_bytes
        self._timeout = timeout
        self._backoff = backoff
        self._linger = linger
        self._catalogue = Catalogue(folder / "series.sqlite", per_device=per_device)
        self._lines = Lines(self._catalogue, Period(clock, PAST), WAITING)
        self._kept: list[tuple[int, str]] = []
        self._kept_samples = 0
        self._problem: Said = ""
        self._flushing = asyncio.Lock()
        self._stopping = asyncio.Event()
        self._files = ExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            stack.callback(FolderLock(self._folder).release)
            self._thread = Thread("store-outbox")
            stack.callback(self._thread.close)
            stack.push_async_callback(self._thread.run, self._files.close)
            await self._thread.run(self._open)
            await self._connect(stack)
            tasks = await stack.enter_async_context(asyncio.TaskGroup())
            self._sending = tasks.create_task(self._sender.run())
            tasks.create_task(self._flush_forever())
            stack.push_async_callback(self._finish)
            self._stack = stack.pop_all()
        return self

    def _open(self) -> None:
        self._catalogue.load()
        self._outbox = Outbox(self._folder / "outbox.sqlite", self._outbox_bytes)
        self._files.callback(self._outbox.close)

    async def _connect(self, stack: AsyncExitStack) -> None:
        access = await asyncio.to_thread(self._access)
        client = await stack.enter_async_context(
            InfluxDBClientAsync(
                access.url,
                access.bearer,
                access.org,
                timeout=int(self._timeout * 1000),
                allow_redirects=False,
            )
        )
        limit = aiohttp.ClientTimeout(total=self._timeout)
        session = await stack.enter_async_context(aiohttp.ClientSession(timeout=limit))
        self._influxql = InfluxQL(session, access.url, access.bucket, lambda: self._access().headers())
        write = Writer(client, access.org, access.bucket, lambda: self._access().bearer).write
        self._sender = Sender(self._outbox, self._thread, write, backoff=self._backoff)

    async def __aexit__(self, *exc_info: object) -> None:
        await self._stack.aclose()

    async def _finish(self) -> None:
        self._stopping.set()
        await self.flush()
        self._sender.stop()
        await asyncio.wait({self._sending}, timeout=self._linger)
        self._sending.cancel()  # what is left stays in the outbox

    async def _flush_forever(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), self._flush_every)
                return
            await self.flush()

    def append(self, observation: Observation) -> None:
        """See `Store.append`. About a microsecond a sample."""
        self._lines.add(observation)

    async def flush(self) -> None:
        """See `Store.flush`: when it returns, what was appended is in the outbox on disk."""
        async with self._flushing:
            while self._kept or self._lines.waiting:
                if not self._kept:
                    self._kept_samples = self._lines.waiting
                    self._kept = self._lines.take()
                await self._thread.run(partial(self._put, self._kept))
                if self._kept:
                    return
                self._sender.wake()

    def _put(self, lines: list[tuple[int, str]]) -> None:
        try:
            self._catalogue.save()
            self._outbox.put(_batches(lines))
        except sqlite3.Error as error:
            if not self._problem:
                log.error("the outbox cannot be written", extra={"error": str(error)})
            self._problem = Words(
                f"không ghi được hàng đợi: {error}", f"the outbox cannot be written: {error}"
            )
            return
        self._kept, self._kept_samples, self._problem = [], 0, ""

    async def latest(self, device: str, metric: str | None = None) -> list[Latest]:
        """See `Store.latest`, no further back than a week. Raises `StoreUnavailable`."""
        sids = self._catalogue.of_device(device, metric)
        fields = self._fields(sids)
        found = await self._influxql.ask(
            [influxql.latest(wire, dict(wire.tags)["device"]) for wire in fields]
        )
        rows = [
            self._latest(sid, series)
            for field, answer in zip(fields, found, strict=True)
            for sid, series in self._recognise(field, answer, sids)
        ]
        return sorted(rows, key=lambda row: (row.key.metric, row.key.labels))

    def _latest(self, sid: int, series: Series) -> Latest:
        ts, value = series.values[-1]
        unit = self._catalogue.unit(sid)
        return Latest(self._catalogue.key(sid), unit, as_time(int(ts or 0)), value or 0.0)

    async def range(self, key: SeriesKey, start: datetime, end: datetime, buckets: int) -> list[Bucket]:
        """See `Store.range`. Raises `StoreUnavailable`."""
        window = Window.of(start, end, buckets)
        wire = Wire.of(key)
        ((*answer,),) = await self._influxql.ask([influxql.buckets(wire, window)])
        rows = [row for series in answer if series.labels == wire.tags for row in series.values]
        return [
            Bucket(as_time(int(ts or 0)), int(n), low or 0.0, mean or 0.0, high or 0.0)
            for ts, n, low, mean, high in rows
            if n
        ]

    async def top(
        self,
        metric: str,
        start: datetime,
        end: datetime,
        count: int = 10,
        by: Literal["mean", "max"] = "mean",
    ) -> Sequence[tuple[SeriesKey, float]]:
        """See `Store.top`. Raises `StoreUnavailable`."""
        window = Window.of(start, end, 1)
        sids = self._catalogue.of_metric(metric)
        fields = self._fields(sids)
        found = await self._influxql.ask([influxql.aggregate(wire, window, by) for wire in fields])
        rows = [
            (self._catalogue.key(sid), series.values[0][1] or 0.0)
            for field, answer in zip(fields, found, strict=True)
            for sid, series in self._recognise(field, answer, sids)
        ]
        return sorted(rows, key=lambda row: -row[1])[:count]

    def _fields(self, sids: Iterable[int]) -> list[Wire]:
        return list({(wire.measurement, wire.field): wire for wire in map(self._lines.wire, sids)}.values())

    def _recognise(
        self, field: Wire, answer: Iterable[Series], sids: Iterable[int]
    ) -> list[tuple[int, Series]]:
        """Pair the series of an answer with the sids of `sids` they are; others are not ours."""
        ours: dict[Labels, int] = {
            wire.tags: sid
            for sid, wire in zip(sids, map(self._lines.wire, sids), strict=True)
            if (wire.measurement, wire.field) == (field.measurement, field.field)
        }
        return [(ours[series.labels], series) for series in answer if series.labels in ours]

    def health(self) -> StoreHealth:
        """See `Store.health`; ``waiting`` includes the outbox."""
        waiting = self._lines.waiting + self._kept_samples + self._outbox.samples
        dropped = self._lines.dropped + self._outbox.dropped
        problem = self._problem or self._sender.problem
        return StoreHealth("influxdb", self._outbox.delivered_samples, waiting, dropped, problem)


def _batches(lines: Iterable[tuple[int, str]]) -> list[Batch]:
    rest = iter(lines)
    batches = []
    while chunk := list(islice(rest, LINES_PER_BATCH)):
        payload = "\n".join(line for _, line in chunk).encode()
        batches.append(Batch(sum(samples for samples, _ in chunk), payload))
    return batches
