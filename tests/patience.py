"""Waiting for what happens by itself: as long as needed, and never for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def eventually(condition: Callable[[], object], within: float = 40.0) -> None:
    """Return as soon as `condition` holds. A test fails that waits longer than `within` seconds."""
    try:
        async with asyncio.timeout(within):
            while not condition():  # noqa: ASYNC110  the condition is of the code under test, which tells nobody
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"not within {within:g} s") from None
