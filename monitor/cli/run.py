"""``commune-monitor run``: the service."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from monitor.app import service, stop_signals
from monitor.cli.common import clear_start, load, print_problems
from monitor.configuration import Configuration


@click.command
@click.pass_obj
def run(settings: Path) -> None:
    """Watch what the inventory lists until SIGTERM or Ctrl+C."""
    configuration = load(settings)
    print_problems(configuration.warnings)
    with clear_start():
        asyncio.run(_run(configuration))


async def _run(configuration: Configuration) -> None:
    stop = stop_signals()
    async with service(configuration) as url:
        click.echo(f"Dashboard: {url}", err=True)
        await stop.wait()
