"""Whose turn it is: shifts to come, swaps, notes for the next shift, and who would be told of what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta

from alerts.calendar import VIETNAM, local_time
from alerts.duty.policy import Person, Policy
from alerts.duty.roster import Roster
from alerts.duty.rota import Override, Rota, Shift, shifts
from alerts.duty.who import Told, supposed
from alerts.incident import Severity, Words
from monitor.access.permission import Permission
from monitor.ledger.rota import Handover
from monitor.web import query
from monitor.web.api.watched import answer
from monitor.web.context import WebContext
from monitor.web.language import N_
from monitor.web.live import INCIDENTS
from monitor.web.problem import Mistake, Wrong, refusal
from monitor.web.record import recorded
from monitor.web.route import Route, context_of, reader_of
from monitor.web.security import same_origin
from monitor.web.view import NoSuch, Params, Values, View
from probes.core.text import clean
from probes.core.words import Unfit

AHEAD = timedelta(days=14)
MAX_TEXT = 2000
MAX_BODY = 8192
SEVERITIES = (Severity.CRITICAL, Severity.WARNING, Severity.HIGH)


class RotaView(msgspec.Struct, frozen=True):
    """A rota as the page shows it."""

    name: str
    rota: Rota
    now: tuple[Person, ...]
    until: datetime | None
    """When the present shift ends; `None` when it goes on beyond what is shown."""
    shifts: Sequence[Shift]
    overrides: Sequence[Override]
    notes: Sequence[Handover] | None
    """`None` while the ledger cannot be read."""


class RotaOut(msgspec.Struct, frozen=True):
    """Whose turn it is, and will be."""

    on_duty: tuple[str, ...]
    shifts: tuple[Shift, ...]
    changes: tuple[Override, ...]


class RotasOut(msgspec.Struct, frozen=True):
    """Rotas by name, with their shifts of two weeks."""

    rotas: dict[str, RotaOut]


class WhoQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of what, how bad, and when."""

    about: query.Text
    """A device or a site."""
    severity: Severity = Severity.CRITICAL
    at: Annotated[str, Meta(max_length=40, description="A time in Viet Nam; now unless told")] = ""
    rule: query.Text = ""
    """Of which rule, where a route asks for it."""


class WhoOut(msgspec.Struct, frozen=True):
    """What would happen while nobody takes the incident on."""

    policies: tuple[str, ...]
    """Their names; none where no route fits, and everybody is told."""
    steps: tuple[Told, ...]
    repeat_every: float
    """Seconds; 0 without repeats."""
    repeats: int
    quiet: Words | None
    """What would hold the telling back; `None` for nothing."""


def view(context: WebContext, params: Params) -> View:
    """Return the page of rotas."""

    async def values() -> Values:
        roster, now = context.who().roster, context.now()
        rotas = [await _rota(context, roster, name, now) for name in roster.duty.rotas]
        policies = {name: list(_said(policy, roster)) for name, policy in roster.duty.policies.items()}
        return {
            "rotas": rotas,
            "people": roster.duty.people,
            "policies": policies,
            "routes": roster.duty.routes,
            "patience": roster.duty.patience,
        }

    return View("duty", frozenset({INCIDENTS}), values, N_("On duty"), lasting=2.0)


def who_view(context: WebContext, params: Params) -> View:
    """Return who would be told of an incident ``about`` a device or site, ``severity``, ``at`` a time."""
    about, severity = params.get("about", "").strip(), params.get("severity") or Severity.CRITICAL
    moment = _moment(params.get("at", ""))
    if severity not in tuple(Severity):
        raise NoSuch(f"severity is one of {', '.join(Severity)}")

    async def values() -> Values:
        inventory = context.board.inventory
        known = about in inventory.devices or about in inventory.sites
        at = moment or context.now()
        incident = supposed(about, Severity(severity), at)
        plan = context.who().plan(incident, at) if known else None
        site = inventory.sites.get(about.partition("/")[0])
        return {
            "about": about,
            "device": inventory.devices.get(about),
            "site": site,
            "severity": severity,
            "severities": SEVERITIES,
            "at": at,
            "asked": params.get("at", ""),
            "plan": plan,
            "hidden": context.quiets.hides(incident, at),
        }

    return View("who", frozenset(), values, N_("Who would be told"), lasting=2.0)


def _moment(written: str) -> datetime | None:
    """Return the time a form or link says. Raises `NoSuch`."""
    if not written:
        return None
    try:
        return local_time(written)
    except ValueError as error:
        raise NoSuch(str(error)) from None


async def _rota(context: WebContext, roster: Roster, name: str, now: datetime) -> RotaView:
    rota, overrides = roster.duty.rotas[name], roster.overrides
    coming = shifts(name, rota, overrides, now, now + AHEAD)
    people = tuple(person for _, person in roster.on_duty(name, now))
    own = [one for one in overrides if one.rota == name and one.until > now]
    notes = await recorded(context.ledger.rota.handovers(name, 5))
    until = coming[0].end if len(coming) > 1 else None
    return RotaView(name, rota, people, until, coming, own, notes)


