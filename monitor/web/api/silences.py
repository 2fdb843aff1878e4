"""The API of silences: list, preview, make, extend, end; and the planned maintenance of the files."""

from __future__ import annotations

from datetime import datetime

import msgspec
from aiohttp import web

from alerts.calendar import LocalTime, local_time
from alerts.incident import Incident
from alerts.quiet.preview import Effect
from alerts.quiet.silence import Silence, Wish, read_wish
from inventory.model import Model
from monitor.access.permission import Permission
from monitor.ledger.silences import TooMany
from monitor.web import body
from monitor.web.api.precondition import must_match, tagged
from monitor.web.api.watched import answer
from monitor.web.quiet import MAX_BODY, must_exist, preview, reached
from monitor.web.route import Route, context_of, reader_of
from monitor.web.security import same_origin
from monitor.web.view import NoSuch

MOST_WINDOWS = 100


class Extension(Model):
    """Until when a silence is to last."""

    until: LocalTime


class WindowOut(msgspec.Struct, frozen=True):
    """From when until when."""

    start: datetime
    end: datetime


class SilenceOut(msgspec.Struct, frozen=True):
    """A silence, or a maintenance that somebody made."""

    id: int
    kind: str
    where: dict[str, list[str]]
    rules: tuple[str, ...]
    start: datetime
    until: datetime
    reason: str
    who: str
    made_at: datetime
    ended_by: str
    holds: bool
    """Whether it holds now."""
    devices: int


class SilencesOut(msgspec.Struct, frozen=True):
    """Silences, the newest first."""

    silences: list[SilenceOut]


class EffectOut(msgspec.Struct, frozen=True):
    """What something would hide."""

    devices: tuple[str, ...]
    sites: tuple[str, ...]
    open: tuple[Incident, ...]
    past: tuple[Incident, ...]
    """What opened in the last 30 days and would have been hidden."""


class MaintenanceOut(msgspec.Struct, frozen=True):
    """A planned maintenance of the files with its windows to come."""

    id: str
    reason: str
    who: str
    where: dict[str, list[str]]
    rules: tuple[str, ...]
    windows: tuple[WindowOut, ...]
    devices: int


class MaintenancesOut(msgspec.Struct, frozen=True):
    """Planned maintenance of the files."""

    maintenance: list[MaintenanceOut]


def routes() -> list[Route]:
    """Return every route."""
    operate, view, base = Permission.OPERATE, Permission.VIEW, "/api/v1/silences"
    one = rf"{base}/{{id:\d{{1,15}}}}"
    return [
        Route("GET", base, listed, view, summary="Silences, the newest first: those that are not over and the last",
              answer=SilencesOut),
        Route(
            "POST", base, make, operate, max_body=MAX_BODY, summary="Make a silence", body=Wish, answer=SilenceOut,
            status=201, errors=(409,),
        ),
        Route(
            "POST", f"{base}/preview", seen, operate, max_body=MAX_BODY, summary="What a silence would hide", body=Wish,
            answer=EffectOut,
        ),
        Route(
            "PATCH", one, extend, operate, max_body=MAX_BODY, summary="Let a silence last until another time",
            body=Extension, answer=SilenceOut, errors=(409, 412),
        ),
        Route("GET", one, shown, view, summary="A silence", answer=SilenceOut),
        Route("DELETE", one, end, operate, max_body=MAX_BODY, summary="End a silence", answer=SilenceOut,
              errors=(409, 412)),
        Route("GET", "/api/v1/maintenance", planned, view, summary="Planned maintenance of the files",
              answer=MaintenancesOut),
    ]  # fmt: skip


async def listed(request: web.Request) -> web.Response:
    """``GET /api/v1/silences``."""
    context = context_of(request)
    reach = {quiet.id: found.devices for quiet, found in await reached(context)}
    shown = [one for one in context.quiets.silences if str(one.id) in reach]
    return answer(SilencesOut([_out(one, reach[str(one.id)], context.now()) for one in shown]))


async def make(request: web.Request) -> web.Response:
    """``POST /api/v1/silences``. Raises 400, 403, 409, 415."""
    silence, context = await _asked(request), context_of(request)
    try:
        made = await context.quiets.add(silence)
    except TooMany as error:
        raise web.HTTPConflict(text=str(error)) from None
    return await _answered(request, made, 201)


async def seen(request: web.Request) -> web.Response:
    """``POST /api/v1/silences/preview``. Raises 400, 403, 415."""
    found: Effect = await preview(context_of(request), (await _asked(request)).quiet)
    return answer(EffectOut(found.devices, found.sites, found.open, found.past))


async def shown(request: web.Request) -> web.Response:
    """``GET /api/v1/silences/{id}``. Raises 404."""
    return await _answered(request, _known(request))


async def extend(request: web.Request) -> web.Response:
    """``PATCH /api/v1/silences/{id}``: ``{"until": "2026-12-01 22:00"}``. Raises 400, 403, 404, 409, 415."""
    known, context = _known(request), context_of(request)
    given = await _body(request)
    must_match(request, await _answered(request, known))
    try:
        if not isinstance(given, dict) or list(given) != ["until"]:
            raise ValueError('wants {"until": TIME}')
        changed = await context.quiets.extend(known.id, local_time(given["until"]), reader_of(request).name)
    except ValueError as error:
        raise web.HTTPBadRequest(text=str(error)) from None
    return await _answered(request, changed)


async def end(request: web.Request) -> web.Response:
    """``DELETE /api/v1/silences/{id}``: it is over now. Raises 403, 404, 409."""
    same_origin(request, required=False)
    known = _known(request)
    must_match(request, await _answered(request, known))
    return await _answered(request, await context_of(request).quiets.end(known.id, reader_of(request).name))


async def planned(request: web.Request) -> web.Response:
    """``GET /api/v1/maintenance``."""
    context = context_of(request)
    now = context.now()
    found = [
        MaintenanceOut(
            one.id, one.reason, one.who, one.where.model_dump(exclude_defaults=True), one.rules,
            tuple(WindowOut(window.start, window.end) for window in one.coming(now)[:MOST_WINDOWS]), reach.devices,
        )
        for one, reach in await reached(context)
        if one.number is None
    ]  # fmt: skip
    return answer(MaintenancesOut(found))


async def _asked(request: web.Request) -> Silence:
    context = context_of(request)
    try:
        wish = read_wish(await _body(request)).silence(reader_of(request).name, context.now())
        await must_exist(context, wish)
        return wish
    except ValueError as error:
        raise web.HTTPBadRequest(text=str(error)) from None


async def _body(request: web.Request) -> object:
    same_origin(request, required=False)
    return await body.plain(request)


def _known(request: web.Request) -> Silence:
    known = context_of(request).quiets.silence(int(request.match_info["id"]))
    if known is None:
        raise NoSuch(f"there is no silence {request.match_info['id']}")
    return known


async def _answered(request: web.Request, silence: Silence | None, status: int = 200) -> web.Response:
    if silence is None:
        raise web.HTTPConflict(text="the silence is over already")
    context = context_of(request)
    reach = await context.quiets.reach(context.board.inventory, [silence.where])
    return tagged(_out(silence, reach[silence.where].devices, context.now()), status)


def _out(one: Silence, devices: int, now: datetime) -> SilenceOut:
    where = one.where.model_dump(exclude_defaults=True)
    holds = one.start <= now < one.until
    return SilenceOut(
        one.id, one.kind, where, one.rules, one.start, one.until, one.reason, one.who, one.made_at, one.ended_by,
        holds, devices,
    )  # fmt: skip
