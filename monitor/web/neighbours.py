"""What is connected where, as the devices see it: links the inventory does not have, and what is not in it at all."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.board import Board
from monitor.neighbours import MARK, neighbourhood
from monitor.web.context import WebContext
from monitor.web.language import N_
from monitor.web.view import Params, Values, View
from probes.core.observation import Fact

SHOWN = 200
"""Rows of each list; of more only the number is told."""


def seen(board: Board) -> dict[str, Sequence[Fact]]:
    """Return what each device that was asked said of its neighbours."""
    found: dict[str, Sequence[Fact]] = {}
    for device in board.inventory.devices:
        for check in board.checks(device):
            last = board.last(check.id)
            if last is not None and any(fact.name == MARK for fact in last.facts):
                found[device] = last.facts
    return found


def view(context: WebContext, params: Params) -> View:
    """Return the page of neighbours."""

    async def values() -> Values:
        inventory, said = context.board.inventory, seen(context.board)
        around = neighbourhood(inventory, said, context.ledger.identities.names)
        return {
            "proposals": around.proposals[:SHOWN],
            "strangers": around.strangers[:SHOWN],
            "more_proposals": max(0, len(around.proposals) - SHOWN),
            "more_strangers": max(0, len(around.strangers) - SHOWN),
            "links": len(around.links),
            "asked": len(said),
            "devices": inventory.devices,
            "sites": inventory.sites,
        }

    return View("neighbours", frozenset(), values, N_("Inventory: neighbours"))
