"""Which silences have one cause: a whole site, several sites of one carrier or feed, or the monitor's own line.

A device that would be down is held until it is known whether its neighbours live, as it is held for its parents: they
are asked at once, and answers count when they came after the last attempt at the silent device began. Then one
incident opens for what fell together, and its devices are unreachable.

* Nobody else answers at all: the monitor is cut off (`alerts.judging.sight`).
* Every head of a site is silent, and it has several: the site is down.
* At least three sites, a fifth of those with the same carrier or power feed, fell within ten minutes: they have one
  cause. For a province it takes five sites and a tenth of them. Of several areas the one counts that is hit hardest.

What is silent while such an incident is open belongs to it. It is over when all are back for two minutes; when most
have been back for five, the rest is judged by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import Enum, auto

from alerts.incident import DeviceState, Incident, IncidentKey, Severity, Step, Transition, Words
from alerts.judging.areas import Area, Areas, Common, hardest_hit
from alerts.judging.condition import Outage
from alerts.judging.decision import Draft
from alerts.judging.describe import MAX_EVIDENCE, silent_evidence
from alerts.judging.guess import guess_of_area, guess_of_site
from alerts.judging.shared import CALM, ONSET, PATIENCE, Shared
from alerts.judging.sight import Sight, ask
from alerts.judging.tracker import FLAPPING_CALM, FLAPPING_WINDOW, flapping, is_flapping
from alerts.judging.watched import Watched
from alerts.rule import Rule, RuleBook
from inventory.model import Site
from probes.core.text import clean
from probes.core.words import Said, cleaned, joined

GATHER = timedelta(seconds=20)
"""How long a silent site waits at most for what is known of its neighbours."""
MOST_ASKED = 100
"""Neighbours asked at most for one silent site."""
_STILL_SILENT = Words("vẫn không trả lời, từ nay xét riêng", "still silent, now judged by itself")


class Verdict(Enum):
    """What becomes of a device that would be down."""

    WAIT = auto()
    ALONE = auto()
    """It is down by itself."""
    TOGETHER = auto()
    """It belongs to something larger."""
    BLIND = auto()
    """We see nothing."""


class Together:
    """Keeps what is silent together. Asked by `Liveness`; writes into the draft."""

    def __init__(self, devices: Mapping[str, Watched], draft: Draft) -> None:
        self._devices = devices
        self._draft = draft
        self._shared: dict[IncidentKey, Shared] = {}
        self._ended: dict[IncidentKey, datetime] = {}
        """When what was open lately was over."""
        self.sight = Sight(devices, draft)

    def rewire(self, areas: Areas, rules: RuleBook, now: datetime | None = None) -> None:
        """Judge by other sites and rules from now on; what no rule or site stands for any more is closed."""
        self._areas = areas
        self._rules = {
            rule.condition.of: rule for rule in rules if rule.enabled and isinstance(rule.condition, Outage)
        }
        self.sight.rewire(areas, self._rules.get("monitor"), now)
        for shared in tuple(self._shared.values()) if now else ():
            gone = {site for site in shared.out if site not in areas.sites}
            shared.out -= gone
            if shared.rule.id not in {rule.id for rule in self._rules.values()} or (gone and not shared.out):
                self._end(
                    shared, now or shared.changed_at, "no longer watched: the rule or the sites were removed"
                )

    @property
    def waits(self) -> bool:
        """Whether time alone may end something."""
        return bool(self._shared) or self.sight.waits

    def restore(self, incident: Incident) -> bool:
        """Continue an incident that was open before a restart. Whether it is one of ours."""
        key = incident.key
        rule = next((rule for rule in self._rules.values() if rule.id == key.rule), None)
        if rule is None or not isinstance(rule.condition, Outage):
            return False
        if rule.condition.of == "monitor":
            self.sight.restore()
            return True
        area = self._areas.find(key.device.removeprefix("@"), key.subject)
        sites = {site for site in incident.sites if site in self._areas.sites}
        if not sites:
            return False
        scope = frozenset(area.sites if area else sites)
        called = area.called if area else _called(self._areas.sites[next(iter(sites))])
        self._shared[key] = Shared(
            key, rule, called, scope, set(sites), sites, incident.summary, incident.evidence, incident.cause,
            frozenset(sites), incident.changed_at, incident.changed_at,
            flapping=incident.reopened > 0 or is_flapping(incident.summary),
        )  # fmt: skip
        return True

    def remember(self, key: IncidentKey, at: datetime) -> None:
        """Take in that something was over `at`: what comes again soon flaps."""
        self._ended[key] = max(at, self._ended.get(key, at))

    def shift(self, step: timedelta) -> None:
        """Let everything remembered have happened so much later: the clock was set."""
        self.sight.shift(step)
        for shared in self._shared.values():
            shared.changed_at += step
            shared.lost_at += step
            shared.most_back_since = shared.most_back_since and shared.most_back_since + step
        self._ended = {key: at + step for key, at in self._ended.items()}

    # What is heard

    def answered(self, watched: Watched, now: datetime) -> None:
        """Take in that a device answered."""
        self.sight.answered(watched, now)
        if self._shared:
            self._back(watched, now)

    def _back(self, watched: Watched, now: datetime) -> None:
        site = watched.site.id
        for shared in self._shared.values():
            if site in shared.out and watched.id in self._areas.heads[site]:
                shared.out.discard(site)
                shared.changed_at = now
                self._ask_afresh(site, watched)

    def _ask_afresh(self, site: str, answered: Watched) -> None:
        """Count the silence of the other ways into a site anew: it may have met what is just over."""
        others = [head for head in self._watching(site) if head is not answered]
        for head in others:
            head.hearing.begin_anew()
        ask(self._draft, others)

    # Judging

    def of(self, watched: Watched) -> Shared | None:
        """Return the open incident to which the silence of a head belongs."""
        if not self._shared or watched.id not in self._areas.heads.get(watched.site.id, ()):
            return None
        site = watched.site.id
        return next((shared for shared in self._shared.values() if site in shared.out), None)

    def power_is_out(self, site: str) -> bool:
        """Whether an incident of the power feed of a site is open."""
        power = f"@{Common.POWER}"
        return any(key.device == power and site in shared.scope for key, shared in self._shared.items())

    def joined(self, watched: Watched) -> Words:
        """Return why a head is unreachable that belongs to something larger."""
        shared = self.of(watched)
        called = shared.called if shared else Words("", "")
        return Words(f"Không tới được: {called.vi} mất kết nối", f"Unreachable: {called.en} is cut off")

    def judge(self, watched: Watched, now: datetime, *, may_open: bool) -> Verdict:
        """Say what becomes of a device that was silent often enough.

        It is held while the answer is `Verdict.WAIT`. Nothing opens unless `may_open`: its parents are not known yet.
        """
        if self.sight.blind:
            return Verdict.BLIND
        watched.gathers_since = watched.gathers_since or now
        late = now - watched.gathers_since >= GATHER
        ours = self.sight.lost(watched, now, late=late)
        if ours is None:
            return Verdict.WAIT
        if ours:
            return Verdict.BLIND
        if watched.id not in self._areas.heads.get(watched.site.id, ()):
            return Verdict.ALONE
        return self._judge_head(watched, now, late, may_open)

    def _judge_head(self, watched: Watched, now: datetime, late: bool, may_open: bool) -> Verdict:
        site = watched.site.id
        areas = self._areas.of.get(site, ()) if "area" in self._rules else ()
        joins = next((one for one in self._shared.values() if one.takes_in(site, now)), None)
        if joins is not None and self._silent(site, now):
            self._join(joins, site, now)
            return Verdict.TOGETHER
        if joins is not None and joins.flapping:
            return Verdict.WAIT
        others = list(dict.fromkeys(other for area in areas for other in area.sites if other != site))
        unsure = [head for other in others[:MOST_ASKED] for head in self._unsure(other, watched, now)]
        heads = self._watching(site)
        several = len(heads) > 1 and "site" in self._rules and not any(_is_down(head) for head in heads)
        if several:
            unsure += [head for head in heads if head is not watched and _in_doubt(head, watched, now)]
        if (unsure and not late) or not may_open:
            ask(self._draft, unsure)
            return Verdict.WAIT
        explained = {other for shared in self._shared.values() for other in shared.out}
        fallen = {other for other in others if other not in explained and self._fell(other, now)} | {site}
        area = hardest_hit(areas, fallen)
        if area is not None and self._silent(site, now):
            self._open_area(area, areas, fallen & set(area.sites), now)
            return Verdict.TOGETHER
        if several and self._silent(site, now):
            self._open_site(watched, now)
            return Verdict.TOGETHER
        return Verdict.ALONE

    def _watching(self, site: str) -> list[Watched]:
        found = (self._devices[head] for head in self._areas.heads.get(site, ()) if head in self._devices)
        return [head for head in found if head.hearing.watching]

    def _silent(self, site: str, now: datetime) -> bool:
        """Whether every head of a site was silent often enough, or is known to be cut off."""
        heads = self._watching(site)
        return bool(heads) and all(head.cut_off or _confirmed(head, now) for head in heads)

    def _fell(self, site: str, now: datetime) -> bool:
        """Whether a site was lost lately."""
        return self._silent(site, now) and all(
            not head.cut_off or head.since is None or now - head.since <= ONSET
            for head in self._watching(site)
        )

    def _unsure(self, site: str, watched: Watched, now: datetime) -> list[Watched]:
        """Return the heads of a site of which it is not known whether it lives."""
        heads = self._watching(site)
        return heads if heads and all(_in_doubt(head, watched, now) for head in heads) else []

    # Opening and closing

    def _open_area(self, area: Area, areas: Iterable[Area], out: set[str], now: datetime) -> None:
        rule = self._rules["area"]
        words = {"value": f"{len(out)}/{len(area.sites)}"}
        summary = rule.say(words | {"subject": area.called.vi}, words | {"subject": area.called.en})
        shares = (
            joined((one.called, f"{len(out & set(one.sites))}/{len(one.sites)}"), ": ") for one in areas
        )
        names = ", ".join(self._areas.sites[site].name for site in sorted(out))
        cause, signs = guess_of_area(area, [head for site in out for head in self._of_site(site)])
        evidence = cleaned(joined((*shares, signs, names)), MAX_EVIDENCE)
        key = IncidentKey(rule.id, f"@{area.common}", "", area.subject)
        self._open(key, rule, area.called, frozenset(area.sites), out, summary, evidence, cause, now)

    def _open_site(self, watched: Watched, now: datetime) -> None:
        rule, site = self._rules["site"], watched.site
        words = {"site": clean(site.name, 64), "value": str(len(site.devices))}
        evidence = silent_evidence(head.id for head in self._watching(site.id))
        cause = guess_of_site(self._of_site(site.id))
        self._open(
            IncidentKey(rule.id, site.id), rule, _called(site), frozenset({site.id}), {site.id},
            rule.say(words, words), evidence, cause, now,
        )  # fmt: skip

    def _of_site(self, site: str) -> list[Watched]:
        """Return every device of a site."""
        found = (self._devices.get(device.id) for device in self._areas.sites[site].devices)
        return [watched for watched in found if watched is not None]

    def _open(
        self, key: IncidentKey, rule: Rule, called: Words, scope: frozenset[str], out: set[str], summary: Words,
        evidence: Said, cause: Words | None, now: datetime,
    ) -> None:  # fmt: skip
        self._ended = {one: at for one, at in self._ended.items() if now - at <= FLAPPING_WINDOW}
        flaps = key in self._ended
        summary = flapping(summary) if flaps else summary
        shared = Shared(
            key, rule, called, scope, set(out), set(out), summary, evidence, cause, frozenset(out), now, now,
            flapping=flaps,
        )  # fmt: skip
        self._shared[key] = shared
        since = self._silent_since(out)
        self._step(Step.OPENED, key, rule, summary, evidence, now, sites=out, cause=cause, since=since)

    def _silent_since(self, sites: Iterable[str]) -> datetime | None:
        """Return when the first attempt at a head of these sites failed: from then on it could have been noticed."""
        heads = (head for site in sites for head in self._watching(site))
        return min((since for head in heads if (since := head.hearing.silent_since)), default=None)

    def _join(self, shared: Shared, site: str, now: datetime) -> None:
        shared.hit.add(site)
        shared.out.add(site)
        shared.changed_at, shared.lost_at, shared.most_back_since = now, now, None

    def tick(self, now: datetime) -> Iterator[Watched]:
        """Notice what is over; yield the heads that are judged by themselves from now on."""
        self.sight.tick(now)
        for shared in tuple(self._shared.values()):
            yield from self._look_at(shared, now)

    def _look_at(self, shared: Shared, now: datetime) -> Iterator[Watched]:
        if 2 * len(shared.out) <= len(shared.hit):
            shared.most_back_since = shared.most_back_since or now
        else:
            shared.most_back_since = None
        calm = FLAPPING_CALM if shared.flapping else CALM
        if not shared.out and now - shared.changed_at >= calm:
            self._end(shared, now, "")
        elif shared.out and shared.most_back_since and now - shared.most_back_since >= PATIENCE:
            rest = ", ".join(self._areas.sites[site].name for site in sorted(shared.out))
            self._end(shared, now, cleaned(joined((_STILL_SILENT, rest), ": "), MAX_EVIDENCE))
            yield from (head for site in shared.out for head in self._watching(site))
        elif shared.hit != shared.stored:
            shared.stored = frozenset(shared.hit)
            self._step(
                Step.CHANGED, shared.key, shared.rule, shared.summary, shared.evidence, now,
                sites=shared.hit, cause=shared.cause, before=shared.rule.level,
            )  # fmt: skip

    def _end(self, shared: Shared, now: datetime, note: Said) -> None:
        del self._shared[shared.key]
        self._ended[shared.key] = now
        self._step(
            Step.RESOLVED, shared.key, shared.rule, shared.summary, shared.evidence, now,
            sites=shared.hit, cause=shared.cause, before=shared.rule.level, note=note,
        )  # fmt: skip

    def _step(
        self, step: Step, key: IncidentKey, rule: Rule, summary: Words, evidence: Said, now: datetime, *,
        sites: Iterable[str] = (), cause: Words | None = None, before: Severity | None = None, note: Said = "",
        since: datetime | None = None,
    ) -> None:  # fmt: skip
        hit = tuple(sorted(sites))
        self._draft.step(
            Transition(
                key,
                step,
                now,
                rule.kind,
                rule.level,
                summary,
                evidence,
                note=note,
                before=before,
                sites=hit,
                cause=cause,
                since=since,
            )
        )


def _called(site: Site) -> Words:
    name = clean(site.name, 64)
    return Words(name, name)


def _confirmed(head: Watched, now: datetime) -> bool:
    return head.hearing.silence(now) >= head.attempts


def _is_down(head: Watched) -> bool:
    return head.state is DeviceState.DOWN


def _in_doubt(head: Watched, watched: Watched, now: datetime) -> bool:
    """Whether a head neither answered since the last attempt at `watched` began, nor was silent often enough."""
    heard, asked = head.hearing.answered_at, watched.hearing.asked_at
    if heard is not None and asked is not None and heard >= asked:
        return False
    return not head.cut_off and not _confirmed(head, now)
