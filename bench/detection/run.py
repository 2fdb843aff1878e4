"""The monitor in virtual time: the real engine, composer, ledger and outbox, asked by a scheduler like the real one.

Virtual time is exact to the millisecond; there is no coarse step. A device deep inside a commune is not asked in full
while nothing can happen: its answers are plain, the engine says it is settled, and so are those before and behind it.
Of such attempts only each tenth, and the last before anything happens, reaches the engine; `skip=False` hands in all
of them and must lead to the same transitions (tests/bench/test_detection.py).
"""

from __future__ import annotations

import heapq
import random
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from alerts.duty.roster import Roster
from alerts.duty.who import Who
from alerts.incident import Incident, Transition
from alerts.judging.decision import Decision
from alerts.judging.engine import Engine
from alerts.judging.topology import Topology
from alerts.judging.tracker import FLAPPING_WINDOW
from alerts.rule import RuleBook
from alerts.telling.message import Composer
from alerts.telling.notification import Message
from alerts.telling.notifier import Settings
from alerts.telling.teller import Codes, Teller
from bench.detection.faults import Trouble, Truth
from bench.detection.luck import Asked, Ending, every_check
from bench.detection.world import CENTRE
from monitor.clock import Steps
from monitor.ledger import incident_rows, incident_steps, outbox
from monitor.ledger.database import migrate, transaction
from monitor.ledger.ledger import LEASE
from monitor.pipeline import RECHECK_AFTER, STALE_EVERY
from probes.core.observation import Observation

START = datetime(2026, 11, 1, tzinfo=UTC)
CALM = 6
"""Plain answers in a row to each check after which a device may be left out."""
KEPT_FRESH = 600.0
"""Seconds between two answers of a device that is left out."""
SPREAD = 30.0
"""Seconds in which everything is asked once after a start."""
DIES_AT_LAST = 120.0
"""Seconds after which a process that is to be killed while deciding is killed though nothing was decided."""


@dataclass(frozen=True, slots=True)
class Page:
    """One message as it reached people."""

    at: float
    """True time in seconds."""
    message: Message


class Killed(Exception):
    """The process is gone."""


@dataclass(slots=True)
class Report:
    """What happened in one run."""

    pages: list[Page] = field(default_factory=list)
    transitions: list[tuple[float, Transition]] = field(default_factory=list)
    observations: int = 0
    skipped: int = 0
    kills: int = 0
    away: list[tuple[float, float]] = field(default_factory=list)
    """When the monitor did not run."""
    undelivered: int = 0
    still_open: list[Incident] = field(default_factory=list)


