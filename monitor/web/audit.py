"""Who did what to secrets, addresses and host keys, and whether that record is as it was written."""

from __future__ import annotations

from monitor.web.context import WebContext
from monitor.web.language import N_
from monitor.web.view import Params, Values, View

SHOWN = 200
"""Lines of the page; `commune-monitor audit` prints more."""


def view(context: WebContext, params: Params) -> View:
    """Return the page of the record."""

    async def values() -> Values:
        entries = await context.ledger.audit.newest(SHOWN + 1)
        found = await context.ledger.audit.verify()
        return {"entries": entries[:SHOWN], "more": len(entries) > SHOWN, "broken": found.broken_at}

    return View("audit", frozenset(), values, N_("Inventory: who did what"))
