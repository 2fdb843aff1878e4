"""What the files would change in the inventory that was last in force, for ``plan --diff``."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import click
import msgspec

from inventory.difference import FieldChange, changes_of_device, changes_of_site
from inventory.model import Inventory
from monitor.change import Change, change
from monitor.cli.common import clear_start, print_json
from monitor.configuration import Configuration
from monitor.plan import Plan
from monitor.reload import last_good

_COLOURS = {"+": "green", "-": "red", "~": "yellow", ">": "cyan"}


class Row(msgspec.Struct, frozen=True):
    """One site or device that differs."""

    sign: str
    """``"+"`` added, ``"-"`` removed, ``"~"`` changed, ``">"`` goes on under another id."""
    id: str
    what: str
    """Its name, or its address and role."""
    changes: tuple[FieldChange, ...] = ()


def print_difference(coming: Configuration, subject: str, as_json: bool) -> None:
    """Print what `coming` changes; with `subject` only of that site or device."""
    with clear_start():
        found = asyncio.run(last_good(coming.path))
    if found is None:
        click.echo("No inventory was in force before: everything is new.", err=True)
    empty = msgspec.structs.replace(coming, inventory=Inventory((), {}, {}), plan=Plan({}))
    before = found[0] if found else empty
    made = change(before, coming)
    rows = [row for row in _rows(before.inventory, made) if _concerns(row.id, subject)]
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


def _rows(old: Inventory, made: Change) -> Iterator[Row]:
    """Yield what differs: sites first, each kind in the order of the inventory."""
    new, touched = made.inventory, made.touched
    for id in touched.sites_added:
        yield Row("+", id, new.sites[id].name)
    for id in touched.sites_removed:
        yield Row("-", id, old.sites[id].name)
    for id in touched.sites_changed:
        yield Row("~", id, new.sites[id].name, changes_of_site(old.sites[id], new.sites[id]))
    moved = {was: now for was, now in touched.moved.items() if was in old.devices and now in touched.added}
    for was, now in moved.items():
        yield Row(">", now, f"was {was}", changes_of_device(old.devices[was], new.devices[now]))
    for id in (id for id in touched.added if id not in moved.values()):
        yield Row("+", id, f"{new.devices[id].address} {new.devices[id].role}")
    for id in (id for id in touched.removed if id not in moved):
        yield Row("-", id, f"{old.devices[id].address} {old.devices[id].role}")
    for id in touched.changed:
        if changes := changes_of_device(old.devices[id], new.devices[id]):
            yield Row("~", id, f"{new.devices[id].address} {new.devices[id].role}", changes)


def _summary(made: Change) -> str:
    touched = made.touched
    if not (touched or made.fresh or made.gone):
        return "Nothing changes."
    return (
        f"{len(touched.added)} devices added, {len(touched.removed)} removed, {len(touched.changed)} changed; "
        f"{len(made.fresh)} checks are new or asked otherwise, {len(made.gone)} are no longer asked."
    )
