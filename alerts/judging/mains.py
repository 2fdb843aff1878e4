"""Which sites of one power feed lost the mains and run on their batteries: one incident of the feed, not one a UPS.

A UPS that reports its battery is held for a while until it is known what the others of the feed say. When at least
three sites and a fifth of the feed report it, one incident opens that names them; theirs are not told of by themselves
while it is open. A UPS that fell silent said last that it ran on its battery, so nothing of it is over. It is over
when none has said so for two minutes; when most are back for five, the rest is judged by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerts.incident import Incident, IncidentKey, Step, Transition, Words
from alerts.judging.areas import Area, Areas, Common, hardest_hit
from alerts.judging.condition import MainsLost
from alerts.judging.decision import Draft
from alerts.judging.describe import MAX_EVIDENCE
from alerts.judging.guess import ON_BATTERY, guess_of_feed
from alerts.judging.shared import CALM, PATIENCE
from alerts.judging.watched import Watched
from alerts.rule import Rule, RuleBook
from probes.core.text import clean
from probes.core.words import Said

GATHER = timedelta(seconds=90)
"""How long one UPS is held until the others of its feed were asked: an interval, and attempts that confirm."""
SETTLING = timedelta(minutes=5)
"""How long after a restart a site counts as before, until its UPS was asked again."""
_GONE = Words(
    "không còn giám sát: quy tắc hoặc nguồn điện đã bị bỏ",
    "no longer watched: the rule or the feed was removed",
)
_REST = Words("phần còn lại từ nay xét riêng", "the rest is now judged by itself")


@dataclass(slots=True)
class _Lost:
    """An open incident of a feed."""

    key: IncidentKey
    area: Area
    summary: Words
    evidence: Said
    hit: set[str]
    """Sites that ran on their batteries since it opened."""
    stored: frozenset[str]
    """The sites its last step names."""
    settles_at: datetime | None = None
    """Until then what was open before a restart counts as still so; `None` until the first look after it."""
    none_since: datetime | None = None
    few_since: datetime | None = None


class Mains:
    """Keeps what runs on batteries together. Asked by `Liveness`; writes into the draft."""

    def __init__(self, devices: Mapping[str, Watched], draft: Draft) -> None:
        self._devices = devices
        self._draft = draft
        self._rule: Rule | None = None
        self._first: dict[str, datetime] = {}
        """When a UPS of a site first reported its battery, while one does."""
        self._lost: dict[IncidentKey, _Lost] = {}

    def rewire(self, areas: Areas, rules: RuleBook, now: datetime | None = None) -> None:
        """Judge by other sites and rules from now on; what no rule or feed stands for any more is closed."""
        self._areas = areas
        found = (rule for rule in rules if rule.enabled and isinstance(rule.condition, MainsLost))
        before, self._rule = self._rule, next(found, None)
        for lost in tuple(self._lost.values()) if now else ():
            area = areas.find(Common.POWER, lost.key.subject)
            if area is not None and self._rule is not None and self._rule.id == lost.key.rule:
                lost.area = area
            elif before is not None and now is not None:
                self._end(lost, before, now, _GONE)

    @property
    def waits(self) -> bool:
        """Whether time alone may open or end something."""
        return bool(self._first or self._lost)

    def restore(self, incident: Incident) -> bool:
        """Continue an incident that was open before a restart. Whether it is one of ours."""
        key = incident.key
        area = self._areas.find(Common.POWER, key.subject)
        if self._rule is None or key.rule != self._rule.id or area is None:
            return False
        sites = {site for site in incident.sites if site in area.sites}
        self._lost[key] = _Lost(
            key, area, incident.summary, incident.evidence, sites, frozenset(incident.sites)
        )
        return True

    def shift(self, step: timedelta) -> None:
        """Let everything remembered have happened so much later: the clock was set."""
        self._first = {site: at + step for site, at in self._first.items()}
        for lost in self._lost.values():
            lost.settles_at = lost.settles_at and lost.settles_at + step
            lost.none_since = lost.none_since and lost.none_since + step
            lost.few_since = lost.few_since and lost.few_since + step

    def is_told(self, site: str) -> bool:
        """Whether an open incident says that a site runs on its battery."""
        return any(site in lost.area.sites for lost in self._lost.values())

    def gathers(self, site: str, now: datetime) -> bool:
        """Take in that a UPS of a site reports its battery; whether it waits for what the others of its feed say."""
        if self._rule is None or self._feed(site) is None:
            return False
        return now - self._first.setdefault(site, now) < GATHER

    def tick(self, now: datetime) -> None:
        """Notice what began and what is over."""
        for site in tuple(self._first):
            if not self._on_battery(site):
                del self._first[site]
        for area in {area for site in self._first if (area := self._feed(site))}:
            self._look_for(area, now)
        for lost in tuple(self._lost.values()):
            self._look_at(lost, now)

    def _feed(self, site: str) -> Area | None:
        return next((area for area in self._areas.of.get(site, ()) if area.common is Common.POWER), None)

    def _on_battery(self, site: str) -> list[str]:
        """Return the UPSes of a site that last said that they run on their battery."""
        found = self._areas.sites[site].devices if site in self._areas.sites else ()
        watched = (self._devices[device.id] for device in found if device.id in self._devices)
        return [one.id for one in watched if any(key.rule in ON_BATTERY for key in one.tracks)]

    def _look_for(self, area: Area, now: datetime) -> None:
        rule = self._rule
        if rule is None or IncidentKey(rule.id, f"@{area.common}", "", area.subject) in self._lost:
            return
        struck = {site for site in area.sites if self._on_battery(site)}
        if hardest_hit((area,), struck) is not None:
            self._open(rule, area, struck, now)

    def _open(self, rule: Rule, area: Area, struck: set[str], now: datetime) -> None:
        key = IncidentKey(rule.id, f"@{area.common}", "", area.subject)
        words = {"value": f"{len(struck)}/{len(area.sites)}"}
        summary = rule.say(words | {"subject": area.called.vi}, words | {"subject": area.called.en})
        evidence = clean(
            ", ".join(one for site in sorted(struck) for one in self._on_battery(site)), MAX_EVIDENCE
        )
        lost = self._lost[key] = _Lost(
            key, area, summary, evidence, struck, frozenset(struck), settles_at=now
        )
        self._step(Step.OPENED, lost, rule, now, since=min(self._first.get(site, now) for site in struck))

    def _look_at(self, lost: _Lost, now: datetime) -> None:
        struck = {site for site in lost.area.sites if self._on_battery(site)}
        lost.hit |= struck
        lost.settles_at = lost.settles_at or now + SETTLING
        if now < lost.settles_at or self._rule is None:
            return
        lost.none_since = None if struck else lost.none_since or now
        lost.few_since = None if 2 * len(struck) > len(lost.hit) else lost.few_since or now
        if lost.none_since and now - lost.none_since >= CALM:
            self._end(lost, self._rule, now, "")
        elif lost.few_since and now - lost.few_since >= PATIENCE:
            self._end(lost, self._rule, now, _REST)
        elif lost.hit != lost.stored:
            lost.stored = frozenset(lost.hit)
            self._step(Step.CHANGED, lost, self._rule, now)

    def _end(self, lost: _Lost, rule: Rule, now: datetime, note: Said) -> None:
        del self._lost[lost.key]
        self._step(Step.RESOLVED, lost, rule, now, note=note)

    def _step(
        self,
        step: Step,
        lost: _Lost,
        rule: Rule,
        now: datetime,
        *,
        note: Said = "",
        since: datetime | None = None,
    ) -> None:
        before = None if step is Step.OPENED else rule.level
        self._draft.step(
            Transition(
                lost.key, step, now, rule.kind, rule.level, lost.summary, lost.evidence, note=note,
                before=before, sites=tuple(sorted(lost.hit)), cause=guess_of_feed(lost.area), since=since,
            )
        )  # fmt: skip
