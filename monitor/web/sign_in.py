"""The way in and the way out."""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable

from aiohttp import web

from monitor.access.access import Access
from monitor.access.oidc import Oidc, OidcFailed
from monitor.access.permission import Permission
from monitor.access.sessions import Begun, Caller
from monitor.access.sign_in import CodeWanted, Refused, TooMany
from monitor.access.vouched import DirectoryAway
from monitor.web import cookies
from monitor.web.forms import Frame, fields, own_address
from monitor.web.route import PEER, READER, Route, context_of, reader_of
from monitor.web.security import same_origin
from monitor.web.view import NoSuch

MAX_BODY = 8192

log = logging.getLogger(__name__)


class SignInPages:
    """The handlers."""

    def __init__(self, access: Access | None, frame: Frame) -> None:
        """`frame` makes whole pages of templates."""
        self._access = access
        self._frame = frame

    def routes(self) -> list[Route]:
        """Return every route."""
        everybody = Permission.PUBLIC
        return [
            Route("GET", "/sign-in", self.open, everybody),
            Route("POST", "/sign-in", self.sign_in, everybody, max_body=MAX_BODY),
            Route("POST", "/sign-in/code", self.code, everybody, max_body=MAX_BODY),
            Route("GET", "/sign-in/oidc", self.leave, everybody),
            Route("GET", "/sign-in/oidc/callback", self.come_back, everybody),
            Route("POST", "/sign-out", self.sign_out, Permission.ACCOUNT, max_body=MAX_BODY, begins=True),
        ]

    async def open(self, request: web.Request) -> web.Response:
        """``GET /sign-in?next=``: the form; whoever is signed in already goes on."""
        _must_have_login(self._access)
        wish = own_address(request.query.get("next", "/"))
        if READER in request:
            raise web.HTTPSeeOther(wish)
        return await self._page(request, wish)

    async def sign_in(self, request: web.Request) -> web.StreamResponse:
        """``POST /sign-in``: begin a session with a new key."""
        access = _must_have_login(self._access)
        same_origin(request, required=True)
        form = await fields(request)
        wish, name = own_address(form.get("next", "/")), form.get("name", "")
        begin = access.sign_in.sign_in(name, form.get("password", ""), caller(request))
        return await self.enter(request, begin, wish, name)

    async def code(self, request: web.Request) -> web.StreamResponse:
        """``POST /sign-in/code``: the second step, where the first was right."""
        access = _must_have_login(self._access)
        same_origin(request, required=True)
        form = await fields(request)
        finish = access.sign_in.finish(form.get("key", ""), form.get("code", "")[:64], caller(request))
        return await self.enter(request, finish, own_address(form.get("next", "/")))

    async def enter(
        self, request: web.Request, begin: Awaitable[Begun], wish: str, name: str = ""
    ) -> web.StreamResponse:
        """Return the answer to a sign-in, whatever becomes of it."""
        try:
            return entered(request, await begin, wish)
        except Refused:
            return await self._page(request, wish, name, "refused", 401)
        except TooMany as error:
            return await self._wait(request, wish, name, error.seconds)
        except DirectoryAway as error:
            log.warning("the directory does not answer", extra={"error": str(error)})
            return await self._page(request, wish, name, "away", 503)
        except CodeWanted as wanted:
            values = {"page": "sign-in", "next": wish, "key": wanted.key, "wrong": wanted.wrong}
            return await self._frame(request, "code", values, 401 if wanted.wrong else 200)

    async def leave(self, request: web.Request) -> web.StreamResponse:
        """``GET /sign-in/oidc?next=``: to the provider, with a state that this browser keeps."""
        oidc, peer = self._oidc(), request[PEER]
        back = f"{'https' if peer.secure else 'http'}://{request.host}/sign-in/oidc/callback"
        try:
            address, state = await oidc.begin(own_address(request.query.get("next", "/")), back)
        except OidcFailed as error:
            return await self._failed(request, error)
        response = web.Response(status=303, headers={"Location": address})
        cookies.keep_state(response, state, peer)
        return response

    async def come_back(self, request: web.Request) -> web.StreamResponse:
        """``GET /sign-in/oidc/callback?code=&state=``: from the provider."""
        access, oidc = _must_have_login(self._access), self._oidc()
        state, code = (request.query.get(name, "")[:2000] for name in ("state", "code"))
        try:
            said, wish = await oidc.finish(state, cookies.read(request, cookies.STATE, request[PEER]), code)
        except OidcFailed as error:
            return await self._failed(request, error)
        begin = access.sign_in.vouched(said, oidc.settings.roles, caller(request))
        return await self.enter(request, begin, wish)

    def _oidc(self) -> Oidc:
        oidc = _must_have_login(self._access).oidc
        if oidc is None:
            raise NoSuch("there is no single sign-on here; web.oidc in the settings names a provider")
        return oidc

    async def _failed(self, request: web.Request, error: OidcFailed) -> web.Response:
        log.warning("a single sign-on failed", extra={"error": str(error)})
        return await self._page(request, "/", "", "oidc", 502)

    async def sign_out(self, request: web.Request) -> web.StreamResponse:
        """``POST /sign-out``: end the session."""
        access, reader = _must_have_login(self._access), reader_of(request)
        if reader.session is not None:
            await access.sessions.end(reader.session, reader.name)
        response = web.HTTPSeeOther("/sign-in")
        cookies.take(response, request[PEER])
        raise response

    async def _wait(self, request: web.Request, wish: str, name: str, seconds: float) -> web.Response:
        answer = await self._page(request, wish, name, "wait", 429, seconds)
        answer.headers["Retry-After"] = str(math.ceil(seconds))
        return answer

    async def _page(
        self,
        request: web.Request,
        wish: str,
        name: str = "",
        trouble: str = "",
        status: int = 200,
        seconds: float = 0,
    ) -> web.Response:
        first = self._access is not None and self._access.first_password.exists()
        oidc = self._access.oidc.settings.title if self._access and self._access.oidc else ""
        values = {"page": "sign-in", "next": wish, "name": name[:64], "trouble": trouble, "oidc": oidc}
        return await self._frame(
            request, "sign_in", values | {"seconds": math.ceil(seconds), "first": first}, status
        )


def caller(request: web.Request) -> Caller:
    """Return where a request comes from."""
    peer = request[PEER]
    agent = request.headers.get("User-Agent", "")
    return Caller(peer.address, agent, cookies.read(request, cookies.BROWSER, peer))


def entered(request: web.Request, begun: Begun, wish: str) -> web.StreamResponse:
    """Return the answer to a sign-in: the cookies, and the page that was wanted."""
    wish = "/account/password" if begun.user.must_change else wish
    response = web.Response(status=303, headers={"Location": wish})
    cookies.give(response, begun, request[PEER])
    return response


def access_of(request: web.Request) -> Access:
    """Return access. Raises 404 where there is no login."""
    return _must_have_login(context_of(request).access)


def _must_have_login(access: Access | None) -> Access:
    if access is None:
        raise NoSuch("there is no login here; web.login in the settings switches it on")
    return access
