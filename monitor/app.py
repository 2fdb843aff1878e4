"""The composition root: with `monitor.house`, which builds the watch, the only place that constructs the service."""

from __future__ import annotations

import asyncio
import logging
import signal
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from inventory.secrets import Secret, SecretRef
from monitor.access.access import Access, open_access
from monitor.access.oidc import Oidc
from monitor.access.pool import Pool
from monitor.access.settings import LdapSettings, OidcSettings
from monitor.clock import utc_now
from monitor.configuration import Configuration
from monitor.demo.controls import DemoControls
from monitor.house import Monitoring, monitoring
from monitor.ledger import Ledger
from monitor.part import Part
from monitor.schema import schema_here
from monitor.selfwatch.systemd import Systemd
from monitor.web.app import WebContext, serve
from monitor.web.security import own_hosts
from monitor.web.tls import Certificate

if TYPE_CHECKING:
    from monitor.access.directory import Directory

log = logging.getLogger(__name__)


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
            quality=lambda: running.quality.last,
            language=configuration.settings.language,
            reloader=running.reloader,
            editing=web.editing,
            schema=cache(schema_here),
            demo=demo,
            access=access,
            proxies=web.proxies,
            hosts=own_hosts(web.host, web.base_url),
        )
        tls = await stack.enter_async_context(_certificate(configuration, running))
        yield await stack.enter_async_context(serve(context, web.host, web.port, tls))


@asynccontextmanager
async def _certificate(
    configuration: Configuration, running: Monitoring
) -> AsyncIterator[ssl.SSLContext | None]:
    """Yield what the pages speak TLS with, renewed with its files; `None` where the settings name none."""
    tls = configuration.settings.web.tls
    if tls is None:
        yield None
        return
    files = configuration.folder(tls.certificate), configuration.folder(tls.key)
    certificate = await asyncio.to_thread(Certificate, *files)
    async with Part("the look at the certificate of the pages", certificate.run) as part:
        running.problems["certificate"] = lambda: part.problem or certificate.problem
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
            ledger,
            configuration.data,
            web.session,
            now,
            oidc=oidc,
            directory=directory,
            demanded=web.second_factor,
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
    """Return the file with authorities to trust. Raises `OSError` that names it when it holds none."""
    if not settings.ca_file:
        return None
    path = configuration.folder(settings.ca_file)
    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:
        raise OSError(f"ca_file {path} cannot be used: {error.strerror or error}") from error
    return path


def stop_signals() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set from now on, so that a start under way also ends in good order."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    return told
