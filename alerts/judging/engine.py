"""The judge: observations in, decisions out. Pure: no clock, no I/O, no event loop.

A device's state follows `state`, what is behind what `topology`, what fell together `together`, whether we see at all
`sight`, one subject of one rule `track`. Three invariants hold throughout: missing data never resolves anything, a
device whose way is cut gets no incident of its own, and suppression never stops asking or resolving.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from alerts.incident import DeviceState, Incident, IncidentKey, Step, Transition, Words
from alerts.judging.areas import LEAST_SITES, Areas
from alerts.judging.cases import cases
from alerts.judging.condition import Event
from alerts.judging.decision import NOTHING, Decision, Draft, Standing
from alerts.judging.describe import not_again
from alerts.judging.liveness import Liveness
from alerts.judging.sight import UNWATCHED_RULE
from alerts.judging.topology import Topology
from alerts.judging.tracker import Tracker, is_flapping, may_flap
from alerts.judging.watched import Average, Compiler, Watched, continued, renewed
from alerts.rule import Rule, RuleBook
from inventory.difference import Difference, difference
from inventory.model import Inventory
from probes.core.observation import Observation

_REMOVED = Words(
    "không theo dõi nữa: thiết bị không còn trong danh mục",
    "no longer watched: the device was removed from the inventory",
)
_UNCONCERNED = Words(
    "không theo dõi nữa: phép kiểm tra hoặc quy tắc không còn áp dụng cho thiết bị",
    "no longer watched: the check or the rule no longer concerns the device",
)
_GONE = Words(
    "không theo dõi nữa: thiết bị, phép kiểm tra hoặc quy tắc đã bị bỏ",
    "no longer watched: the device, the check or the rule was removed",
)


class Engine:
    """Judges a whole inventory by a rule book, continuing the incidents that are open.

    `take` and `tick` may be called from one thread only; both return at once.
    """

    def __init__(
        self, rules: RuleBook, inventory: Inventory, open_incidents: Iterable[Incident] = ()
    ) -> None:
        self._inventory = inventory
        self._rules = rules
        self._compiler = Compiler(rules)
        self._devices = {
            device.id: self._compiler.watched(device, inventory.site_of(device.id))
            for device in inventory.devices.values()
        }
        self._draft = Draft()
        self._tracker = Tracker(self._draft)
        self._liveness = Liveness(
            self._devices, Topology(inventory), self._compiler.incidents, self._tracker, self._draft
        )
        areas = Areas(inventory, self._liveness.topology, LEAST_SITES)
        self._liveness.together.rewire(areas, rules)
        self._liveness.mains.rewire(areas, rules)
        self._events: dict[IncidentKey, Event] = {}
        self._orphans: list[Incident] = []
        for incident in open_incidents:
            self._continue(incident)

    def take(self, observation: Observation, now: datetime) -> Decision:
        """Judge one observation. An observation of a device that is not in the inventory leads to nothing."""
        watched = self._devices.get(observation.device)
        if watched is None:
            return NOTHING
        rules = watched.rules.get(observation.check)
        if rules is None:
            rules = self._compiler.rules_of(watched, observation.check, observation.probe)
            watched.rules[observation.check] = rules
        ear = watched.hearing.take(observation)
        if ear is not None:
            self._liveness.hear(watched, ear, now)
        judged = False
        for case in cases(watched, rules, observation, now, self._liveness):
            judged = True
            self._tracker.take(watched, case, now)
            if case.rule.event is not None:
                self._events[case.key] = case.rule.event
        if judged:
            self._liveness.settle(watched, now)
        return self._draft.finish()

    def shift(self, step: timedelta) -> None:
        """Let everything remembered have happened so much later: the clock was set by `step`."""
        for watched in self._devices.values():
            watched.shift(step)
        self._liveness.together.shift(step)
        self._liveness.mains.shift(step)

    def tick(self, now: datetime) -> Decision:
        """Notice what time alone brings: we are deaf, a hold lasted too long, an event is over."""
        self._close_orphans(now)
        self._liveness.tick(now)
        for key, event in tuple(self._events.items()):
            self._end_event(key, event, now)
        return self._draft.finish()

    @property
    def waits(self) -> bool:
        """Whether a device waits to be judged, so that the next `tick` may decide something."""
        return self._liveness.waits

    def remember(self, resolved: Iterable[Incident]) -> None:
        """Take in what was resolved lately, before a restart: what comes again soon after it was over is flapping."""
        for incident in resolved:
            watched = self._devices.get(incident.key.device)
            rule = self._rules.get(incident.key.rule)
            at = incident.resolved_at
            if rule is not None and at is not None and rule.outage is not None:
                self._liveness.together.remember(incident.key, at)
            elif watched is not None and rule is not None and at is not None and may_flap(rule):
                watched.closed[incident.key] = max(at, watched.closed.get(incident.key, at))

    def settled(self, device: str) -> bool:
        """Whether one more answer that all is well would change nothing about a device but the time of it."""
        watched = self._devices[device]
        return watched.state is DeviceState.UP and not (watched.tracks or watched.averages)

    def follow(
        self,
        rules: RuleBook,
        inventory: Inventory,
        now: datetime,
        *,
        topology: Topology | None = None,
        areas: Areas | None = None,
        touched: Difference | None = None,
    ) -> Decision:
        """Judge by another rule book and inventory from now on.

        What did not change keeps its state and its open incidents, and so does a device that has another id now;
        what is no longer watched is closed, with the reason. `topology`, `areas` and `touched` (what `inventory`
        changes) are worked out here unless given: they take a while for a nation, and may be made in another thread.
        """
        touched = touched if touched is not None else difference(self._inventory, inventory)
        others = rules is not self._rules
        renewed = (
            tuple(key for key in self._devices if key not in touched.removed) if others else touched.changed
        )
        before = self._rules
        self._inventory, self._rules = inventory, rules
        if others:
            self._compiler = Compiler(rules)
        moved = {was: present for was, present in touched.moved.items() if was in self._devices}
        for key in touched.removed:
            if key not in moved:
                self._remove(key, before, now)
        links = topology or Topology(inventory)
        self._liveness.rewire(links, self._compiler.incidents)
        for key in touched.added:
            self._devices[key] = self._compiler.watched(inventory.devices[key], inventory.site_of(key))
        areas = areas or Areas(inventory, links, LEAST_SITES)
        self._liveness.together.rewire(areas, rules, now)
        self._liveness.mains.rewire(areas, rules, now)
        for was, present in moved.items():
            self._move(was, present, now)
        for key in dict.fromkeys((*renewed, *moved.values())):
            self._renew(key, before, now)
        for key in (*touched.added, *renewed):
            self._liveness.settle(self._devices[key], now)
        return self._draft.finish()

    def _remove(self, key: str, rules: RuleBook, now: datetime) -> None:
        watched = self._devices.pop(key)
        self._liveness.forget(watched)
        for track in tuple(watched.tracks):
            self._close(watched, track, rules, _REMOVED, now)

    def _move(self, was: str, present: str, now: datetime) -> None:
        """Let a device that has another id now keep its state and what is open about it."""
        old, device = self._devices.pop(was), self._devices[present]
        self._liveness.forget(old)
        own = device.tracks
        if device.state is DeviceState.NO_DATA:
            device = renewed(old, device, now)
        device.tracks = {key.of(present): track for key, track in old.tracks.items()} | own
        for key in old.tracks.keys() & self._events.keys():
            self._events[key.of(present)] = self._events.pop(key)
        self._draft.stand(Standing(present, device.state, device.reason, device.since or now))

    def _renew(self, key: str, before: RuleBook, now: datetime) -> None:
        """Put a device as it is now in the place of what it was, and close what is no longer watched of it."""
        old = self._devices[key]
        self._liveness.forget(old)
        fresh = renewed(
            old, self._compiler.watched(self._inventory.devices[key], self._inventory.site_of(key)), now
        )
        self._devices[key] = fresh
        if fresh.state is not old.state:
            self._draft.stand(Standing(key, fresh.state, fresh.reason, now))
        if old.cut_off and not fresh.cut_off:
            self._liveness.settle_behind(fresh, now)
        for track in tuple(fresh.tracks):
            rule = self._rules.get(track.rule)
            if rule is None:
                self._close(fresh, track, before, UNWATCHED_RULE, now)
            elif not _still_watched(rule, fresh, track):
                self._close(fresh, track, before, _UNCONCERNED, now)

    def _close(self, watched: Watched, key: IncidentKey, rules: RuleBook, note: Words, now: datetime) -> None:
        """Resolve what is open about a subject that nobody looks at any more."""
        track, rule = watched.tracks.pop(key), rules.get(key.rule)
        self._events.pop(key, None)
        if track.hard is not None and track.summary is not None and rule is not None:
            self._draft.step(
                Transition(
                    key,
                    Step.RESOLVED,
                    now,
                    rule.kind,
                    track.worst or track.hard,
                    track.summary,
                    track.evidence,
                    note=note,
                    before=track.worst,
                )
            )

    def _continue(self, incident: Incident) -> None:
        key = incident.key
        if self._liveness.together.restore(incident) or self._liveness.mains.restore(incident):
            return
        rule, watched = self._rules.get(key.rule), self._devices.get(key.device)
        if rule is None or watched is None or not _still_watched(rule, watched, key):
            self._orphans.append(incident)
            return
        track = watched.tracks[key] = continued(incident)
        track.flapping = may_flap(rule) and (incident.reopened > 0 or is_flapping(incident.summary))
        if rule.threshold is not None and rule.threshold.average:
            watched.averages[key] = Average(rule.threshold.at_least(incident.severity), poor=True)
        if rule.event is not None:
            self._events[key] = rule.event

    def _close_orphans(self, now: datetime) -> None:
        for incident in self._orphans:
            self._draft.step(
                Transition(
                    incident.key,
                    Step.RESOLVED,
                    now,
                    incident.kind,
                    incident.severity,
                    incident.summary,
                    incident.evidence,
                    note=_GONE,
                    before=incident.severity,
                )
            )
        self._orphans.clear()

    def _end_event(self, key: IncidentKey, event: Event, now: datetime) -> None:
        watched, rule = self._devices[key.device], self._rules.get(key.rule)
        track = watched.tracks.get(key)
        if track is None or rule is None:
            del self._events[key]
        elif track.seen_at is None or (now - track.seen_at).total_seconds() >= event.quiet_for:
            self._tracker.close(watched, rule, key, not_again(event.quiet_for), now)
            del self._events[key]
            self._liveness.settle(watched, now)


def _still_watched(rule: Rule, watched: Watched, key: IncidentKey) -> bool:
    if rule.threshold is not None and rule.threshold.of_device:
        return any(
            rule.concerns(watched.device, ear.name, ear.probe) for ear in watched.hearing.ears.values()
        )
    if not key.check or rule.event is not None:
        return rule.concerns(watched.device, key.check, key.check)
    ear = watched.hearing.ears.get(key.check)
    return ear is not None and rule.concerns(watched.device, ear.name, ear.probe)
