"""How a site does as a whole: the worst of its devices, what is wrong there, since when, what changed last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
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


class Change(msgspec.Struct, frozen=True):
    """Devices of one site that entered a state together."""

    site: Site
    state: DeviceState
    at: datetime
    devices: tuple[Device, ...]


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
    tally: Mapping[DeviceState, int]
    """How many devices are in each state; states without any are absent."""
    changes: tuple[Change, ...]
    """What changed here, the newest first."""

    @property
    def up(self) -> int:
        """Devices that are up and about which nothing is open."""
        return self.tally.get(DeviceState.UP, 0)


class Summaries:
    """Summaries that are worked out again only where something changed since: a nation is one look at 3,321 numbers."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, SiteSummary]] = {}

    def of(self, board: Board, site: Site) -> SiteSummary:
        """Return the summary of `site`."""
        revision = board.revision(site.id)
        known = self._known.get(site.id)
        if known is None or known[0] != revision or known[1].site is not site:
            known = revision, summarise(board, site, sorted(board.open_at(site.id), key=urgency))
            self._known[site.id] = known
        return known[1]

    def view(self, board: Board, device: Device) -> DeviceView:
        """Return a device of the inventory with what is open about it."""
        views = self.of(board, board.inventory.sites[device.site]).devices
        return next(view for view in views if view.device.id == device.id)

    def every(self, board: Board) -> list[SiteSummary]:
        """Return the summary of every site, in the inventory's order."""
        return [self.of(board, site) for site in board.inventory.sites.values()]


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
        Counter(view.state for view in views),
        tuple(_changes(site, views)),
    )


def counts(states: Iterable[DeviceState]) -> list[tuple[DeviceState, int]]:
    """Return how many are in each state, worst first, states without any included."""
    return by_badness(Counter(states))


def by_badness(tally: Mapping[DeviceState, int]) -> list[tuple[DeviceState, int]]:
    """Return counts of states, worst first, states without any included."""
    return [(state, tally.get(state, 0)) for state in sorted(DeviceState, key=lambda s: -BADNESS[s])]


_TOGETHER = timedelta(seconds=90)
"""Devices of one site that enter one state within this time are one change."""


def _changes(site: Site, views: Iterable[DeviceView]) -> list[Change]:
    found: list[Change] = []
    lost = [view.status.since for view in views if view.status.state is DeviceState.DOWN]
    for move in sorted(views, key=lambda view: view.status.since, reverse=True):
        if _follows(move, lost):
            continue
        last = found[-1] if found else None
        if last and last.state is move.status.state and last.at - move.status.since < _TOGETHER:
            found[-1] = msgspec.structs.replace(last, devices=(*last.devices, move.device))
        else:
            found.append(Change(site, move.status.state, move.status.since, (move.device,)))
    return found


def _follows(move: DeviceView, lost: Iterable[datetime]) -> bool:
    """Whether a device is unreachable only because another of its site went down at that time."""
    return move.status.state is DeviceState.UNREACHABLE and any(
        abs(at - move.status.since) < _TOGETHER for at in lost
    )


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
