"""The monitor's own health: does it keep up, does it store, does it tell."""

from __future__ import annotations

from monitor.web.context import WebContext
from monitor.web.language import N_
from monitor.web.view import Params, Values, View


def view(context: WebContext, params: Params) -> View:
    """Return the health page."""

    async def values() -> Values:
        state = context.reloader.state if context.reloader else None
        return {"vitals": context.vitals(), "state": state}

    return View("health", frozenset(), values, N_("The monitor itself"), lasting=2.0)
