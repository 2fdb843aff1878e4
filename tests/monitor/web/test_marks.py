"""By the API: saying that an alarm was false, silences changed only as they were read, deliveries in pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp.test_utils import TestClient

from tests.monitor.web.province import Province

Client = TestClient[Any, Any]


async def test_an_alarm_is_called_false_and_true_after_all(client: Client, town: Province) -> None:
    number = (await town.open("x", "18073/ups", "Ắc quy yếu")).id
    path = f"/api/v1/incidents/{number}"
    for false in (True, False):
        async with client.post(f"{path}/false", json={"false": false, "note": "đã xem"}) as answer:
            assert answer.status == 200 and (await answer.json())["id"] == number
        async with client.get(path) as answer:
            told = await answer.json()
        assert (told["false_alarm"] is not None) is false
    assert [step["step"] for step in told["timeline"]][-2:] == ["noted", "noted"]
    async with client.post("/api/v1/incidents/999999/false", json={"false": True}) as answer:
        assert answer.status == 404
    async with client.post(f"{path}/false", json={"false": "yes"}) as answer:
        assert answer.status == 400


async def test_a_silence_is_changed_only_if_it_is_as_it_was_read(client: Client) -> None:
    until = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d %H:%M}"
    wish = {"where": {"site": "18073"}, "until": until, "reason": "sửa điện"}
    async with client.post("/api/v1/silences", json=wish) as answer:
        path = f"/api/v1/silences/{(await answer.json())['id']}"
        made = answer.headers["ETag"]
    async with client.get(path) as answer:
        read = answer.headers["ETag"]
    assert read == made
    later = {"until": f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%d %H:%M}"}
    async with client.patch(path, json=later, headers={"If-Match": read}) as answer:
        assert answer.status == 200 and answer.headers["ETag"] != read
    async with client.delete(path, headers={"If-Match": read}) as answer:
        assert answer.status == 412
    async with client.delete(path) as answer:
        assert answer.status == 200
    async with client.get("/api/v1/silences/999") as answer:
        assert answer.status == 404


async def test_a_site_says_where_it_lies_and_with_whom_it_fails(client: Client) -> None:
    async with client.get("/api/v1/sites?limit=2") as answer:
        one, *_ = (await answer.json())["sites"]
    assert one["province"] == "42" and one["location"] is None and one["carrier"] == ""
