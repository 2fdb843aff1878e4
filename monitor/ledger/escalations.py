"""When an incident that nobody has taken on is told on: a time of each open incident, kept over restarts."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta
from functools import partial

import msgspec

from alerts.duty.policy import LONGEST
from alerts.incident import Incident
from alerts.telling.notification import Telling, Timer
from monitor.ledger import incident_rows, outbox, takes
from monitor.ledger.database import Database, to_ms
from monitor.ledger.leader import LedgerLeader
from monitor.ledger.teller import Teller

_DUE = """
SELECT incident_id, escalations.body FROM escalations JOIN incidents ON incidents.id = incident_id
WHERE (due_at <= :now OR due_at > :latest) AND status = 'open' ORDER BY due_at LIMIT :limit
"""

HIDDEN_PER_TOLD = 25
"""How many more timers one look goes through than it tells: those of what is quiet cost little."""


class LedgerEscalations:
    """What comes next for incidents that nobody has taken on. Methods raise `LedgerError`."""

    def __init__(self, database: Database, leader: LedgerLeader) -> None:
        self._database = database
        self._leader = leader

    async def escalate(self, teller: Teller, now: datetime, limit: int = 200) -> list[Incident]:
        """Tell on what nobody has taken on in time; return the incidents of which somebody was told."""
        return await self._leader.write(partial(escalate, teller=teller, now=now, limit=limit))

    async def shift(self, step: timedelta, now: datetime) -> None:
        """Let the next steps and the next attempts come so much later: the clock was set by `step` and shows `now`."""
        await self._leader.write(partial(shift, step=step, now=now))

    async def waiting(self, incident: int) -> Timer | None:
        """Return what comes next while nobody takes an incident on, `None` when nothing does."""
        return await self._database.read(partial(waiting, incident=incident))


def set_timer(db: sqlite3.Connection, incident: int, telling: Telling) -> None:
    """Remember what comes next for an incident."""
    timer = telling.timer
    if timer is msgspec.UNSET:
        return
    db.execute("DELETE FROM escalations WHERE incident_id = ?", (incident,))
    if isinstance(timer, Timer):
        row = (incident, to_ms(timer.due), msgspec.json.encode(timer).decode())
        db.execute("INSERT INTO escalations(incident_id, due_at, body) VALUES (?, ?, ?)", row)


def escalate(db: sqlite3.Connection, teller: Teller, now: datetime, limit: int) -> list[Incident]:
    """Tell on what is due, at most `limit` incidents; return those of which somebody was told.

    Many more are looked at: what is hidden must not keep the others waiting.
    """
    told: list[Incident] = []
    many = limit * HIDDEN_PER_TOLD
    asked = {"now": to_ms(now), "latest": to_ms(now + timedelta(seconds=LONGEST)), "limit": many}
    for number, body in db.execute(_DUE, asked).fetchall():
        incident = incident_rows.by_id(db, number) if len(told) < limit else None
        if incident is None:
            continue
        telling, step = teller.escalate(incident, msgspec.json.decode(body, type=Timer), now)
        outbox.put(db, number, now, telling)
        takes.put(db, number, telling)
        set_timer(db, number, telling)
        if step is not None:
            incident_rows.note(db, number, step)
            told.append(incident)
    return told


def shift(db: sqlite3.Connection, step: timedelta, now: datetime) -> None:
    """Let everything be due so much later: the clock was set by `step` and shows `now`."""
    outbox.shift(db, step, now - step)
    rows = db.execute("SELECT incident_id, body FROM escalations").fetchall()
    for number, body in rows:
        timer = msgspec.json.decode(body, type=Timer)
        set_timer(db, number, Telling(timer=msgspec.structs.replace(timer, due=timer.due + step)))


def waiting(db: sqlite3.Connection, incident: int) -> Timer | None:
    """Return what comes next for an incident, `None` when nothing does."""
    row = db.execute("SELECT body FROM escalations WHERE incident_id = ?", (incident,)).fetchone()
    return msgspec.json.decode(row[0], type=Timer) if row else None
