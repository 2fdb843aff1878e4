"""From an outage to a message at a real channel and back, over the real ledger, through a restart."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from alerts.notifiers.webhook import Notifier, Settings
from alerts.telling.backoff import Backoff
from alerts.telling.dispatch import Dispatcher
from inventory.secrets import Secrets
from monitor.ledger import Ledger
from probes.core.observation import Outcome
from tests import loopback
from tests.alerts.province import START, Watch, built_in, device, inventory
from tests.alerts.tellers import everybody
from tests.patience import eventually
from tests.servers.webhook import Hook, webhook

ROUTER, SERVER = "18562/router", "18562/server"
DEVICES = inventory(device("router"), device("server", "router"))


@contextlib.asynccontextmanager
async def telling(ledger: Ledger, settings: Settings) -> AsyncIterator[Dispatcher]:
    """A dispatcher that tells what is in the ledger; its clock goes on an hour after the outages began."""
    behind = datetime.now(UTC) - (START + timedelta(hours=1))
    async with Notifier(settings, Secrets(Path()), loopback.POLICY) as notifier:
        channels = {"duty": notifier}
        dispatcher = Dispatcher(
            ledger.outbox,
            channels,
            lambda: datetime.now(UTC) - behind,
            backoff=Backoff(0.05, 0.1),
            look_every=0.05,
        )
        task = asyncio.create_task(dispatcher.run())
        try:
            yield dispatcher
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def heard(hook: Hook, count: int) -> list[str]:
    """Return the titles got once there are `count`."""
    await eventually(lambda: len(hook.requests) >= count)
    return [json.loads(request.body)["message"]["title"] for request in hook.requests]


def silence(watch: Watch, times: int) -> None:
    for _ in range(times):
        for name in (SERVER, ROUTER):
            watch.see(f"{name}:icmp", Outcome.TIMEOUT).see(f"{name}:snmp", Outcome.TIMEOUT)


async def test_an_outage_is_told_once_and_its_end_once_through_a_restart(tmp_path: Path) -> None:
    async with webhook() as hook:
        settings = Settings(kind="webhook", url=hook.url)
        teller = everybody(built_in(), DEVICES, {"duty": settings}, "http://monitor")
        watch = Watch(built_in(), DEVICES)
        async with Ledger(tmp_path / "ledger.sqlite") as ledger, telling(ledger, settings) as dispatcher:
            silence(watch, 5)
            await ledger.incidents.record(watch.transitions, teller)
            dispatcher.wake()
            (title,) = await heard(hook, 1)
            assert "router xã (192.0.2.1) mất kết nối" in title and "cùng 1 thiết bị phía sau" in title
        async with Ledger(tmp_path / "ledger.sqlite") as ledger, telling(ledger, settings) as dispatcher:
            again = Watch(built_in(), DEVICES, tuple(await ledger.incidents.all_open()))
            again.now = watch.now
            silence(again, 5)
            assert again.transitions == []
            for _ in range(2):
                again.see(f"{ROUTER}:icmp").see(f"{SERVER}:icmp")
            await ledger.incidents.record(again.transitions, teller)
            dispatcher.wake()
            titles = await heard(hook, 2)
            assert titles[1].startswith("[ĐÃ KHẮC PHỤC] Xã Thạch Hà: ")
            await asyncio.sleep(0.2)
            assert len(hook.requests) == 2
            assert await ledger.incidents.all_open() == []


async def test_a_channel_that_is_away_gets_the_message_when_it_is_back(tmp_path: Path) -> None:
    async with webhook(status=503) as hook:
        settings = Settings(kind="webhook", url=hook.url)
        teller = everybody(built_in(), DEVICES, {"duty": settings}, "http://monitor")
        watch = Watch(built_in(), DEVICES)
        silence(watch, 5)
        async with Ledger(tmp_path / "ledger.sqlite") as ledger, telling(ledger, settings) as dispatcher:
            await ledger.incidents.record(watch.transitions, teller)
            dispatcher.wake()
            await heard(hook, 3)
            hook.status = 200
            await eventually(lambda: not dispatcher.waiting["duty"])
            (delivery,) = await ledger.deliveries.of(hook_incident(hook))
            assert delivery.state == "delivered" and delivery.tries >= 3
    assert len({request.headers["Idempotency-Key"] for request in hook.requests}) == 1


def hook_incident(hook: Hook) -> int:
    """Return the id of the incident last told."""
    number: int = json.loads(hook.requests[-1].body)["message"]["incident"]["id"]
    return number
