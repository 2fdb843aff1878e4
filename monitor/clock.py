"""The clock, and noticing that it was set: then remembered times must move with it, lest old and new do not compare."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

LEAST = 1.0
"""Seconds between two looks by which a clock that is only adjusted cannot stray."""


def utc_now() -> datetime:
    """Return the time, aware UTC."""
    return datetime.now(UTC)


class Steps:
    """Compares the clock with one that only runs on."""

    def __init__(self) -> None:
        self._before: tuple[datetime, float] | None = None

    def step(self, wall: datetime, monotonic: float) -> timedelta | None:
        """Return by how much the clock was set since the last call, `None` when it was not."""
        before, self._before = self._before, (wall, monotonic)
        if before is None:
            return None
        step = (wall - before[0]).total_seconds() - (monotonic - before[1])
        return timedelta(seconds=step) if abs(step) >= LEAST else None
