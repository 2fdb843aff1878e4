"""The dispatcher between a ledger in memory and channels that work, refuse, hang and come back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest

from alerts import notifier
from alerts.dispatch import MAX_IN_HAND, Backoff, Dispatcher
from alerts.notification import Message, Pending
from alerts.notifier import Refused, Settings, TryLater
from inventory.secrets import Secrets
from tests import loopback
from tests.alerts.messages import pending
from tests.patience import eventually

LEASE = timedelta(seconds=0.2)


class Outbox:
    """The ledger's part, with a short lease so that what is in hand is offered again."""

    def __init__(self, *rows: Pending) -> None:
        self.rows = {row.id: row for row in rows}
        self.due: dict[int, datetime] = {}
        self.told: list[int] = []
        self.errors: list[tuple[int, str, bool]] = []
        self.broken = 0

    async def claim(self, now: datetime, limit: int) -> list[Pending]:
        if self.broken:
            self.broken -= 1
            raise OSError("disk full")
        due = [row for row in self.rows.values() if self.due.get(row.id, now) <= now][:limit]
        self.due |= {row.id: now + LEASE for row in due}
        return due

    async def holds(self, id: int) -> bool:
        return id in self.rows

    async def delivered(self, id: int, at: datetime) -> None:
        if self.broken:
            self.broken -= 1
            raise OSError("disk full")
        self.told.append(id)
        del self.rows[id]

    async def failed(self, id: int, at: datetime, error: str, retry_at: datetime | None) -> None:
        self.errors.append((id, error, retry_at is None))
        if retry_at is None:
            del self.rows[id]
        else:
            self.due[id] = retry_at


class Channel(notifier.Notifier[Settings]):
    """Does what `answer` says for each attempt."""

    settings_model: ClassVar[type[Settings]] = Settings

    def __init__(self, answer: Callable[[Message], Exception | float | None], timeout: float = 5.0) -> None:
        super().__init__(Settings(kind="test", timeout=timeout), Secrets(Path()), loopback.POLICY)
        self.answer = answer
        self.got: list[int] = []
        self.busy = 0

    async def send(self, message: Message) -> None:
        assert self.busy == 0, "two messages at a time on one channel"
        self.busy += 1
        try:
            said = self.answer(message)
            if isinstance(said, float):
                await asyncio.sleep(said)
            elif said is not None:
                raise said
            self.got.append(message.incident.id)
        finally:
            self.busy -= 1


@contextlib.asynccontextmanager
async def running(outbox: Outbox, **channels: Channel) -> AsyncIterator[Dispatcher]:
    dispatcher = Dispatcher(
        outbox, channels, lambda: datetime.now(UTC), backoff=Backoff(0.02, 0.1), look_every=0.02, grace=0.5
    )
    task = asyncio.create_task(dispatcher.run())
    try:
        yield dispatcher
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def new(number: int, channel: str = "duty", age: float = 0.0) -> Pending:
    return pending(number, channel, datetime.now(UTC) - timedelta(seconds=age))


async def test_messages_are_told_in_order() -> None:
    outbox, channel = Outbox(*(new(n) for n in range(1, 51))), Channel(lambda _: None)
    async with running(outbox, duty=channel):
        await eventually(lambda: len(outbox.told) == 50)
    assert channel.got == list(range(1, 51)) == outbox.told


async def test_a_new_message_is_told_at_once_when_woken() -> None:
    outbox, channel = Outbox(), Channel(lambda _: None)
    dispatcher = Dispatcher(outbox, {"duty": channel}, lambda: datetime.now(UTC), look_every=60.0)
    task = asyncio.create_task(dispatcher.run())
    await asyncio.sleep(0.05)
    outbox.rows[1] = new(1)
    dispatcher.wake()
    await eventually(lambda: outbox.told == [1])
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_channel_that_comes_back_gets_everything_in_order_and_once() -> None:
    away = [4]

    def answer(message: Message) -> Exception | None:
        away[0] -= 1
        return TryLater("away") if away[0] >= 0 else None

    outbox, channel = Outbox(*(new(n) for n in range(1, 6))), Channel(answer)
    async with running(outbox, duty=channel):
        await eventually(lambda: len(outbox.told) == 5)
        await asyncio.sleep(0.3)
    assert channel.got == [1, 2, 3, 4, 5]
    assert {error for _, error, _ in outbox.errors} == {"away"}


