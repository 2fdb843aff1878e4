"""A store in which devices keep their series when their ids change: it reads former ids too, and writes present ones.

Nothing is rewritten: files of the embedded store and points in InfluxDB stay as they are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import reduce
from typing import Literal, Self

import msgspec

from monitor.store import Bucket, Latest, SeriesKey, Store, StoreHealth
from probes.core.observation import Observation

Moved = Mapping[str, str]
"""The present id of a device by each id it had before."""


class WithFormer:
    """Implements `Store` over another one."""

    def __init__(self, store: Store, moved: Callable[[], Moved]) -> None:
        """`moved` returns which ids are former ones now; it may change while the store is open."""
        self._store = store
        self._moved = moved
        self._known: tuple[Moved, dict[str, list[str]]] = ({}, {})

    async def __aenter__(self) -> Self:
        await self._store.__aenter__()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._store.__aexit__(*exc_info)

    def append(self, observation: Observation) -> None:
        """See `Store.append`."""
        self._store.append(observation)

    async def flush(self) -> None:
        """See `Store.flush`."""
        await self._store.flush()

    async def latest(self, device: str, metric: str | None = None) -> list[Latest]:
        """See `Store.latest`; a series that only a former id has is one of the device."""
        own = await self._store.latest(device, metric)
        former = self._former(device)
        if not former:
            return own
        older = await asyncio.gather(*(self._store.latest(name, metric) for name in former))
        newest: dict[SeriesKey, Latest] = {}
        for row in (one for rows in (own, *older) for one in rows):
            key = _key_of(row.key, device)
            if key not in newest or newest[key].time < row.time:
                newest[key] = msgspec.structs.replace(row, key=key)
        return sorted(newest.values(), key=lambda row: (row.key.metric, row.key.labels))

    async def range(self, key: SeriesKey, start: datetime, end: datetime, buckets: int) -> list[Bucket]:
        """See `Store.range`; slices in which several ids were written are put together."""
        own = await self._store.range(key, start, end, buckets)
        former = self._former(key.device)
        if not former:
            return own
        keys = (_key_of(key, name) for name in former)
        older = await asyncio.gather(*(self._store.range(one, start, end, buckets) for one in keys))
        return _together((own, *older))

    async def top(
        self,
        metric: str,
        start: datetime,
        end: datetime,
        count: int = 10,
        by: Literal["mean", "max"] = "mean",
    ) -> Sequence[tuple[SeriesKey, float]]:
        """See `Store.top`; a device that had other ids is in it once."""
        moved = self._moved()
        found = await self._store.top(metric, start, end, count + len(moved), by)
        if not moved:
            return found
        values: dict[SeriesKey, float] = {}
        for key, value in found:
            present = _key_of(key, moved.get(key.device, key.device))
            if present not in values:
                joined = self._former(present.device)
                values[present] = await self._value(present, start, end, by, value) if joined else value
        return sorted(values.items(), key=lambda item: -item[1])[:count]

    def health(self) -> StoreHealth:
        """See `Store.health`."""
        return self._store.health()

    async def _value(
        self, key: SeriesKey, start: datetime, end: datetime, by: Literal["mean", "max"], alone: float
    ) -> float:
        """Return the mean or maximum under all ids; `alone` when there is nothing any more."""
        slices = await self.range(key, start, end, 1)
        if not slices:
            return alone
        whole = reduce(_joined, slices)
        return whole.mean if by == "mean" else whole.maximum

    def _former(self, device: str) -> Sequence[str]:
        moved = self._moved()
        if moved is not self._known[0]:
            former: dict[str, list[str]] = {}
            for was, now in moved.items():
                former.setdefault(now, []).append(was)
            self._known = (moved, former)
        return self._known[1].get(device, ())


def _key_of(key: SeriesKey, device: str) -> SeriesKey:
    return key if key.device == device else msgspec.structs.replace(key, device=device)


def _together(lines: Iterable[Iterable[Bucket]]) -> list[Bucket]:
    """Return the slices of several series as those of one."""
    slices: dict[datetime, Bucket] = {}
    for bucket in (one for line in lines for one in line):
        other = slices.get(bucket.start)
        slices[bucket.start] = _joined(other, bucket) if other else bucket
    return [slices[start] for start in sorted(slices)]


def _joined(one: Bucket, other: Bucket) -> Bucket:
    count = one.count + other.count
    return Bucket(
        one.start,
        count,
        min(one.minimum, other.minimum),
        (one.mean * one.count + other.mean * other.count) / count,
        max(one.maximum, other.maximum),
    )
