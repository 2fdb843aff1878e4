"""Tells systemd that the service has started, works and stops: sd_notify(3), over the socket in ``NOTIFY_SOCKET``.

The watchdog is fed from the event loop, and only while answers of checks keep coming in: a service that hangs, or
that no longer asks, is started again by systemd (``WatchdogSec=`` of its unit).
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress


class Systemd:
    """Does nothing where no systemd listens. `run` returns only when cancelled."""

    def __init__(
        self, works: Callable[[], bool] = lambda: True, environment: Mapping[str, str] = os.environ
    ) -> None:
        """`works`: whether the watchdog may be fed now."""
        self._works = works
        self._address = environment.get("NOTIFY_SOCKET", "")
        self.interval = _watchdog(environment) if self._address else 0.0
        """Seconds in which systemd wants to hear of us; 0 when it does not care."""

    def tell(self, *lines: str) -> None:
        """Send a word such as ``"READY=1"``. That nobody listens any more is no fault of ours."""
        if not self._address:
            return
        where = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
            door.setblocking(False)
            door.sendto("\n".join(lines).encode(), where)

    async def run(self) -> None:
        """Feed the watchdog twice as often as it must be, until cancelled."""
        if not self.interval:
            await asyncio.Event().wait()
        while True:
            if self._works():
                self.tell("WATCHDOG=1")
            await asyncio.sleep(self.interval / 2)


def _watchdog(environment: Mapping[str, str]) -> float:
    """Return the watchdog's seconds if it is meant for this process; 0 otherwise."""
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0.0
    with suppress(ValueError):
        return max(int(environment.get("WATCHDOG_USEC", "0")) / 1e6, 0.0)
    return 0.0
