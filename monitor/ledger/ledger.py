"""The ledger as the running service and the command line use it. What it returns is durable."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Self

from alerts.incident import Incident
from monitor.ledger import (
    access,
    answered,
    bindings,
    hostkeys,
    identities,
    incident_rows,
    morning,
    moves,
    rota,
    silences,
)
from monitor.ledger.access import LedgerAccess
from monitor.ledger.answered import LedgerAnswered
from monitor.ledger.audit import LedgerAudit
from monitor.ledger.bindings import LedgerBindings
from monitor.ledger.channels import LedgerChannels
from monitor.ledger.database import BUSY_SECONDS, Database, LedgerError
from monitor.ledger.deliveries import LedgerDeliveries
from monitor.ledger.escalations import LedgerEscalations
from monitor.ledger.false_alarms import LedgerFalseAlarms
from monitor.ledger.heard import LedgerHeard
from monitor.ledger.hostkeys import LedgerHostKeys
from monitor.ledger.identities import LedgerIdentities
from monitor.ledger.incidents import LedgerIncidents
from monitor.ledger.leader import LedgerLeader
from monitor.ledger.morning import LedgerMorning
from monitor.ledger.outbox import LedgerOutbox
from monitor.ledger.revisions import LedgerRevisions
from monitor.ledger.rota import LedgerRota
from monitor.ledger.silences import LedgerSilences
from monitor.ledger.steps import LedgerSteps
from monitor.ledger.takes import LedgerTakes

LEASE = timedelta(minutes=2)
WATCH_EVERY = 1.0
"""Seconds between two looks whether another process changed the file."""

log = logging.getLogger(__name__)


class Ledger:
    """Use as ``async with Ledger(path) as ledger``. There is a door for each concern; all raise `LedgerError`."""

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
        self._database = database = Database(path, busy)
        self._watch_every = watch_every
        self._stopping = asyncio.Event()
        self.leader = leader = LedgerLeader(database)
        """Which service leads."""
        self.incidents = LedgerIncidents(database, leader)
        """Incidents and findings, and what happened to each."""
        self.steps = LedgerSteps(database, leader)
        """What happened to all incidents together."""
        self.false_alarms = LedgerFalseAlarms(database, leader)
        """Of which incidents operators say that there was nothing."""
        self.escalations = LedgerEscalations(database, leader)
        """What comes next for incidents that nobody has taken on."""
        self.takes = LedgerTakes(database)
        """The codes by which receivers take incidents on."""
        self.outbox = LedgerOutbox(database, leader, lease)
        """Messages that must be told."""
        self.deliveries = LedgerDeliveries(database)
        """What became of every message."""
        self.channels = LedgerChannels(database)
        """How each channel does."""
        self.heard = LedgerHeard(database)
        """What people answered on channels."""
        self.morning = LedgerMorning(database, leader)
        """The figures of a day, and the word each morning."""
        self.rota = LedgerRota(database)
        """Changes of whose turn it is."""
        self.silences = LedgerSilences(database)
        """What people made quiet."""
        self.revisions = LedgerRevisions(database)
        """The inventory's files as they were."""
        self.audit = LedgerAudit(database)
        """Who did what."""
        self.access = LedgerAccess(database)
        """Who may use the pages and the API; as up to date as host keys."""
        self.host_keys = LedgerHostKeys(database)
        """Which SSH keys are trusted: from memory, at most a second behind another process."""
        self.bindings = LedgerBindings(database)
        """Where credentials may be sent; as up to date."""
        self.answered = LedgerAnswered(database)
        """Which devices have ever answered."""
        self.identities = LedgerIdentities(database)
        """What devices say they are."""
        self.problem = ""
        """Why the file cannot be read now, in one line; empty when it can."""

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await self._database.open()
            stack.push_async_callback(self._database.close)
            await self._learn()
            await self._learn_devices()
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

    async def _learn_devices(self) -> None:
        """Take in what devices were heard to be: no other process writes that."""
        self.answered.learn(await self._database.read(answered.load))
        self.identities.learn(await self._database.read(identities.load))

    def _tell(self, problem: str) -> None:
        if problem and not self.problem:
            log.error("the ledger cannot be read", extra={"error": problem})
        elif self.problem and not problem:
            log.info("the ledger can be read again")
        self.problem = problem

    async def move(self, moved: Mapping[str, str], at: datetime) -> list[Incident]:
        """Let everything about devices follow them from former ids to present ones; see `moves.move`."""
        if not moved:
            return []
        changed = await self.leader.write(partial(moves.move, moved=moved, at=at))
        await self._learn()
        await self._learn_devices()
        return changed

    async def prune(self, before: datetime) -> int:
        """Delete incidents resolved before `before` with their timeline and deliveries; return how many.

        What was quiet until before then goes too.
        """
        await self._database.write(partial(silences.prune, before=before))
        await self._database.write(partial(morning.prune, before=before))
        return await self._database.write(partial(incident_rows.prune, before=before))


def _version(db: sqlite3.Connection) -> int:
    (version,) = db.execute("PRAGMA data_version").fetchone()
    return int(version)
