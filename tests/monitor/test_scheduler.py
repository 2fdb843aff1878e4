"""Releasing checks in time: spread, never overlapping, never too many on one device."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from monitor import scheduler
from monitor.scheduler import Run
from probes.core.probe import Check, Params, Target
from tests.patience import eventually


@asynccontextmanager
async def scheduling(checks: Iterable[Check], run: Run, **limits: Any) -> AsyncIterator[scheduler.Scheduler]:
    """A scheduler with jobs of its own."""
    jobs = AsyncIOScheduler()
    jobs.start()
    async with scheduler.Scheduler(checks, run, jobs, **limits) as running:
        yield running
    jobs.shutdown(wait=False)


def check(device: str, name: str = "icmp", interval: float = 1.0) -> Check:
    return Check(name, "icmp", Target(device, "127.0.0.1"), Params(), interval, 1.0)


async def test_every_check_is_asked_within_its_first_interval_and_again_in_its_rhythm() -> None:
    loop = asyncio.get_running_loop()
    asked: dict[str, list[float]] = {}

    async def run(one: Check) -> None:
        asked.setdefault(one.id, []).append(loop.time())

    began = loop.time()
    async with scheduling([check(f"site/{n}") for n in range(50)], run):
        await asyncio.sleep(3.3)
    assert len(asked) == 50
    for times in asked.values():
        assert times[0] - began < 1.5
        assert all(later - earlier == pytest.approx(1.0, abs=0.4) for earlier, later in pairwise(times))
        assert len(times) >= 3


async def test_checks_are_spread_over_the_interval_and_not_asked_all_at_once() -> None:
    loop = asyncio.get_running_loop()
    moments: Counter[int] = Counter()

    async def run(one: Check) -> None:
        moments[int((loop.time() - began) * 10)] += 1

    began = loop.time()
    async with scheduling([check(f"site/{n}") for n in range(200)], run):
        await asyncio.sleep(1.5)
    assert max(moments.values()) < 80


async def test_a_check_that_still_runs_is_skipped_and_counted_not_asked_twice() -> None:
    at_once = most = 0

    async def run(one: Check) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(2.5)
        at_once -= 1

    async with scheduling([check("site/slow")], run) as running:
        await asyncio.sleep(3.2)
        assert most == 1
        assert running.load.skipped >= 1


async def test_a_device_is_never_asked_by_more_than_two_checks_at_a_time() -> None:
    at_once = most = done = 0

    async def run(one: Check) -> None:
        nonlocal at_once, most, done
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.15)
        at_once -= 1
        done += 1

    async with scheduling([check("site/one", f"check-{n}", 60.0) for n in range(8)], run, spread=0.1):
        await asyncio.sleep(1.8)
    assert most == 2
    assert done == 8


async def test_a_check_asked_for_soon_runs_before_its_time_and_keeps_its_rhythm_afterwards() -> None:
    asked: list[str] = []

    async def run(one: Check) -> None:
        asked.append(one.id)

    async with scheduling([check("site/one", interval=3600.0)], run, spread=0.0) as running:
        await asyncio.sleep(0.2)
        assert len(asked) == 1
        running.soon("site/one:icmp", 0.1)
        running.soon("site/one:icmp", 0.1)
        await asyncio.sleep(1.5)
        assert len(asked) == 2
        running.soon("site/unknown:icmp", 0.1)


async def test_leaving_lets_a_running_check_end() -> None:
    ended = False

    async def run(one: Check) -> None:
        nonlocal ended
        await asyncio.sleep(0.4)
        ended = True

    async with scheduling([check("site/one")], run, spread=0.0):
        await asyncio.sleep(0.2)
    assert ended


async def test_leaving_cancels_a_check_that_outlives_the_grace() -> None:
    cancelled = False

    async def run(one: Check) -> None:
        nonlocal cancelled
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled = True
            raise

    async with scheduling([check("site/one")], run, spread=0.0, grace=0.2):
        await asyncio.sleep(0.2)
    assert cancelled


async def test_a_failing_run_neither_stops_the_scheduler_nor_blocks_the_check() -> None:
    runs = 0

    async def run(one: Check) -> None:
        nonlocal runs
        runs += 1
        raise ValueError("a bug downstream")

    async with scheduling([check("site/one")], run):
        await asyncio.sleep(2.6)
    assert runs >= 2


async def test_a_tick_runs_on_the_event_loop_and_not_in_a_thread_beside_it() -> None:
    jobs = AsyncIOScheduler()
    jobs.start()

    async def run(one: Check) -> None: ...

    async with scheduler.Scheduler([check("site/a")], run, jobs):
        (job,) = jobs.get_jobs()
        assert asyncio.iscoroutinefunction(job.func)
    jobs.shutdown(wait=False)


async def test_ticks_need_no_thread_and_leaving_while_all_are_busy_logs_no_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def run(one: Check) -> None: ...

    release = threading.Event()
    with ThreadPoolExecutor(1) as only:
        asyncio.get_running_loop().set_default_executor(only)
        busy = asyncio.get_running_loop().run_in_executor(None, release.wait)
        async with scheduling([check("site/a")], run):
            await asyncio.sleep(1.1)
        await asyncio.sleep(0.05)
        release.set()
        await busy
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_a_new_check_is_asked_at_once_and_a_removed_one_no_more() -> None:
    loop = asyncio.get_running_loop()
    asked: list[tuple[str, float]] = []

    async def run(one: Check) -> None:
        asked.append((one.id, loop.time()))

    async with scheduling(
        [check("site/old", interval=1.0), check("site/kept", interval=1.0)], run
    ) as running:
        await asyncio.sleep(1.2)
        changed = loop.time()
        running.replace(["site/old:icmp"], [check("site/new", interval=600.0)])
        await asyncio.sleep(1.5)
    late = [name for name, at in asked if at > changed]
    assert "site/old:icmp" not in late
    assert late.count("site/new:icmp") == 1
    assert late.count("site/kept:icmp") >= 1


async def test_what_is_under_way_for_a_changed_check_is_cancelled_and_asked_anew() -> None:
    asked: list[float] = []
    cancelled = asyncio.Event()

    async def run(one: Check) -> None:
        asked.append(one.interval)
        if one.interval == 1.0:
            try:
                await asyncio.sleep(60)
            finally:
                cancelled.set()

    async with scheduling([check("site/a", interval=1.0)], run) as running:
        await eventually(lambda: asked)
        running.replace([], [check("site/a", interval=2.0)])
        await eventually(cancelled.is_set)
        await eventually(lambda: asked[-1] == 2.0)
        assert running.load.checks == 1
