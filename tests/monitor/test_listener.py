"""People answer on Telegram and Zalo and so take incidents on: over real servers and a real ledger, never twice."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from alerts.incident import Incident, Status, Step
from alerts.telling.backoff import Backoff
from alerts.telling.replies import pressed, wish
from monitor.ledger import Ledger
from monitor.listener import Listener, first_problem, listeners
from tests.alerts.notifiers.cases import CANARY, build
from tests.alerts.tellers import Composed
from tests.monitor.ledger.steps import OTHER, T0, message, step
from tests.patience import eventually
from tests.servers.telegram import Bot, telegram
from tests.servers.zalo import zalo_bot

CODE = "0123456789abcdef"
coded = Composed(lambda incident, done: [replace(message(incident, done), code=CODE[:15] + str(incident.id))])


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    (tmp_path / "canary").write_text(CANARY)
    return tmp_path


@pytest_asyncio.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    """Two incidents that the channel "telegram" was told of; the first one's message is called -100/1."""
    async with Ledger(tmp_path / "ledger.sqlite") as opened:
        await opened.incidents.record([step(Step.OPENED), step(Step.OPENED, OTHER)], coded)
        for pending in await opened.outbox.claim(T0, 10):
            await opened.outbox.delivered(pending.id, T0, f"-100/{pending.id}")
        yield opened


