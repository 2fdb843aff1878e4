"""A device's interfaces as a table: state, rates, errors and who is at the other end, from what was read last."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from probes.core.observation import Fact, Sample

MAX_ROWS = 200
_METRICS = frozenset({"hw.network.up", "hw.network.io", "hw.network.errors"})
_NUMBER = re.compile(r"([0-9]+)")
_TOLD = "neighbours.told"


class Seen(msgspec.Struct, frozen=True):
    """One number of an interface, and when it was read."""

    sample: Sample
    time: datetime
    old: bool


class Interface(msgspec.Struct, frozen=True):
    """One interface. What the device does not say is `None`."""

    name: str
    up: bool | None
    """`None` also where it is switched off on purpose."""
    received: float | None
    """Bits a second."""
    sent: float | None
    errors: float | None
    """Faulty frames a second, both ways."""
    neighbour: str
    """Who says by LLDP or CDP to be at the other end; ``""`` when nobody does."""
    time: datetime
    old: bool


def interfaces(seen: Iterable[Seen], facts: Iterable[Fact]) -> list[Interface]:
    """Return the interfaces in the order of their names, ``eth2`` before ``eth10``."""
    numbers: dict[str, dict[tuple[str, str], float]] = {}
    read: dict[str, Seen] = {}
    for one in seen:
        labels = dict(one.sample.labels)
        if one.sample.metric in _METRICS and "interface" in labels:
            name, key = labels["interface"], (one.sample.metric, labels.get("direction", ""))
            numbers.setdefault(name, {})[key] = one.sample.value
            read[name] = one
    told = {fact.subject: _neighbour(fact) for fact in facts if fact.name == _TOLD}
    names = sorted(numbers, key=_natural)[:MAX_ROWS]
    return [_interface(name, numbers[name], told.get(name, ""), read[name]) for name in names]


def _interface(name: str, numbers: Mapping[tuple[str, str], float], neighbour: str, read: Seen) -> Interface:
    up = numbers.get(("hw.network.up", ""))
    received, sent = (_bits(numbers.get(("hw.network.io", way))) for way in ("receive", "transmit"))
    errors = [value for (metric, _), value in numbers.items() if metric == "hw.network.errors"]
    state = None if up is None else up > 0
    faulty = sum(errors) if errors else None
    return Interface(name, state, received, sent, faulty, neighbour, read.time, read.old)


def _bits(rate: float | None) -> float | None:
    return None if rate is None else rate * 8


def _neighbour(fact: Fact) -> str:
    """Return the name out of (protocol, name, …); `probes.snmp` tells it so."""
    return str(fact.value[1]) if isinstance(fact.value, tuple) and len(fact.value) > 1 else ""


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (0, part) for part in _NUMBER.split(name[:200])]
