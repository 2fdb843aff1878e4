"""One contract for every notifier: refusing, slow, busy and senseless servers; no secret in any error."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import shutil
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from alerts.telling.notifier import Refused, TryLater, discover
from inventory.network_policy import NetworkPolicy
from inventory.secrets import SecretMissing
from tests.alerts.messages import message
from tests.alerts.notifiers.cases import (
    CANARY,
    CASES,
    Case,
    build,
    built,
    every_notifier,
    give_url,
    opened,
    port_of,
)
from tests.patience import eventually
from tests.servers import hostile
from tests.servers.webhook import webhook


def test_every_notifier_is_found_and_has_a_contract_case() -> None:
    assert set(discover()) == {case.kind for case in CASES}


@every_notifier
async def test_a_closed_port_is_tried_later(case: Case, secrets: Path) -> None:
    with hostile.refusing_tcp() as server:
        async with opened(case, secrets, server.port) as notifier:
            with pytest.raises(TryLater) as caught:
                await notifier.send(message())
    assert CANARY not in str(caught.value)


@every_notifier
@pytest.mark.parametrize(
    "behaviour", [hostile.garbage, hostile.hang_up, hostile.reset], ids=lambda b: b.__name__
)
async def test_a_senseless_answer_is_tried_later(case: Case, secrets: Path, behaviour: Any) -> None:
    async with hostile.tcp(behaviour) as server, opened(case, secrets, server.port) as notifier:
        with pytest.raises(TryLater) as caught:
            async with asyncio.timeout(20):
                await notifier.send(message())
    assert CANARY not in str(caught.value) and CANARY not in repr(caught.value.__cause__)


@every_notifier
async def test_a_silent_server_is_left_at_the_deadline(case: Case, secrets: Path) -> None:
    async with hostile.tcp(hostile.silent) as server, opened(case, secrets, server.port) as notifier:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await notifier.send(message())


@every_notifier
async def test_no_secret_is_shown_by_the_notifier_or_logged(
    case: Case, secrets: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with hostile.refusing_tcp() as server:
        async with opened(case, secrets, server.port) as notifier:
            with contextlib.suppress(TryLater):
                await notifier.send(message())
            assert CANARY not in repr(notifier.settings) + repr(vars(notifier))
    assert CANARY not in caplog.text


@every_notifier
def test_a_missing_secret_is_said_when_the_channel_is_built(case: Case, tmp_path: Path) -> None:
    with pytest.raises(SecretMissing, match="canary"):
        build(case.kind, tmp_path, **case.settings(1))


@every_notifier
async def test_a_secret_is_read_for_each_message(case: Case, secrets: Path) -> None:
    with hostile.refusing_tcp() as server:
        async with opened(case, secrets, server.port) as notifier:
            shutil.rmtree(secrets)
            with pytest.raises(TryLater, match=r"canary.*: there is no such file"):
                await notifier.send(message())


@every_notifier
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
async def test_no_channel_leads_to_this_machine_unless_it_says_so(
    case: Case, secrets: Path, host: str
) -> None:
    if host.startswith("[") and case.kind == "email":
        host = host.strip("[]")
    if host.startswith("[") and case.kind == "apprise":
        pytest.skip("Apprise does not know this form of an address")
    async with hostile.tcp(hostile.silent) as server:
        give_url(case, secrets, host, server.port)
        there = json.loads(json.dumps(case.settings(server.port)).replace("127.0.0.1", host))
        async with built(case.kind, secrets, NetworkPolicy(), there) as notifier:
            with pytest.raises(TryLater, match=r"\(loopback\).*`allow:` of this channel"):
                await notifier.send(message())
        assert server.connections == 0
        allowed = there | {"allow": ["127.0.0.0/8", "::1"]}
        async with built(case.kind, secrets, NetworkPolicy(), allowed) as notifier:
            sending = asyncio.create_task(notifier.send(message()))
            await eventually(lambda: server.connections == 1)
            await asyncio.sleep(0.1)
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)


@pytest.mark.parametrize(
    "kind", ["webhook", "telegram", "zalo_bot", "alertmanager", "esms", "speedsms", "http"]
)
async def test_429_says_when_to_come_back(kind: str, secrets: Path) -> None:
    case = next(case for case in CASES if case.kind == kind)
    body = b'{"ok": false, "error_code": 429, "parameters": {"retry_after": 7}}'
    async with (
        webhook(status=429, body=body, headers={"Retry-After": "7"}) as hook,
        opened(case, secrets, port_of(hook.url)) as notifier,
    ):
        with pytest.raises(TryLater) as caught:
            await notifier.send(message())
    assert caught.value.retry_after == 7


@every_notifier
async def test_a_wrong_address_is_refused_and_nothing_is_sent(case: Case, secrets: Path) -> None:
    async with hostile.tcp(hostile.silent) as server, opened(case, secrets, server.port) as notifier:
        for wrong in ("x\nBcc: thief@example.com", "\x1b[2J", "@" * 5000):
            with pytest.raises(Refused):
                notifier.address(wrong)
            with pytest.raises(Refused):
                async with asyncio.timeout(5):
                    await notifier.send(replace(message(), to=wrong))
        assert server.connections == 0


OVER_HTTP = [case for case in CASES if case.kind not in ("email", "zns")]
"""ZNS asks for a token before it sends; its own tests cover the rest."""


@pytest.mark.parametrize("case", OVER_HTTP, ids=lambda case: case.kind)
async def test_a_channel_that_takes_the_message_and_then_fails_is_tried_again(
    case: Case, secrets: Path
) -> None:
    async with (
        webhook(status=502, body=b"<html>Bad Gateway " + CANARY.encode()) as hook,
        opened(case, secrets, port_of(hook.url)) as notifier,
    ):
        for _ in range(2):
            with pytest.raises(TryLater) as caught:
                await notifier.send(message())
            assert CANARY not in str(caught.value)
    sent = [request.body for request in hook.requests]
    assert sent[: len(sent) // 2] == sent[len(sent) // 2 :], "the same again, so that it can be known again"


@pytest.mark.parametrize("case", [one for one in CASES if one.kind != "apprise"], ids=lambda case: case.kind)
async def test_an_answer_without_end_is_not_read_to_its_end(case: Case, secrets: Path) -> None:
    async with hostile.tcp(endless) as server, opened(case, secrets, server.port) as notifier:
        with pytest.raises((TryLater, TimeoutError)):
            async with asyncio.timeout(2):
                await notifier.send(message())


async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer with JSON that goes on and on."""
    await reader.read(1)
    writer.write(
        b"HTTP/1.1 503 Busy\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n["
    )
    with contextlib.suppress(OSError):
        while True:
            writer.write(b"[" * 65536)
            await writer.drain()
