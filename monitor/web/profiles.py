"""Which profile each device is read by, what it says it is, how much is read of it, and since when."""

from __future__ import annotations

from collections import Counter

import msgspec

from inventory.model import Device, Site
from monitor.ledger.identities import FIRMWARE, MODEL, PROFILE, SYSTEM, VENDOR
from monitor.web.context import WebContext
from monitor.web.language import N_
from monitor.web.view import Params, Values, View

SHOWN = 200
"""Rows of the list; of more only the number is told."""
UNKNOWN = "generic"
"""The profile of what nothing recognised."""


class Read(msgspec.Struct, frozen=True):
    """One device as SNMP reads it."""

    device: Device
    site: Site
    profile: str
    since: object
    """When it was first read by this profile, aware UTC."""
    what: str
    """Vendor, system, model and firmware, as far as it says them."""
    samples: int
    facts: int


def view(context: WebContext, params: Params) -> View:
    """Return the page of profiles; ``profile`` shows one of them only."""
    wanted = params.get("profile", "")

    async def values() -> Values:
        board, traits = context.board, context.ledger.identities.traits
        used = {
            device: traits[device][PROFILE]
            for device in board.inventory.devices
            if PROFILE in traits.get(device, {})
        }
        counts = Counter(trait.value for trait in used.values())
        chosen = [device for device, trait in used.items() if wanted in ("", trait.value)]
        return {
            "rows": [_read(context, device) for device in chosen[:SHOWN]],
            "more": max(0, len(chosen) - SHOWN),
            "counts": sorted(counts.items(), key=lambda one: (one[0] != UNKNOWN, -one[1], one[0])),
            "wanted": wanted,
            "unknown": UNKNOWN,
        }

    return View("profiles", frozenset(), values, N_("Inventory: profiles"))


def _read(context: WebContext, id: str) -> Read:
    board, traits = context.board, context.ledger.identities.traits[id]
    device, site = board.inventory.devices[id], board.inventory.site_of(id)
    what = dict.fromkeys(traits[fact].value for fact in (VENDOR, SYSTEM, MODEL, FIRMWARE) if fact in traits)
    last = [
        context.seen.note(check.id, board.last(check.id))
        for check in board.checks(id)
        if check.probe == "snmp"
    ]
    samples = sum(len(one.numbers.samples) for one in last if one.numbers)
    facts = sum(len(one.facts.facts) for one in last if one.facts)
    profile = traits[PROFILE]
    return Read(device, site, profile.value, profile.since, " · ".join(what), samples, facts)
