"""Which profile each device is read by, what it says it is, how much is read of it, and since when."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta

from inventory.model import Device, Site
from monitor.access.permission import Permission
from monitor.ledger.identities import FIRMWARE, MODEL, PROFILE, SYSTEM, VENDOR, Trait
from monitor.web import query
from monitor.web.api import cursor
from monitor.web.api.watched import answer
from monitor.web.context import WebContext
from monitor.web.language import N_
from monitor.web.route import Route, context_of
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
    since: datetime
    """When it was first read by this profile, aware UTC."""
    what: str
    """Vendor, system, model and firmware, as far as it says them."""
    samples: int
    facts: int


class ProfilesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of which profile; every one unless told."""

    profile: query.Text = ""
    limit: Annotated[int, Meta(ge=1, le=5000, description="Entries of one page")] = 1000
    cursor: query.Cursor = ""


class ReadOut(msgspec.Struct, frozen=True):
    """A device as SNMP reads it."""

    device: str
    profile: str
    since: datetime
    """When it was first read by this profile."""
    what: str
    """Vendor, system, model and firmware, as far as it says them."""
    samples: int
    facts: int


class ProfilesOut(msgspec.Struct, frozen=True):
    """Devices by their ids, and how many each profile reads."""

    counts: dict[str, int]
    devices: tuple[ReadOut, ...]
    next: str | None
    """Give it as ``cursor`` to read on; `None` at the end."""


def routes() -> list[Route]:
    """Return the route of the API."""
    return [
        Route("GET", "/api/v1/profiles", by_api, Permission.VIEW, whole=True,
              summary="Which profile each device is read by, and what it says it is", query=ProfilesQuery,
              answer=ProfilesOut),
    ]  # fmt: skip


async def by_api(request: web.Request) -> web.Response:
    """``GET /api/v1/profiles``."""
    asked, context = query.decode(request, ProfilesQuery), context_of(request)
    used = _used(context)
    chosen = [device for device, trait in used.items() if asked.profile in ("", trait.value)]
    shown, more = cursor.page(chosen, str, asked.cursor, asked.limit)
    read = (_read(context, device) for device in shown)
    devices = tuple(
        ReadOut(one.device.id, one.profile, one.since, one.what, one.samples, one.facts) for one in read
    )
    return answer(ProfilesOut(dict(Counter(trait.value for trait in used.values())), devices, more))


def view(context: WebContext, params: Params) -> View:
    """Return the page of profiles; ``profile`` shows one of them only."""
    wanted = params.get("profile", "")

    async def values() -> Values:
        used = _used(context)
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


def _used(context: WebContext) -> dict[str, Trait]:
    """Return the profile of each device that has one."""
    traits = context.ledger.identities.traits
    devices = context.board.inventory.devices
    return {device: traits[device][PROFILE] for device in devices if PROFILE in traits.get(device, {})}


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
