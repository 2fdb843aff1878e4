"""One thread for blocking work: in order, and whatever has begun is finished."""

from __future__ import annotations

import asyncio
import threading

import pytest

from monitor.thread import Thread


async def test_work_is_done_in_the_order_it_was_asked_for() -> None:
    done: list[int] = []
    thread = Thread("test")
    await asyncio.gather(*(thread.run(lambda n=n: done.append(n)) for n in range(20)))  # type: ignore[misc]
    thread.close()
    assert done == list(range(20))


async def test_a_cancelled_caller_waits_for_what_has_begun() -> None:
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        go_on.wait(5)
        ended.set()

    thread = Thread("test")
    task = asyncio.create_task(thread.run(work))
    await asyncio.to_thread(begun.wait, 5)
    task.cancel()
    await asyncio.sleep(0.02)
    assert not task.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
    thread.close()


async def test_what_work_raises_reaches_the_caller() -> None:
    thread = Thread("test")
    with pytest.raises(ZeroDivisionError):
        await thread.run(lambda: 1 // 0)
    thread.close()
