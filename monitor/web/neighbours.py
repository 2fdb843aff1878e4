"""What is connected where, as the devices see it: links the inventory does not have, and what is not in it at all."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from inventory.model import Inventory
from monitor.board import Board
from monitor.neighbours import MARK, Neighbourhood, neighbourhood
from monitor.web.context import WebContext
from monitor.web.language import N_
from monitor.web.view import Params, Values, View
from probes.core.observation import Fact

SHOWN = 200
"""Rows of each list; of more only the number is told."""


_AT_ONCE = 1000
"""Devices looked at between two turns of the loop."""


async def around(context: WebContext) -> tuple[Neighbourhood, int]:
    """Return what devices say of their neighbours, and how many of them were asked; a nation holds the loop nowhere."""
    inventory, names = context.board.inventory, context.ledger.identities.names
    said = await _seen(context.board, inventory)
    return await asyncio.to_thread(neighbourhood, inventory, said, names), len(said)


async def _seen(board: Board, inventory: Inventory) -> dict[str, Sequence[Fact]]:
    """Return what each device that was asked said of its neighbours."""
    found: dict[str, Sequence[Fact]] = {}
    for number, device in enumerate(inventory.devices, 1):
        if device not in board.inventory.devices:
            continue  # an edit took it away meanwhile
        for check in board.checks(device):
            last = board.last(check.id)
            if last is not None and any(fact.name == MARK for fact in last.facts):
                found[device] = last.facts
        if number % _AT_ONCE == 0:
            await asyncio.sleep(0)
    return found


def view(context: WebContext, params: Params) -> View:
    """Return the page of neighbours."""

    async def values() -> Values:
        inventory = context.board.inventory
        found, asked = await around(context)
        return {
            "proposals": found.proposals[:SHOWN],
            "strangers": found.strangers[:SHOWN],
            "more_proposals": max(0, len(found.proposals) - SHOWN),
            "more_strangers": max(0, len(found.strangers) - SHOWN),
            "links": len(found.links),
            "asked": asked,
            "devices": inventory.devices,
            "sites": inventory.sites,
        }

    return View("neighbours", frozenset(), values, N_("Inventory: neighbours"))
