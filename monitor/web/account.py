"""One's own account: the password, where one is signed in, tokens for programs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from aiohttp import web

from monitor.access.passwords import Weak
from monitor.access.people import Impossible
from monitor.access.permission import MAY, Permission, Role
from monitor.access.pool import Busy
from monitor.access.scope import parse_scope
from monitor.access.sessions import PASSWORD, Begun
from monitor.access.sign_in import Refused, TooMany
from monitor.ledger.users import LOCAL, User
from monitor.web.forms import Frame, fields
from monitor.web.route import Route, reader_of
from monitor.web.sign_in import access_of, caller, entered
from monitor.web.view import NoSuch

MAX_BODY = 8192
DAYS = (7, 30, 90, 180, 365)
"""What a token may last, to choose from."""


class AccountPages:
    """The handlers."""

    def __init__(self, frame: Frame) -> None:
        """`frame` makes whole pages of templates."""
        self._frame = frame

    def routes(self) -> list[Route]:
        """Return every route."""
        own, number = Permission.ACCOUNT, r"{id:\d{1,15}}"
        return [
            Route("GET", "/account", self.open, own),
            Route("GET", "/account/password", self.password, own, begins=True),
            Route("POST", "/account/password", self.change_password, own, max_body=MAX_BODY, begins=True),
            Route("POST", f"/account/sessions/{number}/end", self.end_session, own, max_body=MAX_BODY),
            Route("POST", "/account/tokens", self.add_token, own, max_body=MAX_BODY),
            Route("POST", f"/account/tokens/{number}/end", self.end_token, own, max_body=MAX_BODY),
        ]

    async def open(self, request: web.Request) -> web.Response:
        """``GET /account``."""
        if user_of(request).must_change:
            raise web.HTTPSeeOther("/account/password")
        return await self._page(request)

    async def password(self, request: web.Request) -> web.Response:
        """``GET /account/password``: the form."""
        _must_be_local(user_of(request))
        return await self._password_page(request)

    async def change_password(self, request: web.Request) -> web.StreamResponse:
        """``POST /account/password``: with the present one again; every other session ends, this one gets a new key."""
        user, form = user_of(request), await fields(request)
        _must_be_local(user)
        if form.get("new", "") != form.get("again", ""):
            return await self._password_page(request, "differ")
        if form.get("new") == form.get("old"):
            return await self._password_page(request, "same")
        try:
            begun = await changed_password(request, user, form.get("old", ""), form.get("new", ""))
        except Refused:
            return await self._password_page(request, "refused")
        except Weak:
            return await self._password_page(request, "weak")
        except (TooMany, Busy):
            return await self._password_page(request, "wait", 429)
        return entered(request, begun, "/account")

    async def end_session(self, request: web.Request) -> web.StreamResponse:
        """``POST /account/sessions/{id}/end``."""
        access, user = access_of(request), user_of(request)
        mine = {session.id: session for session in access.sessions.of_user(user)}
        session = mine.get(int(request.match_info["id"]))
        if session is None:
            raise NoSuch("there is no such session of yours")
        await access.sessions.end(session, user.name)
        raise web.HTTPSeeOther("/account")

    async def add_token(self, request: web.Request) -> web.StreamResponse:
        """``POST /account/tokens``: make one and show it, this once."""
        access, user, form = access_of(request), user_of(request), await fields(request)
        try:
            role, scope = Role(form.get("role", "")), parse_scope(form.get("scope", ""))
            lasting = timedelta(days=int(form.get("days", "0")[:4]))
            key = await access.people.add_token(user, form.get("title", ""), role, scope, lasting, user.name)
        except (Impossible, ValueError) as error:
            return await self._page(request, {"trouble": str(error)}, 422)
        return await self._page(request, {"key": key})

    async def end_token(self, request: web.Request) -> web.StreamResponse:
        """``POST /account/tokens/{id}/end``."""
        access, user = access_of(request), user_of(request)
        try:
            await access.people.end_token(user, int(request.match_info["id"]), user.name)
        except Impossible as error:
            raise NoSuch(str(error)) from error
        raise web.HTTPSeeOther("/account")

    async def _page(
        self, request: web.Request, more: Mapping[str, object] | None = None, status: int = 200
    ) -> web.Response:
        access, user = access_of(request), user_of(request)
        values = {
            "page": "account",
            "user": user,
            "sessions": access.sessions.of_user(user),
            "tokens": access.people.tokens_of(user),
            "roles": [role for role in Role if MAY[role] <= MAY[user.role]],
            "days": DAYS,
            "local": user.source == LOCAL,
            "second": access.codes.wants(user),
            "passkeys": access.passkeys.of(user),
            "key": "",
            "trouble": "",
            **(more or {}),
        }
        return await self._frame(request, "account", values, status)

    async def _password_page(
        self, request: web.Request, trouble: str = "", status: int | None = None
    ) -> web.Response:
        values = {"page": "account", "user": user_of(request), "trouble": trouble}
        return await self._frame(request, "password", values, status or (422 if trouble else 200))


def user_of(request: web.Request) -> User:
    """Return who is signed in. Raises 404 where there is no login."""
    user = reader_of(request).user
    if user is None:
        raise NoSuch("there is no login here; web.login in the settings switches it on")
    return user


async def changed_password(request: web.Request, user: User, old: str, new: str) -> Begun:
    """Let `user` have another password, and return the session that goes on; all others end.

    Raises `Refused` when `old` is not theirs, `Weak`, `TooMany`, `Busy`.
    """
    access, session = access_of(request), reader_of(request).session
    await access.sign_in.again(user, old, caller(request))
    await access.people.choose(user, new)
    if user.must_change:
        access.forget_password_of(user)
    method = session.method if session else PASSWORD
    return await access.sessions.begin(access.people.numbered(user.id), method, caller(request))


def _must_be_local(user: User) -> None:
    if user.source != LOCAL:
        raise NoSuch(f"your password is kept by {user.source}; change it there")
