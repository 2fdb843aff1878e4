"""``commune-monitor secret confirm``: a device is the same one at its new address, and gets its credentials again."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from pathlib import Path

import click
import msgspec

from monitor.binding import bind
from monitor.cli.common import clear_start, json_option, load, operator, print_json, print_table
from monitor.clock import utc_now
from monitor.configuration import Configuration
from monitor.ledger import Ledger


class Waiting(msgspec.Struct, frozen=True):
    """A credential that is held back."""

    device: str
    probe: str
    bound_to: tuple[str, ...]
    would_go_to: tuple[str, ...]


@click.command
@click.argument("subject", metavar="[DEVICE|SITE]", required=False)
@click.option("--all", "every", is_flag=True, help="Of every device.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask: you have compared the places. For scripts.")
@json_option
@click.pass_obj
def confirm(settings: Path, subject: str | None, every: bool, yes: bool, as_json: bool) -> None:
    """Let the credentials of DEVICE (SITE/NAME) or SITE go to its new address; without a name, list what waits.

    A device that was given another address or port gets no credential until somebody says that it is the same device:
    who could edit the inventory could otherwise have passwords sent to a machine of their own.
    """
    configuration = load(settings)
    with clear_start():
        rows = asyncio.run(_waiting(configuration, subject, every))
    if as_json:
        print_json(rows)
    else:
        print_table(
            ("DEVICE", "PROBE", "BOUND TO", "WOULD GO TO"),
            [(row.device, row.probe, ", ".join(row.bound_to), ", ".join(row.would_go_to)) for row in rows],
        )
    if not (subject or every) or not rows:
        click.echo(f"{len(rows)} waiting.", err=True)
        raise SystemExit(bool(subject and not rows))
    if not yes and not sys.stdin.isatty():
        raise click.UsageError("nobody is there to ask; compare the places above, then say --yes")
    if not yes:
        click.confirm("The same devices? Their credentials will be sent there", abort=True, err=True)
    with clear_start():
        asyncio.run(_confirm(configuration, rows))
    click.echo("Confirmed.", err=True)


async def _waiting(configuration: Configuration, subject: str | None, every: bool) -> list[Waiting]:
    """Return what waits: of one device or site, of all when no name is given."""
    async with _ledger(configuration) as ledger:
        known = ledger.bindings.known
        held = bind(configuration.plan, known).held
        return [
            Waiting(device, probe, tuple(sorted(known.get((device, probe), ()))), tuple(sorted(places)))
            for (device, probe), places in held.items()
            if every or subject is None or device == subject or device.startswith(f"{subject}/")
        ]


async def _confirm(configuration: Configuration, rows: Iterable[Waiting]) -> None:
    """Bind the credentials to exactly the places that were shown."""
    async with _ledger(configuration) as ledger:
        shown = {(row.device, row.probe): frozenset(row.would_go_to) for row in rows}
        await ledger.bindings.confirm(shown, utc_now(), operator())


def _ledger(configuration: Configuration) -> Ledger:
    configuration.data.mkdir(parents=True, exist_ok=True)
    return Ledger(configuration.data / "ledger.sqlite")
