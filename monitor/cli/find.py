"""``commune-monitor find TEXT``: which site or device is meant, by whatever is known of it."""

from __future__ import annotations

from pathlib import Path

import click

from inventory.communes import Communes
from inventory.search import Found, Hit, Index
from monitor.cli.common import json_option, load, print_json, print_table


@click.command
@click.argument("text", nargs=-1, required=True)
@click.option(
    "--limit", "-n", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Most to print."
)
@json_option
@click.pass_obj
def find(settings: Path, text: tuple[str, ...], limit: int, as_json: bool) -> None:
    """Find sites and devices: by name (tone marks or not), code, old name or code, address, role, person, phone.

    Every word must be found. Exit code 1 when nothing is.
    """
    inventory = load(settings).inventory
    found = Index(inventory, Communes.load()).find(" ".join(text), limit)
    if as_json:
        print_json({"total": found.total, "hits": [_plain(hit) for hit in found.hits]})
    elif found.hits:
        _print(found)
    raise SystemExit(0 if found.hits else 1)


def _print(found: Found) -> None:
    heads = ("ID", "NAME", "WHERE", "ADDRESS", "ANSWERS FOR IT", "PHONE", "FOUND BY")
    print_table(heads, [_row(hit) for hit in found.hits])
    if found.total > len(found.hits):
        click.echo(f"{found.total - len(found.hits)} more: add a word, or --limit", err=True)


def _row(hit: Hit) -> tuple[str, ...]:
    site, device = hit.site, hit.device
    owner = (device.owner if device else None) or site.owner
    where = site.name if device else site.commune.province if site.commune else ""
    return (
        device.id if device else site.id,
        device.title if device else site.name,
        where,
        device.address if device else "",
        owner.name if owner else "",
        owner.phone if owner else "",
        hit.by,
    )


def _plain(hit: Hit) -> dict[str, object]:
    keys = ("id", "name", "where", "address", "owner", "phone", "by")
    return {"kind": "device" if hit.device else "site", **dict(zip(keys, _row(hit), strict=True))}
