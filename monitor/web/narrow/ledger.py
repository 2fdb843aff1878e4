"""The record and what is done about it, as somebody has it whose role holds at some sites only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from alerts.incident import Incident, Transition
from inventory.model import Inventory
from monitor.ledger import Delivery, HostKey, Ledger
from monitor.ledger.audit import LedgerAudit
from monitor.ledger.deliveries import LedgerDeliveries
from monitor.ledger.false_alarms import FalseAlarm, LedgerFalseAlarms
from monitor.ledger.hostkeys import LedgerHostKeys, State
from monitor.ledger.incidents import LedgerIncidents
from monitor.ledger.rota import Handover
from monitor.ledger.steps import LedgerSteps, Written
from monitor.operations import MOST_AT_ONCE, Operations
from monitor.web.narrow.refusing import Refusing

PAGES_READ = 20
"""Pages of the ledger that one question reads while it looks for entries of the sites."""


class Sight(Protocol):
    """What of the incidents is shown."""

    @property
    def inventory(self) -> Inventory:
        """The sites and devices that are shown."""
        ...

    def shown(self, incident: Incident) -> Incident | None:
        """Return an incident as it is shown; `None` when it is not."""
        ...

    def owns(self, incident: Incident | Transition) -> bool:
        """Whether an incident is about sites that are shown only."""
        ...


class _Wanted(NamedTuple):
    """What a list of incidents is asked for; ``""`` asks for nothing."""

    site: str
    device: str
    text: str

    def fits(self, shown: Incident) -> bool:
        """Whether an incident fits as it is shown."""
        said = f"{shown.summary.vi}\n{shown.summary.en}".casefold()
        return (
            self.site in ("", shown.key.device.partition("/")[0], *shown.sites)
            and self.device in ("", shown.key.device)
            and self.text in said
        )


class NarrowLedger(Refusing):
    """What readers of some sites use of a `Ledger`; everything else of it is refused."""

    def __init__(self, ledger: Ledger, board: Sight) -> None:
        self._ledger = ledger
        self.incidents = incidents = NarrowIncidents(ledger.incidents, board)
        self.steps = NarrowSteps(ledger.steps, board)
        self.deliveries = NarrowDeliveries(ledger.deliveries, incidents)
        self.false_alarms = NarrowFalseAlarms(ledger.false_alarms, incidents)
        self.host_keys = NarrowHostKeys(ledger.host_keys, board)
        self.audit = NarrowAudit(ledger.audit)
        self.rota = NarrowRota()

    @property
    def problem(self) -> str:
        """See `Ledger.problem`."""
        return self._ledger.problem


class NarrowIncidents(Refusing):
    """What readers of some sites use of `LedgerIncidents`."""

    def __init__(self, incidents: LedgerIncidents, board: Sight) -> None:
        self._incidents = incidents
        self._board = board

    async def search(
        self,
        *,
        limit: int = 100,
        before_id: int | None = None,
        site: str | None = None,
        device: str | None = None,
        text: str = "",
        **asked: Any,
    ) -> list[Incident]:
        """See `LedgerIncidents.search`; gives up after some pages, so that few sites of a nation cost no long read.

        What is asked for must fit what is shown: an answer to words of a larger outage would tell its words.
        """
        inventory = self._board.inventory
        if (site and site not in inventory.sites) or (device and device not in inventory.devices):
            return []
        wanted, found = _Wanted(site or "", device or "", text.casefold()), []
        limit = min(max(limit, 1), 1000)
        for _ in range(PAGES_READ):
            read = await self._incidents.search(
                limit=1000, before_id=before_id, site=site, device=device, **asked
            )
            shown = (self._board.shown(one) for one in read)
            found += [one for one in shown if one is not None and wanted.fits(one)]
            if len(read) < 1000 or len(found) >= limit:
                break
            before_id = read[-1].id
        return found[:limit]

    async def by_id(self, id: int) -> Incident | None:
        """See `LedgerIncidents.by_id`."""
        incident = await self._incidents.by_id(id)
        return self._board.shown(incident) if incident else None

    async def timeline(self, id: int) -> list[Transition]:
        """See `LedgerIncidents.timeline`; of what is larger than the sites it is not shown."""
        return await self._incidents.timeline(id) if await self.owned(id) else []

    async def owned(self, id: int) -> bool:
        """Whether there is such an incident, and it is about these sites alone."""
        incident = await self._incidents.by_id(id)
        return incident is not None and self._board.owns(incident)


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

    def __init__(self, host_keys: LedgerHostKeys, board: Sight) -> None:
        self._host_keys = host_keys
        self._board = board

    async def stored(self, state: State) -> list[HostKey]:
        """See `LedgerHostKeys.stored`."""
        devices = self._board.inventory.devices
        return [key for key in await self._host_keys.stored(state) if key.device in devices]


class NarrowAudit(Refusing):
    """What somebody of some sites uses of `LedgerAudit`: whoever does something stands in the record."""

    def __init__(self, audit: LedgerAudit) -> None:
        self.add = audit.add


class NarrowRota(Refusing):
    """What readers of some sites use of `LedgerRota`."""

    async def handovers(self, rota: str, limit: int) -> list[Handover]:
        """Return none: one shift tells the next of every site."""
        return []


class NarrowSteps(Refusing):
    """What readers of some sites use of `LedgerSteps`."""

    def __init__(self, steps: LedgerSteps, board: Sight) -> None:
        self._board = board
        self.after = steps.after
        self.newest = steps.newest

    def visible(self, found: Sequence[Written]) -> list[Written]:
        """Return the steps that are about these sites only."""
        return [one for one in found if self._board.owns(one.step)]


class NarrowOperations(Refusing):
    """What somebody of some sites may do: about incidents that are about these sites only."""

    def __init__(self, operations: Operations, ledger: Ledger, board: Sight) -> None:
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
        found = [await self._ledger.incidents.by_id(number) for number in numbers[:MOST_AT_ONCE]]
        return [incident.id for incident in found if incident is not None and self._board.owns(incident)]
