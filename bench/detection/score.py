"""Pages held against the truth: what was found, how late, what was told in vain, twice or never."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from bench.detection.faults import Fault, Kind, Truth, merged
from bench.detection.world import INTERVAL

CONFIRMATION = 30.0
"""Seconds an outage may take to be confirmed once the first attempt met silence: three attempts of each check, the
question to its parents and its neighbours."""
GRACE = 900.0
"""Seconds after the end of a fault in which what is told may still be about it."""

AVAILABILITY = frozenset({"device-down", "site-down", "common-cause", "monitor-blind"})
RULES: dict[Kind, frozenset[str]] = {
    Kind.POWER: AVAILABILITY | {"ups-on-battery", "mains-lost"},
    Kind.AGENT: frozenset({"service-failed"}),
    Kind.SLOW: frozenset({"slow-answer"}),
    Kind.LOSSY: frozenset({"packet-loss", "slow-answer", "service-failed"}),
}
"""Which rules may speak of a kind of fault; all other kinds are matters of availability."""
SHORT = frozenset({Kind.BURST})
"""Too short to be told of: a page about one is false."""
QUIETLY = frozenset({Kind.SLOW, Kind.LOSSY})
"""Faults that are told of, and not counted among the outages: how soon is a matter of their averages."""


@dataclass(frozen=True, slots=True)
class Told:
    """One page, whoever sent it."""

    at: float
    rule: str
    """``""`` for a judge that has no rules: it may mean anything."""
    devices: frozenset[str]
    """Ids of devices and of sites it is about; empty for the monitor itself."""


@dataclass(slots=True)
class Score:
    """How well one judge did."""

    outages: int = 0
    """Faults that lasted long enough to be told of, and were not hidden behind another."""
    found: int = 0
    pages: int = 0
    false: int = 0
    false_by_rule: Counter[str] = field(default_factory=Counter)
    per_outage: float = 0.0
    most: int = 0
    """Pages about one outage, at most."""
    p50: float = 0.0
    p99: float = 0.0
    """Delay in intervals."""
    late: list[Fault] = field(default_factory=list)
    """Outages found later than an interval and the confirmation."""
    missed: list[Fault] = field(default_factory=list)
    by_kind: dict[str, str] = field(default_factory=dict)

    @property
    def recall(self) -> float:
        """Share of the outages that were told of."""
        return self.found / self.outages if self.outages else 1.0


def score(truth: Truth, pages: Sequence[Told], away: Sequence[tuple[float, float]] = ()) -> Score:
    """Hold `pages` against the truth; while the monitor was `away` it could see nothing."""
    judged = _Judged(truth, away)
    for page in sorted(pages, key=lambda page: page.at):
        judged.take(page)
    return judged.score()


class _Judged:
    def __init__(self, truth: Truth, away: Sequence[tuple[float, float]]) -> None:
        self._truth = truth
        self._away = away
        self._faults = [fault for fault in truth.faults if fault.kind not in SHORT]
        self._pages: defaultdict[int, list[float]] = defaultdict(list)
        """For each fault, when a page was sent for it: each page is one fault's."""
        self._named: defaultdict[int, list[float]] = defaultdict(list)
        """For each fault, when a page named it, be it of something larger."""
        self._false: Counter[str] = Counter()
        self._total = 0
        self._sites = {
            id(fault): {device.partition("/")[0] for device in fault.devices} for fault in self._faults
        }

    def take(self, page: Told) -> None:
        self._total += 1
        fits = [fault for fault in self._faults if self._fits(fault, page)]
        if not fits:
            self._false[page.rule or "-"] += 1
            return
        fresh = [fault for fault in fits if not self._pages[id(fault)]]
        for fault in fits:
            self._named[id(fault)].append(page.at)
        # What has just begun and was not told of; of several, what still lasts and has an extent most like the page's.
        chosen = min(
            fresh or fits,
            key=lambda fault: (page.at > fault.end, abs(len(fault.devices) - self._extent(page))),
        )
        self._pages[id(chosen)].append(page.at)

    def _extent(self, page: Told) -> int:
        sites = self._truth.world.inventory.sites
        return sum(len(sites[one].devices) if one in sites else 1 for one in page.devices)

    def _fits(self, fault: Fault, page: Told) -> bool:
        if not fault.start <= page.at <= fault.end + GRACE:
            return False
        if page.rule and page.rule not in RULES.get(fault.kind, AVAILABILITY):
            return False
        if page.rule == "monitor-blind":
            return fault.kind is Kind.BLIND
        sites = self._sites[id(fault)]
        return any(one in fault.devices or one in sites for one in page.devices)

    def score(self) -> Score:
        counted = [fault for fault in self._faults if fault.kind not in QUIETLY]
        seen = [(fault, since) for fault in counted if (since := self._visible(fault)) is not None]
        first = {id(fault): self._told_at(fault, since) for fault, since in seen}
        found = [(fault, since, at) for fault, since in seen if (at := first[id(fault)]) is not None]
        missed = [fault for fault, _ in seen if first[id(fault)] is None]
        delays = sorted(max(at - since, 0.0) / self._slowest(fault) for fault, since, at in found)
        late = [fault for fault, since, at in found if at - since > self._slowest(fault) + CONFIRMATION]
        told = [len(pages) for pages in self._pages.values() if pages]
        return Score(
            outages=len(seen),
            found=len(found),
            pages=self._total,
            false=sum(self._false.values()),
            false_by_rule=self._false,
            per_outage=round(sum(told) / len(told), 3) if told else 0.0,
            most=max(told, default=0),
            p50=_quantile(delays, 0.5),
            p99=_quantile(delays, 0.99),
            late=late,
            missed=missed,
            by_kind=self._by_kind([fault for fault, _ in seen], missed),
        )

    def _told_at(self, fault: Fault, since: float) -> float | None:
        """Return when a fault was told of: by a page of its own, or named once it could be seen.

        A link that flaps is one trouble from its first fall on.
        """
        own, named = self._pages[id(fault)], self._named[id(fault)]
        begin = fault.start if fault.kind is Kind.FLAP else since
        return own[0] if own else next((at for at in named if at >= begin), None)

    def _by_kind(self, seen: Sequence[Fault], missed: Sequence[Fault]) -> dict[str, str]:
        """Return for each kind: found of outages, pages."""
        rows: defaultdict[Kind, list[int]] = defaultdict(lambda: [0, 0, 0])
        for fault in seen:
            row = rows[fault.kind]
            row[0], row[1] = row[0] + (fault not in missed), row[1] + 1
        for fault in self._faults:
            rows[fault.kind][2] += len(self._pages[id(fault)])
        return {kind: f"{found} of {of}, {pages} pages" for kind, (found, of, pages) in rows.items()}

    def _visible(self, fault: Fault) -> float | None:
        """Return since when an outage could be seen; `None` when it was too short, or hidden behind another.

        What falls again before it was back is the same outage.
        """
        least = self._slowest(fault) + CONFIRMATION
        others = [
            other for other in self._faults
            if other is not fault and other.start < fault.end and other.end > fault.start
            and other.kind not in QUIETLY and fault.devices <= other.devices
        ]  # fmt: skip
        if any(other.start <= fault.start and fault.devices == other.devices for other in others):
            return None
        hidden = [(a - least, b + GRACE / 3) for other in others for a, b in self._spans(other, fault)]
        hidden += [(a - least, b + INTERVAL) for a, b in self._away]
        longest: tuple[float, float] | None = None
        for begin, end in self._spans(fault, fault):
            for first, last in _without(begin, end, merged(hidden)):
                if last - first >= least and longest is None:
                    longest = (first, last)
        return longest[0] if longest else None

    def _spans(self, fault: Fault, of: Fault) -> list[tuple[float, float]]:
        if not fault.spans:
            return [(fault.start, fault.end)]
        every: Callable[[Iterable[float]], float] = min
        spans = [fault.spans[device] for device in of.devices if device in fault.spans]
        return [(every(a for a, _ in one), max(b for _, b in one)) if fault.kind is Kind.POWER else span
                for one in spans[:1] for span in one]  # fmt: skip

    def _slowest(self, fault: Fault) -> float:
        """Return the interval of what is asked most often of any device of the fault, in seconds."""
        devices = self._truth.world.inventory.devices
        name = "snmp" if fault.kind in (Kind.AGENT, Kind.SLOW) else ""
        return min(
            check.interval
            for device in fault.devices
            for check in devices[device].checks
            if not name or check.name == name
        )


def _without(begin: float, end: float, spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return what is left of a span when `spans` (in order) are taken out."""
    left, at = [], begin
    for first, last in spans:
        if last <= at or first >= end:
            continue
        if first > at:
            left.append((at, first))
        at = max(at, last)
    if at < end:
        left.append((at, end))
    return left


def _quantile(values: Sequence[float], share: float) -> float:
    return round(values[min(int(len(values) * share), len(values) - 1)], 2) if values else 0.0
