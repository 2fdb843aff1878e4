"""Signs the ledger again and again while the service works, and ends the service when another has taken over."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from monitor.ledger import LedgerError
from monitor.ledger.leader import Deposed

log = logging.getLogger(__name__)

DEPOSED = 3
"""Exit code of a service that was replaced."""


class Signed(Protocol):
    """The part of the ledger that knows who leads."""

    async def renew(self, now: datetime) -> None:
        """Be heard of. Raises `Deposed`, `LedgerError`."""
        ...


class Leadership:
    """Run it as a part of the service: `run` returns only when cancelled."""

    def __init__(
        self,
        leader: Signed,
        patience: float,
        now: Callable[[], datetime],
        end: Callable[[], None] = lambda: os._exit(DEPOSED),
    ) -> None:
        """Sign four times within `patience` seconds. `end` must leave nothing running: nothing may be told any more."""
        self._leader = leader
        self._every = patience / 4
        self._now = now
        self._end = end
        self.problem = ""
        """Why the ledger cannot be signed now, in one line; empty when it can."""

    async def run(self) -> None:
        """Sign until cancelled."""
        while True:
            try:
                await self._leader.renew(self._now())
                self.problem = ""
            except Deposed as error:
                log.critical("this service was replaced and ends", extra={"error": str(error)})
                self._end()
            except LedgerError as error:
                self.problem = str(error)
            await asyncio.sleep(self._every)
