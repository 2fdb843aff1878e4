"""Whom an outage hits: the services that stop working, through all that need them, and how many communes use them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase
from functools import cached_property

import msgspec

from alerts.incident import Incident, Kind
from alerts.judging.condition import DeviceDown, Outage, Service
from alerts.judging.topology import Topology
from alerts.rule import RuleBook
from inventory.model import Inventory, Site
from inventory.model import Service as UsedService

MANAGEMENT = frozenset({"icmp", "snmp", "ssh"})
"""Checks that fail without any service for people failing."""


class Impact(msgspec.Struct, frozen=True):
    """What an incident hits."""

    devices: tuple[str, ...] = ()
    """Devices that are cut off, the one it is about first."""
    cut_off: tuple[str, ...] = ()
    """Sites that cannot be reached at all."""
    services: tuple[UsedService, ...] = ()
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

    def prepare(self) -> None:
        """Work out what is behind what. Takes a while in a nation."""
        self._topology  # noqa: B018 - it is kept

    def by_rule(self, incident: Incident, rules: RuleBook) -> Impact:
        """Return what an incident hits by what its rule is about: a full disk alone stops nothing."""
        rule = rules.get(incident.key.rule)
        if rule is None or rule.kind is not Kind.INCIDENT:
            return Impact()
        if isinstance(rule.condition, DeviceDown | Outage):
            return self.of(incident)
        if isinstance(rule.condition, Service) and incident.key.check not in MANAGEMENT:
            return self.of(incident, whole=False)
        return Impact()

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

    def _stopped(self, lost: Collection[str]) -> Iterable[UsedService]:
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

    def _users(self, services: Iterable[UsedService]) -> Iterable[str]:
        services = tuple(services)
        for site in self._inventory.sites.values() if services else ():
            if any(uses(site, one) for one in services):
                yield site.id


def uses(site: Site, service: UsedService) -> bool:
    """Whether people at `site` use `service`."""
    if not service.used_by:
        return site.kind == "commune"
    return any(fnmatchcase(site.id, pattern) for pattern in service.used_by)
