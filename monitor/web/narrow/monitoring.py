"""The monitor as somebody sees it whose role holds at some sites only: the other sites do not exist.

Narrowing happens here and in the files `narrow_…` beside, and nowhere else. What is not known to be safe is refused,
not shown: a method of the ledger that they do not name answers 403, and a test names the fields of the context that
this file has not seen.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from typing import cast

from msgspec.structs import replace as replaced

from alerts.incident import Incident, IncidentKey, Transition, Words
from inventory.model import Inventory, Site
from monitor.access.scope import Scope
from monitor.board import Board, DeviceStatus
from monitor.channels import Channels
from monitor.ledger import Ledger
from monitor.operations import Operations
from monitor.quiet import Quiets
from monitor.web.context import WebContext
from monitor.web.effects import Effects
from monitor.web.finder import Finder
from monitor.web.live import INCIDENTS, STATES, site_topic
from monitor.web.narrow.duty import NarrowWho
from monitor.web.narrow.ledger import NarrowLedger, NarrowOperations
from monitor.web.narrow.quiet import NarrowQuiets
from monitor.web.narrow.refusing import Refusing
from monitor.web.summary import Summaries
from probes.core.observation import Observation
from probes.core.probe import Check

MAX_SCOPES = 64
"""Narrowed contexts that are kept; another is made anew."""

SHARED = (
    frozenset({"access", "demo", "editing", "hosts", "language", "now", "pace", "proxies"})
    | frozenset({"quality", "reloader", "rules", "schema", "seen", "store", "vitals"})
)  # fmt: skip
"""Fields of the context that show nothing by themselves.

