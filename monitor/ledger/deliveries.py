"""The delivery log: what became of every message."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from enum import StrEnum
from functools import partial

import msgspec

from alerts.incident import Step
from alerts.telling.notification import Message
from monitor.ledger.database import Database, from_ms

_LINE = """
SELECT id, incident_id, channel, key, body, state, tries, error, created_at, due_at, done_at, digest FROM outbox
"""


class DeliveryState(StrEnum):
    """What became of a message."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"
    SPARED = "spared"
    """The receiver was reached by another way."""


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


class LedgerDeliveries:
    """The delivery log. Methods raise `LedgerError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, incident: int) -> list[Delivery]:
        """Return the delivery log of an incident, oldest first."""
        return await self._database.read(partial(of, incident=incident))

    async def latest(
        self,
        *,
        channel: str | None = None,
        state: DeliveryState | None = None,
        limit: int = 100,
        before_id: int | None = None,
    ) -> list[Delivery]:
        """Return at most `limit` (1..1000) lines of the delivery log, newest first; `before_id` pages on."""
        limit = min(max(limit, 1), 1000)
        return await self._database.read(
            partial(latest, channel=channel, state=state, limit=limit, before=before_id)
        )


def of(db: sqlite3.Connection, incident: int) -> list[Delivery]:
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
