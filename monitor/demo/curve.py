"""Values that change slowly and believably: a working day in Viet Nam, and each device's own little unrest.

Everything follows from the wall clock and a seed: nothing is stored, and a restart continues where it was.
"""

from __future__ import annotations

import math
import random

import msgspec

DAY = 86400.0
_VIETNAM = 7 * 3600.0
_NOON = 12.5 * 3600.0


class Tone(msgspec.Struct, frozen=True):
    """One cosine: its amplitude, angular frequency (rad/s) and phase (rad)."""

    amplitude: float
    frequency: float
    phase: float


class Curve:
    """A rate that is always positive: 1 on average over a day, high in office hours, low at night.

    The amplitudes add up to less than one, so that its integral, a counter, never goes back.
    """

    def __init__(self, seed: int) -> None:
        draw = random.Random(seed)  # noqa: S311 - believable numbers, no secret
        day = 2 * math.pi / DAY
        peak = (_NOON - _VIETNAM + draw.uniform(-1800, 1800)) * day
        self._tones = (
            Tone(draw.uniform(0.5, 0.7), day, -peak),
            Tone(0.08, 2 * day, -2 * peak + math.pi),
            *(
                Tone(draw.uniform(0.02, 0.07), 2 * math.pi / period, draw.uniform(0, 2 * math.pi))
                for period in (draw.uniform(2400, 4200), draw.uniform(500, 900), draw.uniform(90, 200))
            ),
        )

    def at(self, time: float) -> float:
        """Value at `time` (seconds since the epoch), between 0 and 2."""
        return 1 + sum(tone.amplitude * math.cos(tone.frequency * time + tone.phase) for tone in self._tones)

    def sum(self, start: float, end: float) -> float:
        """Integral from `start` to `end`, in seconds; grows with `end`."""
        return end - start + self._antiderivative(end) - self._antiderivative(start)

    def _antiderivative(self, time: float) -> float:
        return sum(
            tone.amplitude / tone.frequency * math.sin(tone.frequency * time + tone.phase)
            for tone in self._tones
        )


def booted(seed: int, now: float) -> float:
    """When a device started: 2 to 32 days before, a new moment each month (seconds since the epoch)."""
    month = 30 * DAY
    cycle = (now - seed % month) // month
    return cycle * month + seed % month - 2 * DAY
