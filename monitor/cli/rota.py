"""``commune-monitor rota``: whose turn it is, and changing that."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import click

from alerts.calendar import VIETNAM
from alerts.duty.roster import Roster
from alerts.duty.rota import Override, shifts
from monitor.cli.common import clear_start, json_option, load, operator, print_json, print_table
from monitor.cli.who import When, swaps
from monitor.clock import utc_now
from monitor.configuration import Configuration
from monitor.ledger import Ledger
from monitor.ledger.rota import Handover


@click.group
def rota() -> None:
    """Say whose turn it is, swap, and leave a note for the next shift."""


@rota.command
@click.argument("name", required=False)
@click.option(
    "--days", type=click.IntRange(1, 92), default=14, show_default=True, help="How far ahead to look."
)
@json_option
@click.pass_obj
def show(settings: Path, name: str | None, days: int, as_json: bool) -> None:
    """Print the shifts to come, of the rota NAME or of all. Exit code 1 when there is a hole in them."""
    configuration = load(settings)
    names = [_known(configuration, name)] if name else list(configuration.duty.rotas)
    with clear_start():
        overrides = asyncio.run(swaps(configuration))
    now = utc_now()
    found = {
        key: shifts(key, configuration.duty.rotas[key], overrides, now, now + timedelta(days=days))
        for key in names
    }
    if as_json:
        print_json(found)
    else:
        people = configuration.duty.people
        rows = [
            (
                key,
                f"{one.start.astimezone(VIETNAM):%d/%m/%Y %H:%M}",
                f"{one.end.astimezone(VIETNAM):%d/%m/%Y %H:%M}",
                ", ".join(people[who].name if who in people else who for who in one.people) or "NOBODY",
                f"change {one.override}" if one.override else "",
            )
            for key, some in found.items()
            for one in some
        ]
        print_table(("ROTA", "FROM", "UNTIL", "ON DUTY", ""), rows)
    raise SystemExit(any(not one.people for some in found.values() for one in some))


@rota.command
@click.argument("name")
@click.argument("people", nargs=-1, required=True)
@click.option(
    "--from", "start", type=When(), help='A time of Viet Nam, "2026-11-30 07:30"; now unless given.'
)
@click.option("--until", type=When(), required=True, help="When the rota itself holds again.")
@click.option("--note", default="", help="Why, for the record.")
@click.pass_obj
def swap(
    settings: Path, name: str, people: Sequence[str], start: datetime | None, until: datetime, note: str
) -> None:
    """Let PEOPLE be on duty in the rota NAME for a while, whoever's turn it is. Prints the number of the change."""
    configuration = load(settings)
    _known(configuration, name)
    change = Override(0, name, tuple(people), start or utc_now(), until, operator(), note[:500])
    mistake = Roster(configuration.duty).mistake(change, utc_now())
    if mistake:
        raise click.UsageError(mistake.en)
    with clear_start():
        click.echo(asyncio.run(_add(configuration, change)))


@rota.command
@click.argument("number", type=int)
@click.pass_obj
def undo(settings: Path, number: int) -> None:
    """Take the change NUMBER back. Exit code 1 when there is none."""
    configuration = load(settings)
    with clear_start():
        raise SystemExit(not asyncio.run(_remove(configuration, number)))


@rota.command
@click.argument("name")
@click.argument("text", required=False)
@json_option
@click.pass_obj
def handover(settings: Path, name: str, text: str | None, as_json: bool) -> None:
    """Leave TEXT for the next shift of the rota NAME; without it, print the last notes."""
    configuration = load(settings)
    _known(configuration, name)
    with clear_start():
        notes = asyncio.run(_hand_over(configuration, name, text))
    if as_json:
        print_json(notes)
        return
    for one in notes:
        click.echo(f"{one.at.astimezone(VIETNAM):%d/%m/%Y %H:%M}  {one.who}: {one.text}")


def _known(configuration: Configuration, name: str) -> str:
    if name not in configuration.duty.rotas:
        known = (
            ", ".join(configuration.duty.rotas) or "none; `duty:` in the settings names the file with them"
        )
        raise click.UsageError(f"no rota {name!r}: there are {known}")
    return name


async def _add(configuration: Configuration, change: Override) -> int:
    async with Ledger(configuration.data / "ledger.sqlite") as ledger:
        return (await ledger.rota.add(change, utc_now())).id


async def _remove(configuration: Configuration, number: int) -> bool:
    async with Ledger(configuration.data / "ledger.sqlite") as ledger:
        return await ledger.rota.remove(number, operator(), utc_now())


async def _hand_over(configuration: Configuration, name: str, text: str | None) -> list[Handover]:
    async with Ledger(configuration.data / "ledger.sqlite") as ledger:
        if text:
            await ledger.rota.hand_over(name, operator(), text[:2000], utc_now())
        return await ledger.rota.handovers(name)
