"""One contract for every notifier: refusing, slow, busy and senseless servers; no secret in any error."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import shutil
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from pydantic import TypeAdapter, ValidationError

from alerts.incident import Kind, Severity
from alerts.notifiers.webhook import signature
from alerts.telling.notifier import Notifier, Refused, TryLater, discover, open_channels, settings_type
from inventory.network_policy import NetworkPolicy
from inventory.secrets import Secret, SecretMissing, Secrets
from tests import loopback
from tests.alerts.messages import message
from tests.patience import eventually
from tests.servers import hostile
from tests.servers.smtp import smtp
from tests.servers.telegram import telegram
from tests.servers.webhook import webhook

CANARY = "canary-7f3a9"


@dataclass(frozen=True)
class Case:
    """How to point one kind of notifier at a server on a port."""

    kind: str
    settings: Callable[[int], dict[str, Any]]


CASES = [
    Case(
        "webhook",
        lambda port: {
            "url": f"http://127.0.0.1:{port}/hook",
            "signing_key": {"file": "canary"},
            "bearer_token": {"file": "canary"},
        },
    ),
    Case(
        "telegram",
        lambda port: {"token": {"file": "canary"}, "chat_id": "-100", "api": f"http://127.0.0.1:{port}"},
    ),
    Case(
        "email",
        lambda port: {
            "host": "127.0.0.1",
            "port": port,
            "user": "monitor",
            "password": {"file": "canary"},
            "sender": "Giám sát <monitor@example.vn>",
            "to": ["truc@example.vn"],
        },
    ),
    Case(
        "alertmanager",
        lambda port: {"url": f"http://127.0.0.1:{port}/hook", "bearer_token": {"file": "canary"}},
    ),
    Case(
        "zalo_bot",
        lambda port: {
            "token": {"file": "canary"},
            "chat_id": "6ede9afa66b88fe6d6a9",
            "api": f"http://127.0.0.1:{port}",
        },
    ),
    Case(
        "zns",
        lambda port: {
            "app_id": "123",
            "secret_key": {"file": "canary"},
            "refresh_token": {"file": "canary"},
            "template_id": "7895417",
            "template_data": {"noi": "${place}", "tin": "${summary} (${severity})"},
            "to": ["0912345678"],
            "url": f"http://127.0.0.1:{port}/send",
            "token_url": f"http://127.0.0.1:{port}/token",
        },
    ),
    Case(
        "esms",
        lambda port: {
            "api_key": {"file": "canary"},
            "secret_key": {"file": "canary"},
            "brandname": "UBND",
            "to": ["0912345678", "+84 987 654 321"],
            "url": f"http://127.0.0.1:{port}/send",
        },
    ),
    Case(
        "speedsms",
        lambda port: {
            "token": {"file": "canary"},
            "to": ["0912345678"],
            "url": f"http://127.0.0.1:{port}/send",
        },
    ),
    Case(
        "http",
        lambda port: {
            "url": f"http://127.0.0.1:{port}/send?to=${{to}}",
            "headers": {"X-Key": "${key_of_ours}"},
            "body": '{"to": "${to}", "content": "${sms}"}',
            "secrets": {"key_of_ours": {"file": "canary"}},
            "to": ["0912345678"],
        },
    ),
    Case("apprise", lambda port: {"url": {"file": f"canary-{port}"}}),
]
every_notifier = pytest.mark.parametrize("case", CASES, ids=lambda case: case.kind)


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    (tmp_path / "canary").write_text(CANARY)
    return tmp_path


def give_url(case: Case, secrets: Path, host: str, port: int) -> None:
    """The whole address of a service of Apprise is a secret."""
    if case.kind == "apprise":
        (secrets / f"canary-{port}").write_text(f"json://monitor:{CANARY}@{host}:{port}/{CANARY}")


def build(kind: str, secrets: Path, /, **settings: Any) -> Notifier[Any]:
    """Build a notifier from settings as they stand in the settings file; loopback is permitted."""
    return built(kind, secrets, loopback.POLICY, settings)


def built(kind: str, secrets: Path, policy: NetworkPolicy, settings: dict[str, Any]) -> Notifier[Any]:
    text = json.dumps({"kind": kind, **settings})
    chosen = TypeAdapter(settings_type()).validate_json(text, strict=True)
    return open_channels({"duty": chosen}, Secrets(secrets), policy, secrets / "state")["duty"]


def port_of(url: str) -> int:
    """Return the port a server's URL names."""
    return int(url.rpartition(":")[2])


@contextlib.asynccontextmanager
async def opened(case: Case, secrets: Path, port: int) -> AsyncIterator[Notifier[Any]]:
    give_url(case, secrets, "127.0.0.1", port)
    async with build(case.kind, secrets, **case.settings(port)) as notifier:
        yield notifier


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


