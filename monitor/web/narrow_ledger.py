"""The record and what is done about it, as somebody has it whose role holds at some sites only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from alerts.incident import Incident, Transition
from inventory.model import Inventory
from monitor.ledger import Delivery, HostKey, Ledger
from monitor.ledger.false_alarms import FalseAlarm
from monitor.ledger.rota import Handover
from monitor.ledger.steps import LedgerSteps, Written
from monitor.operations import MOST_AT_ONCE, Operations
from monitor.web.refusing import Refusing

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
        self._board = board
        self.steps = NarrowSteps(ledger.steps, board)
        self.rota = NarrowRota()

    @property
    def problem(self) -> str:
        """See `Ledger.problem`."""
        return self._ledger.problem

    async def incidents(
        self,
        *,
        limit: int = 100,
        before_id: int | None = None,
        site: str | None = None,
        device: str | None = None,
        text: str = "",
        **asked: Any,
    ) -> list[Incident]:
        """See `Ledger.incidents`; gives up after some pages, so that few sites of a nation cost no long read.

        What is asked for must fit what is shown: an answer to words of a larger outage would tell its words.
        """
        inventory = self._board.inventory
        if (site and site not in inventory.sites) or (device and device not in inventory.devices):
            return []
        wanted, found = _Wanted(site or "", device or "", text.casefold()), []
        limit = min(max(limit, 1), 1000)
        for _ in range(PAGES_READ):
            read = await self._ledger.incidents(
                limit=1000, before_id=before_id, site=site, device=device, **asked
            )
            shown = (self._board.shown(one) for one in read)
            found += [one for one in shown if one is not None and wanted.fits(one)]
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


class NarrowRota(Refusing):
    """What readers of some sites use of `LedgerRota`."""

    async def handovers(self, rota: str, limit: int) -> list[Handover]:
        """Return none: one shift tells the next of every site."""
        return []


class NarrowSteps:
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
        found = [await self._ledger.incident(number) for number in numbers[:MOST_AT_ONCE]]
        return [incident.id for incident in found if incident is not None and self._board.owns(incident)]
