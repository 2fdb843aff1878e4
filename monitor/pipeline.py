"""What happens to an observation: board, store and judge at once; the ledger next; people last.

Judging never waits for I/O. A transition is in the ledger before anyone is told of it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Protocol, Self

from alerts.incident import Incident, Transition
from alerts.judging.decision import Decision
from alerts.judging.engine import Engine
from monitor.board import Board, DeviceStatus
from monitor.change import Change
from monitor.clock import Steps
from monitor.escalator import Guarded
from monitor.ledger.teller import Teller
from monitor.part import Part
from monitor.store import Store
from probes.core.observation import Observation
from probes.core.words import Said, Words

log = logging.getLogger(__name__)

Write = Callable[[], Awaitable[list[Incident]]]
"""Stores something, and returns the incidents as they are then."""

RECHECK_AFTER = 3.0
"""Seconds until a check that just changed its answer is asked again."""
LEDGER_RETRY = 2.0
"""Seconds until the ledger is tried again after it refused (a full disk, say)."""
STALE_EVERY = 5.0
"""Seconds between two looks for what has gone silent."""


class Incidents(Protocol):
    """Where transitions are stored."""

    async def record(self, transitions: Sequence[Transition], teller: Teller) -> list[Incident]:
        """Store transitions, and the messages they cause, in one transaction."""
        ...


class Records(Protocol):
    """The part of the ledger that the pipeline writes."""

    @property
    def incidents(self) -> Incidents:
        """Where transitions are stored."""
        ...

    async def move(self, moved: Mapping[str, str], at: datetime) -> list[Incident]:
        """Put what is known of former ids of devices under their present ones."""
        ...


class Pipeline:
    """Takes observations in. Use as ``async with``; leaving stores every transition that still waits."""

    def __init__(
        self,
        board: Board,
        store: Store,
        engine: Engine,
        records: Records,
        teller: Teller,
        wake: Callable[[], None],
        now: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._board = board
        self._store = store
        self._engine = engine
        self._records = records
        self.teller = Guarded(teller, self._cannot_tell)
        """Decides who is told, by the configuration in force."""
        self._wake = wake
        self._wall = now
        self._monotonic = monotonic
        self._steps = Steps()
        self._writes: asyncio.Queue[Write] = asyncio.Queue()
        self._recheck: Callable[[str, float], None] = lambda check, delay: None
        self._writer = Part("the writer of transitions", self._write_all)
        self._ticker = Part("the look for silence", self._tick_all)
        self._refusal: Said = ""
        self._untold: Said = ""

    def on_recheck(self, recheck: Callable[[str, float], None]) -> None:
        """Name whom to ask for a sooner attempt: the scheduler, which is built after the pipeline."""
        self._recheck = recheck

    async def __aenter__(self) -> Self:
        """Start the writer of transitions and the look for silence."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._writer)
            stack.push_async_callback(self._store_what_waits)
            await stack.enter_async_context(self._ticker)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop looking for silence, store what waits, for at most ten seconds, and stop."""
        await self._stack.aclose()

    async def _store_what_waits(self) -> None:
        try:
            async with asyncio.timeout(10):
                await self._writes.join()
        except TimeoutError:
            log.warning(
                "stopped before everything was stored; what is missing is judged again after the start",
                extra={"batches": self._writes.qsize()},
            )

    @property
    def problem(self) -> Said:
        """Why transitions are not stored or silence is not noticed now, in one line; empty when all is well."""
        return self._refusal or self._writer.problem or self._ticker.problem or self._untold

    @property
    def waiting(self) -> int:
        """Batches of transitions that are not stored yet."""
        return self._writes.qsize()

    def _now(self) -> datetime:
        """Return the time, after telling the engine if the clock was set meanwhile."""
        wall = self._wall()
        if step := self._steps.step(wall, self._monotonic()):
            log.warning("the clock was set", extra={"seconds": step.total_seconds()})
            self._engine.shift(step)
        return wall

    def take(self, observation: Observation) -> None:
        """Take one observation in."""
        self._board.observe(observation)
        self._store.append(observation)
        self._apply(self._engine.take(observation, self._now()))

    def follow(self, change: Change, teller: Teller) -> None:
        """Judge by another inventory or other rules from now on, and tell of it by another composer."""
        touched = change.touched
        decision = self._engine.follow(
            change.rules,
            change.inventory,
            self._now(),
            topology=change.topology,
            areas=change.areas,
            touched=touched,
        )
        self._board.follow(change.inventory, touched.removed, change.renewed, self._now())
        if touched.moved:  # before transitions of the present ids, after all those of the former ones
            self._writes.put_nowait(partial(self._records.move, touched.moved, self._now()))
        self._apply(decision)  # what is closed is told of as it was named until now
        self.teller = Guarded(teller, self._cannot_tell)

    def _apply(self, decision: Decision) -> None:
        for standing in decision.status:
            self._board.set_status(
                standing.device, DeviceStatus(standing.state, standing.since, standing.reason)
            )
        for check_id in decision.rechecks:
            self._recheck(check_id, RECHECK_AFTER)
        if decision.transitions:
            record = partial(self._records.incidents.record, decision.transitions, self.teller)
            self._writes.put_nowait(record)

    async def _tick_all(self) -> None:
        while True:
            await asyncio.sleep(STALE_EVERY)
            self._apply(self._engine.tick(self._now()))

    def _cannot_tell(self, incident: Incident) -> None:
        """Say aloud that a bug of ours left an incident untold."""
        log.exception("no message could be composed", extra={"incident": incident.id})
        self._untold = Words(
            f"không soạn được tin về sự cố {incident.id}; nhật ký của dịch vụ ghi vì sao",
            f"the message about incident {incident.id} could not be composed; the log says why",
        )

    async def _write_all(self) -> None:
        while True:
            await self._write(await self._writes.get())
            self._writes.task_done()

    async def _write(self, write: Write) -> None:
        """Store one batch, however long that takes: order matters, and nothing is told that is not stored."""
        while True:
            try:
                incidents = await write()
                break
            except Exception as error:  # a full disk passes; whatever it is, this batch must not be lost
                if not self._refusal:
                    log.exception("the ledger refuses transitions; trying again until it takes them")
                self._refusal = Words(
                    f"không ghi được diễn biến sự cố: {error}", f"transitions cannot be stored: {error}"
                )
                await asyncio.sleep(LEDGER_RETRY)
        self._refusal = ""
        for incident in incidents:
            self._board.set_incident(incident)
        self._wake()
