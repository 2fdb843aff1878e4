"""Messages that must be told: stored with their step, claimed for a while, delivered or given up."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from alerts.incident import Step
from alerts.notification import Message, Pending, Receiver, Telling
from monitor.ledger.database import from_ms, to_ms
from probes.core.text import clean

_CLAIM = """
UPDATE outbox SET leased_until = :until WHERE id IN (
    SELECT id FROM outbox AS due
    WHERE state = 'waiting' AND (due_at <= :now OR due_at > :latest) AND (leased_until <= :now OR leased_until > :until)
      AND NOT EXISTS (  -- "resolved" must not overtake "opened" on its way to the same people
        SELECT 1 FROM outbox AS earlier
        WHERE earlier.incident_id = due.incident_id AND earlier.channel = due.channel
          AND earlier.recipient = due.recipient AND earlier.id < due.id AND earlier.state = 'waiting')
    ORDER BY id LIMIT :limit)
RETURNING id, body, tries, created_at
"""
_INSERT = """
INSERT INTO outbox(incident_id, channel, recipient, key, chain, place, state, created_at, due_at, body)
VALUES (?, ?, ?, ?, ?, ?, 'waiting', ?, ?, ?) ON CONFLICT(channel, key) DO NOTHING
"""
_FOLLOWING = """
SELECT later.id FROM outbox AS later JOIN outbox AS done ON later.chain = done.chain
WHERE done.id = ? AND later.place > done.place AND later.state = 'waiting' ORDER BY later.place
"""
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
    return [
        Pending(number, msgspec.json.decode(body, type=Message), tries, from_ms(created))
        for number, body, tries, created in rows
    ]


def delivered(db: sqlite3.Connection, number: int, at: datetime) -> None:
    """The channel has it; the receiver's other ways are spared."""
    db.execute("UPDATE outbox SET state = 'delivered', done_at = ? WHERE id = ?", (to_ms(at), number))
    for (later,) in db.execute(_FOLLOWING, (number,)).fetchall():
        db.execute("UPDATE outbox SET state = 'spared', done_at = ? WHERE id = ?", (to_ms(at), later))


def failed(db: sqlite3.Connection, number: int, at: datetime, error: str, retry_at: datetime | None) -> None:
    """An attempt failed: try again at `retry_at`, or give up, keeping it for people to see, and try the next way."""
    text = clean(error, 500)
    if retry_at is None:
        change = (
            "UPDATE outbox SET state = 'given_up', done_at = ?, tries = tries + 1, error = ? WHERE id = ?"
        )
    else:
        change = "UPDATE outbox SET due_at = ?, leased_until = 0, tries = tries + 1, error = ? WHERE id = ?"
    db.execute(change, (to_ms(retry_at or at), text, number))
    following = db.execute(_FOLLOWING, (number,)).fetchone() if retry_at is None else None
    if following:
        db.execute("UPDATE outbox SET due_at = min(due_at, ?) WHERE id = ?", (to_ms(at), *following))


def deliveries(db: sqlite3.Connection, incident: int) -> list[Delivery]:
    """Return the delivery log of an incident, oldest first."""
    rows = db.execute(
        "SELECT id, channel, key, body, state, tries, error, created_at, due_at, done_at"
        " FROM outbox WHERE incident_id = ? ORDER BY id",
        (incident,),
    ).fetchall()
    return [_delivery(*row) for row in rows]


def _delivery(
    number: int,
    channel: str,
    key: str,
    body: str,
    state: str,
    tries: int,
    error: str,
    created: int,
    due: int,
    done: int | None,
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
    )
