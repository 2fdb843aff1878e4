"""Measures the alarms every ten minutes: for the page, for ``/metrics``, and as series in the store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from inventory.model import Inventory
from monitor.ledger import LedgerError
from monitor.quality.figures import Quality, Spread
from monitor.quality.measure import measure
from probes.core.observation import Observation, Outcome, Sample

SPAN = timedelta(days=30)
EVERY = 600.0
"""Seconds between two measurements."""
MONITOR = "@monitor"
"""In the place of a device: the series are the monitor's own."""


class QualityWatch:
    """Run it as a part of the service: `run` returns only when cancelled."""

    def __init__(
        self,
        ledger: Path,
        inventory: Callable[[], Inventory],
        store: Callable[[Observation], None],
        now: Callable[[], datetime],
        every: float = EVERY,
    ) -> None:
        """`store` takes the series in."""
        self._ledger = ledger
        self._inventory = inventory
        self._store = store
        self._now = now
        self._every = every
        self.last: Quality | None = None
        """The last measurement; `None` before the first."""
        self.problem = ""
        """Why they cannot be measured now, in one line; empty when they can."""

    async def run(self) -> None:
        """Measure until cancelled. A ledger that cannot be read now is read the next time."""
        while True:
            try:
                await self.look()
                self.problem = ""
            except LedgerError as error:
                self.problem = str(error)
            await asyncio.sleep(self._every)

    async def look(self) -> None:
        """Measure once."""
        now = self._now()
        self.last = await asyncio.to_thread(measure, self._ledger, self._inventory(), now - SPAN, now)
        took = (self._now() - now).total_seconds()
        samples = tuple(series(self.last))
        self._store(Observation(MONITOR, "quality", "quality", now, max(took, 0.0), Outcome.OK, "", samples))


def series(quality: Quality) -> Iterator[Sample]:
    """Yield the figures of the last 30 days as samples."""
    whole = quality.whole
    yield Sample("alerts.incidents", float(whole.incidents), "{incident}")
    yield Sample("alerts.false", float(whole.false), "{incident}")
    yield Sample("alerts.suspected", float(whole.suspected), "{incident}")
    yield Sample("alerts.per_commune_week", quality.per_commune_week, "{incident}")
    times = (("detect", whole.detect), ("acknowledge", whole.acknowledge), ("resolve", whole.resolve))
    for name, found in times:
        yield from _spread(f"alerts.{name}.time", found)
    for group in quality.rules[:50]:
        yield Sample("alerts.rule.incidents", float(group.incidents), "{incident}", (("rule", group.name),))
        yield Sample("alerts.rule.false", float(group.false), "{incident}", (("rule", group.name),))
    for channel in quality.channels:
        yield Sample("alerts.channel.told", float(channel.told), "{message}", (("channel", channel.name),))


def _spread(metric: str, found: Spread) -> Iterator[Sample]:
    for quantile, value in (("0.5", found.median), ("0.9", found.p90)):
        if value is not None:
            yield Sample(metric, value, "s", (("quantile", quantile),))
