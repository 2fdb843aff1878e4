"""One device over time: its plan, the poll by that plan, and when to make a new one."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from inventory.profile import Profile
from probes.core.observation import Answer, Fact, Outcome
from probes.core.probe import ProbeFailure
from probes.core.words import Words
from probes.snmp import message
from probes.snmp.cells import restarted
from probes.snmp.collect import MAX_BINDS, Collector
from probes.snmp.engine import Asks, Peer
from probes.snmp.manners import Manners, Spent
from probes.snmp.message import Pdu
from probes.snmp.plan import Plan, Step, go_on
from probes.snmp.study import Study

POLLS_PER_PLAN = 60
"""After so many polls names and tables are read again, even when nothing seems to have changed."""
MIN_PLAN_AGE = 300.0
"""Seconds that a plan stands although an agent says that its tables changed: some say so each time."""


MAX_REQUESTS = 1000
"""Requests that one poll may cost, even the first one of a large device."""


_OTHERS = Words(
    "thiết bị trả lời biến khác với biến được hỏi", "the agent answers other variables than were asked"
)
_RESTARTED = Words("thiết bị vừa khởi động lại", "the agent restarted")
_CHANGED = Words("các bảng của thiết bị đã thay đổi", "the agent's tables changed")


class Stale(Exception):
    """The answer does not fit the plan; `reason` says how, for people."""

    def __init__(self, reason: Words, anew: bool = False) -> None:
        super().__init__(reason.en)
        self.reason = reason
        self.anew = anew
        """Whether the agent restarted, so that what counters were says nothing."""


class Session:
    """Polls one device; asked by one task at a time."""

    def __init__(
        self,
        engine: Asks,
        peer: Peer,
        make_study: Callable[[Collector], Study],
        clock: Callable[[], float] = time.monotonic,
        phase: int = 0,
        budget: int = MAX_REQUESTS,
    ) -> None:
        self.peer = peer
        self._manners = Manners(engine, budget)
        self._collector = Collector(self._manners, peer)
        self._shrunk = False
        """Whether answers were too big or got lost since the plan was made."""
        self._make_study = make_study
        self._clock = clock
        self._plan: Plan | None = None
        self._before: Plan | None = None
        """The last plan, whose counters a new one goes on with."""
        self._half: Study | None = None
        """A study that a deadline or a silence cut off."""
        self._planned_at = 0.0
        self._polls = self._phase = phase
        self._uptime: tuple[int, float] | None = None

    async def poll(self) -> Answer:
        """Ask the device everything once. Raises `ProbeFailure`."""
        await self._manners.begin(self.peer)
        try:
            answer = await self._poll()
        except ProbeFailure as failure:
            if failure.outcome.is_silence and self._manners.heard:
                self._lost()
            raise
        news = self.peer.security.take_news()
        if not news:
            return answer
        facts = (*answer.facts, *(Fact("snmp.engine_event", event) for event in news))
        return Answer(answer.samples, facts, answer.detail)

    async def _poll(self) -> Answer:
        plan = self._plan
        if plan is None or self._polls - self._phase >= POLLS_PER_PLAN:
            plan = await self._study()
        try:
            return await self._follow(plan)
        except Stale as stale:
            self._before = None if stale.anew else plan
        plan = await self._study()
        try:
            return await self._follow(plan)
        except Stale as stale:
            self._plan = None
            raise ProbeFailure(Outcome.PROTOCOL_ERROR, stale.reason) from stale

    def _lost(self) -> None:
        """The device answers small questions and large ones do not arrive: ask for less at once from now on."""
        self._shrink()
        if self._plan is not None:
            self._before, self._plan = self._plan, None

    def _shrink(self) -> None:
        self._collector.shrink()
        self._shrunk = True

    def _grow(self) -> None:
        """After a whole plan's time without trouble, dare to ask for twice as much at once."""
        if not self._shrunk:
            self._collector.binds = min(MAX_BINDS, self._collector.binds * 2)
        self._shrunk = False

    async def _study(self) -> Plan:
        if self._plan is not None:
            self._grow()
        self._plan, self._uptime = None, None
        study = self._half = self._half or self._make_study(self._collector)
        try:
            plan = await study.plan()
        except ProbeFailure as failure:
            if not failure.outcome.is_silence and not isinstance(failure, Spent):
                self._half = None
            raise
        if self._before:
            go_on(self._before, plan)
        self._plan = self._before = plan
        self._half, self._planned_at, self._polls = None, self._clock(), self._phase
        return plan

    async def _follow(self, plan: Plan) -> Answer:
        due = 0 if self._polls == self._phase else self._polls
        for step in plan.steps:
            if step.every == 1 or due % step.every == 0:
                self._take(plan, step, await self._collector.request(step.template, step.reader.read))
        self._polls += 1
        samples = [
            sample
            for out in plan.outputs
            if (out.every == 1 or due % out.every == 0) and (sample := out.sample()) is not None
        ]
        return Answer(tuple(samples), plan.facts, plan.detail)

    def _take(self, plan: Plan, step: Step, answer: Pdu) -> None:
        now = self._clock()
        if answer.error_status:
            if answer.error_status == message.TOO_BIG:
                self._shrink()
            name = message.error_name(answer.error_status)
            raise Stale(Words(f"thiết bị báo lỗi {name}", f"the agent answers {name}"))
        binds = answer.varbinds
        if [bind[0] for bind in binds] != step.oids:
            raise Stale(_OTHERS)
        if step is plan.steps[0]:
            self._check_restart(binds[0][2], now)
            self._check_changes(plan, answer, now)
        for (_, tag, value), cell in zip(binds, step.cells, strict=True):
            cell.take(tag, value, now)

    def _check_restart(self, uptime: object, now: float) -> None:
        before, self._uptime = self._uptime, (uptime, now) if isinstance(uptime, int) else None
        if before and self._uptime and restarted(before[0], self._uptime[0], now - before[1]):
            raise Stale(_RESTARTED, anew=True)

    def _check_changes(self, plan: Plan, answer: Pdu, now: float) -> None:
        if now - self._planned_at < MIN_PLAN_AGE or not plan.changes:
            return
        if any(plan.changes.get(oid, value) != value for oid, _, value in answer.varbinds):
            raise Stale(_CHANGED)


def studies(
    profiles: Mapping[str, Profile], wanted: str | None, max_interfaces: int, interfaces: tuple[str, ...]
) -> Callable[[Collector], Study]:
    """Return what makes a fresh study of one device."""
    return lambda collector: Study(collector, profiles, wanted, max_interfaces, interfaces)
