"""What works out whom an incident hits, made anew only when the inventory is another one."""

from __future__ import annotations

import asyncio

from alerts.judging.impact import Impacts
from inventory.model import Inventory


class Effects:
    """Impacts in the inventory in force: its links are worked out once."""

    def __init__(self) -> None:
        self._inventory: Inventory | None = None

    def of(self, inventory: Inventory) -> Impacts:
        """Return what works out impacts in `inventory`."""
        if self._inventory is not inventory:
            self._inventory, self._impacts = inventory, Impacts(inventory)
        return self._impacts

    async def prepare(self, inventory: Inventory) -> None:
        """Work out in a thread what is behind what; else the first reader would wait for it, and the loop with him."""
        await asyncio.to_thread(self.of(inventory).prepare)
