"""Telegram and Zalo bots: what is told of one incident hangs together, and nothing a device says becomes a link."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from alerts.incident import Step
from alerts.notifiers.telegram import _heard as telegram_heard
from alerts.notifiers.zalo_bot import _heard as zalo_heard
from alerts.telling.bot_api import cut, each
from alerts.telling.notification import Message
from alerts.telling.notifier import TryLater
from alerts.telling.plain import unlinked
from tests.alerts.messages import message
from tests.alerts.notifiers.cases import CANARY, build, opened, port_of
from tests.alerts.notifiers.test_gateways import BY_KIND
from tests.servers.telegram import telegram
from tests.servers.zalo import zalo_bot

FIELDS = [
    "update_id",
    "message",
    "callback_query",
    "from",
    "chat",
    "id",
    "text",
    "data",
    "reply_to_message",
    "message_id",
]
CODE = "0123456789abcdef"
LINK = "http://monitor/incidents/1"


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    (tmp_path / "canary").write_text(CANARY)
    return tmp_path


def over(receipt: str) -> Message:
    title = "[ĐÃ KHẮC PHỤC] Xã Thạch Hà: mất kết nối"
    return replace(message(title=title), step=Step.RESOLVED, thread=receipt, link=LINK)


async def test_telegram_edits_the_first_message_and_answers_it_when_it_is_over(secrets: Path) -> None:
    async with telegram(CANARY) as bot, opened(BY_KIND["telegram"], secrets, port_of(bot.url)) as notifier:
        receipt = await notifier.send(message())
        assert receipt == "-100/1"
        await notifier.send(over(receipt))
    (edited,) = bot.edited
    assert edited["message_id"] == 1 and edited["text"].startswith("[ĐÃ KHẮC PHỤC] Xã Thạch Hà")
    assert "reply_markup" not in edited and "parse_mode" not in edited
    assert bot.texts[1] == f"[ĐÃ KHẮC PHỤC] Xã Thạch Hà: mất kết nối\n{LINK}"
    assert bot.sent[1]["reply_parameters"] == {"message_id": 1, "allow_sending_without_reply": True}


async def test_telegram_answers_a_digest_with_all_there_is_to_say_and_leaves_it_as_it_was(
    secrets: Path,
) -> None:
    async with telegram(CANARY) as bot, opened(BY_KIND["telegram"], secrets, port_of(bot.url)) as notifier:
        receipt = await notifier.send(message(title="[TỔNG HỢP] Còn 2 sự cố nữa"))
        assert receipt is not None
        await notifier.send(replace(over(receipt), shared=True))
    assert bot.edited == [] and "Đầu mối: A" in bot.texts[1]
    assert bot.sent[1]["reply_parameters"] == {"message_id": 1, "allow_sending_without_reply": True}


async def test_telegram_tells_the_end_though_the_first_message_is_gone(secrets: Path) -> None:
    async with telegram(CANARY) as bot, opened(BY_KIND["telegram"], secrets, port_of(bot.url)) as notifier:
        await notifier.send(over("-100/77"))
        await notifier.send(over("-999/1"))  # of another chat, before the settings changed
    assert len(bot.texts) == 2 and bot.edited == [] and "reply_parameters" not in bot.sent[1]


async def test_telegram_tells_a_person_in_his_own_chat(secrets: Path) -> None:
    async with telegram(CANARY) as bot, opened(BY_KIND["telegram"], secrets, port_of(bot.url)) as notifier:
        bot.chats = frozenset({"4711"})
        assert await notifier.send(replace(message(), to="4711")) == "4711/1"


async def test_a_button_is_offered_where_replies_are_heard_and_something_can_be_taken_on(
    secrets: Path,
) -> None:
    async with telegram(CANARY) as bot:
        settings = {"token": {"file": "canary"}, "chat_id": "-100", "api": bot.url, "replies": True}
        async with build("telegram", secrets, **settings) as notifier:
            await notifier.send(replace(message(), code=CODE))
            await notifier.send(message())
        assert ["reply_markup" in sent for sent in bot.sent] == [True, False]
        assert bot.button(0) == f"take:{CODE}"
    async with telegram(CANARY) as bot, opened(BY_KIND["telegram"], secrets, port_of(bot.url)) as notifier:
        await notifier.send(replace(message(), code=CODE))
        assert "reply_markup" not in bot.sent[0]


async def test_zalo_sends_plain_text_within_its_limit_and_says_how_to_answer(secrets: Path) -> None:
    async with zalo_bot(CANARY) as bot:
        settings = {**BY_KIND["zalo_bot"].settings(port_of(bot.url)), "replies": True}
        async with build("zalo_bot", secrets, **settings) as notifier:
            assert await notifier.send(replace(message(), text="ă" * 5000, code=CODE)) == "m1"
            await notifier.send(over("m1"))
            bot.chats = frozenset()
            with pytest.raises(TryLater, match="does not know the bot or the chat"):
                await notifier.send(message())
    assert len(bot.texts[0]) == 2000 and bot.texts[0].endswith("…\nTrả lời “nhan 1” để nhận việc này.")
    assert bot.texts[1].startswith("[ĐÃ KHẮC PHỤC]") and "nhan" not in bot.texts[1]
    assert set(bot.sent[0]) == {"chat_id", "text"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("router (10.42.1.1) 9,5 %", "router (10.42.1.1) 9,5 %"),
        (f"Chi tiết: {LINK}", f"Chi tiết: {LINK}"),
        ("http://monitor.evil.vn", "http://|monitor.|evil.|vn"),
        ("http://evil.vn/x", "http://|evil.|vn/x"),
        ("@everyone /start", "@|everyone /|start"),
        ("http://monitor@evil.vn", "http://|monitor@|evil.|vn"),
    ],
)
def test_only_our_own_address_stays_a_link(text: str, shown: str) -> None:
    assert unlinked(text, LINK).replace("\N{WORD JOINER}", "|") == shown


@given(st.text(max_size=200), st.integers(10, 60))
def test_a_cut_text_fits_and_is_whole(text: str, most: int) -> None:
    told = cut(text, most)
    assert len(told.encode("utf-16-le", "replace")) <= 2 * most
    told.encode("utf-8", "replace")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=5), inner, max_size=6)
    ),
    max_leaves=25,
)


@given(JSON | st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=6))
def test_no_update_breaks_the_hearing(update: object) -> None:
    raw = msgspec.Raw(json.dumps(update).encode())
    for one in each(raw):
        for heard in (telegram_heard(one), zalo_heard(one)):
            assert heard is None or max(len(heard.text), len(heard.button), len(heard.name)) <= 500


@given(st.binary(max_size=200))
def test_no_bytes_break_the_hearing(raw: bytes) -> None:
    for one in each(msgspec.Raw(raw)):
        telegram_heard(one)
        zalo_heard(one)
