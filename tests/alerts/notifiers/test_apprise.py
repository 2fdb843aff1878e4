"""Services through Apprise: confined to what the channel may reach, no programs, files, markup, secrets in errors."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
from apprise import Apprise
from msgspec.structs import replace

from alerts.notifiers.apprise import refusal
from alerts.telling.confined import Confined, Forbidden, Stuck
from alerts.telling.notifier import Notifier, Refused, TryLater
from tests.alerts.messages import message
from tests.alerts.notifiers.cases import build
from tests.servers.webhook import webhook


def through(folder: Path, url: str, **settings: Any) -> Notifier[Any]:
    (folder / "service").write_text(url)
    return build("apprise", folder, url={"file": "service"}, timeout=2, **settings)


async def test_a_service_is_told_in_plain_text_that_cannot_be_a_link_or_a_mention(tmp_path: Path) -> None:
    async with webhook() as hook, through(tmp_path, hook.url.replace("http", "json") + "/x") as notifier:
        await notifier.send(message(title="[a](http://evil.vn) <b> `x` @all"))
    body = json.loads(hook.requests[0].body)
    title = body["title"].replace("\N{WORD JOINER}", "|")
    assert title == "[a] (http://|evil.|vn) ‹b› 'x' @|all"
    assert "Xã Thạch Hà" in body["message"]


async def test_a_modem_gets_one_short_text_for_each_number(tmp_path: Path) -> None:
    url = "{}/send/{{to}}"
    async with webhook() as hook:
        address = url.format(hook.url.replace("http", "json"))
        async with through(tmp_path, address, short=True, to=["0911111111"]) as notifier:
            await notifier.send(message())
            await notifier.send(replace(message(), to="0922222222"))
    assert [request.path for request in hook.requests] == ["/send/0911111111", "/send/0922222222"]
    assert json.loads(hook.requests[0].body)["message"].isascii()


async def test_a_service_without_a_place_tells_nobody_in_particular(tmp_path: Path) -> None:
    async with through(tmp_path, "json://192.0.2.1/x") as notifier:
        with pytest.raises(Refused, match="no place"):
            await notifier.send(replace(message(), to="0911"))


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("macosx://", "starts programs"),
        ("dbus://", "starts programs"),
        ("SYSLOG://", "on this machine"),
        ("fcm://project@key/device/?keyfile=/etc/passwd", "from files"),
        ("slack://a/b/c/?template=/etc/passwd", "names a file"),
        ("nosuch://canary-secret", "no such service or address: nosuch://…"),
        ("canary-secret", "no such service or address"),
        ("json://[canary-secret/x", "no"),
        ("smpp://canary-secret:p@192.0.2.1:2775/UBND/84912345678", "wants the Python package smpplib"),
    ],
)
async def test_what_would_run_programs_or_read_files_is_refused_with_the_reason(
    tmp_path: Path, url: str, why: str
) -> None:
    async with through(tmp_path, url) as notifier:
        with pytest.raises(TryLater, match=why) as caught:
            await notifier.send(message())
    assert "canary" not in str(caught.value) and "passwd" not in str(caught.value)


def test_the_locked_library_has_every_service_that_the_documentation_names() -> None:
    page = (Path(__file__).parents[3] / "docs" / "notifiers.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\b([a-z]+)://(?:TOKEN|USER|KEY)", page))
    assert {"smpp", "smseagle", "httpsms"} <= named
    with warnings.catch_warnings(action="ignore"):
        known = Apprise().details(show_disabled=True)["schemas"]
    assert named <= {
        one
        for service in known
        for one in (*(service["protocols"] or ()), *(service["secure_protocols"] or ()))
    }


def test_what_the_library_offers_otherwise_is_not_refused() -> None:
    for url in ("slack://a/b/c", "smpp://u:p@h/1/2", "smseagle://t@h/1", "ntfy://h/t", "pagerduty://k@i"):
        assert refusal(url) == ""


async def test_a_redirect_to_this_machine_is_not_followed(tmp_path: Path) -> None:
    async with webhook() as inner, webhook(status=307, headers={"Location": inner.url}) as hook:
        async with through(tmp_path, hook.url.replace("http", "json")) as notifier:
            with pytest.raises(TryLater):
                await notifier.send(message())
        assert inner.requests == []


async def test_confined_work_starts_no_program_and_others_still_may() -> None:
    confined = Confined("test", lambda address: "")

    def start() -> int:
        return subprocess.run([sys.executable, "-c", ""], check=True).returncode

    with pytest.raises(Forbidden, match="start a program"):
        await confined.run(start)
    assert await asyncio.to_thread(start) == 0


async def test_work_that_hangs_takes_no_more_than_its_threads() -> None:
    confined = Confined("test", lambda address: "", threads=1)
    import threading

    release = threading.Event()
    hanging = asyncio.create_task(confined.run(release.wait))
    await asyncio.sleep(0.05)
    with pytest.raises(Stuck):
        await confined.run(lambda: 1)
    release.set()
    assert await hanging
    await asyncio.sleep(0.05)
    assert await confined.run(lambda: 1) == 1
