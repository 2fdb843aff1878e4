"""What is known right now, in memory: the latest observation of every check, the state of every device and site.

The pipeline writes it, the pages read it. Nothing here waits for I/O.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from alerts.incident import DeviceState, Incident, Words
from inventory.model import Inventory
from probes.core.observation import Observation
from probes.core.probe import Check


class DeviceStatus(msgspec.Struct, frozen=True):
    """State of a device, since when, and the one line that says why."""

    state: DeviceState
    since: datetime
    """When the state was entered, aware UTC."""
    reason: Words = Words("", "")
    """Why, one line in both languages; empty when there is nothing to say."""


class Event(msgspec.Struct, frozen=True):
    """Something changed: ``kind`` is ``"device"``, ``"check"`` or ``"incident"``, and ``id`` names it.

    ``"inventory"`` (without an id) says that anything may have changed.
    """

    kind: str
    id: str
    site: str
    sites: tuple[str, ...] = ()
    """The sites that an incident hits, or did until now."""


class Board:
    """The present, for readers."""

    def __init__(
        self,
        inventory: Inventory,
        checks: Iterable[Check],
        started: datetime,
        open_incidents: Iterable[Incident] = (),
    ) -> None:
        self.inventory = inventory
        self._checks: dict[str, list[Check]] = {device: [] for device in inventory.devices}
        for check in checks:
            self._checks[check.device].append(check)
        self._last: dict[str, Observation] = {}
        self._status = {device: DeviceStatus(DeviceState.NO_DATA, started) for device in inventory.devices}
        self._incidents: dict[int, Incident] = {}
        self._open: dict[str, dict[int, Incident]] = {}
        self._revisions: Counter[str] = Counter()
        self._era = 0
        for incident in open_incidents:
            self._put(incident)
        self._subscribers: set[asyncio.Queue[Event]] = set()

    def checks(self, device: str) -> tuple[Check, ...]:
        """Planned checks of a device."""
        return tuple(self._checks[device])

    def last(self, check_id: str) -> Observation | None:
        """Latest observation of a check, `None` before the first."""
        return self._last.get(check_id)

    def status(self, device: str) -> DeviceStatus:
        """State of a device. Raises `KeyError` for an unknown id."""
        return self._status[device]

    @property
    def incidents(self) -> Mapping[int, Incident]:
        """Every incident and finding that is not resolved, by id."""
        return self._incidents

    def open_at(self, site: str) -> tuple[Incident, ...]:
        """What is not resolved at a site, what hits several sites included."""
        return tuple(self._open.get(site, {}).values())

    def revision(self, site: str) -> int:
        """Return a number that grows whenever a state or an incident at a site, or the inventory, changes."""
        return self._era + self._revisions[site]

    def follow(
        self,
        inventory: Inventory,
        removed: Iterable[str],
        renewed: Mapping[str, Sequence[Check]],
        now: datetime,
    ) -> None:
        """Show another inventory from now on: without `removed` devices, with all checks of those that changed."""
        for device in removed:
            del self._status[device]
            self._forget(self._checks.pop(device))
        for device, checks in renewed.items():
            kept = {check.id for check in checks}
            self._forget(check for check in self._checks.get(device, ()) if check.id not in kept)
            self._checks[device] = list(checks)
            self._status.setdefault(device, DeviceStatus(DeviceState.NO_DATA, now))
        self.inventory = inventory
        self._era += 1
        self._tell(Event("inventory", "", ""))

    def _forget(self, checks: Iterable[Check]) -> None:
        for check in checks:
            self._last.pop(check.id, None)

    def observe(self, observation: Observation) -> None:
        """Take in an observation."""
        check_id = f"{observation.device}:{observation.check}"
        self._last[check_id] = observation
        if self._subscribers:  # at every poll: without readers there is nobody to make an event for
            self._tell(Event("check", check_id, _site(observation.device)))

    def set_status(self, device: str, status: DeviceStatus) -> None:
        """Take in a device's new state."""
        self._status[device] = status
        self._revisions[_site(device)] += 1
        self._tell(Event("device", device, _site(device)))

    def set_incident(self, incident: Incident) -> None:
        """Take in an incident as the ledger now holds it; a resolved one leaves the board."""
        before = self._take_away(incident.id)
        if incident.resolved_at is None:
            self._put(incident)
        sites = tuple(dict.fromkeys((*before, *sites_of(incident))))
        self._tell(Event("incident", str(incident.id), _site(incident.key.device), sites))

    def _put(self, incident: Incident) -> None:
        self._incidents[incident.id] = incident
        for site in sites_of(incident):
            self._open.setdefault(site, {})[incident.id] = incident
            self._revisions[site] += 1

    def _take_away(self, number: int) -> tuple[str, ...]:
        """Forget an incident, and return the sites that it hit."""
        known = self._incidents.pop(number, None)
        sites = sites_of(known) if known else ()
        for site in sites:
            self._open[site].pop(number, None)
            self._revisions[site] += 1
        return sites

    def touch(self) -> None:
        """Tell readers that anything may look otherwise now: something is quiet that was not, or no longer."""
        self._tell(Event("inventory", "", ""))

    async def events(self) -> AsyncIterator[Event]:
        """Yield what changes from now on. A reader that falls 1,000 events behind is cut off (the iterator ends)."""
        queue: asyncio.Queue[Event] = asyncio.Queue(1000)
        self._subscribers.add(queue)
        try:
            while queue in self._subscribers:
                yield await queue.get()
        finally:
            self._subscribers.discard(queue)

    def _tell(self, event: Event) -> None:
        for queue in tuple(self._subscribers):
            try:
                queue.put_nowait(event)
            except asyncio.QueueFull:
                self._subscribers.discard(queue)


def sites_of(incident: Incident) -> tuple[str, ...]:
    """Return the ids of the sites that an incident hits."""
    return incident.sites or (_site(incident.key.device),)


def _site(device: str) -> str:
    return device.partition("/")[0]
