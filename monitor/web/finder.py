"""The index that searches ask, made anew in a thread whenever the inventory is another one."""

from __future__ import annotations

import asyncio

from inventory.communes import Communes
from inventory.model import Inventory
from inventory.search import Found, Index


class Finder:
    """Finds sites and devices of the inventory in force."""

    def __init__(self) -> None:
        self._inventory: Inventory | None = None
        self._index: asyncio.Future[Index] | None = None

    async def find(self, inventory: Inventory, text: str, limit: int) -> Found:
        """Return what `text` finds in `inventory`; questions that come meanwhile wait for the same index."""
        if self._index is None or self._inventory is not inventory:
            self._inventory = inventory
            self._index = asyncio.ensure_future(asyncio.to_thread(_made, inventory))
        index = await asyncio.shield(self._index)
        return await asyncio.to_thread(index.find, text, limit)


def _made(inventory: Inventory) -> Index:
    return Index(inventory, Communes.load())
