"""What transitions do to incidents: the rows, and that a key has at most one not resolved."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import msgspec

from alerts.incident import Incident, IncidentKey, Kind, Severity, Status, Step, Transition, Words
from monitor.ledger import escalations, outbox, takes
from monitor.ledger.database import Database, to_ms
from monitor.ledger.leader import LedgerLeader
from monitor.ledger.teller import Teller
from probes.core.words import joined

SEARCHED = 20_000
"""Of so many of the newest the words are searched: whoever searches does not keep the ledger from writing."""
SAME_WITHIN = timedelta(minutes=5)
"""A problem that comes back within this time after it was resolved is still the same incident."""

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
WHERE id > 0 AND (:status IS NULL OR status = :status) AND (:kind IS NULL OR kind = :kind)
  AND (:site IS NULL OR site = :site) AND (:device IS NULL OR device = :device)
  AND (:severity IS NULL OR body ->> '$.severity' = :severity) AND (:rule IS NULL OR rule = :rule)
  AND (:before IS NULL OR id < :before)
  AND (:start IS NULL OR json_extract(body, '$.opened_at') >= :start)
  AND (:end IS NULL OR json_extract(body, '$.opened_at') < :end)
  AND (:text = '' OR id > (SELECT max(id) FROM incidents) - :far AND says(body, :text))
ORDER BY id DESC LIMIT :limit
"""
_INSERT = """
INSERT INTO incidents(rule, device, check_name, subject, site, kind, status, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""


class LedgerIncidents:
    """Incidents and findings, and what happened to each. Methods raise `LedgerError`."""

    def __init__(self, database: Database, leader: LedgerLeader) -> None:
        self._database = database
        self._leader = leader

    async def record(self, transitions: Sequence[Transition], teller: Teller) -> list[Incident]:
        """Store `transitions` and the messages they are worth in one transaction; see `record`."""
        return await self._leader.write(partial(record, transitions=transitions, teller=teller))

    async def acknowledge(
        self, id: int, who: str, note: str, at: datetime, teller: Teller
    ) -> Incident | None:
        """Note that `who` has taken an incident on; `None` when it does not exist or is resolved."""
        taken = await self.by_hand([id], Step.ACKNOWLEDGED, who, note, at, teller)
        return taken[0] if taken else None

    async def by_hand(
        self,
        ids: Sequence[int],
        what: Step,
        who: str,
        note: str,
        at: datetime,
        teller: Teller,
        until: datetime | None = None,
    ) -> list[Incident]:
        """Take a step that people take, of each incident, in one transaction; see `by_hand`."""
        step = partial(by_hand, what=what, who=who, note=note, at=at, teller=teller, until=until)
        return await self._leader.write(partial(step, numbers=ids))

    async def by_id(self, id: int) -> Incident | None:
        """Return one incident."""
        return await self._database.read(partial(by_id, number=id))

    async def all_open(self) -> list[Incident]:
        """Return every incident and finding that is not resolved, oldest first."""
        return await self._database.read(all_open)

    async def resolved_since(self, since: datetime) -> list[Incident]:
        """Return every incident and finding that was resolved after `since`, oldest first."""
        return await self._database.read(partial(resolved_since, since=since))

    async def search(
        self,
        *,
        status: Status | None = None,
        kind: Kind | None = None,
        site: str | None = None,
        device: str | None = None,
        severity: Severity | None = None,
        rule: str | None = None,
        text: str = "",
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int = 100,
        before_id: int | None = None,
    ) -> list[Incident]:
        """Return at most `limit` (1..1000) incidents, newest first; `before_id` pages on.

        `text` is in their summaries, in either language; they opened from `start` until before `end`.
        """
        limit = min(max(limit, 1), 1000)
        return await self._database.read(
            partial(
                search,
                status=status,
                kind=kind,
                site=site,
                device=device,
                severity=severity,
                rule=rule,
                text=text,
                start=start,
                end=end,
                limit=limit,
                before=before_id,
            )
        )

    async def timeline(self, id: int) -> list[Transition]:
        """Return the steps of an incident, oldest first."""
        return await self._database.read(partial(timeline, number=id))


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
        (incident.status, resolved_at, _json(incident), incident.id),
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
        _json(incident),
    )
    incident = msgspec.structs.replace(incident, id=db.execute(_INSERT, row).lastrowid)
    _follow(db, incident, transition, teller)
    return incident


def _follow(db: sqlite3.Connection, incident: Incident, transition: Transition, teller: Teller) -> None:
    telling = teller.tell(incident, transition, outbox.told(db, incident.id))
    said = joined((transition.note, telling.note))
    note(db, incident.id, msgspec.structs.replace(transition, note=said))
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
    return [_step(db, one, _said(one, what, who, note, at, until), teller) for one in found]


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


def lately(db: sqlite3.Connection, key: IncidentKey, at: datetime) -> Incident | None:
    """Return the incident of `key` that was resolved so shortly before `at` that this is still the same."""
    span = (to_ms(at - SAME_WITHIN), to_ms(at))
    return _one(db.execute(_LATELY, (key.rule, key.device, key.check, key.subject, *span)).fetchall())


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


def resolved_since(db: sqlite3.Connection, since: datetime) -> list[Incident]:
    """Return what was resolved after `since`, oldest first."""
    query = "SELECT id, body FROM incidents WHERE id > 0 AND resolved_at >= ? ORDER BY resolved_at"
    return [_incident(*row) for row in db.execute(query, (to_ms(since),)).fetchall()]


def search(
    db: sqlite3.Connection,
    *,
    status: Status | None,
    kind: Kind | None,
    site: str | None,
    device: str | None,
    severity: Severity | None,
    rule: str | None,
    limit: int,
    before: int | None,
    text: str = "",
    start: datetime | None = None,
    end: datetime | None = None,
) -> list[Incident]:
    """Return incidents, newest first."""
    db.create_function("says", 2, _says, deterministic=True)
    about = {"site": site, "device": device, "severity": severity, "rule": rule}
    span = {"start": _text(start), "end": _text(end), "text": text.casefold(), "far": SEARCHED}
    asked = {"status": status, "kind": kind, "before": before, "limit": limit, **about, **span}
    return [_incident(*row) for row in db.execute(_SEARCH, asked).fetchall()]


def _text(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat().removesuffix("+00:00") if at else None


def _says(body: str, text: str) -> bool:
    summary = msgspec.json.decode(body, type=_Said).summary
    return text in f"{summary.vi}\n{summary.en}".casefold()


class _Said(msgspec.Struct):
    summary: Words


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
