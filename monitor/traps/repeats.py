"""Which notifications say nothing new: sent twice, by two paths, or again and again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

WITHIN = timedelta(seconds=10)
"""How long the same words about the same thing are a repetition. After that they are news: it still holds."""
MAX_SUBJECTS = 64
"""Things of one device of which the last words are remembered."""
UPTIME = "1.3.6.1.2.1.1.3.0"

Values = Iterable[tuple[str, Any]]


class Repeats:
    """Remembers the last words about each thing of each device.

    A thing is what the same variables speak of. A port that fell, rose and fell again within seconds is told three
    times: each time its last words were others.
    """

    def __init__(self) -> None:
        self._said: dict[str, OrderedDict[tuple[str, ...], tuple[Any, datetime]]] = {}

    def is_repeated(self, device: str, trap: str, values: Values, now: datetime) -> bool:
        """Return whether just this was said of just this a moment ago."""
        pairs = tuple((name, value) for name, value in values if name != UPTIME and value != trap)
        subject, words = tuple(name for name, _ in pairs), (trap, pairs)
        said = self._said.setdefault(device, OrderedDict())
        before, at = said.pop(subject, (None, now))
        if before == words and now - at < WITHIN:
            said[subject] = before, at
            return True
        said[subject] = words, now
        if len(said) > MAX_SUBJECTS:
            said.popitem(last=False)
        return False
