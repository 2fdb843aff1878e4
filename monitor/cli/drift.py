"""``commune-monitor drift``: which devices are not what the inventory says?"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path

import click
import msgspec

from alerts.telling.message import local
from inventory.gather import gather
from inventory.yamltree import Node, child
from monitor.cli.common import clear_start, json_option, load, print_json, print_table
from monitor.configuration import Configuration
from monitor.drift import Drift, What
from monitor.drift import drift as drift_of
from monitor.ledger import Ledger
from monitor.ledger.identities import Traits


@click.command
@json_option
@click.pass_obj
def drift(settings: Path, as_json: bool) -> None:
    """List devices whose model, firmware, serial number or address differs from the inventory, with its file and line.

    What a service observed is compared, also while it does not run; nothing is asked or changed. Exit code 1 when
    something differs.
    """
    configuration = load(settings)
    with clear_start():
        seen = asyncio.run(_seen(configuration))
    if seen is None:
        message = (
            f"No service has watched these devices yet: {configuration.data / 'ledger.sqlite'} does not exist"
        )
        raise click.UsageError(message)
    found = list(drift_of(configuration.inventory, seen))
    places = _places(configuration, found)
    if as_json:
        drifts = [msgspec.to_builtins(one) | {"place": places[one]} for one in found]
        print_json({"drift": drifts, "identified": len(seen)})
    else:
        _print(found, places, len(seen))
    raise SystemExit(bool(found))


async def _seen(configuration: Configuration) -> Traits | None:
    """Return what was observed; `None` when no service ever watched."""
    path = configuration.data / "ledger.sqlite"
    if not await asyncio.to_thread(path.exists):
        return None
    async with Ledger(path) as ledger:
        return ledger.identities.traits


def _places(configuration: Configuration, found: Iterable[Drift]) -> Mapping[Drift, str]:
    """Return ``file:line:column`` where the inventory expects what differs, "" where it does not."""
    sites = gather(configuration.tree, []).of("sites")
    return {one: _place(child(sites, one.device.partition("/")[0]), one) for one in found}


def _place(site: Node | None, one: Drift) -> str:
    devices = child(site, "devices") if site else None
    node = child(devices, one.device.partition("/")[2]) if devices else None
    if node is not None and one.what is not What.ADDRESS:
        node = child(node, "expect")
    node = child(node, one.what) if node is not None else None
    return f"{node.file}:{node.line}:{node.column}" if node is not None and one.by_inventory else ""


def _print(found: Iterable[Drift], places: Mapping[Drift, str], identified: int) -> None:
    rows = [
        (one.device, one.what, one.expected, one.observed, local(one.since), _why(one, places[one]))
        for one in found
    ]
    if rows:
        print_table(("DEVICE", "WHAT", "EXPECTED", "OBSERVED", "SINCE", "WHERE"), rows)
    click.echo(f"{len(rows)} differences; {identified} devices have said what they are", err=True)


def _why(one: Drift, place: str) -> str:
    if one.other:
        return f"{one.other} answers with its serial number; {place}"
    return place or "seen at first; `expect: {serial: …}` says that the new one is right"
