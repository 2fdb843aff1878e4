"""What is not as described is refused, with its place; lists have cursors; reads have ETags."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from tests.monitor.web.province import Province

Client = TestClient[Any, Any]
NOTE = "/api/v1/incidents/note"


@pytest.mark.parametrize(
    ("address", "parameter"),
    [
        ("/api/v1/sites?strange=1", "strange"),
        ("/api/v1/services?strange=1", "strange"),
        ("/api/v1/incidents?limit=1&limit=2", "limit"),
        ("/api/v1/incidents?limit=many", "limit"),
        ("/api/v1/incidents?cursor=nothing", "cursor"),
        ("/api/v1/incidents?from=0001-01-01T00:00:00%2B14:00", "from"),
        (f"/api/v1/search?q={'x' * 256}", "q"),
        ("/api/v1/series?device=18073/ups&metric=x&label.a=1&label.a=2", "label.a"),
        ("/api/v1/duty/who?about=18073&at=never", "at"),
    ],
)
async def test_a_wrong_parameter_is_named(client: Client, address: str, parameter: str) -> None:
    async with client.get(address) as answer:
        told = await answer.json()
    assert (answer.status, told["errors"][0]["parameter"]) == (400, parameter)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"ids": [1], "note": "a", "note": "b"}', "twice"),
        (b'{"ids": [1], "note": "a", "more": 1}', "more"),
        (b'{"ids": "1", "note": "a"}', "ids"),
        (b'{"ids": [1]}', "note"),
        (b"[" * 8000, "levels"),
        (b'{"ids": ' + b"[" * 60 + b"]" * 60 + b"}", "levels"),
        (b"\xff\xfe", "the body"),
        (b"", "the body"),
        (b'{"ids": [' + b"9" * 5000 + b"]}", "the body"),
    ],
)
async def test_a_wrong_body_is_refused_with_its_place(client: Client, body: bytes, says: str) -> None:
    async with client.post(NOTE, data=body, headers={"Content-Type": "application/json"}) as answer:
        told = await answer.json()
    assert answer.status == 400
    assert says in told["errors"][0]["detail"]
    assert told["errors"][0]["pointer"].startswith("#")


async def test_devices_come_in_pages_that_are_complete(client: Client) -> None:
    found, cursor = [], ""
    while True:
        async with client.get("/api/v1/devices", params={"limit": 99, "cursor": cursor}) as answer:
            told = await answer.json()
        found += [one["id"] for one in told["devices"]]
        if not (cursor := told["next"] or ""):
            break
    assert len(found) == len(set(found)) == 350


async def test_incidents_are_found_by_words_in_either_case(client: Client, town: Province) -> None:
    await town.open("x", "18073/ups", "Ắc quy YẾU")
    async with client.get("/api/v1/incidents", params={"text": "ắc quy yếu"}) as answer:
        assert len((await answer.json())["incidents"]) == 1
    async with client.get("/api/v1/incidents", params={"from": "2100-01-01T00:00:00Z"}) as answer:
        assert (await answer.json())["incidents"] == []


async def test_what_did_not_change_is_not_sent_again(client: Client, town: Province) -> None:
    async with client.get("/api/v1/sites") as answer:
        tag = answer.headers["ETag"]
        assert answer.headers["Content-Encoding"] in ("deflate", "gzip")
    async with client.get("/api/v1/sites", headers={"If-None-Match": tag}) as answer:
        assert (answer.status, await answer.read()) == (304, b"")
    await town.open("x", "18073/ups", "gone")
    async with client.get("/api/v1/sites", headers={"If-None-Match": tag}) as answer:
        assert answer.status == 200