def _said(policy: Policy, roster: Roster) -> Iterator[tuple[float, list[str]]]:
    """Yield each step of a policy: seconds, and whom it tells by their names."""
    for stage in policy.steps:
        yield stage.after, [_called(target, roster) for target in stage.tell]


def _called(target: str, roster: Roster) -> str:
    kind, _, name = target.partition(":")
    return roster.duty.people[name].name if kind == "person" else target


def routes() -> list[Route]:
    """Return the routes of what is changed here, and of the API."""
    operate, view_ = Permission.OPERATE, Permission.VIEW
    api = "/api/v1/duty"
    return [
        Route("POST", "/duty/swap", swap, operate, whole=True, max_body=MAX_BODY),
        Route("POST", "/duty/undo", undo, operate, whole=True, max_body=MAX_BODY),
        Route("POST", "/duty/handover", hand_over, operate, whole=True, max_body=MAX_BODY),
        Route(
            "GET",
            api,
            duty_by_api,
            view_,
            summary="Rotas and their shifts to come; of some sites, the rotas that these are told by",
            answer=RotasOut,
        ),
        Route(
            "GET",
            f"{api}/who",
            who_by_api,
            view_,
            summary="Who would be told of an incident",
            query=WhoQuery,
            answer=WhoOut,
            errors=(404,),
        ),
    ]


async def swap(request: web.Request) -> web.Response:
    """Let others be on duty for a while, as the form says. Raises 400, 403."""
    same_origin(request, required=True)
    context, form = context_of(request), await request.post()
    try:
        span = [local_time(str(form.get(name, ""))) for name in ("from", "until")]
    except ValueError as error:
        raise refusal(web.HTTPBadRequest, error) from None
    people = tuple(str(one) for one in form.getall("people", []))
    note = clean(str(form.get("note", "")), 500)
    who = reader_of(request).name
    change = Override(0, str(form.get("rota", "")), people, span[0], span[1], who, note)
    if mistake := context.who().roster.mistake(change, context.now()):
        raise refusal(web.HTTPBadRequest, Unfit(mistake))
    await context.ledger.rota.add(change, context.now())
    raise web.HTTPSeeOther("/duty")


async def undo(request: web.Request) -> web.Response:
    """Take a change back. Raises 403, 404."""
    same_origin(request, required=True)
    context, number = context_of(request), str((await request.post()).get("number", ""))
    found = number.isdecimal() and len(number) < 16
    if not found or not await context.ledger.rota.remove(int(number), reader_of(request).name, context.now()):
        raise NoSuch("there is no such change of a rota")
    raise web.HTTPSeeOther("/duty")


async def hand_over(request: web.Request) -> web.Response:
    """Leave a note for the next shift. Raises 400, 403, 404."""
    same_origin(request, required=True)
    context, form = context_of(request), await request.post()
    rota, text = str(form.get("rota", "")), clean(str(form.get("text", "")), MAX_TEXT)
    if rota not in context.who().roster.duty.rotas:
        raise NoSuch("there is no such rota")
    if not text:
        raise web.HTTPBadRequest(text=N_("the note is empty"))
    await context.ledger.rota.hand_over(rota, reader_of(request).name, text, context.now())
    raise web.HTTPSeeOther(f"/duty#rota-{rota}")


async def duty_by_api(request: web.Request) -> web.Response:
    """``GET /api/v1/duty``: each rota's shifts of two weeks; times are UTC+7."""
    context = context_of(request)
    roster, now = context.who().roster, context.now()
    found = {
        name: RotaOut(
            tuple(person.name for _, person in roster.on_duty(name, now)),
            tuple(shifts(name, rota, roster.overrides, now, now + AHEAD)),
            tuple(one for one in roster.overrides if one.rota == name),
        )
        for name, rota in roster.duty.rotas.items()
    }
    return answer(RotasOut(found))


async def who_by_api(request: web.Request) -> web.Response:
    """``GET /api/v1/duty/who?about=&severity=&at=``. Raises 404 for what is not in the inventory."""
    asked, context = query.decode(request, WhoQuery), context_of(request)
    about, inventory = asked.about, context.board.inventory
    if about not in inventory.devices and about not in inventory.sites:
        raise NoSuch("there is no such device or site in the inventory")
    try:
        at = local_time(asked.at) if asked.at else context.now().astimezone(VIETNAM)
    except ValueError as error:
        raise Wrong([Mistake(str(error), parameter="at")]) from None
    incident = supposed(about, asked.severity, at, asked.rule)
    hidden, plan = context.quiets.hides(incident, at), context.who().plan(incident, at)
    quiet = hidden.quiet.words(hidden.until) if hidden else None
    return answer(WhoOut(plan.policies, plan.steps, plan.repeat_every, plan.repeats, quiet))
