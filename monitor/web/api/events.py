"""What happens, as it happens, for programs: server-sent events of JSON, replayed from the ledger after a break."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import ClassVar

import msgspec
from aiohttp import web
from msgspec import UNSET, UnsetType

from monitor.access.permission import Permission
from monitor.ledger import LedgerError
from monitor.ledger.steps import MOST, Written
from monitor.web import query
from monitor.web.context import WebContext
from monitor.web.guard import GUARD
from monitor.web.live import STATES, Feed
from monitor.web.narrow.monitoring import own_topics
from monitor.web.places import Places
from monitor.web.problem import Mistake, Wrong
from monitor.web.route import Route, context_of
from monitor.web.shapes import DeviceOut, device_out
from monitor.web.summary import SiteSummary

MAX_VIEWERS = 200
HEARTBEAT = 10.0
"""Seconds after which a reader hears something though nothing happened."""
_ALIVE = b": alive\n\n"


class EventsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From where; the header ``Last-Event-ID`` goes before."""

    since: query.Number | UnsetType = UNSET


class EventOut(msgspec.Struct, frozen=True, omit_defaults=True):
    """The data of one event: a step where it is ``incident``, with its number as the id; a device where ``device``."""

    CONTENT_TYPE: ClassVar[str] = "text/event-stream"
    step: Written | UnsetType = UNSET
    device: DeviceOut | UnsetType = UNSET


class Events:
    """The handler."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._places = Places(MAX_VIEWERS, "too many readers")

    def routes(self) -> list[Route]:
        """Return the route."""
        summary = "What happens, as it happens: server-sent events; `Last-Event-ID` replays what was missed"
        return [
            Route("GET", "/api/v1/events", self.events, Permission.VIEW, summary=summary, query=EventsQuery,
                  answer=EventOut),
        ]  # fmt: skip

    async def events(self, request: web.Request) -> web.StreamResponse:
        """``GET /api/v1/events?since=``: steps after a number, those to come unless told; and states of devices."""
        context = context_of(request)
        last = _since(request)
        if last is None:
            last = await context.ledger.steps.newest()
        with self._places.taken(request):
            return await self._follow(request, context, last)

    async def _follow(self, request: web.Request, context: WebContext, last: int) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        try:
            if request.method == "GET":
                await self._tell(request, response, context, last)
        except ConnectionResetError:
            pass  # the reader left
        return response

    async def _tell(
        self, request: web.Request, response: web.StreamResponse, context: WebContext, last: int
    ) -> None:
        states = _States(context)
        await response.write(f"id: {last}\nevent: begin\ndata: {{}}\n\n".encode())
        while not self._feed.closed and request.app[GUARD].still(request):
            topics = own_topics(context.board, frozenset({STATES}))
            version = self._feed.version(topics)  # before reading: what comes later is seen later
            with suppress(LedgerError):  # it is read again
                while found := await context.ledger.steps.after(last):
                    last = found[-1].id
                    await response.write(b"".join(map(_of_step, context.ledger.steps.visible(found))))
                    if len(found) < MOST:
                        break
            await response.write(b"".join(map(_of_device, states.changed())) + _ALIVE)
            await self._feed.changed(topics, version, HEARTBEAT)


class _States:
    """What a reader was told of the devices: the summaries that all share, so it costs a reference for each site."""

    def __init__(self, context: WebContext) -> None:
        self._context = context
        self._told = {one.site.id: one for one in context.summaries.every(context.board)}

    def changed(self) -> Iterator[DeviceOut]:
        """Yield the devices whose state is another than was told."""
        now = {one.site.id: one for one in self._context.summaries.every(self._context.board)}
        for id, one in now.items():
            if one is not self._told.get(id):
                yield from _differing(self._told.get(id), one)
        self._told = now


def _differing(before: SiteSummary | None, after: SiteSummary) -> Iterator[DeviceOut]:
    known = {view.device.id: view.status for view in before.devices} if before else {}
    yield from (device_out(view) for view in after.devices if known.get(view.device.id) != view.status)


def _since(request: web.Request) -> int | None:
    asked = query.decode(request, EventsQuery).since
    text = request.headers.get("Last-Event-ID", "")
    if not text:
        return None if isinstance(asked, UnsetType) else asked
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise Wrong(
            [Mistake("Last-Event-ID is the id of an event of this stream", parameter="Last-Event-ID")]
        )
    return int(text)


def _of_step(step: Written) -> bytes:
    data = msgspec.json.encode(EventOut(step=step))
    return b"id: %d\nevent: incident\ndata: %s\n\n" % (step.id, data)


def _of_device(device: DeviceOut) -> bytes:
    return b"event: device\ndata: %s\n\n" % msgspec.json.encode(EventOut(device=device))