async def test_another_token_is_used_without_a_restart(secrets: Path) -> None:
    async with telegram("another") as bot, opened(CASES[1], secrets, port_of(bot.url)) as notifier:
        (secrets / "canary").write_text("another")
        await notifier.send(message())
    assert len(bot.texts) == 1


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


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, Refused), (413, Refused), (401, TryLater), (404, TryLater), (302, TryLater), (503, TryLater)],
)
async def test_webhook_tells_a_refused_message_from_a_broken_channel(
    secrets: Path, status: int, error: type[Exception]
) -> None:
    async with webhook(status=status) as hook, build("webhook", secrets, url=hook.url) as notifier:
        with pytest.raises(error):
            await notifier.send(message())


async def test_webhook_follows_no_redirect(secrets: Path) -> None:
    async with webhook() as inner, webhook(status=307, headers={"Location": inner.url}) as hook:
        async with build("webhook", secrets, url=hook.url) as notifier:
            with pytest.raises(TryLater):
                await notifier.send(message())
        assert inner.requests == []


async def test_webhook_posts_signed_json(secrets: Path) -> None:
    async with (
        webhook() as hook,
        build("webhook", secrets, url=hook.url, signing_key={"file": "canary"}) as notifier,
    ):
        await notifier.send(message())
    (request,) = hook.requests
    body = json.loads(request.body)
    assert body["version"] == 1 and body["message"]["incident"]["key"]["device"] == "18562/router"
    assert request.headers["Idempotency-Key"] == "1:opened:duty"
    stamp = request.headers["X-Commune-Monitor-Timestamp"]
    assert request.headers["X-Commune-Monitor-Signature"] == signature(Secret(CANARY), stamp, request.body)


async def test_telegram_sends_plain_text(secrets: Path) -> None:
    async with telegram(CANARY) as bot:
        case = CASES[1]
        async with opened(case, secrets, port_of(bot.url)) as notifier:
            await notifier.send(message(title="*x* [a](javascript:1) <b>"))
    assert bot.texts[0].splitlines()[0] == "*x* [a](javascript:1) <b>"
    assert "parse_mode" not in bot.sent[0]
    assert bot.sent[0]["link_preview_options"] == {"is_disabled": True}


async def test_telegram_cuts_what_is_too_long(secrets: Path) -> None:
    async with telegram(CANARY) as bot, opened(CASES[1], secrets, port_of(bot.url)) as notifier:
        await notifier.send(message(title="\N{PILE OF POO}" * 5000))
    assert len(bot.texts) == 1


async def test_telegram_with_a_wrong_token_or_chat_is_tried_later(secrets: Path) -> None:
    async with telegram("another") as bot, opened(CASES[1], secrets, port_of(bot.url)) as notifier:
        with pytest.raises(TryLater, match="does not know the bot"):
            await notifier.send(message())
    async with telegram(CANARY) as bot:
        bot.chats = frozenset()
        async with opened(CASES[1], secrets, port_of(bot.url)) as notifier:
            with pytest.raises(TryLater, match="chat not found"):
                await notifier.send(message())


async def test_telegram_goes_through_a_proxy(secrets: Path) -> None:
    async with webhook(body=b'{"ok": true}') as proxy:
        settings = {"token": {"file": "canary"}, "chat_id": "-100", "api": "http://telegram.invalid"}
        async with build("telegram", secrets, **settings, proxy=proxy.url) as notifier:
            await notifier.send(message())
        assert proxy.requests[0].headers["Host"] == "telegram.invalid"


ZNS = {
    "app_id": "123",
    "secret_key": {"file": "k"},
    "refresh_token": {"file": "r"},
    "template_id": "7",
    "to": ["0912345678"],
}
PLAIN_MAIL = {
    "host": "127.0.0.1",
    "security": "none",
    "sender": "monitor@example.vn",
    "to": ["a@example.vn", "b@example.vn"],
}


async def test_email_reaches_a_real_server_in_vietnamese(secrets: Path) -> None:
    async with smtp() as server, build("email", secrets, **PLAIN_MAIL, port=server.port) as notifier:
        await notifier.send(message())
        await notifier.send(message())
    first, second = server.mails
    assert first["Subject"] == "[SỰ CỐ] Xã Thạch Hà: mất kết nối"
    assert "Đầu mối: A" in first.get_content()
    assert server.recipients[0] == ["a@example.vn", "b@example.vn"]
    assert first["Message-ID"] == second["Message-ID"]
    assert first["Auto-Submitted"] == "auto-generated"


