"""What the files would change in the inventory that was last in force, for ``plan --diff``."""

from __future__ import annotations

import asyncio

import click
import msgspec

from inventory.difference import lines
from inventory.model import Inventory
from monitor.change import Change, change
from monitor.cli.common import clear_start, print_json
from monitor.configuration import Configuration
from monitor.plan import Plan
from monitor.reload import last_good

_COLOURS = {"+": "green", "-": "red", "~": "yellow", ">": "cyan"}


def print_difference(coming: Configuration, subject: str, as_json: bool) -> None:
    """Print what `coming` changes; with `subject` only of that site or device."""
    with clear_start():
        found = asyncio.run(last_good(coming.path))
    if found is None:
        click.echo("No inventory was in force before: everything is new.", err=True)
    empty = msgspec.structs.replace(coming, inventory=Inventory((), {}, {}), plan=Plan({}))
    before = found[0] if found else empty
    made = change(before, coming)
    rows = [
        row for row in lines(before.inventory, made.inventory, made.touched) if _concerns(row.id, subject)
    ]
    if as_json:
        print_json({"changes": rows, "checks": {"asked": len(made.fresh), "no_longer": len(made.gone)}})
        return
    for row in rows:
        click.secho(f"{row.sign} {row.id}  {row.what}", fg=_COLOURS[row.sign])
        for one in row.changes:
            click.echo(f"    {one.key}: {one.before or 'nothing'} -> {one.after or 'nothing'}")
    click.echo(_summary(made))


def _concerns(id: str, subject: str) -> bool:
    return not subject or id == subject or id.startswith(f"{subject}/")


def _summary(made: Change) -> str:
    touched = made.touched
    if not (touched or made.fresh or made.gone):
        return "Nothing changes."
    return (
        f"{len(touched.added)} devices added, {len(touched.removed)} removed, {len(touched.changed)} changed; "
        f"{len(made.fresh)} checks are new or asked otherwise, {len(made.gone)} are no longer asked."
    )
