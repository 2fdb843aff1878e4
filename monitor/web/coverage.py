"""Has every site what it must have, who answers for what, and who has never answered: 69/69 at one look."""

from __future__ import annotations

import asyncio
from collections.abc import Container, Iterator

import msgspec

from inventory.coverage import Coverage, SiteCoverage, coverage
from inventory.model import Contact, Device, Inventory, Need, Site
from monitor.web.context import WebContext
from monitor.web.language import N_
from monitor.web.view import Params, Values, View

SHOWN = 200
"""Rows of one list; of more only the number is told: a nation would make a page of megabytes."""


class Count(msgspec.Struct, frozen=True):
    """How many sites of a kind meet one need, or all of them (`need` is `None`)."""

    need: Need | None
    complete: int
    sites: int

    @property
    def share(self) -> float:
        """Part of the sites, 0..1."""
        return self.complete / self.sites if self.sites else 1.0


class Placed(msgspec.Struct, frozen=True):
    """A device with its site and who answers for it."""

    device: Device
    site: Site
    owner: Contact | None


def view(context: WebContext, params: Params) -> View:
    """Return the coverage page."""

    async def values() -> Values:
        return await asyncio.to_thread(_values, context.board.inventory, context.ledger.answered.first)

    return View("coverage", frozenset(), values, N_("Inventory: coverage"))


def _values(inventory: Inventory, answered: Container[str]) -> Values:
    """In a thread: a nation would hold the loop."""
    covered = coverage(inventory)
    lacking = covered.lacking
    silent = [one for one in _placed(inventory) if one.device.id not in answered]
    nobody = [one for one in _placed(inventory) if one.owner is None]
    return {
        "kinds": [(kind, _counts(covered, kind)) for kind in covered.needs],
        "lacking": lacking[:SHOWN],
        "missing": {one.site.id: _missing(one) for one in lacking[:SHOWN]},
        "more_lacking": max(0, len(lacking) - SHOWN),
        "silent": silent[:SHOWN],
        "silent_count": len(silent),
        "nobody": nobody[:SHOWN],
        "nobody_count": len(nobody),
        "devices": len(inventory.devices),
        "shown": SHOWN,
    }


def _counts(covered: Coverage, kind: str) -> list[Count]:
    whole = Count(None, *covered.complete(kind))
    return [whole, *(Count(need, *covered.complete(kind, need.name)) for need in covered.needs[kind])]


def _missing(one: SiteCoverage) -> list[tuple[Need, int]]:
    return [(lack.need, lack.need.count - lack.has) for lack in one.lacks]


def _placed(inventory: Inventory) -> Iterator[Placed]:
    for site in inventory.sites.values():
        for device in site.devices:
            yield Placed(device, site, inventory.owner_of(device.id))
