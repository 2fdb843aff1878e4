"""``commune-monitor ack``: take incidents on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click

from monitor.cli.client import Client, Failed, NoSuch, api_options
from monitor.cli.common import json_option, print_json, spoken
from monitor.cli.who import When


@click.command
@click.argument("ids", nargs=-1, required=True, type=click.IntRange(1))
@click.option("--note", default="", help="What you do about it, for the timeline.")
@click.option(
    "--until", type=When(), help='A time of Viet Nam, "2026-11-30 07:30"; until it is resolved unless given.'
)
@json_option
@api_options
def ack(client: Client, ids: tuple[int, ...], note: str, until: datetime | None, as_json: bool) -> None:
    """Take the incidents IDS on: nobody else is told while you have them. Exit code 1 when one was not possible."""
    body: dict[str, Any] = {"ids": ids, "note": note, "until": until.isoformat() if until else None}
    report(
        change(client, "acknowledge", body),
        ids,
        spoken("đã tiếp nhận", "taken on"),
        as_json=as_json,
    )


_NOT_POSSIBLE = (
    "không được: không có sự cố này, sự cố đã khắc phục, hoặc đã ở trạng thái đó",
    "not possible: there is none, it is resolved, or it is in that state already",
)
_LIST = (
    "Liệt kê sự cố đang mở: commune-monitor incidents",
    "List the open ones: commune-monitor incidents",
)


def change(client: Client, act: str, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the incidents for which an act was possible. Leaves as `Client.post` does, saying what to do next."""
    try:
        found: list[dict[str, Any]] = client.ask("POST", f"/incidents/{act}", body)["incidents"]
    except NoSuch as error:
        raise Failed(f"{error.message}. {spoken(*_LIST)}") from None
    return found


def report(done: list[dict[str, Any]], ids: tuple[int, ...], what: str, *, as_json: bool) -> None:
    """Say which of `ids` it was possible for, and leave with exit code 1 when not for all."""
    found = {one["id"] for one in done}
    if as_json:
        print_json({"incidents": done})
    else:
        for number in ids:
            state = what if number in found else spoken(*_NOT_POSSIBLE)
            click.echo(f"#{number}: {state}")
    if not found >= set(ids):
        click.echo(spoken(*_LIST), err=True)
    raise SystemExit(not found >= set(ids))
