"""What people do about incidents: take them on, give them back, note something. One way in for pages, API and replies.

Whatever is done is in the ledger's timeline, with who and why, before anyone sees it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from alerts.incident import Incident, Step
from monitor.board import Board
from monitor.ledger.teller import Teller
from probes.core.text import clean
from probes.core.words import Said, Unfit, Words

log = logging.getLogger(__name__)

MAX_NOTE = 1000
MAX_WHO = 100
MOST_AT_ONCE = 500
LONGEST = timedelta(days=30)
"""For longer an incident cannot be taken on: it would be forgotten."""
LOOK_EVERY = 5.0
"""Seconds between two looks for incidents whose time is over."""

Write = Callable[[Sequence[int], str, str, datetime, Teller], Awaitable[list[Incident]]]
"""Writes steps of incidents: their numbers, who, note, when, who tells."""


class Records(Protocol):
    """The part of the ledger that is written."""

    async def by_hand(
        self,
        ids: Sequence[int],
        what: Step,
        who: str,
        note: str,
        at: datetime,
        teller: Teller,
        until: datetime | None = None,
    ) -> list[Incident]:
        """Take a step of each incident, in one transaction; return those of which it was possible."""
        ...

    async def take_on(
        self, ids: Sequence[int], who: str, note: str, at: datetime, teller: Teller
    ) -> list[Incident]:
        """Let somebody have those that nobody has, in one transaction; return them."""
        ...


class Operations:
    """Steps that people take. What is returned is durable, and on the board.

    Each method takes the numbers of incidents and returns those of which it was possible, as they are then: one that
    does not exist or is resolved is left out. `who` is a name for the timeline; who may do it is decided before.
    """

    def __init__(
        self,
        records: Records,
        board: Board,
        teller: Callable[[], Teller],
        wake: Callable[[], None],
        now: Callable[[], datetime],
    ) -> None:
        """`teller` returns the one in force."""
        self._records = records
        self._board = board
        self._teller = teller
        self._wake = wake
        self._now = now
        self.problem: Said = ""
        """Why incidents whose time is over cannot be opened again, in one line; empty when all is well."""

    async def acknowledge(
        self, numbers: Sequence[int], who: str, note: str = "", until: datetime | None = None
    ) -> list[Incident]:
        """Note that `who` has taken incidents on, until they are resolved or until `until` (aware).

        Raises `ValueError` when `until` is not within the next 30 days.
        """
        if until is not None and not timedelta(0) < until - self._now() <= LONGEST:
            days = LONGEST.days
            raise Unfit(
                Words(f"thời hạn phải trong {days} ngày tới", f"the time must be within the next {days} days")
            )
        return await self._do(numbers, Step.ACKNOWLEDGED, who, note, until)

    async def take_on(self, numbers: Sequence[int], who: str, note: str = "") -> list[Incident]:
        """Note that `who` has taken on what nobody had: by a message, which cannot show who has it meanwhile."""
        return await self._written(numbers, who, note, self._records.take_on)

    async def release(self, numbers: Sequence[int], who: str, note: str = "") -> list[Incident]:
        """Note that nobody has these any more; they are open again."""
        return await self._do(numbers, Step.RELEASED, who, note)

    async def note(self, numbers: Sequence[int], who: str, note: str) -> list[Incident]:
        """Add a note, to resolved incidents too. Raises `ValueError` for an empty one."""
        if not clean(note, MAX_NOTE):
            raise Unfit(Words("chưa ghi gì", "the note is empty"))
        return await self._do(numbers, Step.NOTED, who, note)

    async def run(self) -> None:
        """Open again what was taken on until a time that has come, until cancelled."""
        while True:
            await self.expire()
            await asyncio.sleep(LOOK_EVERY)

    async def expire(self) -> list[Incident]:
        """Open again what was taken on until a time that has come."""
        now = self._now()
        over = [
            one.id
            for one in self._board.incidents.values()
            if one.acknowledged_until is not None and one.acknowledged_until <= now
        ]
        try:
            released = await self._do(over, Step.RELEASED, "commune-monitor", "") if over else []
        except Exception as error:  # a full disk passes; it is tried again
            if not self.problem:
                log.exception("incidents whose time is over cannot be opened again")
            self.problem = Words(
                f"không mở lại được sự cố đã hết thời hạn tiếp nhận: {error}",
                f"incidents whose time is over cannot be opened again: {error}",
            )
            return []
        self.problem = ""
        return released

    async def _do(
        self, numbers: Sequence[int], what: Step, who: str, note: str, until: datetime | None = None
    ) -> list[Incident]:
        async def write(
            ids: Sequence[int], who: str, note: str, at: datetime, teller: Teller
        ) -> list[Incident]:
            return await self._records.by_hand(ids, what, who, note, at, teller, until)

        return await self._written(numbers, who, note, write)

    async def _written(self, numbers: Sequence[int], who: str, note: str, write: Write) -> list[Incident]:
        if len(numbers) > MOST_AT_ONCE:
            most = MOST_AT_ONCE
            raise Unfit(Words(f"mỗi lần nhiều nhất {most} sự cố", f"at most {most} incidents at once"))
        said = (clean(who, MAX_WHO) or "?", clean(note, MAX_NOTE))
        done = await write(list(dict.fromkeys(numbers)), *said, self._now(), self._teller())
        for incident in done:
            self._board.set_incident(incident)
        if done:
            self._wake()
        return done
