"""``commune-monitor channels``: does every way of telling people work, and what waits?"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import click

from alerts.telling.message import local
from monitor.channels import ChannelState, states
from monitor.cli.common import clear_start, json_option, load, print_json, print_table
from monitor.configuration import Configuration
from monitor.ledger import ChannelHealth, Ledger


@click.command
@json_option
@click.pass_obj
def channels(settings: Path, as_json: bool) -> None:
    """Say of every channel whether it works since when, what waits, and why it failed last.

    Exit code 1 when one fails. `commune-monitor test-notifier NAME` tries one.
    """
    configuration = load(settings)
    with clear_start():
        health = asyncio.run(_health(configuration))
    found = states(configuration.settings.notifiers, health)
    if as_json:
        print_json({"channels": found})
    else:
        _print(found)
    raise SystemExit(1 if any(one.state == "fails" for one in found) else 0)


async def _health(configuration: Configuration) -> list[ChannelHealth]:
    path = configuration.data / "ledger.sqlite"
    if not path.exists():
        return []
    async with Ledger(path) as ledger:
        return await ledger.channels.health()


def _print(found: Sequence[ChannelState]) -> None:
    if not found:
        click.echo("The settings file names no channel: nobody is told of anything. See docs/notifiers.md.")
        return
    heads = ("CHANNEL", "KIND", "STATE", "SINCE", "WAITING", "LIMIT", "LAST ERROR")
    print_table(heads, [_row(one) for one in found])


def _row(one: ChannelState) -> tuple[str, ...]:
    since = local(one.since) if one.since else ""
    limit = f"{one.limit.messages} per {one.limit.per:g} s" if one.limit else "none"
    return one.name, one.kind, one.state, since, str(one.waiting), limit, one.error
