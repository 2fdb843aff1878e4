"""The newest value of every series, in memory: two arrays indexed by sid (12 bytes a series and some)."""

from __future__ import annotations

import threading
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from monitor.store.intake import Columns

NEVER = np.int64(-1)


class Newest:
    """Written by the writer thread, read by everyone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ts: NDArray[np.int64] = np.full(1024, NEVER)
        self._value: NDArray[np.float64] = np.zeros(1024)

    def update(self, rows: Columns) -> None:
        """Take in `rows`; of two rows of a series the later time wins, whatever order they come in."""
        if not len(rows):
            return
        order = np.argsort(rows.ts, kind="stable")
        ts, sid, value = rows.ts[order], rows.sid[order], rows.value[order]
        with self._lock:
            self._make_room(int(sid.max()))
            newer = ts >= self._ts[sid]
            # numpy assigns in order, so the last and therefore latest of equal sids stays
            self._ts[sid[newer]] = ts[newer]
            self._value[sid[newer]] = value[newer]

    def get(self, sids: Iterable[int]) -> list[tuple[int, int, float]]:
        """Return (sid, time in ms, value) of those series that have a value."""
        with self._lock:
            size = len(self._ts)
            rows = [(sid, int(self._ts[sid]), float(self._value[sid])) for sid in sids if sid < size]
        return [row for row in rows if row[1] != NEVER]

    def all(self) -> Columns:
        """Return a copy of every series that has a value."""
        with self._lock:
            sid = np.flatnonzero(self._ts != NEVER)
            return Columns(self._ts[sid], sid.astype(np.uint32), self._value[sid])

    def older_than(self, ts: int) -> list[int]:
        """Return the sids whose newest value is older than `ts` (ms)."""
        with self._lock:
            return [int(sid) for sid in np.flatnonzero((self._ts != NEVER) & (self._ts < ts))]

    def forget(self, sids: Iterable[int]) -> None:
        """Drop the values of series that no longer exist."""
        with self._lock:
            self._ts[list(sids)] = NEVER

    def _make_room(self, sid: int) -> None:
        if sid < len(self._ts):
            return
        more = max(sid + 1, 2 * len(self._ts)) - len(self._ts)
        self._ts = np.concatenate([self._ts, np.full(more, NEVER)])
        self._value = np.concatenate([self._value, np.zeros(more)])
