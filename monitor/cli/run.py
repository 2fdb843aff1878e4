"""``commune-monitor run``: the service."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import click

from alerts.telling.message import local
from inventory.document import Invalid
from monitor import configuration
from monitor.app import service, stop_signals
from monitor.cli.common import clear_start, print_mistakes, print_problems
from monitor.configuration import Configuration
from monitor.instance import InUse, Standby
from monitor.reload import last_good
from monitor.selfwatch.systemd import Systemd
from monitor.selfwatch.watch import feeding


@click.command
@click.option("--standby", is_flag=True, help="Wait until the service that has the data folder is gone.")
@click.pass_obj
def run(settings: Path, standby: bool) -> None:
    """Watch what the inventory lists until SIGTERM or Ctrl+C, following its files while they are edited.

    Should they have mistakes, the inventory that was last in force is watched until they are mended. One service only
    runs on a data folder: a second is refused, or stands by and takes over when the first is gone or does not work.
    """
    with clear_start():
        asyncio.run(_stand_by(settings) if standby else _run(settings))


async def _run(settings: Path) -> None:
    await _watch(settings, stop_signals())


async def _watch(settings: Path, stop: asyncio.Event) -> None:
    async with service(await _start_with(settings)) as url:
        click.echo(f"Dashboard: {url}", err=True)
        await stop.wait()


async def _stand_by(settings: Path) -> None:
    """Wait, take over, and wait again if another that stands by was quicker."""
    stop = stop_signals()
    systemd = Systemd()
    systemd.tell("READY=1", "STATUS=standing by")
    stopping = asyncio.create_task(stop.wait())
    while not stop.is_set():
        chosen = (await _start_with(settings)).settings
        standby = Standby(settings.parent / chosen.data, chosen.failover.after)
        waiting = asyncio.create_task(standby.wait())
        async with feeding(systemd):
            await asyncio.wait({waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            waiting.cancel()
            return
        with suppress(InUse):
            await _watch(settings, stop)


async def _start_with(settings: Path) -> Configuration:
    """Return the configuration in the files, else the last good one. Leaves with exit code 2 when there is none."""
    try:
        loaded = configuration.load(settings)
    except Invalid as error:
        print_mistakes(settings, error)
        found = await last_good(settings)
        if found is None:
            raise SystemExit(2) from None
        loaded, revision = found
        since = f"{local(revision.at)} (revision {revision.id})"
        click.echo(f"Watching the inventory taken in on {since} until they are mended", err=True)
        return loaded
    print_problems(loaded.warnings)
    return loaded
