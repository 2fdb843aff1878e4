"""``commune-monitor release``: give incidents back."""

from __future__ import annotations

import click

from monitor.cli.ack import change, report
from monitor.cli.client import Client, api_options
from monitor.cli.common import json_option, spoken


@click.command
@click.argument("ids", nargs=-1, required=True, type=click.IntRange(1))
@click.option("--note", default="", help="Why, for the timeline.")
@json_option
@api_options
def release(client: Client, ids: tuple[int, ...], note: str, as_json: bool) -> None:
    """Give the incidents IDS back: they are open again, and escalation goes on where it stood."""
    done = change(client, "release", {"ids": ids, "note": note})
    report(done, ids, spoken("đã trả lại", "given back"), as_json=as_json)
