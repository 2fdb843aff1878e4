"""The page of channels: whether each works, what was sent, and a button that tries one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from msgspec.structs import replace

from alerts.incident import Step
from alerts.telling.notifier import FOR_PEOPLE
from alerts.telling.queue import ChannelNow
from monitor.channels import Channels, states
from monitor.ledger import ChannelHealth
from monitor.web.app import create_app
from tests.alerts.notifiers.cases import CANARY, build
from tests.alerts.tellers import Composed
from tests.monitor.ledger.steps import OTHER, T0, message, step
from tests.monitor.web.province import Province
from tests.servers.webhook import Hook, webhook

Client = TestClient[Any, Any]
told = Composed(lambda incident, done: [replace(message(incident, done, "hook"), title="<b>Xã Kỳ Anh</b>")])


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    async with webhook() as served:
        yield served


@pytest.fixture
async def page(town: Province, hook: Hook, tmp_path: Path) -> AsyncIterator[Client]:
    """Two channels: one that works, one that fails; a digest was sent and a message waits."""
    (tmp_path / "canary").write_text(CANARY)
    now = lambda: datetime.now(UTC)  # noqa: E731
    async with AsyncExitStack() as stack:
        good = await stack.enter_async_context(build("webhook", tmp_path, url=hook.url))
        bot = build("telegram", tmp_path, token={"file": "canary"}, chat_id="-1", api=hook.url, replies=True)
        await stack.enter_async_context(bot)
        live = {"hook": ChannelNow("webhook", 0, None, 0), "bot": ChannelNow("telegram", 1, FOR_PEOPLE, 7)}
        ways = Channels(
            {"hook": good, "bot": bot}, town.ledger.channels.health, lambda: live, {}, "http://m", now
        )
        context = town.context(channels=ways)
        await town.ledger.incidents.record([step(Step.OPENED), step(Step.OPENED, OTHER)], told)
        await town.ledger.incidents.record([step(Step.OPENED, replace(OTHER, subject="x"))], to_bot)
        first, second, third = await town.ledger.outbox.claim(T0, 10)
        digest = replace(first.message, key="digest:x", title="[TỔNG HỢP] Còn 2 sự cố nữa")
        merged = await town.ledger.outbox.merge([first.id, second.id], digest, T0)
        await town.ledger.outbox.delivered(merged.id, T0 + timedelta(seconds=3))
        await town.ledger.outbox.failed(third.id, T0, "Telegram is busy, 502", T0 + timedelta(minutes=1))
        async with TestClient(TestServer(create_app(context))) as client:
            yield client


to_bot = Composed(lambda incident, done: [message(incident, done, "bot")])


def ours(client: Client) -> dict[str, str]:
    return {"Origin": str(client.make_url("/")).rstrip("/")}


async def test_the_page_says_what_works_what_fails_and_what_went_together(page: Client) -> None:
    html = await (await page.get("/channels?lang=vi")).text()
    assert "hoạt động" in html and "không hoạt động" in html
    assert "Telegram is busy, 502" in html
    assert "[TỔNG HỢP] Còn 2 sự cố nữa" in html and "gộp chung với tin khác" in html
    assert "<b>Xã Kỳ Anh</b>" not in html and "&lt;b&gt;Xã Kỳ Anh" in html
    assert "7 / 20" in html
    only = await (await page.get("/channels?channel=bot")).text()
    assert "TỔNG HỢP" not in only


async def test_the_api_tells_the_same(page: Client) -> None:
    body = await (await page.get("/api/v1/channels")).json()
    assert [(one["name"], one["state"], one["waiting"], one["told"]) for one in body["channels"]] == [
        ("bot", "fails", 1, 7),
        ("hook", "works", 0, 0),
    ]
    assert body["channels"][0]["limit"] == {"messages": 20, "per": 60.0}
    lines = await (await page.get("/api/v1/deliveries?limit=2")).json()
    assert [line["channel"] for line in lines["deliveries"]] == ["hook", "bot"]
    more = await (await page.get(f"/api/v1/deliveries?cursor={lines['next']}")).json()
    assert len(more["deliveries"]) == 2 and more["next"] is None
    assert {line["digest"] for line in more["deliveries"]} == {lines["deliveries"][0]["id"]}
    waiting = await (await page.get("/api/v1/deliveries?state=waiting&channel=bot")).json()
    assert len(waiting["deliveries"]) == 1
    for wrong in ("limit=0", "limit=1001", "state=lost", "before=x", "channel=" + "x" * 300):
        assert (await page.get(f"/api/v1/deliveries?{wrong}")).status == 400


async def test_the_button_sends_a_test_and_shows_what_came_of_it(
    page: Client, hook: Hook, town: Province
) -> None:
    answer = await page.post("/channels/test", data={"channel": "hook"}, headers=ours(page))
    assert answer.status == 200 and "hãy xem tin đã đến chưa" in await answer.text()
    assert "[THỬ]" in hook.requests[0].body.decode()
    (entry,) = [one for one in await town.ledger.audit.newest() if one.what == "channel tested"]
    assert (entry.subject, entry.detail) == ("hook", "taken")
    hook.status = 503
    failing = await page.post("/api/v1/channels/test", json={"channel": "bot"})
    assert "busy" in (await failing.json())["error"]
    assert len(hook.requests) == 2


async def test_the_button_is_bounded_and_only_for_our_own_pages(page: Client, hook: Hook) -> None:
    foreign = {"Origin": "http://evil.example"}
    assert (await page.post("/channels/test", data={"channel": "hook"}, headers=foreign)).status == 403
    assert (await page.post("/channels/test", data={"channel": "nobody"}, headers=ours(page))).status == 404
    assert (await page.post("/api/v1/channels/test", data="x")).status == 415
    assert (await page.post("/api/v1/channels/test", json={"channel": 5})).status == 400
    assert (await page.post("/api/v1/channels/test", json={"channel": "hook"})).status == 200
    assert (await page.post("/api/v1/channels/test", json={"channel": "hook"})).status == 429
    assert len(hook.requests) == 1


def test_a_channel_that_is_gone_is_shown_while_something_waits_for_it(tmp_path: Path) -> None:
    settings = {"new": build("webhook", tmp_path, url="http://x").settings}
    found = states(settings, [ChannelHealth("old", True, T0, waiting=2), ChannelHealth("older", False, T0)])
    assert [(one.name, one.state) for one in found] == [("new", "unused"), ("old", "removed")]
