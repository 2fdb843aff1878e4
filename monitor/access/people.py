"""Looking after users and their tokens: what an administrator and the command line do."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from monitor.access import keys
from monitor.access.passwords import Passwords, must_be_strong, one_time
from monitor.access.permission import MAY, Role
from monitor.access.scope import EVERYWHERE, Scope
from monitor.ledger import Ledger, factors, tokens, users
from monitor.ledger.tokens import Token
from monitor.ledger.users import LOCAL, User

MAX_USERS = 5000
MAX_TOKENS = 50
"""Tokens of one user."""
LONGEST_TOKEN = timedelta(days=366)
NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")


class Impossible(ValueError):
    """What is asked cannot be done; the text says why and what can, in English."""


class People:
    """Users and tokens of a ledger."""

    def __init__(self, ledger: Ledger, passwords: Passwords, now: Callable[[], datetime]) -> None:
        self._ledger = ledger
        self._passwords = passwords
        self._now = now

    @property
    def everybody(self) -> list[User]:
        """Everybody, in the order of their names."""
        return list(self._ledger.access.known.users.values())

    def named(self, name: str) -> User:
        """Return who signs in with `name`. Raises `Impossible`."""
        user = self._ledger.access.named(plain_name(name))
        if user is None:
            raise Impossible(f"there is no user {name!r}")
        return user

    def numbered(self, number: int) -> User:
        """Return the user with an id. Raises `Impossible`."""
        user = self._ledger.access.known.users.get(number)
        if user is None:
            raise Impossible(f"there is no user {number}")
        return user

    async def add(
        self,
        name: str,
        role: Role,
        who: str,
        *,
        scope: Scope = EVERYWHERE,
        title: str = "",
        password: str = "",
    ) -> str:
        """Add somebody and return their one-time password, a fresh one unless given. Raises `Impossible`."""
        name = plain_name(name)
        if not NAME.fullmatch(name):
            raise Impossible(
                "a name has 1 to 64 of a-z, 0-9, dot, hyphen, underscore, @, and begins with a-z or 0-9"
            )
        if len(self._ledger.access.known.users) >= MAX_USERS:
            raise Impossible(f"there are {MAX_USERS} users already")
        if self._ledger.access.named(name) is not None:
            raise Impossible(f"there is a user {name!r} already")
        password = password or one_time()
        digest = await self._passwords.digest(password)
        add = partial(users.add, name=name, role=role, at=self._now(), who=who, scope=scope)
        await self._ledger.access.change(partial(add, title=title[:100], password=digest))
        return password

    async def reset(self, user: User, who: str) -> str:
        """Give somebody a one-time password and return it; their sessions end. Raises `Impossible`."""
        if user.source != LOCAL:
            raise Impossible(f"the password of {user.name} is kept by {user.source}")
        password = one_time()
        digest = await self._passwords.digest(password)
        given = partial(users.set_password, user=user, digest=digest, at=self._now(), who=who)
        await self._ledger.access.change(partial(given, must_change=True))
        return password

    async def choose(self, user: User, password: str) -> None:
        """Give somebody the password that they chose; their sessions end. Raises `passwords.Weak`."""
        must_be_strong(password, user.name)
        digest = await self._passwords.digest(password)
        given = partial(users.set_password, user=user, digest=digest, at=self._now(), who=user.name)
        await self._ledger.access.change(partial(given, must_change=False))

    async def set_role(self, user: User, role: Role, scope: Scope, who: str) -> None:
        """Give somebody another role or scope; their sessions end. Raises `Impossible` for the last admin."""
        if (role, scope) == (user.role, user.scope):
            return
        if role is not Role.ADMIN or not scope.is_everywhere:
            self._must_not_be_last(user)
        change = partial(users.set_role, user=user, role=role, scope=scope, at=self._now(), who=who)
        await self._ledger.access.change(change)

    async def set_disabled(self, user: User, disabled: bool, who: str) -> None:
        """Let somebody in no more, or again; their sessions end. Raises `Impossible` for the last admin."""
        if disabled:
            self._must_not_be_last(user)
        change = partial(users.set_disabled, user=user, disabled=disabled, at=self._now(), who=who)
        await self._ledger.access.change(change)

    async def remove_factors(self, user: User, who: str) -> None:
        """Let somebody sign in without any second factor: the phone is gone, and the recovery codes too."""
        await self._ledger.access.change(partial(factors.remove_all, user=user, at=self._now(), who=who))

    def tokens_of(self, user: User) -> list[Token]:
        """Return somebody's tokens, those that ended too, the newest first."""
        return [token for token in self._ledger.access.known.tokens.values() if token.user == user.id]

    async def add_token(
        self, user: User, title: str, role: Role, scope: Scope, lasting: timedelta, who: str
    ) -> str:
        """Add a token and return it; it can be read now and never again. Raises `Impossible`."""
        if not title.strip() or len(title) > 100:
            raise Impossible("say in at most 100 characters what the token is for")
        if not timedelta(0) < lasting <= LONGEST_TOKEN:
            raise Impossible(f"a token lasts at most {LONGEST_TOKEN.days} days")
        if not MAY[role] <= MAY[user.role]:
            raise Impossible(f"a token of a {user.role} cannot be an {role}")
        if len(self.tokens_of(user)) >= MAX_TOKENS:
            raise Impossible(f"{user.name} has {MAX_TOKENS} tokens; end those that nobody uses")
        key, now = keys.fresh(keys.PREFIX), self._now()
        add = partial(
            tokens.add, digest=keys.digest(key), user=user, title=title.strip(), role=role, scope=scope
        )
        await self._ledger.access.change(partial(add, at=now, until=now + lasting, who=who))
        return key

    async def end_token(self, user: User, number: int, who: str) -> None:
        """End a token. Raises `Impossible` when the user has no such."""
        token = next((one for one in self.tokens_of(user) if one.id == number), None)
        if token is None:
            raise Impossible(f"{user.name} has no token {number}")
        await self._ledger.access.change(partial(tokens.end, token=token, user=user, at=self._now(), who=who))

    def _must_not_be_last(self, user: User) -> None:
        others = (one for one in self.everybody if one.id != user.id and _administers(one))
        if _administers(user) and next(others, None) is None:
            raise Impossible(f"{user.name} is the only admin; make another one first")


def plain_name(name: str) -> str:
    """Return a name as it is compared: no letter of another alphabet passes for a Latin one unnoticed."""
    return unicodedata.normalize("NFKC", name[:200]).strip().lower()


def _administers(user: User) -> bool:
    return user.role is Role.ADMIN and user.scope.is_everywhere and not user.disabled
