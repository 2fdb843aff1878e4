"""Incidents of which an operator says that there was nothing, and that the saying is in the timeline."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from functools import partial

import msgspec

from alerts.incident import Incident, Step, Transition, Words
from monitor.ledger import audit, incident_rows
from monitor.ledger.database import Database, from_ms, to_ms
from monitor.ledger.leader import LedgerLeader
from probes.core.words import joined

FALSE = Words("báo sai", "false alarm")
TRUE_AFTER_ALL = Words("không phải báo sai", "no false alarm after all")


class FalseAlarm(msgspec.Struct, frozen=True):
    """What an operator said."""

    at: datetime
    who: str
    note: str


class LedgerFalseAlarms:
    """What operators say of incidents. Methods raise `LedgerError`."""

    def __init__(self, database: Database, leader: LedgerLeader) -> None:
        self._database = database
        self._leader = leader

    async def mark(self, id: int, who: str, note: str, at: datetime, *, false: bool) -> Incident | None:
        """Note that an operator says there was nothing, or takes that back; `None` when there is no such incident."""
        return await self._leader.write(partial(mark, number=id, who=who, note=note, at=at, false=false))

    async def of(self, incident: int) -> FalseAlarm | None:
        """Return what an operator said of an incident, `None` when nobody says that it was a false alarm."""
        return await self._database.read(partial(load, number=incident))


def mark(
    db: sqlite3.Connection, number: int, who: str, note: str, at: datetime, *, false: bool
) -> Incident | None:
    """Say that an incident was a false alarm, or take that back; `None` when it does not exist."""
    incident = incident_rows.by_id(db, number) if number else None
    if incident is None:
        return None
    before = load(db, number)
    if false:
        row = (number, to_ms(at), who, note)
        db.execute("INSERT OR REPLACE INTO false_alarms(incident_id, at, who, note) VALUES (?, ?, ?, ?)", row)
    else:
        db.execute("DELETE FROM false_alarms WHERE incident_id = ?", (number,))
    if false != (before is not None):
        said = joined((FALSE if false else TRUE_AFTER_ALL, note), ": ")
        about = (incident.kind, incident.severity, incident.summary, incident.evidence)
        audit.add(
            db, at, who, "false alarm marked" if false else "false alarm taken back", str(number), note[:300]
        )
        incident_rows.note(db, number, Transition(incident.key, Step.NOTED, at, *about, who, said))
    return incident


def load(db: sqlite3.Connection, number: int) -> FalseAlarm | None:
    """Return what was said of an incident, `None` when nothing was."""
    row = db.execute("SELECT at, who, note FROM false_alarms WHERE incident_id = ?", (number,)).fetchone()
    return FalseAlarm(from_ms(row[0]), row[1], row[2]) if row else None
