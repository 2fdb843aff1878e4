"""How long one callback holds the loop: its own CPU time, which other work on the machine does not change."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass
class Holds:
    """The longest hold since `clear`, and all of them together, in seconds."""

    longest: float = 0.0
    total: float = 0.0

    def clear(self) -> None:
        """Begin anew."""
        self.longest = self.total = 0.0


@contextmanager
def holds() -> Iterator[Holds]:
    """Measure every callback of every loop while the context is open."""
    found, plain = Holds(), asyncio.Handle._run

    def run(handle: asyncio.Handle) -> Any:
        begun = time.thread_time()
        try:
            return plain(handle)
        finally:
            took = time.thread_time() - begun
            found.total += took
            found.longest = max(found.longest, took)

    _patch(run)
    try:
        yield found
    finally:
        _patch(plain)


def _patch(run: Callable[[asyncio.Handle], Any]) -> None:
    asyncio.Handle._run = run  # type: ignore[method-assign,assignment]  # the one place where a loop runs anything
