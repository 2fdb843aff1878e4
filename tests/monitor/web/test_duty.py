"""Whose turn it is, on a page; and taking an incident on by the link in a message, without signing in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest

from alerts.calendar import VIETNAM
from alerts.duty.roster import Roster, load_duty
from alerts.duty.who import Who
from alerts.incident import IncidentKey, Kind, Severity, Status, Step, Transition, Words
from alerts.telling.message import Composer
from alerts.telling.teller import Codes, Teller
from monitor.ledger.teller import Nobody
from monitor.web.app import serve
from tests.monitor.web.province import CHANNELS, Province

DUTY = """
people:
  an: {name: Nguyễn Văn An, phone: "0911000111", reach: {zalo: z-an, sms: "0911"}}
  binh: {name: Trần Bình, reach: {zalo: z-binh}}
rotas:
  truc:
    title: {vi: Trực vận hành, en: NOC}
    layers: [{turns: [an], from: "2026-01-01 07:30", hours: {days: [mon, tue, wed, thu, fri, sat]}}]
policies: {khan: {steps: [{tell: "rota:truc"}, {after: 10m, tell: "channel:nhom"}], repeat: {every: 30m}}}
routes: [{policy: khan}]
"""


@pytest.fixture(autouse=True)
def on_duty(town: Province, tmp_path: Path) -> None:
    file = tmp_path / "duty.yaml"
    file.write_text(DUTY, "utf-8")
    town.duty = load_duty(file, list(CHANNELS))


@asynccontextmanager
async def pages(town: Province) -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
    async with (
        serve(town.context(), "127.0.0.1", 0) as url,
        aiohttp.ClientSession(headers={"Origin": url}) as session,
    ):
        yield session, url


async def told(town: Province) -> str:
    """Open an incident that tells Nguyễn Văn An, and return the code in the message."""
    (first, *_) = (await tell(town)).values()
    return first


async def tell(town: Province) -> dict[str, str]:
    """Open an incident that is told, and return the code for each person who is."""
    composer = Composer(town.rules, town.inventory, CHANNELS, "https://giamsat")
    roster = Roster(town.duty)
    teller = Teller(composer, Who(roster, town.inventory, CHANNELS), Codes(b"k" * 32))
    device = next(iter(town.inventory.devices))
    monday = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
    words = Words("mất kết nối", "down")
    step = Transition(
        IncidentKey("device-down", device), Step.OPENED, monday, Kind.INCIDENT, Severity.CRITICAL, words
    )
    (incident,) = await town.ledger.incidents.record([step], teller)
    town.board.set_incident(incident)
    claimed = await town.ledger.outbox.claim(monday, 10)
    return {one.message.name: one.message.code for one in reversed(claimed)}


async def test_the_page_says_who_is_on_duty_and_where_the_holes_are(town: Province) -> None:
    async with pages(town) as (session, url), session.get(f"{url}/duty") as reply:
        html = await reply.text()
    assert reply.status == 200
    assert "Trực vận hành" in html and "Nguyễn Văn An" in html
    assert "không có ai" in html, "Sundays are holes"


async def test_a_swap_is_made_and_taken_back_and_both_are_on_record(town: Province) -> None:
    start = datetime.now(VIETNAM) - timedelta(minutes=1)
    span = {"from": f"{start:%Y-%m-%dT%H:%M}", "until": f"{start + timedelta(days=1):%Y-%m-%dT%H:%M}"}
    async with pages(town) as (session, url):
        form = {"rota": "truc", "people": "binh", "note": "ốm", **span}
        async with session.post(f"{url}/duty/swap", data=form) as reply:
            assert "Trần Bình" in await reply.text()
        (change,) = town.ledger.rota.overrides
        async with session.post(f"{url}/duty/undo", data={"number": str(change.id)}) as reply:
            assert reply.status == 200
    assert town.ledger.rota.overrides == ()
    assert [line.what for line in await town.ledger.audit.newest(2)] == [
        "rota change taken back",
        "rota changed",
    ]


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"rota": "x", "people": "an"}, "không có lịch trực"),
        ({"rota": "truc", "people": "stranger"}, "không có người trực stranger"),
        ({"rota": "truc", "people": "an", "until": "2026-01-01T00:00"}, "phải sau giờ bắt đầu"),
        ({"rota": "truc", "people": "an", "from": "soon"}, "wants a time"),
    ],
)
async def test_a_wrong_swap_is_refused_with_the_reason(
    town: Province, form: dict[str, str], words: str
) -> None:
    span = {"from": "2026-11-26T07:30", "until": "2099-01-01T07:30"}
    async with pages(town) as (session, url), session.post(f"{url}/duty/swap", data=span | form) as reply:
        assert reply.status == 400
        assert words in await reply.text()


async def test_a_note_is_handed_over_and_an_empty_one_is_not(town: Province) -> None:
    async with pages(town) as (session, url):
        note = {"rota": "truc", "text": "Xã Thạch Hà chờ VNPT <b>"}
        async with session.post(f"{url}/duty/handover", data=note) as reply:
            assert "Xã Thạch Hà chờ VNPT &lt;b&gt;" in await reply.text()
        async with session.post(f"{url}/duty/handover", data={"rota": "truc", "text": " "}) as reply:
            assert reply.status == 400


async def test_other_pages_of_the_web_change_nothing(town: Province) -> None:
    async with pages(town) as (session, url):
        for path in ("swap", "undo", "handover"):
            reply = await session.post(f"{url}/duty/{path}", headers={"Origin": "https://evil.example"})
            assert reply.status == 403


async def test_who_would_be_told_is_answered_by_page_and_api(town: Province) -> None:
    device = next(iter(town.inventory.devices))
    asked = {"about": device, "at": "2026-11-23 09:00"}
    async with pages(town) as (session, url):
        async with session.get(f"{url}/duty/who", params=asked) as reply:
            html = await reply.text()
            assert "Nguyễn Văn An" in html and "rota:truc" in html and "z-an" in html
        async with session.get(f"{url}/api/v1/duty/who", params=asked) as reply:
            plan = await reply.json()
    assert [step["after"] for step in plan["steps"]] == [0.0, 600.0]
    assert plan["steps"][0]["reached"][0]["receiver"]["ways"] == [["zalo", "z-an"], ["sms", "0911"]]
    assert plan["repeats"] == 3


async def test_the_link_takes_an_incident_on_by_its_button_only_and_says_who(town: Province) -> None:
    code = await told(town)
    async with pages(town) as (session, url):
        async with session.get(f"{url}/a/{code}") as reply:
            html = await reply.text()
            assert reply.status == 200 and "Tôi nhận xử lý" in html
        (incident,) = [
            one for one in await town.ledger.incidents.all_open() if one.key.rule == "device-down"
        ][-1:]
        assert incident.status is Status.OPEN, "looking changes nothing"
        async with session.post(f"{url}/a/{code}", data={"note": "đang gọi VNPT"}) as reply:
            assert "Nguyễn Văn An" in await reply.text()
        taken = await town.ledger.incidents.by_id(incident.id)
        assert taken and (taken.status, taken.acknowledged_by) == (Status.ACKNOWLEDGED, "Nguyễn Văn An")
        assert (await town.ledger.incidents.timeline(incident.id))[-1].note == "đang gọi VNPT"
        assert town.board.incidents[incident.id].acknowledged_by == "Nguyễn Văn An"
        async with session.post(f"{url}/a/{code}") as reply:
            assert reply.status == 200
        assert (
            len(
                [
                    one
                    for one in await town.ledger.incidents.timeline(incident.id)
                    if one.step is Step.ACKNOWLEDGED
                ]
            )
            == 1
        )
        await town.ledger.incidents.by_hand(
            [incident.id], Step.RELEASED, "An", "", datetime.now(UTC), Nobody()
        )
        async with session.post(f"{url}/a/{code}") as reply:
            assert "đã được dùng" in await reply.text(), "a link is good once"
        again = await town.ledger.incidents.by_id(incident.id)
        assert again is not None and again.status is Status.OPEN
        for wrong in (code[:-1] + ("A" if code[-1] != "A" else "B"), "x", "..%2f" * 4):
            async with session.get(f"{url}/a/{wrong}") as reply:
                assert reply.status == 404
        reply = await session.post(f"{url}/a/{code}", headers={"Origin": "https://evil.example"})
        assert reply.status == 403


async def test_of_two_who_press_their_links_at_once_the_second_is_told_who_has_it(
    town: Province, tmp_path: Path
) -> None:
    file = tmp_path / "both.yaml"
    file.write_text(DUTY.replace('{tell: "rota:truc"}', '{tell: ["rota:truc", "person:binh"]}'), "utf-8")
    town.duty = load_duty(file, list(CHANNELS))
    codes = await tell(town)
    assert set(codes) == {"Nguyễn Văn An", "Trần Bình"}
    async with pages(town) as (session, url):
        replies = await asyncio.gather(*(session.post(f"{url}/a/{code}") for code in codes.values()))
        texts = [await reply.text() for reply in replies]
    opened = await town.ledger.incidents.all_open()
    (incident,) = [one for one in opened if one.acknowledged_by in codes]
    timeline = await town.ledger.incidents.timeline(incident.id)
    assert sum(one.step is Step.ACKNOWLEDGED for one in timeline) == 1
    assert sum("Muốn nhận thay" in text for text in texts) == 1
    assert all(f"{incident.acknowledged_by} đã nhận xử lý" in text for text in texts), texts
