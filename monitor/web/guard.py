"""The one door: who asks, whether they may, whether they meant it, and what of the monitor they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote, urlencode

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from monitor.access import keys
from monitor.access.permission import Permission, Role
from monitor.access.reader import Reader
from monitor.web import cookies
from monitor.web.context import WebContext
from monitor.web.language import N_
from monitor.web.narrow.monitoring import Narrow
from monitor.web.peer import Peer, Peers
from monitor.web.problem import refusal
from monitor.web.route import CONTEXT, FORM_KEY, PEER, READER, Route, Table, is_page
from monitor.web.security import same_origin
from probes.core.words import Unfit, Words

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_FORM = "application/x-www-form-urlencoded"
PASSWORD_PAGE = "/account/password"  # noqa: S105  an address
FACTOR_PAGE = "/account/second-factor"
SIGN_IN = "/sign-in"


class Guard:
    """Lets through what the table declares and the reader may do, and nothing else."""

    def __init__(self, context: WebContext, table: Table) -> None:
        self._context = context
        self._table = table
        self._narrow = Narrow(context)
        self._peers = Peers(context.proxies)

    @property
    def middleware(self) -> Middleware:
        """What the application puts in front of every handler."""

        @web.middleware
        async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
            await self._check(request)
            return await handler(request)

        return guarded

    async def _check(self, request: web.Request) -> None:
        request[PEER] = peer = self._peers.of(request)
        _refuse_key_in_address(request)
        reader = self._reader(request, peer)
        if reader is not None:
            request[READER], request[CONTEXT] = reader, self._narrow.to(reader.scope)
        if request.match_info.http_exception is not None:
            return  # there is no such address, which is said to everybody
        route = self._table.declared(request.match_info.route)
        if route is None:
            raise web.HTTPForbidden(text=N_("nobody said who may use this address"))
        _must_be_allowed(request, reader, route)
        if route.may is Permission.PUBLIC:
            request[CONTEXT] = self._context  # it answers by a right of its own: a code, a form
        if request.method not in _SAFE:
            await _must_be_meant(request, reader, route)

    def still(self, request: web.Request) -> bool:
        """Whether whoever opened a stream is who they were and may do what they might."""
        now = self._reader(request, request[PEER])
        before = request[READER]
        return now is not None and (now.role, now.scope, now.must_begin) == (before.role, before.scope, False)

    def _reader(self, request: web.Request, peer: Peer) -> Reader | None:
        """Return who asks, `None` when nobody knows. Raises 401 for a token that does not hold."""
        access = self._context.access
        if access is None:
            return Reader(f"web {peer.address}".strip(), Role.ADMIN)
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            reader = access.sessions.of_token(key.strip()[:200])
            if reader is None:
                raise _unknown("the token does not hold: it is wrong, has expired, or was ended")
            return reader
        key = cookies.read(request, cookies.SESSION, peer)
        reader = access.sessions.of_session(key)
        request[FORM_KEY] = keys.form_key(key) if reader else ""
        return reader


def _refuse_key_in_address(request: web.Request) -> None:
    """Raise 400 for a token in an address: addresses stand in logs, histories and ``Referer`` headers."""
    if "access_token" in request.query or keys.TOKEN.search(unquote(request.query_string)):
        raise web.HTTPBadRequest(
            text="a token belongs in the header 'Authorization: Bearer …', never in an address;"
            " end this one, for it was seen"
        )


def _must_be_allowed(request: web.Request, reader: Reader | None, route: Route) -> None:
    if route.may is Permission.PUBLIC:
        return
    if reader is None:
        if not is_page(request):
            raise _unknown("sign in, or send a token as 'Authorization: Bearer …'")
        raise web.HTTPSeeOther(f"{SIGN_IN}?{urlencode({'next': request.path_qs[:1000]})}")
    if reader.may(route.may, whole=route.whole) and (route.begins or not reader.must_enrol):
        return
    if reader.must_begin and is_page(request):
        raise web.HTTPSeeOther(_beginning(reader))
    raise refusal(web.HTTPForbidden, _why(reader, route))


def _beginning(reader: Reader) -> str:
    """Return where somebody does what they must do first."""
    return PASSWORD_PAGE if reader.user is not None and reader.user.must_change else FACTOR_PAGE


_FIRST = {
    PASSWORD_PAGE: Words("hãy đặt mật khẩu riêng trước", "choose your own password first"),
    FACTOR_PAGE: Words("hãy cài xác thực hai lớp trước", "set up a second factor first"),
}


def _why(reader: Reader, route: Route) -> Unfit:
    if reader.must_begin:
        where = _beginning(reader)
        words = Words(f"{_FIRST[where].vi}, tại {where}", f"{_FIRST[where].en}, at {where}")
    elif reader.may(route.may):
        words = Words(
            f"trang này gồm mọi đơn vị, còn vai trò của {reader.name} chỉ có ở một số đơn vị",
            f"this shows every site, and the role of {reader.name} holds for some sites only",
        )
    elif route.may is Permission.ACCOUNT:
        words = Words(
            "chỉ dành cho người đã đăng nhập, không dành cho mã truy cập",
            "this is for people who are signed in, not for tokens",
        )
    else:
        words = Words(
            f"cần quyền {route.may!s}, vai trò {reader.role!s} không có quyền này",
            f"this wants the permission {route.may!s}, which the role {reader.role!s} does not have",
        )
    return Unfit(words)


async def _must_be_meant(request: web.Request, reader: Reader | None, route: Route) -> None:
    """Raise 403 unless the reader's own page sent this, and 413 or 415 for a body that no page sends.

    A token is sent by whoever holds it; a cookie is sent by the browser, whoever's page asks it to.
    """
    if request.content_length is not None and request.content_length > route.max_body:
        raise web.HTTPRequestEntityTooLarge(route.max_body, request.content_length)
    raw = await request.read()
    if len(raw) > route.max_body:
        raise web.HTTPRequestEntityTooLarge(route.max_body, len(raw))
    if reader is not None and reader.token is not None:
        return
    signed_in = reader is not None and reader.session is not None and route.may is not Permission.PUBLIC
    same_origin(request, required=signed_in)
    form = await _form(request)
    if signed_in and request.method == "POST" and request.content_type != "application/json":
        _must_carry_key(
            request, form
        )  # no page of anybody sends other methods, or JSON, without asking us first


async def _form(request: web.Request) -> Mapping[str, object]:
    """Return the form in the body, empty when it is none; handlers get the same one. Raises 400, 415."""
    if request.content_type.startswith("multipart/"):
        raise web.HTTPUnsupportedMediaType(text="no form of ours is multipart")
    if request.content_type != _FORM:
        return {}
    try:
        return await request.post()
    except (ValueError, LookupError) as error:  # bytes that are no text, an encoding that nobody knows
        raise web.HTTPBadRequest(text=N_("the form cannot be read: it must be UTF-8")) from error


def _must_carry_key(request: web.Request, form: Mapping[str, object]) -> None:
    if request.content_type != _FORM:
        raise web.HTTPUnsupportedMediaType(text=f"the body must be {_FORM} or application/json")
    given, session = form.get("csrf", ""), cookies.read(request, cookies.SESSION, request[PEER])
    if not isinstance(given, str) or not keys.is_form_key(given, session):
        raise web.HTTPForbidden(text=N_("this form was made for another sign-in; open the page again"))


def _unknown(text: str) -> web.HTTPUnauthorized:
    return web.HTTPUnauthorized(text=text, headers={"WWW-Authenticate": "Bearer"})


GUARD = web.AppKey("guard", Guard)
"""Where an application keeps its guard."""
