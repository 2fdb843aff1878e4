"""The first half of the composition root: constructs the watch and wires its parts together, without pages."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from alerts.calendar import VIETNAM
from alerts.duty.roster import Roster
from alerts.duty.who import Who
from alerts.judging.engine import Engine
from alerts.judging.tracker import FLAPPING_WINDOW
from alerts.telling.dispatch import Dispatcher
from alerts.telling.message import Composer
from alerts.telling.notifier import open_channels
from alerts.telling.teller import Codes, Teller
from monitor.addresses import Addresses
from monitor.binding import bound
from monitor.board import Board
from monitor.change import Change
from monitor.channels import Channels
from monitor.clock import utc_now
from monitor.collector import spared_collector
from monitor.configuration import Configuration
from monitor.custody import EVERY, Custody
from monitor.escalator import Escalator
from monitor.holes import Holes
from monitor.instance import Seat, own_card
from monitor.keyfile import own_key
from monitor.last_seen import LastSeen
from monitor.leadership import Leadership
from monitor.ledger import Ledger
from monitor.listener import Listener, first_problem, listeners
from monitor.operations import Operations
from monitor.part import Part, Worker
from monitor.pipeline import Pipeline
from monitor.quality.watch import QualityWatch
from monitor.quiet import Quiets
from monitor.reload import Reloader
from monitor.runner import Runner
from monitor.scheduler import Scheduler
from monitor.selfwatch.systemd import Systemd
from monitor.selfwatch.watch import Watch, feeding, watching_itself
from monitor.store import Store
from monitor.store.former import WithFormer
from monitor.store.settings import open_store
from monitor.traps import TrapReceiver
from monitor.traps.sources import Sources
from monitor.vitals import Pulse, Traps, Vitals, VitalsSource
from monitor.webhooks import Webhooks
from probes.core.hostkeys import HostKeys
from probes.core.network import Network
from probes.core.probe import Check, Environment, Probe
from probes.core.words import Said

REMEMBERED = timedelta(days=3 * 366)
"""How long the ledger keeps what is resolved: three years of reports."""


class Monitoring(msgspec.Struct, frozen=True):
    """The running watch, without pages."""

    board: Board
    store: Store
    ledger: Ledger
    scheduler: Scheduler
    reloader: Reloader
    vitals: Callable[[], Vitals]
    operations: Operations
    who: Callable[[], Who]
    """Who is told of what, by the configuration in force."""
    quiets: Quiets
    channels: Channels
    quality: QualityWatch
    problems: dict[str, Callable[[], Said | None]]
    """Why each part does not work now, by the names of `monitor.vitals`: what is built later adds its own."""


@asynccontextmanager
async def monitoring(
    configuration: Configuration, now: Callable[[], datetime] = utc_now
) -> AsyncIterator[Monitoring]:
    """Watch while the context is open. Leaving stops asking first, and stores and tells what waits last."""
    configuration.data.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        yield await _House(configuration, now, stack).build()


class _House:
    """Builds the watch from the ground up, storey by storey; the stack takes it down again from the top."""

    def __init__(
        self, configuration: Configuration, now: Callable[[], datetime], stack: AsyncExitStack
    ) -> None:
        self._configuration = configuration
        self._settings = configuration.settings
        self._now = now
        self._started = now()
        self._stack = stack
        self._problems: dict[str, Callable[[], Said | None]] = {}
        """Why each part does not work now, by the names of `monitor.vitals`."""

    async def build(self) -> Monitoring:
        """Build all of it."""
        await self._open_records()
        await self._open_telling()
        await self._open_judging()
        await self._open_custody()
        await self._open_asking()
        await self._follow_files()
        hearing = await self._hear_answers()
        vitals = await self._watch_itself()
        self._stack.enter_context(spared_collector())
        history = WithFormer(self._store, lambda: self._board.inventory.moved)
        return Monitoring(
            self._board,
            history,
            self._ledger,
            self._scheduler,
            self._reloader,
            vitals,
            self._operations,
            self._who,
            self._quiets,
            self._ways(hearing),
            self._quality,
            self._problems,
        )

    def _ways(self, hearing: Mapping[str, Listener]) -> Channels:
        """Return how the channels do, for people to see."""
        ledger, dispatcher, address = self._ledger, self._dispatcher, self._settings.web.address
        return Channels(
            self._channels, ledger.channels.health, lambda: dispatcher.channels, hearing, address, self._now
        )

    async def _run(self, part: str, name: str, worker: Worker) -> None:
        """Let `worker` run as long as the watch does; why it does not is said under the name of its part."""
        running = await self._stack.enter_async_context(Part(name, worker.run))
        before = self._problems.get(part, str)
        self._problems[part] = lambda: before() or running.problem or worker.problem

    async def _open_records(self) -> None:
        self._stack.enter_context(Seat(self._configuration.data))
        path = self._configuration.data / "ledger.sqlite"
        ledger = self._ledger = await self._stack.enter_async_context(Ledger(path))
        self._problems["ledger"] = lambda: ledger.problem
        await ledger.leader.lead(str(own_card()), self._started)
        leadership = Leadership(ledger.leader, self._settings.failover.after, self._now)
        await self._run("ledger", "the signature in the ledger", leadership)
        await ledger.move(self._configuration.inventory.moved, self._started)
        self._configuration, found = bound(self._configuration, ledger.bindings.known)
        self._held = found.held
        await ledger.bindings.attach(found.fresh, self._started)
        self._store = await self._stack.enter_async_context(
            open_store(self._settings.store, self._configuration.data, self._configuration.secrets)
        )

    async def _open_telling(self) -> None:
        configuration, ledger = self._configuration, self._ledger
        opened = open_channels(
            dict(self._settings.notifiers),
            configuration.secrets,
            self._settings.network,
            configuration.channel_state,
        )
        self._channels = {
            name: await self._stack.enter_async_context(channel) for name, channel in opened.items()
        }
        self._dispatcher = Dispatcher(ledger.outbox, self._channels, self._now)
        await self._run("dispatcher", "the dispatcher of messages", self._dispatcher)
        self._codes = Codes(await asyncio.to_thread(own_key, configuration.data / "take.key"))
        webhooks = Webhooks(self._settings.webhooks, configuration.secrets, self._settings.network, ledger)
        await self._run("webhooks", "the telling of programs", webhooks)
        self._quiets = Quiets(ledger.silences, configuration.planned, configuration.inventory, self._now)
        await self._run("quiet", "the look at what is quiet", self._quiets)

    async def _open_judging(self) -> None:
        configuration, ledger, wake = self._configuration, self._ledger, self._dispatcher.wake
        open_now = await ledger.incidents.all_open()
        self._board = Board(configuration.inventory, configuration.plan, self._started, open_now)
        self._quiets.changed = self._board.touch
        engine = Engine(configuration.rules, configuration.inventory, open_now)
        engine.remember(await ledger.incidents.resolved_since(self._started - FLAPPING_WINDOW))
        teller = self._teller(configuration)
        pipeline = self._pipeline = await self._stack.enter_async_context(
            Pipeline(self._board, self._store, engine, ledger, teller, wake, self._now)
        )
        self._problems["pipeline"] = lambda: pipeline.problem
        escalator = Escalator(ledger.escalations, lambda: pipeline.teller, wake, self._now)
        await self._run("escalation", "escalation", escalator)
        self._operations = Operations(ledger.incidents, self._board, lambda: pipeline.teller, wake, self._now)
        await self._run("operations", "what people do about incidents", self._operations)

    async def _open_custody(self) -> None:
        vault = self._configuration.vault
        await asyncio.to_thread(vault.tidy)
        custody = Custody(self._ledger, vault)
        await custody.look()
        self._problems |= {"secrets": lambda: custody.secrets, "audit": lambda: custody.audit}
        jobs = self._jobs = self._stack.enter_context(_calendar())
        forgiving = {"misfire_grace_time": None, "coalesce": True}
        self._looking = jobs.add_job(custody.look, "interval", seconds=EVERY, **forgiving)
        jobs.add_job(_prune, "cron", hour=3, minute=17, args=(self._ledger, self._now), **forgiving)

    async def _open_asking(self) -> None:
        configuration, ledger = self._configuration, self._ledger
        probes = await open_probes(configuration, ledger.host_keys, configuration.probe_state, self._stack)
        runner = Runner(probes, self._now)
        self._pulse = Pulse(configuration.plan)
        observe = partial(_observe, runner, self._pipeline, ledger, self._pulse)
        self._scheduler = await self._stack.enter_async_context(
            Scheduler(configuration.plan, observe, self._jobs)
        )
        self._pipeline.on_recheck(self._scheduler.soon)
        self._sources = Sources(configuration.inventory, configuration.plan)
        traps = self._traps = await _open_traps(
            configuration, self._sources, self._pipeline, self._stack, self._now
        )
        self._problems["traps"] = lambda: traps.problem if traps else ""

    async def _follow_files(self) -> None:
        ledger = self._ledger
        reloader = self._reloader = Reloader(
            self._configuration, self._held, self._follow, ledger.revisions, ledger.bindings, self._now
        )
        ledger.bindings.changed = reloader.again
        await reloader.begin()
        await self._run("inventory", "the look at edited files", reloader)
        self._problems["bindings"] = lambda: reloader.held
        self._problems["settings"] = lambda: reloader.outdated
        holes = Holes(lambda: self._who().roster, self._now)
        self._problems["rota"] = lambda: holes.problem
        addresses = Addresses(lambda: self._who().roster, self._channels)
        self._problems["addresses"] = lambda: addresses.problem

    def _follow(self, change: Change) -> None:
        """Put a changed configuration in force, all of it between two turns of the event loop."""
        self._scheduler.replace(change.gone, change.fresh)
        self._pipeline.follow(change, self._teller(change.configuration))
        self._quiets.follow(change.configuration.planned, change.inventory)
        self._pulse.follow(change.configuration.plan)
        self._sources.follow(change.inventory, change.configuration.plan)
        self._looking.modify(next_run_time=utc_now())  # the key or the store of secrets may be another
        gc.freeze()

    async def _hear_answers(self) -> Mapping[str, Listener]:
        look_up = _person_of(self._who)
        hearing = listeners(self._channels, self._ledger, self._operations.take_on, look_up, self._now)
        for name, listener in hearing.items():
            await self._stack.enter_async_context(Part(f"the answers on {name}", listener.run))
        self._problems["replies"] = lambda: first_problem(hearing)
        self._problems["channels"] = lambda: "; ".join(
            f"{name}: {why}" for name, why in self._dispatcher.failing.items()
        )
        return hearing

    async def _watch_itself(self) -> Callable[[], Vitals]:
        ledger, traps, systemd = self._ledger, self._traps, Systemd(lambda: not self._pulse.silence)
        watch: Watch
        self._problems["heartbeat"] = lambda: watch.heartbeat_problem
        self._problems["morning"] = lambda: watch.morning_problem
        vitals = VitalsSource(
            self._started,
            version("commune-monitor"),
            lambda: self._scheduler.load,
            self._store.health,
            self._pulse,
            lambda: self._pipeline.waiting,
            lambda: Traps(traps.unknown, traps.refused, traps.dropped) if traps else None,
            self._problems,
            lambda: watch.state(systemd.interval, ledger.leader.held.epoch if ledger.leader.held else 0),
        )
        running, wake = lambda: self._reloader.running, self._dispatcher.wake
        watch = await self._stack.enter_async_context(
            watching_itself(running, ledger, self._board, vitals.read, self._who, wake, self._now)
        )
        await self._stack.enter_async_context(feeding(systemd))
        path, store, board = self._configuration.data / "ledger.sqlite", self._store, self._board
        self._quality = QualityWatch(path, lambda: board.inventory, store.append, self._now)
        await self._run("quality", "the measuring of alarms", self._quality)
        await self._run(
            "last-seen", "the writing of what was seen last", LastSeen(self._configuration.data, board)
        )
        return vitals.read

    def _who(self) -> Who:
        """Return who is told by the configuration in force."""
        return _who(self._reloader.running, self._ledger)

    def _teller(self, configuration: Configuration) -> Teller:
        settings, inventory = configuration.settings, configuration.inventory
        composer = Composer(configuration.rules, inventory, settings.notifiers, settings.web.address)
        return Teller(composer, _who(configuration, self._ledger), self._codes, self._quiets.why)


def _who(configuration: Configuration, ledger: Ledger) -> Who:
    roster = Roster(configuration.duty, lambda: ledger.rota.overrides)
    return Who(roster, configuration.inventory, configuration.settings.notifiers)


def _person_of(who: Callable[[], Who]) -> Callable[[str, str], str | None]:
    """Return a look-up of the person in the duty file in force who has an address on a channel."""
    return lambda channel, address: who().roster.person_at(channel, address) or None


async def open_probes(
    configuration: Configuration, host_keys: HostKeys, state: Path, stack: AsyncExitStack
) -> dict[str, Probe[Any]]:
    """Open every probe: an edit of the inventory may bring any of them into use. In `state` they keep files."""
    await asyncio.to_thread(state.mkdir, parents=True, exist_ok=True)
    network = Network(configuration.settings.network)
    environment = Environment(configuration.profiles, host_keys, state, network)
    return {
        name: await stack.enter_async_context(probe(environment))
        for name, probe in configuration.probes.items()
    }


@contextmanager
def _calendar() -> Iterator[AsyncIOScheduler]:
    """Run jobs by the clock while the context is open."""
    jobs = AsyncIOScheduler(timezone=VIETNAM)
    jobs.start()
    try:
        yield jobs
    finally:
        jobs.shutdown(wait=False)


async def _prune(ledger: Ledger, now: Callable[[], datetime]) -> None:
    await ledger.prune(now() - REMEMBERED)


async def _open_traps(
    configuration: Configuration,
    sources: Sources,
    pipeline: Pipeline,
    stack: AsyncExitStack,
    now: Callable[[], datetime],
) -> TrapReceiver | None:
    """Listen for traps if the settings say where."""
    settings = configuration.settings.traps
    if settings is None:
        return None
    receiver = TrapReceiver(
        settings.host, settings.port, sources.device, sources.credential, pipeline.take, now
    )
    return await stack.enter_async_context(receiver)


async def _observe(runner: Runner, pipeline: Pipeline, ledger: Ledger, pulse: Pulse, check: Check) -> None:
    observation = await runner.run(check)
    pipeline.take(observation)
    if observation.outcome.is_answer:
        ledger.answered.note(observation.device, observation.time)
        ledger.identities.note(observation)
    pulse.beat()
