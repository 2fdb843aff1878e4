"""How each attempt ends: silence that is true, packets that are lost, agents that are slow; the same for every judge.

A planned attempt has one number in 0..1 that decides how many of its packets are lost, whoever asks; what a recheck
meets comes from a stream of its own for each check. Packets: icmp sends 3 and is silent when all are lost; snmp asks 2
questions of 2 tries each, 2 s apart; http and sip send again after 1 and 3 s.
"""

from __future__ import annotations

import random
import zlib
from bisect import bisect_right
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.detection.faults import BOOT, Kind, Truth, merged
from inventory.model import CheckSpec, Device
from probes.core.observation import Outcome, Sample

LOSSY = 0.4
"""Share of packets a line loses while that is its fault."""
SILENCE = {"icmp": 3.0, "snmp": 4.0, "sip": 10.0, "http": 10.0}
"""Seconds until an attempt that meets silence ends."""
PACKETS = 3
_LOSS = tuple((Sample("icmp.loss", lost / PACKETS),) for lost in range(PACKETS + 1))


@dataclass(frozen=True, slots=True)
class Ending:
    """How one attempt ended."""

    outcome: Outcome
    duration: float
    samples: tuple[Sample, ...] = ()

    @property
    def plain(self) -> bool:
        """Whether it says that all is well."""
        return self is PLAIN or self is PLAIN_PING or self is PLAIN_UPS


PLAIN = Ending(Outcome.OK, 0.05)
PLAIN_PING = Ending(Outcome.OK, 0.45, _LOSS[0])
PLAIN_UPS = Ending(Outcome.OK, 0.05, (Sample("hw.battery.discharging", 0.0),))
_ON_BATTERY = Ending(Outcome.OK, 0.05, (Sample("hw.battery.discharging", 1.0),))
_PINGS = (PLAIN_PING, *(Ending(Outcome.OK, 0.45 + 0.2 * lost, _LOSS[lost]) for lost in (1, 2)))
_SLOW = {"snmp": Ending(Outcome.OK, 2.1), "sip": Ending(Outcome.OK, 1.1), "http": Ending(Outcome.OK, 1.1)}
_VERY_SLOW = Ending(Outcome.OK, 3.1)
_SILENT = {probe: Ending(Outcome.TIMEOUT, seconds) for probe, seconds in SILENCE.items()}


def chances(probe: str, loss: float) -> tuple[float, float, float]:
    """Return how likely an attempt is silent, very slow (icmp: 2 of 3 lost), slow (icmp: 1 of 3)."""
    if probe == "icmp":
        return loss**3, 3 * loss**2 * (1 - loss), 3 * loss * (1 - loss) ** 2
    if probe == "snmp":
        answered = (1 - loss**2) ** 2
        return 1 - answered, 0.0, answered - (1 - loss) ** 2
    return 2 * loss**4, 2 * loss**2, 2 * loss


class Asked:
    """One check of one device, and how every attempt at it ends."""

    def __init__(self, truth: Truth, seed: int, device: Device, spec: CheckSpec) -> None:
        self.id = f"{device.id}:{spec.name}"
        self.device, self.site, self.name, self.probe = device.id, device.site, spec.name, spec.probe
        self.interval = spec.interval
        number = zlib.crc32(self.id.encode())
        self.phase = number / 2**32 * spec.interval
        self._base = truth.world.loss[device.site]
        self._silent = _Spans(truth.silences.get(device.id, []))
        mine = [fault for fault in truth.faults if fault.kind in _ILL and device.id in fault.devices]
        snmp = spec.name == "snmp"
        self._mute = _Spans([(f.start, f.end) for f in mine if f.kind is Kind.AGENT and snmp])
        self._slow = _Spans([(f.start, f.end) for f in mine if f.kind is Kind.SLOW and snmp])
        self._lossy = _Spans([(f.start, f.end) for f in mine if f.kind is Kind.LOSSY])
        self._ups = snmp and device.role == "ups"
        cuts = [f for f in truth.faults if f.kind is Kind.POWER and self._ups and device.id in f.devices]
        self._battery = _Spans([(f.start, f.end - BOOT[1]) for f in cuts])
        self._rechecks = random.Random(f"{seed} {self.id}")
        self.special = self._specials(truth.length, np.random.default_rng((seed, number)))
        self._numbers = {int(k): float(u) for k, u in self.special}

    def _specials(self, length: float, rng: np.random.Generator) -> NDArray[np.float64]:
        """Return the planned attempts that may end otherwise than well, each with its number in 0..1."""
        count = int((length - self.phase) / self.interval) + 1
        numbers = rng.random(count, dtype=np.float32)
        wanted = numbers < sum(chances(self.probe, self._base))
        for spans in (self._silent, self._mute, self._slow, self._lossy, self._battery):
            for begin, end in spans.spans:
                first, last = self.index(begin), self.index(end) + 1
                wanted[max(first, 0) : last + 1] = True
        found = np.flatnonzero(wanted)
        return np.column_stack((found.astype(np.float64), numbers[found].astype(np.float64)))

    def index(self, at: float) -> int:
        """Return the number of the last planned attempt at or before a time."""
        return int((at - self.phase) // self.interval)

    def planned(self, index: int) -> float:
        """Return when the planned attempt of that number begins."""
        return self.phase + index * self.interval

    def next_special(self, index: int) -> int:
        """Return the first planned attempt after `index` that may not be plain; far away when there is none."""
        place = int(np.searchsorted(self.special[:, 0], index, side="right"))
        return int(self.special[place, 0]) if place < len(self.special) else 1 << 40

    def ask_planned(self, index: int) -> Ending:
        """Return how a planned attempt ends."""
        number = self._numbers.get(index)
        return self.plain if number is None else self.ending(self.planned(index), number)

    def ask_again(self, at: float) -> Ending:
        """Return how one more attempt ends."""
        return self.ending(at, self._rechecks.random())

    @property
    def plain(self) -> Ending:
        """All is well."""
        if self._ups:
            return PLAIN_UPS
        return PLAIN_PING if self.probe == "icmp" else PLAIN

    def ending(self, at: float, number: float) -> Ending:
        """Return how an attempt ends that begins at `at`."""
        if self._silent.hold(at) or self._mute.hold(at):
            return _SILENT[self.probe]
        if self._battery.hold(at):
            return _ON_BATTERY
        if self._slow.hold(at):
            return _VERY_SLOW
        silent, much, some = chances(self.probe, LOSSY if self._lossy.hold(at) else self._base)
        if number < silent:
            return _SILENT[self.probe]
        if number < silent + much:
            return _PINGS[2] if self.probe == "icmp" else _VERY_SLOW
        if number < silent + much + some:
            return _PINGS[1] if self.probe == "icmp" else _SLOW[self.probe]
        return self.plain


_ILL = frozenset({Kind.AGENT, Kind.SLOW, Kind.LOSSY})


class _Spans:
    """Times from … to …, quick to ask."""

    def __init__(self, spans: list[tuple[float, float]]) -> None:
        self.spans = merged(spans)
        self._edges = [edge for span in self.spans for edge in span]

    def hold(self, at: float) -> bool:
        """Whether `at` is within one of them."""
        return bool(self._edges) and bisect_right(self._edges, at) % 2 == 1


def every_check(truth: Truth, seed: int) -> list[Asked]:
    """Return every check of the province."""
    devices = truth.world.inventory.devices.values()
    return [Asked(truth, seed, device, spec) for device in devices for spec in device.checks]
