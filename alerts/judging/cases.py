"""What one observation says by the rules of its check: outcomes, numbers, configuration, events."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

import msgspec

from alerts.incident import IncidentKey, Severity
from alerts.judging.condition import Event, FactCondition, Threshold, Unknown
from alerts.judging.describe import Places, fact_evidence, number_evidence, outcome_evidence, subject_of
from alerts.judging.track import Track
from alerts.judging.tracker import Case
from alerts.judging.watched import Average, RulesOfCheck, Watched
from alerts.rule import Rule
from probes.core.observation import Fact, Observation, Outcome, Sample

LOSS_RULE = "packet-loss"
"""The rule about lost packets: they explain slow and missing answers."""

WHERE_LOST = 2
"""How many times as many silent attempts it takes for a device where packets are lost on the way."""

SERVICE_WHERE_LOST = 3.0
"""As many times for a service, whose questions take more packets than a ping."""

SERVICE_WHERE_SOME_LOST, SOME_LOST = 1.5, 0.075
"""As many times for a service where this share of the packets is lost."""

MOSTLY_LOST = 0.5
"""Share of lost packets above which one ping says by itself that packets are lost on the way."""

DURATION = "probe.duration"
"""The one number that is no sample: how long a successful attempt took, as the stores call it."""


class Way(Protocol):
    """Knows the devices before a device."""

    def loses(self, watched: Watched, since: datetime | None = None) -> bool:
        """Whether packets are lost on the way to a device: on average, or by one ping of those `since` a time."""
        ...

    def loss(self, watched: Watched) -> float:
        """Return the share of packets lost on average on the way to a device, as far as it is remembered."""
        ...

    def is_poor(self, watched: Watched, rule: str) -> bool:
        """Whether by `rule` a device before this one has poor numbers."""
        ...

    def has_half(self, watched: Watched, rule: str, value: float) -> bool:
        """Whether by `rule` a device before this one has at least half of an average `value` of this one."""
        ...

    def is_told(self, watched: Watched, rule: str) -> bool:
        """Whether an incident of several sites is open that says what `rule` would say of this device."""
        ...

    def gathers(self, watched: Watched, rule: str, now: datetime) -> bool:
        """Whether what `rule` says of this device waits for what is heard of others."""
        ...


def cases(
    watched: Watched, rules: RulesOfCheck, seen: Observation, now: datetime, way: Way
) -> Iterator[Case]:
    """Yield every judgement about `seen`; what is well only when something was wrong before."""
    if rules.services and (watched.tracks or seen.outcome is not Outcome.OK):
        yield from _services(watched, rules, seen, now, way)
    if rules.thresholds and not seen.outcome.is_silence:
        if DURATION in rules.thresholds and seen.outcome is Outcome.OK:
            took = Sample(DURATION, seen.duration, "s")
            yield from _numbers(watched, rules.thresholds[DURATION], seen, took, now, way)
        for sample in seen.samples:
            found = rules.thresholds.get(sample.metric)
            if found is not None:
                yield from _numbers(watched, found, seen, sample, now, way)
    for fact in seen.facts:
        if fact.name in rules.facts or fact.name in rules.events:
            yield from _facts(watched, rules, seen, fact, now, way)


def _services(
    watched: Watched, rules: RulesOfCheck, seen: Observation, now: datetime, way: Way
) -> Iterator[Case]:
    for rule, service in rules.services:
        judgement = service.judge(seen.outcome, rule.level)
        if isinstance(judgement, Unknown) or (judgement is None and not watched.tracks):
            continue
        key = IncidentKey(rule.id, watched.id, seen.check)
        track = watched.tracks.get(key)
        if track is None and judgement is None:
            continue
        silent = seen.outcome.is_silence
        if silent and (watched.cut_off or watched.hearing.silence(now)):
            # The device as a whole is silent: its state is judged, and of the service alone nothing is known.
            if track is not None:
                track.forget_row()
            continue
        places = Places(watched.device, watched.site, check=seen.check, attempts=str(rule.attempts))
        places.outcome(seen)
        failing_since = track.failing_since if track else None
        heard = watched.hearing.answered_at
        alive = failing_since is not None and heard is not None and heard >= failing_since
        row = track.worse + 1 if track else 1
        lost = silent and row < rule.attempts * _patience(watched, failing_since, way)
        yield Case(
            rule,
            key,
            judgement,
            rule.say(places.vi, places.en),
            outcome_evidence(seen),
            hold=lost or (silent and not alive),
            confirm=True,
        )


def _patience(watched: Watched, since: datetime | None, way: Way) -> float:
    """Return how many times as many silent attempts as usual it takes: packets lost `since` then may explain them."""
    if way.loses(watched, since):
        return SERVICE_WHERE_LOST
    return SERVICE_WHERE_SOME_LOST if way.loss(watched) >= SOME_LOST else 1.0


def _numbers(
    watched: Watched,
    rules: tuple[tuple[Rule, Threshold], ...],
    seen: Observation,
    sample: Sample,
    now: datetime,
    way: Way,
) -> Iterator[Case]:
    for rule, threshold in rules:
        if not threshold.concerns(sample.labels):
            continue
        if not (watched.tracks or watched.averages) and not isinstance(
            threshold.judge(sample.value, limits=sample.limits), Severity
        ):
            continue
        check = "" if threshold.of_device else seen.check
        key = IncidentKey(rule.id, watched.id, check, subject_of(sample.labels))
        number = _averaged(watched, key, threshold, sample, now) if threshold.average else sample
        track = watched.tracks.get(key)
        if track is not None and not track.accepts(seen.check, now):
            continue
        is_open = track is not None and track.hard is not None
        if threshold.of_path and not is_open and _explained(watched, rule, way):
            # What was counted so far was as much the way's: nothing of it is left when that is well again.
            watched.averages.pop(key, None)
            watched.tracks.pop(key, None)
            continue
        judgement = threshold.judge(number.value, track.hard if track else None, number.limits)
        if isinstance(judgement, Severity) and not threshold.applies(seen.samples):
            judgement = None
        if isinstance(judgement, Unknown):
            continue
        if _nothing_new(track, judgement):
            if track is not None:
                track.judged_at = now
            continue
        places = Places(watched.device, watched.site, check=seen.check, subject=key.subject)
        places.number(number, threshold, judgement)
        words, evidence = rule.say(places.vi, places.en), number_evidence(number)
        hold = (
            way.is_told(watched, rule.id)
            or (judgement is not None and not is_open and way.gathers(watched, rule.id, now))
            or (threshold.of_path and way.has_half(watched, rule.id, number.value))
        )
        yield Case(rule, key, judgement, words, evidence, owner=seen.check, hold=hold)


def _averaged(
    watched: Watched, key: IncidentKey, threshold: Threshold, sample: Sample, now: datetime
) -> Sample:
    """Return the number's average in its place, and remember it while it says anything."""
    if not math.isfinite(sample.value):
        return sample
    if key.rule == LOSS_RULE and sample.value > MOSTLY_LOST:
        watched.lost_at = now
    before = watched.averages.get(key)
    value = threshold.averaged(sample.value, before.value if before else None)
    if value is None:
        watched.averages.pop(key, None)
        return msgspec.structs.replace(sample, value=threshold.good)
    watched.averages[key] = Average(value, poor=threshold.is_poor(value))
    return msgspec.structs.replace(sample, value=value)


