"""The routes of an application that nobody will ask: enough to describe them without a running service."""

from __future__ import annotations

from typing import Any, cast

from monitor.web.app import routes
from monitor.web.context import WebContext
from monitor.web.pages import Pages
from monitor.web.route import Route


class _Nothing:
    """Has every attribute, and each is nothing."""

    def __getattr__(self, name: str) -> _Nothing:
        return self


def unasked_routes() -> list[Route]:
    """Return every route; none of their handlers can answer."""
    nothing: Any = _Nothing()
    return routes(cast(WebContext, nothing), cast(Pages, _NoPages()))


class _NoPages(_Nothing):
    def routes(self) -> list[Route]:
        """Return no page."""
        return []
