"""Devices that have another id now: what the ledger knows of them follows, in one transaction.

Incidents with their steps, host keys, the places their credentials are for, when they first answered and what they say
they are. The audit record stays as it was written.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import datetime

from alerts.incident import Incident, Step, Transition, Words
from monitor.ledger import incident_rows, incident_steps
from monitor.ledger.teller import Nobody

_NOTED = """
UPDATE timeline SET body = json_set(body, '$.key.device', :now)
WHERE incident_id IN (SELECT id FROM incidents WHERE device = :was)
"""
_MOVED = """
UPDATE incidents SET device = :now, site = :site, body = json_set(body, '$.key.device', :now) WHERE device = :was
"""
_PLACES = """
UPDATE bindings SET device = :now
WHERE device = :was AND probe NOT IN (SELECT probe FROM bindings WHERE device = :now)
"""
_ANSWERED = """
INSERT INTO answered(device, first_at) SELECT :now, first_at FROM answered WHERE device = :was
ON CONFLICT(device) DO UPDATE SET first_at = min(first_at, excluded.first_at)
"""
_UNASKED = """
DELETE FROM host_keys WHERE device = :now AND state = 'pending' AND (address, port, key) IN
    (SELECT address, port, key FROM host_keys WHERE device = :was)
"""
_KEYS = "UPDATE OR IGNORE host_keys SET device = :now WHERE device = :was"
_IDENTITIES = "UPDATE OR IGNORE identities SET device = :now WHERE device = :was"
_REST = (
    "DELETE FROM identities WHERE device = :was",
    "DELETE FROM host_keys WHERE device = :was",
    "DELETE FROM bindings WHERE device = :was",
    "DELETE FROM answered WHERE device = :was",
)


def move(db: sqlite3.Connection, moved: Mapping[str, str], at: datetime) -> list[Incident]:
    """Put everything about each former id of `moved` under its present one; return the incidents that changed.

    What is open under both ids goes on under the present one; the other is resolved, without telling anybody.
    Ids that nothing is known of, and those that moved before, do no harm.
    """
    changed: list[Incident] = []
    for was, now in moved.items():
        changed += _moved(db, was, now, at)
    return changed


def _moved(db: sqlite3.Connection, was: str, now: str, at: datetime) -> list[Incident]:
    changed: list[Incident] = []
    ids = [row[0] for row in db.execute("SELECT id FROM incidents WHERE device = ?", (was,))]
    for number in ids:
        incident = incident_rows.by_id(db, number)
        if incident is not None and incident.resolved_at is None:
            changed.append(_settled(db, incident, now, at))
    names = {"was": was, "now": now, "site": now.partition("/")[0]}
    for change in (_NOTED, _MOVED, _UNASKED, _KEYS, _PLACES, _ANSWERED, _IDENTITIES, *_REST):
        db.execute(change, names)
    return [found for one in changed if (found := incident_rows.by_id(db, one.id))]


def _settled(db: sqlite3.Connection, incident: Incident, now: str, at: datetime) -> Incident:
    """Resolve an incident if the same is open under the present id; that one goes on."""
    other = incident_rows.by_key(db, incident.key.of(now))
    if other is not None:
        step = Transition(
            incident.key,
            Step.RESOLVED,
            at,
            incident.kind,
            incident.severity,
            incident.summary,
            incident.evidence,
            note=_goes_on(other.id, incident.key.device, now),
            before=incident.severity,
        )
        incident_steps.record(db, [step], Nobody())
    return incident


def _goes_on(number: int, was: str, now: str) -> Words:
    return Words(
        f"tiếp tục ở sự cố {number}: {was} nay là {now}", f"goes on as incident {number}: {was} is {now} now"
    )
