"""Tells on what nobody has taken on in time."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from alerts.incident import Incident, Step, Transition
from alerts.telling.notification import Receiver, Telling, Timer
from monitor.clock import Steps
from monitor.ledger.teller import Teller
from probes.core.words import Said, Words

log = logging.getLogger(__name__)

LOOK_EVERY = 5.0
"""Seconds between two looks for what is due."""
TELL_AGAIN = timedelta(minutes=5)
"""How long until what could not be told is tried again."""
BATCH = 200


class Records(Protocol):
    """The part of the ledger that knows what is due."""

    async def escalate(self, teller: Teller, now: datetime, limit: int) -> list[Incident]:
        """Tell on what is due, in one transaction."""
        ...

    async def shift(self, step: timedelta, now: datetime) -> None:
        """Let what is due be due so much later: the clock was set by `step` and shows `now`."""
        ...


class Escalator:
    """Run it as a part of the service: `run` returns only when cancelled."""

    def __init__(
        self,
        records: Records,
        teller: Callable[[], Teller],
        wake: Callable[[], None],
        now: Callable[[], datetime],
        look_every: float = LOOK_EVERY,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`teller` returns the one in force; `wake` is called when there is something to deliver."""
        self._records = records
        self._teller = teller
        self._wake = wake
        self._now = now
        self._look_every = look_every
        self._monotonic = monotonic
        self._steps = Steps()
        self._owed = timedelta(0)
        """By how much the clock was set since the ledger last took that in."""
        self.problem: Said = ""
        """Why nobody is told on now, in one line; empty when all is well."""

    async def run(self) -> None:
        """Look for what is due until cancelled. A ledger that fails is logged once and asked again."""
        while True:
            await self._look()
            await asyncio.sleep(self._look_every)

    async def _look(self) -> None:
        try:
            now = self._now()
            self._owed += self._steps.step(now, self._monotonic()) or timedelta(0)
            if self._owed:
                await self._records.shift(self._owed, now)
                self._owed = timedelta(0)
            told = await self._records.escalate(self._teller(), now, BATCH)
        except Exception as error:  # a full disk passes; alerts must go on afterwards
            if not self.problem:
                log.exception("nobody can be told on; trying again until it works")
            self.problem = Words(f"không chạy được: {error}", f"escalation does not work: {error}")
            return
        self.problem = ""
        if told:
            log.info("nobody has taken it on: told on", extra={"incidents": [one.id for one in told[:20]]})
            self._wake()


class Guarded:
    """A teller whose bugs do not keep the ledger from what it stores."""

    def __init__(self, teller: Teller, failed: Callable[[Incident], None]) -> None:
        """`failed` is told of which incident nobody could be told, while the exception is at hand."""
        self._teller = teller
        self._failed = failed

    def tell(self, incident: Incident, transition: Transition, told: Sequence[Receiver]) -> Telling:
        """Return who is told; when that fails, nobody now, and those whom the first step tells in five minutes."""
        try:
            return self._teller.tell(incident, transition, told)
        except Exception:  # noqa: BLE001  `failed` logs it
            self._failed(incident)
            fresh = transition.step in (Step.OPENED, Step.REOPENED)
            return Telling(timer=Timer(0, transition.at + TELL_AGAIN) if fresh else msgspec.UNSET)

    def escalate(
        self, incident: Incident, timer: Timer, moment: datetime
    ) -> tuple[Telling, Transition | None]:
        """Return who is told on; nobody for a while when that fails."""
        try:
            return self._teller.escalate(incident, timer, moment)
        except Exception:  # noqa: BLE001  `failed` logs it
            self._failed(incident)
            later = msgspec.structs.replace(timer, due=moment + TELL_AGAIN)
            return Telling(timer=later), None
