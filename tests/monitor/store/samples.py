"""Observations and clocks for the stores' tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from probes.core.observation import Labels, Observation, Outcome, Sample

T0 = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime = T0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now.timestamp()

    def move(self, **delta: float) -> None:
        self.now += timedelta(**delta)


def sample(metric: str, value: float, unit: str = "1", **labels: str) -> Sample:
    return Sample(metric, value, unit, tuple(sorted(labels.items())))


def observed(
    *samples: Sample,
    device: str = "18073/router",
    time: datetime = T0,
    check: str = "snmp",
    outcome: Outcome = Outcome.OK,
) -> Observation:
    return Observation(device, check, "snmp", time, 0.25, outcome, samples=samples)


def labels(**pairs: str) -> Labels:
    return tuple(sorted(pairs.items()))
