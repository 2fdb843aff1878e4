"""The search: whatever is typed, the sites and devices that may be meant, with their states."""

from __future__ import annotations

import msgspec

from alerts.incident import DeviceState
from inventory.search import Found, Hit
from monitor.board import Board
from monitor.web.context import WebContext
from monitor.web.language import N_
from monitor.web.live import STATES
from monitor.web.summary import open_entries, summarise, view_device
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
        return {"text": text, "total": found.total, "rows": rows(context.board, found)}

    return View("search", frozenset({STATES}), values, N_("Search"), text)


def rows(board: Board, found: Found) -> list[Row]:
    """Return what was found with the present state; what an edit took away meanwhile is left out."""
    entries = open_entries(board)
    rows = []
    for hit in found.hits:
        open_here = entries.get(hit.site.id, ())
        if hit.device is None and hit.site.id in board.inventory.sites:
            site = board.inventory.sites[hit.site.id]
            rows.append(Row(hit, summarise(board, site, open_here).state))
        elif hit.device is not None and hit.device.id in board.inventory.devices:
            device = board.inventory.devices[hit.device.id]
            rows.append(Row(hit, view_device(board, device, open_here).state))
    return rows
