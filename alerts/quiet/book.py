"""Everything that is quiet in one inventory, and the one question: does something hide this incident now?

An incident of a device is hidden by what means the device, its check and its rule. That of a site as a whole is hidden
when every way into the site is (each device without a parent in it); that of several sites when all of them are. The
incident about the monitor itself is hidden only by what names its rule.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

import msgspec

from alerts.incident import Incident, IncidentKey
from alerts.quiet.quiet import Quiet, QuietKind, devices_meant, literal
from inventory.model import Device, Inventory
from inventory.selector import Selector


class Hidden(msgspec.Struct, frozen=True):
    """What hides something, and until when."""

    quiet: Quiet
    until: datetime


class Book:
    """Immutable; asked from any thread."""

    def __init__(self, quiets: Iterable[Quiet], inventory: Inventory) -> None:
        self.quiets = tuple(quiets)
        self.inventory = inventory
        self._anywhere: list[Quiet] = []
        self._at: defaultdict[str, list[Quiet]] = defaultdict(list)
        """Those that name their sites, by site: of a nation's thousand silences few concern a site."""
        for quiet in self.quiets:
            if quiet.where.site and literal(quiet.where.site):
                for site in dict.fromkeys(quiet.where.site):
                    self._at[site].append(quiet)
            else:
                self._anywhere.append(quiet)

    def hides(self, incident: Incident, moment: datetime) -> Hidden | None:
        """Return what hides an incident at a moment, `None` when people are to be told."""
        return self.hides_key(incident.key, incident.sites, moment)

    def hides_key(self, key: IncidentKey, sites: tuple[str, ...], moment: datetime) -> Hidden | None:
        """Return what hides what `key` is about; `sites` when that is several sites."""
        device = self.inventory.devices.get(key.device)
        if device is not None:
            return self._hides_device(device, key, moment)
        if key.at_large and not sites:
            return _latest(
                one for one in self._active(self._anywhere, moment) if _names_rule_only(one.quiet, key)
            )
        return _first(
            [self._hides_site(site, key, moment) for site in sites or (key.device.partition("/")[0],)]
        )

    def of_device(self, device: Device) -> list[Quiet]:
        """Return all that is about a device or something of it, whenever."""
        every = (*self._anywhere, *self._at.get(device.site, ()))
        return [quiet for quiet in every if quiet.where.matches_device(device)]

    def under_maintenance(self, moment: datetime) -> Mapping[str, Hidden]:
        """Return what is under maintenance at a moment, by device. Takes 0.1 s a maintenance in a nation."""
        found: dict[str, Hidden] = {}
        for one in self._active(self.quiets, moment):
            if one.quiet.kind is QuietKind.MAINTENANCE:
                for device in devices_meant(one.quiet.where, self.inventory):
                    known = found.get(device.id)
                    if known is None or known.until < one.until:
                        found[device.id] = one
        return found

    def _hides_device(self, device: Device, key: IncidentKey, moment: datetime) -> Hidden | None:
        every = (*self._anywhere, *self._at.get(device.site, ()))
        active = self._active(every, moment)
        return _latest(one for one in active if one.quiet.means(device, key.check, key.rule))

    def _hides_site(self, name: str, key: IncidentKey, moment: datetime) -> Hidden | None:
        site = self.inventory.sites.get(name)
        if site is None:
            return None
        inside = {device.id for device in site.devices}
        heads = [device for device in site.devices if inside.isdisjoint(device.parents)]
        return _first([self._hides_device(head, key, moment) for head in heads])

    def _active(self, quiets: Iterable[Quiet], moment: datetime) -> Iterator[Hidden]:
        for quiet in quiets:
            window = quiet.window(moment)
            if window is not None:
                yield Hidden(quiet, window.end)


def _latest(found: Iterable[Hidden]) -> Hidden | None:
    return max(found, key=lambda one: one.until, default=None)


def _first(found: list[Hidden | None]) -> Hidden | None:
    """Return what is over first if all are hidden, else `None`."""
    every = [one for one in found if one is not None]
    return min(every, key=lambda one: one.until, default=None) if len(every) == len(found) else None


def _names_rule_only(quiet: Quiet, key: IncidentKey) -> bool:
    return bool(quiet.rules) and quiet.where == Selector() and quiet.means_rule(key.rule)
