"""Which devices have ever answered: one line a device, written once."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping
from datetime import datetime
from functools import partial

from monitor.ledger.database import Database, LedgerError, from_ms, to_ms

log = logging.getLogger(__name__)


class LedgerAnswered:
    """The devices in memory; a new one is written without anyone waiting for it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._first: dict[str, datetime] = {}

    @property
    def first(self) -> Mapping[str, datetime]:
        """When each device first answered, aware UTC."""
        return self._first

    def learn(self, first: Mapping[str, datetime]) -> None:
        """Replace what is known by what the ledger holds."""
        self._first = dict(first)

    def note(self, device: str, at: datetime) -> None:
        """Remember that a device answered, if that is new."""
        if device not in self._first:
            self._first[device] = at
            self._database.soon(partial(_put, device=device, at=at), partial(self._forget, device))

    def _forget(self, device: str, error: LedgerError) -> None:
        log.warning("a first answer could not be stored; the next one is", extra={"error": str(error)})
        self._first.pop(device, None)


def load(db: sqlite3.Connection) -> dict[str, datetime]:
    """Return when each device first answered."""
    return {device: from_ms(at) for device, at in db.execute("SELECT device, first_at FROM answered")}


def _put(db: sqlite3.Connection, *, device: str, at: datetime) -> None:
    db.execute("INSERT OR IGNORE INTO answered(device, first_at) VALUES (?, ?)", (device, to_ms(at)))
