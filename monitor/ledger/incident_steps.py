"""What transitions do to incidents: the steps people and rules take, and the messages each step is worth."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from alerts.incident import Incident, Status, Step, Transition
from alerts.telling.notification import Receiver
from monitor.ledger import audit, escalations, outbox, takes
from monitor.ledger.database import to_ms
from monitor.ledger.incident_rows import as_json, by_id, by_key, lately, note
from monitor.ledger.teller import Teller
from probes.core.words import joined

_INSERT = """
INSERT INTO incidents(rule, device, check_name, subject, site, kind, status, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""


def record(db: sqlite3.Connection, transitions: Sequence[Transition], teller: Teller) -> list[Incident]:
    """Store `transitions` in order with the messages they are worth; return each incident after its step.

    Opening what is open is a change, and opening what was resolved a short while ago opens it again. A change that
    changes nothing is not stored again, so a repeated call is harmless. Any other step for a key that is not open is
    ignored.
    """
    incidents = (_take(db, transition, teller) for transition in transitions)
    return [incident for incident in incidents if incident]


def _take(db: sqlite3.Connection, transition: Transition, teller: Teller) -> Incident | None:
    current = by_key(db, transition.key)
    if current is None:
        return _open(db, transition, teller) if transition.step is Step.OPENED else None
    if transition.step in (Step.OPENED, Step.REOPENED):
        transition = msgspec.structs.replace(transition, step=Step.CHANGED)
    if transition.step is Step.CHANGED and _same(current, transition):
        return current
    return _step(db, current, transition, teller)


def _step(db: sqlite3.Connection, current: Incident, transition: Transition, teller: Teller) -> Incident:
    incident = after(current, transition)
    resolved_at = to_ms(incident.resolved_at) if incident.resolved_at else None
    db.execute(
        "UPDATE incidents SET status = ?, resolved_at = ?, body = ? WHERE id = ?",
        (incident.status, resolved_at, as_json(incident), incident.id),
    )
    _follow(db, incident, transition, teller)
    return incident


def _open(db: sqlite3.Connection, transition: Transition, teller: Teller) -> Incident:
    key, at = transition.key, transition.at
    if (known := lately(db, key, at)) is not None:
        return _step(db, known, msgspec.structs.replace(transition, step=Step.REOPENED), teller)
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
        since=transition.since,
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
        as_json(incident),
    )
    incident = msgspec.structs.replace(incident, id=db.execute(_INSERT, row).lastrowid)
    _follow(db, incident, transition, teller)
    return incident


def _follow(db: sqlite3.Connection, incident: Incident, transition: Transition, teller: Teller) -> None:
    telling = teller.tell(incident, transition, _told(db, incident.id, transition.step))
    said = joined((transition.note, telling.note))
    note(db, incident.id, msgspec.structs.replace(transition, note=said))
    if transition.step is Step.RESOLVED:
        outbox.spare_the_rest(db, incident.id, transition.at)
    outbox.put(db, incident.id, transition.at, telling)
    takes.put(db, incident.id, telling)
    escalations.set_timer(db, incident.id, telling)


def _told(db: sqlite3.Connection, number: int, step: Step) -> list[Receiver]:
    """Return who was told; of what is given back nobody has to be as long as a further step is to come."""
    goes_on = step is Step.RELEASED and escalations.waiting(db, number) is not None
    return [] if goes_on else outbox.told(db, number)


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
            taken = {"acknowledged_by": transition.who, "acknowledged_until": transition.until}
            change = {"status": Status.ACKNOWLEDGED, **taken}
        case Step.RELEASED:
            change = _NOBODY
        case Step.NOTED | Step.ESCALATED:
            change = {}
        case Step.REOPENED:
            back = {"resolved_at": None, "reopened": incident.reopened + 1, "severity": transition.severity}
            change = {**_NOBODY, **back, "summary": transition.summary, "evidence": transition.evidence}
        case _:
            words = {"summary": transition.summary, "evidence": transition.evidence}
            extent = {"sites": transition.sites, "cause": transition.cause or incident.cause}
            change = {"severity": transition.severity, **words, **extent}
    return msgspec.structs.replace(incident, changed_at=at, **change)


_NOBODY: dict[str, Any] = {"status": Status.OPEN, "acknowledged_by": "", "acknowledged_until": None}


def by_hand(
    db: sqlite3.Connection,
    numbers: Iterable[int],
    what: Step,
    who: str,
    note: str,
    at: datetime,
    teller: Teller,
    until: datetime | None = None,
) -> list[Incident]:
    """Take a step that people take, of each of the incidents `numbers`; return them as they are then.

    An incident that does not exist is left out, a resolved one too unless it is a note, and so is one to release that
    nobody has.
    """
    found = [incident for number in numbers if (incident := by_id(db, number)) and _may(incident, what)]
    for one in found:
        audit.add(db, at, who, f"incident {what}", str(one.id), note[:300])
    return [_step(db, one, _said(one, what, who, note, at, until), teller) for one in found]


def take_on(
    db: sqlite3.Connection, numbers: Iterable[int], who: str, note: str, at: datetime, teller: Teller
) -> list[Incident]:
    """Let somebody have those of the incidents that nobody has; return them as they are then.

    Of two who press in the same instant the second finds that the first has it: nobody takes over unawares.
    """
    free = [one for one in numbers if (known := by_id(db, one)) and known.status is Status.OPEN]
    return by_hand(db, free, Step.ACKNOWLEDGED, who, note, at, teller)


def _may(incident: Incident, what: Step) -> bool:
    if what is Step.RELEASED:
        return incident.status is Status.ACKNOWLEDGED
    return what is Step.NOTED or incident.status is not Status.RESOLVED


def _said(
    incident: Incident, what: Step, who: str, note: str, at: datetime, until: datetime | None
) -> Transition:
    about = (incident.kind, incident.severity, incident.summary, incident.evidence)
    sites, cause = incident.sites, incident.cause
    return Transition(incident.key, what, at, *about, who, note, until=until, sites=sites, cause=cause)