class Desk:
    """Takes incidents on in the ledger, and remembers who and how often."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.taken: list[tuple[int, str, str]] = []
        self.faster: str | None = None
        """Who presses in the same instant, and is first."""

    async def take_on(self, numbers: Sequence[int], who: str, note: str = "") -> list[Incident]:
        if self.faster is not None:
            await self._ledger.incidents.take_on(numbers, self.faster, "", datetime.now(UTC), coded)
        taken = await self._ledger.incidents.take_on(numbers, who, note, datetime.now(UTC), coded)
        self.taken += [(one.id, who, note) for one in taken]
        return taken


def nobody(channel: str, address: str) -> str | None:
    return None


def an(channel: str, address: str) -> str | None:
    return "Lê An" if (channel, address) == ("telegram", "42") else None


@contextlib.asynccontextmanager
async def listening(
    ledger: Ledger,
    secrets: Path,
    kind: str,
    settings: dict[str, Any],
    person_of: Callable[[str, str], str | None] = nobody,
) -> AsyncIterator[tuple[Desk, Listener]]:
    desk = Desk(ledger)
    async with build(kind, secrets, token={"file": "canary"}, replies=True, **settings) as bot:
        (listener,) = listeners({"telegram": bot}, ledger, desk.take_on, person_of, lambda: T0).values()
        listener._backoff = Backoff(0.05, 0.1)
        task = asyncio.create_task(listener.run())
        try:
            yield desk, listener
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def on(bot: Bot, **more: Any) -> dict[str, Any]:
    return {"chat_id": "-100", "api": bot.url, **more}


async def test_a_reply_a_button_and_a_number_take_incidents_on_once(ledger: Ledger, secrets: Path) -> None:
    async with telegram(CANARY) as bot, listening(ledger, secrets, "telegram", on(bot)) as (desk, _):
        bot.say("Nhận, đang đến", to=1)
        await eventually(lambda: len(bot.texts) == 1)
        assert desk.taken == [(1, "Nguyễn An (Telegram 7)", "Nhận, đang đến")]
        assert bot.texts[0] == "Nguyễn An (Telegram 7) đã nhận sự cố #1: Không có trả lời từ router"
        bot.say("nhan 1", user=8)
        await eventually(lambda: len(bot.texts) == 2)
        assert "đã có người nhận: Nguyễn An (Telegram 7)" in bot.texts[1]
        bot.press(f"take:{CODE[:15]}2")
        await eventually(lambda: len(bot.texts) == 3)
        assert desk.taken[1:] == [(2, "Nguyễn An (Telegram 7)", "")] and len(bot.answered) == 1
        bot.press(f"take:{CODE[:15]}2", user=9)
        await eventually(lambda: len(bot.texts) == 4)
        assert "đã có người nhận" in bot.texts[3] and len(desk.taken) == 2
    assert {one.status for one in await ledger.incidents.all_open()} == {Status.ACKNOWLEDGED}


async def test_of_two_in_the_same_instant_the_second_is_told_who_has_it(
    ledger: Ledger, secrets: Path
) -> None:
    async with telegram(CANARY) as bot, listening(ledger, secrets, "telegram", on(bot)) as (desk, _):
        desk.faster = "Lê An"
        bot.press(f"take:{CODE[:15]}2")
        await eventually(lambda: len(bot.texts) == 1)
        assert "đã có người nhận: Lê An" in bot.texts[0] and desk.taken == []
    incident = await ledger.incidents.by_id(2)
    assert incident is not None and incident.acknowledged_by == "Lê An"


async def test_what_was_heard_before_a_restart_is_not_acted_on_again(ledger: Ledger, secrets: Path) -> None:
    async with telegram(CANARY) as bot:
        async with listening(ledger, secrets, "telegram", on(bot)) as (desk, _):
            bot.say("nhan 1")
            await eventually(lambda: len(desk.taken) == 1)
            again = list(bot.updates)
            await eventually(lambda: not bot.updates)
        bot.updates = again  # the confirmation was lost on its way
        bot.say("nhan 2")
        bot.offsets.clear()
        async with listening(ledger, secrets, "telegram", on(bot)) as (desk, _):
            await eventually(lambda: desk.taken)
            await asyncio.sleep(0.2)
            assert [number for number, _, _ in desk.taken] == [2]
        assert bot.offsets[0] is None and len(bot.offsets) > 1


async def test_strangers_are_not_answered_and_change_nothing(ledger: Ledger, secrets: Path) -> None:
    async with (
        telegram(CANARY) as bot,
        listening(ledger, secrets, "telegram", on(bot, replies_from=["7"])) as (desk, listener),
    ):
        bot.say("nhan 1", user=666)
        bot.say("nhan 1", user=666, chat=666)
        bot.press(f"take:{CODE[:15]}1", user=666)
        bot.say("nhan 2", user=7)
        await eventually(lambda: bot.texts)
        assert [number for number, _, _ in desk.taken] == [2]
        assert listener.ignored == 3 and len(bot.texts) == 1
    async with (
        telegram(CANARY) as bot,
        listening(ledger, secrets, "telegram", on(bot)) as (desk, listener),
    ):
        bot.first = 9000
        bot.say("nhan 1", chat=-666)
        await eventually(lambda: listener.ignored == 1)
        assert not desk.taken and not bot.texts


async def test_a_person_on_duty_may_from_his_own_chat_and_is_named_as_in_the_rota(
    ledger: Ledger, secrets: Path
) -> None:
    async with telegram(CANARY) as bot, listening(ledger, secrets, "telegram", on(bot), an) as (desk, _):
        bot.chats = frozenset({"42"})
        bot.say("ack 1", user=42, chat=42)
        await eventually(lambda: bot.texts)
        assert desk.taken == [(1, "Lê An", "ack 1")]
        bot.say("có gì thế?", user=42, chat=42)
        await eventually(lambda: len(bot.texts) == 2)
        assert "trả lời “nhan” vào tin báo" in bot.texts[1]


async def test_an_incident_that_the_channel_was_not_told_of_is_not_there_for_it(
    ledger: Ledger, secrets: Path
) -> None:
    elsewhere = Composed(lambda incident, done: [message(incident, done, "email")])
    key = replace(OTHER, subject="/other")
    await ledger.incidents.record([step(Step.OPENED, key)], elsewhere)
    async with telegram(CANARY) as bot, listening(ledger, secrets, "telegram", on(bot)) as (desk, _):
        bot.say("nhan 3")
        bot.say("nhan 99999999999999")
        bot.press("take:" + "x" * 16)
        bot.press("nonsense")
        await eventually(lambda: len(bot.texts) == 4)
    assert bot.texts[:2] == ["Không có sự cố #3 đang mở.", "Không có sự cố #99999999999999 đang mở."]
    assert bot.texts[2] == bot.texts[3] == "Nút này đã được dùng hoặc không còn hiệu lực."
    assert desk.taken == []


async def test_chatter_in_a_group_is_left_alone(ledger: Ledger, secrets: Path) -> None:
    async with telegram(CANARY) as bot, listening(ledger, secrets, "telegram", on(bot)) as (desk, _):
        bot.say("ok mai họp nhé")
        bot.say("nhận chưa?", to=1)
        bot.say("ok", to=77)
        await eventually(lambda: len(bot.texts) == 2)
        await asyncio.sleep(0.1)
        assert desk.taken == [] and len(bot.texts) == 2
        assert all("Để nhận việc" in text for text in bot.texts)


async def test_senseless_updates_pass_by(ledger: Ledger, secrets: Path) -> None:
    async with telegram(CANARY) as bot, listening(ledger, secrets, "telegram", on(bot)) as (desk, listener):
        bot.updates = [
            {"update_id": 1},
            {"update_id": 2, "message": {"text": ["x"]}},
            {"update_id": 3, "message": {"chat": {"id": -100}, "from": {"id": 7}, "photo": [{}] * 50}},
            {"update_id": 4, "callback_query": {"id": "1", "from": {"id": 7}}},
            {"update_id": 5, "edited_channel_post": {"a" * 5000: 1}},
        ]
        bot.say("nhan 1 " + "x" * 4000)
        await eventually(lambda: desk.taken)
        assert desk.taken[0][0] == 1 and len(desk.taken[0][2]) <= 300 and desk.taken[0][2].isprintable()
        assert listener.problem == ""


async def test_a_channel_that_cannot_be_heard_says_so_and_is_heard_again(
    ledger: Ledger, secrets: Path
) -> None:
    async with (
        telegram("another") as bot,
        listening(ledger, secrets, "telegram", on(bot)) as (_, listener),
    ):
        await eventually(lambda: listener.problem)
        assert "does not know the bot" in first_problem({"truc": listener})
        assert CANARY not in listener.problem
        bot.token = CANARY


async def test_on_zalo_a_number_takes_an_incident_on_and_a_repeated_message_does_not_count_twice(
    ledger: Ledger, secrets: Path
) -> None:
    async with zalo_bot(CANARY) as bot:
        settings = {"chat_id": "6ede9afa66b88fe6d6a9", "api": bot.url}
        async with listening(ledger, secrets, "zalo_bot", settings) as (desk, listener):
            bot.say("Nhận 1", id="m-1")
            bot.say("Nhận 1", id="m-1")
            bot.say("nhan 2", chat="somebody-else")
            bot.said.append({"event_name": "message.image.received", "message": {"photo": "x"}})
            bot.say("xin chào", chat="6ede9afa66b88fe6d6a9", user="6ede9afa66b88fe6d6a9")
            await eventually(lambda: len(bot.texts) == 2)
            assert desk.taken == [(1, "Trần Bình (Zalo user-1)", "Nhận 1")]
            assert listener.ignored == 1 and "nhan 123" in bot.texts[1]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("nhan 123", (True, 123)),
        ("Nhận", (True, None)),
        ("ĐÃ NHẬN #12!", (True, 12)),
        ("/ack 5", (True, 5)),
        ("ok", (True, None)),
        ("đang xử lý, 10 phút nữa", (True, None)),
        ("ok 10 phút nữa", (True, None)),
        ("nhận, 10 phút nữa tới", (True, None)),
        ("nhan12", (False, None)),
        ("nhận chưa?", (False, None)),
        ("nhan chua", (False, None)),
        ("nhanh lên 5", (False, None)),
        ("okay", (False, None)),
        ("không nhận 5", (False, None)),
        ("", (False, None)),
        ("nhan " + "9" * 5000, (True, None)),
    ],
)
def test_what_is_understood_as_taking_on(text: str, meant: tuple[bool, int | None]) -> None:
    said, number = wish(text)
    assert (said, number) == meant or ((len(text) > 1000 and number is None) or number == int("9" * 15))


@given(st.text(max_size=2000))
def test_no_text_breaks_the_understanding(text: str) -> None:
    said, number = wish(text)
    assert number is None or (said and number < 10**15)
    assert len(pressed(text)) <= 60


async def test_answers_are_remembered_up_to_a_bound(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.ledger.heard.KEPT", 3)
    for number in range(6):
        assert await ledger.heard.first_time("telegram", str(number), T0)
    assert not await ledger.heard.first_time("telegram", "5", T0)
    assert await ledger.heard.first_time("zalo", "5", T0)
    assert await ledger.heard.first_time("telegram", "0", T0), "only the last three are remembered"
