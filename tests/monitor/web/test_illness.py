"""An ill monitor says so: the ledger or the store away, problems of its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from alerts.incident import Status, Words
from monitor.demo.controls import SimulatorFailed
from monitor.store import Latest, SeriesKey, StoreUnavailable
from monitor.vitals import Problem
from monitor.web.app import create_app
from tests.monitor.web.province import Province
from tests.monitor.web.switches import Switches
from tests.monitor.web.test_live import message
from tests.monitor.web.test_pages import ADDRESSES, text

Client = TestClient[Any, Any]
UNREAD = "Hiện không đọc được sổ sự cố"


@contextmanager
def ledger_away(folder: Path) -> Iterator[None]:
    """Take the tables that pages read out of the ledger's file for a while, as another program might."""
    tables = ("incidents", "timeline", "outbox", "host_keys")
    with closing(sqlite3.connect(folder / "ledger.sqlite", isolation_level=None)) as db:
        db.execute("PRAGMA legacy_alter_table=ON")
        for table in tables:
            db.execute(f"ALTER TABLE {table} RENAME TO {table}_away")
        try:
            yield
        finally:
            for table in tables:
                db.execute(f"ALTER TABLE {table}_away RENAME TO {table}")


async def resolved(town: Province) -> int:
    """Return the number of an incident that is over, which only the ledger still knows."""
    (incident,) = await town.ledger.incidents.search(status=Status.RESOLVED, limit=1)
    return incident.id


async def test_pages_show_the_present_while_the_ledger_cannot_be_read(
    client: Client, town: Province, tmp_path: Path
) -> None:
    current = next(iter(town.board.incidents))
    with ledger_away(tmp_path):
        for address in ("/", "/sites/18073", "/findings", "/health"):
            assert UNREAD not in await text(client, address)
        for address in ("/devices/18073/server", "/incidents", f"/incidents/{current}"):
            assert UNREAD in await text(client, address), address
        listed = await text(client, "/incidents?status=resolved")
        assert UNREAD in listed
        assert "Chưa có" not in listed, "what cannot be read is not said to be absent"
    assert UNREAD not in await text(client, "/devices/18100/server")


async def test_a_page_that_only_the_ledger_can_fill_says_what_is_wrong(
    client: Client, town: Province, tmp_path: Path
) -> None:
    number = await resolved(town)
    with ledger_away(tmp_path):
        async with client.get(f"/incidents/{number}") as answer:
            assert answer.status == 503
            assert answer.headers["Retry-After"] == "5"
            assert "không đọc được dữ liệu của chính nó" in await answer.text()
    assert (await client.get(f"/incidents/{number}")).status == 200


async def test_the_api_answers_503_while_the_ledger_cannot_be_read(
    client: Client, town: Province, tmp_path: Path
) -> None:
    with ledger_away(tmp_path):
        for address in ("/api/v1/incidents", f"/api/v1/incidents/{next(iter(town.board.incidents))}"):
            await assert_unavailable(client, address, "the ledger")
        async with client.get("/api/v1/devices/18073/server") as answer:
            assert answer.status == 200, "the present needs no ledger"


class AwayStore:
    """A store whose server does not answer."""

    async def latest(self, device: str, metric: str | None = None) -> list[Latest]:
        return [Latest(SeriesKey(device, metric or ""), "1", datetime.now(UTC), 1.0)]

    async def range(self, *asked: object) -> object:
        raise StoreUnavailable("InfluxDB did not answer a query in time")


async def test_the_api_answers_503_while_the_store_is_away(town: Province) -> None:
    app = create_app(town.context(store=AwayStore()))
    async with TestClient(TestServer(app)) as client:
        address = "/api/v1/series?device=18073/server&metric=system.cpu.utilization"
        await assert_unavailable(client, address, "InfluxDB did not answer")
        assert "<h1" in await text(client, "/devices/18073/server")


async def assert_unavailable(client: Client, address: str, words: str) -> None:
    async with client.get(address) as answer:
        assert answer.status == 503, address
        assert answer.content_type == "application/problem+json"
        assert answer.headers["Retry-After"] == "5"
        assert words in (await answer.json())["detail"]


class GoneSimulator(Switches):
    """Switches of a simulated province whose process has ended."""

    async def switch(self, kind: str, target: str, on: bool) -> None:
        raise SimulatorFailed("the simulated province does not answer any more")


async def test_a_simulator_that_is_gone_is_said_and_is_no_fault_of_the_page(town: Province) -> None:
    app = create_app(town.context(demo=GoneSimulator(town.inventory)))
    async with TestClient(TestServer(app)) as client:
        wish = {"kind": "fill-disk", "target": "18073", "on": True}
        async with client.post("/api/v1/demo/faults", json=wish) as answer:
            assert answer.status == 503
            assert "does not answer any more" in (await answer.json())["detail"]


async def test_a_viewer_stays_while_the_ledger_is_away(
    client: Client, town: Province, tmp_path: Path
) -> None:
    number = await resolved(town)
    async with client.get(f"/events?view=incident&id={number}") as stream:
        assert "data:" in await message(stream)
        with ledger_away(tmp_path):
            town.board.set_incident(next(iter(town.board.incidents.values())))
            assert (await message(stream)).startswith("event: alive")


async def test_a_problem_of_the_monitor_stands_on_every_page(client: Client, town: Province) -> None:
    nasty = "sổ sự cố: <b>đầy</b>"
    assert "Hệ thống giám sát đang bị lỗi" not in await text(client, "/sites/18100")
    town.problems.append(Problem(Words(nasty, "the ledger: full"), "ledger"))
    for address in ADDRESSES:
        page = await text(client, f"{address}{'&' if '?' in address else '?'}lang=vi")
        assert "sổ sự cố: &lt;b&gt;đầy" in page, address
        assert "<b>đầy" not in page


async def test_a_lesser_problem_is_said_without_alarm(town: Province) -> None:
    town.problems.append(Problem(Words("đo chậm", "polling is late"), "lateness", grave=False))
    async with TestClient(TestServer(create_app(town.context()))) as client:
        page = await text(client, "/?lang=en")
        assert "polling is late" in page
        assert "do not rely" not in page
        async with client.get("/healthz") as answer:
            assert answer.status == 200
            assert (await answer.json())["status"] == "degraded"


async def test_healthz_answers_503_with_the_problem_while_the_monitor_is_failing(
    client: Client, town: Province
) -> None:
    town.problems.append(Problem(Words("im", "No check has been answered for 300 s"), "checks"))
    async with client.get("/healthz") as answer:
        assert answer.status == 503
        assert await answer.json() == {
            "status": "failing",
            "version": "0.1.0",
            "problems": ["No check has been answered for 300 s"],
        }
    town.problems.clear()
    assert (await client.get("/healthz")).status == 200


@pytest.mark.parametrize("words", ["bị bỏ", "bị từ chối", "từ địa chỉ lạ"])
async def test_the_health_page_counts_traps_by_what_became_of_them(client: Client, words: str) -> None:
    assert f"SNMP trap {words}" in await text(client, "/health")
