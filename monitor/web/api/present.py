"""The API of what stands behind the incidents: services, whom an incident hits, rules, the monitor's own health."""

from __future__ import annotations

import msgspec
from aiohttp import web
from msgspec import UNSET, UnsetType

from alerts.incident import DeviceState, Kind, Severity, Words
from alerts.rule import Rule
from inventory.model import Text
from monitor.access.permission import Permission
from monitor.ledger import Delivery
from monitor.vitals import Vitals
from monitor.web import query
from monitor.web.api.watched import answer
from monitor.web.route import Route, context_of
from monitor.web.services import Standing, standings, users
from monitor.web.view import NoSuch

V1 = "/api/v1"


class ServiceOut(msgspec.Struct, frozen=True):
    """A service for people, and whether it works."""

    name: str
    title: Words
    state: DeviceState
    """Down when it does not work; degraded when it works, badly perhaps; no_data when nobody knows."""
    runs_on: tuple[str, ...]
    needs: tuple[str, ...]
    blamed: tuple[str, ...]
    """Those it needs that do not work."""
    incidents: tuple[int, ...]
    """What stops it."""
    users: tuple[str, ...]
    """Sites that use it."""


class ServicesOut(msgspec.Struct, frozen=True):
    """Services in the order of the inventory."""

    services: list[ServiceOut]


class ImpactOut(msgspec.Struct, frozen=True):
    """Whom an incident hits."""

    devices: tuple[str, ...]
    """Cut off, the one it is about first."""
    cut_off: tuple[str, ...]
    """Sites that cannot be reached at all."""
    services: tuple[str, ...]
    """Services that do not work."""
    users: tuple[str, ...]
    """Sites that lack one of those services."""


class ToldOut(msgspec.Struct, frozen=True):
    """What was told of an incident, the oldest first."""

    deliveries: list[Delivery]


class RulesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which rules."""

    kind: Kind | UnsetType = UNSET


class RuleOut(msgspec.Struct, frozen=True):
    """A rule in force."""

    id: str
    kind: Kind
    title: Words
    severity: Severity | None
    """`None` where its thresholds say it by their levels."""
    attempts: int
    """Judgements in a row that open it."""
    resolve_after: int
    playbook: Words | None
    refs: tuple[str, ...]


class RulesOut(msgspec.Struct, frozen=True):
    """Rules in the order of the files."""

    rules: list[RuleOut]


def routes() -> list[Route]:
    """Return every route."""
    view, incident = Permission.VIEW, rf"{V1}/incidents/{{id:\d{{1,15}}}}"
    return [
        Route("GET", f"{V1}/services", services, view, summary="Services for people, and what stops them",
              answer=ServicesOut),
        Route("GET", f"{incident}/impact", impact, view, summary="Whom an incident hits", answer=ImpactOut),
        Route("GET", f"{incident}/deliveries", told, view, summary="What was told of an incident",
              answer=ToldOut),
        Route("GET", f"{V1}/rules", rules, view, summary="Rules in force", query=RulesQuery, answer=RulesOut),
        Route("GET", f"{V1}/health", health, view, whole=True,
              summary="How the monitor itself does: lateness, queues, store, problems", answer=Vitals),
    ]  # fmt: skip


async def services(request: web.Request) -> web.Response:
    """``GET /api/v1/services``."""
    inventory = context_of(request).board.inventory
    found = standings(context_of(request))
    return answer(
        ServicesOut(
            [_service(one, tuple(site.id for site in users(inventory, one.service))) for one in found]
        )
    )


async def impact(request: web.Request) -> web.Response:
    """``GET /api/v1/incidents/{id}/impact``. Raises 404."""
    context, number = context_of(request), int(request.match_info["id"])
    incident = await context.ledger.incidents.by_id(number) if number else None
    if incident is None:
        raise NoSuch(f"there is no incident {number}")
    hit = context.effects.of(context.board.inventory).by_rule(incident, context.rules())
    named = tuple(service.name for service in hit.services)
    return answer(ImpactOut(hit.devices, hit.cut_off, named, hit.users))


async def told(request: web.Request) -> web.Response:
    """``GET /api/v1/incidents/{id}/deliveries``. Raises 404."""
    context, number = context_of(request), int(request.match_info["id"])
    if not number or await context.ledger.incidents.by_id(number) is None:
        raise NoSuch(f"there is no incident {number}")
    return answer(ToldOut(await context.ledger.deliveries.of(number)))


async def rules(request: web.Request) -> web.Response:
    """``GET /api/v1/rules``."""
    asked = query.decode(request, RulesQuery)
    return answer(
        RulesOut(
            [_rule(one) for one in context_of(request).rules() if not asked.kind or one.kind is asked.kind]
        )
    )


async def health(request: web.Request) -> web.Response:
    """``GET /api/v1/health``: the status is 200 though something is wrong; ``/healthz`` is for load balancers."""
    return answer(context_of(request).vitals())


def _service(one: Standing, used_by: tuple[str, ...]) -> ServiceOut:
    service = one.service
    return ServiceOut(
        service.name,
        _words(service.title),
        one.state,
        tuple(view.device.id for view in one.views),
        service.needs,
        tuple(other.name for other in one.blamed),
        tuple(incident.id for incident in one.incidents),
        used_by,
    )


def _rule(one: Rule) -> RuleOut:
    playbook = _words(one.playbook) if one.playbook else None
    return RuleOut(
        one.id, one.kind, _words(one.title), one.severity, one.attempts, one.resolve_after, playbook, one.refs
    )


def _words(text: Text) -> Words:
    return Words(text.vi, text.en)
