"""The stream: the present at once, changes soon, bursts once, one rendering for all viewers."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer

from alerts.incident import DeviceState, Incident, IncidentKey, Kind, Severity, Status, Words
from monitor.web import pages
from monitor.web.app import create_app
from monitor.web.live import STATES, Feed
from monitor.web.rendered import Rendered
from monitor.web.view import Fragments
from tests.monitor.access.house import house
from tests.monitor.web.province import Province

Client = TestClient[Any, Any]


async def message(answer: ClientResponse) -> str:
    """Read one server-sent event."""
    lines: list[str] = []
    async with asyncio.timeout(5):
        while line := (await answer.content.readline()).decode().rstrip("\n"):
            lines.append(line)
    return "\n".join(lines)


async def test_a_viewer_gets_the_present_and_then_the_change(client: Client, town: Province) -> None:
    async with client.get("/events?view=wall") as answer:
        assert answer.content_type == "text/event-stream"
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        assert 'href="/sites/18100" data-state="up"' in await message(answer)
        town.set_state("18100/router", DeviceState.DOWN)
        assert 'href="/sites/18100" data-state="down"' in await message(answer)


async def test_a_viewer_who_comes_back_gets_only_what_he_has_not_seen(client: Client, town: Province) -> None:
    async with client.get("/events?view=site&site=18100") as answer:
        seen = (await message(answer)).split("\n")[0].removeprefix("id: ")
    again = {"Last-Event-ID": seen}
    async with client.get("/events?view=site&site=18100", headers=again) as answer:
        assert (await message(answer)).startswith("event: alive")
    town.set_state("18100/router", DeviceState.DOWN, "không trả lời")
    async with client.get("/events?view=site&site=18100", headers=again) as answer:
        while (found := await message(answer)).startswith("event: alive"):
            pass  # he came back before the change was told
        assert "không trả lời" in found


async def test_a_burst_is_one_update(town: Province) -> None:
    app = create_app(town.context(pace=0.5))
    async with TestClient(TestServer(app)) as client, client.get("/events?view=wall") as answer:
        await message(answer)
        for device in town.inventory.devices:
            town.set_state(device, DeviceState.DOWN)
            await asyncio.sleep(0)
        updates, last = 0, ""
        while 'data-state="down" data-extent="whole"' not in last or 'data-state="up" data-extent' in last:
            last = await message(answer)
            updates += 1
        assert updates <= 2


async def test_a_hundred_viewers_share_one_rendering(
    client: Client, town: Province, monkeypatch: Any
) -> None:
    rendered = 0
    fresh = Fragments._fresh

    async def counted(self: Fragments, *given: Any) -> Rendered:
        nonlocal rendered
        rendered += 1
        return await fresh(self, *given)

    monkeypatch.setattr(Fragments, "_fresh", counted)
    answers = [await client.get("/events?view=wall") for _ in range(100)]
    await asyncio.gather(*(message(answer) for answer in answers))
    town.set_state("18100/router", DeviceState.DOWN)
    told = await asyncio.gather(*(message(answer) for answer in answers))
    assert all('href="/sites/18100" data-state="down"' in one for one in told)
    assert rendered == 2
    for answer in answers:
        answer.close()


async def test_a_feed_that_the_board_cut_off_makes_everything_new(town: Province) -> None:
    feed = Feed(town.board, 0.01)
    task = asyncio.create_task(feed.run())
    await asyncio.sleep(0.05)
    before = feed.version({"site:never-touched"})
    for _ in range(3000):
        town.set_state("18100/router", DeviceState.DOWN)
    await feed.changed(frozenset({"site:never-touched"}), before, 2)
    assert feed.version({"site:never-touched"}) > before
    seen = feed.version({STATES})
    town.set_state("18100/router", DeviceState.UP)
    await feed.changed(frozenset({STATES}), seen, 2)
    assert feed.version({STATES}) > seen
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_stopping_lets_every_viewer_go_at_once(town: Province) -> None:
    client = TestClient(TestServer(create_app(town.context())))
    await client.start_server()
    answer = await client.get("/events?view=wall")
    await message(answer)
    started = time.monotonic()
    await client.close()
    assert time.monotonic() - started < 2


async def test_the_wall_of_a_mass_outage_is_rendered_in_time(client: Client, town: Province) -> None:
    for device in town.inventory.devices:
        town.set_state(device, DeviceState.DOWN)
    async with client.get("/") as warm:
        await warm.read()
    town.set_state("18100/router", DeviceState.UP)
    await asyncio.sleep(0.2)
    started = time.thread_time()  # the loop's own CPU: other work on this machine does not count
    async with client.get("/") as answer:
        await answer.read()
    assert time.thread_time() - started < 0.5


async def test_who_is_gone_holds_no_place_of_a_viewer(
    town: Province, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "MAX_VIEWERS", 1)
    async with TestClient(TestServer(create_app(town.context(pace=60)))) as client:
        first = await client.get("/events?view=wall")
        await message(first)
        assert (await client.get("/events?view=wall")).status == 503
        first.close()
        await asyncio.sleep(0.2)
        second = await client.get("/events?view=wall")
        assert second.status == 200
        second.close()


async def test_who_sees_some_sites_is_woken_by_what_happens_there(tmp_path: Path) -> None:
    async with house(tmp_path) as built:
        officer, town = await built.browser("one"), built.town
        async with officer.client.get("/events?view=wall") as answer:
            await message(answer)
            town.set_state("18100/router", DeviceState.DOWN)
            await town.open("device-down", "18100/router", "mất kết nối ở nơi khác")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.4):
                    await answer.content.readline()
            key = IncidentKey("common-cause", "@power", "", "north")
            words = Words("nhiều nơi", "several")
            now = datetime.now(UTC)
            sites = ("18073", "18100")
            town.board.set_incident(
                Incident(
                    99, key, Kind.INCIDENT, Severity.CRITICAL, Status.OPEN, words, "", now, now, sites=sites
                )
            )
            assert "Sự cố diện rộng" in await message(answer)
