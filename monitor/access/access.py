"""Access as the pages are given it: the way in, sessions, people; and the first administrator of a new installation."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.access.codes import Codes
from monitor.access.oidc import Oidc
from monitor.access.passkeys import Passkeys
from monitor.access.passwords import Passwords, one_time
from monitor.access.people import People
from monitor.access.permission import Role
from monitor.access.seal import Seal
from monitor.access.sessions import Sessions
from monitor.access.settings import SessionSettings
from monitor.access.sign_in import SignIn
from monitor.ledger import Ledger
from monitor.ledger.users import User

if TYPE_CHECKING:  # its library takes long to import, and few have a directory
    from monitor.access.directory import Directory

FIRST = "admin"
FIRST_PASSWORD = "admin-password"  # noqa: S105  the name of a file
KEY = "access.key"
"""File with the key that seals second factors."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Access:
    """What the pages need to know who somebody is."""

    sessions: Sessions
    sign_in: SignIn
    people: People
    codes: Codes
    passkeys: Passkeys
    first_password: Path
    """File with the one-time password of the first administrator, until they choose their own."""
    oidc: Oidc | None = None
    """Single sign-on, where the settings name a provider."""

    def forget_password_of(self, user: User) -> None:
        """Delete the file when it is that of `user`: the password in it is used up."""
        if user.name == FIRST:
            self.first_password.unlink(missing_ok=True)


@asynccontextmanager
async def open_access(
    ledger: Ledger,
    data: Path,
    settings: SessionSettings,
    now: Callable[[], datetime],
    *,
    oidc: Oidc | None = None,
    directory: Directory | None = None,
    demanded: Collection[Role] = (),
) -> AsyncIterator[Access]:
    """Yield access; a ledger without users gets the first administrator. Of the roles `demanded` two factors are."""
    with Passwords() as passwords:
        idle, longest = timedelta(seconds=settings.idle), timedelta(seconds=settings.longest)
        sessions = Sessions(ledger, now, idle, longest, demanded)
        people, codes = People(ledger, passwords, now), Codes(ledger, Seal(data / KEY), now)
        sign_in = SignIn(ledger, sessions, passwords, codes, now, directory)
        access = Access(sessions, sign_in, people, codes, Passkeys(ledger, now), data / FIRST_PASSWORD, oidc)
        if not people.everybody:
            await _first(access)
        await sessions.prune()
        yield access


async def _first(access: Access) -> None:
    """Make the first administrator; the file is written first, so that nobody has a password that none can read."""
    path, password = access.first_password, one_time()
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"{password}\n")
    await access.people.add(FIRST, Role.ADMIN, "first start", password=password)
    log.warning(
        "the first administrator was made; the password in the file serves once",
        extra={"user": FIRST, "password_file": str(path)},
    )
