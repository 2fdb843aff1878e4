"""The ways in which people are told: whether each works, what waits, what was sent; and a button that tries one."""

from __future__ import annotations

from contextlib import suppress

import msgspec
from aiohttp import web
from msgspec import UNSET, UnsetType

from monitor.access.permission import Permission
from monitor.channels import ChannelState, TooSoon, Trial, Unknown
from monitor.ledger import Delivery, DeliveryState
from monitor.web import body, query
from monitor.web.api import cursor
from monitor.web.context import WebContext
from monitor.web.language import N_
from monitor.web.route import Route, context_of, reader_of
from monitor.web.security import same_origin
from monitor.web.view import NoSuch, Params, Values, View

SHOWN = 50
MAX_BODY = 4096


class ChannelsOut(msgspec.Struct, frozen=True):
    """Every channel."""

    channels: tuple[ChannelState, ...]


class DeliveriesOut(msgspec.Struct, frozen=True):
    """Lines of the delivery log, newest first."""

    deliveries: tuple[Delivery, ...]
    next: str | None
    """Give it as ``cursor`` to read on; `None` at the end."""


class DeliveriesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which lines of the delivery log."""

    channel: query.Text = ""
    state: DeliveryState | UnsetType = UNSET
    limit: query.Limit = 100
    cursor: query.Cursor = ""
    before: query.Number = 0


class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the API is asked to try."""

    channel: str


def routes() -> list[Route]:
    """Return the routes of the button and of the API."""
    view_, operate, v1 = Permission.VIEW, Permission.OPERATE, "/api/v1"
    return [
        Route("POST", "/channels/test", test_by_form, operate, whole=True, max_body=MAX_BODY),
        Route(
            "GET",
            f"{v1}/channels",
            channels_by_api,
            view_,
            whole=True,
            summary="The ways in which people are told, and whether each works",
            answer=ChannelsOut,
        ),
        Route(
            "POST",
            f"{v1}/channels/test",
            test_by_api,
            operate,
            whole=True,
            max_body=MAX_BODY,
            summary="Send a test through a channel",
            body=Wish,
            answer=Trial,
            errors=(404, 429),
        ),
        Route(
            "GET",
            f"{v1}/deliveries",
            deliveries_by_api,
            view_,
            whole=True,
            summary="What was told, to whom, and what became of it",
            query=DeliveriesQuery,
            answer=DeliveriesOut,
        ),
    ]


def view(context: WebContext, params: Params) -> View:
    """Return the page; of one channel when it is named."""
    before = params.get("before", "")
    only = params.get("channel") or None

    async def values() -> Values:
        number = int(before) if before.isdecimal() and len(before) < 16 else None
        lines = await context.ledger.deliveries.latest(channel=only, limit=SHOWN + 1, before_id=number)
        return {
            "channels": await context.channels.overview(),
            "only": only,
            "deliveries": lines[:SHOWN],
            "older": lines[SHOWN - 1].id if len(lines) > SHOWN else None,
        }

    return View("channels", frozenset(), values, N_("How people are told"), lasting=2.0)


async def test_by_form(request: web.Request) -> web.Response:
    """Try the channel of the form and go back to the page. Raises 403 unless our own page sent it, 404."""
    same_origin(request, required=True)
    name = str((await request.post()).get("channel", ""))
    with suppress(TooSoon):  # the page shows what came of the last trial
        await _try(request, name)
    raise web.HTTPSeeOther("/channels")


async def test_by_api(request: web.Request) -> web.Response:
    """Try the channel that the JSON body names. Raises 400, 403, 404, 415, 429."""
    same_origin(request, required=False)
    wish = await body.decode(request, Wish)
    try:
        return _json(await _try(request, wish.channel))
    except TooSoon:
        wait = {"Retry-After": "10"}
        raise web.HTTPTooManyRequests(text=N_("this channel was tried a moment ago"), headers=wait) from None


async def _try(request: web.Request, name: str) -> Trial:
    """Try a channel, and note in the record who did. Raises `NoSuch`, `TooSoon`."""
    context = context_of(request)
    try:
        done = await context.channels.try_out(name)
    except Unknown:
        raise NoSuch("there is no such channel") from None
    await context.ledger.audit.add(
        context.now(), reader_of(request).name, "channel tested", name, done.error or "taken"
    )
    return done


async def channels_by_api(request: web.Request) -> web.Response:
    """``GET /api/v1/channels``."""
    return _json(ChannelsOut(tuple(await context_of(request).channels.overview())))


async def deliveries_by_api(request: web.Request) -> web.Response:
    """``GET /api/v1/deliveries?channel=…&state=…&limit=…&cursor=…``. Raises 400."""
    asked = query.decode(request, DeliveriesQuery)
    found = await context_of(request).ledger.deliveries.latest(
        channel=asked.channel or None,
        state=asked.state or None,
        limit=asked.limit,
        before_id=cursor.number(asked.cursor) or asked.before or None,
    )
    return _json(DeliveriesOut(tuple(found), cursor.after(found, lambda one: one.id, asked.limit)))


def _json(content: msgspec.Struct) -> web.Response:
    return web.Response(body=msgspec.json.encode(content), content_type="application/json")
