"""What the ledger tells about a day, and the word each morning in the outbox."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta
from functools import partial

import msgspec

from alerts.telling.notification import Telling
from monitor.ledger import leader, outbox
from monitor.ledger.database import Database, to_ms
from monitor.ledger.leader import LedgerLeader

NOTHING = 0
"""Id in the place of an incident of messages that are about none."""
_OPENED = """
SELECT count(*) FROM incidents
WHERE id > 0 AND kind = 'incident' AND json_extract(body, '$.opened_at') >= :start_text
  AND json_extract(body, '$.opened_at') < :end_text
"""
_RESOLVED = """
SELECT count(*) FROM incidents
WHERE id > 0 AND kind = 'incident' AND resolved_at >= :start AND resolved_at < :end
"""
_OPEN = "SELECT count(*) FROM incidents WHERE id > 0 AND kind = 'incident' AND resolved_at IS NULL"
_MESSAGES = """
SELECT state, count(*) FROM outbox
WHERE incident_id > 0 AND done_at >= :start AND done_at < :end GROUP BY state
"""


class Day(msgspec.Struct, frozen=True):
    """What happened in one day, and what is open now."""

    opened: int
    resolved: int
    open_now: int
    told: int
    """Messages delivered."""
    given_up: int
    """Messages that could not be told."""
    absent: timedelta
    """How long no service ran."""


class LedgerMorning:
    """The figures of a day, and the word about them. Methods raise `LedgerError`."""

    def __init__(self, database: Database, leader: LedgerLeader) -> None:
        self._database = database
        self._leader = leader

    async def day(self, start: datetime, end: datetime) -> Day:
        """Return how many incidents and messages there were in a time."""
        return await self._database.read(partial(day, start=start, end=end))

    async def tell_once(self, word: str, telling: Telling, at: datetime) -> bool:
        """Put messages about no incident in the outbox, unless some whose keys begin with `word` were ever there."""
        return await self._leader.write(partial(tell_once, word=word, telling=telling, at=at))


def day(db: sqlite3.Connection, start: datetime, end: datetime) -> Day:
    """Return the figures of a time."""
    asked = {
        "start": to_ms(start),
        "end": to_ms(end),
        "start_text": text(start),
        "end_text": text(end),
    }
    messages = dict(db.execute(_MESSAGES, asked).fetchall())
    away = leader.absences(db, start, end)
    spans = (min(one.back_at, end) - max(one.gone_at, start) for one in away)
    opened, resolved, open_now = (
        int(db.execute(query, asked).fetchone()[0]) for query in (_OPENED, _RESOLVED, _OPEN)
    )
    return Day(
        opened,
        resolved,
        open_now,
        messages.get("delivered", 0),
        messages.get("given_up", 0),
        sum(spans, timedelta(0)),
    )


def text(moment: datetime) -> str:
    """Return a moment as it stands in the JSON of an incident, to compare with."""
    return msgspec.json.decode(msgspec.json.encode(moment), type=str).removesuffix("Z")


def tell_once(db: sqlite3.Connection, word: str, telling: Telling, at: datetime) -> bool:
    """Put messages about no incident in the outbox; none when there ever was one whose key begins with `word`."""
    known = "SELECT 1 FROM outbox WHERE incident_id = ? AND substr(key, 1, ?) = ?"
    if db.execute(known, (NOTHING, len(word), word)).fetchone():
        return False
    outbox.put(db, NOTHING, at, telling)
    return True


def prune(db: sqlite3.Connection, before: datetime) -> None:
    """Forget messages about no incident that are done with."""
    db.execute("DELETE FROM outbox WHERE incident_id = 0 AND done_at < ?", (to_ms(before),))
