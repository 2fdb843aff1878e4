"""The stream for programs: every step once, in order, over a break; states of devices; own sites only."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient

from alerts.incident import DeviceState
from monitor.access.scope import parse_scope
from monitor.web.narrow.monitoring import narrowed
from tests.monitor.web.province import Province

Client = TestClient[Any, Any]


async def event(answer: ClientResponse, kind: str) -> tuple[str, Any]:
    """Return the id and the data of the next event of a kind."""
    async with asyncio.timeout(5):
        while True:
            fields: dict[str, str] = {}
            while line := (await answer.content.readline()).decode().rstrip("\n"):
                name, _, value = line.partition(": ")
                fields[name] = value
            if fields.get("event") == kind:
                return fields.get("id", ""), msgspec.json.decode(fields["data"])


async def test_steps_and_states_are_told_as_they_happen(client: Client, town: Province) -> None:
    async with client.get("/api/v1/events") as answer:
        assert answer.content_type == "text/event-stream"
        begin, _ = await event(answer, "begin")
        incident = await town.open("x", "18073/ups", "gone")
        number, told = await event(answer, "incident")
        assert int(number) > int(begin)
        assert (told["step"]["incident"], told["step"]["step"]["step"]) == (incident.id, "opened")
        town.set_state("18100/router", DeviceState.DOWN)
        _, told = await event(answer, "device")
        assert (told["device"]["id"], told["device"]["state"]) == ("18100/router", "down")


async def test_what_was_missed_is_told_again_in_order(client: Client, town: Province) -> None:
    async with client.get("/api/v1/events") as answer:
        begin, _ = await event(answer, "begin")
    opened = [await town.open("x", f"{site}/ups", "gone") for site in ("18073", "18100")]
    async with client.get("/api/v1/events", headers={"Last-Event-ID": begin}) as answer:
        told = [(await event(answer, "incident"))[1]["step"]["incident"] for _ in opened]
    assert told == [one.id for one in opened]


async def test_strange_places_to_begin_are_refused(client: Client) -> None:
    for headers in ({"Last-Event-ID": "x"}, {"Last-Event-ID": "9" * 40}):
        assert (await client.get("/api/v1/events", headers=headers)).status == 400
    assert (await client.get("/api/v1/events?since=-1")).status == 400


async def test_a_reader_of_one_commune_sees_no_steps_of_others(town: Province) -> None:
    begin = await town.ledger.steps.newest()
    mine, _ = await town.open("x", "18073/ups", "a"), await town.open("x", "18100/ups", "b")
    ledger = narrowed(town.context(), parse_scope("18073")).ledger
    found = ledger.steps.visible(await ledger.steps.after(begin))
    assert [one.incident for one in found] == [mine.id]
