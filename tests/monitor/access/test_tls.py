"""TLS from files, and proxies in front."""

from __future__ import annotations

import asyncio
import os
import shutil
import ssl
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, CookieJar, TCPConnector
from aiohttp.test_utils import make_mocked_request
from yarl import URL

from monitor.web.app import serve
from monitor.web.peer import Peers
from monitor.web.tls import Certificate
from tests.monitor.access.house import PASSWORD, House, house
from tests.servers.certificates import Authority, Pair


def put(pair: Pair, folder: Path) -> tuple[Path, Path]:
    """Put a pair where the settings name it, as a renewal does: another file takes the name."""
    for source, name in ((pair.certificate, "chain.pem"), (pair.key, "key.pem")):
        shutil.copy(source, folder / f"{name}.new")
        (folder / f"{name}.new").replace(folder / name)
    return folder / "chain.pem", folder / "key.pem"


async def serial(url: str, trust: ssl.SSLContext) -> Any:
    _, writer = await asyncio.open_connection("127.0.0.1", URL(url).port, ssl=trust)
    try:
        return writer.get_extra_info("peercert")["serialNumber"]
    finally:
        writer.close()
        await writer.wait_closed()


async def test_a_renewed_certificate_is_served_and_a_broken_one_is_not(built: House, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    files = put(authority.issue("first"), tmp_path)
    trust = ssl.create_default_context(cafile=str(authority.root))
    certificate = Certificate(*files)
    context = built.town.context(access=built.access)
    async with serve(context, "127.0.0.1", 0, certificate.context) as url:
        assert url.startswith("https://")
        first = await serial(url, trust)
        files[1].write_bytes(authority.issue("other").key.read_bytes())  # the key of another certificate
        await certificate.follow()
        assert "no certificate and its key" in certificate.problem
        assert await serial(url, trust) == first
        put(authority.issue("second"), tmp_path)
        await certificate.follow()
        assert certificate.problem == ""
        assert await serial(url, trust) != first


async def test_over_tls_cookies_are_for_this_host_and_for_tls_only(built: House, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    trust = ssl.create_default_context(cafile=str(authority.root))
    certificate = Certificate(*put(authority.issue("first"), tmp_path))
    context = built.town.context(access=built.access)
    jar = CookieJar(unsafe=True)
    async with (
        serve(context, "127.0.0.1", 0, certificate.context) as url,
        ClientSession(connector=TCPConnector(ssl=trust), cookie_jar=jar) as session,
    ):
        form = {"name": "viewer", "password": PASSWORD}
        async with session.post(
            f"{url}/sign-in", data=form, headers={"Origin": url}, allow_redirects=False
        ) as answer:
            assert answer.status == 303
            cookie = next(line for line in answer.headers.getall("Set-Cookie") if "session=" in line)
            assert answer.headers["Strict-Transport-Security"]
        assert cookie.startswith("__Host-session=")
        assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
        async with session.get(f"{url}/api/v1/sites") as answer:
            assert answer.status == 200


@pytest.mark.parametrize("broken", ["no certificate", "an encrypted key"])
def test_files_that_cannot_be_used_are_named(tmp_path: Path, broken: str) -> None:
    files = put(Authority(tmp_path / "ca").issue("first"), tmp_path)
    if broken == "no certificate":
        files[0].write_text("no certificate")
    else:
        os.system(f"openssl ec -in {files[1]} -aes128 -passout pass:x -out {files[1]}.e 2>/dev/null")
        Path(f"{files[1]}.e").replace(files[1])
    with pytest.raises(OSError, match=r"web\.tls"):
        Certificate(*files)


@pytest.mark.parametrize(
    ("remote", "forwarded", "proto", "address", "secure"),
    [
        ("203.0.113.5", "198.51.100.1", "https", "203.0.113.5", False),  # nobody's proxy
        ("10.0.0.1", "198.51.100.1", "https", "198.51.100.1", True),
        (
            "10.0.0.1",
            "1.1.1.1, 198.51.100.1",
            "https",
            "198.51.100.1",
            True,
        ),  # the first is the client's own word
        ("10.0.0.1", "198.51.100.1, 10.0.0.2", "http", "198.51.100.1", False),
        ("10.0.0.1", "", "", "10.0.0.1", False),
        ("10.0.0.1", "not an address", "https, http", "10.0.0.1", False),
        ("10.0.0.1", "2001:db8::1", "https", "2001:db8::1", True),
        ("10.0.0.1", "::ffff:198.51.100.1", "https", "198.51.100.1", True),
        ("::ffff:10.0.0.1", "198.51.100.1", "https", "198.51.100.1", True),
    ],
)
def test_only_trusted_proxies_say_for_whom_they_ask(
    remote: str, forwarded: str, proto: str, address: str, secure: bool
) -> None:
    headers = {"X-Forwarded-For": forwarded, "X-Forwarded-Proto": proto}
    request = make_mocked_request("GET", "/", headers={name: text for name, text in headers.items() if text})
    peer = Peers(("10.0.0.0/8",)).of(request.clone(remote=remote))
    assert (peer.address, peer.secure) == (address, secure)


async def test_behind_a_proxy_with_tls_cookies_are_for_tls_only(tmp_path: Path) -> None:
    async with house(tmp_path, proxies=("127.0.0.1",)) as built:
        browser = await built.browser()
        form = {"name": "viewer", "password": PASSWORD}
        answer = await browser.post("/sign-in", form, **{"X-Forwarded-Proto": "https"})
        assert any(line.startswith("__Host-session=") for line in answer.headers.getall("Set-Cookie"))
