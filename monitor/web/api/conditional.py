"""What every answer of the API has in common: no unknown parameter, an ETag, and less to carry."""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from monitor.web import query
from monitor.web.api.openapi import PREFIX
from monitor.web.api.precondition import ETAG, tag_of
from monitor.web.route import Table

SMALL = 1024
"""Bytes that are not worth compressing."""


def api_answers(table: Table) -> Middleware:
    """Return the middleware in front of the API's handlers."""

    @web.middleware
    async def answers(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.path.startswith(PREFIX) or request.match_info.http_exception is not None:
            return await handler(request)
        route = table.declared(request.match_info.route)
        if route is not None and route.query is None:
            query.decode(request, query.Nothing)
        found = await handler(request)
        reads = request.method in ("GET", "HEAD") and found.status == 200
        return conditional(request, found) if reads and isinstance(found, web.Response) else found

    return answers


def conditional(request: web.Request, found: web.Response) -> web.Response:
    """Return an answer with its ETag; 304 without a body when the reader has it (RFC 9110, 13.1.2).

    One that has a strong ETag already, for ``If-Match``, stays as it is: compressed it would be another.
    """
    body = found.body
    if not isinstance(body, bytes):
        return found
    strong = found.headers.get(ETAG, "")
    tag = strong.strip('"') or tag_of(found)
    known = request.if_none_match or ()
    if any(one.value in (tag, "*") for one in known):
        found = web.Response(status=304)
    elif len(body) >= SMALL and not strong:
        found.enable_compression()
    found.headers[ETAG] = strong or f'W/"{tag}"'
    found.headers["Vary"] = "Accept-Encoding"
    return found
