"""Webhooks: signed JSON, what each status means, no redirects."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from alerts.notifiers.webhook import signature
from alerts.telling.notifier import Refused, TryLater
from inventory.secrets import Secret
from tests.alerts.messages import message
from tests.alerts.notifiers.cases import (
    CANARY,
    build,
)
from tests.servers.webhook import webhook


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
