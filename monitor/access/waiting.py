"""Who has shown the password and must show a code: in memory, for a few minutes, few at a time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from monitor.access import keys
from monitor.ledger.users import User

LASTING = timedelta(minutes=5)
MOST = 1000


class Proven(msgspec.Struct, frozen=True):
    """Somebody who is half way in."""

    user: User
    method: str
    until: datetime


class Waiting:
    """By keys that only their browsers know."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._proven: OrderedDict[str, Proven] = OrderedDict()

    def add(self, user: User, method: str) -> str:
        """Remember that `user` proved who they are by `method`; return the key to it."""
        key = keys.fresh()
        self._proven[key] = Proven(user, method, self._now() + LASTING)
        if len(self._proven) > MOST:
            self._proven.popitem(last=False)
        return key

    def of(self, key: str) -> Proven | None:
        """Return who has the key; `None` for nobody, or too late."""
        found = self._proven.get(key)
        return found if found is not None and self._now() < found.until else None

    def remove(self, key: str) -> None:
        """Forget the key."""
        self._proven.pop(key, None)
