"""Who may send traps: the device at an address, and the credential its notifications must be made with."""

from __future__ import annotations

from collections.abc import Iterable

from inventory.model import Inventory
from inventory.secrets import Credential
from probes.core.probe import Check


class Sources:
    """The devices of the inventory in force."""

    def __init__(self, inventory: Inventory, plan: Iterable[Check]) -> None:
        self.follow(inventory, plan)

    def follow(self, inventory: Inventory, plan: Iterable[Check]) -> None:
        """Know the devices of another inventory from now on."""
        self._devices = {device.address: device.id for device in inventory.devices.values()}
        self._credentials = {check.device: check.target.credential for check in plan if check.probe == "snmp"}

    def device(self, address: str) -> str | None:
        """Return the device at an address, if there is one."""
        return self._devices.get(address)

    def credential(self, device: str) -> Credential | None:
        """Return what a device's notifications must be made with."""
        return self._credentials.get(device)
