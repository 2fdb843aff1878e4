"""The mass outage: 30 % of the communes lose their router within ten seconds, as the pipeline would say it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from alerts.incident import DeviceState, IncidentKey, Kind, Severity, Step, Transition, Words
from inventory.model import Site
from monitor.board import DeviceStatus
from monitor.ledger.teller import Nobody
from tests.monitor.web.province import Province

LOST = 0.3
SPAN = 10.0
BATCH = 0.05
"""Seconds that are judged together."""


class Outage:
    """Loses sites one after the other, and notes when each was judged: its count of open incidents is its number."""

    def __init__(self, town: Province) -> None:
        self._town = town
        communes = [site for site in town.inventory.sites.values() if site.kind == "commune"]
        count = round(len(communes) * LOST)
        self.lost = [communes[number * len(communes) // count] for number in range(count)]
        self.judged: list[float] = []
        """Time of the clock, in the order in which they were lost."""

    async def run(self) -> None:
        """Lose them all within `SPAN` seconds."""
        begun, done = time.monotonic(), 0
        while done < len(self.lost):
            part = min(1.0, (time.monotonic() - begun + BATCH) / SPAN)
            due = self.lost[done : round(len(self.lost) * part)]
            await self._lose(due)
            done += len(due)
            await asyncio.sleep(BATCH)

    async def _lose(self, sites: Sequence[Site]) -> None:
        """States first, then the ledger, then the incidents: the order of `monitor.pipeline`."""
        now, why = datetime.now(UTC), Words("không trả lời", "no answer")
        for site in sites:
            for device in site.devices:
                state = DeviceState.UNREACHABLE if device.parents else DeviceState.DOWN
                self._town.board.set_status(device.id, DeviceStatus(state, now, why))
        self.judged += [time.time()] * len(sites)
        for incident in await self._town.ledger.incidents.record(
            [_opened(site, now) for site in sites], Nobody()
        ):
            self._town.board.set_incident(incident)


def _opened(site: Site, at: datetime) -> Transition:
    words = Words("Bộ định tuyến mất kết nối, cùng 19 thiết bị phía sau", "Router down, 19 devices behind")
    key = IncidentKey("device-down", site.devices[0].id)
    return Transition(key, Step.OPENED, at, Kind.INCIDENT, Severity.CRITICAL, words, "3/3 không trả lời")


def delays(seen: dict[int, float], judged: Sequence[float]) -> list[float]:
    """Return seconds from judging until a count of incidents was seen: the one that waited longest counts each time."""
    found, before = [], 0
    for count, at in sorted(seen.items()):
        if count > before:
            found.append(at - judged[before])
            before = count
    return found
