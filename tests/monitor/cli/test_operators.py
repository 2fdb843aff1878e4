"""What operators do from a terminal, over the API of a running monitor."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from alerts.incident import Status, Step
from monitor.cli import main
from monitor.web.app import serve
from tests.monitor.web.province import Province, province
from tests.monitor.web.scenes import faults


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Province]:
    async with province(tmp_path) as built:
        await faults(built)
        yield built


@pytest.fixture
async def url(town: Province) -> AsyncIterator[str]:
    async with serve(town.context(), "127.0.0.1", 0) as address:
        yield address


async def run(url: str, *words: str) -> Result:
    command, *rest = words
    return await asyncio.to_thread(CliRunner().invoke, main, [command, "--url", url, *rest])


async def test_the_status_is_one_screen_worst_first(url: str, town: Province) -> None:
    answer = await run(url, "status")
    assert answer.exit_code == 1, answer.output
    head, _, first, *_ = answer.output.splitlines()
    assert "sites up" in head and "incidents" in head
    assert "critical" in first and "nobody" in first
    found = json.loads((await run(url, "status", "--json")).stdout)
    assert {one["id"] for one in found["incidents"]} == {
        one.id for one in town.board.incidents.values() if one.kind == "incident"
    }


async def test_the_duty_reads_its_own_language_unless_english_is_asked_for(
    url: str, town: Province, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COMMUNE_MONITOR_LANG")
    shown = (await run(url, "status")).output
    assert "đơn vị bình thường" in shown and "nghiêm trọng" in shown and "chưa ai" in shown
    listed = await asyncio.to_thread(CliRunner().invoke, main, ["--lang", "en", "incidents", "--url", url])
    assert "WHO HAS IT" in listed.output and "The conference unit is down" in listed.output
    number = next(one.id for one in town.board.incidents.values() if one.status is Status.OPEN)
    assert (await run(url, "ack", str(number))).output == f"#{number}: đã tiếp nhận\n"
    assert (await run(url, "release", str(number))).output == f"#{number}: đã trả lại\n"
    assert "không được" in (await run(url, "release", str(number))).output


async def test_an_incident_is_taken_on_noted_and_given_back(url: str, town: Province) -> None:
    number = next(one.id for one in town.board.incidents.values() if one.status is Status.OPEN)
    taken = await run(url, "ack", str(number), "--note", "đang gọi VNPT")
    assert (taken.exit_code, taken.output) == (0, f"#{number}: taken on\n")
    assert town.board.incidents[number].status is Status.ACKNOWLEDGED
    assert (await run(url, "note", str(number), "VNPT hẹn 2 giờ")).exit_code == 0
    assert (await run(url, "release", str(number))).exit_code == 0
    assert (await run(url, "release", str(number))).exit_code == 1, "nobody has it"
    steps = [entry.step for entry in await town.ledger.incidents.timeline(number)]
    assert steps[-3:] == [Step.ACKNOWLEDGED, Step.NOTED, Step.RELEASED]


async def test_of_several_numbers_the_wrong_one_is_said_with_where_to_look(url: str, town: Province) -> None:
    number = next(one.id for one in town.board.incidents.values() if one.status is Status.OPEN)
    answer = await run(url, "ack", str(number), "999999")
    assert answer.exit_code == 1 and f"#{number}: taken on" in answer.stdout
    assert "#999999: not possible: there is none" in answer.stdout
    assert "commune-monitor incidents" in answer.stderr


async def test_incidents_are_filtered(url: str) -> None:
    every = json.loads((await run(url, "incidents", "--json")).stdout)["incidents"]
    critical = json.loads((await run(url, "incidents", "--severity", "critical", "--json")).stdout)[
        "incidents"
    ]
    assert critical and len(critical) < len(every)
    site = every[0]["key"]["device"].partition("/")[0]
    of_site = json.loads((await run(url, "incidents", "--site", site, "--json")).stdout)["incidents"]
    assert {one["key"]["device"].partition("/")[0] for one in of_site} == {site}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("ack", "999999"), "no such incident. List the open ones: commune-monitor incidents"),
        (("note", "999999", "x"), "no such incident. List the open ones: commune-monitor incidents"),
        (("release", "999999"), "no such incident. List the open ones: commune-monitor incidents"),
        (("ack", "1", "--until", "2020-01-01 00:00"), "within the next 30 days"),
        (("note", "1", " "), "the note is empty"),
    ],
)
async def test_what_is_refused_is_said(url: str, words: tuple[str, ...], said: str) -> None:
    answer = await run(url, *words)
    assert answer.exit_code == 2 and said in answer.output, answer.output


async def test_a_monitor_that_is_not_there_is_said_with_what_to_do() -> None:
    answer = await run("http://127.0.0.1:9", "status")
    assert answer.exit_code == 2
    assert "no monitor answers at http://127.0.0.1:9" in answer.output and "--url" in answer.output


async def test_a_body_that_makes_no_sense_is_refused(url: str) -> None:
    import aiohttp

    path = f"{url}/api/v1/incidents/acknowledge"
    async with aiohttp.ClientSession() as session:
        for body in (b"", b"[]", b'{"ids": ["1"]}', b'{"ids": [1], "x": 1}', b"[" * 5000, b'{"ids": []}'):
            async with session.post(path, data=body, headers={"Content-Type": "application/json"}) as reply:
                assert reply.status == 400, body[:20]
                assert reply.content_type == "application/problem+json"
        async with session.post(path, data={"ids": "1"}) as reply:
            assert reply.status == 415
