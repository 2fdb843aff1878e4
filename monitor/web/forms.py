"""Forms that people send, as texts of bounded length."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import urlsplit

from aiohttp import web

Frame = Callable[..., Awaitable[web.Response]]
"""Makes a whole page: request, template, values, status."""
MAX_FIELD = 2000


async def fields(request: web.Request) -> Mapping[str, str]:
    """Return the fields of a form; what is no text or too long is cut."""
    form = await request.post()
    return {name: value[:MAX_FIELD] for name, value in form.items() if isinstance(value, str)}


def own_address(text: str) -> str:
    """Return `text` when it is an address of ours, else that of the wall: a sign-in leads nobody elsewhere."""
    if not text.startswith("/") or not text.isprintable() or "\\" in text:
        return "/"
    try:
        parts = urlsplit(text)
    except ValueError:
        return "/"
    return "/" if parts.scheme or parts.netloc or text.startswith("//") else text
