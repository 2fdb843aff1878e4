"""Messages that must be told: stored with their step, claimed for a while, delivered or given up."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from alerts.incident import Step
from alerts.notification import Message, Pending
from monitor.ledger.database import from_ms, to_ms
from probes.core.text import clean

_CLAIM = """
UPDATE outbox SET leased_until = :until WHERE id IN (
    SELECT id FROM outbox AS due
    WHERE state = 'waiting' AND (due_at <= :now OR due_at > :latest) AND (leased_until <= :now OR leased_until > :until)
      AND NOT EXISTS (  -- "resolved" must not overtake "opened" on its way to the same people
        SELECT 1 FROM outbox AS earlier
        WHERE earlier.incident_id = due.incident_id AND earlier.channel = due.channel AND earlier.id < due.id
          AND earlier.state = 'waiting')
    ORDER BY id LIMIT :limit)
RETURNING id, body, tries, created_at
"""
_INSERT = """
INSERT INTO outbox(incident_id, channel, key, state, created_at, due_at, body)
VALUES (?, ?, ?, 'waiting', ?, ?, ?) ON CONFLICT(channel, key) DO NOTHING
"""


LONGEST_PAUSE = timedelta(hours=2)
"""No message waits longer for its next attempt: the dispatcher's longest pause is an hour."""


class DeliveryState(StrEnum):
    """What became of a message."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


class Delivery(msgspec.Struct, frozen=True):
    """One line of the delivery log; times are aware UTC."""

    id: int
    channel: str
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


def put(db: sqlite3.Connection, incident: int, at: datetime, messages: Iterable[Message]) -> None:
    """Add `messages`; one whose key its channel already has is ignored."""
    now = to_ms(at)
    rows = [
        (incident, message.channel, message.key, now, now, msgspec.json.encode(message).decode())
        for message in messages
    ]
    db.executemany(_INSERT, rows)


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


def waits(db: sqlite3.Connection, number: int) -> bool:
    """Whether nobody has told a message yet, nor given it up."""
    query = "SELECT 1 FROM outbox WHERE id = ? AND state = 'waiting'"
    return db.execute(query, (number,)).fetchone() is not None


def delivered(db: sqlite3.Connection, number: int, at: datetime) -> None:
    """The channel has it."""
    db.execute("UPDATE outbox SET state = 'delivered', done_at = ? WHERE id = ?", (to_ms(at), number))


def failed(db: sqlite3.Connection, number: int, at: datetime, error: str, retry_at: datetime | None) -> None:
    """An attempt failed: try again at `retry_at`, or give up, keeping it for people to see."""
    text = clean(error, 500)
    if retry_at is None:
        change = (
            "UPDATE outbox SET state = 'given_up', done_at = ?, tries = tries + 1, error = ? WHERE id = ?"
        )
    else:
        change = "UPDATE outbox SET due_at = ?, leased_until = 0, tries = tries + 1, error = ? WHERE id = ?"
    db.execute(change, (to_ms(retry_at or at), text, number))


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
