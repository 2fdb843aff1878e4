"""The search: whatever is typed, the sites and devices that may be meant, with their states."""

from __future__ import annotations

import msgspec

from alerts.incident import DeviceState
from inventory.search import Found, Hit
from monitor.web.context import WebContext
from monitor.web.language import N_
from monitor.web.live import STATES
from monitor.web.view import Params, Values, View

SHOWN = 50


class Row(msgspec.Struct, frozen=True):
    """One thing that was found."""

    hit: Hit
    state: DeviceState


def view(context: WebContext, params: Params) -> View:
    """Return what ``q`` finds."""
    text = params.get("q", "").strip()

    async def values() -> Values:
        found = await context.finder.find(context.board.inventory, text, SHOWN)
        return {"text": text, "total": found.total, "rows": rows(context, found)}

    return View("search", frozenset({STATES}), values, N_("Search"), text)


def rows(context: WebContext, found: Found) -> list[Row]:
    """Return what was found with the present state; what an edit took away meanwhile is left out."""
    board, rows = context.board, []
    for hit in found.hits:
        if hit.site.id not in board.inventory.sites:
            continue
        summary = context.summaries.of(board, board.inventory.sites[hit.site.id])
        if hit.device is None:
            rows.append(Row(hit, summary.state))
        else:
            rows += [Row(hit, view.state) for view in summary.devices if view.device.id == hit.device.id]
    return rows
