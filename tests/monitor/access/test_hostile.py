"""What strangers may send to the addresses that are open to them: never a failure of ours, never a way in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.monitor.access.house import PASSWORD, House

FORM = "application/x-www-form-urlencoded"
BODIES: tuple[tuple[str, bytes], ...] = (
    (FORM, b""),
    (FORM, b"\xff\xfe\x00name=%ff&password=%00"),
    (FORM, b"name=" + b"%F0%9F%92%A9" * 500),
    (FORM, b"name=viewer&name=admin&password=x"),
    (FORM, b"&" * 4000),
    (f"{FORM}; charset=utf-99", b"name=viewer"),
    (f"{FORM}; charset=utf-16", b"name=viewer"),
    ("multipart/form-data; boundary=x", b"--x\r\ngarbage"),
    ("application/json", b"{"),
    ("application/json", b"[" * 4000),
    ("application/json", b'{"key": 1, "credential": []}'),
    ("application/json", json.dumps({"key": "x", "credential": {"id": {"a": 1}}}).encode()),
    ("application/json", json.dumps({"key": "\ud800", "credential": {}, "next": "//x"}).encode()),
    ("application/octet-stream", b"\x00" * 4000),
)
OPEN = ("/sign-in", "/sign-in/code", "/sign-in/passkey", "/sign-in/passkey/options", "/a/AAAAAAAAAAAAAAAA")


@pytest.mark.parametrize("path", OPEN)
async def test_garbage_is_refused_by_every_address_that_is_open(built: House, path: str) -> None:
    stranger = await built.browser()
    for kind, body in BODIES:
        headers = {"Content-Type": kind, "Origin": stranger.origin}
        answer = await stranger.client.post(path, data=body, headers=headers, allow_redirects=False)
        assert answer.status < 500, (kind, body[:40])
        assert stranger.cookie() == ""


@pytest.mark.parametrize(
    "credential",
    [
        {},
        {"id": None},
        {"id": "x", "rawId": "x", "type": "public-key", "response": None},
        {"id": "x", "rawId": "!!", "type": "public-key", "response": {"clientDataJSON": "AA"}},
        {"id": "x" * 20_000},
    ],
)
async def test_passkeys_that_are_none_prove_nothing(built: House, credential: dict[str, Any]) -> None:
    stranger = await built.browser()
    headers = {"Origin": stranger.origin}
    async with stranger.client.post("/sign-in/passkey/options", json={}, headers=headers) as answer:
        key = (await answer.json())["key"]
    body = {"key": key, "credential": credential}
    async with stranger.client.post("/sign-in/passkey", json=body, headers=headers) as answer:
        assert answer.status == 401
    viewer = await built.browser("viewer")
    async with viewer.client.post("/account/passkeys/options", json={}, headers=headers) as answer:
        key = (await answer.json())["key"]
    body = {"key": key, "credential": credential, "title": "x"}
    async with viewer.client.post("/account/passkeys", json=body, headers=headers) as answer:
        assert answer.status == 422


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Cookie", "session=\xff\xfe; browser=\udc80"),
        ("Cookie", "session=" + "x" * 6000),
        ("Cookie", "session=; ;;=;"),
        ("Authorization", "Bearer"),
        ("Authorization", "Bearer \xff"),
        ("Authorization", "Bearer " + "x" * 6000),
        ("Authorization", "Basic YWRtaW46YWRtaW4="),
        ("X-Forwarded-For", "1.2.3.4"),
    ],
)
async def test_keys_that_are_none_open_nothing(built: House, name: str, value: str) -> None:
    stranger = await built.browser()
    raw = value.encode("utf-8", "surrogateescape").decode("latin-1")
    answer = await stranger.get("/api/v1/sites", headers={name: raw})
    assert answer.status == 401


async def test_passwords_and_keys_stand_in_no_log(built: House, caplog: pytest.LogCaptureFixture) -> None:
    browser = await built.browser()
    await browser.sign_in("viewer", "wrong-password-of-viewer")
    await browser.sign_in("viewer")
    told = str([vars(record) for record in caplog.records])
    assert "wrong-password" not in told and PASSWORD not in told and browser.cookie() not in told
