"""Parts of the service: they run while the context is open, and an early end is said."""

from __future__ import annotations

import asyncio

import pytest

from monitor.part import Part
from probes.core.words import say
from tests.patience import eventually


async def test_a_part_that_fails_says_so_in_the_log_and_in_its_problem(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def work() -> None:
        raise RuntimeError("a bug")

    async with Part("the look for silence", work) as part:
        await eventually(lambda: part.problem)
        assert "the look for silence has ended" in say(part.problem, "en")
    (record,) = caplog.records
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], RuntimeError)


async def test_a_part_that_merely_returns_is_a_problem_too() -> None:
    async def work() -> None:
        return

    async with Part("the writer", work) as part:
        await eventually(lambda: part.problem)


async def test_stopping_a_part_cancels_it_and_is_no_problem(caplog: pytest.LogCaptureFixture) -> None:
    ended = False

    async def work() -> None:
        nonlocal ended
        try:
            await asyncio.Event().wait()
        finally:
            ended = True

    async with Part("the writer", work) as part:
        await asyncio.sleep(0)
    assert ended
    assert part.problem == ""
    assert not caplog.records
