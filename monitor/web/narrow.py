"""The monitor as somebody sees it whose role holds at some sites only: the other sites do not exist.

Narrowing happens here and nowhere else. What is not known to be safe is refused, not shown: a method of the ledger
that this file does not name answers 403, and a test names the fields of the context that this file has not seen.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Container, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

from aiohttp import web
from msgspec.structs import replace as replaced

from alerts.incident import Incident, Transition, Words
from alerts.quiet.book import Hidden
from alerts.quiet.quiet import Quiet, devices_meant, literal
from alerts.quiet.silence import Silence
from inventory.model import Device, Inventory, Site
from inventory.selector import Selector
from monitor.access.scope import Scope
from monitor.board import Board, DeviceStatus, Event
from monitor.channels import Channels
from monitor.ledger import Delivery, HostKey, Ledger
from monitor.ledger.false_alarms import FalseAlarm
from monitor.ledger.steps import LedgerSteps, Written
from monitor.operations import MOST_AT_ONCE, Operations
from monitor.quiet import Quiets, Reach
from monitor.web.context import WebContext
from monitor.web.effects import Effects
from monitor.web.finder import Finder
from monitor.web.language import N_
from monitor.web.summary import Summaries
from probes.core.observation import Observation
from probes.core.probe import Check

MAX_SCOPES = 64
"""Narrowed contexts that are kept; another is made anew."""
PAGES_READ = 20
"""Pages of the ledger that one question reads while it looks for entries of the sites."""

SHARED = (
    frozenset({"access", "demo", "editing", "hosts", "language", "now", "pace", "proxies"})
    | frozenset({"quality", "reloader", "rules", "schema", "seen", "store", "vitals", "who"})
)  # fmt: skip
"""Fields of the context that show nothing by themselves.

