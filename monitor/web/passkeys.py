"""Passkeys: the browser makes and uses them by a script of ours; these are the addresses it talks to."""

from __future__ import annotations

import logging
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
from aiohttp import web

from monitor.access.passkeys import NoPasskey, Place
from monitor.access.permission import Permission
from monitor.web import cookies
from monitor.web.account import user_of
from monitor.web.api.watched import answer
from monitor.web.forms import fields, own_address
from monitor.web.route import PEER, Route
from monitor.web.security import same_origin
from monitor.web.sign_in import access_of, caller
from monitor.web.view import NoSuch

T = TypeVar("T")

MAX_BODY = 32 * 1024

log = logging.getLogger(__name__)


class Made(msgspec.Struct, frozen=True):
    """A passkey that the browser made."""

    key: str
    credential: dict[str, Any]
    title: str = ""


class Proof(msgspec.Struct, frozen=True):
    """What the browser proves with a passkey."""

    key: str
    credential: dict[str, Any]
    next: str = "/"


def routes() -> list[Route]:
    """Return every route."""
    own, everybody = Permission.ACCOUNT, Permission.PUBLIC
    return [
        Route("POST", "/account/passkeys/options", options, own, max_body=MAX_BODY),
        Route("POST", "/account/passkeys", add, own, max_body=MAX_BODY),
        Route("POST", "/account/passkeys/remove", remove, own, max_body=MAX_BODY),
        Route("POST", "/sign-in/passkey/options", offer, everybody, max_body=MAX_BODY),
        Route("POST", "/sign-in/passkey", sign_in, everybody, max_body=MAX_BODY),
    ]


async def options(request: web.Request) -> web.Response:
    """``POST /account/passkeys/options``: what the browser needs to make one."""
    try:
        return answer(access_of(request).passkeys.begin(user_of(request), _place(request)))
    except NoPasskey as error:
        return answer({"detail": str(error)}, 422)


async def add(request: web.Request) -> web.Response:
    """``POST /account/passkeys``: keep the one that it made."""
    made = await _body(request, Made)
    try:
        await access_of(request).passkeys.add(
            user_of(request), made.key, made.credential, made.title, _place(request)
        )
    except NoPasskey as error:
        return answer({"detail": str(error)}, 422)
    return answer({"next": "/account"}, 201)


async def remove(request: web.Request) -> web.Response:
    """``POST /account/passkeys/remove``."""
    form = await fields(request)
    if not await access_of(request).passkeys.remove(user_of(request), form.get("id", "")):
        raise NoSuch("there is no such passkey of yours")
    raise web.HTTPSeeOther("/account")


async def offer(request: web.Request) -> web.Response:
    """``POST /sign-in/passkey/options``: what the browser needs to prove who it is."""
    same_origin(request, required=True)
    return answer(access_of(request).passkeys.offer(_place(request)))


async def sign_in(request: web.Request) -> web.Response:
    """``POST /sign-in/passkey``: begin a session; a passkey is two factors already."""
    same_origin(request, required=True)
    access, proof = access_of(request), await _body(request, Proof)
    try:
        user = await access.passkeys.prove(proof.key, proof.credential, _place(request))
    except NoPasskey as error:
        log.info("a passkey was refused", extra={"error": str(error)})
        return answer({"detail": "the passkey did not work"}, 401)
    begun = await access.sessions.begin(user, "passkey", caller(request))
    response = answer({"next": own_address(proof.next)})
    cookies.give(response, begun, request[PEER])
    return response


def _place(request: web.Request) -> Place:
    scheme = "https" if request[PEER].secure else "http"
    return Place(urlsplit(f"//{request.host}").hostname or "", f"{scheme}://{request.host}")


async def _body(request: web.Request, type: type[T]) -> T:
    """Return a JSON body. Raises 400, 415."""
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="the body must be application/json")
    try:
        return msgspec.json.decode(await request.read(), type=type)
    except msgspec.DecodeError as error:
        raise web.HTTPBadRequest(text=f"the body: {error}") from error
