"""A commune's uplink is cut in the demo: one message to the one on duty, who takes it on from the phone."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import aiohttp
import pytest

from alerts.incident import Status
from monitor.app import service as serve
from monitor.clock import utc_now
from monitor.configuration import load
from monitor.demo.controls import Received
from monitor.demo.province import Province
from monitor.ledger import Ledger

pytestmark = pytest.mark.timeout(240)
CUT = ("cut-uplink", "18073")


async def until(found: Callable[[], Awaitable[object]], seconds: float = 90.0) -> None:
    async with asyncio.timeout(seconds):
        while not await found():  # noqa: ASYNC110  the demo tells nobody
            await asyncio.sleep(0.5)


async def test_a_cut_uplink_is_one_message_that_says_it_all_and_is_taken_on_from_the_phone(
    tmp_path: Path,
) -> None:
    async with Province(tmp_path / "demo", port=0) as province:
        sooner(province.settings.parent / "duty.yaml")
        configuration = load(province.settings)
        async with Ledger(configuration.data / "ledger.sqlite") as ledger:
            for device, fingerprint in province.approve_into(ledger.host_keys):
                await ledger.host_keys.approve(device, fingerprint, "test", utc_now())
        async with serve(configuration, demo=province) as url, aiohttp.ClientSession() as session:
            await until(lambda: everything_answers(session, url))
            await province.switch(*CUT, True)
            await until(lambda: about(province, "Phường Thành Sen"))
            (message,) = await about(province, "Phường Thành Sen")
            assert message.name in {"Nguyễn Văn An", "Trần Thị Bình", "Lê Minh Chi"}
            assert "cùng 4 thiết bị phía sau" in message.title
            for part in (
                "Nhận định: Có thể đứt đường truyền",
                "Ảnh hưởng: 5 thiết bị",
                "Việc cần làm: 1) Gọi đầu mối",
            ):
                assert part in message.text
            assert re.search(r"Đầu mối: .+, UBND Phường Thành Sen, 0239 000 \d{3}", message.text)
            await take(session, url, message)
            await asyncio.sleep(15)  # the next step is due after ten seconds
            assert len(await about(province, "Phường Thành Sen")) == 1, "taken on: nobody is told on"
            incident = await the_incident(session, url)
            assert (incident["status"], incident["acknowledged_by"]) == (Status.ACKNOWLEDGED, message.name)
            await province.switch(*CUT, False)
            await until(lambda: over(province))
            assert len(await about(province, "Phường Thành Sen")) == 2


def sooner(duty: Path) -> None:
    """Let the second step come after ten seconds."""
    duty.write_text(duty.read_text("utf-8").replace("after: 5m", "after: 10s"), "utf-8")


async def everything_answers(session: aiohttp.ClientSession, url: str) -> bool:
    async with session.get(f"{url}/api/v1/sites/18073") as reply:
        site = (await reply.json())["site"]
    return bool(site["devices"] == site["devices_up"])


async def about(province: Province, place: str) -> Sequence[Received]:
    return [one for one in await province.received() if place in one.title]


async def over(province: Province) -> bool:
    return any(one.title.startswith("[ĐÃ KHẮC PHỤC]") for one in await about(province, "Phường Thành Sen"))


async def take(session: aiohttp.ClientSession, url: str, message: Received) -> None:
    """Open the link of the message at the port that the test got, and press its button."""
    link = url + re.sub(r"^https?://[^/]+", "", message.take)
    async with session.get(link) as reply:
        assert "Tôi nhận xử lý" in await reply.text()
    async with session.post(link, headers={"Origin": url}, data={"note": "đang gọi nhà mạng"}) as reply:
        assert reply.status == 200


async def the_incident(session: aiohttp.ClientSession, url: str) -> dict[str, object]:
    async with session.get(f"{url}/api/v1/incidents?device=18073/router&kind=incident") as reply:
        (incident,) = (await reply.json())["incidents"]
    return dict(incident)
