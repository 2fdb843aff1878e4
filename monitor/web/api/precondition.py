"""Changing a thing only if it is as it was read: ``If-Match`` with its ETag, 412 when it is not (RFC 9110, 13.1)."""

from __future__ import annotations

import hashlib

from aiohttp import web
from multidict import istr

from monitor.web.api.watched import answer

ETAG = istr("ETag")


def tagged(content: object, status: int = 200, tag: str = "") -> web.Response:
    """Return `content` as JSON with a strong ETag, which ``If-Match`` may name; of the content unless given."""
    made = answer(content, status)
    made.headers[ETAG] = f'"{tag or tag_of(made)}"'
    return made


def tag_of(found: web.Response) -> str:
    """Return what tells two answers apart."""
    return hashlib.blake2b(found.body if isinstance(found.body, bytes) else b"", digest_size=12).hexdigest()


def must_match(request: web.Request, present: web.Response | None) -> None:
    """Raise 412 when the request names another state than `present`, the answer to a read; `None` for nothing there.

    Call it right before the change, so that nothing comes between.
    """
    wanted, unwanted = request.if_match, request.if_none_match
    tag = present.headers[ETAG].strip('"') if present is not None else ""
    if wanted is not None and not any(not one.is_weak and one.value in (tag, "*") for one in wanted if tag):
        raise web.HTTPPreconditionFailed(
            text="it is not as it was read: read it again, and send its new ETag"
        )
    if unwanted is not None and tag and any(one.value in (tag, "*") for one in unwanted):
        raise web.HTTPPreconditionFailed(text="it is there already: read it, and send its ETag as If-Match")


def must_name_state(request: web.Request) -> None:
    """Raise 428 for a change that does not say which state it is meant for."""
    if request.if_match is None and request.if_none_match is None:
        raise web.HTTPPreconditionRequired(
            text="say which state is meant: If-Match with the ETag of the read, or If-None-Match: * for what is new"
        )
