"""Taking incidents on by the pages: one or many, with who and why; nothing from elsewhere, nothing by halves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from playwright.async_api import expect

from alerts.incident import Incident, Status, Step
from monitor.web.acting import _local
from monitor.web.app import serve
from tests.monitor.web.province import Province
from tests.servers.chromium import browser

Client = TestClient[Any, Any]


async def act(client: Client, *ids: int, **fields: str) -> tuple[int, str]:
    """Send the form as our own page would, and return the status and where it leads."""
    data = [("id", str(one)) for one in ids] + list(fields.items())
    origin = {"Origin": str(client.make_url("/")).rstrip("/")}
    async with client.post("/incidents/act", data=data, headers=origin, allow_redirects=False) as answer:
        return answer.status, answer.headers.get("Location", await answer.text())


def opened(town: Province) -> list[Incident]:
    return [
        one for one in town.board.incidents.values() if one.status is Status.OPEN and one.kind == "incident"
    ]


async def test_many_are_taken_on_at_once_until_a_time_and_given_back(client: Client, town: Province) -> None:
    ids = [one.id for one in opened(town)]
    status, where = await act(
        client, *ids, action="acknowledge", note="đang gọi", hours="4", back="/incidents?status=open"
    )
    assert (status, where) == (303, "/incidents?status=open")
    taken = [town.board.incidents[one] for one in ids]
    assert {one.status for one in taken} == {Status.ACKNOWLEDGED}
    until = taken[0].acknowledged_until
    assert until is not None and abs(until - datetime.now(UTC) - timedelta(hours=4)) < timedelta(minutes=1)
    last = (await town.ledger.incidents.timeline(ids[0]))[-1]
    assert (last.step, last.note) == (Step.ACKNOWLEDGED, "đang gọi") and last.who
    assert (await act(client, ids[0], action="release"))[1] == f"/incidents/{ids[0]}"
    assert town.board.incidents[ids[0]].status is Status.OPEN


async def test_a_note_stands_in_the_timeline_escaped(client: Client, town: Province) -> None:
    one = opened(town)[0].id
    await act(client, one, action="note", note="<script>alert(1)</script>")
    async with client.get(f"/incidents/{one}") as answer:
        html = await answer.text()
    assert "&lt;script&gt;alert(1)" in html and "<script>" not in html


@pytest.mark.parametrize(
    ("ids", "fields", "status"),
    [
        ((), {"action": "acknowledge"}, 400),
        ((1,), {"action": "delete"}, 400),
        ((1,), {"action": "acknowledge", "hours": "999"}, 400),
        ((1,), {"action": "note", "note": " "}, 400),
        ((99999999,), {"action": "acknowledge"}, 404),
        (tuple(range(1, 502)), {"action": "acknowledge"}, 400),
    ],
)
async def test_nonsense_is_refused(
    client: Client, town: Province, ids: tuple[int, ...], fields: dict[str, str], status: int
) -> None:
    before = dict(town.board.incidents)
    assert (await act(client, *ids, **fields))[0] == status
    assert town.board.incidents == before


async def test_another_origin_and_what_is_resolved_change_nothing(client: Client, town: Province) -> None:
    one = opened(town)[0].id
    form = {"id": str(one), "action": "acknowledge"}
    async with client.post("/incidents/act", data=form, headers={"Origin": "http://evil.example"}) as answer:
        assert answer.status == 403
    async with client.post("/incidents/act", data=form) as answer:
        assert answer.status == 403
    assert town.board.incidents[one].status is Status.OPEN
    (resolved,) = [entry for entry in await town.ledger.incidents.search(status=Status.RESOLVED)]
    assert (await act(client, resolved.id, action="acknowledge"))[0] == 409


@pytest.mark.parametrize(
    "address", ["//evil.example", "/\\evil.example", "https://evil.example", "", "/a\nb"]
)
def test_the_way_back_is_a_page_of_ours(address: str) -> None:
    assert _local(address, "/incidents/1") == "/incidents/1"


async def test_on_a_phone_an_incident_is_taken_on_with_a_thumb_and_the_owner_called(town: Province) -> None:
    one = opened(town)[0]
    async with serve(town.context(), "127.0.0.1", 0) as url, browser(width=390, height=844) as shown:
        page = shown.page
        await page.goto(f"{url}/incidents/{one.id}")
        button = page.locator("#act .button.big")
        box = await button.bounding_box()
        assert box is not None and box["height"] >= 48 and box["y"] + box["height"] < 844, (
            "on the first screen"
        )
        phone = await page.locator(".phone.loud").first.bounding_box()
        assert phone is not None and phone["height"] >= 44
        await button.click()
        await expect(page.locator("#act")).to_have_attribute("data-status", "acknowledged")
        await expect(page.locator("#timeline")).to_contain_text("Đã tiếp nhận")


async def test_ticks_stay_through_an_update_and_many_are_sent(town: Province) -> None:
    async with serve(town.context(), "127.0.0.1", 0) as url, browser() as shown:
        page = shown.page
        await page.goto(f"{url}/incidents")
        await page.locator("#every").check()
        count = await page.locator("#current input[name=id]").count()
        await expect(page.locator("#chosen")).to_have_text(f"{count - 0} đã chọn")
        await town.open("device-down", "18100/ups", "mới", minutes=0)
        await expect(page.locator("#current input[name=id]")).to_have_count(count + 1)
        assert await page.locator("#current input[name=id]:checked").count() == count
        await page.locator("#bulk button[value=acknowledge]").click()
        await expect(page.locator('.incident[data-status="acknowledged"]')).to_have_count(count)
