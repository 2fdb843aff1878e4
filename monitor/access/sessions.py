"""Sessions and tokens: who a key belongs to, as long as it holds."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from functools import partial

import msgspec

from monitor.access import keys
from monitor.access.permission import Role
from monitor.access.reader import Reader, reader_of_session, reader_of_token
from monitor.ledger import Ledger, sessions, users
from monitor.ledger.sessions import Session
from monitor.ledger.users import User

NOTED = timedelta(minutes=5)
"""The last use of a session or a token is noted so often at most: each note is a durable write."""
MAX_AGENT = 200
PASSWORD = "password"  # noqa: S105  how somebody proved who they are


class Caller(msgspec.Struct, frozen=True):
    """Where a request comes from, as people recognise it."""

    address: str
    agent: str = ""
    """The browser, by its own word."""
    browser: str = ""
    """What the browser remembers of an earlier sign-in."""


class Begun(msgspec.Struct, frozen=True):
    """A session that has begun; its keys are known to the browser only."""

    key: str
    browser: str
    user: User


class Sessions:
    """Begins, recognises and ends sessions; recognises tokens. Nothing here waits unless it changes something."""

    def __init__(
        self,
        ledger: Ledger,
        now: Callable[[], datetime],
        idle: timedelta,
        longest: timedelta,
        demanded: Collection[Role] = (),
    ) -> None:
        """A session ends `idle` after its last use, and `longest` after its begin; `demanded` want a second factor."""
        self._demanded = frozenset(demanded)
        self._ledger = ledger
        self._now = now
        self._idle = idle
        self._longest = longest
        self._noted = min(NOTED, idle / 4)

    def of_session(self, key: str) -> Reader | None:
        """Return who has the session `key`, and note its use; `None` when it holds no longer."""
        session = self._ledger.access.known.sessions.get(keys.digest(key)) if key else None
        if session is None or not self._holds(session):
            return None
        user = self._ledger.access.known.users.get(session.user)
        if user is None or user.disabled:
            return None
        if self._now() - session.seen_at > self._noted:
            self._ledger.access.note_session(session, self._now())
        return reader_of_session(user, session, must_enrol=self._lacks_factor(user, session))

    def _lacks_factor(self, user: User, session: Session) -> bool:
        """Whether a second factor is demanded of `user`, who began this session by a password and has none.

        Who has codes began with one, or set them up in this session; passkeys are two factors, and a provider asks
        for its own.
        """
        has_codes = user.id in self._ledger.access.known.factors.totp
        return user.role in self._demanded and session.method.startswith(PASSWORD) and not has_codes

    def of_token(self, key: str) -> Reader | None:
        """Return who has the token `key`, and note its use; `None` when it holds no longer."""
        token = self._ledger.access.known.tokens.get(keys.digest(key)) if key else None
        if token is None or token.expires_at <= self._now():
            return None
        user = self._ledger.access.known.users.get(token.user)
        if user is None or user.disabled or user.must_change:
            return None
        if token.used_at is None or self._now() - token.used_at > self._noted:
            self._ledger.access.note_token(token, self._now())
        return reader_of_token(user, token)

    def of_user(self, user: User) -> list[Session]:
        """Return the sessions of somebody that hold, the newest first."""
        known = self._ledger.access.known.sessions.values()
        return [session for session in known if session.user == user.id and self._holds(session)]

    def knows_browser(self, caller: Caller, user: User | None) -> bool:
        """Whether `user` has signed in with this browser before."""
        if user is None or not caller.browser:
            return False
        return self._ledger.access.known.browsers.get(keys.digest(caller.browser)) == user.id

    async def begin(self, user: User, method: str, caller: Caller) -> Begun:
        """Begin a session, always with a new key. `method` says how they proved who they are."""
        key, now = keys.fresh(), self._now()
        known = self.knows_browser(caller, user)
        browser = caller.browser if known else keys.fresh()

        def work(db: sqlite3.Connection) -> None:
            sessions.add(db, keys.digest(key), user, method, caller.address, caller.agent[:MAX_AGENT], now)
            users.signed_in(db, user, now, f"{method} from {caller.address}")
            if not known:
                sessions.add_browser(db, keys.digest(browser), user, now)

        await self._ledger.access.change(work)
        return Begun(key, browser, user)

    async def end(self, session: Session, who: str) -> None:
        """End a session."""
        user = self._ledger.access.known.users.get(session.user)
        await self._ledger.access.change(partial(sessions.end, number=session.id))
        name = user.name if user else ""
        await self._ledger.audit.add(self._now(), who, "session ended", name, session.address)

    async def prune(self) -> None:
        """Forget sessions that hold no longer."""
        now = self._now()
        await self._ledger.access.change(
            partial(sessions.prune, created=now - self._longest, used=now - self._idle)
        )

    def _holds(self, session: Session) -> bool:
        now = self._now()
        return now - session.created_at < self._longest and now - session.seen_at < self._idle
