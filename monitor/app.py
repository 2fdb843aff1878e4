"""The composition root: the only module that constructs the service and wires its parts together."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from alerts.calendar import VIETNAM
from alerts.dispatch import Dispatcher
from alerts.duty.roster import Roster
from alerts.duty.who import Who
from alerts.engine import Engine
from alerts.message import Composer
from alerts.notifier import open_channels
from alerts.teller import Codes, Hidden, Teller
from inventory.secrets import Secret, SecretRef
from monitor.access.access import Access, open_access
from monitor.access.oidc import Oidc
from monitor.access.pool import Pool
from monitor.access.settings import LdapSettings, OidcSettings
from monitor.binding import bound
from monitor.board import Board
from monitor.change import Change
from monitor.channels import Channels
from monitor.configuration import Configuration
from monitor.custody import EVERY, Custody
from monitor.demo.controls import DemoControls
from monitor.escalator import Escalator
from monitor.holes import Holes
from monitor.instance import Seat, own_card
from monitor.keyfile import own_key
from monitor.leadership import Leadership
from monitor.ledger import Ledger
from monitor.listener import first_problem, listeners
from monitor.operations import Operations
from monitor.part import Part
from monitor.pipeline import Pipeline
from monitor.quiet import Quiets
from monitor.reload import Reloader
from monitor.runner import Runner
from monitor.scheduler import Scheduler
from monitor.schema import schema_here
from monitor.selfwatch.systemd import Systemd
from monitor.selfwatch.watch import Watch, feeding, watching_itself
from monitor.store import Store
from monitor.store.former import WithFormer
from monitor.store.settings import open_store
from monitor.traps import TrapReceiver
from monitor.traps.sources import Sources
from monitor.vitals import Pulse, Traps, Vitals, VitalsSource
from monitor.web.app import WebContext, serve
from monitor.web.security import own_hosts
from monitor.web.tls import Certificate
from probes.core.hostkeys import HostKeys
from probes.core.network import Network
from probes.core.probe import Check, Environment, Probe

if TYPE_CHECKING:
    from monitor.access.directory import Directory

log = logging.getLogger(__name__)

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


def utc_now() -> datetime:
    """Return the time, aware UTC."""
    return datetime.now(UTC)


@asynccontextmanager
async def service(
    configuration: Configuration, *, demo: DemoControls | None = None, now: Callable[[], datetime] = utc_now
) -> AsyncIterator[str]:
    """Run the watch and its pages while the context is open. Yields the address of the dashboard."""
    async with (
        monitoring(configuration, now) as running,
        pages(configuration, running, demo=demo, now=now) as url,
    ):
        log.info("watching", extra={"checks": len(configuration.plan), "url": url})
        systemd = Systemd()
        systemd.tell("READY=1", f"STATUS=watching, dashboard at {url}")
        yield url
        systemd.tell("STOPPING=1", "STATUS=stopping: storing and telling what waits")
        log.info("stopping: asking no more, storing and telling what waits")


@asynccontextmanager
async def pages(
    configuration: Configuration,
    running: Monitoring,
    *,
    demo: DemoControls | None = None,
    now: Callable[[], datetime] = utc_now,
) -> AsyncIterator[str]:
    """Serve the pages of a running watch while the context is open. Yields their address."""
    web = configuration.settings.web
    async with AsyncExitStack() as stack:
        access = await stack.enter_async_context(_access(configuration, running.ledger, now))
        context = WebContext(
            board=running.board,
            store=running.store,
            ledger=running.ledger,
            operations=running.operations,
            who=running.who,
            quiets=running.quiets,
            channels=running.channels,
            rules=lambda: running.reloader.running.rules,
            vitals=running.vitals,
            now=now,
            language=configuration.settings.language,
            reloader=running.reloader,
            editing=web.editing,
            schema=cache(schema_here),
            demo=demo,
            access=access,
            proxies=web.proxies,
            hosts=own_hosts(web.host, web.base_url),
        )
        tls = await stack.enter_async_context(_certificate(configuration))
        yield await stack.enter_async_context(serve(context, web.host, web.port, tls))


@asynccontextmanager
async def _certificate(configuration: Configuration) -> AsyncIterator[ssl.SSLContext | None]:
    """Yield what the pages speak TLS with, renewed with its files; `None` where the settings name none."""
    tls = configuration.settings.web.tls
    if tls is None:
        yield None
        return
    files = configuration.folder(tls.certificate), configuration.folder(tls.key)
    certificate = await asyncio.to_thread(Certificate, *files)
    async with Part("the look at the certificate of the pages", certificate.run):
        yield certificate.context


@asynccontextmanager
async def _access(
    configuration: Configuration, ledger: Ledger, now: Callable[[], datetime]
) -> AsyncIterator[Access | None]:
    """Yield access, or `None` where the settings want no login."""
    web = configuration.settings.web
    if not web.login:
        yield None
        return
    with Pool("directory", threads=4, waiting=16) as pool:
        oidc, directory = _oidc(configuration, now), _directory(configuration, pool)
        async with open_access(
            ledger, configuration.data, web.session, now, oidc=oidc, directory=directory
        ) as access:
            yield access


def _oidc(configuration: Configuration, now: Callable[[], datetime]) -> Oidc | None:
    settings = configuration.settings.web.oidc
    if settings is None:
        return None
    return Oidc(
        settings, _read(configuration, settings.client_secret), _authorities(configuration, settings), now
    )


def _directory(configuration: Configuration, pool: Pool) -> Directory | None:
    settings = configuration.settings.web.ldap
    if settings is None:
        return None
    from monitor.access.directory import (
        Directory,
    )  # its library takes long to import, and few have a directory

    return Directory(
        settings, _read(configuration, settings.search_password), _authorities(configuration, settings), pool
    )


def _read(configuration: Configuration, ref: SecretRef | None) -> Callable[[], Secret | None]:
    """Return what reads a secret when it is used: another value needs no restart."""
    return lambda: ref.read(configuration.secrets) if ref else None


def _authorities(configuration: Configuration, settings: OidcSettings | LdapSettings) -> Path | None:
    return configuration.folder(settings.ca_file) if settings.ca_file else None


@asynccontextmanager
async def monitoring(
    configuration: Configuration, now: Callable[[], datetime] = utc_now
) -> AsyncIterator[Monitoring]:
    """Watch while the context is open. Leaving stops asking first, and stores and tells what waits last."""
    settings, started = configuration.settings, now()
    configuration.data.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        stack.enter_context(Seat(configuration.data))
        ledger = await stack.enter_async_context(Ledger(configuration.data / "ledger.sqlite"))
        await ledger.lead(str(own_card()), started)
        leadership = Leadership(ledger, settings.failover.after, now)
        leading = await stack.enter_async_context(Part("the signature in the ledger", leadership.run))
        await ledger.move(configuration.inventory.moved, started)
        configuration, found = bound(configuration, ledger.bindings.known)
        await ledger.bindings.attach(found.fresh, started)
        store = await stack.enter_async_context(
            open_store(settings.store, configuration.data, configuration.secrets)
        )
        opened = open_channels(
            dict(settings.notifiers), configuration.secrets, settings.network, configuration.channel_state
        )
        channels = {name: await stack.enter_async_context(channel) for name, channel in opened.items()}
        dispatcher = Dispatcher(ledger, channels, now)
        telling = await stack.enter_async_context(Part("the dispatcher of messages", dispatcher.run))
        codes = Codes(await asyncio.to_thread(own_key, configuration.data / "take.key"))
        quiets = Quiets(ledger.silences, configuration.planned, configuration.inventory, now)
        teller = partial(_teller, ledger=ledger, codes=codes, hidden=quiets.why)
        open_now = await ledger.open_incidents()
        quieting = await stack.enter_async_context(Part("the look at what is quiet", quiets.run))
        board = Board(configuration.inventory, configuration.plan, started, open_now)
        quiets.changed = board.touch
        engine = Engine(configuration.rules, configuration.inventory, open_now)
        pipeline = await stack.enter_async_context(
            Pipeline(board, store, engine, ledger, teller(configuration), dispatcher.wake, now)
        )
        escalator = Escalator(ledger, lambda: pipeline.teller, dispatcher.wake, now)
        escalating = await stack.enter_async_context(Part("escalation", escalator.run))
        operations = Operations(ledger, board, lambda: pipeline.teller, dispatcher.wake, now)
        taking = await stack.enter_async_context(Part("what people do about incidents", operations.run))
        await asyncio.to_thread(configuration.vault.tidy)
        custody = Custody(ledger, configuration.vault)
        await custody.look()
        jobs = stack.enter_context(_calendar())
        looking = jobs.add_job(
            custody.look, "interval", seconds=EVERY, misfire_grace_time=None, coalesce=True
        )
        jobs.add_job(_prune, "cron", hour=3, minute=17, args=(ledger, now), misfire_grace_time=None)
        runner = Runner(
            await open_probes(configuration, ledger.host_keys, configuration.probe_state, stack), now
        )
        pulse = Pulse(configuration.plan)
        scheduler = await stack.enter_async_context(
            Scheduler(configuration.plan, partial(_observe, runner, pipeline, ledger, pulse), jobs)
        )
        pipeline.on_recheck(scheduler.soon)
        sources = Sources(configuration.inventory, configuration.plan)
        traps = await _open_traps(configuration, sources, pipeline, stack, now)

        def follow(change: Change) -> None:
            """Put a changed configuration in force, all of it between two turns of the event loop."""
            scheduler.replace(change.gone, change.fresh)
            pipeline.follow(change, teller(change.configuration))
            quiets.follow(change.configuration.planned, change.inventory)
            pulse.follow(change.configuration.plan)
            sources.follow(change.inventory, change.configuration.plan)
            looking.modify(next_run_time=utc_now())  # the key or the store of secrets may be another
            gc.freeze()

        reloader = Reloader(configuration, found.held, follow, ledger, ledger.bindings, now)
        ledger.bindings.changed = reloader.again
        await reloader.begin()
        following = await stack.enter_async_context(Part("the look at edited files", reloader.run))

        def who() -> Who:
            """Return who is told by the configuration in force."""
            return _who(reloader.running, ledger)

        hearing = listeners(channels, ledger, operations.acknowledge, _person_of(who), now)
        for name, listener in hearing.items():
            await stack.enter_async_context(Part(f"the answers on {name}", listener.run))
        holes = Holes(lambda: who().roster, now)
        systemd = Systemd(lambda: not pulse.silence)
        watch: Watch
        parts = {
            "pipeline": lambda: pipeline.problem,
            "ledger": lambda: ledger.problem or leading.problem or leadership.problem,
            "dispatcher": lambda: telling.problem or dispatcher.problem,
            "escalation": lambda: escalating.problem or escalator.problem,
            "operations": lambda: taking.problem or operations.problem,
            "rota": lambda: holes.problem,
            "replies": lambda: first_problem(hearing),
            "channels": lambda: "; ".join(f"{name}: {why}" for name, why in dispatcher.failing.items()),
            "quiet": lambda: quieting.problem,
            "traps": lambda: traps.problem if traps else "",
            "heartbeat": lambda: watch.heartbeat_problem,
            "morning": lambda: watch.morning_problem,
            "inventory": lambda: following.problem or reloader.problem,
            "bindings": lambda: reloader.held,
            "secrets": lambda: custody.secrets,
            "audit": lambda: custody.audit,
        }
        vitals = VitalsSource(
            started,
            version("commune-monitor"),
            lambda: scheduler.load,
            store.health,
            pulse,
            lambda: pipeline.waiting,
            lambda: Traps(traps.unknown, traps.refused, traps.dropped) if traps else None,
            parts,
            lambda: watch.state(systemd.interval, ledger.leader.epoch if ledger.leader else 0),
        )
        watch = await stack.enter_async_context(
            watching_itself(lambda: reloader.running, ledger, board, vitals.read, who, dispatcher.wake, now)
        )
        await stack.enter_async_context(feeding(systemd))
        stack.enter_context(_spared_collector())
        history = WithFormer(store, lambda: board.inventory.moved)
        ways = Channels(
            channels, ledger.channels, lambda: dispatcher.channels, hearing, settings.web.address, now
        )
        yield Monitoring(
            board, history, ledger, scheduler, reloader, vitals.read, operations, who, quiets, ways
        )


def _who(configuration: Configuration, ledger: Ledger) -> Who:
    roster = Roster(configuration.duty, lambda: ledger.rota.overrides)
    return Who(roster, configuration.inventory, configuration.settings.notifiers)


def _person_of(who: Callable[[], Who]) -> Callable[[str, str], str | None]:
    """Return a look-up of the person in the duty file in force who has an address on a channel."""

    def look(channel: str, address: str) -> str | None:
        people = who().roster.duty.people.values()
        return next((one.name for one in people if one.reach.get(channel) == address), None)

    return look


def _teller(configuration: Configuration, ledger: Ledger, codes: Codes, hidden: Hidden) -> Teller:
    settings, inventory = configuration.settings, configuration.inventory
    composer = Composer(configuration.rules, inventory, settings.notifiers, settings.web.address)
    return Teller(composer, _who(configuration, ledger), codes, hidden)


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
def _spared_collector() -> Iterator[None]:
    """Let Python's cycle collector walk seldom, and only over what is new, while the context is open.

    Modules, inventory and plan stay for ever: walking all of them again and again stopped everything for 0.15 s each
    ten seconds. Nearly all garbage of a poll goes by reference counts, so young objects are looked at in larger lots.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


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


def stop_signals() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set from now on, so that a start under way also ends in good order."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    return told


async def _observe(runner: Runner, pipeline: Pipeline, ledger: Ledger, pulse: Pulse, check: Check) -> None:
    observation = await runner.run(check)
    pipeline.take(observation)
    if observation.outcome.is_answer:
        ledger.answered.note(observation.device, observation.time)
        ledger.identities.note(observation)
    pulse.beat()
