"""Where time series are kept: one protocol, several stores.

Appending never blocks and never fails upwards: a store that is away hurts only itself. Reading happens off
the event loop. All times are aware UTC outside and integer milliseconds inside.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol, Self

import msgspec

from probes.core.observation import Labels, Observation
from probes.core.words import Said


class StoreError(Exception):
    """Something about a store that people must be told; the text is one line in English."""


class StoreInUse(StoreError):
    """Another process has this store's folder open; only one may."""


class StoreBroken(StoreError):
    """A file of the store cannot be read as what it should be."""


class StoreUnavailable(StoreError):
    """A read could not be answered now: the server is away, refused, or the answer took too long."""


class SeriesKey(msgspec.Struct, frozen=True, gc=False):
    """What one series is about."""

    device: str
    metric: str
    labels: Labels = ()


class Latest(msgspec.Struct, frozen=True, gc=False):
    """The newest value of a series."""

    key: SeriesKey
    unit: str
    time: datetime
    value: float


class Bucket(msgspec.Struct, frozen=True, gc=False):
    """What a series did in one slice of time; slices without samples are absent, never zero."""

    start: datetime
    count: int
    minimum: float
    mean: float
    maximum: float


class StoreHealth(msgspec.Struct, frozen=True):
    """How the store does, for the monitor's own health page."""

    kind: str
    written: int
    """Samples made durable since start."""
    waiting: int
    """Samples accepted and not yet durable."""
    dropped: int
    """Samples given up because a bound was reached or the server refused them for good."""
    problem: Said = ""
    """Why writing fails now, in one line; empty when it works."""


class Store(Protocol):
    """A time series store. Use as ``async with store:``; leaving flushes what waits."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc_info: object) -> None: ...

    def append(self, observation: Observation) -> None:
        """Accept every sample of `observation` (NaN and infinities left out), and the series
        ``probe.duration`` (``s``) and ``probe.success`` (1 when the outcome is ok), labelled with its check; of an
        attempt that did not work ``probe.outcome`` too, a number of `monitor.store.intake.OUTCOMES`.
        """
        ...

    async def flush(self) -> None:
        """Return when everything appended before is durable, or was dropped and counted.

        A write that fails now (disk full) stays waiting, is tried again, and is told by `health`.
        """
        ...

    async def latest(self, device: str, metric: str | None = None) -> list[Latest]:
        """Newest value of every series of `device`, or of one metric of it."""
        ...

    async def range(self, key: SeriesKey, start: datetime, end: datetime, buckets: int) -> list[Bucket]:
        """Series `key` from `start` to `end` in at most `buckets` equal slices (1..2000)."""
        ...

    async def top(
        self,
        metric: str,
        start: datetime,
        end: datetime,
        count: int = 10,
        by: Literal["mean", "max"] = "mean",
    ) -> Sequence[tuple[SeriesKey, float]]:
        """The `count` series of `metric` with the highest mean or maximum, highest first."""
        ...

    def health(self) -> StoreHealth:
        """How writing goes. Cheap."""
        ...
