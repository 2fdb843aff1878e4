"""What one variable means from poll to poll: a value, a rate of growth, a time."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from inventory.sensors import State
from probes.core.text import clean
from probes.snmp import ber
from probes.snmp.ber import Value

UNKNOWN = float(State.UNKNOWN.code)
Readings = dict[str, float | None]

_NUMBER = re.compile(rb"[\s\x00]*([-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)(?![0-9.:/-])")
WRAP_32 = 1 << 32
MAX_GAP = 900.0
"""Seconds after which a 32-bit counter may have wrapped more than once, so that its growth says nothing."""
MIN_GAP = 0.5
"""Seconds below which a rate would be mostly noise."""
WRAP_SLACK = 6000
"""Hundredths of a second by which an agent's clock may differ from ours around the wrap of its uptime."""


class Gauge(msgspec.Struct, gc=False, eq=False):
    """A number taken as it is.

    A fleet has a million cells, and nothing points back from what they hold: without ``gc=False`` each full
    collection would walk them all, 0.15 s for a thousand devices, while every answer waits.
    """

    readings: Readings
    name: str

    def take(self, tag: int, value: Value, now: float) -> None:
        """Take in what came at monotonic time `now`, in seconds."""
        self.readings[self.name] = number(tag, value)

    def follow(self, other: Gauge) -> None:
        """Go on from what `other` remembers of the same variable."""


class Both(Gauge):
    """One variable that two readings want."""

    others: tuple[Gauge, ...] = ()

    @classmethod
    def of(cls, *others: Gauge) -> Both:
        """Return what passes a variable on to each of `others`."""
        return cls({}, "", others)

    def take(self, tag: int, value: Value, now: float) -> None:
        """Take in what came at `now`."""
        for other in self.others:
            other.take(tag, value, now)

    def follow(self, other: Gauge) -> None:
        """Go on from what `other` remembers of the same variable."""
        if isinstance(other, Both):
            for mine, theirs in zip(self.others, other.others, strict=False):
                mine.follow(theirs)


class Size(Gauge):
    """A quantity; agents that lack unsigned types report it as negative past 2^31."""

    def take(self, tag: int, value: Value, now: float) -> None:
        """Take in what came at `now`."""
        size = number(tag, value)
        self.readings[self.name] = size + WRAP_32 if size is not None and size < 0 else size


class Counter(Gauge):
    """A counter, read as its growth per second; never negative, nothing where the growth is not known."""

    last: int | None = None
    at: float = 0.0

    def take(self, tag: int, value: Value, now: float) -> None:
        """Take in what came at `now`."""
        last, gap = self.last, now - self.at
        if not isinstance(value, int) or value < 0:
            self.last = self.readings[self.name] = None
            return
        if last is not None and gap < MIN_GAP:
            return
        self.last, self.at = value, now
        if last is None:
            self.readings[self.name] = None
            return
        growth = value - last
        if tag != ber.COUNTER64:
            # Past MAX_GAP it may have wrapped more than once, even where it seems to have grown.
            self.readings[self.name] = growth % WRAP_32 / gap if gap <= MAX_GAP else None
        else:
            self.readings[self.name] = growth / gap if growth >= 0 else None

    def follow(self, other: Gauge) -> None:
        """Go on from what `other` remembers of the same variable."""
        if isinstance(other, Counter):
            self.last, self.at = other.last, other.at


class Ticks(Gauge):
    """Hundredths of a second since something began, as seconds; goes on past the wrap after 497 days."""

    last: int | None = None
    at: float = 0.0
    wraps: int = 0

    def take(self, tag: int, value: Value, now: float) -> None:
        """Take in what came at `now`."""
        if not isinstance(value, int):
            self.readings[self.name] = None
            return
        if self.last is not None and value < self.last:
            self.wraps = self.wraps + 1 if wrapped(self.last, value, now - self.at) else 0
        self.last, self.at = value, now
        self.readings[self.name] = (value + self.wraps * WRAP_32) / 100

    def follow(self, other: Gauge) -> None:
        """Go on from what `other` remembers of the same variable."""
        if isinstance(other, Ticks):
            self.last, self.at, self.wraps = other.last, other.at, other.wraps


class Meaning(Gauge):
    """A state, read as what it means: 0 ok, 1 warning, 2 critical, -1 unknown."""

    codes: Mapping[str, float] = {}

    @classmethod
    def of(cls, readings: Readings, name: str, states: Mapping[str, State]) -> Meaning:
        """Return the cell of an object whose values mean `states`, by number or text."""
        return cls(readings, name, {value: float(state.code) for value, state in states.items()})

    def take(self, tag: int, value: Value, now: float) -> None:
        """Take in what came at `now`."""
        if value is None:
            self.readings[self.name] = None
            return
        text = clean(value, 64) if isinstance(value, bytes) else str(value)
        self.readings[self.name] = self.codes.get(text, UNKNOWN)


def number(tag: int, value: Value) -> float | None:
    """Return a value as a number; agents also write numbers as text, some with a
    unit behind it ("15 PERCENT", "24% of maximum")."""
    if value is None or isinstance(value, (int, float)):
        return value
    if tag != ber.OCTETS or len(value) > 32:
        return None
    found = _NUMBER.match(value)
    return float(found[1]) if found else None


def wrapped(last: int, value: int, gap: float) -> bool:
    """Return whether an uptime that fell from `last` to `value` ticks in `gap` seconds passed 2^32."""
    return abs(last + gap * 100 - WRAP_32 - value) < WRAP_SLACK


def restarted(last: int, value: int, gap: float) -> bool:
    """Return whether an agent began anew between two readings of its uptime (ticks, `gap` seconds apart)."""
    return (value < last or value < gap * 100 - WRAP_SLACK) and not wrapped(last, value, gap)
