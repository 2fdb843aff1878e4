"""The page of one commune: who answers for it, its devices behind one another, what is open there."""

from __future__ import annotations

import msgspec

from inventory.model import Device, Site
from monitor.web.context import WebContext
from monitor.web.language import N_
from monitor.web.live import site_topic
from monitor.web.summary import DeviceView
from monitor.web.view import NoSuch, Params, Values, View


class Row(msgspec.Struct, frozen=True):
    """A device in the tree of what is reached through what."""

    view: DeviceView
    depth: int
    parents: tuple[Device, ...]


def find_site(context: WebContext, params: Params) -> Site:
    """Return the site with the id ``site``, now or before. Raises `NoSuch`."""
    sites, key = context.board.inventory.sites, params.get("site", "")
    site = sites.get(key) or next((one for one in sites.values() if key in one.formerly), None)
    if site is None:
        raise NoSuch("there is no such site in the inventory")
    return site


def view(context: WebContext, params: Params) -> View:
    """Return the page of ``site``. Raises `NoSuch`."""
    site = find_site(context, params)

    async def values() -> Values:
        summary = context.summaries.of(context.board, site)
        return {"one": summary, "rows": _rows(context, site, summary.devices), "rules": context.rules()}

    return View("site", frozenset({site_topic(site.id)}), values, N_("Commune"), site.name)


def _rows(context: WebContext, site: Site, views: tuple[DeviceView, ...]) -> list[Row]:
    """Depth first from the devices nearest to the outside; one with several parents stands under the first."""
    devices = context.board.inventory.devices
    children: dict[str, list[DeviceView]] = {}
    for one in views:
        parent = next((name for name in one.device.parents if name.startswith(f"{site.id}/")), "")
        children.setdefault(parent, []).append(one)
    rows: list[Row] = []
    waiting = [(one, 0) for one in reversed(children.get("", []))]
    while waiting:
        one, depth = waiting.pop()
        parents = tuple(devices[name] for name in one.device.parents if name in devices)
        rows.append(Row(one, depth, parents))
        waiting.extend((child, depth + 1) for child in reversed(children.pop(one.device.id, [])))
    return rows
