"""Telegram: plain text that fits, a token that is wrong or new, a proxy."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerts.telling.notifier import TryLater
from tests.alerts.messages import message
from tests.alerts.notifiers.cases import (
    CANARY,
    CASES,
    build,
    opened,
    port_of,
)
from tests.servers.telegram import telegram
from tests.servers.webhook import webhook


async def test_another_token_is_used_without_a_restart(secrets: Path) -> None:
    async with telegram("another") as bot, opened(CASES[1], secrets, port_of(bot.url)) as notifier:
        (secrets / "canary").write_text("another")
        await notifier.send(message())
    assert len(bot.texts) == 1


async def test_telegram_sends_plain_text(secrets: Path) -> None:
    async with telegram(CANARY) as bot:
        case = CASES[1]
        async with opened(case, secrets, port_of(bot.url)) as notifier:
            await notifier.send(message(title="*x* [a](javascript:1) <b>"))
    assert bot.texts[0].splitlines()[0] == "*x* [a](javascript:1) <b>"
    assert "parse_mode" not in bot.sent[0]
    assert bot.sent[0]["link_preview_options"] == {"is_disabled": True}


async def test_telegram_cuts_what_is_too_long(secrets: Path) -> None:
    async with telegram(CANARY) as bot, opened(CASES[1], secrets, port_of(bot.url)) as notifier:
        await notifier.send(message(title="\N{PILE OF POO}" * 5000))
    assert len(bot.texts) == 1


async def test_telegram_with_a_wrong_token_or_chat_is_tried_later(secrets: Path) -> None:
    async with telegram("another") as bot, opened(CASES[1], secrets, port_of(bot.url)) as notifier:
        with pytest.raises(TryLater, match="does not know the bot"):
            await notifier.send(message())
    async with telegram(CANARY) as bot:
        bot.chats = frozenset()
        async with opened(CASES[1], secrets, port_of(bot.url)) as notifier:
            with pytest.raises(TryLater, match="chat not found"):
                await notifier.send(message())


async def test_telegram_goes_through_a_proxy(secrets: Path) -> None:
    async with webhook(body=b'{"ok": true}') as proxy:
        settings = {"token": {"file": "canary"}, "chat_id": "-100", "api": "http://telegram.invalid"}
        async with build("telegram", secrets, **settings, proxy=proxy.url) as notifier:
            await notifier.send(message())
        assert proxy.requests[0].headers["Host"] == "telegram.invalid"
