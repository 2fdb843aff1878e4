"""The ledger as the running service and the command line use it. What it returns is durable."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Self, TypeVar

from alerts.incident import Incident, Kind, Severity, Status, Step, Transition
from alerts.telling.notification import Message, Pending, Telling, Timer
from monitor.ledger import (
    access,
    answered,
    audit,
    bindings,
    channels,
    escalations,
    false_alarms,
    hostkeys,
    identities,
    incidents,
    leader,
    morning,
    moves,
    outbox,
    revisions,
    rota,
    silences,
    steps,
    takes,
)
from monitor.ledger.access import LedgerAccess
from monitor.ledger.answered import LedgerAnswered
from monitor.ledger.audit import AuditEntry, Seal, Verified
from monitor.ledger.bindings import LedgerBindings
from monitor.ledger.channels import ChannelHealth
from monitor.ledger.database import BUSY_SECONDS, Database, LedgerError, Work
from monitor.ledger.false_alarms import FalseAlarm
from monitor.ledger.heard import LedgerHeard
from monitor.ledger.hostkeys import HostKey, LedgerHostKeys
from monitor.ledger.identities import LedgerIdentities
from monitor.ledger.leader import Absence, Leader
from monitor.ledger.morning import Day
from monitor.ledger.outbox import Delivery, DeliveryState
from monitor.ledger.revisions import Revision
from monitor.ledger.rota import LedgerRota
from monitor.ledger.silences import LedgerSilences
from monitor.ledger.steps import LedgerSteps
from monitor.ledger.takes import Take
from monitor.ledger.teller import Teller

LEASE = timedelta(minutes=2)
WATCH_EVERY = 1.0
"""Seconds between two looks whether another process changed the file."""

log = logging.getLogger(__name__)

T = TypeVar("T")


class Ledger:
    """Use as ``async with Ledger(path) as ledger``. Methods raise `LedgerError` when the file fails them."""

    def __init__(
        self,
        path: Path,
        *,
        lease: timedelta = LEASE,
        watch_every: float = WATCH_EVERY,
        busy: float = BUSY_SECONDS,
    ) -> None:
        """Wait at most `busy` seconds for another process that is writing."""
        self.path = path
        self._database = Database(path, busy)
        self._lease = lease
        self._watch_every = watch_every
        self._stopping = asyncio.Event()
        self.host_keys = LedgerHostKeys(self._database)
        """Approved keys from memory, at most a second behind another process."""
        self.bindings = LedgerBindings(self._database)
        """Where credentials may be sent; as up to date."""
        self.answered = LedgerAnswered(self._database)
        """Which devices have ever answered."""
        self.heard = LedgerHeard(self._database)
        """What people answered on channels."""
        self.identities = LedgerIdentities(self._database)
        """What devices say they are."""
        self.access = LedgerAccess(self._database)
        """Who may use the pages and the API; as up to date as host keys."""
        self.rota = LedgerRota(self._database)
        """Changes of whose turn it is."""
        self.silences = LedgerSilences(self._database)
        """What people made quiet."""
        self.steps = LedgerSteps(self._database)
        """What happened to all incidents together."""
        self.problem = ""
        """Why the file cannot be read now, in one line; empty when it can."""
        self.leader: Leader | None = None
        """Since we lead; `None` for a reader."""

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await self._database.open()
            stack.push_async_callback(self._database.close)
            await self._learn()
            self.answered.learn(await self._database.read(answered.load))
            self.identities.learn(await self._database.read(identities.load))
            tasks = await stack.enter_async_context(asyncio.TaskGroup())
            tasks.create_task(self._watch())
            stack.callback(self._stopping.set)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._stack.aclose()

    async def _watch(self) -> None:
        version = None
        while not self._stopping.is_set():
            try:
                found = await self._database.read(_version)
                if found != version:
                    await self._learn()
                version = found
                self._tell("")
            except LedgerError as error:
                self._tell(str(error))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), self._watch_every)

    async def _learn(self) -> None:
        """Take in what another process may have decided."""
        self.host_keys.learn(await self._database.read(hostkeys.load))
        self.bindings.learn(await self._database.read(bindings.load))
        self.access.learn(await self._database.read(access.load))
        self.rota.learn(await self._database.read(rota.load))
        self.silences.learn(await self._database.read(silences.load))

    def _tell(self, problem: str) -> None:
        if problem and not self.problem:
            log.error("the ledger cannot be read", extra={"error": problem})
        elif self.problem and not problem:
            log.info("the ledger can be read again")
        self.problem = problem

    # Who leads

    async def lead(self, holder: str, now: datetime) -> Leader:
        """Take over from whoever led before; from now on what we write is refused once another has done so."""
        self.leader = await self._database.write(partial(leader.lead, holder=holder, now=now))
        return self.leader

    async def renew(self, now: datetime) -> None:
        """Be heard of. Raises `Deposed`."""
        if self.leader is not None:
            await self._database.write(partial(leader.renew, epoch=self.leader.epoch, now=now))

    async def absences(self, start: datetime, end: datetime) -> list[Absence]:
        """Return the times between two times in which no service ran, oldest first."""
        return await self._database.read(partial(leader.absences, start=start, end=end))

    async def day(self, start: datetime, end: datetime) -> Day:
        """Return how many incidents and messages there were in a time."""
        return await self._database.read(partial(morning.day, start=start, end=end))

    async def tell_once(self, word: str, telling: Telling, at: datetime) -> bool:
        """Put messages about no incident in the outbox, unless some whose keys begin with `word` were ever there."""
        return await self._write(partial(morning.tell_once, word=word, telling=telling, at=at))

    async def _write(self, work: Work[T]) -> T:
        """Return what `work` returns; nothing is written, and `Deposed` raised, once another leads."""

        def fenced(db: sqlite3.Connection) -> T:
            if self.leader is not None:
                leader.confirm(db, self.leader.epoch)
            return work(db)

        return await self._database.write(fenced)

    # Incidents

    async def record(self, transitions: Sequence[Transition], teller: Teller) -> list[Incident]:
        """Store `transitions` and the messages they are worth in one transaction; see `incidents.record`."""
        return await self._write(partial(incidents.record, transitions=transitions, teller=teller))

    async def move(self, moved: Mapping[str, str], at: datetime) -> list[Incident]:
        """Let everything about devices follow them from former ids to present ones; see `moves.move`."""
        if not moved:
            return []
        changed = await self._write(partial(moves.move, moved=moved, at=at))
        await self._learn()
        self.answered.learn(await self._database.read(answered.load))
        self.identities.learn(await self._database.read(identities.load))
        return changed

    async def acknowledge(
        self, id: int, who: str, note: str, at: datetime, teller: Teller
    ) -> Incident | None:
        """Note that `who` has taken an incident on; `None` when it does not exist or is resolved."""
        taken = await self.by_hand([id], Step.ACKNOWLEDGED, who, note, at, teller)
        return taken[0] if taken else None

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
        """Take a step that people take, of each incident, in one transaction; see `incidents.by_hand`."""
        return await self._write(
            partial(
                incidents.by_hand,
                numbers=ids,
                what=what,
                who=who,
                note=note,
                at=at,
                teller=teller,
                until=until,
            )
        )

    async def escalate(self, teller: Teller, now: datetime, limit: int = 200) -> list[Incident]:
        """Tell on what nobody has taken on in time; return the incidents of which somebody was told."""
        return await self._write(partial(escalations.escalate, teller=teller, now=now, limit=limit))

    async def shift_escalation(self, step: timedelta) -> None:
        """Let the next steps come so much later: the clock was set by `step`."""
        await self._database.write(partial(escalations.shift, step=step))

    async def escalation(self, incident: int) -> Timer | None:
        """Return what comes next while nobody takes an incident on, `None` when nothing does."""
        return await self._database.read(partial(escalations.waiting, incident=incident))

    async def take(self, code: str) -> Take | None:
        """Return what a code of a message is good for."""
        return await self._database.read(partial(takes.find, code=code))

    async def taken(self, code: str, at: datetime) -> None:
        """Note that a code was used."""
        await self._database.write(partial(takes.use, code=code, at=at))

    async def open_incidents(self) -> list[Incident]:
        """Return every incident and finding that is not resolved, oldest first."""
        return await self._database.read(incidents.all_open)

    async def resolved_since(self, since: datetime) -> list[Incident]:
        """Return every incident and finding that was resolved after `since`, oldest first."""
        return await self._database.read(partial(incidents.resolved_since, since=since))

    async def incidents(
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

        `text` is in their summaries, in either language; they opened from `start` until before `end`.
        """
        limit = min(max(limit, 1), 1000)
        return await self._database.read(
            partial(
                incidents.search,
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

    async def follow(self, name: str) -> int:
        """Return the number of the last step that a follower was told; a new one begins with the next."""
        return await self._write(partial(steps.follow, name=name))

    async def followed(self, name: str, position: int) -> None:
        """Note that a follower was told every step up to this one."""
        await self._write(partial(steps.followed, name=name, position=position))

    async def incident(self, id: int) -> Incident | None:
        """Return one incident."""
        return await self._database.read(partial(incidents.by_id, number=id))

    async def mark_false(self, id: int, who: str, note: str, at: datetime, *, false: bool) -> Incident | None:
        """Note that an operator says there was nothing, or takes that back; `None` when there is no such incident."""
        return await self._write(
            partial(false_alarms.mark, number=id, who=who, note=note, at=at, false=false)
        )

    async def false_alarm(self, id: int) -> FalseAlarm | None:
        """Return what an operator said of an incident, `None` when nobody says that it was a false alarm."""
        return await self._database.read(partial(false_alarms.load, number=id))

    async def timeline(self, id: int) -> list[Transition]:
        """Return the steps of an incident, oldest first."""
        return await self._database.read(partial(incidents.timeline, number=id))

    async def prune(self, before: datetime) -> int:
        """Delete incidents resolved before `before` with their timeline and deliveries; return how many.

        What was quiet until before then goes too.
        """
        await self._database.write(partial(silences.prune, before=before))
        await self._database.write(partial(morning.prune, before=before))
        return await self._database.write(partial(incidents.prune, before=before))

    # Messages

    async def claim(self, now: datetime, limit: int) -> list[Pending]:
        """Return messages that are due, oldest first; after a lease they come again unless settled.

        A message waits until earlier ones about the same incident on the same channel are settled.
        """
        return await self._write(partial(outbox.claim, now=now, limit=limit, lease=self._lease))

    async def holds(self, id: int) -> bool:
        """Whether a claimed message still waits to be told by us. Raises `Deposed` once another service leads."""

        def work(db: sqlite3.Connection) -> bool:
            if self.leader is not None:
                leader.confirm(db, self.leader.epoch)
            return outbox.waits(db, id)

        return await self._database.read(work)

    async def delivered(self, id: int, at: datetime, receipt: str = "") -> None:
        """The channel has the message, and calls it `receipt`: that is so even if another service leads meanwhile."""
        await self._database.write(partial(outbox.delivered, number=id, at=at, receipt=receipt))

    async def failed(self, id: int, at: datetime, error: str, retry_at: datetime | None) -> None:
        """An attempt failed; `retry_at` is `None` when it is given up."""
        await self._write(partial(outbox.failed, number=id, at=at, error=error, retry_at=retry_at))

    async def postponed(self, id: int, until: datetime) -> None:
        """The message was not tried, and comes again at `until`."""
        await self._write(partial(outbox.postponed, number=id, until=until))

    async def merge(self, ids: Sequence[int], digest: Message, at: datetime) -> Pending:
        """Let `digest` tell what these waiting messages would; return it, leased as by `claim`."""
        until = at + self._lease
        return await self._write(
            partial(channels.merge, numbers=ids, digest=digest, at=at, leased_until=until)
        )

    async def told_since(self, channel: str, since: datetime) -> list[datetime]:
        """Return when a channel took each message since then; a digest is one."""
        return await self._database.read(partial(channels.told_since, channel=channel, since=since))

    async def deliveries(self, incident: int) -> list[Delivery]:
        """Return the delivery log of an incident, oldest first."""
        return await self._database.read(partial(outbox.deliveries, incident=incident))

    async def latest_deliveries(
        self,
        *,
        channel: str | None = None,
        state: DeliveryState | None = None,
        limit: int = 100,
        before_id: int | None = None,
    ) -> list[Delivery]:
        """Return at most `limit` (1..1000) lines of the delivery log, newest first; `before_id` pages on."""
        limit = min(max(limit, 1), 1000)
        return await self._database.read(
            partial(outbox.latest, channel=channel, state=state, limit=limit, before=before_id)
        )

    async def channels(self) -> list[ChannelHealth]:
        """Return how every channel does that was ever used."""
        return await self._database.read(channels.health)

    # Revisions of the inventory

    async def add_revision(
        self, files: Mapping[str, bytes], at: datetime, author: str = "", note: str = ""
    ) -> Revision:
        """Remember the inventory's files; the newest revision there is when they are the same."""
        return await self._database.write(
            partial(revisions.add, files=files, at=at, author=author, note=note)
        )

    async def revisions(self, limit: int = 100, before_id: int | None = None) -> list[Revision]:
        """Return at most `limit` (1..1000) revisions, newest first; `before_id` pages on."""
        limit = min(max(limit, 1), 1000)
        return await self._database.read(partial(revisions.load, limit=limit, before=before_id))

    async def revision_files(self, id: int) -> dict[str, bytes]:
        """Return every file of the inventory as it was at a revision, by name; empty for one that is not there."""
        return await self._database.read(partial(revisions.files, number=id))

    # The record of who did what

    async def audit(self, at: datetime, who: str, what: str, subject: str, detail: str = "") -> None:
        """Append a line to the record."""
        await self._database.write(
            partial(audit.add, at=at, who=who, what=what, subject=subject, detail=detail)
        )

    async def audited(self, limit: int = 100, before_id: int | None = None) -> list[AuditEntry]:
        """Return the newest lines of the record, newest first; `before_id` pages on."""
        return await self._database.read(partial(audit.load, limit=limit, before=before_id))

    async def verify_audit(self, noted: Seal | None = None) -> Verified:
        """Return whether the record is as it was written, and holds a seal that was noted before."""
        return await self._database.read(partial(audit.verify, noted=noted))

    # SSH host keys

    async def pending_keys(self) -> list[HostKey]:
        """Return keys that wait for an operator."""
        return await self._database.read(partial(hostkeys.load, state="pending"))

    async def approved_keys(self) -> list[HostKey]:
        """Return keys an operator approved."""
        return await self._database.read(partial(hostkeys.load, state="approved"))

    async def approve(self, device: str, fingerprint: str, who: str, at: datetime) -> list[HostKey]:
        """Approve the keys of `device` with this fingerprint; return them, none when unknown."""
        return await self._decide("approved", device, fingerprint, who, at)

    async def revoke(self, device: str, fingerprint: str, who: str, at: datetime) -> list[HostKey]:
        """No longer trust those keys, nor ask about them again."""
        return await self._decide("revoked", device, fingerprint, who, at)

    async def _decide(
        self, state: hostkeys.State, device: str, fingerprint: str, who: str, at: datetime
    ) -> list[HostKey]:
        def work(db: sqlite3.Connection) -> tuple[list[HostKey], list[HostKey]]:
            decided = hostkeys.decide(db, state, device, fingerprint, who, at)
            if decided:
                audit.add(db, at, who, f"host key {state}", device, fingerprint)
            return decided, hostkeys.load(db)

        decided, every = await self._database.write(work)
        self.host_keys.learn(every)
        return decided


def _version(db: sqlite3.Connection) -> int:
    (version,) = db.execute("PRAGMA data_version").fetchone()
    return int(version)
