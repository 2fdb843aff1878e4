"""What holds telling back: about what, when, why, by whose word. A silence and a planned maintenance are both one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase

import msgspec

from alerts.calendar import VIETNAM
from alerts.incident import Words
from alerts.quiet.window import Window, coming, window_at
from inventory.model import Device, Inventory, Site
from inventory.selector import Selector
from probes.core.text import clean


class QuietKind(StrEnum):
    """Why nobody is to be told."""

    SILENCE = "silence"
    """Somebody does not want to hear of it for a while."""
    MAINTENANCE = "maintenance"
    """Work is planned; the wall shows it."""


class Quiet(msgspec.Struct, frozen=True):
    """One silence or maintenance."""

    id: str
    """The number of what the ledger holds, the name of what a file holds."""
    kind: QuietKind
    where: Selector
    rules: tuple[str, ...]
    """Patterns of rules; empty means every rule."""
    reason: str
    who: str
    windows: tuple[Window, ...]
    """In order and apart."""

    @property
    def number(self) -> int | None:
        """Its number in the ledger; `None` for what a file holds."""
        return int(self.id) if self.id.isdecimal() else None

    def window(self, moment: datetime) -> Window | None:
        """Return the window that covers a moment, `None` when it holds nothing back then."""
        return window_at(self.windows, moment)

    def coming(self, moment: datetime) -> tuple[Window, ...]:
        """Return the windows that are not over at a moment."""
        return coming(self.windows, moment)

    def means(self, device: Device, check: str, rule: str) -> bool:
        """Whether it is about what `rule` says of a check of a device; ``""`` for the device as a whole."""
        return self.means_rule(rule) and self.where.matches(device, check, _probe(device, check))

    def means_rule(self, rule: str) -> bool:
        """Whether it is about a rule."""
        return not self.rules or any(fnmatchcase(rule, pattern) for pattern in self.rules)

    def words(self, until: datetime) -> Words:
        """Return that it holds until a time, why, and by whose word: one line."""
        at = until.astimezone(VIETNAM).strftime("%d/%m/%Y %H:%M")
        reason, who = clean(self.reason, 300), clean(self.who, 100)
        vi, en = (
            ("bảo trì", "maintenance")
            if self.kind is QuietKind.MAINTENANCE
            else ("tạm dừng cảnh báo", "silence")
        )
        return Words(
            f"{vi} {self.id} tới {at}: {reason} ({who})", f"{en} {self.id} until {at}: {reason} ({who})"
        )


def _probe(device: Device, check: str) -> str:
    return next((one.probe for one in device.checks if one.name == check), "") if check else ""


def literal(patterns: Iterable[str]) -> bool:
    """Whether patterns are plain names, so that what they mean need not be searched for."""
    return not any(sign in pattern for pattern in patterns for sign in "*?")


def devices_meant(where: Selector, inventory: Inventory) -> Iterator[Device]:
    """Yield the devices something of which is meant, in the inventory's order. A nation takes 0.1 s."""
    sites: Iterable[Site] = inventory.sites.values()
    if where.site and literal(where.site):
        sites = [inventory.sites[site] for site in dict.fromkeys(where.site) if site in inventory.sites]
    for site in sites:
        for device in site.devices:
            if where.matches_device(device):
                yield device
