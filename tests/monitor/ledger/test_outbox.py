"""Messages: told at least once, in order for each incident and channel, stored once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest_asyncio
from msgspec.structs import replace

from alerts.incident import Incident, Step, Transition
from alerts.telling.notification import Message
from monitor.ledger import Delivery, DeliveryState, Ledger
from tests.alerts.tellers import Composed
from tests.monitor.ledger.steps import OTHER, T0, message, step, to_one, to_two

LEASE = timedelta(minutes=2)
MINUTE = timedelta(minutes=1)


@pytest_asyncio.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    async with Ledger(tmp_path / "ledger.sqlite", lease=LEASE) as opened:
        yield opened


async def test_a_message_is_claimed_once_until_its_lease_ends(ledger: Ledger) -> None:
    (incident,) = await ledger.incidents.record([step(Step.OPENED)], to_one)
    (claimed,) = await ledger.outbox.claim(T0, 10)
    assert claimed.message == message(incident, step(Step.OPENED))
    assert (claimed.tries, abs(claimed.created_at - T0) < timedelta(milliseconds=1)) == (0, True)
    assert await ledger.outbox.claim(T0 + MINUTE, 10) == []
    assert [again.id for again in await ledger.outbox.claim(T0 + LEASE, 10)] == [claimed.id]


async def test_a_crash_after_the_claim_repeats_only_what_was_not_marked(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    async with Ledger(path, lease=LEASE) as before:
        await before.incidents.record([step(Step.OPENED), step(Step.OPENED, OTHER)], to_one)
        first, second = await before.outbox.claim(T0, 10)
        await before.outbox.delivered(first.id, T0)
    async with Ledger(path, lease=LEASE) as after:
        assert await after.outbox.claim(T0 + MINUTE, 10) == []
        assert [pending.id for pending in await after.outbox.claim(T0 + LEASE, 10)] == [second.id]


async def test_a_delivered_message_never_comes_again_and_is_in_the_log(ledger: Ledger) -> None:
    await ledger.incidents.record([step(Step.OPENED)], to_one)
    (claimed,) = await ledger.outbox.claim(T0, 10)
    await ledger.outbox.delivered(claimed.id, T0 + MINUTE)
    assert await ledger.outbox.claim(T0 + timedelta(days=1), 10) == []
    (line,) = await ledger.deliveries.of(1)
    assert (line.state, line.channel, line.tries, line.next_at) == (
        DeliveryState.DELIVERED,
        "telegram",
        0,
        None,
    )
    assert line.done_at is not None


async def test_a_failed_message_comes_again_when_it_said_and_not_before(ledger: Ledger) -> None:
    await ledger.incidents.record([step(Step.OPENED)], to_one)
    (claimed,) = await ledger.outbox.claim(T0, 10)
    await ledger.outbox.failed(claimed.id, T0, "429 Too Many\nRequests", T0 + 3 * MINUTE)
    assert await ledger.outbox.claim(T0 + 2 * MINUTE, 10) == []
    (again,) = await ledger.outbox.claim(T0 + 3 * MINUTE, 10)
    assert again.tries == 1
    (line,) = await ledger.deliveries.of(1)
    assert (line.state, line.error) == (DeliveryState.WAITING, "429 Too Many Requests")


async def test_what_is_given_up_is_kept_and_no_longer_stands_in_the_way(ledger: Ledger) -> None:
    await ledger.incidents.record([step(Step.OPENED), step(Step.RESOLVED, minutes=1)], to_one)
    (first,) = await ledger.outbox.claim(T0 + MINUTE, 10)
    await ledger.outbox.failed(first.id, T0 + MINUTE, "chat not found", None)
    second = await ledger.outbox.claim(T0 + 5 * MINUTE, 10)
    assert [pending.message.step for pending in second] == [Step.RESOLVED]
    assert (await ledger.deliveries.of(1))[0].state is DeliveryState.GIVEN_UP


async def test_resolved_never_overtakes_opened_on_a_channel_and_other_incidents_pass(ledger: Ledger) -> None:
    await ledger.incidents.record([step(Step.OPENED)], to_two)
    telegram, email = await ledger.outbox.claim(T0, 10)
    await ledger.outbox.delivered(email.id, T0)
    await ledger.outbox.failed(telegram.id, T0, "down", T0 + 10 * MINUTE)
    await ledger.incidents.record(
        [step(Step.RESOLVED, minutes=1), step(Step.OPENED, OTHER, minutes=1)], to_two
    )
    due = await ledger.outbox.claim(T0 + MINUTE, 10)
    assert [(one.message.channel, one.message.step, one.message.incident.id) for one in due] == [
        ("email", Step.RESOLVED, 1),
        ("telegram", Step.OPENED, 2),
        ("email", Step.OPENED, 2),
    ]
    for one in due:
        await ledger.outbox.delivered(one.id, T0 + MINUTE)
    (opened,) = await ledger.outbox.claim(T0 + 10 * MINUTE, 10)
    assert (opened.message.channel, opened.message.step) == ("telegram", Step.OPENED)
    await ledger.outbox.delivered(opened.id, T0 + 10 * MINUTE)
    (resolved,) = await ledger.outbox.claim(T0 + 10 * MINUTE, 10)
    assert (resolved.message.channel, resolved.message.step) == ("telegram", Step.RESOLVED)


async def test_a_claim_is_limited_and_goes_on_where_it_stopped(ledger: Ledger) -> None:
    await ledger.incidents.record([step(Step.OPENED), step(Step.OPENED, OTHER)], to_two)
    first = await ledger.outbox.claim(T0, 3)
    second = await ledger.outbox.claim(T0, 3)
    assert [pending.id for pending in first + second] == [1, 2, 3, 4]


async def test_the_same_message_is_stored_once(ledger: Ledger) -> None:
    await ledger.incidents.record(
        [step(Step.OPENED)], Composed(lambda incident, done: [message(incident, done)] * 2)
    )
    assert len(await ledger.outbox.claim(T0, 10)) == 1


async def test_a_later_message_knows_what_the_channel_calls_the_first_to_the_same_people(
    ledger: Ledger,
) -> None:
    def to_both(incident: Incident, done: Transition) -> list[Message]:
        one = message(incident, done)
        return [one, replace(one, to="84912", key=one.key + "/84912")]

    await ledger.incidents.record([step(Step.OPENED)], Composed(to_both))
    for claimed, receipt in zip(await ledger.outbox.claim(T0, 10), ("-100/7", "84912/8"), strict=True):
        assert claimed.message.thread == ""
        await ledger.outbox.delivered(claimed.id, T0, receipt)
    await ledger.incidents.record([step(Step.RESOLVED, minutes=1)], Composed(to_both))
    again = await ledger.outbox.claim(T0 + MINUTE, 10)
    assert [one.message.thread for one in again] == ["-100/7", "84912/8"]


async def test_a_digest_settles_what_it_tells_and_holds_back_what_comes_after(ledger: Ledger) -> None:
    await ledger.incidents.record([step(Step.OPENED), step(Step.OPENED, OTHER)], to_one)
    first, second = await ledger.outbox.claim(T0, 10)
    together = replace(first.message, key="digest:1", title="2 more")
    merged = await ledger.outbox.merge([first.id, second.id], together, T0)
    await ledger.incidents.record([step(Step.RESOLVED, OTHER, minutes=1)], to_one)
    assert await ledger.outbox.claim(T0 + MINUTE, 10) == [], "leased, and resolved waits for the digest"
    (again,) = await ledger.outbox.claim(T0 + LEASE, 10)
    assert (again.id, again.message) == (merged.id, together), "the digest alone survives a crash"
    await ledger.outbox.failed(merged.id, T0, "away", T0 + LEASE)
    line, *_ = await ledger.deliveries.of(2)
    assert (line.digest, line.error) == (merged.id, "away")
    await ledger.outbox.delivered(merged.id, T0 + LEASE, "-100/9")
    lines: list[Delivery] = [*await ledger.deliveries.of(1), *await ledger.deliveries.of(2)]
    assert [(line.id, line.digest, line.state) for line in lines] == [
        (1, merged.id, "delivered"),
        (merged.id, merged.id, "delivered"),
        (2, merged.id, "delivered"),
        (4, None, "waiting"),
    ]
    (resolved,) = await ledger.outbox.claim(T0 + LEASE, 10)
    said = resolved.message
    assert (said.step, said.thread, said.shared) == (Step.RESOLVED, "-100/9", True), "it answers the digest"
    assert len(await ledger.outbox.told_since("telegram", T0)) == 1
    assert await ledger.outbox.told_since("telegram", T0 + 2 * LEASE) == []


async def test_the_ledger_knows_since_when_a_channel_works_or_fails_and_what_waits(ledger: Ledger) -> None:
    assert await ledger.channels.health() == []
    await ledger.incidents.record([step(Step.OPENED), step(Step.OPENED, OTHER)], to_one)
    first, second = await ledger.outbox.claim(T0, 10)
    (health,) = await ledger.channels.health()
    assert (health.channel, health.works, health.waiting) == ("telegram", None, 2)
    await ledger.outbox.failed(first.id, T0, "away", T0 + MINUTE)
    await ledger.outbox.failed(second.id, T0 + MINUTE, "still away", T0 + 2 * MINUTE)
    (health,) = await ledger.channels.health()
    assert (health.works, health.since and near(health.since), health.error) == (
        False,
        near(T0),
        "still away",
    )
    await ledger.outbox.delivered(first.id, T0 + 2 * MINUTE)
    await ledger.outbox.delivered(second.id, T0 + 3 * MINUTE)
    (health,) = await ledger.channels.health()
    assert (health.works, health.since and near(health.since), health.waiting) == (
        True,
        near(T0 + 2 * MINUTE),
        0,
    )
    assert health.delivered_at and near(health.delivered_at) == near(T0 + 3 * MINUTE)


async def test_a_postponed_message_is_no_failure(ledger: Ledger) -> None:
    await ledger.incidents.record([step(Step.OPENED)], to_one)
    (claimed,) = await ledger.outbox.claim(T0, 10)
    await ledger.outbox.postponed(claimed.id, T0 + MINUTE)
    assert await ledger.outbox.claim(T0, 10) == []
    (again,) = await ledger.outbox.claim(T0 + MINUTE, 10)
    assert again.tries == 0
    assert (await ledger.channels.health())[0].works is None


async def test_the_log_of_all_deliveries_is_read_newest_first_and_by_channel(ledger: Ledger) -> None:
    await ledger.incidents.record([step(Step.OPENED), step(Step.OPENED, OTHER)], to_two)
    for claimed in await ledger.outbox.claim(T0, 3):
        await ledger.outbox.delivered(claimed.id, T0)
    assert [line.id for line in await ledger.deliveries.latest(limit=3)] == [4, 3, 2]
    assert [line.id for line in await ledger.deliveries.latest(before_id=3, channel="email")] == [2]
    assert [line.id for line in await ledger.deliveries.latest(state=DeliveryState.WAITING)] == [4]


def near(moment: datetime) -> datetime:
    """The ledger keeps milliseconds."""
    return moment.replace(microsecond=moment.microsecond // 1000)
