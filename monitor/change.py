"""What a new configuration changes in the running service, worked out before anything of it is touched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from alerts.judging.areas import LEAST_SITES, Areas
from alerts.judging.topology import Topology
from alerts.rule import RuleBook
from inventory.difference import Difference, difference
from inventory.model import Inventory
from monitor.configuration import Configuration
from probes.core.probe import Check


class Change(msgspec.Struct, frozen=True):
    """From one configuration to the next. Made in a thread: comparing a nation takes a while."""

    configuration: Configuration
    touched: Difference
    """Sites and devices that are new, gone or changed."""
    topology: Topology
    areas: Areas
    gone: tuple[str, ...]
    """Ids of checks that are no longer asked."""
    fresh: tuple[Check, ...]
    """Checks that are new, or asked otherwise than before."""
    renewed: Mapping[str, Sequence[Check]]
    """All checks of every device that is new or changed, or whose checks are."""

    @property
    def inventory(self) -> Inventory:
        """The inventory to come."""
        return self.configuration.inventory

    @property
    def rules(self) -> RuleBook:
        """The rules to come; the same object when they do not change."""
        return self.configuration.rules


def change(before: Configuration, after: Configuration, links: Topology | None = None) -> Change:
    """Return what `after` changes; `links` are those of `before`, if they were worked out already."""
    touched = difference(before.inventory, after.inventory)
    old, new = before.plan.by_device, after.plan.by_device
    replanned = [device for device in new if old.get(device) is not new[device]]
    fresh: list[Check] = []
    gone = [check.id for device in touched.removed for check in old[device]]
    for device in replanned:
        known = {check.name: check for check in old.get(device, ())}
        fresh += [check for check in new[device] if known.pop(check.name, None) != check]
        gone += [check.id for check in known.values()]
    devices = dict.fromkeys([*touched.added, *touched.changed, *replanned])
    renewed = {device: new[device] for device in devices}
    if links is None or _relinked(before.inventory, after.inventory, touched):
        links = Topology(after.inventory)
    areas = Areas(after.inventory, links, LEAST_SITES)
    return Change(after, touched, links, areas, tuple(gone), tuple(fresh), renewed)


def _relinked(old: Inventory, new: Inventory, touched: Difference) -> bool:
    """Whether any device stands behind others than before."""
    moved = (old.devices[key].parents != new.devices[key].parents for key in touched.changed)
    return bool(touched.added or touched.removed or any(moved))
