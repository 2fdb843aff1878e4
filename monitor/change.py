"""What a new configuration changes in the running service, worked out before anything of it is touched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from alerts.rule import RuleBook
from alerts.topology import Topology
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


def change(before: Configuration, after: Configuration) -> Change:
    """Return what `after` changes."""
    touched = difference(before.inventory, after.inventory)
    old = {check.id: check for check in before.plan}
    new = {check.id: check for check in after.plan}
    gone = tuple(name for name in old if name not in new)
    fresh = tuple(check for name, check in new.items() if name not in old or old[name] != check)
    devices = {*touched.added, *touched.changed, *(check.device for check in fresh)}
    devices |= {old[name].device for name in gone} - {*touched.removed}
    renewed: dict[str, list[Check]] = {device: [] for device in devices}
    for check in after.plan:
        if check.device in renewed:
            renewed[check.device].append(check)
    return Change(after, touched, Topology(after.inventory), gone, fresh, renewed)
