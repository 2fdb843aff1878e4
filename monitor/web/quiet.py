"""What is quiet: now, in the next 30 days, lately; and how it is made, extended and ended by plain forms."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
from aiohttp import web

from alerts.calendar import VIETNAM
from alerts.incident import Incident
from alerts.quiet.preview import Effect, effect
from alerts.quiet.quiet import Quiet, QuietKind
from alerts.quiet.silence import LEAST_REASON, Silence, read_wish
from alerts.quiet.window import Window
from monitor.access.permission import Permission
from monitor.quiet import Reach, lately
from monitor.web.context import WebContext
from monitor.web.language import N_
from monitor.web.live import INCIDENTS
from monitor.web.problem import refusal
from monitor.web.route import Route, context_of, reader_of
from monitor.web.security import same_origin
from monitor.web.view import NoSuch, Params, Values, View, told_to
from probes.core.words import Said, Unfit, Words, why

Frame = Callable[[web.Request, str, Mapping[str, object], int], Awaitable[web.Response]]

CALENDAR = timedelta(days=30)
PAST = timedelta(days=7)
HISTORY = timedelta(days=30)
"""How far back a preview looks."""
MOST = 200
"""Entries of one list."""
MAX_BODY = 16 * 1024
HOURS = ("1", "2", "4", "8", "24", "72", "168")
"""For how long the form offers to be quiet."""
KEYS = ("site", "device", "role", "tags", "profile", "check", "probe")
FIELDS = (*KEYS, "rules", "kind", "hours", "from", "until", "reason")


class Entry(msgspec.Struct, frozen=True):
    """Something quiet with one of its windows, as the page shows it."""

    quiet: Quiet
    window: Window
    reach: Reach
    hides: int = 0
    """Open incidents that it hides now."""
    ended_by: str = ""


class Day(msgspec.Struct, frozen=True):
    """What begins on one day."""

    day: date
    entries: Sequence[Entry]


def view(context: WebContext, params: Params) -> View:
    """Return the page of what is quiet."""

    async def values() -> Values:
        now = context.now()
        mine = await reached(context)
        counts = Counter(
            hidden.quiet.id
            for one in context.board.incidents.values()
            if (hidden := context.quiets.hides(one))
        )
        active = [
            Entry(quiet, window, reach, counts[quiet.id])
            for quiet, reach in mine
            if (window := quiet.window(now))
        ]
        coming = [
            Entry(quiet, window, reach)
            for quiet, reach in mine
            for window in quiet.coming(now)
            if now < window.start < now + CALENDAR
        ]
        coming.sort(key=lambda one: one.window)
        return {
            "active": sorted(active, key=lambda one: one.window.end)[:MOST],
            "days": list(_days(coming[:MOST])),
            "more_coming": max(0, len(coming) - MOST),
            "past": _past(context, mine, now),
            "hours": HOURS,
            "kinds": QuietKind,
        }

    return View("quiet", frozenset({INCIDENTS}), values, N_("Silences and maintenance"), lasting=2.0)


async def reached(context: WebContext) -> list[tuple[Quiet, Reach]]:
    """Return all that is quiet and means something of what is shown, with how far it reaches."""
    quiets, inventory = context.quiets.quiets, context.board.inventory
    reach = await context.quiets.reach(inventory, [one.where for one in quiets])
    return [(one, reach[one.where]) for one in quiets if reach[one.where].devices]


def _days(entries: Iterable[Entry]) -> Iterable[Day]:
    by_day: dict[date, list[Entry]] = {}
    for one in entries:
        by_day.setdefault(one.window.start.astimezone(VIETNAM).date(), []).append(one)
    return (Day(day, some) for day, some in by_day.items())


def _past(context: WebContext, mine: Sequence[tuple[Quiet, Reach]], now: datetime) -> list[Entry]:
    ended = {str(one.id): one.ended_by for one in context.quiets.silences}
    found = [
        Entry(quiet, window, reach, ended_by=ended.get(quiet.id, ""))
        for quiet, reach in mine
        for window in quiet.windows
        if now - PAST < window.end <= now
    ]
    return sorted(found, key=lambda one: one.window.end, reverse=True)[:MOST]


class QuietForms:
    """The handlers of the forms."""

    def __init__(self, frame: Frame) -> None:
        """`frame` makes whole pages of templates."""
        self._frame = frame

    def routes(self) -> list[Route]:
        """Return every route."""
        operate = Permission.OPERATE
        return [
            Route("GET", "/quiet/new", self.open, operate),
            Route("POST", "/quiet/new", self.submit, operate, max_body=MAX_BODY),
            Route("POST", r"/quiet/{id:\d{1,15}}", self.change, operate, max_body=MAX_BODY),
        ]

    async def open(self, request: web.Request) -> web.Response:
        """``GET /quiet/new?incident=&device=&site=…``: the form, filled as the address says, with its preview."""
        context = context_of(request)
        given = {name: request.query.get(name, "")[:300] for name in FIELDS}
        given |= await _about(context, request.query)
        return await self._page(request, context, given)

    async def submit(self, request: web.Request) -> web.StreamResponse:
        """``POST /quiet/new``: show what it would hide; make it when that was shown before. Raises 403."""
        same_origin(request, required=True)
        context, form = context_of(request), await request.post()
        given = {name: str(form.get(name, ""))[:300] for name in FIELDS}
        if form.get("action") != "save" or form.get("seen") != _digest(given):
            return await self._page(request, context, given)
        try:
            made = _wished(given, reader_of(request).name, context.now())
            await must_exist(context, made)
            made = await context.quiets.add(made)
        except ValueError as error:
            return await self._page(request, context, given, why(error))
        raise web.HTTPSeeOther(f"/quiet#quiet-{made.id}")

    async def change(self, request: web.Request) -> web.StreamResponse:
        """``POST /quiet/{id}``: ``action`` is ``end`` or ``extend`` by ``hours``. Raises 400, 403, 404, 409."""
        same_origin(request, required=True)
        context, form, number = context_of(request), await request.post(), int(request.match_info["id"])
        known = context.quiets.silence(number)
        if known is None:
            raise NoSuch(f"there is no silence {number}")
        who, hours = reader_of(request).name, str(form.get("hours", ""))
        if form.get("action") == "end":
            changed = await context.quiets.end(number, who)
        elif form.get("action") == "extend" and hours in HOURS:
            until = max(known.until, context.now()) + timedelta(hours=int(hours))
            try:
                changed = await context.quiets.extend(number, until, who)
            except ValueError as error:
                raise refusal(web.HTTPBadRequest, error) from None
        else:
            raise web.HTTPBadRequest(text=f"action is end, or extend with hours of {', '.join(HOURS)}")
        if changed is None:
            raise web.HTTPConflict(text=N_("the silence is over already"))
        raise web.HTTPSeeOther("/quiet")

    async def _page(
        self, request: web.Request, context: WebContext, given: Mapping[str, str], refused: Said = ""
    ) -> web.Response:
        """Return the form with what it would hide, or with why it cannot be."""
        found: Effect | None = None
        if any(given[name] for name in (*KEYS, "rules")):
            try:
                supposed = _wished({**given, **_SUPPOSED}, "", context.now())
                await must_exist(context, supposed)
                found = await preview(context, supposed.quiet)
                if not refused and given["reason"]:
                    _wished(given, "", context.now())
            except ValueError as error:
                refused = refused or why(error)
        inventory = context.board.inventory
        names = {site.id: site.name for site in inventory.sites.values()}
        shown: dict[str, Any] = {
            "given": given,
            "effect": found,
            "seen": _digest(given) if found else "",
            "refused": refused,
            "hours": HOURS,
            "names": names,
            "roles": sorted(inventory.roles.values(), key=lambda one: one.name),
            "rules": list(context.rules()),
        }
        shown |= {"page": "quiet", "problems": told_to(reader_of(request), context.vitals().problems)}
        return await self._frame(request, "quiet_new", shown, 422 if refused else 200)


_SUPPOSED = {"hours": "1", "from": "", "until": "", "reason": "preview"}
"""With these anything can be previewed: what is hidden depends on the selector."""


async def must_exist(context: WebContext, wish: Silence) -> None:
    """Raise `ValueError` when a wish names what does not exist for whoever asks; 403 for sites out of their scope."""
    await context.quiets.must_exist(wish, context.board.inventory, context.rules())


async def preview(context: WebContext, quiet: Quiet) -> Effect:
    """Return what something quiet hides of what is shown."""
    past = await lately(context.ledger.incidents, context.now() - HISTORY)
    return await asyncio.to_thread(
        effect, quiet, context.board.inventory, list(context.board.incidents.values()), past
    )


async def _about(context: WebContext, query: Mapping[str, str]) -> dict[str, str]:
    """Return the fields that mean the incident or device of an address."""
    device = context.board.inventory.devices.get(query.get("device", ""))
    if device is not None:
        return {"site": device.site, "device": device.id}
    number = query.get("incident", "")
    if not (number.isascii() and number.isdigit() and len(number) < 16):
        return {}
    incident = context.board.incidents.get(int(number)) or await context.ledger.incidents.by_id(int(number))
    return _of_incident(context, incident) if incident else {}


def _of_incident(context: WebContext, incident: Incident) -> dict[str, str]:
    key = incident.key
    device = context.board.inventory.devices.get(key.device)
    if device is not None:
        return {"site": device.site, "device": device.id, "rules": key.rule}
    sites = incident.sites or (() if key.at_large else (key.device,))
    return {"site": ", ".join(sites)[:300], "rules": "" if sites else key.rule}


def _wished(given: Mapping[str, str], who: str, now: datetime) -> Silence:
    """Return what the fields ask for. Raises `ValueError`."""
    lists = {name: _listed(given[name]) for name in (*KEYS, "rules")}
    where = {name: lists[name] for name in KEYS if lists[name]}
    if len(given["reason"].strip()) < LEAST_REASON:
        raise Unfit(Words("ghi lý do, ít nhất 3 ký tự", "write the reason, at least 3 characters"))
    asked: dict[str, object] = {"where": where, "rules": lists["rules"], "reason": given["reason"].strip()}
    asked |= {"kind": given["kind"]} if given["kind"] else {}
    asked |= {"from": given["from"]} if given["from"] else {}
    asked["until"] = given["until"] or _after(given, now)
    return read_wish(asked).silence(who, now)


def _after(given: Mapping[str, str], now: datetime) -> str:
    if given["hours"] not in HOURS:
        raise Unfit(Words("chọn thời lượng hoặc giờ kết thúc", "say for how long, or until when"))
    start = now
    if given["from"]:
        start = read_wish({"until": given["from"], "reason": "when"}).until
    until = start.astimezone(VIETNAM) + timedelta(hours=int(given["hours"]), minutes=1)
    return until.strftime("%Y-%m-%d %H:%M")


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _digest(given: Mapping[str, str]) -> str:
    """Name what a preview was of: the selector, whatever the hours and the reason."""
    text = "\n".join(given[name] for name in (*KEYS, "rules"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
