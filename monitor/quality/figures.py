"""The figures: medians and the worst tenth, by rule, by channel, by site. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from monitor.quality.record import Past, Sent

WEEK = 7 * 86400.0
MOST_SITES = 20
"""Sites in the list of those with most alarms."""

Interval = Callable[[Past], float | None]
"""Seconds between two attempts at what an incident is about; `None` where that is not one check or device."""


class Spread(msgspec.Struct, frozen=True):
    """How some durations in seconds are spread."""

    count: int
    median: float | None
    p90: float | None
    """Nine of ten are at most so long."""


class Group(msgspec.Struct, frozen=True):
    """Incidents with something in common."""

    name: str
    incidents: int
    false: int
    """Of which an operator says that there was nothing."""
    suspected: int
    """Over within one interval, and nobody did anything about it: perhaps there was nothing."""
    detect: Spread
    """From the first attempt that failed until it opened."""
    acknowledge: Spread
    """From opening until somebody took it on."""
    resolve: Spread
    """From opening until it was over."""

    @property
    def false_share(self) -> float:
        """Share of false alarms, 0 to 1."""
        return self.false / self.incidents if self.incidents else 0.0


class ChannelFigures(msgspec.Struct, frozen=True):
    """What went by one channel."""

    name: str
    told: int
    given_up: int
    waiting: int
    false: int
    """Messages about false alarms."""
    delay: Spread
    """Until the channel had them."""


class Quality(msgspec.Struct, frozen=True):
    """How good the alarms of a time were."""

    start: datetime
    end: datetime
    whole: Group
    """All incidents."""
    communes: int
    per_commune_week: float
    """Incidents for each commune and week."""
    rules: tuple[Group, ...]
    """Those with most incidents first."""
    channels: tuple[ChannelFigures, ...]
    sites: tuple[tuple[str, int], ...]
    """Sites with most incidents, and how many."""


@dataclass
class _Heap:
    """What is added up of a group."""

    incidents: int = 0
    false: int = 0
    suspected: int = 0
    detect: list[float] = field(default_factory=list)
    acknowledge: list[float] = field(default_factory=list)
    resolve: list[float] = field(default_factory=list)

    def add(self, past: Past, *, suspected: bool) -> None:
        self.incidents += 1
        self.false += past.false
        self.suspected += suspected
        for found, (begin, end) in (
            (self.detect, (past.since, past.opened_at)),
            (self.acknowledge, (past.opened_at, past.acknowledged_at)),
            (self.resolve, (past.opened_at, past.resolved_at)),
        ):
            if begin is not None and end is not None:
                found.append(max((end - begin).total_seconds(), 0.0))

    def group(self, name: str) -> Group:
        spreads = (spread(found) for found in (self.detect, self.acknowledge, self.resolve))
        return Group(name, self.incidents, self.false, self.suspected, *spreads)


def spread(seconds: list[float]) -> Spread:
    """Return median and 90th percentile (nearest rank)."""
    ordered = sorted(seconds)
    return Spread(len(ordered), _rank(ordered, 0.5), _rank(ordered, 0.9))


def _rank(ordered: list[float], share: float) -> float | None:
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else None


def is_suspected(past: Past, interval: float | None) -> bool:
    """Whether an incident was over within one interval, though nobody did anything about it."""
    if past.false or past.touched or past.resolved_at is None or interval is None:
        return False
    return (past.resolved_at - past.opened_at).total_seconds() <= interval


def figures(
    start: datetime,
    end: datetime,
    incidents: Iterable[Past],
    messages: Iterable[Sent],
    communes: int,
    interval: Interval,
) -> Quality:
    """Return the figures; `incidents` and `messages` are read once, one by one."""
    whole, rules, sites = _Heap(), defaultdict[str, _Heap](_Heap), Counter[str]()
    for past in incidents:
        suspected = is_suspected(past, interval(past))
        whole.add(past, suspected=suspected)
        rules[past.rule].add(past, suspected=suspected)
        sites.update(_places(past))
    weeks = max((end - start).total_seconds() / WEEK, 1e-9)
    by_rule = sorted(rules.items(), key=lambda rule: (-rule[1].incidents, rule[0]))
    return Quality(
        start,
        end,
        whole.group(""),
        communes,
        whole.incidents / communes / weeks if communes else 0.0,
        tuple(heap.group(rule) for rule, heap in by_rule),
        tuple(_channels(messages)),
        tuple(sites.most_common(MOST_SITES)),
    )


def _places(past: Past) -> Iterable[str]:
    return past.sites or (() if past.device.startswith("@") else (past.device.partition("/")[0],))


def _channels(messages: Iterable[Sent]) -> Iterator[ChannelFigures]:
    states, false = defaultdict[str, Counter[str]](Counter), Counter[str]()
    delays = defaultdict[str, list[float]](list)
    for sent in messages:
        states[sent.channel][sent.state] += 1
        false[sent.channel] += sent.false
        if sent.delay is not None:
            delays[sent.channel].append(sent.delay)
    for name, found in sorted(states.items()):
        counts = (found["delivered"], found["given_up"], found["waiting"])
        yield ChannelFigures(name, *counts, false[name], spread(delays[name]))