They are asked for devices that a narrowed board named, or belong to routes that want a role for every site.
"""
LARGER = Words("Sự cố diện rộng, trong đó có đơn vị của bạn", "A larger outage, your sites among it")
"""What somebody of some sites is told of an incident that is about others too."""
NARROWED = (
    frozenset({"board", "channels", "ledger", "operations", "quiets", "finder"})
    | frozenset({"summaries", "effects"})
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
        channels=cast(Channels, _Refusing()),
        ledger=cast(Ledger, ledger),
        operations=cast(Operations, operations),
        quiets=cast(Quiets, NarrowQuiets(context.quiets, board)),
        finder=Finder(),
        summaries=Summaries(),
        effects=Effects(),
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
        return replaced(incident, sites=touched, summary=LARGER, evidence="", cause=None) if touched else None

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

    async def events(self) -> AsyncIterator[Event]:
        """See `Board.events`."""
        async for event in self._board.events():
            if event.kind == "inventory" or event.site in self.inventory.sites:
                yield event

    def _mine(self, device: str) -> str:
        if device not in self.inventory.devices:
            raise KeyError(device)
        return device


class _Refusing:
    """What it has no method for is refused: a part of the service that nobody narrowed yet shows nothing."""

    def __getattr__(self, name: str) -> Any:
        raise web.HTTPForbidden(text=N_("this is about every site, and your role holds for some sites only"))


class NarrowLedger(_Refusing):
    """What readers of some sites use of a `Ledger`; everything else of it is refused."""

    def __init__(self, ledger: Ledger, board: NarrowBoard) -> None:
        self._ledger = ledger
        self._board = board
        self.steps = NarrowSteps(ledger.steps, board)

    @property
    def problem(self) -> str:
        """See `Ledger.problem`."""
        return self._ledger.problem

    async def incidents(
        self, *, limit: int = 100, before_id: int | None = None, **asked: Any
    ) -> list[Incident]:
        """See `Ledger.incidents`; gives up after some pages, so that few sites of a nation cost no long read."""
        limit, found = min(max(limit, 1), 1000), []
        for _ in range(PAGES_READ):
            read = await self._ledger.incidents(limit=1000, before_id=before_id, **asked)
            found += [shown for one in read if (shown := self._board.shown(one)) is not None]
            if len(read) < 1000 or len(found) >= limit:
                break
            before_id = read[-1].id
        return found[:limit]

    async def incident(self, id: int) -> Incident | None:
        """See `Ledger.incident`."""
        incident = await self._ledger.incident(id)
        return self._board.shown(incident) if incident else None

    async def timeline(self, id: int) -> list[Transition]:
        """See `Ledger.timeline`; of what is larger than the sites it is not shown."""
        return await self._ledger.timeline(id) if await self._owns(id) else []

    async def deliveries(self, incident: int) -> list[Delivery]:
        """See `Ledger.deliveries`; as with the timeline."""
        return await self._ledger.deliveries(incident) if await self._owns(incident) else []

    async def false_alarm(self, id: int) -> FalseAlarm | None:
        """See `Ledger.false_alarm`; as with the timeline."""
        return await self._ledger.false_alarm(id) if await self._owns(id) else None

    async def mark_false(self, id: int, who: str, note: str, at: datetime, *, false: bool) -> Incident | None:
        """See `Ledger.mark_false`; only of what is about these sites alone."""
        owned = await self._owns(id)
        return await self._ledger.mark_false(id, who, note, at, false=false) if owned else None

    async def _owns(self, id: int) -> bool:
        incident = await self._ledger.incident(id)
        return incident is not None and self._board.owns(incident)

    async def pending_keys(self) -> list[HostKey]:
        """See `Ledger.pending_keys`."""
        devices = self._board.inventory.devices
        return [key for key in await self._ledger.pending_keys() if key.device in devices]

    async def audit(self, at: datetime, who: str, what: str, subject: str, detail: str = "") -> None:
        """See `Ledger.audit`: whoever does something stands in the record."""
        await self._ledger.audit(at, who, what, subject, detail)


class NarrowSteps:
    """What readers of some sites use of `LedgerSteps`."""

    def __init__(self, steps: LedgerSteps, board: NarrowBoard) -> None:
        self._board = board
        self.after = steps.after
        self.newest = steps.newest

    def visible(self, found: Sequence[Written]) -> list[Written]:
        """Return the steps that are about these sites only."""
        return [one for one in found if self._board.owns(one.step)]


class NarrowOperations(_Refusing):
    """What somebody of some sites may do: about incidents that are about these sites only."""

    def __init__(self, operations: Operations, ledger: Ledger, board: NarrowBoard) -> None:
        self._operations = operations
        self._ledger = ledger
        self._board = board

    async def acknowledge(self, numbers: Sequence[int], *args: Any, **more: Any) -> list[Incident]:
        """See `Operations.acknowledge`."""
        return await self._operations.acknowledge(await self._own(numbers), *args, **more)

    async def release(self, numbers: Sequence[int], *args: Any, **more: Any) -> list[Incident]:
        """See `Operations.release`."""
        return await self._operations.release(await self._own(numbers), *args, **more)

    async def note(self, numbers: Sequence[int], *args: Any, **more: Any) -> list[Incident]:
        """See `Operations.note`."""
        return await self._operations.note(await self._own(numbers), *args, **more)

    async def _own(self, numbers: Sequence[int]) -> list[int]:
        found = [await self._ledger.incident(number) for number in numbers[:MOST_AT_ONCE]]
        return [incident.id for incident in found if incident is not None and self._board.owns(incident)]


class NarrowQuiets(_Refusing):
    """What readers of some sites use of `Quiets`; they make quiet what names their sites, one by one."""

    def __init__(self, quiets: Quiets, board: NarrowBoard) -> None:
        self._quiets = quiets
        self._board = board

    @property
    def under_maintenance(self) -> Mapping[str, Hidden]:
        """See `Quiets.under_maintenance`."""
        devices = self._board.inventory.devices
        return {device: why for device, why in self._quiets.under_maintenance.items() if device in devices}

    @property
    def maintained(self) -> Mapping[str, bool]:
        """See `Quiets.maintained`."""
        sites = self._board.inventory.sites
        return {site: whole for site, whole in self._quiets.maintained.items() if site in sites}

    @property
    def quiets(self) -> tuple[Quiet, ...]:
        """See `Quiets.quiets`; what means no device of theirs is not shown."""
        devices_of = self._board.inventory
        return tuple(one for one in self._quiets.quiets if next(devices_meant(one.where, devices_of), None))

    @property
    def silences(self) -> Sequence[Silence]:
        """See `Quiets.silences`."""
        return [one for one in self._quiets.silences if self.silence(one.id)]

    def silence(self, number: int) -> Silence | None:
        """See `Quiets.silence`."""
        known = self._quiets.silence(number)
        return known if known and next(devices_meant(known.where, self._board.inventory), None) else None

    async def reach(self, inventory: Inventory, where: Iterable[Selector]) -> Mapping[Selector, Reach]:
        """See `Quiets.reach`."""
        return await self._quiets.reach(inventory, where)

    def hides(self, incident: Incident, moment: datetime | None = None) -> Hidden | None:
        """See `Quiets.hides`."""
        return self._quiets.hides(incident, moment)

    def of_device(self, device: Device) -> list[Hidden]:
        """See `Quiets.of_device`."""
        return self._quiets.of_device(device)

    def why(self, incident: Incident, moment: datetime) -> Words:
        """See `Quiets.why`."""
        return self._quiets.why(incident, moment)

    async def add(self, silence: Silence) -> Silence:
        """See `Quiets.add`."""
        self._must_be_own(silence.where)
        return await self._quiets.add(silence)

    async def extend(self, number: int, until: datetime, who: str) -> Silence | None:
        """See `Quiets.extend`."""
        return await self._quiets.extend(self._own(number), until, who)

    async def end(self, number: int, who: str) -> Silence | None:
        """See `Quiets.end`."""
        return await self._quiets.end(self._own(number), who)

    def _own(self, number: int) -> int:
        known = self._quiets.silence(number)
        if known is not None:
            self._must_be_own(known.where)
        return number

    def _must_be_own(self, where: Selector) -> None:
        """Raise 403 unless `where` names sites, and none but theirs."""
        sites = self._board.inventory.sites
        if not where.site or not literal(where.site) or any(site not in sites for site in where.site):
            raise web.HTTPForbidden(
                text=N_("your role holds for some sites only: name these sites by their codes")
            )


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
