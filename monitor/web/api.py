"""The read-only API: sites, devices, incidents and series as JSON, errors as problem+json (RFC 9457)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

import msgspec
from aiohttp import web

from alerts.incident import Incident, Kind, Status, Transition, Words
from inventory.coverage import as_json, coverage
from inventory.model import Contact
from monitor.access.permission import Permission
from monitor.drift import drift
from monitor.neighbours import neighbourhood
from monitor.store import Bucket, SeriesKey
from monitor.web import query
from monitor.web.context import WebContext
from monitor.web.device import Asked, asked_of, find_device
from monitor.web.neighbours import seen
from monitor.web.route import READER, Route, context_of, reader_of
from monitor.web.search import Row, rows
from monitor.web.site import find_site
from monitor.web.summary import DeviceView, SiteSummary, open_entries, summaries, summarise, view_device
from monitor.web.view import NoSuch
from probes.core.observation import Fact, Sample

MAX_LINES = 16
"""Series of one metric that one request returns."""


def answer(content: object, status: int = 200) -> web.Response:
    """Return `content` as JSON."""
    return web.Response(body=msgspec.json.encode(content), status=status, content_type="application/json")


def problem(status: int, title: str, detail: str) -> web.Response:
    """Return an error as problem+json."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return web.Response(
        body=msgspec.json.encode(body), status=status, content_type="application/problem+json"
    )


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
    blocked: str
    outcome: str | None = None
    time: datetime | None = None
    duration: float | None = None
    detail: str = ""
    samples: tuple[Sample, ...] = ()
    facts: tuple[Fact, ...] = ()


class DeviceDetailOut(msgspec.Struct, frozen=True):
    """A device with its checks."""

    device: DeviceOut
    owner: OwnerOut | None
    checks: tuple[CheckOut, ...]


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


class SearchOut(msgspec.Struct, frozen=True):
    """What a question finds."""

    q: str
    total: int
    """How many fit, those left out too."""
    hits: tuple[HitOut, ...]


class IncidentDetailOut(msgspec.Struct, frozen=True):
    """An incident with its timeline."""

    incident: Incident
    timeline: Sequence[Transition]


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


