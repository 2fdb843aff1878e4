"""How long a channel that failed is left alone."""

from __future__ import annotations

import random


class Backoff:
    """How long to wait after the n-th failure in a row: doubling, with jitter, up to a bound."""

    def __init__(self, first: float = 5.0, most: float = 600.0) -> None:
        self._first = first
        self._most = most

    def seconds(self, failures: int, asked_for: float | None) -> float:
        """Return the pause after `failures` (1 …), at least what the channel asked for (an hour at most)."""
        doubled = min(self._first * 2.0 ** min(failures - 1, 20), self._most)
        own = doubled * random.uniform(0.8, 1.2)  # noqa: S311  jitter, no secret
        return max(own, min(asked_for or 0.0, 3600.0))
