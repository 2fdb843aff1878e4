"""Puts the watch over the monitor itself together."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime

from alerts.duty.who import Who
from alerts.incident import Words
from monitor.board import Board
from monitor.configuration import Configuration
from monitor.ledger import Ledger
from monitor.ledger.morning import Day
from monitor.part import Part
from monitor.selfwatch.heartbeat import Heartbeat
from monitor.selfwatch.morning import Morning, Unchecked, report
from monitor.selfwatch.systemd import Systemd
from monitor.vitals import SelfWatch, Vitals
from probes.core.words import Said


class Watch:
    """The parts that run, and how they do."""

    def __init__(
        self, morning: Morning, morning_part: Part, heart: Heartbeat | None, heart_part: Part | None, at: str
    ) -> None:
        self._morning, self._morning_part = morning, morning_part
        self._heart, self._heart_part = heart, heart_part
        self._at = at

    @property
    def morning_problem(self) -> Said:
        """Why the word each morning cannot be told, in one line."""
        return self._morning_part.problem or self._morning.problem

    @property
    def heartbeat_problem(self) -> Said:
        """Why the watcher outside cannot be pinged, in one line."""
        part = self._heart_part.problem if self._heart_part else ""
        return part or (self._heart.last.problem if self._heart else "")

    def state(self, watchdog: float, epoch: int) -> SelfWatch:
        """Return what the health page shows."""
        beat = self._heart.last if self._heart else None
        return SelfWatch(
            self._heart is not None,
            beat.at if beat else None,
            beat.well if beat else True,
            self._at,
            self._morning.last,
            watchdog,
            epoch,
        )


@asynccontextmanager
async def watching_itself(
    running: Callable[[], Configuration],
    ledger: Ledger,
    board: Board,
    vitals: Callable[[], Vitals],
    who: Callable[[], Who],
    wake: Callable[[], None],
    now: Callable[[], datetime],
) -> AsyncIterator[Watch]:
    """Run the ping and the word each morning while the context is open. Raises `SecretMissing`."""
    configuration = running()
    settings = configuration.settings

    def text(day: Day) -> Words:
        states = Counter(board.status(device).state for device in board.inventory.devices)
        never = sum(device not in ledger.answered.first for device in board.inventory.devices)
        blocked = sum(bool(check.blocked) for check in running().plan)
        problems = [problem.words for problem in vitals().problems]
        return report(states, day, Unchecked(blocked, never), problems)

    async with AsyncExitStack() as stack:
        heart, heart_part = None, None
        if settings.heartbeat is not None:
            heart = Heartbeat(settings.heartbeat, configuration.secrets, settings.network, vitals, now)
            await stack.enter_async_context(heart)
            heart_part = await stack.enter_async_context(Part("the ping to the watcher outside", heart.run))
        morning = Morning(settings.morning, ledger.morning, text, who, wake, now)
        morning_part = Part("the word each morning", morning.run)
        told = settings.morning.enabled and bool(settings.notifiers)
        if told:
            await stack.enter_async_context(morning_part)
        at = f"{settings.morning.at:%H:%M}" if told else ""
        yield Watch(morning, morning_part, heart, heart_part, at)


@asynccontextmanager
async def feeding(systemd: Systemd) -> AsyncIterator[None]:
    """Feed systemd's watchdog while the context is open."""
    async with Part("the watchdog of systemd", systemd.run):
        yield
