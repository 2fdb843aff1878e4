"""``commune-monitor note``: say something about incidents."""

from __future__ import annotations

import click

from monitor.cli.ack import change, report
from monitor.cli.client import Client, api_options
from monitor.cli.common import json_option, spoken


@click.command
@click.argument("ids", nargs=-1, required=True, type=click.IntRange(1))
@click.argument("text")
@json_option
@api_options
def note(client: Client, ids: tuple[int, ...], text: str, as_json: bool) -> None:
    """Add TEXT to the timelines of the incidents IDS."""
    done = change(client, "note", {"ids": ids, "note": text})
    report(done, ids, spoken("đã ghi chú", "noted"), as_json=as_json)
