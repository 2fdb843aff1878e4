"""Incidents and findings: the lists, and the page of one with its timeline."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

import msgspec

from alerts.incident import Incident, Kind, Severity, Status
from alerts.judging.impact import impact_of
from alerts.rule import Rule
from inventory.model import Device, Site
from monitor.board import Board
from monitor.web.context import WebContext
from monitor.web.language import N_
from monitor.web.live import INCIDENTS
from monitor.web.record import recorded
from monitor.web.summary import urgency
from monitor.web.view import NoSuch, Params, Values, View

PAGE = 100
"""Entries of one page of a list."""
FILTERS = ("open", "acknowledged", "resolved", "all")


class Entry(msgspec.Struct, frozen=True):
    """An incident with the place it is about, as far as the inventory still knows it."""

    incident: Incident
    site: Site | None
    device: Device | None


class RuleGroup(msgspec.Struct, frozen=True):
    """Findings of one rule at one severity: the same remedy in several places."""

    severity: Severity
    rule_id: str
    rule: Rule | None
    entries: tuple[Entry, ...]


def place(board: Board, incident: Incident) -> Entry:
    """Return the incident with its place."""
    inventory = board.inventory
    device = inventory.devices.get(incident.key.device)
    return Entry(incident, inventory.sites.get(incident.key.device.partition("/")[0]), device)


def list_view(context: WebContext, params: Params) -> View:
    """Return the incidents: the open ones first, then the last resolved. `NoSuch` for a strange filter."""
    status, kind, before = params.get("status") or "all", params.get("kind") or "incident", _before(params)
    if status not in FILTERS or kind not in {*Kind, "all"}:
        raise NoSuch(f"status is one of {', '.join(FILTERS)}; kind is incident, finding or all")

    async def values() -> Values:
        current = [] if before else _current(context.board, status, kind)
        read = await recorded(_past(context, kind, before)) if status in ("resolved", "all") else []
        past = read or []
        return {
            "current": [place(context.board, entry) for entry in current],
            "past": [place(context.board, entry) for entry in past[:PAGE]],
            "next_before": past[PAGE - 1].id if len(past) > PAGE else None,
            "status": status,
            "kind": kind,
            "unread": read is None,
        }

    return View("incidents", frozenset({INCIDENTS}), values, N_("Incidents"))


def findings_view(context: WebContext, params: Params) -> View:
    """Return the open findings, worst first."""

    async def values() -> Values:
        found = sorted(_current(context.board, "all", Kind.FINDING), key=urgency)
        levels = Counter(entry.severity for entry in found)
        return {
            "groups": _by_rule(context, found),
            "levels": sorted(levels.items(), key=lambda level: -level[0].rank),
        }

    return View("findings", frozenset({INCIDENTS}), values, N_("Information security"))


def view(context: WebContext, params: Params) -> View:
    """Return the page of one incident or finding, ``id``. Raises `NoSuch`."""
    number = params.get("id", "")
    if not re.fullmatch(r"[0-9]{1,15}", number):
        raise NoSuch("an incident has a number")

    async def values() -> Values:
        incident = context.board.incidents.get(int(number)) or await context.ledger.incident(int(number))
        if incident is None:
            raise NoSuch(f"there is no incident {number}")
        sites = context.board.inventory.sites
        return {
            "entry": place(context.board, incident),
            "hidden": context.quiets.hides(incident) if incident.resolved_at is None else None,
            "rule": context.rules().get(incident.key.rule),
            "timeline": await recorded(context.ledger.timeline(incident.id)),
            "deliveries": await recorded(context.ledger.deliveries(incident.id)),
            "false_alarm": await recorded(context.ledger.false_alarm(incident.id)),
            "owner": _owner(context.board, incident),
            "sites": [sites[one] for one in incident.sites if one in sites],
            "impact": impact_of(incident, context.rules(), context.board.inventory),
        }

    return View("incident", frozenset({INCIDENTS}), values, N_("Incident"), f"#{int(number)}")


def _owner(board: Board, incident: Incident) -> object:
    known = incident.key.device in board.inventory.devices
    return board.inventory.owner_of(incident.key.device) if known else None


def _before(params: Params) -> int | None:
    text = params.get("before", "")
    if text and not re.fullmatch(r"[0-9]{1,15}", text):
        raise NoSuch("before is the number of an incident")
    return int(text) if text else None


def _current(board: Board, status: str, kind: str) -> list[Incident]:
    wanted = [
        entry
        for entry in board.incidents.values()
        if kind in (entry.kind, "all") and status in (entry.status, "all")
    ]
    return sorted(wanted, key=urgency)


async def _past(context: WebContext, kind: str, before: int | None) -> list[Incident]:
    return await context.ledger.incidents(
        status=Status.RESOLVED,
        kind=None if kind == "all" else Kind(kind),
        limit=PAGE + 1,
        before_id=before,
    )


def _by_rule(context: WebContext, found: Iterable[Incident]) -> list[RuleGroup]:
    groups: dict[tuple[Severity, str], list[Entry]] = {}
    for entry in found:
        groups.setdefault((entry.severity, entry.key.rule), []).append(place(context.board, entry))
    ordered = sorted(groups.items(), key=lambda group: (-group[0][0].rank, -len(group[1]), group[0][1]))
    return [
        RuleGroup(severity, rule, context.rules().get(rule), tuple(entries))
        for (severity, rule), entries in ordered
    ]