class Api:
    """The handlers."""

    def __init__(self, context: WebContext) -> None:
        self._context = context

    def routes(self) -> list[Route]:
        """Return every route."""
        view, v1 = Permission.VIEW, "/api/v1"
        incident = rf"{v1}/incidents/{{id:\d{{1,15}}}}"
        return [
            Route("GET", f"{v1}/sites", self.sites, view),
            Route("GET", f"{v1}/sites/{{site}}", self.site, view, answer=SiteDetailOut),
            Route("GET", f"{v1}/devices", self.devices, view),
            Route("GET", f"{v1}/devices/{{site}}/{{name}}", self.device, view, answer=DeviceDetailOut),
            Route("GET", f"{v1}/search", self.search, view, answer=SearchOut),
            Route("GET", f"{v1}/incidents", self.incidents, view),
            Route("GET", incident, self.incident, view, answer=IncidentDetailOut),
            Route("GET", f"{v1}/series", self.series, view, answer=SeriesOut),
            Route("GET", f"{v1}/coverage", self.coverage, view, whole=True),
            Route("GET", f"{v1}/drift", self.drift, view, whole=True),
            Route("GET", f"{v1}/neighbours", self.neighbours, view, whole=True),
            Route("GET", "/healthz", self.alive, Permission.PUBLIC),
            Route("GET", "/readyz", self.ready, Permission.PUBLIC),
        ]

    async def sites(self, request: web.Request) -> web.Response:
        """``GET /api/v1/sites``."""
        return answer({"sites": [site_out(one) for one in summaries(context_of(request).board)]})

    async def site(self, request: web.Request) -> web.Response:
        """``GET /api/v1/sites/{site}``."""
        board = context_of(request).board
        site = find_site(context_of(request), request.match_info)
        one = summarise(board, site, open_entries(board).get(site.id, ()))
        devices = tuple(device_out(view) for view in one.devices)
        return answer(SiteDetailOut(site_out(one), owner_out(site.owner), site.location, devices))

    async def devices(self, request: web.Request) -> web.Response:
        """``GET /api/v1/devices``."""
        every = [device_out(view) for one in summaries(context_of(request).board) for view in one.devices]
        return answer({"devices": every})

    async def device(self, request: web.Request) -> web.Response:
        """``GET /api/v1/devices/{site}/{name}``."""
        context = context_of(request)
        device = find_device(context, request.match_info)
        view = view_device(context.board, device, open_entries(context.board).get(device.site, ()))
        checks = tuple(check_out(asked) for asked in asked_of(context.board, device.id))
        owner = owner_out(context.board.inventory.owner_of(device.id))
        return answer(DeviceDetailOut(device_out(view), owner, checks))

    async def search(self, request: web.Request) -> web.Response:
        """``GET /api/v1/search?q=&limit=``: sites and devices in which every word is found, the likeliest first."""
        board, text = context_of(request).board, query.text(request, "q")
        found = await context_of(request).finder.find(
            board.inventory, text, query.number(request, "limit", 50, 1, 500)
        )
        hits = tuple(hit_out(row) for row in rows(context_of(request), found))
        return answer(SearchOut(text, found.total, hits))

    async def incidents(self, request: web.Request) -> web.Response:
        """``GET /api/v1/incidents?status=&kind=&site=&device=&limit=&before=``, newest first."""
        status = query.choice(request, "status", tuple(Status))
        kind = query.choice(request, "kind", tuple(Kind))
        limit = query.number(request, "limit", 100, 1, 1000)
        before = query.number(request, "before", 0, 0, 10**15)
        found = await context_of(request).ledger.incidents(
            status=Status(status) if status else None,
            kind=Kind(kind) if kind else None,
            site=query.text(request, "site", "") or None,
            device=query.text(request, "device", "") or None,
            limit=limit,
            before_id=before or None,
        )
        return answer({"incidents": found, "next_before": found[-1].id if len(found) == limit else None})

    async def incident(self, request: web.Request) -> web.Response:
        """``GET /api/v1/incidents/{id}``."""
        number = int(request.match_info["id"])
        incident = await context_of(request).ledger.incident(number)
        if incident is None:
            raise NoSuch(f"there is no incident {number}")
        return answer(IncidentDetailOut(incident, await context_of(request).ledger.timeline(number)))

    async def series(self, request: web.Request) -> web.Response:
        """``GET /api/v1/series?device=&metric=&label.NAME=&from=&to=&buckets=``; all labels unless told."""
        device, metric = query.text(request, "device"), query.text(request, "metric")
        wanted = query.labels(request)
        start, end = query.span(request, context_of(request).now())
        buckets = query.number(request, "buckets", 240, 1, 2000)
        inventory = context_of(request).board.inventory
        device = inventory.moved.get(device, device)
        if device not in inventory.devices:
            raise NoSuch("there is no such device in the inventory")
        store = context_of(request).store
        known = sorted(
            (one for one in await store.latest(device, metric) if wanted in (None, one.key.labels)),
            key=lambda one: one.key.labels,
        )
        keys = [one.key for one in known[:MAX_LINES]]
        found = await asyncio.gather(*(store.range(key, start, end, buckets) for key in keys))
        lines = [_line(key, some) for key, some in zip(keys, found, strict=True)]
        unit = known[0].unit if known else ""
        step = (end - start).total_seconds() / buckets
        left_out = max(0, len(known) - MAX_LINES)
        return answer(SeriesOut(device, metric, unit, start, end, step, lines, left_out))

    async def coverage(self, request: web.Request) -> web.Response:
        """``GET /api/v1/coverage``: what sites have of what they must have, and which devices never answered."""
        inventory, first = context_of(request).board.inventory, context_of(request).ledger.answered.first
        silent = [device for device in inventory.devices if device not in first]
        return answer(as_json(coverage(inventory)) | {"never_answered": silent})

    async def drift(self, request: web.Request) -> web.Response:
        """``GET /api/v1/drift``: devices whose model, firmware, serial number or address is another than expected."""
        seen = context_of(request).ledger.identities.traits
        return answer(
            {"drift": list(drift(context_of(request).board.inventory, seen)), "identified": len(seen)}
        )

    async def neighbours(self, request: web.Request) -> web.Response:
        """``GET /api/v1/neighbours``: links that devices see, parents they propose, and what no inventory has."""
        board, names = context_of(request).board, context_of(request).ledger.identities.names
        said = seen(board)
        return answer({"asked": len(said), "neighbourhood": neighbourhood(board.inventory, said, names)})

    async def alive(self, request: web.Request) -> web.Response:
        """``GET /healthz``: 200, or 503 while the monitor cannot be relied on; why is told to those who are known."""
        vitals, known = self._context.vitals(), READER in request and reader_of(request).scope.is_everywhere
        body = {
            "status": "failing" if vitals.failing else "degraded" if vitals.problems else "ok",
            "version": vitals.version,
            "problems": [problem.words.en for problem in vitals.problems] if known else [],
        }
        return answer(body, 503 if vitals.failing else 200)

    async def ready(self, request: web.Request) -> web.Response:
        """``GET /readyz``: 200 once states and alerts can be relied on, 503 while they cannot; for load balancers."""
        failing = self._context.vitals().failing
        return answer({"ready": not failing}, 503 if failing else 200)


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


def _line(key: SeriesKey, buckets: list[Bucket]) -> LineOut:
    points = [(one.start.timestamp(), one.minimum, one.mean, one.maximum) for one in buckets]
    return LineOut(dict(key.labels), points)
