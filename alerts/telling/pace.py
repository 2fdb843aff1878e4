"""How much a channel was told lately, and when it may be told more."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from alerts.telling.notifier import Limit


class Pace:
    """A window that slides: at most `limit.messages` in any `limit.per` seconds. Pure; the time is given."""

    def __init__(self, limit: Limit, told: Iterable[datetime] = ()) -> None:
        """`told`: when the last messages were told, before a restart."""
        self.limit = limit
        self._per = timedelta(seconds=limit.per)
        self._told = sorted(told)

    def used(self, now: datetime) -> int:
        """Return how many messages count now."""
        self._forget(now)
        return len(self._told)

    def free(self, now: datetime) -> int:
        """Return how many messages may be told now."""
        return max(self.limit.messages - self.used(now), 0)

    def wait(self, now: datetime) -> float:
        """Return the seconds until a message may be told, 0 when one may be now."""
        if self.free(now):
            return 0.0
        over = self._told[len(self._told) - self.limit.messages]
        return max((over + self._per - now).total_seconds(), 0.001)

    def note(self, now: datetime) -> None:
        """A message is being told."""
        self._told.append(now)

    def _forget(self, now: datetime) -> None:
        """Keep what is in the window; a time ahead was noted by a clock that was set back since."""
        self._told = [told for told in self._told if now - self._per < told <= now]
