"""How a site does as a whole: the worst of its devices, what is wrong there, since when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum

import msgspec

from alerts.incident import DeviceState, Incident, Kind, Severity, Status
from inventory.model import Device, Site
from monitor.board import Board, DeviceStatus

BADNESS: Mapping[DeviceState, int] = {
    DeviceState.UP: 0,
    DeviceState.NO_DATA: 1,
    DeviceState.UNREACHABLE: 2,
    DeviceState.DEGRADED: 3,
    DeviceState.DOWN: 4,
}
"""Order of states on the wall: what needs hands first comes last."""


class Extent(StrEnum):
    """How much of a site is in its worst state."""

    NONE = "none"
    PART = "part"
    WHOLE = "whole"
    """Nothing at the site is known to work."""


class DeviceView(msgspec.Struct, frozen=True):
    """A device with its state and what is open about it."""

    device: Device
    status: DeviceStatus
    state: DeviceState
    """Its state; degraded as well while an incident is open about a device that is up."""
    incidents: tuple[Incident, ...]
    findings: tuple[Incident, ...]


class SiteSummary(msgspec.Struct, frozen=True):
    """A site at one glance."""

    site: Site
    state: DeviceState
    extent: Extent
    since: datetime | None
    """When the worst state was entered; `None` while all is well."""
    worst: tuple[DeviceView, ...]
    """Devices in the worst state; empty while all is well."""
    devices: tuple[DeviceView, ...]
    incidents: tuple[Incident, ...]
    """Open incidents, worst first."""
    findings: tuple[Incident, ...]
    """Open findings, worst first."""
    acknowledged: bool
    """Whether somebody took on every open incident, and there is one."""

    @property
    def up(self) -> int:
        """Devices that are up and about which nothing is open."""
        return sum(view.state is DeviceState.UP for view in self.devices)


def open_entries(board: Board) -> dict[str, list[Incident]]:
    """Return what is open, worst first, by site."""
    by_site: dict[str, list[Incident]] = {}
    for incident in sorted(board.incidents.values(), key=urgency):
        for site in incident.sites or (incident.key.device.partition("/")[0],):
            by_site.setdefault(site, []).append(incident)
    return by_site


def urgency(incident: Incident) -> tuple[bool, int, float]:
    """Sort key: not yet taken on, worst, newest first."""
    taken = incident.status is Status.ACKNOWLEDGED
    return taken, -incident.severity.rank, -incident.opened_at.timestamp()


def view_device(board: Board, device: Device, entries: Iterable[Incident]) -> DeviceView:
    """Return a device with its state and those of `entries` that are about it."""
    status = board.status(device.id)
    mine = [entry for entry in entries if entry.key.device == device.id]
    incidents = tuple(entry for entry in mine if entry.kind is Kind.INCIDENT)
    findings = tuple(entry for entry in mine if entry.kind is Kind.FINDING)
    troubled = status.state is DeviceState.UP and any(_matters(entry) for entry in incidents)
    return DeviceView(device, status, DeviceState.DEGRADED if troubled else status.state, incidents, findings)


def summarise(board: Board, site: Site, entries: Iterable[Incident]) -> SiteSummary:
    """Return the summary of `site`; `entries` are what is open there, worst first."""
    entries = tuple(entries)
    views = tuple(view_device(board, device, entries) for device in site.devices)
    state = max((view.state for view in views), key=BADNESS.__getitem__, default=DeviceState.NO_DATA)
    worst = tuple(view for view in views if view.state is state and state is not DeviceState.UP)
    incidents = tuple(entry for entry in entries if entry.kind is Kind.INCIDENT)
    return SiteSummary(
        site,
        state,
        _extent(views, state),
        min((_since(view) for view in worst), default=None),
        worst,
        views,
        incidents,
        tuple(entry for entry in entries if entry.kind is Kind.FINDING),
        bool(incidents) and all(entry.status is Status.ACKNOWLEDGED for entry in incidents),
    )


def summaries(board: Board) -> list[SiteSummary]:
    """Return the summary of every site, in the inventory's order."""
    entries = open_entries(board)
    return [summarise(board, site, entries.get(site.id, ())) for site in board.inventory.sites.values()]


def counts(views: Iterable[SiteSummary | DeviceView]) -> list[tuple[DeviceState, int]]:
    """Return how many are in each state, worst first, states without any included."""
    counter = Counter(view.state for view in views)
    return [(state, counter[state]) for state in sorted(DeviceState, key=lambda s: -BADNESS[s])]


def _matters(incident: Incident) -> bool:
    return incident.severity.rank >= Severity.WARNING.rank


def _since(view: DeviceView) -> datetime:
    if view.state is view.status.state or not view.incidents:
        return view.status.since
    return min(incident.opened_at for incident in view.incidents)


def _extent(views: tuple[DeviceView, ...], state: DeviceState) -> Extent:
    if state is DeviceState.UP:
        return Extent.NONE
    works = any(view.status.state in (DeviceState.UP, DeviceState.DEGRADED) for view in views)
    return Extent.PART if works else Extent.WHOLE