async def test_a_dead_or_slow_channel_does_not_delay_another() -> None:
    rows = [new(n, "dead") for n in range(1, 4)] + [new(n, "slow") for n in range(4, 7)] + [new(9, "good")]
    outbox, good = Outbox(*rows), Channel(lambda _: None)
    dead, slow = Channel(lambda _: TryLater("away", 3600.0)), Channel(lambda _: 60.0)
    async with running(outbox, dead=dead, slow=slow, good=good):
        await eventually(lambda: outbox.told == [9])
    assert dead.got == slow.got == []


async def test_a_refused_message_is_given_up_and_the_next_one_told() -> None:
    outbox = Outbox(new(1), new(2))
    channel = Channel(lambda message: Refused("too long") if message.incident.id == 1 else None)
    async with running(outbox, duty=channel):
        await eventually(lambda: outbox.told == [2])
    assert outbox.errors == [(1, "too long", True)]


async def test_an_attempt_ends_at_its_deadline() -> None:
    outbox, channel = Outbox(new(1)), Channel(lambda _: 60.0, timeout=0.05)
    async with running(outbox, duty=channel):
        await eventually(lambda: len(outbox.errors) >= 2)
    assert outbox.errors[0] == (1, "no answer within 0.05 s", False)


async def test_a_message_is_given_up_after_a_day_and_not_before() -> None:
    outbox = Outbox(new(1, age=86400), new(2, age=86000))
    channel = Channel(lambda _: TryLater("away"))
    async with running(outbox, duty=channel):
        await eventually(lambda: len(outbox.errors) >= 3)
    assert (1, "given up: away", True) in outbox.errors
    assert not any(given_up for number, _, given_up in outbox.errors if number == 2)


async def test_a_fault_of_a_notifier_is_no_reason_to_lose_a_message() -> None:
    faults: list[Exception | None] = [None, KeyError("x")]
    outbox, channel = Outbox(new(1)), Channel(lambda _: faults.pop())
    async with running(outbox, duty=channel):
        await eventually(lambda: outbox.told == [1])
    assert outbox.errors == [(1, "fault of ours: KeyError", False)]


async def test_what_was_told_is_not_told_again_when_the_outbox_cannot_be_written() -> None:
    outbox, channel = Outbox(new(1)), Channel(lambda _: None)
    channel.answer = lambda _: setattr(outbox, "broken", 1)
    async with running(outbox, duty=channel):
        await eventually(lambda: outbox.told == [1])
    assert channel.got == [1]


async def test_an_outbox_that_cannot_be_read_is_read_again_and_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    outbox, channel = Outbox(new(1)), Channel(lambda _: None)
    outbox.broken = 3
    async with running(outbox, duty=channel):
        await eventually(lambda: outbox.told == [1])
    assert [record.levelname for record in caplog.records] == ["ERROR"]


async def test_a_channel_that_was_removed_gives_its_messages_up() -> None:
    outbox = Outbox(new(1, "gone"))
    async with running(outbox):
        await eventually(lambda: not outbox.rows)
    assert outbox.errors == [(1, "the settings have no such channel any more", True)]


async def test_what_waits_for_a_dead_channel_is_bounded_in_memory() -> None:
    outbox = Outbox(*(new(n) for n in range(1, 151)))
    async with running(outbox, duty=Channel(lambda _: TryLater("away"))) as dispatcher:
        await eventually(lambda: sum("waits behind" in error for _, error, _ in outbox.errors) == 50)
        assert dispatcher.waiting == {"duty": MAX_IN_HAND}
    assert len(outbox.rows) == 150


def test_the_pause_doubles_up_to_a_bound_and_respects_the_channel() -> None:
    backoff = Backoff(5.0, 600.0)
    assert 4 <= backoff.seconds(1, None) <= 6
    assert 16 <= backoff.seconds(3, None) <= 24
    assert 480 <= backoff.seconds(50, None) <= 720
    assert backoff.seconds(1, 90.0) == 90.0
    assert backoff.seconds(1, 1e9) == 3600.0


async def test_an_attempt_under_way_ends_and_is_recorded_when_the_service_stops() -> None:
    outbox, channel = Outbox(new(1)), Channel(lambda _: 0.2)
    async with running(outbox, duty=channel):
        await eventually(lambda: channel.busy == 1)
    assert channel.got == outbox.told == [1]


async def test_a_message_a_channel_chokes_on_does_not_block_the_others_for_ever() -> None:
    outbox = Outbox(*(new(n) for n in range(1, 4)))
    channel = Channel(lambda message: TryLater("500") if message.incident.id == 1 else None)
    async with running(outbox, duty=channel):
        await eventually(lambda: outbox.told == [2, 3])
        await eventually(lambda: len(outbox.errors) > 7)
    assert not any(given_up for _, _, given_up in outbox.errors)
