"""Incidents and findings: the lists by what the address asks for, and the page of one with its timeline."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from urllib.parse import urlencode

import msgspec

from alerts.incident import Incident, Kind, Severity, Status
from alerts.rule import Rule
from inventory.model import Contact, Device, Site
from monitor.board import Board
from monitor.web.acting import HOURS
from monitor.web.context import WebContext
from monitor.web.language import N_
from monitor.web.live import INCIDENTS
from monitor.web.record import recorded
from monitor.web.summary import urgency
from monitor.web.view import NoSuch, Params, Values, View

PAGE = 100
"""Resolved entries of one page of a list."""
SHOWN = 400
"""Entries shown of those that are not resolved, worst first; of more only the number is told."""
OWNERS = 12
"""People shown of an incident of many sites."""
INCIDENT_LEVELS = (Severity.CRITICAL, Severity.WARNING, Severity.LOW)
FILTERS = ("open", "acknowledged", "resolved", "all")
PARAMS = ("status", "kind", "severity", "site", "rule", "before")
"""Query parameters of the list."""


class Asked(msgspec.Struct, frozen=True):
    """What a list is asked for, as its address says."""

    status: str
    kind: str
    severity: str
    site: str
    rule: str
    before: int | None

    def fits(self, incident: Incident) -> bool:
        """Whether an incident that is not resolved belongs in the list."""
        sites = incident.sites or (incident.key.device.partition("/")[0],)
        return (
            self.kind in (incident.kind, "all")
            and self.status in (incident.status, "all")
            and self.severity in (incident.severity, "")
            and self.rule in (incident.key.rule, "")
            and (not self.site or self.site in sites)
        )

    def address(self, **changes: str) -> str:
        """Return the address of this list with other filters; empty ones are left out."""
        present = {name: getattr(self, name) for name in PARAMS if name != "before"} | changes
        default = {"status": "all", "kind": "incident"}
        return "?" + urlencode({k: v for k, v in present.items() if v and v != default.get(k)})


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
    asked = _asked(params)

    async def values() -> Values:
        board = context.board
        current = [] if asked.before else sorted(filter(asked.fits, board.incidents.values()), key=urgency)
        read = await recorded(_past(context, asked)) if asked.status in ("resolved", "all") else []
        past = read or []
        return {
            "asked": asked,
            "current": [place(board, entry) for entry in current[:SHOWN]],
            "hidden_by": {one.id: hidden for one in current[:SHOWN] if (hidden := context.quiets.hides(one))},
            "more_current": max(0, len(current) - SHOWN),
            "past": [place(board, entry) for entry in past[:PAGE]],
            "next_before": past[PAGE - 1].id if len(past) > PAGE else None,
            "site": board.inventory.sites.get(asked.site),
            "rule": context.rules().get(asked.rule),
            "severities": INCIDENT_LEVELS if asked.kind == Kind.INCIDENT else tuple(Severity),
            "unread": read is None,
            "hours": HOURS,
        }

    return View("incidents", frozenset({INCIDENTS}), values, N_("Incidents"))


def findings_view(context: WebContext, params: Params) -> View:
    """Return the open findings, worst first."""

    async def values() -> Values:
        found = sorted(
            (entry for entry in context.board.incidents.values() if entry.kind is Kind.FINDING), key=urgency
        )
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
        incident = context.board.incidents.get(int(number)) or await context.ledger.incidents.by_id(
            int(number)
        )
        if incident is None:
            raise NoSuch(f"there is no incident {number}")
        sites = context.board.inventory.sites
        impact = context.effects.of(context.board.inventory).by_rule(incident, context.rules())
        return {
            "entry": place(context.board, incident),
            "hidden": context.quiets.hides(incident) if incident.resolved_at is None else None,
            "rule": context.rules().get(incident.key.rule),
            "timeline": await recorded(context.ledger.incidents.timeline(incident.id)),
            "deliveries": await recorded(context.ledger.deliveries.of(incident.id)),
            "false_alarm": await recorded(context.ledger.false_alarms.of(incident.id)),
            "owners": _owners(context.board, incident),
            "sites": [sites[one] for one in incident.sites if one in sites],
            "impact": impact,
            "cut_off": [sites[one] for one in impact.cut_off if one in sites],
            "hours": HOURS,
        }

    return View("incident", frozenset({INCIDENTS}), values, N_("Incident"), f"#{int(number)}")


def _owners(board: Board, incident: Incident) -> list[Contact]:
    """Return who answers for what it is about: of the device, or of each of the sites."""
    inventory = board.inventory
    if incident.key.device in inventory.devices:
        owner = inventory.owner_of(incident.key.device)
        return [owner] if owner else []
    ids = incident.sites or (incident.key.device.partition("/")[0],)
    found = (inventory.sites[one].owner for one in ids if one in inventory.sites)
    return list(dict.fromkeys(owner for owner in found if owner))[:OWNERS]


def _asked(params: Params) -> Asked:
    status, kind, severity = (
        params.get("status") or "all",
        params.get("kind") or "incident",
        params.get("severity", ""),
    )
    if status not in FILTERS or kind not in {*Kind, "all"} or severity not in {*Severity, ""}:
        levels = ", ".join(Severity)
        raise NoSuch(
            f"status is one of {', '.join(FILTERS)}; kind is incident, finding or all; severity one of {levels}"
        )
    return Asked(status, kind, severity, params.get("site", ""), params.get("rule", ""), _before(params))


def _before(params: Params) -> int | None:
    text = params.get("before", "")
    if text and not re.fullmatch(r"[0-9]{1,15}", text):
        raise NoSuch("before is the number of an incident")
    return int(text) if text else None


async def _past(context: WebContext, asked: Asked) -> list[Incident]:
    return await context.ledger.incidents.search(
        status=Status.RESOLVED,
        kind=None if asked.kind == "all" else Kind(asked.kind),
        severity=Severity(asked.severity) if asked.severity else None,
        site=asked.site or None,
        rule=asked.rule or None,
        limit=PAGE + 1,
        before_id=asked.before,
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
