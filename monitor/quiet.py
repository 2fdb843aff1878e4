"""What is quiet now: the files' planned maintenance and what people made, for those who tell and for the pages.

It holds back telling only: asking, judging, opening, history and the end of an incident go on as ever. Whoever tells
asks `why`; what is hidden waits in the ledger with its first step, and is told when nothing hides it any more.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol
from weakref import WeakKeyDictionary

import msgspec

from alerts.incident import Incident, Words
from alerts.quiet.book import Book, Hidden
from alerts.quiet.known import must_be_known
from alerts.quiet.planned import Planned
from alerts.quiet.quiet import Quiet, devices_meant
from alerts.quiet.silence import Silence
from alerts.quiet.window import Window
from alerts.rule import RuleBook
from inventory.model import Device, Inventory
from inventory.selector import Selector
from monitor.ledger.silences import LedgerSilences
from probes.core.words import NOTHING

log = logging.getLogger(__name__)

LOOK_EVERY = 3.0
"""Seconds between two looks at what is under maintenance, for the wall."""
WORKED_OUT = timedelta(days=1)
"""For so long the windows of the files are good: they reach a year ahead."""

PAGE = 1000
MOST_LATELY = 20_000


def book(planned: Iterable[Quiet], silences: Iterable[Silence], inventory: Inventory) -> Book:
    """Return the book of what files plan and people made."""
    return Book((*planned, *(one.quiet for one in silences)), inventory)


class Reach(msgspec.Struct, frozen=True):
    """How far a selector reaches."""

    devices: int
    sites: tuple[str, ...]


class Quiets:
    """Kept up to date on the event loop; `book` may be asked from any thread."""

    def __init__(
        self, silences: LedgerSilences, planned: Planned, inventory: Inventory, now: Callable[[], datetime]
    ) -> None:
        self._silences = silences
        self._now = now
        self._reaches: WeakKeyDictionary[Inventory, dict[Selector, Reach]] = WeakKeyDictionary()
        self.problem = ""
        """Nothing here fails by itself."""
        self.under_maintenance: Mapping[str, Hidden] = {}
        """What is under maintenance by device, at most `LOOK_EVERY` seconds old."""
        self.maintained: Mapping[str, bool] = {}
        """Sites with something under maintenance, and whether that is all of it."""
        self.changed: Callable[[], None] = lambda: None
        """Called when other things are quiet than before."""
        self._held: tuple[frozenset[tuple[str, Window]], Book] | None = None
        """What held at the last look, by which book."""
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
        self.book = book(self._from_files, self._silences.known, self._inventory)
        self.changed()

    @property
    def quiets(self) -> tuple[Quiet, ...]:
        """Everything that is, was lately or will be quiet."""
        return self.book.quiets

    @property
    def silences(self) -> Sequence[Silence]:
        """What people made: all that is not over, and the last of what is, the newest first."""
        return self._silences.known

    def silence(self, number: int) -> Silence | None:
        """Return what has this number, as far as it is remembered."""
        return next((one for one in self.silences if one.id == number), None)

    async def must_exist(self, wish: Silence, inventory: Inventory, rules: RuleBook) -> None:
        """Raise `ValueError` when a wish names what does not exist in `inventory`; see `must_be_known`."""
        await asyncio.to_thread(must_be_known, wish, inventory, rules)

    async def add(self, silence: Silence) -> Silence:
        """Let `silence` hold; see `LedgerSilences.add`."""
        made = await self._silences.add(silence)
        await self.look()
        return made

    async def extend(self, number: int, until: datetime, who: str) -> Silence | None:
        """Let one last until another time; see `LedgerSilences.extend`."""
        changed = await self._silences.extend(number, until, who, self._now())
        await self.look()
        return changed

    async def end(self, number: int, who: str) -> Silence | None:
        """Let one be over now; see `LedgerSilences.end`."""
        changed = await self._silences.end(number, who, self._now())
        await self.look()
        return changed

    def hides(self, incident: Incident, moment: datetime | None = None) -> Hidden | None:
        """Return what hides an incident, now unless another moment is given."""
        return self.book.hides(incident, moment or self._now())

    def of_device(self, device: Device) -> list[Hidden]:
        """Return what is quiet of a device now, or of something of it."""
        now = self._now()
        found = ((quiet, quiet.window(now)) for quiet in self.book.of_device(device))
        return [Hidden(quiet, window.end) for quiet, window in found if window]

    def why(self, incident: Incident, moment: datetime) -> Words:
        """Return why an incident is not told at a moment, one line; empty when it is. Pure, for any thread."""
        hidden = self.book.hides(incident, moment)
        return hidden.quiet.words(hidden.until) if hidden else NOTHING

    async def reach(self, inventory: Inventory, where: Iterable[Selector]) -> Mapping[Selector, Reach]:
        """Return how far selectors reach in an inventory; what is not known yet is searched for in a thread."""
        known = self._reaches.setdefault(inventory, {})
        missing = {one for one in where if one not in known}
        if missing:
            known |= await asyncio.to_thread(lambda: {one: _reach(one, inventory) for one in missing})
        return known

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
        held, book = (
            frozenset((one.id, window) for one in self.quiets if (window := one.window(now))),
            self.book,
        )
        if (held, book) == self._held:
            return
        found = await asyncio.to_thread(book.under_maintenance, now)
        if found.keys() != self.under_maintenance.keys():
            log.info("devices under maintenance", extra={"devices": len(found)})
        counts = Counter(device.partition("/")[0] for device in found)
        sites = book.inventory.sites
        self.maintained = {name: count == len(sites[name].devices) for name, count in counts.items()}
        self.under_maintenance, self._held = found, (held, book)
        self.changed()


def _reach(where: Selector, inventory: Inventory) -> Reach:
    devices = [device.id for device in devices_meant(where, inventory)]
    return Reach(len(devices), tuple(dict.fromkeys(device.partition("/")[0] for device in devices)))


class Incidents(Protocol):
    """The part of the ledger that knows what was."""

    async def search(self, *, limit: int, before_id: int | None = None) -> list[Incident]:
        """Return incidents, newest first."""
        ...


async def lately(incidents: Incidents, since: datetime) -> list[Incident]:
    """Return what opened since a time, newest first; the last `MOST_LATELY` if that is more."""
    found: list[Incident] = []
    before = None
    while len(found) < MOST_LATELY:
        page = await incidents.search(limit=PAGE, before_id=before)
        found += [one for one in page if one.opened_at >= since]
        if len(page) < PAGE or page[-1].opened_at < since:
            break
        before = page[-1].id
    return found[:MOST_LATELY]
