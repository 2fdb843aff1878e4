"""``commune-monitor status``: what is broken, where, since when, and who has it?"""

from __future__ import annotations

import time
from typing import Any

import click

from monitor.cli.client import Client, Failed, api_options
from monitor.cli.common import json_option, print_json, print_table, spoken
from monitor.cli.incidents import rows, titles, urgency

EVERY = 5.0
"""Seconds between two looks of ``--watch``."""
SHOWN = 40


@click.command
@click.option("--watch", is_flag=True, help="Look again each five seconds, until Ctrl-C.")
@json_option
@api_options
def status(client: Client, watch: bool, as_json: bool) -> None:
    """Say in one screen what is broken, worst first. Exit code 0 when nothing is, 1 when something is, 2 on failure."""
    while watch:
        click.clear()
        try:
            _print(_read(client))
        except Failed as error:
            click.secho(error.message, fg="red", err=True)
        time.sleep(EVERY)
    found = _read(client)
    if as_json:
        print_json(found)
    else:
        _print(found)
    raise SystemExit(bool(found["incidents"]))


def _read(client: Client) -> dict[str, Any]:
    sites = client.get("/sites")["sites"]
    listed = [
        one
        for wanted in ("open", "acknowledged")
        for one in client.get("/incidents", {"status": wanted, "kind": "incident", "limit": "1000"})[
            "incidents"
        ]
    ]
    return {"sites": sites, "incidents": sorted(listed, key=urgency)}


def _print(found: dict[str, Any]) -> None:
    sites, incidents = found["sites"], found["incidents"]
    devices, up = (sum(site[name] for site in sites) for name in ("devices", "devices_up"))
    well = sum(site["state"] == "up" for site in sites)
    taken = sum(one["status"] == "acknowledged" for one in incidents)
    click.secho(
        spoken(
            f"{well}/{len(sites)} đơn vị bình thường, {up}/{devices} thiết bị; {len(incidents)} sự cố,"
            f" {taken} đã tiếp nhận",
            f"{well} of {len(sites)} sites up, {up} of {devices} devices; {len(incidents)} incidents,"
            f" {taken} taken on",
        ),
        fg="red" if incidents else "green",
        bold=True,
    )
    if incidents:
        names = {site["id"]: site["name"] for site in sites}
        print_table(titles(), rows(incidents[:SHOWN], names))
    if len(incidents) > SHOWN:
        more = len(incidents) - SHOWN
        said = spoken(f"còn {more} sự cố nữa", f"and {more} more")
        click.echo(f"{said}: commune-monitor incidents", err=True)
