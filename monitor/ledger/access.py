"""Users, sessions and tokens in memory: every request asks them, and none waits for the file."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import TypeVar

import msgspec

from monitor.ledger import factors, sessions, tokens, users
from monitor.ledger.database import Database, LedgerError
from monitor.ledger.factors import Factors
from monitor.ledger.sessions import Session
from monitor.ledger.tokens import Token
from monitor.ledger.users import User

T = TypeVar("T")

log = logging.getLogger(__name__)


class Known(msgspec.Struct, frozen=True):
    """All that the ledger holds of access."""

    users: Mapping[int, User]
    sessions: dict[str, Session]
    """By digest."""
    tokens: dict[str, Token]
    """By digest."""
    browsers: Mapping[str, int]
    """Whose each remembered browser is, by digest."""
    factors: Factors


class LedgerAccess:
    """What is known, at most a second behind another process. Lives on the event loop."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.known = Known({}, {}, {}, {}, Factors({}, {}, {}))

    def learn(self, known: Known) -> None:
        """Replace what is known by what the ledger holds."""
        self.known = known

    def named(self, name: str) -> User | None:
        """Return who signs in with `name`."""
        return next((user for user in self.known.users.values() if user.name == name), None)

    def subject(self, source: str, subject: str) -> User | None:
        """Return who is called `subject` by `source`."""
        return next(
            (one for one in self.known.users.values() if (one.source, one.subject) == (source, subject)), None
        )

    async def change(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return what `work` returns once its changes are durable and known here. Raises `LedgerError`."""

        def both(db: sqlite3.Connection) -> tuple[T, Known]:
            return work(db), load(db)

        result, known = await self._database.write(both)
        self.learn(known)
        return result

    def note_session(self, session: Session, at: datetime) -> None:
        """Note that a session is used, without waiting."""
        if session.digest in self.known.sessions:
            self.known.sessions[session.digest] = msgspec.structs.replace(session, seen_at=at)
            self._database.soon(partial(sessions.seen, number=session.id, at=at), _missed)

    def note_token(self, token: Token, at: datetime) -> None:
        """Note that a token is used, without waiting."""
        if token.digest in self.known.tokens:
            self.known.tokens[token.digest] = msgspec.structs.replace(token, used_at=at)
            self._database.soon(partial(tokens.used, number=token.id, at=at), _missed)


def load(db: sqlite3.Connection) -> Known:
    """Return all that the ledger holds of access."""
    return Known(users.load(db), sessions.load(db), tokens.load(db), sessions.browsers(db), factors.load(db))


def _missed(error: LedgerError) -> None:
    log.warning("the last use of a session or token could not be noted", extra={"error": str(error)})
