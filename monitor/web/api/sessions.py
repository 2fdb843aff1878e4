"""Where somebody is signed in, for programs: list, and end."""

from __future__ import annotations

from datetime import datetime

import msgspec
from aiohttp import web

from monitor.ledger.users import User
from monitor.web.route import reader_of
from monitor.web.sign_in import access_of
from monitor.web.view import NoSuch


class SessionOut(msgspec.Struct, frozen=True):
    """A browser that is signed in."""

    id: int
    method: str
    """How they proved who they are."""
    address: str
    agent: str
    """The browser, by its own word."""
    created_at: datetime
    seen_at: datetime
    this: bool
    """Whether it is the one that asks."""


class SessionsOut(msgspec.Struct, frozen=True):
    """Sessions that hold, the newest first."""

    sessions: tuple[SessionOut, ...]


def sessions_out(request: web.Request, user: User) -> SessionsOut:
    """Return where `user` is signed in."""
    own = reader_of(request).session
    return SessionsOut(
        tuple(
            SessionOut(
                one.id,
                one.method,
                one.address,
                one.agent,
                one.created_at,
                one.seen_at,
                own is not None and one.id == own.id,
            )
            for one in access_of(request).sessions.of_user(user)
        )
    )


async def ended(request: web.Request, user: User) -> None:
    """End the session of `user` that the address names. Raises 404."""
    number, sessions = int(request.match_info["id"]), access_of(request).sessions
    session = next((one for one in sessions.of_user(user) if one.id == number), None)
    if session is None:
        raise NoSuch(f"{user.name} has no session {number}")
    await sessions.end(session, reader_of(request).name)
