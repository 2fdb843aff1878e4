"""The API's answers about sites, devices, incidents and series, as JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Container
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import UNSET, Meta, UnsetType, field

from alerts.incident import DeviceState, Kind, Severity, Status, Words
from inventory.coverage import as_json, coverage
from inventory.model import Inventory
from monitor.access.permission import Permission
from monitor.drift import Drift
from monitor.neighbours import Neighbourhood
from monitor.web import query
from monitor.web.api import cursor
from monitor.web.context import WebContext
from monitor.web.device import asked_of, find_device
from monitor.web.drift import differences
from monitor.web.neighbours import around
from monitor.web.record import recorded
from monitor.web.route import READER, Route, context_of, reader_of
from monitor.web.search import rows
from monitor.web.shapes import (
    DeviceDetailOut,
    DevicesOut,
    IncidentDetailOut,
    IncidentsOut,
    SearchOut,
    SeriesOut,
    SiteDetailOut,
    SitesOut,
    check_out,
    device_out,
    hit_out,
    line_out,
    owner_out,
    site_out,
)
from monitor.web.site import find_site
from monitor.web.summary import DeviceView, SiteSummary
from monitor.web.view import NoSuch

MAX_LINES = 16
"""Series of one metric that one request returns."""


def answer(content: object, status: int = 200) -> web.Response:
    """Return `content` as JSON."""
    return web.Response(body=msgspec.json.encode(content), status=status, content_type="application/json")


class SitesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which sites."""

    state: DeviceState | UnsetType = UNSET
    kind: query.Text = ""
    province: query.Text = ""
    limit: Annotated[int, Meta(ge=1, le=5000, description="Entries of one page")] = 5000
    cursor: query.Cursor = ""

    def fits(self, one: SiteSummary) -> bool:
        """Whether a site is one of them."""
        commune = one.site.commune
        return (
            (not self.state or one.state is self.state)
            and self.kind in ("", one.site.kind)
            and (not self.province or (commune is not None and commune.province_code == self.province))
        )


class DevicesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which devices."""

    state: DeviceState | UnsetType = UNSET
    site: query.Text = ""
    role: query.Text = ""
    limit: Annotated[int, Meta(ge=1, le=5000, description="Entries of one page")] = 1000
    cursor: query.Cursor = ""

    def fits(self, view: DeviceView) -> bool:
        """Whether a device is one of them."""
        return (not self.state or view.status.state is self.state) and self.role in ("", view.device.role)


class SearchQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is looked for."""

    q: Annotated[str, Meta(max_length=query.MAX_TEXT, examples=["router 18073"])]
    limit: Annotated[int, Meta(ge=1, le=500, description="Entries at most")] = 50


class IncidentsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which incidents and findings."""

    status: Status | UnsetType = UNSET
    kind: Kind | UnsetType = UNSET
    severity: Severity | UnsetType = UNSET
    site: query.Text = ""
    device: query.Text = ""
    rule: query.Text = ""
    text: Annotated[str, Meta(max_length=100, description="Words of its summary, in either language")] = ""
    start: query.Moment | UnsetType = field(name="from", default=UNSET)
    end: query.Moment | UnsetType = field(name="to", default=UNSET)
    limit: query.Limit = 100
    cursor: query.Cursor = ""
    before: query.Number = 0


class SeriesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which series; ``label.NAME=VALUE`` names those of one device apart, all of them unless told."""

    device: Annotated[str, Meta(max_length=query.MAX_TEXT, examples=["18073/router"])]
    metric: Annotated[str, Meta(max_length=query.MAX_TEXT, examples=["probe.duration"])]
    label: Annotated[dict[Annotated[str, Meta(max_length=100)], query.Text], Meta(max_length=8)] = field(
        default_factory=dict
    )
    start: query.Moment | UnsetType = field(name="from", default=UNSET)
    end: query.Moment | UnsetType = field(name="to", default=UNSET)
    buckets: Annotated[int, Meta(ge=1, le=2000, description="Slices of the span")] = 240


class NeedOut(msgspec.Struct, frozen=True):
    """Something that a site of a kind must have, and how many have it."""

    name: str
    title: Words
    roles: tuple[str, ...]
    count: int
    complete: int
    sites: int


class KindOut(msgspec.Struct, frozen=True):
    """How many sites of a kind lack nothing, of how many."""

    complete: int
    sites: int
    needs: dict[str, NeedOut]


class LackOut(msgspec.Struct, frozen=True):
    """A need that too few devices meet."""

    need: str
    has: int
    wants: int


