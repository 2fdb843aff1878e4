"""When each check is asked: a tick a second releases the checks that fall due, spread by a hash of their names.

APScheduler runs the tick; a wheel of slots holds the checks (one job per check would cost ten times as much).
A check never overlaps itself, and a device is never asked by more than a few checks at a time.
"""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterable
from types import TracebackType
from typing import Self

import msgspec
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from probes.core.probe import Check

log = logging.getLogger(__name__)

Run = Callable[[Check], Awaitable[None]]

SLOT = 0.05
"""Seconds; checks due within one slot are released together: waking up for each alone costs more than releasing it."""


EASE = 0.02
"""Seconds for each new check of a running service in which they are asked first: one at once, thousands spread out."""


class Load(msgspec.Struct, frozen=True):
    """How the scheduler keeps up."""

    checks: int
    in_flight: int
    waiting: int
    """Released and waiting for a place: the device is being asked, or the process is at its limit."""
    released: int
    skipped: int
    """Releases left out because the check was still running."""
    late_p50: float
    """Seconds between due and start, median of the last 4,096 starts."""
    late_p99: float
    late_max: float


class Scheduler:
    """Releases checks, ticking among `jobs`. Use as ``async with``; leaving drains what runs for `grace` seconds."""

    def __init__(
        self,
        checks: Iterable[Check],
        run: Run,
        jobs: AsyncIOScheduler,
        *,
        per_device: int = 2,
        in_flight: int = 2000,
        spread: float = 30.0,
        grace: float = 5.0,
    ) -> None:
        self._checks = {check.id: check for check in checks}
        self._run = run
        self._spread = spread
        self._grace = grace
        self._gate = _Gate(per_device, in_flight)
        self._slots: defaultdict[int, list[tuple[float, str]]] = defaultdict(list)
        self._due: dict[str, float] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._extra: set[str] = set()
        """Checks whose next release is an extra one: finding such a check under way is no release left out."""
        self._lateness: deque[float] = deque(maxlen=4096)
        self._released = self._skipped = 0
        self._armed = 0
        """Every slot up to this one has been handed to the event loop."""
        self._jobs = jobs
        self._open = False

    async def __aenter__(self) -> Self:
        """Start ticking: every check is asked once within the first `spread` seconds, or its interval if shorter."""
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._armed = int(self._began / SLOT)
        self._spread_out(self._checks.values(), self._spread)
        self._open = True
        self._job = self._jobs.add_job(
            self._tick, "interval", seconds=1, coalesce=True, misfire_grace_time=None, max_instances=1
        )
        self._arm()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop releasing, let what runs end within `grace` seconds, cancel the rest."""
        self._open = False
        self._job.remove()
        self._slots.clear()
        if self._running:
            _, late = await asyncio.wait(self._running.values(), timeout=self._grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def soon(self, check_id: str, delay: float) -> None:
        """Ask a check again `delay` seconds from now, once more than planned, unless it is due before that anyhow."""
        check = self._checks.get(check_id)
        at = self._loop.time() + delay
        if check is None or self._due[check_id] <= at:
            return
        self._extra.add(check_id)
        self._enter(check_id, at)

    def replace(self, removed: Iterable[str], checks: Iterable[Check]) -> None:
        """Ask `removed` (ids) no more and `checks` from now on, new ones and those that changed; the rest goes on.

        What is under way for a removed or changed check is cancelled: its answer would be about something else.
        """
        fresh = {check.id: check for check in checks}
        for check_id in (*removed, *fresh):
            self._checks.pop(check_id, None)
            self._due.pop(check_id, None)
            self._extra.discard(check_id)
            if task := self._running.pop(check_id, None):
                task.cancel()
        self._checks |= fresh
        self._spread_out(fresh.values(), min(self._spread, len(fresh) * EASE))

    def _spread_out(self, checks: Iterable[Check], seconds: float) -> None:
        """Enter checks for the first time, at their own places within `seconds`, or their interval if shorter."""
        now = self._loop.time()
        for check in checks:
            self._enter(check.id, now + _phase(check) * min(check.interval, seconds))

    @property
    def load(self) -> Load:
        """Figures of the scheduler's own health."""
        late = sorted(self._lateness) or [0.0]
        return Load(
            len(self._checks),
            len(self._running),
            self._gate.waiting,
            self._released,
            self._skipped,
            late[len(late) // 2],
            late[len(late) * 99 // 100],
            late[-1],
        )

    def _enter(self, check_id: str, at: float) -> None:
        self._due[check_id] = at
        slot = max(int(at / SLOT), int(self._loop.time() / SLOT))
        if slot <= self._armed and slot not in self._slots:
            self._loop.call_at(slot * SLOT, self._release, slot)
        self._slots[slot].append((at, check_id))

    async def _tick(self) -> None:
        """Arm the coming second. A coroutine, for APScheduler would run a function in a thread, beside the loop."""
        self._arm()

    def _arm(self) -> None:
        """Hand every slot of the coming second that holds checks to the event loop's clock."""
        horizon = int((self._loop.time() + 1.0) / SLOT) + 1
        for slot in range(self._armed + 1, horizon + 1):
            if slot in self._slots:
                self._loop.call_at(slot * SLOT, self._release, slot)
        self._armed = max(self._armed, horizon)

    def _release(self, slot: int) -> None:
        for due, check_id in self._slots.pop(slot, ()):
            self._release_due(due, check_id)

    def _release_due(self, due: float, check_id: str) -> None:
        if self._due.get(check_id) != due or not self._open:
            return  # asked sooner meanwhile, or stopping
        check = self._checks[check_id]
        self._enter(check_id, self._next(check, max(due, self._loop.time())))
        planned = check_id not in self._extra
        self._extra.discard(check_id)
        if check_id in self._running:
            self._skipped += planned
            return
        self._released += 1
        task = self._running[check_id] = self._loop.create_task(self._ask(check, due), name=check_id)
        task.add_done_callback(self._ended)

    def _next(self, check: Check, after: float) -> float:
        """Return the first time after `after` in this check's own rhythm, which its name decides."""
        origin = self._began + _phase(check) * check.interval
        return origin + ((after - origin) // check.interval + 1) * check.interval

    async def _ask(self, check: Check, due: float) -> None:
        try:
            if not self._gate.open(check.device):
                await self._gate.enter(check.device)
            try:
                self._lateness.append(max(self._loop.time() - due, 0.0))
                await self._run(check)
            finally:
                self._gate.leave(check.device)
        except Exception:
            log.exception("an observation could not be taken in", extra={"check": check.id})

    def _ended(self, task: asyncio.Task[None]) -> None:
        if self._running.get(task.get_name()) is task:
            del self._running[task.get_name()]


class _Gate:
    """Places for questions under way: so many in all, so many a device; waiting is first come, first served."""

    def __init__(self, per_device: int, total: int) -> None:
        self._per_device = per_device
        self._left = total
        self._asking: dict[str, int] = {}
        self._queue: dict[asyncio.Future[None], str] = {}

    @property
    def waiting(self) -> int:
        """Questions that wait for a place."""
        return len(self._queue)

    def open(self, device: str) -> bool:
        """Take a place if there is one now: nearly always, and then without any waiting."""
        if self._left <= 0 or self._asking.get(device, 0) >= self._per_device:
            return False
        self._take(device)
        return True

    def _take(self, device: str) -> None:
        self._left -= 1
        self._asking[device] = self._asking.get(device, 0) + 1

    async def enter(self, device: str) -> None:
        """Wait for a place."""
        turn = asyncio.get_running_loop().create_future()
        self._queue[turn] = device
        try:
            await turn
        except asyncio.CancelledError:
            if self._queue.pop(turn, None) is None:  # it had its place already
                self.leave(device)
            raise

    def leave(self, device: str) -> None:
        """Give a place back, to whoever has waited longest and may have it."""
        self._left += 1
        asking = self._asking[device] - 1
        if asking:
            self._asking[device] = asking
        else:
            del self._asking[device]
        for turn, other in self._queue.items():
            if not turn.done() and self.open(other):
                del self._queue[turn]
                turn.set_result(None)
                return


def _phase(check: Check) -> float:
    """Where in its interval a check falls, 0..1: the same after every restart."""
    return zlib.crc32(check.id.encode()) / 2**32
