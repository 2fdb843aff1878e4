"""The dispatcher between a ledger in memory and channels that work, refuse, hang and come back."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from msgspec.structs import replace

from alerts.incident import Severity, Step
from alerts.telling import notifier
from alerts.telling.backoff import Backoff
from alerts.telling.digest import digest
from alerts.telling.dispatch import Dispatcher
from alerts.telling.notification import Message, Pending
from alerts.telling.notifier import Limit, Refused, Settings, TryLater
from alerts.telling.pace import Pace
from alerts.telling.queue import MAX_IN_HAND
from inventory.secrets import Secrets
from tests import loopback
from tests.alerts.messages import pending
from tests.patience import eventually

LEASE = timedelta(seconds=0.2)
FIVE = Limit(messages=5, per=60.0)
START = datetime(2026, 11, 23, 1, 12, tzinfo=UTC)


class Outbox:
    """The ledger's part, with a short lease so that what is in hand is offered again."""

    def __init__(self, *rows: Pending) -> None:
        self.rows = {row.id: row for row in rows}
        self.due: dict[int, datetime] = {}
        self.told: list[int] = []
        self.errors: list[tuple[int, str, bool]] = []
        self.broken = 0
        self.receipts: dict[int, str] = {}
        self.merged: dict[int, list[int]] = {}
        self.before: list[datetime] = []

    async def claim(self, now: datetime, limit: int) -> list[Pending]:
        if self.broken:
            self.broken -= 1
            raise OSError("disk full")
        due = [row for row in self.rows.values() if self.due.get(row.id, now) <= now][:limit]
        self.due |= {row.id: now + LEASE for row in due}
        return due

    async def holds(self, id: int) -> bool:
        return id in self.rows

    async def delivered(self, id: int, at: datetime, receipt: str) -> None:
        if self.broken:
            self.broken -= 1
            raise OSError("disk full")
        self.told.append(id)
        self.receipts[id] = receipt
        del self.rows[id]

    async def postponed(self, id: int, until: datetime) -> None:
        self.due[id] = until

    async def merge(self, ids: Sequence[int], digest: Message, at: datetime) -> Pending:
        for id in ids:
            del self.rows[id]
        row = Pending(1000 + ids[0], digest, 0, at)
        self.rows[row.id] = row
        self.due[row.id] = at + LEASE
        self.merged[row.id] = list(ids)
        return row

    async def told_since(self, channel: str, since: datetime) -> list[datetime]:
        return self.before

    async def failed(self, id: int, at: datetime, error: str, retry_at: datetime | None) -> None:
        self.errors.append((id, error, retry_at is None))
        if retry_at is None:
            del self.rows[id]
        else:
            self.due[id] = retry_at


class Channel(notifier.Notifier[Settings]):
    """Does what `answer` says for each attempt."""

    settings_model: ClassVar[type[Settings]] = Settings

    def __init__(
        self,
        answer: Callable[[Message], Exception | float | None],
        timeout: float = 5.0,
        limit: Limit | None = None,
    ) -> None:
        settings = Settings(kind="test", timeout=timeout, limit=limit)
        super().__init__(settings, Secrets(Path()), loopback.POLICY)
        self.answer = answer
        self.got: list[int] = []
        self.titles: list[str] = []
        self.busy = 0

    async def send(self, message: Message) -> str:
        assert self.busy == 0, "two messages at a time on one channel"
        self.busy += 1
        try:
            said = self.answer(message)
            if isinstance(said, float):
                await asyncio.sleep(said)
            elif said is not None:
                raise said
            self.got.append(message.incident.id)
            self.titles.append(message.title)
            return f"chat/{message.incident.id}"
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


async def test_a_message_is_given_up_after_a_day_and_several_tries_and_not_before() -> None:
    outbox = Outbox(new(1, age=86400), new(2, age=86000))
    channel = Channel(lambda _: TryLater("away"))
    async with running(outbox, duty=channel):
        await eventually(lambda: len(outbox.errors) >= 7)
    assert [given_up for number, _, given_up in outbox.errors if number == 1] == [False] * 4 + [True]
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
    outbox = Outbox(*(new(n) for n in range(1, MAX_IN_HAND + 51)))
    async with running(outbox, duty=Channel(lambda _: TryLater("away"))) as dispatcher:
        soon = datetime.now(UTC) + timedelta(minutes=1)
        await eventually(lambda: sum(due > soon for due in outbox.due.values()) == 50)
        assert dispatcher.waiting == {"duty": MAX_IN_HAND}
    assert len(outbox.rows) == MAX_IN_HAND + 50


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


