"""The rows of incidents and of their timelines; a key has at most one that is not resolved."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta

import msgspec

from alerts.incident import Incident, IncidentKey, Kind, Severity, Status, Transition, Words
from monitor.ledger.database import to_ms

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
  AND (:site IS NULL OR site = :site
       OR (site GLOB '@*' AND EXISTS (SELECT 1 FROM json_each(body, '$.sites') WHERE value = :site)))
  AND (:device IS NULL OR device = :device)
  AND (:severity IS NULL OR body ->> '$.severity' = :severity) AND (:rule IS NULL OR rule = :rule)
  AND (:before IS NULL OR id < :before)
  AND (:start IS NULL OR json_extract(body, '$.opened_at') >= :start)
  AND (:end IS NULL OR json_extract(body, '$.opened_at') < :end)
  AND (:text = '' OR id > (SELECT max(id) FROM incidents) - :far AND says(body, :text))
ORDER BY id DESC LIMIT :limit
"""


def note(db: sqlite3.Connection, number: int, transition: Transition) -> None:
    """Add a step to an incident's timeline."""
    db.execute("INSERT INTO timeline(incident_id, body) VALUES (?, ?)", (number, as_json(transition)))


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


def as_json(struct: msgspec.Struct) -> str:
    """Return an incident or a step as its row holds it."""
    return msgspec.json.encode(struct).decode()
