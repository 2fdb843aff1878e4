"""Who may do what, and where: for administrators."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from monitor.access.people import Impossible, plain_name
from monitor.access.permission import Permission, Role
from monitor.access.pool import Busy
from monitor.access.scope import parse_scope
from monitor.ledger.users import User
from monitor.web.forms import Frame, fields
from monitor.web.language import N_
from monitor.web.route import Route, reader_of
from monitor.web.sign_in import access_of
from monitor.web.view import NoSuch

MAX_BODY = 16 * 1024


class UserPages:
    """The handlers."""

    def __init__(self, frame: Frame) -> None:
        """`frame` makes whole pages of templates."""
        self._frame = frame

    def routes(self) -> list[Route]:
        """Return every route."""
        admin, one = Permission.ADMIN, r"/users/{id:\d{1,15}}"
        return [
            Route("GET", "/users", self.open, admin, whole=True),
            Route("POST", "/users", self.add, admin, whole=True, max_body=MAX_BODY),
            Route("GET", one, self.one, admin, whole=True),
            Route("POST", one, self.change, admin, whole=True, max_body=MAX_BODY),
        ]

    async def open(self, request: web.Request) -> web.Response:
        """``GET /users``: everybody."""
        return await self._list(request)

    async def add(self, request: web.Request) -> web.Response:
        """``POST /users``: add somebody and show their one-time password, this once."""
        people, form = access_of(request).people, await fields(request)
        name = form.get("name", "")
        try:
            role, scope = Role(form.get("role", "")), parse_scope(form.get("scope", ""))
            password = await people.add(
                name, role, reader_of(request).name, scope=scope, title=form.get("title", "")
            )
        except (Impossible, ValueError) as error:
            return await self._list(request, {"trouble": str(error), "wish": form}, 422)
        except Busy as error:
            raise web.HTTPTooManyRequests(text=str(error)) from error
        return await self._list(request, {"name": plain_name(name), "password": password})

    async def one(self, request: web.Request) -> web.Response:
        """``GET /users/{id}``: one user, their sessions and tokens."""
        return await self._page(request, self._user(request))

    async def change(self, request: web.Request) -> web.Response:
        """``POST /users/{id}``: another role or scope, a new one-time password, out or in again."""
        user, form = self._user(request), await fields(request)
        try:
            password = await self._do(request, user, form)
        except (Impossible, ValueError) as error:
            return await self._page(request, user, {"trouble": str(error)}, 422)
        except Busy as error:
            raise web.HTTPTooManyRequests(text=str(error)) from error
        return await self._page(request, self._user(request), {"password": password, "done": not password})

    async def _do(self, request: web.Request, user: User, form: Mapping[str, str]) -> str:
        people, who, action = access_of(request).people, reader_of(request).name, form.get("action")
        if action == "role":
            await people.set_role(user, Role(form.get("role", "")), parse_scope(form.get("scope", "")), who)
        elif action == "reset":
            return await people.reset(user, who)
        elif action in ("disable", "enable"):
            await people.set_disabled(user, action == "disable", who)
        elif action == "remove-factors":
            await people.remove_factors(user, who)
        elif action == "end-token":
            await people.end_token(user, int(form.get("token", "0")[:15]), who)
        else:
            raise web.HTTPBadRequest(text=N_("there is no such action"))
        return ""

    def _user(self, request: web.Request) -> User:
        try:
            return access_of(request).people.numbered(int(request.match_info["id"]))
        except Impossible as error:
            raise NoSuch(str(error)) from error

    async def _list(
        self, request: web.Request, more: Mapping[str, object] | None = None, status: int = 200
    ) -> web.Response:
        values = {
            "page": "users",
            "users": access_of(request).people.everybody,
            "roles": tuple(Role),
            "wish": {},
            "trouble": "",
            "name": "",
            "password": "",
            **(more or {}),
        }
        return await self._frame(request, "users", values, status)

    async def _page(
        self,
        request: web.Request,
        user: User,
        more: Mapping[str, object] | None = None,
        status: int = 200,
    ) -> web.Response:
        access = access_of(request)
        values = {
            "page": "users",
            "user": user,
            "sessions": access.sessions.of_user(user),
            "tokens": access.people.tokens_of(user),
            "roles": tuple(Role),
            "second": access.codes.wants(user),
            "trouble": "",
            "password": "",
            "done": False,
            **(more or {}),
        }
        return await self._frame(request, "user", values, status)
