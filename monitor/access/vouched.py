"""People whom others vouch for: they say who somebody is and in which groups, the settings say which role that is."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from functools import partial

import msgspec

from monitor.access.people import MAX_USERS, NAME, plain_name
from monitor.access.scope import parse_scope
from monitor.access.settings import RoleOfGroup
from monitor.ledger import Ledger, users
from monitor.ledger.users import User

EVERYBODY = "*"


class Vouched(msgspec.Struct, frozen=True):
    """What is said of somebody."""

    source: str
    """Who says it: ``oidc``, ``ldap``."""
    subject: str
    """What never changes about them there."""
    name: str
    """What they call themselves there; only a wish, for it may be taken here."""
    title: str
    groups: Collection[str]


class DirectoryAway(Exception):
    """No server of the directory answers as it should; the text says why, without any password."""


class NoRole(Exception):
    """Somebody who is known there has no role here, or is not let in."""


class Newcomers:
    """Makes users of people whom others vouch for, and keeps their roles as their groups are."""

    def __init__(self, ledger: Ledger, now: Callable[[], datetime]) -> None:
        self._ledger = ledger
        self._now = now

    async def admit(self, said: Vouched, roles: Sequence[RoleOfGroup]) -> User:
        """Return the user of somebody, made or given another role where needed. Raises `NoRole`."""
        groups = {EVERYBODY, *(group.casefold() for group in said.groups)}
        fits = next((one for one in roles if one.group.casefold() in groups), None)
        user = self._ledger.access.subject(said.source, said.subject)
        if fits is None or (user is not None and user.disabled):
            raise NoRole(f"{said.name} is known to {said.source} and has no role here")
        scope, at = parse_scope(fits.sites), self._now()
        if user is None:
            return await self._add(said, fits)
        if (user.role, user.scope) != (fits.role, scope):
            change = partial(users.set_role, user=user, role=fits.role, scope=scope, at=at, who=said.source)
            await self._ledger.access.change(change)
        return self._ledger.access.known.users[user.id]

    async def _add(self, said: Vouched, fits: RoleOfGroup) -> User:
        if len(self._ledger.access.known.users) >= MAX_USERS:
            raise NoRole("there are too many users")
        name, scope = self._free_name(said), parse_scope(fits.sites)

        def work(db: sqlite3.Connection) -> int:
            return users.add(
                db,
                name,
                fits.role,
                self._now(),
                said.source,
                scope=scope,
                title=said.title[:100],
                source=said.source,
                subject=said.subject,
            )

        number = await self._ledger.access.change(work)
        return self._ledger.access.known.users[number]

    def _free_name(self, said: Vouched) -> str:
        """Return a name that nobody has: a local user is never taken over by whoever is called the same elsewhere."""
        wish = plain_name(said.name)
        wish = wish if NAME.fullmatch(wish) and len(wish) < 48 else f"{said.source}-user"
        names = (wish, *(f"{wish}.{said.source}{number or ''}" for number in range(MAX_USERS)))
        return next(name for name in names if self._ledger.access.named(name) is None)
