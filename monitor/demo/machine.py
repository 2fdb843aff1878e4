"""One simulated device: its faults, and what follows from them for everything it serves."""

from __future__ import annotations

import time
from collections.abc import Callable

from monitor.demo import faults
from monitor.demo.curve import Curve
from monitor.demo.layout import Place

SLOWNESS = 1.5
"""Seconds a slowed device adds to every answer."""
_SILENCING = frozenset({faults.CUT_UPLINK, faults.KILL_DEVICE})


class Machine:
    """A device that can be struck by faults. In `changed` its servers say what they do about it."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.curve = Curve(place.seed)
        self.changed: list[Callable[[], None]] = []
        self._curves: dict[int, Curve] = {}
        self._faults: dict[str, float] = {}

    def curve_of(self, part: int) -> Curve:
        """Return the curve of one of its parts, such as an interface."""
        if part not in self._curves:
            self._curves[part] = Curve(self.place.seed + part)
        return self._curves[part]

    def has(self, fault: str) -> bool:
        """Whether `fault` is on."""
        return fault in self._faults

    def since(self, fault: str) -> float:
        """Time at which `fault` was switched on, seconds since the epoch; now when it is off."""
        return self._faults.get(fault, time.time())

    @property
    def silent(self) -> bool:
        """Whether it answers nothing at all."""
        return not _SILENCING.isdisjoint(self._faults)

    @property
    def delay(self) -> float:
        """Seconds before each answer."""
        return SLOWNESS if faults.SLOW_DEVICE in self._faults else 0.0

    def switch(self, fault: str, *, on: bool) -> None:
        """Switch a fault on or off and let the servers know."""
        if on == self.has(fault):
            return
        if on:
            self._faults[fault] = time.time()
        else:
            del self._faults[fault]
        for react in tuple(self.changed):
            react()
