"""One thread for work that blocks, in the order it was asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class Thread:
    """A queue of blocking calls. Whatever has begun is finished, even when its caller is cancelled."""

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def run(self, work: Callable[[], T]) -> T:
        """Return what `work` returns or raise what it raises. A cancelled caller waits for its end."""
        future = asyncio.get_running_loop().run_in_executor(self._executor, work)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait([future])
            raise

    def submit(self, work: Callable[[], None]) -> None:
        """Queue `work` and do not wait; it must not raise."""
        self._executor.submit(work)

    def close(self) -> None:
        """Wait for what is queued and end the thread."""
        self._executor.shutdown()
