"""Devices that are not what the inventory says: reported here, changed by nobody but people."""

from __future__ import annotations

import asyncio

from inventory.model import Inventory
from monitor.drift import Drift, drift
from monitor.ledger.identities import Traits
from monitor.web.context import WebContext
from monitor.web.language import N_
from monitor.web.view import Params, Values, View

SHOWN = 200
"""Rows of the list; of more only the number is told."""


def view(context: WebContext, params: Params) -> View:
    """Return the page of differences."""

    async def values() -> Values:
        inventory, seen = context.board.inventory, context.ledger.identities.traits
        found = await differences(inventory, seen)
        return {
            "rows": [
                (one, inventory.devices[one.device], inventory.site_of(one.device)) for one in found[:SHOWN]
            ],
            "count": len(found),
            "shown": SHOWN,
            "identified": sum(device in seen for device in inventory.devices),
            "expected": sum(device.expect is not None for device in inventory.devices.values()),
            "devices": inventory.devices,
        }

    return View("drift", frozenset(), values, N_("Inventory: differences"))


async def differences(inventory: Inventory, seen: Traits) -> list[Drift]:
    """Return every difference; worked out in a thread, for a nation would hold the loop."""
    return await asyncio.to_thread(lambda: list(drift(inventory, seen)))
