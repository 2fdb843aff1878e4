"""The search page and the search of the API."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from monitor.web.summary import Summaries
from tests.monitor.web.province import Province

Client = TestClient[Any, Any]


async def page(client: Client, text: str) -> str:
    async with client.get("/search", params={"q": text}) as answer:
        assert answer.status == 200
        return await answer.text()


async def hits(client: Client, text: str, **more: str) -> list[dict[str, Any]]:
    async with client.get("/api/v1/search", params={"q": text, **more}) as answer:
        assert answer.status == 200
        found: list[dict[str, Any]] = (await answer.json())["hits"]
        return found


async def test_every_page_has_the_box_and_it_works_without_javascript(client: Client) -> None:
    for address in ("/", "/sites/18073", "/devices/18073/server", "/incidents", "/health", "/nothing"):
        html = await (await client.get(address)).text()
        assert '<form class="find" role="search" action="/search">' in html, address
        assert 'name="q"' in html


@pytest.mark.parametrize("text", ["thanh sen", "Phường Thành Sen", "18073", "phuong bac ha", "18077"])
async def test_a_commune_is_found_by_its_names_and_codes_old_ones_too(client: Client, text: str) -> None:
    html = await page(client, text)
    assert 'id="hit-18073"' in html
    assert '<a href="/sites/18073">Phường Thành Sen</a>' in html
    first, *_ = await hits(client, text)
    assert (first["kind"], first["id"], first["name"]) == ("site", "18073", "Phường Thành Sen")


async def test_a_device_is_found_with_its_state_and_who_answers_for_it(
    client: Client, town: Province
) -> None:
    device = town.board.inventory.devices["18073/server"]
    found = next(hit for hit in await hits(client, device.address) if hit["id"] == device.id)
    assert found["state"] == Summaries().view(town.board, device).state
    owner = town.board.inventory.owner_of(device.id)
    assert found["owner"] == (owner and {"name": owner.name, "unit": owner.unit, "phone": owner.phone})


async def test_the_question_stays_in_the_box_and_is_only_text(client: Client) -> None:
    html = await page(client, '"><script>alert(1)</script>')
    assert "<script>alert" not in html
    assert 'value="&#34;&gt;&lt;script' in html


async def test_no_question_and_no_answer_say_what_to_do(client: Client) -> None:
    assert "Gõ ít nhất hai ký tự" in await page(client, "")
    assert "Hãy thử ít từ hơn" in await page(client, "khong co gi nhu the")


async def test_more_than_are_shown_are_counted(client: Client) -> None:
    async with client.get("/api/v1/search", params={"q": "18", "limit": "2"}) as answer:
        body = await answer.json()
    assert len(body["hits"]) == 2 < body["total"]


@pytest.mark.parametrize("query", ["", "q=x&limit=0", "q=x&limit=501", f"q={'x' * 256}"])
async def test_a_bad_question_is_refused(client: Client, query: str) -> None:
    assert (await client.get(f"/api/v1/search?{query}")).status == 400


async def test_many_questions_at_once_wait_for_one_index(client: Client) -> None:
    found = await asyncio.gather(*(hits(client, "thanh sen") for _ in range(20)))
    assert all(one == found[0] for one in found)