class Laboratory:
    """One run of the monitor over one truth."""

    def __init__(self, truth: Truth, rules: RuleBook, seed: int, *, skip: bool = True) -> None:
        self._truth, self._rules, self._skip = truth, rules, skip
        self._inventory = truth.world.inventory
        self._checks = every_check(truth, seed)
        self._number = {check.id: number for number, check in enumerate(self._checks)}
        self._of: defaultdict[str, list[int]] = defaultdict(list)
        for number, check in enumerate(self._checks):
            self._of[check.device].append(number)
        self._kin = _kin(Topology(self._inventory), self._inventory.devices)
        self._rng = random.Random(f"run {seed}")
        self._db = _ledger()
        channels = {"duty": Settings(kind="test")}
        composer = Composer(rules, self._inventory, channels, "https://giamsat")
        self._teller = Teller(composer, Who(Roster(), self._inventory, channels), Codes(bytes(32)))
        self._heap: list[tuple[float, int, str, object]] = []
        self._order = count()
        self._due = [0.0] * len(self._checks)
        self._extra: set[int] = set()
        self._given = [-1] * len(self._checks)
        self._busy_until = [0.0] * len(self._checks)
        self._asleep: set[str] = set()
        self._calm: defaultdict[str, int] = defaultdict(int)
        self._offset = timedelta(0)
        self._epoch = 0
        self._alive = False
        self._dying = 0
        self.report = Report()

    def run(self) -> Report:
        """Let the whole time pass."""
        self._start(0.0)
        for trouble in self._truth.troubles:
            self._at(trouble.at, "trouble", trouble)
        self._at(60.0, "look", None)
        handlers: dict[str, Callable[[float, Any], None]] = {
            "ask": self._ask,
            "end": self._end,
            "tick": self._tick,
            "trouble": self._trouble,
            "start": lambda now, _: self._start(now),
            "look": self._look,
            "die": self._die,
        }
        while self._heap:
            now, _, kind, what = heapq.heappop(self._heap)
            if now > self._truth.length:
                break
            try:
                handlers[kind](now, what)
            except Killed:
                self._kill(now)
        self.report.still_open = incident_rows.all_open(self._db)
        waiting = "SELECT count(*) FROM outbox WHERE state = 'waiting'"
        self.report.undelivered = self._db.execute(waiting).fetchone()[0]
        return self.report

    # Time

    def _at(self, when: float, kind: str, what: object) -> None:
        heapq.heappush(self._heap, (when, next(self._order), kind, what))

    def _wall(self, now: float) -> datetime:
        return START + timedelta(seconds=now) + self._offset

    def _time(self, now: float) -> datetime:
        """Return what the clock says, as the pipeline asks it."""
        wall = self._wall(now)
        if step := self._steps.step(wall, now):
            self._engine.shift(step)
        return wall

    # The life of the process

    def _start(self, now: float) -> None:
        if self._alive:
            return
        self._alive, self._dying = True, 0
        self._epoch += 1
        self._steps = Steps()
        self._engine = Engine(self._rules, self._inventory, incident_rows.all_open(self._db))
        self._engine.remember(incident_rows.resolved_since(self._db, self._wall(now) - FLAPPING_WINDOW))
        self._asleep.clear()
        self._calm.clear()
        self._extra = set(range(len(self._checks)))
        for number, check in enumerate(self._checks):
            share = check.phase / check.interval
            self._enter(number, now + share * min(check.interval, SPREAD))
            self._busy_until[number] = now
        self._at(now + STALE_EVERY, "tick", self._epoch)
        self._tell(now)

    def _stop(self, now: float, away: float) -> None:
        self._alive = False
        self.report.away.append((now, now + away))
        self._at(now + away, "start", None)

    def _kill(self, now: float) -> None:
        self.report.kills += 1
        self._stop(now, self._away)

    def _die(self, now: float, epoch: object) -> None:
        if self._alive and self._dying and self._epoch == epoch:
            raise Killed

    def _trouble(self, now: float, what: Trouble) -> None:
        if not self._alive:
            return
        if what.kind == "step":
            for device in tuple(self._asleep):
                self._wake(device, now)
            self._offset += timedelta(seconds=what.amount)
        elif what.kind == "stop":
            self._stop(now, what.amount)
        else:
            self._dying, self._away = what.stage, what.amount
            self._at(now + DIES_AT_LAST, "die", self._epoch)

    def _dies_at(self, stage: int) -> None:
        if self._dying == stage:
            raise Killed

    # Asking

    def _enter(self, number: int, at: float) -> None:
        self._due[number] = at
        self._at(at, "ask", number)

    def _ask(self, now: float, number: int) -> None:
        if not self._alive or self._due[number] != now:
            return
        check = self._checks[number]
        again = number in self._extra
        self._extra.discard(number)
        index = check.index(now + 1e-6)
        ending = check.ask_again(now) if again else check.ask_planned(index)
        self._enter(number, check.planned(index + 1))
        if now < self._busy_until[number]:
            return
        if not again:
            self._given[number] = index
        if ending.plain:
            self._take(now, check, ending)
            self._may_sleep(number, index)
        else:
            self._calm[check.device] = 0
            for device in self._kin[check.device]:
                if device in self._asleep:
                    self._wake(device, now)
            self._busy_until[number] = now + ending.duration
            self._at(now + ending.duration, "end", (self._epoch, check, ending))

    def _end(self, now: float, what: tuple[int, Asked, Ending]) -> None:
        epoch, check, ending = what
        if self._alive and epoch == self._epoch:
            self._calm[check.device] = 0
            self._take(now, check, ending)

    def _take(self, now: float, check: Asked, ending: Ending) -> None:
        self.report.observations += 1
        if ending.plain:
            self._calm[check.device] += 1
        self._apply(now, self._engine.take(self._seen(now, check, ending), self._time(now)))

    def _seen(self, now: float, check: Asked, ending: Ending) -> Observation:
        wall = self._wall(now)
        return Observation(
            check.device, check.name, check.probe, wall, ending.duration, ending.outcome, "", ending.samples
        )

    def _soon(self, now: float, check_id: str) -> None:
        number, at = self._number[check_id], now + RECHECK_AFTER
        device = self._checks[number].device
        if device in self._asleep:
            self._wake(device, now)
        if self._due[number] > at:
            self._extra.add(number)
            self._enter(number, at)

    # Leaving out what changes nothing

    def _may_sleep(self, number: int, index: int) -> None:
        check = self._checks[number]
        device = check.device
        if device not in self._asleep:
            if not self._skip or not self._sleepy(device):
                return
            self._asleep.add(device)
        special, fresh = check.next_special(index), index + max(int(KEPT_FRESH / check.interval), 1)
        until = min(special, fresh)
        self.report.skipped += until - index - 1
        self._enter(number, check.planned(until))

    def _sleepy(self, device: str) -> bool:
        return all(self._settled(other) for other in self._kin[device]) and not self._is_head(device)

    def _settled(self, device: str) -> bool:
        return self._calm[device] >= CALM * len(self._of[device]) and self._engine.settled(device)

    def _is_head(self, device: str) -> bool:
        site = device.partition("/")[0]
        parents = self._inventory.devices[device].parents
        return site == CENTRE or not any(parent.startswith(f"{site}/") for parent in parents)

    def _wake(self, device: str, now: float) -> None:
        """Hand in the last plain answers of a device that was left out, and ask it in full again."""
        self._asleep.discard(device)
        for number in self._of[device]:
            check = self._checks[number]
            last = check.index(now)
            if last > self._given[number] and self._due[number] > now:
                self._given[number] = last
                self.report.observations += 1
                at = check.planned(last)
                self._apply(now, self._engine.take(self._seen(at, check, check.plain), self._wall(at)))
            self._enter(number, check.planned(last + 1))

    # Judging, storing, telling

    def _tick(self, now: float, epoch: object) -> None:
        if self._alive and epoch == self._epoch:
            self._apply(now, self._engine.tick(self._time(now)))
            self._at(now + (STALE_EVERY if self._engine.waits else 60.0), "tick", epoch)

    def _apply(self, now: float, decision: Decision) -> None:
        for check_id in decision.rechecks:
            self._soon(now, check_id)
        if decision.transitions:
            self._dies_at(1)
            self._record(now, decision.transitions)
            self._dies_at(2)
            self._tell(now)

    def _record(self, now: float, transitions: Sequence[Transition]) -> None:
        self.report.transitions += [(now, transition) for transition in transitions]
        with transaction(self._db):
            incident_steps.record(self._db, transitions, self._teller)

    def _look(self, now: float, _: object) -> None:
        """Look into the outbox, as the dispatcher does from time to time."""
        if self._alive:
            self._tell(now)
        self._at(now + 60.0, "look", None)

    def _tell(self, now: float) -> None:
        wall = self._wall(now)
        while claimed := outbox.claim(self._db, wall, 200, LEASE):
            self._dies_at(3)
            for pending in claimed:
                self.report.pages.append(Page(now, pending.message))
                self._dies_at(4)
                outbox.delivered(self._db, pending.id, wall)


def _ledger() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.execute("PRAGMA foreign_keys=ON")
    migrate(db)
    return db


def _kin(topology: Topology, devices: Sequence[str] | object) -> dict[str, tuple[str, ...]]:
    """Return for each device those that the engine may look at when it judges it: itself, before it, behind it."""
    found: dict[str, tuple[str, ...]] = {}
    for device in topology.parents:
        site = device.partition("/")[0]
        near = {device, *_reached(device, topology.parents), *_reached(device, topology.children)}
        found[device] = tuple(other for other in near if other.partition("/")[0] == site)
    return found


def _reached(device: str, links: dict[str, tuple[str, ...]]) -> set[str]:
    found: set[str] = set()
    waiting = [device]
    while waiting:
        for other in links.get(waiting.pop(), ()):
            if other not in found:
                found.add(other)
                waiting.append(other)
    return found
