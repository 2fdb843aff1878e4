"""The one door: who asks, whether they may, and what of the monitor they are shown."""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from monitor.access.permission import Role
from monitor.access.reader import Reader
from monitor.web.context import WebContext
from monitor.web.route import CONTEXT, READER, Table


def guard(context: WebContext, table: Table) -> Middleware:
    """Return the middleware that lets through what `table` declares and the reader may do, nothing else."""

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        request[READER], request[CONTEXT] = _everybody(request), context
        if request.match_info.http_exception is not None:
            return await handler(request)  # there is no such address, which is said to everybody
        route = table.declared(request.match_info.route)
        if route is None:
            raise web.HTTPForbidden(text="nobody said who may use this address")
        if not request[READER].may(route.may, whole=route.whole):
            raise web.HTTPForbidden(text=f"this wants the permission {route.may}")
        return await handler(request)

    return guarded


def _everybody(request: web.Request) -> Reader:
    """Return whoever asks where there is no login."""
    return Reader(f"web {request.remote or ''}".strip(), Role.ADMIN)
