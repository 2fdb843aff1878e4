"""What nobody narrowed yet is refused to somebody of some sites, not shown."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from monitor.web.language import N_


class Refusing:
    """What it has no method for is refused: a part of the service that nobody narrowed yet shows nothing."""

    def __getattr__(self, name: str) -> Any:
        raise web.HTTPForbidden(text=N_("this is about every site, and your role holds for some sites only"))
