"""Users and tokens by the API, for administrators; and who one is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import msgspec
from aiohttp import web

from monitor.access.people import Impossible, People
from monitor.access.permission import Permission, Role
from monitor.access.pool import Busy
from monitor.access.scope import Scope, parse_scope
from monitor.ledger.tokens import Token
from monitor.ledger.users import User
from monitor.web import body
from monitor.web.api.precondition import must_match, tagged
from monitor.web.api.sessions import SessionsOut, ended, sessions_out
from monitor.web.api.watched import answer
from monitor.web.route import Route, reader_of
from monitor.web.sign_in import access_of
from monitor.web.view import NoSuch

MAX_BODY = 16 * 1024


class MeOut(msgspec.Struct, frozen=True):
    """Whoever asks."""

    name: str
    role: Role
    sites: str
    """Empty for every site."""
    may: tuple[Permission, ...]


class UserOut(msgspec.Struct, frozen=True):
    """A user."""

    name: str
    title: str
    role: Role
    sites: str
    """Codes, patterns, ``province:42``; empty for every site."""
    source: str
    disabled: bool
    must_change: bool
    second_factor: bool
    created_at: datetime
    signed_in_at: datetime | None


class NewUser(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody to add."""

    name: str
    role: Role
    sites: str = ""
    title: str = ""


class UserChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What becomes of a user; what is left out stays."""

    role: Role | None = None
    sites: str | None = None
    disabled: bool | None = None


class PasswordOut(msgspec.Struct, frozen=True):
    """A one-time password, shown this once."""

    name: str
    password: str


class NewToken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A token to make."""

    title: str
    role: Role = Role.VIEWER
    sites: str = ""
    days: int = 90


class TokenOut(msgspec.Struct, frozen=True):
    """A token; ``key`` is there when it is made, this once."""

    id: int
    title: str
    role: Role
    sites: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    key: str | None = None


class UsersOut(msgspec.Struct, frozen=True):
    """Everybody."""

    users: tuple[UserOut, ...]


class TokensOut(msgspec.Struct, frozen=True):
    """Tokens of a user."""

    tokens: tuple[TokenOut, ...]


def routes() -> list[Route]:
    """Return every route."""
    admin, users = Permission.ADMIN, "/api/v1/users"
    one, tokens = f"{users}/{{name}}", f"{users}/{{name}}/tokens"
    return [
        Route("GET", "/api/v1/me", me, Permission.VIEW, summary="Who asks, and what they may", answer=MeOut),
        Route("GET", users, listed, admin, whole=True, summary="Everybody", answer=UsersOut, errors=(404,)),
        Route("POST", users, add, admin, True, MAX_BODY, "Add a user", body=NewUser, answer=PasswordOut,
              status=201, errors=(404, 429)),
        Route("GET", one, shown, admin, whole=True, summary="A user", answer=UserOut),
        Route("PATCH", one, change, admin, True, MAX_BODY, "Change a user", body=UserChange, answer=UserOut,
              errors=(412, 429)),
        Route("POST", f"{one}/reset", reset, admin, True, MAX_BODY, "A new one-time password", answer=PasswordOut,
              errors=(422, 429)),
        Route("GET", tokens, tokens_of, admin, whole=True, summary="Tokens of a user", answer=TokensOut),
        Route("DELETE", f"{one}/second-factors", remove_factors, admin, True, MAX_BODY,
              "Let a user sign in without second factors: the phone is gone, and the recovery codes too", status=204),
        Route("GET", f"{one}/sessions", sessions_of, admin, whole=True, summary="Where a user is signed in",
              answer=SessionsOut),
        Route("DELETE", rf"{one}/sessions/{{id:\d{{1,15}}}}", end_session, admin, True, MAX_BODY,
              "Sign a user out somewhere", status=204),
        Route("POST", tokens, add_token, admin, True, MAX_BODY, "Make a token", body=NewToken, answer=TokenOut,
              status=201, errors=(429,)),
        Route("DELETE", rf"{tokens}/{{id:\d{{1,15}}}}", end_token, admin, True, MAX_BODY, "End a token", status=204),
    ]  # fmt: skip


async def me(request: web.Request) -> web.Response:
    """``GET /api/v1/me``."""
    reader = reader_of(request)
    may = tuple(permission for permission in Permission if reader.may(permission))
    return answer(MeOut(reader.name, reader.role, _words(reader.scope), may))