They are asked for devices that a narrowed board named, or belong to routes that want a role for every site.
"""
LARGER = Words("Sự cố diện rộng, trong đó có đơn vị của bạn", "A larger outage, your sites among it")
"""What somebody of some sites is told of an incident that is about others too."""
NARROWED = (
    frozenset({"board", "channels", "ledger", "operations", "quiets", "finder"})
    | frozenset({"summaries", "effects", "who"})
)  # fmt: skip


class Narrow:
    """Makes narrowed contexts and keeps them, so that readers of one scope share what is worked out."""

    def __init__(self, context: WebContext) -> None:
        self._context = context
        self._known: OrderedDict[Scope, WebContext] = OrderedDict()

    def to(self, scope: Scope) -> WebContext:
        """Return the context that shows the sites of `scope`."""
        if scope.is_everywhere:
            return self._context
        if scope not in self._known:
            self._known[scope] = narrowed(self._context, scope)
            if len(self._known) > MAX_SCOPES:
                self._known.popitem(last=False)
        self._known.move_to_end(scope)
        return self._known[scope]


def narrowed(context: WebContext, scope: Scope) -> WebContext:
    """Return a context that shows the sites of `scope`."""
    board = NarrowBoard(context.board, scope)
    ledger = NarrowLedger(context.ledger, board)
    operations = NarrowOperations(context.operations, context.ledger, board)
    return replace(
        context,
        board=cast(Board, board),
        channels=cast(Channels, Refusing()),
        ledger=cast(Ledger, ledger),
        operations=cast(Operations, operations),
        quiets=cast(Quiets, NarrowQuiets(context.quiets, lambda: board.inventory)),
        finder=Finder(),
        summaries=Summaries(),
        effects=Effects(),
        who=NarrowWho(context.who, lambda: board.inventory),
    )


class NarrowBoard:
    """What readers use of a `Board`, less the sites out of scope."""

    def __init__(self, board: Board, scope: Scope) -> None:
        self._board = board
        self._scope = scope
        self._whole: Inventory | None = None

    @property
    def inventory(self) -> Inventory:
        """The inventory without the other sites; one object as long as the whole one is the same."""
        if self._whole is not self._board.inventory:
            self._whole = self._board.inventory
            self._part = narrow_inventory(self._whole, self._scope)
        return self._part

    @property
    def incidents(self) -> Mapping[int, Incident]:
        """See `Board.incidents`."""
        mine = {number: self.shown(incident) for number, incident in self._board.incidents.items()}
        return {number: incident for number, incident in mine.items() if incident is not None}

    def open_at(self, site: str) -> tuple[Incident, ...]:
        """See `Board.open_at`."""
        there = self._board.open_at(site) if site in self.inventory.sites else ()
        return tuple(one for incident in there if (one := self.shown(incident)) is not None)

    def topics(self, topics: frozenset[str]) -> frozenset[str]:
        """Return which topics change what would follow `topics`: what happens elsewhere in the nation is none."""
        if not topics & _EVERYWHERE:
            return topics
        return (topics - _EVERYWHERE) | frozenset(map(site_topic, self.inventory.sites))

    def revision(self, site: str) -> int:
        """See `Board.revision`."""
        return self._board.revision(site)

    def shown(self, incident: Incident) -> Incident | None:
        """Return an incident as far as it is about sites in scope; `None` when it is about none of them."""
        sites = self.inventory.sites
        touched = tuple(site for site in incident.sites if site in sites)
        if self.owns(incident):
            return incident
        if incident.key.device.partition("/")[0] in sites:
            return replaced(incident, sites=touched)
        return _larger(incident, touched) if touched else None

    def touch(self) -> None:
        """See `Board.touch`."""
        self._board.touch()

    def owns(self, incident: Incident | Transition) -> bool:
        """Whether an incident is about sites in scope only."""
        sites = self.inventory.sites
        places = (
            {*incident.sites}
            if incident.key.at_large
            else {incident.key.device.partition("/")[0], *incident.sites}
        )
        return bool(places) and places <= sites.keys()

    def checks(self, device: str) -> tuple[Check, ...]:
        """See `Board.checks`."""
        return self._board.checks(self._mine(device))

    def last(self, check_id: str) -> Observation | None:
        """See `Board.last`."""
        mine = check_id.rpartition(":")[0] in self.inventory.devices
        return self._board.last(check_id) if mine else None

    def status(self, device: str) -> DeviceStatus:
        """See `Board.status`."""
        return self._board.status(self._mine(device))

    def _mine(self, device: str) -> str:
        if device not in self.inventory.devices:
            raise KeyError(device)
        return device


def _larger(incident: Incident, touched: tuple[str, ...]) -> Incident:
    """Return that an incident hits sites in scope, and nothing of where else, of what, or by what it is known."""
    key = incident.key
    about = key.device if key.at_large else touched[0]
    return replaced(
        incident,
        key=IncidentKey(key.rule, about),
        sites=touched,
        summary=LARGER,
        evidence="",
        cause=None,
    )


def own_topics(board: Board | NarrowBoard, topics: frozenset[str]) -> frozenset[str]:
    """Return the topics that change a view for those who are shown `board`."""
    return board.topics(topics) if isinstance(board, NarrowBoard) else topics


_EVERYWHERE = frozenset({STATES, INCIDENTS})


def narrow_inventory(whole: Inventory, scope: Scope) -> Inventory:
    """Return the sites of `scope` with their devices; parents and services elsewhere are left out."""
    sites = tuple(site for site in whole.sites.values() if scope.covers(site))
    mine = {device.id for site in sites for device in site.devices}
    here = {name: service for name, service in whole.services.items() if mine.issuperset(service.runs_on)}
    services = {
        name: service.model_copy(update={"needs": _kept(service.needs, here)})
        for name, service in here.items()
    }
    kept = tuple(_alone(site, mine) for site in sites)
    return Inventory(kept, whole.roles, whole.credentials, whole.needs, services)


def _kept(names: Iterable[str], among: Container[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name in among)


def _alone(site: Site, mine: set[str]) -> Site:
    """Return a site whose devices name no parent out of scope."""
    if all(mine.issuperset(device.parents) for device in site.devices):
        return site
    devices = tuple(
        device.model_copy(update={"parents": _kept(device.parents, mine)}) for device in site.devices
    )
    return site.model_copy(update={"devices": devices})
