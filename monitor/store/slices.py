"""How a range of time is cut into equal slices, the same for every store."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

MAX_BUCKETS = 2000


class Window(msgspec.Struct, frozen=True):
    """From `start` to `end` (ms UTC, exclusive) in slices of `width` ms."""

    start: int
    end: int
    width: int

    @classmethod
    def of(cls, start: datetime, end: datetime, buckets: int) -> Window:
        """Cut into at most `buckets` slices. Raises `ValueError` (empty range, count outside 1..2000)."""
        first, last = as_milliseconds(start), as_milliseconds(end)
        if last <= first or not 1 <= buckets <= MAX_BUCKETS:
            raise ValueError(f"a range needs end after start and 1..{MAX_BUCKETS} buckets")
        return cls(first, last, -(-(last - first) // buckets))

    def aligned(self, step: int) -> Window:
        """Return slices that begin and end at multiples of `step` ms, not narrower and not more."""
        if step == 0:
            return self
        start = self.start // step * step
        count = -(-(self.end - self.start) // self.width)
        width = -(-(self.end - start) // (count * step)) * step
        return Window(start, self.end, max(width, step))


def as_milliseconds(time: datetime) -> int:
    """Return an aware time as ms since 1970 UTC."""
    return int(time.timestamp() * 1000)


def as_time(milliseconds: int) -> datetime:
    """Return ms since 1970 as aware UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
