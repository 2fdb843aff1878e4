"""Carries messages from the outbox to their channels: in order, one at a time, until they are told.

A channel that is away, slow or refused hurts only itself. What is claimed and not yet told when the process
dies is claimed again when its lease is over, so that at most the message in flight is told twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from alerts.telling.backoff import Backoff
from alerts.telling.notification import Pending
from alerts.telling.notifier import Notifier
from alerts.telling.outbox import Outbox
from alerts.telling.queue import ChannelNow, Queue
from probes.core.words import Said, Words

log = logging.getLogger(__name__)

BATCH = 200


class Dispatcher:
    """Run it as a task: `run` returns only when cancelled."""

    def __init__(
        self,
        outbox: Outbox,
        notifiers: Mapping[str, Notifier[Any]],
        now: Callable[[], datetime],
        *,
        backoff: Backoff | None = None,
        look_every: float = 5.0,
        grace: float = 5.0,
    ) -> None:
        """`grace`: seconds an attempt under way may still take when the service stops."""
        self._outbox = outbox
        self._now = now
        self._look_every = look_every
        self._wake = asyncio.Event()
        self.problem: Said = ""
        """Why the outbox cannot be read now, in one line; empty when it can."""
        self._queues = {
            name: Queue(name, notifier, outbox, now, backoff or Backoff(), grace)
            for name, notifier in notifiers.items()
        }

    def wake(self) -> None:
        """Look into the outbox now: something was put in."""
        self._wake.set()

    @property
    def waiting(self) -> dict[str, int]:
        """Messages in hand and not yet told, by channel."""
        return {name: len(queue) for name, queue in self._queues.items()}

    @property
    def failing(self) -> dict[str, str]:
        """Channels that have not taken a message several times in a row, and why."""
        return {name: queue.problem for name, queue in self._queues.items() if queue.problem}

    @property
    def channels(self) -> dict[str, ChannelNow]:
        """How each channel is told now, by name."""
        return {name: queue.state for name, queue in self._queues.items()}

    async def run(self) -> None:
        """Claim and deliver until cancelled. An outbox that fails is logged and asked again."""
        async with asyncio.TaskGroup() as group:
            for queue in self._queues.values():
                group.create_task(queue.run(), name=f"notify {queue.name}")
            while True:
                self._wake.clear()
                if await self._take() < BATCH:
                    await self._pause()

    async def _take(self) -> int:
        """Take what is due in hand; return how many messages that was."""
        try:
            claimed = await self._outbox.claim(self._now(), BATCH)
            for pending in claimed:
                await self._accept(pending)
        except Exception as error:  # a full disk or a locked file passes; alerts must go on afterwards
            if not self.problem:
                log.exception("the outbox cannot be read; trying again until it can")
            self.problem = Words(
                f"không đọc được hàng đợi tin: {error}", f"the outbox cannot be read: {error}"
            )
            return 0
        self.problem = ""
        return len(claimed)

    async def _accept(self, pending: Pending) -> None:
        queue = self._queues.get(pending.message.channel)
        if queue is None:
            error = "the settings have no such channel any more"
            await self._outbox.failed(pending.id, self._now(), error, None)
        elif not queue.accept(pending):
            await self._outbox.postponed(pending.id, self._now() + timedelta(minutes=5))

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self._look_every):
                await self._wake.wait()
        except TimeoutError:
            return
