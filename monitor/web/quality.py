"""How good the alarms are: the page, the API, and the word of an operator that one was false."""

from __future__ import annotations

from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta

from alerts.incident import Incident
from monitor.access.permission import Permission
from monitor.quality.figures import Quality
from monitor.web import body
from monitor.web.api.watched import answer
from monitor.web.context import WebContext
from monitor.web.forms import fields
from monitor.web.language import N_
from monitor.web.route import Route, context_of, reader_of
from monitor.web.security import same_origin
from monitor.web.view import NoSuch, Params, Values, View
from probes.core.text import clean

MAX_BODY = 4096
TRUSTED = 0.05
"""Share of false alarms above which people stop trusting the others."""


class FalseAlarmWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether there was nothing, and how that is known."""

    false: bool
    note: Annotated[str, Meta(max_length=500)] = ""


def view(context: WebContext, params: Params) -> View:
    """Return the page of the last 30 days."""

    async def values() -> Values:
        rules, sites = context.rules(), context.board.inventory.sites
        return {
            "quality": context.quality(),
            "titles": {rule.id: rule.title for rule in rules},
            "sites": sites,
            "trusted": TRUSTED,
        }

    return View("quality", frozenset(), values, N_("Quality of the alarms"), lasting=60.0)


def routes() -> list[Route]:
    """Return the routes beside the page."""
    return [
        Route("GET", "/api/v1/quality", by_api, Permission.VIEW, whole=True,
              summary="How good the alarms of the last 30 days were", answer=Quality),
        Route("POST", r"/incidents/{id:[0-9]{1,15}}/false", mark, Permission.OPERATE, max_body=MAX_BODY),
        Route("POST", r"/api/v1/incidents/{id:\d{1,15}}/false", mark_by_api, Permission.OPERATE, max_body=MAX_BODY,
              summary="Say that an incident was a false alarm, or take that back", body=FalseAlarmWish,
              answer=Incident),
    ]  # fmt: skip


async def by_api(request: web.Request) -> web.Response:
    """``GET /api/v1/quality``: 503 before the first measurement."""
    found = context_of(request).quality()
    if found is None:
        raise web.HTTPServiceUnavailable(text=N_("not measured yet"), headers={"Retry-After": "10"})
    return web.Response(body=msgspec.json.encode(found), content_type="application/json")


async def mark(request: web.Request) -> web.Response:
    """``POST /incidents/{id}/false``: there was nothing (``false=1``), or there was (``false=0``). Raises 403, 404."""
    same_origin(request, required=True)
    form = await fields(request)
    marked = await _marked(request, form.get("false") == "1", form.get("note", ""))
    raise web.HTTPSeeOther(f"/incidents/{marked.id}")


async def mark_by_api(request: web.Request) -> web.Response:
    """``POST /api/v1/incidents/{id}/false``. Raises 403 for what is about other sites too, 404."""
    same_origin(request, required=False)
    wish = await body.decode(request, FalseAlarmWish)
    return answer(await _marked(request, wish.false, wish.note))


async def _marked(request: web.Request, false: bool, note: str) -> Incident:
    context, number = context_of(request), int(request.match_info["id"])
    if number == 0 or await context.ledger.incidents.by_id(number) is None:
        raise NoSuch(f"there is no incident {number}")
    who, said = reader_of(request).name, clean(note, 500)
    marked = await context.ledger.false_alarms.mark(number, who, said, context.now(), false=false)
    if marked is None:
        raise web.HTTPForbidden(text=N_("it is about other sites too: somebody of all of them says so"))
    context.board.touch()
    return marked