async def test_somebody_who_blocked_the_bot_keeps_nobody_else_waiting() -> None:
    blocked = TryLater("403: the bot was blocked by the user", 600.0)
    channel = Channel(lambda message: blocked if message.to == "an" else None)
    outbox = Outbox(*(to(new(n), "an" if n % 2 else "binh") for n in range(1, 9)))
    async with running(outbox, duty=channel) as dispatcher:
        await eventually(lambda: len(outbox.told) == 4)
        row = to(new(20), "chi")
        outbox.rows[20] = row
        dispatcher.wake()
        await eventually(lambda: len(outbox.told) == 5)
    assert channel.got == [2, 4, 6, 8, 20]
    assert [number for number, _, given_up in outbox.errors] == [1], "An is left alone meanwhile"


async def test_a_channel_that_fails_two_people_is_left_alone_as_a_whole() -> None:
    outbox = Outbox(*(to(new(n), f"person-{n}") for n in range(1, 9)))
    channel = Channel(lambda _: TryLater("away", 600.0))
    async with running(outbox, duty=channel):
        await eventually(lambda: len(outbox.errors) == 2)
        await asyncio.sleep(0.2)
    assert len(outbox.errors) == 2


def to(row: Pending, whom: str) -> Pending:
    return replace(row, message=replace(row.message, to=whom))


async def test_a_flood_is_told_in_as_many_messages_as_the_limit_says_and_nothing_is_lost() -> None:
    outbox, channel = Outbox(*(new(n) for n in range(1, 70))), Channel(lambda _: None, limit=FIVE)
    async with running(outbox, duty=channel) as dispatcher:
        await eventually(lambda: not outbox.rows)
        assert dispatcher.channels["duty"].told == 5
    assert channel.got == [1, 2, 3, 4, 5]
    assert outbox.told == [1, 2, 3, 4, 1005] and outbox.merged == {1005: list(range(5, 70))}
    assert channel.titles[-1].startswith("[TỔNG HỢP] Còn 65 sự cố nữa (65 nghiêm trọng), nặng nhất: ")
    assert outbox.receipts[1] == "chat/1"


async def test_a_digest_that_fails_is_repeated_as_it_was_though_more_waits_by_then() -> None:
    fails = [2]

    def answer(message: Message) -> Exception | None:
        if "TỔNG HỢP" in message.title and fails[0]:
            fails[0] -= 1
            row = new(500 + fails[0])
            outbox.rows[row.id] = row
            return TryLater("away")
        return None

    limit = Limit(messages=5, per=2.0)
    outbox, channel = Outbox(*(new(n) for n in range(1, 21))), Channel(answer, limit=limit)
    async with running(outbox, duty=channel):
        await eventually(lambda: not outbox.rows)
    assert outbox.merged == {1005: list(range(5, 21))}
    assert outbox.told[:5] == [1, 2, 3, 4, 1005] and sorted(outbox.told[5:]) == [500, 501]


async def test_what_was_told_before_a_restart_counts_for_the_limit() -> None:
    outbox, channel = Outbox(*(new(n) for n in range(1, 4))), Channel(lambda _: None, limit=FIVE)
    outbox.before = [datetime.now(UTC) - timedelta(seconds=1)] * 4
    async with running(outbox, duty=channel):
        await eventually(lambda: not outbox.rows)
    assert outbox.told == [1001]


async def test_what_waits_long_for_its_turn_waits_in_the_outbox() -> None:
    outbox = Outbox(new(1))
    channel = Channel(lambda _: None, limit=Limit(messages=1, per=3600.0))
    outbox.before = [datetime.now(UTC)]
    async with running(outbox, duty=channel) as dispatcher:
        await eventually(lambda: outbox.due.get(1, START) > datetime.now(UTC) + timedelta(minutes=50))
        assert dispatcher.waiting == {"duty": 0} and not outbox.errors


