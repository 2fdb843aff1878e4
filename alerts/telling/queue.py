"""The messages of one channel that are about to be told: in order, one at a time, within its limit."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from typing import Any

import msgspec

from alerts.telling.backoff import Backoff
from alerts.telling.digest import digest, is_digest, to_merge
from alerts.telling.notification import Pending
from alerts.telling.notifier import Limit, Notifier, Refused, TryLater
from alerts.telling.outbox import Outbox
from alerts.telling.pace import Pace

log = logging.getLogger(__name__)

GIVE_UP_AFTER = timedelta(hours=24)
"""A message older than this is given up when it failed often; it stays in the outbox, where it is shown."""

LEAST_TRIES = 5
"""Failures without which no message is given up, however old: nobody may have been there to try it."""

MAX_IN_HAND = 500
"""Messages of one channel held in memory; more of them go back to the outbox for a while."""

PATIENCE = 5
"""Failures of one message until those behind it are tried first."""

LONG = 60.0
"""Seconds; what waits longer for its turn waits in the outbox, for a lease does not last."""


class ChannelNow(msgspec.Struct, frozen=True):
    """How a channel is told at this moment."""

    kind: str
    in_hand: int
    """Messages about to be told."""
    limit: Limit | None
    told: int
    """Messages that count for the limit now."""


class Queue:
    """The messages of one channel that are in hand, and the task that tells them one by one, oldest first."""

    def __init__(
        self,
        name: str,
        notifier: Notifier[Any],
        outbox: Outbox,
        now: Callable[[], datetime],
        backoff: Backoff,
        grace: float,
    ) -> None:
        self.name = name
        self._grace = grace
        self._notifier = notifier
        self._outbox = outbox
        self._now = now
        self._backoff = backoff
        self._in_hand: dict[int, Pending] = {}
        self._tries: dict[int, int] = {}
        self._more = asyncio.Event()
        self._failures = 0
        self._error = ""
        self._resting: dict[str, float] = {}
        """Who could not be told, and until when they are left alone, by the loop's clock."""
        self._doubts: set[str] = set()
        """Whom it failed since it last worked: one of them may be why, two of them mean the channel."""
        self._pace: Pace | None = None

    def __len__(self) -> int:
        return len(self._in_hand)

    @property
    def problem(self) -> str:
        """Why the channel has not worked for some time, ``""`` when it does."""
        return self._error if self._failures >= PATIENCE else ""

    @property
    def state(self) -> ChannelNow:
        """How the channel is told now."""
        settings, pace = self._notifier.settings, self._pace
        return ChannelNow(settings.kind, len(self), settings.limit, pace.used(self._now()) if pace else 0)

    def accept(self, pending: Pending) -> bool:
        """Take a message in hand; `False` when there are too many. One already in hand is not taken twice."""
        if pending.id in self._in_hand:
            return True
        if len(self._in_hand) >= MAX_IN_HAND:
            return False
        self._in_hand[pending.id] = pending
        self._more.set()
        return True

    async def run(self) -> None:
        """Tell what is in hand until cancelled."""
        while True:
            await self._until_one_may_be_told()
            if not await self._may_tell():
                continue
            pending = await self._next()
            pause = await self._finish(asyncio.create_task(self._tell(pending)))
            if pause is None:
                self._drop(pending)
            else:
                self._tries[pending.id] = self._tries.get(pending.id, 0) + 1
                await self._rest(pending.message.to, pause)

    async def _until_one_may_be_told(self) -> None:
        """Wait until there is something in hand for somebody who is not left alone."""
        while True:
            self._more.clear()
            rest = min((self._rest_of(one) for one in self._in_hand.values()), default=None)
            if rest is not None and rest <= 0:
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(self._more.wait(), rest)

    def _rest_of(self, pending: Pending) -> float:
        """Return the seconds for which whom a message is for is left alone."""
        return self._resting.get(pending.message.to, 0.0) - asyncio.get_running_loop().time()

    async def _rest(self, whom: str, pause: float) -> None:
        """Leave somebody alone who could not be told; the whole channel when it fails somebody else as well."""
        now = asyncio.get_running_loop().time()
        self._resting = {one: until for one, until in self._resting.items() if until > now}
        self._resting[whom] = now + pause
        self._doubts.add(whom)
        if len(self._doubts) > 1:
            await asyncio.sleep(pause)
            self._resting.clear()
            self._doubts.clear()

    async def _may_tell(self) -> bool:
        """Whether the limit lets a message through; waits a while when it does not."""
        limit = self._notifier.settings.limit
        if limit is None:
            return True
        if self._pace is None:
            self._pace = Pace(limit, await self._told_before(limit))
        pause = self._pace.wait(self._now())
        if pause > LONG:
            await self._put_back(self._now() + timedelta(seconds=pause))
        elif pause:
            await asyncio.sleep(pause)
        return pause == 0

    async def _told_before(self, limit: Limit) -> list[datetime]:
        try:
            return await self._outbox.told_since(self.name, self._now() - timedelta(seconds=limit.per))
        except Exception:  # as in `Dispatcher`: it may pass, and meanwhile people must be told
            log.exception("what was told before cannot be read", extra={"channel": self.name})
            return []

    async def _put_back(self, until: datetime) -> None:
        """Let what is in hand wait in the outbox."""
        for pending in list(self._in_hand.values()):
            await self._record(partial(self._outbox.postponed, pending.id, until))
            self._drop(pending)

    async def _next(self) -> Pending:
        """Return what to tell now: the first in hand, or a digest of many when there are more than may be told."""
        awake = [number for number, one in self._in_hand.items() if self._rest_of(one) <= 0]
        head = self._in_hand[min(awake or self._in_hand, key=self._rank)]
        if self._pace is None:
            return head
        together = to_merge(self._in_hand.values(), head, self._pace.free(self._now()))
        self._pace.note(self._now())
        return await self._merged(together) if len(together) > 1 else head

    async def _merged(self, together: Sequence[Pending]) -> Pending:
        message = digest(together, self._notifier.settings.language, self._notifier.room)
        try:
            merged = await self._outbox.merge([one.id for one in together], message, self._now())
        except Exception:  # as in `Dispatcher`; nothing was merged, so the first is told alone
            log.exception("messages cannot be merged", extra={"channel": self.name})
            return together[0]
        for one in together:
            self._drop(one)
        self._in_hand[merged.id] = merged
        return merged

    def _drop(self, pending: Pending) -> None:
        self._in_hand.pop(pending.id, None)
        self._tries.pop(pending.id, None)

    def _rank(self, number: int) -> tuple[int, bool, int]:
        """Oldest first; one that failed five times lets the others go before it, lest it block them all."""
        single = not is_digest(self._in_hand[number].message)
        return self._tries.get(number, 0) // PATIENCE, single, number

    async def _finish(self, attempt: asyncio.Task[float | None]) -> float | None:
        """Wait for an attempt. When told to stop, let it end and be recorded, lest it be repeated."""
        try:
            return await asyncio.shield(attempt)
        except asyncio.CancelledError:
            await asyncio.wait({attempt}, timeout=self._grace)
            attempt.cancel()
            await asyncio.gather(attempt, return_exceptions=True)
            raise

    async def _tell(self, pending: Pending) -> float | None:
        """Try once. Returns the seconds to wait before trying the same again, `None` when it is done with."""
        if not await self._ours(pending):
            return None
        try:
            async with asyncio.timeout(self._notifier.settings.timeout):
                receipt = await self._notifier.send(pending.message) or ""
        except Refused as error:
            refusal = str(error)
            log.warning("a message was refused", extra={"channel": self.name, "error": refusal})
            await self._record(lambda: self._outbox.failed(pending.id, self._now(), refusal, None))
            return None
        except TryLater as error:
            return await self._later(pending, str(error), error.retry_after)
        except TimeoutError:
            return await self._later(pending, f"no answer within {self._notifier.settings.timeout:g} s", None)
        except Exception as error:
            log.exception("a notifier failed unexpectedly", extra={"channel": self.name})
            return await self._later(pending, f"fault of ours: {type(error).__name__}", None)
        self._recovered()
        await self._record(lambda: self._outbox.delivered(pending.id, self._now(), receipt))
        return None

    async def _ours(self, pending: Pending) -> bool:
        """Whether a message is still ours to tell. What cannot be known now is claimed again when its lease is over."""
        try:
            return await self._outbox.holds(pending.id)
        except Exception:  # as in `Dispatcher`: whatever it is, it may pass
            log.exception("a message is left for later: the outbox cannot be read")
            return False

    async def _later(self, pending: Pending, error: str, retry_after: float | None) -> float | None:
        self._failures, self._error = self._failures + 1, error
        if self._failures == 1:
            log.warning("a channel does not work", extra={"channel": self.name, "error": error})
        now = self._now()
        often = pending.tries + self._tries.get(pending.id, 0) + 1 >= LEAST_TRIES
        if often and now - pending.created_at >= GIVE_UP_AFTER:
            await self._record(lambda: self._outbox.failed(pending.id, now, f"given up: {error}", None))
            return None
        tries = max(
            self._failures, self._tries.get(pending.id, 0) + 1
        )  # others may have been told in between
        pause = self._backoff.seconds(tries, retry_after)
        retry_at = now + timedelta(seconds=pause)
        await self._record(lambda: self._outbox.failed(pending.id, now, error, retry_at))
        return pause

    def _recovered(self) -> None:
        if self._failures:
            log.info("a channel works again", extra={"channel": self.name, "failures": self._failures})
        self._failures = 0
        self._doubts.clear()

    async def _record(self, write: Callable[[], Awaitable[None]]) -> None:
        """Write to the outbox, again and again if it must be: what was told may not be told twice."""
        for attempt in count():
            try:
                await write()
            except Exception:  # as in `Dispatcher`: whatever it is, it may pass
                if attempt == 0:
                    log.exception("the outbox cannot be written; trying again until it can")
                await asyncio.sleep(1.0)
            else:
                return
