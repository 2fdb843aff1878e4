"""Signing in with name and password: the same answer for whoever is wrong, and slow for whoever guesses."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from monitor.access.codes import Codes
from monitor.access.passwords import Passwords
from monitor.access.people import plain_name
from monitor.access.pool import Busy
from monitor.access.sessions import PASSWORD, Begun, Caller, Sessions
from monitor.access.settings import RoleOfGroup
from monitor.access.throttle import NAME_AND_PLACE, PLACE, Key, Limit, Throttle
from monitor.access.vouched import DirectoryAway, Newcomers, NoRole, Vouched
from monitor.access.waiting import Waiting
from monitor.ledger import Ledger, users
from monitor.ledger.users import User

if TYPE_CHECKING:  # its library takes long to import, and few have a directory
    from monitor.access.directory import Directory

DIRECTORY = "ldap"
_BUSY = 2.0
"""Seconds to wait when too many sign in at once."""


class Refused(Exception):
    """Name or password are wrong, or the user may not sign in; nobody is told which."""


class TooMany(Exception):
    """Not now; `seconds` says when again."""

    def __init__(self, seconds: float) -> None:
        super().__init__("too many attempts")
        self.seconds = seconds


class CodeWanted(Exception):
    """The password was right, and a code is wanted too; `key` stands for the password meanwhile."""

    def __init__(self, key: str, *, wrong: bool = False) -> None:
        super().__init__("a code is wanted")
        self.key = key
        self.wrong = wrong


class SignIn:
    """The way in for people with a password, and with a code where they want one."""

    def __init__(
        self,
        ledger: Ledger,
        sessions: Sessions,
        passwords: Passwords,
        codes: Codes,
        now: Callable[[], datetime],
        directory: Directory | None = None,
    ) -> None:
        self._directory = directory
        self._newcomers = Newcomers(ledger, now)
        self._codes = codes
        self._waiting = Waiting(now)
        self._ledger = ledger
        self._sessions = sessions
        self._passwords = passwords
        self._now = now
        self._throttle = Throttle()

    async def sign_in(self, name: str, password: str, caller: Caller) -> Begun:
        """Begin a session. Raises `Refused`, `TooMany`, `CodeWanted`."""
        user = await self.prove(name, password, caller)
        return await self.enter(user, PASSWORD, caller)

    async def enter(self, user: User, method: str, caller: Caller) -> Begun:
        """Begin a session of somebody who proved who they are. Raises `CodeWanted`."""
        if self._codes.wants(user):
            raise CodeWanted(self._waiting.add(user, method))
        return await self._sessions.begin(user, method, caller)

    async def finish(self, key: str, code: str, caller: Caller) -> Begun:
        """Begin a session of whoever showed a password before and now the code.

        Raises `Refused` for one that came too late, `CodeWanted` again for a wrong code, `TooMany`.
        """
        waiting = self._waiting.of(key)
        if waiting is None:
            raise Refused
        user = self._ledger.access.known.users.get(waiting.user.id)
        if user is None or user.disabled:
            raise Refused
        try:
            await self.prove_code(user, code, caller)
        except Refused:
            raise CodeWanted(key, wrong=True) from None
        self._waiting.remove(key)
        return await self._sessions.begin(user, f"{waiting.method} and code", caller)

    async def prove_code(self, user: User, code: str, caller: Caller) -> None:
        """Use up a code of `user`. Raises `Refused`, `TooMany`."""
        limit = self._code_limit(user, caller)
        async with self._throttle.turn(limit):
            self._must_be_open({limit: NAME_AND_PLACE})
            if not await self._codes.fits(user, code):
                await self._failed(user.name, caller, {limit: NAME_AND_PLACE})
                raise Refused
            self._throttle.succeed(limit)

    def _code_limit(self, user: User, caller: Caller) -> Key:
        """Return what wrong codes close: everywhere, for whoever tries has the password already."""
        known = self._sessions.knows_browser(caller, user)
        return ("code", user.name, caller.browser if known else "")

    async def prove(self, name: str, password: str, caller: Caller) -> User:
        """Return who it is. Raises `Refused`, `TooMany`, `DirectoryAway`."""
        name = plain_name(name)[:64]
        user = self._ledger.access.named(name)
        limits = self._limits(name, user, caller)
        async with self._throttle.turn(next(iter(limits))):
            return await self._proven(name, user, password, caller, limits)

    async def _proven(
        self, name: str, user: User | None, password: str, caller: Caller, limits: dict[Key, Limit]
    ) -> User:
        self._must_be_open(limits)
        try:
            proven = await self._who(name, user, password)
        except DirectoryAway:
            await self._failed(name, caller, limits)  # a guess of a local password too is one that counts
            raise
        if proven is None:
            await self._failed(name, caller, limits)
            raise Refused
        self._throttle.succeed(next(iter(limits)))
        return proven

    async def _who(self, name: str, user: User | None, password: str) -> User | None:
        """Return who it is. To refuse is the same work for every name: a digest, and the directory if there is one."""
        local = user if user is None or user.source != DIRECTORY else None
        if await self._fits(local, password):
            return local
        if self._directory is None:
            return None
        if local is None:
            return await self._in_directory(self._directory, name, password)
        await self._not_in_directory(self._directory, name, password)
        return None

    async def _not_in_directory(self, directory: Directory, name: str, password: str) -> None:
        try:
            await directory.refuse(name, password)
        except Busy as error:
            raise TooMany(_BUSY) from error

    async def _in_directory(self, directory: Directory, name: str, password: str) -> User | None:
        """Return whom the directory knows by that name and password; `None` for nobody with a role here."""
        try:
            said = await directory.prove(name, password)
            return await self._newcomers.admit(said, directory.settings.roles) if said else None
        except Busy as error:
            raise TooMany(_BUSY) from error
        except NoRole:
            return None

    async def vouched(self, said: Vouched, roles: Sequence[RoleOfGroup], caller: Caller) -> Begun:
        """Begin a session of somebody whom a provider vouches for. Raises `Refused`."""
        try:
            user = await self._newcomers.admit(said, roles)
        except NoRole as error:
            await self._ledger.audit.add(
                self._now(), said.source, "sign-in refused", said.name[:64], str(error)[:200]
            )
            raise Refused from error
        return await self._sessions.begin(user, said.source, caller)

    async def again(self, user: User, password: str, caller: Caller) -> None:
        """Let somebody who is signed in prove it again. Raises `Refused`, `TooMany`."""
        if (await self.prove(user.name, password, caller)).id != user.id:
            raise Refused  # the directory gave the name to somebody else

    async def _fits(self, user: User | None, password: str) -> bool:
        digest = user.password.reveal() if user else ""
        try:
            fits = await self._passwords.fits(digest, password)
            if fits and user and self._passwords.is_old(digest):
                fresh = await self._passwords.digest(password)
                await self._ledger.access.change(partial(users.rehash, user=user, digest=fresh))
        except Busy as error:
            raise TooMany(_BUSY) from error
        return fits and user is not None and not user.disabled

    def _limits(self, name: str, user: User | None, caller: Caller) -> dict[Key, Limit]:
        """Return what may be closed for this attempt; a browser that is known answers for itself alone."""
        if self._sessions.knows_browser(caller, user):
            return {("browser", name, caller.browser): NAME_AND_PLACE}
        place = _place(caller.address)
        return {("name", name, place): NAME_AND_PLACE, ("place", place): PLACE}

    def _must_be_open(self, limits: dict[Key, Limit]) -> None:
        now = self._now()
        closed = max(self._throttle.closed_for(key, now) for key in limits)
        if closed:
            raise TooMany(closed)

    async def _failed(self, name: str, caller: Caller, limits: dict[Key, Limit]) -> None:
        now = self._now()
        closed = [self._throttle.fail(key, limit, now) for key, limit in limits.items()]
        if any(closed):
            what = "sign-in refused again and again"
            await self._ledger.audit.add(now, "", what, name if closed[0] else "", caller.address)


def _place(address: str) -> str:
    """Return what counts as one place: an address, or the network that one subscriber has of IPv6."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else str(found)
