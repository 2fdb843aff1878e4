"""A part of the service: a task that runs until the service stops, and whose early end is said aloud."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Protocol, Self

from probes.core.words import Said, Words

log = logging.getLogger(__name__)


class Worker(Protocol):
    """What runs as a part: `run` returns only when cancelled."""

    @property
    def problem(self) -> Said:
        """Why it does not work now, in one line; empty when it does."""
        ...

    async def run(self) -> None:
        """Work until cancelled."""
        ...


class Part:
    """Runs `work` while the context is open. Should it end before, that is logged at once and stays in `problem`."""

    def __init__(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._name = name
        self._work = work
        self.problem: Said = ""
        """Why the part no longer runs, one line; empty while it does."""

    async def __aenter__(self) -> Self:
        """Start."""
        self._task = asyncio.create_task(self._work(), name=self._name)
        self._task.add_done_callback(self._ended)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cancel and wait for the end."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            return
        self.problem = Words(
            "đã dừng, nhật ký của dịch vụ ghi vì sao; khởi động lại dịch vụ",
            f"{self._name} has ended, the log says why; restart the service",
        )
        log.error("a part of the service ended", extra={"part": self._name}, exc_info=task.exception())
