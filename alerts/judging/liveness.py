"""Who is up, degraded, down or unreachable: the states of devices, each in the light of its parents.

The rules are those of `alerts.judging.state`. A silent device waits until its parents were asked again; when one of
them lives, the silence is its own and an incident opens; when all are cut off, it is unreachable and none does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from alerts.incident import DeviceState, IncidentKey, Words
from alerts.judging.cases import LOSS_RULE, WHERE_LOST
from alerts.judging.decision import Draft, Standing
from alerts.judging.describe import OUTCOMES, Places, silence_evidence
from alerts.judging.guess import ON_BATTERY, guess_of_device
from alerts.judging.mains import Mains
from alerts.judging.sight import BLIND
from alerts.judging.state import Ear
from alerts.judging.together import Together, Verdict
from alerts.judging.topology import Topology
from alerts.judging.tracker import Case, Tracker
from alerts.judging.watched import NO_DATA, Average, Watched
from alerts.rule import Rule
from probes.core.observation import Outcome

MAX_HOLD = timedelta(minutes=5)
"""How long a silent device waits to learn whether its parents live, before it is judged without them."""

UP = Words("Đang trả lời", "Answering")
WITHOUT_MAINS = Words("Mất điện lưới, đang chạy bằng ắc quy", "Mains power lost, running on its battery")
BACK = Words("Vừa trả lời lại, đang xác nhận", "Answering again, being confirmed")


class Liveness:
    """Keeps the state of every device and the incidents of those that are down."""

    def __init__(
        self,
        devices: Mapping[str, Watched],
        topology: Topology,
        incidents: frozenset[str],
        tracker: Tracker,
        draft: Draft,
    ) -> None:
        """`incidents` are the ids of the rules whose open incidents make a device degraded."""
        self._devices = devices
        self.topology = topology
        self._incidents = incidents
        self._tracker = tracker
        self._draft = draft
        self._held: dict[str, Watched] = {}
        self.together = Together(devices, draft)
        self.mains = Mains(devices, draft)

    @property
    def waits(self) -> bool:
        """Whether a silent device waits for its parents or its neighbours, or something larger for its end."""
        return bool(self._held) or self.together.waits or self.mains.waits

    def rewire(self, topology: Topology, incidents: frozenset[str]) -> None:
        """Judge by other parent links and other rules from now on."""
        self.topology = topology
        self._incidents = incidents

    def forget(self, watched: Watched) -> None:
        """Wait for nothing about a device that is no longer the one in question."""
        self._held.pop(watched.id, None)

    def tick(self, now: datetime) -> None:
        """Notice who was not heard for long, and who waited long enough for its parents."""
        for watched in self._devices.values():
            if watched.state is not DeviceState.NO_DATA and watched.hearing.stale(now):
                self.settle(watched, now)
        self.mains.tick(now)
        for watched in (*self._held.values(), *self.together.tick(now)):
            self.settle(watched, now)
            self._ask_parents(watched)

    def hear(self, watched: Watched, ear: Ear, now: datetime) -> None:
        """Take in what a check of a device has just heard."""
        if not ear.silent:
            self.together.answered(watched, now)
        if (
            ear.outcome is Outcome.OK
            and watched.state is DeviceState.UP
            and not (watched.tracks or self._held)
        ):
            return
        if watched.hearing.woke:
            self._wake_children(watched)
        self.settle(watched, now)
        if ear.silent:
            self._confirm_silence(watched, ear, now)
        elif watched.tracks:
            for rule in watched.down_rules:
                self._judge_down(watched, rule, now, down=False)
            self.settle(watched, now)
        if self._held:
            for child in self._children(watched):
                if child.id in self._held:
                    self.settle(child, now)

    def settle(self, watched: Watched, now: datetime) -> None:
        """Work out the state of a device; write what changed, and what follows for those behind it."""
        was_cut_off = watched.cut_off
        state, reason = self._state(watched, now)
        if (state, reason) != (watched.state, watched.reason):
            if state is not watched.state or watched.since is None:
                watched.since = now
            watched.state, watched.reason = state, reason
            self._draft.stand(Standing(watched.id, state, reason, watched.since))
        if state is DeviceState.UNREACHABLE and not was_cut_off:
            # Whatever is getting better or worse behind a way that is cut, nothing more is known of it.
            for track in watched.tracks.values():
                track.forget_row()
        if state is DeviceState.DOWN:
            for rule in watched.down_rules:
                self._judge_down(watched, rule, now, down=True)
        if watched.cut_off != was_cut_off:
            self._tell_children(watched, now)

    def loses(self, watched: Watched, since: datetime | None = None) -> bool:
        """Whether packets are lost on the way to a device: on average, or by one ping of those `since` a time."""
        return any(_loses(one, since) for one in (watched, *self._before(watched)))

    def loss(self, watched: Watched) -> float:
        """Return the share of packets lost on average on the way to a device, as far as it is remembered."""
        lost = (
            average.value
            for one in (watched, *self._before(watched))
            for key, average in one.averages.items()
            if key.rule == LOSS_RULE
        )
        return max(lost, default=0.0)

    def is_poor(self, watched: Watched, rule: str) -> bool:
        """Whether by `rule` a device before this one has poor numbers."""
        return any(average.poor for average in self._averages_before(watched, rule))

    def has_half(self, watched: Watched, rule: str, value: float) -> bool:
        """Whether by `rule` a device before this one has at least half of an average `value` of this one."""
        return any(2 * average.value >= value for average in self._averages_before(watched, rule))

    def _averages_before(self, watched: Watched, rule: str) -> Iterator[Average]:
        for parent in self._before(watched):
            yield from (average for key, average in parent.averages.items() if key.rule == rule)

    def _before(self, watched: Watched) -> Iterator[Watched]:
        return (self._devices[device] for device in self.topology.above(watched.id))

    def is_told(self, watched: Watched, rule: str) -> bool:
        """Whether an incident of several sites is open that says what `rule` would say of this device."""
        site = watched.site.id
        return rule in ON_BATTERY and (self.together.power_is_out(site) or self.mains.is_told(site))

    def gathers(self, watched: Watched, rule: str, now: datetime) -> bool:
        """Whether what `rule` says of this device waits for what is heard of others."""
        return rule in ON_BATTERY and self.mains.gathers(watched.site.id, now)

    def settle_behind(self, watched: Watched, now: datetime) -> None:
        """Work out the states of the devices right behind one."""
        for child in self._children(watched):
            self.settle(child, now)

    def _state(self, watched: Watched, now: datetime) -> tuple[DeviceState, Words]:
        hearing = watched.hearing
        silent = hearing.silence(now)
        if not silent or silent < self._needed(watched):
            self._release(watched)
        if silent:
            return self._state_in_silence(watched, silent, now)
        if hearing.alive(now):
            return self._state_in_life(watched)
        if hearing.stale(now):
            return DeviceState.NO_DATA, NO_DATA
        return watched.state, watched.reason

    def _state_in_silence(self, watched: Watched, silent: int, now: datetime) -> tuple[DeviceState, Words]:
        parents = self._parents(watched)
        if parents and self.topology.suffices(watched.id, (parent.cut_off for parent in parents)):
            self._release(watched)
            cut = [parent for parent in parents if parent.cut_off]
            return DeviceState.UNREACHABLE, _unreachable(self._culprits(cut))
        if self.together.of(watched) is not None:
            self._release(watched)
            return DeviceState.UNREACHABLE, self.together.joined(watched)
        if silent < self._needed(watched):
            return watched.state, watched.reason
        if watched.state is DeviceState.DOWN:
            return DeviceState.DOWN, _down(watched)
        return self._state_if_alone(watched, parents, now)

    def _state_if_alone(
        self, watched: Watched, parents: list[Watched], now: datetime
    ) -> tuple[DeviceState, Words]:
        waits = self._must_wait(watched, parents, now)
        verdict = self.together.judge(watched, now, may_open=not waits)
        if verdict is Verdict.WAIT or (waits and verdict is Verdict.ALONE):
            self._hold(watched, now)
            return watched.state, watched.reason
        self._release(watched)
        if verdict is Verdict.BLIND:
            return (watched.state, watched.reason) if watched.cut_off else (DeviceState.NO_DATA, BLIND)
        if verdict is Verdict.TOGETHER:
            return DeviceState.UNREACHABLE, self.together.joined(watched)
        return DeviceState.DOWN, _down(watched)

    def _state_in_life(self, watched: Watched) -> tuple[DeviceState, Words]:
        if any(key.rule == rule.id for rule in watched.down_rules for key in watched.tracks):
            return DeviceState.DEGRADED, BACK
        track = watched.worst(self._incidents)
        if track is not None and track.summary is not None:
            return DeviceState.DEGRADED, track.summary
        if any(self.is_told(watched, key.rule) for key in watched.tracks):
            return DeviceState.DEGRADED, WITHOUT_MAINS
        ear = watched.hearing.failing(watched.attempts)
        if ear is not None and ear.outcome is not None:
            words = OUTCOMES[ear.outcome]
            return DeviceState.DEGRADED, Words(f"{ear.name}: {words.vi}", f"{ear.name}: {words.en}")
        return DeviceState.UP, UP

    def _judge_down(self, watched: Watched, rule: Rule, now: datetime, *, down: bool) -> None:
        key = IncidentKey(rule.id, watched.id)
        if not down and key not in watched.tracks:
            return
        behind = self.topology.behind(watched.id, self._cut_off_besides(watched)) if down else ()
        places = Places(watched.device, watched.site, attempts=str(watched.attempts))
        summary = _with_behind(rule.say(places.vi, places.en), len(behind))
        evidence = silence_evidence(watched.hearing.watching, behind)
        cause = self._guess(watched, len(behind)) if down and key not in watched.tracks else None
        case = Case(
            rule,
            key,
            rule.level if down else None,
            summary,
            evidence,
            certain=True,
            cause=cause,
            since=watched.hearing.silent_since,
        )
        self._tracker.take(watched, case, now)
        track = watched.tracks.get(key)
        if track is not None and track.soft:
            self._ask(watched)

    def _guess(self, watched: Watched, behind: int) -> Words:
        of_site = (self._devices[device.id] for device in watched.site.devices if device.id in self._devices)
        return guess_of_device(watched, self._parents(watched), behind, of_site)

    def _must_wait(self, watched: Watched, parents: list[Watched], now: datetime) -> bool:
        """Whether a silent device waits because it is not yet known whether a parent lives."""
        answered = [_answered_during(parent, watched) for parent in parents]
        if all(answered) or (any(answered) and watched.id not in self.topology.every):
            return False
        return watched.held_since is None or now - watched.held_since < MAX_HOLD

    def _hold(self, watched: Watched, now: datetime) -> None:
        watched.held_since = watched.held_since or now
        self._held[watched.id] = watched

    def _release(self, watched: Watched) -> None:
        watched.held_since = watched.gathers_since = None
        self._held.pop(watched.id, None)

    def _tell_children(self, watched: Watched, now: datetime) -> None:
        for child in self._children(watched):
            if not watched.cut_off and child.state is DeviceState.UNREACHABLE:
                child.hearing.begin_anew()
                self._ask(child)
            self.settle(child, now)

    def _wake_children(self, watched: Watched) -> None:
        """Count what is silent behind a device anew, and its own services: they may have met the silence just over."""
        for track in watched.tracks.values():
            if track.hard is None:
                track.forget_row()
        for child in self._children(watched):
            if not child.cut_off and any(ear.silent for ear in child.hearing.watching):
                child.hearing.begin_anew()
                self._ask(child)

    def _confirm_silence(self, watched: Watched, ear: Ear, now: datetime) -> None:
        """Ask again soon: the silent check, the other checks at its first silence, and the parents."""
        if watched.cut_off:
            return
        silence = watched.hearing.silence(now)
        if ear.failing == 1:
            self._ask(watched)
        elif ear.failing < watched.attempts or 0 < silence < self._needed(watched):
            self._draft.recheck(watched.id, ear.name)
        if silence:
            self._ask_parents(watched)

    def _ask_parents(self, watched: Watched) -> None:
        for parent in self._parents(watched):
            if not parent.cut_off and not _answered_during(parent, watched):
                self._ask(parent)

    def _needed(self, watched: Watched) -> int:
        """Return how many silent attempts make a device down: twice as many where packets are lost on the way."""
        return watched.attempts * (WHERE_LOST if self.loses(watched) else 1)

    def _ask(self, watched: Watched) -> None:
        for ear in watched.hearing.watching:
            if ear.silent < self._needed(watched):
                self._draft.recheck(watched.id, ear.name)

    def _parents(self, watched: Watched) -> list[Watched]:
        """Return the parents that can be known to be down: those with a check that watches."""
        found = (self._devices[parent] for parent in self.topology.parents[watched.id])
        return [parent for parent in found if parent.hearing.watching]

    def _children(self, watched: Watched) -> list[Watched]:
        return [self._devices[child] for child in self.topology.children.get(watched.id, ())]

    def _culprits(self, parents: list[Watched]) -> list[Watched]:
        """Return who is truly down among `parents` and, where a parent is unreachable itself, among its own."""
        found: dict[str, Watched] = {}
        seen: set[str] = set()
        waiting = list(parents)
        while waiting:
            parent = waiting.pop(0)
            if parent.id in seen:
                continue
            seen.add(parent.id)
            if parent.state is DeviceState.UNREACHABLE:
                waiting += self._parents(parent)
            else:
                found[parent.id] = parent
        return list(found.values())

    def _cut_off_besides(self, watched: Watched) -> set[str]:
        """Return the other parents of the children of `watched` that are cut off."""
        others = {parent for child in self._children(watched) for parent in self.topology.parents[child.id]}
        return {other for other in others if self._devices[other].cut_off}


def _loses(watched: Watched, since: datetime | None) -> bool:
    if since is not None and watched.lost_at is not None and watched.lost_at >= since:
        return True
    return any(average.poor for key, average in watched.averages.items() if key.rule == LOSS_RULE)


def _answered_during(parent: Watched, child: Watched) -> bool:
    """Whether `parent` answered after the last attempt at `child` began: then the way to `child` was open."""
    heard, asked = parent.hearing.answered_at, child.hearing.asked_at
    return heard is not None and asked is not None and heard >= asked


def _with_behind(words: Words, count: int) -> Words:
    if not count:
        return words
    return Words(f"{words.vi}, cùng {count} thiết bị phía sau", f"{words.en}, with {count} devices behind it")


def _down(watched: Watched) -> Words:
    names = ", ".join(ear.name for ear in watched.hearing.watching)
    return Words(f"Không có trả lời ({names})", f"No answer ({names})")


def _unreachable(culprits: list[Watched]) -> Words:
    vi, en = (", ".join(culprit.device.called(language) for culprit in culprits) for language in ("vi", "en"))
    return Words(f"Không tới được: {vi} mất kết nối", f"Unreachable: {en} is down")
