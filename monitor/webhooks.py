"""Tells other programs every step of every incident by HTTP: in order, at least once, from where each one stands.

How far a webhook was told is in the ledger beside the timeline, so nothing is lost over a restart or an outage of days.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import ClassVar

import msgspec

from alerts.notifiers.webhook import signature
from alerts.telling import notifier
from alerts.telling.http_delivery import HttpNotifier
from alerts.telling.notification import Message
from alerts.telling.notifier import Refused, TryLater
from inventory.network_policy import NetworkPolicy
from inventory.secrets import Secrets
from monitor.ledger import Ledger, LedgerError
from monitor.ledger.steps import Written
from monitor.webhook_settings import WebhookSettings

log = logging.getLogger(__name__)

LOOK_EVERY = 1.0
"""Seconds between two looks for new steps."""
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 300.0
"""Seconds until a webhook that does not answer is tried again: twice as long each time."""


class Webhook(HttpNotifier[WebhookSettings]):
    """``{"version": 1, "change": {...}}`` with the step's number as ``Idempotency-Key``; any 2xx is taken."""

    settings_model: ClassVar[type[notifier.Settings]] = WebhookSettings

    async def send(self, message: Message) -> None:
        """Take no message for people."""
        raise Refused("this tells programs of changes")

    async def tell(self, name: str, written: Written) -> None:
        """POST one step. Raises `Refused`, `TryLater`."""
        body = msgspec.json.encode({"version": 1, "change": written})
        headers = {"Idempotency-Key": f"{name}-{written.id}"}
        if self.settings.signing_key is not None:
            stamp = str(int(time.time()))
            key = await self.secret(self.settings.signing_key)
            headers["X-Commune-Monitor-Timestamp"] = stamp
            headers["X-Commune-Monitor-Signature"] = signature(key, stamp, body)
        try:
            async with asyncio.timeout(self.settings.timeout):
                reply = await self.post(self.settings.url, body, headers)
        except TimeoutError:
            raise TryLater("the webhook does not answer in time") from None
        reply.raise_for_status()


class Webhooks:
    """All of them, each at its own pace. Run it as a part of the service; `run` returns only when cancelled."""

    def __init__(
        self,
        settings: Mapping[str, WebhookSettings],
        secrets: Secrets,
        policy: NetworkPolicy,
        ledger: Ledger,
        *,
        look_every: float = LOOK_EVERY,
        first_pause: float = FIRST_PAUSE,
    ) -> None:
        """Raises `inventory.secrets.SecretMissing`."""
        self._hooks = {name: Webhook(chosen, secrets, policy) for name, chosen in settings.items()}
        self._ledger = ledger
        self._look_every = look_every
        self._first_pause = first_pause
        self._failing: dict[str, str] = {}
        self._positions: dict[str, int] = {}

    @property
    def problem(self) -> str:
        """Which do not take what they are told, and why, in one line; empty when all do."""
        return "; ".join(f"{name}: {why}" for name, why in self._failing.items())

    async def run(self) -> None:
        """Follow the timeline until cancelled."""
        async with asyncio.TaskGroup() as group:
            for name, hook in self._hooks.items():
                group.create_task(self._follow(name, hook))
            await asyncio.Event().wait()

    async def _follow(self, name: str, hook: Webhook) -> None:
        pause = self._first_pause
        async with hook:
            while True:
                try:
                    await self._catch_up(name, hook)
                    self._say(name, "")
                    pause = self._first_pause
                    await asyncio.sleep(self._look_every)
                except (TryLater, LedgerError) as error:
                    self._say(name, str(error))
                    wanted = (error.retry_after if isinstance(error, TryLater) else None) or 0.0
                    await asyncio.sleep(min(max(pause, wanted), LONGEST_PAUSE))
                    pause = min(pause * 2, LONGEST_PAUSE)
                except Exception as error:  # a bug with one of them must not silence the others
                    log.exception("a change cannot be told", extra={"webhook": name})
                    self._say(name, f"fault of ours: {type(error).__name__}")
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, LONGEST_PAUSE)

    async def _catch_up(self, name: str, hook: Webhook) -> None:
        """Tell every step that is new. Raises `TryLater`, `LedgerError`."""
        if name not in self._positions:
            self._positions[name] = await self._ledger.steps.follow(name)
        while found := await self._ledger.steps.after(self._positions[name]):
            for written in found:
                if hook.settings.follows(written.step):
                    await self._tell(name, hook, written)
                    await self._ledger.steps.followed(name, written.id)
                self._positions[name] = written.id
            await self._ledger.steps.followed(name, self._positions[name])

    async def _tell(self, name: str, hook: Webhook, written: Written) -> None:
        try:
            await hook.tell(name, written)
        except Refused as error:  # it would refuse the same again, and those behind it wait
            log.error(
                "a webhook refused a change", extra={"webhook": name, "id": written.id, "error": str(error)}
            )

    def _say(self, name: str, problem: str) -> None:
        before = self._failing.pop(name, "")
        if problem:
            self._failing[name] = problem
        if problem and not before:
            log.warning("a webhook takes no changes", extra={"webhook": name, "error": problem})
        elif before and not problem:
            log.info("a webhook takes changes again", extra={"webhook": name})