def _explained(watched: Watched, rule: Rule, way: Way) -> bool:
    """Whether the way to a device explains its number: the same before it, or packets that are lost."""
    return way.is_poor(watched, rule.id) or (rule.id != LOSS_RULE and way.loses(watched))


def _facts(
    watched: Watched, rules: RulesOfCheck, seen: Observation, fact: Fact, now: datetime, way: Way
) -> Iterator[Case]:
    conditions: list[tuple[Rule, FactCondition | Event]] = [
        *rules.facts.get(fact.name, ()),
        *rules.events.get(fact.name, ()),
    ]
    for rule, condition in conditions:
        if not condition.concerns(fact.subject):
            continue
        judgement = condition.judge(fact.value, rule.level)
        if isinstance(judgement, Unknown) or (judgement is None and not watched.tracks):
            continue
        key = IncidentKey(rule.id, watched.id, seen.check, subject_of((("", fact.subject),)))
        evidence = fact_evidence(fact)
        track = watched.tracks.get(key)
        if track and isinstance(condition, Event):
            track.seen_at = now
        if _nothing_new(track, judgement) and (track is None or track.evidence == evidence):
            continue
        places = Places(watched.device, watched.site, check=seen.check, subject=key.subject)
        places.fact(fact)
        words = rule.say(places.vi, places.en)
        confirm, hold = isinstance(condition, FactCondition), way.is_told(watched, rule.id)
        yield Case(rule, key, judgement, words, evidence, confirm=confirm, hold=hold)


def _nothing_new(track: Track | None, judgement: Severity | None) -> bool:
    """Whether a judgement says what is known already: well and nothing open, or as bad as what is open."""
    return judgement is None if track is None else judgement is track.hard and not track.soft
