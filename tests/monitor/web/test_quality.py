"""The page of the alarms' quality, and an operator's word that one was false."""

from __future__ import annotations

from typing import Any

from aiohttp.test_utils import TestClient

from tests.monitor.web.province import Province
from tests.monitor.web.test_pages import text
from tests.monitor.web.test_quiet import post

Client = TestClient[Any, Any]


async def test_the_page_says_how_many_how_soon_and_by_rule(client: Client, town: Province) -> None:
    html = await text(client, "/quality")
    assert "Chất lượng cảnh báo" in html
    assert "<code>device-down</code>" in html
    assert "Báo sai" in html


async def test_before_the_first_measurement_that_is_said(town: Province) -> None:
    from aiohttp.test_utils import TestServer

    from monitor.web.app import create_app

    async with TestClient(TestServer(create_app(town.context(quality=lambda: None)))) as client:
        assert "Chưa đo xong" in await text(client, "/quality")
        assert (await client.get("/api/v1/quality")).status == 503


async def test_an_operator_calls_an_incident_false_and_takes_it_back(client: Client, town: Province) -> None:
    incident = next(one for one in town.board.incidents.values() if one.kind == "incident")
    page = f"/incidents/{incident.id}"
    assert "Báo sai: không có gì xảy ra" in await text(client, page)
    status, _, leads = await post(client, f"{page}/false", false="1", note="<b>thử điện</b>")
    assert (status, leads) == (303, page)
    assert town.quality().whole.false == 1
    html = await text(client, page)
    assert "&lt;b&gt;thử điện&lt;/b&gt;" in html and "Không phải báo sai" in html
    await post(client, f"{page}/false", false="0")
    assert town.quality().whole.false == 0


async def test_what_is_not_there_is_no_false_alarm(client: Client) -> None:
    for number in ("0", "999999"):
        assert (await post(client, f"/incidents/{number}/false", false="1"))[0] == 404
    async with client.post("/incidents/1/false", data={"false": "1"}) as answer:
        assert answer.status == 403, "a page of somebody else"


async def test_the_figures_are_in_the_metrics_and_the_api(client: Client) -> None:
    metrics = await text(client, "/metrics")
    assert "commune_monitor_alerts_incidents_30d" in metrics
    async with client.get("/api/v1/quality") as answer:
        assert (await answer.json())["whole"]["incidents"] > 0


async def test_the_health_page_says_who_watches_the_monitor(client: Client) -> None:
    html = await text(client, "/health")
    assert "Báo sống ra nơi theo dõi bên ngoài" in html and "07:30" in html
