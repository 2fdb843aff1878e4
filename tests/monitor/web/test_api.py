"""The API: shapes, bounds and problem+json."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from alerts.incident import DeviceState
from tests.monitor.web.province import Province

Client = TestClient[Any, Any]


async def ask(client: Client, address: str) -> Any:
    async with client.get(address) as answer:
        assert answer.status == 200, await answer.text()
        assert answer.content_type == "application/json"
        return await answer.json()


async def test_sites_and_devices_have_states(client: Client, town: Province) -> None:
    town.set_state("18073/ups", DeviceState.DOWN, "gone")
    sites = {site["id"]: site for site in (await ask(client, "/api/v1/sites"))["sites"]}
    assert len(sites) == 70
    assert sites["18073"]["state"] == "down"
    assert sites["18073"]["extent"] == "part"
    devices = {one["id"]: one for one in (await ask(client, "/api/v1/devices"))["devices"]}
    assert len(devices) == 350
    assert devices["18073/ups"]["reason"] == {"vi": "gone", "en": "gone"}
    one = await ask(client, "/api/v1/sites/18073")
    assert [device["name"] for device in one["devices"]] == [
        "router",
        "switch",
        "server",
        "conference",
        "ups",
    ]


async def test_a_device_has_its_checks_with_samples(client: Client) -> None:
    one = await ask(client, "/api/v1/devices/18073/server")
    checks = {check["name"]: check for check in one["checks"]}
    assert checks["snmp"]["outcome"] == "ok"
    assert {"metric", "value", "unit"} <= checks["snmp"]["samples"][0].keys()
    assert checks["ssh"]["outcome"] is None
    assert one["owner"]["phone"] == "0912 345 678"


async def test_incidents_are_filtered_and_paged(client: Client) -> None:
    every = (await ask(client, "/api/v1/incidents"))["incidents"]
    numbers = [incident["id"] for incident in every]
    assert numbers == sorted(numbers, reverse=True)
    first = await ask(client, "/api/v1/incidents?limit=3")
    rest = await ask(client, f"/api/v1/incidents?before={first['next_before']}&limit=1000")
    assert [incident["id"] for incident in first["incidents"] + rest["incidents"]] == numbers
    findings = await ask(client, "/api/v1/incidents?kind=finding&status=open")
    assert {incident["kind"] for incident in findings["incidents"]} == {"finding"}
    assert (await ask(client, f"/api/v1/incidents/{numbers[-1]}"))["timeline"][0]["step"] == "opened"


async def test_series_come_in_slices_with_gaps_left_out(client: Client, town: Province) -> None:
    await town.store.flush()
    address = "/api/v1/series?device=18073/server&metric=system.filesystem.utilization&buckets=60"
    both = await ask(client, address)
    assert [line["labels"] for line in both["series"]] == [{"mountpoint": "/"}, {"mountpoint": "/var"}]
    assert both["unit"] == "1"
    assert 40 < len(both["series"][0]["points"]) < 60
    one = await ask(client, f"{address}&label.mountpoint=/var")
    assert [line["points"][0][2] for line in one["series"]] == [pytest.approx(0.77)]
    assert (await ask(client, address.replace("filesystem", "nothing")))["series"] == []


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/api/v1/sites/1", 404),
        ("/api/v1/devices/18073/x", 404),
        ("/api/v1/incidents/77777", 404),
        ("/api/v1/incidents/1e3", 404),
        ("/api/v1/incidents?limit=0", 400),
        ("/api/v1/incidents?limit=1001", 400),
        ("/api/v1/incidents?limit=٣", 400),
        ("/api/v1/incidents?status=gone", 400),
        ("/api/v1/series?metric=x", 400),
        ("/api/v1/series?device=18073/server&metric=x&buckets=2001", 400),
        ("/api/v1/series?device=18073/server&metric=x&from=yesterday", 400),
        ("/api/v1/series?device=18073/server&metric=x&from=2026-01-01T00:00:00", 400),
        ("/api/v1/series?device=18073/server&metric=x&from=99999999999999", 400),
        ("/api/v1/series?device=18073/server&metric=x&from=200&to=100", 400),
        ("/api/v1/series?device=18073/server&metric=x&from=0", 400),
        ("/api/v1/series?device=18073/server&metric=x&strange=1", 400),
        ("/api/v1/series?device=nowhere/x&metric=x", 404),
        (f"/api/v1/series?device=18073/server&metric={'x' * 300}", 400),
        ("/events?view=nothing", 404),
        ("/events?view=site&site=nothing", 404),
    ],
)
async def test_what_is_wrong_is_answered_as_a_problem(client: Client, address: str, status: int) -> None:
    async with client.get(address) as answer:
        assert answer.status == status
        assert answer.content_type == "application/problem+json"
        problem = await answer.json()
        assert problem["status"] == status
        assert problem["detail"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_the_api_only_reads(client: Client, method: str) -> None:
    for address in ("/api/v1/sites", "/api/v1/devices", "/api/v1/incidents", "/"):
        assert (await client.request(method, address)).status == 405


async def test_healthz_answers(client: Client) -> None:
    assert (await ask(client, "/healthz"))["status"] == "ok"


async def test_the_demo_is_switched_by_programs_and_not_by_other_pages(
    client: Client, town: Province
) -> None:
    wish = {"kind": "fill-disk", "target": "18073", "on": True}
    address = "/api/v1/demo/faults"
    evil = {"Origin": "http://evil.example"}
    assert (await client.post(address, json=wish, headers=evil)).status == 403
    assert (await client.post(address, json=wish, headers={"Sec-Fetch-Site": "cross-site"})).status == 403
    assert (await client.post(address, data=b"{}", headers={"Content-Type": "text/plain"})).status == 415
    assert (await client.post(address, json={**wish, "on": "yes"})).status == 400
    assert (await client.post(address, json={**wish, "kind": "x"})).status == 400
    assert (await client.post(address, json={**wish, "target": "x" * 100_000})).status == 413
    assert (await client.post(address, json=wish)).status == 200
    told = await ask(client, address)
    assert [fault["kind"] for fault in told["faults"]] == ["fill-disk"]
    assert told["kinds"][0]["effect"]["en"]
    assert len(await town.demo.faults()) == 1
