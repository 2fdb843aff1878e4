"""One device as the engine sees it: what is heard of it, which rules concern it, what is open about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from alerts.incident import DeviceState, Incident, IncidentKey, Kind, Severity, Words
from alerts.judging.condition import DeviceDown, Event, FactCondition, Service, Threshold
from alerts.judging.state import Ear, Hearing
from alerts.judging.track import Track
from alerts.rule import Condition, Rule, RuleBook
from inventory.model import CheckSpec, Device, Site

DEFAULT_ATTEMPTS = 3
"""Silent attempts that make a device down when no rule says otherwise."""

POSTURE_PROBES = frozenset({"snmp_community", "tls"})
"""Probes that ask for bad configuration, not for a service; so does a TCP check for a closed port."""

NO_DATA = Words("Chưa có dữ liệu", "No data yet")


@dataclass(frozen=True, slots=True)
class RulesOfCheck:
    """Rules that concern one check, by what they look at."""

    services: tuple[tuple[Rule, Service], ...]
    thresholds: dict[str, tuple[tuple[Rule, Threshold], ...]]
    facts: dict[str, tuple[tuple[Rule, FactCondition], ...]]
    events: dict[str, tuple[tuple[Rule, Event], ...]]


class Average(NamedTuple):
    """An average that is remembered, and whether it is nearer to the bound than to `clear`."""

    value: float
    poor: bool


@dataclass(slots=True)
class Watched:
    """A device under judgement."""

    device: Device
    site: Site
    hearing: Hearing
    down_rules: tuple[Rule, ...]
    attempts: int
    state: DeviceState = DeviceState.NO_DATA
    reason: Words = NO_DATA
    since: datetime | None = None
    held_since: datetime | None = None
    """Since when it would be down, if only it were known that its parents are not."""
    gathers_since: datetime | None = None
    """Since when it would be down, if only it were known whether its neighbours are."""
    tracks: dict[IncidentKey, Track] = field(default_factory=dict)
    rules: dict[str, RulesOfCheck] = field(default_factory=dict)
    closed: dict[IncidentKey, datetime] = field(default_factory=dict)
    """When what was open lately was over."""
    averages: dict[IncidentKey, Average] = field(default_factory=dict)
    """Averages of numbers that were wrong lately."""
    lost_at: datetime | None = None
    """When a ping last lost most of its packets."""

    def shift(self, step: timedelta) -> None:
        """Let everything have happened so much later: the clock was set."""
        self.hearing.shift(step)
        self.since = self.since and self.since + step
        self.held_since = self.held_since and self.held_since + step
        self.gathers_since = self.gathers_since and self.gathers_since + step
        self.lost_at = self.lost_at and self.lost_at + step
        self.closed = {key: at + step for key, at in self.closed.items()}
        for track in self.tracks.values():
            track.shift(step)

    @property
    def id(self) -> str:
        """Id of the device."""
        return self.device.id

    @property
    def cut_off(self) -> bool:
        """Whether it is known to be down or unreachable."""
        return self.state is DeviceState.DOWN or self.state is DeviceState.UNREACHABLE

    def worst(self, incidents: frozenset[str]) -> Track | None:
        """Return the worst open track of a rule of `incidents` (ids), warning or worse, if there is one."""
        found = [
            track
            for key, track in self.tracks.items()
            if track.hard and track.hard.rank >= Severity.WARNING.rank and key.rule in incidents
        ]
        return max(found, key=lambda track: track.hard.rank if track.hard else -1, default=None)


class Compiler:
    """Finds the rules of devices and checks; equal sets of rules are kept once."""

    def __init__(self, rules: RuleBook) -> None:
        self._rules = tuple(rule for rule in rules if rule.enabled)
        self._kept: dict[tuple[str, ...], RulesOfCheck] = {}
        self.incidents = frozenset(rule.id for rule in self._rules if rule.kind is Kind.INCIDENT)
        """Ids of the rules whose open incidents make a device degraded."""

    def watched(self, device: Device, site: Site) -> Watched:
        """Return `device`, nothing known about it yet."""
        ears = (
            Ear(check.name, check.probe, check.interval, check.timeout, posture=_is_posture(check))
            for check in device.checks
        )
        down = tuple(
            rule for rule in self._rules if isinstance(rule.condition, DeviceDown) and rule.concerns(device)
        )
        attempts = down[0].attempts if down else DEFAULT_ATTEMPTS
        return Watched(device, site, Hearing(ears), down, attempts)

    def rules_of(self, watched: Watched, check: str, probe: str) -> RulesOfCheck:
        """Return the rules that concern `check` of a device."""
        ear = watched.hearing.ears.get(check)
        judged = ear is not None and ear.serves
        concerned = [
            rule
            for rule in self._rules
            if not isinstance(rule.condition, DeviceDown)
            and (judged or not _is_service(rule.condition))
            and rule.concerns(watched.device, check, probe)
        ]
        key = tuple(rule.id for rule in concerned)
        if key not in self._kept:
            self._kept[key] = _compiled(concerned)
        return self._kept[key]


def _is_service(condition: Condition) -> bool:
    """Whether a rule judges how a check serves: that it fails, or how long its answers take."""
    slow = isinstance(condition, Threshold) and condition.metric == "probe.duration"
    return slow or isinstance(condition, Service)


def _is_posture(check: CheckSpec) -> bool:
    return check.probe in POSTURE_PROBES or getattr(check.params, "expect", "") == "closed"


def _compiled(rules: list[Rule]) -> RulesOfCheck:
    compiled = RulesOfCheck(
        tuple((rule, rule.condition) for rule in rules if isinstance(rule.condition, Service)), {}, {}, {}
    )
    for rule in rules:
        condition = rule.condition
        if isinstance(condition, Threshold):
            known = compiled.thresholds.get(condition.metric, ())
            compiled.thresholds[condition.metric] = (*known, (rule, condition))
        elif isinstance(condition, FactCondition):
            compiled.facts[condition.name] = (*compiled.facts.get(condition.name, ()), (rule, condition))
        elif isinstance(condition, Event):
            compiled.events[condition.fact] = (*compiled.events.get(condition.fact, ()), (rule, condition))
    return compiled


def renewed(old: Watched, new: Watched, now: datetime) -> Watched:
    """Return `new`, the same device after a change of the inventory or the rules, with what `old` knows.

    What was heard at another address says nothing about this one: then only what is open is kept.
    """
    new.tracks, new.closed = old.tracks, old.closed
    if old.device.address != new.device.address:
        new.since = now
        return new
    new.hearing.take_over(old.hearing)
    new.state, new.reason, new.since = old.state, old.reason, old.since
    new.averages, new.lost_at = old.averages, old.lost_at
    return new


def continued(incident: Incident) -> Track:
    """Return the track of an incident that was open when the monitor last stopped."""
    severity: Severity = incident.severity
    return Track(
        hard=severity,
        worst=severity,
        summary=incident.summary,
        evidence=incident.evidence,
        told_at=incident.changed_at,
        seen_at=incident.changed_at,
    )
