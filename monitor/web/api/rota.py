"""The API of who is on duty: swap, take a swap back, and leave a note for the next shift."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta

from alerts.duty.rota import Override
from monitor.access.permission import Permission
from monitor.ledger.rota import Handover
from monitor.web import body, query
from monitor.web.api.watched import answer
from monitor.web.duty import MAX_TEXT
from monitor.web.query import Text
from monitor.web.route import Route, context_of, reader_of
from monitor.web.view import NoSuch
from probes.core.text import clean

MAX_BODY = 8192
BASE = "/api/v1/duty"
Time = Annotated[datetime, Meta(tz=True, examples=["2026-12-01T08:00:00+07:00"])]


class Swap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is on duty instead, from when until when."""

    rota: Text
    people: Annotated[tuple[Text, ...], Meta(min_length=1, max_length=20)]
    start: Time = msgspec.field(name="from")
    until: Time
    note: Annotated[str, Meta(max_length=500)] = ""


class ForNextShift(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the next shift should know."""

    rota: Text
    text: Annotated[str, Meta(min_length=1, max_length=MAX_TEXT)]


class NotesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of which rota."""

    rota: Text
    limit: Annotated[int, Meta(ge=1, le=100, description="Notes at most")] = 20


class NotesOut(msgspec.Struct, frozen=True):
    """Notes of one shift for the next, the newest first."""

    notes: tuple[Handover, ...]


def routes() -> list[Route]:
    """Return every route."""
    operate, view, notes = Permission.OPERATE, Permission.VIEW, f"{BASE}/notes"
    return [
        Route("POST", f"{BASE}/swaps", swap, operate, True, MAX_BODY, "Let others be on duty for a while",
              body=Swap, answer=Override, status=201),
        Route("DELETE", rf"{BASE}/swaps/{{id:\d{{1,15}}}}", undo, operate, True, MAX_BODY, "Take a swap back",
              status=204),
        Route("GET", notes, listed, view, whole=True, summary="Notes of the shifts before", query=NotesQuery,
              answer=NotesOut, errors=(404,)),
        Route("POST", notes, note, operate, True, MAX_BODY, "Leave a note for the next shift", body=ForNextShift,
              status=204, errors=(404,)),
    ]  # fmt: skip


async def swap(request: web.Request) -> web.Response:
    """``POST /api/v1/duty/swaps``: 422 with what is wrong with it."""
    wish, context = await body.decode(request, Swap), context_of(request)
    start, until = query.utc(wish.start, "from"), query.utc(wish.until, "until")
    who, said = reader_of(request).name, clean(wish.note, 500)
    change = Override(0, wish.rota, wish.people, start, until, who, said)
    if mistake := context.who().roster.mistake(change, context.now()):
        raise web.HTTPUnprocessableEntity(text=mistake.en)
    return answer(await context.ledger.rota.add(change, context.now()), 201)


async def undo(request: web.Request) -> web.Response:
    """``DELETE /api/v1/duty/swaps/{id}``. Raises 404."""
    context, number = context_of(request), int(request.match_info["id"])
    if not await context.ledger.rota.remove(number, reader_of(request).name, context.now()):
        raise NoSuch("there is no such change of a rota")
    return web.Response(status=204)


async def listed(request: web.Request) -> web.Response:
    """``GET /api/v1/duty/notes?rota=``. Raises 404."""
    asked, context = query.decode(request, NotesQuery), context_of(request)
    _must_be_known(request, asked.rota)
    return answer(NotesOut(tuple(await context.ledger.rota.handovers(asked.rota, asked.limit))))


async def note(request: web.Request) -> web.Response:
    """``POST /api/v1/duty/notes``. Raises 404, 422."""
    wish, context = await body.decode(request, ForNextShift), context_of(request)
    _must_be_known(request, wish.rota)
    if not (text := clean(wish.text, MAX_TEXT)):
        raise web.HTTPUnprocessableEntity(text="the note is empty")
    await context.ledger.rota.hand_over(wish.rota, reader_of(request).name, text, context.now())
    return web.Response(status=204)


def _must_be_known(request: web.Request, rota: str) -> None:
    if rota not in context_of(request).who().roster.duty.rotas:
        raise NoSuch("there is no such rota")
