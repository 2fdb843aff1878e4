"""What transitions do to incidents: the rows, and that a key has at most one not resolved."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from alerts.incident import Incident, IncidentKey, Kind, Status, Step, Transition
from monitor.ledger import escalations, outbox, takes
from monitor.ledger.database import to_ms
from monitor.ledger.teller import Teller

COMES_BACK = timedelta(minutes=10)
"""What comes back within this time after it was resolved is the same incident, opened again."""

_BY_KEY = """
SELECT id, body FROM incidents
WHERE rule = ? AND device = ? AND check_name = ? AND subject = ? AND resolved_at IS NULL
"""
_LATELY = """
SELECT id, body FROM incidents
WHERE rule = ? AND device = ? AND check_name = ? AND subject = ? AND resolved_at BETWEEN ? AND ?
ORDER BY id DESC LIMIT 1
"""
_SEARCH = """
SELECT id, body FROM incidents
WHERE (:status IS NULL OR status = :status) AND (:kind IS NULL OR kind = :kind)
  AND (:site IS NULL OR site = :site) AND (:device IS NULL OR device = :device)
  AND (:before IS NULL OR id < :before)
ORDER BY id DESC LIMIT :limit
"""
_INSERT = """
INSERT INTO incidents(rule, device, check_name, subject, site, kind, status, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""


def record(db: sqlite3.Connection, transitions: Sequence[Transition], teller: Teller) -> list[Incident]:
    """Store `transitions` in order with the messages they are worth; return each incident after its step.

    Opening what is open is a change, and opening what was resolved a short while ago opens it again. A change that
    changes nothing is not stored again, so a repeated call is harmless. Any other step for a key that is not open is ignored.
    """
    incidents = (_take(db, transition, teller) for transition in transitions)
    return [incident for incident in incidents if incident]


def _take(db: sqlite3.Connection, transition: Transition, teller: Teller) -> Incident | None:
    current = by_key(db, transition.key)
    if current is None:
        return _begin(db, transition, teller) if transition.step is Step.OPENED else None
    if transition.step in (Step.OPENED, Step.REOPENED):
        transition = msgspec.structs.replace(transition, step=Step.CHANGED)
    if transition.step is Step.CHANGED and _same(current, transition):
        return current
    return _go_on(db, current, transition, teller)


def _begin(db: sqlite3.Connection, transition: Transition, teller: Teller) -> Incident:
    lately = _lately(db, transition)
    if lately is None:
        return _open(db, transition, teller)
    return _go_on(db, lately, msgspec.structs.replace(transition, step=Step.REOPENED), teller)


def _go_on(db: sqlite3.Connection, current: Incident, transition: Transition, teller: Teller) -> Incident:
    """Store one further step of an incident."""
    incident = after(current, transition)
    resolved_at = to_ms(incident.resolved_at) if incident.resolved_at else None
    db.execute(
        "UPDATE incidents SET status = ?, resolved_at = ?, body = ? WHERE id = ?",
        (incident.status, resolved_at, _json(incident), incident.id),
    )
    _follow(db, incident, transition, teller)
    return incident


def _open(db: sqlite3.Connection, transition: Transition, teller: Teller) -> Incident:
    key, at = transition.key, transition.at
    incident = Incident(
        0,
        key,
        transition.kind,
        transition.severity,
        Status.OPEN,
        transition.summary,
        transition.evidence,
        at,
        at,
        sites=transition.sites,
        cause=transition.cause,
    )
    site = key.device.partition("/")[0]
    row = (
        key.rule,
        key.device,
        key.check,
        key.subject,
        site,
        incident.kind,
        incident.status,
        _json(incident),
    )
    incident = msgspec.structs.replace(incident, id=db.execute(_INSERT, row).lastrowid)
    _follow(db, incident, transition, teller)
    return incident


def _follow(db: sqlite3.Connection, incident: Incident, transition: Transition, teller: Teller) -> None:
    note(db, incident.id, transition)
    telling = teller.tell(incident, transition, outbox.told(db, incident.id))
    if transition.step is Step.RESOLVED:
        outbox.spare_the_rest(db, incident.id, transition.at)
    outbox.put(db, incident.id, transition.at, telling)
    takes.put(db, incident.id, telling)
    escalations.set_timer(db, incident.id, telling)


def note(db: sqlite3.Connection, number: int, transition: Transition) -> None:
    """Add a step to an incident's timeline."""
    db.execute("INSERT INTO timeline(incident_id, body) VALUES (?, ?)", (number, _json(transition)))


def _same(incident: Incident, transition: Transition) -> bool:
    now = (incident.severity, incident.summary, incident.evidence, incident.sites)
    return now == (transition.severity, transition.summary, transition.evidence, transition.sites)


def after(incident: Incident, transition: Transition) -> Incident:
    """Return `incident` after one step. What was wrong stays readable once it is resolved."""
    at = transition.at
    match transition.step:
        case Step.RESOLVED:
            change = {"status": Status.RESOLVED, "resolved_at": at}
        case Step.ACKNOWLEDGED:
            change = {"status": Status.ACKNOWLEDGED, "acknowledged_by": transition.who}
        case Step.NOTED | Step.ESCALATED:
            change = {}
        case _:
            words = {"summary": transition.summary, "evidence": transition.evidence}
            extent = {"sites": transition.sites, "cause": transition.cause or incident.cause}
            change = {"severity": transition.severity, **words, **extent}
            if transition.step is Step.REOPENED:
                change |= {"status": Status.OPEN, "resolved_at": None, "acknowledged_by": ""}
                change |= {"reopened": incident.reopened + 1}
    return msgspec.structs.replace(incident, changed_at=at, **change)


def acknowledge(
    db: sqlite3.Connection, number: int, who: str, note: str, at: datetime, teller: Teller
) -> Incident | None:
    """Note that `who` has taken incident `number` on; `None` when it does not exist or is resolved."""
    incident = by_id(db, number)
    if incident is None or incident.status is Status.RESOLVED:
        return None
    step = Transition(
        incident.key,
        Step.ACKNOWLEDGED,
        at,
        incident.kind,
        incident.severity,
        incident.summary,
        incident.evidence,
        who,
        note,
    )
    return _take(db, step, teller)


def by_key(db: sqlite3.Connection, key: IncidentKey) -> Incident | None:
    """Return the incident of `key` that is not resolved."""
    return _one(db.execute(_BY_KEY, (key.rule, key.device, key.check, key.subject)).fetchall())


def _lately(db: sqlite3.Connection, transition: Transition) -> Incident | None:
    """Return the incident of the same key that was resolved a short while ago."""
    key, since = transition.key, to_ms(transition.at - COMES_BACK)
    asked = (key.rule, key.device, key.check, key.subject, since, to_ms(transition.at))
    return _one(db.execute(_LATELY, asked).fetchall())


def by_id(db: sqlite3.Connection, number: int) -> Incident | None:
    """Return one incident."""
    return _one(db.execute("SELECT id, body FROM incidents WHERE id = ?", (number,)).fetchall())


def all_open(db: sqlite3.Connection) -> list[Incident]:
    """Return every incident that is not resolved, oldest first."""
    rows = db.execute("SELECT id, body FROM incidents WHERE resolved_at IS NULL ORDER BY id").fetchall()
    return [_incident(*row) for row in rows]


def search(
    db: sqlite3.Connection,
    *,
    status: Status | None,
    kind: Kind | None,
    site: str | None,
    device: str | None,
    limit: int,
    before: int | None,
) -> list[Incident]:
    """Return incidents, newest first."""
    asked = {"status": status, "kind": kind, "site": site, "device": device, "before": before, "limit": limit}
    return [_incident(*row) for row in db.execute(_SEARCH, asked).fetchall()]


def timeline(db: sqlite3.Connection, number: int) -> list[Transition]:
    """Return the steps of one incident, oldest first."""
    rows = db.execute("SELECT body FROM timeline WHERE incident_id = ? ORDER BY id", (number,)).fetchall()
    return [msgspec.json.decode(body, type=Transition) for (body,) in rows]


def prune(db: sqlite3.Connection, before: datetime) -> int:
    """Delete incidents resolved before `before` with all that belongs to them; return how many."""
    return db.execute("DELETE FROM incidents WHERE resolved_at < ?", (to_ms(before),)).rowcount


def _one(rows: list[tuple[int, str]]) -> Incident | None:
    return _incident(*rows[0]) if rows else None


def _incident(number: int, body: str) -> Incident:
    return msgspec.structs.replace(msgspec.json.decode(body, type=Incident), id=number)


def _json(struct: msgspec.Struct) -> str:
    return msgspec.json.encode(struct).decode()
