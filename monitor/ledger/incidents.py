"""The door to incidents and findings: what is stored of them, and what happened to each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from alerts.incident import Incident, Kind, Severity, Status, Step, Transition
from monitor.ledger import incident_rows, incident_steps
from monitor.ledger.database import Database
from monitor.ledger.leader import LedgerLeader
from monitor.ledger.teller import Teller


class LedgerIncidents:
    """Incidents and findings, and what happened to each. Methods raise `LedgerError`."""

    def __init__(self, database: Database, leader: LedgerLeader) -> None:
        self._database = database
        self._leader = leader

    async def record(self, transitions: Sequence[Transition], teller: Teller) -> list[Incident]:
        """Store `transitions` and the messages they are worth in one transaction; see `incident_steps.record`."""
        return await self._leader.write(
            partial(incident_steps.record, transitions=transitions, teller=teller)
        )

    async def by_hand(
        self,
        ids: Sequence[int],
        what: Step,
        who: str,
        note: str,
        at: datetime,
        teller: Teller,
        until: datetime | None = None,
    ) -> list[Incident]:
        """Take a step that people take, of each incident, in one transaction; see `incident_steps.by_hand`."""
        step = partial(
            incident_steps.by_hand, what=what, who=who, note=note, at=at, teller=teller, until=until
        )
        return await self._leader.write(partial(step, numbers=ids))

    async def take_on(
        self, ids: Sequence[int], who: str, note: str, at: datetime, teller: Teller
    ) -> list[Incident]:
        """Let somebody have those that nobody has, in one transaction; see `incident_steps.take_on`."""
        step = partial(incident_steps.take_on, who=who, note=note, at=at, teller=teller)
        return await self._leader.write(partial(step, numbers=ids))

    async def by_id(self, id: int) -> Incident | None:
        """Return one incident."""
        return await self._database.read(partial(incident_rows.by_id, number=id))

    async def all_open(self) -> list[Incident]:
        """Return every incident and finding that is not resolved, oldest first."""
        return await self._database.read(incident_rows.all_open)

    async def resolved_since(self, since: datetime) -> list[Incident]:
        """Return every incident and finding that was resolved after `since`, oldest first."""
        return await self._database.read(partial(incident_rows.resolved_since, since=since))

    async def search(
        self,
        *,
        status: Status | None = None,
        kind: Kind | None = None,
        site: str | None = None,
        device: str | None = None,
        severity: Severity | None = None,
        rule: str | None = None,
        text: str = "",
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int = 100,
        before_id: int | None = None,
    ) -> list[Incident]:
        """Return at most `limit` (1..1000) incidents, newest first; `before_id` pages on.

        `text` is in their summaries, in either language; they opened from `start` until before `end`. Of a
        `site` are also those of several sites that hit it.
        """
        limit = min(max(limit, 1), 1000)
        return await self._database.read(
            partial(
                incident_rows.search,
                status=status,
                kind=kind,
                site=site,
                device=device,
                severity=severity,
                rule=rule,
                text=text,
                start=start,
                end=end,
                limit=limit,
                before=before_id,
            )
        )

    async def timeline(self, id: int) -> list[Transition]:
        """Return the steps of an incident, oldest first."""
        return await self._database.read(partial(incident_rows.timeline, number=id))
