"""One rule book over a history, in virtual time: the real engine, the real ledger, the real teller; nothing is sent."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from alerts.incident import Incident
from alerts.judging.decision import Decision
from alerts.judging.engine import Engine
from alerts.judging.tracker import FLAPPING_WINDOW
from alerts.rule import RuleBook
from inventory.model import Inventory
from monitor.ledger import incident_rows, incident_steps
from monitor.ledger.database import migrate
from monitor.ledger.teller import Teller
from monitor.pipeline import STALE_EVERY
from probes.core.observation import Observation
from probes.core.words import Words

GAP = timedelta(minutes=2)
"""Without any attempt for so long the service was not running: what follows is judged as after a restart."""
CALM_TICK = timedelta(minutes=1)
"""How often the engine is told the time while nothing waits for it."""
_TICK = timedelta(seconds=STALE_EVERY)
_MESSAGES = (
    "SELECT incident_id, count(*) FROM outbox WHERE place = 0 AND incident_id > 0 GROUP BY incident_id"
)


class Happened(msgspec.Struct, frozen=True):
    """One incident as it would have been."""

    rule: str
    device: str
    check: str
    subject: str
    severity: str
    opened_at: datetime
    resolved_at: datetime | None
    messages: int
    summary: Words

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What it is about."""
        return self.rule, self.device, self.check, self.subject

    @property
    def site(self) -> str:
        """Where it is; ``"@…"`` for what is about several."""
        return self.device.partition("/")[0]


class Replay:
    """Judges attempts by a rule book; what it stores is in a file of its own that is gone afterwards."""

    def __init__(self, rules: RuleBook, inventory: Inventory, teller: Teller) -> None:
        self._rules = rules
        self._inventory = inventory
        self._teller = teller
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.execute("PRAGMA foreign_keys=ON")
        migrate(self._db)
        self._engine = Engine(rules, inventory)
        self._last: datetime | None = None
        self._tick_at: datetime | None = None
        self.restarts = 0
        """How often the service was not running."""

    def take(self, observation: Observation) -> None:
        """Judge one attempt, at the time it ended."""
        now = observation.time
        if self._last is not None and now - self._last > GAP:
            self._restart(now)
        self._tick_until(now)
        self._apply(self._engine.take(observation, now))
        self._last = now

    def _tick_until(self, now: datetime) -> None:
        at = self._tick_at or now
        while at <= now:
            self._apply(self._engine.tick(at))
            at += _TICK if self._engine.waits else CALM_TICK
        self._tick_at = min(at, now + _TICK) if self._engine.waits else at

    def _restart(self, now: datetime) -> None:
        self.restarts += 1
        self._engine = Engine(self._rules, self._inventory, incident_rows.all_open(self._db))
        self._engine.remember(incident_rows.resolved_since(self._db, now - FLAPPING_WINDOW))
        self._tick_at = None

    def _apply(self, decision: Decision) -> None:
        if decision.transitions:
            self._db.execute("BEGIN")
            incident_steps.record(self._db, decision.transitions, self._teller)
            self._db.execute("COMMIT")

    def happened(self) -> Iterator[Happened]:
        """Yield every incident, oldest first."""
        messages = Counter(dict(self._db.execute(_MESSAGES).fetchall()))
        query = "SELECT id, body FROM incidents WHERE id > 0 ORDER BY id"
        for number, body in self._db.execute(query).fetchall():
            yield _happened(msgspec.json.decode(body, type=Incident), messages[number])

    def close(self) -> None:
        """Throw what was stored away."""
        self._db.close()


def _happened(incident: Incident, messages: int) -> Happened:
    key = incident.key
    return Happened(
        key.rule, key.device, key.check, key.subject, incident.severity, incident.opened_at,
        incident.resolved_at, messages, incident.summary,
    )  # fmt: skip
