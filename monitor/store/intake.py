"""From observations to columns: what may enter a store, counted, bounded and cheap."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping
from math import isfinite, nan

import numpy as np
from numpy.typing import NDArray

from monitor.store import SeriesKey
from monitor.store.catalogue import Catalogue
from probes.core.observation import Observation, Outcome, Sample

FUTURE = 3600
"""Seconds a time may lie ahead of our clock; further and it is a broken clock, not an early answer."""


class Columns:
    """A batch: times in ms UTC, sids and values, one row each."""

    def __init__(self, ts: NDArray[np.int64], sid: NDArray[np.uint32], value: NDArray[np.float64]) -> None:
        self.ts = ts
        self.sid = sid
        self.value = value

    @classmethod
    def empty(cls) -> Columns:
        """Return no rows."""
        return cls(np.empty(0, np.int64), np.empty(0, np.uint32), np.empty(0, np.float64))

    def __len__(self) -> int:
        return len(self.ts)

    def where(self, mask: NDArray[np.bool_]) -> Columns:
        """Return the rows of `mask`."""
        return Columns(self.ts[mask], self.sid[mask], self.value[mask])


class Period:
    """Which times may enter: not older than `past` seconds, not more than `FUTURE` ahead."""

    def __init__(self, clock: Callable[[], float], past: float) -> None:
        self._clock = clock
        self._past = past

    def milliseconds(self, observation: Observation) -> int | None:
        """Return the observation's time in ms UTC, `None` when it cannot be right (1970, 2100)."""
        try:
            seconds = observation.time.timestamp()
        except (OverflowError, ValueError, OSError):
            return None
        now = self._clock()
        return int(seconds * 1000) if now - self._past <= seconds <= now + FUTURE else None


OUTCOMES: Mapping[Outcome, float] = {
    Outcome.TIMEOUT: 1.0,
    Outcome.REFUSED: 2.0,
    Outcome.UNREACHABLE: 3.0,
    Outcome.AUTH_FAILED: 4.0,
    Outcome.UNTRUSTED: 5.0,
    Outcome.PROTOCOL_ERROR: 6.0,
    Outcome.NOT_READY: 7.0,
    Outcome.PROBE_BUG: 8.0,
}
"""How an attempt that did not work is written in the series ``probe.outcome``; these numbers never change."""


def own_samples(observation: Observation) -> tuple[Sample, ...]:
    """Return the series every check has: how long it took, whether it worked, and if it did not, how it ended."""
    labels = (("check", observation.check),)
    took = Sample("probe.duration", observation.duration, "s", labels)
    if observation.outcome is Outcome.OK:
        return (took, Sample("probe.success", 1.0, "1", labels))
    ended = Sample("probe.outcome", OUTCOMES[observation.outcome], "1", labels)
    return (took, Sample("probe.success", 0.0, "1", labels), ended)


class Intake:
    """Rows that wait to be written. Lives on the event loop; never blocks, never raises."""

    def __init__(self, catalogue: Catalogue, period: Period, bound: int) -> None:
        self._catalogue = catalogue
        self._period = period
        self._bound = bound
        self._dropped = 0
        self._clear()

    def _clear(self) -> None:
        self._ts, self._sid, self._value = array("q"), array("I"), array("d")

    @property
    def waiting(self) -> int:
        """Rows not taken yet."""
        return len(self._ts)

    @property
    def dropped(self) -> int:
        """Samples that were not let in: no number, no possible time, too many series, no room."""
        return self._dropped + self._catalogue.refused

    def add(self, observation: Observation) -> None:
        """Let the samples of `observation` in."""
        samples = (*observation.samples, *own_samples(observation))
        ts = self._period.milliseconds(observation)
        if ts is None or len(self._ts) + len(samples) > self._bound:
            self._dropped += len(samples)
            return
        before = len(self._sid)
        self._append(observation.device, samples)
        self._ts.extend([ts] * (len(self._sid) - before))

    def _append(self, device: str, samples: tuple[Sample, ...]) -> None:
        known = self._catalogue.known(device)
        sids, values = self._sid, self._value
        for sample in samples:
            try:
                value = float(sample.value)
                sid = known.get((sample.metric, sample.labels))
            except (TypeError, ValueError, OverflowError):
                value = nan
            if not isfinite(value):
                self._dropped += 1
            elif sid or (sid := self._register(device, sample)):
                sids.append(sid)
                values.append(value)

    def _register(self, device: str, sample: Sample) -> int | None:
        return self._catalogue.register(SeriesKey(device, sample.metric, sample.labels), sample.unit)

    def take(self) -> Columns | None:
        """Return what waits and start afresh; `None` when nothing does."""
        if not self._ts:
            return None
        columns = Columns(
            np.frombuffer(self._ts, np.int64),
            np.frombuffer(self._sid, np.uint32),
            np.frombuffer(self._value, np.float64),
        )
        self._clear()
        return columns
