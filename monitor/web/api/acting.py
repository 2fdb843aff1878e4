"""What programs do about incidents: take on, give back, note; one or many at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial

import msgspec
from aiohttp import web

from alerts.incident import Incident
from monitor.access.permission import Permission
from monitor.web import body as bodies
from monitor.web.acting import visible
from monitor.web.api.watched import answer
from monitor.web.context import WebContext
from monitor.web.route import Route, context_of, reader_of
from monitor.web.security import same_origin

MAX_BODY = 16 * 1024
PATH = "/api/v1/incidents"


class Acknowledge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which incidents somebody takes on."""

    ids: tuple[int, ...]
    note: str = ""
    until: datetime | None = None
    """When they are open again though not resolved; until they are when absent. At most 30 days ahead."""


class Release(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which incidents somebody gives back."""

    ids: tuple[int, ...]
    note: str = ""


class Note(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody says about incidents."""

    ids: tuple[int, ...]
    note: str


class Done(msgspec.Struct, frozen=True):
    """The incidents of which it was possible, as they are then; those that are over, or had by nobody, are left out."""

    incidents: Sequence[Incident]


Body = Acknowledge | Release | Note
Act = Callable[[WebContext, Sequence[int], str, Body], Awaitable[list[Incident]]]


def routes() -> list[Route]:
    """Return the routes."""
    acts: tuple[tuple[str, str, type[Body], Act], ...] = (
        ("acknowledge", "Take incidents on", Acknowledge, _acknowledge),
        ("release", "Give incidents back", Release, _release),
        ("note", "Note something about incidents", Note, _note),
    )
    return [
        Route(
            "POST",
            f"{PATH}/{name}",
            partial(_do, body, act),
            Permission.OPERATE,
            max_body=MAX_BODY,
            summary=summary,
            body=body,
            answer=Done,
            errors=(404,),
        )
        for name, summary, body, act in acts
    ]


async def _do(model: type[Body], act: Act, request: web.Request) -> web.Response:
    """Raises 400, 403, 404, 415."""
    same_origin(request, required=False)
    body = await bodies.decode(request, model)
    context = context_of(request)
    numbers = await visible(context, [str(one) for one in body.ids])
    try:
        return answer(Done(await act(context, numbers, reader_of(request).name, body)))
    except ValueError as error:
        raise web.HTTPBadRequest(text=str(error)) from None


async def _acknowledge(context: WebContext, ids: Sequence[int], who: str, body: Body) -> list[Incident]:
    until = body.until if isinstance(body, Acknowledge) else None
    if until is not None and until.tzinfo is None:
        raise ValueError("`until` wants its offset from UTC, such as 2026-11-30T07:30:00+07:00")
    return await context.operations.acknowledge(ids, who, body.note, until)


async def _release(context: WebContext, ids: Sequence[int], who: str, body: Body) -> list[Incident]:
    return await context.operations.release(ids, who, body.note)


async def _note(context: WebContext, ids: Sequence[int], who: str, body: Body) -> list[Incident]:
    return await context.operations.note(ids, who, body.note)
