"""Guessing is slow: failures count by name and place, so that nobody locks anybody out from somewhere else."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

import msgspec

Key = tuple[str, ...]

MAX_KEYS = 20_000
FORGET = timedelta(hours=1)


class Limit(msgspec.Struct, frozen=True):
    """So many failures are free; each further one closes for twice as long, up to `longest`."""

    free: int
    first: timedelta
    longest: timedelta


NAME_AND_PLACE = Limit(5, timedelta(seconds=30), timedelta(minutes=15))
PLACE = Limit(100, timedelta(seconds=30), timedelta(minutes=15))
"""Of all names together: a whole office may stand behind one address."""


class _Failures(msgspec.Struct):
    count: int
    last: datetime
    closed_until: datetime


class Throttle:
    """Failures by key, bounded: the oldest are forgotten."""

    def __init__(self) -> None:
        self._failures: OrderedDict[Key, _Failures] = OrderedDict()
        self._turns: WeakValueDictionary[Key, asyncio.Lock] = WeakValueDictionary()

    def closed_for(self, key: Key, now: datetime) -> float:
        """Return the seconds that `key` stays closed; 0 when it is open."""
        known = self._failures.get(key)
        return max(0.0, (known.closed_until - now).total_seconds()) if known else 0.0

    def turn(self, key: Key) -> asyncio.Lock:
        """Return what lets attempts at `key` come one after another: each sees whether the one before has closed it.

        Without it a thousand attempts at once would all be let through before the first has failed.
        """
        return self._turns.setdefault(key, asyncio.Lock())

    def fail(self, key: Key, limit: Limit, now: datetime) -> bool:
        """Count a failure; return whether this one closed the key for the first time."""
        known = self._failures.get(key)
        if known is None or now - known.last > FORGET:
            known = _Failures(0, now, now)
        known.count, known.last = known.count + 1, now
        beyond = known.count - limit.free
        if beyond >= 0:
            known.closed_until = now + min(limit.first * 2 ** min(beyond, 16), limit.longest)
        self._failures[key] = known
        self._failures.move_to_end(key)
        if len(self._failures) > MAX_KEYS:
            self._failures.popitem(last=False)
        return beyond == 0

    def succeed(self, key: Key) -> None:
        """Forget the failures of `key`."""
        self._failures.pop(key, None)
