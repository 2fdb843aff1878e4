"""What changed since a viewer last looked: events of the board become versions of topics, paced.

No viewer has a queue: it waits until one of its topics has a newer version and then reads the present.
However much happens and however slow a viewer is, nothing piles up, and what it reads is right.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable

from monitor.board import Board, Event
from monitor.web.seen import Seen
from monitor.web.summary import Summaries

STATES = "states"
"""Topic of every device state and every incident."""
INCIDENTS = "incidents"
"""Topic of every incident and finding."""

_SWEEP, _SWEPT_SITES = 1000, 20
"""Devices, and sites, taken in between two turns of the event loop."""
_WOKEN = 20
"""Viewers woken between two turns of the event loop."""


def site_topic(site: str) -> str:
    """Topic of the states and incidents of one site."""
    return f"site:{site}"


def device_topic(device: str) -> str:
    """Topic of everything seen of one device."""
    return f"device:{device}"


class Feed:
    """Versions of topics. `run` turns the board's events into them until it is cancelled."""

    def __init__(
        self,
        board: Board,
        pace: float = 1.0,
        seen: Seen | None = None,
        summaries: Summaries | None = None,
    ) -> None:
        self._board = board
        self._summaries = Summaries() if summaries is None else summaries
        self._seen = Seen() if seen is None else seen
        self._pace = pace
        self._versions: defaultdict[str, int] = defaultdict(int)
        self._all = 0
        self._touched: set[str] = set()
        self._work = asyncio.Event()
        self._waiting: dict[asyncio.Future[None], None] = {}
        self.closed = False

    def version(self, topics: Iterable[str]) -> int:
        """Return a number that grows whenever one of `topics` changes."""
        return self._all + sum(self._versions.get(topic, 0) for topic in topics)

    async def changed(self, topics: frozenset[str], seen: int, patience: float) -> None:
        """Return when `topics` are newer than `seen`, the feed closed, or `patience` seconds passed."""
        try:
            async with asyncio.timeout(patience):
                while self.version(topics) == seen and not self.closed:
                    await self._news()
        except TimeoutError:
            return

    async def run(self) -> None:
        """Follow the board until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._collect())
            group.create_task(self._publish())

    def close(self) -> None:
        """Let every viewer go."""
        self.closed = True
        _wake(self._waiting)

    async def _collect(self) -> None:
        """Follow what happens from the first moment on, and take in meanwhile what was there before."""
        while True:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._catch_up())
                await self._follow()
            self._renew()  # the board cut us off: anything may have changed

    async def _catch_up(self) -> None:
        await self._sweep()
        self._renew()

    async def _follow(self) -> None:
        async for event in self._board.events():
            if event.kind == "inventory":
                self._all += 1
            elif event.kind == "check":
                self._seen.note(event.id, self._board.last(event.id))
            self._touched.update(_topics(event))
            self._work.set()

    def _renew(self) -> None:
        self._all += 1
        self._work.set()

    async def _sweep(self) -> None:
        """Take in all that the board holds, some devices at a time: of a nation all at once would stop everything."""
        devices = tuple(self._board.inventory.devices)
        for start in range(0, len(devices), _SWEEP):
            known = self._board.inventory.devices
            self._seen.sweep(self._board, [one for one in devices[start : start + _SWEEP] if one in known])
            await asyncio.sleep(0)
        for number, site in enumerate(tuple(self._board.inventory.sites)):
            if (present := self._board.inventory.sites.get(site)) is not None:
                self._summaries.of(self._board, present)
            if number % _SWEPT_SITES == 0:
                await asyncio.sleep(0)

    async def _publish(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            for topic in self._touched:
                self._versions[topic] += 1
            self._touched.clear()
            begun = time.monotonic()
            await self._tell()
            await asyncio.sleep(max(self._pace - (time.monotonic() - begun), self._pace / 5))

    async def _tell(self) -> None:
        """Wake all who wait, some between two turns of the loop: 500 at once would stop everything else."""
        waiting = tuple(self._waiting)
        for start in range(0, len(waiting), _WOKEN):
            _wake(waiting[start : start + _WOKEN])
            await asyncio.sleep(0)

    async def _news(self) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting[turn] = None
        try:
            await turn
        finally:
            del self._waiting[turn]


def _wake(waiting: Iterable[asyncio.Future[None]]) -> None:
    for turn in waiting:
        if not turn.done():
            turn.set_result(None)


def _topics(event: Event) -> tuple[str, ...]:
    if event.kind == "check":
        return (device_topic(event.id.rpartition(":")[0]),)
    if event.kind == "device":
        return STATES, site_topic(event.site), device_topic(event.id)
    if event.kind == "inventory":
        return ()
    return STATES, INCIDENTS, *map(site_topic, dict.fromkeys((event.site, *event.sites)))
