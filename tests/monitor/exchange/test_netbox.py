"""NetBox, as its REST API answers: devices come in, and whatever else it says is an error in words."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from inventory.secrets import Secret
from monitor.exchange.netbox import FieldMap, NetBoxFailed, records
from monitor.exchange.record import Record

TOKEN = "canary-token-77"
SITES = [
    {
        "id": 1,
        "name": "Thành Sen",
        "slug": "thanh-sen",
        "facility": "18073",
        "custom_fields": {"code": "18073"},
    },
]


def device(number: int, **changes: Any) -> dict[str, Any]:
    """A device as NetBox 4 gives it."""
    return {
        "id": number,
        "name": f"SW-{number}",
        "display": f"Switch {number}",
        "role": {"id": 1, "slug": "access-switch", "name": "Access switch"},
        "site": {"id": 1, "name": "Thành Sen", "slug": "thanh-sen"},
        "primary_ip": {"id": number, "address": f"192.0.2.{number}/24"},
        "tags": [{"id": 1, "slug": "mot-cua", "name": "Một cửa"}],
        **changes,
    }


@asynccontextmanager
async def netbox(devices: list[dict[str, Any]], answer: web.Response | None = None) -> AsyncIterator[str]:
    """A server that pages as NetBox does and wants the token."""

    async def listed(request: web.Request) -> web.StreamResponse:
        if answer is not None:
            return web.Response(body=answer.body, status=answer.status, headers=answer.headers)
        if request.headers.get("Authorization") != f"Token {TOKEN}":
            return web.json_response({"detail": "Invalid token"}, status=403)
        everything = SITES if "sites" in request.path else devices
        limit, offset = int(request.query.get("limit", 50)), int(request.query.get("offset", 0))
        page = everything[offset : offset + limit]
        more = offset + limit < len(everything)
        following = f"{request.scheme}://{request.host}{request.path}?limit={limit}&offset={offset + limit}"
        return web.json_response(
            {"count": len(everything), "next": following if more else None, "results": page}
        )

    app = web.Application()
    app.router.add_get("/api/dcim/{what}/", listed)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def read(url: str, token: str = TOKEN, fields: FieldMap | None = None) -> list[Record]:
    chosen = fields or FieldMap(roles={"access-switch": "switch"})
    return await asyncio.to_thread(lambda: list(records(url, Secret(token), chosen)))


async def test_devices_come_with_site_address_role_and_tags_over_several_pages() -> None:
    async with netbox([device(number) for number in range(1, 251)]) as url:
        found = await read(url)
    assert len(found) == 250
    first = {key: value.text for key, value in found[0].values.items()}
    assert first == {
        "site": "18073",
        "site_name": "Thành Sen",
        "device": "sw-1",
        "title": "Switch 1",
        "address": "192.0.2.1",
        "role": "switch",
        "tags": "mot-cua",
    }


async def test_the_role_of_netbox_3_and_a_custom_field_are_understood() -> None:
    old = device(1)
    old["device_role"] = old.pop("role")
    async with netbox([old]) as url:
        (found,) = await read(url, fields=FieldMap("custom_fields.code", {"access-switch": "switch"}))
    assert (found.text("role"), found.text("site")) == ("switch", "18073")


async def test_a_device_without_name_or_address_is_told_by_its_number() -> None:
    async with netbox([device(7, name=None, primary_ip=None)]) as url:
        (found,) = await read(url)
    assert found.place.startswith("NetBox device 7") and found.text("address") == ""


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (web.Response(status=403, text='{"detail": "no"}', content_type="application/json"), "token"),
        (web.Response(status=500, text="oops"), "500"),
        (
            web.Response(status=200, text="<html>not netbox</html>", content_type="text/html"),
            "does not answer as NetBox",
        ),
        (web.json_response({"results": "nonsense"}), "does not answer as NetBox"),
        (web.Response(status=302, headers={"Location": "http://evil.example/"}), "sends on to"),
    ],
    ids=["refused", "broken", "no-json", "nonsense", "elsewhere"],
)
async def test_whatever_else_it_says_is_an_error_without_the_token(answer: web.Response, told: str) -> None:
    async with netbox([], answer) as url:
        with pytest.raises(NetBoxFailed) as failure:
            await read(url)
    assert told in str(failure.value) and TOKEN not in str(failure.value)


async def test_nobody_there_is_an_error_in_words() -> None:
    with pytest.raises(NetBoxFailed, match="does not answer"):
        await read("http://127.0.0.1:9")


async def test_the_command_takes_them_in(tmp_path: Path) -> None:
    from tests.monitor.exchange.test_sheets import call

    (tmp_path / "inventory").mkdir()
    (tmp_path / "secrets").mkdir(mode=0o700)
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "commune-monitor.yaml").write_text("web: {port: 0}\n")
    settings = tmp_path / "commune-monitor.yaml"
    async with netbox([device(1), device(2)]) as url:
        arguments = ("import", "netbox", url, "--token-file", str(tmp_path / "token"))
        more = ("--role", "access-switch=switch", "--write", "--json")
        result = await asyncio.to_thread(call, settings, *arguments, *more)
    assert result.exit_code == 0, result.output
    assert [one["id"] for one in json.loads(result.stdout)["changes"]] == [
        "18073",
        "18073/sw-1",
        "18073/sw-2",
    ]
    assert "192.0.2.1" in (tmp_path / "inventory" / "18073.yaml").read_text()
