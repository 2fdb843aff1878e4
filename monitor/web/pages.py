"""The pages: a frame around a view, and the stream that keeps the view current."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlencode

from aiohttp import web
from aiohttp.typedefs import Handler

from monitor.access.permission import Permission
from monitor.access.reader import Reader
from monitor.ledger import LedgerError
from monitor.store import StoreUnavailable
from monitor.web import (
    atlas,
    audit,
    channels,
    coverage,
    demo,
    device,
    drift,
    duty,
    editing,
    health,
    incidents,
    kiosk,
    neighbours,
    profiles,
    quality,
    quiet,
    search,
    services,
    site,
    wall,
)
from monitor.web.context import WebContext
from monitor.web.guard import GUARD
from monitor.web.language import COOKIE, N_, chosen
from monitor.web.live import Feed
from monitor.web.narrow.monitoring import own_topics
from monitor.web.places import Places
from monitor.web.rendered import BEGIN, Rendered, packed
from monitor.web.route import READER, Route, context_of, form_key_of, reader_of
from monitor.web.templating import Templates
from monitor.web.view import Fragments, NoSuch, View, ViewFactory

MAX_VIEWERS = 1000
HEARTBEAT = 10.0
"""Seconds after which a viewer hears something even if nothing changed."""
_YEAR = 365 * 86400
_THEMES = ("light", "dark", "contrast")


@dataclass(frozen=True)
class Page:
    """An address, the view it shows, and the parameters that choose it."""

    path: str
    view: ViewFactory
    params: tuple[str, ...] = ()
    may: Permission = Permission.VIEW
    whole: bool = False
    """Whether it shows more than single sites, so that a role that holds at some sites only does not do."""


PAGES: Mapping[str, Page] = {
    "wall": Page("/", wall.view, ("province",)),
    "kiosk": Page("/wall", kiosk.view),
    "map": Page("/map", atlas.view, ("by",)),
    "services": Page("/services", services.view),
    "site": Page("/sites/{site}", site.view, ("site",)),
    "device": Page("/devices/{site}/{name}", device.view, ("site", "name")),
    "incidents": Page("/incidents", incidents.list_view, incidents.PARAMS),
    "incident": Page("/incidents/{id}", incidents.view, ("id",)),
    "quiet": Page("/quiet", quiet.view),
    "findings": Page("/findings", incidents.findings_view),
    "duty": Page("/duty", duty.view),
    "who": Page("/duty/who", duty.who_view, ("about", "severity", "at")),
    "search": Page("/search", search.view, ("q",)),
    "coverage": Page("/inventory", coverage.view, whole=True),
    "drift": Page("/inventory/drift", drift.view, whole=True),
    "neighbours": Page("/inventory/neighbours", neighbours.view, whole=True),
    "profiles": Page("/inventory/profiles", profiles.view, ("profile",), whole=True),
    "files": Page("/inventory/files", editing.files_view, whole=True),
    "revisions": Page("/inventory/revisions", editing.revisions_view, ("before",), whole=True),
    "audit": Page("/inventory/audit", audit.view, may=Permission.ADMIN, whole=True),
    "quality": Page("/quality", quality.view, whole=True),
    "channels": Page("/channels", channels.view, ("channel", "before"), whole=True),
    "health": Page("/health", health.view, whole=True),
    "demo": Page("/demo", demo.view, whole=True),
    "phone": Page("/demo/phone", demo.phone_view, whole=True),
}


class Pages:
    """The handlers of every page and of the stream."""

    def __init__(self, context: WebContext, templates: Templates, feed: Feed) -> None:
        self._context = context
        self._templates = templates
        self._feed = feed
        self._fragments = Fragments(context, templates, feed)
        self._places = Places(MAX_VIEWERS, N_("too many viewers"))

    @property
    def feed(self) -> Feed:
        """What changed since a viewer last looked."""
        return self._feed

    def routes(self) -> list[Route]:
        """Return the routes of every page, and ``/events``."""
        found = [
            Route("GET", page.path, self._handler(name), page.may, whole=page.whole)
            for name, page in PAGES.items()
        ]
        return [*found, Route("GET", "/events", self.events, Permission.VIEW)]

    async def events(self, request: web.Request) -> web.StreamResponse:
        """``GET /events?view=NAME&…``: the view's HTML as server-sent events, now and after every change."""
        name = request.query.get("view", "wall")
        if name not in PAGES:
            raise NoSuch("there is no such view")
        if not reader_of(request).may(PAGES[name].may, whole=PAGES[name].whole):
            raise web.HTTPForbidden(text=f"this wants the permission {PAGES[name].may}")
        with self._places.taken(request):
            return await self._follow(request, name)

    async def _follow(self, request: web.Request, name: str) -> web.StreamResponse:
        view, key = self._view(request, name, request.query)
        language, reader, form_key = (
            chosen(request, self._context.language),
            reader_of(request),
            form_key_of(request),
        )
        board = context_of(request).board
        topics = own_topics(board, view.topics)
        version = self._feed.version(topics)
        shown = await self._fragments.render(view, key, language, reader, topics)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        small = "gzip" in request.headers.get("Accept-Encoding", "")
        if small:
            response.headers["Content-Encoding"] = "gzip"
        await response.prepare(request)
        seen = request.headers.get("Last-Event-ID") or request.query.get("seen", "")
        try:
            if small:
                await response.write(BEGIN)
            while not self._feed.closed and request.app[GUARD].still(request):
                await response.write(_told(shown, seen, form_key, small=small))
                seen = shown.digest
                topics = own_topics(board, view.topics)
                await self._feed.changed(topics, version, HEARTBEAT)
                version = self._feed.version(topics)  # before reading: what comes later is seen later
                with suppress(LedgerError, StoreUnavailable):  # what was read last stays, the reader too
                    shown = await self._fragments.render(view, key, language, reader, topics)
        except ConnectionResetError:
            pass  # the reader left
        return response

    async def frame(
        self, request: web.Request, name: str, values: Mapping[str, object], status: int = 200
    ) -> web.Response:
        """Return a whole page: ``templates/frame.html`` or another template that extends it."""
        language = chosen(request, self._context.language)
        theme = request.cookies.get("theme", "")
        everything = {
            "path": request.path,
            "question": request.query.get("q", "")[:255] if request.path == "/search" else "",
            "other_language": "?" + urlencode({**request.query, "lang": "en" if language == "vi" else "vi"}),
            "theme": theme if theme in _THEMES else "",
            "kiosk": False,
            "demo": self._context.demo is not None,
            "login": self._context.access is not None,
            **_of_reader(request.get(READER)),
            **values,
        }
        html = self._templates.keyed(self._templates.render(name, language, everything), form_key_of(request))
        response = web.Response(text=html, status=status, content_type="text/html")
        response.enable_compression()
        if request.query.get("lang") == language:
            response.set_cookie(COOKIE, language, max_age=_YEAR, httponly=True, samesite="Lax")
        return response

    def _handler(self, name: str) -> Handler:
        async def handler(request: web.Request) -> web.StreamResponse:
            if name == "wall" and request.query.get("kiosk") == "1":  # where it was until version 0.2
                raise web.HTTPFound("/wall?kiosk=1")
            view, key = self._view(request, name, {**request.query, **request.match_info})
            language = chosen(request, self._context.language)
            shown = await self._fragments.render(
                view, key, language, reader_of(request), own_topics(context_of(request).board, view.topics)
            )
            query = f"{key}&lang={language}&seen={shown.digest}"
            given = {
                "page": name,
                "view": view,
                "html": shown.html,
                "stream": f"/events?{query}",
                "kiosk": name == "kiosk",
            }
            return await self.frame(request, "frame", given)

        return handler

    def _view(self, request: web.Request, name: str, params: Mapping[str, str]) -> tuple[View, str]:
        page = PAGES[name]
        kept = {param: params[param][:255] for param in page.params if param in params}
        return page.view(context_of(request), kept), urlencode({"view": name, **kept})


def _told(shown: Rendered, seen: str, form_key: str, *, small: bool) -> bytes:
    """Return what a viewer is sent who has `seen`."""
    if shown.digest == seen:
        return _ALIVE_PACKED if small else _ALIVE
    return shown.packed(form_key) if small else shown.message(form_key)


def _of_reader(reader: Reader | None) -> Mapping[str, object]:
    """Return what a page says of whoever reads it; `None` is somebody whom nobody knows."""
    if reader is None:
        return {"reader": None, "may": frozenset({Permission.PUBLIC}), "whole": False}
    allowed = frozenset(permission for permission in Permission if reader.may(permission))
    return {"reader": reader, "may": allowed, "whole": reader.scope.is_everywhere}


_ALIVE = b"event: alive\ndata:\n\n"
_ALIVE_PACKED = packed(_ALIVE)
