"""Programs are told every step, in order, at least once: over an outage of theirs and a restart of ours."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from alerts.incident import IncidentKey, Kind, Severity, Step, Transition, Words
from alerts.notifiers.webhook import signature
from inventory.network_policy import NetworkPolicy
from inventory.secrets import Secret, Secrets
from monitor.ledger import Ledger
from monitor.ledger.steps import Written
from monitor.ledger.teller import Nobody
from monitor.webhook_settings import WebhookSettings
from monitor.webhooks import Webhooks
from tests.servers.webhook import Hook, webhook


def step(device: str, what: Step = Step.OPENED) -> Transition:
    words = Words(device, device)
    return Transition(
        IncidentKey("x", device), what, datetime.now(UTC), Kind.INCIDENT, Severity.CRITICAL, words
    )


@contextlib.asynccontextmanager
async def following(ledger: Ledger, folder: Path, hook: Hook, **more: Any) -> AsyncIterator[Webhooks]:
    """Tell `hook` until left."""
    settings = WebhookSettings.model_validate(
        {"url": hook.url, "allow": ("127.0.0.1",), **more}, strict=False
    )
    made = Webhooks(
        {"noc": settings}, Secrets(folder), NetworkPolicy(), ledger, look_every=0.02, first_pause=0.02
    )
    task = asyncio.create_task(made.run())
    try:
        yield made
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def told(hook: Hook) -> list[str]:
    """Return the devices of what was told."""
    return [msgspec.json.decode(one.body)["change"]["step"]["key"]["device"] for one in hook.requests]


async def until(true: Any) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110  what it waits for is another's
            await asyncio.sleep(0.01)


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    async with Ledger(tmp_path / "ledger.sqlite") as opened:
        await opened.incidents.record([step("before/x")], Nobody())
        await opened.steps.follow("noc")
        yield opened


async def test_every_step_is_told_in_order_and_signed(ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("abc")
    (tmp_path / "key").chmod(0o600)
    async with webhook() as hook, following(ledger, tmp_path, hook, signing_key={"file": "key"}):
        await ledger.incidents.record([step("a/x"), step("b/x"), step("a/x", Step.RESOLVED)], Nobody())
        await until(lambda: len(hook.requests) == 3)
        assert told(hook) == ["a/x", "b/x", "a/x"]
        one = hook.requests[0]
        stamp = one.headers["X-Commune-Monitor-Timestamp"]
        assert one.headers["X-Commune-Monitor-Signature"] == signature(Secret("abc"), stamp, one.body)


async def test_an_outage_and_a_restart_lose_nothing(ledger: Ledger, tmp_path: Path) -> None:
    async with webhook(status=503) as hook:
        async with following(ledger, tmp_path, hook) as hooks:
            await ledger.incidents.record([step("a/x"), step("b/x")], Nobody())
            await until(lambda: hooks.problem)
            assert hook.url not in hooks.problem
        hook.status = 200
        hook.requests.clear()
        async with following(ledger, tmp_path, hook) as hooks:
            await until(lambda: len(hook.requests) == 2)
            assert (told(hook), hooks.problem) == (["a/x", "b/x"], "")


async def test_only_the_steps_that_are_wanted_are_told(ledger: Ledger, tmp_path: Path) -> None:
    async with webhook() as hook, following(ledger, tmp_path, hook, events=["resolved"]):
        await ledger.incidents.record([step("a/x"), step("a/x", Step.RESOLVED)], Nobody())
        await until(lambda: hook.requests)
        assert msgspec.json.decode(hook.requests[0].body)["change"]["step"]["step"] == "resolved"


async def test_a_refused_step_does_not_hold_back_those_behind_it(ledger: Ledger, tmp_path: Path) -> None:
    async with webhook(status=422) as hook, following(ledger, tmp_path, hook):
        await ledger.incidents.record([step("a/x"), step("b/x")], Nobody())
        await until(lambda: len(hook.requests) == 2)


async def test_a_forbidden_address_is_not_asked(ledger: Ledger, tmp_path: Path) -> None:
    async with webhook() as hook, following(ledger, tmp_path, hook, allow=()) as hooks:
        await ledger.incidents.record([step("a/x")], Nobody())
        await until(lambda: "127.0.0.1" in hooks.problem)
        assert not hook.requests


async def test_a_fault_of_ours_is_said_and_tried_again(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    after, faults = ledger.steps.after, [KeyError("x")]

    async def faulty(number: int) -> list[Written]:
        if faults:
            raise faults.pop()
        return await after(number)

    monkeypatch.setattr(ledger.steps, "after", faulty)  # there is no fault known that a server could provoke
    async with webhook() as hook, following(ledger, tmp_path, hook):
        await ledger.incidents.record([step("a/1")], Nobody())
        await until(lambda: told(hook) == ["a/1"])