async def listed(request: web.Request) -> web.Response:
    """``GET /api/v1/users``."""
    return answer(UsersOut(tuple(_user_out(request, user) for user in _people(request).everybody)))


async def add(request: web.Request) -> web.Response:
    """``POST /api/v1/users``: 422 for what cannot be."""
    new = await body.decode(request, NewUser)
    with explained():
        password = await _people(request).add(
            new.name, new.role, reader_of(request).name, scope=parse_scope(new.sites), title=new.title
        )
    return answer(PasswordOut(_people(request).named(new.name).name, password), 201)


async def shown(request: web.Request) -> web.Response:
    """``GET /api/v1/users/{name}``."""
    return tagged(_user_out(request, _user(request)))


async def change(request: web.Request) -> web.Response:
    """``PATCH /api/v1/users/{name}``: another role or other sites end the sessions; so does being disabled."""
    wish, user, people = await body.decode(request, UserChange), _user(request), _people(request)
    must_match(request, tagged(_user_out(request, user)))
    who = reader_of(request).name
    with explained():
        scope = user.scope if wish.sites is None else parse_scope(wish.sites)
        await people.set_role(user, wish.role or user.role, scope, who)
        if wish.disabled is not None and wish.disabled != user.disabled:
            await people.set_disabled(_user(request), wish.disabled, who)
    return tagged(_user_out(request, _user(request)))


async def reset(request: web.Request) -> web.Response:
    """``POST /api/v1/users/{name}/reset``."""
    user = _user(request)
    with explained():
        return answer(PasswordOut(user.name, await _people(request).reset(user, reader_of(request).name)))


async def tokens_of(request: web.Request) -> web.Response:
    """``GET /api/v1/users/{name}/tokens``."""
    return answer(TokensOut(tuple(tokens_out(_people(request).tokens_of(_user(request))))))


async def add_token(request: web.Request) -> web.Response:
    """``POST /api/v1/users/{name}/tokens``: the key is in the answer, this once."""
    new, user, people = await body.decode(request, NewToken), _user(request), _people(request)
    with explained():
        lasting = timedelta(days=min(max(new.days, 0), 1000))
        scope = parse_scope(new.sites)
        key = await people.add_token(user, new.title, new.role, scope, lasting, reader_of(request).name)
    (made, *_) = tokens_out(people.tokens_of(user))
    return answer(msgspec.structs.replace(made, key=key), 201)


async def end_token(request: web.Request) -> web.Response:
    """``DELETE /api/v1/users/{name}/tokens/{id}``."""
    user = _user(request)
    try:
        await _people(request).end_token(user, int(request.match_info["id"]), reader_of(request).name)
    except Impossible as error:
        raise NoSuch(str(error)) from error
    return web.Response(status=204)


async def remove_factors(request: web.Request) -> web.Response:
    """``DELETE /api/v1/users/{name}/second-factors``."""
    await _people(request).remove_factors(_user(request), reader_of(request).name)
    return web.Response(status=204)


async def sessions_of(request: web.Request) -> web.Response:
    """``GET /api/v1/users/{name}/sessions``."""
    return answer(sessions_out(request, _user(request)))


async def end_session(request: web.Request) -> web.Response:
    """``DELETE /api/v1/users/{name}/sessions/{id}``. Raises 404."""
    await ended(request, _user(request))
    return web.Response(status=204)


@contextmanager
def explained() -> Iterator[None]:
    """Turn what cannot be done into 422, and a flood into 429."""
    try:
        yield
    except ValueError as error:
        raise web.HTTPUnprocessableEntity(text=str(error)) from error
    except Busy as error:
        raise web.HTTPTooManyRequests(text=str(error)) from error


def _people(request: web.Request) -> People:
    return access_of(request).people


def _user(request: web.Request) -> User:
    try:
        return _people(request).named(request.match_info["name"])
    except Impossible as error:
        raise NoSuch(str(error)) from error


def _user_out(request: web.Request, user: User) -> UserOut:
    return UserOut(
        user.name,
        user.title,
        user.role,
        _words(user.scope),
        user.source,
        user.disabled,
        user.must_change,
        access_of(request).codes.wants(user),
        user.created_at,
        user.signed_in_at,
    )


def tokens_out(found: Iterable[Token]) -> list[TokenOut]:
    """Return tokens as the API gives them."""
    return [
        TokenOut(one.id, one.title, one.role, _words(one.scope), one.created_at, one.expires_at, one.used_at)
        for one in found
    ]


def _words(scope: Scope) -> str:
    return "" if scope.is_everywhere else str(scope)
