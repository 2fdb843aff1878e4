"""One's own account for programs that act in the session of a person: sessions, tokens, the password.

A token is no person: it neither makes tokens nor ends sessions. An administrator's does, below ``/api/v1/users``.
"""

from __future__ import annotations

from datetime import timedelta

import msgspec
from aiohttp import web

from monitor.access.people import Impossible
from monitor.access.permission import Permission
from monitor.access.scope import parse_scope
from monitor.access.sign_in import Refused, TooMany
from monitor.ledger.users import LOCAL
from monitor.web import body, cookies
from monitor.web.account import changed_password, user_of
from monitor.web.api.sessions import SessionsOut, ended, sessions_out
from monitor.web.api.users import NewToken, TokenOut, TokensOut, explained, tokens_out
from monitor.web.api.watched import answer
from monitor.web.route import PEER, Route, reader_of
from monitor.web.sign_in import access_of
from monitor.web.view import NoSuch

MAX_BODY = 16 * 1024
ME = "/api/v1/me"


class NewPassword(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The present password once more, and the new one."""

    old: str
    new: str


def routes() -> list[Route]:
    """Return every route."""
    own, number = Permission.ACCOUNT, r"{id:\d{1,15}}"
    return [
        Route("GET", f"{ME}/sessions", sessions, own, summary="Where you are signed in", answer=SessionsOut,
              errors=(404,)),
        Route("DELETE", f"{ME}/sessions/{number}", end_session, own, max_body=MAX_BODY,
              summary="Sign out somewhere", status=204),
        Route("GET", f"{ME}/tokens", tokens, own, summary="Your tokens", answer=TokensOut, errors=(404,)),
        Route("POST", f"{ME}/tokens", add_token, own, max_body=MAX_BODY, summary="Make a token of yours",
              body=NewToken, answer=TokenOut, status=201, errors=(404,)),
        Route("DELETE", f"{ME}/tokens/{number}", end_token, own, max_body=MAX_BODY,
              summary="End a token of yours", status=204),
        Route("POST", f"{ME}/password", change_password, own, max_body=MAX_BODY,
              summary="Choose another password: every other session ends, this one gets a new key",
              body=NewPassword, status=204, errors=(404, 429), begins=True),
    ]  # fmt: skip


async def sessions(request: web.Request) -> web.Response:
    """``GET /api/v1/me/sessions``."""
    return answer(sessions_out(request, user_of(request)))


async def end_session(request: web.Request) -> web.Response:
    """``DELETE /api/v1/me/sessions/{id}``. Raises 404."""
    await ended(request, user_of(request))
    return web.Response(status=204)


async def tokens(request: web.Request) -> web.Response:
    """``GET /api/v1/me/tokens``."""
    return answer(TokensOut(tuple(tokens_out(access_of(request).people.tokens_of(user_of(request))))))


async def add_token(request: web.Request) -> web.Response:
    """``POST /api/v1/me/tokens``: the key is in the answer, this once. Raises 422."""
    new, user, people = await body.decode(request, NewToken), user_of(request), access_of(request).people
    with explained():
        lasting, scope = timedelta(days=min(max(new.days, 0), 1000)), parse_scope(new.sites)
        key = await people.add_token(user, new.title, new.role, scope, lasting, reader_of(request).name)
    (made, *_) = tokens_out(people.tokens_of(user))
    return answer(msgspec.structs.replace(made, key=key), 201)


async def end_token(request: web.Request) -> web.Response:
    """``DELETE /api/v1/me/tokens/{id}``. Raises 404."""
    user = user_of(request)
    try:
        await access_of(request).people.end_token(user, int(request.match_info["id"]), user.name)
    except Impossible as error:
        raise NoSuch(str(error)) from error
    return web.Response(status=204)


async def change_password(request: web.Request) -> web.Response:
    """``POST /api/v1/me/password``: the answer sets the cookie of the new session. Raises 403, 404, 422, 429."""
    wish, user = await body.decode(request, NewPassword), user_of(request)
    if user.source != LOCAL:
        raise NoSuch(f"your password is kept by {user.source}; change it there")
    if wish.new == wish.old:
        raise web.HTTPUnprocessableEntity(text="the new password is the present one")
    try:
        with explained():
            begun = await changed_password(request, user, wish.old, wish.new)
    except Refused:
        raise web.HTTPForbidden(text="the present password is wrong") from None
    except TooMany as error:
        raise web.HTTPTooManyRequests(
            text="too many attempts; try again later", headers={"Retry-After": f"{error.seconds:.0f}"}
        ) from None
    made = web.Response(status=204)
    cookies.give(made, begun, request[PEER])
    return made
