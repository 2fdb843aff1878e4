"""How to point each kind of notifier at a server of ours."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from alerts.telling.notifier import Notifier, open_channels, settings_type
from inventory.network_policy import NetworkPolicy
from inventory.secrets import Secrets
from tests import loopback

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


PLAIN_MAIL = {
    "host": "127.0.0.1",
    "security": "none",
    "sender": "monitor@example.vn",
    "to": ["a@example.vn", "b@example.vn"],
}
