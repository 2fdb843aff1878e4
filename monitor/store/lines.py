"""Observations as InfluxDB line protocol: wide lines from cached, escaped prefixes, floats only.

One line carries every field of one measurement and one set of tags of an observation. Names and
values that devices report are made harmless once, when a series is first seen (abuse case A37). Format:
https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isfinite, nan
from sys import intern

import msgspec

from monitor.store import SeriesKey
from monitor.store.catalogue import Catalogue
from monitor.store.intake import Period, own_samples
from probes.core.observation import Labels, Observation, Sample
from probes.core.text import clean

_SPECIAL = re.compile(r"([,= ])")
_BACKSLASH = re.compile(r"\\(?=[\\,= ]|$)")
_MEASUREMENT = re.compile(r"([, ])")
_ESCAPE = r"\\\1"
_RESERVED = frozenset({"device", "time"})


class Wire(msgspec.Struct, frozen=True):
    """How one series is called in InfluxDB: names as read there, and the escaped beginning of its lines."""

    measurement: str
    field: str
    tags: Labels
    prefix: str
    assignment: str
    """The escaped field and an equals sign."""

    @classmethod
    def of(cls, key: SeriesKey) -> Wire:
        """Measurement = metric up to its last dot, field = the rest, tags = device and labels."""
        before, _, after = (_BACKSLASH.sub("/", part) for part in clean(key.metric).rpartition("."))
        tags = {_tag(name): _text(value) for name, value in key.labels} | {"device": _text(key.device)}
        measurement = before if before[:1].isalnum() else f"m{before}"
        field = _field(after, tags)
        pairs = tuple(sorted(tags.items()))
        escaped = "".join(f",{_escaped(name)}={_escaped(value)}" for name, value in pairs)
        prefix = f"{_MEASUREMENT.sub(_ESCAPE, measurement)}{escaped} "
        return cls(measurement, field, pairs, intern(prefix), f"{_escaped(field)}=")


class Lines:
    """Lines that wait for the outbox. Lives on the event loop; never blocks, never raises."""

    def __init__(self, catalogue: Catalogue, period: Period, bound: int) -> None:
        """At most `bound` samples wait."""
        self._catalogue = catalogue
        self._period = period
        self._bound = bound
        self._wires: dict[int, Wire] = {}
        self._lines: list[tuple[int, str]] = []
        self._dropped = 0
        self.waiting = 0
        """Samples not taken yet."""

    @property
    def dropped(self) -> int:
        """Samples that were not let in: no number, no possible time, too many series, no room."""
        return self._dropped + self._catalogue.refused

    def wire(self, sid: int) -> Wire:
        """How series `sid` is called in InfluxDB."""
        wire = self._wires.get(sid)
        if wire is None:
            wire = self._wires[sid] = Wire.of(self._catalogue.key(sid))
        return wire

    def add(self, observation: Observation) -> None:
        """Let the samples of `observation` in."""
        samples = (*observation.samples, *own_samples(observation))
        ts = self._period.milliseconds(observation)
        if ts is None or self.waiting + len(samples) > self._bound:
            self._dropped += len(samples)
            return
        for prefix, fields in self._fields(observation.device, samples).items():
            self._lines.append((len(fields), f"{prefix}{','.join(fields)} {ts}"))
            self.waiting += len(fields)

    def _fields(self, device: str, samples: tuple[Sample, ...]) -> dict[str, list[str]]:
        known = self._catalogue.known(device)
        lines: dict[str, list[str]] = {}
        for sample in samples:
            try:
                value = float(sample.value)
                sid = known.get((sample.metric, sample.labels))
            except (TypeError, ValueError, OverflowError):
                value = nan
            if not isfinite(value):
                self._dropped += 1
            elif sid or (sid := self._register(device, sample)):
                wire = self._wires.get(sid) or self.wire(sid)
                assignment = f"{wire.assignment}{value!r}"
                if wire.prefix in lines:
                    lines[wire.prefix].append(assignment)
                else:
                    lines[wire.prefix] = [assignment]
        return lines

    def _register(self, device: str, sample: Sample) -> int | None:
        return self._catalogue.register(SeriesKey(device, sample.metric, sample.labels), sample.unit)

    def take(self) -> list[tuple[int, str]]:
        """Return (samples, line) of what waits and start afresh."""
        lines, self._lines, self.waiting = self._lines, [], 0
        return lines


def _text(raw: str) -> str:
    # A backslash before a special character or at the end reads differently in every parser.
    return _BACKSLASH.sub("/", clean(raw)) or "-"


def _tag(name: str) -> str:
    text = _text(name)
    return f"label_{text}" if text in _RESERVED or text.startswith("_") else text


def _field(name: str, tags: Mapping[str, str]) -> str:
    # InfluxDB 3 refuses a field named like a tag; all refuse one named time and reserve the underscore.
    taken = not name or name in _RESERVED or name in tags or name.startswith("_")
    return f"value_{name}" if taken else name


def _escaped(text: str) -> str:
    return _SPECIAL.sub(_ESCAPE, text)
