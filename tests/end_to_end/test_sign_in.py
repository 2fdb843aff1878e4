"""From the first start to the first operator, as an administrator does it."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from click.testing import CliRunner

from monitor.app import service
from monitor.cli import main
from tests.end_to_end.site import load, write_service
from tests.servers.ports import free_port

OWN = "mật khẩu của riêng quản trị"


def console(settings: Path, *words: str) -> str:
    result = CliRunner().invoke(main, ["--settings", str(settings), "user", *words])
    assert result.exit_code == 0, result.output
    return result.output.strip()


async def send(
    session: aiohttp.ClientSession, path: str, page: str = "", **fields: str
) -> aiohttp.ClientResponse:
    """Send a form as a browser does, with the key of its page."""
    if page:
        async with session.get(page) as answer:
            found = re.search(r'name="csrf" value="([0-9a-f]+)"', await answer.text())
        fields["csrf"] = found[1] if found else ""
    origin = {"Origin": str(session._base_url).rstrip("/")}
    return await session.post(path, data=fields, headers=origin, allow_redirects=False)


def browser(url: str) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(url, cookie_jar=aiohttp.CookieJar(unsafe=True))


async def test_the_first_administrator_signs_in_and_adds_people_from_the_console(tmp_path: Path) -> None:
    checks: dict[str, Any] = {"port": {"probe": "tcp", "port": free_port()}}
    settings = write_service(tmp_path, checks, web={"port": 0})
    file = tmp_path / "data" / "admin-password"
    async with service(load(settings)) as url, browser(url) as admin:
        password = file.read_text().strip()
        assert (await send(admin, "/sign-in", name="admin", password=password)).status == 303
        fields = {"old": password, "new": OWN, "again": OWN}
        assert (await send(admin, "/account/password", "/account/password", **fields)).status == 303
        assert not file.exists()
        async with admin.get("/inventory/files") as answer:
            assert answer.status == 200
        once = await asyncio.to_thread(console, settings, "add", "lan", "operator", "--sites", "18562")
        async with browser(url) as lan:
            await asyncio.sleep(2.2)  # the service looks each second whether another process wrote
            answer = await send(lan, "/sign-in", name="lan", password=once)
            assert (answer.status, answer.headers["Location"]) == (303, "/account/password")
            await asyncio.to_thread(console, settings, "disable", "lan")
            await asyncio.sleep(2.2)
            async with lan.get("/account/password", allow_redirects=False) as gone:
                assert gone.status == 303 and gone.headers["Location"].startswith("/sign-in")
    async with service(load(settings)) as url, browser(url) as admin:
        assert not file.exists()
        assert (await send(admin, "/sign-in", name="admin", password=OWN)).status == 303


async def test_where_there_is_no_login_every_page_says_so(tmp_path: Path) -> None:
    settings = write_service(tmp_path, {"port": {"probe": "tcp", "port": free_port()}})
    async with service(load(settings)) as url, browser(url) as anybody:
        for path in ("/", "/incidents", "/inventory/files", "/nowhere"):
            async with anybody.get(path) as answer:
                assert "ai dùng máy này cũng làm được mọi việc" in await answer.text(), path
        async with anybody.get("/users") as answer:
            assert answer.status == 404
    assert not (tmp_path / "data" / "admin-password").exists()


@pytest.mark.parametrize(
    ("web", "told"),
    [
        ({"tls": {"certificate": "none.pem", "key": "none.key"}}, "none.pem"),
        ({"oidc": {"issuer": "https://x.example", "client_id": "x", "ca_file": "none.pem"}}, "none.pem"),
        (
            {"ldap": {"servers": "ldaps://x", "base": "dc=x", "bind_as": "{name}@x", "ca_file": "ca.pem"}},
            "ca.pem",
        ),
    ],
)
async def test_a_start_with_files_that_cannot_be_used_names_them(
    tmp_path: Path, web: dict[str, Any], told: str
) -> None:
    for part in ("oidc", "ldap"):
        if part in web:
            web[part]["roles"] = [{"group": "*", "role": "viewer"}]
    settings = write_service(
        tmp_path, {"port": {"probe": "tcp", "port": free_port()}}, web={"port": 0, **web}
    )
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(OSError) as caught:
        async with service(load(settings)):
            pass
    assert told in f"{caught.value} {caught.value.filename}"
