"""Messages that must be told: stored with their step, claimed for a while, delivered or given up."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from alerts.incident import Step
from alerts.telling.digest import is_digest
from alerts.telling.notification import Message, Pending, Receiver, Telling
from monitor.ledger import channels
from monitor.ledger.database import from_ms, to_ms
from probes.core.text import clean

_CLAIM = """
UPDATE outbox SET leased_until = :until WHERE id IN (
    SELECT id FROM outbox AS due
    WHERE state = 'waiting' AND coalesce(digest, id) = id
      AND (due_at <= :now OR due_at > :latest) AND (leased_until <= :now OR leased_until > :until)
      AND NOT EXISTS (  -- "resolved" must not overtake "opened" on its way to the same people
        SELECT 1 FROM outbox AS earlier
        WHERE earlier.incident_id = due.incident_id AND earlier.channel = due.channel
          AND earlier.recipient = due.recipient AND earlier.id < due.id
          AND earlier.state = 'waiting' AND earlier.digest IS NOT due.id)
    ORDER BY id LIMIT :limit)
RETURNING id, body, tries, created_at, incident_id, channel
"""
_THREAD = """
SELECT coalesce(nullif(own.receipt, ''), together.receipt) AS called, own.digest IS NOT NULL
FROM outbox AS own LEFT JOIN outbox AS together ON together.id = own.digest
WHERE own.incident_id = ? AND own.channel = ? AND own.recipient = ? AND called <> ''
ORDER BY own.digest IS NOT NULL, own.id LIMIT 1
"""
_INSERT = """
INSERT INTO outbox(incident_id, channel, recipient, key, chain, place, state, created_at, due_at, body)
VALUES (?, ?, ?, ?, ?, ?, 'waiting', ?, ?, ?) ON CONFLICT(channel, key) DO NOTHING
"""
_FOLLOWING = """
SELECT later.id FROM outbox AS later JOIN outbox AS done ON later.chain = done.chain
WHERE (done.id = ? OR done.digest = ?) AND later.place > done.place AND later.state = 'waiting'
"""
_NEXT = f"{_FOLLOWING} AND later.place = done.place + 1"
_TOLD = """
SELECT body FROM outbox
WHERE incident_id = ? AND (state = 'delivered' OR (state = 'waiting' AND (place = 0 OR tries > 0))) ORDER BY id
"""
_SPARE_THE_REST = """
UPDATE outbox SET state = 'spared', done_at = :at
WHERE incident_id = :incident AND state = 'waiting' AND place > 0 AND tries = 0 AND leased_until <= :at
"""


LONGEST_PAUSE = timedelta(hours=2)
"""No message waits longer for its next attempt: the dispatcher's longest pause is an hour."""


class DeliveryState(StrEnum):
    """What became of a message."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"
    SPARED = "spared"
    """The receiver was reached by an earlier way."""


class Delivery(msgspec.Struct, frozen=True):
    """One line of the delivery log; times are aware UTC."""

    id: int
    channel: str
    name: str
    """Whom it is for; ``""`` for those the channel's settings name."""
    key: str
    step: Step
    title: str
    state: DeliveryState
    tries: int
    """Failed attempts."""
    error: str
    """Why the last attempt failed."""
    created_at: datetime
    next_at: datetime | None
    """When it is tried again, `None` when it is not."""
    done_at: datetime | None
    """When it was delivered or given up."""
    incident: int = 0
    """Id of the incident; of a digest, of the most severe one."""
    to: str = ""
    """Whom it was for, as in `Message.to`."""
    digest: int | None = None
    """Id of the line that told it together with others: its own for the digest itself; `None` for one told alone."""


def put(db: sqlite3.Connection, incident: int, at: datetime, telling: Telling) -> None:
    """Add the messages of `telling`; one whose key its channel already has is ignored."""
    for chain in telling.chains:
        first: int | None = None
        for place, message in enumerate(chain):
            due = to_ms(at + place * timedelta(seconds=telling.patience))
            body = msgspec.json.encode(message).decode()
            row = (incident, message.channel, message.to, message.key, first, place, to_ms(at), due, body)
            added = db.execute(_INSERT, row)
            if added.rowcount and first is None:
                first = added.lastrowid
                db.execute("UPDATE outbox SET chain = id WHERE id = ?", (first,))


def told(db: sqlite3.Connection, incident: int) -> list[Receiver]:
    """Return who was told of an incident, or is about to be, by the way that worked."""
    rows = db.execute(_TOLD, (incident,)).fetchall()
    messages = (msgspec.json.decode(body, type=Message) for (body,) in rows)
    found = (Receiver(((one.channel, one.to),), one.name) for one in messages)
    return list(dict.fromkeys(found))


def spare_the_rest(db: sqlite3.Connection, incident: int, at: datetime) -> None:
    """Try no further ways of telling an incident: it is over."""
    db.execute(_SPARE_THE_REST, {"incident": incident, "at": to_ms(at)})


