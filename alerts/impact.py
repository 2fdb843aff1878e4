"""Whom an outage hits: the services that stop working, through all that need them, and how many communes use them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase
from functools import cached_property

import msgspec

from alerts.incident import Incident
from alerts.topology import Topology
from inventory.model import Inventory, Service


class Impact(msgspec.Struct, frozen=True):
    """What an incident hits."""

    devices: tuple[str, ...] = ()
    """Devices that are cut off, the one it is about first."""
    cut_off: tuple[str, ...] = ()
    """Sites that cannot be reached at all."""
    services: tuple[Service, ...] = ()
    """Services that do not work, those that run on the devices first."""
    users: tuple[str, ...] = ()
    """Sites that lack one of those services."""


class Impacts:
    """Works out impacts in one inventory; nothing is worked out before it is asked for."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory

    @cached_property
    def _topology(self) -> Topology:
        return Topology(self._inventory)

    def of(self, incident: Incident, *, whole: bool = True) -> Impact:
        """Return what an incident hits; not `whole` when its device lives, so that only what runs on it may fail."""
        key, inventory = incident.key, self._inventory
        lost: dict[str, None] = {}
        for site in incident.sites:
            if site in inventory.sites:
                lost |= dict.fromkeys(device.id for device in inventory.sites[site].devices)
        if key.device in inventory.devices:
            lost[key.device] = None
        if whole:
            for device in tuple(lost):
                lost |= dict.fromkeys(self._topology.behind(device))
        services = tuple(self._stopped(lost))
        return Impact(tuple(lost), tuple(self._cut_off(lost)), services, tuple(self._users(services)))

    def _cut_off(self, lost: Collection[str]) -> Iterable[str]:
        for site in dict.fromkeys(device.partition("/")[0] for device in lost):
            if all(device.id in lost for device in self._inventory.sites[site].devices):
                yield site

    def _stopped(self, lost: Collection[str]) -> Iterable[Service]:
        """Yield the services that run on what is lost, then those that need them, the nearer first."""
        services = self._inventory.services
        stopped = {
            name: one for name, one in services.items() if any(device in lost for device in one.runs_on)
        }
        while more := {
            name: one
            for name, one in services.items()
            if name not in stopped and any(needed in stopped for needed in one.needs)
        }:
            stopped |= more
        return stopped.values()

    def _users(self, services: Iterable[Service]) -> Iterable[str]:
        patterns = [one.used_by for one in services]
        for site in self._inventory.sites.values() if patterns else ():
            if any(_uses(site.id, site.kind, used_by) for used_by in patterns):
                yield site.id


def _uses(site: str, kind: str, used_by: tuple[str, ...]) -> bool:
    return any(fnmatchcase(site, pattern) for pattern in used_by) if used_by else kind == "commune"
