"""Does the monitor see at all? When nobody answers, it is cut off itself: it says so once and judges nobody.

Five devices elsewhere must have been silent when last asked, or all that carry the tag `reference`, while no other
device answered since. Of those before which the inventory knows nothing, and of those that answered last, none may be
in doubt, for 20 s at most.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from alerts.incident import IncidentKey, Step, Transition, Words
from alerts.judging.areas import Areas
from alerts.judging.decision import Draft
from alerts.judging.describe import silent_evidence
from alerts.judging.watched import Watched
from alerts.rule import Rule
from probes.core.words import Said

WITNESSES = 5
"""Devices elsewhere that must have been asked in vain before the monitor says that it is itself cut off."""
MOST_ROOTS = 20
"""Devices before which there is nothing, of which none may be in doubt then."""
SEES_AGAIN = timedelta(seconds=30)
"""How long somebody must answer before the monitor says that it sees again."""

MONITOR = "@monitor"
"""In the place of a device: the incident is about the monitor itself."""
UNWATCHED_RULE = Words("không theo dõi nữa: quy tắc đã bị bỏ", "no longer watched: the rule was removed")
BLIND = Words(
    "Hệ thống giám sát mất kết nối, không biết gì về thiết bị", "The monitor is cut off; nothing is known"
)


class Sight:
    """Keeps whether the monitor sees; writes into the draft when that changes."""

    def __init__(self, devices: Mapping[str, Watched], draft: Draft) -> None:
        self._devices = devices
        self._draft = draft
        self._rule: Rule | None = None
        self._answers: tuple[tuple[str, datetime], ...] = ()
        """The last answers of two different devices, the newer first."""
        self._blind_since: datetime | None = None
        self._told = False
        """Whether the incident about ourselves is open."""
        self._sees_since: datetime | None = None

    def rewire(self, areas: Areas, rule: Rule | None, now: datetime | None) -> None:
        """Judge by other sites and another rule from now on; without a rule we are never blind."""
        if rule is None and self._rule is not None and self._told and now is not None:
            self._step(Step.RESOLVED, self._rule, "", now, note=UNWATCHED_RULE)
        self._rule = rule
        self._references = areas.references
        heads = (head for found in areas.heads.values() for head in found)
        self._roots = areas.roots[:MOST_ROOTS]
        self._witnesses = tuple(dict.fromkeys((*self._roots, *heads)))
        if rule is None:
            self._blind_since, self._told = None, False

    @property
    def blind(self) -> bool:
        """Whether the monitor is cut off itself."""
        return self._blind_since is not None

    @property
    def waits(self) -> bool:
        """Whether time alone may end something."""
        return self._told

    def restore(self) -> None:
        """Continue the incident about ourselves that was open before a restart."""
        self._told = True

    def shift(self, step: timedelta) -> None:
        """Let everything remembered have happened so much later: the clock was set."""
        self._answers = tuple((device, at + step) for device, at in self._answers)
        self._blind_since = self._blind_since and self._blind_since + step
        self._sees_since = self._sees_since and self._sees_since + step

    def answered(self, watched: Watched, now: datetime) -> None:
        """Take in that a device answered."""
        before = self._answers
        if before and before[0][0] != watched.id:
            self._answers = (watched.id, now), before[0]
        else:
            self._answers = (watched.id, now), *before[1:]
        if self._blind_since is not None:
            self._see()
        if self._told and self._sees_since is None:
            self._sees_since = now

    def _see(self) -> None:
        """Somebody answers: ask everybody afresh, for what was silent says nothing any more."""
        self._blind_since = self._sees_since = None
        for watched in self._devices.values():
            if not watched.cut_off:
                watched.hearing.begin_anew()

    def lost(self, watched: Watched, now: datetime, *, late: bool) -> bool | None:
        """Whether the silence of a device is ours; `None` while that is not known. `late`: it was long not known."""
        if self._rule is None or self._seen_elsewhere(watched):
            return False
        silent, unsure = self._witnesses_against(watched)
        best = {*self._roots, *self._recent}
        doubt = any(other.id in best for other in unsure)
        if self._enough(silent) and (late or not doubt):
            self._go_blind(self._rule, silent, now)
            return True
        if self._enough([*silent, *unsure]) and not late:
            ask(self._draft, unsure)
            return None
        return False

    def _seen_elsewhere(self, watched: Watched) -> bool:
        """Whether another device answered after the last attempt at this one began."""
        asked = watched.hearing.asked_at
        return asked is None or any(other != watched.id and at >= asked for other, at in self._answers)

    @property
    def _recent(self) -> list[str]:
        """Who answered last: the best witnesses, wherever they are and whatever is before them."""
        return [device for device, _ in self._answers]

    def _enough(self, witnesses: list[Watched]) -> bool:
        """Whether so many silent devices, or all of those that are there to tell, mean that it is us."""
        found = {other.id for other in witnesses}
        return len(found) >= WITNESSES or (bool(self._references) and found.issuperset(self._references))

    def _witnesses_against(self, watched: Watched) -> tuple[list[Watched], list[Watched]]:
        """Return devices elsewhere that were silent when last asked, and some that were not asked since."""
        silent: list[Watched] = []
        unsure: list[Watched] = []
        best = {*self._roots, *self._recent}
        for key in dict.fromkeys((*self._recent, *self._witnesses)):
            other = self._devices.get(key)
            if other is None or other is watched or other.cut_off or not other.hearing.watching:
                continue
            if other.site.id == watched.site.id and key not in best:
                continue
            (silent if _silent_when_last_asked(other) else unsure).append(other)
            if key not in best and len(silent) >= WITNESSES:
                break
            if len(unsure) >= MOST_ROOTS + WITNESSES:
                break
        return silent, unsure

    def _go_blind(self, rule: Rule, silent: list[Watched], now: datetime) -> None:
        self._blind_since, self._sees_since = now, None
        if not self._told:
            self._told = True
            self._step(Step.OPENED, rule, silent_evidence(other.id for other in silent), now)

    def tick(self, now: datetime) -> None:
        """Notice that somebody has answered for long enough."""
        since, rule = self._sees_since, self._rule
        if self._told and rule is not None and since is not None and now - since >= SEES_AGAIN:
            self._told, self._sees_since = False, None
            self._step(Step.RESOLVED, rule, "", now)

    def _step(self, step: Step, rule: Rule, evidence: Said, now: datetime, note: Said = "") -> None:
        key, summary = IncidentKey(rule.id, MONITOR), rule.say({}, {})
        self._draft.step(Transition(key, step, now, rule.kind, rule.level, summary, evidence, note=note))


def ask(draft: Draft, heads: Iterable[Watched]) -> None:
    """Ask each of some devices one cheap question soon."""
    for head in heads:
        quickest = min(head.hearing.watching, key=lambda ear: ear.timeout)
        if quickest.silent < head.attempts:
            draft.recheck(head.id, quickest.name)


def _silent_when_last_asked(other: Watched) -> bool:
    asked, heard = other.hearing.asked_at, other.hearing.answered_at
    return asked is not None and (heard is None or heard < asked)
