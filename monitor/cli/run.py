"""``commune-monitor run``: the service."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from alerts.message import local
from inventory.document import Invalid
from monitor import configuration
from monitor.app import service, stop_signals
from monitor.cli.common import clear_start, print_mistakes, print_problems
from monitor.configuration import Configuration
from monitor.reload import last_good


@click.command
@click.pass_obj
def run(settings: Path) -> None:
    """Watch what the inventory lists until SIGTERM or Ctrl+C, following its files while they are edited.

    Should they have mistakes, the inventory that was last in force is watched until they are mended.
    """
    with clear_start():
        asyncio.run(_run(settings))


async def _run(settings: Path) -> None:
    stop = stop_signals()
    async with service(await _start_with(settings)) as url:
        click.echo(f"Dashboard: {url}", err=True)
        await stop.wait()


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
