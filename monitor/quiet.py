"""What is quiet now: the files' planned maintenance and what people made, for those who tell and for the pages.

It holds back telling only: asking, judging, opening, history and the end of an incident go on as ever. Whoever tells
asks `why`; what is hidden waits in the ledger with its first step, and is told when nothing hides it any more.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

from alerts.incident import Incident
from alerts.quiet.book import Book, Hidden
from alerts.quiet.planned import Planned
from alerts.quiet.quiet import Quiet
from inventory.model import Inventory
from monitor.ledger.silences import LedgerSilences

log = logging.getLogger(__name__)

LOOK_EVERY = 3.0
"""Seconds between two looks at what is under maintenance, for the wall."""
WORKED_OUT = timedelta(days=1)
"""For so long the windows of the files are good: they reach a year ahead."""

PAGE = 1000
MOST_LATELY = 20_000


class Quiets:
    """Kept up to date on the event loop; `book` may be asked from any thread."""

    def __init__(
        self, silences: LedgerSilences, planned: Planned, inventory: Inventory, now: Callable[[], datetime]
    ) -> None:
        self._silences = silences
        self._now = now
        self.under_maintenance: Mapping[str, Hidden] = {}
        """What is under maintenance by device, at most `LOOK_EVERY` seconds old."""
        self.follow(planned, inventory)
        silences.changed = self._bind

    def follow(self, planned: Planned, inventory: Inventory) -> None:
        """Go by other files from now on."""
        self._planned, self._inventory = planned, inventory
        self._work_out()

    def _work_out(self) -> None:
        now = self._worked_out_at = self._now()
        self._from_files = tuple(one.quiet(now) for one in self._planned.maintenance.values())
        self._bind()

    def _bind(self) -> None:
        made = (one.quiet for one in self._silences.known)
        self.book = Book((*self._from_files, *made), self._inventory)

    @property
    def quiets(self) -> tuple[Quiet, ...]:
        """Everything that is, was lately or will be quiet."""
        return self.book.quiets

    def hides(self, incident: Incident) -> Hidden | None:
        """Return what hides an incident now."""
        return self.book.hides(incident, self._now())

    def why(self, incident: Incident, moment: datetime) -> str:
        """Return why an incident is not told at a moment, one line; ``""`` when it is. Pure, for any thread."""
        hidden = self.book.hides(incident, moment)
        return hidden.quiet.words(hidden.until).vi if hidden else ""

    async def run(self) -> None:
        """Look what is under maintenance until cancelled, and work the windows out anew each day."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY)

    async def look(self) -> None:
        """Look now."""
        now = self._now()
        if abs(now - self._worked_out_at) > WORKED_OUT:
            self._work_out()
        found = await asyncio.to_thread(self.book.under_maintenance, now)
        if found.keys() != self.under_maintenance.keys():
            log.info("devices under maintenance", extra={"devices": len(found)})
        self.under_maintenance = found


class Incidents(Protocol):
    """The part of the ledger that knows what was."""

    async def incidents(self, *, limit: int, before_id: int | None = None) -> list[Incident]:
        """Return incidents, newest first."""
        ...


async def lately(incidents: Incidents, since: datetime) -> list[Incident]:
    """Return what opened since a time, newest first; the last `MOST_LATELY` if that is more."""
    found: list[Incident] = []
    before = None
    while len(found) < MOST_LATELY:
        page = await incidents.incidents(limit=PAGE, before_id=before)
        found += [one for one in page if one.opened_at >= since]
        if len(page) < PAGE or page[-1].opened_at < since:
            break
        before = page[-1].id
    return found[:MOST_LATELY]
