"""The poll wheel of the service beside the pages, in the same loop: 199,000 checks, each once a minute."""

from __future__ import annotations

import asyncio
import gc
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from monitor.scheduler import Load, Scheduler
from probes.core.observation import Observation, Outcome
from probes.core.probe import Check
from tests.monitor.web.communes import build_checks
from tests.monitor.web.province import Province

TICK = 0.005


@dataclass
class Watch:
    """What was seen of the loop since `clear`."""

    loads: list[Load] = field(default_factory=list)
    """One for each second."""
    over: list[float] = field(default_factory=list)
    """By how many seconds a sleep of `TICK` was late: the stalls of the loop."""

    def clear(self) -> None:
        """Begin anew."""
        self.loads.clear()
        self.over.clear()

    def told(self) -> dict[str, Any]:
        """Return milliseconds: the median second, the worst second, the latest check; and stalls of the loop."""
        over = sorted(self.over)
        return {
            "poll_late_ms_p50": _ms(statistics.median(one.late_p50 for one in self.loads)),
            "poll_late_ms_p99_of_worst_second": _ms(max(one.late_p99 for one in self.loads)),
            "poll_late_ms_max": _ms(max(one.late_max for one in self.loads)),
            "polls_skipped": self.loads[-1].skipped - self.loads[0].skipped,
            "polls_per_second": round((self.loads[-1].released - self.loads[0].released) / (len(self.loads) - 1)),
            "loop_stall_ms_p99": _ms(over[int(len(over) * 0.99)]),
            "loop_stall_ms_max": _ms(over[-1]),
        }  # fmt: skip


@asynccontextmanager
async def turning(town: Province) -> AsyncIterator[Watch]:
    """Release every check as the service does, and watch; an answer comes after a turn of the loop.

    What asking itself costs is not here: see `bench.pipeline`.
    """

    async def ask(check: Check) -> None:
        await asyncio.sleep(0)
        told = Observation(check.device, check.name, check.probe, datetime.now(UTC), 0.01, Outcome.OK)
        town.board.observe(told)

    checks, jobs, watch = build_checks(town.inventory), AsyncIOScheduler(), Watch()
    gc.freeze()  # the plan of the service is there before its collector is spared
    jobs.start()
    async with Scheduler(checks, ask, jobs, spread=60.0) as scheduler:
        helpers = [asyncio.create_task(one) for one in (_second(scheduler, watch), _tick(watch))]
        try:
            yield watch
        finally:
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)
            jobs.shutdown(wait=False)


async def _second(scheduler: Scheduler, watch: Watch) -> None:
    while True:
        await asyncio.sleep(1.0)
        watch.loads.append(scheduler.load)


async def _tick(watch: Watch) -> None:
    while True:
        begun = time.monotonic()
        await asyncio.sleep(TICK)
        watch.over.append(time.monotonic() - begun - TICK)


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
