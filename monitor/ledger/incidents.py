"""What transitions do to incidents: the rows, and that a key has at most one not resolved."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from alerts.incident import Incident, IncidentKey, Kind, Status, Step, Transition
from alerts.notification import Message
from monitor.ledger import outbox
from monitor.ledger.database import to_ms

Compose = Callable[[Incident, Transition], Sequence[Message]]
"""Which messages a step is worth. Called in the ledger's thread inside the transaction: pure and quick."""

_BY_KEY = """
SELECT id, body FROM incidents
WHERE rule = ? AND device = ? AND check_name = ? AND subject = ? AND resolved_at IS NULL
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


def record(db: sqlite3.Connection, transitions: Sequence[Transition], compose: Compose) -> list[Incident]:
    """Store `transitions` in order with the messages they are worth; return each incident after its step.

    Opening what is open is a change; a change that changes nothing is not stored again, so a repeated call is
    harmless. Any other step for a key that is not open is ignored.
    """
    incidents = (_take(db, transition, compose) for transition in transitions)
    return [incident for incident in incidents if incident]


def _take(db: sqlite3.Connection, transition: Transition, compose: Compose) -> Incident | None:
    current = by_key(db, transition.key)
    if current is None:
        return _open(db, transition, compose) if transition.step is Step.OPENED else None
    if transition.step is Step.OPENED:
        transition = msgspec.structs.replace(transition, step=Step.CHANGED)
    if transition.step is Step.CHANGED and _same(current, transition):
        return current
    incident = after(current, transition)
    db.execute(
        "UPDATE incidents SET status = ?, resolved_at = ?, body = ? WHERE id = ?",
        (
            incident.status,
            to_ms(incident.resolved_at) if incident.resolved_at else None,
            _json(incident),
            incident.id,
        ),
    )
    _follow(db, incident, transition, compose)
    return incident


def _open(db: sqlite3.Connection, transition: Transition, compose: Compose) -> Incident:
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
    _follow(db, incident, transition, compose)
    return incident


def _follow(db: sqlite3.Connection, incident: Incident, transition: Transition, compose: Compose) -> None:
    db.execute("INSERT INTO timeline(incident_id, body) VALUES (?, ?)", (incident.id, _json(transition)))
    outbox.put(db, incident.id, transition.at, compose(incident, transition))


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
        case Step.NOTED:
            change = {}
        case _:
            words = {"summary": transition.summary, "evidence": transition.evidence}
            extent = {"sites": transition.sites, "cause": transition.cause or incident.cause}
            change = {"severity": transition.severity, **words, **extent}
    return msgspec.structs.replace(incident, changed_at=at, **change)


def acknowledge(
    db: sqlite3.Connection, number: int, who: str, note: str, at: datetime, compose: Compose
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
    return _take(db, step, compose)


def by_key(db: sqlite3.Connection, key: IncidentKey) -> Incident | None:
    """Return the incident of `key` that is not resolved."""
    return _one(db.execute(_BY_KEY, (key.rule, key.device, key.check, key.subject)).fetchall())


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
