"""The ledger as somebody sees it whose role holds at some sites only; what it has no door for is refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from aiohttp import web

from alerts.incident import Incident, Transition
from inventory.model import Inventory
from monitor.ledger import Delivery, HostKey, Ledger
from monitor.ledger.audit import LedgerAudit
from monitor.ledger.deliveries import LedgerDeliveries
from monitor.ledger.false_alarms import FalseAlarm, LedgerFalseAlarms
from monitor.ledger.hostkeys import LedgerHostKeys, State
from monitor.ledger.incidents import LedgerIncidents
from monitor.ledger.steps import LedgerSteps, Written

PAGES_READ = 20
"""Pages of the ledger that one question reads while it looks for entries of the sites."""


class Sites(Protocol):
    """What is known of the sites in scope."""

    @property
    def inventory(self) -> Inventory:
        """The sites with their devices."""
        ...

    def shown(self, incident: Incident) -> Incident | None:
        """Return as much of an incident as may be seen, `None` when that is nothing."""
        ...

    def owns(self, incident: Incident | Transition) -> bool:
        """Whether it is about these sites alone."""
        ...


class Refusing:
    """What it has no method for is refused: a part of the service that nobody narrowed yet shows nothing."""

    def __getattr__(self, name: str) -> Any:
        raise web.HTTPForbidden(text="this is about every site, and your role holds for some sites only")


class NarrowLedger(Refusing):
    """What readers of some sites use of a `Ledger`; everything else of it is refused."""

    def __init__(self, ledger: Ledger, sites: Sites) -> None:
        self._ledger = ledger
        self.incidents = incidents = NarrowIncidents(ledger.incidents, sites)
        self.steps = NarrowSteps(ledger.steps, sites)
        self.deliveries = NarrowDeliveries(ledger.deliveries, incidents)
        self.false_alarms = NarrowFalseAlarms(ledger.false_alarms, incidents)
        self.host_keys = NarrowHostKeys(ledger.host_keys, sites)
        self.audit = NarrowAudit(ledger.audit)

    @property
    def problem(self) -> str:
        """See `Ledger.problem`."""
        return self._ledger.problem


class NarrowIncidents(Refusing):
    """What readers of some sites use of `LedgerIncidents`."""

    def __init__(self, incidents: LedgerIncidents, sites: Sites) -> None:
        self._incidents = incidents
        self._sites = sites

    async def search(self, *, limit: int = 100, before_id: int | None = None, **asked: Any) -> list[Incident]:
        """See `LedgerIncidents.search`; gives up after some pages, so that few sites of a nation cost no long read."""
        limit, found = min(max(limit, 1), 1000), []
        for _ in range(PAGES_READ):
            read = await self._incidents.search(limit=1000, before_id=before_id, **asked)
            found += [shown for one in read if (shown := self._sites.shown(one)) is not None]
            if len(read) < 1000 or len(found) >= limit:
                break
            before_id = read[-1].id
        return found[:limit]

    async def by_id(self, id: int) -> Incident | None:
        """See `LedgerIncidents.by_id`."""
        incident = await self._incidents.by_id(id)
        return self._sites.shown(incident) if incident else None

    async def timeline(self, id: int) -> list[Transition]:
        """See `LedgerIncidents.timeline`; of what is larger than the sites it is not shown."""
        return await self._incidents.timeline(id) if await self.owned(id) else []

    async def owned(self, id: int) -> bool:
        """Whether there is such an incident, and it is about these sites alone."""
        incident = await self._incidents.by_id(id)
        return incident is not None and self._sites.owns(incident)


class NarrowSteps(Refusing):
    """What readers of some sites use of `LedgerSteps`."""

    def __init__(self, steps: LedgerSteps, sites: Sites) -> None:
        self._sites = sites
        self.after = steps.after
        self.newest = steps.newest

    def visible(self, found: Sequence[Written]) -> list[Written]:
        """Return the steps that are about these sites only."""
        return [one for one in found if self._sites.owns(one.step)]


class NarrowDeliveries(Refusing):
    """What readers of some sites use of `LedgerDeliveries`."""

    def __init__(self, deliveries: LedgerDeliveries, incidents: NarrowIncidents) -> None:
        self._deliveries = deliveries
        self._incidents = incidents

    async def of(self, incident: int) -> list[Delivery]:
        """See `LedgerDeliveries.of`; of what is larger than the sites they are not shown."""
        return await self._deliveries.of(incident) if await self._incidents.owned(incident) else []


class NarrowFalseAlarms(Refusing):
    """What readers of some sites use of `LedgerFalseAlarms`."""

    def __init__(self, false_alarms: LedgerFalseAlarms, incidents: NarrowIncidents) -> None:
        self._false_alarms = false_alarms
        self._incidents = incidents

    async def mark(self, id: int, who: str, note: str, at: datetime, *, false: bool) -> Incident | None:
        """See `LedgerFalseAlarms.mark`; only of what is about these sites alone."""
        owned = await self._incidents.owned(id)
        return await self._false_alarms.mark(id, who, note, at, false=false) if owned else None

    async def of(self, incident: int) -> FalseAlarm | None:
        """See `LedgerFalseAlarms.of`; of what is larger than the sites it is not shown."""
        return await self._false_alarms.of(incident) if await self._incidents.owned(incident) else None


class NarrowHostKeys(Refusing):
    """What readers of some sites use of `LedgerHostKeys`."""

    def __init__(self, host_keys: LedgerHostKeys, sites: Sites) -> None:
        self._host_keys = host_keys
        self._sites = sites

    async def stored(self, state: State) -> list[HostKey]:
        """See `LedgerHostKeys.stored`."""
        devices = self._sites.inventory.devices
        return [key for key in await self._host_keys.stored(state) if key.device in devices]


class NarrowAudit(Refusing):
    """What somebody of some sites uses of `LedgerAudit`: whoever does something stands in the record."""

    def __init__(self, audit: LedgerAudit) -> None:
        self.add = audit.add
