"""What the API says of sites, devices, checks and series."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from alerts.incident import Incident, Transition, Words
from inventory.model import Contact
from monitor.ledger import HostKey
from monitor.ledger.false_alarms import FalseAlarm
from monitor.store import Bucket, SeriesKey
from monitor.web.device import Asked
from monitor.web.search import Row
from monitor.web.summary import DeviceView, SiteSummary
from probes.core.observation import Fact, Sample
from probes.core.words import Said


class OwnerOut(msgspec.Struct, frozen=True):
    """Who answers for it."""

    name: str
    unit: str
    phone: str


class DeviceOut(msgspec.Struct, frozen=True):
    """A device and its state."""

    id: str
    site: str
    name: str
    title: str
    role: str
    address: str
    state: str
    since: datetime
    reason: Words
    parents: tuple[str, ...]
    open_incidents: tuple[int, ...]
    open_findings: tuple[int, ...]


class CheckOut(msgspec.Struct, frozen=True):
    """A check and what came back last; times in seconds."""

    name: str
    probe: str
    interval: float
    timeout: float
    blocked: Words
    outcome: str | None = None
    time: datetime | None = None
    duration: float | None = None
    detail: Said = ""
    samples: tuple[Sample, ...] = ()
    facts: tuple[Fact, ...] = ()


class DeviceDetailOut(msgspec.Struct, frozen=True):
    """A device with its checks."""

    device: DeviceOut
    owner: OwnerOut | None
    checks: tuple[CheckOut, ...]
    host_keys: tuple[HostKey, ...] | None
    """SSH host keys that wait for somebody to approve them; `None` while the ledger cannot be read."""


class SiteOut(msgspec.Struct, frozen=True):
    """A site and its worst state."""

    id: str
    name: str
    kind: str
    state: str
    extent: str
    since: datetime | None
    devices: int
    devices_up: int
    open_incidents: int
    open_findings: int
    province: str
    """Its official code; ``""`` for what is no commune."""
    location: tuple[float, float] | None
    """Latitude and longitude in degrees (WGS 84)."""
    carrier: str
    power_feed: str


class SiteDetailOut(msgspec.Struct, frozen=True):
    """A site with its devices."""

    site: SiteOut
    owner: OwnerOut | None
    location: tuple[float, float] | None
    devices: tuple[DeviceOut, ...]


class HitOut(msgspec.Struct, frozen=True):
    """A site or a device that was found."""

    kind: str
    """``"site"`` or ``"device"``."""
    id: str
    name: str
    """The site's name, or the device's title."""
    site: str
    site_name: str
    state: str
    by: str
    """What fits when neither name, id nor address shows it."""
    role: str = ""
    address: str = ""
    owner: OwnerOut | None = None


class SitesOut(msgspec.Struct, frozen=True):
    """Sites by their ids."""

    sites: list[SiteOut]
    next: str | None
    """Give it as ``cursor`` to read on; `None` at the end."""


class DevicesOut(msgspec.Struct, frozen=True):
    """Devices by their ids."""

    devices: list[DeviceOut]
    next: str | None
    """Give it as ``cursor`` to read on; `None` at the end."""


class SearchOut(msgspec.Struct, frozen=True):
    """What a question finds."""

    q: str
    total: int
    """How many fit, those left out too."""
    hits: tuple[HitOut, ...]


class IncidentsOut(msgspec.Struct, frozen=True):
    """Incidents and findings, the newest first."""

    incidents: Sequence[Incident]
    next: str | None
    """Give it as ``cursor`` to read on; `None` at the end."""
    next_before: int | None
    """The same as a number, for ``before``."""


class IncidentDetailOut(msgspec.Struct, frozen=True):
    """An incident with its timeline."""

    incident: Incident
    timeline: Sequence[Transition]
    false_alarm: FalseAlarm | None
    """What somebody said who called it a false alarm; `None` when nobody did."""


class LineOut(msgspec.Struct, frozen=True):
    """One series: slices as (start in seconds since 1970, least, mean, most); empty slices are absent."""

    labels: dict[str, str]
    points: list[tuple[float, float, float, float]]


class SeriesOut(msgspec.Struct, frozen=True):
    """Every series of one metric of one device in one span."""

    device: str
    metric: str
    unit: str
    start: datetime
    end: datetime
    step: float
    """Seconds of one slice."""
    series: list[LineOut]
    left_out: int
    """Series not returned because there were too many."""


def site_out(one: SiteSummary) -> SiteOut:
    """Return a site as the API gives it."""
    site = one.site
    return SiteOut(
        site.id,
        site.name,
        site.kind,
        one.state,
        one.extent,
        one.since,
        len(one.devices),
        one.up,
        len(one.incidents),
        len(one.findings),
        site.commune.province_code if site.commune else "",
        site.location,
        site.carrier,
        site.power_feed,
    )


def hit_out(row: Row) -> HitOut:
    """Return what was found as the API gives it."""
    site, device = row.hit.site, row.hit.device
    if device is None:
        owner = owner_out(site.owner)
        return HitOut("site", site.id, site.name, site.id, site.name, row.state, row.hit.by, owner=owner)
    owner = owner_out(device.owner or site.owner)
    own = (device.role, device.address, owner)
    return HitOut("device", device.id, device.title, site.id, site.name, row.state, row.hit.by, *own)


def device_out(view: DeviceView) -> DeviceOut:
    """Return a device as the API gives it."""
    device, status = view.device, view.status
    return DeviceOut(
        device.id,
        device.site,
        device.name,
        device.title,
        device.role,
        device.address,
        status.state,
        status.since,
        status.reason,
        device.parents,
        tuple(entry.id for entry in view.incidents),
        tuple(entry.id for entry in view.findings),
    )


def check_out(asked: Asked) -> CheckOut:
    """Return a check as the API gives it."""
    check, last = asked.check, asked.last
    base = CheckOut(check.name, check.probe, check.interval, check.timeout, check.blocked)
    if last is None:
        return base
    return msgspec.structs.replace(
        base,
        outcome=last.outcome,
        time=last.time,
        duration=last.duration,
        detail=last.detail,
        samples=last.samples,
        facts=last.facts,
    )


def owner_out(owner: Contact | None) -> OwnerOut | None:
    """Return a contact as the API gives it."""
    return OwnerOut(owner.name, owner.unit, owner.phone) if owner else None


def line_out(key: SeriesKey, buckets: list[Bucket]) -> LineOut:
    """Return a series as the API gives it."""
    points = [(one.start.timestamp(), one.minimum, one.mean, one.maximum) for one in buckets]
    return LineOut(dict(key.labels), points)
