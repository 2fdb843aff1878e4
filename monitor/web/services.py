"""Services for people: which work, which are hit and by what, what they need, and which communes use them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property

import msgspec

from alerts.incident import DeviceState, Incident, Kind
from alerts.judging.impact import uses
from inventory.model import Device, Inventory, Service, Site
from monitor.web.context import WebContext
from monitor.web.language import N_
from monitor.web.live import INCIDENTS, STATES
from monitor.web.summary import BADNESS, DeviceView, urgency
from monitor.web.view import Params, Values, View


class Standing(msgspec.Struct, frozen=True):
    """How one service does."""

    service: Service
    state: DeviceState
    """Down when it does not work; degraded when it works, badly perhaps; no_data when nobody knows."""
    views: tuple[DeviceView, ...]
    """What it runs on."""
    needs: tuple[Service, ...]
    blamed: tuple[Service, ...]
    """Those it needs that do not work."""
    incidents: tuple[Incident, ...]
    """What stops it."""

    @property
    def own(self) -> bool:
        """Whether it is hit by itself, not only through what it needs."""
        return any(view.state is not DeviceState.UP for view in self.views) or not self.blamed


class Step(msgspec.Struct, frozen=True):
    """One line of the chain: a service and how deep it stands below those that need it."""

    standing: Standing
    depth: int


class _Look:
    """One look at every service."""

    def __init__(self, context: WebContext) -> None:
        self._context = context
        self._services = context.board.inventory.services

    @cached_property
    def _stopped_by(self) -> Mapping[str, list[Incident]]:
        """Incidents by the service that they stop. Only what is open where services run can stop one."""
        context = self._context
        impacts, rules = context.effects.of(context.board.inventory), context.rules()
        found: dict[str, list[Incident]] = {}
        for incident in sorted(self._near(), key=urgency):
            for service in impacts.by_rule(incident, rules).services:
                found.setdefault(service.name, []).append(incident)
        return found

    def _near(self) -> Iterable[Incident]:
        board, devices = self._context.board, self._context.board.inventory.devices
        sites = {
            site
            for service in self._services.values()
            for device in service.runs_on
            for site in _sites_above(devices, device)
        }
        near = {one.id: one for site in sites for one in board.open_at(site) if one.kind is Kind.INCIDENT}
        return near.values()

    def views(self, service: Service) -> tuple[DeviceView, ...]:
        """Return what `service` runs on; what the reader may not see is left out."""
        inventory, summaries = self._context.board.inventory, self._context.summaries
        wanted = [inventory.devices[id] for id in service.runs_on if id in inventory.devices]
        sites = {device.site for device in wanted}
        seen = {
            view.device.id: view
            for site in sites
            for view in summaries.of(self._context.board, inventory.sites[site]).devices
        }
        return tuple(seen[device.id] for device in wanted)

    def state(self, service: Service, above: frozenset[str] = frozenset()) -> DeviceState:
        """Return how `service` does, with all that it needs; the loader lets no circle through."""
        if service.name in self._stopped_by:
            return DeviceState.DOWN
        own = [_harm(view.state) for view in self.views(service)]
        needed = [
            self.state(self._services[name], above | {service.name})
            for name in service.needs
            if name not in above
        ]
        return max((*own, *needed), key=BADNESS.__getitem__, default=DeviceState.NO_DATA)

    def standing(self, service: Service) -> Standing:
        """Return how `service` does, and why."""
        needs = tuple(self._services[name] for name in service.needs)
        blamed = tuple(one for one in needs if self.state(one) is DeviceState.DOWN)
        stopped = tuple(self._stopped_by.get(service.name, ()))
        return Standing(service, self.state(service), self.views(service), needs, blamed, stopped)


def standings(context: WebContext) -> list[Standing]:
    """Return how every service does, in the inventory's order."""
    look = _Look(context)
    return [look.standing(service) for service in context.board.inventory.services.values()]


def view(context: WebContext, params: Params) -> View:
    """Return the page of services and what they stand on."""

    async def values() -> Values:
        found = standings(context)
        return {
            "standings": sorted(found, key=lambda one: -BADNESS[one.state]),
            "chain": chain(found),
            "users": {one.service.name: users(context.board.inventory, one.service) for one in found},
            "hidden_by": {
                one.id: hidden
                for standing in found
                for one in standing.incidents
                if (hidden := context.quiets.hides(one))
            },
        }

    return View("services", frozenset({STATES, INCIDENTS}), values, N_("Services"))


def chain(found: Iterable[Standing]) -> list[Step]:
    """Return every service below each that needs it, from those that nothing needs."""
    by_name = {one.service.name: one for one in found}
    needed = {name for one in by_name.values() for name in one.service.needs}
    steps: list[Step] = []
    waiting = [(name, 0) for name in reversed(by_name) if name not in needed]
    while waiting and len(steps) < MOST_STEPS:
        name, depth = waiting.pop()
        steps.append(Step(by_name[name], depth))
        waiting.extend((one, depth + 1) for one in reversed(by_name[name].service.needs))
    return steps


MOST_STEPS = 500
"""Lines of the chain: services that need much together would make it grow without end."""


def users(inventory: Inventory, service: Service) -> tuple[Site, ...]:
    """Return the sites that use `service`."""
    return tuple(site for site in inventory.sites.values() if uses(site, service))


def _harm(state: DeviceState) -> DeviceState:
    """What a device in `state` means for what runs on it: one that cannot be reached serves nobody."""
    return DeviceState.DOWN if state is DeviceState.UNREACHABLE else state


def _sites_above(devices: Mapping[str, Device], id: str) -> set[str]:
    """Return the sites of a device and of all that it stands behind."""
    seen: set[str] = set()
    waiting = [id]
    while waiting:
        device = devices.get(waiting.pop())
        if device is not None and device.id not in seen:
            seen.add(device.id)
            waiting.extend(device.parents)
    return {one.partition("/")[0] for one in seen}
