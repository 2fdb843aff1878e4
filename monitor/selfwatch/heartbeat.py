"""Pings a watcher outside while the monitor truly works: whoever is pinged no longer raises the alarm.

The way out is that of the notifiers: addresses that may not be asked are not, redirects are not followed, and no
error tells the address, which is a secret.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import msgspec

from alerts.telling.http_delivery import NotPermitted, check_url
from inventory.network_policy import NetworkPolicy
from inventory.secrets import SecretMissing, Secrets
from monitor.selfwatch.settings import HeartbeatSettings
from monitor.vitals import Vitals
from probes.core.network import Network

log = logging.getLogger(__name__)

LATE = 60.0
"""Seconds of lateness from which the monitor does not do its work."""


class Beat(msgspec.Struct, frozen=True):
    """How the last ping went."""

    at: datetime | None = None
    """When the watcher last took one, aware UTC; `None` when it never did."""
    well: bool = True
    """Whether it was told that all is well."""
    problem: str = ""
    """Why it cannot be pinged now, in one line; empty when it can."""


def wrong(vitals: Vitals) -> tuple[str, ...]:
    """Return the parts for which the monitor does not do its work; none when it does."""
    grave = [problem.part for problem in vitals.problems if problem.grave]
    late = ["lateness"] if vitals.scheduler.late_p99 > LATE else []
    return tuple(dict.fromkeys([*grave, *late]))


def fail_address(url: str) -> str:
    """Return the address that says that something is wrong: ``/fail`` behind the path, as healthchecks.io has it."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/fail"))


class Heartbeat:
    """Run it as a part of the service, inside ``async with``; `run` returns only when cancelled."""

    def __init__(
        self,
        settings: HeartbeatSettings,
        secrets: Secrets,
        policy: NetworkPolicy,
        vitals: Callable[[], Vitals],
        now: Callable[[], datetime],
    ) -> None:
        """Raises `inventory.secrets.SecretMissing`."""
        settings.url.read(secrets)
        self._settings = settings
        self._secrets = secrets
        self._vitals = vitals
        self._now = now
        self._network = Network(policy.also(settings.allow), permit="`allow:` of the heartbeat")
        self.last = Beat()

    async def __aenter__(self) -> Self:
        """Open the HTTP session."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=1, socket_factory=self._socket, force_close=True),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=self._settings.timeout),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        await self._session.close()

    def _socket(self, found: aiohttp.AddrInfoType) -> socket.socket:
        """Return a socket for the address that is connected to next. Raises `NotPermitted`."""
        family, kind, protocol, _, address = found
        if refusal := self._network.refusal(str(address[0])):
            raise NotPermitted(refusal)
        return socket.socket(family, kind, protocol)

    async def run(self) -> None:
        """Ping until cancelled."""
        while True:
            await self.beat()
            await asyncio.sleep(self._settings.every)

    async def beat(self) -> None:
        """Ping once, or leave it out while something is wrong and the settings want silence then."""
        faults = wrong(self._vitals())
        if faults and self._settings.failing == "silent":
            return
        problem = await self._ping(faults)
        if problem and not self.last.problem:
            log.warning("the watcher outside cannot be pinged", extra={"error": problem})
        elif self.last.problem and not problem:
            log.info("the watcher outside can be pinged again")
        at = self.last.at if problem else self._now()
        self.last = Beat(at, not faults, problem)

    async def _ping(self, faults: tuple[str, ...]) -> str:
        """Return why it did not work, in words without the address; "" when it did."""
        try:
            url = check_url(
                (await asyncio.to_thread(self._settings.url.read, self._secrets)).reveal().strip()
            )
        except (SecretMissing, ValueError) as error:
            return str(error)
        address = fail_address(url) if faults else url
        body = f"commune-monitor: {', '.join(faults)}" if faults else "commune-monitor: ok"
        try:
            async with self._session.post(address, data=body.encode(), allow_redirects=False) as reply:
                return "" if 200 <= reply.status < 300 else f"the watcher answers HTTP {reply.status}"
        except aiohttp.ClientConnectorError as error:
            refused = isinstance(error.os_error, NotPermitted)
            return (
                str(error.os_error) if refused else f"the watcher cannot be reached: {type(error).__name__}"
            )
        except TimeoutError:
            return f"the watcher does not answer within {self._settings.timeout:g} s"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return f"the watcher cannot be reached: {type(error).__name__}"