async def test_email_logs_in_over_starttls(secrets: Path) -> None:
    pair = certificate(secrets)
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server_side.load_cert_chain(*pair)
    async with smtp(tls=server_side, user="monitor", password=CANARY) as server:
        settings = CASES[2].settings(server.port) | {"ca_file": str(pair[0])}
        async with build("email", secrets, **settings) as notifier:
            await notifier.send(message())
        assert len(server.mails) == 1
        (secrets / "canary").write_text("wrong-" + CANARY)
        async with build("email", secrets, **settings) as notifier:
            with pytest.raises(TryLater, match="user and password: 535") as caught:
                await notifier.send(message())
        assert CANARY not in str(caught.value)
        async with build("email", secrets, **CASES[2].settings(server.port)) as notifier:
            with pytest.raises(TryLater):  # the certificate is not one the system trusts
                await notifier.send(message())


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        ({"reply": "451 busy"}, TryLater),
        ({"reply": "554 spam"}, Refused),
        ({"recipient_reply": "450 greylisted"}, TryLater),
        ({"recipient_reply": "550 no such user"}, Refused),
    ],
)
async def test_email_tells_for_now_from_for_good(
    secrets: Path, behaviour: dict[str, str], error: type[Exception]
) -> None:
    async with (
        smtp(**behaviour) as server,  # type: ignore[arg-type]
        build("email", secrets, **PLAIN_MAIL, port=server.port) as notifier,
    ):
        with pytest.raises(error):
            await notifier.send(message())


async def test_a_subject_cannot_bring_headers_of_its_own(secrets: Path) -> None:
    async with smtp() as server, build("email", secrets, **PLAIN_MAIL, port=server.port) as notifier:
        with pytest.raises(Refused):
            await notifier.send(message(title="x\r\nBcc: thief@example.com"))
    assert server.mails == []


@pytest.mark.parametrize(
    "settings",
    [
        {"kind": "webhook", "url": "ftp://x"},
        {"kind": "webhook", "url": "http://user:pw@host/"},
        {"kind": "telegram", "token": {"file": "t"}, "chat_id": "../x"},
        {"kind": "telegram", "token": "123:abc", "chat_id": "1"},
        {"kind": "email", **PLAIN_MAIL, "user": "u", "password": {"file": "p"}},
        {"kind": "email", **PLAIN_MAIL, "to": ["no address"]},
        {"kind": "telegram", "token": {"file": "t"}, "chat_id": "@a_channel", "replies": True},
        {"kind": "telegram", "token": {"file": "t"}, "chat_id": "1", "limit": {"messages": 0, "per": "1m"}},
        {"kind": "telegram", "token": {"file": "t"}, "chat_id": "1", "limit": {"messages": 9, "per": "1d"}},
        {"kind": "zalo_bot", "token": {"file": "t"}, "chat_id": "a b"},
        {
            "kind": "esms",
            "api_key": {"file": "k"},
            "secret_key": {"file": "k"},
            "brandname": "B",
            "to": ["113"],
        },
        {"kind": "speedsms", "token": {"file": "k"}, "to": []},
        {"kind": "zns", **ZNS, "template_data": {"a": "${plaice}"}},
        {"kind": "http", "url": "http://${to}.example.vn/", "to": ["0912345678"]},
        {"kind": "http", "url": "http://x/", "body": '{"a": ${sms}}'},
        {"kind": "http", "url": "http://x/", "content": "xml", "body": "<a>${sms}"},
        {"kind": "http", "url": "http://x/", "body": '{"a": "${password}"}'},
        {"kind": "http", "url": "http://x/", "body": '{"a": "${to}"}'},
        {"kind": "http", "url": "http://x/", "headers": {"X": "a\r\nB: c"}, "body": "{}"},
        {"kind": "http", "url": "http://x/", "body": "{}", "success": {"path": "code"}},
        {"kind": "http", "url": "http://x/", "body": "{}", "secrets": {"sms": {"file": "x"}}},
        {"kind": "pigeon"},
    ],
    ids=str,
)
def test_wrong_settings_are_refused_when_they_are_read(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(settings_type()).validate_json(json.dumps(settings), strict=True)


def test_a_channel_is_told_what_it_wants(secrets: Path) -> None:
    settings = build("webhook", secrets, url="http://x", kinds=["finding"], min_severity="high").settings
    assert settings.wants(Kind.FINDING, Severity.HIGH)
    assert not settings.wants(Kind.FINDING, Severity.MEDIUM)
    assert not settings.wants(Kind.INCIDENT, Severity.CRITICAL)


def certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for 127.0.0.1 and its key."""
    import datetime
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return paths


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