def claim(db: sqlite3.Connection, now: datetime, limit: int, lease: timedelta) -> list[Pending]:
    """Return messages that are due, oldest first; nobody else gets them before the lease has passed.

    What is due, or leased, further ahead than anybody could say now was so by a clock that was set back since.
    """
    latest = to_ms(now + LONGEST_PAUSE)
    asked = {"now": to_ms(now), "until": to_ms(now + lease), "latest": latest, "limit": limit}
    rows = sorted(db.execute(_CLAIM, asked).fetchall())
    return [_pending(db, *row) for row in rows]


def waits(db: sqlite3.Connection, number: int) -> bool:
    """Whether nobody has told a message yet, nor given it up."""
    query = "SELECT 1 FROM outbox WHERE id = ? AND state = 'waiting'"
    return db.execute(query, (number,)).fetchone() is not None


def _pending(
    db: sqlite3.Connection, number: int, body: str, tries: int, created: int, incident: int, channel: str
) -> Pending:
    message = msgspec.json.decode(body, type=Message)
    first = db.execute(_THREAD, (incident, channel, message.to)).fetchone()
    if first and not is_digest(message):
        message = msgspec.structs.replace(message, thread=first[0], shared=bool(first[1]))
    return Pending(number, message, tries, from_ms(created))


def delivered(db: sqlite3.Connection, number: int, at: datetime, receipt: str = "") -> None:
    """The channel has it, and calls it `receipt`; what went in a digest has been told with it.

    Other ways of reaching the same receivers are spared.
    """
    told = (to_ms(at), clean(receipt, 200), number)
    db.execute("UPDATE outbox SET state = 'delivered', done_at = ?, receipt = ? WHERE id = ?", told)
    db.execute("UPDATE outbox SET state = 'delivered', done_at = ? WHERE digest = ?", (to_ms(at), number))
    for (later,) in db.execute(_FOLLOWING, (number, number)).fetchall():
        db.execute("UPDATE outbox SET state = 'spared', done_at = ? WHERE id = ?", (to_ms(at), later))
    channels.works(db, number, at)


def failed(db: sqlite3.Connection, number: int, at: datetime, error: str, retry_at: datetime | None) -> None:
    """An attempt failed: try again at `retry_at`, or give up, keeping it for people to see, and try the next way."""
    text = clean(error, 500)
    if retry_at is None:
        change = (
            "UPDATE outbox SET state = 'given_up', done_at = ?, tries = tries + 1, error = ?"
            " WHERE id = ? OR digest = ?"
        )
    else:
        change = (
            "UPDATE outbox SET due_at = ?, leased_until = 0, tries = tries + 1, error = ?"
            " WHERE id = ? OR digest = ?"
        )
        channels.fails(db, number, at, text)
    following = db.execute(_NEXT, (number, number)).fetchall() if retry_at is None else []
    db.execute(change, (to_ms(retry_at or at), text, number, number))
    for (later,) in following:
        db.execute("UPDATE outbox SET due_at = min(due_at, ?) WHERE id = ?", (to_ms(at), later))


def postponed(db: sqlite3.Connection, number: int, until: datetime) -> None:
    """It was not tried: it comes again at `until`."""
    db.execute("UPDATE outbox SET due_at = ?, leased_until = 0 WHERE id = ?", (to_ms(until), number))


_LINE = """
SELECT id, incident_id, channel, key, body, state, tries, error, created_at, due_at, done_at, digest FROM outbox
"""


def deliveries(db: sqlite3.Connection, incident: int) -> list[Delivery]:
    """Return the delivery log of an incident, oldest first."""
    rows = db.execute(f"{_LINE} WHERE incident_id = ? ORDER BY id", (incident,)).fetchall()
    return [_delivery(*row) for row in rows]


def latest(
    db: sqlite3.Connection, channel: str | None, state: DeliveryState | None, limit: int, before: int | None
) -> list[Delivery]:
    """Return the newest lines of the delivery log, newest first."""
    rows = db.execute(
        f"{_LINE} WHERE (:channel IS NULL OR channel = :channel) AND (:state IS NULL OR state = :state)"
        " AND (:before IS NULL OR id < :before) ORDER BY id DESC LIMIT :limit",
        {"channel": channel, "state": state, "before": before, "limit": limit},
    ).fetchall()
    return [_delivery(*row) for row in rows]


def _delivery(
    number: int,
    incident: int,
    channel: str,
    key: str,
    body: str,
    state: str,
    tries: int,
    error: str,
    created: int,
    due: int,
    done: int | None,
    digest: int | None,
) -> Delivery:
    message = msgspec.json.decode(body, type=Message)
    return Delivery(
        number,
        channel,
        message.name,
        key,
        message.step,
        message.title,
        DeliveryState(state),
        tries,
        error,
        from_ms(created),
        from_ms(due) if state == DeliveryState.WAITING else None,
        from_ms(done) if done is not None else None,
        incident,
        message.to,
        digest,
    )
