"""``commune-monitor secret confirm``: a device is the same one at its new address, and gets its credentials again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click
import msgspec

from monitor.app import utc_now
from monitor.binding import bind
from monitor.cli.common import clear_start, json_option, load, operator, print_json, print_table
from monitor.configuration import Configuration
from monitor.ledger import Ledger
from monitor.ledger.bindings import Places


class Waiting(msgspec.Struct, frozen=True):
    """A credential that is held back."""

    device: str
    probe: str
    bound_to: tuple[str, ...]
    would_go_to: tuple[str, ...]


@click.command
@click.argument("subject", metavar="[DEVICE|SITE]", required=False)
@click.option("--all", "every", is_flag=True, help="Of every device.")
@json_option
@click.pass_obj
def confirm(settings: Path, subject: str | None, every: bool, as_json: bool) -> None:
    """Let the credentials of DEVICE (SITE/NAME) or SITE go to its new address; without a name, list what waits.

    A device that was given another address or port gets no credential until somebody says that it is the same device:
    who could edit the inventory could otherwise have passwords sent to a machine of their own.
    """
    configuration = load(settings)
    with clear_start():
        waiting, known = asyncio.run(_confirm(configuration, subject, every))
    rows = [
        Waiting(device, probe, tuple(sorted(known.get((device, probe), ()))), tuple(sorted(places)))
        for (device, probe), places in waiting.items()
    ]
    if as_json:
        print_json(rows)
    else:
        print_table(
            ("DEVICE", "PROBE", "BOUND TO", "WOULD GO TO"),
            [(row.device, row.probe, ", ".join(row.bound_to), ", ".join(row.would_go_to)) for row in rows],
        )
        click.echo("Confirmed." if (subject or every) and rows else f"{len(rows)} waiting.", err=True)
    if subject and not rows:
        raise SystemExit(1)


async def _confirm(configuration: Configuration, subject: str | None, every: bool) -> tuple[Places, Places]:
    """Return what waited and what was bound before; confirm it when a subject is named."""
    configuration.data.mkdir(parents=True, exist_ok=True)
    async with Ledger(configuration.data / "ledger.sqlite") as ledger:
        known = ledger.bindings.known
        held = bind(configuration.plan, known).held
        meant = {
            holder: places
            for holder, places in held.items()
            if every or subject is None or holder[0] == subject or holder[0].startswith(f"{subject}/")
        }
        if (subject or every) and meant:
            await ledger.bindings.confirm(meant, utc_now(), operator())
        return meant, known
