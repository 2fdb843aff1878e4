"""What would this hide? Asked before a silence or a maintenance is made."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from alerts.incident import Incident
from alerts.quiet.book import Book
from alerts.quiet.quiet import Quiet, devices_meant
from alerts.quiet.window import Window
from inventory.model import Inventory

_EVER = Window(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


class Effect(msgspec.Struct, frozen=True):
    """What something quiet means."""

    devices: tuple[str, ...]
    """Ids of the devices something of which it means."""
    sites: tuple[str, ...]
    open: tuple[Incident, ...]
    """What is open now and would be hidden while it holds."""
    past: tuple[Incident, ...]
    """What opened lately and would have been hidden: of recurring maintenance, in its hours only."""


def effect(
    quiet: Quiet, inventory: Inventory, open_now: Iterable[Incident], lately: Iterable[Incident]
) -> Effect:
    """Return what `quiet` alone hides. Takes 0.1 s in a nation."""
    devices = tuple(device.id for device in devices_meant(quiet.where, inventory))
    sites = tuple(dict.fromkeys(device.partition("/")[0] for device in devices))
    ever = Book([msgspec.structs.replace(quiet, windows=(_EVER,))], inventory)
    then = ever if quiet.number is not None else Book([quiet], inventory)
    return Effect(
        devices,
        sites,
        tuple(one for one in open_now if ever.hides(one, one.changed_at)),
        tuple(one for one in lately if then.hides(one, one.opened_at)),
    )