async def test_everybody_gets_what_waits_for_him_and_nothing_else() -> None:
    rows = [new(n) for n in range(1, 11)]
    for row in [new(n) for n in range(11, 21)]:
        rows.append(replace(row, message=replace(row.message, to="0912")))
    outbox, channel = Outbox(*rows), Channel(lambda _: None, limit=FIVE)
    async with running(outbox, duty=channel):
        await eventually(lambda: not outbox.rows)
    assert outbox.merged == {1004: list(range(4, 11)), 1011: list(range(11, 21))}


def test_a_digest_tells_the_worst_first_and_what_is_over_last() -> None:
    mild = replace(new(1).message.incident, severity=Severity.WARNING)
    rows = [
        replace(new(1), message=replace(new(1).message, incident=mild)),
        replace(new(2), message=replace(new(2).message, step=Step.RESOLVED, title="[ĐÃ KHẮC PHỤC] B: xong")),
        replace(
            new(3), message=replace(new(3).message, title="C\n[x](http://evil)", link="http://m/incidents/3")
        ),
    ]
    told = digest(rows, "vi")
    assert told.title.startswith(
        "[TỔNG HỢP] Còn 3 sự cố nữa (1 nghiêm trọng, 1 cảnh báo, 1 đã khắc phục), nặng nhất: C"
    )
    assert told.text.splitlines() == [
        "Tất cả: http://m/incidents",
        "• 08:12 C [x](http://evil)",
        "• 08:12 [SỰ CỐ] Xã Thạch Hà: mất kết nối",
        "• 08:12 [ĐÃ KHẮC PHỤC] B: xong",
    ]
    assert digest(rows, "en").title.startswith(
        "[DIGEST] 3 more incidents (1 critical, 1 warning, 1 resolved)"
    )
    assert digest(rows, "vi").key == digest(rows[::-1], "vi").key != digest(rows[:2], "vi").key


@pytest.mark.parametrize(("room", "alone"), [(4000, 20), (2000, 4), (20_000, 100)])
def test_no_critical_incident_hides_in_a_digest_however_long_it_is(room: int, alone: int) -> None:
    rows = [
        placed(number, Severity.CRITICAL if number <= 69 else Severity.WARNING) for number in range(1, 301)
    ]
    told = digest(rows, "vi", room)
    assert len(told.title) + 1 + len(told.text) <= room
    assert [n for n in range(1, 70) if not re.search(rf"\bX{n}\b", told.text)] == []
    assert "69 nghiêm trọng, 231 cảnh báo" in told.title
    lines = [line for line in told.text.splitlines() if line.startswith("•")]
    assert len(lines) >= alone
    assert any(line.startswith("… và ") for line in told.text.splitlines())


def placed(number: int, severity: Severity) -> Pending:
    """A message about another commune each."""
    one = new(number)
    incident = replace(one.message.incident, severity=severity)
    title = f"[SỰ CỐ NGHIÊM TRỌNG] X{number}: router xã (192.0.2.1) mất kết nối"
    return replace(one, message=replace(one.message, incident=incident, place=f"X{number}", title=title))


def test_a_pace_counts_a_window_and_forgives_a_clock_that_was_set_back() -> None:
    pace = Pace(Limit(messages=2, per=60.0))
    assert (pace.free(START), pace.wait(START)) == (2, 0)
    pace.note(START)
    pace.note(START + timedelta(seconds=10))
    assert pace.wait(START + timedelta(seconds=20)) == 40
    assert pace.free(START + timedelta(seconds=61)) == 1
    pace.note(START + timedelta(days=1))
    assert pace.free(START) == 2


async def test_a_channel_that_fails_for_some_time_is_said_to_until_it_works_again() -> None:
    away = [True]
    outbox, channel = Outbox(new(1)), Channel(lambda _: TryLater("busy") if away[0] else None)
    async with running(outbox, duty=channel) as dispatcher:
        await eventually(lambda: dispatcher.failing)
        assert dispatcher.failing == {"duty": "busy"} and len(outbox.errors) >= 5
        away[0] = False
        await eventually(lambda: outbox.told == [1])
        assert dispatcher.failing == {}
