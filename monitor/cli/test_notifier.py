"""``commune-monitor test-notifier NAME``: does this channel reach people?"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click
import msgspec

from alerts.telling.message import trial
from alerts.telling.notification import Message
from alerts.telling.notifier import Notifier, Refused, TryLater, open_channels
from inventory.secrets import SecretMissing
from monitor.cli.common import load
from monitor.clock import utc_now


@click.command("test-notifier")
@click.argument("name")
@click.option(
    "--to", default="", metavar="ADDRESS", help="One person's address on the channel, as in the duty file."
)
@click.pass_obj
def test_notifier(settings: Path, name: str, to: str) -> None:
    """Send a message that says it is only a test through the channel NAME. Exit code 1 when it is not taken."""
    configuration = load(settings)
    chosen = configuration.settings.notifiers.get(name)
    if chosen is None:
        known = ", ".join(configuration.settings.notifiers) or "none"
        raise click.UsageError(f"no notifier {name!r} in {settings}; there are: {known}")
    try:
        policy, state = configuration.settings.network, configuration.channel_state
        channel = open_channels({name: chosen}, configuration.secrets, policy, state)[name]
        message = trial(name, chosen.language, utc_now(), configuration.settings.web.address)
        asyncio.run(_send(channel, msgspec.structs.replace(message, to=to), chosen.timeout))
    except (SecretMissing, Refused, TryLater) as error:
        raise click.ClickException(f"{name} did not take the message: {error}") from error
    except TimeoutError:
        raise click.ClickException(f"{name} did not answer within {chosen.timeout:g} s") from None
    click.echo(f"{name} took the message: look whether it arrived.")


async def _send(channel: Notifier[Any], message: Message, timeout: float) -> None:
    async with channel, asyncio.timeout(timeout):
        await channel.send(message)
