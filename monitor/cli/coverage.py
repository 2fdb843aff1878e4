"""``commune-monitor coverage``: has every site what a site of its kind must have?"""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from inventory.coverage import Coverage, Lack
from inventory.coverage import as_json as as_json_of
from inventory.coverage import coverage as coverage_of
from inventory.model import Device
from monitor.cli.common import clear_start, json_option, load, print_json, print_table
from monitor.configuration import Configuration
from monitor.ledger import Ledger


@click.command
@json_option
@click.pass_obj
def coverage(settings: Path, as_json: bool) -> None:
    """Say how many sites have all they must have (69/69), or who lacks what. Exit code 1 when something lacks.

    Devices that have never answered since they were entered are named too, once a service has watched them.
    """
    configuration = load(settings)
    covered = coverage_of(configuration.inventory)
    with clear_start():
        silent = asyncio.run(_never_answered(configuration))
    if as_json:
        print_json(as_json_of(covered) | {"never_answered": [device.id for device in silent or ()]})
    else:
        _print(covered)
        _print_silent(configuration, silent)
    raise SystemExit(1 if covered.lacking else 0)


async def _never_answered(configuration: Configuration) -> list[Device] | None:
    """Return the devices that never answered; `None` when no service ever watched them."""
    path = configuration.data / "ledger.sqlite"
    if not path.exists():
        return None
    async with Ledger(path) as ledger:
        first = ledger.answered.first
    return [device for device in configuration.inventory.devices.values() if device.id not in first]


def _print_silent(configuration: Configuration, silent: list[Device] | None) -> None:
    if silent is None:
        click.echo("No service has watched them yet, so nothing is known of who answers.", err=True)
        return
    if silent:
        click.echo()
        owners = [configuration.inventory.owner_of(device.id) for device in silent]
        print_table(
            ("NEVER ANSWERED", "ADDRESS", "ROLE", "OWNER", "PHONE"),
            [
                (
                    device.id,
                    device.address,
                    device.role,
                    owner.name if owner else "",
                    owner.phone if owner else "",
                )
                for device, owner in zip(silent, owners, strict=True)
            ],
        )


def _print(covered: Coverage) -> None:
    rows = []
    for kind, needs in covered.needs.items():
        rows.append((kind, "all of these", _of(covered.complete(kind))))
        rows += [("", need.title.en, _of(covered.complete(kind, need.name))) for need in needs]
    print_table(("KIND", "MUST HAVE", "SITES"), rows)
    if covered.lacking:
        click.echo()
        print_table(
            ("SITE", "NAME", "LACKS"),
            [
                (one.site.id, one.site.name, ", ".join(_lack(lack) for lack in one.lacks))
                for one in covered.lacking
            ],
        )


def _lack(lack: Lack) -> str:
    counted = f", has {lack.has} of {lack.need.count}" if lack.need.count > 1 else ""
    return f"{lack.need.title.en} ({' or '.join(lack.need.roles)}{counted})"


def _of(numbers: tuple[int, int]) -> str:
    return f"{numbers[0]}/{numbers[1]}"