class LackingOut(msgspec.Struct, frozen=True):
    """A site that lacks something."""

    site: str
    name: str
    kind: str
    lacks: tuple[LackOut, ...]


class CoverageOut(msgspec.Struct, frozen=True):
    """What sites have of what they must have."""

    complete: bool
    kinds: dict[str, KindOut]
    lacking: tuple[LackingOut, ...]
    never_answered: tuple[str, ...]


class DriftOut(msgspec.Struct, frozen=True):
    """Devices that are not what the inventory says."""

    drift: list[Drift]
    identified: int
    """Devices that said what they are."""


class NeighboursOut(msgspec.Struct, frozen=True):
    """What devices see around them."""

    asked: int
    neighbourhood: Neighbourhood


class Api:
    """The handlers."""

    def __init__(self, context: WebContext) -> None:
        self._context = context

    def routes(self) -> list[Route]:
        """Return every route."""
        view, v1 = Permission.VIEW, "/api/v1"
        incident = rf"{v1}/incidents/{{id:\d{{1,15}}}}"
        return [
            Route("GET", f"{v1}/sites", self.sites, view, summary="Sites and their states", query=SitesQuery,
                  answer=SitesOut),
            Route("GET", f"{v1}/sites/{{site}}", self.site, view, summary="A site and its devices",
                  answer=SiteDetailOut),
            Route("GET", f"{v1}/devices", self.devices, view, summary="Devices and their states",
                  query=DevicesQuery, answer=DevicesOut),
            Route("GET", f"{v1}/devices/{{site}}/{{name}}", self.device, view,
                  summary="A device, its checks and their last answers", answer=DeviceDetailOut),
            Route("GET", f"{v1}/search", self.search, view,
                  summary="Sites and devices in which every word is found, the likeliest first", query=SearchQuery,
                  answer=SearchOut),
            Route("GET", f"{v1}/incidents", self.incidents, view,
                  summary="Incidents and findings, the newest first", query=IncidentsQuery, answer=IncidentsOut),
            Route("GET", incident, self.incident, view, summary="An incident and its timeline",
                  answer=IncidentDetailOut),
            Route("GET", f"{v1}/series", self.series, view,
                  summary="Numbers of a device in slices of a span; `label.NAME=VALUE` chooses among several series",
                  query=SeriesQuery, answer=SeriesOut, errors=(404,)),
            Route("GET", f"{v1}/coverage", self.coverage, view, whole=True,
                  summary="What sites lack of what they must have, and which devices never answered",
                  answer=CoverageOut),
            Route("GET", f"{v1}/drift", self.drift, view, whole=True,
                  summary="Devices whose model, firmware, serial number or address is another than expected",
                  answer=DriftOut),
            Route("GET", f"{v1}/neighbours", self.neighbours, view, whole=True,
                  summary="Links that devices see, parents they propose, and what no inventory has",
                  answer=NeighboursOut),
            Route("GET", "/healthz", self.alive, Permission.PUBLIC),
            Route("GET", "/readyz", self.ready, Permission.PUBLIC),
        ]  # fmt: skip

    async def sites(self, request: web.Request) -> web.Response:
        """``GET /api/v1/sites``."""
        asked, context = query.decode(request, SitesQuery), context_of(request)
        every = [one for one in context.summaries.every(context.board) if asked.fits(one)]
        shown, more = cursor.page(every, lambda one: one.site.id, asked.cursor, asked.limit)
        return answer(SitesOut([site_out(one) for one in shown], more))

    async def site(self, request: web.Request) -> web.Response:
        """``GET /api/v1/sites/{site}``."""
        context = context_of(request)
        site = find_site(context, request.match_info)
        one = context.summaries.of(context.board, site)
        devices = tuple(device_out(view) for view in one.devices)
        return answer(SiteDetailOut(site_out(one), owner_out(site.owner), site.location, devices))

    async def devices(self, request: web.Request) -> web.Response:
        """``GET /api/v1/devices``."""
        asked, context = query.decode(request, DevicesQuery), context_of(request)
        sites = [one for one in context.summaries.every(context.board) if asked.site in ("", one.site.id)]
        every = [view for one in sites for view in one.devices if asked.fits(view)]
        shown, more = cursor.page(every, lambda view: view.device.id, asked.cursor, asked.limit)
        return answer(DevicesOut([device_out(view) for view in shown], more))

    async def device(self, request: web.Request) -> web.Response:
        """``GET /api/v1/devices/{site}/{name}``."""
        context = context_of(request)
        device = find_device(context, request.match_info)
        view = context.summaries.view(context.board, device)
        checks = tuple(check_out(asked) for asked in asked_of(context.board, device.id))
        owner = owner_out(context.board.inventory.owner_of(device.id))
        waiting = await recorded(context.ledger.host_keys.stored("pending"))
        keys = None if waiting is None else tuple(key for key in waiting if key.device == device.id)
        return answer(DeviceDetailOut(device_out(view), owner, checks, keys))

    async def search(self, request: web.Request) -> web.Response:
        """``GET /api/v1/search?q=&limit=``: sites and devices in which every word is found, the likeliest first."""
        asked, context = query.decode(request, SearchQuery), context_of(request)
        found = await context.finder.find(context.board.inventory, asked.q, asked.limit)
        hits = tuple(hit_out(row) for row in rows(context, found))
        return answer(SearchOut(asked.q, found.total, hits))

    async def incidents(self, request: web.Request) -> web.Response:
        """``GET /api/v1/incidents``."""
        asked = query.decode(request, IncidentsQuery)
        found = await context_of(request).ledger.incidents.search(
            status=asked.status or None,
            kind=asked.kind or None,
            severity=asked.severity or None,
            site=asked.site or None,
            device=asked.device or None,
            rule=asked.rule or None,
            text=asked.text,
            start=query.utc(asked.start, "from") if asked.start else None,
            end=query.utc(asked.end, "to") if asked.end else None,
            limit=asked.limit,
            before_id=cursor.number(asked.cursor) or asked.before or None,
        )
        last = found[-1].id if len(found) == asked.limit else None
        return answer(IncidentsOut(found, cursor.after(found, lambda one: one.id, asked.limit), last))

    async def incident(self, request: web.Request) -> web.Response:
        """``GET /api/v1/incidents/{id}``."""
        number = int(request.match_info["id"])
        incident = await context_of(request).ledger.incidents.by_id(number) if number else None
        if incident is None:
            raise NoSuch(f"there is no incident {number}")
        ledger = context_of(request).ledger
        timeline, false = await ledger.incidents.timeline(number), await ledger.false_alarms.of(number)
        return answer(IncidentDetailOut(incident, timeline, false))

    async def series(self, request: web.Request) -> web.Response:
        """``GET /api/v1/series?device=&metric=&label.NAME=&from=&to=&buckets=``."""
        asked, context = query.decode(request, SeriesQuery), context_of(request)
        start, end = query.span(asked.start, asked.end, context.now())
        inventory, wanted = context.board.inventory, tuple(sorted(asked.label.items()))
        device = inventory.moved.get(asked.device, asked.device)
        if device not in inventory.devices:
            raise NoSuch("there is no such device in the inventory")
        known = sorted(
            (
                one
                for one in await context.store.latest(device, asked.metric)
                if wanted in ((), one.key.labels)
            ),
            key=lambda one: one.key.labels,
        )
        keys = [one.key for one in known[:MAX_LINES]]
        found = await asyncio.gather(*(context.store.range(key, start, end, asked.buckets) for key in keys))
        lines = [line_out(key, some) for key, some in zip(keys, found, strict=True)]
        unit = known[0].unit if known else ""
        step = (end - start).total_seconds() / asked.buckets
        left_out = max(0, len(known) - MAX_LINES)
        return answer(SeriesOut(device, asked.metric, unit, start, end, step, lines, left_out))

    async def coverage(self, request: web.Request) -> web.Response:
        """``GET /api/v1/coverage``: what sites have of what they must have, and which devices never answered."""
        inventory, first = context_of(request).board.inventory, context_of(request).ledger.answered.first
        return await asyncio.to_thread(_covered, inventory, first)

    async def drift(self, request: web.Request) -> web.Response:
        """``GET /api/v1/drift``: devices whose model, firmware, serial number or address is another than expected."""
        seen = context_of(request).ledger.identities.traits
        return answer(DriftOut(await differences(context_of(request).board.inventory, seen), len(seen)))

    async def neighbours(self, request: web.Request) -> web.Response:
        """``GET /api/v1/neighbours``: links that devices see, parents they propose, and what no inventory has."""
        found, asked = await around(context_of(request))
        return answer(NeighboursOut(asked, found))

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


def _covered(inventory: Inventory, answered: Container[str]) -> web.Response:
    """In a thread: a nation would hold the loop."""
    silent = [device for device in inventory.devices if device not in answered]
    return answer(msgspec.convert(as_json(coverage(inventory)) | {"never_answered": silent}, CoverageOut))
