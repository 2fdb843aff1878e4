"""The page of a device that fell silent: what it said before is what the operator now needs."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp.test_utils import TestClient, TestServer

from monitor.store import Latest, StoreUnavailable
from monitor.web.app import create_app
from monitor.web.charts import charts
from probes.core.observation import Fact, Outcome, Sample
from tests.monitor.web.province import Province
from tests.monitor.web.test_pages import text

Client = TestClient[Any, Any]
DEVICE = "18100/server"
PAGE = f"/devices/{DEVICE}"
CPU = Sample("system.cpu.utilization", 0.187)
LOADS = tuple(Sample(f"system.linux.cpu.load_{span}m", 0.5, "{thread}") for span in (15, 1, 5))


def answered(town: Province, check: str, *samples: Sample, minutes: float = 0) -> None:
    """Let a check have answered with `samples` and one fact."""
    at = datetime.now(UTC) - timedelta(minutes=minutes)
    town.observe(DEVICE, check, time=at, samples=samples, facts=(Fact("os.kernel", f"6.1 of {check}"),))


def silent(town: Province) -> None:
    """Let every check of the device have come back with nothing, now."""
    for check in ("icmp", "snmp", "ssh"):
        town.observe(DEVICE, check, outcome=Outcome.TIMEOUT, detail="no answer", time=datetime.now(UTC))


def part(html: str, name: str) -> str:
    """Return one section of the page."""
    return html.split(f'id="{name}"')[1].split("</section>")[0]


async def test_a_device_that_fell_silent_keeps_charts_values_and_facts_with_their_age(
    client: Client, town: Province
) -> None:
    answered(town, "snmp", CPU, minutes=12)
    await asyncio.sleep(0.05)
    silent(town)
    html = await text(client, PAGE)
    assert 'data-metric="system.cpu.utilization"' in part(html, "charts")
    for section, word in (("values", "18,7 %"), ("facts", "6.1 of snmp")):
        row = next(row for row in part(html, section).split("<tr") if word in row)
        assert row.startswith(" data-old"), section
        assert "12 phút trước" in row, section
    assert "Chưa đọc được số liệu nào" not in html
    assert "Chưa quan sát được gì" not in html


async def test_values_of_a_device_silent_since_the_start_come_from_the_store(town: Province) -> None:
    answered(town, "snmp", CPU, minutes=12)
    silent(town)
    await town.store.flush()
    async with TestClient(TestServer(create_app(town.context()))) as client:
        html = await text(client, PAGE)
    assert 'data-metric="system.cpu.utilization"' in part(html, "charts")
    row = next(row for row in part(html, "values").split("<tr") if "18,7 %" in row)
    assert row.startswith(" data-old")
    assert "12 phút trước" in row
    assert "probe.success" not in part(html, "values")


async def test_a_value_of_the_last_three_intervals_is_not_shown_as_old(
    client: Client, town: Province
) -> None:
    answered(town, "snmp", CPU, minutes=2)
    values = part(await text(client, PAGE), "values")
    assert "18,7 %" in values
    assert "data-old" not in values


class AwayStore:
    """A store whose server does not answer."""

    async def latest(self, device: str, metric: str | None = None) -> list[Latest]:
        raise StoreUnavailable("InfluxDB did not answer a query in time")


async def test_a_store_that_is_away_is_said_and_the_page_shows_what_is_remembered(town: Province) -> None:
    async with TestClient(TestServer(create_app(town.context(store=AwayStore())))) as client:
        values = part(await text(client, PAGE), "values")
        assert "Kho số liệu không trả lời" in values
        assert "Chưa đọc được số liệu nào" not in values
        answered(town, "snmp", CPU)
        await asyncio.sleep(0.2)
        assert "18,7 %" in part(await text(client, PAGE), "values")


async def test_two_checks_that_read_the_same_are_told_apart(client: Client, town: Province) -> None:
    answered(town, "snmp", CPU, Sample("system.uptime", 90.0, "s"))
    answered(town, "ssh", Sample(CPU.metric, 0.198))
    rows = part(await text(client, PAGE), "values").split("<tr")
    named = {name for row in rows for name in re.findall(r"<small[^>]*>(\w+)</small>", row)}
    assert named == {"snmp", "ssh"}
    assert "<small" not in next(row for row in rows if "system.uptime" in row)


async def test_load_is_one_chart_and_in_the_order_of_its_minutes(client: Client, town: Province) -> None:
    answered(town, "snmp", *LOADS)
    html = await text(client, PAGE)
    metrics = [f"system.linux.cpu.load_{span}m" for span in (1, 5, 15)]
    assert f'data-metric="{" ".join(metrics)}"' in part(html, "charts")
    assert 'data-names="Tải, 1 phút|Tải, 5 phút|Tải, 15 phút"' in html
    assert re.findall(r'title="(system\.linux[^"]*)"', part(html, "values")) == metrics


def test_a_family_is_drawn_with_the_members_that_are_there() -> None:
    (chart,) = charts(LOADS[:2], [])
    assert chart.metrics == ("system.linux.cpu.load_1m", "system.linux.cpu.load_15m")
