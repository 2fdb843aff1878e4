"""Every address of the pages and of the API, with who may use it: what is declared nowhere is refused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from monitor.access.permission import Permission
from monitor.access.reader import Reader
from monitor.web.context import WebContext
from monitor.web.peer import Peer

MAX_BODY = 64 * 1024
"""Bytes of a body, unless the route says otherwise."""
LARGEST_BODY = 4 * 1024 * 1024
"""Bytes that no route may exceed."""
PEER = web.RequestKey("peer", Peer)
READER = web.RequestKey("reader", Reader)
CONTEXT = web.RequestKey("context", WebContext)
FORM_KEY = web.RequestKey("form_key", str)
"""What a form of the reader's session carries."""
_PROGRAMS = ("/api/", "/events", "/healthz", "/readyz", "/metrics")
"""Addresses that answer programs."""


@dataclass(frozen=True)
class Route:
    """One address. What is said of its query, body and answer describes it; the handler checks them itself."""

    method: str
    path: str
    handler: Handler
    may: Permission
    whole: bool = False
    """Whether it shows or changes more than single sites: then a role that holds at some sites only does not do."""
    max_body: int = MAX_BODY
    """Bytes of the largest body."""
    summary: str = ""
    """What it does, one line of English; empty for pages."""
    query: type[msgspec.Struct] | None = None
    """Parameters behind the ``?``; an address of the API takes no others."""
    body: type | None = None
    answer: type | None = None
    status: int = 200
    """Of an answer that is not an error."""
    errors: tuple[int, ...] = ()
    """Answers besides those that follow from the rest, such as 400 for a wrong query."""
    begins: bool = False
    """Whether somebody who must set up a second factor before anything else may use it."""


class Table:
    """The routes of an application, each with what it was declared as."""

    def __init__(self, app: web.Application) -> None:
        self._app = app
        self._declared: dict[web.AbstractRoute, Route] = {}

    @property
    def routes(self) -> tuple[Route, ...]:
        """Every route in the order of its declaration, `HEAD` left out."""
        return tuple(dict.fromkeys(self._declared.values()))

    def add(self, routes: Iterable[Route]) -> None:
        """Add `routes`; a `GET` answers `HEAD` as well."""
        for route in routes:
            for method in ("GET", "HEAD") if route.method == "GET" else (route.method,):
                made = self._app.router.add_route(method, route.path, route.handler)
                self._declared[made] = route

    def declared(self, route: web.AbstractRoute) -> Route | None:
        """Return what `route` was declared as; `None` when nobody did."""
        return self._declared.get(route)


TABLE = web.AppKey("table", Table)
"""Where an application keeps its table."""


def reader_of(request: web.Request) -> Reader:
    """Return who asks."""
    return request[READER]


def context_of(request: web.Request) -> WebContext:
    """Return what whoever asks may see: handlers read board and ledger from here, never from elsewhere."""
    return request[CONTEXT]


def form_key_of(request: web.Request) -> str:
    """Return what forms of the reader's session carry; ``""`` where there is no session."""
    return str(request.get(FORM_KEY, ""))


def is_page(request: web.Request) -> bool:
    """Whether a person in a browser asks, who is told in pages and not in problem+json."""
    return not request.path.startswith(_PROGRAMS)
