"""Messages that must be told: stored with their step, claimed for a while, delivered or given up."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

import msgspec

from alerts.telling.digest import is_digest
from alerts.telling.notification import Message, Pending, Receiver, Telling
from monitor.ledger import channels
from monitor.ledger.database import Database, from_ms, to_ms
from monitor.ledger.leader import LedgerLeader
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
_OTHERS = """
SELECT other.id FROM outbox AS other JOIN outbox AS done ON other.chain = done.chain
WHERE (done.id = ? OR done.digest = ?) AND other.id <> done.id AND other.state = 'waiting'
  AND (other.place > done.place OR other.digest IS NULL)
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


class LedgerOutbox:
    """Implements `alerts.telling.outbox.Outbox`. Methods raise `LedgerError`."""

    def __init__(self, database: Database, leader: LedgerLeader, lease: timedelta) -> None:
        self._database = database
        self._leader = leader
        self._lease = lease

    async def claim(self, now: datetime, limit: int) -> list[Pending]:
        """Return messages that are due, oldest first; after a lease they come again unless settled.

        A message waits until earlier ones about the same incident on the same channel are settled.
        """
        return await self._leader.write(partial(claim, now=now, limit=limit, lease=self._lease))

    async def holds(self, id: int) -> bool:
        """Whether a claimed message still waits to be told by us. Raises `Deposed` once another service leads."""
        return await self._leader.read(partial(waits, number=id))

    async def delivered(self, id: int, at: datetime, receipt: str = "") -> None:
        """The channel has the message, and calls it `receipt`: that is so even if another service leads meanwhile."""
        await self._database.write(partial(delivered, number=id, at=at, receipt=receipt))

    async def failed(self, id: int, at: datetime, error: str, retry_at: datetime | None) -> None:
        """An attempt failed; `retry_at` is `None` when it is given up."""
        await self._leader.write(partial(failed, number=id, at=at, error=error, retry_at=retry_at))

    async def postponed(self, id: int, until: datetime) -> None:
        """The message was not tried, and comes again at `until`."""
        await self._leader.write(partial(postponed, number=id, until=until))

    async def merge(self, ids: Sequence[int], digest: Message, at: datetime) -> Pending:
        """Let `digest` tell what these waiting messages would; return it, leased as by `claim`."""
        until = at + self._lease
        return await self._leader.write(
            partial(channels.merge, numbers=ids, digest=digest, at=at, leased_until=until)
        )

    async def told_since(self, channel: str, since: datetime) -> list[datetime]:
        """Return when a channel took each message since then; a digest is one."""
        return await self._database.read(partial(channels.told_since, channel=channel, since=since))


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

    Other ways of reaching the same receivers are spared, those that failed before it too.
    """
    told = (to_ms(at), clean(receipt, 200), number)
    db.execute("UPDATE outbox SET state = 'delivered', done_at = ?, receipt = ? WHERE id = ?", told)
    db.execute("UPDATE outbox SET state = 'delivered', done_at = ? WHERE digest = ?", (to_ms(at), number))
    for (other,) in db.execute(_OTHERS, (number, number)).fetchall():
        db.execute("UPDATE outbox SET state = 'spared', done_at = ? WHERE id = ?", (to_ms(at), other))
    channels.works(db, number, at)


def failed(db: sqlite3.Connection, number: int, at: datetime, error: str, retry_at: datetime | None) -> None:
    """An attempt failed: try again at `retry_at`, or give up, keeping it for people to see, and try the next way."""
    text = clean(error, 500)
    if retry_at is None:
        change = (
            "UPDATE outbox SET state = 'given_up', done_at = ?, tries = tries + 1, error = ?"
            " WHERE (id = ? OR digest = ?) AND state = 'waiting'"
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


def shift(db: sqlite3.Connection, step: timedelta, before: datetime) -> None:
    """Let what waits since `before` or longer be due so much later: the clock was set by `step`."""
    db.execute(
        "UPDATE outbox SET due_at = due_at + :step, leased_until = iif(leased_until, leased_until + :step, 0)"
        " WHERE state = 'waiting' AND created_at <= :before",
        {"step": step // timedelta(milliseconds=1), "before": to_ms(before)},
    )


def postponed(db: sqlite3.Connection, number: int, until: datetime) -> None:
    """It was not tried: it comes again at `until`."""
    db.execute("UPDATE outbox SET due_at = ?, leased_until = 0 WHERE id = ?", (to_ms(until), number))
