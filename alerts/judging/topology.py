"""What is behind what: parents, children, and everything that is cut off with a device."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from inventory.model import Inventory


class Topology:
    """Parent links of an inventory, both ways. Links to devices that do not exist are left out."""

    def __init__(self, inventory: Inventory) -> None:
        devices = inventory.devices
        self.parents = {
            device.id: tuple(parent for parent in device.parents if parent in devices and parent != device.id)
            for device in devices.values()
        }
        self.every = frozenset(device.id for device in devices.values() if device.every_parent)
        """Devices that need all of their parents."""
        children: dict[str, list[str]] = {}
        for child, parents in self.parents.items():
            for parent in parents:
                children.setdefault(parent, []).append(child)
        self._above: dict[str, tuple[str, ...]] = {}
        self.children = {parent: tuple(behind) for parent, behind in children.items()}

    def above(self, device: str) -> tuple[str, ...]:
        """Return every device before one, the nearest first; remembered, for it is asked at every silence."""
        known = self._above.get(device)
        if known is None:
            found: dict[str, None] = {}
            waiting = [device]
            while waiting:
                fresh = [parent for parent in self.parents[waiting.pop(0)] if parent not in found]
                found |= dict.fromkeys(fresh)
                waiting += fresh
            known = self._above[device] = tuple(found)
        return known

    def suffices(self, device: str, of_parents: Iterable[bool]) -> bool:
        """Whether what holds `of_parents` cuts a device off: of one of them if it needs all, else of all."""
        return any(of_parents) if device in self.every else all(of_parents)

    def behind(self, device: str, also_down: Collection[str] = ()) -> tuple[str, ...]:
        """Return every device that loses its last way when `device` fails, in the order found.

        `also_down` names devices that are down besides.
        """
        lost = {device}
        order: list[str] = []
        frontier = [device]
        while frontier:
            for child in self.children.get(frontier.pop(0), ()):
                gone = [parent in lost or parent in also_down for parent in self.parents[child]]
                if self.suffices(child, gone) and child not in lost:
                    lost.add(child)
                    order.append(child)
                    frontier.append(child)
        return tuple(order)
